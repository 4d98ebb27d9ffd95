//! Numbers that their neighbours show to be harmless: amounts and measures ("25 dollars", "at 10 am"), and dates.

use super::atoms::{Atom, Token, What, position};
use super::spoken::is_clock;

/// Units of money and measure. After a number of a few digits they make it an amount, whatever stood before.
const UNITS: [&str; 38] = [
    "dollar",
    "dollars",
    "pound",
    "pounds",
    "euro",
    "euros",
    "cent",
    "cents",
    "pence",
    "bucks",
    "quid",
    "percent",
    "days",
    "weeks",
    "months",
    "years",
    "hours",
    "minutes",
    "seconds",
    "o'clock",
    "kilos",
    "kilometers",
    "miles",
    "meters",
    "items",
    "times",
    "megabytes",
    "gigabytes",
    "gigs",
    "megs",
    "people",
    "units",
    "boxes",
    "pieces",
    "grand",
    "degrees",
    "points",
    "inches",
];
/// Words that are units beside a number that stands alone, and mean something else behind the last group of a longer one: "… six seven, am I
/// right", "… 0366 per your request", "… 0366, month zero nine".
const DOUBTFUL: [&str; 26] = [
    "am", "pm", "a.m", "p.m", "per", "day", "week", "month", "year", "hour", "minute", "second", "kilo", "mile",
    "item", "feet", "business", "working", "calls", "copies", "street", "avenue", "road", "lane", "drive", "floor",
];
/// Digits of an amount in figures at most.
const AMOUNT_DIGITS: usize = 7;

/// Makes amounts of numbers before a unit. `first` is the token with which each atom begins.
pub(super) fn measures(atoms: &mut [Atom], first: &[usize], tokens: &[Token]) {
    for at in 1..atoms.len() {
        let word = tokens[first[at]].lower.as_str();
        let next = tokens.get(first[at] + 1).map_or("", |token| token.lower.as_str());
        let doubtful = position(&DOUBTFUL, word).is_some();
        if !doubtful && position(&UNITS, word).is_none() {
            continue;
        }
        let What::Digits(digits) = &atoms[at - 1].what else { continue };
        let in_a_row = at >= 2 && matches!(atoms[at - 2].what, What::Digits(_));
        let is_measure = match word {
            _ if digits.len() > AMOUNT_DIGITS || doubtful && in_a_row => false,
            "am" | "pm" | "a.m" | "p.m" => is_clock(digits) && next != "i",
            "per" => !matches!(next, "your" | "my" | "our" | "the" | "his" | "her" | "their"),
            _ => true,
        };
        let names_a_date = matches!(word, "month" | "year")
            && atoms.get(at + 1).is_some_and(|atom| matches!(atom.what, What::Digits(_)));
        if names_a_date {
            atoms[at].what = What::Filler;
        } else if is_measure {
            atoms[at - 1].what = What::Other;
        }
    }
}

/// Days and years beside a month belong to it.
pub(super) fn dates(atoms: &mut [Atom]) {
    let digits = |atom: Option<&Atom>| match atom.map(|atom| &atom.what) {
        Some(What::Digits(digits)) => digits.parse::<u32>().ok().map(|value| (value, digits.len())),
        _ => None,
    };
    for month in 0..atoms.len() {
        if atoms[month].what != What::Month {
            continue;
        }
        let mut has_day = false;
        let before = match month.checked_sub(1) {
            Some(before) if atoms[before].what == What::Filler => before.checked_sub(1),
            before => before,
        };
        if let Some(before) = before
            && (digits(atoms.get(before)).is_some_and(|(value, length)| length <= 2 && (1..=31).contains(&value))
                || atoms[before].what == What::Other)
        {
            atoms[before].what = What::Date;
            has_day = true;
        }
        let mut next = month + 1;
        let mut parts = Vec::new();
        while parts.len() < 3 {
            while atoms.get(next).is_some_and(|atom| matches!(atom.what, What::Filler)) {
                next += 1;
            }
            match digits(atoms.get(next)) {
                Some((value, length)) if length <= 2 || (length == 4 && (1900..2100).contains(&value)) => {
                    parts.push((next, value, length));
                }
                _ => break,
            }
            next += 1;
        }
        let year = |parts: &[(usize, u32, usize)]| match parts {
            [(_, value, 4), ..] => (1900..2100).contains(value).then_some(1),
            [(_, 19 | 20, 2), (_, _, 2), ..] => Some(2),
            _ => None,
        };
        let taken = match (year(&parts), parts.first()) {
            (Some(taken), _) => taken,
            (None, Some((_, value, _))) if (1..=31).contains(value) => {
                // "march 15 2024" has a day; "march 27" may be a year.
                match year(&parts[1..]) {
                    Some(more) => {
                        has_day = true;
                        1 + more
                    }
                    None => 1,
                }
            }
            _ => 0,
        };
        let what = if has_day || taken == 0 { What::Date } else { What::MonthYear };
        if taken == 0 && !has_day {
            atoms[month].what = What::Word;
            continue;
        }
        atoms[month].what = what.clone();
        for (place, ..) in parts.into_iter().take(taken) {
            atoms[place].what = what.clone();
        }
    }
}
