//! Calls by every road, from the first frame to the last word.

use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;
use std::time::Duration;

use crate::bed::{self, Bed, open_header, plain, record, speak, uuid_of};

pub fn text_of(call: &serde_json::Value) -> String {
    plain(call["cumulative_transcript"].as_str().unwrap_or_default())
}

#[test]
fn both_legs_of_an_audiosocket_call_and_a_pair_of_recordings_become_text() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let silence = vec![0; 8000];
    let agent: Vec<i16> = [&lines[0].samples[..], &silence].concat();
    let caller: Vec<i16> = [&vec![0; lines[0].samples.len()][..], &silence, &lines[7].samples].concat();
    std::thread::scope(|scope| {
        for (leg, sound) in [(1, &agent), (2, &caller)] {
            let mut stream = bed.dial(&uuid_of(1_795_218_045, 12, leg));
            scope.spawn(move || speak(&mut stream, sound).expect("speak"));
        }
        let (input, output) = (bed.path("monitor/x-1795218045.13-in.wav"), bed.path("monitor/x-1795218045.13-out.wav"));
        let (agent, caller) = (&agent, &caller);
        scope.spawn(move || record(&input, caller));
        scope.spawn(move || record(&output, agent));
    });
    for id in ["1795218045.12", "1795218045.13"] {
        let call = bed.until_completed(id);
        // The caller hangs up in the middle of the last sound: the last words count.
        assert_eq!(text_of(&call), format!("{} {}", plain(&lines[0].words), plain(&lines[7].words)), "{call}");
        let speakers: Vec<&str> = call["transcript_segments"]
            .as_array()
            .expect("list")
            .iter()
            .filter_map(|segment| segment["speaker"].as_str())
            .collect();
        assert_eq!(speakers, ["agent", "caller"]);
        assert_eq!(call["has_alerts"], true, "a cancellation was asked for");
        let cancel = &call["transcript_segments"][1];
        let begin = cancel["start_time"].as_f64().expect("time");
        let expected = (lines[0].samples.len() + 8000) as f64 / 8000.0;
        assert!((begin - expected).abs() < 1.0, "said at {expected}, written at {begin}");
        assert_eq!(cancel["words"].as_array().map(Vec::len), Some(6));
        assert_eq!(cancel["keywords"][0]["label"], "cancellation");
    }
    bed.stop();
}

#[test]
fn a_stereo_recording_that_was_finished_before_the_start_has_two_legs_and_is_not_taken_twice() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    let mut bytes = open_header(2);
    for i in 0..lines[2].samples.len() + lines[11].samples.len() {
        let left = lines[2].samples.get(i).copied().unwrap_or(0);
        let right = i.checked_sub(lines[2].samples.len()).and_then(|i| lines[11].samples.get(i)).copied().unwrap_or(0);
        bytes.extend(left.to_le_bytes());
        bytes.extend(right.to_le_bytes());
    }
    std::fs::create_dir_all(bed.path("monitor/2026/11/21")).expect("mkdir");
    let path = bed.path("monitor/2026/11/21/in-555-anonymous-20261121-101500-1795218045.77.wav");
    std::fs::write(&path, &bytes).expect("write");
    bed.start();
    let call = bed.until_completed("1795218045.77");
    assert_eq!(text_of(&call), format!("{} {}", plain(&lines[2].words), plain(&lines[11].words)));
    assert_eq!(
        call["legs"].as_array().expect("legs").iter().map(|leg| leg["leg"].as_str().expect("leg")).collect::<Vec<_>>(),
        ["agent", "caller"]
    );

    // Moved, and copied under its final name as ViciDial does: still the same call.
    std::fs::create_dir(bed.path("monitor/done")).expect("mkdir");
    std::fs::rename(&path, bed.path("monitor/done/in-555-anonymous-20261121-101500-1795218045.77.wav")).expect("move");
    bed.until("its sound is found at its new place", Duration::from_secs(20), |bed| {
        bed.ask("GET", "/api/v1/calls/1795218045.77/audio?leg=caller", None).0 == 200
    });
    std::fs::write(bed.path("monitor/done/in-555-anonymous-20261121-101500-1795218045.77-all.wav"), &bytes)
        .expect("copy");
    bed.stop();
    bed.start();
    std::thread::sleep(Duration::from_secs(1)); // time to do it wrong
    assert_eq!(bed.get("/api/v1/calls")["calls"].as_array().map(Vec::len), Some(1), "{}", bed.get("/api/v1/calls"));
    assert_eq!(bed.get("/api/v1/calls/1795218045.77/segments").as_array().map(Vec::len), Some(2));
    bed.stop();
}

#[test]
fn recordings_of_two_calls_that_are_alike_are_two_recordings_and_followed_from_their_first_sound() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let prompt: Vec<i16> = (0..32_000_i32).map(|i| ((i * 37 % 400) - 200) as i16 * 20).collect();
    let mut bytes = open_header(1);
    bytes.extend(prompt.iter().flat_map(|sample| sample.to_le_bytes()));
    let legs = |bed: &Bed, id: &str| {
        let call = bed.try_get(&format!("/api/v1/calls/{id}")).unwrap_or_default();
        call["legs"].as_array().map_or(0, Vec::len)
    };
    std::fs::write(bed.path("monitor/y-1795218045.17-out.wav"), &bytes).expect("write");
    let over = |bed: &Bed, id: &str| {
        bed.try_get(&format!("/api/v1/calls/{id}")).is_some_and(|call| call["status"] != "active")
    };
    bed.until("the first call is over", Duration::from_mins(1), |bed| over(bed, "1795218045.17"));
    // Of the second call one side is heard, and the other plays the prompt and is not at its end.
    let voice: Vec<u8> = prompt.iter().rev().flat_map(|sample| (sample / 2).to_le_bytes()).collect();
    std::fs::write(bed.path("monitor/y-1795218045.18-in.wav"), [open_header(1), voice].concat()).expect("write");
    bed.until("the first side is taken", Duration::from_secs(20), |bed| legs(bed, "1795218045.18") == 1);
    let mut out = std::fs::File::create(bed.path("monitor/y-1795218045.18-out.wav")).expect("create");
    out.write_all(&bytes).expect("write");
    bed.until("the other is followed", Duration::from_secs(20), |bed| legs(bed, "1795218045.18") == 2);
    drop(out);
    bed.until("the second call is over", Duration::from_mins(1), |bed| over(bed, "1795218045.18"));
    bed.stop();
}

#[test]
fn of_a_pair_with_a_silent_side_the_other_one_is_the_whole_mix() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let voice: Vec<i16> = (0..16_000_i32).map(|i| ((i * 37 % 400) - 200) as i16 * 20).collect();
    for (name, samples) in [("y-1795218045.14-in.wav", voice.clone()), ("y-1795218045.14-out.wav", vec![0; 16_000])] {
        let mut bytes = open_header(1);
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        std::fs::write(bed.path("monitor").join(name), bytes).expect("write");
    }
    bed.until("both sides are there and the loud one is called mixed", Duration::from_mins(1), |bed| {
        let call = bed.try_get("/api/v1/calls/1795218045.14").unwrap_or_default();
        let legs: Vec<&str> =
            call["legs"].as_array().into_iter().flatten().filter_map(|leg| leg["leg"].as_str()).collect();
        legs.len() == 2 && legs.contains(&"mixed") && legs.contains(&"agent")
    });
    bed.stop();
}

#[test]
fn without_a_model_calls_wait_and_are_written_down_when_one_arrives() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new("late", "");
    bed.start();
    let mut stream = bed.dial("0b5e55ed-0000-4000-8000-000000000001");
    speak(&mut stream, &lines[5].samples).expect("speak");
    drop(stream);
    let id = "0b5e55ed-0000-4000-8000-000000000001";
    bed.until("the utterance waits", Duration::from_secs(20), |bed| bed.get("/health")["backlog"]["utterances"] == 1);
    let health = bed.get("/health");
    assert_eq!(health["status"], "degraded", "{health}");
    let models = bed.get("/health/models");
    assert!(
        models["model"]["state"] == "waiting"
            && models["advice"].as_str().is_some_and(|advice| advice.contains("model pull late")),
        "{models}"
    );
    assert_eq!(bed.log().matches("will be transcribed when there is a model").count(), 1);
    let state = bed.get(&format!("/api/v1/calls/{id}"));
    assert!(state["status"] != "completed", "not ended before its words are text: {state}");

    bed.crash();
    bed.start();
    std::fs::create_dir_all(bed.path("state/models")).expect("mkdir");
    std::fs::copy(model, bed.path("state/models/late.part")).expect("copy");
    std::fs::rename(bed.path("state/models/late.part"), bed.path("state/models/ggml-late.bin")).expect("rename");
    let call = bed.until_completed(id);
    assert_eq!(text_of(&call), plain(&lines[5].words));
    bed.until("health is well", Duration::from_secs(20), |bed| bed.get("/health")["status"] == "ok");
    bed.stop();
}

#[test]
fn an_eagi_script_hands_its_pipe_over_and_leaves_when_the_channel_falls_silent() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let (reader, mut writer) = std::io::pipe().expect("pipe");
    // fd 3 is the pipe, as Asterisk sets it up. (bash: dash knows descriptors of one digit only.)
    let fd = reader.as_raw_fd();
    let script = format!(
        "exec {} --config {} eagi leg=caller campaign=sales 3<&{fd}",
        env!("CARGO_BIN_EXE_lineside"),
        bed.path("lineside.toml").display()
    );
    rustix::io::fcntl_setfd(&reader, rustix::io::FdFlags::empty()).expect("inherit");
    let mut child =
        std::process::Command::new("bash").args(["-c", &script]).stdin(Stdio::piped()).spawn().expect("spawn");
    let mut stdin = child.stdin.take().expect("stdin");
    stdin.write_all(b"agi_request: x\nagi_channel: SIP/100-1\nagi_uniqueid: 1795218045.99\nagi_callerid: 5551234\nagi_enhanced: 1.0\n\n").expect("environment");
    drop(reader);
    for frame in lines[16].samples.chunks(160) {
        let bytes: Vec<u8> = frame.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        writer.write_all(&bytes).expect("frame");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Asterisk closes nothing at a hangup: the pipe stays open, the script must leave all the same.
    let mut left = false;
    for _ in 0..200 {
        left = child.try_wait().expect("wait").is_some();
        if left {
            break;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(left, "the script does not pin the channel");
    let call = bed.until_completed("1795218045.99");
    assert_eq!(text_of(&call), plain(&lines[16].words));
    assert_eq!(
        (&call["campaign"], &call["phone"], &call["end_reason"]),
        (&"sales".into(), &"5551234".into(), &"idle".into())
    );
    drop((writer, stdin));
    bed.stop();
}

#[test]
fn an_eagi_script_says_on_asterisks_console_what_it_does_not_understand() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for (argument, named) in [("leg=agnet", "agnet"), ("campain=sales", "campain"), ("agent", "NAME=VALUE")] {
        let mut script = bed.command(&["eagi", argument]);
        let script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = script.spawn().expect("spawn");
        let mut stdin = child.stdin.take().expect("stdin");
        stdin.write_all(b"agi_request: x\nagi_uniqueid: 1795218045.98\n\n").expect("environment");
        let ended = child.wait_with_output().expect("ended");
        let said = String::from_utf8_lossy(&ended.stdout);
        assert!(!ended.status.success(), "{argument}");
        let is_command = said.starts_with("VERBOSE \"lineside eagi: ") && said.ends_with("\" 1\n");
        assert!(is_command && said.contains(named), "{argument}: {said}");
        assert!(String::from_utf8_lossy(&ended.stderr).contains(named), "{argument}");
        drop(stdin);
    }
    assert_eq!(bed.ask("GET", "/api/v1/calls/1795218045.98", None).0, 404, "it is nobody's, and so no caller's");
    bed.stop();
}

#[test]
fn a_stop_parks_the_work_and_a_start_goes_on_with_it() {
    let Some(model) = bed::demo_model() else { return };
    let lines = bed::lines();
    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 40, 2));
    speak(&mut stream, &lines[14].samples).expect("speak");
    bed.stop(); // in the middle of the call
    bed.start();
    let call = bed.until_completed("1795218045.40");
    assert_eq!(text_of(&call), plain(&lines[14].words));
    assert_eq!(call["end_reason"], "shutdown");
    bed.stop();
}
