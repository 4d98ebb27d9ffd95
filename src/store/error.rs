//! What can go wrong with the database.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;

/// Time limit of a long query.
pub const LONGEST: Duration = Duration::from_secs(3);

/// What can go wrong with the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error("database {path}: {source}; check that {} exists, belongs to lineside and is not full", path.parent().unwrap_or(path).display())]
    Open {
        /// The file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
    /// The file is not a lineside database, or damaged.
    #[error(
        "database {path}: {problem}; it is left untouched. Move it away to start with an empty one, or save what can be saved with \
         `sqlite3 {path} .recover`"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The problem.
        problem: String,
    },
    /// Made by a newer version.
    #[error(
        "database {path} was made by a newer lineside; it is left untouched. Install that version again, or move the file away"
    )]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// Another daemon uses the folder.
    #[error(
        "{path}: another lineside is running on this folder; stop it first, or give this one other [paths] state and run"
    )]
    InUse {
        /// The lock file.
        path: PathBuf,
    },
    /// The lock cannot be taken.
    #[error("{path}: {source}; the state folder must be writable for lineside")]
    Lock {
        /// The lock file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A query failed.
    #[error("database: {0}")]
    Query(#[from] rusqlite::Error),
    /// The system gives no random numbers.
    #[error("random numbers cannot be had from the system: {0}")]
    Random(String),
    /// A connection's thread cannot be started.
    #[error("database: a thread that reads it could not be started: {0}")]
    Thread(std::io::Error),
    /// A question takes too long.
    #[error("the question takes longer than {} s and was given up: narrow it, with since and until or with longer words", LONGEST.as_secs())]
    TooLong,
    /// A client has too many queries at once.
    #[error("too many of your questions wait for an answer already: ask again when some are answered")]
    Crowded,
    /// The store has been stopped.
    #[error("database: closed")]
    Closed,
}

impl StoreError {
    /// Whether the database waits for space, or for whoever holds it. The writer tells that once for all.
    pub fn is_waited_for(&self) -> bool {
        matches!(self, Self::Query(error) if is_waited_for(error))
    }
}

/// The error of a file that SQLite finds broken.
pub(super) fn damage(path: &Path, source: &rusqlite::Error) -> StoreError {
    let problem = format!("{source}. `lineside check --repair` mends what can be made anew of its tables");
    StoreError::Damaged { path: path.into(), problem }
}

/// Whether SQLite finds the file itself broken.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::NotADatabase | rusqlite::ErrorCode::DatabaseCorrupt))
}

/// Whether the database, not the change, is at fault: what was handed over waits until somebody has mended it.
pub(super) fn is_waited_for(error: &rusqlite::Error) -> bool {
    is_damage(error)
        || matches!(
            error.sqlite_error_code(),
            Some(
                ErrorCode::DiskFull
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::OutOfMemory
                    | ErrorCode::DatabaseLocked
            )
        )
}
