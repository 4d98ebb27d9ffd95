//! A call whose speech the VAD has missed has it after the VAD was run again: once, with the alerts of its words, and the old text whole until then.

use std::fs;
use std::time::{Duration, Instant};

use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};

use crate::bed::{self, Bed};

const CALL: &str = "1795218045.98";
/// So far that the VAD of the live call misses words that are said softly, and takes whole sentences in pieces of two seconds.
const DEAF: &str = "[utterance]\nthreshold = 0.95\nmax_ms = 2000\n";

fn rows<T: rusqlite::types::FromSql>(bed: &Bed, sql: &str) -> Vec<T> {
    let path = bed.path("state/lineside.db");
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("open");
    db.busy_timeout(Duration::from_secs(5)).expect("timeout");
    let mut query = db.prepare(sql).expect(sql);
    query.query_map([], |row| row.get(0)).expect("rows").collect::<Result<_, _>>().expect("rows")
}

fn count(text: &str, word: &str) -> usize {
    bed::plain(text).split(' ').filter(|heard| *heard == word).count()
}

fn text(bed: &Bed, pass: &str) -> String {
    let transcript = bed.get(&format!("/api/v1/calls/{CALL}/transcript{pass}"));
    transcript["cumulative_transcript"].as_str().expect("text").to_owned()
}

fn through(bed: &Bed) {
    let path = format!("/api/v1/calls/{CALL}/processing");
    bed.until("the stages are gone through", Duration::from_mins(2), |bed| {
        bed.try_get(&path).is_some_and(|status| status["processing_status"] == "completed")
    });
}

/// A call of three loud sentences, and of two between them that are hardly to be heard.
fn heard_by_half(bed: &mut Bed) {
    let lines = bed::lines();
    let mut sound = vec![0; 8000];
    for (line, loudness) in [(9, 1.0), (7, 0.02), (13, 1.0), (11, 0.02), (16, 1.0)] {
        sound.extend(lines[line].samples.iter().map(|sample| (f64::from(*sample) * loudness) as i16));
        sound.extend(vec![0; 12_000]);
    }
    bed.start();
    bed::record(&bed.path(&format!("monitor/call-{CALL}-in.wav")), &sound);
    bed.until_completed(CALL);
    through(bed);
}

/// Kills the daemon while an utterance is transcribed that only the VAD of the second time has found.
fn kill_in_the_middle(bed: &mut Bed) {
    let last: i64 = rows(bed, "SELECT max(id) FROM utterance")[0];
    let began = Instant::now();
    let in_hand = bed.path("state/in-hand");
    let is_new = |entry: fs::DirEntry| {
        entry.file_name().to_str().and_then(|name| name.parse::<i64>().ok()).is_some_and(|key| key > last)
    };
    while !fs::read_dir(&in_hand).into_iter().flatten().flatten().any(is_new) {
        assert!(began.elapsed() < Duration::from_mins(2), "it is transcribed again\n{}", bed.log());
    }
    bed.crash();
}

#[test]
fn speech_that_was_missed_is_there_once_after_the_vad_was_run_again_and_a_kill_in_between_changes_nothing() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), &format!("partial = false\n{DEAF}"));
    heard_by_half(&mut bed);
    let before = text(&bed, "");
    assert_eq!((count(&before, "contract"), count(&before, "lawyer")), (0, 0), "{before}");
    assert!(count(&before, "account") == 1, "{before}");
    let alerts = |bed: &Bed| bed.get(&format!("/api/v1/alerts?call_id={CALL}"))["alerts"].to_string();
    assert!(!alerts(&bed).contains("lawyer"), "{}", alerts(&bed));
    bed.stop();

    let config = fs::read_to_string(bed.path("lineside.toml")).expect("read").replace(DEAF, "");
    fs::write(bed.path("lineside.toml"), config).expect("write");
    bed.start();
    let bulk = |bed: &Bed, body: Value| bed.ask("POST", "/calls/bulk", Some(&body));
    assert_eq!(bulk(&bed, json!({"action": "process", "call_ids": [CALL], "vad": "perhaps"})).0, 400);
    assert_eq!(bulk(&bed, json!({"action": "process", "call_ids": [CALL], "stage": "qa", "vad": true})).0, 400);
    let trigger = |query: &str| format!("/api/v1/calls/{CALL}/trigger-ai-pipeline?{query}");
    assert_eq!(bed.ask("POST", &trigger("vad=perhaps"), None).0, 422);
    assert_eq!(bed.ask("POST", &trigger("stage=qa&vad=true"), None).0, 422);
    bed.until("the model is there", Duration::from_mins(1), |bed| {
        bed.command(&["process", CALL, "--vad"]).output().expect("run").status.success()
    });
    kill_in_the_middle(&mut bed);
    let left: Vec<String> = rows(&bed, "SELECT text FROM segment ORDER BY start_ms, id");
    assert_eq!(left.join(" "), before, "the old text is whole");
    assert_eq!(
        rows::<i64>(&bed, "SELECT vad FROM stage WHERE stage = 'transcription'"),
        [1],
        "what was asked for stays"
    );

    bed.start();
    bed.until("it goes on", Duration::from_mins(2), |bed| bed.log().contains("transcribed again: "));
    through(&bed);
    let after = text(&bed, "");
    for word in ["contract", "lawyer", "account", "upset"] {
        assert_eq!(count(&after, word), 1, "{word}: {after}");
    }
    assert_eq!(text(&bed, "?pass=live"), before, "what was heard while the call ran is still shown");
    for (word, hits) in [("contract", 1), ("lawyer", 1)] {
        let found = bed.get(&format!("/api/v1/search?q={word}"));
        assert_eq!(found["hits"].as_array().map(Vec::len), Some(hits), "{found}");
    }
    assert!(alerts(&bed).contains("lawyer"), "{}", alerts(&bed));
    let doubled = "SELECT count(*) FROM utterance a JOIN utterance b ON a.leg = b.leg AND a.id < b.id \
        AND a.start_sample < b.end_sample AND b.start_sample < a.end_sample";
    assert_eq!(rows::<i64>(&bed, doubled), [0], "no utterance meets another");
    let call = bed.get(&format!("/api/v1/calls/{CALL}"));
    let segments: i64 = rows(&bed, "SELECT count(*) FROM segment")[0];
    assert_eq!(call["segment_count"], segments, "{call}");

    // Another call is heard afterwards: its utterances have numbers of their own.
    bed::record(&bed.path("monitor/call-1795218045.99-in.wav"), &bed::lines()[9].samples);
    let other = bed.until_completed("1795218045.99");
    assert!(other["segment_count"].as_i64() > Some(0), "{other}");
    assert_eq!(text(&bed, ""), after);
}
