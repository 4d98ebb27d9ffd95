//! `[translation]`: which models translate what was said in other languages.

use serde::Deserialize;

use super::mistake::Mistake;
use crate::speech::language;

/// `[translation]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationConfig {
    /// Name of a MarianMT model in the models folder, or its path, in which `{language}` stands for the code of what was said; empty switches translation
    /// off.
    pub model: String,
    /// Code of the language that is translated into.
    pub to: String,
}

impl Default for TranslationConfig {
    fn default() -> Self {
        Self { model: String::new(), to: "en".into() }
    }
}

impl TranslationConfig {
    pub(super) fn check(&self) -> Result<(), Mistake> {
        if language::is_code(&self.to) {
            return Ok(());
        }
        Err(("translation", "to", format!("{:?} is no code of a language, as en or es", self.to)))
    }
}
