//! Effects of time on a call: it notes progress, asks the rules on silence, and ends finished calls.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Hearing, RunningLeg};
use super::clock::is_step;
use super::conductor::Conductor;
use super::effect::{Effect, Gauges};
use super::event::Now;
use super::messages::event;
use super::privacy::Privacy;
use super::watching::{Origin, TextReader, risk_change};
use crate::call::{CallKey, CallState, Leg, Source, WallTime};
use crate::contract::message::{CallEnd, CallEndKind, Hangup, HangupKind, Message};
use crate::contract::seconds;
use crate::spool::SpooledLeg;
use crate::store::change::Change;

/// A call whose legs are closed ends when no other leg comes for this long: taps of two directions open and close one after the other.
const GRACE: Duration = Duration::from_secs(2);

/// Note on a connection that brings nothing any more.
pub(super) const STALLED: &str = "nothing comes of it any more";
/// A connection that has brought nothing for this many seconds has stalled.
const STALL_S: u64 = 1;

impl Conductor {
    /// Comes four times a second.
    pub(super) fn tick(&mut self, now: &Now) {
        let mut changes = self.progress(now);
        changes.extend(self.settle_pauses());
        let calls = &self.calls;
        self.privacy.forget_old(now.at.steady, |key| calls.get(key).is_some());
        if !self.model_was_ready && now.model_ready {
            self.model_was_ready = true;
            changes.push(Change::ModelArrived);
        }
        if !changes.is_empty() {
            self.push(std::mem::take(&mut changes));
        }
        for key in self.calls.keys() {
            self.choose_sources(key);
            self.look_at_time(key, now, &mut changes);
            self.look_for_end(key, now, &mut changes);
        }
        self.measure();
        if !changes.is_empty() {
            self.push(changes);
        }
    }

    /// Corrects times after a step of the wall clock, so that a second leg keeps its place in its call, and a pause its place on each leg. It must
    /// run before anything is noted by the clock.
    pub(super) fn mind_the_clock(&mut self, now: &Now) {
        let step_ms = self.clock.moved_ms(now.wall(), now.at.steady);
        if step_ms == 0 {
            return;
        }
        let seen = self.boot_clock.as_mut().map(|clock| {
            clock.ahead_ms += step_ms;
            Change::ClockSeen(clock.clone())
        });
        if !is_step(step_ms) {
            // Nothing moves, now or at the next start, to which several of these would look like one step.
            self.push(seen.into_iter().collect());
            return;
        }
        metrics::counter!("lineside_clock_steps_total").increment(1);
        log::warn!("the clock was stepped by {} s; running calls keep their own time", step_ms / 1000);
        self.privacy.stepped(step_ms);
        self.pending_pauses.stepped(step_ms);
        let mut changes = Vec::new();
        for key in self.calls.keys() {
            let Some(call) = self.calls.get_mut(key) else { continue };
            call.stepped_ms += step_ms;
            for running in call.legs.values() {
                running.leg.began_at(WallTime(running.leg.began().0 + step_ms));
            }
            changes.push(Change::CallStepped { call: key, ms: call.stepped_ms });
        }
        changes.extend(seen);
        self.push(changes);
    }

    /// Notes the progress of legs. Legs of a former run that nobody continues are closed, and the rest of their audio is transcribed.
    fn progress(&mut self, now: &Now) -> Vec<Change> {
        let waited = now.at.steady >= self.resume_until;
        let (mut changes, mut gone) = (Vec::new(), Vec::new());
        for running in self.calls.legs_mut() {
            let leg = Arc::clone(&running.leg);
            let samples = leg.samples();
            if waited && running.hearing == Hearing::Awaited {
                // Gone, or over when the former run ended: then its file is all there, and not all of it was heard.
                let to = running.heard.last().and_then(|(_, to)| *to);
                running.hearing = match running.heard.is_empty() {
                    true => Hearing::StandsBy,
                    false if running.settled < to.unwrap_or(samples).min(samples) => Hearing::Going,
                    false if to.is_some() => Hearing::StandsBy,
                    false => Hearing::Over,
                };
                if running.hearing == Hearing::Going {
                    gone.push(Effect::Listen(Arc::clone(&leg), running.settled, to));
                }
                let reason = "gone after a restart".into();
                changes.push(Change::LegClosed { leg: leg.key, samples, reason, at: now.wall() });
            }
            changes.extend(running.stall().into_iter().flatten());
            // Once a second is enough for a list.
            if samples.saturating_sub(running.noted) >= u64::from(leg.spec.rate_hz) && !leg.is_closed() {
                running.noted = samples;
                changes.push(Change::LegGrown { leg: leg.key, samples, at: leg.last_audio() });
            }
        }
        for listen in gone {
            self.does(listen);
        }
        changes
    }

    /// Beginnings of pauses that are known better now.
    fn settle_pauses(&mut self) -> Vec<Change> {
        let legs = self.calls.iter().flat_map(|(_, call)| call.legs.values());
        let settled: Vec<_> = legs.map(|running| (running.leg.key, Privacy::settled(&running.leg))).collect();
        let mut changes = Vec::new();
        for (leg, rows) in settled.into_iter().filter(|(_, rows)| !rows.is_empty()) {
            self.does(Effect::DropCached(leg));
            changes.extend(rows);
        }
        changes
    }

    /// Lets the rules look at the passing of time: dead air, sentences that are missing at their deadline, one side that talks over the other.
    fn look_at_time(&mut self, key: CallKey, now: &Now, changes: &mut Vec<Change>) {
        self.watching.renew(&now.analyser);
        let now = now.wall();
        let Some(call) = self.calls.get_mut(key) else { return };
        let TextReader { book, .. } = self.watching.reading(call.campaign.as_deref());
        let Some(to_ms) = call.known_to_ms(now) else { return };
        if let Some(alert) = call.watch.passed(&book, to_ms, &call.rolling) {
            changes.push(risk_change(key, &call.watch.risk(&call.rolling)));
            changes.push(self.watching.raise(key, alert, &Origin::Time, now));
        }
    }

    /// A call whose legs are closed has hung up; it has ended when all of it was heard and is text.
    fn look_for_end(&mut self, key: CallKey, now: &Now, changes: &mut Vec<Change>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.is_open() {
            return;
        }
        self.take_up_put_off(key);
        let Some(call) = self.calls.get_mut(key) else { return };
        let (at, now, steady) = (now, now.wall(), now.at.steady);
        if call.state == CallState::Active {
            call.state = CallState::ConnectionClosed;
            let reason = call.end_reason().to_owned();
            let hangup = Hangup {
                kind: HangupKind::It,
                event: HangupKind::It,
                call_id: call.id.to_string(),
                timestamp: now.rfc3339(),
                reason: reason.clone(),
                duration: seconds(call.audio_ms),
                outstanding: call.outstanding,
            };
            let state = CallState::ConnectionClosed;
            changes.push(Change::CallMoved { call: key, state, at: now, reason: Some(reason) });
            changes.push(event(key, now, Message::Hangup(hangup)));
        }
        if !call.is_unfinished() && steady.saturating_duration_since(call.closed_at) >= GRACE {
            self.end(key, at, changes);
        }
    }

    fn end(&mut self, key: CallKey, at: &Now, changes: &mut Vec<Change>) {
        let now = at.wall();
        let Some(call) = self.calls.get_mut(key) else { return };
        let TextReader { book, .. } = self.watching.reading(call.campaign.as_deref());
        if let Some(leg) = call.whole_mix() {
            changes.push(Change::LegLabelled { leg, label: Leg::Mixed });
        }
        if let Some(alert) = call.watch.ended(&book, call.audio_ms, &call.rolling) {
            changes.push(self.watching.raise(key, alert, &Origin::Time, now));
        }
        if call.rolling.call.segments > 0 {
            changes.push(risk_change(key, &call.watch.risk(&call.rolling)));
        }
        let (duration, sentiment) = (call.audio_ms as f64 / 1000.0, &call.rolling.call);
        let reason = call.end_reason();
        let end = CallEnd {
            kind: CallEndKind::It,
            event: CallEndKind::It,
            call_id: call.id.to_string(),
            timestamp: now.rfc3339(),
            reason: reason.to_owned(),
            duration,
            audio_seconds: duration,
            segments: sentiment.segments,
            sentiment: sentiment.mean,
        };
        changes.push(Change::CallMoved { call: key, state: CallState::Completed, at: now, reason: None });
        changes.push(event(key, now, Message::CallEnd(end)));
        log::info!("call {} ended ({reason}): {duration:.1} s, {} segments", call.id, sentiment.segments);
        self.forget(key, at);
    }

    /// Figures that nobody else has.
    fn measure(&mut self) {
        let spoken = |leg: &SpooledLeg| !leg.is_closed() && leg.spec.source != Source::Ingest;
        let legs = || self.calls.iter().flat_map(|(_, call)| call.legs.values());
        let gauges = Gauges {
            calls: self.calls.len(),
            open_legs: legs().filter(|running| !running.leg.is_closed()).count(),
            goes_on: legs().any(|running| spoken(&running.leg)),
            outstanding: self
                .calls
                .iter()
                .map(|(_, call)| (call.state == CallState::Active, call.outstanding))
                .collect(),
        };
        self.does(Effect::Measure(gauges));
    }
}

impl RunningLeg {
    /// Notes that a leg has stalled or goes on. Its row tells how far its audio went, because after a crash the silence behind it looks like audio.
    fn stall(&mut self) -> Option<[Change; 2]> {
        let (from, to) = self.heard.last().copied()?;
        let put_in = self.leg.samples().saturating_sub(self.leg.sounded());
        let stalled = put_in >= u64::from(self.leg.spec.rate_hz) * STALL_S;
        if to.is_some() || self.hearing != Hearing::Going || stalled == self.stalled {
            return None;
        }
        self.stalled = stalled;
        let leg = self.leg.key;
        let why = if stalled { STALLED.into() } else { self.why.clone() };
        let to = stalled.then(|| self.leg.sounded());
        Some([Change::LegHeard { leg, from, to }, Change::LegWhy { leg, why }])
    }
}
