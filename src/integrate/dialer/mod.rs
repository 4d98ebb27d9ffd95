//! The dialer's own database: whose calls are heard, and what became of them. It is read and never written to.
//!
//! One task asks by one connection; no sound and no text waits for it. Names go to the conductor by the command that names calls, all else to a row of
//! its own beside the call. A call is asked about while it runs, and after it until nothing more is expected; what could not be asked while the
//! database was away is asked when it is there again, also after a restart.

mod answer;
pub mod astguiclient;
mod connection;
mod coverage;
mod fields;
mod freepbx;
mod names;
mod numbered;
mod queue_log;
pub mod settings;
mod status;
mod vicidial;
mod waiting;

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::answer::{Answer, is_one_with, lacks_uniqueid, new_names, row};
use self::connection::{Connection, DialerError, Query};
pub use self::coverage::DayReader;
use self::settings::DialerSettings;
pub use self::status::{DialerStatus, describe_metrics};
use self::vicidial::elsewhere::Elsewhere;
pub use self::vicidial::elsewhere::RecordingHost;
use self::vicidial::{LiveAgent, Vicidial};
use self::waiting::WaitingCalls;
use crate::call::{CallKey, CallState, WallTime};
use crate::contract::dialer::DialerKind;
use crate::pipeline::command::Command;
use crate::pipeline::coverage::DialerDays;
use crate::pipeline::fetches::Fetches;
use crate::store::change::Change;
use crate::store::dialer::DialedCall;
use crate::store::{Store, StoreError};

/// The first pause before another login; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// What cannot be asked is looked at again after so long.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
/// A connection that is not needed is looked after.
const QUIET: Duration = Duration::from_secs(20);
/// Looks at running calls for one look at recordings of other servers.
const LOOKS_ELSEWHERE: u32 = 15;
/// While no call is heard it is looked so often who is logged in.
const NOBODY_TALKS: Duration = Duration::from_secs(5);
/// Of one round, the time for calls that are due: those that run come first.
const BUDGET: Duration = Duration::from_millis(500);

/// Why a round ended early.
#[derive(Debug, thiserror::Error)]
enum RoundError {
    #[error(transparent)]
    Dialer(#[from] DialerError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("lineside is stopping")]
    Stopping,
}

/// Who knows the tables.
enum System {
    Vicidial(Box<Vicidial>),
    /// With Asterisk's log of its queues.
    Freepbx(Option<PathBuf>),
}

impl System {
    fn new(settings: &DialerSettings) -> Self {
        match settings.kind {
            DialerKind::Vicidial => Self::Vicidial(Box::new(Vicidial::new(settings.server_ip.clone()))),
            DialerKind::Freepbx => Self::Freepbx(settings.queue_log.clone()),
        }
    }

    fn queries(&self) -> &'static [&'static Query] {
        match self {
            Self::Vicidial(_) => &vicidial::QUERIES,
            Self::Freepbx(_) => &freepbx::QUERIES,
        }
    }

    async fn ask(
        &mut self,
        connection: &mut Connection,
        call: &DialedCall,
        live: Option<&LiveAgent>,
    ) -> Result<Answer, DialerError> {
        match self {
            Self::Vicidial(vicidial) => vicidial.ask(connection, call, live).await,
            Self::Freepbx(queue_log) => freepbx::ask(connection, call, queue_log.as_deref()).await,
        }
    }
}

/// The client.
pub struct Dialer {
    settings: DialerSettings,
    store: Store,
    commands: mpsc::Sender<Command>,
    status: DialerStatus,
    now: fn() -> WallTime,
    system: System,
    waiting: WaitingCalls,
    /// When it was looked who is logged in.
    looked_at_agents: Option<Instant>,
    /// Agents of running calls, as they were when the call was last asked about.
    live: HashMap<CallKey, LiveAgent>,
    /// Names that the conductor was told are likely to be said on running calls.
    said: HashMap<CallKey, Vec<String>>,
    /// Recordings that other servers hold; without one it is not looked for them.
    elsewhere: Option<Elsewhere>,
}

impl Dialer {
    /// A client that has not begun.
    pub fn new(settings: DialerSettings, store: Store, commands: mpsc::Sender<Command>, now: fn() -> WallTime) -> Self {
        let status = DialerStatus::new(settings.kind, settings.address(), now());
        let system = System::new(&settings);
        let (live, said) = (HashMap::new(), HashMap::new());
        let waiting = WaitingCalls::default();
        let (looked_at_agents, elsewhere) = (None, None);
        Self { settings, store, commands, status, now, system, waiting, looked_at_agents, live, said, elsewhere }
    }

    /// Has recordings fetched that ViciDial names on these hosts.
    pub fn fetch_from(&mut self, hosts: Vec<RecordingHost>, fetches: Fetches) {
        let is_vicidial = self.settings.kind == DialerKind::Vicidial;
        let every = self.settings.poll * LOOKS_ELSEWHERE;
        self.elsewhere = (is_vicidial && !hosts.is_empty()).then(|| Elsewhere::new(hosts, fetches, every));
    }

    /// Who reads whole days of the same database, and how it is asked; `folders` hold the recordings.
    pub fn days(&self, folders: Vec<PathBuf>) -> (DayReader, DialerDays) {
        DayReader::new(self.settings.clone(), folders)
    }

    /// How it is, now and later.
    pub fn status(&self) -> DialerStatus {
        self.status.clone()
    }

    /// Asks until stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let asking = async {
            let mut pause = FIRST_PAUSE;
            loop {
                match Connection::open(&self.settings, self.system.queries()).await {
                    Ok(mut connection) => {
                        pause = FIRST_PAUSE;
                        let ended = self.session(&mut connection).await;
                        connection.close().await;
                        self.status.away(ended.to_string(), (self.now)());
                    }
                    Err(error) => self.status.away(error.to_string(), (self.now)()),
                }
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        tokio::select! {
            () = asking => {}
            () = stop.cancelled() => {}
        }
    }

    /// One connection, to its end.
    async fn session(&mut self, connection: &mut Connection) -> RoundError {
        let rights = match connection.rights().await {
            Ok(rights) => rights,
            Err(error) => return error.into(),
        };
        self.live.clear();
        self.status.here(rights, self.system.queries(), connection.refused(), (self.now)());
        let mut looked = Instant::now();
        let mut rounds = tokio::time::interval(self.settings.poll);
        rounds.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            rounds.tick().await;
            let round = async {
                self.round(connection).await?;
                if let Some(elsewhere) = &mut self.elsewhere {
                    elsewhere.look(connection, &self.store, (self.now)()).await?;
                }
                if !connection.refused().is_empty() && looked.elapsed() >= LOOK_AGAIN {
                    looked = Instant::now();
                    connection.look_again(self.system.queries()).await?;
                }
                connection.look_after(QUIET).await?;
                Ok::<(), RoundError>(())
            };
            match round.await {
                // The call is still due; our own database tells by itself what is wrong with it.
                Ok(()) | Err(RoundError::Store(_)) => {}
                Err(error) => return error,
            }
            self.status.goes_on(self.system.queries(), connection.refused(), self.waiting.len());
        }
    }

    /// One look at everything.
    async fn round(&mut self, connection: &mut Connection) -> Result<(), RoundError> {
        let now = (self.now)();
        let since = WallTime(now.0 - self.settings.oldest.as_millis() as i64);
        self.waiting.fill(&self.store, since).await?;
        let open = self.store.open_dialed_calls(since).await?;
        self.waiting.running(open.iter().map(|call| call.key), now);
        self.live.retain(|key, _| open.iter().any(|call| call.key == *key));
        self.said.retain(|key, _| open.iter().any(|call| call.key == *key));
        self.look_at_agents(connection, &open).await?;
        let began = Instant::now();
        while let Some(key) = self.waiting.next((self.now)()) {
            match self.store.dialed_call(key).await? {
                None => self.waiting.forget(key),
                Some(call) if call.started < since => self.waiting.forget(key),
                Some(call) => self.ask_about(connection, &call).await?,
            }
            if began.elapsed() >= BUDGET {
                break;
            }
        }
        Ok(())
    }

    /// Asks about running calls whose agent is another than before.
    async fn look_at_agents(&mut self, connection: &mut Connection, open: &[DialedCall]) -> Result<(), RoundError> {
        let System::Vicidial(vicidial) = &mut self.system else { return Ok(()) };
        if open.is_empty() && self.looked_at_agents.is_some_and(|looked| looked.elapsed() < NOBODY_TALKS) {
            return Ok(());
        }
        self.looked_at_agents = Some(Instant::now());
        vicidial.look(connection).await?;
        self.status.set_agents(vicidial.logged_in().to_vec());
        for (call, agent) in vicidial.on(open) {
            if self.live.get(&call.key) != Some(&agent) {
                self.live.insert(call.key, agent);
                self.ask_about(connection, call).await?;
            }
        }
        Ok(())
    }

    /// Tells the conductor of names that are likely to be said, where they are others than before.
    async fn tell_said(&mut self, key: CallKey, names: Vec<String>) -> Result<(), RoundError> {
        if names.is_empty() || self.said.get(&key) == Some(&names) {
            return Ok(());
        }
        self.said.insert(key, names.clone());
        self.commands.send(Command::Expect { call: key, names }).await.map_err(|_| RoundError::Stopping)
    }

    /// The uniqueid that a recording's call is to get: what else is heard of that channel is then one call with it.
    async fn uniqueid_to_tell(&self, call: &DialedCall, answer: &Answer) -> Result<Option<String>, RoundError> {
        let Some(uniqueid) = answer.uniqueid.clone().filter(|_| lacks_uniqueid(call)) else { return Ok(None) };
        let Some(other) = self.store.call(&uniqueid).await?.filter(|other| other.key != call.key) else {
            return Ok(Some(uniqueid));
        };
        let Some(other) = self.store.dialed_call(other.key).await? else { return Ok(None) };
        Ok(is_one_with(&other, answer.facts.agent.as_deref()).then_some(uniqueid))
    }

    async fn ask_about(&mut self, connection: &mut Connection, call: &DialedCall) -> Result<(), RoundError> {
        let live = self.live.get(&call.key).cloned();
        let mut answer = self.system.ask(connection, call, live.as_ref()).await?;
        let is_known = answer.is_known;
        self.tell_said(call.key, std::mem::take(&mut answer.said)).await?;
        let uniqueid = self.uniqueid_to_tell(call, &answer).await?;
        let mut row = row(call, answer, (self.now)());
        let names = if is_known { new_names(call, &row.facts, uniqueid) } else { None };
        let is_new = call.told.as_ref().is_none_or(|told| {
            let (mut facts, told) = (row.facts.clone(), &told.facts);
            facts.asked.clone_from(&told.asked);
            facts != *told
        });
        if let Some(names) = names {
            let (reply, done) = oneshot::channel();
            let command = Command::Name { call: call.call_id.clone(), names, reply };
            self.commands.send(command).await.map_err(|_| RoundError::Stopping)?;
            let reply = done.await; // an error where the conductor stops
            metrics::counter!("lineside_dialer_named_total").increment(1);
            if let Ok(named) = reply
                && let Some(call) = self.store.call(&named.call_id).await?
            {
                // It may have become one with a call that had the uniqueid.
                self.waiting.forget(row.call);
                row.call = call.key;
            }
        }
        self.waiting.put(row.call, row.due);
        // Nothing is written each second for a running call that nobody knows. The row follows the names, because a crash after the row would lose
        // them.
        if call.state != CallState::Active || is_known && is_new {
            self.store.writer().push(vec![Change::Dialer(Box::new(row))]).await?;
        }
        Ok(())
    }
}
