//! The fault suite: every fault that a box can have, done to a running daemon, and what was checked afterwards as a table.
//!
//! `cargo test --release --test faults`, or `tests/faults/run`. A part of a name as argument runs only those, `--list` lists them. What cannot be
//! done here (no right to mount, no compiler) is shown as skipped with the reason, never as passed.

#![allow(clippy::unnecessary_wraps)] // a fault that can be done everywhere has the signature of the others

mod abort;
// The daemon's tests use all of it.
#[allow(dead_code)]
#[path = "../daemon/bed.rs"]
mod bed;
mod books;
mod clock;
mod connections;
mod crash;
mod disk;
mod folders;
mod locked;
mod memory;
mod model;
mod overload;
mod stale;

use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use comfy_table::{ContentArrangement, Table, presets};

/// Figures of what was seen, or why it could not be tried.
pub type Outcome = Result<String, Skipped>;

/// Why a fault could not be done here.
pub struct Skipped(pub String);

/// One fault.
#[derive(Clone, Copy)]
pub struct Fault {
    /// What is done to the daemon.
    pub name: &'static str,
    /// What must hold then.
    pub checks: &'static str,
    /// Does it; a panic is a failure.
    pub run: fn() -> Outcome,
}

/// Most of a fault is waiting, so a few run beside each other.
const THREADS: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut faults: Vec<Fault> = [
        locked::FAULTS,
        crash::FAULTS,
        abort::FAULTS,
        disk::FAULTS,
        clock::FAULTS,
        folders::FAULTS,
        memory::FAULTS,
        model::FAULTS,
        connections::FAULTS,
        overload::FAULTS,
        stale::FAULTS,
    ]
    .concat();
    let skips = arguments.iter().position(|argument| argument == "--skip").and_then(|at| arguments.get(at + 1));
    let wanted: Vec<&String> = arguments
        .iter()
        .filter(|argument| !argument.starts_with('-') && Some(*argument) != skips && !is_number(argument))
        .collect();
    faults.retain(|fault| wanted.is_empty() || wanted.iter().any(|part| fault.name.contains(part.as_str())));
    faults.retain(|fault| skips.is_none_or(|part| !fault.name.contains(part.as_str())));
    if arguments.iter().any(|argument| argument == "--list") {
        for fault in faults {
            println!("{}: test", fault.name);
        }
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    // Rendered once, before the threads want it; where it cannot be, each says so.
    let _ = bed::demo_model();
    let results = Mutex::new(vec![None; faults.len()]);
    let next = Mutex::new(0..faults.len());
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(number) = next.lock().ok().and_then(|mut left| left.next()) {
                    let fault = faults[number];
                    let began = Instant::now();
                    let ended = std::thread::Builder::new()
                        .name(fault.name.into())
                        .spawn(fault.run)
                        .map(std::thread::JoinHandle::join);
                    let result = match ended {
                        Ok(Ok(Ok(figures))) => ("ok", figures),
                        Ok(Ok(Err(Skipped(why)))) => ("skipped", why),
                        _ => ("FAILED", String::from("see above")),
                    };
                    println!("fault {} ... {} ({:.1} s)", fault.name, result.0, began.elapsed().as_secs_f64());
                    if let Ok(mut results) = results.lock() {
                        results[number] = Some(result);
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap_or_default();
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN).set_content_arrangement(ContentArrangement::Dynamic).set_width(160);
    table.set_header(["fault", "what was checked", "result", "figures"]);
    for (fault, result) in faults.iter().zip(&results) {
        let (word, figures) = result.clone().unwrap_or(("FAILED", String::new()));
        table.add_row([fault.name, fault.checks, word, &figures]);
    }
    let count = |word: &str| results.iter().flatten().filter(|result| result.0 == word).count();
    let (failed, skipped) = (faults.len() - count("ok") - count("skipped"), count("skipped"));
    println!(
        "\n{table}\n\n{} faults: {} ok, {failed} failed, {skipped} skipped, in {:.0} s",
        faults.len(),
        count("ok"),
        began.elapsed().as_secs_f64()
    );
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn is_number(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
