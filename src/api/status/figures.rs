//! `GET /api/v1/figures?days=&since=&until=&agent=&campaign=` (also `/api/metrics`, as documented): what the dashboard draws.

use axum::Json;
use axum::extract::State;
use jiff::tz::TimeZone;
use jiff::{Span as Period, Timestamp, Zoned};

use crate::api::access::grant::Access;
use crate::api::calls::find::{in_order, similar_agents};
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::WallTime;
use crate::contract::figures::{
    AgentCount, CallStep, CallsByStage, FigureTotals, Figures, KeywordCount, LagStep, RuleCount,
};
use crate::contract::problem::Part;
use crate::contract::seconds;
use crate::store::Store;
use crate::store::figures::{AgentFigures, Counted, LagFigures, Span, StepFigures};
use crate::store::which::AnyCase;

/// Over which calls.
pub(in crate::api) const ASKS: &[&str] = &["days", "since", "until", "agent", "campaign"];
const HOUR_MS: i64 = 3_600_000;
const DAY_MS: i64 = 24 * HOUR_MS;
/// Days in one answer.
const MOST_DAYS: i64 = 366;
/// Days whose steps are hours.
const DAYS_OF_HOURS: i64 = 7;

/// Times are seconds where their name does not say otherwise; steps are an hour up to a week, else a day.
pub(in crate::api) async fn figures(
    State(store): State<Store>,
    State(clock): State<Clock>,
    access: Access,
    query: Parameters,
) -> Result<Json<Figures>, ApiError> {
    let Steps { starts, until, step_s } = steps(&query, clock.now(), &TimeZone::system())?;
    let trimmed = |name: &str| query.text(name).map(|text| text.trim().to_owned());
    let (asked, only) = (trimmed("agent"), access.campaign);
    let (agent, campaign) = (asked.clone().map(AnyCase::from), trimmed("campaign").map(AnyCase::from));
    let span = Span { starts: starts.clone(), until, agent, campaign, only: only.clone() };
    let figures = store.figures(span).await?;
    let at = |step: i64| {
        usize::try_from(step).ok().and_then(|step| starts.get(step)).map_or_else(String::new, |at| at.rfc3339())
    };
    let sum = |of: fn(&StepFigures) -> i64| figures.steps.iter().map(of).sum::<i64>();
    let stage = |name| figures.stages.iter().find(|(stage, _)| stage == name).map_or(0, |(_, count)| *count);
    let calls = sum(|step| step.calls);
    let (texts, in_time) =
        figures.lag.iter().fold((0, 0), |(all, good), step| (all + step.utterances, good + step.in_time));
    Ok(Json(Figures {
        since: at(0),
        until: until.rfc3339(),
        step_seconds: step_s,
        starts: starts.iter().map(|start| start.rfc3339()).collect(),
        total: FigureTotals {
            calls,
            audio_seconds: seconds(sum(|step| step.audio_ms)),
            negative: sum(|step| step.negative),
            positive: sum(|step| step.positive),
            utterances: texts,
            text_within_3_s: (texts > 0).then(|| in_time as f64 / texts as f64),
        },
        status: CallsByStage {
            queued: stage("queued"),
            processing: stage("processing"),
            completed: stage("completed"),
            failed: stage("failed"),
        },
        steps: figures.steps.iter().map(|one| step(one, at(one.step))).collect(),
        lag: figures.lag.iter().map(|one| lag(one, at(one.step))).collect(),
        keywords_in_all: figures.keywords.in_all,
        keywords: figures.keywords.rows.into_iter().map(keyword).collect(),
        alerts_in_all: figures.alerts.in_all,
        alerts: figures.alerts.rows.into_iter().map(rule).collect(),
        agents_in_all: figures.agents.in_all,
        agents: figures.agents.rows.into_iter().map(agent_count).collect(),
        similar_agents: similar_agents(&store, calls == 0, asked, only).await?,
    }))
}

/// The steps of a span, and what they are.
#[derive(Debug)]
struct Steps {
    /// When each begins.
    starts: Vec<WallTime>,
    /// Where the last one ends.
    until: WallTime,
    /// An hour or a day, in seconds; a day of the calendar may be an hour longer or shorter.
    step_s: i64,
}

/// From `since` on, as a list has it, to the end of `until`, or to now; or the last `days`: whole hours up to a week, else whole local days, of which
/// the running one is the last. Each step begins at the same minute, or at the same local time of the day, as the span.
fn steps(query: &Parameters, now: WallTime, zone: &TimeZone) -> Result<Steps, ApiError> {
    let wrong = |name: &str, msg: String| ApiError::Wrong(Part::Query, name.into(), msg);
    if let (Some(_), Some(_)) = (query.text("days"), query.text("since")) {
        return Err(wrong("days", "since is given too: one of them says where it begins".into()));
    }
    let days = query.number("days", 1..=MOST_DAYS)?.unwrap_or(1);
    let (from, to) = in_order(query, now)?;
    let local = |at: WallTime| {
        let stamp = Timestamp::from_millisecond(at.0).map_err(|error| wrong("since", error.to_string()))?;
        Ok::<_, ApiError>(stamp.to_zoned(zone.clone()))
    };
    let moment = |at: &Zoned| WallTime(at.timestamp().as_millisecond());
    let moved = |at: &Zoned, days: i64| {
        at.checked_add(Period::new().days(days)).map_err(|error| wrong("since", error.to_string()))
    };
    let by_hours = from.map_or(days <= DAYS_OF_HOURS, |from| {
        // A week in which the clocks were put back is an hour longer.
        to.unwrap_or(now).0 - from.0 <= DAYS_OF_HOURS * DAY_MS + HOUR_MS
    });
    let until = match (to, from) {
        (Some(to), _) => WallTime(to.0 + 1),
        (None, Some(from)) => WallTime(now.0.max(from.0 + 1)),
        (None, None) if by_hours => {
            let now = local(now)?;
            let past_ms =
                (i64::from(now.minute()) * 60 + i64::from(now.second())) * 1000 + i64::from(now.millisecond());
            WallTime(moment(&now).0 - past_ms + HOUR_MS)
        }
        (None, None) => {
            let midnight = local(now)?.start_of_day().map_err(|error| wrong("days", error.to_string()))?;
            moment(&moved(&midnight, 1)?)
        }
    };
    let since = match from {
        Some(from) => from,
        None => moment(&moved(&local(until)?, -days)?),
    };
    if until.0 - since.0 > MOST_DAYS * DAY_MS + HOUR_MS {
        return Err(wrong("since", format!("more than {MOST_DAYS} days before until")));
    }
    let starts: Vec<WallTime> = if by_hours {
        let hours = std::iter::successors(Some(since.0), |at| Some(at + HOUR_MS));
        hours.take_while(|at| *at < until.0).map(WallTime).collect()
    } else {
        let first = local(since)?;
        let days = (0..=MOST_DAYS).map_while(|day| moved(&first, day).ok());
        days.map(|day| moment(&day)).take_while(|start| start.0 < until.0).collect()
    };
    Ok(Steps { starts, until, step_s: if by_hours { HOUR_MS } else { DAY_MS } / 1000 })
}

fn step(step: &StepFigures, at: String) -> CallStep {
    CallStep {
        at,
        calls: step.calls,
        audio_seconds: seconds(step.audio_ms),
        sentiment: step.sentiment,
        negative: step.negative,
        positive: step.positive,
    }
}

fn lag(step: &LagFigures, at: String) -> LagStep {
    LagStep { at, utterances: step.utterances, median: seconds(step.median_ms), p95: seconds(step.p95_ms) }
}

fn keyword(one: Counted) -> KeywordCount {
    KeywordCount { term: one.name, label: one.kind, count: one.count, calls: one.calls }
}

fn rule(one: Counted) -> RuleCount {
    RuleCount { rule: one.name, level: one.kind, count: one.count, calls: one.calls }
}

fn agent_count(agent: AgentFigures) -> AgentCount {
    AgentCount {
        agent: agent.agent,
        calls: agent.calls,
        audio_seconds: seconds(agent.audio_ms),
        sentiment: agent.sentiment,
        negative: agent.negative,
        with_alerts: agent.with_alerts,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The steps of a query at a moment. Days and steps are those of the zone; times that name none would be those of this machine.
    fn asked(query: &str, now: &str, zone: &TimeZone) -> Result<Steps, ApiError> {
        let given = crate::api::request::parameters::pairs(query).expect("pairs");
        let at = WallTime::read(now, WallTime(0), zone).expect("a time");
        steps(&Parameters::read(given, ASKS).expect("known"), at, zone)
    }

    #[test]
    fn a_span_is_that_of_the_lists_and_its_days_are_local_ones() {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").expect("a zone");
        let told = |query: &str| {
            let steps = asked(query, "2026-11-24T10:30:05Z", &zone).expect(query);
            let [first, last] = [steps.starts[0], *steps.starts.last().expect("a step")].map(WallTime::rfc3339);
            (steps.starts.len(), first, last, steps.until.rfc3339(), steps.step_s)
        };
        let is = |query: &str, count: usize, [first, last, until]: [&str; 3], step_s: i64| {
            let stamp = |text: &str| format!("2026-{text}:00.000Z");
            assert_eq!(told(query), (count, stamp(first), stamp(last), stamp(until), step_s), "{query}");
        };
        is("", 24, ["11-23T11:00", "11-24T10:00", "11-24T11:00"], 3600);
        is("days=7", 168, ["11-17T11:00", "11-24T10:00", "11-24T11:00"], 3600);
        is("days=10", 10, ["11-14T23:00", "11-23T23:00", "11-24T23:00"], 86400);
        is(
            "since=2026-11-22T23:00:00Z&until=2026-11-23T22:59:59Z",
            24,
            ["11-22T23:00", "11-23T22:00", "11-23T23:00"],
            3600,
        );
        is(
            "since=2026-10-31T23:00:00Z&until=2026-11-10T22:59:59Z",
            10,
            ["10-31T23:00", "11-09T23:00", "11-10T23:00"],
            86400,
        );
        // The clocks are put back on 25 October: that day has 25 hours, and each one begins at its own midnight.
        is(
            "since=2026-10-19T22:00:00Z&until=2026-10-30T22:59:59Z",
            11,
            ["10-19T22:00", "10-29T23:00", "10-30T23:00"],
            86400,
        );
        is(
            "since=2026-10-24T22:00:00Z&until=2026-10-25T22:59:59Z",
            25,
            ["10-24T22:00", "10-25T22:00", "10-25T23:00"],
            3600,
        );
        is(
            "since=2026-10-19T22:00:00Z&until=2026-10-26T22:59:59Z",
            169,
            ["10-19T22:00", "10-26T22:00", "10-26T23:00"],
            3600,
        );
        let since = asked("since=2h", "2026-11-24T10:30:05Z", &zone).expect("known");
        assert_eq!((since.starts.len(), since.until.0 - since.starts[0].0), (2, 7_200_000), "to now");
        for wrong in ["since=400d", "since=today&until=yesterday", "days=3&since=today"] {
            assert!(asked(wrong, "2026-11-24T10:30:05Z", &zone).is_err(), "{wrong}");
        }
        let half = TimeZone::fixed(jiff::tz::Offset::from_seconds(5 * 3600 + 1800).expect("an offset"));
        let steps = asked("", "2026-11-24T10:45:00Z", &half).expect("known");
        assert_eq!(steps.until.rfc3339(), "2026-11-24T11:30:00.000Z", "the hour of a zone with half hours");
    }

    #[test]
    fn steps_and_counts_have_the_fields_that_the_dashboard_reads() {
        let one = StepFigures { step: 0, calls: 2, audio_ms: 1500, sentiment: Some(0.5), negative: 1, positive: 0 };
        let wanted =
            json!({"at": "T", "calls": 2, "audio_seconds": 1.5, "sentiment": 0.5, "negative": 1, "positive": 0});
        assert_eq!(serde_json::to_value(step(&one, "T".into())).expect("JSON"), wanted);
        let counted = || Counted { name: "sue".into(), kind: "legal".into(), count: 3, calls: 2 };
        let wanted = json!({"term": "sue", "label": "legal", "count": 3, "calls": 2});
        assert_eq!(serde_json::to_value(keyword(counted())).expect("JSON"), wanted);
        let wanted = json!({"rule": "sue", "level": "legal", "count": 3, "calls": 2});
        assert_eq!(serde_json::to_value(rule(counted())).expect("JSON"), wanted);
    }
}
