//! Nonsense, lies and broken things: each gets one clear message, and every other call goes on.

use std::io::Write;
use std::time::Duration;

use crate::bed::{Bed, open_header, read_all, speak, uuid_of};

const VOICE: &str = "none";

/// A second of something that is no silence.
fn tone(seconds: usize) -> Vec<i16> {
    (0..seconds * 8000).map(|i| ((i * 37 % 400) as i16 - 200) * 20).collect()
}

fn audio_ms(bed: &Bed, call: &str) -> u64 {
    bed.try_get(&format!("/api/v1/calls/{call}"))
        .map_or(0, |call| (call["total_audio_duration"].as_f64().unwrap_or(0.0) * 1000.0) as u64)
}

#[test]
fn nonsense_on_one_connection_does_not_touch_another_call() {
    let mut bed = Bed::new(VOICE, "");
    bed.start();
    let mut good = bed.dial(&uuid_of(1_795_218_045, 1, 2));
    let sound = tone(6);
    std::thread::scope(|scope| {
        let speaking = scope.spawn(|| speak(&mut good, &sound));
        // Random bytes, a truncated frame, an absurd length, audio without an id.
        let mut seed = 1_u32;
        let noise: Vec<u8> = (0..5000)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (seed >> 24) as u8
            })
            .collect();
        for bytes in [
            noise.as_slice(),
            &[1, 0],
            &[1, 0xff, 0xff, 1, 2],
            &[0x10, 1, 0x40, 0, 0],
            &[0x42, 0, 0],
            b"GET / HTTP/1.1\r\n\r\n",
        ] {
            let mut stream = bed.connect();
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            assert!(read_all(&mut stream).is_empty(), "nothing is ever written back");
        }
        speaking.join().expect("thread").expect("the good call was not disturbed");
    });
    drop(good);
    bed.until("the good call has all its audio", Duration::from_secs(20), |bed| audio_ms(bed, "1795218045.1") >= 5900);
    let log = bed.log();
    assert!(log.contains("is this an AudioSocket client?"), "{log}");
    bed.stop();
}

#[test]
fn broken_recordings_are_named_once_and_good_ones_beside_them_are_taken() {
    let mut bed = Bed::new(VOICE, "");
    let monitor = bed.path("monitor");
    let sound: Vec<u8> = tone(2).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let with_header = |change: fn(&mut Vec<u8>)| {
        let mut bytes = open_header(1);
        change(&mut bytes);
        bytes.extend(&sound);
        bytes
    };
    bed.start();
    std::fs::write(monitor.join("empty-file.wav"), b"").expect("write");
    std::fs::write(monitor.join("text-file.wav"), b"this is not a recording at all").expect("write");
    std::fs::write(
        monitor.join("claims-4-gib.wav"),
        with_header(|bytes| bytes[40..44].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff])),
    )
    .expect("write");
    std::fs::write(
        monitor.join("thousand-channels.wav"),
        with_header(|bytes| bytes[22..24].copy_from_slice(&1000_u16.to_le_bytes())),
    )
    .expect("write");
    std::fs::write(monitor.join("broken-thing.mp3"), b"ID3 but then nothing that is music").expect("write");
    std::os::unix::fs::symlink("/etc/hostname", monitor.join("link-out.wav")).expect("link");
    let strange = <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(b"caf\xe9-name.wav".to_vec());
    std::fs::write(monitor.join(strange), with_header(|_| {})).expect("write");
    std::fs::write(monitor.join("good-one.wav"), with_header(|_| {})).expect("write");

    for call in ["good-one", "claims-4-gib", "caf_-name"] {
        bed.until(&format!("{call} is taken to its end"), Duration::from_secs(30), |bed| audio_ms(bed, call) == 2000);
    }
    bed.until("all that is broken is named", Duration::from_secs(30), |bed| {
        let log = bed.log();
        ["text-file.wav", "thousand-channels.wav", "broken-thing.mp3", "link-out.wav"]
            .iter()
            .all(|name| log.contains(name))
    });
    let log = bed.log();
    assert_eq!(log.matches("text-file.wav").count(), 1, "{log}");
    assert!(log.contains("1000 channels") && log.contains("link out of the watched folder"), "{log}");
    bed.stop();
}

#[test]
fn a_recording_that_is_deleted_or_cut_while_it_is_read_keeps_what_was_heard() {
    let mut bed = Bed::new(VOICE, "");
    bed.start();
    let bytes: Vec<u8> = tone(4).iter().flat_map(|sample| sample.to_le_bytes()).collect();
    for name in ["deleted-one", "shrunk-one"] {
        let path = bed.path(&format!("monitor/{name}.wav"));
        let mut file = std::fs::File::create(&path).expect("create");
        file.write_all(&open_header(1)).expect("write");
        file.write_all(&bytes).expect("write");
        bed.until(&format!("{name} is followed"), Duration::from_secs(20), |bed| audio_ms(bed, name) >= 3000);
        if name == "deleted-one" {
            std::fs::remove_file(&path).expect("delete");
        } else {
            file.set_len(1000).expect("cut");
        }
        drop(file);
    }
    bed.until("the deleted one was saved", Duration::from_secs(30), |bed| {
        bed.log().contains("its sound was saved in the spool") || audio_of(bed, "deleted-one") == 200
    });
    bed.until("its sound can be had", Duration::from_secs(30), |bed| audio_of(bed, "deleted-one") == 200);
    assert_eq!(bed.ask("GET", "/api/v1/calls/shrunk-one", None).0, 200);
    bed.stop();
}

fn audio_of(bed: &Bed, call: &str) -> u16 {
    bed.ask("GET", &format!("/api/v1/calls/{call}/audio"), None).0
}

#[test]
fn a_model_cut_short_is_one_message_and_the_calls_are_kept() {
    let folder = tempfile::tempdir().expect("temp dir");
    let path = folder.path().join("ggml-cut.bin");
    let mut bytes = 0x6767_6d6c_u32.to_le_bytes().to_vec();
    bytes.extend([1, 0, 0, 0].repeat(20));
    std::fs::write(&path, bytes).expect("write");
    let mut bed = Bed::new(&path.display().to_string(), "");
    bed.start();
    let mut call = bed.dial(&uuid_of(1_795_218_045, 3, 2));
    speak(&mut call, &tone(2)).expect("taken");
    drop(call);
    bed.until("the call is kept", Duration::from_secs(20), |bed| audio_ms(bed, "1795218045.3") >= 1900);
    let (status, health) = bed.ask("GET", "/health", None);
    assert_eq!((status, &health["status"]), (503, &"failing".into()), "{health}");
    assert!(
        health["inference"]["problem"]
            .as_str()
            .is_some_and(|problem| problem.contains("ggml-cut.bin") && problem.contains("model pull")),
        "{health}"
    );
    assert_eq!(bed.log().matches("ggml-cut.bin").count(), 1, "{}", bed.log());
    bed.stop();
}

#[test]
fn a_second_daemon_and_a_folder_that_cannot_be_written_are_refused_with_what_to_do() {
    let mut bed = Bed::new(VOICE, "");
    bed.start();
    let second = bed.command(&["serve"]).output().expect("run");
    let text = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && text.contains("another lineside is running"), "{text}");
    bed.stop();

    let broken = Bed::new(VOICE, "");
    std::fs::create_dir_all(broken.path("state")).expect("mkdir");
    std::fs::write(
        broken.path("state/lineside.db"),
        "no database, only words, enough of them to fill a header of one hundred bytes or more, there",
    )
    .expect("write");
    let refused = broken.command(&["serve"]).output().expect("run");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("left untouched"), "{text}");

    let no_room = Bed::new(VOICE, "");
    std::fs::write(no_room.path("state"), "a file where a folder should be").expect("write");
    let refused = no_room.command(&["serve"]).output().expect("run");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("state") && text.contains("must belong to lineside"), "{text}");
}
