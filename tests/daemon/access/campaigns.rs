//! A token of one campaign: other calls do not exist.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::json;

use super::{CLAIMS, SALES, UPGRADE, call, connect, hear, inside, protected, request, talk, text_of, token, words};
use crate::bed::{speak, uuid_of};

#[test]
fn a_token_for_a_campaign_in_other_capitals_is_for_the_campaign_that_calls_have() {
    let mut bed = protected("");
    bed.start();
    call(&bed, 1, "SALES");
    words(&bed, SALES, "the contract of sales");
    let sales = token(&bed, &["sales", "--campaign", "sales"]);
    let auth = format!("Authorization: Bearer {sales}");
    assert_eq!(request(&bed, "GET", &format!("/api/v1/calls/{SALES}"), &[&auth], "").status, 200);
    let add = |name: &str, campaign: &str| {
        bed.command(&["token", "add", name, "--campaign", campaign]).output().expect("run")
    };
    let told = |output: &std::process::Output| String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told(&add("second", "Sales")).contains("\"SALES\""), "it says what the token is for");
    assert!(told(&add("third", "CLAIMS")).contains("no call of campaign \"CLAIMS\""));
    let empty = add("fourth", " ");
    assert!(!empty.status.success() && told(&empty).contains("--campaign"));
}

#[test]
fn a_call_of_another_campaign_does_not_exist() {
    let mut bed = protected("");
    bed.start();
    call(&bed, 1, "SALES");
    call(&bed, 2, "CLAIMS");
    words(&bed, SALES, "the contract of sales");
    words(&bed, CLAIMS, "the contract of claims");
    let sales = token(&bed, &["sales", "--scope", "read,operate", "--campaign", "SALES"]);
    let auth = format!("Authorization: Bearer {sales}");
    let get = |path: &str| request(&bed, "GET", path, &[&auth], "");
    let nobody = get("/api/v1/calls/no.such");
    for path in ["", "/transcript", "/segments", "/audio"] {
        let (own, other) =
            (get(&format!("/api/v1/calls/{SALES}{path}")), get(&format!("/api/v1/calls/{CLAIMS}{path}")));
        assert_eq!(own.status, 200, "{path}: {own:?}");
        assert_eq!((other.status, &other.body), (404, &nobody.body), "{path}");
    }
    let by_uuid = get(&format!("/api/v1/calls/{}", uuid_of(1_795_218_045, 2, 1)));
    assert_eq!(by_uuid.status, 404, "nor by another of its names");
    assert_eq!(request(&bed, "POST", &format!("/api/v1/calls/{CLAIMS}/end"), &[&auth], "").body, nobody.body);
    let ids = |path: &str| {
        let list = get(path).json();
        let calls = list["calls"].as_array().or(list["hits"].as_array()).cloned().unwrap_or_default();
        calls.iter().map(|call| call["call_id"].as_str().unwrap_or("?").to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids("/api/v1/calls"), [SALES]);
    assert_eq!(ids("/api/v1/calls?campaign=CLAIMS"), [""; 0]);
    assert_eq!(ids("/api/v1/search?q=contract"), [SALES]);
    assert_eq!(ids("/api/v1/search?q=contract&campaign=CLAIMS"), [""; 0]);
    // Where something else is wrong too, and in what is said beside the answer.
    for path in
        ["/peaks?buckets=0", "/live?seconds=x", "/export?format=x", "/privacy", "/transcript?include_segments=x"]
    {
        let [other, none] = [CLAIMS, "no.such"].map(|id| get(&format!("/api/v1/calls/{id}{path}")));
        assert_eq!((other.status, &other.body, other.names()), (404, &none.body, none.names()), "{path}");
    }
    for path in ["/snapshot", "/audio", "/audio/meta"] {
        let [other, none] = [CLAIMS, "no.such"].map(|id| get(&format!("/api/realtime/calls/{id}{path}")));
        assert_eq!((other.status, other.body.replace(CLAIMS, "no.such")), (none.status, none.body), "{path}");
    }
    for command in ["/pause", "/resume", "/hold", "/end"] {
        let post = |id: &str| request(&bed, "POST", &format!("/api/v1/calls/{id}{command}"), &[&auth], "");
        assert_eq!((post(CLAIMS).status, post(CLAIMS).body), (404, nobody.body.clone()), "{command}");
    }
    for path in [
        "/api/v1/board",
        "/api/v1/box",
        "/api/v1/figures?days=366",
        "/api/v1/coverage",
        "/api/v1/alerts",
        "/api/realtime/alerts",
    ] {
        assert!(!get(path).body.contains("CLAIMS") && !get(path).body.contains(CLAIMS), "{path}");
    }
    let agents = get("/api/v1/agents").body;
    assert!(!agents.contains("CLAIMS") && !agents.contains(CLAIMS), "{agents}");
    let calls = |campaign: &str| get(&format!("/api/v1/campaigns/{campaign}/stats")).json()["total_calls"].clone();
    assert_eq!((calls("SALES"), calls("CLAIMS"), calls("NOBODY")), (json!(1), json!(0), json!(0)));
    for path in ["/api/v1/alerts?call_id=", "/api/v1/events?call_id="] {
        assert_eq!(get(&format!("{path}{CLAIMS}")).body, get(&format!("{path}no.such")).body, "{path}");
    }
    let bulk = |id: &str| {
        let body = json!({"action": "export", "format": "text", "call_ids": [id]}).to_string();
        request(&bed, "POST", "/calls/bulk", &[&auth, "Content-Type: application/json"], &body)
    };
    assert_eq!((bulk(SALES).status, bulk(CLAIMS).status, bulk(CLAIMS).body), (200, 404, nobody.body.clone()));
    for closed in ["/metrics", "/health/models"] {
        assert_eq!(get(closed).status, 403, "{closed} counts everybody's calls");
    }
    let json = "Content-Type: application/json";
    assert_eq!(
        request(&bed, "POST", "/api/v1/calls", &[&auth, json], r#"{"uniqueid":"1795218045.2","campaign":"SALES"}"#)
            .status,
        403
    );

    for id in [SALES, CLAIMS] {
        bed.until("the call is over", Duration::from_secs(30), |bed| {
            inside(bed, "GET", &format!("/api/v1/calls/{id}"), "").json()["status"] == "completed"
        });
    }
    // Two calls that run, and the feeds.
    let live = [(11, "SALES"), (12, "CLAIMS")].map(|(sequence, campaign)| {
        let id = format!("1795218045.{sequence}");
        let body =
            json!({"uuid": uuid_of(1_795_218_045, sequence, 1), "uniqueid": id, "campaign": campaign}).to_string();
        assert_eq!(inside(&bed, "POST", "/api/v1/calls", &body).status, 200);
        let mut stream = bed.dial(&uuid_of(1_795_218_045, sequence, 1));
        speak(&mut stream, &[300; 1600]).expect("speak");
        bed.until("the call runs", Duration::from_secs(20), |bed| {
            inside(bed, "GET", &format!("/api/v1/calls/{id}"), "").json()["campaign"] == campaign
        });
        (id, stream)
    });
    assert_eq!(get("/api/v1/calls/stats").json()["session_list"], json!([live[0].0]));
    let active = get("/api/v1/calls/active").json();
    assert_eq!((active.as_array().map(Vec::len), &active[0]["call_id"]), (Some(1), &json!(live[0].0)));
    let mut socket = connect(&bed);
    let opened = talk(&mut socket, text_of("GET", "/ws/calls", &[UPGRADE, &[auth.as_str()]].concat(), "").as_bytes());
    assert_eq!(opened.status, 101, "{opened:?}");
    assert_eq!(
        request(&bed, "GET", &format!("/ws/calls/{}", live[1].0), &[UPGRADE, &[auth.as_str()]].concat(), "").status,
        404
    );
    let [(own, first), (other, second)] = live;
    drop(second);
    bed.until("the other call is over", Duration::from_secs(30), |bed| {
        inside(bed, "GET", &format!("/api/v1/calls/{other}"), "").json()["status"] == "completed"
    });
    drop(first);
    let heard = hear(&mut socket, |heard| heard.contains("call_end"));
    assert!(heard.contains(&own) && !heard.contains(&other), "{heard}");
    let mut past = connect(&bed);
    past.write_all(text_of("GET", "/api/v1/events", &[&auth, "Last-Event-ID: 0"], "").as_bytes()).expect("write");
    let heard = hear(&mut past, |heard| heard.contains(&own) && heard.contains("call_end"));
    assert!(!heard.contains(&other) && !heard.contains(CLAIMS), "{heard}");
    // A feed ends with its token.
    assert!(bed.command(&["token", "revoke", "sales"]).status().expect("run").success());
    let began = Instant::now();
    while past.read(&mut [0; 4096]).is_ok_and(|got| got > 0) {
        assert!(began.elapsed() < Duration::from_secs(25), "it still goes on");
    }
    bed.stop();
}
