//! The walls, as somebody meets them who should not get in. The table that the first test prints is what each attack got:
//! `cargo test --release --test daemon walls -- --nocapture`.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{Bed, free_port, open_header, speak, uuid_of};

const SALES: &str = "1795218045.1";
const CLAIMS: &str = "1795218045.2";

/// A daemon with these keys in [http] instead of `open = true`.
fn walled(keys: &str) -> Bed {
    let bed = Bed::new("none", "");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let walled = text.replace("open = true\n", &format!("{keys}\n"));
    assert_ne!(text, walled);
    std::fs::write(path, walled).expect("write");
    bed
}

/// Makes a token by the command.
fn token(bed: &Bed, arguments: &[&str]) -> String {
    let output = bed.command(&[&["token", "add"][..], arguments].concat()).output().expect("run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_string()
}

/// An answer, read as bytes: what a client library would hide is seen here.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Sends bytes and reads one answer; status 0 when the connection was closed without one.
fn talk(mut stream: impl Read + Write, bytes: &[u8]) -> Answer {
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let text = loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            if head.starts_with("HTTP/1.1 101") || length.is_some_and(|length: usize| body.len() >= length) {
                break text;
            }
        }
        match stream.read(&mut piece) {
            Ok(got) if got > 0 => all.extend(&piece[..got]),
            _ => break text,
        }
    };
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    Answer { status, head: head.into(), body: body.into() }
}

fn connect(bed: &Bed) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("timeout");
    stream
}

/// One request over TCP; `headers` one per line, Host is added when it is not there.
fn request(bed: &Bed, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    talk(connect(bed), text_of(method, path, headers, body).as_bytes())
}

fn text_of(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|line| line.to_lowercase().starts_with("host:")) {
        text += "Host: localhost\r\n";
    }
    for line in headers {
        text += &format!("{line}\r\n");
    }
    if method != "GET" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// The same over the Unix socket, which asks nothing.
fn inside(bed: &Bed, method: &str, path: &str, body: &str) -> Answer {
    let stream = UnixStream::connect(bed.path("run/api.sock")).expect("connect");
    talk(stream, text_of(method, path, &["Content-Type: application/json"], body).as_bytes())
}

const UPGRADE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A call of a second in a campaign.
fn call(bed: &Bed, sequence: u64, campaign: &str) {
    let mut stream = bed.dial(&uuid_of(1_795_218_045, sequence, 1));
    speak(&mut stream, &[300; 8000]).expect("speak");
    drop(stream);
    let id = format!("1795218045.{sequence}");
    bed.until("the call is known", Duration::from_secs(20), |bed| {
        inside(bed, "GET", &format!("/api/v1/calls/{id}"), "").status == 200
    });
    let named = inside(bed, "POST", "/api/v1/calls", &json!({"uniqueid": id, "campaign": campaign}).to_string());
    assert_eq!(named.status, 200, "{named:?}");
    bed.until("it has its campaign", Duration::from_secs(20), |bed| {
        inside(bed, "GET", &format!("/api/v1/calls/{id}"), "").json()["campaign"] == campaign
    });
}

/// Puts words into a call, as if they had been recognised.
fn words(bed: &Bed, id: &str, text: &str) {
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.busy_timeout(Duration::from_secs(10)).expect("timeout");
    let (call, leg): (i64, i64) = db
        .query_row("SELECT call.id, leg.id FROM call JOIN leg ON leg.call = call.id WHERE call_id = ?1", [id], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .expect("leg");
    db.execute(
        "INSERT INTO utterance (call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (?1, ?2, 9000000, 9000001, 0, 1, 'done')",
        (call, leg),
    )
    .expect("utterance");
    let utterance = db.last_insert_rowid();
    db.execute(
        "INSERT INTO segment (call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
         VALUES (?1, ?2, ?3, 0, 1, ?4, 1.0, '[]', 0, 0, 1, 0, 'neutral', '[]', '[]')",
        (call, leg, utterance, text),
    )
    .expect("segment");
}

/// What each attack got.
#[derive(Default)]
struct Table(Vec<(String, String, bool)>);

impl Table {
    fn row(&mut self, attack: &str, got: impl Into<String>, held: bool) {
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

/// A FLAC file whose frames stand for 32768 equal samples each: hours in a few kilobytes.
fn flac_bomb(frames: u32, claimed: u64) -> Vec<u8> {
    let crc = |bytes: &[u8], polynomial: u32, bits: u32| {
        bytes.iter().fold(0_u32, |crc, &byte| {
            (0..8).fold(crc ^ (u32::from(byte) << (bits - 8)), |crc, _| {
                let top = crc >> (bits - 1) & 1;
                ((crc << 1) ^ (top * polynomial)) & ((1 << bits) - 1)
            })
        })
    };
    let mut out = b"fLaC\x80\0\0\x22\x80\0\x80\0\0\0\0\0\0\0".to_vec();
    // 20 bits of rate, 3 of channels - 1, 5 of bits - 1, 36 of samples.
    out.extend(((8000_u64 << 44) | (15 << 36) | claimed).to_be_bytes());
    out.extend([0; 16]);
    for number in 0..frames {
        let mut frame = vec![0xff, 0xf8, 0x74, 0x08];
        let mut utf8 = [0; 4];
        frame.extend(char::from_u32(number).expect("small").encode_utf8(&mut utf8).bytes());
        frame.extend(0x7fff_u16.to_be_bytes());
        let check = crc(&frame, 0x07, 8) as u8;
        frame.extend([check, 0x00, 0x00, 0x07]);
        let check = crc(&frame, 0x8005, 16) as u16;
        frame.extend(check.to_be_bytes());
        out.extend(frame);
    }
    out
}

fn size_of(folder: &Path) -> u64 {
    std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .map(
            |entry| {
                if entry.path().is_dir() {
                    size_of(&entry.path())
                } else {
                    entry.metadata().map_or(0, |meta| meta.len())
                }
            },
        )
        .sum()
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
    bed.until("the pause is over", Duration::from_mins(3), |bed| {
        request(bed, "GET", "/api/v1/calls", &[auth], "").status == 200
    });
}

fn files(table: &mut Table, bed: &Bed, auth: &str) {
    let monitor = bed.path("monitor");
    let outside = bed.path("outside");
    std::fs::create_dir(&outside).expect("mkdir");
    let sound: Vec<u8> =
        [open_header(1), (0..16_000_u32).flat_map(|i| ((i * 37 % 400) as i16 * 20).to_le_bytes()).collect()].concat();
    std::fs::write(outside.join("secret-one.wav"), &sound).expect("write");
    symlink(outside.join("secret-one.wav"), monitor.join("link-file.wav")).expect("link");
    symlink(&outside, monitor.join("link-folder")).expect("link");
    symlink(bed.path("state/lineside.db"), monitor.join("link-database.sln")).expect("link");
    std::fs::write(monitor.join("swapped-one.wav"), &sound).expect("write");
    let known = |id: &str| request(bed, "GET", &format!("/api/v1/calls/{id}"), &[auth], "").status;
    bed.until("the honest file is taken", Duration::from_secs(60), |_| known("swapped-one") == 200);
    bed.until("the links are named", Duration::from_secs(60), |bed| {
        bed.log().contains("link-file.wav") && bed.log().contains("link-database.sln")
    });
    let once = bed.log().matches("link-file.wav").count() == 1;
    table.row(
        "watched folder: a link to a file outside",
        "not read, named once in the log",
        known("link-file") == 404 && once,
    );
    table.row("watched folder: a link to a folder outside", "not entered", known("secret-one") == 404);
    table.row("watched folder: the database under the name of raw audio", "not read", known("link-database") == 404);
    std::fs::remove_file(monitor.join("swapped-one.wav")).expect("remove");
    symlink(bed.path("state/lineside.db"), monitor.join("swapped-one.wav")).expect("link");
    let got = request(bed, "GET", "/api/v1/calls/swapped-one/audio", &[auth], "");
    table.row("watched folder: a taken file becomes a link", format!("{}", got.status), !got.body.contains("SQLite"));
    let spooled = find(&bed.path("state/spool"), "wav").expect("the call's sound");
    std::fs::rename(&spooled, bed.path("moved.wav")).expect("move");
    symlink("/etc/passwd", &spooled).expect("link");
    let got = [SALES, CLAIMS].map(|id| request(bed, "GET", &format!("/api/v1/calls/{id}/audio"), &[auth], ""));
    let told = got.iter().any(|answer| answer.body.contains("root:"));
    table.row(
        "spool: a leg's file becomes a link to /etc/passwd",
        format!("{} and {}", got[0].status, got[1].status),
        !told && got.iter().any(|answer| answer.status == 404),
    );

    // A few bytes that stand for hours.
    let before = size_of(&bed.path("state"));
    let mut rate_zero = flac_bomb(2, 65_536);
    rate_zero[18] = 0;
    rate_zero[19] = 0;
    rate_zero[20] &= 0x0f;
    let mut four_gib = open_header(1);
    four_gib[40..44].copy_from_slice(&u32::MAX.to_le_bytes());
    four_gib.extend([1; 1600]);
    let bombs = [
        ("bomb-honest.flac", flac_bomb(8000, 8000 * 32_768)),
        ("bomb-lying.flac", flac_bomb(8000, 0)),
        ("bomb-rate-zero.flac", rate_zero),
        ("bomb-cut-off.mp3", [b"ID3\x04\0\0\x7f\x7f\x7f\x7f".as_slice(), &[0xff, 0xfb, 0x10, 0xc4]].concat()),
        (
            "bomb-no-codec.ogg",
            b"OggS\0\x02\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x13OpusHead\x01\x01\0\0\x80\xbb\0\0\0\0\0"
                .to_vec(),
        ),
    ];
    let sizes: Vec<usize> = bombs.iter().map(|(_, bytes)| bytes.len()).collect();
    for (name, bytes) in &bombs {
        std::fs::write(monitor.join(name), bytes).expect("write");
    }
    std::fs::write(monitor.join("claims-gib.wav"), four_gib).expect("write");
    bed.until("the bombs are named", Duration::from_secs(90), |bed| {
        let log = bed.log();
        bombs.iter().all(|(name, _)| log.contains(name)) && known("claims-gib") == 200
    });
    let grown = size_of(&bed.path("state")).saturating_sub(before) >> 20;
    table.row(
        "audio bomb: FLAC of 9 h",
        format!("refused by its header, {} kB", sizes[0] / 1000),
        known("bomb-honest") == 404,
    );
    let log = bed.log();
    let stopped = log.lines().find_map(|line| line.split_once("bomb-lying.flac: ").map(|(_, said)| said));
    let stopped = stopped.unwrap_or("nothing was said");
    table.row(
        "audio bomb: the same, with a header that does not say so",
        stopped,
        stopped.starts_with("decodes to more than 69 min"),
    );
    table.row("audio bomb: FLAC with a rate of 0", "refused", known("bomb-rate-zero") == 404);
    table.row("audio bomb: MP3 with a tag of 256 MiB", "refused", known("bomb-cut-off") == 404);
    table.row("audio bomb: Opus in Ogg, no decoder", "refused", known("bomb-no-codec") == 404);
    let length = request(bed, "GET", "/api/v1/calls/claims-gib", &[auth], "").json()["total_audio_duration"].as_f64();
    table.row(
        "audio bomb: WAV header that claims 4 GiB",
        format!("{} s, what is there", length.unwrap_or(-1.0)),
        length.is_some_and(|s| s < 1.0),
    );
    table.row("audio bombs together: growth of the state folder", format!("{grown} MiB"), grown < 80);
}

fn find(folder: &Path, extension: &str) -> Option<std::path::PathBuf> {
    let mut entries: Vec<_> = std::fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    entries.sort();
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find(&path, extension)
        } else {
            path.extension().is_some_and(|ext| ext == extension).then_some(path)
        }
    })
}

fn log_in(bed: &Bed, token: &str) -> String {
    let form = format!("token={token}");
    let got = request(
        bed,
        "POST",
        "/login",
        &["Content-Type: application/x-www-form-urlencoded", "Origin: http://localhost"],
        &form,
    );
    assert_eq!((got.status, got.header("location")), (303, Some("./")), "{got:?}");
    let cookie = got.header("set-cookie").expect("cookie");
    assert!(cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict"), "{cookie}");
    format!("Cookie: {}", cookie.split(';').next().expect("pair"))
}

#[test]
fn every_attack_in_the_table_is_held_off() {
    let mut bed = walled("patience_s = 2\nreads_per_minute = 0\nwrites_per_minute = 0");
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
    names_and_sites(&mut table, &bed, &auth, &cookie);
    paths_and_headers(&mut table, &bed, &auth);
    sizes_and_speeds(&mut table, &bed, &auth);
    files(&mut table, &bed, &auth);
    guesses(&mut table, &bed, &auth);
    let log = bed.log();
    table.row("the log", "holds no token", !log.contains(&admin) && !log.contains("session_"));
    table.print();
    let through: Vec<&String> = table.0.iter().filter(|(.., held)| !held).map(|(attack, ..)| attack).collect();
    assert!(through.is_empty(), "{through:?}");
    bed.stop();
}

#[test]
fn a_token_does_what_it_is_for_until_it_is_revoked() {
    let mut bed = walled("");
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
    assert_eq!(request(&bed, "POST", &end, &[&bearer(&admin)], "").status, 200);
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
    let mut bed = walled("token = \"an old secret\"");
    bed.start();
    let auth = "Authorization: Bearer an old secret";
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[auth], "").status, 200);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &["Authorization: Bearer an old secre"], "").status, 401);
    let html = "Accept: text/html,*/*";
    let sent = request(&bed, "GET", "/", &[html], "");
    assert_eq!((sent.status, sent.header("location")), (303, Some("login")), "{sent:?}");
    assert_eq!(request(&bed, "GET", "/calls/1/x", &[html], "").header("location"), Some("../../login"));
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
    assert_eq!((out.status, out.header("location")), (303, Some("login")));
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401, "the cookie is worth nothing now");
    // A login ends with its token.
    let cookie = log_in(&bed, &mary);
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 200);
    assert!(bed.command(&["token", "revoke", "mary"]).status().expect("run").success());
    assert_eq!(request(&bed, "GET", "/api/v1/calls", &[&cookie], "").status, 401);
    bed.stop();
}

#[test]
fn a_call_of_another_campaign_does_not_exist() {
    let mut bed = walled("");
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

#[test]
fn a_client_has_its_minute_and_is_told_what_is_left_of_it() {
    let mut bed = walled("");
    bed.start();
    let mary = format!("Authorization: Bearer {}", token(&bed, &["mary", "--scope", "read,operate"]));
    let john = format!("Authorization: Bearer {}", token(&bed, &["john", "--scope", "read,operate"]));
    let first = request(&bed, "GET", "/api/v1/calls/stats", &[&mary], "");
    assert_eq!((first.header("ratelimit-limit"), first.header("ratelimit-remaining")), (Some("100"), Some("99")));
    let write = |auth: &str| request(&bed, "POST", "/api/v1/calls/none/end", &[auth], "");
    let statuses: Vec<u16> = (0..30).map(|_| write(&mary).status).collect();
    assert!(statuses[..20].iter().all(|&status| status == 404) && statuses.contains(&429), "{statuses:?}");
    bed.until("mary's minute is used up", Duration::from_secs(60), |_| {
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
    let mut bed = walled("reads_per_minute = 0");
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
        (count("mary", "audio link"), count("mary (link)", "audio"), count("mary", "transcript")),
        (1, 1, 1),
        "{rows:?}"
    );
    assert!(rows.iter().any(|row| row["who"].as_str().is_some_and(|who| who.starts_with("user "))), "{rows:?}");
    assert!(bed.command(&["token", "revoke", "mary"]).status().expect("run").success());
    assert_eq!(request(&bed, "GET", &url, &[], "").status, 401, "the link went with its token");
    bed.stop();
}

#[test]
fn asterisk_is_let_in_from_where_it_is_and_from_nowhere_else() {
    let mut bed = walled("ingest_allow = [\"192.0.2.0/24\"]");
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

/// A certificate for localhost, by openssl; `None` where that is missing.
fn certificate(folder: &Path, name: &str) -> Option<()> {
    let (key, chain) = (folder.join("key.pem"), folder.join("chain.pem"));
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"])
        .args(["-subj", &format!("/CN={name}"), "-addext", "subjectAltName=DNS:localhost"])
        .arg("-keyout")
        .arg(key)
        .arg("-out")
        .arg(chain)
        .output();
    made.is_ok_and(|made| made.status.success()).then_some(())
}

/// What openssl's client says after a GET of /health.
fn over_tls(bed: &Bed) -> String {
    let mut client = Command::new("openssl")
        .args(["s_client", "-ign_eof", "-connect", &format!("127.0.0.1:{}", bed.http), "-servername", "localhost"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .expect("openssl");
    let mut stdin = client.stdin.take().expect("stdin");
    stdin.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").expect("write");
    let output = client.wait_with_output().expect("wait");
    drop(stdin);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn tls_is_spoken_and_a_renewed_certificate_is_taken_by_reload() {
    let folder = tempfile::tempdir().expect("temp dir");
    if certificate(folder.path(), "first.example").is_none() {
        return eprintln!("skipped: no openssl (apt-get install openssl)");
    }
    let pem = folder.path().display();
    let mut bed = walled(&format!("tls_certificate = \"{pem}/chain.pem\"\ntls_key = \"{pem}/key.pem\""));
    // `start` speaks HTTP: here the socket tells.
    let log = std::fs::File::create(bed.path("log")).expect("log");
    bed.child = Some(bed.command(&["serve"]).stderr(log).spawn().expect("start"));
    bed.until("it listens", Duration::from_secs(30), |bed| bed.path("run/api.sock").exists());
    let said = over_tls(&bed);
    assert!(said.contains("first.example") && said.contains("200 OK"), "{said}");
    assert!(said.to_lowercase().contains("strict-transport-security: max-age=31536000"), "{said}");
    assert_eq!(
        talk(connect(&bed), b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n").status,
        0,
        "no plain HTTP there"
    );
    certificate(folder.path(), "second.example").expect("openssl");
    bed.signal("-HUP");
    bed.until("the new one is shown", Duration::from_secs(20), |bed| over_tls(bed).contains("second.example"));
    std::fs::write(folder.path().join("key.pem"), "broken").expect("write");
    bed.signal("-HUP");
    bed.until("the broken one is named", Duration::from_secs(20), |bed| bed.log().contains("key.pem"));
    assert!(over_tls(&bed).contains("second.example"), "what worked goes on");
    bed.stop();
}

/// Reads a feed until something was heard; what came is returned.
fn hear(stream: &mut TcpStream, mut enough: impl FnMut(&str) -> bool) -> String {
    let (mut heard, mut piece, began) = (String::new(), [0; 4096], Instant::now());
    while !enough(&heard) {
        let got = stream.read(&mut piece).expect("the feed goes on");
        assert!(got > 0 && began.elapsed() < Duration::from_mins(1), "heard so far: {heard}");
        heard += &String::from_utf8_lossy(&piece[..got]);
    }
    heard
}

/// nginx, for as long as a test goes on.
struct Proxy(std::process::Child);

impl Drop for Proxy {
    fn drop(&mut self) {
        // SIGTERM, so that it takes its workers along.
        let _ = Command::new("kill").arg(self.0.id().to_string()).status();
        let _ = self.0.wait();
    }
}

#[test]
fn the_page_works_behind_nginx_under_a_path_of_its_own() {
    let Some(nginx) = ["/usr/sbin/nginx", "/usr/bin/nginx"].into_iter().find(|path| Path::new(path).exists()) else {
        return eprintln!("skipped: no nginx (apt-get install nginx-light)");
    };
    let mut bed = walled("hosts = [\"calls.example.com\"]\nproxies = [\"127.0.0.1\"]\nreads_per_minute = 0");
    bed.start();
    let port = free_port();
    let root = bed.path("nginx");
    std::fs::create_dir(&root).expect("mkdir");
    // The example as it is installed, but without TLS and on free ports.
    let example = include_str!("../../etc/nginx/lineside.conf");
    let example: String = example
        .lines()
        .filter(|line| !line.trim_start().starts_with("ssl_"))
        .map(|line| line.replace("listen 443 ssl;", &format!("listen 127.0.0.1:{port};")))
        .map(|line| line.replace("listen [::]:443 ssl;", ""))
        .map(|line| line.replace("127.0.0.1:8123", &format!("127.0.0.1:{}", bed.http)))
        .map(|line| line + "\n")
        .collect();
    let temp = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {}/{kind};\n", root.display()))
        .concat();
    let root = root.display();
    let text = format!(
        "daemon off; worker_processes 1; pid {root}/pid; error_log {root}/error.log;\nevents {{}}\nhttp {{\naccess_log off;\n{temp}{example}}}\n"
    );
    let file = bed.path("nginx/nginx.conf");
    std::fs::write(&file, text).expect("write");
    let proxy = Command::new(nginx).arg("-c").arg(&file).arg("-e").arg("stderr").spawn().expect("nginx");
    let _proxy = Proxy(proxy);
    let ask = |method: &str, path: &str, headers: &[&str], body: &str| {
        let stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
        stream.set_read_timeout(Some(Duration::from_secs(20))).ok()?;
        let host = format!("Host: calls.example.com:{port}");
        Some(talk(stream, text_of(method, path, &[&[host.as_str()][..], headers].concat(), body).as_bytes()))
    };
    bed.until("nginx answers", Duration::from_secs(20), |_| {
        ask("GET", "/lineside/health", &[], "").is_some_and(|answer| answer.status == 200)
    });
    let ask =
        |method: &str, path: &str, headers: &[&str], body: &str| ask(method, path, headers, body).expect("an answer");
    let html = "Accept: text/html";
    assert_eq!(ask("GET", "/lineside", &[], "").status, 301);
    assert_eq!(ask("GET", "/lineside/", &[html], "").header("location"), Some("login"));
    let mary = token(&bed, &["mary", "--scope", "read"]);
    let origin = format!("Origin: http://calls.example.com:{port}");
    let form = ["Content-Type: application/x-www-form-urlencoded", origin.as_str()];
    let got = ask("POST", "/lineside/login", &form, &format!("token={mary}"));
    let cookie = got.header("set-cookie").expect("cookie").to_string();
    assert!(got.status == 303 && cookie.contains("Path=/lineside/"), "{got:?}");
    let cookie = format!("Cookie: {}", cookie.split(';').next().expect("pair"));
    assert_eq!(ask("GET", "/lineside/", &[html, &cookie], "").status, 200);
    let socket = |more: &[&str]| ask("GET", "/lineside/ws/calls", &[UPGRADE, more].concat(), "").status;
    assert_eq!((socket(&[&cookie, &origin]), socket(&[&cookie, "Origin: https://evil.example"])), (101, 403));
    // The feed comes through while it goes on.
    let mut feed = TcpStream::connect(("127.0.0.1", port)).expect("connect");
    feed.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    let host = format!("Host: calls.example.com:{port}");
    feed.write_all(text_of("GET", "/lineside/api/v1/events", &[&host, &cookie], "").as_bytes()).expect("write");
    hear(&mut feed, |heard| heard.contains("text/event-stream"));
    call(&bed, 1, "SALES");
    hear(&mut feed, |heard| heard.contains("call_start"));
    // Guesses count against the guesser, not against all who come through the proxy.
    for i in 0..8 {
        let guess = format!("Authorization: Bearer lineside_{i:016x}_{}", "0".repeat(64));
        ask("GET", "/lineside/api/v1/calls", &[&guess, "X-Forwarded-For: 198.51.100.9"], "");
    }
    let other = request(
        &bed,
        "GET",
        "/api/v1/calls",
        &[&format!("Authorization: Bearer {mary}"), "X-Forwarded-For: 198.51.100.7"],
        "",
    );
    assert_eq!(other.status, 200, "{other:?}");
    bed.stop();
}
