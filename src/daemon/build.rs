//! Before anything runs: folders, keys, the database, ports, the spool.

use std::fs::File;
use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::access;
use super::ports::bind;
use crate::call::sla::SlaLimits;
use crate::config::Config;
use crate::contract::settings::ShownSettings;
use crate::spool::{Spool, SpoolEvent};
use crate::store::recovery::Recovery;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;

/// Limits that could not be noted are tried again so often.
const LIMITS_AGAIN: Duration = Duration::from_secs(5);

/// The analyser of texts; a reload replaces it.
pub(super) type Analyser = Arc<RwLock<Arc<TextAnalyser>>>;

/// The base of all rooms.
pub(super) struct Base {
    pub(super) config: Config,
    /// The settings as admins may see them.
    pub(super) settings: ShownSettings,
    pub(super) store: Store,
    pub(super) spool: Arc<Spool>,
    pub(super) analyser: Analyser,
    /// Says that a daemon runs on this folder of sockets, until it is dropped.
    pub(super) lock: File,
}

/// Parts that the start consumes.
pub(super) struct Fresh {
    pub(super) recovery: Recovery,
    pub(super) spool_events: mpsc::Receiver<SpoolEvent>,
    pub(super) audiosocket: Option<TcpListener>,
    pub(super) http: Option<TcpListener>,
}

/// Tells the exporter what is counted; what renders it.
pub(super) fn metrics() -> Result<metrics_exporter_prometheus::PrometheusHandle> {
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(crate::pipeline::SECONDS_BUCKETS)?
        .install_recorder()
        .context("start the metrics")?;
    crate::pipeline::describe_metrics();
    crate::pipeline::finished::stages::describe_metrics();
    crate::api::access::describe_metrics();
    crate::capture::upload::describe_metrics();
    crate::alerts::describe_metrics();
    Ok(metrics)
}

/// Makes and opens everything; starts the spool's and the database's threads, nothing else.
pub(super) async fn open(config: Config, path: Option<&Path>) -> Result<(Base, Fresh)> {
    let settings = crate::config::shown(path, crate::capture::wall_clock().rfc3339())?;
    for folder in [&config.paths.state, &config.paths.run] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("create {}; it must belong to lineside", folder.display()))?;
    }
    access::audio_keys(&config)?;
    let lock = crate::store::lock_run(&config.paths.run)?;
    let (store, recovery) = Store::open(&config.paths.state)?;
    note_limits(&store, config.sla.limits()).await;
    let audiosocket = bind(&config.audiosocket.listen, "audiosocket").await?;
    let http = bind(&config.http.listen, "http").await?;
    let (spool, spool_events) = Spool::open(&config.paths.state.join("spool"), recovery.highest.1)?;
    let analyser = Arc::new(RwLock::new(Arc::new(config.told_analyser()?)));
    Ok((Base { config, settings, store, spool, analyser, lock }, Fresh { recovery, spool_events, audiosocket, http }))
}

/// Writes the limits of `[sla]`. On a full disk that happens when there is room, and nothing waits for it.
async fn note_limits(store: &Store, limits: SlaLimits) {
    let Err(error) = store.set_sla(limits).await else { return };
    log::warn!("limits of [sla]: {error}; those of the last start count until these can be written");
    let store = store.clone();
    tokio::spawn(async move {
        // When lineside stops first, the next start writes them.
        while !matches!(store.set_sla(limits).await, Ok(()) | Err(StoreError::Closed)) {
            tokio::time::sleep(LIMITS_AGAIN).await;
        }
    });
}
