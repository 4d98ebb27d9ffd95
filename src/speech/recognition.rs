//! What is asked of a recogniser, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use super::engine::{Piece, TextToken};
use super::glossary::Glossaries;
use super::guard::Reason;
use super::rules::Rules;
use super::vocabulary::{CallNamesUse, Vocabulary};

/// What became of a stretch of speech.
#[derive(Clone, Debug)]
pub struct Recognition {
    /// Believed text, in order; times in milliseconds from the first sample.
    pub pieces: Vec<Piece>,
    /// Language, where known.
    pub language: Option<String>,
    /// What was not believed, and why.
    pub dropped: Option<(Reason, String)>,
    /// Wall time.
    pub took: Duration,
}

impl Recognition {
    /// All of it in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// What is known by now of speech that is not over.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// Its words.
    pub words: Vec<String>,
    /// Tokens of those words that more sound will hardly change; `None` where the engine does not tell when each was said.
    pub certain: Option<Vec<TextToken>>,
    /// Wall time.
    pub took: Duration,
}

/// What all requests of a recogniser have in common.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    /// Language code; `None` detects it.
    pub language: Option<String>,
    /// Words to expect.
    pub prompt: Option<String>,
    /// Bring speech to an even level first.
    pub normalise: bool,
    /// Suppress noise first.
    pub denoise: bool,
    /// Beams of the first look; `None` leaves them to the [`Pace`].
    pub beams: Option<u32>,
    /// How it is read.
    pub rules: Rules,
    /// How the names of a call are used.
    pub call_names: CallNamesUse,
    /// Words of the trade.
    pub glossaries: Arc<Glossaries>,
    /// How they are used.
    pub glossary: CallNamesUse,
}

/// Speech to be written down.
#[derive(Clone, Copy, Debug)]
pub struct SpeechSound<'a> {
    /// 16 kHz mono, -1..1.
    pub samples: &'a [f32],
    /// Names that are likely to be said on its call.
    pub vocabulary: Option<&'a Vocabulary>,
}

impl<'a> From<&'a [f32]> for SpeechSound<'a> {
    fn from(samples: &'a [f32]) -> Self {
        Self { samples, vocabulary: None }
    }
}

/// Who waits for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Somebody reads along: one beam at first.
    Live,
    /// Nobody: as many beams as the engine gains by.
    Afterwards,
}
