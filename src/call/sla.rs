//! What a call may take: its limits, and how it keeps them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What has a limit.
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
    /// What has the limit.
    pub limit: SlaLimit,
    /// What the call took, milliseconds.
    pub value_ms: i64,
    /// What it may take, milliseconds.
    pub limit_ms: i64,
}

impl SlaMeasure {
    /// Whether it took more.
    pub const fn is_breached(&self) -> bool {
        self.value_ms > self.limit_ms
    }
}
