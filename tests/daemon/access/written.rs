//! Tokens that are written into the configuration, and those of a PBX: what a person and a dialplan do with them.

use super::{connect, hear, inside, log_in, protected, request, text_of, token};
use std::io::Write;

#[test]
fn the_token_of_the_configuration_logs_in_to_the_page_and_its_logins_end_with_it() {
    let mut bed = protected("token = \"an old secret\"");
    bed.start();
    let cookie = log_in(&bed, "an+old+secret");
    let page = ["Origin: http://localhost", "X-Requested-With: lineside", cookie.as_str()];
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 200);
    assert_eq!(request(&bed, "POST", "/api/v1/calls/none/end", &page, "").status, 404, "it may do everything");
    assert_eq!(
        request(&bed, "POST", "/login", &["Content-Type: application/x-www-form-urlencoded"], "token=x").status,
        401
    );
    // It outlives a restart, not a change of the token.
    bed.stop();
    bed.start();
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 200, "the same token, the same login");
    let list = bed.command(&["token", "list"]).output().expect("run");
    assert!(String::from_utf8_lossy(&list.stdout).contains("[http] token"));
    let revoked = bed.command(&["token", "revoke", "[http] token"]).output().expect("run");
    assert!(!revoked.status.success() && String::from_utf8_lossy(&revoked.stderr).contains("configuration"));
    let other = log_in(&bed, "an+old+secret");
    assert_eq!(request(&bed, "POST", "/logout", &[&other, page[0]], "").status, 303);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&other], "").status, 401);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 200, "another browser's stays");
    let mut feed = connect(&bed);
    feed.write_all(text_of("GET", "/api/v1/events", &[&cookie], "").as_bytes()).expect("write");
    hear(&mut feed, |heard| heard.contains("text/event-stream"));
    bed.stop();
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replace("an old secret", "another secret")).expect("write");
    bed.start();
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401, "the token is another");
    let cookie = log_in(&bed, "another+secret");
    bed.stop();
    std::fs::write(&path, text.replace("token = \"an old secret\"", "")).expect("write");
    bed.start();
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401, "there is none");
    let bytes = std::fs::read(bed.path("state/lineside.db")).expect("read");
    assert!(!bytes.windows(13).any(|part| part == b"an old secret"));
    bed.stop();
    println!(
        "mended | 26 | [http] token could not log in to the page | it logs in, over a restart; its logins end when it is changed or taken away"
    );
}

#[test]
fn a_pbx_names_as_many_calls_as_it_has() {
    let mut bed = protected("");
    bed.start();
    let (pbx, person) =
        (token(&bed, &["pbx", "--scope", "ingest"]), token(&bed, &["person", "--scope", "read,operate"]));
    let name = |token: &str, number: u32| {
        let body = serde_json::json!({"uniqueid": format!("1795218045.{number}"), "agent": "mary"}).to_string();
        let auth = format!("Authorization: Bearer {token}");
        request(&bed, "POST", "/api/v1/calls", &[&auth, "Content-Type: application/json"], &body).status
    };
    let named: Vec<u16> = (0..60).map(|number| name(&pbx, number)).collect();
    assert!(named.iter().all(|status| *status == 200), "{named:?}");
    let of_the_pbx = named.len();
    let named: Vec<u16> = (100..130).map(|number| name(&person, number)).collect();
    assert!(named[..20].iter().all(|status| *status == 200) && named[29] == 429, "{named:?}");
    // What else it asks for is counted.
    assert_eq!(inside(&bed, "GET", "/api/v1/calls/stats", "").status, 200);
    bed.stop();
    println!(
        "mended | 25 | a token for ingest named 20 calls a minute | {of_the_pbx} of {of_the_pbx} at once are named; other tokens are counted as before"
    );
}
