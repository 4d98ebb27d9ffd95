//! Privacy of a call: pauses of its recording, silenced stretches, legal hold.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use tokio::sync::{mpsc, oneshot};

use super::find::find_call;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::{CallState, Moment};
use crate::contract::privacy::{ErasedRows, Forgotten, LegalHold, Privacy, Recording, RecordingState, SilentStretch};
use crate::contract::problem::{Part, Problem};
use crate::contract::seconds;
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
        Some(_) => Err(ApiError::Wrong(Part::Query, name.into(), "at most 200 characters".into())),
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
    let recording = if pausing == Pausing::Pause { Recording::Paused } else { Recording::Running };
    Ok(if running {
        Json(RecordingState { call_id: call.call_id, recording }).into_response()
    } else {
        let over = Problem::text("the call is over: there is nothing to pause or resume");
        (StatusCode::CONFLICT, Json(over)).into_response()
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
) -> Result<Json<Privacy>, ApiError> {
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
) -> Result<Json<Privacy>, ApiError> {
    let call = find_call(&store, &id).await?;
    if !store.release_hold(call.key).await? {
        return Err(ApiError::NotFound("this call is not on hold".into()));
    }
    log::info!("call {}: hold released", call.call_id);
    one(State(store), Path(id)).await
}

/// `GET /api/v1/calls/{id}/privacy`: the hold and the silenced stretches of each leg, in seconds of the call.
pub(in crate::api) async fn one(State(store): State<Store>, Path(id): Path<String>) -> Result<Json<Privacy>, ApiError> {
    let call = find_call(&store, &id).await?;
    let hold = store.hold(call.key).await?;
    let mut silences = Vec::new();
    let mut paused = false;
    for leg in store.legs(call.key).await? {
        let at = |sample: u64| seconds(leg.offset_ms) + sample as f64 / f64::from(leg.rate_hz.max(1));
        for silence in store.silences(leg.key).await? {
            paused |= silence.end.is_none();
            silences.push(SilentStretch {
                leg: leg.leg,
                leg_id: leg.key.0,
                start_time: at(silence.start),
                end_time: silence.end.map(at),
                why: silence.why,
                in_file: leg.owned,
            });
        }
    }
    Ok(Json(Privacy {
        recording: recording(&call, paused),
        call_id: call.call_id,
        hold: hold.map(|hold| LegalHold { since: hold.at.rfc3339(), reason: hold.reason }),
        silences,
    }))
}

/// Whether what is said is kept. Of a call that is over nothing is said any more.
fn recording(call: &CallRow, paused: bool) -> Recording {
    match (call.state, paused) {
        (CallState::Active, true) => Recording::Paused,
        (CallState::Active, false) => Recording::Running,
        _ => Recording::Over,
    }
}

/// `POST /api/v1/forget` with `{"phone": …}`, `{"lead": …}` or `{"call": …}`: erases a person, and says what the proof found. With `dry_run` it says what
/// would be erased.
pub(in crate::api) async fn forget(
    State(store): State<Store>,
    State(commands): State<mpsc::Sender<Command>>,
    query: Parameters,
    body: Result<Json<Whom>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(whom) = body.map_err(|error| ApiError::Wrong(Part::Body, "json".into(), error.body_text()))?;
    let state = store.path().parent().unwrap_or(store.path()).to_path_buf();
    let is_dry = query.flag("dry_run")?.unwrap_or(false);
    let done = if is_dry {
        forget::planned(&store, whom).await
    } else {
        forget::running(&store, &commands, &state, whom).await
    };
    match done {
        Ok(report) if is_dry => Ok(Json(told(report)).into_response()),
        Ok(report) => {
            log::info!(
                "forget: erased {} calls, {} segments, {} sound files; {} remainders found",
                report.erased.calls.len(),
                report.erased.segments,
                report.files,
                report.left.len()
            );
            Ok(Json(told(report)).into_response())
        }
        Err(error @ ForgetError::Nobody(_)) => Err(ApiError::NotFound(error.to_string())),
        Err(ForgetError::Store(error)) => Err(error.into()),
        Err(error) => Ok((StatusCode::CONFLICT, Json(Problem::text(error.to_string()))).into_response()),
    }
}

fn told(report: forget::ForgetReport) -> Forgotten {
    let forget::ForgetReport { erased, files, bytes, searched_for, searched_in, shared, left } = report;
    let erased = ErasedRows {
        calls: erased.calls,
        segments: erased.segments,
        events: erased.events,
        audio: erased.audio,
        legs: erased.legs,
        recordings: erased.recordings,
        scrubbed: erased.scrubbed,
    };
    Forgotten { erased, files, bytes, searched_for, searched_in, shared, left }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Leg;
    use crate::store::forget::Erased;

    #[test]
    fn what_is_not_kept_is_told_as_it_was() {
        let silence = SilentStretch {
            leg: Leg::Agent,
            leg_id: 5,
            start_time: 1.0,
            end_time: None,
            why: "pause".into(),
            in_file: true,
        };
        let hold = LegalHold { since: "T".into(), reason: "court".into() };
        let privacy =
            Privacy { call_id: "c.1".into(), recording: Recording::Paused, hold: Some(hold), silences: vec![silence] };
        let wanted = json!({
            "call_id": "c.1", "recording": "paused", "hold": {"since": "T", "reason": "court"},
            "silences": [{"leg": "agent", "leg_id": 5, "start_time": 1.0, "end_time": null, "why": "pause", "in_file": true}],
        });
        assert_eq!(serde_json::to_value(privacy).expect("JSON"), wanted);
        let state = RecordingState { call_id: "c.1".into(), recording: Recording::Running };
        assert_eq!(serde_json::to_value(state).expect("JSON"), json!({"call_id": "c.1", "recording": "running"}));
    }

    #[test]
    fn a_report_is_told_whole() {
        let erased = Erased { calls: vec!["c.1".into()], segments: 3, audio: vec!["a".into()], ..Erased::default() };
        let report = forget::ForgetReport {
            erased,
            files: 1,
            bytes: 2,
            left: vec!["x".into()],
            ..forget::ForgetReport::default()
        };
        let before = serde_json::to_value(&report).expect("JSON");
        assert_eq!(serde_json::to_value(told(report)).expect("JSON"), before);
    }
}
