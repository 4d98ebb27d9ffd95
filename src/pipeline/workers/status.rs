//! How the recogniser is doing, as a snapshot that anybody may read.

use std::sync::{Arc, RwLock};

use serde::Serialize;

use crate::call::WallTime;
use crate::governor::Plan;

/// State of the model.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelState {
    /// There is no model yet; audio and utterances are kept until one is installed.
    #[default]
    Waiting,
    /// The model is being loaded.
    Loading,
    /// Ready.
    Ready {
        /// `whisper/base.en-q8_0`.
        engine: String,
    },
    /// It is there, but cannot be used.
    Failed {
        /// Reason, and the remedy.
        problem: String,
    },
}

/// State of the workers at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The model.
    pub model: ModelState,
    /// The model that the configuration names.
    pub wanted: String,
    /// The part of the configured language that the model cannot follow, and the remedy.
    pub language: Option<String>,
    /// Threads that transcribe.
    pub workers: usize,
    /// The governor's plan; `None` before its first change.
    pub plan: Option<Plan>,
    /// CPUs that quota, affinity and configuration allow; `None` before the first look.
    pub cpus_allowed: Option<f64>,
    /// Last inference that worked.
    #[serde(skip)]
    pub last_inference: Option<WallTime>,
    /// Wall time of it, milliseconds.
    pub last_inference_ms: Option<i64>,
    /// Error of the last inference, if that failed.
    pub last_error: Option<String>,
}

/// A snapshot that is shared.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<RwLock<Snapshot>>);

impl Status {
    /// The present state.
    pub fn get(&self) -> Snapshot {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes what is known.
    pub fn set(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}
