//! A script of Asterisk's that comes while lineside has no descriptor for its pipe.

use std::collections::BTreeSet;
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::bed::{self, Bed, plain};
use crate::live::text_of;

/// Sets how many descriptors the daemon may have; gives what it had.
fn limit(bed: &Bed, files: u64) {
    let pid = bed.child.as_ref().expect("running").id().to_string();
    let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={files}:")]).status().expect("prlimit");
    assert!(set.success());
}

/// The daemon's descriptors.
fn descriptors(bed: &Bed) -> BTreeSet<u64> {
    let pid = bed.child.as_ref().expect("running").id();
    let all = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("fd");
    all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).collect()
}

/// One more than the lowest number that is free: the connection gets that one, and its pipe none.
fn one_left(bed: &Bed) -> u64 {
    // What the start and the questions before had open is closed when nothing has changed for two seconds.
    let mut taken = descriptors(bed);
    let mut since = Instant::now();
    bed.until("its descriptors stay the same", Duration::from_secs(30), |bed| {
        let now = descriptors(bed);
        if now != taken {
            (taken, since) = (now, Instant::now());
        }
        since.elapsed() > Duration::from_secs(2)
    });
    (0..1_000_000).find(|number| !taken.contains(number)).expect("a number") + 1
}

/// The script, with the pipe as its descriptor 3.
fn script(bed: &Bed, reader: &std::io::PipeReader) -> Child {
    rustix::io::fcntl_setfd(reader, rustix::io::FdFlags::empty()).expect("inherit");
    let program = env!("CARGO_BIN_EXE_lineside");
    let config = bed.path("lineside.toml");
    let line = format!("exec {program} --config {} eagi leg=caller 3<&{}", config.display(), reader.as_raw_fd());
    let mut child = Command::new("bash").args(["-c", &line]).stdin(Stdio::piped()).spawn().expect("spawn");
    let environment = b"agi_request: x\nagi_channel: SIP/100-1\nagi_uniqueid: 1795218045.98\n\n";
    child.stdin.as_mut().expect("stdin").write_all(environment).expect("environment");
    child
}

#[test]
fn an_eagi_script_that_finds_no_descriptor_waits_and_its_call_is_heard() {
    let Some(model) = bed::demo_model() else { return };
    let line = &bed::lines()[16];
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    bed.until("it is ready", Duration::from_mins(1), |bed| bed.get("/health")["status"] == "ok");
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    let few = one_left(&bed);
    limit(&bed, few);
    let mut child = script(&bed, &reader);
    drop(reader);
    bed.until("the shortage is said", Duration::from_secs(20), |bed| bed.log().contains("waits for its pipe"));
    assert!(child.try_wait().expect("wait").is_none(), "the script is not sent away:\n{}", bed.log());
    limit(&bed, 1024);
    for frame in line.samples.chunks(160) {
        let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        writer.write_all(&bytes).expect("frame");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(writer);
    let call = bed.until_completed("1795218045.98");
    assert_eq!(text_of(&call), plain(&line.words));
    assert!(child.wait().expect("wait").success());
    bed.stop();
    println!(
        "mended | 42 | an EAGI script whose pipe found no descriptor was sent away, its call lost | it waits, is told once in the log, and its text is \
         word for word right"
    );
}
