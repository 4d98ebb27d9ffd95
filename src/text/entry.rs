//! What entries of packs have in common: whose legs, groups of terms, and how they are read.

use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use super::terms::TermPattern;
use crate::call::Leg;

/// The label of profanity that has none.
pub const PROFANITY: &str = "profanity";

/// Terms with one label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermGroup {
    /// What the terms stand for.
    pub label: String,
    /// The words and phrases.
    pub terms: Vec<TermPattern>,
    /// On whose leg they count.
    pub leg: LegFilter,
    /// Phrases inside which no term with this label counts.
    pub ignore: Vec<TermPattern>,
}

/// On whose leg a term counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegFilter {
    /// Said by anybody.
    #[default]
    Any,
    /// Said by the agent.
    Agent,
    /// Said by the caller.
    Caller,
}

impl LegFilter {
    /// Whether words of this leg are looked at. A mixed leg does not tell who speaks, so nothing on it is left out.
    pub fn takes(self, leg: Leg) -> bool {
        match (self, leg) {
            (Self::Any, _) | (_, Leg::Mixed) => true,
            (Self::Agent, leg) => leg == Leg::Agent,
            (Self::Caller, leg) => leg == Leg::Caller,
        }
    }
}

/// What gives a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LabelKind {
    /// `[[keyword]]`.
    Keyword,
    /// `[[evidence]]` about `intent`.
    Intent,
    /// `[[evidence]]` about `outcome`.
    Outcome,
    /// `[[evidence]]` about `payment`.
    Payment,
}

/// A label that an entry asks for, and its place in the pack's file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedLabel {
    /// What should give it.
    pub kind: LabelKind,
    /// The label, as it is written there.
    pub label: String,
    /// Counted from 1.
    pub line: usize,
    /// Character of the line, counted from 1.
    pub column: usize,
}

/// A rule, criterion or tag, with the labels that it asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskingEntry {
    /// `rule`, `qa` or `tag`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// Its labels; none where it is switched off.
    pub labels: Vec<AskedLabel>,
}

/// An entry's kind and name, and the labels that it asks for, each with the bytes of the file that it is in.
pub(super) type Asked = (&'static str, String, Vec<(LabelKind, Range<usize>, String)>);

/// A fault and the bytes of the file it is in.
pub(super) type Fault = (Range<usize>, String);

pub(super) fn read_name(key: &str, name: Spanned<String>) -> Result<String, Fault> {
    if name.get_ref().trim().is_empty() {
        return Err((name.span(), format!("{key} is empty; a short name is needed, it is shown in results")));
    }
    Ok(name.into_inner())
}

pub(super) fn read_terms(terms: Spanned<Vec<Spanned<String>>>) -> Result<Vec<TermPattern>, Fault> {
    if terms.get_ref().is_empty() {
        return Err((terms.span(), "terms is empty; at least one word or phrase is needed".into()));
    }
    terms.into_inner().into_iter().map(|term| read_term(&term)).collect()
}

pub(super) fn read_term(term: &Spanned<String>) -> Result<TermPattern, Fault> {
    TermPattern::parse(term.get_ref()).map_err(|message| (term.span(), format!("term {:?}: {message}", term.get_ref())))
}
