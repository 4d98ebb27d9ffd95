//! Alerts: lists and acknowledgements.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use super::find::{cursor, find_seen, in_order, named, similar_agents};
use crate::api::access::grant::Access;
use crate::api::access::route::READ;
use crate::api::request::{ApiError, Clock, Parameters, cut};
use crate::contract::alert::{AlertList, AlertMessage, AlertShown, AlertTaken, AlertsTaken};
use crate::contract::problem::Part;
use crate::store::Store;
use crate::store::alerts::{AlertFilter, AlertRow};
use crate::store::change::Change;

/// Query parameters that select alerts.
pub(in crate::api) const LIST: &[&str] = &[
    "call_id",
    "call",
    "level",
    "rule",
    "acknowledged",
    "live",
    "since",
    "until",
    "agent",
    "campaign",
    "lead",
    "phone",
    "uniqueid",
    "cursor",
    "limit",
];
/// Length of an acknowledger's name at most, bytes.
const LONGEST_NAME: usize = 100;
/// Alerts that are taken together at most.
const TOGETHER: usize = 1000;
/// Alerts of one call that are shown with it.
const OF_A_CALL: u32 = 1000;

/// `GET /api/v1/alerts`: newest first.
pub(in crate::api) async fn list(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<AlertList>, ApiError> {
    let call = match query.either("call_id", "call")? {
        Some(id) => Some(find_seen(&store, &access, &id).await?.key),
        None => None,
    };
    let level = query.text("level");
    if let Some(level) = level.as_deref().filter(|level| !["warning", "urgent", "critical"].contains(level)) {
        let msg = format!("{level:?} is not warning, urgent or critical");
        return Err(ApiError::Wrong(Part::Query, "level".into(), msg));
    }
    let (since, until) = in_order(&query, clock.now())?;
    let limit = query.limit()?;
    let filter = AlertFilter {
        call,
        which: named(&query, access.clone())?,
        level,
        acknowledged: query.flag("acknowledged")?,
        rule: query.text("rule"),
        live: query.flag("live")?,
        since,
        until,
        after: cursor(&query)?,
        limit: limit + 1,
    };
    let mut rows = store.alerts(filter).await?;
    let more = cut(&mut rows, limit);
    let next_cursor = rows.last().filter(|_| more).map(|last| format!("{}.{}", last.raised.0, last.id));
    let alerts: Vec<AlertMessage> = rows.iter().map(AlertRow::message).collect();
    let similar_agents =
        similar_agents(&store, alerts.is_empty(), query.text("agent"), access.campaign.clone()).await?;
    let open = store.open_alerts(access.campaign).await?;
    Ok(Json(AlertList { count: alerts.len(), open, alerts, next_cursor, similar_agents }))
}

/// `POST /api/v1/alerts/{id}/ack`: by whom, in the body; who was first stays.
pub(in crate::api) async fn ack(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Json<AlertShown>, ApiError> {
    let by = who(&body, &["by"])?;
    let alert = acknowledge(&store, clock, &access, &id, &by).await?;
    Ok(Json(if access.may(READ) {
        AlertShown::Whole(Box::new(alert.message()))
    } else {
        AlertShown::Taken(taken(&alert))
    }))
}

/// `POST /api/v1/alerts/ack`: takes all open alerts of a call (`call_id`), or those with these numbers (`ids`).
pub(in crate::api) async fn ack_many(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    body: axum::body::Bytes,
) -> Result<Json<AlertsTaken>, ApiError> {
    let by = who(&body, &["by", "call_id", "ids"])?;
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let numbers = |ids: &[Value]| ids.iter().map(Value::as_i64).collect::<Option<Vec<i64>>>();
    let ids: Option<Vec<i64>> = match (&body["call_id"], &body["ids"]) {
        (Value::String(id), Value::Null) => {
            let call = find_seen(&store, &access, id).await?.key;
            Some(open_of(&store, call).await?)
        }
        (Value::Null, Value::Array(ids)) if (1..=TOGETHER).contains(&ids.len()) => numbers(ids),
        _ => None,
    };
    let ids = ids.ok_or_else(|| {
        let msg = format!("either call_id, a call's id, or ids, 1 to {TOGETHER} numbers of alerts, is wanted");
        ApiError::Wrong(Part::Body, "ids".into(), msg)
    })?;
    let mut seen = Vec::new();
    for id in ids {
        let row = store.alert(id).await?.filter(|row| access.sees_campaign(row.campaign.as_ref()));
        seen.push(row.ok_or_else(|| ApiError::NotFound(format!("Alert {id} not found; none was taken")))?.id);
    }
    let at = clock.now();
    let take = |&alert: &i64| Change::AlertAcknowledged { alert, by: by.clone(), at };
    store.writer().commit(seen.iter().map(take).collect()).await?;
    let mut alerts = Vec::new();
    for id in seen {
        alerts.extend(store.alert(id).await?.as_ref().map(taken));
    }
    Ok(Json(AlertsTaken { alerts }))
}

/// The numbers of all open alerts of a call.
async fn open_of(store: &Store, call: crate::call::CallKey) -> Result<Vec<i64>, ApiError> {
    let mut page = AlertFilter { call: Some(call), acknowledged: Some(false), limit: OF_A_CALL, ..Default::default() };
    let mut all = Vec::new();
    loop {
        let rows = store.alerts(page.clone()).await?;
        all.extend(rows.iter().map(|alert| alert.id));
        match rows.last() {
            Some(last) if rows.len() == OF_A_CALL as usize => page.after = Some((last.raised.0, last.id)),
            _ => return Ok(all),
        }
    }
}

/// The acknowledgement of an alert, for tokens that may not read calls.
pub(in crate::api) fn taken(alert: &AlertRow) -> AlertTaken {
    AlertTaken::of(alert.id, alert.acknowledged.as_ref())
}

/// The acknowledger's name: `{"by": "mary"}`; a body may be left out. A field that is not known is refused, for it may have been meant as the name.
fn who(body: &[u8], known: &[&str]) -> Result<String, ApiError> {
    if body.is_empty() {
        return Ok("unknown".into());
    }
    let wrong = |msg: String| ApiError::Wrong(Part::Body, "by".into(), msg);
    let body: Value = serde_json::from_slice(body).map_err(|error| wrong(format!("no JSON: {error}")))?;
    let mut fields = body.as_object().into_iter().flat_map(serde_json::Map::keys);
    if let Some(unknown) = fields.find(|field| !known.contains(&field.as_str())) {
        return Err(ApiError::Wrong(Part::Body, unknown.clone(), format!("unknown; known are {}", known.join(", "))));
    }
    match &body["by"] {
        Value::Null if body.is_object() => Ok("unknown".into()),
        Value::String(by) if (1..=LONGEST_NAME).contains(&by.trim().len()) => Ok(by.trim().to_owned()),
        _ => Err(wrong(format!(
            "an object with a name of 1 to {LONGEST_NAME} bytes is wanted, like {{\"by\": \"mary\"}}"
        ))),
    }
}

/// Takes an alert, and tells how it stands then.
pub(in crate::api) async fn acknowledge(
    store: &Store,
    clock: Clock,
    access: &Access,
    id: &str,
    by: &str,
) -> Result<AlertRow, ApiError> {
    let none = || ApiError::NotFound("Alert not found".into());
    let alert: i64 = id.parse().map_err(|_| none())?;
    let row = store.alert(alert).await?.ok_or_else(none)?;
    if !access.sees_campaign(row.campaign.as_ref()) {
        return Err(none());
    }
    let change = Change::AlertAcknowledged { alert, by: by.to_owned(), at: clock.now() };
    store.writer().commit(vec![change]).await?;
    store.alert(alert).await?.ok_or_else(none)
}

/// The alerts of a call, in order of time.
pub(in crate::api) async fn of_call(store: &Store, call: crate::call::CallKey) -> Result<Vec<AlertMessage>, ApiError> {
    let filter = AlertFilter { call: Some(call), limit: OF_A_CALL, ..AlertFilter::default() };
    Ok(store.alerts(filter).await?.iter().rev().map(AlertRow::message).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_acknowledges_is_named_or_nobody_but_never_lost() {
        let read = |body: &str| who(body.as_bytes(), &["by", "call_id"]);
        for (body, by) in
            [("", "unknown"), ("{}", "unknown"), ("{\"by\": null}", "unknown"), ("{\"by\": \" mary \"}", "mary")]
        {
            assert!(matches!(read(body), Ok(name) if name == by), "{body}");
        }
        for (body, field) in [
            ("{\"user\": \"mary\"}", "user"),
            ("{\"By\": \"mary\"}", "By"),
            ("{\"call_id\": \"a\", \"level\": \"warning\"}", "level"),
            ("by=mary", "by"),
            ("{\"by\": 7}", "by"),
            ("[]", "by"),
        ] {
            let told = read(body);
            assert!(matches!(told, Err(ApiError::Wrong(Part::Body, name, _)) if name == field), "{body}");
        }
    }
}
