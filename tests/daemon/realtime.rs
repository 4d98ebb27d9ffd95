//! Calls of other platforms, as their connectors send them.

use std::io::{BufRead, BufReader, Write};
use std::time::Duration;

use base64::Engine as _;
use serde_json::{Value, json};

use crate::bed::{self, Bed, plain};

fn event(call: &str, text: &str) -> Value {
    json!({
        "provider": "twilio", "call_id": call, "event_type": "transcript", "speaker": "customer", "text": text, "sentiment": -0.82,
        "confidence": 0.91, "status": "active", "agent_id": "agent-12", "customer_id": "cust-44", "metadata": {"queue": "north"},
    })
}

/// A request with any body and headers; status and JSON.
fn send(bed: &Bed, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
    try_send(bed, path, headers, body).expect("an answer")
}

fn try_send(bed: &Bed, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Result<(u16, Value), ureq::Error> {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let mut request =
        agent.post(format!("http://127.0.0.1:{}{path}", bed.http)).header("Content-Type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut response = request.send(body)?;
    let text = response.body_mut().read_to_string().unwrap_or_default();
    Ok((response.status().as_u16(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))))
}

#[test]
fn a_text_event_is_scored_kept_searched_and_raises_alerts() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let idle = bed.get("/api/realtime/calls/RT-1001/snapshot");
    assert_eq!(
        (&idle["status"], &idle["events"], &idle["live_audio"]["available"]),
        (&json!("idle"), &json!([]), &json!(false))
    );

    let stream = std::net::TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
    stream.set_read_timeout(Some(Duration::from_mins(1))).expect("time-out");
    write!(&stream, "GET /api/realtime/stream?call_id=RT-1001 HTTP/1.1\r\nHost: localhost\r\n\r\n").expect("send");
    let mut stream = BufReader::new(stream).lines().map_while(Result::ok).filter(|line| line.starts_with("event:"));
    assert_eq!(stream.next().as_deref(), Some("event: snapshot"));

    let (status, answer) =
        bed.ask("POST", "/api/realtime/events", Some(&event("RT-1001", "i need a supervisor now, this is terrible")));
    assert_eq!((status, &answer["ok"], &answer["call_id"]), (200, &json!(true), &json!("RT-1001")), "{answer}");
    assert!(
        answer["sentiment_score"].as_f64().expect("score") < -0.2 && answer["risk_score"].as_f64().expect("risk") > 0.4,
        "{answer}"
    );
    let alert = &answer["alerts"][0];
    assert_eq!(
        (&alert["type"], &alert["severity"], &alert["acknowledged"]),
        (&json!("escalation_keyword"), &json!("high"), &json!(false)),
        "{answer}"
    );
    let snapshot = &answer["snapshot"];
    assert_eq!((&snapshot["provider"], &snapshot["status"]), (&json!("twilio"), &json!("active")));
    assert_eq!(snapshot["events"][0]["text"], "i need a supervisor now, this is terrible");
    let seen: Vec<String> = stream.by_ref().take(3).collect();
    assert_eq!(seen, ["event: call_start", "event: sentiment", "event: alert"]);

    let call = bed.get("/api/v1/calls/RT-1001");
    assert_eq!(
        (&call["source"], &call["agent"], &call["lead"], &call["metadata"]["queue"]),
        (&json!("ingest"), &json!("agent-12"), &json!("cust-44"), &json!("north"))
    );
    assert_eq!(call["transcript_segments"][0]["speaker"], "caller");
    assert_eq!(bed.get("/api/v1/search?q=supervisor")["hits"][0]["call_id"], "RT-1001");

    // A silence that the platform has measured.
    let mut silent = event("RT-1001", "");
    silent["metadata"] = json!({"metrics": {"dead_air_seconds": 20}});
    let (_, answer) = bed.ask("POST", "/api/realtime/events", Some(&silent));
    assert_eq!(answer["alerts"][0]["type"], "dead_air", "{answer}");

    let id = alert["id"].as_i64().expect("id");
    assert_eq!(bed.get("/api/realtime/alerts?call_id=RT-1001&open_only=1")["count"], 2);
    for body in ["by=mary", "{\"by\": 7}", "{\"By\": \"mary\"}"] {
        let (status, told) = bed.ask_text(&format!("/api/realtime/alerts/{id}/ack"), body);
        assert_eq!((status, &told["ok"]), (400, &json!(false)), "{body}: {told}");
    }
    assert_eq!(bed.get("/api/realtime/alerts?call_id=RT-1001&open_only=1")["count"], 2);
    let (status, taken) = bed.ask("POST", &format!("/api/realtime/alerts/{id}/ack"), None);
    assert_eq!((status, &taken["ok"], &taken["alert"]["acknowledged"]), (200, &json!(true), &json!(true)));
    assert_eq!(bed.get("/api/realtime/alerts?call_id=RT-1001&open_only=1")["count"], 1);
    assert_eq!(bed.ask("POST", "/api/realtime/alerts/999/ack", None).0, 404);

    let mut last = event("RT-1001", "bye");
    last["status"] = json!("ended");
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&last)).0, 200);
    let call = bed.until_completed("RT-1001");
    assert_eq!(call["segment_count"], 2);
    assert_eq!(bed.get("/api/realtime/calls/RT-1001/snapshot")["status"], "ended");
    bed.stop();
}

#[test]
fn a_call_of_text_alone_has_no_sound_to_play_link_or_delete() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut said = event("RT-9", "hello about my contract");
    said["status"] = json!("ended");
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&said)).0, 200);
    let call = bed.until_completed("RT-9");
    assert_eq!((&call["legs"][0]["source"], &call["legs"][0]["audio_url"]), (&json!("ingest"), &Value::Null), "{call}");
    for (method, path) in [("GET", "audio"), ("GET", "peaks"), ("GET", "live"), ("POST", "audio/link")] {
        let (status, answer) = bed.ask(method, &format!("/api/v1/calls/RT-9/{path}"), None);
        let detail = answer["detail"].as_str().unwrap_or_default();
        assert!(status == 404 && detail.contains("it came as text, without sound"), "{path}: {status} {answer}");
    }

    let forgotten = bed.command(&["forget", "--call", "RT-9", "--yes"]).output().expect("run");
    let told = String::from_utf8_lossy(&forgotten.stdout);
    assert!(forgotten.status.success() && !told.contains("delete it yourself"), "{forgotten:?}");
    bed.stop();
}

#[test]
fn chunks_of_sound_go_to_the_spool_and_become_text() {
    let Some(model) = bed::demo_model() else { return };
    let line = &bed::lines()[7];
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let bytes: Vec<u8> = line.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let base64 = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
    let chunk = |bytes: &[u8]| {
        json!({"provider": "genesys_audiohook", "call_id": "RT-2", "audio_encoding": "pcm_s16le", "sample_rate": 8000, "channels": 1,
               "audio_b64": base64(bytes), "speaker": "customer"})
    };
    for (number, piece) in bytes.chunks(8000).enumerate() {
        let (status, answer) = bed.ask("POST", "/api/realtime/audio/chunk", Some(&chunk(piece)));
        assert_eq!(
            (status, &answer["ok"], &answer["ingested_events"], &answer["warnings"]),
            (200, &json!(true), &json!(1), &json!([])),
            "{answer}"
        );
        assert_eq!(answer["audio"]["chunk_count"], number + 1);
    }
    // A second of silence, as a WAV this time, with words of somebody else.
    let mut wav = bed::open_header(1);
    wav.extend(vec![0; 16_000]);
    let mut last = chunk(&wav);
    last["audio_encoding"] = json!("wav");
    last["transcript_segments"] =
        json!([{"speaker": "agent", "text": "one moment please"}, {"speaker": "agent", "text": "thank you"}]);
    let (status, answer) = bed.ask("POST", "/api/realtime/audio/chunk", Some(&last));
    assert_eq!((status, &answer["ingested_events"]), (200, &json!(2)), "{answer}");
    let path = "/api/v1/calls/RT-2";
    bed.until("the sound is text", Duration::from_mins(1), |bed| bed.get(path)["segment_count"] == 3);
    let call = bed.get(path);
    let texts: Vec<String> = call["transcript_segments"]
        .as_array()
        .expect("list")
        .iter()
        .map(|segment| plain(segment["text"].as_str().expect("text")))
        .collect();
    assert!(texts.contains(&plain(&line.words)) && texts.contains(&"thank you".into()), "{texts:?}");

    let path = "/api/realtime/calls/RT-2/audio/meta";
    bed.until("the sound is in the list", Duration::from_mins(1), |bed| {
        bed.get(path)["live_audio"]["available"] == true
    });
    let meta = bed.get(path);
    assert_eq!(
        (&meta["live_audio"]["available"], &meta["live_audio"]["sample_rate"], &meta["preferred_source"]),
        (&json!(true), &json!(8000), &json!("live"))
    );
    let sound = ureq::get(format!("http://127.0.0.1:{}/api/realtime/calls/RT-2/audio", bed.http))
        .call()
        .expect("sound")
        .body_mut()
        .read_to_vec()
        .expect("bytes");
    assert!(sound.starts_with(b"RIFF") && sound.len() >= 44 + bytes.len(), "{} bytes", sound.len());
    let mut over = chunk(&[0, 0]);
    over["status"] = json!("ended");
    bed.ask("POST", "/api/realtime/audio/chunk", Some(&over));
    bed.until_completed("RT-2");
    assert_eq!(bed.ask("GET", "/api/realtime/calls/RT-2/audio", None).0, 404);
    assert_eq!(bed.ask("GET", "/api/realtime/calls/RT-2/audio?fallback=1", None).0, 200);
    assert_eq!(bed.ask("GET", "/api/realtime/calls/nobody/audio", None).0, 404);
    bed.stop();
}

#[test]
fn what_is_wrong_with_a_request_is_said_and_nothing_of_it_is_kept() {
    let mut bed = Bed::new("none", "[ingest]\ntoken = \"sesame\"");
    bed.start();
    let (events, chunk) = ("/api/realtime/events", "/api/realtime/audio/chunk");
    let token = [("X-Cloud-Token", "sesame")];
    let good = event("RT-3", "hello").to_string();
    assert_eq!(send(&bed, events, &[], good.as_bytes()).0, 401);
    assert_eq!(send(&bed, events, &[("X-Cloud-Token", "sesam")], good.as_bytes()).0, 401);
    assert_eq!(send(&bed, chunk, &[("X-Cloud-Token", "")], b"{}").0, 401);
    let with = |key: &str, value: Value| {
        let mut body = event("RT-3", "hello");
        body[key] = value;
        body.to_string()
    };
    let sound = |base64: &str, encoding: &str| {
        json!({"call_id": "RT-3", "audio_b64": base64, "audio_encoding": encoding}).to_string()
    };
    for (path, body, says) in [
        (events, "{".into(), "invalid JSON"),
        (events, "[]".into(), "an object"),
        (events, "{}".into(), "call_id is missing"),
        (events, with("call_id", json!("../../etc")), "call_id"),
        (events, with("call_id", json!("x".repeat(200))), "call_id"),
        (events, with("text", json!("x".repeat(20_000))), "at most 10000"),
        (events, with("text", json!(["x"])), "text"),
        (events, with("timestamp", json!("tomorrow")), "timestamp"),
        (events, with("confidence", json!(7)), "confidence"),
        (events, with("metadata", json!(7)), "metadata"),
        (events, with("note", json!("x".repeat(1_000_000))), "body"),
        (chunk, json!({"call_id": "RT-3"}).to_string(), "audio_b64 is missing"),
        (chunk, sound("this is not base64!", "pcm_s16le"), "no base64"),
        (chunk, sound("AAA=", "pcm_s16le").replace("AAA=", "AAAA"), "whole 16-bit samples"),
        (chunk, sound("AAAA", "wav"), "RIFF"),
        (chunk, sound("AAAA", "mp3"), "pcm_s16le or wav"),
        (chunk, sound(&"A".repeat(2_800_000), "pcm_s16le"), "at most 2000000"),
        (chunk, sound(&"A".repeat(4_000_000), "pcm_s16le"), "body"),
        (chunk, json!({"call_id": "RT-3", "transcript_segments": 3}).to_string(), "a list"),
    ] {
        let (status, answer) = match try_send(&bed, path, &token, body.as_bytes()) {
            Ok(answer) => answer,
            // What is too large is refused before it is read to its end: a client that sends on may find the line closed.
            Err(ureq::Error::Io(_)) if says == "body" => continue,
            Err(error) => panic!("{says}: {error}"),
        };
        assert_eq!(status, 400, "{says}: {answer}");
        assert!(answer["detail"].as_str().is_some_and(|detail| detail.contains(says)), "{says}: {answer}");
    }
    assert_eq!(bed.get("/api/v1/calls")["calls"], json!([]), "nothing was kept");

    // A clock that is wrong is not believed, and the sender is told.
    let (status, answer) = send(&bed, events, &token, with("timestamp", json!("2126-02-10T10:15:20Z")).as_bytes());
    assert_eq!(status, 200);
    assert!(answer["warnings"][0].as_str().is_some_and(|warning| warning.contains("ahead of")), "{answer}");
    let started = bed.get("/api/v1/calls/RT-3")["start_time"].as_str().expect("time").to_owned();
    assert!(!started.starts_with("2126"), "{started}");
    // Script in a text is text.
    let (_, answer) = send(
        &bed,
        events,
        &[("Authorization", "Bearer sesame")],
        with("text", json!("<script>alert(1)</script> \u{0} é")).as_bytes(),
    );
    assert_eq!(answer["snapshot"]["events"][1]["text"], "<script>alert(1)</script> \u{0} é");
    bed.stop();
}
