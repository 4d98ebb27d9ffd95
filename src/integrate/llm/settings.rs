//! Whom to ask: the server, its way of being asked, and the patience with it.

use std::time::Duration;

use serde::Deserialize;

/// How a server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LlmKind {
    /// `/chat/completions`: OpenAI, llama.cpp, vLLM, Ollama and most others.
    #[default]
    Openai,
    /// Google's Gemini.
    Gemini,
}

/// Whom to ask, and how long.
#[derive(Clone, Debug)]
pub struct LlmSettings {
    /// Which of the two ways of asking the server knows.
    pub kind: LlmKind,
    /// OpenAI-compatible: up to and with `/v1`; Gemini: up to and with `/v1beta`.
    pub url: String,
    /// The model's name there.
    pub model: String,
    /// What the server takes for a password.
    pub key: Option<String>,
    /// From the connection to the last byte of an answer.
    pub patience: Duration,
    /// The wait before the second try; the third comes after three times as long.
    pub pause: Duration,
    /// Longest transcript that is sent, characters; of a longer one begin and end.
    pub longest: usize,
}
