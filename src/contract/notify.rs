//! What notifiers send to other services. A webhook gets the alert itself, with a link.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::alert::{AlertKind, AlertMessage};
use crate::call::{Level, Severity};

/// An alert as a webhook gets it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct WebhookAlert {
    /// The alert.
    #[serde(flatten)]
    pub alert: AlertMessage,
    /// The call's page, at the place that the alert is about; `null` without `[http] public_url`.
    pub url: Option<String>,
}

/// A test of a notifier: an alert with number 0, in the name of a call that need not exist.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TestAlert {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: AlertKind,
    /// The same word again.
    #[schema(inline)]
    pub event: AlertKind,
    /// Always 0.
    pub id: i64,
    /// Always 0.
    pub alert_id: i64,
    /// Always `warning`.
    pub level: Level,
    /// Always `warning`.
    pub alert_level: Level,
    /// Always `medium`.
    pub severity: Severity,
    /// The call.
    pub call_id: String,
    /// Time at which the message was sent.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Always `test`.
    pub rules_triggered: Vec<String>,
    /// A sentence that it is a test.
    pub reasons: Vec<String>,
    /// Empty in a test.
    pub words: Vec<String>,
    /// Empty in a test.
    pub rules: Vec<crate::call::Fired>,
    /// Empty in a test.
    pub prompts: Vec<String>,
    /// That it is a test.
    pub text: String,
    /// The same in a line.
    pub message: String,
    /// Always `false`.
    pub acknowledged: bool,
    /// The call's page; `null` without `[http] public_url`.
    pub url: Option<String>,
}

impl TestAlert {
    /// In the name of this call; `timestamp` as RFC 3339.
    pub fn new(call_id: &str, timestamp: &str) -> Self {
        Self {
            kind: AlertKind::It,
            event: AlertKind::It,
            id: 0,
            alert_id: 0,
            level: Level::Warning,
            alert_level: Level::Warning,
            severity: Level::Warning.severity(),
            call_id: call_id.into(),
            timestamp: timestamp.into(),
            rules_triggered: vec!["test".into()],
            reasons: vec!["lineside notify test".into()],
            words: Vec::new(),
            rules: Vec::new(),
            prompts: Vec::new(),
            text: "This is a test of lineside's alerts.".into(),
            message: "test: lineside notify test".into(),
            acknowledged: false,
            url: None,
        }
    }
}

/// An alert for the agents' notification service, which shows it to the call's agent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentAlert {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: AlertKind,
    /// The call.
    #[schema(value_type = String)]
    pub call_id: Value,
    /// The call's agent.
    #[schema(value_type = Option<String>)]
    pub agent: Value,
    /// Level of the alert.
    pub level: Level,
    /// The alert in one line.
    pub title: String,
    /// The alert's facts, line by line.
    pub message: String,
    /// Prompts for the agent.
    #[schema(value_type = Vec<String>)]
    pub prompts: Value,
    /// Time at which the alert was raised.
    #[schema(value_type = String, format = DateTime)]
    pub timestamp: Value,
    /// The call's page; `null` without `[http] public_url`.
    #[schema(value_type = Option<String>)]
    pub url: Value,
}

/// A mail by Resend.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ResendMail<'a> {
    /// The sender.
    pub from: Option<&'a str>,
    /// The receivers.
    pub to: &'a [String],
    /// The alert in one line.
    pub subject: &'a str,
    /// The alert's facts, line by line.
    pub text: String,
}

/// A message of a Slack channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlackMessage {
    /// Text for clients that show no blocks.
    pub text: String,
    /// One, with everything.
    pub attachments: [SlackAttachment; 1],
}

/// The coloured part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SlackAttachment {
    /// Colour of the level, as `#rrggbb`.
    pub color: &'static str,
    /// The content, block by block.
    pub blocks: Vec<SlackBlock>,
}

/// A block of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SlackBlock {
    /// A heading.
    Header {
        /// Its text.
        text: SlackText,
    },
    /// Text, or fields.
    Section {
        /// Names and values, two in a row.
        #[serde(skip_serializing_if = "Option::is_none")]
        fields: Option<Vec<SlackText>>,
        /// A text.
        #[serde(skip_serializing_if = "Option::is_none")]
        text: Option<SlackText>,
    },
}

/// A text of a block.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "type", content = "text", rename_all = "snake_case")]
pub enum SlackText {
    /// As it stands.
    PlainText(String),
    /// With Slack's markup.
    Mrkdwn(String),
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_test_says_that_it_is_one() {
        let told = serde_json::to_value(TestAlert::new("c.1", "T")).expect("JSON");
        let wanted = json!({
            "type": "alert", "event": "alert", "id": 0, "alert_id": 0, "level": "warning", "alert_level": "warning", "severity": "medium",
            "call_id": "c.1", "timestamp": "T", "rules_triggered": ["test"], "reasons": ["lineside notify test"], "words": [], "rules": [],
            "prompts": [], "text": "This is a test of lineside's alerts.", "message": "test: lineside notify test", "acknowledged": false,
            "url": null,
        });
        assert_eq!(told, wanted);
    }

    #[test]
    fn slack_gets_blocks_as_it_knows_them() {
        let blocks = vec![
            SlackBlock::Header { text: SlackText::PlainText("URGENT".into()) },
            SlackBlock::Section { fields: Some(vec![SlackText::Mrkdwn("*Call*\nc.1".into())]), text: None },
            SlackBlock::Section { fields: None, text: Some(SlackText::Mrkdwn("> hello".into())) },
        ];
        let message =
            SlackMessage { text: "URGENT".into(), attachments: [SlackAttachment { color: "#c05621", blocks }] };
        let wanted = json!({
            "text": "URGENT", "attachments": [{"color": "#c05621", "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "URGENT"}},
                {"type": "section", "fields": [{"type": "mrkdwn", "text": "*Call*\nc.1"}]},
                {"type": "section", "text": {"type": "mrkdwn", "text": "> hello"}},
            ]}],
        });
        assert_eq!(serde_json::to_value(message).expect("JSON"), wanted);
    }
}
