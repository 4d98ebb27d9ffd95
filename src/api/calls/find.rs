//! Which call, or which calls, somebody asks for.

use crate::api::access::grant::Access;
use crate::api::request::{ApiError, Parameters};
use crate::call::{CallId, CallState, WallTime};
use crate::contract::problem::Part;
use crate::store::Store;
use crate::store::calls::{CallRow, Which};
use crate::store::which::{AnyCase, PhoneNumber};

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

/// What a list of calls and the search are filtered by alike: one definition, which docs/api.md tells and `Which` carries out.
macro_rules! filters {
    ($($more:literal),* $(,)?) => {
        &[
            "state", "status", "agent", "campaign", "lead", "phone", "uniqueid", "tag", "since", "until", "min_sentiment", "max_sentiment",
            "min_score", "max_score", "has_agent", "has_alerts", "sla_breached", $($more),*
        ]
    };
}
pub(super) use filters;

/// Which calls somebody asks for and may see, as lists and the search are filtered alike.
pub(in crate::api) fn which(query: &Parameters, access: Access, now: WallTime) -> Result<Which, ApiError> {
    let state = query
        .either("state", "status")?
        .map(|word| {
            let allowed = "active, connection_closed, completed or failed";
            CallState::parse(&word)
                .ok_or_else(|| ApiError::Wrong(Part::Query, "state".into(), format!("{word:?} is not {allowed}")))
        })
        .transpose()?;
    let between = in_order(query, now)?;
    Ok(Which {
        state,
        tag: query.text("tag"),
        since: between.0,
        until: between.1,
        min_sentiment: query.number("min_sentiment", -1.0..=1.0)?,
        max_sentiment: query.number("max_sentiment", -1.0..=1.0)?,
        min_score: query.number("min_score", 0.0..=100.0)?,
        max_score: query.number("max_score", 0.0..=100.0)?,
        has_agent: query.flag("has_agent")?,
        has_alerts: query.flag("has_alerts")?,
        sla_breached: query.flag("sla_breached")?,
        ..named(query, access)?
    })
}

/// A telephone number that somebody asks for, or what is wrong with it.
pub(in crate::api) fn phone(text: &str) -> Result<PhoneNumber, String> {
    let msg = || format!("{text:?} is not a telephone number: digits, a + before them, spaces and - ( ) . / between");
    PhoneNumber::read(text).ok_or_else(msg)
}

/// Calls by what they are called, which alerts are filtered by too.
pub(super) fn named(query: &Parameters, access: Access) -> Result<Which, ApiError> {
    let wrong = |msg| ApiError::Wrong(Part::Query, "phone".into(), msg);
    let phone = query.text("phone").map(|text| phone(&text).map_err(wrong));
    let trimmed = |name: &str| query.text(name).map(|text| text.trim().to_owned());
    Ok(Which {
        agent: trimmed("agent").map(AnyCase::from),
        campaign: trimmed("campaign").map(AnyCase::from),
        lead: trimmed("lead"),
        phone: phone.transpose()?,
        uniqueid: trimmed("uniqueid"),
        only: access.campaign,
        ..Which::default()
    })
}

/// From when to when; the other way round nothing could fit, and nobody means that.
pub(in crate::api) fn in_order(
    query: &Parameters,
    now: WallTime,
) -> Result<(Option<WallTime>, Option<WallTime>), ApiError> {
    let (since, until) = (query.time("since", now)?, query.time_to("until", now)?);
    match (since, until) {
        (Some(begin), Some(end)) if end < begin => {
            let msg = format!("{} is before since, {}", end.rfc3339(), begin.rfc3339());
            Err(ApiError::Wrong(Part::Query, "until".into(), msg))
        }
        both => Ok(both),
    }
}

/// The same for an answer about a time that has an end: without `until` it is now, so a `since` in the future is refused.
pub(in crate::api) fn in_order_up_to(
    query: &Parameters,
    now: WallTime,
) -> Result<(Option<WallTime>, Option<WallTime>), ApiError> {
    match in_order(query, now)? {
        (Some(begin), None) if begin > now => {
            let msg = format!("{} is in the future, and without until the time ends now", begin.rfc3339());
            Err(ApiError::Wrong(Part::Query, "since".into(), msg))
        }
        both => Ok(both),
    }
}

/// Where an earlier page ended.
pub(super) fn cursor(query: &Parameters) -> Result<Option<(i64, i64)>, ApiError> {
    let Some(text) = query.text("cursor") else { return Ok(None) };
    let parts = text.split_once('.').and_then(|(at, row)| Some((at.parse().ok()?, row.parse().ok()?)));
    let wrong = || ApiError::Wrong(Part::Query, "cursor".into(), "not a cursor of an earlier page".into());
    parts.map(Some).ok_or_else(wrong)
}

/// Names that may have been meant, where a list is empty and its agent is not known.
pub(in crate::api) async fn similar_agents(
    store: &Store,
    is_empty: bool,
    asked: Option<String>,
    only: Option<String>,
) -> Result<Vec<String>, ApiError> {
    match asked {
        Some(asked) if is_empty => Ok(store.similar_agents(asked, only).await?),
        _ => Ok(Vec::new()),
    }
}
