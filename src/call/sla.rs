//! The limits of `[sla]` and how a call compares with them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A limited figure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum SlaLimit {
    /// The length of the call.
    Call,
    /// The time in the queue, until an agent answers.
    Answer,
    /// The longest hold.
    Hold,
    /// The longest time in which nobody speaks.
    Silence,
}

impl SlaLimit {
    /// Its word in the database, in JSON and in files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Answer => "answer",
            Self::Hold => "hold",
            Self::Silence => "silence",
        }
    }
}

/// The limits that are set, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SlaLimits {
    /// See [`SlaLimit::Call`].
    pub call_ms: Option<i64>,
    /// See [`SlaLimit::Answer`].
    pub answer_ms: Option<i64>,
    /// See [`SlaLimit::Hold`].
    pub hold_ms: Option<i64>,
    /// See [`SlaLimit::Silence`].
    pub silence_ms: Option<i64>,
}

/// A limit, and what a call took of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlaMeasure {
    /// The limited figure.
    pub limit: SlaLimit,
    /// Value of the figure in the call, milliseconds.
    pub value_ms: i64,
    /// The limit, milliseconds.
    pub limit_ms: i64,
}

impl SlaMeasure {
    /// Whether the value exceeds the limit.
    pub const fn is_breached(&self) -> bool {
        self.value_ms > self.limit_ms
    }
}
