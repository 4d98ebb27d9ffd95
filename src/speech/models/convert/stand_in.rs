//! Stand-ins: models of a Whisper's true shape without training. They show what a size costs on a machine before its weights are fetched.
//!
//! An inference costs the same whatever the numbers are, as long as the decoder takes as many steps. So all matrices are zero, and the decoder's
//! table of positions says what comes next: a mark of time, some words, the mark at the end. Both engines read it as they read any other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::make::{Format, Progress, write};
use super::official;
use super::weights::{Dims, ModelWeights, Number, Place, count};
use super::words::Words;
use crate::speech::models::ModelRef;
use crate::speech::models::convert::ct2::Settings;

/// The sizes that a telephone system may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Size {
    /// 39 million weights.
    Tiny,
    /// 74 million.
    Base,
    /// 244 million.
    Small,
}

impl Size {
    /// From the cheapest to the best.
    pub const ALL: [Self; 3] = [Self::Tiny, Self::Base, Self::Small];

    /// As OpenAI names them.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tiny => "tiny",
            Self::Base => "base",
            Self::Small => "small",
        }
    }

    fn dims(self) -> Dims {
        let (width, heads, layers) = match self {
            Self::Tiny => (384, 6, 4),
            Self::Base => (512, 8, 6),
            Self::Small => (768, 12, 12),
        };
        Dims {
            n_mels: 80,
            n_vocab: 51_864,
            n_audio_ctx: 1500,
            n_audio_state: width,
            n_audio_head: heads,
            n_audio_layer: layers,
            n_text_ctx: 448,
            n_text_state: width,
            n_text_head: heads,
            n_text_layer: layers,
        }
    }
}

/// The text of a stand-in for every sound: as many tokens as [`SECONDS`] of talk have.
pub const WORDS: [&str; 10] = [" please", " call", " me", " back", " when", " you", " have", " the", " new", " number"];
/// Time of its end mark, seconds.
pub const SECONDS: usize = 3;
/// Weight of a position against that of the token before it.
const LOUD: f32 = 30.0;

/// Writes a stand-in into a folder. Blocks for a second or, of the larger ones, some.
pub fn stand_in(size: Size, format: Format, folder: &Path) -> Result<ModelRef, String> {
    let words = Words::english()?;
    let weights =
        weights(size.dims(), &words).map_err(|error| format!("a model of {}'s shape: {error}", size.name()))?;
    let dims = &weights.dims;
    let settings = Settings {
        suppress: words.never_said(dims),
        suppress_first: words.never_first(),
        heads: official::upper_half(dims),
    };
    let model = format.model(folder, &format!("{}.en", size.name()));
    let report = &mut |_, _| {};
    write(format, &weights, &words, &settings, &model.path, &mut Progress { done: 0, total: 0, report })?;
    Ok(model)
}

/// Tensors in a file in memory, of which only what is not zero takes any.
fn weights(dims: Dims, words: &Words) -> Result<ModelWeights, String> {
    let fail = |error: io::Error| error.to_string();
    let fd =
        rustix::fs::memfd_create("stand-in", rustix::fs::MemfdFlags::CLOEXEC).map_err(|error| fail(error.into()))?;
    let file = File::from(fd);
    let (mut places, mut at) = (BTreeMap::new(), 0);
    for (name, shape) in dims.tensors() {
        let len = count(&shape) * Number::F32.bytes();
        if name.ends_with("ln.weight") || name.ends_with("ln_post.weight") {
            let ones: Vec<u8> = (0..shape[0]).flat_map(|_| 1.0_f32.to_le_bytes()).collect();
            file.write_all_at(&ones, at).map_err(fail)?;
        }
        places.insert(name, Place { file: 0, at, number: Number::F32, shape, strides: None });
        at += len;
    }
    file.set_len(at).map_err(fail)?;
    let put = |name: &str, row: u64, column: u64, value: f32| {
        let at = places[name].at + (row * u64::from(dims.n_text_state) + column) * 4;
        file.write_all_at(&value.to_le_bytes(), at).map_err(fail)
    };
    let said = said(words)?;
    for (column, token) in said.iter().enumerate() {
        put("decoder.token_embedding.weight", *token, column as u64, 1.0)?;
    }
    for position in 0..u64::from(dims.n_text_ctx) {
        let next = position.min(said.len() as u64 - 1);
        put("decoder.positional_embedding", position, next, LOUD)?;
    }
    ModelWeights::new(dims, vec![file], places)
}

/// Its tokens in their order, the end of the text last.
fn said(words: &Words) -> Result<Vec<u64>, String> {
    let numbers = words.numbers();
    let end_of_text = words.tokens.len() as u64;
    let mark = |seconds: usize| end_of_text + 107 + seconds as u64 * 50;
    let spoken: Option<Vec<u64>> =
        WORDS.iter().map(|word| numbers.get(word.as_bytes()).copied().map(u64::from)).collect();
    let spoken = spoken.ok_or("its words are no tokens")?;
    Ok([vec![mark(0)], spoken, vec![mark(SECONDS), end_of_text]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::recogniser::{Hints, Recogniser};

    #[test]
    fn a_stand_in_says_its_words_with_either_engine_and_the_guard_believes_them() {
        let folder = tempfile::tempdir().expect("temp dir");
        let noise: Vec<f32> = (0..SECONDS * 16_000).map(|i| ((i * i) as f32 * 0.37).sin() * 0.1).collect();
        for format in Format::USUAL {
            let model = stand_in(Size::Tiny, format, folder.path()).expect("made");
            let engine = crate::speech::load(&model, 1).expect("loaded");
            let mut recogniser = Recogniser::new(engine.session().expect("session"), Hints::default());
            let heard = recogniser.recognise(&noise).expect("an answer");
            let text: Vec<_> = heard.pieces.iter().map(|piece| piece.text.as_str()).collect();
            assert_eq!(text, [WORDS.concat().trim()], "{format:?}: {heard:?}");
        }
    }
}
