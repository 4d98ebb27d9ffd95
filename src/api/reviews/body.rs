//! Bodies of reviewers' requests, parsed field by field, so that each mistake is named.

use serde_json::{Map, Value};

use crate::api::request::ApiError;
use crate::contract::problem::Part;
use crate::contract::quality::DisputeState;
use crate::pipeline::finished::reviewers::{PointsWish, ReviewError, ReviewWish};

/// Characters of a comment.
const LONGEST: usize = 2000;
/// Characters of a rule's name.
const LONGEST_NAME: usize = 100;

pub(super) fn wrong(field: &str, msg: impl Into<String>) -> ApiError {
    ApiError::Wrong(Part::Body, field.into(), msg.into())
}

/// The answer to a refused review or dispute.
pub(super) fn refusal(error: ReviewError, field: &str) -> ApiError {
    match error {
        ReviewError::Store(error) => error.into(),
        ReviewError::NoRule(..) | ReviewError::Twice(_) | ReviewError::Points { .. } => wrong(field, error.to_string()),
        ReviewError::NotOver | ReviewError::Fixed | ReviewError::Held | ReviewError::Disputed => {
            ApiError::Conflict(error.to_string())
        }
    }
}

/// An object with these fields alone.
fn object(value: Value, place: &str, known: &[&str]) -> Result<Map<String, Value>, ApiError> {
    let Value::Object(map) = value else { return Err(wrong(place, "an object is wanted")) };
    match map.keys().find(|key| !known.contains(&key.as_str())) {
        Some(unknown) => Err(wrong(unknown, format!("unknown; known are {}", known.join(", ")))),
        None => Ok(map),
    }
}

fn json(body: &[u8], known: &[&str]) -> Result<Map<String, Value>, ApiError> {
    let body = serde_json::from_slice(body).map_err(|error| wrong("json", format!("no JSON: {error}")))?;
    object(body, "json", known)
}

fn is_text(text: &str, longest: usize) -> bool {
    text.chars().count() <= longest && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// A text that has to be there.
fn needed(map: &Map<String, Value>, field: &str, longest: usize) -> Result<String, ApiError> {
    match map.get(field) {
        Some(Value::String(text)) if !text.trim().is_empty() && is_text(text, longest) => Ok(text.trim().to_owned()),
        _ => Err(wrong(field, format!("a text of 1 to {longest} characters is wanted"))),
    }
}

/// A text that may be left out.
fn comment(map: &Map<String, Value>) -> Result<String, ApiError> {
    match map.get("comment") {
        None | Some(Value::Null) => Ok(String::new()),
        Some(Value::String(text)) if is_text(text, LONGEST) => Ok(text.trim().to_owned()),
        Some(_) => Err(wrong("comment", format!("a text of up to {LONGEST} characters is wanted"))),
    }
}

fn points(rule: Value) -> Result<PointsWish, ApiError> {
    let map = object(rule, "rules", &["rule", "points", "comment"])?;
    let points = match map.get("points") {
        Some(Value::Null) => None,
        Some(Value::Number(number)) => number.as_f64(),
        _ => return Err(wrong("points", "a number is wanted, or null where nothing in the call asked for the rule")),
    };
    Ok(PointsWish { rule: needed(&map, "rule", LONGEST_NAME)?, points, comment: comment(&map)? })
}

/// A review.
pub(super) fn review(body: &[u8]) -> Result<ReviewWish, ApiError> {
    let mut map = json(body, &["rules", "comment"])?;
    let comment = comment(&map)?;
    let Some(Value::Array(rules)) = map.remove("rules") else {
        return Err(wrong("rules", "a list of rules with their points is wanted"));
    };
    if rules.is_empty() {
        return Err(wrong("rules", "the points of one rule at least are wanted"));
    }
    Ok(ReviewWish { rules: rules.into_iter().map(points).collect::<Result<_, _>>()?, comment })
}

/// A dispute: its rule and its text.
pub(super) fn dispute(body: &[u8]) -> Result<(String, String), ApiError> {
    let map = json(body, &["rule", "text"])?;
    Ok((needed(&map, "rule", LONGEST_NAME)?, needed(&map, "text", LONGEST)?))
}

/// An answer to a dispute.
pub(super) fn answer(body: &[u8]) -> Result<(DisputeState, String), ApiError> {
    let map = json(body, &["state", "answer"])?;
    let state = map.get("state").and_then(Value::as_str).and_then(DisputeState::parse);
    let state = state.filter(|state| *state != DisputeState::Open);
    let state = state.ok_or_else(|| wrong("state", "upheld or rejected is wanted"))?;
    Ok((state, needed(&map, "answer", LONGEST)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field<T: std::fmt::Debug>(read: Result<T, ApiError>) -> String {
        let Err(ApiError::Wrong(Part::Body, field, _)) = read else { panic!("{read:?}") };
        field
    }

    #[test]
    fn what_is_wrong_with_a_review_is_named() {
        for (body, says) in [
            ("x", "json"),
            ("[]", "json"),
            ("{}", "rules"),
            (r#"{"rules": []}"#, "rules"),
            (r#"{"rules": ["greeting"]}"#, "rules"),
            (r#"{"rules": [{"rule": "greeting"}]}"#, "points"),
            (r#"{"rules": [{"rule": "greeting", "points": "5"}]}"#, "points"),
            (r#"{"rules": [{"points": 5}]}"#, "rule"),
            (r#"{"rules": [{"rule": "a", "points": 5, "weight": 1}]}"#, "weight"),
            (r#"{"rules": [{"rule": "a", "points": 5, "comment": "a\u0007"}]}"#, "comment"),
            (r#"{"rules": [{"rule": "a", "points": 5}], "reviewer": "john"}"#, "reviewer"),
        ] {
            assert_eq!(field(review(body.as_bytes())), says, "{body}");
        }
        let good = review(br#"{"rules": [{"rule": "a", "points": null, "comment": " late "}], "comment": "b"}"#);
        let point = PointsWish { rule: "a".into(), points: None, comment: "late".into() };
        assert_eq!(good.expect("good"), ReviewWish { rules: vec![point], comment: "b".into() });
    }

    #[test]
    fn what_is_wrong_with_a_dispute_or_an_answer_is_named() {
        assert_eq!(field(dispute(br#"{"rule": "a"}"#)), "text");
        assert_eq!(field(dispute(br#"{"rule": "", "text": "b"}"#)), "rule");
        assert_eq!(field(answer(br#"{"state": "open", "answer": "b"}"#)), "state");
        assert_eq!(field(answer(br#"{"state": "upheld", "answer": " "}"#)), "answer");
        let good = answer(br#"{"state": "rejected", "answer": "b"}"#).expect("good");
        assert_eq!(good, (DisputeState::Rejected, "b".into()));
    }
}
