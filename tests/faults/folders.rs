//! Recording folders that lose events, go away and come back.

use std::path::Path;
use std::time::Duration;

use crate::bed::{Bed, open_header};
use crate::books;
use crate::disk::tool;
use crate::{Fault, Outcome, Skipped};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "inotify queue overflow",
        checks: "40 recordings, half in a new subfolder, whose events are lost: all found by the walk; later ones in the subfolder come by events; none twice",
        run: overflow,
    },
    Fault {
        name: "watched folder unmounted and back",
        checks: "recordings made while it was away, and new ones after, are taken; what was taken before is not taken twice",
        run: unmounted,
    },
    Fault {
        name: "recording silent for longer than patience",
        checks: "a file that was given up as empty is taken when its sound comes after all (MixMonitor's option b while it rings)",
        run: late_sound,
    },
];

fn recording(path: &Path, seed: u32) {
    let sound: Vec<u8> = books::noise(seed, 16_000).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut whole = open_header(1);
    whole.extend(sound);
    let len = whole.len() as u32;
    whole[4..8].copy_from_slice(&(len - 8).to_le_bytes());
    whole[40..44].copy_from_slice(&(len - 44).to_le_bytes());
    std::fs::write(path, whole).expect("write");
}

fn completed(bed: &Bed, calls: impl IntoIterator<Item = u32>) -> usize {
    calls.into_iter().map(|call| bed.until_completed(&format!("1795218045.{call}"))).count()
}

fn overflow() -> Outcome {
    let mut bed = Bed::new("none", "");
    bed.start();
    let monitor = bed.path("monitor");
    bed.until("the folder is watched", Duration::from_secs(20), |bed| bed.log().contains("watching"));
    let limit = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_default();
    let limit: u32 = limit.trim().parse().unwrap_or(16_384);
    // More events than the kernel keeps while nobody reads them: three for every file.
    bed.signal("-STOP");
    let noise = monitor.join("storm");
    for number in 0..limit / 2 {
        std::fs::write(&noise, number.to_string()).expect("write");
        std::fs::rename(&noise, monitor.join(format!("storm-{}", number % 2))).expect("rename");
    }
    std::fs::create_dir_all(monitor.join("2026/11")).expect("mkdir");
    for number in 0..40 {
        let folder = if number % 2 == 0 { monitor.clone() } else { monitor.join("2026/11") };
        recording(&folder.join(format!("call-1795218045.{}-in.wav", 200 + number)), 200 + number);
    }
    bed.signal("-CONT");
    let found = completed(&bed, 200..240);
    assert!(bed.log().contains("overflow"), "the queue did overflow\n{}", bed.log());
    // The subfolder came while events were lost: it is watched all the same.
    recording(&monitor.join("2026/11/call-1795218045.250-in.wav"), 250);
    bed.until("an event tells of it", Duration::from_secs(10), |bed| {
        bed.try_get("/api/v1/calls/1795218045.250").is_some()
    });
    completed(&bed, [250]);
    bed.stop();
    let db = books::database(&bed);
    books::balance(&db, 41);
    assert_eq!(books::count(&db, "SELECT count(*) FROM leg"), 41, "each once");
    Ok(format!("{} events while nobody read, {found} of 40 recordings found, each once", limit / 2 * 4))
}

fn unmounted() -> Outcome {
    let mut bed = Bed::new("none", "");
    let (source, monitor) = (bed.path("volume"), bed.path("monitor"));
    std::fs::create_dir(&source).expect("mkdir");
    let (from, at) = (source.display().to_string(), monitor.display().to_string());
    let mount =
        || tool("mount", &["--bind", &from, &at]).map_err(|why| Skipped(format!("this user may not mount: {why}")));
    mount()?;
    bed.start();
    recording(&monitor.join("call-1795218045.300-in.wav"), 300);
    completed(&bed, [300]);
    // Ours are open for ten minutes more: as an administrator would, lazily.
    tool("umount", &["-l", &at]).expect("umount");
    // On the volume, while it is not mounted.
    recording(&source.join("call-1795218045.301-in.wav"), 301);
    bed.until("it is noticed", Duration::from_secs(30), |bed| bed.log().matches("watching").count() >= 2);
    assert_eq!(bed.ask("GET", "/api/v1/calls/1795218045.301", None).0, 404);
    mount()?;
    completed(&bed, [301]);
    recording(&monitor.join("call-1795218045.302-in.wav"), 302);
    completed(&bed, [302]);
    // Away and back between two looks.
    tool("umount", &["-l", &at]).expect("umount");
    mount()?;
    recording(&monitor.join("call-1795218045.303-in.wav"), 303);
    completed(&bed, [303]);
    bed.stop();
    tool("umount", &["-l", &at]).expect("umount");
    let db = books::database(&bed);
    books::balance(&db, 4);
    assert_eq!(books::count(&db, "SELECT count(*) FROM leg"), 4, "each once");
    Ok("4 recordings, each once".into())
}

fn late_sound() -> Outcome {
    let mut bed = Bed::new("none", "");
    bed.start();
    let path = bed.path("monitor/call-1795218045.310-in.wav");
    let mut file = std::fs::File::create(&path).expect("create");
    std::io::Write::write_all(&mut file, &open_header(1)).expect("write");
    // Half a minute of ringing.
    bed.until("it is given up", Duration::from_mins(1), |bed| bed.log().contains("without any sound"));
    let sound: Vec<u8> = books::noise(310, 16_000).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::io::Write::write_all(&mut file, &sound).expect("write");
    drop(file);
    let call = bed.until_completed("1795218045.310");
    assert_eq!(call["total_audio_duration"].as_f64(), Some(2.0), "{call}");
    bed.stop();
    Ok("taken whole".into())
}
