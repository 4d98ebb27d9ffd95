//! All that is read from one segment's text, behind one call.
//!
//! Built once from the configured lexicon and packs, shared by all calls, replaced whole on reload. Holds no state of a call.

use serde::{Deserialize, Serialize};

use super::keywords::{Matcher, TermHit};
use super::lexicon::{Hit, Lexicon, LexiconKind};
use super::pack::Pack;
use super::redaction::Redactor;
use super::review::Reviewer;
use super::rule::Rule;
use super::vader::{Label, Scores};
use crate::call::Leg;

/// What a text says beyond its words.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// VADER's four figures.
    #[serde(flatten)]
    pub scores: Scores,
    /// The mood in one word.
    pub label: Label,
    /// How far the text is from neutral, 0 to 1: the compound without its sign. Not a probability.
    pub confidence: f64,
    /// Keywords, by place.
    pub keywords: Vec<TermHit>,
    /// Profanity, by place.
    pub profanity: Vec<TermHit>,
    /// The words and phrases that made the score, by place.
    pub hits: Vec<Hit>,
}

/// Reads texts with one lexicon and some packs.
#[derive(Debug)]
pub struct TextAnalyser {
    lexicon: Lexicon,
    matcher: Matcher,
    rules: Vec<Rule>,
    redactor: Redactor,
    reviewer: Reviewer,
}

impl TextAnalyser {
    /// Takes the packs' keywords and profanity, and for [`LexiconKind::CallCentre`] their phrases too. Where packs disagree on a phrase the later counts.
    pub fn new(kind: LexiconKind, packs: &[Pack]) -> Self {
        let rules = packs.iter().flat_map(|pack| &pack.rules).cloned().collect();
        let redactor = Redactor::new(packs);
        let (lexicon, matcher, reviewer) = (Lexicon::new(kind, packs), Matcher::new(packs), Reviewer::new(packs));
        Self { lexicon, matcher, rules, redactor, reviewer }
    }

    /// What is taken out of texts before anybody sees them.
    pub fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// What looks at a call as a whole.
    pub fn reviewer(&self) -> &Reviewer {
        &self.reviewer
    }

    /// The lexicon in use.
    pub fn lexicon(&self) -> &Lexicon {
        &self.lexicon
    }

    /// The packs' rules of alerts, in the order of the packs.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// Reads one segment's text. Offsets are bytes of `text` and lie on character boundaries.
    pub fn analyse(&self, text: &str, leg: Leg) -> Analysis {
        let explained = self.lexicon.explain(text);
        let found = self.matcher.find(text, leg);
        Analysis {
            scores: explained.scores,
            label: explained.scores.label(),
            confidence: explained.scores.compound.abs(),
            keywords: found.keywords,
            profanity: found.profanity,
            hits: explained.hits,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;

    static ANALYSERS: LazyLock<[TextAnalyser; 2]> = LazyLock::new(|| {
        let packs = Pack::bundled().expect("bundled packs");
        [LexiconKind::Vader, LexiconKind::CallCentre].map(|kind| TextAnalyser::new(kind, &packs))
    });

    fn check(text: &str) {
        for analyser in &*ANALYSERS {
            let analysis = analyser.analyse(text, Leg::Mixed);
            let Scores { compound, pos, neu, neg } = analysis.scores;
            assert!((-1.0..=1.0).contains(&compound), "{compound} of {text:?}");
            assert!(
                [pos, neu, neg].iter().all(|share| (0.0..=1.0).contains(share)),
                "{:?} of {text:?}",
                analysis.scores
            );
            let terms = analysis.keywords.iter().chain(&analysis.profanity).map(|hit| (hit.start, hit.end));
            for (start, end) in terms.chain(analysis.hits.iter().map(|hit| (hit.start, hit.end))) {
                assert!(start < end && text.get(start..end).is_some(), "{start}..{end} in {text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_and_every_hit_lies_on_characters(text in any::<String>()) {
            check(&text);
        }

        #[test]
        fn a_text_of_known_words_and_odd_characters_is_read(
            parts in prop::collection::vec(prop::sample::select(vec![
                "good", "BAD", "not", "no", "but", "never", "so", "kind", "of", "least", "thank", "you", "cancel", "my", "account", "waste",
                "time", "😊", "©", "💘", "İ", "ǅ", "’", "'s", "don’t", " ", "  ", "\u{1c}", "\u{a0}", "\u{85}", "!", "?", ":)", "-", "/", ".",
                "é", "रद्द", "\u{200d}", "*",
            ]), 0..40)
        ) {
            check(&parts.concat());
            check(&parts.join(" "));
        }
    }

    #[test]
    fn an_analysis_names_its_label_its_words_and_its_terms() {
        let analysis =
            ANALYSERS[1].analyse("This is unacceptable, I want to speak to your supervisor, damn it!", Leg::Caller);
        assert_eq!(analysis.label, Label::Negative);
        assert!((analysis.confidence - analysis.scores.compound.abs()).abs() < f64::EPSILON);
        assert!(analysis.keywords.iter().any(|hit| hit.label == "escalation"), "{analysis:?}");
        assert_eq!(analysis.profanity.iter().map(|hit| hit.term.as_str()).collect::<Vec<_>>(), ["damn"]);
        assert!(analysis.hits.iter().any(|hit| hit.text == "unacceptable"));
    }

    #[test]
    fn an_empty_text_is_neutral_and_holds_nothing() {
        assert_eq!(ANALYSERS[1].analyse(" \n", Leg::Agent), Analysis::default());
    }
}
