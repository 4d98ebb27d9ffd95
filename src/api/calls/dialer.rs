//! Messages to the dialer: `GET /api/v1/dialer/writes`, `POST /api/v1/calls/{id}/listen`.

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Parameters, cut};
use crate::call::CallState;
use crate::contract::dialer_write::{DialerWriteState, DialerWrites, ListeningIn};
use crate::contract::problem::{Part, Problem};
use crate::pipeline::listen_in::{DialerBack, ListenError, ListenOrder};
use crate::store::Store;

/// Query parameters of the list.
pub(in crate::api) const ASKS: &[&str] = &["result", "limit"];
/// Characters of a phone login in ViciDial.
const LONGEST: usize = 15;

/// `GET /api/v1/dialer/writes`
pub(in crate::api) async fn writes(
    State(store): State<Store>,
    State(back): State<DialerBack>,
    access: Access,
    query: Parameters,
) -> Result<Json<DialerWrites>, ApiError> {
    let state = match query.text("result") {
        None => None,
        Some(word) => Some(DialerWriteState::parse(&word).ok_or_else(|| {
            let known: Vec<&str> = DialerWriteState::ALL.into_iter().map(DialerWriteState::as_str).collect();
            ApiError::Wrong(Part::Query, "result".into(), format!("{word:?} is none of {}", known.join(", ")))
        })?),
    };
    let limit = query.limit()?;
    let mut writes = store.dialer_writes(state, access.campaign, limit + 1).await?;
    let more = cut(&mut writes, limit);
    Ok(Json(DialerWrites { enabled: back.enabled, dry_run: back.dry_run, listen: back.orders.is_some(), writes, more }))
}

/// `POST /api/v1/calls/{id}/listen` with `{"phone": …}`: ViciDial calls that telephone, which hears the call and is not heard.
pub(in crate::api) async fn listen(
    State(store): State<Store>,
    State(back): State<DialerBack>,
    access: Access,
    Path(id): Path<String>,
    body: Result<Json<Value>, JsonRejection>,
) -> Result<Response, ApiError> {
    let call = access.call(&store, &id).await?.ok_or(ApiError::NoCall)?;
    let Json(body) = body.map_err(|error| ApiError::Wrong(Part::Body, "json".into(), error.body_text()))?;
    let phone = phone(&body)?;
    let conflict = |text: String| Ok((StatusCode::CONFLICT, Json(Problem::text(text))).into_response());
    if call.state != CallState::Active {
        return conflict("the call is over".into());
    }
    let Some(agent) = call.agent.clone() else {
        return conflict("nobody knows yet who the call's agent is".into());
    };
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    let server_ip = metadata["server_ip"].as_str().filter(|address| address.parse::<std::net::IpAddr>().is_ok());
    let order = |reply| ListenOrder {
        call: call.key,
        call_id: call.call_id.clone(),
        agent,
        lead: call.lead.clone(),
        server_ip: server_ip.map(str::to_owned),
        phone: phone.clone(),
        reply,
    };
    match back.listen_in(order).await {
        Ok(done) => {
            let listening =
                ListeningIn { call_id: call.call_id.clone(), phone, state: done.state, answer: done.answer };
            Ok((StatusCode::ACCEPTED, Json(listening)).into_response())
        }
        Err(ListenError::Away(text)) => Err(ApiError::Unavailable(text)),
        Err(error @ (ListenError::Off | ListenError::Refused(_))) => conflict(error.to_string()),
    }
}

fn phone(body: &Value) -> Result<String, ApiError> {
    let wrong = |name: &str, problem: &str| ApiError::Wrong(Part::Body, name.into(), problem.into());
    let Value::Object(map) = body else { return Err(wrong("json", "an object is wanted")) };
    if let Some(unknown) = map.keys().find(|key| *key != "phone") {
        return Err(wrong(unknown, "unknown; known is phone"));
    }
    let is_login = |text: &&str| {
        (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let phone = map.get("phone").and_then(Value::as_str).filter(is_login);
    phone.map(str::to_owned).ok_or_else(|| wrong("phone", "a phone login of ViciDial is wanted, as 350a"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_telephone_is_a_login_and_nothing_else_is_taken() {
        assert_eq!(phone(&json!({"phone": "350a"})).ok().as_deref(), Some("350a"));
        for body in [
            json!([]),
            json!({}),
            json!({"phone": 350}),
            json!({"phone": "3 50"}),
            json!({"phone": "1".repeat(16)}),
            json!({"phone": "1", "stage": "BARGE"}),
        ] {
            assert!(phone(&body).is_err(), "{body}");
        }
    }
}
