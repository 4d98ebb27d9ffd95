//! The changes that the pipeline sends to the writer: one enum, applied in order, one transaction per batch.
//!
//! The pipeline assigns the keys (counters, read from the database at the start), so that nobody waits for the database to learn one.
//! A batch is all or nothing; its events get their ids at commit and are published only after it.

use std::path::PathBuf;

use super::rows::alerts::NewAlert;
use super::rows::dialer::DialerRow;
use super::rows::dialer_writes::DialerWriteChange;
use super::rows::fetches::FetchChange;
pub use super::rows::new::{
    CallFigures, NamedRow, NewCall, NewEvent, NewLeg, NewSegment, NewUtterance, TermRow, UtteranceState,
};
use super::rows::notifications::Tried;
use super::rows::privacy::PrivacyChange;
use super::rows::recordings::RecordingRow;
use super::rows::review::NewReview;
use crate::call::pbx::PbxEvent;
use crate::call::{
    Alert, BootClock, CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, UtteranceKey, WallTime,
};

/// One change of the database.
#[derive(Clone, Debug)]
pub enum Change {
    /// Sessions, used tokens, and the audit log.
    Access(super::rows::tokens::AccessChange),
    /// A call appears.
    CallOpened(NewCall),
    /// A call learns names: only the fields that are `Some` change.
    CallNamed {
        /// Row number of the call.
        call: CallKey,
        /// The names as they are known now.
        names: CallNames,
    },
    /// A call gets another public id; the old one stays as an alias.
    CallRenamed {
        /// Row number of the call.
        call: CallKey,
        /// Its id from now on.
        id: CallId,
    },
    /// A call is found under another name too. Nothing happens where a call has that name already.
    AlsoNamed {
        /// The call, or a leg of the call, that has the name.
        whose: NamedRow,
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
        /// Row number of the call.
        call: CallKey,
        /// Its new state.
        state: CallState,
        /// Time at which it moved.
        at: WallTime,
        /// Reason of an end ("hangup", "manual", "recovered" …).
        reason: Option<String>,
    },
    /// The call's running figures, replaced whole.
    CallFigures {
        /// Row number of the call.
        call: CallKey,
        /// Its figures now.
        figures: CallFigures,
    },
    /// Risk of a call.
    CallRisk {
        /// Row number of the call.
        call: CallKey,
        /// Risk, 0 to 1.
        score: f64,
        /// The parts that it is made of, as the API shows them.
        parts: serde_json::Value,
    },
    /// An alert is raised: it is stored and published. Ignored when the call has an alert of that origin.
    AlertRaised(Box<NewAlert>),
    /// The text that triggered an alert was corrected.
    AlertRevised {
        /// Number of the alert.
        alert: i64,
        /// The new content.
        says: Box<Alert>,
    },
    /// Somebody acknowledges an alert. Ignored when somebody had before.
    AlertAcknowledged {
        /// Number of the alert.
        alert: i64,
        /// Name of the person.
        by: String,
        /// Time at which it was taken.
        at: WallTime,
    },
    /// New alerts are queued for a notifier.
    NotifierFilled {
        /// Name of the notifier.
        notifier: String,
        /// Levels that it sends.
        levels: Vec<&'static str>,
        /// Time at which they are queued.
        at: WallTime,
    },
    /// A notification was tried.
    NotificationTried {
        /// Row number of the notification.
        id: i64,
        /// The result of the try.
        tried: Tried,
        /// Time of the try.
        at: WallTime,
    },
    /// A leg appears.
    LegOpened(NewLeg),
    /// Progress of an open leg.
    LegGrown {
        /// Row number of the leg.
        leg: LegKey,
        /// Samples on disk.
        samples: u64,
        /// Time of its last frame.
        at: WallTime,
    },
    /// Another platform has sent a chunk of sound.
    ChunkTaken {
        /// The call that it belongs to.
        call: CallKey,
    },
    /// A leg got its last sample.
    LegClosed {
        /// Row number of the leg.
        leg: LegKey,
        /// Samples in all.
        samples: u64,
        /// Reason ("hangup", "closed", "idle", "recovered", …).
        reason: String,
        /// Time at which it was closed.
        at: WallTime,
    },
    /// A stretch of a leg is heard (given to the recogniser), or was. The same beginning again changes its end.
    LegHeard {
        /// Row number of the leg.
        leg: LegKey,
        /// Its first sample.
        from: u64,
        /// One past the last sample; `None` for the leg's end.
        to: Option<u64>,
    },
    /// Reason why a leg is transcribed, or why not.
    LegWhy {
        /// Row number of the leg.
        leg: LegKey,
        /// The reason, for people.
        why: String,
    },
    /// The sound showed that a leg is not what its name said.
    LegLabelled {
        /// Row number of the leg.
        leg: LegKey,
        /// The direction: agent, caller or mixed.
        label: Leg,
    },
    /// A leg's audio now lies elsewhere (recording moved, or copied into the spool).
    LegMoved {
        /// Row number of the leg.
        leg: LegKey,
        /// Present place of its audio.
        path: PathBuf,
        /// Whether lineside owns the file (spool) or only refers to it.
        owned: bool,
    },
    /// The VAD found a stretch of speech. Ignored when the leg already has an utterance with that start.
    UtteranceFound(NewUtterance),
    /// A call began earlier than was known: all in it moves along.
    CallBegins {
        /// Row number of the call.
        call: CallKey,
        /// Its begin.
        at: WallTime,
    },
    /// The wall clock was stepped while a call runs.
    CallStepped {
        /// Row number of the call.
        call: CallKey,
        /// Milliseconds in all since the call began.
        ms: i64,
    },
    /// How the wall clock stands beside the clock of this boot: at the start, and after each step.
    ClockSeen(BootClock),
    /// An utterance waits for something else now.
    UtteranceWaits {
        /// Row number of the utterance.
        utterance: UtteranceKey,
        /// [`UtteranceState::WaitingForModel`] or [`UtteranceState::Pending`].
        state: UtteranceState,
    },
    /// An utterance has its text (or none). Ignored, with its events, when it already had: a segment is never written twice.
    UtteranceDone {
        /// Row number of the utterance.
        utterance: UtteranceKey,
        /// State at its end: `Done`, `Empty` or `Failed`.
        state: UtteranceState,
        /// The text in order of time; empty unless `Done`.
        segments: Vec<NewSegment>,
        /// Reason why it is empty or failed, for the diagnostics.
        note: Option<String>,
        /// Engine and model, such as `whisper/base.en-q8_0`.
        engine: String,
        /// Wall time of the inference, milliseconds.
        took_ms: i64,
        /// Time at which the text was ready.
        at: WallTime,
        /// Time from its last word to its text, milliseconds; `None` where nobody waited for it: it was said before, or was not transcribed live.
        lag_ms: Option<i64>,
    },
    /// A model has been loaded: utterances that waited for one are in the queue.
    ModelArrived,
    /// A key was pressed.
    Dtmf {
        /// The leg.
        leg: LegKey,
        /// Time of the key, in the call.
        at: CallTime,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
    },
    /// A recording was seen, or read to its end.
    Recording {
        /// Facts about it.
        row: RecordingRow,
        /// Time at which it was seen.
        at: WallTime,
    },
    /// An event of a call on the PBX; the call need not be here.
    PbxEvent(PbxEvent),
    /// A redaction, a silence, or the end of one.
    Privacy(PrivacyChange),
    /// The dialer's facts about a call. Ignored when the call is gone.
    Dialer(Box<DialerRow>),
    /// A call that is over was reviewed, in the place of the review before. Ignored when the call is gone.
    Reviewed(Box<NewReview>),
    /// Progress of a recording on another server.
    Fetch(FetchChange),
    /// Progress of a message to the dialer.
    DialerWrite(DialerWriteChange),
    /// An event for the feeds, stored for those who ask later.
    Event(NewEvent),
}
