//! Starts the threads between sound and text, with the channels by which they and the conductor meet.

use std::sync::{Arc, mpsc as std_mpsc};
use std::thread::JoinHandle;

use anyhow::{Context, Result};
use tokio::sync::mpsc;

use super::settings::transcribe_settings;
use crate::capture::wall_clock;
use crate::config::Config;
use crate::pipeline::command::Command;
use crate::pipeline::live::listen::{self, Assignment, VadEvent};
use crate::pipeline::live::past_names::PastNames;
use crate::pipeline::workers::in_flight::InFlight;
use crate::pipeline::workers::{Done, Workers, govern};
use crate::speech::utterance::{Found, Listening};

/// The running listener and workers.
pub(super) struct Speech {
    pub(super) workers: Arc<Workers>,
    pub(super) threads: Vec<JoinHandle<()>>,
    /// The detector of voice activity, and the settings of endpointing.
    pub(super) listening: Listening,
    /// Names of calls that are over.
    pub(super) past_names: PastNames,
    /// Commands to the conductor.
    pub(super) commands: mpsc::Sender<Command>,
}

/// The conductor's ends of the channels.
pub(super) struct Ends {
    pub(super) listener: std_mpsc::Sender<Assignment>,
    pub(super) vad: mpsc::Receiver<VadEvent>,
    pub(super) done: mpsc::Receiver<Done>,
    pub(super) commands: mpsc::Receiver<Command>,
}

/// Starts the threads of speech recognition.
pub(super) fn start(config: &Config) -> Result<(Speech, Ends)> {
    // All channels are bounded: a sender that is faster than its receiver waits. Only capture never waits, because the disk lies between.
    let (done_to, done) = mpsc::channel(1024);
    let (vad_to, vad) = mpsc::channel(4096);
    let (commands_to, commands) = mpsc::channel(256);
    let (listener, assignments) = std_mpsc::channel();

    let in_flight = InFlight::open(&config.paths.state.join("in-hand"));
    let workers = Workers::new(transcribe_settings(config), in_flight, done_to);
    let threads = workers.start().context("start the speech threads")?;
    let listening = config.listening();
    match listening.voice.problem() {
        None => log::info!("voice activity: {:?}", listening.voice),
        Some(problem) => log::warn!("voice activity: {problem}"),
    }
    let of_listener = listening.clone();
    let orders = Arc::clone(&workers);
    let longer = move || orders.orders.longer_utterances();
    let read = Arc::clone(&workers);
    let is_over = move |leg, found: Found| read.preflight.is_over(leg, found.start, found.end);
    std::thread::Builder::new()
        .name("listen".into())
        .spawn(move || listen::run(&assignments, &vad_to, of_listener, longer, is_over))?;
    let (governed, told, limit) = (Arc::clone(&workers), commands_to.clone(), config.limits.cpus);
    std::thread::Builder::new()
        .name("governor".into())
        .spawn(move || govern::run(&governed, &told, limit, wall_clock))?;
    let past_names = PastNames::default();
    let speech = Speech { workers, threads, listening, past_names, commands: commands_to };
    Ok((speech, Ends { listener, vad, done, commands }))
}
