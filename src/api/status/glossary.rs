//! `POST /glossary/upload`: words that the recogniser is told to expect, as a CSV in a form; `GET /api/v1/glossary` shows them. With `campaign` they
//! are those of one campaign.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::multipart::{MultipartError, MultipartRejection};
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
    let form = match form {
        Ok(form) => form,
        Err(error) => return Ok(refused(&format!("a file is missing: {}", error.body_text()))),
    };
    let file = match file_of(form).await {
        Ok(file) => file,
        Err(NoFile::TooLarge) => return Err(ApiError::TooLarge),
        Err(NoFile::Because(problem)) => return Ok(refused(&problem)),
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

/// Why a form has no list that could be taken.
enum NoFile {
    TooLarge,
    Because(String),
}

impl NoFile {
    fn of(error: &MultipartError, before: &str) -> Self {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            return Self::TooLarge;
        }
        Self::Because(format!("{before}: {}", error.body_text()))
    }
}

/// The one file of a form. A campaign that stands in the form is refused, for without one in the address the list of all calls would go.
async fn file_of(mut form: Form) -> Result<Bytes, NoFile> {
    let because = |problem: &str| Err(NoFile::Because(problem.into()));
    let mut file: Option<Bytes> = None;
    loop {
        let next = form.next_field().await;
        let broken = "the upload broke off or is not multipart/form-data";
        let Some(mut field) = next.map_err(|error| NoFile::of(&error, broken))? else { break };
        if field.file_name().is_none() {
            let is_campaign = field.name() == Some("campaign");
            let mut is_empty = true;
            while let Ok(Some(chunk)) = field.chunk().await {
                is_empty &= chunk.trim_ascii().is_empty();
            }
            if is_campaign && !is_empty {
                return because("campaign goes into the address: /glossary/upload?campaign=NAME; nothing was changed");
            }
            continue; // forms carry more than we know
        }
        let bytes = field.bytes().await.map_err(|error| NoFile::of(&error, "the upload broke off"))?;
        if file.replace(bytes).is_some() {
            return because("there are two files in the form, and a list is one file; nothing was changed");
        }
    }
    match file.filter(|file| !file.is_empty()) {
        Some(file) => Ok(file),
        None => because("a file is missing: send a CSV as a form field with a file name"),
    }
}

fn line(error: LineError) -> LineProblem {
    LineProblem { line: error.line, detail: error.detail }
}
