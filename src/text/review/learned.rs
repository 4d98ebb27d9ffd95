//! `[[example]]`: sentences as callers say them, from which lineside learns which words speak for a label.
//!
//! ```toml
//! [[example]]
//! about = "intent"                  # an axis of evidence.rs: intent or mood
//! label = "hardship"
//! weight = 4.0                      # what a sentence adds that surely says it; 0: it speaks for nothing
//! mood = "distressed"               # of an intent: the mood in which it is said, which is learned from the same sentences
//! action = 2.0                      # of an intent: what such a sentence adds to "something is left to do"
//! payment = "hardship"              # of an intent: what such a sentence says of the payment, where no rule knows better
//! says = """
//! I've lost my job and can't pay
//! could you lower the instalments for a while
//! """
//! ```
//!
//! Lists of words know what somebody thought of; callers say it in other words. What counts here is every word that the examples of one label have
//! more often than those of the others, and every run of four or five letters inside it, so that "repayments" is half known by "payment" and
//! Swahili's "nitalipa" by "kulipa". Naive Bayes, learned when the packs are read: no file, no seed, the same packs always say the same. A sentence
//! that looks like the examples of weight 0 (greetings, thanks, names) speaks for nothing. The words that decided are told with what they added.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};

use rustc_hash::{FxHashMap, FxHasher};
use serde::Deserialize;
use toml::Spanned;

use super::axis::Axis;
use crate::text::entry::{Fault, read_name};

/// What a sure sentence adds where its examples do not say.
const WEIGHT: f64 = 4.0;
/// Heaviest weight, as of evidence.
const MAX_WEIGHT: f64 = 10.0;
/// Added to every count, so that a word that a label's examples lack is rare there and not impossible.
const SMOOTH: f64 = 0.3;
/// The runs of letters in a word say the same several times; the sum is made smaller by this.
const TEMPER: f64 = 2.0;
/// A label with a smaller share of a sentence says nothing.
const LEAST: f64 = 0.25;
/// The same of a mood: most of what is said has none.
const LEAST_MOOD: f64 = 0.5;
/// The same of a payment: who is said to have promised one must have said so.
const LEAST_PAYMENT: f64 = 0.8;
/// What a sentence adds that surely says something of a payment; a rule's weight is more.
const PAYMENT: f64 = 1.0;
/// Runs of letters that are looked at, in letters, a word's two ends counted as one each.
const RUNS: [usize; 2] = [4, 5];
/// Words that are told as the ones that decided.
const TOLD: usize = 4;

/// Sentences of one label.
#[derive(Clone, Debug)]
pub struct Examples {
    about: Axis,
    label: String,
    weight: Option<f64>,
    mood: Option<String>,
    action: Option<f64>,
    payment: Option<String>,
    says: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::text) struct ExampleEntry {
    about: Spanned<Axis>,
    label: Spanned<String>,
    weight: Option<Spanned<f64>>,
    mood: Option<Spanned<String>>,
    action: Option<Spanned<f64>>,
    payment: Option<Spanned<String>>,
    says: Spanned<String>,
}

impl ExampleEntry {
    pub(in crate::text) fn check(self) -> Result<Examples, Fault> {
        if !matches!(self.about.get_ref(), Axis::Intent | Axis::Mood) {
            return Err((
                self.about.span(),
                "examples are about \"intent\" or \"mood\"; write [[evidence]] for others".into(),
            ));
        }
        for weight in self.weight.iter().chain(&self.action) {
            if !(-MAX_WEIGHT..=MAX_WEIGHT).contains(weight.get_ref()) {
                let message = format!("weight is {}; allowed is -{MAX_WEIGHT} to {MAX_WEIGHT}", weight.get_ref());
                return Err((weight.span(), message));
            }
        }
        if *self.about.get_ref() == Axis::Mood
            && let Some(here) = self
                .mood
                .as_ref()
                .or(self.payment.as_ref())
                .map(Spanned::span)
                .or(self.action.as_ref().map(Spanned::span))
        {
            return Err((here, "mood, action and payment are for examples of an intent".into()));
        }
        let here = self.says.span();
        let says: Vec<String> =
            self.says.into_inner().lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
        if says.is_empty() {
            return Err((here, "says is empty; write one sentence a line, as a caller would say it".into()));
        }
        if let Some(line) = says.iter().find(|line| words(line).next().is_none()) {
            return Err((here, format!("says: {line:?} has no word")));
        }
        Ok(Examples {
            about: self.about.into_inner(),
            label: read_name("label", self.label)?,
            weight: self.weight.map(Spanned::into_inner),
            mood: self.mood.map(|mood| read_name("mood", mood)).transpose()?,
            action: self.action.map(Spanned::into_inner),
            payment: self.payment.map(|payment| read_name("payment", payment)).transpose()?,
            says,
        })
    }
}

/// What a sentence says by the words of examples.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Likeness<'a> {
    pub about: Axis,
    pub label: &'a str,
    /// The intent whose examples say so of action and payment.
    pub intent: Option<&'a str>,
    /// Share of the label times its weight.
    pub weight: f64,
    /// The words that decided, in their order.
    pub words: String,
}

/// What was learned, by axis.
#[derive(Debug, Default)]
pub(super) struct Learned {
    axes: Vec<(Axis, Model)>,
}

impl Learned {
    pub fn new<'a>(examples: impl Iterator<Item = &'a Examples>) -> Self {
        let mut of_axis: BTreeMap<Axis, Vec<Taught>> = BTreeMap::new();
        for one in examples {
            of_axis.entry(one.about).or_default().push(Taught { label: &one.label, examples: one, weight: one.weight });
            if let Some(mood) = &one.mood {
                of_axis.entry(Axis::Mood).or_default().push(Taught { label: mood, examples: one, weight: None });
            }
        }
        Self { axes: of_axis.into_iter().map(|(axis, taught)| (axis, Model::new(&taught))).collect() }
    }

    /// The labels that a sentence speaks for.
    pub fn read(&self, sentence: &str) -> Vec<Likeness<'_>> {
        if self.axes.is_empty() {
            return Vec::new();
        }
        let lower = sentence.to_lowercase().replace('’', "'");
        let words: Vec<(&str, Vec<u64>)> = words(&lower).map(|word| (word, features(word))).collect();
        self.axes.iter().flat_map(|(axis, model)| model.read(*axis, &words)).collect()
    }
}

impl Learned {
    /// Share of the labels without weight in what a text is like: 1 of one that says nothing about this.
    pub fn nothing(&self, about: Axis, text: &str) -> f64 {
        let lower = text.to_lowercase().replace('’', "'");
        let words: Vec<(&str, Vec<u64>)> = words(&lower).map(|word| (word, features(word))).collect();
        let model = self.axes.iter().find(|(axis, _)| *axis == about).map(|(_, model)| model);
        model.and_then(|model| Some((model, model.shares(&words)?))).map_or(0.0, |(model, (shares, _))| {
            shares.iter().zip(&model.labels).filter(|(_, label)| label.weight == 0.0).map(|(share, _)| share).sum()
        })
    }
}

/// Sentences that teach a label of an axis.
struct Taught<'a> {
    label: &'a str,
    /// `None` where another entry says it.
    weight: Option<f64>,
    examples: &'a Examples,
}

/// A label, and what a sentence says that is like its examples.
#[derive(Debug)]
struct Meaning {
    name: String,
    weight: f64,
    action: Option<f64>,
    payment: Option<String>,
    /// Logarithm of the weight of a feature that none of the label's examples has.
    unseen: f64,
}

/// Counts of features, by label.
#[derive(Debug)]
struct Model {
    labels: Vec<Meaning>,
    /// Of each feature the begin and end of its part of `counts`.
    features: FxHashMap<u64, (u32, u32)>,
    /// Label, and how much more its logarithm is than for none.
    counts: Vec<(u16, f32)>,
}

impl Model {
    fn new(examples: &[Taught]) -> Self {
        let mut labels: Vec<Meaning> = Vec::new();
        let mut sums: Vec<f64> = Vec::new();
        let mut seen: FxHashMap<u64, BTreeMap<u16, u32>> = FxHashMap::default();
        for one in examples {
            let known = labels.iter().position(|label| label.name == one.label);
            let at = known.unwrap_or_else(|| {
                let name = one.label.to_owned();
                labels.push(Meaning { name, weight: WEIGHT, action: None, payment: None, unseen: 0.0 });
                sums.push(0.0);
                labels.len() - 1
            });
            labels[at].weight = one.weight.unwrap_or(labels[at].weight);
            labels[at].action = one.examples.action.or(labels[at].action);
            labels[at].payment = one.examples.payment.clone().or(labels[at].payment.take());
            for sentence in &one.examples.says {
                let lower = sentence.to_lowercase().replace('’', "'");
                let mut all: Vec<u64> = words(&lower).flat_map(features).collect();
                all.sort_unstable();
                all.dedup();
                sums[at] += all.len() as f64;
                for feature in all {
                    *seen.entry(feature).or_default().entry(at as u16).or_default() += 1;
                }
            }
        }
        let vocabulary = seen.len() as f64;
        for (label, sum) in labels.iter_mut().zip(&sums) {
            label.unseen = (SMOOTH / (sum + SMOOTH * vocabulary)).ln();
        }
        let mut counts = Vec::new();
        let mut features = FxHashMap::default();
        for (feature, of_label) in seen {
            let begin = counts.len() as u32;
            counts.extend(
                of_label.into_iter().map(|(at, count)| (at, ((f64::from(count) + SMOOTH) / SMOOTH).ln() as f32)),
            );
            features.insert(feature, (begin, counts.len() as u32));
        }
        counts.shrink_to_fit();
        Self { labels, features, counts }
    }

    /// Share of each label in what the words are like, and what each word adds to it; nothing where no word is known.
    fn shares(&self, words: &[(&str, Vec<u64>)]) -> Option<(Vec<f64>, Vec<Vec<f64>>)> {
        let mut of_word: Vec<Vec<f64>> = Vec::with_capacity(words.len());
        let mut read: Vec<u64> = Vec::new();
        let mut sums = vec![0.0; self.labels.len()];
        for (_, features) in words {
            let mut word = vec![0.0; self.labels.len()];
            for feature in features {
                // A feature counts once a sentence.
                let Some((begin, end)) = self.features.get(feature).filter(|_| !read.contains(feature)) else {
                    continue;
                };
                read.push(*feature);
                for (sum, label) in word.iter_mut().zip(&self.labels) {
                    *sum += label.unseen;
                }
                for (label, more) in &self.counts[*begin as usize..*end as usize] {
                    word[*label as usize] += f64::from(*more);
                }
            }
            for (sum, of_word) in sums.iter_mut().zip(&word) {
                *sum += of_word / TEMPER;
            }
            of_word.push(word);
        }
        if read.is_empty() {
            return None;
        }
        let highest = sums.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = sums.iter().map(|sum| (sum - highest).exp()).sum();
        Some((sums.iter().map(|sum| (sum - highest).exp() / total).collect(), of_word))
    }

    fn read(&self, axis: Axis, words: &[(&str, Vec<u64>)]) -> Vec<Likeness<'_>> {
        let Some((shares, of_word)) = self.shares(words) else { return Vec::new() };
        let least = if axis == Axis::Mood { LEAST_MOOD } else { LEAST };
        let mut told = Vec::new();
        for (at, (share, label)) in shares.into_iter().zip(&self.labels).enumerate() {
            if share < least || label.weight == 0.0 {
                continue;
            }
            let words = deciding(words, &of_word, at);
            let likeness = |about, name, weight: f64| Likeness {
                about,
                label: name,
                intent: (about != axis).then_some(label.name.as_str()),
                weight: share * weight,
                words: words.clone(),
            };
            told.push(likeness(axis, label.name.as_str(), label.weight));
            if axis == Axis::Intent {
                told.extend(label.action.map(|weight| likeness(Axis::Action, label.name.as_str(), weight)));
                let sure = label.payment.as_ref().filter(|_| share >= LEAST_PAYMENT);
                told.extend(sure.map(|payment| likeness(Axis::Payment, payment.as_str(), PAYMENT)));
            }
        }
        told
    }
}

/// The words that speak for the label more than for the mean of all, in their order.
fn deciding(words: &[(&str, Vec<u64>)], of_word: &[Vec<f64>], label: usize) -> String {
    let more = |sums: &Vec<f64>| sums[label] - sums.iter().sum::<f64>() / sums.len() as f64;
    let mut best: Vec<(usize, f64)> = of_word.iter().map(more).enumerate().filter(|(_, more)| *more > 0.0).collect();
    best.sort_by(|a, b| b.1.total_cmp(&a.1));
    best.truncate(TOLD);
    best.sort_unstable_by_key(|(at, _)| *at);
    best.iter().map(|(at, _)| words[*at].0).collect::<Vec<_>>().join(" ")
}

/// The words of a text in lower case; figures are none.
fn words(lower: &str) -> impl Iterator<Item = &str> {
    lower
        .split(|sign: char| !sign.is_alphanumeric() && sign != '\'')
        .map(|word| word.trim_matches('\''))
        .filter(|word| word.chars().any(char::is_alphabetic))
}

/// A word and the runs of letters inside it, as numbers; that two of them are one is rare enough.
fn features(word: &str) -> Vec<u64> {
    let number = |kind: u8, text: &str| {
        let mut hasher = FxHasher::default();
        kind.hash(&mut hasher);
        text.hash(&mut hasher);
        hasher.finish()
    };
    let mut all = vec![number(0, word)];
    let marked = format!("<{word}>");
    let ends: Vec<usize> = marked.char_indices().map(|(at, _)| at).chain([marked.len()]).collect();
    for run in RUNS {
        all.extend(ends.windows(run + 1).map(|window| number(1, &marked[window[0]..window[run]])));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn examples(label: &str, weight: Option<f64>, says: &[&str]) -> Examples {
        let says = says.iter().map(|&line| line.into()).collect();
        Examples { about: Axis::Intent, label: label.into(), weight, mood: None, action: None, payment: None, says }
    }

    fn learned() -> Learned {
        let all = [
            examples("hardship", None, &["I lost my job and can't pay", "please lower the instalments"]),
            examples("order", None, &["where is my parcel", "my order has not arrived"]),
            examples("none", Some(0.0), &["good morning", "thank you very much", "yes please"]),
        ];
        Learned::new(all.iter())
    }

    #[test]
    fn a_sentence_in_other_words_is_known_by_those_it_shares_and_by_parts_of_them() {
        let learned = learned();
        for (sentence, label) in
            [("could the instalment be lowered", "hardship"), ("no parcels arriving today", "order")]
        {
            let read = learned.read(sentence);
            assert_eq!(read.iter().map(|one| one.label).collect::<Vec<_>>(), [label], "{sentence}: {read:?}");
            assert!(read[0].weight > WEIGHT / 2.0, "{read:?}");
        }
        assert_eq!(learned.read("could the instalment be lowered")[0].words, "the instalment lowered");
    }

    #[test]
    fn what_looks_like_a_greeting_or_has_no_known_word_speaks_for_nothing() {
        let learned = learned();
        for sentence in ["Good morning!", "Thank you", "Zzz qq", "12 34", ""] {
            assert_eq!(learned.read(sentence), Vec::new(), "{sentence}");
        }
    }
}
