//! Utterances and their text: the VAD finds where somebody speaks, an engine transcribes it.

#[cfg(feature = "ctranslate2")]
mod align;
#[cfg(feature = "ctranslate2")]
pub mod ctranslate;
pub mod engine;
mod gaps;
pub mod glossary;
pub mod guard;
pub mod language;
mod load;
mod mel;
pub mod models;
pub mod queue;
pub mod recogniser;
mod recognition;
mod rules;
#[cfg(feature = "ctranslate2")]
mod silence;
#[cfg(all(feature = "ctranslate2", target_arch = "x86_64"))]
mod small_batch_gemm;
mod spelling;
pub mod utterance;
pub mod vad;
pub mod vocabulary;
pub mod whisper;

pub use self::load::load;
