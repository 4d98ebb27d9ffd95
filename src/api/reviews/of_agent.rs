//! `GET /api/v1/agent/reviews`: which of an agent's own calls people have reviewed. What they gave is at `/api/v1/calls/{id}/reviews`.

use axum::extract::State;
use axum::{Extension, Json};

use super::reader::reader;
use crate::api::access::Told;
use crate::api::access::grant::Access;
use crate::api::calls::agent::whose;
use crate::api::request::{ApiError, Parameters, cut};
use crate::contract::quality::{ReviewedCall, ReviewedCalls};
use crate::contract::seconds;
use crate::store::Store;
use crate::store::reviewed::{ReviewedCallRow, ReviewedFilter};

/// Query parameters of the path.
pub(in crate::api) const ASKS: &[&str] = &["user", "limit"];

fn shown(row: ReviewedCallRow) -> ReviewedCall {
    ReviewedCall {
        call_id: row.call_id,
        start_time: row.started.rfc3339(),
        duration: seconds(row.audio_ms),
        campaign: row.campaign,
        score: row.score,
        reviews: row.reviews,
        open_disputes: row.open_disputes,
    }
}

/// `GET /api/v1/agent/reviews`
pub(in crate::api) async fn reviewed(
    State(store): State<Store>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<ReviewedCalls>), ApiError> {
    let agent = whose(&access, &query)?;
    let reader = reader(&access);
    let limit = query.limit()?;
    let filter = ReviewedFilter { agent: agent.clone().into(), only: access.campaign, reader, limit: limit + 1 };
    let mut rows = store.reviewed(filter).await?;
    let more = cut(&mut rows, limit);
    let told = Told { action: "reviews of an agent".into(), calls: rows.iter().map(|row| row.call).collect() };
    Ok((Extension(told), Json(ReviewedCalls { agent, calls: rows.into_iter().map(shown).collect(), more })))
}
