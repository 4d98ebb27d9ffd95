//! `GET /api/v1/agents`, `/agents/{id}/stats` and `/campaigns/{id}/stats`. An unknown agent or campaign has no calls, and is no error: a token of one
//! campaign must not learn which others there are.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::sums::{agent, agents, days, named, notable, sums};
use crate::api::access::Told;
use crate::api::access::grant::Access;
use crate::api::calls::find::{in_order_up_to, similar_agents};
use crate::api::calls::shown::finding;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::{CallKey, WallTime};
use crate::contract::problem::Part;
use crate::contract::statistics::{AgentList, AgentStatistics, CampaignStatistics, DispositionFinding};
use crate::store::Store;
use crate::store::statistics::StatisticsFilter;
use crate::store::which::{AnyCase, NameColumn};

/// Query parameters of the list.
pub(in crate::api) const LIST: &[&str] = &["since", "until", "campaign"];
/// The same of one agent.
pub(in crate::api) const OF_AGENT: &[&str] = &["days", "campaign"];
/// The same of one campaign.
pub(in crate::api) const OF_CAMPAIGN: &[&str] = &["days"];

const DAY_MS: i64 = 86_400_000;
/// Days that nobody has named.
const WEEK: i64 = 7;
/// Days at most: a quarter.
const MOST_DAYS: i64 = 92;
/// Findings of an answer at most.
const FINDINGS: u32 = 50;

/// All calls of a time that the one who asks may see.
fn filter(since: WallTime, until: WallTime, access: Access) -> StatisticsFilter {
    StatisticsFilter { since, until, agent: None, campaign: None, only: access.campaign, zone: TimeZone::system() }
}

/// The last `days` up to now.
fn last_days(query: &Parameters, now: WallTime) -> Result<(i64, WallTime), ApiError> {
    let days = query.number("days", 1..=MOST_DAYS)?.unwrap_or(WEEK);
    Ok((days, WallTime(now.0 - days * DAY_MS)))
}

/// Whether a time has more than [`MOST_DAYS`] of the calendar, which are an hour longer or shorter where the clocks change.
fn is_too_long(since: WallTime, until: WallTime, zone: TimeZone) -> bool {
    let until = Timestamp::from_millisecond(until.0).map(|until| until.to_zoned(zone));
    let first = until.and_then(|until| until.checked_sub(Span::new().days(MOST_DAYS)));
    !first.is_ok_and(|first| since.0 >= first.timestamp().as_millisecond())
}

/// An answer that quotes calls, with its entry of the audit log.
type Quoted = (Extension<Told>, Vec<DispositionFinding>);

async fn quoted(store: &Store, filter: StatisticsFilter) -> Result<Quoted, ApiError> {
    let rows = store.findings_among(filter, FINDINGS).await?;
    let mut calls: Vec<CallKey> = rows.iter().map(|row| row.call).collect();
    calls.dedup();
    Ok((Extension(Told { action: "statistics".into(), calls }), rows.iter().map(finding).collect()))
}

/// `GET /api/v1/agents`
pub(in crate::api) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<AgentList>, ApiError> {
    let now = clock.now();
    let (since, until) = in_order_up_to(&query, now)?;
    let until = until.map_or(now, |last| WallTime(last.0 + 1));
    let since = since.unwrap_or(WallTime(until.0 - WEEK * DAY_MS));
    if is_too_long(since, until, TimeZone::system()) {
        let problem = format!("until is more than {MOST_DAYS} days after it; ask for a shorter time");
        return Err(ApiError::Wrong(Part::Query, "since".into(), problem));
    }
    let campaign = store.spelling(NameColumn::Campaign, query.text("campaign")).await?;
    let asked = campaign.clone().map(AnyCase::from);
    let found = store.statistics(StatisticsFilter { campaign: asked, ..filter(since, until, access) }).await?;
    Ok(Json(AgentList {
        since: since.rfc3339(),
        until: until.rfc3339(),
        campaign,
        agents: agents(&found.agents),
        calls_without_agent: found.agents.get(&None).map_or(0, |group| group.all.calls),
    }))
}

/// `GET /api/v1/agents/{id}/stats`
pub(in crate::api) async fn of_agent(
    State(store): State<Store>,
    State(clock): State<Clock>,
    Path(id): Path<String>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<AgentStatistics>), ApiError> {
    let now = clock.now();
    let (period_days, since) = last_days(&query, now)?;
    let id = store.spelling(NameColumn::Agent, Some(id.clone())).await?.unwrap_or(id);
    let campaign = query.text("campaign").map(|name| AnyCase::from(name.trim()));
    let only = access.campaign.clone();
    let filter = StatisticsFilter { agent: Some(AnyCase::from(&*id)), campaign, ..filter(since, now, access) };
    let found = store.statistics(filter.clone()).await?;
    let similar_agents = similar_agents(&store, found.all.all.calls == 0, Some(id.clone()), only).await?;
    let (told, findings) = quoted(&store, filter).await?;
    let statistics = AgentStatistics {
        agent: agent(id, &found.all),
        period_days,
        since: since.rfc3339(),
        until: now.rfc3339(),
        days: days(&found.all),
        campaigns: named(&found.campaigns),
        dispositions: named(&found.dispositions),
        findings,
        similar_agents,
    };
    Ok((told, Json(statistics)))
}

/// `GET /api/v1/campaigns/{id}/stats`
pub(in crate::api) async fn of_campaign(
    State(store): State<Store>,
    State(clock): State<Clock>,
    Path(id): Path<String>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<CampaignStatistics>), ApiError> {
    let now = clock.now();
    let (period_days, since) = last_days(&query, now)?;
    let id = store.spelling(NameColumn::Campaign, Some(id.clone())).await?.unwrap_or(id);
    let filter = StatisticsFilter { campaign: Some(AnyCase::from(&*id)), ..filter(since, now, access) };
    let found = store.statistics(filter.clone()).await?;
    let (told, findings) = quoted(&store, filter).await?;
    let statistics = CampaignStatistics {
        campaign: id,
        sums: sums(&found.all.all),
        period_days,
        since: since.rfc3339(),
        until: now.rfc3339(),
        sentiment_trend: found.all.sentiment_trend(),
        best_call: notable(found.all.best.as_ref()),
        worst_call: notable(found.all.worst.as_ref()),
        days: days(&found.all),
        agents: agents(&found.agents),
        dispositions: named(&found.dispositions),
        findings,
    };
    Ok((told, Json(statistics)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_is_counted_in_days_of_the_calendar_where_the_clocks_change() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        // 2026-11-24 and 2026-05-24, both at 12:00 UTC: one has the autumn's change in the 92 days before it, the other the spring's.
        for (until, days) in [(1_795_521_600_000, 92 * 24 + 1), (1_779_624_000_000, 92 * 24 - 1)] {
            let quarter = WallTime(until - days * 3_600_000);
            assert!(!is_too_long(quarter, WallTime(until), zone.clone()), "{until}");
            assert!(is_too_long(WallTime(quarter.0 - 1), WallTime(until), zone.clone()), "{until}");
        }
        assert!(is_too_long(WallTime(0), WallTime(i64::MAX), zone), "beyond every calendar");
    }
}
