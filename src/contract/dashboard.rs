//! The shapes of call dashboards and of batch clients: times are seconds since 1970.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::alert::AlertAbout;
use super::message::{CallEndKind, SentimentKind};
use crate::call::{CallState, Level, Speaker};

/// Calls that are not over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunningCalls {
    /// Number of entries in the list.
    pub count: usize,
    /// The calls.
    pub calls: Vec<RunningCall>,
}

/// A call that is not over.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunningCall {
    /// The call.
    pub call_id: String,
    /// Its agent.
    pub agent: Option<String>,
    /// The other party's telephone number.
    pub caller: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    pub lead: Option<String>,
    /// State of the call.
    pub status: CallState,
    /// First sound, seconds since 1970.
    pub start_time: f64,
    /// Duration of the call so far, seconds.
    pub duration: f64,
    /// Segments of text.
    pub segments: i64,
    /// Length of its sound, seconds.
    pub audio_seconds: f64,
    /// Mean sentiment of the last segments, -1 to 1.
    pub rolling_sentiment: Option<f64>,
    /// Risk of the call, 0 to 1.
    pub risk_score: Option<f64>,
    /// The worst level among alerts that nobody has taken.
    pub alert_level: Option<Level>,
}

/// The first lines of a call, as the feed told them.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct History {
    /// The call.
    pub call_id: String,
    /// Number of lines.
    pub count: usize,
    /// The lines, in the order in which they became text.
    pub history: Vec<HistoryLine>,
}

/// A line of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HistoryLine {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: SentimentKind,
    /// The call.
    pub call_id: String,
    /// The words.
    pub text: String,
    /// Last sound, seconds since 1970.
    pub timestamp: f64,
    /// First sound, seconds of the call.
    pub start_time: f64,
    /// Last sound, seconds of the call.
    pub end_time: f64,
    /// The speaker of the line.
    pub speaker: Speaker,
    /// Its sentiment, -1 to 1; `null` in a language that no list has words of.
    pub sentiment_score: Option<f64>,
    /// The same in a word.
    #[schema(value_type = super::call::SentimentLabel)]
    pub sentiment_label: String,
    /// Mean probability of its words, 0 to 1.
    pub confidence: f64,
    /// Terms of the packs that were said.
    #[schema(value_type = Vec<String>)]
    pub keywords_detected: Vec<Value>,
    /// Profanity that was said.
    #[schema(value_type = Vec<String>)]
    pub profanity_detected: Vec<Value>,
    /// Mean sentiment of the call's last segments at that moment, -1 to 1.
    pub rolling_sentiment: Option<f64>,
}

/// Alerts, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecentAlerts {
    /// Number of entries in the list.
    pub count: usize,
    /// The alerts.
    pub alerts: Vec<RecentAlert>,
}

/// An alert whose time is in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecentAlert {
    /// Time at which the alert was raised, seconds since 1970.
    pub timestamp: f64,
    /// The same as a time.
    #[schema(format = DateTime)]
    pub at: String,
    /// Everything else.
    #[serde(flatten)]
    pub about: AlertAbout,
}

/// Number of clients on the feeds of call dashboards.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FeedStats {
    /// The feeds.
    pub websocket: Subscriptions,
    /// Time since the daemon's start, seconds.
    pub uptime: f64,
}

/// Number of clients by feed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Subscriptions {
    /// Listeners in all.
    pub total_clients: usize,
    /// Listeners by what they listen to: `all`, `alerts`, or a call.
    pub subscriptions: BTreeMap<String, usize>,
}

/// State of a call, in the words of batch clients.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Progress {
    /// The call.
    pub call_id: String,
    /// State of the call.
    pub status: BatchState,
    /// Name of the file that it came from; `null` of a call that came another way.
    #[schema(value_type = Option<String>)]
    pub file: Value,
    /// First sound.
    #[schema(format = DateTime)]
    pub created_at: String,
    /// Last sound or text.
    #[schema(format = DateTime)]
    pub updated_at: String,
    /// Length of its sound, seconds.
    pub duration_seconds: f64,
    /// Segments of text.
    pub segments: i64,
    /// Mean sentiment, -1 to 1.
    pub sentiment_score: Option<f64>,
    /// Risk of the call, 0 to 1.
    pub risk_score: Option<f64>,
    /// Reason of a failure.
    pub error: Option<String>,
}

/// State of a call in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BatchState {
    /// Its turn has not come.
    Queued,
    /// It is being transcribed, or runs.
    Processing,
    /// All of it is text.
    Completed,
    /// The call's audio could not be decoded.
    Failed,
}

/// The end of a call's old name when the call continues under another one, for pages that know calls by name alone.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EndByName {
    /// The kind of the message.
    #[serde(rename = "type")]
    #[schema(inline)]
    pub kind: CallEndKind,
    /// The same word again.
    #[schema(inline)]
    pub event: CallEndKind,
    /// The name that is no more.
    pub call_id: String,
    /// Time of the change, seconds since 1970.
    #[schema(value_type = f64)]
    pub timestamp: Value,
    /// The same as a time.
    #[schema(value_type = String, format = DateTime)]
    pub at: Value,
    /// Duration of the call until then, seconds.
    pub duration: f64,
    /// Always the same word.
    #[schema(inline)]
    pub reason: ByName,
    /// The new name.
    pub named: String,
}

super::words! {
    /// It got another name.
    ByName = "named",
}
