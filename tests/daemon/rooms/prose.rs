//! What texts must keep to: docs that say something, no requirement ids that nothing defines, front documents of a length that somebody reads.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::{read, root, scan};

/// Documents at the front, and the number of lines that each stays below.
const FRONT: [(&str, usize); 2] = [("ARCHITECTURE.md", 150), ("README.md", 120)];

/// Three capitals, a dash and a figure that are the field's own names, and no ids of a list that is not here.
const NAMES_OF_THE_FIELD: [&str; 12] =
    ["AVX", "BSD", "BSL", "GPL", "GPT", "ISO", "LOC", "MPL", "SHA", "SSH", "UTF", "CVE"];

/// Docs that are nothing but a question of one or two words, with the line where each begins.
fn bare_questions(text: &str) -> Vec<(usize, String)> {
    const QUESTIONS: [&str; 9] = ["How", "What", "When", "Where", "Which", "Who", "Whom", "Whose", "Why"];
    let docs: Vec<Option<&str>> =
        text.lines().map(|line| line.trim_start().strip_prefix("///").map(str::trim)).collect();
    let mut found = Vec::new();
    for (place, doc) in docs.iter().enumerate() {
        let Some(doc) = doc else { continue };
        let is_alone = place.checked_sub(1).is_none_or(|before| docs[before].is_none())
            && docs.get(place + 1).is_none_or(Option::is_none);
        let words: Vec<&str> = doc.trim_end_matches(['.', '?']).split(' ').collect();
        if is_alone && words.len() <= 2 && QUESTIONS.contains(&words[0]) {
            found.push((place + 1, (*doc).to_string()));
        }
    }
    found
}

#[test]
fn no_doc_is_only_a_question_word() {
    let planted =
        "/// When.\nat: u64,\n    /// Who speaks.\n/// When it began,\n/// wall clock.\n// Which.\n/// When it rang.\n";
    assert_eq!(
        bare_questions(planted),
        [(1, "When.".to_string())],
        "two lines are one doc, and three words say something"
    );
    assert_eq!(bare_questions("    /// Whose side.\n    leg: Leg,"), [(1, "Whose side.".to_string())]);
    let (mut docs, mut wrong) = (0, Vec::new());
    for path in scan::rust_files(&root().join("src")) {
        let text = read(&path);
        docs += text.lines().filter(|line| line.trim_start().starts_with("///")).count();
        wrong.extend(bare_questions(&text).into_iter().map(|(line, doc)| format!("{}:{line}: {doc}", path.display())));
    }
    assert!(docs > 5000, "the test reads docs: {docs}");
    assert!(wrong.is_empty(), "these docs give neither meaning nor unit:\n{}", wrong.join("\n"));
}

#[test]
fn the_front_documents_are_short() {
    for (name, limit) in FRONT {
        let lines = read(&root().join(name)).lines().count();
        println!("{name}: {lines} lines, under {limit} wanted");
        assert!(lines < limit, "{name} has {lines} lines; move detail to its room until it has less than {limit}");
    }
}

/// Ids such as those of a list of requirements, with the line. What is longer at either end, as in `MXML-2`, is something else.
fn ids(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        for word in line.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')) {
            let Some((name, rest)) = word.split_once('-') else { continue };
            let is_id = name.len() == 3
                && name.bytes().all(|byte| byte.is_ascii_uppercase())
                && (1..=3).contains(&rest.len())
                && rest.bytes().all(|byte| byte.is_ascii_digit());
            if is_id && !NAMES_OF_THE_FIELD.contains(&name) {
                found.push((number + 1, word.to_string()));
            }
        }
    }
    found
}

fn texts(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            if !matches!(name.as_str(), "vendor" | "licences" | "node_modules" | "target") {
                texts(&path, found);
            }
        } else if let Ok(text) = fs::read_to_string(&path)
            && !path.extension().is_some_and(|ext| ext == "lock" || ext == "json")
        {
            found.push((path, text));
        }
    }
}

#[test]
fn no_text_names_a_requirement_that_nothing_here_defines() {
    assert_eq!(ids("see ABC-5, SHA-256, UTF-8 and MXML-2"), [(1, "ABC-5".to_string())]);
    let mut all = Vec::new();
    for folder in [".ci", "src", "tests", "packaging", "docs", "debian", "etc", "systemd"] {
        let before = all.len();
        texts(&root().join(folder), &mut all);
        assert!(all.len() > before, "the test reads {folder}");
    }
    let single = [
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "GLOSSARY.md",
        "README.md",
        "SECURITY.md",
        "Cargo.toml",
        "build.rs",
    ];
    for name in single {
        let path = root().join(name);
        let text = read(&path);
        all.push((path, text));
    }
    assert!(all.len() > 300, "the test reads files: {}", all.len());
    let this = root().join("tests/daemon/rooms/prose.rs");
    let wrong: BTreeSet<String> = all
        .iter()
        .filter(|(path, _)| *path != this)
        .flat_map(|(path, text)| ids(text).into_iter().map(|(line, id)| format!("{}:{line}: {id}", path.display())))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}
