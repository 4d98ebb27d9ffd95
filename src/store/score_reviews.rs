//! Reviewers' points beside the machine's score card, and the calls that are flagged for calibration.
//!
//! A reviewer has one review of a call; the next one replaces it. Of a call that is flagged for calibration the first one stays.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};

use super::calls::Which;
use super::{Store, StoreError};
use crate::call::{CallKey, WallTime};

/// Points for one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ScorePointRow {
    /// The rule.
    pub rule: String,
    /// Points given; `None` where nothing in the call asked for it.
    pub points: Option<f64>,
    /// Points that could be got.
    pub of: f64,
    /// The machine's judgement when the review was made; `None` where it had none.
    pub machine: Option<bool>,
    /// The reviewer's comment on the rule; may be empty.
    pub comment: String,
}

/// A reviewer's points for a call.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoreReviewRow {
    /// Name of the reviewer.
    pub reviewer: String,
    /// The reviewer's comment on the call as a whole; may be empty.
    pub comment: String,
    /// Time of the review, wall clock.
    pub at: WallTime,
    /// Points by rule, in the order of the score card.
    pub points: Vec<ScorePointRow>,
}

/// A reader of reviews. It decides what is hidden of a call that is flagged for calibration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewReader {
    /// An admin, who sees everything.
    Admin,
    /// A reviewer by name, who sees the others' points once the own are in.
    Reviewer(String),
    /// The call's agent, who gives no points: sees what was given once the flag is off.
    Agent,
}

impl ReviewReader {
    /// Whether what people gave a call is shown.
    pub fn sees(&self, calibration: bool, reviews: &[ScoreReviewRow]) -> bool {
        match self {
            Self::Admin => true,
            Self::Reviewer(name) => !calibration || reviews.iter().any(|one| one.reviewer == *name),
            Self::Agent => !calibration,
        }
    }

    /// The same as a condition on a row of `call`, and its value; `None` where there is none.
    pub(super) fn condition(&self) -> Option<(&'static str, Option<Value>)> {
        match self {
            Self::Admin => None,
            Self::Reviewer(name) => Some((SEEN, Some(name.clone().into()))),
            Self::Agent => Some((OPEN, None)),
        }
    }
}

/// The result of writing a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewKept {
    /// It is there.
    Kept,
    /// The call is flagged for calibration, and the reviewer has one already.
    Fixed,
    /// The call is on hold: what the reviewer gave before is kept as it is.
    Held,
    /// The call has gone, or is not over.
    NotOver,
}

/// One rule of one review, for comparing reviewers.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedRule {
    /// Row number of the call.
    pub call: i64,
    /// Name of the reviewer.
    pub reviewer: String,
    /// The rule.
    pub rule: String,
    /// Points given; `None` where nothing in the call asked for it.
    pub points: Option<f64>,
    /// Points that could be got.
    pub of: f64,
    /// The machine's judgement.
    pub machine: Option<bool>,
}

pub(super) const OF_CALL: &str = "
    SELECT id, reviewer, comment, at_ms
    FROM score_review
    WHERE call = ?1
    ORDER BY reviewer";
pub(super) const POINTS: &str =
    "SELECT rule, points, points_of, machine, comment, place FROM score_point WHERE review = ?1";
pub(super) const FLAGGED: &str = "SELECT 1 FROM calibration WHERE call = ?1";
const HELD: &str = "SELECT 1 FROM hold WHERE call = ?1";
/// A condition on a row of `call`: it is not flagged for calibration.
const OPEN: &str = "NOT EXISTS (SELECT 1 FROM calibration WHERE calibration.call = call.id)";
/// A condition on a row of `call`: a reviewer may see what others gave it.
pub(super) const SEEN: &str = "(NOT EXISTS (SELECT 1 FROM calibration WHERE calibration.call = call.id)
    OR EXISTS (SELECT 1 FROM score_review AS own WHERE own.call = call.id AND own.reviewer = ?))";
/// Texts that people wrote about a call.
pub(super) const WRITTEN: &str = "
    SELECT comment FROM score_review WHERE call = ?1
    UNION ALL
    SELECT score_point.comment FROM score_review CROSS JOIN score_point ON score_point.review = score_review.id WHERE score_review.call = ?1
    UNION ALL
    SELECT text FROM dispute WHERE call = ?1
    UNION ALL
    SELECT answer FROM dispute WHERE call = ?1 AND answer IS NOT NULL";

/// From calls to reviews: an index of calls chooses.
pub(super) fn judged_sql(which: &Which, blind: Option<&str>) -> (String, Vec<Value>) {
    let (mut clauses, mut values): (Vec<&str>, Vec<Vec<Value>>) = which.conditions().into_iter().unzip();
    if let Some(reviewer) = blind {
        clauses.push(SEEN);
        values.push(vec![reviewer.to_owned().into()]);
    }
    let wanted = if clauses.is_empty() { String::new() } else { format!("WHERE {}", clauses.join(" AND ")) };
    let sql = format!(
        "SELECT call.id, score_review.reviewer, score_point.rule, score_point.points, score_point.points_of, score_point.machine
         FROM call
         CROSS JOIN score_review ON score_review.call = call.id
         CROSS JOIN score_point ON score_point.review = score_review.id
         {wanted}"
    );
    (sql, values.concat())
}

fn point(row: &Row) -> rusqlite::Result<(i64, ScorePointRow)> {
    let point = ScorePointRow {
        rule: row.get(0)?,
        points: row.get(1)?,
        of: row.get(2)?,
        machine: row.get(3)?,
        comment: row.get(4)?,
    };
    Ok((row.get(5)?, point))
}

fn of_call(db: &Connection, call: CallKey) -> rusqlite::Result<Vec<ScoreReviewRow>> {
    let mut all = Vec::new();
    let mut reviews = db.prepare_cached(OF_CALL)?;
    let mut rows = reviews.query([call.0])?;
    while let Some(row) = rows.next()? {
        let mut points: Vec<(i64, ScorePointRow)> =
            db.prepare_cached(POINTS)?.query_map([row.get::<_, i64>(0)?], point)?.collect::<Result<_, _>>()?;
        points.sort_by_key(|(place, _)| *place);
        all.push(ScoreReviewRow {
            reviewer: row.get(1)?,
            comment: row.get(2)?,
            at: WallTime(row.get(3)?),
            points: points.into_iter().map(|(_, point)| point).collect(),
        });
    }
    Ok(all)
}

fn keep(db: &Connection, call: CallKey, new: &ScoreReviewRow) -> rusqlite::Result<ReviewKept> {
    let over = "SELECT 1 FROM call WHERE id = ?1 AND state IN ('completed', 'failed')";
    if !db.prepare_cached(over)?.exists([call.0])? {
        return Ok(ReviewKept::NotOver);
    }
    let before: Option<i64> = db
        .prepare_cached("SELECT id FROM score_review WHERE call = ?1 AND reviewer = ?2")?
        .query_row((call.0, &new.reviewer), |row| row.get(0))
        .optional()?;
    if let Some(before) = before {
        if db.prepare_cached(FLAGGED)?.exists([call.0])? {
            return Ok(ReviewKept::Fixed);
        }
        if db.prepare_cached(HELD)?.exists([call.0])? {
            return Ok(ReviewKept::Held);
        }
        db.prepare_cached("DELETE FROM score_review WHERE id = ?1")?.execute([before])?;
    }
    db.prepare_cached("INSERT INTO score_review (call, reviewer, comment, at_ms) VALUES (?1, ?2, ?3, ?4)")?
        .execute((call.0, &new.reviewer, &new.comment, new.at.0))?;
    let review = db.last_insert_rowid();
    for (place, point) in new.points.iter().enumerate() {
        db.prepare_cached(
            "INSERT INTO score_point (review, place, rule, points, points_of, machine, comment) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((review, place as i64, &point.rule, point.points, point.of, point.machine, &point.comment))?;
    }
    Ok(ReviewKept::Kept)
}

impl Store {
    /// The reviews of a call, by reviewer.
    pub async fn score_reviews(&self, call: CallKey) -> Result<Vec<ScoreReviewRow>, StoreError> {
        self.read(move |db| of_call(db, call)).await
    }

    /// Keeps a review in the place of the reviewer's one before.
    pub async fn keep_score_review(&self, call: CallKey, new: ScoreReviewRow) -> Result<ReviewKept, StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                let kept = keep(&transaction, call, &new)?;
                transaction.commit()?;
                Ok(kept)
            })
            .await
    }

    /// Whether a call is flagged for calibration.
    pub async fn is_calibration(&self, call: CallKey) -> Result<bool, StoreError> {
        self.read(move |db| db.prepare_cached(FLAGGED)?.exists([call.0])).await
    }

    /// Flags a call for calibration, or takes the flag off.
    pub async fn flag_calibration(
        &self,
        call: CallKey,
        flagged: bool,
        by: String,
        at: WallTime,
    ) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                if flagged {
                    let sql = "INSERT OR IGNORE INTO calibration (call, flagged_by, at_ms) SELECT id, ?2, ?3 FROM call WHERE id = ?1";
                    db.execute(sql, (call.0, by, at.0))
                } else {
                    db.execute("DELETE FROM calibration WHERE call = ?1", [call.0])
                }
            })
            .await
            .map(|_| ())
    }

    /// The rules of all reviews of these calls. `blind`: not of calls that are flagged for calibration and that this reviewer has not reviewed.
    pub async fn judged_rules(&self, mut which: Which, blind: Option<String>) -> Result<Vec<JudgedRule>, StoreError> {
        self.read_for(true, move |db| {
            which.spell(db)?;
            let (sql, values) = judged_sql(&which, blind.as_deref());
            let judged = |row: &Row| {
                Ok(JudgedRule {
                    call: row.get(0)?,
                    reviewer: row.get(1)?,
                    rule: row.get(2)?,
                    points: row.get(3)?,
                    of: row.get(4)?,
                    machine: row.get(5)?,
                })
            };
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), judged)?.collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::change::Change;
    use super::super::tests::{call, open};
    use super::*;
    use crate::call::CallState;

    const CALL: CallKey = CallKey(1);

    fn review(reviewer: &str, points: Option<f64>, comment: &str) -> ScoreReviewRow {
        let point =
            ScorePointRow { rule: "greeting".into(), points, of: 10.0, machine: Some(true), comment: comment.into() };
        ScoreReviewRow { reviewer: reviewer.into(), comment: "a call".into(), at: WallTime(9), points: vec![point] }
    }

    async fn with_a_call(state: CallState) -> (tempfile::TempDir, Store) {
        let (folder, store) = open();
        let moved = Change::CallMoved { call: CALL, state, at: WallTime(8), reason: None };
        store.writer().commit(vec![call(1, "c.1", 5), moved]).await.expect("written");
        (folder, store)
    }

    #[tokio::test]
    async fn a_reviewer_has_one_review_of_a_call_and_of_a_calibration_the_first_one() {
        let (_folder, store) = with_a_call(CallState::Completed).await;
        let keep = |new| store.keep_score_review(CALL, new);
        assert_eq!(keep(review("mary", Some(4.0), "late")).await.expect("kept"), ReviewKept::Kept);
        assert_eq!(keep(review("mary", None, "")).await.expect("kept"), ReviewKept::Kept);
        assert_eq!(keep(review("john", Some(10.0), "")).await.expect("kept"), ReviewKept::Kept);
        assert_eq!(
            store.score_reviews(CALL).await.expect("query"),
            [review("john", Some(10.0), ""), review("mary", None, "")]
        );
        store.flag_calibration(CALL, true, "boss".into(), WallTime(9)).await.expect("flagged");
        assert!(store.is_calibration(CALL).await.expect("query"));
        assert_eq!(keep(review("mary", Some(9.0), "")).await.expect("kept"), ReviewKept::Fixed);
        assert_eq!(keep(review("sue", Some(9.0), "")).await.expect("kept"), ReviewKept::Kept);
        let seen_by =
            async |who: &str| store.judged_rules(Which::default(), Some(who.into())).await.expect("query").len();
        assert_eq!((seen_by("sue").await, seen_by("eve").await), (3, 0), "whose points are not in");
        store.flag_calibration(CALL, false, "boss".into(), WallTime(9)).await.expect("flagged");
        assert_eq!(keep(review("mary", Some(9.0), "")).await.expect("kept"), ReviewKept::Kept);
        assert_eq!(store.judged_rules(Which::default(), None).await.expect("query").len(), 3);
        let other = Which { campaign: Some("SALES".into()), ..Which::default() };
        assert_eq!(store.judged_rules(other, None).await.expect("query"), []);
    }

    #[tokio::test]
    async fn of_a_call_on_hold_nothing_that_was_given_goes() {
        let (_folder, store) = with_a_call(CallState::Completed).await;
        let keep = |new| store.keep_score_review(CALL, new);
        assert_eq!(keep(review("mary", Some(4.0), "late")).await.expect("kept"), ReviewKept::Kept);
        let hold = "INSERT INTO hold (call, at_ms, reason) VALUES (1, 1, 'court')";
        store.writer().run(move |db| db.execute_batch(hold)).await.expect("hold");
        assert_eq!(keep(review("mary", Some(5.0), "")).await.expect("asked"), ReviewKept::Held);
        assert_eq!(keep(review("john", Some(5.0), "")).await.expect("kept"), ReviewKept::Kept, "a new one adds to it");
        assert_eq!(store.score_reviews(CALL).await.expect("query")[1], review("mary", Some(4.0), "late"));
    }

    #[tokio::test]
    async fn a_call_that_runs_is_not_reviewed() {
        let (_folder, store) = with_a_call(CallState::Active).await;
        let kept = store.keep_score_review(CALL, review("mary", None, "")).await.expect("asked");
        assert_eq!((kept, store.score_reviews(CALL).await.expect("query")), (ReviewKept::NotOver, Vec::new()));
    }

    #[tokio::test]
    async fn what_a_reviewer_wrote_goes_with_the_call_and_is_overwritten() {
        let (_folder, store) = with_a_call(CallState::Completed).await;
        let written = "she gave her maiden name in the second minute";
        store.keep_score_review(CALL, review("mary", Some(4.0), written)).await.expect("kept");
        let gone = |db: &mut Connection| -> rusqlite::Result<(Vec<String>, i64, bool)> {
            let erased = crate::store::forget::gather(db, &(1, "c.1".into()))?;
            db.execute_batch("DELETE FROM scrub; DELETE FROM score_review")?;
            let left = db.query_row("SELECT count(*) FROM score_point", [], |row| row.get(0))?;
            Ok((erased.traces, left, crate::store::rows::privacy::is_to_scrub(db)?))
        };
        let (traces, left, scrubs) = store.writer().run(gone).await.expect("deleted");
        assert!(traces.contains(&written.to_owned()), "{traces:?}");
        assert_eq!((left, scrubs), (0, true));
        store.keep_score_review(CALL, review("mary", Some(4.0), written)).await.expect("kept");
        store.writer().run(|db| db.execute("DELETE FROM call", [])).await.expect("deleted");
        assert_eq!(store.score_reviews(CALL).await.expect("query"), []);
    }
}
