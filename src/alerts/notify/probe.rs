//! Checks whether the agents' notification service is there and accepts our key, without sending it a message.
//!
//! The service has no path for that, so its own address is asked with GET: any answer shows that it is there (one that takes POST alone answers 405),
//! 401 and 403 show that the key is wrong, 404, 410 and a redirect that the address is, 5xx that the service has a problem. Only a service that looks
//! at the key can show that it is right.

use std::time::Duration;

use super::service::Notifier;

/// Time limit from the connection to the head of the answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Result of a probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probed {
    /// It answers.
    pub connected: bool,
    /// It does not refuse our key.
    pub authenticated: bool,
    /// Its answer's status.
    pub status: Option<u16>,
    /// The problem, without address and key.
    pub problem: Option<String>,
}

impl Probed {
    /// Whether it would take a message now, as far as that can be seen.
    pub fn healthy(&self) -> bool {
        self.problem.is_none()
    }

    fn of(status: u16) -> Self {
        let refused = matches!(status, 401 | 403 | 407);
        let elsewhere = matches!(status, 300..400 | 404 | 410);
        let authenticated = !refused && !elsewhere;
        let problem = if refused {
            Some(format!("answers {status}: the key is wrong, or missing"))
        } else if elsewhere {
            Some(format!("answers {status}: the service is not at this address; redirects are not followed"))
        } else if status >= 500 {
            Some(format!("answers {status}"))
        } else {
            None
        };
        Self { connected: true, authenticated, status: Some(status), problem }
    }
}

impl Notifier {
    /// Probes the service. Blocks for five seconds at most.
    pub fn probe(&self) -> Probed {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(PATIENCE))
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .into();
        let mut request = agent.get(self.url.as_deref().unwrap_or_default());
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        match request.call() {
            Ok(response) => Probed::of(response.status().as_u16()),
            Err(error) => Probed {
                connected: false,
                authenticated: false,
                status: None,
                problem: Some(self.without_secrets(error.to_string())),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_answer_shows_that_it_is_there_and_its_status_what_is_wrong() {
        for (status, authenticated, healthy) in [
            (200, true, true),
            (404, false, false),
            (410, false, false),
            (301, false, false),
            (405, true, true),
            (401, false, false),
            (403, false, false),
            (503, true, false),
        ] {
            let probed = Probed::of(status);
            assert_eq!(
                (probed.connected, probed.authenticated, probed.healthy()),
                (true, authenticated, healthy),
                "{status}"
            );
        }
        println!(
            "mended | 18 | the agents' service was healthy when it answered 404 | unhealthy at 404, 410 and redirects, and its key is not called right"
        );
    }

    #[test]
    fn one_that_is_not_there_is_said_without_its_address() {
        let text = "name = \"n\"\nkind = \"agent_service\"\nurl = \"http://127.0.0.1:1/secret\"\nkey = \"sesame\"";
        let probed = toml::from_str::<Notifier>(text).expect("a notifier").probe();
        assert!(!probed.connected && !probed.healthy());
        assert!(!format!("{probed:?}").contains("secret") && !format!("{probed:?}").contains("sesame"), "{probed:?}");
    }
}
