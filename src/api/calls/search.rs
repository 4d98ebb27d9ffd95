//! `GET /api/v1/search?q=`: search in the text of calls, by words or by meaning.

use axum::Json;
use axum::extract::State;

use super::find::{filters, similar_agents, which};
use super::shown::segment;
use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Clock, Parameters, cut};
use crate::call::Leg;
use crate::contract::call::{SearchBy, SearchHit, SearchHits};
use crate::contract::problem::Part;
use crate::pipeline::meaning::Meaning;
use crate::store::Store;
use crate::store::segments::{FoundSegment, SearchFilter, fts_query, fts_query_of_any};
use crate::store::vectors::{DEEPEST, RankedSegment, Ranking};

/// Length of a question at most, bytes: each word costs a walk through its list.
const LONGEST: usize = 500;

/// What it may be asked with: the words, the leg, and all that a list of calls is filtered by.
pub(in crate::api) const ASKS: &[&str] = filters!["q", "by", "alike", "leg", "offset", "limit"];

/// `GET /api/v1/search`: places where something was said, by words newest first, else best first.
pub(in crate::api) async fn search(
    State(store): State<Store>,
    State(clock): State<Clock>,
    State(meaning): State<Meaning>,
    access: Access,
    query: Parameters,
) -> Result<Json<SearchHits>, ApiError> {
    let wrong = |name: &str, msg: &str| ApiError::Wrong(Part::Query, name.into(), msg.into());
    let typed = query.text("q").ok_or_else(|| wrong("q", "what to search for is missing"))?;
    if typed.len() > LONGEST {
        return Err(wrong("q", "longer than 500 bytes"));
    }
    let by =
        query.text("by").map(|word| SearchBy::parse(&word).ok_or_else(|| wrong("by", "not words, meaning or both")));
    let by = by.transpose()?.unwrap_or_default();
    let fts = if by == SearchBy::Words { fts_query(&typed) } else { fts_query_of_any(&typed) };
    let fts = fts.map_err(|error| wrong("q", &error.to_string()))?;
    let once = match query.text("alike").as_deref() {
        Some(_) if by == SearchBy::Words => return Err(wrong("alike", "goes with by=meaning and by=both alone")),
        None | Some("once") => true,
        Some("all") => false,
        Some(_) => return Err(wrong("alike", "not once or all")),
    };
    let leg = query.text("leg");
    if leg.as_deref().is_some_and(|leg| Leg::parse(leg).is_none()) {
        return Err(wrong("leg", "not agent, caller or mixed"));
    }
    let limit = query.limit()?;
    let offset = query.number("offset", 0..=1_000_000)?.unwrap_or(0);
    let only = access.campaign.clone();
    let which = which(&query, access, clock.now())?;
    let filter = SearchFilter { query: fts, which, leg, limit, offset };
    let mut hits: Vec<SearchHit> = if by == SearchBy::Words {
        let filter = SearchFilter { limit: limit + 1, ..filter };
        store.search(filter).await?.into_iter().map(|found| shown(found, None, None)).collect()
    } else {
        let wanted = meaning.of(typed.clone()).await.map_err(|error| ApiError::Unavailable(error.to_string()))?;
        let ranking = if by == SearchBy::Meaning { Ranking::Meaning(wanted) } else { Ranking::Both(wanted) };
        let ranked = store.search_ranked(filter, ranking, once).await?;
        let hit = |RankedSegment { found, score, alike }| shown(found, Some(score), Some(alike));
        ranked.into_iter().map(hit).collect()
    };
    let similar_agents = similar_agents(&store, hits.is_empty(), query.text("agent"), only).await?;
    // Of ranked hits it is not known whether there is another one.
    let is_full = by != SearchBy::Words && hits.len() == limit as usize && offset + limit < DEEPEST;
    let more = cut(&mut hits, limit) || is_full;
    let next_offset = more.then_some(offset + limit);
    Ok(Json(SearchHits { query: typed, by, hits, next_offset, similar_agents }))
}

fn shown(hit: FoundSegment, score: Option<f64>, alike: Option<u32>) -> SearchHit {
    SearchHit {
        segment: segment(&hit.segment),
        call_id: hit.call_id,
        call_start_time: hit.started.rfc3339(),
        agent: hit.agent,
        campaign: hit.campaign,
        snippet: hit.snippet,
        score,
        alike,
    }
}
