//! What is told to the dialer and how, and what all parts of that need.

use std::time::Duration;

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
}
