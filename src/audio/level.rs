//! Measures how loud sound is, and brings speech to an even level before it is transcribed.

use super::resample::MODEL_HZ;

/// Below this, dBFS, a stretch is silence to us.
pub const FLOOR_DBFS: f32 = -90.0;
/// Level that speech is brought to, dBFS RMS.
const TARGET_DBFS: f32 = -20.0;
/// Never more than this, dB.
const MAX_GAIN_DB: f32 = 20.0;
/// Sound between words is not raised above this, dBFS RMS, because noise must not become speech.
const QUIET_DBFS: f32 = -45.0;

/// Root mean square in dB of full scale; [`FLOOR_DBFS`] for silence.
pub fn rms_dbfs(samples: &[f32]) -> f32 {
    if samples.is_empty() {
        return FLOOR_DBFS;
    }
    let mean = samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32;
    (10.0 * mean.max(1e-12).log10()).max(FLOOR_DBFS)
}

/// Highest sample in dB of full scale.
pub fn peak_dbfs(samples: &[f32]) -> f32 {
    let peak = samples.iter().fold(0.0_f32, |peak, x| peak.max(x.abs()));
    (20.0 * peak.max(1e-6).log10()).max(FLOOR_DBFS)
}

/// The loudest 50 ms of 16 kHz sound, dB of full scale: speech has such moments, and a click has not.
pub fn loudest_dbfs(samples: &[f32]) -> f32 {
    samples.chunks_exact(MODEL_HZ as usize / 20).map(rms_dbfs).fold(FLOOR_DBFS, f32::max)
}

/// The level below which a tenth of 16 kHz sound lies, in pieces of 50 ms, dBFS RMS: what is heard between words.
fn quiet_dbfs(samples: &[f32]) -> f32 {
    levels(samples).quiet
}

/// Distance between the loudest and the quietest tenth of 16 kHz sound, in pieces of 50 ms, dB: more than 20 where somebody speaks on a quiet line,
/// less where noise fills the pauses between words. 0 without any sound.
pub fn range_db(samples: &[f32]) -> f32 {
    let levels = levels(samples);
    levels.loud - levels.quiet
}

/// Levels below and above which a tenth of the sound lies, dBFS RMS.
struct Levels {
    quiet: f32,
    loud: f32,
}

fn levels(samples: &[f32]) -> Levels {
    let mut levels: Vec<f32> = samples.chunks_exact(MODEL_HZ as usize / 20).map(rms_dbfs).collect();
    levels.sort_by(f32::total_cmp);
    let at = |place: usize| levels.get(place).copied().unwrap_or(FLOOR_DBFS);
    Levels { quiet: at(levels.len() / 10), loud: at(levels.len() * 9 / 10) }
}

/// Raises quiet 16 kHz speech towards [`TARGET_DBFS`]. Never lowers, never clips, never raises by more than [`MAX_GAIN_DB`], nor the noise between words
/// above [`QUIET_DBFS`].
pub fn normalise(samples: &mut [f32]) {
    let room = (-1.0 - peak_dbfs(samples)).min(QUIET_DBFS - quiet_dbfs(samples));
    let gain = (TARGET_DBFS - rms_dbfs(samples)).min(room).clamp(0.0, MAX_GAIN_DB);
    let factor = 10_f32.powf(gain / 20.0);
    for sample in samples {
        *sample *= factor;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loudest_moment_is_of_speech_and_not_of_a_click() {
        let mut samples = vec![0.0; 16_000];
        samples[100] = 1.0;
        assert!(loudest_dbfs(&samples) < -25.0);
        samples[8000..9600].fill(0.1);
        assert!((loudest_dbfs(&samples) + 20.0).abs() < 0.1);
        assert_eq!(loudest_dbfs(&[]), FLOOR_DBFS);
    }

    #[test]
    fn what_fills_the_pauses_makes_the_range_small() {
        let mut line: Vec<f32> = (0..16_000).map(|n| if n % 8000 < 4000 { 0.001 } else { 0.1 }).collect();
        assert!((range_db(&line) - 40.0).abs() < 0.1);
        for sample in &mut line {
            *sample += 0.05;
        }
        assert!(range_db(&line) < 10.0);
        assert_eq!(range_db(&[]), 0.0);
    }

    #[test]
    fn quiet_speech_is_raised_but_loud_peaks_are_not_clipped() {
        let mut quiet = vec![0.01, -0.01, 0.01, -0.01];
        normalise(&mut quiet);
        assert!((rms_dbfs(&quiet) - TARGET_DBFS).abs() < 0.1);
        let mut peaky = vec![0.001; 1000];
        peaky[3] = 0.9;
        normalise(&mut peaky);
        assert!(peaky[3] <= 1.0);
        let mut noisy: Vec<f32> = (0..16_000_u16).map(|n| if n % 4000 < 2000 { 0.004 } else { 0.02 }).collect();
        normalise(&mut noisy);
        assert!((quiet_dbfs(&noisy) - QUIET_DBFS).abs() < 0.1, "{}", quiet_dbfs(&noisy));
        let mut silence = vec![0.0; 10];
        normalise(&mut silence);
        assert_eq!(silence, vec![0.0; 10]);
    }
}
