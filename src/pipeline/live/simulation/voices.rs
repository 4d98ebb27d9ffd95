//! What is said in a call that comes by several sources: the same words on each leg that holds the voice.

use super::dice::Dice;
use super::sound::{PER_MS, speech};
use crate::call::Leg;

/// What is said in a call, in turns: by whom, from when to when of the day, milliseconds.
pub struct Voices {
    pub turns: Vec<(Leg, u64, u64)>,
}

impl Voices {
    pub fn new(dice: &mut Dice, from_ms: u64, to_ms: u64) -> Self {
        let said = speech(dice, from_ms, to_ms);
        let side = |place: usize| if place.is_multiple_of(2) { Leg::Agent } else { Leg::Caller };
        let turns = said.into_iter().enumerate();
        Self { turns: turns.map(|(place, (start, end))| (side(place), start / PER_MS, end / PER_MS)).collect() }
    }

    /// What of it a leg has that began then, in its samples.
    pub fn on_leg(&self, which: Leg, began_ms: u64, ends_ms: u64) -> Vec<(u64, u64)> {
        let of_leg = self.turns.iter().filter(|(side, ..)| side.shares_voice(which));
        let within = of_leg.map(|&(_, start, end)| (start.max(began_ms), end.min(ends_ms)));
        let samples = |(start, end): (u64, u64)| ((start - began_ms) * PER_MS, (end - began_ms) * PER_MS);
        within.filter(|(start, end)| start < end).map(samples).collect()
    }
}
