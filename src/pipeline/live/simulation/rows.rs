//! The database of the simulated day, as plain memory: what `store/apply.rs` does to rows, done to maps. Changes wait until they are committed; a crash
//! loses those that wait. Each rule that a commit may break is checked here.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::super::call::CallBegin;
use super::super::event::{KnownCall, Past, PastLeg, PastSegment};
use crate::call::{BootClock, CallId, CallKey, CallNames, CallState, CallTime, LegKey, WallTime};
use crate::contract::message::Message;
use crate::pipeline::live::legs::overlay;
use crate::spool::LegAudio;
use crate::store::alerts::SpeechRow;
use crate::store::change::{CallFigures, Change, NamedRow, NewLeg, NewSegment, NewUtterance, UtteranceState};
use crate::store::privacy::{PrivacyChange, SilenceRow};

pub struct CallRow {
    pub id: CallId,
    pub started: WallTime,
    pub state: CallState,
    pub names: CallNames,
    pub audio_ms: i64,
    pub stepped_ms: i64,
}

pub struct LegRow {
    pub new: NewLeg,
    pub call: CallKey,
    pub closed: bool,
    pub close_reason: Option<String>,
    pub samples: u64,
    pub heard: Vec<(u64, Option<u64>)>,
    pub why: Option<String>,
}

pub struct UtteranceRow {
    pub new: NewUtterance,
    pub call: CallKey,
    pub state: UtteranceState,
}

pub struct SegmentRow {
    pub call: CallKey,
    pub leg: LegKey,
    pub segment: NewSegment,
}

/// All rows.
#[derive(Default)]
pub struct Rows {
    pub calls: BTreeMap<CallKey, CallRow>,
    aliases: HashMap<String, CallKey>,
    pub legs: BTreeMap<i64, LegRow>,
    pub utterances: BTreeMap<i64, UtteranceRow>,
    pub segments: Vec<SegmentRow>,
    pub silences: Vec<SilenceRow>,
    pub clock: Option<BootClock>,
    pub figures: HashMap<CallKey, CallFigures>,
    /// What the feeds were told, in the order of commits.
    pub feed: Vec<(CallKey, Message)>,
    waiting: VecDeque<Vec<Change>>,
    /// Rules that a commit has broken.
    pub broken: Vec<String>,
}

impl Rows {
    /// Hands over changes that belong together.
    pub fn push(&mut self, changes: Vec<Change>) {
        self.waiting.push_back(changes);
    }

    /// Commits the oldest sets that wait.
    pub fn commit(&mut self, sets: usize) {
        for _ in 0..sets {
            let Some(set) = self.waiting.pop_front() else { return };
            for change in set {
                if !self.apply(change) {
                    break;
                }
            }
        }
    }

    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The process has ended: what waits is lost.
    pub fn crash(&mut self) {
        self.waiting.clear();
    }

    /// Applies a change; `false` when the rest of its set is left out.
    fn apply(&mut self, change: Change) -> bool {
        match change {
            Change::CallOpened(new) => {
                let row = CallRow {
                    id: new.id,
                    started: new.started,
                    state: CallState::Active,
                    names: new.names.clone(),
                    audio_ms: 0,
                    stepped_ms: 0,
                };
                self.calls.insert(new.key, row);
                if let Some(uuid) = new.names.uuid {
                    self.also_named(new.key, &uuid);
                }
            }
            Change::CallNamed { call, names } => {
                if let Some(row) = self.calls.get_mut(&call) {
                    overlay(&mut row.names, names.clone());
                }
                if let Some(uuid) = names.uuid {
                    self.also_named(call, &uuid);
                }
            }
            Change::CallRenamed { call, id } => self.rename(call, &id),
            Change::AlsoNamed { whose, id } => {
                let call = match whose {
                    NamedRow::Call(call) => Some(call),
                    NamedRow::Leg(leg) => self.legs.get(&leg.0).map(|leg| leg.call),
                };
                if let Some(call) = call {
                    self.also_named(call, id.as_str());
                }
            }
            Change::CallMerged { from, into } => self.merge(from, into),
            Change::CallMoved { call, state, .. } => self.moved(call, state),
            Change::CallStepped { call, ms } => {
                if let Some(row) = self.calls.get_mut(&call) {
                    row.stepped_ms = ms;
                }
            }
            Change::ClockSeen(clock) => self.clock = Some(clock),
            Change::CallBegins { call, at } => self.begins_at(call, at),
            change @ (Change::LegOpened(_)
            | Change::LegGrown { .. }
            | Change::LegClosed { .. }
            | Change::LegHeard { .. }
            | Change::LegWhy { .. }) => self.leg(change),
            Change::UtteranceFound(new) => self.utterance_found(new),
            Change::UtteranceDone { utterance, state, segments, .. } => {
                return self.utterance_done(utterance.0, state, segments);
            }
            Change::CallFigures { call, figures } => drop(self.figures.insert(call, figures)),
            Change::ModelArrived => {
                for row in self.utterances.values_mut().filter(|row| row.state == UtteranceState::WaitingForModel) {
                    row.state = UtteranceState::Pending;
                }
            }
            Change::Privacy(change) => self.privacy(&change),
            Change::Event(event) => {
                if let Some(call) = event.call {
                    self.feed.push((call, event.message));
                }
            }
            _ => {}
        }
        true
    }

    fn leg(&mut self, change: Change) {
        match change {
            Change::LegOpened(new) => self.leg_opened(new),
            Change::LegGrown { leg, samples, .. } => {
                if let Some(row) = self.legs.get_mut(&leg.0) {
                    row.samples = row.samples.max(samples);
                }
            }
            Change::LegClosed { leg, samples, reason, .. } => {
                if let Some(row) = self.legs.get_mut(&leg.0).filter(|row| !row.closed) {
                    (row.closed, row.samples, row.close_reason) = (true, samples, Some(reason));
                }
            }
            Change::LegHeard { leg, from, to } => {
                let Some(row) = self.legs.get_mut(&leg.0) else { return };
                row.heard.retain(|(other, _)| *other != from);
                row.heard.push((from, to));
                row.heard.sort_unstable();
            }
            Change::LegWhy { leg, why } => {
                if let Some(row) = self.legs.get_mut(&leg.0) {
                    row.why = Some(why);
                }
            }
            _ => {}
        }
    }

    fn also_named(&mut self, call: CallKey, name: &str) {
        if self.calls.contains_key(&call) && !self.calls.values().any(|row| row.id.as_str() == name) {
            self.aliases.entry(name.into()).or_insert(call);
        }
    }

    fn rename(&mut self, call: CallKey, id: &CallId) {
        if self.calls.iter().any(|(&key, row)| key != call && row.id == *id) {
            self.broken.push(format!("two calls are named {id}"));
        }
        if let Some(row) = self.calls.get_mut(&call) {
            let old = std::mem::replace(&mut row.id, id.clone());
            self.aliases.remove(id.as_str());
            self.aliases.insert(old.to_string(), call);
        }
    }

    fn merge(&mut self, from: CallKey, into: CallKey) {
        if !self.calls.contains_key(&into) {
            return;
        }
        let begins = [from, into].map(|call| self.calls.get(&call).map(CallRow::begin));
        let [Some(one), Some(other)] = begins else { return };
        let earliest = one.earlier(other);
        for (call, begin) in [(from, one), (into, other)] {
            self.shift(call, begin.now_ms() - earliest.now_ms());
        }
        if let Some(row) = self.calls.get_mut(&into) {
            (row.started, row.stepped_ms) = (earliest.started, earliest.stepped_ms);
        }
        let Some(gone) = self.calls.remove(&from) else { return };
        let legs = self.legs.values_mut().map(|row| &mut row.call);
        let utterances = self.utterances.values_mut().map(|row| &mut row.call);
        let segments = self.segments.iter_mut().map(|row| &mut row.call);
        let feed = self.feed.iter_mut().map(|(call, _)| call);
        for call in legs.chain(utterances).chain(segments).chain(feed).chain(self.aliases.values_mut()) {
            if *call == from {
                *call = into;
            }
        }
        self.aliases.insert(gone.id.to_string(), into);
    }

    /// The call began earlier than was known: the times of its rows move along.
    fn begins_at(&mut self, call: CallKey, at: WallTime) {
        let Some(row) = self.calls.get_mut(&call).filter(|row| at < row.started) else { return };
        let shift_ms = row.started.0 - at.0;
        row.started = at;
        self.shift(call, shift_ms);
    }

    fn shift(&mut self, call: CallKey, shift_ms: i64) {
        let shift = |time: &mut CallTime| time.0 += shift_ms;
        self.legs.values_mut().filter(|row| row.call == call).for_each(|row| shift(&mut row.new.offset));
        for row in self.utterances.values_mut().filter(|row| row.call == call) {
            shift(&mut row.new.start);
            shift(&mut row.new.end);
        }
        for row in self.segments.iter_mut().filter(|row| row.call == call) {
            shift(&mut row.segment.start);
            shift(&mut row.segment.end);
        }
    }

    /// A call is over only when its legs are closed and every utterance has its text.
    fn moved(&mut self, call: CallKey, state: CallState) {
        let Some(row) = self.calls.get_mut(&call) else { return };
        row.state = state;
        if state != CallState::Completed {
            return;
        }
        if self.legs.values().any(|leg| leg.call == call && !leg.closed) {
            self.broken.push(format!("call {call} ended before its legs were closed"));
        }
        if self.utterances.values().any(|row| row.call == call && row.waits()) {
            self.broken.push(format!("call {call} ended before its last word was text"));
        }
    }

    fn leg_opened(&mut self, new: NewLeg) {
        if !self.calls.contains_key(&new.call) {
            self.broken.push(format!("leg {} belongs to no call", new.key));
            return;
        }
        if let Some(row) = self.legs.get_mut(&new.key.0) {
            (row.closed, row.close_reason) = (false, None);
        } else {
            let heard = Vec::new();
            let row = LegRow { call: new.call, closed: false, close_reason: None, samples: 0, heard, why: None, new };
            self.legs.insert(row.new.key.0, row);
        }
    }

    fn utterance_found(&mut self, new: NewUtterance) {
        let known = |row: &UtteranceRow| (row.new.leg, row.new.start_sample) == (new.leg, new.start_sample);
        if !self.legs.contains_key(&new.leg.0) || !self.calls.contains_key(&new.call) {
            self.broken.push(format!("utterance {} belongs to no leg or call", new.key));
        } else if !self.utterances.values().any(known) {
            self.utterances.insert(new.key.0, UtteranceRow { call: new.call, state: new.state, new });
        }
    }

    fn utterance_done(&mut self, key: i64, state: UtteranceState, segments: Vec<NewSegment>) -> bool {
        let Some(row) = self.utterances.get_mut(&key).filter(|row| row.waits()) else { return false };
        row.state = state;
        let (call, leg) = (row.call, row.new.leg);
        if self.calls.get(&call).is_some_and(|call| call.state == CallState::Completed) {
            self.broken.push(format!("call {call} had ended, and has another text"));
        }
        self.segments.extend(segments.into_iter().map(|segment| SegmentRow { call, leg, segment }));
        true
    }

    fn privacy(&mut self, change: &PrivacyChange) {
        match *change {
            PrivacyChange::Silenced { leg, start, end, why, .. } if self.legs.contains_key(&leg.0) => {
                self.silences.push(SilenceRow { leg, start, end, why: why.into() });
            }
            PrivacyChange::SilenceBegins { leg, from, start } => {
                if let Some(row) = self.silences.iter_mut().rfind(|row| row.leg == leg && row.start == from) {
                    row.start = start.min(row.end.unwrap_or(start));
                }
            }
            PrivacyChange::SilenceEnds { leg, end } => {
                for row in self.silences.iter_mut().filter(|row| row.leg == leg && row.end.is_none()) {
                    row.end = Some(end.max(row.start));
                }
            }
            _ => {}
        }
    }

    /// The call that has, or had, this name.
    pub fn call(&self, name: &str) -> Option<KnownCall> {
        let by_id = self.calls.iter().find(|(_, row)| row.id.as_str() == name).map(|(&key, _)| key);
        let key = by_id.or_else(|| self.aliases.get(name).copied())?;
        let row = self.calls.get(&key)?;
        let (id, names) = (row.id.clone(), row.names.clone());
        Some(KnownCall { key, id, begin: row.begin(), names, audio_ms: row.audio_ms })
    }

    /// What is stored of a call.
    pub fn past(&self, call: CallKey) -> Past {
        let legs = self.legs.values().filter(|row| row.call == call);
        let speech = self.utterances.values().filter(|row| row.call == call && row.state != UtteranceState::Empty);
        let segments = self.segments.iter().filter(|row| row.call == call);
        let leg_of = |leg: LegKey| self.legs.get(&leg.0).map_or(crate::call::Leg::Mixed, |row| row.new.leg);
        Past {
            legs: legs
                .map(|row| PastLeg {
                    key: row.new.key,
                    source: row.new.source,
                    rate_hz: row.new.rate_hz,
                    samples: row.samples,
                    heard: row.heard.clone(),
                    silenced: self.silenced(row.new.key),
                    leg: row.new.leg,
                    offset_ms: row.new.offset.0,
                    audio: match (row.new.owned, row.new.path.clone()) {
                        (true, path) => LegAudio::Spooled { path },
                        (false, path) => LegAudio::Recording { path, channel: row.new.channel },
                    },
                })
                .collect(),
            speech: speech
                .map(|row| SpeechRow {
                    utterance: row.new.key.0,
                    leg: leg_of(row.new.leg),
                    start_ms: row.new.start.0,
                    end_ms: row.new.end.0,
                    written: !row.waits(),
                    sounds: true,
                })
                .collect(),
            segments: segments
                .map(|row| PastSegment {
                    leg: leg_of(row.leg),
                    start_ms: row.segment.start.0,
                    end_ms: row.segment.end.0,
                    text: row.segment.text.clone(),
                    compound: row.segment.compound,
                })
                .collect(),
            alerts: Vec::new(),
        }
    }

    /// What of a leg is silent for good.
    fn silenced(&self, leg: LegKey) -> Vec<(u64, u64)> {
        let of_leg = self.silences.iter().filter(|row| row.leg == leg);
        of_leg.filter_map(|row| Some((row.start, row.end?))).collect()
    }

    /// Up to which sample a leg's utterances are known.
    pub fn heard_to(&self, leg: LegKey) -> u64 {
        let known = self.utterances.values().filter(|row| row.new.leg == leg);
        known.map(|row| row.new.end_sample).max().unwrap_or(0)
    }
}

impl CallRow {
    fn begin(&self) -> CallBegin {
        CallBegin { started: self.started, stepped_ms: self.stepped_ms }
    }
}

impl UtteranceRow {
    /// Whether it waits for its text.
    pub fn waits(&self) -> bool {
        matches!(self.state, UtteranceState::Pending | UtteranceState::WaitingForModel)
    }
}
