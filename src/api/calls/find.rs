//! Which call, or which calls, somebody asks for.

use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Parameters};
use crate::call::{CallId, CallState, WallTime};
use crate::contract::problem::Part;
use crate::store::Store;
use crate::store::calls::{CallRow, Which};

pub(in crate::api) async fn find(store: &Store, id: &str) -> Result<CallRow, ApiError> {
    CallId::parse(id)
        .map_err(|error| ApiError::Wrong(Part::Path, "call_id".into(), format!("Invalid call_id format: {error}")))?;
    store.call(id).await?.ok_or(ApiError::NoCall)
}

/// The row of a call named in a path, where the guard has looked whose it is.
pub(in crate::api) async fn find_call(store: &Store, id: &str) -> Result<CallRow, ApiError> {
    find(store, id).await
}

/// The row of a call named elsewhere, if it exists for the one who asks.
pub(in crate::api) async fn find_seen(store: &Store, access: &Access, id: &str) -> Result<CallRow, ApiError> {
    let call = find(store, id).await?;
    if access.sees(&call) { Ok(call) } else { Err(ApiError::NoCall) }
}

/// Which calls somebody asks for and may see, as lists and the search are filtered alike.
pub(in crate::api) fn which(query: &Parameters, access: Access, now: WallTime) -> Result<Which, ApiError> {
    let state = query
        .text("state")
        .or(query.text("status"))
        .map(|word| {
            let allowed = "active, connection_closed, completed or failed";
            CallState::parse(&word)
                .ok_or_else(|| ApiError::Wrong(Part::Query, "state".into(), format!("{word:?} is not {allowed}")))
        })
        .transpose()?;
    Ok(Which {
        state,
        agent: query.text("agent"),
        campaign: query.text("campaign"),
        tag: query.text("tag"),
        since: query.time("since", now)?,
        until: query.time("until", now)?,
        min_sentiment: query.number("min_sentiment", -1.0..=1.0)?,
        max_sentiment: query.number("max_sentiment", -1.0..=1.0)?,
        has_alerts: query.flag("has_alerts")?,
        only: access.campaign,
    })
}
