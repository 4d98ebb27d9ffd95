//! Cards with their codes and expiry dates among the digits of one leg.
//!
//! A check digit shows a card that nobody announced. Where a card was asked for or begun, doubt hides: recognisers lose a group, write one twice and
//! mishear digits, and none of that may save a number.

use super::checks;
use super::find::{Finder, FoundCard, PAUSE_MS};
use super::run::{Around, Place, Run};
use super::topics::Topic;
use super::words::What;

/// A code or an expiry date belongs to a card when it follows within this time, milliseconds.
const AFTER_CARD_MS: i64 = 30_000;
/// Where a card is being talked about, this many digits in a row count as a card's, whether or not their checksum is right.
const DOUBT: usize = 8;
/// This many digits in a row can only be a card's, if they begin as a card does and no other number was announced: no telephone number has more than
/// thirteen.
const UNNAMED: usize = 14;
/// The same for digits that are said in a card's groups: four, and four or six.
const UNNAMED_IN_GROUPS: usize = 12;
/// This many digits of a card that is already known are a repetition of it. Its last four alone may be said.
const ECHO: usize = 6;

/// A card that is being told, group by group.
#[derive(Default)]
struct Dictation {
    /// The digits so far.
    digits: String,
    /// The question that they answer.
    question: Option<Place>,
    /// End of the last of them, milliseconds of the call.
    last_ms: Option<i64>,
    /// The last question that has its answer.
    finished: Option<Place>,
    /// Runs that may be parts of a card between other words.
    loose: Vec<Run>,
}

/// The topics before a run.
struct Talk {
    asked: Vec<(Topic, Place)>,
}

impl Talk {
    fn of(&self, topic: Topic) -> Option<Place> {
        Finder::was_asked(&self.asked, topic)
    }

    fn latest(&self) -> Option<Topic> {
        self.asked.last().map(|(topic, _)| *topic)
    }

    fn is_other(&self) -> bool {
        self.latest().is_some_and(Topic::is_other)
    }

    fn card(&self) -> Option<Place> {
        self.of(Topic::CardNumber).max(self.of(Topic::Card))
    }

    fn around(&self) -> Around {
        match (self.card(), self.is_other()) {
            (Some(_), _) => Around::Card,
            (None, true) => Around::Other,
            (None, false) => Around::Nothing,
        }
    }
}

impl Finder<'_> {
    /// Cards, codes and expiry dates among the digits of a leg.
    pub(super) fn numbers(&mut self, leg: i64) {
        let mut told = Dictation::default();
        for run in self.runs(leg, false) {
            let talk = Talk { asked: self.asked(run.first()) };
            let cards = run.cards(talk.around());
            if !cards.is_empty() {
                self.cards_of(&run, &cards, &talk);
                told = Dictation { finished: talk.asked.last().map(|(_, place)| *place).max(told.finished), ..told };
                (told.digits, told.question, told.last_ms) = (String::new(), None, None);
                told.loose.clear();
                continue;
            }
            let done = self.code_or_expiry(&run, &talk)
                || self.dictated(&run, &talk, &mut told)
                || self.after_a_card(&run, &talk)
                || self.doubtful(&run, &talk);
            if done && self.cards.last().is_some_and(|card| card.last == run.last()) {
                // Groups that were said just before belong to it.
                for before in told.loose.drain(..).filter(|before| before.said.len() >= 3) {
                    if run.first().0 - before.last().0 <= 1 {
                        self.hide(&before.parts, "card");
                    }
                }
            }
            if !done && (talk.card().is_some() && run.said.len() >= 2) {
                told.loose.push(run);
                self.join(&mut told.loose);
            } else {
                told.loose.clear();
            }
        }
    }

    /// Hides the cards of a run and what stands beside them in the same breath.
    fn cards_of(&mut self, run: &Run, cards: &[(usize, usize)], talk: &Talk) {
        for &(from, to) in cards {
            self.hide(&run.parts[from..to], "card");
            self.cards.push(FoundCard { last: run.parts[to - 1], digits: run.slice(from, to).into() });
        }
        let dictated = talk.card().is_some();
        let (first, last) = (cards[0].0, cards[cards.len() - 1].1);
        let before = run.slice(0, first);
        if first > 0 && (dictated && before.len() >= 4 || before.len() >= 4 && self.is_known(before)) {
            self.hide(&run.parts[..first], "card");
        }
        for pair in cards.windows(2) {
            self.hide(&run.parts[pair[0].1..pair[1].0], "card");
        }
        match run.slice(last, run.parts.len()).len() {
            0 => {}
            1..=8 if !self.is_known(run.slice(last, run.parts.len())) => self.tail(run, last),
            rest if rest <= 8 || dictated || !talk.is_other() => self.hide(&run.parts[last..], "card"),
            _ => {}
        }
    }

    fn is_known(&self, digits: &str) -> bool {
        digits.len() >= 4
            && self
                .cards
                .iter()
                .any(|card| card.digits.starts_with(digits) || digits.len() >= ECHO && card.digits.contains(digits))
    }

    /// Hides what follows a card number in the same breath: expiry, code, or both.
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

    /// A code or an expiry date that was asked for.
    fn code_or_expiry(&mut self, run: &Run, talk: &Talk) -> bool {
        let digits = run.said.len();
        let code = talk.of(Topic::Cvv).filter(|&place| self.answers(run, place));
        let expiry = talk.of(Topic::Expiry).filter(|&place| self.answers(run, place));
        let latest = talk.latest();
        if code.is_some() && expiry.is_some() && (5..=10).contains(&digits) {
            self.tail(run, 0);
        } else if expiry.is_some() && is_expiry(&run.said) && (latest == Some(Topic::Expiry) || digits != 3) {
            self.hide(&run.parts, "expiry");
        } else if (3..=4).contains(&digits) && (code.is_some() || self.is_named_after(run)) {
            self.hide(&run.parts, "cvv");
        } else if latest == Some(Topic::Cvv) && code.is_some() && (2..=6).contains(&digits) {
            // A digit was lost, or said twice.
            self.hide(&run.parts, "cvv");
        } else if latest == Some(Topic::Expiry) && expiry.is_some() && (3..=6).contains(&digits) {
            self.hide(&run.parts, "expiry");
        } else {
            return false;
        }
        true
    }

    /// A card that was asked for, as it comes: whole or not, right or not.
    fn dictated(&mut self, run: &Run, talk: &Talk, told: &mut Dictation) -> bool {
        let digits = run.said.len();
        let (first, last) = (run.first(), run.last());
        let goes_on_ms = told.last_ms.is_some_and(|end| self.views[first.0].start_ms - end <= PAUSE_MS);
        let kept = told.question.filter(|_| goes_on_ms && !talk.is_other());
        let asked = talk.of(Topic::CardNumber).filter(|&place| Some(place) > told.finished).or(kept);
        let gone = self.follows_gone(first) && !talk.is_other();
        if asked.is_none() && !gone {
            return false;
        }
        if asked.is_some() && told.question != asked {
            told.question = asked;
            told.digits.clear();
        }
        let year = is_year(&run.said);
        let begins = asked.is_some_and(|place| {
            digits >= DOUBT || digits >= 4 && self.answers(run, place) && (!year || self.is_only(run))
        });
        let is_part = (digits >= 2 || self.is_only(run)) && self.is_mostly(run);
        if !begins && !((gone || !told.digits.is_empty()) && is_part) {
            return false;
        }
        self.hide(&run.parts, "card");
        told.last_ms = Some(self.views[last.0].end_ms);
        told.digits.push_str(&run.said);
        if told.digits.len() >= 15 {
            self.cards.push(FoundCard { last, digits: told.digits.clone() });
        }
        if checks::card(&told.digits) {
            told.finished = asked;
            told.digits.clear();
        }
        true
    }

    /// Whether a card that was taken out before stands right before a place.
    fn follows_gone(&self, place: Place) -> bool {
        let here = &self.views[place.0];
        let before = self.views[..=place.0].iter().enumerate().rev().filter(|(_, view)| view.leg == here.leg);
        for (piece, view) in before {
            if here.start_ms - view.end_ms > PAUSE_MS {
                return false;
            }
            let end = if piece == place.0 { place.1 } else { view.atoms.len() };
            let last = view.atoms[..end].iter().rev().find(|atom| atom.what != What::Filler);
            if let Some(last) = last {
                return last.is_gone("card");
            }
        }
        false
    }

    /// Code and expiry that follow a card without being asked for.
    fn after_a_card(&mut self, run: &Run, talk: &Talk) -> bool {
        let digits = run.said.len();
        let Some(american) = self.after_card(run.first()) else { return false };
        if !self.is_mostly(run) || talk.is_other() {
            return false;
        }
        if digits == 3 || digits == 4 && american {
            self.hide(&run.parts, "cvv");
        } else if is_expiry(&run.said) && digits >= 4 {
            self.hide(&run.parts, "expiry");
        } else {
            return false;
        }
        true
    }

    /// Digits that may well be a card's, though they do not add up.
    fn doubtful(&mut self, run: &Run, talk: &Talk) -> bool {
        let digits = run.said.len();
        if talk.is_other() {
            return false;
        }
        let beside = talk.card().is_some_and(|place| self.answers(run, place))
            || self.after_card(run.first()).is_some()
            || self.before_a_code(run);
        let unnamed = checks::begins_as_a_card(&run.said)
            && (digits >= UNNAMED || digits >= UNNAMED_IN_GROUPS && matches!(run.groups()[..], [4, 4 | 6, ..]));
        if digits >= DOUBT && beside || unnamed {
            self.hide(&run.parts, "card");
            self.cards.push(FoundCard { last: run.last(), digits: run.said.clone() });
            return true;
        }
        false
    }

    /// Whether a card's code or date is named soon after a run: then it was the card.
    fn before_a_code(&self, run: &Run) -> bool {
        let (piece, number) = run.last();
        let (end, end_ms) = (self.atom((piece, number)).span.end, self.views[piece].end_ms);
        let near = self.views[piece..].iter().take_while(|view| view.start_ms - end_ms <= AFTER_CARD_MS).enumerate();
        let named =
            near.flat_map(|(later, view)| view.topics.iter().filter(move |named| later > 0 || named.start >= end));
        let mut named = named.map(|named| named.topic).filter(|topic| !matches!(topic, Topic::Aside));
        matches!(named.next(), Some(Topic::Cvv | Topic::Expiry))
    }

    /// Whether the piece in which a run begins holds nothing else.
    fn is_only(&self, run: &Run) -> bool {
        let view = &self.views[run.first().0];
        view.atoms.iter().all(|atom| matches!(atom.what, What::Digits(_) | What::Times(_) | What::Filler))
    }

    /// "… is the security code": said after it.
    fn is_named_after(&self, run: &Run) -> bool {
        let (piece, number) = run.last();
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
        let near =
            |card: &&FoundCard| card.last < place && here.start_ms - self.views[card.last.0].end_ms <= AFTER_CARD_MS;
        self.cards.iter().rev().find(near).map(|card| card.digits.len() == 15)
    }

    /// A card whose groups stand apart between other words.
    fn join(&mut self, loose: &mut Vec<Run>) {
        for from in 0..loose.len().saturating_sub(1) {
            let said: String = loose[from..].iter().map(|run| run.said.as_str()).collect();
            if checks::card(&said) {
                for run in loose.drain(..).skip(from) {
                    self.hide(&run.parts, "card");
                    self.cards.push(FoundCard { last: run.last(), digits: said.clone() });
                }
                return;
            }
        }
    }

    /// Parts of a known card that are said again, by whomever.
    pub(super) fn echoes(&mut self, leg: i64) {
        if self.cards.is_empty() {
            return;
        }
        for run in self.runs(leg, false) {
            let mut from = 0;
            while from < run.parts.len() {
                let known = |to: &usize| {
                    let said = run.slice(from, *to);
                    said.len() >= ECHO && self.cards.iter().any(|card| card.digits.contains(said))
                };
                let Some(to) = (from + 1..=run.parts.len()).rev().find(known) else {
                    from += 1;
                    continue;
                };
                self.hide(&run.parts[from..to], "card");
                from = to;
            }
        }
    }

    /// Months with years that are a card's expiry.
    pub(super) fn expiry_dates(&mut self) {
        for piece in 0..self.views.len() {
            for number in 0..self.views[piece].atoms.len() {
                let place = (piece, number);
                if !matches!(self.atom(place).what, What::Slash | What::MonthYear) {
                    continue;
                }
                let run = Run { parts: vec![place], ..Run::default() };
                let talk = Talk { asked: self.asked(place) };
                let wanted = talk.of(Topic::Expiry).is_some_and(|topic| self.answers(&run, topic));
                let other = talk.latest() == Some(Topic::Other);
                if wanted || !other && self.after_card(place).is_some() {
                    self.hide(&[place], "expiry");
                }
            }
        }
    }
}

/// Four digits that are a year as often as the group of a card.
pub(super) fn is_year(digits: &str) -> bool {
    digits.len() == 4 && (digits.starts_with("19") || digits.starts_with("20"))
}

/// MMYY, MMYYYY, or MYY as it is spoken.
pub(super) fn is_expiry(digits: &str) -> bool {
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
