//! While a card is being taken: from the question for it, or its first digits, until nothing of it was said for a while.
//!
//! A small model on telephone sound mishears the question for a code, one digit of an answer, or all of it. So in that time digits that answer are
//! hidden without a question that was understood, and the sound of short answers goes with them. What is plainly another number is left alone.

use std::sync::LazyLock;

use regex::Regex;

use super::find::Finder;
use super::numbers::{is_expiry, is_year};
use super::run::{Place, Run};
use super::topics::Topic;
use super::words::{Atom, What};
use super::{CARD, checks};

/// A card is being taken for this long after its last part, milliseconds.
pub(super) const TAKING_MS: i64 = 45_000;
/// An answer comes in this time after its question.
pub(super) const PROMPT_MS: i64 = 12_000;
/// Words beside the digits of a piece that does little else than tell them.
pub(super) const FEW: usize = 6;
/// The same of a single digit; and of one that answers.
const FEWER: usize = 2;
const FEWER_OF_AN_ANSWER: usize = 3;
/// Digits in a row that count as a card's where somebody said that they pay, if they begin as one and nothing else was named.
const PAID_WITH: usize = 8;
/// Words of a piece that answers.
pub(super) const SHORT: usize = 8;
/// Labels of what belongs to a card.
pub(super) const OF_A_CARD: [&str; 3] = [CARD, "cvv", "expiry"];

/// Words of somebody who is about to pay.
static PAYS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:(?:want|like|need|going|ready|wish|here) to (?:pay|make a payment)|(?:pay|paying) (?:by|with|now)|charge (?:it|my|the|this))\b")
        .unwrap()
});
/// Words for goods, references, and other means of payment.
static PAYS_FOR: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)\b(?:accounts?|customer|bills?|policy|loan|mortgage|references?|invoices?|contract|fine|tickets?|rent|tax|taxes|",
        r"vouchers?|coupons?|points|cash|transfer|check|cheque|order|booking)\b"
    ))
    .unwrap()
});

/// Certainty that a card is being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Sign {
    /// A card was mentioned.
    Mentioned,
    /// Its number was asked for, or a part of it was said.
    Told,
}

impl Finder<'_> {
    /// Hides digits that answer while a card is being taken.
    pub(super) fn taking(&mut self, legs: &[i64]) {
        let mut runs: Vec<Run> =
            legs.iter().flat_map(|&leg| self.runs(leg, false)).flat_map(|run| self.turns(&run)).collect();
        runs.sort_by_key(Run::first);
        for run in runs {
            let place = run.first();
            if self.is_other_since(place) {
                continue;
            }
            let Some(sign) = self.sign(place) else {
                if self.is_paid_with(&run) {
                    self.hide(&run.parts, CARD);
                }
                continue;
            };
            let digits = run.said.len();
            let words = words(self.views[place.0].atoms);
            let announced = self.views[place.0].topics.iter().any(|named| matches!(named.topic, Topic::Card))
                && run.said.starts_with(['3', '4', '5', '6']);
            let enough = match (sign, digits) {
                (Sign::Mentioned, 0..=3) => false,
                (Sign::Mentioned, _) => (words <= FEW || announced) && !is_year(&run.said),
                (Sign::Told, 0..=2) => words <= if self.is_answer(place.0) { FEWER_OF_AN_ANSWER } else { FEWER },
                (Sign::Told, 3..=7) => words <= FEW,
                (Sign::Told, _) => true,
            };
            if enough {
                let known = self.cards.iter().any(|card| card.digits.len() >= 12 && card.last < place);
                let label = match digits {
                    4 if known && is_expiry(&run.said) => "expiry",
                    0..=4 if known => "cvv",
                    _ => CARD,
                };
                self.hide(&run.parts, label);
            }
        }
        self.misheard();
        for &leg in legs {
            self.beside(leg);
        }
    }

    /// Whether somebody said that he pays, and named nothing else, before digits that begin as a card.
    fn is_paid_with(&self, run: &Run) -> bool {
        let (here, number) = run.first();
        if run.said.len() < PAID_WITH || !checks::begins_as_a_card(&run.said) {
            return false;
        }
        let start = self.views[here].atoms[number].span.start;
        let start_ms = self.views[here].start_ms;
        let said = |piece: usize| if piece == here { &self.views[here].text[..start] } else { self.views[piece].text };
        let near = |piece: &usize| start_ms - self.views[*piece].end_ms <= TAKING_MS;
        let pays = (0..=here).rev().take_while(near).find(|&piece| PAYS.is_match(said(piece)));
        pays.is_some_and(|pays| !(pays..=here).any(|piece| PAYS_FOR.is_match(said(piece))))
    }

    /// Whether a piece comes right after what somebody else said.
    pub(super) fn is_answer(&self, piece: usize) -> bool {
        let view = &self.views[piece];
        let before = piece.checked_sub(1).map(|before| &self.views[before]);
        before.is_some_and(|before| before.leg != view.leg && view.start_ms - before.end_ms <= PROMPT_MS)
    }

    /// Figures with a letter among them, and ordinals that answer: digits were heard as one.
    fn misheard(&mut self) {
        for piece in 0..self.views.len() {
            let view = &self.views[piece];
            let is_short = words(view.atoms) <= FEWER_OF_AN_ANSWER && self.is_answer(piece);
            for number in 0..view.atoms.len() {
                let place = (piece, number);
                let is_doubtful = match &self.atom(place).what {
                    What::Mixed(said) => said.bytes().filter(u8::is_ascii_digit).count() >= 2,
                    What::Other => is_short && self.is_ordinal(place),
                    _ => false,
                };
                if is_doubtful && self.sign(place) == Some(Sign::Told) && !self.is_other_since(place) {
                    self.hide(&[place], CARD);
                }
            }
        }
    }

    /// "6th": what a small model makes of a six among other digits.
    pub(super) fn is_ordinal(&self, place: Place) -> bool {
        let said = &self.views[place.0].text[self.atom(place).span.clone()];
        said.starts_with(|c: char| c.is_ascii_digit()) && ["st", "nd", "rd", "th"].iter().any(|end| said.ends_with(end))
    }

    /// Whether something else that has a number was named since the card was told last.
    pub(super) fn is_other_since(&self, place: Place) -> bool {
        let last = self.asked(place).last().copied();
        last.is_some_and(|(topic, named)| {
            topic.is_other() && !self.hits().any(|hit| hit.piece > named.0 && hit.piece < place.0)
        })
    }

    /// A run in turns: somebody else may have spoken in between.
    fn turns(&self, run: &Run) -> Vec<Run> {
        let mut turns: Vec<Run> = Vec::new();
        let mut before: Option<usize> = None;
        for (part, &place) in run.parts.iter().enumerate() {
            let leg = self.views[place.0].leg;
            let goes_on = before.is_some_and(|before| self.views[before..place.0].iter().all(|view| view.leg == leg));
            if !goes_on {
                turns.push(Run::default());
            }
            if let Some(turn) = turns.last_mut() {
                turn.push(place, run.slice(part, part + 1), run.gaps[part]);
            }
            before = Some(place.0);
        }
        turns
    }

    /// The strongest sign before a place that a card is being taken.
    pub(super) fn sign(&self, (here, number): Place) -> Option<Sign> {
        let start = self.views[here].atoms[number].span.start;
        let start_ms = self.views[here].start_ms;
        let mut sign = None;
        for (piece, view) in self.views.iter().enumerate().take(here + 1) {
            if start_ms - view.end_ms > TAKING_MS {
                continue;
            }
            let named = view.topics.iter().filter(|named| piece < here || named.end <= start);
            for named in named {
                sign = sign.max(match named.topic {
                    Topic::CardNumber => Some(Sign::Told),
                    Topic::Card | Topic::Cvv => Some(Sign::Mentioned),
                    _ => None,
                });
            }
            let before = if piece < here { view.atoms } else { &view.atoms[..number] };
            if before.iter().any(is_gone) {
                sign = Some(Sign::Told);
            }
        }
        let told = self.hits().any(|hit| {
            OF_A_CARD.contains(&hit.label.as_str())
                && (hit.piece < here || hit.piece == here && hit.span.end <= start)
                && start_ms - self.views[hit.piece].end_ms <= TAKING_MS
        });
        if told { Some(Sign::Told) } else { sign }
    }
}

/// Whether a part of a card was taken out here before.
pub(super) fn is_gone(atom: &Atom) -> bool {
    OF_A_CARD.iter().any(|label| atom.is_gone(label))
}

/// Words that are neither digits nor what people say between them.
pub(super) fn words(atoms: &[Atom]) -> usize {
    atoms.iter().filter(|atom| matches!(atom.what, What::Word)).count()
}
