//! `POST /glossary/upload`: words that the recogniser is told to expect, as a CSV in a form; `GET /api/v1/glossary` shows them. With `campaign` they
//! are those of one campaign.

use axum::Json;
use axum::extract::State;
use axum::extract::multipart::MultipartRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::request::Form;
use crate::api::request::{ApiError, Parameters, refused};
use crate::contract::bulk::{GlossaryTaken, GlossaryTerms};
use crate::contract::problem::{LineProblem, ListProblem, Part};
use crate::pipeline::workers::glossary::{Glossary, LineError, parse};

/// Size of a list at most, bytes.
pub(in crate::api) const BYTES: usize = 512 * 1024;

/// What may be asked.
pub(in crate::api) const ASKS: &[&str] = &["campaign"];

/// The list in use.
pub(in crate::api) async fn show(
    State(glossary): State<Glossary>,
    asked: Parameters,
) -> Result<Json<GlossaryTerms>, ApiError> {
    let campaign = asked.text("campaign");
    let list = glossary.list(campaign.as_deref());
    let list = list.ok_or_else(|| ApiError::NotFound("this campaign has no list of its own".into()))?;
    let campaigns = glossary.campaigns();
    Ok(Json(GlossaryTerms {
        campaign,
        count: list.terms.len(),
        in_prompt: list.in_prompt,
        terms: list.terms,
        campaigns,
    }))
}

/// Takes a list of all calls or of a campaign; the one before goes. A form without a file is a 400, as documented.
pub(in crate::api) async fn upload(
    State(glossary): State<Glossary>,
    asked: Parameters,
    form: Result<Form, MultipartRejection>,
) -> Result<Response, ApiError> {
    let campaign = asked.text("campaign");
    if let Some(campaign) = &campaign {
        glossary.may_have(campaign).map_err(|why| ApiError::Wrong(Part::Query, "campaign".into(), why))?;
    }
    let mut form = match form {
        Ok(form) => form,
        Err(error) => return Ok(refused(&format!("a file is missing: {}", error.body_text()))),
    };
    let mut file = None;
    loop {
        let too_large = |status| if status == StatusCode::PAYLOAD_TOO_LARGE { Err(ApiError::TooLarge) } else { Ok(()) };
        let field = match form.next_field().await {
            Ok(Some(field)) => field,
            Ok(None) => break,
            Err(error) => {
                too_large(error.status())?;
                return Ok(refused(&format!(
                    "the upload broke off or is not multipart/form-data: {}",
                    error.body_text()
                )));
            }
        };
        if field.file_name().is_none() {
            let mut field = field;
            while let Ok(Some(_)) = field.chunk().await {} // forms carry more than we know
            continue;
        }
        match field.bytes().await {
            Ok(bytes) => file = Some(bytes),
            Err(error) => {
                too_large(error.status())?;
                return Ok(refused(&format!("the upload broke off: {}", error.body_text())));
            }
        }
    }
    let Some(file) = file.filter(|file| !file.is_empty()) else {
        return Ok(refused("a file is missing: send a CSV as a form field with a file name"));
    };
    let terms = match parse(&file) {
        Ok(terms) => terms,
        Err(errors) => {
            let first = format!("line {}: {}; nothing was changed", errors[0].line, errors[0].detail);
            return Ok((
                StatusCode::BAD_REQUEST,
                Json(ListProblem { detail: first, errors: errors.into_iter().map(line).collect() }),
            )
                .into_response());
        }
    };
    let (kept, whose) = (glossary.clone(), campaign.clone());
    let done = tokio::task::spawn_blocking(move || kept.replace(whose.as_deref(), terms)).await;
    match done {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            log::error!("glossary: {error}; the list before stays in use");
            return Err(ApiError::Unavailable(format!("the list could not be written to disk: {error}")));
        }
        Err(_) => return Err(ApiError::Unavailable("the daemon is stopping".into())),
    }
    let taken = glossary.list(campaign.as_deref());
    let (count, in_prompt) = taken.map_or((0, 0), |list| (list.terms.len(), list.in_prompt));
    log::info!(
        "glossary of {}: {count} terms, {in_prompt} of them go to the recogniser",
        campaign.as_deref().unwrap_or("all calls")
    );
    Ok(Json(GlossaryTaken { campaign, count, in_prompt }).into_response())
}

fn line(error: LineError) -> LineProblem {
    LineProblem { line: error.line, detail: error.detail }
}
