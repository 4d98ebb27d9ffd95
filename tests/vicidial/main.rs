//! Drives lineside beside ViciDial's database: a real MariaDB with ViciDial's tables on a socket of its own, and a day's calls as ViciDial writes them.
//!
//! A runner of its own, because what cannot be tested here is to be counted as skipped, with the reason, never as passed.

// The daemon's tests use all of it.
#[allow(dead_code)]
#[path = "../daemon/bed.rs"]
mod bed;
mod coverage;
mod day;
mod dispositions;
mod elsewhere;
mod freepbx;
mod server;
mod troubles;

use std::process::ExitCode;
use std::time::Instant;

/// A test: its name as a sentence, and what it does.
type Test = (&'static str, fn());

fn main() -> ExitCode {
    let (mut wanted, mut skipped, mut list) = (None, None, false);
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => list = true,
            "--skip" => skipped = rest.next().map(String::as_str),
            "--test-threads" => drop(rest.next()), // one after the other: each has a server
            name if !name.starts_with('-') => wanted = Some(name),
            _ => {}
        }
    }
    let tests: Vec<Test> = [day::TESTS, coverage::TESTS, troubles::TESTS, elsewhere::TESTS, freepbx::TESTS]
        .concat()
        .into_iter()
        .filter(|(name, _)| wanted.is_none_or(|part| name.contains(part)))
        .filter(|(name, _)| skipped.is_none_or(|part| !name.contains(part)))
        .collect();
    if list {
        for (name, _) in &tests {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    if let Some(reason) = server::missing() {
        for (name, _) in &tests {
            println!("test {name} ... skipped");
        }
        println!("skipped: {reason}\n\nvicidial tests: 0 run, {} skipped", tests.len());
        return ExitCode::SUCCESS;
    }
    let (count, mut failed) = (tests.len(), Vec::new());
    for (name, test) in tests {
        let began = Instant::now();
        let passed = std::thread::Builder::new().name(name.into()).spawn(test).expect("a thread").join().is_ok();
        println!("test {name} ... {} ({:.1} s)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_secs_f64());
        if !passed {
            failed.push(name);
        }
    }
    println!("\nvicidial tests: {} passed, {} failed, 0 skipped", count - failed.len(), failed.len());
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
