//! A layer of weights in 8 bits: nearly all of the arithmetic of a sentence's vector.
//!
//! Weights have one scale for each output, what goes in one for each row, to 255 steps, or to 127 where the CPU adds two products in 16 bits and
//! would overflow with more.

use rten_gemm::{GemmExecutor, GemmInputA, GemmInputB, GemmOptions, PackedBMatrix};
use rten_tensor::NdTensorView;

/// Largest weight.
const WEIGHT: f32 = 127.0;

/// Multiplies 8-bit matrices, with what this CPU has for it.
pub(super) struct Multiplier {
    gemm: GemmExecutor<u8, i8, i32>,
    /// Steps of what goes in.
    steps: f32,
}

impl Multiplier {
    pub(super) fn new() -> Self {
        let gemm = GemmExecutor::<u8, i8, i32>::new();
        let steps = if gemm.may_saturate() { 127.0 } else { 255.0 };
        Self { gemm, steps }
    }
}

/// How an output's weights were rounded.
struct Output {
    scale: f32,
    /// Of its rounded weights.
    sum: i32,
}

/// A layer: outputs are weights times inputs, plus bias.
pub(super) struct Linear {
    weights: PackedBMatrix<i8>,
    outputs: Vec<Output>,
    bias: Vec<f32>,
    inputs: usize,
}

impl Linear {
    /// `weights` holds those of each output in a row.
    pub(super) fn new(multiplier: &Multiplier, weights: &[f32], bias: Vec<f32>) -> Self {
        let (outputs, inputs) = (bias.len(), weights.len() / bias.len());
        let mut rounded: Vec<i8> = Vec::with_capacity(weights.len());
        let mut of_outputs = Vec::with_capacity(outputs);
        for row in weights.chunks_exact(inputs) {
            let largest = row.iter().fold(f32::MIN_POSITIVE, |most, weight| most.max(weight.abs()));
            let scale = largest / WEIGHT;
            let from = rounded.len();
            rounded.extend(row.iter().map(|weight| (weight / scale).round() as i8));
            let sum = rounded[from..].iter().map(|&weight| i32::from(weight)).sum();
            of_outputs.push(Output { scale, sum });
        }
        let by_output = NdTensorView::from_data([outputs, inputs], &rounded[..]);
        Self { weights: multiplier.gemm.prepack_b(by_output.transposed()), outputs: of_outputs, bias, inputs }
    }

    /// The outputs of each row of inputs, row after row.
    pub(super) fn apply(&self, multiplier: &Multiplier, rows: &[f32]) -> Vec<f32> {
        let (count, outputs) = (rows.len() / self.inputs, self.bias.len());
        let mut rounded = Vec::with_capacity(rows.len());
        let mut rounding = Vec::with_capacity(count);
        for row in rows.chunks_exact(self.inputs) {
            let (least, most) = row.iter().fold((0.0_f32, 0.0_f32), |(least, most), &x| (least.min(x), most.max(x)));
            let scale = ((most - least) / multiplier.steps).max(f32::MIN_POSITIVE);
            let (zero, per_step) = ((-least / scale).round(), scale.recip());
            let step = |x: &f32| (x * per_step + zero).round_ties_even().clamp(0.0, multiplier.steps) as u8;
            rounded.extend(row.iter().map(step));
            rounding.push((scale, zero as i32));
        }
        let mut products = vec![0; count * outputs];
        let a = GemmInputA::Unpacked(NdTensorView::from_data([count, self.inputs], &rounded[..]));
        let b = GemmInputB::Packed(&self.weights);
        let done = multiplier.gemm.gemm(&mut products, a, b, GemmOptions::default());
        done.expect("the sizes are those of the weights");
        let mut out = Vec::with_capacity(products.len());
        for (products, (scale, zero)) in products.chunks_exact(outputs).zip(rounding) {
            // A row's zero is taken out here: rten-gemm 0.27 takes that of another row from the second tile on.
            let of_outputs = self.outputs.iter().zip(&self.bias);
            let value = |(&product, (output, bias)): (&i32, (&Output, &f32))| {
                (product - zero * output.sum) as f32 * (scale * output.scale) + bias
            };
            out.extend(products.iter().zip(of_outputs).map(value));
        }
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_in_eight_bits_says_nearly_what_the_same_in_floats_says() {
        let multiplier = Multiplier::new();
        let wave = |i: usize, step: f32| ((i * i % 9973) as f32 * step).sin();
        // As large as those of all-MiniLM, and a small one.
        for (count, inputs, outputs) in [(3, 64, 48), (1, 384, 1152), (25, 384, 1152), (70, 1536, 384)] {
            let weights: Vec<f32> = (0..inputs * outputs).map(|i| wave(i, 0.7)).collect();
            let bias: Vec<f32> = (0..outputs).map(|i| wave(i, 1.3)).collect();
            let rows: Vec<f32> =
                (0..count * inputs).map(|i| wave(i, 0.37) * 5.0 + (i / inputs % 5) as f32 - 2.0).collect();
            let found = Linear::new(&multiplier, &weights, bias.clone()).apply(&multiplier, &rows);
            assert_eq!(found.len(), count * outputs);
            let mut worst = 0.0_f32;
            for (row, found) in rows.chunks(inputs).zip(found.chunks(outputs)) {
                for ((weights, bias), found) in weights.chunks(inputs).zip(&bias).zip(found) {
                    let exact: f32 = bias + weights.iter().zip(row).map(|(weight, x)| weight * x).sum::<f32>();
                    worst = worst.max((exact - found).abs());
                }
            }
            // A product of n numbers of some size varies by its root.
            assert!(worst < 0.1 * (inputs as f32).sqrt(), "{count} rows of {inputs} to {outputs}: off by {worst}");
        }
    }
}
