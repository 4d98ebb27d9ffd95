//! `lineside doctor`: prints what the doctor finds wrong with this box, why it matters, and the mend for each.

use std::io::ErrorKind;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde_json::Value;

use super::client::{Daemon, refusal, runtime};
use super::exit_code::EX_CONFIG;
use super::listing::{hanging, visible};
use super::print::{colour, say};
use crate::config::{Config, DEFAULT_PATH};
use crate::contract::doctor::{CheckState, DoctorCheck};
use crate::doctor::{self, Unanswered};

/// A daemon that runs an inference for `/health` may take 20 s; one that does not answer by then hangs.
const PATIENCE: Duration = Duration::from_secs(25);

#[derive(Args)]
#[command(
    after_help = "Exit code 1 when something is wrong, 78 when the configuration cannot be used (nothing else is looked at then), 0 otherwise.\n\
                  --json: a list of {check, state, found, why, mend}; state is ok, unknown (it cannot be looked at from here), advice or bad.\n\
                  GET /health/detailed of the API gives the same checks as the daemon sees them."
)]
pub(super) struct DoctorArguments {
    /// JSON list of checks
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &DoctorArguments, path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let config = match crate::daemon::load(path) {
        Ok(config) => config,
        Err(error) => {
            show(&[doctor::broken_configuration(&error)], arguments.json)?;
            return Ok(ExitCode::from(EX_CONFIG));
        }
    };
    let mut checks = vec![doctor::configuration(path.unwrap_or(Path::new(DEFAULT_PATH)))];
    checks.extend(doctor::surroundings(&config));
    checks.extend(doctor::model(&config));
    let more = match ask(&arguments.daemon, &config) {
        Ok(health) => doctor::daemon(&config, &health, &checks, !arguments.daemon.has_url()),
        Err(error) => {
            let why = Unanswered { problem: format!("{error:#}"), kind: refusal(&error) };
            doctor::no_daemon(&config, &why, &checks)
        }
    };
    checks.extend(more);
    show(&checks, arguments.json)?;
    let failed = checks.iter().any(|check| check.state == CheckState::Bad);
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The daemon's health. One that takes the connection and says nothing is not waited for.
fn ask(daemon: &Daemon, config: &Config) -> anyhow::Result<Value> {
    runtime()?.block_on(async {
        // It answers 503 where calls are not transcribed; the body says why.
        match tokio::time::timeout(PATIENCE, daemon.text(config, "/health")).await {
            Ok(Ok(text)) => match serde_json::from_str::<Value>(&text) {
                Ok(health) if health["status"].is_string() => Ok(health),
                Ok(refused) => bail!("/health: {}", refused["detail"].as_str().unwrap_or(&text)),
                Err(_) => bail!("/health: the answer is not lineside's: {}", text.chars().take(80).collect::<String>()),
            },
            Ok(Err(error)) => Err(error),
            Err(_) => Err(std::io::Error::from(ErrorKind::TimedOut))
                .with_context(|| format!("it runs, and has not answered within {} s", PATIENCE.as_secs())),
        }
    })
}

fn show(checks: &[DoctorCheck], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        return Ok(say(&serde_json::to_string(checks)?)?);
    }
    for check in checks {
        let (word, colour_code) = match check.state {
            CheckState::Ok => ("ok  ", 32),
            CheckState::Unknown => ("?   ", 33),
            CheckState::Advice => ("note", 33),
            CheckState::Bad => ("BAD ", 31),
        };
        let word = if colour() { format!("\x1b[{colour_code}m{word}\x1b[0m") } else { word.into() };
        put(&format!("{word} {:<14} ", check.check), &check.found)?;
        if let Some(mend) = &check.mend {
            put("                    why:  ", &check.why)?;
            put("                    mend: ", mend)?;
        }
    }
    Ok(())
}

/// A text that may have several lines; each goes on below itself.
fn put(before: &str, text: &str) -> std::io::Result<()> {
    for (number, line) in text.split('\n').enumerate() {
        let words = line.trim_start();
        let begin = if number == 0 { before.to_owned() } else { " ".repeat(visible(before)) };
        let begin = begin + &line[..line.len() - words.len()];
        hanging(&begin, words).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}
