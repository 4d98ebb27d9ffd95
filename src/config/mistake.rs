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

/// The line of a key in its section, from 1. Where several blocks have it, the line that holds the value that `problem` names: of these the last, for
/// what is there twice is wrong the second time.
pub(super) fn line_of(text: &str, section: &str, key: &str, problem: &str) -> Option<usize> {
    let named = named_lines(text, section, key, problem).pop();
    named.or_else(|| lines_of(text, section, key).first().map(|(line, _)| *line))
}

/// The lines, from 1, on which a key of a section has the value that `problem` names: the first one in quotes, or a number in front. Names that differ
/// in their capitals are one.
pub(super) fn named_lines(text: &str, section: &str, key: &str, problem: &str) -> Vec<usize> {
    let Some(value) = value_in(problem).map(str::to_lowercase) else { return Vec::new() };
    let holds = |written: &str| {
        let Ok(table) = toml::from_str::<toml::Table>(&format!("value = {written}")) else { return false };
        let is_it = |one: &toml::Value| match one {
            toml::Value::String(text) => format!("{text:?}").to_lowercase() == value,
            other => other.to_string() == value,
        };
        match table.get("value") {
            Some(toml::Value::Array(list)) => list.iter().any(is_it),
            Some(one) => is_it(one),
            None => false,
        }
    };
    lines_of(text, section, key).into_iter().filter(|(_, written)| holds(written)).map(|(line, _)| line).collect()
}

/// Each line of a key in the blocks of a section, with what stands behind its `=`.
fn lines_of<'a>(text: &'a str, section: &str, key: &str) -> Vec<(usize, &'a str)> {
    let (mut inside, mut all) = (false, Vec::new());
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(name) = line.strip_prefix('[') {
            inside = name.trim_matches(['[', ']']).trim() == section;
        } else if let Some((_, written)) = line.split_once('=').filter(|(name, _)| inside && name.trim() == key) {
            all.push((number + 1, written));
        }
    }
    all
}

/// The value that a problem names: the first text in quotes, with these, or a number in front.
fn value_in(problem: &str) -> Option<&str> {
    let first = problem.split_whitespace().next()?;
    if first.parse::<f64>().is_ok() {
        return Some(first);
    }
    let quoted = &problem[problem.find('"')?..];
    let mut is_escaped = false;
    let end = quoted.char_indices().skip(1).find(|&(_, c)| {
        let ends = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        ends
    });
    end.map(|(end, _)| &quoted[..=end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_several_blocks_the_one_with_the_named_value_is_told() {
        let text = "[[tap]]\nmatch = '\\d('\nrate = 8000 # eight\n[[tap]]\nmatch = \"b\"\nrate = 44100\n[[tap]]\nmatch = \"B\"\n";
        let line = |key: &str, problem: &str| line_of(text, "tap", key, problem);
        assert_eq!(line("rate", "44100 is neither 8000 nor 16000"), Some(6));
        assert_eq!(line("match", "\"\\\\d(\": not closed"), Some(2));
        assert_eq!(line("match", "two are named \"b\""), Some(8));
        assert_eq!(named_lines(text, "tap", "match", "two are named \"b\""), [5, 8]);
        assert_eq!(line("rate", "no value is told"), Some(3), "the first");
        assert_eq!((line("max", "0"), line_of(text, "taps", "rate", "8000")), (None, None));
        assert_eq!(value_in("a \"quoted \\\" one\" and \"two\""), Some("\"quoted \\\" one\""));
        assert_eq!((value_in(""), value_in("\"open")), (None, None));
    }
}
