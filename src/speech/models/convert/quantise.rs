//! Quantisation of weights: ggml's blocks of 32 (`ggml-quants.c`, the reference functions) and CTranslate2's bytes with one scale per row.

use half::f16;

/// Values in a block of ggml's.
pub(super) const BLOCK: usize = 32;

/// Format of the matrices of a ggml file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Blocks {
    F16,
    Q8_0,
    Q5_1,
}

impl Blocks {
    /// ggml's number of the type of a tensor.
    pub(super) const fn tensor_kind(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q8_0 => 8,
            Self::Q5_1 => 7,
        }
    }

    /// The number of the kind of a file; 2000 is the second version of quantisation.
    pub(super) const fn file_kind(self) -> u32 {
        match self {
            Self::F16 => 1,
            Self::Q8_0 => 2007,
            Self::Q5_1 => 2009,
        }
    }

    /// Writes rows of values, whose length is a multiple of a block.
    pub(super) fn write(self, values: &[f32], out: &mut Vec<u8>) -> Result<(), String> {
        match self {
            Self::F16 => return halves(values, out),
            Self::Q8_0 => values.chunks(BLOCK).for_each(|block| q8_0(block, out)),
            Self::Q5_1 => values.chunks(BLOCK).for_each(|block| q5_1(block, out)),
        }
        Ok(())
    }
}

/// 16-bit floats. What does not fit them would be infinite.
pub(super) fn halves(values: &[f32], out: &mut Vec<u8>) -> Result<(), String> {
    out.reserve(values.len() * 2);
    for &value in values {
        let half = f16::from_f32(value);
        if half.is_infinite() {
            return Err(format!("holds {value}, which does not fit a 16-bit number"));
        }
        out.extend(half.to_le_bytes());
    }
    Ok(())
}

/// One over a scale; a block of zeros has none.
fn inverse(scale: f32) -> f32 {
    if scale == 0.0 { 0.0 } else { 1.0 / scale }
}

/// A scale, and 32 signed bytes.
fn q8_0(block: &[f32], out: &mut Vec<u8>) {
    let most = block.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    let scale = most / 127.0;
    let inverse = inverse(scale);
    out.extend(f16::from_f32(scale).to_le_bytes());
    out.extend(block.iter().map(|value| (value * inverse).round() as i8 as u8));
}

/// A scale, the least value, the fifth bit of all, then the low four of the first half beside those of the second.
fn q5_1(block: &[f32], out: &mut Vec<u8>) {
    let least = block.iter().copied().fold(f32::INFINITY, f32::min);
    let most = block.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let scale = (most - least) / 31.0;
    let inverse = inverse(scale);
    let levels: Vec<u8> = block.iter().map(|value| (((value - least) * inverse + 0.5) as u8).min(31)).collect();
    let fifth = levels.iter().enumerate().fold(0_u32, |bits, (place, level)| bits | u32::from(level >> 4) << place);
    out.extend(f16::from_f32(scale).to_le_bytes());
    out.extend(f16::from_f32(least).to_le_bytes());
    out.extend(fifth.to_le_bytes());
    let (low, high) = levels.split_at(levels.len() / 2);
    out.extend(low.iter().zip(high).map(|(low, high)| low & 15 | high << 4));
}

/// Bytes with a scale for each row of this length, as CTranslate2 multiplies them: value = byte / scale.
pub(super) fn rows_of_bytes(values: &[f32], row: usize) -> (Vec<u8>, Vec<f32>) {
    let mut bytes = Vec::with_capacity(values.len());
    let scales = values
        .chunks(row)
        .map(|row| {
            let most = row.iter().fold(0.0_f32, |most, value| most.max(value.abs()));
            // A row of zeros has any scale, and a tiny one must not have an infinite one.
            let scale = 127.0 / if most == 0.0 { 127.0 } else { most.max(127.0 / f32::MAX) };
            bytes.extend(row.iter().map(|value| (value * scale).round_ties_even() as i8 as u8));
            scale
        })
        .collect();
    (bytes, scales)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn block() -> impl Strategy<Value = Vec<f32>> {
        proptest::collection::vec(-8.0_f32..8.0, BLOCK)
    }

    proptest! {
        #[test]
        fn a_block_of_bytes_is_within_half_a_step(values in block()) {
            let mut out = Vec::new();
            Blocks::Q8_0.write(&values, &mut out).expect("fits");
            prop_assert_eq!(out.len(), 34);
            let scale = f16::from_le_bytes([out[0], out[1]]).to_f32();
            for (value, byte) in values.iter().zip(&out[2..]) {
                // The scale itself has eleven bits.
                prop_assert!((value - f32::from(*byte as i8) * scale).abs() <= scale * 0.57 + 1e-6);
            }
        }

        #[test]
        fn a_block_of_five_bits_is_within_half_a_step(values in block()) {
            let mut out = Vec::new();
            Blocks::Q5_1.write(&values, &mut out).expect("fits");
            prop_assert_eq!(out.len(), 24);
            let [scale, least] = [0, 2].map(|at| f16::from_le_bytes([out[at], out[at + 1]]).to_f32());
            let fifth = u32::from_le_bytes(out[4..8].try_into().expect("four"));
            for (place, value) in values.iter().enumerate() {
                let four = if place < 16 { out[8 + place] & 15 } else { out[8 + place - 16] >> 4 };
                let level = u32::from(four) | (fifth >> place & 1) << 4;
                prop_assert!((value - (level as f32 * scale + least)).abs() <= scale * 0.55 + 0.01);
            }
        }

        #[test]
        fn a_row_of_bytes_is_within_half_a_step(values in block()) {
            let (bytes, scales) = rows_of_bytes(&values, 16);
            prop_assert_eq!(scales.len(), 2);
            for (place, value) in values.iter().enumerate() {
                let scale = scales[place / 16];
                prop_assert!((value - f32::from(bytes[place] as i8) / scale).abs() <= 0.501 / scale);
            }
        }
    }

    #[test]
    fn zeros_stay_zeros_and_what_does_not_fit_is_an_error() {
        for blocks in [Blocks::F16, Blocks::Q8_0, Blocks::Q5_1] {
            let mut out = Vec::new();
            blocks.write(&[0.0; BLOCK], &mut out).expect("fits");
            assert!(out.iter().all(|&byte| byte == 0), "{blocks:?}");
        }
        assert_eq!(rows_of_bytes(&[0.0; 4], 4), (vec![0; 4], vec![1.0]));
        assert!(Blocks::F16.write(&[70_000.0; BLOCK], &mut Vec::new()).expect_err("too big").contains("70000"));
    }
}
