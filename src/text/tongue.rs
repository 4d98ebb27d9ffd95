//! Which language a text is in, where the recogniser did not say: by the small words of English and those that packs give for theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::pack::Pack;

/// Share of small words of a language from which on a text is taken for it.
const ENOUGH: f64 = 0.2;
/// Words that are looked at: a text says its language early.
const WORDS: usize = 2000;

/// The small words of each language, by its code.
#[derive(Debug)]
pub(super) struct Tongues(BTreeMap<String, BTreeSet<String>>);

impl Tongues {
    /// English, and what the packs know.
    pub fn new(english: &[&str], packs: &[Pack]) -> Self {
        let mut all: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        all.insert("en".into(), english.iter().map(|&word| word.to_owned()).collect());
        for pack in packs {
            let words = pack.markers.iter().map(|word| word.to_lowercase());
            all.entry(pack.language.to_lowercase()).or_default().extend(words);
        }
        Self(all)
    }

    /// The language with most small words in a text; `None` where no language has enough of them.
    pub fn of(&self, text: &str) -> Option<&str> {
        let lower = text.to_lowercase().replace('’', "'");
        let words = || {
            let parts = lower.split(|c: char| !c.is_alphanumeric() && c != '\'');
            parts.filter(|word| !word.is_empty()).take(WORDS)
        };
        let all = words().count();
        let share = |known: &BTreeSet<String>| words().filter(|word| known.contains(*word)).count() as f64 / all as f64;
        let shares = self.0.iter().map(|(code, known)| (code.as_str(), share(known)));
        shares
            .filter(|(_, share)| *share >= ENOUGH)
            .max_by(|one, other| one.1.total_cmp(&other.1))
            .map(|(code, _)| code)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_in_the_language_whose_small_words_it_has() {
        let packs = Pack::bundled().expect("packs");
        let tongues = Tongues::new(&["the", "is", "my", "i", "you", "to"], &packs);
        for (text, code) in [
            ("My router is broken, I talked to you last week", Some("en")),
            ("Mera internet nahi chal raha hai", Some("hi")),
            ("Mtandao haufanyi kazi tangu jana na mimi", Some("sw")),
            ("Das ist eine absolute Frechheit", None),
            ("", None),
        ] {
            assert_eq!(tongues.of(text), code, "{text}");
        }
    }
}
