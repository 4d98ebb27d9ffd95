//! The workers: threads that take the most urgent utterance, read its samples from disk and transcribe it.
//!
//! Without a model they wait, and so does the queue; a model that appears is loaded without a restart. One model in memory is shared. Each inference
//! runs on one thread, which gives way to the phone (`priority.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::model::Mine;
use super::partial::{Growing, Reading};
use super::shared::{Done, Job, Work, Workers, Written};
use crate::audio::resample::to_model;
use crate::speech::engine::EngineError;
use crate::speech::queue::Urgency;
use crate::speech::recogniser::{Glance, Pace, Recogniser, Recognition, SpeechSound};
use crate::speech::vocabulary::Vocabulary;
use crate::spool::SpooledLeg;

/// Speech that a worker writes down: an utterance, or what may be one.
enum Stretch {
    Utterance(Box<Job>),
    Preflight(Growing),
}

impl Stretch {
    fn job(&self) -> Option<&Job> {
        match self {
            Self::Utterance(job) => Some(job),
            Self::Preflight(_) => None,
        }
    }

    fn is_live(&self) -> bool {
        self.job().is_none_or(|job| job.live)
    }

    /// Place of its audio, and the hints for it.
    fn place(&self) -> Place<'_> {
        match self {
            Self::Utterance(job) => Place::of(job),
            Self::Preflight(said) => Place {
                leg: &said.leg,
                start: said.start,
                end: said.end,
                vocabulary: said.vocabulary.as_deref(),
                campaign: said.campaign.as_deref(),
            },
        }
    }
}

/// Speech on a leg, the names that are likely to be said there, and the campaign of its call.
struct Place<'a> {
    leg: &'a SpooledLeg,
    start: u64,
    /// One past its last sample.
    end: u64,
    vocabulary: Option<&'a Vocabulary>,
    campaign: Option<&'a str>,
}

impl<'a> Place<'a> {
    fn of(job: &'a Job) -> Self {
        Self {
            leg: &job.leg,
            start: job.start,
            end: job.end,
            vocabulary: job.vocabulary.as_deref(),
            campaign: job.campaign.as_deref(),
        }
    }
}

impl Workers {
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

    fn work(&self, number: usize) {
        crate::priority::live_text();
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
                Work::Preflight(said) => self.write_down(urgency, Stretch::Preflight(said), mine),
                Work::Retranscribe(job, answer) => {
                    // Its model may have come while this worker waited for work.
                    let generation = self.generation.load(Ordering::Acquire);
                    if mine.generation != generation
                        && let Some(fresh) = self.session(generation)
                    {
                        *mine = fresh;
                    }
                    let (name, recogniser) = mine.for_calls_of_before();
                    let result = self.retranscribe(recogniser, &job);
                    self.note(&result);
                    let _ = answer.send(Written { job: *job, result, engine: name.to_string() }); // nobody wants it any more
                    true
                }
                Work::Growing(growing) => {
                    let result = self.orders.while_running(|| {
                        // A failed partial text is no loss: speech that goes on is transcribed again.
                        let sound = read(&growing.leg, growing.start, growing.end).map_err(|_| String::new())?;
                        let campaign = growing.campaign.as_deref();
                        let sound = SpeechSound { samples: &sound, vocabulary: None, campaign };
                        mine.usual.1.glance(sound, &growing.begin).map_err(|error| error.to_string())
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

    fn retranscribe(&self, recogniser: &mut Recogniser, job: &Job) -> Result<Recognition, String> {
        let _held = self.in_flight.hold(job.utterance).map_err(|ends| {
            format!("the process ended {ends} times while an utterance of it was in flight; it is not tried again")
        })?;
        let mut results = self.orders.while_running(|| self.transcribe(recogniser, [Place::of(job)], Pace::Afterwards));
        results.pop().unwrap_or_else(|| Err("no answer".into()))
    }

    /// Writes speech down, with other speech that waits where the engine gains by that. Whether anybody still wants text.
    fn write_down(&self, urgency: Urgency, first: Stretch, mine: &mut Mine) -> bool {
        let first = match first {
            Stretch::Utterance(job) => {
                if let Some((engine, recognition)) = self.preflight.take(job.leg.key, job.start, job.end) {
                    return self.done.blocking_send(Done::Written(self.written(*job, engine, recognition))).is_ok();
                }
                Stretch::Utterance(job)
            }
            Stretch::Preflight(said) if !self.preflight.begin(said.leg.key, said.start, said.end) => return true,
            wanted @ Stretch::Preflight(_) => wanted,
        };
        let most = self.orders.batch(urgency, mine.usual.1.batch());
        let stretches = self.with_others(urgency, first, most);
        let (name, recogniser) = mine.for_text(self.orders.smaller_model() && stretches.iter().all(Stretch::is_live));
        let jobs = stretches.iter().filter_map(Stretch::job);
        let held: Vec<_> = jobs.map(|job| self.in_flight.hold(job.utterance)).collect();
        let results = if let Some(Err(ends)) = held.first() {
            // Alone, for struck ones come alone.
            vec![Err(format!("the process ended {ends} times while it was in flight; it is not tried again"))]
        } else {
            let pace = self.pace(stretches.iter().any(Stretch::is_live));
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
                // A failure is reported when the utterance itself is transcribed.
                Stretch::Preflight(said) => {
                    let text = result.ok().map(|recognition| (name.to_string(), recognition));
                    self.preflight.end(said.leg.key, said.start, said.end, text);
                }
            }
        }
        true
    }

    /// The pace of a batch. Live text hurries while more live text waits than the workers take next; what nobody waits for hurries nothing.
    fn pace(&self, is_live: bool) -> Pace {
        if !is_live {
            return Pace::Afterwards;
        }
        if self.queue.waiting(Urgency::Live) > self.orders.plan().workers { Pace::Hurried } else { Pace::Live }
    }

    /// Speech that is written down together with this: where the engine gains by it, this worker's share of what waits. Only what is as urgent, for all
    /// of a batch ends when its last one does.
    fn with_others(&self, urgency: Urgency, first: Stretch, batch: usize) -> Vec<Stretch> {
        let share = (self.queue.backlog().0 + 1).div_ceil(self.orders.plan().workers);
        // An utterance at which the process has ended goes alone, so that others do not end with it. One with a preflight has its text.
        let good = |job: &Job| {
            self.in_flight.strikes(job.utterance) == 0 && !self.preflight.knows(job.leg.key, job.start, job.end)
        };
        let most = if first.job().is_none_or(good) { batch.min(share) } else { 1 };
        let mut stretches = vec![first];
        while stretches.len() < most {
            let fits = |work: &Work| match work {
                Work::Utterance(other) => good(other),
                Work::Preflight(_) => true,
                _ => false,
            };
            match self.queue.pop_if(urgency, fits) {
                Some(Work::Utterance(other)) => stretches.push(Stretch::Utterance(other)),
                Some(Work::Preflight(said)) => {
                    if self.preflight.begin(said.leg.key, said.start, said.end) {
                        stretches.push(Stretch::Preflight(said));
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
        places: impl IntoIterator<Item = Place<'a>>,
        pace: Pace,
    ) -> Vec<Result<Recognition, String>> {
        let (mut sounds, mut expected) = (Vec::new(), Vec::new());
        for Place { leg, start, end, vocabulary, campaign } in places {
            expected.push((vocabulary, campaign));
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
        let whole = sounds.iter().zip(expected).filter_map(|(sound, expected)| Some((sound.as_ref().ok()?, expected)));
        let stretches: Vec<SpeechSound> =
            whole.map(|(samples, (vocabulary, campaign))| SpeechSound { samples, vocabulary, campaign }).collect();
        let mut answers = recogniser.recognise_all(&stretches, pace).into_iter();
        let answer = |sound: Result<Vec<f32>, String>| {
            sound?;
            answers.next().unwrap_or_else(|| Err(EngineError::Inference("no answer".into()))).map_err(|e| e.to_string())
        };
        sounds.into_iter().map(answer).collect()
    }
}

/// Pause between two tries to open a file when too many are open.
const WAIT_FOR_A_FILE: Duration = Duration::from_millis(200);

/// Reason why a stretch's audio cannot be read.
enum Unread {
    /// Too many files are open: the worker tries again.
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
