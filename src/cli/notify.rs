//! `lineside notify test`: has the daemon send a test by every notifier of the configuration, or by one, and says what became of it.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::client::{Daemon, is_not_running, query};
use super::print::{say, shown};
use crate::alerts::notify::ServiceKind;
use crate::config::Config;
use crate::pipeline::finished::notify::try_one;

#[derive(Args)]
pub(super) struct NotifyArguments {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Subcommand)]
enum NotifyCommand {
    /// Have the daemon send a test by every notifier of its configuration, or by one
    Test {
        /// Its name
        name: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
}

pub(super) fn run(arguments: &NotifyArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let NotifyCommand::Test { name, daemon } = &arguments.command;
    let path = format!("/api/v1/notifiers/test{}", query(&[("name", name.clone())]));
    // The daemon sends: what its unit denies it, a shell may do.
    let answer = match daemon.tell(config, &path, &serde_json::Value::Null) {
        Err(error) if is_not_running(&error) => return from_here(name.as_deref(), config),
        answer => answer?,
    };
    let mut failed = false;
    for test in answer["tests"].as_array().into_iter().flatten() {
        let problem = test["detail"].as_str();
        failed |= problem.is_some();
        tell(test["notifier"].as_str().unwrap_or_default(), problem)?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn tell(name: &str, problem: Option<&str>) -> std::io::Result<()> {
    let outcome = problem.map_or_else(|| "sent".into(), |problem| format!("not sent: {}", shown(problem)));
    say(&format!("{name}: {outcome}"))
}

/// Without a daemon: what the shell may send.
fn from_here(name: Option<&str>, config: &Config) -> anyhow::Result<ExitCode> {
    let all = config.notifiers();
    let chosen: Vec<_> = all.iter().filter(|notifier| name.is_none_or(|name| *name == notifier.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = config.notify.iter().map(|notifier| notifier.name.as_str()).collect();
        match name {
            Some(name) => bail!("no notifier is named {name:?}; the configuration has: {}", names.join(", ")),
            None => bail!("the configuration has no [[notify]]"),
        }
    }
    eprintln!(
        "the daemon is not running: this shell sends, which the unit's IPAddressDeny= does not hold. Try again with `systemctl start lineside`"
    );
    let mut failed = false;
    for notifier in chosen {
        if notifier.kind == ServiceKind::AgentService {
            let probed = notifier.probe();
            let found = probed
                .problem
                .map_or_else(|| "there, and takes the key".into(), |problem| format!("not well: {problem}"));
            say(&format!("{}: {found}", notifier.name))?;
        }
        let sent = try_one(notifier, "test", crate::capture::wall_clock());
        failed |= sent.problem.is_some();
        tell(&sent.name, sent.problem.as_deref())?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
