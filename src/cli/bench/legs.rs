//! AudioSocket legs in real time, many at once: whether a frame is lost, and what it costs.

use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::arguments::BenchArguments;
use super::bed::Bed;
use crate::cli::client::runtime;
use crate::cli::print::say;

/// A voice of harmonics that speaks for a second and pauses for one.
fn synthetic() -> Vec<i16> {
    let tau = std::f32::consts::TAU;
    (0..16_000)
        .map(|i| {
            let t = i as f32 / 8000.0;
            if t >= 1.0 {
                return 0;
            }
            let pitch = 120.0 + 20.0 * (tau * 2.0 * t).sin();
            let syllable = (tau * 4.0 * t).sin().abs();
            let voice: f32 = (1..12).map(|n| (tau * pitch * n as f32 * t).sin() / n as f32).sum();
            (voice * syllable * 6000.0) as i16
        })
        .collect()
}

pub(super) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    crate::host::raise_file_limit();
    let sound = match &arguments.audio {
        Some(path) => crate::pipeline::finished::analyze::read(path)?.1.remove(0),
        None => synthetic(),
    };
    let frames = arguments.seconds as usize * 50;
    let mut bed = Bed::new("legs", "model = \"none\"", arguments.cpu.as_deref())?;
    bed.start()?;
    let (cpu, began) = (bed.cpu_s(), Instant::now());
    let address = format!("127.0.0.1:{}", bed.audiosocket);
    let late = runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for leg in 0..arguments.legs {
            let (address, sound) = (address.clone(), sound.clone());
            let uuid = uuid::Uuid::from_u128(0xbe4c_0000_0000_4000_8000_0000_0000_0000 + leg as u128);
            // Spread over the 20 ms, as calls are.
            let start = tokio::time::Instant::now() + Duration::from_micros((leg as u64 * 7919) % 20_000);
            tasks.spawn(async move { send(&address, uuid, start, frames, &sound, leg * 997).await });
        }
        let bar = ProgressBar::new(frames as u64 / 50);
        bar.set_message("seconds");
        let mut worst = Duration::ZERO;
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        loop {
            tokio::select! {
                done = tasks.join_next() => match done {
                    Some(result) => worst = worst.max(result??),
                    None => break,
                },
                _ = tick.tick() => bar.set_position(began.elapsed().as_secs()),
            }
        }
        bar.finish_and_clear();
        anyhow::Ok(worst)
    })?;
    let wall = began.elapsed().as_secs_f64();
    let used = bed.cpu_s() - cpu;
    let rss = bed.rss_mb();
    // Legs close, utterances are counted.
    let began = Instant::now();
    let calls = loop {
        let calls = bed.get("/api/v1/calls?limit=1000")?["calls"].as_array().cloned().unwrap_or_default();
        if calls.iter().all(|call| call["status"] != "active") || began.elapsed() > Duration::from_secs(30) {
            break calls;
        }
        std::thread::sleep(Duration::from_millis(200));
    };
    let metrics = bed.metrics()?;
    let counter = |name| metrics.sum(name);
    let sent = frames * arguments.legs;
    let received = counter("lineside_frames_total");
    // Silence that was written for gaps would only hide a loss here: the frames were sent without gaps.
    let on_disk: f64 = counter("lineside_spool_bytes_total") / 320.0 - counter("lineside_gap_samples_total") / 160.0;
    let lost = sent as f64 - on_disk;
    let (cores, late_ms) = (used / wall, late.as_millis());
    let found = &bed.get("/health")?["backlog"]["utterances"];
    if arguments.json {
        let figures = json!({
            "legs": arguments.legs, "seconds": arguments.seconds, "sent": sent, "received": received, "lost": lost, "cores": cores,
            "rss_mb": rss, "sender_late_ms": late_ms as u64, "utterances": found,
        });
        return Ok(say(&figures.to_string())?);
    }
    say(&format!(
        "legs: {} at once for {} s: {sent} frames sent, {received} received, {on_disk:.0} on disk, {lost} lost",
        arguments.legs, arguments.seconds,
    ))?;
    say(&format!(
        "legs: {} calls, {found} utterances found, daemon used {cores:.2} cores and {rss:.0} MB; the sender was late by {late_ms} ms at worst",
        calls.len(),
    ))?;
    Ok(())
}

/// One leg in real time, from sample `offset` on and round again; how late its frames were at worst, by the sender's own fault.
pub(super) async fn send(
    address: &str,
    uuid: uuid::Uuid,
    start: tokio::time::Instant,
    frames: usize,
    sound: &[i16],
    offset: usize,
) -> anyhow::Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut hello = vec![1, 0, 16];
    hello.extend(uuid.as_bytes());
    stream.write_all(&hello).await?;
    let mut worst = Duration::ZERO;
    for number in 0..frames {
        let due = start + Duration::from_millis(20) * number as u32;
        tokio::time::sleep_until(due).await;
        worst = worst.max(due.elapsed());
        let mut frame = vec![0x10, 1, 0x40];
        for i in 0..160 {
            frame.extend(sound[(number * 160 + i + offset) % sound.len()].to_le_bytes());
        }
        stream.write_all(&frame).await?;
    }
    stream.shutdown().await?;
    Ok(worst)
}
