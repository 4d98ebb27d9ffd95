//! How the recogniser is doing, as a snapshot that anybody may read.

use std::sync::{Arc, RwLock};

use serde::Serialize;

use crate::call::WallTime;
use crate::governor::Plan;

/// Where the model stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelState {
    /// None is there yet; audio and utterances are kept until one comes.
    #[default]
    Waiting,
    /// Being read from disk.
    Loading,
    /// Ready.
    Ready {
        /// `whisper/base.en-q8_0`.
        engine: String,
    },
    /// It is there, but cannot be used.
    Failed {
        /// Why, and what to do.
        problem: String,
    },
}

/// What is known now.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Snapshot {
    /// The model.
    pub model: ModelState,
    /// What the configuration asks for.
    pub wanted: String,
    /// What of the language that is asked for the model cannot follow, and the mend.
    pub language: Option<String>,
    /// Threads that transcribe.
    pub workers: usize,
    /// What the governor allows; `None` until it changed anything.
    pub plan: Option<Plan>,
    /// CPUs that quota, affinity and configuration allow; `None` before the first look.
    pub cpus_allowed: Option<f64>,
    /// Last inference that worked.
    #[serde(skip)]
    pub last_inference: Option<WallTime>,
    /// Wall time of it, milliseconds.
    pub last_inference_ms: Option<i64>,
    /// What went wrong last, if the last inference failed.
    pub last_error: Option<String>,
}

/// A snapshot that is shared.
#[derive(Clone, Debug, Default)]
pub struct Status(Arc<RwLock<Snapshot>>);

impl Status {
    /// What is known now.
    pub fn get(&self) -> Snapshot {
        self.0.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Changes what is known.
    pub fn set(&self, change: impl FnOnce(&mut Snapshot)) {
        change(&mut self.0.write().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}
