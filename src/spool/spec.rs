//! A leg's facts before its first sample: its call, direction, source and rate.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::call::{CallId, CallNames, Leg, Source, WallTime};

/// All that is known of a leg when it opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LegSpec {
    /// The call it belongs to: legs with the same id are legs of one call.
    pub call: CallId,
    /// What else the source tells of the call.
    #[serde(default)]
    pub names: CallNames,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The source of its audio.
    pub source: Source,
    /// When the first sample was heard.
    pub started: WallTime,
    /// Samples per second.
    pub rate_hz: u32,
    /// Who sends it: an address, or the recording's path.
    pub peer: Option<String>,
}

/// A recording that is read where it lies.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct RecordingRef {
    /// The file.
    pub path: PathBuf,
    /// Which of its channels this leg is, from 0.
    pub channel: u16,
}
