//! Voice activity detection: a probability of voice, 0 to 1, for every 16 ms of a leg.
//!
//! Silero's network gives it (`silero.rs`), with weights that come with the package or are fetched by `packaging/models/silero`. Without them earshot
//! does; it has a small network of its own, takes music for speech, and adds four times as much silence. Both were chosen by measurement: run
//! `cargo test --release vad_candidates -- --nocapture` for the table.

#[cfg(test)]
mod candidates;
pub mod silero;
pub mod weights;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use earshot::Detector;

use self::silero::{STEP, Silero, State};
use self::weights::{Weights, WeightsError};
use crate::audio::level::rms_dbfs;
use crate::audio::resample::MODEL_HZ;

/// Samples of 16 kHz per probability.
pub const FRAME: usize = 256;
/// Length of a frame, milliseconds.
pub const FRAME_MS: f64 = FRAME as f64 * 1000.0 / MODEL_HZ as f64;
/// A leg that begins at a multiple of this lies on the steps of every detector, milliseconds.
pub const GRID_MS: f64 = STEP as f64 * 1000.0 / MODEL_HZ as f64;

/// Value of `[utterance] voice_model` for the detector that needs no weights.
pub const EARSHOT: &str = "earshot";

/// A frame's verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VadFrame {
    /// Probability of voice, 0 to 1.
    pub voice: f32,
    /// RMS level, dB of full scale.
    pub level_dbfs: f32,
}

/// The detector of voice activity, shared by all legs.
#[derive(Clone)]
pub enum Voice {
    /// Silero's network.
    Silero {
        /// Silero's network with its weights.
        network: Arc<Silero>,
        /// File of the weights.
        path: PathBuf,
    },
    /// earshot.
    Earshot {
        /// Reason why earshot is used; `None` where the configuration asks for it.
        problem: Option<String>,
    },
}

impl Voice {
    /// The configured detector: a file of weights, or [`EARSHOT`]; by default the weights that are found. If they cannot be used it is earshot, with
    /// the reason.
    pub fn choose(named: Option<&str>) -> Self {
        let loaded = match named {
            Some(EARSHOT) => return Self::Earshot { problem: None },
            Some(path) => Weights::read(Path::new(path)),
            None => Weights::find(&Weights::places()),
        };
        loaded
            .and_then(|weights| Self::with(&weights))
            .unwrap_or_else(|error| Self::Earshot { problem: Some(error.to_string()) })
    }

    fn with(weights: &Weights) -> Result<Self, WeightsError> {
        Ok(Self::Silero { network: Arc::new(Silero::new(weights)?), path: weights.path().into() })
    }

    /// The detector's name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Silero { .. } => "silero",
            Self::Earshot { .. } => EARSHOT,
        }
    }

    /// The consequence of Silero being unusable, the reason, and the remedy.
    pub fn problem(&self) -> Option<String> {
        let Self::Earshot { problem: Some(problem) } = self else { return None };
        Some(format!(
            "voice is told by earshot alone, which takes music for speech: {problem}. Install the package lineside, run packaging/models/silero, or \
             name the file in [utterance] voice_model"
        ))
    }
}

impl std::fmt::Debug for Voice {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// One leg's own memory of a detector.
enum Ear {
    Silero(Arc<Silero>, Box<State>),
    Earshot(Box<Detector>),
}

impl Ear {
    /// Samples that it hears at a time.
    fn step(&self) -> usize {
        match self {
            Self::Silero(..) => STEP,
            Self::Earshot(_) => FRAME,
        }
    }

    fn hear(&mut self, sound: &[f32]) -> f32 {
        match self {
            Self::Silero(network, state) => sound.try_into().map_or(0.0, |step| network.hear(step, state)),
            Self::Earshot(detector) => detector.predict_f32(sound),
        }
    }
}

/// Listens to one leg; takes its samples at any rate.
pub struct LegVad {
    ear: Ear,
    step: f64,
    place: f64,
    /// The last four samples, the oldest first.
    near: [f32; 4],
    sound: Vec<f32>,
}

impl LegVad {
    /// A detector for a leg of this rate.
    pub fn new(rate_hz: u32, voice: &Voice) -> Self {
        let step = f64::from(rate_hz) / f64::from(MODEL_HZ);
        let ear = match voice {
            Voice::Silero { network, .. } => Ear::Silero(Arc::clone(network), Box::default()),
            Voice::Earshot { .. } => Ear::Earshot(Detector::default_boxed()),
        };
        let sound = Vec::with_capacity(ear.step());
        Self { ear, step, place: 0.0, near: [0.0; 4], sound }
    }

    /// Takes samples; tells every frame that they complete. Silero hears two frames at a time: both get its verdict.
    ///
    /// A cubic through four samples brings them to 16 kHz: close to what a proper filter gives (`vad_candidates` compares), at next to no cost,
    /// which counts with hundreds of legs.
    pub fn push(&mut self, samples: &[i16], mut tell: impl FnMut(VadFrame)) {
        for &sample in samples {
            self.near.rotate_left(1);
            self.near[3] = f32::from(sample) / 32768.0;
            while self.place < 1.0 {
                self.sound.push(between(self.near, self.place as f32));
                self.place += self.step;
                if self.sound.len() == self.ear.step() {
                    let voice = self.ear.hear(&self.sound);
                    for frame in self.sound.chunks(FRAME) {
                        tell(VadFrame { voice, level_dbfs: rms_dbfs(frame) });
                    }
                    self.sound.clear();
                }
            }
            self.place -= 1.0;
        }
    }
}

/// Catmull-Rom: the curve through the two samples in the middle, `place` (0 to 1) of the way between them.
fn between([a, b, c, d]: [f32; 4], place: f32) -> f32 {
    let curve = (b - c) * 3.0 + d - a;
    let bend = a * 2.0 - b * 5.0 + c * 4.0 - d;
    (b + 0.5 * place * (c - a + place * (bend + place * curve))).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_256_samples_of_16_khz_give_a_frame_at_any_rate() {
        for voice in [Voice::choose(None), Voice::choose(Some(EARSHOT))] {
            for rate in [8000, 16_000, 44_100, 48_000, 192_000] {
                let mut frames = 0;
                LegVad::new(rate, &voice).push(&vec![0; rate as usize], |_| frames += 1);
                assert_eq!(frames, 62, "{rate} Hz, {voice:?}");
            }
        }
    }

    #[test]
    fn without_weights_earshot_listens_and_says_why() {
        let voice = Voice::choose(Some("/nowhere/weights.bin"));
        assert_eq!(voice.name(), EARSHOT);
        let problem = voice.problem().expect("a problem");
        assert!(problem.contains("/nowhere/weights.bin") && problem.contains("[utterance] voice_model"), "{problem}");
        assert_eq!(Voice::choose(Some(EARSHOT)).problem(), None, "it was asked for");
    }
}
