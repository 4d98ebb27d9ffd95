//! `[ingest]`: calls of other platforms; `[[notify]]`: where alerts go.

use serde::Deserialize;

use crate::alerts::notify::Notifier;

/// `[ingest]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct IngestConfig {
    /// A token for `/api/realtime/*` alone, which senders show as `X-Cloud-Token`, besides those of `lineside token`.
    pub token: Option<String>,
}

/// What is wrong with the notifiers: each must be whole, and no two may share a queue.
pub(super) fn check(notifiers: &[Notifier]) -> Result<(), String> {
    for (number, notifier) in notifiers.iter().enumerate() {
        notifier.check()?;
        if notifiers[..number].iter().any(|other| other.name == notifier.name) {
            return Err(format!("two notifiers are named {:?}; their queues go by the name", notifier.name));
        }
    }
    Ok(())
}
