//! `GET /api/v1/figures?days=&agent=&campaign=` (also `/api/metrics`, as documented): what the dashboard draws.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::api::request::{ApiError, Clock, Parameters};
use crate::api::walls::access::Access;
use crate::call::WallTime;
use crate::store::Store;
use crate::store::figures::{Counted, Span};

/// Over which calls.
pub(in crate::api) const ASKS: &[&str] = &["days", "agent", "campaign"];
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;

fn counted(list: &[Counted], name: &str, kind: &str) -> Vec<Value> {
    list.iter().map(|one| json!({name: one.name, kind: one.kind, "count": one.count, "calls": one.calls})).collect()
}

/// Times are seconds where their name does not say otherwise; steps are an hour up to a week, else a day.
pub(in crate::api) async fn figures(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    let days = query.number("days", 1..=366_i64)?.unwrap_or(1);
    let step_ms = if days <= 7 { HOUR_MS } else { DAY_MS };
    // The step that is running is the last one.
    let until = WallTime(clock.now().0 / step_ms * step_ms + step_ms);
    let since = WallTime(until.0 - days * DAY_MS);
    let (agent, campaign) = (query.text("agent"), query.text("campaign"));
    let span = Span { since, until, step_ms, agent, campaign, only: access.campaign };
    let figures = store.figures(span).await?;
    let at = |step: i64| WallTime(since.0 + step * step_ms).rfc3339();
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let sum = |of: fn(&crate::store::figures::StepFigures) -> i64| figures.steps.iter().map(of).sum::<i64>();
    let stage = |name| figures.stages.iter().find(|(stage, _)| stage == name).map_or(0, |(_, count)| *count);
    let calls = sum(|step| step.calls);
    let (texts, in_time) =
        figures.lag.iter().fold((0, 0), |(all, good), step| (all + step.utterances, good + step.in_time));
    Ok(Json(json!({
        "since": since.rfc3339(), "until": until.rfc3339(), "step_seconds": step_ms / 1000,
        "total": {
            "calls": calls, "audio_seconds": seconds(sum(|step| step.audio_ms)), "negative": sum(|step| step.negative), "positive": sum(|step| step.positive),
            "utterances": texts, "text_within_3_s": (texts > 0).then(|| in_time as f64 / texts as f64),
        },
        "status": {"queued": stage("queued"), "processing": stage("processing"), "completed": stage("completed"), "failed": stage("failed")},
        "steps": figures.steps.iter().map(|step| json!({
            "at": at(step.step), "calls": step.calls, "audio_seconds": seconds(step.audio_ms), "sentiment": step.sentiment,
            "negative": step.negative, "positive": step.positive,
        })).collect::<Vec<_>>(),
        "lag": figures.lag.iter().map(|step| json!({
            "at": at(step.step), "utterances": step.utterances, "median": seconds(step.median_ms), "p95": seconds(step.p95_ms),
        })).collect::<Vec<_>>(),
        "keywords": counted(&figures.keywords, "term", "label"),
        "alerts": counted(&figures.alerts, "rule", "level"),
        "agents": figures.agents.iter().map(|agent| json!({
            "agent": agent.agent, "calls": agent.calls, "audio_seconds": seconds(agent.audio_ms), "sentiment": agent.sentiment,
            "negative": agent.negative, "with_alerts": agent.with_alerts,
        })).collect::<Vec<_>>(),
    })))
}
