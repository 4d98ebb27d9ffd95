//! Reasons for which the guard refuses a request, and their answers.

use std::time::Duration;

use super::limits::{Allowance, seconds_up};
use crate::api::request::ApiError;
use crate::contract::problem::Problem;
use crate::store::StoreError;
use crate::store::tokens::Scope;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Reason for which a request was refused.
#[derive(Debug)]
pub(super) enum Refusal {
    Host,
    OtherSite,
    Script,
    Token,
    WrongToken,
    Pause(Duration),
    Spent(Allowance),
    Scope(&'static [Scope]),
    NotFromThere,
    Campaign,
    Hidden,
    Parameter(ApiError),
    /// Too many requests of this token or address are in progress.
    Seats,
    /// Too many bytes of answers wait for this client.
    Untaken,
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Refusal {
    /// Name of the reason in the metric.
    fn name(&self) -> &'static str {
        match self {
            Self::Host => "host",
            Self::OtherSite | Self::Script => "origin",
            Self::Token => "no token",
            Self::WrongToken => "wrong token",
            Self::Pause(_) => "guessing",
            Self::Spent(_) => "rate",
            Self::Scope(_) | Self::NotFromThere => "scope",
            Self::Campaign | Self::Hidden => "campaign",
            Self::Parameter(_) => "parameter",
            Self::Seats => "seats",
            Self::Untaken => "untaken",
            Self::Store(_) => "database",
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        metrics::counter!("lineside_http_refused_total", "reason" => self.name()).increment(1);
        let say = |status, text: &str| (status, axum::Json(Problem::text(text))).into_response();
        let bearer = |text| {
            let mut response = say(StatusCode::UNAUTHORIZED, text);
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            response
        };
        match self {
            Self::Host => say(
                StatusCode::MISDIRECTED_REQUEST,
                "this daemon is not known by the name in Host; add it to [http] hosts if it should be",
            ),
            Self::OtherSite => say(StatusCode::FORBIDDEN, "another site's page may not do this"),
            Self::Script => say(
                StatusCode::FORBIDDEN,
                "a login needs Origin, and application/json or X-Requested-With, to change something",
            ),
            Self::Token => bearer(
                "a token is needed: Authorization: Bearer …, or a login at /login; `lineside token add` makes one",
            ),
            Self::WrongToken => bearer("this token is not known, was revoked, or is over"),
            Self::Pause(wait) => {
                let mut response = say(StatusCode::TOO_MANY_REQUESTS, "too many wrong tokens from this address");
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds_up(wait)));
                response
            }
            Self::Spent(allowance) => {
                let text = format!("more than {} requests in a minute; wait and try again", allowance.limit);
                let mut response = say(StatusCode::TOO_MANY_REQUESTS, &text);
                allowance.write(response.headers_mut());
                response
            }
            Self::Scope(any) => {
                let words: Vec<String> = any.iter().map(|scope| format!("{scope:?}").to_lowercase()).collect();
                say(StatusCode::FORBIDDEN, &format!("this token may not; it needs the scope {}", words.join(" or ")))
            }
            Self::NotFromThere => say(StatusCode::FORBIDDEN, "not from this address; see [http] ingest_allow"),
            Self::Campaign => say(StatusCode::FORBIDDEN, "not for a token that is limited to a campaign"),
            Self::Hidden => ApiError::NoCall.into_response(),
            Self::Parameter(error) => error.into_response(),
            Self::Seats => later(
                say,
                "too many connections of this token or address are in use: close some; see [http] connections",
            ),
            Self::Untaken => {
                later(say, "too many answers of this token are being made or were not taken yet: take those first")
            }
            Self::Store(error) => ApiError::from(error).into_response(),
        }
    }
}

/// An answer for who may come again in a few seconds.
fn later(say: impl Fn(StatusCode, &str) -> Response, text: &str) -> Response {
    let mut response = say(StatusCode::TOO_MANY_REQUESTS, text);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    response
}
