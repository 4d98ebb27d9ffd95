//! Statistics of agents and campaigns: sums over calls.

pub(super) mod handlers;
mod sums;
