//! The language model that is asked about finished calls.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::config::{Config, LlmApi, LlmSection};
use crate::integrate::llm::{CREDENTIAL, LanguageModel, LlmKind, LlmSettings};
use crate::pipeline::finished::asked::TellCall;

/// Pause before the second try.
const PAUSE: Duration = Duration::from_secs(2);

/// The model, where one is configured.
pub(super) fn language_model(config: &Config) -> Option<Arc<dyn TellCall>> {
    let section = &config.insights.llm;
    if !section.is_on() {
        return None;
    }
    log::info!("the language model {} at {} is asked about calls that are over", section.model, section.url);
    Some(Arc::new(LanguageModel::new(LlmSettings {
        kind: match section.kind {
            LlmApi::Openai => LlmKind::Openai,
            LlmApi::Gemini => LlmKind::Gemini,
        },
        url: section.url.clone(),
        model: section.model.clone(),
        key_file: key_file(section),
        patience: Duration::from_secs(section.timeout_s.into()),
        pause: PAUSE,
        longest: section.max_chars as usize,
    })))
}

/// The file that is configured, else systemd's credential where there is one.
fn key_file(section: &LlmSection) -> Option<PathBuf> {
    let credential = || {
        let file = Path::new(&std::env::var_os("CREDENTIALS_DIRECTORY")?).join(CREDENTIAL);
        file.is_file().then_some(file)
    };
    section.key_file.clone().or_else(credential)
}
