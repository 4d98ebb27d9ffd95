//! `[ingest]`: calls of other platforms.

use serde::Deserialize;

/// `[ingest]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ingest {
    /// What senders must show as `X-Cloud-Token`; without one, whoever reaches the API may send.
    pub token: Option<String>,
}
