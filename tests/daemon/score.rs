//! `lineside score` as a user runs it: lines in, JSON lines out, whatever the lines hold.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

fn start(options: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_lineside"))
        .arg("score")
        .args(options)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts")
}

/// Input small enough for the pipes' buffers.
fn score(options: &[&str], input: &[u8]) -> (Vec<Value>, Output) {
    let mut child = start(options);
    child.stdin.take().expect("a pipe").write_all(input).expect("the program reads");
    let output = child.wait_with_output().expect("the program ends");
    let lines = output.stdout.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    (lines.map(|line| serde_json::from_slice(line).expect("a line of JSON")).collect(), output)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn every_line_gets_one_answer_with_all_figures() {
    let (answers, output) = score(&["--lexicon", "vader"], b"VADER is smart, handsome, and funny!\r\n\nToday SUX!");
    assert!(output.status.success());
    assert_eq!(answers.len(), 3);
    let figures = ["compound", "pos", "neu", "neg"].map(|figure| answers[0][figure].as_f64());
    assert_eq!(figures, [Some(0.8439), Some(0.752), Some(0.248), Some(0.0)]);
    assert_eq!([&answers[0]["label"], &answers[1]["label"], &answers[2]["label"]], ["positive", "neutral", "negative"]);
}

#[test]
fn an_answer_comes_before_the_input_ends() {
    let mut child = start(&[]);
    let mut input = child.stdin.take().expect("a pipe");
    let mut answers = BufReader::new(child.stdout.take().expect("a pipe")).lines();
    for text in ["thank you", "it was a waste of time"] {
        writeln!(input, "{text}").expect("the program reads");
        let answer = answers.next().expect("an answer").expect("text");
        assert!(answer.contains("\"compound\""), "{answer}");
    }
    drop(input);
    assert!(child.wait().expect("the program ends").success());
}

#[test]
fn lines_that_are_not_utf_8_are_answered_and_counted_on_stderr() {
    let (answers, output) = score(&["--text"], b"good caf\xe9\nfine\n\xff\xfe\n");
    assert!(output.status.success());
    assert_eq!(
        answers.iter().map(|answer| answer["text"].as_str()).collect::<Vec<_>>(),
        [Some("good caf\u{fffd}"), Some("fine"), Some("\u{fffd}\u{fffd}")]
    );
    assert!(
        stderr(&output).contains("line 1 is not UTF-8") && stderr(&output).contains("2 of 3 lines"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = start(&[]);
    drop(child.stdout.take());
    let mut input = child.stdin.take().expect("a pipe");
    // Once the program is gone, writing fails; until then it takes what it gets.
    while input.write_all(b"thank you\n").is_ok() {}
    let output = child.wait_with_output().expect("the program ends");
    assert!(output.status.success(), "{output:?}");
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_pack_of_ones_own_replaces_the_packs_of_the_program() {
    let folder = tempfile::tempdir().expect("a folder");
    let pack = folder.path().join("own.toml");
    let text = "name = \"own\"\nversion = \"1\"\nlanguage = \"de\"\n[[keyword]]\nlabel = \"Kündigung\"\nterms = [\"kündig*\"]\n";
    std::fs::write(&pack, text).expect("the pack is written");
    let path = pack.to_str().expect("a plain path");
    let (answers, _) = score(&["--pack", path], "Ich KÜNDIGE, cancel it\n".as_bytes());
    assert_eq!(answers[0]["keywords"], serde_json::json!(["kündige"]));

    std::fs::write(&pack, text.replace("terms", "term")).expect("the pack is written");
    let (answers, output) = score(&["--pack", path], b"");
    assert!(!output.status.success() && answers.is_empty());
    assert!(stderr(&output).contains("own.toml, line 6: unknown field `term`"), "{}", stderr(&output));
}
