//! `[[action]]`: what somebody has said they will do after the call, or was asked to do, with its owner and its day.
//!
//! ```toml
//! [[action]]
//! owner = "speaker"                 # speaker, other (who is spoken to), agent or caller
//! leg = "agent"                     # whose words count (any)
//! patterns = ["i.ll send"]          # regular expressions of whole words, with the placeholders of words.rs; also terms, as of keywords
//! ignore = ["i.ll send you through"]# a sentence with one of these is none
//! ```
//!
//! One item a sentence, by the first rule of the packs that fits it. An item that is said again is told once, with the day of whichever sentence
//! named one. On a leg that holds both sides nobody knows who speaks, and the owner is not known.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::entities::Entity;
use super::evidence::Patterns;
use super::line::{LineQuote, ReviewLine};
use super::pattern::Pattern;
use super::sentence::sentences;
use super::words::{Words, tokens};
use crate::call::{Leg, Speaker};
use crate::text::entry::{LegFilter, TermGroup, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// Who has to do it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnerRule {
    /// Who says it.
    Speaker,
    /// Who is spoken to.
    Other,
    /// The agent, or the agent's house.
    Agent,
    /// The caller.
    Caller,
}

/// A rule for actions.
#[derive(Clone, Debug)]
pub struct ActionForm {
    owner: OwnerRule,
    leg: LegFilter,
    rule: String,
    terms: Vec<TermPattern>,
    patterns: Vec<Pattern>,
    ignore: Vec<Pattern>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct ActionEntry {
    owner: Spanned<OwnerRule>,
    #[serde(default)]
    leg: LegFilter,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    patterns: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
}

impl ActionEntry {
    /// `place` names the entry in results: the pack and its line.
    pub(in crate::text) fn check(
        self,
        words: &Arc<Words>,
        place: impl Fn(usize) -> String,
    ) -> Result<ActionForm, (Range<usize>, String)> {
        let terms = self.terms.map_or(Ok(Vec::new()), read_terms)?;
        if terms.is_empty() && self.patterns.is_empty() {
            return Err((self.owner.span(), "action: terms or patterns are needed".into()));
        }
        Ok(ActionForm {
            rule: place(self.owner.span().start),
            owner: self.owner.into_inner(),
            leg: self.leg,
            terms,
            patterns: self.patterns.iter().map(|one| Pattern::new(one, words)).collect::<Result<_, _>>()?,
            ignore: self.ignore.iter().map(|one| Pattern::new(one, words)).collect::<Result<_, _>>()?,
        })
    }
}

#[cfg(test)]
impl ActionForm {
    pub(in crate::text) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().chain(&self.ignore)
    }
}

/// Something that is left to do.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ActionItem {
    /// Who has to do it.
    pub owner: Speaker,
    /// The sentence that says so.
    #[serde(flatten)]
    pub quote: LineQuote,
    /// The day it is due, resolved against the call's date: see `calendar.rs` for its forms.
    pub due: Option<String>,
    /// The day as it was said.
    pub due_text: Option<String>,
    /// The rule that found it.
    pub rule: String,
}

/// Finds actions.
#[derive(Debug)]
pub(super) struct Diary {
    forms: Vec<ActionForm>,
    terms: Groups,
    patterns: Patterns,
}

impl Diary {
    pub fn new(forms: Vec<ActionForm>) -> Self {
        let groups: Vec<TermGroup> = forms
            .iter()
            .enumerate()
            .map(|(at, form)| TermGroup {
                label: at.to_string(),
                terms: form.terms.clone(),
                leg: form.leg,
                ignore: Vec::new(),
            })
            .collect();
        let all =
            forms.iter().enumerate().flat_map(|(at, form)| form.patterns.iter().map(move |one| (at, one.clone())));
        let patterns = Patterns::new(all);
        Self { terms: Groups::new(groups.iter()), patterns, forms }
    }

    /// The actions of a call; `entities` are what was named in it.
    pub fn find(&self, lines: &[ReviewLine], entities: &[Entity]) -> Vec<ActionItem> {
        let mut all: Vec<ActionItem> = Vec::new();
        for line in lines {
            for sentence in sentences(&line.text) {
                let Some(form) = self.fits(sentence, line.leg) else { continue };
                let day = entities
                    .iter()
                    .find(|one| one.kind == "date" && one.segment_id == line.segment && sentence.contains(&one.text));
                let item = ActionItem {
                    owner: form.owner(line.leg),
                    quote: LineQuote::of(line, sentence),
                    due: day.and_then(|day| day.value.clone()),
                    due_text: day.map(|day| day.text.clone()),
                    rule: form.rule.clone(),
                };
                match all.iter_mut().find(|known| is_same(known, &item)) {
                    Some(known) if known.due.is_none() => (known.due, known.due_text) = (item.due, item.due_text),
                    Some(_) => {}
                    None => all.push(item),
                }
            }
        }
        all
    }

    /// The first rule that fits the sentence.
    fn fits(&self, sentence: &str, leg: Leg) -> Option<&ActionForm> {
        let by_terms = self.terms.find(sentence, leg).into_iter().filter_map(|hit| hit.label.parse::<usize>().ok());
        let by_patterns = self.patterns.find(sentence).map(|(at, _)| at);
        let fits: BTreeSet<usize> = by_terms.chain(by_patterns).collect();
        let counts = |form: &&ActionForm| form.leg.takes(leg) && !form.ignore.iter().any(|one| one.is_in(sentence));
        fits.into_iter().map(|at| &self.forms[at]).find(counts)
    }
}

impl ActionForm {
    fn owner(&self, leg: Leg) -> Speaker {
        match (self.owner, leg) {
            (OwnerRule::Agent, _) | (OwnerRule::Speaker, Leg::Agent) | (OwnerRule::Other, Leg::Caller) => {
                Leg::Agent.into()
            }
            (OwnerRule::Caller, _) | (OwnerRule::Speaker, Leg::Caller) | (OwnerRule::Other, Leg::Agent) => {
                Leg::Caller.into()
            }
            (_, Leg::Mixed) => Leg::Mixed.into(),
        }
    }
}

/// Whether two items say the same: one owner, no two different days, and half the words that tell anything in common.
fn is_same(known: &ActionItem, new: &ActionItem) -> bool {
    if known.owner != new.owner || (known.due.is_some() && new.due.is_some() && known.due != new.due) {
        return false;
    }
    let telling =
        |text: &str| tokens(text).into_iter().filter(|word| word.chars().count() >= 4).collect::<BTreeSet<String>>();
    let (one, other) = (telling(&known.quote.text), telling(&new.quote.text));
    let shared = one.intersection(&other).count();
    2 * shared >= one.len().min(other.len()).max(1)
}
