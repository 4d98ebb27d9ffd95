//! How soon words are on the page: printed, not judged, for machines differ.

use std::time::{Duration, Instant};

use serde_json::Value;
use tokio_tungstenite::tungstenite;

use crate::bed::{self, Bed, speak, uuid_of};

/// Four calls at once, both legs of each in real time; from the end of each line to its segment on the WebSocket.
#[test]
fn four_calls_at_once_are_on_the_websocket_soon() {
    let Some(model) = bed::demo_model() else { return };
    let calls = match bed::rendered("calls") {
        Ok(folder) => folder,
        Err(problem) => return eprintln!("skipped: {problem}"),
    };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let (mut socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}/ws/calls", bed.http)).expect("websocket");
    if let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    }
    let began = Instant::now();
    let mut threads = Vec::new();
    let mut ends: Vec<(String, String, f64)> = Vec::new();
    for (number, name) in ["calm", "angry", "promise", "support"].into_iter().enumerate() {
        let script = std::fs::read_to_string(calls.join(format!("{name}.json"))).expect("script");
        let script: Value = serde_json::from_str(&script).expect("JSON");
        for line in script["lines"].as_array().expect("lines") {
            let end = line["end_s"].as_f64().expect("end");
            ends.push((format!("1795218045.{number}"), line["speaker"].as_str().expect("who").into(), end));
        }
        for (leg, side) in [(1, "agent"), (2, "caller")] {
            let mut reader = hound::WavReader::open(calls.join(format!("{name}-{side}.wav"))).expect("sound");
            let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("sample")).collect();
            let mut stream = bed.dial(&uuid_of(1_795_218_045, number as u64, leg));
            threads.push(std::thread::spawn(move || {
                let start = Instant::now();
                speak(&mut stream, &samples).expect("speak");
                start
            }));
        }
    }
    let mut arrivals: Vec<(String, String, f64, Duration)> = Vec::new();
    let mut ended = 0;
    while ended < 4 {
        let message: Value =
            serde_json::from_str(socket.read().expect("message").to_text().expect("text")).expect("JSON");
        match message["type"].as_str() {
            Some("sentiment") => arrivals.push((
                message["call_id"].as_str().expect("call").into(),
                message["leg"].as_str().expect("leg").into(),
                message["end_time"].as_f64().expect("end"),
                began.elapsed(),
            )),
            Some("call_end") => ended += 1,
            _ => {}
        }
    }
    let late_start = threads.into_iter().map(|thread| thread.join().expect("spoken") - began).max().expect("legs");
    // A segment may hold several lines: it can come no sooner than the last of them ended.
    let mut delays: Vec<f64> = arrivals
        .iter()
        .filter_map(|(call, leg, end, at)| {
            let own = ends.iter().filter(|(of, who, _)| of == call && who == leg).map(|(.., line)| *line);
            let line = own.min_by(|a, b| (a - end).abs().total_cmp(&(b - end).abs()))?;
            Some(at.as_secs_f64() - line)
        })
        .collect();
    delays.sort_by(f64::total_cmp);
    let at = |share: f64| delays[((delays.len() - 1) as f64 * share).round() as usize];
    eprintln!(
        "live: 4 calls at once, {} segments: from a line's end to its segment on the WebSocket median {:.2} s, p95 {:.2} s, longest {:.2} s (legs began within {:.2} s)",
        delays.len(),
        at(0.5),
        at(0.95),
        at(1.0),
        late_start.as_secs_f64()
    );
    assert!(delays.len() * 10 >= ends.len() * 8, "{} segments of {} lines", delays.len(), ends.len());
    bed.stop();
}

#[test]
fn words_are_shown_while_somebody_speaks_and_give_way_to_the_utterance_that_is_kept() {
    let Some(model) = bed::demo_model() else { return };
    let calls = match bed::rendered("calls") {
        Ok(folder) => folder,
        Err(problem) => return eprintln!("skipped: {problem}"),
    };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let (mut socket, _) = tungstenite::connect(format!("ws://127.0.0.1:{}/ws/calls", bed.http)).expect("websocket");
    if let tungstenite::stream::MaybeTlsStream::Plain(stream) = socket.get_ref() {
        stream.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    }
    let mut reader = hound::WavReader::open(calls.join("angry-caller.wav")).expect("sound");
    let samples: Vec<i16> = reader.samples().map(|sample| sample.expect("sample")).take(8000 * 25).collect();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 1, 2));
    let speaker = std::thread::spawn(move || speak(&mut stream, &samples).expect("speak"));
    // Each partial text, and whether the utterance that it belongs to came afterwards.
    let mut partials: Vec<(f64, String)> = Vec::new();
    let mut kept: Vec<(f64, f64)> = Vec::new();
    loop {
        let message: Value =
            serde_json::from_str(socket.read().expect("message").to_text().expect("text")).expect("JSON");
        let at = |name: &str| message[name].as_f64().expect("time");
        match message["type"].as_str() {
            Some("partial") => {
                assert!(
                    kept.iter().all(|(_, end)| *end <= at("start_time") + 0.001),
                    "shown after it was kept: {message}"
                );
                let text = message["text"].as_str().expect("text");
                assert!(text.starts_with(message["stable"].as_str().expect("stable")), "{message}");
                assert_eq!(message["speaker"], "caller");
                partials.push((at("start_time"), text.into()));
            }
            Some("sentiment") => kept.push((at("start_time"), at("end_time"))),
            Some("call_end") => break,
            _ => {}
        }
    }
    speaker.join().expect("spoken");
    eprintln!("live: {} partial texts before {} segments", partials.len(), kept.len());
    assert!(!partials.is_empty() && !kept.is_empty());
    let events = bed.get("/api/v1/calls/1795218045.1/segments");
    assert!(!events.to_string().contains("partial"), "partial text is not kept");
    bed.stop();
}
