//! An agent's calls that people have reviewed, or that are disputed.

use rusqlite::types::Value;
use rusqlite::{Row, params_from_iter};

use super::score_reviews::ReviewReader;
use super::which::{AnyCase, NameColumn};
use super::{Store, StoreError};
use crate::call::{CallKey, WallTime};

/// A call that was reviewed, or is disputed.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewedCallRow {
    /// Row number of the call.
    pub call: CallKey,
    /// Its public id.
    pub call_id: String,
    /// Time at which the call began.
    pub started: WallTime,
    /// Length of the call, milliseconds.
    pub audio_ms: i64,
    /// Its campaign.
    pub campaign: Option<String>,
    /// The machine's points of a hundred.
    pub score: Option<f64>,
    /// Reviews of it.
    pub reviews: u32,
    /// Disputes that are not answered.
    pub open_disputes: u32,
}

/// Filter of an agent's calls.
#[derive(Clone, Debug)]
pub struct ReviewedFilter {
    /// The agent, in whatever case.
    pub agent: AnyCase,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
    /// The reader. Calls whose reviews are hidden from the reader are left out.
    pub reader: ReviewReader,
    /// Number of calls at most.
    pub limit: u32,
}

impl ReviewedFilter {
    /// The query and its values: the newest first.
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let (of_agent, mut values) = NameColumn::Agent.condition(&self.agent);
        let mut clauses = vec![
            of_agent,
            "(EXISTS (SELECT 1 FROM score_review WHERE score_review.call = call.id)
                 OR EXISTS (SELECT 1 FROM dispute WHERE dispute.call = call.id))",
        ];
        if let Some(campaign) = &self.only {
            // An agent's calls are fewer than a campaign's.
            clauses.push("+call.campaign = ?");
            values.push(campaign.clone().into());
        }
        if let Some((clause, reviewer)) = self.reader.condition() {
            clauses.push(clause);
            values.extend(reviewer);
        }
        values.push(self.limit.into());
        let sql = format!(
            "SELECT call.id, call.call_id, call.started_ms, call.audio_ms, call.campaign,
                 (SELECT points / points_of * 100 FROM review WHERE review.call = call.id AND points_of > 0),
                 (SELECT count(*) FROM score_review WHERE score_review.call = call.id),
                 (SELECT count(*) FROM dispute WHERE dispute.call = call.id AND dispute.state = 'open')
             FROM call
             WHERE {}
             ORDER BY started_ms DESC, id DESC
             LIMIT ?",
            clauses.join(" AND ")
        );
        (sql, values)
    }
}

fn row(row: &Row) -> rusqlite::Result<ReviewedCallRow> {
    Ok(ReviewedCallRow {
        call: CallKey(row.get(0)?),
        call_id: row.get(1)?,
        started: WallTime(row.get(2)?),
        audio_ms: row.get(3)?,
        campaign: row.get(4)?,
        score: row.get(5)?,
        reviews: row.get(6)?,
        open_disputes: row.get(7)?,
    })
}

impl Store {
    /// An agent's calls that were reviewed or are disputed, the newest first.
    pub async fn reviewed(&self, mut filter: ReviewedFilter) -> Result<Vec<ReviewedCallRow>, StoreError> {
        self.read_for(true, move |db| {
            NameColumn::Agent.spell(db, &mut filter.agent)?;
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(&values), row)?.collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::disputes::NewDispute;
    use super::super::score_reviews::{ReviewKept, ScoreReviewRow};
    use super::super::tests::{call, open};
    use super::*;
    use crate::call::CallState;

    /// Calls 1 and 2 of agent 1001 and call 4 of agent 1002 are reviewed, call 3 of agent 1001 is disputed, call 5 of agent 1001 is neither.
    async fn reviewed() -> (tempfile::TempDir, Store) {
        let (folder, store) = open();
        for number in 1..=5 {
            let id = format!("c.{number}");
            let over = CallState::Completed;
            let moved = Change::CallMoved { call: CallKey(number), state: over, at: WallTime(8), reason: None };
            store.writer().commit(vec![call(number, &id, number), moved]).await.expect("written");
        }
        let names = "UPDATE call SET agent = iif(id = 4, '1002', '1001'), campaign = iif(id = 2, 'CLAIMS', 'SALES')";
        store.writer().run(move |db| db.execute_batch(names)).await.expect("named");
        for (number, reviewer) in [(1, "john"), (1, "mary"), (2, "john"), (4, "john")] {
            let review = ScoreReviewRow {
                reviewer: reviewer.into(),
                comment: String::new(),
                at: WallTime(9),
                points: Vec::new(),
            };
            let kept = store.keep_score_review(CallKey(number), review).await.expect("kept");
            assert_eq!(kept, ReviewKept::Kept);
        }
        let dispute = NewDispute {
            call: CallKey(3),
            rule: "greeting".into(),
            text: "I did".into(),
            by: "agent".into(),
            at: WallTime(9),
        };
        store.raise_dispute(dispute).await.expect("asked").expect("raised");
        (folder, store)
    }

    #[tokio::test]
    async fn an_agent_has_the_own_calls_that_were_reviewed_or_disputed_and_none_of_a_calibration() {
        let (_folder, store) = reviewed().await;
        let found = async |agent: &str, only: Option<&str>, reader, limit| {
            let filter = ReviewedFilter { agent: agent.into(), only: only.map(str::to_owned), reader, limit };
            let rows = store.reviewed(filter).await.expect("query");
            rows.into_iter().map(|row| (row.call_id, row.reviews, row.open_disputes)).collect::<Vec<_>>()
        };
        let own = |id: &str, reviews, disputes| (id.to_owned(), reviews, disputes);
        let all = [own("c.3", 0, 1), own("c.2", 1, 0), own("c.1", 2, 0)];
        assert_eq!(found("1001", None, ReviewReader::Agent, 9).await, all);
        assert_eq!(found("1001", None, ReviewReader::Agent, 1).await, all[..1], "the newest");
        assert_eq!(found("1001", Some("CLAIMS"), ReviewReader::Agent, 9).await, all[1..2]);
        assert_eq!(found("1002", None, ReviewReader::Agent, 9).await, [own("c.4", 1, 0)]);
        assert_eq!(found("1003", None, ReviewReader::Agent, 9).await, []);
        let spelled = "UPDATE call SET agent = CASE id WHEN 1 THEN 'José' WHEN 2 THEN 'JOSÉ' ELSE agent END";
        store.writer().run(move |db| db.execute_batch(spelled)).await.expect("named");
        assert_eq!(found("josé", None, ReviewReader::Agent, 9).await, all[1..], "in capitals or not");
        let back = "UPDATE call SET agent = '1001' WHERE id < 3";
        store.writer().run(move |db| db.execute_batch(back)).await.expect("named");

        store.flag_calibration(CallKey(2), true, "boss".into(), WallTime(9)).await.expect("flagged");
        let without = [all[0].clone(), all[2].clone()];
        assert_eq!(found("1001", None, ReviewReader::Agent, 9).await, without);
        let reviewer = |name: &str| ReviewReader::Reviewer(name.into());
        assert_eq!(found("1001", None, reviewer("mary"), 9).await, without);
        assert_eq!(found("1001", None, reviewer("john"), 9).await, all, "whose points are in");
        assert_eq!(found("1001", None, ReviewReader::Admin, 9).await, all);
    }
}
