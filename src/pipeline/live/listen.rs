//! The listener: one thread that reads what has grown on every leg and finds the utterances.
//!
//! It polls counters that are in memory and reads a leg's file only when it has grown, so a silent or idle leg costs nothing. Live legs are read
//! every round. Only a few finished legs are open at a time; the others wait without a file handle.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::call::LegKey;
use crate::speech::utterance::{EndpointSettings, Found, LegListener, Listening};
use crate::spool::{LegReader, SpoolError, SpooledLeg};

/// Pause between two rounds: half a frame of AudioSocket. With many legs it is three half frames, because each reading costs a system call.
const ROUND: Duration = Duration::from_millis(10);
const ROUND_OF_MANY: Duration = Duration::from_millis(60);
/// The longer pause applies from this number of legs on.
const MANY: usize = 100;
/// Finished legs that are open at a time.
const CLOSED_AT_ONCE: usize = 8;
/// Audio read from one leg in one round, seconds: a long recording must not hold up live legs.
const PIECE_S: u64 = 5;

/// Speech that goes on is reported each time it has grown by this much, milliseconds. `workers/partial.rs` decides how often it is transcribed.
const GROWN_MS: u64 = 100;

/// A VAD event: a report of the listener to the conductor.
#[derive(Debug)]
pub enum VadEvent {
    /// Somebody is speaking: the stretch so far.
    Growing(LegKey, Found),
    /// Somebody has fallen silent: the utterance, if it is over.
    Pausing(LegKey, Found),
    /// An utterance is over.
    Utterance(LegKey, Found),
    /// Every utterance of this leg that begins before this sample has been told.
    Settled(LegKey, u64),
    /// A leg was heard to its end, or to where it was to be heard.
    End {
        /// Row number of the leg.
        leg: LegKey,
        /// Up to which sample it was heard.
        at: u64,
        /// Its loudest sample, where it was heard from its beginning.
        peak: Option<u16>,
    },
    /// A leg cannot be read.
    Failed(LegKey, String),
}

/// An order for the listener.
#[derive(Debug)]
pub enum Assignment {
    /// Listen to a leg.
    Hear {
        /// The leg to listen to.
        leg: Arc<SpooledLeg>,
        /// The first sample.
        from: u64,
        /// One past the last sample; `None` for the leg's end.
        to: Option<u64>,
    },
    /// Stop listening to a leg. The listener reports the utterance in progress and the place where it stopped.
    Stop(LegKey),
}

struct Ear {
    leg: Arc<SpooledLeg>,
    reader: Option<LegReader>,
    /// One past the last sample, where that comes before the leg's end.
    to: Option<u64>,
    listener: LegListener,
    /// Loudest sample so far; `None` when the beginning was not listened to.
    peak: Option<u16>,
    /// The sample of the last [`VadEvent::Settled`].
    settled: u64,
    /// Up to where the conductor was told of speech that is not over.
    told: u64,
    /// End of the stretch that was last reported as perhaps over.
    paused: u64,
}

/// Listens until the assignments' sender is gone. Blocks: it wants a thread of its own.
///
/// `longer` says whether utterances should end later than usual, to cost less; `is_over` whether the text of what may be one says that it is.
pub fn run(
    assignments: &Receiver<Assignment>,
    events: &mpsc::Sender<VadEvent>,
    listening: Listening,
    longer: impl Fn() -> bool,
    is_over: impl Fn(LegKey, Found) -> bool,
) {
    let usual = listening.endpoint;
    let later = EndpointSettings { silence_ms: usual.silence_ms * 2, ..usual };
    let mut now = listening;
    let mut ears: Vec<Ear> = Vec::new();
    let mut waiting: VecDeque<Waiting> = VecDeque::new();
    let mut samples = Vec::new();
    loop {
        let wanted = if longer() { later } else { usual };
        if wanted.silence_ms != now.endpoint.silence_ms {
            now.endpoint = wanted;
            for ear in &mut ears {
                ear.listener.set_settings(wanted);
            }
        }
        loop {
            match assignments.try_recv() {
                Ok(assignment) => take(assignment, &mut ears, &mut waiting, &now),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return,
            }
        }
        let closed = ears.iter().filter(|ear| ear.leg.is_closed()).count();
        for _ in closed..CLOSED_AT_ONCE {
            ears.extend(waiting.pop_front().map(|waits| ear(waits, &now)));
        }
        let mut busy = false;
        let mut gone = false;
        ears.retain_mut(|ear| match ear.round(&mut samples, events, &is_over) {
            Round::Nothing => true,
            Round::Some => {
                busy = true;
                true
            }
            Round::Over => {
                busy = true;
                false
            }
            Round::NobodyListens => {
                gone = true;
                false
            }
        });
        if gone {
            return;
        }
        if ears.is_empty() && waiting.is_empty() {
            // Without a leg the thread sleeps until there is one.
            match assignments.recv() {
                Ok(assignment) => take(assignment, &mut ears, &mut waiting, &now),
                Err(_) => return,
            }
        } else if !busy || waiting.is_empty() {
            std::thread::sleep(if ears.len() < MANY { ROUND } else { ROUND_OF_MANY });
        }
    }
}

/// A leg that waits for its turn, from which sample on and to before which.
type Waiting = (Arc<SpooledLeg>, u64, Option<u64>);

fn ear((leg, from, to): Waiting, listening: &Listening) -> Ear {
    let listener = LegListener::new(leg.spec.rate_hz, listening, from);
    Ear { leg, reader: None, to, listener, peak: (from == 0).then_some(0), settled: from, told: from, paused: from }
}

fn take(assignment: Assignment, ears: &mut Vec<Ear>, waiting: &mut VecDeque<Waiting>, listening: &Listening) {
    match assignment {
        Assignment::Hear { leg, from, to } if leg.is_closed() => waiting.push_back((leg, from, to)),
        Assignment::Hear { leg, from, to } => ears.push(ear((leg, from, to), listening)),
        // A leg that has ended by itself was reported already.
        Assignment::Stop(leg) => {
            for ear in ears.iter_mut().filter(|ear| ear.leg.key == leg) {
                ear.to = Some(ear.listener.next_sample());
            }
            for (_, from, to) in waiting.iter_mut().filter(|(waits, ..)| waits.key == leg) {
                *to = Some(*from);
            }
        }
    }
}

enum Round {
    Nothing,
    Some,
    Over,
    NobodyListens,
}

impl Ear {
    fn round(
        &mut self,
        samples: &mut Vec<i16>,
        events: &mpsc::Sender<VadEvent>,
        is_over: impl Fn(LegKey, Found) -> bool,
    ) -> Round {
        let (closed, reach) = self.reach();
        let from = self.listener.next_sample();
        let grown = reach.saturating_sub(from);
        let piece = grown.min(PIECE_S * u64::from(self.leg.spec.rate_hz)) as usize;
        let mut found = Vec::new();
        if piece > 0 {
            samples.clear();
            match self.read(from, piece, samples) {
                Ok(0) if closed => log::warn!(
                    "leg {} of call {}: its file {} is shorter than it was; the rest has no text",
                    self.leg.key,
                    self.leg.spec.call,
                    self.leg.audio().path().display()
                ),
                Ok(_) => {
                    found = self.listener.push(samples);
                    let loudest = samples.iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
                    self.peak = self.peak.map(|peak| peak.max(loudest));
                }
                // Its sound waits on the disk until somebody closes a file.
                Err(error) if error.is_out_of_files() => {
                    metrics::counter!("lineside_out_of_files_total").increment(1);
                    return Round::Nothing;
                }
                Err(error) => {
                    let _ = events.blocking_send(VadEvent::Failed(self.leg.key, error.to_string()));
                    return Round::Over;
                }
            }
        }
        let over = closed && (piece as u64 == grown || samples.is_empty());
        if over {
            found.extend(self.listener.finish());
        }
        let pausing = self.listener.pausing().filter(|_| !closed);
        if pausing.is_some_and(|pausing| is_over(self.leg.key, pausing)) {
            found.extend(self.listener.end());
        }
        for found in found {
            if events.blocking_send(VadEvent::Utterance(self.leg.key, found)).is_err() {
                return Round::NobodyListens;
            }
        }
        // Twice a second of sound is often enough for rules on silence.
        if self.listener.settled() >= self.settled + u64::from(self.leg.spec.rate_hz) / 2 {
            self.settled = self.listener.settled();
            let _ = events.blocking_send(VadEvent::Settled(self.leg.key, self.settled));
        }
        if let Some(growing) = self.listener.growing().filter(|_| !closed) {
            let step = GROWN_MS * u64::from(self.leg.spec.rate_hz) / 1000;
            if growing.end >= growing.start.max(self.told) + step {
                self.told = growing.end;
                // It may be left out: nothing is lost by it.
                let _ = events.try_send(VadEvent::Growing(self.leg.key, growing));
            }
        }
        if let Some(pausing) = pausing.filter(|found| found.end > self.paused) {
            self.paused = pausing.end;
            // It may be left out as well.
            let _ = events.try_send(VadEvent::Pausing(self.leg.key, pausing));
        }
        match (over, piece) {
            (true, _) => {
                let _ = events.blocking_send(VadEvent::End {
                    leg: self.leg.key,
                    at: self.listener.next_sample(),
                    peak: self.peak,
                });
                Round::Over
            }
            (false, 0) => Round::Nothing,
            (false, _) => Round::Some,
        }
    }

    /// Whether there is no more to hear than this, and up to which sample there is.
    fn reach(&self) -> (bool, u64) {
        // The order matters: a leg that was closed before its samples are counted has no more of them.
        let (closed, samples) = (self.leg.is_closed(), self.leg.samples());
        self.to.filter(|&to| to <= samples).map_or((closed, samples), |to| (true, to))
    }

    fn read(&mut self, from: u64, piece: usize, samples: &mut Vec<i16>) -> Result<usize, SpoolError> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.leg.reader()?),
        };
        reader.read(from, piece, samples)
    }
}
