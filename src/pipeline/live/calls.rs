//! All running calls, and their lookup by row, by any present or former name, and by leg.
//!
//! Memory alone: no clock, no channel, no database. A call owns its legs; only this file changes the indexes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use super::call::{Call, CallBegin, RunningLeg};
use crate::call::{CallId, CallKey, CallState, LegKey};

/// Row numbers, given one after the other. Clones give from the same row of numbers, so that none is given twice.
#[derive(Clone, Debug)]
pub struct RowNumbers(Arc<AtomicI64>);

impl RowNumbers {
    /// The numbers above the highest that a row has.
    pub fn after(highest: i64) -> Self {
        Self(Arc::new(AtomicI64::new(highest)))
    }

    /// The next number.
    pub fn next(&self) -> i64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// All running calls.
#[derive(Default)]
pub(super) struct Calls {
    running: HashMap<CallKey, Call>,
    /// Every name that a running call has or had.
    ids: HashMap<CallId, CallKey>,
    of_leg: HashMap<LegKey, CallKey>,
}

impl Calls {
    pub fn get(&self, key: CallKey) -> Option<&Call> {
        self.running.get(&key)
    }

    pub fn get_mut(&mut self, key: CallKey) -> Option<&mut Call> {
        self.running.get_mut(&key)
    }

    pub fn by_id(&self, id: &CallId) -> Option<CallKey> {
        self.ids.get(id).copied()
    }

    /// The call of a leg, and the leg.
    pub fn of_leg(&self, leg: LegKey) -> Option<(CallKey, &Call, &RunningLeg)> {
        let key = *self.of_leg.get(&leg)?;
        let call = self.running.get(&key)?;
        Some((key, call, call.legs.get(&leg)?))
    }

    /// The call of a leg.
    pub fn of_leg_mut(&mut self, leg: LegKey) -> Option<(CallKey, &mut Call)> {
        let key = *self.of_leg.get(&leg)?;
        Some((key, self.running.get_mut(&key)?))
    }

    pub fn leg_mut(&mut self, leg: LegKey) -> Option<&mut RunningLeg> {
        self.of_leg_mut(leg)?.1.legs.get_mut(&leg)
    }

    pub fn len(&self) -> usize {
        self.running.len()
    }

    pub fn keys(&self) -> Vec<CallKey> {
        self.running.keys().copied().collect()
    }

    pub fn iter(&self) -> impl Iterator<Item = (CallKey, &Call)> {
        self.running.iter().map(|(&key, call)| (key, call))
    }

    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        self.running.values_mut()
    }

    pub fn legs_mut(&mut self) -> impl Iterator<Item = &mut RunningLeg> {
        self.running.values_mut().flat_map(|call| call.legs.values_mut())
    }

    pub fn add(&mut self, key: CallKey, call: Call) {
        self.ids.insert(call.id.clone(), key);
        self.running.insert(key, call);
    }

    /// A call is also found under this name.
    pub fn also_named(&mut self, key: CallKey, id: CallId) {
        self.ids.insert(id, key);
    }

    /// A call has this name from now on, and is still found under the ones before.
    pub fn rename(&mut self, key: CallKey, id: &CallId) {
        if let Some(call) = self.running.get_mut(&key) {
            call.id = id.clone();
            self.ids.insert(id.clone(), key);
        }
    }

    /// A leg joins a call, or comes anew.
    pub fn add_leg(&mut self, key: CallKey, leg: RunningLeg) {
        if let Some((_, before)) = self.of_leg_mut(leg.leg.key) {
            before.legs.remove(&leg.leg.key);
        }
        if let Some(call) = self.running.get_mut(&key) {
            self.of_leg.insert(leg.leg.key, key);
            call.past.retain(|past| past.leg != leg.leg.key);
            call.legs.insert(leg.leg.key, leg);
        }
    }

    pub fn remove(&mut self, key: CallKey) -> Option<Call> {
        self.ids.retain(|_, other| *other != key);
        self.of_leg.retain(|_, other| *other != key);
        self.running.remove(&key)
    }

    /// Does in memory what `Change::CallMerged` does on disk. Either of the two may be over already.
    pub fn merge(&mut self, from: CallKey, into: CallKey, earliest: CallBegin) {
        for key in [from, into] {
            if let Some(call) = self.running.get_mut(&key) {
                call.begins_at(earliest);
            }
        }
        let Some(gone) = self.running.remove(&from) else { return };
        for key in self.ids.values_mut().chain(self.of_leg.values_mut()) {
            if *key == from {
                *key = into;
            }
        }
        let Some(call) = self.running.get_mut(&into) else {
            // The other call had ended: this one continues under its row.
            self.running.insert(into, gone);
            return;
        };
        if gone.state == CallState::Active {
            call.state = CallState::Active;
        }
        call.closed_at = call.closed_at.max(gone.closed_at);
        call.legs.extend(gone.legs);
        call.lines.extend(gone.lines);
        call.outstanding += gone.outstanding;
        call.put_off.extend(gone.put_off);
        call.audio_ms = call.audio_ms.max(gone.audio_ms);
        call.turns.extend(gone.turns);
        call.past.extend(gone.past);
        call.silenced.extend(gone.silenced);
        call.watch.absorb(gone.watch);
        call.names_said.absorb(gone.names_said);
        call.campaign = call.campaign.take().or(gone.campaign);
    }
}

#[cfg(test)]
mod tests {
    use super::super::call::tests::{call, leg};
    use super::*;
    use crate::call::{Leg, WallTime};

    #[test]
    fn two_calls_that_are_one_have_their_legs_names_and_texts_to_come_under_one_row() {
        let mut calls = Calls::default();
        calls.add(CallKey(1), call("early", 5000));
        calls.add(CallKey(2), call("late", 8000));
        calls.add_leg(CallKey(1), leg(1, Leg::Agent));
        calls.add_leg(CallKey(2), leg(2, Leg::Caller));
        for key in [1, 2] {
            calls.get_mut(CallKey(key)).expect("running").outstanding = 1;
        }
        calls.merge(CallKey(1), CallKey(2), CallBegin { started: WallTime(5000), stepped_ms: 0 });
        assert_eq!((calls.len(), calls.by_id(&CallId::from_lossy("early"))), (1, Some(CallKey(2))));
        let (key, both, early) = calls.of_leg(LegKey(1)).expect("there");
        assert_eq!((key, both.outstanding, both.started, early.at_ms(8000)), (CallKey(2), 2, WallTime(5000), 1000));
        let (_, _, late) = calls.of_leg(LegKey(2)).expect("there");
        assert_eq!((late.at_ms(8000), late.sample_at(4000), late.sample_at(0)), (4000, 8000, 0));
        let gone = calls.remove(CallKey(2)).expect("running");
        assert!(gone.legs.len() == 2 && calls.of_leg(LegKey(1)).is_none());
    }

    #[test]
    fn a_call_whose_other_half_is_over_goes_on_under_the_others_row() {
        let mut calls = Calls::default();
        calls.add(CallKey(2), call("late", 8000));
        calls.add_leg(CallKey(2), leg(2, Leg::Caller));
        calls.merge(CallKey(2), CallKey(1), CallBegin { started: WallTime(5000), stepped_ms: 0 });
        let (key, call, late) = calls.of_leg(LegKey(2)).expect("there");
        assert_eq!((key, call.started, late.offset_ms), (CallKey(1), WallTime(5000), 3000));
    }
}
