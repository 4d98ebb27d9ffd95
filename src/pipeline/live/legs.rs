//! Opens the legs of a call, hands them to the listener, and closes them. The first leg creates the call.

use std::sync::Arc;

use super::call::{Call, CallBegin, Hearing, RunningLeg};
use super::choosing::{past_sources, silenced, turns};
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Facts, KnownCall, Now, Past, Question, Request};
use super::messages::event;
use super::privacy::Privacy;
use super::sources::is_overtaken;
use crate::alerts::CallWatch;
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, LegKey, Source, WallTime};
use crate::contract::message::{CallStart, CallStartKind, Message};
use crate::spool::{LegSpec, Line, SpooledLeg};
use crate::store::change::{Change, NamedRow, NewCall, NewLeg};
use crate::text::rolling::CallRolling;

/// Milliseconds by which a recording may seem to begin before its call and keep its place: file systems and clocks are no more exact.
const EARLY_MS: i64 = 500;

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

    fn by(line: &'a Line) -> Self {
        Self { call: &line.call, names: &line.names, source: line.source, at: line.at }
    }

    /// Every name of the call that the leg gives.
    fn all(&self) -> Vec<&'a str> {
        let (uniqueid, uuid) = (self.names.uniqueid.as_deref(), self.names.uuid.as_deref());
        let mut all: Vec<&str> = [Some(self.call.as_str()), uniqueid, uuid].into_iter().flatten().collect();
        all.dedup();
        all
    }
}

impl Conductor {
    pub(super) fn wants_for_line(&self, line: &Line, facts: &Facts) -> Option<Question> {
        self.wants_call(&Whose::by(line), facts)
    }

    pub(super) fn wants_for_leg(&self, leg: &SpooledLeg, facts: &Facts) -> Option<Question> {
        let recorded = leg.spec.source == Source::Recording;
        self.wants_call(&Whose::of(&leg.spec), facts)
            .or_else(|| {
                let asks = recorded && self.awaited(leg.key).is_none() && facts.heard_to.is_none();
                asks.then_some(Question::HeardTo(leg.key))
            })
            .or_else(|| (recorded && facts.silences.is_none()).then_some(Question::Silences(leg.key)))
    }

    /// The row of a call that is not running under this name, and what is stored of it unless it runs under another.
    fn wants_call(&self, whose: &Whose, facts: &Facts) -> Option<Question> {
        if self.calls.by_id(whose.call).is_some() {
            return None;
        }
        match facts.call(whose.call.as_str()) {
            Err(question) => Some(question),
            // A new call: does another call have the uniqueids under which this one is expected?
            Ok(None) => whose.all().into_iter().find_map(|name| facts.call(self.expected_id(name, whose)?).err()),
            Ok(Some(known)) => {
                let asks = self.calls.get(known.key).is_none() && !facts.past.contains_key(&known.key);
                asks.then_some(Question::Past(known.key))
            }
        }
    }

    /// The uniqueid that a call is expected to have, if that is another than the one under which it comes.
    fn expected_id(&self, name: &str, whose: &Whose) -> Option<&str> {
        let uniqueid = self.expected.get(name)?.uniqueid.as_deref();
        uniqueid.filter(|&uniqueid| CallId::from_lossy(uniqueid) != *whose.call)
    }

    /// Takes what is expected of a new call. Names with the uniqueid of another call stay: two calls cannot have one id, so the new one is begun under its
    /// own and becomes the other by [`Self::learn_expected`].
    fn take_expected(&mut self, whose: &Whose, facts: &Facts) -> Vec<CallNames> {
        let is_other =
            |id: &str| self.calls.by_id(&CallId::from_lossy(id)).is_some() || matches!(facts.call(id), Ok(Some(_)));
        let mut names = whose.all();
        names.retain(|name| !self.expected_id(name, whose).is_some_and(is_other));
        names.into_iter().filter_map(|name| self.expected.remove(name)).collect()
    }

    /// A connection has said whose sound it brings: the call is there from now on.
    pub(super) fn named(&mut self, line: &Arc<Line>, facts: &Facts, now: &Now) {
        let whose = Whose::by(line);
        let (key, mut changes) = self.call_of(&whose, facts, now);
        let Some(call) = self.calls.get_mut(key) else { return };
        call.lines.push(Arc::clone(line));
        if call.state != CallState::Active {
            call.state = CallState::Active;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: line.at, reason: None });
        }
        self.push(changes);
        self.make_good(key, &whose.all(), now);
        self.learn_expected(&whose);
    }

    /// That connection is over.
    pub(super) fn left(&mut self, line: &Arc<Line>, now: &Now) {
        let has = |call: &&mut Call| call.lines.iter().any(|other| Arc::ptr_eq(other, line));
        let Some(call) = self.calls.iter_mut().find(has) else { return };
        call.lines.retain(|other| !Arc::ptr_eq(other, line));
        call.closed_at = now.at.steady;
        call.reason.get_or_insert_with(|| line.reason().into());
    }

    /// The sample from which the listener must go on with a leg of a former run that has not opened yet; `None` for any other leg.
    pub(super) fn awaited(&self, leg: LegKey) -> Option<u64> {
        let (.., running) = self.calls.of_leg(leg)?;
        (running.hearing == Hearing::Awaited).then_some(running.settled)
    }

    /// A leg opens, or comes back.
    pub(super) fn opened(&mut self, leg: &Arc<SpooledLeg>, facts: &Facts, now: &Now) {
        let began = leg.began_by(now.at);
        leg.began_at(began);
        let whose = Whose { at: began, ..Whose::of(&leg.spec) };
        let (key, mut changes) = self.call_of(&whose, facts, now);
        // A recording that was finished and grows again has utterances; a new leg has none yet.
        let known_to = self.awaited(leg.key).or(facts.heard_to).unwrap_or(0);
        let heard = self.heard_before(key, leg.key, known_to, facts);
        let known_ms = self.known_offset(key, leg.key, facts);
        let is_known = known_ms.is_some() || known_to > 0;
        let Some(call) = self.calls.get_mut(key) else { return };
        if call.state != CallState::Active {
            call.state = CallState::Active;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: leg.spec.started, reason: None });
        }
        let early_ms = call.started.0 + call.stepped_ms - leg.spec.started.0;
        // Other platforms tell of what was said before they told of the call, and a recording may be seen after a live connection.
        let is_early = match leg.spec.source {
            Source::Ingest => early_ms > 0,
            Source::Recording => early_ms > EARLY_MS && !is_known,
            Source::Audiosocket | Source::Eagi | Source::Upload => false,
        };
        if is_early {
            let at = WallTime(call.started.0 - early_ms);
            self.privacy.shifted(key, early_ms);
            call.begins_at(CallBegin { started: at, stepped_ms: call.stepped_ms });
            changes.push(Change::CallBegins { call: key, at });
        }
        // A leg that comes back keeps its place, whatever happened to the clock since.
        let by_clock = (began.0 - call.started.0 - call.stepped_ms).max(0);
        let offset_ms = known_ms.unwrap_or(by_clock);
        if known_ms.is_some() {
            leg.began_at(WallTime(call.started.0 + call.stepped_ms + offset_ms));
        }
        let audio = leg.audio();
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
        let (rows, gaps) = self.paused_before(key, leg, facts, now);
        if !rows.is_empty() {
            self.does(Effect::DropCached(leg.key));
        }
        changes.extend(rows);
        self.push(changes);
        self.overwrite(leg, gaps);
        self.calls.add_leg(key, RunningLeg::new(Arc::clone(leg), offset_ms, known_to));
        // This precedes the listener.
        self.make_good(key, &whose.all(), now);
        if !is_known && facts.silences.as_ref().is_none_or(Vec::is_empty) {
            self.silence_as_others(key, leg, now);
        }
        self.begin_hearing(key, leg, heard, known_to);
        self.learn_expected(&whose);
    }

    /// Begin of a leg that comes back, milliseconds of its call.
    fn known_offset(&self, call: CallKey, leg: LegKey, facts: &Facts) -> Option<i64> {
        let running = self.calls.of_leg(leg).map(|(.., running)| running.offset_ms);
        let past = || facts.past.get(&call)?.legs.iter().find(|past| past.key == leg).map(|past| past.offset_ms);
        running.or_else(past)
    }

    /// Transcribed stretches of a leg that comes back.
    fn heard_before(&self, call: CallKey, leg: LegKey, known_to: u64, facts: &Facts) -> Vec<(u64, Option<u64>)> {
        let running = self.calls.of_leg(leg).map(|(.., running)| running.heard.clone());
        let past = || facts.past.get(&call)?.legs.iter().find(|past| past.key == leg).map(|past| past.heard.clone());
        running.or_else(past).unwrap_or_else(|| if known_to > 0 { vec![(0, None)] } else { Vec::new() })
    }

    /// Continues a leg that was being transcribed; for a new leg the sources of its call are chosen anew.
    fn begin_hearing(&mut self, key: CallKey, leg: &Arc<SpooledLeg>, heard: Vec<(u64, Option<u64>)>, known_to: u64) {
        let going = heard.last().copied().filter(|(_, to)| to.is_none_or(|to| known_to < to));
        let is_new = heard.is_empty();
        let Some(running) = self.calls.leg_mut(leg.key) else { return };
        running.heard = heard;
        running.said = known_to > 0;
        if let Some((from, to)) = going {
            self.go_on_hearing(key, leg, (from, to), from.max(known_to));
        } else if is_new && self.is_heard_anyway(leg.spec.source) {
            self.hear_anyway(key, leg.key, known_to);
        }
        self.choose_sources(key);
    }

    /// Goes on with a stretch of a leg that comes back, from this sample, unless another source has what follows.
    fn go_on_hearing(&mut self, key: CallKey, leg: &Arc<SpooledLeg>, (first, to): (u64, Option<u64>), from: u64) {
        let chooses = !self.is_heard_anyway(leg.spec.source);
        let Some(call) = self.calls.get_mut(key) else { return };
        let overtaken = chooses && call.legs.get(&leg.key).is_some_and(|running| is_overtaken(call, running, from));
        let Some(running) = call.legs.get_mut(&leg.key) else { return };
        running.settled = from;
        if overtaken {
            running.end_heard(from);
            running.hearing = Hearing::StandsBy;
            self.push(vec![Change::LegHeard { leg: leg.key, from: first, to: Some(from) }]);
        } else {
            running.hearing = Hearing::Going;
            self.does(Effect::Listen(Arc::clone(leg), from, to));
        }
    }

    /// Takes the names that were sent for a call before it began.
    fn learn_expected(&mut self, whose: &Whose) {
        for name in whose.all() {
            if let Some(names) = self.expected.remove(name) {
                self.does(Effect::Next(Request::Name { call: name.into(), names }));
            }
        }
    }

    /// The call of a leg: running, known from before, or new.
    fn call_of(&mut self, whose: &Whose, facts: &Facts, now: &Now) -> (CallKey, Vec<Change>) {
        if let Some(key) = self.calls.by_id(whose.call) {
            return (key, self.also_known(key, whose));
        }
        let Ok(Some(known)) = facts.call(whose.call.as_str()) else { return self.begin_call(whose, facts, now) };
        let key = known.key;
        let mut changes = Vec::new();
        if self.calls.get(key).is_none() {
            let nothing = Past::default();
            self.take_up_again(known, facts.past.get(&key).unwrap_or(&nothing), now);
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: now.wall(), reason: None });
        }
        self.calls.also_named(key, whose.call.clone());
        changes.extend(self.also_known(key, whose));
        (key, changes)
    }

    /// Links every UUID of a leg to its call: each direction has its own.
    fn also_known(&mut self, key: CallKey, whose: &Whose) -> Vec<Change> {
        let Some(uuid) = whose.names.uuid.as_deref() else { return Vec::new() };
        let id = CallId::from_lossy(uuid);
        if self.calls.by_id(&id) == Some(key) {
            return Vec::new();
        }
        vec![self.also_one(key, id)]
    }

    /// Links a name to a call, also after the call's end.
    pub(super) fn also_one(&mut self, key: CallKey, id: CallId) -> Change {
        if self.calls.get(key).is_some() {
            self.calls.also_named(key, id.clone());
        }
        Change::AlsoNamed { whose: NamedRow::Call(key), id }
    }

    /// A call that had ended is heard of again: the second side of a pair, a recording after its live audio.
    fn take_up_again(&mut self, known: &KnownCall, past: &Past, now: &Now) {
        let mut rolling = CallRolling::default();
        for segment in &past.segments {
            rolling.push(segment.leg, segment.compound);
        }
        let watch = self.watching.recall(past, known.names.campaign.as_deref());
        let who = (known.id.clone(), known.begin.started, known.names.agent.clone());
        let mut call = Call::new(who, rolling, watch, now.at.steady);
        call.stepped_ms = known.begin.stepped_ms;
        call.audio_ms = known.audio_ms;
        call.turns = turns(past);
        call.names_said.learn(&known.names);
        call.learn_campaign(known.names.campaign.as_deref());
        call.past = past_sources(past);
        call.silenced = silenced(past);
        self.calls.add(known.key, call);
    }

    /// A call that nobody has heard of.
    fn begin_call(&mut self, whose: &Whose, facts: &Facts, now: &Now) -> (CallKey, Vec<Change>) {
        let key = CallKey(self.next_call.next());
        let mut names = whose.names.clone();
        let mut id = whose.call.clone();
        for given in self.take_expected(whose, facts) {
            if let Some(uniqueid) = given.uniqueid.as_deref() {
                id = CallId::from_lossy(uniqueid);
            }
            overlay(&mut names, given);
        }
        metrics::counter!("lineside_calls_total").increment(1);
        log::info!("call {id} began ({})", whose.source.as_str());
        let agent = names.agent.clone();
        let who = (id.clone(), whose.at, agent);
        let mut call = Call::new(who, CallRolling::default(), CallWatch::default(), now.at.steady);
        call.names_said.learn(&names);
        call.learn_campaign(names.campaign.as_deref());
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
        let begins = event(key, now.wall(), Message::CallStart(start));
        // Opened under its first name, so that this one leads to it too.
        let (first, source, started) = (whose.call.clone(), whose.source, whose.at);
        let mode = self.modes.of(source);
        let mut changes = vec![Change::CallOpened(NewCall { key, id: first, source, mode, started, names })];
        if id != *whose.call {
            changes.push(Change::CallRenamed { call: key, id });
        }
        changes.push(begins);
        (key, changes)
    }

    /// A leg has its last sample.
    pub(super) fn closed(&mut self, leg: &Arc<SpooledLeg>, now: &Now) {
        let reason = leg.close_reason().unwrap_or("closed").to_string();
        if let Some((_, call)) = self.calls.of_leg_mut(leg.key) {
            call.closed_at = now.at.steady;
            call.reason.get_or_insert_with(|| reason.clone());
            if let Some(running) = call.legs.get(&leg.key) {
                call.audio_ms = call.audio_ms.max(running.offset_ms + leg.length_ms());
            }
        }
        let mut changes = vec![Change::LegClosed { leg: leg.key, samples: leg.samples(), reason, at: now.wall() }];
        let (gap, row) = Privacy::resume(leg, now.at, now.at.steady).unzip();
        changes.extend(row);
        self.push(changes);
        self.overwrite(leg, gap.into_iter().collect());
    }

    /// A key was pressed.
    pub(super) fn dtmf(&mut self, leg: LegKey, at_sample: u64, digit: char, now: &Now) {
        let Some((call, _, running)) = self.calls.of_leg(leg) else { return };
        let at = CallTime(running.at_ms(at_sample));
        let (digit, requested) = self.privacy.key(leg, at, digit);
        self.push(vec![Change::Dtmf { leg, at, digit }]);
        if let Some(pausing) = requested {
            self.pause(call, (None, pausing), "keys", now.at, now);
        }
    }
}

/// Puts given names over known ones.
pub(super) fn overlay(names: &mut CallNames, given: CallNames) {
    names.uniqueid = given.uniqueid.or(names.uniqueid.take());
    names.agent = given.agent.or(names.agent.take());
    names.campaign = given.campaign.or(names.campaign.take());
    names.lead = given.lead.or(names.lead.take());
    names.phone = given.phone.or(names.phone.take());
    names.metadata = given.metadata.or(names.metadata.take());
}
