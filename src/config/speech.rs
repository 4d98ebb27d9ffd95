//! `[speech]` and `[utterance]`: the models that transcribe, and how speech is cut into utterances.

use serde::Deserialize;

use crate::speech::utterance::EndpointSettings;
use crate::speech::vad::Voice;
use crate::speech::vocabulary::CallNamesUse;

/// `[speech]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SpeechConfig {
    /// Name of a model in the models folder, or its path.
    pub model: String,
    /// Language code, or `auto`.
    pub language: String,
    /// Inferences at a time, one thread each.
    pub workers: usize,
    /// Beams of all text; 1 is greedy and fastest. Unset: greedy while a call goes on, and as many as the engine gains by when nobody waits.
    pub beam: Option<u32>,
    /// Words to expect: names, products.
    pub prompt: Option<String>,
    /// How the names of a running call are used.
    pub call_names: CallNamesUse,
    /// How the words of the glossary are used.
    pub glossary: CallNamesUse,
    /// Suppress noise before recognition.
    pub denoise: bool,
    /// Bring speech to an even level before recognition.
    pub normalise: bool,
    /// Name or path of a smaller model, for live text when the CPU does not suffice.
    pub smaller_model: Option<String>,
    /// Name or path of a larger model, for calls that are over and are transcribed again.
    pub final_model: Option<String>,
    /// Show text of what is still being said, when there is CPU for it.
    pub partial: bool,
}

impl Default for SpeechConfig {
    fn default() -> Self {
        Self {
            model: "base.en-q8_0".into(),
            language: "en".into(),
            workers: 1,
            beam: None,
            prompt: None,
            call_names: CallNamesUse::default(),
            glossary: CallNamesUse::Both,
            denoise: false,
            normalise: true,
            smaller_model: None,
            final_model: None,
            partial: true,
        }
    }
}

/// `[utterance]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UtteranceConfig {
    /// Weights of Silero's network, or `earshot` to do without; `None` looks for them.
    pub voice_model: Option<String>,
    /// Probability from which a frame is voice; `None` takes what is best with the detector.
    pub threshold: Option<f32>,
    /// Silence that ends an utterance, milliseconds.
    pub silence_ms: u32,
    /// Sound kept from before the first voice.
    pub pre_roll_ms: u32,
    /// No utterance is longer.
    pub max_ms: u32,
}

impl Default for UtteranceConfig {
    fn default() -> Self {
        let endpoint = EndpointSettings::best_with(&Voice::Earshot { problem: None });
        Self {
            voice_model: None,
            threshold: None,
            silence_ms: endpoint.silence_ms,
            pre_roll_ms: endpoint.pre_roll_ms,
            max_ms: endpoint.max_ms,
        }
    }
}
