//! Detects steps of the wall clock (by hand, by a late NTP), so that no duration or order is measured across a step. Pure: both clocks are passed in.

use std::time::Instant;

use crate::call::WallTime;

/// Less than this is slewing and scheduling, not a step.
const STEP_MS: i64 = 1000;

/// Less than this is the rounding of two readings and the time between them.
const NOTED_MS: i64 = 100;

/// Whether the wall clock was set, where it went so many milliseconds further than a clock that never jumps.
pub fn is_step(ms: i64) -> bool {
    ms.abs() >= STEP_MS
}

/// Compares the wall clock with one that never jumps.
#[derive(Debug)]
pub struct StepWatch {
    wall: WallTime,
    steady: Instant,
}

impl StepWatch {
    /// Begins at this moment.
    pub fn new(wall: WallTime, steady: Instant) -> Self {
        Self { wall, steady }
    }

    /// Milliseconds by which the wall clock went further than the other since this function last told of it; 0 when both ran evenly, negative when it was
    /// put back. Not all of it [`is_step`].
    pub fn moved_ms(&mut self, wall: WallTime, steady: Instant) -> i64 {
        let passed = steady.saturating_duration_since(self.steady).as_millis() as i64;
        let moved = wall.0 - self.wall.0 - passed;
        if moved.abs() < NOTED_MS {
            return 0;
        }
        *self = Self::new(wall, steady);
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_step_is_told_once_and_what_rounding_makes_is_none() {
        let began = Instant::now();
        let mut watch = StepWatch::new(WallTime(1_000_000), began);
        let at = |ms: u64| began + Duration::from_millis(ms);
        assert_eq!(watch.moved_ms(WallTime(1_000_250), at(250)), 0);
        assert_eq!(watch.moved_ms(WallTime(4_600_500), at(500)), 3_600_000);
        assert_eq!(watch.moved_ms(WallTime(4_600_750), at(750)), 0);
        assert_eq!(watch.moved_ms(WallTime(1_000_750), at(750)), -3_600_000);
        // Half a millisecond is lost to rounding a thousand times, and never becomes a step.
        for tick in 1..=1000_u64 {
            let steady = at(750) + Duration::from_micros(tick * 1500);
            assert_eq!(watch.moved_ms(WallTime(1_000_750 + tick as i64 * 3 / 2), steady), 0);
        }
        // Part of a second is told and is no step: two of them are not one of a second.
        assert_eq!(watch.moved_ms(WallTime(1_002_850), at(2250)), 600);
        assert_eq!(watch.moved_ms(WallTime(1_003_450), at(2250)), 600);
        assert!(!is_step(600) && is_step(-1000));
    }
}
