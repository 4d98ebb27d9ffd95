//! Finds words and phrases in a text: the one matcher behind keywords, profanity and the phrases of a lexicon.
//!
//! A term is matched word by word, so "sue" is not found in "issue", any white space between words will do, and letter case means nothing in any
//! script. A word of a term may end in `*` for any ending ("cancel*"). Time grows with the text, not with the number of terms.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Letters, digits and marks of any script, with apostrophes inside.
static WORD: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"[\w--_]+(?:['’][\w--_]+)*").unwrap());

/// What may stand between two words of a phrase besides white space. No mark that ends a sentence: "No. Problem" is not "no problem".
const JOINING: &str = "-\u{2010}\u{2011},&/";

/// A word of a text.
struct Token {
    /// Lower case, with straight apostrophes.
    lower: String,
    /// Its place in the text, in bytes.
    span: Range<usize>,
    /// A phrase may run on from the word before.
    joined: bool,
}

fn tokens(text: &str) -> Vec<Token> {
    let mut end_before = 0;
    WORD.find_iter(text)
        .map(|found| {
            let gap = &text[end_before..found.start()];
            end_before = found.end();
            Token {
                lower: found.as_str().to_lowercase().replace('’', "'"),
                span: found.range(),
                joined: gap.chars().all(|c| c.is_whitespace() || JOINING.contains(c)),
            }
        })
        .collect()
}

/// A word or phrase to look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermPattern {
    words: Vec<TermWord>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct TermWord {
    lower: String,
    any_ending: bool,
}

impl TermWord {
    fn fits(&self, token: &str) -> bool {
        if self.any_ending {
            token.starts_with(&self.lower)
        } else {
            self.lower == token || self.lower == without_genitive(token)
        }
    }
}

/// "manager's" is also found as "manager".
fn without_genitive(word: &str) -> &str {
    word.strip_suffix("'s").unwrap_or(word)
}

impl TermPattern {
    /// Reads a term: words with white space between them, each with an optional `*` at its end. The error says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        for piece in text.split_whitespace() {
            let (body, any_ending) = piece.strip_suffix('*').map_or((piece, false), |body| (body, true));
            let found = tokens(body);
            let letters: usize = found.iter().map(|token| token.span.len()).sum();
            let joints: usize = body.chars().filter(|&c| JOINING.contains(c)).map(char::len_utf8).sum();
            if letters == 0 || letters + joints != body.len() {
                return Err(format!(
                    "{piece:?} is no word: letters, digits, ' and - are allowed, and one * at its end for any ending"
                ));
            }
            let last = found.len() - 1;
            words.extend(
                found
                    .into_iter()
                    .enumerate()
                    .map(|(i, token)| TermWord { lower: token.lower, any_ending: any_ending && i == last }),
            );
        }
        if words.is_empty() { Err("a term needs at least one word".into()) } else { Ok(Self { words }) }
    }

    /// The term in lower case, single spaces, without `*`: its name in results.
    pub fn name(&self) -> String {
        self.words.iter().map(|word| word.lower.as_str()).collect::<Vec<_>>().join(" ")
    }
}

/// Where a term was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    /// Position of the term in the list the index was made from.
    pub term: usize,
    /// Bytes of the text.
    pub span: Range<usize>,
    /// How many words the term has.
    pub words: usize,
}

/// Many terms, by their first word.
#[derive(Debug, Default)]
pub(super) struct TermIndex {
    terms: Vec<TermPattern>,
    whole: HashMap<String, Vec<usize>>,
    beginnings: HashMap<String, Vec<usize>>,
    /// In bytes; bounds the search for beginnings.
    longest_beginning: usize,
}

impl TermIndex {
    pub fn new(terms: impl IntoIterator<Item = TermPattern>) -> Self {
        let mut index = Self::default();
        for (id, term) in terms.into_iter().enumerate() {
            if let Some(first) = term.words.first() {
                let map = if first.any_ending { &mut index.beginnings } else { &mut index.whole };
                map.entry(first.lower.clone()).or_default().push(id);
                if first.any_ending {
                    index.longest_beginning = index.longest_beginning.max(first.lower.len());
                }
            }
            index.terms.push(term);
        }
        index
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Every place of every term, by start; overlapping ones too.
    pub fn find(&self, text: &str) -> Vec<Found> {
        if self.is_empty() {
            return Vec::new();
        }
        let tokens = tokens(text);
        let mut all = Vec::new();
        for (i, token) in tokens.iter().enumerate() {
            let mut offer = |ids: Option<&Vec<usize>>| {
                for &term in ids.into_iter().flatten() {
                    let words = &self.terms[term].words;
                    let Some(here) = tokens.get(i..i + words.len()) else { continue };
                    if here.iter().zip(words).all(|(token, word)| word.fits(&token.lower))
                        && here[1..].iter().all(|token| token.joined)
                    {
                        all.push(Found {
                            term,
                            span: token.span.start..here[here.len() - 1].span.end,
                            words: words.len(),
                        });
                    }
                }
            };
            offer(self.whole.get(&token.lower));
            let stripped = without_genitive(&token.lower);
            if stripped.len() < token.lower.len() {
                offer(self.whole.get(stripped));
            }
            let ends = token
                .lower
                .char_indices()
                .map(|(at, c)| at + c.len_utf8())
                .take_while(|&end| end <= self.longest_beginning);
            for end in ends {
                offer(self.beginnings.get(&token.lower[..end]));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(terms: &[&str], text: &str) -> Vec<String> {
        let index = TermIndex::new(terms.iter().map(|term| TermPattern::parse(term).expect("a good term")));
        index.find(text).into_iter().map(|found| text[found.span].to_owned()).collect()
    }

    #[test]
    fn a_term_is_found_as_a_whole_word_only() {
        assert_eq!(found(&["sue"], "The issue is pursued; I will SUE, Sue's lawyer too."), ["SUE", "Sue's"]);
    }

    #[test]
    fn any_white_space_or_a_hyphen_joins_a_phrase_but_the_end_of_a_sentence_does_not() {
        let text = "call back, call \t\n back, call-back, call. Back";
        assert_eq!(found(&["call back"], text), ["call back", "call \t\n back", "call-back"]);
    }

    #[test]
    fn a_star_stands_for_any_ending() {
        assert_eq!(found(&["cancel* account"], "cancelling account, cancel account, uncancel account").len(), 2);
    }

    #[test]
    fn case_means_nothing_in_any_script() {
        assert_eq!(found(&["ÄRGER", "отменить", "रद्द"], "ärger. ОТМЕНИТЬ! रद्द करो"), ["ärger", "ОТМЕНИТЬ", "रद्द"]);
    }

    #[test]
    fn a_typographic_apostrophe_is_an_apostrophe() {
        assert_eq!(found(&["can't stand"], "I can’t stand it"), ["can’t stand"]);
    }

    #[test]
    fn a_term_without_a_word_or_with_a_star_inside_is_refused() {
        for bad in ["", "  ", "*", "f**k", "what?", "-"] {
            assert!(TermPattern::parse(bad).is_err(), "{bad:?} was taken");
        }
    }
}
