//! HTTP over loopback and a Unix socket: queries of the store, live feeds, two commands.
//!
//! Knows the store and the conductor's commands, never capture or speech. No request waits for anything but its own query.

mod alerts;
mod audio;
mod board;
mod calls;
mod export;
mod feed;
mod figures;
mod follow;
mod health;
mod privacy;
mod realtime;
mod search;
mod sound;
mod upload;
mod web;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::call::WallTime;
use crate::pipeline::live::Command;
use crate::store::{Store, StoreError};

pub use health::Health;
pub use realtime::Inlet;
pub use upload::Uploads;

/// What the handlers need.
#[derive(Clone)]
pub struct Api {
    /// Rows.
    pub store: Store,
    /// The conductor.
    pub commands: mpsc::Sender<Command>,
    /// How everything is doing.
    pub health: Health,
    /// Renders /metrics.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// Folder for audio that had to be converted for playing.
    pub cache: PathBuf,
    /// How recordings are taken.
    pub uploads: Uploads,
    /// Where calls of other platforms come in.
    pub inlet: Inlet,
    /// Ends the feeds.
    pub stop: CancellationToken,
}

/// An answer that is not the one asked for.
#[derive(Debug)]
pub enum ApiError {
    /// There is no such call.
    NoCall,
    /// There is no such thing about it.
    NotFound(String),
    /// Something in the request is wrong: where, and what.
    Wrong(&'static str, String, String),
    /// The daemon cannot answer now.
    Unavailable(String),
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        log::error!("api: {error}");
        Self::Unavailable(error.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let detail = |status, text: String| (status, axum::Json(json!({"detail": text}))).into_response();
        match self {
            Self::NoCall => detail(StatusCode::NOT_FOUND, "Call session not found".into()),
            Self::NotFound(text) => detail(StatusCode::NOT_FOUND, text),
            Self::Unavailable(text) => detail(StatusCode::SERVICE_UNAVAILABLE, text),
            Self::Wrong(part, name, msg) => {
                let body = json!({"detail": [{"loc": [part, name], "msg": msg, "type": "value_error"}]});
                (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(body)).into_response()
            }
        }
    }
}

/// A request's query parameters, read one by one so that each mistake is named.
pub(crate) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(crate) fn new(map: HashMap<String, String>) -> Self {
        Self(map)
    }

    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.0.get(name).filter(|value| !value.is_empty()).cloned()
    }

    pub(crate) fn parse<T: FromStr>(&self, name: &str, wanted: &str) -> Result<Option<T>, ApiError> {
        self.text(name)
            .map(|text| {
                text.parse().map_err(|_| ApiError::Wrong("query", name.into(), format!("{text:?} is not {wanted}")))
            })
            .transpose()
    }

    /// A point in time: RFC 3339, a date, or seconds since the epoch.
    pub(crate) fn time(&self, name: &str) -> Result<Option<WallTime>, ApiError> {
        let Some(text) = self.text(name) else { return Ok(None) };
        let seconds = text.parse::<f64>().ok().map(|seconds| (seconds * 1000.0) as i64);
        let stamp = || text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
        let date = || {
            let date: jiff::civil::Date = text.parse().ok()?;
            date.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp().as_millisecond())
        };
        seconds.or_else(stamp).or_else(date).map(|ms| Some(WallTime(ms))).ok_or_else(|| {
            let msg = format!("{text:?} is not a time like 2026-11-21T10:00:00Z, 2026-11-21 or 1795218045");
            ApiError::Wrong("query", name.into(), msg)
        })
    }

    /// How many to give at most.
    pub(crate) fn limit(&self) -> Result<u32, ApiError> {
        let limit = self.parse("limit", "a number from 1 to 1000")?.unwrap_or(50);
        if (1..=1000).contains(&limit) {
            return Ok(limit);
        }
        Err(ApiError::Wrong("query", "limit".into(), format!("{limit} is not a number from 1 to 1000")))
    }
}

/// All paths.
pub fn router(api: Api) -> Router {
    Router::new()
        .merge(web::router())
        .route("/api/v1/board", get(board::board))
        .route("/api/v1/box", get(board::box_state))
        .route("/ws/events", get(follow::events))
        .route("/api/v1/calls/{id}/peaks", get(sound::draw))
        .route("/api/v1/calls/{id}/live", get(sound::live))
        .route("/api/v1/calls/{id}/export", get(export::one))
        .route("/calls/{id}/export", get(export::documented))
        .route("/calls/{id}/audio", get(audio::audio))
        .route("/calls/bulk", post(export::bulk))
        .route("/api/v1/figures", get(figures::figures))
        .route("/api/metrics", get(figures::figures))
        .route("/health", get(health::health))
        .route("/health/models", get(health::models))
        .route("/metrics", get(health::metrics))
        .route("/api/v1/calls", get(calls::list).post(calls::name))
        .route("/api/v1/calls/active", get(calls::active))
        .route("/api/v1/calls/stats", get(calls::stats))
        .route("/api/v1/calls/{id}", get(calls::one))
        .route("/api/v1/calls/{id}/transcript", get(calls::transcript))
        .route("/api/v1/calls/{id}/segments", get(calls::segments))
        .route("/api/v1/calls/{id}/audio", get(audio::audio))
        .route("/api/v1/calls/{id}/end", post(calls::end))
        .route("/api/v1/alerts", get(alerts::list))
        .route("/api/v1/alerts/{id}/ack", post(alerts::ack))
        .route("/api/v1/calls/{id}/pause", post(privacy::pause))
        .route("/api/v1/calls/{id}/resume", post(privacy::resume))
        .route("/api/v1/calls/{id}/hold", post(privacy::hold).delete(privacy::release))
        .route("/api/v1/calls/{id}/privacy", get(privacy::one))
        .route("/api/v1/forget", post(privacy::forget))
        .route("/api/v1/search", get(search::search))
        .route("/api/v1/events", get(feed::sse))
        .route("/ws/calls", get(feed::all_calls))
        .route("/ws/calls/{id}", get(feed::one_call))
        .route("/ws/alerts", get(feed::alerts))
        .merge(realtime::routes())
        .fallback(|| async { ApiError::NotFound("no such path; see /".into()) })
        .method_not_allowed_fallback(|| async {
            (StatusCode::METHOD_NOT_ALLOWED, axum::Json(json!({"detail": "this path does not take this method"})))
        })
        .layer(middleware::map_response(|mut response: Response| async {
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            response
        }))
        .with_state(api)
}

/// The same, asking everybody for a token.
pub fn with_token(router: Router, token: Option<String>) -> Router {
    match token.filter(|token| !token.is_empty()) {
        Some(token) => router.layer(middleware::from_fn_with_state(Arc::<str>::from(token), check_token)),
        None => router,
    }
}

async fn check_token(State(token): State<Arc<str>>, request: Request, next: Next) -> Response {
    let shown =
        request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    // Browsers cannot set headers on a WebSocket or an EventSource.
    let asked = request.uri().query().and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("token=")));
    let same = |given: &str| {
        given.len() == token.len() && given.bytes().zip(token.bytes()).fold(0, |all, (a, b)| all | (a ^ b)) == 0
    };
    if shown.or(asked).is_some_and(same) || web::is_page(request.method(), request.uri()) {
        return next.run(request).await;
    }
    (
        StatusCode::UNAUTHORIZED,
        axum::Json(json!({"detail": "send Authorization: Bearer and the token of the configuration"})),
    )
        .into_response()
}
