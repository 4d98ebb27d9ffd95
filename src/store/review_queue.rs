//! Finished calls that a reviewer has not reviewed, to choose from.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::calls::Which;
use super::{Store, StoreError};
use crate::call::WallTime;

/// Calls looked at, the newest: a choice among more is none that somebody could make out.
const AMONG: u32 = 20_000;

/// A call that may be reviewed.
#[derive(Clone, Debug, PartialEq)]
pub struct UnreviewedCall {
    /// Its public id.
    pub call_id: String,
    /// Time at which the call began.
    pub started: WallTime,
    /// Length of the call, milliseconds.
    pub audio_ms: i64,
    /// Its agent.
    pub agent: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
    /// Risk, 0 to 1.
    pub risk: Option<f64>,
    /// The machine's points of a hundred.
    pub score: Option<f64>,
    /// Whether it is flagged for calibration.
    pub calibration: bool,
}

/// Filter of calls that a reviewer may choose from.
#[derive(Clone, Debug)]
pub struct UnreviewedFilter {
    /// Conditions that choose the calls.
    pub which: Which,
    /// The reviewer, who has not reviewed them.
    pub reviewer: String,
    /// The machine says that this rule was missed.
    pub missed: Option<String>,
}

impl UnreviewedFilter {
    /// The query and its values: the newest first.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let (mut clauses, values): (Vec<&str>, Vec<Vec<Value>>) = self.which.conditions().into_iter().unzip();
        let mut values = values.concat();
        clauses.push("+call.state = 'completed'");
        clauses.push("NOT EXISTS (SELECT 1 FROM score_review WHERE score_review.call = call.id AND reviewer = ?)");
        values.push(self.reviewer.clone().into());
        if let Some(rule) = &self.missed {
            clauses.push(
                "EXISTS (
                     SELECT 1
                     FROM stage
                     CROSS JOIN json_each(stage.result, '$.criteria') AS mark
                     WHERE stage.call = call.id AND stage.stage = 'qa' AND stage.result IS NOT NULL
                         AND json_extract(mark.value, '$.name') = ? AND json_extract(mark.value, '$.outcome') = 'missed')",
            );
            values.push(rule.clone().into());
        }
        values.push(AMONG.into());
        let sql = format!(
            "SELECT call.call_id, call.started_ms, call.audio_ms, call.agent, call.campaign, call.risk,
                 (SELECT points / points_of * 100 FROM review WHERE review.call = call.id AND points_of > 0),
                 EXISTS (SELECT 1 FROM calibration WHERE calibration.call = call.id)
             FROM call
             WHERE {}
             ORDER BY started_ms DESC, id DESC
             LIMIT ?",
            clauses.join(" AND ")
        );
        (sql, values)
    }
}

fn row(row: &Row) -> rusqlite::Result<UnreviewedCall> {
    Ok(UnreviewedCall {
        call_id: row.get(0)?,
        started: WallTime(row.get(1)?),
        audio_ms: row.get(2)?,
        agent: row.get(3)?,
        campaign: row.get(4)?,
        risk: row.get(5)?,
        score: row.get(6)?,
        calibration: row.get(7)?,
    })
}

impl Store {
    /// Calls that a reviewer has not reviewed, the newest first.
    pub async fn unreviewed(&self, mut filter: UnreviewedFilter) -> Result<Vec<UnreviewedCall>, StoreError> {
        self.read_for(true, move |db| {
            filter.which.spell(db)?;
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), row)?.collect()
        })
        .await
    }
}
