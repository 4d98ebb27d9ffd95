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
use std::sync::Mutex;
use std::time::Instant;

/// Tests that run at a time. They mostly wait: for a dialer's next row, for a database that hangs.
const AT_ONCE: usize = 2;

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
            "--test-threads" => drop(rest.next()), // AT_ONCE: each has a server
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
    let count = tests.len();
    let waiting = Mutex::new(tests.into_iter());
    let failed: usize = std::thread::scope(|scope| {
        let runners: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(|| run(&waiting))).collect();
        runners.into_iter().map(|runner| runner.join().expect("a runner")).sum()
    });
    println!("\nvicidial tests: {} passed, {failed} failed, 0 skipped", count - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs what waits, one test after the other; how many failed.
fn run(waiting: &Mutex<std::vec::IntoIter<Test>>) -> usize {
    let mut failed = 0;
    loop {
        let next = waiting.lock().expect("no runner has failed").next();
        let Some((name, test)) = next else { return failed };
        let began = Instant::now();
        let passed = std::thread::Builder::new().name(name.into()).spawn(test).expect("a thread").join().is_ok();
        println!("test {name} ... {} ({:.1} s)", if passed { "ok" } else { "FAILED" }, began.elapsed().as_secs_f64());
        failed += usize::from(!passed);
    }
}
