//! Calls and their legs, as lists, pages and single rows.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::rows::sla::{self, MEASURES};
use super::typed::stretches;
pub use super::which::Which;
use super::which::same_name;
use super::{Store, StoreError};
use crate::call::sla::SlaMeasure;
use crate::call::{CallKey, CallState, Leg, LegKey, Level, ProcessingMode, Source, WallTime};

/// A call as the API shows it.
#[derive(Clone, Debug)]
pub struct CallRow {
    /// Row number.
    pub key: CallKey,
    /// Public id.
    pub call_id: String,
    /// The source of its audio.
    pub source: Source,
    /// State of the call.
    pub state: CallState,
    /// First frame.
    pub started: WallTime,
    /// Last frame or text.
    pub last_activity: WallTime,
    /// Time at which its last source was closed.
    pub closed: Option<WallTime>,
    /// Time at which its last words became text.
    pub ended: Option<WallTime>,
    /// Reason for which it ended.
    pub end_reason: Option<String>,
    /// AudioSocket UUID.
    pub uuid: Option<String>,
    /// Asterisk's uniqueid.
    pub uniqueid: Option<String>,
    /// User or extension of the agent.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// Number of the lead or customer record.
    pub lead: Option<String>,
    /// The other party's number.
    pub phone: Option<String>,
    /// Free metadata, a JSON object.
    pub metadata: String,
    /// Length, milliseconds.
    pub audio_ms: i64,
    /// Number of segments.
    pub segments: i64,
    /// Mean compound.
    pub sentiment: Option<f64>,
    /// Mean compound of the last segments.
    pub rolling: Option<f64>,
    /// Whether an alert was raised.
    pub has_alerts: bool,
    /// Rolling figures per leg, a JSON object.
    pub figures: String,
    /// Risk of the call, 0 to 1.
    pub risk: Option<f64>,
    /// Parts of the risk, a JSON object.
    pub risk_parts: Option<String>,
    /// Alerts that nobody has taken.
    pub open_alerts: i64,
    /// Their worst level.
    pub alert_level: Option<Level>,
    /// Tags by people and packs, in order.
    pub tags: Vec<String>,
    /// Those of them that packs have put on it.
    pub automatic_tags: Vec<String>,
    /// Chunks of sound that another platform has sent.
    pub audio_chunks: i64,
    /// Milliseconds by which the wall clock was stepped while it ran.
    pub stepped_ms: i64,
    /// Mode of processing: live, after the call, or both.
    pub mode: ProcessingMode,
    /// Points of its score card, of a hundred; `None` before it is over, or where nothing could be judged.
    pub score: Option<f64>,
    /// The limits that are set, and what it took of them.
    pub sla: Vec<SlaMeasure>,
}

impl CallRow {
    /// Whether it breaches a limit of `[sla]`; while it runs, so far.
    pub fn breaches_sla(&self) -> bool {
        self.sla.iter().any(SlaMeasure::is_breached)
    }
}

const COLUMNS: &str = "call.id, call.call_id, call.source, call.state, call.started_ms, call.last_activity_ms, call.closed_ms, call.ended_ms, \
    call.end_reason, call.uuid, call.uniqueid, call.agent, call.campaign, call.lead, call.phone, call.metadata, call.audio_ms, call.segments, \
    call.sentiment, call.rolling, call.has_alerts, call.figures, call.risk, call.risk_parts, \
    (SELECT count(*) FROM alert WHERE alert.call = call.id AND acknowledged_ms IS NULL), \
    (SELECT CASE max(CASE level WHEN 'critical' THEN 3 WHEN 'urgent' THEN 2 ELSE 1 END) WHEN 3 THEN 'critical' WHEN 2 THEN 'urgent' WHEN 1 THEN 'warning' END \
     FROM alert WHERE alert.call = call.id AND acknowledged_ms IS NULL), \
    (SELECT json_group_array(tag) FROM call_tag WHERE call_tag.call = call.id), call.audio_chunks, call.stepped_ms, call.mode, \
    (SELECT points / points_of * 100 FROM review WHERE review.call = call.id AND points_of > 0), \
    (SELECT json_group_array(tag) FROM call_tag WHERE call_tag.call = call.id AND automatic)";

fn call_row(row: &Row) -> rusqlite::Result<CallRow> {
    Ok(CallRow {
        key: CallKey(row.get(0)?),
        call_id: row.get(1)?,
        source: row.get(2)?,
        state: row.get(3)?,
        started: WallTime(row.get(4)?),
        last_activity: WallTime(row.get(5)?),
        closed: row.get::<_, Option<i64>>(6)?.map(WallTime),
        ended: row.get::<_, Option<i64>>(7)?.map(WallTime),
        end_reason: row.get(8)?,
        uuid: row.get(9)?,
        uniqueid: row.get(10)?,
        agent: row.get(11)?,
        campaign: row.get(12)?,
        lead: row.get(13)?,
        phone: row.get(14)?,
        metadata: row.get(15)?,
        audio_ms: row.get(16)?,
        segments: row.get(17)?,
        sentiment: row.get(18)?,
        rolling: row.get(19)?,
        has_alerts: row.get(20)?,
        figures: row.get(21)?,
        risk: row.get(22)?,
        risk_parts: row.get(23)?,
        open_alerts: row.get(24)?,
        alert_level: row.get(25)?,
        tags: serde_json::from_str(&row.get::<_, String>(26)?).unwrap_or_default(),
        audio_chunks: row.get(27)?,
        stepped_ms: row.get(28)?,
        // Calls from before there were modes were transcribed while they ran.
        mode: row.get::<_, Option<ProcessingMode>>(29)?.unwrap_or(ProcessingMode::Realtime),
        score: row.get(30)?,
        automatic_tags: serde_json::from_str(&row.get::<_, String>(31)?).unwrap_or_default(),
        sla: sla::read(row.get::<_, Option<String>>(32)?.as_deref()),
    })
}

/// Filter and place of a page of calls, newest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CallFilter {
    /// Conditions that choose the calls.
    pub which: Which,
    /// Only calls after this place of an earlier page: (start, row).
    pub after: Option<(i64, i64)>,
    /// Calls on a page.
    pub limit: u32,
}

impl CallFilter {
    /// The query and its values.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let (mut clauses, values): (Vec<&str>, Vec<Vec<Value>>) = self.which.conditions().into_iter().unzip();
        let mut values = values.concat();
        if let Some((start, row)) = self.after {
            clauses.push("(started_ms, id) < (?, ?)");
            values.extend([start.into(), row.into()]);
        }
        let wanted = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
        values.push(i64::from(self.limit).into());
        (format!("SELECT {COLUMNS}, {MEASURES} FROM call {wanted} ORDER BY started_ms DESC, id DESC LIMIT ?"), values)
    }
}

pub(super) const BY_ID: &str = "SELECT id FROM call WHERE call_id = ?1";
pub(super) const BY_ALIAS: &str = "SELECT call FROM call_alias WHERE alias = ?1";
pub(super) const OPEN: &str =
    "SELECT id FROM call WHERE state IN ('active', 'connection_closed') ORDER BY started_ms DESC, id DESC";
pub(super) const RUNNING_OF_AGENT: &str =
    "SELECT id, agent FROM call WHERE state = 'active' AND +agent IS NOT NULL ORDER BY started_ms DESC, id DESC";
pub(super) const LEGS: &str = "
    SELECT id, leg, source, rate_hz, started_ms, offset_ms, path, channel, owned, peer, samples, closed_ms, close_reason, why,
        (SELECT json_group_array(json_array(from_sample, to_sample)) FROM heard WHERE heard.leg = leg.id)
    FROM leg
    WHERE call = ?1
    ORDER BY id";
pub(super) const HEARD_TO: &str = "SELECT coalesce(max(end_sample), 0) FROM utterance WHERE leg = ?1";
pub(super) const WAITING: &str = "
    SELECT count(*), min(id)
    FROM utterance
    WHERE state IN ('waiting_for_model', 'pending')";
pub(super) const OLDEST_WAITING: &str = "
    SELECT leg.started_ms + utterance.end_sample * 1000 / leg.rate_hz
    FROM utterance
    JOIN leg ON leg.id = utterance.leg
    WHERE utterance.id = ?1";

/// A leg as the API shows it.
#[derive(Clone, Debug)]
pub struct LegRow {
    /// Row number.
    pub key: LegKey,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The source of its audio.
    pub source: Source,
    /// Sample rate.
    pub rate_hz: u32,
    /// Wall clock of its first sample.
    pub started: WallTime,
    /// Its first sample inside the call, milliseconds.
    pub offset_ms: i64,
    /// Its file.
    pub path: String,
    /// Channel of that file.
    pub channel: u16,
    /// Whether the file is lineside's own.
    pub owned: bool,
    /// Address of the sender.
    pub peer: Option<String>,
    /// Samples when last noted.
    pub samples: i64,
    /// Time at which it was closed.
    pub closed: Option<WallTime>,
    /// Reason for which it was closed.
    pub close_reason: Option<String>,
    /// Reason why it is transcribed, or why not; `None` for legs of older versions.
    pub why: Option<String>,
    /// Stretches of samples that were given to the recogniser; without an end: to the leg's.
    pub heard: Vec<(u64, Option<u64>)>,
}

impl LegRow {
    /// Whether it is of sound: text that came without any has a leg too, and no file.
    pub fn has_sound(&self) -> bool {
        !self.path.is_empty()
    }
}

fn leg_row(row: &Row) -> rusqlite::Result<LegRow> {
    Ok(LegRow {
        key: LegKey(row.get(0)?),
        leg: row.get(1)?,
        source: row.get(2)?,
        rate_hz: row.get(3)?,
        started: WallTime(row.get(4)?),
        offset_ms: row.get(5)?,
        path: row.get(6)?,
        channel: row.get(7)?,
        owned: row.get(8)?,
        peer: row.get(9)?,
        samples: row.get(10)?,
        closed: row.get::<_, Option<i64>>(11)?.map(WallTime),
        close_reason: row.get(12)?,
        why: row.get(13)?,
        heard: stretches(row, 14)?,
    })
}

impl Store {
    /// Calls that fit a filter, newest first.
    pub async fn list_calls(&self, mut filter: CallFilter) -> Result<Vec<CallRow>, StoreError> {
        self.read(move |db| {
            filter.which.spell(db)?;
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), call_row)?.collect()
        })
        .await
    }

    /// Calls that are not over: active, or closed with text outstanding.
    pub async fn open_calls(&self) -> Result<Vec<CallRow>, StoreError> {
        self.read(|db| {
            let keys: Vec<i64> = db.prepare_cached(OPEN)?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
            keys.into_iter().filter_map(|key| one(db, key).transpose()).collect()
        })
        .await
    }

    /// A call by its id, or by one it had before.
    pub async fn call(&self, call_id: &str) -> Result<Option<CallRow>, StoreError> {
        let call_id = call_id.to_string();
        self.read(move |db| {
            let by = |sql: &str| db.prepare_cached(sql)?.query_row([&call_id], |row| row.get::<_, i64>(0)).optional();
            let key = match by(BY_ID)? {
                Some(key) => Some(key),
                None => by(BY_ALIAS)?,
            };
            key.map_or(Ok(None), |key| one(db, key))
        })
        .await
    }

    /// An agent's running calls, newest first, 20 at most; the name in capitals or not. Of all calls that run, which are few; of an agent's, which are
    /// many, most are over.
    pub async fn running_of_agent(&self, agent: String) -> Result<Vec<CallRow>, StoreError> {
        self.read(move |db| {
            let running: Vec<(i64, String)> = db
                .prepare_cached(RUNNING_OF_AGENT)?
                .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<Result<_, _>>()?;
            let theirs = running.into_iter().filter(|(_, name)| same_name(name, &agent)).take(20);
            theirs.filter_map(|(key, _)| one(db, key).transpose()).collect()
        })
        .await
    }

    /// A call by its row.
    pub async fn call_of(&self, key: CallKey) -> Result<Option<CallRow>, StoreError> {
        self.read(move |db| one(db, key.0)).await
    }

    /// A call's legs in the order in which they opened.
    pub async fn legs(&self, call: CallKey) -> Result<Vec<LegRow>, StoreError> {
        self.read(move |db| db.prepare_cached(LEGS)?.query_map([call.0], leg_row)?.collect()).await
    }

    /// End of a leg's last utterance, in samples; 0 without one.
    pub async fn heard_to(&self, leg: LegKey) -> Result<u64, StoreError> {
        self.read(move |db| db.prepare_cached(HEARD_TO)?.query_row([leg.0], |row| row.get::<_, i64>(0)))
            .await
            .map(|sample| sample as u64)
    }

    /// Utterances that wait for text, and when the oldest of them was said.
    pub async fn backlog(&self) -> Result<(i64, Option<WallTime>), StoreError> {
        self.read(|db| {
            let (count, oldest): (i64, Option<i64>) =
                db.prepare_cached(WAITING)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            let said = match oldest {
                Some(id) => db.prepare_cached(OLDEST_WAITING)?.query_row([id], |row| row.get(0)).optional()?,
                None => None,
            };
            Ok((count, said.map(WallTime)))
        })
        .await
    }
}

/// A call by its row, on a connection.
pub(super) fn one(db: &rusqlite::Connection, key: i64) -> rusqlite::Result<Option<CallRow>> {
    db.prepare_cached(&format!("SELECT {COLUMNS}, {MEASURES} FROM call WHERE id = ?1"))?
        .query_row([key], call_row)
        .optional()
}
