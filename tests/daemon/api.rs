//! The API, the feeds and the commands, as their users meet them.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::bed::{self, Bed, speak};

const UUID: &str = "0b5e55ed-0000-4000-8000-000000000042";

/// A daemon that has heard one call of two lines.
fn with_a_call() -> Option<Bed> {
    let model = bed::demo_model()?;
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let mut stream = bed.dial(UUID);
    // A key press on the way.
    speak(&mut stream, &lines[6].samples).expect("speak");
    stream.write_all(&[3, 0, 1, b'5']).expect("key");
    speak(&mut stream, &[&vec![0; 8000][..], &lines[16].samples].concat()).expect("speak");
    drop(stream);
    bed.until_completed(UUID);
    Some(bed)
}

#[test]
fn a_call_can_be_listed_read_searched_named_and_played() {
    let Some(mut bed) = with_a_call() else { return };
    let list = bed.get("/api/v1/calls?state=completed&max_sentiment=0.5&has_alerts=true");
    assert_eq!(list["calls"][0]["call_id"], UUID);
    assert_eq!(bed.get("/api/v1/calls?agent=nobody")["calls"], json!([]));
    let transcript = bed.get(&format!("/api/v1/calls/{UUID}/transcript?include_segments=true"));
    assert_eq!(
        (transcript["segment_count"].as_i64(), transcript["segments"].as_array().map(Vec::len)),
        (Some(2), Some(2))
    );
    assert!(bed.get(&format!("/api/v1/calls/{UUID}/transcript")).get("segments").is_none());
    let hits = bed.get("/api/v1/search?q=refund%20confirm*");
    assert_eq!(hits["hits"][0]["call_id"], UUID);
    assert_eq!(hits["hits"][0]["snippet"], "Your <b>refund</b> has been <b>confirmed</b>.");
    assert_eq!(bed.get("/api/v1/search?q=%22confirmed%20refund%22")["hits"], json!([]));

    let (status, named) = bed.ask(
        "POST",
        "/api/v1/calls",
        Some(
            &json!({"uuid": UUID, "uniqueid": "1795218045.42", "agent": "mary", "lead": 4711, "metadata": {"desk": 7}}),
        ),
    );
    assert_eq!((status, &named["call_id"]), (200, &"1795218045.42".into()), "{named}");
    let by_old_name = bed.get(&format!("/api/v1/calls/{UUID}"));
    assert_eq!(
        (&by_old_name["call_id"], &by_old_name["agent"], &by_old_name["lead"], &by_old_name["metadata"]["desk"]),
        (&"1795218045.42".into(), &"mary".into(), &"4711".into(), &7.into())
    );
    assert_eq!(bed.get("/api/v1/calls?agent=mary")["calls"].as_array().map(Vec::len), Some(1));

    let mut response = ureq::get(format!("http://127.0.0.1:{}/api/v1/calls/1795218045.42/audio", bed.http))
        .header("Range", "bytes=0-43")
        .call()
        .expect("audio");
    assert_eq!(
        (
            response.status().as_u16(),
            response.headers()["content-range"].to_str().expect("text").starts_with("bytes 0-43/")
        ),
        (206, true)
    );
    let head = response.body_mut().read_to_vec().expect("body");
    assert!(head.starts_with(b"RIFF") && head.len() == 44);

    let mut metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.body_mut().read_to_string().expect("text");
    for name in
        ["lineside_frames_total{source=\"audiosocket\"}", "lineside_segments_total 2", "# HELP lineside_calls_active"]
    {
        assert!(metrics.contains(name), "{name} in\n{metrics}");
    }

    // The commands say the same.
    let run = |arguments: &[&str]| {
        let output = bed.command(arguments).output().expect("run");
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(run(&["calls", "--tsv"]).starts_with("1795218045.42\t"));
    assert!(run(&["show", UUID]).contains("unacceptable"));
    assert!(run(&["search", "refund"]).contains("1795218045.42"));
    let shown: Value = serde_json::from_str(&run(&["show", "1795218045.42", "--json"])).expect("JSON");
    assert_eq!(shown["segment_count"], 2);
    let missing = bed.command(&["show", "no.such"]).output().expect("run");
    assert_eq!(
        (missing.status.code(), String::from_utf8_lossy(&missing.stderr).trim()),
        (Some(1), "lineside: call no.such: Call session not found")
    );
    let file = bed.path("state/spool");
    let wav =
        walk(&file).into_iter().find(|path| path.extension().is_some_and(|ext| ext == "wav")).expect("spool file");
    let report: Value = serde_json::from_str(&run(&["analyze", "--json", &wav.display().to_string()])).expect("JSON");
    assert_eq!(
        (report["segments"].as_array().map(Vec::len), report["speech"].as_array().map(Vec::len)),
        (Some(2), Some(2)),
        "{report}"
    );
    for key in ["file", "duration_s", "legs", "sentiment", "keywords", "quality"] {
        assert!(!report[key].is_null(), "{key}");
    }
    bed.stop();
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .flat_map(|entry| if entry.path().is_dir() { walk(&entry.path()) } else { vec![entry.path()] })
        .collect()
}

#[test]
fn feeds_tell_what_happens_in_order_and_resume_where_they_broke_off() {
    let Some(mut bed) = with_a_call() else { return };
    let events = |after: &str, want: usize| -> Vec<(i64, Value)> {
        let mut stream = TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("timeout");
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {after}\r\n\r\n")
            .expect("request");
        let (mut id, mut found) = (0, Vec::new());
        for line in BufReader::new(stream).lines() {
            let line = line.expect("line");
            if let Some(number) = line.strip_prefix("id: ") {
                id = number.parse().expect("number");
            }
            if let Some(data) = line.strip_prefix("data: ") {
                found.push((id, serde_json::from_str(data).expect("JSON")));
                if found.len() == want {
                    break;
                }
            }
        }
        found
    };
    let all = events("0", 6);
    let kinds: Vec<&str> = all.iter().map(|(_, message)| message["type"].as_str().expect("type")).collect();
    assert_eq!(
        (kinds[0], kinds[5], kinds.iter().filter(|kind| **kind == "sentiment").count()),
        ("call_start", "call_end", 2),
        "{kinds:?}"
    );
    let said = all.iter().find(|(_, message)| message["type"] == "sentiment").expect("sentiment");
    for key in [
        "call_id",
        "text",
        "timestamp",
        "start_time",
        "end_time",
        "speaker",
        "sentiment_score",
        "sentiment_label",
        "confidence",
        "keywords_detected",
        "profanity_detected",
        "rolling_sentiment",
    ] {
        assert!(!said.1[key].is_null(), "{key} in {}", said.1);
    }
    let rest = events(&all[2].0.to_string(), 3);
    assert_eq!(rest, all[3..], "it goes on after the last one that was seen");

    let (mut socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}/ws/calls", bed.http)).expect("websocket");
    socket.send(Message::text("ping")).expect("send");
    assert_eq!(socket.read().expect("pong").to_text().expect("text"), r#"{"type":"pong"}"#);
    socket.send(Message::text(format!(r#"{{"action":"subscribe","call_id":"{UUID}"}}"#))).expect("send");
    assert!(socket.read().expect("answer").to_text().expect("text").contains("subscribed"));
    socket.send(Message::text(r#"{"action":"subscribe"}"#)).expect("send");
    socket.read().expect("answer");
    let mut stream = bed.dial("0b5e55ed-0000-4000-8000-000000000043");
    speak(&mut stream, &bed::lines()[17].samples).expect("speak");
    drop(stream);
    let mut kinds = Vec::new();
    while kinds.last().is_none_or(|kind| kind != "call_end") {
        let message: Value =
            serde_json::from_str(socket.read().expect("message").to_text().expect("text")).expect("JSON");
        assert_eq!(message["call_id"], "0b5e55ed-0000-4000-8000-000000000043");
        kinds.push(message["type"].as_str().expect("type").to_string());
    }
    // The last words are text before the call is said to be ended.
    let place =
        |kind: &str| kinds.iter().position(|other| other == kind).unwrap_or_else(|| panic!("{kind} in {kinds:?}"));
    assert!(
        place("call_start") == 0 && place("sentiment") < place("call_end") && place("hangup") < place("call_end"),
        "{kinds:?}"
    );
    assert!(tungstenite::connect(format!("ws://127.0.0.1:{}/ws/calls/no.such", bed.http)).is_err());

    // `tail` prints the same, and ends quietly when its reader does.
    let mut tail = bed.command(&["tail", "--json", "--after", "0"]).stdout(Stdio::piped()).spawn().expect("spawn");
    let mut first = String::new();
    BufReader::new(tail.stdout.take().expect("stdout")).read_line(&mut first).expect("line");
    assert!(first.contains("call_start"), "{first}");
    tail.kill().expect("kill");
    tail.wait().expect("wait");
    bed.stop();
}

#[test]
fn a_feed_that_is_to_go_on_after_a_number_of_another_database_says_so_and_goes_on() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let say = |text: &str| {
        let body = json!({"call_id": "F-1", "speaker": "customer", "text": text});
        assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&body)).0, 200);
    };
    say("hello there");
    let follow = |number: &str| {
        let mut stream = TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
        write!(stream, "GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: {number}\r\n\r\n")
            .expect("sent");
        BufReader::new(stream).lines().map_while(Result::ok)
    };
    let mut lines = follow("4000000");
    let mut told = |field: &str| -> String {
        let line = lines.by_ref().find_map(|line| line.strip_prefix(field).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {field}"))
    };
    // EventSource keeps the id that it is told, and comes back with it.
    let id: i64 = told("id: ").parse().expect("a number");
    assert!(id > 0 && id < 1000, "{id}");
    assert_eq!(told("event: "), "reset");
    let data: Value = serde_json::from_str(&told("data: ")).expect("JSON");
    assert_eq!(data, json!({"type": "reset", "last": id}));
    say("about my contract");
    let next = loop {
        let next: Value = serde_json::from_str(&told("data: ")).expect("JSON");
        if next["type"] == "sentiment" {
            break next;
        }
    };
    assert_eq!(next["text"], "about my contract", "what was before is not told again");
    let refused: String = follow("abc").take_while(|line| !line.is_empty()).collect();
    assert!(refused.contains(" 422 "), "{refused}");
    let (status, answer) = bed.ask("GET", "/api/v1/events?last_event_id=abc", None);
    assert_eq!((status, &answer["detail"][0]["loc"]), (422, &json!(["query", "last_event_id"])), "{answer}");
    bed.stop();
}

#[test]
fn what_is_wrong_with_a_request_is_said_in_the_documented_form() {
    let mut bed = Bed::new("none", "");
    bed.start();
    assert_eq!(bed.ask("GET", "/api/v1/calls/no.such", None), (404, json!({"detail": "Call session not found"})));
    assert_eq!(bed.ask("POST", "/api/v1/calls/no.such/end", None).0, 404);
    for (path, name) in [
        ("/api/v1/calls?limit=0", "limit"),
        ("/api/v1/calls?since=tomorrow", "since"),
        ("/api/v1/calls?state=asleep", "state"),
        ("/api/v1/calls?min_sentiment=x", "min_sentiment"),
        ("/api/v1/calls?cursor=x", "cursor"),
        ("/api/v1/search", "q"),
        ("/api/v1/search?q=%28%29", "q"),
    ] {
        let (status, body) = bed.ask("GET", path, None);
        assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["query", name])), "{path}: {body}");
        assert!(body["detail"][0]["msg"].is_string() && body["detail"][0]["type"] == "value_error", "{body}");
    }
    let (status, body) = bed.ask("GET", "/api/v1/calls/a%2Fb", None);
    assert_eq!((status, &body["detail"][0]["loc"]), (422, &json!(["path", "call_id"])), "{body}");
    for body in [json!({"uuid": "x"}), json!({"agent": "mary"}), json!({"uuid": 5, "speed": 1}), json!([1])] {
        assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&body)).0, 422, "{body}");
    }
    assert_eq!(bed.ask("GET", "/no/such/path", None).0, 404);
    assert_eq!(bed.ask("POST", "/api/v1/search", None).0, 405);
    assert_eq!(bed.get("/api/v1/calls/active"), json!([]));
    assert_eq!(bed.get("/api/v1/calls/stats")["active_sessions"], 0);

    // A call that runs is listed, and can be ended from here; the leg gets one whole terminate frame.
    let mut stream = bed.dial("0b5e55ed-0000-4000-8000-000000000044");
    speak(&mut stream, &[100; 1600]).expect("speak");
    bed.until("the call is listed", Duration::from_secs(10), |bed| {
        bed.get("/api/v1/calls/stats")["active_sessions"] == 1
    });
    let active = &bed.get("/api/v1/calls/active")[0];
    assert_eq!(
        (&active["status"], &active["connection_info"]["client_addr"][0]),
        (&"active".into(), &"127.0.0.1".into()),
        "{active}"
    );
    assert_eq!(
        bed.ask("POST", "/api/v1/calls/0b5e55ed-0000-4000-8000-000000000044/end?reason=test", None),
        (200, json!("Call ended successfully"))
    );
    let mut farewell = Vec::new();
    stream.read_to_end(&mut farewell).expect("closed");
    assert_eq!(farewell, [0, 0, 0]);
    let call = bed.until_completed("0b5e55ed-0000-4000-8000-000000000044");
    assert_eq!(call["end_reason"], "test");
    bed.stop();
}

#[test]
fn a_name_given_before_the_call_comes_is_its_name_when_it_does() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let uuid = "0b5e55ed-0000-4000-8000-000000000045";
    let (_, answer) =
        bed.ask("POST", "/api/v1/calls", Some(&json!({"uuid": uuid, "uniqueid": "1795218045.45", "agent": "anna"})));
    assert_eq!(answer["status"], "expected");
    let mut stream = bed.dial(uuid);
    speak(&mut stream, &[100; 1600]).expect("speak");
    bed.until("it is known by both names", Duration::from_secs(10), |bed| {
        bed.try_get("/api/v1/calls/1795218045.45").is_some_and(|call| call["agent"] == "anna")
    });
    assert_eq!(bed.get(&format!("/api/v1/calls/{uuid}"))["call_id"], "1795218045.45");
    drop(stream);
    bed.stop();
}
