//! `lineside reviews`: how far reviewers agree with each other and the machine with them, and the disputes that wait for an answer.

use clap::Args;
use serde_json::{Value, json};

use super::calls::scope::{when, when_last};
use super::client::{Daemon, query};
use super::listing::Listing;
use super::print::{nothing, say, short_time, shown};
use crate::call::WallTime;
use crate::config::Config;

#[derive(Args)]
#[command(after_help = "KAPPA is Cohen's: 1 is full agreement, 0 what chance would give, - where it is not defined.")]
pub(super) struct ReviewsArguments {
    /// Calls from then on: today, yesterday, 7d, 2h, 2026-11-21, "2026-11-21 10:30" (local time), 2026-11-21T10:30:00Z or seconds [default: 30d]
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<WallTime>,
    /// Calls until then, written in the same ways: a day, a minute or a second counts to its end
    #[arg(long, value_name = "TIME", value_parser = when_last)]
    until: Option<WallTime>,
    /// Of this campaign, in-group or queue, in capitals or not
    #[arg(long)]
    campaign: Option<String>,
    /// The API's JSON: `agreement`, `disputes`, and in `more_disputes` whether there are older ones
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &ReviewsArguments, config: &Config) -> anyhow::Result<()> {
    let ReviewsArguments { since, until, campaign, json, daemon } = arguments;
    let over = query(&[
        ("since", since.map(WallTime::rfc3339)),
        ("until", until.map(WallTime::rfc3339)),
        ("campaign", campaign.clone()),
    ]);
    let open = query(&[("state", Some("open".into())), ("campaign", campaign.clone()), ("limit", Some("1000".into()))]);
    let agreement = daemon.fetch(config, &format!("/api/v1/reviews/agreement{over}"))?;
    let disputes = daemon.fetch(config, &format!("/api/v1/disputes{open}"))?;
    if *json {
        let both = json!({"agreement": agreement, "disputes": disputes["disputes"], "more_disputes": disputes["more"]});
        return Ok(say(&both.to_string())?);
    }
    let mut listing = Listing::new(&["WHO", "PAIRS", "AGREE", "KAPPA", "RULE"]);
    for (key, who) in [("people", "reviewers"), ("machine", "machine")] {
        let judges = &agreement[key];
        listing.add(row(who, "all", &judges["overall"]));
        for rule in judges["rules"].as_array().into_iter().flatten() {
            listing.add(row(who, rule["rule"].as_str().unwrap_or_default(), rule));
        }
    }
    listing.print("")?;
    say("")?;
    let mut listing = Listing::new(&["DISPUTE", "RAISED", "BY", "CALL", "RULE", "TEXT"]);
    for one in disputes["disputes"].as_array().into_iter().flatten() {
        let text = |key: &str| shown(one[key].as_str().unwrap_or_default()).into_owned();
        let raised = short_time(&text("raised_at"));
        listing.add(vec![
            one["id"].to_string(),
            raised,
            text("raised_by"),
            text("call_id"),
            text("rule"),
            text("text"),
        ]);
    }
    listing.print("no dispute is open")?;
    if disputes["more"] == true {
        nothing("the newest 1000 disputes are shown and there are more: --campaign NAME shows those of a campaign");
    }
    Ok(())
}

fn row(who: &str, rule: &str, agreement: &Value) -> Vec<String> {
    let percent = agreement["observed"].as_f64().map(|share| format!("{:.0}%", share * 100.0));
    let kappa = agreement["kappa"].as_f64().map(|kappa| format!("{kappa:.2}"));
    let told = |text: Option<String>| text.unwrap_or_else(|| "-".into());
    vec![who.into(), agreement["pairs"].to_string(), told(percent), told(kappa), shown(rule).into_owned()]
}
