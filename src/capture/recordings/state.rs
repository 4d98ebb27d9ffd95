//! The watcher's state: its folders, what it remembers of recordings, and which ones it reads now.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use super::folders::{FileKey, Troubles};
use super::followed::{Decoded, Followed, Waiting};
use crate::call::{CallId, Leg, LegKey};
use crate::capture::LastFrame;
use crate::capture::follow::FileId;
use crate::capture::naming::NamingRules;
use crate::spool::{LegAudio, Spool};

/// The memory of recordings; the daemon's implementation asks the database. All of it blocks.
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
    /// The legs that it became.
    pub legs: Vec<LegKey>,
    /// Whether it was read to its end.
    pub finished: bool,
    /// Its path when it was last seen.
    pub path: PathBuf,
    /// Its size when it was last seen, bytes.
    pub size: u64,
    /// Whether it is the very file; else one that begins alike.
    pub same_file: bool,
}

/// A leg that a call has already.
#[derive(Clone, Debug)]
pub struct KnownLeg {
    /// The leg's row number.
    pub key: LegKey,
    /// Direction of the sound: `agent`, `caller` or `mixed`.
    pub leg: String,
    /// File and channel of its sound.
    pub audio: LegAudio,
    /// Address of the sender; for a recording its path.
    pub peer: Option<String>,
    /// Number of its samples; `None` while it is open.
    pub samples: Option<u64>,
    /// Whether a recording is noted as its sound.
    pub noted: bool,
    /// Whether its sound came by a recording.
    pub is_recording: bool,
}

impl KnownLeg {
    /// Whether there is sound of it. Another platform may have sent text alone.
    pub(super) fn has_sound(&self) -> bool {
        !self.audio.path().as_os_str().is_empty()
    }
}

/// The folders to watch, and the settings for their files.
#[derive(Clone, Debug)]
pub struct RecordingSettings {
    /// Folders, with all that is under them.
    pub folders: Vec<PathBuf>,
    /// The patterns that turn file names into calls.
    pub naming: NamingRules,
    /// Legs of a stereo file: left, right.
    pub stereo: [Leg; 2],
    /// Recordings older than this when first seen are left alone; `None` takes all.
    pub max_age: Option<Duration>,
}

/// Watches the recording folders.
pub struct Recordings<L> {
    pub(super) settings: RecordingSettings,
    pub(super) spool: Arc<Spool>,
    pub(super) ledger: L,
    pub(super) runtime: Handle,
    pub(super) stop: CancellationToken,
    pub(super) last_frame: LastFrame,
    pub(super) following: HashMap<FileKey, Followed>,
    /// Files that had too little in them, or nothing readable yet.
    pub(super) pending: HashMap<PathBuf, Waiting>,
    /// Files that were refused at which size: each is named once, and looked at again when its size is another.
    pub(super) refused: HashMap<PathBuf, u64>,
    /// Compressed files that are decoded, and on their way to the disk.
    pub(super) decoded: Vec<Decoded>,
    /// Legs that were begun lately, which the ledger may not know yet.
    pub(super) begun: HashMap<CallId, (Instant, Vec<KnownLeg>)>,
    /// Files that are done with, and their size: no second look.
    pub(super) done: HashMap<FileKey, u64>,
    pub(super) troubles: Troubles,
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

    /// Problems that keep its folders from being read, now and later.
    pub fn troubles(&self) -> Troubles {
        self.troubles.clone()
    }
}
