//! What `lineside setup` finds on a box.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where Asterisk, ViciDial and FreePBX put recordings.
const PLACES: [&str; 3] =
    ["/var/spool/asterisk/monitor", "/var/spool/asterisk/monitorDONE", "/var/spool/asterisk/recording"];
/// Recordings older than this say nothing of where new ones come.
const RECENT: Duration = Duration::from_hours(30 * 24);
/// More are not counted.
pub(super) const ENOUGH: usize = 1000;
/// Folders below each other that are looked into.
const DEEP: usize = 5;

/// Folders that are there, those of the configuration first, with how many recent recordings are in them.
pub(super) fn folders(configured: &[PathBuf]) -> Vec<(PathBuf, usize)> {
    let mut all: Vec<PathBuf> = configured.to_vec();
    all.extend(PLACES.map(PathBuf::from));
    let mut found: Vec<(PathBuf, usize)> = Vec::new();
    for folder in all {
        // One inside another is watched with it.
        let is_known = found.iter().any(|(known, _)| folder.starts_with(known));
        if !is_known && folder.is_dir() {
            let mut count = 0;
            recordings(&folder, DEEP, &mut count);
            found.push((folder, count));
        }
    }
    found
}

fn recordings(folder: &Path, deep: usize, count: &mut usize) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        if *count >= ENOUGH {
            return;
        }
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && deep > 0 {
            recordings(&entry.path(), deep - 1, count);
        } else if kind.is_file() && is_recording(&entry.path()) {
            let changed = entry.metadata().and_then(|file| file.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
            *count += usize::from(changed.elapsed().map_or(true, |age| age < RECENT));
        }
    }
}

fn is_recording(path: &Path) -> bool {
    path.extension().is_some_and(|extension| crate::audio::format::is_audio_extension(&extension.to_string_lossy()))
}

/// This machine's name.
pub(super) fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    if name.trim().is_empty() { "THIS-MACHINE".into() } else { name.trim().into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_found_with_their_recent_recordings_and_nothing_else_counts() {
        let root = tempfile::tempdir().expect("temp dir");
        let folder = root.path().join("calls");
        std::fs::create_dir_all(folder.join("2026/11/21")).expect("mkdir");
        for name in ["2026/11/21/a.wav", "b.gsm", "notes.txt", "c.wav.tmp"] {
            std::fs::write(folder.join(name), "x").expect("write");
        }
        let old = std::fs::File::options().append(true).open(folder.join("b.gsm")).expect("open");
        old.set_modified(SystemTime::now() - 2 * RECENT).expect("touch");
        let found = folders(&[folder.clone(), folder.join("2026"), root.path().join("none")]);
        assert_eq!(found[0], (folder.clone(), 1));
        assert!(found.iter().skip(1).all(|(other, _)| !other.starts_with(root.path())), "{found:?}");
    }
}
