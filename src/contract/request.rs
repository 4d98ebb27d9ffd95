//! What clients send, for the document alone: handlers read bodies field by field, so that each mistake is named.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Stage;

/// Names of a call, also before its sound comes. One of `uuid`, `call_id` and `uniqueid` is needed; whole numbers count as texts. A uniqueid
/// goes in quotes: as a number it would lose its last zeros, so numbers with a fraction are refused.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct NameCall {
    /// The call, by any id that it has.
    #[schema(min_length = 1, max_length = 160)]
    pub call_id: Option<String>,
    /// AudioSocket's UUID.
    #[schema(format = "uuid")]
    pub uuid: Option<String>,
    /// Asterisk's uniqueid, by which the call is known from then on.
    #[schema(min_length = 1, max_length = 160)]
    pub uniqueid: Option<String>,
    /// The agent's user or extension.
    #[schema(min_length = 1, max_length = 200)]
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    #[schema(min_length = 1, max_length = 200)]
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    #[schema(min_length = 1, max_length = 200)]
    pub lead: Option<String>,
    /// The other party's telephone number.
    #[schema(min_length = 1, max_length = 200)]
    pub phone: Option<String>,
    /// Anything else, up to 4096 bytes of JSON.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
}

/// A call that is to be tapped.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct StartTap {
    /// A channel of Asterisk by name or uniqueid, or a call by its id.
    #[schema(min_length = 1, max_length = 200)]
    pub target: String,
    /// Samples per second: 8000, which it is without it, or 16000 with an Asterisk of October 2025 or later.
    #[schema(minimum = 8000, maximum = 16_000, multiple_of = 8000)]
    pub rate: Option<u32>,
}

/// Recordings that are to be fetched from another server.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct FetchRequest {
    /// Ids of the calls: up to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub call_ids: Vec<String>,
    /// Name of the server in the configuration; may be left out where there is one alone.
    pub remote: Option<String>,
    /// Time at which the calls began, for `{date:…}` in the path: a date or a time (local without a zone). The default is the begin of the call as
    /// known here, or that in its uniqueid.
    pub at: Option<String>,
}

/// A supervisor who wants to listen in by telephone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ListenRequest {
    /// The supervisor's telephone: its phone login in ViciDial.
    #[schema(min_length = 1, max_length = 15, pattern = "^[A-Za-z0-9_-]+$")]
    pub phone: String,
}

/// A word or a speaker that is set right. What is left out stays.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CorrectSegment {
    /// Number of the segment.
    pub segment_id: i64,
    /// Its whole text.
    #[schema(min_length = 1, max_length = 2000)]
    pub text: Option<String>,
    /// The speaker from now on; left out, the speaker stays.
    pub speaker: Option<crate::call::Speaker>,
    /// Name of the person who corrects it, 1 to 100 bytes; the default is `unknown`.
    #[schema(min_length = 1, max_length = 100)]
    pub by: Option<String>,
}

/// A review of a call, in the place of the reviewer's one before.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewCall {
    /// Rule by rule; what is left out is not judged.
    #[schema(min_items = 1)]
    pub rules: Vec<ReviewRule>,
    /// Comment on the call as a whole.
    #[schema(max_length = 2000)]
    pub comment: Option<String>,
}

/// Points for one rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ReviewRule {
    /// Name of the rule, as the score card has it.
    #[schema(min_length = 1, max_length = 100)]
    pub rule: String,
    /// Points from 0 to the rule's worth; `null` where nothing in the call asked for it.
    #[schema(minimum = 0, required)]
    pub points: Option<f64>,
    /// Comment on the rule.
    #[schema(max_length = 2000)]
    pub comment: Option<String>,
}

/// An objection to the points for a rule.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RaiseDispute {
    /// Name of the rule, as the score card has it.
    #[schema(min_length = 1, max_length = 100)]
    pub rule: String,
    /// Text of the objection.
    #[schema(min_length = 1, max_length = 2000)]
    pub text: String,
}

/// An answer to a dispute.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AnswerDispute {
    /// Whether the agent is right.
    pub state: DisputeOutcome,
    /// The answer to the agent, with its reason.
    #[schema(min_length = 1, max_length = 2000)]
    pub answer: String,
}

/// Result of a dispute.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DisputeOutcome {
    /// The agent is right.
    Upheld,
    /// The points stay.
    Rejected,
}

/// An action on several calls. A form has the same fields, with `call_ids` and `tags` repeated or separated by commas. Unknown fields of JSON and fields
/// of another action are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct BulkRequest {
    /// The action.
    pub action: BulkAction,
    /// Ids of the calls: up to 1,000, for `export` up to 10,000.
    #[schema(min_items = 1, max_items = 10_000)]
    pub call_ids: Vec<String>,
    /// For `export`: the format of the file; the default is `csv`.
    pub format: Option<ManyFormat>,
    /// For `tag` and `untag`: tags of 1 to 40 characters.
    pub tags: Option<Vec<String>>,
    /// For `process`: run this stage alone.
    pub stage: Option<Stage>,
    /// For `process`: run this stage and all after it.
    pub from: Option<Stage>,
    /// For `reprocess` and `process`: run the voice activity detector again before transcription.
    pub vad: Option<bool>,
}

/// An action on several calls.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BulkAction {
    /// One file with all of them.
    Export,
    /// Tags are put on all of them.
    Tag,
    /// Tags are taken off all of them.
    Untag,
    /// They are transcribed again from their sound.
    Reprocess,
    /// They go through their stages again, or through some.
    Process,
    /// They are erased.
    Delete,
}

/// Format of a file with several calls.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ManyFormat {
    /// An array of calls.
    Json,
    /// For people.
    Text,
    /// A row for each segment.
    Csv,
    /// CSV with a row for each call.
    Calls,
}

/// Format of a file with one call.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportFormat {
    /// All that is known of it.
    Json,
    /// For people.
    Text,
    /// The same.
    Txt,
    /// A row for each segment.
    Csv,
    /// Subtitles.
    Srt,
    /// Subtitles for browsers.
    Vtt,
}

/// The calls or the person to be erased, by one of these keys.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ForgetRequest {
    /// Telephone number of the person; punctuation and a leading 00 or + do not count.
    Phone(String),
    /// This lead.
    Lead(String),
    /// This one call, by any of its ids.
    Call(String),
    /// These calls, by any of their ids; those that are not there are left out.
    Calls(Vec<String>),
}

/// The person who acknowledges an alert. Unknown fields are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TakeAlert {
    /// A name of 1 to 100 bytes; `unknown` without it.
    #[schema(min_length = 1, max_length = 100)]
    pub by: Option<String>,
}

/// The person who acknowledges alerts, and the alerts: all of a call, or those with these numbers. Unknown fields are refused.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TakeAlerts {
    /// A name of 1 to 100 bytes; `unknown` without it.
    #[schema(min_length = 1, max_length = 100)]
    pub by: Option<String>,
    /// The call whose open alerts are taken.
    #[schema(max_length = 160)]
    pub call_id: Option<String>,
    /// Numbers of alerts, where no call is named.
    #[schema(min_items = 1, max_items = 1000)]
    pub ids: Option<Vec<i64>>,
}

/// The person who acknowledges an alert, under any of the names that platforms use; one of them at least, unless the body is left out or empty.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlatformTakeAlert {
    /// A name; cut after 100 characters.
    pub by: Option<String>,
    /// The same.
    pub acknowledged_by: Option<String>,
    /// The same.
    pub user: Option<String>,
}

/// An event of a call of another platform.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlatformEventRequest {
    /// The call, in the platform's words.
    #[schema(min_length = 1, max_length = 160)]
    pub call_id: String,
    /// The platform; `unknown` without it.
    #[schema(max_length = 60)]
    pub provider: Option<String>,
    /// Kind of the event. A word for the end, such as `call_ended`, ends the call; others are told apart by whether they have text.
    #[schema(max_length = 60)]
    pub event_type: Option<String>,
    /// The same for the call's state, as `ended`.
    #[schema(max_length = 60)]
    pub status: Option<String>,
    /// Text of the event.
    #[schema(max_length = 10_000)]
    pub text: Option<String>,
    /// The speaker: `agent` or `customer`; any other word means both.
    #[schema(max_length = 60)]
    pub speaker: Option<String>,
    /// The same, where `speaker` is absent.
    #[schema(max_length = 60)]
    pub channel: Option<String>,
    /// Time of the event: RFC 3339, or seconds since 1970. The default is now.
    #[schema(value_type = Option<String>)]
    pub timestamp: Option<serde_json::Value>,
    /// Language code.
    #[schema(max_length = 16)]
    pub language: Option<String>,
    /// Confidence of the platform in the text.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub confidence: Option<f64>,
    /// Sentiment that the platform gives the text.
    #[schema(minimum = -1.0, maximum = 1.0)]
    pub sentiment: Option<f64>,
    /// The agent.
    #[schema(max_length = 200)]
    pub agent_id: Option<String>,
    /// The same, where `agent_id` is absent.
    #[schema(max_length = 200)]
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    #[schema(max_length = 200)]
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    #[schema(max_length = 200)]
    pub customer_id: Option<String>,
    /// Anything else, up to 4096 bytes of JSON. `metrics.dead_air_seconds` tells a silence.
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<serde_json::Value>,
}

/// A chunk of sound, of text, or of both.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PlatformChunkRequest {
    /// The call, who and when.
    #[serde(flatten)]
    pub event: PlatformEventRequest,
    /// Audio in base64, up to 2 MB of it.
    pub audio_b64: Option<String>,
    /// Encoding of the audio; the default is `pcm_s16le`.
    pub audio_encoding: Option<ChunkEncoding>,
    /// Samples per second of `pcm_s16le`; 16,000 without it.
    #[schema(minimum = 8000, maximum = 48_000)]
    pub sample_rate: Option<f64>,
    /// Channels of `pcm_s16le`: of two, the first is the customer's and the second the agent's.
    #[schema(minimum = 1, maximum = 2)]
    pub channels: Option<f64>,
    /// Text of the chunk.
    #[schema(max_length = 10_000)]
    pub transcript: Option<String>,
    /// The same in pieces.
    #[schema(max_items = 100)]
    pub transcript_segments: Option<Vec<ChunkSegment>>,
}

/// Encoding of the audio in a chunk.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChunkEncoding {
    /// Samples of 16 bits, little endian.
    PcmS16le,
    /// A WAV file.
    Wav,
}

/// A piece of text of a chunk. What it does not say, the chunk says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ChunkSegment {
    /// The words.
    #[schema(max_length = 10_000)]
    pub text: Option<String>,
    /// The speaker.
    #[schema(max_length = 60)]
    pub speaker: Option<String>,
    /// Time at which it was said: a date or seconds since 1970. The default is the time of arrival.
    #[schema(value_type = Option<String>)]
    pub timestamp: Option<serde_json::Value>,
    /// Language code.
    #[schema(max_length = 16)]
    pub language: Option<String>,
    /// Confidence of the platform in the text.
    #[schema(minimum = 0.0, maximum = 1.0)]
    pub confidence: Option<f64>,
    /// Sentiment that the platform gives the text.
    #[schema(minimum = -1.0, maximum = 1.0)]
    pub sentiment: Option<f64>,
}

/// Recordings, and what is known of their calls.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UploadForm {
    /// The recordings: up to 100 parts with a file name, under any name.
    #[schema(value_type = Vec<String>, format = Binary)]
    pub file: Vec<String>,
    /// The agent's user or extension.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The other party's telephone number.
    pub phone: Option<String>,
    /// The lead's or customer record's number.
    pub lead: Option<String>,
}

/// A list of words, as a file.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct GlossaryForm {
    /// A CSV whose first column holds the terms, its columns separated by commas: the one part with a file name, under any name. A part `campaign` is
    /// refused: it goes into the address.
    #[schema(value_type = String, format = Binary)]
    pub file: String,
}

/// A login.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct LoginForm {
    /// The token.
    pub token: String,
}

/// What a client sends on `/ws/calls`, `/ws/calls/{id}` and `/ws/alerts`; a bare `ping` is answered too.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum SocketRequest {
    /// Asks for a sign of life.
    Ping,
    /// Asks for the messages of one call.
    Subscribe {
        /// The call; `all` or nothing for those of all.
        call_id: Option<String>,
    },
}
