//! VADER's rules with the words of another language, from files in the form of VADER's own lists.
//!
//! Lists of this form exist for many languages: LeIA (Portuguese), vaderSentiment-fr (French). A line of the words is `word<TAB>rating`, with anything
//! after another tab; a line of the boosters is `word INCR` or `word DECR`; a line of the negations is a word. Entries of several words are left out:
//! the rules look at single words.

use super::list::ListError;
use crate::text::accents::without_accents;
use crate::text::lexicon::explained;
use crate::text::mood::{Explained, SentimentEngine};
use crate::text::reading::{Apostrophes, Reading};
use crate::text::vocabulary::{Degree, Role, Vocabulary, Word};

/// The texts of the files of a list.
#[derive(Clone, Copy, Debug, Default)]
pub struct ListFiles<'a> {
    /// Rated words: `word<TAB>rating`, the rating from -4 to 4.
    pub words: &'a str,
    /// Words that strengthen (`word INCR`) or weaken (`word DECR`) the word after them.
    pub boosters: &'a str,
    /// Words that turn the mood of what follows, one a line.
    pub negations: &'a str,
}

/// Rated words of a language.
#[derive(Debug)]
pub struct WordList {
    vocabulary: Vocabulary,
}

impl WordList {
    /// Reads the files; `but` are the words that set what follows against what was said before.
    pub fn new(files: &ListFiles<'_>, but: &[String]) -> Result<Self, ListError> {
        let mut words = Words::default();
        for (line, text) in lines(files.words) {
            let mut fields = text.split('\t');
            let (word, rating) = (fields.next().unwrap_or_default(), fields.next().unwrap_or_default());
            let valence: f64 = rating.trim().parse().map_err(|_| ListError {
                line,
                problem: format!("{text:?} is no `word<TAB>rating`, with a rating from -4 to 4"),
            })?;
            if !(-4.0..=4.0).contains(&valence) {
                return Err(ListError { line, problem: format!("the rating {valence} is not from -4 to 4") });
            }
            words.of(word, |word| (word.valence, word.rated) = (valence, true));
        }
        for (line, text) in lines(files.boosters) {
            let (word, degree) = match text.rsplit_once(' ') {
                Some((word, "INCR")) => (word, Degree::More),
                Some((word, "DECR")) => (word, Degree::Less),
                _ => return Err(ListError { line, problem: format!("{text:?} is no `word INCR` or `word DECR`") }),
            };
            words.of(word, |word| word.degree = degree);
        }
        for (_, word) in lines(files.negations) {
            words.of(word, |word| word.negates = true);
        }
        for word in but {
            words.of(word, |word| word.role = Role::But);
        }
        if !words.0.values().any(|word| word.rated) {
            return Err(ListError {
                line: 1,
                problem: "it holds no word with a rating: every text would be neutral".into(),
            });
        }
        Ok(Self { vocabulary: Vocabulary::of(words.0, true) })
    }
}

/// Words without accents in lower case, and what each does.
#[derive(Default)]
struct Words(std::collections::BTreeMap<String, Word>);

impl Words {
    fn of(&mut self, word: &str, set: impl FnOnce(&mut Word)) {
        let key = without_accents(&word.trim().to_lowercase().replace('\u{2019}', "'"));
        if !key.is_empty() && !key.contains(char::is_whitespace) {
            set(self.0.entry(key).or_default());
        }
    }
}

/// Lines that hold something, with their numbers from 1.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let all = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim_end()));
    all.filter(|(_, line)| !line.trim().is_empty())
}

impl SentimentEngine for WordList {
    fn name(&self) -> &'static str {
        "word-list"
    }

    fn explain(&self, text: &str) -> Explained {
        let mut reading = Reading::of(&self.vocabulary, text, Apostrophes::Straight);
        // Articles and conjunctions of one letter stand between a negation and its word ("nunca é a melhor"), and the rules look three words back.
        reading.units.retain(|unit| reading.text[unit.span.clone()].chars().nth(1).is_some());
        explained(&reading)
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "neutral is exactly 0")]
mod tests {
    use super::*;

    const WORDS: &str = "otimo\t3.1\t0.7\t[3, 4]\nruim\t-2.5\npéssimo\t-3.0\nboa sorte\t2\n";

    fn list() -> WordList {
        let files = ListFiles { words: WORDS, boosters: "muito INCR\npouco DECR\n", negations: "nao\nnunca\n" };
        WordList::new(&files, &["mas".into()]).expect("a good list")
    }

    fn compound(text: &str) -> f64 {
        list().explain(text).scores.compound
    }

    #[test]
    fn words_are_found_with_and_without_accents() {
        assert!(compound("O atendimento foi ótimo") > 0.5);
        assert_eq!(compound("O atendimento foi ótimo"), compound("o atendimento foi otimo"));
        assert!(compound("PÉSSIMO") < -0.5);
        assert_eq!(compound("O atendimento foi hoje"), 0.0);
    }

    #[test]
    fn a_negation_turns_a_booster_strengthens_and_but_weighs() {
        assert!(compound("não foi ótimo") < 0.0);
        assert!(compound("muito ruim") < compound("ruim") && compound("pouco ruim") > compound("ruim"));
        assert!(compound("foi ótimo mas péssimo") < 0.0 && compound("foi péssimo mas ótimo") > 0.0);
    }

    #[test]
    fn english_words_have_no_mood_in_another_list() {
        assert_eq!(compound("good terrible happy"), 0.0);
    }

    #[test]
    fn a_hit_stands_where_the_word_stands() {
        let text = "foi muito ótimo!";
        let hits = list().explain(text).hits;
        assert_eq!(hits.iter().map(|hit| &text[hit.start..hit.end]).collect::<Vec<_>>(), ["ótimo"]);
        assert_eq!(hits[0].text, "otimo");
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        let wrong = |words: &str, boosters: &str| {
            WordList::new(&ListFiles { words, boosters, negations: "" }, &[]).expect_err("refused").to_string()
        };
        assert_eq!(
            wrong("bom\t2\nruim minus\n", ""),
            "line 2: \"ruim minus\" is no `word<TAB>rating`, with a rating from -4 to 4"
        );
        assert_eq!(wrong("bom\t9\n", ""), "line 1: the rating 9 is not from -4 to 4");
        assert_eq!(wrong("", "muito MORE\n"), "line 1: \"muito MORE\" is no `word INCR` or `word DECR`");
        for empty in ["", "\n", "boa sorte\t2\n"] {
            assert!(wrong(empty, "muito INCR\n").contains("no word with a rating"), "{empty:?}");
        }
    }
}
