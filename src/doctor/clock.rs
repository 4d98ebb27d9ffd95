//! The clock: whether it is set, kept in step, and agrees with the machine that writes the recordings.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::check::{Subject, advice, bad, good};
use super::system::output;
use crate::contract::doctor::DoctorCheck;

/// No lineside is older: 2026-01-01.
const BUILT_AFTER: Duration = Duration::from_hours(490_896);
/// A recording may be dated ahead so far: file systems and networks round.
const AHEAD: Duration = Duration::from_mins(1);
/// Files of a folder that are looked at, at most: a look into a folder of a million must not take minutes.
const FILES: usize = 2000;

const SYNCHRONISE: &str = "`timedatectl set-ntp true` (or install chrony); `timedatectl` shows whether it works";

/// The clock, and the dates of the recordings in these folders.
pub(super) fn clock(folders: &[PathBuf]) -> DoctorCheck {
    let now = SystemTime::now();
    if now < SystemTime::UNIX_EPOCH + BUILT_AFTER {
        let year = "before 2026, when this program was made";
        return bad(Subject::Clock, format!("the clock says a time {year}"), format!("set it: {SYNCHRONISE}"));
    }
    for folder in folders {
        if let Some((file, ahead)) = latest(folder).and_then(|(file, at)| Some((file, at.duration_since(now).ok()?)))
            && ahead > AHEAD
        {
            return bad(
                Subject::Clock,
                format!("{} is dated {} s ahead of this machine's clock", file.display(), ahead.as_secs()),
                format!("set the clocks of this machine and of the one that records: {SYNCHRONISE}"),
            );
        }
    }
    match output("timedatectl", &["show", "--property=NTPSynchronized", "--value"]).as_deref().map(str::trim) {
        Some("no") => advice(Subject::Clock, "it is not synchronised with a time server", SYNCHRONISE),
        Some("yes") => good(Subject::Clock, "synchronised with a time server"),
        _ => good(Subject::Clock, "agrees with the recordings"),
    }
}

/// The file of a folder, not below it, that is dated last.
fn latest(folder: &Path) -> Option<(PathBuf, SystemTime)> {
    let entries = std::fs::read_dir(folder).ok()?.flatten().take(FILES);
    entries.filter_map(|entry| Some((entry.path(), entry.metadata().ok()?.modified().ok()?))).max_by_key(|(_, at)| *at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::doctor::CheckState;

    #[test]
    fn a_recording_from_the_future_tells_that_two_clocks_disagree() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = std::fs::File::create(folder.path().join("a.wav")).expect("create");
        assert_ne!(clock(&[folder.path().into()]).state, CheckState::Bad);
        file.set_modified(SystemTime::now() + Duration::from_hours(1)).expect("set");
        let check = clock(&[folder.path().into()]);
        assert!(check.state == CheckState::Bad && check.found.contains("a.wav"), "{check:?}");
    }
}
