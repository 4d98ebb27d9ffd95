//! Read-only connections, and the order in which queries are answered.
//!
//! There are three groups of connections, so that no client delays the daemon: for the daemon's own queries, for access checks, and for queries of
//! people. A query of the last group gets [`QUICK`] at first. One that takes longer starts again among the long ones: they run at the lowest
//! priority, one for each client at a time, and are given up after [`LONGEST`]. The client that used least time lately comes first.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::oneshot;

use super::connection::connect;
pub use super::error::LONGEST;
use super::error::StoreError;

/// Time after which a query counts as long.
pub const QUICK: Duration = Duration::from_millis(100);
/// The same for an asker that has used little lately: few of its questions have to begin again behind the long ones.
const QUICK_OF_A_MODEST_ASKER: Duration = Duration::from_millis(500);
/// Used milliseconds up to which an asker is modest.
const MODEST_MS: f64 = 250.0;
/// Questions of one asker that may wait; a further one is refused.
const WAITING: usize = 64;
/// Time in which the weight of a client's earlier use halves.
const HALF: Duration = Duration::from_secs(5);
/// SQLite's operations between two looks at the clock.
const OPERATIONS: i32 = 1000;

tokio::task_local! {
    static ASKER: Arc<str>;
}

/// Runs `work` so that all of its queries count for this client.
pub async fn asked_by<T>(asker: Arc<str>, work: impl Future<Output = T>) -> T {
    ASKER.scope(asker, work).await
}

/// The same for what does not wait, such as a look whether a stream has more.
pub fn asking<T>(asker: Arc<str>, work: impl FnOnce() -> T) -> T {
    ASKER.sync_scope(asker, work)
}

/// The group of connections for a query.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// The daemon itself: the conductor, who keeps, who notifies.
    Own,
    /// Access checks.
    Access,
    /// People and their programs.
    People,
}

/// A question that waits for its connection.
trait Question: Send {
    /// Whether it was answered; `false` when it was interrupted.
    fn answer(&mut self, db: &Connection) -> bool;
    /// Says why there is no answer.
    fn refuse(&mut self, error: StoreError);
}

struct ReadJob<T, Q> {
    query: Q,
    reply: Option<oneshot::Sender<Result<T, StoreError>>>,
}

impl<T: Send, Q: FnMut(&Connection) -> rusqlite::Result<T> + Send> Question for ReadJob<T, Q> {
    fn answer(&mut self, db: &Connection) -> bool {
        let answer = match (self.query)(db) {
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) => return false,
            answer => answer.map_err(StoreError::from),
        };
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(answer); // nobody waits for it any more
        }
        true
    }

    fn refuse(&mut self, error: StoreError) {
        if let Some(reply) = self.reply.take() {
            let _ = reply.send(Err(error));
        }
    }
}

struct Job {
    asker: Arc<str>,
    question: Box<dyn Question>,
    /// Whether the requester has gone.
    gone: Arc<AtomicBool>,
}

/// Sets the flag when the requester drops the query.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[derive(Default)]
struct Waiting {
    quick: Vec<Job>,
    long: Vec<Job>,
    /// Milliseconds of late, by asker.
    used: HashMap<Arc<str>, f64>,
    halved: Option<Instant>,
    /// Clients with a long query that runs.
    running: HashSet<Arc<str>>,
    over: bool,
}

impl Waiting {
    /// Time that a query of this client may take before it counts as long.
    fn quick_for(&self, asker: &str) -> Duration {
        let used_ms = self.used.get(asker).copied().unwrap_or_default();
        if used_ms <= MODEST_MS { QUICK_OF_A_MODEST_ASKER } else { QUICK }
    }

    /// The next job: that of the client with the least use among those that may begin.
    fn next(&mut self, long: bool) -> Option<Job> {
        for jobs in [&mut self.quick, &mut self.long] {
            jobs.retain(|job| !job.gone.load(Ordering::Relaxed));
        }
        let now = Instant::now();
        if now.saturating_duration_since(*self.halved.get_or_insert(now)) >= HALF {
            self.halved = Some(now);
            self.used.retain(|_, ms| {
                *ms /= 2.0;
                *ms > 1.0
            });
        }
        let jobs = if long { &self.long } else { &self.quick };
        let used = |job: &Job| self.used.get(&job.asker).copied().unwrap_or_default();
        let (place, _) = jobs
            .iter()
            .enumerate()
            .filter(|(_, job)| !long || !self.running.contains(&job.asker))
            .min_by(|(_, one), (_, other)| used(one).total_cmp(&used(other)))?;
        let job = if long { self.long.remove(place) } else { self.quick.remove(place) };
        if long {
            self.running.insert(Arc::clone(&job.asker));
        }
        Some(job)
    }
}

/// State that the threads of a group share.
struct Desk {
    waiting: Mutex<Waiting>,
    came: Condvar,
    /// Whether questions are bounded.
    bounded: bool,
    /// Number of tasks that empty the log; long queries begin again afterwards.
    quiet: AtomicUsize,
}

impl Desk {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a job; `None` when there will be none.
    fn take(&self, long: bool) -> Option<Job> {
        let mut waiting = self.waiting();
        loop {
            if waiting.over {
                return None;
            }
            let may = !long || self.quiet.load(Ordering::Relaxed) == 0;
            if let Some(job) = may.then(|| waiting.next(long)).flatten() {
                return Some(job);
            }
            waiting = self.came.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn serve(self: &Arc<Self>, db: &Connection, long: bool) {
        while let Some(mut job) = self.take(long) {
            let began = Instant::now();
            let patience = if long { LONGEST } else { self.waiting().quick_for(&job.asker) };
            let (gone, desk) = (Arc::clone(&job.gone), Arc::clone(self));
            let disturbed = Arc::new(AtomicBool::new(false));
            let disturb = Arc::clone(&disturbed);
            let enough = move || {
                let disturbs = long && desk.quiet.load(Ordering::Relaxed) > 0;
                if disturbs {
                    disturb.store(true, Ordering::Relaxed);
                }
                gone.load(Ordering::Relaxed) || disturbs || desk.bounded && began.elapsed() >= patience
            };
            let _ = db.progress_handler(OPERATIONS, Some(enough));
            let answered = job.question.answer(db);
            let _ = db.progress_handler(0, None::<fn() -> bool>);
            let took = began.elapsed();
            let mut waiting = self.waiting();
            *waiting.used.entry(Arc::clone(&job.asker)).or_default() += took.as_secs_f64() * 1000.0;
            if long {
                waiting.running.remove(&job.asker);
            }
            if !answered && !job.gone.load(Ordering::Relaxed) {
                if long && !disturbed.load(Ordering::Relaxed) {
                    job.question.refuse(StoreError::TooLong);
                } else {
                    waiting.long.push(job);
                }
            }
            drop(waiting);
            self.came.notify_all();
        }
    }
}

/// A room: its connections, each with its thread.
struct Pool {
    desk: Arc<Desk>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    fn open(path: &Path, name: &str, quick: usize, long: usize) -> Result<Self, StoreError> {
        let desk = Arc::new(Desk {
            waiting: Mutex::default(),
            came: Condvar::new(),
            bounded: long > 0,
            quiet: AtomicUsize::new(0),
        });
        let mut pool = Self { desk, threads: Vec::new() };
        for number in 0..quick + long {
            let db = connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
            let (desk, is_long) = (Arc::clone(&pool.desk), number >= quick);
            let serve = move || {
                if is_long {
                    crate::priority::background();
                }
                desk.serve(&db, is_long);
            };
            let thread = std::thread::Builder::new().name(name.into()).spawn(serve).map_err(StoreError::Thread)?;
            pool.threads.push(thread);
        }
        Ok(pool)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.desk.waiting().over = true;
        self.desk.came.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// All rooms.
pub(super) struct Readers {
    own: Pool,
    access: Pool,
    people: Pool,
}

impl Readers {
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            own: Pool::open(path, "reads", 2, 0)?,
            access: Pool::open(path, "access", 1, 0)?,
            people: Pool::open(path, "answers", 2, 2)?,
        })
    }

    /// Runs a query in a group; with `long` it goes to the long ones at once. The query may be run again from its beginning.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        room: Room,
        long: bool,
        query: impl FnMut(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let desk = match room {
            Room::Own => &self.own.desk,
            Room::Access => &self.access.desk,
            Room::People => &self.people.desk,
        };
        let asker = ASKER.try_with(Arc::clone).unwrap_or_else(|_| Arc::from(""));
        let (reply, answer) = oneshot::channel();
        let gone = Gone(Arc::default());
        {
            let mut waiting = desk.waiting();
            let mine = waiting.quick.iter().chain(&waiting.long).filter(|job| job.asker == asker).count();
            if desk.bounded && mine >= WAITING {
                return Err(StoreError::Crowded);
            }
            let question = Box::new(ReadJob { query, reply: Some(reply) });
            let job = Job { asker, question, gone: Arc::clone(&gone.0) };
            if long && desk.bounded { waiting.long.push(job) } else { waiting.quick.push(job) }
        }
        desk.came.notify_all();
        answer.await.map_err(|_| StoreError::Closed)?
    }

    /// Keeps long queries from running until it is dropped, so that the log can be emptied. They begin again afterwards.
    pub(super) fn quiet(&self) -> Quiet {
        let desk = Arc::clone(&self.people.desk);
        desk.quiet.fetch_add(1, Ordering::Relaxed);
        Quiet(desk)
    }
}

/// While it lives no long query runs.
pub(super) struct Quiet(Arc<Desk>);

impl Drop for Quiet {
    fn drop(&mut self) {
        // Under the lock, because a thread that has just looked is already waiting and is woken.
        let waiting = self.0.waiting();
        self.0.quiet.fetch_sub(1, Ordering::Relaxed);
        drop(waiting);
        self.0.came.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    // It reads a table, so that it stands in the way of who empties the log.
    const ENDLESS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)
        SELECT count(*)
        FROM sqlite_master AS s
        CROSS JOIN n
        WHERE i < 0";

    fn endless(db: &Connection) -> rusqlite::Result<i64> {
        db.query_row(ENDLESS, [], |row| row.get(0))
    }

    fn short(db: &Connection) -> rusqlite::Result<i64> {
        db.query_row("SELECT count(*) FROM call", [], |row| row.get(0))
    }

    fn opened() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        (folder, store)
    }

    #[tokio::test]
    async fn thirty_questions_that_never_end_hold_up_nobody_and_are_given_up() {
        let (_folder, store) = opened();
        let people = store.for_people();
        let greedy: Vec<_> = (0..30)
            .map(|_| {
                let people = people.clone();
                tokio::spawn(asked_by(Arc::from("greedy"), async move { people.read(endless).await }))
            })
            .collect();
        // All of them wait or run.
        while people.readers.people.desk.waiting().used.is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let mut waits = Vec::new();
        for store in [store.clone(), store.for_access(), people.clone()] {
            let began = Instant::now();
            asked_by(Arc::from("other"), store.read(short)).await.expect("answered");
            waits.push(began.elapsed());
            assert!(!greedy.iter().any(tokio::task::JoinHandle::is_finished), "it did not wait for the others to end");
        }
        let mut greedy = greedy.into_iter();
        // Whoever runs first of them; the rest goes away and is not gone on with.
        let first = futures_util::future::select_all(greedy.by_ref()).await;
        assert!(matches!(first.0.expect("ended"), Err(StoreError::TooLong)));
        for task in first.2 {
            task.abort();
        }
        let began = Instant::now();
        asked_by(Arc::from("third"), people.read(endless)).await.expect_err("given up");
        // Those that went away would take 28 times as long.
        assert!(began.elapsed() < 10 * LONGEST, "nobody is left before it: {:?}", began.elapsed());
        println!(
            "mended | 35 | 30 searches of one read token: the conductor, access checks and all others waited up to 160 s | 30 questions that never end: the \
             conductor waited {:?}, access checks {:?}, another token {:?}; each is given up after {LONGEST:?}, one of a token runs at a time",
            waits[0], waits[1], waits[2]
        );
    }

    #[tokio::test]
    async fn one_asker_may_not_fill_the_queue() {
        let (_folder, store) = opened();
        let people = store.for_people();
        let greedy: Vec<_> = (0..2 * WAITING)
            .map(|_| {
                let people = people.clone();
                tokio::spawn(asked_by(Arc::from("greedy"), async move { people.read(endless).await }))
            })
            .collect();
        let (first, _, rest) = futures_util::future::select_all(greedy).await;
        assert!(matches!(first.expect("ended"), Err(StoreError::Crowded)));
        rest.iter().for_each(tokio::task::JoinHandle::abort);
        asked_by(Arc::from("other"), people.read(short)).await.expect("another one is let in");
    }

    #[tokio::test]
    async fn who_empties_the_log_waits_for_no_long_question_and_that_is_answered_all_the_same() {
        let (_folder, store) = opened();
        let people = store.for_people();
        // Without an end as a quick one and as a long one; begun again after that it has one.
        let mut begun = 0;
        let long = move |db: &Connection| {
            begun += 1;
            if begun < 3 { endless(db) } else { Ok(begun) }
        };
        let asked = tokio::spawn(asked_by(Arc::from("one"), async move { people.read(long).await }));
        while store.readers.people.desk.waiting().running.is_empty() && !asked.is_finished() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        tokio::time::sleep(QUICK).await; // for it to have begun to read
        let due = |db: &mut Connection| db.execute_batch("INSERT INTO scrub VALUES (1, 0)");
        store.writer().run(due).await.expect("asked for");
        assert!(store.overwritten(LONGEST).await.expect("asked"), "nobody is in the way");
        assert_eq!(asked.await.expect("ended").expect("answered"), 3);
    }
}
