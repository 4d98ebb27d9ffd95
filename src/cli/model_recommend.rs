//! `lineside model recommend`: which model, engine and quantisation this box should have for so many agents.
//!
//! Each size is measured with both engines by a stand-in of its true shape, so nothing need be fetched first, and what happens to be installed has no
//! better chances. What was measured is kept in the state folder: `lineside doctor` compares it with what is configured.

use std::io::{IsTerminal, Write as _};
use std::path::Path;

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};
use serde_json::json;

use super::listing::Listing;
use super::print::say;
use crate::config::Config;
use crate::doctor::best_model::{Measured, Recommendation, best_within_reach, kept_file};
use crate::governor::recommend::{Candidate, Demand, Expected, choose};
use crate::governor::simulation::SPEECH_SHARE;
use crate::speech::models::convert::{Format, STAND_IN_SECONDS, Size, stand_in};
use crate::speech::models::{self, ModelKind, ModelRef};
use crate::speech::recogniser::{Hints, Recogniser};

const RUNS: usize = 3;
const NOTHING: &str = "none of the models that were measured is installed or can be pulled";

#[derive(Args)]
#[command(
    after_help = "Measures this CPU for a minute or two; run it when the box has time. It recommends a model that is here or can be pulled; where one that \
has to be imported would serve better, it says so."
)]
pub(super) struct RecommendArguments {
    /// Agents at work at a time [default: asked for on a terminal, else 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=5000))]
    agents: Option<u32>,
    /// Share of a call in which somebody speaks, 0.1 to 1
    #[arg(long, value_name = "SHARE", default_value_t = SPEECH_SHARE, value_parser = share)]
    speech_share: f64,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| format!("{text:?} is no number"))?;
    if (0.1..=1.0).contains(&share) { Ok(share) } else { Err(format!("{share} is not from 0.1 to 1")) }
}

pub(super) fn run(arguments: &RecommendArguments, as_json: bool, config: &Config) -> anyhow::Result<()> {
    let demand = Demand {
        agents: agents(arguments)?,
        cores: std::thread::available_parallelism()?.get(),
        speech_share: arguments.speech_share,
    };
    let measured = measure(config)?;
    let candidates: Vec<Candidate> = measured.iter().map(Measured::candidate).collect();
    let (best_of_all, expected) = choose(&candidates, &demand);
    let english = config.hints().language.as_deref() == Some("en");
    let installed = models::installed(&config.paths.models());
    let best = best_within_reach(&measured, &demand, english, &installed).context(NOTHING)?;
    let kept = Recommendation { demand, measured };
    let file = kept_file(config);
    if let Err(error) = std::fs::write(&file, serde_json::to_string(&kept)?) {
        eprintln!("lineside: {}: {error}; `lineside doctor` will not know of this", file.display());
    }
    let rows: Vec<(&Measured, &Expected)> = kept.measured.iter().zip(&expected).collect();
    if as_json {
        let described = |(model, expected): &(&Measured, &Expected)| {
            json!({
                "model": model.model(english), "engine": model.engine, "quantisation": model.quantisation(), "look_s": model.look_s,
                "expected": expected, "how": model.how(english, &installed), "within_reach": model.within_reach(english, &installed),
            })
        };
        let all: Vec<_> = rows.iter().map(described).collect();
        let answer = json!({
            "demand": demand, "measured_with": "stand-ins of the true shape", "recommended": all[best], "models": all,
        });
        return Ok(say(&answer.to_string())?);
    }
    print(&rows, best, &demand, english, &installed)?;
    match best_of_all.filter(|&place| place != best) {
        Some(place) => Ok(say(&better(rows[place].0, english, &installed))?),
        None => Ok(()),
    }
}

/// What is said of a model that would serve better than those within reach.
fn better(model: &Measured, english: bool, installed: &[ModelRef]) -> String {
    format!("{} would serve better and cannot be pulled: {}", model.model(english), model.how(english, installed))
}

/// The model that serves so many agents best, of those that are installed or can be pulled: measured now, and kept for `lineside doctor`.
pub(super) fn best(agents: usize, config: &Config) -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?.get();
    let demand = Demand { agents, cores, speech_share: SPEECH_SHARE };
    let measured = measure(config)?;
    let english = config.hints().language.as_deref() == Some("en");
    let installed = models::installed(&config.paths.models());
    let best = best_within_reach(&measured, &demand, english, &installed).context(NOTHING)?;
    let model = measured[best].model(english);
    let file = kept_file(config);
    if let Err(error) = std::fs::write(&file, serde_json::to_string(&Recommendation { demand, measured })?) {
        eprintln!("lineside: {}: {error}; `lineside doctor` will not know of this", file.display());
    }
    Ok(model)
}

fn print(
    rows: &[(&Measured, &Expected)],
    best: usize,
    demand: &Demand,
    english: bool,
    installed: &[ModelRef],
) -> anyhow::Result<()> {
    let mut shown = Listing::new(&["", "MODEL", "ENGINE", "CPU ms OF 3 s", "LIVE TEXT", "LAG p50", "p95", "CPUS"]);
    for (place, (model, expected)) in rows.iter().enumerate() {
        shown.add(vec![
            if place == best { "*".to_string() } else { String::new() },
            model.model(english),
            model.engine.clone(),
            format!("{:.0}", model.look_s * 1000.0),
            format!("{:.0} %", expected.live * 100.0),
            format!("{:.1} s", expected.lag_p50_s),
            format!("{:.1} s", expected.lag_p95_s),
            format!("{:.1}", expected.cpus),
        ]);
    }
    let Demand { agents, cores, speech_share } = demand;
    say(&format!(
        "{agents} agents, {cores} CPUs of which lineside takes half, somebody speaks {:.0} % of a call; measured with stand-ins of the models' true shape",
        speech_share * 100.0
    ))?;
    shown.print("no models")?;
    let (model, expected) = rows[best];
    let verdict = if expected.fits {
        "all text is live"
    } else {
        "not all text can be live: the rest comes after the calls; more CPUs or fewer agents would mend it"
    };
    say(&format!(
        "take {} ({}, {}): {verdict}, {:.0} % live, 95 % of it within {:.1} s",
        model.model(english),
        model.engine,
        model.quantisation(),
        expected.live * 100.0,
        expected.lag_p95_s
    ))?;
    Ok(say(&model.how(english, installed))?)
}

/// As given; asked for where there is somebody to answer.
fn agents(arguments: &RecommendArguments) -> anyhow::Result<usize> {
    if let Some(agents) = arguments.agents {
        return Ok(agents as usize);
    }
    if !std::io::stdin().is_terminal() {
        eprintln!("lineside: --agents was not given: 10 are taken");
        return Ok(10);
    }
    eprint!("How many agents are at work at a time? ");
    std::io::stderr().flush()?;
    let mut line = String::new();
    std::io::stdin().read_line(&mut line)?;
    let agents: usize = line.trim().parse().with_context(|| format!("{:?} is no number of agents", line.trim()))?;
    anyhow::ensure!((1..=5000).contains(&agents), "{agents} is not from 1 to 5000 agents");
    Ok(agents)
}

/// Every size with either engine, one at a time, each in a folder that goes again.
fn measure(config: &Config) -> anyhow::Result<Vec<Measured>> {
    let folder = std::env::temp_dir().join(format!("lineside-recommend-{}", std::process::id()));
    std::fs::create_dir(&folder).with_context(|| folder.display().to_string())?;
    let all: Vec<(Size, Format)> =
        Size::ALL.into_iter().flat_map(|size| Format::USUAL.into_iter().map(move |format| (size, format))).collect();
    let bar = ProgressBar::new(all.len() as u64)
        .with_style(ProgressStyle::with_template("measuring {msg} {bar:30} {pos}/{len}")?);
    let mut measured = Vec::new();
    let mut failed = None;
    for (size, format) in all {
        bar.set_message(size.name());
        match look(size, format, &folder, config) {
            Ok(found) => measured.push(found),
            Err(error) => failed = Some(error.context(format!("{} with {format:?}", size.name()))),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    std::fs::remove_dir_all(&folder).with_context(|| folder.display().to_string())?;
    match failed {
        // CTranslate2 may be forbidden here; whisper.cpp runs everywhere.
        Some(error) if !measured.is_empty() => eprintln!("lineside: left out: {error:#}"),
        Some(error) => return Err(error),
        None => {}
    }
    Ok(measured)
}

fn look(size: Size, format: Format, folder: &Path, config: &Config) -> anyhow::Result<Measured> {
    let model = stand_in(size, format, folder).map_err(anyhow::Error::msg)?;
    let engine = crate::speech::load(&model, 1)?;
    let hints = Hints { language: Some("en".into()), prompt: None, ..config.hints() };
    let mut recogniser = Recogniser::new(engine.session()?, hints);
    let sound = super::model_bench::synthetic_voice(STAND_IN_SECONDS);
    recogniser.recognise(&sound)?; // the first one makes kernels
    let mut took = Vec::new();
    for _ in 0..RUNS {
        let began = cpu_s();
        let heard = recogniser.recognise(&sound)?;
        took.push(cpu_s() - began);
        anyhow::ensure!(!heard.pieces.is_empty(), "the stand-in said nothing: {:?}", heard.dropped);
    }
    took.sort_by(f64::total_cmp);
    drop(recogniser);
    drop(engine);
    let engine = if model.kind == ModelKind::Whisper { "whisper.cpp" } else { "ctranslate2" };
    if model.path.is_dir() { std::fs::remove_dir_all(&model.path) } else { std::fs::remove_file(&model.path) }?;
    Ok(Measured { size: size.name().into(), engine: engine.into(), look_s: took[RUNS / 2] })
}

/// CPU time of all threads so far: a busy box makes it wait, not cost more.
fn cpu_s() -> f64 {
    let now = clock_gettime(ClockId::ProcessCPUTime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}
