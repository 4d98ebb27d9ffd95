//! Calls: lists, single ones, text, and the commands to name and to end one. The shapes are those of the call sessions API, with additions.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::find::{cursor, filters, find, similar_agents, which};
use super::shown::{cumulative, segment, session, summary};
use crate::api::access::grant::Access;
use crate::api::access::route::OPERATE;
use crate::api::request::{ApiError, Clock, Parameters, cut};
use crate::call::{CallId, CallNames, CallState};
use crate::contract::call::{CallDetail, CallList, NamedCall, Naming, Segment, SessionStats, Transcript};
use crate::contract::problem::{Part, Problem};
use crate::contract::processing::TextPass;
use crate::contract::seconds;
use crate::pipeline::command::Command;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::calls::{CallFilter, CallRow};
use crate::store::segments::SegmentRow;

type Answer<T> = Result<Json<T>, ApiError>;

/// Query parameters of a list.
pub(in crate::api) const LIST: &[&str] = filters!["cursor", "limit"];

/// `GET /api/v1/calls`: newest first, filtered, page by page.
pub(in crate::api) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Answer<CallList> {
    let (after, only) = (cursor(&query)?, access.campaign.clone());
    let which = which(&query, access, clock.now())?;
    let limit = query.limit()?;
    let mut rows = store.list_calls(CallFilter { which, after, limit: limit + 1 }).await?;
    let more = cut(&mut rows, limit);
    let next = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.started.0, last.key));
    let similar_agents = similar_agents(&store, rows.is_empty(), query.text("agent"), only).await?;
    Ok(Json(CallList { calls: rows.iter().map(summary).collect(), next_cursor: next, similar_agents }))
}

/// `GET /api/v1/calls/active`
pub(in crate::api) async fn active(State(store): State<Store>, access: Access) -> Answer<Vec<CallDetail>> {
    let mut calls = Vec::new();
    for row in store.open_calls().await?.iter().filter(|row| access.sees(row)) {
        calls.push(session(&store, row).await?);
    }
    Ok(Json(calls))
}

/// `GET /api/v1/calls/stats`
pub(in crate::api) async fn stats(State(store): State<Store>, access: Access) -> Answer<SessionStats> {
    let mut rows = store.open_calls().await?;
    rows.retain(|row| access.sees(row));
    let total: i64 = rows.iter().map(|row| row.audio_ms).sum();
    Ok(Json(SessionStats {
        active_sessions: rows.len(),
        total_audio_duration: seconds(total),
        total_segments: rows.iter().map(|row| row.segments).sum(),
        average_duration_per_session: if rows.is_empty() { 0.0 } else { seconds(total) / rows.len() as f64 },
        session_list: rows.into_iter().map(|row| row.call_id).collect(),
    }))
}

/// `GET /api/v1/calls/{id}`
pub(in crate::api) async fn one(State(store): State<Store>, Path(id): Path<String>) -> Answer<CallDetail> {
    let row = find(&store, &id).await?;
    Ok(Json(session(&store, &row).await?))
}

/// `GET /api/v1/calls/{id}/transcript`
pub(in crate::api) async fn transcript(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
    query: Parameters,
) -> Answer<Transcript> {
    let with_segments = query.flag("include_segments")?.unwrap_or(false);
    let pass = asked(&query)?;
    let call = find(&store, &id).await?;
    let (rows, pass) = rows_of(&store, &call, pass).await?;
    Ok(Json(Transcript {
        call_id: call.call_id,
        cumulative_transcript: cumulative(&rows),
        language: desk.language(&rows),
        pass,
        segment_count: rows.len(),
        total_duration: seconds(call.audio_ms),
        segments: with_segments.then(|| rows.iter().map(segment).collect()),
    }))
}

/// `GET /api/v1/calls/{id}/segments`
pub(in crate::api) async fn segments(
    State(store): State<Store>,
    Path(id): Path<String>,
    query: Parameters,
) -> Answer<Vec<Segment>> {
    let pass = asked(&query)?;
    let call = find(&store, &id).await?;
    let (rows, _) = rows_of(&store, &call, pass).await?;
    Ok(Json(rows.iter().map(segment).collect()))
}

/// The pass that is asked for; the final one without a word.
pub(super) fn asked(query: &Parameters) -> Result<TextPass, ApiError> {
    match query.text("pass").as_deref() {
        None | Some("final") => Ok(TextPass::Final),
        Some("live") => Ok(TextPass::Live),
        Some(other) => Err(ApiError::Wrong(Part::Query, "pass".into(), format!("{other:?} is not live or final"))),
    }
}

/// A call's text in a pass, and which it is: without a final pass it is the live one.
pub(super) async fn rows_of(
    store: &Store,
    call: &CallRow,
    pass: TextPass,
) -> Result<(Vec<SegmentRow>, TextPass), ApiError> {
    if pass == TextPass::Live
        && let Some(live) = store.live_segments(call.key).await?
    {
        return Ok((live, TextPass::Live));
    }
    let made = if store.was_transcribed_again(call.key).await? { TextPass::Final } else { TextPass::Live };
    Ok((store.segments(call.key).await?, made))
}

/// `POST /api/v1/calls/{id}/end`: hangs up on the senders of the call's audio. 409 where there are none.
pub(in crate::api) async fn end(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    let reason = query.text("reason").unwrap_or_else(|| "manual".into());
    if reason.len() > 200 {
        return Err(ApiError::Wrong(Part::Query, "reason".into(), "at most 200 characters".into()));
    }
    let call = find(&store, &id).await?;
    let (reply, answer) = oneshot::channel();
    let gone = |_| ApiError::Unavailable("the daemon is stopping".into());
    commands
        .send(Command::End { call: call.key, reason, reply })
        .await
        .map_err(|_| ApiError::Unavailable("the daemon is stopping".into()))?;
    if answer.await.map_err(gone)? {
        return Ok(Json("Call ended successfully").into_response());
    }
    let detail = match (call.state, call.ended) {
        (CallState::Completed | CallState::Failed, Some(at)) => {
            format!("the call is over since {}", at.rfc3339())
        }
        _ => "the call's line is closed; it is over when the last of it is text".into(),
    };
    Ok((StatusCode::CONFLICT, Json(Problem::text(detail))).into_response())
}

/// Whether somebody may make one call of two: where one of them is over, only who may operate.
pub(in crate::api) fn may_join(access: &Access, one: &CallRow, other: &CallRow) -> bool {
    let is_over = |call: &CallRow| matches!(call.state, CallState::Completed | CallState::Failed);
    access.may(OPERATE) || !is_over(one) && !is_over(other)
}

/// Fields of the body of `POST /api/v1/calls`.
const KNOWN: [&str; 8] = ["call_id", "uuid", "uniqueid", "agent", "campaign", "lead", "phone", "metadata"];

/// `POST /api/v1/calls`: names a call, also before its audio comes.
pub(in crate::api) async fn name(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    access: Access,
    body: Result<Json<Value>, axum::extract::rejection::JsonRejection>,
) -> Answer<NamedCall> {
    let Json(body) = body.map_err(|error| match error.status() {
        axum::http::StatusCode::PAYLOAD_TOO_LARGE => ApiError::TooLarge,
        _ => ApiError::Wrong(Part::Body, "json".into(), error.body_text()),
    })?;
    let Value::Object(map) = body else {
        return Err(ApiError::Wrong(Part::Body, "json".into(), "an object is wanted".into()));
    };
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(ApiError::Wrong(Part::Body, unknown.clone(), format!("unknown; known are {}", KNOWN.join(", "))));
    }
    let text = |key: &str| match map.get(key) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if (1..=200).contains(&text.len()) => Ok(Some(text.clone())),
        Some(Value::Number(number)) if number.is_i64() || number.is_u64() => Ok(Some(number.to_string())),
        // 1795218045.120 is read as 1795218045.12, which is another call.
        Some(Value::Number(_)) => {
            let msg = "a number with a fraction loses its last zeros: send it as a text, in quotes";
            Err(ApiError::Wrong(Part::Body, key.into(), msg.into()))
        }
        Some(_) => Err(ApiError::Wrong(Part::Body, key.into(), "a text of 1 to 200 characters is wanted".into())),
    };
    let metadata = match map.get("metadata") {
        None | Some(Value::Null) => None,
        Some(Value::Object(object)) => Some(object.clone()),
        Some(_) => return Err(ApiError::Wrong(Part::Body, "metadata".into(), "an object is wanted".into())),
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
        return Err(ApiError::Wrong(Part::Body, "metadata".into(), msg));
    }
    if names.uuid.as_deref().is_some_and(|uuid| uuid.parse::<uuid::Uuid>().is_err()) {
        return Err(ApiError::Wrong(Part::Body, "uuid".into(), "not a UUID".into()));
    }
    let target = text("call_id")?.or(names.uuid.clone()).or(names.uniqueid.clone());
    let target = target.ok_or_else(|| {
        ApiError::Wrong(Part::Body, "uuid".into(), "one of uuid, call_id and uniqueid is needed".into())
    })?;
    for id in [Some(&target), names.uniqueid.as_ref()].into_iter().flatten() {
        CallId::parse(id).map_err(|error| ApiError::Wrong(Part::Body, "uniqueid".into(), error.to_string()))?;
    }
    if !access.may(OPERATE)
        && let Some(uniqueid) = &names.uniqueid
        && let (Some(one), Some(other)) = (store.call(&target).await?, store.call(uniqueid).await?)
        && one.key != other.key
        && !may_join(&access, &one, &other)
    {
        let msg = "that call is another one, and one of them is over: only a token that may operate makes them one";
        return Err(ApiError::Wrong(Part::Body, "uniqueid".into(), msg.into()));
    }
    let (reply, answer) = oneshot::channel();
    let stopping = || ApiError::Unavailable("the daemon is stopping".into());
    commands.send(Command::Name { call: target, names, reply }).await.map_err(|_| stopping())?;
    let outcome = answer.await.map_err(|_| stopping())?;
    let status = if outcome.heard { Naming::Named } else { Naming::Expected };
    Ok(Json(NamedCall { call_id: outcome.call_id, status }))
}
