//! What the API says of itself: the documents that are checked in, printed and served are one, and the page that shows them needs nothing from outside.

use std::path::Path;

use serde_json::Value;

use crate::access::protected;

/// What `lineside openapi` prints with these arguments, and the file that is checked in.
fn printed_and_kept(bed: &crate::bed::Bed, arguments: &[&str], file: &str) -> (String, String) {
    let output = bed.command(&[&["openapi"][..], arguments].concat()).output().expect("run");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(file);
    let kept = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    (String::from_utf8(output.stdout).expect("UTF-8"), kept)
}

/// The first line that is another one.
fn difference(one: &str, other: &str) -> Option<String> {
    let (mut one, mut other) = (one.lines(), other.lines());
    (1..).find_map(|number| match (one.next(), other.next()) {
        (None, None) => Some(None),
        (left, right) if left != right => Some(Some(format!("line {number}: {left:?}, kept {right:?}"))),
        _ => None,
    })?
}

#[test]
fn the_documents_that_are_kept_are_those_that_the_daemon_prints_and_serves() {
    let mut bed = protected("token = \"geheim\"");
    bed.start();
    for (arguments, file) in [(&[][..], "openapi.json"), (&["--feeds"][..], "asyncapi.json")] {
        let (printed, kept) = printed_and_kept(&bed, arguments, file);
        let mend = format!("lineside openapi {} > docs/{file}", arguments.join(" "));
        assert_eq!(difference(&printed, &kept), None, "{mend}");
        // Nobody needs a token to read it.
        let served = bed.get(&format!("/{file}"));
        assert_eq!(Some(served), serde_json::from_str::<Value>(&printed).ok(), "{file}");
    }
}

#[test]
fn the_document_says_its_version_and_every_operation_says_what_it_gives() {
    let bed = protected("token = \"geheim\"");
    let (printed, _) = printed_and_kept(&bed, &[], "openapi.json");
    let document: Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(
        (&document["openapi"], &document["info"]["version"]),
        (&"3.1.0".into(), &env!("CARGO_PKG_VERSION").into())
    );
    let mut ids = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let what = format!("{method} {path}");
            let id = operation["operationId"].as_str().unwrap_or_default();
            assert!(!id.is_empty() && ids.insert(id.to_owned()), "{what}: {id}");
            assert!(operation["summary"].as_str().is_some_and(|summary| summary.len() > 5), "{what}");
            let statuses = operation["responses"].as_object().expect("responses");
            assert!(statuses.keys().any(|status| status.starts_with('2') || status == "101"), "{what}");
            let is_free = path == "/health";
            assert_eq!(operation["security"].as_array().is_some_and(Vec::is_empty), is_free, "{what}");
            assert_eq!(statuses.contains_key("401") && statuses.contains_key("403"), !is_free, "{what}");
        }
    }
}

#[test]
fn the_page_that_shows_the_document_is_there_for_everybody() {
    let mut bed = protected("token = \"geheim\"");
    bed.start();
    for (path, kind) in [("/docs", "text/html"), ("/web/docs.js", "text/javascript")] {
        let answer = ureq::get(format!("http://127.0.0.1:{}{path}", bed.http)).call().expect("an answer");
        let head = |name: &str| answer.headers()[name].to_str().unwrap_or_default().to_owned();
        assert!(head("content-type").starts_with(kind), "{path}");
        assert!(head("content-security-policy").starts_with("default-src 'self'"), "{path}");
    }
}
