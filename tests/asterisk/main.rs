//! Drives lineside with a real Asterisk, fetched by `tests/asterisk/fetch`: bridged calls by every road, and what goes wrong on a PBX.
//!
//! A runner of its own, because what cannot be tested here is to be counted as skipped, with the reason, never as passed. It takes the
//! arguments of cargo's own that matter: a part of a name, `--list`, `--test-threads N`.

// The daemon's tests use all of it.
mod agi;
mod ami;
#[allow(dead_code)]
#[path = "../daemon/bed.rs"]
mod bed;
mod doctor;
mod faults;
mod lag;
mod pbx;
mod roads;
mod script;
mod taps;

use std::process::ExitCode;
use std::sync::Mutex;
use std::thread::JoinHandle;
use std::time::Instant;

/// A test: its name as a sentence, and what it does.
type Test = (&'static str, fn());

/// Most of a test is waiting for a call to be spoken, so a few run beside each other.
const THREADS: usize = 4;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut threads = THREADS;
    let mut wanted: Option<&str> = None;
    let mut skipped: Option<&str> = None;
    let mut list = false;
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--list" => list = true,
            "--test-threads" => threads = rest.next().and_then(|count| count.parse().ok()).unwrap_or(threads),
            "--skip" => skipped = rest.next().map(String::as_str),
            other if other.starts_with("--test-threads=") => threads = other[15..].parse().unwrap_or(threads),
            name if !name.starts_with('-') => wanted = Some(name),
            _ => {}
        }
    }
    let mut tests: Vec<Test> =
        [roads::TESTS, faults::TESTS, ami::TESTS, agi::TESTS, taps::TESTS, lag::TESTS, doctor::TESTS].concat();
    tests.retain(|(name, _)| {
        wanted.is_none_or(|part| name.contains(part)) && skipped.is_none_or(|part| !name.contains(part))
    });
    if list {
        for (name, _) in tests {
            println!("{name}: test");
        }
        return ExitCode::SUCCESS;
    }
    let reason = match pbx::asterisk() {
        Err(why) => Some(why.to_string()),
        Ok(_) => bed::rendered("calls").err(),
    };
    if let Some(reason) = reason {
        for (name, _) in &tests {
            println!("test {name} ... skipped");
        }
        println!("skipped: {reason}");
        println!("\nasterisk tests: 0 run, {} skipped", tests.len());
        return ExitCode::SUCCESS;
    }
    let began = Instant::now();
    let (count, waiting) = (tests.len(), Mutex::new(tests.into_iter()));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while let Some((name, test)) = next(&waiting) {
                    let began = Instant::now();
                    let passed = std::thread::Builder::new().name(name.into()).spawn(test).map(JoinHandle::join);
                    let word = if matches!(passed, Ok(Ok(()))) { "ok" } else { "FAILED" };
                    println!("test {name} ... {word} ({:.1} s)", began.elapsed().as_secs_f64());
                    if word != "ok" {
                        failed.lock().expect("lock").push(name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("lock");
    for name in &failed {
        println!("failed: {name}");
    }
    println!(
        "\nasterisk tests: {count} run, {} failed, 0 skipped, in {:.0} s with {}",
        failed.len(),
        began.elapsed().as_secs_f64(),
        pbx::asterisk().ok().and_then(std::path::Path::file_name).map_or_else(String::new, |v| v.display().to_string())
    );
    if failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn next(waiting: &Mutex<std::vec::IntoIter<Test>>) -> Option<Test> {
    waiting.lock().expect("lock").next()
}
