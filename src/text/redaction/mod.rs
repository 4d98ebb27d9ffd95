//! Redacts text: card numbers, their codes and expiry dates, IBANs, and the national ids of the packs.
//!
//! Promises: a number is found as it is spoken or written, alone or over several pieces of a leg; parts that were shown before the number was
//! recognised are corrected; a hidden number stays hidden. Nothing of it leaves this room: no log, no error names it. English number words only;
//! figures in any language. It must never be asked to decide who may see a number: nobody may.

mod amounts;
mod atoms;
mod checks;
mod figures;
mod find;
mod forms;
mod numbers;
mod run;
mod sound;
mod spoken;
mod taking;
mod topics;
mod turns;
mod words;

use std::ops::Range;

use regex::Regex;

use self::find::{SecretHit, View};
pub use self::forms::Form;
use self::topics::Named;
use self::words::Atom;
use super::pack::Pack;
use crate::call::{CallTime, Leg, Word};

/// Length of a call that is kept in memory, to know the context of a number, milliseconds.
const WINDOW_MS: i64 = 120_000;
/// Number of pieces that are kept at most.
const WINDOW: usize = 80;
/// Milliseconds silenced on both sides of a secret: recognisers place words within a few tenths of a second.
const MARGIN_MS: i64 = 400;
/// The stand-in of a card's number.
const CARD: &str = "card";

/// The numbers to look for.
#[derive(Debug, Default)]
pub struct Redactor {
    forms: Vec<Form>,
    near: Vec<Option<Regex>>,
}

/// Identity of a piece of text, returned as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PieceId {
    /// Row number of the leg.
    pub leg: i64,
    /// Row number of the utterance.
    pub utterance: i64,
    /// Its number in the utterance, from 0.
    pub number: usize,
}

/// A piece of text as it was recognised. Times are the call's.
#[derive(Clone, Debug)]
pub struct RedactionPiece {
    /// The utterance and the piece's number in it.
    pub id: PieceId,
    /// The speaker: a voice may continue on another leg, after a restart or a new connection.
    pub speaker: Leg,
    /// Begin in the call.
    pub start: CallTime,
    /// End in the call.
    pub end: CallTime,
    /// The text.
    pub text: String,
    /// The words with their times, where the engine gives them.
    pub words: Vec<Word>,
}

/// A piece of text that may be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Redacted {
    /// The utterance and the piece's number in it.
    pub id: PieceId,
    /// Begin in the call.
    pub start: CallTime,
    /// End in the call.
    pub end: CallTime,
    /// Its text, with `[card]` and the like.
    pub text: String,
    /// Its words, likewise.
    pub words: Vec<Word>,
    /// Labels of the secrets found, each once.
    pub labels: Vec<String>,
    /// Stretches of sound to be silenced, in the call's time.
    pub silent: Vec<Range<i64>>,
}

/// The result for a piece, and for those before it.
#[derive(Clone, Debug, PartialEq)]
pub struct RedactionOutcome {
    /// The piece itself.
    pub piece: Redacted,
    /// Earlier pieces that have to be corrected, with the text that was shown of them.
    pub corrected: Vec<(String, Redacted)>,
    /// Stretches to be silenced whose text stays: row number of the leg, and the call's time.
    pub silent: Vec<(i64, Range<i64>)>,
}

struct Held {
    piece: RedactionPiece,
    atoms: Vec<Atom>,
    topics: Vec<Named>,
    hidden: Vec<(Range<usize>, String)>,
    shown: String,
}

/// Memory of a running call: the text of the last two minutes. It is never written anywhere.
#[derive(Default)]
pub struct CallRedaction {
    held: Vec<Held>,
    /// Stretches of legs that were said to be silent while a card was being taken.
    silenced: Vec<(i64, Range<i64>)>,
}

impl std::fmt::Debug for CallRedaction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "CallRedaction({} pieces)", self.held.len())
    }
}

impl CallRedaction {
    /// Moves the call's begin back by this many milliseconds.
    pub fn shift(&mut self, by_ms: i64) {
        for Held { piece, .. } in &mut self.held {
            (piece.start.0, piece.end.0) = (piece.start.0 + by_ms, piece.end.0 + by_ms);
            for word in &mut piece.words {
                (word.start_ms, word.end_ms) = (word.start_ms + by_ms, word.end_ms + by_ms);
            }
        }
        for (_, range) in &mut self.silenced {
            *range = range.start + by_ms..range.end + by_ms;
        }
    }

    /// Its call and another become one: a number may have begun in either.
    pub fn absorb(&mut self, other: Self) {
        self.held.extend(other.held);
        self.held.sort_by_key(|held| held.piece.start);
        self.silenced.extend(other.silenced);
    }

    /// The voice of each piece: legs of one direction that do not overlap are one voice, named by the first of them.
    fn voices(&self) -> Vec<i64> {
        let mut legs: Vec<(i64, Leg, CallTime, CallTime)> = Vec::new();
        for Held { piece, .. } in &self.held {
            match legs.iter_mut().find(|leg| leg.0 == piece.id.leg) {
                Some(leg) => leg.3 = leg.3.max(piece.end),
                None => legs.push((piece.id.leg, piece.speaker, piece.start, piece.end)),
            }
        }
        // By leg: its voice, and the time until which that voice has spoken. Legs are in order of their begin.
        let mut voices: Vec<(i64, Leg, CallTime)> = Vec::new();
        let of_leg: Vec<(i64, i64)> = legs
            .into_iter()
            .map(|(leg, speaker, start, end)| {
                if let Some(voice) = voices.iter_mut().find(|voice| voice.1 == speaker && voice.2 <= start) {
                    voice.2 = end;
                    (leg, voice.0)
                } else {
                    voices.push((leg, speaker, end));
                    (leg, leg)
                }
            })
            .collect();
        let voice = |leg: i64| of_leg.iter().find(|(other, _)| *other == leg).map_or(leg, |(_, voice)| *voice);
        self.held.iter().map(|held| voice(held.piece.id.leg)).collect()
    }
}

impl PieceId {
    /// The number of what was said in an utterance and not understood, or not believed: it is shown to nobody, its sound may have to go.
    pub const UNHEARD: usize = usize::MAX;
}

impl Redactor {
    /// Looks for cards, IBANs and the forms of these packs.
    pub fn new(packs: &[Pack]) -> Self {
        let forms: Vec<Form> = packs.iter().flat_map(|pack| pack.redact.iter().cloned()).collect();
        Self { near: forms.iter().map(Form::near).collect(), forms }
    }

    /// Takes a stored piece of a call that continues. Numbers that were redacted in it are recognised by their stand-ins.
    pub fn recall(&self, call: &mut CallRedaction, piece: RedactionPiece) {
        self.hold(call, piece);
    }

    fn hold(&self, call: &mut CallRedaction, piece: RedactionPiece) {
        let newest = call.held.iter().map(|held| held.piece.end.0).max().unwrap_or(0).max(piece.end.0);
        call.held.retain(|held| newest - held.piece.end.0 <= WINDOW_MS);
        call.silenced.retain(|(_, range)| newest - range.end <= WINDOW_MS);
        if call.held.len() >= WINDOW {
            call.held.remove(0);
        }
        let place = call.held.partition_point(|held| held.piece.start <= piece.start);
        let topics = topics::read(&piece.text, &self.near);
        let held = Held {
            atoms: words::read(&piece.text, &topics),
            topics,
            hidden: Vec::new(),
            shown: piece.text.clone(),
            piece,
        };
        call.held.insert(place, held);
    }

    /// Hides what is found in all that is held.
    fn find(&self, call: &mut CallRedaction) {
        let voices = call.voices();
        let views: Vec<View> = call
            .held
            .iter()
            .zip(&voices)
            .map(|(held, &voice)| View {
                leg: voice,
                start_ms: held.piece.start.0,
                end_ms: held.piece.end.0,
                unheard: held.piece.id.number == PieceId::UNHEARD,
                text: &held.piece.text,
                atoms: &held.atoms,
                topics: &held.topics,
            })
            .collect();
        let hits = find::find(&views, &self.forms);
        drop(views);
        for SecretHit { piece, span, label } in hits {
            if let Some(held) = call.held.get_mut(piece) {
                hide(held, span, label);
            }
        }
    }

    /// Takes a piece of a call, in any order. Returns the part of it that may be shown, and the corrections to earlier pieces.
    pub fn push(&self, call: &mut CallRedaction, piece: RedactionPiece) -> RedactionOutcome {
        let id = piece.id;
        self.hold(call, piece);
        self.find(call);
        let mut corrected = Vec::new();
        let mut own = None;
        for held in &mut call.held {
            let redacted = held.redacted();
            if held.piece.id == id {
                held.shown.clone_from(&redacted.text);
                own = Some(redacted);
            } else if redacted.text != held.shown {
                let before = std::mem::replace(&mut held.shown, redacted.text.clone());
                corrected.push((before, redacted));
            }
        }
        let covered = |all: &[(i64, Range<i64>)], (leg, range): &(i64, Range<i64>)| {
            all.iter().any(|(other, told)| other == leg && told.start <= range.start && range.end <= told.end)
        };
        let mut silent = call.taken();
        silent.retain(|stretch| !covered(&call.silenced, stretch));
        call.silenced.extend(silent.iter().cloned());
        // The piece was put there above; were it not, nothing of it would be shown.
        let nothing = Redacted {
            id,
            start: CallTime(0),
            end: CallTime(0),
            text: String::new(),
            words: Vec::new(),
            labels: Vec::new(),
            silent: Vec::new(),
        };
        RedactionOutcome { piece: own.unwrap_or(nothing), corrected, silent }
    }

    /// Redacts a text that goes on: every number of three digits or more is hidden, because nobody knows yet what it will be.
    pub fn cautious(&self, text: &str) -> String {
        let atoms = words::read(text, &topics::read(text, &self.near));
        let mut shown = String::with_capacity(text.len());
        let (mut place, mut from) = (0, 0);
        while from < atoms.len() {
            let (mut digits, mut last, mut to) = (0, from, from);
            while let Some(atom) = atoms.get(to) {
                match &atom.what {
                    words::What::Digits(said) | words::What::Mixed(said) | words::What::Letters(said) => {
                        digits += said.bytes().filter(u8::is_ascii_digit).count();
                        last = to;
                    }
                    words::What::Filler if to > from => {}
                    _ => break,
                }
                to += 1;
            }
            if digits >= 3 {
                shown.push_str(&text[place..atoms[from].span.start]);
                shown.push_str("[number]");
                place = atoms[last].span.end;
            }
            from = to.max(from + 1);
        }
        shown.push_str(&text[place..]);
        shown
    }

    /// A text that is kept for diagnosis and shown to nobody as what was said: no number of it is kept, for a decoder that goes round in a circle
    /// says the digits of a card again and again.
    pub fn unbelieved(&self, text: &str) -> String {
        self.cautious(&self.redact(text))
    }

    /// Redacts a text without any context: for notifiers, notes and exports.
    pub fn redact(&self, text: &str) -> String {
        let piece = RedactionPiece {
            id: PieceId { leg: 0, utterance: 0, number: 0 },
            speaker: Leg::Mixed,
            start: CallTime(0),
            end: CallTime(0),
            text: text.into(),
            words: Vec::new(),
        };
        self.push(&mut CallRedaction::default(), piece).piece.text
    }
}

/// Hides a stretch; overlapping and neighbouring ones of a kind become one.
fn hide(held: &mut Held, span: Range<usize>, label: String) {
    let (mut span, mut label) = (span, label);
    let between = |from: usize, to: usize| {
        held.atoms
            .iter()
            .filter(|atom| atom.span.start >= from && atom.span.end <= to)
            .all(|atom| matches!(atom.what, words::What::Filler))
    };
    held.hidden.retain(|(other, named)| {
        let overlaps = other.start < span.end && span.start < other.end;
        let near = *named == label
            && (other.end <= span.start && between(other.end, span.start)
                || span.end <= other.start && between(span.end, other.start));
        if overlaps || near {
            if overlaps && other.len() > span.len() {
                label.clone_from(named);
            }
            span = span.start.min(other.start)..span.end.max(other.end);
        }
        !(overlaps || near)
    });
    held.hidden.push((span, label));
    held.hidden.sort_by_key(|(span, _)| span.start);
}

impl Held {
    fn redacted(&self) -> Redacted {
        let RedactionPiece { id, start, end, text, words, .. } = &self.piece;
        let mut shown = String::with_capacity(text.len());
        let mut place = 0;
        let mut labels: Vec<String> = Vec::new();
        for (span, label) in &self.hidden {
            shown.push_str(&text[place..span.start]);
            shown.push('[');
            shown.push_str(label);
            shown.push(']');
            place = span.end;
            if !labels.contains(label) {
                labels.push(label.clone());
            }
        }
        shown.push_str(&text[place..]);
        let (words, silent) =
            if self.hidden.is_empty() { (words.clone(), Vec::new()) } else { self.silenced(words, *start, *end) };
        Redacted { id: *id, start: *start, end: *end, text: shown, words, labels, silent }
    }
}

#[cfg(test)]
mod generated;
#[cfg(test)]
mod held_out;
#[cfg(test)]
mod taking_tests;
#[cfg(test)]
mod tests;
