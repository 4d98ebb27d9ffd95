//! The commands: each prints, none decides. Tables for people, `--json` for scripts, colour only on a terminal.

mod alerts;
mod analyze;
mod bench;
mod calls;
mod client;
mod doctor;
mod eagi;
mod generate;
mod keep;
mod key;
mod model;
mod model_bench;
mod model_recommend;
mod notify;
mod score;
mod serve;
mod token;

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use comfy_table::{ContentArrangement, Table, presets};

use crate::config::Config;

/// Live transcription, sentiment and search of the calls of an Asterisk PBX, on the PBX's own box.
#[derive(Parser)]
#[command(name = "lineside", version, about, max_term_width = 100)]
struct Arguments {
    /// Configuration file [default: /etc/lineside/lineside.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run the daemon
    Serve,
    /// Be the script of Asterisk's EAGI(): hand the call's audio to the daemon
    Eagi(eagi::EagiArguments),
    /// Transcribe and score recordings, without a daemon
    Analyze(analyze::AnalyzeArguments),
    /// Score lines of text from stdin
    Score(score::ScoreArgs),
    /// List calls, tag them, have them read again, delete them
    Calls(calls::CallsArguments),
    /// Show one call and its text
    Show(calls::ShowArguments),
    /// Search what was said
    Search(calls::SearchArguments),
    /// List alerts, and take them
    Alerts(alerts::AlertsArguments),
    /// Try the ways out of alerts
    Notify(notify::NotifyArguments),
    /// Print the live feed as it comes
    Tail(calls::TailArguments),
    /// Make, list and revoke the tokens that TCP asks for
    Token(token::TokenArguments),
    /// Show who read, heard, exported or changed which call
    Audit(token::AuditArguments),
    /// Make a key that audio is encrypted with on disk
    Key(key::KeyArguments),
    /// List, fetch, import and check models
    Model(model::ModelArguments),
    /// Erase a person everywhere, and prove it
    Forget(keep::ForgetArguments),
    /// Copy database, own sound and configuration, while the daemon runs
    Backup(keep::BackupArguments),
    /// Bring a backup into an empty state folder
    Restore(keep::RestoreArguments),
    /// Check database and files against each other
    Check(keep::CheckArguments),
    /// Check this box, with the mend for what is wrong
    Doctor(doctor::DoctorArguments),
    /// Measure this box
    Bench(bench::BenchArguments),
    /// Write the man pages and completions of these commands
    #[command(hide = true)]
    Generate(generate::GenerateArguments),
}

/// Runs the command line; what it says is the exit code.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
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
    let config = || Config::load(path.as_deref());
    match arguments.command {
        Command::Serve => serve::run(config()?, path.clone())?,
        Command::Eagi(arguments) => eagi::run(&arguments, &config()?)?,
        Command::Analyze(arguments) => return analyze::run(&arguments, &config()?),
        Command::Score(arguments) => score::run(arguments)?,
        Command::Calls(arguments) => return calls::list(&arguments, &config()?),
        Command::Show(arguments) => calls::show(&arguments, &config()?)?,
        Command::Search(arguments) => calls::search(&arguments, &config()?)?,
        Command::Alerts(arguments) => alerts::run(&arguments, &config()?)?,
        Command::Notify(arguments) => return notify::run(&arguments, &config()?),
        Command::Tail(arguments) => calls::tail(&arguments, &config()?)?,
        Command::Token(arguments) => token::run(&arguments, &config()?.paths.state)?,
        Command::Audit(arguments) => token::audit(&arguments, &config()?.paths.state)?,
        Command::Key(arguments) => key::run(&arguments, &config()?.paths.state)?,
        Command::Model(arguments) => return model::run(&arguments, &config()?),
        Command::Forget(arguments) => return keep::forget(&arguments, &config()?),
        Command::Backup(arguments) => keep::make_backup(&arguments, &config()?, path.clone())?,
        Command::Restore(arguments) => keep::bring_back(&arguments, &config()?)?,
        Command::Check(arguments) => return keep::look_over(&arguments, &config()?),
        Command::Doctor(arguments) => return doctor::run(&arguments, path.as_deref()),
        Command::Bench(arguments) => bench::run(&arguments, config)?,
        Command::Generate(arguments) => generate::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Of sysexits.h. The unit does not start us again after it: what is wrong stays wrong until somebody mends it.
const EX_CONFIG: u8 = 78;

fn is_for_the_admin(error: &anyhow::Error) -> bool {
    use crate::store::StoreError;
    error.is::<crate::config::ConfigError>()
        || error.is::<crate::audio::sealed::keys::KeyError>()
        || matches!(error.downcast_ref(), Some(StoreError::Newer { .. } | StoreError::Damaged { .. }))
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .any(|cause| cause.downcast_ref::<io::Error>().is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe))
}

/// A table as all commands print it.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

/// Whether colour is wanted: a terminal, and nobody said NO_COLOR.
fn colour() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Writes a line to stdout; a closed pipe is an error, not a panic.
fn say(line: &str) -> io::Result<()> {
    use io::Write;
    writeln!(io::stdout().lock(), "{line}")
}
