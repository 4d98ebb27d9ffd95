//! Sentences of a text.

/// What people say before they go on: no sentence ends behind it.
const SHORT: [&str; 12] = ["mr", "mrs", "ms", "dr", "st", "no", "rs", "a.m", "p.m", "prof", "sr", "sra"];

/// The sentences of a text. A full stop inside a number or a name, or behind a title, ends none.
pub(super) fn sentences(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let mut from = 0;
    for (at, sign) in text.char_indices().filter(|(_, sign)| matches!(sign, '.' | '!' | '?' | '।')) {
        let end = at + sign.len_utf8();
        let word = text[from..at].rsplit(char::is_whitespace).next().unwrap_or_default().to_lowercase();
        let short =
            sign == '.' && SHORT.contains(&word.as_str()) && !(word == "no" && text[from..at].trim().len() == 2);
        if text[end..].starts_with(char::is_whitespace) && !short {
            all.push(text[from..end].trim());
            from = end;
        }
    }
    all.push(text[from..].trim());
    all.retain(|sentence| !sentence.is_empty());
    all
}

/// The sentence around a place of the text.
pub(super) fn around(text: &str, place: usize) -> std::ops::Range<usize> {
    for sentence in sentences(text) {
        let start = sentence.as_ptr() as usize - text.as_ptr() as usize;
        if (start..start + sentence.len()).contains(&place) {
            return start..start + sentence.len();
        }
    }
    0..text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_and_a_title_are_not_the_end_of_a_sentence() {
        assert_eq!(sentences("It was $45.50. Really? Yes"), ["It was $45.50.", "Really?", "Yes"]);
        assert_eq!(sentences("I am Dr. Lang. No. Not you"), ["I am Dr. Lang.", "No.", "Not you"]);
        assert_eq!(&"One. Two three."[around("One. Two three.", 6)], "Two three.");
    }
}
