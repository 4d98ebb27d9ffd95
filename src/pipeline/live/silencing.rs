//! Silences stretches on disk: overwrites own files and deletes converted recordings.
//!
//! Rows change first, files after them. The next start repairs a crash between the two ([`finish`]).

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::call::LegKey;
use crate::spool::{self, SpooledLeg};
use crate::store::Store;
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;

/// A converted recording holds what has been silenced since; it is made anew when somebody asks.
pub(in crate::pipeline) fn drop_cached(cache: &Path, leg: LegKey) {
    for name in [format!("{leg}.wav"), format!("{leg}.part")] {
        let path = cache.join(name);
        if let Err(error) = crate::audio::sound_file::blank(&path).and_then(|()| std::fs::remove_file(&path))
            && error.kind() != std::io::ErrorKind::NotFound
        {
            log::error!(
                "privacy: delete {}: {error}; it holds sound that was silenced: delete it by hand",
                path.display()
            );
        }
    }
}

/// Overwrites stretches of a leg's file, if it is ours, and notes that it is done. Returns at once; the disk takes its time.
pub(in crate::pipeline) fn overwrite(store: &Store, leg: &Arc<SpooledLeg>, ranges: Vec<Range<u64>>) {
    if !leg.audio().owned() || ranges.is_empty() {
        return;
    }
    let (store, leg) = (store.clone(), Arc::clone(leg));
    tokio::task::spawn_blocking(move || {
        let mut reached = u64::MAX;
        for range in ranges {
            // Audio behind the file's end is silenced as it is written.
            match spool::overwrite(leg.audio().path(), range.start, range.end) {
                Ok(samples) => reached = reached.min(samples.max(range.end)),
                Err(error) => {
                    log::error!(
                        "{error}; players get silence there all the same, the file is tried again at the next start"
                    );
                    return;
                }
            }
        }
        let done = Change::Privacy(PrivacyChange::SilenceDone { leg: leg.key, end: reached });
        let _ = store.writer().push_blocking(vec![done]);
    });
}

/// Makes good what a former run decided and did not finish: files are overwritten, pauses of legs that are over end.
pub async fn finish(store: &Store) {
    let todo = match store.silences_to_do().await {
        Ok(todo) => todo,
        Err(error) => {
            log::error!("{error}");
            return;
        }
    };
    for item in todo {
        let (path, silence) = (item.path, item.silence);
        let (start, end) = (silence.start, silence.end);
        let done = tokio::task::spawn_blocking(move || spool::overwrite(&path, start, end.unwrap_or(u64::MAX))).await;
        let samples = match done {
            Ok(Ok(samples)) => samples,
            Ok(Err(error)) => {
                log::error!("{error}; a number that was taken out of a text can still be heard there");
                continue;
            }
            Err(_) => continue,
        };
        let leg = silence.leg;
        let mut changes = Vec::new();
        if end.is_none() {
            changes.push(Change::Privacy(PrivacyChange::SilenceEnds { leg, end: samples }));
        }
        let reached = samples.max(end.unwrap_or(0)).min(i64::MAX as u64);
        changes.push(Change::Privacy(PrivacyChange::SilenceDone { leg, end: reached }));
        if let Err(error) = store.writer().push(changes).await {
            log::error!("{error}");
        }
    }
}
