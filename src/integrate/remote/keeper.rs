//! What becomes of a recording that is here: beneath those who fetch, who know nothing of how sound is kept.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::call::{CallId, CallNames, Leg, WallTime};

/// A recording that is whole here.
#[derive(Clone, Debug)]
pub struct WholeRecording {
    /// Its file.
    pub file: PathBuf,
    /// The ending of its name on the server, which tells what headerless sound is.
    pub extension: String,
    /// The call that it becomes.
    pub call: CallId,
    /// What is known of the call.
    pub names: CallNames,
    /// Where it came from.
    pub peer: String,
    /// When its sound began.
    pub started: WallTime,
    /// Samples that a former run has taken of it, by leg.
    pub kept: Vec<(Leg, u64)>,
}

/// Why a recording that is whole here is not its call's.
#[derive(Clone, Debug)]
pub enum NotTaken {
    /// It is none that can be read.
    NoRecording(String),
    /// Nothing can be kept now: the disk is filling, or lineside is stopping.
    NotNow(String),
    /// This one cannot be kept.
    Refused(String),
}

/// Makes a recording its call's. Blocks, until it is told to stop: then a later run goes on.
pub type TakeWhole = Arc<dyn Fn(&WholeRecording, &CancellationToken) -> Result<(), NotTaken> + Send + Sync>;
/// Overwrites and removes a file, where there is one. Blocks.
pub type Discard = Arc<dyn Fn(&Path) + Send + Sync>;

/// What is done with files that are here.
#[derive(Clone)]
pub struct Keeper {
    /// Folder where recordings grow.
    pub folder: PathBuf,
    /// Makes one its call's.
    pub take: TakeWhole,
    /// Does away with one.
    pub discard: Discard,
}
