//! `lineside bench`: what this box can do, measured with the real daemon on a throw-away folder.
//!
//! Machines are noisy: figures are printed, nothing is judged. Ratios come from one run with the peer beside us.

mod accuracy;
mod arguments;
mod bed;
mod fill;
mod inserts;
mod lateness;
mod legs;
mod live;
mod messages;
mod partials;
mod pbx;
mod rules;
mod stages;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::json;

use super::client::{query, runtime};
use crate::cli::listing::Listing;
use crate::cli::print::say;
use crate::config::Config;
use crate::store::Store;
use crate::text::lexicon::{Lexicon, LexiconKind};
use accuracy::Plan;
pub(super) use arguments::BenchArguments;
use arguments::What;
use bed::{Bed, NO_MODEL};
use fill::{Random, WORDS, call_changes};

pub(super) fn run(
    arguments: &BenchArguments,
    config: impl Fn() -> Result<Config, crate::config::ConfigError>,
) -> anyhow::Result<()> {
    let wanted = |what| arguments.what.is_empty() || arguments.what.contains(&what);
    if arguments.what.contains(&What::Accuracy) {
        let folder = arguments.recordings.as_deref().context("accuracy wants --recordings FOLDER")?;
        let plan = Plan {
            folder,
            models: &arguments.model,
            whole: arguments.whole,
            denoise: arguments.denoise,
            json: arguments.json,
            heard: arguments.heard,
            rules: &arguments.rule,
        };
        accuracy::run(&plan, &config()?)?;
    }
    if arguments.what.contains(&What::Engine) {
        super::model_bench::run(&arguments.model, arguments.audio.as_deref(), arguments.json, &config()?)?;
    }
    if arguments.what.contains(&What::Live) {
        live::run(arguments)?;
    }
    if arguments.what.contains(&What::Pbx) {
        pbx::run(arguments.seconds, Duration::from_micros(arguments.work_us), arguments.json)?;
    }
    if wanted(What::Memory) {
        memory()?;
    }
    if wanted(What::Vader) {
        vader(arguments)?;
    }
    if wanted(What::Legs) {
        legs::run(arguments)?;
    }
    if wanted(What::Queries) {
        queries(arguments)?;
    }
    if wanted(What::Stages) {
        stages::run(arguments)?;
    }
    if wanted(What::Governor) {
        governor()?;
    }
    Ok(())
}

fn memory() -> anyhow::Result<()> {
    let mut bed = Bed::new("memory", NO_MODEL, None)?;
    bed.start()?;
    std::thread::sleep(Duration::from_secs(3));
    say(&format!("memory: idle daemon without a model: {:.1} MB RSS", bed.rss_mb()))?;
    Ok(())
}

/// Half an hour of a call centre, simulated. An utterance of 3 s with the pause behind it costs what `packaging/bench` measured on one core of an AMD
/// EPYC with AVX-512, everything else of the daemon included: 12 ms of CPU a second of call with tiny.en, 21 ms with base.en (CTranslate2).
fn governor() -> anyhow::Result<()> {
    use crate::governor::Step;
    use crate::governor::simulation::{SPEECH_SHARE, Scene, play};
    const MODELS: [(&str, f64); 2] = [("tiny.en", 0.052), ("base.en", 0.089)];
    let mut rows = Listing::new(&[
        "model",
        "agents",
        "cores",
        "live text",
        "lag p50",
        "lag p95",
        "worst step",
        "last step",
        "CPUs used",
        "waiting at the end",
    ]);
    for (model, cost_s) in MODELS {
        for agents in [20, 50, 200] {
            for cores in [2, 8, 32] {
                let outcome = play(&Scene { agents, cores, cost_s, speech_share: SPEECH_SHARE, seconds: 1800 });
                rows.add(vec![
                    model.to_string(),
                    agents.to_string(),
                    cores.to_string(),
                    format!("{:.0} %", 100.0 * outcome.live as f64 / outcome.all.max(1) as f64),
                    format!("{:.2} s", outcome.lag_p50_s),
                    format!("{:.2} s", outcome.lag_p95_s),
                    outcome.worst.number().to_string(),
                    outcome.last.number().to_string(),
                    format!("{:.1}", outcome.used_cpus),
                    outcome.waiting.to_string(),
                ]);
            }
        }
    }
    say("governor, simulated: half an hour, a quota of half the cores, 75 % of the agents in a call")?;
    rows.print("no models")?;
    for step in Step::ALL {
        say(&format!("step {}: {}", step.number(), step.describe()))?;
    }
    Ok(())
}

/// What agents and callers say, where no other texts are given.
const TEXTS: &str = "Thank you for calling Northern Energy, my name is Mary.
This call may be recorded for quality purposes.
I was charged sixty dollars last week.
This is unacceptable and I am very angry.
I want to speak to your supervisor right now!
I understand that you are upset.
Your refund has been confirmed.
That is excellent, thank you.
";

fn vader(arguments: &BenchArguments) -> anyhow::Result<()> {
    let text = match &arguments.texts {
        Some(path) => String::from_utf8_lossy(&std::fs::read(path)?).into_owned(),
        None => TEXTS.to_string(),
    };
    let texts: Vec<&str> = text.lines().collect();
    let lexicon = Lexicon::new(LexiconKind::Vader, &[]);
    let round = || {
        let began = Instant::now();
        let sum: f64 = texts.iter().map(|text| lexicon.score(text).compound).sum();
        std::hint::black_box(sum);
        texts.len() as f64 / began.elapsed().as_secs_f64()
    };
    round();
    let mut ours: Vec<f64> = (0..5).map(|_| round()).collect();
    ours.sort_by(f64::total_cmp);
    let ours = ours[2];
    let Some(python) = &arguments.python else {
        say(&format!("vader: {ours:.0} texts a second (give --python to compare with the reference)"))?;
        return Ok(());
    };
    let script = "import sys, time\n\
        from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer\n\
        texts = sys.stdin.read().split('\\n')[:-1]\n\
        score = SentimentIntensityAnalyzer().polarity_scores\n\
        rates = []\n\
        for _ in range(3):\n    start = time.perf_counter()\n    for text in texts: score(text)\n    rates.append(len(texts) / (time.perf_counter() - start))\n\
        print(sorted(rates)[1])\n";
    let mut child = Command::new(python).args(["-c", script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let input: String = texts.iter().flat_map(|text| [text, "\n"]).collect();
    child.stdin.take().context("python's stdin")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let theirs: f64 = String::from_utf8_lossy(&output.stdout).trim().parse().context("python with vaderSentiment")?;
    say(&format!("vader: {ours:.0} texts a second, vaderSentiment in Python {theirs:.0}: {:.0} times", ours / theirs))?;
    Ok(())
}

fn fill(state: &Path, calls: i64, segments: i64) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)?;
    let mut random = Random::default();
    let bar = ProgressBar::new(calls as u64);
    runtime()?.block_on(async {
        let (store, before) = Store::open(state)?;
        for number in before.highest.0 + 1..=calls {
            store.writer().push(call_changes(number, segments, &mut random).into_iter().flatten().collect()).await?;
            bar.set_position(number as u64);
        }
        store.writer().commit(Vec::new()).await?;
        tokio::task::spawn_blocking(move || store.writer().stop()).await?;
        anyhow::Ok(())
    })?;
    bar.finish_and_clear();
    Ok(())
}

fn queries(arguments: &BenchArguments) -> anyhow::Result<()> {
    let mut bed = Bed::new("queries", NO_MODEL, None)?;
    let state = bed.config.paths.state.clone();
    if let Some(kept) = &arguments.database {
        std::fs::create_dir_all(kept)?;
        std::os::unix::fs::symlink(std::fs::canonicalize(kept)?, &state)?;
    }
    let began = Instant::now();
    fill(&state, arguments.calls, arguments.segments)?;
    let filled_s = began.elapsed().as_secs_f64();
    bed.start()?;
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let pick = |i: usize, step: usize, of: usize| i * step % of.max(1);
    let calls = arguments.calls as usize;
    let paths = |what: &str, i: usize| match what {
        "list" => match i % 4 {
            0 => "/api/v1/calls?limit=50".into(),
            1 => format!("/api/v1/calls?limit=50&agent=agent{}", pick(i, 7, 50)),
            2 => format!("/api/v1/calls?limit=50&campaign=c{}&max_sentiment=0", pick(i, 3, 7)),
            _ => format!("/api/v1/calls?limit=50&until={}", 1_795_000_000 + 7 * pick(i, 997, calls)),
        },
        "transcript" => {
            let number = pick(i, 7919, calls) + 1;
            format!(
                "/api/v1/calls/{}.{number}/transcript?include_segments=true",
                (1_795_000_000_000 + number as i64 * 7000) / 1000
            )
        }
        _ => {
            let two = format!("{} {}", words[pick(i, 13, words.len())], words[pick(i, 29, words.len())]);
            format!("/api/v1/search{}", query(&[("q", Some(two)), ("limit", Some("20".into()))]))
        }
    };
    let rounds = 1000;
    let mut rows = Vec::new();
    for what in ["list", "transcript", "search"] {
        let mut times = Vec::with_capacity(rounds);
        runtime()?.block_on(async {
            for i in 0..rounds {
                let path = paths(what, i);
                let began = Instant::now();
                bed.daemon().get(&bed.config, &path).await?;
                times.push(began.elapsed().as_secs_f64() * 1000.0);
            }
            anyhow::Ok(())
        })?;
        times.sort_by(f64::total_cmp);
        let at = |share: f64| times[((rounds - 1) as f64 * share) as usize];
        rows.push((what, at(0.5), at(0.99)));
    }
    let rss_mb = bed.rss_mb();
    bed.stop();
    let inserts = inserts::run(&state, arguments.calls, arguments.segments, Duration::from_secs(5))?;
    let segments = arguments.calls * arguments.segments;
    if arguments.json {
        let of = |(what, p50, p99): &(&str, f64, f64)| json!({"what": what, "p50_ms": p50, "p99_ms": p99});
        let figures = json!({
            "calls": calls, "segments": segments, "queries": rows.iter().map(of).collect::<Vec<_>>(), "filled_s": filled_s, "rss_mb": rss_mb,
            "inserts_per_s": inserts.per_s, "reads_per_s_meanwhile": inserts.reads_per_s,
        });
        return Ok(say(&figures.to_string())?);
    }
    for (what, p50, p99) in rows {
        say(&format!("queries: {what} at {calls} calls, {segments} segments: p50 {p50:.1} ms, p99 {p99:.1} ms"))?;
    }
    say(&format!(
        "queries: {:.0} segments a second written while {:.0} queries a second were answered",
        inserts.per_s, inserts.reads_per_s
    ))?;
    Ok(())
}
