//! The whole file: its sections, what is checked across them, and how it is read.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::Deserialize;

use super::alerts::{self, IngestConfig};
use super::ami::{AmiConfig, TapConfig};
use super::campaign::{self, CampaignConfig};
use super::coverage::CoverageConfig;
use super::dialer::DialerSection;
use super::dialer_api::DialerApiSection;
use super::http::{self, HttpConfig};
use super::insights::InsightsConfig;
use super::meaning::MeaningConfig;
use super::mistake::{ConfigError, Mistake, line_of};
use super::privacy::{self, PrivacyConfig, RetentionConfig};
use super::processing::ProcessingConfig;
use super::remote::{self, RemoteSection};
use super::reports::ReportsConfig;
use super::sentiment::{self, SentimentConfig};
use super::sla::SlaConfig;
use super::speech::{SpeechConfig, UtteranceConfig};
use super::translation::TranslationConfig;
use crate::call::{Hear, Leg};
use crate::text::labels::unknown_labels;
use crate::text::lexicon::LexiconKind;

/// Where the file is when nobody says otherwise.
pub const DEFAULT_PATH: &str = "/etc/lineside/lineside.toml";

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folders.
    pub paths: PathsConfig,
    /// The HTTP API.
    pub http: HttpConfig,
    /// The AudioSocket server.
    pub audiosocket: AudioSocketConfig,
    /// The EAGI listener.
    pub eagi: EagiConfig,
    /// Recording folders.
    pub recordings: RecordingsConfig,
    /// Several sources of one call.
    pub sources: SourcesConfig,
    /// Asterisk's manager interface.
    pub ami: AmiConfig,
    /// The dialer's database.
    pub dialer: DialerSection,
    /// Calls that took place against what was heard.
    pub coverage: CoverageConfig,
    /// Each day's calls as a file.
    pub reports: ReportsConfig,
    /// What is told to the dialer.
    pub dialer_api: DialerApiSection,
    /// Calls that are tapped by themselves.
    pub tap: Vec<TapConfig>,
    /// Other servers that recordings are fetched from.
    pub remote: Vec<RemoteSection>,
    /// Calls of other platforms.
    pub ingest: IngestConfig,
    /// Where alerts go.
    pub notify: Vec<crate::alerts::notify::Notifier>,
    /// Recognition.
    pub speech: SpeechConfig,
    /// Cutting speech into utterances.
    pub utterance: UtteranceConfig,
    /// How much of the machine.
    pub limits: LimitsConfig,
    /// When calls are transcribed, and what is made of them.
    pub processing: ProcessingConfig,
    /// What a call may take.
    pub sla: SlaConfig,
    /// What came of calls.
    pub insights: InsightsConfig,
    /// Reading texts.
    pub text: TextConfig,
    /// Engines of sentiment for other languages.
    pub sentiment: Vec<SentimentConfig>,
    /// Search by meaning.
    pub meaning: MeaningConfig,
    /// Other languages into one.
    pub translation: TranslationConfig,
    /// What is never kept.
    pub privacy: PrivacyConfig,
    /// What is kept how long.
    pub retention: RetentionConfig,
    /// What is otherwise for one campaign.
    pub campaign: Vec<CampaignConfig>,
    /// The log.
    pub log: LogConfig,
}

/// `[paths]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PathsConfig {
    /// Database, audio, models.
    pub state: PathBuf,
    /// Sockets.
    pub run: PathBuf,
    /// Models; by default `models` in the state folder.
    pub models: Option<PathBuf>,
}

impl Default for PathsConfig {
    fn default() -> Self {
        Self { state: "/var/lib/lineside".into(), run: "/run/lineside".into(), models: None }
    }
}

impl PathsConfig {
    /// Where models are.
    pub fn models(&self) -> PathBuf {
        self.models.clone().unwrap_or_else(|| self.state.join("models"))
    }
}

/// `[audiosocket]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AudioSocketConfig {
    /// Address and port; empty switches it off.
    pub listen: String,
    /// From where Asterisk may connect.
    #[serde(deserialize_with = "http::networks")]
    pub allow: Vec<IpNet>,
}

impl Default for AudioSocketConfig {
    fn default() -> Self {
        Self { listen: "127.0.0.1:9093".into(), allow: http::loopback() }
    }
}

/// `[eagi]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EagiConfig {
    /// Whether `lineside eagi` is served.
    pub enabled: bool,
}

impl Default for EagiConfig {
    fn default() -> Self {
        Self { enabled: true }
    }
}

/// `[recordings]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecordingsConfig {
    /// Folders to watch, with all that is under them; unset: [`Self::found`].
    pub folders: Option<Vec<PathBuf>>,
    /// Folders that were found on this box, where nobody has named any.
    #[serde(skip)]
    pub found: Vec<PathBuf>,
    /// Own patterns for file names, tried before the ready ones.
    pub patterns: Vec<String>,
    /// Legs of a stereo file: left, right.
    pub stereo: [Leg; 2],
    /// Recordings that are older when first seen are left alone; 0 takes all.
    pub max_age_hours: u64,
}

impl Default for RecordingsConfig {
    fn default() -> Self {
        let stereo = [Leg::Agent, Leg::Caller];
        Self { folders: None, found: Vec::new(), patterns: Vec::new(), stereo, max_age_hours: 24 }
    }
}

impl RecordingsConfig {
    /// The folders that are watched.
    pub fn watched(&self) -> &[PathBuf] {
        self.folders.as_deref().unwrap_or(&self.found)
    }

    /// Where nobody has named folders: takes those of ViciDial, or Asterisk's own where there is one. `vicidial` is asked only then.
    pub fn find(&mut self, vicidial: impl FnOnce() -> Vec<PathBuf>) {
        if self.folders.is_none() {
            self.found = vicidial();
            if self.found.is_empty() {
                // One that may not be looked into is named, so that somebody hears of it.
                let looked = std::fs::metadata(MONITOR);
                let is_absent = looked.is_err_and(|error| error.kind() == std::io::ErrorKind::NotFound);
                self.found.extend((!is_absent).then(|| MONITOR.into()));
            }
        }
    }
}

/// Where Asterisk records when nobody says otherwise.
const MONITOR: &str = "/var/spool/asterisk/monitor";

/// `[sources]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SourcesConfig {
    /// What is transcribed of a call that comes by several.
    pub hear: Hear,
}

/// `[limits]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// CPUs to use at most, as a number; 0 leaves it to the unit's quota and the machine.
    pub cpus: f64,
    /// A live connection that shows nothing for so many seconds is closed, its call ended with the reason `stale`.
    pub stale_call_s: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self { cpus: 0.0, stale_call_s: 4 * 3600 }
    }
}

/// `[text]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TextConfig {
    /// `vader` or `call-centre`.
    pub lexicon: LexiconKind,
    /// Folder of packs; the built-in ones when absent.
    pub packs: Option<PathBuf>,
}

/// `[log]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogConfig {
    /// `error`, `warn`, `info` or `debug`.
    pub level: log::LevelFilter,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: log::LevelFilter::Info }
    }
}

impl Config {
    /// Reads a text; `path` is its name in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let wrong = |problem: String| ConfigError::Wrong { path: path.into(), problem };
        let config: Self = toml::from_str(text).map_err(|error| wrong(error.to_string().trim_end().to_string()))?;
        config.check().map_err(|(section, key, problem)| match line_of(text, section, key, &problem) {
            Some(line) => wrong(format!("line {line}: [{section}] {key}: {problem}")),
            None => wrong(format!("[{section}] {key}: {problem}")),
        })?;
        Ok(config)
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        for (section, listen) in [("http", &self.http.listen), ("audiosocket", &self.audiosocket.listen)] {
            if !listen.is_empty() && listen.parse::<SocketAddr>().is_err() {
                return Err((
                    section,
                    "listen",
                    format!("{listen:?} is not an address and port like 127.0.0.1:8123, nor empty"),
                ));
            }
        }
        self.http.check()?;
        self.ami.check()?;
        self.dialer.check()?;
        self.coverage.check()?;
        self.reports.check(&self.notify)?;
        self.dialer_api.check()?;
        self.tap.iter().try_for_each(TapConfig::check)?;
        if !self.tap.is_empty() {
            self.ami.can_tap(&self.audiosocket.listen)?;
        }
        let within = |section, key, value: u64, low: u64, high: u64| {
            if (low..=high).contains(&value) {
                Ok(())
            } else {
                Err((section, key, format!("{value} is not from {low} to {high}")))
            }
        };
        within("speech", "workers", self.speech.workers as u64, 1, 64)?;
        within("speech", "beam", u64::from(self.speech.beam.unwrap_or(1)), 1, 8)?;
        if let Some(problem) = campaign::language_problem(&self.speech.language) {
            return Err(("speech", "language", problem));
        }
        campaign::check(&self.campaign, || packs(self.text.packs.as_deref()))?;
        within("utterance", "silence_ms", u64::from(self.utterance.silence_ms), 100, 5000)?;
        within("utterance", "pre_roll_ms", u64::from(self.utterance.pre_roll_ms), 0, 2000)?;
        within("utterance", "max_ms", u64::from(self.utterance.max_ms), 2000, 28_000)?;
        within("limits", "stale_call_s", self.limits.stale_call_s, 1, 7 * 86_400)?;
        // So written that NaN is refused too.
        if !(0.0..=1024.0).contains(&self.limits.cpus) {
            return Err(("limits", "cpus", format!("{} is not from 0 to 1024", self.limits.cpus)));
        }
        if let Some(threshold) = self.utterance.threshold.filter(|threshold| !(0.05..=0.95).contains(threshold)) {
            return Err(("utterance", "threshold", format!("{threshold} is not from 0.05 to 0.95")));
        }
        self.sla.check()?;
        self.translation.check()?;
        self.insights.llm.check(self.privacy.redact)?;
        privacy::check(&self.privacy, &self.retention)?;
        for folder in self.recordings.folders.iter().flatten() {
            if !folder.is_absolute() {
                return Err(("recordings", "folders", format!("{} is not an absolute path", folder.display())));
            }
        }
        remote::check(&self.remote)?;
        sentiment::check(&self.sentiment)?;
        alerts::check(&self.notify).map_err(|problem| ("notify", "name", problem))?;
        if let Err(error) = crate::capture::naming::NamingRules::new(&self.recordings.patterns) {
            return Err(("recordings", "patterns", error.to_string()));
        }
        Ok(())
    }

    /// The ways out of alerts, each with where the pages are.
    pub fn notifiers(&self) -> Vec<crate::alerts::notify::Notifier> {
        let mut all = self.notify.clone();
        for notifier in &mut all {
            notifier.pages.clone_from(&self.http.public_url);
        }
        all
    }

    /// The packs, the lexicon and the engines of other languages, ready to read texts.
    pub fn analyser(&self) -> Result<crate::text::TextAnalyser, crate::text::pack::PackError> {
        Ok(self.analyser_with_unknown_labels()?.0)
    }

    /// The same for a daemon: the log is told of labels that are asked for and that no pack gives.
    pub fn told_analyser(&self) -> Result<crate::text::TextAnalyser, crate::text::pack::PackError> {
        let (analyser, unknown) = self.analyser_with_unknown_labels()?;
        for label in unknown {
            log::warn!("packs: {label}; so it never holds");
        }
        Ok(analyser)
    }

    fn analyser_with_unknown_labels(
        &self,
    ) -> Result<(crate::text::TextAnalyser, Vec<crate::text::pack::PackError>), crate::text::pack::PackError> {
        let folder = self.text.packs.as_deref();
        let all = packs(folder)?;
        let mut analyser = self.analyser_of(&all)?;
        analyser.changed_at(folder.map_or(0, changed_ms));
        Ok((analyser, unknown_labels(&all)))
    }

    /// The same with these packs in the place of those in use.
    pub fn analyser_of(
        &self,
        all: &[crate::text::pack::Pack],
    ) -> Result<crate::text::TextAnalyser, crate::text::pack::PackError> {
        let engines = sentiment::engines(&self.sentiment)?;
        let mut analyser = crate::text::TextAnalyser::new(self.text.lexicon, all).with_engines(engines);
        for (campaign, own) in campaign::with_packs(&self.campaign, all)? {
            analyser.read_campaign_by(campaign, self.text.lexicon, &own);
        }
        Ok(analyser)
    }
}

/// When a folder of packs, or a pack in it, was changed last, milliseconds of the wall clock.
fn changed_ms(folder: &Path) -> i64 {
    let files = std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let changed = files.chain([folder.to_path_buf()]).filter_map(|path| {
        let changed = std::fs::metadata(path).ok()?.modified().ok()?;
        changed.duration_since(std::time::UNIX_EPOCH).ok()
    });
    changed.map(|since| since.as_millis() as i64).max().unwrap_or(0)
}

/// The files of a folder of packs in order of name.
pub fn pack_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|ext| ext == "toml")).collect();
    files.sort();
    Ok(files)
}

/// All packs of a folder in order of name, or the built-in ones.
pub fn packs(folder: Option<&Path>) -> Result<Vec<crate::text::pack::Pack>, crate::text::pack::PackError> {
    use crate::text::pack::{Pack, PackError};
    let Some(folder) = folder else { return Pack::bundled() };
    let fail = |path: &Path, error: std::io::Error| PackError {
        file: path.display().to_string(),
        line: 1,
        column: 1,
        message: error.to_string(),
    };
    pack_files(folder)
        .map_err(|error| fail(folder, error))?
        .iter()
        .map(|path| {
            Pack::parse(&path.display().to_string(), &std::fs::read_to_string(path).map_err(|error| fail(path, error))?)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn error(text: &str) -> String {
        Config::parse(Path::new("/etc/lineside/lineside.toml"), text).expect_err("wrong").to_string()
    }

    #[test]
    fn the_file_that_is_installed_says_what_the_defaults_are() {
        let text = include_str!("../../etc/lineside.toml");
        let installed = Config::parse(Path::new("etc/lineside.toml"), text).expect("well made");
        let mut defaults = Config::default();
        // What only an installed system has.
        defaults.text.packs.clone_from(&installed.text.packs);
        assert_eq!(format!("{installed:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn mistakes_are_named_with_line_and_what_is_allowed() {
        let unknown = error("[speech]\nmodle = \"base\"\n");
        assert!(unknown.contains("line 2") && unknown.contains("modle") && unknown.contains("`model`"), "{unknown}");
        let kind = error("[speech]\nworkers = \"two\"\n");
        assert!(kind.contains("line 2") && kind.contains("two"), "{kind}");
        let range = error("[log]\nlevel = \"info\"\n\n[speech]\nbeam = 1\nworkers = 99\n");
        assert!(range.contains("line 6: [speech] workers: 99 is not from 1 to 64"), "{range}");
        for wrong in ["-2.0", "nan", "inf", "-inf"] {
            let cpus = error(&format!("[limits]\ncpus = {wrong}\n"));
            assert!(cpus.contains("line 2: [limits] cpus") && cpus.contains("is not from 0 to 1024"), "{cpus}");
        }
        let address = error("[http]\nlisten = \"localhost\"\n");
        assert!(address.contains("line 2") && address.contains("127.0.0.1:8123"), "{address}");
        let lexicon = error("[text]\nlexicon = \"vaader\"\n");
        assert!(lexicon.contains("call-centre"), "{lexicon}");
        let language = error("[speech]\nlanguage = \"spanish\"\n");
        assert!(language.contains("line 2") && language.contains("as en or es"), "{language}");
        let pattern = error("[recordings]\npatterns = [\"(\"]\n");
        assert!(pattern.contains("line 2"), "{pattern}");
    }

    #[test]
    fn folders_that_nobody_has_named_are_those_of_vicidial() {
        let found = |text: &str| {
            let mut recordings = Config::parse(Path::new("x.toml"), text).expect("good").recordings;
            recordings.find(|| vec!["/ram/monitor".into(), "/srv/monitorDONE".into()]);
            recordings.watched().to_vec()
        };
        assert_eq!(found(""), [Path::new("/ram/monitor"), Path::new("/srv/monitorDONE")]);
        assert_eq!(found("[recordings]\nfolders = [\"/srv/calls\"]\n"), [Path::new("/srv/calls")]);
        assert_eq!(found("[recordings]\nfolders = []\n"), Vec::<PathBuf>::new(), "none is an answer too");
    }

    #[test]
    fn what_the_readme_tells_people_to_write_is_understood() {
        let readme = include_str!("../../README.md");
        let step = readme.split("conf.d/50-folders.toml").nth(1).expect("the step about folders");
        let block = step.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).expect("its TOML");
        let config = Config::parse(Path::new("/etc/lineside/conf.d/50-folders.toml"), block).expect("well made");
        assert_eq!(config.recordings.watched(), [Path::new("/srv/calls")]);
        println!(
            "mended | 31 | the README's third step was a line that is no TOML | its block is read: {:?}",
            config.recordings.watched()
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in "\\PC{0,200}", lines in "(\\[[a-z]{0,9}\\]\n|[a-z_]{1,9} = [-0-9\"a-z\\[\\]]{0,9}\n){0,9}") {
            let _ = Config::parse(Path::new("x"), &text);
            let _ = Config::parse(Path::new("x"), &lines);
        }
    }
}
