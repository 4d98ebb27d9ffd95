//! A call has two texts: that of the live pass, and that of the final one where it was transcribed again.

use serde::Serialize;
use utoipa::ToSchema;

/// Which text of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextPass {
    /// As it was written while the call ran.
    Live,
    /// As it was transcribed again afterwards.
    Final,
}
