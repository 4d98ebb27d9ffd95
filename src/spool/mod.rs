//! A leg's audio on disk, and how it is read back.
//!
//! Every leg is one stream of 16-bit samples at its own rate, sample number = time since the leg's start. Live legs are written here as WAV
//! files; recordings are only referred to. Everything downstream (VAD, recognition, playback) reads by (leg, sample range), so that a backlog
//! costs no memory and a restart reads exactly what the first run would have read.
//!
//! Invariants kept here:
//! - **Audio is on disk before anything else happens to it**: `SpooledLeg::samples` counts only what a reader can read.
//! - **A leg is announced before its first sample and closed once**; events come in that order.
//! - **Key numbers never come twice**: they go on from the highest in the database and on disk.
//! - **Nothing is dropped silently**: a full disk makes the writers wait (and with them the sockets), it does not make holes.

mod error;
mod event;
mod leaving;
mod leg;
mod line;
mod open_line;
mod recover;
mod sample_clock;
mod silence;
mod spec;
mod steps;
mod writer;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use tokio::sync::mpsc;

pub use error::SpoolError;
pub use event::SpoolEvent;
pub use leaving::mark;
pub use leg::{LegAudio, LegReader, SpooledLeg};
pub use line::Line;
pub use open_line::OpenLine;
pub use recover::{Orphan, Sidecar, is_locked, settle, sounded};
pub use silence::{erase, overwrite, remove};
pub use spec::{LegSpec, RecordingRef};
pub use writer::{FollowedLeg, LegWriter};

use crate::call::{LegKey, Source};

/// Senders whose new legs are refused because the disk is filling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// All are taken.
    Nobody,
    /// Uploads and calls of other platforms are not.
    Guests,
    /// Every sender is refused.
    All,
}

/// The spool: makes legs, gives their keys, keeps the files.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    next_leg: AtomicI64,
    events: mpsc::Sender<SpoolEvent>,
    disk: writer::Disk,
    refused: AtomicU8,
}

impl Spool {
    /// Events that may wait for the pipeline. When the channel is full the capturing side waits: events are few (two per connection and leg, one per
    /// key press).
    const EVENTS: usize = 8192;

    /// Opens the spool in a folder (made when absent) and starts its writing thread. `highest_leg` is the highest leg key in the database.
    ///
    /// Must be called inside a tokio runtime. Blocks while it reads the folder.
    pub fn open(folder: &Path, highest_leg: i64) -> Result<(Arc<Self>, mpsc::Receiver<SpoolEvent>), SpoolError> {
        std::fs::create_dir_all(folder).map_err(|source| SpoolError::Io {
            action: "create",
            path: folder.into(),
            source,
        })?;
        // A folder that cannot be written is found now, not at the first call.
        let probe = folder.join(".writable");
        std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)).map_err(|source| SpoolError::Io {
            action: "write into",
            path: folder.into(),
            source,
        })?;
        let highest = recover::highest_key(folder)?.max(highest_leg);
        let (events, receiver) = mpsc::channel(Self::EVENTS);
        let spool = Self {
            folder: folder.into(),
            next_leg: AtomicI64::new(highest + 1),
            events,
            disk: writer::Disk::start(),
            refused: AtomicU8::new(Refused::Nobody as u8),
        };
        Ok((Arc::new(spool), receiver))
    }

    /// The folder of the files.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Tells of a connection that has said whose sound it brings.
    pub async fn announce(&self, line: Line) -> Result<OpenLine, SpoolError> {
        self.has_room(line.source)?;
        OpenLine::begin(line, self.events.clone()).await
    }

    fn has_room(&self, source: Source) -> Result<(), SpoolError> {
        // Audio that clients send in must not displace older audio.
        let first = if matches!(source, Source::Upload | Source::Ingest) { Refused::Guests } else { Refused::All };
        if self.refused.load(Ordering::Relaxed) >= first as u8 {
            metrics::counter!("lineside_calls_refused_total").increment(1);
            return Err(SpoolError::Full);
        }
        Ok(())
    }

    /// Whether more audio of other platforms is accepted, also for open legs: a platform can send it again later, a telephone cannot.
    pub fn takes_guests(&self) -> Result<(), SpoolError> {
        if self.refused.load(Ordering::Relaxed) >= Refused::Guests as u8 { Err(SpoolError::Full) } else { Ok(()) }
    }

    /// Begins a live leg. Its file exists and its opening has been announced when this returns.
    pub async fn open_leg(&self, spec: LegSpec) -> Result<LegWriter, SpoolError> {
        self.has_room(spec.source)?;
        let key = self.new_key();
        let day = jiff::Timestamp::from_millisecond(spec.started.0)
            .map_or_else(|_| String::from("undated"), |t| t.strftime("%Y-%m-%d").to_string());
        let path = self.folder.join(day).join(recover::file_name(key, &spec));
        let leg = Arc::new(SpooledLeg::new(key, spec, LegAudio::Spooled { path }));
        let writer = LegWriter::begin(Arc::clone(&leg), self.disk.clone(), self.events.clone()).await?;
        Ok(writer)
    }

    /// Begins a leg that is read from a recording in place. `resume` is its key before a restart.
    pub async fn follow(
        &self,
        spec: LegSpec,
        recording: RecordingRef,
        resume: Option<LegKey>,
    ) -> Result<FollowedLeg, SpoolError> {
        let key = resume.unwrap_or_else(|| self.new_key());
        let leg = Arc::new(SpooledLeg::new(
            key,
            spec,
            LegAudio::Recording { path: recording.path, channel: recording.channel },
        ));
        FollowedLeg::begin(leg, self.events.clone()).await
    }

    /// Live legs on disk that the database has never heard of (`known` says which it has): the crash came between file and row.
    /// They come back closed, at the length of their file.
    pub fn orphans(&self, known: &HashSet<LegKey>) -> Result<Vec<Orphan>, SpoolError> {
        recover::orphans(&self.folder, known)
    }

    /// Deletes audio of calls that a former run had begun to delete. Returns the number of legs. It must run before [`Self::orphans`].
    pub fn finish_leaving(&self, known: &HashSet<LegKey>) -> Result<usize, SpoolError> {
        leaving::finish(&self.folder, known)
    }

    /// Lets no new live leg in, or lets them in again. Those of the PBX that are open go on.
    pub fn refuse_new(&self, whom: Refused) {
        self.refused.store(whom as u8, Ordering::Relaxed);
    }

    /// Writes what is buffered and stops the thread; writers get [`SpoolError::Stopped`] from now on. Blocks until the disk has it.
    pub fn stop(&self) {
        self.disk.stop();
    }

    fn new_key(&self) -> LegKey {
        LegKey(self.next_leg.fetch_add(1, Ordering::Relaxed))
    }
}
