//! `lineside bench`: what this box can do, measured with the real daemon on a throw-away folder.
//!
//! Machines are noisy: figures are printed, nothing is judged. Ratios come from one run with the peer beside us.

mod accuracy;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use super::client::{Daemon, query, runtime};
use super::{say, table};
use crate::call::{CallId, CallKey, CallNames, CallState, CallTime, Leg, LegKey, Source, UtteranceKey, WallTime};
use crate::config::Config;
use crate::store::Store;
use crate::store::change::{Change, NewCall, NewLeg, NewSegment, NewUtterance, UtteranceState};
use crate::text::lexicon::{Lexicon, LexiconKind};
use accuracy::Plan;

/// Starts its own daemon; the running one is not touched
#[derive(Args)]
pub(super) struct BenchArguments {
    /// What to measure [default: all]
    what: Vec<What>,
    /// AudioSocket legs at a time
    #[arg(long, default_value_t = 300)]
    legs: usize,
    /// Seconds of audio on each
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Speech to send: a WAV of 8 kHz [default: a synthetic voice]
    #[arg(long)]
    audio: Option<PathBuf>,
    /// Calls in the database for the queries
    #[arg(long, default_value_t = 10_000)]
    calls: i64,
    /// Texts for the sentiment bench, one a line
    #[arg(long)]
    texts: Option<PathBuf>,
    /// A Python that has vaderSentiment, to compare with
    #[arg(long)]
    python: Option<PathBuf>,
    /// For accuracy: a folder of recordings with their text beside them (FILE.txt, FILE.json), or a folder of such folders
    #[arg(long)]
    recordings: Option<PathBuf>,
    /// For accuracy: model names or paths [default: that of the configuration]
    #[arg(long)]
    model: Vec<String>,
    /// For accuracy: each recording is one window of the model, of 30 s at most
    #[arg(long)]
    whole: bool,
    /// For accuracy: each model with RNNoise in front of it too
    #[arg(long)]
    denoise: bool,
    /// For accuracy: one JSON object a set and model
    #[arg(long)]
    json: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// AudioSocket legs in real time with VAD: frames lost, CPU
    Legs,
    /// Memory of an idle daemon without a model
    Memory,
    /// List, transcript and search at many calls
    Queries,
    /// Texts a second
    Vader,
    /// What 20, 50 and 200 agents would see on 2, 8 and 32 cores, by a simulation of the governor
    Governor,
    /// Words that models get wrong on recordings whose text is known
    Accuracy,
}

pub(super) fn run(
    arguments: &BenchArguments,
    config: impl Fn() -> Result<Config, crate::config::ConfigError>,
) -> anyhow::Result<()> {
    let wanted = |what| arguments.what.is_empty() || arguments.what.contains(&what);
    if arguments.what.contains(&What::Accuracy) {
        let folder = arguments.recordings.as_deref().context("accuracy wants --recordings FOLDER")?;
        let (models, whole) = (arguments.model.as_slice(), arguments.whole);
        accuracy::run(&Plan { folder, models, whole, denoise: arguments.denoise, json: arguments.json }, &config()?)?;
    }
    if wanted(What::Memory) {
        memory()?;
    }
    if wanted(What::Vader) {
        vader(arguments)?;
    }
    if wanted(What::Legs) {
        legs(arguments)?;
    }
    if wanted(What::Queries) {
        queries(arguments)?;
    }
    if wanted(What::Governor) {
        governor()?;
    }
    Ok(())
}

/// A daemon on a folder of its own; both go when this is dropped.
struct Bed {
    folder: PathBuf,
    config: Config,
    audiosocket: u16,
    child: Option<Child>,
}

impl Bed {
    fn new(name: &str) -> anyhow::Result<Self> {
        let folder = std::env::temp_dir().join(format!("lineside-bench-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let audiosocket = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let text = format!(
            "[paths]\nstate = \"{0}/state\"\nrun = \"{0}/run\"\n[http]\nlisten = \"\"\n[audiosocket]\nlisten = \"127.0.0.1:{audiosocket}\"\n\
             [speech]\nmodel = \"none\"\n[log]\nlevel = \"error\"\n",
            folder.display()
        );
        std::fs::write(folder.join("lineside.toml"), &text)?;
        let config = Config::parse(&folder.join("lineside.toml"), &text)?;
        Ok(Self { folder, config, audiosocket, child: None })
    }

    fn start(&mut self) -> anyhow::Result<()> {
        let child = Command::new(std::env::current_exe()?)
            .arg("--config")
            .arg(self.folder.join("lineside.toml"))
            .arg("serve")
            .stdin(Stdio::null())
            .spawn()
            .context("start a daemon")?;
        self.child = Some(child);
        let began = Instant::now();
        while self.get("/health").is_err() {
            if began.elapsed() > Duration::from_secs(30) {
                bail!("the daemon did not come up within 30 s");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn daemon(&self) -> Daemon {
        Daemon::at(self.config.paths.run.join("api.sock"))
    }

    fn get(&self, path: &str) -> anyhow::Result<serde_json::Value> {
        self.daemon().fetch(&self.config, path)
    }

    fn proc(&self, file: &str) -> String {
        let pid = self.child.as_ref().map_or(0, Child::id);
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
    }

    fn rss_mb(&self) -> f64 {
        let status = self.proc("status");
        let kb = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kb.unwrap_or(f64::NAN) / 1000.0
    }

    /// CPU seconds so far.
    fn cpu_s(&self) -> f64 {
        let stat = self.proc("stat");
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        let field = |n: usize| after.split_whitespace().nth(n).and_then(|text| text.parse::<f64>().ok()).unwrap_or(0.0);
        (field(11) + field(12)) / 100.0 // USER_HZ is 100 on every Linux that Debian runs on
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

fn memory() -> anyhow::Result<()> {
    let mut bed = Bed::new("memory")?;
    bed.start()?;
    std::thread::sleep(Duration::from_secs(3));
    say(&format!("memory: idle daemon without a model: {:.1} MB RSS", bed.rss_mb()))?;
    Ok(())
}

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

fn legs(arguments: &BenchArguments) -> anyhow::Result<()> {
    crate::host::raise_file_limit();
    let sound = match &arguments.audio {
        Some(path) => crate::pipeline::analyze::read(path)?.1.remove(0),
        None => synthetic(),
    };
    let frames = arguments.seconds as usize * 50;
    let mut bed = Bed::new("legs")?;
    bed.start()?;
    let (cpu, began) = (bed.cpu_s(), Instant::now());
    let address = format!("127.0.0.1:{}", bed.audiosocket);
    let late = runtime()?.block_on(async {
        let mut tasks = tokio::task::JoinSet::new();
        for leg in 0..arguments.legs {
            let (address, sound) = (address.clone(), sound.clone());
            tasks.spawn(async move { send(&address, leg, frames, &sound).await });
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
    let metrics = runtime()?.block_on(async {
        use http_body_util::BodyExt;
        let body = bed.daemon().open(&bed.config, "/metrics").await?.into_body().collect().await?.to_bytes();
        anyhow::Ok(String::from_utf8_lossy(&body).into_owned())
    })?;
    let counter = |name: &str| -> f64 {
        metrics
            .lines()
            .filter(|line| line.starts_with(name))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    let sent = frames * arguments.legs;
    let received = counter("lineside_frames_total");
    // Silence that was written for gaps would only hide a loss here: the frames were sent without gaps.
    let on_disk: f64 = counter("lineside_spool_bytes_total") / 320.0 - counter("lineside_gap_samples_total") / 160.0;
    say(&format!(
        "legs: {} at once for {} s: {sent} frames sent, {received} received, {on_disk:.0} on disk, {} lost",
        arguments.legs,
        arguments.seconds,
        sent as f64 - on_disk
    ))?;
    say(&format!(
        "legs: {} calls, {} utterances found, daemon used {:.2} cores and {rss:.0} MB; the sender was late by {} ms at worst",
        calls.len(),
        bed.get("/health")?["backlog"]["utterances"],
        used / wall,
        late.as_millis()
    ))?;
    Ok(())
}

/// One leg in real time; how late its frames were at worst, by the sender's own fault.
async fn send(address: &str, leg: usize, frames: usize, sound: &[i16]) -> anyhow::Result<Duration> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut hello = vec![1, 0, 16];
    hello.extend(uuid::Uuid::from_u128(0xbe4c_0000_0000_4000_8000_0000_0000_0000 + leg as u128).as_bytes());
    stream.write_all(&hello).await?;
    // Spread over the 20 ms, as calls are.
    let start = tokio::time::Instant::now() + Duration::from_micros((leg as u64 * 7919) % 20_000);
    let mut worst = Duration::ZERO;
    for number in 0..frames {
        let due = start + Duration::from_millis(20) * number as u32;
        tokio::time::sleep_until(due).await;
        worst = worst.max(due.elapsed());
        let mut frame = vec![0x10, 1, 0x40];
        for i in 0..160 {
            frame.extend(sound[(number * 160 + i + leg * 997) % sound.len()].to_le_bytes());
        }
        stream.write_all(&frame).await?;
    }
    stream.shutdown().await?;
    Ok(worst)
}

/// Half an hour of a call centre, simulated. An utterance of 3 s costs what tiny.en and base.en (q8_0) were measured to cost on one core with
/// AVX2: encoder at its length, a dozen tokens, features.
fn governor() -> anyhow::Result<()> {
    use crate::governor::simulation::{Scene, play};
    const MODELS: [(&str, f64); 2] = [("tiny.en", 0.12), ("base.en", 0.26)];
    let mut rows = table(&[
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
                let outcome = play(&Scene { agents, cores, cost_s, seconds: 1800 });
                rows.add_row(vec![
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
    say(
        "governor, simulated: half an hour, a quota of half the cores, 75 % of the agents in a call (steps: 0 all live, 1 longer utterances, 2 half of the calls, 3 one in eight, 4 after the call)",
    )?;
    say(&rows.to_string())?;
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

const WORDS: &str = "account address agent angry balance bill broken call cancel change charge contract customer date delivery dollars energy \
    explain fault five friday help hold invoice issue line manager meter minute mistake modem month name number offer order pay phone please \
    problem question refund router service sorry speak supervisor thank time today understand week work yesterday";

fn fill(state: &Path, calls: i64) -> anyhow::Result<()> {
    std::fs::create_dir_all(state)?;
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut seed = 7_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let bar = ProgressBar::new(calls as u64);
    runtime()?.block_on(async {
        let (store, _) = Store::open(state)?;
        let mut utterance = 0;
        for number in 1..=calls {
            let (call, leg) = (CallKey(number), LegKey(number));
            let started = WallTime(1_795_000_000_000 + number * 7000);
            let mut changes = vec![
                Change::CallOpened(NewCall {
                    key: call,
                    id: CallId::from_lossy(&format!("{}.{number}", started.0 / 1000)),
                    source: Source::Recording,
                    started,
                    names: CallNames {
                        agent: Some(format!("agent{}", number % 50)),
                        campaign: Some(format!("c{}", number % 7)),
                        ..CallNames::default()
                    },
                }),
                Change::LegOpened(NewLeg {
                    key: leg,
                    call,
                    leg: Leg::Mixed,
                    source: Source::Recording,
                    rate_hz: 8000,
                    started,
                    offset: CallTime(0),
                    path: "/none".into(),
                    channel: 0,
                    owned: false,
                    peer: None,
                }),
            ];
            for turn in 0..20 {
                utterance += 1;
                let text: Vec<&str> = (0..10).map(|_| words[random(words.len() as u64) as usize]).collect();
                let key = UtteranceKey(utterance);
                let (start, end) = (CallTime(turn * 5000), CallTime(turn * 5000 + 4000));
                changes.push(Change::UtteranceFound(NewUtterance {
                    key,
                    call,
                    leg,
                    start_sample: turn as u64 * 40_000,
                    end_sample: turn as u64 * 40_000 + 32_000,
                    start,
                    end,
                    state: UtteranceState::Pending,
                }));
                let segment = NewSegment {
                    start,
                    end,
                    text: text.join(" "),
                    confidence: 0.9,
                    language: Some("en".into()),
                    words: Vec::new(),
                    compound: random(2000) as f64 / 1000.0 - 1.0,
                    pos: 0.1,
                    neu: 0.8,
                    neg: 0.1,
                    label: "neutral".into(),
                    keywords: Vec::new(),
                    profanity: Vec::new(),
                };
                changes.push(Change::UtteranceDone {
                    utterance: key,
                    state: UtteranceState::Done,
                    segments: vec![segment],
                    note: None,
                    engine: "bench".into(),
                    took_ms: 1,
                    at: started,
                });
            }
            let at = WallTime(started.0 + 100_000);
            changes.push(Change::LegClosed { leg, samples: 800_000, reason: "closed".into(), at });
            changes.push(Change::CallMoved { call, state: CallState::Completed, at, reason: None });
            store.writer().push(changes).await?;
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
    let mut bed = Bed::new("queries")?;
    fill(&bed.config.paths.state.clone(), arguments.calls)?;
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
        say(&format!(
            "queries: {what} at {calls} calls, {} segments: p50 {:.1} ms, p99 {:.1} ms",
            calls * 20,
            at(0.5),
            at(0.99)
        ))?;
    }
    Ok(())
}
