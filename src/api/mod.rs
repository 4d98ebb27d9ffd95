//! HTTP over loopback and a Unix socket: queries of the store, live feeds, two commands.
//!
//! Knows the store and the conductor's commands, never capture or speech. No request waits for anything but its own query.

mod agents;
mod alerts;
mod audio;
mod batch;
mod board;
mod bulk;
mod calls;
mod export;
mod feed;
mod figures;
mod follow;
mod glossary;
mod health;
mod play;
mod privacy;
mod realtime;
mod review;
mod search;
mod sound;
mod upload;
pub mod walls;
mod web;

use std::collections::HashMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::walls::door::{About, Door, NOTHING, OPERATE, OPERATE_OR_INGEST, READ, Routes};
use crate::call::WallTime;
use crate::pipeline::again::Again;
use crate::pipeline::glossary::Glossary;
use crate::pipeline::live::Command;
use crate::pipeline::notify::Agents;
use crate::pipeline::review::Desk;
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
    /// Who is let in, and to what.
    pub walls: Arc<walls::Walls>,
    /// Folder for audio that had to be converted for playing.
    pub cache: PathBuf,
    /// How recordings are taken.
    pub uploads: Uploads,
    /// Where calls of other platforms come in.
    pub inlet: Inlet,
    /// Looks at calls as a whole.
    pub desk: Desk,
    /// Reads calls again.
    pub again: Again,
    /// Words to expect.
    pub glossary: Glossary,
    /// The agents' notification service.
    pub agents: Agents,
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
    /// The request's body is larger than anybody needs.
    TooLarge,
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
            Self::TooLarge => detail(StatusCode::PAYLOAD_TOO_LARGE, "the request's body is too large".into()),
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

/// All paths, each with what it needs and what of calls it shows.
fn routes() -> Routes {
    let daemon = Door::new(READ, About::Daemon);
    let (call, own) = (Door::new(READ, About::Call), Door::new(READ, About::Own));
    let command = Door::new(OPERATE, About::Call);
    let login = Door::new(NOTHING, About::Nothing);
    let routes = Routes::default()
        .get("/health", Door::new(NOTHING, About::Daemon), health::health)
        .get("/health/models", daemon, health::models)
        .get("/metrics", daemon, health::metrics)
        .get(walls::login::PATH, login, walls::login::form)
        .post(walls::login::PATH, login, walls::login::login)
        .get(walls::login::STYLE_PATH, login, walls::login::style)
        .post(walls::login::LOGOUT_PATH, login, walls::login::logout)
        .get("/api/v1/board", own, board::board)
        .get("/api/v1/box", own, board::box_state)
        .get("/api/v1/figures", own, figures::figures)
        .get("/api/metrics", own, figures::figures)
        .get("/api/v1/calls", own, calls::list)
        .post("/api/v1/calls", Door::new(OPERATE_OR_INGEST, About::All), calls::name)
        .get("/api/v1/calls/active", own, calls::active)
        .get("/api/v1/calls/stats", own, calls::stats)
        .get("/api/v1/calls/{id}", call, calls::one)
        .get("/api/v1/calls/{id}/transcript", call, calls::transcript)
        .get("/api/v1/calls/{id}/segments", call, calls::segments)
        .get("/api/v1/calls/{id}/peaks", call, sound::draw)
        .get("/api/v1/calls/{id}/live", call, sound::live)
        .get("/api/v1/calls/{id}/qa", call, review::qa)
        .get("/api/v1/calls/{id}/entities", call, review::entities)
        .get("/api/v1/calls/{id}/entity-evolution", call, review::evolution)
        .get("/api/v1/calls/{id}/summary", call, review::summary)
        .get("/api/v1/calls/{id}/export", call, export::one)
        .get("/calls/{id}/export", call, export::documented)
        .post("/calls/bulk", own, bulk::bulk)
        .get(walls::link::PATH, call, audio::audio)
        .get("/calls/{id}/audio", call, audio::audio)
        .post("/api/v1/calls/{id}/audio/link", call, audio::link)
        .post("/api/v1/calls/{id}/end", command, calls::end)
        .post("/api/v1/calls/{id}/trigger-ai-pipeline", command, bulk::again)
        .post("/api/v1/calls/{id}/pause", command, privacy::pause)
        .post("/api/v1/calls/{id}/resume", command, privacy::resume)
        .post("/api/v1/calls/{id}/hold", command, privacy::hold)
        .delete("/api/v1/calls/{id}/hold", command, privacy::release)
        .get("/api/v1/calls/{id}/privacy", call, privacy::one)
        .post("/api/v1/forget", Door::new(OPERATE, About::All), privacy::forget)
        .get("/api/v1/calls/agent-service/health", daemon, agents::health)
        .post("/api/v1/calls/agent-service/test-auth", Door::new(OPERATE, About::Daemon), agents::test_auth)
        .post(
            "/api/v1/calls/agent-service/test-notification",
            Door::new(OPERATE, About::All),
            agents::test_notification,
        )
        .get("/api/v1/glossary", daemon, glossary::show)
        .post_sized(
            "/glossary/upload",
            Door::new(OPERATE, About::All),
            DefaultBodyLimit::max(glossary::BYTES),
            glossary::upload,
        )
        .get("/api/v1/alerts", own, alerts::list)
        .post("/api/v1/alerts/{id}/ack", Door::new(OPERATE, About::Own), alerts::ack)
        .get("/api/v1/search", own, search::search)
        .get("/api/v1/events", own, feed::sse)
        .get("/ws/events", own, follow::events)
        .get("/ws/calls", own, feed::all_calls)
        .get("/ws/calls/{id}", call, feed::one_call)
        .get("/ws/alerts", own, feed::alerts)
        // Files are limited one by one while they are written.
        .post_sized("/upload", Door::new(OPERATE_OR_INGEST, About::All), DefaultBodyLimit::disable(), upload::upload);
    realtime::routes(web::routes(routes))
}

/// Everything that is served, behind its guard.
pub fn router(api: Api) -> Router {
    let (router, doors) = routes().into_parts();
    let post = (Arc::clone(&api.walls), Arc::new(doors));
    router
        .fallback(|| async { ApiError::NotFound("no such path; see /".into()) })
        .layer(middleware::from_fn_with_state(post, walls::guard))
        .layer(middleware::map_response(|mut response: Response| async {
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            // With `no-referrer` a browser says `Origin: null` of our own forms (Fetch, "append a request Origin header").
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            response
        }))
        .with_state(api)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::walls::door::call_parameter;

    #[test]
    fn every_path_asks_for_what_it_gives() {
        let (_, doors) = routes().into_parts();
        let is_in = |list: &[&str], path: &str| list.contains(&path);
        for (method, path, door) in doors.all() {
            let what = format!("{method} {path}: {door:?}");
            let is_page = is_in(&["/", "/calls", "/calls/{id}", "/upload", "/dashboard", "/web/{*name}"], path);
            let is_login = is_in(&["/login", "/login.css", "/logout"], path);
            assert_eq!(door.about == About::Nothing, is_login || is_page && method == "GET", "{what}");
            let is_free = is_login || is_in(&["/health", "/web/{*name}"], path);
            assert_eq!(door.needs == NOTHING, is_free, "{what}");
            if method == "GET" {
                assert!(is_free || door.needs == READ, "{what}");
            } else if door.needs == READ {
                assert!(is_in(&["/calls/bulk", "/api/v1/calls/{id}/audio/link"], path), "{what}: it changes something");
            }
            // Where a call that is not there is no error, the handlers look themselves.
            let by_guard = call_parameter(path).is_some() && !is_page && !path.starts_with("/api/realtime/");
            assert_eq!(door.about == About::Call, by_guard, "{what}");
        }
    }
}
