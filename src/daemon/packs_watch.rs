//! Reloads packs and glossaries when one of their files is saved, as SIGHUP does.
//!
//! It compares names, sizes and times of the folders' files: an editor's own files, renames and half-written files raise a dozen events and are one
//! change. The files count when two looks in a row find the same. A folder of packs that cannot be read has not changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::pipeline::workers::glossary::CAMPAIGNS;

/// Interval of looks at the folder.
const LOOK: Duration = Duration::from_secs(1);

/// Size and time of each file.
type Files = BTreeMap<PathBuf, (u64, Option<SystemTime>)>;

/// Where files are.
#[derive(Clone)]
enum Place {
    /// A folder of packs, or none: the built-in ones never change.
    Packs(Option<PathBuf>),
    /// A state folder, with the glossaries in it.
    Glossaries(PathBuf),
}

/// Files that are read again when they are saved.
pub(super) struct SavedFiles {
    place: Place,
    known: Option<Files>,
}

impl SavedFiles {
    /// The packs of a folder. What stands there now is known.
    pub fn packs(folder: Option<PathBuf>) -> Self {
        Self::of(Place::Packs(folder))
    }

    /// The glossaries of a state folder.
    pub fn glossaries(state: &Path) -> Self {
        Self::of(Place::Glossaries(state.into()))
    }

    fn of(place: Place) -> Self {
        let known = place.files();
        Self { place, known }
    }

    /// Returns when the files have changed. May be dropped at any time.
    pub async fn saved(&mut self) {
        if matches!(self.place, Place::Packs(None)) {
            return std::future::pending().await;
        }
        let mut before = None;
        loop {
            tokio::time::sleep(LOOK).await;
            let place = self.place.clone();
            let now = tokio::task::spawn_blocking(move || place.files()).await.ok().flatten();
            if now.is_some() && now != self.known && now == before {
                self.known = now;
                return;
            }
            before = now;
        }
    }
}

impl Place {
    fn files(&self) -> Option<Files> {
        match self {
            Self::Packs(None) => None,
            Self::Packs(Some(folder)) => files(folder, "toml"),
            Self::Glossaries(state) => {
                let mut all = files(state, "csv")?;
                all.extend(files(&state.join(CAMPAIGNS), "csv").unwrap_or_default());
                Some(all)
            }
        }
    }
}

fn files(folder: &Path, extension: &str) -> Option<Files> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path());
    let wanted = entries.filter(|path| path.extension().is_some_and(|ext| ext == extension));
    let told = |path: PathBuf| {
        let data = std::fs::metadata(&path).ok()?;
        Some((path, (data.len(), data.modified().ok())))
    };
    Some(wanted.filter_map(told).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_saved_pack_is_told_once_and_a_file_of_another_kind_never() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("a.toml"), "one").expect("written");
        let mut watch = SavedFiles::packs(Some(folder.path().into()));
        let patience = LOOK * 4;
        std::fs::write(folder.path().join("a.toml.swp"), "x").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_err());
        std::fs::write(folder.path().join("a.toml"), "another").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_ok());
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_err());
    }

    #[tokio::test]
    async fn a_saved_glossary_is_told_that_of_a_campaign_too_and_one_that_is_deleted() {
        let state = tempfile::tempdir().expect("a folder");
        let mut watch = SavedFiles::glossaries(state.path());
        let patience = LOOK * 4;
        std::fs::write(state.path().join("lineside.db"), "x").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_err());
        std::fs::write(state.path().join("glossary.csv"), "router").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_ok());
        std::fs::create_dir(state.path().join(CAMPAIGNS)).expect("a folder");
        let own = state.path().join(CAMPAIGNS).join("sales.csv");
        std::fs::write(&own, "Fibernova").expect("written");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_ok());
        std::fs::remove_file(&own).expect("removed");
        assert!(tokio::time::timeout(patience, watch.saved()).await.is_ok());
    }
}
