//! What happens on the simulated day: calls of every kind, and faults.

use std::sync::Arc;

use super::dice::Dice;
use super::sound::{PER_MS, Sound, speech};
use super::voices::Voices;
use super::world::{Act, Ask, World};
use crate::call::{CallId, CallNames, Leg, Source, WallTime};
use crate::pipeline::command::Pausing;
use crate::spool::Line;

/// What may become of one of two taps while the other goes on. With dice of its own: the rest of the day stays as it is without.
struct OneSided {
    dice: Dice,
    side: Option<Leg>,
    length_ms: u64,
}

impl OneSided {
    fn of(at_ms: u64, number: u64, length_ms: u64) -> Self {
        let mut dice = Dice(at_ms ^ (number << 40) ^ 0x51de);
        let side = match dice.between(0, 8) {
            0 => Some(Leg::Agent),
            1 => Some(Leg::Caller),
            _ => None,
        };
        Self { dice, side: side.filter(|_| std::env::var_os("LINESIDE_NO_STALLS").is_none()), length_ms }
    }

    /// It ends early, or brings nothing from some time on.
    fn befall(&mut self, tap: &mut Sound) {
        if self.side != Some(tap.which) {
            return;
        }
        let at_ms = self.dice.between(0, self.length_ms / 2);
        if self.dice.chance(0.5) {
            tap.ends_ms = tap.ends_ms.min(at_ms + 500);
        } else {
            tap.stalls_ms = Some(at_ms);
        }
    }
}

impl World {
    /// Plans a day of so many calls; gives its length, milliseconds.
    pub fn plan_day(&mut self, calls: u64) -> u64 {
        let mut at_ms = 1000;
        for number in 0..calls {
            at_ms += if self.dice.chance(0.2) {
                self.dice.between(3_600_000, 7_200_000)
            } else {
                self.dice.between(500, 20_000)
            };
            self.plan_call(number, at_ms);
        }
        for _ in 0..self.dice.between(0, 4) {
            let when = self.dice.between(0, at_ms);
            let step_ms = self.dice.between(0, 7_200_000) as i64 - 3_600_000;
            self.plan(when, Act::Clock(step_ms));
        }
        at_ms
    }

    /// Plans faults near the calls of the day.
    pub fn plan_faults(&mut self, kills: u64) {
        let times: Vec<u64> = self.agenda.keys().map(|(at_ms, _)| *at_ms).collect();
        let near = |world: &mut Self| {
            let which = world.dice.between(0, times.len() as u64) as usize;
            times[which] + world.dice.between(0, 20_000)
        };
        for _ in 0..kills {
            let when = near(self);
            self.plan(when, Act::Kill);
        }
        for _ in 0..self.dice.between(0, 3) {
            let (full, silent) = (near(self), near(self));
            let (full_ms, silent_ms) = (self.dice.between(500, 20_000), self.dice.between(500, 5000));
            self.plan(full, Act::DiskFull(full_ms));
            self.plan(silent, Act::NoAnswers(silent_ms));
        }
        if self.dice.chance(0.2) {
            self.model_ready = false;
            let when = near(self);
            self.plan(when, Act::ModelReady);
        }
    }

    fn plan_call(&mut self, number: u64, at_ms: u64) {
        let length_ms = self.dice.between(2000, 40_000);
        let (uuid, uniqueid) = (format!("u{number}"), format!("17.{number}"));
        let kind = self.dice.between(0, 7);
        // Several sources of one call.
        let several = kind >= 4;
        let connects = matches!(kind, 0 | 1) || several;
        if connects {
            let wall = WallTime(self.wall_ms + at_ms as i64);
            let line = Line::new(CallId::from_lossy(&uuid), CallNames::default(), Source::Audiosocket, wall);
            self.plan(at_ms, Act::Connect(Arc::new(line)));
        }
        let legs: &[(Source, Leg, u64)] = match kind {
            0 => &[(Source::Audiosocket, Leg::Agent, 50), (Source::Audiosocket, Leg::Caller, 300)],
            1 => &[(Source::Audiosocket, Leg::Mixed, 20)],
            2 => &[(Source::Recording, Leg::Mixed, 2000)],
            3 => &[(Source::Recording, Leg::Agent, 2000), (Source::Recording, Leg::Caller, 2600)],
            4 => &[(Source::Audiosocket, Leg::Mixed, 20), (Source::Recording, Leg::Mixed, 1500)],
            5 => &[
                (Source::Audiosocket, Leg::Agent, 20),
                (Source::Audiosocket, Leg::Caller, 300),
                (Source::Recording, Leg::Mixed, 1500),
            ],
            _ => &[
                (Source::Audiosocket, Leg::Agent, 20),
                (Source::Audiosocket, Leg::Caller, 200),
                (Source::Recording, Leg::Agent, 2000),
                (Source::Recording, Leg::Caller, 2600),
            ],
        };
        let voice = several.then(|| {
            let day_ms = self.at_ms + at_ms;
            let voices = Voices::new(&mut self.dice, day_ms, day_ms + length_ms + 5000);
            self.voices.push(voices);
            self.voices.len() - 1
        });
        // Most are known to be one call before they come.
        let is_expected = several && self.dice.chance(0.8);
        // Of two sources either may end first.
        let mut shorter = || if several { self.dice.between(0, length_ms / 2) } else { 0 };
        let (file_shorter_ms, live_shorter_ms) = (shorter(), shorter());
        let mut one_sided = OneSided::of(at_ms, number, length_ms);
        for &(source, which, after_ms) in legs {
            let name = if source == Source::Recording { uniqueid.clone() } else { uuid.clone() };
            let shorter_ms = if source == Source::Recording { file_shorter_ms } else { live_shorter_ms };
            let leg = self.add_sound(name, source, which, length_ms - shorter_ms);
            self.sounds[leg].voice = voice;
            if several && source == Source::Audiosocket && which != Leg::Mixed {
                one_sided.befall(&mut self.sounds[leg]);
            }
            self.plan(at_ms + after_ms, Act::Open(leg));
            if !several && source == Source::Recording && self.dice.chance(0.1) {
                let when = at_ms + length_ms + self.dice.between(40_000, 90_000);
                self.plan(when, Act::ComeBack(leg));
            }
        }
        if connects && (several || self.dice.chance(0.4)) {
            // Before the call, during it, or long after it.
            let later_ms = self.dice.between(0, length_ms + 30_000);
            let when =
                (at_ms + if is_expected { 0 } else { later_ms }).saturating_sub(if is_expected { 500 } else { 2000 });
            self.plan(when, Act::Ask(Ask::Name { call: uuid.clone(), uniqueid: uniqueid.clone() }));
        }
        let name = if connects { uuid } else { uniqueid };
        for _ in 0..self.dice.between(0, 3) {
            let when = (at_ms + self.dice.between(0, length_ms + 3000)).saturating_sub(3000);
            let until = when + self.dice.between(300, 9000);
            self.plan(when, Act::Ask(Ask::Pause { name: name.clone(), pausing: Pausing::Pause }));
            self.plan(until, Act::Ask(Ask::Pause { name: name.clone(), pausing: Pausing::Resume }));
        }
        if self.dice.chance(0.1) {
            let when = at_ms + self.dice.between(0, length_ms);
            self.plan(when, Act::Ask(Ask::Hangup { call: name }));
        }
    }

    /// A recording that was finished grows again: what was said since stands right behind it.
    pub fn comes_back(&mut self, leg: usize) {
        let at_ms = self.at_ms;
        let on_disk_ms = self.sounds[leg].on_disk / PER_MS;
        let paused = self.pauses.iter().any(|pause| pause.name == self.sounds[leg].call);
        if !self.sounds[leg].over || self.sounds[leg].spec.is_none() || paused {
            return;
        }
        let more = speech(&mut self.dice, on_disk_ms, on_disk_ms + 8000);
        let sound = &mut self.sounds[leg];
        sound.speech.retain_mut(|(start, end)| {
            *end = (*end).min(sound.on_disk);
            start < end
        });
        sound.speech.extend(more);
        (sound.began_ms, sound.ends_ms, sound.over) = (at_ms - on_disk_ms, at_ms + 8000, false);
        self.plan(10, Act::Open(leg));
    }
}
