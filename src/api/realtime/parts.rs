//! State of the handlers for calls of other platforms.

use tokio::sync::mpsc;

use crate::api::audio::Sounds;
use crate::api::request::ApiError;
use crate::call::CallId;
use crate::pipeline::live::ingest::IngestRequest;
use tokio_util::sync::CancellationToken;

/// The way in for calls of other platforms.
#[derive(Clone)]
pub struct Inlet {
    /// The task that takes the calls.
    pub requests: mpsc::Sender<IngestRequest>,
}

/// State of the handlers of this family.
#[derive(Clone)]
pub struct Platforms {
    /// Rows, access control, clock, and sound.
    pub sounds: Sounds,
    /// Entrance for the calls.
    pub inlet: Inlet,
    /// Ends the feeds.
    pub stop: CancellationToken,
}

impl Platforms {
    /// Whether a call is in the database.
    pub(super) async fn inlet_knows(&self, call: &CallId) -> Result<bool, ApiError> {
        Ok(self.sounds.store.call(call.as_str()).await?.is_some())
    }
}
