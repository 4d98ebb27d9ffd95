//! The agents' notification service, as the call sessions API documents it: `GET /api/v1/calls/agent-service/health`, `POST …/test-auth`,
//! `POST …/test-notification`. lineside is that service's client; these ask it, or send it a test.

use axum::Json;
use axum::extract::State;

use crate::api::request::{ApiError, Clock, Parameters};
use crate::contract::problem::Part;
use crate::contract::status::{
    AgentServiceHealth, AgentServiceName, AuthTest, NotificationTest, NotifierTest, NotifierTests, ServiceChecks,
    ServiceDetails, ServiceState, Success,
};
use crate::pipeline::finished::notify::{Agents, Probed, Sent};

fn none() -> ServiceDetails {
    let detail = "the configuration has no [[notify]] of kind agent_service".into();
    ServiceDetails::None { configured: false, detail }
}

fn details(notifier: String, probed: &Probed) -> ServiceDetails {
    let (response_code, detail) = (probed.status, probed.problem.clone());
    ServiceDetails::Asked { configured: true, notifier, response_code, detail }
}

const fn success(good: bool) -> Success {
    if good { Success::Success } else { Success::Failed }
}

/// Whether it is there and takes our key. Nothing is sent.
pub(in crate::api) async fn health(
    State(clock): State<Clock>,
    State(agents): State<Agents>,
) -> Json<AgentServiceHealth> {
    let probed = agents.probe().await;
    Json(healthy(probed, clock.now().rfc3339()))
}

fn healthy(probed: Option<(String, Probed)>, timestamp: String) -> AgentServiceHealth {
    let (healthy, connected, authenticated, details) = match probed {
        Some((name, probed)) => (probed.healthy(), probed.connected, probed.authenticated, details(name, &probed)),
        None => (false, false, false, none()),
    };
    AgentServiceHealth {
        status: if healthy { ServiceState::Healthy } else { ServiceState::Unhealthy },
        service_name: AgentServiceName::It,
        timestamp,
        checks: ServiceChecks { api_connectivity: connected, authentication: authenticated },
        details,
    }
}

/// Whether it takes our key. The key is a fixed one of the configuration: there is none to be fetched, and none that runs out.
pub(in crate::api) async fn test_auth(State(agents): State<Agents>) -> Json<AuthTest> {
    Json(tested(agents.probe().await))
}

fn tested(probed: Option<(String, Probed)>) -> AuthTest {
    let (good, details) = match probed {
        Some((name, probed)) => (probed.healthy() && probed.authenticated, details(name, &probed)),
        None => (false, none()),
    };
    AuthTest { status: success(good), token_obtained: good, token_expires_in: None, details }
}

/// Sends it a test, in the name of a call that need not exist.
pub(in crate::api) async fn test_notification(
    State(clock): State<Clock>,
    State(agents): State<Agents>,
    query: Parameters,
) -> Result<Json<NotificationTest>, ApiError> {
    let call = query.text("call_id").unwrap_or_else(|| "test".into());
    let call = crate::call::CallId::parse(&call)
        .map_err(|error| ApiError::Wrong(Part::Query, "call_id".into(), error.to_string()))?;
    Ok(Json(notified(agents.test(call.as_str(), clock.now()).await)))
}

fn notified(sent: Option<Sent>) -> NotificationTest {
    let (good, code, details) = match sent {
        Some(Sent { name, status, problem }) => {
            (problem.is_none(), status, ServiceDetails::Sent { configured: true, notifier: name, detail: problem })
        }
        None => (false, None, none()),
    };
    NotificationTest { status: success(good), notification_sent: good, agent_response_code: code, details }
}

/// `POST /api/v1/notifiers/test`: sends a test by every notifier of the configuration, or by the one that `name` says, past its queue: from the
/// daemon, whose network the unit may deny.
pub(in crate::api) async fn try_notifiers(
    State(clock): State<Clock>,
    State(agents): State<Agents>,
    query: Parameters,
) -> Result<Json<NotifierTests>, ApiError> {
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
    let told = |sent: Sent| NotifierTest {
        notifier: sent.name,
        sent: sent.problem.is_none(),
        response_code: sent.status,
        detail: sent.problem,
    };
    Ok(Json(NotifierTests { tests: sent.into_iter().map(told).collect() }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn probed() -> (String, Probed) {
        let (status, problem) = (Some(401), Some("refused".to_owned()));
        ("desk".into(), Probed { connected: true, authenticated: false, status, problem })
    }

    #[test]
    fn a_service_is_told_of_in_the_documented_fields() {
        let asked = json!({"configured": true, "notifier": "desk", "response_code": 401, "detail": "refused"});
        let missing =
            json!({"configured": false, "detail": "the configuration has no [[notify]] of kind agent_service"});
        let health = |status: &str, connected: bool, details: &serde_json::Value| {
            json!({
                "status": status, "service_name": "agent_notification_service", "timestamp": "T",
                "checks": {"api_connectivity": connected, "authentication": false}, "details": details,
            })
        };
        let told = serde_json::to_value(healthy(Some(probed()), "T".into())).expect("JSON");
        assert_eq!(told, health("unhealthy", true, &asked));
        let told = serde_json::to_value(healthy(None, "T".into())).expect("JSON");
        assert_eq!(told, health("unhealthy", false, &missing));
        let told = serde_json::to_value(tested(Some(probed()))).expect("JSON");
        let wanted = json!({"status": "failed", "token_obtained": false, "token_expires_in": null, "details": asked});
        assert_eq!(told, wanted);
        let sent = Sent { name: "desk".into(), status: Some(200), problem: None };
        let told = serde_json::to_value(notified(Some(sent))).expect("JSON");
        let wanted = json!({
            "status": "success", "notification_sent": true, "agent_response_code": 200,
            "details": {"configured": true, "notifier": "desk", "detail": null},
        });
        assert_eq!(told, wanted);
    }
}
