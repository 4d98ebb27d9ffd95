//! `lineside alerts`, `lineside alerts ack`: what the rules found, and who took it.

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::calls::when;
use super::client::{Daemon, query};
use super::print::{colour, lay_out, say, shown, width};
use crate::call::WallTime;
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "Newest first.")]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AlertsArguments {
    #[command(subcommand)]
    command: Option<AlertsCommand>,
    /// Of this call
    #[arg(long)]
    call: Option<String>,
    /// warning, urgent or critical
    #[arg(long)]
    level: Option<String>,
    /// Only those that nobody has taken
    #[arg(long)]
    open: bool,
    /// Of calls of this agent
    #[arg(long)]
    agent: Option<String>,
    /// Of calls of this campaign
    #[arg(long)]
    campaign: Option<String>,
    /// Raised since: 2h, 3d, 2026-11-21, "2026-11-21 10:30" (local time), 2026-11-21T10:30:00Z or seconds
    #[arg(long, value_parser = when)]
    since: Option<WallTime>,
    /// How many
    #[arg(long, default_value_t = 20)]
    limit: u32,
    /// Tab separated, no header
    #[arg(long, conflicts_with = "json")]
    tsv: bool,
    /// The API's JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Subcommand)]
enum AlertsCommand {
    /// Take alerts
    Ack {
        /// Their numbers
        #[arg(required = true)]
        ids: Vec<i64>,
        /// Who takes them [default: the user's name]
        #[arg(long)]
        by: Option<String>,
        #[command(flatten)]
        daemon: Daemon,
    },
}

pub(super) fn run(arguments: &AlertsArguments, config: &Config) -> anyhow::Result<()> {
    if let Some(AlertsCommand::Ack { ids, by, daemon }) = &arguments.command {
        let user = || std::env::var("USER").ok().filter(|user| !user.is_empty());
        let by = by.clone().or_else(user).unwrap_or_else(|| "unknown".into());
        for id in ids {
            let alert = daemon.tell(config, &format!("/api/v1/alerts/{id}/ack"), &json!({"by": by}))?;
            say(&format!("alert {id}: taken by {}", text(&alert, "acknowledged_by")))?;
        }
        return Ok(());
    }
    let query = query(&[
        ("call_id", arguments.call.clone()),
        ("level", arguments.level.clone()),
        ("acknowledged", arguments.open.then(|| "false".into())),
        ("agent", arguments.agent.clone()),
        ("campaign", arguments.campaign.clone()),
        ("since", arguments.since.map(WallTime::rfc3339)),
        ("limit", Some(arguments.limit.to_string())),
    ]);
    let answer = arguments.daemon.fetch(config, &format!("/api/v1/alerts{query}"))?;
    if arguments.json {
        say(&answer.to_string())?;
        return Ok(());
    }
    let (mut rows, mut levels) = (Vec::new(), Vec::new());
    for alert in answer["alerts"].as_array().into_iter().flatten() {
        let cells = [
            alert["id"].to_string(),
            text(alert, "timestamp").into(),
            text(alert, "level").into(),
            text(alert, "call_id").into(),
            text(alert, "agent").into(),
            alert["start_time"].as_f64().map_or_else(String::new, |at| format!("{at:.1}")),
            list(&alert["rules_triggered"]),
            list(&alert["words"]),
            text(alert, "acknowledged_by").into(),
        ];
        let cells = cells.map(|cell| shown(&cell).into_owned());
        if arguments.tsv {
            say(&cells.join("\t"))?;
        } else {
            levels.push(text(alert, "level").to_string());
            rows.push(cells.to_vec());
        }
    }
    if arguments.tsv {
        return Ok(());
    }
    let header = ["id", "time", "level", "call", "agent", "at", "rules", "words", "taken by"];
    let laid = lay_out(&header, &rows, width());
    let above = laid.len() - rows.len(); // the header, where there are columns
    for (number, lines) in laid.iter().enumerate() {
        let level = number.checked_sub(above).map(|number| levels[number].as_str());
        for line in lines {
            say(&if level == Some("critical") { red(line) } else { line.clone() })?;
        }
    }
    Ok(())
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or("")
}

fn list(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}

fn red(cell: &str) -> String {
    if colour() { format!("\x1b[31m{cell}\x1b[0m") } else { cell.into() }
}
