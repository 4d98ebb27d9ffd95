//! The clock stepped by an hour, forward and back, by a library that is preloaded (clock.c): the wall clock alone, as `date -s` or a late NTP does. The
//! kernel's own times (of files) stay, which is the other half of the fault: they are an hour off then.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bed::{self, Bed, uuid_of};
use crate::books;
use crate::{Fault, Outcome, Skipped};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "clock stepped forward by an hour",
        checks: "a second leg has its place in the call, lines their times; a recording just begun is taken; the call ends when it is over",
        run: || stepped("+3600"),
    },
    Fault {
        name: "clock stepped back by an hour",
        checks: "a second leg has its place in the call, lines their times; a recording just begun is taken; the call ends when it is over",
        run: || stepped("-3600"),
    },
];

/// Compiles it into a folder.
fn library(folder: &Path) -> Result<String, Skipped> {
    let made = folder.join("clock.so").display().to_string();
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/clock.c");
    let compiler = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-o", &made, source]).status();
    match compiler {
        Ok(status) => {
            assert!(status.success(), "{source} compiles");
            Ok(made)
        }
        Err(problem) => Err(Skipped(format!("cc: {problem}"))),
    }
}

fn stepped(by: &str) -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let mut bed = Bed::new(&model, "");
    let library = library(bed.folder.path())?;
    let clock = bed.path("clock");
    std::fs::write(&clock, "0").expect("write");
    bed.launcher =
        ["env".into(), format!("LD_PRELOAD={library}"), format!("CLOCK_IS_OFF_BY={}", clock.display())].into();
    bed.start();
    let (first_script, second_script) = (books::script(&lines, 1, 4), books::script(&lines, 2, 3));
    let young = bed.path("monitor/call-1795218045.81-in.wav");
    let recording = books::script(&lines, 3, 2);
    let mut first = bed.dial(&uuid_of(1_795_218_045, 80, 1));
    let began = Instant::now();
    let mut second_began = Duration::ZERO;
    std::thread::scope(|scope| {
        let one = scope.spawn(|| bed::speak(&mut first, &first_script.samples));
        // A header alone: MixMonitor's next bytes come 2 s later.
        std::fs::write(&young, bed::open_header(1)).expect("write");
        std::thread::sleep(Duration::from_secs(2));
        // In one step: a file half written would be another time.
        std::fs::write(clock.with_extension("new"), by)
            .and_then(|()| std::fs::rename(clock.with_extension("new"), &clock))
            .expect("step");
        let mut second = bed.dial(&uuid_of(1_795_218_045, 80, 2));
        second_began = began.elapsed();
        bed::speak(&mut second, &second_script.samples).expect("taken");
        // Longer than two rounds of the watcher.
        std::thread::sleep(Duration::from_secs(11).saturating_sub(began.elapsed()));
        let mut file = std::fs::File::options().append(true).open(&young).expect("open");
        let bytes: Vec<u8> = recording.samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        std::io::Write::write_all(&mut file, &bytes).expect("write");
        one.join().expect("thread").expect("taken");
    });
    drop(first);
    bed.until_completed("1795218045.80");
    bed.until_completed("1795218045.81");
    bed.stop();
    let db = books::database(&bed);
    let scripts = [("1795218045.80", &first_script), ("1795218045.81", &recording)];
    let figures = books::written(&db, scripts.map(|(call, script)| (call.to_string(), script)));
    let offset = books::count(
        &db,
        "SELECT max(offset_ms) FROM leg JOIN call ON call.id = leg.call WHERE call_id = '1795218045.80'",
    );
    let off = offset - second_began.as_millis() as i64;
    assert!(off.abs() < 1500, "the second leg began after {second_began:?} and was put at {offset} ms");
    assert!(bed.log().contains("the clock was stepped"), "{}", bed.log());
    Ok(format!("second leg {off} ms from its place; {figures}"))
}
