//! A kill in each stage of a call that is over, then a start: every stage has its result, once. And what a call was before it was transcribed again.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::bed::{self, Bed};

const STAGES: [&str; 7] = ["transcription", "translation", "entities", "classification", "summary", "qa", "insights"];
/// Rows of a call: each with each of them are so many that counting them takes a second or more.
const SEGMENTS: i64 = 6000;

/// Makes the database slow to write the end of a stage: it counts the call's segments against each other first.
fn slow(path: &Path, stage: &str) {
    let db = Connection::open(path).expect("open");
    let trigger = format!(
        "CREATE TRIGGER slow_stage BEFORE UPDATE OF state ON stage
         WHEN old.state = 'running' AND new.state <> 'running' AND new.stage = '{stage}'
         BEGIN
             SELECT count(*) FROM segment AS one, segment AS other
             WHERE one.call = new.call AND other.call = new.call AND one.id + other.id < 0;
         END"
    );
    db.execute_batch(&trigger).expect("a trigger");
}

/// Makes it as fast as it was.
fn quick(path: &Path) {
    let db = Connection::open(path).expect("open");
    db.busy_timeout(Duration::from_secs(5)).expect("timeout");
    db.execute_batch("DROP TRIGGER slow_stage").expect("a trigger");
}

/// Rows of a call that is over and waits for its stages, as the conductor leaves them.
fn call_that_waits(bed: &Bed, key: i64) -> String {
    let id = format!("1795218045.{key}");
    let mut db = Connection::open(bed.path("state/lineside.db")).expect("open");
    let rows = db.transaction().expect("transaction");
    let add = |sql: &str| rows.execute_batch(sql).expect(sql);
    add(&format!(
        "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, ended_ms, audio_ms, mode)
         VALUES ({key}, '{id}', 'ingest', 'completed', 1795218045000, 1795218045000, 1795218046000, 60000, 'hybrid');
         INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned, closed_ms)
         VALUES ({key}, {key}, 'caller', 'ingest', 8000, 1795218045000, 0, '', 1, 1795218046000);"
    ));
    for number in 0..SEGMENTS {
        let (row, start) = (key * 100_000 + number, number * 2000);
        add(&format!(
            "INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state, engine)
             VALUES ({row}, {key}, {key}, {start}, {start} + 8, {start}, {start} + 900, 'done', 'ingest/test');
             INSERT INTO segment
                 (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             VALUES ({row}, {key}, {key}, {row}, {start}, {start} + 900,
                 'My name is James Walker and I want a refund of {number} dollars on Monday, I promise.', 1, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]');"
        ));
    }
    for (place, stage) in STAGES.iter().enumerate() {
        add(&format!(
            "INSERT INTO stage (call, place, stage, next_ms, queued_ms) VALUES ({key}, {place}, '{stage}', 0, 0);"
        ));
    }
    rows.commit().expect("commit");
    id
}

fn reading(path: &Path) -> Connection {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
    db.busy_timeout(Duration::from_secs(5)).expect("timeout");
    db
}

/// State and tries of a stage.
fn stage(db: &Connection, call: i64, stage: &str) -> (String, i64, Option<i64>) {
    let sql = "SELECT state, tries, done_ms FROM stage WHERE call = ?1 AND stage = ?2";
    db.query_row(sql, (call, stage), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("a row")
}

/// Starts the daemon and does not wait until it answers: its stages begin before that.
fn launch(bed: &mut Bed) {
    let log = File::options().create(true).append(true).open(bed.path("log")).expect("log");
    bed.child = Some(bed.command(&["serve"]).stdin(Stdio::null()).stderr(log).spawn().expect("start"));
}

fn through(bed: &Bed, call: &str) {
    let path = format!("/api/v1/calls/{call}/processing");
    bed.until("the stages are gone through", Duration::from_mins(2), |bed| {
        bed.try_get(&path).is_some_and(|status| status["processing_status"] == "completed")
    });
}

#[test]
fn a_kill_in_each_stage_and_a_start_leave_each_result_once() {
    let mut bed = Bed::new("none", "");
    bed.start();
    bed.stop();
    let path = bed.path("state/lineside.db");
    let mut met = Vec::new();
    // On a busy machine a stage may be over before it is seen: then it is tried again with another call.
    let tries = STAGES.iter().enumerate().flat_map(|stage| std::iter::repeat_n(stage, 6));
    for ((place, victim), key) in tries.zip(1..) {
        if met.contains(victim) {
            continue;
        }
        let call = call_that_waits(&bed, key);
        slow(&path, victim);
        launch(&mut bed);
        let db = reading(&path);
        let began = Instant::now();
        let caught = loop {
            let (state, ..) = stage(&db, key, victim);
            if state != "pending" || began.elapsed() > Duration::from_mins(1) {
                break state;
            }
        };
        bed.crash();
        quick(&path);
        let before: Vec<_> = STAGES.iter().map(|name| stage(&db, key, name)).collect();
        drop(db);
        if before[place].0 == "running" {
            met.push(*victim);
        }
        bed.start();
        through(&bed, &call);
        let db = reading(&path);
        for (name, was) in STAGES.iter().zip(&before) {
            let (state, tries, done) = stage(&db, key, name);
            let wanted = if *name == "translation" { "skipped" } else { "done" };
            assert_eq!(state, wanted, "{name} after a kill in {victim} ({caught})");
            if was.2.is_some() {
                assert_eq!(
                    (tries, done),
                    (was.1, was.2),
                    "{name} was there before the kill in {victim}, and was made again"
                );
            } else {
                assert_eq!(tries, was.1 + 1, "{name} was made once after the kill in {victim}");
            }
        }
        let rows = "SELECT count(*), count(result), sum(round) FROM stage WHERE call = ?1";
        let counts: (i64, i64, i64) =
            db.query_row(rows, [key], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
        assert_eq!(counts, (7, 6, 7), "seven rows, six results (an English call is not translated), one round");
        drop(db);
        bed.stop();
    }
    eprintln!("killed in: {}", met.join(", "));
    assert_eq!(met, STAGES, "each was met while it was made");
}

#[test]
fn a_kill_while_a_call_is_transcribed_again_leaves_one_text_and_the_live_one_beside_it() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "partial = false");
    bed.start();
    let sound: Vec<i16> =
        bed::lines().iter().take(6).flat_map(|line| [line.samples.clone(), vec![0; 12_000]].concat()).collect();
    let id = "1795218045.97";
    bed::record(&bed.path(&format!("monitor/call-{id}-in.wav")), &sound);
    let call = bed.until_completed(id);
    through(&bed, id);
    let path = |rest: &str| format!("/api/v1/calls/{id}{rest}");
    assert_eq!(bed.get(&path("/transcript"))["pass"], "live");
    assert_eq!(bed.get(&path("/passes"))["passes"], json!(["live"]));
    bed.stop();
    // As if another model had misheard a word then.
    let db = Connection::open(bed.path("state/lineside.db")).expect("open");
    db.execute("UPDATE segment SET text = 'rhubarb ' || text WHERE id = (SELECT min(id) FROM segment)", [])
        .expect("mishear");
    drop(db);
    bed.start();
    bed.until("the model is there", Duration::from_mins(1), |bed| {
        bed.ask("POST", &path("/trigger-ai-pipeline"), None).0 == 200
    });
    let db = reading(&bed.path("state/lineside.db"));
    let key = 1;
    let began = Instant::now();
    while stage(&db, key, "transcription").0 != "running" {
        assert!(began.elapsed() < Duration::from_mins(1), "it is transcribed again");
    }
    drop(db);
    bed.crash();
    bed.start();
    through(&bed, id);
    let again = bed.get(&path("/transcript"));
    assert_eq!((&again["pass"], &again["segment_count"]), (&json!("final"), &call["segment_count"]), "{again}");
    assert!(!again["cumulative_transcript"].as_str().unwrap_or_default().contains("rhubarb"), "{again}");
    let live = bed.get(&path("/transcript?pass=live"));
    assert!(live["cumulative_transcript"].as_str().is_some_and(|text| text.contains("rhubarb")), "{live}");
    assert_eq!(bed.get(&path("/export?pass=live"))["transcription"]["pass"], "live");
    let segments = bed.get(&path("/segments?pass=live"));
    assert_eq!(segments.as_array().map(Vec::len), call["segment_count"].as_u64().map(|count| count as usize));
    let changes = bed.get(&path("/passes"));
    let gone = |change: &&Value| change["live"].as_str().is_some_and(|text| text.contains("rhubarb"));
    assert!(changes["changes"].as_array().into_iter().flatten().any(|change| gone(&change)), "{changes}");
    let printed = bed.command(&["show", id, "--passes"]).output().expect("run");
    let printed = String::from_utf8_lossy(&printed.stdout);
    let shown = |sign: &str| printed.lines().find(|line| line.contains(sign) && line.contains("rhubarb"));
    assert!(shown(" - ").is_some() && shown(" + ").is_none(), "{printed}");
    assert_eq!(bed.get(&path("/processing"))["stages"][0]["engine"], "whisper", "who made it is told");
    assert_eq!(bed.ask("GET", &path("/transcript?pass=second"), None).0, 422);
    // What is erased is erased in both passes.
    let (status, answer) = bed.ask("POST", "/api/v1/forget", Some(&json!({"call": id})));
    assert_eq!(status, 200, "{answer}");
    assert_eq!(answer["left"], json!([]), "{answer}");
    bed.stop();
    let db = reading(&bed.path("state/lineside.db"));
    let left: i64 = db.query_row("SELECT count(*) FROM live_text", [], |row| row.get(0)).expect("rows");
    assert_eq!(left, 0);
}

/// A call of another platform that is over after one line.
fn remark(bed: &Bed, call: &str) {
    let event = json!({"provider": "test", "call_id": call, "speaker": "customer", "text": "I want a refund, please.", "status": "ended"});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    bed.until_completed(call);
}

fn rounds(bed: &Bed, call: &str) -> Vec<i64> {
    let db = reading(&bed.path("state/lineside.db"));
    let sql = "SELECT round FROM stage JOIN call ON call.id = stage.call WHERE call_id = ?1 ORDER BY place";
    let mut query = db.prepare(sql).expect("query");
    query.query_map([call], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("rows")
}

#[test]
fn stages_are_asked_for_one_by_one_for_many_calls_and_by_the_command() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for call in ["S-1", "S-2"] {
        remark(&bed, call);
        through(&bed, call);
    }
    let cli = |words: &[&str]| {
        let output = bed.command(words).output().expect("run");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (done, said) = cli(&["process", "S-1", "S-2", "--stage", "summary"]);
    assert!(done && said == "S-1: waits for its turn\nS-2: waits for its turn\n", "{said}");
    through(&bed, "S-1");
    assert_eq!(rounds(&bed, "S-1"), [1, 1, 1, 1, 2, 1, 1]);
    let path = "/api/v1/calls/S-2/trigger-ai-pipeline?from=qa";
    assert_eq!(bed.ask("POST", path, None).0, 200);
    through(&bed, "S-2");
    assert_eq!(rounds(&bed, "S-2"), [1, 1, 1, 1, 2, 2, 2]);
    let bulk = |body: Value| bed.ask("POST", "/calls/bulk", Some(&body));
    assert_eq!(bulk(json!({"action": "process", "call_ids": ["S-1"], "stage": "ner"})).0, 400);
    assert_eq!(bulk(json!({"action": "process", "call_ids": ["S-1"]})).1["done"], json!(["S-1"]));
    through(&bed, "S-1");
    assert_eq!(rounds(&bed, "S-1"), [2, 2, 2, 2, 3, 2, 2]);
    let (done, said) = cli(&["process", "S-1", "--status"]);
    assert!(done && said.starts_with("S-1: completed, 100 %\n") && said.contains("summary"), "{said}");
    assert!(!cli(&["process", "nobody"]).0);
}

#[test]
fn in_realtime_mode_stages_are_made_on_request_alone() {
    let mut bed = Bed::new("none", "[processing]\nmode = \"realtime\"");
    bed.start();
    remark(&bed, "R-1");
    let call = bed.get("/api/v1/calls/R-1");
    assert_eq!((&call["processing_mode"], &call["processing_plan"]), (&json!("realtime"), &json!({})));
    let status = bed.get("/api/v1/calls/R-1/processing");
    assert_eq!((&status["processing_status"], &status["stages"]), (&json!("pending"), &json!([])), "{status}");
    assert_eq!(bed.ask("POST", "/api/v1/calls/R-1/trigger-ai-pipeline", None).0, 200);
    through(&bed, "R-1");
    let export = bed.get("/api/v1/calls/R-1/export");
    assert_eq!(export["classification"]["main_category"], "refund", "{export}");
}
