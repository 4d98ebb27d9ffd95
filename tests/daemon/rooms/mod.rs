//! The borders between the rooms, as ARCHITECTURE.md's table draws them: reads table and source, and fails on an arrow that goes another way, on a
//! circle of files, on a function that nobody reads to its end, on two public types of one name (`names.rs`), and on texts that say too little or too
//! much (`prose.rs`).
//!
//! Of the rooms of a folder each may know those above it alone, in the order in which the folder lists them: `src/lib.rs`, `src/pipeline/mod.rs`,
//! `src/api/mod.rs`. `cargo test rooms -- --nocapture` prints them with their arrows.

mod names;
mod prose;
mod scan;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use scan::{Import, Tree};

/// Lines of a function at most, from `fn` to its last brace.
const LONGEST_FUNCTION: usize = 80;

/// Folders of rooms, the file that lists each, and what was measured there before the rooms were ordered, printed for comparison.
const FOLDERS: [(&str, &str, &str); 3] = [
    ("", "lib.rs", "57 arrows, none climbs"),
    ("pipeline/", "pipeline/mod.rs", "22 rooms, 26 arrows"),
    ("api/", "api/mod.rs", "23 rooms, 72 arrows, 21 of them climb"),
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
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
    let src = root().join("src");
    let rules: BTreeMap<String, BTreeSet<String>> =
        may_know(&read(&root().join("ARCHITECTURE.md"))).into_iter().collect();
    let (mut looked_at, mut wrong) = (0, Vec::new());
    for path in scan::rust_files(&src) {
        let relative = path.strip_prefix(&src).expect("in src");
        let room = relative.iter().next().expect("room").to_string_lossy().trim_end_matches(".rs").to_string();
        if matches!(room.as_str(), "main" | "lib") {
            continue;
        }
        let may = rules
            .get(&room)
            .unwrap_or_else(|| panic!("{}: the room {room} is not in ARCHITECTURE.md's table", relative.display()));
        let text = read(&path);
        // Tests beside the code may use neighbours.
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        for (line, target) in imports(code) {
            looked_at += 1;
            if target != room && !may.contains(&target) {
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
    for path in scan::rust_files(&root().join("src")) {
        let text = read(&path);
        assert!(text.starts_with("//! ") && !text.contains("(being written)"), "{}", path.display());
    }
}

/// The room of a file inside a folder such as `api/`; the folder's own `mod.rs` is `mod`.
fn room_of<'a>(file: &'a str, folder: &str) -> Option<&'a str> {
    let rest = file.strip_prefix(folder)?;
    Some(rest.split('/').next().unwrap_or(rest).trim_end_matches(".rs"))
}

/// Who knows whom inside a folder, with one line for each arrow that shows it.
fn arrows<'a>(imports: &'a [Import], folder: &str) -> BTreeMap<(&'a str, &'a str), String> {
    let mut found = BTreeMap::new();
    for import in imports {
        if let (Some(from), Some(to)) = (room_of(&import.from, folder), room_of(&import.to, folder))
            && from != to
        {
            found.entry((from, to)).or_insert_with(|| format!("src/{}:{}: {}", import.from, import.line, import.name));
        }
    }
    found
}

/// Arrows from a room to one that is listed below it, or to the list itself.
fn climbing(order: &[String], arrows: &BTreeMap<(&str, &str), String>) -> Vec<String> {
    let place = |room: &str| order.iter().position(|other| other == room);
    let climbs = |(from, to): &(&str, &str)| *to == "mod" || *from != "mod" && place(to) >= place(from);
    arrows
        .iter()
        .filter(|(arrow, _)| climbs(arrow))
        .map(|((from, to), shown)| format!("{from} -> {to}: {shown}"))
        .collect()
}

#[test]
fn every_room_knows_those_above_it_alone() {
    let src = root().join("src");
    let imports = Tree::read(&src).imports();
    assert!(imports.len() > 1000, "the test reads imports: {}", imports.len());
    let mut wrong = Vec::new();
    for (folder, list, before) in FOLDERS {
        let order = scan::declared(&read(&src.join(list)));
        let arrows = arrows(&imports, folder);
        println!(
            "src/{folder}: {} rooms, {} arrows",
            order.len(),
            arrows.keys().filter(|(from, _)| *from != "mod").count()
        );
        println!("  measured before the rooms were ordered: {before}");
        for room in &order {
            let known: Vec<&str> = arrows.keys().filter(|(from, _)| from == room).map(|(_, to)| *to).collect();
            println!("  {room} -> {}", if known.is_empty() { "nobody".into() } else { known.join(", ") });
        }
        wrong.extend(climbing(&order, &arrows));
    }
    assert!(wrong.is_empty(), "these climb:\n{}", wrong.join("\n"));
}

#[test]
fn no_files_import_each_other_in_a_circle() {
    let circles = scan::circles(&Tree::read(&root().join("src")).imports());
    println!("circles of files in src/: {} (measured before the rooms were ordered: 9)", circles.len());
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn a_function_can_be_seen_as_a_whole() {
    let src = root().join("src");
    let mut all: Vec<scan::Function> = Vec::new();
    for path in scan::rust_files(&src) {
        all.extend(scan::functions(&path.display().to_string(), &read(&path)));
    }
    all.sort_by_key(|function| std::cmp::Reverse(function.lines));
    println!("functions in src/: {}, the longest has {} lines", all.len(), all[0].lines);
    let long: Vec<String> = all
        .iter()
        .filter(|function| function.lines > LONGEST_FUNCTION)
        .map(|function| format!("{}:{}: {} has {} lines", function.path, function.line, function.name, function.lines))
        .collect();
    assert!(long.is_empty(), "{}", long.join("\n"));
}

/// ARCHITECTURE.md's table, in its order: each room with what it may know.
fn may_know(text: &str) -> Vec<(String, BTreeSet<String>)> {
    let rows = text.lines().skip_while(|line| !line.starts_with("| room |")).skip(2);
    let rows: Vec<Vec<&str>> =
        rows.take_while(|line| line.starts_with('|')).map(|line| line.split('|').map(str::trim).collect()).collect();
    let name = |cell: &str| cell.trim_matches('`').trim_end_matches('/').trim_end_matches(".rs").to_string();
    let all: BTreeSet<String> = rows.iter().map(|cells| name(cells[1])).collect();
    let list = |room: &str, names: &str| -> BTreeSet<String> {
        let names = names.replace(" and ", ", ");
        let known = |name: &str| {
            assert!(all.contains(name), "the row of {room} names {name:?}, which is no room");
            name.to_string()
        };
        names.split(", ").map(known).collect()
    };
    let row = |cells: &Vec<&str>| {
        let room = name(cells[1]);
        let said = without_brackets(cells[3]);
        let may = match said.as_str() {
            "nobody" => BTreeSet::new(),
            "everybody" => all.clone(),
            said => match said.strip_prefix("everybody but ") {
                Some(but) => all.difference(&list(&room, but)).cloned().collect(),
                None => list(&room, said),
            },
        };
        (room, may)
    };
    rows.iter().map(row).collect()
}

/// A text without what stands in brackets, and without the space before them.
fn without_brackets(text: &str) -> String {
    let mut kept = String::new();
    for part in text.split_inclusive(['(', ')']) {
        match part.strip_suffix('(') {
            Some(before) => kept.push_str(before.trim_end()),
            None if part.ends_with(')') => {}
            None => kept.push_str(part),
        }
    }
    kept
}

#[test]
fn the_table_is_read_as_people_read_it() {
    let table = "| room | what it holds | may know |\n|---|---|---|\n| `a/` | one | nobody |\n| `b.rs` | two | a |\n\
        | `c/` | three | a (for b, c), b |\n| `d/` | four | everybody but a and b |\n\n| `e/` | another table | x |\n";
    let read: Vec<(String, String)> =
        may_know(table).into_iter().map(|(room, may)| (room, may.into_iter().collect::<Vec<_>>().join(" "))).collect();
    let wanted = [("a", ""), ("b", "a"), ("c", "a b"), ("d", "c d")];
    assert_eq!(read, wanted.map(|(room, may)| (room.to_string(), may.to_string())));
}

#[test]
fn the_rooms_stand_in_the_order_of_a_call_each_with_its_sentence() {
    let lib = read(&root().join("src/lib.rs"));
    let rooms = scan::declared(&lib);
    assert_eq!(
        rooms,
        may_know(&read(&root().join("ARCHITECTURE.md"))).into_iter().map(|(room, _)| room).collect::<Vec<_>>(),
        "src/lib.rs and ARCHITECTURE.md list the rooms alike"
    );
    let lines: Vec<&str> = lib.lines().collect();
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with("pub mod ")) {
        assert!(lines[place - 1].starts_with("// ") && line.ends_with(';'), "{line}: its sentence stands above it");
    }
}

#[cfg(test)]
mod of_the_scan {
    use super::scan::{Function, Tree, circles, declared, functions, without_prose};

    fn tree(files: &[(&str, &str)]) -> Tree {
        Tree::of(files.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string())))
    }

    fn seen(files: &[(&str, &str)]) -> Vec<String> {
        let imports = tree(files).imports();
        let all: std::collections::BTreeSet<String> =
            imports.iter().map(|import| format!("{} -> {}", import.from, import.to)).collect();
        all.into_iter().collect()
    }

    #[test]
    fn a_name_is_followed_to_the_file_that_defines_it() {
        let files = [
            ("a/mod.rs", "mod b;\nmod c;\npub use self::b::B;\npub use c::*;\n"),
            ("a/b.rs", "pub struct B;"),
            ("a/c.rs", "use super::B;\npub fn f(b: B) {}"),
            ("d.rs", "fn g() { crate::a::B; }\n// crate::a::c::f\nconst X: &str = \"crate::a::c::f\";"),
        ];
        assert_eq!(seen(&files), ["a/c.rs -> a/b.rs", "d.rs -> a/b.rs"]);
        assert!(circles(&tree(&files).imports()).is_empty(), "a list of children is none of their importers");
    }

    #[test]
    fn a_circle_is_seen_however_long_and_through_a_list_with_code_of_its_own() {
        let round = [("a.rs", "use crate::b::B;"), ("b.rs", "use crate::c::C;"), ("c.rs", "fn f() -> crate::a::A {}")];
        assert_eq!(circles(&tree(&round).imports()), [["a.rs", "b.rs", "c.rs"]]);
        let list =
            [("a/mod.rs", "pub mod b;\npub use b::B;\npub struct A;"), ("a/b.rs", "use super::A;\npub struct B;")];
        assert_eq!(circles(&tree(&list).imports()), [["a/b.rs", "a/mod.rs"]]);
        let tests = [
            ("a.rs", "pub struct A;"),
            ("b.rs", "use crate::a::A;"),
            ("a/x.rs", "#[cfg(test)]\nmod t { use crate::b::B; }"),
        ];
        assert!(circles(&tree(&tests).imports()).is_empty(), "what only tests see is no import");
    }

    #[test]
    fn functions_are_measured_to_their_last_brace_and_braces_in_texts_are_none() {
        let text = "fn one() {\n    let a = \"}\";\n    let c = '}'; // }\n}\n\nimpl X {\n    const fn two<'a>(x: fn(u8)) -> u8 { 2 }\n}\n";
        let found = functions("x.rs", text);
        let told: Vec<(&str, usize, usize)> =
            found.iter().map(|Function { line, name, lines, .. }| (&**name, *line, *lines)).collect();
        assert_eq!(told, [("one", 1, 4), ("two", 7, 1)]);
        assert_eq!(
            without_prose("a /* b\n c */ r#\"d\"# 'e' \"f\" 'g").split_whitespace().collect::<Vec<_>>(),
            ["a", "'g"]
        );
        assert_eq!(declared("pub mod b;\n// mod c;\nmod a;\nmod tests {}"), ["b", "a"]);
    }
}
