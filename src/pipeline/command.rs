//! The conductor's commands, for the API, the manager interface, other platforms and the daemon's own rooms.
//!
//! The types stand below the conductor in the order of rooms, so that a sender of commands need not import the conductor.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::call::{CallKey, CallNames, Leg, Moment, WallTime};
use crate::governor::Plan;
use crate::speech::engine::Piece;
use crate::speech::recogniser::Recognition;
use crate::spool::SpooledLeg;

/// A command to the conductor.
#[derive(Debug)]
pub enum Command {
    /// Tell who a call is.
    Name {
        /// Its id, UUID or uniqueid.
        call: String,
        /// The names.
        names: CallNames,
        /// The call's id from now on; `None` when it is only expected.
        reply: oneshot::Sender<Named>,
    },
    /// Names that the PBX gives a call. They fill empty fields.
    NameFromPbx {
        /// Its uniqueid, without the name of the system.
        call: String,
        /// The names.
        names: Box<CallNames>,
    },
    /// Names that are likely to be said on a call, as the dialer knows them: all of them, the more important first.
    Expect {
        /// Row number of the call.
        call: CallKey,
        /// The names.
        names: Vec<String>,
    },
    /// A channel belongs to a call that another one began: what comes under its name is that call.
    PartOf {
        /// Uniqueid of the channel, without the name of the system.
        channel: String,
        /// That of the channel that began the call.
        call: String,
    },
    /// Hang up on a call's sources and let it end.
    End {
        /// Row number of the call.
        call: CallKey,
        /// The reason that is shown with the call.
        reason: String,
        /// Whether it was running.
        reply: oneshot::Sender<bool>,
    },
    /// Text that another platform has recognised, or a silence that it has measured.
    Said(Box<SaidText>),
    /// A chunk of sound that another platform has sent is on disk.
    Chunk(StoredChunk),
    /// Say that you are there, and that all before this is committed.
    Alive {
        /// Answered when it is so.
        reply: oneshot::Sender<()>,
    },
    /// Stop keeping what is said, or go on.
    Pause {
        /// Row number of the call.
        call: CallKey,
        /// Whether the recording pauses or goes on.
        pausing: Pausing,
        /// Name of the requester, for the event.
        by: String,
        /// Begin of the change.
        at: Moment,
        /// Whether it is running.
        reply: oneshot::Sender<bool>,
    },
    /// The same of calls as the PBX names them, which may not be heard of yet.
    PauseNamed(Wish),
    /// Know nothing more of calls whose line is closed: they are about to be erased.
    LetGo {
        /// Row numbers of the calls.
        calls: Vec<CallKey>,
        /// Those of them that are running; then none was let go.
        reply: oneshot::Sender<Vec<CallKey>>,
    },
    /// The governor has changed its step.
    Governed {
        /// The governor's present plan.
        plan: Plan,
        /// Age of the oldest live utterance that waits, seconds.
        lag_s: f64,
    },
}

/// The answer to [`Command::Name`].
#[derive(Clone, Debug)]
pub struct Named {
    /// The call's id from now on.
    pub call_id: String,
    /// Whether its audio is here already.
    pub heard: bool,
}

/// A pause or its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pausing {
    /// Nothing that follows is stored.
    Pause,
    /// The recording resumes.
    Resume,
}

/// A request for a pause or its end by the PBX's names of a call.
#[derive(Clone, Debug)]
pub struct Wish {
    /// Possible names of the call: every call that has one of them is meant.
    pub names: Vec<String>,
    /// Whether the recording pauses or goes on.
    pub pausing: Pausing,
    /// The direction that is meant; `None` for the whole call.
    pub leg: Option<Leg>,
    /// Begin of the change.
    pub at: Moment,
    /// Name of the requester, for event and audit log.
    pub by: String,
}

/// Text that somebody else has recognised.
#[derive(Clone, Debug)]
pub struct Text {
    /// The words.
    pub text: String,
    /// 0 to 1.
    pub confidence: f32,
    /// Language code such as `en`, where the platform gives one.
    pub language: Option<String>,
    /// Sentiment that the sender gave the text, -1 to 1.
    pub sentiment: Option<f64>,
}

impl Text {
    /// The text in the form of a recognition. Platforms tell when a text began, not when it ended, so its length is 0.
    pub(in crate::pipeline) fn recognition(self) -> Recognition {
        let Self { text, confidence, language, .. } = self;
        let piece = Piece { text, start_ms: 0, end_ms: 0, confidence, words: Vec::new() };
        Recognition { pieces: vec![piece], language, dropped: None, took: Duration::ZERO }
    }
}

/// Text on its way to the conductor.
#[derive(Debug)]
pub struct SaidText {
    /// The leg it was said on.
    pub leg: Arc<SpooledLeg>,
    /// Its first sample on that leg, in samples of its `rate_hz`; comes once.
    pub start: u64,
    /// The words; `None` for a silence alone.
    pub text: Option<Text>,
    /// Length of the silence before it, as the platform measured it, milliseconds.
    pub silence_ms: Option<i64>,
    /// Name of the platform that sends it.
    pub provider: String,
    /// Answered when it is on its way to the database.
    pub reply: oneshot::Sender<()>,
}

/// A chunk of sound that is on disk.
#[derive(Debug)]
pub struct StoredChunk {
    /// The legs that have grown.
    pub legs: Vec<Arc<SpooledLeg>>,
    /// Whether it came without a word.
    pub alone: bool,
    /// Its length, milliseconds.
    pub length_ms: i64,
    /// Time at which it was said.
    pub at: WallTime,
    /// Answered when it is on its way to the database.
    pub reply: oneshot::Sender<()>,
}
