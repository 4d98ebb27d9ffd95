//! A Whisper's weights, independent of their file format: its dimensions, and each tensor under OpenAI's name.
//!
//! A tensor stays in its file until it is needed, so memory is bounded by the largest one. Missing and unknown tensors and wrong shapes are found
//! before anything is written.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;

use half::{bf16, f16};

use crate::speech::whisper;

/// The sizes of a Whisper, by OpenAI's names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_field_names, reason = "OpenAI's own names, which stand in the files")]
pub(super) struct Dims {
    pub(super) n_mels: u32,
    pub(super) n_vocab: u32,
    pub(super) n_audio_ctx: u32,
    pub(super) n_audio_state: u32,
    pub(super) n_audio_head: u32,
    pub(super) n_audio_layer: u32,
    pub(super) n_text_ctx: u32,
    pub(super) n_text_state: u32,
    pub(super) n_text_head: u32,
    pub(super) n_text_layer: u32,
}

impl Dims {
    /// In the order of ggml's header, before the kind of file.
    pub(super) fn header(&self) -> [u32; 10] {
        [
            self.n_vocab,
            self.n_audio_ctx,
            self.n_audio_state,
            self.n_audio_head,
            self.n_audio_layer,
            self.n_text_ctx,
            self.n_text_state,
            self.n_text_head,
            self.n_text_layer,
            self.n_mels,
        ]
    }

    /// Whether it knows more than English.
    pub(super) fn multilingual(&self) -> bool {
        self.n_vocab > 51_864
    }

    /// Both engines' bounds; quantised rows come in blocks of 32.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut head = [1; 11];
        head[..10].copy_from_slice(&self.header());
        whisper::check_header(&head)?;
        if self.n_audio_state.is_multiple_of(32) {
            return Ok(());
        }
        Err(format!("its width of {} is no multiple of 32", self.n_audio_state))
    }

    /// Every tensor of such a Whisper with its shape, in the order in which they are written.
    pub(super) fn tensors(&self) -> Vec<(String, Vec<u64>)> {
        let [audio, text] = [self.n_audio_state, self.n_text_state].map(u64::from);
        let mut all = Vec::new();
        let mut add = |name: &str, shape: &[u64]| all.push((name.to_string(), shape.to_vec()));
        add("encoder.positional_embedding", &[self.n_audio_ctx.into(), audio]);
        for (name, inputs) in [("encoder.conv1", self.n_mels.into()), ("encoder.conv2", audio)] {
            add(&format!("{name}.weight"), &[audio, inputs, 3]);
            add(&format!("{name}.bias"), &[audio]);
        }
        layer(&mut add, "encoder.ln_post", &[audio]);
        for number in 0..self.n_audio_layer {
            block(&mut add, &format!("encoder.blocks.{number}"), audio, &["attn"]);
        }
        add("decoder.positional_embedding", &[self.n_text_ctx.into(), text]);
        add("decoder.token_embedding.weight", &[self.n_vocab.into(), text]);
        for number in 0..self.n_text_layer {
            block(&mut add, &format!("decoder.blocks.{number}"), text, &["attn", "cross_attn"]);
        }
        layer(&mut add, "decoder.ln", &[text]);
        all
    }
}

/// A weight, and a bias as long as its first dimension.
fn layer(add: &mut dyn FnMut(&str, &[u64]), name: &str, shape: &[u64]) {
    add(&format!("{name}.weight"), shape);
    add(&format!("{name}.bias"), &shape[..1]);
}

fn block(add: &mut dyn FnMut(&str, &[u64]), name: &str, width: u64, attentions: &[&str]) {
    for attention in attentions {
        for part in ["query", "key", "value", "out"] {
            let part_name = format!("{name}.{attention}.{part}");
            if part == "key" {
                add(&format!("{part_name}.weight"), &[width, width]); // the only one without a bias
            } else {
                layer(add, &part_name, &[width, width]);
            }
        }
        layer(add, &format!("{name}.{attention}_ln"), &[width]);
    }
    layer(add, &format!("{name}.mlp.0"), &[4 * width, width]);
    layer(add, &format!("{name}.mlp.2"), &[width, 4 * width]);
    layer(add, &format!("{name}.mlp_ln"), &[width]);
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    F16,
    BF16,
    F32,
    F64,
}

impl Number {
    pub(super) const fn bytes(self) -> u64 {
        match self {
            Self::F16 | Self::BF16 => 2,
            Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn values(self, bytes: &[u8]) -> Vec<f32> {
        match self {
            Self::F16 => bytes.as_chunks().0.iter().map(|&two| f16::from_le_bytes(two).to_f32()).collect(),
            Self::BF16 => bytes.as_chunks().0.iter().map(|&two| bf16::from_le_bytes(two).to_f32()).collect(),
            Self::F32 => bytes.as_chunks().0.iter().map(|&four| f32::from_le_bytes(four)).collect(),
            Self::F64 => bytes.as_chunks().0.iter().map(|&eight| f64::from_le_bytes(eight) as f32).collect(),
        }
    }
}

/// Where a tensor lies, all of its numbers together.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// Number of the file, from 0.
    pub(super) file: usize,
    /// Byte of its first number.
    pub(super) at: u64,
    pub(super) number: Number,
    pub(super) shape: Vec<u64>,
    /// Numbers from one to the next in each dimension; `None` where the last dimension is the fastest, and so on.
    pub(super) strides: Option<Vec<u64>>,
}

/// Dimensions, and every tensor where it lies.
#[derive(Debug)]
pub(super) struct ModelWeights {
    pub(super) dims: Dims,
    files: Vec<File>,
    places: BTreeMap<String, Place>,
}

impl ModelWeights {
    /// Checks that these tensors are those of such a Whisper, and that their files hold them.
    pub(super) fn new(dims: Dims, files: Vec<File>, places: BTreeMap<String, Place>) -> Result<Self, String> {
        dims.check()?;
        let wanted = dims.tensors();
        for (name, shape) in &wanted {
            let place = places.get(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
            if place.shape != *shape {
                return Err(format!("the tensor {name} has the shape {:?} where {shape:?} is wanted", place.shape));
            }
            let end = place.at + count(shape) * place.number.bytes();
            let len = files[place.file].metadata().map_err(|error| error.to_string())?.len();
            if end > len {
                return Err(format!("cut short: the tensor {name} ends at byte {end} of {len}"));
            }
        }
        let known: std::collections::BTreeSet<&String> = wanted.iter().map(|(name, _)| name).collect();
        if let Some(name) = places.keys().find(|name| !known.contains(name)) {
            return Err(format!("the tensor {name} is no part of a Whisper"));
        }
        Ok(Self { dims, files, places })
    }

    /// A tensor's numbers. Refused where one is infinite or none at all, for both engines would speak nonsense with it.
    pub(super) fn read(&self, name: &str) -> Result<Vec<f32>, String> {
        let place = self.places.get(name).ok_or_else(|| format!("the tensor {name} is missing"))?;
        let mut bytes = vec![0; (count(&place.shape) * place.number.bytes()) as usize];
        self.files[place.file]
            .read_exact_at(&mut bytes, place.at)
            .map_err(|error| format!("the tensor {name} cannot be read: {error}"))?;
        let mut values = place.number.values(&bytes);
        if let Some(strides) = &place.strides {
            values = in_order(&values, &place.shape, strides);
        }
        if values.iter().all(|value| value.is_finite()) {
            Ok(values)
        } else {
            Err(format!(
                "the tensor {name} holds values that are no numbers: the training went wrong, or the file is damaged"
            ))
        }
    }

    /// A tensor's shape; empty for one that is not there.
    pub(super) fn shape(&self, name: &str) -> &[u64] {
        self.places.get(name).map_or(&[], |place| &place.shape)
    }

    /// Bytes of one.
    pub(super) fn size_of(&self, name: &str) -> u64 {
        self.places.get(name).map_or(0, |place| count(&place.shape) * place.number.bytes())
    }
}

/// The same numbers with the last dimension fastest.
fn in_order(values: &[f32], shape: &[u64], strides: &[u64]) -> Vec<f32> {
    let mut places = vec![0_usize];
    for (&size, &stride) in shape.iter().zip(strides) {
        places = places.iter().flat_map(|place| (0..size).map(move |step| place + (step * stride) as usize)).collect();
    }
    places.into_iter().map(|place| values[place]).collect()
}

/// How many numbers a shape holds; shapes that were not checked may be absurd.
pub(super) fn count(shape: &[u64]) -> u64 {
    shape.iter().fold(1, |product, &size| product.saturating_mul(size))
}
