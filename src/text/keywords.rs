//! Keywords and profanity in a text, by the terms of packs.
//!
//! Whole words only, in any letter case, phrases over any white space; a term counts only on its leg and never inside an ignore context of its
//! label ("cancel" in "cancel culture"), whichever pack holds that. Of overlapping terms with one label only the longest is reported.

use serde::{Deserialize, Serialize};

use super::entry::PROFANITY;
pub use super::groups::{Groups, TermHit};
use super::pack::Pack;
use crate::call::Leg;

/// What a text holds of the packs' terms, each list by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermsFound {
    /// Keywords.
    pub keywords: Vec<TermHit>,
    /// Profanity.
    pub profanity: Vec<TermHit>,
}

/// Looks for the keywords and the profanity of some packs.
#[derive(Debug)]
pub struct Matcher {
    keywords: Groups,
    profanity: Groups,
}

impl Matcher {
    /// Makes the matcher of all groups of all packs.
    pub fn new(packs: &[Pack]) -> Self {
        Self {
            keywords: Groups::new(packs.iter().flat_map(|pack| &pack.keywords)),
            // Profanity without a label is of no kind: what it ignores, all kinds do.
            profanity: Groups::with_contexts_for_all(packs.iter().flat_map(|pack| &pack.profanity), PROFANITY),
        }
    }

    /// Everything that counts on this leg.
    pub fn find(&self, text: &str, leg: Leg) -> TermsFound {
        TermsFound { keywords: self.keywords.find(text, leg), profanity: self.profanity.find(text, leg) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PACK: &str = r#"
        name = "test"
        version = "1"
        language = "en"
        [[keyword]]
        label = "cancellation"
        terms = ["cancel*", "cancel my account"]
        ignore = ["cancel culture"]
        [[keyword]]
        label = "hold"
        terms = ["hold on"]
        leg = "agent"
        [[keyword]]
        label = "account"
        terms = ["account"]
        [[profanity]]
        terms = ["hell", "damn"]
        ignore = ["what the hell is wrong"]
    "#;

    fn find(text: &str, leg: Leg) -> TermsFound {
        Matcher::new(&[Pack::parse("test.toml", PACK).expect("a good pack")]).find(text, leg)
    }

    fn terms(hits: &[TermHit]) -> Vec<&str> {
        hits.iter().map(|hit| hit.term.as_str()).collect()
    }

    #[test]
    fn the_longest_term_of_a_label_is_reported_and_other_labels_beside_it() {
        let found = find("I want to Cancel  my\taccount", Leg::Caller);
        assert_eq!(terms(&found.keywords), ["cancel my account", "account"]);
        assert_eq!((found.keywords[0].start, found.keywords[0].end), (10, 28));
    }

    #[test]
    fn an_ending_of_a_stem_is_reported_as_it_was_said() {
        let found = find("Cancelled, cancelling, cancellation", Leg::Caller);
        assert_eq!(terms(&found.keywords), ["cancelled", "cancelling", "cancellation"]);
    }

    #[test]
    fn an_ignore_context_of_one_pack_silences_the_same_label_of_another() {
        let own = r#"
            name = "own"
            version = "1"
            language = "en"
            [[keyword]]
            label = "cancellation"
            ignore = ["cancel the alarm"]
            [[profanity]]
            ignore = ["hell of a"]
        "#;
        let mut packs = Pack::bundled().expect("bundled packs");
        let before = Matcher::new(&packs).find("Cancel the alarm, what a hell of a noise", Leg::Caller);
        packs.push(Pack::parse("own.toml", own).expect("a good pack"));
        let matcher = Matcher::new(&packs);
        let now = matcher.find("Cancel the alarm, what a hell of a noise", Leg::Caller);
        assert_eq!((terms(&before.keywords), terms(&before.profanity)), (vec!["cancel"], vec!["hell"]));
        assert_eq!(now, TermsFound::default());
        assert_eq!(terms(&matcher.find("cancel it, what the hell", Leg::Caller).keywords), ["cancel"]);
        // A context counts for its own label alone.
        let found = matcher.find("cancel the alarm at my lawyer's", Leg::Caller);
        assert_eq!(terms(&found.keywords), ["lawyer's"]);
    }

    #[test]
    fn a_keyword_is_ignored_inside_its_context_only() {
        let found = find("cancel culture is one thing; cancel it is another", Leg::Mixed);
        assert_eq!(found.keywords.iter().map(|hit| hit.start).collect::<Vec<_>>(), [29]);
        assert!(find("what the hell is wrong", Leg::Caller).profanity.is_empty());
    }

    #[test]
    fn a_long_text_full_of_terms_and_contexts_takes_no_quadratic_time() {
        let text = "cancel culture, cancel me. ".repeat(100_000);
        assert_eq!(find(&text, Leg::Caller).keywords.len(), 100_000);
    }

    #[test]
    fn a_word_that_only_begins_like_a_term_is_no_hit() {
        assert!(find("what the hello, shell, damnation", Leg::Caller).profanity.is_empty());
    }

    #[test]
    fn a_term_counts_on_its_leg_and_on_a_mixed_one() {
        assert!(find("hold on", Leg::Caller).keywords.is_empty());
        assert_eq!(find("hold on", Leg::Agent).keywords.len(), 1);
        assert_eq!(find("hold on", Leg::Mixed).keywords.len(), 1);
    }
}
