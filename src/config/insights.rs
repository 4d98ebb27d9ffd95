//! `[insights.llm]`: a language model that is asked about calls that are over, beside the rules. Off until `url` is set.

use std::path::PathBuf;

use serde::Deserialize;

use super::dialer_api::is_address;
use super::mistake::Mistake;

/// `[insights]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InsightsConfig {
    /// The language model.
    pub llm: LlmSection,
}

/// `[insights.llm]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LlmSection {
    /// Address of its API, up to and with the version; empty switches it off.
    pub url: String,
    /// What that API is like.
    pub kind: LlmApi,
    /// Its name there.
    pub model: String,
    /// File whose first line is the key; by default the systemd credential `llm-key`, or no key.
    pub key_file: Option<PathBuf>,
    /// Seconds of patience with one answer.
    pub timeout_s: u32,
    /// Characters of a transcript that are sent; of a longer one begin and end.
    pub max_chars: u32,
}

/// What the API of a language model is like.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LlmApi {
    /// `/chat/completions`.
    #[default]
    Openai,
    /// Google's.
    Gemini,
}

impl Default for LlmSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            kind: LlmApi::Openai,
            model: String::new(),
            key_file: None,
            timeout_s: 60,
            max_chars: 24_000,
        }
    }
}

const SECTION: &str = "insights.llm";

impl LlmSection {
    /// Whether it is switched on.
    pub fn is_on(&self) -> bool {
        !self.url.is_empty()
    }

    /// `redacts` says whether numbers are taken out of the text that would be sent.
    pub(super) fn check(&self, redacts: bool) -> Result<(), Mistake> {
        if !self.is_on() {
            return Ok(());
        }
        if !is_address(&self.url) {
            let problem = format!("{:?} is not an address like http://127.0.0.1:8080/v1", self.url);
            return Err((SECTION, "url", problem));
        }
        if !redacts {
            let problem = "only redacted text is sent: set [privacy] redact = true, or url = \"\"";
            return Err((SECTION, "url", problem.into()));
        }
        if self.model.trim().is_empty() || self.model.contains(|c: char| c.is_whitespace() || "?#".contains(c)) {
            return Err((SECTION, "model", format!("{:?} is not the name of a model at {}", self.model, self.url)));
        }
        if let Some(path) = self.key_file.as_ref().filter(|path| !path.is_absolute()) {
            return Err((SECTION, "key_file", format!("{} is not an absolute path", path.display())));
        }
        if !(1..=600).contains(&self.timeout_s) {
            return Err((SECTION, "timeout_s", format!("{} is not from 1 to 600", self.timeout_s)));
        }
        if !(1000..=1_000_000).contains(&self.max_chars) {
            return Err((SECTION, "max_chars", format!("{} is not from 1000 to 1000000", self.max_chars)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn read(text: &str) -> Result<LlmSection, String> {
        let config = Config::parse(Path::new("x.toml"), text).map_err(|error| error.to_string())?;
        Ok(config.insights.llm)
    }

    #[test]
    fn it_is_off_until_it_has_an_address() {
        assert!(!read("").expect("empty").is_on());
        let on = read("[insights.llm]\nurl = \"https://example.com/v1beta\"\nkind = \"gemini\"\nmodel = \"m\"\n")
            .expect("on");
        assert!(on.is_on() && on.kind == LlmApi::Gemini && on.key_file.is_none());
    }

    #[test]
    fn what_would_not_work_is_refused_with_its_line() {
        let url = "url = \"http://127.0.0.1:8080/v1\"\nmodel = \"m\"";
        for (wrong, told) in [
            ("url = \"127.0.0.1:8080\"".to_owned(), "line 2: [insights.llm] url"),
            ("url = \"https://h/v1?key=1\"".to_owned(), "line 2: [insights.llm] url"),
            ("url = \"http://h/v1\"".to_owned(), "[insights.llm] model"),
            (format!("{url}\nkey = \"1234\""), "key_file"),
            (format!("{url}\nkey_file = \"secret\""), "absolute"),
            (format!("{url}\nkind = \"claude\""), "gemini"),
            (format!("{url}\ntimeout_s = 0"), "line 4: [insights.llm] timeout_s: 0 is not from 1 to 600"),
            (format!("{url}\nmax_chars = 10"), "from 1000"),
            (format!("{url}\n[privacy]\nredact = false"), "[privacy] redact = true"),
        ] {
            let error = read(&format!("[insights.llm]\n{wrong}\n")).expect_err(&wrong);
            assert!(error.contains(told), "{wrong}: {error}");
        }
    }
}
