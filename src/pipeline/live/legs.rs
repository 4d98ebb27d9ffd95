//! Where a call begins: its legs open, are given to the listener, and close.

use std::sync::Arc;
use std::time::Instant;

use super::call::{Call, Hearing, RunningLeg};
use super::conductor::Live;
use super::messages::event;
use super::privacy::{self, Privacy};
use crate::alerts::CallWatch;
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, LegKey, Moment, Source, WallTime};
use crate::contract::message::{CallStart, CallStartKind, Message};
use crate::spool::{LegSpec, Line, SpooledLeg};
use crate::store::StoreError;
use crate::store::calls::CallRow;
use crate::store::change::{Change, Named, NewCall, NewLeg};
use crate::text::rolling::CallRolling;

/// Who says of what call that it is there.
struct Whose<'a> {
    call: &'a CallId,
    names: &'a CallNames,
    source: Source,
    at: WallTime,
}

impl<'a> Whose<'a> {
    fn of(spec: &'a LegSpec) -> Self {
        Self { call: &spec.call, names: &spec.names, source: spec.source, at: spec.started }
    }

    /// Every name of the call that is told.
    fn all(&self) -> Vec<&'a str> {
        let (uniqueid, uuid) = (self.names.uniqueid.as_deref(), self.names.uuid.as_deref());
        let mut all: Vec<&str> = [Some(self.call.as_str()), uniqueid, uuid].into_iter().flatten().collect();
        all.dedup();
        all
    }
}

impl Live {
    /// A connection has said whose sound it brings: the call is there from now on.
    pub(super) async fn named(&mut self, line: Arc<Line>) -> Result<(), StoreError> {
        self.mind_the_clock();
        let whose = Whose { call: &line.call, names: &line.names, source: line.source, at: line.at };
        let (key, mut changes) = self.call_of(&whose).await?;
        let Some(call) = self.calls.get_mut(key) else { return Ok(()) };
        call.lines.push(Arc::clone(&line));
        if call.state != CallState::Active {
            call.state = CallState::Active;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: line.at, reason: None });
        }
        self.push(changes).await?;
        self.make_good(key, &whose.all()).await?;
        self.learn_expected(&whose).await
    }

    /// That connection is over.
    pub(super) fn left(&mut self, line: &Arc<Line>) {
        let has = |call: &&mut Call| call.lines.iter().any(|other| Arc::ptr_eq(other, line));
        let Some(call) = self.calls.iter_mut().find(has) else { return };
        call.lines.retain(|other| !Arc::ptr_eq(other, line));
        call.closed_at = Instant::now();
        call.reason.get_or_insert_with(|| line.reason().into());
    }

    /// A leg opens, or comes back.
    pub(super) async fn opened(&mut self, leg: Arc<SpooledLeg>) -> Result<(), StoreError> {
        self.mind_the_clock();
        let whose = Whose::of(&leg.spec);
        let (key, mut changes) = self.call_of(&whose).await?;
        let awaited = self.calls.of_leg(leg.key).filter(|(.., running)| running.hearing == Hearing::Awaited);
        let from = match awaited {
            Some((.., running)) => running.settled,
            // A recording that was finished and grows again; a new leg has no utterance yet.
            None if leg.spec.source == Source::Recording => self.parts.store.heard_to(leg.key).await?,
            None => 0,
        };
        let Some(call) = self.calls.get_mut(key) else { return Ok(()) };
        if call.state != CallState::Active {
            call.state = CallState::Active;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: leg.spec.started, reason: None });
        }
        let early_ms = call.started.0 + call.stepped_ms - leg.spec.started.0;
        if leg.spec.source == Source::Ingest && early_ms > 0 {
            // Other platforms tell of what was said before they told of the call.
            let at = WallTime(call.started.0 - early_ms);
            call.begins_at(at);
            changes.push(Change::CallBegins { call: key, at });
        }
        let offset_ms = (leg.spec.started.0 - call.started.0 - call.stepped_ms).max(0);
        let audio = leg.audio();
        if audio.path().as_os_str().is_empty() {
            call.watch.text_leg(leg.spec.leg, offset_ms);
        } else {
            call.watch.leg(leg.spec.leg, offset_ms);
        }
        changes.push(Change::LegOpened(NewLeg {
            key: leg.key,
            call: key,
            leg: leg.spec.leg,
            source: leg.spec.source,
            rate_hz: leg.spec.rate_hz,
            started: leg.spec.started,
            offset: CallTime(offset_ms),
            path: audio.path().into(),
            channel: audio.channel(),
            owned: audio.owned(),
            peer: leg.spec.peer.clone(),
        }));
        let (rows, gaps) = self.paused_before(key, &leg).await?;
        changes.extend(rows);
        self.push(changes).await?;
        privacy::overwrite(&self.parts.store, &leg, gaps);
        self.calls.add_leg(key, RunningLeg::new(Arc::clone(&leg), offset_ms, from));
        // Before anybody listens to it.
        self.make_good(key, &whose.all()).await?;
        let _ = self.parts.listener.send((Arc::clone(&leg), from)); // it has ended with the process
        self.learn_expected(&whose).await
    }

    /// What was said of a call under a name by which nobody had heard of it.
    async fn learn_expected(&mut self, whose: &Whose<'_>) -> Result<(), StoreError> {
        for name in whose.all() {
            if let Some(given) = self.expected.remove(name) {
                self.name(name, given).await?;
            }
        }
        Ok(())
    }

    /// The call of a leg: running, known from before, or new.
    async fn call_of(&mut self, whose: &Whose<'_>) -> Result<(CallKey, Vec<Change>), StoreError> {
        if let Some(key) = self.calls.by_id(whose.call) {
            return Ok((key, self.also_known(key, whose)));
        }
        let Some(row) = self.parts.store.call(whose.call.as_str()).await? else { return Ok(self.begin_call(whose)) };
        let key = row.key;
        let mut changes = Vec::new();
        if self.calls.get(key).is_none() {
            self.take_up_again(row).await?;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: self.now(), reason: None });
        }
        self.calls.also_named(key, whose.call.clone());
        changes.extend(self.also_known(key, whose));
        Ok((key, changes))
    }

    /// Every UUID by which a leg came leads to its call: each direction has its own.
    fn also_known(&mut self, key: CallKey, whose: &Whose<'_>) -> Vec<Change> {
        let Some(uuid) = whose.names.uuid.as_deref() else { return Vec::new() };
        let id = CallId::from_lossy(uuid);
        if self.calls.by_id(&id) == Some(key) {
            return Vec::new();
        }
        self.calls.also_named(key, id.clone());
        vec![Change::AlsoNamed { whose: Named::Call(key), id }]
    }

    /// A call that had ended is heard of again: the second side of a pair, a recording after its live audio.
    async fn take_up_again(&mut self, row: CallRow) -> Result<(), StoreError> {
        let mut rolling = CallRolling::default();
        for segment in self.parts.store.segments(row.key).await? {
            rolling.push(segment.leg, segment.compound);
        }
        let watch = self.watching.recall(&self.parts.store, row.key).await?;
        let mut call = Call::new(CallId::from_lossy(&row.call_id), row.started, row.agent, rolling, watch);
        call.audio_ms = row.audio_ms;
        self.calls.add(row.key, call);
        Ok(())
    }

    /// A call that nobody has heard of.
    fn begin_call(&mut self, whose: &Whose<'_>) -> (CallKey, Vec<Change>) {
        let key = CallKey(self.next_call.next());
        let mut names = whose.names.clone();
        let mut id = whose.call.clone();
        let expected: Vec<CallNames> = whose.all().into_iter().filter_map(|name| self.expected.remove(name)).collect();
        for given in expected {
            if let Some(uniqueid) = given.uniqueid.as_deref() {
                id = CallId::from_lossy(uniqueid);
            }
            overlay(&mut names, given);
        }
        metrics::counter!("lineside_calls_total").increment(1);
        log::info!("call {id} began ({})", whose.source.as_str());
        let agent = names.agent.clone();
        let call = Call::new(id.clone(), whose.at, agent, CallRolling::default(), CallWatch::default());
        self.calls.add(key, call);
        self.calls.also_named(key, whose.call.clone());
        if let Some(uuid) = names.uuid.as_deref() {
            self.calls.also_named(key, CallId::from_lossy(uuid));
        }
        let start = CallStart {
            kind: CallStartKind::It,
            event: CallStartKind::It,
            call_id: id.to_string(),
            timestamp: whose.at.rfc3339(),
            source: whose.source,
            agent: names.agent.clone(),
            campaign: names.campaign.clone(),
        };
        let begins = event(key, self.now(), Message::CallStart(start));
        // Opened under its first name, so that this one leads to it too.
        let (first, source, started) = (whose.call.clone(), whose.source, whose.at);
        let mut changes = vec![Change::CallOpened(NewCall { key, id: first, source, started, names })];
        if id != *whose.call {
            changes.push(Change::CallRenamed { call: key, id });
        }
        changes.push(begins);
        (key, changes)
    }

    /// A leg has its last sample.
    pub(super) async fn closed(&mut self, leg: &Arc<SpooledLeg>) -> Result<(), StoreError> {
        self.mind_the_clock();
        let now = self.now();
        let reason = leg.close_reason().unwrap_or("closed").to_string();
        if let Some((_, call)) = self.calls.of_leg_mut(leg.key) {
            call.closed_at = Instant::now();
            call.reason.get_or_insert_with(|| reason.clone());
            if let Some(running) = call.legs.get(&leg.key) {
                call.audio_ms = call.audio_ms.max(running.offset_ms + leg.length_ms());
            }
        }
        let mut changes = vec![Change::LegClosed { leg: leg.key, samples: leg.samples(), reason, at: now }];
        let gap = Privacy::resume(leg, Moment::now(now));
        changes.extend(gap.iter().map(|(_, change)| change.clone()));
        self.push(changes).await?;
        privacy::overwrite(&self.parts.store, leg, gap.into_iter().map(|(range, _)| range).collect());
        Ok(())
    }

    /// A key was pressed.
    pub(super) async fn dtmf(&mut self, leg: LegKey, at_sample: u64, digit: char) -> Result<(), StoreError> {
        let Some((call, _, running)) = self.calls.of_leg(leg) else { return Ok(()) };
        let at = CallTime(running.at_ms(at_sample));
        let (digit, asked) = self.privacy.key(leg, at, digit);
        self.push(vec![Change::Dtmf { leg, at, digit }]).await?;
        if let Some(pausing) = asked {
            self.pause(call, pausing, "keys", Moment::now(self.now())).await?;
        }
        Ok(())
    }
}

/// What is given counts more than what was known.
fn overlay(names: &mut CallNames, given: CallNames) {
    names.uniqueid = given.uniqueid.or(names.uniqueid.take());
    names.agent = given.agent.or(names.agent.take());
    names.campaign = given.campaign.or(names.campaign.take());
    names.lead = given.lead.or(names.lead.take());
    names.phone = given.phone.or(names.phone.take());
    names.metadata = given.metadata.or(names.metadata.take());
}
