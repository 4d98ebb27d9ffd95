//! What has to be true at the end of a simulated day, whatever befell it.

use std::collections::{BTreeMap, HashMap};

use super::sound::{PER_MS, Sound};
use super::world::{Pause, World, word};
use crate::call::{CallKey, CallState, LegKey};
use crate::contract::message::Message;
use crate::store::change::UtteranceState;

/// Less than this is at the edge of a pause.
const SLIVER: u64 = 120 * PER_MS;

/// What is wrong, one line each.
#[derive(Debug, Default)]
pub struct Verdict {
    pub lost: Vec<String>,
    pub twice: Vec<String>,
    pub unended: Vec<String>,
    pub broken: Vec<String>,
}

impl Verdict {
    pub fn of(world: &World) -> Self {
        let mut verdict = Self { broken: world.rows.broken.clone(), ..Self::default() };
        verdict.ends(world);
        verdict.speech(world);
        verdict.voices(world);
        verdict.texts(world);
        verdict.feed(world);
        for pause in &world.pauses {
            verdict.pause(world, pause);
        }
        verdict
    }

    pub fn is_good(&self) -> bool {
        [&self.lost, &self.twice, &self.unended, &self.broken].into_iter().all(Vec::is_empty)
    }

    fn ends(&mut self, world: &World) {
        let open = world.rows.calls.iter().filter(|(_, row)| row.state != CallState::Completed);
        self.unended.extend(open.map(|(key, row)| format!("call {key} {} is {:?}", row.id, row.state)));
        let waits = world.rows.utterances.values().filter(|row| row.waits());
        self.unended.extend(waits.map(|row| format!("utterance {} of leg {} waits", row.new.key, row.new.leg)));
        if world.core.running() > 0 {
            self.unended.push(format!("{} calls are in memory", world.core.running()));
        }
    }

    /// Every word that is on disk and not silenced belongs to one utterance.
    fn speech(&mut self, world: &World) {
        for sound in world.sounds.iter().filter(|sound| sound.spec.is_some()) {
            let mut found: Vec<(u64, u64)> = world
                .rows
                .utterances
                .values()
                .filter(|row| row.new.leg == sound.key)
                .map(|row| (row.new.start_sample, row.new.end_sample))
                .collect();
            found.sort_unstable();
            if let Some(pair) = found.windows(2).find(|pair| pair[0].1 > pair[1].0) {
                self.twice.push(format!("leg {}: {pair:?} overlap", sound.key));
            }
            if sound.voice.is_some() {
                continue; // another leg may have it
            }
            let taken: Vec<(u64, u64)> = found.into_iter().chain(silent(world, sound.key)).collect();
            for (start, end) in sound.speech_in(0, sound.on_disk) {
                let missing = without(start, end, &taken);
                if missing > SLIVER {
                    self.lost.push(format!("leg {} of {}: {missing} samples of {start}..{end}", sound.key, sound.call));
                }
            }
        }
    }

    /// Every utterance that has text has it once, in the rows and in the feed.
    fn texts(&mut self, world: &World) {
        let mut rows: HashMap<String, usize> = HashMap::new();
        for row in &world.rows.segments {
            *rows.entry(row.segment.text.clone()).or_default() += 1;
        }
        let mut told: HashMap<String, usize> = HashMap::new();
        for (_, message) in &world.rows.feed {
            if let Message::Segment(said) = message {
                *told.entry(said.text.clone()).or_default() += 1;
            }
        }
        if rows != told {
            self.broken.push("the feed and the rows tell different texts".into());
        }
        for row in world.rows.utterances.values().filter(|row| row.state == UtteranceState::Done) {
            let text = format!("thank you {}", word(row.new.leg, row.new.start_sample));
            match rows.get(&text) {
                Some(1) => {}
                Some(_) => self.twice.push(text),
                None => self.lost.push(text),
            }
        }
    }

    /// What a feed hears of a call ends with its end, and begins with its beginning.
    fn feed(&mut self, world: &World) {
        let mut by_call: BTreeMap<CallKey, Vec<&Message>> = BTreeMap::new();
        for (call, message) in &world.rows.feed {
            by_call.entry(*call).or_default().push(message);
        }
        for &call in world.rows.calls.keys() {
            let messages = by_call.remove(&call).unwrap_or_default();
            if !messages.iter().any(|message| matches!(message, Message::CallStart(_))) {
                self.broken.push(format!("no feed heard of call {call}"));
            }
            let of_life = |message: &&&Message| !matches!(message, Message::CallNamed(_));
            if !matches!(messages.iter().rev().find(of_life), Some(Message::CallEnd(_))) {
                self.broken.push(format!("no feed heard that call {call} ended: {:?}", messages.last()));
            }
        }
    }

    /// Nothing that was said in a pause is kept, on any leg of the call.
    fn pause(&mut self, world: &World, pause: &Pause) {
        // A leg under the call's other name is silent too if it was open when they became one.
        let open_at =
            |sound: &Sound, at_ms: u64| sound.next_open(at_ms, &world.crashes) <= at_ms && at_ms < sound.ends_ms;
        let is_same =
            |sound: &Sound, at_ms: u64| open_at(sound, at_ms) && pause.to_ms.is_some_and(|to_ms| at_ms < to_ms);
        let merged = |sound: &Sound| {
            let of_name =
                world.merges.iter().filter(|(call, uniqueid, _)| *call == pause.name && *uniqueid == sound.call);
            of_name.clone().any(|&(.., at_ms)| is_same(sound, at_ms) && !crashed(world, pause.from_ms, at_ms))
        };
        let of_call = |sound: &&Sound| sound.spec.is_some() && (sound.call == pause.name || merged(sound));
        for sound in world.sounds.iter().filter(of_call) {
            let Some(known_ms) = sound.known_ms else { continue };
            // A crash forgets what was requested for a leg that it does not know yet, or that has not turned up again since the crash before.
            let forgets_until = known_ms.max(sound.next_open(pause.from_ms, &world.crashes));
            if crashed(world, pause.from_ms, forgets_until) {
                continue;
            }
            let to = pause.to_ms.map_or(sound.on_disk, |to_ms| sound.sample_at(to_ms)).min(sound.on_disk);
            let from = sound.sample_at(pause.from_ms);
            let silent: Vec<(u64, u64)> = silent(world, sound.key).collect();
            let kept = without(from, to, &silent);
            if from < to && kept > 0 {
                self.broken.push(format!(
                    "leg {} of {}: {kept} samples of the pause {from}..{to} are kept, silent are {silent:?}",
                    sound.key, sound.call
                ));
            }
        }
    }
}

fn crashed(world: &World, from_ms: u64, to_ms: u64) -> bool {
    world.crashes.iter().any(|at_ms| (from_ms..=to_ms).contains(at_ms))
}

pub(super) fn silent(world: &World, leg: LegKey) -> impl Iterator<Item = (u64, u64)> {
    let of_leg = world.rows.silences.iter().filter(move |row| row.leg == leg);
    of_leg.map(|row| (row.start, row.end.unwrap_or(u64::MAX)))
}

/// Samples of `from..to` that are in none of these stretches.
pub(super) fn without(from: u64, to: u64, stretches: &[(u64, u64)]) -> u64 {
    let mut within: Vec<(u64, u64)> = stretches.iter().map(|&(start, end)| (start.max(from), end.min(to))).collect();
    within.sort_unstable();
    let (mut at, mut missing) = (from, 0);
    for (start, end) in within.into_iter().filter(|(start, end)| start < end) {
        missing += start.saturating_sub(at);
        at = at.max(end);
    }
    missing + to.saturating_sub(at)
}
