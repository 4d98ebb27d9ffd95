//! Builds every room, joins them with channels, starts them in the order of a call and stops them in the same order.
//!
//! The only place that knows everyone. The ports are open before what a former run left is gone through, and nothing there waits for the disk: a start
//! on a full one answers, and can be stopped. Stopping: sources first, so that every leg is closed on disk; then the workers finish the inference they
//! are in; then the conductor and the store, which commits and checkpoints. What is unfinished goes on at the next start.

mod doors;
mod ledger;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, RwLock, mpsc as std_mpsc};
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use self::ledger::StoreLedger;
use crate::api::walls::Walls;
use crate::api::walls::serve::{self, ServeSettings, Tls};
use crate::api::{self, Api, Health, Uploads};
use crate::call::WallTime;
use crate::capture::audiosocket::AudioSocket;
use crate::capture::eagi::Eagi;
use crate::capture::naming::Naming;
use crate::capture::recordings::{RecordingSettings, Recordings, Troubles};
use crate::capture::{LastFrame, upload, wall_clock};
use crate::config::Config;
use crate::contract::status::VoiceDetector;
use crate::host::{self, Signals, Wish};
use crate::integrate::ami::Ami;
use crate::pipeline::finished::again::Again;
use crate::pipeline::finished::notify::Agents;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::live::listen;
use crate::pipeline::live::liveness::Liveness;
use crate::pipeline::live::privacy::PrivacySettings;
use crate::pipeline::live::{Inputs, Live, Parts};
use crate::pipeline::retention::{KeepSettings, Keeper};
use crate::pipeline::workers::glossary::Glossary;
use crate::pipeline::workers::govern;
use crate::pipeline::workers::in_hand::InHand;
use crate::pipeline::workers::{TranscribeSettings, Work, Workers};
use crate::speech::models;
use crate::speech::queue::Urgency;
use crate::speech::utterance::Found;
use crate::speech::vad::Voice;
use crate::spool::Spool;
use crate::store::{Store, Writer};

pub use crate::api::{asyncapi, openapi};

/// How long a stop waits for a database that takes nothing.
const PATIENCE_AT_THE_END: Duration = Duration::from_secs(5);

fn transcribe_settings(config: &Config) -> TranscribeSettings {
    TranscribeSettings {
        models: config.paths.models(),
        model: config.speech.model.clone(),
        smaller: config.speech.smaller_model.clone(),
        workers: config.speech.workers,
        partial: config.speech.partial,
        hints: config.hints(),
    }
}

fn pause_keys(config: &Config) -> PauseKeys {
    PauseKeys { pause: config.privacy.pause_keys.clone(), resume: config.privacy.resume_keys.clone() }
}

fn privacy_settings(config: &Config) -> PrivacySettings {
    PrivacySettings { redact: config.privacy.redact, keys: pause_keys(config), cache: config.paths.state.join("cache") }
}

fn keep_settings(config: &Config) -> KeepSettings {
    let retention = &config.retention;
    KeepSettings {
        state: config.paths.state.clone(),
        audio_days: retention.audio_days,
        text_days: retention.text_days,
        alerts_days: retention.alerts_days,
        warn_free: retention.warn_free_mb * 1_000_000,
        drop_free: retention.drop_free_mb * 1_000_000,
        stop_free: retention.stop_free_mb * 1_000_000,
    }
}

/// Runs until SIGTERM. `path` is where the configuration came from, for SIGHUP.
pub async fn run(config: Config, path: Option<PathBuf>) -> Result<()> {
    host::raise_file_limit();
    let started = wall_clock();
    let mut signals = Signals::new().context("take over the signals")?;
    let metrics = metrics_exporter_prometheus::PrometheusBuilder::new()
        .set_buckets(crate::pipeline::SECONDS_BUCKETS)?
        .install_recorder()
        .context("start the metrics")?;
    crate::pipeline::describe_metrics();
    crate::api::walls::describe_metrics();
    upload::describe_metrics();
    crate::alerts::describe_metrics();

    for folder in [&config.paths.state, &config.paths.run] {
        std::fs::create_dir_all(folder)
            .with_context(|| format!("create {}; it must belong to lineside", folder.display()))?;
    }
    doors::audio_keys(&config)?;
    let _run = crate::store::lock_run(&config.paths.run)?;
    let (store, recovery) = Store::open(&config.paths.state)?;
    let audiosocket = bind(&config.audiosocket.listen, "audiosocket").await?;
    let http = bind(&config.http.listen, "http").await?;
    let (spool, spool_events) = Spool::open(&config.paths.state.join("spool"), recovery.highest.1)?;
    let analyser = Arc::new(RwLock::new(Arc::new(config.analyser()?)));

    // All bounded: who is ahead waits. Only capture never does, it has the disk before it.
    let (done_to, done) = mpsc::channel(1024);
    let (heard_to, heard) = mpsc::channel(4096);
    let (commands_to, commands) = mpsc::channel(256);
    let (listener_to, assignments) = std_mpsc::channel();

    let in_hand = InHand::open(&config.paths.state.join("in-hand"));
    let workers = Workers::new(transcribe_settings(&config), in_hand, done_to);
    let worker_threads = workers.start().context("start the speech threads")?;
    let listening = config.listening();
    match listening.voice.problem() {
        None => log::info!("voice activity: {:?}", listening.voice),
        Some(problem) => log::warn!("voice activity: {problem}"),
    }
    let voice = listening.voice.clone();
    let orders = Arc::clone(&workers);
    let longer = move || orders.orders.longer_utterances();
    let read = Arc::clone(&workers);
    let is_over = move |leg, found: Found| read.ahead.is_over(leg, found.start, found.end);
    std::thread::Builder::new()
        .name("listen".into())
        .spawn(move || listen::run(&assignments, &heard_to, listening, longer, is_over))?;
    let (governed, told, limit) = (Arc::clone(&workers), commands_to.clone(), config.limits.cpus);
    std::thread::Builder::new()
        .name("governor".into())
        .spawn(move || govern::run(&governed, &told, limit, wall_clock))?;

    let parts = Parts {
        store: store.clone(),
        spool: Arc::clone(&spool),
        listener: listener_to,
        workers: Arc::clone(&workers),
        analyser: Arc::clone(&analyser),
        privacy: privacy_settings(&config),
        now: wall_clock,
    };
    let live = tokio::select! {
        live = Live::recover(parts, recovery) => live?,
        () = asked_to_stop(&mut signals) => return Ok(()),
    };
    crate::pipeline::live::privacy::finish(&store).await;
    let stop_live = CancellationToken::new();
    let conductor = tokio::spawn(live.run(Inputs { spool: spool_events, heard, done, commands }, stop_live.clone()));

    let stop = CancellationToken::new();
    let keeper = Keeper::new(store.clone(), Arc::clone(&spool), keep_settings(&config));
    let keeper = tokio::spawn(keeper.run(wall_clock, stop.clone()));
    let last_frame = LastFrame::default();
    let mut sources = Vec::new();
    if let Some(listener) = audiosocket {
        let server = AudioSocket {
            spool: Arc::clone(&spool),
            stop: stop.clone(),
            last_frame: last_frame.clone(),
            stale: Duration::from_secs(config.limits.stale_call_s),
            allow: config.audiosocket.allow.clone().into(),
            connections: host::connections_for_sound(),
        };
        sources.push(tokio::spawn(server.run(listener)));
    }
    if config.eagi.enabled {
        let listener = unix_listener(&config.paths.run.join("eagi.sock"))?;
        let server = Eagi { spool: Arc::clone(&spool), stop: stop.clone(), last_frame: last_frame.clone() };
        sources.push(tokio::spawn(server.run(listener)));
    }
    let (mut recordings, mut troubles) = (None, Troubles::default());
    if !config.recordings.folders.is_empty() {
        let settings = RecordingSettings {
            folders: config.recordings.folders.clone(),
            naming: Naming::new(&config.recordings.patterns)?,
            stereo: config.recordings.stereo,
            max_age: Some(config.recordings.max_age_hours)
                .filter(|&hours| hours > 0)
                .map(|hours| Duration::from_secs(hours * 3600)),
        };
        let ledger = StoreLedger::new(store.clone(), Handle::current());
        let watcher =
            Recordings::new(settings, Arc::clone(&spool), ledger, Handle::current(), stop.clone(), last_frame.clone());
        troubles = watcher.troubles();
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
        recordings = Some(std::thread::Builder::new().name("recordings".into()).spawn(watch)?);
    }

    // Bounded: a sender waits for its answer as long as the conductor is behind.
    let (inlet_to, inlet) = mpsc::channel(64);
    let ingest = crate::pipeline::live::ingest::Ingest::new(Arc::clone(&spool), commands_to.clone());
    sources.push(tokio::spawn(ingest.run(inlet, stop.clone())));

    crate::pipeline::finished::notify::start(&config.notify, &store, &analyser, wall_clock, &stop)
        .context("start the notifiers")?;
    let ami = doors::ami(&config, pause_keys(&config), &commands_to);
    let ami_status = ami.as_ref().map(Ami::status);
    sources.extend(ami.map(|ami| tokio::spawn(ami.run(stop.clone()))));
    let mut health = health(&config, &workers, &voice, &last_frame, started);
    health.folders = Arc::new(move || troubles.list());
    health.ami = Arc::new(move || ami_status.as_ref().map(|status| doors::ami_health(status.get())));
    let tls = doors::tls(&config)?;
    let walls = tokio::select! {
        walls = Walls::new(doors::wall_settings(&config), store.clone(), wall_clock) => walls?,
        () = asked_to_stop(&mut signals) => return Ok(()),
    };
    let (again, reader) =
        Again::new(store.clone(), Arc::clone(&workers), Arc::clone(&analyser), privacy_settings(&config), wall_clock);
    let reader = tokio::spawn(reader.run(stop.clone()));
    let glossary = Glossary::open(&config.paths.state, Arc::clone(&workers));
    let liveness = Liveness { commands: commands_to.clone(), writer: store.writer().clone() };
    let api = Api {
        walls: Arc::new(walls),
        store: store.for_people(),
        commands: commands_to,
        health,
        metrics: api::Metrics(Arc::new(move || metrics.render())),
        inlet: api::Inlet { requests: inlet_to },
        desk: Desk::new(store.for_people(), Arc::clone(&analyser)),
        again,
        glossary,
        agents: Agents::of(&config.notify),
        audience: api::Audience::new(store.clone(), stop.clone()),
        cache: config.paths.state.join("cache"),
        uploads: uploads(&config, &spool),
        stop: stop.clone(),
    };
    let router = api::router(api);
    let mut servers = Vec::new();
    if let Some(listener) = http {
        log::info!("the page and the API are on {}", serve::said(&listener, tls.is_some()));
        doors::warn_of_doors(&config, &store).await?;
        let settings = ServeSettings {
            patience: Duration::from_secs(config.http.patience_s.into()),
            connections: config.http.connections,
            proxies: config.http.proxies.clone(),
            tls: tls.clone(),
        };
        servers.push(tokio::spawn(serve::tcp(listener, router.clone(), settings, stop.clone())));
    }
    let socket = unix_listener(&config.paths.run.join("api.sock"))?;
    socket.set_nonblocking(true)?;
    let socket = tokio::net::UnixListener::from_std(socket)?;
    let patience = Duration::from_secs(config.http.patience_s.into());
    servers.push(tokio::spawn(serve::unix(socket, router, patience, stop.clone())));

    host::tell_systemd(&[sd_notify::NotifyState::Ready]);
    let watchdog = sd_notify::watchdog_enabled().map(|patience| tokio::spawn(beat(liveness, patience / 3)));
    while signals.next().await == Wish::Reload {
        reload(path.as_deref(), &workers, &analyser, tls.as_ref());
    }
    log::info!("stopping: closing the sources, finishing what is in hand");
    host::tell_systemd(&[sd_notify::NotifyState::Stopping]);
    if let Some(watchdog) = watchdog {
        watchdog.abort(); // from here on TimeoutStopSec holds
    }
    store.writer().hurry();
    tokio::spawn(not_for_ever(store.writer().clone()));
    stop.cancel();
    for source in sources {
        let _ = source.await;
    }
    let thread_spool = Arc::clone(&spool);
    tokio::task::spawn_blocking(move || {
        if let Some(thread) = recordings {
            let _ = thread.join();
        }
        thread_spool.stop();
    })
    .await?;
    workers.queue.close();
    // A worker may be waiting for the conductor to take its text: the conductor goes on until they are done.
    tokio::task::spawn_blocking(move || {
        for thread in worker_threads {
            let _ = thread.join();
        }
    })
    .await?;
    stop_live.cancel();
    let _ = conductor.await;
    let _ = keeper.await;
    let _ = reader.await;
    for server in servers {
        // A client that holds its connection open does not hold us.
        let _ = tokio::time::timeout(Duration::from_secs(1), server).await;
    }
    tokio::task::spawn_blocking(move || store.writer().stop()).await?;
    for name in ["api.sock", "eagi.sock"] {
        let _ = std::fs::remove_file(config.paths.run.join(name));
    }
    Ok(())
}

/// Waits for SIGTERM. What a SIGHUP asks for is read at the start anyway.
async fn asked_to_stop(signals: &mut Signals) {
    while signals.next().await != Wish::Stop {}
}

/// A database that takes nothing does not keep us from stopping: after a few seconds what waits for it is left to the next start.
async fn not_for_ever(writer: Writer) {
    loop {
        tokio::time::sleep(PATIENCE_AT_THE_END).await;
        if let Some(problem) = writer.problem() {
            log::error!("database: {problem}. What waits for it is left to the next start");
            return writer.give_up();
        }
    }
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

fn health(config: &Config, workers: &Arc<Workers>, voice: &Voice, last_frame: &LastFrame, started: WallTime) -> Health {
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
        installed: Arc::new(move || models::installed(&folder).into_iter().map(doors::installed).collect()),
        models,
        voice: VoiceDetector { detector: voice.name().into(), problem: voice.problem() },
        ami: Arc::new(|| None),
        open_files: Arc::new(host::open_files),
        folders: Arc::new(Vec::new),
        started,
    }
}

fn uploads(config: &Config, spool: &Arc<Spool>) -> Uploads {
    let taker =
        upload::Uploads { spool: Arc::clone(spool), stereo: config.recordings.stereo, runtime: Handle::current() };
    let uploads = Uploads {
        folder: config.paths.state.join("uploads"),
        max_bytes: config.http.upload_mb.saturating_mul(1_000_000),
        take: Arc::new(move |path, extension, call, names, peer| {
            let handed = upload::Handed {
                path: path.into(),
                extension: extension.into(),
                call: call.clone(),
                names: names.clone(),
                peer: peer.into(),
            };
            taker.take(&handed).map_err(|error| error.to_string())
        }),
    };
    uploads.sweep();
    uploads
}

fn reload(
    path: Option<&Path>,
    workers: &Workers,
    analyser: &RwLock<Arc<crate::text::TextAnalyser>>,
    tls: Option<&Tls>,
) {
    host::tell_systemd(&[sd_notify::NotifyState::Reloading]);
    let loaded = Config::load(path).map_err(|error| error.to_string()).and_then(|config| {
        let texts = config.analyser().map_err(|error| error.to_string())?;
        Ok((config, texts))
    });
    match loaded {
        Ok((config, texts)) => {
            *analyser.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(texts);
            workers.reconfigure(transcribe_settings(&config));
            log::set_max_level(config.log.level);
            if let (Some(tls), Some(certificate), Some(key)) = (tls, &config.http.tls_certificate, &config.http.tls_key)
                && let Err(error) = tls.reload(certificate, key)
            {
                log::error!("{error}; the certificate stays as it was");
            }
            log::info!(
                "configuration read again; speech, text, log and TLS certificate are as it says, the rest after a restart"
            );
        }
        Err(error) => log::error!("{error}; everything stays as it was"),
    }
    host::tell_systemd(&[sd_notify::NotifyState::Ready]);
}

/// Connections that may wait to be accepted: a dialer puts through thousands of calls at once, and who finds no place comes again after a second.
const BACKLOG: u32 = 4096;

/// Opens a port; `None` where none is wanted. The kernel bounds what may wait by net.core.somaxconn.
async fn bind(address: &str, section: &str) -> Result<Option<TcpListener>> {
    if address.is_empty() {
        return Ok(None);
    }
    let listen = async {
        let mut refused = std::io::Error::other("the name has no address");
        for address in tokio::net::lookup_host(address).await? {
            let listening =
                if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }.and_then(|socket| {
                    socket.set_reuseaddr(true)?;
                    socket.bind(address)?;
                    socket.listen(BACKLOG)
                });
            match listening {
                Ok(listener) => return Ok(listener),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    };
    let listener = listen
        .await
        .with_context(|| format!("listen on {address}: who has it? `ss -ltnp`, or change [{section}] listen"))?;
    Ok(Some(listener))
}

/// A socket for the group of lineside; a stale one of a former run is replaced. The lock on the state folder says that no other daemon runs.
fn unix_listener(path: &Path) -> Result<std::os::unix::net::UnixListener> {
    let _ = std::fs::remove_file(path);
    let listener = std::os::unix::net::UnixListener::bind(path)
        .with_context(|| format!("listen on {}; check [paths] run", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o660))
        .with_context(|| format!("set the mode of {}", path.display()))?;
    Ok(listener)
}
