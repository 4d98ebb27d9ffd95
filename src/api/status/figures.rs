//! `GET /api/v1/figures?days=&since=&until=&agent=&campaign=` (also `/api/metrics`, as documented): what the dashboard draws.

use axum::Json;
use axum::extract::State;

use crate::api::access::grant::Access;
use crate::api::calls::find::similar_agents;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::WallTime;
use crate::contract::figures::{
    AgentCount, CallStep, CallsByStage, FigureTotals, Figures, KeywordCount, LagStep, RuleCount,
};
use crate::contract::problem::Part;
use crate::contract::seconds;
use crate::store::Store;
use crate::store::figures::{AgentFigures, Counted, LagFigures, Span, StepFigures};
use crate::store::which::NameColumn;

/// Over which calls.
pub(in crate::api) const ASKS: &[&str] = &["days", "since", "until", "agent", "campaign"];
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Days in one answer.
const MOST_DAYS: i64 = 366;

/// Times are seconds where their name does not say otherwise; steps are an hour up to a week, else a day.
pub(in crate::api) async fn figures(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<Figures>, ApiError> {
    let (since, until, step_ms) = span(&query, clock.now())?;
    let agent = store.spelling(NameColumn::Agent, query.text("agent")).await?;
    let (asked, only) = (agent.clone(), access.campaign.clone());
    let campaign = store.spelling(NameColumn::Campaign, query.text("campaign")).await?;
    let span = Span { since, until, step_ms, agent, campaign, only: access.campaign };
    let figures = store.figures(span).await?;
    let at = |step: i64| WallTime(since.0 + step * step_ms).rfc3339();
    let sum = |of: fn(&StepFigures) -> i64| figures.steps.iter().map(of).sum::<i64>();
    let stage = |name| figures.stages.iter().find(|(stage, _)| stage == name).map_or(0, |(_, count)| *count);
    let calls = sum(|step| step.calls);
    let (texts, in_time) =
        figures.lag.iter().fold((0, 0), |(all, good), step| (all + step.utterances, good + step.in_time));
    Ok(Json(Figures {
        since: since.rfc3339(),
        until: until.rfc3339(),
        step_seconds: step_ms / 1000,
        total: FigureTotals {
            calls,
            audio_seconds: seconds(sum(|step| step.audio_ms)),
            negative: sum(|step| step.negative),
            positive: sum(|step| step.positive),
            utterances: texts,
            text_within_3_s: (texts > 0).then(|| in_time as f64 / texts as f64),
        },
        status: CallsByStage {
            queued: stage("queued"),
            processing: stage("processing"),
            completed: stage("completed"),
            failed: stage("failed"),
        },
        steps: figures.steps.iter().map(|one| step(one, at(one.step))).collect(),
        lag: figures.lag.iter().map(|one| lag(one, at(one.step))).collect(),
        keywords: figures.keywords.into_iter().map(keyword).collect(),
        alerts: figures.alerts.into_iter().map(rule).collect(),
        agents: figures.agents.into_iter().map(agent_count).collect(),
        similar_agents: similar_agents(&store, calls == 0, asked, only).await?,
    }))
}

/// From when to when, in whole steps, and how long a step is: the last `days` up to now, or since a time, until now or another one.
fn span(query: &Parameters, now: WallTime) -> Result<(WallTime, WallTime, i64), ApiError> {
    if let (Some(_), Some(_)) = (query.text("days"), query.text("since")) {
        let msg = "since is given too: one of them says where it begins";
        return Err(ApiError::Wrong(Part::Query, "days".into(), msg.into()));
    }
    let days = query.number("days", 1..=MOST_DAYS)?.unwrap_or(1);
    let (from, to) = (query.time("since", now)?, query.time("until", now)?.unwrap_or(now));
    let length_ms = from.map_or(days * DAY_MS, |from| to.0 - from.0);
    if !(1..=MOST_DAYS * DAY_MS).contains(&length_ms) {
        let msg = format!("not before until, or more than {MOST_DAYS} days before it");
        return Err(ApiError::Wrong(Part::Query, "since".into(), msg));
    }
    let step_ms = if length_ms <= 7 * DAY_MS { HOUR_MS } else { DAY_MS };
    // The step that is running is the last one.
    let until = WallTime((to.0 - 1).div_euclid(step_ms) * step_ms + step_ms);
    let since = from.map_or(until.0 - days * DAY_MS, |from| from.0.div_euclid(step_ms) * step_ms);
    Ok((WallTime(since), until, step_ms))
}

fn step(step: &StepFigures, at: String) -> CallStep {
    CallStep {
        at,
        calls: step.calls,
        audio_seconds: seconds(step.audio_ms),
        sentiment: step.sentiment,
        negative: step.negative,
        positive: step.positive,
    }
}

fn lag(step: &LagFigures, at: String) -> LagStep {
    LagStep { at, utterances: step.utterances, median: seconds(step.median_ms), p95: seconds(step.p95_ms) }
}

fn keyword(one: Counted) -> KeywordCount {
    KeywordCount { term: one.name, label: one.kind, count: one.count, calls: one.calls }
}

fn rule(one: Counted) -> RuleCount {
    RuleCount { rule: one.name, level: one.kind, count: one.count, calls: one.calls }
}

fn agent_count(agent: AgentFigures) -> AgentCount {
    AgentCount {
        agent: agent.agent,
        calls: agent.calls,
        audio_seconds: seconds(agent.audio_ms),
        sentiment: agent.sentiment,
        negative: agent.negative,
        with_alerts: agent.with_alerts,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_and_counts_have_the_fields_that_the_dashboard_reads() {
        let one = StepFigures { step: 0, calls: 2, audio_ms: 1500, sentiment: Some(0.5), negative: 1, positive: 0 };
        let wanted =
            json!({"at": "T", "calls": 2, "audio_seconds": 1.5, "sentiment": 0.5, "negative": 1, "positive": 0});
        assert_eq!(serde_json::to_value(step(&one, "T".into())).expect("JSON"), wanted);
        let counted = || Counted { name: "sue".into(), kind: "legal".into(), count: 3, calls: 2 };
        let wanted = json!({"term": "sue", "label": "legal", "count": 3, "calls": 2});
        assert_eq!(serde_json::to_value(keyword(counted())).expect("JSON"), wanted);
        let wanted = json!({"rule": "sue", "level": "legal", "count": 3, "calls": 2});
        assert_eq!(serde_json::to_value(rule(counted())).expect("JSON"), wanted);
    }
}
