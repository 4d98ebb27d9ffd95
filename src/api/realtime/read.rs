//! Shows a call's state, its events and its alerts.

use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::{Stream, StreamExt, stream};
use serde_json::Value;
use tokio::sync::broadcast::error::RecvError;

use super::audio;
use super::parts::Platforms;
use super::refusal::PlatformRefusal;
use super::shown::{ALERTS, platform_alert, sse};
use crate::api::access::grant::Access;
use crate::api::access::route::READ;
use crate::api::calls::alerts::{acknowledge, taken};
use crate::api::request::{ApiError, Parameters};
use crate::call::{CallState, Leg, WallTime};
use crate::contract::platform::{
    EventId, IdleSnapshot, PlatformAck, PlatformAlertShown, PlatformAlerts, PlatformCallState, PlatformEvent,
    PlatformEventKind, PlatformSnapshot,
};
use crate::contract::seconds;
use crate::store::StoredEvent;
use crate::store::alerts::AlertFilter;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;
use crate::store::which::Which;

/// Texts in a snapshot: the last ones.
const EVENTS: usize = 100;

/// The caller, in the word of this family.
const CUSTOMER: &str = "customer";
/// Chunks without a word in a snapshot: the last ones.
const CHUNKS: u32 = 20;

/// A chunk without a word, in the shape of the other events.
fn chunk(event: &StoredEvent) -> Option<PlatformEvent> {
    let told: Value = serde_json::from_str(&event.payload).ok()?;
    let speaker = if told["leg"] == "caller" { CUSTOMER.into() } else { told["leg"].clone() };
    let (start, length) = (told["start_time"].as_f64()?, told["duration"].as_f64()?);
    Some(PlatformEvent {
        id: EventId::Name(format!("chunk-{}", event.id)),
        event_type: PlatformEventKind::AudioChunk,
        speaker,
        text: String::new(),
        sentiment: None,
        sender_sentiment: None,
        confidence: None,
        keywords: Value::Array(Vec::new()),
        start_time: start,
        end_time: start + length,
        timestamp: told["timestamp"].clone(),
    })
}

/// A text of a call that began then.
fn transcript(row: &SegmentRow, began: WallTime) -> PlatformEvent {
    PlatformEvent {
        id: EventId::Number(row.id),
        event_type: PlatformEventKind::Transcript,
        speaker: if row.speaker == Leg::Caller { CUSTOMER } else { row.speaker.as_str() }.into(),
        text: row.text.clone(),
        sentiment: row.compound,
        sender_sentiment: row.sender_sentiment,
        confidence: Some(row.confidence),
        keywords: row.keywords.clone(),
        start_time: seconds(row.start_ms),
        end_time: seconds(row.end_ms),
        timestamp: WallTime(began.0 + row.start_ms).rfc3339().into(),
    }
}

/// A call that is not there, for the one who asks.
fn idle(id: &str) -> PlatformSnapshot {
    PlatformSnapshot {
        call_id: id.to_owned(),
        provider: String::new(),
        status: PlatformCallState::Idle,
        risk_score: 0.0,
        sentiment_score: 0.0,
        updated_at: None,
        agent: None,
        events: Vec::new(),
        alerts: Vec::new(),
        live_audio: audio::none(id),
    }
}

/// The call as it stands; idle when there is none for the one who asks.
pub(super) async fn snapshot_of(
    platforms: &Platforms,
    id: &str,
    call: Option<&CallRow>,
) -> Result<PlatformSnapshot, ApiError> {
    let Some(call) = call else { return Ok(idle(id)) };
    let segments = platforms.sounds.store.segments(call.key).await?;
    let last = &segments[segments.len().saturating_sub(EVENTS)..];
    let mut events: Vec<PlatformEvent> = last.iter().map(|row| transcript(row, call.started)).collect();
    // Chunks without a word are told too, so that a call of sound alone is seen to go on.
    if call.audio_chunks > 0 {
        let chunks = platforms.sounds.store.last_events(call.key, "audio_chunk", CHUNKS).await?;
        events.extend(chunks.iter().filter_map(chunk));
        events.sort_by(|one, other| one.start_time.total_cmp(&other.start_time));
    }
    let filter = AlertFilter { call: Some(call.key), limit: ALERTS, ..AlertFilter::default() };
    let alerts = platforms.sounds.store.alerts(filter).await?.iter().map(platform_alert).collect();
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    let is_active = call.state == CallState::Active;
    Ok(PlatformSnapshot {
        call_id: call.call_id.clone(),
        provider: metadata["provider"].as_str().unwrap_or(call.source.as_str()).to_owned(),
        status: if is_active { PlatformCallState::Active } else { PlatformCallState::Ended },
        risk_score: call.risk.unwrap_or(0.0),
        sentiment_score: call.rolling.unwrap_or(0.0),
        updated_at: Some(call.last_activity.rfc3339()),
        agent: Some(call.agent.clone().into()),
        events,
        alerts,
        live_audio: audio::meta_of(platforms, call).await?,
    })
}

/// `GET /api/realtime/calls/{id}/snapshot`
pub(super) async fn snapshot(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
) -> Result<Json<PlatformSnapshot>, PlatformRefusal> {
    let call = access.call(&platforms.sounds.store, &id).await?;
    Ok(Json(snapshot_of(&platforms, &id, call.as_ref()).await?))
}

/// `GET /api/realtime/alerts`: newest first; `call_id`, `open_only`, `limit`.
pub(super) async fn alerts(
    State(platforms): State<Platforms>,
    access: Access,
    query: Parameters,
) -> Result<Json<PlatformAlerts>, PlatformRefusal> {
    let open = query.flag("open_only")?.unwrap_or(false);
    let call = match query.text("call_id") {
        Some(id) => match access.call(&platforms.sounds.store, &id).await? {
            Some(row) => Some(row.key),
            None => return Ok(Json(PlatformAlerts { ok: true, count: 0, alerts: Vec::new() })),
        },
        None => None,
    };
    let limit = query.number("limit", 1..=1000)?.unwrap_or(ALERTS);
    let filter = AlertFilter {
        call,
        acknowledged: open.then_some(false),
        which: Which { only: access.campaign, ..Which::default() },
        limit,
        ..AlertFilter::default()
    };
    let alerts: Vec<_> = platforms.sounds.store.alerts(filter).await?.iter().map(platform_alert).collect();
    Ok(Json(PlatformAlerts { ok: true, count: alerts.len(), alerts }))
}

/// Names of the field that tells who acknowledges.
const ACKNOWLEDGERS: [&str; 3] = ["by", "acknowledged_by", "user"];
/// Characters of an acknowledger's name; what is longer is cut.
const LONGEST_NAME: usize = 100;

/// Who acknowledges; a body may be left out or empty. One that says something else is refused: who was first stays, also an unknown one.
fn acknowledger(body: &[u8]) -> Result<String, PlatformRefusal> {
    let wanted = || {
        let msg = "an object is wanted with a name as text in by, acknowledged_by or user, like {\"by\": \"mary\"}";
        PlatformRefusal::Bad(format!("{msg}; or no body"))
    };
    if body.trim_ascii().is_empty() {
        return Ok("unknown".into());
    }
    let Ok(Value::Object(map)) = serde_json::from_slice(body) else { return Err(wanted()) };
    let told: Vec<&Value> = ACKNOWLEDGERS.iter().filter_map(|key| map.get(*key)).collect();
    if told.is_empty() && !map.is_empty() {
        return Err(wanted());
    }
    match told.into_iter().find(|value| !value.is_null()) {
        None => Ok("unknown".into()),
        Some(Value::String(by)) if !by.trim().is_empty() => Ok(by.trim().chars().take(LONGEST_NAME).collect()),
        Some(_) => Err(wanted()),
    }
}

/// `POST /api/realtime/alerts/{id}/ack`
pub(super) async fn ack(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<PlatformAck>, PlatformRefusal> {
    let by = acknowledger(&body)?;
    let alert = acknowledge(&platforms.sounds.store, platforms.sounds.clock, &access, &id, &by).await?;
    let alert = if access.may(READ) {
        PlatformAlertShown::Whole(Box::new(platform_alert(&alert)))
    } else {
        PlatformAlertShown::Taken(taken(&alert))
    };
    Ok(Json(PlatformAck { ok: true, alert }))
}

/// `GET /api/realtime/stream?call_id=`: a snapshot, then the call's events as they are committed.
pub(super) async fn stream(
    State(platforms): State<Platforms>,
    access: Access,
    query: Parameters,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, PlatformRefusal> {
    let id = query.text("call_id");
    // Subscribed before the snapshot is made: nothing falls between.
    let live = platforms.sounds.store.live();
    let (first, key) = match &id {
        Some(id) => {
            let call = access.call(&platforms.sounds.store, id).await?;
            (sse("snapshot", &snapshot_of(&platforms, id, call.as_ref()).await?), call.map(|call| call.key))
        }
        None => (sse("snapshot", &IdleSnapshot { status: PlatformCallState::Idle, call_id: None }), None),
    };
    let lease = access.lease(&platforms.sounds.access_control, &platforms.stop);
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn who_acknowledges_is_read_or_the_body_is_refused() {
        let long = "x".repeat(200);
        for (body, by) in [
            ("", "unknown"),
            ("{}", "unknown"),
            ("{\"by\": null, \"alert\": 7}", "unknown"),
            ("{\"user\": \"mary\", \"note\": \"seen\"}", "mary"),
            ("{\"by\": null, \"acknowledged_by\": \" sue \"}", "sue"),
            (&format!("{{\"by\": \"{long}\"}}"), &long[..100]),
        ] {
            assert!(matches!(acknowledger(body.as_bytes()), Ok(name) if name == by), "{body}");
        }
        for body in ["by=mary", "[]", "\"mary\"", "{\"by\": 7}", "{\"By\": \"mary\"}", "{\"by\": \" \"}"] {
            let told = acknowledger(body.as_bytes());
            assert!(matches!(told, Err(PlatformRefusal::Bad(told)) if told.contains("acknowledged_by")), "{body}");
        }
    }

    #[test]
    fn a_call_is_told_in_the_fields_that_connectors_read() {
        let told = |snapshot: &PlatformSnapshot| serde_json::to_value(snapshot).expect("JSON");
        let audio = serde_json::to_value(audio::none("c.1")).expect("JSON");
        let nobody = json!({
            "call_id": "c.1", "provider": "", "status": "idle", "risk_score": 0.0, "sentiment_score": 0.0, "updated_at": null, "events": [],
            "alerts": [], "live_audio": audio,
        });
        assert_eq!(told(&idle("c.1")), nobody);
        let mut known = nobody;
        (known["status"], known["agent"]) = (json!("active"), Value::Null);
        let status = PlatformCallState::Active;
        assert_eq!(told(&PlatformSnapshot { status, agent: Some(Value::Null), ..idle("c.1") }), known);
        let first = serde_json::to_value(IdleSnapshot { status: PlatformCallState::Idle, call_id: None });
        assert_eq!(first.expect("JSON"), json!({"status": "idle", "call_id": null}));
    }

    #[test]
    fn texts_and_chunks_are_events_of_one_shape() {
        let payload = json!({"leg": "caller", "start_time": 1.0, "duration": 0.5, "timestamp": "T"}).to_string();
        let event = StoredEvent { id: 7, call: None, kind: "audio_chunk".into(), payload: payload.into() };
        let wanted = json!({
            "id": "chunk-7", "event_type": "audio_chunk", "speaker": "customer", "text": "", "sentiment": null, "sender_sentiment": null,
            "confidence": null, "keywords": [], "start_time": 1.0, "end_time": 1.5, "timestamp": "T",
        });
        assert_eq!(serde_json::to_value(chunk(&event)).expect("JSON"), wanted);
        let row = SegmentRow {
            id: 3,
            start_ms: 1000,
            end_ms: 2000,
            text: "hello".into(),
            confidence: 0.5,
            language: None,
            words: Value::Null,
            compound: Some(0.25),
            pos: 0.0,
            neu: 1.0,
            neg: 0.0,
            label: "positive".into(),
            keywords: json!([]),
            profanity: json!([]),
            leg: Leg::Agent,
            speaker: Leg::Agent,
            engine: None,
            sender_sentiment: None,
        };
        let wanted = json!({
            "id": 3, "event_type": "transcript", "speaker": "agent", "text": "hello", "sentiment": 0.25, "sender_sentiment": null,
            "confidence": 0.5, "keywords": [], "start_time": 1.0, "end_time": 2.0, "timestamp": "1970-01-01T00:00:02.000Z",
        });
        assert_eq!(serde_json::to_value(transcript(&row, WallTime(1000))).expect("JSON"), wanted);
    }
}
