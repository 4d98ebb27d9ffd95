//! VADER sentiment (Hutto and Gilbert, ICWSM 2014), numerically the same as vaderSentiment 3.3.2.
//!
//! The lexicon comes as data from the `vader_sentiment` crate (MIT), brought to the state of 3.3.2 by [`CORRECTIONS`]; the rules are the paper's,
//! in the order in which 3.3.2 applies them, oddities included: figures that others compare with must be the same figures.
//! Rounding is that of Python's `round`: the decimal nearest to the exact binary value.

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

/// What 3.3.2 knows of a word besides its valence.
#[derive(Clone, Copy, Default)]
struct Role {
    boost: f64,
    negates: bool,
}

static ROLES: LazyLock<HashMap<&'static str, Role>> = LazyLock::new(|| {
    let mut roles: HashMap<&str, Role> = HashMap::new();
    for (words, boost) in [(STRONGER, BOOST), (WEAKER, -BOOST)] {
        for word in words.split_whitespace() {
            roles.entry(word).or_default().boost = boost;
        }
    }
    for word in NEGATIONS.split_whitespace() {
        roles.entry(word).or_default().negates = true;
    }
    roles
});

static EMOJI: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
    let single = |text: &str| {
        let mut chars = text.chars();
        chars.next().filter(|_| chars.next().is_none())
    };
    vader_sentiment::EMOJI_LEXICON.iter().filter_map(|(emoji, words)| Some((single(emoji)?, words.trim()))).collect()
});

/// Valence of every word of VADER's own lexicon, in lower case.
pub(super) fn base_lexicon() -> HashMap<Box<str>, f64> {
    let mut words: HashMap<Box<str>, f64> = vader_sentiment::LEXICON
        .iter()
        .filter(|(word, _)| word.is_ascii()) // the two with a capital thorn are never found by 3.3.2, which looks up lower case
        .map(|(word, &valence)| (word.to_ascii_lowercase().into(), valence))
        .collect();
    words.extend(CORRECTIONS.map(|(word, valence)| (word.into(), valence)));
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

/// A word of the text and what it was worth.
pub(super) struct Word<'a> {
    pub text: &'a str,
    lower: Box<str>,
    upper: bool,
    role: Role,
    valence: Option<f64>,
    /// A phrase's valence, on its first word; the phrase's other words are neutral.
    phrase: Option<f64>,
}

/// Scores a text; `scored` gets every word that carries valence, for the explanation.
pub(super) fn score(lexicon: &Lexicon, text: &str, mut scored: impl FnMut(&str, f64)) -> Scores {
    let spelt = spell_emoji(text);
    let text = spelt.trim_matches(python_space);
    let mut words: Vec<Word> = text.split(python_space).filter(|word| !word.is_empty()).map(|word| read_word(lexicon, word)).collect();
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
        self.role = Role::default();
        self.valence = None;
    }
}

fn read_word<'a>(lexicon: &Lexicon, token: &'a str) -> Word<'a> {
    let stripped = token.trim_matches(|c: char| c.is_ascii_punctuation());
    // Two characters or fewer: probably an emoticon, which is made of punctuation.
    let text = if stripped.chars().nth(2).is_none() { token } else { stripped };
    let lower: Box<str> = if text.is_ascii() { text.to_ascii_lowercase().into() } else { text.to_lowercase().into() };
    let mut role = ROLES.get(&*lower).copied().unwrap_or_default();
    role.negates |= lower.contains("n't");
    let valence = lexicon.word(&lower);
    Word { upper: is_upper(text), role, valence, phrase: None, text, lower }
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

fn spell_emoji(text: &str) -> std::borrow::Cow<'_, str> {
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
    let is = |back: usize, text: &str| before(back).is_some_and(|word| &*word.lower == text);
    let Some(own) = word.phrase.filter(|&valence| valence != 0.0).or(word.valence) else { return 0.0 };
    if word.role.boost != 0.0 || (&*word.lower == "kind" && words.get(i + 1).is_some_and(|next| &*next.lower == "of")) {
        return 0.0;
    }
    let mut valence = own;
    if &*word.lower == "no" && words.get(i + 1).is_some_and(|next| next.valence.is_some()) {
        valence = 0.0;
    }
    if is(1, "no") || is(2, "no") || (is(3, "no") && (is(1, "or") || is(1, "nor"))) {
        valence = own * NEGATION;
    }
    if word.upper && shouted {
        valence += if valence > 0.0 { CAPITALS } else { -CAPITALS };
    }
    for back in 1..=3 {
        let Some(prior) = before(back).filter(|prior| prior.valence.is_none()) else { continue };
        let fade = [1.0, 0.95, 0.9][back - 1];
        let boost = boost_of(prior, valence, shouted);
        valence += if back > 1 && boost != 0.0 { boost * fade } else { boost };
        valence = negate(valence, prior, back, is);
        if back == 3 {
            valence = idioms(valence, words, i);
        }
    }
    if is(1, "least") && before(1).is_some_and(|prior| prior.valence.is_none()) && !(i > 1 && (is(2, "at") || is(2, "very"))) {
        valence *= NEGATION;
    }
    valence
}

fn boost_of(prior: &Word, valence: f64, shouted: bool) -> f64 {
    let mut boost = prior.role.boost;
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
fn negate(valence: f64, prior: &Word, back: usize, is: impl Fn(usize, &str) -> bool) -> f64 {
    let so = |back: usize| is(back, "so") || is(back, "this");
    let (never, doubt) = match back {
        2 => (is(2, "never") && so(1), is(2, "without") && is(1, "doubt")),
        // As 3.3.2 groups it: "so" or "this" right before counts with or without a "never".
        3 => (is(3, "never") && so(2) || so(1), is(3, "without") && (is(2, "doubt") || is(1, "doubt"))),
        _ => (false, false),
    };
    if never {
        valence * 1.25
    } else if !doubt && prior.role.negates {
        valence * NEGATION
    } else {
        valence
    }
}

fn special(sequence: &[Word]) -> Option<f64> {
    SPECIAL.iter().find(|(idiom, _)| says(sequence, idiom)).map(|&(_, valence)| valence)
}

fn says(sequence: &[Word], idiom: &str) -> bool {
    let mut parts = idiom.split(' ');
    sequence.iter().all(|word| parts.next() == Some(&*word.lower)) && parts.next().is_none()
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
    let pairs = weaker.into_iter().filter(|sequence| WEAKER_PAIRS.iter().any(|pair| says(sequence, pair)));
    pairs.fold(valence, |valence, _| valence - BOOST)
}

/// What stands before a "but" counts half, what comes after it half as much again. 3.3.2 finds each value by its first equal, so a value that
/// occurs twice is weighed where it stands first: kept so.
fn weigh_but(words: &[Word], valences: &mut [f64]) {
    let Some(but) = words.iter().position(|word| &*word.lower == "but") else { return };
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
    let near = scaled.round();
    // Away from a tie plain rounding gives the same; close to one the exact decimal decides.
    if ((scaled - near).abs() - 0.5).abs() > 1e-6 { near / scale } else { format!("{value:.digits$}").parse().unwrap_or(value) }
}
