//! Groups of terms, and what a text holds of them.

use serde::{Deserialize, Serialize};

use super::entry::{LegFilter, TermGroup};
use super::terms::TermIndex;
use crate::call::Leg;

/// A keyword or profanity in a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermHit {
    /// What was said, in lower case, with single spaces and straight apostrophes: "escalated" where the pack has "escalat*".
    pub term: String,
    /// The label of its group.
    pub label: String,
    /// First byte in the text.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
}

/// Groups of terms, each with its leg; groups with one label share their ignore contexts.
#[derive(Debug)]
pub struct Groups {
    labels: Vec<String>,
    terms: TermIndex,
    /// Label and leg of each term.
    of_term: Vec<(usize, LegFilter)>,
    contexts: TermIndex,
    /// Label of each context; `None` for one that counts for all.
    of_context: Vec<Option<usize>>,
}

impl Groups {
    /// Makes the matcher of some groups.
    pub fn new<'a>(groups: impl Iterator<Item = &'a TermGroup>) -> Self {
        Self::build(groups, None)
    }

    /// The same, with the contexts of groups that have this label counting for all of them.
    pub fn with_contexts_for_all<'a>(groups: impl Iterator<Item = &'a TermGroup>, label: &str) -> Self {
        Self::build(groups, Some(label))
    }

    pub(super) fn build<'a>(groups: impl Iterator<Item = &'a TermGroup>, general: Option<&str>) -> Self {
        let mut labels: Vec<String> = Vec::new();
        let (mut terms, mut of_term, mut contexts, mut of_context) = (vec![], vec![], vec![], vec![]);
        for group in groups {
            let known = labels.iter().position(|label| *label == group.label);
            let label = known.unwrap_or(labels.len());
            if known.is_none() {
                labels.push(group.label.clone());
            }
            of_term.extend(group.terms.iter().map(|_| (label, group.leg)));
            terms.extend(group.terms.iter().cloned());
            let counts_for = Some(label).filter(|_| general != Some(group.label.as_str()));
            of_context.extend(group.ignore.iter().map(|_| counts_for));
            contexts.extend(group.ignore.iter().cloned());
        }
        Self { labels, terms: TermIndex::new(terms), of_term, contexts: TermIndex::new(contexts), of_context }
    }

    /// What counts on this leg, by place; of overlapping terms of one label the longest.
    pub fn find(&self, text: &str, leg: Leg) -> Vec<TermHit> {
        let mut found = self.terms.find(text);
        if found.is_empty() {
            return Vec::new();
        }
        // Both lists go by start. A hit is inside a context of its label when the farthest end of those begun so far lies beyond it.
        let mut contexts = self.contexts.find(text).into_iter().peekable();
        let (mut reach, mut reach_of_all) = (vec![0; self.labels.len()], 0);
        found.retain(|hit| {
            while let Some(context) = contexts.next_if(|context| context.span.start <= hit.span.start) {
                let reach = self.of_context[context.term].map_or(&mut reach_of_all, |label| &mut reach[label]);
                *reach = context.span.end.max(*reach);
            }
            let (label, leg_filter) = self.of_term[hit.term];
            leg_filter.takes(leg) && hit.span.end > reach[label].max(reach_of_all)
        });
        let mut hits: Vec<TermHit> = found
            .into_iter()
            .map(|hit| TermHit {
                term: as_said(&text[hit.span.clone()]),
                label: self.labels[self.of_term[hit.term].0].clone(),
                start: hit.span.start,
                end: hit.span.end,
            })
            .collect();
        hits.sort_by(|a, b| (a.start, b.end).cmp(&(b.start, a.end)));
        drop_covered(&mut hits);
        hits
    }
}

/// Words of a text in the one form in which they are shown and counted.
fn as_said(words: &str) -> String {
    words.to_lowercase().replace('’', "'").split_whitespace().collect::<Vec<_>>().join(" ")
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
