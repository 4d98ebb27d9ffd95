//! Recordings on other servers: the servers, the folders in which recordings grow, and the step from a complete recording to its call.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::answers;
use super::build::Base;
use crate::audio::sound_file::{SoundWriter, blank, is_sealing};
use crate::capture::upload::{Handed, UploadError, Uploads};
use crate::capture::wall_clock;
use crate::config::RemoteSection;
use crate::integrate::dialer::RecordingHost;
use crate::integrate::remote::settings::RemoteSettings;
use crate::integrate::remote::{Keeper, NotTaken, Remotes, WholeRecording, describe_metrics};
use crate::pipeline::fetches::Fetches;
use crate::spool::SpoolError;

/// Requests that may wait; who asks then waits too.
const ASKED: usize = 64;

/// Starts the task that fetches, where there is a server to fetch from.
pub(super) fn start(base: &Base, stop: &CancellationToken) -> (Fetches, Option<JoinHandle<()>>) {
    if base.config.remote.is_empty() {
        return (Fetches::default(), None);
    }
    describe_metrics();
    let (asks, asked) = mpsc::channel(ASKED);
    let uploads = answers::taker(&base.config, &base.spool);
    let remotes = Remotes::new(
        base.config.remote.iter().map(settings).collect(),
        base.store.clone(),
        Keeper {
            folder: base.config.paths.state.join("remote"),
            take: Arc::new(move |whole, stop| take(&uploads, whole, stop)),
            discard: Arc::new(discard),
        },
        wall_clock,
    );
    (Fetches(Some(asks)), Some(tokio::spawn(remotes.run(asked, stop.clone()))))
}

/// The servers that hold the recordings which ViciDial's rows name by these hosts.
pub(super) fn hosts(remotes: &[RemoteSection]) -> Vec<RecordingHost> {
    let of = |section: &RemoteSection| {
        let remote = section.name.clone();
        let host = move |host: &String| RecordingHost { host: host.clone(), remote: remote.clone() };
        section.locations.iter().map(host).collect::<Vec<_>>()
    };
    remotes.iter().flat_map(of).collect()
}

fn settings(section: &RemoteSection) -> RemoteSettings {
    RemoteSettings {
        name: section.name.clone(),
        host: section.host.clone(),
        port: section.port,
        user: section.user.clone(),
        key: section.key_file(),
        agent: section.agent.clone(),
        known_hosts: section.known_hosts.clone(),
        path: section.path.clone(),
        zone: section.time_zone.clone().unwrap_or_else(TimeZone::system),
        at_a_time: section.at_a_time as usize,
        limit_kbit: section.limit_kbit,
        patience: Duration::from_secs(section.timeout_s.into()),
        retry: Duration::from_secs(section.retry_s.into()),
    }
}

/// Makes a recording its call's. Blocks.
fn take(uploads: &Uploads, whole: &WholeRecording, stop: &CancellationToken) -> Result<(), NotTaken> {
    let handed = |path: &Path| Handed {
        path: path.into(),
        extension: whole.extension.clone(),
        call: whole.call.clone(),
        names: whole.names.clone(),
        peer: whole.peer.clone(),
        started: Some(whole.started),
        kept: whole.kept.clone(),
        stop: stop.clone(),
    };
    let taken = |path: &Path| {
        uploads.take(&handed(path)).map_err(|error| match error {
            UploadError::Audio(error) if error.is_out_of_files() => NotTaken::NotNow(error.to_string()),
            UploadError::Audio(error) => NotTaken::NoRecording(error.to_string()),
            UploadError::Spool(error @ (SpoolError::Full | SpoolError::Stopped)) => NotTaken::NotNow(error.to_string()),
            UploadError::Spool(error) if error.is_out_of_files() => NotTaken::NotNow(error.to_string()),
            UploadError::Spool(error) => NotTaken::Refused(error.to_string()),
        })
    };
    if !is_sealing() {
        return taken(&whole.file);
    }
    // sftp writes plain files. From here on its sound is on the disk in the form of all other sound.
    let copy = whole.file.with_extension("sealed");
    let done =
        seal(&whole.file, &copy).map_err(|error| NotTaken::NotNow(error.to_string())).and_then(|()| taken(&copy));
    discard(&copy);
    done
}

/// Overwrites and removes a file, where there is one. Blocks.
fn discard(file: &Path) {
    let gone = blank(file).and_then(|()| std::fs::remove_file(file));
    if let Err(error) = gone.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
    {
        log::error!("remote: {}: it could not be overwritten and removed: {error}; do so by hand", file.display());
    }
}

fn seal(from: &Path, to: &Path) -> io::Result<()> {
    let mut writer = SoundWriter::create(to)?;
    io::copy(&mut BufReader::new(File::open(from)?), &mut writer)?;
    writer.finish()
}
