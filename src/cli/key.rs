//! `lineside key new`, and the keys that other commands read encrypted audio with.

use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};

use crate::audio::sealed::keys::{Key, Keyring, install};
use crate::config::Config;

#[derive(Args)]
pub(super) struct KeyArguments {
    #[command(subcommand)]
    command: KeyCommand,
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Write a new key into a file that only its owner can read; root makes it the daemon's
    New {
        /// A file that is not there yet; `-` for stdout, as for `systemd-creds encrypt`
        file: PathBuf,
    },
}

/// `lineside key …`
pub(super) fn run(arguments: &KeyArguments, state: &Path) -> anyhow::Result<()> {
    let KeyCommand::New { file } = &arguments.command;
    let key = Key::random().context("the system's random numbers")?;
    if file == Path::new("-") {
        return Ok(std::io::stdout().lock().write_all(key.text().as_bytes())?);
    }
    let what = || format!("{}; a key that is there already is never overwritten", file.display());
    let mut out = std::fs::File::options().create_new(true).write(true).mode(0o600).open(file).with_context(what)?;
    // The daemon has to read it, and it is not root.
    if rustix::process::geteuid().is_root()
        && let Ok(state) = std::fs::metadata(state)
    {
        fchown(&out, Some(state.uid()), Some(state.gid())).with_context(what)?;
    }
    out.write_all(key.text().as_bytes()).and_then(|()| out.sync_all()).with_context(what)?;
    eprintln!(
        "{}: the key {}. Keep a copy where no backup of lineside is: without it the audio is lost",
        file.display(),
        key.id()
    );
    Ok(())
}

/// Gives this process the keys of the configuration, as far as they can be read here.
pub(super) fn take_keys(config: &Config) {
    let load = |name: &String| Key::load(name).inspect_err(|error| eprintln!("lineside: {error}")).ok();
    let old = config.privacy.old_audio_keys.iter().filter_map(load).collect();
    install(Keyring::new(config.privacy.audio_key.as_ref().and_then(load), old));
}
