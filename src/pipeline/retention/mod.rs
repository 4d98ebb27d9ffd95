//! How long what is kept of calls, and how it goes: by age and for want of room (`keep.rs`), because somebody asks (`forget.rs`); and what is done
//! so that it does not go: `backup.rs`, `check.rs`.

pub mod backup;
pub mod check;
pub mod forget;
pub mod keep;

pub use self::keep::{KeepSettings, Keeper};

#[cfg(test)]
mod tests;
