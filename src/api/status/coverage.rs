//! `GET /api/v1/coverage`: each call of a day that the dialer says took place, against recordings and texts.

use axum::Json;
use axum::extract::State;

use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::contract::coverage::{CoverageReport, CoverageState};
use crate::contract::problem::Part;
use crate::pipeline::coverage::{Coverage, LocalDay, WantedRows};

/// Query parameters of the path.
pub(in crate::api) const ASKS: &[&str] = &["day", "state", "faults", "limit", "offset"];
/// Rows of a page at most: a day of a big floor in one.
const MOST: usize = 50_000;
/// Default number of rows.
const SOME: usize = 1000;

/// `GET /api/v1/coverage`
pub(in crate::api) async fn coverage(
    State(coverage): State<Coverage>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<CoverageReport>, ApiError> {
    let wrong = |name: &str, msg: String| ApiError::Wrong(Part::Query, name.into(), msg);
    let day = match query.text("day") {
        Some(day) => day.parse().map_err(|problem| wrong("day", problem))?,
        None => LocalDay::of(clock.now()),
    };
    let state = query.text("state").map(|word| {
        let names = || CoverageState::ALL.map(CoverageState::as_str).join(", ");
        CoverageState::parse(&word).ok_or_else(|| wrong("state", format!("{word:?} is not one of {}", names())))
    });
    let wanted = WantedRows {
        campaign: access.campaign,
        state: state.transpose()?,
        only_faults: query.flag("faults")?.unwrap_or(false),
        limit: query.number("limit", 1..=MOST)?.unwrap_or(SOME),
        offset: query.number("offset", 0..=1_000_000)?.unwrap_or(0),
    };
    Ok(Json(coverage.report(day, &wanted).await?))
}
