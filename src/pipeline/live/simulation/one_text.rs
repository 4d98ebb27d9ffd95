//! What has to be true of the text of a call that comes by several sources.

use super::sound::{PER_MS, Sound};
use super::verdict::{Verdict, silent, without};
use super::world::World;

/// Two sources of exact clocks may both have so much of a word, milliseconds.
const BOTH_MS: u64 = 300;
/// A piece of a second source that is shorter is left out (`sources.rs`); a little more for the edges, milliseconds.
const LEFT_OUT_MS: u64 = 2000 + 250;

impl Verdict {
    /// Every word that is on disk is text by one source, and by no two of them.
    pub(super) fn voices(&mut self, world: &World) {
        for (number, voices) in world.voices.iter().enumerate() {
            let legs: Vec<&Sound> =
                world.sounds.iter().filter(|sound| sound.voice == Some(number) && sound.spec.is_some()).collect();
            for &(side, start, end) in &voices.turns {
                let of_side: Vec<&Sound> = legs.iter().copied().filter(|leg| leg.which.shares_voice(side)).collect();
                self.turn(world, &of_side, (start, end));
            }
        }
    }

    fn turn(&mut self, world: &World, legs: &[&Sound], (start, end): (u64, u64)) {
        let on_day = |leg: &Sound, (from, to): (u64, u64)| {
            (leg.began_ms + from / PER_MS, leg.began_ms.saturating_add(to / PER_MS))
        };
        let mut taken = Vec::new();
        let mut texts: Vec<(&Sound, u64, u64)> = Vec::new();
        for &leg in legs {
            for row in world.rows.utterances.values().filter(|row| row.new.leg == leg.key) {
                let (from, to) = on_day(leg, (row.new.start_sample, row.new.end_sample));
                let (from, to) = (from.max(start), to.min(end));
                if from < to {
                    texts.push((leg, from, to));
                    taken.push((from, to));
                }
            }
            taken.extend(silent(world, leg.key).map(|stretch| on_day(leg, stretch)));
        }
        // What no source has on disk nobody can hear.
        let mut gone = vec![(start, end)];
        for &leg in legs {
            let (from, to) = on_day(leg, (0, leg.sounds_to()));
            gone = gone.into_iter().flat_map(|piece| cut(piece, (from, to))).collect();
        }
        taken.extend(gone);
        let missing = without(start, end, &taken);
        if missing > LEFT_OUT_MS {
            self.lost.push(format!(
                "{missing} ms of {start}..{end} of call {}: {texts:?}",
                legs.first().map_or("?", |leg| leg.call.as_str()),
                texts = seen(&texts)
            ));
        }
        for (place, one) in texts.iter().enumerate() {
            for other in &texts[place + 1..] {
                let both = one.2.min(other.2).saturating_sub(one.1.max(other.1));
                if one.0.key != other.0.key && both > BOTH_MS && !apart(world, one.0, other.0, one.1.max(other.1)) {
                    self.twice.push(format!("{both} ms of {start}..{end} of call {}: {:?}", one.0.call, seen(&texts)));
                }
            }
        }
    }
}

/// Whether two sources were two calls at that time of the day, or for some seconds after.
fn apart(world: &World, one: &Sound, other: &Sound, at_ms: u64) -> bool {
    /// An utterance that had begun by then is told to its end.
    const AFTER_MS: u64 = 6000;
    let is_merge = |call: &str, uniqueid: &str| {
        (call == one.call && uniqueid == other.call) || (call == other.call && uniqueid == one.call)
    };
    one.call != other.call
        && world
            .merges
            .iter()
            .all(|(call, uniqueid, merged_ms)| !is_merge(call, uniqueid) || at_ms < merged_ms + AFTER_MS)
}

fn seen(texts: &[(&Sound, u64, u64)]) -> Vec<(i64, u64, u64)> {
    texts.iter().map(|(leg, from, to)| (leg.key.0, *from, *to)).collect()
}

/// What of a piece is outside of another.
fn cut((start, end): (u64, u64), (from, to): (u64, u64)) -> Vec<(u64, u64)> {
    let outside = [(start, end.min(from)), (start.max(to), end)];
    outside.into_iter().filter(|(start, end)| start < end).collect()
}
