//! What to say next on a call: what answers the caller's objections and the rules of alerts, and what is still to be disclosed.
//! `GET /api/v1/calls/{id}/coaching`; the agent's page and the analysis of a running call have the same.

use axum::Json;
use axum::extract::{Path, State};

use super::find::find_call;
use crate::api::request::ApiError;
use crate::contract::processing::{CallCoaching, CoachingKind, CoachingPrompt};
use crate::contract::seconds;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::alerts::AlertFilter;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;

/// Alerts whose answers are shown, the newest first.
const ALERTS: u32 = 5;

/// `GET /api/v1/calls/{id}/coaching`
pub(in crate::api) async fn coaching(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Result<Json<CallCoaching>, ApiError> {
    let call = find_call(&store, &id).await?;
    let rows = store.segments(call.key).await?;
    let coaching = of_call(&store, &desk, &call, rows).await?;
    Ok(Json(CallCoaching { call_id: call.call_id, coaching }))
}

/// Answers to the caller first, then to alerts, then what is still to be disclosed. `rows` are the call's segments.
pub(super) async fn of_call(
    store: &Store,
    desk: &Desk,
    call: &CallRow,
    rows: Vec<SegmentRow>,
) -> Result<Vec<CoachingPrompt>, ApiError> {
    let (mut all, due) = desk.coached(call, rows).await?;
    let filter = AlertFilter { call: Some(call.key), limit: ALERTS, ..AlertFilter::default() };
    for row in store.alerts(filter).await? {
        let start_time = Some(seconds(row.alert.start_ms));
        for fired in row.alert.rules {
            let Some(text) = fired.prompt else { continue };
            if all.iter().all(|known| known.text != text) {
                all.push(CoachingPrompt { kind: CoachingKind::Alert, rule: fired.name, text, start_time });
            }
        }
    }
    all.extend(due);
    Ok(all)
}
