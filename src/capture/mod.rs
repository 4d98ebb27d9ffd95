//! Bytes in from Asterisk, samples out to the spool: AudioSocket, EAGI, recordings.
//!
//! Live audio never waits for speech recognition, the database or a client of the API. The thread that watches recording folders asks the database
//! which files were taken before and waits for its answer; it loses nothing by that, because its audio is in files. Nothing that one peer sends can
//! harm another one's call.

pub mod audiosocket;
pub mod coding;
pub mod eagi;
pub mod follow;
pub mod frame;
pub mod naming;
pub mod path_template;
pub mod recordings;
pub mod timeline;
pub mod upload;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::call::WallTime;

/// Time of the last frame of any live leg, for /health.
#[derive(Clone, Debug, Default)]
pub struct LastFrame(Arc<AtomicI64>);

impl LastFrame {
    /// Notes a frame at this time.
    pub fn now(&self, at: WallTime) {
        self.0.store(at.0, Ordering::Relaxed);
    }

    /// Time of the last frame; `None` before the first.
    pub fn get(&self) -> Option<WallTime> {
        Some(WallTime(self.0.load(Ordering::Relaxed))).filter(|at| at.0 > 0)
    }
}

/// The time of day now.
pub fn wall_clock() -> WallTime {
    WallTime(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64))
}
