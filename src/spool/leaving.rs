//! Deletes a leg's files together with its rows, also when a crash comes between: the leg's description marks what is being deleted.
//!
//! Rows are deleted in a transaction and files one by one, so a crash can come between the two. At a start a description without a row means a leg
//! whose row was lost, which is restored. So the description of each leg is renamed (`.json` to `.gone`) before its row is deleted. A start gives a
//! marked leg that has a row its description back, and deletes the files of one that has none.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::error::SpoolError;
use super::recover;
use super::silence::{MARK, overwrite, remove};
use crate::call::LegKey;

/// Marks spool files whose rows are about to go, on disk. Those that are gone already need none. Blocks.
pub fn mark(sounds: &[PathBuf]) -> Result<(), SpoolError> {
    let mut days: HashSet<&Path> = HashSet::new();
    for sound in sounds {
        mark_one(sound).map_err(|source| SpoolError::Io { action: "mark", path: sound.clone(), source })?;
        days.extend(sound.parent());
    }
    for day in days {
        // Rows must not be deleted before the marks are on disk.
        let synced = File::open(day).and_then(|day| day.sync_all());
        if let Err(source) = synced.or_else(|error| if is_missing(&error) { Ok(()) } else { Err(error) }) {
            return Err(SpoolError::Io { action: "sync", path: day.into(), source });
        }
    }
    Ok(())
}

fn mark_one(sound: &Path) -> io::Result<()> {
    match fs::rename(sound.with_extension("json"), sound.with_extension(MARK)) {
        // A copy of a recording has no description.
        Err(error) if is_missing(&error) && sound.exists() => {
            File::options().create(true).append(true).open(sound.with_extension(MARK)).map(drop)
        }
        Err(error) if is_missing(&error) => Ok(()),
        renamed => renamed,
    }
}

fn is_missing(error: &io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

/// Brings to its end what a crash has cut off, by the legs that have a row; how many legs went. What fails is said and tried again at the next start.
pub(super) fn finish(folder: &Path, known: &HashSet<LegKey>) -> Result<usize, SpoolError> {
    let mut marks = Vec::new();
    recover::each_file(folder, |path| {
        if path.extension().is_some_and(|extension| extension == MARK) {
            marks.push(path.to_path_buf());
        }
    })?;
    let mut went = 0;
    for mark in marks {
        let Some(key) = recover::key_of(&mark) else { continue };
        let sound = mark.with_extension("wav");
        let done = if known.contains(&LegKey(key)) {
            unmark(&mark).map_err(|source| SpoolError::Io { action: "unmark", path: mark, source })
        } else {
            overwrite(&sound, 0, u64::MAX).and_then(|_| remove(&sound)).map(|_| went += 1)
        };
        if let Err(error) = done {
            log::error!(
                "{error}; the sound of a call that was deleted is still there: it is tried again at the next start"
            );
        }
    }
    Ok(went)
}

fn unmark(mark: &Path) -> io::Result<()> {
    if fs::metadata(mark)?.len() == 0 { fs::remove_file(mark) } else { fs::rename(mark, mark.with_extension("json")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marked_leg_goes_with_its_row_and_stays_with_it() {
        let folder = tempfile::tempdir().expect("temp dir");
        let day = folder.path().join("2026-11-20");
        fs::create_dir(&day).expect("mkdir");
        let sound = |key: i64| day.join(format!("{key:09}_a.{key}_agent.wav"));
        for key in 1..=4 {
            fs::write(sound(key), vec![7; 100]).expect("wav");
        }
        for key in 1..=2 {
            fs::write(sound(key).with_extension("json"), "{}").expect("json");
        }
        let all: Vec<PathBuf> = (1..=5).map(sound).collect();
        mark(&all).expect("mark");
        mark(&all).expect("a second try");
        assert!(!sound(1).with_extension("json").exists());
        // 1 and 3 have lost their rows, 2 and 4 have kept them; 5 was never there.
        let known = HashSet::from([LegKey(2), LegKey(4)]);
        assert_eq!(recover::highest_key(folder.path()).expect("list"), 4, "a key comes once");
        assert_eq!(finish(folder.path(), &known).expect("finish"), 2);
        let mut left: Vec<String> = fs::read_dir(&day)
            .expect("list")
            .map(|entry| entry.expect("entry").file_name().to_string_lossy().into_owned())
            .collect();
        left.sort();
        assert_eq!(left, ["000000002_a.2_agent.json", "000000002_a.2_agent.wav", "000000004_a.4_agent.wav"]);
        assert_eq!(finish(folder.path(), &known).expect("again"), 0);
    }
}
