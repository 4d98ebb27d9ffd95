//! Parses a text into a row of atoms: digits in any written or spoken form, letters that may spell a code, dates, and harmless numbers (amounts,
//! times, telephone numbers with their signs).
//!
//! Spoken numbers are parsed in English; digits in figures in any language.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

pub(super) use super::atoms::{Atom, What};
use super::atoms::{Token, position};
use super::topics::{Named, Topic};
use super::{amounts, figures, spoken};

static SHAPES: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?x)",
        r"(?P<gone> \[[a-z][a-z0-9_-]{1,19}\] )",
        r"|(?P<phone> \+\d[\d\ ().-]{6,}\d | \(\d{2,5}\)\ ?\d[\d\ -]{4,}\d )",
        r"|(?P<money> [$£€¥₹]\ ?\d[\d,]*(?:\.\d+)? )",
        r"|(?P<time> \b\d{1,2}:\d{2}(?::\d{2})?\b )",
        r"|(?P<date> \b(?:\d{4}|\d{1,2})[/.-]\d{1,2}[/.-](?:\d{4}|\d{1,2})\b )",
        r"|(?P<slash> \b\d{1,2}\ ?[/／]\ ?(?:\d{4}|\d{2})\b )",
        r"|(?P<thousands> \b\d{1,3}(?:,\d{3})+(?:\.\d+)?\b )",
        r"|(?P<decimal> \b\d+\.\d{1,2}\b )",
        r"|(?P<percent> \b\d+\ ?% )",
        r"|(?P<word> [\p{L}\d]+(?:['’]\p{L}+)? )",
    ))
    .unwrap()
});

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
const FILLERS: [&str; 49] = [
    "uh", "um", "er", "erm", "ah", "hmm", "mm", "mhm", "then", "and", "dash", "hyphen", "slash", "space", "comma",
    "okay", "ok", "yes", "yeah", "yep", "right", "so", "next", "followed", "by", "it's", "that's", "is", "the", "of",
    "got", "it", "alright", "that", "again", "sorry", "oops", "wait", "was", "finally", "lastly", "well", "now", "uhm",
    "uh-huh", "period", "are", "were", "number",
];
const NATO: [&str; 26] = [
    "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet", "kilo", "lima",
    "mike", "november", "oscar", "papa", "quebec", "romeo", "sierra", "tango", "uniform", "victor", "whiskey", "xray",
    "yankee", "zulu",
];

fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let mut place = 0;
    while let Some(captures) = SHAPES.captures_at(text, place) {
        let Some(whole) = captures.get(0) else { break };
        let name = ["gone", "phone", "money", "time", "date", "slash", "thousands", "decimal", "percent"]
            .into_iter()
            .find(|name| captures.name(name).is_some());
        let digits = figures::only(whole.as_str());
        // "45-32-01-51" is no date: a shape that continues beyond its end is parsed word by word.
        let goes_on = |shape: &str| !matches!(shape, "phone" | "gone") && continues(text, whole.range());
        let mut span = whole.range();
        let what = match name {
            Some("gone") => Some(What::Gone(whole.as_str().trim_matches(['[', ']']).into())),
            Some("thousands") if digits.len() >= 13 => Some(What::Digits(digits)),
            Some(shape) if goes_on(shape) => None,
            Some("slash") if is_month(whole.as_str()) => Some(What::Slash),
            Some("date") if !is_date(whole.as_str()) => None,
            Some("date") => Some(What::Date),
            Some("phone") => {
                span.end = span.start + telephone(whole.as_str());
                Some(What::Shape(figures::only(&text[span.clone()])))
            }
            Some("thousands" | "decimal" | "time") => Some(What::Shape(digits)),
            Some(_) => Some(What::Other),
            None => None,
        };
        if what.is_none() && name.is_some() {
            // Only the first run of digits of a shape that turned out to be none.
            let length = whole.as_str().find(|c| figures::value(c).is_none()).unwrap_or(whole.len());
            if length == 0 {
                place = whole.start() + whole.as_str().chars().next().map_or(1, char::len_utf8);
                continue;
            }
            span.end = span.start + length;
        }
        place = span.end;
        let text = figures::plain(&text[span.clone()]);
        let lower = text.to_lowercase().replace('’', "'");
        found.push(Token { span, text, lower, what });
    }
    found
}

/// Bytes of a telephone number at the text's beginning: no number has more than fifteen digits (ITU-T E.164), and digits after a complete one belong
/// to another.
fn telephone(text: &str) -> usize {
    /// A complete one with its area code.
    const COMPLETE: usize = 10;
    const LONGEST: usize = 15;
    if figures::only(text).len() <= LONGEST {
        return text.len();
    }
    let mut digits = 0;
    for (at, c) in text.char_indices() {
        let is_digit = figures::value(c).is_some();
        if !is_digit && digits >= COMPLETE {
            return at;
        }
        digits += usize::from(is_digit);
    }
    text.len()
}

/// Whether digits stand right before or after a range, with at most one mark between.
fn continues(text: &str, range: Range<usize>) -> bool {
    let joins = |c: char| "-./,".contains(c);
    let mut before = text[..range.start].chars().rev();
    let mut after = text[range.end..].chars();
    let digit = |c: Option<char>| c.is_some_and(|c| figures::value(c).is_some());
    let (first_before, first_after) = (before.next(), after.next());
    (first_before.is_some_and(joins) && digit(before.next())) || (first_after.is_some_and(joins) && digit(after.next()))
}

/// Whether a text with a date's shape can be one: "7-0-2" is a code, read out.
fn is_date(shape: &str) -> bool {
    let shape = figures::plain(shape);
    let parts: Vec<&str> = shape.split(['/', '.', '-']).collect();
    let number = |part: &str| part.parse::<u16>().unwrap_or(0);
    let month = |part: &str| (1..=12).contains(&number(part));
    let day = |part: &str| (1..=31).contains(&number(part));
    match parts[..] {
        [first, second, third] => {
            (first.len() == 4 && month(second) && day(third)
                || (month(first) && day(second) || day(first) && month(second)) && third.len() != 1)
                || shape.contains('/') && parts.iter().all(|part| day(part))
        }
        _ => false,
    }
}

fn is_month(slash: &str) -> bool {
    figures::plain(slash)
        .split(['/', '／'])
        .next()
        .and_then(|month| month.trim().parse::<u8>().ok())
        .is_some_and(|month| (1..=12).contains(&month))
}

fn single(token: &Token) -> What {
    let lower = token.lower.as_str();
    let digits = token.text.bytes().filter(u8::is_ascii_digit).count();
    if digits == token.text.len() {
        return What::Digits(token.text.clone());
    }
    if digits > 0 {
        if let Some(digits) = typed_with_letters(&token.text, digits) {
            return What::Digits(digits);
        }
        let suffix = lower.trim_start_matches(|c: char| c.is_ascii_digit());
        let no_code =
            matches!(suffix, "st" | "nd" | "rd" | "th" | "am" | "pm" | "k" | "m" | "gb" | "mb" | "kg" | "km" | "s");
        return if no_code || !token.text.is_ascii() {
            What::Other
        } else {
            What::Mixed(token.text.to_ascii_uppercase())
        };
    }
    if spoken::is_magnitude(lower) {
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

/// The figures of "14O8" and "45l9", where letters stand for the figures that look like them.
fn typed_with_letters(text: &str, digits: usize) -> Option<String> {
    let like = |c: char| match c {
        'O' | 'o' => Some('0'),
        'l' | 'I' if digits >= 2 => Some('1'),
        c => Some(c).filter(char::is_ascii_digit),
    };
    text.chars().map(like).collect()
}

/// The atoms of a text, in order. Words that name a topic are no numbers: "the three digits on the back".
pub(super) fn read(text: &str, topics: &[Named]) -> Vec<Atom> {
    let tokens = tokens(text);
    let mut atoms: Vec<Atom> = Vec::with_capacity(tokens.len());
    // The token with which each atom begins.
    let mut first = Vec::with_capacity(tokens.len());
    let mut at = 0;
    while let Some(token) = tokens.get(at) {
        let named = topics.iter().find(|named| named.start < token.span.end && token.span.start < named.end);
        let (what, used) = match (&token.what, named.map(|named| named.topic)) {
            (Some(what), _) => (what.clone(), 1),
            (None, Some(Topic::Aside | Topic::End)) => (What::Filler, 1),
            (None, Some(_)) => (What::Word, 1),
            (None, None) => spoken::spoken(&tokens, at).unwrap_or_else(|| (single(token), 1)),
        };
        // November is a month, and also the letter N between letters.
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
        let span = token.span.start..tokens[at + used - 1].span.end;
        atoms.push(Atom { span, what });
        first.push(at);
        at += used;
    }
    let dangling = tokens.last().map_or(0, |token| spoken::times(&token.lower));
    if let Some(last) = atoms.last_mut().filter(|last| dangling > 0 && last.what == What::Word) {
        last.what = What::Times(dangling);
    }
    zeros(&mut atoms, text);
    groups_in_lower_case(&mut atoms, text);
    amounts::measures(&mut atoms, &first, &tokens);
    amounts::dates(&mut atoms);
    atoms
}

/// Words of two letters that stand before numbers without being part of them.
const SHORT_WORDS: [&str; 29] = [
    "am", "an", "as", "at", "be", "by", "do", "go", "he", "hi", "if", "in", "is", "it", "me", "mr", "ms", "my", "no",
    "of", "on", "or", "so", "to", "uk", "up", "us", "vs", "we",
];

/// Short words between figures are groups of a code that is typed in lower case: "gb29 nwbk 6016", "ab 12 34 56 c".
fn groups_in_lower_case(atoms: &mut [Atom], text: &str) {
    let figures = |atom: &Atom| matches!(atom.what, What::Digits(_) | What::Mixed(_) | What::Letters(_));
    let joined =
        |one: &Atom, other: &Atom| text[one.span.end..other.span.start].chars().all(|c| " -.\u{a0}".contains(c));
    for at in 0..atoms.len() {
        let word = &text[atoms[at].span.clone()];
        let is_group = matches!(atoms[at].what, What::Word)
            && (2..=4).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_alphabetic())
            && position(&SHORT_WORDS, &word.to_ascii_lowercase()).is_none();
        let before =
            at.checked_sub(1).is_some_and(|before| figures(&atoms[before]) && joined(&atoms[before], &atoms[at]));
        let after = atoms.get(at + 1).is_some_and(|next| figures(next) && joined(&atoms[at], next));
        // A group of two letters may begin a code; longer ones stand inside.
        if is_group && after && (before || word.len() == 2) {
            let letters = word.to_ascii_uppercase();
            atoms[at].what = What::Letters(letters);
        }
    }
}

/// Turns "oh", "o" and "OO" beside other digits into zeros.
fn zeros(atoms: &mut [Atom], text: &str) {
    let word = |atom: &Atom| text[atom.span.clone()].to_ascii_lowercase();
    let is_oh = |atom: &Atom| word(atom) == "oh" || atom.span.len() <= 4 && word(atom).bytes().all(|byte| byte == b'o');
    let digits = |atom: Option<&Atom>| atom.is_some_and(|atom| matches!(atom.what, What::Digits(_)));
    for pass in 0..2 {
        let places: Vec<usize> = if pass == 0 { (0..atoms.len()).collect() } else { (0..atoms.len()).rev().collect() };
        for i in places {
            let spoken = |atom: &&Atom| atom.what != What::Filler;
            let beside = digits(atoms[..i].iter().rev().find(spoken)) || digits(atoms[i + 1..].iter().find(spoken));
            if is_oh(&atoms[i]) && beside {
                let noughts = if word(&atoms[i]) == "oh" { 1 } else { atoms[i].span.len() };
                atoms[i].what = What::Digits("0".repeat(noughts));
            }
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
