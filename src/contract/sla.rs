//! How a call keeps its limits, and why packs have tagged it.

use serde::Serialize;
use utoipa::ToSchema;

use super::review::Quote;
use crate::call::sla::SlaLimit;

/// How a call keeps the limits of `[sla]`; while it runs, so far.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSla {
    /// Whether it breaches one of them.
    pub breached: bool,
    /// The limits that are set, where it is known what the call took.
    pub limits: Vec<SlaLimitKept>,
}

/// A limit, and what a call took of it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct SlaLimitKept {
    /// What has the limit.
    pub limit: SlaLimit,
    /// What the call took, seconds.
    pub seconds: f64,
    /// What it may take, seconds.
    pub max_seconds: f64,
    /// Whether it took more.
    pub breached: bool,
}

/// Why a pack has put a tag on a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TagReason {
    /// The tag.
    pub tag: String,
    /// The pack.
    pub pack: String,
    /// The pack and the line of its entry.
    pub rule: String,
    /// What decided, in words of the pack: `intent refund`, `keyword legal`, `said`.
    pub reason: String,
    /// The lines that decided, the first five.
    pub quotes: Vec<Quote>,
}
