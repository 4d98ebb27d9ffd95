//! What lineside tells ViciDial by its APIs: a summary into the lead's comments, alerts on the agent's screen, a supervisor's telephone that listens in.
//!
//! No call waits for it: a thread for comments and one for notifications take rows in turn, try again with growing pauses, and go on after a restart. A dry run writes down
//! what would be sent and asks nobody anything. Nothing goes out that holds a number of three digits or more that somebody said, and no sign that
//! ViciDial's programs would take for more than text.

mod answer;
mod client;
mod comment;
mod listen;
mod notification;
mod parts;
mod turn;

use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use self::client::ApiAccount;
use self::listen::Listener;
pub use self::parts::DialerApiSettings;
use self::parts::{Parts, Rest};
use self::turn::Turn;
use crate::call::WallTime;
use crate::contract::dialer_write::DialerWriteKind;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::listen_in::ListenOrder;
use crate::store::change::Change;
use crate::store::dialer_writes::DialerWriteChange;
use crate::store::{Store, StoreError};

/// The password's name among systemd's credentials.
pub const CREDENTIAL: &str = "dialer-api-password";
/// How often the queue is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// It is filled so often where nothing seems to be new: ends of calls are not committed in their order.
const FILL: Duration = Duration::from_mins(1);
/// Read from the queue at a time.
const AT_ONCE: u32 = 20;

/// Tells the exporter what this room counts.
pub fn describe_metrics() {
    use metrics::{describe_counter, describe_gauge};
    describe_gauge!("lineside_dialer_api_waiting", "What waits to be told to the dialer by its API");
    describe_counter!("lineside_dialer_api_total", "What was told to the dialer by its API, by kind and outcome");
}

/// Starts it: a thread for comments, another for notifications, which an agent waits for, and a task for those who want to listen in. Nobody waits for them: one may be waiting for somebody else's server, and
/// the queue goes on at the next start.
pub fn start(
    settings: DialerApiSettings,
    (store, desk): (Store, Desk),
    orders: mpsc::Receiver<ListenOrder>,
    now: fn() -> WallTime,
    stop: &CancellationToken,
) -> std::io::Result<()> {
    describe_metrics();
    let does = if settings.dry_run { "writes down what it would tell (dry run)" } else { "tells" };
    log::info!("dialer: {does} {}; see `lineside vici sent`", settings.account.url);
    let parts = Parts { settings, store, desk, now, rest: Rest::default() };
    tokio::spawn(Listener(parts.clone()).run(orders, stop.clone()));
    for (kind, name) in
        [(DialerWriteKind::Comment, "dialer-comments"), (DialerWriteKind::Notification, "dialer-notices")]
    {
        let turn = Turn::new(parts.clone(), Handle::current());
        let queue = Queue { turn, kind, filled: None, stop: stop.clone() };
        std::thread::Builder::new().name(name.into()).spawn(move || queue.run())?;
    }
    Ok(())
}

struct Queue {
    turn: Turn,
    /// What it takes.
    kind: DialerWriteKind,
    /// What was the last when the queue was filled, and when that was.
    filled: Option<((i64, i64), Instant)>,
    stop: CancellationToken,
}

impl Queue {
    fn run(mut self) {
        while !self.stop.is_cancelled() {
            if let Err(error) = self.round() {
                log::error!("dialer: what it is to be told waits: {error}");
            }
            std::thread::sleep(LOOK);
        }
    }

    fn round(&mut self) -> Result<(), StoreError> {
        let Parts { settings, store, now, .. } = self.turn.parts();
        let (store, now) = (store.clone(), *now);
        let comments_after_ms = settings.comments_after.map(|after| after.as_millis() as i64);
        let change = DialerWriteChange::Filled { comments_after_ms, levels: settings.levels.clone(), at: now() };
        let news = self.turn.wait(store.dialer_write_news())?;
        if self.filled.is_none_or(|(seen, at)| seen != news || at.elapsed() >= FILL) {
            self.turn.wait(store.writer().commit(vec![Change::DialerWrite(change)]))?;
            self.filled = Some((news, Instant::now()));
        }
        if !self.turn.rests() {
            for write in self.turn.wait(store.due_dialer_writes(self.kind, now(), AT_ONCE))? {
                if self.stop.is_cancelled() || self.turn.rests() {
                    break;
                }
                self.turn.take(&write)?;
            }
        }
        let waiting = self.turn.wait(store.waiting_dialer_writes())?;
        metrics::gauge!("lineside_dialer_api_waiting").set(waiting as f64);
        Ok(())
    }
}
