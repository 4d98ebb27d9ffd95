//! Tokens, logins and links: what they open, and when they end.

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::{CLAIMS, SALES, call, connect, hear, inside, log_in, protected, request, talk, text_of, token, words};

#[test]
fn a_token_does_what_it_is_for_until_it_is_revoked() {
    let mut bed = protected("");
    // Before the daemon has ever run, into a file.
    let out = bed.path("token");
    std::fs::create_dir(bed.path("state")).expect("mkdir");
    assert_eq!(token(&bed, &["admin", "--scope", "read,operate,ingest", "--out", &out.display().to_string()]), "");
    let admin = std::fs::read_to_string(&out).expect("read").trim().to_string();
    let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&out).expect("meta").permissions());
    assert_eq!(mode & 0o777, 0o640);
    let twice = bed.command(&["token", "add", "admin"]).output().expect("run");
    assert!(!twice.status.success() && String::from_utf8_lossy(&twice.stderr).contains("token revoke admin"));
    bed.start();
    call(&bed, 1, "SALES");
    let reader = token(&bed, &["reader", "--scope", "read", "--expires", "90d"]);
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let end = format!("/api/v1/calls/{SALES}/end");
    for (path, admins, readers) in [("/health", 200, 200), ("/metrics", 200, 200), ("/api/v1/calls", 200, 200)] {
        assert_eq!(request(&bed, "GET", path, &[&bearer(&admin)], "").status, admins, "{path}");
        assert_eq!(request(&bed, "GET", path, &[&bearer(&reader)], "").status, readers, "{path}");
    }
    assert_eq!(request(&bed, "GET", "/health", &[], "").status, 200);
    for path in ["/metrics", "/health/models", "/api/v1/calls", "/", "/no/such/path"] {
        let got = request(&bed, "GET", path, &[], "");
        assert_eq!((got.status, got.header("www-authenticate")), (401, Some("Bearer")), "{path}");
    }
    let refused = request(&bed, "POST", &end, &[&bearer(&reader)], "");
    assert_eq!(
        (refused.status, refused.json()["detail"].as_str().map(|text| text.contains("operate"))),
        (403, Some(true))
    );
    assert_eq!(request(&bed, "POST", &end, &[&bearer(&admin)], "").status, 409, "let in, and the call is over");
    let dialer = token(&bed, &["dialer", "--scope", "ingest"]);
    let json = "Content-Type: application/json";
    assert_eq!(
        request(&bed, "POST", "/api/v1/calls", &[&bearer(&dialer), json], r#"{"uniqueid":"1.2","agent":"a"}"#).status,
        200
    );
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&bearer(&dialer)], "").status, 403);

    let list = bed.command(&["token", "list"]).output().expect("run");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert!(list.contains("reader") && list.contains("read,operate,ingest") && !list.contains(&reader), "{list}");
    assert!(bed.command(&["token", "revoke", "reader"]).status().expect("run").success());
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&bearer(&reader)], "").status, 401, "at once");
    assert!(!bed.command(&["token", "revoke", "reader"]).status().expect("run").success());

    // One that is over.
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(Duration::from_secs(10)).expect("timeout");
    db.execute("UPDATE token SET expires_ms = 1000 WHERE name = 'dialer'", []).expect("update");
    let over = request(&bed, "POST", "/api/v1/calls", &[&bearer(&dialer), json], "{}");
    assert_eq!(over.status, 401);
    bed.stop();
}

#[test]
fn the_token_of_the_configuration_works_and_the_page_is_sent_to_its_login() {
    let mut bed = protected("token = \"an old secret\"");
    bed.start();
    let auth = "Authorization: Bearer an old secret";
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[auth], "").status, 200);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &["Authorization: Bearer an old secre"], "").status, 401);
    let html = "Accept: text/html,*/*";
    let sent = request(&bed, "GET", "/", &[html], "");
    assert_eq!((sent.status, sent.header("location")), (303, Some("login")), "{sent:?}");
    assert_eq!(request(&bed, "GET", "/calls/1/x", &[html], "").header("location"), Some("../../login?next=calls/1/x"));
    // From a link in a chat: the browser asks again by itself, then with its cookie.
    let again = request(&bed, "GET", "/", &[html, "Sec-Fetch-Site: cross-site"], "");
    assert!(again.status == 200 && again.body.contains("refresh"), "{again:?}");
    let form = request(&bed, "GET", "/login", &[html], "");
    assert!(form.status == 200 && form.body.contains("action=\"login\""), "{form:?}");
    assert_eq!(request(&bed, "GET", "/login.css", &[], "").header("content-type"), Some("text/css; charset=utf-8"));
    assert_eq!(form.header("x-frame-options"), Some("DENY"));
    assert_eq!(form.header("strict-transport-security"), None, "only with TLS");

    let mary = token(&bed, &["mary", "--scope", "read,operate"]);
    let cookie = log_in(&bed, &mary);
    assert_eq!(request(&bed, "GET", "/", &[html, &cookie], "").status, 200);
    let write = |headers: &[&str]| {
        request(&bed, "POST", "/api/v1/calls/none/end", &[&[cookie.as_str()][..], headers].concat(), "").status
    };
    let page = "Origin: http://localhost";
    assert_eq!(
        (write(&[page, "X-Requested-With: lineside"]), write(&[page]), write(&["X-Requested-With: x"])),
        (404, 403, 403)
    );
    let out = request(&bed, "POST", "/logout", &[&cookie, page], "");
    assert_eq!((out.status, out.header("location")), (303, Some("./")));
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401, "the cookie is worth nothing now");
    // A feed ends with the login that it began with.
    let cookie = log_in(&bed, &mary);
    let mut feed = connect(&bed);
    feed.write_all(text_of("GET", "/api/v1/events", &[&cookie], "").as_bytes()).expect("write");
    hear(&mut feed, |heard| heard.contains("text/event-stream"));
    assert_eq!(request(&bed, "POST", "/logout", &[&cookie, page], "").status, 303);
    let began = Instant::now();
    while feed.read(&mut [0; 4096]).is_ok_and(|got| got > 0) {
        assert!(began.elapsed() < Duration::from_secs(25), "it still goes on");
    }
    // A login ends with its token.
    let cookie = log_in(&bed, &mary);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 200);
    assert!(bed.command(&["token", "revoke", "mary"]).status().expect("run").success());
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401);
    bed.stop();
}

#[test]
fn a_client_has_its_minute_and_is_told_what_is_left_of_it() {
    let mut bed = protected("");
    bed.start();
    let mary = format!("Authorization: Bearer {}", token(&bed, &["mary", "--scope", "read,operate"]));
    let john = format!("Authorization: Bearer {}", token(&bed, &["john", "--scope", "read,operate"]));
    let first = request(&bed, "GET", "/api/v1/calls/stats", &[&mary], "");
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), (Some("100"), Some("99")));
    let write = |auth: &str| request(&bed, "POST", "/api/v1/calls/none/end", &[auth], "");
    let statuses: Vec<u16> = (0..30).map(|_| write(&mary).status).collect();
    assert!(statuses[..20].iter().all(|&status| status == 404) && statuses.contains(&429), "{statuses:?}");
    bed.until("mary's minute is used up", Duration::from_mins(1), |_| {
        let spent = write(&mary);
        let wait: u64 = spent.header("retry-after").unwrap_or("0").parse().expect("seconds");
        spent.status == 429 && (1..=3).contains(&wait) && spent.header("ratelimit-remaining") == Some("0")
    });
    assert_eq!(write(&john).status, 404, "john's is his own");
    for _ in 0..30 {
        assert_eq!(inside(&bed, "POST", "/api/v1/calls/none/end", "").status, 404, "the Unix socket has no limit");
    }
    bed.stop();
}

#[test]
fn a_link_to_a_sound_works_without_a_token_for_its_time_only_and_who_heard_it_is_known() {
    let mut bed = protected("reads_per_minute = 0");
    bed.start();
    call(&bed, 1, "SALES");
    let mary = format!("Authorization: Bearer {}", token(&bed, &["mary", "--scope", "read"]));
    let made = request(&bed, "POST", &format!("/api/v1/calls/{SALES}/audio/link?leg=agent&seconds=60"), &[&mary], "");
    let url = made.json()["url"].as_str().expect("url").to_string();
    assert!(made.json()["expires_at"].is_string());
    let heard = request(&bed, "GET", &url, &["Range: bytes=0-3"], "");
    assert_eq!((heard.status, heard.body.as_str()), (206, "RIFF"), "{heard:?}");
    for wrong in [
        url.replace("leg=agent", "leg=1"),
        url.replace("expires=", "expires=9"),
        url.replace("/audio?", "/transcript?"),
        url.replace("/audio?", "/live?"),
        url.replace("/api/v1/", "/api/realtime/"),
        url.replace("leg=agent&", ""),
        format!("{url}&leg=caller"),
        url.replace(SALES, CLAIMS),
        url[..url.len() - 1].to_string(),
        format!("/api/v1/calls?{}", url.split_once('?').expect("query").1),
    ] {
        assert_eq!(request(&bed, "GET", &wrong, &[], "").status, 401, "{wrong}");
    }
    assert_eq!(
        request(&bed, "POST", &format!("/api/v1/calls/{SALES}/audio/link?seconds=3601"), &[&mary], "").status,
        422
    );
    let several = json!({"action": "export", "format": "text", "call_ids": [SALES]}).to_string();
    assert_eq!(request(&bed, "POST", "/calls/bulk", &[&mary, "Content-Type: application/json"], &several).status, 200);
    assert_eq!(request(&bed, "GET", &format!("/calls/{SALES}/export"), &[&mary], "").status, 200);
    request(&bed, "GET", &format!("/api/v1/calls/{SALES}/transcript"), &[&mary], "");
    request(&bed, "GET", &format!("/api/v1/calls/{SALES}/transcript"), &[&mary], "");
    let audit = || {
        let output = bed.command(&["audit", "--call", SALES, "--json"]).output().expect("run");
        serde_json::from_slice::<Vec<Value>>(&output.stdout).expect("JSON")
    };
    bed.until("all of it is written down", Duration::from_secs(20), |_| {
        audit().iter().any(|row| row["action"] == "transcript")
    });
    let rows = audit();
    let count =
        |who: &str, action: &str| rows.iter().filter(|row| row["who"] == who && row["action"] == action).count();
    assert_eq!(
        ["audio link", "transcript", "bulk export (1 call)", "export"].map(|action| count("mary", action)),
        [1; 4],
        "{rows:?}"
    );
    assert_eq!((count("mary (link)", "audio"), count("mary", "audio")), (1, 0), "{rows:?}");
    assert!(rows.iter().any(|row| row["who"].as_str().is_some_and(|who| who.starts_with("user "))), "{rows:?}");
    assert!(bed.command(&["token", "revoke", "mary"]).status().expect("run").success());
    assert_eq!(request(&bed, "GET", &url, &[], "").status, 401, "the link went with its token");
    bed.stop();
}

#[test]
fn what_was_done_with_many_calls_is_written_down_before_the_answer_says_so() {
    let mut bed = protected("reads_per_minute = 0\nwrites_per_minute = 0");
    bed.start();
    for number in 1..=3 {
        call(&bed, number, "SALES");
        bed.until("its line is closed", Duration::from_mins(1), |bed| {
            inside(bed, "GET", &format!("/api/v1/calls/1795218045.{number}"), "").json()["status"] != "active"
        });
    }
    let mary = format!("Authorization: Bearer {}", token(&bed, &["mary", "--scope", "read,operate"]));
    let bulk = |body: Value| {
        let headers = [mary.as_str(), "Content-Type: application/json"];
        text_of("POST", "/calls/bulk", &headers, &body.to_string())
    };
    let audit = || {
        let output = bed.command(&["audit", "--who", "mary", "--json"]).output().expect("run");
        let rows: Vec<Value> = serde_json::from_slice(&output.stdout).expect("JSON");
        rows.into_iter()
            .map(|row| (row["action"].as_str().unwrap_or_default().to_string(), row["call_id"].clone()))
            .collect::<Vec<_>>()
    };
    let three = ["1795218045.1", "1795218045.2", "1795218045.3"];
    // Nobody can write: an export needs no row of its own, and yet waits for the audit's.
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(Duration::from_secs(10)).expect("timeout");
    db.execute_batch("BEGIN IMMEDIATE").expect("lock");
    let mut waiting = connect(&bed);
    waiting.write_all(bulk(json!({"action": "export", "call_ids": three})).as_bytes()).expect("write");
    waiting.set_read_timeout(Some(Duration::from_secs(2))).expect("timeout");
    let early = waiting.read(&mut [0; 1]);
    assert!(early.is_err(), "answered before it was written down: {early:?}");
    db.execute_batch("ROLLBACK").expect("unlock");
    waiting.set_read_timeout(Some(Duration::from_mins(1))).expect("timeout");
    hear(&mut waiting, |heard| heard.starts_with("HTTP/1.1 200"));
    let entry = |action: &str, call: &str| (action.to_string(), Value::from(call));
    assert_eq!(audit(), three.iter().rev().map(|id| entry("bulk export (3 calls)", id)).collect::<Vec<_>>());

    let ask = |body: Value| talk(connect(&bed), bulk(body).as_bytes()).status;
    assert_eq!(ask(json!({"action": "tag", "call_ids": three[..1], "tags": ["vip"]})), 200);
    assert_eq!(audit()[0], entry("bulk tag (1 call)", three[0]));
    assert_eq!(ask(json!({"action": "delete", "call_ids": three[..2]})), 200);
    assert_eq!(audit()[0], ("bulk delete (2 calls)".into(), Value::Null));
    bed.stop();
}

#[test]
fn who_may_only_bring_calls_in_reads_none_that_came_another_way() {
    let mut bed = protected("");
    bed.start();
    call(&bed, 1, "SALES");
    words(&bed, SALES, "the contract of sales");
    let platform = format!("X-Cloud-Token: {}", token(&bed, &["platform", "--scope", "ingest"]));
    let reader = format!("X-Cloud-Token: {}", token(&bed, &["reader", "--scope", "read"]));
    let event = |header: &str, id: &str| {
        let body = json!({"call_id": id, "text": "hello", "speaker": "agent"}).to_string();
        request(&bed, "POST", "/api/realtime/events", &[header, "Content-Type: application/json"], &body)
    };
    bed.until("its own call is told", Duration::from_secs(20), |_| {
        let own = event(&platform, "RT-1");
        own.status == 200 && own.json()["snapshot"]["events"][0]["text"] == "hello"
    });
    let other = event(&platform, SALES);
    assert!(other.status == 400 && !other.body.contains("the contract"), "{other:?}");
    assert_eq!(event(&reader, "RT-1").status, 403);
    assert_eq!(request(&bed, "GET", "/api/realtime/calls/RT-1/snapshot", &[&platform], "").status, 401);
    let bearer = platform.replace("X-Cloud-Token:", "Authorization: bearer");
    assert_eq!(request(&bed, "GET", "/api/realtime/calls/RT-1/snapshot", &[&bearer], "").status, 403);
    // A platform speaks often: it is not counted by the minute.
    for number in 0..30 {
        assert_eq!(event(&platform, "RT-1").status, 200, "event {number}");
    }
    bed.stop();
}

#[test]
fn who_has_the_small_token_of_the_configuration_cannot_guess_the_great_one() {
    let mut bed = protected("token = \"geheim\"\n[ingest]\ntoken = \"sesame\"");
    bed.start();
    let show = |token: &str| request(&bed, "GET", "/api/v1/calls", &[&format!("Authorization: Bearer {token}")], "");
    assert_eq!((show("geheim").status, show("sesame").status), (200, 403));
    let statuses: Vec<u16> = (0..4)
        .flat_map(|round| {
            for number in 0..2 {
                show(&format!("guess {round} {number}"));
            }
            [show("sesame").status, show("another").status]
        })
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    bed.stop();
}

#[test]
fn a_made_token_of_the_configuration_is_let_in_while_a_neighbour_guesses() {
    let made = "6f1d0c9a83b24e5f97a0c1d2e3f40516";
    let mut bed = protected(&format!("token = \"{made}\"\n[ingest]\ntoken = \"sesame\""));
    bed.start();
    let show = |token: &str| request(&bed, "GET", "/api/v1/calls", &[&format!("Authorization: Bearer {token}")], "");
    let mut statuses = Vec::new();
    for number in 0..12 {
        statuses.push(show(&format!("guess {number}")).status);
        assert_eq!(show(made).status, 200, "after {statuses:?}");
    }
    assert_eq!(statuses.last(), Some(&429), "the right one forgives no guess: {statuses:?}");
    assert_eq!(show("sesame").status, 429, "what somebody has thought up waits with those who guess");
    assert!(bed.log().contains("[ingest] token could be guessed") && !bed.log().contains("[http] token could"));
    bed.stop();
}

#[test]
fn asterisk_is_let_in_from_where_it_is_and_from_nowhere_else() {
    let mut bed = protected("ingest_allow = [\"192.0.2.0/24\"]");
    let path = bed.path("lineside.toml");
    let text =
        std::fs::read_to_string(&path).expect("read").replace("[recordings]", "allow = [\"192.0.2.1\"]\n[recordings]");
    std::fs::write(path, text).expect("write");
    bed.start();
    let mut stream = bed.connect();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0, "closed");
    bed.until("it is said", Duration::from_secs(10), |bed| bed.log().contains("[audiosocket] allow"));
    let dialer = format!("Authorization: Bearer {}", token(&bed, &["dialer", "--scope", "ingest"]));
    let named =
        request(&bed, "POST", "/api/v1/calls", &[&dialer, "Content-Type: application/json"], r#"{"uniqueid":"1.2"}"#);
    assert_eq!(named.status, 403, "{named:?}");
    bed.stop();
}
