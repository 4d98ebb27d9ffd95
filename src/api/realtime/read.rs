//! What of a call's state, its events and its alerts can be read here.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::broadcast::error::RecvError;

use super::audio;
use super::parts::Platforms;
use super::refusal::Refusal;
use super::shown::{ALERTS, alert_json, seconds, sse};
use crate::api::calls::alerts::{acknowledge, taken};
use crate::api::request::{ApiError, Parameters};
use crate::api::walls::access::Access;
use crate::api::walls::door::READ;
use crate::store::StoredEvent;
use crate::store::alerts::AlertFilter;
use crate::store::calls::CallRow;

/// Texts in a snapshot: the last ones.
const EVENTS: usize = 100;

/// Chunks without a word in a snapshot: the last ones.
const CHUNKS: u32 = 20;

/// A chunk without a word, in the shape of the other events.
fn chunk_json(event: &StoredEvent) -> Option<Value> {
    let told: Value = serde_json::from_str(&event.payload).ok()?;
    let speaker = if told["leg"] == "caller" { json!("customer") } else { told["leg"].clone() };
    let (start, length) = (told["start_time"].as_f64()?, told["duration"].as_f64()?);
    Some(json!({
        "id": format!("chunk-{}", event.id), "event_type": "audio_chunk", "speaker": speaker, "text": "", "sentiment": null,
        "sender_sentiment": null, "confidence": null, "keywords": [], "start_time": start, "end_time": start + length,
        "timestamp": told["timestamp"],
    }))
}

fn start_of(event: &Value) -> f64 {
    event["start_time"].as_f64().unwrap_or(0.0)
}

/// The call as it stands; idle when there is none for the one who asks.
pub(super) async fn snapshot_of(platforms: &Platforms, id: &str, call: Option<&CallRow>) -> Result<Value, ApiError> {
    let Some(call) = call else {
        return Ok(json!({
            "call_id": id, "provider": "", "status": "idle", "risk_score": 0.0, "sentiment_score": 0.0, "updated_at": null, "events": [],
            "alerts": [], "live_audio": audio::none(id),
        }));
    };
    let segments = platforms.sounds.store.segments(call.key).await?;
    let mut events: Vec<Value> = segments[segments.len().saturating_sub(EVENTS)..]
        .iter()
        .map(|row| {
            json!({
                "id": row.id, "event_type": "transcript", "speaker": if row.leg == "caller" { "customer" } else { row.leg.as_str() },
                "text": row.text, "sentiment": row.compound, "sender_sentiment": row.sender_sentiment, "confidence": row.confidence, "keywords": row.keywords,
                "start_time": seconds(row.start_ms), "end_time": seconds(row.end_ms),
                "timestamp": crate::call::WallTime(call.started.0 + row.start_ms).rfc3339(),
            })
        })
        .collect();
    // Chunks without a word are told too, so that a call of sound alone is seen to go on.
    if call.audio_chunks > 0 {
        events.extend(
            platforms.sounds.store.last_events(call.key, "audio_chunk", CHUNKS).await?.iter().filter_map(chunk_json),
        );
        events.sort_by(|one, other| start_of(one).total_cmp(&start_of(other)));
    }
    let filter = AlertFilter { call: Some(call.key), limit: ALERTS, ..AlertFilter::default() };
    let alerts: Vec<Value> = platforms.sounds.store.alerts(filter).await?.iter().map(alert_json).collect();
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    Ok(json!({
        "call_id": call.call_id,
        "provider": metadata["provider"].as_str().unwrap_or(&call.source),
        "status": if call.state == "active" { "active" } else { "ended" },
        "risk_score": call.risk.unwrap_or(0.0),
        "sentiment_score": call.rolling.unwrap_or(0.0),
        "updated_at": call.last_activity.rfc3339(),
        "agent": call.agent,
        "events": events,
        "alerts": alerts,
        "live_audio": audio::meta_of(platforms, call).await?,
    }))
}

/// `GET /api/realtime/calls/{id}/snapshot`
pub(super) async fn snapshot(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let call = access.call(&platforms.sounds.store, &id).await?;
    Ok(Json(snapshot_of(&platforms, &id, call.as_ref()).await?))
}

/// `GET /api/realtime/alerts`: newest first; `call_id`, `open_only`, `limit`.
pub(super) async fn alerts(
    State(platforms): State<Platforms>,
    access: Access,
    query: Parameters,
) -> Result<Json<Value>, Refusal> {
    let open = query.flag("open_only")?.unwrap_or(false);
    let call = match query.text("call_id") {
        Some(id) => match access.call(&platforms.sounds.store, &id).await? {
            Some(row) => Some(row.key),
            None => return Ok(Json(json!({"ok": true, "alerts": [], "count": 0}))),
        },
        None => None,
    };
    let limit = query.number("limit", 1..=1000)?.unwrap_or(ALERTS);
    let filter = AlertFilter {
        call,
        acknowledged: open.then_some(false),
        only: access.campaign,
        limit,
        ..AlertFilter::default()
    };
    let alerts: Vec<Value> = platforms.sounds.store.alerts(filter).await?.iter().map(alert_json).collect();
    Ok(Json(json!({"ok": true, "count": alerts.len(), "alerts": alerts})))
}

/// `POST /api/realtime/alerts/{id}/ack`
pub(super) async fn ack(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<Value>, Refusal> {
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let by = ["by", "acknowledged_by", "user"].iter().find_map(|key| body[key].as_str()).unwrap_or("unknown");
    let by: String = by.chars().take(100).collect();
    let alert = acknowledge(&platforms.sounds.store, platforms.sounds.clock, &access, &id, &by).await?;
    let told = if access.may(READ) { alert_json(&alert) } else { taken(&alert) };
    Ok(Json(json!({"ok": true, "alert": told})))
}

/// `GET /api/realtime/stream?call_id=`: a snapshot, then the call's events as they are committed.
pub(super) async fn stream(
    State(platforms): State<Platforms>,
    access: Access,
    query: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let id = query.text("call_id");
    // Subscribed before the snapshot is made: nothing falls between.
    let live = platforms.sounds.store.live();
    let (first, key) = match &id {
        Some(id) => {
            let call = access.call(&platforms.sounds.store, id).await?;
            (sse("snapshot", &snapshot_of(&platforms, id, call.as_ref()).await?), call.map(|call| call.key))
        }
        None => (sse("snapshot", &json!({"status": "idle", "call_id": null})), None),
    };
    let lease = access.lease(&platforms.sounds.walls, &platforms.stop);
    let start = (live, platforms.sounds.store.clone(), (access, lease), id, key);
    let rest = stream::unfold(start, |(mut live, store, (access, lease), id, mut key)| async move {
        loop {
            let event = tokio::select! {
                () = lease.over.cancelled() => return None,
                event = live.recv() => match event {
                    Ok(event) => event,
                    // It comes back and gets a new snapshot.
                    Err(RecvError::Lagged(_) | RecvError::Closed) => return None,
                },
            };
            if let (Some(id), None, true) = (&id, key, event.call.is_some()) {
                key = store.call(id).await.ok().flatten().map(|call| call.key);
            }
            if id.is_some() && (key.is_none() || event.call != key) {
                continue;
            }
            if !access.sees_event(&store, event.call).await {
                continue;
            }
            let out = Event::default().event(&*event.kind).data(&*event.payload);
            return Some((out, (live, store, (access, lease), id, key)));
        }
    });
    let events = stream::once(std::future::ready(first)).chain(rest).map(Ok);
    Ok(Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15))))
}
