//! Carries pauses and redactions into a call: pauses of its recording, and corrections of text that was shown before a number in it was recognised.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::call::{Hearing, RunningLeg};
use super::conductor::Conductor;
use super::effect::Effect;
use super::event::{Facts, Now, Question};
use super::gaps::PauseScope;
use super::messages::event;
use super::pending_pauses;
use super::privacy::{AROUND_MS, Cleaned, Privacy};
use super::words::terms;
use crate::call::{CallId, CallKey, CallState, Hear, Leg, LegKey, Moment, Source, UtteranceKey, WallTime};
use crate::contract::message::{
    Message, PausedKind, RecordingPaused, RecordingResumed, Redaction, RedactionKind, ResumedKind,
};
use crate::contract::seconds;
use crate::pipeline::command::{Pausing, Wish};
use crate::spool::SpooledLeg;
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;
use crate::store::tokens::{AccessChange, AuditEntry};

/// Names that are also looked for among those that a call had before a restart.
const LOOKED_UP: usize = 3;

/// Samples of a leg that are still to be overwritten.
pub(super) type ToOverwrite = (Arc<SpooledLeg>, Vec<Range<u64>>);

impl Conductor {
    /// A leg that joins a call is silent where the call was paused, unless it was so before: a recording that is heard of again keeps what was
    /// silenced of it, and a pause of it that lasts is one of its call.
    pub(super) fn paused_before(
        &mut self,
        call: CallKey,
        leg: &SpooledLeg,
        facts: &Facts,
        now: &Now,
    ) -> (Vec<Change>, Vec<Range<u64>>) {
        let mut known = false;
        let mut lasts = None;
        for silence in facts.silences.iter().flatten() {
            leg.silences().add(silence.start, silence.end);
            known |= silence.why == "pause";
            lasts = lasts.or(silence.end.is_none().then_some(silence.start));
        }
        let is_paused = self.privacy.leg_paused_since(call, leg.spec.leg).is_some();
        // It was ended before the leg turned up again.
        let ended = self.privacy.last_end(call, leg.spec.leg).filter(|_| !is_paused && lasts.is_some());
        if let Some(start) = lasts.filter(|_| !is_paused && ended.is_none()) {
            let since_ms = leg.began().0 + (start * 1000 / u64::from(leg.spec.rate_hz)) as i64;
            let ago = Duration::from_millis((now.wall().0 - since_ms).max(0) as u64);
            self.privacy.recovered(call, now.at.before(ago));
        }
        let lasting = self.privacy.leg_paused_since(call, leg.spec.leg).filter(|_| lasts.is_none());
        // No row holds the pauses that were requested before the leg came back.
        let missed = self.awaited(leg.key).is_some();
        let mut silent =
            if known && !missed { (Vec::new(), Vec::new()) } else { self.privacy.joins(call, leg, known, now.at) };
        if let Some(since) = lasting.filter(|_| known) {
            silent.0.push(Privacy::pause(leg, since, now.at));
        }
        if let Some((range, row)) = ended.and_then(|to| Privacy::resume(leg, to, now.at.steady)) {
            silent.0.push(row);
            silent.1.push(range);
        }
        silent
    }

    /// Two calls become one: legs of either that are open are silent where the other was paused.
    pub(super) fn pauses_of_both(
        &mut self,
        one: CallKey,
        other: CallKey,
        now: &Now,
    ) -> (Vec<Change>, Vec<ToOverwrite>) {
        let (mut changes, mut silent) = (Vec::new(), Vec::new());
        for (paused, call) in [(one, other), (other, one)] {
            let legs = self.calls.get(call).map(|call| call.legs.values().map(|running| Arc::clone(&running.leg)));
            let open: Vec<_> = legs.into_iter().flatten().filter(|leg| !leg.is_closed()).collect();
            for leg in open {
                let lasts = self.privacy.leg_paused_since(call, leg.spec.leg).is_some();
                let (rows, gaps) = self.privacy.joins(paused, &leg, lasts, now.at);
                if !rows.is_empty() {
                    self.does(Effect::DropCached(leg.key));
                }
                changes.extend(rows);
                silent.push((leg, gaps));
            }
        }
        (changes, silent)
    }

    /// Applies the pauses that were requested under any of these names before the call was known.
    pub(super) fn make_good(&mut self, key: CallKey, names: &[&str], now: &Now) {
        let Some(call) = self.calls.get(key) else { return };
        for mark in self.pending_pauses.take(names, WallTime(call.begin().now_ms()), now.at.steady) {
            self.pause_for(key, (mark.leg, mark.pausing), &mark.by, mark.at, now);
        }
    }

    /// Calls under their names of before a restart, where none runs under one of its names of now.
    pub(super) fn wants_for_pause(&self, wish: &Wish, facts: &Facts) -> Option<Question> {
        if !self.running_under(wish).is_empty() {
            return None;
        }
        wish.names.iter().take(LOOKED_UP).find_map(|name| facts.call(name).err())
    }

    fn running_under(&self, wish: &Wish) -> Vec<CallKey> {
        wish.names.iter().filter_map(|name| self.calls.by_id(&CallId::from_lossy(name))).collect()
    }

    /// Pauses or resumes a call by the PBX's names. The request is kept for a while, because its call may become known a moment later.
    pub(super) fn pause_named(&mut self, wish: &Wish, facts: &Facts, now: &Now) {
        let mut found = self.running_under(wish);
        if found.is_empty() {
            let known = wish.names.iter().take(LOOKED_UP).filter_map(|name| facts.call(name).ok().flatten());
            found.extend(known.map(|known| known.key).filter(|&key| self.calls.get(key).is_some()));
        }
        found.sort_unstable();
        found.dedup();
        let mut is_new = false;
        for name in &wish.names {
            if self.calls.by_id(&CallId::from_lossy(name)).is_none() {
                is_new |= self.pending_pauses.keep(name, wish);
            }
        }
        if found.is_empty() && (is_new || wish.names.is_empty()) && self.pending_pauses.may_say(now.at.steady) {
            say_unknown(wish);
        }
        for key in found {
            self.pause_for(key, (wish.leg, wish.pausing), &wish.by, wish.at, now);
        }
    }

    /// Pauses or resumes and records who asked, as for requests by HTTP.
    fn pause_for(&mut self, key: CallKey, what: (PauseScope, Pausing), by: &str, at: Moment, now: &Now) {
        let before = self.effect_count();
        if !self.pause(key, what, by, at, now) || self.effect_count() == before {
            return;
        }
        let action = if what.1 == Pausing::Resume { "resume" } else { "pause" };
        let entry =
            AuditEntry { at: now.wall(), who: by.into(), address: None, action: action.into(), call: Some(key) };
        self.push(vec![Change::Access(AccessChange::Audit(entry))]);
    }

    /// Rows, events and silences that follow from what was found in a call's texts; the stretches are still to be overwritten.
    pub(super) fn correct(
        &mut self,
        key: CallKey,
        cleaned: Cleaned,
        changes: &mut Vec<Change>,
        now: &Now,
    ) -> Vec<ToOverwrite> {
        let now = now.wall();
        let Some(call) = self.calls.get_mut(key) else { return Vec::new() };
        for (before, redacted) in cleaned.corrected {
            let leg = call.legs.get(&LegKey(redacted.id.leg)).map_or(Leg::Mixed, |running| running.leg.spec.leg);
            let corrected = Redaction {
                kind: RedactionKind::It,
                event: RedactionKind::It,
                call_id: call.id.to_string(),
                timestamp: now.rfc3339(),
                leg,
                speaker: leg.into(),
                start_time: redacted.start.seconds(),
                end_time: redacted.end.seconds(),
                text: redacted.text.clone(),
                found: redacted.labels.clone(),
            };
            let reading = self.watching.reading(call.campaign.as_deref());
            let unsaid = reading.unsaid(leg, &before, &redacted.text, &redacted.labels);
            call.watch.unsay(&unsaid);
            // A term of a pack may have been found in what is gone now.
            let analysis = reading.analyser.analyse(&redacted.text, leg);
            changes.push(Change::Privacy(PrivacyChange::Reworded {
                utterance: UtteranceKey(redacted.id.utterance),
                number: redacted.id.number,
                before,
                text: redacted.text,
                words: redacted.words,
                keywords: terms(&analysis.keywords),
                profanity: terms(&analysis.profanity),
                unsaid,
            }));
            changes.push(event(key, now, Message::Redaction(corrected)));
        }
        let mut by_leg: HashMap<LegKey, Vec<Range<u64>>> = HashMap::new();
        for (leg, range) in cleaned.silent {
            let Some(running) = call.legs.get(&leg) else { continue };
            by_leg.entry(leg).or_default().push(running.sample_at(range.start)..running.sample_at(range.end));
            // With `hear = "all"` each leg has its own text, and is silenced by it.
            if self.hear == Hear::All || !running.leg.spec.source.is_of_pbx() {
                continue;
            }
            let which = running.leg.spec.leg;
            for other in call.legs.values().filter(|other| other.leg.key != leg && other.leg.spec.holds_voice(which)) {
                by_leg.entry(other.leg.key).or_default().extend(around(other, &range));
            }
            call.silenced.push((which, range));
        }
        by_leg
            .into_iter()
            .filter_map(|(leg, ranges)| {
                let leg = Arc::clone(&call.legs.get(&leg)?.leg);
                changes.extend(Privacy::silence(&leg, &ranges, now));
                Some((leg, ranges))
            })
            .collect()
    }

    /// A source that joins its call is silent where a number was taken out of the text of another that holds its voice.
    pub(super) fn silence_as_others(&mut self, key: CallKey, leg: &Arc<SpooledLeg>, now: &Now) {
        let Some(call) = self.calls.get(key) else { return };
        let Some(running) = call.legs.get(&leg.key) else { return };
        let of_voice = call.silenced.iter().filter(|(which, _)| leg.spec.holds_voice(*which));
        let ranges: Vec<Range<u64>> = of_voice.filter_map(|(_, range)| around(running, range)).collect();
        if ranges.is_empty() {
            return;
        }
        let rows = Privacy::silence(leg, &ranges, now.wall());
        self.does(Effect::DropCached(leg.key));
        self.push(rows);
        self.overwrite(leg, ranges);
    }

    /// Pauses the recording of a call, or of one direction of it, or lets it go on; `false` when the call is not running.
    pub(super) fn pause(
        &mut self,
        key: CallKey,
        (scope, pausing): (PauseScope, Pausing),
        by: &str,
        at: Moment,
        now: &Now,
    ) -> bool {
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Active) else { return false };
        // A connection of a former run does not come back: what ends its pause is remembered now. A recording may, and has its end then.
        let is_left = |leg: &SpooledLeg| leg.spec.source != Source::Recording && leg.silences().lasts();
        let legs = call.legs.values().map(|running| Arc::clone(&running.leg));
        let open: Vec<_> = legs.filter(|leg| !leg.is_closed() || is_left(leg)).collect();
        let is_new = self.privacy.set(key, scope, pausing, at);
        let (mut changes, mut cached, mut gaps) = (Vec::new(), Vec::new(), Vec::new());
        for leg in &open {
            // A leg is silent as long as any pause of it lasts.
            let is_paused = self.privacy.leg_paused_since(key, leg.spec.leg).is_some();
            match (leg.silences().lasts(), is_paused) {
                (false, true) => {
                    cached.push(Effect::DropCached(leg.key));
                    changes.push(Privacy::pause(leg, at, now.at));
                }
                (true, false) => {
                    let Some((range, change)) = Privacy::resume(leg, at, now.at.steady) else { continue };
                    changes.push(change);
                    gaps.push((Arc::clone(leg), range));
                }
                _ => {}
            }
        }
        changes.extend(self.pause_awaited(key, now));
        if !is_new && changes.is_empty() {
            return true;
        }
        let done = if pausing == Pausing::Pause { "paused" } else { "resumed" };
        let of = scope.map_or_else(String::new, |side| format!(" of the {}", side.as_str()));
        log::info!("call {}: recording{of} {done} ({by})", call.id);
        let (call_id, timestamp, by) = (call.id.to_string(), now.wall().rfc3339(), by.to_owned());
        let time = seconds((at.wall.0 - call.begin().now_ms()).max(0));
        let message = match pausing {
            Pausing::Pause => {
                let (kind, event) = (PausedKind::It, PausedKind::It);
                Message::RecordingPaused(RecordingPaused { kind, event, call_id, timestamp, time, by, leg: scope })
            }
            Pausing::Resume => {
                let (kind, event) = (ResumedKind::It, ResumedKind::It);
                Message::RecordingResumed(RecordingResumed { kind, event, call_id, timestamp, time, by, leg: scope })
            }
        };
        changes.push(event(key, now.wall(), message));
        // Converted recordings go in order with earlier changes, so that they are gone from the disk when the answer says so.
        for drop_cached in cached {
            self.does(drop_cached);
        }
        self.does(Effect::Commit(changes));
        for (leg, range) in gaps {
            self.overwrite(&leg, vec![range]);
        }
        true
    }

    /// Pauses recordings of a former run that have not turned up again, so that another crash does not forget it. What is said from now on lies behind
    /// what their files held at the start.
    fn pause_awaited(&self, key: CallKey, now: &Now) -> Vec<Change> {
        let legs = self.calls.get(key).into_iter().flat_map(|call| call.legs.values());
        let awaited = legs.filter(|running| running.hearing == Hearing::Awaited).map(|running| &running.leg);
        let paused =
            awaited.filter(|leg| !leg.silences().lasts() && self.privacy.leg_paused_since(key, leg.spec.leg).is_some());
        paused
            .map(|leg| {
                let start = leg.samples();
                leg.silences().add(start, None);
                Change::Privacy(PrivacyChange::Silenced {
                    leg: leg.key,
                    start,
                    end: None,
                    why: "pause",
                    at: now.wall(),
                })
            })
            .collect()
    }
}

/// Samples of another source at this time of the call, and some around them: its clock may be off.
pub(super) fn around(running: &RunningLeg, range: &Range<i64>) -> Option<Range<u64>> {
    let samples = running.sample_at(range.start - AROUND_MS)..running.sample_at(range.end + AROUND_MS);
    (!samples.is_empty()).then_some(samples)
}

/// Tells an administrator of a pause that may have been requested for nobody.
fn say_unknown(wish: &Wish) {
    let requested = if wish.pausing == Pausing::Pause { "pause" } else { "resume" };
    match wish.names.as_slice() {
        [] => {
            log::warn!("{}: a {requested} names no call: give Uniqueid, Linkedid, Channel or LinesideCall", wish.by);
        }
        names => log::warn!(
            "{}: {requested} of {}: no such call is heard; it is done if one turns up within {} min",
            wish.by,
            names.iter().map(|name| CallId::from_lossy(name).to_string()).collect::<Vec<_>>().join(", "),
            pending_pauses::KEPT.as_secs() / 60
        ),
    }
}
