//! Watches the recording folders: follows files while they grow, takes finished ones, misses none, never writes there.
//!
//! One thread does it all: `watch.rs` is its loop, `folders.rs` tells what happened in the folders, `files.rs` looks at each file that something
//! happened to, `take.rs` makes legs of those that are new. Events may be lost (overflow, a mount that comes and goes, lineside being down), so every
//! folder is walked at start, after an overflow, once a minute, and when it turns into another folder. Asterisk writes in steps of 32 KiB;
//! CLOSE_WRITE is the end, also of a killed Asterisk, whose file sizes then stay 0.

mod files;
mod folders;
mod followed;
mod same;
mod state;
mod take;
mod watch;

pub use self::folders::Troubles;
pub use self::state::{KnownLeg, Ledger, RecordingSettings, Recordings, Taken};
