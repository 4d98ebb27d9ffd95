//! Pauses of a call, or of one direction of it, remembered for sources that appear later.
//!
//! Memory alone. Pauses of a finished call are kept for [`KEPT`], because its recording may come late.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::Instant;

use super::pending_pauses::KEPT;
use crate::call::{CallKey, Leg, Moment};
use crate::pipeline::command::Pausing;

/// Pauses of a call that are remembered one by one; more of them are one long one.
const GAPS: usize = 256;

/// Scope of a pause: one direction, or the whole call with `None`.
pub(super) type PauseScope = Option<Leg>;

/// A pause of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub from: Moment,
    /// `None` while it lasts.
    pub to: Option<Moment>,
    /// Known from a row alone, which does not tell of what it was one.
    is_recovered: bool,
}

/// The pauses of all calls.
#[derive(Debug, Default)]
pub(super) struct Gaps {
    /// Pauses of each call and scope, in order of time.
    calls: HashMap<CallKey, BTreeMap<PauseScope, Vec<Gap>>>,
    /// Calls that have ended, the first one first.
    ended: VecDeque<(Instant, CallKey)>,
}

/// Whether a leg is silent during a pause of that scope. A mix holds either voice.
pub(super) fn covers(scope: PauseScope, which: Leg) -> bool {
    scope.is_none_or(|side| side.shares_voice(which))
}

impl Gaps {
    /// Pauses or resumes a call, or one direction of it, from `at` on. Returns whether that changes anything.
    pub fn set(&mut self, call: CallKey, scope: PauseScope, pausing: Pausing, at: Moment) -> bool {
        let scopes = self.calls.entry(call).or_default();
        let lasts = |gaps: Option<&Vec<Gap>>| gaps.and_then(|gaps| gaps.last()).filter(|gap| gap.to.is_none()).copied();
        // A resume also ends a pause that a former run left.
        let recovered = lasts(scopes.get(&None)).is_some_and(|gap| gap.is_recovered);
        let scope =
            if lasts(scopes.get(&scope)).is_none() && recovered && pausing == Pausing::Resume { None } else { scope };
        let gaps = scopes.entry(scope).or_default();
        let (count, was_paused) = (gaps.len(), lasts(Some(gaps)).is_some());
        match (pausing, gaps.last_mut()) {
            (Pausing::Pause, Some(last)) if !was_paused && count >= GAPS => last.to = None,
            (Pausing::Pause, _) if !was_paused => gaps.push(Gap { from: at, to: None, is_recovered: false }),
            (Pausing::Resume, Some(last)) if was_paused => last.to = Some(at),
            _ => return false,
        }
        true
    }

    /// A leg's rows say that its call was paused when the former run ended.
    pub fn recovered(&mut self, call: CallKey, from: Moment) {
        if self.set(call, None, Pausing::Pause, from)
            && let Some(gap) = self.calls.get_mut(&call).and_then(|scopes| scopes.get_mut(&None)?.last_mut())
        {
            gap.is_recovered = true;
        }
    }

    /// Begin of a call's pause that a former run left.
    pub fn recovered_since(&self, call: CallKey) -> Option<Moment> {
        self.calls.get(&call)?.get(&None)?.last().filter(|gap| gap.is_recovered && gap.to.is_none()).map(|gap| gap.from)
    }

    /// Time at which the last pause of a leg of this direction ended.
    pub fn last_end(&self, call: CallKey, which: Leg) -> Option<Moment> {
        self.over_of(call, which).into_iter().map(|(_, to)| to).max_by_key(|to| to.steady)
    }

    /// Begin of the present pause of the whole call.
    pub fn paused_since(&self, call: CallKey) -> Option<Moment> {
        self.lasting(call, |scope| scope.is_none())
    }

    /// Begin of the present pause of a leg of this direction, whether the call or the direction is paused.
    pub fn leg_paused_since(&self, call: CallKey, which: Leg) -> Option<Moment> {
        self.lasting(call, |scope| covers(scope, which))
    }

    fn lasting(&self, call: CallKey, wanted: impl Fn(PauseScope) -> bool) -> Option<Moment> {
        let scopes = self.calls.get(&call)?.iter().filter(|(scope, _)| wanted(**scope));
        let lasting = scopes.filter_map(|(_, gaps)| gaps.last().filter(|gap| gap.to.is_none()));
        lasting.map(|gap| gap.from).min_by_key(|from| from.steady)
    }

    /// Pauses of a leg of this direction that are over, in order of time.
    pub fn over_of(&self, call: CallKey, which: Leg) -> Vec<(Moment, Moment)> {
        let scopes = self.calls.get(&call).into_iter().flatten().filter(|(scope, _)| covers(**scope, which));
        let mut over: Vec<_> = scopes.flat_map(|(_, gaps)| gaps).filter_map(|gap| Some((gap.from, gap.to?))).collect();
        over.sort_by_key(|(from, _)| from.steady);
        over
    }

    /// The wall clock was stepped: moments of before are told by the clock of now.
    pub fn stepped(&mut self, step_ms: i64) {
        for gap in self.calls.values_mut().flat_map(BTreeMap::values_mut).flatten() {
            gap.from.wall.0 += step_ms;
            if let Some(to) = &mut gap.to {
                to.wall.0 += step_ms;
            }
        }
    }

    /// A call has become another.
    pub fn merged(&mut self, from: CallKey, into: CallKey) {
        for (scope, gaps) in self.calls.remove(&from).into_iter().flatten() {
            let all = self.calls.entry(into).or_default().entry(scope).or_default();
            all.extend(gaps);
            // A pause without an end comes last.
            all.sort_by_key(|gap| (gap.to.is_none(), gap.from.steady));
            // One of two pauses without an end is dropped, because one request ends both.
            let lasting = all.iter().position(|gap| gap.to.is_none());
            all.truncate(lasting.map_or(all.len(), |first| first + 1));
        }
    }

    /// A call has ended: its pauses are kept for a while.
    pub fn ended(&mut self, call: CallKey, now: Instant) {
        if self.calls.contains_key(&call) {
            self.ended.push_back((now, call));
        }
    }

    /// Forgets everything about a call.
    pub fn erased(&mut self, call: CallKey) {
        self.calls.remove(&call);
    }

    /// Forgets pauses of calls that ended long ago and do not run again.
    pub fn forget_old(&mut self, now: Instant, runs: impl Fn(CallKey) -> bool) {
        while let Some(&(at, call)) = self.ended.front() {
            if now.saturating_duration_since(at) < KEPT {
                return;
            }
            self.ended.pop_front();
            // It may have ended again since.
            if !runs(call) && !self.ended.iter().any(|(_, other)| *other == call) {
                self.calls.remove(&call);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::call::WallTime;

    const ONE: CallKey = CallKey(1);

    #[test]
    fn pauses_of_a_call_are_remembered_for_legs_that_come_later_and_never_without_end() {
        let mut gaps = Gaps::default();
        let other = CallKey(2);
        let at = Moment::now(WallTime(0));
        assert!(!gaps.set(ONE, None, Pausing::Resume, at) && gaps.set(ONE, None, Pausing::Pause, at));
        assert!(!gaps.set(ONE, None, Pausing::Pause, at) && gaps.paused_since(ONE).is_some(), "twice is once");
        gaps.set(other, None, Pausing::Pause, at);
        gaps.set(other, None, Pausing::Resume, at);
        gaps.merged(ONE, other);
        assert!(gaps.paused_since(other).is_some() && gaps.calls[&other][&None].len() == 2);
        for _ in 0..10 * GAPS {
            gaps.set(other, None, Pausing::Resume, at);
            gaps.set(other, None, Pausing::Pause, at);
        }
        assert_eq!(gaps.calls[&other][&None].len(), GAPS);
        gaps.ended(other, at.steady);
        gaps.forget_old(at.steady + Duration::from_secs(299), |_| false);
        assert!(gaps.paused_since(other).is_some(), "a recording may come late");
        gaps.forget_old(at.steady + KEPT, |_| false);
        assert!(gaps.calls.is_empty() && gaps.ended.is_empty());
    }

    #[test]
    fn a_pause_of_one_direction_is_one_of_its_leg_and_of_a_mix() {
        let mut gaps = Gaps::default();
        let at = Moment::now(WallTime(0));
        gaps.set(ONE, Some(Leg::Agent), Pausing::Pause, at);
        let paused =
            |gaps: &Gaps| [Leg::Agent, Leg::Caller, Leg::Mixed].map(|leg| gaps.leg_paused_since(ONE, leg).is_some());
        assert_eq!((paused(&gaps), gaps.paused_since(ONE)), ([true, false, true], None));
        gaps.set(ONE, None, Pausing::Pause, at);
        gaps.set(ONE, None, Pausing::Resume, at);
        assert_eq!(paused(&gaps), [true, false, true], "the direction is still muted");
        gaps.set(ONE, Some(Leg::Agent), Pausing::Resume, at);
        assert_eq!(paused(&gaps), [false; 3]);
    }

    #[test]
    fn whoever_ends_a_pause_of_before_a_restart_ends_it() {
        let mut gaps = Gaps::default();
        let at = Moment::now(WallTime(0));
        gaps.recovered(ONE, at);
        assert!(gaps.set(ONE, Some(Leg::Agent), Pausing::Resume, at) && gaps.paused_since(ONE).is_none());
    }
}
