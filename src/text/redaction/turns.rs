//! The misheard rest of a card beside the parts of it that were found.

use super::CARD;
use super::find::{Finder, PAUSE_MS};
use super::run::Place;
use super::spoken;
use super::taking::{OF_A_CARD, is_gone};
use super::words::What;

/// Words at most between two parts of a card: a small model makes words of digits.
const BETWEEN: usize = 5;

impl Finder<'_> {
    /// Hides digits near the parts of a card that a leg told, forward and backward, as far as nobody names anything else.
    pub(super) fn beside(&mut self, leg: i64) {
        let mut places: Vec<Place> = Vec::new();
        for (piece, view) in self.views.iter().enumerate() {
            if view.leg == leg && !view.unheard {
                places.extend((0..view.atoms.len()).map(|number| (piece, number)));
            }
        }
        for _ in 0..2 {
            self.spread(&places);
            places.reverse();
        }
    }

    fn spread(&mut self, places: &[Place]) {
        let mut words = usize::MAX;
        let mut before: Option<Place> = None;
        for &place in places {
            if before.is_some_and(|before| self.is_interrupted(before.min(place).0, before.max(place).0)) {
                words = usize::MAX;
            }
            before = Some(place);
            if self.is_told(place) {
                words = 0;
            } else if self.is_number(place) && words <= BETWEEN {
                if self.sign(place).is_some() && !self.is_other_since(place) {
                    self.hide(&[place], CARD);
                    words = 0;
                } else {
                    words = usize::MAX;
                }
            } else if !matches!(self.atom(place).what, What::Filler) {
                words = words.saturating_add(1);
            }
        }
    }

    /// Whether something else comes between two pieces of a leg: a topic, or a long pause.
    fn is_interrupted(&self, from: usize, to: usize) -> bool {
        let leg = self.views[from].leg;
        self.views[to].start_ms - self.views[from].end_ms > PAUSE_MS
            || self.views[from..to].iter().any(|view| view.leg != leg && view.changes_topic())
    }

    fn is_number(&self, place: Place) -> bool {
        match &self.atom(place).what {
            What::Digits(_) | What::Mixed(_) | What::Times(_) | What::Shape(_) => true,
            What::Other => self.is_ordinal(place),
            // "Double", and the digit was heard as a word.
            What::Word => {
                let atom = self.atom(place);
                spoken::times(&self.views[place.0].text[atom.span.clone()].to_lowercase()) > 0
            }
            _ => false,
        }
    }

    /// Whether a part of a card was found at a place.
    fn is_told(&self, place: Place) -> bool {
        let atom = self.atom(place);
        let overlaps = |span: &std::ops::Range<usize>| span.start < atom.span.end && atom.span.start < span.end;
        is_gone(atom)
            || self
                .hits()
                .any(|hit| hit.piece == place.0 && OF_A_CARD.contains(&hit.label.as_str()) && overlaps(&hit.span))
    }
}
