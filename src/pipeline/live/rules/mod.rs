//! The conductor's rules, each as a sentence: the core alone, with a clock that the test sets and rows in plain memory.

mod calls;
mod merging;
mod pauses;
mod sources;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::conductor::Conductor;
use super::effect::{Answer, Effect};
use super::event::{Event, Facts, Now, Preflight, Question, Request};
use super::keys::PauseKeys;
use super::listen::VadEvent;
use super::privacy::PrivacySettings;
use super::recover::{Undone, UndoneCall, UndoneLeg};
use super::simulation::rows::Rows;
use crate::call::{BootClock, CallId, CallKey, CallNames, CallState, Hear, Leg, LegKey, Moment, Source, WallTime};
use crate::contract::message::Message;
use crate::governor::Governor;
use crate::pipeline::command::{Pausing, Wish};
use crate::pipeline::workers::{Done, Job, Written};
use crate::speech::engine::Piece;
use crate::speech::recogniser::Recognition;
use crate::speech::utterance::Found;
use crate::speech::vocabulary::Vocabulary;
use crate::spool::{LegAudio, LegSpec, SpoolEvent, SpooledLeg};
use crate::store::change::Change;
use crate::store::recovery::{OpenCall, OpenLeg};
use crate::text::{LexiconKind, TextAnalyser};

/// Legs with these numbers hold both voices.
pub(super) const MIX: i64 = 100;

/// The core, and its decisions so far.
pub(super) struct Desk {
    pub core: Conductor,
    pub now: Now,
    /// Milliseconds by which somebody has set the wall clock in all.
    stepped_ms: i64,
    pub rows: Rows,
    /// Utterances that workers were given.
    pub jobs: VecDeque<Job>,
    /// Legs that the listener was given, and from which sample on.
    pub listened: Vec<(LegKey, u64)>,
    /// Legs that are listened to, and to before which sample.
    ears: Vec<(Arc<SpooledLeg>, Option<u64>)>,
    /// Names of calls that are over.
    pub past_names: Vec<(CallKey, Arc<Vocabulary>)>,
    /// Legs of which stretches were overwritten.
    pub overwritten: Vec<LegKey>,
    /// Rules that fired, one after the other.
    pub alerts: Vec<String>,
    /// Legs that the listener was told to leave.
    stopped: Vec<LegKey>,
    /// Texts of preflights.
    pub preflight: Option<Recognition>,
    settings: PrivacySettings,
}

/// The clocks after steps of the wall clock by so much in all.
fn boot_clock(stepped_ms: i64) -> BootClock {
    BootClock { boot: "the only one".into(), ahead_ms: stepped_ms }
}

pub(super) fn recognised(text: &str) -> Recognition {
    let piece = Piece { text: text.into(), start_ms: 0, end_ms: 500, confidence: 0.9, words: Vec::new() };
    Recognition { pieces: vec![piece], language: None, dropped: None, took: Duration::ZERO }
}

impl Desk {
    /// A desk at which texts are kept as they were said.
    pub fn new() -> Self {
        Self::with(false)
    }

    /// A desk that redacts numbers.
    pub fn redacting() -> Self {
        Self::with(true)
    }

    fn with(redact: bool) -> Self {
        let keys = PauseKeys { pause: "*71".into(), resume: "*72".into() };
        let settings = PrivacySettings { redact, keys, cache: "/nowhere".into() };
        let analyser = Arc::new(TextAnalyser::new(LexiconKind::Vader, &[]));
        let at = Moment { steady: Instant::now(), wall: WallTime(1_000_000) };
        let now = Now { at, model_ready: true, plan: Governor::new(2).plan(), analyser };
        let undone = Undone { clock: (Some(boot_clock(0)), None), ..Undone::default() };
        let (core, effects) = Conductor::recover(undone, settings.clone(), Hear::Best, &now);
        let (jobs, listened) = (VecDeque::new(), Vec::new());
        let (ears, stopped) = (Vec::new(), Vec::new());
        let mut desk = Self {
            core,
            now,
            stepped_ms: 0,
            rows: Rows::default(),
            jobs,
            listened,
            ears,
            past_names: Vec::new(),
            overwritten: Vec::new(),
            alerts: Vec::new(),
            stopped,
            preflight: None,
            settings,
        };
        for effect in effects {
            desk.carry_out(effect);
        }
        desk
    }

    /// Time passes, and the conductor's clock ticks.
    pub fn after(&mut self, ms: u64) {
        let Moment { steady, wall } = self.now.at;
        self.now.at = Moment { steady: steady + Duration::from_millis(ms), wall: WallTime(wall.0 + ms as i64) };
        self.on(Event::Tick);
        self.listen();
    }

    /// Somebody sets the wall clock.
    pub fn step(&mut self, ms: i64) {
        self.now.at.wall.0 += ms;
        self.stepped_ms += ms;
    }

    pub fn on(&mut self, event: Event) -> Option<Answer> {
        let mut answer = None;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let mut facts = Facts::default();
            while let Some(question) = self.core.wants(&event, &facts) {
                self.look_up(question, &mut facts);
            }
            for effect in self.core.on(event, facts, &self.now) {
                match effect {
                    Effect::Answer(told) => answer = Some(told),
                    Effect::Next(request) => events.push_back(Event::Request(request)),
                    effect => self.carry_out(effect),
                }
            }
        }
        answer
    }

    fn look_up(&mut self, question: Question, facts: &mut Facts) {
        match question {
            Question::Committed => facts.committed = Some(()),
            Question::Call(name) => drop(facts.calls.insert(name.clone(), self.rows.call(&name))),
            Question::Past(call) => drop(facts.past.insert(call, self.rows.past(call))),
            Question::HeardTo(leg) => facts.heard_to = Some(self.rows.heard_to(leg)),
            Question::Silences(leg) => {
                facts.silences = Some(self.rows.silences.iter().filter(|row| row.leg == leg).cloned().collect());
            }
            Question::TimeForPartial | Question::TimeForPreflight => facts.time = Some(false),
            Question::Preflight { .. } => {
                let read = self.preflight.take();
                facts.preflight = read.map_or(Preflight::NotRead, |text| Preflight::Read("model".into(), text));
            }
        }
    }

    fn carry_out(&mut self, effect: Effect) {
        match effect {
            Effect::Push(changes) | Effect::Commit(changes) => {
                for change in &changes {
                    if let Change::AlertRaised(new) = change {
                        self.alerts.extend(new.alert.rule_names().into_iter().map(str::to_owned));
                    }
                }
                self.rows.push(changes);
                self.rows.commit(1);
            }
            Effect::Listen(leg, from, to) => {
                self.listened.push((leg.key, from));
                self.ears.retain(|(other, _)| other.key != leg.key);
                self.ears.push((leg, to));
            }
            Effect::StopListening(leg) => self.stopped.push(leg),
            Effect::Transcribe { job, .. } => self.jobs.push_back(*job),
            Effect::Overwrite(leg, _) => self.overwritten.push(leg.key),
            Effect::NamesStay(call, names) => self.past_names.push((call, names)),
            Effect::NamesGone(call) => self.past_names.retain(|(other, _)| *other != call),
            _ => {}
        }
    }

    pub fn ask(&mut self, request: Request) -> Option<Answer> {
        self.on(Event::Request(request))
    }

    /// A leg begins now.
    pub fn open(&mut self, key: i64, call: &str, source: Source) -> Arc<SpooledLeg> {
        self.open_since(key, call, source, self.now.wall())
    }

    /// A leg whose first sample was heard at `started` is there.
    pub fn open_since(&mut self, key: i64, call: &str, source: Source, started: WallTime) -> Arc<SpooledLeg> {
        let leg = Self::leg(key, call, source, started);
        self.on(Event::Spool(SpoolEvent::Opened(Arc::clone(&leg))));
        leg
    }

    /// The leg of a connection that began at that moment and had to wait for the disk until now.
    pub fn open_late(&mut self, key: i64, call: &str, began: Moment) -> Arc<SpooledLeg> {
        let leg = Self::leg(key, call, Source::Audiosocket, began.wall);
        leg.live_grew_to(0, began);
        self.on(Event::Spool(SpoolEvent::Opened(Arc::clone(&leg))));
        leg
    }

    fn leg(key: i64, call: &str, source: Source, started: WallTime) -> Arc<SpooledLeg> {
        let which = match key {
            MIX.. => Leg::Mixed,
            key if key % 2 == 0 => Leg::Caller,
            _ => Leg::Agent,
        };
        let spec = LegSpec {
            call: CallId::from_lossy(call),
            names: CallNames::default(),
            leg: which,
            source,
            started,
            rate_hz: 8000,
            peer: None,
        };
        let path = format!("/{key}.wav").into();
        let audio = match source {
            Source::Recording => LegAudio::Recording { path, channel: 0 },
            _ => LegAudio::Spooled { path },
        };
        Arc::new(SpooledLeg::new(LegKey(key), spec, audio))
    }

    /// The audio on disk grows to this many milliseconds.
    pub fn grow(&mut self, leg: &SpooledLeg, ms: u64) {
        if leg.audio().owned() {
            leg.live_grew_to(ms * 8, self.now.at);
        } else {
            leg.recording_grew_to(ms * 8, self.now.at, Duration::ZERO);
        }
    }

    /// A connection brings nothing for this many milliseconds: lineside fills its leg with silence meanwhile.
    pub fn fill(&mut self, leg: &SpooledLeg, ms: u64) {
        leg.fill(ms * 8);
        leg.live_grew_to(leg.samples() + ms * 8, self.now.at);
    }

    /// The listener comes by: legs that are heard to their end, or to where they are to be heard, are over for it.
    pub fn listen(&mut self) {
        let stopped = std::mem::take(&mut self.stopped);
        let mut ended = Vec::new();
        self.ears.retain(|(leg, to)| {
            let end = leg.samples();
            let over = stopped.contains(&leg.key) || leg.is_closed() || to.is_some_and(|to| end >= to);
            if over {
                ended.push((leg.key, to.map_or(end, |to| to.min(end))));
            }
            !over
        });
        for (leg, at) in ended {
            self.on(Event::Vad(VadEvent::End { leg, at, peak: Some(1000) }));
        }
    }

    /// Transcribed stretches of a leg, in its milliseconds.
    pub fn heard(&self, leg: &SpooledLeg) -> Vec<(u64, Option<u64>)> {
        self.rows.legs[&leg.key.0].heard.iter().map(|&(from, to)| (from / 8, to.map(|to| to / 8))).collect()
    }

    /// Reason why a leg is transcribed, or why not.
    pub fn why(&self, leg: &SpooledLeg) -> &str {
        self.rows.legs[&leg.key.0].why.as_deref().unwrap_or_default()
    }

    /// A leg's source closes it, and the listener hears the rest of it.
    pub fn close(&mut self, leg: &Arc<SpooledLeg>) {
        leg.close("hangup");
        self.on(Event::Spool(SpoolEvent::Closed(Arc::clone(leg))));
        self.listen();
    }

    pub fn say(&mut self, leg: &SpooledLeg, from_ms: u64, to_ms: u64) {
        let found = Found { start: from_ms * 8, end: to_ms * 8 };
        self.on(Event::Vad(VadEvent::Utterance(leg.key, found)));
    }

    /// A worker has transcribed the first utterance that waits.
    pub fn read(&mut self, text: &str) {
        let job = self.jobs.pop_front().expect("an utterance waits");
        let written = Written { job, result: Ok(recognised(text)), engine: "model".into() };
        self.on(Event::Done(Done::Written(written)));
    }

    /// The same; there were no words in it.
    pub fn read_nothing(&mut self) {
        let job = self.jobs.pop_front().expect("an utterance waits");
        let result = Ok(Recognition { pieces: Vec::new(), ..recognised("") });
        self.on(Event::Done(Done::Written(Written { job, result, engine: "model".into() })));
    }

    pub fn name(&mut self, call: &str, uniqueid: &str) {
        let names = CallNames { uniqueid: Some(uniqueid.into()), agent: Some("7".into()), ..CallNames::default() };
        self.ask(Request::Name { call: call.into(), names });
    }

    pub fn pause(&mut self, name: &str, pausing: Pausing) {
        self.pause_leg(name, None, pausing);
    }

    /// The same of one direction.
    pub fn pause_leg(&mut self, name: &str, leg: Option<Leg>, pausing: Pausing) {
        let wish = Wish { names: vec![name.into()], pausing, leg, at: self.now.at, by: "ami".into() };
        self.ask(Request::PauseNamed(wish));
    }

    pub fn state(&self, name: &str) -> CallState {
        let known = self.rows.call(name).expect("a row has this name");
        self.rows.calls[&known.key].state
    }

    /// Silent milliseconds of a leg by its rows.
    pub fn silent(&self, leg: &SpooledLeg) -> Vec<(u64, Option<u64>)> {
        let of_leg = self.rows.silences.iter().filter(|row| row.leg == leg.key);
        of_leg.map(|row| (row.start / 8, row.end.map(|end| end / 8))).collect()
    }

    pub fn told(&self, what: impl Fn(&Message) -> bool) -> usize {
        self.rows.feed.iter().filter(|(_, message)| what(message)).count()
    }

    /// Another process takes up what the rows tell; files have `samples_ms` of each leg.
    pub fn restart(&mut self, samples_ms: u64) {
        self.restart_after_silence(samples_ms, samples_ms);
    }

    /// The same; what own files have behind `sounded_ms` is silence.
    pub fn restart_after_silence(&mut self, samples_ms: u64, sounded_ms: u64) {
        self.restart_with(|_| (samples_ms, sounded_ms));
    }

    /// The same, with what the file of each leg has in all and of sound, milliseconds.
    pub fn restart_with(&mut self, file_of: impl Fn(LegKey) -> (u64, u64)) {
        let is_open = |state| matches!(state, CallState::Active | CallState::ConnectionClosed);
        let open: Vec<CallKey> =
            self.rows.calls.iter().filter(|(_, row)| is_open(row.state)).map(|(&key, _)| key).collect();
        let calls = open.iter().map(|&key| {
            let row = &self.rows.calls[&key];
            let (id, started) = (row.id.clone(), row.started);
            let call = OpenCall {
                key,
                id,
                source: Source::Audiosocket,
                campaign: row.names.campaign.clone(),
                started,
                stepped_ms: row.stepped_ms,
                compounds: Vec::new(),
            };
            UndoneCall { call, past: self.rows.past(key), texts: Vec::new() }
        });
        let legs = self.rows.legs.values().filter(|row| open.contains(&row.call)).map(|row| {
            let new = row.new.clone();
            let of_leg = self.rows.silences.iter().filter(|silence| silence.leg == new.key);
            let leg = OpenLeg {
                key: new.key,
                call: row.call,
                leg: new.leg,
                source: new.source,
                rate_hz: new.rate_hz,
                started: new.started,
                offset_ms: new.offset.0,
                path: new.path,
                channel: new.channel,
                owned: new.owned,
                peer: None,
                closed: row.closed,
                close_reason: row.close_reason.clone(),
                samples: row.samples,
                heard_to: self.rows.heard_to(new.key),
                heard: row.heard.clone(),
                why: row.why.clone(),
                silences: of_leg.map(|row| (row.start, row.end)).collect(),
            };
            let (samples_ms, sounded_ms) = file_of(new.key);
            let samples = if row.closed { row.samples } else { samples_ms * 8 };
            let sounded = if leg.owned { samples.min(sounded_ms * 8) } else { samples };
            UndoneLeg { leg, samples, sounded }
        });
        let highest = (self.rows.calls.len() as i64 + 10, self.rows.utterances.len() as i64 + 10);
        let undone = Undone {
            highest,
            clock: (Some(boot_clock(self.stepped_ms)), self.rows.clock.clone()),
            calls: calls.collect(),
            legs: legs.collect(),
            ..Undone::default()
        };
        let (core, effects) = Conductor::recover(undone, self.settings.clone(), self.core.hear, &self.now);
        self.core = core;
        self.listened.clear();
        self.ears.clear();
        for effect in effects {
            self.carry_out(effect);
        }
    }
}
