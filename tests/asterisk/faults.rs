//! What goes wrong on a PBX: lineside that is away, stalled or restarted, Asterisk that dies, and callers who hang up when they like.

use std::time::Duration;

use crate::pbx::Pbx;
use crate::roads::{ASKED, bed, is_after, patience, ready};
use crate::script::{assert_nothing_open, assert_understood, demo, heard, short, word_error_rate};

pub const TESTS: &[crate::Test] = &[
    ("calls_do_not_mind_that_lineside_is_not_there", calls_do_not_mind_that_lineside_is_not_there),
    (
        "a_restart_in_mid_call_costs_the_tap_and_nothing_of_the_recording",
        a_restart_in_mid_call_costs_the_tap_and_nothing_of_the_recording,
    ),
    (
        "a_stalled_daemon_hurts_no_call_and_hears_it_all_when_it_wakes",
        a_stalled_daemon_hurts_no_call_and_hears_it_all_when_it_wakes,
    ),
    ("what_was_said_before_asterisk_was_killed_is_kept", what_was_said_before_asterisk_was_killed_is_kept),
    ("a_hangup_is_an_end_at_every_stage", a_hangup_is_an_end_at_every_stage),
];

fn calls_do_not_mind_that_lineside_is_not_there() {
    let script = short();
    let bed = bed(); // its ports are free: connections are refused
    let mut pbx = Pbx::start(&bed);
    pbx.sound("agent", &script.agent);
    pbx.sound("caller", &script.caller);
    pbx.call("caller", "tap", &[]);
    pbx.until_bridged(1);
    let alone: Vec<_> = ["listen", "eagi"].map(|road| pbx.call("caller", road, &[("WHO", "caller")])).into();
    for channel in &alone {
        pbx.until("the dialplan goes on", Duration::from_secs(5), |channels| is_after(channels, channel));
    }
    pbx.go();
    std::thread::sleep(Duration::from_secs_f64(script.seconds() - 1.0));
    pbx.until_bridged(1); // to its last words
    pbx.until_quiet(patience(&script));
}

fn a_restart_in_mid_call_costs_the_tap_and_nothing_of_the_recording() {
    let script = demo("calm", 24.0);
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "both", &[]);
    pbx.until_bridged(1);
    pbx.go();
    let path = format!("/api/v1/calls/{}", channel.uniqueid);
    bed.until("two lines are written down", patience(&script), |bed| {
        bed.try_get(&path)
            .is_some_and(|call| call["transcript_segments"].as_array().is_some_and(|list| list.len() >= 2))
    });
    bed.stop();
    std::thread::sleep(Duration::from_secs(3));
    bed.start();
    pbx.until_bridged(1);
    pbx.until_quiet(patience(&script));
    let tapped = bed.until_completed(&channel.uniqueid);
    assert_eq!(tapped["end_reason"], "shutdown");
    for speaker in ["agent", "caller"] {
        let said = script.of(speaker).next().expect("a line");
        assert!(heard(&tapped, speaker).starts_with(&said.words), "{tapped}");
    }
    assert_understood("recording over a restart", &bed.until_completed("recorded"), &script, 0.0, ASKED);
    assert_nothing_open(&bed);
    bed.stop();
}

fn a_stalled_daemon_hurts_no_call_and_hears_it_all_when_it_wakes() {
    let script = demo("support", 24.0);
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "tap", &[]);
    pbx.until_bridged(1);
    pbx.go();
    std::thread::sleep(Duration::from_secs(8));
    bed.signal("-STOP");
    let late = pbx.call("caller", "tap", &[]); // its tap is let in by the kernel
    pbx.until_bridged(2);
    let alone = pbx.call("caller", "eagi", &[]);
    std::thread::sleep(Duration::from_secs(1));
    pbx.hang_up(&alone);
    pbx.until("the script does not hold its channel", Duration::from_secs(5), |channels| {
        channels.iter().all(|channel| channel.uniqueid != alone.uniqueid).then_some(())
    });
    pbx.hang_up(&late);
    pbx.until_quiet(patience(&script));
    bed.signal("-CONT");
    let call = bed.until_completed(&channel.uniqueid);
    assert_understood("taps of a stalled daemon", &call, &script, 0.0, ASKED);
    bed.until("nothing runs any more", Duration::from_secs(30), |bed| {
        bed.get("/api/v1/calls/stats")["active_sessions"] == 0
    });
    assert_nothing_open(&bed);
    bed.stop();
}

fn what_was_said_before_asterisk_was_killed_is_kept() {
    let script = demo("hold", 24.0);
    let (mut bed, mut pbx) = ready(&script);
    let channel = pbx.call("caller", "both", &[]);
    let alone = ["listen", "eagi"].map(|road| pbx.call("caller", road, &[("WHO", "caller")]));
    pbx.until_bridged(1);
    pbx.go();
    let third = &script.said[2];
    std::thread::sleep(Duration::from_secs_f64(third.end_s + 1.0));
    pbx.crash();
    let tapped = bed.until_completed(&channel.uniqueid);
    let said: Vec<_> = script.of("agent").take(2).map(|said| said.words.as_str()).collect();
    let errors = word_error_rate(&said.join(" "), &heard(&tapped, "agent"));
    assert!(errors <= ASKED.errors, "{errors}: {tapped}");
    for channel in alone {
        let call = bed.until_completed(&channel.uniqueid);
        let second = script.of("caller").next().expect("a line");
        assert!(heard(&call, "caller").starts_with(&second.words), "{call}");
    }
    // Of a recording Asterisk holds the last 32 KiB back, two seconds.
    let recorded = bed.until_completed("recorded");
    assert!(heard(&recorded, "agent").starts_with(said[0]), "{recorded}");
    assert_eq!(recorded["end_reason"], "closed");
    assert_nothing_open(&bed);
    bed.stop();
}

fn a_hangup_is_an_end_at_every_stage() {
    let script = short();
    let (mut bed, mut pbx) = ready(&script);
    let first = &script.said[0];
    let answer = &script.said[1];
    // Seconds after the first word to the telephones; `None` before any sound.
    let stages = [
        ("before any sound", None),
        ("in mid-utterance", Some(f64::midpoint(first.start_s, first.end_s))),
        ("in silence", Some(f64::midpoint(first.end_s, answer.start_s))),
        ("after keys", Some(script.seconds() + 1.5)),
    ];
    for (stage, after_s) in stages {
        pbx.act("Setvar", &[("Variable", "GO"), ("Value", "no")]);
        let mut channels = Vec::new();
        for road in ["tap", "pair", "listen", "eagi"] {
            let keys = [("KEYS", "1"), ("__REST", "30"), ("WHO", "caller")];
            channels.push(pbx.call("caller", road, &keys));
        }
        pbx.until_bridged(2);
        if let Some(after_s) = after_s {
            pbx.go();
            std::thread::sleep(Duration::from_secs_f64(after_s));
        }
        for channel in &channels {
            pbx.hang_up(channel);
        }
        pbx.until_quiet(Duration::from_secs(10));
        bed.until(&format!("{stage}: nothing runs any more"), Duration::from_mins(1), |bed| {
            bed.get("/api/v1/calls/stats")["active_sessions"] == 0
        });
        if after_s.is_some() {
            for channel in &channels {
                let call = bed.until_completed(&channel.uniqueid);
                assert!(!call["legs"].as_array().expect("legs").is_empty(), "{stage}: {call}");
            }
        }
        assert_nothing_open(&bed);
    }
    bed.stop();
}
