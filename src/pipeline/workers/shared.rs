//! State that all workers share: the queue and its jobs, the models, preflights, utterances in flight.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::in_flight::InFlight;
use super::orders::Orders;
use super::partial::{Growing, Reading};
use super::preflight::Preflights;
use super::status::Status;
use crate::call::{LegKey, UtteranceKey, WallTime};
use crate::governor::Step;
use crate::speech::engine::Engine;
use crate::speech::glossary::Glossaries;
use crate::speech::queue::Queue;
use crate::speech::recogniser::{Hints, Recognition};
use crate::speech::vocabulary::Vocabulary;
use crate::spool::SpooledLeg;

/// An utterance to be written down.
#[derive(Clone, Debug)]
pub struct Job {
    /// Row number of the utterance.
    pub utterance: UtteranceKey,
    /// Its leg's samples.
    pub leg: Arc<SpooledLeg>,
    /// Its first sample on the leg.
    pub start: u64,
    /// One past its last sample.
    pub end: u64,
    /// Time at which it was found, in a live call; time of its last word, in a finished one.
    pub said: WallTime,
    /// Whether somebody may be watching its call.
    pub live: bool,
    /// Names that are likely to be said.
    pub vocabulary: Option<Arc<Vocabulary>>,
    /// The campaign of its call: it may have a language of its own.
    pub campaign: Option<Arc<str>>,
}

/// A piece of work in the queue.
pub enum Work {
    /// A finished utterance is to be transcribed.
    Utterance(Box<Job>),
    /// Transcribe an utterance of a finished call again, and answer the requester.
    Retranscribe(Box<Job>, oneshot::Sender<Written>),
    /// Speech that is not over.
    Growing(Growing),
    /// Speech that may be over.
    Preflight(Growing),
    /// A question whether inference works: a second of silence.
    Probe(oneshot::Sender<Result<Duration, String>>),
}

/// A report of the workers to the conductor.
#[derive(Debug)]
pub enum Done {
    /// An utterance has its text.
    Written(Written),
    /// A partial text.
    Growing(Reading),
}

/// The result of an utterance.
#[derive(Debug)]
pub struct Written {
    /// The utterance that was transcribed.
    pub job: Job,
    /// Its text, or why there is none.
    pub result: Result<Recognition, String>,
    /// Engine and model.
    pub engine: String,
}

/// The model, and the rules of its use.
#[derive(Clone, Debug)]
pub struct TranscribeSettings {
    /// Folder of the models.
    pub models: PathBuf,
    /// Name or path of the model.
    pub model: String,
    /// Name or path of a smaller one, for live text when the CPU does not suffice.
    pub smaller: Option<String>,
    /// Name or path of another one, for calls that are transcribed again.
    pub afterwards: Option<String>,
    /// Number of worker threads.
    pub workers: usize,
    /// Whether to show text of what is still being said.
    pub partial: bool,
    /// Language, prompt, preparation of the sound.
    pub hints: Hints,
}

#[cfg(test)]
impl TranscribeSettings {
    /// One worker and no model, for tests that answer in its place.
    pub(crate) fn without_model(models: &std::path::Path) -> Self {
        Self {
            models: models.into(),
            model: "none".into(),
            smaller: None,
            afterwards: None,
            workers: 1,
            partial: false,
            hints: Hints::default(),
        }
    }
}

/// State that all workers share.
pub struct Workers {
    /// The queue of their work.
    pub queue: Arc<Queue<Work>>,
    /// Their state, as others see it.
    pub status: Status,
    /// The governor's orders.
    pub orders: Orders,
    /// Preflights of all legs.
    pub preflight: Preflights,
    /// Utterances in flight, remembered for the case that the engine ends the process.
    pub in_flight: InFlight,
    pub(super) settings: RwLock<TranscribeSettings>,
    /// Words of the trade.
    pub(super) glossaries: RwLock<Arc<Glossaries>>,
    pub(super) engine: RwLock<Option<Arc<dyn Engine>>>,
    pub(super) smaller: RwLock<Option<Arc<dyn Engine>>>,
    pub(super) afterwards: RwLock<Option<Arc<dyn Engine>>>,
    /// Whether the models besides the usual one are there, or cannot be had.
    pub(super) all_loaded: AtomicBool,
    /// Counts models, so that a worker sees that there is another one.
    pub(super) generation: AtomicU64,
    pub(super) done: mpsc::Sender<Done>,
    pub(super) loading: Mutex<()>,
}

impl Workers {
    /// Makes the shared part; `start` makes the threads.
    pub fn new(settings: TranscribeSettings, in_flight: InFlight, done: mpsc::Sender<Done>) -> Arc<Self> {
        let status = Status::default();
        status.set(|now| {
            now.wanted.clone_from(&settings.model);
            now.workers = settings.workers;
        });
        Arc::new(Self {
            queue: Arc::default(),
            status,
            orders: Orders::new(settings.workers),
            preflight: Preflights::default(),
            in_flight,
            settings: RwLock::new(settings),
            glossaries: RwLock::default(),
            engine: RwLock::default(),
            smaller: RwLock::default(),
            afterwards: RwLock::default(),
            all_loaded: AtomicBool::new(false),
            generation: AtomicU64::new(0),
            done,
            loading: Mutex::default(),
        })
    }

    pub(super) fn settings(&self) -> TranscribeSettings {
        self.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Tells the recogniser of the words of the trade, from the next utterance on.
    pub fn take_glossaries(&self, glossaries: Glossaries) {
        *self.glossaries.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Arc::new(glossaries);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Hints for the recogniser with every utterance: those of the configuration, with the glossaries.
    pub(super) fn hints(&self) -> Hints {
        let glossaries = Arc::clone(&self.glossaries.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        Hints { glossaries, ..self.settings().hints }
    }

    /// Whether there is a model.
    pub fn ready(&self) -> bool {
        self.engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).is_some()
    }

    /// Whether the model of calls that are over is there: it is loaded after that of live text.
    pub fn ready_afterwards(&self) -> bool {
        self.ready() && self.all_loaded.load(Ordering::Acquire)
    }

    /// Whether there is time for what may be left out: nothing waits, and a worker has nothing to do.
    pub fn has_time(&self) -> bool {
        self.settings().partial && self.ready() && self.queue.backlog().0 == 0 && self.orders.has_time()
    }

    /// Whether there is time for what nobody waits for: no live text does, and no more than partial text is left out.
    pub fn leaves_time(&self) -> bool {
        self.orders.plan().step <= Step::NoPartialText && self.queue.oldest_live().is_none()
    }

    /// Whether there is time for preflights: the queue is no longer than what the workers take next, and nothing is left out. A longer queue makes
    /// larger batches, and all utterances of a batch end when its last one does.
    pub fn may_preflight(&self) -> bool {
        let plan = self.orders.plan();
        self.ready() && plan.step == Step::Full && self.queue.backlog().0 <= plan.workers
    }

    /// An utterance whose text came from a preflight.
    pub(super) fn written(&self, job: Job, engine: String, recognition: Recognition) -> Written {
        let result = Ok(recognition);
        self.note(&result);
        Written { job, result, engine }
    }

    /// The engine's name and the text of exactly this stretch, once, if a preflight transcribed it.
    pub fn take_preflight(&self, leg: LegKey, start: u64, end: u64) -> Option<(String, Recognition)> {
        let (engine, recognition) = self.preflight.take_read(leg, start, end)?;
        let result = Ok(recognition);
        self.note(&result);
        result.ok().map(|recognition| (engine, recognition))
    }

    pub(super) fn note(&self, result: &Result<Recognition, String>) {
        match result {
            Ok(recognition) => {
                metrics::histogram!("lineside_inference_seconds").record(recognition.took.as_secs_f64());
                self.status.set(|now| {
                    now.last_inference = Some(wall());
                    now.last_inference_ms = Some(recognition.took.as_millis() as i64);
                    now.last_error = None;
                });
            }
            Err(problem) => self.status.set(|now| now.last_error = Some(problem.clone())),
        }
    }
}

fn wall() -> WallTime {
    WallTime(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64),
    )
}
