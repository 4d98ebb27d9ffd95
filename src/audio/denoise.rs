//! Noise suppression with RNNoise (nnnoiseless). It works at 48 kHz, on samples from -32768 to 32767.

use nnnoiseless::DenoiseState;

use super::resample::{MODEL_HZ, resample};

/// Suppresses noise in 16 kHz sound; same length, nothing moves in time.
pub fn denoise(samples: &[f32]) -> Vec<f32> {
    const HZ: u32 = 48_000;
    let mut wide = resample(samples, MODEL_HZ, HZ);
    let frame = DenoiseState::FRAME_SIZE;
    // The first frame out is the filter's fade-in: one frame of silence before, and it is dropped.
    let padded = wide.len().div_ceil(frame) * frame;
    wide.resize(padded, 0.0);
    let mut state = DenoiseState::new();
    let mut out = vec![0.0; frame];
    let mut clean = Vec::with_capacity(padded + frame);
    for input in wide.chunks_exact(frame).map(<[f32]>::to_vec).chain(std::iter::once(vec![0.0; frame])) {
        let scaled: Vec<f32> = input.iter().map(|sample| sample * 32768.0).collect();
        state.process_frame(&mut out, &scaled);
        clean.extend(out.iter().map(|sample| sample / 32768.0));
    }
    let mut narrow = resample(&clean[frame..], HZ, MODEL_HZ);
    narrow.resize(samples.len(), 0.0);
    narrow
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_gets_quieter_and_the_length_stays() {
        let mut seed = 1_u32;
        let noise: Vec<f32> = (0..16_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (f32::from((seed >> 16) as u16) / 65536.0 - 0.5) * 0.1
            })
            .collect();
        let clean = denoise(&noise);
        assert_eq!(clean.len(), noise.len());
        let energy = |s: &[f32]| s[8000..].iter().map(|x| x * x).sum::<f32>();
        assert!(energy(&clean) < energy(&noise) / 2.0);
    }
}
