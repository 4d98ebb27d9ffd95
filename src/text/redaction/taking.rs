//! While a card is being taken: from the question for it, or its first digits, until nothing of it was said for a while.
//!
//! A small model on telephone sound mishears the question for a code, one digit of an answer, or all of it. So in that time digits that answer are
//! hidden without a question that was understood, and the sound of short answers goes with them. What is plainly another number is left alone.

use std::ops::Range;

use super::find::{Finder, PAUSE_MS};
use super::numbers::{is_expiry, is_year};
use super::run::{Place, Run};
use super::topics::Topic;
use super::words::{Atom, What};
use super::{CARD, CallRedaction, Held, MARGIN_MS};

/// A card is being taken for so long after the last that was said of it.
const TAKING_MS: i64 = 45_000;
/// An answer comes in this time after its question.
const PROMPT_MS: i64 = 12_000;
/// Words beside the digits of a piece that does little else than tell them.
const FEW: usize = 6;
/// The same of a single digit.
const FEWER: usize = 2;
/// Words of a piece that answers.
const SHORT: usize = 8;
/// Labels of what belongs to a card.
const OF_A_CARD: [&str; 3] = [CARD, "cvv", "expiry"];

/// How sure it is that a card is being taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
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
            let Some(sign) = self.sign(place) else { continue };
            if self.is_other_since(place) {
                continue;
            }
            let digits = run.said.len();
            let words = words(self.views[place.0].atoms);
            let announced = self.views[place.0].topics.iter().any(|named| matches!(named.topic, Topic::Card))
                && run.said.starts_with(['3', '4', '5', '6']);
            let enough = match (sign, digits) {
                (Sign::Mentioned, 0..=3) => false,
                (Sign::Mentioned, _) => (words <= FEW || announced) && !is_year(&run.said),
                (Sign::Told, 0..=2) => words <= FEWER,
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
    }

    /// Figures with a letter among them: a digit was heard as one.
    fn misheard(&mut self) {
        for piece in 0..self.views.len() {
            for number in 0..self.views[piece].atoms.len() {
                let place = (piece, number);
                let digits = match &self.atom(place).what {
                    What::Mixed(said) => said.bytes().filter(u8::is_ascii_digit).count(),
                    _ => 0,
                };
                if digits >= 2 && self.sign(place) == Some(Sign::Told) && !self.is_other_since(place) {
                    self.hide(&[place], CARD);
                }
            }
        }
    }

    /// Whether something else that has a number was named since the card was told last.
    fn is_other_since(&self, place: Place) -> bool {
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

    /// What tells before a place that a card is being taken.
    fn sign(&self, (here, number): Place) -> Option<Sign> {
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
fn is_gone(atom: &Atom) -> bool {
    OF_A_CARD.iter().any(|label| atom.is_gone(label))
}

/// Words that are neither digits nor what people say between them.
fn words(atoms: &[Atom]) -> usize {
    atoms.iter().filter(|atom| matches!(atom.what, What::Word)).count()
}

impl Held {
    /// Whether a part of a card is told here.
    fn tells(&self) -> bool {
        let hidden = self.hidden.iter().any(|(_, label)| OF_A_CARD.contains(&label.as_str()));
        hidden || self.atoms.iter().any(is_gone)
    }

    fn asks(&self) -> bool {
        self.topics.iter().any(|named| matches!(named.topic, Topic::CardNumber | Topic::Cvv))
    }

    fn whole(&self) -> Range<i64> {
        self.piece.start.0 - MARGIN_MS..self.piece.end.0 + MARGIN_MS
    }
}

impl CallRedaction {
    /// Stretches of legs that are to be silent while a card is being taken, beyond the words that were hidden: short pieces that tell it, what lies
    /// between them, and short answers.
    pub(super) fn taken(&self) -> Vec<(i64, Range<i64>)> {
        let mut silent = Vec::new();
        let mut last_ms: Option<i64> = None;
        for (number, held) in self.held.iter().enumerate() {
            let leg = held.piece.id.leg;
            let start_ms = held.piece.start.0;
            if held.tells() {
                if words(&held.atoms) <= FEW {
                    silent.push((leg, held.whole()));
                }
                // Back to the piece before that tells too, or that asked for it.
                let mut from = None;
                for (other, before) in self.held[..number].iter().enumerate().rev() {
                    if start_ms - before.piece.end.0 > PAUSE_MS {
                        break;
                    }
                    if before.piece.id.leg != leg {
                        if from.is_none() && before.asks() && start_ms - before.piece.end.0 <= PROMPT_MS {
                            from = self.held[other + 1..=number].iter().find(|held| held.piece.id.leg == leg);
                        }
                    } else if before.tells() {
                        silent.push((leg, before.piece.end.0 - MARGIN_MS..start_ms + MARGIN_MS));
                        break;
                    } else if words(&before.atoms) > SHORT {
                        break;
                    }
                }
                if let Some(from) = from {
                    silent.push((leg, from.piece.start.0 - MARGIN_MS..start_ms + MARGIN_MS));
                }
                last_ms = Some(held.piece.end.0);
            } else if last_ms.is_some_and(|last| start_ms - last <= TAKING_MS) && words(&held.atoms) <= SHORT {
                // An answer to what somebody else has just said.
                let answers = self.held[..number]
                    .last()
                    .is_some_and(|before| before.piece.id.leg != leg && start_ms - before.piece.end.0 <= PROMPT_MS);
                let told = self.held[..number].iter().any(|before| before.piece.id.leg == leg && before.tells());
                if answers && told {
                    silent.push((leg, held.whole()));
                }
            }
        }
        silent.retain(|(_, range)| !range.is_empty());
        silent
    }
}
