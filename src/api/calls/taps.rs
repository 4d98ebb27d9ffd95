//! Taps: `GET` and `POST /api/v1/taps`, `DELETE /api/v1/taps/{target}`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::api::request::ApiError;
use crate::call::CallState;
use crate::contract::problem::{Part, Problem};
use crate::contract::tap::{TalkingParty, TapList, TapState, TappedCall, TappedSide, UnheardCall};
use crate::pipeline::taps::{RATES, SideState, Tap, TapError, TapSide, Taps};
use crate::store::Store;

/// Fields of the body of `POST /api/v1/taps`.
const KNOWN: [&str; 2] = ["target", "rate"];
/// Length of a channel's name at most, bytes.
const LONGEST: usize = 200;

/// `GET /api/v1/taps`
pub(in crate::api) async fn list(
    State(taps): State<Taps>,
    State(store): State<Store>,
) -> Result<Json<TapList>, ApiError> {
    let mut unheard = Vec::new();
    for call in taps.untapped().await {
        let known = store.call(&call.call).await?;
        // Its sound comes by another way.
        if known.is_none_or(|known| known.state != CallState::Active) {
            let parties = call.parties.into_iter().map(|(leg, channel)| TalkingParty { leg, channel }).collect();
            unheard.push(UnheardCall { call_id: call.call, parties });
        }
    }
    Ok(Json(TapList { taps: taps.list().await.into_iter().map(shown).collect(), unheard }))
}

/// `POST /api/v1/taps` with `{"target": …}`: taps both sides of a call.
pub(in crate::api) async fn start(
    State(taps): State<Taps>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Response, ApiError> {
    let Json(body) = body.map_err(|error| ApiError::Wrong(Part::Body, "json".into(), error.body_text()))?;
    let (target, rate_hz) = wanted(&body)?;
    match taps.start(target, rate_hz).await {
        Ok(tap) => {
            log::info!("call {}: tapped because somebody asked", tap.call);
            Ok((StatusCode::ACCEPTED, Json(shown(tap))).into_response())
        }
        Err(error) => refused(&error),
    }
}

/// `DELETE /api/v1/taps/{target}`: ends a call's taps.
pub(in crate::api) async fn end(State(taps): State<Taps>, Path(target): Path<String>) -> Result<Response, ApiError> {
    match taps.end(target).await {
        Ok(tap) => {
            log::info!("call {}: its taps were ended because somebody asked", tap.call);
            Ok(Json(shown(tap)).into_response())
        }
        Err(error) => refused(&error),
    }
}

fn wanted(body: &Value) -> Result<(String, u32), ApiError> {
    let wrong = |name: &str, problem: String| ApiError::Wrong(Part::Body, name.into(), problem);
    let Value::Object(map) = body else { return Err(wrong("json", "an object is wanted".into())) };
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(wrong(unknown, format!("unknown; known are {}", KNOWN.join(", "))));
    }
    let target = map.get("target").and_then(Value::as_str).filter(|name| (1..=LONGEST).contains(&name.len()));
    let target = target.ok_or_else(|| wrong("target", "a channel's name or uniqueid is wanted".into()))?;
    let rate_hz = match map.get("rate") {
        None | Some(Value::Null) => RATES[0],
        Some(rate) => {
            let known = rate.as_u64().and_then(|rate| RATES.into_iter().find(|known| u64::from(*known) == rate));
            known.ok_or_else(|| wrong("rate", "8000 or 16000 is wanted".into()))?
        }
    };
    Ok((target.to_string(), rate_hz))
}

fn refused(error: &TapError) -> Result<Response, ApiError> {
    let text = error.to_string();
    match error {
        TapError::Unknown(_) | TapError::NotTapped(_) => Err(ApiError::NotFound(text)),
        TapError::Away(_) => Err(ApiError::Unavailable(text)),
        TapError::Off
        | TapError::Rights
        | TapError::NoSocket
        | TapError::Shape(_)
        | TapError::Taken(_)
        | TapError::Full(_) => Ok((StatusCode::CONFLICT, Json(Problem::text(text))).into_response()),
    }
}

fn shown(tap: Tap) -> TappedCall {
    let Tap { call, rate_hz, rule, since, sides } = tap;
    let side = |side: TapSide| {
        let (state, problem) = match side.state {
            SideState::Asked => (TapState::Asked, None),
            SideState::Running => (TapState::Running, None),
            SideState::Failed(why) => (TapState::Failed, Some(why)),
        };
        TappedSide { leg: side.leg, channel: side.channel, state, problem }
    };
    TappedCall {
        call_id: call,
        rate: rate_hz,
        rule,
        since: since.rfc3339(),
        sides: sides.into_iter().map(side).collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::{Leg, WallTime};

    #[test]
    fn a_tap_is_asked_for_by_a_channel_and_a_rate_and_nothing_else_is_taken() {
        let ok = |body: Value| wanted(&body).expect("well made");
        assert_eq!(ok(json!({"target": "PJSIP/1001-1"})), ("PJSIP/1001-1".into(), 8000));
        assert_eq!(ok(json!({"target": "1.2", "rate": 16_000})), ("1.2".into(), 16_000));
        for body in [
            json!([]),
            json!({}),
            json!({"target": ""}),
            json!({"target": 7}),
            json!({"target": "x", "rate": 44_100}),
            json!({"target": "x", "rate": "8000"}),
            json!({"target": "x", "side": "agent"}),
            json!({"target": "x".repeat(LONGEST + 1)}),
        ] {
            assert!(wanted(&body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_tapped_call_is_shown_with_its_sides_and_why_one_has_failed() {
        let side = |leg, state| TapSide { leg, channel: "PJSIP/1".into(), state };
        let tap = Tap {
            call: "1.2".into(),
            rate_hz: 8000,
            rule: Some("^PJSIP".into()),
            since: WallTime(1000),
            sides: vec![side(Leg::Agent, SideState::Running), side(Leg::Caller, SideState::Failed("why".into()))],
        };
        let wanted = json!({
            "call_id": "1.2", "rate": 8000, "rule": "^PJSIP", "since": "1970-01-01T00:00:01.000Z",
            "sides": [
                {"leg": "agent", "channel": "PJSIP/1", "state": "running", "problem": null},
                {"leg": "caller", "channel": "PJSIP/1", "state": "failed", "problem": "why"},
            ],
        });
        assert_eq!(serde_json::to_value(shown(tap)).expect("JSON"), wanted);
    }
}
