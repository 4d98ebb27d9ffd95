//! A big day from its rows to its report, and a day without a dialer's database.

use std::time::Instant;

use super::*;
use crate::store::Store;

const DAY: &str = "2026-11-23";
/// A day of a big floor.
const CALLS: i64 = 20_000;

fn now() -> WallTime {
    let day: LocalDay = DAY.parse().expect("a day");
    WallTime(day.span().1.0 + 6 * 3_600_000)
}

fn rules() -> CoverageRules {
    CoverageRules { min_call_s: 10, unrecorded: Vec::new() }
}

/// Calls of a minute, one every four seconds, each heard on two legs with five utterances a leg. Every thousandth was not recorded.
async fn fill(store: &Store, begin: i64) {
    store
        .writer()
        .run(move |db| {
            let step = db.transaction()?;
            step.execute_batch(&format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {CALLS})
                 INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, agent, campaign, uniqueid, audio_ms)
                 SELECT i, '1795218045.' || i, 'audiosocket', 'completed', {begin} + i * 4000, 0, i % 300, 'C' || i % 10, '1795218045.' || i, 60000
                 FROM n
                 WHERE i % 1000 <> 0;
                 INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned)
                 SELECT call.id * 2 + side.value, call.id, CASE side.value WHEN 0 THEN 'agent' ELSE 'caller' END, 'audiosocket', 8000, started_ms, 0, 'x', 1
                 FROM call, json_each('[0, 1]') AS side;
                 INSERT INTO utterance (call, leg, start_sample, end_sample, start_ms, end_ms, state)
                 SELECT call, leg.id, place.value * 8000, place.value * 8000 + 4000, 0, 0, CASE place.value WHEN 0 THEN 'empty' ELSE 'done' END
                 FROM leg, json_each('[0, 1, 2, 3, 4]') AS place;"
            ))?;
            step.commit()
        })
        .await
        .expect("filled");
    let call = |i: i64| CallOfDay {
        key: format!("1795218045.{i}"),
        started: WallTime(begin + i * 4000),
        expected_s: Some(60),
        uniqueid: Some(format!("1795218045.{i}")),
        agent: Some((i % 300).to_string()),
        campaign: Some(format!("C{}", i % 10)),
    };
    let recording = |i: i64| RecordingOfDay {
        key: i.to_string(),
        call: Some(format!("1795218045.{i}")),
        id: Some(i),
        name: format!("20261123-101500_{i}"),
        started: WallTime(begin + i * 4000),
        recorded_s: Some(60),
        ended: Some(WallTime(begin + i * 4000 + 60_000)),
        file: Some((format!("/var/spool/asterisk/monitorDONE/20261123-101500_{i}-all.wav"), 960_044)),
        ..RecordingOfDay::default()
    };
    let numbers = || (1..=CALLS).filter(|i| i % 1000 != 0);
    let (source, left_out) = (CoverageSource::Vicidial, Vec::new());
    let read = DayRead { day: DAY.into(), source, read: now(), unanswered: 7, left_out };
    let (calls, recordings) = ((1..=CALLS).map(call).collect(), numbers().map(recording).collect());
    store.note_day(read, calls, recordings).await.expect("noted");
}

#[tokio::test]
async fn a_day_of_20_000_calls_is_compared_soon_and_each_call_is_a_row() {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    let day: LocalDay = DAY.parse().expect("a day");
    fill(&store, day.span().0.0).await;
    let coverage = Coverage::new(store.for_people(), None, true, rules(), now);
    let wanted = WantedRows { limit: 100_000, ..WantedRows::default() };
    let began = Instant::now();
    let report = coverage.report(day, &wanted).await.expect("a report");
    let took = began.elapsed();
    println!("coverage of a day of {CALLS} calls: {took:?}, 40,000 legs, 200,000 utterances");
    assert_eq!(report.calls.len(), CALLS as usize);
    assert_eq!((report.counts.missing, report.counts.complete, report.faults), (20, 19_980, 20));
    assert_eq!((report.source, report.unanswered, report.problem), (Some(CoverageSource::Vicidial), Some(7), None));

    let campaign = WantedRows { campaign: Some("C0".into()), limit: 15, ..WantedRows::default() };
    let report = coverage.report(day, &campaign).await.expect("a report");
    assert_eq!((report.counts.missing, report.counts.complete, report.unanswered), (20, 1980, None));
    assert_eq!((report.calls.len(), report.next_offset), (15, Some(15)));
    assert!(report.calls.iter().all(|row| row.campaign.as_deref() == Some("C0")));
    let rest = WantedRows { only_faults: true, offset: 15, ..campaign };
    let report = coverage.report(day, &rest).await.expect("a report");
    assert_eq!((report.calls.len(), report.next_offset), (5, None));
    store.writer().stop();
}

/// A dialer whose database does not let everything be read; then it answers no more.
fn in_part() -> DialerDays {
    let (ask, mut asked) = mpsc::channel::<AskedDay>(1);
    tokio::spawn(async move {
        let mut answers = vec![
            Err("the database is away".to_owned()),
            Ok(ToldDay {
                unanswered: 3,
                left_out: vec!["call_log: denied; `GRANT SELECT`".into(), "the agents' log: locked".into()],
                ..ToldDay::default()
            }),
        ];
        while let Some(asked) = asked.recv().await {
            let _ = asked.reply.send(answers.pop().unwrap_or_else(|| Err("asked once too often".into())));
        }
    });
    DialerDays { source: CoverageSource::Vicidial, ask }
}

#[tokio::test]
async fn what_could_not_be_read_of_a_day_is_told_each_time_that_it_is_asked_for() {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    let day: LocalDay = DAY.parse().expect("a day");
    let wanted = WantedRows { limit: 10, ..WantedRows::default() };
    let coverage = Coverage::new(store.for_people(), Some(in_part()), false, rules(), now);
    let told = Some("left out of this day: call_log: denied; `GRANT SELECT`; the agents' log: locked".to_owned());
    for _ in 0..2 {
        let report = coverage.report(day, &wanted).await.expect("a report");
        assert_eq!((report.source, report.unanswered), (Some(CoverageSource::Vicidial), Some(3)), "the day is kept");
        assert_eq!(report.problem, told, "read again, and from the rows that were kept");
    }
    // A minute later the day is read again, and cannot be.
    let later = || WallTime(now().0 + 61_000);
    let coverage = Coverage { now: later, ..coverage };
    let report = coverage.report(day, &wanted).await.expect("a report");
    let problem = report.problem.unwrap_or_default();
    assert!(problem.starts_with("the database is away; the last reading left out: call_log"), "{problem}");
    store.writer().stop();
}

#[tokio::test]
async fn without_a_dialers_database_the_calls_are_those_of_which_the_pbx_told() {
    use crate::call::pbx::{PbxEvent, PbxEventKind};
    use crate::store::change::Change;
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    let day: LocalDay = DAY.parse().expect("a day");
    let begin = day.span().0.0 + 36_000_000;
    let event = |call: &str, at: i64, kind: PbxEventKind, detail: Option<&str>| {
        let (call, detail) = (call.to_string(), detail.map(Into::into));
        let at = WallTime(begin + at * 1000);
        Change::PbxEvent(PbxEvent { call, at, kind, leg: None, channel: "PJSIP/1001-1".into(), detail })
    };
    let changes = vec![
        event("1.1", 0, PbxEventKind::QueueJoined, Some("support")),
        event("1.1", 20, PbxEventKind::AgentConnected, Some("Anna")),
        event("1.1", 80, PbxEventKind::HungUp, None),
        event("1.2", 0, PbxEventKind::QueueJoined, Some("support")),
        event("1.2", 9, PbxEventKind::HungUp, None),
    ];
    store.writer().commit(changes).await.expect("told");
    let wanted = WantedRows { limit: 10, ..WantedRows::default() };
    let nobody = Coverage::new(store.clone(), None, false, rules(), now);
    let report = nobody.report(day, &wanted).await.expect("a report");
    assert!(report.source.is_none() && report.problem.expect("why").contains("[dialer]"));
    let coverage = Coverage::new(store.clone(), None, true, rules(), now);
    let report = coverage.report(day, &wanted).await.expect("a report");
    assert_eq!((report.source, report.unanswered), (Some(CoverageSource::Ami), Some(1)));
    let [row] = report.calls.as_slice() else { panic!("{report:?}") };
    assert_eq!((row.state, row.expected_seconds), (CoverageState::Missing, Some(60)));
    assert_eq!((row.agent.as_deref(), row.campaign.as_deref()), (Some("Anna"), Some("support")));
    store.writer().stop();
}
