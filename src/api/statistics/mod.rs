//! Statistics of agents and campaigns: what calls came to, summed.

pub(super) mod handlers;
mod sums;
