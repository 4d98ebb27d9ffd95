//! `lineside agent`: what the calls of agents came to, or of one, day by day.

use clap::Args;
use serde_json::Value;

use super::calls::scope::ListForm;
use super::calls::words::{finding, number, seen, text, why_empty};
use super::client::{Daemon, query, segment};
use super::listing::{Listing, hanging};
use super::print::{nothing, say, shown};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "With an agent: a row for each day and one for all of them, then the best and the worst call and the dispositions that do not go \
with what was said. Without one: a row for each agent. --tsv prints the rows alone: name (a date, total, or the agent), calls, mean length, talk, \
wrap, dead, unspoken, dead air (seconds), sentiment, score, alerts, findings; what is not known is empty, and new columns come at the end."
)]
pub(super) struct AgentArguments {
    /// The agent's user or extension
    agent: Option<String>,
    /// Days up to now
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u32).range(1..=92))]
    days: u32,
    /// Calls of this campaign only
    #[arg(long)]
    campaign: Option<String>,
    #[command(flatten)]
    form: ListForm,
    #[command(flatten)]
    daemon: Daemon,
}

const HEADER: [&str; 12] =
    ["", "CALLS", "LENGTH", "TALK", "WRAP", "DEAD", "UNSPOKEN", "DEAD AIR", "SENTIMENT", "SCORE", "ALERTS", "FINDINGS"];

/// A row of sums. Seconds and points are whole.
fn row(name: &str, sums: &Value) -> Vec<String> {
    let whole = |key: &str| sums[key].as_f64().map_or_else(String::new, |value| format!("{value:.0}"));
    let mut cells = vec![shown(name).into_owned()];
    cells.extend(["total_calls", "avg_duration", "talk_seconds", "wrap_seconds", "dead_seconds"].map(whole));
    cells.extend(["unspoken_talk_seconds", "dead_air_seconds"].map(whole));
    cells.push(number(&sums["avg_sentiment"]));
    cells.extend(["score", "total_alerts", "total_findings"].map(whole));
    cells
}

pub(super) fn run(arguments: &AgentArguments, config: &Config) -> anyhow::Result<()> {
    let AgentArguments { agent, days, campaign, .. } = arguments;
    let path = if let Some(agent) = agent {
        let asked = query(&[("days", Some(days.to_string())), ("campaign", campaign.clone())]);
        format!("/api/v1/agents/{}/stats{asked}", segment(agent))
    } else {
        let asked = query(&[("since", Some(format!("{days}d"))), ("campaign", campaign.clone())]);
        format!("/api/v1/agents{asked}")
    };
    let answer = arguments.daemon.fetch(config, &path)?;
    if arguments.form.json {
        say(&answer.to_string())?;
        return Ok(());
    }
    let what = format!("no agent had a call in these {days} days");
    if answer["similar_agents"].as_array().is_some_and(|near| !near.is_empty()) {
        nothing(&why_empty(&what, &answer, agent.as_deref()));
        return Ok(());
    }
    let list = |key: &str| answer[key].as_array().cloned().unwrap_or_default();
    let mut rows: Vec<Vec<String>> = list("agents").iter().map(|one| row(text(one, "agent"), one)).collect();
    if agent.is_some() {
        rows.extend(list("days").iter().map(|day| row(text(day, "date"), day)));
        rows.push(row("total", &answer));
    }
    if arguments.form.tsv {
        for row in &rows {
            say(&row.join("\t"))?;
        }
        return Ok(());
    }
    if answer["agent_name"].is_string() {
        say(&format!("{}  {}", seen(&answer, "agent"), seen(&answer, "agent_name")))?;
    }
    let mut listing = Listing::new(&HEADER);
    for row in rows {
        listing.add(row);
    }
    listing.print(&what)?;
    if agent.is_some() { notable(&answer) } else { Ok(()) }
}

/// The calls that stand out, and the findings with their lines.
fn notable(answer: &Value) -> anyhow::Result<()> {
    if let Some(trend) = answer["sentiment_trend"].as_f64() {
        say(&format!("sentiment: {trend:+.3} a day"))?;
    }
    for (name, key) in [("best call", "best_call"), ("worst call", "worst_call")] {
        let call = &answer[key];
        if call.is_object() {
            let score = call["score"].as_f64().map_or_else(String::new, |score| format!(", score {score:.0}"));
            say(&format!("{name}: {}, sentiment {}{score}", seen(call, "call_id"), number(&call["sentiment"])))?;
        }
    }
    for found in answer["findings"].as_array().into_iter().flatten() {
        hanging("", &finding(found)).iter().try_for_each(|line| say(line))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_heading_and_leaves_what_is_not_known_empty() {
        let sums = json!({"total_calls": 3, "avg_duration": 61.5, "talk_seconds": 170, "avg_sentiment": -0.25, "total_alerts": 0});
        let row = row("2026-11-24", &sums);
        assert_eq!(row.len(), HEADER.len());
        assert_eq!(row, ["2026-11-24", "3", "62", "170", "", "", "", "", "-0.25", "", "0", ""]);
    }
}
