//! `lineside pack check` and `lineside pack try`: packs and glossaries before they count. Neither needs the daemon, neither changes anything.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};

use super::exit_code::EX_CONFIG;
use super::listing::Listing;
use super::print::{say, shown};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::config::Config;
use crate::pipeline::finished::trial::{Trial, TrialDifference};
use crate::pipeline::workers::glossary;
use crate::store::past::past_calls;
use crate::text::labels::unknown_labels;
use crate::text::{Pack, PackError};

#[derive(Args)]
pub(super) struct PackArguments {
    #[command(subcommand)]
    command: PackCommand,
}

#[derive(Subcommand)]
enum PackCommand {
    /// Name every mistake of some packs and glossaries with its line
    #[command(
        after_help = "A label that a rule, criterion or tag asks for must be given by a keyword or evidence of these packs or of those in use \
                      (--config); each takes the place of the one that has its name.\n\nExit code: 0 when all are good, 78 when one is not."
    )]
    Check {
        /// The packs; a file whose name ends in .csv is a glossary
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
    },
    /// Print what a pack would have tagged, alerted and scored differently on past calls
    #[command(
        after_help = "The pack stands beside those in use, in the place of the one that has its name; in calls of a [[campaign]] with packs of its own \
                      only where that names it. Texts are read from the database as they are \
                      stored. Alerts of silence and interruptions are left out: no pack's words make them."
    )]
    Try {
        /// The pack
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Calls that began in the last days
        #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// One JSON object
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(
    arguments: &PackArguments,
    config: impl FnOnce() -> Result<Config, crate::config::ConfigError>,
) -> anyhow::Result<ExitCode> {
    match &arguments.command {
        PackCommand::Check { files } => check(files, config),
        PackCommand::Try { file, days, json } => try_out(file, *days, *json, &config()?),
    }
}

fn text_of(file: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(file).with_context(|| format!("reading pack {}", file.display()))
}

fn is_glossary(file: &Path) -> bool {
    file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"))
}

fn check(
    files: &[PathBuf],
    config: impl FnOnce() -> Result<Config, crate::config::ConfigError>,
) -> anyhow::Result<ExitCode> {
    let mut read: Vec<Option<Result<Pack, Vec<PackError>>>> = Vec::new();
    for file in files {
        let pack = || Ok::<_, anyhow::Error>(Pack::mistakes_or_pack(&file.display().to_string(), &text_of(file)?));
        read.push(if is_glossary(file) { None } else { Some(pack()?) });
    }
    // Labels may come from another pack, so all are read before anything is said of one.
    let good: Vec<&Pack> = read.iter().flatten().filter_map(|pack| pack.as_ref().ok()).collect();
    let unknown = if good.is_empty() { Vec::new() } else { unknown_in(&good, config) };
    let mut all_good = true;
    for (file, read) in files.iter().zip(&read) {
        let name = file.display().to_string();
        let mistakes: Vec<&PackError> = match read {
            None => {
                all_good &= check_glossary(file, &name)?;
                continue;
            }
            Some(Ok(_)) => unknown.iter().filter(|one| one.file == name).collect(),
            Some(Err(mistakes)) => mistakes.iter().collect(),
        };
        if let (Some(Ok(pack)), true) = (read, mistakes.is_empty()) {
            say(&format!("{name}: pack {:?}, version {}, is good", pack.name, pack.version))?;
        }
        all_good &= mistakes.is_empty();
        for one in mistakes {
            say(&format!("{}:{}:{}: {}", one.file, one.line, one.column, shown(&one.message)))?;
        }
    }
    Ok(if all_good { ExitCode::SUCCESS } else { ExitCode::from(EX_CONFIG) })
}

/// The labels that packs ask for and that nobody gives: neither they nor the packs in use, of which each takes the place of the one that has its name.
/// Where the packs in use cannot be read nothing is said of labels, and why.
fn unknown_in(
    checked: &[&Pack],
    config: impl FnOnce() -> Result<Config, crate::config::ConfigError>,
) -> Vec<PackError> {
    let in_use = config().map_err(|error| error.to_string());
    let in_use =
        in_use.and_then(|config| crate::config::packs(config.text.packs.as_deref()).map_err(|error| error.to_string()));
    let mut packs = match in_use {
        Ok(packs) => packs,
        Err(error) => {
            eprintln!("lineside: labels are not compared with those of the packs in use: {}", shown(&error));
            return Vec::new();
        }
    };
    for &own in checked {
        match packs.iter_mut().find(|pack| pack.name == own.name) {
            Some(same) => same.clone_from(own),
            None => packs.push(own.clone()),
        }
    }
    unknown_labels(&packs)
}

/// Whether a glossary is good.
fn check_glossary(file: &Path, name: &str) -> anyhow::Result<bool> {
    let bytes = std::fs::read(file).with_context(|| format!("reading glossary {name}"))?;
    match glossary::parse(&bytes) {
        Ok(terms) => {
            say(&format!("{name}: glossary of {} terms is good", terms.len()))?;
            Ok(true)
        }
        Err(mistakes) => {
            for one in mistakes {
                say(&format!("{name}:{}: {}", one.line, shown(&one.detail)))?;
            }
            Ok(false)
        }
    }
}

fn try_out(file: &Path, days: u32, json: bool, config: &Config) -> anyhow::Result<ExitCode> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let own = Pack::parse(&file.display().to_string(), &text_of(file)?)?;
    let name = own.name.clone();
    let mut packs = crate::config::packs(config.text.packs.as_deref())?;
    let now = Trial::new(config.analyser_of(&packs)?);
    match packs.iter_mut().find(|pack| pack.name == name) {
        Some(same) => *same = own,
        None => packs.push(own),
    }
    let then = Trial::new(config.analyser_of(&packs)?);
    let since = WallTime(wall_clock().0 - i64::from(days) * DAY_MS);
    let (mut calls, mut found) = (0_usize, Vec::<TrialDifference>::new());
    past_calls(&config.paths.state, since, |call| {
        calls += 1;
        found.extend(now.against(&then, &call));
    })
    .with_context(|| format!("reading the calls of {}", config.paths.state.display()))?;
    if json {
        say(&serde_json::json!({"pack": name, "days": days, "calls": calls, "differences": found}).to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut rows = Listing::new(&["CALL", "WHAT", "NOW", "WITH THIS PACK"]);
    for one in &found {
        let row = [&one.call_id, one.what, &one.before.join(", "), &one.after.join(", ")];
        rows.add(row.map(|cell| shown(cell).into_owned()).to_vec());
    }
    if !found.is_empty() {
        rows.print("")?;
    }
    say(&format!("{calls} calls of {days} days, {} differences with pack {name:?}", found.len()))?;
    Ok(ExitCode::SUCCESS)
}
