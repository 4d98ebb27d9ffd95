//! The conductor: one task that owns what is known of running calls.
//!
//! Invariants kept here:
//! - a call is ended (`call_end`) only after its legs are closed, heard to their end, and every utterance has its text (BEY-5);
//! - what a feed hears is what the database holds: events are committed with the rows they tell of;
//! - a call that is heard of again, under its own or a former name, is the same call.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use super::clock::StepWatch;
use super::ingest::{SaidText, TEXT_HZ};
use super::listen::{Assignment, Heard};
use super::partial::{self, Growing, Partials};
use super::privacy::{self, Cleaned, Pausing, Privacy, PrivacySettings};
use super::transcribe::{Done, Job, Work, Workers, Written};
use super::watching::{Origin, Watching, risk_change};
use crate::alerts::{CallWatch, Said};
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, UtteranceKey, WallTime};
use crate::governor::Plan;
use crate::speech::queue::Urgency;
use crate::speech::utterance::Found;
use crate::spool::{LegAudio, LegSpec, Spool, SpoolEvent, SpooledLeg};
use crate::store::change::{
    CallFigures, Change, NewCall, NewEvent, NewLeg, NewSegment, NewUtterance, Term, UtteranceState,
};
use crate::store::privacy::PrivacyChange;
use crate::store::recovery::Recovery;
use crate::store::{Store, StoreError};
use crate::text::TextAnalyser;
use crate::text::keywords::TermHit;
use crate::text::rolling::CallRolling;

/// A call whose legs are closed is over when no other leg has come for so long: taps of two directions open and close one after the other.
const GRACE_MS: i64 = 2000;
/// How often progress is noted and ends are looked for.
const TICK: Duration = Duration::from_millis(250);
/// Legs of recordings that a former run followed are waited for so long after the start.
const RESUME_MS: i64 = 60_000;
/// An utterance at which the process ended is put back by so much for each time.
const STRUCK_MS: i64 = 60_000;
/// Names given before their call is heard of, at most.
const EXPECTED: usize = 10_000;

/// What the API asks for.
#[derive(Debug)]
pub enum Command {
    /// Tell who a call is.
    Name {
        /// Its id, UUID or uniqueid.
        call: String,
        /// What is known.
        names: CallNames,
        /// The call's id from now on; `None` when it is only expected.
        reply: oneshot::Sender<Named>,
    },
    /// Hang up on a call's sources and let it end.
    End {
        /// Its row.
        call: CallKey,
        /// Why.
        reason: String,
        /// Whether it was running.
        reply: oneshot::Sender<bool>,
    },
    /// Text that another platform has recognised, or a silence that it has measured.
    Said(Box<SaidText>),
    /// Say that you are there, and that all before this is committed.
    Alive {
        /// Answered when it is so.
        reply: oneshot::Sender<()>,
    },
    /// Stop keeping what is said, or go on.
    Pause {
        /// Its row.
        call: CallKey,
        /// Which of the two.
        pausing: Pausing,
        /// Who asks, as the event says it.
        by: String,
        /// Whether it is running.
        reply: oneshot::Sender<bool>,
    },
    /// Know nothing more of calls whose line is closed: they are about to be erased.
    LetGo {
        /// Their rows.
        calls: Vec<CallKey>,
        /// Those of them that are running; then none was let go.
        reply: oneshot::Sender<Vec<CallKey>>,
    },
    /// The governor has changed its step.
    Governed {
        /// What holds from now on.
        plan: Plan,
        /// Age of the oldest live utterance that waits, seconds.
        lag_s: f64,
    },
}

/// The answer to [`Command::Name`].
#[derive(Clone, Debug)]
pub struct Named {
    /// The call's id from now on.
    pub call_id: String,
    /// Whether its audio is here already.
    pub heard: bool,
}

struct Call {
    id: CallId,
    started: WallTime,
    agent: Option<String>,
    legs: HashSet<LegKey>,
    /// Legs that are open, or not heard to their end.
    busy: HashSet<LegKey>,
    outstanding: usize,
    state: CallState,
    closed_at: WallTime,
    /// How far the wall clock was stepped since it began.
    stepped_ms: i64,
    reason: Option<String>,
    rolling: CallRolling,
    watch: CallWatch,
    audio_ms: i64,
}

struct LegInfo {
    call: CallKey,
    leg: Arc<SpooledLeg>,
    offset_ms: i64,
    noted: u64,
    /// Loudest sample of the whole leg, once it was heard.
    peak: Option<u16>,
    /// Its utterances up to this sample are known.
    settled: u64,
}

/// What the conductor is made of.
pub struct Parts {
    /// The database.
    pub store: Store,
    /// The spool, for legs that no row tells of.
    pub spool: Arc<Spool>,
    /// Where new legs are listened to.
    pub listener: std_mpsc::Sender<Assignment>,
    /// Where utterances go.
    pub workers: Arc<Workers>,
    /// How texts are read.
    pub analyser: Arc<std::sync::RwLock<Arc<TextAnalyser>>>,
    /// What is never kept.
    pub privacy: PrivacySettings,
    /// The clock.
    pub now: fn() -> WallTime,
}

/// What the conductor listens to.
pub struct Inputs {
    /// Legs.
    pub spool: mpsc::Receiver<SpoolEvent>,
    /// Utterances.
    pub heard: mpsc::Receiver<Heard>,
    /// Texts.
    pub done: mpsc::Receiver<Done>,
    /// Wishes of the API.
    pub commands: mpsc::Receiver<Command>,
}

/// The conductor.
pub struct Live {
    parts: Parts,
    calls: HashMap<CallKey, Call>,
    ids: HashMap<CallId, CallKey>,
    legs: HashMap<LegKey, LegInfo>,
    expected: HashMap<String, CallNames>,
    next_call: AtomicI64,
    next_utterance: AtomicI64,
    /// Legs of recordings that may come back: where listening goes on.
    resumable: HashMap<LegKey, (CallKey, u64)>,
    resume_until: WallTime,
    model_was_ready: bool,
    watching: Watching,
    privacy: Privacy,
    partials: Partials,
    clock: StepWatch,
}

impl Live {
    /// A conductor that knows what a former run left undone, and has set it going again.
    pub async fn recover(parts: Parts, recovery: Recovery) -> Result<Self, StoreError> {
        let now = (parts.now)();
        let analyser = Arc::clone(&parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let watching = Watching::new(&parts.store, analyser).await?;
        let mut live = Self {
            calls: HashMap::new(),
            ids: HashMap::new(),
            legs: HashMap::new(),
            expected: HashMap::new(),
            next_call: AtomicI64::new(recovery.highest.0 + 1),
            next_utterance: AtomicI64::new(recovery.highest.2 + 1),
            resumable: HashMap::new(),
            resume_until: WallTime(now.0 + RESUME_MS),
            model_was_ready: false,
            watching,
            privacy: Privacy::new(parts.privacy.clone()),
            partials: Partials::new(Instant::now()),
            clock: StepWatch::new(now, Instant::now()),
            parts,
        };
        for call in recovery.calls {
            let mut rolling = CallRolling::default();
            for (leg, compound) in call.compounds {
                rolling.push(leg, compound);
            }
            live.add_call(call.key, call.id, call.started, None, rolling);
            let watch = live.watching.recall(&live.parts.store, call.key).await?;
            if let Some(call) = live.calls.get_mut(&call.key) {
                call.watch = watch;
            }
        }
        for leg in recovery.legs {
            let audio = if leg.owned {
                LegAudio::Spooled { path: leg.path.clone() }
            } else {
                LegAudio::Recording { path: leg.path.clone(), channel: leg.channel }
            };
            let silences = live.parts.store.silences(leg.key).await?;
            let Some(call) = live.calls.get_mut(&leg.call) else { continue };
            let spec = LegSpec {
                call: call.id.clone(),
                names: CallNames::default(),
                leg: leg.leg,
                source: leg.source,
                started: leg.started,
                rate_hz: leg.rate_hz,
                peer: leg.peer,
            };
            call.legs.insert(leg.key);
            call.reason = leg.close_reason.or(call.reason.take());
            let samples = if leg.closed { leg.samples } else { length_of(&audio) };
            let spooled = Arc::new(SpooledLeg::recovered(leg.key, spec, audio, samples));
            for silence in silences {
                spooled.silences().add(silence.start, silence.end);
            }
            let info = LegInfo {
                call: leg.call,
                leg: Arc::clone(&spooled),
                offset_ms: leg.offset_ms,
                noted: samples,
                peak: None,
                settled: leg.heard_to,
            };
            live.legs.insert(leg.key, info);
            if !leg.owned && !leg.closed {
                // The watcher goes on with it, or it is closed when it does not turn up.
                call.busy.insert(leg.key);
                live.resumable.insert(leg.key, (leg.call, leg.heard_to));
                continue;
            }
            if !leg.closed {
                let change = Change::LegClosed { leg: leg.key, samples, reason: "recovered".into(), at: now };
                live.parts.store.writer().push(vec![change]).await?;
            }
            if leg.heard_to < samples {
                call.busy.insert(leg.key);
                let _ = live.parts.listener.send((spooled, leg.heard_to));
            }
        }
        let waiting = recovery.utterances.len();
        for utterance in recovery.utterances {
            let Some(info) = live.legs.get(&utterance.leg) else { continue };
            if let Some(call) = live.calls.get_mut(&utterance.call) {
                call.outstanding += 1;
            }
            let job = Job {
                utterance: utterance.key,
                call: utterance.call,
                leg: Arc::clone(&info.leg),
                start: utterance.start_sample,
                end: utterance.end_sample,
                start_ms: utterance.start_ms,
                said: now,
                live: false,
            };
            // One at which the process ended comes after the others.
            let due = WallTime(now.0 + i64::from(live.parts.workers.in_hand.strikes(utterance.key)) * STRUCK_MS);
            live.parts.workers.queue.push(Urgency::PostCall, due, Work::Utterance(Box::new(job)));
        }
        let orphans = live.parts.spool.orphans(&recovery.known_legs).unwrap_or_else(|error| {
            log::error!("{error}");
            Vec::new()
        });
        let lost = orphans.len();
        for orphan in orphans {
            let audio = LegAudio::Spooled { path: orphan.path };
            let leg = Arc::new(SpooledLeg::recovered(orphan.key, orphan.spec, audio, orphan.samples));
            live.opened(Arc::clone(&leg)).await?;
            live.closed(&leg).await?;
        }
        if !live.calls.is_empty() {
            log::info!(
                "recovered {} unfinished calls, {waiting} utterances that wait for text, {lost} legs that only the spool knew",
                live.calls.len()
            );
        }
        Ok(live)
    }

    /// Conducts until stopped. What is unfinished then is in the database and goes on at the next start.
    pub async fn run(mut self, mut inputs: Inputs, stop: CancellationToken) {
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                biased;
                Some(event) = inputs.spool.recv() => match event {
                    SpoolEvent::Opened(leg) => self.opened(leg).await,
                    SpoolEvent::Closed(leg) => self.closed(&leg).await,
                    SpoolEvent::Dtmf { leg, at_sample, digit } => self.dtmf(leg, at_sample, digit).await,
                },
                Some(heard) = inputs.heard.recv() => self.heard(heard).await,
                Some(done) = inputs.done.recv() => match done {
                    Done::Written(written) => self.written(written).await,
                    Done::Growing(reading) => {
                        self.show_partial(&reading);
                        Ok(())
                    }
                },
                Some(command) = inputs.commands.recv() => self.command(command).await,
                _ = tick.tick() => self.tick().await,
                () = stop.cancelled() => break,
            };
            if let Err(error) = done {
                log::error!("{error}");
            }
        }
        // Legs were closed by their sources before we were stopped: note how far they came.
        inputs.spool.close();
        while let Ok(event) = inputs.spool.try_recv() {
            if let SpoolEvent::Closed(leg) = event {
                let _ = self.closed(&leg).await;
            }
        }
    }

    /// After a step of the wall clock what was noted by it is moved along: a call ends when it is over, and a second leg has its place in it.
    /// Called before anything is noted by the clock.
    fn mind_the_clock(&mut self) {
        let step_ms = self.clock.step_ms(self.now(), Instant::now());
        if step_ms == 0 {
            return;
        }
        metrics::counter!("lineside_clock_steps_total").increment(1);
        log::warn!("the clock was stepped by {} s; running calls keep their own time", step_ms / 1000);
        self.resume_until.0 += step_ms;
        for call in self.calls.values_mut() {
            call.stepped_ms += step_ms;
            call.closed_at.0 += step_ms;
        }
    }

    fn now(&self) -> WallTime {
        (self.parts.now)()
    }

    async fn push(&self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.parts.store.writer().push(changes).await
    }

    fn add_call(&mut self, key: CallKey, id: CallId, started: WallTime, agent: Option<String>, rolling: CallRolling) {
        self.ids.insert(id.clone(), key);
        let closed_at = self.now();
        let call = Call {
            id,
            started,
            agent,
            legs: HashSet::new(),
            busy: HashSet::new(),
            outstanding: 0,
            state: CallState::Active,
            closed_at,
            stepped_ms: 0,
            reason: None,
            rolling,
            watch: CallWatch::default(),
            audio_ms: 0,
        };
        self.calls.insert(key, call);
    }

    /// The call of a leg: running, known from before, or new.
    async fn call_of(&mut self, spec: &LegSpec) -> Result<(CallKey, Vec<Change>), StoreError> {
        if let Some(&key) = self.ids.get(&spec.call) {
            return Ok((key, Vec::new()));
        }
        if let Some(row) = self.parts.store.call(spec.call.as_str()).await? {
            if let Some(call) = self.calls.get(&row.key) {
                self.ids.insert(spec.call.clone(), row.key);
                debug_assert!(!call.id.as_str().is_empty());
                return Ok((row.key, Vec::new()));
            }
            // It had ended, and is heard of again: the second side of a pair, a recording after its live audio.
            let mut rolling = CallRolling::default();
            for segment in self.parts.store.segments(row.key).await? {
                rolling.push(Leg::parse(&segment.leg).unwrap_or(Leg::Mixed), segment.compound);
            }
            self.add_call(row.key, CallId::from_lossy(&row.call_id), row.started, row.agent.clone(), rolling);
            self.ids.insert(spec.call.clone(), row.key);
            let watch = self.watching.recall(&self.parts.store, row.key).await?;
            if let Some(call) = self.calls.get_mut(&row.key) {
                call.watch = watch;
                call.audio_ms = row.audio_ms;
            }
            let change = Change::CallMoved { call: row.key, state: CallState::Active, at: self.now(), reason: None };
            return Ok((row.key, vec![change]));
        }
        let key = CallKey(self.next_call.fetch_add(1, Ordering::Relaxed));
        let mut names = spec.names.clone();
        let mut id = spec.call.clone();
        let expected = [Some(spec.call.as_str()), names.uuid.as_deref()]
            .into_iter()
            .flatten()
            .find_map(|name| self.expected.remove(name));
        if let Some(given) = expected {
            if let Some(uniqueid) = given.uniqueid.as_deref() {
                id = CallId::from_lossy(uniqueid);
            }
            overlay(&mut names, given);
        }
        metrics::counter!("lineside_calls_total").increment(1);
        log::info!("call {id} began ({})", spec.source.as_str());
        self.add_call(key, id.clone(), spec.started, names.agent.clone(), CallRolling::default());
        self.ids.insert(spec.call.clone(), key);
        let payload = json!({
            "type": "call_start", "event": "call_start", "call_id": id.as_str(), "timestamp": spec.started.rfc3339(),
            "source": spec.source.as_str(), "agent": names.agent, "campaign": names.campaign,
        });
        let event = NewEvent { call: Some(key), kind: "call_start", at: self.now(), payload };
        // Opened under its first name, so that this one leads to it too.
        let mut changes = vec![Change::CallOpened(NewCall {
            key,
            id: spec.call.clone(),
            source: spec.source,
            started: spec.started,
            names,
        })];
        if id != spec.call {
            changes.push(Change::CallRenamed { call: key, id });
        }
        changes.push(Change::Event(event));
        Ok((key, changes))
    }

    async fn opened(&mut self, leg: Arc<SpooledLeg>) -> Result<(), StoreError> {
        self.mind_the_clock();
        let (key, mut changes) = self.call_of(&leg.spec).await?;
        let from = match self.resumable.remove(&leg.key) {
            Some((_, heard_to)) => heard_to,
            // A recording that was finished and grows again; a new leg has no utterance yet.
            None if leg.spec.source == crate::call::Source::Recording => self.parts.store.heard_to(leg.key).await?,
            None => 0,
        };
        let Some(call) = self.calls.get_mut(&key) else { return Ok(()) };
        call.legs.insert(leg.key);
        call.busy.insert(leg.key);
        if call.state != CallState::Active {
            call.state = CallState::Active;
            changes.push(Change::CallMoved { call: key, state: CallState::Active, at: leg.spec.started, reason: None });
        }
        let offset_ms = (leg.spec.started.0 - call.started.0 - call.stepped_ms).max(0);
        call.watch.leg(leg.spec.leg, offset_ms);
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
        let lasts = leg.spec.source == crate::call::Source::Recording && self.silenced_before(key, &leg).await?;
        if self.privacy.is_paused(key) && !lasts {
            changes.push(self.privacy.pause(&leg, self.now()));
        }
        self.push(changes).await?;
        let _ = self.parts.listener.send((Arc::clone(&leg), from));
        self.legs.insert(leg.key, LegInfo { call: key, leg, offset_ms, noted: 0, peak: None, settled: from });
        Ok(())
    }

    async fn closed(&mut self, leg: &Arc<SpooledLeg>) -> Result<(), StoreError> {
        self.mind_the_clock();
        let now = self.now();
        let reason = leg.close_reason().unwrap_or("closed").to_string();
        if let Some(info) = self.legs.get(&leg.key)
            && let Some(call) = self.calls.get_mut(&info.call)
        {
            call.closed_at = now;
            call.audio_ms = call.audio_ms.max(info.offset_ms + leg.length_ms());
            call.reason.get_or_insert_with(|| reason.clone());
        }
        let mut changes = vec![Change::LegClosed { leg: leg.key, samples: leg.samples(), reason, at: now }];
        let gap = Privacy::resume(leg, now);
        changes.extend(gap.iter().map(|(_, change)| change.clone()));
        self.push(changes).await?;
        privacy::overwrite(&self.parts.store, leg, gap.into_iter().map(|(range, _)| range).collect());
        Ok(())
    }

    async fn dtmf(&mut self, leg: LegKey, at_sample: u64, digit: char) -> Result<(), StoreError> {
        let Some(info) = self.legs.get(&leg) else { return Ok(()) };
        let at = CallTime(info.offset_ms + (at_sample * 1000 / u64::from(info.leg.spec.rate_hz)) as i64);
        let call = info.call;
        let (digit, asked) = self.privacy.key(leg, at, digit);
        self.push(vec![Change::Dtmf { leg, at, digit }]).await?;
        if let Some(pausing) = asked {
            self.pause(call, pausing, "keys").await?;
        }
        Ok(())
    }

    async fn heard(&mut self, heard: Heard) -> Result<(), StoreError> {
        match heard {
            Heard::Settled(leg, sample) => {
                if let Some(info) = self.legs.get_mut(&leg) {
                    info.settled = sample;
                }
                Ok(())
            }
            Heard::Utterance(leg, found) => {
                self.partials.over(leg);
                self.utterance(leg, found).await
            }
            Heard::Growing(leg, found) => {
                self.ask_for_partial(leg, found);
                Ok(())
            }
            Heard::End { leg, peak } => {
                if let Some(info) = self.legs.get_mut(&leg) {
                    info.peak = peak;
                }
                if let Some(call) = self.legs.get(&leg).and_then(|info| self.calls.get_mut(&info.call)) {
                    call.busy.remove(&leg);
                }
                Ok(())
            }
            Heard::Failed(leg, problem) => {
                let Some(info) = self.legs.get(&leg) else { return Ok(()) };
                log::error!("leg {leg} of call {}: {problem}; it has no text from here on", info.leg.spec.call);
                if let Some(call) = self.calls.get_mut(&info.call) {
                    call.busy.remove(&leg);
                }
                Ok(())
            }
        }
    }

    /// Has speech read that is not over, while nothing else waits.
    fn ask_for_partial(&mut self, leg: LegKey, found: Found) {
        let workers = &self.parts.workers;
        let Some(info) = self.legs.get(&leg) else { return };
        if !workers.has_time() || !self.partials.ask(leg, found.start, Instant::now()) {
            return;
        }
        let growing = Growing { leg: Arc::clone(&info.leg), start: found.start, end: found.end };
        workers.queue.push(Urgency::Growing, self.now(), Work::Growing(growing));
    }

    fn show_partial(&mut self, reading: &partial::Reading) {
        let leg = &reading.growing.leg;
        let Some((stable, rest)) = self.partials.take(reading) else { return };
        let Some(info) = self.legs.get(&leg.key) else { return };
        let Some(call) = self.calls.get(&info.call) else { return };
        let start_ms = info.offset_ms + (reading.growing.start * 1000 / u64::from(leg.spec.rate_hz)) as i64;
        let analyser = Arc::clone(&self.parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let (stable, rest) = self.privacy.clean_partial(&analyser, stable, rest);
        let message = partial::message(call.id.as_str(), leg, start_ms as f64 / 1000.0, &stable, &rest);
        self.parts.store.show(info.call, "partial", &message);
    }

    async fn utterance(&mut self, leg: LegKey, found: Found) -> Result<(), StoreError> {
        let Some(info) = self.legs.get(&leg) else { return Ok(()) };
        let rate = u64::from(info.leg.spec.rate_hz);
        let at = |sample: u64| info.offset_ms + (sample * 1000 / rate) as i64;
        let (start, end) = (at(found.start), at(found.end));
        let info_call = info.call;
        let key = UtteranceKey(self.next_utterance.fetch_add(1, Ordering::Relaxed));
        let live = info.leg.spec.source != crate::call::Source::Upload
            && (!info.leg.is_closed() || self.now().0 - info.leg.last_audio().0 < 10_000);
        let said = if live { self.now() } else { WallTime(info.leg.spec.started.0 + end - info.offset_ms) };
        let ready = self.parts.workers.ready();
        let change = Change::UtteranceFound(NewUtterance {
            key,
            call: info.call,
            leg,
            start_sample: found.start,
            end_sample: found.end,
            start: CallTime(start),
            end: CallTime(end),
            state: if ready { UtteranceState::Pending } else { UtteranceState::WaitingForModel },
        });
        let job = Job {
            utterance: key,
            call: info.call,
            leg: Arc::clone(&info.leg),
            start: found.start,
            end: found.end,
            start_ms: start,
            said,
            live,
        };
        if let Some(call) = self.calls.get_mut(&info.call) {
            call.outstanding += 1;
            call.watch.utterance(key.0, job.leg.spec.leg, start, end);
        }
        self.push(vec![change]).await?;
        let urgency = if live && self.is_written_live(info_call) { Urgency::Live } else { Urgency::PostCall };
        self.parts.workers.queue.push(urgency, said, Work::Utterance(Box::new(job)));
        Ok(())
    }

    /// Whether a call is among those that the governor has written down live: those that began first.
    fn is_written_live(&self, call: CallKey) -> bool {
        let share = self.parts.workers.orders.plan().step.live_share();
        let running = |call: &&Call| call.state == CallState::Active;
        let all = self.calls.values().filter(running).count() as f64;
        // Keys are given in the order of beginning.
        let before = self.calls.iter().filter(|(key, other)| **key < call && running(other)).count() as f64;
        share >= 1.0 || before < (all * share).ceil()
    }

    /// Text of another platform goes the way of what was recognised.
    async fn text(&mut self, said: SaidText) -> Result<(), StoreError> {
        /// A word takes about so long: platforms tell when a text began, not when it ended.
        const WORD_MS: i64 = 350;
        let SaidText { leg, start, text, silence_ms, provider, reply } = said;
        let Some(info) = self.legs.get(&leg.key) else { return Ok(()) };
        let (key, start_ms, now) = (info.call, info.offset_ms + (start * 1000 / u64::from(TEXT_HZ)) as i64, self.now());
        let book = self.watching.book_now();
        let Some(call) = self.calls.get_mut(&key) else { return Ok(()) };
        if let Some(alert) = silence_ms.and_then(|ms| call.watch.silent(&book, start_ms, ms, &call.rolling)) {
            let risk = risk_change(key, &call.watch.risk(&call.rolling));
            let raised = self.watching.raise(key, alert, &Origin::Time, now);
            self.push(vec![risk, raised]).await?;
        }
        if let Some(text) = text {
            let length_ms = WORD_MS * text.text.split_whitespace().count() as i64;
            let end = start + length_ms as u64 * u64::from(TEXT_HZ) / 1000;
            let utterance = UtteranceKey(self.next_utterance.fetch_add(1, Ordering::Relaxed));
            if let Some(call) = self.calls.get_mut(&key) {
                call.outstanding += 1;
                call.audio_ms = call.audio_ms.max(start_ms + length_ms);
            }
            let found = Change::UtteranceFound(NewUtterance {
                key: utterance,
                call: key,
                leg: leg.key,
                start_sample: start,
                end_sample: end,
                start: CallTime(start_ms),
                end: CallTime(start_ms + length_ms),
                state: UtteranceState::Pending,
            });
            self.push(vec![found, Change::LegGrown { leg: leg.key, samples: end, at: now }]).await?;
            let job = Job { utterance, call: key, leg, start, end, start_ms, said: now, live: true };
            let result = Ok(text.recognition(length_ms));
            self.written(Written { job, result, engine: format!("ingest/{provider}") }).await?;
        }
        let _ = reply.send(());
        Ok(())
    }

    async fn written(&mut self, written: Written) -> Result<(), StoreError> {
        let Written { job, result, engine } = written;
        let now = self.now();
        // A merge may have moved the leg to another call since the utterance was found.
        let (key, offset_ms) = self.legs.get(&job.leg.key).map_or((job.call, 0), |info| (info.call, info.offset_ms));
        let start_ms = if offset_ms == 0 {
            job.start_ms
        } else {
            offset_ms + (job.start * 1000 / u64::from(job.leg.spec.rate_hz)) as i64
        };
        let analyser = Arc::clone(&self.parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let book = self.watching.book(&analyser);
        let Some(call) = self.calls.get_mut(&key) else { return Ok(()) };
        call.outstanding = call.outstanding.saturating_sub(1);
        let leg = job.leg.spec.leg;
        let mut segments: Vec<NewSegment> = Vec::new();
        let mut events = Vec::new();
        let mut cleaned = Cleaned::default();
        let (state, note, took_ms) = match result {
            Err(problem) => {
                log::error!("call {}: an utterance has no text: {problem}", call.id);
                (UtteranceState::Failed, Some(problem), 0)
            }
            Ok(recognition) => {
                let shifted: Vec<_> =
                    recognition.pieces.into_iter().map(|piece| privacy::shift(piece, start_ms)).collect();
                // All of the utterance before any of it is shown: what its end tells of its begin is not a correction.
                let pieces: Vec<_> = shifted
                    .into_iter()
                    .enumerate()
                    .map(|(number, piece)| {
                        let place = (key, job.leg.key, job.utterance, number);
                        self.privacy.clean(&analyser, place, piece, &mut cleaned)
                    })
                    .collect();
                for piece in cleaned.within(job.utterance, pieces) {
                    let analysis = analyser.analyse(&piece.text, leg);
                    call.rolling.push(leg, analysis.scores.compound);
                    let said = Said {
                        leg,
                        start_ms: piece.start_ms,
                        end_ms: piece.end_ms,
                        text: &piece.text,
                        compound: analysis.scores.compound,
                        keywords: &analysis.keywords,
                        profanity: &analysis.profanity,
                    };
                    let alert = call.watch.said(&book, &said, &call.rolling);
                    let segment = NewSegment {
                        start: CallTime(piece.start_ms),
                        end: CallTime(piece.end_ms),
                        confidence: (f64::from(piece.confidence) * 1000.0).round() / 1000.0,
                        language: recognition.language.clone(),
                        words: piece.words,
                        compound: analysis.scores.compound,
                        pos: analysis.scores.pos,
                        neu: analysis.scores.neu,
                        neg: analysis.scores.neg,
                        label: analysis.label.as_str().into(),
                        keywords: terms(&analysis.keywords),
                        profanity: terms(&analysis.profanity),
                        text: piece.text,
                    };
                    let payload = sentiment_message(call, leg, &segment, now);
                    events.push(Change::Event(NewEvent { call: Some(key), kind: "sentiment", at: now, payload }));
                    if let Some(alert) = alert {
                        let origin = Origin::Text(job.utterance, segments.len());
                        events.push(self.watching.raise(key, alert, &origin, now));
                    }
                    segments.push(segment);
                }
                let note = recognition.dropped.map(|(reason, text)| {
                    format!("{}: {}", reason.as_str(), self.privacy.clean_text(&analyser, &text))
                });
                let state = if segments.is_empty() { UtteranceState::Empty } else { UtteranceState::Done };
                (state, note, recognition.took.as_millis() as i64)
            }
        };
        call.watch.written(job.utterance.0);
        let word = match state {
            UtteranceState::Done => "done",
            UtteranceState::Empty => "empty",
            _ => "failed",
        };
        metrics::counter!("lineside_utterances_total", "state" => word).increment(1);
        metrics::counter!("lineside_segments_total").increment(segments.len() as u64);
        super::measures::transcribed(job.end - job.start, job.leg.spec.rate_hz);
        metrics::histogram!("lineside_lag_seconds").record((now.0 - job.said.0) as f64 / 1000.0);
        let has_text = !segments.is_empty();
        let mut changes =
            vec![Change::UtteranceDone { utterance: job.utterance, state, segments, note, engine, took_ms, at: now }];
        if has_text {
            changes.push(Change::CallFigures { call: key, figures: figures(&call.rolling) });
            changes.push(risk_change(key, &call.watch.risk(&call.rolling)));
        }
        changes.extend(events);
        let silent = self.cleaned(key, cleaned, now, &mut changes);
        self.push(changes).await?;
        for (leg, ranges) in silent {
            privacy::overwrite(&self.parts.store, &leg, ranges);
        }
        Ok(())
    }

    async fn tick(&mut self) -> Result<(), StoreError> {
        self.mind_the_clock();
        let now = self.now();
        let mut changes = Vec::new();
        for (&key, info) in &mut self.legs {
            let samples = info.leg.samples();
            // Once a second is often enough for a list.
            if samples.saturating_sub(info.noted) >= u64::from(info.leg.spec.rate_hz) && !info.leg.is_closed() {
                info.noted = samples;
                changes.push(Change::LegGrown { leg: key, samples, at: info.leg.last_audio() });
            }
        }
        if !self.model_was_ready && self.parts.workers.ready() {
            self.model_was_ready = true;
            changes.push(Change::ModelArrived);
        }
        if now >= self.resume_until {
            for (leg, (call, _)) in std::mem::take(&mut self.resumable) {
                let Some(info) = self.legs.get(&leg) else { continue };
                let samples = info.leg.samples();
                changes.push(Change::LegClosed { leg, samples, reason: "gone after a restart".into(), at: now });
                if let Some(call) = self.calls.get_mut(&call) {
                    call.busy.remove(&leg);
                }
            }
        }
        let keys: Vec<CallKey> = self.calls.keys().copied().collect();
        for key in keys {
            self.look_at_time(key, now, &mut changes);
            self.look_for_end(key, now, &mut changes);
        }
        let (backlog, oldest) = self.parts.workers.queue.backlog();
        metrics::gauge!("lineside_calls_active").set(self.calls.len() as f64);
        metrics::gauge!("lineside_legs_open")
            .set(self.legs.values().filter(|info| !info.leg.is_closed()).count() as f64);
        let outstanding = self.calls.values().map(|call| (call.state == CallState::Active, call.outstanding));
        super::measures::each_second(outstanding, self.parts.store.path());
        metrics::gauge!("lineside_backlog_utterances").set(backlog as f64);
        metrics::gauge!("lineside_backlog_age_seconds")
            .set(oldest.map_or(0.0, |said| (now.0 - said.0) as f64 / 1000.0));
        if changes.is_empty() { Ok(()) } else { self.push(changes).await }
    }

    /// What the passing of time makes of the rules: dead air, what was due and has not been said, one side over the other.
    fn look_at_time(&mut self, key: CallKey, now: WallTime, changes: &mut Vec<Change>) {
        /// A live leg from which nothing came for so long does not hold up the others.
        const STALLED_MS: i64 = 2000;
        let analyser = Arc::clone(&self.parts.analyser.read().unwrap_or_else(std::sync::PoisonError::into_inner));
        let book = self.watching.book(&analyser);
        let Some(call) = self.calls.get_mut(&key) else { return };
        let legs = || call.legs.iter().filter_map(|leg| self.legs.get(leg));
        let at =
            |info: &LegInfo, sample: u64| info.offset_ms + (sample * 1000 / u64::from(info.leg.spec.rate_hz)) as i64;
        let listening = |info: &&LegInfo| {
            let stalled = !info.leg.is_closed() && now.0 - info.leg.last_audio().0 > STALLED_MS;
            call.busy.contains(&info.leg.key) && !stalled
        };
        let known = legs().filter(listening).map(|info| at(info, info.settled)).min();
        let all = || legs().map(|info| at(info, info.leg.samples())).max().map(|to| to.max(call.audio_ms));
        let Some(to_ms) = known.or_else(all) else { return };
        if let Some(alert) = call.watch.passed(&book, to_ms, &call.rolling) {
            changes.push(risk_change(key, &call.watch.risk(&call.rolling)));
            changes.push(self.watching.raise(key, alert, &Origin::Time, now));
        }
    }

    fn look_for_end(&mut self, key: CallKey, now: WallTime, changes: &mut Vec<Change>) {
        let book = self.watching.book_now();
        let Some(call) = self.calls.get_mut(&key) else { return };
        let open = call.legs.iter().any(|leg| {
            self.resumable.contains_key(leg) || self.legs.get(leg).is_some_and(|info| !info.leg.is_closed())
        });
        if open {
            return;
        }
        let reason = call.reason.clone().unwrap_or_else(|| "recovered".into());
        let duration = (call.audio_ms as f64) / 1000.0;
        if call.state == CallState::Active {
            call.state = CallState::ConnectionClosed;
            changes.push(Change::CallMoved {
                call: key,
                state: CallState::ConnectionClosed,
                at: now,
                reason: Some(reason.clone()),
            });
            let payload = json!({
                "type": "hangup", "event": "hangup", "call_id": call.id.as_str(), "timestamp": now.rfc3339(), "reason": reason,
                "duration": duration, "outstanding": call.outstanding,
            });
            changes.push(Change::Event(NewEvent { call: Some(key), kind: "hangup", at: now, payload }));
        }
        if !call.busy.is_empty() || call.outstanding > 0 || now.0 - call.closed_at.0 < GRACE_MS {
            return;
        }
        if let Some(mix) = whole_mix(call.legs.iter().filter_map(|leg| self.legs.get(leg))) {
            changes.push(Change::LegLabelled { leg: mix, label: Leg::Mixed });
        }
        if let Some(alert) = call.watch.ended(&book, call.audio_ms, &call.rolling) {
            changes.push(self.watching.raise(key, alert, &Origin::Time, now));
        }
        changes.push(Change::CallMoved { call: key, state: CallState::Completed, at: now, reason: None });
        let payload = json!({
            "type": "call_end", "event": "call_end", "call_id": call.id.as_str(), "timestamp": now.rfc3339(), "reason": reason,
            "duration": duration, "audio_seconds": duration, "segments": call.rolling.call.segments,
            "sentiment": call.rolling.call.mean,
        });
        changes.push(Change::Event(NewEvent { call: Some(key), kind: "call_end", at: now, payload }));
        log::info!("call {} ended ({reason}): {duration:.1} s, {} segments", call.id, call.rolling.call.segments);
        let legs = std::mem::take(&mut call.legs);
        self.privacy.over(key, legs.iter().copied());
        self.calls.remove(&key);
        self.ids.retain(|_, &mut other| other != key);
        for leg in legs {
            self.legs.remove(&leg);
        }
    }

    async fn command(&mut self, command: Command) -> Result<(), StoreError> {
        match command {
            Command::Name { call, names, reply } => {
                let named = self.name(&call, names).await?;
                let _ = reply.send(named);
            }
            Command::Said(said) => self.text(*said).await?,
            Command::Alive { reply } => {
                self.parts.store.writer().commit(Vec::new()).await?;
                let _ = reply.send(());
            }
            Command::Pause { call, pausing, by, reply } => {
                let running = self.pause(call, pausing, &by).await?;
                let _ = reply.send(running);
            }
            Command::LetGo { calls, reply } => {
                let _ = reply.send(self.let_go(&calls));
            }
            Command::Governed { plan, lag_s } => {
                self.parts.workers.queue.demote(|work| match work {
                    Work::Utterance(job) => self.is_written_live(job.call),
                    Work::Growing(_) | Work::Probe(_) => true,
                });
                let payload = json!({
                    "type": "governor", "event": "governor", "timestamp": self.now().rfc3339(), "step": plan.step.number(),
                    "name": plan.step, "says": plan.step.describe(), "workers": plan.workers, "lag_seconds": lag_s,
                });
                self.push(vec![Change::Event(NewEvent { call: None, kind: "governor", at: self.now(), payload })])
                    .await?;
            }
            Command::End { call, reason, reply } => {
                let running = self.calls.get_mut(&call).is_some_and(|running| {
                    running.reason = Some(reason);
                    let open: Vec<_> = running
                        .legs
                        .iter()
                        .filter_map(|leg| self.legs.get(leg))
                        .filter(|info| !info.leg.is_closed())
                        .collect();
                    for info in &open {
                        info.leg.end_requested().cancel();
                    }
                    !open.is_empty()
                });
                let _ = reply.send(running);
            }
        }
        Ok(())
    }

    async fn name(&mut self, target: &str, names: CallNames) -> Result<Named, StoreError> {
        // What was pushed before must be visible to the query.
        self.parts.store.writer().commit(Vec::new()).await?;
        let Some(row) = self.parts.store.call(target).await? else {
            if self.expected.len() >= EXPECTED {
                self.expected.clear();
            }
            let call_id = names.uniqueid.clone().unwrap_or_else(|| target.to_string());
            self.expected.insert(target.to_string(), names);
            return Ok(Named { call_id, heard: false });
        };
        let mut key = row.key;
        let mut call_id = row.call_id.clone();
        let mut changes = Vec::new();
        if let Some(uniqueid) = names.uniqueid.as_deref().filter(|uniqueid| *uniqueid != row.call_id) {
            let id = CallId::from_lossy(uniqueid);
            match self.parts.store.call(id.as_str()).await? {
                Some(other) if other.key != key => {
                    changes.push(Change::CallMerged { from: key, into: other.key });
                    self.merge(key, other.key, row.started, other.started);
                    key = other.key;
                    call_id = other.call_id;
                }
                Some(_) => {}
                None => {
                    changes.push(Change::CallRenamed { call: key, id: id.clone() });
                    if let Some(call) = self.calls.get_mut(&key) {
                        call.id = id.clone();
                        self.ids.insert(id.clone(), key);
                    }
                    call_id = id.to_string();
                }
            }
        }
        if let Some(call) = self.calls.get_mut(&key)
            && names.agent.is_some()
        {
            call.agent.clone_from(&names.agent);
        }
        changes.push(Change::CallNamed { call: key, names: names.clone() });
        let payload = json!({
            "type": "call_named", "event": "call_named", "call_id": call_id, "timestamp": self.now().rfc3339(),
            "agent": names.agent, "campaign": names.campaign, "lead": names.lead,
        });
        changes.push(Change::Event(NewEvent { call: Some(key), kind: "call_named", at: self.now(), payload }));
        self.parts.store.writer().commit(changes).await?;
        Ok(Named { call_id, heard: true })
    }

    /// In memory what [`Change::CallMerged`] does on disk.
    fn merge(&mut self, from: CallKey, into: CallKey, from_start: WallTime, into_start: WallTime) {
        self.privacy.merged(from, into);
        let earliest = from_start.min(into_start);
        for info in self.legs.values_mut() {
            if info.call == from {
                info.call = into;
                info.offset_ms += from_start.0 - earliest.0;
            } else if info.call == into {
                info.offset_ms += into_start.0 - earliest.0;
            }
        }
        let Some(mut gone) = self.calls.remove(&from) else { return };
        gone.watch.shift(from_start.0 - earliest.0);
        for id in self.ids.values_mut() {
            if *id == from {
                *id = into;
            }
        }
        if let Some(call) = self.calls.get_mut(&into) {
            call.started = earliest;
            call.legs.extend(gone.legs);
            call.busy.extend(gone.busy);
            call.outstanding += gone.outstanding;
            call.audio_ms = call.audio_ms.max(gone.audio_ms);
            call.watch.shift(into_start.0 - earliest.0);
            call.watch.absorb(gone.watch);
        } else {
            // The other one had ended: this one goes on under its row.
            self.calls.insert(into, Call { started: earliest, ..gone });
        }
    }
}

/// Privacy: what the conductor does about it.
impl Live {
    /// What was silenced of a recording before it was heard of again; whether a pause of it lasts.
    async fn silenced_before(&mut self, call: CallKey, leg: &SpooledLeg) -> Result<bool, StoreError> {
        let silences = self.parts.store.silences(leg.key).await?;
        for silence in &silences {
            leg.silences().add(silence.start, silence.end);
        }
        let lasts = silences.iter().any(|silence| silence.end.is_none());
        if lasts {
            self.privacy.set(call, Pausing::Pause);
        }
        Ok(lasts)
    }

    /// Rows, events and silences that follow from what was found in a call's texts; the stretches are still to be overwritten.
    fn cleaned(
        &self,
        key: CallKey,
        cleaned: Cleaned,
        now: WallTime,
        changes: &mut Vec<Change>,
    ) -> Vec<(Arc<SpooledLeg>, Vec<std::ops::Range<u64>>)> {
        let Some(call) = self.calls.get(&key) else { return Vec::new() };
        for (before, redacted) in cleaned.corrected {
            let leg = self.legs.get(&LegKey(redacted.id.leg)).map_or(Leg::Mixed, |info| info.leg.spec.leg);
            let payload = json!({
                "type": "redaction", "event": "redaction", "call_id": call.id.as_str(), "timestamp": now.rfc3339(),
                "leg": leg.as_str(), "speaker": leg.speaker(), "start_time": redacted.start.seconds(),
                "end_time": redacted.end.seconds(), "text": redacted.text, "found": redacted.labels,
            });
            changes.push(Change::Privacy(PrivacyChange::Reworded {
                utterance: UtteranceKey(redacted.id.utterance),
                number: redacted.id.number,
                before,
                text: redacted.text,
                words: redacted.words,
            }));
            changes.push(Change::Event(NewEvent { call: Some(key), kind: "redaction", at: now, payload }));
        }
        let mut by_leg: HashMap<LegKey, Vec<std::ops::Range<u64>>> = HashMap::new();
        for (leg, range) in cleaned.silent {
            let Some(info) = self.legs.get(&leg) else { continue };
            let sample = |ms: i64| (ms - info.offset_ms).max(0) as u64 * u64::from(info.leg.spec.rate_hz) / 1000;
            by_leg.entry(leg).or_default().push(sample(range.start)..sample(range.end));
        }
        by_leg
            .into_iter()
            .filter_map(|(leg, ranges)| {
                let leg = Arc::clone(&self.legs.get(&leg)?.leg);
                changes.extend(self.privacy.silence(&leg, &ranges, now));
                Some((leg, ranges))
            })
            .collect()
    }

    /// Drops what is known of calls that are about to be erased; gives back those that are running, and then drops none.
    fn let_go(&mut self, calls: &[CallKey]) -> Vec<CallKey> {
        let open =
            |call: &Call| call.legs.iter().any(|leg| self.legs.get(leg).is_some_and(|info| !info.leg.is_closed()));
        let running: Vec<CallKey> = calls.iter().copied().filter(|key| self.calls.get(key).is_some_and(open)).collect();
        if running.is_empty() {
            for key in calls {
                let Some(call) = self.calls.remove(key) else { continue };
                self.ids.retain(|_, other| other != key);
                self.privacy.over(*key, call.legs.iter().copied());
                for leg in call.legs {
                    self.legs.remove(&leg);
                }
            }
        }
        running
    }

    /// Pauses a call's recording or lets it go on; `false` when the call is not running.
    async fn pause(&mut self, key: CallKey, pausing: Pausing, by: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let Some(call) = self.calls.get(&key).filter(|call| call.state == CallState::Active) else { return Ok(false) };
        if !self.privacy.set(key, pausing) {
            return Ok(true);
        }
        let mut changes = Vec::new();
        let mut gaps = Vec::new();
        for info in call.legs.iter().filter_map(|leg| self.legs.get(leg)).filter(|info| !info.leg.is_closed()) {
            match pausing {
                Pausing::Pause => changes.push(self.privacy.pause(&info.leg, now)),
                Pausing::Resume => {
                    let Some((range, change)) = Privacy::resume(&info.leg, now) else { continue };
                    changes.push(change);
                    gaps.push((Arc::clone(&info.leg), range));
                }
            }
        }
        let kind = match pausing {
            Pausing::Pause => "recording_paused",
            Pausing::Resume => "recording_resumed",
        };
        let payload = json!({
            "type": kind, "event": kind, "call_id": call.id.as_str(), "timestamp": now.rfc3339(),
            "time": (now.0 - call.started.0).max(0) as f64 / 1000.0, "by": by,
        });
        log::info!("call {}: {} ({by})", call.id, kind.replace('_', " "));
        changes.push(Change::Event(NewEvent { call: Some(key), kind, at: now, payload }));
        // In order with what was pushed before, and true on disk when the answer says so.
        self.parts.store.writer().commit(changes).await?;
        for (leg, range) in gaps {
            privacy::overwrite(&self.parts.store, &leg, vec![range]);
        }
        Ok(true)
    }
}

/// Of a pair of recordings of which one is silence all through, the other holds both voices, whatever their names say: so records ViciDial's
/// listening recorder.
fn whole_mix<'a>(legs: impl Iterator<Item = &'a LegInfo>) -> Option<LegKey> {
    /// -60 dBFS.
    const SILENCE: u16 = 33;
    let legs: Vec<&LegInfo> = legs.collect();
    let [one, other] = legs.as_slice() else { return None };
    let of_a_pair =
        |info: &LegInfo| info.leg.spec.source == crate::call::Source::Recording && info.leg.spec.leg != Leg::Mixed;
    if !of_a_pair(one) || !of_a_pair(other) || one.leg.spec.leg == other.leg.spec.leg {
        return None;
    }
    match (one.peak?, other.peak?) {
        (loud, ..SILENCE) if loud >= SILENCE => Some(one.leg.key),
        (..SILENCE, loud) if loud >= SILENCE => Some(other.leg.key),
        _ => None,
    }
}

/// Samples in a leg's file, whatever a crash left of it.
fn length_of(audio: &LegAudio) -> u64 {
    crate::audio::reader::RecordingReader::open(audio.path()).and_then(|reader| reader.available_samples()).unwrap_or(0)
}

fn overlay(names: &mut CallNames, given: CallNames) {
    names.uniqueid = given.uniqueid.or(names.uniqueid.take());
    names.agent = given.agent.or(names.agent.take());
    names.campaign = given.campaign.or(names.campaign.take());
    names.lead = given.lead.or(names.lead.take());
    names.phone = given.phone.or(names.phone.take());
    names.metadata = given.metadata.or(names.metadata.take());
}

fn terms(hits: &[TermHit]) -> Vec<Term> {
    hits.iter().map(|hit| Term { term: hit.term.clone(), label: hit.label.clone() }).collect()
}

fn figures(rolling: &CallRolling) -> CallFigures {
    let call = &rolling.call;
    CallFigures {
        segments: i64::from(call.segments),
        sentiment: call.mean,
        rolling: call.rolling,
        min: call.min,
        max: call.max,
        consecutive_negative: i64::from(call.consecutive_negative),
        detail: serde_json::to_value(rolling).unwrap_or(Value::Null),
    }
}

/// The live message of a segment: the field names that the tutorial's dashboards read.
fn sentiment_message(call: &Call, leg: Leg, segment: &NewSegment, now: WallTime) -> Value {
    let said = |terms: &[Term]| terms.iter().map(|term| term.term.clone()).collect::<Vec<_>>();
    json!({
        "type": "sentiment",
        "call_id": call.id.as_str(),
        "text": segment.text,
        "timestamp": now.rfc3339(),
        "start_time": segment.start.seconds(),
        "end_time": segment.end.seconds(),
        "speaker": leg.speaker(),
        "leg": leg.as_str(),
        "agent": call.agent,
        "sentiment_score": segment.compound,
        "sentiment_label": segment.label,
        "confidence": segment.confidence,
        "keywords_detected": said(&segment.keywords),
        "profanity_detected": said(&segment.profanity),
        "rolling_sentiment": call.rolling.call.rolling,
        "risk_score": call.watch.risk(&call.rolling).score,
    })
}
