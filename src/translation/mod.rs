//! Other languages into one, a line at a time: what comes back is as many lines as were given.
//!
//! One model serves one pair of languages, as the OPUS-MT projects train them. It is loaded when the first line of its language comes. Nothing here knows
//! calls or the database.

mod error;
#[cfg(feature = "ctranslate2")]
mod marian;
mod models;
#[cfg(any(feature = "ctranslate2", test))]
mod pieces;

pub use self::error::TranslateError;
pub use self::models::{Models, Translate};
