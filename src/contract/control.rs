//! What is said on a WebSocket besides the messages themselves.

use serde::Serialize;
use utoipa::ToSchema;

/// An answer to what a client has sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SocketAnswer {
    /// The answer to `ping` and to `{"action": "ping"}`.
    Pong,
    /// The answer to `{"action": "subscribe", "call_id": …}`.
    Subscribed {
        /// The call whose messages come from now on; `null` for those of all.
        call_id: Option<String>,
    },
    /// A refused request.
    Error {
        /// Reason of the refusal, for people.
        detail: String,
        /// The call that is not there; absent where it was something else.
        #[serde(skip_serializing_if = "Option::is_none")]
        call_id: Option<String>,
    },
}

/// The first message of `/ws/events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Hello {
    /// State of the feed at its beginning.
    pub hello: FeedState,
}

/// State of a feed at its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FeedState {
    /// Number of the last message.
    pub last: i64,
    /// Whether `last_event_id` is no number of this database. The missed messages are then unknown, and the client must load everything anew.
    pub reset: bool,
}

/// The first message of `GET /api/v1/events` where the client resumes after a number that this database does not have: after a restore, or with another
/// state folder. The missed messages are then unknown, and the client must load everything anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FeedReset {
    /// The feed begins anew.
    Reset {
        /// Number of the last message, after which the feed goes on; it is the id of this one too.
        last: i64,
    },
}

/// Said every ten seconds on `/ws/events`, so that a client knows a dead connection from a quiet one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Beat {
    /// Always `true`.
    pub beat: bool,
}

/// A message of `/ws/events`. The stored message is put into it as it is.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Numbered {
    /// Number of the message, for `last_event_id`; 0 of one that is not kept.
    pub id: i64,
    /// The message.
    pub event: super::message::Message,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sockets_answer_as_they_did() {
        let told = |answer: SocketAnswer| serde_json::to_value(answer).expect("JSON");
        assert_eq!(told(SocketAnswer::Pong), json!({"type": "pong"}));
        assert_eq!(told(SocketAnswer::Subscribed { call_id: None }), json!({"type": "subscribed", "call_id": null}));
        let gone = SocketAnswer::Error { detail: "gone".into(), call_id: Some("c".into()) };
        assert_eq!(told(gone), json!({"type": "error", "detail": "gone", "call_id": "c"}));
        let unknown = SocketAnswer::Error { detail: "what".into(), call_id: None };
        assert_eq!(told(unknown), json!({"type": "error", "detail": "what"}));
        let hello = serde_json::to_value(Hello { hello: FeedState { last: 3, reset: true } });
        assert_eq!(hello.expect("JSON"), json!({"hello": {"last": 3, "reset": true}}));
        let reset = serde_json::to_value(FeedReset::Reset { last: 3 });
        assert_eq!(reset.expect("JSON"), json!({"type": "reset", "last": 3}));
        assert_eq!(serde_json::to_string(&Beat { beat: true }).expect("JSON"), r#"{"beat":true}"#);
    }
}
