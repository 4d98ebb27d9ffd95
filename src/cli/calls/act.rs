//! `lineside calls tag`, `reprocess`, `delete`: something is done with calls, a thousand in a request; not all of it done is a failure.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::super::client::{Daemon, segment};
use super::super::print::{bar, confirmed, length, say, short_time, shown};
use super::scope::PAGE;
use super::words::{seen, text};
use crate::config::Config;

#[derive(Subcommand)]
pub(super) enum CallsAction {
    /// Put a tag on calls, or take it off
    Tag(TaggedCalls),
    /// Transcribe finished calls again, with the present model; their old text stays until then
    Reprocess(ReprocessedCalls),
    /// Erase calls: sound, text, alerts, events. What is on hold stays
    Delete(DeletedCalls),
}

#[derive(Args)]
pub(super) struct TaggedCalls {
    /// The tag
    tag: String,
    /// Take it off
    #[arg(long)]
    remove: bool,
    #[command(flatten)]
    some: SomeCalls,
}

#[derive(Args)]
pub(super) struct ReprocessedCalls {
    #[command(flatten)]
    some: SomeCalls,
    /// Run the voice activity detector again before transcription
    #[arg(long)]
    vad: bool,
}

#[derive(Args)]
pub(super) struct DeletedCalls {
    #[command(flatten)]
    some: SomeCalls,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
    /// Say what would be erased, and erase nothing
    #[arg(long, short = 'n', conflicts_with = "yes")]
    dry_run: bool,
}

#[derive(Args)]
pub(super) struct SomeCalls {
    /// Call ids
    #[arg(required = true)]
    calls: Vec<String>,
    #[command(flatten)]
    daemon: Daemon,
}

/// Does it.
pub(super) fn act(action: &CallsAction, config: &Config) -> anyhow::Result<ExitCode> {
    let (some, done, mut body) = match action {
        CallsAction::Tag(TaggedCalls { tag, some, remove: false }) => {
            (some, "tagged", json!({"action": "tag", "tags": [tag]}))
        }
        CallsAction::Tag(TaggedCalls { tag, some, remove: true }) => {
            (some, "tag taken off", json!({"action": "untag", "tags": [tag]}))
        }
        CallsAction::Reprocess(ReprocessedCalls { some, vad }) => {
            let body = if *vad { json!({"action": "reprocess", "vad": true}) } else { json!({"action": "reprocess"}) };
            (some, "will be transcribed again", body)
        }
        CallsAction::Delete(DeletedCalls { some, .. }) => (some, "deleted", json!({"action": "delete"})),
    };
    if let CallsAction::Delete(DeletedCalls { some, yes, dry_run }) = action {
        if *dry_run {
            return would_delete(some, config);
        }
        let question = match &*some.calls {
            [call] => format!("Erase the call {} with its sound, text and alerts?", shown(call)),
            calls => format!("Erase {} calls with their sound, text and alerts?", calls.len()),
        };
        if !confirmed(*yes, &question)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    let mut code = ExitCode::SUCCESS;
    let bar = bar("calls", "calls")?;
    bar.set_length(some.calls.len() as u64);
    for calls in some.calls.chunks(PAGE) {
        body["call_ids"] = json!(calls);
        let answer = some.daemon.tell(config, "/calls/bulk", &body)?;
        bar.inc(calls.len() as u64);
        for call in answer["done"].as_array().into_iter().flatten() {
            bar.suspend(|| say(&format!("{}: {done}", shown(call.as_str().unwrap_or_default()))))?;
        }
        for failed in answer["failed"].as_array().into_iter().flatten() {
            bar.suspend(|| say(&format!("{}: {}", seen(failed, "call_id"), seen(failed, "detail"))))?;
            code = ExitCode::FAILURE;
        }
    }
    bar.finish_and_clear();
    Ok(code)
}

/// What a deletion would take, call by call.
fn would_delete(some: &SomeCalls, config: &Config) -> anyhow::Result<ExitCode> {
    let mut code = ExitCode::SUCCESS;
    for id in &some.calls {
        let path = format!("/api/v1/calls/{}", segment(id));
        let runtime = super::super::client::runtime()?;
        let Some(call) = runtime.block_on(some.daemon.find(config, &path))? else {
            say(&format!("{}: there is no such call", shown(id)))?;
            code = ExitCode::FAILURE;
            continue;
        };
        let privacy = some.daemon.fetch(config, &format!("{path}/privacy"))?;
        say(&format!("{}: {}", seen(&call, "call_id"), fate(&call, &privacy)))?;
    }
    Ok(code)
}

fn fate(call: &Value, privacy: &Value) -> String {
    if privacy["hold"].is_object() {
        return format!("would stay: on hold, {}", seen(&privacy["hold"], "reason"));
    }
    if text(call, "status") == "active" {
        return "would stay: it is still running".into();
    }
    let began = short_time(text(call, "start_time"));
    let seconds = length(call["total_audio_duration"].as_f64().unwrap_or(0.0));
    format!("would be erased: begun {began}, length {seconds}, {} segments", call["segment_count"])
}
