//! Rows of alerts: each is stored once and acknowledged once, and has one form in all answers.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row};

use crate::call::alert::{Alert, Level};
use crate::call::{CallKey, Leg, Speaker, WallTime};
use crate::contract::alert::{AlertAbout, AlertKind, AlertMessage, AlertSays, AlertTaken};
use crate::contract::seconds;
use crate::store::which::Which;

/// An alert as the pipeline raises it.
#[derive(Clone, Debug)]
pub struct NewAlert {
    /// The number that it gets; the next free one where another alert has that already.
    pub id: i64,
    /// Row number of the call.
    pub call: CallKey,
    /// Time at which it was raised.
    pub at: WallTime,
    /// Origin of the alert; a second one of the same origin in a call is ignored, with its event.
    pub origin: String,
    /// Content of the alert.
    pub alert: Alert,
}

/// An alert as it is kept, with what is known of its call.
#[derive(Clone, Debug)]
pub struct AlertRow {
    /// Number of the alert.
    pub id: i64,
    /// Row number of the call.
    pub call: CallKey,
    /// Public id of the call.
    pub call_id: String,
    /// The call's agent.
    pub agent: Option<String>,
    /// The call's campaign.
    pub campaign: Option<String>,
    /// Time at which it was raised.
    pub raised: WallTime,
    /// Content of the alert.
    pub alert: Alert,
    /// Time of its acknowledgement, and the person's name.
    pub acknowledged: Option<(WallTime, String)>,
}

pub(in crate::store) const COLUMNS: &str = "alert.id, alert.call, call.call_id, call.agent, call.campaign, alert.raised_ms, alert.level, alert.rules, alert.leg, \
    alert.start_ms, alert.end_ms, alert.text, alert.sentiment, alert.rolling, alert.risk, alert.acknowledged_ms, alert.acknowledged_by";

pub(in crate::store) fn alert_row(row: &Row) -> rusqlite::Result<AlertRow> {
    let acknowledged: Option<i64> = row.get(15)?;
    let by: Option<String> = row.get(16)?;
    Ok(AlertRow {
        id: row.get(0)?,
        call: CallKey(row.get(1)?),
        call_id: row.get(2)?,
        agent: row.get(3)?,
        campaign: row.get(4)?,
        raised: WallTime(row.get(5)?),
        alert: Alert {
            level: Level::parse(&row.get::<_, String>(6)?).unwrap_or(Level::Warning),
            rules: serde_json::from_str(&row.get::<_, String>(7)?).unwrap_or_default(),
            leg: row.get::<_, Option<String>>(8)?.as_deref().and_then(Leg::parse),
            start_ms: row.get(9)?,
            end_ms: row.get(10)?,
            text: row.get(11)?,
            sentiment: row.get(12)?,
            rolling: row.get(13)?,
            risk: row.get(14)?,
        },
        acknowledged: acknowledged.map(|at| (WallTime(at), by.unwrap_or_default())),
    })
}

impl AlertRow {
    /// The one shape in which feeds, lists and calls show it.
    pub fn message(&self) -> AlertMessage {
        AlertMessage { timestamp: self.raised.rfc3339(), about: self.about() }
    }

    /// The same without its time.
    pub fn about(&self) -> AlertAbout {
        let Alert { level, leg, start_ms, end_ms, sentiment, rolling, risk, .. } = self.alert;
        let taken = AlertTaken::of(self.id, self.acknowledged.as_ref());
        AlertAbout {
            kind: AlertKind::It,
            event: AlertKind::It,
            id: self.id,
            alert_id: self.id,
            call_id: self.call_id.clone(),
            agent: self.agent.clone(),
            campaign: self.campaign.clone(),
            created_at: self.raised.rfc3339(),
            alert_level: level,
            level,
            severity: level.severity(),
            speaker: leg.map(Speaker::from),
            leg,
            start_time: seconds(start_ms),
            end_time: seconds(end_ms),
            sentiment_score: sentiment,
            rolling_sentiment: rolling,
            risk_score: risk,
            acknowledged: taken.acknowledged,
            acknowledged_at: taken.acknowledged_at,
            acknowledged_by: taken.acknowledged_by,
            says: AlertSays::of(&self.alert),
        }
    }
}

/// Filter and place of a page of alerts, newest first.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// Alerts of this call only.
    pub call: Option<CallKey>,
    /// Conditions that choose the calls; their begin is not looked at.
    pub which: Which,
    /// Alerts of this level only.
    pub level: Option<String>,
    /// Alerts in which this rule fired.
    pub rule: Option<String>,
    /// Taken by somebody, or open.
    pub acknowledged: Option<bool>,
    /// Only alerts of running calls, or only of finished ones.
    pub live: Option<bool>,
    /// Raised at or after.
    pub since: Option<WallTime>,
    /// Raised at or before.
    pub until: Option<WallTime>,
    /// Only alerts after this place of an earlier page: (time, number).
    pub after: Option<(i64, i64)>,
    /// Alerts at most.
    pub limit: u32,
}

impl AlertFilter {
    pub(in crate::store) fn sql(&self) -> (String, Vec<Value>) {
        let single = [
            ("alert.call = ?", self.call.map(|call| vec![call.0.into()])),
            ("alert.level = ?", self.level.clone().map(|level| vec![level.into()])),
            (
                "EXISTS (SELECT 1 FROM json_each(alert.rules) AS rule WHERE json_extract(rule.value, '$.name') = ?)",
                self.rule.clone().map(|rule| vec![rule.into()]),
            ),
            ("alert.raised_ms >= ?", self.since.map(|at| vec![at.0.into()])),
            ("alert.raised_ms <= ?", self.until.map(|at| vec![at.0.into()])),
            ("(alert.raised_ms, alert.id) < (?, ?)", self.after.map(|(at, id)| vec![at.into(), id.into()])),
            ("alert.acknowledged_ms IS NOT NULL", (self.acknowledged == Some(true)).then(Vec::new)),
            ("alert.acknowledged_ms IS NULL", (self.acknowledged == Some(false)).then(Vec::new)),
            ("call.state IN ('active', 'connection_closed')", (self.live == Some(true)).then(Vec::new)),
            ("call.state NOT IN ('active', 'connection_closed')", (self.live == Some(false)).then(Vec::new)),
        ];
        let single = single.into_iter().filter_map(|(clause, values)| Some((clause, values?)));
        let (clauses, values): (Vec<&str>, Vec<Vec<Value>>) = single.chain(self.which.conditions()).unzip();
        let mut values = values.concat();
        let wanted = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
        values.push(i64::from(self.limit).into());
        let sql = format!(
            "SELECT {COLUMNS}
             FROM alert
             CROSS JOIN call ON call.id = alert.call
             {wanted}
             ORDER BY alert.raised_ms DESC, alert.id DESC
             LIMIT ?"
        );
        (sql, values)
    }
}

pub(in crate::store) const OPEN: &str = "
    SELECT count(*)
    FROM alert
    WHERE acknowledged_ms IS NULL AND (?1 IS NULL OR ?1 = (SELECT campaign FROM call WHERE call.id = alert.call))";

pub(in crate::store) fn by_id(db: &Connection, id: i64) -> rusqlite::Result<Option<AlertRow>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM alert JOIN call ON call.id = alert.call WHERE alert.id = ?1"))?
        .query_row([id], alert_row)
        .optional()
}

pub(in crate::store) fn of_call(db: &Connection, call: CallKey) -> rusqlite::Result<Vec<AlertRow>> {
    db.prepare_cached(&format!("SELECT {COLUMNS} FROM alert JOIN call ON call.id = alert.call WHERE alert.call = ?1"))?
        .query_map([call.0], alert_row)?
        .collect()
}

pub(in crate::store) const SPEECH: &str = "
    SELECT utterance.id, leg.leg, utterance.start_ms, utterance.end_ms, utterance.state NOT IN ('waiting_for_model', 'pending'),
        leg.path <> ''
    FROM utterance
    JOIN leg ON leg.id = utterance.leg
    WHERE utterance.call = ?1 AND utterance.state <> 'empty'
    ORDER BY utterance.id";

/// A stretch of speech.
#[derive(Clone, Debug)]
pub struct SpeechRow {
    /// Row number.
    pub utterance: i64,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// Begin in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call.
    pub end_ms: i64,
    /// Whether it has its text, or none.
    pub written: bool,
    /// Whether its leg has sound; else its end is not known.
    pub sounds: bool,
}
