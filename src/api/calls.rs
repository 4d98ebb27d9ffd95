//! Calls: lists, single ones, text, and the two things that can be asked of one. Shapes as the call sessions API documents them, with more beside.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use tokio::sync::oneshot;

use super::walls::access::Access;
use super::walls::door::OPERATE;
use super::{Api, ApiError, Parameters};
use crate::call::{CallId, CallNames, CallState, LegKey, WallTime};
use crate::pipeline::command::Command;
use crate::store::calls::{CallFilter, CallRow, LegRow, Which};
use crate::store::doubled::Doubled;
use crate::store::segments::SegmentRow;

type Answer = Result<Json<Value>, ApiError>;

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// What every list shows of a call.
pub(super) fn summary(call: &CallRow) -> Map<String, Value> {
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

fn segment(row: &SegmentRow) -> Value {
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
pub(super) fn segment_json(row: &SegmentRow) -> Value {
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
pub(super) struct Whole {
    pub(super) call: CallRow,
    pub(super) rows: Vec<SegmentRow>,
    legs: Vec<LegRow>,
    alerts: Vec<Value>,
    doubled: Vec<Doubled>,
}

impl Whole {
    pub(super) async fn read(api: &Api, call: CallRow) -> Result<Self, ApiError> {
        let legs = api.store.legs(call.key).await?;
        let rows = api.store.segments(call.key).await?;
        let alerts = super::alerts::of_call(api, call.key).await?;
        let doubled = api.store.doubled(call.key).await?;
        Ok(Self { call, rows, legs, alerts, doubled })
    }

    /// All of it. An hour of talk takes milliseconds.
    pub(super) fn session(&self) -> Value {
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
pub(super) async fn session(api: &Api, call: &CallRow) -> Result<Value, ApiError> {
    Ok(Whole::read(api, call.clone()).await?.session())
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

fn cumulative(rows: &[SegmentRow]) -> String {
    rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join(" ")
}

async fn find(api: &Api, id: &str) -> Result<CallRow, ApiError> {
    CallId::parse(id)
        .map_err(|error| ApiError::Wrong("path", "call_id".into(), format!("Invalid call_id format: {error}")))?;
    api.store.call(id).await?.ok_or(ApiError::NoCall)
}

/// The row of a call named in a path, where the guard has looked whose it is.
pub(super) async fn find_call(api: &Api, id: &str) -> Result<CallRow, ApiError> {
    find(api, id).await
}

/// The row of a call named elsewhere, if it exists for the one who asks.
pub(super) async fn find_seen(api: &Api, access: &Access, id: &str) -> Result<CallRow, ApiError> {
    let call = find(api, id).await?;
    if access.sees(&call) { Ok(call) } else { Err(ApiError::NoCall) }
}

/// Which calls somebody asks for and may see, as lists and the search are filtered alike.
pub(super) fn which(query: &Parameters, access: Access, now: WallTime) -> Result<Which, ApiError> {
    let state = query
        .text("state")
        .or(query.text("status"))
        .map(|word| {
            let allowed = "active, connection_closed, completed or failed";
            CallState::parse(&word)
                .ok_or_else(|| ApiError::Wrong("query", "state".into(), format!("{word:?} is not {allowed}")))
        })
        .transpose()?;
    Ok(Which {
        state,
        agent: query.text("agent"),
        campaign: query.text("campaign"),
        tag: query.text("tag"),
        since: query.time("since", now)?,
        until: query.time("until", now)?,
        min_sentiment: query.number("min_sentiment", -1.0..=1.0)?,
        max_sentiment: query.number("max_sentiment", -1.0..=1.0)?,
        has_alerts: query.flag("has_alerts")?,
        only: access.campaign,
    })
}

/// What a list may be asked with.
pub(super) const LIST: &[&str] = &[
    "state",
    "status",
    "agent",
    "campaign",
    "tag",
    "since",
    "until",
    "min_sentiment",
    "max_sentiment",
    "has_alerts",
    "cursor",
    "limit",
];

/// `GET /api/v1/calls`: newest first, filtered, page by page.
pub(super) async fn list(State(api): State<Api>, access: Access, query: Parameters) -> Answer {
    let cursor = query
        .text("cursor")
        .map(|text| {
            let parts = text.split_once('.').and_then(|(start, row)| Some((start.parse().ok()?, row.parse().ok()?)));
            parts.ok_or_else(|| ApiError::Wrong("query", "cursor".into(), "not a cursor of an earlier page".into()))
        })
        .transpose()?;
    let which = which(&query, access, (api.health.now)())?;
    let filter = CallFilter { which, after: cursor, limit: query.limit()? };
    let limit = filter.limit as usize;
    let rows = api.store.list_calls(filter).await?;
    let next =
        (rows.len() == limit).then(|| rows.last().map(|last| format!("{}.{}", last.started.0, last.key))).flatten();
    Ok(Json(json!({"calls": rows.iter().map(summary).collect::<Vec<_>>(), "next_cursor": next})))
}

/// `GET /api/v1/calls/active`
pub(super) async fn active(State(api): State<Api>, access: Access) -> Answer {
    let mut calls = Vec::new();
    for row in api.store.open_calls().await?.iter().filter(|row| access.sees(row)) {
        calls.push(session(&api, row).await?);
    }
    Ok(Json(calls.into()))
}

/// `GET /api/v1/calls/stats`
pub(super) async fn stats(State(api): State<Api>, access: Access) -> Answer {
    let mut rows = api.store.open_calls().await?;
    rows.retain(|row| access.sees(row));
    let total: i64 = rows.iter().map(|row| row.audio_ms).sum();
    Ok(Json(json!({
        "active_sessions": rows.len(),
        "total_audio_duration": seconds(total),
        "total_segments": rows.iter().map(|row| row.segments).sum::<i64>(),
        "average_duration_per_session": if rows.is_empty() { 0.0 } else { seconds(total) / rows.len() as f64 },
        "session_list": rows.iter().map(|row| row.call_id.as_str()).collect::<Vec<_>>(),
    })))
}

/// `GET /api/v1/calls/{id}`
pub(super) async fn one(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let row = find(&api, &id).await?;
    Ok(Json(session(&api, &row).await?))
}

/// `GET /api/v1/calls/{id}/transcript`
pub(super) async fn transcript(State(api): State<Api>, Path(id): Path<String>, query: Parameters) -> Answer {
    let with_segments = query.flag("include_segments")?.unwrap_or(false);
    let call = find(&api, &id).await?;
    let rows = api.store.segments(call.key).await?;
    let mut answer = json!({
        "call_id": call.call_id,
        "cumulative_transcript": cumulative(&rows),
        "language": rows.iter().find_map(|row| row.language.clone()),
        "segment_count": rows.len(),
        "total_duration": seconds(call.audio_ms),
    });
    if with_segments {
        answer["segments"] = rows.iter().map(segment).collect();
    }
    Ok(Json(answer))
}

/// `GET /api/v1/calls/{id}/segments`
pub(super) async fn segments(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let call = find(&api, &id).await?;
    Ok(Json(api.store.segments(call.key).await?.iter().map(segment).collect()))
}

/// `POST /api/v1/calls/{id}/end`: hangs up on whoever feeds the call. 409 where there is nothing to hang up on.
pub(super) async fn end(
    State(api): State<Api>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    let reason = query.text("reason").unwrap_or_else(|| "manual".into());
    if reason.len() > 200 {
        return Err(ApiError::Wrong("query", "reason".into(), "at most 200 characters".into()));
    }
    let call = find(&api, &id).await?;
    let (reply, answer) = oneshot::channel();
    let gone = |_| ApiError::Unavailable("the daemon is stopping".into());
    api.commands
        .send(Command::End { call: call.key, reason, reply })
        .await
        .map_err(|_| ApiError::Unavailable("the daemon is stopping".into()))?;
    if answer.await.map_err(gone)? {
        return Ok(Json("Call ended successfully").into_response());
    }
    let detail = match (CallState::parse(&call.state), call.ended) {
        (Some(CallState::Completed | CallState::Failed), Some(at)) => {
            format!("the call is over since {}", at.rfc3339())
        }
        _ => "the call's line is closed; it is over when the last of it is text".into(),
    };
    Ok((StatusCode::CONFLICT, Json(json!({"detail": detail}))).into_response())
}

/// What the body of `POST /api/v1/calls` may hold.
const KNOWN: [&str; 8] = ["call_id", "uuid", "uniqueid", "agent", "campaign", "lead", "phone", "metadata"];

/// `POST /api/v1/calls`: names a call, also before its audio comes.
pub(super) async fn name(
    State(api): State<Api>,
    access: Access,
    body: Result<Json<Value>, axum::extract::rejection::JsonRejection>,
) -> Answer {
    let Json(body) = body.map_err(|error| match error.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Wrong("body", "json".into(), error.body_text()),
    })?;
    let Value::Object(map) = body else {
        return Err(ApiError::Wrong("body", "json".into(), "an object is wanted".into()));
    };
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ApiError::Wrong("body", unknown.clone(), format!("unknown; known are {}", KNOWN.join(", "))));
    }
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=200).contains(&text.len()) => Ok(Some(text.clone())),
        Some(Value::Number(number)) => Ok(Some(number.to_string())),
        Some(_) => Err(ApiError::Wrong("body", key.into(), "a text of 1 to 200 characters is wanted".into())),
    };
    let metadata = match map.get("metadata") {
        None | Some(Value::Null) => None,
        Some(Value::Object(object)) => Some(object.clone()),
        Some(_) => return Err(ApiError::Wrong("body", "metadata".into(), "an object is wanted".into())),
    };
    let names = CallNames {
        uuid: text("uuid")?.map(|uuid| uuid.to_lowercase()),
        uniqueid: text("uniqueid")?,
        agent: text("agent")?,
        campaign: text("campaign")?,
        lead: text("lead")?,
        phone: text("phone")?,
        metadata,
    };
    if !names.metadata_fits() {
        let msg = format!(
            "more than {} bytes of JSON; keep a reference here and the rest elsewhere",
            CallNames::METADATA_BYTES
        );
        return Err(ApiError::Wrong("body", "metadata".into(), msg));
    }
    if names.uuid.as_deref().is_some_and(|uuid| uuid.parse::<uuid::Uuid>().is_err()) {
        return Err(ApiError::Wrong("body", "uuid".into(), "not a UUID".into()));
    }
    let target = text("call_id")?.or(names.uuid.clone()).or(names.uniqueid.clone());
    let target = target
        .ok_or_else(|| ApiError::Wrong("body", "uuid".into(), "one of uuid, call_id and uniqueid is needed".into()))?;
    for id in [Some(&target), names.uniqueid.as_ref()].into_iter().flatten() {
        CallId::parse(id).map_err(|error| ApiError::Wrong("body", "uniqueid".into(), error.to_string()))?;
    }
    if !access.may(OPERATE)
        && let Some(uniqueid) = &names.uniqueid
        && let (Some(one), Some(other)) = (api.store.call(&target).await?, api.store.call(uniqueid).await?)
        && one.key != other.key
        && [&one, &other].iter().any(|call| ["completed", "failed"].contains(&call.state.as_str()))
    {
        let msg = "that call is another one, and one of them is over: only a token that may operate makes them one";
        return Err(ApiError::Wrong("body", "uniqueid".into(), msg.into()));
    }
    let (reply, answer) = oneshot::channel();
    let stopping = || ApiError::Unavailable("the daemon is stopping".into());
    api.commands.send(Command::Name { call: target, names, reply }).await.map_err(|_| stopping())?;
    let outcome = answer.await.map_err(|_| stopping())?;
    Ok(Json(json!({"call_id": outcome.call_id, "status": if outcome.heard { "named" } else { "expected" }})))
}
