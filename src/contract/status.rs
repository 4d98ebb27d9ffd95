//! How lineside is doing: health, models, the board, the box, the agents' notification service.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use utoipa::ToSchema;

use super::call::CallSummary;
use super::dialer::{DialerAgent, DialerHealth};
use crate::call::Speaker;

/// Whether calls are heard and transcribed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HealthState {
    /// They are.
    Ok,
    /// They will be, or something needs a look.
    Degraded,
    /// They are not.
    Failing,
}

/// Health of lineside.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HealthReport {
    /// The health in one word.
    pub status: HealthState,
    /// lineside's version.
    pub version: String,
    /// Time since the daemon's start, seconds.
    pub uptime_s: f64,
    /// The recogniser.
    pub inference: Inference,
    /// Utterances that wait for their text.
    pub backlog: Backlog,
    /// The connection to Asterisk's manager interface; `null` where none is wanted.
    pub ami: Option<AmiHealth>,
    /// The connection to the dialer's database; `null` where none is wanted.
    pub dialer: Option<DialerHealth>,
    /// Time of the last live frame of audio.
    #[schema(format = DateTime)]
    pub last_frame: Option<String>,
    /// The database.
    pub database: DatabaseHealth,
    /// Open files; `null` where the system does not tell.
    pub files: Option<OpenFiles>,
    /// Recording folders that cannot be read now.
    pub recordings: Vec<FolderProblem>,
    /// The files of each day's calls; `null` where none are wanted.
    pub reports: Option<ReportsHealth>,
}

/// Health of the files of each day's calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportsHealth {
    /// Whether the last try worked.
    pub ok: bool,
    /// Folder of the files.
    pub folder: String,
    /// The last day that was written.
    pub last_day: Option<String>,
    /// Reason why a day could not be written.
    pub problem: Option<String>,
}

/// Whether the recogniser works.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum Inference {
    /// It works.
    Works {
        /// `true`
        ok: bool,
        /// Engine and model.
        engine: String,
        /// Duration of the inference, milliseconds.
        took_ms: i64,
        /// Whether it was tried for this answer; else an inference has worked within a minute.
        probed: bool,
    },
    /// It was tried, and does not.
    Failed {
        /// `false`
        ok: bool,
        /// Engine and model; absent where none could be loaded.
        #[serde(skip_serializing_if = "Option::is_none")]
        engine: Option<String>,
        /// Reason, and the remedy.
        problem: String,
    },
    /// No model is loaded.
    NotYet {
        /// `null`
        #[schema(value_type = Option<bool>)]
        ok: Option<bool>,
        /// State of the model.
        model: ModelStatus,
    },
}

impl Inference {
    /// Whether it works; `None` while there is no model.
    pub const fn ok(&self) -> Option<bool> {
        match self {
            Self::Works { .. } => Some(true),
            Self::Failed { .. } => Some(false),
            Self::NotYet { .. } => None,
        }
    }
}

/// State of the model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelStatus {
    /// There is no model yet; audio is kept until one is installed.
    Waiting,
    /// It is being read from disk.
    Loading,
    /// It is ready.
    Ready {
        /// Engine and model.
        engine: String,
    },
    /// It is there, but cannot be used.
    Failed {
        /// Reason, and the remedy.
        problem: String,
    },
}

/// Utterances that wait for their text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Backlog {
    /// Utterances.
    pub utterances: i64,
    /// Age of the oldest of them, seconds; `null` where none waits.
    pub oldest_age_s: Option<f64>,
}

/// The connection to Asterisk's manager interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AmiHealth {
    /// Whether events come.
    pub connected: bool,
    /// Address of Asterisk.
    pub address: String,
    /// Time of the last change between connected and not connected.
    #[schema(format = DateTime)]
    pub since: String,
    /// Reason why there is no connection.
    pub problem: Option<String>,
    /// Classes that its section of manager.conf lacks under `write`: `reporting` for lists of channels, `originate` and `call` for taps.
    pub missing_rights: Vec<String>,
    /// Classes that it has under `write` and lineside does not need: `command`, `config`, `dialplan`, `system`.
    pub more_rights: Vec<String>,
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseHealth {
    /// Whether the database can be read and written.
    pub ok: bool,
    /// Reason why it cannot be written.
    pub problem: Option<String>,
    /// Number of changes that wait to be written.
    pub waiting_writes: usize,
}

/// Open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenFiles {
    /// Whether enough are left.
    pub ok: bool,
    /// Number of open files.
    pub open: u64,
    /// Number of files that may be open.
    pub limit: u64,
}

/// A recording folder that cannot be read now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FolderProblem {
    /// The folder.
    #[schema(value_type = String)]
    pub folder: PathBuf,
    /// Reason, and the remedy.
    pub problem: String,
}

/// The models, and which is in use.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ModelReport {
    /// State of the model.
    pub model: ModelStatus,
    /// The model that the configuration asks for.
    pub wanted: String,
    /// Threads that transcribe.
    pub workers: usize,
    /// Models on disk.
    pub installed: Vec<InstalledModel>,
    /// The last inference that worked.
    #[schema(format = DateTime)]
    pub last_inference: Option<String>,
    /// Duration of the last inference, milliseconds.
    pub last_inference_ms: Option<i64>,
    /// The error of the last inference, where it failed.
    pub last_error: Option<String>,
    /// The remedy.
    pub advice: Option<String>,
    /// The detector of voice activity.
    pub voice: VoiceDetector,
}

/// A model on disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct InstalledModel {
    /// Its name, without ending.
    pub name: String,
    /// Its file or folder.
    #[schema(value_type = String)]
    pub path: PathBuf,
    /// The engine of the model's format: `whisper` or `ctranslate2`.
    pub kind: String,
}

/// The detector of voice activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VoiceDetector {
    /// `silero` or `earshot`.
    pub detector: String,
    /// The problem with it, and the remedy.
    pub problem: Option<String>,
}

/// The running calls in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Board {
    /// Number of the feed's last message. A feed that continues after it misses nothing.
    pub last_event: i64,
    /// The daemon's clock.
    #[schema(format = DateTime)]
    pub now: String,
    /// The calls.
    pub calls: Vec<BoardCall>,
    /// Agents whose line was closed in the last five minutes.
    pub hung_up: Vec<HungUp>,
    /// Agents who are logged in to ViciDial, by their names; empty where its database is not read.
    pub dialer_agents: Vec<DialerAgent>,
}

/// An agent whose line was closed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
pub struct HungUp {
    /// The agent's user or extension.
    pub agent: String,
    /// Time at which it was closed last.
    #[schema(format = DateTime)]
    pub at: String,
}

/// A running call in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoardCall {
    /// The fields that every list shows.
    #[serde(flatten)]
    pub summary: CallSummary,
    /// Sentiment of its last segments, in order of time, -1 to 1; `null` before anybody spoke.
    pub course: Option<Vec<f64>>,
    /// Its last segment; `null` before anybody spoke.
    pub last_words: Option<LastWords>,
}

/// The last segment of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LastWords {
    /// The speaker of the segment.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// First sound, seconds of the call.
    pub start_time: f64,
}

/// State of the box: whether text is in time, and what the machine has left.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoxState {
    /// The daemon's clock.
    #[schema(format = DateTime)]
    pub now: String,
    /// lineside's version.
    pub version: String,
    /// Calls that are not over, by their ids.
    pub calls: BTreeMap<String, BoxCall>,
    /// Agents who are logged in to ViciDial, by their names; empty where its database is not read.
    pub dialer_agents: Vec<DialerAgent>,
    /// Utterances that wait to become text.
    pub backlog: i64,
    /// Age of the oldest of them, seconds; `null` where none waits.
    pub lag_s: Option<f64>,
    /// Alerts that nobody has taken, of all calls that the token sees.
    pub open_alerts: i64,
    /// State of the model.
    pub model: ModelStatus,
    /// Whether the model is ready.
    pub ready: bool,
    /// Threads that transcribe.
    pub workers: usize,
    /// CPUs that quota, affinity and configuration allow; `null` before the first look.
    pub cpus_allowed: Option<f64>,
    /// CPUs of the machine.
    pub cpus: usize,
    /// Load, memory and disk of the machine, at most five seconds old; `null` where the kernel does not give them.
    pub host: Option<HostState>,
    /// Number of the degradation step, 0 (nothing is left out) to 6.
    pub step: usize,
    /// The same in a sentence; `null` before the first look.
    pub step_says: Option<String>,
}

/// The machine that lineside runs on, other programs included.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HostState {
    /// Load average: tasks that ran or waited for a CPU, mean of the last minute.
    pub load: f64,
    /// Memory of the machine, bytes.
    pub memory_bytes: u64,
    /// Memory that programs can get without swapping, bytes.
    pub memory_available_bytes: u64,
    /// Free space on the disk of the state folder, bytes; `null` where the system does not tell.
    pub disk_free_bytes: Option<u64>,
}

/// A call that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoxCall {
    /// The other party's telephone number.
    pub phone: Option<String>,
    /// The agent.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    pub lead: Option<String>,
    /// Age of the oldest of its words that wait for text, seconds; `null` where none waits.
    pub behind_s: Option<f64>,
    /// Whether it breaches a limit of `[sla]` so far.
    pub sla_breached: bool,
}

/// Whether the agents' notification service would take a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentServiceHealth {
    /// The service's state in one word.
    pub status: ServiceState,
    /// Always the same word.
    #[schema(inline)]
    pub service_name: AgentServiceName,
    /// Time of the question.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Results of the checks.
    pub checks: ServiceChecks,
    /// The service's answer.
    pub details: ServiceDetails,
}

super::words! {
    /// The agents' notification service.
    AgentServiceName = "agent_notification_service",
}

/// Whether a service would take a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ServiceState {
    /// It would.
    Healthy,
    /// It would not.
    Unhealthy,
}

/// Results of the checks of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceChecks {
    /// Whether it answers.
    pub api_connectivity: bool,
    /// Whether it takes the key.
    pub authentication: bool,
}

/// The answer of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ServiceDetails {
    /// It was asked.
    Asked {
        /// `true`
        configured: bool,
        /// The notifier's name.
        notifier: String,
        /// Status of its answer; `null` where none came.
        response_code: Option<u16>,
        /// The problem.
        detail: Option<String>,
    },
    /// A message was sent to it.
    Sent {
        /// `true`
        configured: bool,
        /// The notifier's name.
        notifier: String,
        /// The problem.
        detail: Option<String>,
    },
    /// No service is configured.
    None {
        /// `false`
        configured: bool,
        /// The setting that is missing.
        detail: String,
    },
}

/// Whether something worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Success {
    /// It did.
    Success,
    /// It did not.
    Failed,
}

/// Whether the agents' notification service takes the key.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AuthTest {
    /// The result in one word.
    pub status: Success,
    /// Whether it takes the key.
    pub token_obtained: bool,
    /// Always `null`: a key of the configuration does not run out.
    pub token_expires_in: Option<i64>,
    /// The service's answer.
    pub details: ServiceDetails,
}

/// Result of a test message to the agents' notification service.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotificationTest {
    /// The result in one word.
    pub status: Success,
    /// Whether it was taken.
    pub notification_sent: bool,
    /// Status of its answer; `null` where none came.
    pub agent_response_code: Option<u16>,
    /// The service's answer.
    pub details: ServiceDetails,
}

/// Results of test messages.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotifierTests {
    /// The results, notifier by notifier.
    pub tests: Vec<NotifierTest>,
}

/// Result of a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotifierTest {
    /// The notifier's name.
    pub notifier: String,
    /// Whether it was taken.
    pub sent: bool,
    /// Status of the answer; `null` where none came.
    pub response_code: Option<u16>,
    /// The problem.
    pub detail: Option<String>,
}
