//! Published events, kept for feeds that start late or reconnect.

pub use super::rows::events::StoredEvent;
use super::rows::events::{AFTER, LAST, LATEST, OF_CALL, stored};
use super::{Store, StoreError};
use crate::call::CallKey;

impl Store {
    /// Events after number `id`, of one call or of all, at most `limit`.
    pub async fn events_after(
        &self,
        id: i64,
        call: Option<CallKey>,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(move |db| match call {
            Some(call) => db.prepare_cached(OF_CALL)?.query_map((id, limit, call.0), stored)?.collect(),
            None => db.prepare_cached(AFTER)?.query_map((id, limit), stored)?.collect(),
        })
        .await
    }

    /// The last events of one kind in a call, newest first, at most `limit`.
    pub async fn last_events(
        &self,
        call: CallKey,
        kind: &'static str,
        limit: u32,
    ) -> Result<Vec<StoredEvent>, StoreError> {
        self.read(move |db| db.prepare_cached(LATEST)?.query_map((call.0, kind, limit), stored)?.collect()).await
    }

    /// Number of the last event.
    pub async fn last_event(&self) -> Result<i64, StoreError> {
        self.read(|db| db.prepare_cached(LAST)?.query_row([], |row| row.get(0))).await
    }
}
