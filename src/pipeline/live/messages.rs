//! What the feeds hear of a call: the shapes of the conductor's events.

use serde_json::{Value, json};

use super::call::Call;
use crate::call::{CallKey, Leg, WallTime};
use crate::store::change::{Change, NewEvent, NewSegment, Term};

/// An event of a call: what all of them say, and what is its own.
pub(super) fn event(key: CallKey, call_id: &str, kind: &'static str, at: WallTime, own: Value) -> Change {
    let mut payload = json!({ "type": kind, "event": kind, "call_id": call_id, "timestamp": at.rfc3339() });
    if let (Value::Object(all), Value::Object(own)) = (&mut payload, own) {
        all.extend(own);
    }
    Change::Event(NewEvent { call: Some(key), kind, at, payload })
}

/// The live message of a segment: the field names that the tutorial's dashboards read.
pub(super) fn sentiment(key: CallKey, call: &Call, leg: Leg, segment: &NewSegment, at: WallTime) -> Change {
    let said = |terms: &[Term]| terms.iter().map(|term| term.term.clone()).collect::<Vec<_>>();
    let payload = json!({
        "type": "sentiment",
        "call_id": call.id.as_str(),
        "text": segment.text,
        "timestamp": at.rfc3339(),
        "start_time": segment.start.seconds(),
        "end_time": segment.end.seconds(),
        "speaker": leg.speaker(),
        "leg": leg.as_str(),
        "agent": call.agent,
        "sentiment_score": segment.compound,
        "sentiment_label": segment.label,
        "sender_sentiment": segment.sender_sentiment,
        "confidence": segment.confidence,
        "keywords_detected": said(&segment.keywords),
        "profanity_detected": said(&segment.profanity),
        "rolling_sentiment": call.rolling.call.rolling,
        "risk_score": call.watch.risk(&call.rolling).score,
    });
    Change::Event(NewEvent { call: Some(key), kind: "sentiment", at, payload })
}
