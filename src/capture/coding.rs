//! What the bytes of an AudioSocket connection are: 16-bit samples as the frame's type says, or G.711 under that label.
//!
//! Asterisk's chan_audiosocket labels every codec but slin with 0x10, so `AudioSocket/…/c(ulaw)` sends mu-law there. The length of a frame tells
//! nothing: 160 bytes are 20 ms of mu-law or 10 ms of 16-bit samples. The sound tells it. In voice and tones each sample can be predicted from those
//! before it; read with the wrong coding they are noise. So the coding whose samples are easier to predict wins. Where neither is, the label wins.
//!
//! A payload of an odd length is half a sample too long or too short: its last byte belongs to the next frame, or to nobody. Read the wrong way
//! everything behind it is noise, so the smoother of the two counts.
//!
//! Nothing is refused here, and nothing waits for long: only sound that may be either is held, for 100 ms at most.

use audio_codec_algorithms::{decode_alaw, decode_ulaw};

/// Only frames of this rate can be G.711 in truth.
const G711_HZ: u32 = 8000;
/// Bytes of sound that suffice to tell the codings apart: 100 ms of 16-bit samples, 200 ms of G.711.
const ENOUGH: usize = 1600;
/// Sound is held no longer than this, milliseconds.
const HELD_MS: i64 = 100;
/// Bytes of sound after which the coding no longer changes.
const SETTLED: usize = 16_000;
/// Mean square of what is no sound: -60 dBFS.
const QUIET: f64 = 32.8 * 32.8;
/// A reading with up to this share of unpredictable energy is right, whatever the others give. Voice has 0.02 to 0.3, its hissing sounds 0.5.
const CLEAR: f64 = 0.1;
/// One of two readings is right when the other's share is this many times as large.
const CLEARER: f64 = 2.0;
/// A payload of fewer bytes does not tell where its samples begin.
const ALIGNED: usize = 32;

/// Coding of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// 16-bit, little endian.
    Linear,
    /// G.711 mu-law.
    Ulaw,
    /// G.711 A-law.
    Alaw,
}

impl Coding {
    /// Its name, as people say it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Linear => "16-bit",
            Self::Ulaw => "mu-law",
            Self::Alaw => "A-law",
        }
    }
}

/// An oddity of a connection's sound, reported once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// It is coded otherwise than its label says.
    Coded(Coding),
    /// A payload had an odd number of bytes.
    OddPayload(usize),
}

/// Makes samples of the payloads of one connection.
#[derive(Debug)]
pub struct Decoder {
    coding: Coding,
    /// Bytes of sound that agreed with the coding.
    agreed: usize,
    settled: bool,
    /// The first byte of a 16-bit sample whose second byte has not come yet.
    half: Option<u8>,
    /// Payloads that may be either, with when they came, milliseconds.
    held: Vec<(Vec<u8>, i64)>,
    last: i16,
    odd_said: bool,
    oddities: Vec<Oddity>,
}

/// Samples, and when they came.
type Timed = (Vec<i16>, i64);

impl Decoder {
    /// A decoder of sound at this rate, Hz.
    pub fn new(rate_hz: u32) -> Self {
        Self {
            coding: Coding::Linear,
            agreed: 0,
            settled: rate_hz != G711_HZ,
            half: None,
            held: Vec::new(),
            last: 0,
            odd_said: false,
            oddities: Vec::new(),
        }
    }

    /// A payload came at `at_ms`: what there is to write now, in order.
    pub fn take(&mut self, payload: Vec<u8>, at_ms: i64) -> Vec<Timed> {
        if payload.len() % 2 == 1 && !self.odd_said && self.coding == Coding::Linear {
            self.odd_said = true;
            self.oddities.push(Oddity::OddPayload(payload.len()));
        }
        if self.settled {
            return vec![(self.decode(&payload), at_ms)];
        }
        if self.held.is_empty() && self.agrees(&payload) {
            return vec![(self.decode(&payload), at_ms)];
        }
        self.held.push((payload, at_ms));
        let since = self.held.first().map_or(at_ms, |first| first.1);
        let bytes: usize = self.held.iter().map(|(payload, _)| payload.len()).sum();
        if bytes >= ENOUGH || at_ms - since >= HELD_MS { self.release() } else { Vec::new() }
    }

    /// Judges and returns the held sound without waiting for more.
    pub fn release(&mut self) -> Vec<Timed> {
        let held = std::mem::take(&mut self.held);
        let all: Vec<u8> = held.iter().flat_map(|(payload, _)| payload).copied().collect();
        if let Verdict::Otherwise(coding) = judge(&all, self.coding) {
            self.coding = coding;
            self.agreed = 0;
            self.half = None;
            self.oddities.push(Oddity::Coded(coding));
        }
        self.agree(all.len());
        held.into_iter().map(|(payload, at_ms)| (self.decode(&payload), at_ms)).collect()
    }

    /// Whether its sound is believed to be 16-bit samples.
    pub fn is_linear(&self) -> bool {
        self.coding == Coding::Linear
    }

    /// Oddities since the last call of this function.
    pub fn oddities(&mut self) -> Vec<Oddity> {
        std::mem::take(&mut self.oddities)
    }

    /// Whether a payload is silence, or plainly coded as it is believed to be.
    fn agrees(&mut self, payload: &[u8]) -> bool {
        let verdict = judge(payload, self.coding);
        if verdict == Verdict::AsBelieved {
            self.agree(payload.len());
        }
        matches!(verdict, Verdict::AsBelieved | Verdict::Silence)
    }

    fn agree(&mut self, bytes: usize) {
        self.agreed += bytes;
        self.settled |= self.agreed >= SETTLED;
    }

    fn decode(&mut self, payload: &[u8]) -> Vec<i16> {
        if self.coding != Coding::Linear {
            return decoded(payload, self.coding);
        }
        let carried: Vec<u8> = self.half.take().into_iter().chain(payload.iter().copied()).collect();
        let mut bytes = &carried[..];
        // The frame before has left half a sample: it continues here, or it was one byte too many.
        if carried.len() > payload.len()
            && payload.len() >= ALIGNED
            && roughness(self.last, payload) < roughness(self.last, &carried)
        {
            bytes = payload;
        }
        if bytes.len() % 2 == 1 {
            self.half = bytes.last().copied();
        }
        let samples = decoded(bytes, Coding::Linear);
        self.last = samples.last().copied().unwrap_or(self.last);
        samples
    }
}

/// Decodes bytes; half a sample at the end is left out.
fn decoded(bytes: &[u8], coding: Coding) -> Vec<i16> {
    match coding {
        Coding::Linear => bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect(),
        Coding::Ulaw => bytes.iter().map(|&byte| decode_ulaw(byte)).collect(),
        Coding::Alaw => bytes.iter().map(|&byte| decode_alaw(byte)).collect(),
    }
}

/// Mean step from sample to sample of 16-bit sound.
fn roughness(last: i16, bytes: &[u8]) -> u64 {
    let (mut last, mut sum, mut count) = (i64::from(last), 0, 0);
    for pair in bytes.chunks_exact(2) {
        let sample = i64::from(i16::from_le_bytes([pair[0], pair[1]]));
        sum += (sample - last).unsigned_abs();
        count += 1;
        last = sample;
    }
    sum / count.max(1)
}

/// The share of a sound's energy that does not follow from the two samples before (linear prediction of the second order), 0 to 1, and its mean
/// square; `None` for silence.
fn noise(samples: &[i16]) -> Option<(f64, f64)> {
    let count = samples.len() as f64;
    let mean = samples.iter().map(|&sample| f64::from(sample)).sum::<f64>() / count.max(1.0);
    let at = |i: usize| f64::from(samples[i]) - mean;
    let product = |lag: usize| (lag..samples.len()).map(|i| at(i) * at(i - lag)).sum::<f64>();
    let energy = product(0);
    if samples.len() < 8 || energy / count < QUIET {
        return None;
    }
    let (one, two) = (product(1) / energy, product(2) / energy);
    let reflected = (two - one * one) / (1.0 - one * one).max(1e-9);
    let share = (1.0 - one * one) * (1.0 - reflected * reflected);
    Some((share.clamp(0.0, 1.0), energy / count))
}

/// Verdict on bytes that were taken for one coding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Silence, which fits every coding.
    Silence,
    /// Clearly the coding that was assumed.
    AsBelieved,
    /// Clearly this other coding.
    Otherwise(Coding),
    /// It could be either.
    Unclear,
}

fn judge(bytes: &[u8], believed: Coding) -> Verdict {
    /// A quiet line in G.711 that is read as 16-bit samples has at least this many times its true power.
    const LOUDER: f64 = 400.0;
    let by = |coding| noise(&decoded(bytes, coding));
    let Some((share, power)) = by(believed) else { return Verdict::Silence };
    if share < CLEAR {
        return Verdict::AsBelieved;
    }
    let others = [Coding::Linear, Coding::Ulaw, Coding::Alaw].into_iter().filter(|&other| other != believed);
    let read = others.filter_map(|other| match by(other) {
        Some((_, quiet)) if other != Coding::Linear && quiet * LOUDER < power => Some((other, 0.0)),
        Some((share, _)) => Some((other, share)),
        None => (other != Coding::Linear).then_some((other, 0.0)),
    });
    match read.min_by(|one, two| one.1.total_cmp(&two.1)) {
        Some((other, less)) if less * CLEARER < share => Verdict::Otherwise(other),
        Some((_, more)) if share * CLEARER > more => Verdict::Unclear,
        _ => Verdict::AsBelieved,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Something like a voice: a fundamental that glides, its harmonics, a little breath, pauses.
    fn voice(samples: usize, level: f64) -> Vec<i16> {
        let (mut phase, mut seed) = (0.0_f64, 7_u32);
        (0..samples)
            .map(|i| {
                let seconds = i as f64 / 8000.0;
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let breath = (f64::from(seed >> 16) / 32_768.0 - 1.0) * 0.02;
                phase += (120.0 + 40.0 * (seconds * 3.0).sin()) / 8000.0 * std::f64::consts::TAU;
                let tone: f64 = (1..=20).map(|n| (phase * f64::from(n)).sin() / f64::from(n)).sum::<f64>() / 2.0;
                let speaks = (seconds * 2.0).sin() > -0.3;
                ((if speaks { tone } else { 0.0 } + breath) * level) as i16
            })
            .collect()
    }

    fn linear(samples: &[i16]) -> Vec<u8> {
        samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
    }

    fn ulaw(samples: &[i16]) -> Vec<u8> {
        samples.iter().map(|&sample| audio_codec_algorithms::encode_ulaw(sample)).collect()
    }

    fn alaw(samples: &[i16]) -> Vec<u8> {
        samples.iter().map(|&sample| audio_codec_algorithms::encode_alaw(sample)).collect()
    }

    /// All samples that come of a stream in payloads of these lengths, 20 ms apart.
    fn all(decoder: &mut Decoder, stream: &[u8], lens: &[usize]) -> Vec<i16> {
        let (mut rest, mut out, mut at) = (stream, Vec::new(), 0);
        for len in lens.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (now, later) = rest.split_at((*len).min(rest.len()));
            out.extend(decoder.take(now.to_vec(), at).into_iter().flat_map(|(samples, _)| samples));
            (rest, at) = (later, at + 20);
        }
        out.extend(decoder.release().into_iter().flat_map(|(samples, _)| samples));
        out
    }

    /// Share of samples that are far from what they should be.
    fn wrong(got: &[i16], meant: &[i16]) -> f64 {
        let far = got.iter().zip(meant).filter(|(got, meant)| got.abs_diff(**meant) > 1000).count();
        (far + got.len().abs_diff(meant.len())) as f64 / meant.len() as f64
    }

    #[test]
    fn sound_is_read_as_what_it_is_whatever_the_length_of_its_frames() {
        for level in [300.0, 3000.0, 20_000.0] {
            let meant = voice(40_000, level);
            for len in [80, 160, 240, 320, 640] {
                for (coding, stream) in
                    [(Coding::Linear, linear(&meant)), (Coding::Ulaw, ulaw(&meant)), (Coding::Alaw, alaw(&meant))]
                {
                    let mut decoder = Decoder::new(8000);
                    let got = all(&mut decoder, &stream, &[len]);
                    let share = wrong(&got, &meant);
                    assert_eq!((decoder.coding, got.len()), (coding, meant.len()), "frames of {len}, level {level}");
                    assert!(share < 0.005, "{coding:?} in frames of {len}, level {level}: {share} of it is wrong");
                    let said = decoder.oddities();
                    assert_eq!(said.is_empty(), coding == Coding::Linear, "{said:?}");
                }
            }
        }
    }

    #[test]
    fn an_odd_byte_is_carried_over_or_left_out_as_the_sound_goes_on() {
        let meant = voice(40_000, 8000.0);
        let stream = linear(&meant);
        // The stream is cut anywhere.
        for lens in [&[321, 319][..], &[321], &[319], &[1, 320, 3]] {
            let mut decoder = Decoder::new(8000);
            let got = all(&mut decoder, &stream, lens);
            assert!(wrong(&got, &meant) < 0.001, "{lens:?}: {}", wrong(&got, &meant));
            assert_eq!(decoder.oddities().len(), 1);
        }
        // Each frame is a whole one with a byte too many, or with one that is missing.
        for (frame_len, noted) in [(321, 160), (319, 159)] {
            let frames = meant.chunks_exact(160).map(|frame| {
                let mut bytes = linear(frame);
                bytes.resize(frame_len, 0x5a);
                bytes
            });
            let mut decoder = Decoder::new(8000);
            let mut got = Vec::new();
            for (number, frame) in frames.enumerate() {
                got.extend(decoder.take(frame, number as i64 * 20).into_iter().flat_map(|(samples, _)| samples));
            }
            let kept: Vec<i16> = meant.chunks_exact(160).flat_map(|frame| &frame[..noted]).copied().collect();
            assert!(wrong(&got, &kept) < 0.05, "{frame_len}: {}", wrong(&got, &kept));
        }
    }

    #[test]
    fn silence_noise_and_other_rates_are_what_their_label_says() {
        let mut seed = 1_u32;
        let noise: Vec<u8> = (0..40_000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        for (rate_hz, stream) in [(8000, vec![0; 32_000]), (8000, noise), (16_000, ulaw(&voice(40_000, 8000.0)))] {
            let mut decoder = Decoder::new(rate_hz);
            assert_eq!(all(&mut decoder, &stream, &[160]), decoded(&stream, Coding::Linear));
            assert_eq!(decoder.oddities(), []);
        }
    }

    #[test]
    fn a_quiet_line_in_mu_law_is_not_loud_noise() {
        let mut seed = 1_u32;
        let hiss: Vec<i16> = (0..8000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 28) as i16 - 8
            })
            .collect();
        let got = all(&mut Decoder::new(8000), &ulaw(&hiss), &[160]);
        assert!(got.iter().all(|sample| sample.abs() < 100), "{:?}", got.iter().max());
    }

    proptest! {
        #[test]
        fn a_tone_is_read_as_it_is_labelled(hz in 50.0..3800.0_f64, level in 100.0..32_000.0_f64, len in 40_usize..200) {
            let tone: Vec<i16> = (0..16_000).map(|i| ((f64::from(i) * hz / 8000.0 * std::f64::consts::TAU).sin() * level) as i16).collect();
            let mut decoder = Decoder::new(8000);
            let got = all(&mut decoder, &linear(&tone), &[len * 2]);
            prop_assert_eq!(decoder.coding, Coding::Linear);
            prop_assert_eq!(got, tone);
        }

        #[test]
        fn nothing_is_lost_or_invented_whatever_comes(
            payloads in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..400), 0..60),
        ) {
            let mut decoder = Decoder::new(8000);
            let mut got = 0;
            for (number, payload) in payloads.iter().enumerate() {
                got += decoder.take(payload.clone(), number as i64 * 20).iter().map(|(samples, _)| samples.len()).sum::<usize>();
            }
            got += decoder.release().iter().map(|(samples, _)| samples.len()).sum::<usize>();
            let bytes: usize = payloads.iter().map(Vec::len).sum();
            prop_assert!(got <= bytes && got * 2 + payloads.len() >= bytes.saturating_sub(1), "{} of {}", got, bytes);
        }
    }
}
