//! VADER sentiment (Hutto and Gilbert, ICWSM 2014), numerically the same as vaderSentiment 3.3.2.
//!
//! The lexicon comes as data from the `vader_sentiment` crate (MIT), brought to the state of 3.3.2 by [`CORRECTIONS`]; the rules are the paper's,
//! in the order in which 3.3.2 applies them, oddities included: figures that others compare with must be the same figures.
//! Rounding is that of Python's `round`: the decimal nearest to the exact binary value.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use super::lexicon::Lexicon;

/// What a word before an intensified one adds.
const BOOST: f64 = 0.293;
/// What capitals add, when only some words are in capitals.
const CAPITALS: f64 = 0.733;
/// What a negation makes of a valence.
const NEGATION: f64 = -0.74;

/// Where the crate's lexicon (3.2) differs from that of 3.3.2 once case is folded.
const CORRECTIONS: [(&str, f64); 3] = [("heart", 3.2), ("hearts", 3.3), (":p", 1.0)];

const NEGATIONS: &str = "aint arent cannot cant couldnt darent didnt doesnt ain't aren't can't couldn't daren't didn't doesn't dont hadnt \
    hasnt havent isnt mightnt mustnt neither don't hadn't hasn't haven't isn't mightn't mustn't neednt needn't never none nope nor not nothing \
    nowhere oughtnt shant shouldnt uhuh wasnt werent oughtn't shan't shouldn't uh-uh wasn't weren't without wont wouldnt won't wouldn't rarely \
    seldom despite";
const STRONGER: &str = "absolutely amazingly awfully completely considerable considerably decidedly deeply effing enormous enormously entirely \
    especially exceptional exceptionally extreme extremely fabulously flipping flippin frackin fracking fricking frickin frigging friggin fully \
    fuckin fucking fuggin fugging greatly hella highly hugely incredible incredibly intensely major majorly more most particularly purely quite \
    really remarkably so substantially thoroughly total totally tremendous tremendously uber unbelievably unusually utter utterly very";
const WEAKER: &str = "almost barely hardly kinda kindof kind-of less little marginal marginally occasional occasionally partly scarce scarcely \
    slight slightly somewhat sorta sortof sort-of";
/// Weakening pairs, which 3.3.2 looks up only as n-grams before a word.
const WEAKER_PAIRS: [&str; 3] = ["just enough", "kind of", "sort of"];
const SPECIAL: [(&str, f64); 9] = [
    ("the shit", 3.0),
    ("the bomb", 3.0),
    ("bad ass", 1.5),
    ("badass", 1.5),
    ("bus stop", 0.0),
    ("yeah right", -2.0),
    ("kiss of death", -1.5),
    ("to die for", 3.0),
    ("beating heart", 3.5),
];

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    pub valence: Option<f64>,
    boost: f64,
    negates: bool,
    /// Which of [`TAGGED`] it is, so that the rules compare numbers; 0 for any other word.
    tag: u8,
}

/// Words that the rules ask for by name: those with a constant below, then those of the idioms.
const TAGGED: &str = "- no or nor least at very never so this without doubt but kind of the shit bomb bad ass badass bus stop yeah right kiss \
    death to die for beating heart just enough sort";

/// The tag of a word; a word that is not in the list does not compile.
const fn tag(word: &str) -> u8 {
    let (list, word) = (TAGGED.as_bytes(), word.as_bytes());
    let (mut place, mut number) = (0, 0);
    while place < list.len() {
        let mut same = 0;
        while same < word.len() && place + same < list.len() && list[place + same] == word[same] {
            same += 1;
        }
        if same == word.len() && (place + same == list.len() || list[place + same] == b' ') {
            return number;
        }
        while place < list.len() && list[place] != b' ' {
            place += 1;
        }
        while place < list.len() && list[place] == b' ' {
            place += 1;
        }
        number += 1;
    }
    panic!("not a tagged word")
}

const NO: u8 = tag("no");
const OR: u8 = tag("or");
const NOR: u8 = tag("nor");
const LEAST: u8 = tag("least");
const AT: u8 = tag("at");
const VERY: u8 = tag("very");
const NEVER: u8 = tag("never");
const SO: u8 = tag("so");
const THIS: u8 = tag("this");
const WITHOUT: u8 = tag("without");
const DOUBT: u8 = tag("doubt");
const BUT: u8 = tag("but");
const KIND: u8 = tag("kind");
const OF: u8 = tag("of");

/// Idioms as tags.
static IDIOMS: LazyLock<Vec<(Vec<u8>, f64)>> =
    LazyLock::new(|| SPECIAL.iter().map(|&(idiom, valence)| (idiom.split(' ').map(tag).collect(), valence)).collect());
static PAIRS: LazyLock<Vec<Vec<u8>>> =
    LazyLock::new(|| WEAKER_PAIRS.iter().map(|pair| pair.split(' ').map(tag).collect()).collect());

static EMOJI: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none())
    };
    vader_sentiment::EMOJI_LEXICON.iter().filter_map(|(emoji, words)| Some((single(emoji)?, words.trim()))).collect()
});

/// Words by their spelling in lower case. The hash is a fast one: words come from our own tables, nobody can choose them.
pub(super) type Words = HashMap<Box<str>, Known, foldhash::fast::FixedState>;

/// All that VADER knows of words: one look-up tells everything.
pub(super) fn base_words() -> Words {
    let mut words = Words::default();
    for (word, &valence) in vader_sentiment::LEXICON.iter() {
        // The two with a capital thorn are never found by 3.3.2, which looks up lower case.
        if word.is_ascii() {
            words.entry(word.to_ascii_lowercase().into()).or_default().valence = Some(valence);
        }
    }
    for (word, valence) in CORRECTIONS {
        words.entry(word.into()).or_default().valence = Some(valence);
    }
    for (list, boost) in [(STRONGER, BOOST), (WEAKER, -BOOST)] {
        for word in list.split_whitespace() {
            words.entry(word.into()).or_default().boost = boost;
        }
    }
    for word in NEGATIONS.split_whitespace() {
        words.entry(word.into()).or_default().negates = true;
    }
    for word in TAGGED.split_whitespace().skip(1) {
        words.entry(word.into()).or_default().tag = tag(word);
    }
    words
}

/// VADER's four figures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scores {
    /// -1 (worst) to 1, four decimals.
    pub compound: f64,
    /// Share of positive weight, three decimals.
    pub pos: f64,
    /// Share of neutral words.
    pub neu: f64,
    /// Share of negative weight.
    pub neg: f64,
}

/// A word of the text and what is known of it.
pub(super) struct Word<'a> {
    pub text: &'a str,
    lower: Cow<'a, str>,
    upper: bool,
    known: Known,
    /// A phrase's valence, on its first word; the phrase's other words are neutral.
    phrase: Option<f64>,
}

/// Scores a text; `scored` gets every word that carries valence, for the explanation.
pub(super) fn score(lexicon: &Lexicon, text: &str, mut scored: impl FnMut(&str, f64)) -> Scores {
    let spelt = spell_emoji(text);
    let text = spelt.trim_matches(python_space);
    // In ASCII a word in lower case is the same piece of the text in lower case: one copy for all words.
    let lowered = if text.is_ascii() { text.to_ascii_lowercase() } else { String::new() };
    let mut words: Vec<Word> = Vec::with_capacity(text.len() / 5 + 1);
    if lowered.is_empty() {
        words.extend(text.split(python_space).filter(|word| !word.is_empty()).map(|token| {
            let word = strip(token);
            read_word(lexicon, word, word.to_lowercase().into(), is_upper(word), true)
        }));
    } else {
        split_ascii(text, |begin, end, class| {
            let upper = class & (LOWER | UPPER) == UPPER;
            words.push(read_word(
                lexicon,
                &text[begin..end],
                Cow::Borrowed(&lowered[begin..end]),
                upper,
                class & APOSTROPHE != 0,
            ));
        });
    }
    if words.is_empty() {
        return Scores::default();
    }
    lexicon.mark_phrases(&mut words);
    let capitals = words.iter().filter(|word| word.upper).count();
    let shouted = capitals > 0 && capitals < words.len();
    let mut valences: Vec<f64> = (0..words.len()).map(|i| valence_at(&words, i, shouted)).collect();
    for (word, &valence) in words.iter().zip(&valences) {
        if valence != 0.0 {
            scored(word.text, valence);
        }
    }
    weigh_but(&words, &mut valences);
    summarise(&valences, text)
}

impl Word<'_> {
    pub(super) fn lower(&self) -> &str {
        &self.lower
    }

    /// Makes this word the beginning of a phrase worth so much, or (0) a later part of one.
    pub(super) fn set_phrase(&mut self, valence: f64) {
        self.phrase = Some(valence);
        self.known = Known::default();
    }
}

/// A token without the punctuation around it. What would be two characters or fewer is probably an emoticon, which is made of punctuation.
fn strip(token: &str) -> &str {
    let punctuation = |byte: &u8| byte.is_ascii_punctuation();
    let bytes = token.as_bytes();
    let begin = bytes.iter().take_while(|byte| punctuation(byte)).count();
    let end = bytes.len() - bytes[begin..].iter().rev().take_while(|byte| punctuation(byte)).count();
    let stripped = &token[begin..end];
    if stripped.len() <= 2 || (stripped.len() <= 8 && stripped.chars().nth(2).is_none()) { token } else { stripped }
}

fn read_word<'a>(lexicon: &Lexicon, text: &'a str, lower: Cow<'a, str>, upper: bool, may_negate: bool) -> Word<'a> {
    let mut known = lexicon.word(&lower);
    known.negates |= may_negate && lower.contains("n't");
    Word { text, lower, upper, known, phrase: None }
}

// What a byte of ASCII text is; a word's class is all of its bytes' together.
const SPACE: u8 = 1;
const PUNCTUATION: u8 = 2;
const LOWER: u8 = 4;
const UPPER: u8 = 8;
const APOSTROPHE: u8 = 16;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let mut class = 0;
        if matches!(byte, b' ' | b'\t'..=b'\r' | 0x1c..=0x1f) {
            class |= SPACE;
        }
        if byte.is_ascii_punctuation() {
            class |= PUNCTUATION;
        }
        if byte.is_ascii_lowercase() {
            class |= LOWER;
        }
        if byte.is_ascii_uppercase() {
            class |= UPPER;
        }
        if byte == b'\'' {
            class |= APOSTROPHE;
        }
        table[byte as usize] = class;
        byte += 1;
    }
    table
};

/// The words of an ASCII text in one pass, as [`strip`] leaves them: begin, end, class.
fn split_ascii(text: &str, mut word: impl FnMut(usize, usize, u8)) {
    let bytes = text.as_bytes();
    let mut place = 0;
    while place < bytes.len() {
        let token = place;
        let (mut class, mut first, mut last) = (0, usize::MAX, 0);
        while place < bytes.len() {
            let this = CLASS[bytes[place] as usize];
            if this & SPACE != 0 {
                break;
            }
            class |= this;
            if this & PUNCTUATION == 0 {
                first = first.min(place);
                last = place + 1;
            }
            place += 1;
        }
        if last > 2 && first < last - 2 {
            word(first, last, class);
        } else if place > token {
            word(token, place, class);
        }
        place += 1;
    }
}

/// Python's `str.isupper`: some cased character, and none in lower or title case.
fn is_upper(text: &str) -> bool {
    let mut cased = false;
    for c in text.chars() {
        if c.is_lowercase() || matches!(c, 'ǅ' | 'ǈ' | 'ǋ' | 'ǲ') {
            return false;
        }
        cased |= c.is_uppercase();
    }
    cased
}

/// White space of Python's `str.split`: Unicode's, and the four ASCII separators.
fn python_space(c: char) -> bool {
    c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c)
}

fn spell_emoji(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return text.into();
    }
    let mut out = String::with_capacity(text.len());
    let mut after_space = true;
    for c in text.chars() {
        if let Some(words) = EMOJI.get(&c) {
            if !after_space {
                out.push(' ');
            }
            out.push_str(words);
            after_space = false;
        } else {
            out.push(c);
            after_space = c == ' ';
        }
    }
    out.into()
}

fn valence_at(words: &[Word], i: usize, shouted: bool) -> f64 {
    let word = &words[i];
    let before = |back: usize| i.checked_sub(back).map(|at| &words[at]);
    let is = |back: usize, tag: u8| before(back).is_some_and(|word| word.known.tag == tag);
    let Some(own) = word.phrase.filter(|&valence| valence != 0.0).or(word.known.valence) else { return 0.0 };
    if word.known.boost != 0.0 || (word.known.tag == KIND && words.get(i + 1).is_some_and(|next| next.known.tag == OF))
    {
        return 0.0;
    }
    let mut valence = own;
    if word.known.tag == NO && words.get(i + 1).is_some_and(|next| next.known.valence.is_some()) {
        valence = 0.0;
    }
    if is(1, NO) || is(2, NO) || (is(3, NO) && (is(1, OR) || is(1, NOR))) {
        valence = own * NEGATION;
    }
    if word.upper && shouted {
        valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    for back in 1..=3 {
        let Some(prior) = before(back).filter(|prior| prior.known.valence.is_none()) else { continue };
        let fade = [1.0, 0.95, 0.9][back - 1];
        let boost = boost_of(prior, valence, shouted);
        valence += if back > 1 && boost != 0.0 { boost * fade } else { boost };
        valence = negate(valence, prior, back, is);
        if back == 3 {
            valence = idioms(valence, words, i);
        }
    }
    if is(1, LEAST)
        && before(1).is_some_and(|prior| prior.known.valence.is_none())
        && !(i > 1 && (is(2, AT) || is(2, VERY)))
    {
        valence *= NEGATION;
    }
    valence
}

fn boost_of(prior: &Word, valence: f64, shouted: bool) -> f64 {
    let mut boost = prior.known.boost;
    if boost == 0.0 {
        return 0.0;
    }
    if valence < 0.0 {
        boost = -boost;
    }
    if prior.upper && shouted {
        boost += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    boost
}

/// A negation up to three words before; `is(n, w)` tells whether the word n before is w.
fn negate(valence: f64, prior: &Word, back: usize, is: impl Fn(usize, u8) -> bool) -> f64 {
    let so = |back: usize| is(back, SO) || is(back, THIS);
    let (never, doubt) = match back {
        2 => (is(2, NEVER) && so(1), is(2, WITHOUT) && is(1, DOUBT)),
        // As 3.3.2 groups it: "so" or "this" right before counts with or without a "never".
        3 => (is(3, NEVER) && so(2) || so(1), is(3, WITHOUT) && (is(2, DOUBT) || is(1, DOUBT))),
        _ => (false, false),
    };
    if never {
        valence * 1.25
    } else if !doubt && prior.known.negates {
        valence * NEGATION
    } else {
        valence
    }
}

fn special(sequence: &[Word]) -> Option<f64> {
    IDIOMS.iter().find(|(idiom, _)| says(sequence, idiom)).map(|&(_, valence)| valence)
}

fn says(sequence: &[Word], idiom: &[u8]) -> bool {
    sequence.len() == idiom.len() && sequence.iter().zip(idiom).all(|(word, &tag)| word.known.tag == tag)
}

/// Idioms around a word that has three words before it.
fn idioms(mut valence: f64, words: &[Word], i: usize) -> f64 {
    let before = [&words[i - 1..=i], &words[i - 2..=i], &words[i - 2..i], &words[i - 3..i], &words[i - 3..i - 1]];
    if let Some(found) = before.into_iter().find_map(special) {
        valence = found;
    }
    for end in [i + 2, i + 3] {
        if let Some(found) = words.get(i..end).and_then(special) {
            valence = found;
        }
    }
    let weaker = [&words[i - 3..i], &words[i - 3..i - 1], &words[i - 2..i]];
    let pairs = weaker.into_iter().filter(|sequence| PAIRS.iter().any(|pair| says(sequence, pair)));
    pairs.fold(valence, |valence, _| valence - BOOST)
}

/// What stands before a "but" counts half, what comes after it half as much again. 3.3.2 finds each value by its first equal, so a value that
/// occurs twice is weighed where it stands first: kept so.
fn weigh_but(words: &[Word], valences: &mut [f64]) {
    let Some(but) = words.iter().position(|word| word.known.tag == BUT) else { return };
    for i in 0..valences.len() {
        let value = valences[i];
        let first = valences.iter().position(|&other| other == value).unwrap_or(i);
        match first.cmp(&but) {
            std::cmp::Ordering::Less => valences[first] = value * 0.5,
            std::cmp::Ordering::Greater => valences[first] = value * 1.5,
            std::cmp::Ordering::Equal => {}
        }
    }
}

fn summarise(valences: &[f64], text: &str) -> Scores {
    let mut sum = python_sum(valences);
    let marks = emphasis(text);
    sum += if sum > 0.0 {
        marks
    } else if sum < 0.0 {
        -marks
    } else {
        0.0
    };
    let (mut pos, mut neg, mut neutral) = (0.0, 0.0, 0_u32);
    for &valence in valences {
        if valence > 0.0 {
            pos += valence + 1.0;
        } else if valence < 0.0 {
            neg += valence - 1.0;
        } else {
            neutral += 1;
        }
    }
    if pos > neg.abs() {
        pos += marks;
    } else if pos < neg.abs() {
        neg -= marks;
    }
    let total = pos + neg.abs() + f64::from(neutral);
    let share = |part: f64| round((part / total).abs(), 3);
    let compound = (sum / (sum * sum + 15.0).sqrt()).clamp(-1.0, 1.0);
    Scores { compound: round(compound, 4), pos: share(pos), neu: share(f64::from(neutral)), neg: share(neg) }
}

/// Exclamation and question marks.
fn emphasis(text: &str) -> f64 {
    let count = |mark: u8| text.bytes().filter(|&byte| byte == mark).count() as f64;
    let questions = count(b'?');
    count(b'!').min(4.0) * 0.292
        + match questions {
            ..=1.0 => 0.0,
            ..=3.0 => questions * 0.18,
            _ => 0.96,
        }
}

/// Plain left-to-right addition, as `sum` did up to Python 3.11.
fn python_sum(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// Python's `round(value, digits)`: through the shortest correctly rounded decimal, as formatting does.
fn round(value: f64, digits: usize) -> f64 {
    let scale = if digits == 3 { 1e3 } else { 1e4 };
    let scaled = value * scale;
    // Away from a tie plain rounding gives the same; close to one the exact decimal decides. (Whole numbers by way of i32: no call of libm.)
    let near = f64::from((scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i32);
    if ((scaled - near).abs() - 0.5).abs() > 1e-6 {
        near / scale
    } else {
        format!("{value:.digits$}").parse().unwrap_or(value)
    }
}
