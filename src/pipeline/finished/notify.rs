//! The notifiers' threads: each fills its own queue from the alerts, sends what is due, and records the result.
//!
//! There is one thread per notifier, so that a server that hangs delays no other. The queue is rows, so a restart continues it.

use std::collections::VecDeque;
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

pub use crate::alerts::notify::Probed;
use crate::alerts::notify::{Notification, Notifier, SendOutcome, ServiceKind, TRIES, pause};
use crate::call::alert::Unsaid;
use crate::call::{Alert, Level, WallTime};
use crate::store::change::Change;
use crate::store::notifications::{Tried, Waiting};
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::redaction::Redactor;

/// Interval of the search for new alerts: a person does not notice half a second.
const LOOK: Duration = Duration::from_millis(500);
/// Read from the queue at a time.
const AT_ONCE: u32 = 20;

/// Starts a thread for each notifier; they end soon after `stop`. Nobody waits for them, because one may be waiting for another server; its queue
/// continues at the next start.
pub fn start(
    notifiers: &[Notifier],
    store: &Store,
    analyser: &Arc<RwLock<Arc<TextAnalyser>>>,
    now: fn() -> WallTime,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    for notifier in notifiers {
        let way = Way {
            notifier: notifier.clone(),
            store: store.clone(),
            analyser: Arc::clone(analyser),
            runtime: Handle::current(),
            now,
            stop: stop.clone(),
            sent: VecDeque::new(),
            filled_to: -1,
        };
        std::thread::Builder::new().name("notify".into()).spawn(move || way.run())?;
    }
    Ok(())
}

/// The notifiers of the configuration, to be tried, and the agents' notification service among them, to be asked how it is.
#[derive(Clone)]
pub struct Agents(Arc<[Notifier]>);

/// The result of a test.
#[derive(Clone, Debug)]
pub struct Sent {
    /// The notifier's name.
    pub name: String,
    /// Status of the answer.
    pub status: Option<u16>,
    /// Reason why it was not sent.
    pub problem: Option<String>,
}

/// Sends a test past a notifier's queue, from where this process may send. Blocks.
pub fn try_one(notifier: &Notifier, call_id: &str, now: WallTime) -> Sent {
    let message = Notification::test(call_id, &now.rfc3339());
    let (outcome, status) = notifier.send_told(&message, now.0 / 1000);
    let problem = match outcome {
        SendOutcome::Sent => None,
        SendOutcome::Later(problem, _) | SendOutcome::Never(problem) => Some(problem),
    };
    Sent { name: notifier.name.clone(), status, problem }
}

impl Agents {
    /// The tests of the configured notifiers.
    pub fn of(notifiers: &[Notifier]) -> Self {
        Self(notifiers.into())
    }

    /// The first notifier of the agents' service, where there is one.
    fn service(&self) -> Option<Notifier> {
        self.0.iter().find(|notifier| notifier.kind == ServiceKind::AgentService).cloned()
    }

    /// Names of all notifiers.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|notifier| notifier.name.clone()).collect()
    }

    /// Whether it is there and takes our key; `None` without one.
    pub async fn probe(&self) -> Option<(String, Probed)> {
        let notifier = self.service()?;
        let name = notifier.name.clone();
        Some((name, tokio::task::spawn_blocking(move || notifier.probe()).await.ok()?))
    }

    /// Sends it a test past its queue; `None` without one.
    pub async fn test(&self, call_id: &str, now: WallTime) -> Option<Sent> {
        let (notifier, call_id) = (self.service()?, call_id.to_owned());
        tokio::task::spawn_blocking(move || try_one(&notifier, &call_id, now)).await.ok()
    }

    /// Sends a message that belongs to no call by every notifier that takes warnings, except the agents' service, which shows alerts of calls alone.
    /// Returns at once: each delivery waits for the end of its quiet hours and is retried like an alert. `number` is below 0, which tells its
    /// deliveries from those of alerts.
    pub fn announce(&self, number: i64, subject: &str, json: &serde_json::Value, now: fn() -> WallTime) {
        let takes = |notifier: &&Notifier| notifier.min_level <= Level::Warning;
        let chosen = self.0.iter().filter(|notifier| notifier.kind != ServiceKind::AgentService).filter(takes);
        for notifier in chosen.cloned() {
            let message = Notification { alert: number, subject: subject.into(), ..Notification::new(json.clone()) };
            tokio::spawn(announce(notifier, message, now));
        }
    }

    /// Sends a test by every notifier, or by one; none when no notifier has that name.
    pub async fn try_all(&self, name: Option<&str>, now: WallTime) -> Vec<Sent> {
        let chosen = self.0.iter().filter(|notifier| name.is_none_or(|name| name == notifier.name));
        let tries: Vec<_> = chosen
            .cloned()
            .map(|notifier| tokio::task::spawn_blocking(move || try_one(&notifier, "test", now)))
            .collect();
        let mut sent = Vec::new();
        for tried in tries {
            sent.extend(tried.await.ok());
        }
        sent
    }
}

async fn announce(notifier: Notifier, message: Notification, now: fn() -> WallTime) {
    let name = notifier.name.clone();
    for tried in 0..TRIES {
        while is_quiet(&notifier, now()) {
            tokio::time::sleep(Duration::from_mins(1)).await;
        }
        let (way, copy) = (notifier.clone(), message.clone());
        let sent = tokio::task::spawn_blocking(move || way.send(&copy, now().0 / 1000)).await;
        let (problem, after) = match sent {
            Ok(SendOutcome::Sent) | Err(_) => return, // the runtime is stopping
            Ok(SendOutcome::Never(problem)) => {
                log::warn!("notifier {name}: {:?} was given up: {problem}", message.subject);
                return;
            }
            Ok(SendOutcome::Later(problem, after)) => (problem, after),
        };
        log::debug!("notifier {name}: {problem}; it is tried again");
        tokio::time::sleep(pause(tried).max(after.unwrap_or_default())).await;
    }
    log::warn!("notifier {name}: {:?} was given up after {TRIES} tries", message.subject);
}

/// Whether this is one of the notifier's quiet hours.
fn is_quiet(notifier: &Notifier, now: WallTime) -> bool {
    let Some(quiet) = notifier.quiet else { return false };
    let Ok(now) = jiff::Timestamp::from_millisecond(now.0) else { return false };
    let local = now.to_zoned(jiff::tz::TimeZone::system());
    quiet.holds(local.hour() as u32 * 60 + local.minute() as u32)
}

/// An alert as it may leave the box: without numbers. What has left cannot be corrected when the rest of a number is said, so none is sent; that
/// goes for a rule's own words too.
fn without_numbers(mut alert: Alert, redactor: &Redactor) -> Alert {
    alert.text = redactor.cautious(&alert.text);
    let terms = alert.words().into_iter().filter(|word| redactor.cautious(word) != **word).map(str::to_owned).collect();
    let unsaid = Unsaid { terms, instead: "[number]".into() };
    for rule in &mut alert.rules {
        unsaid.of(&mut rule.reason, &mut rule.words);
    }
    alert
}

struct Way {
    notifier: Notifier,
    store: Store,
    analyser: Arc<RwLock<Arc<TextAnalyser>>>,
    runtime: Handle,
    now: fn() -> WallTime,
    stop: CancellationToken,
    /// Times of the messages of the last minute.
    sent: VecDeque<Instant>,
    /// Alerts up to this one are in the queue; -1 before the first look.
    filled_to: i64,
}

impl Way {
    fn run(mut self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.round().and_then(|()| self.measure()) {
                log::error!("notifier {}: {error}", self.notifier.name);
            }
            std::thread::sleep(LOOK);
        }
    }

    fn round(&mut self) -> Result<(), StoreError> {
        let last = self.runtime.block_on(self.store.last_alert())?;
        if last != self.filled_to {
            let (notifier, levels) = (self.notifier.name.clone(), self.notifier.levels());
            self.commit(Change::NotifierFilled { notifier, levels, at: (self.now)() })?;
            self.filled_to = last;
        }
        if self.is_quiet() {
            return Ok(());
        }
        let due = self.runtime.block_on(self.store.due(self.notifier.name.clone(), (self.now)(), AT_ONCE))?;
        for waiting in due {
            if self.stop.is_cancelled() || !self.may_send() {
                break;
            }
            self.send(&waiting)?;
        }
        Ok(())
    }

    fn measure(&self) -> Result<(), StoreError> {
        let name = self.notifier.name.clone();
        let waiting = self.runtime.block_on(self.store.waiting(name.clone()))?;
        metrics::gauge!("lineside_notifier_queue", "notifier" => name).set(waiting as f64);
        Ok(())
    }

    fn commit(&self, change: Change) -> Result<(), StoreError> {
        self.runtime.block_on(self.store.writer().commit(vec![change]))
    }

    fn is_quiet(&self) -> bool {
        is_quiet(&self.notifier, (self.now)())
    }

    /// Whether the last minute has room for one more.
    fn may_send(&mut self) -> bool {
        while self.sent.front().is_some_and(|at| at.elapsed() >= Duration::from_mins(1)) {
            self.sent.pop_front();
        }
        self.sent.len() < self.notifier.per_minute as usize
    }

    fn send(&mut self, waiting: &Waiting) -> Result<(), StoreError> {
        let Some(mut row) = self.runtime.block_on(self.store.alert(waiting.alert))? else { return Ok(()) };
        let analyser = Arc::clone(&self.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        row.alert = without_numbers(row.alert, analyser.redactor());
        let message = Notification::new(serde_json::to_value(row.message()).unwrap_or_default());
        self.sent.push_back(Instant::now());
        let outcome = self.notifier.send(&message, (self.now)().0 / 1000);
        let now = (self.now)();
        let (tried, word) = match outcome {
            SendOutcome::Sent => (Tried::Sent, "sent"),
            SendOutcome::Later(error, after) if waiting.tries + 1 < TRIES => {
                let pause = pause(waiting.tries).max(after.unwrap_or_default());
                (Tried::Again(WallTime(now.0 + pause.as_millis() as i64), error), "again")
            }
            SendOutcome::Later(error, _) | SendOutcome::Never(error) => {
                log::warn!("notifier {}: alert {} was given up: {error}", self.notifier.name, waiting.alert);
                (Tried::GivenUp(error), "given_up")
            }
        };
        let name = self.notifier.name.clone();
        metrics::counter!("lineside_notifications_total", "notifier" => name, "outcome" => word).increment(1);
        self.commit(Change::NotificationTried { id: waiting.id, tried, at: now })
    }
}
