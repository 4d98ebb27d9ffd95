//! The network of all-MiniLM and its kin: BERT's encoder, the mean of its last layer, of length 1.
//!
//! Layers of attention and four products each. The products, nearly all of the arithmetic, are in 8 bits (`linear.rs`) and rten's, which picks the CPU's
//! instructions when it runs; attention and the rest are in floats. Sentences go one by one: padding would cost more than a batch gains on one thread.

use half::f16;
use rten_simd::{SimdOp, SimdUnaryOp};
use rten_vecmath::{Gelu, Normalize, NormalizeOptions, Sum, SumSquareSub};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;

use super::linear::{Linear, Multiplier};

/// `config.json`, as far as it counts.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    model_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    layer_norm_eps: f32,
    vocab_size: usize,
    max_position_embeddings: usize,
}

impl Config {
    /// What keeps this network from being the one that is described.
    fn problem(&self) -> Option<String> {
        if self.model_type != "bert" || self.hidden_act != "gelu" {
            return Some(format!("a {} with {} is no BERT with gelu", self.model_type, self.hidden_act));
        }
        let within = |value: usize, most: usize| (1..=most).contains(&value);
        let fits = within(self.hidden_size, 4096)
            && within(self.intermediate_size, 65_536)
            && within(self.num_hidden_layers, 64)
            && within(self.num_attention_heads, self.hidden_size)
            && self.hidden_size.is_multiple_of(self.num_attention_heads)
            && within(self.vocab_size, 1_000_000)
            && within(self.max_position_embeddings, 65_536);
        (!fits).then(|| "sizes that no such network has".into())
    }
}

/// Scale and bias of a normalisation.
struct Norm {
    scale: Vec<f32>,
    bias: Vec<f32>,
    epsilon: f32,
}

impl Norm {
    fn apply(&self, rows: &mut [f32]) {
        let width = self.scale.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = Sum::new(row).dispatch() / width as f32;
            let variance = SumSquareSub::new(row, mean).dispatch() / width as f32;
            let options = NormalizeOptions {
                pre_scale_bias: mean,
                scale: (variance + self.epsilon).sqrt().recip(),
                element_scale: Some(&self.scale),
                element_bias: Some(&self.bias),
                ..NormalizeOptions::default()
            };
            Normalize::new_mut(row, options).dispatch();
        }
    }
}

/// One layer.
struct Layer {
    /// Queries, keys and values, one after the other.
    asked: Linear,
    attended: Linear,
    after_attention: Norm,
    wider: Linear,
    narrower: Linear,
    after_all: Norm,
}

/// The network with its weights.
pub(super) struct Bert {
    words: Vec<f16>,
    places: Vec<f32>,
    before: Norm,
    layers: Vec<Layer>,
    heads: usize,
    width: usize,
}

/// Reads tensors by their names.
struct Named<'a> {
    tensors: SafeTensors<'a>,
}

impl Named<'_> {
    fn floats(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let tensor = self.tensors.tensor(name).map_err(|error| format!("{name}: {error}"))?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(format!("{name} is {:?} {:?}, not F32 {shape:?}", tensor.dtype(), tensor.shape()));
        }
        Ok(tensor.data().as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
    }

    fn norm(&self, name: &str, config: &Config) -> Result<Norm, String> {
        let of = |part: &str| self.floats(&format!("{name}.{part}"), &[config.hidden_size]);
        Ok(Norm { scale: of("weight")?, bias: of("bias")?, epsilon: config.layer_norm_eps })
    }

    /// Several layers with the same inputs as one.
    fn linear(
        &self,
        names: &[String],
        outputs: usize,
        inputs: usize,
        multiplier: &Multiplier,
    ) -> Result<Linear, String> {
        let (mut weights, mut bias) = (Vec::new(), Vec::new());
        for name in names {
            weights.append(&mut self.floats(&format!("{name}.weight"), &[outputs, inputs])?);
            bias.append(&mut self.floats(&format!("{name}.bias"), &[outputs])?);
        }
        Ok(Linear::new(multiplier, &weights, bias))
    }

    fn layer(&self, number: usize, config: &Config, multiplier: &Multiplier) -> Result<Layer, String> {
        let (width, wide) = (config.hidden_size, config.intermediate_size);
        let name = |part: &str| format!("encoder.layer.{number}.{part}");
        let asked = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
        let linear = |part, outputs, inputs| self.linear(&[name(part)], outputs, inputs, multiplier);
        Ok(Layer {
            asked: self.linear(&asked, width, width, multiplier)?,
            attended: linear("attention.output.dense", width, width)?,
            after_attention: self.norm(&name("attention.output.LayerNorm"), config)?,
            wider: linear("intermediate.dense", wide, width)?,
            narrower: linear("output.dense", width, wide)?,
            after_all: self.norm(&name("output.LayerNorm"), config)?,
        })
    }
}

impl Bert {
    /// Makes the network of `config.json` and the bytes of `model.safetensors`.
    pub(super) fn new(config: &Config, bytes: &[u8]) -> Result<Self, String> {
        if let Some(problem) = config.problem() {
            return Err(problem);
        }
        let named = Named { tensors: SafeTensors::deserialize(bytes).map_err(|error| error.to_string())? };
        let (width, count) = (config.hidden_size, config.max_position_embeddings);
        let words = named.floats("embeddings.word_embeddings.weight", &[config.vocab_size, width])?;
        let mut places = named.floats("embeddings.position_embeddings.weight", &[count, width])?;
        // One sentence at a time is of type 0 throughout.
        let kinds = named.floats("embeddings.token_type_embeddings.weight", &[2, width])?;
        for place in places.chunks_exact_mut(width) {
            place.iter_mut().zip(&kinds).for_each(|(place, kind)| *place += kind);
        }
        let multiplier = Multiplier::new();
        let layers = (0..config.num_hidden_layers)
            .map(|number| named.layer(number, config, &multiplier))
            .collect::<Result<_, _>>()?;
        Ok(Self {
            words: words.into_iter().map(f16::from_f32).collect(),
            places,
            before: named.norm("embeddings.LayerNorm", config)?,
            layers,
            heads: config.num_attention_heads,
            width,
        })
    }

    /// Numbers of a vector.
    pub(super) fn width(&self) -> usize {
        self.width
    }

    /// Tokens that it takes at most.
    pub(super) fn most_tokens(&self) -> usize {
        self.places.len() / self.width
    }

    /// The vector of a sentence, of length 1. Unknown tokens count as the first one.
    pub(super) fn embed(&self, tokens: &[u32]) -> Vec<f32> {
        let (width, multiplier) = (self.width, Multiplier::new());
        let mut rows = Vec::with_capacity(tokens.len() * width);
        for (&token, place) in tokens.iter().zip(self.places.chunks_exact(width)) {
            let word = self.words.chunks_exact(width).nth(token as usize).unwrap_or(&self.words[..width]);
            rows.extend(word.iter().zip(place).map(|(word, place)| word.to_f32() + place));
        }
        self.before.apply(&mut rows);
        for layer in &self.layers {
            let attended = self.attend(&layer.asked.apply(&multiplier, &rows));
            let attended = layer.attended.apply(&multiplier, &attended);
            add(&mut rows, &attended);
            layer.after_attention.apply(&mut rows);
            let mut wide = layer.wider.apply(&multiplier, &rows);
            Gelu {}.map_mut(&mut wide);
            add(&mut rows, &layer.narrower.apply(&multiplier, &wide));
            layer.after_all.apply(&mut rows);
        }
        let mut mean = vec![0.0; width];
        rows.chunks_exact(width).for_each(|row| add(&mut mean, row));
        let length = mean.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        mean.iter().map(|x| x / length).collect()
    }

    /// What each token takes from the others, of queries, keys and values. Loops that go over tokens or numbers side by side, of which the compiler makes
    /// SIMD: a small part of the arithmetic.
    fn attend(&self, asked: &[f32]) -> Vec<f32> {
        let (width, of_head) = (self.width, self.width / self.heads);
        let count = asked.len() / (3 * width);
        let evenly = (of_head as f32).sqrt().recip();
        let mut taken = vec![0.0; count * width];
        let mut keys = vec![0.0; of_head * count];
        let mut shares = vec![0.0; count];
        for head in 0..self.heads {
            let part = |which: usize| which * width + head * of_head..which * width + (head + 1) * of_head;
            for (token, row) in asked.chunks_exact(3 * width).enumerate() {
                for (number, key) in row[part(1)].iter().enumerate() {
                    keys[number * count + token] = *key;
                }
            }
            for (row, to) in asked.chunks_exact(3 * width).zip(taken.chunks_exact_mut(width)) {
                shares.fill(0.0);
                for (query, keys) in row[part(0)].iter().zip(keys.chunks_exact(count)) {
                    shares.iter_mut().zip(keys).for_each(|(share, key)| *share += query * evenly * key);
                }
                softmax(&mut shares);
                let to = &mut to[head * of_head..][..of_head];
                for (share, row) in shares.iter().zip(asked.chunks_exact(3 * width)) {
                    to.iter_mut().zip(&row[part(2)]).for_each(|(to, value)| *to += share * value);
                }
            }
        }
        taken
    }
}

/// Shares that add up to 1.
fn softmax(numbers: &mut [f32]) {
    let largest = numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for number in numbers.iter_mut() {
        *number = (*number - largest).exp();
    }
    let sum: f32 = numbers.iter().sum();
    for number in numbers.iter_mut() {
        *number /= sum;
    }
}

fn add(to: &mut [f32], more: &[f32]) {
    to.iter_mut().zip(more).for_each(|(to, more)| *to += more);
}
