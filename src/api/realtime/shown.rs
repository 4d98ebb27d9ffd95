//! The shapes of this family.

use crate::contract::platform::{PlatformAlert, PlatformAlertReasons};
use crate::store::alerts::AlertRow;

/// Alerts in one answer.
pub(super) const ALERTS: u32 = 100;

/// An alert in the shape of this family.
pub(super) fn platform_alert(row: &AlertRow) -> PlatformAlert {
    let alert = &row.alert;
    PlatformAlert {
        id: row.id,
        call_id: row.call_id.clone(),
        kind: alert.rule_names().first().map(|&name| name.to_owned()),
        severity: alert.level.severity(),
        level: alert.level,
        message: alert.message(),
        acknowledged: row.acknowledged.is_some(),
        acknowledged_at: row.acknowledged.as_ref().map(|(at, _)| at.rfc3339()),
        created_at: row.raised.rfc3339(),
        metadata: PlatformAlertReasons {
            rules: alert.rules.clone(),
            risk_score: alert.risk,
            text: alert.text.clone(),
            speaker: alert.leg,
        },
    }
}

/// An event of SSE: name and JSON.
pub(super) fn sse(name: &str, data: &impl serde::Serialize) -> axum::response::sse::Event {
    let line = serde_json::to_string(data).unwrap_or_default();
    axum::response::sse::Event::default().event(name).data(line)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::{Alert, CallKey, Fired, Leg, Level, WallTime};

    #[test]
    fn an_alert_has_the_fields_that_connectors_read() {
        let rule = Fired {
            name: "legal".into(),
            level: Level::Critical,
            description: "d".into(),
            pack: "p".into(),
            reason: "said: sue".into(),
            words: vec!["sue".into()],
            prompt: None,
        };
        let row = AlertRow {
            id: 3,
            call: CallKey(1),
            call_id: "c.1".into(),
            agent: None,
            campaign: None,
            raised: WallTime(1000),
            alert: Alert {
                level: Level::Critical,
                rules: vec![rule.clone()],
                leg: Some(Leg::Caller),
                start_ms: 0,
                end_ms: 100,
                text: "I sue".into(),
                sentiment: None,
                rolling: None,
                risk: 0.5,
            },
            acknowledged: Some((WallTime(2000), "mary".into())),
        };
        let wanted = json!({
            "id": 3, "call_id": "c.1", "type": "legal", "severity": "critical", "level": "critical", "message": "legal: said: sue",
            "acknowledged": true, "acknowledged_at": "1970-01-01T00:00:02.000Z", "created_at": "1970-01-01T00:00:01.000Z",
            "metadata": {"rules": [rule], "risk_score": 0.5, "text": "I sue", "speaker": "caller"},
        });
        assert_eq!(serde_json::to_value(platform_alert(&row)).expect("JSON"), wanted);
    }
}
