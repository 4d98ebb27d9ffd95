//! What of the daemon the feeds are made of.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::audience::Audience;
use crate::api::access::AccessControl;
use crate::store::Store;

/// What a feed needs.
#[derive(Clone)]
pub struct Feeds {
    /// What is committed, live and before.
    pub store: Store,
    /// Says when a token is over.
    pub access_control: Arc<AccessControl>,
    /// The feed in the form of call dashboards.
    pub audience: Audience,
    /// Ends the feeds.
    pub stop: CancellationToken,
}
