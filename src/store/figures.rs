//! The dashboard's figures: computed from the rows of all calls that began in a period.

use std::collections::BTreeMap;

use rusqlite::{Connection, Row, ToSql, named_params};

use super::which::{AnyCase, NameColumn};
use super::{Store, StoreError};
use crate::call::WallTime;

/// Agents of an answer at most.
const AGENTS_AT_MOST: usize = 50;

/// Over which calls.
#[derive(Clone, Debug)]
pub struct Span {
    /// When each step begins, in order; the first is where the span begins.
    pub starts: Vec<WallTime>,
    /// Where the last step ends: calls that began before.
    pub until: WallTime,
    /// Calls of this agent only.
    pub agent: Option<AnyCase>,
    /// Calls of this campaign only.
    pub campaign: Option<AnyCase>,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
}

/// One step of time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StepFigures {
    /// Its number from the span's begin.
    pub step: i64,
    /// Calls that began.
    pub calls: i64,
    /// Their length, milliseconds.
    pub audio_ms: i64,
    /// Mean of their mean compounds.
    pub sentiment: Option<f64>,
    /// Calls with a mean compound of -0.05 or less.
    pub negative: i64,
    /// Calls of 0.05 or more.
    pub positive: i64,
}

/// Lag of the text in one step of time.
#[derive(Clone, Debug, PartialEq)]
pub struct LagFigures {
    /// Number of the step, from 0.
    pub step: i64,
    /// Utterances that became text in this step.
    pub utterances: i64,
    /// Milliseconds from the last word to its text, of half of them.
    pub median_ms: i64,
    /// The same, of 95 in 100.
    pub p95_ms: i64,
    /// Those with text within three seconds.
    pub in_time: i64,
}

/// A count by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Counted {
    /// A term, or a rule.
    pub name: String,
    /// Its label, or its level.
    pub kind: String,
    /// Number of times it was counted.
    pub count: i64,
    /// Number of calls that it was counted in.
    pub calls: i64,
}

/// An agent's calls.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentFigures {
    /// The agent; `None` for calls without a known one.
    pub agent: Option<String>,
    /// Number of the agent's calls.
    pub calls: i64,
    /// Their length, milliseconds.
    pub audio_ms: i64,
    /// Mean of their mean compounds.
    pub sentiment: Option<f64>,
    /// Calls with a mean compound of -0.05 or less.
    pub negative: i64,
    /// Calls with alerts.
    pub with_alerts: i64,
}

/// The first rows of a list.
#[derive(Clone, Debug)]
pub struct Most<T> {
    /// The rows that are shown.
    pub rows: Vec<T>,
    /// Number of rows in all.
    pub in_all: usize,
}

/// All of it.
#[derive(Clone, Debug)]
pub struct FigureRows {
    /// The steps in order of time; steps without a call are left out.
    pub steps: Vec<StepFigures>,
    /// The steps in order of time; steps without text are left out.
    pub lag: Vec<LagFigures>,
    /// The most frequent first.
    pub keywords: Most<Counted>,
    /// Alerts by rule, the most frequent first; an alert that several rules raised counts for each.
    pub alerts: Most<Counted>,
    /// Most calls first.
    pub agents: Most<AgentFigures>,
    /// Number of calls that are queued, processing, completed, failed; states without a call are left out.
    pub stages: Vec<(String, i64)>,
}

impl Span {
    /// The steps as the queries take them: a list of `[begins, ends]`, milliseconds since 1970.
    fn steps(&self) -> String {
        let ends = self.starts.iter().skip(1).chain([&self.until]);
        let steps: Vec<[i64; 2]> = self.starts.iter().zip(ends).map(|(begins, ends)| [begins.0, ends.0]).collect();
        serde_json::json!(steps).to_string()
    }
}

/// Which calls, and in which step they began: every query below begins with it.
macro_rules! of_span {
    ($query:literal) => {
        concat!(
            "
    WITH chosen AS (
        SELECT span.key AS step, call.id, agent, audio_ms, sentiment, has_alerts, state, source, segments
        FROM json_each(:steps) AS span
        CROSS JOIN call ON started_ms >= span.value ->> 0 AND started_ms < span.value ->> 1
        WHERE (:agent IS NULL OR agent IN (SELECT value FROM json_each(:agent)))
            AND (:campaign IS NULL OR campaign IN (SELECT value FROM json_each(:campaign)))
            AND (:only IS NULL OR campaign = :only)
    )",
            $query
        )
    };
}

pub(super) const STEPS: &str = of_span!(
    "
    SELECT step, count(*), sum(audio_ms), avg(sentiment),
        count(*) FILTER (WHERE sentiment <= -0.05), count(*) FILTER (WHERE sentiment >= 0.05)
    FROM chosen
    GROUP BY step
    ORDER BY step"
);
/// Only text of live calls has a lag: old and retranscribed speech is not late.
pub(super) const LAG: &str = of_span!(
    ",
    late AS (
        SELECT chosen.step AS step, utterance.lag_ms AS ms
        FROM chosen
        CROSS JOIN utterance ON utterance.call = chosen.id
        WHERE utterance.lag_ms IS NOT NULL
    ),
    placed AS (
        SELECT step, ms, cume_dist() OVER (PARTITION BY step ORDER BY ms) AS share
        FROM late
    )
    SELECT step, count(*), min(ms) FILTER (WHERE share >= 0.5), min(ms) FILTER (WHERE share >= 0.95), count(*) FILTER (WHERE ms <= 3000)
    FROM placed
    GROUP BY step
    ORDER BY step"
);
pub(super) const KEYWORDS: &str = of_span!(
    "
    SELECT json_extract(said.value, '$.term'), json_extract(said.value, '$.label'), count(*) AS times, count(DISTINCT segment.call), count(*) OVER ()
    FROM chosen
    CROSS JOIN segment ON segment.call = chosen.id
    CROSS JOIN json_each(segment.keywords) AS said
    WHERE segment.keywords <> '[]'
    GROUP BY 1, 2
    ORDER BY times DESC, 1
    LIMIT 20"
);
pub(super) const ALERTS: &str = of_span!(
    "
    SELECT json_extract(rule.value, '$.name'), json_extract(rule.value, '$.level'), count(*) AS times, count(DISTINCT alert.call), count(*) OVER ()
    FROM chosen
    CROSS JOIN alert ON alert.call = chosen.id
    CROSS JOIN json_each(alert.rules) AS rule
    GROUP BY 1, 2
    ORDER BY times DESC, 1
    LIMIT 50"
);
/// In the words of a batch: an upload without a line waits for its turn.
pub(super) const STAGES: &str = of_span!(
    "
    SELECT CASE
            WHEN state IN ('completed', 'failed') THEN state
            WHEN source = 'upload' AND segments = 0 THEN 'queued'
            ELSE 'processing'
        END AS stage, count(*)
    FROM chosen
    GROUP BY stage
    ORDER BY stage"
);
/// Each spelling of a name by itself: [`of_any_case`] makes one of them.
pub(super) const AGENTS: &str = of_span!(
    "
    SELECT agent, count(*), sum(audio_ms), sum(sentiment), count(sentiment), count(*) FILTER (WHERE sentiment <= -0.05), sum(has_alerts)
    FROM chosen
    GROUP BY agent
    ORDER BY agent"
);

/// An agent's calls with the number of those that have a sentiment, and its sum in the place of the mean.
type SpelledAgent = (AgentFigures, i64);

/// One row for each agent, however the name is written, as filters see it; most calls first. The name is the first of its spellings.
fn of_any_case(spelled: Vec<SpelledAgent>) -> Most<AgentFigures> {
    let mut agents: BTreeMap<Option<String>, SpelledAgent> = BTreeMap::new();
    for (row, known) in spelled {
        let name = row.agent.as_ref().map(|name| name.to_lowercase());
        let Some((sum, all_known)) = agents.get_mut(&name) else {
            agents.insert(name, (row, known));
            continue;
        };
        sum.calls += row.calls;
        sum.audio_ms += row.audio_ms;
        sum.sentiment = [sum.sentiment, row.sentiment].into_iter().flatten().reduce(|one, other| one + other);
        sum.negative += row.negative;
        sum.with_alerts += row.with_alerts;
        *all_known += known;
    }
    let mean = |(row, known): SpelledAgent| AgentFigures {
        sentiment: row.sentiment.filter(|_| known > 0).map(|sum| sum / known as f64),
        ..row
    };
    let mut agents: Vec<AgentFigures> = agents.into_values().map(mean).collect();
    agents.sort_by_key(|row| std::cmp::Reverse(row.calls));
    let in_all = agents.len();
    agents.truncate(AGENTS_AT_MOST);
    Most { rows: agents, in_all }
}

/// Counts of a query whose last column is their number without its limit.
fn counted(db: &Connection, query: &str, values: &[(&str, &dyn ToSql)]) -> rusqlite::Result<Most<Counted>> {
    let row = |row: &Row| {
        let counted = Counted { name: row.get(0)?, kind: row.get(1)?, count: row.get(2)?, calls: row.get(3)? };
        Ok((counted, row.get::<_, i64>(4)?))
    };
    let rows: Vec<(Counted, i64)> = db.prepare_cached(query)?.query_map(values, row)?.collect::<Result<_, _>>()?;
    let in_all = rows.first().map_or(0, |(_, in_all)| *in_all as usize);
    Ok(Most { rows: rows.into_iter().map(|(counted, _)| counted).collect(), in_all })
}

impl Store {
    /// Figures over the calls of a span.
    pub async fn figures(&self, mut span: Span) -> Result<FigureRows, StoreError> {
        self.read(move |db| {
            NameColumn::Agent.spelled(db, &mut span.agent)?;
            NameColumn::Campaign.spelled(db, &mut span.campaign)?;
            let names = |asked: &Option<AnyCase>| asked.as_ref().map(AnyCase::listed);
            let values = named_params! {
                ":steps": span.steps(), ":agent": names(&span.agent), ":campaign": names(&span.campaign), ":only": span.only,
            };
            let step = |row: &Row| {
                Ok(StepFigures {
                    step: row.get(0)?,
                    calls: row.get(1)?,
                    audio_ms: row.get(2)?,
                    sentiment: row.get(3)?,
                    negative: row.get(4)?,
                    positive: row.get(5)?,
                })
            };
            let lag = |row: &Row| {
                Ok(LagFigures {
                    step: row.get(0)?,
                    utterances: row.get(1)?,
                    median_ms: row.get(2)?,
                    p95_ms: row.get(3)?,
                    in_time: row.get(4)?,
                })
            };
            let agent = |row: &Row| {
                let figures = AgentFigures {
                    agent: row.get(0)?,
                    calls: row.get(1)?,
                    audio_ms: row.get(2)?,
                    sentiment: row.get(3)?,
                    negative: row.get(5)?,
                    with_alerts: row.get(6)?,
                };
                Ok((figures, row.get(4)?))
            };
            Ok(FigureRows {
                steps: db.prepare_cached(STEPS)?.query_map(values, step)?.collect::<Result<_, _>>()?,
                lag: db.prepare_cached(LAG)?.query_map(values, lag)?.collect::<Result<_, _>>()?,
                keywords: counted(db, KEYWORDS, values)?,
                alerts: counted(db, ALERTS, values)?,
                stages: db
                    .prepare_cached(STAGES)?
                    .query_map(values, |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<Result<_, _>>()?,
                agents: of_any_case(
                    db.prepare_cached(AGENTS)?.query_map(values, agent)?.collect::<Result<_, _>>()?,
                ),
            })
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: i64 = 3_600_000;

    #[tokio::test]
    async fn figures_are_those_of_the_calls_of_their_span_and_filter() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let rows = rusqlite::Connection::open(store.path()).expect("open");
        rows.execute_batch(
            "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, agent, audio_ms, sentiment, has_alerts)
             VALUES (1, 'a', 'eagi', 'completed', 3600000, 0, 'emma', 60000, -0.5, 1), (2, 'b', 'eagi', 'completed', 3700000, 0, 'emma', 30000, 0.1, 0),
                 (3, 'c', 'upload', 'completed', 7300000, 0, NULL, 1000, NULL, 0), (4, 'old', 'eagi', 'completed', 10, 0, 'emma', 1, 0.9, 0);
             INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned)
             VALUES (1, 1, 'caller', 'eagi', 8000, 3600000, 0, '', 1), (3, 3, 'mixed', 'upload', 8000, 7300000, 0, '', 1);
             INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state, done_ms, lag_ms)
             VALUES (1, 1, 1, 0, 8000, 0, 1000, 'done', 3602000, 1000), (2, 1, 1, 9000, 16000, 0, 2000, 'done', 3612000, 10000),
                 (3, 3, 3, 0, 8, 0, 1, 'done', 9000000, NULL);
             INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             VALUES (1, 1, 1, 0, 1, 'x', 1, '[]', 0, 0, 0, 0, 'neutral', '[{\"term\":\"cancel\",\"label\":\"cancellation\"}]', '[]'),
                 (1, 1, 2, 0, 1, 'x', 1, '[]', 0, 0, 0, 0, 'neutral', '[{\"term\":\"cancel\",\"label\":\"cancellation\"}]', '[]');
             INSERT INTO alert (call, raised_ms, level, origin, rules, start_ms, end_ms, text, risk)
             VALUES (1, 0, 'urgent', 'x', '[{\"name\":\"legal\",\"level\":\"urgent\"},{\"name\":\"word\",\"level\":\"warning\"}]', 0, 0, '', 0);",
        )
        .expect("rows");
        let span = Span {
            starts: vec![WallTime(HOUR_MS), WallTime(2 * HOUR_MS)],
            until: WallTime(3 * HOUR_MS),
            agent: None,
            campaign: None,
            only: None,
        };
        let all = store.figures(span.clone()).await.expect("figures");
        let step = |step, calls, audio_ms, sentiment, negative, positive| StepFigures {
            step,
            calls,
            audio_ms,
            sentiment,
            negative,
            positive,
        };
        assert_eq!(all.steps, [step(0, 2, 90_000, Some(-0.2), 1, 1), step(1, 1, 1000, None, 0, 0)]);
        // One second and ten seconds late; of the upload nobody waited for the text.
        assert_eq!(all.lag, [LagFigures { step: 0, utterances: 2, median_ms: 1000, p95_ms: 10_000, in_time: 1 }]);
        let counted = |name: &str, kind: &str, count| Counted { name: name.into(), kind: kind.into(), count, calls: 1 };
        assert_eq!(all.keywords.rows, [counted("cancel", "cancellation", 2)]);
        assert_eq!(all.alerts.rows, [counted("legal", "urgent", 1), counted("word", "warning", 1)]);
        assert_eq!(
            all.agents
                .rows
                .iter()
                .map(|agent| (agent.agent.as_deref(), agent.calls, agent.with_alerts))
                .collect::<Vec<_>>(),
            [(Some("emma"), 2, 1), (None, 1, 0)]
        );
        assert_eq!(all.stages, [("completed".into(), 3)]);
        let uneven = Span { starts: vec![WallTime(0), WallTime(3_650_000)], ..span.clone() };
        let counted: Vec<(i64, i64)> =
            store.figures(uneven).await.expect("figures").steps.iter().map(|one| (one.step, one.calls)).collect();
        assert_eq!(counted, [(0, 2), (1, 2)], "steps are as long as they are");
        rows.execute("UPDATE call SET agent = 'EMMA' WHERE id = 2", []).expect("update");
        let any_case = store.figures(Span { agent: Some("Emma".into()), ..span.clone() }).await.expect("figures");
        assert_eq!((any_case.steps[0].calls, any_case.agents.in_all), (2, 1));
        let one = &any_case.agents.rows[0];
        assert_eq!(
            (one.agent.as_deref(), one.calls, one.audio_ms, one.sentiment),
            (Some("EMMA"), 2, 90_000, Some(-0.2))
        );
        for none in [Span { agent: Some("nobody".into()), ..span.clone() }, Span { only: Some("SALES".into()), ..span }]
        {
            let nobody = store.figures(none).await.expect("figures");
            assert!(nobody.steps.is_empty() && nobody.agents.rows.is_empty());
        }
    }

    #[tokio::test]
    async fn figures_tell_how_many_agents_and_keywords_there_are_beyond_those_that_are_shown() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let rows = rusqlite::Connection::open(store.path()).expect("open");
        rows.execute_batch(
            "INSERT INTO call (call_id, source, state, started_ms, last_activity_ms, agent)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)
             SELECT 'c.' || i, 'eagi', 'completed', 10, 10, 'agent' || i FROM n;
             INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'eagi', 8000, 10, 0, '', 1);
             INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (1, 1, 1, 0, 8000, 0, 1000, 'done');
             INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25)
             SELECT 1, 1, 1, i, i + 1, 'x', 1, '[]', 0, 0, 0, 0, 'neutral', json_array(json_object('term', 'term' || i, 'label', 'x')), '[]' FROM n;",
        )
        .expect("rows");
        let span =
            Span { starts: vec![WallTime(0)], until: WallTime(HOUR_MS), agent: None, campaign: None, only: None };
        let found = store.figures(span).await.expect("figures");
        assert_eq!((found.agents.rows.len(), found.agents.in_all), (50, 60));
        assert_eq!((found.keywords.rows.len(), found.keywords.in_all), (20, 25));
        assert_eq!((found.alerts.rows.len(), found.alerts.in_all), (0, 0));
    }
}
