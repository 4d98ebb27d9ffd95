//! What one token, or none, can do to everybody else: memory, connections, uploads.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::access::{UPGRADE, connect, hear, inside, protected, request, talk, text_of, token};
use crate::bed::{Bed, open_header};

/// Resident memory of the daemon, bytes.
fn resident(bed: &Bed) -> u64 {
    let pid = bed.child.as_ref().expect("running").id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("number") * 1024
}

const MB: u64 = 1_000_000;

/// A recording of five minutes at 48 kHz, brought in.
fn five_minutes(bed: &Bed) -> String {
    let mut wav = open_header(1);
    wav[24..28].copy_from_slice(&48_000_u32.to_le_bytes());
    wav[28..32].copy_from_slice(&96_000_u32.to_le_bytes());
    let data = 300 * 96_000_u32;
    wav[4..8].copy_from_slice(&(data + 36).to_le_bytes());
    wav[40..44].copy_from_slice(&data.to_le_bytes());
    wav.resize(44 + data as usize, 1);
    let mut body = b"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"long.wav\"\r\n\r\n".to_vec();
    body.extend(wav);
    body.extend(b"\r\n--b--\r\n");
    let mut response = ureq::post(format!("http://127.0.0.1:{}/upload", bed.http))
        .header("Content-Type", "multipart/form-data; boundary=b")
        .send(&body)
        .expect("taken");
    let taken: Value = serde_json::from_str(&response.body_mut().read_to_string().expect("text")).expect("JSON");
    let call = taken["call_id"].as_str().expect("a call").to_string();
    bed.until("its sound is known", Duration::from_mins(1), |bed| {
        bed.try_get(&format!("/api/realtime/calls/{call}/audio/meta")).is_some_and(|meta| {
            meta["live_audio"]["duration_seconds"] == 300.0 && meta["live_audio"]["sample_rate"] == 48_000
        })
    });
    call
}

#[test]
fn answers_that_nobody_takes_and_frames_without_an_end_fill_no_memory() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let call = five_minutes(&bed);
    let before = resident(&bed);
    let mut held = Vec::new();
    for path in
        [format!("/api/realtime/calls/{call}/audio?fallback=1"), format!("/api/v1/calls/{call}/live?seconds=300")]
    {
        for _ in 0..30 {
            let mut stream = connect(&bed);
            stream.write_all(text_of("GET", &path, &[], "").as_bytes()).expect("write");
            held.push(stream);
        }
    }
    // Each of them has begun, or was refused: then all is held that will be.
    for stream in &mut held {
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("an answer");
        assert!(first.starts_with(b"HTTP/1.1 "));
    }
    let sound = resident(&bed).saturating_sub(before);
    assert!(sound < 300 * MB, "60 answers of 29 and 5 MB that nobody takes: {} MB more", sound / MB);
    drop(held);

    let before = resident(&bed);
    let mut most = 0;
    for _ in 0..20 {
        let mut stream = connect(&bed);
        stream.write_all(text_of("GET", "/ws/events", UPGRADE, "").as_bytes()).expect("write");
        hear(&mut stream, |heard| heard.contains("hello"));
        // A text frame of 15 MB, masked with zeros.
        let mut frame = vec![0x81, 0xFF];
        frame.extend((15 * MB).to_be_bytes());
        frame.extend([0; 4]);
        let _ = stream.write_all(&frame);
        let piece = vec![b'a'; 1 << 20];
        let sent = (0..14).take_while(|_| stream.write_all(&piece).is_ok()).count();
        most = most.max(sent);
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest); // until it is closed
    }
    let frames = resident(&bed).saturating_sub(before);
    assert!(frames < 50 * MB, "20 frames of 15 MB: {} MB more", frames / MB);
    println!(
        "mended | 37 | 98 WebSockets with 15 MB of one frame, 30 answers of 29 MB of sound: over 1,500 MB, the daemon killed | 60 answers that nobody \
         takes: {} MB more; 20 such frames: {} MB more, each WebSocket closed after {most} MB at most",
        sound / MB,
        frames / MB
    );
    bed.stop();
}

#[test]
fn one_token_and_silent_connections_leave_places_to_everybody_else() {
    const PLACES: usize = 32;
    let mut bed = protected(&format!("connections = {PLACES}\npatience_s = 300\nreads_per_minute = 0"));
    bed.start();
    let bearer = |name: &str| format!("Authorization: Bearer {}", token(&bed, &[name, "--scope", "read"]));
    let (greedy, other) = (bearer("greedy"), bearer("other"));
    let mut headers = UPGRADE.to_vec();
    headers.push(&greedy);
    let mut feeds = Vec::new();
    for _ in 0..PLACES {
        let mut stream = connect(&bed);
        stream.write_all(text_of("GET", "/ws/events", &headers, "").as_bytes()).expect("write");
        let mut first = [0; 12];
        stream.read_exact(&mut first).expect("an answer");
        feeds.push((first.ends_with(b"101"), stream));
    }
    let open = feeds.iter().filter(|(open, _)| *open).count();
    assert_eq!(open, PLACES / 4, "one token has its share of WebSockets");
    let silent: Vec<TcpStream> = (0..4 * PLACES).map(|_| connect(&bed)).collect();
    let ask = || request(&bed, "GET", "/api/v1/calls", &[&other], "").status;
    assert_eq!(ask(), 200, "another token is served while {} connections say nothing", silent.len());
    let mut headers = UPGRADE.to_vec();
    headers.push(&other);
    let mut feed = connect(&bed);
    feed.write_all(text_of("GET", "/ws/events", &headers, "").as_bytes()).expect("write");
    hear(&mut feed, |heard| heard.contains("hello"));
    assert_eq!(inside(&bed, "GET", "/health", "").status, 200);
    println!(
        "mended | 38 | one login opened 512 WebSockets and locked everybody out of TCP; 600 silent connections did it for 29 s | of {PLACES} places \
         one token gets {open} WebSockets; with {} silent connections more another token is served at once and has its feed",
        silent.len()
    );
    drop((feeds, silent, feed));
    bed.stop();
}

#[test]
fn a_part_head_without_an_end_is_refused_before_it_fills_memory() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let before = resident(&bed);
    for path in ["/upload", "/glossary/upload"] {
        let mut stream = connect(&bed);
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\nContent-Length: 400000000\r\n\r\n--b\r\nX-Long: "
        );
        stream.write_all(head.as_bytes()).expect("write");
        let mut writer = stream.try_clone().expect("clone");
        let sending = std::thread::spawn(move || {
            let piece = vec![b'a'; 1 << 16];
            (0..400_u64 << 4).take_while(|_| writer.write_all(&piece).is_ok()).count() as u64 >> 4
        });
        let answer = talk(&mut stream, b"");
        let _ = stream.shutdown(std::net::Shutdown::Both);
        let sent = sending.join().expect("thread");
        let grown = resident(&bed).saturating_sub(before);
        assert!([400, 413].contains(&answer.status), "{path}: {answer:?}");
        assert!(sent < 100 && grown < 50 * MB, "{path}: {sent} MB were taken, {} MB more resident", grown / MB);
        println!(
            "mended | 39 | {path} with a part head of 400 MB: 474 MB resident, CPU with the square of it | {} when {sent} MB were sent, {} MB more resident",
            answer.status,
            grown / MB
        );
    }
    bed.stop();
}

#[test]
fn calls_that_come_at_once_find_their_place_in_the_queue() {
    let most: usize =
        std::fs::read_to_string("/proc/sys/net/core/somaxconn").expect("read").trim().parse().expect("number");
    let wanted = 2000.min(most);
    assert!(wanted > 200, "net.core.somaxconn is {most}: this kernel lets no queue be longer");
    let mut bed = Bed::new("none", "");
    bed.start();
    // While it takes nobody in, the kernel answers for it as far as the queue goes.
    bed.signal("-STOP");
    let address = SocketAddr::from(([127, 0, 0, 1], bed.audiosocket));
    let mut calls = Vec::new();
    let refused = (0..wanted).find_map(|_| match TcpStream::connect_timeout(&address, Duration::from_secs(5)) {
        Ok(stream) => {
            calls.push(stream);
            None
        }
        Err(error) => Some(error),
    });
    bed.signal("-CONT");
    assert!(refused.is_none(), "the queue ends after {} calls: {refused:?}", calls.len());
    println!(
        "mended | 43 | a queue of 128: of 2,000 calls at once many came again after 1 to 2.2 s, and Asterisk gives 2 s | a queue of 4,096 (net.core.somaxconn): \
         {wanted} calls at once are connected while the daemon stands still"
    );
    drop(calls);
    bed.stop();
}
