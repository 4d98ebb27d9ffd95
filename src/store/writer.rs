//! The one writer: takes changes from a bounded queue, applies what waits in one transaction, then publishes the events.
//!
//! A set of changes is all or nothing. One that SQLite refuses is logged, counted and left out; the others of the batch are kept. A full disk is
//! waited for: nothing is lost, the queue fills and the pipeline waits.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{broadcast, mpsc, oneshot};

use super::StoreError;
use super::apply::apply_set;
use super::campaigns::Campaigns;
use super::change::Change;
use super::events::StoredEvent;
use super::privacy::PrivacyChange;
use super::readers::Readers;

/// Sets of changes that may wait. When full, the pipeline waits; capture does not notice.
const WAITING: usize = 4096;
/// Sets in one transaction at most.
const BATCH: usize = 256;
/// Pause between two tries when the disk refuses.
const RETRY: Duration = Duration::from_millis(500);

/// What a disk that takes nothing may hold up a stop.
const LAST_TRIES: Duration = Duration::from_secs(3);

/// What is done with the connection; gives back how its result is told.
type Task = Box<dyn FnOnce(&mut Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

struct Set {
    changes: Vec<Change>,
    done: Option<oneshot::Sender<()>>,
    /// Done on the writing connection after the batch, outside its transaction.
    task: Option<Task>,
}

/// The handle of the writing thread.
#[derive(Clone)]
pub struct Writer {
    sets: mpsc::Sender<Set>,
    stopping: Arc<AtomicBool>,
    hurry: Arc<OnceLock<Instant>>,
    refused: Arc<AtomicU64>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        path: PathBuf,
        events: broadcast::Sender<Arc<StoredEvent>>,
        campaigns: Campaigns,
        readers: Arc<Readers>,
    ) -> Self {
        let (sets, receiver) = mpsc::channel(WAITING);
        let stopping = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&stopping);
        let hurry: Arc<OnceLock<Instant>> = Arc::default();
        let hurrying = Arc::clone(&hurry);
        let refused = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&refused);
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || {
                Writing {
                    connection,
                    path,
                    events,
                    campaigns,
                    readers,
                    stopping: flag,
                    hurry: hurrying,
                    refused: count,
                }
                .run(receiver);
            })
            .inspect_err(|error| log::error!("database: the writing thread could not be started: {error}"))
            .ok();
        Self { sets, stopping, hurry, refused, thread: Arc::new(Mutex::new(thread)) }
    }

    /// Hands over changes that belong together. Waits only when the writer is far behind.
    pub async fn push(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.sets.send(Set { changes, done: None, task: None }).await.map_err(|_| StoreError::Closed)
    }

    /// The same from a thread. Blocks.
    pub fn push_blocking(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.sets.blocking_send(Set { changes, done: None, task: None }).map_err(|_| StoreError::Closed)
    }

    /// Hands over changes and waits until they, and all before them, are committed.
    pub async fn commit(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        let (done, committed) = oneshot::channel();
        self.sets.send(Set { changes, done: Some(done), task: None }).await.map_err(|_| StoreError::Closed)?;
        committed.await.map_err(|_| StoreError::Closed)
    }

    /// Does something with the writing connection, after all changes handed over before. Everybody else waits: it has to be short.
    pub async fn run<T: Send + 'static>(
        &self,
        task: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (done, result) = oneshot::channel();
        let task: Task = Box::new(move |db| {
            let result = task(db);
            Box::new(move || {
                let _ = done.send(result); // nobody waits for it any more
            })
        });
        let set = Set { changes: Vec::new(), done: None, task: Some(task) };
        self.sets.send(set).await.map_err(|_| StoreError::Closed)?;
        Ok(result.await.map_err(|_| StoreError::Closed)??)
    }

    /// Sets of changes that wait.
    pub fn waiting(&self) -> usize {
        WAITING - self.sets.capacity()
    }

    /// How often the disk has refused a batch that was then tried again: a writer that is short of room, not one that hangs.
    pub fn refused_tries(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The daemon stops: a disk that takes nothing is waited for only a little longer, for others wait for us. What is lost then is found again at the next
    /// start.
    pub fn hurry(&self) {
        let _ = self.hurry.set(Instant::now()); // the first time counts
    }

    /// Commits what waits, brings the log into the database file, stops. Blocks.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let sets = self.sets.clone();
        let _ =
            std::thread::spawn(move || sets.blocking_send(Set { changes: Vec::new(), done: None, task: None })).join();
        let thread = self.thread.lock().ok().and_then(|mut slot| slot.take());
        if let Some(thread) = thread {
            let _ = thread.join();
        }
    }
}

struct Writing {
    connection: Connection,
    path: PathBuf,
    events: broadcast::Sender<Arc<StoredEvent>>,
    campaigns: Campaigns,
    readers: Arc<Readers>,
    stopping: Arc<AtomicBool>,
    hurry: Arc<OnceLock<Instant>>,
    refused: Arc<AtomicU64>,
}

impl Writing {
    fn run(mut self, mut sets: mpsc::Receiver<Set>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut refused = false;
        loop {
            if sets.blocking_recv_many(&mut batch, BATCH) == 0 {
                break;
            }
            let began = Instant::now();
            let events = loop {
                match self.apply(&batch) {
                    Ok(events) => break events,
                    Err(error) => {
                        if !std::mem::replace(&mut refused, true) {
                            log::error!(
                                "database {}: {error}; nothing is lost, it is tried again until it works: free space on that disk, \
                                 or end who holds the database",
                                self.path.display()
                            );
                        }
                        metrics::counter!("lineside_store_refused_total").increment(1);
                        self.refused.fetch_add(1, Ordering::Relaxed);
                        let enough = self.hurry.get().is_some_and(|since| since.elapsed() >= LAST_TRIES);
                        if self.stopping.load(Ordering::Relaxed) || enough {
                            return;
                        }
                        std::thread::sleep(RETRY);
                    }
                }
            };
            if std::mem::take(&mut refused) {
                log::info!("database: it takes rows again");
            }
            metrics::histogram!("lineside_store_commit_seconds").record(began.elapsed().as_secs_f64());
            for set in &batch {
                self.campaigns.forget(&set.changes);
            }
            for event in events {
                let _ = self.events.send(Arc::new(event)); // nobody listening is fine
            }
            let reworded = |change: &Change| matches!(change, Change::Privacy(PrivacyChange::Reworded { .. }));
            if batch.iter().any(|set| set.changes.iter().any(reworded)) {
                // The text as it was first stored is not to be read out of the log.
                let _quiet = self.readers.quiet();
                super::privacy::scrub(&self.connection, 200);
            }
            for set in batch.drain(..) {
                if let Some(task) = set.task {
                    let answer = task(&mut self.connection);
                    self.campaigns.forget_all();
                    answer();
                }
                if let Some(done) = set.done {
                    let _ = done.send(());
                }
            }
            if self.stopping.load(Ordering::Relaxed) && sets.is_empty() {
                break;
            }
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            log::debug!("database: checkpoint at the end: {error}");
        }
    }

    fn apply(&mut self, batch: &[Set]) -> rusqlite::Result<Vec<StoredEvent>> {
        let transaction = self.connection.transaction()?;
        let mut events = Vec::new();
        for set in batch {
            let before = events.len();
            transaction.execute_batch("SAVEPOINT one_set")?;
            match apply_set(&transaction, &set.changes, &mut events) {
                Ok(()) => transaction.execute_batch("RELEASE one_set")?,
                Err(error) if is_lack_of_room(&error) => return Err(error),
                Err(error) => {
                    transaction.execute_batch("ROLLBACK TO one_set; RELEASE one_set")?;
                    events.truncate(before);
                    metrics::counter!("lineside_store_rejected_total").increment(1);
                    log::error!("database: a change was refused and left out: {error}");
                }
            }
        }
        transaction.commit()?;
        Ok(events)
    }
}

fn is_lack_of_room(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(
            ErrorCode::DiskFull
                | ErrorCode::SystemIoFailure
                | ErrorCode::DatabaseBusy
                | ErrorCode::ReadOnly
                | ErrorCode::CannotOpen
                | ErrorCode::OutOfMemory
                | ErrorCode::DatabaseLocked
        )
    )
}
