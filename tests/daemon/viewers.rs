//! Many screens at once: what they cost is printed, that each of them is told everything is asserted.

use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::json;

use crate::access;
use crate::bed::Bed;

const VIEWERS: usize = 500;
const MESSAGES_PER_SECOND: u64 = 100;
const SECONDS: u64 = 15;

/// The slowest screen is never further behind than this: a machine that cannot show so much in time gets its time.
const BEHIND: u64 = 1000;

/// Other programs' events over the Unix socket, in real time where `screens`, which have seen `before`, keep up; how many there were.
fn tell(bed: &Bed, name: &str, screens: &[Arc<AtomicU64>], before: u64) -> u64 {
    let socket = UnixStream::connect(bed.path("run/api.sock")).expect("socket");
    let (mut writer, mut reader) = (socket.try_clone().expect("socket"), BufReader::new(socket));
    let began = Instant::now();
    for number in 0..MESSAGES_PER_SECOND * SECONDS {
        std::thread::sleep(Duration::from_millis(number * 1000 / MESSAGES_PER_SECOND).saturating_sub(began.elapsed()));
        if let Some(needed) = (before + number).checked_sub(BEHIND) {
            until_seen(bed, screens, needed);
        }
        let body = json!({"provider": "twilio", "call_id": format!("{name}-{}", number % 50), "speaker": "customer", "text": format!("this is line number {number}")});
        let body = body.to_string();
        write!(writer, "POST /api/realtime/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len()).expect("request");
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).expect("answer");
        assert!(line.contains(" 200 "), "{line}");
        while line.trim() != "" {
            line.clear();
            reader.read_line(&mut line).expect("header");
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("length");
            }
        }
        reader.read_exact(&mut vec![0; length]).expect("body");
    }
    MESSAGES_PER_SECOND * SECONDS
}

fn until_seen(bed: &Bed, screens: &[Arc<AtomicU64>], all: u64) {
    let slowest = || screens.iter().map(|seen| seen.load(Ordering::Relaxed)).min().unwrap_or(all);
    bed.until("all screens have been told", Duration::from_mins(5), |_| slowest() >= all);
}

/// CPU seconds and megabytes of the daemon so far.
fn cost(bed: &Bed) -> (f64, f64) {
    let pid = bed.child.as_ref().expect("running").id();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let after = stat.rsplit_once(')').expect("name").1;
    let ticks: u64 = after.split_whitespace().skip(11).take(2).map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let rss = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("RSS");
    let kb: f64 = rss.split_whitespace().next().expect("kB").parse().expect("number");
    (ticks as f64 / 100.0 /* USER_HZ, proc_pid_stat(5) */, kb / 1024.0)
}

#[test]
fn five_hundred_screens_are_told_everything_and_one_that_does_not_read_is_let_go() {
    let mut bed = access::protected("open = true\nconnections = 2400");
    bed.start();
    let (before, _) = cost(&bed);
    tell(&bed, "unseen", &[], 0);
    let alone = cost(&bed).0 - before;

    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    let seen: Vec<Arc<AtomicU64>> = (1..VIEWERS).map(|_| Arc::default()).collect();
    let url = format!("ws://127.0.0.1:{}/ws/events", bed.http);
    runtime.block_on(async {
        for seen in &seen {
            let (mut socket, _) = tokio_tungstenite::connect_async(&url).await.expect("websocket");
            let seen = Arc::clone(seen);
            tokio::spawn(async move {
                while let Some(Ok(message)) = socket.next().await {
                    if message.to_text().is_ok_and(|text| text.contains("\"type\":\"sentiment\"")) {
                        seen.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let (_deaf, _) = tokio_tungstenite::tungstenite::connect(&url).expect("websocket");
    let (before, memory) = cost(&bed);
    let half = tell(&bed, "seen", &seen, 0);
    let (after, half_way) = cost(&bed);
    let sent = half + tell(&bed, "later", &seen, half);
    let (_, grown) = cost(&bed);
    until_seen(&bed, &seen, sent);
    for seen in &seen {
        assert_eq!(seen.load(Ordering::Relaxed), sent);
    }
    eprintln!(
        "feed: {VIEWERS} viewers, {MESSAGES_PER_SECOND} messages a second for {SECONDS} s: {:.2} cores with them, {:.2} without; memory {memory:.0} MB, then {half_way:.0}, then {grown:.0}; {} lost",
        (after - before) / SECONDS as f64,
        alone / SECONDS as f64,
        seen.iter().map(|seen| sent - seen.load(Ordering::Relaxed)).sum::<u64>(),
    );
    bed.stop();
}
