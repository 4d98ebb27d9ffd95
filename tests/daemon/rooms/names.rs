//! Public types have names of their own: whoever sees `Outcome` in one room does not find another `Outcome` in the next. Types that only a part of
//! the crate sees, as with `pub(super)`, have names of their own within their top room.

use std::collections::BTreeMap;

use super::root;
use super::scan::{PublicType, Tree};

/// A part of a top room whose restricted types are not compared with those of the rest.
const APART: &str = "text/review/";

/// Names that stand more than once among types that one reader meets, each with its places.
fn shared<'a>(types: impl Iterator<Item = &'a PublicType>) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in types {
        by_name.entry(&one.name).or_default().push(format!("src/{}:{}", one.path, one.line));
    }
    let shared = by_name.into_iter().filter(|(_, places)| places.len() > 1);
    shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
}

/// Names that stand more than once in one top room, whoever sees the types.
fn shared_in_a_room(types: &[PublicType]) -> Vec<String> {
    let room = |one: &PublicType| one.path.split('/').next().unwrap_or_default().trim_end_matches(".rs").to_string();
    let mut by_room: BTreeMap<String, Vec<&PublicType>> = BTreeMap::new();
    for one in types.iter().filter(|one| !(one.is_restricted && one.path.starts_with(APART))) {
        by_room.entry(room(one)).or_default().push(one);
    }
    by_room.into_values().flat_map(|types| shared(types.into_iter())).collect()
}

#[test]
fn no_two_public_types_share_a_name() {
    let types = Tree::read(&root().join("src")).public_types();
    let public = || types.iter().filter(|one| !one.is_restricted);
    let shared = shared(public());
    println!("public types in src/: {}, names that stand more than once: {}", public().count(), shared.len());
    assert!(public().count() > 300, "the test reads types: {}", types.len());
    assert!(shared.is_empty(), "{}", shared.join("\n"));
}

#[test]
fn no_two_types_of_a_top_room_share_a_name() {
    let types = Tree::read(&root().join("src")).public_types();
    let restricted = types.iter().filter(|one| one.is_restricted).count();
    let shared = shared_in_a_room(&types);
    println!(
        "types that a part of src/ sees: {restricted}, names that stand more than once in a room: {}",
        shared.len()
    );
    assert!(restricted > 100, "the test reads types: {restricted}");
    assert!(shared.is_empty(), "{}", shared.join("\n"));
}

#[test]
fn a_shared_name_would_be_seen() {
    let files = [
        ("a.rs", "pub struct One;\npub enum Two { Three }\npub(super) struct Four;\n// pub struct Two;"),
        (
            "b.rs",
            "pub type Two<'a> = &'a str;\npub trait Four { type One; }\n#[cfg(test)]\nmod tests { pub struct One; }",
        ),
        ("b/c.rs", "pub(in crate::b) struct Four;\npub(crate) enum Five {}\npub(super) fn f() {}\nstruct Six;"),
        ("b/d.rs", "pub(super) struct Six;"),
    ];
    let types = Tree::of(files.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string()))).public_types();
    assert_eq!(shared(types.iter().filter(|one| !one.is_restricted)), ["Two: src/a.rs:2, src/b.rs:1"]);
    assert_eq!(shared_in_a_room(&types), ["Four: src/b.rs:2, src/b/c.rs:1"]);
}
