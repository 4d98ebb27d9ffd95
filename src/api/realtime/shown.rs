//! The shapes of this family.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::store::alerts::AlertRow;

/// Alerts in one answer.
pub(super) const ALERTS: u32 = 100;

/// An alert in the shape of this family.
pub(super) fn alert_json(row: &AlertRow) -> Value {
    let alert = &row.alert;
    json!({
        "id": row.id, "call_id": row.call_id, "type": alert.rule_names().first(), "severity": alert.level.severity(), "level": alert.level,
        "message": alert.message(), "acknowledged": row.acknowledged.is_some(),
        "acknowledged_at": row.acknowledged.as_ref().map(|(at, _)| at.rfc3339()), "created_at": row.raised.rfc3339(),
        "metadata": {"rules": alert.rules, "risk_score": alert.risk, "text": alert.text, "speaker": alert.leg},
    })
}

/// Seconds with the precision of the others' answers.
pub(super) fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}

/// An event of SSE: name and JSON.
pub(super) fn sse(name: &str, data: &Value) -> axum::response::sse::Event {
    let mut line = String::new();
    let _ = write!(line, "{data}"); // a String takes everything
    axum::response::sse::Event::default().event(name).data(line)
}
