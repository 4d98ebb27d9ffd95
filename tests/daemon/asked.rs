//! What may be asked of the API, and what it says of a call: nothing that is asked is passed over, and no answer says what is not so.

use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::bed::{self, Bed, speak};

/// An event of another platform, with what is put over it.
fn event(bed: &Bed, call: &str, text: &str, more: Value) -> (u16, Value) {
    let mut body =
        json!({"provider": "test", "call_id": call, "speaker": "customer", "text": text, "status": "active"});
    if let (Value::Object(all), Value::Object(more)) = (&mut body, more) {
        all.extend(more);
    }
    bed.ask("POST", "/api/realtime/events", Some(&body))
}

/// A call of these lines that is over.
fn over(bed: &Bed, call: &str, lines: &[&str], more: &Value) {
    for line in lines {
        let (status, answer) = event(bed, call, line, more.clone());
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(event(bed, call, "", json!({"status": "ended"})).0, 200);
    bed.until_completed(call);
}

fn ids(answer: &Value) -> Vec<String> {
    let list = answer["calls"].as_array().or(answer["hits"].as_array()).expect("a list");
    list.iter().map(|one| one["call_id"].as_str().expect("id").to_owned()).collect()
}

#[test]
fn a_parameter_that_a_path_does_not_know_is_refused_with_the_nearest_that_it_does() {
    let mut bed = Bed::new("none", "");
    bed.start();
    over(&bed, "A-1", &["hello there"], &json!({}));
    let wrong = [
        ("GET", "/api/v1/calls?agnet=mary", "agnet", "agent"),
        ("GET", "/api/v1/calls?state=completed&min_sentimant=0", "min_sentimant", "min_sentiment"),
        ("GET", "/api/v1/search?q=hello&campain=SALES", "campain", "campaign"),
        ("GET", "/api/v1/alerts?levle=urgent", "levle", "level"),
        ("GET", "/api/v1/figures?day=3", "day", "days"),
        ("GET", "/api/v1/coverage?days=3", "days", "day"),
        ("GET", "/api/v1/coverage?day=tomorrow", "day", "2026-11-23"),
        ("GET", "/api/v1/coverage?state=lost", "state", "missing"),
        ("GET", "/api/metrics?dayz=3", "dayz", "days"),
        ("GET", "/api/v1/events?last_event=3", "last_event", ""),
        ("GET", "/ws/events?call=A-1", "call", ""),
        ("GET", "/ws/calls?call_id=A-1", "call_id", ""),
        ("GET", "/api/v1/calls/A-1?full=1", "full", ""),
        ("GET", "/api/v1/calls/A-1/transcript?include_segment=true", "include_segment", "include_segments"),
        ("GET", "/api/v1/calls/A-1/export?fromat=csv", "fromat", "format"),
        ("GET", "/calls/A-1/export?fromat=csv", "fromat", "format"),
        ("GET", "/api/v1/calls/A-1/qa?x=1", "x", ""),
        ("GET", "/api/v1/calls/active?agent=mary", "agent", ""),
        ("GET", "/api/v1/board?agent=mary", "agent", ""),
        ("GET", "/health?x=1", "x", ""),
        ("GET", "/metrics?x=1", "x", ""),
        ("GET", "/api/realtime/alerts?openonly=1", "openonly", "open_only"),
        ("GET", "/api/realtime/calls/A-1/snapshot?x=1", "x", ""),
        ("POST", "/api/v1/calls/A-1/end?reson=x", "reson", "reason"),
        ("POST", "/api/v1/calls/A-1/hold?by=x", "by", ""),
        ("DELETE", "/api/v1/calls/A-1/hold?reason=x", "reason", ""),
        ("POST", "/calls/bulk?action=delete", "action", ""),
        // Twice is two wishes, and a token in the address is none that is taken.
        ("GET", "/api/v1/calls?agent=mary&agent=john", "agent", ""),
        ("GET", "/api/v1/calls?token=x", "token", "token_in_query"),
    ];
    for (method, path, name, near) in wrong {
        let (status, body) = bed.ask(method, path, None);
        assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["query", name])), "{method} {path}: {body}");
        let msg = body["detail"][0]["msg"].as_str().expect("text");
        assert!(msg.contains(near) && body["detail"][0]["type"] == "value_error", "{method} {path}: {body}");
    }
    assert_eq!(bed.ask("GET", "/api/v1/calls/A-1/hold", None).0, 405);
    assert_eq!(bed.get("/api/v1/calls/A-1/privacy")["hold"], Value::Null, "nothing was done of what was refused");
    assert_eq!(bed.ask("GET", "/calls?utm=1", None).0, 200, "a page's query is for its script");
    bed.stop();
    println!(
        "mended | 15 | query parameters that a path does not know were ignored | {} of {} are refused with 422 and, where one is near, the known name",
        wrong.len(),
        wrong.len()
    );
}

#[test]
fn an_address_that_cannot_be_read_is_refused_in_the_form_of_every_other_error() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (method, path, name) in [
        ("GET", "/api/v1/calls/%FF", "path"),
        ("GET", "/calls/%FF/export", "path"),
        ("POST", "/api/v1/calls/%FF/end", "path"),
        ("POST", "/api/v1/disputes/first/answer", "id"),
    ] {
        let (status, body) = bed.ask(method, path, None);
        assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["path", name])), "{method} {path}: {body}");
    }
    bed.stop();
}

#[test]
fn yes_and_no_are_taken_in_the_words_that_clients_use_and_numbers_in_their_range_alone() {
    let mut bed = Bed::new("none", "");
    bed.start();
    over(&bed, "A-2", &["hello there"], &json!({}));
    for (word, with) in [("1", true), ("true", true), ("yes", true), ("0", false), ("False", false), ("no", false)] {
        let (status, answer) = bed.ask("GET", &format!("/api/v1/calls/A-2/transcript?include_segments={word}"), None);
        assert_eq!((status, answer.get("segments").is_some()), (200, with), "{word}: {answer}");
        assert_eq!(bed.ask("GET", &format!("/api/v1/calls?has_alerts={word}"), None).0, 200, "{word}");
        assert_eq!(bed.ask("GET", &format!("/api/v1/alerts?acknowledged={word}"), None).0, 200, "{word}");
    }
    for path in [
        "/api/v1/calls/A-2/transcript?include_segments=2",
        "/api/v1/calls?min_sentiment=NaN",
        "/api/v1/calls?max_sentiment=7",
        "/api/realtime/alerts?open_only=perhaps",
        "/api/realtime/alerts?limit=many",
        "/api/v1/calls/A-2/live?from=NaN",
    ] {
        assert_eq!(bed.ask("GET", path, None).0, 422, "{path}");
    }
    bed.stop();
    println!(
        "mended | 24 | ?include_segments=1 was 422 | 1, true, yes, 0, False and no are understood in transcripts, lists and alerts; 2 and perhaps are 422"
    );
}

#[test]
fn a_time_keeps_its_clock_is_local_without_a_zone_and_is_refused_when_it_is_not_understood() {
    let mut bed = Bed::new("none", "");
    bed.launcher = vec!["env".into(), "TZ=LOC-2".into()]; // two hours ahead of UTC
    bed.start();
    over(&bed, "A-3", &["hello there"], &json!({}));
    let now = jiff::Timestamp::now();
    let local = |hours: i64, form: &str| {
        let at = now.to_zoned(jiff::tz::TimeZone::fixed(jiff::tz::offset(2)));
        let at = at.checked_add(jiff::SignedDuration::from_hours(hours)).expect("in range");
        at.strftime(form).to_string()
    };
    let epoch = now.as_second();
    let found = |since: &str| {
        let since = since.replace('+', "%2B").replace(' ', "%20");
        let list = ids(&bed.get(&format!("/api/v1/calls?since={since}")));
        assert_eq!(list, ids(&bed.get(&format!("/api/v1/search?q=hello&since={since}"))), "{since}");
        !list.is_empty()
    };
    for (earlier, later) in [
        (local(-1, "%Y-%m-%dT%H:%M"), local(1, "%Y-%m-%dT%H:%M")),
        (local(-1, "%Y-%m-%d %H:%M:%S"), local(1, "%Y-%m-%d %H:%M:%S")),
        (local(-1, "%Y-%m-%dT%H:%M:%S+02:00"), local(1, "%Y-%m-%dT%H:%M:%S+02:00")),
        ((epoch - 60).to_string(), (epoch + 600).to_string()),
        (format!("{}000", epoch - 60), format!("{}000", epoch + 600)),
        ("1h".into(), local(24, "%Y-%m-%d")),
        ("1d 2h".into(), local(24, "%Y-%m-%dT00:00")),
    ] {
        assert!(found(&earlier) && !found(&later), "{earlier} and {later}");
    }
    for wrong in ["tomorrow", "2026", "20261121", "60", "10:30", "2026-11-21T10:30:00+01:00", "soon"] {
        for path in ["calls?since", "calls?until", "search?q=hello&since", "alerts?since"] {
            let (status, body) = bed.ask("GET", &format!("/api/v1/{path}={wrong}"), None);
            assert_eq!(status, 422, "{path}={wrong}: {body}"); // the last but one: a + in an address is a space
        }
    }

    // The command line reads them in the same way, in the zone of whoever types them.
    bed.launcher.clear();
    let run = |zone: &str, since: &str| {
        let output = bed.command(&["calls", "--tsv", "--since", since]).env("TZ", zone).output().expect("run");
        (output.status.success(), String::from_utf8_lossy(&output.stdout).starts_with("A-3\t"))
    };
    let clock = local(-1, "%Y-%m-%d %H:%M");
    assert_eq!(run("LOC-2", &clock), (true, true), "an hour ago here");
    assert_eq!(run("LOC+5", &clock), (true, false), "six hours from now there");
    assert_eq!((run("LOC-2", "2h"), run("LOC-2", "2026")), ((true, true), (false, false)));
    let output = bed.command(&["search", "hello", "--until", "1h"]).output().expect("run");
    assert!(output.status.success() && output.stdout.is_empty(), "{output:?}");
    bed.stop();
    println!(
        "mended | 16 | since lost its clock where no zone stood behind it | seven forms keep it, local without a zone, in API and commands alike; what could be \
         two times is 422"
    );
}

#[test]
fn words_are_searched_for_in_the_calls_that_a_list_with_the_same_filters_shows() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let good = ["this is wonderful, thank you so much", "the contract is great"];
    let bad = ["this is terrible, i need a supervisor now", "your contract is an awful scam"];
    over(&bed, "GOOD", &good, &json!({"agent_id": "mary", "campaign": "SALES"}));
    over(&bed, "BAD", &bad, &json!({"agent_id": "john", "campaign": "CLAIMS"}));
    assert_eq!(event(&bed, "OPEN", "about my contract", json!({"agent_id": "mary"})).0, 200);
    let tag = json!({"action": "tag", "call_ids": ["GOOD"], "tags": ["vip"]});
    assert_eq!(bed.ask("POST", "/calls/bulk", Some(&tag)).0, 200);
    for (filter, wanted) in [
        ("", &["OPEN", "BAD", "GOOD"][..]),
        ("state=completed", &["BAD", "GOOD"]),
        ("status=active", &["OPEN"]),
        ("max_sentiment=-0.1", &["BAD"]),
        ("min_sentiment=0.1", &["GOOD"]),
        ("has_alerts=true", &["BAD"]),
        ("has_alerts=0&state=completed", &["GOOD"]),
        ("tag=vip", &["GOOD"]),
        ("tag=nobody", &[]),
        ("agent=mary&state=active", &["OPEN"]),
        ("campaign=CLAIMS", &["BAD"]),
        ("until=1h", &[]),
    ] {
        assert_eq!(ids(&bed.get(&format!("/api/v1/calls?{filter}"))), wanted, "list, {filter}");
        assert_eq!(ids(&bed.get(&format!("/api/v1/search?q=contract&{filter}"))), wanted, "search, {filter}");
    }
    let found = bed.command(&["search", "contract", "--tag", "vip", "--min-sentiment", "0.1"]).output().expect("run");
    let found = String::from_utf8_lossy(&found.stdout).into_owned();
    assert!(found.starts_with("GOOD") && found.lines().count() == 1, "{found}");
    let found = bed.command(&["search", "contract", "--alerts", "--state", "completed"]).output().expect("run");
    assert!(String::from_utf8_lossy(&found.stdout).starts_with("BAD"));
    bed.stop();
    println!(
        "mended | 17 | search ignored state, sentiment, alerts and tag | it finds in the calls that the list shows, with each of 11 filters; the command too"
    );
}

#[test]
fn a_call_of_every_road_ends_when_it_is_asked_to_and_one_that_is_over_is_said_to_be() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let end = |call: &str| bed.ask("POST", &format!("/api/v1/calls/{call}/end?reason=enough"), None);
    let ended = |call: &str| {
        let call = bed.until_completed(call);
        assert_eq!(call["end_reason"], "enough", "{call}");
    };
    // Text of another platform, which goes on sending.
    assert_eq!(event(&bed, "TEXT", "hello", json!({})).0, 200);
    bed.until("it runs", Duration::from_secs(10), |bed| bed.try_get("/api/v1/calls/TEXT").is_some());
    assert_eq!(end("TEXT").0, 200);
    ended("TEXT");
    let (status, answer) = event(&bed, "TEXT", "hello again", json!({}));
    assert!(status == 400 && answer["detail"].as_str().is_some_and(|text| text.contains("ended")), "{answer}");
    assert_eq!(bed.get("/api/v1/calls/TEXT")["segment_count"], 1);

    // Chunks of sound.
    let sound = base64::engine::general_purpose::STANDARD.encode(vec![7_u8; 16_000]);
    let chunk = json!({"provider": "test", "call_id": "CHUNKS", "sample_rate": 8000, "audio_b64": sound});
    assert_eq!(bed.ask("POST", "/api/realtime/audio/chunk", Some(&chunk)).0, 200);
    bed.until("it runs", Duration::from_secs(10), |bed| bed.try_get("/api/v1/calls/CHUNKS").is_some());
    assert_eq!(end("CHUNKS").0, 200);
    ended("CHUNKS");
    assert_eq!(bed.ask("POST", "/api/realtime/audio/chunk", Some(&chunk)).0, 400);

    // A recording that grows and goes on growing.
    let path = bed.path("monitor/1795218045.77.wav");
    let mut file = std::fs::File::create(&path).expect("create");
    std::io::Write::write_all(&mut file, &bed::open_header(1)).expect("header");
    let mut more = |seconds: usize| {
        let bytes: Vec<u8> = (0..seconds * 8000).flat_map(|i| ((i % 200) as i16 * 50).to_le_bytes()).collect();
        std::io::Write::write_all(&mut file, &bytes).expect("write");
    };
    more(4);
    let id = "1795218045.77";
    bed.until("it is followed", Duration::from_secs(30), |bed| bed.try_get(&format!("/api/v1/calls/{id}")).is_some());
    assert_eq!(end(id).0, 200);
    ended(id);
    let length = bed.get(&format!("/api/v1/calls/{id}"))["total_audio_duration"].clone();
    for _ in 0..3 {
        more(4);
        std::thread::sleep(Duration::from_secs(2));
    }
    drop(file);
    std::thread::sleep(Duration::from_secs(3));
    let call = bed.get(&format!("/api/v1/calls/{id}"));
    assert_eq!((&call["status"], &call["total_audio_duration"]), (&json!("completed"), &length), "{call}");

    for call in ["TEXT", "CHUNKS", id] {
        let (status, answer) = end(call);
        assert!(status == 409 && answer["detail"].as_str().is_some_and(|text| text.contains("over since")), "{answer}");
    }
    bed.stop();
    println!(
        "mended | 14 | POST /calls/ID/end answered \"ended\" and changed nothing for text, chunks and recordings; 200 on a finished call | all three end with \
         the reason given; a recording that grows on for 12 s stays at {length} s; a finished call is 409"
    );
}

#[test]
fn no_answer_says_of_a_call_what_is_not_so() {
    let mut bed = Bed::new("none", "");
    bed.start();
    // Nothing is recorded of a call that is over.
    let mut stream = bed.dial("0b5e55ed-0000-4000-8000-000000000061");
    speak(&mut stream, &[100; 3200]).expect("speak");
    let live = "/api/v1/calls/0b5e55ed-0000-4000-8000-000000000061";
    bed.until("it runs", Duration::from_secs(10), |bed| bed.try_get(live).is_some());
    assert_eq!(bed.get(&format!("{live}/privacy"))["recording"], "running");
    assert_eq!(bed.ask("POST", &format!("{live}/pause"), None).1["recording"], "paused");
    assert_eq!(bed.get(&format!("{live}/privacy"))["recording"], "paused");
    drop(stream);
    let call = bed.until_completed("0b5e55ed-0000-4000-8000-000000000061");
    assert_eq!(bed.get(&format!("{live}/privacy"))["recording"], "over");
    // An address is one, and no file of the server.
    assert_eq!(call["connection_info"]["client_addr"][0], "127.0.0.1");
    let samples: Vec<i16> = (0..24_000).map(|i| (i % 200) * 50).collect();
    bed::record(&bed.path("monitor/1795218045.78.wav"), &samples);
    let call = bed.until_completed("1795218045.78");
    assert_eq!(call["connection_info"]["client_addr"], Value::Null, "{call}");
    assert_eq!(call["legs"][0]["peer"], "1795218045.78.wav");
    assert!(!call.to_string().contains(&bed.folder.path().display().to_string()), "{call}");
    assert_eq!(event(&bed, "A-4", "hello", json!({})).0, 200);
    assert_eq!(bed.get("/api/v1/calls/A-4")["connection_info"]["client_addr"], Value::Null);
    bed.stop();
    println!(
        "mended | 20 | /privacy said running of a completed call | recording is over, before that running or paused"
    );
    println!(
        "mended | 23 | client_addr showed a server path for recordings | null for recordings and text, no path in the whole answer; for sockets it stays \
         [ip, port], the shape that its clients were made for"
    );
}

/// serde_json reads 1795218045.120 as 1795218045.12.
#[test]
fn a_uniqueid_without_quotes_names_no_other_call() {
    let mut bed = Bed::new("none", "");
    bed.start();
    assert_eq!(event(&bed, "1795218045.12", "hello about my contract", json!({})).0, 200);
    for field in ["uniqueid", "call_id"] {
        let body = format!(r#"{{"{field}": 1795218045.120, "agent": "mary"}}"#);
        let (status, answer) = bed.ask_text("/api/v1/calls", &body);
        assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["body", field])), "{answer}");
    }
    let text = r#"{"call_id": 1795218045.120, "speaker": "customer", "text": "of another call"}"#;
    let (status, answer) = bed.ask_text("/api/realtime/events", text);
    assert!(status == 400 && answer["detail"].as_str().is_some_and(|told| told.contains("in quotes")), "{answer}");
    let call = bed.get("/api/v1/calls/1795218045.12");
    assert_eq!((&call["agent"], &call["segment_count"]), (&Value::Null, &json!(1)), "{call}");
    // Whole numbers lose nothing.
    let body = r#"{"uniqueid": "1795218045.12", "agent": 1001, "lead": 876409}"#;
    assert_eq!(bed.ask_text("/api/v1/calls", body).0, 200);
    bed.until("its names", Duration::from_secs(20), |bed| {
        let call = bed.get("/api/v1/calls/1795218045.12");
        (&call["agent"], &call["lead"]) == (&json!("1001"), &json!("876409"))
    });
    bed.stop();
}

#[test]
fn no_call_takes_the_name_of_a_path() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for word in ["active", "stats", "agent-service", "bulk", ".."] {
        let (status, answer) = event(&bed, word, "hello", json!({}));
        assert!(
            status == 400 && answer["detail"].as_str().is_some_and(|text| text.contains("call_id")),
            "{word}: {answer}"
        );
        assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&json!({"uniqueid": word}))).0, 422, "{word}");
        assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&json!({"call_id": word}))).0, 422, "{word}");
    }
    let samples: Vec<i16> = (0..24_000).map(|i| (i % 200) * 50).collect();
    bed::record(&bed.path("monitor/stats.wav"), &samples);
    assert_eq!(bed.until_completed("stats_")["source"], "recording");
    assert_eq!(bed.get("/api/v1/calls/stats")["active_sessions"], 0);
    bed.stop();
    println!(
        "mended | 21 | calls named active or stats hid behind the paths of that name | as call ids they are refused (400, 422); a file stats.wav becomes the \
         call stats_"
    );
}

#[test]
fn a_text_stands_where_its_time_puts_it_whenever_it_comes() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let now = jiff::Timestamp::now();
    let at = |seconds: i64| json!({"timestamp": (now - jiff::SignedDuration::from_secs(100 - seconds)).to_string()});
    let with = |mut more: Value, speaker: &str| {
        more["speaker"] = speaker.into();
        more
    };
    for (seconds, speaker, text) in [
        (20, "customer", "third"),
        (30, "agent", "fifth"),
        (25, "customer", "fourth"),
        (5, "agent", "second"),
        (0, "customer", "first"),
    ] {
        let (status, answer) = event(&bed, "ORDER", text, with(at(seconds), speaker));
        assert_eq!(status, 200, "{answer}");
    }
    assert_eq!(event(&bed, "ORDER", "last", with(at(40), "customer")).0, 200);
    let call = bed.get("/api/v1/calls/ORDER");
    let lines = call["transcript_segments"].as_array().expect("lines");
    let told: Vec<(&str, i64)> = lines
        .iter()
        .map(|line| (line["text"].as_str().expect("text"), line["start_time"].as_f64().expect("time").round() as i64))
        .collect();
    let wanted = [("first", 0), ("second", 5), ("third", 20), ("fourth", 25), ("fifth", 30), ("last", 40)];
    assert_eq!(told, wanted, "{call}");
    let started: jiff::Timestamp = call["start_time"].as_str().expect("time").parse().expect("a time");
    assert_eq!(started.as_second(), (now - jiff::SignedDuration::from_secs(100)).as_second());
    assert_eq!(call["status"], "active", "no leg that was begun anew has ended it");
    bed.stop();
    println!(
        "mended | 22 | a text stamped before the call's first event came after it | in the order of their times: {told:?}"
    );
}

#[test]
fn text_is_late_only_where_somebody_waited_for_it() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let line = &bed::lines()[6];
    let uuid = "0b5e55ed-0000-4000-8000-000000000062";
    let mut stream = bed.dial(uuid);
    speak(&mut stream, &line.samples).expect("speak");
    speak(&mut stream, &[0; 8000]).expect("speak");
    drop(stream);
    bed.until_completed(uuid);
    // Said an hour ago, told now.
    let hour = jiff::Timestamp::now() - jiff::SignedDuration::from_hours(1);
    assert_eq!(event(&bed, "LATE", "hello", json!({"timestamp": hour.to_string()})).0, 200);
    let total = bed.get("/api/v1/figures")["total"].clone();
    assert_eq!((total["utterances"].as_i64(), total["text_within_3_s"].as_f64()), (Some(1), Some(1.0)), "{total}");
    // Transcribed again, as long afterwards as it may be.
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(bed.ask("POST", &format!("/api/v1/calls/{uuid}/trigger-ai-pipeline"), None).0, 200);
    bed.until("it is transcribed again", Duration::from_mins(1), |bed| {
        bed.log().contains(&format!("call {uuid}: transcribed again"))
    });
    let late: i64 = db
        .query_row("SELECT max(done_ms - leg.started_ms) FROM utterance JOIN leg ON leg.id = utterance.leg WHERE leg.source = 'audiosocket'", [], |row| row.get(0))
        .expect("row");
    assert!(late > 4000, "it was: {late} ms after the call's begin");
    assert_eq!(bed.get("/api/v1/figures")["total"]["text_within_3_s"], total["text_within_3_s"]);
    bed.stop();
    println!(
        "mended | 19 | text_within_3_s counted back-dated texts and calls transcribed again | {} beside a text of an hour ago and one transcribed again {late} ms after its begin",
        total["text_within_3_s"]
    );
}
