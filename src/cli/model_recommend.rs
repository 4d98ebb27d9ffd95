//! `lineside model recommend`: which model, engine and quantisation this box should have for so many agents.
//!
//! Each size is measured with both engines by a stand-in of its true shape, so nothing need be fetched first, and what happens to be installed has no
//! better chances. What was measured is kept in the state folder: `lineside doctor` compares it with what is configured.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::print::{say, table};
use crate::config::Config;
use crate::governor::recommend::{Candidate, Demand, Expected, choose};
use crate::governor::simulation::SPEECH_SHARE;
use crate::speech::models::convert::{Format, STAND_IN_SECONDS, Size, stand_in};
use crate::speech::models::{self, CATALOGUE, ModelKind, ModelRef};
use crate::speech::recogniser::{Hints, Recogniser};

/// What a live call costs beside one look at each of its utterances: partial text, preflights, second looks, the VAD. Of `lineside bench live` (12 and
/// 21 ms of CPU a second of call with tiny.en and base.en) over what this command measures on the same machine.
const LIVE_COST: f64 = 1.8;
const RUNS: usize = 3;

#[derive(Args)]
#[command(after_help = "Measures this CPU for a minute or two; run it when the box has time.")]
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

/// What a size costs with an engine here.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct Measured {
    /// `tiny`, `base`, `small`.
    size: String,
    /// `whisper.cpp` or `ctranslate2`.
    engine: String,
    /// CPU seconds of one look at an utterance of three seconds.
    look_s: f64,
}

/// What was measured, and for whom.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Kept {
    demand: Demand,
    measured: Vec<Measured>,
}

fn kept_file(config: &Config) -> PathBuf {
    config.paths.state.join("recommend.json")
}

impl Measured {
    fn candidate(&self) -> Candidate {
        let quality = Size::ALL.iter().position(|size| size.name() == self.size).map_or(0, |place| place + 1);
        Candidate { quality, cost_s: self.look_s * LIVE_COST }
    }

    fn kind(&self) -> ModelKind {
        if self.engine == "ctranslate2" { ModelKind::CTranslate2 } else { ModelKind::Whisper }
    }

    /// The model's name, as `pull` and `import` give it.
    fn model(&self, english: bool) -> String {
        let name = format!("{}{}", self.size, if english { ".en" } else { "" });
        match self.kind() {
            ModelKind::Whisper => format!("{name}-q8_0"),
            ModelKind::CTranslate2 => format!("ct2-{name}-int8"),
        }
    }

    fn quantisation(&self) -> &'static str {
        if self.kind() == ModelKind::Whisper { "q8_0" } else { "int8" }
    }

    /// How one has it.
    fn how(&self, english: bool, installed: &[ModelRef]) -> String {
        let name = self.model(english);
        if installed.iter().any(|model| model.name == name) {
            format!("installed: [speech] model = \"{name}\"")
        } else if CATALOGUE.iter().any(|published| published.name == name) {
            format!("`lineside model pull {name}`")
        } else {
            let weights = format!("{}{}", self.size, if english { ".en" } else { "" });
            format!("`lineside model import {weights}.pt` (OpenAI's weights), or of a Hugging Face folder")
        }
    }
}

pub(super) fn run(arguments: &RecommendArguments, as_json: bool, config: &Config) -> anyhow::Result<()> {
    let demand = Demand {
        agents: agents(arguments)?,
        cores: std::thread::available_parallelism()?.get(),
        speech_share: arguments.speech_share,
    };
    let measured = measure(config)?;
    let candidates: Vec<Candidate> = measured.iter().map(Measured::candidate).collect();
    let (best, expected) = choose(&candidates, &demand);
    let best = best.context("nothing was measured")?;
    let english = config.hints().language.as_deref() == Some("en");
    let installed = models::installed(&config.paths.models());
    let kept = Kept { demand, measured };
    let file = kept_file(config);
    if let Err(error) = std::fs::write(&file, serde_json::to_string(&kept)?) {
        eprintln!("lineside: {}: {error}; `lineside doctor` will not know of this", file.display());
    }
    let rows: Vec<(&Measured, &Expected)> = kept.measured.iter().zip(&expected).collect();
    if as_json {
        let described = |(model, expected): &(&Measured, &Expected)| {
            json!({
                "model": model.model(english), "engine": model.engine, "quantisation": model.quantisation(), "look_s": model.look_s,
                "expected": expected, "how": model.how(english, &installed),
            })
        };
        let all: Vec<_> = rows.iter().map(described).collect();
        let answer = json!({
            "demand": demand, "measured_with": "stand-ins of the true shape", "recommended": all[best], "models": all,
        });
        return Ok(say(&answer.to_string())?);
    }
    print(&rows, best, &demand, english, &installed)
}

fn print(
    rows: &[(&Measured, &Expected)],
    best: usize,
    demand: &Demand,
    english: bool,
    installed: &[ModelRef],
) -> anyhow::Result<()> {
    let mut shown = table(&["", "MODEL", "ENGINE", "CPU ms OF 3 s", "LIVE TEXT", "LAG p50", "p95", "CPUS"]);
    for (place, (model, expected)) in rows.iter().enumerate() {
        shown.add_row([
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
    say(&shown.to_string())?;
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

/// What doctor says of the configured model, by what was measured here: `Err` has what would serve better, and how one has it.
pub(super) fn advice(config: &Config) -> Result<String, (String, String)> {
    let file = kept_file(config);
    let Some(kept) = std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Kept>(&text).ok())
    else {
        return Ok("not measured: `lineside model recommend` says which model serves this box best".into());
    };
    let english = config.hints().language.as_deref() == Some("en");
    let installed = models::installed(&config.paths.models());
    compare(&kept, &config.speech.model, english, &installed)
}

/// Only what is installed or can be pulled counts against the configured model.
fn compare(kept: &Kept, configured: &str, english: bool, installed: &[ModelRef]) -> Result<String, (String, String)> {
    let agents = kept.demand.agents;
    let within_reach = |model: &Measured| {
        let name = model.model(english);
        name == configured
            || installed.iter().any(|model| model.name == name)
            || CATALOGUE.iter().any(|published| published.name == name)
    };
    let models: Vec<&Measured> = kept.measured.iter().filter(|model| within_reach(model)).collect();
    let candidates: Vec<Candidate> = models.iter().map(|model| model.candidate()).collect();
    let (best, expected) = choose(&candidates, &kept.demand);
    let now = models.iter().position(|model| model.model(english) == configured);
    let (Some(best), Some(now)) = (best, now) else {
        return Ok(format!(
            "{configured} is of a size that was not measured; `lineside model recommend` names one that was"
        ));
    };
    let describe = |place: usize| {
        let Expected { live, lag_p95_s, .. } = &expected[place];
        format!(
            "{} with {:.0} % live text, 95 % of it within {lag_p95_s:.1} s",
            models[place].model(english),
            live * 100.0
        )
    };
    if best == now {
        return Ok(format!("for {agents} agents none serves better than {}", describe(now)));
    }
    Err((
        format!("for {agents} agents {} serves better than {}", describe(best), describe(now)),
        models[best].how(english, installed),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(agents: usize) -> Kept {
        let costs = [("tiny", 0.06, 0.03), ("base", 0.14, 0.05), ("small", 0.5, 0.2)];
        let measured = costs.iter().flat_map(|&(size, whisper, ct2)| {
            [("whisper.cpp", whisper), ("ctranslate2", ct2)].map(|(engine, look_s)| Measured {
                size: size.into(),
                engine: engine.into(),
                look_s,
            })
        });
        Kept { demand: Demand { agents, cores: 8, speech_share: SPEECH_SHARE }, measured: measured.collect() }
    }

    fn here(name: &str, kind: ModelKind) -> ModelRef {
        ModelRef { name: name.into(), path: PathBuf::from(name), kind }
    }

    #[test]
    fn doctor_names_a_model_that_serves_better_only_if_one_can_have_it() {
        let (found, mend) = compare(&kept(3), "tiny.en-q8_0", true, &[]).expect_err("small would fit");
        assert!(
            found.contains("small.en-q8_0") && found.contains("3 agents") && mend.contains("model pull small.en-q8_0"),
            "{found} {mend}"
        );
        let well = compare(&kept(3), "small.en-q8_0", true, &[]).expect("the best that can be pulled");
        assert!(well.contains("none serves better than small.en-q8_0"), "{well}");
        let installed = [here("ct2-small.en-int8", ModelKind::CTranslate2)];
        let (found, mend) = compare(&kept(3), "small.en-q8_0", true, &installed).expect_err("the same words for less");
        assert!(found.contains("ct2-small.en-int8") && mend.contains("installed: [speech] model"), "{found} {mend}");
    }

    #[test]
    fn a_model_that_is_too_big_for_the_agents_is_named_too() {
        let (found, mend) = compare(&kept(60), "small.en-q8_0", true, &[]).expect_err("too big");
        assert!(!found.contains("100 % live text, 95 % of it within 0.0"), "{found}");
        assert!(mend.contains("tiny.en-q8_0") || mend.contains("base.en-q8_0"), "{mend}");
    }

    #[test]
    fn other_languages_are_recommended_multilingual_models() {
        let (_, mend) = compare(&kept(3), "tiny-q8_0", false, &[]).expect_err("small would fit");
        assert!(mend.contains("model pull small-q8_0"), "{mend}");
        let unknown = compare(&kept(3), "my-own", true, &[]).expect("nothing is said against it");
        assert!(unknown.contains("not measured"), "{unknown}");
    }
}
