//! VADER (Hutto & Gilbert 2014), figure for figure what vaderSentiment 3.3.2 for Python gives.
//!
//! A text is cut into units (words, emoticons; see `reading.rs`), each unit gets a valence by the rules, the valences are summed. Where the
//! reference is odd it is followed, because the promise is "identical": the comments name these places, `tests/vader_compare.py` checks the promise on the texts of
//! its authors. Must never panic on any text, nor depend on a locale.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::reading::{Apostrophes, Reading, Unit};
use super::vocabulary::{DEGREE, Degree, IDIOMS, Role, Vocabulary, WEAKENING_PAIR, WEAKENING_PAIRS};

/// A rated word in capitals counts this much more when other words are not in capitals.
const CAPITALS: f64 = 0.733;
/// A negated word keeps this share of its valence, with the other sign.
const NEGATED: f64 = -0.74;
/// "never so good", "never this good": stronger, not negated.
const NEVER_SO: f64 = 1.25;
/// What a degree adverb keeps of its strength at distance 1, 2 and 3.
const DAMPING: [f64; 3] = [1.0, 0.95, 0.9];
/// What "but" does to the mood before it and after it.
const BEFORE_BUT: f64 = 0.5;
const AFTER_BUT: f64 = 1.5;
/// Approximates the highest sum to be expected; brings the sum into -1 to 1.
const ALPHA: f64 = 15.0;
/// From here on, either way, a compound is a mood and not noise.
const MOOD: f64 = 0.05;

/// VADER's four figures, rounded as the reference rounds them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The whole text's mood, -1 to 1, four digits.
    pub compound: f64,
    /// Share of the text that is positive, 0 to 1, three digits.
    pub pos: f64,
    /// Share of the text that is neutral, 0 to 1, three digits.
    pub neu: f64,
    /// Share of the text that is negative, 0 to 1, three digits.
    pub neg: f64,
}

impl Scores {
    /// The mood in one word.
    pub fn label(&self) -> Label {
        Label::of(self.compound)
    }
}

/// A mood in one word.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Compound 0.05 and above.
    Positive,
    /// In between.
    #[default]
    Neutral,
    /// Compound -0.05 and below.
    Negative,
    /// No list has words of its language.
    Unavailable,
}

impl Label {
    /// The label of a compound in -1 to 1, with the thresholds of VADER's authors.
    pub fn of(compound: f64) -> Self {
        if compound >= MOOD {
            Self::Positive
        } else if compound <= -MOOD {
            Self::Negative
        } else {
            Self::Neutral
        }
    }

    /// The word used in the database and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Positive => "positive",
            Self::Neutral => "neutral",
            Self::Negative => "negative",
            Self::Unavailable => "unavailable",
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Scores a text with VADER's own words only.
///
/// ```
/// let scores = lineside::text::vader::score("VADER is smart, handsome, and funny!");
/// assert_eq!(scores.compound, 0.8439);
/// ```
pub fn score(text: &str) -> Scores {
    let reading = Reading::of(Vocabulary::vader(), text, Apostrophes::AsWritten);
    Scores::sum_up(&valences(&reading), emphasis(&reading.text))
}

/// The valence of every unit after all rules, "but" included.
pub(super) fn valences(reading: &Reading<'_>) -> Vec<f64> {
    let units = &reading.units;
    let shouted = units.iter().filter(|unit| unit.capitals).count();
    let rules = Rules { units, lower: &reading.lower, mixed_case: shouted > 0 && shouted < units.len() };
    let valence = |(i, unit): (usize, &Unit<'_>)| if unit.word.rated { rules.valence(i) } else { 0.0 };
    let mut all: Vec<f64> = units.iter().enumerate().map(valence).collect();
    if let Some(but) = units.iter().position(|unit| unit.word.role == Role::But) {
        weigh_around_but(&mut all, but);
    }
    all
}

/// The rules that look at a unit and its neighbours.
struct Rules<'a> {
    units: &'a [Unit<'a>],
    lower: &'a str,
    mixed_case: bool,
}

impl Rules<'_> {
    fn role(&self, i: usize) -> Role {
        self.units.get(i).map_or(Role::Plain, |unit| unit.word.role)
    }

    /// The role of the unit so many places before `i`; plain when there is none.
    fn role_before(&self, i: usize, distance: usize) -> Role {
        i.checked_sub(distance).map_or(Role::Plain, |at| self.role(at))
    }

    /// The valence of a rated unit.
    fn valence(&self, i: usize) -> f64 {
        let unit = &self.units[i];
        // Degree adverbs have no mood of their own, even where the word list gives them one.
        if unit.word.degree != Degree::None || (unit.word.role == Role::Kind && self.role(i + 1) == Role::Of) {
            return 0.0;
        }
        let mut valence = unit.word.valence;
        // "no" before a rated word negates that word instead of counting for itself.
        if unit.word.role == Role::No && self.units.get(i + 1).is_some_and(|next| next.word.rated) {
            valence = 0.0;
        }
        let nor = matches!(self.role_before(i, 1), Role::Or | Role::Nor);
        if self.role_before(i, 1) == Role::No
            || self.role_before(i, 2) == Role::No
            || (nor && self.role_before(i, 3) == Role::No)
        {
            valence = unit.word.valence * NEGATED;
        }
        if unit.capitals && self.mixed_case {
            valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
        }
        for distance in 1..=3.min(i) {
            let before = &self.units[i - distance];
            if before.word.rated {
                continue;
            }
            valence += self.degree(before, valence) * DAMPING[distance - 1];
            valence = self.negated(valence, i, distance);
            if distance == 3 {
                valence = self.idioms(valence, i);
            }
        }
        self.after_least(valence, i)
    }

    /// What a degree adverb adds to a word of this valence.
    fn degree(&self, adverb: &Unit<'_>, valence: f64) -> f64 {
        let degree = match adverb.word.degree {
            Degree::None => return 0.0,
            Degree::More => DEGREE,
            Degree::Less => -DEGREE,
        };
        let by = if valence < 0.0 { -degree } else { degree };
        match adverb.capitals && self.mixed_case {
            true if valence > 0.0 => by + CAPITALS,
            true => by - CAPITALS,
            false => by,
        }
    }

    fn negated(&self, valence: f64, i: usize, distance: usize) -> f64 {
        let role = |distance| self.role_before(i, distance);
        let so = |distance| matches!(role(distance), Role::So | Role::This);
        // At distance 3 a "so" or "this" right before the word strengthens it without any "never": so the reference's operators bind.
        let strengthened = match distance {
            2 => role(2) == Role::Never && so(1),
            3 => (role(3) == Role::Never && so(2)) || so(1),
            _ => false,
        };
        if strengthened {
            return valence * NEVER_SO;
        }
        let without_doubt = role(distance) == Role::Without && (1..distance).any(|nearer| role(nearer) == Role::Doubt);
        if !without_doubt && self.units[i - distance].word.negates { valence * NEGATED } else { valence }
    }

    /// Idioms around the word, and weakening pairs before it. Only reached with three units before the word, as in the reference.
    fn idioms(&self, valence: f64, i: usize) -> f64 {
        let idiom = |words: Range<usize>| {
            let here = self.units.get(words).filter(|here| here.iter().all(|unit| unit.word.in_idiom))?;
            IDIOMS.iter().find(|(idiom, _)| self.reads(here, idiom)).map(|&(_, valence)| valence)
        };
        let before = [i - 1..i + 1, i - 2..i + 1, i - 2..i, i - 3..i, i - 3..i - 1].into_iter().find_map(idiom);
        let valence = idiom(i..i + 3).or_else(|| idiom(i..i + 2)).or(before).unwrap_or(valence);
        [i - 3..i - 1, i - 2..i]
            .into_iter()
            .filter(|words| WEAKENING_PAIRS.iter().any(|pair| self.reads(&self.units[words.clone()], pair)))
            .fold(valence, |valence, _| valence + WEAKENING_PAIR)
    }

    fn reads(&self, units: &[Unit<'_>], words: &[&str]) -> bool {
        units.len() == words.len() && units.iter().zip(words).all(|(unit, word)| &self.lower[unit.key.clone()] == *word)
    }

    /// "least" turns the word after it, except in "at least" and "very least".
    fn after_least(&self, valence: f64, i: usize) -> f64 {
        let turns = self.role_before(i, 1) == Role::Least && !matches!(self.role_before(i, 2), Role::At | Role::Very);
        if turns { valence * NEGATED } else { valence }
    }
}

/// Halves what stands before "but" and strengthens what stands after it.
///
/// The reference goes through the valences and for each looks up the *first* unit that has this valence at that moment, so among equal values
/// a unit can be weighed twice and another not at all. The heaps give that first unit without its quadratic search.
fn weigh_around_but(valences: &mut [f64], but: usize) {
    let mut first: HashMap<u64, BinaryHeap<Reverse<usize>>> = HashMap::new();
    // Zero stays zero wherever it is found, so neutral units need not be looked at.
    for (i, valence) in valences.iter().enumerate().filter(|(_, valence)| **valence != 0.0) {
        first.entry(valence.to_bits()).or_default().push(Reverse(i));
    }
    for turn in 0..valences.len() {
        let valence = valences[turn];
        if valence == 0.0 {
            continue;
        }
        let Some(places) = first.get_mut(&valence.to_bits()) else { continue };
        let Some(&Reverse(found)) = places.peek() else { continue };
        if found == but {
            continue;
        }
        let weighed = valence * if found < but { BEFORE_BUT } else { AFTER_BUT };
        places.pop();
        valences[found] = weighed;
        first.entry(weighed.to_bits()).or_default().push(Reverse(found));
    }
}

/// What exclamation marks (up to four) and question marks (two or more) add to the mood.
pub(super) fn emphasis(text: &str) -> f64 {
    // Counted in bytes of at most 255 each, which the compiler turns into vector instructions.
    let count_few = |few: &[u8], mark: u8| few.iter().map(|&byte| u8::from(byte == mark)).sum::<u8>();
    let count = |mark: u8| text.as_bytes().chunks(255).map(|few| usize::from(count_few(few, mark))).sum::<usize>();
    let exclamations = count(b'!').min(4) as f64 * 0.292;
    let questions = match count(b'?') {
        0 | 1 => 0.0,
        few @ (2 | 3) => few as f64 * 0.18,
        _ => 0.96,
    };
    exclamations + questions
}

impl Scores {
    /// The four figures of a text's valences.
    pub(super) fn sum_up(valences: &[f64], emphasis: f64) -> Self {
        if valences.is_empty() {
            return Self::default();
        }
        let mut sum = 0.0;
        let (mut positive, mut negative, mut neutral) = (0.0, 0.0, 0_usize);
        for &valence in valences {
            // Plainly, as Python's `sum` did up to 3.11; a compensated sum turns some exact zeros into a last bit with a sign.
            sum += valence;
            // One is added because a neutral word counts as one. Adding 0 instead of branching: no processor can guess a word's mood.
            positive += if valence > 0.0 { valence + 1.0 } else { 0.0 };
            negative += if valence < 0.0 { valence - 1.0 } else { 0.0 };
            neutral += usize::from(valence == 0.0);
        }
        if sum > 0.0 {
            sum += emphasis;
        } else if sum < 0.0 {
            sum -= emphasis;
        }
        if positive > -negative {
            positive += emphasis;
        } else if positive < -negative {
            negative -= emphasis;
        }
        let total = positive - negative + neutral as f64;
        Self {
            compound: round((sum / (sum * sum + ALPHA).sqrt()).clamp(-1.0, 1.0), 4),
            pos: round(positive / total, 3),
            neu: round(neutral as f64 / total, 3),
            neg: round((negative / total).abs(), 3),
        }
    }
}

/// Python's `round` for figures in -1 to 1 and up to four digits: the decimal nearest to the exact value, an exact half to the even digit.
fn round(value: f64, digits: usize) -> f64 {
    let scale = [1.0, 10.0, 100.0, 1000.0, 10_000.0][digits];
    let scaled = value.abs() * scale;
    let whole = f64::from(scaled as u32);
    let part = scaled - whole;
    // The product is off by less than 1e-11. Only so near to a half can it mislead; then the exact decimal expansion decides.
    if (part - 0.5).abs() < 1e-9 {
        return format!("{value:.digits$}").parse().unwrap_or(value);
    }
    let nearest = if part > 0.5 { whole + 1.0 } else { whole };
    (nearest / scale).copysign(value)
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the promise is equality to the last digit")]
mod tests {
    use super::*;

    /// Figures printed by vaderSentiment 3.3.2 under Python 3.11.
    const KNOWN: [(&str, [f64; 4]); 25] = [
        ("The agent was helpful, friendly and quick.", [0.7184, 0.545, 0.455, 0.0]),
        ("The agent was helpful, friendly and QUICK!!!", [0.783, 0.579, 0.421, 0.0]),
        ("I am NOT happy with this service", [-0.4585, 0.0, 0.667, 0.333]),
        ("never so good", [0.5777, 0.652, 0.348, 0.0]),
        ("Without a doubt, an excellent idea.", [0.7013, 0.592, 0.408, 0.0]),
        ("It was kind of good, sort of nice", [0.6605, 0.474, 0.526, 0.0]),
        ("At least it isn't broken", [0.3724, 0.39, 0.61, 0.0]),
        ("the least helpful answer", [-0.3252, 0.0, 0.563, 0.437]),
        ("No problem, no worries", [0.6681, 0.866, 0.134, 0.0]),
        ("nor happy or sad no good", [-0.431, 0.233, 0.274, 0.493]),
        ("The offer was good, but the line was terrible", [-0.4939, 0.149, 0.534, 0.317]),
        ("oh wow that is just the bomb", [0.8316, 0.609, 0.391, 0.0]),
        ("we sat at the bus stop in pain", [0.0, 0.0, 1.0, 0.0]),
        ("yeah right, great", [0.743, 0.863, 0.137, 0.0]),
        ("He gave me the kiss of death", [-0.6124, 0.0, 0.5, 0.5]),
        ("Great?? Really??? Are you sure????", [0.8236, 0.718, 0.282, 0.0]),
        ("Call me 😊 or 💘!", [0.8883, 0.567, 0.433, 0.0]),
        ("I don’t like it", [0.3612, 0.455, 0.545, 0.0]),
        ("not bad at all", [0.431, 0.487, 0.513, 0.0]),
        ("good good but good good bad", [0.705, 0.669, 0.058, 0.274]),
        (":) :D :P", [0.8679, 1.0, 0.0, 0.0]),
        ("©", [0.0, 0.0, 1.0, 0.0]),
        ("VERY GOOD", [0.4927, 0.762, 0.238, 0.0]),
        ("he is so very VERY kind of sad today", [-0.6504, 0.0, 0.65, 0.35]),
        ("this is just enough for good people", [0.3832, 0.303, 0.697, 0.0]),
    ];

    #[test]
    fn the_figures_are_those_of_the_reference() {
        for (text, [compound, pos, neu, neg]) in KNOWN {
            assert_eq!(score(text), Scores { compound, pos, neu, neg }, "{text:?}");
        }
    }

    #[test]
    fn a_text_without_words_is_neutral_in_all_figures() {
        assert_eq!(score(""), Scores::default());
        assert_eq!(score(" \t\u{1c}\u{a0}\u{3000}"), Scores::default());
    }

    #[test]
    fn an_exact_half_is_rounded_to_the_even_digit_and_all_else_to_the_nearest() {
        assert_eq!(round(0.0625, 3), 0.062);
        assert_eq!(round(0.1875, 3), 0.188);
        assert_eq!(round(-0.0625, 3), -0.062);
        assert_eq!(round(0.00625, 4), 0.0063); // the double lies above the half
        assert_eq!(round(0.0005, 3), 0.001); // above too
        assert_eq!(round(0.0015, 3), 0.002);
        assert_eq!(round(0.0025, 3), 0.003);
        assert_eq!(round(1.0, 4), 1.0);
    }

    #[test]
    fn every_contraction_with_not_negates() {
        for text in ["it mightn't've been good", "it ISN'T good", "it éain't good"] {
            assert!(score(text).compound < 0.0, "{text:?}");
        }
        assert!(score("I want good").compound > 0.0);
    }

    #[test]
    fn white_space_is_what_python_takes_for_it() {
        for space in ["\u{1c}", "\u{1f}", "\u{85}", "\u{a0}", "\u{2003}", "\u{3000}"] {
            assert_eq!(score(&format!("good{space}day")), score("good day"), "{space:?}");
        }
        assert_eq!(score("good\u{200b}day").compound, 0.0);
    }

    #[test]
    fn but_weighs_the_first_of_equal_values_as_the_reference_does() {
        // Turn 0 halves the first 2 to 1; turn 1 finds the next 2; turn 3 (a 1) finds the first unit again, which is 1 by now.
        let mut valences = [2.0, 2.0, 0.0, 1.0];
        weigh_around_but(&mut valences, 2);
        assert_eq!(valences, [0.5, 1.0, 0.0, 1.0]);
    }

    #[test]
    fn a_very_long_text_with_a_but_takes_no_quadratic_time() {
        let text = "good bad ".repeat(200_000) + "but good";
        assert!(score(&text).compound.is_finite());
    }
}
