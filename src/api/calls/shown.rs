//! A call as it is shown: in short for lists, whole for a page; its segments and legs.

use serde_json::{Map, Value, json};

use super::alerts;
use crate::api::request::ApiError;
use crate::call::{LegKey, WallTime};
use crate::store::Store;
use crate::store::calls::{CallRow, LegRow};
use crate::store::doubled::Doubled;
use crate::store::segments::SegmentRow;

pub(in crate::api) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What every list shows of a call.
pub(in crate::api) fn summary(call: &CallRow) -> Map<String, Value> {
    let object = json!({
        "call_id": call.call_id,
        "status": call.state,
        "source": call.source,
        "start_time": call.started.rfc3339(),
        "last_activity": call.last_activity.rfc3339(),
        "hangup_time": call.closed.map(WallTime::rfc3339),
        "end_time": call.ended.map(WallTime::rfc3339),
        "end_reason": call.end_reason,
        "uniqueid": call.uniqueid,
        "uuid": call.uuid,
        "agent": call.agent,
        "campaign": call.campaign,
        "lead": call.lead,
        "phone": call.phone,
        "metadata": serde_json::from_str::<Value>(&call.metadata).unwrap_or_default(),
        "total_audio_duration": seconds(call.audio_ms),
        "segment_count": call.segments,
        "sentiment": call.sentiment,
        "rolling_sentiment": call.rolling,
        "has_alerts": call.has_alerts,
        "open_alerts": call.open_alerts,
        "alert_level": call.alert_level,
        "risk_score": call.risk,
        "tags": call.tags,
        "processing_mode": "realtime",
    });
    if let Value::Object(map) = object { map } else { Map::new() }
}

pub(super) fn segment(row: &SegmentRow) -> Value {
    json!({
        "segment_id": row.id,
        "text": row.text,
        "start_time": seconds(row.start_ms),
        "end_time": seconds(row.end_ms),
        "duration": row.was_heard().then(|| seconds(row.end_ms - row.start_ms)),
        "confidence": row.confidence,
        "speaker": crate::call::Leg::parse(&row.leg).map_or("unknown", crate::call::Leg::speaker),
        "leg": row.leg,
        "language": row.language,
        "sentiment": {"compound": row.compound, "pos": row.pos, "neu": row.neu, "neg": row.neg, "label": row.label},
        "sender_sentiment": row.sender_sentiment,
        "keywords": row.keywords,
        "profanity": row.profanity,
        "words": words(&row.words),
        "engine": row.engine,
    })
}

fn words(words: &Value) -> Value {
    let word = |word: &Value| {
        let at = |key: &str| word[key].as_i64().map(seconds);
        json!({"text": word["text"], "start_time": at("start_ms"), "end_time": at("end_ms"), "confidence": word["confidence"]})
    };
    words.as_array().map_or(Value::Null, |list| list.iter().map(word).collect())
}

/// A segment as hits and transcripts show it.
pub(in crate::api) fn segment_json(row: &SegmentRow) -> Value {
    segment(row)
}

/// Who sent a leg, as readers of calls are told it: of a file its name, not where it lies on the server.
fn peer(peer: &str) -> &str {
    if peer.starts_with('/') { peer.rsplit('/').next().unwrap_or_default() } else { peer }
}

fn legs_json(legs: &[LegRow], call: &CallRow) -> Vec<Value> {
    legs.iter()
        .map(|leg| {
            json!({
                "leg": leg.leg, "leg_id": leg.key, "source": leg.source, "rate_hz": leg.rate_hz, "start_time": leg.started.rfc3339(),
                "offset": seconds(leg.offset_ms), "duration": leg.samples as f64 / f64::from(leg.rate_hz.max(1)), "peer": leg.peer.as_deref().map(peer),
                "closed": leg.closed.map(WallTime::rfc3339), "close_reason": leg.close_reason,
                "audio_url": format!("/api/v1/calls/{}/audio?leg={}", call.call_id, leg.key),
            })
        })
        .collect()
}

/// What is read for all that is known of a call.
pub(in crate::api) struct Whole {
    pub(in crate::api) call: CallRow,
    pub(in crate::api) rows: Vec<SegmentRow>,
    legs: Vec<LegRow>,
    alerts: Vec<Value>,
    doubled: Vec<Doubled>,
}

impl Whole {
    pub(in crate::api) async fn read(store: &Store, call: CallRow) -> Result<Self, ApiError> {
        let legs = store.legs(call.key).await?;
        let rows = store.segments(call.key).await?;
        let alerts = alerts::of_call(store, call.key).await?;
        let doubled = store.doubled(call.key).await?;
        Ok(Self { call, rows, legs, alerts, doubled })
    }

    /// All of it. An hour of talk takes milliseconds.
    pub(in crate::api) fn session(&self) -> Value {
        let Self { call, rows, legs, alerts, doubled } = self;
        let mut map = summary(call);
        let address = legs.iter().find_map(|leg| leg.peer.as_deref()?.parse::<std::net::SocketAddr>().ok());
        map.insert(
            "connection_info".into(),
            json!({
                "client_addr": address.map(|address| json!([address.ip().to_string(), address.port()])),
                "temp_connection_id": call.uuid,
                "start_time": call.started.rfc3339(),
            }),
        );
        map.insert("transcript_segments".into(), rows.iter().map(segment).collect());
        map.insert("cumulative_transcript".into(), cumulative(rows).into());
        map.insert("processing_plan".into(), json!({}));
        map.insert("legs".into(), legs_json(legs, call).into());
        map.insert("doubled".into(), doubled.iter().map(twice).collect());
        map.insert("alerts".into(), alerts.clone().into());
        let risk = call.risk_parts.as_deref().and_then(|parts| serde_json::from_str(parts).ok());
        map.insert("risk".into(), risk.unwrap_or_default());
        map.insert("figures".into(), serde_json::from_str(&call.figures).unwrap_or_default());
        Value::Object(map)
    }
}

/// All that is known of a call.
pub(in crate::api) async fn session(store: &Store, call: &CallRow) -> Result<Value, ApiError> {
    Ok(Whole::read(store, call.clone()).await?.session())
}

/// Two legs with the same words, as the detail of a call tells them.
fn twice(doubled: &Doubled) -> Value {
    let way = |(_, source, from): &(LegKey, String, Option<String>)| match from {
        Some(from) => format!("{source} {}", peer(from)),
        None => source.clone(),
    };
    let [one, other] = &doubled.legs;
    json!({
        "leg_ids": [one.0, other.0],
        "start_time": seconds(doubled.from_ms),
        "end_time": seconds(doubled.to_ms),
        "detail": format!(
            "the same voice came by two ways, {} and {}: what was said is there twice, and counts twice; feed a call by one of them",
            way(one),
            way(other)
        ),
    })
}

pub(in crate::api) fn cumulative(rows: &[SegmentRow]) -> String {
    rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join(" ")
}
