//! `lineside eagi`: the script that Asterisk runs for `EAGI(/usr/bin/lineside,eagi)`.
//!
//! Hands fd 3 over and leaves when the daemon does, when Asterisk sends SIGHUP, or when stdin ends. It must never outlive the call.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use anyhow::Context;
use clap::Args;

use crate::capture::eagi::{EagiHello, hand_over, read_environment};
use crate::config::Config;

#[derive(Args)]
#[command(
    after_help = "In the dialplan: EAGI(/usr/bin/lineside,eagi,leg=caller,campaign=sales); etc/asterisk/lineside-eagi.conf has it ready."
)]
pub(super) struct EagiArguments {
    /// leg=agent|caller|mixed, agent=…, campaign=…, lead=…
    #[arg(value_name = "NAME=VALUE")]
    facts: Vec<String>,
}

pub(super) fn run(arguments: &EagiArguments, config: &Config) -> anyhow::Result<()> {
    let agi = read_environment(BufReader::new(std::io::stdin())).context("read the AGI environment")?;
    let facts: BTreeMap<String, String> = arguments
        .facts
        .iter()
        .filter_map(|fact| fact.split_once('='))
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let hello = EagiHello { agi, arguments: facts, format: std::env::var("EAGI_AUDIO_FORMAT").ok() };
    let pipe =
        File::open("/proc/self/fd/3").context("fd 3 is not there: run this by EAGI() in the dialplan, not by AGI()")?;
    let path = config.paths.run.join("eagi.sock");
    let mut socket =
        UnixStream::connect(&path).with_context(|| format!("{}: is the daemon running?", path.display()))?;
    hand_over(&socket, pipe.as_fd(), &hello).context("hand the audio over")?;
    drop(pipe);
    // SIGHUP, Asterisk's word for a hangup, ends us by its default action. Two more ends are watched: stdin and the daemon.
    std::thread::spawn(|| {
        let mut bytes = [0; 1024];
        let mut stdin = std::io::stdin();
        while matches!(stdin.read(&mut bytes), Ok(got) if got > 0) {}
        std::process::exit(0);
    });
    let mut bytes = [0; 16];
    while matches!(socket.read(&mut bytes), Ok(got) if got > 0) {}
    Ok(())
}
