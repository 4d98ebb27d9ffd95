//! Rows of published events, kept for feeds that start late or reconnect.

use std::sync::Arc;

use rusqlite::Row;

use crate::call::CallKey;

/// A committed event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its number; later events have higher ones. 0: shown and not kept.
    pub id: i64,
    /// The call, of an event that belongs to one.
    pub call: Option<CallKey>,
    /// The event's kind, as in the message's `event` field.
    pub kind: Arc<str>,
    /// The JSON message.
    pub payload: Arc<str>,
}

pub(in crate::store) const AFTER: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE id > ?1
    ORDER BY id
    LIMIT ?2";
pub(in crate::store) const OF_CALL: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE call = ?3 AND id > ?1
    ORDER BY id
    LIMIT ?2";
pub(in crate::store) const LATEST: &str = "
    SELECT id, call, kind, payload
    FROM event
    WHERE call = ?1 AND kind = ?2
    ORDER BY id DESC
    LIMIT ?3";
pub(in crate::store) const LAST: &str = "
    SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'event'), 0)";

pub(in crate::store) fn stored(row: &Row) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: row.get(0)?,
        call: row.get::<_, Option<i64>>(1)?.map(CallKey),
        kind: row.get::<_, String>(2)?.into(),
        payload: row.get::<_, String>(3)?.into(),
    })
}
