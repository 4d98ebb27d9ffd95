//! Packs as an administrator changes them: checked, tried on past calls, saved under a running daemon.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::bed::Bed;

const HEAD: &str = "name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n";
const GIZMO: &str = "[[keyword]]\nlabel = \"gizmo\"\nterms = [\"gizmo\"]\n";

fn lineside(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lineside")).args(arguments).output().expect("the program runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn write(file: &Path, body: &str) {
    std::fs::write(file, format!("{HEAD}{body}")).expect("a pack");
}

/// A text of a call, as another platform sends it; the labels of its keywords.
fn say(bed: &Bed, call: &str, words: &str) -> Vec<String> {
    let event = json!({
        "provider": "test", "event_type": "transcript", "call_id": call, "speaker": "customer", "text": words,
    });
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
    assert_eq!(status, 200, "{answer}");
    let told = bed.get(&format!("/api/v1/calls/{call}"));
    let last = told["transcript_segments"].as_array().and_then(|all| all.last()).cloned().unwrap_or_default();
    let label = |hit: &Value| hit["label"].as_str().or_else(|| hit.as_str()).map(str::to_owned);
    last["keywords"].as_array().into_iter().flatten().filter_map(label).collect()
}

#[test]
fn a_check_names_every_mistake_with_line_and_column_and_its_code_is_that_of_a_bad_configuration() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, bad) = (folder.path().join("good.toml"), folder.path().join("bad.toml"));
    write(&good, GIZMO);
    write(&bad, "[[keyword]]\nlabel = \" \"\nterms = [\"x\"]\n[[entity]]\nkind = \"k\"\npatterns = ['one (two']\n");
    let (good, bad) = (good.display().to_string(), bad.display().to_string());
    let checked = lineside(&["pack", "check", &good, &bad]);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(78), "{said}");
    assert!(said.contains(&format!("{good}: pack \"own\"")), "{said}");
    assert!(said.contains(&format!("{bad}:5:9: label is empty")), "{said}");
    assert!(said.contains(&format!("{bad}:9:13: pattern \"one (two\": unclosed group")), "{said}");
    assert!(lineside(&["pack", "check", &good]).status.success());
}

#[test]
fn a_label_that_no_pack_gives_is_refused_by_the_check_and_told_at_start_and_reload() {
    let packs = tempfile::tempdir().expect("a folder");
    let rule = |label: &str| format!("[[rule]]\nname = \"r\"\nlevel = \"urgent\"\nlabels = [\"{label}\"]\n");
    let (own, other) = (packs.path().join("own.toml"), packs.path().join("other.toml"));
    write(&own, &rule("Gizmo"));
    std::fs::write(&other, HEAD.replace("own", "other") + GIZMO).expect("a pack");
    let mut bed = Bed::new("none", &format!("[text]\npacks = \"{}\"", packs.path().display()));
    let name = own.display().to_string();
    let check = |bed: &Bed| {
        let checked = bed.command(&["pack", "check", &name]).output().expect("the program runs");
        (checked.status.code(), text(&checked.stdout))
    };
    let (code, said) = check(&bed);
    let told =
        "rule \"r\" asks for the label \"Gizmo\", and no [[keyword]] of the packs gives it; did you mean \"gizmo\"?";
    assert_eq!((code, said), (Some(78), format!("{name}:7:10: {told}\n")));
    bed.start();
    let warned = |bed: &Bed| bed.log().matches(&format!("{name}, line 7: {told}; so it never holds")).count();
    assert_eq!(warned(&bed), 1, "{}", bed.log());
    write(&own, &(rule("Gizmo") + "description = \"saved again\"\n"));
    bed.until("the packs are read again", Duration::from_secs(20), |bed| warned(bed) >= 2);
    write(&own, &rule("gizmo"));
    let (code, said) = check(&bed);
    assert_eq!((code, said.contains("is good")), (Some(0), true), "its label is another pack's: {said}");
    bed.stop();
}

#[test]
fn a_check_reads_glossaries_too_and_names_their_lines() {
    let folder = tempfile::tempdir().expect("a folder");
    let (good, bad) = (folder.path().join("good.csv"), folder.path().join("bad.csv"));
    std::fs::write(&good, "term,meaning\nrouter,a device\n").expect("a list");
    std::fs::write(&bad, "router\n,empty\n---\n").expect("a list");
    let (good, bad) = (good.display().to_string(), bad.display().to_string());
    let checked = lineside(&["pack", "check", &good, &bad]);
    let said = text(&checked.stdout);
    assert_eq!(checked.status.code(), Some(78), "{said}");
    assert!(said.contains(&format!("{good}: glossary of 1 terms is good")), "{said}");
    assert!(said.contains(&format!("{bad}:2: the first column is empty")), "{said}");
    assert!(said.contains(&format!("{bad}:3: ")), "{said}");
    assert!(lineside(&["pack", "check", &good]).status.success());
}

#[test]
fn a_saved_pack_is_taken_a_bad_one_is_not_and_one_is_tried_on_the_calls_that_were() {
    let packs = tempfile::tempdir().expect("a folder");
    let file = packs.path().join("own.toml");
    write(&file, "");
    let mut bed = Bed::new("none", &format!("[text]\npacks = \"{}\"", packs.path().display()));
    bed.start();
    assert_eq!(say(&bed, "one", "my gizmo is here"), Vec::<String>::new());

    write(&file, GIZMO);
    bed.until("the saved pack is taken", Duration::from_secs(20), |bed| {
        bed.log().contains("a pack was saved; all packs are read again")
    });
    assert_eq!(say(&bed, "two", "my gizmo is here"), ["gizmo"]);

    write(&file, "[[keyword]]\nlabel = \"gadget\"\n");
    bed.until("the bad pack is refused", Duration::from_secs(20), |bed| bed.log().contains("is not taken"));
    assert!(bed.log().contains("the packs in use stay"), "{}", bed.log());
    assert_eq!(say(&bed, "three", "gizmo again"), ["gizmo"]);

    write(&file, GIZMO);
    bed.ask("POST", "/api/v1/calls/one/end", None);
    bed.until_completed("one");
    let new = packs.path().join("new.txt");
    write(&new, "[[keyword]]\nlabel = \"arrival\"\nterms = [\"is here\"]\n");
    let tried = bed.command(&["pack", "try", &new.display().to_string(), "--json"]).output().expect("the program runs");
    let told: Value = serde_json::from_slice(&tried.stdout).unwrap_or_else(|_| panic!("{}", text(&tried.stderr)));
    assert_eq!(told["calls"], 1, "{told}");
    let difference = json!({"call_id": "one", "what": "keyword", "before": ["gizmo"], "after": ["arrival"]});
    assert!(told["differences"].as_array().is_some_and(|all| all.contains(&difference)), "{told}");
    bed.stop();
}
