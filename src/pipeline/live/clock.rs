//! Detects steps of the wall clock (by hand, by a late NTP), so that no duration or order is measured across a step. Pure: both clocks are passed in.

use std::time::Instant;

use crate::call::WallTime;

/// Less than this is slewing and scheduling, not a step.
const STEP_MS: i64 = 1000;

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

    /// Milliseconds by which the wall clock was stepped since the last call of this function; 0 when it ran evenly, negative when it was put back.
    pub fn step_ms(&mut self, wall: WallTime, steady: Instant) -> i64 {
        let passed = steady.saturating_duration_since(self.steady).as_millis() as i64;
        let step = wall.0 - self.wall.0 - passed;
        *self = Self::new(wall, steady);
        if is_step(step) { step } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_step_is_told_once_and_what_ntp_slews_is_not_one() {
        let began = Instant::now();
        let mut watch = StepWatch::new(WallTime(1_000_000), began);
        let at = |ms: u64| began + Duration::from_millis(ms);
        assert_eq!(watch.step_ms(WallTime(1_000_260), at(250)), 0);
        assert_eq!(watch.step_ms(WallTime(4_600_510), at(500)), 3_600_000);
        assert_eq!(watch.step_ms(WallTime(4_600_760), at(750)), 0);
        assert_eq!(watch.step_ms(WallTime(1_000_760), at(750)), -3_600_000);
        // The machine slept for a minute: both clocks went on.
        assert_eq!(watch.step_ms(WallTime(1_060_760), at(60_750)), 0);
    }
}
