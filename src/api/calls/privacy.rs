//! What is not kept of a call, and what has to be kept: pauses of its recording, silenced stretches, legal hold.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::find::find_call;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::{CallState, Moment};
use crate::pipeline::command::Command;
use crate::pipeline::command::Pausing;
use crate::pipeline::retention::forget;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::forget::{ForgetError, Whom};

fn stopping() -> ApiError {
    ApiError::Unavailable("the daemon is stopping".into())
}

/// A short text of a query parameter.
fn short(query: &Parameters, name: &str) -> Result<Option<String>, ApiError> {
    let text = query.text(name);
    match text.as_ref().filter(|text| text.len() > 200) {
        Some(_) => Err(ApiError::Wrong("query", name.into(), "at most 200 characters".into())),
        None => Ok(text),
    }
}

async fn set(
    store: &Store,
    clock: Clock,
    commands: &mpsc::Sender<Command>,
    id: &str,
    query: &Parameters,
    pausing: Pausing,
) -> Result<Response, ApiError> {
    let at = Moment::now(clock.now());
    let by = short(query, "by")?.unwrap_or_else(|| "api".into());
    let call = find_call(store, id).await?;
    let (reply, answer) = oneshot::channel();
    commands.send(Command::Pause { call: call.key, pausing, by, at, reply }).await.map_err(|_| stopping())?;
    let running = answer.await.map_err(|_| stopping())?;
    let recording = if pausing == Pausing::Pause { "paused" } else { "running" };
    Ok(if running {
        Json(json!({"call_id": call.call_id, "recording": recording})).into_response()
    } else {
        let detail = json!({"detail": "the call is over: there is nothing to pause or resume"});
        (StatusCode::CONFLICT, Json(detail)).into_response()
    })
}

/// `POST /api/v1/calls/{id}/pause`: from now on nothing that is said is kept, as sound or as text. `by` is who asks.
pub(in crate::api) async fn pause(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(commands): State<mpsc::Sender<Command>>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    set(&store, clock, &commands, &id, &query, Pausing::Pause).await
}

/// `POST /api/v1/calls/{id}/resume`
pub(in crate::api) async fn resume(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(commands): State<mpsc::Sender<Command>>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    set(&store, clock, &commands, &id, &query, Pausing::Resume).await
}

/// `POST /api/v1/calls/{id}/hold`: neither age, nor a full disk, nor `lineside forget` deletes anything of it.
pub(in crate::api) async fn hold(
    State(store): State<Store>,
    State(clock): State<Clock>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    let reason = short(&query, "reason")?.unwrap_or_default();
    let call = find_call(&store, &id).await?;
    store.set_hold(call.key, reason, clock.now()).await?;
    log::info!("call {}: put on hold: it is kept until `DELETE /api/v1/calls/{}/hold`", call.call_id, call.call_id);
    one(State(store), Path(id)).await
}

/// `DELETE /api/v1/calls/{id}/hold`
pub(in crate::api) async fn release(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let call = find_call(&store, &id).await?;
    if !store.release_hold(call.key).await? {
        return Err(ApiError::NotFound("this call is not on hold".into()));
    }
    log::info!("call {}: hold released", call.call_id);
    one(State(store), Path(id)).await
}

/// `GET /api/v1/calls/{id}/privacy`: hold, and what is silent of which leg, in seconds of the call.
pub(in crate::api) async fn one(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<Value>, ApiError> {
    let call = find_call(&store, &id).await?;
    let hold = store.hold(call.key).await?;
    let mut silences = Vec::new();
    let mut paused = false;
    for leg in store.legs(call.key).await? {
        let at = |sample: u64| leg.offset_ms as f64 / 1000.0 + sample as f64 / f64::from(leg.rate_hz.max(1));
        for silence in store.silences(leg.key).await? {
            paused |= silence.end.is_none();
            silences.push(json!({
                "leg": leg.leg, "leg_id": leg.key, "start_time": at(silence.start), "end_time": silence.end.map(at),
                "why": silence.why, "in_file": leg.owned,
            }));
        }
    }
    Ok(Json(json!({
        "call_id": call.call_id,
        "recording": recording(&call, paused),
        "hold": hold.map(|hold| json!({"since": hold.at.rfc3339(), "reason": hold.reason})),
        "silences": silences,
    })))
}

/// Whether what is said is kept. Of a call that is over nothing is said any more.
fn recording(call: &CallRow, paused: bool) -> &'static str {
    match (CallState::parse(&call.state), paused) {
        (Some(CallState::Active), true) => "paused",
        (Some(CallState::Active), false) => "running",
        _ => "over",
    }
}

/// `POST /api/v1/forget` with `{"phone": …}`, `{"lead": …}` or `{"call": …}`: erases a person, and says what the proof found.
pub(in crate::api) async fn forget(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    body: Result<Json<Whom>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(whom) = body.map_err(|error| ApiError::Wrong("body", "json".into(), error.body_text()))?;
    let state = store.path().parent().unwrap_or(store.path()).to_path_buf();
    match forget::running(&store, &commands, &state, whom).await {
        Ok(report) => {
            log::info!(
                "forget: erased {} calls, {} segments, {} sound files; {} remainders found",
                report.erased.calls.len(),
                report.erased.segments,
                report.files,
                report.left.len()
            );
            Ok(Json(report).into_response())
        }
        Err(error @ ForgetError::Nobody(_)) => Err(ApiError::NotFound(error.to_string())),
        Err(ForgetError::Store(error)) => Err(error.into()),
        Err(error) => Ok((StatusCode::CONFLICT, Json(json!({"detail": error.to_string()}))).into_response()),
    }
}
