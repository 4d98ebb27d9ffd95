//! What is wrong with a list of words.

/// A file of an engine that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ListError {
    /// Line of the file, from 1.
    pub line: usize,
    /// What is wrong, and what is expected.
    pub problem: String,
}
