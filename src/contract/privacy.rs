//! What is not kept of a call, and what has to be kept.

use std::path::PathBuf;

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Leg;

/// Whether what is said is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Recording {
    /// It is.
    Running,
    /// Recording is paused until somebody resumes it.
    Paused,
    /// The call is over: nothing is said any more.
    Over,
}

/// A call's recording after it was paused, or went on.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct RecordingState {
    /// The call.
    pub call_id: String,
    /// Whether what is said is kept from now on.
    pub recording: Recording,
}

/// State of a call's recording and its silenced stretches.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Privacy {
    /// The call.
    pub call_id: String,
    /// Whether what is said is kept.
    pub recording: Recording,
    /// The legal hold that forbids deletion; `null` where there is none.
    pub hold: Option<LegalHold>,
    /// Stretches of sound that nobody may hear.
    pub silences: Vec<SilentStretch>,
}

/// A legal hold, which forbids deletion of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LegalHold {
    /// Begin of the hold.
    #[schema(format = DateTime)]
    pub since: String,
    /// The reason for the hold, for people.
    pub reason: String,
}

/// A stretch of sound that nobody may hear.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SilentStretch {
    /// Side of the call.
    pub leg: Leg,
    /// Number of the leg.
    pub leg_id: i64,
    /// Begin of the stretch, seconds of the call.
    pub start_time: f64,
    /// End of the stretch, seconds of the call; `null` while it lasts.
    pub end_time: Option<f64>,
    /// `pause`, or what was found in the text.
    pub why: String,
    /// Whether the file holds silence there too. A recording of somebody else's is never written to.
    pub in_file: bool,
}

/// The erased data of a person, and the proof of erasure.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Forgotten {
    /// Rows erased from the database.
    pub erased: ErasedRows,
    /// Files of sound that were overwritten and deleted.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Texts that were searched for afterwards.
    pub searched_for: usize,
    /// Files that were searched.
    pub searched_in: usize,
    /// Rows of other calls that hold one of these texts too: where, and how many.
    pub shared: Vec<String>,
    /// Places where something was left over, or could not be deleted. An empty list is the proof.
    pub left: Vec<String>,
}

/// Rows erased from the database.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ErasedRows {
    /// Ids of the calls.
    pub calls: Vec<String>,
    /// Segments of text.
    pub segments: i64,
    /// Events of the feeds.
    pub events: i64,
    /// Files of lineside's own that were deleted.
    #[schema(value_type = Vec<String>)]
    pub audio: Vec<PathBuf>,
    /// Numbers of the legs.
    pub legs: Vec<i64>,
    /// Recordings that are not lineside's and still hold the person's voice.
    #[schema(value_type = Vec<String>)]
    pub recordings: Vec<PathBuf>,
    /// Whether the database's log was emptied too.
    pub scrubbed: bool,
}
