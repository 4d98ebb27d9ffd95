//! The model, the language and the detector of voice.

use std::path::Path;

use super::check::{Subject, bad, good};
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;
use crate::host::cpu::CpuLevel;
use crate::speech::models::{self, ModelKind, ModelRef};
use crate::speech::vad::Voice;
use crate::speech::{self, language};

/// The model as it is on the disk, without loading it. `Err` is the check that tells what is wrong.
fn on_disk(config: &Config) -> Result<ModelRef, DoctorCheck> {
    let found = models::resolve(&config.paths.models(), &config.speech.model);
    let model = found.map_err(|error| bad(Subject::Model, error.to_string(), mend(config)))?;
    match slow_here(model.kind) {
        Some(problem) => Err(bad(
            Subject::Model,
            format!("{}: {problem}", model.name),
            "take one for whisper.cpp: `lineside model list` names them, `lineside model recommend` which serves this CPU best",
        )),
        None => Ok(model),
    }
}

/// The model of the configuration, without loading it. Takes a moment.
pub(super) fn installed(config: &Config) -> DoctorCheck {
    on_disk(config)
        .map_or_else(|check| check, |model| good(Subject::Model, format!("{}, {}", model.name, model.path.display())))
}

/// The model, loaded, and what it makes of the language. Takes seconds, and the model's memory.
pub(super) fn loaded(config: &Config) -> Vec<DoctorCheck> {
    let model = match on_disk(config) {
        Ok(model) => model,
        Err(check) => return vec![check],
    };
    let engine = match speech::load(&model, 1) {
        Ok(engine) => engine,
        Err(error) => return vec![bad(Subject::Model, error.to_string(), mend_of_broken(config, &model))],
    };
    let unheeded = language::unheeded(engine.as_ref(), config.hints().language.as_deref());
    std::iter::once(good(Subject::Model, engine.name())).chain(unheeded.map(language_problem)).collect()
}

/// Models besides it that the configuration names and that are not there; without them the usual one does their work.
pub(super) fn others(config: &Config) -> Vec<DoctorCheck> {
    let named = [("smaller_model", &config.speech.smaller_model), ("final_model", &config.speech.final_model)];
    let missing = |(setting, name): (&str, &Option<String>)| {
        let error = models::resolve(&config.paths.models(), name.as_deref()?).err()?;
        Some(bad(
            Subject::Model,
            format!("[speech] {setting}: {error}; the usual model does its work"),
            format!("bring it (`lineside model list`), or take {setting} away; then `systemctl restart lineside`"),
        ))
    };
    named.into_iter().filter_map(missing).collect()
}

/// What of the language the model cannot follow.
pub(super) fn language_problem(problem: String) -> DoctorCheck {
    bad(Subject::Language, problem, "change [speech] model or language, then `systemctl reload lineside`")
}

/// How a model that is not there is had.
fn mend(config: &Config) -> String {
    let wanted = &config.speech.model;
    let taken = "it is taken when it is there, without a restart";
    if Path::new(wanted).is_absolute() {
        return format!(
            "put the model to {wanted}, or name another one in [speech] model (`lineside model list`) and `systemctl reload lineside`"
        );
    }
    // Of a checkpoint of OpenAI's it can be made, if it cannot be pulled.
    if models::published(wanted).is_some() || models::checkpoint_of(wanted).is_some() {
        return format!("{}; {taken}", models::way_to(wanted, &[]));
    }
    let alike = models::catalogue().map(|published| published.name);
    let nearest =
        alike.max_by(|one, other| strsim::jaro_winkler(one, wanted).total_cmp(&strsim::jaro_winkler(other, wanted)));
    format!(
        "no model of this name is published; {} is. `lineside model list` names those that can be had: write one to [speech] model, then \
         `systemctl reload lineside`",
        nearest.unwrap_or("base.en-q8_0")
    )
}

/// How a model that cannot be read becomes one that can.
fn mend_of_broken(config: &Config, model: &ModelRef) -> String {
    let shown = model.path.display();
    if models::published(&model.name).is_some() && !Path::new(&config.speech.model).is_absolute() {
        format!("`rm -r {shown} && lineside model pull {}`: the file is not whole", model.name)
    } else {
        format!(
            "put a whole model to {shown} (`lineside model verify` checks those that were fetched), or name another one in [speech] model and \
             `systemctl reload lineside`"
        )
    }
}

/// Why models of this kind are not for this CPU.
fn slow_here(kind: ModelKind) -> Option<&'static str> {
    // oneDNN has int8 kernels for AVX2 and later (docs/decisions/onednn.md has the figure).
    (cfg!(target_arch = "x86_64") && kind == ModelKind::CTranslate2 && CpuLevel::of_this_cpu() == CpuLevel::V2)
        .then_some("CTranslate2 is some twenty times slower on a CPU without AVX2")
}

/// What finds speech.
pub(super) fn voice(config: &Config) -> DoctorCheck {
    match config.listening().voice {
        Voice::Silero { path, .. } => good(Subject::Voice, format!("Silero, {}", path.display())),
        Voice::Earshot { problem: None } => good(Subject::Voice, "earshot, as [utterance] voice_model says"),
        Voice::Earshot { problem: Some(problem) } => bad(
            Subject::Voice,
            format!("{problem}: earshot alone listens, which takes music for speech"),
            "install the package lineside, run packaging/models/silero, or name the file in [utterance] voice_model; then `systemctl restart \
             lineside`",
        ),
    }
}
