//! `lineside analyze`: recordings to text, without a daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::print::{bar, coloured, say};
use crate::config::Config;
use crate::pipeline::finished::analyze::{AnalysisReport, analyze};
use crate::speech::recogniser::Recogniser;
use crate::speech::{language, models};
use crate::text::Label;

#[derive(Args)]
#[command(
    after_help = "Every format of the recordings room: wav, WAV, gsm, ulaw, alaw, sln*, raw, mp3, ogg, flac, m4a."
)]
pub(super) struct AnalyzeArguments {
    /// Recordings
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Model name or path [default: that of the configuration]
    #[arg(long)]
    model: Option<String>,
    /// Language code, or auto [default: that of the configuration]
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Where somebody speaks, and how good the sound is; no text
    #[arg(long)]
    no_text: bool,
    /// Show card numbers and the like as they were said; the daemon never does, unless [privacy] redact is off
    #[arg(long)]
    no_redact: bool,
    /// One JSON object per file
    #[arg(long)]
    json: bool,
}

pub(super) fn run(arguments: &AnalyzeArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let analyser = config.analyser()?;
    let redactor = (config.privacy.redact && !arguments.no_redact).then(|| analyser.redactor());
    let mut recogniser = None;
    if !arguments.no_text {
        let name = arguments.model.as_deref().unwrap_or(&config.speech.model);
        let model = models::resolve(&config.paths.models(), name)?;
        let engine = crate::speech::load(&model, 1)?;
        let mut hints = config.hints();
        if let Some(code) = arguments.language.as_deref() {
            anyhow::ensure!(
                code == "auto" || language::is_code(code),
                "--language {code}: neither auto nor a code of Whisper's, as en or es"
            );
            hints.language = Some(code.to_string()).filter(|code| code != "auto");
        }
        if let Some(problem) = language::unheeded(engine.as_ref(), hints.language.as_deref()) {
            // Who asks for it here is told before an hour of nonsense is written; the configuration may be meant for another model.
            anyhow::ensure!(arguments.language.is_none(), "{problem}");
            eprintln!("lineside: {problem}");
        }
        recogniser = Some(Recogniser::new(engine.session().context("start the recogniser")?, hints));
    }
    super::key::take_keys(config);
    let listening = config.listening();
    if let Some(problem) = listening.voice.problem() {
        log::warn!("{problem}");
    }
    let mut failed = false;
    for file in &arguments.files {
        let bar = bar(&file.display().to_string(), "utterances")?;
        let report = analyze(
            file,
            config.recordings.stereo,
            &listening,
            recogniser.as_mut(),
            &analyser,
            redactor,
            |done, all| {
                bar.set_length(all as u64);
                bar.set_position(done as u64);
            },
        );
        bar.finish_and_clear();
        match report {
            Ok(report) if arguments.json => say(&serde_json::to_string(&report)?)?,
            Ok(report) => print(&report)?,
            Err(error) => {
                failed = true;
                eprintln!("lineside: {}: {error}", file.display());
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print(report: &AnalysisReport) -> anyhow::Result<()> {
    let spoken: f64 = report.speech.iter().map(|speech| speech.end - speech.start).sum();
    say(&format!(
        "{}: {:.1} s, {spoken:.1} s of speech in {} utterances",
        report.file,
        report.duration_s,
        report.speech.len()
    ))?;
    for segment in &report.segments {
        // A language without a list has no sentiment.
        let sentiment = segment.sentiment.map_or_else(|| "–".into(), |compound| format!("{compound:+.2}"));
        let label = segment.sentiment.map_or(Label::Unavailable, Label::of);
        let line = format!("{:8.2}  {:<8}{sentiment:>5}  {}", segment.start, segment.leg, segment.text);
        say(&coloured(&line, label.as_str()))?;
    }
    for hit in &report.keywords {
        say(&format!(
            "{:8.2}  {}: {} ({})",
            hit["start"].as_f64().unwrap_or(0.0),
            hit["kind"].as_str().unwrap_or(""),
            hit["term"].as_str().unwrap_or(""),
            hit["label"].as_str().unwrap_or("")
        ))?;
    }
    if let Some(mean) = report.sentiment.call.mean {
        say(&format!(
            "sentiment {mean:+.2}, {} positive, {} neutral, {} negative",
            report.sentiment.call.positive, report.sentiment.call.neutral, report.sentiment.call.negative
        ))?;
    }
    Ok(())
}
