//! Answers the core's questions before an event, from the database and from the workers.

use super::call::CallBegin;
use super::event::{Facts, KnownCall, Past, PastLeg, PastSegment, Preflight, Question};
use super::run::Parts;
use crate::call::{CallId, CallKey, CallNames};
use crate::spool::LegAudio;
use crate::store::alerts::AlertFilter;
use crate::store::calls::CallRow;
use crate::store::{Store, StoreError};

/// More alerts of one call than this are not looked at after a restart: the last ones count.
const RECALLED: u32 = 1000;

impl Parts {
    /// Answers a question.
    pub(super) async fn look_up(&self, question: Question, facts: &mut Facts) -> Result<(), StoreError> {
        let (store, workers) = (&self.store, &self.workers);
        match question {
            Question::Committed => facts.committed = Some(store.writer().commit(Vec::new()).await?),
            Question::Call(name) => {
                let known = store.call(&name).await?.map(known);
                facts.calls.insert(name, known);
            }
            Question::Past(call) => {
                facts.past.insert(call, past(store, call).await?);
            }
            Question::HeardTo(leg) => facts.heard_to = Some(store.heard_to(leg).await?),
            Question::Silences(leg) => facts.silences = Some(store.silences(leg).await?),
            Question::TimeForPartial => facts.time = Some(workers.has_time()),
            Question::TimeForPreflight => facts.time = Some(workers.may_preflight()),
            Question::Preflight { leg, start, end } => {
                let read = workers.take_preflight(leg, start, end);
                facts.preflight = read.map_or(Preflight::NotRead, |(engine, text)| Preflight::Read(engine, text));
            }
        }
        Ok(())
    }
}

fn known(row: CallRow) -> KnownCall {
    KnownCall {
        key: row.key,
        id: CallId::from_lossy(&row.call_id),
        begin: CallBegin { started: row.started, stepped_ms: row.stepped_ms },
        names: CallNames {
            uuid: row.uuid,
            uniqueid: row.uniqueid,
            agent: row.agent,
            campaign: row.campaign,
            lead: row.lead,
            phone: row.phone,
            metadata: serde_json::from_str(&row.metadata).ok(),
        },
        audio_ms: row.audio_ms,
    }
}

/// The stored state of a call.
pub(super) async fn past(store: &Store, call: CallKey) -> Result<Past, StoreError> {
    let mut legs = Vec::new();
    for leg in store.legs(call).await? {
        // Redacted stretches, and pauses that are over.
        let silences = store.silences(leg.key).await?.into_iter();
        legs.push(PastLeg {
            key: leg.key,
            leg: leg.leg,
            source: leg.source,
            rate_hz: leg.rate_hz,
            samples: leg.samples as u64,
            heard: leg.heard,
            silenced: silences.filter_map(|silence| Some((silence.start, silence.end?))).collect(),
            offset_ms: leg.offset_ms,
            audio: match (leg.owned, leg.path.into()) {
                (true, path) => LegAudio::Spooled { path },
                (false, path) => LegAudio::Recording { path, channel: leg.channel },
            },
        });
    }
    let segments = store.segments(call).await?.into_iter().map(|segment| PastSegment {
        leg: segment.leg,
        start_ms: segment.start_ms,
        end_ms: segment.end_ms,
        text: segment.text,
        compound: segment.compound,
    });
    let filter = AlertFilter { call: Some(call), limit: RECALLED, ..AlertFilter::default() };
    Ok(Past {
        legs,
        speech: store.speech_of(call).await?,
        segments: segments.collect(),
        alerts: store.alerts(filter).await?.into_iter().map(|row| row.alert).collect(),
    })
}
