//! Who speaks when: silences and interruptions, from utterances that come in any order.
//!
//! Somebody speaks where words were found, or where they could not be looked for: music, ringing and noise are silence. That is the one meaning of
//! silence, for alerts, risk, score card and figures alike; so nothing is silence or speech before its utterance has been read.
//!
//! An utterance is told when it ends, so one that began earlier may come later. Nothing is decided beyond the time up to which all are known.

use std::collections::{BTreeMap, HashMap};

use crate::call::Leg;

/// Pauses up to here are ordinary: they do not count as dead air in the risk.
pub const PAUSE_MS: i64 = 4000;
/// Milliseconds of margin that an utterance holds before and after its voice (`EndpointSettings`), and that do not count as overlap.
const AIR_MS: i64 = 450;

/// Time from which both sides can be transcribed, by the begin of each leg, milliseconds of the call: a mix holds both.
pub fn both_heard_ms(begin: impl Fn(Leg) -> Option<i64>) -> Option<i64> {
    let sides = begin(Leg::Agent).zip(begin(Leg::Caller)).map(|(one, other)| one.max(other));
    begin(Leg::Mixed).into_iter().chain(sides).min()
}

/// A silence or an overlap that is over or long enough to count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passage {
    /// Nobody spoke.
    Silence {
        /// End of the last utterance before.
        start_ms: i64,
        /// Begin of the next one, or how far the call has come.
        end_ms: i64,
    },
    /// One side spoke while the other did.
    Overlap {
        /// The side that began later.
        by: Leg,
        /// Begin of the overlap, milliseconds of the call.
        start_ms: i64,
        /// Time at which the first of the two fell silent, milliseconds of the call.
        end_ms: i64,
    },
}

/// A call's utterances on one line.
#[derive(Debug, Default)]
pub struct SpeechLine {
    /// Known, but not yet passed: by start.
    ahead: BTreeMap<(i64, Leg), i64>,
    /// End of the last speech that was passed.
    spoken_to: Option<i64>,
    /// The last utterance of each leg that was passed.
    last: HashMap<Leg, (i64, i64)>,
    /// Time at which the second side came in, milliseconds of the call; silence before it does not count.
    both_since: Option<i64>,
    dead_air_ms: i64,
    /// The longest silence that another platform has told.
    reported_ms: i64,
    overlap_ms: i64,
}

impl SpeechLine {
    /// Both sides can be heard from here on.
    pub fn both_sides(&mut self, since_ms: i64) {
        self.both_since = Some(self.both_since.map_or(since_ms, |before| before.min(since_ms)));
    }

    /// A silence of a call whose sound is not here.
    pub fn reported(&mut self, ms: i64) {
        self.reported_ms = self.reported_ms.max(ms - PAUSE_MS);
    }

    /// Adds a stretch of speech.
    pub fn add(&mut self, leg: Leg, start_ms: i64, end_ms: i64) {
        self.ahead.insert((start_ms, leg), end_ms);
    }

    /// Everything that begins before `to_ms` is known: tells what happened up to there. The last silence may still go on.
    pub fn pass(&mut self, to_ms: i64) -> Vec<Passage> {
        let mut passed = Vec::new();
        while let Some(entry) = self.ahead.first_entry().filter(|entry| entry.key().0 < to_ms) {
            let ((start_ms, leg), end_ms) = entry.remove_entry();
            if let Some(silence) = self.silence(start_ms) {
                if let Passage::Silence { start_ms, end_ms } = silence {
                    self.dead_air_ms += (end_ms - start_ms - PAUSE_MS).max(0);
                }
                passed.push(silence);
            }
            for (&other, &(_, other_end)) in &self.last {
                let overlap_end = end_ms.min(other_end) - AIR_MS;
                if other != leg && other != Leg::Mixed && leg != Leg::Mixed && overlap_end > start_ms {
                    self.overlap_ms += overlap_end - start_ms;
                    passed.push(Passage::Overlap { by: leg, start_ms, end_ms: overlap_end });
                }
            }
            let reach = self.last.get(&leg).map_or(end_ms, |&(_, end)| end.max(end_ms));
            self.last.insert(leg, (start_ms, reach));
            self.spoken_to = Some(self.spoken_to.map_or(end_ms, |end| end.max(end_ms)));
        }
        passed.extend(self.silence(to_ms));
        passed
    }

    fn silence(&self, to_ms: i64) -> Option<Passage> {
        let start_ms = self.spoken_to?.max(self.both_since?);
        (to_ms > start_ms).then_some(Passage::Silence { start_ms, end_ms: to_ms })
    }

    /// Silence beyond ordinary pauses so far, with the present one up to `to_ms`, milliseconds.
    pub fn dead_air_ms(&self, to_ms: i64) -> i64 {
        let now = match self.silence(to_ms) {
            Some(Passage::Silence { start_ms, end_ms }) => (end_ms - start_ms - PAUSE_MS).max(0),
            _ => 0,
        };
        self.dead_air_ms + now + self.reported_ms
    }

    /// Time for which both sides spoke at once so far, milliseconds.
    pub fn overlap_ms(&self) -> i64 {
        self.overlap_ms
    }

    /// The call's begin moves: two halves of it have met.
    pub fn shift(&mut self, ms: i64) {
        self.ahead =
            std::mem::take(&mut self.ahead).into_iter().map(|((at, leg), end)| ((at + ms, leg), end + ms)).collect();
        self.spoken_to = self.spoken_to.map(|at| at + ms);
        self.both_since = self.both_since.map(|at| at + ms);
        for (start, end) in self.last.values_mut() {
            *start += ms;
            *end += ms;
        }
    }

    /// Takes over the utterances of another half.
    pub fn absorb(&mut self, other: Self) {
        self.ahead.extend(other.ahead);
        self.dead_air_ms += other.dead_air_ms;
        self.overlap_ms += other.overlap_ms;
        self.spoken_to = self.spoken_to.max(other.spoken_to);
        for (leg, (start, end)) in other.last {
            self.last
                .entry(leg)
                .and_modify(|mine| *mine = (mine.0.max(start), mine.1.max(end)))
                .or_insert((start, end));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_silence_is_told_as_it_grows_and_once_more_when_it_is_over() {
        let mut line = SpeechLine::default();
        line.both_sides(0);
        line.add(Leg::Agent, 1000, 2000);
        assert_eq!(line.pass(5000), [Passage::Silence { start_ms: 2000, end_ms: 5000 }]);
        assert_eq!(line.pass(9000), [Passage::Silence { start_ms: 2000, end_ms: 9000 }]);
        assert_eq!(line.dead_air_ms(9000), 3000);
        line.add(Leg::Caller, 9500, 10_000);
        assert_eq!(line.pass(10_000), [Passage::Silence { start_ms: 2000, end_ms: 9500 }]);
        assert_eq!(line.dead_air_ms(10_000), 3500);
    }

    #[test]
    fn an_utterance_that_was_told_late_is_no_silence() {
        let mut line = SpeechLine::default();
        line.both_sides(0);
        line.add(Leg::Caller, 0, 1000);
        line.add(Leg::Caller, 12_000, 13_000);
        assert_eq!(line.pass(800), []); // the agent has been speaking since 900: nothing is known beyond
        line.add(Leg::Agent, 900, 14_000);
        let silences = line.pass(14_000).into_iter().filter(|passage| matches!(passage, Passage::Silence { .. }));
        assert_eq!(silences.count(), 0);
    }

    #[test]
    fn who_begins_while_the_other_speaks_breaks_in() {
        let mut line = SpeechLine::default();
        line.both_sides(0);
        line.add(Leg::Caller, 0, 6000);
        line.add(Leg::Agent, 2000, 5000);
        assert_eq!(line.pass(6000), [Passage::Overlap { by: Leg::Agent, start_ms: 2000, end_ms: 4550 }]);
        assert_eq!(line.overlap_ms(), 2550);
    }

    #[test]
    fn with_one_side_alone_nothing_is_silence() {
        let mut line = SpeechLine::default();
        line.add(Leg::Agent, 0, 1000);
        assert_eq!(line.pass(60_000), []);
    }

    proptest! {
        #[test]
        fn however_it_is_told_no_silence_holds_speech(
            utterances in prop::collection::vec((0..100_000_i64, 1..9000_i64, any::<bool>()), 0..30),
            steps in prop::collection::vec(1..20_000_i64, 0..30),
        ) {
            let mut line = SpeechLine::default();
            line.both_sides(0);
            let mut to = 0;
            let mut told = 0;
            let mut all = utterances.clone();
            all.sort_unstable();
            for step in steps {
                to += step;
                while told < all.len() && all[told].0 < to {
                    let (start, length, agent) = all[told];
                    line.add(if agent { Leg::Agent } else { Leg::Caller }, start, start + length);
                    told += 1;
                }
                for passage in line.pass(to) {
                    if let Passage::Silence { start_ms, end_ms } = passage {
                        prop_assert!(start_ms < end_ms);
                        for &(start, length, _) in &all[..told] {
                            prop_assert!(start + length <= start_ms || start >= end_ms, "{start} in {start_ms}..{end_ms}");
                        }
                    }
                }
            }
        }
    }
}
