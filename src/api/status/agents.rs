//! The agents' notification service, as the call sessions API documents it: `GET /api/v1/calls/agent-service/health`, `POST …/test-auth`,
//! `POST …/test-notification`. lineside is that service's client; these ask it, or send it a test.

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use crate::api::request::{ApiError, Clock, Parameters};
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::notify::{Probed, Sent};

fn none() -> Value {
    json!({"configured": false, "detail": "the configuration has no [[notify]] of kind agent_service"})
}

fn details(name: &str, probed: &Probed) -> Value {
    json!({"configured": true, "notifier": name, "response_code": probed.status, "detail": probed.problem})
}

/// Whether it is there and takes our key. Nothing is sent.
pub(in crate::api) async fn health(State(clock): State<Clock>, State(agents): State<Agents>) -> Json<Value> {
    let probed = agents.probe().await;
    let (healthy, connected, authenticated, details) = match &probed {
        Some((name, probed)) => (probed.healthy(), probed.connected, probed.authenticated, details(name, probed)),
        None => (false, false, false, none()),
    };
    Json(json!({
        "status": if healthy { "healthy" } else { "unhealthy" },
        "service_name": "agent_notification_service",
        "timestamp": clock.now().rfc3339(),
        "checks": {"api_connectivity": connected, "authentication": authenticated},
        "details": details,
    }))
}

/// Whether it takes our key. The key is a fixed one of the configuration: there is none to be fetched, and none that runs out.
pub(in crate::api) async fn test_auth(State(agents): State<Agents>) -> Json<Value> {
    let probed = agents.probe().await;
    let (good, details) = match &probed {
        Some((name, probed)) => (probed.healthy() && probed.authenticated, details(name, probed)),
        None => (false, none()),
    };
    let status = if good { "success" } else { "failed" };
    Json(json!({"status": status, "token_obtained": good, "token_expires_in": null, "details": details}))
}

/// Sends it a test, in the name of a call that need not exist.
pub(in crate::api) async fn test_notification(
    State(clock): State<Clock>,
    State(agents): State<Agents>,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    let call = query.text("call_id").unwrap_or_else(|| "test".into());
    let call = crate::call::CallId::parse(&call)
        .map_err(|error| ApiError::Wrong("query", "call_id".into(), error.to_string()))?;
    let sent = agents.test(call.as_str(), clock.now()).await;
    let (good, code, details) = match sent {
        Some(Sent { name, status, problem }) => {
            (problem.is_none(), status, json!({"configured": true, "notifier": name, "detail": problem}))
        }
        None => (false, None, none()),
    };
    let status = if good { "success" } else { "failed" };
    Ok(Json(json!({"status": status, "notification_sent": good, "agent_response_code": code, "details": details})))
}

/// `POST /api/v1/notifiers/test`: sends a test by every notifier of the configuration, or by the one that `name` says, past its queue: from the
/// daemon, whose network the unit may deny.
pub(in crate::api) async fn try_notifiers(
    State(clock): State<Clock>,
    State(agents): State<Agents>,
    query: Parameters,
) -> Result<Json<Value>, ApiError> {
    let name = query.text("name");
    let sent = agents.try_all(name.as_deref(), clock.now()).await;
    if sent.is_empty() {
        let names = agents.names().join(", ");
        return Err(ApiError::NotFound(match name {
            _ if names.is_empty() => "the configuration that the daemon read has no [[notify]]".into(),
            Some(name) => format!("no notifier is named {name:?}; the daemon's configuration has: {names}"),
            None => "no test could be sent".into(),
        }));
    }
    let told = |sent: Sent| json!({"notifier": sent.name, "sent": sent.problem.is_none(), "response_code": sent.status, "detail": sent.problem});
    Ok(Json(json!({"tests": sent.into_iter().map(told).collect::<Vec<_>>()})))
}
