//! `lineside bench accuracy`: how many words a model gets wrong on recordings whose text is known.
//!
//! A set is a folder of recordings, each with its text beside it: FILE.txt for the whole, or FILE.json with `{"lines": [{"speaker": "agent" |
//! "caller", "start_s", "end_s", "text"}]}` for the two legs of a stereo file. Word error rate is (substituted + left out + put in) / words said,
//! with letters and digits compared in lower case.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail};
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use strsim::generic_levenshtein;

use super::rules;
use crate::audio::resample::to_model;
use crate::call::Leg;
use crate::cli::print::say;
use crate::config::Config;
use crate::pipeline::finished::analyze::{AnalyzedSegment, analyze, read};
use crate::speech::models;
use crate::speech::recogniser::{Hints, Recogniser};
use crate::speech::vocabulary::Vocabulary;
use crate::text::TextAnalyser;

/// What to measure on what.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Plan<'a> {
    /// A folder of sets, or one set.
    pub(super) folder: &'a Path,
    /// Model names or paths; the configuration's when empty.
    pub(super) models: &'a [String],
    /// Each recording is one window of the model: no voice activity detection.
    pub(super) whole: bool,
    /// Each model with RNNoise in front of it too.
    pub(super) denoise: bool,
    /// One JSON object a set and model.
    pub(super) json: bool,
    /// What each model writes, and no figures: one JSON object a recording and model. No text need stand beside them.
    pub(super) heard: bool,
    /// Rules of the recogniser that are changed: NAME=VALUE.
    pub(super) rules: &'a [String],
}

#[derive(Deserialize)]
struct Line {
    speaker: Leg,
    start_s: f64,
    end_s: f64,
    text: String,
}

#[derive(Deserialize)]
struct Script {
    lines: Vec<Line>,
}

enum Reference {
    Text(String),
    Script(Script),
}

/// What came out for one set with one model.
#[derive(Default, Serialize)]
struct Tally {
    set: String,
    model: String,
    files: usize,
    /// Number of words in the reference text.
    words: usize,
    /// Number of words in the recognised text.
    heard: usize,
    /// Substituted, left out or put in.
    errors: usize,
    /// Segments that lie on a line of their own speaker, and all that lie on a line of anybody.
    speaker_right: usize,
    speaker_all: usize,
    /// From each line's true start to that of the segment nearest to it, in milliseconds.
    #[serde(skip)]
    offsets_ms: Vec<f64>,
    start_error_ms_median: Option<f64>,
    start_error_ms_p95: Option<f64>,
    audio_s: f64,
    inference_s: f64,
}

impl Tally {
    fn count(&mut self, said: &str, heard: &str) {
        let (said, heard) = (words(said), words(heard));
        self.words += said.len();
        self.heard += heard.len();
        self.errors += generic_levenshtein(&said, &heard);
    }

    fn close(&mut self) {
        self.offsets_ms.sort_by(f64::total_cmp);
        let at =
            |share: f64| self.offsets_ms.get(((self.offsets_ms.len() as f64 - 1.0) * share).round() as usize).copied();
        (self.start_error_ms_median, self.start_error_ms_p95) = (at(0.5), at(0.95));
    }

    fn cell(&self) -> String {
        if self.words == 0 {
            return format!("{} words invented", self.heard);
        }
        let percent = |part: usize, all: usize| 100.0 * part as f64 / all as f64;
        let mut parts = vec![format!("{:.2} %", percent(self.errors, self.words))];
        if self.speaker_all > 0 {
            parts.push(format!("speaker {:.1} %", percent(self.speaker_right, self.speaker_all)));
        }
        parts.extend(self.start_error_ms_p95.map(|p95| format!("start p95 {p95:.0} ms")));
        parts.join(", ")
    }
}

pub(super) fn run(plan: &Plan, config: &Config) -> anyhow::Result<()> {
    let changed = rules::changed(config.hints(), plan.rules)?;
    if plan.heard {
        return heard(plan, config, &changed);
    }
    let sets = sets(plan.folder)?;
    let analyser = config.analyser()?;
    let mut columns: Vec<(String, Vec<Tally>)> = Vec::new();
    for name in model_names(plan, config) {
        let model = models::resolve(&config.paths.models(), &name)?;
        let engine = crate::speech::load(&model, 1)?;
        let choices: &[bool] = if plan.denoise { &[false, true] } else { &[changed.denoise] };
        for &denoise in choices {
            let hints = Hints { denoise, ..changed.clone() };
            let mut recogniser = Recogniser::new(engine.session().context("start the recogniser")?, hints);
            let title = format!("{}{}", engine.name(), if denoise { " + RNNoise" } else { "" });
            let bar = ProgressBar::new(sets.values().map(Vec::len).sum::<usize>() as u64)
                .with_style(ProgressStyle::with_template("{msg} {bar:30} {pos}/{len} recordings {eta}")?);
            bar.set_message(title.clone());
            let mut tallies = Vec::new();
            for (set, files) in &sets {
                let mut tally = Tally { set: set.clone(), model: title.clone(), ..Tally::default() };
                for (file, reference) in files {
                    measure(file, reference, plan.whole, config, &mut recogniser, &analyser, &mut tally)
                        .with_context(|| file.display().to_string())?;
                    bar.inc(1);
                }
                tally.close();
                tallies.push(tally);
            }
            bar.finish_and_clear();
            columns.push((title, tallies));
        }
    }
    if plan.json {
        for tally in columns.iter().flat_map(|(_, tallies)| tallies) {
            say(&serde_json::to_string(tally)?)?;
        }
        return Ok(());
    }
    let mut header = vec!["set", "files", "words"];
    header.extend(columns.iter().map(|(title, _)| title.as_str()));
    // As Markdown has it, for docs/figures.md.
    say(&format!("| {} |", header.join(" | ")))?;
    say(&format!("|{}", "---|".repeat(header.len())))?;
    for (place, set) in sets.keys().enumerate() {
        let first = &columns[0].1[place];
        let mut row = vec![set.clone(), first.files.to_string(), first.words.to_string()];
        row.extend(columns.iter().map(|(_, tallies)| tallies[place].cell()));
        say(&format!("| {} |", row.join(" | ")))?;
    }
    for (title, tallies) in &columns {
        let (audio, inference) = tallies.iter().fold((0.0, 0.0), |sum, t| (sum.0 + t.audio_s, sum.1 + t.inference_s));
        say(&format!("{title}: {audio:.0} s of sound in {inference:.1} s"))?;
    }
    Ok(())
}

/// Everything that the models write, for who scores it himself. With CPU seconds of the process, the model's loading left out.
fn heard(plan: &Plan, config: &Config, hints: &Hints) -> anyhow::Result<()> {
    let mut files: Vec<PathBuf> = fs::read_dir(plan.folder)
        .with_context(|| plan.folder.display().to_string())?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    files.retain(|path| path.is_file() && is_recording(path));
    if files.is_empty() {
        bail!("{}: no recording in it", plan.folder.display());
    }
    files.sort();
    let analyser = config.analyser()?;
    let listening = config.listening();
    for name in model_names(plan, config) {
        let model = models::resolve(&config.paths.models(), &name)?;
        let engine = crate::speech::load(&model, 1)?;
        let mut recogniser = Recogniser::new(engine.session().context("start the recogniser")?, hints.clone());
        for file in &files {
            recogniser.expect(names_beside(file)?);
            let before = cpu_s();
            let stereo = config.recordings.stereo;
            let report = analyze(file, stereo, &listening, Some(&mut recogniser), &analyser, None, |_, _| {})
                .with_context(|| file.display().to_string())?;
            let mut line = serde_json::to_value(report)?;
            line["model"] = name.as_str().into();
            line["cpu_s"] = (cpu_s() - before).into();
            say(&line.to_string())?;
        }
    }
    Ok(())
}

/// Names that are likely to be said in a recording: those in FILE.names beside it, a line each.
fn names_beside(file: &Path) -> anyhow::Result<Option<Arc<Vocabulary>>> {
    let path = file.with_extension("names");
    match fs::read_to_string(&path) {
        Ok(text) => Ok(Some(Arc::new(Vocabulary::new(text.lines())))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| path.display().to_string()),
    }
}

/// CPU seconds of all threads of this process.
fn cpu_s() -> f64 {
    let spent = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

fn model_names(plan: &Plan, config: &Config) -> Vec<String> {
    if plan.models.is_empty() { vec![config.speech.model.clone()] } else { plan.models.to_vec() }
}

fn is_recording(path: &Path) -> bool {
    !matches!(path.extension().and_then(|ext| ext.to_str()), None | Some("json" | "txt" | "names"))
}

/// Sets by name: recordings with their texts.
fn sets(folder: &Path) -> anyhow::Result<BTreeMap<String, Vec<(PathBuf, Reference)>>> {
    let mut found = BTreeMap::new();
    let mut places = vec![folder.to_path_buf()];
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            places.push(path);
        }
    }
    for place in places {
        let mut files = Vec::new();
        for entry in fs::read_dir(&place).with_context(|| place.display().to_string())? {
            let path = entry?.path();
            let script = path.with_extension("json");
            let text = path.with_extension("txt");
            if !is_recording(&path) {
                continue;
            }
            let reference = if let Ok(script) = fs::read_to_string(&script) {
                Reference::Script(serde_json::from_str(&script).with_context(|| path.display().to_string())?)
            } else if let Ok(text) = fs::read_to_string(&text) {
                Reference::Text(text)
            } else {
                continue;
            };
            files.push((path, reference));
        }
        if !files.is_empty() {
            files.sort_by(|one, other| one.0.cmp(&other.0));
            let name = place.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
            found.insert(name, files);
        }
    }
    if found.is_empty() {
        bail!("{}: no recording with its text beside it (FILE.txt or FILE.json)", folder.display());
    }
    Ok(found)
}

fn measure(
    file: &Path,
    reference: &Reference,
    whole: bool,
    config: &Config,
    recogniser: &mut Recogniser,
    analyser: &TextAnalyser,
    tally: &mut Tally,
) -> anyhow::Result<()> {
    tally.files += 1;
    if whole {
        let (rate_hz, channels) = read(file)?;
        let samples = to_model(channels.first().map_or(&[], Vec::as_slice), rate_hz);
        let recognition = recogniser.recognise(&samples)?;
        tally.audio_s += samples.len() as f64 / 16_000.0;
        tally.inference_s += recognition.took.as_secs_f64();
        let heard: Vec<&str> = recognition.pieces.iter().map(|piece| piece.text.as_str()).collect();
        match reference {
            Reference::Text(said) => tally.count(said, &heard.join(" ")),
            Reference::Script(_) => bail!("a stereo recording is not one window: leave --whole out"),
        }
        return Ok(());
    }
    let began = std::time::Instant::now();
    let report =
        analyze(file, config.recordings.stereo, &config.listening(), Some(recogniser), analyser, None, |_, _| {})?;
    tally.inference_s += began.elapsed().as_secs_f64();
    tally.audio_s += report.duration_s;
    match reference {
        Reference::Text(said) => tally.count(said, &joined(&report.segments, None)),
        Reference::Script(script) => {
            if script.lines.is_empty() {
                tally.count("", &joined(&report.segments, None));
                return Ok(());
            }
            if report.legs.len() != 2 {
                bail!("a script of two speakers wants a stereo recording, this one has {} channel", report.legs.len());
            }
            for leg in [Leg::Agent, Leg::Caller] {
                let said: Vec<&str> =
                    script.lines.iter().filter(|line| line.speaker == leg).map(|line| line.text.as_str()).collect();
                tally.count(&said.join(" "), &joined(&report.segments, Some(leg)));
            }
            compare_times(&script.lines, &report.segments, tally);
        }
    }
    Ok(())
}

/// The words of one leg, or of all.
fn joined(segments: &[AnalyzedSegment], leg: Option<Leg>) -> String {
    let of_leg = segments.iter().filter(|segment| leg.is_none_or(|leg| segment.leg == leg));
    of_leg.map(|segment| segment.text.as_str()).collect::<Vec<_>>().join(" ")
}

fn compare_times(lines: &[Line], segments: &[AnalyzedSegment], tally: &mut Tally) {
    for segment in segments {
        // Whose line it lies on.
        let overlap = |line: &Line| segment.end.min(line.end_s) - segment.start.max(line.start_s);
        let own = lines.iter().filter(|line| line.speaker == segment.leg).map(overlap).fold(0.0, f64::max);
        let other = lines.iter().filter(|line| line.speaker != segment.leg).map(overlap).fold(0.0, f64::max);
        if own > 0.0 || other > 0.0 {
            tally.speaker_all += 1;
            tally.speaker_right += usize::from(own > 0.0);
        }
    }
    for line in lines {
        let own = segments.iter().filter(|segment| segment.leg == line.speaker);
        let nearest = own.map(|segment| (segment.start - line.start_s).abs()).min_by(f64::total_cmp);
        tally.offsets_ms.extend(nearest.map(|seconds| seconds * 1000.0));
    }
}

fn words(text: &str) -> Vec<String> {
    let plain =
        |word: &str| word.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == '\'').collect::<String>();
    text.split(|c: char| c.is_whitespace() || c == '-').map(plain).filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_wrong_a_word_left_out_and_a_word_put_in_are_an_error_each() {
        let count = |said: &str, heard: &str| generic_levenshtein(&words(said), &words(heard));
        assert_eq!(count("I want to cancel.", "i want to cancel"), 0);
        assert_eq!(count("I want to cancel", "I went to cancel"), 1);
        assert_eq!(count("I want to cancel", "I want cancel"), 1);
        assert_eq!(count("I want to cancel", "I want to to cancel it"), 2);
        assert_eq!(count("", "thank you"), 2);
    }

    #[test]
    fn a_segment_on_the_other_speakers_line_is_a_wrong_speaker() {
        let line = |speaker, start_s, end_s| Line { speaker, start_s, end_s, text: String::new() };
        let segment = |leg: Leg, start, end| AnalyzedSegment {
            start,
            end,
            leg,
            speaker: leg.speaker(),
            text: String::new(),
            confidence: 1.0,
            sentiment: Some(0.0),
            words: Vec::new(),
        };
        let lines = [line(Leg::Agent, 0.0, 2.0), line(Leg::Caller, 3.0, 5.0)];
        let mut tally = Tally::default();
        compare_times(&lines, &[segment(Leg::Agent, 0.1, 2.0), segment(Leg::Agent, 3.2, 4.0)], &mut tally);
        assert_eq!((tally.speaker_right, tally.speaker_all), (1, 2));
    }
}
