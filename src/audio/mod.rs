//! (being written)
pub mod reader;
pub mod wav;
/// (being written)
#[derive(Debug, thiserror::Error)]
#[error("(being written)")]
pub struct AudioError;
