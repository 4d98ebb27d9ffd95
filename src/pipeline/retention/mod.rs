//! How long what is kept of calls, and how it goes: by age and for want of room (`sweep.rs`), because somebody asks (`forget.rs`); and what is done
//! so that it does not go: `backup.rs`, `check.rs`.

pub mod backup;
pub mod check;
pub mod forget;
pub mod sweep;

pub use self::sweep::{RetentionSettings, Sweeper};

#[cfg(test)]
mod tests;
