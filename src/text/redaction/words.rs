//! Reads a text as a row of atoms: digits however they are written or spoken, letters that may spell a code, dates, and what is certainly no
//! secret (amounts, times, telephone numbers with their signs).
//!
//! Spoken numbers are read in English; digits in figures in any language.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use super::topics::Named;

/// What stands at a place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// "4532", "four", "forty-five", "double oh".
    Digits(String),
    /// One letter, a word of the NATO alphabet, a typed group in capitals: upper case.
    Letters(String),
    /// Letters and digits typed together, upper case.
    Mixed(String),
    /// "12/27": month and year.
    Slash,
    /// A month by name.
    Month,
    /// Month and year of a date without a day.
    MonthYear,
    /// Part of a date with a day.
    Date,
    /// A number that is none of ours: an amount, a time, a quantity.
    Other,
    /// What people say between groups of digits.
    Filler,
    /// Anything else.
    Word,
}

/// A piece of a text and what it is.
#[derive(Clone, Debug)]
pub(super) struct Atom {
    /// Bytes of the text.
    pub span: Range<usize>,
    /// What it is.
    pub what: What,
}

static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?x)",
        r"(?P<phone> \+[0-9][0-9\ ().-]{6,}[0-9] | \([0-9]{2,5}\)\ ?[0-9][0-9\ -]{4,}[0-9] )",
        r"|(?P<money> [$£€¥₹]\ ?[0-9][0-9,]*(?:\.[0-9]+)? )",
        r"|(?P<time> \b[0-9]{1,2}:[0-9]{2}(?::[0-9]{2})?\b )",
        r"|(?P<date> \b(?:[0-9]{4}|[0-9]{1,2})[/.-][0-9]{1,2}[/.-](?:[0-9]{4}|[0-9]{1,2})\b )",
        r"|(?P<slash> \b[0-9]{1,2}\ ?/\ ?(?:[0-9]{4}|[0-9]{2})\b )",
        r"|(?P<thousands> \b[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]+)?\b )",
        r"|(?P<decimal> \b[0-9]+\.[0-9]{1,2}\b )",
        r"|(?P<percent> \b[0-9]+\ ?% )",
        r"|(?P<word> [\p{L}0-9]+(?:['’]\p{L}+)? )",
    ))
    .unwrap()
});

const UNITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TEENS: [&str; 10] =
    ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
const MONTHS: [&str; 23] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "jan",
    "feb",
    "mar",
    "apr",
    "jun",
    "jul",
    "aug",
    "sep",
    "sept",
    "oct",
    "dec",
];
/// Words between groups that do not end a number.
const FILLERS: [&str; 34] = [
    "uh", "um", "er", "erm", "ah", "hmm", "mm", "mhm", "then", "and", "dash", "hyphen", "slash", "space", "comma",
    "okay", "ok", "yes", "yeah", "yep", "right", "so", "next", "followed", "by", "it's", "that's", "is", "the", "of",
    "got", "it", "got it", "alright",
];
/// Words after a number that make it an amount or a measure.
const MEASURES: [&str; 61] = [
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
    "per",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "hour",
    "hours",
    "minute",
    "minutes",
    "second",
    "seconds",
    "o'clock",
    "am",
    "pm",
    "a.m",
    "p.m",
    "kilo",
    "kilos",
    "kilometers",
    "miles",
    "mile",
    "meters",
    "items",
    "item",
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
    "feet",
    "inches",
    "business",
    "working",
    "calls",
    "copies",
    "street",
    "avenue",
    "road",
];
const NATO: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray",
    "yankee", "zulu",
];

fn position(list: &[&str], word: &str) -> Option<usize> {
    list.iter().position(|entry| *entry == word)
}

/// A word with its place, before numbers are put together.
struct Token<'a> {
    span: Range<usize>,
    text: &'a str,
    lower: String,
    /// Set when the shape alone tells.
    what: Option<What>,
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(captures) = SHAPES.captures_at(text, place) {
        let Some(whole) = captures.get(0) else { break };
        let name = ["phone", "money", "time", "date", "slash", "thousands", "decimal", "percent"]
            .into_iter()
            .find(|name| captures.name(name).is_some());
        let digits = || whole.as_str().chars().filter(char::is_ascii_digit).collect::<String>();
        // "45-32-01-51" is no date: a shape that goes on beyond its end is read word by word.
        let goes_on = |shape: &str| shape != "phone" && continues(text, whole.range());
        let what = match name {
            Some("thousands") if digits().len() >= 13 => Some(What::Digits(digits())),
            Some(shape) if goes_on(shape) => None,
            Some("slash") if is_month(whole.as_str()) => Some(What::Slash),
            Some("date") => Some(What::Date),
            Some(_) => Some(What::Other),
            None => None,
        };
        let span = if what.is_none() && name.is_some() {
            // Only the first run of digits of a shape that was none.
            let length = whole.as_str().find(|c: char| !c.is_ascii_digit()).unwrap_or(whole.len());
            if length == 0 {
                place = whole.start() + whole.as_str().chars().next().map_or(1, char::len_utf8);
                continue;
            }
            whole.start()..whole.start() + length
        } else {
            whole.range()
        };
        place = span.end;
        let text = &text[span.clone()];
        found.push(Token { span, text, lower: text.to_lowercase().replace('’', "'"), what });
    }
    found
}

/// Whether digits stand right before or after a range, with at most one mark between.
fn continues(text: &str, range: Range<usize>) -> bool {
    let joins = |c: char| "-./,".contains(c);
    let mut before = text[..range.start].chars().rev();
    let mut after = text[range.end..].chars();
    let digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    let (first_before, first_after) = (before.next(), after.next());
    (first_before.is_some_and(joins) && digit(before.next())) || (first_after.is_some_and(joins) && digit(after.next()))
}

fn is_month(slash: &str) -> bool {
    slash
        .split('/')
        .next()
        .and_then(|month| month.trim().parse::<u8>().ok())
        .is_some_and(|month| (1..=12).contains(&month))
}

/// A spoken number below 100 that begins at `at`: its digits and how many words it takes.
fn below_hundred(tokens: &[Token], at: usize) -> Option<(String, usize)> {
    let word = tokens.get(at)?.lower.as_str();
    if let Some(unit) = position(&UNITS, word) {
        return Some((unit.to_string(), 1));
    }
    if matches!(word, "nought" | "naught" | "nil") {
        return Some(("0".into(), 1));
    }
    if let Some(teen) = position(&TEENS, word) {
        return Some(((10 + teen).to_string(), 1));
    }
    let tens = position(&TENS, word)? + 2;
    match tokens.get(at + 1).and_then(|next| position(&UNITS, &next.lower)) {
        Some(unit) if unit > 0 => Some((format!("{tens}{unit}"), 2)),
        _ => Some((format!("{tens}0"), 1)),
    }
}

fn is_magnitude(word: &str) -> bool {
    matches!(word, "hundred" | "thousand" | "million" | "billion" | "hundredth")
}

/// A spoken number that begins at `at`, and how many words it takes.
fn spoken(tokens: &[Token], at: usize) -> Option<(What, usize)> {
    let lower = |at: usize| tokens.get(at).map_or("", |token| token.lower.as_str());
    let times = match lower(at) {
        "double" => 2,
        "triple" | "treble" => 3,
        "quadruple" => 4,
        _ => 0,
    };
    if times > 0 {
        let next = lower(at + 1);
        let digit = match next {
            "oh" | "o" | "nought" | "naught" => Some("0".to_string()),
            _ => position(&UNITS, next).map(|unit| unit.to_string()),
        };
        let typed = || (next.len() == 1 && next.bytes().all(|b| b.is_ascii_digit())).then(|| next.to_string());
        if let Some(digit) = digit.or_else(typed) {
            return Some((What::Digits(digit.repeat(times)), 2));
        }
        let letter = next.chars().next().filter(|c| next.len() == 1 && c.is_ascii_alphabetic());
        return letter.map(|letter| (What::Letters(letter.to_ascii_uppercase().to_string().repeat(times)), 2));
    }
    let (digits, mut used) = match below_hundred(tokens, at) {
        Some(found) => found,
        None if lower(at).bytes().all(|b| b.is_ascii_digit()) && is_magnitude(lower(at + 1)) => {
            (lower(at).to_string(), 1)
        }
        None => return None,
    };
    if !is_magnitude(lower(at + used)) {
        return Some((What::Digits(digits), used));
    }
    // "forty two hundred" is how some say 4200; everything else with a magnitude is an amount.
    let hundred = lower(at + used) == "hundred" && digits.len() == 2;
    used += 1;
    let mut alone = true;
    loop {
        let and = usize::from(lower(at + used) == "and");
        let Some((_, more)) = below_hundred(tokens, at + used + and) else { break };
        alone = false;
        used += and + more;
        if is_magnitude(lower(at + used)) {
            used += 1;
        } else {
            break;
        }
    }
    Some((if hundred && alone { What::Digits(format!("{digits}00")) } else { What::Other }, used))
}

fn single(token: &Token) -> What {
    let lower = token.lower.as_str();
    let digits = token.text.bytes().filter(u8::is_ascii_digit).count();
    if digits == token.text.len() {
        return What::Digits(token.text.into());
    }
    if digits > 0 {
        let suffix = lower.trim_start_matches(|c: char| c.is_ascii_digit());
        let no_code =
            matches!(suffix, "st" | "nd" | "rd" | "th" | "am" | "pm" | "k" | "m" | "gb" | "mb" | "kg" | "km" | "s");
        return if no_code || !token.text.is_ascii() {
            What::Other
        } else {
            What::Mixed(token.text.to_ascii_uppercase())
        };
    }
    if is_magnitude(lower) {
        return What::Other;
    }
    if let Some(letter) = position(&NATO, lower).filter(|_| lower != "november") {
        return What::Letters(char::from(b'A' + letter as u8).to_string());
    }
    if position(&MONTHS, lower).is_some() {
        return What::Month;
    }
    if position(&FILLERS, lower).is_some() {
        return What::Filler;
    }
    let letters = token.text.is_ascii()
        && (token.text.len() == 1 || token.text.len() <= 6 && token.text.bytes().all(|b| b.is_ascii_uppercase()));
    if letters { What::Letters(token.text.to_ascii_uppercase()) } else { What::Word }
}

/// The atoms of a text, in order. Words that name a topic are no numbers: "the three digits on the back".
pub(super) fn read(text: &str, topics: &[Named]) -> Vec<Atom> {
    let tokens = tokens(text);
    let mut atoms: Vec<Atom> = Vec::with_capacity(tokens.len());
    let mut measures = Vec::new();
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let (what, used) = match &token.what {
            Some(what) => (what.clone(), 1),
            None if topics.iter().any(|named| named.start < token.span.end && token.span.start < named.end) => {
                (What::Word, 1)
            }
            None => spoken(&tokens, at).unwrap_or_else(|| (single(token), 1)),
        };
        // November is a month, and a letter between letters.
        let letter = |token: Option<&Token>| {
            token.is_some_and(|token| {
                token.text.len() == 1 && token.text != "a" || position(&NATO, &token.lower).is_some()
            })
        };
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        let what = if token.lower == "november" && (letter(tokens.get(at + 1)) || letter(before)) {
            What::Letters("N".into())
        } else {
            what
        };
        if position(&MEASURES, &token.lower).is_some() {
            measures.push(atoms.len());
        }
        let span = token.span.start..tokens[at + used - 1].span.end;
        atoms.push(Atom { span, what });
        at += used;
    }
    zeros(&mut atoms, text);
    for measure in measures {
        if measure > 0 && matches!(atoms[measure - 1].what, What::Digits(_)) {
            atoms[measure - 1].what = What::Other;
        }
    }
    dates(&mut atoms);
    atoms
}

/// "oh" and "o" are zeros beside other digits.
fn zeros(atoms: &mut [Atom], text: &str) {
    let is_oh = |atom: &Atom| matches!(text[atom.span.clone()].to_ascii_lowercase().as_str(), "oh" | "o");
    let digits = |atom: Option<&Atom>| atom.is_some_and(|atom| matches!(atom.what, What::Digits(_)));
    for pass in 0..2 {
        let places: Vec<usize> = if pass == 0 { (0..atoms.len()).collect() } else { (0..atoms.len()).rev().collect() };
        for i in places {
            let beside = digits(i.checked_sub(1).and_then(|before| atoms.get(before))) || digits(atoms.get(i + 1));
            if is_oh(&atoms[i]) && beside {
                atoms[i].what = What::Digits("0".into());
            }
        }
    }
}

/// Days and years beside a month belong to it.
fn dates(atoms: &mut [Atom]) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn digits(text: &str) -> String {
        let parts = read(text, &[]).into_iter().filter_map(|atom| match atom.what {
            What::Digits(digits) => Some(digits),
            _ => None,
        });
        parts.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn digits_are_read_however_they_are_spoken_or_written() {
        assert_eq!(digits("four five three two double oh one"), "4 5 3 2 00 1");
        assert_eq!(digits("forty-five thirty two oh one Fifty one"), "45 32 0 1 51");
        assert_eq!(digits("triple 7, treble two, double four"), "777 222 44");
        assert_eq!(digits("4532-0151-1283-0366 and 45-32-01-51-12"), "4532 0151 1283 0366 45 32 01 51 12");
        assert_eq!(digits("4, 5, 3, 2. 4,532,015,112,830,366"), "4 5 3 2 4532015112830366");
    }

    #[test]
    fn amounts_times_dates_and_telephone_numbers_with_their_signs_are_no_digits() {
        for text in [
            "$1,500.00",
            "it is 12.50 now",
            "at 10:30",
            "on 12/03/2024",
            "1,500",
            "+44 7911 123456",
            "(555) 123-4567",
            "20%",
            "the 15th",
            "two hundred and fifty",
            "one thousand two hundred",
            "25 dollars",
            "three days",
            "2024-03-15",
            "15 March 2024",
            "march fifteen 2024",
        ] {
            assert_eq!(digits(text), "", "{text}");
        }
    }
}
