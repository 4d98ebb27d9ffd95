//! A recording's growth: its last step, and the silenced stretches that were moved since the last question.

use std::sync::Mutex;
use std::time::{Duration, Instant};

/// One growth of a recording's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// Samples of the recording after it.
    pub(super) samples: u64,
    /// Time at which it was seen here.
    pub(super) seen: Instant,
    /// How long it had been in the file by then.
    pub(super) late: Duration,
}

/// The known growth of a recording.
#[derive(Debug, Default)]
pub(super) struct SampleClock(pub(super) Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) last: Option<Step>,
    /// Beginnings of silences that were moved, and where to, until somebody asks.
    pub(super) moved: Vec<(u64, u64)>,
}
