//! What happens in the folders: inotify's events, folders that come and go, events that were lost.

use std::collections::HashMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

use super::ROUND;

/// Events of inotify that may wait; more than these count as an overflow, which a walk mends.
const EVENTS: usize = 16_384;
/// How long an event is waited for.
const PATIENCE: Duration = Duration::from_millis(200);

/// Device and inode: a file or folder whatever its name.
pub(super) type FileKey = (u64, u64);

pub(super) struct Folders {
    watcher: RecommendedWatcher,
    events: Receiver<Event>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicBool>,
    /// Each with the folder that it was last; `None` while there is none.
    roots: HashMap<PathBuf, Option<FileKey>>,
}

impl Folders {
    /// Watches nothing yet: [`Self::appeared`] does.
    pub fn new(folders: &[PathBuf]) -> notify::Result<Self> {
        // Not a channel of so many places, which would be 3 MB of memory from the start.
        let (sender, events) = mpsc::channel();
        let (lost, waiting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (overflow, sent) = (Arc::clone(&lost), Arc::clone(&waiting));
        let handler = move |event: notify::Result<Event>| {
            let room = sent.load(Ordering::Relaxed) < EVENTS;
            match event.ok().filter(|event| room && !event.need_rescan()) {
                // Nobody listens any more when this fails.
                Some(event) => {
                    sent.fetch_add(1, Ordering::Relaxed);
                    let _ = sender.send(event);
                }
                None => overflow.store(true, Ordering::Relaxed),
            }
        };
        let watcher = RecommendedWatcher::new(handler, notify::Config::default().with_follow_symlinks(false))?;
        Ok(Self {
            watcher,
            events,
            waiting,
            lost,
            roots: folders.iter().map(|folder| (folder.clone(), None)).collect(),
        })
    }

    /// The next event. Blocks, briefly.
    pub fn next_event(&self) -> Option<Event> {
        match self.events.recv_timeout(PATIENCE) {
            Ok(event) => {
                self.waiting.fetch_sub(1, Ordering::Relaxed);
                Some(event)
            }
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => {
                // Nobody tells any more: the folders are still walked.
                std::thread::sleep(PATIENCE);
                None
            }
        }
    }

    /// Whether events were lost since the last time.
    pub fn lost_events(&self) -> bool {
        self.lost.swap(false, Ordering::Relaxed)
    }

    /// Watches folders that have appeared, or that are other folders now (a mount came back); they are to be walked.
    pub fn appeared(&mut self) -> Vec<PathBuf> {
        let mut appeared = Vec::new();
        for (root, known) in &mut self.roots {
            let now = fs::metadata(root).ok().filter(fs::Metadata::is_dir).map(|meta| (meta.dev(), meta.ino()));
            if now == *known {
                continue;
            }
            if known.is_some() {
                let _ = self.watcher.unwatch(root); // gone by itself with its folder
            }
            *known = now;
            if now.is_none() {
                log::warn!("recordings: {} is not there; it is looked for every {} s", root.display(), ROUND.as_secs());
                continue;
            }
            match self.watcher.watch(root, RecursiveMode::Recursive) {
                Ok(()) => {
                    log::info!("recordings: watching {}", root.display());
                    appeared.push(root.clone());
                }
                Err(error) => {
                    *known = None;
                    log::error!(
                        "recordings: {}: {error}; check its permissions and fs.inotify.max_user_watches",
                        root.display()
                    );
                }
            }
        }
        appeared
    }

    /// Watches every folder that is under the roots now; all are to be walked. A folder whose making no event told of has no watch.
    pub fn again(&mut self) -> Vec<PathBuf> {
        let there: Vec<PathBuf> =
            self.roots.iter().filter(|(_, there)| there.is_some()).map(|(root, _)| root.clone()).collect();
        for root in &there {
            // What is watched already stays so.
            if let Err(error) = self.watcher.watch(root, RecursiveMode::Recursive) {
                log::debug!("recordings: {}: {error}", root.display());
            }
        }
        there
    }
}
