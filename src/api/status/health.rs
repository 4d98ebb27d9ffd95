//! Health of lineside: a real inference, the age of the backlog, the time of the last frame.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures_util::future::BoxFuture;

use super::detailed::Doctor;
use super::host::HostWatch;
use crate::call::WallTime;
use crate::contract::dialer::{DialerAgent, DialerHealth};
use crate::contract::doctor::DetailedHealth;
use crate::contract::seconds;
use crate::contract::status::{
    AmiHealth, Backlog, DatabaseHealth, FolderProblem, HealthReport, HealthState, Inference, InstalledModel,
    ModelReport, ModelStatus, OpenFiles, ReportsHealth, VoiceDetector,
};
use crate::pipeline::workers::status::{ModelState, Status};
use crate::store::Store;

/// An inference that worked this recently needs no probe.
const FRESH_MS: i64 = 60_000;
/// A probe that takes longer has failed.
const PROBE_PATIENCE: Duration = Duration::from_secs(20);
/// Text that is later than this is worth a warning.
const LATE_S: f64 = 30.0;

/// Runs one inference; tells how long it took.
pub type Probe = Arc<dyn Fn() -> BoxFuture<'static, Result<Duration, String>> + Send + Sync>;

/// Sources of the daemon's health.
#[derive(Clone)]
pub struct Health {
    /// State of the recogniser and its queue.
    pub status: Status,
    /// Time of the last live frame.
    pub last_frame: Arc<dyn Fn() -> Option<WallTime> + Send + Sync>,
    /// The wall clock.
    pub now: fn() -> WallTime,
    /// Tries the recogniser.
    pub probe: Probe,
    /// Folder of the models, for the list.
    pub models: PathBuf,
    /// Names and paths of the models on disk.
    pub installed: Arc<dyn Fn() -> Vec<InstalledModel> + Send + Sync>,
    /// The detector of voice activity, and its problem.
    pub voice: VoiceDetector,
    /// State of the connection to Asterisk's manager interface; `None` where none is configured.
    pub ami: Arc<dyn Fn() -> Option<AmiHealth> + Send + Sync>,
    /// State of the connection to the dialer's database; `None` where none is configured.
    pub dialer: Arc<dyn Fn() -> Option<DialerHealth> + Send + Sync>,
    /// Who is logged in to the dialer.
    pub dialer_agents: Arc<dyn Fn() -> Vec<DialerAgent> + Send + Sync>,
    /// Number of open files, and its limit; `None` where the system does not tell.
    pub open_files: Arc<dyn Fn() -> Option<(u64, u64)> + Send + Sync>,
    /// Recording folders that cannot be read now, with the reason.
    pub folders: Arc<dyn Fn() -> Vec<(PathBuf, String)> + Send + Sync>,
    /// State of the files of each day's calls; `None` where none are configured.
    pub reports: Arc<dyn Fn() -> Option<ReportsHealth> + Send + Sync>,
    /// Makes the doctor's checks.
    pub doctor: Doctor,
    /// Load, memory and disk of the machine.
    pub host: HostWatch,
    /// Time of the daemon's start.
    pub started: WallTime,
}

/// Renders `/metrics`.
#[derive(Clone)]
pub struct Metrics(pub Arc<dyn Fn() -> String + Send + Sync>);

/// Fewer free files than one in this many of the limit are a warning, because legs wait when there is none.
const FEW_FILES: u64 = 10;

/// `GET /health`: 200 when calls are heard and written down, or will be; 503 when they are not.
pub(in crate::api) async fn health(State(store): State<Store>, State(health): State<Health>) -> Response {
    let body = report(&store, &health, Trial::WhereNeeded).await;
    let failing = body.status == HealthState::Failing;
    let code = if failing { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    (code, Json(body)).into_response()
}

/// `GET /health/detailed`: the doctor's checks.
pub(in crate::api) async fn detailed(State(store): State<Store>, State(health): State<Health>) -> Json<DetailedHealth> {
    Json(health.doctor.look(report(&store, &health, Trial::Never)).await)
}

/// Whether the recogniser is tried for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trial {
    /// A trial when no inference has worked within a minute. May take 20 s.
    WhereNeeded,
    /// Never: the last inference counts.
    Never,
}

/// Makes the report.
async fn report(store: &Store, health: &Health, trial: Trial) -> HealthReport {
    let now = (health.now)();
    let inference = inference(health, now, trial).await;
    let backlog = store.backlog().await;
    let (waiting, said) = *backlog.as_ref().unwrap_or(&(0, None));
    let age = said.map(|said| seconds(now.0 - said.0));
    let ami = (health.ami)();
    let deaf = ami.as_ref().is_some_and(|ami| !ami.connected);
    let dialer = (health.dialer)();
    let nameless = dialer.as_ref().is_some_and(|dialer| !dialer.connected);
    let files = (health.open_files)();
    let few_files = files.is_some_and(|(open, limit)| limit.saturating_sub(open) < limit / FEW_FILES);
    let folders = (health.folders)();
    let refused = store.writer().problem();
    let reports = (health.reports)();
    let unwritten = reports.as_ref().is_some_and(|reports| !reports.ok);
    let troubled = few_files || unwritten || !folders.is_empty() || refused.is_some();
    let status = match (&backlog, inference.ok()) {
        (Err(_), _) | (_, Some(false)) => HealthState::Failing,
        (_, None) => HealthState::Degraded,
        _ if deaf || nameless || troubled || age.is_some_and(|age| age > LATE_S) => HealthState::Degraded,
        _ => HealthState::Ok,
    };
    HealthReport {
        status,
        version: env!("CARGO_PKG_VERSION").into(),
        uptime_s: seconds(now.0 - health.started.0),
        inference,
        backlog: Backlog { utterances: waiting, oldest_age_s: age },
        ami,
        dialer,
        last_frame: (health.last_frame)().map(WallTime::rfc3339),
        database: DatabaseHealth {
            ok: backlog.is_ok() && refused.is_none(),
            problem: refused,
            waiting_writes: store.writer().waiting(),
        },
        files: files.map(|(open, limit)| OpenFiles { ok: !few_files, open, limit }),
        recordings: folders.into_iter().map(|(folder, problem)| FolderProblem { folder, problem }).collect(),
        reports,
    }
}

/// Whether the recogniser works.
async fn inference(health: &Health, now: WallTime, trial: Trial) -> Inference {
    let snapshot = health.status.get();
    let fresh = snapshot.last_inference.is_some_and(|at| now.0 - at.0 < FRESH_MS);
    let engine = match snapshot.model {
        ModelState::Ready { engine } => engine,
        ModelState::Failed { problem } => return Inference::Failed { ok: false, engine: None, problem },
        state => return Inference::NotYet { ok: None, model: model_status(state) },
    };
    if fresh || trial == Trial::Never {
        // `last_error` is that of the last inference, and gone with the next one that works.
        if let Some(problem) = snapshot.last_error.filter(|_| !fresh) {
            return Inference::Failed { ok: false, engine: Some(engine), problem };
        }
        let took_ms = snapshot.last_inference_ms.unwrap_or(0);
        return Inference::Works { ok: true, engine, took_ms, probed: false };
    }
    let probed = match tokio::time::timeout(PROBE_PATIENCE, (health.probe)()).await {
        Ok(result) => result.map(|took| took.as_millis() as i64),
        Err(_) => Err(format!("no answer within {} s", PROBE_PATIENCE.as_secs())),
    };
    match probed {
        Ok(took_ms) => Inference::Works { ok: true, engine, took_ms, probed: true },
        Err(problem) => Inference::Failed { ok: false, engine: Some(engine), problem },
    }
}

/// State of the model in the contract's words.
pub(in crate::api) fn model_status(state: ModelState) -> ModelStatus {
    match state {
        ModelState::Waiting => ModelStatus::Waiting,
        ModelState::Loading => ModelStatus::Loading,
        ModelState::Ready { engine } => ModelStatus::Ready { engine },
        ModelState::Failed { problem } => ModelStatus::Failed { problem },
    }
}

/// `GET /health/models`
pub(in crate::api) async fn models(State(health): State<Health>) -> Json<ModelReport> {
    let snapshot = health.status.get();
    let advice = match &snapshot.model {
        ModelState::Waiting => Some(format!(
            "no model {:?} in {}: run `lineside model pull {}`; calls are recorded and will be transcribed then",
            snapshot.wanted,
            health.models.display(),
            snapshot.wanted
        )),
        _ => snapshot.language,
    };
    Json(ModelReport {
        model: model_status(snapshot.model),
        wanted: snapshot.wanted,
        workers: snapshot.workers,
        installed: (health.installed)(),
        last_inference: snapshot.last_inference.map(WallTime::rfc3339),
        last_inference_ms: snapshot.last_inference_ms,
        last_error: snapshot.last_error,
        advice,
        voice: health.voice,
    })
}

/// `GET /metrics`
pub(in crate::api) async fn metrics(State(metrics): State<Metrics>) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (metrics.0)())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_model_is_told_of_as_the_pipeline_knows_it() {
        for state in [
            ModelState::Waiting,
            ModelState::Loading,
            ModelState::Ready { engine: "whisper/base".into() },
            ModelState::Failed { problem: "broken".into() },
        ] {
            let before = serde_json::to_value(&state).expect("JSON");
            assert_eq!(serde_json::to_value(model_status(state)).expect("JSON"), before);
        }
    }

    #[test]
    fn health_has_the_fields_that_monitors_read() {
        let told = |inference: Inference| serde_json::to_value(inference).expect("JSON");
        let works = Inference::Works { ok: true, engine: "e".into(), took_ms: 5, probed: false };
        assert_eq!(told(works.clone()), json!({"ok": true, "engine": "e", "took_ms": 5, "probed": false}));
        let failed = |engine: Option<String>| told(Inference::Failed { ok: false, engine, problem: "p".into() });
        assert_eq!(failed(Some("e".into())), json!({"ok": false, "engine": "e", "problem": "p"}));
        assert_eq!(failed(None), json!({"ok": false, "problem": "p"}));
        let waits = told(Inference::NotYet { ok: None, model: ModelStatus::Waiting });
        assert_eq!(waits, json!({"ok": null, "model": {"state": "waiting"}}));
        let report = HealthReport {
            status: HealthState::Degraded,
            version: "1".into(),
            uptime_s: 2.5,
            inference: works,
            backlog: Backlog { utterances: 3, oldest_age_s: None },
            ami: None,
            dialer: None,
            last_frame: None,
            database: DatabaseHealth { ok: true, problem: None, waiting_writes: 0 },
            files: Some(OpenFiles { ok: true, open: 10, limit: 1024 }),
            recordings: vec![FolderProblem { folder: "/rec".into(), problem: "gone".into() }],
            reports: None,
        };
        let wanted = json!({
            "status": "degraded", "version": "1", "uptime_s": 2.5,
            "inference": {"ok": true, "engine": "e", "took_ms": 5, "probed": false},
            "backlog": {"utterances": 3, "oldest_age_s": null}, "ami": null, "dialer": null, "last_frame": null,
            "database": {"ok": true, "problem": null, "waiting_writes": 0}, "files": {"ok": true, "open": 10, "limit": 1024},
            "recordings": [{"folder": "/rec", "problem": "gone"}], "reports": null,
        });
        assert_eq!(serde_json::to_value(report).expect("JSON"), wanted);
    }
}
