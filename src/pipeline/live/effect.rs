//! What follows from an event, as data: the conductor decides it, `carry_out.rs` does it, in this order and before the next event.

use std::collections::HashSet;
use std::ops::Range;
use std::sync::Arc;

use super::event::Request;
use crate::call::{CallKey, LegKey, WallTime};
use crate::contract::message::Message;
use crate::pipeline::command::Named;
use crate::pipeline::workers::Job;
use crate::pipeline::workers::partial::Growing;
use crate::speech::queue::Urgency;
use crate::speech::vocabulary::Vocabulary;
use crate::spool::{Line, SpooledLeg};
use crate::store::change::Change;

/// Something to be done.
#[derive(Debug)]
pub(super) enum Effect {
    /// Hand changes to the writer, which keeps the order.
    Push(Vec<Change>),
    /// The same, and wait until they, and all before them, are committed.
    Commit(Vec<Change>),
    /// Show the feeds what is not kept.
    Show(CallKey, Message),
    /// Listen to a leg from this sample on, to before another, if one is given.
    Listen(Arc<SpooledLeg>, u64, Option<u64>),
    /// Listen to a leg no more; the listener says where it ended.
    StopListening(LegKey),
    /// Have an utterance read.
    Transcribe { urgency: Urgency, due: WallTime, job: Box<Job> },
    /// Have a stretch read that may be over.
    Preflight { due: WallTime, stretch: Growing },
    /// Have speech read that is not over.
    Partial { due: WallTime, stretch: Growing },
    /// Nobody needs the stretch any more that may be over, unless a worker is at it.
    PreflightUnneeded(LegKey),
    /// The leg's call is over: no stretch of it is needed.
    PreflightForgotten(LegKey),
    /// The call is over: its names stay for a while, for whoever transcribes it again.
    NamesStay(CallKey, Arc<Vocabulary>),
    /// The call is erased: its names are too.
    NamesGone(CallKey),
    /// Of the live utterances that wait, those of all other legs wait until after their calls.
    LiveStays(HashSet<LegKey>),
    /// A converted recording of this leg holds what has been silenced since: delete it.
    DropCached(LegKey),
    /// Overwrite stretches of a leg's file, and note that it is done.
    Overwrite(Arc<SpooledLeg>, Vec<Range<u64>>),
    /// Ask whoever feeds a leg to hang up.
    HangUpLeg(Arc<SpooledLeg>),
    /// Ask whoever feeds a line to hang up.
    HangUpLine(Arc<Line>),
    /// Set the gauges.
    Measure(Gauges),
    /// Tell whoever asked.
    Answer(Answer),
    /// Take this request next, before anything else: its questions have to see what was pushed here.
    Next(Request),
}

/// What whoever asked is told.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// Whether the call was running.
    WasRunning(bool),
    /// Who the call is now.
    Named(Named),
    /// Which of the calls are running.
    Running(Vec<CallKey>),
}

/// Figures that only the conductor has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Gauges {
    pub calls: usize,
    /// Legs whose sound may still come.
    pub open_legs: usize,
    /// Whether anybody is speaking whose speech is read here.
    pub goes_on: bool,
    /// Of each call whether it is going on, and how many utterances wait.
    pub outstanding: Vec<(bool, usize)>,
}
