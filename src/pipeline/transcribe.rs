//! The workers: threads that take the most urgent utterance, read its samples from disk and write it down.
//!
//! Without a model they wait and the queue waits with them; a model that appears is loaded without a restart. One model in memory, shared; one
//! thread per inference; nice 19, for the phone comes first.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use super::govern::Orders;
use super::in_hand::InHand;
use super::status::{ModelState, Status};
use crate::audio::resample::to_model;
use crate::call::{CallKey, UtteranceKey, WallTime};
use crate::speech::engine::{self, Engine, EngineSettings};
use crate::speech::models;
use crate::speech::queue::Queue;
use crate::speech::recogniser::{Hints, Recogniser, Recognition};
use crate::spool::SpooledLeg;

/// How often a missing model is looked for.
const LOOK: Duration = Duration::from_secs(2);

/// An utterance to be written down.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its row.
    pub utterance: UtteranceKey,
    /// Its call.
    pub call: CallKey,
    /// Its leg's samples.
    pub leg: Arc<SpooledLeg>,
    /// First sample.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// Start in the call, milliseconds.
    pub start_ms: i64,
    /// When its last word was said.
    pub said: WallTime,
}

/// What is in the queue.
pub enum Work {
    /// Speech.
    Utterance(Box<Job>),
    /// A question whether inference works: a second of silence.
    Probe(oneshot::Sender<Result<Duration, String>>),
}

/// What became of an utterance.
#[derive(Debug)]
pub struct Written {
    /// The utterance.
    pub job: Box<Job>,
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
    /// Threads.
    pub workers: usize,
    /// Beams.
    pub beam: u32,
    /// Language, prompt, preparation of the sound.
    pub hints: Hints,
}

/// What all workers share.
pub struct Workers {
    /// What they take their work from.
    pub queue: Arc<Queue<Work>>,
    /// How they are doing.
    pub status: Status,
    /// What the governor allows.
    pub orders: Orders,
    /// What they have in hand, for the case that the engine ends the process.
    pub in_hand: InHand,
    settings: RwLock<TranscribeSettings>,
    engine: RwLock<Option<Arc<dyn Engine>>>,
    /// Counts models, so that a worker sees that there is another one.
    generation: AtomicU64,
    written: mpsc::Sender<Written>,
    loading: Mutex<()>,
}

impl Workers {
    /// Makes the shared part; [`Self::start`] makes the threads.
    pub fn new(settings: TranscribeSettings, in_hand: InHand, written: mpsc::Sender<Written>) -> Arc<Self> {
        let status = Status::default();
        status.set(|now| {
            now.wanted.clone_from(&settings.model);
            now.workers = settings.workers;
        });
        Arc::new(Self {
            queue: Arc::default(),
            status,
            orders: Orders::new(settings.workers),
            in_hand,
            settings: RwLock::new(settings),
            engine: RwLock::default(),
            generation: AtomicU64::new(0),
            written,
            loading: Mutex::default(),
        })
    }

    /// Starts the threads: the workers, and one that looks for the model.
    pub fn start(self: &Arc<Self>) -> std::io::Result<Vec<std::thread::JoinHandle<()>>> {
        let mut threads = Vec::new();
        let this = Arc::clone(self);
        threads.push(std::thread::Builder::new().name("model".into()).spawn(move || this.look_for_model())?);
        for number in 0..self.settings().workers {
            let this = Arc::clone(self);
            threads
                .push(std::thread::Builder::new().name(format!("speech-{number}")).spawn(move || this.work(number))?);
        }
        Ok(threads)
    }

    fn settings(&self) -> TranscribeSettings {
        self.settings.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Takes other settings: another model is loaded, the old one serves until it is there.
    pub fn reconfigure(&self, settings: TranscribeSettings) {
        let old = self.settings();
        let other = old.model != settings.model || old.beam != settings.beam || old.models != settings.models;
        *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = settings;
        if other {
            *self.engine.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            self.status.set(|now| now.model = ModelState::Waiting);
        }
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Whether there is a model.
    pub fn ready(&self) -> bool {
        self.engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).is_some()
    }

    fn look_for_model(&self) {
        let mut told = String::new();
        while !self.queue.is_closed() {
            if !self.ready() {
                let problem = self.load().err().unwrap_or_default();
                if problem != told && !problem.is_empty() {
                    log::warn!(
                        "speech: {problem}. Audio and utterances are kept and will be transcribed when there is a model"
                    );
                }
                told = problem;
            }
            let began = Instant::now();
            while began.elapsed() < LOOK && !self.queue.is_closed() {
                std::thread::sleep(Duration::from_millis(100));
            }
        }
    }

    fn load(&self) -> Result<(), String> {
        let _one = self.loading.lock();
        let settings = self.settings();
        let model = models::resolve(&settings.models, &settings.model).map_err(|error| {
            self.status.set(|now| {
                now.model = ModelState::Waiting;
                now.wanted.clone_from(&settings.model);
            });
            error.to_string()
        })?;
        self.status.set(|now| now.model = ModelState::Loading);
        let began = Instant::now();
        let engine = engine::load(&model, &EngineSettings { beam: settings.beam }).map_err(|error| {
            self.status.set(|now| now.model = ModelState::Failed { problem: error.to_string() });
            error.to_string()
        })?;
        log::info!("speech: {} loaded in {} ms", engine.name(), began.elapsed().as_millis());
        let name = engine.name().to_string();
        if model.name == "demo" || model.name == "demo-ct2" {
            log::warn!(
                "speech: this is the demo model: it understands the demo's words and nothing else. `lineside model pull base.en-q8_0`"
            );
        }
        *self.engine.write().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(engine);
        self.generation.fetch_add(1, Ordering::Release);
        self.status.set(|now| now.model = ModelState::Ready { engine: name });
        Ok(())
    }

    fn work(&self, number: usize) {
        // The phone comes first: whatever else wants the CPU gets it.
        if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
            log::debug!("speech: priority: {error}");
        }
        let mut mine: Option<(u64, String, Recogniser)> = None;
        while !self.queue.is_closed() {
            let generation = self.generation.load(Ordering::Acquire);
            if mine.as_ref().is_none_or(|(loaded, ..)| *loaded != generation) {
                mine = self.session(generation);
            }
            let Some((_, name, recogniser)) = &mut mine else {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if number >= self.orders.plan().workers {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            match self.queue.pop(Duration::from_millis(500)) {
                Some(Work::Utterance(job)) => {
                    let result = match self.in_hand.hold(job.utterance) {
                        Ok(_held) => self.orders.while_running(|| transcribe(recogniser, &job)),
                        Err(ends) => {
                            Err(format!("the process ended {ends} times while it was in hand; it is not tried again"))
                        }
                    };
                    self.note(&result);
                    if self.written.blocking_send(Written { job, result, engine: name.clone() }).is_err() {
                        return;
                    }
                }
                Some(Work::Probe(answer)) => {
                    let result = recogniser.recognise(&vec![0.0; 16_000]).map_err(|error| error.to_string());
                    self.note(&result);
                    let _ = answer.send(result.map(|recognition| recognition.took));
                }
                None => {}
            }
        }
    }

    fn session(&self, generation: u64) -> Option<(u64, String, Recogniser)> {
        let engine = self.engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).clone()?;
        match engine.session() {
            Ok(session) => {
                Some((generation, engine.name().to_string(), Recogniser::new(session, self.settings().hints)))
            }
            Err(error) => {
                log::error!("speech: {error}");
                std::thread::sleep(LOOK);
                None
            }
        }
    }

    fn note(&self, result: &Result<Recognition, String>) {
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

fn transcribe(recogniser: &mut Recogniser, job: &Job) -> Result<Recognition, String> {
    let mut samples = Vec::new();
    let length = (job.end - job.start) as usize;
    let got = job
        .leg
        .reader()
        .and_then(|mut reader| reader.read(job.start, length, &mut samples))
        .map_err(|error| error.to_string())?;
    if got == 0 {
        return Err(format!(
            "{}: its samples {} to {} are not there any more",
            job.leg.audio().path().display(),
            job.start,
            job.end
        ));
    }
    recogniser.recognise(&to_model(&samples, job.leg.spec.rate_hz)).map_err(|error| error.to_string())
}
