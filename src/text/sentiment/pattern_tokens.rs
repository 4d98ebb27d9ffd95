//! A text cut into words as pattern cuts it (TextBlob 0.20, `textblob._text.find_tokens`), in lower case.
//!
//! Follows the reference where it is odd, for the figures are to be the same: an apostrophe is always split off, so "isn't" becomes "is n ' t" and
//! negates nothing.

use std::sync::LazyLock;

use regex::Regex;

/// Punctuation that is split from words; the period has rules of its own.
const PUNCTUATION: &str = ",;:!?()[]{}`''\"@#$^&*+-|=~_";
/// Contractions that are set off, in the order of the reference.
const CONTRACTIONS: [&str; 7] = ["'d", "'m", "'s", "'ll", "'re", "'ve", "n't"];
const ABBREVIATIONS: [&str; 37] = [
    "a.", "adj.", "adv.", "al.", "a.m.", "c.", "cf.", "comp.", "conf.", "def.", "ed.", "e.g.", "esp.", "etc.", "ex.",
    "f.", "fig.", "gen.", "id.", "i.e.", "int.", "l.", "m.", "Med.", "Mil.", "Mr.", "n.", "n.q.", "orig.", "pl.",
    "pred.", "pres.", "p.m.", "ref.", "v.", "vs.", "w/",
];
/// What ends a sentence besides periods and marks: an empty line.
const END: &str = "END-OF-SENTENCE";

/// Emoticons by their polarity.
const EMOTICONS: [(f64, &str); 9] = [
    (1.0, "<3 ♥"),
    (1.0, ">:D :-D :D =-D =D X-D x-D XD xD 8-D"),
    (0.75, ">:P :-P :P :-p :p :-b :b :c) :o) :^)"),
    (0.5, ">:) :-) :) =) =] :] :} :> :3 8) 8-)"),
    (0.25, ">;] ;-) ;) ;-] ;] ;D ;^) *-) *)"),
    (0.05, ">:o :-O :O :o :-o o_O o.O °O° °o°"),
    (-0.25, ">:/ :-/ :/ :\\ >:\\ :-. :-s :s :S :-S >.>"),
    (-0.75, ">:[ :-( :( =( :-[ :[ :{ :-< :c :-c =/"),
    (-1.0, ":'( :'''( ;'("),
];

static ABBREVIATED: LazyLock<Regex> = LazyLock::new(|| {
    // One letter, letters that alternate with periods, a capital with consonants behind it ("Mr.").
    Regex::new(r"^(?:[A-Za-z]\.|(?:[A-Za-z]\.)+|[A-Z][|bcdfghjklmnpqrstvwxz]+.)$").expect("a good expression")
});
static IRONY: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\( ?! ?\)").expect("a good expression"));
static SPREAD_EMOTICON: LazyLock<Regex> = LazyLock::new(|| {
    let mut all: Vec<&str> = EMOTICONS.iter().flat_map(|(_, list)| list.split(' ')).collect();
    all.sort_by_key(|emoticon| std::cmp::Reverse(emoticon.len()));
    let spread =
        |emoticon: &str| emoticon.chars().map(|c| regex::escape(&c.to_string())).collect::<Vec<_>>().join(" ?");
    let any = all.into_iter().map(spread).collect::<Vec<_>>().join("|");
    Regex::new(&format!(r"({any})($|\s)")).expect("a good expression")
});

/// The polarity of an emoticon in lower case.
pub(super) fn emoticon(word: &str) -> Option<f64> {
    let is = |one: &str| one.to_lowercase() == word;
    EMOTICONS.iter().find(|(_, list)| list.split(' ').any(is)).map(|(polarity, _)| *polarity)
}

/// Whether a text is part of the reference's string of punctuation marks.
pub(super) fn is_punctuation(word: &str) -> bool {
    ".,;:!?()[]{}`''\"@#$^&*+-|=~_".contains(word)
}

/// What Python's `\s` and `str.split` take for white space.
fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

/// The words of a text in lower case, marks among them.
pub(super) fn words(text: &str) -> Vec<String> {
    let sentences = sentences(&tokens(&spaced(text)));
    let joined: Vec<String> = sentences
        .iter()
        .map(|sentence| {
            let sentence = IRONY.replace_all(sentence, "(!)");
            let close = |found: &regex::Captures<'_>| found[1].replace(' ', "") + &found[2];
            SPREAD_EMOTICON.replace_all(&sentence, close).into_owned()
        })
        .collect();
    joined.join(" ").to_lowercase().split(is_space).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The text with contractions and quotes set off, empty lines marked, and single spaces.
fn spaced(text: &str) -> String {
    let mut text = text.to_owned();
    for contraction in CONTRACTIONS {
        text = text.replace(contraction, &format!(" {contraction}"));
    }
    for quote in ["“", "”", "‘", "’", "'", "\""] {
        text = text.replace(quote, &format!(" {quote} "));
    }
    let text = text.replace("\r\n", "\n");
    let mut marked = String::with_capacity(text.len());
    let mut lines = 0;
    for c in text.chars() {
        if c == '\n' {
            lines += 1;
            continue;
        }
        end_lines(&mut marked, lines);
        lines = 0;
        marked.push(c);
    }
    end_lines(&mut marked, lines);
    marked.split(is_space).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn end_lines(text: &mut String, lines: usize) {
    match lines {
        0 => {}
        1 => text.push('\n'),
        _ => text.extend([" ", END, " "]),
    }
}

/// Words and marks, each on its own.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens = Vec::new();
    let is_mark = |c: char| PUNCTUATION.contains(c);
    for mut word in text.split(' ').filter(|word| !word.is_empty()) {
        while word.starts_with(is_mark) && !CONTRACTIONS.contains(&word) {
            let (mark, rest) = split_first(word);
            tokens.push(mark.to_owned());
            word = rest;
        }
        let mut tail = Vec::new();
        while word.ends_with(|c| is_mark(c) || c == '.') && !CONTRACTIONS.contains(&word) {
            if word.ends_with(is_mark) {
                tail.push(take_last(&mut word));
            }
            if let Some(rest) = word.strip_suffix("...") {
                tail.push("...".to_owned());
                word = rest.trim_end_matches('.');
            }
            if word.ends_with('.') {
                if ABBREVIATIONS.contains(&word) || ABBREVIATED.is_match(word) {
                    break;
                }
                tail.push(take_last(&mut word));
            }
        }
        if !word.is_empty() {
            tokens.push(word.to_owned());
        }
        tokens.extend(tail.into_iter().rev());
    }
    tokens
}

fn split_first(word: &str) -> (&str, &str) {
    let first = word.chars().next().map_or(0, char::len_utf8);
    word.split_at(first)
}

fn take_last(word: &mut &str) -> String {
    let last = word.char_indices().next_back().map_or(0, |(at, _)| at);
    let mark = word[last..].to_owned();
    *word = &word[..last];
    mark
}

/// The tokens by sentence, joined by spaces. A sentence ends with its last mark or bracket. The reference would take a closing straight quote along, but
/// counts the quotes of a sentence that is still empty, and so never does.
fn sentences(tokens: &[String]) -> Vec<String> {
    let mut sentences = Vec::new();
    let (mut from, mut at) = (0, 0);
    let joined = |tokens: &[String]| {
        tokens.iter().map(String::as_str).filter(|token| *token != END).collect::<Vec<_>>().join(" ")
    };
    while at < tokens.len() {
        if matches!(tokens[at].as_str(), "..." | "." | "!" | "?" | END) {
            let is_end = |token: &String| matches!(token.as_str(), "”" | "’" | "..." | "." | "!" | "?" | ")" | END);
            at += tokens[at..].iter().take_while(|token| is_end(token)).count();
            sentences.push(joined(&tokens[from..at]));
            from = at;
        }
        at += 1;
    }
    sentences.push(joined(&tokens[from..]));
    sentences.retain(|sentence| !sentence.is_empty());
    sentences
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_split_from_words_and_abbreviations_keep_theirs() {
        assert_eq!(
            words("Mr. Smith isn't here, e.g. (today)!"),
            ["mr.", "smith", "is", "n", "'", "t", "here", ",", "e.g.", "(", "today", ")", "!"]
        );
        assert_eq!(words("well... yes"), ["well", "...", "yes"]);
    }

    #[test]
    fn irony_and_emoticons_are_one_word() {
        assert_eq!(words("great ( ! ) :-) : D"), ["great", "(!)", ":-)", ":d"]);
        assert_eq!((emoticon(":d"), emoticon(":'("), emoticon("d")), (Some(1.0), Some(-1.0), None));
    }

    #[test]
    fn an_empty_line_leaves_no_word() {
        assert_eq!(words("one\n\n\ntwo\nthree"), ["one", "two", "three"]);
        assert_eq!(words(" \n\n "), Vec::<String>::new());
    }
}
