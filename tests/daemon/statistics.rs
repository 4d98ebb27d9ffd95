//! What calls came to: of agents, campaigns and dispositions, and where a disposition does not go with what was said.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;

/// A call of another platform, from its first line to its end, with its result.
fn call(bed: &Bed, id: &str, agent: &str, campaign: &str, disposition: &str, lines: &[(&str, &str)]) {
    let event = |more: Value| {
        let mut event = json!({
            "provider": "twilio", "call_id": id, "event_type": "transcript", "status": "active", "agent_id": agent, "campaign": campaign,
            "metadata": {"disposition": disposition},
        });
        event.as_object_mut().expect("an object").extend(more.as_object().cloned().unwrap_or_default());
        assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200, "{event}");
    };
    for (speaker, text) in lines {
        event(json!({"speaker": speaker, "text": text}));
    }
    event(json!({"event_type": "call_ended", "status": "ended"}));
}

/// The call once it was reviewed with this disposition.
fn reviewed(bed: &Bed, id: &str, disposition: &str) -> Value {
    let path = format!("/api/v1/calls/{id}");
    bed.until(&format!("{id} is reviewed as {disposition}"), Duration::from_mins(1), |bed| {
        bed.get(&path)["review"]["disposition"] == disposition
    });
    bed.get(&path)
}

fn findings(answer: &Value) -> Vec<(String, String, String)> {
    let of = |one: &Value| {
        let text = |value: &Value| value.as_str().unwrap_or("?").to_owned();
        (text(&one["call_id"]), text(&one["name"]), text(&one["quote"]["text"]))
    };
    answer["findings"].as_array().into_iter().flatten().map(of).collect()
}

#[test]
fn agents_and_campaigns_are_summed_and_dispositions_are_held_against_what_was_said() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let stop = "Please stop calling me";
    call(
        &bed,
        "S-1",
        "1001",
        "SALES",
        "NI",
        &[("agent", "Good morning"), ("customer", stop), ("agent", "I see"), ("customer", "Goodbye")],
    );
    call(
        &bed,
        "S-2",
        "1001",
        "SALES",
        "CALLBK",
        &[
            ("agent", "Thank you for calling"),
            ("customer", "Great, wonderful"),
            ("agent", "I will call you back"),
            ("customer", "Thank you, perfect"),
        ],
    );
    call(&bed, "C-1", "1002", "CLAIMS", "SALE", &[("agent", "It is settled"), ("customer", "Fine")]);
    let one = reviewed(&bed, "S-1", "NI");
    let dnc = ("S-1".to_owned(), "asked_not_to_be_called".to_owned(), stop.to_owned());
    assert_eq!(findings(&one["review"]), std::slice::from_ref(&dnc), "{one}");
    assert!(
        one["alerts"].as_array().is_some_and(|alerts| alerts.iter().any(|alert| alert["rules_triggered"][0] == dnc.1)),
        "{one}"
    );
    reviewed(&bed, "S-2", "CALLBK");
    reviewed(&bed, "C-1", "SALE");

    let agent = bed.get("/api/v1/agents/1001/stats?days=7");
    assert_eq!((&agent["agent"], &agent["period_days"], &agent["total_calls"]), (&json!("1001"), &json!(7), &json!(2)));
    assert_eq!((&agent["total_segments"], &agent["total_findings"]), (&json!(8), &json!(1)), "{agent}");
    assert!(agent["total_positive"].as_i64() >= Some(2) && agent["avg_sentiment"].is_f64(), "{agent}");
    assert_eq!((&agent["best_call"]["call_id"], &agent["best_call"]["url"]), (&json!("S-2"), &json!("/calls/S-2")));
    assert_eq!(agent["worst_call"]["call_id"], "S-1");
    assert_eq!(findings(&agent), std::slice::from_ref(&dnc));
    assert_eq!((&agent["days"][0]["total_calls"], &agent["campaigns"][0]["name"]), (&json!(2), &json!("SALES")));
    let dispositions: Vec<&Value> =
        agent["dispositions"].as_array().expect("a list").iter().map(|one| &one["name"]).collect();
    assert_eq!(dispositions, ["CALLBK", "NI"]);
    assert_eq!(bed.get("/api/v1/agents/1001/stats?campaign=CLAIMS")["total_calls"], 0);
    assert_eq!(bed.get("/api/v1/agents/nobody/stats")["avg_sentiment"], Value::Null);

    let list = bed.get("/api/v1/agents?since=1d");
    let agents: Vec<(&Value, &Value)> =
        list["agents"].as_array().expect("a list").iter().map(|one| (&one["agent"], &one["total_calls"])).collect();
    assert_eq!(agents, [(&json!("1001"), &json!(2)), (&json!("1002"), &json!(1))]);
    assert_eq!(bed.get("/api/v1/agents?campaign=CLAIMS")["agents"][0]["agent"], "1002");
    let campaign = bed.get("/api/v1/campaigns/CLAIMS/stats");
    let no_consent = ("C-1".to_owned(), "sale_without_consent".to_owned(), "Fine".to_owned());
    assert_eq!((&campaign["total_calls"], findings(&campaign)), (&json!(1), vec![no_consent]), "{campaign}");
    for wrong in [
        "/api/v1/agents?day=1",
        "/api/v1/agents?since=400d",
        "/api/v1/agents/1001/stats?days=93",
        "/api/v1/campaigns/x/stats?days=0",
    ] {
        assert_eq!(bed.ask("GET", wrong, None).0, 422, "{wrong}");
    }

    let print = |arguments: &[&str]| {
        let done = bed.command(arguments).output().expect("run");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).expect("UTF-8")
    };
    let tsv = print(&["agent", "1001", "--days", "7", "--tsv"]);
    let rows: Vec<Vec<&str>> = tsv.lines().map(|line| line.split('\t').collect()).collect();
    assert_eq!((rows.len(), rows[1][0], rows[1][1], rows[1][11], rows[1].len()), (2, "total", "2", "1", 12), "{tsv}");
    assert!(print(&["agent", "1001"]).contains(stop) && print(&["agent", "--json"]).contains("\"1002\""));

    // The agent corrects the disposition: the finding goes.
    let corrected = json!({"call_id": "S-1", "metadata": {"disposition": "DNC"}});
    assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&corrected)).0, 200);
    assert_eq!(findings(&reviewed(&bed, "S-1", "DNC")["review"]), []);
    assert_eq!(bed.get("/api/v1/agents/1001/stats")["total_findings"], 0);
    bed.stop();
}

#[test]
fn who_asks_for_an_agent_whom_nobody_knows_is_told_who_nearly_has_that_name() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (id, agent) in [("N-1", "1001"), ("N-2", "1002")] {
        call(&bed, id, agent, "SALES", "NI", &[("customer", "Fine")]);
    }
    for (path, wanted) in [
        ("/api/v1/agents/1003/stats", json!(["1001", "1002"])),
        ("/api/v1/agents/1001/stats?campaign=CLAIMS", json!([])),
        ("/api/v1/agents/1001/stats", json!([])),
        ("/api/v1/figures?agent=1003", json!(["1001", "1002"])),
        ("/api/v1/figures?agent=1001", json!([])),
        ("/api/v1/figures?agent=1001&since=4d&until=3d", json!([])),
    ] {
        assert_eq!(bed.get(path)["similar_agents"], wanted, "{path}");
    }
    let unknown = bed.command(&["agent", "1003"]).output().expect("run");
    let told = String::from_utf8_lossy(&unknown.stderr);
    assert!(
        unknown.status.success() && unknown.stdout.is_empty() && told.contains("did you mean 1001, 1002?"),
        "{unknown:?}"
    );
    let quarter = bed.get("/api/v1/agents?since=92d");
    assert_eq!(quarter["agents"].as_array().map(Vec::len), Some(2), "{quarter}");
    bed.stop();
}
