//! What nobody may see or hear: pauses of a recording, and corrections of what was shown before a number was known for one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::asked;
use super::conductor::Live;
use super::messages::event;
use super::privacy::{self, Cleaned, Privacy};
use super::words::terms;
use crate::call::{CallId, CallKey, CallState, Leg, LegKey, Moment, Source, UtteranceKey};
use crate::contract::message::{
    Message, PausedKind, RecordingPaused, RecordingResumed, Redaction, RedactionKind, ResumedKind,
};
use crate::contract::seconds;
use crate::pipeline::command::{Pausing, Wish};
use crate::spool::SpooledLeg;
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;
use crate::store::tokens::{AuditEntry, WallChange};

/// Samples of a leg that are still to be overwritten.
type ToOverwrite = (Arc<SpooledLeg>, Vec<Range<u64>>);

impl Live {
    /// A leg that joins a call is silent where the call was paused, unless it was so before: a recording that is heard of again keeps what was
    /// silenced of it, and a pause of it that lasts is one of its call.
    pub(super) async fn paused_before(
        &mut self,
        call: CallKey,
        leg: &SpooledLeg,
    ) -> Result<(Vec<Change>, Vec<Range<u64>>), StoreError> {
        let now = self.now();
        let mut known = false;
        let mut lasts = None;
        if leg.spec.source == Source::Recording {
            for silence in self.parts.store.silences(leg.key).await? {
                leg.silences().add(silence.start, silence.end);
                known |= silence.why == "pause";
                lasts = lasts.or(silence.end.is_none().then_some(silence.start));
            }
        }
        if let Some(start) = lasts {
            let since_ms = leg.spec.started.0 + (start * 1000 / u64::from(leg.spec.rate_hz)) as i64;
            let ago = Duration::from_millis((now.0 - since_ms).max(0) as u64);
            self.privacy.set(call, Pausing::Pause, Moment::now(now).before(ago));
        }
        let lasting = self.privacy.paused_since(call).filter(|_| lasts.is_none());
        Ok(match (known, lasting) {
            (false, _) => self.privacy.joins(call, leg, now),
            (true, Some(since)) => (vec![self.privacy.pause(leg, since, now)], Vec::new()),
            (true, None) => (Vec::new(), Vec::new()),
        })
    }

    /// What was asked of a call before anybody knew it, under any of these names.
    pub(super) async fn make_good(&mut self, key: CallKey, names: &[&str]) -> Result<(), StoreError> {
        let Some(call) = self.calls.get(key) else { return Ok(()) };
        for mark in self.asked.take(names, call.started, Instant::now()) {
            self.pause_for(key, mark.pausing, &mark.by, mark.at).await?;
        }
        Ok(())
    }

    /// Somebody who knows calls by the PBX's names asks for a pause or its end. A call that is not known yet may be a moment later.
    pub(super) async fn pause_named(&mut self, wish: Wish) -> Result<(), StoreError> {
        /// Names that are also looked for among those that a call had before a restart.
        const LOOKED_UP: usize = 3;
        let running = |name: &String| self.calls.by_id(&CallId::from_lossy(name));
        let mut found: Vec<CallKey> = wish.names.iter().filter_map(running).collect();
        if found.is_empty() {
            for name in wish.names.iter().take(LOOKED_UP) {
                let row = self.parts.store.call(name).await?;
                found.extend(row.map(|row| row.key).filter(|&key| self.calls.get(key).is_some()));
            }
        }
        found.sort_unstable();
        found.dedup();
        let mut is_new = false;
        for name in &wish.names {
            if self.calls.by_id(&CallId::from_lossy(name)).is_none() {
                is_new |= self.asked.keep(name, &wish);
            }
        }
        if found.is_empty() && (is_new || wish.names.is_empty()) && self.asked.may_say(Instant::now()) {
            let asked = if wish.pausing == Pausing::Pause { "pause" } else { "resume" };
            match wish.names.as_slice() {
                [] => {
                    log::warn!(
                        "{}: a {asked} names no call: give Uniqueid, Linkedid, Channel or LinesideCall",
                        wish.by
                    );
                }
                names => log::warn!(
                    "{}: {asked} of {}: no such call is heard; it is done if one turns up within {} min",
                    wish.by,
                    names.iter().map(|name| CallId::from_lossy(name).to_string()).collect::<Vec<_>>().join(", "),
                    asked::KEPT.as_secs() / 60
                ),
            }
        }
        for key in found {
            self.pause_for(key, wish.pausing, &wish.by, wish.at).await?;
        }
        Ok(())
    }

    /// What is changed is written down, as it is for who asks by HTTP.
    async fn pause_for(&mut self, key: CallKey, pausing: Pausing, by: &str, at: Moment) -> Result<(), StoreError> {
        let was_paused = self.privacy.is_paused(key);
        if !self.pause(key, pausing, by, at).await? || self.privacy.is_paused(key) == was_paused {
            return Ok(());
        }
        let action = if was_paused { "resume" } else { "pause" };
        let entry =
            AuditEntry { at: self.now(), who: by.into(), address: None, action: action.into(), call: Some(key) };
        self.push(vec![Change::Walls(WallChange::Audit(entry))]).await
    }

    /// Beginnings of pauses that are known better now.
    pub(super) fn settle_pauses(&self) -> Vec<Change> {
        let legs = self.calls.iter().flat_map(|(_, call)| call.legs.values());
        legs.flat_map(|running| self.privacy.settled(&running.leg)).collect()
    }

    /// Rows, events and silences that follow from what was found in a call's texts; the stretches are still to be overwritten.
    pub(super) fn correct(&mut self, key: CallKey, cleaned: Cleaned, changes: &mut Vec<Change>) -> Vec<ToOverwrite> {
        let (now, analyser) = (self.now(), self.analyser());
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
            let unsaid = self.watching.unsaid(leg, &before, &redacted.text, &redacted.labels);
            call.watch.unsay(&unsaid);
            // A term of a pack may have been found in what is gone now.
            let analysis = analyser.analyse(&redacted.text, leg);
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
        }
        by_leg
            .into_iter()
            .filter_map(|(leg, ranges)| {
                let leg = Arc::clone(&call.legs.get(&leg)?.leg);
                changes.extend(self.privacy.silence(&leg, &ranges, now));
                Some((leg, ranges))
            })
            .collect()
    }

    /// Pauses a call's recording or lets it go on; `false` when the call is not running.
    pub(super) async fn pause(
        &mut self,
        key: CallKey,
        pausing: Pausing,
        by: &str,
        at: Moment,
    ) -> Result<bool, StoreError> {
        let now = self.now();
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Active) else { return Ok(false) };
        if !self.privacy.set(key, pausing, at) {
            return Ok(true);
        }
        let mut changes = Vec::new();
        let mut gaps = Vec::new();
        for leg in call.legs.values().map(|running| &running.leg).filter(|leg| !leg.is_closed()) {
            match pausing {
                Pausing::Pause => changes.push(self.privacy.pause(leg, at, now)),
                Pausing::Resume => {
                    let Some((range, change)) = Privacy::resume(leg, at) else { continue };
                    changes.push(change);
                    gaps.push((Arc::clone(leg), range));
                }
            }
        }
        let done = if pausing == Pausing::Pause { "paused" } else { "resumed" };
        log::info!("call {}: recording {done} ({by})", call.id);
        let (call_id, timestamp, by) = (call.id.to_string(), now.rfc3339(), by.to_owned());
        let time = seconds((at.wall.0 - call.started.0).max(0));
        let message = match pausing {
            Pausing::Pause => {
                let (kind, event) = (PausedKind::It, PausedKind::It);
                Message::RecordingPaused(RecordingPaused { kind, event, call_id, timestamp, time, by })
            }
            Pausing::Resume => {
                let (kind, event) = (ResumedKind::It, ResumedKind::It);
                Message::RecordingResumed(RecordingResumed { kind, event, call_id, timestamp, time, by })
            }
        };
        changes.push(event(key, now, message));
        // In order with what was pushed before, and true on disk when the answer says so.
        self.parts.store.writer().commit(changes).await?;
        for (leg, range) in gaps {
            privacy::overwrite(&self.parts.store, &leg, vec![range]);
        }
        Ok(true)
    }
}
