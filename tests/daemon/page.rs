//! What the pages stand on: their files, the feed that goes on where it broke off, a call's sound and files, uploads.

use std::fmt::Write as _;
use std::io::Read;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use crate::access::protected;
use crate::bed::{self, Bed};

type Socket = tungstenite::WebSocket<tungstenite::stream::MaybeTlsStream<TcpStream>>;

fn events(bed: &Bed, query: &str) -> Socket {
    let (socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}/ws/events{query}", bed.http)).expect("connect");
    if let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(Duration::from_mins(2))).expect("time-out");
    }
    socket
}

fn next(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = socket.read().expect("a message") {
            return serde_json::from_str(&text).expect("JSON");
        }
    }
}

/// Status, headers and body.
fn get(bed: &Bed, path: &str, headers: &[(&str, &str)]) -> (u16, ureq::http::HeaderMap, Vec<u8>) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request = agent.get(format!("http://127.0.0.1:{}{path}", bed.http));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.call().expect("an answer");
    let (parts, body) = response.into_parts();
    let mut bytes = Vec::new();
    body.into_reader().read_to_end(&mut bytes).expect("body");
    (parts.status.as_u16(), parts.headers, bytes)
}

/// A multipart form with one file, of emma's.
fn upload(bed: &Bed, name: &str, bytes: &[u8]) -> (u16, Value) {
    upload_with(bed, &[("agent", "emma")], name, bytes)
}

/// The same with other fields.
fn upload_with(bed: &Bed, fields: &[(&str, &str)], name: &str, bytes: &[u8]) -> (u16, Value) {
    let field = |(name, value): &(&str, &str)| {
        format!("--x\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut body: String = fields.iter().map(field).collect();
    let _ = write!(body, "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n");
    let mut body = body.into_bytes();
    body.extend_from_slice(bytes);
    body.extend_from_slice(b"\r\n--x--\r\n");
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("http://127.0.0.1:{}/upload", bed.http);
    let mut answer =
        agent.post(&url).header("Content-Type", "multipart/form-data; boundary=x").send(&body[..]).expect("an answer");
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
}

#[test]
fn pages_come_with_a_policy_and_again_only_when_they_are_new() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for path in ["/", "/calls", "/calls/1.2", "/alerts", "/agents", "/reviews", "/upload", "/dashboard"] {
        let (status, headers, body) = get(&bed, path, &[]);
        assert_eq!((status, headers["content-type"].to_str().ok()), (200, Some("text/html; charset=utf-8")), "{path}");
        let policy = headers["content-security-policy"].to_str().expect("text");
        assert!(policy.starts_with("default-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert!(body.starts_with(b"<!doctype html>"));
        let tag = headers["etag"].to_str().expect("text").to_string();
        let (status, _, body) = get(&bed, path, &[("If-None-Match", &tag)]);
        assert_eq!((status, body.len()), (304, 0), "{path}");
    }
    assert_eq!(get(&bed, "/web/live.js", &[]).1["content-type"], "text/javascript; charset=utf-8");
    assert_eq!(get(&bed, "/web/../mod.rs", &[]).0, 404);
    assert_eq!(get(&bed, "/web/nothing.js", &[]).0, 404);
}

#[test]
fn what_pages_are_made_of_needs_no_token_and_what_they_show_does() {
    let mut bed = protected("token = \"geheim\"");
    bed.start();
    // Two pages' worth of files do not use up anybody's minute.
    for _ in 0..150 {
        assert_eq!(get(&bed, "/web/base.js", &[]).0, 200);
    }
    for path in [
        "/",
        "/calls/1",
        "/agents",
        "/reviews",
        "/dashboard",
        "/api/v1/agents",
        "/api/v1/board",
        "/api/v1/box",
        "/api/v1/figures",
        "/api/v1/coverage",
        "/ws/events",
        "/calls/1/export",
    ] {
        assert_eq!(get(&bed, path, &[]).0, 401, "{path}");
    }
    assert_eq!(get(&bed, "/", &[("Authorization", "Bearer geheim")]).0, 200);
    assert_eq!(upload(&bed, "a.wav", b"x").0, 401);
    assert_eq!(get(&bed, "/api/v1/board", &[("Authorization", "Bearer geheim")]).0, 200);
}

#[test]
fn an_upload_that_says_a_thing_twice_or_in_two_lines_is_refused() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (fields, why) in [
        (&[("agent", "emma"), ("agent", "mary")][..], "agent is given twice"),
        (&[("phone", "312\r\n555")][..], "phone: a line break"),
        (&[("agent", "Jos\u{fffd}")][..], "agent: not UTF-8"),
    ] {
        let (status, answer) = upload_with(&bed, fields, "a.wav", b"x");
        assert!(
            status == 400 && answer["detail"].as_str().is_some_and(|said| said.starts_with(why)),
            "{status} {answer}"
        );
    }
    // As an old web form sends it.
    let body = b"--x\r\nContent-Disposition: form-data; name=\"agent\"\r\n\r\nJos\xe9\r\n--x\r\nContent-Disposition: form-data; name=\"file\"; \
        filename=\"a.wav\"\r\n\r\nx\r\n--x--\r\n";
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let form = agent.post(format!("http://127.0.0.1:{}/upload", bed.http));
    let mut answer = form.header("Content-Type", "multipart/form-data; boundary=x").send(&body[..]).expect("an answer");
    let said = answer.body_mut().read_to_string().expect("text");
    assert!(answer.status() == 400 && said.contains("agent: not UTF-8"), "{said}");
    assert_eq!(bed.get("/api/v1/calls")["calls"], json!([]));
    bed.stop();
}

#[test]
fn an_upload_becomes_a_call_with_sound_files_and_events() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let samples = &bed::lines()[7].samples;
    let mut wav = bed::open_header(1);
    wav.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let (status, answer) = upload(&bed, "../my \"call\".wav", &wav);
    assert_eq!(status, 201, "{answer}");
    let id = answer["call_id"].as_str().expect("id").to_string();
    let call = bed.until_completed(&id);
    assert_eq!((&call["source"], &call["agent"]), (&json!("upload"), &json!("emma")));
    assert!(bed::plain(call["cumulative_transcript"].as_str().unwrap_or_default()).contains("cancel"), "{call}");
    assert_eq!(std::fs::read_dir(bed.path("state/uploads")).expect("folder").count(), 0);

    let seconds = samples.len() as f64 / 8000.0;
    let peaks = bed.get(&format!("/api/v1/calls/{id}/peaks?buckets=50"));
    assert_eq!(peaks["peaks"].as_array().map(Vec::len), Some(50));
    assert!((peaks["duration"].as_f64().unwrap_or_default() - seconds).abs() < 0.01, "{peaks}");
    assert_eq!(get(&bed, &format!("/api/v1/calls/{id}/peaks?buckets=0"), &[]).0, 422);
    let (status, headers, sound) = get(&bed, &format!("/api/v1/calls/{id}/live?from=1"), &[]);
    assert_eq!(
        (status, &headers["lineside-from"], &headers["lineside-running"]),
        (200, &"1.000".parse().expect("header"), &"false".parse().expect("header"))
    );
    assert!(((sound.len() - 44) as f64 / 16_000.0 - (seconds - 1.0)).abs() < 0.01, "{} bytes", sound.len());

    for (format, begin) in [
        ("json", "{"),
        ("text", "=== CALL EXPORT ===\nCall ID: upload-"),
        ("csv", "call_id,"),
        ("srt", "1\n00:00:0"),
        ("vtt", "WEBVTT\n"),
    ] {
        let (status, headers, body) = get(&bed, &format!("/api/v1/calls/{id}/export?format={format}"), &[]);
        assert_eq!(status, 200);
        assert!(
            headers["content-disposition"].to_str().unwrap_or_default().starts_with("attachment; filename=\"upload-")
        );
        assert!(body.starts_with(begin.as_bytes()), "{format}: {}", String::from_utf8_lossy(&body));
    }
    assert_eq!(get(&bed, &format!("/api/v1/calls/{id}/export?format=doc"), &[]).0, 422);
    assert_eq!(get(&bed, &format!("/calls/{id}/export?format=doc"), &[]).0, 400);
    assert_eq!(get(&bed, "/calls/nobody/export", &[]).0, 404);
    let bulk = |body: Value| bed.ask("POST", "/calls/bulk", Some(&body)).0;
    assert_eq!(bulk(json!({"action": "export", "call_ids": [id], "format": "csv"})), 200);
    assert_eq!(bulk(json!({"action": "export", "call_ids": []})), 400);
    assert_eq!(bulk(json!({"action": "paint", "call_ids": [id]})), 400);
    assert_eq!(bed.get("/api/v1/figures")["total"]["calls"], 1);
    assert_eq!(bed.get("/api/metrics?days=7")["agents"][0]["agent"], "emma");

    // The feed gives everything from the beginning, or what is missed.
    let mut all = events(&bed, "?last_event_id=0");
    let hello = next(&mut all);
    assert_eq!(hello["hello"]["reset"], false);
    let mut seen = Vec::new();
    loop {
        let message = next(&mut all);
        if message["event"].is_null() {
            break;
        }
        seen.push((
            message["id"].as_i64().unwrap_or_default(),
            message["event"]["type"].as_str().unwrap_or_default().to_string(),
        ));
    }
    assert!(seen.windows(2).all(|pair| pair[0].0 < pair[1].0), "{seen:?}");
    assert_eq!(
        (seen.first().map(|one| one.1.as_str()), seen.last().map(|one| one.1.as_str())),
        (Some("call_start"), Some("call_end"))
    );
    let mut rest = events(&bed, &format!("?last_event_id={}&call_id={id}", seen[0].0));
    next(&mut rest);
    assert_eq!(next(&mut rest)["id"], seen[1].0);
    let mut foreign = events(&bed, "?last_event_id=1000000");
    assert_eq!(next(&mut foreign)["hello"]["reset"], true);
}

#[test]
fn what_is_no_upload_is_refused_and_leaves_nothing() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let (status, answer) = upload(&bed, "letter.wav", b"Dear Sir or Madam");
    assert_eq!((status, answer["call_id"].is_null()), (415, true), "{answer}");
    assert!(answer["detail"].is_string(), "{answer}");
    assert_eq!(upload(&bed, "noise.exe", &[7; 5000]).0, 415);
    assert_eq!(bed.ask("POST", "/upload", Some(&json!({}))).0, 400);
    assert_eq!(bed.get("/api/v1/calls")["calls"], json!([]));
    assert_eq!(std::fs::read_dir(bed.path("state/uploads")).expect("folder").count(), 0);
}
