//! The setting `[sources] hear`: whether the best source of a call is transcribed, or all of them.

use serde::Deserialize;

use super::{Leg, Source};

/// The transcribed sources of a call that comes by several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Hear {
    /// The best source of each voice; the others are known and kept.
    #[default]
    Best,
    /// Every source: a voice that comes by two has its text twice.
    All,
}

impl Source {
    /// Whether the source carries the PBX's own sound of a call, so that another may carry the same.
    /// What somebody uploads or sends is wanted as it is.
    pub const fn is_of_pbx(self) -> bool {
        matches!(self, Self::Audiosocket | Self::Eagi | Self::Recording)
    }

    /// Whether its sound comes while it is said, not in steps of a file.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Audiosocket | Self::Eagi)
    }
}

impl Leg {
    /// Whether two legs hold the same voice: those of one direction, and a mix beside any.
    pub fn shares_voice(self, other: Self) -> bool {
        self == other || self == Self::Mixed || other == Self::Mixed
    }
}
