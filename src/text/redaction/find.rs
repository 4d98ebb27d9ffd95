//! Finds the secrets in the pieces of one call: a pure function of their texts, legs and times.
//!
//! A number is a run of digits on one leg, over as many pieces as it takes. Its kind is decided by its check digit and by the words before it, on
//! whichever leg. A card that was asked for is believed as it comes, whole or not, because a misheard digit must not save it.

use std::ops::Range;

use super::checks;
use super::forms::Form;
use super::run::{Gap, Place, Run};
use super::topics::{Named, Topic};
use super::words::{Atom, What};

/// Digits of one number may be this far apart, milliseconds.
pub(super) const PAUSE_MS: i64 = 20_000;
/// A question is answered within this time, milliseconds.
const ANSWER_MS: i64 = 60_000;
/// Words like "then" between two groups of a number.
const FILLERS: usize = 8;
/// Words between a topic and its number within a piece.
const NEAR: usize = 8;

/// A piece of text with its atoms and topics.
pub(super) struct View<'a> {
    pub leg: i64,
    pub start_ms: i64,
    pub end_ms: i64,
    /// It was not understood, or not believed: nobody is shown its text.
    pub unheard: bool,
    pub text: &'a str,
    pub atoms: &'a [Atom],
    pub topics: &'a [Named],
}

impl View<'_> {
    /// Whether something is named here that has a number.
    pub(super) fn changes_topic(&self) -> bool {
        self.topics.iter().any(|named| !matches!(named.topic, Topic::Aside | Topic::End))
    }
}

/// The separation of two atoms by the text between them.
fn gap_of(between: &str) -> Gap {
    if between.contains(['.', ';', ':', '!', '?', '\n', ')']) {
        Gap::Stop
    } else if between.contains(',') {
        Gap::Comma
    } else {
        Gap::None
    }
}

/// A place that has to be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SecretHit {
    pub piece: usize,
    pub span: Range<usize>,
    pub label: String,
}

/// The call so far: pieces in order of time.
pub(super) struct Finder<'a> {
    pub(super) views: &'a [View<'a>],
    forms: &'a [Form],
    hits: Vec<SecretHit>,
    /// Cards found.
    pub(super) cards: Vec<FoundCard>,
    taken: std::collections::HashSet<Place>,
}

/// A card that was found.
pub(super) struct FoundCard {
    /// Place of its last digit.
    pub last: Place,
    /// Its digits, as far as they are known.
    pub digits: String,
}

/// Everything that has to be hidden in the pieces, which come in order of their start.
pub(super) fn find(views: &[View], forms: &[Form]) -> Vec<SecretHit> {
    let mut finder =
        Finder { views, forms, hits: Vec::new(), cards: Vec::new(), taken: std::collections::HashSet::new() };
    let mut legs: Vec<i64> = views.iter().map(|view| view.leg).collect();
    legs.sort_unstable();
    legs.dedup();
    for &leg in &legs {
        for run in finder.runs(leg, true) {
            finder.codes(&run);
        }
    }
    for &leg in &legs {
        finder.numbers(leg);
    }
    for &leg in &legs {
        finder.echoes(leg);
    }
    finder.unheard();
    finder.taking(&legs);
    finder.expiry_dates();
    finder.hits
}

impl Finder<'_> {
    pub(super) fn atom(&self, place: Place) -> &Atom {
        &self.views[place.0].atoms[place.1]
    }

    /// The secrets found so far.
    pub(super) fn hits(&self) -> impl Iterator<Item = &SecretHit> {
        self.hits.iter()
    }

    pub(super) fn hide(&mut self, parts: &[Place], label: &str) {
        for &place in parts {
            self.taken.insert(place);
        }
        let mut from = 0;
        while from < parts.len() {
            let piece = parts[from].0;
            let to = parts[from..].iter().position(|part| part.0 != piece).map_or(parts.len(), |more| from + more);
            let span = self.atom(parts[from]).span.start..self.atom(parts[to - 1]).span.end;
            self.hits.push(SecretHit { piece, span, label: label.into() });
            from = to;
        }
    }

    /// Hides a piece whose words nobody knows.
    pub(super) fn hide_all(&mut self, piece: usize) {
        self.hits.push(SecretHit { piece, span: 0..self.views[piece].text.len(), label: "card".into() });
    }

    /// The runs of a leg: of digits alone, or of digits and letters.
    pub(super) fn runs(&self, leg: i64, letters: bool) -> Vec<Run> {
        /// "Double" says a digit that comes in the next piece.
        static NOTHING: String = String::new();
        let mut runs = Vec::new();
        let mut run = Run::default();
        let (mut fillers, mut times) = (0, 0);
        let (mut before, mut end_ms) = (0, i64::MIN);
        for (piece, view) in self.views.iter().enumerate().filter(|(_, view)| view.leg == leg) {
            // A question in between begins another number.
            let asked = self.views[before..piece].iter().any(|other| other.leg != leg && other.changes_topic());
            if asked || view.start_ms.saturating_sub(end_ms) > PAUSE_MS {
                runs.push(std::mem::take(&mut run));
            }
            (before, end_ms) = (piece, view.end_ms);
            let mut gap = Gap::Piece;
            for (number, atom) in view.atoms.iter().enumerate() {
                if let Some(before) = number.checked_sub(1).map(|before| view.atoms[before].span.end) {
                    gap = gap.max(gap_of(&view.text[before..atom.span.start]));
                }
                let said = match &atom.what {
                    _ if self.taken.contains(&(piece, number)) => None,
                    What::Digits(said) => Some(said),
                    What::Letters(said) | What::Mixed(said) if letters => Some(said),
                    What::Times(_) => Some(&NOTHING),
                    What::Shape(said) if !letters && self.is_dictated((piece, number)) => Some(said),
                    What::Filler if fillers < FILLERS => {
                        fillers += 1;
                        gap = gap.max(Gap::Stop);
                        continue;
                    }
                    _ => None,
                };
                if let Some(said) = said {
                    let first = said.get(..1).unwrap_or_default();
                    run.push((piece, number), &(first.repeat(std::mem::take(&mut times)) + said), gap);
                } else {
                    runs.push(std::mem::take(&mut run));
                    times = 0;
                }
                if let What::Times(more) = atom.what {
                    times = more - 1;
                }
                (fillers, gap) = (0, Gap::None);
            }
        }
        runs.push(run);
        runs.retain(|run| !run.parts.is_empty());
        runs
    }

    /// Whether the last that was talked about is a card.
    fn is_dictated(&self, place: Place) -> bool {
        self.asked(place).last().is_some_and(|(topic, _)| matches!(topic, Topic::CardNumber | Topic::Card))
    }

    /// The topics that were named before a place and since another subject was: topic, and place of its name.
    pub(super) fn asked(&self, place: Place) -> Vec<(Topic, Place)> {
        self.asked_before(place.0, self.atom(place).span.start)
    }

    /// The same for a byte of a piece.
    pub(super) fn asked_before(&self, here: usize, start: usize) -> Vec<(Topic, Place)> {
        let start_ms = self.views[here].start_ms;
        let mut asked: Vec<(Topic, Place)> = Vec::new();
        for (piece, view) in self.views.iter().enumerate().take(here + 1) {
            if start_ms - view.end_ms > ANSWER_MS {
                continue;
            }
            let mut last_end = None;
            for (number, named) in view.topics.iter().enumerate() {
                if piece == here && named.end > start {
                    break;
                }
                // "the last four digits of your card" is about the digits, not about the card.
                let same_thought = last_end.is_some_and(|end: usize| {
                    named.start.saturating_sub(end) < 25
                        && !view.text[end.min(named.start)..named.start].contains(['.', '?', '!', ','])
                });
                last_end = Some(named.end);
                if named.topic == Topic::Card && same_thought {
                    continue;
                }
                let topic = match named.topic {
                    Topic::Aside => continue,
                    Topic::End if self.is_begun(&asked, (piece, number)) => continue,
                    Topic::End | Topic::Other => {
                        asked.clear();
                        Topic::Other
                    }
                    topic => topic,
                };
                asked.push((topic, (piece, number)));
            }
        }
        asked
    }

    /// Whether a number is being told when its "last four" are named: then they belong to it.
    fn is_begun(&self, asked: &[(Topic, Place)], (piece, number): Place) -> bool {
        let start = self.views[piece].topics[number].start;
        let digits = |atom: &Atom| matches!(&atom.what, What::Digits(said) if said.len() <= 19) || atom.is_gone("card");
        let before = self.views[piece].atoms.iter().take_while(|atom| atom.span.end <= start);
        if before.filter(|atom| atom.what != What::Filler).last().is_some_and(digits) {
            return true;
        }
        let Some(question) = Self::was_asked(asked, Topic::CardNumber) else { return false };
        let since = self.views[question.0..piece].iter().flat_map(|view| view.atoms);
        since.filter(|atom| digits(atom)).count() >= 2
    }

    pub(super) fn was_asked(asked: &[(Topic, Place)], topic: Topic) -> Option<Place> {
        asked.iter().rev().find(|(named, _)| *named == topic).map(|(_, place)| *place)
    }

    /// Whether a run looks like the answer to a topic: right after it, or in a piece that holds little else.
    pub(super) fn answers(&self, run: &Run, topic: Place) -> bool {
        let first = run.parts[0];
        let view = &self.views[first.0];
        if topic.0 == first.0 {
            let end = view.topics[topic.1].end;
            let between = view.atoms[..first.1].iter().filter(|atom| atom.span.start >= end).count();
            return between <= NEAR;
        }
        self.is_mostly(run)
    }

    /// Whether the piece in which a run begins holds little but numbers.
    pub(super) fn is_mostly(&self, run: &Run) -> bool {
        let view = &self.views[run.parts[0].0];
        let is_number = |atom: &&Atom| {
            matches!(atom.what, What::Digits(_) | What::Times(_) | What::Slash | What::MonthYear | What::Shape(_))
        };
        let numbers = view.atoms.iter().filter(is_number).count();
        let words = view.atoms.iter().filter(|atom| !is_number(atom) && atom.what != What::Filler).count();
        words <= numbers.max(4)
    }

    /// IBANs and the packs' forms in a run of digits and letters.
    fn codes(&mut self, run: &Run) {
        let parts = run.parts.len();
        let views = self.views;
        let solid =
            |(piece, number): Place| matches!(views[piece].atoms[number].what, What::Digits(_) | What::Mixed(_));
        let mut from = 0;
        'starts: while from < parts {
            let start = run.start_of(from);
            let rest = &run.said[start..];
            let asked = self.asked(run.parts[from]);
            if let Some(length) = checks::iban_length(rest) {
                let to = run.ends.iter().position(|&end| end == start + length).map(|part| part + 1);
                let valid = to.filter(|&to| checks::iban(run.slice(from, to)));
                // An IBAN that was asked for and misheard: all of it is hidden.
                let misheard = || (Self::was_asked(&asked, Topic::Iban).is_some() && rest.len() >= 14).then_some(parts);
                if let Some(to) = valid.or_else(misheard) {
                    self.hide(&run.parts[from..to], "iban");
                    from = to;
                    continue;
                }
            }
            for (number, form) in self.forms.iter().enumerate() {
                let Some(to) = run.ends.iter().position(|&end| end == start + form.size()).map(|part| part + 1) else {
                    continue;
                };
                if to <= from || !form.fits(run.slice(from, to)) {
                    continue;
                }
                let (first, last) = (run.parts[from], run.parts[to - 1]);
                let text = self.views[first.0].text;
                let written =
                    first.0 == last.0 && form.is_written(&text[self.atom(first).span.start..self.atom(last).span.end]);
                let bounded = (from == 0 || !solid(run.parts[from - 1])) && (to == parts || !solid(run.parts[to]));
                let announced = Self::was_asked(&asked, Topic::Form(number)).is_some();
                if announced || bounded && (written || form.alone()) {
                    let label = form.label.clone();
                    self.hide(&run.parts[from..to], &label);
                    from = to;
                    continue 'starts;
                }
            }
            from += 1;
        }
    }
}
