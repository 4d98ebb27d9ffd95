//! `lineside forget`, `backup`, `restore`, `check`: what an admin does with the data as a whole.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use indicatif::ProgressBar;

use super::client::Daemon;
use super::listing::hanging;
use super::print::{bar, busy, bytes_bar, confirmed, say, shown};
use crate::config::{Config, DEFAULT_PATH, pack_files};
use crate::pipeline::retention::backup::{RESTORED, SettingsFile, backup, restore};
use crate::pipeline::retention::check::{Depth, check};
use crate::pipeline::retention::forget::{ForgetReport, planned_stopped, stopped};
use crate::store::StoreError;
use crate::store::check::Mode;
use crate::store::forget::{ForgetError, Whom};

/// A bar shows that work goes on also while nothing of it can be counted.
const STEADY: std::time::Duration = std::time::Duration::from_millis(200);

#[derive(Args)]
#[command(
    after_help = "Works beside a running daemon and without one. With --url, LINESIDE_URL or --socket the daemon there erases its calls, and nothing is \
erased here; exit code 1 when anything is left over."
)]
pub(super) struct ForgetArguments {
    #[command(flatten)]
    whom: WhomArguments,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Say what would be erased, and erase nothing
    #[arg(long, short = 'n', conflicts_with = "yes")]
    dry_run: bool,
    /// JSON report
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// The person whose calls are meant, by one of several keys.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct WhomArguments {
    /// All calls with this telephone number; marks and a leading +, 00 or 0 mean nothing; of nine digits or more neither does a country code
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// All calls of this lead
    #[arg(long, value_name = "ID")]
    lead: Option<String>,
    /// One call, by its id, uniqueid or UUID
    #[arg(long, value_name = "ID")]
    call: Option<String>,
}

#[derive(Args)]
#[command(after_help = "The daemon may run meanwhile.")]
pub(super) struct BackupArguments {
    /// An empty folder, or one that is not there yet
    folder: PathBuf,
}

#[derive(Args)]
#[command(after_help = "Into the state folder of the configuration, which must hold nothing but models.")]
pub(super) struct RestoreArguments {
    /// What `lineside backup` made
    folder: PathBuf,
}

#[derive(Args)]
#[command(after_help = "With the daemon stopped; exit code 1 when something is wrong and not mended.")]
pub(super) struct CheckArguments {
    /// Mend what can be mended without losing anything
    #[arg(long)]
    repair: bool,
    /// Decrypt all of every encrypted sound file, not only its ends: as long as the disk takes to read them
    #[arg(long)]
    sound: bool,
    /// JSON list of findings
    #[arg(long)]
    json: bool,
}

pub(super) fn forget(arguments: &ForgetArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let WhomArguments { phone, lead, call } = &arguments.whom;
    let whom = match (phone, lead, call) {
        (Some(phone), ..) => Whom::Phone(phone.clone()),
        (_, Some(lead), _) => Whom::Lead(lead.clone()),
        (.., Some(call)) => Whom::Call(call.clone()),
        _ => anyhow::bail!("one of --phone, --lead and --call is needed"),
    };
    let question = match &whom {
        Whom::Phone(number) => format!("Erase every call with the telephone number {}?", shown(number)),
        Whom::Lead(lead) => format!("Erase every call of the lead {}?", shown(lead)),
        Whom::Call(call) => format!("Erase the call {}?", shown(call)),
        Whom::Calls(calls) => format!("Erase {} calls?", calls.len()),
    };
    if arguments.dry_run {
        return would_forget(arguments, &whom, config);
    }
    if !confirmed(arguments.yes, &question)? {
        return Ok(ExitCode::FAILURE);
    }
    let report = busy("erasing, and searching every file for what told of them", || {
        if arguments.daemon.is_named() {
            return by_daemon(arguments, &whom, "", config);
        }
        // Who holds the lock on the state folder is the daemon: then it does the work.
        match stopped(&config.paths.state, &whom) {
            Err(ForgetError::Store(StoreError::InUse { .. })) => by_daemon(arguments, &whom, "", config),
            done => Ok(done?),
        }
    })?;
    if arguments.json {
        say(&serde_json::to_string(&report)?)?;
    } else {
        let state = config.paths.state.display();
        told(&report, &arguments.daemon.name().unwrap_or_else(|| state.to_string()))?;
    }
    Ok(if report.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Has the daemon do it.
fn by_daemon(arguments: &ForgetArguments, whom: &Whom, query: &str, config: &Config) -> anyhow::Result<ForgetReport> {
    let answer = arguments.daemon.tell(config, &format!("/api/v1/forget{query}"), &serde_json::to_value(whom)?)?;
    serde_json::from_value(answer).context("the daemon's report")
}

fn would_forget(arguments: &ForgetArguments, whom: &Whom, config: &Config) -> anyhow::Result<ExitCode> {
    let asked = || by_daemon(arguments, whom, "?dry_run=true", config);
    let report = if arguments.daemon.is_named() {
        asked()?
    } else {
        match planned_stopped(&config.paths.state, whom) {
            Err(ForgetError::Store(StoreError::InUse { .. })) => asked()?,
            planned => planned?,
        }
    };
    if arguments.json {
        say(&serde_json::to_string(&report)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let erased = &report.erased;
    say(&format!(
        "would erase {} calls, {} segments of text, {} events, {} sound files; nothing was changed",
        erased.calls.len(),
        erased.segments,
        erased.events,
        erased.audio.len()
    ))?;
    erased.calls.iter().try_for_each(|call| say(&format!("  {}", shown(call))))?;
    for recording in &erased.recordings {
        say(&format!("not lineside's, would stay: {}", recording.display()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says what was erased, and what was searched at `place` for anything left of it.
fn told(report: &ForgetReport, place: &str) -> anyhow::Result<()> {
    let ForgetReport { erased, files, bytes, searched_for, searched_in, shared, left } = report;
    say(&format!(
        "erased {} calls, {} segments of text, {} events, {files} sound files ({bytes} bytes)",
        erased.calls.len(),
        erased.segments,
        erased.events
    ))?;
    for call in &erased.calls {
        say(&format!("  {call}"))?;
    }
    for recording in &erased.recordings {
        say(&format!("not lineside's, delete it yourself: {}", recording.display()))?;
    }
    say("backups that were made before still hold them")?;
    for line in shared {
        say(&format!("note: {line}"))?;
    }
    for line in left {
        say(&format!("LEFT: {line}"))?;
    }
    let proof = if left.is_empty() { "found none of them" } else { "SOMETHING IS LEFT" };
    say(&format!("proof: searched {searched_in} files of {place} for {searched_for} texts: {proof}"))?;
    Ok(())
}

/// Shows bytes done of bytes in all.
fn shown_by(bar: &ProgressBar) -> impl FnMut(u64, u64) {
    |done, all| {
        bar.set_length(all);
        bar.set_position(done);
    }
}

/// The files of the settings, each with its place in a backup: the main file, those of `conf.d` and the packs.
fn settings_files(config: &Config, path: Option<&Path>) -> anyhow::Result<Vec<SettingsFile>> {
    let main = path.unwrap_or(Path::new(DEFAULT_PATH));
    let of = |folder: &str, file: PathBuf| {
        let place = Path::new(folder).join(file.file_name().unwrap_or_default());
        SettingsFile { file, place }
    };
    let placed = |file: PathBuf| {
        if file == main { SettingsFile { file, place: "lineside.toml".into() } } else { of("conf.d", file) }
    };
    let mut all: Vec<SettingsFile> = Config::files(path)?.into_iter().map(placed).collect();
    if let Some(folder) = &config.text.packs {
        let packs = pack_files(folder).with_context(|| format!("read {}", folder.display()))?;
        all.extend(packs.into_iter().map(|file| of("packs", file)));
    }
    Ok(all)
}

pub(super) fn make_backup(arguments: &BackupArguments, config: &Config, path: Option<&Path>) -> anyhow::Result<()> {
    let settings = settings_files(config, path)?;
    let bar = bytes_bar("copying")?;
    bar.enable_steady_tick(STEADY);
    let copied = backup(&config.paths.state, &settings, &arguments.folder, &mut shown_by(&bar))?;
    bar.finish_and_clear();
    let missing = match copied.missing {
        0 => String::new(),
        some => format!("; {some} sound files were gone or unreadable (see `lineside check`)"),
    };
    say(&format!("{}: {} files, {} bytes{missing}", arguments.folder.display(), copied.files, copied.bytes))?;
    if copied.sealed > 0 {
        say(&format!(
            "{} sound files in it are encrypted, and THE KEY IS NOT IN THE BACKUP: keep it elsewhere ([privacy] audio_key)",
            copied.sealed
        ))?;
    }
    Ok(())
}

pub(super) fn bring_back(arguments: &RestoreArguments, config: &Config) -> anyhow::Result<()> {
    let state = &config.paths.state;
    let bar = bytes_bar("checking and copying")?;
    let copied = restore(&arguments.folder, state, &mut shown_by(&bar))?;
    bar.finish_and_clear();
    say(&format!("{}: {} files, {} bytes, all as they were backed up", state.display(), copied.files, copied.bytes))?;
    say(&format!("if you are not lineside: chown -R lineside: {}", state.display()))?;
    let settings = state.join(RESTORED);
    if settings.exists() {
        say(&format!("the settings and packs of then are in {}; they are not in use", settings.display()))?;
    }
    Ok(())
}

pub(super) fn look_over(arguments: &CheckArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let mode = if arguments.repair { Mode::Repair } else { Mode::Look };
    super::key::take_keys(config);
    let depth = if arguments.sound { Depth::Whole } else { Depth::Ends };
    let files = bar("looking over database and files", "files")?;
    files.enable_steady_tick(STEADY);
    let mut tell = |done: usize, all: usize| {
        files.set_length(all as u64);
        files.set_position(done as u64);
    };
    let found = check(&config.paths.state, mode, depth, crate::capture::wall_clock(), &mut tell)?;
    files.finish_and_clear();
    if arguments.json {
        say(&serde_json::to_string(&found)?)?;
    } else {
        for finding in &found {
            let word = if finding.mended { "ok " } else { "BAD" };
            let lines = [hanging(&format!("{word} "), &finding.problem), hanging("        ", &finding.mend)];
            lines.concat().iter().try_for_each(|line| say(line))?;
        }
        say(&format!("{}: {} findings", config.paths.state.display(), found.len()))?;
    }
    Ok(if found.iter().all(|finding| finding.mended) { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
