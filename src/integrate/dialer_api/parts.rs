//! What is told to the dialer and how, and what all parts of that need.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::client::ApiAccount;
use crate::call::WallTime;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;

/// What is told, and how.
#[derive(Clone)]
pub struct DialerApiSettings {
    /// How ViciDial's APIs are reached.
    pub account: ApiAccount,
    /// Nothing is sent.
    pub dry_run: bool,
    /// How long after its end a call's summary is told; `None`: never.
    pub comments_after: Option<Duration>,
    /// Levels of alerts that agents are told of.
    pub levels: Vec<&'static str>,
    /// Address of the dialer that agents are logged in to, where the call does not name it.
    pub server_ip: Option<String>,
}

/// What all parts of it need.
#[derive(Clone)]
pub(super) struct Parts {
    pub(super) settings: DialerApiSettings,
    pub(super) store: Store,
    pub(super) desk: Desk,
    pub(super) now: fn() -> WallTime,
    pub(super) rest: Rest,
}

/// After a login that was refused nobody asks for a while, whatever for: ViciDial locks a user after a few of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Rest(Arc<Mutex<Option<Instant>>>);

impl Rest {
    /// How long nobody asks after a refused login.
    pub(super) const LENGTH: Duration = Duration::from_mins(15);

    /// The login was refused now.
    pub(super) fn begin(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + Self::LENGTH);
    }

    /// How long it still lasts; `None`: there is none.
    pub(super) fn left(&self) -> Option<Duration> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until?.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
    }
}
