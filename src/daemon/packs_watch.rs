//! Reloads the packs when one of their files is saved, as SIGHUP does.
//!
//! It compares names, sizes and times of the folder's files: an editor's own files, renames and half-written files raise a dozen events and are one
//! change. The files count when two looks in a row find the same. A folder that cannot be read has not changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Interval of looks at the folder.
const LOOK: Duration = Duration::from_secs(1);

/// Size and time of each pack.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// A folder of packs, or none: the built-in ones never change.
pub(super) struct PackFolder {
    folder: Option<PathBuf>,
    known: Option<Files>,
}

impl PackFolder {
    /// A watch that takes the present files as known.
    pub fn new(folder: Option<PathBuf>) -> Self {
        let known = folder.as_deref().and_then(files);
        Self { folder, known }
    }

    /// Returns when the files have changed. May be dropped at any time.
    pub async fn saved(&mut self) {
        let Some(folder) = self.folder.clone() else { return std::future::pending().await };
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let folder = folder.clone();
            let now = tokio::task::spawn_blocking(move || files(&folder)).await.ok().flatten();
            if now.is_some() && now != self.known && now == before {
                self.known = now;
                return;
            }
            before = now;
        }
    }
}

fn files(folder: &Path) -> Option<Files> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let packs = entries.filter(|path| path.extension().is_some_and(|ext| ext == "toml"));
    let told = |path: PathBuf| {
        let data = std::fs::metadata(&path).ok()?;
        Some((path, (data.len(), data.modified().ok())))
    };
    Some(packs.filter_map(told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_saved_pack_is_told_once_and_a_file_of_another_kind_never() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.toml"), "one").expect("written");
        let mut watch = PackFolder::new(Some(folder.path().into()));
        let patience = LOOK * 4;
        std::fs::write(folder.path().join("a.toml.swp"), "x").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_err());
        std::fs::write(folder.path().join("a.toml"), "another").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_ok());
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_err());
    }
}
