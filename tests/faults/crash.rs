//! kill -9, ten times, during twenty calls: every utterance is there afterwards, once. And once between a deleted call's rows and its sound: it is not.

use std::fs::File;
use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use crate::bed::{self, Bed};
use crate::books::{self, Script};
use crate::{Fault, Outcome};

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "SIGKILL at random moments",
        checks: "10 kills during 20 recorded calls: every line is in an utterance, no stretch in two, every text published once",
        run: killed,
    },
    Fault {
        name: "SIGKILL before a recording's last words are over",
        checks: "the recording grows no more, nobody goes on with it: after the start its words are there all the same",
        run: last_words_recorded,
    },
    Fault {
        name: "SIGKILL before the last words of a recording that nobody watches afterwards",
        checks: "its folder is not watched any more: a minute after the start its words are there all the same",
        run: last_words_left_behind,
    },
    Fault {
        name: "SIGKILL before a caller's last words are over",
        checks: "AudioSocket does not come back: after the start its words are there all the same",
        run: last_words_on_a_line,
    },
    Fault {
        name: "SIGKILL while a compressed recording is read",
        checks: "half an hour of FLAC, killed in the middle of decoding: every sample is in the spool afterwards, once",
        run: half_decoded,
    },
    Fault {
        name: "SIGKILL between a deleted call's rows and its sound",
        checks: "the start brings neither the call back nor leaves its sound",
        run: half_deleted,
    },
];

fn killed() -> Outcome {
    let model = books::model()?;
    let lines = bed::lines();
    let mut bed = Bed::new(&model, "");
    bed.start();
    let scripts: Vec<Script> = (0..20).map(|call| books::script(&lines, call, 6)).collect();
    let epoch = 1_795_218_045_u64;
    let longest = scripts.iter().map(|script| script.samples.len()).max().expect("calls") as u64 / 8;
    let mut kills = 0;
    std::thread::scope(|scope| {
        for (call, script) in scripts.iter().enumerate() {
            let path = bed.path(&format!("monitor/call-{epoch}.{call}-in.wav"));
            scope.spawn(move || bed::record(&path, &script.samples));
        }
        // Random moments, from the clock: which ones it were is told when the test fails.
        let began = Instant::now();
        let mut moments = Vec::new();
        while kills < 10 {
            let random =
                std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("clock").subsec_micros();
            std::thread::sleep(Duration::from_millis(u64::from(random) % (2 * longest / 12)));
            moments.push(began.elapsed());
            bed.crash();
            kills += 1;
            bed.start();
        }
        eprintln!("killed at {moments:?}");
    });
    for call in 0..20 {
        bed.until_completed(&format!("{epoch}.{call}"));
    }
    bed.stop();

    let db = books::database(&bed);
    let figures = books::written(&db, (0..20).map(|call| format!("{epoch}.{call}")).zip(&scripts));
    Ok(format!("{kills} kills, {figures}"))
}

fn last_words_recorded() -> Outcome {
    last_words("1795218045.91", record, |_| ())
}

fn last_words_left_behind() -> Outcome {
    last_words("1795218045.92", record, |bed| {
        let file = bed.path("lineside.toml");
        let text = std::fs::read_to_string(&file).expect("configuration");
        let watched = format!("folders = [\"{}\"]", bed.path("monitor").display());
        assert!(text.contains(&watched), "{text}");
        std::fs::write(&file, text.replace(&watched, "folders = []")).expect("write");
    })
}

fn last_words_on_a_line() -> Outcome {
    let speak = |bed: &Bed, _: &str, script: &Script| -> Source {
        let mut stream = bed.dial(&bed::uuid_of(1_795_218_045, 93, 1));
        bed::speak(&mut stream, &script.samples).expect("speak");
        Box::new(stream)
    };
    last_words("1795218045.93", speak, |_| ())
}

fn record(bed: &Bed, id: &str, script: &Script) -> Source {
    let mut sound = bed::open_header(1);
    sound.extend(script.samples.iter().flat_map(|sample| sample.to_le_bytes()));
    let mut recorder = File::create(bed.path(&format!("monitor/call-{id}-in.wav"))).expect("create");
    recorder.write_all(&sound).expect("write");
    Box::new(recorder)
}

/// What holds a call's source open.
type Source = Box<dyn std::any::Any>;

/// `give` lets the daemon have a call that ends in the middle of a word, and tells it of no end; `change` comes while it is dead.
fn last_words(id: &str, give: fn(&Bed, &str, &Script) -> Source, change: fn(&Bed)) -> Outcome {
    books::model()?; // its lines
    // Without a model there is no preflight, which ends what ends like a sentence.
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut script = books::script(&bed::lines(), 0, 2);
    let line = script.spoken.last_mut().expect("lines");
    line.1 -= 0.6;
    script.samples.truncate((line.1 * 8000.0) as usize);
    let source = give(&bed, id, &script);
    let all = script.samples.len() as i64;
    let db = books::database(&bed);
    bed.until("its sound is taken", Duration::from_mins(1), |_| {
        books::count(&db, "SELECT coalesce(max(samples), 0) FROM leg") >= all - 8000 // noted once a second
    });
    std::thread::sleep(Duration::from_millis(200));
    bed.crash();
    drop(source); // nobody sees that it is closed
    change(&bed);
    let (_, before, _) = books::lines_of(&db, id, &script);
    assert!(before < script.spoken.len(), "its last words were over before it was killed");
    bed.start();
    bed.until("its line is closed", Duration::from_mins(2), |bed| {
        bed.try_get(&format!("/api/v1/calls/{id}")).is_some_and(|call| call["status"] != "active")
    });
    let heard = || books::lines_of(&db, id, &script).1;
    bed.until("every line is there", Duration::from_secs(30), |_| heard() == script.spoken.len());
    bed.stop();
    Ok(format!("{before} of {} lines were utterances when it was killed, all of them afterwards", script.spoken.len()))
}

/// Bytes of sound under a folder.
fn spooled(folder: &std::path::Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() => spooled(&entry.path()),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

fn half_decoded() -> Outcome {
    let mut bed = Bed::new("none", "");
    let id = "1795218045.94";
    let sound = books::noise(94, 30 * 60 * 8000);
    let raw = bed.path("sound.raw");
    std::fs::write(&raw, sound.iter().flat_map(|sample| sample.to_le_bytes()).collect::<Vec<u8>>()).expect("write");
    let file = bed.path(&format!("monitor/call-{id}-in.flac"));
    let form = ["-D", "-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1"];
    let made = Command::new("sox").args(form).arg(&raw).arg(bed.path("sound.flac")).status();
    if !made.is_ok_and(|status| status.success()) {
        return Err(crate::Skipped("sox with FLAC is missing".into()));
    }
    std::fs::rename(bed.path("sound.flac"), &file).expect("into the folder");
    bed.start();
    let db = books::database(&bed);
    let all = sound.len() as i64;
    let patience = Instant::now() + Duration::from_mins(1);
    while spooled(&bed.path("state/spool")) < sound.len() as u64 / 10 {
        assert!(Instant::now() < patience, "nothing of it came into the spool");
        std::thread::sleep(Duration::from_millis(2));
    }
    bed.crash();
    let before = books::count(&db, "SELECT count(*) FROM recording WHERE finished");
    assert_eq!(before, 0, "it was read to its end before it was killed");
    bed.start();
    bed.until("it is read to its end", Duration::from_mins(1), |_| {
        books::count(&db, "SELECT count(*) FROM recording WHERE finished") == 1
    });
    bed.until("all of it is closed", Duration::from_mins(1), |_| {
        books::count(&db, "SELECT count(*) FROM leg WHERE closed_ms IS NULL") == 0
    });
    let pieces = books::kept(&bed, id);
    assert!(pieces.concat() == sound, "{} of {all} samples", pieces.concat().len());
    bed.crash(); // half an hour of noise is not listened to
    let lengths: Vec<_> = pieces.iter().map(|piece| piece.len() / 8000).collect();
    Ok(format!("legs of {lengths:?} s, together every sample once"))
}

fn half_deleted() -> Outcome {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut stream = bed.dial(&bed::uuid_of(1_795_218_045, 90, 1));
    bed::speak(&mut stream, &books::noise(90, 16_000)).expect("speak");
    drop(stream);
    let id = "1795218045.90";
    bed.until("its line is closed", Duration::from_mins(1), |bed| {
        bed.try_get(&format!("/api/v1/calls/{id}")).is_some_and(|call| call["status"] != "active")
    });
    let db = books::database(&bed);
    let sound: String = db.query_row("SELECT path FROM leg", [], |row| row.get(0)).expect("leg");
    let sound = std::path::PathBuf::from(sound);
    // A pipe in the place of its file: whoever overwrites it waits there for somebody who reads.
    let aside = bed.path("aside.wav");
    std::fs::rename(&sound, &aside).expect("move");
    if !Command::new("mkfifo").arg(&sound).status().is_ok_and(|made| made.success()) {
        return Err(crate::Skipped("mkfifo is missing".into()));
    }
    std::thread::scope(|scope| {
        let body = serde_json::json!({"action": "delete", "call_ids": [id]}).to_string();
        let address = format!("http://127.0.0.1:{}/calls/bulk", bed.http);
        // Its answer never comes.
        scope.spawn(move || ureq::post(address).header("Content-Type", "application/json").send(body).is_err());
        bed.until("its rows are gone", Duration::from_mins(1), |_| books::count(&db, "SELECT count(*) FROM call") == 0);
        assert!(sound.exists(), "the files go after the rows");
        bed.crash();
    });
    std::fs::remove_file(&sound).expect("remove");
    std::fs::rename(&aside, &sound).expect("move back");
    bed.start();
    bed.until("its sound is gone", Duration::from_mins(1), |_| !sound.exists());
    let left: Vec<_> = std::fs::read_dir(bed.path("state/spool")).expect("spool").flatten().collect();
    assert!(left.iter().all(|entry| entry.path().is_file()), "something of it is left: {left:?}");
    assert_eq!(books::count(&db, "SELECT count(*) FROM call"), 0, "it came back");
    bed.stop();
    assert_eq!(books::count(&db, "SELECT count(*) FROM leg"), 0);
    Ok("killed with the rows gone and the sound there; afterwards neither".into())
}
