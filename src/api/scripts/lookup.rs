//! `GET /api/v1/lookup`: calls by uniqueid, lead, recording or telephone number, newest first, with their text.

use axum::extract::State;
use axum::{Extension, Json};

use crate::api::access::Told;
use crate::api::access::grant::Access;
use crate::api::calls::find::phone;
use crate::api::calls::shown::{cumulative, segment, summary};
use crate::api::request::{ApiError, Parameters};
use crate::call::{CallKey, Leg};
use crate::contract::lookup::{FoundCall, FoundCalls};
use crate::contract::problem::Part;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::lookup::LookupKey;
use crate::store::segments::SegmentRow;

/// Query parameters of the path: one of the first four is needed.
pub(in crate::api) const ASKS: &[&str] = &["uniqueid", "lead_id", "recording_id", "phone", "limit", "include_segments"];
/// Calls of an answer at most: each comes with its text.
pub(super) const MOST: u32 = 100;
/// Default number of calls.
pub(super) const SOME: u32 = 20;

/// A key by the name of its parameter.
pub(super) fn key(name: &str, value: String) -> Result<LookupKey, String> {
    match name {
        "uniqueid" => Ok(LookupKey::Uniqueid(value)),
        "lead_id" => Ok(LookupKey::Lead(value)),
        "recording_id" => Ok(LookupKey::Recording(value)),
        _ => phone(&value).map(LookupKey::Phone),
    }
}

/// Entry of the audit log for calls that were looked up.
pub(super) fn told(calls: Vec<CallKey>) -> Extension<Told> {
    Extension(Told { action: "lookup".into(), calls })
}

/// Labels of the keywords that were said, each once, with whether the caller said it.
fn labels(rows: &[SegmentRow]) -> impl Iterator<Item = (&str, bool)> {
    rows.iter().flat_map(|row| {
        let keywords = row.keywords.as_array().into_iter().flatten();
        keywords.filter_map(|keyword| Some((keyword["label"].as_str()?, row.speaker != Leg::Agent)))
    })
}

/// Each label once, in the order in which they were first said.
pub(super) fn keywords(rows: &[SegmentRow]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (label, _) in labels(rows) {
        if !found.iter().any(|known| known == label) {
            found.push(label.into());
        }
    }
    found
}

/// The label that the caller said most often; of several the first.
pub(super) fn intent(rows: &[SegmentRow]) -> Option<String> {
    let mut counts: Vec<(&str, usize)> = Vec::new();
    for (label, _) in labels(rows).filter(|(_, by_caller)| *by_caller) {
        match counts.iter_mut().find(|(known, _)| *known == label) {
            Some((_, count)) => *count += 1,
            None => counts.push((label, 1)),
        }
    }
    // `max_by_key` takes the last of equals.
    counts.iter().rev().max_by_key(|(_, count)| *count).map(|(label, _)| (*label).to_owned())
}

fn found(call: &CallRow, rows: &[SegmentRow], language: Option<String>, with_segments: bool) -> FoundCall {
    FoundCall {
        summary: summary(call),
        cumulative_transcript: cumulative(rows),
        language,
        keywords: keywords(rows),
        intent: intent(rows),
        segments: with_segments.then(|| rows.iter().map(segment).collect()),
    }
}

/// `GET /api/v1/lookup`
pub(in crate::api) async fn lookup(
    State(store): State<Store>,
    State(desk): State<Desk>,
    access: Access,
    query: Parameters,
) -> Result<(Extension<Told>, Json<FoundCalls>), ApiError> {
    let wrong = |name: &str, msg: &str| ApiError::Wrong(Part::Query, name.into(), msg.into());
    let given: Vec<(&str, String)> = ASKS[..4].iter().filter_map(|name| Some((*name, query.text(name)?))).collect();
    let [(name, value)] = <[_; 1]>::try_from(given)
        .map_err(|_| wrong("uniqueid", "exactly one of uniqueid, lead_id, recording_id and phone is needed"))?;
    let key = key(name, value).map_err(|problem| wrong(name, &problem))?;
    let limit = query.number("limit", 1..=MOST)?.unwrap_or(SOME);
    let with_segments = query.flag("include_segments")?.unwrap_or(false);
    let rows = store.lookup(key, access.campaign, limit).await?;
    let keys = rows.calls.iter().map(|call| call.key).collect();
    let mut calls = Vec::new();
    for call in &rows.calls {
        let rows = store.segments(call.key).await?;
        calls.push(found(call, &rows, desk.language(&rows), with_segments));
    }
    Ok((told(keys), Json(FoundCalls { calls, more: rows.more })))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn said(leg: Leg, labels: &[&str]) -> SegmentRow {
        let keywords: Vec<_> = labels.iter().map(|label| json!({"term": "x", "label": label})).collect();
        SegmentRow {
            id: 1,
            start_ms: 0,
            end_ms: 1,
            text: String::new(),
            confidence: 1.0,
            language: None,
            words: json!([]),
            compound: Some(0.0),
            pos: 0.0,
            neu: 1.0,
            neg: 0.0,
            label: "neutral".into(),
            keywords: keywords.into(),
            profanity: json!([]),
            leg,
            speaker: leg,
            engine: None,
            sender_sentiment: None,
        }
    }

    #[test]
    fn the_intent_is_what_the_caller_says_most_often_and_not_what_the_agent_says() {
        let rows = [
            said(Leg::Agent, &["recording notice", "recording notice", "recording notice"]),
            said(Leg::Caller, &["payment"]),
            said(Leg::Caller, &["refund", "cancellation"]),
            said(Leg::Mixed, &["refund"]),
        ];
        assert_eq!(intent(&rows).as_deref(), Some("refund"));
        assert_eq!(intent(&rows[..3]).as_deref(), Some("payment"), "of equals the first");
        assert_eq!(keywords(&rows), ["recording notice", "payment", "refund", "cancellation"]);
        assert_eq!(intent(&rows[..1]), None);
    }
}
