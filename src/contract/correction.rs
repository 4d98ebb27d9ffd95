//! What people have corrected of a call's text.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Speaker;

/// A correction of one segment: what it was, and what it became.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Correction {
    /// Number of the segment.
    pub segment_id: i64,
    /// Begin of the segment, seconds of the call.
    pub start_time: f64,
    /// The text before; of a segment's first correction what the engine wrote.
    pub text_before: String,
    /// The text from then on.
    pub text_after: String,
    /// The speaker before the correction.
    pub speaker_before: Speaker,
    /// The speaker after the correction.
    pub speaker_after: Speaker,
    /// Name of the person who corrected it.
    pub corrected_by: String,
    /// Time of the correction.
    #[schema(format = DateTime)]
    pub corrected_at: String,
}

/// All corrections of a call, by place in the call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CorrectionList {
    /// The call.
    pub call_id: String,
    /// The corrections.
    pub corrections: Vec<Correction>,
}
