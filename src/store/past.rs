//! The texts of past calls, one call after another, for trials of packs. Reads the database beside a running daemon. Blocks.

use std::path::Path;

use rusqlite::OpenFlags;

use super::{StoreError, connect};
use crate::call::{Leg, WallTime};

/// A call that is over.
#[derive(Clone, Debug)]
pub struct PastCall {
    /// Its id.
    pub call_id: String,
    /// Its campaign, in-group or queue, whose packs count for it.
    pub campaign: Option<String>,
    /// Length of its sound, milliseconds.
    pub audio_ms: i64,
    /// Segments in order of time.
    pub lines: Vec<PastLine>,
}

/// A segment of it.
#[derive(Clone, Debug)]
pub struct PastLine {
    /// Row number.
    pub segment: i64,
    /// The leg that the segment was said on.
    pub leg: Leg,
    /// Begin in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call, milliseconds.
    pub end_ms: i64,
    /// The words.
    pub text: String,
    /// Language code, where it is known.
    pub language: Option<String>,
}

const CALLS: &str = "
    SELECT call.id, call.call_id, call.campaign, call.audio_ms
    FROM call
    WHERE call.started_ms >= ?1 AND call.state = 'completed'
    ORDER BY call.started_ms DESC, call.id DESC";

const LINES: &str = "
    SELECT segment.id, leg.leg, segment.start_ms, segment.end_ms, segment.text, segment.language
    FROM segment
    JOIN leg ON leg.id = segment.leg
    WHERE segment.call = ?1
    ORDER BY segment.start_ms, segment.id";

/// Reads the calls since then, the last first; memory holds one.
pub fn past_calls(state: &Path, since: WallTime, mut each: impl FnMut(PastCall)) -> Result<(), StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = connect(&state.join("lineside.db"), flags)?;
    let mut calls = db.prepare(CALLS)?;
    let calls = calls.query_map([since.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
    let keys: Vec<(i64, String, Option<String>, i64)> = calls.collect::<Result<_, _>>()?;
    let mut lines = db.prepare(LINES)?;
    for (key, call_id, campaign, audio_ms) in keys {
        let line = |row: &rusqlite::Row| {
            Ok(PastLine {
                segment: row.get(0)?,
                leg: row.get(1)?,
                start_ms: row.get(2)?,
                end_ms: row.get(3)?,
                text: row.get(4)?,
                language: row.get(5)?,
            })
        };
        let lines = lines.query_map([key], line)?.collect::<Result<_, _>>()?;
        each(PastCall { call_id, campaign, audio_ms, lines });
    }
    Ok(())
}
