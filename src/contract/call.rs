//! Calls and their text: short for lists, whole for a page; search.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::alert::AlertMessage;
use super::correction::Correction;
use super::dialer::DialerFacts;
use super::pass::TextPass;
use super::sla::{CallSla, TagReason};
use super::statistics::CallReview;
use crate::call::pbx::PbxEventKind;
use crate::call::{CallState, Leg, Level, ProcessingMode, Source, Speaker, Stage, StageState};

/// The fields of a call that every list shows.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSummary {
    /// The call's public id: Asterisk's uniqueid where it is known.
    pub call_id: String,
    /// State of the call.
    pub status: CallState,
    /// The source by which its audio or text came.
    pub source: Source,
    /// First sound.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Last sound or text.
    #[schema(format = DateTime)]
    pub last_activity: String,
    /// Time at which the last source was closed; `null` before.
    #[schema(format = DateTime)]
    pub hangup_time: Option<String>,
    /// Time at which the last words became text; `null` before.
    #[schema(format = DateTime)]
    pub end_time: Option<String>,
    /// Reason for which the call ended; `null` before.
    pub end_reason: Option<String>,
    /// Asterisk's uniqueid.
    pub uniqueid: Option<String>,
    /// AudioSocket's UUID, lower case.
    pub uuid: Option<String>,
    /// The agent's user or extension.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The lead's or customer record's number.
    pub lead: Option<String>,
    /// The other party's telephone number.
    pub phone: Option<String>,
    /// Metadata that the client which named the call added.
    #[schema(value_type = Object)]
    pub metadata: Value,
    /// Length of the call's sound, seconds.
    pub total_audio_duration: f64,
    /// Segments of text.
    pub segment_count: i64,
    /// Mean sentiment of all segments, -1 to 1.
    pub sentiment: Option<f64>,
    /// Mean sentiment of the last segments, -1 to 1.
    pub rolling_sentiment: Option<f64>,
    /// Whether an alert was raised.
    pub has_alerts: bool,
    /// Alerts that nobody has taken.
    pub open_alerts: i64,
    /// The worst level among those.
    pub alert_level: Option<Level>,
    /// Risk of the call, 0 to 1: how badly it needs somebody's attention.
    pub risk_score: Option<f64>,
    /// Points of its score card, of a hundred; `null` before it is over, or where nothing could be judged.
    pub score: Option<f64>,
    /// Whether it breaches a limit of `[sla]`; while it runs, so far.
    pub sla_breached: bool,
    /// Tags by people and packs, in order.
    pub tags: Vec<String>,
    /// Those of `tags` that packs have put on it.
    pub automatic_tags: Vec<String>,
    /// Whether the call is transcribed live, after its end, or both.
    pub processing_mode: ProcessingMode,
}

/// A page of a list of calls, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallList {
    /// The calls.
    pub calls: Vec<CallSummary>,
    /// Value of `cursor` for the next page; `null` on the last one.
    pub next_cursor: Option<String>,
    /// Agents whose names are near, where nothing was found and nobody has the name that was asked for.
    pub similar_agents: Vec<String>,
}

/// All that is known of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDetail {
    /// The fields that every list shows.
    #[serde(flatten)]
    pub summary: CallSummary,
    /// The connection that the call came by.
    pub connection_info: ConnectionInfo,
    /// Its text, in order of time.
    pub transcript_segments: Vec<Segment>,
    /// Its text as one string.
    pub cumulative_transcript: String,
    /// Its stages: how far each is. Empty before it is over.
    #[schema(value_type = Object)]
    pub processing_plan: BTreeMap<Stage, StageState>,
    /// Its streams of sound, in the order in which they opened.
    pub legs: Vec<LegInfo>,
    /// The sources of its audio, in the order of `legs`: which of them were transcribed, and why.
    pub sources: Vec<CallSource>,
    /// Stretches whose text is there twice, for their sound came by two ways and both were heard.
    pub doubled: Vec<DoubledSound>,
    /// Events of the call that Asterisk's manager interface reported, in order of time.
    pub pbx_events: Vec<PbxEventShown>,
    /// The limits of `[sla]`, and how the call compares with them.
    pub sla: CallSla,
    /// Reasons for the packs' tags.
    pub tag_reasons: Vec<TagReason>,
    /// Its alerts, in order of time.
    pub alerts: Vec<AlertMessage>,
    /// Corrections by people, by place in the call.
    pub corrections: Vec<Correction>,
    /// Facts from the dialer's database; `null` where there is none, or before it was asked.
    pub dialer: Option<DialerFacts>,
    /// The review of the finished call; `null` before its end.
    pub review: Option<CallReview>,
    /// The risk with its parts; `null` before anybody spoke.
    #[schema(value_type = Option<Risk>)]
    pub risk: Value,
    /// Sentiment of the call and of each leg.
    #[schema(value_type = Option<CallSentiment>)]
    pub figures: Value,
}

/// A source of a call's audio.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSource {
    /// The kind of source.
    pub source: Source,
    /// The direction that it holds.
    pub leg: Leg,
    /// Number of its leg in `legs`.
    pub leg_id: i64,
    /// Whether any of it was transcribed.
    pub heard: bool,
    /// Transcribed stretches, seconds from the call's start; an end is `null` while it goes on.
    pub stretches: Vec<(f64, Option<f64>)>,
    /// Reason why the source is transcribed, or why not.
    pub why: String,
}

/// An event of a call on the PBX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PbxEventShown {
    /// Time of the event, as the PBX reported it.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Kind of the event.
    pub kind: PbxEventKind,
    /// Side of the call; `null` where it is not known.
    pub leg: Option<Leg>,
    /// Name of the channel.
    pub channel: String,
    /// Queue, agent, extension, direction, cause or reason, as the kind says.
    pub detail: Option<String>,
}

/// The connection that a call came by.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ConnectionInfo {
    /// Address and port of the peer; `null` of a call that came as a file.
    pub client_addr: Option<(String, u16)>,
    /// AudioSocket's UUID.
    pub temp_connection_id: Option<String>,
    /// First sound.
    #[schema(format = DateTime)]
    pub start_time: String,
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Segment {
    /// Its number.
    pub segment_id: i64,
    /// The words.
    pub text: String,
    /// First sound, seconds of the call.
    pub start_time: f64,
    /// Last sound, seconds of the call.
    pub end_time: f64,
    /// Its length, seconds; `null` of text that came without its sound.
    pub duration: Option<f64>,
    /// Mean probability of its words, 0 to 1.
    pub confidence: f64,
    /// The speaker of the segment.
    pub speaker: Speaker,
    /// The leg of the segment.
    pub leg: Leg,
    /// Language code; `null` where it is not known.
    pub language: Option<String>,
    /// Its sentiment.
    pub sentiment: Sentiment,
    /// Sentiment that the platform which sent the text gave it, -1 to 1.
    pub sender_sentiment: Option<f64>,
    /// Terms of the packs that were said.
    #[schema(value_type = Vec<Term>)]
    pub keywords: Value,
    /// Profanity that was said.
    #[schema(value_type = Vec<Term>)]
    pub profanity: Value,
    /// Its words; `null` where there are none.
    pub words: Option<Vec<SegmentWord>>,
    /// Engine and model that wrote it, or `ingest/` and the platform that sent it.
    pub engine: Option<String>,
}

/// Sentiment of a segment, by VADER.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Sentiment {
    /// -1 (negative) to 1 (positive); `null` in a language that no list has words of.
    pub compound: Option<f64>,
    /// Positive share, 0 to 1; likewise.
    pub pos: Option<f64>,
    /// Neutral share, 0 to 1; likewise.
    pub neu: Option<f64>,
    /// Negative share, 0 to 1; likewise.
    pub neg: Option<f64>,
    /// The compound in a word.
    #[schema(value_type = SentimentLabel)]
    pub label: String,
}

/// A sentiment in a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SentimentLabel {
    /// 0.05 or more.
    Positive,
    /// Between the others.
    Neutral,
    /// -0.05 or less.
    Negative,
    /// No list has words of the language.
    Unavailable,
}

/// A term of a pack that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Term {
    /// The term in lower case, as it was said.
    pub term: String,
    /// Its label in the pack.
    pub label: String,
}

/// A word of a segment.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SegmentWord {
    /// As written.
    #[schema(value_type = String)]
    pub text: Value,
    /// First sound, seconds of the call.
    pub start_time: Option<f64>,
    /// Last sound, seconds of the call.
    pub end_time: Option<f64>,
    /// Mean probability of its tokens, 0 to 1.
    #[schema(value_type = f64)]
    pub confidence: Value,
}

/// A stream of a call's sound: one side, or both.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LegInfo {
    /// Direction of the sound.
    pub leg: Leg,
    /// Its number.
    pub leg_id: i64,
    /// The source of the leg.
    pub source: Source,
    /// Samples per second.
    pub rate_hz: u32,
    /// First sound.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Begin of the leg, seconds of the call.
    pub offset: f64,
    /// Its length, seconds.
    pub duration: f64,
    /// Address of the sender, or name of the file.
    pub peer: Option<String>,
    /// Time at which the leg was closed; `null` while it is open.
    #[schema(format = DateTime)]
    pub closed: Option<String>,
    /// Reason for which the leg was closed; `null` while it is open.
    pub close_reason: Option<String>,
    /// Address of its audio; `null` of text that came without audio.
    pub audio_url: Option<String>,
}

/// A stretch of a call whose text is there twice.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DoubledSound {
    /// The two legs with the same voice.
    pub leg_ids: (i64, i64),
    /// Begin, seconds of the call.
    pub start_time: f64,
    /// End, seconds of the call.
    pub end_time: f64,
    /// The sources of the double text, and the remedy.
    pub detail: String,
}

/// The risk of a call, with its parts. It stays as it was when the last text of the call came.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Risk {
    /// 0 to 1.
    pub score: f64,
    /// Formula by which the parts are combined.
    pub formula: String,
    /// The parts.
    pub parts: Vec<RiskPart>,
}

/// A part of the risk.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RiskPart {
    /// Its name.
    pub part: String,
    /// The most that it can bring alone, 0 to 1.
    pub weight: f64,
    /// 0 (nothing) to 1 (as bad as it gets).
    pub value: f64,
    /// Weight times value.
    pub share: f64,
    /// The basis of the part, in words.
    pub says: String,
}

/// Sentiment of a call, and of each leg. Empty before anybody spoke.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSentiment {
    /// All legs together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<RunningSentiment>,
    /// Leg by leg.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub legs: Option<std::collections::BTreeMap<String, RunningSentiment>>,
}

/// Sentiment over segments in order of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RunningSentiment {
    /// Number of segments so far.
    pub segments: u32,
    /// Positive ones.
    pub positive: u32,
    /// Neutral ones.
    pub neutral: u32,
    /// Negative ones.
    pub negative: u32,
    /// Negative ones in a row, up to the last.
    pub consecutive_negative: u32,
    /// The most negative, -1 to 1.
    pub min: Option<f64>,
    /// The most positive, -1 to 1.
    pub max: Option<f64>,
    /// Mean of all, -1 to 1.
    pub mean: Option<f64>,
    /// Mean of the last ten, -1 to 1.
    pub rolling: Option<f64>,
}

/// Calls that are not over, in figures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SessionStats {
    /// Calls that are not over.
    pub active_sessions: usize,
    /// Length of their sound in all, seconds.
    pub total_audio_duration: f64,
    /// Their segments in all.
    pub total_segments: i64,
    /// Mean length of their sound, seconds.
    pub average_duration_per_session: f64,
    /// Their ids.
    pub session_list: Vec<String>,
}

/// A call's text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Transcript {
    /// The call.
    pub call_id: String,
    /// Its text as one string.
    pub cumulative_transcript: String,
    /// Language code of most of it; `null` where it is not known.
    pub language: Option<String>,
    /// `final` where the call was transcribed again, unless the live text was asked for.
    pub pass: TextPass,
    /// Segments.
    pub segment_count: usize,
    /// Length of its sound, seconds.
    pub total_duration: f64,
    /// Its segments; absent unless `include_segments` asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Segment>>,
}

/// The state of a call after it was named.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NamedCall {
    /// The call's id from now on.
    pub call_id: String,
    /// Whether its sound is here already.
    pub status: Naming,
}

/// Whether the call that was named is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Naming {
    /// It is here, and has its names.
    Named,
    /// The call has not begun yet: it gets the names when it begins.
    Expected,
}

/// Kind of search, and the order of its hits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SearchBy {
    /// Full text; hits in the order in which their text was written, the newest first.
    #[default]
    Words,
    /// Meaning; the best hits first.
    Meaning,
    /// Both; the best hits of either first.
    Both,
}

impl SearchBy {
    /// What a word means.
    pub fn parse(word: &str) -> Option<Self> {
        match word {
            "words" => Some(Self::Words),
            "meaning" => Some(Self::Meaning),
            "both" => Some(Self::Both),
            _ => None,
        }
    }
}

/// Places where something was said: by words the text that was written last first, else best first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SearchHits {
    /// The question, as it was asked.
    pub query: String,
    /// How it was searched: by words or by meaning.
    pub by: SearchBy,
    /// The places.
    pub hits: Vec<SearchHit>,
    /// Value of `offset` for the next page; `null` on the last one.
    pub next_offset: Option<u32>,
    /// Agents whose names are near, where nothing was found and nobody has the name that was asked for.
    pub similar_agents: Vec<String>,
}

/// A place where something was said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SearchHit {
    /// Id of the call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub call_start_time: String,
    /// Its agent.
    pub agent: Option<String>,
    /// Its campaign, in-group or queue.
    pub campaign: Option<String>,
    /// The words around it.
    pub snippet: String,
    /// Score of the hit. Meaning: cosine of the two vectors, up to 1. Both: sum of the reciprocal ranks. Words: `null`.
    pub score: Option<f64>,
    /// Segments that say nearly the same and are not listed for themselves: `alike=all` lists them. 0 with it, `null` by words.
    pub alike: Option<u32>,
    /// The segment.
    pub segment: Segment,
}
