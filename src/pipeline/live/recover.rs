//! Takes up, at the start, the unfinished work of a former run.

use std::sync::Arc;
use std::time::Duration;

use super::call::{Call, Hearing, RunningLeg};
use super::choosing::{silenced, turns};
use super::clock::is_step;
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Now, Past};
use super::messages::event;
use super::privacy::{Privacy, PrivacySettings};
use super::time::STALLED;
use super::watching::Watching;
use crate::call::{BootClock, CallNames, Hear, WallTime};
use crate::contract::message::{Message, PausedKind, RecordingPaused};
use crate::contract::seconds;
use crate::pipeline::workers::Job;
use crate::speech::queue::Urgency;
use crate::spool::{LegAudio, LegSpec, SpooledLeg};
use crate::store::change::Change;
use crate::store::privacy::StoredText;
use crate::store::recovery::{OpenCall, OpenLeg, OpenUtterance};
use crate::text::rolling::CallRolling;

/// Milliseconds by which an utterance is put back for each end of the process during its transcription.
const STRUCK_MS: i64 = 60_000;

/// The requester in the message that a call is still paused after a restart.
const RESTART: &str = "restart";

/// Unfinished work of a former run.
#[derive(Default)]
pub(super) struct Undone {
    /// Highest row numbers in use: call, utterance.
    pub highest: (i64, i64),
    pub last_alert: i64,
    /// The clocks now, and as the former run last saw them.
    pub clock: (Option<BootClock>, Option<BootClock>),
    pub calls: Vec<UndoneCall>,
    /// Legs of those calls.
    pub legs: Vec<UndoneLeg>,
    /// Utterances that wait for text, each after how often the process ended during it.
    pub utterances: Vec<(u32, OpenUtterance)>,
}

impl Undone {
    /// Milliseconds by which the wall clock was stepped since the former run last saw it.
    fn stepped_ms(&self) -> i64 {
        let (Some(now), Some(before)) = &self.clock else { return 0 };
        let ms = now.stepped_ms(before);
        if !is_step(ms) {
            return 0;
        }
        log::warn!(
            "the clock was stepped by {} s while lineside was down; unfinished calls keep their own time",
            ms / 1000
        );
        ms
    }
}

/// A call that is not over, with what is stored of it.
pub(super) struct UndoneCall {
    pub call: OpenCall,
    pub past: Past,
    pub texts: Vec<StoredText>,
}

/// A leg of such a call.
pub(super) struct UndoneLeg {
    pub leg: OpenLeg,
    /// Samples that its file has now.
    pub samples: u64,
    /// Up to where they are sound: what lies behind was put in when nothing came.
    pub sounded: u64,
}

impl OpenLeg {
    /// Place of its samples.
    pub(super) fn audio(&self) -> LegAudio {
        let path = self.path.clone();
        if self.owned { LegAudio::Spooled { path } } else { LegAudio::Recording { path, channel: self.channel } }
    }
}

impl Conductor {
    /// A conductor that takes up a former run, with the effects of that.
    pub(super) fn recover(undone: Undone, privacy: PrivacySettings, hear: Hear, now: &Now) -> (Self, Vec<Effect>) {
        let watching = Watching::new(undone.last_alert, Arc::clone(&now.analyser));
        let mut conductor = Self::new(undone.highest, watching, Privacy::new(privacy), hear, now);
        let stepped_ms = undone.stepped_ms();
        for call in undone.calls {
            conductor.take_up_call(call, stepped_ms, now);
        }
        conductor.note_clock(undone.clock.0, stepped_ms);
        for UndoneLeg { leg, samples, sounded } in undone.legs {
            conductor.take_up_leg(leg, (samples, sounded), now);
        }
        for (strikes, utterance) in &undone.utterances {
            conductor.take_up_utterance(utterance, *strikes, now);
        }
        for key in conductor.calls.keys() {
            conductor.stop_doubles(key);
        }
        conductor.tell_of_pauses(now);
        let effects = conductor.effects();
        (conductor, effects)
    }

    /// Announces pauses that outlasted the restart. Nothing tells whether somebody ended one while lineside was stopped, so the call stays paused.
    fn tell_of_pauses(&mut self, now: &Now) {
        for key in self.calls.keys() {
            let Some(since) = self.privacy.recovered_since(key) else { continue };
            let Some(call) = self.calls.get(key) else { continue };
            log::warn!(
                "call {}: its recording was paused when lineside ended, and stays paused: a resume of meanwhile is not known; \
                 POST /api/v1/calls/{}/resume ends it",
                call.id,
                call.id
            );
            let paused = RecordingPaused {
                kind: PausedKind::It,
                event: PausedKind::It,
                call_id: call.id.to_string(),
                timestamp: now.wall().rfc3339(),
                time: seconds((since.wall.0 - call.begin().now_ms()).max(0)),
                by: RESTART.into(),
                leg: None,
            };
            self.push(vec![event(key, now.wall(), Message::RecordingPaused(paused))]);
        }
    }

    /// Notes the clocks, and in the same transaction what the step while lineside was down made of the calls: a crash loses both or neither.
    fn note_clock(&mut self, clock: Option<BootClock>, stepped_ms: i64) {
        let stepped = self.calls.iter().filter(|_| stepped_ms != 0);
        let mut changes: Vec<Change> =
            stepped.map(|(call, running)| Change::CallStepped { call, ms: running.stepped_ms }).collect();
        changes.extend(clock.clone().map(Change::ClockSeen));
        self.boot_clock = clock;
        self.push(changes);
    }

    fn take_up_call(&mut self, UndoneCall { call, past, texts }: UndoneCall, stepped_ms: i64, now: &Now) {
        let mut rolling = CallRolling::default();
        for (leg, compound) in call.compounds {
            rolling.push(leg, compound);
        }
        let watch = self.watching.recall(&past, call.campaign.as_deref());
        self.privacy.recall(&now.analyser, call.key, texts);
        let mut running = Call::new((call.id, call.started, None), rolling, watch, now.at.steady);
        running.stepped_ms = call.stepped_ms + stepped_ms;
        running.learn_campaign(call.campaign.as_deref());
        running.turns = turns(&past);
        running.silenced = silenced(&past);
        running.names_said.learn(&CallNames { campaign: call.campaign, ..CallNames::default() });
        self.calls.add(call.key, running);
    }

    fn take_up_leg(&mut self, open: OpenLeg, (samples, sounded): (u64, u64), now: &Now) {
        let Some(call) = self.calls.get_mut(open.call) else { return };
        let audio = open.audio();
        call.reason = open.close_reason.or(call.reason.take());
        let spec = LegSpec {
            call: call.id.clone(),
            names: CallNames::default(),
            leg: open.leg,
            source: open.source,
            started: open.started,
            rate_hz: open.rate_hz,
            peer: open.peer,
        };
        let leg = Arc::new(SpooledLeg::recovered(open.key, spec, audio, samples));
        let began_ms = call.started.0 + call.stepped_ms + open.offset_ms;
        for (start, end) in open.silences {
            leg.silences().add(start, end);
            if end.is_none() {
                // The call was paused when the former run ended, and is until somebody ends that.
                let since_ms = began_ms + (start * 1000 / u64::from(open.rate_hz.max(1))) as i64;
                let ago = Duration::from_millis((now.wall().0 - since_ms).max(0) as u64);
                self.privacy.recovered(open.call, now.at.before(ago));
            }
        }
        let last = open.heard.last().copied();
        // Silence that the former run put in when nothing came is no audio, so another source may have the voice of that time. The file tells where
        // it begins, or a row of the former run.
        let noted = match (last, open.why.as_deref()) {
            (Some((_, Some(to))), Some(STALLED)) => to,
            _ => samples,
        };
        leg.fill(samples.saturating_sub(sounded.min(noted)));
        let from = last.map_or(0, |(from, _)| open.heard_to.max(from));
        let mut running = RunningLeg::new(Arc::clone(&leg), open.offset_ms, from);
        running.noted = samples;
        running.said = open.heard_to > 0;
        running.heard = open.heard;
        running.why = open.why.unwrap_or_default();
        let is_awaited = !open.owned && !open.closed;
        running.hearing = match last {
            // The watcher of the folders continues it, or it is closed when it does not come back.
            _ if is_awaited => Hearing::Awaited,
            Some((_, to)) if from < to.unwrap_or(samples).min(samples) => Hearing::Going,
            Some((_, None)) => Hearing::Over,
            Some((_, Some(_))) | None => Hearing::StandsBy,
        };
        let hearing = running.hearing;
        self.calls.add_leg(open.call, running);
        if open.owned && !open.closed {
            let reason = "recovered".into();
            self.push(vec![Change::LegClosed { leg: leg.key, samples, reason, at: now.wall() }]);
        }
        if hearing == Hearing::Going {
            self.does(Effect::Listen(leg, from, last.and_then(|(_, to)| to)));
        } else if hearing == Hearing::StandsBy && self.is_heard_anyway(open.source) {
            self.hear_anyway(open.call, leg.key, 0);
        }
    }

    fn take_up_utterance(&mut self, open: &OpenUtterance, strikes: u32, now: &Now) {
        let said = now.wall();
        let Some((_, call)) = self.calls.of_leg_mut(open.leg) else { return };
        let Some(running) = call.legs.get(&open.leg) else { return };
        call.outstanding += 1;
        let job = Job {
            utterance: open.key,
            leg: Arc::clone(&running.leg),
            start: open.start_sample,
            end: open.end_sample,
            said,
            live: false,
            vocabulary: call.names_said.vocabulary(),
            campaign: call.campaign.clone(),
        };
        // An utterance at which the process ended comes after the others.
        let due = WallTime(said.0 + i64::from(strikes) * STRUCK_MS);
        self.does(Effect::Transcribe { urgency: Urgency::PostCall, due, job: Box::new(job) });
    }

    /// Number of running calls.
    pub(super) fn running(&self) -> usize {
        self.calls.len()
    }
}
