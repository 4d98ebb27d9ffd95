//! `lineside process`: calls that are over go through their stages again.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::client::{Daemon, segment};
use super::listing::Listing;
use super::print::{say, short_time, shown};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "Stages: transcription, translation, entities, classification, summary, qa, insights. Without --stage and --from all of them; \
transcription is done again from the sound, where it is still there: of the same utterances or, with --vad, of those that are found anew. The old \
results stay until the new are there. Exit code 1 when a call could not be queued."
)]
pub(super) struct ProcessArguments {
    /// Call ids
    #[arg(required = true)]
    calls: Vec<String>,
    /// This stage alone
    #[arg(long, conflicts_with = "from")]
    stage: Option<String>,
    /// This stage and all after it
    #[arg(long)]
    from: Option<String>,
    /// Run the voice activity detector again before transcription
    #[arg(long)]
    vad: bool,
    /// Start nothing: show how far the stages are
    #[arg(long, conflicts_with_all = ["stage", "from", "vad"])]
    status: bool,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &ProcessArguments, config: &Config) -> anyhow::Result<ExitCode> {
    if arguments.status {
        for call in &arguments.calls {
            let path = format!("/api/v1/calls/{}/processing", segment(call));
            let status = arguments.daemon.fetch(config, &path)?;
            if arguments.json { say(&status.to_string())? } else { print(&status)? }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (stage, from) = (&arguments.stage, &arguments.from);
    let mut body = json!({"action": "process", "call_ids": arguments.calls, "stage": stage, "from": from});
    if arguments.vad {
        body["vad"] = true.into();
    }
    let answer = arguments.daemon.tell(config, "/calls/bulk", &body)?;
    let failed = answer["failed"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.json {
        say(&answer.to_string())?;
    } else {
        for call in answer["done"].as_array().into_iter().flatten() {
            say(&format!("{}: waits for its turn", text(call)))?;
        }
        for one in failed {
            say(&format!("{}: {}", text(&one["call_id"]), text(&one["detail"])))?;
        }
    }
    Ok(if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn print(status: &Value) -> anyhow::Result<()> {
    let percent = status["progress_percentage"].as_f64().unwrap_or(0.0);
    say(&format!("{}: {}, {percent:.0} %", text(&status["call_id"]), text(&status["processing_status"])))?;
    let mut rows = Listing::new(&["STAGE", "STATE", "TRIES", "ENGINE", "COMPLETED", "REASON"]);
    for stage in status["stages"].as_array().into_iter().flatten() {
        let field = |name: &str| stage[name].as_str().map(|text| shown(text).to_string()).unwrap_or_default();
        rows.add(vec![
            field("stage"),
            field("state"),
            stage["tries"].to_string(),
            field("engine"),
            short_time(&field("completed_at")),
            field("reason"),
        ]);
    }
    Ok(rows.print("the call has no stages")?)
}

fn text(value: &Value) -> String {
    shown(value.as_str().unwrap_or("?")).to_string()
}
