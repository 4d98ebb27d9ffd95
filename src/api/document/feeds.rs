//! The feeds as an AsyncAPI 3.0 document.

use serde_json::{Value, json};

use super::operation::Shapes;
use crate::contract::control::{Beat, FeedReset, Hello, Numbered, SocketAnswer};
use crate::contract::dashboard::EndByName;
use crate::contract::message::Message;
use crate::contract::platform::{IdleSnapshot, PlatformSnapshot};
use crate::contract::request::SocketRequest;

/// The document of the feeds' messages, and of the clients' messages to them.
pub(in crate::api) fn asyncapi() -> Value {
    let mut shapes = Shapes::default();
    let messages = messages(&mut shapes);
    let dashboards = "The messages of the feed in the form of call dashboards: `timestamp` is seconds since 1970, `at` the same as a time, and \
        `call_start` holds `agent`, `caller`, `campaign` and `start_time` as well. A call that gets another name ends under the former one.";
    let channels = [
        (
            "events",
            "/api/v1/events",
            "Server-sent events. An event's id is the message's number, its name the message's `type`. It ends where what was missed cannot be read: \
             resume with the last id.",
            &["event", "reset"][..],
        ),
        (
            "followEvents",
            "/ws/events",
            "A WebSocket that goes on where it was broken off, with `last_event_id`.",
            &["hello", "numbered", "beat"],
        ),
        ("followCalls", "/ws/calls", dashboards, &["event", "endByName", "answer", "request"]),
        ("followCall", "/ws/calls/{id}", dashboards, &["event", "endByName", "answer", "request"]),
        ("followAlerts", "/ws/alerts", dashboards, &["event", "answer", "request"]),
        (
            "followPlatformCall",
            "/api/realtime/stream",
            "Server-sent events: a snapshot, then the call's messages.",
            &["snapshot", "idle", "event"],
        ),
    ];
    let (mut all, mut operations) = (serde_json::Map::new(), serde_json::Map::new());
    for (id, address, about, says) in channels {
        let named =
            says.iter().map(|name| ((*name).to_owned(), json!({"$ref": format!("#/components/messages/{name}")})));
        let mut channel =
            json!({"address": address, "description": about, "messages": named.collect::<serde_json::Map<_, _>>()});
        if address.starts_with("/ws/") {
            channel["x-close-codes"] = json!({
                "1001": "lineside stops. Connect again; with `last_event_id` where the feed takes it.",
                "1008": "Without `[http] token_in_query`: the token, or the login, is over.",
                "4001": "With `[http] token_in_query`: the token is wrong, or over.",
            });
        }
        if address.contains("{id}") {
            channel["parameters"] = json!({"id": {"description": "The call, by any id that it has or had."}});
        }
        all.insert(id.to_owned(), channel);
        let pick = |wanted: &dyn Fn(&str) -> bool| -> Vec<Value> {
            let picked = says.iter().filter(|name| wanted(name));
            picked.map(|name| json!({"$ref": format!("#/channels/{id}/messages/{name}")})).collect()
        };
        let channel = json!({"$ref": format!("#/channels/{id}")});
        let sent = pick(&|name| name != "request");
        operations.insert(id.to_owned(), json!({"action": "send", "channel": channel, "messages": sent}));
        let taken = pick(&|name| name == "request");
        if !taken.is_empty() {
            operations
                .insert(format!("{id}Request"), json!({"action": "receive", "channel": channel, "messages": taken}));
        }
    }
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "lineside feeds", "version": env!("CARGO_PKG_VERSION"),
            "description": "What the daemon tells as it happens. Paths, scopes and what may change are in /openapi.json.",
        },
        "defaultContentType": "application/json",
        "channels": all,
        "operations": operations,
        "components": {"messages": messages, "schemas": shapes.into_json()},
    })
}

/// The messages, by the names that channels call them by.
fn messages(shapes: &mut Shapes) -> serde_json::Map<String, Value> {
    let payloads = [
        ("event", "A message of the feed", shapes.of::<Message>()),
        ("numbered", "A message with its number", shapes.of::<Numbered>()),
        ("hello", "The first message", shapes.of::<Hello>()),
        (
            "reset",
            "The first message where the client resumes after a number of another database",
            shapes.of::<FeedReset>(),
        ),
        ("beat", "A sign of life, every ten seconds", shapes.of::<Beat>()),
        ("answer", "An answer to what the client has sent", shapes.of::<SocketAnswer>()),
        ("endByName", "The end of a call that goes on under another name", shapes.of::<EndByName>()),
        ("snapshot", "The call as it stands", shapes.of::<PlatformSnapshot>()),
        ("idle", "The first message where no call is followed", shapes.of::<IdleSnapshot>()),
        ("request", "What a client sends", shapes.of::<SocketRequest>()),
    ];
    payloads
        .into_iter()
        .map(|(name, title, payload)| {
            (
                name.to_owned(),
                json!({"name": name, "title": title, "contentType": "application/json", "payload": payload}),
            )
        })
        .collect()
}
