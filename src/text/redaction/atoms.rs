//! The parts of a text in which numbers are looked for: tokens, and atoms made of them.

use std::ops::Range;

/// Meaning of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// "4532", "four", "forty-five", "double oh".
    Digits(String),
    /// "Double" at the end of a text: the digit comes in the next.
    Times(usize),
    /// A single letter, a word of the NATO alphabet, or a typed group in capitals: in upper case.
    Letters(String),
    /// Letters and digits typed together, upper case.
    Mixed(String),
    /// "12/27": month and year.
    Slash,
    /// A month by name.
    Month,
    /// Month and year of a date without a day.
    MonthYear,
    /// Part of a date with a day.
    Date,
    /// A number that is none of ours: an amount, a time, a quantity.
    Other,
    /// The same by its shape alone ("4,539", "45:39"): recognisers write digits so that they have never seen in a row.
    Shape(String),
    /// `[card]` and the like: a number that was taken out of this text before.
    Gone(String),
    /// A filler that people say between groups of digits.
    Filler,
    /// Anything else.
    Word,
}

/// A piece of a text and what it is.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// Its bytes in the text.
    pub span: Range<usize>,
    /// Its meaning.
    pub what: What,
}

impl Atom {
    /// Whether a number of this kind was taken out here.
    pub fn is_gone(&self, kind: &str) -> bool {
        matches!(&self.what, What::Gone(label) if label == kind)
    }
}

pub(super) fn position(list: &[&str], word: &str) -> Option<usize> {
    list.iter().position(|entry| *entry == word)
}

/// A word with its place, before numbers are put together.
pub(super) struct Token {
    pub span: Range<usize>,
    /// The token as it is written, with its figures in ASCII.
    pub text: String,
    /// The same in lower case.
    pub lower: String,
    /// Set when the shape alone tells.
    pub(super) what: Option<What>,
}
