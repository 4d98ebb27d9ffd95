//! The walls between the rooms, as ARCHITECTURE.md draws them: reads the `use` lines and fails on an arrow that goes the other way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// What each room may import. `daemon` and `main` know everyone.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("call", &[]),
    ("contract", &["call"]),
    ("audio", &["call"]),
    ("text", &["call"]),
    ("spool", &["call", "audio"]),
    ("capture", &["call", "audio", "spool"]),
    ("speech", &["call", "audio", "spool"]),
    ("governor", &[]),
    ("store", &["call", "contract"]),
    ("alerts", &["call", "text", "contract"]),
    ("pipeline", &["call", "contract", "audio", "spool", "speech", "text", "alerts", "store", "governor"]),
    ("integrate", &["call", "pipeline"]),
    ("api", &["call", "contract", "audio", "store", "pipeline"]),
    ("config", &["call", "text", "alerts", "capture", "speech"]),
    ("host", &[]),
    (
        "cli",
        &[
            "call", "audio", "text", "alerts", "speech", "store", "pipeline", "config", "host", "daemon", "capture",
            "governor",
        ],
    ),
];

fn rust_files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// The rooms that a file names after `crate::`, with the line.
fn imports(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("//") {
            continue;
        }
        for after in line.split("crate::").skip(1) {
            let room: String = after.chars().take_while(char::is_ascii_lowercase).collect();
            if !room.is_empty() {
                found.push((number + 1, room));
            }
        }
    }
    found
}

#[test]
fn no_room_imports_what_it_must_not() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let rules: BTreeMap<&str, &[&str]> = MAY_KNOW.iter().copied().collect();
    let mut files = Vec::new();
    rust_files(&src, &mut files);
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for path in files {
        let relative = path.strip_prefix(&src).expect("in src");
        let room = relative.iter().next().expect("room").to_string_lossy().trim_end_matches(".rs").to_string();
        if matches!(room.as_str(), "daemon" | "main" | "lib") {
            continue;
        }
        let may = rules
            .get(room.as_str())
            .unwrap_or_else(|| panic!("{}: the room {room} is not in the list of this test", relative.display()));
        let text = fs::read_to_string(&path).expect("read");
        // Tests beside the code may use neighbours.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (line, target) in imports(code) {
            looked_at += 1;
            if target != room && !may.contains(&target.as_str()) {
                wrong.push(format!("src/{}:{line}: {room} must not know {target}", relative.display()));
            }
        }
    }
    assert!(looked_at > 100, "the test reads imports: {looked_at}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn an_arrow_the_other_way_would_be_seen() {
    let seen = imports("use crate::api::Api;\n// crate::store\nlet x = crate::speech::vad::FRAME;\n");
    assert_eq!(seen, [(1, "api".to_string()), (3, "speech".to_string())]);
}

#[test]
fn every_source_file_says_what_it_is_for() {
    let mut files = Vec::new();
    rust_files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    for path in files {
        let text = fs::read_to_string(&path).expect("read");
        assert!(text.starts_with("//! ") && !text.contains("(being written)"), "{}", path.display());
    }
}
