//! Any rate to the 16 kHz of the speech models, through rubato's FFT resampler.

use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

use super::to_f32;

/// The rate that VAD and speech models want.
pub const MODEL_HZ: u32 = 16_000;

/// Brings one stretch of sound to another rate: the length is `round(n * to / from)` and nothing moves in time.
pub fn resample(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    if from_hz == to_hz || samples.is_empty() {
        return samples.to_vec();
    }
    let length = (samples.len() as u64 * u64::from(to_hz)).div_ceil(u64::from(from_hz)) as usize;
    let converted = Fft::<f32>::new(from_hz as usize, to_hz as usize, 1024, 1, FixedSync::Both)
        .map_err(|error| error.to_string())
        .and_then(|mut fft| {
            let input = InterleavedSlice::new(samples, 1, samples.len()).map_err(|error| error.to_string())?;
            fft.process_all(&input, samples.len(), None)
                .map(audioadapter_buffers::owned::InterleavedOwned::take_data)
                .map_err(|error| error.to_string())
        });
    let mut out = converted.unwrap_or_else(|error| {
        // Only rates of zero can bring us here, and those are refused when a file is opened.
        log::error!("audio: resample {from_hz} to {to_hz} Hz: {error}; the stretch is read as silence");
        Vec::new()
    });
    out.resize(length, 0.0);
    out
}

/// Samples of a leg as the models want them.
pub fn to_model(samples: &[i16], rate_hz: u32) -> Vec<f32> {
    resample(&to_f32(samples), rate_hz, MODEL_HZ)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hz: f32, rate: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|i| (i as f32 * hz * std::f32::consts::TAU / rate).sin() * 0.5).collect()
    }

    /// Power of one frequency, dB.
    fn power(samples: &[f32], hz: f32, rate: f32) -> f32 {
        let (mut re, mut im) = (0.0, 0.0);
        for (i, &sample) in samples.iter().enumerate() {
            let angle = i as f32 * hz * std::f32::consts::TAU / rate;
            re += sample * angle.cos();
            im += sample * angle.sin();
        }
        20.0 * ((re * re + im * im).sqrt() / samples.len() as f32).log10()
    }

    #[test]
    fn a_tone_keeps_its_place_and_leaves_no_image() {
        let up = resample(&tone(3000.0, 8000.0, 8000), 8000, 16_000);
        assert_eq!(up.len(), 16_000);
        let middle = &up[4000..12_000];
        assert!(power(middle, 3000.0, 16_000.0) - power(middle, 5000.0, 16_000.0) > 60.0);
    }

    #[test]
    fn a_click_stays_where_it_was() {
        for rate in [8000_u32, 24_000, 44_100, 48_000] {
            let mut samples = vec![0.0; rate as usize];
            samples[rate as usize / 2] = 1.0;
            let out = resample(&samples, rate, 16_000);
            assert_eq!(out.len(), 16_000);
            let peak = (0..out.len()).max_by(|&a, &b| out[a].abs().total_cmp(&out[b].abs())).expect("not empty");
            assert!(peak.abs_diff(8000) <= 1, "{rate} Hz: click at {peak}");
        }
    }
}
