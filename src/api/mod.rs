//! HTTP over loopback and a Unix socket: queries of the store, live feeds, two commands.
//!
//! Knows the store and the conductor's commands, never capture or speech. No request waits for anything but its own query.

mod agents;
mod alerts;
mod audience;
mod audio;
mod batch;
mod board;
mod bulk;
mod calls;
mod dashboards;
mod export;
mod feed;
mod figures;
mod follow;
mod form;
mod glossary;
mod health;
mod parameters;
mod play;
mod privacy;
mod realtime;
mod review;
mod search;
mod sound;
mod upload;
pub mod walls;
mod web;

use std::path::PathBuf;
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
use crate::pipeline::command::Command;
use crate::pipeline::finished::again::Again;
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::workers::glossary::Glossary;
use crate::store::{Store, StoreError};

pub use audience::Audience;
pub use health::Health;
pub(crate) use parameters::Parameters;
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
    /// The notifiers, to be tried.
    pub agents: Agents,
    /// Who listens to the feeds of call dashboards.
    pub audience: Audience,
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
        // Who asks too much is told; it is nothing for the log.
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
        .get("/api/v1/figures", own.asks(figures::ASKS), figures::figures)
        .get("/api/metrics", own.asks(figures::ASKS), figures::figures)
        .get("/api/calls", own, dashboards::calls)
        .get("/api/calls/{id}", call, dashboards::progress)
        .get("/api/calls/{id}/history", own.asks(dashboards::COUNTED), dashboards::history)
        .get("/api/alerts", own.asks(dashboards::COUNTED), dashboards::alerts)
        .get("/api/stats", daemon, dashboards::stats)
        .get("/api/v1/calls", own.asks(calls::LIST), calls::list)
        .post("/api/v1/calls", Door::new(OPERATE_OR_INGEST, About::All), calls::name)
        .get("/api/v1/calls/active", own, calls::active)
        .get("/api/v1/calls/stats", own, calls::stats)
        .get("/api/v1/calls/{id}", call, calls::one)
        .get("/api/v1/calls/{id}/transcript", call.asks(&["include_segments"]), calls::transcript)
        .get("/api/v1/calls/{id}/segments", call, calls::segments)
        .get("/api/v1/calls/{id}/peaks", call.asks(&["leg", "buckets"]), sound::draw)
        .get("/api/v1/calls/{id}/live", call.asks(&["seconds", "from"]), sound::live)
        .get("/api/v1/calls/{id}/qa", call, review::qa)
        .get("/api/v1/calls/{id}/entities", call, review::entities)
        .get("/api/v1/calls/{id}/entity-evolution", call, review::evolution)
        .get("/api/v1/calls/{id}/summary", call, review::summary)
        .get("/api/v1/calls/{id}/export", call.asks(&["format"]), export::one)
        .get("/calls/{id}/export", call.asks(&["format"]), export::documented)
        .post("/calls/bulk", own, bulk::bulk)
        .get(walls::link::PATH, call.asks(walls::link::ASKS), audio::audio)
        .get("/calls/{id}/audio", call.asks(&["leg"]), audio::audio)
        .post("/api/v1/calls/{id}/audio/link", call.asks(&["leg", "seconds"]), audio::link)
        .post("/api/v1/calls/{id}/end", command.asks(&["reason"]), calls::end)
        .post("/api/v1/calls/{id}/trigger-ai-pipeline", command, bulk::again)
        .post("/api/v1/calls/{id}/pause", command.asks(&["by"]), privacy::pause)
        .post("/api/v1/calls/{id}/resume", command.asks(&["by"]), privacy::resume)
        .post("/api/v1/calls/{id}/hold", command.asks(&["reason"]), privacy::hold)
        .delete("/api/v1/calls/{id}/hold", command, privacy::release)
        .get("/api/v1/calls/{id}/privacy", call, privacy::one)
        .post("/api/v1/forget", Door::new(OPERATE, About::All), privacy::forget)
        .get("/api/v1/calls/agent-service/health", daemon, agents::health)
        .post("/api/v1/calls/agent-service/test-auth", Door::new(OPERATE, About::Daemon), agents::test_auth)
        .post(
            "/api/v1/calls/agent-service/test-notification",
            Door::new(OPERATE, About::All).asks(&["call_id"]),
            agents::test_notification,
        )
        .post("/api/v1/notifiers/test", Door::new(OPERATE, About::All).asks(&["name"]), agents::try_notifiers)
        .get("/api/v1/glossary", daemon, glossary::show)
        .post_sized(
            "/glossary/upload",
            Door::new(OPERATE, About::All),
            DefaultBodyLimit::max(glossary::BYTES),
            glossary::upload,
        )
        .get("/api/v1/alerts", own.asks(alerts::LIST), alerts::list)
        .post("/api/v1/alerts/{id}/ack", Door::new(OPERATE, About::Own), alerts::ack)
        .get("/api/v1/search", own.asks(search::ASKS), search::search)
        .get("/api/v1/events", own.asks(feed::RESUMED), feed::sse)
        .get("/ws/events", own.asks(feed::RESUMED), follow::events)
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
    fn no_call_can_have_the_name_of_a_path() {
        let (_, doors) = routes().into_parts();
        let parts: Vec<(&str, &str)> = doors.all().filter_map(|(_, path, _)| path.split_once("/calls/")).collect();
        for (before, rest) in &parts {
            let word = rest.split('/').next().unwrap_or_default();
            let is_by_id = parts.iter().any(|(other, rest)| other == before && rest.starts_with("{id}"));
            let is_free = word.starts_with('{') || !is_by_id;
            assert!(is_free || crate::call::CallId::RESERVED.contains(&word), "{before}/calls/{word}");
        }
        assert!(parts.iter().any(|(_, rest)| *rest == "active"), "{parts:?}");
    }

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
            let is_idle = path.starts_with("/api/realtime/") || path == "/api/calls/{id}/history";
            let by_guard = call_parameter(path).is_some() && !is_page && !is_idle;
            assert_eq!(door.about == About::Call, by_guard, "{what}");
        }
    }
}
