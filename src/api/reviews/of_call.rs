//! `/api/v1/calls/{id}/reviews`: what reviewers give a call beside the machine, and `/calibration`: whether they do it without knowing of each other.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::body::{refusal, review as wish};
use super::disputes::shown as dispute;
use super::reader::{is_own, reader};
use crate::api::access::grant::Access;
use crate::api::calls::find::find_call;
use crate::api::request::ApiError;
use crate::call::CallState;
use crate::contract::problem::Problem;
use crate::contract::quality::{RulePoints, ScoreReview, ScoreReviewList};
use crate::pipeline::finished::reviewers::{ReviewDesk, score_of, visible};
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::disputes::DisputeFilter;
use crate::store::score_reviews::ScoreReviewRow;

/// Disputes shown with a call.
const DISPUTES: u32 = 100;

fn shown(review: &ScoreReviewRow, access: &Access) -> ScoreReview {
    ScoreReview {
        reviewer: review.reviewer.clone(),
        own: is_own(access, &review.reviewer),
        score: score_of(review),
        comment: review.comment.clone(),
        reviewed_at: review.at.rfc3339(),
        rules: review
            .points
            .iter()
            .map(|one| RulePoints {
                rule: one.rule.clone(),
                points: one.points,
                of: one.of,
                machine_passed: one.machine,
                comment: one.comment.clone(),
            })
            .collect(),
    }
}

async fn list(
    store: &Store,
    reviewers: &ReviewDesk,
    access: &Access,
    call: &CallRow,
) -> Result<ScoreReviewList, ApiError> {
    let calibration = store.is_calibration(call.key).await?;
    let all = store.score_reviews(call.key).await?;
    let (reviews, hidden) = visible(all, calibration, &reader(access));
    let filter = DisputeFilter { call: Some(call.key), limit: DISPUTES, ..DisputeFilter::default() };
    // Disputes would reveal the points.
    let disputes = if hidden > 0 { Vec::new() } else { store.disputes(filter).await? };
    Ok(ScoreReviewList {
        call_id: call.call_id.clone(),
        calibration,
        hidden,
        rules: reviewers.rules(call).await?,
        reviews: reviews.iter().map(|one| shown(one, access)).collect(),
        disputes: disputes.iter().map(dispute).collect(),
    })
}

/// `GET /api/v1/calls/{id}/reviews`
pub(in crate::api) async fn reviews(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
) -> Result<Json<ScoreReviewList>, ApiError> {
    let call = find_call(&store, &id).await?;
    if access.agent.is_some() && !matches!(call.state, CallState::Completed | CallState::Failed) {
        // During the call agents see prompts, not how they are judged.
        return Err(ApiError::Conflict("the call is not over yet; its points are shown when it is".into()));
    }
    Ok(Json(list(&store, &reviewers, &access, &call).await?))
}

/// `PUT /api/v1/calls/{id}/reviews`: the review of the one who asks.
pub(in crate::api) async fn review(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
    body: axum::body::Bytes,
) -> Result<Json<ScoreReviewList>, ApiError> {
    let wish = wish(&body)?;
    let call = find_call(&store, &id).await?;
    reviewers.review(&call, access.who.clone(), wish).await.map_err(|error| refusal(error, "rules"))?;
    Ok(Json(list(&store, &reviewers, &access, &call).await?))
}

/// `PUT /api/v1/calls/{id}/calibration`
pub(in crate::api) async fn flag(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
) -> Result<Json<ScoreReviewList>, ApiError> {
    let call = find_call(&store, &id).await?;
    reviewers.calibrate(&call, true, access.who.clone()).await?;
    Ok(Json(list(&store, &reviewers, &access, &call).await?))
}

/// `DELETE /api/v1/calls/{id}/calibration`
pub(in crate::api) async fn unflag(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    Path(id): Path<String>,
    access: Access,
) -> Result<Response, ApiError> {
    if !access.is_admin() {
        let why = "this token may not: a reviewer could see others' points before giving the own ones. The flag is taken off with a token of the \
                   scopes read, operate and ingest that sees every call";
        return Ok((StatusCode::FORBIDDEN, Json(Problem::text(why))).into_response());
    }
    let call = find_call(&store, &id).await?;
    reviewers.calibrate(&call, false, access.who.clone()).await?;
    Ok(Json(list(&store, &reviewers, &access, &call).await?).into_response())
}
