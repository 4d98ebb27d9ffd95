//! What nobody may see or hear: pauses of a recording, and corrections of what was shown before a number was known for one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use serde_json::json;

use super::Live;
use super::messages::event;
use super::words::terms;
use crate::call::{CallKey, CallState, Leg, LegKey, Source, UtteranceKey};
use crate::pipeline::privacy::{self, Cleaned, Pausing, Privacy};
use crate::spool::SpooledLeg;
use crate::store::StoreError;
use crate::store::change::Change;
use crate::store::privacy::PrivacyChange;

/// Samples of a leg that are still to be overwritten.
type ToOverwrite = (Arc<SpooledLeg>, Vec<Range<u64>>);

impl Live {
    /// A leg that joins a paused call is silent too, unless it was so before: a recording that is heard of again keeps what was silenced of it,
    /// and a pause of it that lasts is one of its call.
    pub(super) async fn paused_from_its_begin(
        &mut self,
        call: CallKey,
        leg: &SpooledLeg,
    ) -> Result<Option<Change>, StoreError> {
        let mut lasts = false;
        if leg.spec.source == Source::Recording {
            for silence in self.parts.store.silences(leg.key).await? {
                leg.silences().add(silence.start, silence.end);
                lasts |= silence.end.is_none();
            }
        }
        if lasts {
            self.privacy.set(call, Pausing::Pause);
        }
        Ok((self.privacy.is_paused(call) && !lasts).then(|| self.privacy.pause(leg, self.now())))
    }

    /// Rows, events and silences that follow from what was found in a call's texts; the stretches are still to be overwritten.
    pub(super) fn correct(&mut self, key: CallKey, cleaned: Cleaned, changes: &mut Vec<Change>) -> Vec<ToOverwrite> {
        let (now, analyser) = (self.now(), self.analyser());
        let Some(call) = self.calls.get_mut(key) else { return Vec::new() };
        for (before, redacted) in cleaned.corrected {
            let leg = call.legs.get(&LegKey(redacted.id.leg)).map_or(Leg::Mixed, |running| running.leg.spec.leg);
            let own = json!({
                "leg": leg.as_str(), "speaker": leg.speaker(), "start_time": redacted.start.seconds(),
                "end_time": redacted.end.seconds(), "text": redacted.text, "found": redacted.labels,
            });
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
            changes.push(event(key, call.id.as_str(), "redaction", now, own));
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
    pub(super) async fn pause(&mut self, key: CallKey, pausing: Pausing, by: &str) -> Result<bool, StoreError> {
        let now = self.now();
        let Some(call) = self.calls.get(key).filter(|call| call.state == CallState::Active) else { return Ok(false) };
        if !self.privacy.set(key, pausing) {
            return Ok(true);
        }
        let mut changes = Vec::new();
        let mut gaps = Vec::new();
        for leg in call.legs.values().map(|running| &running.leg).filter(|leg| !leg.is_closed()) {
            match pausing {
                Pausing::Pause => changes.push(self.privacy.pause(leg, now)),
                Pausing::Resume => {
                    let Some((range, change)) = Privacy::resume(leg, now) else { continue };
                    changes.push(change);
                    gaps.push((Arc::clone(leg), range));
                }
            }
        }
        let kind = match pausing {
            Pausing::Pause => "recording_paused",
            Pausing::Resume => "recording_resumed",
        };
        log::info!("call {}: {} ({by})", call.id, kind.replace('_', " "));
        let own = json!({ "time": (now.0 - call.started.0).max(0) as f64 / 1000.0, "by": by });
        changes.push(event(key, call.id.as_str(), kind, now, own));
        // In order with what was pushed before, and true on disk when the answer says so.
        self.parts.store.writer().commit(changes).await?;
        for (leg, range) in gaps {
            privacy::overwrite(&self.parts.store, &leg, vec![range]);
        }
        Ok(true)
    }
}
