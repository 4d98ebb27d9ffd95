//! Disputes: raised at a call by its agent or for the agent, listed, and answered.

use axum::extract::{Path, State};
use axum::{Extension, Json};

use super::body::{answer as answered, dispute as wish, refusal};
use crate::api::access::Told;
use crate::api::access::grant::Access;
use crate::api::calls::find::find_call;
use crate::api::request::{ApiError, Parameters, cut};
use crate::call::{CallKey, WallTime};
use crate::contract::problem::Part;
use crate::contract::quality::{Dispute, DisputeList, DisputeState};
use crate::pipeline::finished::reviewers::ReviewDesk;
use crate::store::Store;
use crate::store::disputes::{DisputeAnswer, DisputeFilter, DisputeRow};

/// Query parameters of the list.
pub(in crate::api) const LIST: &[&str] = &["state", "campaign", "limit"];

pub(super) fn shown(row: &DisputeRow) -> Dispute {
    Dispute {
        id: row.id,
        call_id: row.call_id.clone(),
        agent: row.agent.clone(),
        campaign: row.campaign.clone(),
        rule: row.rule.clone(),
        text: row.text.clone(),
        raised_by: row.raised_by.clone(),
        raised_at: row.raised.rfc3339(),
        state: row.state,
        answer: row.answer.clone(),
        answered_by: row.answered_by.clone(),
        answered_at: row.answered.map(WallTime::rfc3339),
    }
}

/// A dispute by its number, where its call exists for the one who asks.
async fn find(store: &Store, access: &Access, id: i64) -> Result<DisputeRow, ApiError> {
    let row = store.dispute(id).await?.filter(|row| access.sees_campaign(row.campaign.as_ref()));
    row.ok_or_else(|| ApiError::NotFound(format!("there is no dispute {id}")))
}

/// `POST /api/v1/calls/{id}/disputes`
pub(in crate::api) async fn raise(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
    body: axum::body::Bytes,
) -> Result<Json<Dispute>, ApiError> {
    let (rule, text) = wish(&body)?;
    let call = find_call(&store, &id).await?;
    let raised = reviewers.dispute(&call, rule, &text, access.who.clone()).await;
    let id = raised.map_err(|error| refusal(error, "rule"))?;
    Ok(Json(shown(&find(&store, &access, id).await?)))
}

/// `GET /api/v1/disputes`
pub(in crate::api) async fn list(
    State(store): State<Store>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<DisputeList>), ApiError> {
    let state = query
        .text("state")
        .map(|word| {
            let wrong =
                || ApiError::Wrong(Part::Query, "state".into(), format!("{word:?} is not open, upheld or rejected"));
            DisputeState::parse(&word).ok_or_else(wrong)
        })
        .transpose()?;
    let limit = query.limit()?;
    let filter = DisputeFilter {
        call: None,
        state,
        campaign: query.text("campaign").map(|name| name.trim().to_owned()),
        blind: (!access.is_admin()).then(|| access.who.clone()),
        only: access.campaign,
        limit: limit + 1,
    };
    let mut rows = store.disputes(filter).await?;
    let more = cut(&mut rows, limit);
    let mut calls: Vec<CallKey> = rows.iter().map(|row| row.call).collect();
    calls.sort();
    calls.dedup();
    let told = Extension(Told { action: "disputes".into(), calls });
    Ok((told, Json(DisputeList { disputes: rows.iter().map(shown).collect(), more })))
}

/// `POST /api/v1/disputes/{id}/answer`
pub(in crate::api) async fn answer(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
    body: axum::body::Bytes,
) -> Result<(Extension<Told>, Json<Dispute>), ApiError> {
    let id = id.parse().map_err(|_| ApiError::Wrong(Part::Path, "id".into(), format!("{id:?} is not a number")))?;
    let (state, answer) = answered(&body)?;
    let row = find(&store, &access, id).await?;
    let given = DisputeAnswer { id, state, answer, by: access.who.clone(), at: WallTime(0) };
    if !reviewers.answer(given).await? {
        return Err(ApiError::Conflict("the dispute is answered already; raise another one to come back to it".into()));
    }
    let told = Extension(Told { action: "answer a dispute".into(), calls: vec![row.call] });
    Ok((told, Json(shown(&find(&store, &access, id).await?))))
}
