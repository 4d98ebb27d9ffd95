//! What happens to the conductor, and what it is told with it: the moment, and facts that others hold.
//!
//! The conductor asks nobody. Before an event it names what it has to know ([`Question`]); whoever runs it finds that out and gives it along
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

/// What happens to the conductor.
pub(super) enum Event {
    /// A connection or a leg comes, goes, or sends a key.
    Spool(SpoolEvent),
    /// The listener has heard something.
    Vad(VadEvent),
    /// A worker has read something.
    Done(Done),
    /// Somebody asks for something.
    Request(Request),
    /// A quarter of a second has passed.
    Tick,
}

impl Event {
    /// Whether somebody is told when it cannot be taken. A leg is not, nor a pause that the manager interface requests.
    pub fn is_waited_for(&self) -> bool {
        !matches!(self, Self::Spool(_) | Self::Request(Request::PauseNamed(_)))
    }
}

/// What others ask for: a `Command` without the way back. [`super::effect::Answer`] is what they are told.
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
    /// What the PBX knows of a call: it fills in what nobody else has told.
    NameFromPbx {
        call: String,
        names: Box<CallNames>,
    },
    /// Names that the dialer knows of a call.
    Expect {
        call: CallKey,
        names: Vec<String>,
    },
    /// What comes under a channel's name is the call that another channel began.
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
    /// When it was said.
    pub at: WallTime,
}

/// The moment of an event, and what holds then.
#[derive(Clone)]
pub(super) struct Now {
    /// By both clocks.
    pub at: Moment,
    /// Whether there is a model.
    pub model_ready: bool,
    /// What the governor allows.
    pub plan: Plan,
    /// How texts are analysed; a reload puts another in its place.
    pub analyser: Arc<TextAnalyser>,
}

impl Now {
    /// By the wall clock.
    pub fn wall(&self) -> WallTime {
        self.at.wall
    }
}

/// What the conductor has to know before it takes an event.
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
    /// Is there time to read what may not be over?
    TimeForPreflight,
    /// Was exactly this stretch read before it was certain that it was over?
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

/// Whether a stretch was read before it was certain that it was over.
#[derive(Default)]
pub(super) enum Preflight {
    #[default]
    NotAsked,
    NotRead,
    /// By which engine, and what.
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

/// What is stored of a call that is over, or that a former run left undone.
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
    /// Where its samples lie.
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
