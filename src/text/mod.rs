//! What was said, read for sentiment and for words that matter. Pure functions.

pub mod keywords;
pub mod lexicon;
pub mod pack;
pub mod rolling;
mod vader;

use serde::{Deserialize, Serialize};

use crate::call::Leg;
use keywords::{Matcher, TermHit};
use lexicon::{Lexicon, LexiconKind};
use pack::{Pack, PackError};
pub use vader::Scores;

/// VADER's three labels, at its authors' thresholds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Compound at or above 0.05.
    Positive,
    /// In between.
    Neutral,
    /// Compound at or below -0.05.
    Negative,
}

impl Label {
    /// The label of a compound score.
    pub fn of(compound: f64) -> Self {
        if compound >= 0.05 {
            Self::Positive
        } else if compound <= -0.05 {
            Self::Negative
        } else {
            Self::Neutral
        }
    }

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
        }
    }
}

/// A word or phrase that moved the score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Weight {
    /// As it was said; a phrase by its first word.
    pub text: String,
    /// What it added, -4 to 4 and what its neighbours made of it.
    pub valence: f64,
}

/// All that is read from a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Analysis {
    /// The four figures.
    pub scores: Scores,
    /// What they amount to.
    pub label: Label,
    /// The words that made them.
    pub weights: Vec<Weight>,
    /// Words that matter.
    pub keywords: Vec<TermHit>,
    /// Words that should not be said.
    pub profanity: Vec<TermHit>,
}

/// Reads texts with one lexicon and a set of packs. Built once, shared by all.
#[derive(Debug)]
pub struct TextAnalyser {
    lexicon: Lexicon,
    keywords: Vec<Matcher>,
    profanity: Vec<Matcher>,
}

impl TextAnalyser {
    /// Joins packs; with [`LexiconKind::Vader`] their valences are left out, their terms are not.
    pub fn new(kind: LexiconKind, packs: &[Pack]) -> Result<Self, PackError> {
        let entries = packs.iter().filter(|_| kind == LexiconKind::CallCentre).flat_map(|pack| pack.lexicon.clone());
        Ok(Self {
            lexicon: Lexicon::with(entries),
            keywords: packs.iter().map(|pack| Matcher::new(pack, &pack.keyword)).collect::<Result<_, _>>()?,
            profanity: packs.iter().map(|pack| Matcher::new(pack, &pack.profanity)).collect::<Result<_, _>>()?,
        })
    }

    /// The four figures alone.
    pub fn scores(&self, text: &str) -> Scores {
        vader::score(&self.lexicon, text, |_, _| {})
    }

    /// Everything, for a text that was said on `leg`.
    pub fn analyse(&self, text: &str, leg: Leg) -> Analysis {
        let mut weights = Vec::new();
        let scores =
            vader::score(&self.lexicon, text, |word, valence| weights.push(Weight { text: word.into(), valence }));
        let find = |matchers: &[Matcher]| {
            let mut hits: Vec<TermHit> = matchers.iter().flat_map(|matcher| matcher.find(text, leg)).collect();
            hits.sort_by_key(|hit| hit.start);
            hits
        };
        Analysis {
            scores,
            label: Label::of(scores.compound),
            weights,
            keywords: find(&self.keywords),
            profanity: find(&self.profanity),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn analyser(kind: LexiconKind) -> TextAnalyser {
        TextAnalyser::new(kind, &Pack::built_in().expect("packs")).expect("analyser")
    }

    #[test]
    fn the_figures_are_those_of_the_reference() {
        // From vaderSentiment 3.3.2; all of ICWSM-2014 is compared by tests/vader_compare.py.
        let cases = [
            ("VADER is smart, handsome, and funny.", 0.8316, 0.746, 0.254, 0.0),
            ("VADER is VERY SMART, handsome, and FUNNY!!!", 0.9342, 0.767, 0.233, 0.0),
            (
                "The plot was good, but the characters are uncompelling and the dialog is not great.",
                -0.7042,
                0.094,
                0.579,
                0.327,
            ),
            ("At least it isn't a horrible book.", 0.431, 0.322, 0.678, 0.0),
            ("Catch utf-8 emoji such as 💘 and 💋 and 😁", 0.875, 0.417, 0.583, 0.0),
            ("", 0.0, 0.0, 0.0, 0.0),
        ];
        let vader = analyser(LexiconKind::Vader);
        for (text, compound, pos, neu, neg) in cases {
            assert_eq!(vader.scores(text), Scores { compound, pos, neu, neg }, "{text}");
        }
    }

    #[test]
    fn a_phrase_counts_as_one_thing_in_the_call_centre_lexicon() {
        let (vader, ours) = (analyser(LexiconKind::Vader), analyser(LexiconKind::CallCentre));
        let text = "This was a waste of time.";
        assert!(ours.scores(text).compound < vader.scores(text).compound);
        assert!(ours.scores("I want to speak to your supervisor right now").compound < -0.05);
        assert_eq!(vader.scores("I want to speak to your supervisor right now").compound, 0.0772);
        assert!(ours.scores("no problem at all").compound > 0.0);
    }

    #[test]
    fn a_score_names_the_words_that_made_it() {
        let analysis = analyser(LexiconKind::Vader).analyse("The damn router is broken again, thanks", Leg::Caller);
        let words: Vec<&str> = analysis.weights.iter().map(|weight| weight.text.as_str()).collect();
        assert_eq!(words, ["damn", "broken", "thanks"]);
        assert_eq!(analysis.profanity.iter().map(|hit| hit.term.as_str()).collect::<Vec<_>>(), ["damn"]);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_hits_lie_inside_it(text in "\\PC{0,80}( (damn|cancel|no|never so|but|BAD|least|kind of|💘)){0,6}") {
            let analysis = analyser(LexiconKind::CallCentre).analyse(&text, Leg::Mixed);
            prop_assert!(analysis.scores.compound.abs() <= 1.0);
            for hit in analysis.keywords.iter().chain(&analysis.profanity) {
                prop_assert!(text.get(hit.start..hit.end).is_some());
            }
        }
    }
}
