//! Inserts new rows (calls, legs, utterances, segments, events) and updates their state.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::call::{
    CallId, CallKey, CallNames, CallTime, Leg, LegKey, ProcessingMode, Source, UtteranceKey, WallTime, Word,
};
use crate::contract::message::Message;

/// A row that has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedRow {
    /// A call.
    Call(CallKey),
    /// The call of a leg.
    Leg(LegKey),
}

/// State of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UtteranceState {
    /// Found, but there is no model to transcribe it.
    WaitingForModel,
    /// In the queue or under inference.
    Pending,
    /// Has its text.
    Done,
    /// Read, and no words were in it (or the guard dropped them).
    Empty,
    /// Its audio could not be read; the note says why.
    Failed,
}

/// A call as it appears.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Row number.
    pub key: CallKey,
    /// Public id.
    pub id: CallId,
    /// The source of its audio.
    pub source: Source,
    /// Mode of processing: live, after the call, or both.
    pub mode: ProcessingMode,
    /// Time of the first frame, or begin of the recording.
    pub started: WallTime,
    /// Names of the call.
    pub names: CallNames,
}

/// A leg as it appears.
#[derive(Clone, Debug)]
pub struct NewLeg {
    /// Row number.
    pub key: LegKey,
    /// Row number of its call.
    pub call: CallKey,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The source of its audio.
    pub source: Source,
    /// Sample rate.
    pub rate_hz: u32,
    /// Time of its first sample.
    pub started: WallTime,
    /// The leg's start inside its call.
    pub offset: CallTime,
    /// The file that holds its audio.
    pub path: PathBuf,
    /// Channel inside that file, from 0.
    pub channel: u16,
    /// Whether lineside owns the file (spool) or only refers to it.
    pub owned: bool,
    /// Address of the sender, such as `127.0.0.1:40312`, or the recording's path.
    pub peer: Option<String>,
}

/// A stretch of speech.
#[derive(Clone, Debug)]
pub struct NewUtterance {
    /// Row number.
    pub key: UtteranceKey,
    /// Row number of its call.
    pub call: CallKey,
    /// Row number of its leg.
    pub leg: LegKey,
    /// First sample on the leg, at the leg's rate.
    pub start_sample: u64,
    /// One past its last sample.
    pub end_sample: u64,
    /// Start inside the call.
    pub start: CallTime,
    /// End inside the call.
    pub end: CallTime,
    /// [`UtteranceState::Pending`] or [`UtteranceState::WaitingForModel`].
    pub state: UtteranceState,
}

/// A piece of text with all that is known of it.
#[derive(Clone, Debug)]
pub struct NewSegment {
    /// Start inside the call.
    pub start: CallTime,
    /// End inside the call.
    pub end: CallTime,
    /// The words as written.
    pub text: String,
    /// Mean token probability, 0 to 1.
    pub confidence: f64,
    /// Language code, where known.
    pub language: Option<String>,
    /// Words with times inside the call.
    pub words: Vec<Word>,
    /// VADER's compound, -1 to 1; where lineside has no list for the language the sender's own, or `None`.
    pub compound: Option<f64>,
    /// Sentiment that the sender gave it, -1 to 1.
    pub sender_sentiment: Option<f64>,
    /// Share of positive, neutral and negative valence, 0 to 1.
    pub pos: f64,
    /// See `pos`.
    pub neu: f64,
    /// See `pos`.
    pub neg: f64,
    /// `positive`, `neutral` or `negative`.
    pub label: String,
    /// Keywords found: term and label.
    pub keywords: Vec<TermRow>,
    /// Profanity found.
    pub profanity: Vec<TermRow>,
}

/// A term of a pack that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TermRow {
    /// The term in lower case, as it was said.
    pub term: String,
    /// Its label in the pack, e.g. `cancellation`.
    pub label: String,
}

/// A call's running figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallFigures {
    /// Number of segments so far.
    pub segments: i64,
    /// Mean compound over all segments; `None` before the first.
    pub sentiment: Option<f64>,
    /// Mean compound over the last few segments (the window of the configuration).
    pub rolling: Option<f64>,
    /// Lowest compound.
    pub min: Option<f64>,
    /// Highest compound.
    pub max: Option<f64>,
    /// Negative segments in a row, up to now.
    pub consecutive_negative: i64,
    /// Everything else that is kept per call and per leg, as one JSON object.
    pub detail: serde_json::Value,
}

/// An event for the feeds.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Row number of the call; `None` where it is about none.
    pub call: Option<CallKey>,
    /// Time of the event.
    pub at: WallTime,
    /// The message as it goes out. The feed adds nothing to it.
    pub message: Message,
}
