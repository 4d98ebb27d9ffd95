//! Merges two calls into one; either may already be over. Names, pauses and redactions of each then hold for both.

use std::ops::Range;
use std::sync::Arc;

use super::call::{Call, RunningLeg};
use super::choosing::{past_sources, silenced, turns};
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Facts, KnownCall, Now, Past, PastLeg};
use super::privacy::Privacy;
use super::private::{ToOverwrite, around};
use super::watching::risk_change;
use super::words::figures;
use crate::call::{CallId, CallKey, CallNames, CallState, Hear, Leg, LegKey, WallTime};
use crate::spool::{LegSpec, SpooledLeg};
use crate::store::change::Change;
use crate::text::rolling::CallRolling;

/// One of the two calls as it was before. Its times are those of the merged call.
struct Half {
    is_running: bool,
    /// Its legs that are in memory.
    legs: Vec<LegKey>,
    past: Past,
    /// Silenced stretches, with their direction.
    silenced: Vec<(Leg, Range<i64>)>,
}

impl Conductor {
    pub(super) fn merge(
        &mut self,
        from: &KnownCall,
        into: &KnownCall,
        facts: &Facts,
        now: &Now,
    ) -> (Vec<Change>, Vec<ToOverwrite>) {
        let state = |call: &KnownCall| self.calls.get(call.key).map(|call| call.state);
        let (gone, stays) = (state(from), state(into));
        let mut changes = vec![Change::CallMerged { from: from.key, into: into.key }];
        if let Some(state) = gone.filter(|&state| stays.is_none() || state == CallState::Active) {
            // It continues under the other's row, also after a crash.
            changes.push(Change::CallMoved { call: into.key, state, at: now.wall(), reason: None });
        }
        let (rows, mut silent) = self.pauses_of_both(from.key, into.key, now);
        changes.extend(rows);
        // The memory of a running call knows of a clock step that no row holds yet.
        let begin = |call: &KnownCall| self.calls.get(call.key).map_or(call.begin, Call::begin);
        let begins = [from, into].map(|call| (call, begin(call)));
        let earliest = begins[0].1.earlier(begins[1].1);
        let shifts = begins.map(|(call, begin)| (call, begin.now_ms() - earliest.now_ms()));
        for (call, shift_ms) in shifts {
            self.privacy.shifted(call.key, shift_ms);
        }
        self.privacy.merged(from.key, into.key);
        let halves = shifts.map(|(call, shift_ms)| self.half(call, shift_ms, facts));
        self.calls.merge(from.key, into.key, earliest);
        self.calls.rename(into.key, &into.id);
        self.take_in(into.key, &halves);
        let rolling = figures_of_both(shifts, facts);
        changes.push(Change::CallFigures { call: into.key, figures: figures(&rolling) });
        if let Some(call) = self.calls.get_mut(into.key) {
            call.rolling = rolling;
            changes.push(risk_change(into.key, &call.watch.risk(&call.rolling)));
        }
        let [one, other] = &halves;
        for (half, taken) in [(one, &other.silenced), (other, &one.silenced)] {
            let (rows, ranges) = self.redact_half(into, half, taken, now);
            changes.extend(rows);
            silent.extend(ranges);
        }
        (changes, silent)
    }

    fn half(&self, known: &KnownCall, shift_ms: i64, facts: &Facts) -> Half {
        let mut past = facts.past.get(&known.key).cloned().unwrap_or_default();
        for leg in &mut past.legs {
            leg.offset_ms += shift_ms;
        }
        for speech in &mut past.speech {
            (speech.start_ms, speech.end_ms) = (speech.start_ms + shift_ms, speech.end_ms + shift_ms);
        }
        let running = self.calls.get(known.key);
        let silenced = match running {
            Some(call) => {
                let of_call = call.silenced.iter();
                of_call.map(|(leg, range)| (*leg, range.start + shift_ms..range.end + shift_ms)).collect()
            }
            None => silenced(&past),
        };
        let legs = running.map(|call| call.legs.keys().copied().collect()).unwrap_or_default();
        Half { is_running: running.is_some(), legs, past, silenced }
    }

    /// Adds the transcribed stretches of a finished half to the half that goes on.
    fn take_in(&mut self, key: CallKey, halves: &[Half]) {
        let Some(call) = self.calls.get_mut(key) else { return };
        for half in halves.iter().filter(|half| !half.is_running) {
            call.past.extend(past_sources(&half.past));
            call.turns.extend(turns(&half.past));
            call.silenced.extend(half.silenced.iter().cloned());
            let ends = half.past.legs.iter().map(PastLeg::end_ms);
            call.audio_ms = ends.fold(call.audio_ms, i64::max);
        }
    }

    /// Silences the redacted stretches of one half on the legs of the other that hold the voice.
    fn redact_half(
        &mut self,
        known: &KnownCall,
        half: &Half,
        taken: &[(Leg, Range<i64>)],
        now: &Now,
    ) -> (Vec<Change>, Vec<ToOverwrite>) {
        // With `hear = "all"` each leg has its own text, and is silenced by it.
        if self.hear == Hear::All || taken.is_empty() {
            return (Vec::new(), Vec::new());
        }
        let running = half.legs.iter().filter_map(|&leg| self.calls.of_leg(leg));
        let mut silent: Vec<ToOverwrite> =
            running.map(|(.., leg)| (Arc::clone(&leg.leg), of_voice(leg, taken))).collect();
        let over = half.past.legs.iter().filter(|leg| !half.legs.contains(&leg.key));
        silent.extend(over.map(|past| {
            let leg = RunningLeg::new(past.spooled(&known.id), past.offset_ms, 0);
            let ranges = of_voice(&leg, taken);
            (leg.leg, ranges)
        }));
        silent.retain(|(_, ranges)| !ranges.is_empty());
        let mut changes = Vec::new();
        for (leg, ranges) in &silent {
            changes.extend(Privacy::silence(leg, ranges, now.wall()));
            self.does(Effect::DropCached(leg.key));
        }
        (changes, silent)
    }
}

/// Samples of a leg that have to be silence because of what was said in these directions.
fn of_voice(leg: &RunningLeg, taken: &[(Leg, Range<i64>)]) -> Vec<Range<u64>> {
    let of_leg = taken.iter().filter(|(which, _)| leg.leg.spec.holds_voice(*which));
    let ranges = of_leg.filter_map(|(_, range)| around(leg, range));
    // A leg that grows may still reach the stretch.
    ranges.filter(|range| !leg.leg.is_closed() || range.start < leg.leg.samples()).collect()
}

impl PastLeg {
    /// End of the leg's audio, milliseconds of the call.
    pub(super) fn end_ms(&self) -> i64 {
        self.at_ms(self.samples)
    }

    /// The leg as it lies on disk.
    fn spooled(&self, call: &CallId) -> Arc<SpooledLeg> {
        let spec = LegSpec {
            call: call.clone(),
            names: CallNames::default(),
            leg: self.leg,
            source: self.source,
            started: WallTime(0),
            rate_hz: self.rate_hz.max(1),
            peer: None,
        };
        Arc::new(SpooledLeg::recovered(self.key, spec, self.audio.clone(), self.samples))
    }
}

/// The figures of two calls that become one: over the texts of both, in the order in which they were said.
fn figures_of_both(calls: [(&KnownCall, i64); 2], facts: &Facts) -> CallRolling {
    let of_call = |(call, shift_ms): (&KnownCall, i64)| {
        let segments = facts.past.get(&call.key).map_or(&[][..], |past| past.segments.as_slice());
        segments
            .iter()
            .map(move |segment| (shift_ms + segment.start_ms, segment.leg, segment.compound))
            .collect::<Vec<_>>()
    };
    let mut said: Vec<_> = calls.into_iter().flat_map(of_call).collect();
    said.sort_by_key(|(at_ms, ..)| *at_ms);
    let mut rolling = CallRolling::default();
    for (_, leg, compound) in said {
        rolling.push(leg, compound);
    }
    rolling
}
