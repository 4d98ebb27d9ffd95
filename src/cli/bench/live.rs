//! Live calls as a telephone system sends them: two legs each over AudioSocket in real time, and how late what was said is on the feed.
//!
//! Late is counted from where the sound of a stretch of speech ends in what was sent, as its energy shows, not from what the daemon believes; the
//! silence that the detector waits for is in it. The daemon runs on the CPUs of `--cpu`, the sender on those of this process.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::BenchArguments;
use super::bed::{Bed, Metrics};
use super::legs::send;
use crate::cli::client::runtime;
use crate::cli::say;

const RATE: usize = 8000;
const FRAME: usize = RATE / 50;
/// Quieter than this, RMS of 20 ms, nobody speaks (-46 dB of full scale).
const QUIET: f64 = 164.0;
/// Pauses shorter than this are inside a stretch of speech.
const PAUSE_S: f64 = 0.3;
/// Calls do not say the same at the same time.
const SHIFT: usize = 7919 * RATE / 1000;
/// How long text may still come after the last frame.
const PATIENCE: Duration = Duration::from_secs(20);
/// How often the daemon's memory is looked at.
const LOOK: Duration = Duration::from_millis(500);
/// Unix time in the ids of the calls.
const EPOCH: u64 = 1_795_218_045;

/// A leg as it is sent.
struct Sent {
    sound: Arc<Vec<i16>>,
    offset: usize,
    /// Stretches of speech, seconds from its first frame.
    speech: Vec<(f64, f64)>,
}

/// A segment that came.
struct Arrival {
    call: usize,
    leg: usize,
    start_s: f64,
    end_s: f64,
    at: Instant,
}

pub(super) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    crate::host::raise_file_limit();
    let pairs = read_pairs(arguments.pairs.as_deref().context("live wants --pairs FOLDER")?)?;
    let model = arguments.model.first().context("live wants --model NAME_OR_PATH")?;
    let (calls, seconds) = (arguments.calls as usize, arguments.seconds as f64);
    let legs: Vec<[Sent; 2]> = (0..calls)
        .map(|call| {
            pairs[call % pairs.len()].clone().map(|sound| {
                let offset = call / pairs.len() * SHIFT;
                let speech = speech(&sound, offset, arguments.seconds as usize * 50);
                Sent { sound, offset, speech }
            })
        })
        .collect();
    let mut bed =
        Bed::new("live", &format!("model = {model:?}\nworkers = {}", arguments.workers), arguments.cpu.as_deref())?;
    bed.start()?;
    bed.wait_for_model()?;
    let mut run = drive(&bed, &legs, arguments.seconds)?;
    let metrics = bed.metrics()?;
    run.arrivals.sort_by_key(|arrival| arrival.at);
    let figures = figures(&run, &legs, seconds, &metrics);
    if arguments.json {
        return Ok(say(&figures.to_string())?);
    }
    let number = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    say(&format!(
        "live: {calls} calls for {seconds} s, somebody speaks {:.0} % of the time: {} segments, late by {:.2} s (p50), {:.2} s (p95), {:.2} s at worst",
        100.0 * number("speech_share"),
        figures["segments"],
        number("lag_p50_s"),
        number("lag_p95_s"),
        number("lag_max_s"),
    ))?;
    say(&format!(
        "live: {:.0} % of what was said has text; the daemon used {:.2} cores, {:.1} ms of CPU a second of call, {:.0} MB resident; governor's worst step {}",
        100.0 * number("covered"),
        number("cores"),
        number("cpu_ms_per_call_s"),
        number("rss_mb"),
        figures["worst_step"],
    ))?;
    Ok(())
}

/// NAME-agent.wav and NAME-caller.wav of a folder, in order of name.
fn read_pairs(folder: &Path) -> anyhow::Result<Vec<[Arc<Vec<i16>>; 2]>> {
    let list = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    let mut agents: Vec<_> = list
        .flatten()
        .filter_map(|entry| entry.path().to_str()?.strip_suffix("-agent.wav").map(String::from))
        .collect();
    agents.sort();
    ensure!(!agents.is_empty(), "{}: no NAME-agent.wav beside a NAME-caller.wav in it", folder.display());
    let read = |path: String| -> anyhow::Result<Arc<Vec<i16>>> {
        let (rate, mut channels) =
            crate::pipeline::analyze::read(Path::new(&path)).with_context(|| format!("read {path}"))?;
        ensure!(rate as usize == RATE && channels[0].len() > RATE, "{path}: a second of 8 kHz or more is wanted");
        Ok(Arc::new(channels.remove(0)))
    };
    agents.iter().map(|name| Ok([read(format!("{name}-agent.wav"))?, read(format!("{name}-caller.wav"))?])).collect()
}

/// Where a leg speaks in its first `frames` frames of 20 ms, as its energy shows.
fn speech(sound: &[i16], offset: usize, frames: usize) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    for frame in 0..frames {
        let energy: f64 =
            (0..FRAME).map(|i| f64::from(sound[(frame * FRAME + i + offset) % sound.len()]).powi(2)).sum();
        if (energy / FRAME as f64).sqrt() < QUIET {
            continue;
        }
        let (start, end) = (frame as f64 / 50.0, (frame + 1) as f64 / 50.0);
        match found.last_mut() {
            Some(last) if start - last.1 < PAUSE_S => last.1 = end,
            _ => found.push((start, end)),
        }
    }
    found
}

struct Run {
    arrivals: Vec<Arrival>,
    /// First frame of each call.
    starts: Vec<Instant>,
    worst_step: u64,
    /// While audio was sent.
    cpu_s: f64,
    /// Every so often while audio was sent.
    rss_mb: Vec<f64>,
    sender_late: Duration,
    /// Calls whose end was not told in time.
    unended: usize,
}

fn drive(bed: &Bed, legs: &[[Sent; 2]], seconds: u64) -> anyhow::Result<Run> {
    let address = format!("127.0.0.1:{}", bed.audiosocket);
    runtime()?.block_on(async {
        let feed = bed.daemon().open(&bed.config, "/api/v1/events").await?.into_body();
        let (messages_to, mut messages) = mpsc::unbounded_channel();
        let reader = tokio::spawn(read_feed(feed, messages_to));
        let first = Instant::now() + Duration::from_millis(200);
        // Calls begin within two seconds of each other, and not all at the same moment.
        let starts: Vec<Instant> =
            (0..legs.len()).map(|call| first + Duration::from_micros(call as u64 * 617_000 % 2_000_000)).collect();
        let mut senders = tokio::task::JoinSet::new();
        for (call, pair) in legs.iter().enumerate() {
            for (leg, sent) in pair.iter().enumerate() {
                let (address, start, sound, offset) =
                    (address.clone(), starts[call], Arc::clone(&sent.sound), sent.offset);
                let uuid = uuid_of(call, leg)?;
                senders.spawn(async move {
                    tokio::time::sleep_until(start.checked_sub(Duration::from_millis(100)).unwrap_or(start)).await;
                    send(&address, uuid, start, seconds as usize * 50, &sound, offset).await
                });
            }
        }
        tokio::time::sleep_until(first).await;
        let cpu = bed.cpu_s();
        let mut run = Run {
            arrivals: Vec::new(),
            starts,
            worst_step: 0,
            cpu_s: 0.0,
            rss_mb: Vec::new(),
            sender_late: Duration::ZERO,
            unended: legs.len(),
        };
        let over = tokio::time::sleep_until(first + Duration::from_secs(seconds));
        tokio::pin!(over);
        let mut ended: Option<Instant> = None;
        let mut looks = tokio::time::interval(LOOK);
        while run.unended > 0 && ended.is_none_or(|at| at.elapsed() < PATIENCE) {
            tokio::select! {
                () = &mut over, if ended.is_none() => {
                    run.cpu_s = bed.cpu_s() - cpu;
                    ended = Some(Instant::now());
                }
                _ = looks.tick() => {
                    if ended.is_none() {
                        run.rss_mb.push(bed.rss_mb());
                    }
                }
                Some((at, message)) = messages.recv() => take(&mut run, at, &message),
            }
        }
        reader.abort();
        while let Some(result) = senders.join_next().await {
            run.sender_late = run.sender_late.max(result??);
        }
        Ok(run)
    })
}

fn take(run: &mut Run, at: Instant, message: &Value) {
    match message["type"].as_str() {
        Some("sentiment") => {
            let call = message["call_id"].as_str().and_then(|id| id.split_once('.')?.1.parse::<usize>().ok());
            let (Some(call), Some(start_s), Some(end_s)) =
                (call, message["start_time"].as_f64(), message["end_time"].as_f64())
            else {
                return;
            };
            let leg = usize::from(message["leg"] == "caller");
            run.arrivals.push(Arrival { call: call - 1, leg, start_s, end_s, at });
        }
        Some("call_end") => run.unended -= 1,
        Some("governor") => run.worst_step = run.worst_step.max(message["step"].as_u64().unwrap_or(0)),
        _ => {}
    }
}

/// The UUID that carries a uniqueid and a leg (`capture/naming.rs`).
fn uuid_of(call: usize, leg: usize) -> anyhow::Result<uuid::Uuid> {
    let epoch = EPOCH.to_string();
    let text = format!("{}-{}00-8{}00-8000-{:012}", &epoch[..8], &epoch[8..], leg + 1, call + 1);
    Ok(uuid::Uuid::parse_str(&text)?)
}

async fn read_feed(mut body: hyper::body::Incoming, messages: mpsc::UnboundedSender<(Instant, Value)>) {
    let mut pending = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        let Ok(data) = frame.into_data() else { continue };
        pending.extend_from_slice(&data);
        while let Some(end) = pending.windows(2).position(|pair| pair == b"\n\n") {
            let event: Vec<u8> = pending.drain(..end + 2).collect();
            let at = Instant::now();
            for data in String::from_utf8_lossy(&event).lines().filter_map(|line| line.strip_prefix("data: ")) {
                if let Ok(message) = serde_json::from_str(data) {
                    let _ = messages.send((at, message));
                }
            }
        }
    }
}

fn figures(run: &Run, legs: &[[Sent; 2]], seconds: f64, metrics: &Metrics) -> Value {
    let mut covered: HashSet<(usize, usize, usize)> = HashSet::new();
    let mut late: Vec<f64> = Vec::new();
    for arrival in &run.arrivals {
        let Some(pair) = legs.get(arrival.call) else { continue };
        let speech = &pair[arrival.leg].speech;
        for (number, (start, end)) in speech.iter().enumerate() {
            if *start < arrival.end_s && arrival.start_s < *end {
                covered.insert((arrival.call, arrival.leg, number));
            }
        }
        let apart = |end: f64| (end - arrival.end_s).abs();
        let nearest = speech.iter().map(|stretch| stretch.1).min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
        let end = nearest.filter(|end| apart(*end) < 1.0).unwrap_or(arrival.end_s);
        late.push((arrival.at - run.starts[arrival.call]).as_secs_f64() - end);
    }
    let percentile = |late: &[f64], share: f64| {
        let mut sorted = late.to_vec();
        sorted.sort_by(f64::total_cmp);
        sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize).copied().unwrap_or(0.0)
    };
    // What overload adds grows with time: the last third tells what a longer run would be like.
    let last = &late[late.len() * 2 / 3..];
    let stretches: usize = legs.iter().flatten().map(|leg| leg.speech.len()).sum();
    let either: f64 = legs.iter().map(either_s).sum();
    let call_s = legs.len() as f64 * seconds;
    json!({
        "calls": legs.len(), "seconds": seconds, "speech_share": either / call_s, "segments": late.len(),
        "covered": covered.len() as f64 / stretches.max(1) as f64,
        "lag_p50_s": percentile(&late, 0.5), "lag_p95_s": percentile(&late, 0.95), "lag_max_s": percentile(&late, 1.0),
        "last_third_p95_s": percentile(last, 0.95), "cpu_s": run.cpu_s, "cores": run.cpu_s / seconds,
        "cpu_ms_per_call_s": 1000.0 * run.cpu_s / call_s, "rss_mb": percentile(&run.rss_mb, 0.5),
        "worst_step": run.worst_step, "unended": run.unended, "sender_late_ms": run.sender_late.as_millis() as u64,
        "second_looks": metrics.sum("lineside_second_looks_total"), "dropped": metrics.sum("lineside_guard_dropped_total"),
        "read_ahead_used": metrics.sum("lineside_read_ahead_total{outcome=\"used\"}"),
        "read_ahead_useless": metrics.sum("lineside_read_ahead_total{outcome=\"useless\"}"),
    })
}

/// Seconds in which one leg or the other speaks.
fn either_s(pair: &[Sent; 2]) -> f64 {
    let mut all: Vec<(f64, f64)> = pair.iter().flat_map(|leg| leg.speech.iter().copied()).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut sum, mut reached) = (0.0, 0.0_f64);
    for (start, end) in all {
        sum += (end - start.max(reached)).max(0.0);
        reached = reached.max(end);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn speech_is_where_the_energy_is_and_short_pauses_belong_to_it() {
        let mut sound = vec![0_i16; RATE];
        for (from, to) in [(800, 1600), (2400, 3200), (6400, 7200)] {
            sound[from..to].fill(3000);
        }
        assert_eq!(speech(&sound, 0, 50), [(0.1, 0.4), (0.8, 0.9)]);
        // It goes round: what came first is 0.2 s behind the rest, which is no pause.
        assert_eq!(speech(&sound, 4000, 50), [(0.3, 0.9)]);
    }

    #[test]
    fn time_in_which_both_speak_counts_once() {
        let leg = |speech: &[(f64, f64)]| Sent { sound: Arc::default(), offset: 0, speech: speech.to_vec() };
        let spoken = either_s(&[leg(&[(0.0, 2.0), (5.0, 6.0)]), leg(&[(1.0, 3.0), (5.5, 5.75)])]);
        assert!((spoken - 4.0).abs() < 1e-9, "{spoken}");
    }
}
