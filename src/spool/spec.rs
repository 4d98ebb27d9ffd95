//! A leg's facts before its first sample: its call, direction, source and rate.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::call::{CallId, CallNames, Leg, Source, WallTime};

/// All that is known of a leg when it opens.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LegSpec {
    /// The call it belongs to: legs with the same id are legs of one call.
    pub call: CallId,
    /// Other names of the call that the source gives.
    #[serde(default)]
    pub names: CallNames,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The source of its audio.
    pub source: Source,
    /// Time of the first sample.
    pub started: WallTime,
    /// Samples per second.
    pub rate_hz: u32,
    /// Address of the sender, or the recording's path.
    pub peer: Option<String>,
}

impl LegSpec {
    /// Whether the leg holds the voice of a direction, as the PBX has it.
    pub fn holds_voice(&self, which: Leg) -> bool {
        self.source.is_of_pbx() && self.leg.shares_voice(which)
    }
}

/// A recording that is read in place.
#[derive(Clone, Debug, Serialize, Deserialize, PartialEq, Eq)]
pub struct RecordingRef {
    /// The file.
    pub path: PathBuf,
    /// The channel of this leg, counted from 0.
    pub channel: u16,
}
