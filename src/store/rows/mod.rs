//! Rows that the writer writes, and how they are read back. This lies beneath the store and never calls it.

pub(super) mod alerts;
pub(super) mod campaigns;
pub(super) mod dialer;
pub(super) mod dialer_writes;
pub(super) mod events;
pub(super) mod fetches;
pub(super) mod new;
pub(super) mod notifications;
pub(super) mod pbx;
pub(super) mod privacy;
pub(super) mod recordings;
pub(super) mod review;
pub(super) mod stages;
pub(super) mod tags;
pub(super) mod tokens;
