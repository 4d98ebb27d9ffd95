//! A local server plays the model: it answers well, badly, slowly, late and not at all.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::call::Leg;

fn lines() -> Vec<ReviewLine> {
    let line = |segment, leg, text: &str| ReviewLine {
        segment,
        leg,
        start_ms: segment * 5000,
        end_ms: segment * 5000 + 3000,
        text: text.into(),
        compound: Some(0.0),
        labels: Vec::new(),
        heard: true,
    };
    vec![
        line(1, Leg::Agent, "Castle Finance, your payment of 320 pounds is overdue."),
        line(2, Leg::Caller, "I lost my job, I will pay on Friday. My card is [card]."),
    ]
}

/// What the server answers to each request in turn; after the last it hangs up.
enum Play {
    Say(u16, String),
    Wait(Duration),
    HangUp,
}

fn request(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        head += &line;
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("the body");
    head + &String::from_utf8(body).expect("UTF-8")
}

/// The server's address, and what it was asked.
fn server(plays: Vec<Play>) -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (asked, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for play in plays {
            let (mut stream, _) = listener.accept().expect("a client");
            let _ = asked.send(request(&stream));
            match play {
                Play::Say(status, body) => {
                    let length = body.len();
                    let _ = write!(
                        stream,
                        "HTTP/1.1 {status} X\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
                    );
                }
                Play::Wait(time) => std::thread::sleep(time),
                Play::HangUp => {}
            }
        }
    });
    (url, heard)
}

fn settings(url: String) -> LlmSettings {
    LlmSettings {
        kind: LlmKind::Openai,
        url,
        model: "m".into(),
        key_file: None,
        patience: Duration::from_millis(600),
        pause: Duration::from_millis(10),
        longest: 10_000,
    }
}

fn key() -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().expect("temp file");
    std::fs::write(file.path(), "secret\n").expect("write");
    file
}

fn content(summary: &str) -> String {
    json!({"customer_intent": "pay on Friday", "sentiment": "Neutral", "action_required": true, "summary": summary})
        .to_string()
}

fn well(summary: &str) -> Play {
    Play::Say(200, json!({"choices": [{"message": {"content": content(summary)}}]}).to_string())
}

const BACKED: &str = "The caller lost the job and will pay on Friday.";

#[test]
fn a_good_answer_is_taken_and_the_key_goes_in_a_header() {
    let (url, heard) = server(vec![well(BACKED)]);
    let key = key();
    let keyed = LlmSettings { key_file: Some(key.path().into()), ..settings(url) };
    let told = tell(&keyed, &lines()).expect("told");
    assert_eq!((told.summary.as_str(), told.action_required), (BACKED, true));
    let asked = heard.recv().expect("a request");
    assert!(
        asked.starts_with("POST /v1/chat/completions") && asked.to_lowercase().contains("authorization: bearer secret"),
        "{asked}"
    );
    assert!(asked.contains("My card is [card]") && asked.contains("json_object"), "{asked}");
}

#[test]
fn gemini_is_asked_in_its_own_way() {
    let answer = json!({"candidates": [{"content": {"parts": [{"text": content(BACKED)}]}}]}).to_string();
    let (url, heard) = server(vec![Play::Say(200, answer)]);
    let key = key();
    let keyed = LlmSettings { kind: LlmKind::Gemini, key_file: Some(key.path().into()), ..settings(url) };
    let told = tell(&keyed, &lines()).expect("told");
    assert_eq!(told.summary, BACKED);
    let asked = heard.recv().expect("a request");
    assert!(
        asked.starts_with("POST /v1/models/m:generateContent") && asked.contains("x-goog-api-key: secret"),
        "{asked}"
    );
}

#[test]
fn an_invented_sentence_is_dropped_and_told() {
    let invented = "A helicopter was ordered for Benjamin.";
    let (url, _heard) = server(vec![well(&format!("{BACKED} {invented}"))]);
    let told = tell(&settings(url), &lines()).expect("told");
    assert_eq!((told.summary.as_str(), told.dropped), (BACKED, vec![invented.to_owned()]));
}

#[test]
fn bad_answers_are_asked_for_again_and_the_third_may_be_good() {
    let (url, heard) = server(vec![Play::Say(200, "<html>".into()), Play::Say(503, String::new()), well(BACKED)]);
    assert_eq!(tell(&settings(url), &lines()).expect("told").summary, BACKED);
    assert_eq!(heard.iter().count(), 3);
}

#[test]
fn three_bad_answers_leave_the_rules_and_say_why() {
    let wrong = Play::Say(200, json!({"choices": [{"message": {"content": "{\"sentiment\": 5}"}}]}).to_string());
    let (url, heard) = server(vec![Play::HangUp, Play::Say(200, "{}".into()), wrong]);
    let Untold { why: error, .. } = tell(&settings(url), &lines()).expect_err("nothing");
    assert!(error.contains("the rules' insights stay") && error.contains("no text at"), "{error}");
    assert_eq!(heard.iter().count(), 3);
}

#[test]
fn a_refusal_is_not_asked_again() {
    let (url, heard) = server(vec![Play::Say(401, "no".into())]);
    let Untold { why: error, .. } = tell(&settings(url), &lines()).expect_err("nothing");
    assert!(error.contains("401"), "{error}");
    assert_eq!(heard.iter().count(), 1);
}

#[test]
fn a_server_that_is_slow_or_not_there_costs_no_more_than_the_tries_are_given() {
    let wait = || Play::Wait(Duration::from_secs(5));
    let began = Instant::now();
    let (url, _heard) = server(vec![wait()]);
    assert!(tell(&settings(url), &lines()).is_err());
    assert!(tell(&settings("http://127.0.0.1:9/v1".into()), &lines()).is_err());
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
}

#[test]
fn a_key_that_cannot_be_read_is_named_with_its_file_and_nothing_is_sent() {
    let (url, heard) = server(Vec::new());
    let lost = LlmSettings { key_file: Some("/nowhere/llm-key".into()), ..settings(url) };
    let Untold { why, .. } = tell(&lost, &lines()).expect_err("nothing");
    assert!(why.contains("/nowhere/llm-key") && why.contains("LoadCredential=llm-key"), "{why}");
    assert_eq!(heard.iter().count(), 0);
}

#[test]
fn a_server_that_was_not_reached_is_left_alone_for_a_while_and_one_that_refused_is_not() {
    let away = LanguageModel::new(settings("http://127.0.0.1:9/v1".into()));
    assert!(away.tell(&lines()).expect_err("nobody").contains("told nothing"));
    let error = away.tell(&lines()).expect_err("nobody");
    assert!(error.contains("a moment ago") && error.contains("--stage insights"), "{error}");
    let (url, _heard) = server(vec![Play::Say(401, "no".into()), well(BACKED)]);
    let strict = LanguageModel::new(settings(url));
    assert!(strict.tell(&lines()).is_err());
    assert_eq!(strict.tell(&lines()).expect("told").summary, BACKED);
}

#[test]
fn of_a_long_call_begin_and_end_are_sent() {
    let lines: Vec<String> = (0..1000).map(|at| format!("Caller: line {at}\n")).collect();
    let text = lines.concat();
    let sent = shortened(&text, 400);
    assert!(
        sent.starts_with("Caller: line 0\n") && sent.ends_with("Caller: line 999") && sent.contains("\n…\n"),
        "{sent}"
    );
    assert!(sent.chars().count() <= 402);
    assert_eq!(shortened("short\n", 400), "short\n");
}
