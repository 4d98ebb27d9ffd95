//! The workers: threads that take the most urgent utterance, read its samples from disk and write it down.
//!
//! Without a model they wait and the queue waits with them; a model that appears is loaded without a restart. One model in memory, shared; one
//! thread per inference; nice 19, for the phone comes first.

mod model;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use self::model::Mine;
use super::ahead::Ahead;
use super::govern::Orders;
use super::in_hand::InHand;
use super::partial::{Growing, Reading};
use super::status::{ModelState, Status};
use crate::audio::resample::to_model;
use crate::call::{UtteranceKey, WallTime};
use crate::governor::Step;
use crate::speech::engine::{Engine, EngineError};
use crate::speech::queue::{Queue, Urgency};
use crate::speech::recogniser::{Glance, Hints, Pace, Recogniser, Recognition};
use crate::spool::SpooledLeg;

/// An utterance to be written down.
#[derive(Clone, Debug)]
pub struct Job {
    /// Its row.
    pub utterance: UtteranceKey,
    /// Its leg's samples.
    pub leg: Arc<SpooledLeg>,
    /// First sample.
    pub start: u64,
    /// One past the last.
    pub end: u64,
    /// When it was found, of a live call; when its last word was said, of one that is over.
    pub said: WallTime,
    /// Whether somebody may be watching its call.
    pub live: bool,
}

/// What is in the queue.
pub enum Work {
    /// Speech.
    Utterance(Box<Job>),
    /// Speech of a call that is over, to be read once more; the answer goes to who asks.
    Again(Box<Job>, oneshot::Sender<Written>),
    /// Speech that is not over.
    Growing(Growing),
    /// Speech that may be over.
    Ahead(Growing),
    /// A question whether inference works: a second of silence.
    Probe(oneshot::Sender<Result<Duration, String>>),
}

/// Speech that a worker writes down: an utterance, or what may be one.
enum Stretch {
    Utterance(Box<Job>),
    Ahead(Growing),
}

impl Stretch {
    fn job(&self) -> Option<&Job> {
        match self {
            Self::Utterance(job) => Some(job),
            Self::Ahead(_) => None,
        }
    }

    fn is_live(&self) -> bool {
        self.job().is_none_or(|job| job.live)
    }

    /// Its samples.
    fn place(&self) -> (&SpooledLeg, u64, u64) {
        match self {
            Self::Utterance(job) => (&job.leg, job.start, job.end),
            Self::Ahead(said) => (&said.leg, said.start, said.end),
        }
    }
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
    /// The utterance.
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
    /// Threads.
    pub workers: usize,
    /// Whether to show text of what is still being said.
    pub partial: bool,
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
    /// What was read before it was certain that it was over.
    pub ahead: Ahead,
    /// What they have in hand, for the case that the engine ends the process.
    pub in_hand: InHand,
    settings: RwLock<TranscribeSettings>,
    /// Words to expect, before those of the settings.
    words: RwLock<String>,
    engine: RwLock<Option<Arc<dyn Engine>>>,
    smaller: RwLock<Option<Arc<dyn Engine>>>,
    /// Counts models, so that a worker sees that there is another one.
    generation: AtomicU64,
    done: mpsc::Sender<Done>,
    loading: Mutex<()>,
}

impl Workers {
    /// Makes the shared part; [`Self::start`] makes the threads.
    pub fn new(settings: TranscribeSettings, in_hand: InHand, done: mpsc::Sender<Done>) -> Arc<Self> {
        let status = Status::default();
        status.set(|now| {
            now.wanted.clone_from(&settings.model);
            now.workers = settings.workers;
        });
        Arc::new(Self {
            queue: Arc::default(),
            status,
            orders: Orders::new(settings.workers),
            ahead: Ahead::default(),
            in_hand,
            settings: RwLock::new(settings),
            words: RwLock::default(),
            engine: RwLock::default(),
            smaller: RwLock::default(),
            generation: AtomicU64::new(0),
            done,
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
        let other = old.model != settings.model || old.smaller != settings.smaller || old.models != settings.models;
        *self.settings.write().unwrap_or_else(std::sync::PoisonError::into_inner) = settings;
        if other {
            *self.engine.write().unwrap_or_else(std::sync::PoisonError::into_inner) = None;
            self.status.set(|now| now.model = ModelState::Waiting);
        }
        self.look_at_language();
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// Tells the recogniser of words to expect, from the next utterance on.
    pub fn expect_words(&self, words: String) {
        *self.words.write().unwrap_or_else(std::sync::PoisonError::into_inner) = words;
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// What the recogniser is told of every utterance: the configuration's hints, with the glossary before their prompt.
    fn hints(&self) -> Hints {
        let mut hints = self.settings().hints;
        let words = self.words.read().unwrap_or_else(std::sync::PoisonError::into_inner);
        if !words.is_empty() {
            hints.prompt = Some(hints.prompt.map_or_else(|| words.clone(), |prompt| format!("{words}. {prompt}")));
        }
        hints
    }

    /// Whether there is a model.
    pub fn ready(&self) -> bool {
        self.engine.read().unwrap_or_else(std::sync::PoisonError::into_inner).is_some()
    }

    /// Whether there is time for what may be left out: nothing waits, and a worker has nothing to do.
    pub fn has_time(&self) -> bool {
        self.settings().partial && self.ready() && self.queue.backlog().0 == 0 && self.orders.has_time()
    }

    /// Whether there is time to read what may not be over: no more wait than the workers take next, and nothing is left out. Of more in the queue
    /// larger batches are made, all of which end when their last one does.
    pub fn may_read_ahead(&self) -> bool {
        let plan = self.orders.plan();
        self.ready() && plan.step == Step::Full && self.queue.backlog().0 <= plan.workers
    }

    fn work(&self, number: usize) {
        yield_to_the_phone();
        let mut mine: Option<Mine> = None;
        while !self.queue.is_closed() {
            let generation = self.generation.load(Ordering::Acquire);
            if mine.as_ref().is_none_or(|mine| mine.generation != generation) {
                mine = self.session(generation);
            }
            let Some(mine) = &mut mine else {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            };
            if number >= self.orders.plan().workers {
                std::thread::sleep(Duration::from_millis(100));
                continue;
            }
            let Some((urgency, work)) = self.queue.pop(Duration::from_millis(500)) else { continue };
            let wanted = match work {
                Work::Utterance(job) => self.write_down(urgency, Stretch::Utterance(job), mine),
                Work::Ahead(said) => self.write_down(urgency, Stretch::Ahead(said), mine),
                Work::Again(job, answer) => {
                    let (name, recogniser) = mine.for_text(false);
                    let result = self.read_again(recogniser, &job);
                    self.note(&result);
                    let _ = answer.send(Written { job: *job, result, engine: name.to_string() }); // nobody wants it any more
                    true
                }
                Work::Growing(growing) => {
                    let result = self.orders.while_running(|| {
                        // What is still being said comes again.
                        let sound = read(&growing.leg, growing.start, growing.end).map_err(|_| String::new())?;
                        mine.usual.1.glance(&sound, &growing.begin).map_err(|error| error.to_string())
                    });
                    let glance = result.unwrap_or_else(|problem: String| {
                        log::debug!("partial text of leg {}: {problem}", growing.leg.key);
                        Glance::default()
                    });
                    self.done.blocking_send(Done::Growing(Reading { growing, glance })).is_ok()
                }
                Work::Probe(answer) => {
                    let result = mine.usual.1.recognise(&vec![0.0; 16_000]).map_err(|error| error.to_string());
                    self.note(&result);
                    let _ = answer.send(result.map(|recognition| recognition.took));
                    true
                }
            };
            if !wanted {
                return;
            }
        }
    }

    fn read_again(&self, recogniser: &mut Recogniser, job: &Job) -> Result<Recognition, String> {
        let _held = self.in_hand.hold(job.utterance).map_err(|ends| {
            format!("the process ended {ends} times while an utterance of it was in hand; it is not tried again")
        })?;
        let mut results = self
            .orders
            .while_running(|| self.transcribe(recogniser, [(&*job.leg, job.start, job.end)], Pace::Afterwards));
        results.pop().unwrap_or_else(|| Err("no answer".into()))
    }

    /// Writes speech down, with other speech that waits where the engine gains by that. Whether anybody still wants text.
    fn write_down(&self, urgency: Urgency, first: Stretch, mine: &mut Mine) -> bool {
        let first = match first {
            Stretch::Utterance(job) => {
                if let Some((engine, recognition)) = self.ahead.take(job.leg.key, job.start, job.end) {
                    return self.done.blocking_send(Done::Written(self.written(*job, engine, recognition))).is_ok();
                }
                Stretch::Utterance(job)
            }
            Stretch::Ahead(said) if !self.ahead.begin(said.leg.key, said.start, said.end) => return true,
            ahead @ Stretch::Ahead(_) => ahead,
        };
        let most = self.orders.batch(urgency, mine.usual.1.batch());
        let stretches = self.with_others(urgency, first, most);
        let (name, recogniser) = mine.for_text(self.orders.smaller_model() && stretches.iter().all(Stretch::is_live));
        let jobs = stretches.iter().filter_map(Stretch::job);
        let held: Vec<_> = jobs.map(|job| self.in_hand.hold(job.utterance)).collect();
        let results = if let Some(Err(ends)) = held.first() {
            // Alone, for struck ones come alone.
            vec![Err(format!("the process ended {ends} times while it was in hand; it is not tried again"))]
        } else {
            let pace = if stretches.iter().any(Stretch::is_live) { Pace::Live } else { Pace::Afterwards };
            self.orders.while_running(|| self.transcribe(recogniser, stretches.iter().map(Stretch::place), pace))
        };
        drop(held);
        for (stretch, result) in stretches.into_iter().zip(results) {
            match stretch {
                Stretch::Utterance(job) => {
                    self.note(&result);
                    let written = Written { job: *job, result, engine: name.to_string() };
                    if self.done.blocking_send(Done::Written(written)).is_err() {
                        return false;
                    }
                }
                // What went wrong is said when the utterance itself is read.
                Stretch::Ahead(said) => {
                    let text = result.ok().map(|recognition| (name.to_string(), recognition));
                    self.ahead.end(said.leg.key, said.start, said.end, text);
                }
            }
        }
        true
    }

    /// Speech that is written down together with this: where the engine gains by it, this worker's share of what waits. Only what is as urgent, for all
    /// of a batch ends when its last one does.
    fn with_others(&self, urgency: Urgency, first: Stretch, batch: usize) -> Vec<Stretch> {
        let share = (self.queue.backlog().0 + 1).div_ceil(self.orders.plan().workers);
        // One at which the process has ended goes alone: the others should not end with it again. One that was read ahead has its text.
        let good =
            |job: &Job| self.in_hand.strikes(job.utterance) == 0 && !self.ahead.knows(job.leg.key, job.start, job.end);
        let most = if first.job().is_none_or(good) { batch.min(share) } else { 1 };
        let mut stretches = vec![first];
        while stretches.len() < most {
            let fits = |work: &Work| match work {
                Work::Utterance(other) => good(other),
                Work::Ahead(_) => true,
                _ => false,
            };
            match self.queue.pop_if(urgency, fits) {
                Some(Work::Utterance(other)) => stretches.push(Stretch::Utterance(other)),
                Some(Work::Ahead(said)) => {
                    if self.ahead.begin(said.leg.key, said.start, said.end) {
                        stretches.push(Stretch::Ahead(said));
                    }
                }
                _ => break,
            }
        }
        stretches
    }

    /// Texts of stretches, in their order; fewer when lineside is stopped while no file can be opened. What has no answer waits for the next start.
    fn transcribe<'a>(
        &self,
        recogniser: &mut Recogniser,
        places: impl IntoIterator<Item = (&'a SpooledLeg, u64, u64)>,
        pace: Pace,
    ) -> Vec<Result<Recognition, String>> {
        let mut sounds = Vec::new();
        for (leg, start, end) in places {
            sounds.push(loop {
                match read(leg, start, end) {
                    Err(Unread::OutOfFiles) if self.queue.is_closed() => return Vec::new(),
                    Err(Unread::OutOfFiles) => {
                        metrics::counter!("lineside_out_of_files_total").increment(1);
                        std::thread::sleep(WAIT_FOR_A_FILE);
                    }
                    Err(Unread::Failed(problem)) => break Err(problem),
                    Ok(sound) => break Ok(sound),
                }
            });
        }
        let stretches: Vec<&[f32]> = sounds.iter().flatten().map(Vec::as_slice).collect();
        let mut answers = recogniser.recognise_all(&stretches, pace).into_iter();
        let answer = |sound: Result<Vec<f32>, String>| {
            sound?;
            answers.next().unwrap_or_else(|| Err(EngineError::Inference("no answer".into()))).map_err(|e| e.to_string())
        };
        sounds.into_iter().map(answer).collect()
    }

    /// An utterance whose text was read ahead.
    pub fn written(&self, job: Job, engine: String, recognition: Recognition) -> Written {
        let result = Ok(recognition);
        self.note(&result);
        Written { job, result, engine }
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

/// The phone comes first: whatever else wants the CPU gets it.
fn yield_to_the_phone() {
    if let Err(error) = rustix::process::setpriority_process(Some(rustix::thread::gettid()), 19) {
        log::debug!("speech: priority: {error}");
    }
}

fn wall() -> WallTime {
    WallTime(
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64),
    )
}

/// Pause between two tries to open a file when too many are open.
const WAIT_FOR_A_FILE: Duration = Duration::from_millis(200);

/// Why the sound of a stretch cannot be had.
enum Unread {
    /// Too many files are open: it is tried again.
    OutOfFiles,
    /// Anything else.
    Failed(String),
}

/// A stretch of a leg as the models want it.
fn read(leg: &SpooledLeg, start: u64, end: u64) -> Result<Vec<f32>, Unread> {
    let mut samples = Vec::new();
    let read = leg.reader().and_then(|mut reader| reader.read(start, (end - start) as usize, &mut samples));
    match read {
        Err(error) if error.is_out_of_files() => Err(Unread::OutOfFiles),
        Err(error) => Err(Unread::Failed(error.to_string())),
        Ok(0) => {
            let path = leg.audio().path().display().to_string();
            Err(Unread::Failed(format!("{path}: its samples {start} to {end} are not there any more")))
        }
        Ok(_) => Ok(to_model(&samples, leg.spec.rate_hz)),
    }
}
