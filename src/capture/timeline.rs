//! Keeps a live leg's samples on the wall clock: sample number = time since the leg's start.
//!
//! Asterisk sends nothing while a channel produces no voice (hold without music, DTX, Wait), so counting samples alone would run ahead of the
//! call. Gaps are filled with silence. A burst after a stall of lineside or of the network is not a gap: filling waits while frames come faster than
//! real time and for a few frames more, and then adds only what is still missing.

use std::time::Duration;

use crate::call::Moment;

/// Shorter than this, milliseconds, is jitter (largest gap of frames that were sent evenly: 40 ms, through ChanSpy).
const JITTER_MS: i64 = 100;
/// Frames at the pace of speech that are held to see whether more come at once.
const HELD_FRAMES: usize = 3;
/// Milliseconds without a frame after which silence is written during the wait, so that the last words before a pause are ended and transcribed.
const IDLE_MS: i64 = 500;
/// Silence is written up to this long before now, so that a late frame still finds its place.
const BEHIND_MS: i64 = 300;

/// A piece of the leg that is to be written next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Write {
    /// This many samples of silence.
    Silence(usize),
    /// Samples that came.
    Samples(Vec<i16>),
}

impl Write {
    /// Number of its samples.
    fn count(&self) -> usize {
        match self {
            Self::Silence(count) => *count,
            Self::Samples(samples) => samples.len(),
        }
    }
}

/// Time of the last sample of each write, if all of them come now: audio that comes at once was not spoken at once.
pub fn heard_at(writes: &[Write], rate_hz: u32, now: Moment) -> Vec<Moment> {
    let mut later = 0;
    let times = writes.iter().rev().map(|write| {
        let at = now.before(Duration::from_millis(later * 1000 / u64::from(rate_hz.max(1))));
        later += write.count() as u64;
        at
    });
    let mut times: Vec<Moment> = times.collect();
    times.reverse();
    times
}

/// The clock of one leg. Times are milliseconds on any clock that never goes back.
#[derive(Debug)]
pub struct Timeline {
    rate_hz: i64,
    start_ms: i64,
    /// Length of the first frame: the end of its sound is when it arrived.
    first_len: i64,
    written: i64,
    held: Vec<Vec<i16>>,
    /// Smallest shortfall seen while holding, samples.
    missing: i64,
    /// Frames that came since without making it smaller.
    steady: usize,
    last_frame_ms: i64,
}

impl Timeline {
    /// A leg whose first frame arrives at `now_ms`.
    pub fn new(rate_hz: u32, now_ms: i64) -> Self {
        Self {
            rate_hz: i64::from(rate_hz),
            start_ms: now_ms,
            first_len: 0,
            written: 0,
            held: Vec::new(),
            missing: 0,
            steady: 0,
            last_frame_ms: now_ms,
        }
    }

    fn samples(&self, ms: i64) -> i64 {
        ms * self.rate_hz / 1000
    }

    /// Takes a frame that arrived at `now_ms` and returns what is to be written.
    pub fn frame(&mut self, samples: Vec<i16>, now_ms: i64) -> Vec<Write> {
        self.last_frame_ms = now_ms;
        let held: i64 = self.held.iter().map(|frame| frame.len() as i64).sum();
        let len = samples.len() as i64;
        if self.written == 0 && held == 0 {
            self.first_len = len;
        }
        // A frame's sound ended when it arrived and began its own length before; the first one is sample 0.
        let due = self.samples(now_ms - self.start_ms) + self.first_len - len;
        let missing = due - self.written - held;
        if self.held.is_empty() && missing <= self.samples(JITTER_MS) {
            self.written += len;
            return vec![Write::Samples(samples)];
        }
        // A burst makes it smaller by its frames' length, however many there are: the kernel holds minutes of a daemon that was stopped.
        let is_burst = !self.held.is_empty() && missing <= self.missing - len / 2;
        self.steady = if is_burst { 0 } else { self.steady + 1 };
        self.missing = if self.held.is_empty() { missing } else { self.missing.min(missing) };
        self.held.push(samples);
        if self.steady < HELD_FRAMES && missing > self.samples(JITTER_MS) { Vec::new() } else { self.release() }
    }

    /// To be called a few times a second while nothing comes; returns the silence to write.
    pub fn idle(&mut self, now_ms: i64) -> Vec<Write> {
        if now_ms - self.last_frame_ms < IDLE_MS {
            return Vec::new();
        }
        let mut out = self.release();
        let silence = self.samples(now_ms - BEHIND_MS - self.start_ms) - self.written;
        if silence > 0 {
            self.written += silence;
            out.push(Write::Silence(silence as usize));
        }
        out
    }

    /// Returns the held writes, because the leg ends or the decision is made.
    pub fn release(&mut self) -> Vec<Write> {
        let mut out = Vec::new();
        let frames = std::mem::take(&mut self.held);
        self.steady = 0;
        let gap = self.missing;
        if !frames.is_empty() && gap > self.samples(JITTER_MS) {
            self.written += gap;
            out.push(Write::Silence(gap as usize));
        }
        for frame in frames {
            self.written += frame.len() as i64;
            out.push(Write::Samples(frame));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn total(writes: &[Write]) -> usize {
        writes.iter().map(|write| if let Write::Silence(n) = write { *n } else { 160 }).sum()
    }

    #[test]
    fn what_comes_at_once_was_heard_one_after_the_other() {
        let now = Moment::now(crate::call::WallTime(10_000));
        let writes = [Write::Samples(vec![1; 160]), Write::Silence(8000), Write::Samples(vec![1; 160])];
        let times = heard_at(&writes, 8000, now);
        let ago = |at: &Moment| ((now.steady - at.steady).as_millis(), now.wall.0 - at.wall.0);
        assert_eq!(times.iter().map(ago).collect::<Vec<_>>(), [(1020, 1020), (20, 20), (0, 0)]);
    }

    fn silence(writes: &[Write]) -> usize {
        writes.iter().map(|write| if let Write::Silence(n) = write { *n } else { 0 }).sum()
    }

    #[test]
    fn even_frames_with_jitter_are_written_as_they_come() {
        let mut timeline = Timeline::new(8000, 0);
        for i in 0..500 {
            let writes = timeline.frame(vec![1; 160], i * 20 + i % 3 * 15);
            assert_eq!(writes, [Write::Samples(vec![1; 160])]);
        }
    }

    #[test]
    fn a_hole_becomes_silence_of_its_length() {
        let mut timeline = Timeline::new(8000, 0);
        let mut writes = Vec::new();
        for i in (0..50).chain(90..140) {
            writes.extend(timeline.frame(vec![1; 160], i * 20));
        }
        assert!(silence(&writes).abs_diff(40 * 160) <= 160, "{}", silence(&writes));
        assert!(total(&writes).abs_diff(140 * 160) <= 160);
    }

    #[test]
    fn a_burst_after_a_stall_is_not_a_hole() {
        for stalled in [25, 1000] {
            let mut timeline = Timeline::new(8000, 0);
            let mut writes = Vec::new();
            for i in 0..stalled + 100 {
                let is_late = (50..50 + stalled).contains(&i);
                writes.extend(timeline.frame(vec![1; 160], if is_late { (50 + stalled) * 20 } else { i * 20 }));
            }
            writes.extend(timeline.release());
            assert_eq!((silence(&writes), total(&writes)), (0, (stalled as usize + 100) * 160));
        }
    }

    #[test]
    fn a_hole_inside_of_a_stall_becomes_silence_of_its_length() {
        let mut timeline = Timeline::new(8000, 0);
        let mut writes = Vec::new();
        // 1 s is spoken, 2 s are not, 1 s is; from 0.5 s to 5 s we were asleep.
        for i in (0..50).chain(150..200).chain(250..300) {
            let now = if (25..250).contains(&i) { 5000 } else { i * 20 };
            writes.extend(timeline.frame(vec![1; 160], now));
        }
        writes.extend(timeline.release());
        assert!(total(&writes).abs_diff(300 * 160) <= 160, "{}", total(&writes));
    }

    #[test]
    fn a_line_that_falls_silent_goes_on_as_silence() {
        let mut timeline = Timeline::new(8000, 0);
        timeline.frame(vec![1; 160], 0);
        assert!(timeline.idle(400).is_empty());
        assert_eq!(timeline.idle(1000), [Write::Silence(700 * 8 - 160)]);
        assert_eq!(timeline.idle(1100), [Write::Silence(100 * 8)]);
        let mut after = timeline.frame(vec![1; 160], 1120);
        after.extend(timeline.frame(vec![1; 160], 1140));
        after.extend(timeline.frame(vec![1; 160], 1160));
        assert!(silence(&after).abs_diff(300 * 8) <= 320, "{after:?}");
    }

    proptest! {
        #[test]
        fn no_sample_that_came_is_lost_whatever_the_times(gaps in proptest::collection::vec(0_i64..2000, 1..100)) {
            let mut timeline = Timeline::new(8000, 0);
            let (mut now, mut came, mut writes) = (0, 0, Vec::new());
            for gap in gaps {
                now += gap;
                if gap > 250 {
                    writes.extend(timeline.idle(now - 1));
                }
                writes.extend(timeline.frame(vec![7; 160], now));
                came += 160;
            }
            writes.extend(timeline.release());
            let kept: usize = writes.iter().map(|write| if let Write::Samples(samples) = write { samples.len() } else { 0 }).sum();
            prop_assert_eq!(kept, came);
        }
    }
}
