//! Alerts outside of this box: Slack, Resend, SMTP, a signed webhook, the agents' notification service.
//!
//! Everything here blocks on other people's servers: it runs in threads of its own, never on the way of a call. What goes out is a [`Notification`],
//! whose words were redacted before it was made. An address or a key is never part of an error or of a log line.

mod http;
mod mail;
mod probe;
mod quiet;
mod service;

use std::time::Duration;

pub use probe::Probed;
pub use quiet::Quiet;
pub use service::{MailedFile, Notification, Notifier, SendOutcome, ServiceKind};

use crate::call::Level;

/// Tries before a notification is given up: two hours and a half with the pauses of [`pause`].
pub const TRIES: u32 = 19;
/// The pause after the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// Longest pause between two tries, unless the server asks for a longer one.
const LONGEST_PAUSE: Duration = Duration::from_mins(15);

/// Whether mail can be sent to this: `boss@example.com`, `Boss <boss@example.com>`.
pub fn is_address(text: &str) -> bool {
    text.parse::<lettre::message::Mailbox>().is_ok()
}

/// The pause before try number `tries + 1`, doubled each time.
pub fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.min(20)).min(LONGEST_PAUSE)
}

impl Notifier {
    /// Sends a file by mail: to these addresses, or to the notifier's own where none is named. Blocks.
    pub fn send_file(&self, to: &[String], file: MailedFile) -> SendOutcome {
        match self.kind {
            ServiceKind::Smtp => mail::send_file(self, to, file),
            _ => SendOutcome::Never(format!("{} is no mail server: a file goes by kind = \"smtp\"", self.name)),
        }
    }

    /// Checks the settings. The error names what is missing or wrong, and the right form.
    pub fn check(&self) -> Result<(), String> {
        let needs = |what: &str, value: bool| if value { Ok(()) } else { Err(format!("{:?} needs {what}", self.name)) };
        let set = |value: &Option<String>| value.as_deref().is_some_and(|text| !text.trim().is_empty());
        if self.name.trim().is_empty() {
            return Err("a name is needed".into());
        }
        needs("per_minute from 1 to 600", (1..=600).contains(&self.per_minute))?;
        self.check_keys()?;
        match self.kind {
            ServiceKind::Slack | ServiceKind::AgentService => needs("url", set(&self.url))?,
            ServiceKind::Webhook => {
                needs("url", set(&self.url))?;
                needs("secret, to sign what it sends", set(&self.secret))?;
            }
            ServiceKind::Resend => needs("key", set(&self.key))?,
            ServiceKind::Smtp => needs("url, like smtp://localhost:25", set(&self.url))?,
        }
        if self.kind != ServiceKind::Smtp
            && let Some(url) = &self.url
        {
            needs(
                "a url that begins with https:// or http://",
                url.starts_with("https://") || url.starts_with("http://"),
            )?;
        }
        if matches!(self.kind, ServiceKind::Resend | ServiceKind::Smtp) {
            needs("from", set(&self.from))?;
            needs("to, a list of addresses", !self.to.is_empty())?;
            mail::addresses(self)?;
        }
        Ok(())
    }

    /// Refuses a key that the service does not have: what it is meant to do would not happen.
    fn check_keys(&self) -> Result<(), String> {
        use ServiceKind::{AgentService, Resend, Smtp, Webhook};
        let keys: [(&str, bool, &[ServiceKind]); 4] = [
            ("key", self.key.is_some(), &[Resend, AgentService]),
            ("secret", self.secret.is_some(), &[Webhook]),
            ("from", self.from.is_some(), &[Resend, Smtp]),
            ("to", !self.to.is_empty(), &[Resend, Smtp]),
        ];
        let Some((key, _, kinds)) = keys.into_iter().find(|(_, is_set, kinds)| *is_set && !kinds.contains(&self.kind))
        else {
            return Ok(());
        };
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.as_str()).collect();
        Err(format!(
            "{} is of kind {}, which has no {key}; it belongs to {}",
            self.name,
            self.kind.as_str(),
            kinds.join(" and ")
        ))
    }

    /// The levels that go out, as words.
    pub fn levels(&self) -> Vec<&'static str> {
        Level::ALL.into_iter().filter(|&level| level >= self.min_level).map(Level::as_str).collect()
    }

    /// Sends a message. Blocks, half a minute at most. `at_s` is the time, in seconds since the epoch, that a signature holds.
    pub fn send(&self, message: &Notification, at_s: i64) -> SendOutcome {
        self.send_told(message, at_s).0
    }

    /// The same, with the status of the answer where it was one of HTTP.
    pub fn send_told(&self, message: &Notification, at_s: i64) -> (SendOutcome, Option<u16>) {
        let message = message.clone().linked(self.pages.as_deref());
        let (outcome, status) = match self.kind {
            ServiceKind::Smtp => (mail::send(self, &message), None),
            _ => http::send(self, &message, at_s),
        };
        let outcome = match outcome {
            SendOutcome::Sent => SendOutcome::Sent,
            SendOutcome::Later(error, after) => SendOutcome::Later(self.without_secrets(error), after),
            SendOutcome::Never(error) => SendOutcome::Never(self.without_secrets(error)),
        };
        (outcome, status)
    }

    fn without_secrets(&self, error: String) -> String {
        let secrets = [&self.url, &self.key, &self.secret].into_iter().flatten();
        secrets.fold(error, |error, secret| error.replace(secret.as_str(), "…"))
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
        let message = Notification::new(json!({
            "id": 3, "level": "urgent", "call_id": "c.1", "text": "my card [card]", "reasons": ["said: card (payment)"],
            "rules_triggered": ["r"], "risk_score": 0.5,
        }));
        assert_eq!(message.subject, "URGENT: r in call c.1");
        assert!(message.plain().contains("Why: said: card (payment)"), "{message:?}");
        assert!(message.plain().ends_with("\"my card [card]\"\n"), "{message:?}");
    }

    #[test]
    fn a_message_has_a_link_to_its_call_where_it_is_known_where_the_pages_are() {
        let message = Notification::new(json!({"id": 3, "call_id": "c.1", "start_time": 12.5}));
        let linked = message.clone().linked(Some("https://calls.example.com/lineside/"));
        assert_eq!(linked.json["url"], "https://calls.example.com/lineside/calls/c.1#t=12.5");
        assert!(linked.plain().contains("Link: https://calls.example.com/lineside/calls/c.1#t=12.5\n"), "{linked:?}");
        let without = message.linked(None);
        assert!(without.json["url"].is_null() && !without.plain().contains("Link"), "{without:?}");
        let day = Notification::new(json!({"id": -1, "day": "2026-11-21"})).linked(Some("https://c/"));
        assert!(day.json.get("url").is_none(), "{day:?}");
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
            (
                "kind = \"slack\"\nurl = \"http://x\"\nto = [\"#sales\"]",
                "which has no to; it belongs to resend and smtp",
            ),
            (
                "kind = \"smtp\"\nurl = \"smtp://x\"\nfrom = \"a@b.c\"\nto = [\"a@b.c\"]\nkey = \"k\"",
                "which has no key",
            ),
            ("kind = \"agent_service\"\nurl = \"http://x\"\nsecret = \"k\"", "which has no secret"),
            ("kind = \"webhook\"\nurl = \"http://x\"\nsecret = \"k\"\nfrom = \"a@b.c\"", "which has no from"),
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
