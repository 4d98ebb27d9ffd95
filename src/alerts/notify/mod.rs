//! Alerts outside of this box: Slack, Resend, SMTP, a signed webhook, the agents' notification service.
//!
//! Everything here blocks on other people's servers: it runs in threads of its own, never on the way of a call. What goes out is a [`Message`],
//! whose words were redacted before it was made. An address or a key is never part of an error or of a log line.

mod http;
mod mail;
mod probe;
mod quiet;

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

pub use probe::Probed;
pub use quiet::Quiet;

use crate::call::Level;
use crate::contract::notify::TestAlert;

/// Tries before a notification is given up: two hours and a half with the pauses of [`pause`].
pub const TRIES: u32 = 19;
/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// No pause is longer, unless the other side asks for it.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Which service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
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

/// `[[notify]]`: one way out.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifier {
    /// Its name; its queue goes by it.
    pub name: String,
    /// Which service.
    pub kind: Kind,
    /// Where.
    pub url: Option<String>,
    /// The service's key.
    pub key: Option<String>,
    /// What a webhook is signed with.
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

/// What goes out.
#[derive(Clone, Debug)]
pub struct Message {
    /// Number of the alert; 0 for a test.
    pub alert: i64,
    /// How bad it is.
    pub level: Level,
    /// A line.
    pub subject: String,
    /// Name and value of what is known.
    pub facts: Vec<(&'static str, String)>,
    /// What was said, redacted.
    pub text: String,
    /// The alert as the API shows it, redacted.
    pub json: Value,
}

/// What became of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The other side has it.
    Sent,
    /// It may work later; the other side may say when.
    Later(String, Option<Duration>),
    /// It will never work like this: the configuration is wrong.
    Never(String),
}

/// The pause before try number `tries + 1`, doubled each time.
pub fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.min(20)).min(LONGEST_PAUSE)
}

impl Notifier {
    /// What is missing or wrong, and what is wanted.
    pub fn check(&self) -> Result<(), String> {
        let needs = |what: &str, value: bool| if value { Ok(()) } else { Err(format!("{} needs {what}", self.name)) };
        let set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.trim().is_empty());
        if self.name.trim().is_empty() {
            return Err("a name is needed".into());
        }
        needs("per_minute from 1 to 600", (1..=600).contains(&self.per_minute))?;
        match self.kind {
            Kind::Slack | Kind::AgentService => needs("url", set(&self.url))?,
            Kind::Webhook => {
                needs("url", set(&self.url))?;
                needs("secret, to sign what it sends", set(&self.secret))?;
            }
            Kind::Resend => needs("key", set(&self.key))?,
            Kind::Smtp => needs("url, like smtp://localhost:25", set(&self.url))?,
        }
        if self.kind != Kind::Smtp
            && let Some(url) = &self.url
        {
            needs(
                "a url that begins with https:// or http://",
                url.starts_with("https://") || url.starts_with("http://"),
            )?;
        }
        if matches!(self.kind, Kind::Resend | Kind::Smtp) {
            needs("from", set(&self.from))?;
            needs("to, a list of addresses", !self.to.is_empty())?;
            mail::addresses(self)?;
        }
        Ok(())
    }

    /// The levels that go out, as words.
    pub fn levels(&self) -> Vec<&'static str> {
        Level::ALL.into_iter().filter(|&level| level >= self.min_level).map(Level::as_str).collect()
    }

    /// Sends a message. Blocks, half a minute at most. `at_s` is the time, in seconds since the epoch, that a signature holds.
    pub fn send(&self, message: &Message, at_s: i64) -> Outcome {
        self.send_told(message, at_s).0
    }

    /// The same, with the status of the answer where it was one of HTTP.
    pub fn send_told(&self, message: &Message, at_s: i64) -> (Outcome, Option<u16>) {
        let (outcome, status) = match self.kind {
            Kind::Smtp => (mail::send(self, message), None),
            _ => http::send(self, message, at_s),
        };
        let outcome = match outcome {
            Outcome::Sent => Outcome::Sent,
            Outcome::Later(error, after) => Outcome::Later(self.without_secrets(error), after),
            Outcome::Never(error) => Outcome::Never(self.without_secrets(error)),
        };
        (outcome, status)
    }

    fn without_secrets(&self, error: String) -> String {
        let secrets = [&self.url, &self.key, &self.secret].into_iter().flatten();
        secrets.fold(error, |error, secret| error.replace(secret.as_str(), "…"))
    }
}

impl Message {
    /// A test, in the name of a call that need not exist. `timestamp` as RFC 3339.
    pub fn test(call_id: &str, timestamp: &str) -> Self {
        Self::new(serde_json::to_value(TestAlert::new(call_id, timestamp)).unwrap_or_default())
    }

    /// An alert as the API shows it, of which nothing is left that may not leave the box.
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

    /// As plain text.
    fn plain(&self) -> String {
        let facts = self.facts.iter().fold(String::new(), |all, (name, value)| all + name + ": " + value + "\n");
        if self.text.is_empty() { facts } else { format!("{facts}\n\"{}\"\n", self.text) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pauses_grow_and_end() {
        assert_eq!([0, 1, 2, 30].map(pause).map(|pause| pause.as_secs()), [2, 4, 8, 900]);
    }

    #[test]
    fn a_message_says_what_happened_why_and_in_which_words() {
        let message = Message::new(json!({
            "id": 3, "level": "urgent", "call_id": "c.1", "text": "my card [card]", "reasons": ["said: card (payment)"],
            "rules_triggered": ["r"], "risk_score": 0.5,
        }));
        assert_eq!(message.subject, "URGENT: r in call c.1");
        assert!(message.plain().contains("Why: said: card (payment)"), "{message:?}");
        assert!(message.plain().ends_with("\"my card [card]\"\n"), "{message:?}");
    }

    #[test]
    fn a_notifier_that_lacks_something_says_what() {
        let check = |body: &str| {
            toml::from_str::<Notifier>(&format!("name = \"n\"\n{body}")).map_err(|error| error.to_string())?.check()
        };
        for (body, says) in [
            ("kind = \"slack\"", "url"),
            ("kind = \"slack\"\nurl = \"hooks\"", "https://"),
            ("kind = \"webhook\"\nurl = \"http://x/\"", "secret"),
            ("kind = \"resend\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\"]", "key"),
            ("kind = \"smtp\"\nurl = \"smtp://x\"\nfrom = \"a@b.c\"", "to"),
            ("kind = \"smtp\"\nurl = \"smtp://x\"\nfrom = \"nobody\"\nto = [\"a@b.c\"]", "nobody"),
            ("kind = \"slack\"\nurl = \"http://x\"\nper_minute = 0", "per_minute"),
            ("kind = \"slack\"\nurl = \"http://x\"\nquiet = \"22-7\"", "22:00-07:00"),
            ("kind = \"fax\"", "agent_service"),
        ] {
            let problem = check(body).expect_err(body);
            assert!(problem.contains(says), "{body}: {problem}");
        }
        assert_eq!(
            check(
                "kind = \"smtp\"\nurl = \"smtp://x\"\nfrom = \"Line <a@b.c>\"\nto = [\"a@b.c\"]\nquiet = \"22:00-07:00\""
            ),
            Ok(())
        );
    }
}
