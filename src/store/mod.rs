//! SQLite: every row, one writer, many readers.
//!
//! One thread writes, in batches; what it has committed it publishes, in order. Queries run on read-only connections of their own and see
//! committed rows only; what the daemon asks waits for nothing that people ask ([`readers`]). Nobody on a capture path waits for any of it.

mod alert_changes;
pub mod alerts;
mod apply;
pub mod board;
pub mod calls;
mod campaigns;
pub mod change;
pub mod check;
pub mod doubled;
pub mod events;
pub mod figures;
pub mod forget;
pub mod notifications;
pub mod privacy;
pub mod readers;
pub mod recordings;
pub mod recovery;
pub mod retention;
pub mod rewrite;
pub mod segments;
pub mod tags;
pub mod token_book;
pub mod tokens;
mod typed;
mod writer;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite_migration::{M, Migrations};
use tokio::sync::broadcast;

use crate::contract::message::Message;
use readers::{Readers, Room};

pub use events::StoredEvent;
pub use writer::Writer;

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("database {path}: {source}; check that {} exists, belongs to lineside and is not full", path.parent().unwrap_or(path).display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
    /// The file is not a lineside database, or damaged.
    #[error(
        "database {path}: {problem}; it is left untouched. Move it away to start with an empty one, or save what can be saved with \
         `sqlite3 {path} .recover`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// Made by a newer version.
    #[error(
        "database {path} was made by a newer lineside; it is left untouched. Install that version again, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// Another daemon uses the folder.
    #[error(
        "{path}: another lineside is running on this folder; stop it first, or give this one other [paths] state and run"
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock cannot be taken.
    #[error("{path}: {source}; the state folder must be writable for lineside")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A query failed.
    #[error("database: {0}")]
    Query(#[from] rusqlite::Error),
    /// The system gives no random numbers.
    #[error("random numbers cannot be had from the system: {0}")]
    Random(String),
    /// A connection's thread cannot be started.
    #[error("database: a thread that reads it could not be started: {0}")]
    Thread(std::io::Error),
    /// A question takes too long.
    #[error("the question takes longer than {} s and was given up: narrow it, with since and until or with longer words", readers::LONGEST.as_secs())]
    TooLong,
    /// Somebody asks too much at once.
    #[error("too many of your questions wait for an answer already: ask again when some are answered")]
    Crowded,
    /// The store has been stopped.
    #[error("database: closed")]
    Closed,
}

/// Committed events that a slow feed may lag behind before it has to read them from the database.
const LIVE_EVENTS: usize = 4096;

/// The open database.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Arc<Readers>,
    room: Room,
    events: broadcast::Sender<Arc<StoredEvent>>,
    campaigns: campaigns::Campaigns,
    lock: Arc<File>,
    /// Device and inode of the database, as it was opened.
    opened: Option<(u64, u64)>,
}

fn migrations() -> Migrations<'static> {
    // Told apart by their place in this list, which is what a database has noted: new ones go to the end.
    Migrations::new(vec![
        M::up(include_str!("schema/001_calls.sql")),
        M::up(include_str!("schema/002_alerts.sql")),
        M::up(include_str!("schema/004_privacy.sql")),
        M::up(include_str!("schema/005_notify.sql")),
        M::up(include_str!("schema/006_walls.sql")),
        M::up(include_str!("schema/007_desk.sql")),
        M::up(include_str!("schema/008_recording_leg.sql")),
        M::up(include_str!("schema/009_list_filters.sql")),
        M::up(include_str!("schema/010_lag.sql")),
        M::up(include_str!("schema/011_ingest.sql")),
        M::up(include_str!("schema/012_scrub.sql")),
        M::up(include_str!("schema/013_segment_by_leg.sql")),
    ])
}

/// What to say of a file that SQLite finds broken.
fn damage(path: &Path, source: &rusqlite::Error) -> StoreError {
    let problem = format!("{source}. `lineside check --repair` mends what can be made anew of its tables");
    StoreError::Damaged { path: path.into(), problem }
}

/// Whether SQLite finds the file itself broken.
fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt))
}

/// How long a connection waits for another that writes.
const BUSY: std::time::Duration = std::time::Duration::from_secs(5);

/// How long overwriting what was deleted waits for readers before it is put off.
const SCRUB_PATIENCE_MS: u64 = 200;

/// Opens one connection with our pragmas.
fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "cache_size", -4096)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the database for writing, making or bringing it up to date.
fn open_writing(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let damaged = |source: rusqlite::Error| {
        if is_damage(&source) { damage(path, &source) } else { StoreError::Open { path: path.into(), source } }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // What a killed daemon left in SQLite's log stays there until it is known to be ours: a refusal changes nothing.
    let log_left = std::fs::metadata(path.with_extension("db-wal")).is_ok_and(|log| log.len() > 0);
    let mut connection = connect(path, flags).map_err(damaged)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, log_left).map_err(damaged)?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0)).map_err(damaged)?;
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0)).map_err(damaged)?;
    if tables > 0 && version == 0 {
        return Err(StoreError::Damaged { path: path.into(), problem: "holds tables of some other program".into() });
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(damaged)?;
    // What is deleted is overwritten: nobody reads a forgotten call out of free pages.
    connection.pragma_update(None, "secure_delete", true).map_err(damaged)?;
    // In WAL mode NORMAL loses no committed row when the process dies, and what the kernel had not written yet when the power does.
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(damaged)?;
    migrations().to_latest(&mut connection).map_err(|error| match error {
        rusqlite_migration::Error::MigrationDefinition(
            rusqlite_migration::MigrationDefinitionError::DatabaseTooFarAhead,
        ) => StoreError::Newer { path: path.into() },
        rusqlite_migration::Error::RusqliteError { err, .. } => damaged(err),
        other => StoreError::Damaged { path: path.into(), problem: other.to_string() },
    })?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(damaged)?;
    // A former run may have been killed between deleting and overwriting.
    privacy::scrub(&connection, SCRUB_PATIENCE_MS).map_err(damaged)?;
    Ok(connection)
}

impl Store {
    /// Opens the database of a state folder; tells what a former run left behind. Blocks. One daemon per folder.
    pub fn open(state: &Path) -> Result<(Self, recovery::Recovery), StoreError> {
        let lock = lock(&state.join(LOCK))?;
        let path = state.join("lineside.db");
        let connection = open_writing(&path)?;
        let opened = place_of(&path);
        let recovery = recovery::read(&connection)
            .map_err(|source| if is_damage(&source) { damage(&path, &source) } else { source.into() })?;
        let (events, _) = broadcast::channel(LIVE_EVENTS);
        let campaigns = campaigns::Campaigns::default();
        let readers = Arc::new(Readers::open(&path)?);
        let writer = Writer::start(connection, path.clone(), events.clone(), campaigns.clone(), Arc::clone(&readers));
        let lock = Arc::new(lock);
        let store = Self { path, writer, readers, room: Room::Own, events, campaigns, lock, opened };
        Ok((store, recovery))
    }

    /// Looks whether database and lock are still where they were opened, and says so once when not. Blocks, briefly.
    pub fn look_at_place(&self) {
        let lock = self.path.with_file_name(LOCK);
        let locked = self.lock.metadata().ok().map(|meta| (meta.dev(), meta.ino()));
        let moved =
            [(&self.path, self.opened), (&lock, locked)].into_iter().find(|(path, there)| place_of(path) != *there);
        let problem = moved.map(|(path, _)| {
            format!(
                "{} is gone or another file than the one that is open: what is written now is not found there after a restart. Put back what was \
                 moved, or restart lineside to go on with what is there now",
                path.display()
            )
        });
        self.writer.is_displaced(problem);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The one who writes.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Events as they are committed, from now on. A receiver that falls behind is told so and reads the rest by [`Self::events_after`].
    pub fn live(&self) -> broadcast::Receiver<Arc<StoredEvent>> {
        self.events.subscribe()
    }

    /// Tells the feeds what is not kept: an event without a number, which nobody can ask for again.
    pub fn show(&self, call: crate::call::CallKey, message: &Message) {
        let event =
            StoredEvent { id: 0, call: Some(call), kind: message.kind().into(), payload: message.json().into() };
        let _ = self.events.send(Arc::new(event));
    }

    /// The same store for those who decide who is let in: what they ask waits for nobody else.
    #[must_use]
    pub fn for_walls(&self) -> Self {
        Self { room: Room::Walls, ..self.clone() }
    }

    /// The same store for what people ask: bounded in time, and fair among those who ask ([`readers::asked_by`]).
    #[must_use]
    pub fn for_people(&self) -> Self {
        Self { room: Room::People, ..self.clone() }
    }

    /// Runs a query on a read-only connection.
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnMut(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.noticed(self.readers.read(self.room, false, query).await)
    }

    /// The same; one that is known to be `long` does not hold up the quick ones first.
    async fn read_for<T: Send + 'static>(
        &self,
        long: bool,
        query: impl FnMut(&rusqlite::Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.noticed(self.readers.read(self.room, long, query).await)
    }

    /// A broken file that a reader has met is told in health.
    fn noticed<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(StoreError::Query(error)) = &answer
            && is_damage(error)
        {
            self.writer.is_damaged(error);
        }
        answer
    }
}

/// The file whose lock says that a daemon runs on its folder.
const LOCK: &str = "lineside.lock";

/// Device and inode of what a name leads to now.
fn place_of(path: &Path) -> Option<(u64, u64)> {
    std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()))
}

/// Takes the folder of the sockets for this process too: where the state folder was moved away, its own lock went with it. Held until it is dropped.
pub fn lock_run(folder: &Path) -> Result<File, StoreError> {
    lock(&folder.join(LOCK))
}

/// Takes the folder for this process; the system gives it back however the process ends.
fn lock(path: &Path) -> Result<File, StoreError> {
    let fail = |source| StoreError::Lock { path: path.into(), source };
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(fail)?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(file),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::InUse { path: path.into() }),
        Err(error) => Err(fail(error.into())),
    }
}

#[cfg(test)]
mod tests;
