//! A call by every road, from its first frame to its last word.

use std::path::Path;
use std::time::Duration;

use crate::bed::{self, Bed};
use crate::pbx::{Channel, Pbx};
use crate::script::{Asked, Script, assert_nothing_open, assert_understood, demo, heard, short, word_error_rate};

pub const TESTS: &[crate::Test] = &[
    (
        "every_format_and_option_of_mixmonitor_is_followed_while_it_grows",
        every_format_and_option_of_mixmonitor_is_followed_while_it_grows,
    ),
    ("a_bridged_call_is_tapped_on_each_side", a_bridged_call_is_tapped_on_each_side),
    (
        "two_legs_through_the_audiosocket_application_are_one_call_and_keys_are_kept",
        two_legs_through_the_audiosocket_application_are_one_call_and_keys_are_kept,
    ),
    ("a_hold_without_a_frame_takes_its_time", a_hold_without_a_frame_takes_its_time),
    ("an_ivr_leg_is_heard_by_eagi", an_ivr_leg_is_heard_by_eagi),
    (
        "a_call_that_is_ended_by_lineside_goes_on_in_the_dialplan",
        a_call_that_is_ended_by_lineside_goes_on_in_the_dialplan,
    ),
];

/// Two words in twenty, the length of a short leg: every road was seen to keep more, GSM included (0 to 3 %, times within 0.08 s).
pub const ASKED: Asked = Asked { errors: 0.1, late_s: 0.3 };

/// A daemon with the demo model, not started.
pub fn bed() -> Bed {
    let model = bed::demo_model().expect("looked for before");
    // Keys are shown as they were pressed; masked ones would all look alike.
    let bed = Bed::new(&model.display().to_string(), "[privacy]\nredact = false");
    // The recorded channel is the caller's, so the stereo file has the caller on the left.
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replace("[recordings]\n", "[recordings]\nstereo = [\"caller\", \"agent\"]\n");
    std::fs::write(path, text).expect("write");
    bed
}

/// A daemon and a PBX that run, with telephones that speak the script.
pub fn ready(script: &Script) -> (Bed, Pbx) {
    let mut bed = bed();
    bed.start();
    let pbx = Pbx::start(&bed);
    pbx.sound("agent", &script.agent);
    pbx.sound("caller", &script.caller);
    (bed, pbx)
}

/// Longer than the script takes, by what a loaded machine may need.
pub fn patience(script: &Script) -> Duration {
    Duration::from_secs_f64(script.seconds() + 20.0)
}

fn every_format_and_option_of_mixmonitor_is_followed_while_it_grows() {
    let script = demo("angry", 28.0);
    let (mut bed, mut pbx) = ready(&script);
    let formats = ["wav", "wav16", "wav49", "gsm", "ulaw", "alaw", "sln", "sln16"];
    let channel = pbx.call("caller", "record", &[("FORMATS", &formats.join("-"))]);
    let stereo = pbx.call("caller", "stereo", &[]);
    pbx.until_bridged(2);
    pbx.go();
    let path = format!("/api/v1/calls/{}", channel.uniqueid);
    bed.until("something is written down while the call runs", patience(&script), |bed| {
        bed.try_get(&path)
            .is_some_and(|call| call["transcript_segments"].as_array().is_some_and(|list| !list.is_empty()))
    });
    assert_eq!(bed.get(&path)["status"], "active");
    assert!(!pbx.channels().is_empty(), "the call still runs");
    pbx.until_quiet(patience(&script));

    let call = bed.until_completed(&channel.uniqueid);
    assert_eq!((&call["end_reason"], &call["uniqueid"]), (&"closed".into(), &channel.uniqueid.as_str().into()));
    assert_understood("MixMonitor r() t()", &call, &script, 0.0, ASKED);
    for format in formats {
        assert_understood(&format!("MixMonitor {format}"), &bed.until_completed(format), &script, 0.0, ASKED);
    }
    assert_understood("MixMonitor b", &bed.until_completed("bridged"), &script, 0.0, ASKED);
    assert_understood("MixMonitor D", &bed.until_completed(&stereo.uniqueid), &script, 0.0, ASKED);
    let mix = bed.until_completed("whole");
    let said: Vec<&str> = script.said.iter().map(|said| said.words.as_str()).collect();
    let errors = word_error_rate(&said.join(" "), &heard(&mix, "unknown"));
    eprintln!("MixMonitor mixed: word errors {:.1} %", errors * 100.0);
    assert!(errors <= ASKED.errors, "{errors}: {mix}");
    assert_eq!(bed.get("/api/v1/calls")["calls"].as_array().map(Vec::len), Some(formats.len() + 4));
    assert_nothing_open(&bed);
    bed.stop();
}

fn a_bridged_call_is_tapped_on_each_side() {
    let script = demo("crosstalk", 28.0);
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "tap", &[]);
    pbx.until_bridged(1);
    pbx.go();
    let path = format!("/api/v1/calls/{}", channel.uniqueid);
    bed.until("the call is there while it runs", patience(&script), |bed| bed.try_get(&path).is_some());
    assert_eq!(bed.get(&path)["status"], "active");
    assert_eq!(bed.get("/api/v1/calls/stats")["active_sessions"], 1);
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&channel.uniqueid);
    assert_eq!((&call["end_reason"], &call["uniqueid"]), (&"hangup".into(), &channel.uniqueid.as_str().into()));
    assert_eq!(legs(&call), [("agent", 16_000), ("caller", 16_000)]);
    assert_understood("AudioSocket taps", &call, &script, 0.0, ASKED);
    assert_nothing_open(&bed);
    bed.stop();
}

fn a_hold_without_a_frame_takes_its_time() {
    const HOLD_S: f64 = 4.0;
    let mut script = short();
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "tap", &[("__HOLD", &HOLD_S.to_string())]);
    pbx.until_bridged(1);
    pbx.go();
    pbx.until_quiet(patience(&script) * 2);
    let call = bed.until_completed(&channel.uniqueid);
    let again_s = script.seconds() + HOLD_S;
    let again = script.said.clone().into_iter().map(|said| said.later(again_s));
    script.said.extend(again);
    assert_understood("a hold", &call, &script, 0.0, ASKED);
    assert_nothing_open(&bed);
    bed.stop();
}

fn two_legs_through_the_audiosocket_application_are_one_call_and_keys_are_kept() {
    let script = demo("promise", 28.0);
    let (mut bed, mut pbx) = ready(&script);
    let caller = pbx.call("caller", "listen", &[("WHO", "caller"), ("KEYS", "12#*A")]);
    pbx.call("agent", "listen", &[("WHO", "agent"), ("CALL", &caller.uniqueid)]);
    pbx.go(); // within the two seconds that AudioSocket() waits for a frame
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&caller.uniqueid);
    assert_eq!(legs(&call), [("agent", 8000), ("caller", 8000)]);
    assert_understood("AudioSocket()", &call, &script, 0.0, ASKED);
    let keys = keys(&bed.path("state"));
    let digits: Vec<&str> = keys.iter().map(|(.., digit)| digit.as_str()).collect();
    assert_eq!(digits.concat(), "12#*A", "{keys:?}");
    assert!(keys.iter().all(|(leg, ..)| leg == "caller"), "{keys:?}");
    let first = keys[0].1;
    assert!((first - script.seconds()).abs() < 1.0, "pressed at {:.1} s, kept as {first}", script.seconds());
    assert_nothing_open(&bed);
    bed.stop();
}

fn an_ivr_leg_is_heard_by_eagi() {
    let script = demo("legal", 28.0);
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "eagi", &[]);
    let spoken = jiff::Timestamp::try_from(pbx.go()).expect("a time of today");
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&channel.uniqueid);
    assert_eq!((&call["campaign"], &call["end_reason"]), (&"sales".into(), &"hangup".into()));
    assert_eq!(legs(&call), [("caller", 8000)]);
    let alone = Script { said: script.of("caller").cloned().collect(), ..script };
    // The leg begins with the script, before the first frame.
    let began: jiff::Timestamp = call["start_time"].as_str().and_then(|time| time.parse().ok()).expect("a time");
    assert_understood("EAGI", &call, &alone, spoken.duration_since(began).as_secs_f64(), ASKED);
    assert_nothing_open(&bed);
    bed.stop();
}

fn a_call_that_is_ended_by_lineside_goes_on_in_the_dialplan() {
    let script = short();
    let (mut bed, mut pbx) = ready(&script);
    pbx.go();
    for road in ["listen", "eagi"] {
        let channel = pbx.call("caller", road, &[("WHO", "caller")]);
        let path = format!("/api/v1/calls/{}", channel.uniqueid);
        bed.until("the call is heard", Duration::from_secs(10), |bed| bed.try_get(&path).is_some());
        let (status, answer) = bed.ask("POST", &format!("{path}/end?reason=enough"), None);
        assert_eq!(status, 200, "{answer}");
        pbx.until("the dialplan goes on", Duration::from_secs(5), |channels| is_after(channels, &channel));
        pbx.hang_up(&channel);
        pbx.until_quiet(Duration::from_secs(10));
        assert_eq!(bed.until_completed(&channel.uniqueid)["end_reason"], "enough");
    }
    assert_nothing_open(&bed);
    bed.stop();
}

/// Whether a channel has come to the `Wait()` behind its road to lineside.
pub fn is_after(channels: &[Channel], channel: &Channel) -> Option<()> {
    channels.iter().any(|other| other.uniqueid == channel.uniqueid && other.application == "Wait").then_some(())
}

/// Names and rates of a call's legs.
fn legs(call: &serde_json::Value) -> Vec<(&str, u64)> {
    let mut legs: Vec<(&str, u64)> = call["legs"]
        .as_array()
        .expect("legs")
        .iter()
        .map(|leg| (leg["leg"].as_str().expect("leg"), leg["rate_hz"].as_u64().expect("rate")))
        .collect();
    legs.sort_unstable();
    legs
}

/// Leg, second in the call and digit of every key that was pressed.
fn keys(state: &Path) -> Vec<(String, f64, String)> {
    let database =
        rusqlite::Connection::open_with_flags(state.join("lineside.db"), rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
            .expect("open");
    let mut query = database
        .prepare(
            "SELECT leg.leg, dtmf.at_ms / 1000.0, dtmf.digit FROM dtmf JOIN leg ON leg.id = dtmf.leg ORDER BY dtmf.id",
        )
        .expect("query");
    let rows = query.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("rows");
    rows.collect::<Result<_, _>>().expect("row")
}
