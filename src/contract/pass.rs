//! A call has two texts: that of the live pass, and that of the final one where it was transcribed again.

use serde::Serialize;
use utoipa::ToSchema;

/// A pass of transcription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextPass {
    /// The text of the live call.
    Live,
    /// The text of the retranscription after the call.
    Final,
}
