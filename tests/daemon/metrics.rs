//! What is counted, what is written about it, and what the dashboard asks for are the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bed::Bed;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every word in a text that begins with our prefix.
fn names(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.len() > 9 && word.starts_with("lineside_")).map(String::from).collect()
}

fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("src") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            all.push_str(&fs::read_to_string(&path).expect("source"));
        }
    }
}

/// The names that stand first in calls of these macros, also where the call is broken over lines.
fn in_macros(text: &str, macros: &[&str]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for name in macros {
        for (place, _) in text.match_indices(&format!("{name}!(")) {
            // `counter!` is the end of `describe_counter!` too.
            if text[..place].ends_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
                continue;
            }
            let after = text[place + name.len() + 2..].trim_start();
            if let Some((name, _)) = after.strip_prefix('"').and_then(|rest| rest.split_once('"')) {
                found.insert(name.to_string());
            }
        }
    }
    found
}

fn manual() -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("packaging/grafana/README.md")).expect("manual");
    text.lines().filter_map(|line| line.strip_prefix("| `")?.split_once('`')).map(|(name, _)| name.into()).collect()
}

#[test]
fn every_metric_is_described_for_the_exporter_and_in_the_manual_and_nothing_else_is() {
    let mut text = String::new();
    sources(&root().join("src"), &mut text);
    let counted = in_macros(&text, &["counter", "gauge", "histogram"]);
    let described = in_macros(&text, &["describe_counter", "describe_gauge", "describe_histogram"]);
    assert!(counted.len() > 25, "{counted:?}");
    assert_eq!(counted, described, "counted (left) and described (right)");
    assert_eq!(described, manual(), "described (left) and in packaging/grafana/README.md (right)");
}

#[test]
fn a_daemon_shows_no_metric_without_its_meaning_and_starts_the_counters_at_zero() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut answer = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let text = answer.body_mut().read_to_string().expect("text");
    let manual = manual();
    let mut shown = 0;
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let name = line.split(' ').next().expect("name");
        assert!(manual.contains(name), "{name} is not in packaging/grafana/README.md");
        assert!(text.contains(&format!("# HELP {name} ")), "{name} has no help");
        shown += 1;
    }
    assert!(shown > 20, "{text}");
    assert!(text.lines().any(|line| line == "lineside_store_rejected_total 0"), "{text}");
    bed.stop();
}

#[test]
fn the_dashboard_asks_for_what_exists_and_shows_all_of_it() {
    let text = fs::read_to_string(root().join("packaging/grafana/lineside.json")).expect("dashboard");
    let board: Value = serde_json::from_str(&text).expect("JSON");
    let mut asked = BTreeSet::new();
    for panel in board["panels"].as_array().expect("panels") {
        assert!(panel["title"].as_str().is_some_and(|title| !title.is_empty()), "{panel}");
        for target in panel["targets"].as_array().into_iter().flatten() {
            asked.append(&mut names(target["expr"].as_str().expect("query")));
        }
    }
    let plain = |name: &String| {
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|end| name.strip_suffix(end));
        base.map_or(name.clone(), String::from)
    };
    let asked: BTreeSet<String> = asked.iter().map(plain).collect();
    let manual = manual();
    assert_eq!(asked.difference(&manual).collect::<Vec<_>>(), Vec::<&String>::new(), "asked for, and not there");
    assert_eq!(manual.difference(&asked).collect::<Vec<_>>(), Vec::<&String>::new(), "there, and not shown");
}
