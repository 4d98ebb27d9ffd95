//! Requests to the conductor, and its answer to each.

use std::sync::Arc;

use super::conductor::Conductor;
use super::effect::{Answer, Effect};
use super::event::{Chunk, Facts, KnownCall, Now, Question, Request};
use super::messages::{event, step_name};
use crate::call::{CallId, CallKey, CallNames, Leg};
use crate::contract::message::{
    AudioChunk, AudioChunkKind, CallNamed, CallNamedKind, GovernorKind, GovernorStep, Message,
};
use crate::contract::seconds;
use crate::governor::Plan;
use crate::pipeline::command::Named;
use crate::store::change::{Change, NewEvent};

impl Conductor {
    /// Does it, then answers.
    pub(super) fn request(&mut self, request: Request, facts: &Facts, now: &Now) {
        match request {
            Request::Name { call, names } => {
                let named = self.name(&call, names, facts, now);
                self.answer(Answer::Named(named));
            }
            Request::NameFromPbx { call, names } => self.name_from_pbx(call, *names, facts),
            Request::Expect { call, names } => self.expect_names(call, names),
            Request::PartOf { channel, call } => self.part_of(channel, &call, facts),
            Request::End { call, reason } => {
                let was_running = self.hang_up(call, reason);
                self.answer(Answer::WasRunning(was_running));
            }
            Request::Said(said) => self.said(*said, now),
            Request::Chunk(chunk) => self.chunk(&chunk, now),
            Request::Alive => {
                self.does(Effect::Commit(Vec::new()));
                self.answer(Answer::Done);
            }
            Request::Pause { call, pausing, by, at } => {
                let was_running = self.pause(call, (None, pausing), &by, at, now);
                self.answer(Answer::WasRunning(was_running));
            }
            Request::PauseNamed(wish) => self.pause_named(&wish, facts, now),
            Request::LetGo { calls } => {
                let running = self.let_go(&calls);
                self.answer(Answer::Running(running));
            }
            Request::Governed { plan, lag_s } => self.governed(&plan, lag_s, now),
        }
    }

    /// Notes the progress of the call's legs at once, because the sender of a chunk asks for nothing else.
    fn chunk(&mut self, chunk: &Chunk, now: &Now) {
        let &Chunk { ref legs, alone, length_ms, at } = chunk;
        let now = now.wall();
        let mut changes = Vec::new();
        for leg in legs {
            let samples = leg.samples();
            if let Some(running) = self.calls.leg_mut(leg.key) {
                running.noted = samples;
            }
            changes.push(Change::LegGrown { leg: leg.key, samples, at: leg.last_audio() });
        }
        let first = legs.first().and_then(|leg| self.calls.of_leg(leg.key));
        if let Some((key, call, running)) = first {
            changes.push(Change::ChunkTaken { call: key });
            if alone {
                let leg = if legs.len() > 1 { Leg::Mixed } else { running.leg.spec.leg };
                let start_ms = (at.0 - call.started.0 - length_ms).max(0);
                let chunk = AudioChunk {
                    kind: AudioChunkKind::It,
                    event: AudioChunkKind::It,
                    call_id: call.id.to_string(),
                    timestamp: now.rfc3339(),
                    leg,
                    speaker: leg.into(),
                    start_time: seconds(start_ms),
                    duration: seconds(length_ms),
                };
                changes.push(event(key, now, Message::AudioChunk(chunk)));
            }
        }
        self.push(changes);
        self.answer(Answer::Done);
    }

    /// The questions before a call is named: first that earlier changes be committed, then the first call that has one of the names, and the one that
    /// has the uniqueid.
    pub(super) fn wants_for_name(target: &str, names: &CallNames, facts: &Facts) -> Option<Question> {
        if facts.committed.is_none() {
            return Some(Question::Committed);
        }
        match named(target, names, facts) {
            Err(question) => Some(question),
            Ok(None) => None,
            Ok(Some(known)) => match facts.call(other_name(known, names)?.as_str()) {
                Err(question) => Some(question),
                // The figures of two calls that become one are made anew of the texts of both.
                Ok(Some(other)) if other.key != known.key => {
                    let unasked = |key: &CallKey| !facts.past.contains_key(key);
                    [known.key, other.key].into_iter().find(unasked).map(Question::Past)
                }
                Ok(_) => None,
            },
        }
    }

    /// Names a call now, or keeps the names until the call begins.
    fn name(&mut self, target: &str, names: CallNames, facts: &Facts, now: &Now) -> Named {
        let Ok(Some(known)) = named(target, &names, facts) else {
            let call_id = names.uniqueid.clone().unwrap_or_else(|| target.to_string());
            if let Some(uuid) = names.uuid.as_ref().filter(|uuid| *uuid != target) {
                self.expected.insert(uuid.clone(), names.clone());
            }
            self.expected.insert(target.to_string(), names);
            return Named { call_id, heard: false };
        };
        let mut key = known.key;
        let mut call_id = known.id.to_string();
        let former = call_id.clone();
        let (mut changes, mut silent) = (Vec::new(), Vec::new());
        if let Some(id) = other_name(known, &names) {
            match facts.call(id.as_str()).ok().flatten() {
                Some(other) if other.key != key => {
                    (changes, silent) = self.merge(known, other, facts, now);
                    key = other.key;
                    call_id = other.id.to_string();
                }
                Some(_) => {}
                None => {
                    self.calls.rename(key, &id);
                    call_id = id.to_string();
                    changes.push(Change::CallRenamed { call: key, id });
                }
            }
        }
        if matches!(facts.call(target), Ok(None)) {
            // A source that comes under this name, such as its recording, is one of the call.
            changes.push(self.also_one(key, CallId::from_lossy(target)));
        }
        if let Some(uuid) = names.uuid.as_deref().filter(|_| self.calls.get(key).is_some()) {
            self.calls.also_named(key, CallId::from_lossy(uuid));
        }
        if let Some(call) = self.calls.get_mut(key) {
            call.names_said.learn(&names);
            if names.agent.is_some() {
                call.agent.clone_from(&names.agent);
            }
            call.learn_campaign(names.campaign.as_deref());
        }
        let at = now.wall();
        let message = CallNamed {
            kind: CallNamedKind::It,
            event: CallNamedKind::It,
            call_id: call_id.clone(),
            timestamp: at.rfc3339(),
            agent: names.agent.clone(),
            campaign: names.campaign.clone(),
            lead: names.lead.clone(),
            was: Some(former.clone()).filter(|former| *former != call_id),
        };
        changes.push(Change::CallNamed { call: key, names });
        changes.push(event(key, at, Message::CallNamed(message)));
        self.does(Effect::Commit(changes));
        for (leg, ranges) in silent {
            self.overwrite(&leg, ranges);
        }
        self.make_good(key, &[&call_id, &former, target], now);
        self.choose_sources(key);
        Named { call_id, heard: true }
    }

    /// Asks the senders of a call's legs to hang up. Returns whether there were any.
    fn hang_up(&mut self, key: CallKey, reason: String) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
        call.reason = Some(reason);
        let open = call.legs.values().map(|running| &running.leg).filter(|leg| !leg.is_closed());
        let legs = open.map(|leg| Effect::HangUpLeg(Arc::clone(leg)));
        let lines = call.lines.iter().map(|line| Effect::HangUpLine(Arc::clone(line)));
        let sources: Vec<Effect> = legs.chain(lines).collect();
        let any = !sources.is_empty();
        for hang_up in sources {
            self.does(hang_up);
        }
        any
    }

    /// Drops what is known of calls that are about to be erased; gives back those that are running, and then drops none.
    fn let_go(&mut self, calls: &[CallKey]) -> Vec<CallKey> {
        let running = |key: &CallKey| {
            self.calls.get(*key).is_some_and(|call| {
                !call.lines.is_empty() || call.legs.values().any(|running| !running.leg.is_closed())
            })
        };
        let running: Vec<CallKey> = calls.iter().copied().filter(running).collect();
        if running.is_empty() {
            for &key in calls {
                self.erase(key);
            }
        }
        running
    }

    /// Takes another degradation step: utterances of calls that are no longer live wait, and the feeds are told.
    fn governed(&mut self, plan: &Plan, lag_s: f64, now: &Now) {
        let live = self.calls.iter().filter(|(key, _)| self.is_written_live(*key, now.plan));
        let legs = live.flat_map(|(_, call)| call.legs.keys().copied()).collect();
        self.does(Effect::LiveStays(legs));
        let at = now.wall();
        let message = Message::Governor(GovernorStep {
            kind: GovernorKind::It,
            event: GovernorKind::It,
            timestamp: at.rfc3339(),
            step: plan.step.number(),
            name: step_name(plan.step),
            says: plan.step.describe().into(),
            workers: plan.workers,
            lag_seconds: lag_s,
        });
        self.push(vec![Change::Event(NewEvent { call: None, at, message })]);
    }

    /// The dialer tells all names that it knows of a call, the more important first.
    pub(super) fn expect_names(&mut self, key: CallKey, names: Vec<String>) {
        if let Some(call) = self.calls.get_mut(key) {
            log::debug!("call {}: {} names are likely to be said", call.id, names.len());
            call.names_said.tell(names);
        }
    }
}

/// The first call that has one of these names.
pub(super) fn named<'a>(target: &str, names: &CallNames, facts: &'a Facts) -> Result<Option<&'a KnownCall>, Question> {
    for id in [Some(target), names.uuid.as_deref(), names.uniqueid.as_deref()].into_iter().flatten() {
        if let Some(known) = facts.call(id)? {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

/// The uniqueid, where the call has another id until now.
fn other_name(known: &KnownCall, names: &CallNames) -> Option<CallId> {
    names.uniqueid.as_deref().filter(|uniqueid| *uniqueid != known.id.as_str()).map(CallId::from_lossy)
}
