//! What is meant by what was named: an amount with its currency, a telephone number in digits, an address of e-mail as it is written.
//!
//! Pure. What can be read in two ways, or in none, has no value; then the words alone are told.

use super::words::{Words, is_scale, tokens};

/// A number in figures, in words, or in both ("3.5 million"). `None` where a token is no number.
pub(super) fn number(text: &str, words: &Words) -> Option<f64> {
    let tokens: Vec<String> = tokens(text).into_iter().flat_map(|token| split_k(&token)).collect();
    if words.scale_first
        && tokens.first().and_then(|first| words.numbers.get(first)).is_some_and(|&value| is_scale(value))
    {
        return scale_first(&tokens, words);
    }
    let (mut total, mut current, mut seen, mut fraction) = (0.0, 0.0, false, None::<f64>);
    for token in &tokens {
        if matches!(token.as_str(), "and" | "na" | "y" | "a" | "an" | "aur") {
            continue;
        }
        if token == "point" {
            fraction = Some(0.1);
            continue;
        }
        let value = figure(token).or_else(|| words.numbers.get(token).copied())?;
        seen = true;
        if let Some(step) = fraction.filter(|_| value < 10.0) {
            current += value * step;
            fraction = Some(step / 10.0);
        } else if value == 100.0 && token.parse::<f64>().is_err() {
            current = 100.0 * if current == 0.0 { 1.0 } else { current };
        } else if is_scale(value) && token.parse::<f64>().is_err() {
            fraction = None;
            total += value * if current == 0.0 { 1.0 } else { current };
            current = 0.0;
        } else {
            current += value;
        }
    }
    seen.then_some(total + current)
}

/// "5k" is 5 and thousand.
fn split_k(token: &str) -> Vec<String> {
    match token.strip_suffix('k').filter(|rest| figure(rest).is_some()) {
        Some(rest) => vec![rest.into(), "thousand".into()],
        None if token == "k" => vec!["thousand".into()],
        None => vec![token.into()],
    }
}

/// "elfu kumi na mbili" is twelve thousand, "mia mbili na hamsini" two hundred and fifty.
fn scale_first(tokens: &[String], words: &Words) -> Option<f64> {
    let (mut total, mut scale, mut inside) = (0.0, 1.0, 0.0);
    for token in tokens.iter().filter(|token| !matches!(token.as_str(), "na" | "and")) {
        let value = figure(token).or_else(|| words.numbers.get(token).copied())?;
        if is_scale(value) && figure(token).is_none() {
            total += scale * if inside == 0.0 && scale > 1.0 { 1.0 } else { inside };
            (scale, inside) = (value, 0.0);
        } else if scale == 100.0 && inside > 0.0 {
            total += scale * inside;
            (scale, inside) = (1.0, value);
        } else {
            inside += value;
        }
    }
    total += scale * if inside == 0.0 && scale > 1.0 { 1.0 } else { inside };
    Some(total)
}

/// Figures with their marks: 1,249.50 and 1.249,50 and 5,00,000.
fn figure(token: &str) -> Option<f64> {
    if !token.starts_with(|sign: char| sign.is_ascii_digit()) {
        return None;
    }
    let last = token.rfind(['.', ',']);
    let decimals = last.map_or(0, |at| token.len() - at - 1);
    let marks = token.matches(['.', ',']).count();
    // Three digits behind the only mark are thousands; so are groups before a last mark.
    let whole_only = decimals == 3
        || (marks > 1 && token[..last.unwrap_or(0)].contains(&token[last.unwrap_or(0)..=last.unwrap_or(0)]));
    let plain: String = match last.filter(|_| !whole_only) {
        Some(at) => format!("{}.{}", token[..at].replace(['.', ','], ""), &token[at + 1..]),
        None => token.replace(['.', ','], ""),
    };
    plain.parse().ok()
}

/// An amount as "45.5 USD"; without a currency the number alone.
pub(super) fn money(text: &str, words: &Words) -> Option<String> {
    let lower = text.to_lowercase();
    let mut spaced = lower.clone();
    for sign in ["us$", "us $", "$", "€", "£", "₹", "₦", "¥"] {
        spaced = spaced.replace(sign, " ");
    }
    let all = tokens(&spaced);
    let code_of = |token: &String| words.currencies.get(token.trim_end_matches('.'));
    let signs = ["$", "€", "£", "₹", "₦", "¥"].into_iter().find(|sign| lower.contains(sign));
    let code = signs.and_then(|sign| words.currencies.get(sign)).or_else(|| all.iter().find_map(code_of));
    // "forty dollars and fifty cents" has two numbers.
    let mut parts: Vec<(f64, bool)> = Vec::new();
    let mut run: Vec<&str> = Vec::new();
    for token in all.iter().map(String::as_str).chain([""]) {
        if token.is_empty() || words.currencies.contains_key(token) {
            if let Some(value) = number(&run.join(" "), words).filter(|_| !run.is_empty()) {
                parts.push((value, matches!(token, "cent" | "cents" | "pence")));
            }
            run.clear();
        } else {
            run.push(token);
        }
    }
    let many = parts.len() > 1;
    let last = parts.len().saturating_sub(1);
    let value: f64 = parts
        .iter()
        .enumerate()
        .map(|(at, &(value, small))| if small || (many && at == last) { value / 100.0 } else { value })
        .sum();
    let shown = format!("{value:.2}");
    let shown = shown.trim_end_matches('0').trim_end_matches('.');
    (!parts.is_empty()).then(|| code.map_or_else(|| shown.to_owned(), |code| format!("{shown} {code}")))
}

/// Spoken and written digits and letters as one word: "P D double four 1" is PD441.
pub(super) fn code(text: &str, words: &Words) -> Option<String> {
    let mut all = String::new();
    let mut repeat = 1;
    for token in tokens(text) {
        let token = token.replace(['-', '.', ',', '/', ':'], "");
        if let Some(&times) = words.repeats.get(&token) {
            repeat = times;
            continue;
        }
        let said = words.digits.get(&token).cloned().unwrap_or(token);
        let single = said.chars().count() == 1;
        all.push_str(&said.repeat(if single { repeat } else { 1 }));
        repeat = 1;
    }
    let all = all.to_uppercase();
    all.contains(|sign: char| sign.is_ascii_digit()).then_some(all)
}

/// A telephone number in digits, with its plus; `None` for fewer than seven digits or more than fifteen.
pub(super) fn phone(text: &str, words: &Words) -> Option<String> {
    let digits = code(text, words)?;
    let plain = digits.chars().all(|sign| sign.is_ascii_digit());
    let plus = if text.trim_start().starts_with('+') { "+" } else { "" };
    (plain && (7..=15).contains(&digits.len())).then(|| format!("{plus}{digits}"))
}

/// An address of e-mail as it is written: "j o h n at example dot com".
pub(super) fn mail(text: &str, words: &Words) -> Option<String> {
    let mut all = String::new();
    for token in text.to_lowercase().split_whitespace() {
        let token = token.trim_end_matches([',', '.']);
        all.push_str(match token {
            "at" | "arroba" | "kwenye" => "@",
            "dot" | "point" | "punto" | "nukta" => ".",
            "underscore" | "bajo" => "_",
            "dash" | "hyphen" | "minus" | "guion" | "guión" => "-",
            other => words.digits.get(other).map_or(other, String::as_str),
        });
    }
    let all = all.replace("-_", "_");
    let (name, host) = all.split_once('@')?;
    (!name.is_empty() && host.contains('.') && !host.contains('@')).then(|| all.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_in_figures_in_words_and_in_both() {
        let words = Words::english();
        for (text, value) in [
            ("1,249.50", 1249.5),
            ("1.249,50", 1249.5),
            ("5,00,000", 500_000.0),
            ("1.500", 1500.0),
            ("45,50", 45.5),
            ("3.5 million", 3_500_000.0),
            ("three point five million", 3_500_000.0),
            ("two hundred and fifty", 250.0),
            ("twelve hundred and fifty", 1250.0),
            ("forty-five", 45.0),
            ("5k", 5000.0),
            ("5 lakh", 500_000.0),
            ("half a million", 500_000.0),
        ] {
            assert_eq!(number(text, &words), Some(value), "{text}");
        }
        assert_eq!(number("many", &words), None);
    }

    #[test]
    fn amounts_numbers_and_addresses_have_one_form() {
        let words = Words::english();
        assert_eq!(money("forty dollars and fifty cents", &words).as_deref(), Some("40.5 USD"));
        assert_eq!(money("$1,249.50", &words).as_deref(), Some("1249.5 USD"));
        assert_eq!(money("Rs. 5,00,000", &words).as_deref(), Some("500000 INR"));
        assert_eq!(money("twelve hundred", &words).as_deref(), Some("1200"));
        assert_eq!(code("A B double four 1-2", &words).as_deref(), Some("AB4412"));
        assert_eq!(phone("five five five, oh one four two", &words).as_deref(), Some("5550142"));
        assert_eq!(phone("+44 20 7946 0018", &words).as_deref(), Some("+442079460018"));
        assert_eq!(phone("five five", &words), None);
        assert_eq!(mail("j o h n at example dot com", &words).as_deref(), Some("john@example.com"));
        assert_eq!(
            mail("mary underscore two at example dot co dot uk", &words).as_deref(),
            Some("mary_2@example.co.uk")
        );
    }
}
