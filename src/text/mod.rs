//! What a text says beyond its words: sentiment, keywords, profanity.
//!
//! Pure functions over strings: nothing here opens a file, reads a clock or keeps a call. A score always comes with the words that made it.
//! [`TextAnalyser`] is what the other rooms use; [`rolling::CallRolling`] adds up what it says over a call.

mod accents;
mod analyser;
mod entry;
mod groups;
pub mod keywords;
pub mod labels;
pub mod lexicon;
pub mod mood;
pub mod pack;
mod reading;
pub mod redaction;
pub mod review;
pub mod rolling;
pub mod rule;
pub mod sentiment;
mod terms;
mod tongue;
pub mod vader;
mod vocabulary;

pub use analyser::{Analysis, TextAnalyser};
pub use lexicon::LexiconKind;
pub use pack::{Pack, PackError};
pub use rule::Rule;
pub use vader::{Label, Scores};
