//! Reviews by people: their points beside the machine's, disputes, and the choice of the next calls to review.
//!
//! What reviewers write is redacted by the packs, like any text, before it is stored. In a call that is flagged for calibration nobody sees the
//! others' points before their own are in, and those stay (`store/score_reviews.rs`).

use sha2::{Digest, Sha256};

use super::agreement::{agreements, passed};
use super::review::Desk;
use crate::call::{CallState, WallTime};
use crate::contract::quality::{JudgesAgreement, QueueOrder, RuleToReview};
use crate::contract::review::{CriterionOutcome, ScoreCard};
use crate::store::calls::{CallRow, Which};
use crate::store::disputes::{DisputeAnswer, NewDispute};
use crate::store::review_queue::{UnreviewedCall, UnreviewedFilter};
use crate::store::score_reviews::{ReviewKept, ReviewReader, ScorePointRow, ScoreReviewRow};
use crate::store::{Store, StoreError};

/// Reason why a review or a dispute was refused.
#[derive(Debug, thiserror::Error)]
pub enum ReviewError {
    /// The score card has no such rule.
    #[error("{0:?} is no rule of this call's score card; they are {1}")]
    NoRule(String, String),
    /// A rule is named twice.
    #[error("{0:?} is given more than once")]
    Twice(String),
    /// More points than there are, or less than none.
    #[error("{points} points for {rule:?} are not from 0 to {of}")]
    Points {
        /// The rule.
        rule: String,
        /// The points that were sent.
        points: f64,
        /// The points that the rule is worth.
        of: f64,
    },
    /// The call runs, or is being written down.
    #[error("the call is not over yet; review it when it is")]
    NotOver,
    /// The reviewer has reviewed a call that is flagged for calibration.
    #[error(
        "the call is flagged for calibration and your points are in: they stay as they were given before you saw others'"
    )]
    Fixed,
    /// The call is on hold, so the earlier review stays.
    #[error("the call is on hold: your review stays as it is until the hold is taken off")]
    Held,
    /// The rule has an open dispute.
    #[error("the rule has an open dispute already; it is to be answered first")]
    Disputed,
    /// The database said no.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Points for one rule, as somebody gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct PointsWish {
    /// The rule.
    pub rule: String,
    /// The points; `None`: nothing in the call asked for it.
    pub points: Option<f64>,
    /// The reviewer's comment on the rule.
    pub comment: String,
}

/// A review, as somebody gives it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ReviewWish {
    /// Rule by rule.
    pub rules: Vec<PointsWish>,
    /// The reviewer's comment on the call.
    pub comment: String,
}

/// Keeps what reviewers do.
#[derive(Clone)]
pub struct ReviewDesk {
    desk: Desk,
    redact: bool,
    now: fn() -> WallTime,
}

impl ReviewDesk {
    /// A desk that uses the present packs; `redact` is the setting `[privacy] redact`.
    pub fn new(desk: Desk, redact: bool, now: fn() -> WallTime) -> Self {
        Self { desk, redact, now }
    }

    fn store(&self) -> &Store {
        self.desk.store()
    }

    /// A text that somebody has typed, without what nobody may keep.
    fn typed(&self, text: &str) -> String {
        if self.redact { self.desk.analyser().redactor().redact(text) } else { text.to_owned() }
    }

    /// The rules that may be judged of a call, in the order of its score card.
    pub async fn rules(&self, call: &CallRow) -> Result<Vec<RuleToReview>, StoreError> {
        let card = self.desk.score_card(call).await?;
        let analyser = self.desk.analyser();
        Ok(rules(card, |rule| analyser.reviewer().points_of(rule)))
    }

    /// Whether the packs in use have a rule of that name.
    pub fn has_rule(&self, rule: &str) -> bool {
        self.desk.analyser().reviewer().points_of(rule).is_some()
    }

    /// Keeps a review in the place of the reviewer's one before.
    pub async fn review(&self, call: &CallRow, reviewer: String, wish: ReviewWish) -> Result<(), ReviewError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Err(ReviewError::NotOver);
        }
        let rules = self.rules(call).await?;
        let mut points = checked(&rules, wish.rules)?;
        for point in &mut points {
            point.comment = self.typed(&point.comment);
        }
        let review = ScoreReviewRow { reviewer, comment: self.typed(&wish.comment), at: (self.now)(), points };
        match self.store().keep_score_review(call.key, review).await? {
            ReviewKept::Kept => Ok(()),
            ReviewKept::Fixed => Err(ReviewError::Fixed),
            ReviewKept::Held => Err(ReviewError::Held),
            ReviewKept::NotOver => Err(ReviewError::NotOver),
        }
    }

    /// Flags a call for calibration, or takes the flag off.
    pub async fn calibrate(&self, call: &CallRow, flagged: bool, by: String) -> Result<(), StoreError> {
        self.store().flag_calibration(call.key, flagged, by, (self.now)()).await
    }

    /// Raises a dispute; its number.
    pub async fn dispute(&self, call: &CallRow, rule: String, text: &str, by: String) -> Result<i64, ReviewError> {
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            return Err(ReviewError::NotOver);
        }
        let rules = self.rules(call).await?;
        if !rules.iter().any(|one| one.rule == rule) {
            return Err(no_rule(rule, &rules));
        }
        let new = NewDispute { call: call.key, rule, text: self.typed(text), by, at: (self.now)() };
        self.store().raise_dispute(new).await?.ok_or(ReviewError::Disputed)
    }

    /// Answers a dispute; `false` when it is open no more.
    pub async fn answer(&self, answer: DisputeAnswer) -> Result<bool, StoreError> {
        let answer = DisputeAnswer { answer: self.typed(&answer.answer), at: (self.now)(), ..answer };
        self.store().answer_dispute(answer).await
    }

    /// Agreement of reviewers with each other, and of the machine with them, over these calls. `blind` leaves out calls flagged for calibration that
    /// this reviewer has not reviewed.
    pub async fn agreement(
        &self,
        which: Which,
        blind: Option<String>,
    ) -> Result<(JudgesAgreement, JudgesAgreement), StoreError> {
        let judged = self.store().judged_rules(which, blind).await?;
        self.desk.aside(move || agreements(&judged)).await
    }

    /// The next calls for a reviewer, and the number of calls among which they were chosen. `seed` is the day.
    pub async fn queue(
        &self,
        filter: UnreviewedFilter,
        by: QueueOrder,
        count: usize,
        seed: String,
    ) -> Result<(usize, Vec<UnreviewedCall>), StoreError> {
        let seed = format!("{seed} {}", filter.reviewer);
        let calls = self.store().unreviewed(filter).await?;
        let among = calls.len();
        self.desk.aside(move || (among, chosen(calls, by, count, &seed))).await
    }
}

/// The rules of a score card, with what each is worth also where the call did not ask for it.
fn rules(card: ScoreCard, worth: impl Fn(&str) -> Option<f64>) -> Vec<RuleToReview> {
    let rule = |one: crate::contract::review::Criterion| RuleToReview {
        of: worth(&one.name).unwrap_or(one.of),
        rule: one.name,
        description: one.description,
        outcome: one.outcome,
        points: one.points,
    };
    card.criteria.into_iter().map(rule).collect()
}

fn no_rule(rule: String, rules: &[RuleToReview]) -> ReviewError {
    let all: Vec<&str> = rules.iter().map(|one| one.rule.as_str()).collect();
    ReviewError::NoRule(rule, all.join(", "))
}

/// The points as they are kept, in the order of the score card.
fn checked(rules: &[RuleToReview], wishes: Vec<PointsWish>) -> Result<Vec<ScorePointRow>, ReviewError> {
    let mut kept: Vec<(usize, ScorePointRow)> = Vec::new();
    for PointsWish { rule, points, comment } in wishes {
        let Some(place) = rules.iter().position(|one| one.rule == rule) else { return Err(no_rule(rule, rules)) };
        if kept.iter().any(|(other, _)| *other == place) {
            return Err(ReviewError::Twice(rule));
        }
        let RuleToReview { of, outcome, .. } = rules[place];
        if let Some(points) = points.filter(|points| !(0.0..=of).contains(points)) {
            return Err(ReviewError::Points { rule, points, of });
        }
        let machine = match outcome {
            CriterionOutcome::Met => Some(true),
            CriterionOutcome::Missed => Some(false),
            CriterionOutcome::NotAsked | CriterionOutcome::Open => None,
        };
        kept.push((place, ScorePointRow { rule, points, of, machine, comment }));
    }
    kept.sort_by_key(|(place, _)| *place);
    Ok(kept.into_iter().map(|(_, row)| row).collect())
}

/// A review's points of a hundred; `None` where no rule was judged.
pub fn score_of(review: &ScoreReviewRow) -> Option<f64> {
    let judged = || review.points.iter().filter(|one| passed(one.points, one.of).is_some());
    let of: f64 = judged().map(|one| one.of).sum();
    let points: f64 = judged().filter_map(|one| one.points).sum();
    (of > 0.0).then(|| (points / of * 1000.0).round() / 10.0)
}

/// Those of a call's reviews that somebody may see, and how many are hidden. Of a call that is flagged for calibration nobody sees what others gave
/// before the own points are in, but for those who look after the box; the call's agent sees it when the flag is off.
pub fn visible(reviews: Vec<ScoreReviewRow>, calibration: bool, reader: &ReviewReader) -> (Vec<ScoreReviewRow>, usize) {
    if reader.sees(calibration, &reviews) { (reviews, 0) } else { (Vec::new(), reviews.len()) }
}

/// The first calls in an order. By lot each call has a place that the seed decides, so that the rest stays where it is when a call comes or goes.
fn chosen(mut calls: Vec<UnreviewedCall>, by: QueueOrder, count: usize, seed: &str) -> Vec<UnreviewedCall> {
    match by {
        QueueOrder::Rule => {}
        QueueOrder::Risk => {
            let risk = |call: &UnreviewedCall| call.risk.unwrap_or(-1.0);
            calls.sort_by(|one, other| risk(other).total_cmp(&risk(one)));
        }
        QueueOrder::Random => {
            calls.sort_by_cached_key(|call| <[u8; 32]>::from(Sha256::digest(format!("{seed} {}", call.call_id))));
        }
    }
    calls.truncate(count);
    calls
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(name: &str, of: f64, outcome: CriterionOutcome) -> RuleToReview {
        RuleToReview { rule: name.into(), description: String::new(), outcome, points: 0.0, of }
    }

    fn wish(name: &str, points: Option<f64>) -> PointsWish {
        PointsWish { rule: name.into(), points, comment: String::new() }
    }

    #[test]
    fn points_are_kept_in_the_order_of_the_score_card_with_the_machines_judgement() {
        let rules = [rule("a", 10.0, CriterionOutcome::Met), rule("b", 5.0, CriterionOutcome::NotAsked)];
        let kept = checked(&rules, vec![wish("b", Some(5.0)), wish("a", None)]).expect("fine");
        let told: Vec<_> = kept.iter().map(|one| (one.rule.as_str(), one.points, one.of, one.machine)).collect();
        assert_eq!(told, [("a", None, 10.0, Some(true)), ("b", Some(5.0), 5.0, None)]);
        for (wishes, says) in [
            (vec![wish("c", None)], "\"c\" is no rule of this call's score card; they are a, b"),
            (vec![wish("a", None), wish("a", Some(1.0))], "\"a\" is given more than once"),
            (vec![wish("b", Some(5.5))], "5.5 points for \"b\" are not from 0 to 5"),
            (vec![wish("b", Some(-1.0))], "-1 points for \"b\" are not from 0 to 5"),
        ] {
            assert_eq!(checked(&rules, wishes).expect_err(says).to_string(), says);
        }
    }

    fn review(reviewer: &str, points: &[(Option<f64>, f64)]) -> ScoreReviewRow {
        let point = |(points, of): &(Option<f64>, f64)| ScorePointRow {
            rule: "r".into(),
            points: *points,
            of: *of,
            machine: None,
            comment: String::new(),
        };
        let points = points.iter().map(point).collect();
        ScoreReviewRow { reviewer: reviewer.into(), comment: String::new(), at: WallTime(0), points }
    }

    #[test]
    fn a_score_leaves_out_what_was_not_asked_for() {
        assert_eq!(score_of(&review("mary", &[(Some(5.0), 10.0), (None, 20.0), (Some(5.0), 5.0)])), Some(66.7));
        assert_eq!(score_of(&review("mary", &[(None, 20.0)])), None);
    }

    #[test]
    fn others_points_of_a_calibration_are_hidden_until_the_own_are_in() {
        let both = || vec![review("john", &[]), review("mary", &[])];
        let reviewer = |name: &str| ReviewReader::Reviewer(name.into());
        for (calibration, reader, seen) in [
            (false, reviewer("sue"), 2),
            (true, reviewer("sue"), 0),
            (true, reviewer("mary"), 2),
            (true, ReviewReader::Admin, 2),
            (false, ReviewReader::Agent, 2),
            (true, ReviewReader::Agent, 0),
        ] {
            let (shown, hidden) = visible(both(), calibration, &reader);
            assert_eq!((shown.len(), hidden), (seen, 2 - seen), "{calibration} {reader:?}");
        }
    }

    fn calls(count: usize) -> Vec<UnreviewedCall> {
        let call = |number: usize| UnreviewedCall {
            call_id: format!("c.{number}"),
            started: WallTime(0),
            audio_ms: 0,
            agent: None,
            campaign: None,
            risk: (number != 3).then_some(number as f64 / 100.0),
            score: None,
            calibration: false,
        };
        (0..count).map(call).collect()
    }

    fn ids(calls: Vec<UnreviewedCall>) -> Vec<String> {
        calls.into_iter().map(|call| call.call_id).collect()
    }

    #[test]
    fn the_lot_is_the_same_all_day_and_another_for_others_and_risk_comes_first_where_it_is_wanted() {
        let by_lot = |calls, seed: &str| ids(chosen(calls, QueueOrder::Random, 5, seed));
        let first = by_lot(calls(50), "2026-11-24 mary");
        let turned = calls(50).into_iter().rev().collect();
        assert_eq!(by_lot(turned, "2026-11-24 mary"), first, "the order of the rows decides nothing");
        assert_ne!(by_lot(calls(50), "2026-11-24 john"), first);
        assert_ne!(by_lot(calls(50), "2026-11-25 mary"), first);
        // Who was reviewed goes, and the others stay where they are.
        let left = calls(50).into_iter().filter(|call| call.call_id != first[0]).collect();
        assert_eq!(by_lot(left, "2026-11-24 mary")[..4], first[1..]);
        assert_eq!(ids(chosen(calls(5), QueueOrder::Risk, 9, "")), ["c.4", "c.2", "c.1", "c.0", "c.3"]);
        assert_eq!(ids(chosen(calls(5), QueueOrder::Rule, 2, "")), ["c.0", "c.1"]);
    }
}
