//! A call in the contract's shapes: short for lists, complete for a page; its segments and legs.

use serde_json::Value;

use super::alerts;
use super::judged::{sla, tag_reasons};
use crate::api::request::ApiError;
use crate::call::pbx::PbxEvent;
use crate::call::{LegKey, WallTime};
use crate::contract::alert::AlertMessage;
use crate::contract::call::{
    CallDetail, CallSource, CallSummary, ConnectionInfo, DoubledSound, LegInfo, PbxEventShown, Segment, SegmentWord,
    Sentiment,
};
use crate::contract::correction::Correction;
use crate::contract::dialer::DialerFacts;
use crate::contract::review::Quote;
use crate::contract::seconds;
use crate::contract::statistics::{CallReview, DispositionFinding};
use crate::store::Store;
use crate::store::calls::{CallRow, LegRow};
use crate::store::corrections::CorrectionRow;
use crate::store::doubled::Doubled;
use crate::store::reviews::{FindingRow, ReviewRow};
use crate::store::segments::SegmentRow;
use crate::store::stages::StageRow;
use crate::store::tags::TagReasonRow;
use crate::store::tally::unspoken_ms;

/// The fields of a call that every list shows.
pub(in crate::api) fn summary(call: &CallRow) -> CallSummary {
    CallSummary {
        call_id: call.call_id.clone(),
        status: call.state,
        source: call.source,
        start_time: call.started.rfc3339(),
        last_activity: call.last_activity.rfc3339(),
        hangup_time: call.closed.map(WallTime::rfc3339),
        end_time: call.ended.map(WallTime::rfc3339),
        end_reason: call.end_reason.clone(),
        uniqueid: call.uniqueid.clone(),
        uuid: call.uuid.clone(),
        agent: call.agent.clone(),
        campaign: call.campaign.clone(),
        lead: call.lead.clone(),
        phone: call.phone.clone(),
        metadata: serde_json::from_str(&call.metadata).unwrap_or_default(),
        total_audio_duration: seconds(call.audio_ms),
        segment_count: call.segments,
        sentiment: call.sentiment,
        rolling_sentiment: call.rolling,
        has_alerts: call.has_alerts,
        open_alerts: call.open_alerts,
        alert_level: call.alert_level,
        risk_score: call.risk,
        score: call.score,
        sla_breached: call.breaches_sla(),
        tags: call.tags.clone(),
        automatic_tags: call.automatic_tags.clone(),
        processing_mode: call.mode,
    }
}

/// A segment as hits and transcripts show it.
pub(in crate::api) fn segment(row: &SegmentRow) -> Segment {
    Segment {
        segment_id: row.id,
        text: row.text.clone(),
        start_time: seconds(row.start_ms),
        end_time: seconds(row.end_ms),
        duration: row.was_heard().then(|| seconds(row.end_ms - row.start_ms)),
        confidence: row.confidence,
        speaker: row.speaker.into(),
        leg: row.leg,
        language: row.language.clone(),
        sentiment: Sentiment {
            compound: row.compound,
            pos: row.compound.and(Some(row.pos)),
            neu: row.compound.and(Some(row.neu)),
            neg: row.compound.and(Some(row.neg)),
            label: row.label.clone(),
        },
        sender_sentiment: row.sender_sentiment,
        keywords: row.keywords.clone(),
        profanity: row.profanity.clone(),
        words: row.words.as_array().map(|words| words.iter().map(word).collect()),
        engine: row.engine.clone(),
    }
}

fn word(word: &Value) -> SegmentWord {
    let at = |key: &str| word[key].as_i64().map(seconds);
    SegmentWord {
        text: word["text"].clone(),
        start_time: at("start_ms"),
        end_time: at("end_ms"),
        confidence: word["confidence"].clone(),
    }
}

/// The sender of a leg as readers see it: of a file its name, without its folder on the server.
fn peer(peer: &str) -> &str {
    if peer.starts_with('/') { peer.rsplit('/').next().unwrap_or_default() } else { peer }
}

fn leg_info(leg: &LegRow, call: &CallRow) -> LegInfo {
    LegInfo {
        leg: leg.leg,
        leg_id: leg.key.0,
        source: leg.source,
        rate_hz: leg.rate_hz,
        start_time: leg.started.rfc3339(),
        offset: seconds(leg.offset_ms),
        duration: leg.samples as f64 / f64::from(leg.rate_hz.max(1)),
        peer: leg.peer.as_deref().map(|from| peer(from).to_owned()),
        closed: leg.closed.map(WallTime::rfc3339),
        close_reason: leg.close_reason.clone(),
        audio_url: leg.has_sound().then(|| format!("/api/v1/calls/{}/audio?leg={}", call.call_id, leg.key)),
    }
}

/// A leg as a source of its call.
fn call_source(leg: &LegRow) -> CallSource {
    let at_s = |sample: u64| seconds(leg.offset_ms + sample as i64 * 1000 / i64::from(leg.rate_hz.max(1)));
    // A stretch without an end ends with the leg.
    let end = leg.closed.map(|_| at_s(leg.samples.max(0) as u64));
    let why = leg.why.as_deref().unwrap_or("all sources of a call were heard then");
    CallSource {
        source: leg.source,
        leg: leg.leg,
        leg_id: leg.key.0,
        heard: !leg.heard.is_empty(),
        stretches: leg.heard.iter().map(|&(from, to)| (at_s(from), to.map(at_s).or(end))).collect(),
        why: why.into(),
    }
}

fn pbx_event(event: &PbxEvent) -> PbxEventShown {
    PbxEventShown {
        timestamp: event.at.rfc3339(),
        kind: event.kind,
        leg: event.leg,
        channel: event.channel.clone(),
        detail: event.detail.clone(),
    }
}

/// A correction, as a call tells it.
pub(in crate::api) fn correction(row: &CorrectionRow) -> Correction {
    Correction {
        segment_id: row.segment,
        start_time: seconds(row.start_ms),
        text_before: row.text_before.clone(),
        text_after: row.text_after.clone(),
        speaker_before: row.said_before.into(),
        speaker_after: row.said_after.into(),
        corrected_by: row.by.clone(),
        corrected_at: row.at.rfc3339(),
    }
}

/// A finding with its line.
pub(in crate::api) fn finding(row: &FindingRow) -> DispositionFinding {
    DispositionFinding {
        call_id: row.call_id.clone(),
        start_time: row.started.rfc3339(),
        agent: row.agent.clone(),
        name: row.name.clone(),
        description: row.description.clone(),
        pack: row.pack.clone(),
        level: row.level,
        disposition: row.disposition.clone(),
        quote: Quote {
            segment_id: row.segment,
            leg: row.leg,
            text: row.text.clone(),
            start_time: seconds(row.start_ms),
            speaker: row.leg.into(),
        },
    }
}

/// A review beside what the dialer says of the same call.
fn reviewed(review: &ReviewRow, findings: &[FindingRow], dialer: Option<&DialerFacts>) -> CallReview {
    let of_dialer = |seconds: fn(&DialerFacts) -> Option<i64>| dialer.and_then(seconds);
    let unspoken =
        unspoken_ms(of_dialer(|facts| facts.talk_seconds), of_dialer(|facts| facts.dead_seconds), review.speech_ms);
    CallReview {
        reviewed_at: review.at.rfc3339(),
        disposition: review.disposition.clone(),
        score: (review.points_of > 0.0).then(|| review.points / review.points_of * 100.0),
        speech_seconds: review.speech_ms.map(seconds),
        dead_air_seconds: review.dead_air_ms.map(seconds),
        silent_end_seconds: review.silent_end_ms.map(seconds),
        unspoken_talk_seconds: unspoken.map(seconds),
        findings: findings.iter().map(finding).collect(),
    }
}

/// All rows of one call.
pub(in crate::api) struct Whole {
    pub(in crate::api) call: CallRow,
    pub(in crate::api) rows: Vec<SegmentRow>,
    legs: Vec<LegRow>,
    alerts: Vec<AlertMessage>,
    doubled: Vec<Doubled>,
    corrections: Vec<CorrectionRow>,
    dialer: Option<DialerFacts>,
    review: Option<(ReviewRow, Vec<FindingRow>)>,
    pbx: Vec<PbxEvent>,
    stages: Vec<StageRow>,
    tag_reasons: Vec<TagReasonRow>,
}

impl Whole {
    pub(in crate::api) async fn read(store: &Store, call: CallRow) -> Result<Self, ApiError> {
        let rows = store.segments(call.key).await?;
        Self::with_rows(store, call, rows).await
    }

    /// The same with segments that were read before.
    pub(in crate::api) async fn with_rows(
        store: &Store,
        call: CallRow,
        rows: Vec<SegmentRow>,
    ) -> Result<Self, ApiError> {
        let legs = store.legs(call.key).await?;
        let alerts = alerts::of_call(store, call.key).await?;
        let doubled = store.doubled(call.key).await?;
        let dialer = store.told_by_dialer(call.key).await?.map(|row| row.facts);
        let review = match store.review(call.key).await? {
            Some(review) => Some((review, store.findings(call.key).await?)),
            None => None,
        };
        let pbx = store.pbx_events(call.key).await?;
        let stages = store.stages(call.key).await?;
        let corrections = store.corrections(call.key).await?;
        let tag_reasons = store.tag_reasons(call.key).await?;
        Ok(Self { call, rows, legs, alerts, doubled, corrections, dialer, review, pbx, stages, tag_reasons })
    }

    /// All of it. An hour of talk takes milliseconds.
    pub(in crate::api) fn session(&self) -> CallDetail {
        let Self { call, rows, legs, alerts, doubled, corrections, dialer, review, pbx, stages, .. } = self;
        let address = legs.iter().find_map(|leg| leg.peer.as_deref()?.parse::<std::net::SocketAddr>().ok());
        CallDetail {
            summary: summary(call),
            connection_info: ConnectionInfo {
                client_addr: address.map(|address| (address.ip().to_string(), address.port())),
                temp_connection_id: call.uuid.clone(),
                start_time: call.started.rfc3339(),
            },
            transcript_segments: rows.iter().map(segment).collect(),
            cumulative_transcript: cumulative(rows),
            processing_plan: stages.iter().map(|stage| (stage.stage, stage.state)).collect(),
            legs: legs.iter().map(|leg| leg_info(leg, call)).collect(),
            sources: legs.iter().map(call_source).collect(),
            doubled: doubled.iter().map(twice).collect(),
            pbx_events: pbx.iter().map(pbx_event).collect(),
            sla: sla(call),
            tag_reasons: tag_reasons(&self.tag_reasons),
            alerts: alerts.clone(),
            corrections: corrections.iter().map(correction).collect(),
            dialer: dialer.clone(),
            review: review.as_ref().map(|(review, findings)| reviewed(review, findings, dialer.as_ref())),
            risk: call.risk_parts.as_deref().and_then(|parts| serde_json::from_str(parts).ok()).unwrap_or_default(),
            figures: serde_json::from_str(&call.figures).unwrap_or_default(),
        }
    }

    /// The same as text for people: a field in a line.
    pub(in crate::api) fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.session()).unwrap_or_default()
    }
}

/// All that is known of a call.
pub(in crate::api) async fn session(store: &Store, call: &CallRow) -> Result<CallDetail, ApiError> {
    Ok(Whole::read(store, call.clone()).await?.session())
}

/// Two legs with the same words, as the detail of a call tells them.
fn twice(doubled: &Doubled) -> DoubledSound {
    let way = |(_, source, from): &(LegKey, String, Option<String>)| match from {
        Some(from) => format!("{source} {}", peer(from)),
        None => source.clone(),
    };
    let [one, other] = &doubled.legs;
    DoubledSound {
        leg_ids: (one.0.0, other.0.0),
        start_time: seconds(doubled.from_ms),
        end_time: seconds(doubled.to_ms),
        detail: format!(
            "the same voice came by two ways, {} and {}: what was said is there twice, and counts twice; feed a call by one of them",
            way(one),
            way(other)
        ),
    }
}

pub(in crate::api) fn cumulative(rows: &[SegmentRow]) -> String {
    rows.iter().map(|row| row.text.as_str()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
