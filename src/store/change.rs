//! What the pipeline asks the writer to make true: one enum, applied in order, one transaction per batch.
//!
//! Keys are given by the pipeline (counters seeded from the database at start), so that nobody waits for the database to learn a name.
//! A batch is all or nothing; its events get their ids at commit and are published only after it.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::alerts::NewAlert;
use super::notifications::Tried;
use super::privacy::PrivacyChange;
use super::recordings::RecordingRow;
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, Source, UtteranceKey, WallTime, Word};
use crate::contract::message::Message;

/// One change of the database.
#[derive(Clone, Debug)]
pub enum Change {
    /// Sessions, tokens in use, who read what.
    Walls(super::tokens::WallChange),
    /// A call appears.
    CallOpened(NewCall),
    /// A call learns names: only the fields that are `Some` change.
    CallNamed {
        /// Which call.
        call: CallKey,
        /// What is now known of it.
        names: CallNames,
    },
    /// A call gets another public id; the old one stays as an alias.
    CallRenamed {
        /// Which call.
        call: CallKey,
        /// Its id from now on.
        id: CallId,
    },
    /// A call is found under another name too. Nothing happens where a call has that name already.
    AlsoNamed {
        /// Whose name it is.
        whose: Named,
        /// The name.
        id: CallId,
    },
    /// All legs, utterances and events of `from` become those of `into`; `from`'s id stays as an alias.
    /// Leg offsets are moved so that times stay those of the wall clock.
    CallMerged {
        /// The call that goes.
        from: CallKey,
        /// The call that stays.
        into: CallKey,
    },
    /// A call moves on in its life.
    CallMoved {
        /// Which call.
        call: CallKey,
        /// Where it stands now.
        state: CallState,
        /// When.
        at: WallTime,
        /// Why, for an end ("hangup", "manual", "recovered" …).
        reason: Option<String>,
    },
    /// The call's running figures, replaced whole.
    CallFigures {
        /// Which call.
        call: CallKey,
        /// Its figures now.
        figures: CallFigures,
    },
    /// How much a call needs somebody.
    CallRisk {
        /// Which call.
        call: CallKey,
        /// 0 to 1.
        score: f64,
        /// How it is made, as the API shows it.
        parts: serde_json::Value,
    },
    /// Something must be shown: kept and published. Ignored when the call has an alert with that origin.
    AlertRaised(Box<NewAlert>),
    /// Somebody takes an alert. Ignored when somebody had.
    AlertAcknowledged {
        /// Its number.
        alert: i64,
        /// Who.
        by: String,
        /// When.
        at: WallTime,
    },
    /// What has come since the last time is queued for a notifier.
    NotifierFilled {
        /// Its name.
        notifier: String,
        /// Levels that it sends.
        levels: Vec<&'static str>,
        /// When.
        at: WallTime,
    },
    /// A notification was tried.
    NotificationTried {
        /// Its row.
        id: i64,
        /// What became of it.
        tried: Tried,
        /// When.
        at: WallTime,
    },
    /// A leg appears.
    LegOpened(NewLeg),
    /// How far a leg has come, while it is open.
    LegGrown {
        /// Which leg.
        leg: LegKey,
        /// Samples on disk.
        samples: u64,
        /// When its last frame came.
        at: WallTime,
    },
    /// Another platform has sent a chunk of sound.
    ChunkTaken {
        /// Of which call.
        call: CallKey,
    },
    /// A leg got its last sample.
    LegClosed {
        /// Which leg.
        leg: LegKey,
        /// Samples in all.
        samples: u64,
        /// Why ("hangup", "closed", "idle", "recovered", …).
        reason: String,
        /// When.
        at: WallTime,
    },
    /// The sound showed that a leg is not what its name said.
    LegLabelled {
        /// Which leg.
        leg: LegKey,
        /// What it is.
        label: Leg,
    },
    /// A leg's audio now lies elsewhere (recording moved, or copied into the spool).
    LegMoved {
        /// Which leg.
        leg: LegKey,
        /// Where its audio is now.
        path: PathBuf,
        /// Whether lineside owns the file (spool) or only refers to it.
        owned: bool,
    },
    /// The VAD found a stretch of speech. Ignored when the leg already has an utterance with that start.
    UtteranceFound(NewUtterance),
    /// A call began earlier than was known: all in it moves along.
    CallBegins {
        /// Which call.
        call: CallKey,
        /// When it began.
        at: WallTime,
    },
    /// An utterance waits for something else now.
    UtteranceWaits {
        /// Which utterance.
        utterance: UtteranceKey,
        /// [`UtteranceState::WaitingForModel`] or [`UtteranceState::Pending`].
        state: UtteranceState,
    },
    /// An utterance has its text (or none). Ignored, with its events, when it already had: a segment is never written twice.
    UtteranceDone {
        /// Which utterance.
        utterance: UtteranceKey,
        /// How it ended: `Done`, `Empty` or `Failed`.
        state: UtteranceState,
        /// The text in order of time; empty unless `Done`.
        segments: Vec<NewSegment>,
        /// Why it is empty or failed, as shown in the diagnostics.
        note: Option<String>,
        /// Which engine and model, e.g. `whisper/base.en-q8_0`.
        engine: String,
        /// Wall time of the inference, milliseconds.
        took_ms: i64,
        /// When the text was ready.
        at: WallTime,
        /// How long after its last word, milliseconds; `None` where nobody was waiting for it: it was said before, or not heard live.
        lag_ms: Option<i64>,
    },
    /// There is a model now: what waited for one is in the queue.
    ModelArrived,
    /// A key was pressed.
    Dtmf {
        /// On which leg.
        leg: LegKey,
        /// When, in the call.
        at: CallTime,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// A recording was seen, or read to its end.
    Recording {
        /// What is known of it.
        row: RecordingRow,
        /// When.
        at: WallTime,
    },
    /// Something must not be seen or heard.
    Privacy(PrivacyChange),
    /// Something to tell the world and to keep for those who ask later.
    Event(NewEvent),
}

/// What has a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A call.
    Call(CallKey),
    /// The call of a leg.
    Leg(LegKey),
}

/// Where an utterance stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UtteranceState {
    /// Found, but there is no model to read it.
    WaitingForModel,
    /// In the queue or under inference.
    Pending,
    /// Has its text.
    Done,
    /// Read, and no words were in it (or the guard dropped them).
    Empty,
    /// Could not be read; the note says why.
    Failed,
}

/// A call as it appears.
#[derive(Clone, Debug)]
pub struct NewCall {
    /// Row number.
    pub key: CallKey,
    /// Public id.
    pub id: CallId,
    /// By which road.
    pub source: Source,
    /// When the first frame came, or the recording began.
    pub started: WallTime,
    /// What is known of it.
    pub names: CallNames,
}

/// A leg as it appears.
#[derive(Clone, Debug)]
pub struct NewLeg {
    /// Row number.
    pub key: LegKey,
    /// Its call.
    pub call: CallKey,
    /// Which direction.
    pub leg: Leg,
    /// By which road.
    pub source: Source,
    /// Sample rate.
    pub rate_hz: u32,
    /// When its first sample was heard.
    pub started: WallTime,
    /// The leg's start inside its call.
    pub offset: CallTime,
    /// The file that holds its audio.
    pub path: PathBuf,
    /// Channel inside that file, from 0.
    pub channel: u16,
    /// Whether lineside owns the file (spool) or only refers to it.
    pub owned: bool,
    /// Who sent it: `127.0.0.1:40312`, or the recording's path.
    pub peer: Option<String>,
}

/// A stretch of speech.
#[derive(Clone, Debug)]
pub struct NewUtterance {
    /// Row number.
    pub key: UtteranceKey,
    /// Its call.
    pub call: CallKey,
    /// Its leg.
    pub leg: LegKey,
    /// First sample on the leg, at the leg's rate.
    pub start_sample: u64,
    /// One past the last sample.
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
    /// VADER's compound, -1 to 1; the sender's own where lineside has no lexicon for the language.
    pub compound: f64,
    /// What the sender says of its mood, -1 to 1.
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
    pub keywords: Vec<Term>,
    /// Profanity found.
    pub profanity: Vec<Term>,
}

/// A term of a pack that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Term {
    /// As it was said, in lower case.
    pub term: String,
    /// Its label in the pack, e.g. `cancellation`.
    pub label: String,
}

/// A call's running figures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CallFigures {
    /// Segments so far.
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
    /// Whose, when it is a call's.
    pub call: Option<CallKey>,
    /// When.
    pub at: WallTime,
    /// The message as it goes out. The feed adds nothing to it.
    pub message: Message,
}
