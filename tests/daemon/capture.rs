//! What Asterisk and a dialer really send: sound under a wrong label, keys before the first sound, one recording in five formats.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{self, Bed, open_header, plain, record, speak, uuid_of};

fn text_of(call: &Value) -> String {
    plain(call["cumulative_transcript"].as_str().unwrap_or_default())
}

fn list(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

fn bytes_of(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// What sox makes of some bytes; `None` where there is no sox, with the reason said.
fn sox(arguments: &[&str], bytes: &[u8]) -> Option<Vec<u8>> {
    let child = Command::new("sox").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.inspect_err(|error| eprintln!("skipped: sox: {error}")).ok()?;
    let (mut input, bytes) = (child.stdin.take().expect("stdin"), bytes.to_vec());
    let writing = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("sox");
    writing.join().expect("thread").expect("sox reads");
    assert!(output.status.success(), "sox {arguments:?}");
    Some(output.stdout)
}

/// Payloads of these lengths in turn, each of so many milliseconds, in real time.
fn send(stream: &mut std::net::TcpStream, bytes: &[u8], lens: &[usize], each_ms: u64) {
    let (mut rest, began) = (bytes, Instant::now());
    for (number, len) in lens.iter().cycle().enumerate() {
        if rest.is_empty() {
            return;
        }
        std::thread::sleep(Duration::from_millis(each_ms * number as u64).saturating_sub(began.elapsed()));
        let (payload, later) = rest.split_at((*len).min(rest.len()));
        let frame = [&[0x10, (payload.len() / 256) as u8, (payload.len() % 256) as u8][..], payload].concat();
        stream.write_all(&frame).expect("taken");
        rest = later;
    }
}

#[test]
fn sound_becomes_text_in_frames_of_any_length_and_in_g711_under_a_wrong_label() {
    let Some(model) = bed::demo_model() else { return };
    let line = &bed::lines()[7];
    let samples = [&line.samples[..], &[0; 8000]].concat();
    let linear = bytes_of(&samples);
    let raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-"];
    let coded = |law| sox(&[&raw[..], &["-t", "raw", "-e", law, "-b", "8", "-"]].concat(), &linear);
    let (Some(ulaw), Some(alaw)) = (coded("u-law"), coded("a-law")) else { return };
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    // Name, bytes, lengths of payloads, milliseconds of each.
    let roads: [(u64, &[u8], &[usize], u64); 5] = [
        (201, &linear, &[160], 10),
        (202, &ulaw, &[160], 20),
        (203, &alaw, &[160], 20),
        (204, &linear, &[321, 319], 20),
        (205, &linear, &[320], 20),
    ];
    std::thread::scope(|scope| {
        for (sequence, bytes, lens, each_ms) in roads {
            let mut stream = bed.dial(&uuid_of(1_795_218_045, sequence, 2));
            scope.spawn(move || send(&mut stream, bytes, lens, each_ms));
        }
    });
    for (sequence, ..) in roads {
        let call = bed.until_completed(&format!("1795218045.{sequence}"));
        assert_eq!(text_of(&call), plain(&line.words), "{sequence}: {call}");
    }
    let log = bed.log();
    for (words, times) in
        [("202: its sound is mu-law", 1), ("203: its sound is A-law", 1), ("no whole number of samples", 1)]
    {
        assert_eq!(log.matches(words).count(), times, "{words}\n{log}");
    }
    // On a busy machine the first 100 ms are a frame or two, which may tell no more than that they are not 16-bit samples.
    assert!(log.matches("its sound is").count() <= 3, "{log}");
    let metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.into_body().read_to_string().expect("text");
    let odd = metrics.lines().find_map(|line| line.strip_prefix("lineside_audiosocket_odd_payloads_total "));
    let odd = odd.and_then(|count| count.parse::<f64>().ok()).expect("counted");
    assert!(odd > 50.0, "{odd}");
    println!(
        "mended | 2 | 16-bit sound in frames of 160 bytes was refused as mu-law, nothing was kept | its text is word for word right, that of mu-law and \
         A-law under the same label too; said once a call, none is dropped"
    );
    println!(
        "mended | 3 | payloads of 321 and 319 bytes turned the rest into noise | text word for word right; {odd} odd frames counted, said once"
    );
    bed.stop();
}

#[test]
fn a_call_is_there_when_it_is_named_with_the_keys_before_its_first_sound_and_found_by_its_uuid() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let (uuid, id) = (uuid_of(1_795_218_045, 210, 1), "/api/v1/calls/1795218045.210");
    let mut agent = bed.dial(&uuid);
    bed.until("the call is there", Duration::from_secs(20), |bed| bed.try_get(id).is_some());
    let call = bed.get(id);
    assert_eq!((&call["status"], list(&call["legs"])), (&json!("active"), 0), "{call}");

    let named = bed.ask("POST", "/api/v1/calls", Some(&json!({"uuid": uuid, "agent": "mary", "campaign": "SALES"})));
    assert_eq!(named, (200, json!({"call_id": "1795218045.210", "status": "named"})));
    // The other direction has a UUID of its own, and is told of before it comes.
    let other = uuid_of(1_795_218_045, 210, 2);
    let told = bed.ask("POST", "/api/v1/calls", Some(&json!({"uuid": other, "lead": "4711"})));
    assert_eq!(told.1["status"], "expected");
    let mut caller = bed.dial(&other);
    agent.write_all(&[3, 0, 1, b'5', 3, 0, 1, b'#']).expect("keys");
    for uuid in [&uuid, &other] {
        let path = format!("/api/v1/calls/{uuid}");
        bed.until("it is known by its UUID", Duration::from_secs(20), |bed| {
            bed.try_get(&path).is_some_and(|call| call["call_id"] == "1795218045.210" && call["lead"] == "4711")
        });
        let call = bed.get(&path);
        assert_eq!((&call["agent"], &call["campaign"]), (&json!("mary"), &json!("SALES")), "{call}");
    }
    // A quiet room: what a detector may take for speech would wait for a model that never comes.
    let room: Vec<i16> = (0..16_000).map(|i| (i * 37 % 40) as i16 - 20).collect();
    speak(&mut agent, &room).expect("speak");
    // Nobody has heard the caller; the call is ended all the same.
    assert_eq!(bed.ask("POST", &format!("{id}/end"), None).0, 200);
    assert_eq!(bed::read_all(&mut caller), [0, 0, 0], "a whole frame says good-bye");
    drop((agent, caller));
    let call = bed.until_completed("1795218045.210");
    let legs = call["legs"].as_array().expect("legs");
    assert_eq!((legs.len(), &legs[0]["leg"]), (1, &json!("agent")), "{call}");
    assert_eq!(list(&bed.get("/api/v1/calls")["calls"]), 1);
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let keys: String =
        db.query_row("SELECT group_concat(digit, '') FROM dtmf", [], |row| row.get(0)).expect("keys are kept");
    assert_eq!(keys, "xx", "which ones is nobody's business");
    println!(
        "mended | 4 | a key before the first sound was lost, the call unknown until then | both keys kept, as {keys}, the call is listed before any sound"
    );
    println!(
        "mended | 45 | naming a known call by its UUID answered expected and dropped agent and campaign; GET by it was 404 | answers named, both UUIDs of \
         the call lead to it, agent {} and campaign {} are there",
        call["agent"], call["campaign"]
    );
}

/// As a compressor writes: not all at once.
fn compress(path: &Path, bytes: &[u8]) {
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
    let mut file = File::create(path).expect("create");
    let (first, second) = bytes.split_at(bytes.len() * 2 / 3);
    file.write_all(first).expect("write");
    std::thread::sleep(Duration::from_millis(700));
    file.write_all(second).expect("write");
}

#[test]
fn a_recording_is_the_same_in_whatever_format_folder_name_or_time() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut sound = lines[0].samples.clone();
    for line in [7, 2, 11] {
        sound.extend(vec![0; 8000]);
        sound.extend(&lines[line].samples);
    }
    let wav = {
        let mut bytes = open_header(1);
        bytes.extend(bytes_of(&sound));
        bytes
    };
    let raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-"];
    let coded = |form: &[&str]| sox(&[&raw[..], form].concat(), &bytes_of(&sound));
    let Some(gsm) = coded(&["-t", "gsm", "-"]) else { return };
    let forms = [
        ("GSM", "gsm", gsm),
        ("GSW", "wav", coded(&["-t", "wav", "-e", "gsm-full-rate", "-"]).expect("sox")),
        ("MP3", "mp3", coded(&["-t", "mp3", "-C", "16", "-"]).expect("sox")),
        ("OGG", "ogg", coded(&["-t", "ogg", "-"]).expect("sox")),
    ];
    let mut bed = Bed::new(&model.display().to_string(), "");
    // Found together at the start: the compressed ones come first by their names.
    for (_, ext, bytes) in &forms[1..] {
        std::fs::write(bed.path(&format!("monitor/in-5550-5551234567-20261120-234045-1795218045.220.{ext}")), bytes)
            .expect("write");
    }
    std::fs::write(bed.path("monitor/in-5550-5551234567-20261120-234045-1795218045.220.sln"), bytes_of(&sound))
        .expect("write");
    bed.start();
    // As ViciDial records: the mix on one side, silence on the other.
    let base = "20261120-234045_5551234567";
    let (input, output) = (bed.path(&format!("monitor/{base}-in.wav")), bed.path(&format!("monitor/{base}-out.wav")));
    std::thread::scope(|scope| {
        scope.spawn(|| record(&input, &sound));
        scope.spawn(|| record(&output, &vec![0; sound.len()]));
    });
    let path = format!("/api/v1/calls/{base}");
    let before = bed.until_completed(base);
    assert!(list(&before["transcript_segments"]) >= 4, "{before}");
    let done = bed.path("monitor/monitorDONE");
    std::fs::create_dir(&done).expect("mkdir");
    std::fs::rename(&input, done.join(format!("{base}-all.wav"))).expect("move");
    std::fs::remove_file(&output).expect("remove");
    std::thread::scope(|scope| {
        for (folder, ext, bytes) in &forms {
            let path = done.join(folder).join(format!("{base}-all.{ext}"));
            scope.spawn(move || compress(&path, bytes));
        }
    });
    // Its outcome is put into its name, and it is compressed under that; FreePBX's wears no -all.
    let now = format!("{base}_SALE");
    std::fs::rename(done.join(format!("{base}-all.wav")), done.join(format!("{now}-all.wav"))).expect("rename");
    bed.until("the new name leads to the call", Duration::from_secs(20), |bed| {
        bed.try_get(&format!("/api/v1/calls/{now}")).is_some_and(|call| call["call_id"] == base)
    });
    compress(&done.join(format!("GSM/{now}-all.gsm")), &forms[0].2);
    let plain_name = "q-600-5551234567-20261120-234045-1795218045.221";
    std::fs::write(bed.path(&format!("monitor/{plain_name}.wav")), &wav).expect("write");
    let plain_before = bed.until_completed("1795218045.221");
    compress(&bed.path(&format!("monitor/old/{plain_name}.gsm")), &forms[0].2);
    std::thread::sleep(Duration::from_secs(3)); // time to do it wrong
    bed.stop();
    bed.start();
    std::thread::sleep(Duration::from_secs(3));
    let after = bed.until_completed(base);
    for key in ["total_audio_duration", "segment_count", "cumulative_transcript"] {
        assert_eq!(after[key], before[key], "{path} {key}\n{}", bed.log());
    }
    let of = |id: &str| bed.until_completed(id);
    let counts = [of(base), of("1795218045.220"), of("1795218045.221")].map(|call| list(&call["legs"]));
    assert_eq!(counts, [2, 1, 1], "{}", bed.log());
    assert_eq!(of("1795218045.221")["segment_count"], plain_before["segment_count"]);
    assert_eq!(list(&bed.get("/api/v1/calls")["calls"]), 3, "{}", bed.get("/api/v1/calls"));
    println!(
        "mended | 1 | a recording compressed later was read again: 4 segments became 8, 14 s became 1,267 s | WAV, GSM, GSM in RIFF, MP3 and OGG in five \
         folders and under a new name: {} segments and {} s before and after, {} calls in all",
        after["segment_count"], after["total_audio_duration"], 3
    );
    bed.stop();
}

#[test]
fn a_call_whose_sources_are_all_heard_says_so_and_doctor_too() {
    let Some(model) = bed::demo_model() else { return };
    let line = &bed::lines()[7];
    let samples = [&line.samples[..], &vec![0; 16_000]].concat();
    let mut bed = Bed::new(&model.display().to_string(), "[sources]\nhear = \"all\"\n");
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 230, 0));
    let path = bed.path("monitor/x-1795218045.230.wav");
    std::thread::scope(|scope| {
        scope.spawn(|| speak(&mut stream, &samples).expect("speak"));
        scope.spawn(|| record(&path, &samples));
    });
    drop(stream);
    let mut alone = bed.dial(&uuid_of(1_795_218_045, 231, 0));
    speak(&mut alone, &samples).expect("speak");
    drop(alone);
    let call = bed.until_completed("1795218045.230");
    let doubled = &call["doubled"][0];
    let detail = doubled["detail"].as_str().unwrap_or_default().to_owned();
    assert!(detail.contains("audiosocket 127.0.0.1:") && detail.contains("recording x-1795218045.230.wav"), "{call}");
    assert!(doubled["end_time"].as_f64().unwrap_or(0.0) > 2.0, "{call}");
    assert_eq!(bed.until_completed("1795218045.231")["doubled"], json!([]));
    let output = bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let found = said.lines().find(|line| line.contains("sources")).unwrap_or_default().trim().to_owned();
    assert!(
        found.starts_with("BAD") && found.contains("1 calls of the last 24 h") && found.contains("1795218045.230"),
        "{said}"
    );
    println!(
        "mended | 7 | two sources of one call gave its text twice and nobody was told | the detail: {detail}; doctor: {found}"
    );
    bed.stop();
}
