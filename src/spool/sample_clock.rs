//! The sample clock of a leg: which sample was spoken at a given time. Pauses are placed by it.
//!
//! A live leg is on disk within a fraction of a second, so a moment ago is a few samples back. A slow or full disk breaks this rule, because captured
//! audio then waits for the disk. So the last sample on disk is remembered with the time of its capture, and the end of a pause is counted from
//! there.
//!
//! A recording is written in steps: Asterisk collects 32 KiB (2 s of `wav`, 20 s of `gsm`), and writes nothing while no frame comes. So each step is
//! remembered with its time. The sample of a moment between two steps is known when the second has come, before anybody reads the second step; until
//! then a pause begins at the end of the first. Where gaps leave a choice, the longer pause is taken.

use std::ops::Range;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::leg::SpooledLeg;
use super::steps::{State, Step};
use crate::call::{Moment, Source, WallTime};

/// Words said just before a recording resumes may be on their way to the disk for this long.
const ON_THE_WAY: Duration = Duration::from_millis(400);
/// By less than this a wall clock is slewed and not stepped, milliseconds.
const STEP_MS: i64 = 1000;

impl SpooledLeg {
    /// Silences what is said from `at` on; gives the first silent sample, which may turn out to be a later one ([`Self::moved_silences`]). `now` is the
    /// time of the call, here and below: what is on disk is older by more than a caller takes to come here.
    pub fn pause_at(&self, at: Moment, now: Instant) -> u64 {
        self.silence(at, None, now)
    }

    /// The silence that lasts ends with what is said until `at`; gives all of it. `None` when there was none.
    pub fn resume_at(&self, at: Moment, now: Instant) -> Option<Range<u64>> {
        let end = self.last_sample_at(at, now);
        let start = self.silences().end(end)?;
        Some(start..end.max(start))
    }

    /// Silences what was said between two moments; `None` when nothing of the leg was.
    pub fn gap(&self, from: Moment, to: Moment, now: Instant) -> Option<Range<u64>> {
        if to.wall <= self.began() {
            return None;
        }
        let end = self.last_sample_at(to, now);
        let (start, _) = self.first_sample_at(&self.state(), from, now);
        (start < end).then(|| self.silence(from, Some(end), now)..end)
    }

    /// When a live leg's first sample was heard, by the wall clock that shows `now`. A connection that waits for the disk may have begun before that clock
    /// was stepped. Of other legs it is what was said when they opened.
    pub fn began_by(&self, now: Moment) -> WallTime {
        let is_live = matches!(self.spec.source, Source::Audiosocket | Source::Eagi);
        let Some(step) = self.state().last.filter(|_| is_live) else { return self.spec.started };
        let ago_ms = now.steady.saturating_duration_since(step.seen).as_millis() as i64
            + (step.samples * 1000 / u64::from(self.spec.rate_hz)) as i64;
        let began = WallTime(now.wall.0 - ago_ms);
        if (began.0 - self.spec.started.0).abs() < STEP_MS { self.spec.started } else { began }
    }

    /// Silences whose beginning is known better now: the place that was reported, and the true one. Each is returned once.
    pub fn moved_silences(&self) -> Vec<(u64, u64)> {
        std::mem::take(&mut self.state().moved)
    }

    /// A live leg has grown; its last sample was heard at `heard`.
    pub(crate) fn live_grew_to(&self, samples: u64, heard: Moment) {
        let mut state = self.state();
        state.last = Some(Step { samples, seen: heard.steady, late: Duration::ZERO });
        self.grow_to(samples, heard.wall);
    }

    /// Notes that a recording has grown; `late` is how long it has had this many samples.
    pub(crate) fn recording_grew_to(&self, samples: u64, at: Moment, late: Duration) {
        let seen = at.steady;
        // The lock is held until the samples can be read, so that nobody reads what a pause that comes now will silence.
        let mut state = self.state();
        let back = |since: Instant| self.samples_in(seen - since);
        let moved = self.silences().settle(|since| (since <= seen).then(|| samples.saturating_sub(back(since))));
        state.moved.extend(moved);
        state.last = Some(Step { samples, seen, late });
        self.grow_to(samples, at.wall);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.sample_clock.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn silence(&self, from: Moment, end: Option<u64>, now: Instant) -> u64 {
        let state = self.state();
        let (start, is_settled) = self.first_sample_at(&state, from, now);
        if is_settled {
            self.silences().add(start, end);
        } else {
            self.silences().add_unsettled(start, end, from.steady);
        }
        start
    }

    /// The first sample that can have been heard at a moment, and whether more will not be known.
    fn first_sample_at(&self, state: &State, at: Moment, now: Instant) -> (u64, bool) {
        if self.audio().owned() {
            return (self.samples().saturating_sub(self.samples_in(now.saturating_duration_since(at.steady))), true);
        }
        match state.last {
            Some(step) if at.steady <= step.seen => {
                (step.samples.saturating_sub(self.samples_in(step.seen - at.steady)), true)
            }
            Some(step) => (step.samples, false),
            None if self.spec.source == Source::Ingest => (self.by_the_clock(at), true), // text alone
            None => (0, false),
        }
    }

    /// One past the last sample that can have been spoken at a time, including those still on their way.
    fn last_sample_at(&self, at: Moment, now: Instant) -> u64 {
        if self.is_closed() {
            return self.samples();
        }
        let margin = self.samples_in(ON_THE_WAY);
        let owned = self.audio().owned();
        let Some(step) = self.state().last else {
            let on_disk = || self.samples().saturating_sub(self.samples_in(now.saturating_duration_since(at.steady)));
            return margin + if owned { on_disk() } else { self.by_the_clock(at) };
        };
        if owned {
            let after = self.samples_in(at.steady.saturating_duration_since(step.seen));
            let before = self.samples_in(step.seen.saturating_duration_since(at.steady));
            return (step.samples + after + margin).saturating_sub(before);
        }
        // Time of the write by the clock of the file system, which may be another machine's and behind.
        let written = step.seen.checked_sub(step.late).unwrap_or(step.seen);
        let heard = if at.steady >= written {
            step.samples + self.samples_in(at.steady - written)
        } else {
            // Holes since then leave open how much of it was written later.
            let without_holes = step.samples.saturating_sub(self.samples_in(written - at.steady));
            self.by_the_clock(at).clamp(without_holes, step.samples)
        };
        heard + margin
    }

    /// Samples between the leg's begin and a moment, had a frame come all the time.
    fn by_the_clock(&self, at: Moment) -> u64 {
        self.samples_in(Duration::from_millis((at.wall.0 - self.began().0).max(0) as u64))
    }

    fn samples_in(&self, time: Duration) -> u64 {
        time.as_millis() as u64 * u64::from(self.spec.rate_hz) / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::{CallId, CallNames, Leg, LegKey};
    use crate::spool::{LegAudio, LegSpec};

    /// A recording that began at 0, and a clock for it.
    fn recording() -> (SpooledLeg, impl Fn(u64) -> Moment) {
        leg(Source::Recording, LegAudio::Recording { path: "/x.wav".into(), channel: 0 })
    }

    /// The same of a live leg.
    fn live() -> (SpooledLeg, impl Fn(u64) -> Moment) {
        let (leg, at) = leg(Source::Audiosocket, LegAudio::Spooled { path: "/x.wav".into() });
        leg.live_grew_to(0, at(0));
        (leg, at)
    }

    fn leg(source: Source, audio: LegAudio) -> (SpooledLeg, impl Fn(u64) -> Moment) {
        let spec = LegSpec {
            call: CallId::from_lossy("c"),
            names: CallNames::default(),
            leg: Leg::Mixed,
            source,
            started: WallTime(0),
            rate_hz: 8000,
            peer: None,
        };
        let began = Moment { steady: Instant::now(), wall: WallTime(0) };
        let at = move |ms: u64| Moment { steady: began.steady + Duration::from_millis(ms), wall: WallTime(ms as i64) };
        (SpooledLeg::new(LegKey(1), spec, audio), at)
    }

    #[test]
    fn a_live_leg_tells_when_it_began_by_the_clock_that_was_stepped_since() {
        let (leg, at) = live();
        let stepped = |ms: u64| Moment { steady: at(ms).steady, wall: WallTime(ms as i64 - 3_600_000) };
        assert_eq!(leg.began_by(at(4000)), WallTime(0));
        assert_eq!(leg.began_by(stepped(4000)), WallTime(-3_600_000));
        leg.live_grew_to(16_000, at(2000));
        assert_eq!(leg.began_by(stepped(4000)), WallTime(-3_600_000));
        let (file, at) = recording();
        assert_eq!(file.began_by(at(4000)), WallTime(0), "a file has its own clock");
    }

    /// The silent samples of the first `count`.
    fn silent(leg: &SpooledLeg, count: usize) -> Range<usize> {
        let mut samples = vec![1; count];
        leg.silences().apply(0, &mut samples);
        let start = samples.iter().position(|&sample| sample == 0).unwrap_or(count);
        start..start + samples[start..].iter().take_while(|&&sample| sample == 0).count()
    }

    #[test]
    fn a_pause_of_a_live_leg_ends_no_earlier_where_the_disk_is_behind() {
        let (leg, at) = live();
        leg.live_grew_to(16_000, at(2000));
        leg.pause_at(at(2000), at(2000).steady);
        // From here on the disk refuses writes.
        let gap = leg.resume_at(at(7000), at(7000).steady);
        assert_eq!(gap, Some(16_000..56_000 + 3200));
    }

    #[tokio::test]
    async fn what_is_written_late_has_its_place_where_it_was_heard() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (spool, _events) = crate::spool::Spool::open(folder.path(), 0).expect("spool");
        let spec = live().0.spec;
        let mut writer = spool.open_leg(spec).await.expect("leg");
        let heard = Moment::now(WallTime(0)).before(Duration::from_secs(5));
        writer.append(&[1; 8000], heard).await.expect("append");
        writer.flush().await.expect("flush");
        while writer.leg().samples() < 8000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let later = Moment { steady: heard.steady + Duration::from_secs(5), ..heard };
        writer.leg().pause_at(later, later.steady);
        assert_eq!(writer.leg().resume_at(later, later.steady).map(|gap| gap.end), Some(8000 + 40_000 + 3200));
    }

    #[test]
    fn a_pause_of_a_live_leg_whose_last_sample_is_long_ago_ends_no_earlier() {
        let (leg, at) = live();
        leg.pause_at(at(0), at(0).steady);
        leg.live_grew_to(64_000, at(8000));
        // Nothing more came, and the resume had to wait.
        assert_eq!(leg.resume_at(at(6000), at(60_000).steady).map(|gap| gap.end), Some(48_000 + 3200));
    }

    #[test]
    fn what_was_said_in_a_pause_while_the_disk_refused_the_file_is_silent() {
        let (leg, at) = live();
        assert_eq!(leg.gap(at(1000), at(3000), at(9000).steady), Some(0..24_000 + 3200));
    }

    #[test]
    fn a_pause_of_a_recording_that_is_written_in_steps_keeps_what_was_said_before_and_after_it() {
        let (leg, at) = recording();
        leg.recording_grew_to(16_000, at(2000), Duration::ZERO);
        assert_eq!(
            leg.pause_at(at(2300), at(2300).steady),
            16_000,
            "what comes after the last step is not read before the next"
        );
        assert_eq!(leg.resume_at(at(3000), at(3000).steady), Some(16_000..24_000 + 3200));
        leg.recording_grew_to(32_000, at(4000), Duration::ZERO);
        assert_eq!(silent(&leg, 32_000), 18_400..27_200);
        assert_eq!(leg.moved_silences(), [(16_000, 18_400)]);
        assert_eq!(leg.moved_silences(), []);
    }

    #[test]
    fn a_hole_without_frames_makes_a_pause_longer_and_never_shorter() {
        let (leg, at) = recording();
        leg.recording_grew_to(16_000, at(2000), Duration::ZERO);
        leg.pause_at(at(2500), at(2500).steady);
        // A second of sound in three: nobody knows whether it was before the pause.
        leg.recording_grew_to(24_000, at(5000), Duration::ZERO);
        assert_eq!(silent(&leg, 24_000), 16_000..24_000);
        assert_eq!(leg.resume_at(at(5000), at(5000).steady).map(|gap| gap.end), Some(27_200));
    }

    #[test]
    fn a_step_that_is_seen_late_does_not_shorten_a_pause() {
        let (leg, at) = recording();
        leg.pause_at(at(0), at(0).steady);
        leg.recording_grew_to(16_000, at(5000), Duration::from_secs(3));
        assert_eq!(leg.resume_at(at(5000), at(5000).steady).map(|gap| gap.end), Some(16_000 + 24_000 + 3200));
    }

    #[test]
    fn a_recording_that_turns_up_after_its_pause_is_silent_there() {
        let (leg, at) = recording();
        leg.recording_grew_to(32_000, at(4000), Duration::ZERO);
        assert_eq!(leg.gap(at(1000), at(2000), at(4000).steady), Some(8000..19_200));
        assert_eq!(silent(&leg, 32_000), 8000..19_200);
        let before = Moment { wall: WallTime(-1), ..at(0) };
        assert_eq!(leg.gap(before, before, at(4000).steady), None, "over before the recording began");
    }

    #[test]
    fn of_a_recording_of_which_nothing_was_read_yet_a_pause_is_found_with_its_first_step() {
        let (leg, at) = recording();
        assert_eq!(leg.pause_at(at(1000), at(1000).steady), 0);
        leg.recording_grew_to(16_000, at(2000), Duration::ZERO);
        assert_eq!(silent(&leg, 16_000), 8000..16_000);
    }
}
