//! Whom to ask: the server, its way of being asked, and the patience with it.

use std::path::PathBuf;
use std::time::Duration;

/// The systemd credential that holds the key where no file is configured.
pub const CREDENTIAL: &str = "llm-key";

/// How a server is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
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
    /// File whose first line the server takes for a password; read at each request.
    pub key_file: Option<PathBuf>,
    /// From the connection to the last byte of an answer.
    pub patience: Duration,
    /// The wait before the second try; the third comes after three times as long.
    pub pause: Duration,
    /// Longest transcript that is sent, characters; of a longer one begin and end.
    pub longest: usize,
}
