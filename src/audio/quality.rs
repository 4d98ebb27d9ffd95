//! The quality of a leg's sound, in figures that an admin can act on.

use serde::Serialize;

use super::level::{peak_dbfs, rms_dbfs};
use super::to_f32;

/// Quality of one leg. Levels in dB of full scale; shares from 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Quality {
    /// Mean level, dBFS.
    pub rms_dbfs: f32,
    /// Level of the loudest sample, dB of full scale.
    pub peak_dbfs: f32,
    /// Share of samples at full scale, 0 to 1.
    pub clipped: f32,
    /// Share of 20 ms frames below -60 dBFS, 0 to 1.
    pub silent: f32,
    /// Level of the loud frames (95th percentile) over that of the quiet ones (10th), dB.
    pub snr_db: f32,
}

/// Measures a leg, or a piece of it.
pub fn measure(samples: &[i16], rate_hz: u32) -> Quality {
    let sound = to_f32(samples);
    let frame = (rate_hz / 50).max(1) as usize;
    let mut levels: Vec<f32> = sound.chunks(frame).map(rms_dbfs).collect();
    levels.sort_by(f32::total_cmp);
    let at =
        |share: f32| levels.get((levels.len() as f32 * share) as usize).copied().unwrap_or(super::level::FLOOR_DBFS);
    let count = |hit: usize, all: usize| if all == 0 { 0.0 } else { hit as f32 / all as f32 };
    let clipped = samples.iter().filter(|sample| sample.unsigned_abs() >= 32767).count();
    let silent = levels.iter().filter(|&&level| level < -60.0).count();
    Quality {
        rms_dbfs: rms_dbfs(&sound),
        peak_dbfs: peak_dbfs(&sound),
        clipped: count(clipped, samples.len()),
        silent: count(silent, levels.len()),
        snr_db: at(0.95) - at(0.10),
    }
}

/// Relation of two legs of one recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Pairing {
    /// Two different voices, as it should be.
    Separate,
    /// The same sound twice: a mono call stored as stereo.
    SameSound,
    /// The first leg is silence all through.
    FirstSilent,
    /// The second leg is silence all through.
    SecondSilent,
}

/// Judges a pair of legs by their sound: ViciDial's `-in` holds the whole mix and its `-out` nothing, whatever their names say.
pub fn pairing(first: &[i16], second: &[i16]) -> Pairing {
    let quiet = |samples: &[i16]| samples.iter().all(|sample| sample.unsigned_abs() < 33); // -60 dBFS
    match (quiet(first), quiet(second)) {
        (false, true) => return Pairing::SecondSilent,
        (true, false) => return Pairing::FirstSilent,
        _ => {}
    }
    let (mut dot, mut a, mut b) = (0.0, 0.0, 0.0);
    for (&x, &y) in first.iter().zip(second) {
        let (x, y) = (f64::from(x), f64::from(y));
        dot += x * y;
        a += x * x;
        b += y * y;
    }
    if a > 0.0 && b > 0.0 && dot / (a * b).sqrt() > 0.98 { Pairing::SameSound } else { Pairing::Separate }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mono_stored_as_stereo_and_a_silent_side_are_told_apart() {
        let voice: Vec<i16> = (0..8000_i32).map(|i| ((i * 37 % 2001) - 1000) as i16).collect();
        let other: Vec<i16> = (0..8000_i32).map(|i| ((i * 91 % 1777) - 888) as i16).collect();
        assert_eq!(pairing(&voice, &voice), Pairing::SameSound);
        assert_eq!(pairing(&voice, &[0; 8000]), Pairing::SecondSilent);
        assert_eq!(pairing(&voice, &other), Pairing::Separate);
    }

    #[test]
    fn clipping_and_silence_are_shares() {
        let quality = measure(&[i16::MAX, i16::MAX, 0, 0], 100);
        assert!((quality.clipped - 0.5).abs() < 1e-6);
        assert!((quality.silent - 0.5).abs() < 1e-6);
    }
}
