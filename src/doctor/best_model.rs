//! Which model serves this box best, by what `lineside model recommend` measured here.
//!
//! What was measured is kept in the state folder. Nothing is measured here: reading it takes a moment.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::{Subject, advice, good};
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;
use crate::governor::recommend::{Candidate, Demand, Expected, choose};
use crate::speech::models::convert::Size;
use crate::speech::models::{self, ModelKind, ModelRef};

/// What a live call costs beside one look at each of its utterances: partial text, preflights, second looks, the VAD. Of `lineside bench live` (12
/// and 21 ms of CPU a second of call with the demo model widened to the shapes of tiny.en and base.en) over what `lineside model recommend` measures on
/// the same machine. OpenAI's own weights cost more (docs/figures.md).
const LIVE_COST: f64 = 1.8;

/// What a size costs with an engine here.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Measured {
    /// `tiny`, `base`, `small`.
    pub size: String,
    /// `whisper.cpp` or `ctranslate2`.
    pub engine: String,
    /// CPU seconds of one look at an utterance of three seconds.
    pub look_s: f64,
}

/// What was measured, and for whom.
#[derive(Debug, Deserialize, Serialize)]
pub struct Recommendation {
    /// For how many agents, on how many CPUs.
    pub demand: Demand,
    /// What was measured.
    pub measured: Vec<Measured>,
}

/// Where what was measured is kept.
pub fn kept_file(config: &Config) -> PathBuf {
    config.paths.state.join("recommend.json")
}

impl Measured {
    /// What the size offers and costs, for the choice.
    pub fn candidate(&self) -> Candidate {
        let quality = Size::ALL.iter().position(|size| size.name() == self.size).map_or(0, |place| place + 1);
        Candidate { quality, cost_s: self.look_s * LIVE_COST }
    }

    fn kind(&self) -> ModelKind {
        if self.engine == "ctranslate2" { ModelKind::CTranslate2 } else { ModelKind::Whisper }
    }

    /// The model's name, as `pull` and `import` give it.
    pub fn model(&self, english: bool) -> String {
        let name = format!("{}{}", self.size, if english { ".en" } else { "" });
        match self.kind() {
            ModelKind::Whisper => format!("{name}-q8_0"),
            ModelKind::CTranslate2 => format!("ct2-{name}-int8"),
        }
    }

    /// How the weights are stored.
    pub fn quantisation(&self) -> &'static str {
        if self.kind() == ModelKind::Whisper { "q8_0" } else { "int8" }
    }

    /// How somebody gets it.
    pub fn how(&self, english: bool, installed: &[ModelRef]) -> String {
        models::way_to(&self.model(english), installed)
    }

    /// Whether somebody can have it here: it is installed, or can be pulled.
    pub fn within_reach(&self, english: bool, installed: &[ModelRef]) -> bool {
        models::within_reach(&self.model(english), installed)
    }
}

/// The place of the model that serves best among those that are within reach.
pub fn best_within_reach(
    measured: &[Measured],
    demand: &Demand,
    english: bool,
    installed: &[ModelRef],
) -> Option<usize> {
    let (places, candidates): (Vec<usize>, Vec<Candidate>) = measured
        .iter()
        .enumerate()
        .filter(|(_, model)| model.within_reach(english, installed))
        .map(|(place, model)| (place, model.candidate()))
        .unzip();
    choose(&candidates, demand).0.map(|best| places[best])
}

/// Whether another model would serve this box better. Nothing is wrong with a model that works.
pub(super) fn best_model(config: &Config) -> DoctorCheck {
    match compared(config) {
        Ok(found) => good(Subject::BestModel, found),
        Err((found, mend)) => advice(Subject::BestModel, found, mend),
    }
}

/// What doctor says of the configured model, by what was measured here: `Err` has what would serve better, and how one has it.
fn compared(config: &Config) -> Result<String, (String, String)> {
    let file = kept_file(config);
    let Some(kept) =
        std::fs::read_to_string(&file).ok().and_then(|text| serde_json::from_str::<Recommendation>(&text).ok())
    else {
        return Ok("not measured: `lineside model recommend` says which model serves this box best".into());
    };
    let english = config.hints().language.as_deref() == Some("en");
    let installed = models::installed(&config.paths.models());
    compare(&kept, &config.speech.model, english, &installed)
}

/// Only what is installed or can be pulled counts against the configured model.
fn compare(
    kept: &Recommendation,
    configured: &str,
    english: bool,
    installed: &[ModelRef],
) -> Result<String, (String, String)> {
    let agents = kept.demand.agents;
    let within_reach = |model: &Measured| model.model(english) == configured || model.within_reach(english, installed);
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
    use crate::governor::simulation::SPEECH_SHARE;

    fn kept(agents: usize) -> Recommendation {
        let costs = [("tiny", 0.06, 0.03), ("base", 0.14, 0.05), ("small", 0.5, 0.2)];
        let measured = costs.iter().flat_map(|&(size, whisper, ct2)| {
            [("whisper.cpp", whisper), ("ctranslate2", ct2)].map(|(engine, look_s)| Measured {
                size: size.into(),
                engine: engine.into(),
                look_s,
            })
        });
        Recommendation { demand: Demand { agents, cores: 8, speech_share: SPEECH_SHARE }, measured: measured.collect() }
    }

    fn here(name: &str, kind: ModelKind) -> ModelRef {
        ModelRef { name: name.into(), path: PathBuf::from(name), kind }
    }

    #[test]
    fn doctor_names_a_model_that_serves_better_only_if_one_can_have_it() {
        let (found, mend) = compare(&kept(3), "tiny-q8_0", false, &[]).expect_err("small would fit");
        assert!(
            found.contains("small-q8_0") && found.contains("3 agents") && mend.contains("model pull small-q8_0"),
            "{found} {mend}"
        );
        let well = compare(&kept(3), "small-q8_0", false, &[]).expect("the best that can be pulled");
        assert!(well.contains("none serves better than small-q8_0"), "{well}");
        let installed = [here("ct2-small-int8", ModelKind::CTranslate2)];
        let (found, mend) = compare(&kept(3), "small-q8_0", false, &installed).expect_err("the same words for less");
        assert!(found.contains("ct2-small-int8") && mend.contains("installed: [speech] model"), "{found} {mend}");
        let (_, mend) = compare(&kept(3), "small.en-q8_0", true, &[]).expect_err("the same words for less");
        assert_eq!(mend, "`lineside model pull ct2-small.en-int8`");
    }

    #[test]
    fn of_what_was_measured_the_best_that_somebody_can_have_is_chosen() {
        for agents in [3, 30, 200] {
            let Recommendation { demand, measured } = kept(agents);
            let best = |english, installed: &[ModelRef]| {
                let place = best_within_reach(&measured, &demand, english, installed).expect("one is within reach");
                measured[place].model(english)
            };
            assert!(best(true, &[]).starts_with("ct2-"), "{agents}: an English one is made of what OpenAI publishes");
            let many = best(false, &[]);
            assert!(many.ends_with("-q8_0"), "{agents}: {many} would have to be imported");
            let size = many.trim_end_matches("-q8_0");
            let installed = [here(&format!("ct2-{size}-int8"), ModelKind::CTranslate2)];
            assert_eq!(best(false, &installed), installed[0].name, "{agents}: who has it may take it");
        }
    }

    #[test]
    fn a_model_that_is_too_big_for_the_agents_is_named_too() {
        let (found, mend) = compare(&kept(60), "small.en-q8_0", true, &[]).expect_err("too big");
        assert!(!found.contains("100 % live text, 95 % of it within 0.0"), "{found}");
        assert!(mend.contains("tiny.en") || mend.contains("base.en"), "{mend}");
    }

    #[test]
    fn other_languages_are_recommended_multilingual_models() {
        let (_, mend) = compare(&kept(3), "tiny-q8_0", false, &[]).expect_err("small would fit");
        assert!(mend.contains("model pull small-q8_0"), "{mend}");
        let unknown = compare(&kept(3), "my-own", true, &[]).expect("nothing is said against it");
        assert!(unknown.contains("not measured"), "{unknown}");
    }
}
