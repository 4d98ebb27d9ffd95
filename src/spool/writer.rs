//! The writing side: one thread puts every live leg's samples on disk; capturing tasks only hand them over.
//!
//! A capturing task never touches the disk. The hand-over channel is bounded: when the disk is slow or full the task waits, its socket fills,
//! and Asterisk keeps the audio in the kernel (about 270 s of 8 kHz audio per leg, measured) instead of losing it.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use tokio::sync::{mpsc, oneshot};

use super::error::SpoolError;
use super::event::SpoolEvent;
use super::leg::SpooledLeg;
use super::recover;
use crate::audio::sound_file::SoundWriter;
use crate::audio::{is_out_of_files, wav};
use crate::call::{LegKey, Moment, WallTime};

/// Audio is handed over in pieces of this length: a crash loses at most this much plus what the kernel had not yet given us. The shorter they are,
/// the sooner is known that somebody has fallen silent; with many legs each piece costs too much for that.
const PIECE_MS: u64 = 40;
const PIECE_OF_MANY_MS: u64 = 100;
/// Number of open legs from which the writer counts them as many.
const MANY: usize = 100;
/// Interval at which a growing file's header is updated, for tools that believe headers. Our reader takes the file's length.
const HEADER_EVERY: Duration = Duration::from_secs(1);
/// Pause between two tries to write when the disk refuses.
const RETRY: Duration = Duration::from_millis(500);
/// The API, the database and the workers keep one of this many descriptors that the process may have ..
const KEPT_SHARE: u64 = 16;
/// .. and at least, and at most, this many.
const KEPT: std::ops::RangeInclusive<u64> = 8..=64;
/// Pieces that may wait for the disk: with 300 legs some 7 s of audio, 32 MB at most. When full, the capturing tasks wait.
const JOBS: usize = 20_480;

enum Job {
    Open { leg: Arc<SpooledLeg>, done: oneshot::Sender<Result<(), OpenError>> },
    Samples { leg: LegKey, samples: Vec<i16>, at: Moment },
    Close { leg: Arc<SpooledLeg>, reason: &'static str, events: mpsc::Sender<SpoolEvent> },
    Stop,
}

/// Reason why a leg's file could not be created.
#[derive(Debug)]
enum OpenError {
    /// The disk takes nothing now: it is tried again.
    Refused,
    /// Anything else.
    Failed(SpoolError),
}

/// The handle of the writing thread.
#[derive(Clone, Debug)]
pub(super) struct Disk {
    jobs: mpsc::Sender<Job>,
    stopping: Arc<AtomicBool>,
    /// Legs that have their file open.
    open: Arc<AtomicUsize>,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Disk {
    pub(super) fn start() -> Self {
        let (jobs, receiver) = mpsc::channel(JOBS);
        let stopping = Arc::new(AtomicBool::new(false));
        let open = Arc::new(AtomicUsize::new(0));
        let (flag, count) = (Arc::clone(&stopping), Arc::clone(&open));
        let thread = std::thread::Builder::new()
            .name("spool".into())
            .spawn(move || {
                let limit = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
                let most = limit - (limit / KEPT_SHARE).clamp(*KEPT.start(), *KEPT.end()).min(limit);
                Writing { files: HashMap::new(), open: count, stopping: flag, refused: false, lost: 0, most }
                    .run(receiver);
            })
            .inspect_err(|error| {
                log::error!("spool: the writing thread could not be started: {error}; no audio will be taken");
            })
            .ok();
        Self { jobs, stopping, open, thread: Arc::new(Mutex::new(thread)) }
    }

    pub(super) fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        let jobs = self.jobs.clone();
        // The channel may be full while the disk is full: the flag above ends the retries, so this send ends too.
        let _ = std::thread::spawn(move || jobs.blocking_send(Job::Stop)).join();
        let thread = self.thread.lock().ok().and_then(|mut slot| slot.take());
        if let Some(thread) = thread
            && thread.join().is_err()
        {
            log::error!("spool: the writing thread had failed");
        }
    }

    async fn send(&self, job: Job) -> Result<(), SpoolError> {
        self.jobs.send(job).await.map_err(|_| SpoolError::Stopped)
    }
}

struct OpenFile {
    file: SoundWriter,
    leg: Arc<SpooledLeg>,
    samples: u64,
    header_at: Instant,
}

struct Writing {
    files: HashMap<LegKey, OpenFile>,
    open: Arc<AtomicUsize>,
    stopping: Arc<AtomicBool>,
    refused: bool,
    /// Samples that were not written because lineside was stopped while the disk refused.
    lost: usize,
    /// Descriptors that sound may use.
    most: u64,
}

impl Writing {
    fn run(mut self, mut jobs: mpsc::Receiver<Job>) {
        while let Some(job) = jobs.blocking_recv() {
            match job {
                Job::Open { leg, done } => {
                    let opened = self.open(leg).map_err(|error| self.open_error(error));
                    self.open.store(self.files.len(), Ordering::Relaxed);
                    let _ = done.send(opened);
                }
                Job::Samples { leg, samples, at } => self.write(leg, samples, at),
                Job::Close { leg, reason, events } => {
                    if let Some(mut open) = self.files.remove(&leg.key) {
                        finish(&mut open);
                    }
                    self.open.store(self.files.len(), Ordering::Relaxed);
                    if leg.close(reason) {
                        let _ = events.blocking_send(SpoolEvent::Closed(leg));
                    }
                }
                Job::Stop => jobs.close(), // what is already in the channel is still written
            }
        }
        for open in self.files.values_mut() {
            finish(open);
        }
        if self.lost > 0 {
            log::error!("spool: stopped while the disk refused: {} samples of live legs are lost", self.lost);
        }
    }

    /// Classifies an error at a file's creation: lack of room, which is waited for, or something that waiting does not repair.
    fn open_error(&mut self, error: SpoolError) -> OpenError {
        let SpoolError::Io { action, path, source } = &error else { return OpenError::Failed(error) };
        if !takes_nothing(source) || self.stopping.load(Ordering::Relaxed) {
            return OpenError::Failed(error);
        }
        self.refuse(action, path, source);
        OpenError::Refused
    }

    /// Says once that the disk takes nothing.
    fn refuse(&mut self, action: &str, path: &Path, error: &io::Error) {
        metrics::counter!("lineside_spool_refused_total").increment(1);
        if !self.refused {
            self.refused = true;
            let mend = if is_out_of_files(error) {
                "as many files are open as the system allows: raise LimitNOFILE= of the unit (`systemctl edit lineside`)"
            } else {
                "free space on that disk"
            };
            log::error!(
                "spool: {action} {}: {error}; audio waits in the sockets until there is room: {mend}",
                path.display()
            );
        }
    }

    fn accept(&mut self) {
        if self.refused {
            self.refused = false;
            log::info!("spool: audio is taken again");
        }
    }

    fn open(&mut self, leg: Arc<SpooledLeg>) -> Result<(), SpoolError> {
        let audio = leg.audio();
        let path = audio.path();
        let fail = |action| move |source| SpoolError::Io { action, path: path.into(), source };
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(fail("create the folder of"))?;
        }
        recover::write_sidecar(path, &leg).map_err(fail("describe"))?;
        // A key is given once, so what lies there is a try of ours that got no further.
        let file = SoundWriter::create(path).map_err(fail("create"))?;
        // The system gives the lowest number that is free: all below are in use.
        if u64::try_from(file.file().as_raw_fd()).is_ok_and(|number| number >= self.most) {
            return Err(fail("create")(Errno::MFILE.into()));
        }
        file.write_at(0, &wav::header(leg.spec.rate_hz, 1, 0)).map_err(fail("write"))?;
        self.accept();
        leg.lend(Some(file.file()));
        self.files.insert(leg.key, OpenFile { file, leg, samples: 0, header_at: Instant::now() });
        Ok(())
    }

    fn write(&mut self, key: LegKey, mut samples: Vec<i16>, at: Moment) {
        let Some(mut open) = self.files.remove(&key) else { return };
        open.leg.silences().apply(open.samples, &mut samples);
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let place = wav::HEADER_LEN as u64 + open.samples * 2;
        // Writing at a fixed place makes a try after half a write harmless.
        while let Err(error) = open.file.write_at(place, &bytes) {
            self.refuse("write", open.leg.audio().path(), &error);
            if self.stopping.load(Ordering::Relaxed) {
                self.lost += samples.len();
                self.files.insert(key, open);
                return;
            }
            std::thread::sleep(RETRY);
        }
        self.accept();
        open.samples += samples.len() as u64;
        open.leg.live_grew_to(open.samples, at);
        metrics::counter!("lineside_spool_bytes_total").increment(bytes.len() as u64);
        // No other tool can read an encrypted file, and a power cut while its first slot is rewritten would cost more than a header.
        if open.header_at.elapsed() >= HEADER_EVERY && !open.file.is_unfinished() {
            put_header(&mut open);
        }
        self.files.insert(key, open);
    }
}

/// Whether an error refuses everybody now and may go away: a disk that is full, over quota, or read-only after an error; no file descriptor left.
fn takes_nothing(error: &io::Error) -> bool {
    use io::ErrorKind::{QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | ReadOnlyFilesystem) || is_out_of_files(error)
}

/// A header that cannot be written is no loss: its length is only for other tools.
fn put_header(open: &mut OpenFile) {
    open.header_at = Instant::now();
    let header = wav::header(open.leg.spec.rate_hz, 1, open.samples);
    if let Err(error) = open.file.write_at(0, &header)
        && error.kind() != io::ErrorKind::StorageFull
    {
        log::debug!("spool: header of leg {}: {error}", open.leg.key);
    }
}

/// The last that is done to a file.
fn finish(open: &mut OpenFile) {
    put_header(open);
    if let Err(error) = open.file.finish() {
        log::warn!("spool: finish {}: {error}; it stays readable as it is", open.leg.audio().path().display());
    }
    open.leg.lend(None);
}

/// Feeds one live leg. Closing it is a promise: dropped without [`Self::close`], it closes itself with the reason `dropped`.
#[derive(Debug)]
pub struct LegWriter {
    leg: Arc<SpooledLeg>,
    disk: Disk,
    events: mpsc::Sender<SpoolEvent>,
    piece: Vec<i16>,
    handed: u64,
    last: Moment,
    open: bool,
}

impl LegWriter {
    pub(super) async fn begin(
        leg: Arc<SpooledLeg>,
        disk: Disk,
        events: mpsc::Sender<SpoolEvent>,
    ) -> Result<Self, SpoolError> {
        let last = Moment::now(leg.spec.started);
        // Audio that comes while the disk refuses the file belongs to this leg.
        leg.live_grew_to(0, last);
        loop {
            let (done, opened) = oneshot::channel();
            disk.send(Job::Open { leg: Arc::clone(&leg), done }).await?;
            match opened.await.map_err(|_| SpoolError::Stopped)? {
                Ok(()) => break,
                Err(OpenError::Failed(error)) => return Err(error),
                // The source waits meanwhile, and so does its socket; the audio of a caller who hangs up now is taken later.
                Err(OpenError::Refused) => tokio::time::sleep(RETRY).await,
            }
        }
        events.send(SpoolEvent::Opened(Arc::clone(&leg))).await.map_err(|_| SpoolError::Stopped)?;
        Ok(Self { leg, disk, events, piece: Vec::new(), handed: 0, last, open: true })
    }

    /// The leg that is being written.
    pub fn leg(&self) -> &Arc<SpooledLeg> {
        &self.leg
    }

    /// Number of samples taken so far, on disk or on their way.
    pub fn samples(&self) -> u64 {
        self.handed + self.piece.len() as u64
    }

    /// Takes samples; the last of them was spoken at `at`. Waits only when the disk is far behind.
    pub async fn append(&mut self, samples: &[i16], at: Moment) -> Result<(), SpoolError> {
        self.piece.extend_from_slice(samples);
        self.last = at;
        let many = self.disk.open.load(Ordering::Relaxed) > MANY;
        let enough_ms = if many { PIECE_OF_MANY_MS } else { PIECE_MS };
        if self.piece.len() as u64 * 1000 >= enough_ms * u64::from(self.leg.spec.rate_hz) {
            self.flush().await?;
        }
        Ok(())
    }

    /// Hands over what is still here, for the moment when the line falls silent.
    pub async fn flush(&mut self) -> Result<(), SpoolError> {
        if self.piece.is_empty() {
            return Ok(());
        }
        let room = self.piece.capacity();
        let samples = std::mem::replace(&mut self.piece, Vec::with_capacity(room));
        self.handed += samples.len() as u64;
        self.disk.send(Job::Samples { leg: self.leg.key, samples, at: self.last }).await
    }

    /// Notes a key press at the leg's present end.
    pub async fn dtmf(&mut self, digit: char) -> Result<(), SpoolError> {
        let event = SpoolEvent::Dtmf { leg: self.leg.key, at_sample: self.samples(), digit };
        self.events.send(event).await.map_err(|_| SpoolError::Stopped)
    }

    /// Puts the tail on disk and ends the leg.
    pub async fn close(mut self, reason: &'static str) -> Result<(), SpoolError> {
        self.flush().await?;
        self.open = false;
        self.disk.send(Job::Close { leg: Arc::clone(&self.leg), reason, events: self.events.clone() }).await
    }
}

impl Drop for LegWriter {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let samples = std::mem::take(&mut self.piece);
        let tail = Job::Samples { leg: self.leg.key, samples, at: self.last };
        let close = Job::Close { leg: Arc::clone(&self.leg), reason: "dropped", events: self.events.clone() };
        if [tail, close].map(|job| self.disk.jobs.try_send(job).is_err()).contains(&true) {
            // The disk is behind or stopped: at the next start the file's length tells how far the leg came.
            metrics::counter!("lineside_spool_dropped_total").increment(1);
            log::warn!(
                "spool: leg {} of call {} was dropped while the disk was behind",
                self.leg.key,
                self.leg.spec.call
            );
        }
    }
}

/// Tells how far a recording has been written by its owner. Dropped without [`Self::close`], it closes itself.
#[derive(Debug)]
pub struct FollowedLeg {
    leg: Arc<SpooledLeg>,
    events: mpsc::Sender<SpoolEvent>,
}

impl FollowedLeg {
    pub(super) async fn begin(leg: Arc<SpooledLeg>, events: mpsc::Sender<SpoolEvent>) -> Result<Self, SpoolError> {
        events.send(SpoolEvent::Opened(Arc::clone(&leg))).await.map_err(|_| SpoolError::Stopped)?;
        Ok(Self { leg, events })
    }

    /// The leg of the recording.
    pub fn leg(&self) -> &Arc<SpooledLeg> {
        &self.leg
    }

    /// The recording holds this many samples per channel now, and has held them for `late` already, by the clock of its file system.
    pub fn grown(&self, samples: u64, at: WallTime, late: Duration) {
        self.leg.recording_grew_to(samples, Moment::now(at), late);
    }

    /// Closes the leg: the recording is complete. `reason` is stored.
    pub async fn close(self, reason: &'static str) -> Result<(), SpoolError> {
        if self.leg.close(reason) {
            self.events.send(SpoolEvent::Closed(Arc::clone(&self.leg))).await.map_err(|_| SpoolError::Stopped)?;
        }
        Ok(())
    }
}

impl Drop for FollowedLeg {
    fn drop(&mut self) {
        if self.leg.close("dropped") && self.events.try_send(SpoolEvent::Closed(Arc::clone(&self.leg))).is_err() {
            log::debug!("spool: the end of leg {} is told at the next start", self.leg.key);
        }
    }
}
