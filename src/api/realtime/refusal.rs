//! Errors of this family, in its shape.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::request::ApiError;
use crate::contract::problem::PlatformProblem;

/// Reason for which a request is answered with an error.
pub(in crate::api) enum PlatformRefusal {
    /// 400
    Bad(String),
    /// Everything else.
    Api(ApiError),
}

impl<E: Into<ApiError>> From<E> for PlatformRefusal {
    fn from(error: E) -> Self {
        Self::Api(error.into())
    }
}

impl IntoResponse for PlatformRefusal {
    fn into_response(self) -> Response {
        let answer = |status, text: String| (status, Json(PlatformProblem { ok: false, detail: text })).into_response();
        match self {
            Self::Bad(text) => answer(StatusCode::BAD_REQUEST, text),
            Self::Api(error) => error.into_response(),
        }
    }
}
