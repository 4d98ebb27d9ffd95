//! What of the daemon the feeds are made of.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::audience::Audience;
use crate::api::walls::Walls;
use crate::store::Store;

/// What a feed needs.
#[derive(Clone)]
pub struct Feeds {
    /// What is committed, live and before.
    pub store: Store,
    /// Says when a token is over.
    pub walls: Arc<Walls>,
    /// The feed in the form of call dashboards.
    pub audience: Audience,
    /// Ends the feeds.
    pub stop: CancellationToken,
}
