//! Decides how long calls are kept, and deletes them: by age and for want of room (`sweep.rs`), or because somebody asks (`forget.rs`). `backup.rs` and
//! `check.rs` keep what must not be lost.

pub mod backup;
pub mod check;
pub mod forget;
pub mod sweep;

pub use self::sweep::{CampaignDays, RetentionSettings, Sweeper};

#[cfg(test)]
mod tests;
