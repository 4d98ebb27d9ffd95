//! The command line: the commands and what each takes.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use super::{
    agent, agi, alerts, analyze, bench, calls, coverage, data, doctor, eagi, fetch, key, model, notify, openapi, pack,
    process, reviews, score, setup, taps, token, transcript, vici,
};

/// Live transcription, sentiment and search of the calls of an Asterisk PBX, on the PBX's own box.
#[derive(Parser)]
#[command(name = "lineside", version, about, max_term_width = 100)]
pub(super) struct Arguments {
    /// Configuration file [default: /etc/lineside/lineside.toml]
    #[arg(long, short, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    #[command(subcommand)]
    pub(super) command: Command,
}

#[derive(Subcommand)]
pub(super) enum Command {
    /// Run the daemon
    Serve,
    /// Be the script of Asterisk's EAGI(): hand the call's audio to the daemon
    Eagi(eagi::EagiArguments),
    /// Be the script of Asterisk's AGI(): tell the dialplan mood, risk and keywords of the call
    Agi(agi::AgiArguments),
    /// Transcribe and score recordings, without a daemon
    Analyze(analyze::AnalyzeArguments),
    /// Score lines of text from stdin
    Score(score::ScoreArgs),
    /// Check packs, and try them on past calls
    Pack(pack::PackArguments),
    /// List calls, tag them, have them transcribed again, delete them
    Calls(calls::CallsArguments),
    /// Show one call and its text
    Show(calls::ShowArguments),
    /// Print the text of a call, by uniqueid, lead, recording or telephone number
    Transcript(transcript::TranscriptArguments),
    /// Have calls that are over go through their stages again
    Process(process::ProcessArguments),
    /// Search what was said
    Search(calls::SearchArguments),
    /// List alerts, and take them
    Alerts(alerts::AlertsArguments),
    /// Sum up the calls of agents, or of one
    Agent(agent::AgentArguments),
    /// Compare a day of the dialer with what was recorded and heard
    Coverage(coverage::CoverageArguments),
    /// Tell how far reviewers agree, and which disputes are open
    Reviews(reviews::ReviewsArguments),
    /// Try the ways out of alerts
    Notify(notify::NotifyArguments),
    /// Print the lines that ViciDial's settings need
    Vici(vici::ViciArguments),
    /// Print the live feed as it comes
    Tail(calls::TailArguments),
    /// Fetch recordings of calls from another server, or list what is fetched
    Fetch(fetch::FetchArguments),
    /// Tap both sides of a running call: listen to it by channels of our own
    Tap(taps::TapArguments),
    /// List the calls that are tapped
    Taps(taps::TapsArguments),
    /// End a call's taps
    Untap(taps::UntapArguments),
    /// Make, list and revoke the tokens that TCP asks for
    Token(token::TokenArguments),
    /// Show who read, heard, exported or changed which call
    Audit(token::AuditArguments),
    /// Make a key that audio is encrypted with on disk
    Key(key::KeyArguments),
    /// List, fetch, import and check models
    Model(model::ModelArguments),
    /// Erase a person everywhere, and prove it
    Forget(data::ForgetArguments),
    /// Copy database, own sound, settings and packs, while the daemon runs
    Backup(data::BackupArguments),
    /// Bring a backup into an empty state folder
    Restore(data::RestoreArguments),
    /// Check database and files against each other
    Check(data::CheckArguments),
    /// Check this box, with the mend for what is wrong
    Doctor(doctor::DoctorArguments),
    /// Ask four questions, and write the settings that the answers need
    Setup(setup::SetupArguments),
    /// Measure this box
    Bench(bench::BenchArguments),
    /// Print what the API takes and answers, for programs
    Openapi(openapi::OpenapiArguments),
    /// Write the man pages and completions of these commands
    #[command(hide = true)]
    Generate(GenerateArguments),
}

#[derive(Args)]
pub(super) struct GenerateArguments {
    /// Folder for lineside.1, lineside-serve.1 …
    pub(super) man: PathBuf,
    /// Folder for the completions
    pub(super) completions: PathBuf,
}
