//! The conductor's events, and what comes with each: the time, and facts that other rooms hold.
//!
//! The conductor asks nobody. Before an event it names the facts that it needs ([`Question`]); the shell looks them up and passes them in
//! ([`Facts`]).

use std::collections::HashMap;
use std::sync::Arc;

use super::call::CallBegin;
use super::listen::VadEvent;
use crate::call::{Alert, CallId, CallKey, CallNames, Leg, LegKey, Moment, Source, WallTime};
use crate::governor::Plan;
use crate::pipeline::command::{Pausing, Text, Wish};
use crate::pipeline::workers::Done;
use crate::speech::recogniser::Recognition;
use crate::spool::{LegAudio, SpoolEvent, SpooledLeg};
use crate::store::alerts::SpeechRow;
use crate::store::privacy::SilenceRow;
use crate::text::TextAnalyser;

/// An event for the conductor.
pub(super) enum Event {
    /// A connection or a leg comes, goes, or sends a key.
    Spool(SpoolEvent),
    /// The listener has heard something.
    Vad(VadEvent),
    /// A worker has finished a transcription.
    Done(Done),
    /// A request from another room.
    Request(Request),
    /// A quarter of a second has passed.
    Tick,
}

impl Event {
    /// Whether a sender waits for the event's result. Nobody waits for a leg's, nor for that of a pause that the manager interface requests.
    pub fn is_waited_for(&self) -> bool {
        !matches!(self, Self::Spool(_) | Self::Request(Request::PauseNamed(_)))
    }
}

/// A request from another room: a `Command` without its reply channel. [`super::effect::Answer`] is the answer.
#[derive(Debug)]
pub(super) enum Request {
    Name {
        call: String,
        names: CallNames,
    },
    End {
        call: CallKey,
        reason: String,
    },
    Said(Box<Said>),
    Chunk(Chunk),
    Alive,
    Pause {
        call: CallKey,
        pausing: Pausing,
        by: String,
        at: Moment,
    },
    /// Names from the PBX, which fill empty fields.
    NameFromPbx {
        call: String,
        names: Box<CallNames>,
    },
    /// Names that the dialer knows of a call.
    Expect {
        call: CallKey,
        names: Vec<String>,
    },
    /// Audio under this channel's name belongs to the call that another channel began.
    PartOf {
        channel: String,
        call: String,
    },
    PauseNamed(Wish),
    LetGo {
        calls: Vec<CallKey>,
    },
    Governed {
        plan: Plan,
        lag_s: f64,
    },
}

/// Text that another platform has recognised, or a silence that it has measured.
#[derive(Debug)]
pub(super) struct Said {
    pub leg: Arc<SpooledLeg>,
    /// Its first sample on the leg.
    pub start: u64,
    pub text: Option<Text>,
    pub silence_ms: Option<i64>,
    pub provider: String,
}

/// A chunk of sound that another platform has sent is on disk.
#[derive(Debug)]
pub(super) struct Chunk {
    pub legs: Vec<Arc<SpooledLeg>>,
    /// Whether it came without a word.
    pub alone: bool,
    pub length_ms: i64,
    /// Time at which it was said.
    pub at: WallTime,
}

/// The moment of an event, and what holds then.
#[derive(Clone)]
pub(super) struct Now {
    /// The present time by both clocks.
    pub at: Moment,
    /// Whether there is a model.
    pub model_ready: bool,
    /// The governor's present plan.
    pub plan: Plan,
    /// The present analyser of texts; a reload replaces it.
    pub analyser: Arc<TextAnalyser>,
}

impl Now {
    /// The present time by the wall clock.
    pub fn wall(&self) -> WallTime {
        self.at.wall
    }
}

/// A fact that the conductor needs before it takes an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Are all changes committed that were pushed before? The next answer has to show them.
    Committed,
    /// Which call has, or had, this name?
    Call(String),
    /// What is stored of a call that is over?
    Past(CallKey),
    /// Up to which sample are a leg's utterances known?
    HeardTo(LegKey),
    /// What of a leg is silenced?
    Silences(LegKey),
    /// Is there time for partial text?
    TimeForPartial,
    /// Is there time for a preflight?
    TimeForPreflight,
    /// Did a preflight transcribe exactly this stretch?
    Preflight { leg: LegKey, start: u64, end: u64 },
}

/// Answers to the questions; `None` was not asked.
#[derive(Default)]
pub(super) struct Facts {
    pub committed: Option<()>,
    pub calls: HashMap<String, Option<KnownCall>>,
    pub past: HashMap<CallKey, Past>,
    pub heard_to: Option<u64>,
    pub silences: Option<Vec<SilenceRow>>,
    pub time: Option<bool>,
    pub preflight: Preflight,
}

/// Whether a preflight transcribed a stretch.
#[derive(Default)]
pub(super) enum Preflight {
    #[default]
    NotAsked,
    NotRead,
    /// The engine's name and the text.
    Read(String, Recognition),
}

impl Facts {
    /// The call that has this name, `Err` when nobody has asked yet.
    pub fn call(&self, name: &str) -> Result<Option<&KnownCall>, Question> {
        self.calls.get(name).map(Option::as_ref).ok_or_else(|| Question::Call(name.into()))
    }
}

/// A call that the database knows.
#[derive(Clone, Debug)]
pub(super) struct KnownCall {
    pub key: CallKey,
    pub id: CallId,
    pub begin: CallBegin,
    pub names: CallNames,
    pub audio_ms: i64,
}

/// The stored state of a call that is over, or that a former run left unfinished.
#[derive(Clone, Debug, Default)]
pub(super) struct Past {
    pub legs: Vec<PastLeg>,
    pub speech: Vec<SpeechRow>,
    pub segments: Vec<PastSegment>,
    /// The newest first.
    pub alerts: Vec<Alert>,
}

/// A stored leg.
#[derive(Clone, Debug)]
pub(super) struct PastLeg {
    pub key: LegKey,
    pub leg: Leg,
    pub source: Source,
    pub rate_hz: u32,
    pub samples: u64,
    /// Stretches of samples that were heard; without an end: to the leg's.
    pub heard: Vec<(u64, Option<u64>)>,
    /// Stretches of samples that were silenced because of a text.
    pub silenced: Vec<(u64, u64)>,
    pub offset_ms: i64,
    /// Place of its samples.
    pub audio: LegAudio,
}

/// A stored segment.
#[derive(Clone, Debug)]
pub(super) struct PastSegment {
    pub leg: Leg,
    pub start_ms: i64,
    pub end_ms: i64,
    pub text: String,
    pub compound: Option<f64>,
}
