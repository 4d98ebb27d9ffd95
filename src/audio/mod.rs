//! Samples, files and codecs: what a recording's bytes say, as numbers.
//!
//! Nothing here knows of calls, legs or the database, and nothing allocates by a length that a file claims. Decoding, measuring and resampling are
//! pure functions. Three things belong to the whole process: the keys of encrypted audio (`sealed/keys.rs`), the encrypted files that are being
//! written (`sealed/writing.rs`), and the folders in which files are opened contained (`contained.rs`).

pub mod contained;
pub mod contour;
pub mod decode;
pub mod denoise;
pub mod format;
pub mod gsm;
mod layout;
pub mod level;
pub mod quality;
pub mod reader;
pub mod resample;
pub mod sealed;
pub mod silence;
pub mod sound_file;
pub mod tone;
pub mod wav;

/// Reason why audio cannot be read. The caller adds the file's name.
#[derive(Debug, thiserror::Error)]
pub enum AudioError {
    /// The system could not read or write it.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// The content is not of the format that the name says.
    #[error("{0}")]
    Malformed(String),
    /// A link out of the folder that is watched, to this place.
    #[error("a link out of the watched folder, to {}: not followed", .0.display())]
    LeadsOut(std::path::PathBuf),
    /// Encrypted, and not to be opened.
    #[error(transparent)]
    Sealed(#[from] sealed::SealedError),
    /// A valid file of a format that lineside does not read.
    #[error("{0}; convert it to WAV first, for example with sox")]
    Unsupported(String),
}

impl AudioError {
    /// See [`is_out_of_files`].
    pub fn is_out_of_files(&self) -> bool {
        matches!(self, Self::Io(error) if is_out_of_files(error))
    }
}

/// Whether a file could not be opened because as many are open as this process, or the system, may have. It passes as soon as somebody closes one.
pub fn is_out_of_files(error: &std::io::Error) -> bool {
    let errno = rustix::io::Errno::from_io_error(error);
    matches!(errno, Some(rustix::io::Errno::MFILE | rustix::io::Errno::NFILE))
}

/// Scales 16-bit samples to -1..1.
pub fn to_f32(samples: &[i16]) -> Vec<f32> {
    samples.iter().map(|&sample| f32::from(sample) / 32768.0).collect()
}
