//! Erases a person: every row of their calls, and the proof that the database file holds nothing of them any more.
//!
//! Works on a connection, so that it serves a running daemon (on its writing connection) and a stopped one.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::privacy::scrub;
use super::retention::delete_call;
use super::{StoreError, is_damage, lock, open_writing};

/// Texts shorter than this are said by everybody: finding them again proves nothing.
const TELLING: usize = 16;

/// Who is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// Whoever has this number; marks and a leading 00 or + mean nothing.
    Phone(String),
    /// This lead.
    Lead(String),
    /// This one call, by any of its ids.
    Call(String),
    /// These calls, by any of their ids; those that are not there are left out.
    Calls(Vec<String>),
}

/// What was erased.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Erased {
    /// Ids of the calls.
    pub calls: Vec<String>,
    /// Rows of text.
    pub segments: i64,
    /// Rows of events.
    pub events: i64,
    /// Files of ours, to be deleted.
    pub audio: Vec<PathBuf>,
    /// All their legs.
    pub legs: Vec<i64>,
    /// Recordings that are not ours and still hold the person's voice.
    pub recordings: Vec<PathBuf>,
    /// Texts by which the person would be found: kept in memory, for the proof.
    #[serde(skip)]
    pub traces: Vec<String>,
    /// Whether the log was emptied too.
    pub scrubbed: bool,
}

/// Why nobody was forgotten.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// No such call.
    #[error("no call of that {0} is known; nothing was changed")]
    Nobody(&'static str),
    /// A call must be kept.
    #[error(
        "{} on legal hold; nothing was changed. Release with DELETE /api/v1/calls/ID/hold when it may go: {}",
        if .0.len() == 1 { "a call is" } else { "calls are" },
        .0.join(", ")
    )]
    Held(Vec<String>),
    /// A call is running.
    #[error("still running: {}; nothing was changed. Try again when it is over, or end it with POST /api/v1/calls/ID/end", .0.join(", "))]
    Running(Vec<String>),
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<rusqlite::Error> for ForgetError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Store(error.into())
    }
}

/// A number without marks and without what stands for "abroad".
fn bare(phone: &str) -> String {
    let digits: String = phone.chars().filter(char::is_ascii_digit).collect();
    digits.strip_prefix("00").map_or(digits.clone(), str::to_owned)
}

/// A call: row and id.
pub type Found = (i64, String);

const BY_ANY_ID: &str = "
    SELECT id, call_id FROM call
    WHERE call_id = ?1 OR id IN (SELECT call FROM call_alias WHERE alias = ?1)";

/// The calls of a person.
pub fn calls_of(db: &Connection, whom: &Whom) -> Result<Vec<Found>, ForgetError> {
    let all = |sql: &str, value: &str| -> rusqlite::Result<Vec<Found>> {
        db.prepare(sql)?.query_map([value], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let (found, what) = match whom {
        Whom::Phone(number) => {
            let wanted = bare(number);
            let mut query = db.prepare("SELECT id, call_id, phone FROM call WHERE phone IS NOT NULL")?;
            let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?)))?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            let same = |phone: &str| phone == number || !wanted.is_empty() && bare(phone) == wanted;
            (rows.into_iter().filter(|(_, phone)| same(phone)).map(|(call, _)| call).collect(), "phone number")
        }
        Whom::Lead(lead) => (all("SELECT id, call_id FROM call WHERE lead = ?1", lead)?, "lead"),
        Whom::Call(id) => (all(BY_ANY_ID, id)?, "id"),
        Whom::Calls(ids) => {
            let mut found: Vec<Found> = Vec::new();
            for id in ids {
                found.extend(all(BY_ANY_ID, id)?);
            }
            found.sort();
            found.dedup();
            (found, "id")
        }
    };
    if found.is_empty() { Err(ForgetError::Nobody(what)) } else { Ok(found) }
}

/// Refuses calls on hold.
pub fn check(db: &Connection, calls: &[Found]) -> Result<(), ForgetError> {
    let mut held = Vec::new();
    for (key, id) in calls {
        if db.query_row("SELECT count(*) FROM hold WHERE call = ?1", [key], |row| row.get::<_, i64>(0))? > 0 {
            held.push(id.clone());
        }
    }
    if held.is_empty() { Ok(()) } else { Err(ForgetError::Held(held)) }
}

/// Erases calls from every table, from the index and from the log. `leaving` hears of their files while the rows are still there; when it fails nothing
/// is erased. Blocks; whoever writes waits.
pub fn erase<E: std::error::Error + Send + Sync + 'static>(
    db: &mut Connection,
    calls: &[Found],
    leaving: impl FnOnce(&Erased) -> Result<(), E>,
) -> rusqlite::Result<Erased> {
    let mut erased = Erased::default();
    let transaction = db.transaction()?;
    for (key, id) in calls {
        let texts = |sql: &str| -> rusqlite::Result<Vec<String>> {
            transaction.prepare(sql)?.query_map([key], |row| row.get(0))?.collect()
        };
        erased.calls.push(id.clone());
        erased.traces.push(id.clone());
        erased.traces.extend(texts("SELECT alias FROM call_alias WHERE call = ?1")?);
        for column in ["uuid", "uniqueid", "phone", "lead"] {
            let sql = format!("SELECT {column} FROM call WHERE id = ?1 AND {column} IS NOT NULL");
            erased.traces.extend(texts(&sql)?.into_iter().filter(|text| text.len() >= 6));
        }
        let said = texts("SELECT text FROM segment WHERE call = ?1")?;
        erased.segments += said.len() as i64;
        erased.traces.extend(said.into_iter().filter(|text| text.len() >= TELLING));
        erased.events +=
            transaction.query_row("SELECT count(*) FROM event WHERE call = ?1", [key], |row| row.get::<_, i64>(0))?;
        let legs: Vec<(i64, String, bool)> = transaction
            .prepare("SELECT id, path, owned FROM leg WHERE call = ?1")?
            .query_map([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
            .collect::<Result<_, _>>()?;
        for (leg, path, owned) in legs {
            erased.legs.push(leg);
            let path = PathBuf::from(path);
            if owned {
                erased.audio.push(path);
            } else if !erased.recordings.contains(&path) {
                erased.recordings.push(path);
            }
        }
        delete_call(&transaction, *key)?;
    }
    leaving(&erased).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction.commit()?;
    erased.scrubbed = scrub(db, super::SCRUB_PATIENCE_MS)?;
    erased.traces.sort();
    erased.traces.dedup();
    Ok(erased)
}

/// Where a text still stands in rows: table, column, how many. For what other calls share with those that were erased.
pub fn rows_with(db: &Connection, text: &str) -> rusqlite::Result<Vec<(String, i64)>> {
    let mut found = Vec::new();
    let columns: Vec<(String, String)> = db
        .prepare(
            "SELECT t.name, c.name FROM sqlite_master AS t JOIN pragma_table_info(t.name) AS c
             WHERE t.type = 'table' AND t.name NOT LIKE 'segment_fts%' AND t.name NOT LIKE 'sqlite_%' AND c.type = 'TEXT'",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    for (table, column) in columns {
        let sql = format!("SELECT count(*) FROM \"{table}\" WHERE instr(lower(\"{column}\"), lower(?1)) > 0");
        let count: i64 = db.query_row(&sql, [text], |row| row.get(0))?;
        if count > 0 {
            found.push((format!("{table}.{column}"), count));
        }
    }
    Ok(found)
}

/// The database of a state folder while no daemon runs on it: nobody else gets it until this is dropped. Blocks.
pub struct Alone {
    /// For writing.
    pub connection: Connection,
    _lock: std::fs::File,
}

/// What an index with nothing in it looks like on its page (SQLite's file format, "B-tree Pages"): a leaf without cells.
fn empty_index(page: &mut [u8]) {
    page.fill(0);
    page[0] = 0x0a;
    // Where the content begins: at the page's end, 0 for one of 65,536 bytes.
    let end = u16::try_from(page.len()).unwrap_or(0).to_be_bytes();
    page[5..7].copy_from_slice(&end);
}

impl Alone {
    /// Makes anew the indices that are too broken for `REINDEX`, which has to read what it throws away: their root pages are emptied in the file, then
    /// they are filled from their tables. How many those were. Blocks.
    pub fn remake_indices(&mut self, state: &Path) -> Result<usize, StoreError> {
        let path = state.join("lineside.db");
        let db = &self.connection;
        let size: u64 = db.query_row("PRAGMA page_size", [], |row| row.get::<_, i64>(0))?.unsigned_abs();
        let all: Vec<(String, i64)> = db
            .prepare("SELECT name, rootpage FROM sqlite_master WHERE type = 'index' AND rootpage > 1")?
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        let broken = |(name, _): &(String, i64)| {
            db.execute_batch(&format!("REINDEX \"{}\"", name.replace('"', "\"\"")))
                .is_err_and(|error| is_damage(&error))
        };
        let roots: Vec<u64> = all.into_iter().filter(broken).map(|(_, root)| root.unsigned_abs()).collect();
        if roots.is_empty() {
            return Ok(0);
        }
        db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        let open = |source: std::io::Error| StoreError::Lock { path: path.clone(), source };
        // SQLite's own descriptors are closed first: closing another of the file would drop its locks.
        drop(std::mem::replace(&mut self.connection, Connection::open_in_memory()?));
        let file = std::fs::File::options().write(true).open(&path).map_err(open)?;
        let mut page = vec![0; size as usize];
        empty_index(&mut page);
        for root in &roots {
            std::os::unix::fs::FileExt::write_all_at(&file, &page, (root - 1) * size).map_err(open)?;
        }
        file.sync_all().map_err(open)?;
        drop(file);
        self.connection = open_writing(&path)?;
        // The last gives back the pages that only the old indices knew.
        self.connection.execute_batch("REINDEX; VACUUM; PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(roots.len())
    }

    /// Opens it; refuses with [`StoreError::InUse`] while a daemon runs.
    pub fn open(state: &Path) -> Result<Self, StoreError> {
        let lock = lock(&state.join(super::LOCK))?;
        let path = state.join("lineside.db");
        // One that is not there is not made: somebody has named the wrong folder.
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|source| StoreError::Open { path: path.clone(), source })?;
        Ok(Self { connection: open_writing(&path)?, _lock: lock })
    }
}
