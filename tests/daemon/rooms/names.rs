//! Public types have names of their own: whoever reads `Outcome` in one room does not find another `Outcome` in the next. Types that only a part of the
//! crate sees, as with `pub(super)`, may share a name, because no reader meets both.

use std::collections::BTreeMap;

use super::root;
use super::scan::{PublicType, Tree};

/// Names that stand more than once, each with its places.
fn shared(types: &[PublicType]) -> Vec<String> {
    let mut by_name: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for one in types {
        by_name.entry(&one.name).or_default().push(format!("src/{}:{}", one.path, one.line));
    }
    let shared = by_name.into_iter().filter(|(_, places)| places.len() > 1);
    shared.map(|(name, places)| format!("{name}: {}", places.join(", "))).collect()
}

#[test]
fn no_two_public_types_share_a_name() {
    let types = Tree::read(&root().join("src")).public_types();
    let shared = shared(&types);
    println!("public types in src/: {}, names that stand more than once: {}", types.len(), shared.len());
    assert!(types.len() > 300, "the test reads types: {}", types.len());
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
    ];
    let types = Tree::of(files.iter().map(|(path, text)| ((*path).to_string(), (*text).to_string()))).public_types();
    assert_eq!(shared(&types), ["Two: src/a.rs:2, src/b.rs:1"]);
}
