//! Disputes of reviews by agents, or by supervisors for them, and the answers.

use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, params_from_iter};

use super::score_reviews::SEEN;
use super::{Store, StoreError};
use crate::call::{CallKey, WallTime};
use crate::contract::quality::DisputeState;

/// A dispute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DisputeRow {
    /// Its number.
    pub id: i64,
    /// Row number of the call.
    pub call: CallKey,
    /// Its public id.
    pub call_id: String,
    /// The call's agent.
    pub agent: Option<String>,
    /// The call's campaign.
    pub campaign: Option<String>,
    /// The rule that it is about.
    pub rule: String,
    /// Text of the objection.
    pub text: String,
    /// Name of the token or login that raised it.
    pub raised_by: String,
    /// Time at which it was raised, wall clock.
    pub raised: WallTime,
    /// Open, upheld or rejected.
    pub state: DisputeState,
    /// Text of the answer; `None` while it is open.
    pub answer: Option<String>,
    /// Name of the token or login that answered; `None` while it is open.
    pub answered_by: Option<String>,
    /// Time of the answer, wall clock; `None` while it is open.
    pub answered: Option<WallTime>,
}

/// A dispute that is raised.
#[derive(Clone, Debug)]
pub struct NewDispute {
    /// The call.
    pub call: CallKey,
    /// The rule.
    pub rule: String,
    /// Text of the objection.
    pub text: String,
    /// Name of the token or login that raises it.
    pub by: String,
    /// Time at which it is raised, wall clock.
    pub at: WallTime,
}

/// An answer to a dispute.
#[derive(Clone, Debug)]
pub struct DisputeAnswer {
    /// Number of the dispute.
    pub id: i64,
    /// [`DisputeState::Upheld`] or [`DisputeState::Rejected`].
    pub state: DisputeState,
    /// Text of the answer.
    pub answer: String,
    /// Name of the token or login that answers.
    pub by: String,
    /// Time of the answer, wall clock.
    pub at: WallTime,
}

const COLUMNS: &str = "
    SELECT dispute.id, call.id, call.call_id, call.agent, call.campaign, dispute.rule, dispute.text, dispute.raised_by, dispute.raised_ms,
        dispute.state, dispute.answer, dispute.answered_by, dispute.answered_ms
    FROM dispute
    CROSS JOIN call ON call.id = dispute.call";

/// Conditions that choose disputes; all of them must hold.
#[derive(Clone, Debug, Default)]
pub struct DisputeFilter {
    /// Only disputes of this call.
    pub call: Option<CallKey>,
    /// Only disputes in this state.
    pub state: Option<DisputeState>,
    /// Only disputes of this campaign.
    pub campaign: Option<String>,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
    /// Leaves out calls flagged for calibration that this reviewer has not reviewed.
    pub blind: Option<String>,
    /// Number of disputes at most.
    pub limit: u32,
}

impl DisputeFilter {
    /// The query and its values: the newest first.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let text = |text: &Option<String>| text.clone().map(Value::from);
        let wanted = [
            ("dispute.call = ?", self.call.map(|call| Value::from(call.0))),
            ("dispute.state = ?", self.state.map(|state| state.as_str().to_owned().into())),
            ("call.campaign = ? COLLATE NOCASE", text(&self.campaign)),
            ("call.campaign = ?", text(&self.only)),
            (SEEN, text(&self.blind)),
        ];
        let (mut clauses, mut values) = (vec!["dispute.id > 0"], Vec::new());
        for (clause, value) in wanted {
            if let Some(value) = value {
                clauses.push(clause);
                values.push(value);
            }
        }
        values.push(self.limit.into());
        (format!("{COLUMNS} WHERE {} ORDER BY dispute.id DESC LIMIT ?", clauses.join(" AND ")), values)
    }
}

fn row(row: &Row) -> rusqlite::Result<DisputeRow> {
    Ok(DisputeRow {
        id: row.get(0)?,
        call: CallKey(row.get(1)?),
        call_id: row.get(2)?,
        agent: row.get(3)?,
        campaign: row.get(4)?,
        rule: row.get(5)?,
        text: row.get(6)?,
        raised_by: row.get(7)?,
        raised: WallTime(row.get(8)?),
        state: row.get(9)?,
        answer: row.get(10)?,
        answered_by: row.get(11)?,
        answered: row.get::<_, Option<i64>>(12)?.map(WallTime),
    })
}

impl Store {
    /// Disputes that fit a filter, the newest first.
    pub async fn disputes(&self, filter: DisputeFilter) -> Result<Vec<DisputeRow>, StoreError> {
        let (sql, values) = filter.sql();
        self.read(move |db| db.prepare_cached(&sql)?.query_map(params_from_iter(&values), row)?.collect()).await
    }

    /// A dispute by its number.
    pub async fn dispute(&self, id: i64) -> Result<Option<DisputeRow>, StoreError> {
        self.read(move |db| {
            db.prepare_cached(&format!("{COLUMNS} WHERE dispute.id = ?1"))?.query_row([id], row).optional()
        })
        .await
    }

    /// Raises a dispute; its number. `None` where the rule has an open one already, or the call has gone.
    pub async fn raise_dispute(&self, new: NewDispute) -> Result<Option<i64>, StoreError> {
        self.writer()
            .run(move |db| {
                let raised = db
                    .prepare_cached(
                        "INSERT OR IGNORE INTO dispute (call, rule, text, raised_by, raised_ms)
                         SELECT id, ?2, ?3, ?4, ?5 FROM call WHERE id = ?1",
                    )?
                    .execute((new.call.0, &new.rule, &new.text, &new.by, new.at.0))?;
                Ok((raised > 0).then(|| db.last_insert_rowid()))
            })
            .await
    }

    /// Answers an open dispute; `false` when it is open no more.
    pub async fn answer_dispute(&self, answer: DisputeAnswer) -> Result<bool, StoreError> {
        self.writer()
            .run(move |db| {
                let answered = db
                    .prepare_cached(
                        "UPDATE dispute SET state = ?2, answer = ?3, answered_by = ?4, answered_ms = ?5
                         WHERE id = ?1 AND state = 'open'",
                    )?
                    .execute((answer.id, answer.state.as_str(), &answer.answer, &answer.by, answer.at.0))?;
                Ok(answered > 0)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{call, open};
    use super::*;

    #[tokio::test]
    async fn a_rule_has_one_open_dispute_and_is_answered_once() {
        let (_folder, store) = open();
        store.writer().commit(vec![call(1, "c.1", 5)]).await.expect("written");
        let raise = || NewDispute {
            call: CallKey(1),
            rule: "greeting".into(),
            text: "I did".into(),
            by: "mary".into(),
            at: WallTime(6),
        };
        let id = store.raise_dispute(raise()).await.expect("asked").expect("raised");
        assert_eq!(store.raise_dispute(raise()).await.expect("asked"), None, "it is open");
        let open = || store.disputes(DisputeFilter { state: Some(DisputeState::Open), limit: 9, ..Default::default() });
        assert_eq!(open().await.expect("query").len(), 1);
        let answer = DisputeAnswer {
            id,
            state: DisputeState::Upheld,
            answer: "so you did".into(),
            by: "boss".into(),
            at: WallTime(7),
        };
        assert!(store.answer_dispute(answer.clone()).await.expect("asked"));
        assert!(!store.answer_dispute(answer).await.expect("asked"), "it is answered");
        assert_eq!(open().await.expect("query"), []);
        let told = store.dispute(id).await.expect("query").expect("there");
        assert_eq!(
            (told.state, told.answered_by.as_deref(), told.answered),
            (DisputeState::Upheld, Some("boss"), Some(WallTime(7)))
        );
        assert!(store.raise_dispute(raise()).await.expect("asked").is_some(), "a later one may be raised");
        let of_others = DisputeFilter { only: Some("SALES".into()), limit: 9, ..Default::default() };
        assert_eq!(store.disputes(of_others).await.expect("query"), []);
        store.writer().run(|db| db.execute("DELETE FROM call", [])).await.expect("deleted");
        assert_eq!(store.dispute(id).await.expect("query"), None);
    }
}
