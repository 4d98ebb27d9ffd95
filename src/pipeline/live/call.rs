//! One running call in memory: its names, its legs, and the progress of each.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::call_names::NamesSaid;
use crate::alerts::CallWatch;
use crate::call::{CallId, CallState, Leg, LegKey, Source, WallTime};
use crate::pipeline::workers::Job;
use crate::spool::{Line, SpooledLeg};
use crate::text::rolling::CallRolling;

/// The begin of a call, by the wall clock before and after its steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CallBegin {
    /// The begin by the wall clock as it was then.
    pub started: WallTime,
    /// Milliseconds by which the wall clock was stepped while the call ran.
    pub stepped_ms: i64,
}

impl CallBegin {
    /// The begin by the wall clock as it is now, milliseconds.
    pub fn now_ms(self) -> i64 {
        self.started.0 + self.stepped_ms
    }

    /// The earlier of two.
    pub fn earlier(self, other: Self) -> Self {
        if self.now_ms() < other.now_ms() { self } else { other }
    }
}

/// Progress of the listener on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hearing {
    /// A recording that a former run followed: who watches the folders may come back to it.
    Awaited,
    /// Its end has not been heard.
    Going,
    /// It is known, and another leg has its voice.
    StandsBy,
    /// Heard to its end, or nothing more can be heard of it.
    Over,
}

/// A leg of a running call.
pub(super) struct RunningLeg {
    pub leg: Arc<SpooledLeg>,
    /// Its first sample in the call, milliseconds.
    pub offset_ms: i64,
    /// Samples that the database knows of.
    pub noted: u64,
    /// Loudest sample of the whole leg, once it was heard.
    pub peak: Option<u16>,
    /// Its utterances up to this sample are known.
    pub settled: u64,
    pub hearing: Hearing,
    /// Stretches of samples that were given to the listener, in the order in which they were; without an end: to the leg's.
    pub heard: Vec<(u64, Option<u64>)>,
    /// Whether anything was found on it.
    pub said: bool,
    /// Whether the listener was told to end.
    pub stops: bool,
    /// Whether the database knows that nothing comes of it any more.
    pub stalled: bool,
    /// Reason why the leg is transcribed, or why not.
    pub why: String,
}

impl RunningLeg {
    /// A leg that is to be heard from sample `from` on, or stands by.
    pub fn new(leg: Arc<SpooledLeg>, offset_ms: i64, from: u64) -> Self {
        Self {
            leg,
            offset_ms,
            noted: 0,
            peak: None,
            settled: from,
            hearing: Hearing::StandsBy,
            heard: Vec::new(),
            said: false,
            stops: false,
            stalled: false,
            why: String::new(),
        }
    }

    /// Time of a sample, milliseconds of the call.
    pub fn at_ms(&self, sample: u64) -> i64 {
        self.offset_ms + (sample * 1000 / u64::from(self.leg.spec.rate_hz)) as i64
    }

    /// The sample that was heard at this time of the call; the first one for what was before.
    pub fn sample_at(&self, call_ms: i64) -> u64 {
        (call_ms - self.offset_ms).max(0) as u64 * u64::from(self.leg.spec.rate_hz) / 1000
    }

    /// Ends the transcribed stretch before this sample.
    pub fn end_heard(&mut self, to: u64) {
        if let Some(last) = self.heard.last_mut() {
            last.1 = Some(to.max(last.0));
        }
        self.stops = false;
    }

    /// Whether sound may still come.
    pub fn is_open(&self) -> bool {
        self.hearing == Hearing::Awaited || !self.leg.is_closed()
    }
}

/// A turn: an utterance on a leg of one direction.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// Its row number.
    pub utterance: i64,
    /// Begin and end, milliseconds of the call.
    pub range: Range<i64>,
}

/// Transcribed stretches of a leg that is no longer in memory.
#[derive(Clone, Debug)]
pub(super) struct PastSource {
    pub leg: LegKey,
    pub which: Leg,
    pub source: Source,
    /// Begin and end of each stretch, milliseconds of the call.
    pub heard: Vec<Range<i64>>,
}

/// A running call.
pub(super) struct Call {
    pub id: CallId,
    pub started: WallTime,
    pub agent: Option<String>,
    /// Campaign, in-group or queue: it may have packs and a language of its own.
    pub campaign: Option<Arc<str>>,
    pub legs: HashMap<LegKey, RunningLeg>,
    /// Connections that have said that they are its, and are not over.
    pub lines: Vec<Arc<Line>>,
    /// Utterances without their text.
    pub outstanding: usize,
    /// Those of them that are transcribed when the line is closed.
    pub put_off: Vec<Job>,
    pub state: CallState,
    /// Time at which its last leg was closed.
    pub closed_at: Instant,
    /// Milliseconds by which the wall clock was stepped since the call began.
    pub stepped_ms: i64,
    /// Reason for which the call ended, as far as it is known.
    pub reason: Option<String>,
    pub rolling: CallRolling,
    pub watch: CallWatch,
    /// End of the last audio, milliseconds of the call.
    pub audio_ms: i64,
    /// Turns on legs of one direction: a mix that takes over leaves them out.
    pub turns: Vec<Turn>,
    /// Transcribed stretches of legs that were over before the call was taken up again.
    pub past: Vec<PastSource>,
    /// Audio that must be silent on every leg with the voice: the leg of the text, and the stretch in milliseconds of the call.
    pub silenced: Vec<(Leg, Range<i64>)>,
    /// Names that are likely to be said.
    pub names_said: NamesSaid,
}

impl Call {
    /// A call that is known since `now`.
    pub fn new(
        (id, started, agent): (CallId, WallTime, Option<String>),
        rolling: CallRolling,
        watch: CallWatch,
        now: Instant,
    ) -> Self {
        Self {
            id,
            started,
            agent,
            campaign: None,
            legs: HashMap::new(),
            lines: Vec::new(),
            outstanding: 0,
            put_off: Vec::new(),
            state: CallState::Active,
            closed_at: now,
            stepped_ms: 0,
            reason: None,
            rolling,
            watch,
            audio_ms: 0,
            turns: Vec::new(),
            past: Vec::new(),
            silenced: Vec::new(),
            names_said: NamesSaid::default(),
        }
    }

    /// Takes what somebody says of the call's campaign, if anything.
    pub fn learn_campaign(&mut self, campaign: Option<&str>) {
        if let Some(campaign) = campaign {
            self.campaign = Some(campaign.into());
        }
    }

    /// Whether sound may still come.
    pub fn is_open(&self) -> bool {
        !self.lines.is_empty() || self.legs.values().any(RunningLeg::is_open)
    }

    /// Reason for which the call ended.
    pub fn end_reason(&self) -> &str {
        self.reason.as_deref().unwrap_or("recovered")
    }

    /// Whether something is still to be heard, or to become text.
    pub fn is_unfinished(&self) -> bool {
        let waits = |leg: &RunningLeg| matches!(leg.hearing, Hearing::Awaited | Hearing::Going);
        self.outstanding > 0 || self.legs.values().any(waits)
    }

    /// Up to where in the call all utterances are known. `None` without a leg.
    pub fn known_to_ms(&self, now: WallTime) -> Option<i64> {
        /// A live leg that has brought nothing for this long, milliseconds, no longer holds up the others.
        const STALLED_MS: i64 = 2000;
        let listening = |leg: &&RunningLeg| {
            let stalled = !leg.leg.is_closed() && now.0 - leg.leg.last_audio().0 > STALLED_MS;
            matches!(leg.hearing, Hearing::Awaited | Hearing::Going) && !stalled
        };
        let settled = self.legs.values().filter(listening).map(|leg| leg.at_ms(leg.settled)).min();
        let all = || self.legs.values().map(|leg| leg.at_ms(leg.leg.samples())).max();
        settled.or_else(|| all().map(|to_ms| to_ms.max(self.audio_ms)))
    }

    /// The leg of a recorded pair that holds both voices because the other is silence all through, whatever their file names say. ViciDial's
    /// listening recorder writes such pairs.
    pub fn whole_mix(&self) -> Option<LegKey> {
        /// -60 dBFS.
        const SILENCE: u16 = 33;
        let legs: Vec<&RunningLeg> = self.legs.values().filter(|leg| !leg.heard.is_empty()).collect();
        let [one, other] = legs.as_slice() else { return None };
        let of_a_pair = |leg: &RunningLeg| leg.leg.spec.source == Source::Recording && leg.leg.spec.leg != Leg::Mixed;
        if !of_a_pair(one) || !of_a_pair(other) || one.leg.spec.leg == other.leg.spec.leg {
            return None;
        }
        match (one.peak?, other.peak?) {
            (loud, ..SILENCE) if loud >= SILENCE => Some(one.leg.key),
            (..SILENCE, loud) if loud >= SILENCE => Some(other.leg.key),
            _ => None,
        }
    }

    /// The begin of the call.
    pub fn begin(&self) -> CallBegin {
        CallBegin { started: self.started, stepped_ms: self.stepped_ms }
    }

    /// The call began earlier than was known: its times move along.
    pub fn begins_at(&mut self, earliest: CallBegin) {
        let shift_ms = self.begin().now_ms() - earliest.now_ms();
        (self.started, self.stepped_ms) = (earliest.started, earliest.stepped_ms);
        self.watch.shift(shift_ms);
        if self.audio_ms > 0 {
            self.audio_ms += shift_ms;
        }
        for leg in self.legs.values_mut() {
            leg.offset_ms += shift_ms;
        }
        let heard = self.past.iter_mut().flat_map(|past| past.heard.iter_mut());
        let turns = self.turns.iter_mut().map(|turn| &mut turn.range);
        for range in heard.chain(turns).chain(self.silenced.iter_mut().map(|(_, range)| range)) {
            *range = range.start + shift_ms..range.end + shift_ms;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::call::CallNames;
    use crate::spool::{LegAudio, LegSpec};

    pub fn leg(key: i64, leg: Leg) -> RunningLeg {
        let spec = LegSpec {
            call: CallId::from_lossy("c"),
            names: CallNames::default(),
            leg,
            source: Source::Recording,
            started: WallTime(5000),
            rate_hz: 8000,
            peer: None,
        };
        let audio = LegAudio::Recording { path: "/x.wav".into(), channel: 0 };
        let spooled = SpooledLeg::recovered(LegKey(key), spec, audio, 16_000);
        let heard = vec![(0, None)];
        RunningLeg { hearing: Hearing::Going, heard, ..RunningLeg::new(Arc::new(spooled), 0, 0) }
    }

    pub fn call(id: &str, started: i64) -> Call {
        let who = (CallId::from_lossy(id), WallTime(started), None);
        Call::new(who, CallRolling::default(), CallWatch::default(), Instant::now())
    }

    #[test]
    fn it_is_unfinished_while_a_leg_is_heard_or_a_text_is_to_come_and_open_while_one_is_awaited() {
        let mut call = call("c", 0);
        assert!(!call.is_unfinished() && !call.is_open());
        call.legs.insert(LegKey(1), leg(1, Leg::Agent));
        assert!(call.is_unfinished() && !call.is_open(), "closed, and not heard to its end");
        let mut set = |hearing| call.legs.get_mut(&LegKey(1)).expect("there").hearing = hearing;
        set(Hearing::Awaited);
        assert!(call.is_open());
        let mut set = |hearing| call.legs.get_mut(&LegKey(1)).expect("there").hearing = hearing;
        set(Hearing::Over);
        assert!(!call.is_unfinished() && !call.is_open());
        call.outstanding = 1;
        assert!(call.is_unfinished());
    }

    #[test]
    fn of_a_pair_with_a_silent_side_the_other_is_the_whole_call() {
        let mut call = call("c", 0);
        for (key, side, peak) in [(1, Leg::Agent, 10), (2, Leg::Caller, 9000)] {
            call.legs.insert(LegKey(key), RunningLeg { peak: Some(peak), ..leg(key, side) });
        }
        assert_eq!(call.whole_mix(), Some(LegKey(2)));
        call.legs.get_mut(&LegKey(1)).expect("there").peak = Some(9000);
        assert_eq!(call.whole_mix(), None);
    }
}
