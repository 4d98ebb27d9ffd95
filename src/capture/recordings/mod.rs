//! Watches the recording folders: follows files while they grow, takes finished ones, misses none (CAP-12), never writes there.
//!
//! One thread does it all: `folders.rs` tells what happened in the folders, `files.rs` looks at each file that something happened to, `take.rs` makes
//! legs of those that are new. Events may be lost (overflow, a mount that comes and goes, lineside being down), so every folder is walked at start,
//! after an overflow, once a minute, and when it turns into another folder. Asterisk writes in steps of 32 KiB; CLOSE_WRITE is the end, also of a
//! killed Asterisk, whose file sizes then stay 0.

mod files;
mod folders;
mod same;
mod take;

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};
use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use self::files::{Followed, Waiting};
pub use self::folders::Troubles;
use self::folders::{FileKey, Folders};
use self::take::Decoded;
use super::LastFrame;
use super::follow::FileId;
use super::naming::Naming;
use crate::audio::beneath;
use crate::call::{CallId, Leg, LegKey};
use crate::spool::{LegAudio, Spool};

/// A file that nobody closes is finished when it has not changed for so long, if its header holds its final size or it did not grow before our eyes.
const SETTLED: Duration = Duration::from_secs(30);
/// How often folders and files are looked at without an event.
const ROUND: Duration = Duration::from_secs(5);
/// How often all folders are watched and walked anew: a network file system tells of nothing that others write, a volume may be unmounted and
/// back between two looks.
const AGAIN: Duration = Duration::from_mins(1);

/// What is remembered about recordings, and by whom: the daemon asks the database. All of it blocks.
pub trait Ledger: Send {
    /// A recording that was taken before: the very file, or of this call a finished one that begins alike. Other calls begin with the same
    /// prompt, and may be as long.
    fn find(&self, id: &FileId, call: &CallId) -> Option<Taken>;
    /// The legs that a call has already.
    fn legs_of(&self, call: &CallId) -> Vec<KnownLeg>;
    /// Remembers a recording.
    fn note(&self, id: &FileId, path: &Path, legs: &[LegKey], finished: bool);
    /// The call of a leg is found under another name too: its recording was renamed.
    fn renamed(&self, leg: LegKey, call: &CallId);
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
    /// Whether it is the very file; else one that begins alike.
    pub same_file: bool,
}

/// A leg that a call has already.
#[derive(Clone, Debug)]
pub struct KnownLeg {
    /// Its row.
    pub key: LegKey,
    /// Which direction.
    pub leg: String,
    /// Where its sound lies.
    pub audio: LegAudio,
    /// Who sent it: of a recording its path.
    pub peer: Option<String>,
    /// How many samples it has; `None` while it is open.
    pub samples: Option<u64>,
    /// Whether a recording is noted as its sound.
    pub noted: bool,
    /// Whether its sound came by a recording.
    pub is_recording: bool,
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
    following: HashMap<FileKey, Followed>,
    /// Files that had too little in them, or nothing readable yet.
    pending: HashMap<PathBuf, Waiting>,
    /// Files that were refused at which size: each is named once, and looked at again when its size is another.
    refused: HashMap<PathBuf, u64>,
    /// Compressed files that are decoded, and on their way to the disk.
    decoded: Vec<Decoded>,
    /// Legs that were begun lately, which the ledger may not know yet.
    begun: HashMap<CallId, (Instant, Vec<KnownLeg>)>,
    /// Files that are done with, and their size: no second look.
    done: HashMap<FileKey, u64>,
    troubles: Troubles,
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
            decoded: Vec::new(),
            begun: HashMap::new(),
            done: HashMap::new(),
            troubles: Troubles::default(),
        }
    }

    /// What keeps its folders from being read, now and later.
    pub fn troubles(&self) -> Troubles {
        self.troubles.clone()
    }

    /// Watches until stopped. Blocks: it wants a thread of its own.
    pub fn run(mut self) {
        beneath::watch(&self.settings.folders);
        let mut folders = match Folders::new(&self.settings.folders, self.troubles()) {
            Ok(folders) => folders,
            Err(error) => {
                for folder in &self.settings.folders {
                    self.troubles.are(
                        folder,
                        format!("inotify: {error}; raise fs.inotify.max_user_instances and restart lineside"),
                    );
                }
                return;
            }
        };
        let (mut round, mut again) = (Instant::now(), Instant::now());
        self.walk_all(folders.appeared());
        while !self.stop.is_cancelled() {
            if let Some(event) = folders.next_event() {
                self.event(&event);
            }
            let lost = folders.lost_events();
            if lost {
                metrics::counter!("lineside_inotify_overflows_total").increment(1);
                log::info!("recordings: events were lost in an overflow; the folders are walked again");
            }
            self.save_the_gone();
            self.end_the_asked();
            self.note_the_decoded();
            if round.elapsed() >= ROUND {
                round = Instant::now();
                self.walk_all(folders.appeared());
                self.look_around();
            }
            if lost || again.elapsed() >= AGAIN {
                again = Instant::now();
                self.walk_all(folders.again());
            }
        }
        // Legs close themselves when dropped here; a recording that still grows is resumed at the next start.
        for (_, followed) in self.following.drain() {
            for leg in followed.file.legs {
                let _ = self.runtime.block_on(leg.close("shutdown"));
            }
        }
    }

    fn walk_all(&mut self, folders: Vec<PathBuf>) {
        for folder in folders {
            self.walk(&folder);
        }
    }

    /// Looks at every file under a folder.
    fn walk(&mut self, folder: &Path) {
        let entries = match fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) => {
                if error.kind() != std::io::ErrorKind::NotFound {
                    self.troubles.are(folder, error.to_string());
                }
                return;
            }
        };
        self.troubles.are_over(folder);
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
        for path in &event.paths {
            match event.kind {
                EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To)) if is_folder(path) => {
                    self.walk(path);
                }
                EventKind::Access(AccessKind::Close(AccessMode::Write))
                | EventKind::Modify(ModifyKind::Name(RenameMode::To)) => self.touch(path, true),
                EventKind::Modify(ModifyKind::Name(RenameMode::From)) | EventKind::Remove(_) => self.left(path),
                EventKind::Modify(ModifyKind::Name(_)) => {}
                EventKind::Create(_) | EventKind::Modify(_) => self.touch(path, false),
                _ => {}
            }
        }
    }
}

/// A folder of its own, not a link to one: that would lead out, or around in circles.
fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_dir())
}
