//! Which calls, and how many of them: what lists are asked with. What each filter means the API says: docs/api.md, "Filters".

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::super::client::{Daemon, query};
use crate::call::WallTime;
use crate::call::when::WhenError;
use crate::config::Config;

/// Calls or hits of one request.
pub(super) const PAGE: usize = 1000;

/// What a call of lists may be in.
const STATES: [&str; 4] = ["active", "connection_closed", "completed", "failed"];

/// The filters that choose calls.
#[derive(Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Scope {
    /// In this state
    #[arg(long, value_parser = PossibleValuesParser::new(STATES))]
    state: Option<String>,
    /// Of this agent, in capitals or not
    #[arg(long)]
    pub(super) agent: Option<String>,
    /// Only calls whose agent is not known
    #[arg(long, conflicts_with = "agent")]
    no_agent: bool,
    /// Of this campaign, in-group or queue, in capitals or not
    #[arg(long)]
    campaign: Option<String>,
    /// Of this lead
    #[arg(long, value_name = "ID")]
    lead: Option<String>,
    /// With this telephone number, however it is written, or its last 6 digits and more
    #[arg(long, value_name = "NUMBER")]
    phone: Option<String>,
    /// Whose id or uniqueid is this, or has it in it: 6 characters at least
    #[arg(long, value_name = "PART")]
    uniqueid: Option<String>,
    /// Begun since: today, yesterday, 7d, 2h, 2026-11-21, "2026-11-21 10:30" (local time), 2026-11-21T10:30:00Z or seconds
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<WallTime>,
    /// Begun until, written in the same ways: a day, a minute or a second counts to its end
    #[arg(long, value_name = "TIME", value_parser = when_last)]
    until: Option<WallTime>,
    /// Mean sentiment at least
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    min_sentiment: Option<f64>,
    /// Mean sentiment at most
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    max_sentiment: Option<f64>,
    /// Points of the score card at least, of a hundred
    #[arg(long, value_name = "POINTS")]
    min_score: Option<f64>,
    /// Points of the score card at most
    #[arg(long, value_name = "POINTS")]
    max_score: Option<f64>,
    /// With this tag
    #[arg(long)]
    tag: Option<String>,
    /// Only calls in which an alert was raised
    #[arg(long, conflicts_with = "no_alerts")]
    alerts: bool,
    /// Only calls in which none was raised
    #[arg(long)]
    no_alerts: bool,
    /// Only calls that breach a limit of [sla]
    #[arg(long, conflicts_with = "no_sla_breached")]
    sla_breached: bool,
    /// Only calls that breach none
    #[arg(long)]
    no_sla_breached: bool,
}

impl Scope {
    /// As the API is asked for it.
    pub(super) fn query(&self) -> Vec<(&'static str, Option<String>)> {
        let either = |with: bool, without: bool| (with || without).then(|| with.to_string());
        vec![
            ("state", self.state.clone()),
            ("agent", self.agent.clone()),
            ("has_agent", self.no_agent.then(|| "false".into())),
            ("campaign", self.campaign.clone()),
            ("lead", self.lead.clone()),
            ("phone", self.phone.clone()),
            ("uniqueid", self.uniqueid.clone()),
            ("since", self.since.map(WallTime::rfc3339)),
            ("until", self.until.map(WallTime::rfc3339)),
            ("min_sentiment", self.min_sentiment.map(|value| value.to_string())),
            ("max_sentiment", self.max_sentiment.map(|value| value.to_string())),
            ("tag", self.tag.clone()),
            ("min_score", self.min_score.map(|value| value.to_string())),
            ("max_score", self.max_score.map(|value| value.to_string())),
            ("has_alerts", either(self.alerts, self.no_alerts)),
            ("sla_breached", either(self.sla_breached, self.no_sla_breached)),
        ]
    }
}

/// A time, where no zone is named that of whoever types it: the daemon's may be another.
pub(in crate::cli) fn when(text: &str) -> Result<WallTime, WhenError> {
    WallTime::read(text, crate::capture::wall_clock(), &jiff::tz::TimeZone::system())
}

/// The last moment that a time means, in the same zone.
pub(in crate::cli) fn when_last(text: &str) -> Result<WallTime, WhenError> {
    WallTime::read_last(text, crate::capture::wall_clock(), &jiff::tz::TimeZone::system())
}

/// How a list is printed; as a table without either.
#[derive(Args)]
pub(in crate::cli) struct ListForm {
    /// Tab separated, no header
    #[arg(long, conflicts_with = "json")]
    pub(in crate::cli) tsv: bool,
    /// The API's JSON
    #[arg(long)]
    pub(in crate::cli) json: bool,
}

/// How much of a list.
#[derive(Args)]
pub(in crate::cli) struct HowMany {
    /// Number of results at most
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// All there are
    #[arg(long, conflicts_with = "limit")]
    all: bool,
}

impl HowMany {
    /// Asks for page after page until it has as many as are wanted; the answer is the first one with the rows of all. Its `next` is where it would go on.
    pub(in crate::cli) fn collect(
        &self,
        daemon: &Daemon,
        config: &Config,
        path: &str,
        pairs: &[(&str, Option<String>)],
        (list, next, goes_on): (&str, &str, &str),
    ) -> anyhow::Result<Value> {
        let wanted = if self.all { usize::MAX } else { self.limit as usize };
        let mut whole = Value::Null;
        let mut rows = Vec::new();
        let mut from = None;
        loop {
            let mut pairs = pairs.to_vec();
            pairs.push(("limit", Some(PAGE.min(wanted - rows.len()).to_string())));
            pairs.push((goes_on, from));
            let mut page = daemon.fetch(config, &format!("{path}{}", query(&pairs)))?;
            rows.extend(page[list].as_array_mut().map(std::mem::take).unwrap_or_default());
            from = match &page[next] {
                Value::String(cursor) => Some(cursor.clone()),
                Value::Number(offset) => Some(offset.to_string()),
                _ => None,
            };
            if whole.is_null() {
                whole = page;
            } else {
                whole[next] = page[next].take();
            }
            if from.is_none() || rows.len() >= wanted {
                whole[list] = json!(rows);
                return Ok(whole);
            }
        }
    }
}
