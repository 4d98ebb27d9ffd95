//! Finds what has to be hidden in the pieces of one call: a pure function of their texts, legs and times.
//!
//! A number is a run of digits on one leg, over as many pieces as it takes. What it is tell its check digit and the words that were said before
//! it, on whichever leg. A card that was asked for is believed as it comes, whole or not: a digit that was misheard must not save it.

use std::ops::Range;

use super::checks;
use super::forms::Form;
use super::topics::{Named, Topic};
use super::words::{Atom, What};

/// Digits of one number may be so far apart.
const PAUSE_MS: i64 = 20_000;
/// What was asked is answered in this time.
const ANSWER_MS: i64 = 60_000;
/// Code and expiry follow a card number in this time.
const AFTER_CARD_MS: i64 = 30_000;
/// Words between a topic and its number within a piece.
const NEAR: usize = 8;

/// A piece of text, read.
pub(super) struct View<'a> {
    pub leg: i64,
    pub start_ms: i64,
    pub end_ms: i64,
    pub text: &'a str,
    pub atoms: &'a [Atom],
    pub topics: &'a [Named],
}

/// A place that has to be hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hit {
    pub piece: usize,
    pub span: Range<usize>,
    pub label: String,
}

/// Place of an atom: piece and number.
type Place = (usize, usize);

/// Digits, or digits and letters, said in a row.
#[derive(Clone, Debug, Default)]
struct Run {
    parts: Vec<Place>,
    /// All that they say.
    said: String,
    /// Where each part ends in it.
    ends: Vec<usize>,
}

impl Run {
    fn push(&mut self, place: Place, said: &str) {
        self.parts.push(place);
        self.said.push_str(said);
        self.ends.push(self.said.len());
    }

    fn start_of(&self, part: usize) -> usize {
        part.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// What the parts `from` to before `to` say.
    fn slice(&self, from: usize, to: usize) -> &str {
        &self.said[self.start_of(from)..self.ends[to - 1]]
    }
}

/// The call so far: pieces in order of time.
pub(super) struct Finder<'a> {
    views: &'a [View<'a>],
    forms: &'a [Form],
    hits: Vec<Hit>,
    /// Cards found: piece where each ends, and whether its code has four digits.
    cards: Vec<(Place, bool)>,
    taken: std::collections::HashSet<Place>,
}

/// Everything that has to be hidden in the pieces, which come in order of their start.
pub(super) fn find(views: &[View], forms: &[Form]) -> Vec<Hit> {
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
    finder.expiry_dates();
    finder.hits
}

impl Finder<'_> {
    fn atom(&self, place: Place) -> &Atom {
        &self.views[place.0].atoms[place.1]
    }

    fn hide(&mut self, parts: &[Place], label: &str) {
        for &place in parts {
            self.taken.insert(place);
        }
        let mut from = 0;
        while from < parts.len() {
            let piece = parts[from].0;
            let to = parts[from..].iter().position(|part| part.0 != piece).map_or(parts.len(), |more| from + more);
            let span = self.atom(parts[from]).span.start..self.atom(parts[to - 1]).span.end;
            self.hits.push(Hit { piece, span, label: label.into() });
            from = to;
        }
    }

    /// The runs of a leg: of digits alone, or of digits and letters.
    fn runs(&self, leg: i64, letters: bool) -> Vec<Run> {
        let mut runs = Vec::new();
        let mut run = Run::default();
        let mut fillers = 0;
        let (mut before, mut end_ms) = (0, i64::MIN);
        for (piece, view) in self.views.iter().enumerate().filter(|(_, view)| view.leg == leg) {
            // A question in between begins another number.
            let asked = self.views[before..piece].iter().any(|other| other.leg != leg && !other.topics.is_empty());
            if asked || view.start_ms.saturating_sub(end_ms) > PAUSE_MS {
                runs.push(std::mem::take(&mut run));
            }
            (before, end_ms) = (piece, view.end_ms);
            for (number, atom) in view.atoms.iter().enumerate() {
                let said = match &atom.what {
                    _ if self.taken.contains(&(piece, number)) => None,
                    What::Digits(said) => Some(said),
                    What::Letters(said) | What::Mixed(said) if letters => Some(said),
                    What::Filler if fillers < 4 => {
                        fillers += 1;
                        continue;
                    }
                    _ => None,
                };
                match said {
                    Some(said) => run.push((piece, number), said),
                    None => runs.push(std::mem::take(&mut run)),
                }
                fillers = 0;
            }
        }
        runs.push(run);
        runs.retain(|run| !run.parts.is_empty());
        runs
    }

    /// What was talked about before a place and since something else was: topic, and when it was named.
    fn asked(&self, place: Place) -> Vec<(Topic, Place)> {
        let here = &self.views[place.0];
        let start = self.atom(place).span.start;
        let mut asked: Vec<(Topic, Place)> = Vec::new();
        for (piece, view) in self.views.iter().enumerate().take(place.0 + 1) {
            if here.start_ms - view.end_ms > ANSWER_MS {
                continue;
            }
            let mut last_end = None;
            for (number, named) in view.topics.iter().enumerate() {
                if piece == place.0 && named.end > start {
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
                if named.topic == Topic::Other {
                    asked.clear();
                }
                asked.push((named.topic, (piece, number)));
            }
        }
        asked
    }

    fn was_asked(asked: &[(Topic, Place)], topic: Topic) -> Option<Place> {
        asked.iter().rev().find(|(named, _)| *named == topic).map(|(_, place)| *place)
    }

    /// Whether a run looks like the answer to a topic: right after it, or in a piece that holds little else.
    fn answers(&self, run: &Run, topic: Place) -> bool {
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
    fn is_mostly(&self, run: &Run) -> bool {
        let view = &self.views[run.parts[0].0];
        let numbers = view.atoms.iter().filter(|atom| matches!(atom.what, What::Digits(_))).count();
        let words = view.atoms.iter().filter(|atom| !matches!(atom.what, What::Digits(_) | What::Filler)).count();
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
                // Asked for and misheard: all that was said of it.
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

    /// The parts of a run that are a card's number.
    fn card_in(run: &Run, asked: &[(Topic, Place)]) -> Option<(usize, usize)> {
        let parts = run.parts.len();
        let other = asked.last().is_some_and(|(topic, _)| *topic == Topic::Other);
        let card = Self::was_asked(asked, Topic::CardNumber).or(Self::was_asked(asked, Topic::Card)).is_some();
        // Asked for, and all but the check digit right: a digit was misheard.
        if Self::was_asked(asked, Topic::CardNumber).is_some() && checks::issuer(&run.said) {
            return Some((0, parts));
        }
        let mut best: Option<(usize, usize)> = None;
        for from in 0..parts {
            if from > 0 && !card {
                break;
            }
            for to in from + 1..=parts {
                let length = run.ends[to - 1] - run.start_of(from);
                let rest = run.said.len() - run.ends[to - 1];
                // Thirteen digits are too few to be cut out of a longer number.
                let bounded = rest == 0 || length > 13 && !other && (rest <= 8 || card);
                if !checks::CARD_LENGTHS.contains(&length) || !bounded || !checks::card(run.slice(from, to)) {
                    continue;
                }
                let rank = |(from, to): (usize, usize)| {
                    let length = run.ends[to - 1] - run.start_of(from);
                    (from == 0 && to == parts, length == 16, length)
                };
                if best.is_none_or(|best| rank((from, to)) > rank(best)) {
                    best = Some((from, to));
                }
            }
        }
        best
    }

    /// What follows a card number in the same breath: expiry, code, or both.
    fn tail(&mut self, run: &Run, from: usize) {
        let parts = run.parts.len();
        if from >= parts {
            return;
        }
        let rest = run.slice(from, parts);
        let expiry_to = (from + 1..=parts)
            .find(|&to| is_expiry(run.slice(from, to)) && matches!(run.said.len() - run.ends[to - 1], 0 | 3 | 4));
        match (rest.len(), expiry_to) {
            (3, _) => self.hide(&run.parts[from..], "cvv"),
            (_, Some(to)) => {
                self.hide(&run.parts[from..to], "expiry");
                if to < parts {
                    self.hide(&run.parts[to..], "cvv");
                }
            }
            _ => self.hide(&run.parts[from..], "cvv"),
        }
    }

    /// Cards, codes and expiry dates among the digits of a leg.
    fn numbers(&mut self, leg: i64) {
        // Digits of a card that was asked for, as far as they have come; and the question they answer.
        let (mut collected, mut question) = (String::new(), None);
        let mut finished: Option<Place> = None;
        let mut loose: Vec<Run> = Vec::new();
        for run in self.runs(leg, false) {
            let (first, last) = (run.parts[0], run.parts[run.parts.len() - 1]);
            let digits = run.said.len();
            let asked = self.asked(first);
            if let Some((from, to)) = Self::card_in(&run, &asked) {
                let american = run.slice(from, to).len() == 15;
                self.hide(&run.parts[from..to], "card");
                self.cards.push((run.parts[to - 1], american));
                if run.said.len() - run.ends[to - 1] <= 8 {
                    self.tail(&run, to);
                }
                finished = asked.last().map(|(_, place)| *place).max(finished);
                collected.clear();
                loose.clear();
                continue;
            }
            let latest = asked.last().map(|(topic, _)| *topic);
            let code = Self::was_asked(&asked, Topic::Cvv).filter(|&place| self.answers(&run, place));
            let expiry = Self::was_asked(&asked, Topic::Expiry).filter(|&place| self.answers(&run, place));
            if code.is_some() && expiry.is_some() && (5..=10).contains(&digits) {
                self.tail(&run, 0);
                continue;
            }
            if expiry.is_some() && is_expiry(&run.said) && (latest == Some(Topic::Expiry) || digits != 3) {
                self.hide(&run.parts, "expiry");
                continue;
            }
            if (3..=4).contains(&digits) && (code.is_some() || self.is_named_after(&run)) {
                self.hide(&run.parts, "cvv");
                continue;
            }
            let since_card = self.after_card(first);
            let number = Self::was_asked(&asked, Topic::CardNumber).filter(|&place| Some(place) > finished);
            if let Some(place) = number {
                if question != Some(place) {
                    question = Some(place);
                    collected.clear();
                }
                let year = digits == 4 && (run.said.starts_with("19") || run.said.starts_with("20"));
                let begins = digits >= 4 && self.answers(&run, place) && (!year || self.is_only(&run));
                let goes_on = !collected.is_empty() && (digits >= 2 || self.is_only(&run)) && self.is_mostly(&run);
                if (begins || goes_on) && collected.len() + digits <= 19 {
                    collected.push_str(&run.said);
                    self.hide(&run.parts, "card");
                    if collected.len() >= 15 {
                        self.cards.push((last, collected.len() == 15));
                        finished = Some(place);
                        collected.clear();
                    }
                    continue;
                }
            } else if let Some(american) = since_card
                && self.is_mostly(&run)
                && latest != Some(Topic::Other)
            {
                if digits == 3 || digits == 4 && american {
                    self.hide(&run.parts, "cvv");
                    continue;
                }
                if is_expiry(&run.said) && digits >= 4 {
                    self.hide(&run.parts, "expiry");
                    continue;
                }
            }
            if Self::was_asked(&asked, Topic::Card).or(number).is_some() && digits >= 2 {
                loose.push(run);
                self.join(&mut loose);
            } else {
                loose.clear();
            }
        }
    }

    /// Whether the piece in which a run begins holds nothing else.
    fn is_only(&self, run: &Run) -> bool {
        let view = &self.views[run.parts[0].0];
        view.atoms.iter().all(|atom| matches!(atom.what, What::Digits(_) | What::Filler))
    }

    /// "… is the security code": said after it.
    fn is_named_after(&self, run: &Run) -> bool {
        let (piece, number) = run.parts[run.parts.len() - 1];
        let view = &self.views[piece];
        let end = view.atoms[number].span.end;
        let named = view.topics.iter().find(|named| named.start >= end).filter(|named| named.topic == Topic::Cvv);
        named.is_some_and(|named| {
            let between = view.atoms[number + 1..].iter().take_while(|atom| atom.span.end <= named.start);
            between.count() <= 3 && !view.text[end..named.start].contains(['.', '?', '!', ','])
        })
    }

    /// Whether a card was found shortly before a place; and whether its code has four digits.
    fn after_card(&self, place: Place) -> Option<bool> {
        let here = &self.views[place.0];
        self.cards
            .iter()
            .rev()
            .find(|(card, _)| *card < place && here.start_ms - self.views[card.0].end_ms <= AFTER_CARD_MS)
            .map(|(_, american)| *american)
    }

    /// A card whose groups stand apart between other words.
    fn join(&mut self, loose: &mut Vec<Run>) {
        for from in 0..loose.len().saturating_sub(1) {
            let said: String = loose[from..].iter().map(|run| run.said.as_str()).collect();
            if checks::card(&said) {
                let parts: Vec<Vec<Place>> = loose.drain(..).skip(from).map(|run| run.parts).collect();
                for parts in &parts {
                    self.hide(parts, "card");
                }
                let last = parts.last().and_then(|parts| parts.last()).copied();
                self.cards.extend(last.map(|last| (last, said.len() == 15)));
                return;
            }
        }
    }

    /// Months with years that are a card's expiry.
    fn expiry_dates(&mut self) {
        for piece in 0..self.views.len() {
            for number in 0..self.views[piece].atoms.len() {
                let place = (piece, number);
                if !matches!(self.atom(place).what, What::Slash | What::MonthYear) {
                    continue;
                }
                let run = Run { parts: vec![place], ..Run::default() };
                let asked = self.asked(place);
                let wanted = Self::was_asked(&asked, Topic::Expiry).is_some_and(|topic| self.answers(&run, topic));
                let other = asked.last().is_some_and(|(topic, _)| *topic == Topic::Other);
                if wanted || !other && self.after_card(place).is_some() {
                    self.hide(&[place], "expiry");
                }
            }
        }
    }
}

/// MMYY, MMYYYY, or MYY as it is spoken.
fn is_expiry(digits: &str) -> bool {
    let month = |length: usize| {
        digits.get(..length).and_then(|month| month.parse::<u8>().ok()).is_some_and(|month| (1..=12).contains(&month))
    };
    let year = |year: &str| matches!(year.parse::<u16>(), Ok(20..=49 | 2020..=2049));
    match digits.len() {
        4 | 6 => month(2) && year(&digits[2..]),
        3 | 5 => month(1) && year(&digits[1..]),
        _ => false,
    }
}
