//! The one writer: takes changes from a bounded queue, applies what waits in one transaction, then publishes the events.
//!
//! A set of changes is applied completely or not at all. A set that SQLite refuses is logged, counted and left out; the others of the batch are kept.
//! When the disk is full, the writer waits: the queue fills, the pipeline waits, and nothing is lost.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};

use super::apply::apply_set;
use super::change::Change;
use super::error::{StoreError, is_damage, is_waited_for};
use super::readers::Readers;
use super::rows::campaigns::Campaigns;
use super::rows::events::StoredEvent;

/// Sets of changes that may wait. When full, the pipeline waits; capture does not notice.
const WAITING: usize = 4096;
/// Sets in one transaction at most.
const BATCH: usize = 256;
/// Pause between two tries when the disk refuses.
const RETRY: Duration = Duration::from_millis(500);

/// Time for which a disk that refuses writes may delay a stop.
const LAST_TRIES: Duration = Duration::from_secs(3);
/// Pause between two tries to overwrite deleted data, while somebody reads it.
const SCRUB_AGAIN: Duration = Duration::from_secs(1);

/// Work with the connection; it returns the way in which its result is delivered.
type Task = Box<dyn FnOnce(&mut Connection) -> Answer + Send>;
type Answer = Box<dyn FnOnce() + Send>;

struct Set {
    changes: Vec<Change>,
    done: Option<oneshot::Sender<()>>,
    /// Done on the writing connection after the batch, outside its transaction.
    task: Option<Task>,
}

/// Reason why rows are not written now, and a fault that a reader found.
#[derive(Clone, Debug, Default)]
struct Trouble(Arc<Mutex<[Option<String>; 3]>>);

impl Trouble {
    const WRITING: usize = 0;
    const READING: usize = 1;
    const PLACE: usize = 2;

    /// Says whether it is another one than before.
    fn set(&self, what: usize, problem: Option<String>) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = all[what] != problem;
        all[what] = problem;
        is_new
    }

    fn get(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().flatten().next().cloned()
    }
}

/// The remedy for a database that refuses writes.
fn remedy(error: &rusqlite::Error) -> &'static str {
    if is_damage(error) {
        "the file is damaged. What is heard stays on disk and waits: stop lineside, run `lineside check --repair`, start it again"
    } else {
        "nothing is lost, it is tried again until it works: free space on that disk, or end who holds the database"
    }
}

/// The handle of the writing thread.
#[derive(Clone)]
pub struct Writer {
    sets: mpsc::Sender<Set>,
    stopping: Arc<AtomicBool>,
    hurry: Arc<OnceLock<Instant>>,
    refused: Arc<AtomicU64>,
    trouble: Trouble,
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
        let trouble = Trouble::default();
        let writing = Writing {
            connection,
            path,
            events,
            campaigns,
            readers,
            stopping: flag,
            hurry: hurrying,
            refused: count,
            trouble: trouble.clone(),
            sets: sets.downgrade(),
            put_off: None,
        };
        let thread = std::thread::Builder::new()
            .name("store".into())
            .spawn(move || writing.run(receiver))
            .inspect_err(|error| log::error!("database: the writing thread could not be started: {error}"))
            .ok();
        Self { sets, stopping, hurry, refused, trouble, thread: Arc::new(Mutex::new(thread)) }
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

    /// Number of batches that the disk refused and that were tried again: a writer that is short of room, not one that hangs.
    pub fn refused_tries(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// The daemon stops: a disk that takes nothing is waited for only a little longer, for others wait for us. What is lost then is found again at the next
    /// start.
    pub fn hurry(&self) {
        let _ = self.hurry.set(Instant::now()); // the first time counts
    }

    /// Reason why rows are not written or not read now; `None` when all is well.
    pub fn problem(&self) -> Option<String> {
        self.trouble.get()
    }

    /// A reader has found the file broken.
    pub(super) fn is_damaged(&self, error: &rusqlite::Error) {
        if self.trouble.set(Trouble::READING, Some(format!("{error}: {}", remedy(error)))) {
            log::error!("database: {error}: {}", remedy(error));
        }
    }

    /// The files are not where they were, or are again.
    pub(super) fn is_displaced(&self, problem: Option<String>) {
        let told = problem.clone();
        match (self.trouble.set(Trouble::PLACE, problem), told) {
            (true, Some(problem)) => log::error!("database: {problem}"),
            (true, None) => log::info!("database: its files are where they were"),
            (false, _) => {}
        }
    }

    /// Stops retrying refused writes, because lineside is stopping: unwritten work is done anew at the next start.
    pub fn give_up(&self) {
        self.stopping.store(true, Ordering::Relaxed);
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
    trouble: Trouble,
    /// Our own queue, for a call to oneself later.
    sets: mpsc::WeakSender<Set>,
    /// Time of the last failed try to overwrite deleted data; it is tried again later.
    put_off: Option<Instant>,
}

impl Writing {
    fn run(mut self, mut sets: mpsc::Receiver<Set>) {
        let mut batch = Vec::with_capacity(BATCH);
        let mut refused = false;
        self.scrub();
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
                            log::error!("database {}: {error}; {}", self.path.display(), remedy(&error));
                        }
                        self.trouble.set(Trouble::WRITING, Some(format!("{error}: {}", remedy(&error))));
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
                self.trouble.set(Trouble::WRITING, None);
            }
            metrics::histogram!("lineside_store_commit_seconds").record(began.elapsed().as_secs_f64());
            for set in &batch {
                self.campaigns.forget(&set.changes);
            }
            for event in events {
                let _ = self.events.send(Arc::new(event)); // nobody listening is fine
            }
            // A client that learns of the end must not find the first form of the text in the log.
            self.scrub();
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
            self.scrub();
            if self.stopping.load(Ordering::Relaxed) && sets.is_empty() {
                break;
            }
        }
        if let Err(error) = self.connection.execute_batch("PRAGMA optimize; PRAGMA wal_checkpoint(TRUNCATE);") {
            log::debug!("database: checkpoint at the end: {error}");
        }
    }

    /// Overwrites what was deleted. With a reader in the way it is tried again every second.
    fn scrub(&mut self) {
        if self.put_off.is_some_and(|tried| tried.elapsed() < SCRUB_AGAIN) {
            return;
        }
        let patience_ms = if self.put_off.is_some() { 0 } else { super::SCRUB_PATIENCE_MS };
        // Only now, when there is something to overwrite, must long queries make way.
        let _quiet =
            super::rows::privacy::is_to_scrub(&self.connection).is_ok_and(|due| due).then(|| self.readers.quiet());
        match super::rows::privacy::scrub(&self.connection, patience_ms) {
            Ok(true) => {
                if self.put_off.take().is_some() {
                    log::info!("database: what was deleted is overwritten");
                }
            }
            Ok(false) => {
                if self.put_off.replace(Instant::now()).is_none() {
                    log::warn!(
                        "database {}: somebody reads what was deleted; it is overwritten as soon as they end (`fuser -v` names them)",
                        self.path.display()
                    );
                }
                let sets = self.sets.clone();
                let wake = move || {
                    std::thread::sleep(SCRUB_AGAIN);
                    if let Some(sets) = sets.upgrade() {
                        // A full queue wakes the writer itself.
                        let _ = sets.try_send(Set { changes: Vec::new(), done: None, task: None });
                    }
                };
                if let Err(error) = std::thread::Builder::new().name("scrub".into()).spawn(wake) {
                    log::debug!("database: {error}; what was deleted is overwritten with the next change");
                }
            }
            Err(error) => log::error!("database: overwrite what was deleted: {error}; {}", remedy(&error)),
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
                Err(error) if is_waited_for(&error) => return Err(error),
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
