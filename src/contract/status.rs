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

/// How lineside is doing.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HealthReport {
    /// In a word.
    pub status: HealthState,
    /// lineside's version.
    pub version: String,
    /// How long the daemon has run, seconds.
    pub uptime_s: f64,
    /// The recogniser.
    pub inference: Inference,
    /// What waits to become text.
    pub backlog: Backlog,
    /// The connection to Asterisk's manager interface; `null` where none is wanted.
    pub ami: Option<AmiHealth>,
    /// The connection to the dialer's database; `null` where none is wanted.
    pub dialer: Option<DialerHealth>,
    /// When the last live frame of sound came.
    #[schema(format = DateTime)]
    pub last_frame: Option<String>,
    /// The database.
    pub database: DatabaseHealth,
    /// Open files; `null` where the system does not tell.
    pub files: Option<OpenFiles>,
    /// Recording folders of which nothing is taken now.
    pub recordings: Vec<FolderProblem>,
    /// The files of each day's calls; `null` where none are wanted.
    pub reports: Option<ReportsHealth>,
}

/// How the files of each day's calls are doing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ReportsHealth {
    /// Whether the last try worked.
    pub ok: bool,
    /// Where the files go.
    pub folder: String,
    /// The last day that was written.
    pub last_day: Option<String>,
    /// Why a day could not be written.
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
        /// How long an inference took, milliseconds.
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
        /// Why, and what to do.
        problem: String,
    },
    /// No model is loaded.
    NotYet {
        /// `null`
        #[schema(value_type = Option<bool>)]
        ok: Option<bool>,
        /// Where the model stands.
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

/// Where the model stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelStatus {
    /// None is there yet; sound is kept until one comes.
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
        /// Why, and what to do.
        problem: String,
    },
}

/// What waits to become text.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
pub struct Backlog {
    /// Utterances.
    pub utterances: i64,
    /// How long ago the oldest was said, seconds; `null` where none waits.
    pub oldest_age_s: Option<f64>,
}

/// The connection to Asterisk's manager interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AmiHealth {
    /// Whether events come.
    pub connected: bool,
    /// Where Asterisk is.
    pub address: String,
    /// Since when it is so.
    #[schema(format = DateTime)]
    pub since: String,
    /// Why there is no connection.
    pub problem: Option<String>,
    /// Classes that its section of manager.conf lacks under `write`: `reporting` for lists of channels, `originate` and `call` for taps.
    pub missing_rights: Vec<String>,
    /// Classes that it has under `write` and lineside does not need: `command`, `config`, `dialplan`, `system`.
    pub more_rights: Vec<String>,
}

/// The database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DatabaseHealth {
    /// Whether it reads and writes.
    pub ok: bool,
    /// Why it takes nothing.
    pub problem: Option<String>,
    /// What waits to be written.
    pub waiting_writes: usize,
}

/// Open files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct OpenFiles {
    /// Whether enough are left.
    pub ok: bool,
    /// How many are open.
    pub open: u64,
    /// How many may be.
    pub limit: u64,
}

/// A recording folder of which nothing is taken now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct FolderProblem {
    /// The folder.
    #[schema(value_type = String)]
    pub folder: PathBuf,
    /// Why, and what to do.
    pub problem: String,
}

/// The models, and which is in use.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ModelReport {
    /// Where the model stands.
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
    /// How long it took, milliseconds.
    pub last_inference_ms: Option<i64>,
    /// What went wrong, where the last inference failed.
    pub last_error: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// Who tells voice from everything else.
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
    /// The engine that reads it: `whisper` or `ctranslate2`.
    pub kind: String,
}

/// Who tells voice from everything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct VoiceDetector {
    /// `silero` or `earshot`.
    pub detector: String,
    /// What is wrong with it, and what to do.
    pub problem: Option<String>,
}

/// The running calls in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Board {
    /// Number of the last message of the feed: one that goes on after it misses nothing.
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
    /// When it was closed last.
    #[schema(format = DateTime)]
    pub at: String,
}

/// A running call in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct BoardCall {
    /// What every list shows of it.
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
    /// Who speaks.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
    /// First sound, seconds of the call.
    pub start_time: f64,
}

/// How the box keeps up.
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
    /// How long ago the oldest of them was said, seconds.
    pub lag_s: Option<f64>,
    /// Alerts that nobody has taken, of all calls that the token sees.
    pub open_alerts: i64,
    /// Where the model stands.
    pub model: ModelStatus,
    /// Whether the model is ready.
    pub ready: bool,
    /// Threads that transcribe.
    pub workers: usize,
    /// CPUs that quota, affinity and configuration allow; `null` before the first look.
    pub cpus_allowed: Option<f64>,
    /// CPUs of the machine.
    pub cpus: usize,
    /// How much is left out so that the rest is in time, 0 (nothing) to 6.
    pub step: usize,
    /// The same in a sentence; `null` before the first look.
    pub step_says: Option<String>,
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
    /// How long ago the oldest of its words that wait was said, seconds; `null` where none waits.
    pub behind_s: Option<f64>,
    /// Whether it breaches a limit of `[sla]` so far.
    pub sla_breached: bool,
}

/// Whether the agents' notification service would take a message.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentServiceHealth {
    /// In a word.
    pub status: ServiceState,
    /// Always the same word.
    #[schema(inline)]
    pub service_name: AgentServiceName,
    /// When it was asked.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// What was looked at.
    pub checks: ServiceChecks,
    /// What it answered.
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

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ServiceChecks {
    /// Whether it answers.
    pub api_connectivity: bool,
    /// Whether it takes the key.
    pub authentication: bool,
}

/// What a service answered.
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
        /// What is wrong.
        detail: Option<String>,
    },
    /// A message was sent to it.
    Sent {
        /// `true`
        configured: bool,
        /// The notifier's name.
        notifier: String,
        /// What is wrong.
        detail: Option<String>,
    },
    /// There is none.
    None {
        /// `false`
        configured: bool,
        /// What is missing.
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
    /// In a word.
    pub status: Success,
    /// Whether it takes the key.
    pub token_obtained: bool,
    /// Always `null`: a key of the configuration does not run out.
    pub token_expires_in: Option<i64>,
    /// What it answered.
    pub details: ServiceDetails,
}

/// What became of a test message to the agents' notification service.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotificationTest {
    /// In a word.
    pub status: Success,
    /// Whether it was taken.
    pub notification_sent: bool,
    /// Status of its answer; `null` where none came.
    pub agent_response_code: Option<u16>,
    /// What it answered.
    pub details: ServiceDetails,
}

/// What became of test messages.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotifierTests {
    /// Notifier by notifier.
    pub tests: Vec<NotifierTest>,
}

/// What became of a test message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct NotifierTest {
    /// The notifier's name.
    pub notifier: String,
    /// Whether it was taken.
    pub sent: bool,
    /// Status of the answer; `null` where none came.
    pub response_code: Option<u16>,
    /// What is wrong.
    pub detail: Option<String>,
}
