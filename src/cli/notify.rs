//! `lineside notify test`: sends a test by every notifier of the configuration, or by one, and says what became of it.

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};

use super::say;
use crate::alerts::notify::{Kind, Message, Outcome};
use crate::config::Config;

/// Ways out of alerts
#[derive(Args)]
pub(super) struct NotifyArguments {
    #[command(subcommand)]
    command: NotifyCommand,
}

#[derive(Subcommand)]
enum NotifyCommand {
    /// Send a test by every notifier of the configuration, or by one
    Test {
        /// Its name
        name: Option<String>,
    },
}

pub(super) fn run(arguments: &NotifyArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let NotifyCommand::Test { name } = &arguments.command;
    let chosen: Vec<_> =
        config.notify.iter().filter(|notifier| name.as_ref().is_none_or(|name| *name == notifier.name)).collect();
    if chosen.is_empty() {
        let names: Vec<&str> = config.notify.iter().map(|notifier| notifier.name.as_str()).collect();
        match name {
            Some(name) => bail!("no notifier is named {name:?}; the configuration has: {}", names.join(", ")),
            None => bail!("the configuration has no [[notify]]"),
        }
    }
    let now = jiff::Timestamp::now();
    let message = Message::test("test", &format!("{now:.3}"));
    let mut failed = false;
    for notifier in chosen {
        if notifier.kind == Kind::AgentService {
            let probed = notifier.probe();
            let found = probed
                .problem
                .map_or_else(|| "there, and takes the key".into(), |problem| format!("not well: {problem}"));
            say(&format!("{}: {found}", notifier.name))?;
        }
        let outcome = match notifier.send(&message, now.as_second()) {
            Outcome::Sent => "sent".into(),
            Outcome::Later(error, _) | Outcome::Never(error) => {
                failed = true;
                format!("not sent: {error}")
            }
        };
        say(&format!("{}: {outcome}", notifier.name))?;
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
