//! Whisper's features: the log-mel spectrogram that its models were trained on (Radford et al. 2022, section 2.2; `whisper/audio.py` in words).
//!
//! 25 ms Hann windows every 10 ms at 16 kHz, Slaney's mel filters, log10 clamped to 8 below the loudest, scaled to about -1..1. The value of a
//! padding frame depends on the loudest point, so padding is part of the features.

#![cfg_attr(not(feature = "ctranslate2"), allow(dead_code))] // the filter bank alone goes into whisper.cpp's files

use std::sync::Arc;

use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};

const WINDOW: usize = 400;
const HOP: usize = 160;
const BINS: usize = WINDOW / 2 + 1;

/// Makes features for one number of mel bands.
pub(super) struct Mel {
    bands: usize,
    /// First bin of each band, and its weights from there on.
    filters: Vec<(usize, Vec<f32>)>,
    hann: Vec<f32>,
    fft: Arc<dyn Fft<f32>>,
}

impl Mel {
    pub(super) fn new(bands: usize) -> Self {
        let hann = (0..WINDOW).map(|i| 0.5 - 0.5 * (std::f32::consts::TAU * i as f32 / WINDOW as f32).cos()).collect();
        Self { bands, filters: filters(bands), hann, fft: FftPlanner::new().plan_fft_forward(WINDOW) }
    }

    /// Features of `frames` hops (padded with silence), band by band: `bands * frames` values.
    pub(super) fn features(&self, samples: &[f32], frames: usize) -> Vec<f32> {
        let half = WINDOW / 2;
        // Reflected at the beginning, silence behind, as torch.stft centres its windows.
        let at = |i: isize| match usize::try_from(i) {
            Ok(i) => samples.get(i).copied().unwrap_or(0.0),
            Err(_) => samples.get(i.unsigned_abs()).copied().unwrap_or(0.0),
        };
        // Behind the sound there is nothing to transform: log10 of the smallest power.
        let mut out = vec![-10.0; self.bands * frames];
        let mut loudest = -10.0_f32;
        let heard = frames.min((samples.len() + half).div_ceil(HOP) + 1);
        let mut buffer = vec![Complex32::default(); WINDOW];
        for frame in 0..heard {
            let begin = (frame * HOP) as isize - half as isize;
            for (i, (value, window)) in buffer.iter_mut().zip(&self.hann).enumerate() {
                *value = Complex32::new(at(begin + i as isize) * window, 0.0);
            }
            self.fft.process(&mut buffer);
            for (band, (first, filter)) in self.filters.iter().enumerate() {
                let power: f32 =
                    filter.iter().zip(&buffer[*first..]).map(|(weight, value)| weight * value.norm_sqr()).sum();
                let log = power.max(1e-10).log10();
                loudest = loudest.max(log);
                out[band * frames + frame] = log;
            }
        }
        for value in &mut out {
            *value = (value.max(loudest - 8.0) + 4.0) / 4.0;
        }
        out
    }
}

/// All filters as a model's file holds them: for each band the weights of all bins.
pub(super) fn filterbank(bands: usize) -> Vec<f32> {
    let mut all = vec![0.0; bands * BINS];
    for (row, (first, filter)) in all.chunks_mut(BINS).zip(filters(bands)) {
        row[first..first + filter.len()].copy_from_slice(&filter);
    }
    all
}

/// Slaney's mel scale: linear to 1 kHz, logarithmic above.
fn hz_of(mel: f64) -> f64 {
    if mel < 15.0 { mel * 200.0 / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4_f64.ln() / 27.0).exp() }
}

fn filters(bands: usize) -> Vec<(usize, Vec<f32>)> {
    let top = 15.0 + 8.0_f64.ln() * 27.0 / 6.4_f64.ln(); // 8 kHz
    let edges: Vec<f64> = (0..bands + 2).map(|i| hz_of(top * i as f64 / (bands + 1) as f64)).collect();
    (0..bands)
        .map(|band| {
            let (low, mid, high) = (edges[band], edges[band + 1], edges[band + 2]);
            let (first, last) = ((low / 40.0).ceil() as usize, (high / 40.0).floor() as usize);
            let weight = |bin: usize| {
                let hz = bin as f64 * 40.0;
                let slope = ((hz - low) / (mid - low)).min((high - hz) / (high - mid)).max(0.0);
                (slope * 2.0 / (high - low)) as f32
            };
            (first, (first..=last.min(BINS - 1)).map(weight).collect())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_behind_the_sound_is_as_if_silence_had_been_transformed() {
        let sound: Vec<f32> = (0..12_345).map(|i| ((i * i) as f32 * 0.001).sin() * 0.3).collect();
        let mut padded = sound.clone();
        padded.resize(48_000, 0.0);
        let mel = Mel::new(80);
        assert_eq!(mel.features(&sound, 250), mel.features(&padded, 250));
    }

    #[test]
    fn a_tone_lights_the_band_that_holds_it() {
        let tone: Vec<f32> =
            (0..16_000).map(|i| (i as f32 * 1000.0 * std::f32::consts::TAU / 16_000.0).sin()).collect();
        let mel = Mel::new(80);
        let features = mel.features(&tone, 100);
        let column: Vec<f32> = (0..80).map(|band| features[band * 100 + 50]).collect();
        let brightest = (0..80).max_by(|&a, &b| column[a].total_cmp(&column[b])).expect("bands");
        let (first, filter) = &mel.filters[brightest];
        let peak = first + (0..filter.len()).max_by(|&a, &b| filter[a].total_cmp(&filter[b])).expect("bins");
        assert!((peak as f32 * 40.0 - 1000.0).abs() <= 80.0, "band {brightest} peaks at bin {peak}");
    }
}
