//! A token of one agent: the own running call, reviews of the own calls that are over, and nothing else by any path.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, inside, protected, request, token};
use crate::bed::Bed;

const OWN: &str = "1795218045.1";
const OTHER: &str = "1795218045.2";
const KEYS: &str = "reads_per_minute = 0\nwrites_per_minute = 0\nframe_ancestors = [\"https://vici.example.com\"]";

fn say(bed: &Bed, call: &str, agent: &str, text: &str) {
    let event = json!({"call_id": call, "provider": "test", "speaker": "customer", "text": text, "agent_id": agent});
    let answer = inside(bed, "POST", "/api/realtime/events", &event.to_string());
    assert_eq!(answer.status, 200, "{answer:?}");
    bed.until("the call is known", Duration::from_mins(1), |bed| {
        inside(bed, "GET", &format!("/api/v1/calls/{call}"), "").json()["agent"] == agent
    });
}

fn of(bed: &Bed, token: &str, method: &str, path: &str) -> Answer {
    let auth = format!("Authorization: Bearer {token}");
    request(bed, method, path, &[&auth, "Content-Type: application/json"], "")
}

#[test]
fn an_agent_sees_the_own_running_call_and_nothing_else_by_any_path() {
    let mut bed = protected(KEYS);
    bed.start();
    say(&bed, OWN, "1001", "I need a supervisor, my parcel is lost.");
    say(&bed, OTHER, "1002", "A secret of somebody else.");
    let mary = token(&bed, &["mary", "--agent", "1001"]);
    let view = |query: &str| of(&bed, &mary, "GET", &format!("/api/v1/agent/call{query}"));
    let own = view("?user=1001&uniqueid=--A--uniqueid--B--");
    assert_eq!((own.status, &own.json()["call"]["call_id"]), (200, &json!(OWN)), "{own:?}");
    assert!(own.body.contains("my parcel is lost") && !own.body.contains("secret"), "{own:?}");
    for hidden in ["risk", "sentiment", "rules", "phone", "lead"] {
        assert!(!own.body.contains(hidden), "{hidden}: {own:?}");
    }
    assert_eq!(view(&format!("?uniqueid={OTHER}")).json()["call"]["call_id"], OWN, "the other's is none");
    assert_eq!(view("?user=1002").status, 422);
    assert_eq!(view("?agent=1002").status, 422);

    let document: Value = serde_json::from_str(&request(&bed, "GET", "/openapi.json", &[], "").body).expect("JSON");
    let (mut tried, mut open) = (0, Vec::new());
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let is_open = operation["security"].as_array().is_none_or(Vec::is_empty);
            for id in [OWN, OTHER] {
                let place =
                    ["{id}", "{call_id}", "{target}"].iter().fold(path.clone(), |path, name| path.replace(name, id));
                if place == "/api/v1/agent/call" {
                    continue;
                }
                let answer = of(&bed, &mary, &method.to_uppercase(), &place);
                tried += 1;
                // What an agent may read and do of own calls that are over; while they run there is nothing to read.
                let of_own = match (method.as_str(), path.as_str()) {
                    ("post", "/api/v1/calls/{id}/disputes") => Some((422, 404)),
                    ("get", "/api/v1/calls/{id}/reviews") => Some((409, 404)),
                    ("get", "/api/v1/agent/reviews") => Some((200, 200)),
                    _ => None,
                };
                if let Some((own, others)) = of_own {
                    assert_eq!(answer.status, if id == OWN { own } else { others }, "{method} {place}: {answer:?}");
                    assert!(!answer.body.contains("greeting") && !answer.body.contains(OTHER), "{answer:?}");
                    continue;
                }
                assert!(
                    !answer.body.contains("secret") && !answer.body.contains("parcel"),
                    "{method} {place}: {answer:?}"
                );
                if is_open {
                    open.push(place);
                } else {
                    assert_eq!(answer.status, 403, "{method} {place}: {answer:?}");
                }
            }
        }
    }
    assert!(tried > 100 && open.iter().all(|path| path == "/health"), "{tried} {open:?}");
    for page in ["/", "/calls", "/dashboard", "/metrics", &format!("/calls/{OWN}"), "/ws/events", "/nothing"] {
        assert_eq!(of(&bed, &mary, "GET", page).status, 403, "{page}");
    }
    let form = ["Content-Type: application/x-www-form-urlencoded", "Origin: http://localhost"];
    let login = request(&bed, "POST", "/login", &form, &format!("token={mary}"));
    assert_eq!((login.status, login.header("set-cookie")), (401, None), "the pages are not for it");

    let ended = json!({"call_id": OWN, "event_type": "call_ended"}).to_string();
    assert_eq!(inside(&bed, "POST", "/api/realtime/events", &ended).status, 200);
    bed.until("an ended call is none", Duration::from_mins(1), |_| view("").json()["call"].is_null());
    let boss = token(&bed, &["boss", "--scope", "read"]);
    assert_eq!(of(&bed, &boss, "GET", "/api/v1/agent/call?user=1002").json()["call"]["call_id"], OTHER);
    assert_eq!(of(&bed, &boss, "GET", "/api/v1/agent/call").status, 422, "whose?");
    let audit = bed.command(&["audit", "--who", "mary", "--json"]).output().expect("run");
    assert!(String::from_utf8_lossy(&audit.stdout).contains("agent page"), "{audit:?}");
    bed.stop();
}

#[test]
fn an_agent_is_the_same_in_capitals_or_not_on_the_page_and_by_a_link() {
    let mut bed = protected(KEYS);
    bed.start();
    say(&bed, OWN, "mary", "I need a supervisor, my parcel is lost.");
    say(&bed, OTHER, "maryann", "A secret of somebody else.");
    let desk = token(&bed, &["desk7", "--agent", "Mary"]);
    for query in ["", "?user=MARY", "?user=mary", &format!("?uniqueid={OWN}")] {
        let own = of(&bed, &desk, "GET", &format!("/api/v1/agent/call{query}"));
        assert_eq!((own.status, &own.json()["call"]["call_id"]), (200, &json!(OWN)), "{query}: {own:?}");
    }
    assert_eq!(of(&bed, &desk, "GET", "/api/v1/agent/call?user=maryann").status, 422);
    assert_eq!(of(&bed, &desk, "GET", &format!("/api/v1/calls/{OWN}/reviews")).status, 409, "it is hers, and runs");
    assert_eq!(of(&bed, &desk, "GET", &format!("/api/v1/calls/{OTHER}/reviews")).status, 404);
    let boss = token(&bed, &["boss", "--scope", "read"]);
    assert_eq!(of(&bed, &boss, "GET", "/api/v1/agent/call?user=Mary").json()["call"]["call_id"], OWN);
    let made = of(&bed, &boss, "POST", "/api/v1/agent/link?user=Mary").json();
    let signed = made["url"].as_str().and_then(|url| url.split_once('#')).expect("signed").1.to_owned();
    let shown = request(&bed, "GET", &format!("/api/v1/agent/call?user=Mary&{signed}"), &[], "");
    assert_eq!((shown.status, &shown.json()["call"]["call_id"]), (200, &json!(OWN)), "{shown:?}");
    bed.stop();
}

#[test]
fn a_signed_link_shows_one_agents_running_call_for_a_while_and_dies_with_its_token() {
    let mut bed = protected(KEYS);
    bed.start();
    say(&bed, OWN, "1001", "I need a supervisor, my parcel is lost.");
    say(&bed, OTHER, "1002", "A secret of somebody else.");
    let script = token(&bed, &["script", "--scope", "read"]);
    let link = |query: &str| of(&bed, &script, "POST", &format!("/api/v1/agent/link?{query}"));
    let made = link("user=1001&seconds=3").json();
    let url = made["url"].as_str().expect("an address");
    let signed = url.strip_prefix("/agent?user=1001#").unwrap_or_else(|| panic!("{url}"));
    let view = |user: &str, signed: &str| {
        request(&bed, "GET", &format!("/api/v1/agent/call?user={user}&uniqueid={OTHER}&{signed}"), &[], "")
    };
    let own = view("1001", signed);
    assert_eq!((own.status, &own.json()["call"]["call_id"]), (200, &json!(OWN)), "{own:?}");
    assert!(!own.body.contains("secret"), "{own:?}");
    assert_eq!(view("1002", signed).status, 401, "it is bound to its agent");
    assert_eq!(request(&bed, "GET", &format!("/api/v1/agent/call?{signed}"), &[], "").status, 401, "whose?");
    for path in [
        "/api/v1/calls",
        "/api/v1/agent/reviews",
        &format!("/api/v1/calls/{OWN}"),
        &format!("/api/v1/calls/{OWN}/audio"),
        &format!("/api/v1/calls/{OWN}/reviews"),
    ] {
        let answer = request(&bed, "GET", &format!("{path}?user=1001&{signed}"), &[], "");
        assert!([401, 422].contains(&answer.status), "{path}: {answer:?}");
    }
    bed.until("it ends", Duration::from_secs(30), |_| view("1001", signed).status == 401);
    let long = link("user=1001").json();
    let signed = long["url"].as_str().and_then(|url| url.split_once('#')).expect("signed").1.to_owned();
    assert_eq!(view("1001", &signed).status, 200);
    assert_eq!(link("user=1001&seconds=90000").status, 422, "longer than a shift");
    assert_eq!(link("").status, 422, "whose?");
    assert_eq!(link("user=a%26b").status, 422, "no user");
    let mary = token(&bed, &["mary", "--agent", "1001"]);
    assert_eq!(of(&bed, &mary, "POST", "/api/v1/agent/link?user=1001").status, 403, "an agent makes none");
    let revoked = bed.command(&["token", "revoke", "script"]).output().expect("run");
    assert!(revoked.status.success(), "{revoked:?}");
    bed.until("it dies with its token", Duration::from_secs(30), |_| view("1001", &signed).status == 401);
    bed.stop();
}

#[test]
fn the_agents_page_stands_in_frames_of_the_sites_that_are_named_and_no_other_page_does() {
    let mut bed = protected(KEYS);
    bed.start();
    let page = request(&bed, "GET", "/agent?user=1001&token=lineside_x", &[], "");
    assert_eq!((page.status, page.header("x-frame-options")), (200, None), "{page:?}");
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(
        policy.contains("frame-ancestors https://vici.example.com;") && policy.contains("default-src 'self'"),
        "{policy}"
    );
    let login = request(&bed, "GET", "/docs", &[], "");
    assert_eq!(login.header("x-frame-options"), Some("DENY"));
    assert!(login.header("content-security-policy").is_some_and(|policy| policy.contains("frame-ancestors 'none'")));
    bed.stop();
    let mut bed = protected("");
    bed.start();
    assert_eq!(request(&bed, "GET", "/agent", &[], "").header("x-frame-options"), Some("DENY"));
    bed.stop();
    let output = bed.command(&["token", "add", "x", "--scope", "agent"]).output().expect("run");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--agent USER"), "{output:?}");
}
