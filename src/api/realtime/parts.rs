//! What of the daemon calls of other platforms need.

use tokio::sync::mpsc;

use crate::api::audio::Sounds;
use crate::api::request::ApiError;
use crate::call::CallId;
use crate::pipeline::live::ingest::Request;
use tokio_util::sync::CancellationToken;

/// The way in for calls of other platforms.
#[derive(Clone)]
pub struct Inlet {
    /// Where they go.
    pub requests: mpsc::Sender<Request>,
}

/// What the handlers of this family need.
#[derive(Clone)]
pub struct Platforms {
    /// Rows, access control, clock, and sound.
    pub sounds: Sounds,
    /// Where calls come in.
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
