//! Rows of the recordings that were taken, so that none is taken twice, whatever name it comes back under.

use std::path::PathBuf;

use rusqlite::Row;

use crate::call::{LegKey, WallTime};

/// A recording as it was last seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingRow {
    /// Path at which it was last seen.
    pub path: PathBuf,
    /// Device number.
    pub device: u64,
    /// Inode number.
    pub inode: u64,
    /// Size when it was last seen, bytes.
    pub size: u64,
    /// SHA-256 of its first bytes of audio.
    pub head: [u8; 32],
    /// Row numbers of its legs.
    pub legs: Vec<LegKey>,
    /// Whether it was read to its end.
    pub finished: bool,
}

pub(in crate::store) const COLUMNS: &str = "path, device, inode, size, head, legs, finished";
/// Finished only when its legs are there too: a crash may come between its row and theirs.
pub(in crate::store) const BY_FILE: &str = "
SELECT path, device, inode, size, head, legs,
    finished AND NOT EXISTS (SELECT 1 FROM json_each(legs) AS taken WHERE NOT EXISTS (SELECT 1 FROM leg WHERE leg.id = taken.value))
FROM recording
WHERE device = ?1 AND inode = ?2 AND head = ?3";
pub(in crate::store) const BY_CONTENT: &str = "
SELECT recording.path, device, inode, size, head, legs, finished
FROM leg
JOIN recording_leg AS taken ON taken.leg = leg.id
JOIN recording USING (device, inode, head)
WHERE leg.call = ?1 AND taken.head = ?2 AND finished";

pub(in crate::store) fn recording(row: &Row) -> rusqlite::Result<RecordingRow> {
    Ok(RecordingRow {
        path: row.get::<_, String>(0)?.into(),
        device: row.get::<_, i64>(1)? as u64,
        inode: row.get::<_, i64>(2)? as u64,
        size: row.get::<_, i64>(3)? as u64,
        head: row.get(4)?,
        legs: serde_json::from_str(&row.get::<_, String>(5)?).unwrap_or_default(),
        finished: row.get(6)?,
    })
}

/// Writes a recording's row as it is now.
pub(in crate::store) fn note(db: &rusqlite::Connection, row: &RecordingRow, at: WallTime) -> rusqlite::Result<()> {
    let legs =
        serde_json::to_string(&row.legs).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    db.prepare_cached(&format!(
        "INSERT INTO recording ({COLUMNS}, seen_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (device, inode, head) DO UPDATE SET
             path = excluded.path, size = excluded.size, legs = excluded.legs, finished = excluded.finished, seen_ms = excluded.seen_ms"
    ))?
    .execute((
        row.path.to_string_lossy(),
        row.device as i64,
        row.inode as i64,
        row.size as i64,
        row.head,
        legs,
        row.finished,
        at.0,
    ))?;
    Ok(())
}
