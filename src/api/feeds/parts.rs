//! State of the feeds.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::audience::Audience;
use crate::api::access::AccessControl;
use crate::store::Store;

/// State of a feed.
#[derive(Clone)]
pub struct Feeds {
    /// Committed events, live and past.
    pub store: Store,
    /// Says when a token is over.
    pub access_control: Arc<AccessControl>,
    /// The feed in the form of call dashboards.
    pub audience: Audience,
    /// Ends the feeds.
    pub stop: CancellationToken,
}
