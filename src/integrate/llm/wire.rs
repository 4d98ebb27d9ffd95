//! One question over HTTP: `POST {url}/chat/completions` as OpenAI has it, or Gemini's `POST {url}/models/{model}:generateContent`.

use std::path::Path;

use serde_json::{Value, json};

use super::settings::{LlmKind, LlmSettings};
use crate::pipeline::finished::review::outside::TASK;

/// Why there is no answer.
pub(super) enum Failed {
    /// Nobody has answered.
    Unreached(String),
    /// It may be better another time.
    Now(String),
    /// It will be so each time.
    Never(String),
}

/// Bytes of an answer that are read.
const LONGEST: u64 = 256 * 1024;

pub(super) fn ask(settings: &LlmSettings, text: &str) -> Result<String, Failed> {
    let base = settings.url.trim_end_matches('/');
    let (url, body) = match settings.kind {
        LlmKind::Openai => (
            format!("{base}/chat/completions"),
            json!({
                "model": settings.model, "temperature": 0, "response_format": {"type": "json_object"},
                "messages": [{"role": "system", "content": TASK}, {"role": "user", "content": text}],
            }),
        ),
        LlmKind::Gemini => (
            format!("{base}/models/{}:generateContent", settings.model),
            json!({
                "systemInstruction": {"parts": [{"text": TASK}]},
                "contents": [{"role": "user", "parts": [{"text": text}]}],
                "generationConfig": {"temperature": 0, "responseMimeType": "application/json"},
            }),
        ),
    };
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .timeout_global(Some(settings.patience))
        .max_redirects(0)
        .max_redirects_will_error(false)
        .user_agent(concat!("lineside/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut request = ureq::Agent::from(config).post(&url).header("Content-Type", "application/json");
    if let Some(path) = &settings.key_file {
        let key = key(path).map_err(Failed::Never)?;
        // A key stands in a header and never in the address, which servers write down.
        request = match settings.kind {
            LlmKind::Openai => request.header("Authorization", format!("Bearer {key}")),
            LlmKind::Gemini => request.header("x-goog-api-key", key),
        };
    }
    let mut response = match request.send(body.to_string()) {
        Err(error @ (ureq::Error::BadUri(_) | ureq::Error::Http(_))) => return Err(Failed::Never(error.to_string())),
        Err(error) => return Err(Failed::Unreached(error.to_string())),
        Ok(response) => response,
    };
    let status = response.status().as_u16();
    let said = response.body_mut().with_config().limit(LONGEST).read_to_string();
    let said = said.map_err(|error| Failed::Unreached(error.to_string()))?;
    match status {
        200..=299 => words(settings.kind, &said).map_err(Failed::Now),
        408 | 425 | 429 | 500..=599 => Err(Failed::Now(format!("it answered {status}"))),
        _ => Err(Failed::Never(format!("it answered {status}"))),
    }
}

/// The first line of a file.
fn key(path: &Path) -> Result<String, String> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        let mend = "set [insights.llm] key_file, or LoadCredential=llm-key:FILE in the unit";
        format!("key {}: {error}; {mend}", path.display())
    })?;
    let line = text.lines().next().unwrap_or_default().trim().to_owned();
    if line.is_empty() { Err(format!("key {}: its first line is empty", path.display())) } else { Ok(line) }
}

/// What the model says, out of the server's own JSON.
fn words(kind: LlmKind, said: &str) -> Result<String, String> {
    let answer: Value = serde_json::from_str(said).map_err(|error| format!("its answer is no JSON: {error}"))?;
    let place = match kind {
        LlmKind::Openai => "/choices/0/message/content",
        LlmKind::Gemini => "/candidates/0/content/parts/0/text",
    };
    answer
        .pointer(place)
        .and_then(Value::as_str)
        .map(str::to_owned)
        .ok_or_else(|| format!("its answer has no text at {place}"))
}
