//! Chooses which sources of a call are transcribed: a pure function of the state of its legs.
//!
//! Two legs hold the same voice if they have the same direction, or if one of them is the mix. The best of them is transcribed: two directions before
//! a mix, 16 kHz before 8 kHz, a live connection before a file that grows. A leg on which somebody spoke goes on until it ends or breaks; then the
//! next best takes over where its audio ended. So no text is lost and none is there twice, as far as the sources agree about the time: pieces under
//! [`LEAST_MS`] are left out, because a file's beginning is only known to that precision.
//!
//! A mix is transcribed while one of the voices has no leg of its own. It takes some seconds until that is certain. The mix is transcribed for those
//! seconds too, except where somebody spoke on the one direction that existed ([`one_sided`]).

use std::cmp::Reverse;
use std::ops::Range;

use super::call::{Call, Hearing, PastSource, RunningLeg};
use crate::call::{Leg, LegKey};

/// A second source is transcribed for audio that the first lacks only if that is at least this long, milliseconds.
pub(super) const LEAST_MS: i64 = 2000;
/// The same of one that was heard up to there, milliseconds.
const LEAST_OWN_MS: i64 = 300;
/// A single direction waits this long for the other one, milliseconds, before a mix is transcribed.
const ALONE_MS: i64 = 3000;
/// A live connection that brings nothing counts as broken when another source is ahead by this much, milliseconds.
const STALLED_MS: i64 = 15_000;
/// The same of a file: GSM is written every 20 s.
const STALLED_FILE_MS: i64 = 30_000;
/// Later than any sound.
const OPEN: i64 = i64::MAX;

/// The next step for the sources of a call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// Hear a leg from a sample on, to before another.
    Hear { leg: LegKey, from: u64, to: Option<u64>, why: String },
    /// Hear no more of a leg.
    Stop { leg: LegKey, why: String },
    /// Another reason why a leg is not heard.
    Known { leg: LegKey, why: String },
}

/// The next thing to be done, `None` when all is as it should be.
pub(super) fn choose(call: &Call) -> Option<Choice> {
    let legs = by_rank(call);
    if legs.len() + call.past.len() < 2 && legs.iter().all(|leg| !leg.stands_by()) {
        return None;
    }
    twice(call).or_else(|| legs.iter().find_map(|leg| of_one(call, &legs, leg)))
}

/// The legs of a call that the PBX sends, the best first.
fn by_rank(call: &Call) -> Vec<&RunningLeg> {
    let mut legs: Vec<&RunningLeg> = call.legs.values().filter(|leg| leg.leg.spec.source.is_of_pbx()).collect();
    legs.sort_by_key(|leg| Reverse(rank(call, leg)));
    legs
}

/// Two legs are heard that hold the same voice (two calls have become one): one of them stops.
pub(super) fn twice(call: &Call) -> Option<Choice> {
    let legs = by_rank(call);
    let going: Vec<&&RunningLeg> = legs.iter().filter(|leg| leg.goes_on()).collect();
    going.iter().enumerate().find_map(|(place, one)| {
        let same = |other: &&&&RunningLeg| {
            let both = one.end_ms().min(other.end_ms()) - one.offset_ms.max(other.offset_ms);
            one.shares_voice(other) && (both >= LEAST_MS || one.is_open() && other.is_open())
        };
        let other = going[place + 1..].iter().find(same)?;
        let (stays, stops) = if stays(call, one, other) { (one, other) } else { (other, one) };
        Some(Choice::Stop { leg: stops.leg.key, why: known_because(call, stops, stays) })
    })
}

/// Whether the first of two transcribed legs continues.
fn stays(call: &Call, one: &RunningLeg, other: &RunningLeg) -> bool {
    let gives_way = |leg: &RunningLeg, to: &RunningLeg| is_mix(to) && is_alone(call, leg);
    match (gives_way(one, other), gives_way(other, one)) {
        (true, _) => false,
        (_, true) => true,
        _ => (one.said, rank(call, one)) > (other.said, rank(call, other)),
    }
}

/// The next step for one leg.
fn of_one(call: &Call, legs: &[&RunningLeg], leg: &RunningLeg) -> Option<Choice> {
    if !leg.stands_by() {
        return None;
    }
    let others = || legs.iter().copied().filter(|other| other.leg.key != leg.leg.key && leg.shares_voice(other));
    if others().any(|other| other.stops) {
        return None; // where it ends is known in a moment
    }
    if is_mix(leg) && others().any(|other| !is_mix(other) && other.comes_to_its_end()) {
        return None; // what was said at its end is known in a moment
    }
    let rivals: Vec<&RunningLeg> = others().filter(|other| other.goes_on() && other.is_open()).collect();
    if !rivals.is_empty() && rivals.iter().all(|rival| gives_way(call, rival, leg)) {
        let rival = rivals[0];
        return Some(Choice::Stop { leg: rival.leg.key, why: gave_way_because(call, rival, leg) });
    }
    if let Some((from_ms, to_ms)) = piece(leg, &covered(call, leg, others())) {
        let to =
            (to_ms < OPEN).then(|| leg.sample_at(to_ms)).filter(|&to| to < leg.leg.samples() || !leg.leg.is_closed());
        let why = heard_because(call, leg, others(), from_ms);
        return Some(Choice::Hear { leg: leg.leg.key, from: leg.sample_at(from_ms), to, why });
    }
    let first = rivals.first().copied().or_else(|| others().find(|other| !other.heard.is_empty()));
    let why = match first {
        Some(other) => known_because(call, leg, other),
        None => format!("its words are there from {}", call.past.first().map_or_else(String::new, name_of_past)),
    };
    (leg.why != why).then_some(Choice::Known { leg: leg.leg.key, why })
}

/// Whether a leg that is heard gives way to another.
fn gives_way(call: &Call, rival: &RunningLeg, leg: &RunningLeg) -> bool {
    if has_broken(rival, leg) {
        return true;
    }
    if is_mix(leg) && is_alone(call, rival) {
        return rival.end_ms() - rival.offset_ms >= ALONE_MS;
    }
    // A leg that brings nothing is not better.
    rank(call, leg) > rank(call, rival) && !rival.said && leg.end_ms() + ALONE_MS >= rival.end_ms()
}

/// Whether a leg brought nothing any more while another went on.
fn has_broken(rival: &RunningLeg, leg: &RunningLeg) -> bool {
    let patience = if rival.leg.spec.source.is_live() { STALLED_MS } else { STALLED_FILE_MS };
    leg.end_ms() - rival.end_ms().max(leg.offset_ms) >= patience
}

/// The first piece of a leg that nobody else has, in the call's time, if it is worth hearing now.
fn piece(leg: &RunningLeg, covered: &[Range<i64>]) -> Option<(i64, i64)> {
    let end = if leg.is_open() { OPEN } else { leg.end_ms() };
    let mut at = leg.offset_ms;
    // A leg that continues its own audio has no clock difference.
    let own = |at: i64| leg.heard.iter().any(|(_, to)| to.is_some_and(|to| leg.at_ms(to) == at));
    let least = |at: i64| if own(at) { LEAST_OWN_MS } else { LEAST_MS };
    for stretch in covered {
        if stretch.start >= end {
            break;
        }
        if stretch.start - at >= least(at) {
            return Some((at, stretch.start));
        }
        at = at.max(stretch.end);
        if at >= end {
            return None;
        }
    }
    // A leg whose audio no other has is transcribed whatever its length. Any other must reach further than the clocks may differ.
    let whole = at == leg.offset_ms && leg.heard.is_empty();
    (whole || leg.end_ms() - at >= least(at)).then_some((at, end))
}

/// Whether others have been transcribed for what a leg of a former run would go on with from this sample: a crash lost that it had stopped.
pub(super) fn is_overtaken(call: &Call, leg: &RunningLeg, from: u64) -> bool {
    let at_ms = leg.at_ms(from);
    let over = |other: &&RunningLeg| {
        other.leg.key != leg.leg.key && leg.shares_voice(other) && !(other.goes_on() && other.is_open())
    };
    let others = call.legs.values().filter(|other| other.leg.spec.source.is_of_pbx()).filter(over);
    covered_by(call, leg, others).iter().any(|range| range.end - range.start.max(at_ms) >= LEAST_MS)
}

/// Stretches of the call that were, or will be, heard for a leg, in order: of itself and of all who hold its voice.
fn covered<'a>(call: &Call, leg: &'a RunningLeg, others: impl Iterator<Item = &'a RunningLeg>) -> Vec<Range<i64>> {
    let mut all = covered_by(call, leg, others);
    all.extend(heard(leg));
    all.sort_by_key(|range| range.start);
    all
}

/// The same of the others alone, in no order.
fn covered_by<'a>(call: &Call, leg: &RunningLeg, others: impl Iterator<Item = &'a RunningLeg>) -> Vec<Range<i64>> {
    // While one direction goes on, the mix waits until the other certainly does not come.
    let counts = |other: &&RunningLeg| !is_mix(leg) || is_mix(other) || other.goes_on() && other.is_open();
    let mut all: Vec<Range<i64>> = others.filter(counts).flat_map(heard).collect();
    let past = call.past.iter().filter(|past| past.which.shares_voice(leg.leg.spec.leg));
    let past = past.filter(|past| past.which == Leg::Mixed || !is_mix(leg));
    all.extend(past.flat_map(|past| past.heard.iter().cloned()));
    if is_mix(leg) {
        all.extend(one_sided(call));
    }
    all
}

/// The stretches that a mix must leave out: all of them where both directions were transcribed, and the turns on it where only one was.
fn one_sided(call: &Call) -> Vec<Range<i64>> {
    let of_side = |side: Leg| -> Vec<Range<i64>> {
        let legs = call.legs.values().filter(|leg| leg.leg.spec.leg == side && leg.leg.spec.source.is_of_pbx());
        let past = call.past.iter().filter(|past| past.which == side);
        legs.flat_map(heard).chain(past.flat_map(|past| past.heard.iter().cloned())).collect()
    };
    let (agent, caller) = (of_side(Leg::Agent), of_side(Leg::Caller));
    let meets = |one: &Range<i64>, other: &Range<i64>| one.start.max(other.start)..one.end.min(other.end);
    let both = agent.iter().flat_map(|one| caller.iter().map(move |other| meets(one, other)));
    both.filter(|range| range.start < range.end).chain(call.turns.iter().map(|turn| turn.range.clone())).collect()
}

/// Transcribed stretches of a leg, in the call's time; without an end while they go on.
fn heard(leg: &RunningLeg) -> Vec<Range<i64>> {
    let end = if leg.goes_on() && leg.is_open() { OPEN } else { leg.end_ms() };
    leg.heard.iter().map(|&(from, to)| leg.at_ms(from)..to.map_or(end, |to| leg.at_ms(to))).collect()
}

fn is_mix(leg: &RunningLeg) -> bool {
    leg.leg.spec.leg == Leg::Mixed
}

/// Whether a leg holds one direction, and the other comes, or came as long as it, by no leg of its own.
fn is_alone(call: &Call, leg: &RunningLeg) -> bool {
    let which = leg.leg.spec.leg;
    let goes_with = |other: &RunningLeg| {
        other.leg.spec.source.is_of_pbx()
            && other.leg.spec.leg != which
            && !is_mix(other)
            && (other.is_open() && !has_broken(other, leg) || other.end_ms() >= leg.end_ms() - ALONE_MS)
    };
    !is_mix(leg) && !call.legs.values().any(goes_with) && !call.past.iter().any(|past| past.which != which)
}

/// Rank of a leg among those of its voice; higher is better.
fn rank(call: &Call, leg: &RunningLeg) -> (u8, bool, bool, Reverse<LegKey>) {
    let spec = &leg.leg.spec;
    let voices = match (is_mix(leg), is_alone(call, leg)) {
        (true, _) => 1,
        (false, alone) => u8::from(!alone) * 2,
    };
    (voices, spec.rate_hz >= 16_000, spec.source.is_live(), Reverse(leg.leg.key))
}

/// Reason why the first leg is better than the second; `None` where it is not.
fn better_because(call: &Call, one: &RunningLeg, other: &RunningLeg) -> Option<&'static str> {
    let (a, b) = (rank(call, one), rank(call, other));
    match () {
        () if a.0 == 2 && b.0 == 1 => Some("two directions are better than a mix"),
        () if a.0 == 1 && b.0 == 0 => Some("a mix has the voice that one direction alone lacks"),
        () if a.0 != b.0 => (a.0 > b.0).then_some("it comes with the other direction"),
        () if a.1 != b.1 => a.1.then_some("16 kHz is better than 8 kHz"),
        () if a.2 != b.2 => a.2.then_some("a live connection is better than a file"),
        () => None,
    }
}

fn known_because(call: &Call, leg: &RunningLeg, other: &RunningLeg) -> String {
    let why = better_because(call, other, leg).unwrap_or("it was there first");
    format!("{} is heard: {why}", name(other))
}

fn gave_way_because(call: &Call, rival: &RunningLeg, leg: &RunningLeg) -> String {
    if rival.said && has_broken(rival, leg) {
        return format!("nothing came any more: {} goes on", name(leg));
    }
    known_because(call, rival, leg)
}

fn heard_because<'a>(
    call: &Call,
    leg: &RunningLeg,
    others: impl Iterator<Item = &'a RunningLeg>,
    from_ms: i64,
) -> String {
    let others: Vec<&RunningLeg> = others.collect();
    let before = others.iter().filter(|other| heard(other).iter().any(|range| range.end <= from_ms));
    if let Some(last) = before.max_by_key(|other| other.end_ms()) {
        return format!("it goes on where {} ended", name(last));
    }
    if let Some(better) = others.iter().find_map(|other| better_because(call, leg, other)) {
        return better.into();
    }
    let first = others.iter().any(|other| !other.heard.is_empty()) || !call.past.is_empty();
    if first { "it has what nobody else has".into() } else { "the first source of this voice".into() }
}

fn name(leg: &RunningLeg) -> String {
    let spec = &leg.leg.spec;
    format!("leg {} ({}, {})", leg.leg.key, spec.source.as_str(), spec.leg.as_str())
}

fn name_of_past(past: &PastSource) -> String {
    format!("leg {} ({}, {})", past.leg, past.source.as_str(), past.which.as_str())
}

impl RunningLeg {
    /// Whether it is known and not heard at present.
    pub fn stands_by(&self) -> bool {
        self.hearing == Hearing::StandsBy
    }

    /// Whether it is being heard, with no end set.
    fn goes_on(&self) -> bool {
        let unbounded = self.heard.last().is_some_and(|(_, to)| to.is_none());
        matches!(self.hearing, Hearing::Going | Hearing::Awaited) && unbounded && !self.stops
    }

    /// Whether its sound is complete and the listener is still at it.
    fn comes_to_its_end(&self) -> bool {
        self.hearing == Hearing::Going && self.leg.is_closed()
    }

    /// Present end of its audio, milliseconds of the call. Silence that was put in because nothing came does not count.
    pub fn end_ms(&self) -> i64 {
        self.at_ms(self.leg.sounded())
    }

    fn shares_voice(&self, other: &Self) -> bool {
        self.leg.spec.leg.shares_voice(other.leg.spec.leg)
    }
}
