//! A service that alerts go to, its messages, and their results.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use super::quiet::Quiet;
use crate::call::Level;
use crate::contract::notify::TestAlert;

/// A service that takes alerts, by the name in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServiceKind {
    /// An incoming webhook of Slack: `url`.
    Slack,
    /// E-mail by Resend's API: `key`, `from`, `to`.
    Resend,
    /// E-mail by a mail server: `url` like smtp://localhost:25 or smtps://user:password@host, `from`, `to`.
    Smtp,
    /// POST of the alert's JSON: `url`; signed with `secret`.
    Webhook,
    /// The agents' notification service: `url`, and `key` as a bearer token.
    AgentService,
}

impl ServiceKind {
    /// Its word in the configuration.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::Resend => "resend",
            Self::Smtp => "smtp",
            Self::Webhook => "webhook",
            Self::AgentService => "agent_service",
        }
    }
}

/// `[[notify]]`: one way out.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    /// Its name; its queue goes by it.
    pub name: String,
    /// The service, which decides the form of the request.
    pub kind: ServiceKind,
    /// Address of the request; `None` where the service has one of its own.
    pub url: Option<String>,
    /// The service's key.
    pub key: Option<String>,
    /// Secret that signs a webhook.
    pub secret: Option<String>,
    /// The sender of a mail.
    pub from: Option<String>,
    /// The receivers of a mail.
    #[serde(default)]
    pub to: Vec<String>,
    /// Milder alerts stay here.
    #[serde(default = "warning")]
    pub min_level: Level,
    /// Hours, local time, in which nothing goes out; what comes then waits for their end.
    pub quiet: Option<Quiet>,
    /// Messages a minute at most.
    #[serde(default = "thirty")]
    pub per_minute: u32,
    /// Address of the pages for browsers, `[http] public_url`: messages have a link with it.
    #[serde(skip)]
    pub pages: Option<String>,
}

const fn warning() -> Level {
    Level::Warning
}
const fn thirty() -> u32 {
    30
}

/// Without what is secret.
impl std::fmt::Debug for Notifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Notifier").field("name", &self.name).field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// A message to a service.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Number of the alert; 0 for a test.
    pub alert: i64,
    /// Level of the alert.
    pub level: Level,
    /// A line.
    pub subject: String,
    /// Name and value of what is known.
    pub facts: Vec<(&'static str, String)>,
    /// Words of the call, redacted.
    pub text: String,
    /// The alert as the API shows it, redacted.
    pub json: Value,
}

/// A CSV file that goes by mail.
#[derive(Clone, Debug)]
pub struct MailedFile {
    /// A line.
    pub subject: String,
    /// Text above the attachment.
    pub text: String,
    /// Its name.
    pub name: String,
    /// Content of the attachment.
    pub csv: Vec<u8>,
}

/// Result of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendOutcome {
    /// The other side has it.
    Sent,
    /// It may work later; the other side may say when.
    Later(String, Option<Duration>),
    /// It will never work like this: the configuration is wrong.
    Never(String),
}

impl Notification {
    /// A test, in the name of a call that need not exist. `timestamp` as RFC 3339.
    pub fn test(call_id: &str, timestamp: &str) -> Self {
        Self::new(serde_json::to_value(TestAlert::new(call_id, timestamp)).unwrap_or_default())
    }

    /// A message from an alert as the API shows it, without anything that may not leave the box.
    pub fn new(json: Value) -> Self {
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        let level = Level::parse(&text("level")).unwrap_or(Level::Warning);
        let all = |key: &str| {
            json[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect::<Vec<_>>().join("; ")
        };
        let facts = [
            ("Call", text("call_id")),
            ("Agent", text("agent")),
            ("Campaign", text("campaign")),
            ("Time", text("timestamp")),
            ("Why", all("reasons")),
            ("Risk", json["risk_score"].as_f64().map_or_else(String::new, |risk| format!("{risk:.2}"))),
            ("Try", all("prompts")),
        ];
        Self {
            alert: json["id"].as_i64().unwrap_or(0),
            level,
            subject: format!(
                "{}: {} in call {}",
                level.as_str().to_uppercase(),
                all("rules_triggered"),
                text("call_id")
            ),
            facts: facts.into_iter().filter(|(_, value)| !value.is_empty()).collect(),
            text: text("text"),
            json,
        }
    }

    /// The same with a link to its call, at the place that it is about; of no call there is none.
    #[must_use]
    pub(super) fn linked(mut self, pages: Option<&str>) -> Self {
        let Some(call) = self.json["call_id"].as_str().filter(|call| !call.is_empty()) else { return self };
        let url = pages.map(|pages| {
            let place = self.json["start_time"].as_f64().map_or_else(String::new, |at| format!("#t={at}"));
            format!("{}/calls/{call}{place}", pages.trim_end_matches('/'))
        });
        if let Some(url) = &url {
            self.facts.push(("Link", url.clone()));
        }
        self.json["url"] = url.into();
        self
    }

    /// The message as plain text.
    pub(super) fn plain(&self) -> String {
        let facts = self.facts.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\n");
        if self.text.is_empty() { facts } else { format!("{facts}\n\"{}\"\n", self.text) }
    }
}
