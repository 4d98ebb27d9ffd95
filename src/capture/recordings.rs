//! Watches the recording folders: follows files while they grow, takes finished ones, misses none (CAP-12), never writes there.
//!
//! One thread does it all: inotify's events come in, files are looked at where they lie. Events may be lost (overflow, a mount that comes and
//! goes, lineside being down), so every folder is walked at start, after an overflow, and when it turns into another folder. Asterisk writes in
//! steps of 32 KiB; CLOSE_WRITE is the end, also of a killed Asterisk, whose file sizes then stay 0.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::follow::{self, FileId, Following, Found};
use super::naming::{Named, Naming};
use super::{LastFrame, wall_clock};
use crate::audio::AudioError;
use crate::audio::beneath;
use crate::audio::decode;
use crate::audio::format;
use crate::call::{CallId, Leg, LegKey, Source};
use crate::spool::{LegAudio, LegSpec, LegWriter, RecordingRef, Spool, SpoolError};

/// Events of inotify that may wait; more than these count as an overflow, which a walk mends.
const EVENTS: usize = 65_536;
/// A file that nobody closed before our eyes is finished when it has not changed for so long. ViciDial mutes for up to 15 minutes.
const STALE: Duration = Duration::from_mins(16);
/// The same for a file whose header already holds its final size, or that is found at start.
const SETTLED: Duration = Duration::from_secs(30);
/// How often folders and files are looked at without an event.
const ROUND: Duration = Duration::from_secs(5);
/// How often all folders are watched and walked anew: a network file system tells of nothing that others write, a volume may be unmounted and
/// back between two looks.
const AGAIN: Duration = Duration::from_mins(1);
/// A finished recording stays open so long: ViciDial moves or deletes it within minutes, and its text may be outstanding.
const KEPT_OPEN: Duration = Duration::from_mins(10);
/// A file that left its name turns up under another within this time, or its sound is saved.
const MOVING: Duration = Duration::from_secs(2);

/// What is remembered about recordings, and by whom: the daemon asks the database. All of it blocks.
pub trait Ledger: Send {
    /// A recording that was taken before: the very file, or a finished copy of it.
    fn find(&self, id: &FileId) -> Option<Taken>;
    /// Whether a call of this id already has audio.
    fn has_audio(&self, call: &CallId) -> bool;
    /// Remembers a recording.
    fn note(&self, id: &FileId, path: &Path, legs: &[LegKey], finished: bool);
    /// A leg's audio lies elsewhere now.
    fn moved(&self, leg: LegKey, audio: &LegAudio);
}

/// A recording that was taken before.
#[derive(Clone, Debug)]
pub struct Taken {
    /// Its legs.
    pub legs: Vec<LegKey>,
    /// Whether it was read to its end.
    pub finished: bool,
    /// Where it was.
    pub path: PathBuf,
    /// Bytes it had.
    pub size: u64,
    /// Whether it is the very file; else a file of the same beginning and size, which may be another call after the same prompt.
    pub same_file: bool,
}

/// Which folders to watch, and how to read what is there.
#[derive(Clone, Debug)]
pub struct RecordingSettings {
    /// Folders, with all that is under them.
    pub folders: Vec<PathBuf>,
    /// File names to calls.
    pub naming: Naming,
    /// Legs of a stereo file: left, right.
    pub stereo: [Leg; 2],
    /// Recordings older than this when first seen are left alone; `None` takes all.
    pub max_age: Option<Duration>,
}

/// The watcher.
pub struct Recordings<L> {
    settings: RecordingSettings,
    spool: Arc<Spool>,
    ledger: L,
    runtime: Handle,
    stop: CancellationToken,
    last_frame: LastFrame,
    following: HashMap<(u64, u64), Open>,
    /// Files that had too little in them, or nothing readable yet.
    pending: HashMap<PathBuf, Pending>,
    /// Files that were refused at which size: each is named once, and looked at again when its size is another.
    refused: HashMap<PathBuf, u64>,
    /// Files that are done with, by inode and size: no second look.
    done: HashMap<(u64, u64), u64>,
    gone: HashMap<(u64, u64), Instant>,
}

struct Open {
    file: Following,
    changed: Instant,
    /// Whether it grew before our eyes.
    grows: bool,
    closed: Option<Instant>,
    /// Whether it was said that its sound cannot be saved yet.
    unsaved: bool,
}

/// A file that waits, by a clock that cannot be stepped.
#[derive(Clone, Copy)]
struct Pending {
    len: u64,
    since: Instant,
}

#[derive(Debug, thiserror::Error)]
enum TakeError {
    #[error("{0}")]
    Audio(#[from] AudioError),
    #[error("{0}")]
    Spool(#[from] SpoolError),
}

/// What is known of a file from before.
enum Before {
    Never,
    Undecided,
    Taken(Taken),
}

enum Message {
    Event(notify::Event),
    Lost,
}

impl<L: Ledger> Recordings<L> {
    /// A watcher that has not begun.
    pub fn new(
        settings: RecordingSettings,
        spool: Arc<Spool>,
        ledger: L,
        runtime: Handle,
        stop: CancellationToken,
        last_frame: LastFrame,
    ) -> Self {
        Self {
            settings,
            spool,
            ledger,
            runtime,
            stop,
            last_frame,
            following: HashMap::new(),
            pending: HashMap::new(),
            refused: HashMap::new(),
            done: HashMap::new(),
            gone: HashMap::new(),
        }
    }

    /// Watches until stopped. Blocks: it wants a thread of its own.
    pub fn run(mut self) {
        beneath::watch(&self.settings.folders);
        let (sender, events) = mpsc::sync_channel(EVENTS);
        let overflow = Arc::new(AtomicBool::new(false));
        let lost = Arc::clone(&overflow);
        let handler = move |event: notify::Result<notify::Event>| {
            let message = event.map_or(Message::Lost, Message::Event);
            if sender.try_send(message).is_err() {
                lost.store(true, Ordering::Relaxed);
            }
        };
        let mut watcher = match RecommendedWatcher::new(handler, notify::Config::default().with_follow_symlinks(false))
        {
            Ok(watcher) => watcher,
            Err(error) => {
                return log::error!(
                    "recordings: inotify: {error}; raise fs.inotify.max_user_instances. No recording is taken"
                );
            }
        };
        let mut roots: HashMap<PathBuf, Option<(u64, u64)>> =
            self.settings.folders.iter().map(|folder| (folder.clone(), None)).collect();
        let mut round = Instant::now();
        let mut again = Instant::now();
        self.check_roots(&mut watcher, &mut roots);
        while !self.stop.is_cancelled() {
            match events.recv_timeout(Duration::from_millis(200)) {
                Ok(Message::Event(event)) if event.need_rescan() => overflow.store(true, Ordering::Relaxed),
                Ok(Message::Event(event)) => self.event(&event),
                Ok(Message::Lost) => overflow.store(true, Ordering::Relaxed),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            if overflow.swap(false, Ordering::Relaxed) {
                metrics::counter!("lineside_inotify_overflows_total").increment(1);
                log::info!("recordings: events were lost in an overflow; the folders are walked again");
                self.begin_again(&mut watcher, &roots);
                again = Instant::now();
            }
            self.save_the_gone();
            if round.elapsed() >= ROUND {
                round = Instant::now();
                self.check_roots(&mut watcher, &mut roots);
                self.look_around();
            }
            if again.elapsed() >= AGAIN {
                again = Instant::now();
                self.begin_again(&mut watcher, &roots);
            }
        }
        // Legs close themselves when dropped here; a recording that still grows is resumed at the next start.
        for (_, open) in self.following.drain() {
            for leg in open.file.legs {
                let _ = self.runtime.block_on(leg.close("shutdown"));
            }
        }
    }

    /// Watches folders that have appeared, or that are other folders now: a mount came back.
    fn check_roots(&mut self, watcher: &mut RecommendedWatcher, roots: &mut HashMap<PathBuf, Option<(u64, u64)>>) {
        for (root, known) in roots {
            let now = fs::metadata(root).ok().filter(fs::Metadata::is_dir).map(|meta| (meta.dev(), meta.ino()));
            if now == *known {
                continue;
            }
            if known.is_some() {
                let _ = watcher.unwatch(root);
            }
            *known = now;
            if now.is_none() {
                log::warn!("recordings: {} is not there; it is looked for every {} s", root.display(), ROUND.as_secs());
                continue;
            }
            match watcher.watch(root, RecursiveMode::Recursive) {
                Ok(()) => log::info!("recordings: watching {}", root.display()),
                Err(error) => {
                    *known = None;
                    log::error!(
                        "recordings: {}: {error}; check its permissions and fs.inotify.max_user_watches",
                        root.display()
                    );
                    continue;
                }
            }
            self.walk(&root.clone());
        }
    }

    /// Watches every folder that is under the roots now, and looks at every file: a folder whose making no event told of has no watch.
    fn begin_again(&mut self, watcher: &mut RecommendedWatcher, roots: &HashMap<PathBuf, Option<(u64, u64)>>) {
        for root in roots.iter().filter(|(_, there)| there.is_some()).map(|(root, _)| root) {
            // What is watched already stays so.
            if let Err(error) = watcher.watch(root, RecursiveMode::Recursive) {
                log::debug!("recordings: {}: {error}", root.display());
            }
            self.walk(root);
        }
    }

    /// Looks at every file under a folder.
    fn walk(&mut self, folder: &Path) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        let mut entries: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for path in entries {
            if self.stop.is_cancelled() {
                return;
            }
            match fs::symlink_metadata(&path) {
                Ok(meta) if meta.is_dir() => self.walk(&path),
                Ok(meta) if meta.is_file() => {
                    let age = meta
                        .modified()
                        .ok()
                        .and_then(|at| SystemTime::now().duration_since(at).ok())
                        .unwrap_or_default();
                    if self.settings.max_age.is_none_or(|max| age <= max) {
                        self.touch(&path, age > SETTLED);
                    }
                }
                Ok(_) => self.touch(&path, true),
                Err(_) => {}
            }
        }
    }

    fn event(&mut self, event: &notify::Event) {
        match event.kind {
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => {
                self.each(event, |this, path| this.touch(path, true));
            }
            EventKind::Create(_) => {
                self.each(event, |this, path| if is_folder(path) { this.walk(path) } else { this.touch(path, false) });
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => {
                self.each(event, Self::left);
            }
            EventKind::Modify(ModifyKind::Name(RenameMode::To)) => {
                self.each(event, |this, path| if is_folder(path) { this.walk(path) } else { this.touch(path, true) });
            }
            EventKind::Modify(ModifyKind::Name(_)) => {}
            EventKind::Modify(_) => self.each(event, |this, path| this.touch(path, false)),
            _ => {}
        }
    }

    fn each(&mut self, event: &notify::Event, mut act: impl FnMut(&mut Self, &Path)) {
        for path in &event.paths {
            act(self, path);
        }
    }

    /// A file's name is gone: it was moved or deleted.
    fn left(&mut self, path: &Path) {
        self.pending.remove(path);
        let Some((&key, _)) = self.following.iter().find(|(_, open)| open.file.path == path) else { return };
        self.gone.insert(key, Instant::now());
    }

    /// Saves the sound of files that left and did not come back under another name.
    fn save_the_gone(&mut self) {
        let due: Vec<(u64, u64)> =
            self.gone.iter().filter(|(_, since)| since.elapsed() > MOVING).map(|(&key, _)| key).collect();
        for key in due {
            self.gone.remove(&key);
            let Some(mut open) = self.following.remove(&key) else { continue };
            if open.file.path.exists() {
                self.following.insert(key, open);
                continue;
            }
            let _ = open.file.look(wall_clock());
            if let Err(error) = self.save(&mut open.file) {
                if !open.unsaved {
                    log::error!(
                        "recordings: {}: it was deleted, and its sound could not be saved: {error}; tried again while lineside runs",
                        open.file.path.display()
                    );
                }
                open.unsaved = true;
                self.following.insert(key, open);
                self.gone.insert(key, Instant::now());
                continue;
            }
            self.finish(&mut open.file, "removed");
        }
    }

    /// Copies a deleted recording, which is still open here, into the spool.
    fn save(&mut self, file: &mut Following) -> Result<(), TakeError> {
        let rate_hz = file.reader.layout().rate_hz;
        for (channel, &key) in file.keys.iter().enumerate() {
            let path = self.spool.folder().join("saved").join(format!("{:09}.wav", key.0));
            let io = |error| TakeError::Audio(AudioError::Io(error));
            fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(io)?;
            let mut out = fs::File::create(&path).map_err(io)?;
            std::io::Write::write_all(&mut out, &crate::audio::wav::header(rate_hz, 1, file.samples)).map_err(io)?;
            let (mut from, mut samples) = (0, Vec::new());
            loop {
                samples.clear();
                let got = file.reader.read_samples(channel, from, 1 << 16, &mut samples)?;
                if got == 0 {
                    break;
                }
                from += got as u64;
                let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                std::io::Write::write_all(&mut out, &bytes).map_err(io)?;
            }
            let audio = LegAudio::Spooled { path };
            if let Some(leg) = file.legs.get(channel) {
                leg.leg().moved_to(audio.clone());
            }
            self.ledger.moved(key, &audio);
        }
        log::info!("recordings: {} was deleted; its sound was saved in the spool", file.path.display());
        Ok(())
    }

    /// Looks at a file that something happened to. `closed`: its writer has closed it, or it has been still for long.
    fn touch(&mut self, path: &Path, closed: bool) {
        if !wanted(path) {
            return;
        }
        let Ok(meta) = fs::metadata(path) else { return };
        let key = (meta.dev(), meta.ino());
        self.gone.remove(&key);
        if let Some(open) = self.following.get_mut(&key) {
            let finished_and_grown =
                open.closed.is_some() && open.file.reader.available_samples().is_ok_and(|now| now > open.file.samples);
            if finished_and_grown {
                // Its writer opened it again (MixMonitor's option a), or was only silent for long: it goes on as the same leg.
                self.following.remove(&key);
            }
        }
        if let Some(open) = self.following.get_mut(&key) {
            if open.file.path != path {
                open.file.path = path.into();
                for (channel, &leg) in open.file.keys.iter().enumerate() {
                    let audio = LegAudio::Recording { path: path.into(), channel: channel as u16 };
                    if let Some(followed) = open.file.legs.get(channel) {
                        followed.leg().moved_to(audio.clone());
                    }
                    self.ledger.moved(leg, &audio);
                }
            }
            if open.closed.is_none() {
                let before = open.file.samples;
                if let Err(error) = open.file.look(wall_clock()) {
                    log::warn!("recordings: {}: {error}", path.display());
                }
                if open.file.samples > before {
                    open.changed = Instant::now();
                    open.grows = true;
                    self.last_frame.now(wall_clock());
                }
                if closed {
                    self.close(key, "closed");
                }
            }
            return;
        }
        if self.refused.get(path) == Some(&meta.len()) || self.done.get(&key) == Some(&meta.len()) {
            return;
        }
        match self.take(path, closed) {
            Ok(true) => {
                self.pending.remove(path);
            }
            Ok(false) => self.wait_for(path, meta.len()),
            // A header may not be there yet; a file that its writer has closed will not get better.
            Err(TakeError::Audio(ref error)) if !closed && !matches!(error, AudioError::LeadsOut(_)) => {
                self.wait_for(path, meta.len());
            }
            Err(error) => {
                self.pending.remove(path);
                if self.refused.insert(path.into(), meta.len()).is_none() {
                    metrics::counter!("lineside_recordings_refused_total").increment(1);
                    log::warn!("recordings: {}: {error}; it was left alone", path.display());
                }
            }
        }
    }

    fn wait_for(&mut self, path: &Path, len: u64) {
        let now = Pending { len, since: Instant::now() };
        let waiting = self.pending.entry(path.into()).or_insert(now);
        if waiting.len != len {
            *waiting = now;
        }
    }

    /// Takes a file that is not followed yet; `false` when there is too little in it so far.
    fn take(&mut self, path: &Path, closed: bool) -> Result<bool, TakeError> {
        let root = self.settings.folders.iter().find(|root| path.starts_with(root)).cloned().unwrap_or_default();
        let named = self.settings.naming.recording(path);
        let mut opened = match follow::open(path, &root)? {
            Found::Streamable(opened) => opened,
            Found::Finished(..) if !closed => return Ok(false),
            Found::Finished(file, meta) => return self.take_finished(path, &file, &meta, &named),
        };
        let Some(id) = follow::identify(&mut opened.reader, &opened.meta, closed)? else { return Ok(false) };
        let complete = opened.complete;
        let before = match self.before(&id, &named.call, closed || complete) {
            Before::Undecided => return Ok(false),
            Before::Taken(taken) => Some(taken),
            Before::Never => None,
        };
        if let Some(taken) = before.as_ref().filter(|taken| taken.finished) {
            self.known(path, &id, taken);
            return Ok(true);
        }
        if closed && named.is_final_mix && before.is_none() && self.ledger.has_audio(&named.call) {
            self.done.insert((id.device, id.inode), id.size);
            return Ok(true); // the call was heard by its own legs
        }
        let layout = *opened.reader.layout();
        let samples = opened.reader.available_samples()?;
        if closed && samples == 0 {
            return Err(AudioError::Malformed("closed without any sound in it".into()).into());
        }
        let started = follow::began(&opened.meta, (samples * 1000 / u64::from(layout.rate_hz)) as i64);
        let mut file =
            Following { path: path.into(), id, reader: opened.reader, legs: Vec::new(), keys: Vec::new(), samples: 0 };
        for channel in 0..layout.channels {
            let spec = LegSpec {
                call: named.call.clone(),
                names: named.names.clone(),
                leg: self.leg_of(&named, channel, layout.channels),
                source: Source::Recording,
                started,
                rate_hz: layout.rate_hz,
                peer: Some(path.to_string_lossy().into_owned()),
            };
            let resume = before.as_ref().and_then(|taken| taken.legs.get(usize::from(channel)).copied());
            let leg =
                self.runtime.block_on(self.spool.follow(spec, RecordingRef { path: path.into(), channel }, resume))?;
            file.keys.push(leg.leg().key);
            file.legs.push(leg);
        }
        self.ledger.note(&file.id, path, &file.keys, false);
        file.look(wall_clock())?;
        metrics::counter!("lineside_recordings_total").increment(1);
        let key = (file.id.device, file.id.inode);
        self.following.insert(key, Open { file, changed: Instant::now(), grows: false, closed: None, unsaved: false });
        if closed || complete {
            self.close(key, "closed");
        }
        Ok(true)
    }

    /// Whether a recording was taken before. A copy counts only under the name of a call that has been heard, and is only told from another
    /// recording that begins alike when it is complete.
    fn before(&self, id: &FileId, call: &CallId, closed: bool) -> Before {
        match self.ledger.find(id) {
            Some(taken) if taken.same_file => Before::Taken(taken),
            Some(taken) if self.ledger.has_audio(call) => match (closed, taken.size == id.size) {
                (false, _) => Before::Undecided,
                (true, true) => Before::Taken(taken),
                (true, false) => Before::Never,
            },
            _ => Before::Never,
        }
    }

    fn leg_of(&self, named: &Named, channel: u16, channels: u16) -> Leg {
        match (channels, channel) {
            (1, _) => named.leg.unwrap_or(Leg::Mixed),
            (2, 0) => self.settings.stereo[0],
            (2, 1) => self.settings.stereo[1],
            _ => Leg::Mixed,
        }
    }

    /// A recording that was read to its end before: only its place may be new.
    fn known(&mut self, path: &Path, id: &FileId, taken: &Taken) {
        if taken.path != path && !taken.path.exists() {
            for (channel, &leg) in taken.legs.iter().enumerate() {
                self.ledger.moved(leg, &LegAudio::Recording { path: path.into(), channel: channel as u16 });
            }
        }
        self.ledger.note(id, path, &taken.legs, true);
        self.done.insert((id.device, id.inode), id.size);
    }

    /// Decodes a compressed file into the spool.
    fn take_finished(
        &mut self,
        path: &Path,
        file: &fs::File,
        meta: &fs::Metadata,
        named: &Named,
    ) -> Result<bool, TakeError> {
        let id = follow::identify_finished(file, meta)?;
        self.done.insert((id.device, id.inode), id.size);
        if let Before::Taken(taken) = self.before(&id, &named.call, true) {
            self.known(path, &id, &taken);
            return Ok(true);
        }
        // ViciDial compresses what was already heard as WAV: the better copy is the one that counts.
        if self.ledger.has_audio(&named.call) {
            return Ok(true);
        }
        let mut legs: Vec<LegWriter> = Vec::new();
        let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
        let started = follow::began(meta, 0);
        let mut planes: Vec<Vec<i16>> = Vec::new();
        let decoded = decode::decode::<TakeError>(
            file.try_clone().map_err(AudioError::Io)?,
            &extension,
            |(rate_hz, channels, samples)| {
                let count = usize::from(channels.max(1));
                if legs.is_empty() {
                    for channel in 0..channels {
                        let spec = LegSpec {
                            call: named.call.clone(),
                            names: named.names.clone(),
                            leg: self.leg_of(named, channel, channels),
                            source: Source::Recording,
                            started,
                            rate_hz,
                            peer: Some(path.to_string_lossy().into_owned()),
                        };
                        legs.push(self.runtime.block_on(self.spool.open_leg(spec))?);
                    }
                    planes = vec![Vec::new(); count];
                }
                for (channel, plane) in planes.iter_mut().enumerate() {
                    plane.clear();
                    plane.extend(samples.iter().skip(channel).step_by(count));
                }
                for (leg, plane) in legs.iter_mut().zip(&planes) {
                    self.runtime.block_on(leg.append(plane, wall_clock()))?;
                }
                Ok(())
            },
        );
        let keys: Vec<LegKey> = legs.iter().map(|leg| leg.leg().key).collect();
        for leg in legs {
            self.runtime.block_on(leg.close("closed"))?;
        }
        decoded?;
        self.ledger.note(&id, path, &keys, true);
        metrics::counter!("lineside_recordings_total").increment(1);
        Ok(true)
    }

    /// A followed file has come to its end.
    fn close(&mut self, key: (u64, u64), reason: &'static str) {
        let Some(mut open) = self.following.remove(&key) else { return };
        if let Err(error) = open.file.look(wall_clock()) {
            log::warn!("recordings: {}: {error}; what came so far is kept", open.file.path.display());
        }
        self.finish(&mut open.file, reason);
        open.closed = Some(Instant::now());
        self.following.insert(key, open);
    }

    fn finish(&mut self, file: &mut Following, reason: &'static str) {
        if let Ok(meta) = fs::metadata(&file.path) {
            file.id.size = meta.len();
            self.done.insert((meta.dev(), meta.ino()), meta.len());
        }
        for leg in file.legs.drain(..) {
            if let Err(error) = self.runtime.block_on(leg.close(reason)) {
                log::warn!("recordings: {}: {error}", file.path.display());
            }
        }
        self.ledger.note(&file.id, &file.path, &file.keys, true);
    }

    /// Files that no event tells of: those that wait, those that nobody closes, those that were kept open long enough.
    fn look_around(&mut self) {
        for (path, waiting) in self.pending.clone() {
            match fs::metadata(&path) {
                Ok(meta) => self.touch(&path, meta.len() == waiting.len && waiting.since.elapsed() > SETTLED),
                Err(_) => {
                    self.pending.remove(&path);
                }
            }
        }
        let stale: Vec<(u64, u64)> = self
            .following
            .iter()
            .filter(|(_, open)| {
                let still = open.changed.elapsed();
                let settled = || !open.grows || follow::is_complete_now(&open.file.path);
                open.closed.is_none() && (still > STALE || still > SETTLED && settled())
            })
            .map(|(&key, _)| key)
            .collect();
        for key in stale {
            self.close(key, "stale");
        }
        self.following.retain(|_, open| open.closed.is_none_or(|since| since.elapsed() < KEPT_OPEN));
    }
}

/// A folder of its own, not a link to one: that would lead out, or around in circles.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}

/// Whether a file of this name is a recording at all.
fn wanted(path: &Path) -> bool {
    let Some(name) = path.file_name().map(|name| name.to_string_lossy()) else { return false };
    let extension = path.extension().map(|ext| ext.to_string_lossy().into_owned()).unwrap_or_default();
    !name.starts_with('.') && format::is_audio_extension(&extension)
}
