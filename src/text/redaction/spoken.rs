//! Numbers as they are said in English: "forty-five", "double oh", "forty two hundred".

use super::atoms::{Token, What, position};

const UNITS: [&str; 10] = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
const TEENS: [&str; 10] =
    ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"];
const TENS: [&str; 8] = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];

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

pub(super) fn is_magnitude(word: &str) -> bool {
    matches!(word, "hundred" | "thousand" | "million" | "billion" | "hundredth")
}

/// Number of times that "double" and the like repeat the next digit; 0 for any other word.
pub(super) fn times(word: &str) -> usize {
    match word {
        "double" => 2,
        "triple" | "treble" => 3,
        "quadruple" => 4,
        _ => 0,
    }
}

/// A spoken number that begins at `at`, and how many words it takes.
pub(super) fn spoken(tokens: &[Token], at: usize) -> Option<(What, usize)> {
    let lower = |at: usize| tokens.get(at).map_or("", |token| token.lower.as_str());
    let times = times(lower(at));
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

/// Whether figures may be a time of the day: "10", "1030".
pub(super) fn is_clock(digits: &str) -> bool {
    let (hour, minute) = digits.split_at(if digits.len() > 2 { digits.len() - 2 } else { digits.len() });
    hour.parse::<u8>().is_ok_and(|hour| hour <= 24) && (minute.is_empty() || minute.parse::<u8>().is_ok_and(|m| m < 60))
}
