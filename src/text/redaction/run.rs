//! Digits said in a row, and the card numbers in them.
//!
//! People say other numbers before and behind a card's: a place in a list, a telephone number, the same card again. What tells them apart is where
//! the voice or the writing pauses, the groups that are printed on a card, and the check digit.

use super::checks;

/// Place of an atom: piece and number.
pub(super) type Place = (usize, usize);

/// The separation of two parts of a run, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Gap {
    /// Nothing, a space or a hyphen.
    #[default]
    None,
    /// A comma.
    Comma,
    /// The end of a sentence, or a word like "then".
    Stop,
    /// Another piece of text.
    Piece,
}

/// The topic at the place of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Around {
    /// A card.
    Card,
    /// No topic with a number.
    Nothing,
    /// Another topic with a number.
    Other,
}

/// Digits, or digits and letters, said in a row.
#[derive(Clone, Debug, Default)]
pub(super) struct Run {
    pub parts: Vec<Place>,
    /// All that they say.
    pub said: String,
    /// End of each part in the digits.
    pub ends: Vec<usize>,
    /// Separation before each part; that of the first does not count.
    pub gaps: Vec<Gap>,
}

/// A stretch that may be a card's number, from part to before part. Its rank: whole, set off on both sides, of sixteen digits, its length.
type Candidate = ((bool, bool, bool, usize), usize, usize);

impl Run {
    pub fn push(&mut self, place: Place, said: &str, gap: Gap) {
        self.parts.push(place);
        self.said.push_str(said);
        self.ends.push(self.said.len());
        self.gaps.push(gap);
    }

    pub fn start_of(&self, part: usize) -> usize {
        part.checked_sub(1).map_or(0, |before| self.ends[before])
    }

    /// The digits of the parts `from` to before `to`.
    pub fn slice(&self, from: usize, to: usize) -> &str {
        if from >= to { "" } else { &self.said[self.start_of(from)..self.ends[to - 1]] }
    }

    pub fn first(&self) -> Place {
        self.parts[0]
    }

    pub fn last(&self) -> Place {
        self.parts[self.parts.len() - 1]
    }

    /// Number of digits in each group between the longer pauses.
    pub fn groups(&self) -> Vec<usize> {
        let apart = if self.gaps.iter().skip(1).any(|gap| *gap >= Gap::Stop) { Gap::Stop } else { Gap::None };
        let mut groups: Vec<usize> = Vec::new();
        for part in 0..self.parts.len() {
            let digits = self.slice(part, part + 1).len();
            match groups.last_mut() {
                Some(last) if self.gaps[part] < apart => *last += digits,
                _ => groups.push(digits),
            }
        }
        groups
    }

    /// The parts that are cards' numbers: stretches from part to before part, in order.
    pub fn cards(&self, around: Around) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        self.cards_between(around, 0, self.parts.len(), &mut found);
        found
    }

    fn cards_between(&self, around: Around, low: usize, high: usize, found: &mut Vec<(usize, usize)>) {
        let mut best: Option<Candidate> = None;
        for from in low..high {
            for to in from + 1..=high {
                let length = self.slice(from, to).len();
                if length > *checks::CARD_LENGTHS.end() {
                    break;
                }
                if !checks::CARD_LENGTHS.contains(&length) || !checks::card(self.slice(from, to)) {
                    continue;
                }
                let (left, right) = self.stands_apart(from, to);
                let (left, right) = (left || from == low, right || to == high);
                let whole = from == low && to == high;
                let rest = self.said.len() - self.ends[to - 1];
                let believed = match around {
                    Around::Card => length > 13 || left && right,
                    // Thirteen digits are too few to be cut out of a longer number; at its end fifteen are enough.
                    Around::Nothing => {
                        whole || length > 13 && (left && (right || rest <= 8) || to == high && length >= 15)
                    }
                    // The named number may come first, with the card apart from it.
                    Around::Other => whole || from > 0 && left && right && length > 13,
                };
                let rank = (whole, left && right, length == 16, length);
                if believed && best.is_none_or(|(best, ..)| rank > best) {
                    best = Some((rank, from, to));
                }
            }
        }
        let Some((_, from, to)) = best else { return };
        self.cards_between(around, low, from, found);
        found.push((from, to));
        self.cards_between(around, to, high, found);
    }

    /// Whether the parts before and behind a stretch are set off from it more than its own parts are from each other, or it has the groups of a card.
    fn stands_apart(&self, from: usize, to: usize) -> (bool, bool) {
        let inside = self.gaps[from + 1..to].iter().max().copied();
        let lengths: Vec<usize> = (from..to).map(|part| self.slice(part, part + 1).len()).collect();
        let grouped = matches!(lengths[..], [4, 4, 4, 4] | [4, 6, 5 | 4] | [4, 4, 4, 4, 3]);
        let apart =
            |part: usize| grouped || self.gaps.get(part).is_none_or(|gap| inside.is_none_or(|inside| *gap > inside));
        (apart(from), apart(to))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(parts: &[&str]) -> Run {
        let mut run = Run::default();
        for (number, part) in parts.iter().enumerate() {
            let gap = if part.starts_with('.') { Gap::Stop } else { Gap::None };
            run.push((0, number), part.trim_start_matches('.'), gap);
        }
        run
    }

    #[test]
    fn cards_are_found_between_other_numbers_where_they_stand_apart() {
        let cards = |parts: &[&str], around| run(parts).cards(around);
        let card = ["4532", "0151", "1283", "0366"];
        assert_eq!(cards(&card, Around::Other), [(0, 4)]);
        assert_eq!(cards(&[&["90210"], &card[..]].concat(), Around::Other), [(1, 5)], "the groups of a card");
        assert_eq!(cards(&[&card[..], &card[..]].concat(), Around::Nothing), [(0, 4), (4, 8)], "said twice");
        let spoken: Vec<&str> = "4 5 3 2 0 1 5 1 1 2 8 3 0 3 6 6".split(' ').collect();
        assert_eq!(cards(&[&["1"], &spoken[..]].concat(), Around::Nothing), [(1, 17)]);
        assert_eq!(cards(&[&["1"], &spoken[..]].concat(), Around::Other), [], "any number of that length would do");
        let mut apart = spoken.clone();
        apart[0] = ".4";
        assert_eq!(cards(&[&["7", "1"], &apart[..]].concat(), Around::Other), [(2, 18)]);
    }
}
