//! The glossaries: names and terms of a trade that the recogniser expects and that correct what sounds like them, one for all calls and one for each
//! campaign that has its own. Each is a CSV in the state folder, uploaded or saved there.
//!
//! Promises: a list with a mistake is refused as a whole, with each wrong line named, and the list in use stays. An accepted list is on disk before
//! the answer and in use with the next utterance, also after a restart. Whisper takes 224 tokens of prompt: the first terms that fit go there, before
//! `[speech] prompt`; the answer tells how many.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, RwLock};

use serde::Serialize;

use super::shared::Workers;
use crate::speech::glossary::{Glossaries, campaign_key};
use crate::speech::vocabulary::Vocabulary;

/// Terms in a list.
const MANY: usize = 5000;
/// Characters of a term.
const LONGEST: usize = 80;
/// Bytes of a campaign's name, as the file of its list is called.
const LONGEST_NAME: usize = 200;
/// Lists of campaigns.
const LISTS: usize = 500;
/// Mistakes that are told.
const TOLD: usize = 20;
/// The list of all calls, in the state folder.
pub const GENERAL: &str = "glossary.csv";
/// The folder of the lists of campaigns, in the state folder.
pub const CAMPAIGNS: &str = "glossaries";

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
    let mut seen = HashSet::new();
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
        } else if term.contains(';') {
            Some(format!("a semicolon in {term:?}: columns are separated by commas; save the file as CSV with commas"))
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

/// A list, and the file that holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct OwnList {
    path: PathBuf,
    terms: Vec<String>,
}

/// The lists in use.
#[derive(Debug, Default, PartialEq, Eq)]
struct Lists {
    general: Vec<String>,
    /// By the campaign's name in small letters.
    campaigns: BTreeMap<String, OwnList>,
}

/// A list as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShownList {
    /// The terms.
    pub terms: Vec<String>,
    /// How many of them the recogniser is told to expect.
    pub in_prompt: usize,
}

/// The glossaries.
#[derive(Clone)]
pub struct Glossary {
    state: PathBuf,
    workers: Arc<Workers>,
    lists: Arc<RwLock<Lists>>,
    /// Held while a file is replaced.
    replacing: Arc<Mutex<()>>,
}

impl Glossary {
    /// Takes up the lists of a state folder, where there are any. Blocks.
    pub fn open(state: &Path, workers: Arc<Workers>) -> Self {
        let glossary = Self { state: state.into(), workers, lists: Arc::default(), replacing: Arc::default() };
        glossary.reload();
        glossary
    }

    /// Reads all files again. A list with a mistake is not taken, and the one before stays. Blocks.
    pub fn reload(&self) {
        let _alone = self.replacing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // Whoever asks for a list does not wait for the disk: nobody else writes while `replacing` is held.
        let (fresh, refused, changed) = {
            let lists = self.lists.read().unwrap_or_else(std::sync::PoisonError::into_inner);
            let (fresh, refused) = read(&self.state, &lists);
            let changed = fresh != *lists;
            (fresh, refused, changed)
        };
        for problem in refused {
            log::error!("{problem}; the list before stays, if there is one");
        }
        if changed {
            log::info!("glossary: {} terms, and lists of {} campaigns", fresh.general.len(), fresh.campaigns.len());
            self.tell(&fresh);
            *self.lists.write().unwrap_or_else(std::sync::PoisonError::into_inner) = fresh;
        }
    }

    fn tell(&self, lists: &Lists) {
        let campaigns = lists.campaigns.iter().map(|(campaign, own)| (campaign, &own.terms));
        self.workers.take_glossaries(Glossaries::new(&lists.general, campaigns));
    }

    /// Whether a campaign of this name may have a list; why not.
    pub fn may_have(&self, campaign: &str) -> Result<(), String> {
        let key = campaign_key(campaign);
        if key.is_empty() || key.chars().any(char::is_control) {
            return Err("the name of a campaign is needed, without control characters".into());
        }
        if file_name(&key).len() > LONGEST_NAME {
            return Err(format!("the name is too long; its file may have {LONGEST_NAME} characters"));
        }
        let lists = self.lists.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if lists.campaigns.len() >= LISTS && !lists.campaigns.contains_key(&key) {
            return Err(format!(
                "{LISTS} campaigns have a list already; delete one in {CAMPAIGNS} of the state folder"
            ));
        }
        Ok(())
    }

    /// Puts a list in the place of the one in use: of a campaign, or of all calls. Blocks.
    pub fn replace(&self, campaign: Option<&str>, terms: Vec<String>) -> std::io::Result<()> {
        let _alone = self.replacing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let key = campaign.map(campaign_key);
        let path = match &key {
            None => self.state.join(GENERAL),
            Some(key) => {
                let lists = self.lists.read().unwrap_or_else(std::sync::PoisonError::into_inner);
                let known = lists.campaigns.get(key).map(|own| own.path.clone());
                known.unwrap_or_else(|| self.state.join(CAMPAIGNS).join(file_name(key)))
            }
        };
        write(&path, &terms)?;
        let mut lists = self.lists.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        match key {
            None => lists.general = terms,
            Some(key) => {
                lists.campaigns.insert(key, OwnList { path, terms });
            }
        }
        self.tell(&lists);
        Ok(())
    }

    /// The list of a campaign, or of all calls; `None` of a campaign that has none.
    pub fn list(&self, campaign: Option<&str>) -> Option<ShownList> {
        let lists = self.lists.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        let terms = match campaign {
            None => lists.general.clone(),
            Some(campaign) => lists.campaigns.get(&campaign_key(campaign))?.terms.clone(),
        };
        let in_prompt = Vocabulary::of_trade(terms.iter().map(String::as_str)).in_prompt();
        Some(ShownList { terms, in_prompt })
    }

    /// The campaigns that have a list, in small letters.
    pub fn campaigns(&self) -> Vec<String> {
        let lists = self.lists.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        lists.campaigns.keys().cloned().collect()
    }
}

/// Puts a list on disk: the file is the old one or the new one, whatever happens.
fn write(path: &Path, terms: &[String]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    let mut writer = csv::Writer::from_writer(Vec::new());
    for term in terms {
        writer.write_record([term])?;
    }
    file.write_all(&writer.into_inner().map_err(|error| std::io::Error::other(error.to_string()))?)?;
    file.sync_all()?;
    std::fs::rename(&fresh, path)?;
    std::fs::File::open(folder)?.sync_all()
}

/// What the files hold. Of one with a mistake the list of `before` stays, and what is wrong is told.
fn read(state: &Path, before: &Lists) -> (Lists, Vec<String>) {
    let (mut lists, mut refused) = (Lists::default(), Vec::new());
    match terms_of(&state.join(GENERAL)) {
        Ok(terms) => lists.general = terms.unwrap_or_default(),
        Err(problem) => {
            lists.general.clone_from(&before.general);
            refused.push(problem);
        }
    }
    let folder = state.join(CAMPAIGNS);
    let mut files: Vec<PathBuf> = match std::fs::read_dir(&folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            refused.push(format!("{}: {error}", folder.display()));
            lists.campaigns.clone_from(&before.campaigns);
            return (lists, refused);
        }
    };
    files.retain(|path| path.extension().is_some_and(|extension| extension == "csv"));
    files.sort();
    for path in files {
        let Some(key) = campaign_of(&path) else {
            refused.push(format!("{}: no campaign is called so", path.display()));
            continue;
        };
        if let Some(other) = lists.campaigns.get(&key) {
            refused.push(format!("{}: {} holds the list of {key:?} already", path.display(), other.path.display()));
            continue;
        }
        match terms_of(&path) {
            Ok(Some(terms)) => {
                lists.campaigns.insert(key, OwnList { path, terms });
            }
            Ok(None) => {}
            Err(problem) => {
                refused.push(problem);
                if let Some(own) = before.campaigns.get(&key) {
                    lists.campaigns.insert(key, own.clone());
                }
            }
        }
    }
    (lists, refused)
}

/// The terms of a file; `None` where it is not there.
fn terms_of(path: &Path) -> Result<Option<Vec<String>>, String> {
    match std::fs::read(path) {
        Ok(bytes) => parse(&bytes)
            .map(Some)
            .map_err(|errors| format!("{}: line {}: {}", path.display(), errors[0].line, errors[0].detail)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(format!("{}: {error}", path.display())),
    }
}

/// The file of a campaign's list: what may be no part of a file's name is written as `%2F`.
fn file_name(key: &str) -> String {
    let mut name = String::new();
    for (place, byte) in key.bytes().enumerate() {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-' || (byte == b'.' && place > 0) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name + ".csv"
}

/// The campaign whose list a file holds; `None` where its name is none.
fn campaign_of(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_str()?;
    let (mut bytes, mut rest) = (Vec::new(), name.bytes());
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
        } else {
            bytes.push(byte);
        }
    }
    let key = campaign_key(&String::from_utf8(bytes).ok()?);
    (!key.is_empty() && !key.chars().any(char::is_control)).then_some(key)
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
        // As spreadsheets save it where the comma is for decimals.
        assert_eq!(lines(b"Term;Meaning\nNorthern Energy;a company\nrouter\n"), [1, 2]);
        assert_eq!(lines(b"a\n\xff\xfe\n"), [2]);
        assert_eq!(lines(b"term\n"), [1]);
        assert_eq!(lines((0..5001).map(|i| format!("t{i}")).collect::<Vec<_>>().join("\n").as_bytes()), [1]);
        assert_eq!(lines(",\n".repeat(100).as_bytes()).len(), 20);
    }

    fn glossary(state: &Path) -> Glossary {
        use crate::pipeline::workers::TranscribeSettings;
        use crate::pipeline::workers::in_flight::InFlight;
        let (done, _) = tokio::sync::mpsc::channel(1);
        let in_flight = InFlight::open(&state.join("in-flight"));
        Glossary::open(state, Workers::new(TranscribeSettings::without_model(state), in_flight, done))
    }

    fn list(terms: &[&str]) -> Vec<String> {
        terms.iter().map(|&term| term.to_owned()).collect()
    }

    #[test]
    fn a_campaign_has_a_list_of_its_own_that_is_there_after_a_restart() {
        let state = tempfile::tempdir().expect("a folder");
        let first = glossary(state.path());
        first.replace(None, list(&["router"])).expect("written");
        first.replace(Some("SALES/EU 1"), list(&["Fibernova", "gigabit"])).expect("written");
        for glossary in [first, glossary(state.path())] {
            assert_eq!(glossary.list(None).map(|list| list.terms), Some(list(&["router"])));
            let own = glossary.list(Some("sales/eu 1")).expect("a list");
            assert_eq!((own.terms, own.in_prompt), (list(&["Fibernova", "gigabit"]), 2));
            assert_eq!((glossary.list(Some("SUPPORT")), glossary.campaigns()), (None, list(&["sales/eu 1"])));
            let hints = glossary.workers.hints();
            let known = hints.glossaries.of(Some("Sales/EU 1"));
            assert_eq!(known, &Vocabulary::of_trade(["Fibernova", "gigabit", "router"]));
            assert_eq!(hints.glossaries.of(None), &Vocabulary::of_trade(["router"]));
        }
        assert!(state.path().join("glossaries/sales%2Feu%201.csv").exists());
    }

    #[test]
    fn a_saved_file_is_taken_and_one_with_a_mistake_leaves_the_list_before() {
        let state = tempfile::tempdir().expect("a folder");
        let glossary = glossary(state.path());
        let file = state.path().join("glossaries/SALES.csv");
        std::fs::create_dir_all(state.path().join("glossaries")).expect("a folder");
        let terms = || glossary.list(Some("sales")).map(|list| list.terms);
        std::fs::write(&file, "Fibernova\n").expect("written");
        glossary.reload();
        assert_eq!(terms(), Some(list(&["Fibernova"])));
        std::fs::write(&file, "Gigabit\n---\n").expect("written");
        glossary.reload();
        assert_eq!(terms(), Some(list(&["Fibernova"])));
        let (_, refused) = read(state.path(), &Lists::default());
        assert!(refused.len() == 1 && refused[0].contains("SALES.csv: line 2:"), "{refused:?}");
        // What is uploaded takes the place of the file that somebody has put there.
        glossary.replace(Some("sales"), list(&["Gigabit"])).expect("written");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), "Gigabit\n");
        std::fs::remove_file(&file).expect("removed");
        glossary.reload();
        assert_eq!(terms(), None);
    }

    #[test]
    fn a_name_that_no_campaign_can_have_is_refused() {
        let state = tempfile::tempdir().expect("a folder");
        let glossary = glossary(state.path());
        assert!(glossary.may_have("SALES").is_ok());
        for name in ["", "  ", "a\nb", &"\u{e9}".repeat(40)] {
            assert!(glossary.may_have(name).is_err(), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn the_file_of_a_campaign_tells_its_name(name in "[^\\p{Cc}]{1,12}") {
            let key = campaign_key(&name);
            prop_assume!(!key.is_empty());
            prop_assert_eq!(campaign_of(Path::new(&file_name(&key))), Some(campaign_key(&key)));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            match parse(&bytes) {
                Ok(terms) => prop_assert!(terms.iter().all(|term| !term.is_empty() && term.chars().count() <= LONGEST)),
                Err(errors) => prop_assert!(errors.iter().all(|error| error.line > 0)),
            }
        }
    }
}
