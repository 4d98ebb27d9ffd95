//! Takes the listener's VAD events: utterances become rows and go to the workers; speech that goes on is transcribed for partial text.

use std::sync::Arc;

use super::call::{RunningLeg, Turn};
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Facts, Now, Preflight, Question};
use super::listen::VadEvent;
use crate::call::{CallKey, CallState, CallTime, Leg, LegKey, ProcessingMode, Source, UtteranceKey, WallTime};
use crate::governor::Plan;
use crate::pipeline::workers::partial::{self, Growing};
use crate::pipeline::workers::{Job, Written};
use crate::speech::queue::Urgency;
use crate::speech::utterance::Found;
use crate::store::change::{Change, NewUtterance, UtteranceState};

/// An utterance of a leg that closed this recently, milliseconds, still counts as live.
const JUST_SAID_MS: i64 = 10_000;

/// A preflight is due this much later than a finished utterance, milliseconds, because somebody waits for the utterance already.
const PREFLIGHT_MS: i64 = 300;

impl Conductor {
    pub(super) fn wants_for_vad(&self, event: &VadEvent, facts: &Facts) -> Option<Question> {
        match *event {
            VadEvent::Growing(leg, _) if facts.time.is_none() && self.calls.of_leg(leg).is_some() => {
                Some(Question::TimeForPartial)
            }
            VadEvent::Pausing(leg, _) if facts.time.is_none() && self.calls.of_leg(leg).is_some() => {
                Some(Question::TimeForPreflight)
            }
            VadEvent::Utterance(leg, Found { start, end })
                if matches!(facts.preflight, Preflight::NotAsked) && self.calls.of_leg(leg).is_some() =>
            {
                Some(Question::Preflight { leg, start, end })
            }
            _ => None,
        }
    }

    pub(super) fn vad_event(&mut self, event: VadEvent, facts: Facts, now: &Now) {
        match event {
            VadEvent::Growing(leg, found) if facts.time == Some(true) => self.ask_for_partial(leg, found, now),
            VadEvent::Pausing(leg, found) if facts.time == Some(true) => self.ask_for_preflight(leg, found, now),
            VadEvent::Growing(..) | VadEvent::Pausing(..) => {}
            VadEvent::Utterance(leg, found) => {
                self.partials.over(leg);
                if let Some(running) = self.calls.leg_mut(leg) {
                    running.said = true;
                }
                self.utterance(leg, found, facts.preflight, now);
            }
            VadEvent::Settled(leg, sample) => {
                if let Some(running) = self.calls.leg_mut(leg) {
                    running.settled = sample;
                }
            }
            VadEvent::End { leg, at, peak } => {
                self.does(Effect::PreflightUnneeded(leg));
                self.heard_to_end(leg, at, peak);
            }
            VadEvent::Failed(leg, problem) => {
                self.does(Effect::PreflightUnneeded(leg));
                if let Some(running) = self.calls.leg_mut(leg) {
                    log::error!("leg {leg} of call {}: {problem}; it has no text from here on", running.leg.spec.call);
                }
                self.broke(leg);
            }
        }
    }

    /// Takes a finished utterance: it gets its row and its place in the queue, or its text if a preflight has transcribed it.
    fn utterance(&mut self, leg: LegKey, found: Found, read: Preflight, now: &Now) {
        let state = if now.model_ready { UtteranceState::Pending } else { UtteranceState::WaitingForModel };
        let Some((utterance, row)) = self.number(leg, found, state) else { return };
        let Some((key, call)) = self.calls.of_leg_mut(leg) else { return };
        let Some(running) = call.legs.get(&leg) else { return };
        let spec = &running.leg.spec;
        let (start_ms, end_ms) = (running.at_ms(found.start), running.at_ms(found.end));
        call.watch.utterance(utterance.0, spec.leg, start_ms, end_ms);
        if spec.leg != Leg::Mixed && spec.source.is_of_pbx() {
            call.turns.push(Turn { utterance: utterance.0, range: start_ms..end_ms });
        }
        let after_the_call = self.modes.of(spec.source) == ProcessingMode::PostcallOnly;
        let live = spec.source != Source::Upload
            && !after_the_call
            && (!running.leg.is_closed() || now.wall().0 - running.leg.last_audio().0 < JUST_SAID_MS);
        let said = if live { now.wall() } else { WallTime(spec.started.0 + end_ms - running.offset_ms) };
        let (vocabulary, campaign) = (call.names_said.vocabulary(), call.campaign.clone());
        let job = Job {
            utterance,
            leg: Arc::clone(&running.leg),
            start: found.start,
            end: found.end,
            said,
            live,
            vocabulary,
            campaign,
        };
        self.push(vec![row]);
        if let Preflight::Read(engine, recognition) = read {
            return self.written(Written { job, result: Ok(recognition), engine }, now);
        }
        if after_the_call
            && let Some((_, call)) = self.calls.of_leg_mut(leg)
            && call.is_open()
        {
            call.put_off.push(job);
            return;
        }
        let urgency = if live && self.is_written_live(key, now.plan) { Urgency::Live } else { Urgency::PostCall };
        self.does(Effect::Transcribe { urgency, due: said, job: Box::new(job) });
    }

    /// A stretch of speech gets its number, and its call waits for its text.
    pub(super) fn number(
        &mut self,
        leg: LegKey,
        found: Found,
        state: UtteranceState,
    ) -> Option<(UtteranceKey, Change)> {
        let (call, running_call) = self.calls.of_leg_mut(leg)?;
        let running = running_call.legs.get(&leg)?;
        let key = UtteranceKey(self.next_utterance.next());
        running_call.outstanding += 1;
        let row = NewUtterance {
            key,
            call,
            leg,
            start_sample: found.start,
            end_sample: found.end,
            start: CallTime(running.at_ms(found.start)),
            end: CallTime(running.at_ms(found.end)),
            state,
        };
        Some((key, Change::UtteranceFound(row)))
    }

    /// Whether a call is among those that the governor has written down live: those that began first.
    pub(super) fn is_written_live(&self, call: CallKey, plan: Plan) -> bool {
        let share = plan.step.live_share();
        let running = || self.calls.iter().filter(|(_, other)| other.state == CallState::Active);
        // Keys are given in the order of beginning.
        let before = running().filter(|(key, _)| *key < call).count() as f64;
        share >= 1.0 || before < (running().count() as f64 * share).ceil()
    }

    /// Whether nothing of a leg is transcribed before its call is over.
    fn is_put_off(&self, leg: &RunningLeg) -> bool {
        self.modes.of(leg.leg.spec.source) == ProcessingMode::PostcallOnly
    }

    /// The line is closed: what was put off until now is transcribed.
    pub(super) fn take_up_put_off(&mut self, call: CallKey) {
        let put_off = self.calls.get_mut(call).map(|call| std::mem::take(&mut call.put_off));
        for job in put_off.into_iter().flatten() {
            self.does(Effect::Transcribe { urgency: Urgency::PostCall, due: job.said, job: Box::new(job) });
        }
    }

    /// Requests a preflight.
    fn ask_for_preflight(&mut self, leg: LegKey, found: Found, now: &Now) {
        let Some((key, call, running)) = self.calls.of_leg(leg) else { return };
        if !self.is_written_live(key, now.plan) || self.is_put_off(running) {
            return;
        }
        let (leg, vocabulary) = (Arc::clone(&running.leg), call.names_said.vocabulary());
        let campaign = call.campaign.clone();
        let stretch = Growing { leg, start: found.start, end: found.end, begin: Vec::new(), vocabulary, campaign };
        self.does(Effect::Preflight { due: WallTime(now.wall().0 + PREFLIGHT_MS), stretch });
    }

    /// Requests a partial text.
    fn ask_for_partial(&mut self, leg: LegKey, found: Found, now: &Now) {
        let Some((_, call, running)) = self.calls.of_leg(leg) else { return };
        if self.is_put_off(running) {
            return;
        }
        let Some(begin) = self.partials.ask(leg, found, running.leg.spec.rate_hz, now.at.steady) else { return };
        let (leg, campaign) = (Arc::clone(&running.leg), call.campaign.clone());
        let stretch = Growing { leg, start: found.start, end: found.end, begin, vocabulary: None, campaign };
        self.does(Effect::Partial { due: now.wall(), stretch });
    }

    /// Tells the feeds what is being said; none of it is kept.
    pub(super) fn show_partial(&mut self, reading: &partial::Reading, now: &Now) {
        let leg = &reading.growing.leg;
        let Some((stable, rest)) = self.partials.take(reading) else { return };
        let Some((key, call, running)) = self.calls.of_leg(leg.key) else { return };
        let start_s = running.at_ms(reading.growing.start) as f64 / 1000.0;
        let (stable, rest) = self.privacy.clean_partial(&now.analyser, stable, rest);
        let message = partial::message(call.id.as_str(), leg, start_s, &stable, &rest);
        self.does(Effect::Show(key, message));
    }
}
