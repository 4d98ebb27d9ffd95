//! `lineside tail`: the live feed, a line for each message.

use anyhow::Context;
use clap::Args;
use http_body_util::BodyExt;
use serde_json::Value;

use super::super::client::{Daemon, query, runtime};
use super::super::print::{coloured, say, shown};
use super::words::{number, seen, text};
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "Ends with Ctrl-C.")]
pub(in crate::cli) struct TailArguments {
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

pub(in crate::cli) fn tail(arguments: &TailArguments, config: &Config) -> anyhow::Result<()> {
    let query =
        query(&[("call_id", arguments.call.clone()), ("last_event_id", arguments.after.map(|id| id.to_string()))]);
    runtime()?.block_on(async {
        let response = arguments.daemon.open(config, &format!("/api/v1/events{query}")).await?;
        anyhow::ensure!(response.status().is_success(), "the feed answers {}", response.status());
        let mut body = response.into_body();
        let (mut pending, mut last) = (Vec::new(), None);
        while let Some(frame) = body.frame().await {
            let Ok(data) = frame.context("the feed broke off")?.into_data() else { continue };
            pending.extend_from_slice(&data);
            while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
                let event: Vec<u8> = pending.drain(..end + 2).collect();
                let event = String::from_utf8_lossy(&event);
                if let Some(id) = event.lines().find_map(|line| line.strip_prefix("id: ")) {
                    last = Some(shown(id).into_owned());
                }
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
        match last {
            Some(last) => anyhow::bail!("the feed has ended; --after {last} goes on after what was printed last"),
            None => anyhow::bail!("the feed has ended"),
        }
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
        "reset" => format!(
            "the event after which the feed was to go on is of another database: it goes on from event {}, and what was missed is not known",
            message["last"]
        ),
        "governor" => format!("governor: step {}, {}", message["step"], seen(message, "says")),
        other => format!("{call}  {}", shown(other)),
    }
}
