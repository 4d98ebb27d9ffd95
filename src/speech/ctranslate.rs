//! CTranslate2's Whisper through ct2rs, for the models that faster-whisper uses.
//!
//! `ct2rs` without its `whisper` feature: features are made in `mel.rs`, tokens are spelt out here from the strings that the model returns
//! (GPT-2's byte alphabet). The window is as long as the utterance needs, as with the other engine. Word times are spread over a piece by length:
//! the engine's aligner wants another pass over the decoder, which costs more than live text has.

use std::sync::Arc;

use ct2rs::sys::{ComputeType, Config, Device, StorageView, Whisper, WhisperOptions};
use tokenizers::Tokenizer;

use super::engine::{Engine, EngineError, EngineSettings, Piece, Recognised, Request, Session};
use super::mel::Mel;
use super::models::ModelRef;
use crate::call::Word;

struct Shared {
    name: String,
    whisper: Whisper,
    mel: Mel,
    tokenizer: Option<Tokenizer>,
    beam: usize,
}

/// A loaded CTranslate2 model folder.
pub struct CTranslate(Arc<Shared>);

impl CTranslate {
    /// Loads a model folder. Blocks.
    pub fn load(model: &ModelRef, settings: &EngineSettings) -> Result<Self, EngineError> {
        let config = Config {
            device: Device::CPU,
            compute_type: ComputeType::INT8,
            num_threads_per_replica: 1,
            ..Config::default()
        };
        let whisper =
            Whisper::new(&model.path, config).map_err(|error| EngineError::model(&model.path, format!("{error:#}")))?;
        let mel = Mel::new(whisper.n_mels());
        let tokenizer = Tokenizer::from_file(model.path.join("tokenizer.json")).ok();
        let name = format!("ctranslate2/{}", model.name);
        Ok(Self(Arc::new(Shared { name, whisper, mel, tokenizer, beam: settings.beam.max(1) as usize })))
    }
}

impl Engine for CTranslate {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn session(&self) -> Result<Box<dyn Session>, EngineError> {
        Ok(Box::new(CTranslateSession(Arc::clone(&self.0))))
    }
}

struct CTranslateSession(Arc<Shared>);

impl Session for CTranslateSession {
    fn transcribe(&mut self, request: &Request) -> Result<Recognised, EngineError> {
        let shared = &self.0;
        let fail = |error: anyhow::Error| EngineError::Inference(format!("{error:#}"));
        let frames = request.context as usize * 2;
        let mut values = shared.mel.features(request.samples, frames);
        let features =
            StorageView::new(&[1, shared.whisper.n_mels(), frames], &mut values, Device::CPU).map_err(fail)?;
        let language = if !shared.whisper.is_multilingual() {
            Some("en".into())
        } else if let Some(language) = request.language {
            Some(language.to_string())
        } else {
            let found = shared.whisper.detect_language(&features).map_err(fail)?;
            found
                .first()
                .and_then(|best| best.first())
                .map(|best| best.language.trim_matches(['<', '|', '>']).to_string())
        };
        let mut prompt: Vec<String> = Vec::new();
        if let (Some(text), Some(tokenizer)) = (request.prompt, &shared.tokenizer)
            && let Ok(encoded) = tokenizer.encode(format!(" {}", text.trim()), false)
        {
            prompt.push("<|startofprev|>".into());
            prompt.extend(encoded.get_tokens().iter().take(224).cloned());
        }
        prompt.push("<|startoftranscript|>".into());
        if shared.whisper.is_multilingual() {
            prompt.push(format!("<|{}|>", language.as_deref().unwrap_or("en")));
            prompt.push("<|transcribe|>".into());
        }
        let options = WhisperOptions {
            beam_size: shared.beam,
            return_scores: true,
            return_no_speech_prob: true,
            ..WhisperOptions::default()
        };
        let results = shared.whisper.generate(&features, &[prompt], &options).map_err(fail)?;
        let Some(result) = results.into_iter().next() else { return Ok(Recognised::default()) };
        let mean_logprob = result.scores.first().copied().unwrap_or(0.0);
        let tokens = result.sequences.into_iter().next().unwrap_or_default();
        let end_ms = request.samples.len() as i64 / 16;
        Ok(Recognised {
            pieces: pieces(&tokens, mean_logprob.exp().min(1.0), end_ms),
            language,
            no_speech: Some(result.no_speech_prob),
            mean_logprob,
        })
    }
}

/// Splits tokens at their time marks `<|1.20|>`; text before the first mark begins at 0, after the last one ends with the sound.
fn pieces(tokens: &[String], confidence: f32, end_ms: i64) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut begin, mut bytes) = (0, Vec::new());
    let mut close = |bytes: &mut Vec<u8>, begin: i64, end: i64| {
        let text = String::from_utf8_lossy(bytes).trim().to_string();
        bytes.clear();
        if !text.is_empty() {
            let words = spread(&text, begin, end, confidence);
            pieces.push(Piece { text, start_ms: begin, end_ms: end, confidence, words });
        }
    };
    for token in tokens {
        if let Some(mark) = token.strip_prefix("<|").and_then(|rest| rest.strip_suffix("|>")) {
            if let Ok(seconds) = mark.parse::<f64>() {
                let ms = (seconds * 1000.0) as i64;
                close(&mut bytes, begin, ms);
                begin = ms;
            }
        } else {
            bytes.extend(token.chars().filter_map(byte_of));
        }
    }
    close(&mut bytes, begin, end_ms);
    pieces
}

/// Gives each word a share of the piece by its letters.
fn spread(text: &str, start_ms: i64, end_ms: i64, confidence: f32) -> Vec<Word> {
    let letters = text.chars().count().max(1) as i64;
    let at = |place: usize| start_ms + (end_ms - start_ms) * text[..place].chars().count() as i64 / letters;
    text.split_whitespace()
        .map(|word| {
            let place = word.as_ptr() as usize - text.as_ptr() as usize;
            Word { text: word.into(), start_ms: at(place), end_ms: at(place + word.len()), confidence }
        })
        .collect()
}

/// GPT-2 writes every byte as a printable character: those that are printable as themselves, the others from U+0100 on, in order.
fn byte_of(c: char) -> Option<u8> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    match u32::from(c) {
        code @ 0..=0xff => u8::try_from(code).ok().filter(|&byte| printable(byte)),
        code => (0..=255_u8).filter(|&byte| !printable(byte)).nth((code - 0x100) as usize),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_text_with_the_times_of_their_marks() {
        let tokens: Vec<String> =
            ["<|0.00|>", "ĠThank", "Ġyou", ".", "<|0.80|>", "<|1.00|>", "ĠgrÃ¼Ã", "Ł", "e"].map(Into::into).into();
        let found = pieces(&tokens, 0.9, 1500);
        let texts: Vec<_> = found.iter().map(|piece| (piece.text.as_str(), piece.start_ms, piece.end_ms)).collect();
        assert_eq!(texts, [("Thank you.", 0, 800), ("grüße", 1000, 1500)]);
        assert_eq!(found[0].words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["Thank", "you."]);
    }

    #[test]
    fn a_folder_that_is_cut_or_of_another_kind_is_an_error_and_not_an_abort() {
        let folder = tempfile::tempdir().expect("temp dir");
        std::fs::write(folder.path().join("vocabulary.json"), b"[\"a\"]").expect("write");
        let model = ModelRef {
            name: "m".into(),
            path: folder.path().into(),
            kind: super::super::models::ModelKind::CTranslate2,
        };
        // CTranslate2's model.bin: version, the specification's name and revision, how many variables, then those.
        let file = |version: u32, name: &str, variables: u32| {
            let mut bytes = version.to_le_bytes().to_vec();
            bytes.extend((name.len() as u16 + 1).to_le_bytes());
            bytes.extend(name.bytes().chain([0]));
            bytes.extend(3_u32.to_le_bytes());
            bytes.extend(variables.to_le_bytes());
            bytes
        };
        for bytes in [
            Vec::new(),
            b"no model at all".to_vec(),
            file(6, "WhisperSpec", 7),
            file(6, "WhisperSpec", 0),
            file(6, "TransformerSpec", 0),
            file(99, "WhisperSpec", 0),
        ] {
            std::fs::write(folder.path().join("model.bin"), &bytes).expect("write");
            let problem = CTranslate::load(&model, &EngineSettings { beam: 1 }).err().expect("no model").to_string();
            assert!(problem.contains(folder.path().to_str().expect("path")), "{problem}");
        }
    }

    #[test]
    fn every_byte_has_its_character() {
        let all: std::collections::BTreeSet<u8> = (0..0x200).filter_map(char::from_u32).filter_map(byte_of).collect();
        assert_eq!(all.len(), 256);
    }
}
