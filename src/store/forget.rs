//! Erases a person: deletes every row of their calls, and proves that the database file holds nothing of them.
//!
//! It works on a given connection, so that it serves a running daemon (on the writer's connection) and a stopped one.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde::{Deserialize, Serialize};

use super::lookup::is_surely_same;
use super::retention::delete_call;
use super::rows::privacy::scrub;
use super::score_reviews::WRITTEN;
use super::{Store, StoreError, connect, is_damage, lock, open_writing};

/// Texts shorter than this are said by everybody: finding them again proves nothing.
const TELLING: usize = 16;

/// The calls or the person to be erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Whom {
    /// The person with this number. Punctuation and a leading +, 00 or 0 do not count; with nine digits or more neither does a country code.
    Phone(String),
    /// This lead.
    Lead(String),
    /// This one call, by any of its ids.
    Call(String),
    /// These calls, by any of their ids; those that are not there are left out.
    Calls(Vec<String>),
}

/// The erased rows and files.
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
    /// Texts by which the person could be found: kept in memory, for the proof.
    #[serde(skip)]
    pub traces: Vec<String>,
    /// Whether the log was emptied too.
    pub scrubbed: bool,
}

/// Reason why nothing was erased.
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

/// A call: row and id.
pub type CallRef = (i64, String);

const BY_ANY_ID: &str = "
    SELECT id, call_id FROM call
    WHERE call_id = ?1 OR id IN (SELECT call FROM call_alias WHERE alias = ?1)";

/// The calls of a person.
pub fn calls_of(db: &Connection, whom: &Whom) -> Result<Vec<CallRef>, ForgetError> {
    let all = |sql: &str, value: &str| -> rusqlite::Result<Vec<CallRef>> {
        db.prepare(sql)?.query_map([value], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    let (found, what) = match whom {
        Whom::Phone(number) => {
            let mut query = db.prepare("SELECT id, call_id, phone FROM call WHERE phone IS NOT NULL")?;
            let rows = query.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get::<_, String>(2)?)))?;
            let rows: Vec<_> = rows.collect::<Result<_, _>>()?;
            let same = rows.into_iter().filter(|(_, phone)| is_surely_same(number, phone));
            (same.map(|(call, _)| call).collect(), "phone number")
        }
        Whom::Lead(lead) => (all("SELECT id, call_id FROM call WHERE lead = ?1", lead)?, "lead"),
        Whom::Call(id) => (all(BY_ANY_ID, id)?, "id"),
        Whom::Calls(ids) => {
            let mut found: Vec<CallRef> = Vec::new();
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
pub fn check(db: &Connection, calls: &[CallRef]) -> Result<(), ForgetError> {
    let mut held = Vec::new();
    for (key, id) in calls {
        if db.query_row("SELECT count(*) FROM hold WHERE call = ?1", [key], |row| row.get::<_, i64>(0))? > 0 {
            held.push(id.clone());
        }
    }
    if held.is_empty() { Ok(()) } else { Err(ForgetError::Held(held)) }
}

impl Erased {
    /// Takes in what was erased of another call.
    pub fn add(&mut self, other: Self) {
        self.calls.extend(other.calls);
        self.segments += other.segments;
        self.events += other.events;
        self.audio.extend(other.audio);
        self.legs.extend(other.legs);
        self.recordings.extend(other.recordings);
        self.traces.extend(other.traces);
        for all in [&mut self.traces, &mut self.calls] {
            all.sort();
            all.dedup();
        }
        self.recordings.sort();
        self.recordings.dedup();
    }
}

/// Everything that is stored of a call, and is erased with it.
pub fn gather(db: &Connection, call: &CallRef) -> rusqlite::Result<Erased> {
    let mut erased = Erased::default();
    let (key, id) = call;
    let texts =
        |sql: &str| -> rusqlite::Result<Vec<String>> { db.prepare(sql)?.query_map([key], |row| row.get(0))?.collect() };
    erased.calls.push(id.clone());
    erased.traces.push(id.clone());
    erased.traces.extend(texts("SELECT alias FROM call_alias WHERE call = ?1")?);
    for column in ["uuid", "uniqueid", "phone", "lead"] {
        let sql = format!("SELECT {column} FROM call WHERE id = ?1 AND {column} IS NOT NULL");
        erased.traces.extend(texts(&sql)?.into_iter().filter(|text| text.len() >= 6));
    }
    let dialed = "SELECT phone FROM dialer WHERE call = ?1 AND phone IS NOT NULL";
    erased.traces.extend(texts(dialed)?.into_iter().filter(|text| text.len() >= 6));
    let said = texts("SELECT text FROM segment WHERE call = ?1")?;
    erased.segments += said.len() as i64;
    let before = texts(
        "SELECT text FROM live_text WHERE call = ?1
         UNION ALL
         SELECT text_before FROM segment CROSS JOIN correction ON correction.segment = segment.id WHERE segment.call = ?1",
    )?;
    let written = texts(WRITTEN)?;
    erased.traces.extend(said.into_iter().chain(before).chain(written).filter(|text| text.len() >= TELLING));
    erased.events += db.query_row("SELECT count(*) FROM event WHERE call = ?1", [key], |row| row.get::<_, i64>(0))?;
    let legs: Vec<(i64, String, bool)> = db
        .prepare("SELECT id, path, owned FROM leg WHERE call = ?1")?
        .query_map([key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<Result<_, _>>()?;
    for (leg, path, owned) in legs {
        erased.legs.push(leg);
        let path = PathBuf::from(path);
        // A leg of text alone has no file.
        if path.as_os_str().is_empty() {
            continue;
        }
        if owned {
            erased.audio.push(path);
        } else if !erased.recordings.contains(&path) {
            erased.recordings.push(path);
        }
    }

    Ok(erased)
}

/// Erases a call from every table and from the index, in one transaction; [`emptied`] clears the log afterwards. `leaving` is called with its files
/// while the rows are still there; when it fails nothing is erased. Blocks, and keeps writers waiting for as long as the call has lines
/// ([`Store::thin`]).
pub fn erase<E: std::error::Error + Send + Sync + 'static>(
    db: &mut Connection,
    call: &CallRef,
    leaving: impl FnOnce(&Erased) -> Result<(), E>,
) -> rusqlite::Result<Erased> {
    let transaction = db.transaction()?;
    let erased = gather(&transaction, call)?;
    delete_call(&transaction, call.0)?;
    leaving(&erased).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    transaction.commit()?;
    Ok(erased)
}

/// Writes the log into the database and empties it; whether nobody was in the way. Blocks.
pub fn emptied(db: &Connection) -> rusqlite::Result<bool> {
    scrub(db, 10_000)
}

/// Time limit of one step of [`Store::thin`], as far as whole lines allow.
const PIECE: Duration = Duration::from_millis(50);

/// Deletes some of a call's lines; whether there are more.
fn thin(db: &mut Connection, call: i64) -> rusqlite::Result<bool> {
    let began = Instant::now();
    let transaction = db.transaction()?;
    let mut more = true;
    while more && began.elapsed() < PIECE {
        let one = transaction
            .prepare_cached(
                "DELETE FROM segment
                 WHERE id = (SELECT id FROM segment WHERE call = ?1 LIMIT 1)
                     AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = ?1)",
            )?
            .execute([call])?;
        more = one > 0;
    }
    transaction.commit()?;
    Ok(more)
}

impl Store {
    /// Deletes the lines of a call that is about to go, a few at a time: the index overwrites each word of each, a millisecond or several a line in a large
    /// database, and others write between them. A crash in the middle leaves a call with fewer lines.
    pub async fn thin(&self, call: i64) -> Result<(), StoreError> {
        while self.writer().run(move |db| thin(db, call)).await? {}
        Ok(())
    }

    /// The calls of a person that may be erased; none of them is changed.
    pub async fn to_forget(&self, whom: Whom) -> Result<Vec<CallRef>, ForgetError> {
        let found = self.read(move |db| {
            Ok(calls_of(db, &whom).and_then(|calls| {
                check(db, &calls)?;
                Ok(calls)
            }))
        });
        found.await.map_err(ForgetError::Store)?
    }
}

/// Rows looked at in one step, after which others may write and the log may be emptied.
const STEP: i64 = 2000;

/// Places where texts still stand in rows: for each text its (table, column) pairs with their number. It is meant for texts that erased calls share
/// with others. Reads every row once, in steps. Blocks for as long as reading the database takes.
pub fn rows_with(db: &Connection, texts: &[String]) -> rusqlite::Result<HashMap<String, BTreeMap<String, i64>>> {
    let set = regex::bytes::RegexSetBuilder::new(texts.iter().map(|text| regex::escape(text)))
        .case_insensitive(true)
        .unicode(false)
        .size_limit(1 << 28)
        .build()
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
    let mut found: HashMap<String, BTreeMap<String, i64>> = HashMap::new();
    let mut columns: BTreeMap<String, (Vec<String>, bool)> = BTreeMap::new();
    let mut query = db.prepare(
        "SELECT t.name, c.name, l.wr
         FROM sqlite_master AS t
         JOIN pragma_table_info(t.name) AS c
         JOIN pragma_table_list(t.name) AS l
         WHERE t.type = 'table' AND t.name NOT LIKE 'segment_fts%' AND t.name NOT LIKE 'sqlite_%' AND c.type = 'TEXT'",
    )?;
    let mut rows = query.query([])?;
    while let Some(row) = rows.next()? {
        let (names, without_rowid) = columns.entry(row.get(0)?).or_default();
        names.push(row.get(1)?);
        *without_rowid = row.get(2)?;
    }
    for (table, (names, without_rowid)) in columns {
        let list: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
        let list = list.join(", ");
        let mut note = |row: &rusqlite::Row, from: usize| -> rusqlite::Result<()> {
            for (number, name) in names.iter().enumerate() {
                let Ok(value) = row.get_ref(from + number)?.as_bytes() else { continue };
                for number in set.matches(value) {
                    *found.entry(texts[number].clone()).or_default().entry(format!("{table}.{name}")).or_default() += 1;
                }
            }
            Ok(())
        };
        if without_rowid {
            let mut query = db.prepare(&format!("SELECT {list} FROM \"{table}\""))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                note(row, 0)?;
            }
            continue;
        }
        let sql = format!("SELECT rowid, {list} FROM \"{table}\" WHERE rowid > ?1 ORDER BY rowid LIMIT {STEP}");
        let mut query = db.prepare(&sql)?;
        let mut seen = Some(i64::MIN);
        while let Some(after) = seen.take() {
            let mut rows = query.query([after])?;
            while let Some(row) = rows.next()? {
                note(row, 1)?;
                seen = Some(row.get(0)?);
            }
        }
    }
    Ok(found)
}

/// A connection of its own for a long reading, which keeps nobody from writing. Blocks.
pub fn reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(path, flags).map_err(|source| StoreError::Open { path: path.into(), source })
}

/// The database of a state folder while no daemon runs on it: nobody else gets it until this is dropped. Blocks.
pub struct Alone {
    /// For writing.
    pub connection: Connection,
    _lock: std::fs::File,
}

/// Writes an empty index to its page (SQLite's file format, "B-tree Pages"): a leaf without cells.
fn empty_index(page: &mut [u8]) {
    page.fill(0);
    page[0] = 0x0a;
    // Begin of the content: the page's end, 0 for one of 65,536 bytes.
    let end = u16::try_from(page.len()).unwrap_or(0).to_be_bytes();
    page[5..7].copy_from_slice(&end);
}

impl Alone {
    /// Makes indices anew that are too broken for `REINDEX`, which has to read what it discards: their root pages are emptied in the file, then they
    /// are filled from their tables. Returns their number. Blocks.
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
        // A missing database is not created, because somebody has named the wrong folder.
        Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .map_err(|source| StoreError::Open { path: path.clone(), source })?;
        Ok(Self { connection: open_writing(&path)?, _lock: lock })
    }
}
