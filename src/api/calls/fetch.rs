//! Recordings on other servers: `GET` and `POST /api/v1/fetch`.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::tz::TimeZone;
use serde_json::Value;

use crate::api::request::{ApiError, Clock, Parameters, cut};
use crate::call::{CallId, WallTime};
use crate::contract::fetch::{FetchList, FetchTaken};
use crate::contract::problem::{Part, Problem};
use crate::pipeline::fetches::{FetchError, FetchWish, Fetches};
use crate::store::Store;
use crate::store::fetches::FetchRow;

/// Query parameters of the list.
pub(in crate::api) const LIST: &[&str] = &["call_id", "limit"];
/// Fields of the body of `POST /api/v1/fetch`.
const KNOWN: [&str; 3] = ["call_ids", "remote", "at"];
/// Calls of one request.
const CALLS: usize = 1000;

/// `GET /api/v1/fetch`
pub(in crate::api) async fn list(
    State(store): State<Store>,
    State(fetches): State<Fetches>,
    parameters: Parameters,
) -> Result<Json<FetchList>, ApiError> {
    let limit = parameters.limit()?;
    let mut rows = store.fetches(parameters.text("call_id"), limit + 1).await?;
    let more = cut(&mut rows, limit);
    let fetches_shown = rows.into_iter().map(FetchRow::shown).collect();
    Ok(Json(FetchList { remotes: fetches.servers().await, fetches: fetches_shown, more }))
}

/// `POST /api/v1/fetch` with `{"call_ids": […]}`: they are in the queue when it is answered.
pub(in crate::api) async fn start(
    State(fetches): State<Fetches>,
    State(clock): State<Clock>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(body) = body.map_err(|error| ApiError::Wrong(Part::Body, "json".into(), error.body_text()))?;
    let wish = wish(&body, clock.now())?;
    match fetches.start(wish).await {
        Ok(taken) if taken.fetches.is_empty() => Err(ApiError::Wrong(Part::Body, "call_ids".into(), reasons(&taken))),
        Ok(taken) => Ok((StatusCode::ACCEPTED, Json(taken)).into_response()),
        Err(error @ (FetchError::Unknown(..) | FetchError::Which(_))) => {
            Err(ApiError::Wrong(Part::Body, "remote".into(), error.to_string()))
        }
        Err(error @ FetchError::Off) => {
            Ok((StatusCode::CONFLICT, Json(Problem::text(error.to_string()))).into_response())
        }
        Err(FetchError::Store(error)) => Err(error.into()),
        Err(error @ FetchError::Stopping) => Err(ApiError::Unavailable(error.to_string())),
    }
}

/// Reasons why nothing of a request can be done, by the first few of its calls.
fn reasons(taken: &FetchTaken) -> String {
    let reasons: Vec<String> =
        taken.refused.iter().take(5).map(|refusal| format!("{}: {}", refusal.call_id, refusal.detail)).collect();
    reasons.join("; ")
}

fn wish(body: &Value, now: WallTime) -> Result<FetchWish, ApiError> {
    let wrong = |name: &str, problem: String| ApiError::Wrong(Part::Body, name.into(), problem);
    let Value::Object(map) = body else { return Err(wrong("json", "an object is wanted".into())) };
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(wrong(unknown, format!("unknown; known are {}", KNOWN.join(", "))));
    }
    let text = |name: &str| match map.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text.clone())),
        Some(_) => Err(wrong(name, "a text is wanted".into())),
    };
    let ids = map.get("call_ids").and_then(Value::as_array).filter(|ids| (1..=CALLS).contains(&ids.len()));
    let ids = ids.ok_or_else(|| wrong("call_ids", format!("a list of 1 to {CALLS} ids of calls is wanted")))?;
    let id = |id: &Value| {
        let text = id.as_str().ok_or_else(|| wrong("call_ids", format!("{id} is no text")))?;
        CallId::parse(text).map_err(|error| wrong("call_ids", format!("{text:?}: {error}")))
    };
    let at = text("at")?.map(|at| WallTime::read(&at, now, &TimeZone::system())).transpose();
    let at = at.map_err(|error| wrong("at", error.to_string()))?;
    Ok(FetchWish { remote: text("remote")?, calls: ids.iter().map(id).collect::<Result<_, _>>()?, at, told: None })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn recordings_are_asked_for_by_calls_a_server_and_a_time_and_nothing_else_is_taken() {
        let now = WallTime(1_795_218_045_000);
        let ok = wish(&json!({"call_ids": ["a.1", "b.2"], "remote": "pbx2", "at": "2026-11-20T10:00:00Z"}), now);
        let ok = ok.expect("well made");
        assert_eq!((ok.calls.len(), ok.remote.as_deref()), (2, Some("pbx2")));
        assert_eq!(ok.at.expect("a time").rfc3339(), "2026-11-20T10:00:00.000Z");
        for body in [
            json!([]),
            json!({}),
            json!({"call_ids": []}),
            json!({"call_ids": "a.1"}),
            json!({"call_ids": [7]}),
            json!({"call_ids": ["../../etc/passwd"]}),
            json!({"call_ids": ["a.1"], "path": "/etc/passwd"}),
            json!({"call_ids": ["a.1"], "remote": 7}),
            json!({"call_ids": ["a.1"], "at": "once"}),
            json!({"call_ids": vec!["a.1"; CALLS + 1]}),
        ] {
            assert!(wish(&body, now).is_err(), "{body}");
        }
    }
}
