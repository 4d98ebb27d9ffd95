//! Live calls as a telephone system sends them: two legs each over AudioSocket in real time, and how late what was said is on the feed.
//!
//! Late is counted from where the sound of a stretch of speech ends in what was sent, as its energy shows, not from what the daemon believes; the
//! silence that the detector waits for is in it. Segments of a leg that come together are one utterance, whose last one counts: until it ended
//! somebody spoke. How late each segment is by itself, those before a pause too short to end an utterance included, is told as well. The daemon runs on the CPUs of `--cpu`, the sender on those of this process.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::arguments::BenchArguments;
use super::bed::{Bed, Metrics};
use super::lateness::{Lateness, percentile};
use super::legs::send;
use super::messages::{FeedFile, Message, read_feed};
use super::partials;
use crate::cli::client::runtime;
use crate::cli::print::say;

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
    let feed = arguments.feed.as_deref().map(FeedFile::create).transpose()?;
    let run = drive(&bed, &legs, arguments.seconds, feed)?;
    let metrics = bed.metrics()?;
    let speech: Vec<[&[(f64, f64)]; 2]> = legs.iter().map(|pair| [&pair[0].speech[..], &pair[1].speech[..]]).collect();
    let mut figures = figures(&run, &legs, &Lateness::of(&run.messages, &speech), seconds, &metrics);
    let shown = partials::figures(&run.messages, &speech);
    if let (Value::Object(all), Value::Object(shown)) = (&mut figures, shown) {
        all.extend(shown);
    }
    if arguments.json {
        return Ok(say(&figures.to_string())?);
    }
    let number = |key: &str| figures[key].as_f64().unwrap_or(f64::NAN);
    say(&format!(
        "live: {calls} calls for {seconds} s, somebody speaks {:.0} % of the time: {} utterances in {} segments, late by {:.2} s (p50), {:.2} s (p95), {:.2} s at worst",
        100.0 * number("speech_share"),
        figures["utterances"],
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
    say(&format!(
        "live: first words of {} turns of about ten seconds ({} of them had any) on the screen {:.2} s (p50), {:.2} s (p95) after they began; stable ones {:.2} and {:.2} s",
        figures["turns"],
        figures["turns_shown"],
        number("first_words_p50_s"),
        number("first_words_p95_s"),
        number("first_stable_words_p50_s"),
        number("first_stable_words_p95_s"),
    ))?;
    say(&format!(
        "live: {} words shown while they were said, {:.1} % of them rewritten later ({:.1} % not counting those that only moved); of {} stable ones {:.1} % ({:.1} %)",
        figures["shown_words"],
        100.0 * number("rewritten"),
        100.0 * number("reworded"),
        figures["shown_stable_words"],
        100.0 * number("rewritten_stable"),
        100.0 * number("reworded_stable"),
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
            crate::pipeline::finished::analyze::read(Path::new(&path)).with_context(|| format!("read {path}"))?;
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
    /// In the order in which they came.
    messages: Vec<Message>,
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

fn drive(bed: &Bed, legs: &[[Sent; 2]], seconds: u64, mut file: Option<FeedFile>) -> anyhow::Result<Run> {
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
            messages: Vec::new(),
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
                Some((at, message)) = messages.recv() => {
                    if let Some(file) = &mut file {
                        file.write(&message, at, &run.starts)?;
                    }
                    take(&mut run, at, &message);
                }
            }
        }
        if let Some(file) = file {
            file.finish()?;
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
        Some("call_end") => run.unended -= 1,
        Some("governor") => run.worst_step = run.worst_step.max(message["step"].as_u64().unwrap_or(0)),
        _ => run.messages.extend(Message::read(message, at, &run.starts)),
    }
}

/// The UUID that carries a uniqueid and a leg (`capture/naming.rs`).
fn uuid_of(call: usize, leg: usize) -> anyhow::Result<uuid::Uuid> {
    let epoch = EPOCH.to_string();
    let text = format!("{}-{}00-8{}00-8000-{:012}", &epoch[..8], &epoch[8..], leg + 1, call + 1);
    Ok(uuid::Uuid::parse_str(&text)?)
}

fn figures(run: &Run, legs: &[[Sent; 2]], late: &Lateness, seconds: f64, metrics: &Metrics) -> Value {
    // What overload adds grows with time: the last third tells what a longer run would be like.
    let last = &late.utterances[late.utterances.len() * 2 / 3..];
    let stretches: usize = legs.iter().flatten().map(|leg| leg.speech.len()).sum();
    let either: f64 = legs.iter().map(either_s).sum();
    let call_s = legs.len() as f64 * seconds;
    json!({
        "calls": legs.len(), "seconds": seconds, "speech_share": either / call_s, "segments": late.segments.len(), "utterances": late.utterances.len(),
        "segment_lag_p50_s": percentile(&late.segments, 0.5), "segment_lag_p95_s": percentile(&late.segments, 0.95),
        "covered": late.covered as f64 / stretches.max(1) as f64,
        "lag_p50_s": percentile(&late.utterances, 0.5), "lag_p95_s": percentile(&late.utterances, 0.95), "lag_max_s": percentile(&late.utterances, 1.0),
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
