//! The conductor's task: takes events one after the other until it is stopped. It does for the core what the core may not do: it reads the clocks and
//! the database (`look_up.rs`), and carries out the effects (`carry_out.rs`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::calls::RowNumbers;
use super::conductor::Conductor;
use super::event::{Event, Facts, Now, Question};
use super::listen::{Assignment, VadEvent};
use super::past_names::PastNames;
use super::privacy::PrivacySettings;
use super::reply::Reply;
use crate::call::{Hear, Moment, ProcessingModes, WallTime};
use crate::pipeline::command::Command;
use crate::pipeline::workers::{Done, Workers};
use crate::spool::{Spool, SpoolEvent};
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;

/// Number of questions to the database about the call of a leg or a pause, and the time between two of them: a short failure must not lose either.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Interval in which progress is noted and ends are looked for.
const TICK: Duration = Duration::from_millis(250);

/// The rooms that the conductor talks to.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The spool, for legs without a row.
    pub spool: Arc<Spool>,
    /// Orders for the listener.
    pub listener: std_mpsc::Sender<Assignment>,
    /// The workers that take utterances.
    pub workers: Arc<Workers>,
    /// The analyser of texts.
    pub analyser: Arc<std::sync::RwLock<Arc<TextAnalyser>>>,
    /// The store of names of finished calls.
    pub past_names: PastNames,
    /// The settings of `[privacy]`.
    pub privacy: PrivacySettings,
    /// The setting `[sources] hear`.
    pub hear: Hear,
    /// Modes of processing: live, after the call, or both.
    pub modes: ProcessingModes,
    /// The wall clock.
    pub now: fn() -> WallTime,
}

/// The channels that the conductor receives from.
pub struct Inputs {
    /// Legs.
    pub spool: mpsc::Receiver<SpoolEvent>,
    /// Utterances.
    pub vad: mpsc::Receiver<VadEvent>,
    /// Texts.
    pub done: mpsc::Receiver<Done>,
    /// Requests of the API.
    pub commands: mpsc::Receiver<Command>,
}

/// The conductor, joined to the rooms that it talks to.
pub struct Live {
    pub(super) parts: Parts,
    pub(super) conductor: Conductor,
}

impl Parts {
    /// This moment, and what holds now.
    pub(super) fn now(&self) -> Now {
        Now {
            at: Moment::now((self.now)()),
            model_ready: self.workers.ready(),
            plan: self.workers.orders.plan(),
            analyser: Arc::clone(&self.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner)),
        }
    }
}

impl Parts {
    /// Finds out what the core has to know, and tries again where the database does not answer.
    async fn ask(&self, question: &Question, tries: u32, facts: &mut Facts) -> Result<(), StoreError> {
        for _ in 1..tries {
            match self.look_up(question.clone(), facts).await {
                Ok(()) => return Ok(()),
                Err(error) => log::error!("{error}; asked again"),
            }
            tokio::time::sleep(TRY_AGAIN).await;
        }
        self.look_up(question.clone(), facts).await
    }
}

impl Live {
    /// The row numbers of utterances, for those who find some in a call that is over.
    pub fn utterance_numbers(&self) -> RowNumbers {
        self.conductor.next_utterance.clone()
    }

    /// Conducts until it is stopped. Unfinished work is in the database and continues at the next start.
    pub async fn run(mut self, mut inputs: Inputs, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let (event, reply) = tokio::select! {
                biased;
                Some(event) = inputs.spool.recv() => (Event::Spool(event), Reply::Nobody),
                Some(event) = inputs.vad.recv() => (Event::Vad(event), Reply::Nobody),
                Some(done) = inputs.done.recv() => (Event::Done(done), Reply::Nobody),
                Some(command) = inputs.commands.recv() => {
                    let (request, reply) = Reply::split(command);
                    (Event::Request(request), reply)
                }
                _ = tick.tick() => (Event::Tick, Reply::Nobody),
                () = stop.cancelled() => break,
            };
            if let Err(error) = self.handle(event, reply).await {
                log::error!("{error}");
            }
        }
        // Legs were closed by their sources before we were stopped: note how far they came.
        inputs.spool.close();
        while let Ok(event) = inputs.spool.try_recv() {
            if matches!(event, SpoolEvent::Closed(_)) {
                let _ = self.handle(Event::Spool(event), Reply::Nobody).await; // what is missing is recovered
            }
        }
    }

    /// An event, and what follows from it, to the end.
    pub(super) async fn handle(&mut self, event: Event, mut reply: Reply) -> Result<(), StoreError> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut facts = Facts::default();
            while let Some(question) = self.conductor.wants(&event, &facts) {
                // A requester that waits for its answer is told that the database failed, and asks again.
                let tries = if event.is_waited_for() { 1 } else { TRIES };
                self.parts.ask(&question, tries, &mut facts).await?;
            }
            // The clock is read only now: looking up may take a while, and a pause is counted back from here.
            let now = self.parts.now();
            for effect in self.conductor.on(event, facts, &now) {
                events.extend(self.parts.carry_out(effect, &mut reply).await?.map(Event::Request));
            }
        }
        Ok(())
    }
}
