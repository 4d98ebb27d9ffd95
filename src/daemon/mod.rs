//! Builds every room, joins them with channels, starts them in the order of a call and stops them in the same order.
//!
//! This is the only room that knows all others. The ports are open before unfinished work of a former run is taken up, and nothing there waits for
//! the disk: a start on a full disk answers, and can be stopped. Stopping: sources first, so that every leg is closed on disk; then the workers
//! finish their inferences; then the conductor and the store, which commits and checkpoints. Unfinished work goes on at the next start.

mod access;
mod answers;
mod back;
mod build;
mod coverage;
mod ledger;
mod llm;
mod load;
mod packs_watch;
mod pbx;
mod ports;
mod reload;
mod remote;
mod reports;
mod settings;
mod sources;
mod speech;
mod start;
mod stop;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};

use crate::capture::wall_clock;
use crate::config::Config;
use crate::host::{self, SignalRequest, Signals};
use crate::pipeline::live::liveness::Liveness;

pub use self::load::load;
pub use crate::api::{asyncapi, openapi};

/// Runs until SIGTERM. `path` is where the configuration came from, for SIGHUP.
pub async fn run(config: Config, path: Option<PathBuf>) -> Result<()> {
    host::raise_file_limit();
    let started = wall_clock();
    let mut signals = Signals::new().context("take over the signals")?;
    let metrics = build::metrics()?;
    let mut packs = packs_watch::SavedFiles::packs(config.text.packs.clone());
    let mut lists = packs_watch::SavedFiles::glossaries(&config.paths.state);
    let (base, fresh) = build::open(config, path.as_deref()).await?;
    let Some((running, handles)) = start::start(&base, fresh, &mut signals, metrics, started).await? else {
        return Ok(());
    };
    let start::Handles { workers, analyser, glossary, tls, liveness } = handles;
    host::tell_systemd(&[sd_notify::NotifyState::Ready]);
    let watchdog = sd_notify::watchdog_enabled().map(|patience| tokio::spawn(beat(liveness, patience / 3)));
    loop {
        tokio::select! {
            request = signals.next() => match request {
                SignalRequest::Reload => {
                    reload::reload(path.as_deref(), &workers, &analyser, tls.as_ref());
                    glossary.reload();
                }
                SignalRequest::Stop => break,
            },
            () = packs.saved() => reload::packs(path.as_deref(), &analyser),
            () = lists.saved() => glossary.reload(),
        }
    }
    log::info!("stopping: closing the sources, finishing what is in flight");
    host::tell_systemd(&[sd_notify::NotifyState::Stopping]);
    if let Some(watchdog) = watchdog {
        watchdog.abort(); // from here on TimeoutStopSec holds
    }
    running.stop().await?;
    drop(base.lock); // until here nobody else runs on this folder
    Ok(())
}

/// Tells systemd that we live, as long as we do.
async fn beat(liveness: Liveness, every: Duration) {
    let mut interval = tokio::time::interval(every);
    interval.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        interval.tick().await;
        match liveness.check(every).await {
            Ok(()) => host::tell_systemd(&[sd_notify::NotifyState::Watchdog]),
            Err(error) => log::error!("{error}: systemd gets no sign of life, and will restart us if this goes on"),
        }
    }
}
