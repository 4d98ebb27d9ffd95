//! The rise and fall of a recording's loudness. It identifies the same recording in another format.
//!
//! GSM, MP3 at 16 kbit/s and resampling change nearly every sample, but leave pauses and syllables where they were. Two calls are never that alike,
//! and neither are the two sides of one call.

/// Length of one step, milliseconds.
const STEP_MS: u64 = 50;
/// Sound below this, dBFS, is silence to every codec.
const FLOOR_DB: f64 = -50.0;
/// Steps by which a codec's delay and padding may move a sound.
const LAG: usize = 6;
/// Correlation from which on two recordings are one. Codecs leave 0.95 and more; two conversations stay below 0.5.
const ALIKE: f64 = 0.85;
/// Steps that must be there to tell: two seconds.
const LEAST: usize = 40;
/// A sound whose loudness differs by less than this, dB, has no rise and fall.
const FLAT_DB: f64 = 1.0;
/// Two such sounds are one when they are equally loud, within this, dB.
const EQUAL_DB: f64 = 3.0;

/// Mean square of a sound in each step; several channels are added.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Contour {
    powers: Vec<f64>,
}

impl Contour {
    /// The contour of one channel; a part of a step at the end counts as one.
    pub fn of(samples: &[i16], rate_hz: u32) -> Self {
        let step = (u64::from(rate_hz) * STEP_MS / 1000).max(1) as usize;
        let power = |piece: &[i16]| {
            piece.iter().map(|&sample| f64::from(sample).powi(2)).sum::<f64>()
                / piece.len() as f64
                / 32_768.0_f64.powi(2)
        };
        Self { powers: samples.chunks(step).map(power).collect() }
    }

    /// Adds a contour that was heard at the same time.
    pub fn add(&mut self, other: &Self) {
        if self.powers.len() < other.powers.len() {
            self.powers.resize(other.powers.len(), 0.0);
        }
        for (mine, theirs) in self.powers.iter_mut().zip(&other.powers) {
            *mine += theirs;
        }
    }

    /// Whether it has no steps.
    pub fn is_empty(&self) -> bool {
        self.powers.is_empty()
    }

    /// Whether there is enough of it to be known again by.
    pub fn tells(&self) -> bool {
        self.powers.len() >= LEAST
    }

    /// Whether as much of the two as there is of both is the same sound.
    pub fn is_like(&self, other: &Self) -> bool {
        let (one, two) = (self.decibels(), other.decibels());
        if one.len().min(two.len()) < LEAST {
            return false;
        }
        (0..=LAG).any(|lag| alike(&one[lag..], &two) || alike(&one, &two[lag..]))
    }

    fn decibels(&self) -> Vec<f64> {
        self.powers.iter().map(|power| (10.0 * power.max(1e-12).log10()).max(FLOOR_DB)).collect()
    }
}

fn alike(one: &[f64], two: &[f64]) -> bool {
    let count = one.len().min(two.len());
    let mean = |all: &[f64]| all[..count].iter().sum::<f64>() / count as f64;
    let (mean_one, mean_two) = (mean(one), mean(two));
    let (mut both, mut first, mut second) = (0.0, 0.0, 0.0);
    for (x, y) in one.iter().zip(two) {
        let (x, y) = (x - mean_one, y - mean_two);
        both += x * y;
        first += x * x;
        second += y * y;
    }
    let flat = |sum: f64| (sum / count as f64).sqrt() < FLAT_DB;
    match (flat(first), flat(second)) {
        (true, true) => (mean_one - mean_two).abs() < EQUAL_DB,
        (false, false) => both / (first * second).sqrt() >= ALIKE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Syllables and pauses of somebody, at a rate.
    fn talk(seed: u32, rate_hz: u32, seconds: u32) -> Vec<i16> {
        let mut state = seed;
        let mut next = move || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 16
        };
        let mut out = Vec::new();
        while out.len() < (rate_hz * seconds) as usize {
            let (length, level) =
                (rate_hz / 20 * (2 + next() % 8), if next() % 3 == 0 { 0 } else { 500 + next() % 9000 });
            out.extend((0..length).map(|i| {
                ((f64::from(i) / f64::from(rate_hz) * 300.0 * std::f64::consts::TAU).sin() * f64::from(level)) as i16
            }));
        }
        out
    }

    #[test]
    fn the_same_talk_is_known_at_another_rate_quieter_and_later_and_another_talk_is_another() {
        let here = Contour::of(&talk(1, 8000, 20), 8000);
        let rate = Contour::of(&talk(1, 16_000, 20), 16_000);
        let quieter: Vec<i16> = talk(1, 8000, 20).iter().map(|sample| sample / 3).collect();
        let later = [vec![0; 1100], talk(1, 8000, 20)].concat();
        assert!(
            here.is_like(&rate)
                && here.is_like(&Contour::of(&quieter, 8000))
                && here.is_like(&Contour::of(&later, 8000))
        );
        for seed in 2..60 {
            assert!(!here.is_like(&Contour::of(&talk(seed, 8000, 20), 8000)), "{seed}");
        }
    }

    #[test]
    fn two_sides_added_are_their_mix_and_neither_of_them_is() {
        let (agent, caller) = (talk(3, 8000, 20), talk(4, 8000, 20));
        let mix: Vec<i16> = agent.iter().zip(&caller).map(|(one, other)| one / 2 + other / 2).collect();
        let mix = Contour::of(&mix, 8000);
        let mut both = Contour::of(&agent, 8000);
        both.add(&Contour::of(&caller, 8000));
        assert!(mix.is_like(&both) && !mix.is_like(&Contour::of(&agent, 8000)));
    }

    #[test]
    fn too_little_tells_nothing_and_flat_sounds_are_told_by_their_loudness() {
        let flat = |level: i16| Contour::of(&vec![level; 80_000], 8000);
        assert!(flat(1000).is_like(&flat(1100)) && !flat(1000).is_like(&flat(3000)));
        assert!(!flat(1000).is_like(&Contour::of(&talk(1, 8000, 20), 8000)));
        assert!(!Contour::of(&[1000; 8000], 8000).is_like(&flat(1000)));
    }
}
