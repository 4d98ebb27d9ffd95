//! Decides how long calls are kept, and deletes them: by age and for lack of disk space (`sweep.rs`), or on request (`forget.rs`). `backup.rs` and
//! `check.rs` protect what must not be lost.

pub mod backup;
pub mod check;
pub mod forget;
pub mod sweep;

pub use self::sweep::{CampaignDays, RetentionSettings, Sweeper};

#[cfg(test)]
mod tests;
