//! The simulated day's world around the core: a clock, a store, a listener and workers as plain memory, that look up and carry out as the shell does.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::super::conductor::Conductor;
use super::super::effect::{Answer, Effect};
use super::super::event::{Event, Facts, Now, Preflight, Question};
use super::super::privacy::PrivacySettings;
use super::super::recover::Undone;
use super::dice::Dice;
use super::listener::Ear;
use super::rows::Rows;
use super::sound::{LATE_MS, Sound};
use super::voices::Voices;
use crate::call::{BootClock, Hear, LegKey, Moment, Source, WallTime};
use crate::governor::Governor;
use crate::pipeline::command::Pausing;
use crate::pipeline::live::keys::PauseKeys;
use crate::pipeline::workers::Job;
use crate::pipeline::workers::partial::Growing;
use crate::speech::engine::Piece;
use crate::speech::recogniser::Recognition;
use crate::spool::Line;
use crate::text::{LexiconKind, TextAnalyser};

impl Question {
    fn asks_the_database(&self) -> bool {
        matches!(self, Self::Call(_) | Self::Past(_) | Self::HeardTo(_) | Self::Silences(_))
    }
}

/// The machine is booted once that day.
const BOOT: &str = "that day's";

/// Why the process of now does not go on.
pub struct Crash;

/// What comes at a time of its own. What has a number of a process comes only while that process lives.
pub enum Act {
    /// The conductor's clock.
    Tick(u32),
    /// The listener comes by.
    Hear(u32, usize),
    /// A worker has read an utterance.
    Text(u32, Box<Job>),
    /// A worker has read some of what is being said.
    Glance(u32, Growing),
    /// Somebody connects, and says whose sound comes.
    Connect(Arc<Line>),
    /// A leg begins, or a recording turns up again.
    Open(usize),
    /// A recording that was finished grows again.
    ComeBack(usize),
    /// A leg's source closes it.
    Close(usize),
    /// Somebody asks for something; tried again when the database does not answer.
    Ask(Ask),
    /// Somebody sets the wall clock, by so many milliseconds.
    Clock(i64),
    /// The disk takes nothing for so many milliseconds.
    DiskFull(u64),
    /// The database answers nothing for so many milliseconds.
    NoAnswers(u64),
    /// The process is killed.
    Kill,
    /// There is a model.
    ModelReady,
}

/// A request that can be made twice.
#[derive(Clone, Debug)]
pub enum Ask {
    Name { call: String, uniqueid: String },
    Pause { name: String, pausing: Pausing },
    Hangup { call: String },
}

/// How bad the day is.
#[derive(Clone, Copy)]
pub struct Faults {
    /// Probability of a crash with each event.
    pub crash: f64,
    /// How long a worker takes at most, milliseconds.
    pub slowest_ms: u64,
    /// Probability that a worker fails.
    pub fails: f64,
}

/// What was seen of a pause that somebody asked for.
pub struct Pause {
    /// The name under which it was asked for.
    pub name: String,
    pub from_ms: u64,
    /// `None` while it lasts.
    pub to_ms: Option<u64>,
}

pub struct World {
    /// Whether to print what happens.
    pub trace: bool,
    pub dice: Dice,
    pub rows: Rows,
    pub core: Conductor,
    pub sounds: Vec<Sound>,
    pub voices: Vec<Voices>,
    pub faults: Faults,
    pub lines: HashMap<String, Arc<Line>>,
    pub pauses: Vec<Pause>,
    /// Calls that became one while both were known: their names, and when.
    pub merges: Vec<(String, String, u64)>,
    /// Events taken, and faults that befell.
    pub events: u64,
    pub befallen: u64,
    analyser: Arc<TextAnalyser>,
    base: Instant,
    /// Milliseconds of the day, by the clock that never jumps.
    pub at_ms: u64,
    /// What the wall clock shows at its beginning.
    pub wall_ms: i64,
    pub model_ready: bool,
    pub agenda: BTreeMap<(u64, u64), Act>,
    number: u64,
    /// Which process it is.
    pub process: u32,
    /// When processes were killed.
    pub crashes: Vec<u64>,
    pub ears: Vec<Option<Ear>>,
    pub preflights: HashMap<LegKey, (u64, u64)>,
    pub full_until_ms: u64,
    pub silent_until_ms: u64,
}

/// Nothing is redacted: texts are looked for as they were said.
pub fn settings() -> PrivacySettings {
    PrivacySettings { redact: false, keys: PauseKeys::default(), cache: "/nowhere".into() }
}

impl World {
    pub fn new(seed: u64, faults: Faults, analyser: &Arc<TextAnalyser>) -> Self {
        let base = Instant::now();
        let at = Moment { steady: base, wall: WallTime(1_795_000_000_000) };
        let plan = Governor::new(2).plan();
        let now = Now { at, model_ready: true, plan, analyser: Arc::clone(analyser) };
        let clock = BootClock { boot: BOOT.into(), ahead_ms: at.wall.0 };
        let undone = Undone { clock: (Some(clock), None), ..Undone::default() };
        let (core, effects) = Conductor::recover(undone, settings(), Hear::Best, &now);
        let mut world = Self {
            trace: false,
            dice: Dice(seed),
            rows: Rows::default(),
            core,
            sounds: Vec::new(),
            voices: Vec::new(),
            faults,
            lines: HashMap::new(),
            pauses: Vec::new(),
            merges: Vec::new(),
            events: 0,
            befallen: 0,
            analyser: Arc::clone(analyser),
            base,
            at_ms: 0,
            wall_ms: at.wall.0,
            model_ready: true,
            agenda: BTreeMap::new(),
            number: 0,
            process: 0,
            crashes: Vec::new(),
            ears: Vec::new(),
            preflights: HashMap::new(),
            full_until_ms: 0,
            silent_until_ms: 0,
        };
        for effect in effects {
            world.carry_out(effect);
        }
        world.plan(250, Act::Tick(0));
        world
    }

    pub fn analyser() -> Arc<TextAnalyser> {
        Arc::new(TextAnalyser::new(LexiconKind::Vader, &[]))
    }

    /// Puts something on the agenda, so many milliseconds from now.
    pub fn plan(&mut self, in_ms: u64, act: Act) {
        self.number += 1;
        self.agenda.insert((self.at_ms + in_ms, self.number), act);
    }

    pub fn moment(&self) -> Moment {
        let steady = self.base + Duration::from_millis(self.at_ms);
        Moment { steady, wall: WallTime(self.wall_ms + self.at_ms as i64) }
    }

    /// How the wall clock stands beside the one that is never set.
    pub fn boot_clock(&self) -> BootClock {
        BootClock { boot: BOOT.into(), ahead_ms: self.wall_ms }
    }

    pub fn now(&self) -> Now {
        let plan = Governor::new(2).plan();
        Now { at: self.moment(), model_ready: self.model_ready, plan, analyser: Arc::clone(&self.analyser) }
    }

    /// Time passes: files grow.
    pub fn pass(&mut self, to_ms: u64) {
        self.at_ms = self.at_ms.max(to_ms);
        let (at_ms, now) = (self.at_ms, self.moment());
        let is_full = at_ms < self.full_until_ms;
        for sound in self.sounds.iter_mut().filter(|sound| sound.spooled.is_some() && !sound.over) {
            let late_ms = self.dice.between(0, LATE_MS);
            // Sound of a connection waits for the disk.
            if sound.is_recorded() || !is_full {
                sound.grow(at_ms, late_ms, now);
            }
        }
        if self.at_ms >= self.full_until_ms && self.dice.chance(0.7) {
            let sets = self.rows.waiting();
            self.rows.commit(sets);
            for sound in self.sounds.iter_mut().filter(|sound| sound.known_ms.is_none()) {
                sound.known_ms = self.rows.legs.contains_key(&sound.key.0).then_some(at_ms);
            }
        }
    }

    /// Does what is next on the agenda; `false` when the day is over.
    pub fn step(&mut self) -> bool {
        let Some(((at_ms, _), act)) = self.agenda.pop_first() else { return false };
        self.pass(at_ms);
        if self.trace {
            eprintln!("{} {act}", self.at_ms);
        }
        if self.act(act).is_err() {
            self.restart();
        }
        true
    }

    /// An event, as the shell takes it.
    pub fn take(&mut self, event: Event) -> Result<(), Crash> {
        self.answer_to(event).map(drop)
    }

    /// The same, with what whoever asked is told; nothing when the database did not answer.
    pub fn answer_to(&mut self, event: Event) -> Result<Option<Answer>, Crash> {
        self.events += 1;
        let mut answer = None;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut facts = Facts::default();
            while let Some(question) = self.core.wants(&event, &facts) {
                if !event.is_waited_for() && question.asks_the_database() && self.at_ms < self.silent_until_ms {
                    // The shell tries again.
                    self.pass(self.silent_until_ms);
                }
                if !self.look_up(question, &mut facts) {
                    return Ok(None);
                }
            }
            let now = self.now();
            for effect in self.core.on(event, facts, &now) {
                if self.trace && !matches!(effect, Effect::Measure(_)) {
                    eprintln!("      {effect:?}");
                }
                if self.dice.chance(self.faults.crash) {
                    return Err(Crash);
                }
                match effect {
                    Effect::Answer(told) => answer = Some(told),
                    Effect::Next(request) => events.push_back(Event::Request(request)),
                    effect => self.carry_out(effect),
                }
            }
        }
        Ok(answer)
    }

    fn look_up(&mut self, question: Question, facts: &mut Facts) -> bool {
        if question.asks_the_database() && self.at_ms < self.silent_until_ms {
            return false;
        }
        match question {
            Question::Committed => {
                self.commit();
                facts.committed = Some(());
            }
            Question::Call(name) => {
                let known = self.rows.call(&name);
                facts.calls.insert(name, known);
            }
            Question::Past(call) => {
                facts.past.insert(call, self.rows.past(call));
            }
            Question::HeardTo(leg) => facts.heard_to = Some(self.rows.heard_to(leg)),
            Question::Silences(leg) => {
                let of_leg = self.rows.silences.iter().filter(|row| row.leg == leg);
                facts.silences = Some(of_leg.cloned().collect());
            }
            Question::TimeForPartial | Question::TimeForPreflight => facts.time = Some(self.model_ready),
            Question::Preflight { leg, start, end } => {
                let read = self.preflights.get(&leg) == Some(&(start, end)) && self.dice.chance(0.7);
                facts.preflight = if read {
                    self.preflights.remove(&leg);
                    Preflight::Read("model".into(), recognition(leg, start))
                } else {
                    Preflight::NotRead
                };
            }
        }
        true
    }

    /// Whoever commits waits for the disk.
    fn commit(&mut self) {
        if self.at_ms < self.full_until_ms {
            self.pass(self.full_until_ms);
        }
        let sets = self.rows.waiting();
        self.rows.commit(sets);
    }

    pub fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Push(changes) => self.rows.push(changes),
            Effect::Commit(changes) => {
                self.rows.push(changes);
                self.commit();
            }
            Effect::StopListening(leg) => {
                for ear in self.ears.iter_mut().flatten().filter(|ear| ear.leg.key == leg) {
                    ear.stop();
                }
            }
            Effect::Listen(leg, from, to) => {
                self.ears.push(Some(Ear::new(leg, from, to)));
                self.plan(50, Act::Hear(self.process, self.ears.len() - 1));
            }
            Effect::Transcribe { job, .. } => {
                let in_ms = self.dice.between(200, self.faults.slowest_ms);
                self.plan(in_ms, Act::Text(self.process, job));
            }
            Effect::Preflight { stretch, .. } => {
                self.preflights.insert(stretch.leg.key, (stretch.start, stretch.end));
            }
            Effect::Partial { stretch, .. } => self.plan(300, Act::Glance(self.process, stretch)),
            Effect::PreflightUnneeded(leg) | Effect::PreflightForgotten(leg) => drop(self.preflights.remove(&leg)),
            Effect::HangUpLeg(leg) => {
                let which = self.sounds.iter().position(|sound| sound.key == leg.key);
                if let Some(which) = which.filter(|&which| self.sounds[which].source == Source::Audiosocket) {
                    // One that has ended already has.
                    self.sounds[which].ends_ms = self.sounds[which].ends_ms.min(self.at_ms);
                    self.plan(20, Act::Close(which));
                }
            }
            _ => {}
        }
    }
}

/// What a model makes of a stretch: a text that no other has.
pub fn recognition(leg: LegKey, start: u64) -> Recognition {
    let text = format!("thank you {}", word(leg, start));
    let piece = Piece { text, start_ms: 0, end_ms: 500, confidence: 0.9, words: Vec::new() };
    Recognition { pieces: vec![piece], language: None, dropped: None, took: Duration::from_millis(300) }
}

/// A leg and a sample in letters.
pub fn word(leg: LegKey, start: u64) -> String {
    format!("{}x{start}", leg.0)
        .chars()
        .map(|c| if c == 'x' { c } else { char::from(b'a' + (c as u8 - b'0')) })
        .collect()
}
