//! What evidence and examples are about.

use serde::Deserialize;

/// What evidence is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Axis {
    /// Why the caller is on the line.
    Intent,
    /// What came of the call.
    Outcome,
    /// Whether a payment was promised or refused; the last sentence that says so counts.
    Payment,
    /// Whether something is left to be done: above 0 there is.
    Action,
    /// The caller's mood beyond the words of the lexicon; in hundredths of a compound.
    Mood,
    /// How urgent it is.
    Priority,
}
