//! Who speaks when: a probability of voice for every 16 ms of a leg.
//!
//! earshot carries its own small network. Chosen by measurement on the two AMI minutes (30 s each, four speakers, `ami-tst.rttm`): run
//! `cargo test --release vad_candidates -- --nocapture` for the table; README and CHANGELOG quote none of it.

use earshot::Detector;

use crate::audio::resample::MODEL_HZ;

/// Samples of 16 kHz per probability.
pub const FRAME: usize = 256;
/// Length of a frame, milliseconds.
pub const FRAME_MS: f64 = FRAME as f64 * 1000.0 / MODEL_HZ as f64;

/// A frame's verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Probability of voice, 0 to 1.
    pub voice: f32,
    /// RMS level, dB of full scale.
    pub level_dbfs: f32,
}

/// Listens to one leg; takes its samples at any rate.
pub struct VoiceDetector {
    detector: Box<Detector>,
    step: f64,
    place: f64,
    /// The last four samples, the oldest first.
    near: [f32; 4],
    frame: Vec<f32>,
}

impl VoiceDetector {
    /// A detector for a leg of this rate.
    pub fn new(rate_hz: u32) -> Self {
        let step = f64::from(rate_hz) / f64::from(MODEL_HZ);
        Self { detector: Detector::default_boxed(), step, place: 0.0, near: [0.0; 4], frame: Vec::with_capacity(FRAME) }
    }

    /// Takes samples; tells every frame that they complete.
    ///
    /// A cubic through four samples brings them to 16 kHz: close to what a proper filter gives (`vad_candidates` compares), at next to no cost,
    /// which counts with hundreds of legs.
    pub fn push(&mut self, samples: &[i16], mut tell: impl FnMut(Frame)) {
        for &sample in samples {
            self.near.rotate_left(1);
            self.near[3] = f32::from(sample) / 32768.0;
            while self.place < 1.0 {
                self.frame.push(between(self.near, self.place as f32));
                self.place += self.step;
                if self.frame.len() == FRAME {
                    let level_dbfs = crate::audio::level::rms_dbfs(&self.frame);
                    tell(Frame { voice: self.detector.predict_f32(&self.frame), level_dbfs });
                    self.frame.clear();
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
    use crate::audio::reader::RecordingReader;
    use crate::audio::resample::resample;
    use crate::audio::to_f32;
    use std::path::Path;

    #[test]
    fn every_256_samples_of_16_khz_give_a_frame_at_any_rate() {
        for rate in [8000, 16_000, 44_100, 48_000, 192_000] {
            let mut frames = 0;
            VoiceDetector::new(rate).push(&vec![0; rate as usize], |_| frames += 1);
            assert_eq!(frames, 62, "{rate} Hz");
        }
    }

    /// Seconds of speech missed and of silence taken for speech, by frames of 10 ms.
    fn errors(truth: &[bool], heard: impl Fn(f64) -> bool) -> (f64, f64) {
        let (mut miss, mut alarm) = (0.0, 0.0);
        for (i, &speech) in truth.iter().enumerate() {
            match (speech, heard(i as f64 * 0.01)) {
                (true, false) => miss += 0.01,
                (false, true) => alarm += 0.01,
                _ => {}
            }
        }
        (miss, alarm)
    }

    /// Endpointing evens out every candidate alike: speech holds on for 300 ms after its last voiced frame.
    fn held(voiced: &[bool], frame_s: f64) -> impl Fn(f64) -> bool + '_ {
        move |t| {
            let end = (t / frame_s) as usize;
            let begin = ((t - 0.3).max(0.0) / frame_s) as usize;
            voiced.get(begin..=end.min(voiced.len() - 1)).is_some_and(|frames| frames.contains(&true))
        }
    }

    #[test]
    fn vad_candidates() {
        let shared = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared");
        let Ok(rttm) = std::fs::read_to_string(shared.join("audio/ami-tst.rttm")) else {
            eprintln!("skipped: no recordings with marked speech here");
            return;
        };
        println!("{:<34}{:>10}{:>14}", "candidate (60 s of meetings)", "miss s", "false alarm s");
        let mut table: Vec<(String, f64, f64)> = Vec::new();
        for name in ["ami-tst00", "ami-tst01"] {
            let mut reader = RecordingReader::open(&shared.join(format!("audio/{name}.wav"))).expect("recording");
            let mut samples = Vec::new();
            reader.read_samples(0, 0, usize::MAX, &mut samples).expect("samples");
            let mut truth = vec![false; samples.len() / 160];
            let id = name.trim_start_matches("ami-");
            for line in rttm.lines() {
                let field: Vec<&str> = line.split_whitespace().collect();
                if field.len() > 4 && field[1].contains(id) {
                    let begin = field[3].parse::<f64>().expect("start") * 100.0;
                    let end = begin + field[4].parse::<f64>().expect("length") * 100.0;
                    let last = truth.len();
                    truth[(begin as usize).min(last)..(end as usize).min(last)].fill(true);
                }
            }
            assert!(truth.contains(&true), "{name} has marked speech");
            let sound = to_f32(&samples);
            let narrow = resample(&sound, 16_000, 8000);
            let eight: Vec<i16> = narrow.iter().map(|x| (x * 32767.0) as i16).collect();
            let mut frames = Vec::new();
            VoiceDetector::new(16_000).push(&samples, |frame| frames.push(frame));
            let mut frames8 = Vec::new();
            VoiceDetector::new(8000).push(&eight, |frame| frames8.push(frame));
            let filtered: Vec<i16> = resample(&narrow, 8000, 16_000).iter().map(|x| (x * 32767.0) as i16).collect();
            let mut frames_filtered = Vec::new();
            VoiceDetector::new(16_000).push(&filtered, |frame| frames_filtered.push(frame));
            let mut add = |label: String, voiced: &[bool], frame_s: f64| {
                let (miss, alarm) = errors(&truth, held(voiced, frame_s));
                match table.iter_mut().find(|row| row.0 == label) {
                    Some(row) => (row.1, row.2) = (row.1 + miss, row.2 + alarm),
                    None => table.push((label, miss, alarm)),
                }
            };
            for threshold in [0.3, 0.4, 0.5, 0.6] {
                for (label, frames) in [
                    ("earshot 16 kHz", &frames),
                    ("earshot 8 kHz cubic", &frames8),
                    ("earshot 8 kHz filtered", &frames_filtered),
                ] {
                    let voiced: Vec<bool> = frames.iter().map(|frame| frame.voice > threshold).collect();
                    add(format!("{label} > {threshold}"), &voiced, FRAME_MS / 1000.0);
                }
            }
            for above in [6.0, 9.0, 12.0] {
                let mut levels: Vec<f32> = frames.iter().map(|frame| frame.level_dbfs).collect();
                levels.sort_by(f32::total_cmp);
                let floor = levels[levels.len() / 10];
                let voiced: Vec<bool> = frames.iter().map(|frame| frame.level_dbfs > floor + above).collect();
                add(format!("energy, floor + {above} dB"), &voiced, FRAME_MS / 1000.0);
            }
            let silero = shared.join("models/silero-v6.2.0-ggml.bin");
            let mut params = whisper_rs::WhisperVadContextParams::new();
            params.set_n_threads(1);
            if let Ok(mut vad) = whisper_rs::WhisperVadContext::new(&silero.display().to_string(), params)
                && vad.detect_speech(&sound).is_ok()
            {
                let voiced: Vec<bool> = vad.probabilities().iter().map(|&p| p > 0.5).collect();
                add("Silero 6.2 (whisper.cpp) > 0.5".into(), &voiced, 0.032);
            }
        }
        for (label, miss, alarm) in &table {
            println!("{label:<34}{miss:>10.2}{alarm:>14.2}");
        }
        let row = |label: &str| table.iter().find(|row| row.0 == label).map(|row| row.1 + row.2).expect("row");
        // The choice holds as long as it beats plain energy on both minutes together.
        assert!(row("earshot 8 kHz cubic > 0.5") < row("energy, floor + 9 dB"));
    }
}
