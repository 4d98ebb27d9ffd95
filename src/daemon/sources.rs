//! Starts the sources of audio: connections of Asterisk, recording folders, other platforms.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task;
use tokio_util::sync::CancellationToken;

use super::build::Base;
use super::ledger::StoreLedger;
use super::ports::unix_listener;
use crate::api::Inlet;
use crate::capture::LastFrame;
use crate::capture::audiosocket::AudioSocket;
use crate::capture::eagi::Eagi;
use crate::capture::naming::NamingRules;
use crate::capture::recordings::{RecordingSettings, Recordings, Troubles};
use crate::host;
use crate::pipeline::command::Command;
use crate::pipeline::live::ingest::Ingest;

/// The running sources of audio and text.
pub(super) struct Sources {
    pub(super) tasks: Vec<task::JoinHandle<()>>,
    /// The watcher of the recording folders.
    pub(super) recordings: Option<JoinHandle<()>>,
    pub(super) troubles: Troubles,
    pub(super) last_frame: LastFrame,
    /// Entrance for calls of other platforms.
    pub(super) inlet: Inlet,
}

/// Starts the sources that the configuration asks for.
pub(super) fn start(
    base: &Base,
    audiosocket: Option<TcpListener>,
    commands: &mpsc::Sender<Command>,
    stop: &CancellationToken,
) -> Result<Sources> {
    let Base { config, spool, .. } = base;
    let last_frame = LastFrame::default();
    let mut tasks = Vec::new();
    if let Some(listener) = audiosocket {
        let server = AudioSocket {
            spool: Arc::clone(spool),
            stop: stop.clone(),
            last_frame: last_frame.clone(),
            stale: Duration::from_secs(config.limits.stale_call_s),
            allow: config.audiosocket.allow.clone().into(),
            connections: host::connections_for_sound(),
        };
        tasks.push(tokio::spawn(server.run(listener)));
    }
    if config.eagi.enabled {
        let listener = unix_listener(&config.paths.run.join("eagi.sock"))?;
        let server = Eagi { spool: Arc::clone(spool), stop: stop.clone(), last_frame: last_frame.clone() };
        tasks.push(tokio::spawn(server.run(listener)));
    }
    let (mut recordings, mut troubles) = (None, Troubles::default());
    if !config.recordings.watched().is_empty() {
        let (thread, told) = watch(base, &last_frame, stop)?;
        (recordings, troubles) = (Some(thread), told);
    }
    // Bounded: a sender waits for its answer as long as the conductor is behind.
    let (inlet_to, inlet) = mpsc::channel(64);
    let ingest = Ingest::new(Arc::clone(spool), commands.clone());
    tasks.push(tokio::spawn(ingest.run(inlet, stop.clone())));
    Ok(Sources { tasks, recordings, troubles, last_frame, inlet: Inlet { requests: inlet_to } })
}

/// Starts the thread that watches the recording folders; returns the problems that keep it from reading them.
fn watch(base: &Base, last_frame: &LastFrame, stop: &CancellationToken) -> Result<(JoinHandle<()>, Troubles)> {
    let Base { config, store, spool, .. } = base;
    let settings = RecordingSettings {
        folders: config.recordings.watched().to_vec(),
        naming: NamingRules::new(&config.recordings.patterns)?,
        stereo: config.recordings.stereo,
        max_age: Some(config.recordings.max_age_hours)
            .filter(|&hours| hours > 0)
            .map(|hours| Duration::from_secs(hours * 3600)),
    };
    let ledger = StoreLedger::new(store.clone(), Handle::current());
    let watcher =
        Recordings::new(settings, Arc::clone(spool), ledger, Handle::current(), stop.clone(), last_frame.clone());
    let troubles = watcher.troubles();
    let (writer, runtime, stop) = (store.writer().clone(), Handle::current(), stop.clone());
    let watch = move || {
        // It asks the database what there is of them: all that the start handed over has to be there.
        let recovered = async {
            tokio::select! {
                committed = writer.commit(Vec::new()) => committed.is_ok(),
                () = stop.cancelled() => false,
            }
        };
        if runtime.block_on(recovered) {
            watcher.run();
        }
    };
    Ok((std::thread::Builder::new().name("recordings".into()).spawn(watch)?, troubles))
}
