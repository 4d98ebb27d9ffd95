//! Requests to a recogniser, and their results.

use std::sync::Arc;
use std::time::Duration;

use super::engine::{Piece, TextToken};
use super::glossary::Glossaries;
use super::guard::Reason;
use super::rules::Rules;
use super::vocabulary::{CallNamesUse, Vocabulary};

/// The result of a stretch of speech.
#[derive(Clone, Debug)]
pub struct Recognition {
    /// Believed text, in order; times in milliseconds from the first sample.
    pub pieces: Vec<Piece>,
    /// Language, where known.
    pub language: Option<String>,
    /// Dropped text, with the reason.
    pub dropped: Option<(Reason, String)>,
    /// Wall time of the whole recognition, second decodings included.
    pub took: Duration,
}

impl Recognition {
    /// All of it in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// The partial text of speech that goes on.
#[derive(Clone, Debug, Default)]
pub struct Glance {
    /// Its words.
    pub words: Vec<String>,
    /// Tokens of those words that more sound will hardly change; `None` where the engine gives no times of tokens.
    pub certain: Option<Vec<TextToken>>,
    /// Wall time of the decoding.
    pub took: Duration,
}

/// Hints for all requests of a recogniser.
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
    /// Rules of decoding and of the guard.
    pub rules: Rules,
    /// Use of a call's names.
    pub call_names: CallNamesUse,
    /// Other languages of single campaigns, by their names in any case; `None` detects it.
    pub languages: Vec<(String, Option<String>)>,
    /// Words of the trade.
    pub glossaries: Arc<Glossaries>,
    /// How they are used.
    pub glossary: CallNamesUse,
}

impl Hints {
    /// The language of a campaign's calls; `None` detects it.
    pub fn language_of(&self, campaign: Option<&str>) -> Option<&str> {
        let own = campaign.and_then(|campaign| {
            let small = campaign.to_lowercase();
            self.languages.iter().find(|(name, _)| name.to_lowercase() == small).map(|(_, language)| language)
        });
        own.unwrap_or(&self.language).as_deref()
    }
}

/// Speech to be written down.
#[derive(Clone, Copy, Debug)]
pub struct SpeechSound<'a> {
    /// 16 kHz mono, -1..1.
    pub samples: &'a [f32],
    /// Names that are likely to be said on its call.
    pub vocabulary: Option<&'a Vocabulary>,
    /// The campaign of its call.
    pub campaign: Option<&'a str>,
}

impl<'a> From<&'a [f32]> for SpeechSound<'a> {
    fn from(samples: &'a [f32]) -> Self {
        Self { samples, vocabulary: None, campaign: None }
    }
}

/// Pace of a transcription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Somebody waits for the text: one beam at first.
    Live,
    /// Others wait too, so a second decoding is left out where it could only improve the text: one beam, and no gap is decoded again. What may be no speech
    /// at all has its second decoding.
    Hurried,
    /// Nobody waits: as many beams as the engine gains from.
    Afterwards,
}
