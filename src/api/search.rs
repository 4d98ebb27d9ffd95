//! `GET /api/v1/search?q=`: where something was said.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Query, State};
use serde_json::{Value, json};

use super::calls::segment_json;
use super::{Api, ApiError, Parameters};
use crate::call::Leg;
use crate::store::segments::{SearchFilter, fts_query};

pub(super) async fn search(
    State(api): State<Api>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let query = Parameters::new(query);
    let wrong = |name: &str, msg: &str| ApiError::Wrong("query", name.into(), msg.into());
    let typed = query.text("q").ok_or_else(|| wrong("q", "what to search for is missing"))?;
    let fts = fts_query(&typed).ok_or_else(|| wrong("q", "no letter or digit in it"))?;
    let leg = query.text("leg");
    if leg.as_deref().is_some_and(|leg| Leg::parse(leg).is_none()) {
        return Err(wrong("leg", "not agent, caller or mixed"));
    }
    let limit = query.limit()?;
    let offset = query.parse("offset", "a number")?.unwrap_or(0);
    let filter = SearchFilter {
        query: fts,
        agent: query.text("agent"),
        campaign: query.text("campaign"),
        since: query.time("since")?,
        until: query.time("until")?,
        leg,
        limit,
        offset,
    };
    let hits = api.store.search(filter).await?;
    let next = (hits.len() == limit as usize).then_some(offset + limit);
    let hits: Vec<Value> = hits
        .iter()
        .map(|hit| {
            json!({
                "call_id": hit.call_id, "call_start_time": hit.started.rfc3339(), "agent": hit.agent, "campaign": hit.campaign,
                "snippet": hit.snippet, "segment": segment_json(&hit.segment),
            })
        })
        .collect();
    Ok(Json(json!({"query": typed, "hits": hits, "next_offset": next})))
}
