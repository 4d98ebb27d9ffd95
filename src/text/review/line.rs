//! A line of a call, and words of it.

use serde::Serialize;

use crate::call::Leg;

/// A line of a call as it is kept.
#[derive(Clone, Debug)]
pub struct ReviewLine {
    /// Row number of its segment.
    pub segment: i64,
    /// Who says it.
    pub leg: Leg,
    /// Begin in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call, milliseconds.
    pub end_ms: i64,
    /// What was said.
    pub text: String,
    /// Its sentiment, -1 to 1; `None` in a language without a list.
    pub compound: Option<f64>,
    /// Labels of the keywords in it.
    pub labels: Vec<String>,
    /// Whether its sound was heard; of text that came without, the end is not known.
    pub heard: bool,
}

/// Words of a line, and where it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineQuote {
    /// Row number of the segment.
    pub segment_id: i64,
    /// The leg that says it.
    pub leg: Leg,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
    /// The words.
    pub text: String,
}

impl LineQuote {
    pub(super) fn of(line: &ReviewLine, text: &str) -> Self {
        Self { segment_id: line.segment, leg: line.leg, start_ms: line.start_ms, text: text.into() }
    }
}
