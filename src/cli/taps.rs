//! `lineside tap`, `taps`, `untap`: calls that lineside listens to by channels of its own.

use anyhow::Context;
use clap::Args;
use serde_json::{Value, json};

use super::client::{Daemon, segment};
use super::print::{say, shown};
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "Needs [ami]; see docs/dialplan.md. The taps end with the call.")]
pub(super) struct TapArguments {
    /// A channel of Asterisk by name or uniqueid, or a call by its id
    #[arg(value_name = "CHANNEL|UNIQUEID")]
    target: String,
    /// Samples per second: 8000, or 16000 with an Asterisk of October 2025 or later
    #[arg(long, default_value_t = 8000)]
    rate: u32,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
pub(super) struct TapsArguments {
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Args)]
#[command(after_help = "The call goes on; no rule taps it again.")]
pub(super) struct UntapArguments {
    /// A channel of Asterisk by name or uniqueid, or a call by its id
    #[arg(value_name = "CHANNEL|UNIQUEID")]
    target: String,
    /// JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn start(arguments: &TapArguments, config: &Config) -> anyhow::Result<()> {
    let body = json!({"target": arguments.target, "rate": arguments.rate});
    let tap =
        arguments.daemon.tell(config, "/api/v1/taps", &body).with_context(|| shown(&arguments.target).into_owned())?;
    if arguments.json { Ok(say(&tap.to_string())?) } else { one(&tap) }
}

pub(super) fn list(arguments: &TapsArguments, config: &Config) -> anyhow::Result<()> {
    let answer = arguments.daemon.fetch(config, "/api/v1/taps")?;
    if arguments.json {
        return Ok(say(&answer.to_string())?);
    }
    let taps = answer["taps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if taps.is_empty() {
        say("no call is tapped")?;
    }
    taps.iter().try_for_each(one)
}

pub(super) fn end(arguments: &UntapArguments, config: &Config) -> anyhow::Result<()> {
    let path = format!("/api/v1/taps/{}", segment(&arguments.target));
    let tap = arguments.daemon.delete(config, &path).with_context(|| shown(&arguments.target).into_owned())?;
    if arguments.json {
        return Ok(say(&tap.to_string())?);
    }
    Ok(say(&format!("{}: not tapped any more", text(&tap["call_id"])))?)
}

fn one(tap: &Value) -> anyhow::Result<()> {
    let by = tap["rule"].as_str().map_or_else(|| "a person".into(), |rule| format!("the rule {}", shown(rule)));
    say(&format!("{}  {} Hz  since {}  by {by}", text(&tap["call_id"]), tap["rate"], text(&tap["since"])))?;
    for side in tap["sides"].as_array().into_iter().flatten() {
        let problem = side["problem"].as_str().map(|problem| format!(": {}", shown(problem))).unwrap_or_default();
        let (leg, state) = (text(&side["leg"]), text(&side["state"]));
        say(&format!("  {leg:<7} {}  {state}{problem}", text(&side["channel"])))?;
    }
    Ok(())
}

fn text(value: &Value) -> String {
    shown(value.as_str().unwrap_or("?")).to_string()
}
