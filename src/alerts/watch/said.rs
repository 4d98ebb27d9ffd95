//! A segment of text, as a watch takes it.

use std::ops::Range;

use crate::call::Leg;
use crate::text::Analysis;
use crate::text::keywords::TermHit;

/// Occurrences that are kept of one rule in one call.
pub(super) const KEPT: usize = 1000;

/// A segment of text with its analysis.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// The leg that the segment was said on.
    pub leg: Leg,
    /// Begin, milliseconds of the call.
    pub start_ms: i64,
    /// Its end.
    pub end_ms: i64,
    /// The words.
    pub text: &'a str,
    /// -1 to 1; `None` in a language without a list.
    pub compound: Option<f64>,
    /// Keywords in it.
    pub keywords: &'a [TermHit],
    /// Profanity in it.
    pub profanity: &'a [TermHit],
}

impl<'a> Said<'a> {
    /// A text at a time of its call, milliseconds, with what the packs find in it. `compound` is the one that counts: an old text keeps its own.
    pub fn of(leg: Leg, ms: Range<i64>, text: &'a str, compound: Option<f64>, found: &'a Analysis) -> Self {
        let Range { start: start_ms, end: end_ms } = ms;
        Self { leg, start_ms, end_ms, text, compound, keywords: &found.keywords, profanity: &found.profanity }
    }
}
