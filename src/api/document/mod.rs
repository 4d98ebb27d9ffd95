//! The API as a document, made from the routes and the types that go out: OpenAPI 3.1 for requests, answers and webhooks, AsyncAPI 3.0 for feeds.
//!
//! Paths, scopes and parameters come from the route policies, shapes from `contract/`; what is written here is what neither knows: what a path is for, and
//! which statuses it gives. A path without words here, or words without a path, fails a test.

mod feeds;
mod operation;
mod operations;
mod parameters;
mod way;

use std::collections::BTreeMap;
#[cfg(test)]
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

pub(super) use self::feeds::asyncapi;
use self::operation::{Operation, Shapes};
pub(super) use self::way::DocumentedRoute;
#[cfg(test)]
pub(super) use self::way::NOT_DESCRIBED;
use crate::call::{CallState, Leg, Level, Stage};
use crate::contract::coverage::CoverageAlert;
use crate::contract::notify::{AgentAlert, TestAlert, WebhookAlert};
use crate::contract::processing::TextPass;
use crate::contract::request::ExportFormat;

/// The promise about changes, in the words of the document.
const PROMISE: &str = "Live transcription, sentiment and search of calls. The version is that of the daemon. Until 1.0 a minor version may add \
    paths, parameters and fields, and may change or remove what is marked deprecated; a patch version adds only. Clients ignore fields that they do \
    not know. A query parameter that a path does not know is refused. What is unknown is null, unless a field says that it is absent. Offsets and \
    lengths are seconds; timestamps are RFC 3339 in UTC with milliseconds, but for /api/calls, /api/alerts and the feeds of call dashboards, which \
    give seconds since 1970. Over TCP every path but /health asks for a token; on the Unix socket nobody is asked.";

/// The OpenAPI document.
pub(super) fn openapi(ways: &[DocumentedRoute]) -> Value {
    let mut shapes = Shapes::default();
    // Parameters name these.
    let _ = (shapes.of::<CallState>(), shapes.of::<Leg>(), shapes.of::<Level>(), shapes.of::<ExportFormat>());
    let _ = (shapes.of::<Stage>(), shapes.of::<TextPass>());
    let mut told: BTreeMap<(String, &str), Operation> = BTreeMap::new();
    for operation in operations::all() {
        told.insert((operation.method().to_owned(), operation.path()), operation);
    }
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    for way in ways.iter().filter(|way| !way.is_left_out()) {
        if let Some(operation) = told.remove(&(way.method.clone(), way.path)) {
            paths.entry(way.path).or_default().insert(way.method.clone(), operation.json(way, &mut shapes));
        }
    }
    let (webhooks, responses) = (webhooks(&mut shapes), operation::shared(&mut shapes));
    let schemas = shapes.into_json();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "lineside", "version": env!("CARGO_PKG_VERSION"), "description": PROMISE,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/", "description": "This daemon"}],
        "tags": operations::TAGS.iter().map(|(name, about)| json!({"name": name, "description": about})).collect::<Vec<_>>(),
        "paths": paths,
        "webhooks": webhooks,
        "components": {
            "schemas": schemas,
            "responses": responses,
            "securitySchemes": {
                "token": {
                    "type": "http", "scheme": "bearer",
                    "description": "A token of `lineside token add`, or [http] token. The scopes are read, operate and ingest.",
                },
                "login": {
                    "type": "apiKey", "in": "cookie", "name": "lineside_session",
                    "description": "The cookie of a login at /login. To change something it needs Origin, and application/json or X-Requested-With.",
                },
            },
        },
    })
}

/// Operations without a route, and routes without an operation.
#[cfg(test)]
pub(super) fn mismatches(ways: &[DocumentedRoute]) -> Vec<String> {
    let told: BTreeSet<(String, &str)> =
        operations::all().iter().map(|operation| (operation.method().to_owned(), operation.path())).collect();
    let there: BTreeSet<(String, &str)> =
        ways.iter().filter(|way| !way.is_left_out()).map(|way| (way.method.clone(), way.path)).collect();
    let unknown = told.difference(&there).map(|(method, path)| format!("{method} {path}: described, but not there"));
    let missing = there.difference(&told).map(|(method, path)| format!("{method} {path}: there, but not described"));
    unknown.chain(missing).collect()
}

/// Requests of the notifiers.
fn webhooks(shapes: &mut Shapes) -> Value {
    let hook = |id: &str, summary: &str, about: &str, schema: Value, headers: Value| {
        json!({"post": {
            "operationId": id, "tags": ["webhooks"], "summary": summary, "description": about, "parameters": headers,
            "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
            "responses": {
                "2XX": {"description": "It was taken."},
                "4XX": {"description": "It is given up, but for 408 and 429, which are tried again."},
                "5XX": {"description": "It is tried again, with growing pauses."},
            },
        }})
    };
    let header = |name: &str, about: &str| json!({"name": name, "in": "header", "required": true, "description": about, "schema": {"type": "string"}});
    let signed = json!([
        header("X-Lineside-Timestamp", "When it was sent, seconds since 1970."),
        header(
            "X-Lineside-Signature",
            "`sha256=` and the HMAC-SHA256 of `timestamp.body` with the notifier's secret, in hex digits."
        ),
        header("X-Lineside-Delivery", "`alert-` and the alert's number: the same each time that it is tried."),
    ]);
    let alert = json!({"anyOf": [shapes.of::<WebhookAlert>(), shapes.of::<TestAlert>()]});
    let day = shapes.of::<CoverageAlert>();
    json!({
        "coverage": hook(
            "webhookCoverage", "A day had calls that were not recorded, or not whole", "Sent each morning by a notifier of kind `webhook`.", day,
            signed.clone(),
        ),
        "alert": hook(
            "webhookAlert", "An alert was raised", "Sent by a notifier of kind `webhook`. A test has the number 0.", alert, signed,
        ),
        "agentAlert": hook(
            "agentServiceAlert", "An alert for the call's agent", "Sent by a notifier of kind `agent_service`.",
            shapes.of::<AgentAlert>(), json!([]),
        ),
    })
}
