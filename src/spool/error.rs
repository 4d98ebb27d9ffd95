//! What can go wrong with audio on disk.

use std::path::PathBuf;

use crate::audio::is_out_of_files;

/// What can go wrong with audio on disk.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder or a file in it cannot be used.
    #[error("spool: {action} {path}: {source}; check that the folder exists, belongs to lineside and has room")]
    Io {
        /// The operation, as a verb: `write`.
        action: &'static str,
        /// File or folder.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A leg's audio cannot be read.
    #[error("spool: read {path}: {source}")]
    Audio {
        /// The file.
        path: PathBuf,
        /// The problem.
        source: crate::audio::AudioError,
    },
    /// The disk guard lets no new call in, or no more sound of other platforms.
    #[error(
        "spool: the disk is nearly full, no new call is recorded, and no sound of other platforms; free space, or see [retention] in the configuration"
    )]
    Full,
    /// The spool has been stopped.
    #[error("spool: stopped, no more audio is taken")]
    Stopped,
}

impl SpoolError {
    /// Whether nothing is wrong but that too many files are open: worth another try.
    pub fn is_out_of_files(&self) -> bool {
        match self {
            Self::Io { source, .. } => is_out_of_files(source),
            Self::Audio { source, .. } => source.is_out_of_files(),
            Self::Full | Self::Stopped => false,
        }
    }
}
