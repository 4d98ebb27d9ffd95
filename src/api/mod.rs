//! HTTP over loopback and a Unix socket: queries of the store, live feeds, and commands to the daemon.
//!
//! This room knows the store and the conductor's commands, never capture or speech. No call waits for a request. A request may wait for its turn
//! among the queries, for the commit of its own change, for the conductor's answer, and at `/health` for one inference. This file puts the router
//! together and does nothing else: handlers take the part of the state that they need. Each room may import those listed above it: first what all
//! share, access, calls and scripts that ask for them, then what is computed from calls, and the document about all of it.
//!
//! Invariants:
//! - A feed hears only what is committed, in the order of commits; an event's id is SSE's `Last-Event-ID`: `store/writer.rs`.
//! - A request passes the access checks before a handler sees it, and every path has a route policy: `access/guard.rs`, `access/route.rs`.
//! - Answers, feed messages and webhook bodies are types: `contract/`. Paths, scopes and parameters of the API's document come from the route
//!   policies, and a path without a description fails a test: `document/`. After a change: `lineside openapi > docs/openapi.json`, `… --feeds >
//!   docs/asyncapi.json`.
//! - No query parameter is ignored: `request/parameters.rs`. A written time has one meaning everywhere: `call/when.rs`.
//! - A call that a token may not see does not exist: `access/`. The scope `agent` is taken by four paths of `calls/agent.rs`; of an agent's own
//!   finished calls, `reviews/of_agent.rs` and `reviews/of_call.rs` read and `reviews/disputes.rs` disputes.
//! - No client delays the daemon or all other clients: `store/readers.rs`, `access/seats.rs`.
//! - Audio is sent in pieces: an hour takes no more memory than a second: `audio/play.rs`, `audio/sound.rs`.

mod request;

pub mod access;

mod calls;

mod scripts;

mod audio;

mod status;

mod statistics;

mod reviews;

mod feeds;

mod realtime;

mod web;

mod document;

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{DefaultBodyLimit, FromRef};
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::Response;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::access::AccessControl;
use self::access::route::{
    AGENT_OR_OPERATE, AGENT_OR_READ, ANY, About, NOTHING, OPERATE, OPERATE_OR_INGEST, READ, RoutePolicies, RoutePolicy,
};
use self::document::DocumentedRoute;
use crate::pipeline::command::Command;
use crate::pipeline::coverage::Coverage;
use crate::pipeline::fetches::Fetches;
use crate::pipeline::finished::correct::Corrector;
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::retranscribe::RetranscribeQueue;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::reviewers::ReviewDesk;
use crate::pipeline::finished::stages::Pipeline;
use crate::pipeline::listen_in::DialerBack;
use crate::pipeline::meaning::Meaning;
use crate::pipeline::taps::Taps;
use crate::pipeline::workers::glossary::Glossary;
use crate::store::Store;

pub use self::audio::{Sounds, UploadSettings};
pub use self::feeds::{Audience, Feeds};
pub use self::realtime::{Inlet, Platforms};
pub use self::request::{ApiError, Clock};
pub use self::status::{Doctor, Health, HostWatch, Metrics, SettingsSource};

type Routes = access::route::Routes<Api>;

/// State of all handlers.
#[derive(Clone)]
pub struct Api {
    /// The database.
    pub store: Store,
    /// Commands to the conductor.
    pub commands: mpsc::Sender<Command>,
    /// Sources of the daemon's health.
    pub health: Health,
    /// Renders /metrics.
    pub metrics: Metrics,
    /// Gives the settings.
    pub settings: SettingsSource,
    /// Access checks.
    pub access_control: Arc<AccessControl>,
    /// Folder for audio that had to be converted for playing.
    pub cache: PathBuf,
    /// Settings of uploads, and the function that takes a file.
    pub uploads: UploadSettings,
    /// Entrance for calls of other platforms.
    pub inlet: Inlet,
    /// Compares a day of the dialer with what was heard.
    pub coverage: Coverage,
    /// Access to the task that taps.
    pub taps: Taps,
    /// Access to the task that fetches recordings.
    pub fetches: Fetches,
    /// Access to messages that go back to the dialer.
    pub back: DialerBack,
    /// Looks at calls as a whole.
    pub desk: Desk,
    /// Keeps what reviewers do.
    pub reviewers: ReviewDesk,
    /// Sets words and speakers right.
    pub corrector: Corrector,
    /// Takes calls that are to be transcribed again.
    pub retranscribe: RetranscribeQueue,
    /// The stages of finished calls, and their queue.
    pub pipeline: Pipeline,
    /// Words to expect.
    pub glossary: Glossary,
    /// Search by meaning.
    pub meaning: Meaning,
    /// The notifiers, to be tried.
    pub agents: Agents,
    /// Clients on the feeds of call dashboards.
    pub audience: Audience,
    /// Ends the feeds.
    pub stop: CancellationToken,
}

/// Lets handlers take a part by its type.
macro_rules! parts {
    ($($part:ident: $type:ty),* $(,)?) => {
        $(impl FromRef<Api> for $type {
            fn from_ref(api: &Api) -> Self {
                api.$part.clone()
            }
        })*
    };
}

parts! {
    store: Store, commands: mpsc::Sender<Command>, health: Health, metrics: Metrics, settings: SettingsSource, access_control: Arc<AccessControl>, uploads: UploadSettings, coverage: Coverage, taps: Taps, fetches: Fetches, back: DialerBack, desk: Desk, reviewers: ReviewDesk, corrector: Corrector, retranscribe: RetranscribeQueue, pipeline: Pipeline, glossary: Glossary, meaning: Meaning, agents: Agents, audience: Audience,
}

impl FromRef<Api> for Clock {
    fn from_ref(api: &Api) -> Self {
        Self::new(api.health.now, api.health.started)
    }
}

impl FromRef<Api> for Sounds {
    fn from_ref(api: &Api) -> Self {
        let (store, access_control, cache) = (api.store.clone(), Arc::clone(&api.access_control), api.cache.clone());
        Self { store, access_control, cache, clock: Clock::from_ref(api) }
    }
}

impl FromRef<Api> for Feeds {
    fn from_ref(api: &Api) -> Self {
        let (access_control, audience) = (Arc::clone(&api.access_control), api.audience.clone());
        Self { store: api.store.clone(), access_control, audience, stop: api.stop.clone() }
    }
}

impl FromRef<Api> for Platforms {
    fn from_ref(api: &Api) -> Self {
        Self { sounds: Sounds::from_ref(api), inlet: api.inlet.clone(), stop: api.stop.clone() }
    }
}

/// All paths, each with what it needs and what of calls it shows.
fn routes() -> Routes {
    let daemon = RoutePolicy::new(READ, About::Daemon);
    let (call, own) = (RoutePolicy::new(READ, About::Call), RoutePolicy::new(READ, About::Own));
    let login = RoutePolicy::new(NOTHING, About::Nothing);
    let routes = Routes::default()
        .get("/health", RoutePolicy::new(NOTHING, About::Daemon), status::health::health)
        .get("/health/models", daemon, status::health::models)
        .get("/health/detailed", daemon, status::health::detailed)
        .get("/metrics", daemon, status::health::metrics)
        .get(access::login::PATH, login, access::login::form)
        .post(access::login::PATH, login, access::login::login)
        .get(access::login::STYLE_PATH, login, access::login::style)
        .post(access::login::LOGOUT_PATH, login, access::login::logout)
        .get("/api/v1/me", RoutePolicy::new(ANY, About::Nothing), access::me::me)
        .get("/api/v1/settings", RoutePolicy::new(OPERATE, About::Daemon), status::settings::settings)
        .get("/api/v1/board", own, status::board::board)
        .get("/api/v1/box", own, status::board::box_state)
        .get("/api/v1/figures", own.asks(status::figures::ASKS), status::figures::figures)
        .get("/api/v1/coverage", own.asks(status::coverage::ASKS), status::coverage::coverage)
        .get("/api/metrics", own.asks(status::figures::ASKS), status::figures::figures)
        .get("/api/calls", own, feeds::dashboards::calls)
        .get("/api/calls/{id}", call, feeds::dashboards::progress)
        .get("/api/calls/{id}/history", own.asks(feeds::dashboards::COUNTED), feeds::dashboards::history)
        .get("/api/alerts", own.asks(feeds::dashboards::COUNTED), feeds::dashboards::alerts)
        .get("/api/stats", daemon, feeds::dashboards::stats)
        .post("/api/v1/forget", RoutePolicy::new(OPERATE, About::All).asks(&["dry_run"]), calls::privacy::forget)
        .get("/api/v1/calls/agent-service/health", daemon, status::agents::health)
        .post(
            "/api/v1/calls/agent-service/test-auth",
            RoutePolicy::new(OPERATE, About::Daemon),
            status::agents::test_auth,
        )
        .post(
            "/api/v1/calls/agent-service/test-notification",
            RoutePolicy::new(OPERATE, About::All).asks(&["call_id"]),
            status::agents::test_notification,
        )
        .post(
            "/api/v1/notifiers/test",
            RoutePolicy::new(OPERATE, About::All).asks(&["name"]),
            status::agents::try_notifiers,
        )
        .get("/api/v1/glossary", daemon.asks(status::glossary::ASKS), status::glossary::show)
        .post_sized(
            "/glossary/upload",
            RoutePolicy::new(OPERATE, About::All).asks(status::glossary::ASKS),
            DefaultBodyLimit::max(status::glossary::BYTES),
            status::glossary::upload,
        )
        .get("/api/v1/taps", RoutePolicy::new(READ, About::All), calls::taps::list)
        .post("/api/v1/taps", RoutePolicy::new(OPERATE, About::All), calls::taps::start)
        .delete("/api/v1/taps/{target}", RoutePolicy::new(OPERATE, About::All), calls::taps::end)
        .get("/api/v1/fetch", RoutePolicy::new(READ, About::All).asks(calls::fetch::LIST), calls::fetch::list)
        .post("/api/v1/fetch", RoutePolicy::new(OPERATE, About::All), calls::fetch::start)
        .get("/api/v1/alerts", own.asks(calls::alerts::LIST), calls::alerts::list)
        .post("/api/v1/alerts/ack", RoutePolicy::new(OPERATE, About::Own), calls::alerts::ack_many)
        .post("/api/v1/alerts/{id}/ack", RoutePolicy::new(OPERATE, About::Own), calls::alerts::ack)
        .get("/api/v1/search", own.asks(calls::search::ASKS), calls::search::search)
        .get("/api/v1/events", own.asks(feeds::feed::RESUMED), feeds::feed::sse)
        .get("/ws/events", own.asks(feeds::feed::RESUMED), feeds::follow::events)
        .get("/ws/calls", own, feeds::feed::all_calls)
        .get("/ws/calls/{id}", call, feeds::feed::one_call)
        .get("/ws/alerts", own, feeds::feed::alerts)
        // Files are limited one by one while they are written.
        .post_sized(
            "/upload",
            RoutePolicy::new(OPERATE_OR_INGEST, About::All),
            DefaultBodyLimit::disable(),
            audio::upload::upload,
        );
    realtime::routes(web::routes(documents(of_reviews(of_statistics(of_scripts(of_calls(routes)))))))
}

/// Routes of statistics.
fn of_statistics(routes: Routes) -> Routes {
    use statistics::handlers::{LIST, OF_AGENT, OF_CAMPAIGN, list, of_agent, of_campaign};
    let own = RoutePolicy::new(READ, About::Own);
    routes
        .get("/api/v1/agents", own.asks(LIST), list)
        .get("/api/v1/agents/{id}/stats", own.asks(OF_AGENT), of_agent)
        .get("/api/v1/campaigns/{id}/stats", own.asks(OF_CAMPAIGN), of_campaign)
}

/// Routes of quality reviews.
fn of_reviews(routes: Routes) -> Routes {
    use reviews::{disputes, of_agent, of_call, overview};
    let (own, command) = (RoutePolicy::new(READ, About::Own), RoutePolicy::new(OPERATE, About::Call));
    routes
        .get("/api/v1/calls/{id}/reviews", RoutePolicy::new(AGENT_OR_READ, About::Call), of_call::reviews)
        .put("/api/v1/calls/{id}/reviews", command, of_call::review)
        .put("/api/v1/calls/{id}/calibration", command, of_call::flag)
        .delete("/api/v1/calls/{id}/calibration", command, of_call::unflag)
        .post("/api/v1/calls/{id}/disputes", RoutePolicy::new(AGENT_OR_OPERATE, About::Call), disputes::raise)
        .get(
            "/api/v1/agent/reviews",
            RoutePolicy::new(AGENT_OR_READ, About::Own).asks(of_agent::ASKS),
            of_agent::reviewed,
        )
        .get("/api/v1/disputes", own.asks(disputes::LIST), disputes::list)
        .post("/api/v1/disputes/{id}/answer", RoutePolicy::new(OPERATE, About::Own), disputes::answer)
        .get("/api/v1/reviews/agreement", own.asks(overview::AGREEMENT), overview::agreement)
        .get("/api/v1/review-queue", own.asks(overview::QUEUE), overview::queue)
}

/// Those of calls.
fn of_calls(routes: Routes) -> Routes {
    let (call, own) = (RoutePolicy::new(READ, About::Call), RoutePolicy::new(READ, About::Own));
    let command = RoutePolicy::new(OPERATE, About::Call);
    routes
        .get("/api/v1/calls", own.asks(calls::session::LIST), calls::session::list)
        .post("/api/v1/calls", RoutePolicy::new(OPERATE_OR_INGEST, About::All), calls::session::name)
        .get("/api/v1/calls/active", own, calls::session::active)
        .get("/api/v1/calls/stats", own, calls::session::stats)
        .get("/api/v1/calls/{id}", call, calls::session::one)
        .get("/api/v1/calls/{id}/transcript", call.asks(&["include_segments", "pass"]), calls::session::transcript)
        .get("/api/v1/calls/{id}/segments", call.asks(&["pass"]), calls::session::segments)
        .post("/api/v1/calls/{id}/corrections", command, calls::correct::correct)
        .get("/api/v1/calls/{id}/peaks", call.asks(&["leg", "buckets"]), audio::sound::draw)
        .get("/api/v1/calls/{id}/live", call.asks(&["seconds", "from"]), audio::sound::live)
        .get("/api/v1/calls/{id}/qa", call, calls::insights::qa)
        .get("/api/v1/calls/{id}/entities", call, calls::insights::entities)
        .get("/api/v1/calls/{id}/entity-evolution", call, calls::insights::evolution)
        .get("/api/v1/calls/{id}/classification-evolution", call, calls::insights::classification_evolution)
        .get("/api/v1/calls/{id}/progressive-analysis", call, calls::insights::progressive)
        .get("/api/v1/calls/{id}/coaching", call, calls::coaching::coaching)
        .get("/api/v1/calls/{id}/summary", call, calls::insights::summary)
        .get("/api/v1/calls/{id}/processing", call, calls::made::processing)
        .get("/api/v1/calls/{id}/translation", call, calls::made::translation)
        .get("/api/v1/calls/{id}/passes", call, calls::made::passes)
        .get("/api/v1/calls/processing/status", RoutePolicy::new(READ, About::Daemon), calls::made::overview)
        .get("/api/v1/calls/{id}/export", call.asks(&["format", "pass"]), calls::export::one)
        .post("/analyze_call", RoutePolicy::new(OPERATE_OR_INGEST, About::All), calls::analyze::analyze)
        .get("/analyze_call/{id}", RoutePolicy::new(READ, About::All), calls::analyze::one)
        .get("/calls/{id}/export", call.asks(&["format", "pass"]), calls::export::documented)
        .post("/calls/bulk", own, calls::bulk::bulk)
        .get(access::link::PATH, call.asks(access::link::ASKS), audio::leg::audio)
        .get("/calls/{id}/audio", call.asks(&["leg"]), audio::leg::audio)
        .post("/api/v1/calls/{id}/audio/link", call.asks(&["leg", "seconds"]), audio::leg::link)
        .post("/api/v1/calls/{id}/end", command.asks(&["reason"]), calls::session::end)
        .post("/api/v1/calls/{id}/trigger-ai-pipeline", command.asks(calls::made::TRIGGER), calls::made::trigger)
        .post("/api/v1/calls/{id}/listen", command, calls::dialer::listen)
        .post("/api/v1/calls/{id}/pause", command.asks(&["by"]), calls::privacy::pause)
        .post("/api/v1/calls/{id}/resume", command.asks(&["by"]), calls::privacy::resume)
        .post("/api/v1/calls/{id}/hold", command.asks(&["reason"]), calls::privacy::hold)
        .delete("/api/v1/calls/{id}/hold", command, calls::privacy::release)
        .get("/api/v1/calls/{id}/privacy", call, calls::privacy::one)
}

/// Those of a dialer's scripts and URLs.
fn of_scripts(routes: Routes) -> Routes {
    let own = RoutePolicy::new(READ, About::Own);
    let vici = own.asks(scripts::vici::ASKS).dialer();
    let told = RoutePolicy::new(OPERATE_OR_INGEST, About::All).dialer();
    routes
        .get("/api/v1/lookup", own.asks(scripts::lookup::ASKS), scripts::lookup::lookup)
        .get("/api/v1/dialer/writes", own.asks(calls::dialer::ASKS), calls::dialer::writes)
        .get(
            "/api/v1/agent/call",
            RoutePolicy::new(AGENT_OR_READ, About::Own).asks(calls::agent::ASKS),
            calls::agent::call,
        )
        .post("/api/v1/agent/link", own.asks(&["user", "seconds"]), calls::agent::link)
        .get("/vici", vici, scripts::vici::vici)
        .post("/vici", vici, scripts::vici::vici)
        .get("/vici/start", told, scripts::named::start)
        .post("/vici/start", told, scripts::named::start)
        .get("/vici/dispo", told, scripts::named::dispo)
        .post("/vici/dispo", told, scripts::named::dispo)
}

/// Routes of the documents, which are the same for everybody.
fn documents(routes: Routes) -> Routes {
    let open = RoutePolicy::new(NOTHING, About::Nothing);
    let json = |text: &'static LazyLock<String>| ([(header::CONTENT_TYPE, "application/json")], text.as_str());
    routes.get("/openapi.json", open, move || async move { json(&OPENAPI) }).get(
        "/asyncapi.json",
        open,
        move || async move { json(&ASYNCAPI) },
    )
}

/// The paths and what they take and answer, as OpenAPI 3.1. The same for everybody.
static OPENAPI: LazyLock<String> = LazyLock::new(|| text(&document::openapi(&ways(&routes().into_parts().1))));

/// The messages of the feeds, as AsyncAPI 3.0.
static ASYNCAPI: LazyLock<String> = LazyLock::new(|| text(&document::asyncapi()));

fn text(document: &serde_json::Value) -> String {
    format!("{document:#}\n")
}

/// The OpenAPI document, as `/openapi.json` gives it.
pub fn openapi() -> &'static str {
    &OPENAPI
}

/// The AsyncAPI document, as `/asyncapi.json` gives it.
pub fn asyncapi() -> &'static str {
    &ASYNCAPI
}

/// The route policies, as the documents need to know them.
fn ways(policies: &RoutePolicies) -> Vec<DocumentedRoute> {
    let way = |(method, path, policy): (&axum::http::Method, &'static str, RoutePolicy)| DocumentedRoute {
        method: method.as_str().to_lowercase(),
        path,
        scopes: policy.needs.iter().map(|scope| scope.as_str()).collect(),
        call: policy.about == About::Call,
        asks: policy.asks,
    };
    policies.all().map(way).collect()
}

/// Everything that is served, behind its guard.
pub fn router(api: Api) -> Router {
    let (router, policies) = routes().into_parts();
    let post = (Arc::clone(&api.access_control), Arc::new(policies));
    router
        .fallback(|| async { ApiError::NotFound("no such path; see /".into()) })
        .layer(middleware::from_fn_with_state(post, access::guard))
        .layer(middleware::from_fn(scripts::style::in_style))
        .layer(middleware::map_response(|mut response: Response| async {
            let headers = response.headers_mut();
            headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
            // With `no-referrer` a browser sends `Origin: null` with our own forms (Fetch, "append a request Origin header").
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
            response
        }))
        .with_state(api)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::access::route::call_parameter;

    #[test]
    fn no_call_can_have_the_name_of_a_path() {
        let (_, policies) = routes().into_parts();
        let parts: Vec<(&str, &str)> = policies.all().filter_map(|(_, path, _)| path.split_once("/calls/")).collect();
        for (before, rest) in &parts {
            let word = rest.split('/').next().unwrap_or_default();
            let is_by_id = parts.iter().any(|(other, rest)| other == before && rest.starts_with("{id}"));
            let is_free = word.starts_with('{') || !is_by_id;
            assert!(is_free || crate::call::CallId::RESERVED.contains(&word), "{before}/calls/{word}");
        }
        assert!(parts.iter().any(|(_, rest)| *rest == "active"), "{parts:?}");
    }

    #[test]
    fn every_path_is_described_and_nothing_else_is() {
        let (_, policies) = routes().into_parts();
        let ways = ways(&policies);
        let mismatches = document::mismatches(&ways);
        assert!(mismatches.is_empty(), "{}", mismatches.join("\n"));
        let paths: serde_json::Value = serde_json::from_str(openapi()).expect("JSON");
        let described: usize = paths["paths"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, it)| it.as_object().map_or(0, serde_json::Map::len))
            .sum();
        assert_eq!(described, ways.iter().filter(|way| !way.is_left_out()).count());
        for (why, left_out) in document::NOT_DESCRIBED {
            for path in *left_out {
                let is_there = |way: &DocumentedRoute| path.rsplit(' ').next() == Some(way.path);
                assert!(ways.iter().any(is_there), "{path} is no path any more: {why}");
            }
        }
    }

    #[test]
    fn the_documents_name_no_shape_that_they_do_not_hold() {
        for text in [openapi(), asyncapi()] {
            let document: serde_json::Value = serde_json::from_str(text).expect("JSON");
            for named in text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next()) {
                assert!(document["components"]["schemas"][named].is_object(), "{named}");
            }
            assert!(document["info"]["version"] == env!("CARGO_PKG_VERSION"));
        }
    }

    #[test]
    fn every_path_asks_for_what_it_gives() {
        let (_, policies) = routes().into_parts();
        let is_in = |list: &[&str], path: &str| list.contains(&path);
        let is_open = |path: &str| is_in(&["/agent", "/docs", "/openapi.json", "/asyncapi.json"], path);
        for (method, path, policy) in policies.all() {
            let what = format!("{method} {path}: {policy:?}");
            let is_page = is_in(
                &[
                    "/",
                    "/calls",
                    "/calls/{id}",
                    "/alerts",
                    "/agents",
                    "/reviews",
                    "/upload",
                    "/dashboard",
                    "/settings",
                    "/web/{*name}",
                ],
                path,
            ) || is_open(path);
            let is_login = is_in(&["/login", "/login.css", "/logout"], path);
            let is_me = path == "/api/v1/me";
            assert_eq!(policy.about == About::Nothing, is_me || is_login || is_page && method == "GET", "{what}");
            let is_free = is_login || is_open(path) || is_in(&["/health", "/web/{*name}"], path);
            assert_eq!(policy.needs == NOTHING, is_free, "{what}");
            if method == "GET" && !policy.dialer {
                let needs = match path {
                    "/api/v1/agent/call" | "/api/v1/agent/reviews" | "/api/v1/calls/{id}/reviews" => AGENT_OR_READ,
                    "/api/v1/me" => ANY,
                    "/settings" | "/api/v1/settings" => OPERATE,
                    _ => READ,
                };
                assert!(is_free || policy.needs == needs, "{what}");
            } else if policy.needs == READ {
                assert!(
                    is_in(&["/calls/bulk", "/api/v1/calls/{id}/audio/link", "/api/v1/agent/link", "/vici"], path),
                    "{what}: it changes something"
                );
            }
            // Where an unknown call is no error, the handlers look for it themselves.
            let is_idle = path.starts_with("/api/realtime/") || path == "/api/calls/{id}/history";
            let by_guard = call_parameter(path).is_some() && !is_page && !is_idle;
            assert_eq!(policy.about == About::Call, by_guard, "{what}");
        }
    }
}
