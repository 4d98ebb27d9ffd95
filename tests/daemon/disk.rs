//! A disk that is full, and one that cannot be written: on small file systems of their own, where this user may mount them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bed::{Bed, speak, uuid_of};

/// A mounted tmpfs, unmounted when dropped.
struct Disk(PathBuf);

impl Disk {
    fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("mkdir");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", size, "lineside-test"]).arg(at).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(at.into()));
        }
        eprintln!("skipped: this user may not mount a file system");
        None
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

fn seconds(bed: &Bed, call: &str) -> f64 {
    bed.try_get(&format!("/api/v1/calls/{call}"))
        .map_or(0.0, |call| call["total_audio_duration"].as_f64().unwrap_or(0.0))
}

#[test]
fn a_full_disk_is_waited_for_and_nothing_of_the_call_is_lost() {
    let mut bed = Bed::new("none", "");
    let state = bed.path("state");
    let Some(disk) = Disk::mount(&state, "size=6m") else { return };
    bed.start();
    let tone: Vec<i16> = (0..80_000_i32).map(|i| ((i * 37 % 400) - 200) as i16 * 20).collect();
    let mut call = bed.dial(&uuid_of(1_795_218_045, 60, 2));
    std::thread::scope(|scope| {
        let speaking = scope.spawn(|| speak(&mut call, &tone));
        bed.until("the call is heard", Duration::from_secs(20), |bed| seconds(bed, "1795218045.60") > 1.0);
        // The rest of the disk goes.
        let filled = std::fs::write(state.join("filler"), vec![0; 8 << 20]);
        assert!(filled.is_err(), "the disk is full");
        bed.until("it is said once", Duration::from_secs(20), |bed| {
            bed.log().contains("No space left") || bed.log().contains("disk is full")
        });
        std::thread::sleep(Duration::from_secs(2));
        assert!(bed.try_get("/health/models").is_some(), "the daemon answers");
        std::fs::remove_file(state.join("filler")).expect("room again");
        speaking.join().expect("thread").expect("the connection was held");
    });
    drop(call);
    bed.until("all ten seconds are on disk", Duration::from_secs(30), |bed| seconds(bed, "1795218045.60") >= 9.9);
    assert!(bed.log().matches("No space left").count() <= 2, "one message, not one per frame\n{}", bed.log());
    bed.stop();
    drop(disk);
}

#[test]
fn a_state_folder_that_is_read_only_is_refused_with_what_to_do() {
    let bed = Bed::new("none", "");
    let Some(_disk) = Disk::mount(&bed.path("state"), "size=1m,ro") else { return };
    let refused = bed.command(&["serve"]).output().expect("run");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("state folder must be writable"), "{text}");
}
