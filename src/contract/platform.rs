//! The shapes of `/api/realtime`, as connectors of other platforms know them.

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::alert::AlertTaken;
use crate::call::{Fired, Leg, Level, Severity};

/// An alert in the shape of this family.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformAlert {
    /// Number of the alert.
    pub id: i64,
    /// The call.
    pub call_id: String,
    /// The worst rule that fired.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Level of the alert, in the words of the analytics platforms.
    pub severity: Severity,
    /// Level of the alert.
    pub level: Level,
    /// Rules and reasons in a line.
    pub message: String,
    /// Whether somebody has taken it.
    pub acknowledged: bool,
    /// Time at which it was acknowledged.
    #[schema(format = DateTime)]
    pub acknowledged_at: Option<String>,
    /// Time at which it was raised.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Rules and words that raised it.
    pub metadata: PlatformAlertReasons,
}

/// Rules and words that raised an alert.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformAlertReasons {
    /// The rules that fired, the worst first.
    pub rules: Vec<Fired>,
    /// The call's risk, 0 to 1.
    pub risk_score: f64,
    /// The segment; empty where no words raised it.
    pub text: String,
    /// The leg on which the words were said.
    pub speaker: Option<Leg>,
}

/// A call as it stands.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformSnapshot {
    /// The call.
    pub call_id: String,
    /// The platform that sends it; empty of a call that is not known.
    pub provider: String,
    /// State of the call.
    pub status: PlatformCallState,
    /// Risk of the call, 0 to 1.
    pub risk_score: f64,
    /// Mean sentiment of its last segments, -1 to 1.
    pub sentiment_score: f64,
    /// Last sound or text; `null` of a call that is not known.
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
    /// Its agent; absent of a call that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub agent: Option<Value>,
    /// Its last texts, and its last chunks without a word, by time.
    pub events: Vec<PlatformEvent>,
    /// Its alerts, newest first.
    pub alerts: Vec<PlatformAlert>,
    /// Audio of the call that can be played.
    pub live_audio: LiveAudio,
}

/// State of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlatformCallState {
    /// The call is not known.
    Idle,
    /// It runs.
    Active,
    /// It is over.
    Ended,
}

/// A text of a call, or a chunk of sound without a word.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformEvent {
    /// Number of the segment, or a name of the chunk.
    pub id: EventId,
    /// Kind of the event.
    pub event_type: PlatformEventKind,
    /// `customer`, `agent` or `mixed`.
    #[schema(value_type = Option<String>)]
    pub speaker: Value,
    /// The words; empty of a chunk.
    pub text: String,
    /// Its sentiment, -1 to 1; `null` of a chunk.
    pub sentiment: Option<f64>,
    /// Sentiment that the sender gave the text, -1 to 1.
    pub sender_sentiment: Option<f64>,
    /// Mean probability of its words, 0 to 1; `null` of a chunk.
    pub confidence: Option<f64>,
    /// Terms of the packs that were said.
    #[schema(value_type = Vec<super::call::Term>)]
    pub keywords: Value,
    /// Begin, seconds of the call.
    pub start_time: f64,
    /// End, seconds of the call.
    pub end_time: f64,
    /// Time at which it was said.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub timestamp: Value,
}

/// Number of a segment, or a name of a chunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum EventId {
    /// Number of a segment.
    Number(i64),
    /// Name of a chunk.
    Name(String),
}

/// Kind of an event of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlatformEventKind {
    /// A text.
    Transcript,
    /// Sound without a word.
    AudioChunk,
}

/// Audio of a call that can be played.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LiveAudio {
    /// The call.
    pub call_id: String,
    /// Whether there is any.
    pub available: bool,
    /// Its length, seconds, the window at most.
    pub duration_seconds: f64,
    /// Samples per second; `null` where there is none.
    pub sample_rate: Option<u32>,
    /// Channels of what is played.
    pub channels: Option<u16>,
    /// Bytes per sample.
    pub sample_width: Option<u16>,
    /// Chunks that were sent.
    pub chunk_count: i64,
    /// Last sound or text.
    #[schema(format = DateTime)]
    pub updated_at: Option<String>,
    /// A name of the last chunk; empty without one.
    pub last_chunk_id: String,
    /// Length of the audio that can be played, counted back from now, seconds.
    pub window_seconds: i64,
}

/// Audio of a call that can be played, and the preferred kind of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LiveAudioMeta {
    /// Always `true`.
    pub ok: bool,
    /// The call.
    pub call_id: String,
    /// Audio of the call that can be played.
    pub live_audio: LiveAudio,
    /// The sound to prefer.
    pub preferred_source: SoundSource,
}

/// Preferred audio of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SoundSource {
    /// There is none.
    None,
    /// That of the running call.
    Live,
    /// The recording.
    Recorded,
}

/// State of a call after an event was taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EventTaken {
    /// Always `true`.
    pub ok: bool,
    /// The call.
    pub call_id: String,
    /// Risk of the call, 0 to 1.
    pub risk_score: f64,
    /// Mean sentiment of its last segments, -1 to 1.
    pub sentiment_score: f64,
    /// Alerts that were raised since the request came.
    pub alerts: Vec<PlatformAlert>,
    /// The call as it stands.
    pub snapshot: PlatformSnapshot,
    /// Mistakes in the request that did no harm.
    pub warnings: Vec<String>,
}

/// State of a call after a chunk was taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ChunkTaken {
    /// State of the call.
    #[serde(flatten)]
    pub taken: EventTaken,
    /// Audio of the call that can be played.
    pub audio: LiveAudio,
    /// Texts that were taken, at least 1.
    pub ingested_events: usize,
}

/// Alerts, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformAlerts {
    /// Always `true`.
    pub ok: bool,
    /// Number of alerts in the list.
    pub count: usize,
    /// The alerts.
    pub alerts: Vec<PlatformAlert>,
}

/// An alert after it was taken.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PlatformAck {
    /// Always `true`.
    pub ok: bool,
    /// The alert.
    pub alert: PlatformAlertShown,
}

/// An alert: complete for tokens that may read calls.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
#[serde(untagged)]
pub enum PlatformAlertShown {
    /// The complete alert, for tokens that may read calls.
    Whole(Box<PlatformAlert>),
    /// The acknowledgement alone, for other tokens.
    Taken(AlertTaken),
}

/// The first message of a stream that follows no call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct IdleSnapshot {
    /// Always `idle`.
    pub status: PlatformCallState,
    /// Always `null`.
    pub call_id: Option<String>,
}
