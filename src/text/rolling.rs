//! Sentiment over a call: what a supervisor's screen shows while it runs.

use std::collections::{BTreeMap, VecDeque};

use serde::Serialize;

use super::Label;
use crate::call::Leg;

/// Segments in the rolling mean.
pub const WINDOW: usize = 10;

/// Running figures over segments in order of time; of a call, or of one leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rolling {
    /// Segments so far.
    pub segments: u32,
    /// Segments with a positive compound.
    pub positive: u32,
    /// Segments with a neutral compound.
    pub neutral: u32,
    /// Segments with a negative compound.
    pub negative: u32,
    /// Negative ones in a row, up to now; of a call, on that leg which has most.
    pub consecutive_negative: u32,
    /// Lowest compound so far, -1 to 1.
    pub min: Option<f64>,
    /// Highest compound so far, -1 to 1.
    pub max: Option<f64>,
    /// Mean compound over all.
    pub mean: Option<f64>,
    /// Mean compound over the last [`WINDOW`] segments.
    pub rolling: Option<f64>,
    #[serde(skip)]
    sum: f64,
    #[serde(skip)]
    window: VecDeque<f64>,
}

impl Rolling {
    /// Takes the next segment's compound; one without it, of a language without a list, counts as a segment and changes no figure of the mood.
    pub fn push(&mut self, compound: Option<f64>) {
        self.segments += 1;
        let Some(compound) = compound else { return };
        let label = Label::of(compound);
        match label {
            Label::Positive => self.positive += 1,
            Label::Negative => self.negative += 1,
            Label::Neutral | Label::Unavailable => self.neutral += 1,
        }
        self.consecutive_negative = if label == Label::Negative { self.consecutive_negative + 1 } else { 0 };
        self.min = Some(self.min.map_or(compound, |min| min.min(compound)));
        self.max = Some(self.max.map_or(compound, |max| max.max(compound)));
        self.sum += compound;
        self.mean = Some(tidy(self.sum / f64::from(self.positive + self.neutral + self.negative)));
        self.window.push_back(compound);
        if self.window.len() > WINDOW {
            self.window.pop_front();
        }
        self.rolling = Some(tidy(self.window.iter().sum::<f64>() / self.window.len() as f64));
    }
}

/// A call's figures: all of it, and leg by leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CallRolling {
    /// All legs together, in the order in which their text came.
    pub call: Rolling,
    /// The figures of each leg.
    pub legs: BTreeMap<Leg, Rolling>,
}

impl CallRolling {
    /// Takes the next segment of a leg.
    pub fn push(&mut self, leg: Leg, compound: Option<f64>) {
        self.call.push(compound);
        self.legs.entry(leg).or_default().push(compound);
        // The other side's politeness does not end a row.
        self.call.consecutive_negative = self.legs.values().map(|leg| leg.consecutive_negative).max().unwrap_or(0);
    }
}

/// Four decimals, as VADER gives them.
fn tidy(value: f64) -> f64 {
    (value * 1e4).round() / 1e4
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_turns_bad_shows_it_in_the_window_and_in_the_row_of_negatives() {
        let mut call = CallRolling::default();
        for compound in [0.5, 0.0, -0.3, -0.6] {
            call.push(Leg::Caller, Some(compound));
        }
        call.push(Leg::Agent, Some(0.8));
        let caller = &call.legs[&Leg::Caller];
        assert_eq!((caller.positive, caller.neutral, caller.negative, caller.consecutive_negative), (1, 1, 2, 2));
        assert_eq!((caller.min, caller.max, caller.mean), (Some(-0.6), Some(0.5), Some(-0.1)));
        assert_eq!((call.call.consecutive_negative, call.call.mean), (2, Some(0.08)));
    }

    #[test]
    fn a_segment_without_sentiment_counts_and_changes_no_mood() {
        let mut call = CallRolling::default();
        for compound in [Some(-0.4), None, Some(-0.2), None] {
            call.push(Leg::Caller, compound);
        }
        let figures = &call.call;
        assert_eq!((figures.segments, figures.negative, figures.neutral, figures.consecutive_negative), (4, 2, 0, 2));
        assert_eq!((figures.mean, figures.rolling, figures.max), (Some(-0.3), Some(-0.3), Some(-0.2)));
        let mut silent = Rolling::default();
        silent.push(None);
        assert_eq!((silent.mean, silent.rolling, silent.min), (None, None, None));
    }

    #[test]
    fn the_window_forgets_what_is_long_past() {
        let mut rolling = Rolling::default();
        rolling.push(Some(-1.0));
        for _ in 0..WINDOW {
            rolling.push(Some(0.5));
        }
        assert_eq!(rolling.rolling, Some(0.5));
    }
}
