//! SQLite: every row, one writer, many readers.
//!
//! One thread writes in batches and publishes, in order, what it has committed. Queries run on read-only connections of their own and see committed
//! rows only; the daemon's queries never wait for those of people ([`readers`]). No live audio waits for the database. The thread that watches
//! recording folders does, and loses nothing by it, because its sound is in files.

mod alert_changes;
pub mod alerts;
pub mod analyses;
mod apply;
pub mod board;
pub mod calls;
mod campaigns;
pub mod change;
pub mod check;
mod connection;
pub mod corrections;
pub mod coverage;
pub mod dialer;
pub mod dialer_writes;
pub mod disputes;
pub mod doubled;
mod error;
pub mod events;
pub mod fetches;
pub mod figures;
pub mod forget;
pub mod lookup;
mod names;
pub mod notifications;
pub mod past;
pub mod pbx_events;
pub mod privacy;
pub mod readers;
pub mod recordings;
pub mod recovery;
pub mod reports;
pub mod retention;
pub mod review_queue;
pub mod reviewed;
pub mod reviews;
pub mod rewrite;
mod rows;
pub mod score_reviews;
pub mod segments;
mod sla;
pub mod stages;
pub mod statistics;
pub mod tags;
pub mod tally;
pub mod token_book;
pub mod tokens;
mod typed;
pub mod vectors;
pub mod which;
mod writer;

use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::OpenFlags;
use rusqlite::config::DbConfig;
use rusqlite_migration::{M, Migrations};
use tokio::sync::broadcast;

use connection::{SCRUB_PATIENCE_MS, connect};
use error::{damage, is_damage};
use readers::{Readers, Room};
use rows::campaigns::Campaigns;

use crate::contract::message::Message;

pub use error::StoreError;
pub use events::StoredEvent;
pub use writer::Writer;

/// Committed events by which a slow feed may lag before it must read them from the database.
const LIVE_EVENTS: usize = 4096;

/// The open database.
#[derive(Clone)]
pub struct Store {
    path: PathBuf,
    writer: Writer,
    readers: Arc<Readers>,
    room: Room,
    events: broadcast::Sender<Arc<StoredEvent>>,
    campaigns: Campaigns,
    lock: Arc<File>,
    /// Device and inode of the database, as it was opened.
    opened: Option<(u64, u64)>,
}

fn migrations() -> Migrations<'static> {
    // A database notes the place of a migration in this list, so new ones go to the end. There is no file 003, and there will be none: databases
    // count places, not names.
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
        M::up(include_str!("schema/014_dialer.sql")),
        M::up(include_str!("schema/015_call_events.sql")),
        M::up(include_str!("schema/016_lookup.sql")),
        M::up(include_str!("schema/017_review.sql")),
        M::up(include_str!("schema/018_coverage.sql")),
        M::up(include_str!("schema/019_sources.sql")),
        M::up(include_str!("schema/020_back.sql")),
        M::up(include_str!("schema/021_remote.sql")),
        M::up(include_str!("schema/022_stages.sql")),
        M::up(include_str!("schema/023_late_text.sql")),
        M::up(include_str!("schema/024_vectors.sql")),
        M::up(include_str!("schema/025_desk_work.sql")),
        M::up(include_str!("schema/026_text_of_stages.sql")),
        M::up(include_str!("schema/027_score_reviews.sql")),
        M::up(include_str!("schema/028_unavailable_sentiment.sql")),
        M::up(include_str!("schema/029_tags_and_sla.sql")),
        M::up(include_str!("schema/030_clock.sql")),
        M::up(include_str!("schema/031_left_out.sql")),
        M::up(include_str!("schema/032_vad_again.sql")),
    ])
}

/// Opens the database for writing, making or bringing it up to date.
fn open_writing(path: &Path) -> Result<rusqlite::Connection, StoreError> {
    let damaged = |source: rusqlite::Error| {
        if is_damage(&source) { damage(path, &source) } else { StoreError::Open { path: path.into(), source } }
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    // The log that a killed daemon left stays until the database is known to be ours: a refusal changes nothing.
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
    // Deleted data is overwritten, so that nobody reads a forgotten call out of free pages.
    connection.pragma_update(None, "secure_delete", true).map_err(damaged)?;
    // In WAL mode NORMAL loses no committed row when the process dies. When the power fails it loses what the kernel had not written yet.
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
    rows::privacy::scrub(&connection, SCRUB_PATIENCE_MS).map_err(damaged)?;
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
        let campaigns = Campaigns::default();
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

    /// The file of the database.
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
    pub fn for_access(&self) -> Self {
        Self { room: Room::Access, ..self.clone() }
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

    /// Notes a broken file that a reader has found, for health.
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
