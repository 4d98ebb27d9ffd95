//! `GET /api/v1/reviews/agreement` and `/api/v1/review-queue`: over many calls.

use axum::Json;
use axum::extract::State;

use crate::api::access::grant::Access;
use crate::api::calls::find::in_order_up_to;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::WallTime;
use crate::contract::problem::Part;
use crate::contract::quality::{AgreementReport, QueueOrder, QueuedReview, ReviewQueue};
use crate::contract::seconds;
use crate::pipeline::coverage::LocalDay;
use crate::pipeline::finished::reviewers::ReviewDesk;
use crate::store::Store;
use crate::store::calls::Which;
use crate::store::review_queue::{UnreviewedCall, UnreviewedFilter};
use crate::store::which::{AnyCase, NameColumn};

/// Query parameters of the agreement.
pub(in crate::api) const AGREEMENT: &[&str] = &["since", "until", "campaign"];
/// Query parameters of the queue.
pub(in crate::api) const QUEUE: &[&str] = &["by", "rule", "count", "campaign", "since", "until"];

/// Days that nobody has named.
const DAYS: i64 = 30;
const DAY_MS: i64 = 86_400_000;

/// Calls of a time, of the last month without one, that the one who asks may see.
fn which(query: &Parameters, access: &Access, now: WallTime) -> Result<(Which, WallTime, WallTime), ApiError> {
    let (since, until) = in_order_up_to(query, now)?;
    let until = until.unwrap_or(now);
    let since = since.unwrap_or(WallTime(until.0 - DAYS * DAY_MS));
    let which = Which {
        since: Some(since),
        until: Some(until),
        campaign: query.text("campaign").map(|name| AnyCase::from(name.trim())),
        only: access.campaign.clone(),
        ..Which::default()
    };
    Ok((which, since, until))
}

/// `GET /api/v1/reviews/agreement`
pub(in crate::api) async fn agreement(
    State(store): State<Store>,
    State(reviewers): State<ReviewDesk>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<AgreementReport>, ApiError> {
    let (which, since, until) = which(&query, &access, clock.now())?;
    let blind = (!access.is_admin()).then(|| access.who.clone());
    let (people, machine) = reviewers.agreement(which, blind).await?;
    Ok(Json(AgreementReport {
        since: since.rfc3339(),
        until: until.rfc3339(),
        campaign: store.spelling(NameColumn::Campaign, query.text("campaign")).await?,
        people,
        machine,
    }))
}

fn queued(call: UnreviewedCall) -> QueuedReview {
    QueuedReview {
        call_id: call.call_id,
        start_time: call.started.rfc3339(),
        duration: seconds(call.audio_ms),
        agent: call.agent,
        campaign: call.campaign,
        risk: call.risk,
        score: call.score,
        calibration: call.calibration,
    }
}

/// The order that is asked for, and the rule where it needs one.
fn order(reviewers: &ReviewDesk, query: &Parameters) -> Result<(QueueOrder, Option<String>), ApiError> {
    let wrong = |name: &str, msg: String| Err(ApiError::Wrong(Part::Query, name.into(), msg));
    let by = match query.text("by") {
        None => QueueOrder::Random,
        Some(word) => match QueueOrder::parse(&word) {
            Some(by) => by,
            None => return wrong("by", format!("{word:?} is not random, rule or risk")),
        },
    };
    match (by, query.text("rule")) {
        (QueueOrder::Rule, None) => wrong("rule", "by=rule needs the name of a rule".into()),
        (QueueOrder::Rule, Some(rule)) if reviewers.has_rule(&rule) => Ok((by, Some(rule))),
        (QueueOrder::Rule, Some(rule)) => wrong("rule", format!("{rule:?} is no rule of the packs in use")),
        (_, Some(_)) => wrong("rule", "only with by=rule".into()),
        (by, None) => Ok((by, None)),
    }
}

/// `GET /api/v1/review-queue`
pub(in crate::api) async fn queue(
    State(reviewers): State<ReviewDesk>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<ReviewQueue>, ApiError> {
    let now = clock.now();
    let (which, ..) = which(&query, &access, now)?;
    let (by, missed) = order(&reviewers, &query)?;
    let count = query.number("count", 1..=200)?.unwrap_or(20);
    let filter = UnreviewedFilter { which, reviewer: access.who.clone(), missed };
    let (among, calls) = reviewers.queue(filter, by, count, LocalDay::of(now).to_string()).await?;
    Ok(Json(ReviewQueue { reviewer: access.who, by, among, calls: calls.into_iter().map(queued).collect() }))
}
