//! What must not be kept is not: card numbers in text, index, events, sound and log; pauses; holds.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::bed::{self, Bed, speak, uuid_of};

/// A sentence by one of the demo's voices, 8 kHz, with air before and a second of silence after it.
pub fn say(bed: &Bed, text: &str) -> Vec<i16> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model");
    let script = "import sys, rendering, voice\n\
        rendering.write_wav(sys.argv[1], voice.say(sys.argv[2], 'en-us+f2', 150).samples * 0.5)\n";
    let path = bed.path("said.wav");
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let done = Command::new(python).args(["-B", "-c", script]).arg(&path).arg(text).current_dir(folder).output();
    let done = done.expect("run python");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let said = hound::WavReader::open(path).expect("wav").into_samples().filter_map(Result::ok);
    std::iter::repeat_n(0, 2400).chain(said).chain(std::iter::repeat_n(0, 8000)).collect()
}

/// The one sound file of the spool, without its header.
fn spooled(bed: &Bed) -> Vec<i16> {
    let day = std::fs::read_dir(bed.path("state/spool")).expect("spool").flatten().find(|entry| entry.path().is_dir());
    let files = std::fs::read_dir(day.expect("a day").path()).expect("day").flatten().map(|entry| entry.path());
    let wav: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|ext| ext == "wav")).collect();
    assert_eq!(wav.len(), 1);
    let bytes = std::fs::read(&wav[0]).expect("read");
    bytes[44..].chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// Files under the state folder that hold a text, in any letter case.
fn files_with(bed: &Bed, text: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            if entry.path().is_dir() { walk(&entry.path(), found) } else { found.push(entry.path()) }
        }
    }
    let mut files = Vec::new();
    walk(&bed.path("state"), &mut files);
    files.push(bed.path("log"));
    let wanted = text.to_lowercase().into_bytes();
    files.retain(|path| {
        let bytes = std::fs::read(path).unwrap_or_default().to_ascii_lowercase();
        bytes.windows(wanted.len()).any(|window| window == wanted)
    });
    files
}

#[test]
fn a_card_number_spoken_over_several_utterances_is_nowhere_to_be_seen_or_heard() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    let groups = ["four five three two", "zero one five one", "one two eight three", "zero three six six"];
    // 4532 0151 1283 0366: nobody says what it is, its check digit tells at its end.
    let mut sound: Vec<i16> = groups.iter().flat_map(|group| say(&bed, group)).collect();
    let digits = sound.len();
    sound.extend(say(&bed, "I want to cancel my contract."));
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 71, 2));
    speak(&mut stream, &sound).expect("speak");
    drop(stream);
    let call = bed.until_completed("1795218045.71");
    let text = call["cumulative_transcript"].as_str().unwrap_or_default().to_string();
    assert!(text.starts_with("[card]. [card]."), "{call}");
    assert!(bed::plain(&text).contains("cancel my contract"), "{text}");
    let words = call["transcript_segments"][0]["words"].as_array().cloned().unwrap_or_default();
    assert_eq!(words.iter().map(|word| word["text"].as_str().unwrap_or("")).collect::<Vec<_>>(), ["[card]"], "{call}");
    for word in ["four", "eight", "six"] {
        assert_eq!(bed.get(&format!("/api/v1/search?q={word}"))["hits"], serde_json::json!([]), "{word}");
    }
    let privacy = bed.get("/api/v1/calls/1795218045.71/privacy");
    // Each of the four groups, and what lies between two of them: a digit there may not have been recognised.
    let silences = privacy["silences"].as_array().cloned().unwrap_or_default();
    let time = |silence: &serde_json::Value, key: &str| silence[key].as_f64().expect("seconds");
    assert!(silences.windows(2).all(|two| time(&two[1], "start_time") <= time(&two[0], "end_time")), "{privacy}");
    bed.until("the sound is silence", Duration::from_secs(10), |bed| {
        spooled(bed)[..digits].iter().all(|&s| s.abs() < 40)
    });
    assert!(spooled(&bed)[digits..].iter().any(|&sample| sample > 4000), "the rest can be heard");
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let told: i64 =
        db.query_row("SELECT count(*) FROM event WHERE kind = 'redaction'", [], |row| row.get(0)).expect("query");
    assert_eq!(
        told, 2,
        "feeds hear of the two that were shown; the third is hidden at once, for so many digits may be a card's"
    );
    drop(db);
    for group in groups {
        let found = files_with(&bed, group);
        assert!(found.is_empty(), "{group}: {found:?}");
    }
    assert!(!files_with(&bed, "cancel my contract").is_empty(), "the search would find it");
}

#[test]
fn a_number_whose_halves_are_told_before_and_after_a_crash_is_taken_out_of_both() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    let groups = ["four five three two", "zero one five one", "one two eight three", "zero three six six"];
    let half = |from: usize| groups[from..from + 2].iter().flat_map(|group| say(&bed, group)).collect::<Vec<i16>>();
    let (first, second) = (half(0), half(2));
    let tell = |bed: &Bed, text: &str| {
        let event = serde_json::json!({
            "provider": "test", "call_id": "K-9", "event_type": "transcript", "speaker": "customer", "text": text, "status": "active",
        });
        assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    };
    let path = "/api/v1/calls/1795218045.74";
    let written = |bed: &Bed, path: &str, count: usize| {
        bed.try_get(path)
            .is_some_and(|call| call["transcript_segments"].as_array().is_some_and(|all| all.len() >= count))
    };
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 74, 2));
    speak(&mut stream, &first).expect("speak");
    tell(&bed, "it is 5555 5555");
    bed.until("the first half is written down", Duration::from_secs(30), |bed| {
        written(bed, path, 2) && written(bed, "/api/v1/calls/K-9", 1)
    });
    assert!(!bed.get(path).to_string().contains("[card]"), "nobody knows yet what it is");
    bed.crash();
    drop(stream);
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 74, 2));
    speak(&mut stream, &second).expect("speak");
    tell(&bed, "5555 4444");
    drop(stream);
    let call = bed.until_completed("1795218045.74");
    let text = call["cumulative_transcript"].as_str().unwrap_or_default().to_string();
    assert!(text.matches("[card]").count() >= 2, "{call}");
    for word in ["four", "five", "eight", "six"] {
        assert!(!text.contains(word), "{text}");
    }
    bed.until("both halves of the text are gone", Duration::from_secs(30), |bed| {
        let call = bed.get("/api/v1/calls/K-9").to_string();
        call.contains("[card]") && !call.contains("5555") && !call.contains("4444")
    });
    let privacy = bed.get(&format!("{path}/privacy"));
    let silences = privacy["silences"].as_array().cloned().unwrap_or_default();
    let legs: std::collections::BTreeSet<i64> = silences.iter().filter_map(|one| one["leg_id"].as_i64()).collect();
    assert_eq!(legs.len(), 2, "before the crash and after it: {privacy}");
    bed.stop();
    for group in groups.into_iter().chain(["5555 5555", "5555 4444"]) {
        let found = files_with(&bed, group);
        assert!(found.is_empty(), "{group}: {found:?}");
    }
    println!(
        "mended | 40 | a card whose halves came before and after a kill -9 stayed | both halves are gone from text and files, spoken and written, and 4 of 4 \
         spoken groups are silence"
    );
}

#[test]
fn a_paused_recording_is_silence_on_disk_and_no_text_and_the_gap_is_marked() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "[privacy]\npause_keys = \"*71\"\nresume_keys = \"*72\"");
    let (before, secret, after) = (
        say(&bed, "I want to cancel my contract."),
        say(&bed, "My order number is seven seven one three five."),
        say(&bed, "You will hear from my lawyer."),
    );
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 72, 2));
    let path = "/api/v1/calls/1795218045.72";
    speak(&mut stream, &before).expect("speak");
    bed.until("the call is heard", Duration::from_secs(20), |bed| bed.try_get(path).is_some());
    assert_eq!(
        bed.ask("POST", &format!("{path}/pause?by=mary"), None),
        (200, serde_json::json!({"call_id": "1795218045.72", "recording": "paused"}))
    );
    assert_eq!(bed.ask("POST", &format!("{path}/pause"), None).0, 200, "twice is once");
    speak(&mut stream, &secret).expect("speak");
    assert_eq!(bed.ask("POST", &format!("{path}/resume"), None).0, 200);
    speak(&mut stream, &vec![0; 8000]).expect("silence");
    speak(&mut stream, &after).expect("speak");
    // The same by keys: *71, and the line is closed while nothing is kept.
    std::io::Write::write_all(&mut stream, b"\x03\x00\x01*\x03\x00\x017\x03\x00\x011").expect("keys");
    speak(&mut stream, &secret).expect("speak");
    drop(stream);
    let call = bed.until_completed("1795218045.72");
    let text = bed::plain(call["cumulative_transcript"].as_str().unwrap_or_default());
    assert_eq!(text, "i want to cancel my contract you will hear from my lawyer", "{call}");
    let privacy = bed.get(&format!("{path}/privacy"));
    let gaps: Vec<(f64, f64)> = privacy["silences"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|silence| silence["why"] == "pause")
        .filter_map(|silence| Some((silence["start_time"].as_f64()?, silence["end_time"].as_f64()?)))
        .collect();
    assert_eq!(gaps.len(), 2, "{privacy}");
    assert!(gaps.iter().all(|(start, end)| end - start > 2.0), "{privacy}");
    let sound = spooled(&bed);
    for (start, end) in &gaps {
        let (start, end) = ((start * 8000.0).round() as usize, ((end * 8000.0).round() as usize).min(sound.len()));
        assert!(sound[start..end].iter().all(|&sample| sample == 0), "{start} to {end}");
    }
    assert_eq!(bed.ask("POST", &format!("{path}/pause"), None).0, 409, "over is over");
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let column = |sql: &str| -> Vec<String> {
        let mut query = db.prepare(sql).expect("prepare");
        let rows = query.query_map([], |row| row.get(0)).expect("query");
        rows.filter_map(Result::ok).collect()
    };
    assert_eq!(
        column(
            "SELECT kind || ' ' || json_extract(payload, '$.by') FROM event WHERE kind LIKE 'recording%' ORDER BY id"
        ),
        ["recording_paused mary", "recording_resumed api", "recording_paused keys"]
    );
    assert_eq!(column("SELECT digit FROM dtmf ORDER BY id"), ["x", "x", "x"], "keys are masked");
}

#[test]
fn a_call_is_put_on_hold_and_released() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 73, 2));
    speak(&mut stream, &vec![0; 3200]).expect("speak");
    drop(stream);
    bed.until_completed("1795218045.73");
    let path = "/api/v1/calls/1795218045.73/hold";
    let (status, held) = bed.ask("POST", &format!("{path}?reason=case%20417"), None);
    assert_eq!((status, &held["hold"]["reason"]), (200, &"case 417".into()), "{held}");
    bed.ask("POST", &format!("{path}?reason=another"), None);
    assert_eq!(bed.get("/api/v1/calls/1795218045.73/privacy")["hold"]["reason"], "case 417", "the first reason stays");
    assert_eq!(bed.ask("DELETE", path, None).1["hold"], serde_json::Value::Null);
    assert_eq!(bed.ask("DELETE", path, None).0, 404);
    bed.stop();
}

/// A call with a name, a number and something said, by a voice; completed.
fn call_of(bed: &Bed, sequence: u64, phone: &str, sound: &[i16]) -> String {
    let (uuid, id) = (uuid_of(1_795_218_045, sequence, 2), format!("1795218045.{sequence}"));
    let names = serde_json::json!({"uuid": uuid, "phone": phone, "lead": format!("lead-{phone}"), "agent": "mary"});
    assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&names)).0, 200);
    let mut stream = bed.dial(&uuid);
    speak(&mut stream, sound).expect("speak");
    drop(stream);
    bed.until_completed(&id);
    id
}

#[test]
fn forget_at_an_address_erases_nothing_here() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let said = serde_json::json!({
        "provider": "test", "call_id": "F-1", "speaker": "customer", "text": "hello about my contract", "status": "ended",
    });
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&said)).0, 200);
    bed.until_completed("F-1");
    bed.stop();
    // Nobody listens there, and the daemon here is stopped: its calls must not go instead.
    let elsewhere = format!("http://127.0.0.1:{}", bed::free_port());
    let socket = bed.path("other.sock").display().to_string();
    for place in [["--url", &elsewhere], ["--socket", &socket]] {
        for how in ["--yes", "--dry-run"] {
            let done = bed.command(&["forget", how, "--call", "F-1", place[0], place[1]]).output().expect("run");
            let error = String::from_utf8_lossy(&done.stderr).into_owned();
            assert!(!done.status.success() && error.contains(place[1]), "{place:?} {how}: {done:?}");
        }
    }
    let done =
        bed.command(&["forget", "--yes", "--call", "F-1"]).env("LINESIDE_URL", &elsewhere).output().expect("run");
    assert!(!done.status.success(), "LINESIDE_URL names a daemon too: {done:?}");
    bed.start();
    assert_eq!(bed.ask("GET", "/api/v1/calls/F-1", None).0, 200);

    // The daemon at the address does it, and the proof is of there.
    let here = format!("http://127.0.0.1:{}", bed.http);
    let done = bed.command(&["forget", "--yes", "--call", "F-1", "--url", &here]).output().expect("run");
    let told = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && told.contains(&format!("files of {here} for")), "{done:?}");
    assert_eq!(bed.ask("GET", "/api/v1/calls/F-1", None).0, 404);
    bed.stop();
}

#[test]
fn a_person_is_forgotten_everywhere_by_a_running_daemon_and_without_one() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let (lawyer, damn) = (say(&bed, "You will hear from my lawyer."), say(&bed, "The damn router is broken again."));
    let mine = call_of(&bed, 81, "5550100081", &lawyer);
    let held = call_of(&bed, 82, "5550100082", &lawyer);
    let other = call_of(&bed, 83, "5550100083", &damn);
    bed.ask("POST", &format!("/api/v1/calls/{held}/hold?reason=court"), None);
    let refused = bed.command(&["forget", "--yes", "--phone", "5550100082"]).output().expect("run");
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("legal hold") && said.contains(&held), "{said}");
    let nobody = bed.command(&["forget", "--yes", "--lead", "no-such"]).output().expect("run");
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("no call of that lead"), "{nobody:?}");

    for another in ["010-0081", "+1 (555) 010-0089"] {
        let done = bed.command(&["forget", "--yes", "--phone", another]).output().expect("run");
        assert!(String::from_utf8_lossy(&done.stderr).contains("no call of that phone"), "another number: {done:?}");
    }
    let done = bed.command(&["forget", "--yes", "--phone", "+1 (555) 010-0081"]).output().expect("run");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success() && said.contains("erased 1 calls") && said.contains("found none"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    assert_eq!(bed.ask("GET", &format!("/api/v1/calls/{mine}"), None).0, 404);
    for trace in ["5550100081", mine.as_str(), "lead-5550100081"] {
        let left: Vec<_> = files_with(&bed, trace).into_iter().filter(|path| !path.ends_with("log")).collect();
        assert!(left.is_empty(), "{trace}: {left:?}");
    }
    assert_eq!(
        bed.get("/api/v1/search?q=lawyer")["hits"].as_array().map(Vec::len),
        Some(1),
        "the held call is still found"
    );
    bed.stop();

    let done = bed.command(&["forget", "--yes", "--call", &other]).output().expect("run");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(
        done.status.success() && said.contains("erased 1 calls"),
        "{said}{}",
        String::from_utf8_lossy(&done.stderr)
    );
    for trace in ["5550100083", "router is broken", "router", &other] {
        let left: Vec<_> = files_with(&bed, trace).into_iter().filter(|path| !path.ends_with("log")).collect();
        assert!(left.is_empty(), "{trace}: {left:?}");
    }
    assert!(!files_with(&bed, "5550100082").is_empty(), "who is on hold is still there");
}

#[test]
fn a_backup_of_a_running_daemon_is_restored_elsewhere_and_a_damaged_one_is_refused() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let sound = say(&bed, "I want to cancel my contract.");
    let id = call_of(&bed, 84, "5550100084", &sound);
    let run = |bed: &Bed, arguments: &[&str]| {
        let done = bed.command(arguments).output().expect("run");
        (
            done.status.success(),
            format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr)),
        )
    };
    let folder = bed.path("backup").display().to_string();
    // The settings of a real machine are in conf.d, and its packs in a folder of their own.
    let beside = bed.path("lineside.toml").parent().expect("a folder").join("conf.d");
    std::fs::create_dir_all(&beside).expect("mkdir");
    let packs = bed.path("packs");
    std::fs::create_dir_all(&packs).expect("mkdir");
    std::fs::write(packs.join("ours.toml"), "name = \"ours\"\n").expect("write");
    let setting = format!("[text]\npacks = {:?}\n", packs.display().to_string());
    std::fs::write(beside.join("50-packs.toml"), &setting).expect("write");
    let (made, said) = run(&bed, &["backup", &folder]);
    assert!(made && said.contains("6 files"), "{said}");
    assert!(!run(&bed, &["backup", &folder]).0, "never over another one");
    let (_, said) = run(&bed, &["check"]);
    assert!(said.contains("another lineside is running"), "{said}");
    bed.stop();
    let (_, said) = run(&bed, &["restore", &folder]);
    assert!(said.contains("not empty"), "{said}");

    let mut there = Bed::new(&model.display().to_string(), "");
    let (done, said) = run(&there, &["restore", &folder]);
    assert!(done && said.contains("restored"), "{said}");
    let restored = there.path("state/restored");
    assert!(restored.join("lineside.toml").exists() && restored.join("packs/ours.toml").exists());
    assert_eq!(std::fs::read_to_string(restored.join("conf.d/50-packs.toml")).expect("restored"), setting);
    assert_eq!(run(&there, &["check"]), (true, format!("{}: 0 findings\n", there.path("state").display())));
    there.start();
    assert_eq!(there.get(&format!("/api/v1/calls/{id}"))["phone"], "5550100084");
    assert_eq!(there.get("/api/v1/search?q=contract")["hits"].as_array().map(Vec::len), Some(1));
    assert_eq!(there.ask("GET", &format!("/api/v1/calls/{id}/audio"), None).0, 200, "with its sound");
    there.stop();

    let database = bed.path("backup/lineside.db");
    let mut bytes = std::fs::read(&database).expect("read");
    bytes[5000] ^= 1;
    std::fs::write(&database, bytes).expect("write");
    let empty = Bed::new("none", "");
    let (done, said) = run(&empty, &["restore", &folder]);
    assert!(!done && said.contains("is not the file that was backed up"), "{said}");
    assert!(!empty.path("state/lineside.db").exists(), "nothing was restored");
}

#[test]
fn check_finds_orphans_both_ways_and_repairs_them() {
    let Some(model) = bed::demo_model() else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let sound = say(&bed, "I want to cancel my contract.");
    call_of(&bed, 85, "5550100085", &sound);
    bed.stop();
    let run = |arguments: &[&str]| {
        let done = bed.command(arguments).output().expect("run");
        (done.status.success(), String::from_utf8_lossy(&done.stdout).into_owned())
    };
    assert!(run(&["check"]).0, "{}", run(&["check"]).1);
    let day = std::fs::read_dir(bed.path("state/spool")).expect("spool").flatten().next().expect("a day").path();
    for entry in std::fs::read_dir(&day)
        .expect("day")
        .flatten()
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "wav"))
    {
        std::fs::remove_file(entry.path()).expect("remove");
    }
    std::fs::write(day.join("000000099_stray_caller.wav"), [0; 100]).expect("stray");
    std::fs::create_dir_all(bed.path("state/cache")).expect("mkdir");
    std::fs::write(bed.path("state/cache/77.wav"), [0; 100]).expect("cached");
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    db.execute_batch(
        "DELETE FROM segment_fts_data WHERE id > 10; UPDATE call SET segments = 9; PRAGMA foreign_keys = off; \
        INSERT INTO event (call, kind, at_ms, payload) VALUES (4711, 'x', 0, '{}')",
    )
    .expect("damage");
    drop(db);
    let (well, said) = run(&["check"]);
    assert!(!well, "{said}");
    for problem in [
        "is not there",
        "belongs to no call",
        "describes a file",
        "a call that is gone",
        "full-text index",
        "another number of segments",
        "1 rows belong",
    ] {
        assert!(said.contains(problem), "{problem}: {said}");
    }
    let (well, said) = run(&["check", "--repair"]);
    assert!(well, "{said}");
    let (well, said) = run(&["check"]);
    assert!(well && said.contains(": 0 findings"), "{said}");
    assert!(bed.path("state/lost+found/000000099_stray_caller.wav").exists(), "nothing is thrown away");
    bed.start();
    assert_eq!(bed.get("/api/v1/search?q=contract")["hits"].as_array().map(Vec::len), Some(1));
    bed.stop();
}

#[test]
fn a_term_of_a_pack_that_is_part_of_a_number_goes_with_it() {
    let folder = tempfile::tempdir().expect("temp dir");
    let pack = "name = \"site\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabel = \"ours\"\nterms = [\"4532 0151\", \"cancel\"]\n";
    std::fs::write(folder.path().join("site.toml"), pack).expect("write");
    let mut bed = Bed::new("none", &format!("[text]\npacks = \"{}\"", folder.path().display()));
    bed.start();
    for (text, status) in [("cancel it, my card is 4532 0151", "active"), ("1283 0366", "ended")] {
        let event = serde_json::json!({
            "provider": "test", "call_id": "K-1", "event_type": "transcript", "speaker": "customer", "text": text, "status": status,
        });
        let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
        assert_eq!(status, 200, "{answer}");
    }
    let call = bed.until_completed("K-1");
    let first = &call["transcript_segments"][0];
    assert!(first["text"].as_str().is_some_and(|text| text.contains("[card]")), "{call}");
    assert_eq!(first["keywords"], serde_json::json!([{"term": "cancel", "label": "ours"}]), "{call}");
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let sql = "SELECT payload FROM event WHERE kind = 'sentiment' ORDER BY id LIMIT 1";
    let told: String = db.query_row(sql, [], |row| row.get(0)).expect("event");
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    assert_eq!(told["keywords_detected"], serde_json::json!(["cancel"]), "{told}");
    assert_eq!(told["text"], first["text"]);
    drop(db);
    let found = files_with(&bed, "4532 0151");
    assert!(found.is_empty(), "{found:?}");
}
