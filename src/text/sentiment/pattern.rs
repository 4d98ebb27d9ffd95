//! The averages of pattern (De Smedt & Daelemans 2012) as TextBlob 0.20 gives them: polarity and subjectivity of the words that its list knows.
//!
//! The list is an XML file with one `<word form="" pos="" polarity="" subjectivity="" intensity="" />` for each sense of a word. TextBlob comes with one
//! for English (`en-sentiment.xml`), textblob-de with one for German. Where the reference is odd it is followed; `tests/pattern_compare.py`
//! compares the figures.

use std::collections::{BTreeMap, HashMap};

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use super::list::ListError;
use super::pattern_tokens::{emoticon, is_punctuation, words};
use crate::text::mood::{Explained, Hit, SentimentEngine};
use crate::text::vader::Scores;

const NEGATIONS: [&str; 4] = ["no", "not", "n't", "never"];
/// What a negated word keeps of its polarity: "not good" is slightly bad.
const NEGATED: f64 = -0.5;
/// What "!" does to the polarity of the words before it.
const EXCLAIMED: f64 = 1.25;

/// What is known of a word: means over its senses.
#[derive(Clone, Copy, Debug, Default)]
struct Known {
    /// -1 to 1.
    polarity: f64,
    /// 0 to 1.
    subjectivity: f64,
    /// What it does to the word after it where it is an adverb; 0.5 to 2.
    intensity: f64,
    is_adverb: bool,
}

/// Senses of a word by part of speech: polarity, subjectivity, intensity.
type Senses = BTreeMap<Option<String>, Vec<[f64; 3]>>;

/// A list of pattern's.
#[derive(Debug)]
pub struct Pattern {
    words: HashMap<String, Known>,
}

/// Words that were scored together: a known word with its modifiers and negation.
struct Assessment {
    words: Vec<String>,
    polarity: f64,
    subjectivity: f64,
    intensity: f64,
    is_negated: bool,
}

impl Assessment {
    fn of(word: &str, polarity: f64, subjectivity: f64, intensity: f64) -> Self {
        Self { words: vec![word.to_owned()], polarity, subjectivity, intensity, is_negated: false }
    }

    /// Its polarity after all rules.
    fn told(&self) -> f64 {
        if self.is_negated { self.polarity * NEGATED } else { self.polarity }
    }
}

impl Pattern {
    /// Reads a list.
    pub fn new(xml: &str) -> Result<Self, ListError> {
        let line_at = |offset: u64| {
            let before = &xml.as_bytes()[..xml.len().min(usize::try_from(offset).unwrap_or(usize::MAX))];
            before.split(|&byte| byte == b'\n').count()
        };
        let mut reader = Reader::from_str(xml);
        let mut senses: BTreeMap<String, Senses> = BTreeMap::new();
        let mut language = None;
        loop {
            let event = reader.read_event();
            let fail = |problem: String| ListError { line: line_at(reader.buffer_position()), problem };
            let event = event.map_err(|error| fail(error.to_string()))?;
            match event {
                Event::Eof => break,
                Event::Start(element) | Event::Empty(element) => match element.name().as_ref() {
                    b"sentiment" => language = attribute(&element, "language").map_err(fail)?,
                    b"word" => sense(&element, &mut senses).map_err(fail)?,
                    _ => {}
                },
                _ => {}
            }
        }
        if senses.is_empty() {
            return Err(ListError {
                line: 1, problem: "there is no <word form=\"…\" polarity=\"…\"> in it".into()
            });
        }
        let mut words: HashMap<String, Known> =
            senses.iter().map(|(word, senses)| (word.clone(), Known::of(senses))).collect();
        if language.as_deref() == Some("en") {
            for (word, senses) in &senses {
                if let Some(adjective) = senses.get(&Some("JJ".to_owned())) {
                    words.insert(adverb_of(word), Known { is_adverb: true, ..Known::mean(adjective.iter().copied()) });
                }
            }
        }
        Ok(Self { words })
    }

    /// The words that were scored, in order.
    fn assess(&self, text: &str) -> Vec<Assessment> {
        let mut all: Vec<Assessment> = Vec::new();
        let (mut modifier, mut negation): (Option<String>, Option<String>) = (None, None);
        for word in words(text) {
            let is_negation = NEGATIONS.contains(&word.as_str());
            if let Some(known) = self.words.get(&word) {
                take_known(&mut all, &word, known, modifier.is_some(), negation.take());
                modifier = known.is_adverb.then(|| word.clone());
                negation = is_negation.then_some(word);
                continue;
            }
            if is_negation {
                negation = Some(word.clone());
            } else if word.trim_matches('\'').chars().count() > 1 {
                negation = None;
            }
            match (&modifier, negation.as_ref(), all.last_mut()) {
                // "really not good": what was strengthened is negated.
                (Some(before), Some(not), Some(last)) if before.ends_with("ly") => {
                    last.words.push(not.clone());
                    last.is_negated = true;
                    negation = None;
                }
                (Some(_), ..) if word.chars().count() > 2 => modifier = None,
                _ => {}
            }
            if word == "!"
                && let Some(last) = all.last_mut()
            {
                last.words.push(word.clone());
                last.polarity = (last.polarity * EXCLAIMED).clamp(-1.0, 1.0);
            }
            if word == "(!)" {
                all.push(Assessment::of(&word, 0.0, 1.0, 1.0));
            }
            let may_be_emoticon = !word.chars().all(char::is_alphabetic) && word.chars().count() <= 5;
            if may_be_emoticon
                && !is_punctuation(&word)
                && let Some(polarity) = emoticon(&word)
            {
                all.push(Assessment::of(&word, polarity, 1.0, 1.0));
            }
        }
        all
    }
}

/// A word of the list, with the modifier or negation before it.
fn take_known(all: &mut Vec<Assessment>, word: &str, known: &Known, is_modified: bool, negation: Option<String>) {
    match all.last_mut().filter(|_| is_modified) {
        Some(last) => {
            last.words.push(word.to_owned());
            last.polarity = (known.polarity * last.intensity).clamp(-1.0, 1.0);
            last.subjectivity = (known.subjectivity * last.intensity).clamp(-1.0, 1.0);
            last.intensity = known.intensity;
        }
        None => all.push(Assessment::of(word, known.polarity, known.subjectivity, known.intensity)),
    }
    if let (Some(not), Some(last)) = (negation, all.last_mut()) {
        last.words.insert(0, not);
        last.intensity = 1.0 / last.intensity;
        last.is_negated = true;
    }
}

impl Known {
    /// The mean of the means by part of speech.
    fn of(senses: &Senses) -> Self {
        let means = senses.values().map(|of_part| {
            let Self { polarity, subjectivity, intensity, .. } = Self::mean(of_part.iter().copied());
            [polarity, subjectivity, intensity]
        });
        Self { is_adverb: senses.contains_key(&Some("RB".to_owned())), ..Self::mean(means) }
    }

    fn mean(all: impl Iterator<Item = [f64; 3]>) -> Self {
        let (mut sum, mut count) = ([0.0; 3], 0.0);
        for one in all {
            for (sum, value) in sum.iter_mut().zip(one) {
                *sum += value;
            }
            count += 1.0;
        }
        let [polarity, subjectivity, intensity] = sum.map(|sum: f64| sum / f64::max(count, 1.0));
        Self { polarity, subjectivity, intensity, is_adverb: false }
    }
}

/// The adverb of an English adjective: "terrible", "terribly".
fn adverb_of(adjective: &str) -> String {
    let stem = match adjective.strip_suffix('y') {
        Some(stem) => format!("{stem}i"),
        None => adjective.strip_suffix("le").unwrap_or(adjective).to_owned(),
    };
    stem + "ly"
}

/// Takes one sense of a word.
fn sense(element: &BytesStart<'_>, senses: &mut BTreeMap<String, Senses>) -> Result<(), String> {
    let Some(form) = attribute(element, "form")?.filter(|form| !form.is_empty()) else { return Ok(()) };
    let number = |name: &str, default: f64| -> Result<f64, String> {
        let Some(text) = attribute(element, name)? else { return Ok(default) };
        text.trim().parse().ok().filter(|value: &f64| value.is_finite()).ok_or(format!("{name}={text:?} is no number"))
    };
    let values = [number("polarity", 0.0)?, number("subjectivity", 0.0)?, number("intensity", 1.0)?];
    let [polarity, subjectivity, intensity] = values;
    if !(-1.0..=1.0).contains(&polarity) || !(0.0..=1.0).contains(&subjectivity) || !(0.1..=10.0).contains(&intensity) {
        return Err(format!("{form:?}: polarity is from -1 to 1, subjectivity from 0 to 1, intensity from 0.1 to 10"));
    }
    senses.entry(form).or_default().entry(attribute(element, "pos")?).or_default().push(values);
    Ok(())
}

fn attribute(element: &BytesStart<'_>, name: &str) -> Result<Option<String>, String> {
    let found = element.try_get_attribute(name).map_err(|error| error.to_string())?;
    let text = |value: quick_xml::events::attributes::Attribute<'_>| {
        value.unescape_value().map(std::borrow::Cow::into_owned).map_err(|error| error.to_string())
    };
    found.map(text).transpose()
}

impl SentimentEngine for Pattern {
    fn name(&self) -> &'static str {
        "pattern"
    }

    /// `compound` is pattern's polarity; `pos`, `neg` and `neu` are the shares of scored words by the sign of their polarity.
    fn explain(&self, text: &str) -> Explained {
        let all = self.assess(text);
        let count = all.len().max(1) as f64;
        let share = |is: fn(f64) -> bool| all.iter().filter(|one| is(one.told())).count() as f64 / count;
        let (pos, neg) = (share(|polarity| polarity > 0.0), share(|polarity| polarity < 0.0));
        let scores =
            Scores { compound: all.iter().map(Assessment::told).sum::<f64>() / count, pos, neu: 1.0 - pos - neg, neg };
        let subjectivity = all.iter().map(|one| one.subjectivity).sum::<f64>() / count;
        let mut places = Places::new(text);
        let hits = all.iter().filter_map(|one| {
            let (start, end) = places.next(&one.words)?;
            let valence = one.told();
            (valence != 0.0).then(|| Hit { text: one.words.join(" "), valence, start, end })
        });
        Explained { scores, hits: hits.collect(), subjectivity: Some(subjectivity) }
    }
}

/// Finds where scored words stand in the text, from its beginning to its end.
struct Places {
    /// The text in lower case, and which byte of the original each byte stands for.
    lower: String,
    original: Vec<usize>,
    from: usize,
}

impl Places {
    fn new(text: &str) -> Self {
        let (mut lower, mut original) = (String::with_capacity(text.len()), Vec::with_capacity(text.len() + 1));
        for (at, c) in text.char_indices() {
            lower.extend(c.to_lowercase());
            original.resize(lower.len(), at);
        }
        original.push(text.len());
        Self { lower, original, from: 0 }
    }

    /// The stretch that holds these words; `None` where one of them was put together from several.
    fn next(&mut self, words: &[String]) -> Option<(usize, usize)> {
        let (mut first, mut end) = (usize::MAX, self.from);
        for word in words {
            // A negation may have been noted before or after the words that it turns.
            let at = self.from + self.find(word)?;
            first = first.min(at);
            end = end.max(at + word.len());
        }
        self.from = end;
        Some((self.original[first], self.original[end]))
    }

    /// Where a word stands next, from `from` on: a whole word, where it is one.
    fn find(&self, word: &str) -> Option<usize> {
        let rest = &self.lower[self.from..];
        let is_letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_whole = |at: usize| {
            let (before, behind) = (rest[..at].chars().next_back(), rest[at + word.len()..].chars().next());
            !(is_letter(word.chars().next()) && is_letter(before)
                || is_letter(word.chars().next_back()) && is_letter(behind))
        };
        rest.match_indices(word).map(|(at, _)| at).find(|&at| is_whole(at))
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the figures are the reference's")]
mod tests {
    use super::*;

    const XML: &str = r#"<?xml version="1.0"?>
<sentiment language="en">
<word form="good" pos="JJ" polarity="0.6" subjectivity="0.5" intensity="1.0" />
<word form="good" pos="JJ" polarity="0.8" subjectivity="0.7" intensity="1.0" />
<word form="terrible" pos="JJ" polarity="-1.0" subjectivity="1.0" intensity="1.5" />
<word form="very" pos="RB" polarity="0.2" subjectivity="0.3" intensity="1.3" />
</sentiment>"#;

    fn told(text: &str) -> (f64, f64) {
        let explained = Pattern::new(XML).expect("a good list").explain(text);
        (explained.scores.compound, explained.subjectivity.expect("pattern has it"))
    }

    #[test]
    fn a_word_has_the_mean_of_its_senses_and_a_text_that_of_its_words() {
        let (polarity, subjectivity) = told("A good day.");
        assert!((polarity - 0.7).abs() < 1e-12 && (subjectivity - 0.6).abs() < 1e-12);
        assert!((told("good and terrible").0 - (0.7 - 1.0) / 2.0).abs() < 1e-12);
        assert_eq!(told("Nothing known here"), (0.0, 0.0));
    }

    #[test]
    fn an_adverb_strengthens_a_negation_turns_and_a_mark_adds() {
        assert!((told("very good").0 - 0.91).abs() < 1e-12);
        assert!((told("not good").0 + 0.35).abs() < 1e-12);
        assert!((told("good!").0 - 0.875).abs() < 1e-12);
        assert!((told("terribly good").0 - 1.0).abs() < 1e-12, "the adverb is made of the adjective");
        // As in the reference: the contraction is cut apart and negates nothing.
        assert!(told("it isn't good").0 > 0.0);
    }

    #[test]
    fn hits_stand_where_the_words_stand() {
        let text = "It was NOT very good, Íñigo :)";
        let hits = Pattern::new(XML).expect("a good list").explain(text).hits;
        let places: Vec<&str> = hits.iter().map(|hit| &text[hit.start..hit.end]).collect();
        assert_eq!(places, ["NOT very good", ":)"]);
    }

    #[test]
    fn a_file_that_is_not_a_list_is_refused() {
        let wrong = |xml: &str| Pattern::new(xml).expect_err("refused").to_string();
        assert!(wrong("good\t2.0\n").contains("there is no <word"), "{}", wrong("good\t2.0\n"));
        assert!(
            wrong("<sentiment>\n<word form=\"a\" polarity=\"much\"/>")
                .contains("line 2: polarity=\"much\" is no number")
        );
        assert!(wrong("<sentiment><word form=\"a\" intensity=\"0\"/>").contains("intensity from 0.1 to 10"));
        assert!(!wrong("<sentiment><word").is_empty());
    }
}
