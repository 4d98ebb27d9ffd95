//! Requests to ViciDial's Non-Agent API and Agent API, and what their answers mean.
//!
//! Both take a form and answer in text, with status 200 also where they refuse. A refusal of the login holds the password that was shown: no answer
//! goes on from here before it is taken out. Blocks.
//!
//! Source: ViciDial's NON-AGENT_API.txt and AGENT_API.txt.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::answer::{ApiAnswer, read};

/// From the connection to the last byte of the answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const LONGEST: u64 = 64 * 1024;

/// Which of ViciDial's two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// `non_agent_api.php`.
    NonAgent,
    /// `agc/api.php`.
    Agent,
}

/// How ViciDial's APIs are reached.
#[derive(Clone)]
pub struct ApiAccount {
    /// Address of `non_agent_api.php`.
    pub url: String,
    /// Address of `agc/api.php`.
    pub agent_url: Option<String>,
    /// ViciDial's user name of the API account.
    pub user: String,
    /// File whose first line is the password; read at each request.
    pub password_file: PathBuf,
    /// As whom ViciDial's log names us.
    pub source: String,
    /// Certificates to believe, PEM.
    pub certificates: Option<PathBuf>,
}

/// The fields of a request without user, password and source.
pub(super) type Fields = Vec<(&'static str, String)>;

impl ApiAccount {
    fn password(&self) -> Result<String, String> {
        let path = &self.password_file;
        let text = std::fs::read_to_string(path).map_err(|error| {
            let mend = "set [dialer_api] password_file, or LoadCredential=dialer-api-password:FILE in the unit";
            format!("password {}: {error}; {mend}", path.display())
        })?;
        let line = text.lines().next().unwrap_or_default().trim().to_owned();
        if line.is_empty() { Err(format!("password {}: its first line is empty", path.display())) } else { Ok(line) }
    }

    fn agent(&self) -> Result<ureq::Agent, String> {
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("lineside/", env!("CARGO_PKG_VERSION")));
        if let Some(path) = &self.certificates {
            let roots = ureq::tls::RootCerts::new_with_certs(&certificates(path)?);
            config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        Ok(config.build().into())
    }

    /// Asks for a function.
    pub(super) fn ask(&self, program: Program, function: &str, fields: &Fields) -> ApiAnswer {
        let url = match program {
            Program::NonAgent => self.url.as_str(),
            Program::Agent => match &self.agent_url {
                Some(url) => url,
                None => return ApiAnswer::Never("[dialer_api] agent_url is not set".into()),
            },
        };
        let (password, agent) = match (self.password(), self.agent()) {
            (Ok(password), Ok(agent)) => (password, agent),
            (Err(problem), _) | (_, Err(problem)) => return ApiAnswer::Later(problem),
        };
        let own = [("source", &self.source), ("user", &self.user), ("pass", &password)];
        let own = own.into_iter().map(|(name, value)| (name, value.as_str()));
        let form =
            own.chain([("function", function)]).chain(fields.iter().map(|(name, value)| (*name, value.as_str())));
        let answer = match agent.post(url).send_form(form) {
            Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => ApiAnswer::Never(error.to_string()),
            Err(error) => ApiAnswer::Later(error.to_string()),
            Ok(mut response) => {
                let status = response.status().as_u16();
                let body = response.body_mut().with_config().limit(LONGEST).read_to_string();
                match body {
                    Ok(body) => read(function, status, &body),
                    Err(error) => ApiAnswer::Later(error.to_string()),
                }
            }
        };
        match answer {
            // What people wrote, and what is asked with again: it stays as it is.
            ApiAnswer::Done(text) if matches!(function, "lead_field_info" | "agent_status") => ApiAnswer::Done(text),
            other => other.map(|text| text.replace(&password, "…")),
        }
    }
}

fn certificates(path: &Path) -> Result<Vec<ureq::tls::Certificate<'static>>, String> {
    let wrong = |problem: &dyn std::fmt::Display| format!("[dialer_api] certificates = {}: {problem}", path.display());
    let pem = std::fs::read(path).map_err(|error| wrong(&error))?;
    let mut found = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let ureq::tls::PemItem::Certificate(certificate) = item.map_err(|error| wrong(&error))? {
            found.push(certificate);
        }
    }
    if found.is_empty() { Err(wrong(&"holds no certificate")) } else { Ok(found) }
}
