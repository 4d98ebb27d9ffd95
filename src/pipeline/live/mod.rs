//! The conductor: one task that owns what is known of running calls.
//!
//! A call's way through this folder, in order: `legs.rs`, its legs come, the first of them makes it; `heard.rs`, what the listener finds on
//! them goes to the workers; `words.rs`, text comes back, is read and kept; `time.rs`, nothing more comes and it ends. Beside that way: `call.rs`
//! and `calls.rs` are the memory, `commands.rs` what the API asks for, `private.rs` pauses and corrections (`asked.rs`: of calls to come), `messages.rs` what the feeds hear, `recover.rs` the start.
//!
//! Invariants kept here:
//! - a call is ended (`call_end`) only after its legs are closed, heard to their end, and every utterance has its text (BEY-5);
//! - what a feed hears is what the database holds: events are committed with the rows they tell of;
//! - a call that is heard of again, under its own or a former name, is the same call.

mod asked;
mod call;
mod calls;
mod commands;
mod expected;
mod heard;
mod legs;
mod messages;
mod private;
mod recover;
mod time;
pub(super) mod words;

use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use self::asked::Asked;
pub use self::asked::Wish;
use self::calls::{Calls, Numbers};
pub use self::commands::{Command, Named};
use self::expected::Expected;
use super::clock::StepWatch;
use super::listen::{Assignment, Heard};
use super::partial::Partials;
use super::privacy::{Privacy, PrivacySettings};
use super::transcribe::{Done, Workers};
use super::watching::Watching;
use crate::call::{CallKey, WallTime};
use crate::spool::{Spool, SpoolEvent};
use crate::store::change::Change;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;

/// How often progress is noted and ends are looked for.
const TICK: Duration = Duration::from_millis(250);

/// What the conductor is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The spool, for legs that no row tells of.
    pub spool: Arc<Spool>,
    /// Where new legs are listened to.
    pub listener: std_mpsc::Sender<Assignment>,
    /// Where utterances go.
    pub workers: Arc<Workers>,
    /// How texts are read.
    pub analyser: Arc<std::sync::RwLock<Arc<TextAnalyser>>>,
    /// What is never kept.
    pub privacy: PrivacySettings,
    /// The clock.
    pub now: fn() -> WallTime,
}

/// What the conductor listens to.
pub struct Inputs {
    /// Legs.
    pub spool: mpsc::Receiver<SpoolEvent>,
    /// Utterances.
    pub heard: mpsc::Receiver<Heard>,
    /// Texts.
    pub done: mpsc::Receiver<Done>,
    /// Wishes of the API.
    pub commands: mpsc::Receiver<Command>,
}

/// The conductor.
pub struct Live {
    parts: Parts,
    calls: Calls,
    /// Names given before their call is heard of.
    expected: Expected,
    /// Pauses asked for before their call is heard of.
    asked: Asked,
    next_call: Numbers,
    next_utterance: Numbers,
    /// Until when recordings of a former run may turn up again.
    resume_until: Instant,
    model_was_ready: bool,
    watching: Watching,
    privacy: Privacy,
    partials: Partials,
    clock: StepWatch,
}

impl Live {
    /// Conducts until stopped. What is unfinished then is in the database and goes on at the next start.
    pub async fn run(mut self, mut inputs: Inputs, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                biased;
                Some(event) = inputs.spool.recv() => match event {
                    SpoolEvent::Named(line) => self.named(line).await,
                    SpoolEvent::Left(line) => {
                        self.left(&line);
                        Ok(())
                    }
                    SpoolEvent::Opened(leg) => self.opened(leg).await,
                    SpoolEvent::Closed(leg) => self.closed(&leg).await,
                    SpoolEvent::Dtmf { leg, at_sample, digit } => self.dtmf(leg, at_sample, digit).await,
                },
                Some(heard) = inputs.heard.recv() => self.heard(heard).await,
                Some(done) = inputs.done.recv() => match done {
                    Done::Written(written) => self.written(written).await,
                    Done::Growing(reading) => {
                        self.show_partial(&reading);
                        Ok(())
                    }
                },
                Some(command) = inputs.commands.recv() => self.command(command).await,
                _ = tick.tick() => self.tick().await,
                () = stop.cancelled() => break,
            };
            if let Err(error) = done {
                log::error!("{error}");
            }
        }
        // Legs were closed by their sources before we were stopped: note how far they came.
        inputs.spool.close();
        while let Ok(event) = inputs.spool.try_recv() {
            if let SpoolEvent::Closed(leg) = event {
                let _ = self.closed(&leg).await;
            }
        }
    }

    fn now(&self) -> WallTime {
        (self.parts.now)()
    }

    /// How texts are read at this moment; a reload puts another in its place.
    fn analyser(&self) -> Arc<TextAnalyser> {
        Arc::clone(&self.parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    async fn push(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.parts.store.writer().push(changes).await
    }

    /// Nothing of a call is remembered any more.
    fn forget(&mut self, key: CallKey) {
        if let Some(call) = self.calls.remove(key) {
            for &leg in call.legs.keys() {
                self.parts.workers.ahead.forget(leg);
            }
            self.privacy.over(key, call.legs.into_keys());
        }
    }
}
