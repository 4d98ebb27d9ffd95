//! `lineside alerts`, `lineside alerts ack`: what the rules found, and who took it.

use anyhow::Context;
use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::calls::scope::{HowMany, ListForm, when, when_last};
use super::calls::words::{more, seen, text, tsv, why_empty};
use super::client::Daemon;
use super::listing::Listing;
use super::print::{say, short_time, shown};
use crate::call::WallTime;
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "Newest first. --tsv prints the columns id, timestamp, level, call_id, agent, offset (seconds of the call), rules, words, acknowledged_by; new \
columns come at the end."
)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct AlertsArguments {
    #[command(subcommand)]
    command: Option<AlertsCommand>,
    /// Of this call
    #[arg(long)]
    call: Option<String>,
    /// Of this level
    #[arg(long, value_parser = PossibleValuesParser::new(["warning", "urgent", "critical"]))]
    level: Option<String>,
    /// Only those that nobody has taken
    #[arg(long)]
    open: bool,
    /// Of calls of this agent, in capitals or not
    #[arg(long)]
    agent: Option<String>,
    /// Of calls of this campaign, in-group or queue, in capitals or not
    #[arg(long)]
    campaign: Option<String>,
    /// Of calls of this lead
    #[arg(long, value_name = "ID")]
    lead: Option<String>,
    /// Of calls with this telephone number, however it is written, or its last 6 digits and more
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Of calls whose id or uniqueid is this, or has it in it: 6 characters at least
    #[arg(long, value_name = "PART")]
    uniqueid: Option<String>,
    /// Raised since: today, yesterday, 7d, 2h, 2026-11-21, "2026-11-21 10:30" (local time), 2026-11-21T10:30:00Z or seconds
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<WallTime>,
    /// Raised until, written in the same ways: a day, a minute or a second counts to its end
    #[arg(long, value_name = "TIME", value_parser = when_last)]
    until: Option<WallTime>,
    #[command(flatten)]
    how_many: HowMany,
    #[command(flatten)]
    form: ListForm,
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
            let alert = daemon.tell(config, &format!("/api/v1/alerts/{id}/ack"), &json!({"by": by}));
            let alert = alert.with_context(|| format!("alert {id}"))?;
            say(&format!("alert {id}: taken by {}", seen(&alert, "acknowledged_by")))?;
        }
        return Ok(());
    }
    let pairs = [
        ("call_id", arguments.call.clone()),
        ("level", arguments.level.clone()),
        ("acknowledged", arguments.open.then(|| "false".into())),
        ("agent", arguments.agent.clone()),
        ("campaign", arguments.campaign.clone()),
        ("lead", arguments.lead.clone()),
        ("phone", arguments.phone.clone()),
        ("uniqueid", arguments.uniqueid.clone()),
        ("since", arguments.since.map(WallTime::rfc3339)),
        ("until", arguments.until.map(WallTime::rfc3339)),
    ];
    let pages = ("alerts", "next_cursor", "cursor");
    let answer = arguments.how_many.collect(&arguments.daemon, config, "/api/v1/alerts", &pairs, pages)?;
    if arguments.form.json {
        return Ok(say(&answer.to_string())?);
    }
    let alerts = answer["alerts"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut listing = Listing::new(&["ID", "RAISED", "LEVEL", "CALL", "AGENT", "AT", "TAKEN BY", "RULES AND WORDS"]);
    for alert in alerts {
        let fields = fields(alert);
        if arguments.form.tsv {
            say(&tsv(&fields))?;
            continue;
        }
        let [id, raised, level, call, agent, at, rules, words, by] = fields.map(|cell| shown(&cell).into_owned());
        let why = if words.is_empty() { rules } else { format!("{rules}: {words}") };
        let label = if level == "critical" { "critical" } else { "" };
        listing.add_coloured(vec![id, short_time(&raised), level, call, agent, at, by, why], label);
    }
    if !arguments.form.tsv {
        listing.print(&why_empty("no alert fits", &answer, arguments.agent.as_deref()))?;
    }
    more(&answer["next_cursor"], alerts.len());
    Ok(())
}

/// An alert as `--tsv` writes it.
fn fields(alert: &Value) -> [String; 9] {
    [
        alert["id"].to_string(),
        text(alert, "timestamp").into(),
        text(alert, "level").into(),
        text(alert, "call_id").into(),
        text(alert, "agent").into(),
        alert["start_time"].as_f64().map_or_else(String::new, |at| format!("{at:.1}")),
        list(&alert["rules_triggered"]),
        list(&alert["words"]),
        text(alert, "acknowledged_by").into(),
    ]
}

fn list(value: &Value) -> String {
    value.as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join(", ")
}
