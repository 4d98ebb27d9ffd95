//! What comes at a time of its own on the simulated day, and what it does to the world.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::super::event::{Event, Request};
use super::world::{Act, Ask, Crash, Pause, World, recognition};
use crate::call::{CallId, CallNames};
use crate::pipeline::command::{Pausing, Wish};
use crate::pipeline::workers::partial::Reading;
use crate::pipeline::workers::{Done, Job, Written};
use crate::speech::recogniser::Glance;
use crate::spool::{Line, SpoolEvent};

impl World {
    pub fn act(&mut self, act: Act) -> Result<(), Crash> {
        match act {
            Act::Tick(process) if process == self.process => {
                let quiet = self.core.running() == 0;
                let next = self.agenda.first_key_value().map(|((at_ms, _), _)| at_ms - self.at_ms);
                let next_ms = if quiet { next.unwrap_or(0).max(1000) } else { self.dice.between(250, 600) };
                if !quiet || next.is_some() {
                    self.plan(next_ms, Act::Tick(process));
                }
                self.take(Event::Tick)
            }
            Act::Hear(process, ear) if process == self.process => self.hear(ear),
            Act::Text(process, job) if process == self.process => self.text(job),
            Act::Glance(process, growing) if process == self.process => {
                let words = vec!["well".into()];
                let glance = Glance { words, certain: None, took: Duration::from_millis(50) };
                self.take(Event::Done(Done::Growing(Reading { growing, glance })))
            }
            Act::Tick(_) | Act::Hear(..) | Act::Text(..) | Act::Glance(..) => Ok(()),
            Act::Connect(planned) => {
                // Steps of the clock since it was planned count.
                let (call, at) = (planned.call.clone(), self.moment().wall);
                let line = Arc::new(Line::new(call, CallNames::default(), planned.source, at));
                self.lines.insert(line.call.to_string(), Arc::clone(&line));
                self.take(Event::Spool(SpoolEvent::Named(line)))
            }
            Act::Open(leg) => self.open(leg),
            Act::ComeBack(leg) => {
                self.comes_back(leg);
                Ok(())
            }
            Act::Close(leg) => self.close(leg),
            Act::Ask(ask) => self.ask(ask),
            Act::Clock(step_ms) => {
                self.befallen += 1;
                self.wall_ms += step_ms;
                Ok(())
            }
            Act::DiskFull(ms) => {
                self.befallen += 1;
                self.full_until_ms = self.at_ms + ms;
                Ok(())
            }
            Act::NoAnswers(ms) => {
                self.befallen += 1;
                self.silent_until_ms = self.at_ms + ms;
                Ok(())
            }
            Act::Kill => Err(Crash),
            Act::ModelReady => {
                self.model_ready = true;
                Ok(())
            }
        }
    }

    fn hear(&mut self, ear: usize) -> Result<(), Crash> {
        let mut events = Vec::new();
        let Some(listener) = self.ears[ear].as_mut() else { return Ok(()) };
        let Some(sound) = self.sounds.iter().find(|sound| sound.key == listener.leg.key) else { return Ok(()) };
        if listener.round(sound, &mut self.dice, &mut events) {
            self.ears[ear] = None;
        } else {
            let in_ms = self.dice.between(200, 700);
            self.plan(in_ms, Act::Hear(self.process, ear));
        }
        events.into_iter().try_for_each(|event| self.take(Event::Vad(event)))
    }

    fn text(&mut self, job: Box<Job>) -> Result<(), Crash> {
        if !self.model_ready {
            self.plan(1000, Act::Text(self.process, job));
            return Ok(());
        }
        let result = if self.dice.chance(self.faults.fails) {
            self.befallen += 1;
            Err("the engine failed".into())
        } else {
            Ok(recognition(job.leg.key, job.start))
        };
        self.take(Event::Done(Done::Written(Written { job: *job, result, engine: "model".into() })))
    }

    fn open(&mut self, leg: usize) -> Result<(), Crash> {
        let now = self.moment();
        let sound = &mut self.sounds[leg];
        if sound.over || sound.spooled.as_ref().is_some_and(|spooled| !spooled.is_closed()) {
            return Ok(());
        }
        let is_new = sound.spec.is_none();
        let (began_ms, began) = *sound.waits.get_or_insert((self.at_ms, now));
        if is_new && !sound.is_recorded() && self.at_ms < self.full_until_ms {
            let in_ms = self.full_until_ms - self.at_ms;
            self.plan(in_ms, Act::Open(leg));
            return Ok(());
        }
        sound.waits = None;
        if is_new {
            // Until now its end was its length.
            (sound.began_ms, sound.ends_ms) = (began_ms, began_ms + sound.ends_ms);
            if let Some(voices) = sound.voice.and_then(|voice| self.voices.get(voice)) {
                let heard_ms = sound.stalls_ms.unwrap_or(u64::MAX);
                sound.speech = voices.on_leg(
                    sound.which,
                    sound.began_ms,
                    sound.ends_ms.min(sound.began_ms.saturating_add(heard_ms)),
                );
            }
        }
        sound.opens.push(self.at_ms);
        let opened = sound.open(began);
        let in_ms = sound.ends_ms.saturating_sub(self.at_ms) + 100;
        self.plan(in_ms, Act::Close(leg));
        let taken = self.take(Event::Spool(SpoolEvent::Opened(opened)));
        // What has been written of a recording is read once it is known.
        self.pass(self.at_ms);
        taken
    }

    fn close(&mut self, leg: usize) -> Result<(), Crash> {
        let (at_ms, now) = (self.at_ms, self.moment());
        let sound = &mut self.sounds[leg];
        let Some(spooled) = sound.spooled.clone().filter(|spooled| !spooled.is_closed()) else { return Ok(()) };
        if at_ms < sound.ends_ms {
            return Ok(()); // it has come back, and goes on
        }
        if !sound.is_recorded() && at_ms < self.full_until_ms {
            // Its last sound is not on disk yet.
            let in_ms = self.full_until_ms - at_ms;
            self.plan(in_ms, Act::Close(leg));
            return Ok(());
        }
        sound.grow(at_ms, 0, now);
        spooled.close("hangup");
        sound.over = true;
        let call = sound.call.clone();
        self.take(Event::Spool(SpoolEvent::Closed(spooled)))?;
        let is_last = !self.sounds.iter().any(|other| other.call == call && !other.over);
        match self.lines.remove(&call) {
            Some(line) if is_last => self.take(Event::Spool(SpoolEvent::Left(line))),
            Some(line) => {
                self.lines.insert(call, line);
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn ask(&mut self, ask: Ask) -> Result<(), Crash> {
        let again = ask.clone();
        let (event, told) = match ask {
            Ask::Name { call, uniqueid } => {
                let names = CallNames { uniqueid: Some(uniqueid), agent: Some("7".into()), ..CallNames::default() };
                (Request::Name { call, names }, true)
            }
            Ask::Pause { name, pausing } => {
                let wish = Wish { names: vec![name], pausing, leg: None, at: self.moment(), by: "ami".into() };
                (Request::PauseNamed(wish), false)
            }
            Ask::Hangup { call } => match self.rows.call(&call) {
                Some(known) => (Request::End { call: known.key, reason: "manual".into() }, true),
                None => return Ok(()),
            },
        };
        let asked_ms = self.at_ms;
        let both_are_known = match &again {
            Ask::Name { call, uniqueid } => self.rows.call(call).is_some() && self.rows.call(uniqueid).is_some(),
            _ => false,
        };
        let answer = self.answer_to(Event::Request(event)).inspect_err(|_| {
            // Whoever asked for its end does not count on it any more, done or not.
            if let Ask::Pause { name, pausing: Pausing::Resume } = &again {
                self.note_pause(name.clone(), Pausing::Resume, asked_ms);
            }
        })?;
        match (answer, again) {
            (None, again) if told => self.plan(3000, Act::Ask(again)),
            (_, Ask::Pause { name, pausing }) => self.note_pause(name, pausing, asked_ms),
            (_, Ask::Name { call, uniqueid }) if both_are_known => self.merges.push((call, uniqueid, asked_ms)),
            _ => {}
        }
        Ok(())
    }

    /// A pause that was taken is looked for at the end of the day.
    fn note_pause(&mut self, name: String, pausing: Pausing, at_ms: u64) {
        let lasting = self.pauses.iter_mut().find(|pause| pause.name == name && pause.to_ms.is_none());
        match (pausing, lasting) {
            (Pausing::Resume, Some(lasting)) => lasting.to_ms = Some(at_ms),
            (Pausing::Pause, None) => {
                let running = self.core.calls.by_id(&CallId::from_lossy(&name));
                if running.is_none_or(|key| self.core.privacy.is_paused(key)) {
                    self.pauses.push(Pause { name, from_ms: at_ms, to_ms: None });
                }
            }
            _ => {}
        }
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Tick(process) => write!(f, "tick of process {process}"),
            Self::Hear(process, ear) => write!(f, "listener {ear} of process {process}"),
            Self::Text(process, job) => write!(f, "text of {} of process {process}", job.utterance),
            Self::Glance(..) => write!(f, "glance"),
            Self::Connect(line) => write!(f, "{} connects", line.call),
            Self::Open(leg) => write!(f, "leg {} opens", leg + 1),
            Self::ComeBack(leg) => write!(f, "leg {} comes back", leg + 1),
            Self::Close(leg) => write!(f, "leg {} closes", leg + 1),
            Self::Ask(ask) => write!(f, "{ask:?}"),
            Self::Clock(ms) => write!(f, "clock {ms}"),
            Self::DiskFull(ms) => write!(f, "disk full {ms}"),
            Self::NoAnswers(ms) => write!(f, "no answers {ms}"),
            Self::Kill => write!(f, "kill"),
            Self::ModelReady => write!(f, "model ready"),
        }
    }
}
