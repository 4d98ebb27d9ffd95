//! Words that are likely to be said on a call: the names of its agent, lead, campaign, in-group and list, and the words of a trade (`glossary.rs`).
//!
//! They serve in two ways. As words to expect they go before the decoder's prompt; as corrections a word that sounds like one of them, and of which the
//! model was not sure, becomes it. Pure functions. No name of a call is kept anywhere but here, in memory.

use std::collections::HashSet;
use std::str::FromStr;

use serde::Deserialize;
use strsim::{jaro_winkler, normalized_levenshtein};

use super::engine::Piece;
use crate::call::Word;

/// Names of a call at most.
const MOST: usize = 40;
/// Characters of a name.
const LONGEST: usize = 60;
/// Characters of the prompt that are a call's names.
const PROMPT: usize = 200;
/// Of those that are the glossary's: names take a token for every two or three of them, and `[speech] prompt` needs room too.
const PROMPT_OF_TRADE: usize = 400;
/// Words of a glossary that correct.
const WORDS_OF_TRADE: usize = 1000;
/// Shorter words are not corrected: too much sounds like them.
const SHORTEST: usize = 4;
/// A word of at least this probability is what the model heard, whatever it sounds like; the next constant is that of two words that may be one. All
/// of these were chosen by `tests/vocabulary/run --set tuning`.
const SURE: f32 = 0.85;
const SURE_PAIR: f32 = 0.95;
/// Likeness to a name from which a word is corrected: for a word written as a name, and for any other.
const ALIKE_NAMED: f64 = 0.72;
const ALIKE: f64 = 0.80;
/// The same of two words that are one name.
const ALIKE_PAIR: f64 = 0.80;
/// The same of words of a trade: many are words of every day, which others resemble.
const ALIKE_TRADE: f64 = 0.86;
/// Parts of names that are words of any call.
const COMMON: &[&str] = &[
    "account", "accounts", "agent", "agents", "billing", "business", "call", "callback", "campaign", "center",
    "centre", "claims", "company", "customer", "default", "general", "group", "inbound", "leads", "line", "list",
    "main", "north", "outbound", "phone", "queue", "sales", "service", "services", "south", "support", "system",
    "team", "test", "with",
];

/// Use of a call's names and of a glossary's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CallNamesUse {
    /// The names are not used.
    Off,
    /// The names are words to expect.
    Prompt,
    /// The names correct words that sound like them.
    #[default]
    Correct,
    /// Both.
    Both,
}

impl CallNamesUse {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Off, "off"), (Self::Prompt, "prompt"), (Self::Correct, "correct"), (Self::Both, "both")];

    const fn prompts(self) -> bool {
        matches!(self, Self::Prompt | Self::Both)
    }

    const fn corrects(self) -> bool {
        matches!(self, Self::Correct | Self::Both)
    }
}

impl FromStr for CallNamesUse {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = Self::ALL.into_iter().find(|(_, word)| *word == text);
        known.map(|(way, _)| way).ok_or_else(|| format!("{text:?}: it is off, prompt, correct or both"))
    }
}

/// A word of a name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NameWord {
    /// The name as it is written.
    written: String,
    lower: String,
    /// The name as it sounds, by [`sound`].
    sound: String,
}

/// The names of a call, or the words of a trade.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vocabulary {
    names: Vec<String>,
    words: Vec<NameWord>,
    /// The call's campaign: its glossary counts.
    campaign: Option<String>,
    /// Whether these are words of a trade.
    of_trade: bool,
}

impl Vocabulary {
    /// A vocabulary of these names, the more important first. Codes with digits or without a vowel are left out, because they are not said as they
    /// are written.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Self {
        let mut vocabulary = Self::default();
        for name in names {
            let words: Vec<String> = name
                .chars()
                .take(LONGEST)
                .collect::<String>()
                .split(|c: char| !c.is_alphabetic() && c != '\'')
                .filter(|word| !word.is_empty())
                .map(as_name)
                .collect();
            let is_said = words.iter().any(|word| is_sayable(word)) && !name.chars().any(|c| c.is_ascii_digit());
            let name = words.join(" ");
            if !is_said || vocabulary.names.contains(&name) {
                continue;
            }
            if vocabulary.names.len() == MOST {
                break;
            }
            for word in words {
                let lower = word.to_lowercase();
                let is_one =
                    lower.chars().count() >= SHORTEST && is_sayable(&word) && !COMMON.contains(&lower.as_str());
                if is_one && vocabulary.words.iter().all(|known| known.lower != lower) {
                    vocabulary.words.push(NameWord { sound: sound(&lower), written: word, lower });
                }
            }
            vocabulary.names.push(name);
        }
        vocabulary
    }

    /// Of the terms of a glossary, the more important first. They are written as they stand there.
    pub fn of_trade<'t>(terms: impl IntoIterator<Item = &'t str>) -> Self {
        let mut vocabulary = Self { of_trade: true, ..Self::default() };
        let mut known = HashSet::new();
        for term in terms {
            if !known.insert(term.to_lowercase()) {
                continue;
            }
            for word in term.split(|c: char| !c.is_alphabetic() && c != '\'') {
                let lower = word.to_lowercase();
                let is_one = lower.chars().count() > SHORTEST && is_sayable(word) && !COMMON.contains(&lower.as_str());
                let is_new = || vocabulary.words.iter().all(|known| known.lower != lower);
                if vocabulary.words.len() < WORDS_OF_TRADE && is_one && is_new() {
                    vocabulary.words.push(NameWord { sound: sound(&lower), written: word.to_owned(), lower });
                }
            }
            vocabulary.names.push(term.to_owned());
        }
        vocabulary
    }

    /// The same of a call of this campaign.
    #[must_use]
    pub fn of_campaign(self, campaign: Option<String>) -> Self {
        Self { campaign, ..self }
    }

    /// The call's campaign.
    pub fn campaign(&self) -> Option<&str> {
        self.campaign.as_deref()
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty() && self.campaign.is_none()
    }

    /// Whether names are known.
    pub fn has_names(&self) -> bool {
        !self.names.is_empty()
    }

    /// How many of the names fit into the words to expect.
    pub fn in_prompt(&self) -> usize {
        self.fitting().count()
    }

    /// The first names that fit into the prompt.
    fn fitting(&self) -> impl Iterator<Item = &String> {
        let most = if self.of_trade { PROMPT_OF_TRADE } else { PROMPT };
        let mut length = 0;
        self.names.iter().take_while(move |name| {
            length += name.len() + 2;
            length <= most
        })
    }

    /// The first names that fit, as words to expect.
    pub(super) fn prompt(&self, way: CallNamesUse) -> Option<String> {
        let mut text = String::new();
        for name in self.fitting().filter(|_| way.prompts()) {
            text.push_str(if text.is_empty() { "" } else { ", " });
            text.push_str(name);
        }
        (!text.is_empty()).then_some(text)
    }

    /// Writes names where words sound like them; gives back how many. What is a word of `others` stays.
    pub(super) fn correct(&self, pieces: &mut [Piece], way: CallNamesUse, others: Option<&Self>) -> usize {
        if !way.corrects() || self.words.is_empty() {
            return 0;
        }
        pieces.iter_mut().map(|piece| self.correct_piece(piece, others)).sum()
    }

    fn correct_piece(&self, piece: &mut Piece, others: Option<&Self>) -> usize {
        let stays = |word: &str| {
            let lower = || Bare::of(word).map(|bare| bare.core.to_lowercase());
            others.is_some_and(|others| lower().is_some_and(|lower| others.has(&lower)))
        };
        let mut written: Vec<String> = piece.text.split_whitespace().map(str::to_owned).collect();
        // Without times of the words, or where they are cut differently, nothing is known of each word.
        if written.len() != piece.words.len() {
            return 0;
        }
        let (mut place, mut count) = (0, 0);
        while place < written.len() {
            if stays(&written[place]) {
                place += 1;
                continue;
            }
            let begins = place == 0 || written[place - 1].ends_with(['.', '?', '!']);
            if let Some(name) = self.of_word(&written[place], piece.words[place].confidence, begins) {
                written[place] = name;
                piece.words[place].text.clone_from(&written[place]);
                count += 1;
            } else if !written.get(place + 1).is_some_and(|next| stays(next))
                && let Some(name) = self.of_pair(&written, &piece.words, place)
            {
                let next = piece.words.remove(place + 1);
                let word = &mut piece.words[place];
                (word.end_ms, word.confidence) = (next.end_ms, word.confidence.min(next.confidence));
                written.remove(place + 1);
                written[place] = name;
                word.text.clone_from(&written[place]);
                count += 1;
            }
            place += 1;
        }
        if count > 0 {
            piece.text = written.join(" ");
        }
        count
    }

    /// The name that a word was meant to be, with the signs around it.
    fn of_word(&self, written: &str, confidence: f32, begins: bool) -> Option<String> {
        let word = Bare::of(written)?;
        let lower = word.core.to_lowercase();
        let is_named = !begins && word.core.chars().next().is_some_and(char::is_uppercase);
        // Many short everyday words sound alike; a short name is recognised by its capital.
        let shortest = if is_named && !self.of_trade { SHORTEST } else { SHORTEST + 1 };
        if confidence >= SURE || lower.chars().count() < shortest || self.has(&lower) {
            return None;
        }
        let name = self.nearest(&lower, if is_named { ALIKE_NAMED } else { ALIKE })?;
        Some(word.with(&self.as_written(name, word.core)))
    }

    /// The same of two words in a row that are one.
    fn of_pair(&self, written: &[String], words: &[Word], place: usize) -> Option<String> {
        let (one, other) = (Bare::of(&written[place])?, Bare::of(written.get(place + 1)?)?);
        let is_doubtful = words[place].confidence.max(words[place + 1].confidence) < SURE_PAIR;
        let are_apart = !one.after.is_empty() || !other.before.is_empty();
        let lower = format!("{}{}", one.core, other.core).to_lowercase();
        let is_known = [one.core, other.core].iter().any(|part| self.has(&part.to_lowercase()));
        if !is_doubtful || are_apart || is_known || lower.chars().count() < SHORTEST + 2 {
            return None;
        }
        let name = self.nearest(&lower, ALIKE_PAIR)?;
        Some(format!("{}{}{}", one.before, self.as_written(name, one.core), other.after))
    }

    /// A name as it stands where a word was heard: a word of a trade that has small letters takes that word's capital.
    fn as_written(&self, name: &NameWord, heard: &str) -> String {
        let is_capital = |word: &str| word.chars().next().is_some_and(char::is_uppercase);
        let mut letters = name.written.chars();
        match letters.next() {
            Some(first) if self.of_trade && is_capital(heard) => first.to_uppercase().chain(letters).collect(),
            _ => name.written.clone(),
        }
    }

    fn has(&self, lower: &str) -> bool {
        self.words.iter().any(|name| name.lower == lower)
    }

    /// The name that is most like a word, where one is alike enough.
    fn nearest(&self, lower: &str, least: f64) -> Option<&NameWord> {
        let heard = sound(lower);
        let least = if self.of_trade { least.max(ALIKE_TRADE) } else { least };
        // "routers" is a form of "router", and not a router that was misheard.
        let is_form =
            |name: &NameWord| lower != name.lower && (lower.starts_with(&name.lower) || name.lower.starts_with(lower));
        if self.of_trade && self.words.iter().any(is_form) {
            return None;
        }
        let alike = self.words.iter().map(|name| (name.alike(lower, &heard), name));
        alike.filter(|(alike, _)| *alike >= least).max_by(|one, other| one.0.total_cmp(&other.0)).map(|(_, name)| name)
    }
}

impl NameWord {
    /// Likeness of a word, 0 to 1: by sound first, by letters second.
    fn alike(&self, lower: &str, heard: &str) -> f64 {
        let by_sound = normalized_levenshtein(&self.sound, heard);
        let by_letters = jaro_winkler(&self.lower, lower);
        0.6 * by_sound + 0.4 * by_letters
    }
}

/// A word without the signs around it.
struct Bare<'w> {
    before: &'w str,
    core: &'w str,
    after: &'w str,
}

impl<'w> Bare<'w> {
    fn of(written: &'w str) -> Option<Self> {
        let start = written.find(char::is_alphabetic)?;
        let rest = &written[start..];
        // In a genitive the name ends at the apostrophe.
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        Some(Self { before: &written[..start], core: &rest[..end], after: &rest[end..] })
    }

    fn with(&self, name: &str) -> String {
        format!("{}{name}{}", self.before, self.after)
    }
}

/// A word of a name as people write it: databases have names in capitals, and in small letters.
fn as_name(word: &str) -> String {
    let has = |test: fn(char) -> bool| word.chars().any(test);
    if has(char::is_uppercase) && has(char::is_lowercase) {
        return word.to_owned();
    }
    let mut letters = word.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect())
}

fn is_sayable(word: &str) -> bool {
    word.chars().any(|c| !c.is_ascii() || "aeiouyAEIOUY".contains(c))
}

/// The sound of letters in an English speaker's mouth, as far as a model confuses it: all vowels are one, silent letters are left out.
fn sound(lower: &str) -> String {
    const GROUPS: &[(&str, &str)] = &[
        ("tch", "C"),
        ("sch", "S"),
        ("cz", "C"),
        ("ch", "C"),
        ("sh", "S"),
        ("ph", "f"),
        ("gh", ""),
        ("ck", "k"),
        ("th", "t"),
        ("wh", "v"),
        ("qu", "kv"),
        ("kn", "n"),
        ("wr", "r"),
        ("dg", "j"),
        ("ce", "sa"),
        ("ci", "sa"),
        ("cy", "sa"),
        ("x", "ks"),
        ("c", "k"),
        ("q", "k"),
        ("z", "s"),
        ("w", "v"),
        ("g", "g"),
        ("h", ""),
    ];
    let mut sound = String::new();
    let mut rest = lower;
    while let Some(c) = rest.chars().next() {
        let group = GROUPS.iter().find(|(letters, _)| rest.starts_with(letters));
        let (taken, heard) = match group {
            Some((letters, heard)) => (letters.len(), (*heard).to_owned()),
            None if "aeiouy".contains(c) || !c.is_ascii() => (c.len_utf8(), "a".to_owned()),
            None => (c.len_utf8(), c.to_string()),
        };
        for one in heard.chars().filter(|c| *c != '\'') {
            if !sound.ends_with(one) {
                sound.push(one);
            }
        }
        rest = &rest[taken..];
    }
    sound
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn piece(text: &str, confidence: f32) -> Piece {
        let word = |text: &str| Word { text: text.into(), start_ms: 0, end_ms: 100, confidence };
        let words = text.split_whitespace().map(word).collect();
        Piece { text: text.into(), start_ms: 0, end_ms: 1000, confidence, words }
    }

    fn corrected(names: &[&str], text: &str, confidence: f32) -> String {
        let mut pieces = [piece(text, confidence)];
        Vocabulary::new(names.iter().copied()).correct(&mut pieces, CallNamesUse::Correct, None);
        let [piece] = pieces;
        let words: Vec<&str> = piece.words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(piece.text, words.join(" "), "text and words say the same");
        piece.text
    }

    #[test]
    fn a_doubtful_word_that_sounds_like_a_name_becomes_it_and_keeps_its_signs() {
        let names = ["Lindsey Kowalczyk", "NORTHERN ENERGY"];
        for (heard, wanted) in [
            ("This is Lindsay Kovalchik, hello.", "This is Lindsey Kowalczyk, hello."),
            ("Mrs. Kovalczik's account", "Mrs. Kowalczyk's account"),
            ("for kowal chick.", "for Kowalczyk."),
            ("The lindsay family", "The Lindsey family"),
        ] {
            assert_eq!(corrected(&names, heard, 0.5), wanted);
        }
    }

    #[test]
    fn what_the_model_is_sure_of_and_what_is_no_name_stays() {
        let names = ["Mark Shaw", "Brenda Wilson", "Sales Inbound"];
        for heard in
            ["I would like to remark on that", "the sails were outbound", "He was here soon", "show me the mask"]
        {
            assert_eq!(corrected(&names, heard, 0.5), heard);
        }
        assert_eq!(corrected(&["Lindsey"], "This is Lindsay", 0.95), "This is Lindsay");
        let mut pieces = [Piece { words: Vec::new(), ..piece("This is Lindsay", 0.3) }];
        assert_eq!(
            Vocabulary::new(["Lindsey"]).correct(&mut pieces, CallNamesUse::Both, None),
            0,
            "nothing is known of a word"
        );
    }

    #[test]
    fn names_are_told_once_as_people_write_them_and_codes_are_not() {
        let vocabulary =
            Vocabulary::new(["MARY O'BRIEN", "mary o'brien", "TESTCAMP1", "8600051", "", "Nguyễn", "VDCL_x", "B2B"]);
        assert_eq!(vocabulary.prompt(CallNamesUse::Both).as_deref(), Some("Mary O'brien, Nguyễn"));
        assert_eq!(vocabulary.prompt(CallNamesUse::Correct), None);
        let many: Vec<String> = (0..200).map(|i| format!("Anna{}", "b".repeat(i))).collect();
        let prompt = Vocabulary::new(many.iter().map(String::as_str)).prompt(CallNamesUse::Prompt).expect("some");
        assert!(prompt.len() <= PROMPT, "{prompt}");
    }

    #[test]
    fn a_word_of_a_trade_is_written_as_the_glossary_has_it_and_its_forms_stay() {
        let terms = ["Fibernova", "direct debit", "router", "5G", "plan"];
        let said = |text: &str, confidence| {
            let mut pieces = [piece(text, confidence)];
            let names = Vocabulary::new(["Ruth Debbit"]);
            Vocabulary::of_trade(terms).correct(&mut pieces, CallNamesUse::Both, Some(&names));
            let [piece] = pieces;
            piece.text
        };
        for (heard, wanted) in [
            ("I have fibernover at home", "I have Fibernova at home"),
            ("Fiber nova is slow.", "Fibernova is slow."),
            ("my rooter, please", "my router, please"),
            ("Rooter is off", "Router is off"),
            // A form of a term, a short word that resembles one, and a name of the call.
            ("both routers on the plane", "both routers on the plane"),
            ("this is Ruth Debbit", "this is Ruth Debbit"),
        ] {
            assert_eq!(said(heard, 0.5), wanted);
        }
        assert_eq!(said("my rooter, please", 0.95), "my rooter, please", "the model was sure");
        let many: Vec<String> = (0..1000).map(|i| format!("term {i}")).collect();
        let many = Vocabulary::of_trade(many.iter().map(String::as_str));
        let prompt = many.prompt(CallNamesUse::Both).expect("some");
        assert!(prompt.len() <= PROMPT_OF_TRADE && prompt.starts_with("term 0, term 1, "), "{prompt}");
        assert_eq!(prompt.split(", ").count(), many.in_prompt());
    }

    #[test]
    fn every_use_has_a_word() {
        for (way, word) in CallNamesUse::ALL {
            assert_eq!((word.parse(), serde_json::from_value(word.into()).ok()), (Ok(way), Some(way)));
        }
        assert!("on".parse::<CallNamesUse>().is_err());
    }

    proptest! {
        #[test]
        fn any_names_and_any_text_are_taken(names in prop::collection::vec(".{0,30}", 0..6), text in ".{0,60}") {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let mut pieces = [piece(&text, 0.4)];
            Vocabulary::new(names.iter().copied()).correct(&mut pieces, CallNamesUse::Both, None);
            Vocabulary::of_trade(names).correct(&mut pieces, CallNamesUse::Both, None);
            prop_assert!(pieces[0].words.len() <= text.split_whitespace().count());
        }
    }
}
