//! The commands: each prints, none decides. Tables for people, `--json` for scripts, colour only on a terminal.

mod agent;
mod agi;
mod alerts;
mod analyze;
mod arguments;
mod bench;
mod calls;
mod client;
mod coverage;
mod data;
mod doctor;
mod eagi;
mod exit_code;
mod fetch;
mod generate;
mod key;
mod listing;
mod manual;
mod model;
mod model_bench;
mod model_pull;
mod model_recommend;
mod notify;
mod openapi;
mod pack;
mod print;
mod process;
mod reviews;
mod score;
mod serve;
mod setup;
mod taps;
mod token;
mod transcript;
mod vici;

use std::io;
use std::process::ExitCode;

use clap::FromArgMatches;

use self::arguments::{Arguments, Command};
use self::exit_code::EX_CONFIG;

/// Runs the command line; what it says is the exit code.
pub fn run() -> ExitCode {
    let arguments = match Arguments::from_arg_matches(&manual::documented().get_matches()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match dispatch(arguments) {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS, // `lineside calls | head`
        Err(error) => {
            eprintln!("lineside: {error:#}");
            if is_for_the_admin(&error) { ExitCode::from(EX_CONFIG) } else { ExitCode::FAILURE }
        }
    }
}

fn dispatch(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let path = arguments.config;
    let config = || crate::daemon::load(path.as_deref());
    match arguments.command {
        Command::Serve => serve::run(config()?, path.clone())?,
        Command::Eagi(arguments) => eagi::run(&arguments, &config()?)?,
        Command::Agi(arguments) => return Ok(agi::run(&arguments, path.as_deref())),
        Command::Analyze(arguments) => return analyze::run(&arguments, &config()?),
        Command::Score(arguments) => score::run(arguments)?,
        Command::Pack(arguments) => return pack::run(&arguments, config),
        Command::Calls(arguments) => return calls::list(&arguments, &config()?),
        Command::Show(arguments) => calls::show(&arguments, &config()?)?,
        Command::Transcript(arguments) => return transcript::run(&arguments, &config()?),
        Command::Process(arguments) => return process::run(&arguments, &config()?),
        Command::Search(arguments) => calls::search(&arguments, &config()?)?,
        Command::Alerts(arguments) => alerts::run(&arguments, &config()?)?,
        Command::Agent(arguments) => agent::run(&arguments, &config()?)?,
        Command::Coverage(arguments) => return coverage::run(&arguments, &config()?),
        Command::Reviews(arguments) => reviews::run(&arguments, &config()?)?,
        Command::Notify(arguments) => return notify::run(&arguments, &config()?),
        Command::Vici(arguments) => vici::run(&arguments, &config()?)?,
        Command::Tail(arguments) => calls::tail(&arguments, &config()?)?,
        Command::Fetch(arguments) => return fetch::run(&arguments, &config()?),
        Command::Tap(arguments) => taps::start(&arguments, &config()?)?,
        Command::Taps(arguments) => taps::list(&arguments, &config()?)?,
        Command::Untap(arguments) => taps::end(&arguments, &config()?)?,
        Command::Token(arguments) => token::run(&arguments, &config()?.paths.state)?,
        Command::Audit(arguments) => token::audit(&arguments, &config()?.paths.state)?,
        Command::Key(arguments) => key::run(&arguments, &config()?.paths.state)?,
        Command::Model(arguments) => return model::run(&arguments, &config()?),
        Command::Forget(arguments) => return data::forget(&arguments, &config()?),
        Command::Backup(arguments) => data::make_backup(&arguments, &config()?, path.as_deref())?,
        Command::Restore(arguments) => data::bring_back(&arguments, &config()?)?,
        Command::Check(arguments) => return data::look_over(&arguments, &config()?),
        Command::Doctor(arguments) => return doctor::run(&arguments, path.as_deref()),
        Command::Setup(arguments) => return setup::run(&arguments, &config()?, path.as_deref()),
        Command::Bench(arguments) => bench::run(&arguments, config)?,
        Command::Openapi(arguments) => openapi::run(&arguments)?,
        Command::Generate(arguments) => generate::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

fn is_for_the_admin(error: &anyhow::Error) -> bool {
    use crate::store::StoreError;
    error.is::<crate::config::ConfigError>()
        || error.is::<crate::text::pack::PackError>()
        || error.is::<crate::audio::sealed::keys::KeyError>()
        || matches!(error.downcast_ref(), Some(StoreError::Newer { .. } | StoreError::Damaged { .. }))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe))
}
