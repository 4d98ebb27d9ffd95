//! Looks a state folder over: the database, and its rows against the files of the spool and the cache, both ways.

use std::path::{Path, PathBuf};

use crate::call::WallTime;
use crate::spool;
use crate::store::StoreError;
use crate::store::check::{Files, Finding, Mode, database, files};
use crate::store::forget::Alone;

/// What stands in the folders.
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

/// Checks a folder on which no daemon runs, and mends it if asked. Blocks, for minutes on a large one.
pub fn check(state: &Path, mode: Mode, now: WallTime) -> Result<Vec<Finding>, StoreError> {
    let alone = Alone::open(state)?;
    let mut found = database(&alone.connection, mode)?;
    let remove = |path: &Path| std::fs::remove_file(path).is_ok() && spool::remove(path).is_ok();
    let keep = |path: &Path| {
        let folder = state.join("lost+found");
        let name = path.file_name().unwrap_or_default();
        std::fs::create_dir_all(&folder).and_then(|()| std::fs::rename(path, folder.join(name))).is_ok()
    };
    found.extend(files(&alone.connection, &list(state), mode, now.0, remove, keep)?);
    Ok(found)
}
