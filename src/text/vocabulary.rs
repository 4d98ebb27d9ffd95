//! The words VADER knows, and what each of them does to its neighbours.
//!
//! Valences and emoji names come from the `vader_sentiment` crate (MIT, the word list of C. J. Hutto's vaderSentiment), brought to release 3.3.2
//! here; degree adverbs, negations and idioms are the facts of the same release. Every word is looked up once: all its roles are in one entry.
//! Must never know a word that vaderSentiment 3.3.2 does not know: a trade's own words come from packs.

use std::collections::BTreeMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::LazyLock;

use rustc_hash::FxHashMap;

/// Where release 3.3.2 differs from the crate: two words that its older list lacks, and one that its case-blind map takes for ":P".
const RELEASE_3_3_2: [(&str, f64); 3] = [("heart", 3.2), ("hearts", 3.3), (":p", 1.0)];

/// How much a degree adverb moves the valence of the word after it (mean of human ratings, Hutto & Gilbert 2014).
pub(super) const DEGREE: f64 = 0.293;

const STRENGTHENING: &str = "very really so totally absolutely completely extremely incredibly especially particularly quite more most \
    highly hugely deeply fully greatly entirely purely thoroughly utterly utter total major majorly extreme enormous enormously tremendous \
    tremendously considerable considerably substantially exceptional exceptionally remarkably decidedly intensely unusually unbelievably \
    incredible amazingly awfully fabulously uber hella effing flipping flippin frackin fracking frickin fricking friggin frigging fuckin \
    fucking fuggin fugging";

const WEAKENING: &str = "almost barely hardly less little kinda kindof kind-of sorta sortof sort-of marginal marginally occasional \
    occasionally partly scarce scarcely slight slightly somewhat";

/// Pairs that weaken as one; their second word must stand right before or one word before the rated word.
pub(super) const WEAKENING_PAIRS: [[&str; 2]; 3] = [["just", "enough"], ["kind", "of"], ["sort", "of"]];

/// What a weakening pair adds. VADER does not turn the sign for a negative word here, and neither do we.
pub(super) const WEAKENING_PAIR: f64 = -DEGREE;

const NEGATING: &str = "not never none nope nor neither nothing nowhere without rarely seldom despite cannot uhuh uh-uh \
    aint arent cant couldnt darent didnt doesnt dont hadnt hasnt havent isnt mightnt mustnt neednt oughtnt shant shouldnt wasnt werent wont \
    wouldnt";

/// Word groups that have a valence of their own, whatever the words in them say.
pub(super) const IDIOMS: [(&[&str], f64); 8] = [
    (&["the", "shit"], 3.0),
    (&["the", "bomb"], 3.0),
    (&["bad", "ass"], 1.5),
    (&["bus", "stop"], 0.0),
    (&["yeah", "right"], -2.0),
    (&["beating", "heart"], 3.5),
    (&["kiss", "of", "death"], -1.5),
    (&["to", "die", "for"], 3.0),
];

/// A word that a rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Role {
    #[default]
    Plain,
    At,
    But,
    Doubt,
    Kind,
    Least,
    Never,
    No,
    Nor,
    Of,
    Or,
    So,
    This,
    Very,
    Without,
}

const ROLES: [(&str, Role); 14] = [
    ("at", Role::At),
    ("but", Role::But),
    ("doubt", Role::Doubt),
    ("kind", Role::Kind),
    ("least", Role::Least),
    ("never", Role::Never),
    ("no", Role::No),
    ("nor", Role::Nor),
    ("of", Role::Of),
    ("or", Role::Or),
    ("so", Role::So),
    ("this", Role::This),
    ("very", Role::Very),
    ("without", Role::Without),
];

/// How a word changes the strength of a rated word after it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Degree {
    #[default]
    None,
    /// Adds [`DEGREE`].
    More,
    /// Takes [`DEGREE`] away.
    Less,
}

/// All that is known about one word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Word {
    /// Mean human rating, -4 to 4; counts only when `rated`.
    pub valence: f64,
    /// The word is in the list of rated words. Kept apart from the valence so that a word fits 16 bytes and the table the cache.
    pub rated: bool,
    /// The degree adverb that the word is.
    pub degree: Degree,
    /// The word turns the mood of what follows.
    pub negates: bool,
    /// The word is part of an idiom or a weakening pair.
    pub in_idiom: bool,
    /// The rule that names this word.
    pub role: Role,
}

/// A word that nobody knows.
pub(super) const UNKNOWN: Word =
    Word { valence: 0.0, rated: false, degree: Degree::None, negates: false, in_idiom: false, role: Role::Plain };

/// An unknown word that negates.
pub(super) const NEGATION: Word = Word { negates: true, ..UNKNOWN };

/// A word of up to 15 bytes and its length in one number. Comparing and hashing it takes a few instructions, and looking up words is most of the
/// work of scoring.
#[derive(Clone, Copy, PartialEq, Eq)]
struct ShortWord(u128);

impl ShortWord {
    const MAX_LEN: usize = 15;

    fn of(text: &str, span: Range<usize>) -> Option<Self> {
        let len = span.len();
        if len > Self::MAX_LEN {
            return None;
        }
        let bytes = text.as_bytes();
        let packed = if let Some(more) = bytes[span.start..].first_chunk::<16>() {
            u128::from_le_bytes(*more) & ((1 << (8 * len)) - 1)
        } else {
            // Near the end of the text there are no sixteen bytes to load at once.
            bytes[span].iter().rev().fold(0, |packed, &byte| packed << 8 | u128::from(byte))
        };
        // The length keeps "good" and "good\0" apart.
        Some(Self(packed | (len as u128) << 120))
    }
}

impl Hash for ShortWord {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (low, high) = (self.0 as u64, (self.0 >> 64) as u64);
        // The golden ratio spreads the first eight bytes before the rest is laid over them.
        state.write_u64(low.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ high);
    }
}

/// The words of a list and the names of the emoji. The tables are fixed when the settings are read, so nobody outside can choose colliding keys for them, and
/// the fast hash will do; the standard one takes more time than all the rules together.
pub(super) struct Vocabulary {
    short: FxHashMap<ShortWord, Word>,
    /// Words of more than [`ShortWord::MAX_LEN`] bytes: a handful, and rare in speech.
    long: FxHashMap<Box<str>, Word>,
    emoji: FxHashMap<char, &'static str>,
    /// Its words have no accents, and words are looked up without theirs.
    lacks_accents: bool,
}

impl fmt::Debug for Vocabulary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vocabulary of {} words", self.short.len() + self.long.len())
    }
}

static VADER: LazyLock<Vocabulary> = LazyLock::new(Vocabulary::build);

impl Vocabulary {
    /// The vocabulary of vaderSentiment 3.3.2, built at its first use.
    pub fn vader() -> &'static Self {
        &VADER
    }

    fn build() -> Self {
        let mut words: BTreeMap<String, Word> = BTreeMap::new();
        let mut rate = |key: &str, valence| {
            let word = words.entry(key.into()).or_default();
            (word.valence, word.rated) = (valence, true);
        };
        // Python asks for the word in lower case, so an entry with a capital is never found; the crate's case-blind map
        // has one value for such twins, the right one except in RELEASE_3_3_2. The two entries outside ASCII have a capital thorn: never found either.
        for (key, &valence) in vader_sentiment::LEXICON.iter().filter(|(key, _)| key.is_ascii()) {
            rate(&key.to_ascii_lowercase(), valence);
        }
        for (key, valence) in RELEASE_3_3_2 {
            rate(key, valence);
        }
        for (list, degree) in [(STRENGTHENING, Degree::More), (WEAKENING, Degree::Less)] {
            for key in list.split_whitespace() {
                words.entry(key.into()).or_default().degree = degree;
            }
        }
        for key in NEGATING.split_whitespace() {
            words.entry(key.into()).or_default().negates = true;
        }
        for &key in IDIOMS.iter().flat_map(|(idiom, _)| *idiom).chain(WEAKENING_PAIRS.as_flattened()) {
            words.entry(key.into()).or_default().in_idiom = true;
        }
        for (key, role) in ROLES {
            words.entry(key.into()).or_default().role = role;
        }
        let mut emoji: FxHashMap<char, &'static str> = FxHashMap::default();
        // Names of sequences of several characters are never found either: Python goes through the text one character at a time.
        for (key, name) in vader_sentiment::EMOJI_LEXICON.iter() {
            let mut characters = key.chars();
            if let (Some(only), None) = (characters.next(), characters.next()) {
                emoji.insert(only, name.trim());
            }
        }
        Self { emoji, ..Self::of(words, false) }
    }

    /// These words, and no emoji.
    pub fn of(words: BTreeMap<String, Word>, lacks_accents: bool) -> Self {
        let (short, long, emoji) = (FxHashMap::default(), FxHashMap::default(), FxHashMap::default());
        let mut all = Self { short, long, emoji, lacks_accents };
        for (key, word) in words {
            match ShortWord::of(&key, 0..key.len()) {
                Some(short) => all.short.insert(short, word),
                None => all.long.insert(key.into(), word),
            };
        }
        all
    }

    /// What is known about the word in this span of a text in lower case; nothing for an unknown one.
    #[inline]
    pub fn look_up(&self, lower: &str, span: Range<usize>) -> &Word {
        let known = match ShortWord::of(lower, span.clone()) {
            Some(short) => self.short.get(&short),
            None => self.long.get(&lower[span]),
        };
        known.unwrap_or(&UNKNOWN)
    }

    /// Whether words are to be looked up without accents.
    pub fn lacks_accents(&self) -> bool {
        self.lacks_accents
    }

    /// The English name of an emoji.
    pub fn emoji_name(&self, character: char) -> Option<&'static str> {
        self.emoji.get(&character).copied()
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "valences are copied, not computed")]
mod tests {
    use super::*;

    #[test]
    fn the_lists_hold_as_many_words_as_release_3_3_2() {
        let all = Vocabulary::vader();
        let with =
            |has: fn(&Word) -> bool| all.short.values().chain(all.long.values()).filter(|word| has(word)).count();
        // 7,506 entries less 14 that hold a capital (12 of them twins of another entry, 2 with a thorn).
        assert_eq!(with(|word| word.rated), 7492);
        assert_eq!(with(|word| word.degree == Degree::More), 60);
        assert_eq!(all.emoji.len(), 1212);
    }

    #[test]
    fn an_entry_with_a_capital_does_not_shadow_its_lower_case_twin() {
        let all = Vocabulary::vader();
        let look_up = |word: &str| *all.look_up(word, 0..word.len());
        assert_eq!([look_up(":p").valence, look_up("o.o").valence], [1.0, -0.8]);
        assert!(!look_up(":þ").rated);
    }

    #[test]
    fn a_word_is_found_inside_a_text_at_its_end_and_when_it_is_long() {
        let all = Vocabulary::vader();
        for word in ["good", "adventurousness", "advantageousness"] {
            for text in [word.to_owned(), format!("{word} and much more text"), format!("{word}s")] {
                assert!(all.look_up(&text, 0..word.len()).rated, "{word:?} in {text:?}");
            }
        }
        assert!(!all.look_up("good\0", 0..5).rated && !all.look_up("", 0..0).rated);
    }
}
