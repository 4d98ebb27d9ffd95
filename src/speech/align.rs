//! When each token of a text was said, and how probable it was: the alignment of the decoder's attention with the sound.
//!
//! Some of a Whisper's attention heads look at the sound of the token that they are about to write (`alignment_heads` in the model's config.json).
//! CTranslate2 runs the decoder over the finished text once, all tokens together, and finds the way through those heads by dynamic time warping, as
//! openai-whisper's `timing.py` does. The same pass gives the probability of each text token among all text tokens. A model without such heads has no alignment.

use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use ct2rs::sys::{StorageView, Whisper};

/// Milliseconds of a position of the encoder.
const POSITION_MS: i64 = 20;
/// Positions over which attention is smoothed, as in openai-whisper.
const MEDIAN_WIDTH: i64 = 7;

/// One token: times from the first sample, and its probability.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Token {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) probability: f32,
}

/// All tokens of a text.
#[derive(Debug, Default)]
pub(super) struct Aligned(Vec<Token>);

impl Aligned {
    /// Reads the path through the attention: (token, position) pairs in order, and the probability of each token.
    pub(super) fn new(path: impl Iterator<Item = (i64, i64)>, probabilities: &[f32]) -> Self {
        let mut starts: Vec<Option<i64>> = vec![None; probabilities.len() + 1];
        for (token, position) in path {
            if let Some(start) = usize::try_from(token).ok().and_then(|token| starts.get_mut(token)) {
                start.get_or_insert(position * POSITION_MS);
            }
        }
        let mut before = 0;
        let starts: Vec<i64> = starts
            .into_iter()
            .map(|start| {
                before = start.unwrap_or(before);
                before
            })
            .collect();
        let token =
            |(number, &probability)| Token { start_ms: starts[number], end_ms: starts[number + 1], probability };
        Self(probabilities.iter().enumerate().map(token).collect())
    }

    /// The token of this number, counted without time marks.
    pub(super) fn token(&self, number: usize) -> Token {
        self.0.get(number).copied().unwrap_or_default()
    }

    /// Mean log probability; 0 without any token.
    pub(super) fn mean_logprob(&self) -> f32 {
        let sum: f32 = self.0.iter().map(|token| token.probability.max(1e-10).ln()).sum();
        sum / self.0.len().max(1) as f32
    }
}

/// Aligns the texts of one model.
pub(super) struct Aligner {
    /// Numbers of the tokens that begin a text, by their names.
    special: HashMap<String, usize>,
    /// This model cannot be aligned: it was tried.
    refused: AtomicBool,
}

impl Aligner {
    /// An aligner for the model in this folder. Reads its vocabulary.
    pub(super) fn new(folder: &Path) -> Self {
        let special: HashMap<String, usize> = vocabulary(folder)
            .into_iter()
            .enumerate()
            .filter(|(_, token)| token.starts_with("<|") && !token.as_bytes().get(2).is_some_and(u8::is_ascii_digit))
            .map(|(number, token)| (token, number))
            .collect();
        Self { special, refused: AtomicBool::new(false) }
    }

    /// Aligns one text of each row of `encoded`, the first `frames` (10 ms each) of which are sound. `None` for rows without text, and where the
    /// model does not allow it. All rows are treated as one language, because the attention hardly depends on it. Blocks.
    pub(super) fn align(
        &self,
        whisper: &Whisper,
        encoded: &StorageView,
        language: Option<&str>,
        texts: &[Vec<usize>],
        frames: &[usize],
    ) -> Vec<Option<Aligned>> {
        let nothing = || texts.iter().map(|_| None).collect();
        let Some(start) = self.start(whisper.is_multilingual(), language) else { return nothing() };
        if self.refused.load(Ordering::Relaxed) || texts.iter().all(Vec::is_empty) {
            return nothing();
        }
        match whisper.align(encoded, &start, texts, frames, MEDIAN_WIDTH) {
            Ok(found) => found
                .into_iter()
                .zip(texts)
                .map(|(found, text)| {
                    let path = found.alignments.iter().map(|step| (step.token_x, step.frame_x));
                    let probabilities = &found.text_token_probs[..text.len().min(found.text_token_probs.len())];
                    (!text.is_empty()).then(|| Aligned::new(path, probabilities))
                })
                .collect(),
            Err(problem) => {
                log::warn!(
                    "the model has no alignment of words, their times are estimated by their letters: {problem:#}"
                );
                self.refused.store(true, Ordering::Relaxed);
                nothing()
            }
        }
    }

    /// The tokens with which a text begins.
    fn start(&self, multilingual: bool, language: Option<&str>) -> Option<Vec<usize>> {
        let number = |name: &str| self.special.get(name).copied();
        let mut start = vec![number("<|startoftranscript|>")?];
        if multilingual {
            start.push(number(&format!("<|{}|>", language.unwrap_or("en")))?);
            start.push(number("<|transcribe|>")?);
        }
        Some(start)
    }
}

/// The model's tokens in order; empty where they cannot be read.
fn vocabulary(folder: &Path) -> Vec<String> {
    let json = std::fs::read(folder.join("vocabulary.json")).ok().and_then(|json| serde_json::from_slice(&json).ok());
    let lines = || std::fs::read_to_string(folder.join("vocabulary.txt")).ok();
    json.or_else(|| Some(lines()?.lines().map(String::from).collect())).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_begins_where_the_way_first_meets_it_and_ends_where_the_next_one_begins() {
        let aligned = Aligned::new([(0, 1), (0, 2), (1, 3), (3, 9)].into_iter(), &[1.0, 0.5, 0.25]);
        let times: Vec<_> =
            (0..3).map(|number| (aligned.token(number).start_ms, aligned.token(number).end_ms)).collect();
        assert_eq!(times, [(20, 60), (60, 60), (60, 180)], "one that the way leaves out takes no time");
        assert!((aligned.mean_logprob() - 0.125_f32.ln() / 3.0).abs() < 1e-6);
        assert_eq!(Aligned::default().mean_logprob(), 0.0);
    }
}
