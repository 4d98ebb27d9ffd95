//! `GET /api/v1/board` and `/api/v1/box`: the running calls in short, and how the box is doing, for screens that look often.
//!
//! Neither runs an inference, as `/health` may: the board is asked for once by each viewer, the box every few seconds.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use super::health::Health;
use crate::api::calls::shown::summary;
use crate::api::request::{ApiError, Clock};
use crate::api::walls::access::Access;
use crate::call::Leg;
use crate::pipeline::workers::status::ModelState;
use crate::store::Store;

/// `GET /api/v1/board`
pub(in crate::api) async fn board(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
) -> Result<Json<Value>, ApiError> {
    let board = store.board().await?;
    let mut calls = Vec::new();
    for call in store.open_calls().await?.into_iter().filter(|call| access.sees(call)) {
        let mut map = summary(&call);
        let course = board.courses.get(&call.key);
        map.insert("course".into(), course.map(|course| course.compounds.clone()).into());
        map.insert(
            "last_words".into(),
            course.and_then(|course| course.last.as_ref()).map_or(Value::Null, |(leg, text, start_ms)| {
                json!({"speaker": Leg::parse(leg).map_or("unknown", Leg::speaker), "text": text, "start_time": *start_ms as f64 / 1000.0})
            }),
        );
        calls.push(Value::Object(map));
    }
    Ok(Json(json!({"last_event": board.last_event, "now": clock.now().rfc3339(), "calls": calls})))
}

/// `GET /api/v1/box`
pub(in crate::api) async fn box_state(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(health): State<Health>,
    access: Access,
) -> Result<Json<Value>, ApiError> {
    let snapshot = health.status.get();
    let now = clock.now();
    let behind = store.behind().await?;
    let late = |said: crate::call::WallTime| (now.0 - said.0).max(0) as f64 / 1000.0;
    let open = store.open_calls().await?;
    let calls: Map<String, Value> = open
        .iter()
        .filter(|call| access.sees(call))
        .map(|call| {
            let about = json!({
                "phone": call.phone, "agent": call.agent, "campaign": call.campaign, "lead": call.lead, "behind_s": behind.get(&call.key).copied().map(late),
            });
            (call.call_id.clone(), about)
        })
        .collect();
    let (backlog, oldest) = store.backlog().await?;
    Ok(Json(json!({
        "now": now.rfc3339(),
        "version": env!("CARGO_PKG_VERSION"),
        "calls": calls,
        "backlog": backlog,
        "lag_s": oldest.map(late),
        "model": snapshot.model,
        "ready": matches!(snapshot.model, ModelState::Ready { .. }),
        "workers": snapshot.workers,
        "cpus_allowed": snapshot.cpus_allowed,
        "cpus": std::thread::available_parallelism().map_or(0, usize::from),
        "step": snapshot.plan.map_or(0, |plan| plan.step.number()),
        "step_says": snapshot.plan.map(|plan| plan.step.describe()),
    })))
}
