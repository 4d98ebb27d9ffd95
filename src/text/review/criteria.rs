//! `[[qa]]`: the lines of a score card, as packs hold them.
//!
//! ```toml
//! [[qa]]
//! name = "empathy"                  # of a later pack with the same name it takes the place
//! description = "Shows that the caller was heard"
//! points = 15
//! leg = "agent"                     # whose words count (agent)
//! said = ["i understand", "i am sorry"]
//! ignore = ["i am sorry but"]
//! disclosure = true                 # the agent is told that it is still to be said, while the call runs; goes with said and labels
//! when = { leg = "caller", sentiment_below = -0.3 }   # judged only after a line like this
//! ```
//!
//! One of `said`, `labels`, `not_said` and `measure` (with `from`, `to`) each; a part of the call by `first_s`, `last_s`, `first_share` or
//! `last_share`, counted from the first word that anybody says. What contradicts itself is refused with its line.

use serde::Deserialize;
use toml::Spanned;

use super::measures::Measure;
use crate::text::entry::{Asked, Fault, LabelKind, LegFilter, read_name, read_terms};
use crate::text::rule::{Window, number, read_window};
use crate::text::terms::TermPattern;

/// What is judged.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// One of these has to be said, outside of the second.
    Said(Vec<TermPattern>, Vec<TermPattern>),
    /// A keyword with one of these labels has to be said.
    Labels(Vec<String>),
    /// None of these may be said, outside of the second.
    NotSaid(Vec<TermPattern>, Vec<TermPattern>),
    /// A figure has to lie between these two.
    Within(Measure, f64, f64),
}

/// A line after which a criterion is judged; all that is set must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct When {
    /// The leg whose lines count.
    pub leg: LegFilter,
    /// One of these in it.
    pub said: Vec<TermPattern>,
    /// A keyword with one of these labels in it.
    pub labels: Vec<String>,
    /// Its compound below this.
    pub sentiment_below: Option<f64>,
}

/// A line of the score card.
#[derive(Clone, Debug, PartialEq)]
pub struct CardCriterion {
    /// Its name in results.
    pub name: String,
    /// The pack it came from.
    pub pack: String,
    /// In a sentence.
    pub description: String,
    /// What it is worth.
    pub points: f64,
    /// Whether it is in use.
    pub enabled: bool,
    /// The direction whose words count.
    pub leg: LegFilter,
    /// What is judged.
    pub wanted: Wanted,
    /// In which part of the call.
    pub window: Window,
    /// Whether it is judged at all.
    pub when: Option<When>,
    /// Whether it is a disclosure: the agent is told while it is still to be said.
    pub disclosure: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WhenEntry {
    #[serde(default)]
    leg: LegFilter,
    said: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    labels: Vec<Spanned<String>>,
    sentiment_below: Option<Spanned<f64>>,
}

/// As it stands in the file. (No `flatten`: it would take the lines out of errors.)
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct CriterionEntry {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    #[serde(default = "ten")]
    points: Spanned<f64>,
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "agent")]
    leg: LegFilter,
    said: Option<Spanned<Vec<Spanned<String>>>>,
    not_said: Option<Spanned<Vec<Spanned<String>>>>,
    ignore: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    labels: Vec<Spanned<String>>,
    measure: Option<Measure>,
    from: Option<Spanned<f64>>,
    to: Option<Spanned<f64>>,
    first_s: Option<Spanned<f64>>,
    last_s: Option<Spanned<f64>>,
    first_share: Option<Spanned<f64>>,
    last_share: Option<Spanned<f64>>,
    when: Option<Spanned<WhenEntry>>,
    #[serde(default)]
    disclosure: bool,
}

fn ten() -> Spanned<f64> {
    Spanned::new(0..0, 10.0)
}

const fn yes() -> bool {
    true
}

const fn agent() -> LegFilter {
    LegFilter::Agent
}

fn plain(labels: Vec<Spanned<String>>) -> Vec<String> {
    labels.into_iter().map(Spanned::into_inner).collect()
}

impl CriterionEntry {
    /// The labels that it asks for, also of the line after which it is judged.
    pub(in crate::text) fn asked(&self) -> Asked {
        let when = self.when.iter().flat_map(|when| &when.get_ref().labels);
        let labels = self.labels.iter().chain(when).filter(|_| self.enabled);
        let labels = labels.map(|label| (LabelKind::Keyword, label.span(), label.get_ref().clone()));
        ("qa", self.name.get_ref().clone(), labels.collect())
    }

    pub(in crate::text) fn check(self, pack: &str) -> Result<CardCriterion, Fault> {
        let here = self.name.span();
        let name = read_name("name", self.name)?;
        let wrong = |message: &str| (here.clone(), format!("qa {name:?}: {message}"));
        let terms = |list: Option<Spanned<Vec<Spanned<String>>>>| list.map_or(Ok(Vec::new()), read_terms);

        let kinds = [self.said.is_some(), self.not_said.is_some(), !self.labels.is_empty(), self.measure.is_some()];
        if kinds.into_iter().filter(|&is| is).count() != 1 {
            return Err(wrong("one of said, not_said, labels and measure is needed, and only one"));
        }
        if self.ignore.is_some() && !kinds[0] && !kinds[1] {
            return Err(wrong("ignore goes with said or not_said"));
        }
        if self.measure.is_none() && (self.from.is_some() || self.to.is_some()) {
            return Err(wrong("from and to go with measure"));
        }
        if self.disclosure && !kinds[0] && !kinds[2] {
            return Err(wrong("disclosure goes with said or labels"));
        }
        if self.disclosure && self.description.trim().is_empty() {
            return Err(wrong("a disclosure needs a description: the agent is told it"));
        }
        let window = read_window(
            [&self.first_s, &self.last_s, &self.first_share, &self.last_share].map(Option::as_ref),
            &wrong,
        )?;
        let ignore = terms(self.ignore)?;
        let wanted = if let Some(measure) = self.measure {
            if window != Window::Whole {
                return Err(wrong("a measure is one of the whole call"));
            }
            let (low, high) = (self.from.as_ref(), self.to.as_ref());
            let from = number("from", low, 0.0, 1e6)?;
            let to = number("to", high, 0.0, 1e6)?;
            if from.is_none() && to.is_none() {
                return Err(wrong("measure needs from, to or both"));
            }
            let (from, to) = (from.unwrap_or(0.0), to.unwrap_or(f64::INFINITY));
            if from > to {
                return Err(wrong("from is above to"));
            }
            Wanted::Within(measure, from, to)
        } else if self.not_said.is_some() {
            Wanted::NotSaid(terms(self.not_said)?, ignore)
        } else if self.said.is_some() {
            Wanted::Said(terms(self.said)?, ignore)
        } else {
            Wanted::Labels(plain(self.labels))
        };
        let when = self.when.map(|entry| {
            let span = entry.span();
            let entry = entry.into_inner();
            let when = When {
                leg: entry.leg,
                said: terms(entry.said)?,
                labels: plain(entry.labels),
                sentiment_below: number("sentiment_below", entry.sentiment_below.as_ref(), -1.0, 1.0)?,
            };
            if when.said.is_empty() && when.labels.is_empty() && when.sentiment_below.is_none() {
                return Err((span, "when needs one of said, labels and sentiment_below".into()));
            }
            Ok(when)
        });
        Ok(CardCriterion {
            pack: pack.to_owned(),
            description: self.description,
            points: number("points", Some(&self.points), 0.0, 1000.0)?.unwrap_or(0.0),
            enabled: self.enabled,
            leg: self.leg,
            wanted,
            window,
            when: when.transpose()?,
            disclosure: self.disclosure,
            name,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::text::pack::Pack;

    const HEAD: &str = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[qa]]\nname = \"q\"\n";

    #[test]
    fn a_criterion_that_cannot_be_meant_is_refused_with_its_line() {
        for (body, line, says) in [
            ("", 5, "only one"),
            ("said = [\"x\"]\nnot_said = [\"y\"]", 5, "only one"),
            ("labels = [\"x\"]\nignore = [\"y\"]", 5, "ignore goes with"),
            ("measure = \"agent_share\"", 5, "from, to or both"),
            ("measure = \"agent_share\"\nfrom = 2\nto = 1", 5, "above"),
            ("measure = \"agent_share\"\nto = 1\nfirst_s = 5", 5, "whole call"),
            ("measure = \"mood\"\nto = 1", 6, "`dead_air_s`"),
            ("said = [\"x\"]\nfrom = 1", 5, "go with measure"),
            ("not_said = [\"x\"]\ndisclosure = true", 5, "goes with said or labels"),
            ("said = [\"x\"]\ndisclosure = true", 5, "needs a description"),
            ("said = [\"x\"]\nfirst_s = 5\nlast_share = 0.5", 5, "only one of them"),
            ("said = [\"x\"]\npoints = -1", 7, "allowed is 0"),
            ("said = [\"x\"]\nwhen = { leg = \"caller\" }", 7, "when needs"),
            ("said = [\"b*d\"]", 6, "b*d"),
            ("sayd = [\"x\"]", 6, "`said`"),
        ] {
            let error = Pack::parse("p.toml", &format!("{HEAD}{body}")).expect_err(body).to_string();
            assert!(error.contains(&format!("line {line}:")) && error.contains(says), "{body:?}: {error}");
        }
    }
}
