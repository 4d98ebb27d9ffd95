//! The start, in the order of a call: speech, the conductor with what a former run left undone, sources, and what answers.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::build::{Analyser, Base, Fresh};
use super::settings::{keep_settings, pause_keys, privacy_settings};
use super::sources::Sources;
use super::speech::{Ends, Speech};
use super::stop::Running;
use super::{answers, doors, sources, speech};
use crate::api::walls::Walls;
use crate::api::walls::serve::Tls;
use crate::api::{self, Api, Health};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::host::{Signals, Wish};
use crate::integrate::ami::Ami;
use crate::pipeline::finished::again::{Again, Reader};
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::live::liveness::Liveness;
use crate::pipeline::live::{Inputs, Live, Parts};
use crate::pipeline::retention::Keeper;
use crate::pipeline::workers::Workers;
use crate::pipeline::workers::glossary::Glossary;
use crate::spool::SpoolEvent;
use crate::store::recovery::Recovery;

/// What the signals and the watchdog need to know of a daemon that runs.
pub(super) struct Handles {
    pub(super) workers: Arc<Workers>,
    pub(super) analyser: Analyser,
    pub(super) tls: Option<Tls>,
    pub(super) liveness: Liveness,
}

/// Starts everything. `None`: it was stopped before it was there.
pub(super) async fn start(
    base: &Base,
    fresh: Fresh,
    signals: &mut Signals,
    metrics: metrics_exporter_prometheus::PrometheusHandle,
    started: WallTime,
) -> Result<Option<(Running, Handles)>> {
    let Base { config, store, spool, analyser, .. } = base;
    let Fresh { recovery, spool_events, audiosocket, http } = fresh;
    let (speech, ends) = speech::start(config)?;
    let stop_live = CancellationToken::new();
    let Some(conductor) = conduct(base, &speech, ends, (recovery, spool_events), &stop_live, signals).await? else {
        return Ok(None);
    };

    let stop = CancellationToken::new();
    let keeper = Keeper::new(store.clone(), Arc::clone(spool), keep_settings(config));
    let keeper = tokio::spawn(keeper.run(wall_clock, stop.clone()));
    let mut sources = sources::start(base, audiosocket, &speech.commands, &stop)?;
    crate::pipeline::finished::notify::start(&config.notify, store, analyser, wall_clock, &stop)
        .context("start the notifiers")?;
    let ami = doors::ami(config, pause_keys(config), &speech.commands);
    let health = health(base, &speech, &sources, ami.as_ref(), started);
    sources.tasks.extend(ami.map(|ami| tokio::spawn(ami.run(stop.clone()))));
    let tls = doors::tls(config)?;
    let walls = tokio::select! {
        walls = Walls::new(doors::wall_settings(config), store.clone(), wall_clock) => walls?,
        () = asked_to_stop(signals) => return Ok(None),
    };
    let (api, reader) = api(base, &speech, &sources, (walls, health, metrics), &stop);
    let reader = tokio::spawn(reader.run(stop.clone()));
    let servers = answers::serve(base, api::router(api), http, tls.as_ref(), &stop).await?;
    let liveness = Liveness { commands: speech.commands.clone(), writer: store.writer().clone() };
    let handles = Handles { workers: Arc::clone(&speech.workers), analyser: Arc::clone(analyser), tls, liveness };
    let running = Running {
        run: config.paths.run.clone(),
        store: store.clone(),
        spool: Arc::clone(spool),
        workers: speech.workers,
        worker_threads: speech.threads,
        stop,
        sources: sources.tasks,
        recordings: sources.recordings,
        stop_live,
        conductor,
        keepers: [keeper, reader],
        servers,
    };
    Ok(Some((running, handles)))
}

/// Waits for SIGTERM. What a SIGHUP asks for is read at the start anyway.
async fn asked_to_stop(signals: &mut Signals) {
    while signals.next().await != Wish::Stop {}
}

/// The conductor, with what a former run left undone taken up. `None`: it was stopped meanwhile.
async fn conduct(
    base: &Base,
    speech: &Speech,
    ends: Ends,
    (recovery, spool_events): (Recovery, mpsc::Receiver<SpoolEvent>),
    stop_live: &CancellationToken,
    signals: &mut Signals,
) -> Result<Option<JoinHandle<()>>> {
    let Ends { listener, heard, done, commands } = ends;
    let parts = Parts {
        store: base.store.clone(),
        spool: Arc::clone(&base.spool),
        listener,
        workers: Arc::clone(&speech.workers),
        analyser: Arc::clone(&base.analyser),
        privacy: privacy_settings(&base.config),
        now: wall_clock,
    };
    let live = tokio::select! {
        live = Live::recover(parts, recovery) => live?,
        () = asked_to_stop(signals) => return Ok(None),
    };
    crate::pipeline::live::privacy::finish(&base.store).await;
    let inputs = Inputs { spool: spool_events, heard, done, commands };
    Ok(Some(tokio::spawn(live.run(inputs, stop_live.clone()))))
}

fn health(base: &Base, speech: &Speech, sources: &Sources, ami: Option<&Ami>, started: WallTime) -> Health {
    let mut health = answers::health(&base.config, &speech.workers, &speech.voice, &sources.last_frame, started);
    let (troubles, ami) = (sources.troubles.clone(), ami.map(Ami::status));
    health.folders = Arc::new(move || troubles.list());
    health.ami = Arc::new(move || ami.as_ref().map(|status| doors::ami_health(status.get())));
    health
}

/// What the handlers need, and the reader of calls that are read again.
fn api(
    base: &Base,
    speech: &Speech,
    sources: &Sources,
    (walls, health, metrics): (Walls, Health, metrics_exporter_prometheus::PrometheusHandle),
    stop: &CancellationToken,
) -> (Api, Reader) {
    let Base { config, store, spool, analyser, .. } = base;
    let (again, reader) = Again::new(
        store.clone(),
        Arc::clone(&speech.workers),
        Arc::clone(analyser),
        privacy_settings(config),
        wall_clock,
    );
    let api = Api {
        walls: Arc::new(walls),
        store: store.for_people(),
        commands: speech.commands.clone(),
        health,
        metrics: api::Metrics(Arc::new(move || metrics.render())),
        inlet: sources.inlet.clone(),
        desk: Desk::new(store.for_people(), Arc::clone(analyser)),
        again,
        glossary: Glossary::open(&config.paths.state, Arc::clone(&speech.workers)),
        agents: Agents::of(&config.notify),
        audience: api::Audience::new(store.clone(), stop.clone()),
        cache: config.paths.state.join("cache"),
        uploads: answers::uploads(config, spool),
        stop: stop.clone(),
    };
    (api, reader)
}
