//! The watcher's thread: it handles events, walks the folders, and looks at files whose time has come.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind, RenameMode};

use super::folders::{Folders, ROUND};
use super::followed::SETTLED;
use super::state::{Ledger, Recordings};
use crate::audio::contained;

/// Interval at which all folders are watched and walked anew: a network file system reports nothing that others write, and a volume may be unmounted
/// and back between two looks.
const AGAIN: Duration = Duration::from_mins(1);

impl<L: Ledger> Recordings<L> {
    /// Watches until stopped. Blocks: it wants a thread of its own.
    pub fn run(mut self) {
        contained::watch(&self.settings.folders);
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
                self.walk_all(folders.watch_all());
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
