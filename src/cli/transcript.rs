//! `lineside transcript`: what was said in a call, by what a script has of it.

use std::process::ExitCode;

use clap::Args;
use http_body_util::BodyExt;
use serde_json::Value;

use super::calls::words::{seen, segment_lines, text};
use super::client::{Daemon, query, runtime, segment};
use super::print::{say, short_time};
use crate::config::Config;

/// Nothing was found; 1 is any other failure, 2 a wrong command line.
const NOT_FOUND: u8 = 3;

#[derive(Args)]
#[command(
    override_usage = "lineside transcript [OPTIONS] <CALL>\n       lineside transcript [OPTIONS] <--uniqueid|--lead|--recording-id|--phone>",
    after_help = "Newest call first. --pipe and --tsv print the columns of /vici?function=transcript_lookup, a line for each segment: call_id, start_time, \
user, recording_id, lead_id, phone_number, offset, speaker, sentiment, keywords, text. New columns come at the end.\n\nExit code 0 when a call was \
found, 3 when none was, 1 when the daemon could not be asked or refused, 2 when the command line is wrong."
)]
pub(super) struct TranscriptArguments {
    #[command(flatten)]
    key: Key,
    /// How many calls at most
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=100))]
    limit: u32,
    #[command(flatten)]
    form: Form,
    /// The names of the columns first
    #[arg(long, conflicts_with = "json")]
    header: bool,
    #[command(flatten)]
    daemon: Daemon,
}

/// How it is written.
#[derive(Args)]
#[group(multiple = false)]
struct Form {
    /// Lines with | between the fields, as ViciDial's Non-Agent API writes them
    #[arg(long)]
    pipe: bool,
    /// Lines with tabs between the fields
    #[arg(long)]
    tsv: bool,
    /// The API's JSON
    #[arg(long)]
    json: bool,
}

/// The call, by one of the keys that a script may have.
#[derive(Args)]
#[group(required = true, multiple = false)]
struct Key {
    /// Call id, uniqueid or UUID
    call: Option<String>,
    /// Asterisk's uniqueid; without its fraction every call of that second
    #[arg(long)]
    uniqueid: Option<String>,
    /// The dialer's lead
    #[arg(long)]
    lead: Option<String>,
    /// The dialer's number of the recording
    #[arg(long)]
    recording_id: Option<String>,
    /// A telephone number, however it is written
    #[arg(long)]
    phone: Option<String>,
}

/// The answer of `/vici`.
struct Rows {
    text: String,
    /// Whether there are older calls than the limit allows.
    more: bool,
}

impl TranscriptArguments {
    /// The lines of `/vici`, or `None` where no call was found.
    fn lines(&self, config: &Config) -> anyhow::Result<Option<Rows>> {
        let stage = if self.form.tsv { "tab" } else { "pipe" };
        let pairs = [
            ("function", Some("transcript_lookup".into())),
            ("stage", Some(stage.into())),
            ("header", self.header.then(|| "YES".into())),
            ("limit", Some(self.limit.to_string())),
            ("call_id", self.key.call.clone()),
            ("uniqueid", self.key.uniqueid.clone()),
            ("lead_id", self.key.lead.clone()),
            ("recording_id", self.key.recording_id.clone()),
            ("phone_number", self.key.phone.clone()),
        ];
        let Rows { text, more } = runtime()?.block_on(self.rows(config, &format!("/vici{}", query(&pairs))))?;
        if text.starts_with("ERROR: transcript_lookup NO CALLS FOUND ") {
            return Ok(None);
        }
        anyhow::ensure!(!text.starts_with("ERROR: "), "{}", text.trim_end());
        Ok(Some(Rows { text, more }))
    }

    /// What the daemon answers. A web page, and the error of a proxy in front of it, is none of its answers.
    async fn rows(&self, config: &Config, path: &str) -> anyhow::Result<Rows> {
        let response = self.daemon.open(config, path).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await?.to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        // Errors of the function are lines of text with any status.
        if !text.starts_with("ERROR: ") {
            anyhow::ensure!(status.is_success(), "/vici: the answer is {status}");
            let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or("nothing");
            anyhow::ensure!(
                kind.starts_with("text/plain"),
                "/vici: the answer is {kind}, not lineside's: is the address right?"
            );
        }
        Ok(Rows { text, more: headers.contains_key("lineside-more") })
    }

    /// The calls as JSON: one by its id, else what was looked up.
    fn calls(&self, config: &Config) -> anyhow::Result<Option<Value>> {
        let path = if let Some(call) = &self.key.call {
            format!("/api/v1/calls/{}", segment(call))
        } else {
            let pairs = [
                ("uniqueid", self.key.uniqueid.clone()),
                ("lead_id", self.key.lead.clone()),
                ("recording_id", self.key.recording_id.clone()),
                ("phone", self.key.phone.clone()),
                ("limit", Some(self.limit.to_string())),
                ("include_segments", Some("true".into())),
            ];
            format!("/api/v1/lookup{}", query(&pairs))
        };
        let answer = runtime()?.block_on(self.daemon.find(config, &path))?;
        Ok(answer.filter(|answer| answer["calls"].as_array().is_none_or(|calls| !calls.is_empty())))
    }
}

pub(super) fn run(arguments: &TranscriptArguments, config: &Config) -> anyhow::Result<ExitCode> {
    let nothing = || {
        eprintln!("lineside: no such call is known");
        Ok(ExitCode::from(NOT_FOUND))
    };
    if arguments.form.pipe || arguments.form.tsv {
        let Some(rows) = arguments.lines(config)? else { return nothing() };
        rows.text.lines().try_for_each(say)?;
        older(rows.more, arguments.limit);
        return Ok(ExitCode::SUCCESS);
    }
    let Some(answer) = arguments.calls(config)? else { return nothing() };
    if arguments.form.json {
        say(&answer.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    match answer["calls"].as_array() {
        None => show(&answer, "transcript_segments")?,
        Some(calls) => calls.iter().try_for_each(|call| show(call, "segments"))?,
    }
    older(answer["more"] == true, arguments.limit);
    Ok(ExitCode::SUCCESS)
}

/// Says that there are calls beyond the limit.
fn older(more: bool, limit: u32) {
    match limit {
        _ if !more => {}
        100.. => eprintln!("lineside: there are older calls too"),
        _ => eprintln!("lineside: there are older calls too; --limit {} shows more", 10 * limit.min(10)),
    }
}

/// A call for people.
fn show(call: &Value, segments: &str) -> anyhow::Result<()> {
    let mut names = vec![seen(call, "call_id").into_owned(), short_time(text(call, "start_time"))];
    let known = ["agent", "campaign", "lead", "phone"].into_iter().filter(|name| call[*name].is_string());
    names.extend(known.map(|name| seen(call, name).into_owned()));
    say(&names.join("  "))?;
    for segment in call[segments].as_array().into_iter().flatten() {
        segment_lines(segment).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}
