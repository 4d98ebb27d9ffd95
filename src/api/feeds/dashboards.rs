//! Paths of call dashboards and of batch clients, at which pages and scripts ask that were made for other services: `GET /api/calls`, `/api/alerts`,
//! `/api/stats`, `/api/calls/{id}/history`, `/api/calls/{id}`. Times are seconds since 1970. Their feeds are in `audience.rs`.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Value, json};

use super::audience::{Audience, epoch, in_seconds};
use crate::api::calls::find::find_call;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::api::walls::access::Access;
use crate::call::{CallState, Source, WallTime};
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::alerts::{AlertFilter, AlertRow};
use crate::store::calls::CallRow;

type Answer = Result<Json<Value>, ApiError>;

/// How many to give at most.
pub(in crate::api) const COUNTED: &[&str] = &["count"];

/// `GET /api/calls`: calls that are not over.
pub(in crate::api) async fn calls(State(store): State<Store>, State(clock): State<Clock>, access: Access) -> Answer {
    let now = clock.now();
    let open = store.open_calls().await?;
    let calls: Vec<Value> = open.iter().filter(|call| access.sees(call)).map(|call| running(call, now)).collect();
    Ok(Json(json!({"count": calls.len(), "calls": calls})))
}

fn running(call: &CallRow, now: WallTime) -> Value {
    let until = call.closed.unwrap_or(now);
    json!({
        "call_id": call.call_id, "agent": call.agent, "caller": call.phone, "campaign": call.campaign, "lead": call.lead, "status": call.state,
        "start_time": epoch(call.started), "duration": (until.0 - call.started.0).max(0) as f64 / 1000.0,
        "segments": call.segments, "audio_seconds": call.audio_ms as f64 / 1000.0,
        "rolling_sentiment": call.rolling, "risk_score": call.risk, "alert_level": call.alert_level,
    })
}

/// `GET /api/calls/{id}/history?count=`: the first so many lines, as the feed told them; none of a call that is not known.
pub(in crate::api) async fn history(
    State(store): State<Store>,
    State(desk): State<Desk>,
    access: Access,
    Path(id): Path<String>,
    query: Parameters,
) -> Answer {
    let count = query.number("count", 1..=500_usize)?.unwrap_or(100);
    let Some(call) = access.call(&store, &id).await? else {
        return Ok(Json(json!({"call_id": id, "history": [], "count": 0})));
    };
    let terms =
        |list: &Value| -> Vec<Value> { list.as_array().into_iter().flatten().map(|hit| hit["term"].clone()).collect() };
    let lines = desk.as_told(&call).await?;
    let history: Vec<Value> = lines
        .iter()
        .take(count)
        .map(|(row, rolling)| {
            json!({
                "type": "sentiment", "call_id": call.call_id, "text": row.text,
                "timestamp": epoch(WallTime(call.started.0 + row.end_ms)),
                "start_time": row.start_ms as f64 / 1000.0, "end_time": row.end_ms as f64 / 1000.0,
                "speaker": crate::call::Leg::parse(&row.leg).map_or("unknown", crate::call::Leg::speaker),
                "sentiment_score": row.compound, "sentiment_label": row.label, "confidence": row.confidence,
                "keywords_detected": terms(&row.keywords), "profanity_detected": terms(&row.profanity), "rolling_sentiment": rolling,
            })
        })
        .collect();
    Ok(Json(json!({"call_id": call.call_id, "count": history.len(), "history": history})))
}

/// `GET /api/alerts?count=`: newest first.
pub(in crate::api) async fn alerts(State(store): State<Store>, access: Access, query: Parameters) -> Answer {
    let limit = query.number("count", 1..=100_u32)?.unwrap_or(20);
    let filter = AlertFilter { only: access.campaign, limit, ..AlertFilter::default() };
    let mut alerts: Vec<Value> = store.alerts(filter).await?.iter().map(AlertRow::json).collect();
    alerts.iter_mut().for_each(in_seconds);
    Ok(Json(json!({"count": alerts.len(), "alerts": alerts})))
}

/// `GET /api/stats`: who listens to these feeds, and for how long the daemon has run, seconds.
pub(in crate::api) async fn stats(State(clock): State<Clock>, State(audience): State<Audience>) -> Json<Value> {
    let subscriptions = audience.listeners();
    let uptime = clock.uptime_s();
    Json(json!({
        "websocket": {"total_clients": subscriptions.values().sum::<usize>(), "subscriptions": subscriptions},
        "uptime": uptime,
    }))
}

/// `GET /api/calls/{id}`: how far a call is, in the words of a batch.
pub(in crate::api) async fn progress(State(store): State<Store>, Path(id): Path<String>) -> Answer {
    let call = find_call(&store, &id).await?;
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    let status = stage(&call);
    Ok(Json(json!({
        "call_id": call.call_id, "status": status, "file": metadata["file"], "created_at": call.started.rfc3339(),
        "updated_at": call.last_activity.rfc3339(), "duration_seconds": call.audio_ms as f64 / 1000.0, "segments": call.segments,
        "sentiment_score": call.sentiment, "risk_score": call.risk,
        "error": (status == "failed").then_some(call.end_reason),
    })))
}

/// Queued, processing, completed or failed.
fn stage(call: &CallRow) -> &'static str {
    match CallState::parse(&call.state) {
        Some(CallState::Completed) => "completed",
        Some(CallState::Failed) | None => "failed",
        Some(CallState::Active | CallState::ConnectionClosed) => {
            let is_waiting = call.source == Source::Upload.as_str() && call.segments == 0;
            if is_waiting { "queued" } else { "processing" }
        }
    }
}
