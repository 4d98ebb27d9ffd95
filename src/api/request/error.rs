//! Errors that handlers answer with.

use crate::contract::problem::{Part, Problem};
use crate::store::StoreError;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

/// An answer that is not the one asked for.
#[derive(Debug)]
pub enum ApiError {
    /// The call does not exist, or not for this token.
    NoCall,
    /// The call has nothing of this kind; the text says what.
    NotFound(String),
    /// A mistake in the request: its part, the field, and the mistake.
    Wrong(Part, String, String),
    /// It cannot be done as things stand.
    Conflict(String),
    /// The request's body is larger than anybody needs.
    TooLarge,
    /// The daemon cannot answer now.
    Unavailable(String),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        // A client that asks too much is told so; the log is not.
        let refused = match error {
            StoreError::TooLong => Some("long question"),
            StoreError::Crowded => Some("crowded"),
            _ => None,
        };
        match refused {
            Some(reason) => metrics::counter!("lineside_http_refused_total", "reason" => reason).increment(1),
            None => log::error!("api: {error}"),
        }
        Self::Unavailable(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let detail = |status, text: String| (status, axum::Json(Problem::text(text))).into_response();
        match self {
            Self::NoCall => detail(StatusCode::NOT_FOUND, "Call session not found".into()),
            Self::NotFound(text) => detail(StatusCode::NOT_FOUND, text),
            Self::Conflict(text) => detail(StatusCode::CONFLICT, text),
            Self::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too large".into()),
            Self::Unavailable(text) => detail(StatusCode::SERVICE_UNAVAILABLE, text),
            Self::Wrong(part, name, msg) => {
                (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(Problem::field(part, name, msg))).into_response()
            }
        }
    }
}

/// A 400, as documented for these paths.
pub(in crate::api) fn refused(problem: &str) -> Response {
    (StatusCode::BAD_REQUEST, axum::Json(Problem::text(problem))).into_response()
}
