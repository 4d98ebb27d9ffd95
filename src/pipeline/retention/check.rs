//! Checks a state folder: the database, its rows against the files of spool and cache in both directions, and whether encrypted audio opens.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::audio::AudioError;
use crate::audio::sealed::SealedError;
use crate::audio::sound_file::{SoundFile, is_sealed};
use crate::call::WallTime;
use crate::spool;
use crate::store::StoreError;
use crate::store::check::{Files, Finding, Mode, database, files};
use crate::store::forget::Alone;

/// Lists the files in the folders.
fn list(state: &Path) -> Files {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    let has = |path: &PathBuf, wanted: &str| path.extension().is_some_and(|ext| ext == wanted);
    let spooled: Vec<PathBuf> = inside(&state.join("spool")).iter().flat_map(|day| inside(day)).collect();
    let leg = |path: PathBuf| Some((path.file_stem()?.to_str()?.parse().ok()?, path));
    Files {
        audio: spooled.iter().filter(|path| has(path, "wav")).cloned().collect(),
        sidecars: spooled.iter().filter(|path| has(path, "json")).cloned().collect(),
        cached: inside(&state.join("cache")).into_iter().filter_map(leg).collect(),
    }
}

/// How much of each encrypted file is decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Header, length and end.
    Ends,
    /// Every chunk.
    Whole,
}

/// Encrypted files that do not open. Those that only want their key are one finding.
fn sealed(files: &[PathBuf], depth: Depth, tell: &mut dyn FnMut(usize, usize)) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut locked: BTreeMap<String, (usize, &Path)> = BTreeMap::new();
    for (done, path) in files.iter().enumerate() {
        tell(done, files.len());
        if !is_sealed(path).unwrap_or(false) {
            continue;
        }
        match opens(path, depth) {
            Ok(()) => {}
            Err(AudioError::Sealed(SealedError::NoKey(key))) => {
                locked.entry(key.to_string()).or_insert((0, path)).0 += 1;
            }
            Err(error) => found.push(Finding {
                problem: format!("{}: {error}", path.display()),
                mend: "lineside leaves it alone; what of it opens is still played".into(),
                mended: false,
            }),
        }
    }
    found.extend(locked.into_iter().map(|(key, (count, first))| Finding {
        problem: format!("{count} sound files are encrypted with the key {key}, which is not here; the first is {}", first.display()),
        mend: "name that key in [privacy] old_audio_keys; for a key that only the unit has as a credential, docs/operations.md shows how to check".into(),
        mended: false,
    }));
    found
}

fn opens(path: &Path, depth: Depth) -> Result<(), AudioError> {
    let file = SoundFile::open(path)?;
    let len = file.len()?;
    let mut piece = vec![0; 1 << 18];
    let mut place = if depth == Depth::Whole { 0 } else { len.saturating_sub(1) };
    while place < len {
        match file.read_at(place, &mut piece)? {
            0 => break,
            got => place += got as u64,
        }
    }
    Ok(())
}

/// Checks a folder on which no daemon runs, and mends it if asked. `tell` hears of sound files looked at and of all, after the database. Blocks, for minutes
/// on a large one.
pub fn check(
    state: &Path,
    mode: Mode,
    depth: Depth,
    now: WallTime,
    tell: &mut dyn FnMut(usize, usize),
) -> Result<Vec<Finding>, StoreError> {
    let mut alone = Alone::open(state)?;
    let mut found = database(&alone.connection, mode)?;
    if mode == Mode::Repair && found.iter().any(|finding| !finding.mended) {
        let remade = alone.remake_indices(state)?;
        if remade > 0 {
            let problem = found.iter().map(|finding| finding.problem.as_str()).collect::<Vec<_>>().join("; ");
            found = database(&alone.connection, mode)?;
            let mended = found.iter().all(|finding| finding.mended);
            found.insert(
                0,
                Finding { problem, mend: format!("{remade} indices were made anew from their tables"), mended },
            );
        }
    }
    let remove = |path: &Path| path.exists() && spool::erase(path).is_ok();
    let keep = |path: &Path| {
        let folder = state.join("lost+found");
        let name = path.file_name().unwrap_or_default();
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::rename(path, folder.join(name))).is_ok()
    };
    let list = list(state);
    found.extend(files(&alone.connection, &list, mode, now.0, remove, keep)?);
    found.extend(sealed(&list.audio, depth, tell));
    Ok(found)
}
