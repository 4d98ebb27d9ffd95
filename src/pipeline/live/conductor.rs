//! What the conductor is made of: all that is known of running calls, and the rooms that it talks to.

use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Instant;

use tokio::sync::mpsc;

use super::asked::Asked;
use super::calls::{Calls, Numbers};
use super::clock::StepWatch;
use super::expected::Expected;
use super::listen::{Assignment, Heard};
use super::privacy::{Privacy, PrivacySettings};
use super::watching::Watching;
use crate::call::{CallKey, WallTime};
use crate::pipeline::command::Command;
use crate::pipeline::workers::partial::Partials;
use crate::pipeline::workers::{Done, Workers};
use crate::spool::{Spool, SpoolEvent};
use crate::store::change::Change;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;

/// What the conductor is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The spool, for legs that no row tells of.
    pub spool: Arc<Spool>,
    /// Where new legs are listened to.
    pub listener: std_mpsc::Sender<Assignment>,
    /// Where utterances go.
    pub workers: Arc<Workers>,
    /// How texts are read.
    pub analyser: Arc<std::sync::RwLock<Arc<TextAnalyser>>>,
    /// What is never kept.
    pub privacy: PrivacySettings,
    /// The clock.
    pub now: fn() -> WallTime,
}

/// What the conductor listens to.
pub struct Inputs {
    /// Legs.
    pub spool: mpsc::Receiver<SpoolEvent>,
    /// Utterances.
    pub heard: mpsc::Receiver<Heard>,
    /// Texts.
    pub done: mpsc::Receiver<Done>,
    /// Wishes of the API.
    pub commands: mpsc::Receiver<Command>,
}

/// The conductor.
pub struct Live {
    pub(super) parts: Parts,
    pub(super) calls: Calls,
    /// Names given before their call is heard of.
    pub(super) expected: Expected,
    /// Pauses asked for before their call is heard of.
    pub(super) asked: Asked,
    pub(super) next_call: Numbers,
    pub(super) next_utterance: Numbers,
    /// Until when recordings of a former run may turn up again.
    pub(super) resume_until: Instant,
    pub(super) model_was_ready: bool,
    pub(super) watching: Watching,
    pub(super) privacy: Privacy,
    pub(super) partials: Partials,
    pub(super) clock: StepWatch,
}

impl Live {
    pub(super) fn now(&self) -> WallTime {
        (self.parts.now)()
    }

    /// How texts are read at this moment; a reload puts another in its place.
    pub(super) fn analyser(&self) -> Arc<TextAnalyser> {
        Arc::clone(&self.parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) async fn push(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.parts.store.writer().push(changes).await
    }

    /// Nothing of a call is remembered any more.
    pub(super) fn forget(&mut self, key: CallKey) {
        if let Some(call) = self.calls.remove(key) {
            for &leg in call.legs.keys() {
                self.parts.workers.ahead.forget(leg);
            }
            self.privacy.over(key, call.legs.into_keys());
        }
    }
}
