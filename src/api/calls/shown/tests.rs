//! What is shown of a call: its limits, its rows and its text.

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
