//! The conductor's core: the state of running calls, and how events change it.
//!
//! [`Conductor::on`] takes an event with the present time and the facts, and returns effects. It never waits, reads no clock, and knows no store,
//! channel or thread. It reads a leg's counters and marks its silences ([`crate::spool::SpooledLeg`]), both in memory. So a test drives it with a
//! clock and a world of its own (`simulation/`).

use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use super::calls::{Calls, RowNumbers};
use super::clock::StepWatch;
use super::effect::{Answer, Effect};
use super::event::{Event, Facts, Now, Question, Request};
use super::expected::Expected;
use super::pending_pauses::PendingPauses;
use super::privacy::Privacy;
use super::watching::Watching;
use crate::call::{BootClock, CallKey, Hear, LegKey, ProcessingModes};
use crate::pipeline::workers::Done;
use crate::pipeline::workers::partial::Partials;
use crate::spool::{SpoolEvent, SpooledLeg};
use crate::store::change::Change;

/// The conductor.
pub(super) struct Conductor {
    pub(super) calls: Calls,
    /// Names given before their call is heard of.
    pub(super) expected: Expected,
    /// Pauses requested before their call is heard of.
    pub(super) pending_pauses: PendingPauses,
    pub(super) next_call: RowNumbers,
    pub(super) next_utterance: RowNumbers,
    /// End of the time in which recordings of a former run may come back.
    pub(super) resume_until: Instant,
    pub(super) model_was_ready: bool,
    pub(super) watching: Watching,
    pub(super) privacy: Privacy,
    pub(super) partials: Partials,
    pub(super) clock: StepWatch,
    /// The wall clock beside the clock of this boot, which the next run compares with its own; `None` where the kernel names no boot.
    pub(super) boot_clock: Option<BootClock>,
    pub(super) hear: Hear,
    /// Modes of processing: live, after the call, or both.
    pub(super) modes: ProcessingModes,
    /// Effects that have not been taken yet, in order.
    effects: Vec<Effect>,
}

impl Conductor {
    pub(super) fn new(highest: (i64, i64), watching: Watching, privacy: Privacy, hear: Hear, now: &Now) -> Self {
        /// How long after the start legs of recordings that a former run followed may come back.
        const RESUME: std::time::Duration = std::time::Duration::from_mins(1);
        let (call, utterance) = highest;
        let steady = now.at.steady;
        Self {
            calls: Calls::default(),
            expected: Expected::default(),
            pending_pauses: PendingPauses::default(),
            next_call: RowNumbers::after(call),
            next_utterance: RowNumbers::after(utterance),
            resume_until: steady + RESUME,
            model_was_ready: false,
            watching,
            privacy,
            partials: Partials::new(steady),
            clock: StepWatch::new(now.wall(), steady),
            boot_clock: None,
            hear,
            modes: ProcessingModes::default(),
            effects: Vec::new(),
        }
    }

    /// The next fact that this event needs; `None` when all are there.
    pub(super) fn wants(&self, event: &Event, facts: &Facts) -> Option<Question> {
        match event {
            Event::Spool(SpoolEvent::Named(line)) => self.wants_for_line(line, facts),
            Event::Spool(SpoolEvent::Opened(leg)) => self.wants_for_leg(leg, facts),
            Event::Vad(event) => self.wants_for_vad(event, facts),
            Event::Request(Request::Name { call, names }) => Self::wants_for_name(call, names, facts),
            Event::Request(Request::NameFromPbx { call, names }) => self.wants_for_pbx_names(call, names, facts),
            Event::Request(Request::PartOf { channel, call }) => self.wants_for_part(channel, call, facts),
            Event::Request(Request::PauseNamed(wish)) => self.wants_for_pause(wish, facts),
            Event::Spool(_) | Event::Done(_) | Event::Request(_) | Event::Tick => None,
        }
    }

    /// Takes an event; gives what is to be done, in this order and before the next event.
    pub(super) fn on(&mut self, event: Event, facts: Facts, now: &Now) -> Vec<Effect> {
        self.mind_the_clock(now);
        match event {
            Event::Spool(SpoolEvent::Named(line)) => self.named(&line, &facts, now),
            Event::Spool(SpoolEvent::Left(line)) => self.left(&line, now),
            Event::Spool(SpoolEvent::Opened(leg)) => self.opened(&leg, &facts, now),
            Event::Spool(SpoolEvent::Closed(leg)) => self.closed(&leg, now),
            Event::Spool(SpoolEvent::Dtmf { leg, at_sample, digit }) => self.dtmf(leg, at_sample, digit, now),
            Event::Vad(event) => self.vad_event(event, facts, now),
            Event::Done(Done::Written(written)) => self.written(written, now),
            Event::Done(Done::Growing(reading)) => self.show_partial(&reading, now),
            Event::Request(request) => self.request(request, &facts, now),
            Event::Tick => self.tick(now),
        }
        self.effects()
    }

    /// Takes the effects decided so far.
    pub(super) fn effects(&mut self) -> Vec<Effect> {
        std::mem::take(&mut self.effects)
    }

    /// Number of effects decided so far.
    pub(super) fn effect_count(&self) -> usize {
        self.effects.len()
    }

    pub(super) fn does(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn push(&mut self, changes: Vec<Change>) {
        self.does(Effect::Push(changes));
    }

    /// Has stretches of a leg's file overwritten, after the rows that say so.
    pub(super) fn overwrite(&mut self, leg: &Arc<SpooledLeg>, ranges: Vec<Range<u64>>) {
        if !ranges.is_empty() {
            self.does(Effect::Overwrite(Arc::clone(leg), ranges));
        }
    }

    pub(super) fn answer(&mut self, answer: Answer) {
        self.does(Effect::Answer(answer));
    }

    /// A call has ended: nothing of it is remembered, but for its pauses and names for a while.
    pub(super) fn forget(&mut self, key: CallKey, now: &Now) {
        let names = self.calls.get(key).and_then(|call| call.names_said.vocabulary());
        // Its row knows its campaign.
        if let Some(names) = names.filter(|names| names.has_names()) {
            self.does(Effect::NamesStay(key, names));
        }
        let legs = self.forget_call(key);
        self.privacy.over(key, legs.into_iter(), now.at.steady);
    }

    /// Forgets everything about a call.
    pub(super) fn erase(&mut self, key: CallKey) {
        self.does(Effect::NamesGone(key));
        let legs = self.forget_call(key);
        self.privacy.erased(key, legs.into_iter());
    }

    fn forget_call(&mut self, key: CallKey) -> Vec<LegKey> {
        let Some(call) = self.calls.remove(key) else { return Vec::new() };
        let legs: Vec<LegKey> = call.legs.into_keys().collect();
        for &leg in &legs {
            self.does(Effect::PreflightForgotten(leg));
        }
        legs
    }
}
