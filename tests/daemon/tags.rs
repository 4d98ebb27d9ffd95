//! Tags that packs put on calls that are over, and calls that take more than `[sla]` allows.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;

/// A line of a call of another platform.
fn say(bed: &Bed, call: &str, speaker: &str, text: &str, status: &str) {
    let event = json!({
        "provider": "test", "call_id": call, "event_type": "transcript", "speaker": speaker, "text": text, "status": status,
    });
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
    assert_eq!(status, 200, "{answer}");
}

fn printed(bed: &Bed, words: &[&str]) -> String {
    let output = bed.command(words).output().expect("run");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn ids(answer: &Value) -> Vec<&str> {
    answer["calls"].as_array().into_iter().flatten().filter_map(|call| call["call_id"].as_str()).collect()
}

/// Goes through the classification of a call once more.
fn classify(bed: &Bed, call: &str) {
    let done = |bed: &Bed| {
        let stages = bed.get(&format!("/api/v1/calls/{call}/processing"))["stages"].clone();
        let stage = stages.as_array().into_iter().flatten().find(|one| one["stage"] == "classification").cloned();
        stage.filter(|one| one["state"] == "done").map(|one| one["completed_at"].clone())
    };
    let before = done(bed);
    let path = format!("/api/v1/calls/{call}/trigger-ai-pipeline?stage=classification");
    assert_eq!(bed.ask("POST", &path, None).0, 200);
    bed.until("it is classified again", Duration::from_secs(20), |bed| done(bed).is_some_and(|at| Some(at) != before));
}

#[test]
fn packs_tag_calls_with_their_reasons_and_people_have_the_last_word() {
    let mut bed = Bed::new("none", "");
    bed.start();
    say(&bed, "T-1", "customer", "I want a refund, the kettle arrived broken.", "active");
    say(&bed, "T-1", "customer", "Otherwise my lawyer will call you.", "active");
    say(&bed, "T-1", "agent", "Let me look at that.", "ended");
    bed.until_completed("T-1");
    let tagged = |bed: &Bed| bed.get("/api/v1/calls/T-1")["automatic_tags"] == json!(["legal", "refund"]);
    bed.until("the packs have tagged it", Duration::from_mins(2), tagged);
    let call = bed.get("/api/v1/calls/T-1");
    assert_eq!(call["tags"], json!(["legal", "refund"]));
    let reasons = call["tag_reasons"].as_array().cloned().unwrap_or_default();
    let told: Vec<_> = reasons.iter().map(|one| (&one["tag"], &one["pack"], &one["reason"])).collect();
    let [legal, refund] = ["legal", "refund"].map(Value::from);
    let [centre, general] = ["call-centre", "general"].map(Value::from);
    let [keyword, intent] = ["keyword legal", "intent refund"].map(Value::from);
    assert_eq!(told, [(&legal, &centre, &keyword), (&refund, &general, &intent)], "{call}");
    assert_eq!(reasons[0]["quotes"][0]["text"], "Otherwise my lawyer will call you.");
    assert!(reasons[1]["rule"].as_str().is_some_and(|rule| rule.starts_with("general:")), "{call}");
    assert_eq!(ids(&bed.get("/api/v1/calls?tag=refund")), ["T-1"]);
    let shown = printed(&bed, &["show", "T-1"]);
    assert!(shown.contains("tags: legal (automatic), refund (automatic)"), "{shown}");
    assert!(shown.contains("tagged: refund, intent refund (general:"), "{shown}");

    let bulk = |action: &str, tags: &[&str]| {
        let wish = json!({"action": action, "call_ids": ["T-1"], "tags": tags});
        assert_eq!(bed.ask("POST", "/calls/bulk", Some(&wish)).0, 200);
    };
    bulk("untag", &["legal"]);
    bulk("tag", &["vip"]);
    classify(&bed, "T-1");
    let call = bed.get("/api/v1/calls/T-1");
    assert_eq!((&call["tags"], &call["automatic_tags"]), (&json!(["refund", "vip"]), &json!(["refund"])), "{call}");
    assert_eq!(call["tag_reasons"].as_array().map(Vec::len), Some(1), "{call}");

    let pack = bed.path("own.txt");
    let body = "name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n[[tag]]\nname = \"kettle\"\nsaid = [\"kettle\"]\n[[tag]]\nname = \"refund\"\nenabled = false\n";
    std::fs::write(&pack, body).expect("a pack");
    let tried: Value =
        serde_json::from_str(&printed(&bed, &["pack", "try", &pack.display().to_string(), "--json"])).expect("JSON");
    let wanted = json!([{"call_id": "T-1", "what": "tag", "before": ["refund"], "after": ["kettle"]}]);
    assert_eq!(tried["differences"], wanted, "{tried}");
    bed.stop();
}

#[test]
fn a_call_beyond_its_limit_breaches_while_it_runs_and_in_list_search_commands_and_files() {
    let mut bed = Bed::new("none", "[sla]\nmax_call_minutes = 0.05\nmax_hold_s = 30");
    bed.start();
    for call in ["S-long", "S-short"] {
        say(&bed, call, "customer", "hello about my contract", "active");
    }
    say(&bed, "S-short", "agent", "", "ended");
    bed.until_completed("S-short");
    assert_eq!(bed.get("/api/v1/calls/S-long")["sla"]["breached"], false);
    std::thread::sleep(Duration::from_millis(3200));
    say(&bed, "S-long", "customer", "I am still here", "active");
    let call = bed.get("/api/v1/calls/S-long");
    assert_eq!((&call["status"], &call["sla_breached"]), (&json!("active"), &json!(true)), "{call}");
    assert_eq!(bed.get("/api/v1/box")["calls"]["S-long"]["sla_breached"], true);
    let limits = call["sla"]["limits"].as_array().cloned().unwrap_or_default();
    let [limit] = limits.as_slice() else { panic!("nothing tells of a hold: {call}") };
    assert_eq!(
        (&limit["limit"], &limit["max_seconds"], &limit["breached"]),
        (&json!("call"), &json!(3.0), &json!(true))
    );
    assert!(limit["seconds"].as_f64().is_some_and(|seconds| seconds > 3.0), "{limit}");

    say(&bed, "S-long", "agent", "goodbye", "ended");
    bed.until_completed("S-long");
    for (asked, wanted) in [("true", "S-long"), ("false", "S-short")] {
        assert_eq!(ids(&bed.get(&format!("/api/v1/calls?sla_breached={asked}"))), [wanted]);
        let hits = bed.get(&format!("/api/v1/search?q=contract&sla_breached={asked}"));
        assert_eq!(hits["hits"][0]["call_id"], wanted, "{hits}");
    }
    let (status, refused) = bed.ask("GET", "/api/v1/calls?sla_breach=true", None);
    assert_eq!(status, 422);
    assert!(refused.to_string().contains("did you mean sla_breached?"), "{refused}");
    let listed = printed(&bed, &["calls", "--sla-breached", "--tsv"]);
    assert!(listed.starts_with("S-long\t") && listed.trim_end().ends_with("\tsla"), "{listed}");
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let shown = printed(&bed, &["show", "S-long"]);
    assert!(shown.contains("SLA breached: call 0:0") && shown.contains("at most 0:03"), "{shown}");
    let wish = json!({"action": "export", "call_ids": ["S-long"], "format": "calls"});
    let answer = ureq::post(format!("http://127.0.0.1:{}/calls/bulk", bed.http))
        .header("Content-Type", "application/json")
        .send(wish.to_string());
    let rows = answer.expect("export").body_mut().read_to_string().expect("text");
    assert!(rows.lines().next().is_some_and(|head| head.ends_with(",sla_breached")), "{rows}");
    assert!(rows.trim_end().ends_with(",call"), "{rows}");
    bed.stop();
}
