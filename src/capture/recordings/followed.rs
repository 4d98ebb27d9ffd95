//! A recording that is open here, one that waits, and one that was decoded.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::audio::AudioError;
use crate::call::LegKey;
use crate::capture::follow::{self, FileId, Following};
use crate::spool::{SpoolError, SpooledLeg};

/// A file that nobody closes is finished when it has not changed for this long, if its header holds its final size or it did not grow before our
/// eyes.
pub(super) const SETTLED: Duration = Duration::from_secs(30);
/// A file that grew before our eyes and that nobody closed is finished when it has not changed for this long. ViciDial mutes for up to 15 minutes.
const STALE: Duration = Duration::from_mins(16);

/// A recording that is open here.
pub(super) struct Followed {
    pub file: Following,
    pub(super) changed: Instant,
    /// Whether it grew before our eyes.
    pub(super) grows: bool,
    /// Time at which its last sample was read; `None` while it grows.
    pub(super) closed: Option<Instant>,
    /// Time at which it was no longer found under its name; `None` while it is.
    pub(super) gone: Option<Instant>,
    /// Whether somebody asked for its end: what is still written to it is not followed.
    pub(super) ended: bool,
    /// Whether it was said that its sound cannot be saved yet.
    pub(super) unsaved: bool,
}

impl Followed {
    pub fn new(file: Following) -> Self {
        Self { file, changed: Instant::now(), grows: false, closed: None, gone: None, ended: false, unsaved: false }
    }

    /// Its writer opened it again (MixMonitor's option a), or was only silent for long.
    pub(super) fn grew_after_its_end(&self) -> bool {
        self.closed.is_some()
            && !self.ended
            && self.file.reader.available_samples().is_ok_and(|now| now > self.file.samples)
    }

    /// Whether nobody will write to it any more, though nobody has closed it.
    pub(super) fn is_stale(&self) -> bool {
        let still = self.changed.elapsed();
        let settled = || !self.grows || follow::is_complete_now(&self.file.path);
        self.closed.is_none() && (still > STALE || still > SETTLED && settled())
    }
}

/// A file that waits, by a clock that cannot be stepped.
#[derive(Clone, Copy)]
pub(super) struct Waiting {
    pub(super) len: u64,
    pub(super) since: Instant,
}

/// A compressed file that was read to its end.
pub(super) struct Decoded {
    pub(super) id: FileId,
    pub(super) path: PathBuf,
    pub(super) keys: Vec<LegKey>,
    /// Its legs, and how many samples they were given.
    pub(super) legs: Vec<(Arc<SpooledLeg>, u64)>,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum TakeError {
    #[error("{0}")]
    Audio(#[from] AudioError),
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

impl TakeError {
    /// Whether nothing is wrong but that too many files are open.
    pub fn is_out_of_files(&self) -> bool {
        match self {
            Self::Audio(error) => error.is_out_of_files(),
            Self::Spool(error) => error.is_out_of_files(),
        }
    }
}
