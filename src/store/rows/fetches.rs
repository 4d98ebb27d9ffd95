//! The queue of recordings on other servers: how its rows are written and read.

use rusqlite::{Connection, Row, named_params};

use crate::call::{CallId, WallTime};
use crate::contract::fetch::{FetchState, FetchedRecording};

/// A recording on another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchRow {
    /// Row number.
    pub id: i64,
    /// The server's name in the configuration.
    pub remote: String,
    /// The call that it becomes.
    pub call_id: String,
    /// Path on the server.
    pub path: String,
    /// State of the recording.
    pub state: FetchState,
    /// Time at which the call began, as far as it is known.
    pub at: Option<WallTime>,
    /// Size on the server, bytes.
    pub size: Option<u64>,
    /// Bytes fetched so far.
    pub got: u64,
    /// Tries that failed by the file.
    pub tries: u32,
    /// Time of the next try.
    pub next: WallTime,
    /// Time of the request.
    pub asked: WallTime,
    /// Time at which it was fetched or given up.
    pub done: Option<WallTime>,
    /// The problem of the last try.
    pub error: Option<String>,
}

impl FetchRow {
    /// The row as the API shows it.
    pub fn shown(self) -> FetchedRecording {
        let is_open = self.state.is_open();
        FetchedRecording {
            call_id: self.call_id,
            remote: self.remote,
            path: self.path,
            state: self.state,
            size: self.size,
            got: self.got,
            tries: self.tries,
            asked: self.asked.rfc3339(),
            next_try: is_open.then(|| self.next.rfc3339()),
            done: self.done.map(WallTime::rfc3339),
            problem: self.error,
        }
    }
}

/// Progress of a recording on another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchChange {
    /// It is asked for. Nothing happens where it was asked for before, unless it was given up.
    Wanted {
        /// The server.
        remote: String,
        /// The call.
        call: CallId,
        /// Path on the server.
        path: String,
        /// Time at which the call began.
        at: Option<WallTime>,
        /// Time of the request.
        asked: WallTime,
    },
    /// Bytes have come.
    Grew {
        /// Its row.
        id: i64,
        /// Size on the server, bytes, once it is known.
        size: Option<u64>,
        /// Bytes fetched so far.
        got: u64,
    },
    /// It is whole here, and becomes the call's.
    Whole {
        /// Its row.
        id: i64,
        /// Size of the recording, bytes.
        size: u64,
    },
    /// It is tried again later.
    Again {
        /// Its row.
        id: i64,
        /// Time of the next try, wall clock.
        next: WallTime,
        /// Tries that failed by the file.
        tries: u32,
        /// Reason of the failure, for people.
        error: String,
    },
    /// The recording is done or given up.
    Over {
        /// Its row.
        id: i64,
        /// `Done`, `Known` or `GivenUp`.
        state: FetchState,
        /// Reason for which it was given up.
        error: Option<String>,
        /// Time of the end, wall clock.
        at: WallTime,
    },
    /// Recordings that were given up before that time are forgotten.
    Clean {
        /// That time.
        before: WallTime,
    },
}

pub(in crate::store) const COLUMNS: &str =
    "id, remote, call_id, path, state, at_ms, size, got, tries, next_ms, asked_ms, done_ms, error";

/// Reads [`COLUMNS`].
pub(in crate::store) fn read(row: &Row) -> rusqlite::Result<FetchRow> {
    let time = |place| Ok::<_, rusqlite::Error>(row.get::<_, Option<i64>>(place)?.map(WallTime));
    Ok(FetchRow {
        id: row.get(0)?,
        remote: row.get(1)?,
        call_id: row.get(2)?,
        path: row.get(3)?,
        state: FetchState::parse(&row.get::<_, String>(4)?).unwrap_or(FetchState::Waiting),
        at: time(5)?,
        size: row.get::<_, Option<i64>>(6)?.map(|size| size as u64),
        got: row.get::<_, i64>(7)? as u64,
        tries: row.get(8)?,
        next: WallTime(row.get(9)?),
        asked: WallTime(row.get(10)?),
        done: time(11)?,
        error: row.get(12)?,
    })
}

/// Makes a change true.
pub(in crate::store) fn apply(db: &Connection, change: &FetchChange) -> rusqlite::Result<()> {
    match change {
        FetchChange::Wanted { remote, call, path, at, asked } => db
            .prepare_cached(
                "INSERT INTO fetch (remote, call_id, path, at_ms, next_ms, asked_ms)
                 VALUES (:remote, :call, :path, :at, :asked, :asked)
                 ON CONFLICT (remote, call_id) DO UPDATE SET
                     path = excluded.path, at_ms = excluded.at_ms, next_ms = excluded.next_ms, asked_ms = excluded.asked_ms,
                     state = 'waiting', size = NULL, got = 0, tries = 0, done_ms = NULL, error = NULL
                 WHERE fetch.state = 'given_up'",
            )?
            .execute(named_params! {
                ":remote": remote, ":call": call.as_str(), ":path": path, ":at": at.map(|at| at.0), ":asked": asked.0,
            })?,
        FetchChange::Grew { id, size, got } => db
            .prepare_cached(
                "UPDATE fetch
                 SET state = CASE state WHEN 'waiting' THEN 'fetching' ELSE state END, size = coalesce(?2, size), got = ?3
                 WHERE id = ?1",
            )?
            .execute((id, size.map(|size| size as i64), *got as i64))?,
        FetchChange::Whole { id, size } => db
            .prepare_cached("UPDATE fetch SET state = 'taking', size = ?2, got = ?2, error = NULL WHERE id = ?1")?
            .execute((id, *size as i64))?,
        FetchChange::Again { id, next, tries, error } => db
            .prepare_cached(
                "UPDATE fetch SET state = 'waiting', next_ms = ?2, tries = ?3, error = ?4 WHERE id = ?1",
            )?
            .execute((id, next.0, tries, error))?,
        FetchChange::Over { id, state, error, at } => db
            .prepare_cached("UPDATE fetch SET state = ?2, error = ?3, done_ms = ?4 WHERE id = ?1")?
            .execute((id, state.as_str(), error, at.0))?,
        FetchChange::Clean { before } => db
            .prepare_cached("DELETE FROM fetch WHERE state = 'given_up' AND done_ms < ?1")?
            .execute([before.0])?,
    };
    Ok(())
}
