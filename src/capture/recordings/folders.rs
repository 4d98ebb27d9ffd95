//! Changes in the recording folders: inotify events, folders that appear or vanish, events that were lost.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// Interval at which folders and files are looked at without an event.
pub(super) const ROUND: Duration = Duration::from_secs(5);
/// Events of inotify that may wait; more than these count as an overflow, which a walk mends.
const EVENTS: usize = 16_384;
/// How long the thread waits for an event.
const PATIENCE: Duration = Duration::from_millis(200);

/// Device and inode, which identify a file or folder whatever its name.
pub(super) type FileKey = (u64, u64);

/// Problems that keep folders from being read, for /health; each is logged once.
#[derive(Clone, Debug, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<PathBuf, String>>>);

impl Troubles {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<PathBuf, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Folders that cannot be read now, with the reason.
    pub fn list(&self) -> Vec<(PathBuf, String)> {
        self.lock().iter().map(|(folder, problem)| (folder.clone(), problem.clone())).collect()
    }

    /// Notes a folder's problem.
    pub(super) fn are(&self, folder: &Path, problem: String) {
        let mut troubles = self.lock();
        if troubles.get(folder) != Some(&problem) {
            log::error!(
                "recordings: {}: {problem}; nothing of it is taken. Looked for again every {} s: `lineside doctor` has the mend",
                folder.display(),
                ROUND.as_secs()
            );
            troubles.insert(folder.into(), problem);
        }
    }

    /// Notes that a folder has no problem any more.
    pub(super) fn are_over(&self, folder: &Path) {
        if self.lock().remove(folder).is_some() {
            log::info!("recordings: {} can be read again", folder.display());
        }
    }

    /// Forgets folders under the watched ones that are gone.
    fn prune(&self, roots: &HashMap<PathBuf, Option<FileKey>>) {
        self.lock().retain(|folder, _| roots.contains_key(folder) || folder.exists());
    }
}

pub(super) struct Folders {
    troubles: Troubles,
    watcher: RecommendedWatcher,
    events: Receiver<Event>,
    waiting: Arc<AtomicUsize>,
    lost: Arc<AtomicBool>,
    /// Each with the folder that it was last; `None` while there is none.
    roots: HashMap<PathBuf, Option<FileKey>>,
}

impl Folders {
    /// Watches nothing yet: [`Self::appeared`] does.
    pub fn new(folders: &[PathBuf], troubles: Troubles) -> notify::Result<Self> {
        // An unbounded channel: a bounded one of this many places would take 3 MB of memory from the start.
        let (sender, events) = mpsc::channel();
        let (lost, waiting) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (overflow, sent) = (Arc::clone(&lost), Arc::clone(&waiting));
        let handler = move |event: notify::Result<Event>| {
            let room = sent.load(Ordering::Relaxed) < EVENTS;
            match event.ok().filter(|event| room && !event.need_rescan()) {
                // This fails only when the receiver has gone.
                Some(event) => {
                    sent.fetch_add(1, Ordering::Relaxed);
                    let _ = sender.send(event);
                }
                None => overflow.store(true, Ordering::Relaxed),
            }
        };
        let watcher = RecommendedWatcher::new(handler, notify::Config::default().with_follow_symlinks(false))?;
        Ok(Self {
            troubles,
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
                // Without events the folders are still walked.
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
        self.troubles.prune(&self.roots);
        for (root, known) in &mut self.roots {
            // A folder that may be entered but not read has metadata, but no list.
            let looked = fs::metadata(root).and_then(|meta| fs::read_dir(root).map(|_| (meta.dev(), meta.ino())));
            let now = match looked {
                Ok(now) => Some(now),
                Err(error) => {
                    self.troubles.are(root, error.to_string());
                    None
                }
            };
            if now == *known {
                continue;
            }
            if known.is_some() {
                let _ = self.watcher.unwatch(root); // gone by itself with its folder
            }
            *known = now;
            if now.is_none() {
                continue;
            }
            match self.watcher.watch(root, RecursiveMode::Recursive) {
                Ok(()) => {
                    self.troubles.are_over(root);
                    log::info!("recordings: watching {}", root.display());
                    appeared.push(root.clone());
                }
                Err(error) => {
                    *known = None;
                    self.troubles.are(root, format!("{error}; see fs.inotify.max_user_watches"));
                }
            }
        }
        appeared
    }

    /// Watches every folder that is under the roots now; all are to be walked. A folder whose making no event told of has no watch.
    pub fn watch_all(&mut self) -> Vec<PathBuf> {
        let there: Vec<PathBuf> =
            self.roots.iter().filter(|(_, there)| there.is_some()).map(|(root, _)| root.clone()).collect();
        for root in &there {
            // Folders that are watched already stay watched.
            if let Err(error) = self.watcher.watch(root, RecursiveMode::Recursive) {
                log::debug!("recordings: {}: {error}", root.display());
            }
        }
        there
    }
}
