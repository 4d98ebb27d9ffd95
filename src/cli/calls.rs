//! `lineside calls`, `show`, `search`, `tail`: the daemon's answers on a terminal or for a script.

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::client::{Daemon, query, runtime};
use super::print::{colour, confirmed, lay_out, say, shown, width};
use crate::call::WallTime;
use crate::call::when::WhenError;
use crate::config::Config;

/// Which calls.
#[derive(Args)]
struct Scope {
    /// active, connection_closed, completed or failed
    #[arg(long)]
    state: Option<String>,
    /// Of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Of this campaign
    #[arg(long)]
    campaign: Option<String>,
    /// Begun since: 2h, 3d, 2026-11-21, "2026-11-21 10:30" (local time), 2026-11-21T10:30:00Z or seconds
    #[arg(long, value_parser = when)]
    since: Option<WallTime>,
    /// Begun before, written in the same ways
    #[arg(long, value_parser = when)]
    until: Option<WallTime>,
    /// Mean sentiment at least
    #[arg(long, allow_hyphen_values = true)]
    min_sentiment: Option<f64>,
    /// Mean sentiment at most
    #[arg(long, allow_hyphen_values = true)]
    max_sentiment: Option<f64>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only calls in which an alert was raised
    #[arg(long)]
    alerts: bool,
}

impl Scope {
    /// As the API is asked for it.
    fn query(&self) -> Vec<(&'static str, Option<String>)> {
        vec![
            ("state", self.state.clone()),
            ("agent", self.agent.clone()),
            ("campaign", self.campaign.clone()),
            ("since", self.since.map(WallTime::rfc3339)),
            ("until", self.until.map(WallTime::rfc3339)),
            ("min_sentiment", self.min_sentiment.map(|value| value.to_string())),
            ("max_sentiment", self.max_sentiment.map(|value| value.to_string())),
            ("tag", self.tag.clone()),
            ("has_alerts", self.alerts.then(|| "true".into())),
        ]
    }
}

/// A time, where no zone is named that of whoever types it: the daemon's may be another.
pub(super) fn when(text: &str) -> Result<WallTime, WhenError> {
    WallTime::read(text, crate::capture::wall_clock(), &jiff::tz::TimeZone::system())
}

#[derive(Args)]
#[command(
    after_help = "Newest first; or do something with some of them. --tsv prints the columns call_id, start_time, status, agent, campaign, seconds, segments, \
sentiment and ! where an alert was raised; new columns come at the end. Exit code 0, also when no call fits; 1 when the daemon could not be asked or \
refused, 2 when the command line is wrong."
)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct CallsArguments {
    #[command(subcommand)]
    action: Option<CallsAction>,
    #[command(flatten)]
    scope: Scope,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Only the call ids and figures, tab separated, no header
    #[arg(long, conflicts_with = "json")]
    tsv: bool,
    /// The API's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Subcommand)]
enum CallsAction {
    /// Put a tag on calls, or take it off
    Tag {
        /// The tag
        tag: String,
        /// Call ids
        #[arg(required = true)]
        calls: Vec<String>,
        /// Take it off
        #[arg(long)]
        remove: bool,
        #[command(flatten)]
        daemon: Daemon,
    },
    /// Transcribe finished calls again, with the present model; their old text stays until then
    Reprocess(SomeCalls),
    /// Erase calls: sound, text, alerts, events. What is on hold stays
    Delete(DeletedCalls),
}

#[derive(Args)]
struct DeletedCalls {
    #[command(flatten)]
    some: SomeCalls,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

#[derive(Args)]
struct SomeCalls {
    /// Call ids
    #[arg(required = true)]
    calls: Vec<String>,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
pub(super) struct ShowArguments {
    /// Call id, uniqueid or UUID
    call: String,
    /// The API's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
#[command(after_help = r#"Every word must be said; "words in quotes" in a row; beginnings with *."#)]
pub(super) struct SearchArguments {
    /// What to search for
    #[arg(required = true)]
    words: Vec<String>,
    #[command(flatten)]
    scope: Scope,
    /// agent, caller or mixed
    #[arg(long)]
    leg: Option<String>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// The API's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
#[command(after_help = "Ends with Ctrl-C.")]
pub(super) struct TailArguments {
    /// Only this call
    #[arg(long)]
    call: Option<String>,
    /// From after this event on, 0 for all that are kept [default: from now on]
    #[arg(long, value_name = "EVENT")]
    after: Option<i64>,
    /// JSON lines
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

/// The same for people: nothing in it steers their terminal.
pub(super) fn seen<'a>(value: &'a Value, key: &str) -> Cow<'a, str> {
    shown(text(value, key))
}

pub(super) fn number(value: &Value) -> String {
    value.as_f64().map_or_else(String::new, |number| format!("{number:+.2}"))
}

/// A line in the colour of its sentiment, on a terminal.
pub(super) fn coloured(line: &str, label: &str) -> String {
    match (colour(), label) {
        (true, "negative") => format!("\x1b[31m{line}\x1b[0m"),
        (true, "positive") => format!("\x1b[32m{line}\x1b[0m"),
        _ => line.into(),
    }
}

/// Has something done with calls; not all of it done is a failure.
fn act(action: &CallsAction, config: &Config) -> anyhow::Result<ExitCode> {
    let (daemon, body) = match action {
        CallsAction::Tag { tag, calls, remove, daemon } => {
            let action = if *remove { "untag" } else { "tag" };
            (daemon, json!({"action": action, "call_ids": calls, "tags": [tag]}))
        }
        CallsAction::Reprocess(some) => (&some.daemon, json!({"action": "reprocess", "call_ids": some.calls})),
        CallsAction::Delete(DeletedCalls { some, .. }) => {
            (&some.daemon, json!({"action": "delete", "call_ids": some.calls}))
        }
    };
    if let CallsAction::Delete(some) = action {
        let question = match &*some.some.calls {
            [call] => format!("Erase the call {} with its sound, text and alerts?", shown(call)),
            calls => format!("Erase {} calls with their sound, text and alerts?", calls.len()),
        };
        if !confirmed(some.yes, &question)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    let answer = daemon.tell(config, "/calls/bulk", &body)?;
    let done = match action {
        CallsAction::Tag { remove: false, .. } => "tagged",
        CallsAction::Tag { remove: true, .. } => "tag taken off",
        CallsAction::Reprocess(_) => "will be transcribed again",
        CallsAction::Delete(_) => "deleted",
    };
    for call in answer["done"].as_array().into_iter().flatten() {
        say(&format!("{}: {done}", shown(call.as_str().unwrap_or_default())))?;
    }
    let mut code = ExitCode::SUCCESS;
    for failed in answer["failed"].as_array().into_iter().flatten() {
        say(&format!("{}: {}", seen(failed, "call_id"), seen(failed, "detail")))?;
        code = ExitCode::FAILURE;
    }
    Ok(code)
}

pub(super) fn list(arguments: &CallsArguments, config: &Config) -> anyhow::Result<ExitCode> {
    if let Some(action) = &arguments.action {
        return act(action, config);
    }
    let mut pairs = arguments.scope.query();
    pairs.push(("limit", Some(arguments.limit.to_string())));
    let query = query(&pairs);
    let answer = arguments.daemon.fetch(config, &format!("/api/v1/calls{query}"))?;
    if arguments.json {
        say(&answer.to_string())?;
        return Ok(ExitCode::SUCCESS);
    }
    let calls = answer["calls"].as_array().cloned().unwrap_or_default();
    let row = |call: &Value| {
        [
            text(call, "call_id").to_string(),
            text(call, "start_time").to_string(),
            text(call, "status").to_string(),
            text(call, "agent").to_string(),
            text(call, "campaign").to_string(),
            format!("{:.0}", call["total_audio_duration"].as_f64().unwrap_or(0.0)),
            call["segment_count"].to_string(),
            number(&call["sentiment"]),
            if call["has_alerts"] == true { "!".into() } else { String::new() },
        ]
        .map(|cell| shown(&cell).into_owned())
    };
    if arguments.tsv {
        for call in &calls {
            say(&row(call).join("\t"))?;
        }
        return Ok(ExitCode::SUCCESS);
    }
    let rows: Vec<Vec<String>> = calls.iter().map(|call| row(call).to_vec()).collect();
    let header = ["CALL", "BEGAN", "STATE", "AGENT", "CAMPAIGN", "SECONDS", "SEGMENTS", "SENTIMENT", ""];
    for line in lay_out(&header, &rows, width()).iter().flatten() {
        say(line)?;
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn show(arguments: &ShowArguments, config: &Config) -> anyhow::Result<()> {
    let call = arguments.daemon.fetch(config, &format!("/api/v1/calls/{}", arguments.call))?;
    if arguments.json {
        say(&call.to_string())?;
        return Ok(());
    }
    say(&format!("{}  {}  {}", seen(&call, "call_id"), seen(&call, "start_time"), seen(&call, "status")))?;
    for key in ["uniqueid", "uuid", "agent", "campaign", "lead", "phone", "end_reason"] {
        if call[key].is_string() {
            say(&format!("{key}: {}", seen(&call, key)))?;
        }
    }
    say(&format!(
        "{:.1} s, {} segments, sentiment {}",
        call["total_audio_duration"].as_f64().unwrap_or(0.0),
        call["segment_count"],
        number(&call["sentiment"])
    ))?;
    let sources: &[serde_json::Value] = call["sources"].as_array().map_or(&[], Vec::as_slice);
    for source in sources.iter().filter(|_| sources.len() > 1) {
        let heard = if source["heard"] == true { "heard" } else { "known" };
        say(&format!(
            "source: leg {} {} {}, {heard}: {}",
            source["leg_id"],
            seen(source, "source"),
            seen(source, "leg"),
            text(source, "why")
        ))?;
    }
    for pair in call["doubled"].as_array().into_iter().flatten() {
        say(&format!("doubled: {}", text(pair, "detail")))?;
    }
    for found in call["review"]["findings"].as_array().into_iter().flatten() {
        say(&format!("disposition: {}", finding(found)))?;
    }
    for segment in call["transcript_segments"].as_array().into_iter().flatten() {
        let score = &segment["sentiment"]["compound"];
        let line = format!(
            "{:8.2}  {:<8}{}  {}",
            segment["start_time"].as_f64().unwrap_or(0.0),
            seen(segment, "leg"),
            number(score),
            seen(segment, "text")
        );
        say(&coloured(&line, text(&segment["sentiment"], "label")))?;
    }
    Ok(())
}

/// A disposition that does not go with what was said, with the line that shows it.
pub(super) fn finding(found: &Value) -> String {
    let quote = &found["quote"];
    format!(
        "{}  {}  {} ({}): {:.1} {}: {}",
        seen(found, "start_time"),
        seen(found, "call_id"),
        seen(found, "name"),
        seen(found, "disposition"),
        quote["start_time"].as_f64().unwrap_or(0.0),
        seen(quote, "speaker"),
        seen(quote, "text"),
    )
}

pub(super) fn search(arguments: &SearchArguments, config: &Config) -> anyhow::Result<()> {
    let words: Vec<String> = arguments
        .words
        .iter()
        .map(|word| if word.contains(' ') && !word.contains('"') { format!("\"{word}\"") } else { word.clone() })
        .collect();
    let mut pairs = arguments.scope.query();
    pairs.extend([
        ("q", Some(words.join(" "))),
        ("leg", arguments.leg.clone()),
        ("limit", Some(arguments.limit.to_string())),
    ]);
    let query = query(&pairs);
    let answer = arguments.daemon.fetch(config, &format!("/api/v1/search{query}"))?;
    if arguments.json {
        say(&answer.to_string())?;
        return Ok(());
    }
    let mark = |snippet: &str| {
        if colour() {
            snippet.replace("<b>", "\x1b[1m").replace("</b>", "\x1b[0m")
        } else {
            snippet.replace("<b>", "").replace("</b>", "")
        }
    };
    for hit in answer["hits"].as_array().into_iter().flatten() {
        let segment = &hit["segment"];
        say(&format!(
            "{}  {:8.2}  {:<8}{}",
            seen(hit, "call_id"),
            segment["start_time"].as_f64().unwrap_or(0.0),
            seen(segment, "leg"),
            mark(&seen(hit, "snippet"))
        ))?;
    }
    Ok(())
}

pub(super) fn tail(arguments: &TailArguments, config: &Config) -> anyhow::Result<()> {
    let query =
        query(&[("call_id", arguments.call.clone()), ("last_event_id", arguments.after.map(|id| id.to_string()))]);
    runtime()?.block_on(async {
        let response = arguments.daemon.open(config, &format!("/api/v1/events{query}")).await?;
        anyhow::ensure!(response.status().is_success(), "the feed answers {}", response.status());
        let mut body = response.into_body();
        let mut pending = Vec::new();
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("the feed broke off")?.into_data() else { continue };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = pending.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                for data in event.lines().filter_map(|line| line.strip_prefix("data: ")) {
                    if arguments.json {
                        say(data)?;
                    } else if let Ok(message) = serde_json::from_str::<Value>(data)
                        && text(&message, "type") != "partial"
                    {
                        // What is still being said comes again as a line when it is over.
                        say(&line(&message))?;
                    }
                }
            }
        }
        Ok(())
    })
}

/// A message of the feed for people.
fn line(message: &Value) -> String {
    let call = seen(message, "call_id");
    match text(message, "type") {
        "sentiment" => {
            let words: Vec<&str> = ["keywords_detected", "profanity_detected"]
                .iter()
                .flat_map(|key| message[*key].as_array().into_iter().flatten())
                .filter_map(Value::as_str)
                .collect();
            let alert = if words.is_empty() { String::new() } else { format!("   [{}]", shown(&words.join(", "))) };
            let score = number(&message["sentiment_score"]);
            let said = format!(
                "{call}  {:7.2}  {:<8}{score}  {}{alert}",
                message["start_time"].as_f64().unwrap_or(0.0),
                seen(message, "leg"),
                seen(message, "text")
            );
            coloured(&said, text(message, "sentiment_label"))
        }
        "call_end" => format!(
            "{call}  ended: {:.1} s, {} segments, sentiment {}",
            message["duration"].as_f64().unwrap_or(0.0),
            message["segments"],
            number(&message["sentiment"])
        ),
        "alert" => format!("{call}  alert, {}: {}", seen(message, "level"), seen(message, "message")),
        "governor" => format!("governor: step {}, {}", message["step"], seen(message, "says")),
        other => format!("{call}  {}", shown(other)),
    }
}
