//! Services that take a POST: Slack's blocks, Resend's mail, a webhook that can be checked, the agents' notification service.

use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::service::{Notification, Notifier, SendOutcome, ServiceKind};
use crate::call::Level;
use crate::contract::alert::AlertKind;
use crate::contract::notify::{AgentAlert, ResendMail, SlackAttachment, SlackBlock, SlackMessage, SlackText};

/// Time limit from the connection to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Resend's own address.
const RESEND: &str = "https://api.resend.com/emails";
/// Slack's limits: 150 characters of a header, 3000 of a section, 10 fields of 2000.
const HEADER: usize = 150;
const SECTION: usize = 2900;
const FIELD: usize = 1900;

/// Signature of a webhook, which its receiver computes too: HMAC-SHA256 of `timestamp.body` with the shared secret, in hex.
pub(super) fn signature(secret: &str, timestamp_s: i64, body: &str) -> String {
    // A key of any length is taken.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(format!("{timestamp_s}.{body}").as_bytes());
    hex::encode(mac.finalize().into_bytes())
}

/// Escapes the three characters that Slack takes for markup.
fn escaped(text: &str, longest: usize) -> String {
    let cut: String = text.chars().take(longest / 5).collect(); // an escape is five characters at most
    cut.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

fn slack(message: &Notification) -> SlackMessage {
    let named =
        |(name, value): &(&'static str, String)| SlackText::Mrkdwn(format!("*{name}*\n{}", escaped(value, FIELD)));
    let fields = message.facts.iter().take(10).map(named).collect();
    let subject = message.subject.chars().take(HEADER).collect();
    let mut blocks = vec![
        SlackBlock::Header { text: SlackText::PlainText(subject) },
        SlackBlock::Section { fields: Some(fields), text: None },
    ];
    if !message.text.is_empty() {
        let quoted = SlackText::Mrkdwn(format!("> {}", escaped(&message.text, SECTION)));
        blocks.push(SlackBlock::Section { fields: None, text: Some(quoted) });
    }
    let color = match message.level {
        Level::Warning => "#b7791f",
        Level::Urgent => "#c05621",
        Level::Critical => "#c53030",
    };
    SlackMessage { text: escaped(&message.subject, SECTION), attachments: [SlackAttachment { color, blocks }] }
}

/// A body as it goes out.
fn body(of: &impl serde::Serialize) -> String {
    serde_json::to_string(of).unwrap_or_default()
}

/// Sends a message. Returns the result and the answer's status.
pub(super) fn send(notifier: &Notifier, message: &Notification, at_s: i64) -> (SendOutcome, Option<u16>) {
    let key = |text: &Option<String>| format!("Bearer {}", text.as_deref().unwrap_or_default());
    let mut headers: Vec<(&str, String)> = vec![("Content-Type", "application/json".into())];
    let body = match notifier.kind {
        ServiceKind::Slack => body(&slack(message)),
        ServiceKind::Resend => {
            headers.push(("Authorization", key(&notifier.key)));
            headers.push(("Idempotency-Key", format!("alert/{}", message.alert)));
            body(&ResendMail {
                from: notifier.from.as_deref(),
                to: &notifier.to,
                subject: &message.subject,
                text: message.plain(),
            })
        }
        ServiceKind::AgentService => {
            if notifier.key.is_some() {
                headers.push(("Authorization", key(&notifier.key)));
            }
            let of = |key: &str| message.json[key].clone();
            body(&AgentAlert {
                kind: AlertKind::It,
                call_id: of("call_id"),
                agent: of("agent"),
                level: message.level,
                title: message.subject.clone(),
                message: message.plain(),
                prompts: of("prompts"),
                timestamp: of("timestamp"),
                url: of("url"),
            })
        }
        ServiceKind::Webhook | ServiceKind::Smtp => message.json.to_string(),
    };
    if notifier.kind == ServiceKind::Webhook {
        let secret = notifier.secret.as_deref().unwrap_or_default();
        headers.push(("X-Lineside-Timestamp", at_s.to_string()));
        headers.push(("X-Lineside-Signature", format!("sha256={}", signature(secret, at_s, &body))));
        headers.push(("X-Lineside-Delivery", format!("alert-{}", message.alert)));
    }
    let url = notifier.url.as_deref().unwrap_or(RESEND);
    post(url, &headers, body)
}

fn post(url: &str, headers: &[(&str, String)], body: String) -> (SendOutcome, Option<u16>) {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(PATIENCE))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("lineside/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut request = ureq::Agent::from(config).post(url);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    match request.send(body) {
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => (SendOutcome::Never(error.to_string()), None),
        Err(error) => (SendOutcome::Later(error.to_string(), None), None),
        Ok(mut response) => {
            let status = response.status().as_u16();
            let after =
                response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
            let said = response.body_mut().with_config().limit(2000).read_to_string().unwrap_or_default();
            let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(200).collect();
            (verdict(status, &said, after), Some(status))
        }
    }
}

/// The consequence of an answer for the next try.
fn verdict(status: u16, said: &str, after_s: Option<u64>) -> SendOutcome {
    /// Longest wait that a server may ask for, seconds.
    const LONGEST_S: u64 = 3600;
    let error = format!("answered {status} {said}").trim_end().to_owned();
    match status {
        200..=299 => SendOutcome::Sent,
        408 | 425 | 429 | 500..=599 => {
            SendOutcome::Later(error, after_s.map(|after| Duration::from_secs(after.min(LONGEST_S))))
        }
        _ => SendOutcome::Never(error),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_signature_is_what_any_other_hmac_gives() {
        // printf '1700000000.{"id":1}' | openssl dgst -sha256 -hmac sesame
        assert_eq!(
            signature("sesame", 1_700_000_000, "{\"id\":1}"),
            "dcb2281ad8780b3c1a1d1c02816cd8de16845f073a118a064171a077dab0d2f1"
        );
    }

    #[test]
    fn markup_in_what_was_said_is_no_markup_in_slack() {
        let message = Notification::new(json!({"level": "urgent", "text": "<!channel> & <script>", "call_id": "<x>"}));
        let sent = body(&slack(&message));
        assert!(sent.contains("&lt;!channel&gt; &amp; &lt;script&gt;") && !sent.contains("<script>"), "{sent}");
        let long = Notification::new(json!({"text": "<".repeat(100_000), "call_id": "x".repeat(1000)}));
        let sent: serde_json::Value = serde_json::from_str(&body(&slack(&long))).expect("JSON");
        assert!(sent["attachments"][0]["blocks"][2]["text"]["text"].as_str().is_some_and(|text| text.len() <= 3000));
        assert!(sent["attachments"][0]["blocks"][0]["text"]["text"].as_str().is_some_and(|text| text.len() <= 150));
    }

    #[test]
    fn what_may_get_better_is_tried_again_and_what_will_not_is_not() {
        assert_eq!(verdict(204, "", None), SendOutcome::Sent);
        assert_eq!(verdict(429, "", Some(7)), SendOutcome::Later("answered 429".into(), Some(Duration::from_secs(7))));
        assert!(matches!(verdict(503, "busy", None), SendOutcome::Later(_, None)));
        assert_eq!(verdict(404, "no_service", None), SendOutcome::Never("answered 404 no_service".into()));
    }
}
