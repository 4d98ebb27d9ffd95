//! Where the files of recordings are in the watched folders: by their names, whatever side, ending and folder the dialer's scripts gave them.
//! Nothing is opened.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::file_name::{base_name, is_unmoved};
use crate::store::coverage::RecordingOfDay;

/// Folders beneath folders are looked into so deep.
const DEPTH: usize = 8;
/// Entries that are looked at; an archive of years may hold more, the newest of which were found by then or not.
const MOST: usize = 5_000_000;

/// The file that counts of those that one recording has.
#[derive(Debug)]
struct FoundFile {
    path: String,
    bytes: i64,
    is_unmoved: bool,
}

/// Gives recordings their files. Blocks.
pub(super) fn find(folders: &[PathBuf], mut recordings: Vec<RecordingOfDay>) -> Vec<RecordingOfDay> {
    let mut wanted: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, recording) in recordings.iter().enumerate() {
        wanted.entry(recording.name.clone()).or_default().push(place);
    }
    let mut found: HashMap<usize, FoundFile> = HashMap::new();
    let mut left = MOST;
    if !wanted.is_empty() {
        for folder in folders {
            look(folder, DEPTH, &mut left, &wanted, &mut found);
        }
    }
    for (place, file) in found {
        recordings[place].is_unmoved = file.is_unmoved;
        recordings[place].file = Some((file.path, file.bytes));
    }
    recordings
}

fn look(
    folder: &Path,
    depth: usize,
    left: &mut usize,
    wanted: &HashMap<String, Vec<usize>>,
    found: &mut HashMap<usize, FoundFile>,
) {
    // What cannot be read is told by who watches it.
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        if *left == 0 {
            return;
        }
        *left -= 1;
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth > 0 {
            look(&entry.path(), depth - 1, left, wanted, found);
        }
        let name = entry.file_name();
        let Some(places) = name.to_str().and_then(|name| wanted.get(base_name(name))) else { continue };
        let Some(meta) = entry.metadata().ok().filter(fs::Metadata::is_file) else { continue };
        let path = entry.path().display().to_string();
        let file = FoundFile { is_unmoved: is_unmoved(&path), path, bytes: meta.len() as i64 };
        for place in places {
            let known = found.get(place);
            // One that was moved proves that it was; of two alike the one with more in it.
            if known.is_none_or(|known| (!file.is_unmoved, file.bytes) > (!known.is_unmoved, known.bytes)) {
                let FoundFile { ref path, bytes, is_unmoved } = file;
                found.insert(*place, FoundFile { path: path.clone(), bytes, is_unmoved });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_under_any_side_ending_and_folder_and_the_moved_one_counts() {
        let folder = tempfile::tempdir().expect("temp dir");
        let root = folder.path();
        for (path, bytes) in [
            ("monitor/a-in.wav", 900),
            ("monitor/a-out.wav", 44),
            ("monitor/b-in.wav", 900),
            ("monitor/DONE/b-all.wav", 44),
            ("monitor/DONE/MP3/2026-11-23/c-all.mp3", 100),
            ("monitor/other.wav", 1),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
            fs::write(path, vec![0; bytes]).expect("write");
        }
        let recording = |name: &str| RecordingOfDay { name: name.into(), ..RecordingOfDay::default() };
        let recordings = ["a", "b", "c", "d"].map(recording).to_vec();
        let found = find(&[root.join("monitor"), root.join("nothing")], recordings);
        let told: Vec<_> = found
            .iter()
            .map(|one| {
                let file = one.file.as_ref();
                let path = file.map(|(path, _)| path.strip_prefix(&root.display().to_string()).unwrap_or_default());
                (path, file.map(|(_, bytes)| *bytes), one.is_unmoved)
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("/monitor/a-in.wav"), Some(900), true),
                (Some("/monitor/DONE/b-all.wav"), Some(44), false),
                (Some("/monitor/DONE/MP3/2026-11-23/c-all.mp3"), Some(100), false),
                (None, None, false),
            ]
        );
    }
}
