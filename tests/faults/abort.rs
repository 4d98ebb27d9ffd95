//! The engine aborts: whisper.cpp's assertions and a fault in C++ end the process by SIGABRT or SIGSEGV in the middle of an inference.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::bed::{self, Bed};
use crate::books;
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[Fault {
    name: "abort inside the engine",
    checks: "SIGABRT and SIGSEGV in the middle of an inference, restarted: every line recorded meanwhile is there once",
    run: aborted,
}];

/// Whether a thread of this name is computing at this moment.
fn computes(bed: &Bed, name: &str) -> bool {
    let pid = bed.child.as_ref().expect("running").id();
    std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten().any(|task| {
        let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains(&format!("({name}) R"))
    })
}

/// Ends it by a signal while the engine is at work.
fn strike(bed: &mut Bed, signal: &str, number: i32) -> bool {
    let began = Instant::now();
    while !computes(bed, "speech-0") {
        if began.elapsed() > Duration::from_secs(30) {
            return false;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    bed.signal(signal);
    std::thread::sleep(Duration::from_millis(20));
    let mut child = bed.child.take().expect("running");
    if child.try_wait().expect("wait").is_none() {
        // Rust's handler looks first whether it was its own stack; a fault of the CPU comes again then, so this one does too.
        let _ = std::process::Command::new("kill").args([signal, &child.id().to_string()]).status();
    }
    let status = child.wait().expect("wait");
    assert_eq!(status.signal(), Some(number));
    true
}

fn aborted() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let scripts: Vec<_> = (0..6).map(|call| books::script(&lines, call, 4)).collect();
    let mut bed = Bed::new(&model, "");
    bed.start();
    let mut aborts = 0;
    std::thread::scope(|scope| {
        for (call, script) in scripts.iter().enumerate() {
            let path = bed.path(&format!("monitor/call-1795218045.{}-in.wav", 340 + call));
            scope.spawn(move || bed::record(&path, &script.samples));
        }
        for (signal, number) in [("-ABRT", 6), ("-SEGV", 11)].repeat(3) {
            // Between two of them a few utterances get through.
            std::thread::sleep(Duration::from_millis(1500));
            aborts += usize::from(strike(&mut bed, signal, number));
            if bed.child.is_none() {
                bed.start();
            }
        }
    });
    for call in 0..6 {
        bed.until_completed(&format!("1795218045.{}", 340 + call));
    }
    bed.stop();
    let db = books::database(&bed);
    let figures = books::written(&db, books::numbered(340, &scripts));
    assert!(aborts >= 3, "only {aborts} times was it at work");
    Ok(format!("{aborts} aborts in the middle of an inference; {figures}"))
}
