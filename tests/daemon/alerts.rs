//! Alerts as a supervisor meets them: on the feeds, in the lists, taken once, told once.

use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::bed::{self, Bed, speak, uuid_of};

type Socket = tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<TcpStream>>;

pub fn connect(bed: &Bed, path: &str) -> Socket {
    let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}{path}", bed.http)).expect("connect");
    if let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(Duration::from_mins(2))).expect("time-out");
    }
    socket
}

/// A message of these feeds as the lists have it: its time as text, not in seconds.
fn as_listed(mut message: Value) -> Value {
    let at = message.as_object_mut().and_then(|all| all.remove("at")).expect("its time as text");
    assert!(message["timestamp"].is_number(), "{message}");
    message["timestamp"] = at;
    message
}

/// The next message that is one of these.
pub fn next(socket: &mut Socket, kind: &str) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message") {
            let message: Value = serde_json::from_str(&text).expect("JSON");
            if message["type"] == kind {
                return message;
            }
        }
    }
}

/// A bed with the shipped packs and one more.
fn bed_with_rules(rules: &str) -> Option<Bed> {
    let model = bed::demo_model()?;
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("etc/packs");
    let folder = tempfile::tempdir().expect("temp dir").keep();
    for entry in std::fs::read_dir(root).expect("packs").flatten() {
        std::fs::copy(entry.path(), folder.join(entry.file_name())).expect("copy");
    }
    let pack = format!("name = \"site\"\nversion = \"1\"\nlanguage = \"en\"\n{rules}");
    std::fs::write(folder.join("site.toml"), pack).expect("write");
    let bed = Bed::new(&model.display().to_string(), &format!("[text]\npacks = \"{}\"", folder.display()));
    Some(bed)
}

#[test]
fn a_word_raises_an_alert_that_is_seen_everywhere_and_taken_once() {
    let Some(mut bed) = bed_with_rules("") else { return };
    bed.start();
    let lines = bed::lines();
    let (mut all, mut alerts) = (connect(&bed, "/ws/calls"), connect(&bed, "/ws/alerts"));
    bed.ask(
        "POST",
        "/api/v1/calls",
        Some(&json!({"uuid": uuid_of(1_795_218_045, 90, 2), "uniqueid": "1795218045.90", "agent": "mary"})),
    );
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 90, 2));
    speak(&mut stream, &lines[7].samples).expect("speak");
    drop(stream);
    let alert = next(&mut alerts, "alert");
    assert_eq!(alert["rules_triggered"], json!(["keyword_detected"]), "{alert}");
    assert_eq!(
        (&alert["level"], &alert["severity"], &alert["words"]),
        (&json!("warning"), &json!("medium"), &json!(["cancel"]))
    );
    assert_eq!(alert["happened"], "The caller says a word that matters: “cancel”");
    assert_eq!(
        (&alert["call_id"], &alert["agent"], &alert["speaker"]),
        (&json!("1795218045.90"), &json!("mary"), &json!("caller"))
    );
    // The text comes before what was found in it.
    let text = next(&mut all, "sentiment");
    assert_eq!(text["text"], alert["text"]);
    assert_eq!(next(&mut all, "alert"), alert);

    let call = bed.until_completed("1795218045.90");
    assert_eq!(
        (&call["has_alerts"], &call["open_alerts"], &call["alert_level"]),
        (&json!(true), &json!(1), &json!("warning"))
    );
    assert_eq!(call["alerts"], json!([as_listed(alert.clone())]));
    assert_eq!(call["risk"]["score"], alert["risk_score"]);
    let parts: f64 = call["risk"]["parts"]
        .as_array()
        .expect("parts")
        .iter()
        .map(|part| 1.0 - part["share"].as_f64().expect("share"))
        .product();
    assert!((call["risk"]["score"].as_f64().expect("score") - (1.0 - parts)).abs() < 1e-3);

    let id = alert["id"].as_i64().expect("id");
    let (status, taken) = bed.ask("POST", &format!("/api/v1/alerts/{id}/ack"), Some(&json!({"by": "sue"})));
    assert_eq!((status, &taken["acknowledged"], &taken["acknowledged_by"]), (200, &json!(true), &json!("sue")));
    for socket in [&mut all, &mut alerts] {
        let seen = next(socket, "alert_acknowledged");
        assert_eq!((&seen["id"], &seen["acknowledged_by"]), (&json!(id), &json!("sue")));
    }
    let again = bed.ask("POST", &format!("/api/v1/alerts/{id}/ack"), Some(&json!({"by": "john"})));
    assert_eq!((again.0, &again.1["acknowledged_by"]), (200, &json!("sue")), "who was first stays");

    for (query, count) in [
        ("", 1),
        ("call=1795218045.90", 1),
        ("level=warning&acknowledged=true&agent=mary", 1),
        ("acknowledged=false", 0),
        ("level=critical", 0),
        ("live=true", 0),
        ("live=false&rule=keyword_detected", 1),
        ("rule=legal_threat", 0),
        ("campaign=x", 0),
        ("since=2020-01-01", 1),
        ("since=2120-01-01", 0),
    ] {
        let list = bed.get(&format!("/api/v1/alerts?{query}"));
        assert_eq!((&list["count"], &list["open"]), (&json!(count), &json!(0)), "{query}: {list}");
    }
    for (path, body, status) in [
        ("/api/v1/alerts/999/ack", None, 404),
        ("/api/v1/alerts/x/ack", None, 404),
        ("/api/v1/alerts/ack", None, 422),
        ("/api/v1/alerts/ack", Some(json!({"ids": [id], "call_id": "1795218045.90"})), 422),
        ("/api/v1/alerts/ack", Some(json!({"ids": ["x"]})), 422),
        ("/api/v1/alerts/ack", Some(json!({"ids": [id, 999]})), 404),
        ("/api/v1/alerts/ack", Some(json!({"call_id": "nobody"})), 404),
        ("/api/v1/alerts/ack", Some(json!({"call_id": "1795218045.90", "level": "warning"})), 422),
        (&*format!("/api/v1/alerts/{id}/ack"), Some(json!({"user": "mary"})), 422),
        (&*format!("/api/v1/alerts/{id}/ack"), Some(json!({"By": "mary"})), 422),
        (&*format!("/api/v1/alerts/{id}/ack"), Some(json!({"by": ""})), 422),
        (&*format!("/api/v1/alerts/{id}/ack"), Some(json!([1])), 422),
        (&*format!("/api/v1/alerts/{id}/ack"), Some(json!({"by": "x".repeat(5000)})), 422),
    ] {
        assert_eq!(bed.ask("POST", path, body.as_ref()).0, status, "{path} {body:?}");
    }
    let (status, several) = bed.ask("POST", "/api/v1/alerts/ack", Some(&json!({"ids": [id], "by": "john"})));
    assert_eq!((status, &several["alerts"][0]["acknowledged_by"]), (200, &json!("sue")), "who was first stays");
    let (status, none) = bed.ask("POST", "/api/v1/alerts/ack", Some(&json!({"call_id": "1795218045.90"})));
    assert_eq!((status, &none["alerts"]), (200, &json!([])), "nothing of it is open");
    assert_eq!(bed.ask("GET", "/api/v1/alerts?level=loud", None).0, 422);
    assert_eq!(bed.ask("GET", "/api/v1/alerts?call=nobody", None).0, 404);
    let metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http))
        .call()
        .expect("metrics")
        .body_mut()
        .read_to_string()
        .expect("text");
    assert!(metrics.contains("lineside_alerts_total{level=\"warning\"} 1"), "{metrics}");

    let listed = bed.command(&["alerts", "--tsv"]).output().expect("run");
    let line = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(line.contains("\twarning\t1795218045.90\tmary\t") && line.ends_with("\tsue\n"), "{line}");
    let taken = bed.command(&["alerts", "ack", &id.to_string(), "--by", "x"]).output().expect("run");
    assert_eq!(String::from_utf8_lossy(&taken.stdout), format!("alert {id}: taken by sue\n"));
    bed.stop();
}

#[test]
fn dead_air_and_what_was_not_said_are_told_while_the_call_runs_and_not_again_after_a_crash() {
    let rules = "[[rule]]\nname = \"dead_air\"\nlevel = \"warning\"\nsilence_s = 2\ncooldown_s = 0\n\
                 [[rule]]\nname = \"missing_disclosure\"\nlevel = \"urgent\"\nnot_said = [\"call is recorded\"]\nleg = \"agent\"\nfirst_s = 4\n";
    let Some(mut bed) = bed_with_rules(rules) else { return };
    bed.start();
    let lines = bed::lines();
    let mut feed = connect(&bed, "/ws/alerts");
    let talk = |bed: &Bed, sequence: u64| -> Vec<TcpStream> {
        let (mut agent, mut caller) =
            (bed.dial(&uuid_of(1_795_218_045, sequence, 1)), bed.dial(&uuid_of(1_795_218_045, sequence, 2)));
        let quiet = vec![0; lines[0].samples.len() + 32_000];
        let said = [&lines[0].samples[..], &vec![0; 32_000]].concat();
        std::thread::scope(|scope| {
            scope.spawn(|| speak(&mut agent, &said).expect("speak"));
            scope.spawn(|| speak(&mut caller, &quiet).expect("speak"));
        });
        vec![agent, caller]
    };
    let open = talk(&bed, 91);
    let mut seen: Vec<String> = Vec::new();
    while seen.len() < 2 {
        let alert = next(&mut feed, "alert");
        assert_eq!(alert["text"], "");
        seen.extend(
            alert["rules_triggered"]
                .as_array()
                .expect("rules")
                .iter()
                .filter_map(|rule| rule.as_str().map(str::to_owned)),
        );
    }
    seen.sort();
    assert_eq!(seen, ["dead_air", "missing_disclosure"]);
    let call = bed.get("/api/v1/calls/1795218045.91");
    assert_eq!(call["status"], "active", "told while it runs");
    bed.crash();
    drop(open);
    bed.start();
    let after = bed.until_completed("1795218045.91");
    assert_eq!(after["alerts"], call["alerts"]);
    bed.stop();
}
