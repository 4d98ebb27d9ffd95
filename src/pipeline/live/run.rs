//! The conductor's task: takes what comes, one after the other, until it is stopped. Around the core it does what the core may not: it asks the
//! clocks and the database (`look_up.rs`), and carries out what the core decides (`carry_out.rs`).

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc as std_mpsc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

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

/// How often the database is asked what a leg's call is, or a pause's, and the time between two tries: nothing is left out because of a moment's trouble.
const TRIES: u32 = 20;
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// How often progress is noted and ends are looked for.
const TICK: Duration = Duration::from_millis(250);

/// The rooms that the conductor talks to.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The spool, for legs that no row tells of.
    pub spool: Arc<Spool>,
    /// Where new legs are listened to.
    pub listener: std_mpsc::Sender<Assignment>,
    /// Where utterances go.
    pub workers: Arc<Workers>,
    /// How texts are analysed.
    pub analyser: Arc<std::sync::RwLock<Arc<TextAnalyser>>>,
    /// Where the names of calls go that are over.
    pub past_names: PastNames,
    /// What is never kept.
    pub privacy: PrivacySettings,
    /// Which of the sources of a call are heard.
    pub hear: Hear,
    /// When calls are transcribed.
    pub modes: ProcessingModes,
    /// The wall clock.
    pub now: fn() -> WallTime,
}

/// What the conductor listens to.
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
    /// Conducts until stopped. What is unfinished then is in the database and goes on at the next start.
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
                // Whoever waits for an answer is told that the database has none, and asks again.
                let tries = if event.is_waited_for() { 1 } else { TRIES };
                self.parts.ask(&question, tries, &mut facts).await?;
            }
            // Only now: looking up may have taken a while, and a pause is reckoned back from here.
            let now = self.parts.now();
            for effect in self.conductor.on(event, facts, &now) {
                events.extend(self.parts.carry_out(effect, &mut reply).await?.map(Event::Request));
            }
        }
        Ok(())
    }
}
