//! Recordings on other servers: fetched by sftp, each becomes its call's recording once.
//!
//! One task leads the servers; what is to be done lies in rows, and a restart goes on with it. A server that is away is left for a while and then
//! tried with one file; a file that is not there is tried again a few times. Nothing on the other server is ever changed, and no name of its files
//! becomes a name here.

mod job;
mod keeper;
pub mod settings;
mod sftp;
mod words;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::job::{Job, JobEnd, uniqueid_time, values};
pub use self::keeper::{Discard, Keeper, NotTaken, TakeWhole, WholeRecording};
use self::settings::RemoteSettings;
use self::words::FetchProblem;
use crate::call::WallTime;
use crate::contract::fetch::{FetchRefusal, FetchState, FetchTaken, RemoteServer};
use crate::pipeline::fetches::{FetchCommand, FetchError, FetchWish};
use crate::store::change::Change;
use crate::store::fetches::{FetchChange, FetchRow};
use crate::store::{Store, StoreError};

/// How often it is looked for what is due.
const LOOK: Duration = Duration::from_millis(500);
/// A file is given up after so many tries.
const TRIES: u32 = 8;
/// The longest pause before another try of a file.
const LONGEST_PAUSE: Duration = Duration::from_hours(1);
/// The same of a server.
const LONGEST_ABSENCE: Duration = Duration::from_mins(10);
/// What was given up is shown for so long.
const GIVEN_UP_KEPT: Duration = Duration::from_hours(30 * 24);

/// Tells the exporter what is counted here.
pub fn describe_metrics() {
    metrics::describe_counter!("lineside_fetches_total", "Tries to fetch a recording from another server, by outcome");
    metrics::describe_gauge!("lineside_fetch_queue", "Recordings that are to be fetched from another server");
}

struct Server {
    settings: Arc<RemoteSettings>,
    /// Rows that are being worked on.
    running: HashSet<i64>,
    /// Times in a row that it could not be reached.
    failures: u32,
    problem: Option<String>,
    /// It is left alone until then.
    until: WallTime,
    open: u64,
}

/// The servers.
pub struct Remotes {
    servers: Vec<Server>,
    store: Store,
    keeper: Keeper,
    now: fn() -> WallTime,
    /// One recording is taken at a time: whether its call has sound already is then known.
    taking: Arc<Mutex<()>>,
    jobs: JoinSet<JobEnd>,
    stop: CancellationToken,
}

impl Remotes {
    /// The servers of the configuration; nothing is fetched yet.
    pub fn new(servers: Vec<RemoteSettings>, store: Store, keeper: Keeper, now: fn() -> WallTime) -> Self {
        let server = |settings: RemoteSettings| Server {
            settings: Arc::new(settings),
            running: HashSet::new(),
            failures: 0,
            problem: None,
            until: WallTime(0),
            open: 0,
        };
        let servers = servers.into_iter().map(server).collect();
        let (taking, jobs, stop) = (Arc::default(), JoinSet::new(), CancellationToken::new());
        Self { servers, store, keeper, now, taking, jobs, stop }
    }

    /// Fetches until stopped. What is on its way then goes on at the next start, also a recording that is being taken.
    pub async fn run(mut self, mut commands: mpsc::Receiver<FetchCommand>, stop: CancellationToken) {
        self.stop = stop.clone();
        // What a former run has taken has to be there, or it is taken twice.
        tokio::select! {
            _ = self.store.writer().commit(Vec::new()) => {}
            () = stop.cancelled() => return,
        }
        if let Err(error) = self.sweep().await {
            log::error!("remote: {error}");
        }
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut clean = tokio::time::interval(Duration::from_hours(1));
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(command) = commands.recv() => self.answer(command).await,
                Some(ended) = self.jobs.join_next(), if !self.jobs.is_empty() => match ended {
                    Ok(end) => self.ended(end).await,
                    Err(error) => log::error!("remote: a fetch has failed inside: {error}"),
                },
                _ = look.tick() => self.look().await,
                _ = clean.tick() => {
                    let before = WallTime((self.now)().0 - GIVEN_UP_KEPT.as_millis() as i64);
                    self.push(FetchChange::Clean { before }).await;
                }
            }
        }
        let taking = Arc::clone(&self.taking);
        let _taken = taking.lock().await;
        self.jobs.abort_all();
    }

    /// Does away with files whose row is gone: their call was deleted, or they were taken before a crash.
    async fn sweep(&self) -> Result<(), StoreError> {
        let open: HashSet<String> =
            self.store.open_fetch_ids().await?.into_iter().map(|id| format!("{id}.part")).collect();
        for entry in std::fs::read_dir(&self.keeper.folder).into_iter().flatten().flatten() {
            if !open.contains(&*entry.file_name().to_string_lossy()) {
                let (discard, path) = (Arc::clone(&self.keeper.discard), entry.path());
                let _ = tokio::task::spawn_blocking(move || discard(&path)).await; // lineside is stopping: the next start sweeps
            }
        }
        Ok(())
    }

    async fn push(&self, change: FetchChange) {
        if let Err(error) = self.store.writer().commit(vec![Change::Fetch(change)]).await {
            log::error!("database: the queue of recordings to fetch is not kept: {error}");
        }
    }

    /// Begins what is due.
    async fn look(&mut self) {
        for place in 0..self.servers.len() {
            if let Err(error) = self.begin(place).await {
                log::error!("remote: {error}");
            }
        }
    }

    async fn begin(&mut self, place: usize) -> Result<(), StoreError> {
        let now = (self.now)();
        let name = self.servers[place].settings.name.clone();
        let open = self.store.open_fetches(name.clone()).await?;
        metrics::gauge!("lineside_fetch_queue", "remote" => name.clone()).set(open as f64);
        let server = &mut self.servers[place];
        server.open = open;
        // After a failure one file says whether the server is there again.
        let most = if server.failures > 0 { 1 } else { server.settings.at_a_time };
        if open == 0 || server.until > now || server.running.len() >= most {
            return Ok(());
        }
        let due = self.store.due_fetches(name, now, (most + server.running.len()) as u32).await?;
        for row in due {
            let server = &mut self.servers[place];
            if server.running.len() >= most || !server.running.insert(row.id) {
                continue;
            }
            let job = Job {
                place,
                remote: Arc::clone(&server.settings),
                store: self.store.clone(),
                keeper: self.keeper.clone(),
                taking: Arc::clone(&self.taking),
                row,
                stop: self.stop.clone(),
            };
            self.jobs.spawn(job.run());
        }
        Ok(())
    }

    /// Notes what became of a recording.
    async fn ended(&mut self, end: JobEnd) {
        let JobEnd { place, row, outcome } = end;
        let now = (self.now)();
        let server = &mut self.servers[place];
        server.running.remove(&row.id);
        let settings = Arc::clone(&server.settings);
        let problem = match outcome {
            Ok(state) => {
                server.is_there();
                count(&settings, state.as_str());
                return self.push(FetchChange::Over { id: row.id, state, error: None, at: now }).await;
            }
            Err(problem) => problem,
        };
        let error = problem.told(&settings, &row.path);
        if problem == FetchProblem::Running {
            self.servers[place].is_there();
            count(&settings, "running");
            let next = later(now, settings.retry, 0, LONGEST_PAUSE);
            return self.push(FetchChange::Again { id: row.id, next, tries: row.tries, error }).await;
        }
        if problem.is_servers() {
            count(&settings, "server");
            let next = self.servers[place].is_away(&problem, error.clone(), now);
            return self.push(FetchChange::Again { id: row.id, next, tries: row.tries, error }).await;
        }
        self.servers[place].is_there();
        let tries = row.tries + 1;
        let change = if problem.is_final() || tries >= TRIES {
            count(&settings, "given_up");
            log::warn!(
                "call {}: {error}; it was given up after {tries} tries. `lineside fetch {}` begins anew",
                row.call_id,
                row.call_id
            );
            FetchChange::Over { id: row.id, state: FetchState::GivenUp, error: Some(error), at: now }
        } else {
            count(&settings, "again");
            let next = later(now, settings.retry, row.tries, LONGEST_PAUSE);
            FetchChange::Again { id: row.id, next, tries, error }
        };
        self.push(change).await;
    }

    async fn answer(&mut self, command: FetchCommand) {
        match command {
            FetchCommand::Start { wish, reply } => {
                let _ = reply.send(self.wanted(wish).await); // who asked may have gone
            }
            FetchCommand::List { reply } => {
                let _ = reply.send(self.servers.iter().map(Server::shown).collect());
            }
        }
    }

    /// Puts recordings into the queue.
    async fn wanted(&self, wish: FetchWish) -> Result<FetchTaken, FetchError> {
        let settings = self.chosen(wish.remote.as_deref())?;
        let (mut wanted, mut refused, mut changes) = (Vec::new(), Vec::new(), Vec::new());
        for call in wish.calls {
            let known = self.store.call(call.as_str()).await?;
            let dialer = match &known {
                Some(row) => self.store.told_by_dialer(row.key).await?,
                None => None,
            };
            let at = wish.at.or(known.as_ref().map(|row| row.started)).or_else(|| uniqueid_time(call.as_str()));
            let zoned = at.and_then(|at| jiff::Timestamp::from_millisecond(at.0).ok());
            let zoned = zoned.map(|at| at.to_zoned(settings.zone.clone()));
            let value = |field| values(field, &call, known.as_ref(), dialer.as_ref(), wish.told.as_ref());
            match settings.path.expand(value, zoned.as_ref()) {
                Err(gap) => refused.push(FetchRefusal { call_id: call.to_string(), detail: gap.to_string() }),
                Ok(path) => {
                    wanted.push(call.to_string());
                    let (remote, asked) = (settings.name.clone(), (self.now)());
                    changes.push(Change::Fetch(FetchChange::Wanted { remote, call, path, at, asked }));
                }
            }
        }
        self.store.writer().commit(changes).await?;
        let mut fetches = Vec::new();
        for call in wanted {
            fetches.extend(self.store.fetch_of(settings.name.clone(), call).await?.map(FetchRow::shown));
        }
        Ok(FetchTaken { fetches, refused })
    }

    fn chosen(&self, name: Option<&str>) -> Result<&RemoteSettings, FetchError> {
        let names = || self.servers.iter().map(|server| server.settings.name.as_str()).collect::<Vec<_>>().join(", ");
        match (name, self.servers.as_slice()) {
            (_, []) => Err(FetchError::Off),
            (None, [one]) => Ok(&one.settings),
            (None, _) => Err(FetchError::Which(names())),
            (Some(name), all) => all
                .iter()
                .find(|server| server.settings.name == name)
                .map(|server| &*server.settings)
                .ok_or_else(|| FetchError::Unknown(name.into(), names())),
        }
    }
}

impl Server {
    fn is_there(&mut self) {
        if self.problem.take().is_some() {
            log::info!("remote {}: {} answers again", self.settings.name, self.settings.host);
        }
        (self.failures, self.until) = (0, WallTime(0));
    }

    /// Leaves it for a while; said once for each kind of problem.
    fn is_away(&mut self, problem: &FetchProblem, told: String, now: WallTime) -> WallTime {
        if self.problem.as_ref() != Some(&told) {
            match problem {
                FetchProblem::Away(_) => log::warn!("remote {told}"),
                _ => log::error!("remote {told}"),
            }
            self.problem = Some(told);
        }
        self.until = later(now, self.settings.retry, self.failures, LONGEST_ABSENCE);
        self.failures = self.failures.saturating_add(1);
        self.until
    }

    fn shown(&self) -> RemoteServer {
        RemoteServer {
            name: self.settings.name.clone(),
            address: format!("{}:{}", self.settings.host, self.settings.port),
            open: self.open,
            running: self.running.len(),
            problem: self.problem.clone(),
            next_try: self.problem.as_ref().map(|_| self.until.rfc3339()),
        }
    }
}

fn count(remote: &RemoteSettings, outcome: &'static str) {
    metrics::counter!("lineside_fetches_total", "remote" => remote.name.clone(), "outcome" => outcome).increment(1);
}

/// When to try again: each pause is twice the one before.
fn later(now: WallTime, first: Duration, before: u32, longest: Duration) -> WallTime {
    let pause = first.saturating_mul(1 << before.min(16)).min(longest);
    WallTime(now.0 + pause.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let pause = |before| later(WallTime(0), Duration::from_secs(30), before, LONGEST_PAUSE).0 / 1000;
        assert_eq!([0, 1, 2, 6, 7, 60].map(pause), [30, 60, 120, 1920, 3600, 3600]);
    }
}
