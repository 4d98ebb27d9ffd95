//! The truth of the simulated day: what was said on each leg, and what its file holds.

use std::sync::Arc;
use std::time::Duration;

use super::dice::Dice;
use crate::call::{CallId, CallNames, Leg, LegKey, Moment, Source};
use crate::spool::{LegAudio, LegSpec, SpooledLeg};

/// Samples in a millisecond.
pub const PER_MS: u64 = 8;
/// A recording is written in steps of so many milliseconds.
const STEP_MS: u64 = 2000;
/// So long at most until a live leg's sound is on disk.
pub const LATE_MS: u64 = 100;

/// A leg as it really was.
pub struct Sound {
    pub key: LegKey,
    /// The call as its source names it.
    pub call: String,
    pub source: Source,
    pub which: Leg,
    /// When its first sample was heard, by the clock that never jumps, milliseconds of the day.
    pub began_ms: u64,
    /// When its source closes it.
    pub ends_ms: u64,
    /// From so long after its begin on nothing comes of it, though it stays open: lineside puts silence there. Milliseconds.
    pub stalls_ms: Option<u64>,
    /// Which voices of the day it holds, where other legs hold them too.
    pub voice: Option<usize>,
    /// What was said: stretches of samples.
    pub speech: Vec<(u64, u64)>,
    /// The leg as the process of now knows it.
    pub spooled: Option<Arc<SpooledLeg>>,
    pub spec: Option<LegSpec>,
    /// Samples that its file has.
    pub on_disk: u64,
    /// Since when its connection waits for a disk that takes nothing, with what is said meanwhile: the time of the day, and as the process tells it.
    pub waits: Option<(u64, Moment)>,
    /// When a process opened it.
    pub opens: Vec<u64>,
    /// When its row was seen to be committed.
    pub known_ms: Option<u64>,
    /// Nothing more will be written.
    pub over: bool,
}

impl Sound {
    pub fn is_recorded(&self) -> bool {
        self.source == Source::Recording
    }

    /// The leg anew, as a process sees it that begins or comes back to it.
    pub fn open(&mut self, now: Moment) -> Arc<SpooledLeg> {
        let spec = self.spec.get_or_insert_with(|| LegSpec {
            call: CallId::from_lossy(&self.call),
            names: CallNames::default(),
            leg: self.which,
            source: self.source,
            started: now.wall,
            rate_hz: (PER_MS * 1000) as u32,
            peer: None,
        });
        let path = format!("/{}.wav", self.key).into();
        let audio = if self.source == Source::Recording {
            LegAudio::Recording { path, channel: 0 }
        } else {
            LegAudio::Spooled { path }
        };
        let leg = Arc::new(SpooledLeg::new(self.key, spec.clone(), audio));
        if leg.audio().owned() {
            leg.live_grew_to(0, now);
        }
        self.spooled = Some(Arc::clone(&leg));
        leg
    }

    /// From when on the process of that time had the leg open.
    pub fn next_open(&self, at_ms: u64, crashes: &[u64]) -> u64 {
        let last = self.opens.iter().copied().rfind(|&open| open <= at_ms);
        let is_open = |open: u64| !crashes.iter().any(|&crash| (open..=at_ms).contains(&crash));
        last.filter(|&open| is_open(open))
            .or_else(|| self.opens.iter().copied().find(|&open| open > at_ms))
            .unwrap_or(u64::MAX)
    }

    /// Which sample was heard at a moment of the day.
    pub fn sample_at(&self, ms: u64) -> u64 {
        ms.saturating_sub(self.began_ms) * PER_MS
    }

    /// Time has passed: the file has grown, and whoever reads the leg sees it. `late_ms` is how far a live leg's disk is behind.
    pub fn grow(&mut self, now_ms: u64, late_ms: u64, now: Moment) {
        if self.over {
            return;
        }
        let heard_ms = now_ms.min(self.ends_ms).saturating_sub(self.began_ms);
        let is_done = now_ms >= self.ends_ms;
        let written_ms = match (self.is_recorded(), is_done) {
            (true, false) => heard_ms / STEP_MS * STEP_MS,
            (false, false) => heard_ms.saturating_sub(late_ms),
            (_, true) => heard_ms,
        };
        let samples = written_ms * PER_MS;
        if samples <= self.on_disk && self.spooled.as_ref().is_none_or(|leg| leg.samples() >= samples) {
            return;
        }
        self.on_disk = self.on_disk.max(samples);
        let Some(leg) = &self.spooled else { return };
        leg.fill(samples.saturating_sub(leg.samples().max(self.sounds_to())));
        let late = Duration::from_millis(now_ms - self.began_ms - written_ms);
        if self.is_recorded() {
            leg.recording_grew_to(self.on_disk, now, late);
        } else {
            leg.live_grew_to(self.on_disk, now.before(late));
        }
    }

    /// How much of its file came from its source: what is behind it lineside has put in.
    pub fn sounds_to(&self) -> u64 {
        self.stalls_ms.map_or(self.on_disk, |stalls_ms| self.on_disk.min(stalls_ms * PER_MS))
    }

    /// What was said within these samples.
    pub fn speech_in(&self, from: u64, to: u64) -> impl Iterator<Item = (u64, u64)> {
        let within = move |&(start, end): &(u64, u64)| (start.max(from), end.min(to));
        self.speech.iter().map(within).filter(|(start, end)| start < end)
    }
}

/// What is said between two times of a leg.
pub fn speech(dice: &mut Dice, from_ms: u64, to_ms: u64) -> Vec<(u64, u64)> {
    let mut said = Vec::new();
    let mut at_ms = from_ms + dice.between(100, 2000);
    while at_ms < to_ms {
        let end_ms = at_ms + dice.between(400, 4000);
        said.push((at_ms * PER_MS, end_ms.min(to_ms) * PER_MS));
        at_ms = end_ms + dice.between(800, 4000);
    }
    said
}
