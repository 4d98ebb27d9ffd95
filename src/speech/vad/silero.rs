//! Silero's network of version 6.2 for 16 kHz: 32 ms of sound in, the probability of voice in them out.
//!
//! A spectrum of four windows, four convolutions, one LSTM. The weights are shared by all legs; a leg has a [`State`]. The convolutions reach over no
//! more than one step, so all that a step knows of the one before is the state and 64 samples. Which weights belong where is written in
//! [`super::weights`]; that the figures are the reference's is tested in `candidates.rs`.
//!
//! The loops go over outputs, whose weights lie side by side, so that the compiler makes SIMD of them: 0.4 to 1.2 ms of CPU for a second of sound.

use std::array::from_fn;
use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

use super::weights::{Weights, WeightsError};

/// Samples of a step.
pub const STEP: usize = 512;
/// Samples from before a step that belong to its sound.
pub(super) const CONTEXT: usize = 64;
/// Samples of a spectrum's window.
const WINDOW: usize = 256;
/// From one window to the next.
const HOP: usize = 128;
/// Figures of a spectrum.
const BINS: usize = WINDOW / 2 + 1;
/// Cells of the LSTM.
const CELLS: usize = 128;
/// A step, what lies before it, and as much behind it, which is the end mirrored.
const PADDED: usize = CONTEXT + STEP + CONTEXT;

/// The weights of a layer: for each of its inputs those of all outputs.
struct Layer<const OUT: usize> {
    weights: Vec<[f32; OUT]>,
    bias: [f32; OUT],
}

impl<const OUT: usize> Layer<OUT> {
    /// `at` tells the weight of an output and an input.
    fn new(inputs: usize, at: impl Fn(usize, usize) -> f32, bias: impl FnMut(usize) -> f32) -> Self {
        Self { weights: (0..inputs).map(|i| from_fn(|out| at(out, i))).collect(), bias: from_fn(bias) }
    }

    /// The outputs. Four inputs at a time: the sums are read and written for each group of them.
    fn apply(&self, inputs: &[f32]) -> [f32; OUT] {
        let mut sums = self.bias;
        for (weights, x) in self.weights.as_chunks::<4>().0.iter().zip(inputs.as_chunks::<4>().0) {
            let [a, b, c, d] = weights;
            for k in 0..OUT {
                sums[k] += (a[k] * x[0] + b[k] * x[1]) + (c[k] * x[2] + d[k] * x[3]);
            }
        }
        sums
    }
}

/// The network.
pub struct Silero {
    spectrum: Arc<dyn Fft<f32>>,
    window: [f32; WINDOW],
    /// Three taps an input, over four places.
    first: Layer<128>,
    /// Three taps an input, over two of the four places.
    second: Layer<64>,
    /// The first of its three taps always lies on the padding, and is left out.
    third: Layer<64>,
    /// One place is left: only the middle tap lies on it.
    fourth: Layer<128>,
    /// What enters and what is remembered, in this order; input, forget, cell and output gates.
    gates: Layer<{ 4 * CELLS }>,
    last: [f32; CELLS],
    last_bias: f32,
}

/// What a leg's listener remembers.
#[derive(Clone)]
pub struct State {
    before: [f32; CONTEXT],
    hidden: [f32; CELLS],
    cells: [f32; CELLS],
}

impl Default for State {
    fn default() -> Self {
        Self { before: [0.0; CONTEXT], hidden: [0.0; CELLS], cells: [0.0; CELLS] }
    }
}

impl Silero {
    /// Puts the weights in their places.
    pub(super) fn new(weights: &Weights) -> Result<Self, WeightsError> {
        let encoder = |number: usize, what: &str, shape: &[usize]| {
            weights.tensor(&format!("_model.encoder.{number}.reparam_conv.{what}"), shape)
        };
        let (w1, b1) = (encoder(0, "weight", &[3, BINS, 128])?, encoder(0, "bias", &[128])?);
        let (w2, b2) = (encoder(1, "weight", &[3, 128, 64])?, encoder(1, "bias", &[64])?);
        let (w3, b3) = (encoder(2, "weight", &[3, 64, 64])?, encoder(2, "bias", &[64])?);
        let (w4, b4) = (encoder(3, "weight", &[3, 64, 128])?, encoder(3, "bias", &[128])?);
        let lstm = |what: &str, shape: &[usize]| weights.tensor(&format!("_model.decoder.rnn.{what}"), shape);
        let (entering, remembered) = (lstm("weight_ih", &[CELLS, 4 * CELLS])?, lstm("weight_hh", &[CELLS, 4 * CELLS])?);
        let (bias_in, bias_back) = (lstm("bias_ih", &[4 * CELLS])?, lstm("bias_hh", &[4 * CELLS])?);
        let last = weights.tensor("_model.decoder.decoder.2.weight", &[CELLS])?;
        let last_bias = weights.tensor("_model.decoder.decoder.2.bias", &[])?;
        Ok(Self {
            spectrum: FftPlanner::new().plan_fft_forward(WINDOW),
            window: from_fn(|i| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / WINDOW as f32).cos()),
            first: Layer::new(BINS * 3, |out, i| w1[out * BINS * 3 + i], |out| b1[out]),
            second: Layer::new(128 * 3, |out, i| w2[out * 128 * 3 + i], |out| b2[out]),
            third: Layer::new(64 * 2, |out, i| w3[(out * 64 + i / 2) * 3 + 1 + i % 2], |out| b3[out]),
            fourth: Layer::new(64, |out, i| w4[(out * 64 + i) * 3 + 1], |out| b4[out]),
            gates: Layer::new(
                2 * CELLS,
                |out, i| if i < CELLS { entering[out * CELLS + i] } else { remembered[out * CELLS + i - CELLS] },
                |out| bias_in[out] + bias_back[out],
            ),
            last: from_fn(|i| last[i]),
            last_bias: last_bias[0],
        })
    }

    /// The probability of voice in the next step of a leg.
    pub fn hear(&self, step: &[f32; STEP], state: &mut State) -> f32 {
        let mut sound = [0.0; CONTEXT + STEP];
        sound[..CONTEXT].copy_from_slice(&state.before);
        sound[CONTEXT..].copy_from_slice(step);
        state.before.copy_from_slice(&step[STEP - CONTEXT..]);
        self.hear_with_context(&sound, state)
    }

    /// The same of a step with the samples before it.
    pub(super) fn hear_with_context(&self, sound: &[f32; CONTEXT + STEP], state: &mut State) -> f32 {
        self.recall(&self.encode(sound), state)
    }

    /// The convolutions: what of a step the LSTM gets to know.
    fn encode(&self, sound: &[f32; CONTEXT + STEP]) -> [f32; CELLS] {
        let mut four = [self.first.bias; 4];
        let [first, second, third, fourth] = &mut four;
        for (taps, &[a, b, c, d]) in self.first.weights.as_chunks::<3>().0.iter().zip(&self.magnitudes(sound)) {
            let [before, at, after] = taps;
            for k in 0..128 {
                first[k] += at[k] * a + after[k] * b;
                second[k] += before[k] * a + at[k] * b + after[k] * c;
                third[k] += before[k] * b + at[k] * c + after[k] * d;
                fourth[k] += before[k] * c + at[k] * d;
            }
        }
        let mut two = [self.second.bias; 2];
        let [first, second] = &mut two;
        for (i, taps) in self.second.weights.as_chunks::<3>().0.iter().enumerate() {
            let [before, at, after] = taps;
            let [a, b, c, d] = four.map(|place| place[i].max(0.0));
            for k in 0..64 {
                first[k] += at[k] * a + after[k] * b;
                second[k] += before[k] * b + at[k] * c + after[k] * d;
            }
        }
        let pairs: [f32; 128] = from_fn(|i| two[i % 2][i / 2].max(0.0));
        let one = self.third.apply(&pairs).map(|x| x.max(0.0));
        self.fourth.apply(&one).map(|x| x.max(0.0))
    }

    /// The spectrum of four windows: for each bin its magnitudes.
    fn magnitudes(&self, sound: &[f32; CONTEXT + STEP]) -> [[f32; 4]; BINS] {
        let mut padded = [0.0; PADDED];
        padded[..CONTEXT + STEP].copy_from_slice(sound);
        for i in 0..CONTEXT {
            padded[CONTEXT + STEP + i] = sound[CONTEXT + STEP - 2 - i];
        }
        let mut all = [[0.0; 4]; BINS];
        let (mut both, mut scratch) = ([Complex32::default(); WINDOW], [Complex32::default(); WINDOW]);
        // Two windows go through one transform, as the real and the imaginary part, and are told apart by their symmetry.
        for pair in 0..2 {
            let (one, other) = (&padded[2 * pair * HOP..], &padded[(2 * pair + 1) * HOP..]);
            for (i, value) in both.iter_mut().enumerate() {
                *value = Complex32::new(one[i], other[i]) * self.window[i];
            }
            self.spectrum.process_with_scratch(&mut both, &mut scratch);
            for (bin, magnitudes) in all.iter_mut().enumerate() {
                let (x, y) = (both[bin], both[(WINDOW - bin) % WINDOW]);
                magnitudes[2 * pair] = magnitude(x.re + y.re, x.im - y.im) / 2.0;
                magnitudes[2 * pair + 1] = magnitude(x.im + y.im, y.re - x.re) / 2.0;
            }
        }
        all
    }

    /// The LSTM and what is read from it.
    fn recall(&self, entering: &[f32; CELLS], state: &mut State) -> f32 {
        let inputs: [f32; 2 * CELLS] = from_fn(|i| if i < CELLS { entering[i] } else { state.hidden[i - CELLS] });
        let gates = self.gates.apply(&inputs);
        let mut sum = self.last_bias;
        for k in 0..CELLS {
            let (take, keep, give) = (sigmoid(gates[k]), sigmoid(gates[CELLS + k]), sigmoid(gates[3 * CELLS + k]));
            state.cells[k] = keep * state.cells[k] + take * gates[2 * CELLS + k].tanh();
            state.hidden[k] = give * state.cells[k].tanh();
            sum += state.hidden[k].max(0.0) * self.last[k];
        }
        sigmoid(sum)
    }
}

/// Without the care that `f32::hypot` takes of the largest and smallest numbers, at a fifth of its cost.
fn magnitude(real: f32, imaginary: f32) -> f32 {
    (real * real + imaginary * imaginary).sqrt()
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}
