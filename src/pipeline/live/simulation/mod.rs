//! A day of calls in seconds, with everything that may befall it: the core in a world of plain memory, driven by chance that is the same for a seed.
//!
//! `world.rs` is that world: clock, store (`rows.rs`), listener, workers. `sound.rs` is what was really said, `day.rs` what happens,
//! `acts.rs` what that does, `restart.rs` a crash
//! and the start after it, `verdict.rs` what has to be true at the end, `one_text.rs` the same of a call that comes by several sources (`voices.rs`).
//!
//! `LINESIDE_SEEDS` says how many days (200), `LINESIDE_FIRST_SEED` with which they begin (0), `LINESIDE_SEED` which one alone, with all that happens
//! in it. `LINESIDE_NO_STALLS` leaves out taps that end early or stall, and resumes that nobody hears.

mod acts;
mod day;
mod dice;
mod listener;
mod one_text;
mod restart;
pub(super) mod rows;
mod sound;
mod verdict;
mod voices;
mod world;

use std::sync::Arc;

use self::dice::Dice;
use self::verdict::Verdict;
use self::world::{Faults, World};
use crate::text::TextAnalyser;

/// Calls of a day.
const CALLS: u64 = 8;
/// A call of which nothing more comes ends within this time.
const PATIENCE_MS: u64 = 3_600_000;

/// A day, to its end.
fn day(seed: u64, analyser: &Arc<TextAnalyser>) -> World {
    let mut dice = Dice(seed ^ 0xda7);
    let calm = dice.chance(0.2);
    let faults = Faults {
        crash: if calm || dice.chance(0.3) { 0.0 } else { 0.002 },
        slowest_ms: if dice.chance(0.3) { 60_000 } else { 3000 },
        fails: if calm { 0.0 } else { 0.05 },
    };
    let mut world = World::new(seed, faults, analyser);
    world.trace = number("LINESIDE_SEED").is_some();
    let length_ms = world.plan_day(CALLS);
    if !calm {
        let kills = world.dice.between(0, 4);
        world.plan_faults(kills);
    }
    let until_ms = length_ms + PATIENCE_MS;
    while world.at_ms < until_ms && world.step() {}
    let sets = world.rows.waiting();
    world.rows.commit(sets);
    world
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn a_day_of_calls_with_faults_loses_nothing_tells_nothing_twice_and_ends_every_call() {
    let analyser = World::analyser();
    let (first, count) = match number("LINESIDE_SEED") {
        Some(alone) => (alone, 1),
        None => (number("LINESIDE_FIRST_SEED").unwrap_or(0), number("LINESIDE_SEEDS").unwrap_or(200)),
    };
    let (mut events, mut faults, mut bad) = (0, 0, Vec::new());
    let (mut lost, mut twice, mut unended, mut broken) = (0, 0, 0, 0);
    for seed in first..first + count {
        let world = day(seed, &analyser);
        let verdict = Verdict::of(&world);
        events += world.events;
        faults += world.befallen;
        lost += verdict.lost.len();
        twice += verdict.twice.len();
        unended += verdict.unended.len();
        broken += verdict.broken.len();
        if !verdict.is_good() {
            bad.push((seed, verdict));
        }
    }
    println!(
        "simulation: {count} seeds from {first} on, {events} events, {faults} faults, lost {lost}, twice {twice}, unended {unended}, pauses and rules \
         broken {broken}"
    );
    if !bad.is_empty() {
        println!("days that went wrong (LINESIDE_SEED): {:?}", bad.iter().map(|(seed, _)| seed).collect::<Vec<_>>());
    }
    assert!(
        bad.is_empty(),
        "{} of {count} days went wrong, the first (LINESIDE_SEED): {:#?}",
        bad.len(),
        &bad[..bad.len().min(3)]
    );
}
