//! A call as it is shown: in short for lists, whole for a page; its segments and legs.

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

/// What every list shows of a call.
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

/// Who sent a leg, as readers of calls are told it: of a file its name, not where it lies on the server.
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
        audio_url: format!("/api/v1/calls/{}/audio?leg={}", call.call_id, leg.key),
    }
}

/// What became of a leg as a source of its call.
fn call_source(leg: &LegRow) -> CallSource {
    let at_s = |sample: u64| seconds(leg.offset_ms + sample as i64 * 1000 / i64::from(leg.rate_hz.max(1)));
    // What goes on ends where the leg ended.
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

/// What is read for all that is known of a call.
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

    /// The same with a text that was read before.
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
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::pbx::PbxEventKind;
    use crate::call::sla::{SlaLimit, SlaMeasure};
    use crate::call::{CallKey, CallState, Leg, Level, Source};

    fn call() -> CallRow {
        CallRow {
            key: CallKey(1),
            call_id: "c.1".into(),
            source: Source::Audiosocket,
            state: CallState::ConnectionClosed,
            started: WallTime(1000),
            last_activity: WallTime(5000),
            closed: Some(WallTime(4000)),
            ended: None,
            end_reason: Some("hangup".into()),
            uuid: Some("u".into()),
            uniqueid: None,
            agent: Some("mary".into()),
            campaign: None,
            lead: Some("7".into()),
            phone: None,
            metadata: r#"{"note":"x"}"#.into(),
            audio_ms: 3500,
            segments: 1,
            sentiment: Some(-0.5),
            rolling: Some(-0.25),
            has_alerts: true,
            figures: "{}".into(),
            risk: Some(0.5),
            risk_parts: None,
            open_alerts: 1,
            alert_level: Some(Level::Urgent),
            tags: vec!["refund".into(), "vip".into()],
            automatic_tags: vec!["refund".into()],
            sla: vec![
                SlaMeasure { limit: SlaLimit::Call, value_ms: 3500, limit_ms: 3000 },
                SlaMeasure { limit: SlaLimit::Hold, value_ms: 1000, limit_ms: 3000 },
            ],
            audio_chunks: 0,
            stepped_ms: 0,
            mode: crate::call::ProcessingMode::Realtime,
            score: Some(62.5),
        }
    }

    fn row() -> SegmentRow {
        SegmentRow {
            id: 3,
            start_ms: 100,
            end_ms: 900,
            text: "hello there".into(),
            confidence: 0.9,
            language: None,
            words: json!([{"text": "hello", "start_ms": 100, "end_ms": 400, "confidence": 0.75}]),
            compound: Some(0.25),
            pos: 0.5,
            neu: 0.5,
            neg: 0.0,
            label: "positive".into(),
            keywords: json!([{"term": "hello", "label": "greeting"}]),
            profanity: json!([]),
            leg: Leg::Caller,
            speaker: Leg::Caller,
            engine: Some("whisper/base".into()),
            sender_sentiment: None,
        }
    }

    fn summarised() -> Value {
        json!({
            "call_id": "c.1", "status": "connection_closed", "source": "audiosocket", "start_time": "1970-01-01T00:00:01.000Z",
            "last_activity": "1970-01-01T00:00:05.000Z", "hangup_time": "1970-01-01T00:00:04.000Z", "end_time": null,
            "end_reason": "hangup", "uniqueid": null, "uuid": "u", "agent": "mary", "campaign": null, "lead": "7", "phone": null,
            "metadata": {"note": "x"}, "total_audio_duration": 3.5, "segment_count": 1, "sentiment": -0.5, "rolling_sentiment": -0.25,
            "has_alerts": true, "open_alerts": 1, "alert_level": "urgent", "risk_score": 0.5, "score": 62.5, "sla_breached": true,
            "tags": ["refund", "vip"], "automatic_tags": ["refund"],
            "processing_mode": "realtime",
        })
    }

    fn said() -> Value {
        json!({
            "segment_id": 3, "text": "hello there", "start_time": 0.1, "end_time": 0.9, "duration": 0.8, "confidence": 0.9,
            "speaker": "caller", "leg": "caller", "language": null,
            "sentiment": {"compound": 0.25, "pos": 0.5, "neu": 0.5, "neg": 0.0, "label": "positive"}, "sender_sentiment": null,
            "keywords": [{"term": "hello", "label": "greeting"}], "profanity": [],
            "words": [{"text": "hello", "start_time": 0.1, "end_time": 0.4, "confidence": 0.75}], "engine": "whisper/base",
        })
    }

    #[test]
    fn lists_and_segments_have_the_fields_that_clients_read() {
        assert_eq!(serde_json::to_value(summary(&call())).expect("JSON"), summarised());
        assert_eq!(serde_json::to_value(segment(&row())).expect("JSON"), said());
        let mut silent = said();
        (silent["words"], silent["duration"], silent["engine"]) = (Value::Null, Value::Null, json!("ingest/x"));
        let row = SegmentRow { words: Value::Null, engine: Some("ingest/x".into()), ..row() };
        assert_eq!(serde_json::to_value(segment(&row)).expect("JSON"), silent);
    }

    fn caller_leg() -> LegRow {
        LegRow {
            key: LegKey(5),
            leg: Leg::Caller,
            source: Source::Audiosocket,
            rate_hz: 8000,
            started: WallTime(1000),
            offset_ms: 500,
            path: "/state/5.wav".into(),
            channel: 0,
            owned: true,
            peer: Some("127.0.0.1:4711".into()),
            samples: 16_000,
            closed: None,
            close_reason: None,
            why: Some("the first source of this voice".into()),
            heard: vec![(8000, None)],
        }
    }

    fn tagged(segment: i64) -> TagReasonRow {
        TagReasonRow {
            tag: "refund".into(),
            pack: "general".into(),
            rule: "general:9".into(),
            reason: "intent refund".into(),
            segment,
            leg: Leg::Caller,
            start_ms: 100,
            text: "money back".into(),
        }
    }

    fn judged() -> Value {
        json!({
            "sla": {"breached": true, "limits": [
                {"limit": "call", "seconds": 3.5, "max_seconds": 3.0, "breached": true},
                {"limit": "hold", "seconds": 1.0, "max_seconds": 3.0, "breached": false},
            ]},
            "tag_reasons": [{
                "tag": "refund", "pack": "general", "rule": "general:9", "reason": "intent refund", "quotes": [
                    {"segment_id": 1, "leg": "caller", "text": "money back", "start_time": 0.1, "speaker": "caller"},
                    {"segment_id": 3, "leg": "caller", "text": "money back", "start_time": 0.1, "speaker": "caller"},
                ],
            }],
        })
    }

    fn came_to() -> ReviewRow {
        ReviewRow {
            disposition: Some("SALE".into()),
            points: 30.0,
            points_of: 60.0,
            speech_ms: Some(800),
            dead_air_ms: None,
            silent_end_ms: Some(2600),
            at: WallTime(6000),
        }
    }

    #[test]
    fn a_call_is_shown_whole() {
        let doubled = Doubled {
            legs: [(LegKey(5), "audiosocket".into(), None), (LegKey(6), "recording".into(), Some("/a/b.wav".into()))],
            from_ms: 0,
            to_ms: 2000,
        };
        let told = PbxEvent {
            call: "c.1".into(),
            at: WallTime(2000),
            kind: PbxEventKind::QueueJoined,
            leg: Some(Leg::Caller),
            channel: "PJSIP/trunk-1".into(),
            detail: Some("sales".into()),
        };
        let corrected = CorrectionRow {
            segment: 9,
            start_ms: 1500,
            text_before: "hello hare".into(),
            text_after: "hello there".into(),
            said_before: Leg::Mixed,
            said_after: Leg::Caller,
            by: "mary".into(),
            at: WallTime(7000),
        };
        let whole = Whole {
            call: call(),
            rows: vec![row()],
            legs: vec![caller_leg()],
            alerts: Vec::new(),
            doubled: vec![doubled],
            corrections: vec![corrected],
            dialer: None,
            review: Some((came_to(), Vec::new())),
            pbx: vec![told],
            stages: Vec::new(),
            tag_reasons: [1, 3].map(tagged).to_vec(),
        };
        let mut wanted = summarised();
        let beside = json!({
            "connection_info": {
                "client_addr": ["127.0.0.1", 4711], "temp_connection_id": "u", "start_time": "1970-01-01T00:00:01.000Z",
            },
            "transcript_segments": [said()], "cumulative_transcript": "hello there", "processing_plan": {},
            "legs": [{
                "leg": "caller", "leg_id": 5, "source": "audiosocket", "rate_hz": 8000, "start_time": "1970-01-01T00:00:01.000Z",
                "offset": 0.5, "duration": 2.0, "peer": "127.0.0.1:4711", "closed": null, "close_reason": null,
                "audio_url": "/api/v1/calls/c.1/audio?leg=5",
            }],
            "sources": [{
                "source": "audiosocket", "leg": "caller", "leg_id": 5, "heard": true, "stretches": [[1.5, null]],
                "why": "the first source of this voice",
            }],
            "doubled": [{
                "leg_ids": [5, 6], "start_time": 0.0, "end_time": 2.0,
                "detail": "the same voice came by two ways, audiosocket and recording b.wav: what was said is there twice, and counts twice; feed a call by one of them",
            }],
            "pbx_events": [{
                "timestamp": "1970-01-01T00:00:02.000Z", "kind": "queue_joined", "leg": "caller", "channel": "PJSIP/trunk-1", "detail": "sales",
            }],
            "alerts": [], "dialer": null,
            "corrections": [{
                "segment_id": 9, "start_time": 1.5, "text_before": "hello hare", "text_after": "hello there",
                "speaker_before": "unknown", "speaker_after": "caller", "corrected_by": "mary", "corrected_at": "1970-01-01T00:00:07.000Z",
            }],
            "review": {
                "reviewed_at": "1970-01-01T00:00:06.000Z", "disposition": "SALE", "score": 50.0, "speech_seconds": 0.8,
                "dead_air_seconds": null, "silent_end_seconds": 2.6, "unspoken_talk_seconds": null, "findings": [],
            },
            "risk": null, "figures": {},
        });
        if let (Value::Object(all), Value::Object(beside), Value::Object(judged)) = (&mut wanted, beside, judged()) {
            all.extend(beside.into_iter().chain(judged));
        }
        assert_eq!(serde_json::to_value(whole.session()).expect("JSON"), wanted);
        assert_eq!(serde_json::from_str::<Value>(&whole.pretty()).expect("JSON"), wanted);
    }
}
