//! The client of Asterisk's manager interface: its settings, and the place of its reports.

use std::time::Duration;

use anyhow::Result;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::settings::pause_keys;
use crate::call::WallTime;
use crate::call::pbx::PbxEvent;
use crate::capture::wall_clock;
use crate::config::{self, Config};
use crate::integrate::ami::roles::Roles;
use crate::integrate::ami::taps::{TapRule, TapSettings};
use crate::integrate::ami::{Ami, AmiEnds, AmiSettings, AmiStatus, describe_metrics};
use crate::pipeline::command::Command;
use crate::pipeline::taps::Taps;
use crate::store::Store;
use crate::store::change::Change;

/// Events that may wait for the database; more are left out and counted.
const EVENTS: usize = 20_000;
/// Events that are written at once.
const AT_ONCE: usize = 500;
/// Requests for taps that may wait.
const ASKED: usize = 64;
/// How long events wait for a recording of their call.
const UNKNOWN_KEPT: Duration = Duration::from_hours(48);

/// The client, as others see it.
#[derive(Default)]
pub(super) struct Pbx {
    pub(super) status: Option<AmiStatus>,
    pub(super) taps: Taps,
    /// Tasks to await at the stop, before the sockets that the taps connect to are closed.
    pub(super) tasks: Vec<JoinHandle<()>>,
}

/// Starts it, where one is wanted.
pub(super) fn start(
    config: &Config,
    commands: &mpsc::Sender<Command>,
    store: &Store,
    stop: &CancellationToken,
) -> Result<Pbx> {
    let Some(settings) = settings(config)? else {
        if !config.tap.is_empty() {
            log::warn!(
                "[[tap]] has no effect: Asterisk's manager interface makes the taps, and [ami] address is not set"
            );
        }
        return Ok(Pbx::default());
    };
    describe_metrics();
    let (taps, asked) = mpsc::channel(ASKED);
    let (events_to, events) = mpsc::channel(EVENTS);
    let ends = AmiEnds { commands: commands.clone(), asked, events: events_to };
    let ami = Ami::new(settings, ends, wall_clock);
    let status = Some(ami.status());
    let tasks = vec![tokio::spawn(ami.run(stop.clone())), tokio::spawn(keep(events, store.clone()))];
    Ok(Pbx { status, taps: Taps(Some(taps)), tasks })
}

fn settings(config: &Config) -> Result<Option<AmiSettings>> {
    let Some(address) = config.ami.address() else { return Ok(None) };
    let rule = |rule: &config::TapConfig| {
        Ok(TapRule { matches: rule.pattern()?, rate_hz: rule.rate, max: rule.max, weight: rule.weight })
    };
    let to = config.ami.tap_address(&config.audiosocket.listen);
    let port = to.as_deref().and_then(|to| to.rsplit(':').next()).unwrap_or_default().to_string();
    let taps = TapSettings {
        rules: config.tap.iter().map(rule).collect::<Result<_, regex::Error>>()?,
        max: config.ami.max_taps,
        address: to,
        tag: port,
    };
    let roles = Roles {
        agents: config::AmiConfig::patterns(&config.ami.agent_channels)?,
        callers: config::AmiConfig::patterns(&config.ami.caller_channels)?,
    };
    Ok(Some(AmiSettings {
        address,
        user: config.ami.user.clone(),
        secret_file: AmiSettings::secret_file(config.ami.secret_file.as_deref()),
        keys: pause_keys(config),
        roles,
        taps,
    }))
}

/// Writes the PBX's events until there are no more. Now and then it deletes events of calls that never came.
async fn keep(mut events: mpsc::Receiver<PbxEvent>, store: Store) {
    let mut clean = tokio::time::interval(Duration::from_hours(1));
    let mut some = Vec::new();
    loop {
        tokio::select! {
            count = events.recv_many(&mut some, AT_ONCE) => {
                if count == 0 {
                    return;
                }
                let changes = some.drain(..).map(Change::PbxEvent).collect();
                if let Err(error) = store.writer().push(changes).await {
                    log::error!("database: events of calls are not kept: {error}");
                }
            }
            _ = clean.tick() => {
                let before = WallTime(wall_clock().0 - UNKNOWN_KEPT.as_millis() as i64);
                if let Err(error) = store.drop_unknown_pbx_events(before).await {
                    log::error!("database: old events of calls are not deleted: {error}");
                }
            }
        }
    }
}
