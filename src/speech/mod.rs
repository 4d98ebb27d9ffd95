//! Utterances, and their words: the VAD finds who speaks when, an engine writes down what.

mod align;
pub mod ctranslate;
pub mod engine;
#[cfg(target_arch = "x86_64")]
mod few_rows;
pub mod guard;
pub mod language;
mod load;
mod mel;
mod mend;
pub mod models;
pub mod queue;
pub mod recogniser;
mod rules;
mod silence;
pub mod utterance;
pub mod vad;
pub mod whisper;

pub use self::load::load;
