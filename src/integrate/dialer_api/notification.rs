//! An alert on the agent's screen: what it says, and whether it still helps.

use std::time::Duration;

use super::client::Fields;
use super::comment::{cut, plain};
use crate::call::{CallState, Level, WallTime};
use crate::store::alerts::AlertRow;
use crate::store::calls::CallRow;

/// An agent is past what is older, milliseconds.
const STALE_MS: i64 = 120_000;
/// Who a call's agent is comes with the dialer's row.
const AGENT_LOOK: Duration = Duration::from_secs(2);
/// Characters that are read while somebody talks.
const MOST: usize = 160;

/// What is said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Said {
    /// These fields.
    This(Fields),
    /// Nothing yet.
    NotYet(Duration, &'static str),
    /// Nothing any more.
    Nothing(&'static str),
}

/// ViciDial's names of users.
pub(super) fn is_user(text: &str) -> bool {
    (2..=20).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.@".contains(&byte))
}

/// What an alert says to the agent of its call: what to say where its rules know that, else why it was raised.
pub(super) fn of(row: &AlertRow, call: &CallRow, now: WallTime, hide: impl Fn(&str) -> String) -> Said {
    if call.state != CallState::Active {
        return Said::Nothing("the call is over");
    }
    if now.0 - row.raised.0 > STALE_MS {
        return Said::Nothing("the alert is older than two minutes: the agent is past it");
    }
    let Some(agent) = call.agent.as_deref() else {
        return Said::NotYet(AGENT_LOOK, "nobody knows yet who the call's agent is");
    };
    if !is_user(agent) {
        return Said::Nothing("the call's agent is no user of ViciDial");
    }
    let prompts = row.alert.prompts();
    let says = if prompts.is_empty() { row.alert.message() } else { prompts.join(" / ") };
    let color = match row.alert.level {
        Level::Warning => "black",
        Level::Urgent => "C05621",
        Level::Critical => "C53030",
    };
    Said::This(vec![
        ("recipient", agent.to_owned()),
        ("recipient_type", "USER".to_owned()),
        ("notification_text", cut(&plain(&hide(&says)), MOST)),
        ("text_size", "16".to_owned()),
        ("text_color", color.to_owned()),
    ])
}
