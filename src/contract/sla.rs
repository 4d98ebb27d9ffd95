//! How a call keeps its limits, and why packs have tagged it.

use serde::Serialize;
use utoipa::ToSchema;

use super::review::Quote;
use crate::call::sla::SlaLimit;

/// A call's figures against the limits of `[sla]`; while it runs, its figures so far.
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
    /// The limited figure.
    pub limit: SlaLimit,
    /// Value of the figure in this call, seconds.
    pub seconds: f64,
    /// The limit, seconds.
    pub max_seconds: f64,
    /// Whether it took more.
    pub breached: bool,
}

/// Reason for which a pack has put a tag on a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct TagReason {
    /// The tag.
    pub tag: String,
    /// The pack.
    pub pack: String,
    /// The pack and the line of its entry.
    pub rule: String,
    /// The condition that decided, in words of the pack: `intent refund`, `keyword legal`, `said`.
    pub reason: String,
    /// The lines that decided, the first five.
    pub quotes: Vec<Quote>,
}
