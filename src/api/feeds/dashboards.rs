//! Paths of call dashboards and of batch clients, for pages and scripts that were made for other services: `GET /api/calls`, `/api/alerts`,
//! `/api/stats`, `/api/calls/{id}/history`, `/api/calls/{id}`. Times are seconds since 1970. Their feeds are in `audience.rs`.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::Value;

use super::audience::{Audience, epoch};
use crate::api::access::grant::Access;
use crate::api::calls::find::find_call;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::{CallState, Source, WallTime};
use crate::contract::dashboard::{
    BatchState, FeedStats, History, HistoryLine, Progress, RecentAlert, RecentAlerts, RunningCall, RunningCalls,
    Subscriptions,
};
use crate::contract::message::SentimentKind;
use crate::contract::seconds;
use crate::pipeline::finished::review::Desk;
use crate::store::Store;
use crate::store::alerts::{AlertFilter, AlertRow};
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;
use crate::store::which::Which;

type Answer<T> = Result<Json<T>, ApiError>;

/// How many to give at most.
pub(in crate::api) const COUNTED: &[&str] = &["count"];

/// `GET /api/calls`: calls that are not over.
pub(in crate::api) async fn calls(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
) -> Answer<RunningCalls> {
    let now = clock.now();
    let open = store.open_calls().await?;
    let calls: Vec<_> = open.into_iter().filter(|call| access.sees(call)).map(|call| running(call, now)).collect();
    Ok(Json(RunningCalls { count: calls.len(), calls }))
}

fn running(call: CallRow, now: WallTime) -> RunningCall {
    let until = call.closed.unwrap_or(now);
    RunningCall {
        call_id: call.call_id,
        agent: call.agent,
        caller: call.phone,
        campaign: call.campaign,
        lead: call.lead,
        status: call.state,
        start_time: epoch(call.started),
        duration: seconds((until.0 - call.started.0).max(0)),
        segments: call.segments,
        audio_seconds: seconds(call.audio_ms),
        rolling_sentiment: call.rolling,
        risk_score: call.risk,
        alert_level: call.alert_level,
    }
}

/// `GET /api/calls/{id}/history?count=`: the first lines of a call as the feed showed them; none of an unknown call.
pub(in crate::api) async fn history(
    State(store): State<Store>,
    State(desk): State<Desk>,
    access: Access,
    Path(id): Path<String>,
    query: Parameters,
) -> Answer<History> {
    let count = query.number("count", 1..=500_usize)?.unwrap_or(100);
    let Some(call) = access.call(&store, &id).await? else {
        return Ok(Json(History { call_id: id, count: 0, history: Vec::new() }));
    };
    let lines = desk.as_told(&call).await?;
    let told = |(row, rolling)| line(&call, row, rolling);
    let history: Vec<_> = lines.into_iter().take(count).map(told).collect();
    Ok(Json(History { call_id: call.call_id, count: history.len(), history }))
}

fn line(call: &CallRow, row: SegmentRow, rolling: Option<f64>) -> HistoryLine {
    let terms = |list: &Value| list.as_array().into_iter().flatten().map(|hit| hit["term"].clone()).collect();
    HistoryLine {
        kind: SentimentKind::It,
        call_id: call.call_id.clone(),
        text: row.text,
        timestamp: epoch(WallTime(call.started.0 + row.end_ms)),
        start_time: seconds(row.start_ms),
        end_time: seconds(row.end_ms),
        speaker: row.speaker.into(),
        sentiment_score: row.compound,
        sentiment_label: row.label,
        confidence: row.confidence,
        keywords_detected: terms(&row.keywords),
        profanity_detected: terms(&row.profanity),
        rolling_sentiment: rolling,
    }
}

/// `GET /api/alerts?count=`: newest first.
pub(in crate::api) async fn alerts(
    State(store): State<Store>,
    access: Access,
    query: Parameters,
) -> Answer<RecentAlerts> {
    let limit = query.number("count", 1..=100_u32)?.unwrap_or(20);
    let filter =
        AlertFilter { which: Which { only: access.campaign, ..Which::default() }, limit, ..AlertFilter::default() };
    let alerts: Vec<_> = store.alerts(filter).await?.iter().map(recent).collect();
    Ok(Json(RecentAlerts { count: alerts.len(), alerts }))
}

fn recent(alert: &AlertRow) -> RecentAlert {
    RecentAlert { timestamp: epoch(alert.raised), at: alert.raised.rfc3339(), about: alert.about() }
}

/// `GET /api/stats`: who listens to these feeds, and for how long the daemon has run, seconds.
pub(in crate::api) async fn stats(State(clock): State<Clock>, State(audience): State<Audience>) -> Json<FeedStats> {
    let subscriptions = audience.listeners();
    let websocket = Subscriptions { total_clients: subscriptions.values().sum(), subscriptions };
    Json(FeedStats { websocket, uptime: clock.uptime_s() })
}

/// `GET /api/calls/{id}`: how far a call is, in the words of a batch.
pub(in crate::api) async fn progress(State(store): State<Store>, Path(id): Path<String>) -> Answer<Progress> {
    Ok(Json(far(find_call(&store, &id).await?)))
}

fn far(call: CallRow) -> Progress {
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    let status = stage(&call);
    Progress {
        call_id: call.call_id,
        status,
        file: metadata["file"].clone(),
        created_at: call.started.rfc3339(),
        updated_at: call.last_activity.rfc3339(),
        duration_seconds: seconds(call.audio_ms),
        segments: call.segments,
        sentiment_score: call.sentiment,
        risk_score: call.risk,
        error: call.end_reason.filter(|_| status == BatchState::Failed),
    }
}

/// Queued, processing, completed or failed.
fn stage(call: &CallRow) -> BatchState {
    match call.state {
        CallState::Completed => BatchState::Completed,
        CallState::Failed => BatchState::Failed,
        CallState::Active | CallState::ConnectionClosed => {
            let is_waiting = call.source == Source::Upload && call.segments == 0;
            if is_waiting { BatchState::Queued } else { BatchState::Processing }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::{Alert, CallKey, Leg, Level};

    fn call() -> CallRow {
        CallRow {
            key: CallKey(1),
            call_id: "c.1".into(),
            source: Source::Upload,
            state: CallState::Active,
            started: WallTime(1000),
            last_activity: WallTime(5000),
            closed: None,
            ended: None,
            end_reason: Some("unreadable".into()),
            uuid: None,
            uniqueid: None,
            agent: Some("mary".into()),
            campaign: None,
            lead: None,
            phone: Some("123".into()),
            metadata: r#"{"file":"a.wav"}"#.into(),
            audio_ms: 3500,
            segments: 0,
            sentiment: None,
            rolling: None,
            has_alerts: false,
            figures: "{}".into(),
            risk: None,
            risk_parts: None,
            open_alerts: 0,
            alert_level: None,
            tags: Vec::new(),
            automatic_tags: Vec::new(),
            sla: Vec::new(),
            audio_chunks: 0,
            stepped_ms: 0,
            mode: crate::call::ProcessingMode::Realtime,
            score: None,
        }
    }

    #[test]
    fn dashboards_and_batches_read_the_fields_that_they_know() {
        let wanted = json!({
            "call_id": "c.1", "agent": "mary", "caller": "123", "campaign": null, "lead": null, "status": "active", "start_time": 1.0,
            "duration": 2.0, "segments": 0, "audio_seconds": 3.5, "rolling_sentiment": null, "risk_score": null, "alert_level": null,
        });
        assert_eq!(serde_json::to_value(running(call(), WallTime(3000))).expect("JSON"), wanted);
        let progress = |status: &str, error: Value| {
            json!({
                "call_id": "c.1", "status": status, "file": "a.wav", "created_at": "1970-01-01T00:00:01.000Z",
                "updated_at": "1970-01-01T00:00:05.000Z", "duration_seconds": 3.5, "segments": 0, "sentiment_score": null,
                "risk_score": null, "error": error,
            })
        };
        assert_eq!(serde_json::to_value(far(call())).expect("JSON"), progress("queued", Value::Null));
        let failed = CallRow { state: CallState::Failed, ..call() };
        assert_eq!(serde_json::to_value(far(failed)).expect("JSON"), progress("failed", json!("unreadable")));
        let row = SegmentRow {
            id: 1,
            start_ms: 100,
            end_ms: 500,
            text: "hello".into(),
            confidence: 0.5,
            language: None,
            words: Value::Null,
            compound: Some(0.25),
            pos: 0.0,
            neu: 1.0,
            neg: 0.0,
            label: "positive".into(),
            keywords: json!([{"term": "hello", "label": "x"}]),
            profanity: json!([]),
            leg: Leg::Agent,
            speaker: Leg::Agent,
            engine: None,
            sender_sentiment: None,
        };
        let wanted = json!({
            "type": "sentiment", "call_id": "c.1", "text": "hello", "timestamp": 1.5, "start_time": 0.1, "end_time": 0.5,
            "speaker": "agent", "sentiment_score": 0.25, "sentiment_label": "positive", "confidence": 0.5,
            "keywords_detected": ["hello"], "profanity_detected": [], "rolling_sentiment": 0.25,
        });
        assert_eq!(serde_json::to_value(line(&call(), row, Some(0.25))).expect("JSON"), wanted);
    }

    #[test]
    fn an_alert_has_its_time_in_seconds_and_everything_else_as_elsewhere() {
        let row = AlertRow {
            id: 3,
            call: CallKey(1),
            call_id: "c.1".into(),
            agent: None,
            campaign: None,
            raised: WallTime(1500),
            alert: Alert {
                level: Level::Urgent,
                rules: Vec::new(),
                leg: None,
                start_ms: 0,
                end_ms: 100,
                text: String::new(),
                sentiment: None,
                rolling: None,
                risk: 0.5,
            },
            acknowledged: None,
        };
        let mut wanted = serde_json::to_value(row.message()).expect("JSON");
        super::super::audience::in_seconds(&mut wanted);
        assert_eq!(serde_json::to_value(recent(&row)).expect("JSON"), wanted);
        assert_eq!((&wanted["timestamp"], &wanted["at"]), (&json!(1.5), &json!("1970-01-01T00:00:01.500Z")));
    }
}
