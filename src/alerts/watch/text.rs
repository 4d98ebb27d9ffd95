//! Matches of a rule in a text: its words, its mood, and whether it was said before.

use std::collections::{HashSet, VecDeque};

use super::said::Said;
use super::state::Occurrence;
use crate::alerts::book::RuleHits;
use crate::call::Leg;
use crate::text::keywords::TermHit;
use crate::text::rule::{Rule, TextTrigger};

/// Segments of a leg that a repetition is looked for in.
const REMEMBERED: usize = 20;
/// Fewer words are said again by everybody ("yes", "thank you").
const LEAST_WORDS: usize = 4;
/// Share of common words (Dice) from which two sentences say the same.
const ALIKE: f64 = 0.6;
/// Recent texts of each leg.
#[derive(Debug, Default)]
pub(super) struct Repeats {
    recent: VecDeque<(Leg, HashSet<String>)>,
}

impl Repeats {
    /// Number of times that this leg has said nearly the same lately, this time included.
    pub fn count(&mut self, leg: Leg, text: &str) -> u32 {
        let words: HashSet<String> = text
            .split(|c: char| !c.is_alphanumeric() && c != '\'')
            .filter(|word| !word.is_empty())
            .map(str::to_lowercase)
            .collect();
        if words.len() < LEAST_WORDS {
            return 1;
        }
        let alike = |other: &HashSet<String>| {
            let common = words.intersection(other).count() as f64;
            common / (words.len() + other.len()) as f64 * 2.0 >= ALIKE
        };
        let times = 1 + self.recent.iter().filter(|(other, said)| *other == leg && alike(said)).count();
        self.recent.push_back((leg, words));
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        times as u32
    }

    /// Takes over what was said in another half of the call.
    pub fn absorb(&mut self, other: Self) {
        self.recent.extend(other.recent);
    }
}

/// Whether all that a rule wants of a text is in it; how often its words came.
pub(super) fn occurrence(
    rule: &Rule,
    trigger: &TextTrigger,
    said: &Said,
    hits: &RuleHits,
    repeats: u32,
) -> Option<(usize, Occurrence)> {
    let (mut reasons, mut words, mut count) = (Vec::new(), Vec::new(), 0);
    let mut look = |wanted: bool, what: &str, found: Vec<&TermHit>| {
        if !wanted {
            return Some(());
        }
        let named = |hit: &&TermHit| {
            if what == "said" && hit.label != rule.name {
                format!("{} ({})", hit.term, hit.label)
            } else {
                hit.term.clone()
            }
        };
        let texts = each_once(found.iter().map(named));
        count += found.len();
        words.extend(found.iter().map(|hit| hit.term.clone()));
        (!found.is_empty()).then(|| reasons.push(format!("{what}: {}", texts.join(", "))))
    };
    look(!trigger.said.is_empty(), "said", hits.said.iter().filter(|hit| hit.label == rule.name).collect())?;
    let labelled = said.keywords.iter().filter(|hit| trigger.labels.contains(&hit.label)).collect();
    look(!trigger.labels.is_empty(), "said", labelled)?;
    look(trigger.profanity, "profanity", said.profanity.iter().collect())?;
    if let Some(below) = trigger.sentiment_below {
        let compound = said.compound.filter(|&compound| compound < below)?;
        reasons.push(format!("sentiment {compound:+.2} below {below:+.2}"));
    }
    if let Some(least) = trigger.repeats {
        if repeats < least {
            return None;
        }
        reasons.push(format!("said nearly the same {repeats} times"));
    }
    Some((count.max(1), Occurrence::of(said, each_once(reasons).join(", "), each_once(words))))
}

/// Without repetitions, in the order in which each came first.
fn each_once(texts: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut seen = HashSet::new();
    texts.into_iter().filter(|text| seen.insert(text.clone())).collect()
}
