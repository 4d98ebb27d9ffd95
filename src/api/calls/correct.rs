//! `POST /api/v1/calls/{id}/corrections`: corrects a word or a speaker. From then on the call shows both forms; search and exports use the corrected
//! one.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::Value;

use super::find::find_call;
use super::shown::correction;
use crate::api::request::ApiError;
use crate::call::Leg;
use crate::contract::correction::CorrectionList;
use crate::contract::problem::{Part, Problem};
use crate::pipeline::finished::correct::{CorrectError, CorrectionWish, Corrector};
use crate::store::Store;

/// Characters of a segment's text.
const LONGEST: usize = 2000;
/// Length of a name at most, bytes.
const LONGEST_NAME: usize = 100;

/// Fields of the body.
const KNOWN: [&str; 4] = ["segment_id", "text", "speaker", "by"];

fn wish(body: &[u8]) -> Result<CorrectionWish, ApiError> {
    let wrong = |field: &str, msg: String| ApiError::Wrong(Part::Body, field.into(), msg);
    let body: Value = serde_json::from_slice(body).map_err(|error| wrong("json", format!("no JSON: {error}")))?;
    let Value::Object(map) = body else { return Err(wrong("json", "an object is wanted".into())) };
    if let Some(unknown) = map.keys().find(|key| !KNOWN.contains(&key.as_str())) {
        return Err(wrong(unknown, format!("unknown; known are {}", KNOWN.join(", "))));
    }
    let segment = map.get("segment_id").and_then(Value::as_i64);
    let segment = segment.ok_or_else(|| wrong("segment_id", "the number of a segment is wanted".into()))?;
    let text = match map.get("text") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if fits(text) => Some(text.clone()),
        Some(_) => return Err(wrong("text", format!("a text of 1 to {LONGEST} characters is wanted"))),
    };
    let speaker = match map.get("speaker") {
        None | Some(Value::Null) => None,
        Some(Value::String(word)) if word == "unknown" => Some(Leg::Mixed),
        Some(Value::String(word)) if ["agent", "caller"].contains(&word.as_str()) => Leg::parse(word),
        Some(_) => return Err(wrong("speaker", "agent, caller or unknown is wanted".into())),
    };
    let by = match map.get("by") {
        None | Some(Value::Null) => "unknown".to_owned(),
        Some(Value::String(by)) if (1..=LONGEST_NAME).contains(&by.trim().len()) => by.trim().to_owned(),
        Some(_) => return Err(wrong("by", format!("a name of 1 to {LONGEST_NAME} bytes is wanted"))),
    };
    Ok(CorrectionWish { segment, text, speaker, by })
}

fn fits(text: &str) -> bool {
    !text.trim().is_empty() && text.chars().count() <= LONGEST && !text.chars().any(|c| c.is_control() && c != '\n')
}

/// `POST /api/v1/calls/{id}/corrections`
pub(in crate::api) async fn correct(
    State(store): State<Store>,
    State(corrector): State<Corrector>,
    Path(id): Path<String>,
    body: axum::body::Bytes,
) -> Result<Response, ApiError> {
    let wish = wish(&body)?;
    let call = find_call(&store, &id).await?;
    match corrector.correct(&call, wish).await {
        Ok(()) => {
            let corrections = store.corrections(call.key).await?.iter().map(correction).collect();
            Ok(Json(CorrectionList { call_id: call.call_id, corrections }).into_response())
        }
        Err(CorrectError::Store(error)) => Err(error.into()),
        Err(error @ CorrectError::NoSegment(_)) => Err(ApiError::NotFound(error.to_string())),
        Err(error) => Ok((StatusCode::CONFLICT, Json(Problem::text(error.to_string()))).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_correction_is_named() {
        for (body, says) in [
            ("x", "json"),
            ("[]", "json"),
            ("{\"text\": \"a\"}", "segment_id"),
            ("{\"segment_id\": 1, \"text\": \" \"}", "text"),
            ("{\"segment_id\": 1, \"text\": \"a\\u0007\"}", "text"),
            ("{\"segment_id\": 1, \"speaker\": \"boss\"}", "speaker"),
            ("{\"segment_id\": 1, \"words\": []}", "words"),
            ("{\"segment_id\": 1, \"by\": \"\"}", "by"),
        ] {
            let Err(ApiError::Wrong(Part::Body, field, _)) = wish(body.as_bytes()) else { panic!("{body}") };
            assert_eq!(field, says, "{body}");
        }
        let good = wish(br#"{"segment_id": 3, "text": "a", "speaker": "unknown", "by": " mary "}"#).expect("good");
        assert_eq!((good.segment, good.speaker, good.by.as_str()), (3, Some(Leg::Mixed), "mary"));
    }
}
