//! The mood of a text with its reasons, and the interface of what finds it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::vader::Scores;

/// A word or phrase that made the score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The word or phrase as the lexicon has it, in lower case.
    pub text: String,
    /// What it added to the sum after all rules: negation turns the sign, "very" makes it larger. On the scale of its engine: VADER rates words from
    /// -4 to 4, pattern from -1 to 1.
    pub valence: f64,
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// A score with its reasons.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explained {
    /// The figures.
    pub scores: Scores,
    /// Every word and phrase with a valence other than 0, in order.
    pub hits: Vec<Hit>,
    /// How much of the text is opinion, 0 to 1; only engines of the kind of pattern tell.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subjectivity: Option<f64>,
}

/// Finds the mood of texts in one language.
pub trait SentimentEngine: fmt::Debug + Send + Sync {
    /// The name used in the settings.
    fn name(&self) -> &'static str;

    /// The mood of a text with the words that made it. Takes any text. Offsets of hits are bytes of `text` and lie on character boundaries.
    fn explain(&self, text: &str) -> Explained;
}
