//! Starts and stops the sources of a call as `sources.rs` chooses them.

use std::ops::Range;
use std::sync::Arc;

use super::call::{Hearing, PastSource, Turn};
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Past, PastLeg};
use super::sources::{Choice, choose, twice};
use crate::call::{CallKey, Hear, Leg, LegKey, Source};
use crate::store::change::Change;

/// Reason of a leg that is transcribed because all are.
const ALL: &str = "[sources] hear = \"all\"";

impl Conductor {
    /// Whether a leg of this source is transcribed whatever other sources the call has.
    pub(super) fn is_heard_anyway(&self, source: Source) -> bool {
        self.hear == Hear::All || !source.is_of_pbx()
    }

    /// Looks which sources of a call are to be heard from now on.
    pub(super) fn choose_sources(&mut self, key: CallKey) {
        if self.hear == Hear::All {
            return;
        }
        // Each choice changes what the next one is about; more than some of each leg there cannot be.
        let most = self.calls.get(key).map_or(0, |call| 4 * call.legs.len());
        for _ in 0..most {
            let Some(choice) = self.calls.get(key).and_then(choose) else { return };
            match choice {
                Choice::Hear { leg, from, to, why } => self.hear_leg(key, leg, (from, to), why),
                Choice::Stop { leg, why } => self.stop_hearing(key, leg, why),
                Choice::Known { leg, why } => self.say_why(key, leg, why),
            }
        }
    }

    /// Two legs with the same voice are both being transcribed, because a crash lost that one of them had stopped: it stops now, before either goes on.
    pub(super) fn stop_doubles(&mut self, key: CallKey) {
        if self.hear == Hear::All {
            return;
        }
        let most = self.calls.get(key).map_or(0, |call| call.legs.len());
        for _ in 0..most {
            let Some(Choice::Stop { leg, why }) = self.calls.get(key).and_then(twice) else { return };
            self.stop_hearing(key, leg, why);
        }
    }

    /// Transcribes a leg from its beginning, whatever other sources the call has.
    pub(super) fn hear_anyway(&mut self, key: CallKey, leg: LegKey, from: u64) {
        let why = if self.hear == Hear::All { ALL } else { "it was sent to be transcribed" };
        self.hear_leg(key, leg, (from, None), why.into());
    }

    fn hear_leg(&mut self, key: CallKey, leg: LegKey, (from, to): (u64, Option<u64>), why: String) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(running) = call.legs.get_mut(&leg) else { return };
        if !running.heard.is_empty() || from > 0 {
            log::info!("call {}: leg {leg} ({}) is heard: {why}", call.id, running.leg.spec.source.as_str());
        }
        running.heard.push((from, to));
        (running.hearing, running.settled) = (Hearing::Going, from);
        running.why.clone_from(&why);
        let (which, at_ms, audio) = (running.leg.spec.leg, running.at_ms(from), Arc::clone(&running.leg));
        if audio.audio().path().as_os_str().is_empty() {
            call.watch.text_leg(which, at_ms);
        } else {
            call.watch.leg(which, at_ms);
        }
        self.push(vec![Change::LegHeard { leg, from, to }, Change::LegWhy { leg, why }]);
        self.does(Effect::Listen(audio, from, to));
    }

    /// Stops the listener on a leg. It reports how far it has come.
    fn stop_hearing(&mut self, key: CallKey, leg: LegKey, why: String) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let Some(running) = call.legs.get_mut(&leg) else { return };
        if running.hearing == Hearing::Awaited {
            // No listener is on it yet, so it ends where the former run had stopped.
            let to = running.settled;
            running.end_heard(to);
            let from = running.heard.last().map_or(0, |(from, _)| *from);
            self.push(vec![Change::LegHeard { leg, from, to: Some(to) }]);
        } else {
            running.stops = true;
            self.does(Effect::StopListening(leg));
        }
        self.say_why(key, leg, why);
    }

    fn say_why(&mut self, key: CallKey, leg: LegKey, why: String) {
        let Some(running) = self.calls.get_mut(key).and_then(|call| call.legs.get_mut(&leg)) else { return };
        running.why.clone_from(&why);
        self.push(vec![Change::LegWhy { leg, why }]);
    }

    /// The listener has reached the end of its part of a leg, at this sample.
    pub(super) fn heard_to_end(&mut self, leg: LegKey, at: u64, peak: Option<u16>) {
        let Some((key, call)) = self.calls.of_leg_mut(leg) else { return };
        let Some(running) = call.legs.get_mut(&leg) else { return };
        running.peak = peak;
        running.settled = at;
        let bounded = running.stops || running.heard.last().is_some_and(|(_, to)| to.is_some());
        if bounded {
            let from = running.heard.last().map_or(0, |(from, _)| *from);
            // Another source takes over where this one fell silent.
            let to = if running.stops { at.min(running.leg.sounded()).max(from) } else { at };
            running.end_heard(to);
            running.hearing = Hearing::StandsBy;
            self.push(vec![Change::LegHeard { leg, from, to: Some(to) }]);
        } else {
            running.hearing = Hearing::Over;
        }
        self.choose_sources(key);
    }

    /// A leg has become unreadable: another source may take over.
    pub(super) fn broke(&mut self, leg: LegKey) {
        let Some((key, call)) = self.calls.of_leg_mut(leg) else { return };
        let Some(running) = call.legs.get_mut(&leg) else { return };
        let to = running.settled;
        running.end_heard(to);
        running.hearing = Hearing::Over;
        let from = running.heard.last().map_or(0, |(from, _)| *from);
        self.push(vec![Change::LegHeard { leg, from, to: Some(to) }]);
        self.choose_sources(key);
    }
}

/// Transcribed stretches of the legs of a finished call.
pub(super) fn past_sources(past: &Past) -> Vec<PastSource> {
    let sources = past.legs.iter().filter(|leg| leg.source.is_of_pbx() && !leg.heard.is_empty());
    sources
        .map(|leg| {
            let heard = leg.heard.iter().map(|&(from, to)| leg.at_ms(from)..leg.at_ms(to.unwrap_or(leg.samples)));
            PastSource { leg: leg.key, which: leg.leg, source: leg.source, heard: heard.collect() }
        })
        .collect()
}

/// Turns on its legs of one direction.
pub(super) fn turns(past: &Past) -> Vec<Turn> {
    // A row tells the direction and not the leg: where others sent sound of it too, it may be theirs.
    let is_of_pbx = |which: Leg| past.legs.iter().all(|leg| leg.leg != which || leg.source.is_of_pbx());
    let of_side =
        past.speech.iter().filter(|speech| speech.leg != Leg::Mixed && speech.sounds && is_of_pbx(speech.leg));
    of_side.map(|speech| Turn { utterance: speech.utterance, range: speech.start_ms..speech.end_ms }).collect()
}

/// Stretches of its legs that were silenced because of redacted text.
pub(super) fn silenced(past: &Past) -> Vec<(Leg, Range<i64>)> {
    let of_leg = |leg: &PastLeg| -> Vec<(Leg, Range<i64>)> {
        leg.silenced.iter().map(|&(start, end)| (leg.leg, leg.at_ms(start)..leg.at_ms(end))).collect()
    };
    past.legs.iter().flat_map(of_leg).collect()
}

impl PastLeg {
    /// Time of a sample, milliseconds of the call.
    pub(super) fn at_ms(&self, sample: u64) -> i64 {
        self.offset_ms + (sample * 1000 / u64::from(self.rate_hz.max(1))) as i64
    }
}
