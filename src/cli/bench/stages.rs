//! `lineside bench stages`: what the stages of a call that is over take, transcription apart, and its export.
//!
//! An hour of a call in two legs, and a call of 10,000 segments, of sentences with names, amounts, dates, numbers and objections, through a daemon
//! of its own. Stages are made one after the other by one thread, so their times are those of one core; they are the daemon's own, from its rows.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use super::arguments::BenchArguments;
use super::bed::{Bed, NO_MODEL};
use super::fill::{Random, SampleSegment};
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, ProcessingMode, Source, WallTime};
use crate::cli::client::runtime;
use crate::cli::listing::Listing;
use crate::cli::print::say;
use crate::store::Store;
use crate::store::change::{Change, NewCall, NewLeg};

/// Sentences of calls, with what the stages look for.
const SENTENCES: [&str; 16] = [
    "Thank you for calling Northern Energy, my name is Emma, how can I help you today?",
    "Hello, my name is James Walker and I am calling about my bill.",
    "I was charged ninety dollars twice last week, on Monday and on Thursday.",
    "I am very sorry about that mistake, let me look into your account.",
    "My account number is four four one, and my order is AB12345.",
    "You can reach me at two oh seven nine four six oh one eight.",
    "This is ridiculous, I have called you five times and nobody helps me.",
    "I understand, I will credit your account by Friday.",
    "I want to cancel my contract if this is not solved by tomorrow.",
    "We can offer you a discount of ten percent on the next invoice.",
    "I will pay two hundred dollars on the fifteenth, I promise.",
    "Could you spell your e-mail address for me, please?",
    "The router in Manchester stopped working and the lights are red.",
    "Let me speak to your supervisor, this is not acceptable.",
    "I will send you a confirmation by e-mail this afternoon.",
    "All right, thank you so much, that was very helpful. Goodbye.",
];
/// Times an export is fetched; the median counts.
const EXPORTS: usize = 9;

/// A call of the bench.
struct Talk {
    name: &'static str,
    id: &'static str,
    segments: i64,
    /// From the begin of one segment to that of the next, milliseconds.
    pace_ms: i64,
}

/// An hour has a segment every 4.5 s; the other is as long as 10,000 of them.
const TALKS: [Talk; 2] = [
    Talk { name: "an hour, two legs", id: "1795000001.1", segments: 800, pace_ms: 4500 },
    Talk { name: "10,000 segments, two legs", id: "1795000002.2", segments: 10_000, pace_ms: 4500 },
];

pub(super) fn run(arguments: &BenchArguments) -> anyhow::Result<()> {
    let mut bed = Bed::new("stages", NO_MODEL, arguments.cpu.as_deref())?;
    fill(&bed.config.paths.state)?;
    bed.start()?;
    let mut rows = Listing::new(&["CALL", "STAGE", "MILLISECONDS"]);
    let mut figures = Vec::new();
    for talk in &TALKS {
        let stages = processed(&bed, talk.id)?;
        let mut all_ms = 0.0;
        for (stage, ms) in &stages {
            all_ms += if stage == "transcription" { 0.0 } else { *ms };
            rows.add(vec![talk.name.to_string(), stage.clone(), format!("{ms:.0}")]);
        }
        let export_ms = exported(&bed, talk.id)?;
        rows.add(vec![talk.name.to_string(), "all but transcription".into(), format!("{all_ms:.0}")]);
        rows.add(vec![talk.name.to_string(), "export as JSON".into(), format!("{export_ms:.1}")]);
        let by_stage: serde_json::Map<String, Value> =
            stages.into_iter().map(|(stage, ms)| (stage, ms.into())).collect();
        figures.push(json!({
            "call": talk.name, "segments": talk.segments, "stages_ms": by_stage,
            "all_ms": all_ms, "export_ms": export_ms,
        }));
    }
    Ok(if arguments.json { say(&Value::from(figures).to_string()) } else { rows.print("nothing was measured") }?)
}

/// The stages of a call with the time of each, once all were gone through.
fn processed(bed: &Bed, id: &str) -> anyhow::Result<Vec<(String, f64)>> {
    let began = Instant::now();
    let status = loop {
        let status = bed.get(&format!("/api/v1/calls/{id}/processing"))?;
        match status["processing_status"].as_str() {
            Some("completed") => break status,
            Some("failed") => bail!("call {id}: {}", status["errors"]),
            _ if began.elapsed() > Duration::from_mins(2) => {
                bail!("call {id} is not through after two minutes: {status}")
            }
            _ => std::thread::sleep(Duration::from_millis(100)),
        }
    };
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok());
    let took = |stage: &Value| {
        let name = stage["stage"].as_str()?.to_owned();
        let ms = time(&stage["completed_at"])?.as_millisecond() - time(&stage["started_at"])?.as_millisecond();
        Some((name, ms as f64))
    };
    Ok(status["stages"].as_array().into_iter().flatten().filter_map(took).collect())
}

/// The median time of an export, milliseconds.
fn exported(bed: &Bed, id: &str) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for _ in 0..EXPORTS {
        let began = Instant::now();
        bed.get(&format!("/api/v1/calls/{id}/export?format=json"))?;
        times.push(began.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn fill(state: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)?;
    let (store, _) = Store::open(state)?;
    let writer = store.writer().clone();
    runtime()?.block_on(async {
        let (mut random, mut next) = (Random::default(), 1);
        for (number, talk) in TALKS.iter().enumerate() {
            for changes in talk_changes(number as i64 + 1, talk, &mut next, &mut random) {
                writer.push(changes).await?;
            }
        }
        writer.commit(Vec::new()).await
    })?;
    store.writer().stop();
    Ok(())
}

fn talk_changes(number: i64, talk: &Talk, next: &mut i64, random: &mut Random) -> Vec<Vec<Change>> {
    let call = CallKey(number);
    let started = WallTime(1_795_000_000_000);
    let legs = [(Leg::Agent, LegKey(2 * number - 1)), (Leg::Caller, LegKey(2 * number))];
    let (source, mode, names) = (Source::Recording, ProcessingMode::Hybrid, CallNames::default());
    let mut sets = vec![vec![Change::CallOpened(NewCall {
        key: call,
        id: CallId::from_lossy(talk.id),
        source,
        mode,
        started,
        names,
    })]];
    for (leg, key) in legs {
        sets.push(vec![Change::LegOpened(NewLeg {
            key,
            call,
            leg,
            source,
            rate_hz: 8000,
            started,
            offset: CallTime(0),
            path: "/none".into(),
            channel: 0,
            owned: false,
            peer: None,
        })]);
    }
    for turn in 0..talk.segments {
        let leg = legs[turn as usize % 2].1;
        let (start, end) = (turn * talk.pace_ms, turn * talk.pace_ms + 4000);
        sets.push(said(call, leg, (start, end), *next, random).into());
        *next += 1;
    }
    let at = WallTime(started.0 + talk.segments * talk.pace_ms);
    for (_, leg) in legs {
        let samples = (talk.segments * talk.pace_ms * 8) as u64;
        sets.push(vec![Change::LegClosed { leg, samples, reason: "closed".into(), at }]);
    }
    sets.push(vec![Change::CallMoved { call, state: CallState::Completed, at, reason: None }]);
    sets
}

/// An utterance with one of the sentences.
fn said(call: CallKey, leg: LegKey, (start_ms, end_ms): (i64, i64), key: i64, random: &mut Random) -> [Change; 2] {
    let text = SENTENCES[random.below(SENTENCES.len())].into();
    SampleSegment { key, start_ms, end_ms, at: WallTime(1_795_000_000_000 + end_ms) }.changes((call, leg), text, random)
}
