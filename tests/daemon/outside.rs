//! What leaves lineside steers no terminal and stays in no cache.

use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;

use serde_json::json;

use crate::bed::{Bed, speak, uuid_of};

#[test]
fn what_was_said_or_named_does_not_steer_the_terminal_that_follows_it() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut tail = bed.command(&["tail"]).stdout(Stdio::piped()).spawn().expect("tail");
    let lines = BufReader::new(tail.stdout.take().expect("stdout"));
    let (told, said) = std::sync::mpsc::channel();
    std::thread::spawn(move || lines.lines().map_while(Result::ok).try_for_each(|line| told.send(line)));
    let event = |call: &str, text: &str| {
        let body = json!({"call_id": call, "speaker": "customer", "text": text, "agent_id": "ann\u{1b}[2J"});
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&body));
        assert!((200..300).contains(&status), "{status} {answer}");
    };
    // A sentiment, with a keyword of a pack, and an alert: each says something in the words of the caller.
    let text = "I want a supervisor, this is a scam and I will sue you \u{1b}]0;owned\u{7}\u{9b}2J\r\u{202e}backwards";
    let mut shown = Vec::new();
    for number in 0..40 {
        event(&format!("T-{number}"), text);
        while let Ok(line) = said.recv_timeout(Duration::from_millis(500)) {
            shown.push(line);
        }
        let has = |what: &str| shown.iter().any(|line| line.contains(what));
        if has("supervisor") && has("alert, ") {
            break;
        }
    }
    let _ = tail.kill();
    let _ = tail.wait();
    assert!(shown.iter().any(|line| line.contains("supervisor")), "{shown:?}\n{}", bed.log());
    assert!(shown.iter().any(|line| line.contains("alert, ")), "{shown:?}");
    let steers = |c: char| c.is_control() || c == '\u{202e}';
    assert!(!shown.iter().any(|line| line.contains(steers)), "{shown:?}");
    bed.stop();
    println!(
        "mended | 47 | escapes of what was said or named reached the terminal of lineside tail | {} lines, each escape made visible",
        shown.len()
    );
}

#[test]
fn sound_is_kept_by_no_cache() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut line = bed.dial(&uuid_of(1_795_218_045, 8, 1));
    speak(&mut line, &vec![1000; 16_000]).expect("taken");
    let answer = |path: &str, range: Option<&str>| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let request = agent.get(format!("http://127.0.0.1:{}{path}", bed.http));
        let request = if let Some(range) = range { request.header("Range", range) } else { request };
        let answer = request.call().expect("answer");
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        (answer.status().as_u16(), header("content-type").to_string(), header("cache-control").to_string())
    };
    let address = "/api/v1/calls/1795218045.8/live?seconds=1";
    bed.until("it can be listened to", Duration::from_secs(20), |_| answer(address, None).0 == 200);
    let heard = answer(address, None);
    assert_eq!(heard, (200, "audio/wav".into(), "no-store".into()));
    drop(line);
    bed.until_completed("1795218045.8");
    let mut looked = 1;
    for path in ["/api/v1/calls/1795218045.8/audio", "/calls/1795218045.8/audio"] {
        for (range, status) in [(None, 200), (Some("bytes=0-99"), 206)] {
            assert_eq!(answer(path, range), (status, "audio/wav".into(), "no-store".into()), "{path} {range:?}");
            looked += 1;
        }
    }
    let platform = answer("/api/realtime/calls/1795218045.8/audio?fallback=1", None);
    assert_eq!(platform, (200, "audio/wav".into(), "no-store".into()));
    bed.stop();
    println!(
        "mended | 47 | sound could be kept by caches | no-store on {} of {} answers with sound",
        looked + 1,
        looked + 1
    );
}
