//! Sums over the calls of a period, an agent or a campaign: an index chooses the calls, and joins go by their keys.

use jiff::tz::TimeZone;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, params_from_iter};

use super::reviews::{FindingRow, finding, findings};
use super::tally::{CountedCall, CountedReview, Statistics};
use super::which::{AnyCase, NameColumn};
use super::{Store, StoreError};
use crate::call::WallTime;

/// Over which calls.
#[derive(Clone, Debug)]
pub struct StatisticsFilter {
    /// Begun at or after.
    pub since: WallTime,
    /// Begun before.
    pub until: WallTime,
    /// Calls of this agent only.
    pub agent: Option<AnyCase>,
    /// Calls of this campaign only.
    pub campaign: Option<AnyCase>,
    /// Calls of other campaigns do not exist for the one who asks.
    pub only: Option<String>,
    /// Time zone of the days.
    pub zone: TimeZone,
}

/// A span from this length on counts as a long query, so that it does not delay others.
const LONG_MS: i64 = 8 * 86_400_000;

const CALLS: &str = "
    SELECT call.call_id, call.agent, call.campaign, call.started_ms, call.audio_ms, call.segments, call.sentiment,
        CASE call.has_alerts WHEN 0 THEN 0 ELSE (SELECT count(*) FROM alert WHERE alert.call = call.id) END,
        (SELECT count(*) FROM finding WHERE finding.call = call.id),
        review.reviewed_ms, review.disposition, review.positive, review.negative, review.points, review.points_of, review.agent_speech_ms,
        review.caller_speech_ms, review.mixed_speech_ms, review.dead_air_ms, review.silent_end_ms,
        dialer.agent_name, dialer.talk_s, dialer.wait_s, dialer.wrap_s, dialer.dead_s, dialer.pause_s
    FROM call
    LEFT JOIN review ON review.call = call.id
    LEFT JOIN dialer ON dialer.call = call.id
    ";

impl StatisticsFilter {
    fn wanted(&self) -> (String, Vec<Value>) {
        let mut clauses = vec!["call.started_ms >= ?", "call.started_ms < ?"];
        let mut values: Vec<Value> = vec![self.since.0.into(), self.until.0.into()];
        let names = [(NameColumn::Agent, &self.agent), (NameColumn::Campaign, &self.campaign)];
        let conditions = names.into_iter().filter_map(|(column, name)| Some(column.condition(name.as_ref()?)));
        let only = self.only.clone().map(|only| ("call.campaign = ?", vec![Value::from(only)]));
        for (clause, value) in conditions.chain(only) {
            clauses.push(clause);
            values.extend(value);
        }
        (format!("WHERE {}", clauses.join(" AND ")), values)
    }

    pub(super) fn calls_sql(&self) -> (String, Vec<Value>) {
        let (wanted, values) = self.wanted();
        (format!("{CALLS}{wanted}"), values)
    }

    pub(super) fn findings_sql(&self, limit: u32) -> (String, Vec<Value>) {
        let (wanted, mut values) = self.wanted();
        values.push(limit.into());
        let order = "ORDER BY call.started_ms DESC, call.id DESC LIMIT ?";
        (format!(concat!(findings!(), "{} {}"), wanted, order), values)
    }

    /// Brings the names into the spellings that the database has.
    fn spell(&mut self, db: &Connection) -> rusqlite::Result<()> {
        NameColumn::Agent.spelled(db, &mut self.agent)?;
        NameColumn::Campaign.spelled(db, &mut self.campaign)
    }

    fn is_long(&self) -> bool {
        self.until.0 - self.since.0 > LONG_MS
    }
}

fn counted(row: &Row) -> rusqlite::Result<CountedCall> {
    let is_reviewed = row.get::<_, Option<i64>>(9)?.is_some();
    let reviewed = is_reviewed.then(|| {
        Ok::<_, rusqlite::Error>(CountedReview {
            disposition: row.get(10)?,
            positive: row.get(11)?,
            negative: row.get(12)?,
            points: row.get(13)?,
            points_of: row.get(14)?,
            speech_ms: [row.get(15)?, row.get(16)?, row.get(17)?],
            dead_air_ms: row.get(18)?,
            silent_end_ms: row.get(19)?,
        })
    });
    Ok(CountedCall {
        call_id: row.get(0)?,
        agent: row.get(1)?,
        campaign: row.get(2)?,
        started_ms: row.get(3)?,
        audio_ms: row.get(4)?,
        segments: row.get(5)?,
        sentiment: row.get(6)?,
        alerts: row.get(7)?,
        findings: row.get(8)?,
        reviewed: reviewed.transpose()?,
        agent_name: row.get(20)?,
        dialed_s: [row.get(21)?, row.get(22)?, row.get(23)?, row.get(24)?, row.get(25)?],
    })
}

impl Store {
    /// The sums over these calls.
    pub async fn statistics(&self, mut filter: StatisticsFilter) -> Result<Statistics, StoreError> {
        self.read_for(filter.is_long(), move |db| {
            filter.spell(db)?;
            let mut all = Statistics::new(filter.zone.clone());
            let (sql, values) = filter.calls_sql();
            let mut query = db.prepare_cached(&sql)?;
            let mut rows = query.query(params_from_iter(values))?;
            while let Some(row) = rows.next()? {
                all.add(&counted(row)?);
            }
            Ok(all.done())
        })
        .await
    }

    /// Where the dispositions of these calls do not go with what was said, the newest first, at most `limit`.
    pub async fn findings_among(
        &self,
        mut filter: StatisticsFilter,
        limit: u32,
    ) -> Result<Vec<FindingRow>, StoreError> {
        self.read_for(filter.is_long(), move |db| {
            filter.spell(db)?;
            let (sql, values) = filter.findings_sql(limit);
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), finding)?.collect()
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::store::reviews;

    const DAY_MS: i64 = 86_400_000;

    fn week() -> StatisticsFilter {
        StatisticsFilter {
            since: WallTime(0),
            until: WallTime(7 * DAY_MS),
            agent: None,
            campaign: None,
            only: None,
            zone: TimeZone::UTC,
        }
    }

    /// A week of 20,000 calls of 100 agents and 5 campaigns, and three weeks before and after that nobody asks for.
    const CALLS: &str = "
        WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 80000)
        INSERT INTO call
            (id, call_id, source, state, started_ms, last_activity_ms, agent, campaign, audio_ms, segments, sentiment, has_alerts, figures)
        SELECT i + 1, 'c.' || i, 'recording', 'completed', (i - 20000) * 30240, 0, 1000 + i % 100, 'CAMP' || (i % 5), 60000, 10,
            (i % 21 - 10) / 10.0, i % 50 = 0, hex(randomblob(400))
        FROM n;
        INSERT INTO review
            (call, disposition, positive, negative, points, points_of, agent_speech_ms, caller_speech_ms, mixed_speech_ms, dead_air_ms,
             silent_end_ms, reviewed_ms)
        SELECT id, CASE id % 4 WHEN 0 THEN 'SALE' WHEN 1 THEN 'NI' WHEN 2 THEN 'DNC' END, 4, 2, id % 80, 100, 20000, 25000, NULL, 5000, 1000, 0
        FROM call;
        INSERT INTO dialer (call, system, agent_name, talk_s, wait_s, wrap_s, dead_s, asked_ms, tries, complete)
        SELECT id, 'vicidial', 'Agent ' || agent, 55, 10, 8, 2, 0, 1, 1 FROM call;
        INSERT INTO alert (call, raised_ms, level, origin, rules, start_ms, end_ms, text, risk)
        SELECT id, 0, 'urgent', 'x', '[]', 0, 0, '', 0 FROM call WHERE has_alerts;
        DELETE FROM review_due;";

    #[tokio::test]
    async fn a_week_of_20_000_calls_is_summed_by_indexes_alone() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        store.writer().run(|db| db.execute_batch(CALLS)).await.expect("rows");
        let (one, camp) = (Some(AnyCase::from("1007")), Some(AnyCase::from("CAMP2")));
        let spellings = Some(AnyCase(vec!["CAMP2".into(), "camp2".into()]));
        let only = Some("CAMP2".to_owned());
        let filters = [
            week(),
            StatisticsFilter { agent: one.clone(), ..week() },
            StatisticsFilter { campaign: camp.clone(), ..week() },
            StatisticsFilter { only: only.clone(), ..week() },
            StatisticsFilter { agent: one.clone(), campaign: camp.clone(), only: only.clone(), ..week() },
            StatisticsFilter { agent: one.clone(), campaign: spellings, only, ..week() },
        ];
        let mut queries: Vec<(String, Vec<Value>)> =
            filters.iter().flat_map(|filter| [filter.calls_sql(), filter.findings_sql(50)]).collect();
        queries.extend(
            [reviews::OF_CALL, reviews::NOTED, reviews::REVIEW, reviews::DUE].map(|sql| (sql.into(), vec![1.into()])),
        );
        let plans = store.read(move |db| {
            let mut plans = Vec::new();
            for (sql, values) in &queries {
                let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let mut rows = statement.query(params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    plans.push((sql.clone(), row.get::<_, String>(3)?));
                }
            }
            Ok(plans)
        });
        for (sql, step) in plans.await.expect("plans") {
            let is_scan = step.starts_with("SCAN") && !step.contains("VIRTUAL TABLE");
            assert!(!is_scan && !step.contains("TEMP B-TREE"), "{step}\n{sql}");
        }
        let began = Instant::now();
        let all = store.statistics(week()).await.expect("query");
        let took = began.elapsed();
        let began = Instant::now();
        let agent = store.statistics(filters[1].clone()).await.expect("query");
        println!("20,000 calls in {took:?}, one agent's week in {:?}", began.elapsed());
        assert_eq!(
            (all.all.all.calls, all.agents.len(), all.campaigns.len(), all.dispositions.len()),
            (20_000, 100, 5, 4)
        );
        assert_eq!((all.all.days.len(), all.all.all.alerts, all.all.all.dialed_s[2].sum()), (7, 400, Some(160_000)));
        assert_eq!((agent.all.all.calls, agent.all.name.as_deref()), (200, Some("Agent 1007")));
        assert_eq!(agent.all.all.speech_ms[2].sum(), None);
        let typed =
            store.statistics(StatisticsFilter { campaign: Some("camp2".into()), ..week() }).await.expect("query");
        assert_eq!(typed.all.all.calls, 4000, "a name is one in every case");
        let other = StatisticsFilter { campaign: camp, only: Some("CAMP1".into()), ..week() };
        assert_eq!(
            store.statistics(other).await.expect("query").all.all.calls,
            0,
            "of another campaign there is nothing"
        );
    }
}
