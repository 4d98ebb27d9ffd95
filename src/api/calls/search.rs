//! `GET /api/v1/search?q=`: where something was said.

use axum::Json;
use axum::extract::State;

use super::find::which;
use super::shown::segment;
use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::Leg;
use crate::contract::call::{SearchHit, SearchHits};
use crate::contract::problem::Part;
use crate::store::Store;
use crate::store::segments::{FoundSegment, SearchFilter, fts_query};

/// What is typed, bytes: each word costs a walk through its list, and nobody types more.
const LONGEST: usize = 500;

/// What it may be asked with: the words, the leg, and all that a list of calls is filtered by.
pub(in crate::api) const ASKS: &[&str] = &[
    "q",
    "leg",
    "state",
    "status",
    "agent",
    "campaign",
    "tag",
    "since",
    "until",
    "min_sentiment",
    "max_sentiment",
    "has_alerts",
    "offset",
    "limit",
];

/// `GET /api/v1/search`: places where something was said, newest first.
pub(in crate::api) async fn search(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<SearchHits>, ApiError> {
    let wrong = |name: &str, msg: &str| ApiError::Wrong(Part::Query, name.into(), msg.into());
    let typed = query.text("q").ok_or_else(|| wrong("q", "what to search for is missing"))?;
    if typed.len() > LONGEST {
        return Err(wrong("q", "longer than 500 bytes"));
    }
    let fts = fts_query(&typed).map_err(|error| wrong("q", &error.to_string()))?;
    let leg = query.text("leg");
    if leg.as_deref().is_some_and(|leg| Leg::parse(leg).is_none()) {
        return Err(wrong("leg", "not agent, caller or mixed"));
    }
    let limit = query.limit()?;
    let offset = query.number("offset", 0..=1_000_000)?.unwrap_or(0);
    let which = which(&query, access, clock.now())?;
    let filter = SearchFilter { query: fts, which, leg, limit, offset };
    let hits = store.search(filter).await?;
    let next = (hits.len() == limit as usize).then_some(offset + limit);
    let hit = |hit: FoundSegment| SearchHit {
        segment: segment(&hit.segment),
        call_id: hit.call_id,
        call_start_time: hit.started.rfc3339(),
        agent: hit.agent,
        campaign: hit.campaign,
        snippet: hit.snippet,
    };
    Ok(Json(SearchHits { query: typed, hits: hits.into_iter().map(hit).collect(), next_offset: next }))
}
