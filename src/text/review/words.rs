//! `[words]`: what a language calls numbers, days, money and people, as packs hold it; and the placeholders of patterns that are made of it.
//!
//! ```toml
//! [words]
//! markers = ["hai", "nahi"]         # small words that tell the language
//! titles = ["mr", "mrs"]            # stand before a name and belong to it
//! not_names = ["hello", "yes"]      # never a part of a name, though they may have a capital
//! firms = ["bank", "insurance"]     # a name that ends so is an organisation's
//! past = ["since"]                  # before a day: the last one, not the next; past_behind the same, behind it
//! following = ["next"]              # next week
//! previous = ["last"]
//! scale_first = false               # whether "thousand" stands before its number
//! [words.numbers]                   # also words.digits, words.repeats, words.ordinals, words.weekdays (1 is Monday), words.months,
//! two = 2                           # words.days (0 is today), words.clock ("evening" is 12, added to an hour up to 11)
//! [words.units]                     # day, week, month or year; words.currencies: ISO 4217 codes
//! ```
//!
//! A pack's words stand beside those of English, which come with the program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use serde::Deserialize;

/// Words of a language, and English.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Words {
    /// Small words that tell the language.
    pub markers: BTreeSet<String>,
    pub(super) titles: BTreeSet<String>,
    pub(super) not_names: BTreeSet<String>,
    pub(super) firms: BTreeSet<String>,
    pub(super) past: BTreeSet<String>,
    pub(super) past_behind: BTreeSet<String>,
    pub(super) following: BTreeSet<String>,
    pub(super) previous: BTreeSet<String>,
    pub(super) scale_first: bool,
    pub(super) numbers: BTreeMap<String, f64>,
    pub(super) digits: BTreeMap<String, String>,
    pub(super) repeats: BTreeMap<String, usize>,
    pub(super) ordinals: BTreeMap<String, i8>,
    pub(super) weekdays: BTreeMap<String, i8>,
    pub(super) months: BTreeMap<String, i8>,
    pub(super) days: BTreeMap<String, i32>,
    pub(super) clock: BTreeMap<String, i8>,
    pub(super) units: BTreeMap<String, String>,
    pub(super) currencies: BTreeMap<String, String>,
}

static ENGLISH: LazyLock<Arc<Words>> = LazyLock::new(|| {
    #[allow(clippy::expect_used, reason = "a file of the program itself; a test reads it")]
    let words: Words = toml::from_str(include_str!("english.toml")).expect("the words of English");
    Arc::new(words)
});

impl Words {
    /// English alone.
    pub fn english() -> Arc<Self> {
        Arc::clone(&ENGLISH)
    }

    /// These beside English. What the pack says of a word counts.
    pub fn with_english(self) -> Arc<Self> {
        fn both<K: Ord + Clone, V: Clone>(own: BTreeMap<K, V>, english: &BTreeMap<K, V>) -> BTreeMap<K, V> {
            let mut all = english.clone();
            all.extend(own);
            all
        }
        let of = |own: BTreeSet<String>, english: &BTreeSet<String>| {
            own.into_iter().chain(english.iter().cloned()).collect()
        };
        let english = &*ENGLISH;
        Arc::new(Self {
            markers: self.markers,
            titles: of(self.titles, &english.titles),
            not_names: of(self.not_names, &english.not_names),
            firms: of(self.firms, &english.firms),
            past: of(self.past, &english.past),
            past_behind: self.past_behind,
            following: of(self.following, &english.following),
            previous: of(self.previous, &english.previous),
            scale_first: self.scale_first,
            numbers: both(self.numbers, &english.numbers),
            digits: both(self.digits, &english.digits),
            repeats: both(self.repeats, &english.repeats),
            ordinals: both(self.ordinals, &english.ordinals),
            weekdays: both(self.weekdays, &english.weekdays),
            months: both(self.months, &english.months),
            days: both(self.days, &english.days),
            clock: both(self.clock, &english.clock),
            units: both(self.units, &english.units),
            currencies: both(self.currencies, &english.currencies),
        })
    }

    /// Puts the words into a pattern: `{number}` and so on. `{name}`, `{org}` and `{place}` are groups: what they find is what was named.
    pub(super) fn fill(&self, pattern: &str) -> String {
        let mut filled = pattern.to_owned();
        // Those that are made of others first.
        for (sign, made) in [
            ("{digits}", r"\+?(?:(?:\d+|{digit})[\s,.-]{0,3}){3,}(?:\d+|{digit})"),
            (
                "{code}",
                concat!(
                    r"(?:(?:[a-z]\b|(?-i:[A-Z]{2,4})\b|[a-z]{1,4}-?\d[\da-z-]*|\d[\d-]*|{digit})[\s,-]{0,2})*",
                    r"(?:[a-z]{1,4}-?\d[\da-z-]*|\d[\d-]*|{digit})"
                ),
            ),
        ] {
            filled = filled.replace(sign, made);
        }
        for sign in PLACEHOLDERS {
            if filled.contains(sign) {
                filled = filled.replace(sign, &self.made_of(sign));
            }
        }
        // All letters of Unicode make a pattern a hundred times larger. Names have capitals in few scripts.
        for (class, made) in [
            (r"\p{Lu}", "[A-ZÀ-ÖØ-Þ]"),
            (r"\p{Ll}", "[a-zß-öø-ÿ]"),
            (r"\p{L}", "[A-Za-zÀ-ÖØ-öø-ž]"),
            (r"\w", r"[0-9A-Za-z_À-ÖØ-öø-ž\u{900}-\u{97f}]"),
            (r"\d", "[0-9]"),
            (r"\s", "[ \t\n\r\u{a0}]"),
        ] {
            filled = filled.replace(class, made);
        }
        filled
    }

    /// The pattern that a placeholder stands for.
    fn made_of(&self, sign: &str) -> String {
        let any = |words: String| format!(r"(?:{words})\b");
        match sign {
            "{number}" => self.number(),
            "{digit}" => any(one_of(self.digits.keys().chain(self.repeats.keys()))),
            "{name}" => self.name(),
            "{org}" => ORGANISATION.to_owned(),
            "{place}" => PLACE.to_owned(),
            "{firm}" => any(capitalised(&self.firms)),
            "{weekday}" => any(one_of(self.weekdays.keys())),
            "{month}" => any(one_of(self.months.keys())),
            "{day}" => any(one_of(self.days.keys())),
            "{ordinal}" => format!(r"(?:\d{{1,2}}(?:st|nd|rd|th)|{})\b", one_of(self.ordinals.keys())),
            "{unit}" => any(one_of(self.units.keys())),
            _ => any(one_of(self.currencies.keys().filter(|word| is_word(word)))),
        }
    }

    fn number(&self) -> String {
        let word = one_of(
            self.numbers.iter().filter(|(_, value)| !is_scale(**value) && value.fract() == 0.0).map(|(word, _)| word),
        );
        let scale = one_of(self.numbers.iter().filter(|(_, value)| is_scale(**value)).map(|(word, _)| word));
        NUMBER.replace("WORD", &word).replace("SCALE", &scale)
    }

    fn name(&self) -> String {
        NAME.replace("TITLE", &capitalised(&self.titles))
    }
}

const PLACEHOLDERS: [&str; 12] = [
    "{number}",
    "{digit}",
    "{name}",
    "{org}",
    "{place}",
    "{firm}",
    "{weekday}",
    "{month}",
    "{day}",
    "{ordinal}",
    "{unit}",
    "{currency}",
];

/// What multiplies the number beside it.
pub(super) fn is_scale(value: f64) -> bool {
    [100.0, 1000.0, 1e5, 1e6, 1e7, 1e9].contains(&value)
}

const NUMBER: &str = concat!(
    r"(?:(?:[0-9]{1,3}(?:,[0-9]{2,3})+(?:\.[0-9]+)?|[0-9]{1,3}(?:\.[0-9]{3})+(?:,[0-9]+)?|[0-9]+(?:[.,][0-9]+)?)(?: ?k\b|(?:[ -]+(?:SCALE)\b)*)|",
    r"(?:(?:half )?an? (?:SCALE)\b|(?:WORD|SCALE)\b)(?:[ -]+(?:(?:and|na|y)[ -]+|point[ -]+)?(?:WORD|SCALE)\b)*)"
);
const NAME: &str = concat!(
    r"((?-i:(?:(?:TITLE)\.? )?(?:[DO][\x27’])?\p{Lu}[\p{L}’-]*\p{L}(?:[\x27’]\p{Lu}\p{Ll}+)?",
    r"(?: (?:(?:de|del|van|bin|wa|al) )?(?:[DO][\x27’])?\p{Lu}[\p{L}’-]*\p{L}){0,2}))"
);
const ORGANISATION: &str =
    r"((?-i:\p{Lu}[\w’-]*(?: (?:(?:of|and|the|de|del|la|ya|wa|y) )?(?:& )?(?:\p{Lu}[\w’-]*|\d+\b)){0,4}))";
const PLACE: &str = r"((?-i:\p{Lu}[\p{L}’-]+(?: (?:(?:de|del|la|of|es) )?\p{Lu}[\p{L}’-]+){0,2}))";

fn is_word(text: &str) -> bool {
    text.chars().all(|sign| sign.is_alphabetic() || sign == ' ' || sign == '.')
}

/// An alternation, the longest first, so that none hides another.
fn one_of<'a>(words: impl Iterator<Item = &'a String>) -> String {
    let mut words: Vec<&String> = words.collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    let mut all = String::new();
    for word in words {
        let _ = write!(all, "{}{}", if all.is_empty() { "" } else { "|" }, regex::escape(word).replace(' ', "[ -]"));
    }
    // What never is found, where there are no words.
    if all.is_empty() { "[^\u{0}-\u{10ffff}]".into() } else { all }
}

/// The words with and without a capital.
fn capitalised(words: &BTreeSet<String>) -> String {
    let both: Vec<String> = words
        .iter()
        .flat_map(|word| {
            let mut letters = word.chars();
            let first = letters.next().map(|first| first.to_uppercase().collect::<String>()).unwrap_or_default();
            [word.clone(), format!("{first}{}", letters.as_str()), word.to_uppercase()]
        })
        .collect();
    one_of(both.iter())
}

/// Letters and digits of a text, in lower case.
pub(super) fn tokens(text: &str) -> Vec<String> {
    text.to_lowercase()
        .replace('’', "'")
        .split(|sign: char| !sign.is_alphanumeric() && !matches!(sign, '\'' | '.' | ',' | ':' | '/'))
        .map(|word| word.trim_matches(['.', ',', ':', '\'', '/']).to_owned())
        .filter(|word| !word.is_empty())
        .collect()
}
