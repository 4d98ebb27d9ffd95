//! The effects of an event, as data: the conductor decides them, and `carry_out.rs` carries them out in this order before the next event.

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

/// An effect of an event.
#[derive(Debug)]
pub(super) enum Effect {
    /// Hand changes to the writer, which keeps their order.
    Push(Vec<Change>),
    /// Hand changes to the writer, and wait until they and all before them are committed.
    Commit(Vec<Change>),
    /// Send the feeds a message that is not stored.
    Show(CallKey, Message),
    /// Listen to a leg from this sample on, and up to another one if it is given.
    Listen(Arc<SpooledLeg>, u64, Option<u64>),
    /// Stop listening to a leg; the listener reports where it stopped.
    StopListening(LegKey),
    /// Transcribe an utterance.
    Transcribe { urgency: Urgency, due: WallTime, job: Box<Job> },
    /// Transcribe a stretch that may be over.
    Preflight { due: WallTime, stretch: Growing },
    /// Transcribe speech that goes on, for partial text.
    Partial { due: WallTime, stretch: Growing },
    /// Drop a leg's preflight, unless a worker is already at it.
    PreflightUnneeded(LegKey),
    /// Drop all preflights of a leg, because its call is over.
    PreflightForgotten(LegKey),
    /// Keep the names of a finished call for a while, in case it is retranscribed.
    NamesStay(CallKey, Arc<Vocabulary>),
    /// Drop the names of an erased call.
    NamesGone(CallKey),
    /// Only these legs may keep live utterances in the queue; those of all other legs are done after their calls.
    LiveStays(HashSet<LegKey>),
    /// Delete the converted recording of this leg, because it holds audio that has been silenced since.
    DropCached(LegKey),
    /// Overwrite stretches of a leg's file, and note that it is done.
    Overwrite(Arc<SpooledLeg>, Vec<Range<u64>>),
    /// Ask the sender of a leg's audio to hang up.
    HangUpLeg(Arc<SpooledLeg>),
    /// Ask the sender on a line to hang up.
    HangUpLine(Arc<Line>),
    /// Set the gauges.
    Measure(Gauges),
    /// Send a request its answer.
    Answer(Answer),
    /// Take this request before any other event: its questions must see the changes that were pushed before it.
    Next(Request),
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Answer {
    /// It is done.
    Done,
    /// Whether the call was running.
    WasRunning(bool),
    /// The call's present names.
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
    /// Whether anybody is speaking whose speech is transcribed here.
    pub goes_on: bool,
    /// For each call, whether it is still going on, and how many of its utterances wait.
    pub outstanding: Vec<(bool, usize)>,
}
