//! The interface of every engine: samples in, text with times and confidence out.
//!
//! An [`Engine`] is a loaded model, shared; a [`Session`] is one thread's working memory on it. One thread per inference: two threads on one
//! inference are slower than one as soon as anything else runs on the cores (measured: base q8_0 1.75 s with one, 2.58 s with two).

use std::path::{Path, PathBuf};

use crate::call::Word;

/// Reason why an engine cannot be loaded or did not answer.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// The model cannot be loaded.
    #[error("model {path}: {problem}; fetch it again with `lineside model pull`, or name another in [speech] model")]
    Model {
        /// The file or folder.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// The process may not make machine code, and the engine would answer with nothing.
    #[error(
        "model {path}: CTranslate2 makes its kernels at run time, which is forbidden here ({problem}); set MemoryDenyWriteExecute=no for \
         lineside.service, or name a model of whisper.cpp in [speech] model"
    )]
    NoCode {
        /// The model's folder.
        path: PathBuf,
        /// The system's error.
        problem: std::io::Error,
    },
    /// This build lacks the engine.
    #[cfg(not(feature = "ctranslate2"))]
    #[error(
        "model {path}: this lineside was built without CTranslate2; build it with the feature `ctranslate2`, as the package is, or name a model of \
         whisper.cpp in [speech] model"
    )]
    NotBuilt {
        /// The model's folder.
        path: PathBuf,
    },
    /// The inference failed.
    #[error("inference failed: {0}")]
    Inference(String),
}

impl EngineError {
    pub(super) fn model(path: &Path, problem: impl std::fmt::Display) -> Self {
        Self::Model { path: path.into(), problem: problem.to_string() }
    }
}

/// An utterance that is to be transcribed.
#[derive(Clone, Copy, Debug)]
pub struct RecognitionRequest<'a> {
    /// 16 kHz mono, -1..1.
    pub samples: &'a [f32],
    /// Language code; `None` detects it where the model can.
    pub language: Option<&'a str>,
    /// Words to expect: names, terms.
    pub prompt: Option<&'a str>,
    /// Encoder positions to use (one is 20 ms), at most [`FULL_CONTEXT`].
    pub context: u32,
    /// How many of those positions the encoder must compute itself, counted from the first. An engine that has stored the encoding of silence may
    /// take the others from it.
    pub encoded: u32,
    /// Beams; 1 is greedy.
    pub beams: u32,
    /// Number of tokens at most, time marks included: a decoder that has lost its place stops there.
    pub max_tokens: u32,
    /// Tokens with which the text must begin, from an earlier answer to less of the same sound. An engine without tokens ignores them.
    pub begin: &'a [TextToken],
}

/// A part of a text, as a model spells it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TextToken {
    /// Its number in the model's vocabulary.
    pub id: usize,
    /// The vocabulary's entry for that id.
    pub entry: String,
    /// Bytes of its text. A word begins with a space.
    pub bytes: Vec<u8>,
    /// First sound, milliseconds from the request's first sample.
    pub start_ms: i64,
    /// Last sound: where the next token begins.
    pub end_ms: i64,
    /// Its probability, 0 to 1.
    pub probability: f32,
}

impl TextToken {
    /// The text of tokens.
    pub fn text(tokens: &[Self]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| token.bytes.iter().copied()).collect();
        String::from_utf8_lossy(&bytes).trim().to_string()
    }

    /// Whether a word begins with it.
    pub fn begins_word(&self) -> bool {
        self.bytes.first() == Some(&b' ')
    }
}

/// Encoder positions of the whole 30 s window.
pub const FULL_CONTEXT: u32 = 1500;

/// A stretch of text. Times are milliseconds from the request's first sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Piece {
    /// The words as written.
    pub text: String,
    /// Start of its first sound, milliseconds from the request's first sample.
    pub start_ms: i64,
    /// End of its last sound, milliseconds from the request's first sample.
    pub end_ms: i64,
    /// Mean token probability, 0 to 1.
    pub confidence: f32,
    /// Words with times from the same zero.
    pub words: Vec<Word>,
}

impl Piece {
    /// The same piece, with its times and those of its words moved by this many milliseconds.
    pub fn shifted(mut self, by_ms: i64) -> Self {
        self.start_ms += by_ms;
        self.end_ms += by_ms;
        for word in &mut self.words {
            word.start_ms += by_ms;
            word.end_ms += by_ms;
        }
        self
    }
}

/// An engine's answer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recognised {
    /// The pieces of text, in order of time.
    pub pieces: Vec<Piece>,
    /// The language spoken, where the engine tells.
    pub language: Option<String>,
    /// Probability that nobody spoke, where the engine tells reliably.
    pub no_speech: Option<f32>,
    /// Mean log probability of all text tokens, time marks left out; 0 without any. Both engines mean the same by it.
    pub mean_logprob: f32,
    /// The text ends where [`RecognitionRequest::max_tokens`] ended it.
    pub cut: bool,
    /// All of the text, token by token, where the engine tells when each was said.
    pub tokens: Vec<TextToken>,
}

impl Recognised {
    /// All text in one line.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.trim()).collect::<Vec<_>>().join(" ")
    }
}

/// One thread's working memory on a model.
pub trait Session: Send {
    /// Writes down one stretch of speech. Blocks for the whole inference, which cannot be stopped half-way.
    fn transcribe(&mut self, request: &RecognitionRequest) -> Result<Recognised, EngineError>;

    /// Number of stretches per batch from which the engine gains.
    fn batch(&self) -> usize {
        1
    }

    /// Beams that it gains by where nobody waits for the text.
    fn beams(&self) -> u32 {
        1
    }

    /// The same for several stretches, of several calls; together where the engine gains by it. One answer each, in their order.
    fn transcribe_all(&mut self, requests: &[RecognitionRequest]) -> Vec<Result<Recognised, EngineError>> {
        requests.iter().map(|request| self.transcribe(request)).collect()
    }
}

/// A loaded model.
pub trait Engine: Send + Sync {
    /// `whisper/base.en-q8_0`: which engine and which model made a text.
    fn name(&self) -> &str;
    /// Whether it knows more than English.
    fn multilingual(&self) -> bool;
    /// Working memory for one more thread. Blocks.
    fn session(&self) -> Result<Box<dyn Session>, EngineError>;
}
