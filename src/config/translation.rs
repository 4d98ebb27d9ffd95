//! `[translation]`: which models translate what was said in other languages into English.

use serde::Deserialize;

use super::mistake::Mistake;

/// `[translation]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TranslationConfig {
    /// Name of a MarianMT model in the models folder, or its path, in which `{language}` stands for the code of what was said; empty switches translation
    /// off.
    pub model: String,
    /// Code of the language that is translated into: English alone, which the API promises.
    pub to: String,
}

impl Default for TranslationConfig {
    fn default() -> Self {
        Self { model: String::new(), to: "en".into() }
    }
}

impl TranslationConfig {
    pub(super) fn check(&self) -> Result<(), Mistake> {
        if self.to == "en" {
            return Ok(());
        }
        let problem = format!("{:?}: lineside translates into English alone; write en, or leave it out", self.to);
        Err(("translation", "to", problem))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_language_than_english_is_refused_for_the_api_promises_english() {
        assert!(TranslationConfig::default().check().is_ok());
        for to in ["es", "", "EN", "english"] {
            let wrong = TranslationConfig { to: to.into(), ..TranslationConfig::default() };
            let (table, key, problem) = wrong.check().expect_err(to);
            assert_eq!((table, key), ("translation", "to"));
            assert!(problem.contains("English alone"), "{problem}");
        }
    }
}
