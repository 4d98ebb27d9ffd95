//! Recordings pause by what Asterisk's manager interface tells: events of the dialplan and of desktops, its own mute, keys.

use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::bed::Bed;
use crate::pbx::{Channel, Pbx, SECRET};
use crate::roads::{bed, patience};
use crate::script::{Said, Script, assert_nothing_open, demo, heard, short};

pub const TESTS: &[crate::Test] = &[
    (
        "a_user_event_pauses_a_recording_that_is_read_with_delay",
        a_user_event_pauses_a_recording_that_is_read_with_delay,
    ),
    ("keys_and_a_muted_mixmonitor_pause_a_recording", keys_and_a_muted_mixmonitor_pause_a_recording),
    (
        "a_mute_of_one_direction_pauses_its_leg_and_not_the_call",
        a_mute_of_one_direction_pauses_its_leg_and_not_the_call,
    ),
    ("a_pause_before_the_recording_is_seen_is_kept_for_it", a_pause_before_the_recording_is_seen_is_kept_for_it),
    ("asterisk_is_found_again_after_a_restart", asterisk_is_found_again_after_a_restart),
];

/// A daemon that listens to the manager of a PBX; both run, and telephones speak the script.
fn listening(script: &Script) -> (Bed, Pbx) {
    let mut bed = bed();
    let pbx = Pbx::start(&bed);
    std::fs::write(bed.path("ami-secret"), format!("{SECRET}\n")).expect("write");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read").replace(
        "[privacy]\n",
        &format!(
            "[ami]\naddress = \"127.0.0.1:{}\"\nsecret_file = \"{}\"\n[privacy]\npause_keys = \"*71\"\nresume_keys = \"*72\"\n",
            pbx.port,
            bed.path("ami-secret").display()
        ),
    );
    std::fs::write(path, text).expect("write");
    bed.start();
    until_connected(&bed, true);
    pbx.sound("agent", &script.agent);
    pbx.sound("caller", &script.caller);
    (bed, pbx)
}

fn until_connected(bed: &Bed, connected: bool) {
    bed.until(&format!("connected: {connected}"), Duration::from_mins(1), |bed| {
        bed.ask("GET", "/health", None).1["ami"]["connected"] == connected
    });
}

fn until_noted(bed: &Bed, what: &str) {
    bed.until(what, Duration::from_secs(20), |bed| bed.log().contains(what));
}

/// A line of the script, by its words.
fn line<'a>(script: &'a Script, words: &str) -> &'a Said {
    script.said.iter().find(|said| said.words.contains(words)).expect("a line of the script")
}

/// Sleeps until so many seconds after the first word; gives how many it were. What is tested is what was said by then, so the clock counts here.
fn until_said(began: SystemTime, seconds: f64) -> f64 {
    let since = || SystemTime::now().duration_since(began).unwrap_or_default();
    std::thread::sleep(Duration::from_secs_f64(seconds).saturating_sub(since()));
    since().as_secs_f64()
}

/// What lineside plays of a call, the louder of both sides.
fn sound(bed: &Bed, call: &str) -> Vec<i16> {
    let leg = |leg: &str| -> Vec<i16> {
        let url = format!("http://127.0.0.1:{}/api/v1/calls/{call}/audio?leg={leg}", bed.http);
        let mut answer = ureq::get(url).call().expect("audio");
        let bytes = answer.body_mut().with_config().limit(1 << 28).read_to_vec().expect("WAV");
        let reader = hound::WavReader::new(std::io::Cursor::new(bytes)).expect("WAV");
        assert_eq!((reader.spec().sample_rate, reader.spec().channels), (8000, 1));
        reader.into_samples().map(|sample| sample.expect("sample")).collect()
    };
    let (agent, caller) = (leg("agent"), leg("caller"));
    agent.iter().zip(&caller).map(|(a, b)| if a.unsigned_abs() > b.unsigned_abs() { *a } else { *b }).collect()
}

/// The pauses of a call's legs, in seconds of the call.
fn gaps(bed: &Bed, call: &str) -> Vec<(f64, f64)> {
    let privacy = bed.get(&format!("/api/v1/calls/{call}/privacy"));
    let silences = privacy["silences"].as_array().cloned().unwrap_or_default();
    let pauses = silences.iter().filter(|silence| silence["why"] == "pause");
    pauses.filter_map(|silence| Some((silence["start_time"].as_f64()?, silence["end_time"].as_f64()?))).collect()
}

/// Of both legs what was said from `from_s` to `to_s` is neither text nor sound, and everything else is both, but for `late_s` after it.
fn assert_paused(what: &str, bed: &Bed, channel: &Channel, script: &Script, (from_s, to_s): (f64, f64), late_s: f64) {
    let call = bed.until_completed(&channel.uniqueid);
    let text = format!("{} {}", heard(&call, "agent"), heard(&call, "caller"));
    let words = |said: &Said| said.words.split_whitespace().map(String::from).collect::<Vec<_>>();
    let is_paused = |said: &Said| said.start_s > from_s && said.end_s < to_s;
    let others: Vec<String> = script.said.iter().filter(|said| !is_paused(said)).flat_map(words).collect();
    let heard: Vec<&str> = text.split(' ').collect();
    let (mut kept, mut paused) = (0, 0);
    for said in &script.said {
        if is_paused(said) {
            paused += 1;
            for word in words(said).iter().filter(|word| word.len() > 2 && !others.contains(word)) {
                assert!(!heard.contains(&word.as_str()), "{what}: {word:?} was kept: {call}");
            }
        } else if said.end_s < from_s - 1.0 || said.start_s > to_s + 1.0 + late_s {
            kept += 1;
            let words = words(said);
            let there = words.iter().filter(|word| heard.contains(&word.as_str())).count();
            assert!(there * 10 >= words.len() * 7, "{what}: {:?} is missing: {call}", said.words);
        }
    }
    assert!(kept >= 2 && paused >= 1, "{what}: the script has {kept} lines beside the pause and {paused} in it");
    let gaps = gaps(bed, &channel.uniqueid);
    eprintln!("{what}: asked for {from_s:.2} to {to_s:.2}, silent {gaps:.2?}");
    assert_eq!(gaps.len(), 2, "{what}: one of each leg: {gaps:?}");
    for (start, end) in &gaps {
        // Three keys take a quarter of a second.
        assert!((-1.0..0.5).contains(&(start - from_s)), "{what}: {gaps:?} for {from_s} to {to_s}");
        assert!((-0.1..1.0 + late_s).contains(&(end - to_s)), "{what}: {gaps:?} for {from_s} to {to_s}");
    }
    let sound = sound(bed, &channel.uniqueid);
    let at = |seconds: f64| ((seconds * 8000.0) as usize).min(sound.len());
    let loudest =
        |from: f64, to: f64| sound[at(from)..at(to)].iter().map(|sample| sample.unsigned_abs()).max().unwrap_or(0);
    let start = gaps.iter().map(|gap| gap.0).fold(0.0, f64::max);
    let end = gaps.iter().map(|gap| gap.1).fold(f64::MAX, f64::min);
    assert!(loudest(start + 0.01, end - 0.01) < 40, "{what}: something can be heard in the pause");
    assert!(loudest(0.0, start) > 1000 && loudest(end, f64::MAX) > 1000, "{what}: nothing can be heard beside it");
}

fn events(bed: &Bed) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let mut query = database
        .prepare("SELECT kind, json_extract(payload, '$.by') FROM event WHERE kind LIKE 'recording%' ORDER BY id")
        .expect("query");
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("row")
}

fn audit(bed: &Bed) -> Vec<(String, String)> {
    let database = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let mut query = database
        .prepare("SELECT who, action FROM audit WHERE action IN ('pause', 'resume') ORDER BY id")
        .expect("query");
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("row")
}

fn pair(kind: &str, by: &str) -> (String, String) {
    (kind.into(), by.into())
}

fn a_user_event_pauses_a_recording_that_is_read_with_delay() {
    let script = demo("calm", 24.0);
    let number = line(&script, "four one nine two seven");
    let (mut bed, mut pbx) = listening(&script);
    let channel = pbx.call("caller", "pair", &[]);
    pbx.until_bridged(1);
    let began = pbx.go();
    let from = until_said(began, number.start_s - 0.6);
    pbx.act("UserEvent", &[("UserEvent", "LinesidePause"), ("Uniqueid", &channel.uniqueid), ("By", "mary")]);
    until_noted(&bed, "recording paused (ami: mary)");
    let to = until_said(began, number.end_s + 0.2);
    pbx.act("UserEvent", &[("UserEvent", "LinesideResume"), ("Channel", &channel.name)]);
    until_noted(&bed, "recording resumed (ami)");
    pbx.until_quiet(patience(&script));
    assert_paused("UserEvent", &bed, &channel, &script, (from, to), 0.0);
    assert_nothing_open(&bed);
    bed.stop();
    assert_eq!(events(&bed), [pair("recording_paused", "ami: mary"), pair("recording_resumed", "ami")]);
    assert_eq!(audit(&bed), [pair("ami: mary", "pause"), pair("ami", "resume")]);
}

fn keys_and_a_muted_mixmonitor_pause_a_recording() {
    let script = demo("support", 24.0);
    let said = line(&script, "stopped working on saturday");
    let (mut bed, mut pbx) = listening(&script);
    let by_keys = pbx.call("caller", "pair", &[]);
    let by_mute = pbx.call("caller", "pair", &[]);
    pbx.until_bridged(2);
    let began = pbx.go();
    let press = |pbx: &mut Pbx, keys: &str| {
        for key in keys.chars() {
            let digit = key.to_string();
            let fields =
                [("Channel", by_keys.name.as_str()), ("Digit", &digit), ("Duration", "20"), ("Receive", "true")];
            pbx.act("PlayDTMF", &fields);
        }
    };
    let mute = |pbx: &mut Pbx, state: &str| {
        let fields = [("Channel", by_mute.name.as_str()), ("Direction", "both"), ("State", state)];
        pbx.act("MixMonitorMute", &fields);
    };
    let from = until_said(began, said.start_s - 0.6);
    press(&mut pbx, "*71");
    mute(&mut pbx, "1");
    let to = until_said(began, said.end_s + 0.2);
    press(&mut pbx, "*72");
    mute(&mut pbx, "0");
    pbx.until_quiet(patience(&script));
    assert_paused("keys", &bed, &by_keys, &script, (from, to), 0.0);
    assert_paused("MixMonitorMute", &bed, &by_mute, &script, (from, to), 0.0);
    assert_nothing_open(&bed);
    bed.stop();
    assert!(events(&bed).iter().all(|(_, by)| by == "ami"));
}

fn a_mute_of_one_direction_pauses_its_leg_and_not_the_call() {
    let script = short();
    let (mut bed, mut pbx) = listening(&script);
    let channel = pbx.call("caller", "pair", &[]);
    pbx.until_bridged(1);
    let began = pbx.go();
    let mute = |pbx: &mut Pbx, state: &str| {
        let fields = [("Channel", channel.name.as_str()), ("Direction", "read"), ("State", state)];
        pbx.act("MixMonitorMute", &fields);
    };
    until_said(began, 2.5);
    mute(&mut pbx, "1");
    until_said(began, 4.5);
    mute(&mut pbx, "0");
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&channel.uniqueid);
    bed.stop();
    let database = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let mut query = database
        .prepare("SELECT leg.leg FROM silence JOIN leg ON leg.id = silence.leg WHERE silence.why = 'pause'")
        .expect("query");
    let silent = query.query_map((), |row| row.get(0)).expect("rows").collect::<Result<Vec<String>, _>>().expect("row");
    assert_eq!(silent, ["caller"], "{call}");
    assert_eq!(events(&bed).len(), 2, "one pause and its end");
}

fn a_pause_before_the_recording_is_seen_is_kept_for_it() {
    let script = demo("support", 24.0);
    let (mut bed, mut pbx) = listening(&script);
    // Twenty seconds pass before the first block of GSM is in the file. Until the telephones speak nothing is written.
    let made = std::time::Instant::now();
    let channel = pbx.call("caller", "pair", &[("LINESIDE_FORMAT", "gsm")]);
    pbx.until_bridged(1);
    let began = pbx.go();
    let hole_s = made.elapsed().as_secs_f64();
    let said = line(&script, "stopped working on saturday");
    let from = until_said(began, said.start_s - 0.6);
    pbx.act("UserEvent", &[("UserEvent", "LinesidePause"), ("Linkedid", &channel.uniqueid)]);
    until_noted(&bed, "no such call is heard");
    let to = until_said(began, said.end_s + 0.2);
    pbx.act("UserEvent", &[("UserEvent", "LinesideResume"), ("LinesideCall", &channel.uniqueid)]);
    pbx.until_quiet(patience(&script));
    assert_paused("before the file is seen", &bed, &channel, &script, (from, to), hole_s);
    assert_eq!(bed.log().matches("no such call is heard").count(), 1, "said once\n{}", bed.log());
    bed.stop();
}

fn asterisk_is_found_again_after_a_restart() {
    let script = short();
    let (mut bed, mut pbx) = listening(&script);
    pbx.crash();
    until_connected(&bed, false);
    let told: Value = bed.get("/health");
    assert!(told["ami"]["problem"].is_string() && told["status"] == "degraded", "{told}");
    pbx.restart();
    until_connected(&bed, true);
    let mut metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.body_mut().read_to_string().expect("text");
    assert!(metrics.lines().any(|line| line == "lineside_ami_connected 1"), "{metrics}");
    pbx.act("UserEvent", &[("UserEvent", "LinesidePause"), ("Uniqueid", "1.1")]);
    until_noted(&bed, "ami: pause of 1.1: no such call is heard");
    bed.stop();
}
