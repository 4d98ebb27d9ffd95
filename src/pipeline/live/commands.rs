//! What others ask the conductor for, and what it does about it.

use super::conductor::Live;
use super::messages::{event, step_name};
use crate::call::{CallId, CallKey, CallNames, Leg};
use crate::contract::message::{
    AudioChunk, AudioChunkKind, CallNamed, CallNamedKind, GovernorKind, GovernorStep, Message,
};
use crate::contract::seconds;
use crate::governor::Plan;
use crate::pipeline::command::{ChunkTaken, Command, Named};
use crate::pipeline::workers::Work;
use crate::store::StoreError;
use crate::store::change::{Change, NewEvent};

impl Live {
    /// Does it, then answers; who asked may be gone by then.
    pub(super) async fn command(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Name { call, names, reply } => {
                let _ = reply.send(self.name(&call, names).await?);
            }
            Command::End { call, reason, reply } => {
                let _ = reply.send(self.hang_up(call, reason));
            }
            Command::Said(said) => self.said(*said).await?,
            Command::Chunk(chunk) => self.chunk(chunk).await?,
            Command::Alive { reply } => {
                self.parts.store.writer().commit(Vec::new()).await?;
                let _ = reply.send(());
            }
            Command::Pause { call, pausing, by, at, reply } => {
                let _ = reply.send(self.pause(call, pausing, &by, at).await?);
            }
            Command::PauseNamed(wish) => self.pause_named(wish).await?,
            Command::LetGo { calls, reply } => {
                let _ = reply.send(self.let_go(&calls));
            }
            Command::Governed { plan, lag_s } => self.governed(&plan, lag_s).await?,
        }
        Ok(())
    }

    /// How far its legs have come is known at once: who sent it asks for nothing else.
    async fn chunk(&mut self, chunk: ChunkTaken) -> Result<(), StoreError> {
        let ChunkTaken { legs, alone, length_ms, at, reply } = chunk;
        let now = self.now();
        let mut changes = Vec::new();
        for leg in &legs {
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
        self.push(changes).await?;
        let _ = reply.send(()); // who asked is gone
        Ok(())
    }

    pub(super) async fn name(&mut self, target: &str, names: CallNames) -> Result<Named, StoreError> {
        // What was pushed before must be visible to the query.
        self.parts.store.writer().commit(Vec::new()).await?;
        let mut known = None;
        for id in [Some(target), names.uuid.as_deref(), names.uniqueid.as_deref()].into_iter().flatten() {
            if known.is_none() {
                known = self.parts.store.call(id).await?;
            }
        }
        let Some(row) = known else {
            let call_id = names.uniqueid.clone().unwrap_or_else(|| target.to_string());
            if let Some(uuid) = names.uuid.as_ref().filter(|uuid| *uuid != target) {
                self.expected.insert(uuid.clone(), names.clone());
            }
            self.expected.insert(target.to_string(), names);
            return Ok(Named { call_id, heard: false });
        };
        let mut key = row.key;
        let mut call_id = row.call_id;
        let former = call_id.clone();
        let mut changes = Vec::new();
        if let Some(uniqueid) = names.uniqueid.as_deref().filter(|uniqueid| *uniqueid != call_id) {
            let id = CallId::from_lossy(uniqueid);
            match self.parts.store.call(id.as_str()).await? {
                Some(other) if other.key != key => {
                    changes.push(Change::CallMerged { from: key, into: other.key });
                    self.privacy.merged(key, other.key);
                    self.calls.merge(key, other.key, row.started.min(other.started));
                    key = other.key;
                    call_id = other.call_id;
                }
                Some(_) => {}
                None => {
                    self.calls.rename(key, &id);
                    call_id = id.to_string();
                    changes.push(Change::CallRenamed { call: key, id });
                }
            }
        }
        if let Some(uuid) = names.uuid.as_deref().filter(|_| self.calls.get(key).is_some()) {
            self.calls.also_named(key, CallId::from_lossy(uuid));
        }
        if let Some(call) = self.calls.get_mut(key)
            && names.agent.is_some()
        {
            call.agent.clone_from(&names.agent);
        }
        let now = self.now();
        let message = CallNamed {
            kind: CallNamedKind::It,
            event: CallNamedKind::It,
            call_id: call_id.clone(),
            timestamp: now.rfc3339(),
            agent: names.agent.clone(),
            campaign: names.campaign.clone(),
            lead: names.lead.clone(),
            was: Some(former).filter(|former| *former != call_id),
        };
        changes.push(Change::CallNamed { call: key, names });
        changes.push(event(key, now, Message::CallNamed(message)));
        self.parts.store.writer().commit(changes).await?;
        self.make_good(key, &[&call_id]).await?;
        Ok(Named { call_id, heard: true })
    }

    /// Asks whoever feeds a call's legs to hang up; whether there was anybody.
    fn hang_up(&mut self, key: CallKey, reason: String) -> bool {
        let Some(call) = self.calls.get_mut(key) else { return false };
        call.reason = Some(reason);
        let mut any = false;
        for leg in call.legs.values().map(|running| &running.leg).filter(|leg| !leg.is_closed()) {
            leg.end_requested().cancel();
            any = true;
        }
        for line in &call.lines {
            line.end_requested().cancel();
            any = true;
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
                self.forget(key);
            }
        }
        running
    }

    /// Another step: calls that are not written down live any more wait, and everybody is told.
    async fn governed(&self, plan: &Plan, lag_s: f64) -> Result<(), StoreError> {
        self.parts.workers.queue.demote(|work| match work {
            Work::Utterance(job) => self.calls.of_leg(job.leg.key).is_some_and(|(key, ..)| self.is_written_live(key)),
            Work::Growing(_) | Work::Ahead(_) | Work::Probe(_) | Work::Again(..) => true,
        });
        let at = self.now();
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
        self.push(vec![Change::Event(NewEvent { call: None, at, message })]).await
    }
}
