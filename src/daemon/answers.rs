//! Starts the API on its port and its socket, with everything that it needs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::access;
use super::build::Base;
use super::ports::unix_listener;
use crate::api::access::serve::{self, ServeSettings, Tls};
use crate::api::{Doctor, Health, HostWatch, UploadSettings};
use crate::call::WallTime;
use crate::capture::{LastFrame, upload, wall_clock};
use crate::config::Config;
use crate::contract::doctor::DetailedHealth;
use crate::contract::status::{HostState, VoiceDetector};
use crate::host;
use crate::host::machine::{Disk, Machine};
use crate::pipeline::workers::{Work, Workers};
use crate::speech::models;
use crate::speech::queue::Urgency;
use crate::speech::vad::Voice;
use crate::spool::Spool;

/// Serves a router on the port, where one is wanted, and on the socket.
pub(super) async fn serve(
    base: &Base,
    router: Router,
    http: Option<TcpListener>,
    tls: Option<&Tls>,
    stop: &CancellationToken,
) -> Result<Vec<JoinHandle<()>>> {
    let Base { config, store, .. } = base;
    let patience = Duration::from_secs(config.http.patience_s.into());
    let mut servers = Vec::new();
    if let Some(listener) = http {
        log::info!("the page and the API are on {}", serve::said(&listener, tls.is_some()));
        access::warn_of_open_access(config, store).await?;
        let settings = ServeSettings {
            patience,
            connections: config.http.connections,
            proxies: config.http.proxies.clone(),
            tls: tls.cloned(),
        };
        servers.push(tokio::spawn(serve::tcp(listener, router.clone(), settings, stop.clone())));
    }
    let socket = unix_listener(&config.paths.run.join("api.sock"))?;
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UnixListener::from_std(socket)?;
    servers.push(tokio::spawn(serve::unix(socket, router, patience, stop.clone())));
    Ok(servers)
}

pub(super) fn health(
    config: &Config,
    workers: &Arc<Workers>,
    voice: &Voice,
    last_frame: &LastFrame,
    started: WallTime,
) -> Health {
    let queue = Arc::clone(&workers.queue);
    let models = config.paths.models();
    let folder = models.clone();
    let last_frame = last_frame.clone();
    Health {
        status: workers.status.clone(),
        last_frame: Arc::new(move || last_frame.get()),
        now: wall_clock,
        probe: Arc::new(move || {
            let (answer, result) = oneshot::channel();
            queue.push(Urgency::Live, wall_clock(), Work::Probe(answer));
            Box::pin(async move { result.await.unwrap_or_else(|_| Err("the speech threads have stopped".into())) })
        }),
        installed: Arc::new(move || models::installed(&folder).into_iter().map(access::installed).collect()),
        models,
        voice: VoiceDetector { detector: voice.name().into(), problem: voice.problem() },
        ami: Arc::new(|| None),
        dialer: Arc::new(|| None),
        dialer_agents: Arc::new(Vec::new),
        open_files: Arc::new(host::open_files),
        folders: Arc::new(Vec::new),
        reports: Arc::new(|| None),
        doctor: doctor(config, workers),
        host: host_watch(config),
        started,
    }
}

/// Reads the machine's figures, as `GET /api/v1/box` shows them.
fn host_watch(config: &Config) -> HostWatch {
    let state = config.paths.state.clone();
    HostWatch::new(Arc::new(move || {
        let machine = Machine::look().ok()?;
        Some(HostState {
            load: machine.load,
            memory_bytes: machine.memory,
            memory_available_bytes: machine.available,
            disk_free_bytes: Disk::free_bytes(&state),
        })
    }))
}

/// Makes the doctor's checks on a thread of its own: they read files and wait for other programs.
fn doctor(config: &Config, workers: &Arc<Workers>) -> Doctor {
    let (config, status) = (Arc::new(config.clone()), workers.status.clone());
    Doctor::new(Arc::new(move |health| {
        let (config, language) = (Arc::clone(&config), status.get().language);
        Box::pin(async move {
            let told = serde_json::to_value(&health).unwrap_or_default();
            let looked = tokio::task::spawn_blocking(move || crate::doctor::detailed(&config, &told, language)).await;
            // This fails only when the runtime ends, and then nobody waits for the answer.
            looked.unwrap_or_else(|_| DetailedHealth::new(Vec::new(), wall_clock().rfc3339()))
        })
    }))
}

/// Takes recordings that are handed over.
pub(super) fn taker(config: &Config, spool: &Arc<Spool>) -> upload::Uploads {
    upload::Uploads { spool: Arc::clone(spool), stereo: config.recordings.stereo, runtime: Handle::current() }
}

pub(super) fn uploads(config: &Config, spool: &Arc<Spool>) -> UploadSettings {
    let taker = taker(config, spool);
    let uploads = UploadSettings {
        folder: config.paths.state.join("uploads"),
        max_bytes: config.http.upload_mb.saturating_mul(1_000_000),
        take: Arc::new(move |path, extension, call, names, peer| {
            let handed = upload::Handed {
                path: path.into(),
                extension: extension.into(),
                call: call.clone(),
                names: names.clone(),
                peer: peer.into(),
                started: None,
                kept: Vec::new(),
                stop: tokio_util::sync::CancellationToken::new(),
            };
            taker.take(&handed).map_err(|error| error.to_string())
        }),
    };
    uploads.sweep();
    uploads
}
