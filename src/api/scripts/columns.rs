//! The columns of each function, and a call's cells in them. New columns come at the end: scripts count.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::lookup::{intent, keywords};
use crate::call::WallTime;
use crate::pipeline::finished::review::LineQuote;
use crate::store::calls::CallRow;
use crate::store::lookup::recording_id;
use crate::store::segments::SegmentRow;

/// `transcript_lookup`: a row for each segment, in order of time.
pub(super) const TRANSCRIPT: &[&str] = &[
    "call_id",
    "start_time",
    "user",
    "recording_id",
    "lead_id",
    "phone_number",
    "offset",
    "speaker",
    "sentiment",
    "keywords",
    "text",
];
/// `call_score`: a row for each call.
pub(super) const SCORE: &[&str] = &[
    "call_id",
    "start_time",
    "user",
    "recording_id",
    "lead_id",
    "campaign_id",
    "phone_number",
    "status",
    "length_in_sec",
    "segments",
    "sentiment",
    "risk",
    "score",
    "keywords",
    "intent",
    "reason",
    "outcome",
];
/// `agent_calls`: a row for each call.
pub(super) const CALLS: &[&str] = &[
    "start_time",
    "user",
    "call_id",
    "recording_id",
    "lead_id",
    "campaign_id",
    "phone_number",
    "status",
    "length_in_sec",
    "segments",
    "sentiment",
    "risk",
    "open_alerts",
];

/// Local time, as ViciDial writes it.
pub(super) fn local(at: WallTime, zone: &TimeZone) -> String {
    let stamp = Timestamp::from_millisecond(at.0).unwrap_or_default();
    stamp.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn text(value: Option<&String>) -> String {
    value.cloned().unwrap_or_default()
}

/// Two digits behind the point; nothing where nothing is known.
fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| format!("{value:.2}"))
}

/// The disposition, which the dialer has sent.
fn status(call: &CallRow) -> String {
    let metadata: Value = serde_json::from_str(&call.metadata).unwrap_or_default();
    metadata["disposition"].as_str().unwrap_or_default().to_owned()
}

fn length(call: &CallRow) -> String {
    ((call.audio_ms + 500) / 1000).to_string()
}

/// A segment of a call.
pub(super) fn transcript(call: &CallRow, row: &SegmentRow, zone: &TimeZone) -> [String; 11] {
    [
        call.call_id.clone(),
        local(call.started, zone),
        text(call.agent.as_ref()),
        recording_id(call).unwrap_or_default(),
        text(call.lead.as_ref()),
        text(call.phone.as_ref()),
        format!("{:.2}", row.start_ms as f64 / 1000.0),
        row.speaker.as_str().to_owned(),
        number(row.compound),
        keywords(std::slice::from_ref(row)).join(";"),
        row.text.clone(),
    ]
}

/// A call's score and classification.
pub(super) struct Judged {
    pub(super) score: Option<f64>,
    pub(super) reason: Option<LineQuote>,
    pub(super) outcome: Option<LineQuote>,
}

/// A call as a whole.
pub(super) fn score(call: &CallRow, rows: &[SegmentRow], judged: Judged, zone: &TimeZone) -> [String; 17] {
    let quote = |quote: Option<LineQuote>| quote.map(|quote| quote.text).unwrap_or_default();
    [
        call.call_id.clone(),
        local(call.started, zone),
        text(call.agent.as_ref()),
        recording_id(call).unwrap_or_default(),
        text(call.lead.as_ref()),
        text(call.campaign.as_ref()),
        text(call.phone.as_ref()),
        status(call),
        length(call),
        call.segments.to_string(),
        number(call.sentiment),
        number(call.risk),
        judged.score.map_or_else(String::new, |score| format!("{score:.0}")),
        keywords(rows).join(";"),
        intent(rows).unwrap_or_default(),
        quote(judged.reason),
        quote(judged.outcome),
    ]
}

/// A call in a list.
pub(super) fn call(call: &CallRow, zone: &TimeZone) -> [String; 13] {
    [
        local(call.started, zone),
        text(call.agent.as_ref()),
        call.call_id.clone(),
        recording_id(call).unwrap_or_default(),
        text(call.lead.as_ref()),
        text(call.campaign.as_ref()),
        text(call.phone.as_ref()),
        status(call),
        length(call),
        call.segments.to_string(),
        number(call.sentiment),
        number(call.risk),
        call.open_alerts.to_string(),
    ]
}
