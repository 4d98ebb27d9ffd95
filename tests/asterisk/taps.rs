//! Calls that lineside taps by the manager interface, without a word in the dialplan, and what it learns of them there.

use std::time::Duration;

use serde_json::{Value, json};

use crate::bed::Bed;
use crate::pbx::{Channel, Pbx, SECRET};
use crate::roads::{ASKED, bed, patience};
use crate::script::{Script, assert_nothing_open, assert_understood, demo, short};

pub const TESTS: &[crate::Test] = &[
    (
        "twenty_calls_are_tapped_through_a_restart_of_asterisk_and_a_kill_of_lineside",
        twenty_calls_are_tapped_through_a_restart_of_asterisk_and_a_kill_of_lineside,
    ),
    ("a_call_is_tapped_by_hand_and_goes_on_when_its_taps_end", a_call_is_tapped_by_hand_and_goes_on_when_its_taps_end),
    (
        "a_tapped_call_of_a_queue_is_known_with_its_agent_and_its_end",
        a_tapped_call_of_a_queue_is_known_with_its_agent_and_its_end,
    ),
    ("an_account_that_may_not_tap_is_told_what_it_lacks", an_account_that_may_not_tap_is_told_what_it_lacks),
    (
        "an_account_that_may_do_everything_is_told_what_it_does_not_need",
        an_account_that_may_do_everything_is_told_what_it_does_not_need,
    ),
    (
        "a_call_by_ami_tap_and_recording_is_one_call_with_one_text",
        a_call_by_ami_tap_and_recording_is_one_call_with_one_text,
    ),
];

const TAPS: Duration = Duration::from_secs(20);

/// A daemon that is logged in with this account; both run, and telephones speak the script.
pub fn tapping(script: &Script, account: &str, more: &str) -> (Bed, Pbx) {
    let mut bed = bed();
    let pbx = Pbx::start(&bed);
    std::fs::write(bed.path("ami-secret"), format!("{SECRET}\n")).expect("write");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let ami = format!(
        "[ami]\naddress = \"127.0.0.1:{}\"\nuser = \"{account}\"\nsecret_file = \"{}\"\n{more}\n",
        pbx.port,
        bed.path("ami-secret").display()
    );
    std::fs::write(path, text + &ami).expect("write");
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

/// Prints what a command prints; its exit code.
fn lineside(bed: &Bed, arguments: &[&str]) -> (String, Option<i32>) {
    let output = bed.command(arguments).output().expect("run");
    let said = [output.stdout, output.stderr].concat();
    (String::from_utf8_lossy(&said).into_owned(), output.status.code())
}

/// By the Unix socket, where no number of requests is too many.
fn taps(bed: &Bed) -> Vec<Value> {
    let (said, _) = lineside(bed, &["taps", "--json"]);
    let list: Value = serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"));
    list["taps"].as_array().cloned().unwrap_or_default()
}

/// Waits until so many calls are tapped on both sides; Asterisk says so too.
pub fn until_tapped(bed: &Bed, pbx: &mut Pbx, calls: usize) {
    bed.until(&format!("{calls} calls are tapped"), TAPS, |bed| {
        let taps = taps(bed);
        let is_running = |side: &Value| side["state"] == "running";
        let both = |tap: &&Value| {
            tap["sides"].as_array().is_some_and(|sides| sides.iter().filter(|s| is_running(s)).count() == 2)
        };
        taps.iter().filter(both).count() == calls && taps.len() == calls
    });
    pbx.until("the taps are channels", TAPS, |channels| (spies(channels) == 2 * calls).then_some(()));
}

fn spies(channels: &[Channel]) -> usize {
    channels.iter().filter(|channel| channel.application == "ChanSpy").count()
}

fn kinds(call: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let events = call["pbx_events"].as_array().expect("events");
    events.iter().map(|event| (text(&event["kind"]), text(&event["leg"]))).collect()
}

fn legs(call: &Value) -> Vec<(String, u64)> {
    let mut legs: Vec<(String, u64)> = call["legs"]
        .as_array()
        .expect("legs")
        .iter()
        .map(|leg| (leg["leg"].as_str().unwrap_or_default().to_string(), leg["rate_hz"].as_u64().unwrap_or(0)))
        .collect();
    legs.sort();
    legs
}

fn both(rate_hz: u64) -> Vec<(String, u64)> {
    vec![("agent".into(), rate_hz), ("caller".into(), rate_hz)]
}

pub const RULE: &str = "[[tap]]\nmatch = \"^Local/caller@phones\"\nrate = 16000\nmax = 20";

fn twenty_calls_are_tapped_through_a_restart_of_asterisk_and_a_kill_of_lineside() {
    const CALLS: usize = 20;
    /// Between what is said before the crash and after it.
    const HOLD_S: u64 = 45;
    let script = short();
    let (mut bed, mut pbx) = tapping(&script, "tapping", RULE);
    let hold = HOLD_S.to_string();
    let call = |pbx: &mut Pbx| pbx.call("caller", "plain", &[("__HOLD", &hold)]);
    // One more than the rule takes.
    let first: Vec<Channel> = (0..=CALLS).map(|_| call(&mut pbx)).collect();
    pbx.until_bridged(CALLS + 1);
    until_tapped(&bed, &mut pbx, CALLS);
    pbx.go();
    let spoken = Duration::from_secs_f64(script.seconds() + 1.0);
    std::thread::sleep(spoken);
    pbx.crash();
    until_connected(&bed, false);
    pbx.restart();
    until_connected(&bed, true);
    bed.until("no call is tapped any more", TAPS, |bed| taps(bed).is_empty());
    for channel in first.iter().take(CALLS) {
        said_so_often(&bed, channel, &script, 1);
    }

    let second: Vec<Channel> = (0..CALLS).map(|_| call(&mut pbx)).collect();
    pbx.until_bridged(CALLS);
    until_tapped(&bed, &mut pbx, CALLS);
    pbx.go();
    std::thread::sleep(spoken);
    bed.crash();
    // Nobody speaks: Asterisk does not notice then that nobody listens any more.
    let left = spies(&pbx.channels());
    bed.start();
    until_tapped(&bed, &mut pbx, CALLS);
    pbx.until_bridged(CALLS);
    let told = bed.log().contains(&format!("ami: {left} taps of a former run are hung up"));
    println!("{left} taps of the killed run were left; hung up at the start: {told}");
    assert!(told || left == 0, "{left} were left\n{}", bed.log());
    // After the hold they speak again.
    pbx.until_quiet(patience(&script) + Duration::from_secs(HOLD_S));
    bed.until("no call is tapped any more", TAPS, |bed| taps(bed).is_empty());
    let concise = pbx.cli("core show channels concise");
    assert_eq!(concise.trim(), "");
    println!("core show channels concise, after {} calls: {concise:?}", 2 * CALLS + 1);
    for channel in &second {
        let call = bed.until_completed(&channel.uniqueid);
        let of_second_run: Vec<(String, u64)> = legs(&call);
        assert!(of_second_run.iter().all(|(leg, rate)| ["agent", "caller"].contains(&leg.as_str()) && *rate == 16_000));
        let events = kinds(&call);
        let count = |kind: &str| events.iter().filter(|(other, _)| other == kind).count();
        assert!(count("tap_started") >= 2 && count("hung_up") >= 2, "{events:?}");
        assert_eq!(call["metadata"]["pbx"]["hangup_cause"].as_str().map(|cause| &cause[..2]), Some("16"), "{call}");
    }
    // What was said before lineside was killed, and after it.
    for channel in &second {
        said_so_often(&bed, channel, &script, 2);
    }
    assert_nothing_open(&bed);
    bed.stop();
}

/// A call is over, and each side of it has its words so many times.
fn said_so_often(bed: &Bed, channel: &Channel, script: &Script, times: usize) {
    let call = bed.until_completed(&channel.uniqueid);
    for side in ["agent", "caller"] {
        let (said, heard) = (vec![script.words(side); times].join(" "), crate::script::heard(&call, side));
        let errors = crate::script::word_error_rate(&said, &heard);
        assert!(errors <= ASKED.errors, "{}: {side}: {errors}: {heard:?} for {said:?}", channel.uniqueid);
    }
}

fn a_call_is_tapped_by_hand_and_goes_on_when_its_taps_end() {
    let script = demo("support", 24.0);
    let (mut bed, mut pbx) = tapping(&script, "tapping", "");
    let channel = pbx.call("caller", "plain", &[]);
    let id = channel.uniqueid.as_str();
    pbx.until_bridged(1);
    // The page has a button for each of these.
    let unheard = |bed: &Bed| bed.get("/api/v1/taps")["unheard"].clone();
    bed.until("nobody hears it", TAPS, |bed| unheard(bed)[0]["call_id"] == id);
    println!("a call that nobody hears: {}", unheard(&bed));
    bed.until("the call is known", TAPS, |bed| lineside(bed, &["tap", &channel.name]).1 == Some(0));
    until_tapped(&bed, &mut pbx, 1);
    assert_eq!(unheard(&bed), json!([]), "it is tapped");
    for (arguments, says) in [
        (["tap", id].as_slice(), "tapped already"),
        (&["tap", "nobody"], "no channel or call of Asterisk"),
        (&["tap", "a\r\nAction: Logoff"], "no channel or call of Asterisk"),
        (&["untap", "nobody"], "is not tapped"),
        (&["tap", "--rate", "44100", id], "8000 or 16000"),
    ] {
        let (said, code) = lineside(&bed, arguments);
        assert!(said.contains(says) && code == Some(1), "{arguments:?}: {said}");
    }
    let (said, _) = lineside(&bed, &["taps"]);
    println!("lineside taps:\n{said}");
    assert!(
        said.contains(id)
            && said.contains("agent   Local/agent@phones")
            && said.contains("caller  Local/caller@phones"),
        "{said}"
    );
    let (said, _) = lineside(&bed, &["doctor"]);
    assert!(said.contains("ok   AMI rights"), "{said}");
    pbx.go();
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(id);
    assert_eq!(legs(&call), both(8000));
    assert_understood("taps by hand", &call, &script, 0.0, ASKED);
    let events = kinds(&call);
    let wanted = [
        ("bridged", "caller"),
        ("bridged", "agent"),
        ("tap_started", "caller"),
        ("tap_started", "agent"),
        ("hung_up", "agent"),
    ];
    for (kind, leg) in wanted {
        assert!(events.contains(&(kind.into(), leg.into())), "{kind} {leg}: {events:?}");
    }

    // Another one: ended by hand, tapped again, and lineside stops meanwhile. The call hears nothing of it.
    let channel = pbx.call("caller", "plain", &[("__REST", "30")]);
    pbx.until_bridged(1);
    bed.until("it is tapped", TAPS, |bed| lineside(bed, &["tap", &channel.uniqueid]).1 == Some(0));
    until_tapped(&bed, &mut pbx, 1);
    let (said, code) = lineside(&bed, &["untap", &channel.name]);
    assert_eq!(code, Some(0), "{said}");
    pbx.until("the taps are gone", TAPS, |channels| (spies(channels) == 0).then_some(()));
    pbx.until_bridged(1);
    assert_eq!(bed.ask("POST", "/api/v1/taps", Some(&json!({"target": channel.uniqueid}))).0, 202);
    until_tapped(&bed, &mut pbx, 1);
    bed.stop();
    pbx.until("the taps are gone", TAPS, |channels| (spies(channels) == 0).then_some(()));
    pbx.until_bridged(1);
    pbx.hang_up(&channel);
    pbx.until_quiet(TAPS);
}

fn a_tapped_call_of_a_queue_is_known_with_its_agent_and_its_end() {
    let script = short();
    let (mut bed, mut pbx) = tapping(&script, "tapping", "[[tap]]\nmatch = \"^Local/caller\"");
    let channel = pbx.call("caller", "queue", &[]);
    pbx.until_bridged(1);
    until_tapped(&bed, &mut pbx, 1);
    pbx.go();
    pbx.until_quiet(patience(&script));
    let id = &channel.uniqueid;
    bed.until("its end is known", patience(&script), |bed| {
        bed.try_get(&format!("/api/v1/calls/{id}"))
            .is_some_and(|call| call["metadata"]["pbx"]["hangup_cause"].is_string())
    });
    let call = bed.until_completed(id);
    println!("metadata of a queue's call: {}", call["metadata"]);
    println!("its events: {}", call["pbx_events"]);
    assert_eq!((&call["agent"], &call["campaign"]), (&json!("Mary"), &json!("sales")), "{call}");
    assert_eq!(call["metadata"]["pbx"]["queue"], "sales");
    let events = kinds(&call);
    for kind in ["queue_joined", "agent_connected", "bridged", "tap_started", "hung_up"] {
        assert!(events.iter().any(|(other, _)| other == kind), "{kind}: {events:?}");
    }
    assert_eq!(events.first(), Some(&("queue_joined".into(), "caller".into())));
    assert_understood("a queue's call", &call, &script, 0.0, ASKED);

    // What somebody has told counts more, whenever it was told.
    pbx.act("Setvar", &[("Variable", "GO"), ("Value", "no")]);
    let channel = pbx.call("caller", "queue", &[]);
    let told = json!({"uniqueid": channel.uniqueid, "agent": "mary.smith", "lead": "7", "metadata": {"note": "x"}});
    assert_eq!(bed.ask("POST", "/api/v1/calls", Some(&told)).0, 200);
    pbx.until_bridged(1);
    until_tapped(&bed, &mut pbx, 1);
    pbx.go();
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&channel.uniqueid);
    let known = ["agent", "lead", "campaign"].map(|name| call[name].as_str().unwrap_or_default());
    assert_eq!(known, ["mary.smith", "7", "sales"], "{call}");
    assert_eq!((&call["metadata"]["note"], &call["metadata"]["pbx"]["queue"]), (&json!("x"), &json!("sales")));
    bed.stop();
}

fn an_account_that_may_not_tap_is_told_what_it_lacks() {
    let script = short();
    let (mut bed, mut pbx) = tapping(&script, "lineside", RULE);
    let channel = pbx.call("caller", "plain", &[]);
    pbx.until_bridged(1);
    bed.until("its rights are known", TAPS, |bed| {
        bed.get("/health")["ami"]["missing_rights"] == json!(["call", "originate", "reporting"])
    });
    let (status, said) = bed.ask("POST", "/api/v1/taps", Some(&json!({"target": channel.uniqueid})));
    assert_eq!(status, 409, "{said}");
    assert!(
        said["detail"].as_str().is_some_and(|detail| detail.contains("write = originate,reporting,call")),
        "{said}"
    );
    assert!(bed.log().contains("no [[tap]] rule has an effect"), "{}", bed.log());
    let (said, code) = lineside(&bed, &["doctor"]);
    let line = said.lines().position(|line| line.contains("AMI rights")).unwrap_or_else(|| panic!("{said}"));
    let told: Vec<&str> = said.lines().skip(line).take(3).collect();
    println!("{}", told.join("\n"));
    assert!(told[0].starts_with("BAD") && told[2].contains("section [lineside]") && code == Some(1), "{told:?}");
    assert!(taps(&bed).is_empty() && spies(&pbx.channels()) == 0);
    pbx.hang_up(&channel);
    pbx.until_quiet(TAPS);
    bed.stop();
}

fn an_account_that_may_do_everything_is_told_what_it_does_not_need() {
    let (mut bed, pbx) = tapping(&short(), "all", "");
    bed.until("its rights are known", TAPS, |bed| {
        bed.get("/health")["ami"]["more_rights"] == json!(["command", "config", "dialplan", "system"])
    });
    assert_eq!(bed.get("/health")["ami"]["missing_rights"], json!([]));
    let (said, _) = lineside(&bed, &["doctor"]);
    let line = said.lines().find(|line| line.contains("AMI rights")).unwrap_or_else(|| panic!("{said}"));
    println!("{line}");
    assert!(line.contains("may do more than it needs: command, config, dialplan, system"), "{said}");
    bed.stop();
    drop(pbx);
}

fn a_call_by_ami_tap_and_recording_is_one_call_with_one_text() {
    let script = short();
    let (mut bed, mut pbx) = tapping(&script, "tapping", RULE);
    let channel = pbx.call("caller", "pair", &[]);
    pbx.until_bridged(1);
    until_tapped(&bed, &mut pbx, 1);
    pbx.go();
    pbx.until_quiet(patience(&script));
    let call = bed.until_completed(&channel.uniqueid);
    let calls = bed.get("/api/v1/calls")["calls"].as_array().map_or(0, Vec::len);
    assert_eq!(calls, 1, "AMI, tap and recording are one call");
    assert!(kinds(&call).iter().any(|(kind, _)| kind == "recording_started"), "{call}");
    let sources: Vec<(&str, bool)> = call["sources"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| Some((one["source"].as_str()?, one["heard"] == true)))
        .collect();
    println!("one call by AMI, tap and file: {}, stretches that are there twice: {}", call["sources"], call["doubled"]);
    let of = |wanted: &str| sources.iter().filter(|(source, _)| *source == wanted).collect::<Vec<_>>();
    assert!(of("audiosocket").len() == 2 && of("audiosocket").iter().all(|(_, heard)| *heard), "{call}");
    assert!(!of("recording").is_empty() && of("recording").iter().all(|(_, heard)| !heard), "{call}");
    assert_eq!(call["doubled"], json!([]));
    // The script begins when the taps are there, which is later than the recording's first sample.
    let least = |times: &mut dyn Iterator<Item = f64>| times.fold(f64::INFINITY, f64::min);
    let list = |name: &str| call[name].as_array().cloned().unwrap_or_default();
    let tapped = least(&mut list("sources").iter().filter_map(|one| one["stretches"][0][0].as_f64()));
    let first = least(&mut list("legs").iter().filter_map(|leg| leg["offset"].as_f64()));
    assert_understood("a call by three sources", &call, &script, tapped - first, ASKED);
    bed.stop();
}
