//! What each model costs on this very machine, with either engine: the figures to choose a model by.
//!
//! One thread, as a worker of the daemon has it; medians of three. The sound is a recording that is given, or a synthetic voice: then the
//! model's words mean nothing, and only the time of its encoder is worth reading.

use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;

use super::listing::Listing;
use super::print::{bar, say};
use crate::audio::resample::{MODEL_HZ, to_model};

use crate::config::Config;
use crate::pipeline::finished::analyze::read;
use crate::speech::models;
use crate::speech::recogniser::{Pace, Recogniser, SpeechSound};

/// Lengths of stretches, seconds.
const LENGTHS_S: [usize; 3] = [2, 4, 8];
/// Stretches of four seconds that are given at once.
const TOGETHER: usize = 8;
/// Seconds of speech in a second of call, both legs together: what is left of conversation without its pauses (the README's demo calls: 0.78).
const SPEECH_SHARE: f64 = 0.8;
const RUNS: usize = 3;

/// One model's figures. Times in milliseconds of one CPU.
#[derive(Serialize)]
struct Figures {
    model: String,
    load_ms: f64,
    /// One entry for each length of the stretch: 2, 4 and 8 s.
    stretch_ms: Vec<f64>,
    /// One of eight stretches of 4 s that are given together.
    together_ms: f64,
    /// Calls, both legs, whose speech one CPU writes down as fast as it is spoken.
    calls_per_core: f64,
}

/// Measures models by name or path; all that are installed when none is named.
pub(super) fn run(names: &[String], audio: Option<&Path>, json: bool, config: &Config) -> anyhow::Result<()> {
    let folder = config.paths.models();
    let chosen = if names.is_empty() {
        models::installed(&folder)
    } else {
        names.iter().map(|name| models::resolve(&folder, name)).collect::<Result<_, _>>()?
    };
    anyhow::ensure!(!chosen.is_empty(), "no model in {}: `lineside model pull base.en-q8_0`", folder.display());
    let sound = match audio {
        Some(path) => {
            let (rate_hz, channels) = read(path).with_context(|| path.display().to_string())?;
            to_model(channels.first().map_or(&[], Vec::as_slice), rate_hz)
        }
        None => synthetic_voice(LENGTHS_S[2] * 2),
    };
    let bar = bar("models", "models")?;
    bar.set_length(chosen.len() as u64);
    let mut all = Vec::new();
    for model in &chosen {
        bar.set_message(model.name.clone());
        all.push(measure(model, &sound, config).with_context(|| model.path.display().to_string())?);
        bar.inc(1);
    }
    bar.finish_and_clear();
    if json {
        return all.iter().try_for_each(|figures| Ok(say(&serde_json::to_string(figures)?)?));
    }
    let mut rows = Listing::new(&["MODEL", "LOAD ms", "2 s", "4 s", "8 s", "4 s OF 8", "CALLS/CORE"]);
    for figures in &all {
        let mut row = vec![figures.model.clone(), format!("{:.0}", figures.load_ms)];
        row.extend(figures.stretch_ms.iter().map(|ms| format!("{ms:.0}")));
        row.extend([format!("{:.0}", figures.together_ms), format!("{:.1}", figures.calls_per_core)]);
        rows.add(row);
    }
    rows.print("no models")?;
    if let Some(best) = all.iter().max_by(|a, b| a.calls_per_core.total_cmp(&b.calls_per_core)) {
        say(&format!("cheapest here: {}; a better model is worth what it costs as long as its calls fit", best.model))?;
    }
    Ok(())
}

fn measure(model: &models::ModelRef, sound: &[f32], config: &Config) -> anyhow::Result<Figures> {
    let began = Instant::now();
    let engine = crate::speech::load(model, 1)?;
    let load_ms = began.elapsed().as_secs_f64() * 1000.0;
    let mut recogniser = Recogniser::new(engine.session()?, config.hints());
    let stretch = |seconds: usize, at: usize| -> Vec<f32> {
        sound.iter().cycle().skip(at * MODEL_HZ as usize).take(seconds * MODEL_HZ as usize).copied().collect()
    };
    let mut time = |stretches: &[Vec<f32>]| -> anyhow::Result<f64> {
        let slices: Vec<SpeechSound> = stretches.iter().map(|samples| samples.as_slice().into()).collect();
        let mut took = Vec::new();
        for _ in 0..RUNS {
            let began = Instant::now();
            for answer in recogniser.recognise_all(&slices, Pace::Live) {
                answer?;
            }
            took.push(began.elapsed().as_secs_f64() * 1000.0 / stretches.len() as f64);
        }
        took.sort_by(f64::total_cmp);
        Ok(took[RUNS / 2])
    };
    let stretch_ms =
        LENGTHS_S.iter().map(|&seconds| time(&[stretch(seconds, 0)])).collect::<anyhow::Result<Vec<_>>>()?;
    let many: Vec<Vec<f32>> = (0..TOGETHER).map(|number| stretch(4, number)).collect();
    let together_ms = time(&many)?;
    let best = together_ms.min(stretch_ms[1]);
    let calls_per_core = 1.0 / (SPEECH_SHARE * best / 4000.0);
    Ok(Figures { model: engine.name().to_string(), load_ms, stretch_ms, together_ms, calls_per_core })
}

/// A buzz of 120 Hz in syllables: what a voice activity detector takes for speech.
pub(super) fn synthetic_voice(seconds: usize) -> Vec<f32> {
    (0..seconds * MODEL_HZ as usize)
        .map(|i| {
            let t = i as f32 / MODEL_HZ as f32;
            let syllable = (std::f32::consts::PI * t * 4.0).sin().abs();
            let buzz: f32 = (1..12).map(|n| (std::f32::consts::TAU * 120.0 * n as f32 * t).sin() / n as f32).sum();
            0.15 * syllable * buzz
        })
        .collect()
}
