//! A crash of the simulated day, and the start after it: what is in the rows and in the files is all that is left.

use std::collections::HashMap;
use std::sync::Arc;

use super::super::conductor::Conductor;
use super::super::event::Event;
use super::super::recover::{Undone, UndoneCall, UndoneLeg};
use super::dice::Dice;
use super::sound::{Sound, speech};
use super::world::{Act, Ask, Crash, World, settings};
use crate::call::{CallState, Hear, LegKey, Source};
use crate::pipeline::command::Pausing;
use crate::spool::{LegAudio, SpoolEvent, SpooledLeg};
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;
use crate::store::recovery::{OpenCall, OpenLeg, OpenUtterance};

impl World {
    /// The process has ended, and another begins; it may end at once as well.
    pub fn restart(&mut self) {
        loop {
            self.befallen += 1;
            self.end_process();
            if self.begin_process().is_ok() {
                return;
            }
        }
    }

    fn end_process(&mut self) {
        // The writer was at work.
        if self.at_ms >= self.full_until_ms {
            let sets = self.dice.between(0, self.rows.waiting() as u64 + 1);
            self.rows.commit(sets as usize);
        }
        self.rows.crash();
        // Names that were not committed are lost: what they had made one call is two again.
        let rows = &self.rows;
        let key_of = |name: &str| rows.call(name).map(|known| known.key);
        self.merges.retain(|(call, uniqueid, _)| key_of(call) == key_of(uniqueid));
        if self.trace {
            eprintln!("{} the process ends", self.at_ms);
        }
        self.crashes.push(self.at_ms);
        self.process += 1;
        self.ears.clear();
        self.preflights.clear();
        self.lines.clear();
        let live = |sound: &&mut Sound| sound.spec.is_some() && !sound.over && !sound.is_recorded();
        let mut broken = Vec::new();
        for sound in self.sounds.iter_mut().filter(live) {
            // Its connection broke: the file is as it was.
            let left_ms = sound.ends_ms.saturating_sub(self.at_ms);
            sound.over = true;
            broken.push((sound.call.clone(), sound.which, sound.voice, left_ms));
        }
        for sound in &mut self.sounds {
            // One that waits for the disk connects anew.
            (sound.spooled, sound.waits) = (None, None);
        }
        let down_ms = self.dice.between(300, 15_000);
        let mut returns: HashMap<String, bool> = HashMap::new();
        for (call, which, voice, left_ms) in broken {
            // Whoever was connected comes back, with both directions, or does not.
            let chance = self.dice.chance(0.5);
            let comes_back = *returns.entry(call.clone()).or_insert(chance);
            if left_ms > down_ms + 3000 && comes_back {
                let in_ms = down_ms + self.dice.between(100, 2000);
                let leg = self.add_sound(call, Source::Audiosocket, which, left_ms - down_ms - 2000);
                self.sounds[leg].voice = voice;
                self.plan(in_ms, Act::Open(leg));
            }
        }
        let began_ms = self.at_ms;
        self.pass(self.at_ms + down_ms);
        self.miss_resumes(began_ms);
    }

    /// Who ends a pause while nobody listens is not heard.
    fn miss_resumes(&mut self, since_ms: u64) {
        let mut dice = Dice(since_ms ^ 0xde5);
        let is_resume = |act: &Act| matches!(act, Act::Ask(Ask::Pause { pausing: Pausing::Resume, .. }));
        let until_ms = self.at_ms;
        let before = self.agenda.len();
        let is_missed = |at_ms: u64, act: &Act| at_ms <= until_ms && is_resume(act);
        let mut dice = |missed: bool| missed && dice.chance(0.5);
        self.agenda.retain(|(at_ms, _), act| {
            !dice(is_missed(*at_ms, act) && std::env::var_os("LINESIDE_NO_STALLS").is_none())
        });
        self.befallen += (before - self.agenda.len()) as u64;
    }

    fn begin_process(&mut self) -> Result<(), Crash> {
        let process = self.process;
        self.model_ready = self.dice.chance(0.7);
        if !self.model_ready {
            self.plan(5000, Act::ModelReady);
        }
        let (at_ms, now) = (self.at_ms, self.moment());
        for sound in self.sounds.iter_mut().filter(|sound| sound.spec.is_some() && sound.is_recorded()) {
            sound.grow(at_ms, 0, now);
        }
        let known: Vec<LegKey> = self.rows.legs.keys().map(|&key| LegKey(key)).collect();
        let undone = self.undone();
        let (core, effects) = Conductor::recover(undone, settings(), Hear::Best, &self.now());
        self.core = core;
        self.plan(250, Act::Tick(process));
        for effect in effects {
            if self.dice.chance(self.faults.crash) {
                return Err(Crash);
            }
            self.carry_out(effect);
        }
        self.take_in_orphans(&known)?;
        self.finish_silences();
        self.look_at_recordings();
        Ok(())
    }

    /// What the rows tell of calls that are not over.
    fn undone(&self) -> Undone {
        let rows = &self.rows;
        let is_open = |state| matches!(state, CallState::Active | CallState::ConnectionClosed);
        let open = || rows.calls.iter().filter(|(_, row)| is_open(row.state));
        let calls = open().map(|(&key, row)| {
            let past = rows.past(key);
            let compounds = past.segments.iter().map(|segment| (segment.leg, segment.compound)).collect();
            let (id, started) = (row.id.clone(), row.started);
            let (source, campaign, stepped_ms) = (Source::Audiosocket, None, row.stepped_ms);
            let call = OpenCall { key, id, source, campaign, started, stepped_ms, compounds };
            UndoneCall { call, past, texts: Vec::new() }
        });
        let legs = rows.legs.values().filter(|leg| open().any(|(&key, _)| key == leg.call)).map(|row| {
            let new = &row.new;
            let sound = self.sounds.iter().find(|sound| sound.key == new.key);
            let (on_disk, sounded) = sound.map_or((0, 0), |sound| (sound.on_disk, sound.sounds_to()));
            let of_leg = rows.silences.iter().filter(|silence| silence.leg == new.key);
            let leg = OpenLeg {
                key: new.key,
                call: row.call,
                leg: new.leg,
                source: new.source,
                rate_hz: new.rate_hz,
                started: new.started,
                offset_ms: new.offset.0,
                path: new.path.clone(),
                channel: new.channel,
                owned: new.owned,
                peer: None,
                closed: row.closed,
                close_reason: row.close_reason.clone(),
                samples: row.samples,
                heard_to: rows.heard_to(new.key),
                heard: row.heard.clone(),
                why: row.why.clone(),
                silences: of_leg.map(|silence| (silence.start, silence.end)).collect(),
            };
            UndoneLeg { samples: if row.closed { row.samples } else { on_disk }, sounded, leg }
        });
        let waits = rows.utterances.values().filter(|row| row.waits()).map(|row| {
            let (start_sample, end_sample) = (row.new.start_sample, row.new.end_sample);
            (0, OpenUtterance { key: row.new.key, leg: row.new.leg, start_sample, end_sample })
        });
        Undone {
            highest: (
                rows.calls.keys().next_back().map_or(0, |key| key.0),
                rows.utterances.keys().next_back().copied().unwrap_or(0),
            ),
            last_alert: 0,
            clock: (Some(self.boot_clock()), rows.clock.clone()),
            calls: calls.collect(),
            legs: legs.collect(),
            utterances: waits.collect(),
        }
    }

    /// Files of legs of which no row tells.
    fn take_in_orphans(&mut self, known: &[LegKey]) -> Result<(), Crash> {
        let lost = |sound: &&Sound| sound.spec.is_some() && !sound.is_recorded() && !known.contains(&sound.key);
        let orphans: Vec<Arc<SpooledLeg>> = self
            .sounds
            .iter()
            .filter(lost)
            .filter_map(|sound| {
                let audio = LegAudio::Spooled { path: format!("/{}.wav", sound.key).into() };
                let leg = SpooledLeg::recovered(sound.key, sound.spec.clone()?, audio, sound.on_disk);
                leg.fill(sound.on_disk - sound.sounds_to());
                Some(Arc::new(leg))
            })
            .collect();
        for leg in orphans {
            self.take(Event::Spool(SpoolEvent::Opened(Arc::clone(&leg))))?;
            self.take(Event::Spool(SpoolEvent::Closed(leg)))?;
        }
        Ok(())
    }

    /// Pauses of own legs that are over end with their file, as `silencing::finish` has it.
    fn finish_silences(&mut self) {
        let lasting = self.rows.silences.iter().filter(|row| row.end.is_none());
        let of_own = lasting.filter_map(|row| {
            let sound = self.sounds.iter().find(|sound| sound.key == row.leg && !sound.is_recorded())?;
            Some(Change::Privacy(PrivacyChange::SilenceEnds { leg: row.leg, end: sound.on_disk }))
        });
        let changes = of_own.collect();
        self.rows.push(changes);
    }

    /// Whoever watches the folders finds those recordings again that no row calls finished, or that have grown since; one in a while is gone.
    fn look_at_recordings(&mut self) {
        let unfinished = |sound: &Sound| {
            let row = self.rows.legs.get(&sound.key.0);
            sound.spec.is_some()
                && sound.is_recorded()
                && row.is_none_or(|row| !row.closed || row.samples < sound.on_disk)
        };
        let unfinished: Vec<usize> = (0..self.sounds.len()).filter(|&leg| unfinished(&self.sounds[leg])).collect();
        for leg in unfinished {
            let is_open = self.rows.legs.get(&self.sounds[leg].key.0).is_some_and(|row| !row.closed);
            let gone = is_open && self.dice.chance(0.15);
            self.sounds[leg].over = gone;
            if !gone {
                let in_ms = self.dice.between(10, 5000);
                self.plan(in_ms, Act::Open(leg));
            }
        }
    }

    /// Another leg, on which something is said for so long.
    pub fn add_sound(&mut self, call: String, source: Source, which: crate::call::Leg, length_ms: u64) -> usize {
        let speech = speech(&mut self.dice, 0, length_ms);
        let key = LegKey(self.sounds.len() as i64 + 1);
        self.sounds.push(Sound {
            key,
            call,
            source,
            which,
            began_ms: 0,
            ends_ms: length_ms,
            stalls_ms: None,
            voice: None,
            speech,
            spooled: None,
            spec: None,
            on_disk: 0,
            waits: None,
            opens: Vec::new(),
            known_ms: None,
            over: false,
        });
        self.sounds.len() - 1
    }
}
