//! The stretches to silence: hidden words, and more while a card is being told, because a small model hears digits as words, or not at all.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::find::{Finder, PAUSE_MS};
use super::taking::{FEW, OF_A_CARD, PROMPT_MS, SHORT, TAKING_MS, is_gone, words};
use super::topics::Topic;
use super::words::{Atom, What};
use super::{CARD, CallRedaction, Held, MARGIN_MS, PieceId, checks};
use crate::call::{CallTime, Word};

/// A stretch continues a part of a card when it follows within this time, milliseconds, and nobody else speaks between.
const GOES_ON_MS: i64 = 3_000;
/// An answer that was not understood and is shorter than this, milliseconds, cannot have been a card's number.
const NUMBER_MS: i64 = 2_000;
/// Digits that make a stretch of doubtful text count as a number.
const NUMBER: usize = 3;

/// Words of somebody who asks for something to be read out.
static REQUEST: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(?:can i|could i|may i|could you|can you|would you|i need|i'll need|take|read|give|tell|which|what|number|numbers|details|ready|go ahead)\b")
        .unwrap()
});

impl Finder<'_> {
    /// Silences words that were not understood while a card is being told.
    pub(super) fn unheard(&mut self) {
        for piece in 0..self.views.len() {
            let view = &self.views[piece];
            if (view.unheard || view.atoms.is_empty())
                && (self.is_part(piece) || announces_itself(view.topics, view.atoms))
            {
                self.hide_all(piece);
            }
        }
    }

    /// Whether a card or a part of it was asked for, or is being told, and what came then was not understood.
    fn is_part(&self, piece: usize) -> bool {
        let view = &self.views[piece];
        let latest = self.asked_before(piece, 0).last().copied();
        let since =
            |question: usize| self.cards.iter().any(|card| card.last.0 >= question && checks::card(&card.digits));
        let is_answered = |question: usize| {
            self.views[question + 1..piece].iter().any(|other| other.leg == view.leg && words(other.atoms) > 0)
        };
        let asked = match latest {
            Some((Topic::CardNumber, (question, _))) => !since(question),
            Some((Topic::Card, (question, _))) => {
                view.end_ms - view.start_ms >= NUMBER_MS
                    && self.views[question].leg != view.leg
                    && REQUEST.is_match(self.views[question].text)
                    && !is_answered(question)
            }
            Some((Topic::Cvv | Topic::Expiry, (question, _))) => !is_answered(question),
            _ => false,
        };
        let goes_on = self.cards.last().is_some_and(|card| {
            let told = &self.views[card.last.0];
            card.last.0 < piece
                && told.leg == view.leg
                && !checks::card(&card.digits)
                && view.start_ms - told.end_ms <= PAUSE_MS
        });
        asked || goes_on && !latest.is_some_and(|(topic, _)| topic.is_other())
    }
}

/// Whether what was not believed names a card and says digits.
fn announces_itself(topics: &[super::Named], atoms: &[Atom]) -> bool {
    let digits = |atom: &Atom| match &atom.what {
        What::Digits(said) | What::Mixed(said) => said.bytes().filter(u8::is_ascii_digit).count(),
        _ => 0,
    };
    topics.iter().any(|named| matches!(named.topic, Topic::CardNumber | Topic::Card))
        && !topics.iter().any(|named| named.topic.is_other())
        && atoms.iter().map(digits).sum::<usize>() >= NUMBER
}

impl Held {
    /// The words without what is hidden, and the time that this took.
    pub(super) fn silenced(&self, words: &[Word], start: CallTime, end: CallTime) -> (Vec<Word>, Vec<Range<i64>>) {
        let stand_in =
            |label: &str, start_ms, end_ms| Word { text: format!("[{label}]"), start_ms, end_ms, confidence: 1.0 };
        let Some(places) = places(&self.piece.text, words) else {
            // The place of the words is unknown, so the whole piece is silenced and its words are not listed.
            let (from, to) = (start.0 - MARGIN_MS, end.0 + MARGIN_MS);
            let all = self.hidden.iter().map(|(_, label)| stand_in(label, start.0, end.0)).collect();
            return (all, std::iter::once(from..to).collect());
        };
        let mut kept: Vec<Word> = Vec::new();
        let mut silent: Vec<Range<i64>> = Vec::new();
        let mut hiding = None;
        for (number, (word, place)) in words.iter().zip(&places).enumerate() {
            let over = self.hidden.iter().position(|(span, _)| place.start < span.end && span.start < place.end);
            let Some(over) = over else {
                hiding = None;
                kept.push(word.clone());
                continue;
            };
            // At the edges of a piece the whole edge is silenced.
            let from = if number == 0 { start.0.min(word.start_ms) } else { word.start_ms } - MARGIN_MS;
            let to = if number + 1 == words.len() { end.0.max(word.end_ms) } else { word.end_ms } + MARGIN_MS;
            if let (true, Some(last), Some(range)) = (hiding == Some(over), kept.last_mut(), silent.last_mut()) {
                last.end_ms = word.end_ms;
                range.end = to;
            } else {
                kept.push(stand_in(&self.hidden[over].1, word.start_ms, word.end_ms));
                match silent.last_mut() {
                    Some(range) if range.end >= from => range.end = to,
                    _ => silent.push(from..to),
                }
            }
            hiding = Some(over);
        }
        (kept, silent)
    }

    /// Whether a part of a card is told here.
    fn tells(&self) -> bool {
        let hidden = self.hidden.iter().any(|(_, label)| OF_A_CARD.contains(&label.as_str()));
        hidden || self.atoms.iter().any(is_gone)
    }

    /// Whether few words were said here, or nobody knows which: a decoder that goes round in a circle says many.
    fn is_short(&self) -> bool {
        self.piece.id.number == PieceId::UNHEARD || words(&self.atoms) <= SHORT
    }

    /// Time at which a card is named here: a few words behind it may be misheard digits.
    fn announced_ms(&self) -> i64 {
        let end = self.topics.iter().map(|named| named.end).max().unwrap_or(0);
        let behind = self.atoms.iter().filter(|atom| matches!(atom.what, What::Word) && atom.span.start >= end).count();
        let first = places(&self.piece.text, &self.piece.words).and_then(|places| {
            let word = places.iter().position(|place| place.start >= end)?;
            self.piece.words.get(word)
        });
        first.filter(|_| behind <= SHORT).map_or(self.piece.end.0, |word| word.start_ms) - MARGIN_MS
    }

    /// The digits of a card that are told here.
    fn digits(&self) -> String {
        let hidden = |atom: &&Atom| {
            let overlaps = |span: &Range<usize>| span.start < atom.span.end && atom.span.start < span.end;
            self.hidden.iter().any(|(span, label)| label == CARD && overlaps(span))
        };
        let said = |atom: &Atom| match &atom.what {
            What::Digits(said) => Some(said.clone()),
            _ => None,
        };
        self.atoms.iter().filter(hidden).filter_map(said).collect()
    }

    fn names_a_card(&self) -> bool {
        self.topics.iter().any(|named| matches!(named.topic, Topic::CardNumber | Topic::Card | Topic::Cvv))
    }

    fn whole(&self) -> Range<i64> {
        self.piece.start.0 - MARGIN_MS..self.piece.end.0 + MARGIN_MS
    }

    /// The stretch in which a part of a card is told here: from its announcement, or a few words before it, to its end and a few words behind.
    fn telling(&self) -> Range<i64> {
        let gone = self.atoms.iter().filter(|atom| is_gone(atom)).map(|atom| &atom.span);
        let hidden = self.hidden.iter().filter(|(_, label)| OF_A_CARD.contains(&label.as_str())).map(|(span, _)| span);
        let told: Vec<&Range<usize>> = hidden.chain(gone).collect();
        let (first, last) = (told.iter().map(|span| span.start).min(), told.iter().map(|span| span.end).max());
        let (Some(first), Some(last)) = (first, last) else { return self.whole() };
        let spoken = |atom: &&Atom| matches!(atom.what, What::Word);
        let before = self.atoms.iter().rev().filter(spoken).filter(|atom| atom.span.end <= first).nth(FEW);
        let announced = self.topics.iter().map(|named| named.end).filter(|end| *end <= first).max();
        let from = before.map_or(0, |atom| atom.span.end).max(announced.unwrap_or(0));
        let behind = self.atoms.iter().filter(spoken).filter(|atom| atom.span.start >= last).count();
        let to = if behind <= FEW { self.piece.text.len() } else { last };
        let Some(places) = places(&self.piece.text, &self.piece.words) else { return self.whole() };
        let inside = |place: &Range<usize>| place.end > from && place.start < to;
        let (Some(begin), Some(end)) = (places.iter().position(inside), places.iter().rposition(inside)) else {
            return self.whole();
        };
        let whole = self.whole();
        let start_ms = if begin == 0 { whole.start } else { self.piece.words[begin].start_ms - MARGIN_MS };
        let end_ms = if end + 1 == places.len() { whole.end } else { self.piece.words[end].end_ms + MARGIN_MS };
        start_ms..end_ms
    }
}

/// Place of each word in the text; `None` when they are not the same words.
fn places(text: &str, words: &[Word]) -> Option<Vec<Range<usize>>> {
    let mut place = 0;
    let found = words.iter().map(|word| {
        let wanted = word.text.trim();
        let gap = text[place..].len() - text[place..].trim_start().len();
        let start = place + gap;
        let end = start + wanted.len();
        (text.get(start..end)? == wanted).then(|| {
            place = end;
            start..end
        })
    });
    let found: Option<Vec<_>> = found.collect();
    found.filter(|found| !found.is_empty() && text[place..].trim().is_empty())
}

impl CallRedaction {
    /// Stretches of legs that are to be silent while a card is being taken, beyond the words that were hidden: what tells it, what lies between the
    /// question and its parts, short answers, and what was not understood.
    pub(super) fn taken(&self) -> Vec<(i64, Range<i64>)> {
        let mut silent = Vec::new();
        let mut last_ms: Option<i64> = None;
        // The leg that tells, and until when.
        let mut told: Option<(i64, i64)> = None;
        for (number, held) in self.held.iter().enumerate() {
            let leg = held.piece.id.leg;
            let (start_ms, end_ms) = (held.piece.start.0, held.piece.end.0);
            let goes_on = told.filter(|(teller, until)| *teller == leg && start_ms - until <= GOES_ON_MS);
            told = None;
            if held.tells() {
                silent.push((leg, held.telling()));
                silent.extend(self.before(number).into_iter().map(|range| (leg, range)));
                last_ms = Some(end_ms);
                told = (!self.is_complete(number)).then_some((leg, end_ms));
            } else if last_ms.is_some_and(|last| start_ms - last <= TAKING_MS) && held.is_short() {
                // An answer to what somebody else has just said, or the rest of what was told.
                let answers = self.held[..number]
                    .last()
                    .is_some_and(|before| before.piece.id.leg != leg && start_ms - before.piece.end.0 <= PROMPT_MS);
                let is_teller = self.held[..number].iter().any(|before| before.piece.id.leg == leg && before.tells());
                let unheard = held.piece.id.number == PieceId::UNHEARD;
                if let Some((_, until)) = goes_on {
                    silent.push((leg, until - MARGIN_MS..end_ms + MARGIN_MS));
                    told = Some((leg, end_ms));
                } else if is_teller && (answers || unheard) {
                    silent.push((leg, held.whole()));
                }
            }
        }
        silent.retain(|(_, range)| !range.is_empty());
        silent
    }

    /// Whether what a leg told up to a piece ends with a whole card, by its check digit: nothing of it is to come.
    fn is_complete(&self, number: usize) -> bool {
        let leg = self.held[number].piece.id.leg;
        let told = self.held[..=number].iter().filter(|held| held.piece.id.leg == leg);
        let digits: String = told.map(Held::digits).collect();
        checks::CARD_LENGTHS
            .filter_map(|length| digits.len().checked_sub(length))
            .any(|from| checks::card(&digits[from..]))
    }

    /// The stretch before a piece that tells a part of a card: back to the piece before that does so too, or to the words that asked for it or
    /// announced it.
    fn before(&self, number: usize) -> Option<Range<i64>> {
        let (leg, start_ms) = (self.held[number].piece.id.leg, self.held[number].piece.start.0);
        let mut from = None;
        for before in self.held[..number].iter().rev() {
            let end_ms = before.piece.end.0;
            if start_ms - end_ms > PAUSE_MS {
                break;
            }
            if before.piece.id.leg != leg {
                if from.is_none() && before.names_a_card() {
                    from = Some(end_ms);
                }
            } else if before.tells() || before.names_a_card() {
                from = Some(if before.tells() { end_ms - MARGIN_MS } else { before.announced_ms() });
                break;
            } else if !before.is_short() {
                break;
            }
        }
        from.map(|from| from..start_ms + MARGIN_MS)
    }
}
