//! Remembers on disk which utterances are in flight, so that a restart knows which one the engine was processing when the process ended.
//!
//! Inference runs in this process (docs/decisions/inference-in-threads.md): an assertion or a fault in C++ ends it, and after the restart the same
//! utterance would be next. Each utterance in flight has a file of its name here, so a file that is found at the start names an utterance that was in
//! flight at the end. Such an utterance is queued behind the others, and after [`STRIKES`] ends it is failed with the reason instead of being tried
//! again. A `kill -9` counts as an end too, which is why one is not enough.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::call::UtteranceKey;

/// Ends of the process with the same utterance in flight, after which it is not tried again.
pub const STRIKES: u32 = 3;

/// The folder, and what a former run left in it.
#[derive(Debug, Default)]
pub struct InFlight {
    folder: Option<PathBuf>,
    struck: HashMap<UtteranceKey, u32>,
}

/// An utterance in flight. Dropping it ends that.
#[derive(Debug)]
pub struct Held(Option<PathBuf>);

impl InFlight {
    /// Reads what a former run had in flight at its end. If the folder cannot be written, nothing is remembered and the log says so. Blocks.
    pub fn open(folder: &Path) -> Self {
        if let Err(error) = fs::create_dir_all(folder) {
            log::warn!("speech: {}: {error}; an utterance that ends the process will be tried again", folder.display());
            return Self::default();
        }
        let mut struck = HashMap::new();
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let key = entry.file_name().to_str().and_then(|name| name.parse().ok()).map(UtteranceKey);
            let before = fs::read_to_string(entry.path()).ok().and_then(|text| text.trim().parse::<u32>().ok());
            if let Some(key) = key {
                struck.insert(key, before.unwrap_or(0).saturating_add(1));
            }
        }
        Self { folder: Some(folder.into()), struck }
    }

    /// The highest number of an utterance that was in flight at an end of the process; 0 without any. Its row may never have been written.
    pub fn highest(&self) -> i64 {
        self.struck.keys().map(|utterance| utterance.0).max().unwrap_or(0)
    }

    /// Number of ends of the process with this utterance in flight.
    pub fn strikes(&self, utterance: UtteranceKey) -> u32 {
        self.struck.get(&utterance).copied().unwrap_or(0)
    }

    /// Marks an utterance as in flight; `Err` with its strikes when it has had too many of them. A full disk remembers nothing, which costs nothing else.
    pub fn hold(&self, utterance: UtteranceKey) -> Result<Held, u32> {
        let strikes = self.strikes(utterance);
        let path = self.folder.as_ref().map(|folder| folder.join(utterance.0.to_string()));
        if strikes >= STRIKES {
            // Its row says it from now on.
            drop(Held(path));
            return Err(strikes);
        }
        if let Some(path) = &path
            && let Err(error) = fs::write(path, strikes.to_string())
        {
            log::debug!("speech: {}: {error}", path.display());
        }
        Ok(Held(path))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_utterance_that_was_in_flight_at_three_ends_is_given_up_and_others_are_not() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (poison, good) = (UtteranceKey(7), UtteranceKey(8));
        for ends in 0..STRIKES {
            let in_flight = InFlight::open(folder.path());
            assert_eq!(in_flight.strikes(poison), ends);
            assert_eq!(in_flight.highest(), if ends == 0 { 0 } else { poison.0 });
            drop(in_flight.hold(good).expect("never struck"));
            // The process ends without dropping anything.
            std::mem::forget(in_flight.hold(poison).expect("tried again"));
        }
        let in_flight = InFlight::open(folder.path());
        assert_eq!(in_flight.hold(poison).expect_err("enough"), STRIKES);
        assert!(in_flight.hold(good).is_ok());
        assert_eq!(InFlight::open(folder.path()).strikes(poison), 0, "nothing is left of it");
    }
}
