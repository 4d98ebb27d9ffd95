//! What a watch is told: a segment of text.

use crate::call::Leg;
use crate::text::keywords::TermHit;

/// Occurrences that are kept of one rule in one call.
pub(super) const KEPT: usize = 1000;

/// A segment of text, read.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    /// Whose.
    pub leg: Leg,
    /// Where in the call, milliseconds.
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
