//! The store as a whole: what goes in comes out, nothing twice, no query without an index, clear refusals.

use super::calls::{CallFilter, Which};
use super::change::*;
use super::privacy::PrivacyChange;
use super::segments::{QueryError, SearchFilter, fts_query};
use super::which::PhoneNumber;
use super::*;
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, Source, UtteranceKey, WallTime};
use crate::contract::message::{SegmentSaid, SentimentKind};

pub(super) fn call(key: i64, id: &str, started: i64) -> Change {
    Change::CallOpened(NewCall {
        key: CallKey(key),
        id: CallId::from_lossy(id),
        source: Source::Audiosocket,
        mode: crate::call::ProcessingMode::default(),
        started: WallTime(started),
        names: CallNames { agent: Some("mary".into()), ..CallNames::default() },
    })
}

pub(super) fn leg(key: i64, call: i64, started: i64) -> Change {
    Change::LegOpened(NewLeg {
        key: LegKey(key),
        call: CallKey(call),
        leg: Leg::Caller,
        source: Source::Audiosocket,
        rate_hz: 8000,
        started: WallTime(started),
        offset: CallTime(0),
        path: "/x.wav".into(),
        channel: 0,
        owned: true,
        peer: None,
    })
}

pub(super) fn utterance(key: i64, call: i64, leg: i64, start: u64) -> Change {
    Change::UtteranceFound(NewUtterance {
        key: UtteranceKey(key),
        call: CallKey(call),
        leg: LegKey(leg),
        start_sample: start,
        end_sample: start + 8000,
        start: CallTime(start as i64 / 8),
        end: CallTime(start as i64 / 8 + 1000),
        state: UtteranceState::Pending,
    })
}

pub(super) fn done(key: i64, text: &str) -> Vec<Change> {
    let segment = NewSegment {
        start: CallTime(100),
        end: CallTime(900),
        text: text.into(),
        confidence: 0.9,
        language: None,
        words: Vec::new(),
        compound: Some(-0.5),
        pos: 0.0,
        neu: 0.5,
        neg: 0.5,
        sender_sentiment: None,
        label: "negative".into(),
        keywords: vec![TermRow { term: "cancel".into(), label: "cancellation".into() }],
        profanity: Vec::new(),
    };
    let message = Message::Segment(Box::new(SegmentSaid {
        kind: SentimentKind::It,
        call_id: "a.1".into(),
        text: text.into(),
        timestamp: WallTime(1).rfc3339(),
        start_time: 0.1,
        end_time: 0.9,
        speaker: Leg::Caller.into(),
        leg: Leg::Caller,
        agent: None,
        sentiment_score: Some(-0.5),
        sentiment_label: "negative".into(),
        sender_sentiment: None,
        confidence: 0.9,
        keywords_detected: Vec::new(),
        profanity_detected: Vec::new(),
        rolling_sentiment: None,
        risk_score: 0.0,
    }));
    let event = NewEvent { call: None, at: WallTime(1), message };
    vec![
        Change::UtteranceDone {
            utterance: UtteranceKey(key),
            state: UtteranceState::Done,
            segments: vec![segment],
            note: None,
            engine: "test/none".into(),
            took_ms: 1,
            at: WallTime(5000),
            lag_ms: Some(800),
        },
        Change::Event(event),
    ]
}

pub(super) fn open() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    (folder, store)
}

#[tokio::test]
async fn text_is_written_once_published_once_and_found_again() {
    let (_folder, store) = open();
    let mut live = store.live();
    store.writer().push(vec![call(1, "a.1", 1000), leg(1, 1, 1000), utterance(1, 1, 1, 0)]).await.expect("push");
    store.writer().push(vec![utterance(2, 1, 1, 0)]).await.expect("the same stretch found again");
    store.writer().push(done(1, "I want to cancel my contract")).await.expect("push");
    store.writer().commit(done(1, "I want to cancel my contract")).await.expect("a second time");

    let row = store.call("a.1").await.expect("query").expect("there");
    assert_eq!((row.agent.as_deref(), row.has_alerts, row.last_activity), (Some("mary"), false, WallTime(5000)));
    assert_eq!(store.segments(row.key).await.expect("query").len(), 1);
    assert_eq!(store.backlog().await.expect("query").0, 0);
    let filter =
        SearchFilter { query: fts_query("contract cancel").expect("words"), limit: 10, ..SearchFilter::default() };
    let hits = store.search(filter).await.expect("query");
    assert_eq!(hits[0].snippet, "I want to <b>cancel</b> my <b>contract</b>");
    let told: serde_json::Value = serde_json::from_str(&live.recv().await.expect("event").payload).expect("JSON");
    assert_eq!((&told["type"], &told["text"]), (&"sentiment".into(), &"I want to cancel my contract".into()));
    assert!(live.try_recv().is_err(), "published once");
    assert_eq!(store.events_after(0, None, 10).await.expect("query").len(), 1);
}

#[tokio::test]
async fn a_call_that_turns_out_to_be_another_keeps_its_times_and_its_old_name() {
    let (_folder, store) = open();
    store.writer().push(vec![call(1, "uuid-1", 4000), leg(1, 1, 4000), utterance(1, 1, 1, 0)]).await.expect("push");
    store.writer().push(done(1, "hello")).await.expect("push");
    store.writer().push(vec![call(2, "b.2", 1000), leg(2, 2, 1000)]).await.expect("push");
    store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
    let row = store.call("uuid-1").await.expect("query").expect("by its old name");
    assert_eq!(row.call_id, "b.2");
    assert_eq!(store.segments(row.key).await.expect("query")[0].start_ms, 3100);
    assert_eq!(
        store.legs(row.key).await.expect("query").iter().map(|leg| leg.offset_ms).collect::<Vec<_>>(),
        [3000, 0]
    );
}

#[tokio::test]
async fn a_call_that_was_merged_while_it_was_retranscribed_keeps_its_text_at_its_time() {
    let (_folder, store) = open();
    let over = |call| Change::CallMoved { call, state: CallState::Completed, at: WallTime(9000), reason: None };
    let retranscribe = |read: rewrite::AsRead| {
        let segments = done(1, "hallo").into_iter().find_map(|change| match change {
            Change::UtteranceDone { segments, .. } => Some(segments),
            _ => None,
        });
        let text = rewrite::Rewritten {
            utterance: UtteranceKey(1),
            state: UtteranceState::Done,
            segments: segments.expect("text"),
            note: None,
            engine: "other/none".into(),
            took_ms: 1,
        };
        store.rewrite(read, rewrite::NewText { texts: vec![text], ..Default::default() }, WallTime(9500))
    };
    let said = async || {
        let rows = store.segments(CallKey(2)).await.expect("query");
        rows.iter().map(|row| (row.start_ms, row.text.clone())).collect::<Vec<_>>()
    };
    store.writer().push(vec![call(2, "b.2", 4000), leg(2, 2, 4000), utterance(1, 2, 2, 0)]).await.expect("push");
    store.writer().push(done(1, "hello")).await.expect("push");
    store.writer().commit(vec![over(CallKey(2))]).await.expect("commit");
    // One that began earlier moves its times.
    let (read, _) = store.stretches(CallKey(2)).await.expect("query");
    store.writer().push(vec![call(1, "a.1", 1000), leg(1, 1, 1000)]).await.expect("push");
    store.writer().commit(vec![Change::CallMerged { from: CallKey(1), into: CallKey(2) }]).await.expect("merge");
    assert!(!retranscribe(read).await.expect("answer"), "its times are not those of the call any more");
    assert_eq!(said().await, [(3100, "hello".into())]);
    // One that began later brings text that the figures do not know.
    let (read, _) = store.stretches(CallKey(2)).await.expect("query");
    let later = vec![call(3, "c.3", 6000), leg(3, 3, 6000), utterance(2, 3, 3, 0)];
    store.writer().push(later).await.expect("push");
    store.writer().commit(vec![Change::CallMerged { from: CallKey(3), into: CallKey(2) }]).await.expect("merge");
    assert!(!retranscribe(read).await.expect("answer"), "there is more of it now");
    let (read, stretches) = store.stretches(CallKey(2)).await.expect("query");
    assert_eq!((read.started, stretches.len()), (WallTime(1000), 2));
    assert!(retranscribe(read).await.expect("answer"));
    assert_eq!(said().await, [(100, "hallo".into())]);
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_overlap() {
    let (_folder, store) = open();
    let calls = (1..=25).map(|i| call(i, &format!("c.{i}"), i / 3)).collect();
    store.writer().commit(calls).await.expect("commit");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = store.list_calls(CallFilter { limit: 10, after, ..CallFilter::default() }).await.expect("query");
        let Some(last) = page.last() else { break };
        after = Some((last.started.0, last.key.0));
        seen.extend(page.iter().map(|row| row.key.0));
    }
    assert_eq!(seen, (1..=25).rev().collect::<Vec<_>>());
}

#[test]
fn a_database_of_any_earlier_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().expect("temp dir");
    for earlier in 1..=6 {
        let path = folder.path().join(format!("{earlier}.db"));
        let mut db = rusqlite::Connection::open(&path).expect("open");
        migrations().to_version(&mut db, earlier).expect("earlier");
        db.execute("INSERT INTO call (call_id, source, state, started_ms, last_activity_ms) VALUES ('a', 'eagi', 'active', 0, 0)", [])
            .expect("call");
        drop(db);
        let db = open_writing(&path).expect("up to date");
        let calls: i64 = db.query_row("SELECT count(*) FROM call", [], |row| row.get(0)).expect("calls");
        let tokens: i64 = db.query_row("SELECT count(*) FROM token", [], |row| row.get(0)).expect("tokens");
        assert_eq!((calls, tokens), (1, 0), "from {earlier}");
    }
}

#[test]
fn the_live_text_of_an_earlier_version_is_kept_with_its_stretch_and_goes_as_before() {
    /// The last version that had it by utterance.
    const BEFORE: usize = 28;
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("earlier.db");
    let mut db = rusqlite::Connection::open(&path).expect("open");
    migrations().to_version(&mut db, BEFORE).expect("earlier");
    db.execute_batch(
        "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms) VALUES (1, 'a', 'eagi', 'completed', 0, 0);
         INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'eagi', 8000, 0, 0, '', 1);
         INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
         VALUES (1, 1, 1, 0, 8000, 0, 1000, 'done'), (2, 1, 1, 9000, 16000, 1125, 2000, 'done');
         INSERT INTO segment (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
         VALUES (1, 1, 1, 1, 0, 900, 'now', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]');
         INSERT INTO live_text
             (segment, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
         VALUES (8, 1, 1, 1, 0, 900, 'then', 1, '[]', 0.5, 0, 1, 0, 'unavailable', '[]', '[]'),
             (9, 1, 1, 2, 1125, 1900, 'later', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]');",
    )
    .expect("rows");
    drop(db);
    let db = open_writing(&path).expect("up to date");
    let left = || -> Vec<(i64, i64, i64, Option<f64>)> {
        let mut query =
            db.prepare("SELECT segment, start_sample, end_sample, score FROM live_text ORDER BY id").expect("query");
        let row = |row: &rusqlite::Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        query.query_map([], row).expect("query").collect::<Result<_, _>>().expect("rows")
    };
    let (then, later) = ((8, 0, 8000, None), (9, 9000, 16_000, Some(0.0)));
    assert_eq!(left(), [then, later]);
    db.execute("DELETE FROM utterance WHERE id = 2", []).expect("replaced");
    assert_eq!(left(), [then, later], "it does not hang on its utterance");
    db.execute("UPDATE segment SET text = '[card]' WHERE id = 1", []).expect("reworded");
    assert_eq!(left(), [later]);
    db.execute(
        "INSERT INTO silence (leg, start_sample, end_sample, why, at_ms) VALUES (1, 15999, NULL, 'pause', 0)",
        [],
    )
    .expect("silenced");
    assert_eq!(left(), []);
}

/// What lists, the search and alerts ask with every combination of filters, and how many values that takes.
fn filtered() -> Vec<(String, usize)> {
    let mut queries = Vec::new();
    for bits in 0..2048_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let which = Which {
            state: on(0).then_some(CallState::Active),
            agent: on(1).then(|| "a".into()),
            campaign: on(2).then(|| "c".into()),
            since: on(3).then_some(WallTime(1)),
            until: on(4).then_some(WallTime(2)),
            min_sentiment: on(5).then_some(0.0),
            max_sentiment: on(6).then_some(0.0),
            min_score: on(5).then_some(0.0),
            max_score: on(6).then_some(0.0),
            has_agent: on(7).then_some(false),
            has_alerts: on(7).then_some(true),
            sla_breached: on(7).then_some(true),
            only: on(9).then(|| "c".into()),
            tag: on(10).then(|| "t".into()),
            ..Which::default()
        };
        let search = SearchFilter { query: "\"x\"".into(), which: which.clone(), limit: 1, ..SearchFilter::default() };
        let list = CallFilter { which, after: on(8).then_some((1, 1)), limit: 10 };
        for (sql, values) in [list.sql(), search.sql()] {
            queries.push((sql, values.len()));
        }
    }
    for bits in 0..32_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let which = Which {
            lead: on(0).then(|| "l".into()),
            phone: on(1).then(|| PhoneNumber::Digits("2079460958".into())),
            uniqueid: on(2).then(|| "1795218045".into()),
            agent: on(3).then(|| "a".into()),
            since: on(4).then_some(WallTime(1)),
            ..Which::default()
        };
        let search = SearchFilter { query: "\"x\"".into(), which: which.clone(), limit: 1, ..SearchFilter::default() };
        let list = CallFilter { which, limit: 10, ..CallFilter::default() };
        for (sql, values) in [list.sql(), search.sql()] {
            queries.push((sql, values.len()));
        }
    }
    for bits in 0..2048_u32 {
        let on = |bit: u32| bits & (1 << bit) != 0;
        let which = Which {
            agent: on(4).then(|| "a".into()),
            campaign: on(5).then(|| "c".into()),
            only: on(6).then(|| "c".into()),
            ..Which::default()
        };
        let filter = alerts::AlertFilter {
            call: on(0).then_some(CallKey(1)),
            level: on(1).then(|| "urgent".into()),
            acknowledged: on(2).then_some(false),
            since: on(3).then_some(WallTime(1)),
            until: on(7).then_some(WallTime(2)),
            after: on(8).then_some((1, 1)),
            live: on(9).then_some(true),
            rule: on(10).then(|| "r".into()),
            which,
            limit: 10,
        };
        let (sql, values) = filter.sql();
        queries.push((sql, values.len()));
    }
    queries
}

/// Queries of stages, of the text before a call was transcribed again, and of single transcripts.
fn of_finished_calls() -> Vec<(String, usize)> {
    let fixed = [
        (segments::LIVE, 1),
        (segments::AGAIN, 1),
        (stages::DUE, 4),
        (stages::OF_CALL, 1),
        (stages::RESULT, 2),
        (stages::OPEN, 0),
        (stages::OPEN_CALLS, 0),
        (stages::ENDED, 1),
        (stages::RUNNING_CALLS, 0),
        (analyses::BY_ID, 1),
    ];
    fixed.into_iter().map(|(sql, count)| (sql.to_owned(), count)).chain([(segments::never_again(), 1)]).collect()
}

/// Queries of reviews, disputes and the queue.
fn of_reviewers() -> Vec<(String, usize)> {
    let which = calls::Which { since: Some(WallTime(1)), campaign: Some("a".into()), ..calls::Which::default() };
    let mut all = vec![score_reviews::judged_sql(&which, Some("mary"))];
    for missed in [None, Some("r".to_owned())] {
        for which in [which.clone(), calls::Which { since: Some(WallTime(1)), ..calls::Which::default() }] {
            all.push(review_queue::UnreviewedFilter { which, reviewer: "mary".into(), missed: missed.clone() }.sql());
        }
    }
    let state = Some(crate::contract::quality::DisputeState::Open);
    for filter in [
        disputes::DisputeFilter { call: Some(crate::call::CallKey(1)), limit: 9, ..Default::default() },
        disputes::DisputeFilter { state, only: Some("a".into()), limit: 9, ..Default::default() },
        disputes::DisputeFilter { limit: 9, ..Default::default() },
    ] {
        all.push(filter.sql());
    }
    for reader in [
        score_reviews::ReviewReader::Admin,
        score_reviews::ReviewReader::Reviewer("mary".into()),
        score_reviews::ReviewReader::Agent,
    ] {
        for only in [None, Some("a".into())] {
            all.push(reviewed::ReviewedFilter { agent: "1001".into(), only, reader: reader.clone(), limit: 9 }.sql());
        }
    }
    all.into_iter().map(|(sql, values)| (sql, values.len())).collect()
}

fn of_events_and_calls() -> Vec<(String, usize)> {
    vec![
        (rows::events::AFTER.into(), 2),
        (rows::events::OF_CALL.into(), 3),
        (rows::events::LAST.into(), 0),
        (calls::BY_ID.into(), 1),
        (calls::BY_ALIAS.into(), 1),
        (calls::OPEN.into(), 0),
        (calls::LEGS.into(), 1),
        (calls::HEARD_TO.into(), 1),
        (calls::WAITING.into(), 0),
        (calls::OLDEST_WAITING.into(), 1),
        (segments::of_call(), 1),
        (rows::recordings::BY_FILE.into(), 3),
        (rows::recordings::BY_CONTENT.into(), 2),
        (recovery::COMPOUNDS.into(), 1),
        (recovery::LEGS.into(), 1),
        (recovery::SILENCES.into(), 0),
        (recovery::UTTERANCES.into(), 0),
        (recovery::CALLS.into(), 0),
        (rows::privacy::OF_LEG.into(), 1),
        (rows::privacy::TO_DO.into(), 0),
        (rows::privacy::TEXTS.into(), 1),
        (rows::privacy::HOLD.into(), 1),
        (retention::OLD_AUDIO.into(), 4),
        (retention::UNNAME.into(), 1),
    ]
}

#[tokio::test]
async fn every_query_of_the_api_uses_an_index() {
    let (_folder, store) = open();
    let mut queries = of_events_and_calls();
    queries.extend(filtered());
    queries.extend(fetches::queries());
    queries.extend(of_finished_calls());
    queries.extend(of_reviewers());
    queries.extend([
        (rows::alerts::OPEN.into(), 1),
        (rows::alerts::SPEECH.into(), 1),
        (board::HUNG_UP.into(), 3),
        (segments::SPOKEN.into(), 1),
        (corrections::OF_CALL.into(), 1),
        (corrections::ANY.into(), 1),
        (tags::REASONS.into(), 1),
        (score_reviews::OF_CALL.into(), 1),
        (score_reviews::POINTS.into(), 1),
        (score_reviews::FLAGGED.into(), 1),
        (score_reviews::WRITTEN.into(), 1),
        (reports::LAST.into(), 0),
        (doubled::OF_CALL.into(), 2),
        (doubled::SINCE.into(), 2),
        (rewrite::STARTED.into(), 1),
        (rewrite::STRETCHES.into(), 1),
        (rewrite::KEPT.into(), 1),
        (rewrite::WITHOUT_SOUND.into(), 1),
        (rows::notifications::DUE.into(), 3),
        (rows::dialer_writes::DUE.into(), 3),
        (dialer_writes::NEWS.into(), 0),
        (dialer_writes::ALL.into(), 3),
        (dialer_writes::OF_STATE.into(), 3),
        (calls::RUNNING_OF_AGENT.into(), 0),
        (lookup::BY_UNIQUEID.into(), 1),
        (lookup::BY_SECOND.into(), 1),
        (lookup::BY_LEAD.into(), 1),
        (lookup::BY_RECORDING.into(), 1),
    ]);
    for number in ["02079460958", "460958", "1001"] {
        let (sql, values) = lookup::by_phone(&which::PhoneNumber::read(number).expect("a number"));
        queries.push((sql, values.len()));
    }
    let looked_at = queries.len();
    let plans = store
        .read(move |db| {
            let mut plans = Vec::new();
            for (sql, count) in &queries {
                let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
                let values = std::iter::repeat_n(rusqlite::types::Value::Null, *count);
                let mut rows = statement.query(rusqlite::params_from_iter(values))?;
                while let Some(row) = rows.next()? {
                    plans.push((sql.clone(), row.get::<_, String>(3)?));
                }
            }
            Ok(plans)
        })
        .await
        .expect("plans");
    for (sql, step) in &plans {
        let bare_scan = step.starts_with("SCAN")
            && !["USING INDEX", "USING COVERING INDEX", "CONSTANT ROW"].iter().any(|how| step.contains(how));
        // That table has one row for each table that counts its rows.
        let few_rows = step == "SCAN sqlite_sequence";
        assert!(!bare_scan || few_rows || step.contains("VIRTUAL TABLE INDEX"), "{step}\n{sql}");
        assert!(
            !step.contains("TEMP B-TREE") || sql.contains("state IN") || sql == recovery::COMPOUNDS,
            "{step}\n{sql}"
        );
    }
    assert!(plans.len() >= looked_at);
}

#[tokio::test]
async fn a_second_daemon_a_foreign_file_and_a_newer_database_are_refused_with_what_to_do() {
    let (folder, store) = open();
    let refusal = |result: Result<(Store, recovery::Recovery), StoreError>| result.err().expect("refused").to_string();
    assert!(refusal(Store::open(folder.path())).contains("another lineside is running"));
    store.writer().stop();
    drop(store);

    let other = tempfile::tempdir().expect("temp dir");
    std::fs::write(other.path().join("lineside.db"), b"this is no database at all, just a long text file")
        .expect("write");
    let text = refusal(Store::open(other.path()));
    assert!(text.contains("not a database") && text.contains("left untouched"), "{text}");

    let newer = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(newer.path()).expect("open");
    store.writer().stop();
    drop(store);
    rusqlite::Connection::open(newer.path().join("lineside.db"))
        .expect("open")
        .pragma_update(None, "user_version", 999)
        .expect("set");
    let files = || {
        let listed = std::fs::read_dir(newer.path()).expect("list").flatten();
        listed
            .map(|entry| (entry.file_name(), std::fs::read(entry.path()).expect("read")))
            .collect::<std::collections::BTreeMap<_, _>>()
    };
    // Its threads close their connections, two at once may leave SQLite's files beside the database, which the next one takes away; then the lock
    // is free.
    let mut tries = 0;
    let mut until = |what: &str, holds: &dyn Fn() -> bool| {
        while !holds() {
            tries += 1;
            assert!(tries < 500, "{what}: {:?}", files().keys());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    until("the store is closed", &|| {
        let db = rusqlite::Connection::open(newer.path().join("lineside.db")).expect("open");
        db.query_row("SELECT count(*) FROM call", [], |row| row.get::<_, i64>(0)).expect("read");
        drop(db);
        files().keys().all(|name| !name.to_string_lossy().contains(".db-"))
    });
    until("the lock is free", &|| !refusal(Store::open(newer.path())).contains("another lineside"));
    let before = files();
    assert!(refusal(Store::open(newer.path())).contains("newer lineside"));
    assert!(files() == before, "a newer database was touched: {:?}", files().keys());

    // And when its daemon was killed, so that the log beside it holds what the file does not.
    let killed = tempfile::tempdir().expect("temp dir");
    let db = rusqlite::Connection::open(newer.path().join("lineside.db")).expect("open");
    db.pragma_update(None, "user_version", 1000).expect("set");
    let names = ["lineside.db", "lineside.db-wal"];
    for name in names {
        std::fs::copy(newer.path().join(name), killed.path().join(name)).expect("copy");
    }
    let bytes = || names.map(|name| std::fs::read(killed.path().join(name)).expect("read"));
    let before = bytes();
    assert!(!before[1].is_empty(), "a log was left");
    assert!(refusal(Store::open(killed.path())).contains("newer lineside"));
    assert!(bytes() == before, "the log of a newer database was touched");

    let text = refusal(Store::open(std::path::Path::new("/proc/no/such/folder")));
    assert!(text.contains("/proc/no/such/folder") && text.contains("writable"), "{text}");
}

#[tokio::test]
async fn a_restart_finds_what_was_left_undone() {
    let (folder, store) = open();
    store
        .writer()
        .push(vec![call(3, "a.1", 1000), leg(5, 3, 1000), utterance(7, 3, 5, 0), utterance(8, 3, 5, 16000)])
        .await
        .expect("push");
    store.writer().commit(done(7, "hello")).await.expect("commit");
    let silenced = |start, end| {
        Change::Privacy(PrivacyChange::Silenced { leg: LegKey(5), start, end, why: "pause", at: WallTime(1) })
    };
    store.writer().commit(vec![silenced(100, Some(200)), silenced(900, None)]).await.expect("commit");
    store.writer().stop();
    drop(store);
    let (_store, recovery) = Store::open(folder.path()).expect("open");
    assert_eq!(recovery.highest, (3, 5, 8));
    assert_eq!(recovery.calls[0].compounds, [(Leg::Caller, Some(-0.5))]);
    assert_eq!((recovery.legs[0].heard_to, recovery.legs[0].closed), (24000, false));
    assert_eq!(recovery.legs[0].silences, [(100, Some(200)), (900, None)]);
    assert_eq!(recovery.utterances.iter().map(|u| u.key.0).collect::<Vec<_>>(), [8]);
}

#[tokio::test]
async fn of_two_pauses_that_were_said_to_begin_at_one_sample_the_later_one_is_moved_first() {
    let (_folder, store) = open();
    let change = |change| Change::Privacy(change);
    let silenced =
        |end| change(PrivacyChange::Silenced { leg: LegKey(5), start: 0, end, why: "pause", at: WallTime(1) });
    let begins = |start| change(PrivacyChange::SilenceBegins { leg: LegKey(5), from: 0, start });
    let ends = change(PrivacyChange::SilenceEnds { leg: LegKey(5), end: 3000 });
    let both = vec![call(3, "a.1", 1000), leg(5, 3, 1000), silenced(None), ends, silenced(None)];
    store.writer().commit(both).await.expect("commit");
    store.writer().commit(vec![begins(8000), begins(1000)]).await.expect("commit");
    let rows = store.silences(LegKey(5)).await.expect("rows");
    let stretches: Vec<_> = rows.iter().map(|row| (row.start, row.end)).collect();
    assert_eq!(stretches, [(1000, Some(3000)), (8000, None)]);
}

#[test]
fn what_people_type_becomes_a_query_that_sqlite_takes() {
    assert_eq!(
        fts_query("can't stop \"right now\" ref*").ok().as_deref(),
        Some("\"can t\" \"stop\" \"right now\" \"ref\"*")
    );
    assert_eq!(fts_query(" \" ( ) ' "), Err(QueryError::Empty));
    assert_eq!(fts_query(&"a* ".repeat(150)).as_deref(), Ok("\"a\"*"), "typed twice is looked for once");
    assert_eq!(fts_query("Refund refund REFUND").as_deref(), Ok("\"refund\""));
    let many: Vec<String> = (0..21).map(|number| format!("word{number}")).collect();
    assert_eq!(fts_query(&many.join(" ")), Err(QueryError::Terms));
    assert_eq!(fts_query("a* b* c* d* e*"), Err(QueryError::Beginnings));
}

/// Files of a folder that hold a text.
fn files_with(folder: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("list").flatten() {
        let bytes = std::fs::read(entry.path()).unwrap_or_default();
        if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

/// Waits until no file holds a text any more; how long that took.
async fn until_overwritten(folder: &Path, text: &str) -> std::time::Duration {
    let began = std::time::Instant::now();
    while !files_with(folder, text).is_empty() {
        assert!(began.elapsed().as_secs() < 60, "{text:?} stays in {:?}", files_with(folder, text));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    began.elapsed()
}

#[tokio::test]
async fn what_was_deleted_is_overwritten_whoever_deletes_it_whoever_reads_and_after_a_crash() {
    let (folder, store) = open();
    let folder = folder.path();
    let said = |key: i64| format!("In confidence, number {key} keeps three parrots");
    for key in 1..=3 {
        let mut changes = vec![call(key, &format!("a.{key}"), 1000), leg(key, key, 1000), utterance(key, key, key, 0)];
        changes.extend(done(key, &said(key)));
        if let Some(Change::Event(event)) = changes.last_mut() {
            event.call = Some(CallKey(key));
        }
        let state = if key == 1 { CallState::Completed } else { CallState::Active };
        changes.push(Change::CallMoved { call: CallKey(key), state, at: WallTime(2000), reason: None });
        store.writer().commit(changes).await.expect("commit");
    }
    for key in 1..=3 {
        assert!(!files_with(folder, &said(key)).is_empty(), "it was there");
    }

    // Deleted because of its age.
    let old = store
        .delete_old_calls(WallTime(9000), retention::OfCampaigns::All, |_| Ok::<_, std::io::Error>(()))
        .await
        .expect("delete");
    assert_eq!((old.calls, old.legs), (vec![CallKey(1)], vec![LegKey(1)]));
    let swept = until_overwritten(folder, &said(1)).await;

    // Corrected while somebody reads; killed before they end.
    let reading = || {
        let reader = connect(store.path(), OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
        reader.execute_batch("BEGIN; SELECT count(*) FROM segment;").expect("read");
        reader
    };
    let reader = reading();
    let reworded = PrivacyChange::Reworded {
        utterance: UtteranceKey(2),
        number: 0,
        before: said(2),
        text: "[removed]".into(),
        words: Vec::new(),
        keywords: Vec::new(),
        profanity: Vec::new(),
        unsaid: crate::call::alert::Unsaid { terms: Vec::new(), instead: "[card]".into() },
    };
    store.writer().commit(vec![Change::Privacy(reworded)]).await.expect("commit");
    let copy = tempfile::tempdir().expect("temp dir");
    for name in ["lineside.db-wal", "lineside.db"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).expect("copy");
    }
    assert!(!files_with(copy.path(), &said(2)).is_empty(), "the reader was in the way");
    let (after_the_crash, _) = Store::open(copy.path()).expect("open");
    assert_eq!(files_with(copy.path(), &said(2)), Vec::<String>::new(), "overwritten by the start");
    drop(after_the_crash);
    drop(reader);
    let corrected = until_overwritten(folder, &said(2)).await;

    // Forgotten while somebody reads.
    let reader = reading();
    let whom = (3, "a.3".to_string());
    store.writer().run(move |db| forget::erase(db, &whom, |_| Ok::<_, std::io::Error>(()))).await.expect("erase");
    let patience = std::time::Duration::from_millis(300);
    assert!(!store.overwritten(patience).await.expect("asked"));
    assert!(!files_with(folder, &said(3)).is_empty());
    drop(reader);
    let forgotten = until_overwritten(folder, &said(3)).await;
    assert!(store.overwritten(patience).await.expect("asked"));
    println!(
        "mended | 41 | swept, corrected and forgotten text stayed in the database or its log, beside a reader for good | overwritten {swept:.0?} \
         after the sweep, {corrected:.0?} and {forgotten:.0?} after the reader ended, and by the start after a kill"
    );
}

#[test]
fn whatever_refers_to_a_row_is_found_by_an_index_when_that_is_deleted() {
    let folder = tempfile::tempdir().expect("temp dir");
    let db = super::open_writing(&folder.path().join("lineside.db")).expect("open");
    // Columns that refer to another table, and stand first in no index or primary key.
    let sql = "
        SELECT t.name || '.' || f.\"from\"
        FROM sqlite_master AS t
        JOIN pragma_foreign_key_list(t.name) AS f
        WHERE t.type = 'table'
            AND NOT EXISTS (
                SELECT 1
                FROM pragma_index_list(t.name) AS i
                JOIN pragma_index_info(i.name) AS c
                WHERE c.seqno = 0 AND c.name = f.\"from\" AND i.partial = 0)
            AND NOT EXISTS (
                SELECT 1
                FROM pragma_table_info(t.name) AS own
                WHERE own.pk = 1 AND own.name = f.\"from\" AND own.type = 'INTEGER')
        ORDER BY 1";
    let bare: Vec<String> =
        db.prepare(sql).and_then(|mut query| query.query_map([], |row| row.get(0))?.collect()).expect("schema");
    assert_eq!(bare, Vec::<String>::new(), "read whole whenever a row that they refer to is deleted");
}

#[tokio::test]
async fn the_last_event_is_the_last_also_when_its_call_was_erased() {
    let folder = tempfile::tempdir().expect("temp dir");
    let (store, _) = Store::open(folder.path()).expect("open");
    assert_eq!(store.last_event().await.expect("query"), 0);
    let rows = "INSERT INTO event (kind, at_ms, payload) VALUES ('call_start', 1, '{}'), ('call_end', 2, '{}');
        DELETE FROM event WHERE kind = 'call_end';";
    store.writer().run(move |db| db.execute_batch(rows)).await.expect("rows");
    assert_eq!(store.last_event().await.expect("query"), 2, "a client that has seen it goes on after it");
}
