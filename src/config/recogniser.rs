//! What the recogniser and the listener are told of the configuration.

use super::whole::Config;
use crate::speech::recogniser::{Hints, Rules};
use crate::speech::utterance::{EndpointSettings, Listening};
use crate::speech::vad::Voice;

impl Config {
    /// Who listens, and how speech is cut. Reads the weights: blocks for some milliseconds.
    pub fn listening(&self) -> Listening {
        let voice = Voice::choose(self.utterance.voice_model.as_deref());
        let best = EndpointSettings::best_with(&voice);
        let endpoint = EndpointSettings {
            threshold: self.utterance.threshold.unwrap_or(best.threshold),
            silence_ms: self.utterance.silence_ms,
            pre_roll_ms: self.utterance.pre_roll_ms,
            max_ms: self.utterance.max_ms,
            ..best
        };
        Listening { voice, endpoint }
    }

    /// What the recogniser is told of every utterance.
    pub fn hints(&self) -> Hints {
        let code = |language: &String| Some(language.clone()).filter(|language| language != "auto");
        Hints {
            language: code(&self.speech.language),
            prompt: self.speech.prompt.clone().filter(|prompt| !prompt.is_empty()),
            normalise: self.speech.normalise,
            denoise: self.speech.denoise,
            beams: self.speech.beam.map(|beams| beams.max(1)),
            rules: Rules::default(),
            call_names: self.speech.call_names,
            languages: self
                .campaign
                .iter()
                .filter_map(|campaign| Some((campaign.name.clone(), code(campaign.language.as_ref()?))))
                .collect(),
            glossary: self.speech.glossary,
            ..Hints::default()
        }
    }
}
