//! Disks that are full, read-only, or that stand still: small file systems of their own, where this user may mount them.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bed::{self, Bed, speak, uuid_of};
use crate::books;
use crate::{Fault, Outcome, Skipped};
use lineside::audio::sealed::keys::{self, Key, Keyring};

/// These disks are small: the guard that stops new calls on a nearly full disk has a test of its own.
const NO_GUARD: &str = "[retention]\nwarn_free_mb = 0\ndrop_free_mb = 0\nstop_free_mb = 0";

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "disk full at every write",
        checks: "with 0 to 192 KiB left when a call comes, hung up while it is full: the sound is in its file whole and once; API answers; said once",
        run: || full_at_every_write(Bed::new("none", NO_GUARD), false),
    },
    Fault {
        name: "disk full at every write of encrypted sound",
        checks: "the same with [privacy] audio_key",
        run: full_at_every_write_of_encrypted_sound,
    },
    Fault {
        name: "disk full during a call",
        checks: "two calls speak: the connections are held, a message each; with room again every sample and every line's text is there once",
        run: full_during_a_call,
    },
    Fault {
        name: "disk full when a recording is deleted",
        checks: "its sound is saved as soon as there is room",
        run: full_when_a_recording_is_deleted,
    },
    Fault {
        name: "disk full at a start after a crash",
        checks: "the ports are open, SIGTERM ends it; with room again the call that was cut off is completed with every sample",
        run: full_at_a_start_after_a_crash,
    },
    Fault { name: "disk read-only at start", checks: "refused with what to do", run: read_only_at_start },
    Fault {
        name: "disk turns read-only",
        checks: "ext4 error while a call is on: the daemon answers and says it once; after fsck and restart what was on disk is there once",
        run: turns_read_only,
    },
    Fault {
        name: "slow disk (stands still for 10 s)",
        checks: "ext4 frozen while two calls speak: capture goes on, /health answers, afterwards every sample is there once and the lines have their text",
        run: stands_still,
    },
];

/// A mounted file system, unmounted when dropped.
pub struct Mounted(PathBuf);

pub fn tool(program: &str, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_string())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Mounted {
    pub fn tmpfs(at: &Path, options: &str) -> Result<Self, Skipped> {
        Self::mount(at, &["-t", "tmpfs", "-o", options, "lineside-test"])
    }

    /// A loop-mounted ext4 that turns read-only when it finds an error, as most servers have it.
    fn ext4(at: &Path, image: &Path) -> Result<Self, Skipped> {
        if !image.exists() {
            std::fs::File::create(image).and_then(|file| file.set_len(48 << 20)).expect("image");
            tool("mkfs.ext4", &["-q", "-F", "-e", "remount-ro", &image.display().to_string()]).map_err(Skipped)?;
        }
        Self::mount(at, &["-o", "loop", &image.display().to_string()])
    }

    fn mount(at: &Path, what: &[&str]) -> Result<Self, Skipped> {
        std::fs::create_dir_all(at).expect("mkdir");
        tool("mount", &[what, &[&at.display().to_string()]].concat())
            .map_err(|why| Skipped(format!("this user may not mount: {why}")))?;
        Ok(Self(at.into()))
    }

    /// Leaves so many KiB free, as any other program would that fills the disk.
    fn leave(&self, kib: u64) {
        let free = rustix::fs::statvfs(&self.0).map(|fs| fs.f_bavail * fs.f_frsize).expect("statvfs");
        let filler = vec![1; free.saturating_sub(kib << 10) as usize];
        let _ = std::fs::write(self.0.join("filler"), filler);
    }

    fn free(&self) {
        std::fs::remove_file(self.0.join("filler")).expect("room again");
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let at = self.0.display().to_string();
        if tool("umount", &[&at]).is_err() {
            let _ = tool("umount", &["-l", &at]);
        }
    }
}

fn seconds(bed: &Bed, call: &str) -> f64 {
    bed.try_get(&format!("/api/v1/calls/{call}"))
        .map_or(0.0, |call| call["total_audio_duration"].as_f64().unwrap_or(0.0))
}

fn full_at_every_write_of_encrypted_sound() -> Outcome {
    let key = tempfile::tempdir().expect("temp dir");
    let path = key.path().join("key").display().to_string();
    let bed = Bed::new("none", &format!("{NO_GUARD}\n[privacy]\naudio_key = {path:?}"));
    let made = bed.command(&["key", "new", &path]).status().expect("run");
    assert!(made.success(), "lineside key new");
    let key = Key::load(&path).expect("a key");
    keys::install(Keyring::new(None, vec![key])); // for the books, which read files themselves
    full_at_every_write(bed, true)
}

fn full_at_every_write(mut bed: Bed, encrypted: bool) -> Outcome {
    let disk = Mounted::tmpfs(&bed.path("state"), "size=8m")?;
    bed.start();
    let steps = [0, 4, 8, 12, 16, 20, 24, 32, 48, 64, 96, 128, 192];
    for (number, left) in (100_u32..).zip(steps) {
        let id = format!("1795218045.{number}");
        disk.leave(left);
        let sound = books::noise(number, 24_000);
        let mut call = bed.dial(&uuid_of(1_795_218_045, u64::from(number), 2));
        books::send(&mut call, &sound);
        drop(call);
        // Long enough for a second try of everything that is tried again.
        std::thread::sleep(Duration::from_millis(1300));
        assert!(bed.try_get("/health/models").is_some(), "the daemon answers with {left} KiB left");
        disk.free();
        bed.until_completed(&id);
        let sealed = |path: &PathBuf| lineside::audio::sound_file::is_sealed(path).expect("look");
        assert!(books::own_files(&bed, &id).iter().all(|path| sealed(path) == encrypted), "{id}: as it was wanted");
        assert!(books::kept(&bed, &id) == [sound], "call {id} with {left} KiB left: every sample, once");
    }
    let log = bed.log();
    for said in ["spool", "database"] {
        let lines = log
            .lines()
            .filter(|line| line.contains(said) && (line.contains("No space") || line.contains("is full")))
            .count();
        assert!((1..=steps.len()).contains(&lines), "{said} says it once a time, not {lines} times\n{log}");
    }
    bed.stop();
    let calls = steps.len() as i64;
    assert_eq!(books::count(&books::database(&bed), "SELECT count(*) FROM event WHERE kind = 'call_end'"), calls);
    drop(disk);
    Ok(format!("{calls} fill levels, {calls} calls whole"))
}

fn full_during_a_call() -> Outcome {
    let mut bed = Bed::new(&books::model()?, NO_GUARD);
    let disk = Mounted::tmpfs(&bed.path("state"), "size=6m")?;
    bed.start();
    let ((), figures) = two_calls(&bed, 60, |bed| {
        // The rest of the disk goes.
        disk.leave(0);
        bed.until("it is said", Duration::from_secs(20), |bed| {
            bed.log().contains("No space left") || bed.log().contains("disk is full")
        });
        // Long enough for texts that the database cannot take.
        std::thread::sleep(Duration::from_secs(5));
        assert!(bed.try_get("/health/models").is_some(), "the daemon answers");
        disk.free();
        Ok(())
    })?;
    let said = bed.log().matches("No space left").count();
    assert!(said <= 3, "one message of each leg and the database, not one per frame\n{}", bed.log());
    bed.stop();
    drop(disk);
    Ok(figures)
}

/// Two live calls, of speech and of noise, while `fault` is done to them: afterwards every line has its text and every sample is there, once.
fn two_calls<T>(bed: &Bed, first: u64, fault: impl FnOnce(&Bed) -> Result<T, Skipped>) -> Result<(T, String), Skipped> {
    let script = books::script(&bed::lines(), 5, 5);
    let sound = books::noise(65, 17 * 8000);
    let calls = [first, first + 1].map(|number| format!("1795218045.{number}"));
    let mut spoken = bed.dial(&uuid_of(1_795_218_045, first, 2));
    let mut noisy = bed.dial(&uuid_of(1_795_218_045, first + 1, 1));
    let done = std::thread::scope(|scope| {
        let one = scope.spawn(|| speak(&mut spoken, &script.samples));
        let other = scope.spawn(|| speak(&mut noisy, &sound));
        let heard = |bed: &Bed| calls.iter().all(|call| seconds(bed, call) > 1.0);
        bed.until("both are heard", Duration::from_secs(20), heard);
        let done = fault(bed)?;
        one.join().expect("thread").expect("the connection was held");
        other.join().expect("thread").expect("the connection was held");
        Ok(done)
    })?;
    drop((spoken, noisy));
    for call in &calls {
        bed.until_completed(call);
    }
    assert!(books::kept(bed, &calls[1]) == [sound], "every sample, once");
    let db = books::database(bed);
    books::balance(&db, 2);
    let (said, heard, right) = books::lines_of(&db, &calls[0], &script);
    assert_eq!((heard, right), (said, said), "every line is in an utterance at its time, and has its text");
    Ok((done, format!("{said} lines word for word, 17 s of sound whole")))
}

fn full_when_a_recording_is_deleted() -> Outcome {
    let mut bed = Bed::new("none", NO_GUARD);
    let disk = Mounted::tmpfs(&bed.path("state"), "size=6m")?;
    bed.start();
    let sound = books::noise(61, 32_000);
    let path = bed.path("monitor/call-1795218045.61-in.wav");
    let mut file = std::fs::File::create(&path).expect("create");
    let bytes: Vec<u8> = sound.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    std::io::Write::write_all(&mut file, &[bed::open_header(1), bytes].concat()).expect("write");
    bed.until("it is followed", Duration::from_secs(20), |bed| seconds(bed, "1795218045.61") >= 3.9);
    disk.leave(0);
    std::fs::remove_file(&path).expect("delete");
    drop(file);
    bed.until("it is said", Duration::from_secs(30), |bed| bed.log().contains("could not be saved"));
    disk.free();
    bed.until_completed("1795218045.61");
    assert!(books::kept(&bed, "1795218045.61") == [sound], "every sample, once");
    bed.stop();
    drop(disk);
    Ok("4 s of sound saved".into())
}

fn read_only_at_start() -> Outcome {
    let bed = Bed::new("none", NO_GUARD);
    let _disk = Mounted::tmpfs(&bed.path("state"), "size=1m,ro")?;
    let refused = bed.command(&["serve"]).output().expect("run");
    let text = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && text.contains("state folder must be writable"), "{text}");
    Ok(String::new())
}

fn turns_read_only() -> Outcome {
    let mut bed = Bed::new("none", NO_GUARD);
    let image = bed.path("disk.img");
    let disk = Mounted::ext4(&bed.path("state"), &image)?;
    let device = tool("losetup", &["-n", "-O", "NAME", "-j", &image.display().to_string()]).map_err(Skipped)?;
    let name = device.lines().next().unwrap_or_default().trim().trim_start_matches("/dev/").to_string();
    let trigger = format!("/sys/fs/ext4/{name}/trigger_fs_error");
    if !Path::new(&trigger).exists() {
        return Err(Skipped(format!("{trigger} is not there")));
    }
    bed.start();
    let (before, during) = (books::noise(62, 24_000), books::noise(63, 24_000));
    let mut first = bed.dial(&uuid_of(1_795_218_045, 62, 2));
    books::send(&mut first, &before);
    drop(first);
    bed.until_completed("1795218045.62");
    let mut second = bed.dial(&uuid_of(1_795_218_045, 63, 2));
    books::send(&mut second, &during[..12_000]);
    bed.until("the second call is heard", Duration::from_secs(20), |bed| seconds(bed, "1795218045.63") >= 1.4);
    // What the kernel has not written yet is gone with such an error, whoever wrote it.
    tool("sync", &["-f", &bed.path("state").display().to_string()]).expect("sync");
    std::fs::write(&trigger, "1").expect("an ext4 error");
    books::send(&mut second, &during[12_000..]);
    bed.until("it is said", Duration::from_secs(20), |bed| bed.log().contains("Read-only file system"));
    std::thread::sleep(Duration::from_secs(2));
    assert!(bed.try_get("/health/models").is_some(), "the daemon answers");
    let said = bed.log().lines().filter(|line| line.contains("spool") && line.contains("Read-only")).count();
    assert_eq!(said, 1, "{}", bed.log());
    bed.stop();
    drop(disk);
    let _ = tool("fsck.ext4", &["-f", "-y", &image.display().to_string()]);
    let disk = Mounted::ext4(&bed.path("state"), &image)?;
    bed.start();
    bed.until_completed("1795218045.63");
    assert!(books::kept(&bed, "1795218045.62") == [before], "the first call, whole and once");
    let kept = books::kept(&bed, "1795218045.63").concat();
    assert!(during.starts_with(&kept) && kept.len() >= 11_000, "{} of 12000 samples that were on disk", kept.len());
    books::balance(&books::database(&bed), 2);
    bed.stop();
    drop(disk);
    Ok(format!("{} samples of the call in flight, all of the one before", kept.len()))
}

/// A file system that takes no write until dropped; a helper thaws it in any case.
struct Frozen(String);

impl Frozen {
    fn freeze(at: &Path) -> Result<Self, Skipped> {
        let at = at.display().to_string();
        tool("fsfreeze", &["-f", &at]).map_err(Skipped)?;
        let _ = Command::new("sh").args(["-c", "sleep 20; fsfreeze -u \"$0\" 2>/dev/null", &at]).spawn();
        Ok(Self(at))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = tool("fsfreeze", &["-u", &self.0]);
    }
}

fn stands_still() -> Outcome {
    let mut bed = Bed::new(&books::model()?, NO_GUARD);
    let disk = Mounted::ext4(&bed.path("state"), &bed.path("disk.img"))?;
    bed.start();
    let (slowest, figures) = two_calls(&bed, 64, |bed| {
        let frozen = Frozen::freeze(&bed.path("state"))?;
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(10) {
            let asked = Instant::now();
            assert!(bed.try_get("/health/models").is_some(), "the daemon answers");
            slowest = slowest.max(asked.elapsed());
            std::thread::sleep(Duration::from_millis(500));
        }
        drop(frozen);
        Ok(slowest)
    })?;
    bed.stop();
    drop(disk);
    Ok(format!("{figures}; slowest answer while it stood still {} ms", slowest.as_millis()))
}

fn full_at_a_start_after_a_crash() -> Outcome {
    let mut bed = Bed::new("none", NO_GUARD);
    let disk = Mounted::tmpfs(&bed.path("state"), "size=8m")?;
    bed.start();
    let id = "1795218045.1";
    let sound = books::noise(1, 24_000);
    let mut call = bed.dial(&uuid_of(1_795_218_045, 1, 2));
    books::send(&mut call, &sound);
    bed.until("the call is heard", Duration::from_mins(1), |bed| seconds(bed, id) >= 3.0);
    bed.crash();
    drop(call);
    disk.leave(0);
    let began = Instant::now();
    bed.start();
    let (answered, began) = (began.elapsed(), Instant::now());
    bed.dial(&uuid_of(1_795_218_045, 2, 2));
    bed.stop();
    let stopped = began.elapsed();
    disk.free();
    bed.start();
    bed.until_completed(id);
    assert!(books::kept(&bed, id) == [sound], "every sample, once");
    bed.stop();
    drop(disk);
    println!(
        "mended | 44 | after a crash a start on a full disk opened no port and ignored SIGTERM | both ports are open after {answered:.1?}, SIGTERM ends it in \
         {stopped:.1?}; with room again the call is completed with every sample"
    );
    Ok(format!("answers after {answered:.1?}, stops in {stopped:.1?}"))
}
