//! Access, as somebody meets it who should not get in. The table that `attacks` prints is what each attack got:
//! `cargo test --release --test daemon access -- --nocapture`.

mod agents;
mod attacks;
mod campaigns;
mod files;
mod me;
mod proxies;
mod tokens;
mod written;

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{Bed, speak, uuid_of};

pub const SALES: &str = "1795218045.1";
pub const CLAIMS: &str = "1795218045.2";

/// A daemon with these keys in [http] instead of `open = true`.
pub fn protected(keys: &str) -> Bed {
    let bed = Bed::new("none", "");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let protected = text.replace("open = true\n", &format!("{keys}\n"));
    assert_ne!(text, protected);
    std::fs::write(path, protected).expect("write");
    bed
}

/// Makes a token by the command.
pub fn token(bed: &Bed, arguments: &[&str]) -> String {
    let output = bed.command(&[&["token", "add"][..], arguments].concat()).output().expect("run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8").trim().to_string()
}

/// An answer, read as bytes: what a client library would hide is seen here.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Names of all headers.
    pub fn names(&self) -> Vec<String> {
        self.head.lines().skip(1).filter_map(|line| Some(line.split_once(':')?.0.to_lowercase())).collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }
}

/// Sends bytes and reads one answer; status 0 when the connection was closed without one.
pub fn talk(mut stream: impl Read + Write, bytes: &[u8]) -> Answer {
    let _ = stream.write_all(bytes);
    let mut all = Vec::new();
    let mut piece = [0; 4096];
    let text = loop {
        let text = String::from_utf8_lossy(&all).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
            // What is made as it is taken has no length but an end (RFC 9112, 7.1).
            let chunked = head.to_lowercase().contains("transfer-encoding: chunked");
            let over = chunked && body.ends_with("\r\n0\r\n\r\n");
            if head.starts_with("HTTP/1.1 101") || over || length.is_some_and(|length: usize| body.len() >= length) {
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

pub fn connect(bed: &Bed) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", bed.http)).expect("connect");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("timeout");
    stream
}

/// One request over TCP; `headers` one per line, Host is added when it is not there.
pub fn request(bed: &Bed, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    talk(connect(bed), text_of(method, path, headers, body).as_bytes())
}

pub fn text_of(method: &str, path: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|line| line.to_lowercase().starts_with("host:")) {
        text += "Host: localhost\r\n";
    }
    for line in headers {
        text.push_str(line);
        text.push_str("\r\n");
    }
    if method != "GET" {
        let _ = write!(text, "Content-Length: {}\r\n", body.len());
    }
    text + "\r\n" + body
}

/// The same over the Unix socket, which asks nothing.
pub fn inside(bed: &Bed, method: &str, path: &str, body: &str) -> Answer {
    let stream = UnixStream::connect(bed.path("run/api.sock")).expect("connect");
    talk(stream, text_of(method, path, &["Content-Type: application/json"], body).as_bytes())
}

pub const UPGRADE: &[&str] = &[
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

/// A call of a second in a campaign.
pub fn call(bed: &Bed, sequence: u64, campaign: &str) {
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
pub fn words(bed: &Bed, id: &str, text: &str) {
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

pub fn log_in(bed: &Bed, token: &str) -> String {
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

/// Reads a feed until something was heard; what came is returned.
pub fn hear(stream: &mut TcpStream, mut enough: impl FnMut(&str) -> bool) -> String {
    let (mut heard, mut piece, began) = (String::new(), [0; 4096], Instant::now());
    while !enough(&heard) {
        let got = stream.read(&mut piece).expect("the feed goes on");
        assert!(got > 0 && began.elapsed() < Duration::from_mins(1), "heard so far: {heard}");
        heard += &String::from_utf8_lossy(&piece[..got]);
    }
    heard
}
