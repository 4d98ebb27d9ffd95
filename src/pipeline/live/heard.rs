//! What the listener finds on a leg: utterances become rows and go to the workers; what is still being said is read for those who watch.

use std::sync::Arc;
use std::time::Instant;

use super::call::Hearing;
use super::conductor::Live;
use super::listen::Heard;
use crate::call::{CallKey, CallState, CallTime, LegKey, Source, UtteranceKey, WallTime};
use crate::pipeline::workers::partial::{self, Growing};
use crate::pipeline::workers::{Job, Work};
use crate::speech::queue::Urgency;
use crate::speech::utterance::Found;
use crate::store::StoreError;
use crate::store::change::{Change, NewUtterance, UtteranceState};

/// What was said on a leg that closed so lately is still live.
const JUST_SAID_MS: i64 = 10_000;

/// By so much later is due what may not be over: of what is over, somebody waits already.
const AHEAD_MS: i64 = 300;

impl Live {
    pub(super) async fn heard(&mut self, heard: Heard) -> Result<(), StoreError> {
        match heard {
            Heard::Growing(leg, found) => self.ask_for_partial(leg, found),
            Heard::Pausing(leg, found) => self.read_ahead(leg, found),
            Heard::Utterance(leg, found) => {
                self.partials.over(leg);
                self.utterance(leg, found).await?;
            }
            Heard::Settled(leg, sample) => {
                if let Some(running) = self.calls.leg_mut(leg) {
                    running.settled = sample;
                }
            }
            Heard::End { leg, peak } => {
                self.parts.workers.ahead.want_no_more(leg);
                if let Some(running) = self.calls.leg_mut(leg) {
                    running.peak = peak;
                    running.hearing = Hearing::Over;
                }
            }
            Heard::Failed(leg, problem) => {
                self.parts.workers.ahead.want_no_more(leg);
                if let Some(running) = self.calls.leg_mut(leg) {
                    log::error!("leg {leg} of call {}: {problem}; it has no text from here on", running.leg.spec.call);
                    running.hearing = Hearing::Over;
                }
            }
        }
        Ok(())
    }

    /// Somebody has said something: it gets its row and its place in the queue.
    async fn utterance(&mut self, leg: LegKey, found: Found) -> Result<(), StoreError> {
        let now = self.now();
        let ready = self.parts.workers.ready();
        let state = if ready { UtteranceState::Pending } else { UtteranceState::WaitingForModel };
        let Some((utterance, row)) = self.number(leg, found, state) else { return Ok(()) };
        let Some((key, call)) = self.calls.of_leg_mut(leg) else { return Ok(()) };
        let Some(running) = call.legs.get(&leg) else { return Ok(()) };
        let spec = &running.leg.spec;
        let (start_ms, end_ms) = (running.at_ms(found.start), running.at_ms(found.end));
        call.watch.utterance(utterance.0, spec.leg, start_ms, end_ms);
        let live = spec.source != Source::Upload
            && (!running.leg.is_closed() || now.0 - running.leg.last_audio().0 < JUST_SAID_MS);
        let said = if live { now } else { WallTime(spec.started.0 + end_ms - running.offset_ms) };
        let job = Job { utterance, leg: Arc::clone(&running.leg), start: found.start, end: found.end, said, live };
        self.push(vec![row]).await?;
        let workers = &self.parts.workers;
        if let Some((engine, recognition)) = workers.ahead.take_read(leg, found.start, found.end) {
            let written = workers.written(job, engine, recognition);
            return self.written(written).await;
        }
        let urgency = if live && self.is_written_live(key) { Urgency::Live } else { Urgency::PostCall };
        self.parts.workers.queue.push(urgency, said, Work::Utterance(Box::new(job)));
        Ok(())
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
    pub(super) fn is_written_live(&self, call: CallKey) -> bool {
        let share = self.parts.workers.orders.plan().step.live_share();
        let running = || self.calls.iter().filter(|(_, other)| other.state == CallState::Active);
        // Keys are given in the order of beginning.
        let before = running().filter(|(key, _)| *key < call).count() as f64;
        share >= 1.0 || before < (running().count() as f64 * share).ceil()
    }

    /// Has what was said read while it is not certain that it is over, when nobody has to wait for that.
    fn read_ahead(&mut self, leg: LegKey, found: Found) {
        let workers = &self.parts.workers;
        let Some((key, _, running)) = self.calls.of_leg(leg) else { return };
        if !workers.may_read_ahead() || !self.is_written_live(key) {
            return;
        }
        workers.ahead.want(leg, found.start, found.end);
        let stretch = Growing { leg: Arc::clone(&running.leg), start: found.start, end: found.end, begin: Vec::new() };
        workers.queue.push(Urgency::Live, WallTime(self.now().0 + AHEAD_MS), Work::Ahead(stretch));
    }

    /// Has speech read that is not over, while nothing else waits.
    fn ask_for_partial(&mut self, leg: LegKey, found: Found) {
        let workers = &self.parts.workers;
        let Some((.., running)) = self.calls.of_leg(leg) else { return };
        if !workers.has_time() {
            return;
        }
        let Some(begin) = self.partials.ask(leg, found.start, Instant::now()) else { return };
        let growing = Growing { leg: Arc::clone(&running.leg), start: found.start, end: found.end, begin };
        workers.queue.push(Urgency::Growing, self.now(), Work::Growing(growing));
    }

    /// Tells the feeds what is being said; none of it is kept.
    pub(super) fn show_partial(&mut self, reading: &partial::Reading) {
        let leg = &reading.growing.leg;
        let Some((stable, rest)) = self.partials.take(reading) else { return };
        let Some((key, call, running)) = self.calls.of_leg(leg.key) else { return };
        let start_s = running.at_ms(reading.growing.start) as f64 / 1000.0;
        let (stable, rest) = self.privacy.clean_partial(&self.analyser(), stable, rest);
        let message = partial::message(call.id.as_str(), leg, start_s, &stable, &rest);
        self.parts.store.show(key, &message);
    }
}
