//! One leg as all other rooms see it: its facts, how many samples it has, and how to read them.
//!
//! Progress is two atomics, read without a lock by the listener, the workers and the API. A reader never sees a sample that is not on disk.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock};

use tokio_util::sync::CancellationToken;

use super::error::SpoolError;
use super::spec::LegSpec;
use super::steps::SampleClock;
use crate::audio::reader::RecordingReader;
use crate::audio::silence::Silences;
use crate::audio::sound_file::SoundFile;
use crate::call::{LegKey, WallTime};

/// The file that holds a leg's samples.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegAudio {
    /// A file of our own: mono 16-bit WAV.
    Spooled {
        /// The file.
        path: PathBuf,
    },
    /// Another program's recording, which is never written to.
    Recording {
        /// The file.
        path: PathBuf,
        /// Its channel, counted from 0.
        channel: u16,
    },
}

impl LegAudio {
    /// The file.
    pub fn path(&self) -> &Path {
        match self {
            Self::Spooled { path } | Self::Recording { path, .. } => path,
        }
    }

    /// Its channel in the file, from 0.
    pub fn channel(&self) -> u16 {
        match self {
            Self::Spooled { .. } => 0,
            Self::Recording { channel, .. } => *channel,
        }
    }

    /// Whether the file is lineside's own.
    pub fn owned(&self) -> bool {
        matches!(self, Self::Spooled { .. })
    }
}

/// A leg: what it is, how far it has come.
#[derive(Debug)]
pub struct SpooledLeg {
    /// Its row number.
    pub key: LegKey,
    /// Facts that were known when it opened.
    pub spec: LegSpec,
    audio: RwLock<LegAudio>,
    /// The file while the spool writes it: readers take this descriptor, not one more of their own.
    written: RwLock<Option<Arc<File>>>,
    samples: AtomicU64,
    /// Number of samples at its end that lineside put in because nothing came.
    filled: AtomicU64,
    last_audio: AtomicI64,
    /// Its begin by the present wall clock: `spec.started`, and the steps of the clock since.
    began: AtomicI64,
    closed: AtomicBool,
    reason: OnceLock<&'static str>,
    end_requested: CancellationToken,
    silences: Arc<Silences>,
    pub(super) sample_clock: SampleClock,
}

impl SpooledLeg {
    /// A leg without samples.
    pub fn new(key: LegKey, spec: LegSpec, audio: LegAudio) -> Self {
        let started = spec.started.0;
        Self {
            key,
            spec,
            audio: RwLock::new(audio),
            written: RwLock::default(),
            samples: AtomicU64::new(0),
            filled: AtomicU64::new(0),
            last_audio: AtomicI64::new(started),
            began: AtomicI64::new(started),
            closed: AtomicBool::new(false),
            reason: OnceLock::new(),
            end_requested: CancellationToken::new(),
            silences: Arc::default(),
            sample_clock: SampleClock::default(),
        }
    }

    /// A leg that is known from the database or from disk after a restart: closed, with this many samples.
    pub fn recovered(key: LegKey, spec: LegSpec, audio: LegAudio, samples: u64) -> Self {
        let leg = Self::new(key, spec, audio);
        leg.grow_to(samples, leg.spec.started);
        leg.close("recovered");
        leg
    }

    /// Number of samples that can be read now.
    pub fn samples(&self) -> u64 {
        self.samples.load(Ordering::Acquire)
    }

    /// Number of samples when something came last; silence that lineside has put in follows them.
    pub fn sounded(&self) -> u64 {
        self.samples().saturating_sub(self.filled.load(Ordering::Relaxed))
    }

    /// Notes that this many further samples are silence, because nothing came.
    pub(crate) fn fill(&self, samples: u64) {
        self.filled.fetch_add(samples, Ordering::Relaxed);
    }

    /// Says that something came again.
    pub(crate) fn sounds(&self) {
        self.filled.store(0, Ordering::Relaxed);
    }

    /// Milliseconds of audio that can be read.
    pub fn length_ms(&self) -> i64 {
        (self.samples() * 1000 / u64::from(self.spec.rate_hz)) as i64
    }

    /// Arrival of its last frame.
    pub fn last_audio(&self) -> WallTime {
        WallTime(self.last_audio.load(Ordering::Relaxed))
    }

    /// Time of its first sample by the present wall clock.
    pub fn began(&self) -> WallTime {
        WallTime(self.began.load(Ordering::Relaxed))
    }

    /// Says when that was, for the wall clock was stepped since.
    pub fn began_at(&self, at: WallTime) {
        self.began.store(at.0, Ordering::Relaxed);
    }

    /// Whether the last sample is on disk. To learn whether `samples` is final, read this first.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Reason for which it was closed; `None` while it is open.
    pub fn close_reason(&self) -> Option<&'static str> {
        self.reason.get().copied()
    }

    /// The file that holds its samples now; a recording may be moved.
    pub fn audio(&self) -> LegAudio {
        self.audio.read().map_or_else(|poisoned| poisoned.into_inner().clone(), |audio| audio.clone())
    }

    /// Says that its samples lie elsewhere from now on (a recording that was moved).
    pub fn moved_to(&self, audio: LegAudio) {
        match self.audio.write() {
            Ok(mut place) => *place = audio,
            Err(poisoned) => *poisoned.into_inner() = audio,
        }
    }

    /// Asks the sender of the leg's audio to hang up: a cancelled token is the request.
    pub fn end_requested(&self) -> &CancellationToken {
        &self.end_requested
    }

    /// A reader of its own; may be used while the leg grows. Opens the file unless the spool still writes it: blocks.
    pub fn reader(&self) -> Result<LegReader, SpoolError> {
        let written = self.written.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        let reader = match written {
            Some(file) => LegReader::beside(&self.audio(), file)?,
            None => LegReader::open(&self.audio())?,
        };
        Ok(LegReader { silences: Arc::clone(&self.silences), ..reader })
    }

    /// Lends readers the file that is written, or no more.
    pub(super) fn lend(&self, file: Option<Arc<File>>) {
        *self.written.write().unwrap_or_else(std::sync::PoisonError::into_inner) = file;
    }

    /// Its silenced stretches.
    pub fn silences(&self) -> &Silences {
        &self.silences
    }

    pub(crate) fn grow_to(&self, samples: u64, at: WallTime) {
        self.samples.fetch_max(samples, Ordering::AcqRel);
        self.last_audio.fetch_max(at.0, Ordering::Relaxed);
    }

    /// Marks the end once; the first reason stays.
    pub(crate) fn close(&self, reason: &'static str) -> bool {
        let first = self.reason.set(reason).is_ok();
        self.closed.store(true, Ordering::Release);
        first
    }
}

/// Reads a leg's samples by number.
#[derive(Debug)]
pub struct LegReader {
    path: PathBuf,
    channel: usize,
    inner: RecordingReader,
    silences: Arc<Silences>,
}

impl LegReader {
    /// Opens the file of a leg. Blocks.
    pub fn open(audio: &LegAudio) -> Result<Self, SpoolError> {
        let path = audio.path();
        let inner = RecordingReader::open(path).map_err(|source| SpoolError::Audio { path: path.into(), source })?;
        Ok(Self { path: path.into(), channel: usize::from(audio.channel()), inner, silences: Arc::default() })
    }

    /// Reads a leg through the descriptor of its writer. Blocks.
    fn beside(audio: &LegAudio, file: Arc<File>) -> Result<Self, SpoolError> {
        let path = audio.path();
        let inner = SoundFile::beside(file).and_then(|file| RecordingReader::from_file(file, "wav"));
        let inner = inner.map_err(|source| SpoolError::Audio { path: path.into(), source })?;
        Ok(Self { path: path.into(), channel: usize::from(audio.channel()), inner, silences: Arc::default() })
    }

    /// Appends up to `max` samples from number `from` on; returns how many came. Fewer than asked means that is all there is now. Blocks.
    pub fn read(&mut self, from: u64, max: usize, out: &mut Vec<i16>) -> Result<usize, SpoolError> {
        let before = out.len();
        let got = self
            .inner
            .read_samples(self.channel, from, max, out)
            .map_err(|source| SpoolError::Audio { path: self.path.clone(), source })?;
        self.silences.apply(from, &mut out[before..]);
        Ok(got)
    }
}
