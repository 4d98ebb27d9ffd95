//! `POST /analyze_call`: analyses a transcript that a client sends as one text; the result is stored, and `GET /analyze_call/{id}` shows it again.
//!
//! The rules are those of calls. The text is redacted before anything of it is stored.

use std::time::Instant;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use uuid::Uuid;

use crate::api::request::{ApiError, Clock};
use crate::contract::analysis::{AnalysisSentiment, AnalyzeRequest, CallAnalysis};
use crate::contract::problem::{Part, Problem};
use crate::contract::review::{CallDigest, CallFeeling};
use crate::pipeline::finished::made::Analysed;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::told::in_words;
use crate::priority;
use crate::store::Store;
use crate::store::analyses::AnalysisRow;

/// Characters of a transcript.
const LONGEST: usize = 200_000;
/// Intent where the text gives none.
const NO_INTENT: &str = "General enquiry";

/// `POST /analyze_call`
pub(in crate::api) async fn analyze(
    State(store): State<Store>,
    State(desk): State<Desk>,
    State(clock): State<Clock>,
    body: Result<Json<AnalyzeRequest>, JsonRejection>,
) -> Result<Response, ApiError> {
    let began = Instant::now();
    let transcript = match body {
        Ok(Json(body)) => body.transcript,
        Err(rejection) => return refused(&rejection),
    };
    if transcript.trim().is_empty() {
        return Err(wrong("a text is wanted"));
    }
    if transcript.chars().count() > LONGEST {
        return Ok((StatusCode::PAYLOAD_TOO_LARGE, Json(Problem::text(format!("at most {LONGEST} characters"))))
            .into_response());
    }
    let analysed = priority::aside(move || desk.analysed(&transcript));
    let Analysed { text, digest } = analysed.await.map_err(|error| ApiError::Unavailable(error.to_string()))?;
    let mut row = AnalysisRow {
        id: 0,
        unique_id: Uuid::new_v4().to_string(),
        transcript: text,
        intent: intent(&digest),
        sentiment: sentiment(&digest).as_str().into(),
        action_required: digest.insights.action_required,
        summary: if digest.text.is_empty() { NO_INTENT.into() } else { digest.text.clone() },
        metadata: json!({"insights": digest.insights}).to_string(),
        created: clock.now(),
        took_ms: (began.elapsed().as_secs_f64() * 1e5).round() / 100.0,
    };
    row.id = store.keep_analysis(row.clone()).await?;
    Ok(Json(shown(row)).into_response())
}

/// `GET /analyze_call/{id}`
pub(in crate::api) async fn one(
    State(store): State<Store>,
    Path(id): Path<String>,
) -> Result<Json<CallAnalysis>, ApiError> {
    let number = id.parse().map_err(|_| ApiError::Wrong(Part::Path, "id".into(), format!("{id:?} is not a number")))?;
    let row = store.analysis(number).await?.ok_or_else(|| ApiError::NotFound("Analysis not found".into()))?;
    Ok(Json(shown(row)))
}

fn wrong(problem: &str) -> ApiError {
    ApiError::Wrong(Part::Body, "transcript".into(), problem.into())
}

/// The answer to a malformed body: 413, 415, or 422 with the field.
fn refused(rejection: &JsonRejection) -> Result<Response, ApiError> {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Err(ApiError::TooLarge),
        status @ StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            let detail = "send Content-Type: application/json";
            Ok((status, Json(Problem::text(detail))).into_response())
        }
        _ if matches!(rejection, JsonRejection::JsonSyntaxError(_)) => {
            Err(ApiError::Wrong(Part::Body, "json".into(), rejection.body_text()))
        }
        _ => Err(wrong(&rejection.body_text())),
    }
}

/// The strongest intent in words, with what was said about a payment.
fn intent(digest: &CallDigest) -> String {
    let insights = &digest.insights;
    let payment = insights.payment.as_ref().map(|payment| {
        let what = match payment.state.as_str() {
            "promised" => "Promise to pay",
            "refused" => "Refusal to pay",
            "paid" => "Payment made",
            "hardship" => "Financial hardship",
            other => other,
        };
        let due = payment.due.as_ref().map(|due| format!(" - {due}")).unwrap_or_default();
        format!("{what}{due}")
    });
    let intent = insights.intents.first().map(|intent| in_words(&intent.label));
    match (payment, intent) {
        (Some(payment), Some(intent)) if !payment.starts_with(&intent) => format!("{payment} ({intent})"),
        (Some(payment), _) => payment,
        (None, Some(intent)) => intent,
        (None, None) => NO_INTENT.into(),
    }
}

fn sentiment(digest: &CallDigest) -> AnalysisSentiment {
    match &digest.insights.sentiment {
        CallFeeling::Known { label, .. } if label == "positive" => AnalysisSentiment::Positive,
        CallFeeling::Known { label, .. } if label == "negative" => AnalysisSentiment::Negative,
        CallFeeling::Known { .. } | CallFeeling::Unavailable => AnalysisSentiment::Neutral,
    }
}

fn shown(row: AnalysisRow) -> CallAnalysis {
    CallAnalysis {
        id: row.id,
        unique_id: row.unique_id,
        customer_intent: row.intent,
        sentiment: row.sentiment,
        action_required: row.action_required,
        summary: row.summary,
        raw_transcript: row.transcript,
        processed_at: row.created.rfc3339(),
        processing_time_ms: row.took_ms,
    }
}
