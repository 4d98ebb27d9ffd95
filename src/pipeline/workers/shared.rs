//! What all workers share: the queue and what is in it, the models, preflights, what is in flight.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use super::in_flight::InFlight;
use super::orders::Orders;
use super::partial::{Growing, Reading};
use super::preflight::Preflight;
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
    /// One past the last.
    pub end: u64,
    /// When it was found, of a live call; when its last word was said, of one that is over.
    pub said: WallTime,
    /// Whether somebody may be watching its call.
    pub live: bool,
    /// Names that are likely to be said.
    pub vocabulary: Option<Arc<Vocabulary>>,
}

/// What is in the queue.
pub enum Work {
    /// A finished utterance is to be transcribed.
    Utterance(Box<Job>),
    /// Speech of a call that is over, to be read once more; the answer goes to who asks.
    Retranscribe(Box<Job>, oneshot::Sender<Written>),
    /// Speech that is not over.
    Growing(Growing),
    /// Speech that may be over.
    Preflight(Growing),
    /// A question whether inference works: a second of silence.
    Probe(oneshot::Sender<Result<Duration, String>>),
}

/// What the workers tell the conductor.
#[derive(Debug)]
pub enum Done {
    /// An utterance has its text.
    Written(Written),
    /// Some of one that is not over.
    Growing(Reading),
}

/// What became of an utterance.
#[derive(Debug)]
pub struct Written {
    /// The utterance that was transcribed.
    pub job: Job,
    /// Its text, or why there is none.
    pub result: Result<Recognition, String>,
    /// Engine and model.
    pub engine: String,
}

/// Which model, and how to use it.
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

/// What all workers share.
pub struct Workers {
    /// What they take their work from.
    pub queue: Arc<Queue<Work>>,
    /// How they are doing.
    pub status: Status,
    /// What the governor allows.
    pub orders: Orders,
    /// What was read before it was certain that it was over.
    pub preflight: Preflight,
    /// What is in flight, for the case that the engine ends the process.
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
            preflight: Preflight::default(),
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

    /// What the recogniser is told of every utterance: the configuration's hints, with the glossaries.
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

    /// Whether there is time to read what may not be over: no more wait than the workers take next, and nothing is left out. Of more in the queue
    /// larger batches are made, all of which end when their last one does.
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

    /// Engine and text of exactly this stretch, once, if it was read ahead.
    pub fn take_read_ahead(&self, leg: LegKey, start: u64, end: u64) -> Option<(String, Recognition)> {
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
