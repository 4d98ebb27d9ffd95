//! Keywords and profanity: whole words and phrases of the packs, with the contexts in which they do not count.

use std::collections::HashMap;

use regex::Regex;

use super::pack::{Pack, PackError, Speaker, Terms};
use crate::call::Leg;

/// A term that was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermHit {
    /// As it stands in the pack, in lower case.
    pub term: String,
    /// Its label.
    pub label: String,
    /// First byte in the text.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
}

/// Finds the terms of one kind (keywords or profanity) of all packs.
#[derive(Debug, Default)]
pub struct Matcher {
    terms: Option<Regex>,
    ignored: Option<Regex>,
    meaning: HashMap<String, (String, Speaker)>,
}

impl Matcher {
    /// A matcher for these terms. Where two packs have the same term the first one's label counts.
    pub fn new<'a>(pack: &Pack, terms: impl IntoIterator<Item = &'a Terms> + Clone) -> Result<Self, PackError> {
        let mut meaning = HashMap::new();
        for group in terms.clone() {
            for term in &group.terms {
                meaning.entry(normal(term)).or_insert_with(|| (group.label.clone(), group.leg));
            }
        }
        let fail = |error: regex::Error| PackError { file: pack.name.clone(), problem: error.to_string() };
        Ok(Self {
            terms: any_of(meaning.keys().cloned()).map_err(fail)?,
            ignored: any_of(terms.into_iter().flat_map(|group| group.ignore.iter().map(|term| normal(term))))
                .map_err(fail)?,
            meaning,
        })
    }

    /// Every term in the text that counts on this leg, in order.
    pub fn find(&self, text: &str, leg: Leg) -> Vec<TermHit> {
        let Some(terms) = &self.terms else { return Vec::new() };
        let ignored: Vec<_> =
            self.ignored.iter().flat_map(|regex| regex.find_iter(text).map(|found| found.range())).collect();
        terms
            .find_iter(text)
            .filter(|found| !ignored.iter().any(|range| range.start <= found.start() && found.end() <= range.end))
            .filter_map(|found| {
                let term = normal(found.as_str());
                let (label, speaker) = self.meaning.get(&term)?;
                speaker.hears(leg).then(|| TermHit {
                    term,
                    label: label.clone(),
                    start: found.start(),
                    end: found.end(),
                })
            })
            .collect()
    }
}

/// Lower case, single spaces.
fn normal(term: &str) -> String {
    term.to_lowercase().split_whitespace().collect::<Vec<_>>().join(" ")
}

fn any_of(terms: impl Iterator<Item = String>) -> Result<Option<Regex>, regex::Error> {
    let mut terms: Vec<String> = terms.collect();
    if terms.is_empty() {
        return Ok(None);
    }
    // The longest alternative first: the engine takes the first that fits.
    terms.sort_by_key(|term| std::cmp::Reverse(term.len()));
    let alternatives: Vec<String> = terms.iter().map(|term| regex::escape(term).replace(' ', r"\s+")).collect();
    Regex::new(&format!(r"(?i)\b(?:{})\b", alternatives.join("|"))).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher() -> Matcher {
        let pack = Pack::parse(
            "t",
            "name='t'\n[[keyword]]\nlabel='cancellation'\nterms=['cancel','cancel my account']\nignore=['cancel culture']\n\
             [[keyword]]\nlabel='upsell'\nterms=['special offer']\nleg='agent'\n",
        )
        .expect("pack");
        Matcher::new(&pack, &pack.keyword).expect("matcher")
    }

    #[test]
    fn the_longest_term_is_found_once_whatever_its_case_and_spaces() {
        let hits = matcher().find("Please CANCEL my\n account now", Leg::Caller);
        assert_eq!(hits.iter().map(|hit| hit.term.as_str()).collect::<Vec<_>>(), ["cancel my account"]);
        assert_eq!((hits[0].start, hits[0].end), (7, 25));
    }

    #[test]
    fn a_term_inside_a_word_or_in_an_ignored_context_does_not_count() {
        assert!(matcher().find("It was cancelled by cancel culture", Leg::Mixed).is_empty());
    }

    #[test]
    fn a_term_of_the_agent_does_not_count_when_the_caller_says_it() {
        assert!(matcher().find("a special offer", Leg::Caller).is_empty());
        assert_eq!(matcher().find("a special offer", Leg::Agent).len(), 1);
        assert_eq!(matcher().find("a special offer", Leg::Mixed).len(), 1);
    }
}
