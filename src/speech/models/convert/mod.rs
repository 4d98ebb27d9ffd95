//! Makes models of both engines out of a Whisper's weights as others publish them: OpenAI's `FILE.pt`, a Hugging Face folder.
//!
//! Nothing of what is read is believed: tables are bounded, names and shapes are compared with what a Whisper has, and nothing is run. No Python is
//! needed. Memory is that of the largest tensor, some three times.

mod checkpoint;
mod ct2;
mod ggml;
mod hugging_face;
mod make;
mod official;
mod pickle;
mod quantise;
mod stand_in;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod toy;
mod weights;
mod words;

pub use self::make::{Format, Sum, check_checkpoint, check_table};
pub(super) use self::make::{Source, Written, convert, discard};
pub(super) use self::official::sum_of;
pub use self::stand_in::{SECONDS as STAND_IN_SECONDS, Size, stand_in};

/// A whole checkpoint of the smallest Whisper, for tests of who fetches one.
#[cfg(test)]
pub(super) fn toy_checkpoint() -> Vec<u8> {
    toy::checkpoint(&toy::DIMS, &toy::tensors(&toy::DIMS))
}
