//! The clock of the handlers.

use crate::call::WallTime;

/// The wall clock, and since when the daemon runs.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    now: fn() -> WallTime,
    started: WallTime,
}

impl Clock {
    /// A clock of a daemon that started then.
    pub fn new(now: fn() -> WallTime, started: WallTime) -> Self {
        Self { now, started }
    }

    /// The present time.
    pub fn now(self) -> WallTime {
        (self.now)()
    }

    /// Time since the daemon's start, seconds.
    pub fn uptime_s(self) -> f64 {
        (self.now().0 - self.started.0) as f64 / 1000.0
    }
}
