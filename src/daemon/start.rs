//! The start, in the order of a call: speech, the conductor with unfinished work of a former run, sources, and the API.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::build::{Analyser, Base, Fresh};
use super::settings::{privacy_settings, retention_settings};
use super::sources::Sources;
use super::speech::{Ends, Speech};
use super::stop::Running;
use super::{access, answers, back, coverage, llm, pbx, remote, sources, speech};
use crate::api::access::AccessControl;
use crate::api::access::serve::Tls;
use crate::api::{self, Api, Health};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::config::Config;
use crate::contract::settings::ShownSettings;
use crate::host::{SignalRequest, Signals};
use crate::integrate::ami::AmiStatus;
use crate::integrate::dialer::DialerStatus;
use crate::pipeline::coverage::Coverage;
use crate::pipeline::fetches::Fetches;
use crate::pipeline::finished::correct::Corrector;
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::retranscribe::{RetranscribeParts, RetranscribeQueue, Retranscriber};
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::reviewers::ReviewDesk;
use crate::pipeline::finished::reviews::Reviews;
use crate::pipeline::finished::stages::{Pipeline, Stages};
use crate::pipeline::listen_in::DialerBack;
use crate::pipeline::live::liveness::Liveness;
use crate::pipeline::live::{Inputs, Live, Parts, RowNumbers};
use crate::pipeline::meaning::Meaning;
use crate::pipeline::reports::ReportStatus;
use crate::pipeline::retention::Sweeper;
use crate::pipeline::taps::Taps;
use crate::pipeline::workers::Workers;
use crate::pipeline::workers::glossary::Glossary;
use crate::spool::SpoolEvent;
use crate::store::recovery::Recovery;
use crate::translation::{Models, Translate};

/// Handles of a running daemon for the signals and the watchdog.
pub(super) struct Handles {
    pub(super) workers: Arc<Workers>,
    pub(super) analyser: Analyser,
    pub(super) glossary: Glossary,
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
    let conducting = conduct(base, &speech, ends, (recovery, spool_events), &stop_live, signals).await?;
    let Some((conductor, utterances)) = conducting else { return Ok(None) };

    let stop = CancellationToken::new();
    let sweeper = Sweeper::new(store.clone(), Arc::clone(spool), retention_settings(config));
    let sweeper = tokio::spawn(sweeper.run(wall_clock, stop.clone()));
    let mut sources = sources::start(base, audiosocket, &speech.commands, &stop)?;
    crate::pipeline::finished::notify::start(&config.notifiers(), store, analyser, wall_clock, &stop)
        .context("start the notifiers")?;
    let back = back::start(config, store, analyser, &stop).context("start what tells the dialer")?;
    let mut pbx = pbx::start(config, &speech.commands, store, &stop)?;
    let (mut dialer, dialer_status) = access::dialer(config, store, &speech.commands);
    let mut health = health(base, &speech, &sources, pbx.status.take(), started);
    let agents = dialer_status.clone();
    health.dialer_agents = Arc::new(move || agents.as_ref().map(DialerStatus::agents).unwrap_or_default());
    health.dialer = Arc::new(move || dialer_status.as_ref().map(DialerStatus::get));
    let reports = super::reports::start(base, &mut sources, &stop);
    health.reports = Arc::new(move || reports.as_ref().map(ReportStatus::get));
    sources.tasks.append(&mut pbx.tasks);
    let (fetches, fetching) = remote::start(base, &stop);
    sources.tasks.extend(fetching);
    if let Some(dialer) = &mut dialer {
        dialer.fetch_from(remote::hosts(&config.remote), fetches.clone());
    }
    let coverage = coverage::start(base, dialer.as_ref(), &mut sources, &stop);
    sources.tasks.extend(dialer.map(|dialer| tokio::spawn(dialer.run(stop.clone()))));
    let reviews = Reviews::new(store.clone(), Desk::new(store.clone(), Arc::clone(analyser)), wall_clock);
    let reviews = tokio::spawn(reviews.run(stop.clone()));
    let tls = access::tls(config)?;
    let access_control = tokio::select! {
        access_control = AccessControl::new(access::access_settings(config), store.clone(), wall_clock) => access_control?,
        () = asked_to_stop(signals) => return Ok(None),
    };
    let (api, retranscriber) = api(
        base,
        (&speech, utterances),
        &sources,
        (access_control, health, metrics, (pbx.taps, fetches, coverage, back)),
        &stop,
    );
    let desk = Desk::new(store.clone(), Arc::clone(analyser));
    let stages = Stages::new(store.clone(), desk, retranscriber, api.pipeline.clone(), wall_clock);
    let stages = tokio::spawn(stages.run(stop.clone()));
    let vectors = tokio::spawn(api.meaning.clone().fill(store.clone(), Arc::clone(&speech.workers), stop.clone()));
    let glossary = api.glossary.clone();
    let servers = answers::serve(base, api::router(api), http, tls.as_ref(), &stop).await?;
    let liveness = Liveness { commands: speech.commands.clone(), writer: store.writer().clone() };
    let (workers, analyser) = (Arc::clone(&speech.workers), Arc::clone(analyser));
    let handles = Handles { workers, analyser, glossary, tls, liveness };
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
        upkeep: [sweeper, stages, reviews, vectors],
        servers,
    };
    Ok(Some((running, handles)))
}

/// Waits for SIGTERM. A SIGHUP needs no action, because the start reads everything anyway.
async fn asked_to_stop(signals: &mut Signals) {
    while signals.next().await != SignalRequest::Stop {}
}

/// The conductor, with what a former run left undone taken up, and its row numbers of utterances. `None`: it was stopped meanwhile.
async fn conduct(
    base: &Base,
    speech: &Speech,
    ends: Ends,
    (recovery, spool_events): (Recovery, mpsc::Receiver<SpoolEvent>),
    stop_live: &CancellationToken,
    signals: &mut Signals,
) -> Result<Option<(JoinHandle<()>, RowNumbers)>> {
    let Ends { listener, vad, done, commands } = ends;
    let parts = Parts {
        store: base.store.clone(),
        spool: Arc::clone(&base.spool),
        listener,
        workers: Arc::clone(&speech.workers),
        analyser: Arc::clone(&base.analyser),
        past_names: speech.past_names.clone(),
        privacy: privacy_settings(&base.config),
        hear: base.config.sources.hear,
        modes: base.config.processing.modes(),
        now: wall_clock,
    };
    let live = tokio::select! {
        live = Live::recover(parts, recovery) => live?,
        () = asked_to_stop(signals) => return Ok(None),
    };
    crate::pipeline::live::silencing::finish(&base.store).await;
    let inputs = Inputs { spool: spool_events, vad, done, commands };
    let utterances = live.utterance_numbers();
    Ok(Some((tokio::spawn(live.run(inputs, stop_live.clone())), utterances)))
}

fn health(base: &Base, speech: &Speech, sources: &Sources, ami: Option<AmiStatus>, started: WallTime) -> Health {
    let mut health =
        answers::health(&base.config, &speech.workers, &speech.listening.voice, &sources.last_frame, started);
    let troubles = sources.troubles.clone();
    health.folders = Arc::new(move || troubles.list());
    health.ami = Arc::new(move || ami.as_ref().map(|status| access::ami_health(status.get())));
    health
}

/// The settings that hold, with the files that were changed since.
fn shown_settings(base: &Base, started: WallTime) -> impl Fn() -> ShownSettings + Send + Sync + 'static + use<> {
    let settings = base.settings.clone();
    move || {
        let changed = crate::config::changed_since(&settings.files, started.0);
        ShownSettings { changed, ..settings.clone() }
    }
}

/// State of the handlers, and the task that retranscribes finished calls.
fn api(
    base: &Base,
    (speech, utterances): (&Speech, RowNumbers),
    sources: &Sources,
    (access_control, health, metrics, (taps, fetches, coverage, back)): (
        AccessControl,
        Health,
        metrics_exporter_prometheus::PrometheusHandle,
        (Taps, Fetches, Coverage, DialerBack),
    ),
    stop: &CancellationToken,
) -> (Api, Retranscriber) {
    let Base { config, store, spool, analyser, .. } = base;
    let (retranscribe, retranscriber) = RetranscribeQueue::new(RetranscribeParts {
        store: store.clone(),
        workers: Arc::clone(&speech.workers),
        analyser: Arc::clone(analyser),
        names: speech.past_names.clone(),
        privacy: privacy_settings(config),
        hear: config.sources.hear,
        listening: speech.listening.clone(),
        utterances,
        now: wall_clock,
    });
    let started = health.started;
    let api = Api {
        access_control: Arc::new(access_control),
        store: store.for_people(),
        commands: speech.commands.clone(),
        health,
        metrics: api::Metrics(Arc::new(move || metrics.render())),
        settings: api::SettingsSource(Arc::new(shown_settings(base, started))),
        inlet: sources.inlet.clone(),
        coverage,
        taps,
        fetches,
        back,
        desk: Desk::new(store.for_people(), Arc::clone(analyser)),
        reviewers: ReviewDesk::new(
            Desk::new(store.for_people(), Arc::clone(analyser)),
            config.privacy.redact,
            wall_clock,
        ),
        corrector: Corrector::new(store.for_people(), Arc::clone(analyser), config.privacy.redact, wall_clock),
        retranscribe,
        pipeline: Pipeline {
            workers: Arc::clone(&speech.workers),
            translator: translator(config),
            language_model: llm::language_model(config),
            mode: config.processing.mode,
            final_pass: config.processing.final_pass,
        },
        meaning: Meaning::new(config.meaning.folder(&config.paths.models())),
        glossary: Glossary::open(&config.paths.state, Arc::clone(&speech.workers)),
        agents: Agents::of(&config.notifiers()),
        audience: api::Audience::new(store.clone(), stop.clone()),
        cache: config.paths.state.join("cache"),
        uploads: answers::uploads(config, spool),
        stop: stop.clone(),
    };
    (api, retranscriber)
}

/// The translation models; `None` where none is configured.
fn translator(config: &Config) -> Option<Arc<dyn Translate>> {
    let wanted = &config.translation;
    (!wanted.model.is_empty())
        .then(|| Arc::new(Models::new(&wanted.model, &config.paths.models(), &wanted.to)) as Arc<dyn Translate>)
}
