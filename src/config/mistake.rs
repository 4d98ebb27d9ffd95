//! What is wrong with a configuration, and where.

use std::path::PathBuf;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path}: {source}; give another file with --config")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// A key or a value in it is wrong.
    #[error("{path}: {problem}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Line, what is wrong, what is allowed.
        problem: String,
    },
}

/// A section, a key, and what is wrong with its value.
pub(super) type Mistake = (&'static str, &'static str, String);

/// The line of a key in its section, from 1. Where several blocks have it, the line that holds the value with which `problem` begins: of these the last,
/// for what is there twice is wrong the second time.
pub(super) fn line_of(text: &str, section: &str, key: &str, problem: &str) -> Option<usize> {
    let mut inside = false;
    let value =
        problem.strip_prefix('"').and_then(|rest| rest.split_once('"')).map(|(value, _)| format!("\"{value}\""));
    let (mut first, mut named) = (None, None);
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            inside = name.trim_matches(['[', ']']).trim() == section;
        } else if inside && line.split('=').next().is_some_and(|name| name.trim() == key) {
            first = first.or(Some(number + 1));
            if value.as_ref().is_some_and(|value| line.contains(value)) {
                named = Some(number + 1);
            }
        }
    }
    named.or(first)
}
