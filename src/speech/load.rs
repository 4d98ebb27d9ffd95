//! Loads a model with the engine that reads its format.

use std::sync::Arc;

#[cfg(feature = "ctranslate2")]
use super::ctranslate::CTranslate;
use super::engine::{Engine, EngineError};
use super::models::{ModelKind, ModelRef};
use super::whisper::Whisper;

/// Loads a model with the engine of its format, for this number of concurrent sessions. Blocks for seconds.
pub fn load(model: &ModelRef, sessions: usize) -> Result<Arc<dyn Engine>, EngineError> {
    Ok(match model.kind {
        ModelKind::Whisper => Arc::new(Whisper::load(model)?),
        #[cfg(feature = "ctranslate2")]
        ModelKind::CTranslate2 => Arc::new(CTranslate::load(model, sessions)?),
        #[cfg(not(feature = "ctranslate2"))]
        ModelKind::CTranslate2 => {
            let _ = sessions;
            return Err(EngineError::NotBuilt { path: model.path.clone() });
        }
    })
}
