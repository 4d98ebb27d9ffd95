//! Events as they were published, for feeds that start late or come back.

use std::sync::Arc;

use rusqlite::Row;

use super::{Store, StoreError};
use crate::call::CallKey;

/// A committed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number; later events have higher ones. 0: shown and not kept.
    pub id: i64,
    /// Whose, when it is a call's.
    pub call: Option<CallKey>,
    /// What happened.
    pub kind: Arc<str>,
    /// The JSON message.
    pub payload: Arc<str>,
}

pub(super) const AFTER: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE id > ?1
    ORDER BY id
    LIMIT ?2";
pub(super) const OF_CALL: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE call = ?3 AND id > ?1
    ORDER BY id
    LIMIT ?2";
pub(super) const LATEST: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE call = ?1 AND kind = ?2
    ORDER BY id DESC
    LIMIT ?3";
pub(super) const LAST: &str = "
    SELECT coalesce(max(id), 0)
    FROM event";

fn stored(row: &Row) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.get(0)?,
        call: row.get::<_, Option<i64>>(1)?.map(CallKey),
        kind: row.get::<_, String>(2)?.into(),
        payload: row.get::<_, String>(3)?.into(),
    })
}

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
