//! `GET /api/v1/board` and `/api/v1/box`: the running calls in short, and the state of the box, for screens that ask often.
//!
//! Neither runs an inference, as `/health` may: a viewer asks for the board once, and for the box every few seconds.

use axum::Json;
use axum::extract::State;

use super::health::{Health, model_status};
use crate::api::access::grant::Access;
use crate::api::calls::shown::summary;
use crate::api::request::{ApiError, Clock};
use crate::call::WallTime;
use crate::contract::dialer::DialerAgent;
use crate::contract::seconds;
use crate::contract::status::{Board, BoardCall, BoxCall, BoxState, HungUp, LastWords};
use crate::pipeline::workers::status::ModelState;
use crate::store::Store;
use crate::store::calls::CallRow;

/// A hangup is shown for this long, milliseconds.
const HUNG_UP_MS: i64 = 5 * 60_000;

/// `GET /api/v1/board`
pub(in crate::api) async fn board(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(health): State<Health>,
    access: Access,
) -> Result<Json<Board>, ApiError> {
    let board = store.board().await?;
    let mut calls = Vec::new();
    for call in store.open_calls().await?.into_iter().filter(|call| access.sees(call)) {
        let course = board.courses.get(&call.key);
        let last = course.and_then(|course| course.last.as_ref());
        calls.push(BoardCall {
            summary: summary(&call),
            course: course.map(|course| course.compounds.clone()),
            last_words: last.map(|(leg, text, start_ms)| LastWords {
                speaker: (*leg).into(),
                text: text.clone(),
                start_time: seconds(*start_ms),
            }),
        });
    }
    let now = clock.now();
    let dialer_agents = dialer_agents(&health, &access);
    let closed = store.hung_up(WallTime(now.0 - HUNG_UP_MS), access.campaign).await?;
    let mut hung_up: Vec<HungUp> = closed.into_iter().map(|(agent, at)| HungUp { agent, at: at.rfc3339() }).collect();
    hung_up.sort();
    Ok(Json(Board { last_event: board.last_event, now: now.rfc3339(), calls, hung_up, dialer_agents }))
}

/// The dialer's agents that the token sees.
fn dialer_agents(health: &Health, access: &Access) -> Vec<DialerAgent> {
    let seen = |agent: &DialerAgent| access.campaign.is_none() || access.campaign == agent.campaign;
    (health.dialer_agents)().into_iter().filter(seen).collect()
}

/// `GET /api/v1/box`
pub(in crate::api) async fn box_state(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(health): State<Health>,
    access: Access,
) -> Result<Json<BoxState>, ApiError> {
    let snapshot = health.status.get();
    let now = clock.now();
    let behind = store.behind().await?;
    let late = |said: WallTime| (now.0 - said.0).max(0) as f64 / 1000.0;
    let open = store.open_calls().await?;
    let about = |call: &CallRow| BoxCall {
        phone: call.phone.clone(),
        agent: call.agent.clone(),
        campaign: call.campaign.clone(),
        lead: call.lead.clone(),
        behind_s: behind.get(&call.key).copied().map(late),
        sla_breached: call.breaches_sla(),
    };
    let seen = open.iter().filter(|call| access.sees(call));
    let calls = seen.map(|call| (call.call_id.clone(), about(call))).collect();
    let (backlog, oldest) = store.backlog().await?;
    let open_alerts = store.open_alerts(access.campaign.clone()).await?;
    Ok(Json(BoxState {
        now: now.rfc3339(),
        version: env!("CARGO_PKG_VERSION").into(),
        calls,
        dialer_agents: dialer_agents(&health, &access),
        backlog,
        lag_s: oldest.map(late),
        open_alerts,
        ready: matches!(snapshot.model, ModelState::Ready { .. }),
        model: model_status(snapshot.model),
        workers: snapshot.workers,
        cpus_allowed: snapshot.cpus_allowed,
        cpus: std::thread::available_parallelism().map_or(0, usize::from),
        host: if access.campaign.is_none() { health.host.state().await } else { None },
        step: snapshot.plan.map_or(0, |plan| plan.step.number()),
        step_says: snapshot.plan.map(|plan| plan.step.describe().into()),
    }))
}
