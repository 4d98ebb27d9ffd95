//! What a quality analyst does with calls that are over: score card, named things, summary.

use serde_json::{Value, json};

use crate::bed::Bed;

/// A call of another platform, line by line: (speaker, text).
fn talk(bed: &Bed, call: &str, lines: &[(&str, &str)]) {
    for (number, (speaker, text)) in lines.iter().enumerate() {
        let event = json!({
            "provider": "test", "call_id": call, "event_type": "transcript", "speaker": speaker, "text": text, "agent_id": "mary",
            "status": if number + 1 == lines.len() { "ended" } else { "active" },
        });
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    }
    bed.until_completed(call);
}

const CALL: &[(&str, &str)] = &[
    ("agent", "Good morning, this call may be recorded. How can I help you?"),
    ("customer", "I'm calling about my bill, you charged me two hundred dollars twice!"),
    ("customer", "This is terrible, I am so angry about this awful company."),
    ("agent", "I understand, I am sorry about that."),
    ("agent", "I have credited your account, you will receive an e-mail tomorrow."),
    ("customer", "Thank you so much, that is wonderful."),
    ("agent", "Anything else? Have a nice day."),
];

fn outcome(qa: &Value, name: &str) -> Value {
    let of = |mark: &&Value| mark["name"] == name;
    qa["criteria"].as_array().into_iter().flatten().find(of).map_or(Value::Null, |mark| mark["outcome"].clone())
}

#[test]
fn a_call_is_scored_by_rules_that_name_their_words_and_told_in_its_own_lines() {
    let mut bed = Bed::new("none", "");
    bed.start();
    talk(&bed, "Q-1", CALL);
    let qa = bed.get("/api/v1/calls/Q-1/qa");
    for (name, wanted) in [
        ("greeting", "met"),
        ("disclosure", "met"),
        ("empathy", "met"),
        ("hold", "not_asked"),
        ("closing", "met"),
        ("forbidden_words", "met"),
    ] {
        assert_eq!(outcome(&qa, name), wanted, "{name}: {qa}");
    }
    assert_eq!(qa["criteria"][0]["quotes"][0]["text"], "Good morning");
    assert!(qa["score"].as_f64().is_some_and(|score| score > 90.0), "{qa}");

    let entities = bed.get("/api/v1/calls/Q-1/entities");
    assert_eq!((&entities["counts"]["money"], &entities["counts"]["date"]), (&json!(1), &json!(1)), "{entities}");
    assert_eq!(entities["entities"][0]["text"], "two hundred dollars");

    let summary = bed.get("/api/v1/calls/Q-1/summary");
    let reason = summary["reason"]["text"].as_str().unwrap_or_default();
    assert!(reason.starts_with("I'm calling about my bill"), "{summary}");
    assert!(summary["outcome"]["text"].as_str().is_some_and(|text| text.contains("credited")), "{summary}");
    assert_eq!(summary["turns"].as_array().map(Vec::len), Some(2), "{summary}");

    talk(&bed, "Q-2", &[("agent", "What? Calm down."), ("customer", "This is an awful, terrible service and I hate it.")]);
    let qa = bed.get("/api/v1/calls/Q-2/qa");
    for (name, wanted) in [("greeting", "missed"), ("forbidden_words", "missed"), ("empathy", "missed")] {
        assert_eq!(outcome(&qa, name), wanted, "{name}: {qa}");
    }
    assert_eq!(bed.ask("GET", "/api/v1/calls/none/qa", None).0, 404);
}
