//! `[meaning]`: search by what was meant.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::speech::models::SENTENCES;

/// `[meaning]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MeaningConfig {
    /// Name of a model of sentences in the models folder, or its path; empty switches search by meaning off.
    pub model: String,
}

impl Default for MeaningConfig {
    fn default() -> Self {
        Self { model: SENTENCES[0].name.into() }
    }
}

impl MeaningConfig {
    /// The model's folder, by its name in `models`; `None` when it is switched off.
    pub fn folder(&self, models: &Path) -> Option<PathBuf> {
        // A path that is absolute stays as it is.
        (!self.model.is_empty()).then(|| models.join(&self.model))
    }
}
