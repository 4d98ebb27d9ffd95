//! Keywords and profanity in a text, by the terms of packs.
//!
//! Whole words only, in any letter case, phrases over any white space; a term counts only on its leg and never inside one of its ignore
//! contexts ("cancel" in "cancel culture"). Of overlapping terms with one label only the longest is reported.

use serde::{Deserialize, Serialize};

use super::pack::{LegFilter, Pack, TermGroup};
use super::terms::TermIndex;
use crate::call::Leg;

/// A keyword or profanity in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermHit {
    /// The pack's term in lower case, without `*`: the same for all its endings.
    pub term: String,
    /// The label of its group.
    pub label: String,
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// What a text holds of the packs' terms, each list by place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
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
            profanity: Groups::new(packs.iter().flat_map(|pack| &pack.profanity)),
        }
    }

    /// Everything that counts on this leg.
    pub fn find(&self, text: &str, leg: Leg) -> Found {
        Found { keywords: self.keywords.find(text, leg), profanity: self.profanity.find(text, leg) }
    }
}

/// Groups of terms, each with its leg and its ignore contexts.
#[derive(Debug)]
pub struct Groups {
    /// Label and leg of each group.
    heads: Vec<(String, LegFilter)>,
    terms: TermIndex,
    /// Name and group of each term.
    names: Vec<(String, usize)>,
    contexts: TermIndex,
    /// Group of each context.
    context_of: Vec<usize>,
}

impl Groups {
    /// Makes the matcher of some groups.
    pub fn new<'a>(groups: impl Iterator<Item = &'a TermGroup>) -> Self {
        let (mut terms, mut names, mut contexts, mut context_of, mut heads) = (vec![], vec![], vec![], vec![], vec![]);
        for (id, group) in groups.enumerate() {
            heads.push((group.label.clone(), group.leg));
            names.extend(group.terms.iter().map(|term| (term.name(), id)));
            terms.extend(group.terms.iter().cloned());
            context_of.extend(group.ignore.iter().map(|_| id));
            contexts.extend(group.ignore.iter().cloned());
        }
        Self { heads, terms: TermIndex::new(terms), names, contexts: TermIndex::new(contexts), context_of }
    }

    /// What counts on this leg, by place; of overlapping terms of one label the longest.
    pub fn find(&self, text: &str, leg: Leg) -> Vec<TermHit> {
        let mut found = self.terms.find(text);
        if found.is_empty() {
            return Vec::new();
        }
        // Both lists go by start. A hit is inside a context of its group when the farthest end of those begun so far lies beyond it.
        let mut contexts = self.contexts.find(text).into_iter().peekable();
        let mut reach = vec![0; self.heads.len()];
        found.retain(|hit| {
            while let Some(context) = contexts.next_if(|context| context.span.start <= hit.span.start) {
                let reach = &mut reach[self.context_of[context.term]];
                *reach = context.span.end.max(*reach);
            }
            let group = self.names[hit.term].1;
            self.heads[group].1.takes(leg) && hit.span.end > reach[group]
        });
        let mut hits: Vec<TermHit> = found
            .into_iter()
            .map(|hit| {
                let (name, group) = &self.names[hit.term];
                TermHit {
                    term: name.clone(),
                    label: self.heads[*group].0.clone(),
                    start: hit.span.start,
                    end: hit.span.end,
                }
            })
            .collect();
        hits.sort_by(|a, b| (a.start, b.end).cmp(&(b.start, a.end)));
        drop_covered(&mut hits);
        hits
    }
}

/// Drops what lies inside a longer hit of its label, given hits by start, longest first.
fn drop_covered(hits: &mut Vec<TermHit>) {
    let mut ends: Vec<(String, usize)> = Vec::new();
    hits.retain(|hit| match ends.iter_mut().find(|(label, _)| *label == hit.label) {
        Some((_, end)) if hit.end <= *end => false,
        Some((_, end)) => {
            *end = hit.end;
            true
        }
        None => {
            ends.push((hit.label.clone(), hit.end));
            true
        }
    });
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

    fn find(text: &str, leg: Leg) -> Found {
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
    fn every_ending_of_a_stem_is_reported_under_one_term() {
        assert_eq!(terms(&find("cancelled, cancelling, cancellation", Leg::Caller).keywords), ["cancel"; 3]);
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
