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
mod openapi;
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
    /// Print what the API takes and answers, for programs
    Openapi(openapi::OpenapiArguments),
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
        Command::Openapi(arguments) => openapi::run(&arguments)?,
        Command::Generate(arguments) => generate::run(&arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Of sysexits.h. The unit does not start us again after it: what is wrong stays wrong until somebody mends it.
const EX_CONFIG: u8 = 78;

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

/// A table as all commands print it.
fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic).set_header(header);
    table
}

/// Columns of the terminal; `None` where there is none, and nothing need be fitted.
fn width() -> Option<usize> {
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| usize::from(size.ws_col)).filter(|&columns| columns > 0)
}

/// Rows with their header as lines: in columns where they fit into the width, else each row by itself over as many lines as it takes. No field is
/// ever broken but at its spaces, so an id or a time can be copied.
fn lay_out(header: &[&str], rows: &[Vec<String>], width: Option<usize>) -> Vec<Vec<String>> {
    const GAP: &str = "  ";
    const INDENT: usize = 4;
    let long = |text: &str| text.chars().count();
    let widths: Vec<usize> = (0..header.len())
        .map(|column| rows.iter().map(|row| long(&row[column])).chain([long(header[column])]).max().unwrap_or(0))
        .collect();
    let columns = |cells: &mut dyn Iterator<Item = &str>| {
        let padded = cells.zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join(GAP).trim_end().to_string()
    };
    let whole = widths.iter().sum::<usize>() + GAP.len() * widths.len().saturating_sub(1);
    if width.is_none_or(|width| whole <= width) {
        let rows = rows.iter().map(|row| vec![columns(&mut row.iter().map(String::as_str))]);
        return std::iter::once(vec![columns(&mut header.iter().copied())]).chain(rows).collect();
    }
    let width = width.unwrap_or(usize::MAX);
    let fold = |row: &Vec<String>| {
        let mut lines = vec![String::new()];
        for (cell, name) in row.iter().zip(header).filter(|(cell, _)| !cell.is_empty()) {
            // What is in words and figures alone needs its name; ids, times and the like do not.
            let field = if cell.parse::<f64>().is_ok() && !name.is_empty() && lines[0].contains(' ') {
                format!("{} {cell}", name.to_lowercase())
            } else {
                cell.clone()
            };
            let broken = long(&field) + INDENT > width;
            for (number, word) in
                if broken { field.split(' ').collect() } else { vec![&*field] }.into_iter().enumerate()
            {
                let line = lines.last_mut().map_or(0, |line| long(line));
                let gap = if number > 0 { " " } else { GAP };
                match lines.last_mut() {
                    Some(last) if line == 0 => last.push_str(word),
                    Some(last) if line + gap.len() + long(word) <= width => {
                        last.push_str(gap);
                        last.push_str(word);
                    }
                    _ => lines.push(format!("{:INDENT$}{word}", "")),
                }
            }
        }
        lines
    };
    rows.iter().map(fold).collect()
}

/// Asks before something is done that cannot be undone. Without a terminal nobody can be asked: then `--yes` has to say it.
fn confirmed(yes: bool, question: &str) -> anyhow::Result<bool> {
    if yes {
        return Ok(true);
    }
    anyhow::ensure!(
        io::stdin().is_terminal(),
        "{question} Nobody can be asked here, and nothing was changed: say --yes if it is meant"
    );
    eprint!("{question} It cannot be undone. [y/N] ");
    let mut answer = String::new();
    io::stdin().read_line(&mut answer)?;
    let yes = matches!(answer.trim().to_lowercase().as_str(), "y" | "yes");
    if !yes {
        eprintln!("nothing was changed");
    }
    Ok(yes)
}

/// Text of somebody else for a terminal or a line of a log: control characters, which could move the cursor, change colours or answer for the
/// user, and those that turn the direction of writing, become visible.
fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    let hidden = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if !text.contains(hidden) {
        return text.into();
    }
    let visible = |c: char| match c {
        '\t' | '\n' | '\r' => " ".to_string(),
        c if hidden(c) => c.escape_default().to_string(),
        c => c.to_string(),
    };
    text.chars().map(visible).collect::<String>().into()
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
