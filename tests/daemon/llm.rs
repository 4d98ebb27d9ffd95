//! A language model beside the rules: a server that answers with an invention in its summary, and one that is not there.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::{Bed, free_port};

const BACKED: &str = "The caller wants a refund of 40 dollars.";
const INVENTED: &str = "Benjamin promised a helicopter for Christmas.";

/// Reads a request: head and body.
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

/// The address of a model that answers every request, and what it was asked.
fn model() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let (asked, heard) = mpsc::channel();
    let told = json!({
        "customer_intent": "a refund", "sentiment": "Negative", "action_required": true, "summary": format!("{BACKED} {INVENTED}"),
    });
    let body = json!({"choices": [{"message": {"content": told.to_string()}}]}).to_string();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = asked.send(request(&stream));
            let length = body.len();
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}");
        }
    });
    (url, heard)
}

/// A call that is over after one line, with its stages gone through.
fn call(bed: &Bed, id: &str) {
    let text = "I want a refund of 40 dollars, my card is 4111 1111 1111 1111.";
    let event = json!({"provider": "test", "call_id": id, "speaker": "customer", "text": text, "status": "ended"});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    bed.until_completed(id);
    bed.until("the stages are gone through", Duration::from_mins(2), |bed| {
        bed.try_get(&format!("/api/v1/calls/{id}/processing"))
            .is_some_and(|status| status["processing_status"] == "completed")
    });
}

/// The insights stage of a call.
fn stage(bed: &Bed, id: &str) -> Value {
    let status = bed.get(&format!("/api/v1/calls/{id}/processing"));
    status["stages"].as_array().and_then(|stages| stages.last()).cloned().expect("a stage")
}

#[test]
fn what_a_model_invents_is_dropped_and_what_it_says_stands_beside_the_rules() {
    let (url, heard) = model();
    let section = format!("[insights.llm]\nurl = \"{url}\"\nmodel = \"tiny\"\nkey_file = \"KEY\"");
    let mut bed = Bed::new("none", "");
    let key = bed.path("llm-key");
    std::fs::write(&key, "hush-hush\n").expect("write");
    let file = bed.path("lineside.toml");
    let config = std::fs::read_to_string(&file).expect("read") + &section.replace("KEY", &key.display().to_string());
    std::fs::write(&file, config).expect("write");
    bed.start();
    call(&bed, "L-1");
    let asked = heard.recv_timeout(Duration::from_secs(1)).expect("a question");
    assert!(asked.to_lowercase().contains("authorization: bearer hush-hush"), "{asked}");
    assert!(asked.contains("a refund of 40 dollars") && !asked.contains("4111"), "only what is redacted: {asked}");
    assert!(!asked.contains("L-1"), "nothing of the call's row: {asked}");
    let told = json!({
        "state": "told", "by": "tiny", "customer_intent": "a refund", "sentiment": "negative", "action_required": true,
        "summary": BACKED, "dropped": [INVENTED],
    });
    let export = bed.get("/api/v1/calls/L-1/export");
    assert_eq!(export["insights"]["language_model"], told, "{export}");
    assert_eq!(export["insights"]["intents"][0]["label"], "refund", "the rules stay: {export}");
    assert_eq!(export["summary"]["language_model"], told, "{export}");
    assert_eq!(bed.get("/api/v1/calls/L-1/summary")["language_model"], told);
    let made = stage(&bed, "L-1");
    assert_eq!((&made["state"], &made["engine"], &made["reason"]), (&json!("done"), &json!("rules+llm"), &Value::Null));
    assert!(made["model"].as_str().is_some_and(|model| model.ends_with(", tiny")), "{made}");
    let status = bed.get("/api/v1/calls/L-1/processing");
    assert_eq!(status["pipeline_config"]["insights_model"], "tiny");
    assert!(heard.try_recv().is_err(), "one question about one call");
    let settings = bed.get("/api/v1/settings").to_string();
    assert!(settings.contains("insights.llm") && !settings.contains("hush-hush"), "{settings}");
}

#[test]
fn without_the_model_the_rules_stay_and_the_stage_says_why() {
    let url = format!("http://127.0.0.1:{}/v1", free_port());
    let mut bed = Bed::new("none", &format!("[insights.llm]\nurl = \"{url}\"\nmodel = \"tiny\""));
    bed.start();
    call(&bed, "L-2");
    let made = stage(&bed, "L-2");
    assert_eq!((&made["state"], &made["engine"], &made["tries"]), (&json!("done"), &json!("rules"), &json!(1)));
    let reason = made["reason"].as_str().expect("a reason");
    assert!(reason.contains(&url) && reason.contains("the rules' insights stay"), "{reason}");
    let export = bed.get("/api/v1/calls/L-2/export");
    assert_eq!(export["insights"]["intents"][0]["label"], "refund", "{export}");
    assert_eq!(export["insights"]["language_model"], json!({"state": "failed", "by": "tiny", "reason": reason}));
    // The second call does not wait for a server that has just not been there.
    call(&bed, "L-3");
    let reason = stage(&bed, "L-3")["reason"].clone();
    assert!(reason.as_str().is_some_and(|reason| reason.contains("a moment ago")), "{reason}");
}
