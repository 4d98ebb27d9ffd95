//! GSM 06.10 full-rate decoder (ETSI EN 300 961, sections 4.3 and 5.3), for MixMonitor's `.gsm` and `.WAV`.
//!
//! 160 samples of 8 kHz per frame of 260 bits. The registry has no decoder for it, so it is written here from the standard's recursion, in the
//! standard's 16-bit saturating arithmetic; names in comments are the standard's.

/// Samples per frame.
pub const FRAME: usize = 160;
/// Bytes of a frame in a `.gsm` file: a nibble 0xD, then 260 bits, most significant first.
pub const BYTES: usize = 33;
/// Bytes of two frames as Microsoft packs them in RIFF: 520 bits, least significant first.
pub const BYTES_MS: usize = 65;

/// A decoder carries the last frame's filters: decode in order.
#[derive(Clone, Debug)]
pub struct GsmDecoder {
    residual: [i16; 120],
    last_lag: usize,
    last_lar: [i16; 8],
    lattice: [i16; 9],
    emphasis: i16,
}

impl Default for GsmDecoder {
    fn default() -> Self {
        Self { residual: [0; 120], last_lag: 40, last_lar: [0; 8], lattice: [0; 9], emphasis: 0 }
    }
}

struct Frame {
    lar: [i16; 8],
    parts: [Part; 4],
}

/// One sub-frame of 40 samples: lag and gain of the long-term predictor, and the regular pulses.
#[derive(Default, Clone, Copy)]
struct Part {
    lag: i16,
    gain: i16,
    grid: i16,
    block_max: i16,
    pulses: [i16; 13],
}

/// Bits of the eight coded log area ratios, then those of a sub-frame's fields.
const LAR_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];

impl GsmDecoder {
    /// Decodes a frame of a `.gsm` file; `None` when its mark is not 0xD.
    pub fn frame(&mut self, bytes: &[u8; BYTES]) -> Option<[i16; FRAME]> {
        if bytes[0] >> 4 != 0xd {
            return None;
        }
        let mut place = 4;
        let frame = read_frame(|bits| {
            let value =
                (place..place + bits).fold(0, |value, bit| value << 1 | u16::from(bytes[bit / 8] >> (7 - bit % 8) & 1));
            place += bits;
            value as i16
        });
        Some(self.decode(&frame))
    }

    /// Decodes the two frames of a block of a `.WAV` file.
    pub fn block_ms(&mut self, bytes: &[u8; BYTES_MS]) -> [i16; 2 * FRAME] {
        let mut place = 0;
        let mut field = |bits: usize| {
            let value = (0..bits)
                .fold(0, |value, bit| value | u16::from(bytes[(place + bit) / 8] >> ((place + bit) % 8) & 1) << bit);
            place += bits;
            value as i16
        };
        let (first, second) = (read_frame(&mut field), read_frame(&mut field));
        let mut out = [0; 2 * FRAME];
        out[..FRAME].copy_from_slice(&self.decode(&first));
        out[FRAME..].copy_from_slice(&self.decode(&second));
        out
    }

    fn decode(&mut self, frame: &Frame) -> [i16; FRAME] {
        let mut excitation = [0; FRAME];
        for (part, out) in frame.parts.iter().zip(excitation.chunks_exact_mut(40)) {
            out.copy_from_slice(&self.long_term(part));
        }
        let lar = decode_lar(&frame.lar);
        let mut out = self.short_term(&lar, &excitation);
        self.last_lar = lar;
        for sample in &mut out {
            // De-emphasis, upscaling, truncation (5.3.5 to 5.3.7).
            self.emphasis = sample.saturating_add(mult_r(self.emphasis, 28180));
            *sample = self.emphasis.saturating_add(self.emphasis) & !7;
        }
        out
    }

    /// RPE decoding and long-term synthesis (5.3.1, 5.3.2).
    fn long_term(&mut self, part: &Part) -> [i16; 40] {
        const GAIN: [i16; 4] = [3277, 11469, 21299, 32767];
        let mut out = pulses(part);
        let lag = usize::try_from(part.lag).ok().filter(|lag| (40..=120).contains(lag)).unwrap_or(self.last_lag);
        self.last_lag = lag;
        for (k, sample) in out.iter_mut().enumerate() {
            *sample = sample.saturating_add(mult_r(GAIN[part.gain as usize & 3], self.residual[120 - lag + k]));
        }
        self.residual.copy_within(40.., 0);
        self.residual[80..].copy_from_slice(&out);
        out
    }

    /// Short-term synthesis: a lattice filter whose coefficients move over the first 40 samples (5.3.3, 5.3.4).
    fn short_term(&mut self, lar: &[i16; 8], excitation: &[i16; FRAME]) -> [i16; FRAME] {
        let mut out = [0; FRAME];
        let mut begin = 0;
        for (step, end) in [13, 27, 40, FRAME].into_iter().enumerate() {
            let mut reflection = [0; 8];
            for i in 0..8 {
                let (old, new) = (self.last_lar[i], lar[i]);
                reflection[i] = reflection_of(match step {
                    0 => (old >> 2).saturating_add(new >> 2).saturating_add(old >> 1),
                    1 => (old >> 1).saturating_add(new >> 1),
                    2 => (old >> 2).saturating_add(new >> 2).saturating_add(new >> 1),
                    _ => new,
                });
            }
            for k in begin..end {
                let mut sample = excitation[k];
                for i in (0..8).rev() {
                    sample = sample.saturating_sub(mult_r(reflection[i], self.lattice[i]));
                    self.lattice[i + 1] = self.lattice[i].saturating_add(mult_r(reflection[i], sample));
                }
                self.lattice[0] = sample;
                out[k] = sample;
            }
            begin = end;
        }
        out
    }
}

fn read_frame(mut field: impl FnMut(usize) -> i16) -> Frame {
    let lar = LAR_BITS.map(|bits| field(bits as usize));
    let parts = [(); 4].map(|()| {
        let mut part = Part { lag: field(7), gain: field(2), grid: field(2), block_max: field(6), ..Part::default() };
        part.pulses = part.pulses.map(|_| field(3));
        part
    });
    Frame { lar, parts }
}

/// Inverse APCM and grid positioning: 13 pulses every third sample.
fn pulses(part: &Part) -> [i16; 40] {
    /// Normalised direct mantissa, table 4.6.
    const MANTISSA: [i16; 8] = [18431, 20479, 22527, 24575, 26623, 28671, 30719, 32767];
    let mut exponent = if part.block_max > 15 { (part.block_max >> 3) - 1 } else { 0 };
    let mut mantissa = part.block_max - (exponent << 3);
    if mantissa == 0 {
        exponent = -4;
        mantissa = 7;
    } else {
        while mantissa <= 7 {
            mantissa = mantissa << 1 | 1;
            exponent -= 1;
        }
        mantissa -= 8;
    }
    let factor = MANTISSA[mantissa as usize & 7];
    let shift = 6 - exponent;
    let round = if shift > 0 { 1_i16 << (shift - 1) } else { 0 };
    let mut out = [0; 40];
    for (i, &pulse) in part.pulses.iter().enumerate() {
        let value = mult_r(factor, (pulse * 2 - 7) << 12).saturating_add(round);
        out[part.grid as usize + 3 * i] = if shift > 0 { value >> shift } else { value };
    }
    out
}

/// Decoding of the log area ratios (5.2.8, table 4.1).
fn decode_lar(coded: &[i16; 8]) -> [i16; 8] {
    const OFFSET: [i16; 8] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
    const LOWEST: [i16; 8] = [-32, -32, -16, -16, -8, -8, -4, -4];
    const SCALE: [i16; 8] = [13107, 13107, 13107, 13107, 19223, 17476, 31454, 29708];
    let mut out = [0; 8];
    for i in 0..8 {
        let value = ((coded[i] + LOWEST[i]) << 10).saturating_sub(OFFSET[i] * 2);
        let value = mult_r(SCALE[i], value);
        out[i] = value.saturating_add(value);
    }
    out
}

/// Log area ratio to reflection coefficient (5.2.9).
fn reflection_of(lar: i16) -> i16 {
    let size = lar.saturating_abs();
    let size = match size {
        ..11059 => size << 1,
        11059..20070 => size + 11059,
        _ => (size >> 2).saturating_add(26112),
    };
    if lar < 0 { -size } else { size }
}

/// Rounded fixed-point product of the standard (`mult_r`).
fn mult_r(a: i16, b: i16) -> i16 {
    ((i32::from(a) * i32::from(b) + 16384) >> 15).clamp(i32::from(i16::MIN), i32::from(i16::MAX)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_frame_without_its_mark_is_none() {
        assert!(GsmDecoder::default().frame(&[0; BYTES]).is_none());
    }

    #[test]
    fn both_packings_of_the_same_bits_give_the_same_sound() {
        // A frame of alternating bits, packed both ways.
        let bits: Vec<bool> = (0..260).map(|i| i % 3 == 0 || i % 7 == 2).collect();
        let mut plain = [0; BYTES];
        plain[0] = 0xd0;
        let mut ms = [0; BYTES_MS];
        let (mut from, widths) = (0, field_widths());
        for (i, &bit) in bits.iter().enumerate() {
            plain[(i + 4) / 8] |= u8::from(bit) << (7 - (i + 4) % 8);
        }
        for width in widths {
            for i in 0..width {
                // A field's first bit is its highest in `.gsm` and its last in the Microsoft packing.
                let to = from + width - 1 - i;
                ms[to / 8] |= u8::from(bits[from + i]) << (to % 8);
            }
            from += width;
        }
        let sound = GsmDecoder::default().frame(&plain).expect("marked");
        assert_eq!(GsmDecoder::default().block_ms(&ms)[..FRAME], sound);
        assert!(sound.iter().any(|&sample| sample != 0));
    }

    fn field_widths() -> Vec<usize> {
        let mut widths: Vec<usize> = LAR_BITS.iter().map(|&bits| bits as usize).collect();
        for _ in 0..4 {
            widths.extend([7, 2, 2, 6]);
            widths.extend([3; 13]);
        }
        widths
    }

    #[test]
    fn every_sample_equals_what_sox_decodes() {
        let folder = tempfile::tempdir().expect("temp dir");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let sox = |args: &[&str]| Command::new("sox").args(args).status().is_ok_and(|status| status.success());
        let made =
            sox(&["-n", "-r", "8000", "-c", "1", &path("a.gsm"), "synth", "2", "sine", "300-2500", "gain", "-6"])
                && sox(&[&path("a.gsm"), "-t", "raw", "-e", "signed", "-b", "16", &path("gsm.raw")])
                && sox(&[&path("a.gsm"), "-e", "gsm-full-rate", &path("a.wav")])
                && sox(&[&path("a.wav"), "-t", "raw", "-e", "signed", "-b", "16", &path("wav.raw")]);
        if !made {
            eprintln!("skipped: sox is not installed, so there is nothing to compare with");
            return;
        }
        let theirs = |name: &str| -> Vec<i16> {
            let bytes = std::fs::read(path(name)).expect("read");
            bytes.chunks_exact(2).map(|b| i16::from_le_bytes([b[0], b[1]])).collect()
        };
        let mut decoder = GsmDecoder::default();
        let gsm = std::fs::read(path("a.gsm")).expect("read");
        let ours: Vec<i16> = gsm
            .chunks_exact(BYTES)
            .flat_map(|frame| decoder.frame(frame.try_into().expect("33 bytes")).expect("marked"))
            .collect();
        assert_eq!(ours, theirs("gsm.raw"));

        let mut decoder = GsmDecoder::default();
        let wav = std::fs::read(path("a.wav")).expect("read");
        let data = wav.windows(4).position(|w| w == b"data").expect("data chunk") + 8;
        let ours: Vec<i16> = wav[data..]
            .chunks_exact(BYTES_MS)
            .flat_map(|block| decoder.block_ms(block.try_into().expect("65 bytes")))
            .collect();
        let theirs = theirs("wav.raw");
        assert_eq!(ours[..theirs.len()], theirs);
    }
}
