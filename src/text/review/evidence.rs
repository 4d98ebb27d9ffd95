//! `[[evidence]]`: what speaks for a label of a call, as packs hold it, and the labels that a call gets by it.
//!
//! ```toml
//! [[evidence]]
//! about = "intent"                  # intent, outcome, payment, action, mood, priority
//! label = "refund"
//! weight = 3.0                      # below 0 it speaks against
//! leg = "caller"
//! terms = ["money back"]            # as of keywords
//! patterns = ['refund .{0,20} card'] # regular expressions of whole words, with the placeholders of words.rs
//! ignore = ["refund policy"]        # a sentence with one of these does not count
//! ```
//!
//! Method. A rule counts once a sentence: its weight the first time, half of it the second and third time, nothing from then on. Of an intent, what
//! the caller says in the first third counts a quarter more. The label with the highest sum from [`ENOUGH`] on wins, of equals the one whose
//! evidence came first. What a caller's sentence is like by the words of examples (`learned.rs`) counts beside the rules, once a label and sentence.
//! Every label lists the sentences and rules that made its sum.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use serde::{Deserialize, Serialize};
use toml::Spanned;

use super::axis::Axis;
use super::learned::{Examples, Learned};
use super::line::{LineQuote, ReviewLine};
use super::pattern::Pattern;
use super::sentence::sentences;
use super::words::Words;
use crate::call::Leg;
use crate::text::entry::{Fault, LabelKind, LegFilter, TermGroup, read_name, read_terms};
use crate::text::keywords::Groups;
use crate::text::terms::TermPattern;

/// From this sum on a label is given.
pub const ENOUGH: f64 = 2.0;
/// How much more the caller's first words count for an intent.
const EARLY: f64 = 1.25;
/// Times that a rule counts in a call.
const TIMES: usize = 3;

/// One rule.
#[derive(Clone, Debug)]
pub struct Evidence {
    about: Axis,
    label: String,
    weight: f64,
    leg: LegFilter,
    rule: String,
    terms: Vec<TermPattern>,
    patterns: Vec<Pattern>,
    ignore: Vec<Pattern>,
    ignore_terms: Vec<TermPattern>,
}

impl Evidence {
    /// The label that calls get by it; none where it speaks against one, or for none that entries can ask for.
    pub(in crate::text) fn gives(&self) -> Option<(LabelKind, &str)> {
        let kind = match self.about {
            Axis::Intent => LabelKind::Intent,
            Axis::Outcome => LabelKind::Outcome,
            Axis::Payment => LabelKind::Payment,
            Axis::Action | Axis::Mood | Axis::Priority => return None,
        };
        (self.weight > 0.0).then_some((kind, &*self.label))
    }

    #[cfg(test)]
    pub(in crate::text) fn patterns(&self) -> impl Iterator<Item = &Pattern> {
        self.patterns.iter().chain(&self.ignore)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct EvidenceEntry {
    about: Axis,
    label: Spanned<String>,
    weight: Spanned<f64>,
    #[serde(default)]
    leg: LegFilter,
    terms: Option<Spanned<Vec<Spanned<String>>>>,
    #[serde(default)]
    patterns: Vec<Spanned<String>>,
    #[serde(default)]
    ignore: Vec<Spanned<String>>,
    ignore_terms: Option<Spanned<Vec<Spanned<String>>>>,
}

impl EvidenceEntry {
    /// `place` names the entry in results: the pack and its line.
    pub(in crate::text) fn check(self, words: &Arc<Words>, place: impl Fn(usize) -> String) -> Result<Evidence, Fault> {
        let here = self.label.span();
        let weight = *self.weight.get_ref();
        // So written that NaN is refused too.
        if !(-10.0..=10.0).contains(&weight) || weight == 0.0 {
            return Err((self.weight.span(), format!("weight is {weight}; allowed is -10 to 10, and not 0")));
        }
        let terms = self.terms.map_or(Ok(Vec::new()), read_terms)?;
        if terms.is_empty() && self.patterns.is_empty() {
            return Err((here, "evidence: terms or patterns are needed".into()));
        }
        let compiled = |list: &[Spanned<String>]| {
            list.iter().map(|one| Pattern::new(one, words)).collect::<Result<Vec<Pattern>, Fault>>()
        };
        Ok(Evidence {
            about: self.about,
            weight,
            leg: self.leg,
            rule: place(here.start),
            terms,
            patterns: compiled(&self.patterns)?,
            ignore: compiled(&self.ignore)?,
            ignore_terms: self.ignore_terms.map_or(Ok(Vec::new()), read_terms)?,
            label: read_name("label", self.label)?,
        })
    }
}

/// Rules made ready: all terms in one index, all patterns in one set, so that a sentence is read once.
#[derive(Debug)]
pub(super) struct Scales {
    rules: Vec<Evidence>,
    terms: Groups,
    ignore_terms: Groups,
    patterns: Patterns,
    ignore: Patterns,
    examples: Vec<Examples>,
    /// Learned from the examples when the first call is weighed.
    learned: OnceLock<Learned>,
}

/// Patterns of many rules, each with its rule's number.
#[derive(Debug)]
pub(super) struct Patterns {
    each: Vec<(usize, Pattern)>,
}

impl Patterns {
    pub fn new(patterns: impl Iterator<Item = (usize, Pattern)>) -> Self {
        Self { each: patterns.collect() }
    }

    /// The rules with a pattern in this text, with what it found.
    pub fn find<'t>(&'t self, text: &'t str) -> impl Iterator<Item = (usize, &'t str)> {
        let found = |pattern: &'t Pattern| pattern.get().and_then(|made| made.find(text));
        self.each.iter().filter_map(move |(rule, pattern)| found(pattern).map(|hit| (*rule, hit.as_str().trim())))
    }
}

impl Scales {
    pub fn new(rules: Vec<Evidence>, examples: Vec<Examples>) -> Self {
        let group = |at: usize, terms: &[TermPattern], leg| TermGroup {
            label: at.to_string(),
            terms: terms.to_vec(),
            leg,
            ignore: Vec::new(),
        };
        let terms: Vec<TermGroup> =
            rules.iter().enumerate().map(|(at, rule)| group(at, &rule.terms, rule.leg)).collect();
        let ignored: Vec<TermGroup> =
            rules.iter().enumerate().map(|(at, rule)| group(at, &rule.ignore_terms, LegFilter::Any)).collect();
        let all = |of: fn(&Evidence) -> &Vec<Pattern>| {
            Patterns::new(
                rules.iter().enumerate().flat_map(|(at, rule)| of(rule).iter().map(move |one| (at, one.clone()))),
            )
        };
        Self {
            terms: Groups::new(terms.iter()),
            ignore_terms: Groups::new(ignored.iter()),
            patterns: all(|rule| &rule.patterns),
            ignore: all(|rule| &rule.ignore),
            rules,
            examples,
            learned: OnceLock::new(),
        }
    }

    fn learned(&self) -> &Learned {
        self.learned.get_or_init(|| Learned::new(self.examples.iter()))
    }

    /// The rules that count in this sentence, in their order, each with the words that made it.
    fn read(&self, sentence: &str, leg: Leg) -> BTreeMap<usize, String> {
        let rule = |label: &str| label.parse::<usize>().ok();
        let mut found: BTreeMap<usize, String> = BTreeMap::new();
        for hit in self.terms.find(sentence, leg) {
            if let Some(at) = rule(&hit.label) {
                found.entry(at).or_insert(hit.term);
            }
        }
        for (at, words) in self.patterns.find(sentence) {
            if self.rules[at].leg.takes(leg) {
                found.entry(at).or_insert_with(|| words.to_lowercase());
            }
        }
        if !found.is_empty() {
            let by_terms = self.ignore_terms.find(sentence, leg).into_iter().filter_map(|hit| rule(&hit.label));
            for at in by_terms.chain(self.ignore.find(sentence).map(|(at, _)| at)) {
                found.remove(&at);
            }
        }
        found
    }
}

/// A sentence that spoke for a label, or against it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Ground {
    /// The sentence.
    #[serde(flatten)]
    pub quote: LineQuote,
    /// The words of it that counted.
    pub words: String,
    /// The rule: its pack and the line there; `examples of LABEL` where the words were learned from the packs' examples.
    pub rule: String,
    /// What it added.
    pub weight: f64,
}

impl Ground {
    /// Whether the words were learned from examples, and are no term of a pack.
    pub fn is_by_examples(&self) -> bool {
        self.rule.starts_with(EXAMPLES)
    }
}

/// A label and what made it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Labelled {
    /// The label.
    pub label: String,
    /// Sum of the weights.
    pub score: f64,
    /// Its part of the sums of all labels of its kind, 0 to 1.
    pub share: f64,
    /// What made it, in order of time.
    pub grounds: Vec<Ground>,
}

/// Everything that spoke for something.
#[derive(Debug, Default)]
pub(super) struct Weighed {
    labels: BTreeMap<(Axis, String), (usize, Labelled)>,
    /// The payment's last word: order, weight and label.
    payment: Option<(usize, f64, String)>,
    /// Of the caller's segments, how much they are like what is said without a mood, 0 to 1.
    plain: BTreeMap<i64, f64>,
}

impl Weighed {
    /// The labels of a kind from [`ENOUGH`] on, the strongest first.
    pub fn of(&self, about: Axis) -> Vec<Labelled> {
        self.at_least(about, ENOUGH)
    }

    /// The same from another sum on.
    pub fn at_least(&self, about: Axis, enough: f64) -> Vec<Labelled> {
        let mut all: Vec<&(usize, Labelled)> = self
            .labels
            .iter()
            .filter(|(key, (_, one))| key.0 == about && one.score >= enough)
            .map(|(_, one)| one)
            .collect();
        all.sort_by(|a, b| b.1.score.total_cmp(&a.1.score).then(a.0.cmp(&b.0)));
        let sum: f64 = all.iter().map(|(_, one)| one.score).sum();
        let with_share = |(_, one): &(usize, Labelled)| Labelled {
            share: if sum > 0.0 { one.score / sum } else { 0.0 },
            ..one.clone()
        };
        all.into_iter().map(with_share).collect()
    }

    /// The sum of all evidence of a kind, whatever its label, with what made it.
    pub fn sum(&self, about: Axis) -> (f64, Vec<Ground>) {
        let all = || self.labels.iter().filter(|(key, _)| key.0 == about).map(|(_, (_, one))| one);
        (all().map(|one| one.score).sum(), all().flat_map(|one| one.grounds.clone()).collect())
    }

    /// How much a segment of the caller's is like what is said without a mood, 0 to 1.
    pub fn plain(&self, segment: i64) -> f64 {
        self.plain.get(&segment).copied().unwrap_or(0.0)
    }

    /// The last label about the payment, with what made it.
    pub fn payment(&self) -> Option<Labelled> {
        let (_, _, label) = self.payment.as_ref()?;
        self.labels.get(&(Axis::Payment, label.clone())).map(|(_, one)| Labelled { share: 1.0, ..one.clone() })
    }
}

/// What the name of a rule begins with that was learned.
const EXAMPLES: &str = "examples of ";

fn learned_rule(label: &str) -> String {
    format!("{EXAMPLES}{label}")
}

/// Weighs what was said.
pub(super) fn weigh(scales: &Scales, lines: &[ReviewLine]) -> Weighed {
    let mut all = Weighed::default();
    let mut times: Vec<usize> = vec![0; scales.rules.len()];
    let mut times_alike: BTreeMap<(Axis, &str), usize> = BTreeMap::new();
    let first = lines.first().map_or(0, |line| line.start_ms);
    let last = lines.iter().map(|line| line.end_ms).max().unwrap_or(0);
    let early = first + (last - first) / 3;
    let mut order = 0;
    for line in lines {
        let from_caller = line.leg != Leg::Agent;
        if from_caller {
            all.plain.insert(line.segment, scales.learned().nothing(Axis::Mood, &line.text));
        }
        let opens = from_caller && line.start_ms <= early;
        let counts = |about: Axis, weight: f64, times: usize| {
            weight * if times == 0 { 1.0 } else { 0.5 } * if opens && about == Axis::Intent { EARLY } else { 1.0 }
        };
        for sentence in sentences(&line.text) {
            order += 1;
            // Axes of which a rule knows what the sentence says: it needs no second opinion.
            let mut known: Vec<Axis> = Vec::new();
            for (at, words) in scales.read(sentence, line.leg) {
                let rule = &scales.rules[at];
                known.push(rule.about);
                // Only the last word about a payment counts, however often it was said before.
                if times[at] >= TIMES && rule.about != Axis::Payment {
                    continue;
                }
                let weight = counts(rule.about, rule.weight, times[at]);
                times[at] += 1;
                let ground = Ground { quote: LineQuote::of(line, sentence), words, rule: rule.rule.clone(), weight };
                all.add(rule.about, &rule.label, order, ground);
                if rule.about == Axis::Payment {
                    all.pay(&rule.label, rule.weight, order);
                }
            }
            for alike in if from_caller { scales.learned().read(sentence) } else { Vec::new() } {
                let times = times_alike.entry((alike.about, alike.label)).or_default();
                let needed = alike.about == Axis::Intent || !known.contains(&alike.about);
                if needed && (*times < TIMES || alike.about == Axis::Payment) {
                    let weight = counts(alike.about, alike.weight, *times);
                    *times += 1;
                    let rule = learned_rule(alike.intent.unwrap_or(alike.label));
                    let ground = Ground { quote: LineQuote::of(line, sentence), words: alike.words, rule, weight };
                    all.add(alike.about, alike.label, order, ground);
                    if alike.about == Axis::Payment {
                        all.pay(alike.label, alike.weight, order);
                    }
                }
            }
        }
    }
    all.settle();
    all
}

impl Weighed {
    /// What examples say of action and payment counts only where the call is about what they are examples of.
    fn settle(&mut self) {
        let strongest = self.of(Axis::Intent).into_iter().next().map(|one| learned_rule(&one.label));
        let counts = |ground: &Ground| !ground.rule.starts_with(EXAMPLES) || Some(&ground.rule) == strongest.as_ref();
        for ((about, _), (_, one)) in &mut self.labels {
            if matches!(about, Axis::Action | Axis::Payment) {
                one.grounds.retain(counts);
                one.score = one.grounds.iter().map(|ground| ground.weight).sum();
            }
        }
        self.labels.retain(|_, (_, one)| !one.grounds.is_empty());
        let known = |about, label: &String| self.labels.contains_key(&(about, label.clone()));
        if self.payment.as_ref().is_some_and(|(_, _, label)| !known(Axis::Payment, label)) {
            let last = |one: &Labelled| one.grounds.last().map(|ground| ground.quote.start_ms);
            let payments = self.labels.iter().filter(|((about, _), _)| *about == Axis::Payment);
            let latest = payments.max_by_key(|(_, (_, one))| last(one));
            self.payment = latest.map(|((_, label), (order, _))| (*order, 0.0, label.clone()));
        }
    }

    fn pay(&mut self, label: &str, weight: f64, order: usize) {
        let stronger = self.payment.as_ref().is_none_or(|(before, known, _)| order > *before || weight > *known);
        if stronger {
            self.payment = Some((order, weight, label.to_owned()));
        }
    }

    fn add(&mut self, about: Axis, label: &str, order: usize, ground: Ground) {
        let new = || (order, Labelled { label: label.into(), score: 0.0, share: 0.0, grounds: Vec::new() });
        let (_, labelled) = self.labels.entry((about, label.into())).or_insert_with(new);
        labelled.score += ground.weight;
        labelled.grounds.push(ground);
    }
}
