//! Every attack of the table, against one daemon that asks for tokens.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Answer, SALES, UPGRADE, call, connect, hear, log_in, protected, request, talk, text_of, token};
use crate::bed::Bed;

/// What each attack got.
#[derive(Default)]
pub struct Table(Vec<(String, String, bool)>);

impl Table {
    pub fn row(&mut self, attack: &str, got: impl Into<String>, held: bool) {
        self.0.push((attack.into(), got.into(), held));
    }

    /// A row for an answer that must be one of these.
    fn answer(&mut self, attack: &str, answer: &Answer, allowed: &[u16]) {
        let detail = answer.json()["detail"].as_str().map(|text| format!(": {text}")).unwrap_or_default();
        let got = match answer.status {
            0 => "connection closed".into(),
            status => format!("{status}{detail}"),
        };
        self.row(attack, got, allowed.contains(&answer.status));
    }

    fn print(&self) {
        let width = self.0.iter().map(|(attack, ..)| attack.chars().count()).max().unwrap_or(0);
        println!("\n{:width$}   what it got", "attack");
        for (attack, got, held) in &self.0 {
            println!("{attack:width$}   {}{got}", if *held { "" } else { "GOT THROUGH: " });
        }
    }
}

fn names_and_sites(table: &mut Table, bed: &Bed, auth: &str, cookie: &str) {
    let ours = request(bed, "GET", "/api/v1/calls", &[auth], "");
    assert_eq!(ours.status, 200, "{ours:?}");
    for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:8123", "a@localhost"] {
        let got = request(bed, "GET", "/api/v1/calls", &[&format!("Host: {host}"), auth], "");
        table.answer(&format!("rebinding: Host: {host}"), &got, &[421]);
    }
    let got = request(bed, "GET", "/health", &["Host: evil.example"], "");
    table.answer("rebinding: Host: evil.example, a path without token", &got, &[421]);
    let got = request(bed, "GET", "/api/v1/calls", &["Host: localhost", "Host: evil.example", auth], "");
    table.answer("rebinding: two Host headers", &got, &[400, 421]);

    let evil = "Origin: https://evil.example";
    let socket = |more: &[&str]| request(bed, "GET", "/ws/calls", &[UPGRADE, more].concat(), "");
    table.answer("cross-site socket: a stranger's page with the login's cookie", &socket(&[evil, cookie]), &[403]);
    table.answer(
        "cross-site socket: from another port of localhost",
        &socket(&["Origin: http://localhost:3000", cookie]),
        &[403],
    );
    table.answer("cross-site socket: Origin: null", &socket(&["Origin: null", cookie]), &[403]);
    table.answer("cross-site socket: cookie without Origin", &socket(&[cookie]), &[403]);
    table.answer("cross-site socket: no login at all", &socket(&[evil]), &[403]);
    assert_eq!(socket(&["Origin: http://localhost", cookie]).status, 101, "our own page");
    let end = format!("/api/v1/calls/{SALES}/end");
    for (attack, headers) in [
        ("cross-site form: POST with the cookie", [evil, "Content-Type: text/plain"]),
        ("cross-site form: same, Origin left out", ["Sec-Fetch-Site: cross-site", "Content-Type: text/plain"]),
        ("form without Origin: POST with the cookie", ["X-A: 1", "Content-Type: text/plain"]),
        ("own Origin, but as a plain form", ["Origin: http://localhost", "Content-Type: text/plain"]),
    ] {
        table.answer(attack, &request(bed, "POST", &end, &[headers[0], headers[1], cookie], ""), &[403]);
    }
    let got = request(bed, "POST", "/login", &[evil, "Content-Type: application/x-www-form-urlencoded"], "token=x");
    table.answer("cross-site form: login as somebody else", &got, &[403]);
}

/// Ways around the guard: none of them may answer as `/api/v1/calls` does.
fn ways_around(table: &mut Table, bed: &Bed) {
    for path in [
        "//api/v1/calls",
        "/api//v1/calls",
        "/api/v1/calls/",
        "/api/v1/calls;a=b",
        "/API/V1/CALLS",
        "/%61pi/v1/calls",
        "/login/../api/v1/calls",
        "/web/../api/v1/calls",
        "/web/%2e%2e/api/v1/calls",
        "/health/../api/v1/calls",
        "http://localhost/api/v1/calls",
    ] {
        table.answer(&format!("around the guard: GET {path}"), &request(bed, "GET", path, &[], ""), &[400, 401, 404]);
    }
    for method in ["HEAD", "OPTIONS", "TRACE", "PUT", "PATCH", "get", "X"] {
        let got = request(bed, method, "/api/v1/calls", &[], "");
        table.answer(&format!("around the guard: {method} /api/v1/calls"), &got, &[400, 401, 405]);
    }
    for header in
        ["X-HTTP-Method-Override: GET", "X-Original-URL: /health", "X-Rewrite-URL: /login", "X-Real-IP: 127.0.0.1"]
    {
        let got = request(bed, "GET", "/api/v1/calls", &[header], "");
        table.answer(&format!("around the guard: {header}"), &got, &[401]);
    }
    let got = request(bed, "GET", "/ws/events", &[UPGRADE, &["Sec-WebSocket-Protocol: bearer"]].concat(), "");
    table.answer("around the guard: a socket without a token", &got, &[401]);
    let got = request(
        bed,
        "OPTIONS",
        "/api/v1/calls",
        &["Origin: https://evil.example", "Access-Control-Request-Method: POST"],
        "",
    );
    let allows = got.head.to_lowercase().contains("access-control-");
    table.row("cross-site: CORS preflight", format!("{}, nothing allowed", got.status), !allows && got.status >= 400);
}

fn paths_and_headers(table: &mut Table, bed: &Bed, auth: &str) {
    for path in [
        "/../../../../etc/passwd",
        "/api/v1/calls/..%2f..%2f..%2fetc%2fpasswd/audio",
        "/api/v1/calls/%2e%2e/audio",
        "/api/v1/calls/%2fetc%2fpasswd/audio",
        "/api/v1/calls/a%00b/audio",
        "/login.css/..%2f..%2flineside.toml",
    ] {
        let got = request(bed, "GET", path, &[auth], "");
        table.answer(&format!("path traversal: {path}"), &got, &[400, 404, 422]);
        assert!(!got.body.contains("root:") && !got.body.contains("[paths]"), "{got:?}");
    }
    let got = request(bed, "GET", &format!("/api/v1/calls/{SALES}/audio?leg=..%2f..%2fx"), &[auth], "");
    table.answer("path traversal: leg=../../x", &got, &[404]);
    for path in ["/login%0d%0aSet-Cookie:%20a=b", "/x%0d%0aX-Injected:%201?a=%0d%0aX-Injected:%201"] {
        let got = request(bed, "GET", path, &["Accept: text/html"], "");
        let clean = got.header("set-cookie").is_none() && got.header("x-injected").is_none();
        table.row(
            &format!("header injection: {path}"),
            format!("{}, no header of theirs", got.status),
            clean && got.status < 500,
        );
    }
    let got = request(
        bed,
        "GET",
        "/health",
        &["X-A: b\nX-Smuggled: 1", "Content-Length: 4", "Transfer-Encoding: chunked"],
        "",
    );
    table.answer("request smuggling: Content-Length and Transfer-Encoding", &got, &[400, 200]);
    let clean = talk(connect(bed), b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n");
    table.answer("header injection: NUL in a value", &clean, &[400]);

    for q in [
        "'%20OR%201=1%20--",
        "%22)%20UNION%20SELECT%20hash%20FROM%20token%20--",
        "NEAR(a%20b,%2010)%20OR%20text:*",
        "%22",
        "a%22%20AND%20(",
        "%5Ea%20-b%20{text}:c",
        "*",
    ] {
        let got = request(bed, "GET", &format!("/api/v1/search?q={q}"), &[auth], "");
        let hits = got.json()["hits"].as_array().map_or(0, Vec::len);
        table.row(
            &format!("SQL and FTS syntax: q={q}"),
            format!("{}, {hits} hits", got.status),
            [200, 422].contains(&got.status) && hits == 0,
        );
    }
    let got =
        request(bed, "GET", "/api/v1/calls?agent='%20OR%20'1'='1&campaign=x');DROP%20TABLE%20call;--", &[auth], "");
    table.row(
        "SQL syntax: agent=' OR '1'='1",
        format!("{}, {} calls", got.status, got.json()["calls"]),
        got.json()["calls"] == json!([]),
    );
    let got = request(bed, "GET", &format!("/api/v1/search?q={}", "a*%20".repeat(5000)), &[auth], "");
    table.answer("FTS: 5000 prefixes at once", &got, &[422]);
    assert_eq!(request(bed, "GET", &format!("/api/v1/calls/{SALES}"), &[auth], "").status, 200, "the tables stand");
}

fn sizes_and_speeds(table: &mut Table, bed: &Bed, auth: &str) {
    let json = "Content-Type: application/json";
    let big = format!("{{\"agent\":\"{}\"}}", "a".repeat(3 << 20));
    table.answer("oversized: 3 MiB of JSON", &request(bed, "POST", "/api/v1/calls", &[auth, json], &big), &[413, 0]);
    let nested = "[".repeat(100_000);
    table.answer(
        "oversized: JSON nested 100000 deep",
        &request(bed, "POST", "/api/v1/calls", &[auth, json], &nested),
        &[400, 422],
    );
    let long = format!("X-Long: {}", "a".repeat(200_000));
    table.answer("oversized: a header of 200 kB", &request(bed, "GET", "/health", &[&long], ""), &[431, 0]);
    let many: Vec<String> = (0..500).map(|i| format!("X-{i}: a")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    table.answer("oversized: 500 headers", &request(bed, "GET", "/health", &many, ""), &[431, 400, 0]);
    let got = request(bed, "POST", "/api/v1/calls", &[auth, json, "Content-Length: 99999999999999999999"], "");
    table.answer("oversized: Content-Length of 10^20", &got, &[400]);

    let began = Instant::now();
    let slow = talk(connect(bed), b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: ");
    table.row(
        "slow: a head that never ends",
        format!("closed after {} s", began.elapsed().as_secs()),
        [0, 408].contains(&slow.status),
    );
    let head =
        format!("POST /api/v1/calls HTTP/1.1\r\nHost: localhost\r\n{auth}\r\n{json}\r\nContent-Length: 1000\r\n\r\n{{");
    table.answer("slow: a body that never comes", &talk(connect(bed), head.as_bytes()), &[408]);
    // A byte now and then does not help.
    let mut drip = connect(bed);
    drip.write_all(head.as_bytes()).expect("write");
    let mut writer = drip.try_clone().expect("clone");
    let dripping = std::thread::spawn(move || {
        for _ in 0..40 {
            std::thread::sleep(Duration::from_millis(250));
            if writer.write_all(b" ").is_err() {
                break;
            }
        }
    });
    table.answer("slow: a body byte by byte", &talk(drip, b""), &[408]);
    dripping.join().expect("thread");
}

fn guesses(table: &mut Table, bed: &Bed, auth: &str) {
    let guess = |i: u32| {
        let guess = format!("Authorization: Bearer lineside_{i:016x}_{}", "0".repeat(64));
        // Another address each time, as the attacker says; nobody believes it.
        request(bed, "GET", "/api/v1/calls", &[&guess, &format!("X-Forwarded-For: 198.51.100.{i}")], "")
    };
    let answers: Vec<Answer> = (0..12).map(guess).collect();
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    let last = answers.last().expect("answers");
    let held = statuses[..5].iter().all(|&status| status == 401) && last.status == 429;
    table.row(
        "token guessing: 12 tokens, each from another X-Forwarded-For",
        format!(
            "{} times 401, then 429, Retry-After: {} s",
            statuses.iter().filter(|&&s| s == 401).count(),
            last.header("retry-after").unwrap_or("none")
        ),
        held && last.header("retry-after").is_some(),
    );
    let form = request(bed, "POST", "/login", &["Content-Type: application/x-www-form-urlencoded"], "token=guess");
    table.answer("token guessing: on with the login form", &form, &[429]);
    let cloud = request(bed, "POST", "/api/realtime/events", &["X-Cloud-Token: guess"], "{}");
    table.answer("token guessing: on with X-Cloud-Token", &cloud, &[429]);
    let right = request(bed, "GET", "/api/v1/calls", &[auth], "");
    table.row(
        "token guessing: locking out a neighbour at the same address",
        format!("{}, not locked out", right.status),
        right.status == 200,
    );
}

#[test]
fn every_attack_in_the_table_is_held_off() {
    let mut bed = protected("patience_s = 2\nreads_per_minute = 0\nwrites_per_minute = 0");
    bed.start();
    let admin = token(&bed, &["admin", "--scope", "read,operate,ingest"]);
    let auth = format!("Authorization: Bearer {admin}");
    call(&bed, 1, "SALES");
    call(&bed, 2, "CLAIMS");
    let cookie = log_in(&bed, &admin);
    let mut table = Table::default();
    table.answer("no token", &request(&bed, "GET", "/api/v1/calls", &[], ""), &[401]);
    table.answer(
        "token in the address",
        &request(&bed, "GET", &format!("/api/v1/calls?token={admin}"), &[], ""),
        &[401],
    );
    ways_around(&mut table, &bed);
    names_and_sites(&mut table, &bed, &auth, &cookie);
    paths_and_headers(&mut table, &bed, &auth);
    sizes_and_speeds(&mut table, &bed, &auth);
    super::files::files(&mut table, &bed, &auth);
    guesses(&mut table, &bed, &auth);
    let log = bed.log();
    table.row("the log", "holds no token", !log.contains(&admin) && !log.contains("session_"));
    table.print();
    let through: Vec<&String> = table.0.iter().filter(|(.., held)| !held).map(|(attack, ..)| attack).collect();
    assert!(through.is_empty(), "{through:?}");
    bed.stop();
}

#[test]
fn a_websocket_holds_its_place_until_it_is_closed() {
    const PLACES: usize = 8;
    let mut bed = protected(&format!("open = true\nconnections = {PLACES}\npatience_s = 30"));
    bed.start();
    let mut held: Vec<TcpStream> = Vec::new();
    // Feeds leave a quarter of the places to others.
    while held.len() < PLACES * 3 / 4 {
        let mut stream = connect(&bed);
        stream.write_all(text_of("GET", "/ws/events", UPGRADE, "").as_bytes()).expect("write");
        hear(&mut stream, |heard| heard.contains("hello"));
        held.push(stream);
    }
    let ask = || talk(connect(&bed), text_of("GET", "/ws/events", UPGRADE, "").as_bytes()).status;
    assert_eq!(ask(), 429, "no place for a further feed");
    assert_eq!(request(&bed, "GET", "/health", &[], "").status, 200, "others are served");
    held.pop();
    bed.until("the place of the one that was closed is free", Duration::from_secs(30), |_| ask() == 101);
    bed.stop();
}
