//! The glossary: names and terms of a trade that the recogniser expects, from an uploaded CSV.
//!
//! Promises: a list with a mistake is refused as a whole, with each wrong line named, and the list in use stays. An accepted list is on disk before
//! the answer and in use with the next utterance, also after a restart. Whisper takes 224 tokens of prompt: the first terms that fit go there, before
//! `[speech] prompt`; the answer tells how many.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use serde::Serialize;

use super::shared::Workers;

/// Terms in a list.
const MANY: usize = 5000;
/// Characters of a term.
const LONGEST: usize = 80;
/// Characters of the prompt that are the glossary's: names take a token for every two or three of them, and `[speech] prompt` needs room too.
const PROMPT: usize = 400;
/// Mistakes that are told.
const TOLD: usize = 20;

/// A mistake in a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LineError {
    /// Counted from 1.
    pub line: u64,
    /// The mistake and its remedy.
    pub detail: String,
}

/// Reads a list: the first column of a CSV, each term once. A first line that names the column is no term. Further columns are for people.
pub fn parse(bytes: &[u8]) -> Result<Vec<String>, Vec<LineError>> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes); // spreadsheets write a mark of order
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).trim(csv::Trim::All).from_reader(text);
    let (mut terms, mut errors): (Vec<String>, Vec<LineError>) = (Vec::new(), Vec::new());
    let mut seen = std::collections::HashSet::new();
    for (number, record) in reader.records().enumerate() {
        let record = match record {
            Ok(record) => record,
            Err(error) => {
                let line = error.position().map_or(number as u64 + 1, csv::Position::line);
                errors.push(LineError { line, detail: "not UTF-8; save the file as CSV UTF-8".into() });
                continue;
            }
        };
        let line = record.position().map_or(number as u64 + 1, csv::Position::line);
        let term = record.get(0).unwrap_or_default();
        if number == 0 && ["term", "terms", "word", "words", "phrase"].contains(&term.to_lowercase().as_str()) {
            continue;
        }
        let wrong = if term.is_empty() {
            Some("the first column is empty".into())
        } else if term.chars().count() > LONGEST {
            Some(format!("a term of more than {LONGEST} characters"))
        } else if term.chars().any(char::is_control) {
            Some("a line break, or another control character, in a term".into())
        } else if !term.chars().any(char::is_alphanumeric) {
            Some(format!("{term:?} has no letter and no digit"))
        } else {
            None
        };
        match wrong {
            Some(detail) => errors.push(LineError { line, detail }),
            None if seen.insert(term.to_lowercase()) => terms.push(term.to_owned()),
            None => {}
        }
        if errors.len() == TOLD {
            break;
        }
    }
    if errors.is_empty() && terms.is_empty() {
        errors.push(LineError { line: 1, detail: "there is no term in it".into() });
    }
    if terms.len() > MANY {
        errors.push(LineError { line: 1, detail: format!("{} terms; at most {MANY} are taken", terms.len()) });
    }
    if errors.is_empty() { Ok(terms) } else { Err(errors) }
}

/// The first terms that fit into the prompt, and their number.
fn prompt(terms: &[String]) -> (String, usize) {
    let (mut text, mut count) = (String::new(), 0);
    for term in terms {
        if text.len() + term.len() + 2 > PROMPT {
            break;
        }
        text.push_str(if count == 0 { "" } else { ", " });
        text.push_str(term);
        count += 1;
    }
    (text, count)
}

/// The list in use.
#[derive(Clone)]
pub struct Glossary {
    path: PathBuf,
    workers: Arc<Workers>,
    terms: Arc<RwLock<Vec<String>>>,
    /// Held while the file is replaced.
    replacing: Arc<Mutex<()>>,
}

impl Glossary {
    /// Takes up the list of a state folder, where there is one. Blocks.
    pub fn open(state: &Path, workers: Arc<Workers>) -> Self {
        let glossary =
            Self { path: state.join("glossary.csv"), workers, terms: Arc::default(), replacing: Arc::default() };
        match std::fs::read(&glossary.path) {
            Ok(bytes) => match parse(&bytes) {
                Ok(terms) => glossary.take_up(terms),
                Err(errors) => log::error!(
                    "{}: line {}: {}; the recogniser does without a glossary",
                    glossary.path.display(),
                    errors[0].line,
                    errors[0].detail
                ),
            },
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => log::error!("{}: {error}", glossary.path.display()),
        }
        glossary
    }

    fn take_up(&self, terms: Vec<String>) {
        self.workers.expect_words(prompt(&terms).0);
        *self.terms.write().unwrap_or_else(std::sync::PoisonError::into_inner) = terms;
    }

    /// Puts a list in the place of the one in use. Blocks.
    pub fn replace(&self, terms: Vec<String>) -> std::io::Result<()> {
        let _alone = self.replacing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fresh = self.path.with_extension("new");
        let mut file = std::fs::File::create(&fresh)?;
        let mut writer = csv::Writer::from_writer(Vec::new());
        for term in &terms {
            writer.write_record([term])?;
        }
        file.write_all(&writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &self.path)?;
        if let Some(folder) = self.path.parent() {
            std::fs::File::open(folder)?.sync_all()?;
        }
        self.take_up(terms);
        Ok(())
    }

    /// All terms, and the number of those in the prompt.
    pub fn terms(&self) -> (Vec<String>, usize) {
        let terms = self.terms.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let told = prompt(&terms).1;
        (terms, told)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_list_is_read_with_or_without_a_head_and_each_term_once() {
        let list =
            "\u{feff}Term,Meaning\r\nNorthern Energy,a company\r\n\"Smith, Jones\",\r\nrouter\r\n\r\nRouter,again\r\n";
        assert_eq!(parse(list.as_bytes()), Ok(vec!["Northern Energy".into(), "Smith, Jones".into(), "router".into()]));
        assert_eq!(parse(b"one\ntwo"), Ok(vec!["one".into(), "two".into()]));
    }

    #[test]
    fn every_mistake_is_named_with_its_line() {
        let lines = |bytes: &[u8]| -> Vec<u64> {
            parse(bytes).expect_err("a mistake").into_iter().map(|error| error.line).collect()
        };
        assert_eq!(lines(b"good\n,empty\n---\ngood too\n"), [2, 3]);
        assert_eq!(lines(format!("a\n{}\n", "x".repeat(81)).as_bytes()), [2]);
        assert_eq!(lines(b"a\n\"b\nc\"\n"), [2]);
        assert_eq!(lines(b"a\n\xff\xfe\n"), [2]);
        assert_eq!(lines(b"term\n"), [1]);
        assert_eq!(lines((0..5001).map(|i| format!("t{i}")).collect::<Vec<_>>().join("\n").as_bytes()), [1]);
        assert_eq!(lines(",\n".repeat(100).as_bytes()).len(), 20);
    }

    #[test]
    fn the_recogniser_is_told_as_many_as_fit() {
        let terms: Vec<String> = (0..1000).map(|i| format!("term {i}")).collect();
        let (text, count) = prompt(&terms);
        assert!(text.len() <= PROMPT && text.starts_with("term 0, term 1") && (30..60).contains(&count), "{count}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            match parse(&bytes) {
                Ok(terms) => prop_assert!(terms.iter().all(|term| !term.is_empty() && term.chars().count() <= LONGEST)),
                Err(errors) => prop_assert!(errors.iter().all(|error| error.line > 0)),
            }
        }
    }
}
