//! Rules on pauses: what is not stored.

use std::sync::Arc;

use super::super::effect::Answer;
use super::super::event::{Event, Request, Said};
use super::{Desk, MIX};
use crate::call::{CallState, CallTime, Leg, Source, WallTime};
use crate::contract::message::Message;
use crate::pipeline::command::{Pausing, Text};
use crate::spool::SpoolEvent;

#[test]
fn a_pause_is_never_shorter_than_requested() {
    let mut desk = Desk::new();
    let (live, recording) = (desk.open(1, "u1", Source::Audiosocket), desk.open(2, "u1", Source::Recording));
    desk.after(4000);
    desk.grow(&live, 3900);
    desk.grow(&recording, 4000);
    desk.after(1000);
    desk.grow(&live, 4900);
    desk.pause("u1", Pausing::Pause);
    desk.after(1000);
    desk.grow(&recording, 6000);
    desk.after(1000);
    desk.grow(&live, 6900);
    desk.pause("u1", Pausing::Resume);
    desk.after(250);
    let (live, recording) = (desk.silent(&live), desk.silent(&recording));
    assert!(live[0].0 <= 5000 && live[0].1 >= Some(7000), "{live:?}");
    assert!(recording[0].0 <= 5000 && recording[0].1 >= Some(7000), "{recording:?}");
}

#[test]
fn a_pause_requested_before_its_call_is_heard_of_holds_from_the_first_sample_on() {
    let mut desk = Desk::new();
    desk.pause("17.1", Pausing::Pause);
    desk.after(2000);
    let leg = desk.open(1, "17.1", Source::Recording);
    assert_eq!(desk.silent(&leg), [(0, None)]);
    let wanted = desk.told(|message| matches!(message, Message::RecordingPaused(_)));
    assert_eq!(wanted, 1);
}

#[test]
fn a_pause_of_a_recording_that_has_not_turned_up_since_a_crash_outlasts_the_next_one() {
    let mut desk = Desk::new();
    let recording = desk.open(1, "17.1", Source::Recording);
    let started = desk.now.wall();
    desk.after(2000);
    desk.grow(&recording, 2000);
    desk.after(250);
    desk.restart(2000);
    desk.after(1000);
    desk.pause("17.1", Pausing::Pause);
    desk.restart(2000);
    desk.after(1000);
    let recording = desk.open_since(1, "17.1", Source::Recording, started);
    desk.grow(&recording, 8000);
    desk.after(250);
    assert_eq!(desk.silent(&recording), [(2000, None)]);
}

#[test]
fn a_pause_of_a_recording_that_has_not_turned_up_since_a_crash_lasts_until_it_is_ended() {
    let mut desk = Desk::new();
    let recording = desk.open(1, "17.1", Source::Recording);
    let started = desk.now.wall();
    desk.after(2000);
    desk.grow(&recording, 2000);
    desk.after(0);
    desk.restart(2000);
    desk.after(1000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(1000);
    let recording = desk.open_since(1, "17.1", Source::Recording, started);
    desk.grow(&recording, 4000);
    desk.after(0);
    assert_eq!(desk.silent(&recording), [(2000, None)], "no earlier than what its file had then");
    desk.restart(4000);
    desk.after(1000);
    desk.pause("17.1", Pausing::Resume);
    desk.after(1000);
    let recording = desk.open_since(1, "17.1", Source::Recording, started);
    desk.grow(&recording, 6000);
    desk.after(0);
    assert_eq!(desk.silent(&recording)[0], (2000, Some(5400)));
    desk.restart(6000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(1000);
    desk.pause("17.1", Pausing::Resume);
    let recording = desk.open_since(1, "17.1", Source::Recording, started);
    let silent = desk.silent(&recording);
    assert!(silent.contains(&(6000, Some(7400))), "{silent:?}");
}

#[test]
fn a_leg_that_joins_a_paused_call_is_silent_there() {
    let mut desk = Desk::new();
    desk.open(1, "u1", Source::Audiosocket);
    desk.pause("u1", Pausing::Pause);
    let joins = desk.open(2, "u1", Source::Audiosocket);
    assert_eq!(desk.silent(&joins), [(0, None)]);
}

#[test]
fn legs_of_two_calls_that_become_one_are_silent_where_either_was_paused() {
    let mut desk = Desk::new();
    let (live, recording) = (desk.open(1, "u1", Source::Audiosocket), desk.open(2, "17.1", Source::Recording));
    desk.after(4000);
    desk.grow(&live, 4000);
    desk.grow(&recording, 4000);
    desk.pause("u1", Pausing::Pause);
    desk.name("u1", "17.1");
    assert_eq!((desk.silent(&live), desk.silent(&recording)), (vec![(4000, None)], vec![(4000, None)]));
    desk.after(2000);
    desk.pause("17.1", Pausing::Resume);
    assert!(desk.rows.silences.iter().all(|row| row.end.is_some()), "one request ends it for both");
}

#[test]
fn keys_pause_a_recording() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    for digit in ['*', '7', '1'] {
        desk.on(Event::Spool(SpoolEvent::Dtmf { leg: leg.key, at_sample: 0, digit }));
    }
    assert_eq!(desk.silent(&leg), [(0, None)]);
}

#[test]
fn what_another_platform_says_in_a_pause_is_taken_and_not_kept() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "p1", Source::Ingest);
    let say = |desk: &mut Desk, start: u64, text: &str| {
        let text = Text { text: text.into(), confidence: 1.0, language: None, sentiment: None };
        let said = Said { leg: Arc::clone(&leg), start, text: Some(text), silence_ms: None, provider: "x".into() };
        desk.ask(Request::Said(Box::new(said)))
    };
    assert!(matches!(say(&mut desk, 8000, "hello"), Some(Answer::Done)));
    desk.pause("p1", Pausing::Pause);
    assert!(matches!(say(&mut desk, 16_000, "secret"), Some(Answer::Done)));
    let texts: Vec<&str> = desk.rows.segments.iter().map(|row| row.segment.text.as_str()).collect();
    assert_eq!(texts, ["hello"]);
}

#[test]
fn of_two_pauses_in_one_step_of_a_recording_neither_is_lost() {
    let mut desk = Desk::new();
    let recording = desk.open(1, "17.1", Source::Recording);
    desk.after(1000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(2000);
    desk.pause("17.1", Pausing::Resume);
    desk.after(5000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(2000);
    // GSM is written every 20 s; all of it comes at once.
    desk.grow(&recording, 10_000);
    desk.after(250);
    assert_eq!(desk.silent(&recording), [(1000, Some(3400)), (8000, None)]);
}

#[test]
fn a_pause_of_a_recording_that_has_not_turned_up_again_after_a_restart_holds_when_it_does() {
    let mut desk = Desk::new();
    let recording = desk.open(1, "17.1", Source::Recording);
    let started = desk.now.wall();
    desk.after(2000);
    desk.grow(&recording, 2000);
    desk.pause("17.1", Pausing::Pause);
    desk.pause("17.1", Pausing::Resume);
    desk.restart(2000);
    desk.after(1000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(2000);
    desk.pause("17.1", Pausing::Resume);
    desk.after(1000);
    let recording = desk.open_since(1, "17.1", Source::Recording, started);
    desk.grow(&recording, 6000);
    desk.after(250);
    let silent = desk.silent(&recording);
    assert!(silent.iter().any(|&(start, end)| start <= 3000 && end >= Some(5000)), "{silent:?}");
}

#[test]
fn a_pause_requested_under_the_name_of_the_half_that_is_over_holds_for_the_other_once_both_are_one() {
    let mut desk = Desk::new();
    let live = desk.open(1, "u1", Source::Audiosocket);
    let recording = desk.open(2, "17.1", Source::Recording);
    desk.close(&live);
    desk.after(3000);
    desk.grow(&recording, 3000);
    desk.pause("u1", Pausing::Pause);
    desk.name("u1", "17.1");
    assert_eq!(desk.silent(&recording), [(3000, None)]);
}

#[test]
fn a_pause_of_one_direction_is_one_of_its_leg_and_of_a_mix() {
    let mut desk = Desk::new();
    let legs = [1, 2, MIX].map(|key| desk.open(key, "u1", Source::Audiosocket));
    for leg in &legs {
        desk.grow(leg, 1000);
    }
    desk.pause_leg("u1", Some(Leg::Agent), Pausing::Pause);
    let silent = |desk: &Desk| legs.each_ref().map(|leg| desk.silent(leg));
    assert_eq!(silent(&desk), [vec![(1000, None)], vec![], vec![(1000, None)]]);
    desk.after(1000);
    for leg in &legs {
        desk.grow(leg, 2000);
    }
    desk.pause("u1", Pausing::Pause);
    desk.after(1000);
    for leg in &legs {
        desk.grow(leg, 3000);
    }
    desk.pause("u1", Pausing::Resume);
    let [agent, caller, mix] = silent(&desk);
    assert_eq!((agent, mix), (vec![(1000, None)], vec![(1000, None)]), "its mute lasts");
    assert!(caller[0].0 <= 2000 && caller[0].1 >= Some(3000), "{caller:?}");
    desk.pause_leg("u1", Some(Leg::Agent), Pausing::Resume);
    assert!(silent(&desk).iter().flatten().all(|(_, end)| end.is_some()));
}

#[test]
fn a_pause_of_a_call_that_has_just_ended_holds_for_its_recording_that_comes_late() {
    let mut desk = Desk::new();
    let began = desk.now.wall();
    let live = desk.open(MIX, "17.1", Source::Audiosocket);
    desk.after(1000);
    desk.grow(&live, 1000);
    desk.pause("17.1", Pausing::Pause);
    desk.after(1000);
    desk.grow(&live, 2000);
    desk.pause("17.1", Pausing::Resume);
    desk.after(1000);
    desk.close(&live);
    desk.after(3000);
    assert_eq!(desk.state("17.1"), CallState::Completed);
    desk.after(60_000);
    let recording = desk.open_since(MIX + 1, "17.1", Source::Recording, WallTime(began.0));
    desk.grow(&recording, 3000);
    desk.close(&recording);
    desk.after(250);
    let silent = desk.silent(&recording);
    assert!(silent.iter().any(|&(start, end)| start <= 1000 && end >= Some(2000)), "{silent:?}");
}

#[test]
fn figures_of_two_calls_that_become_one_are_those_of_both_texts() {
    let mut desk = Desk::new();
    let (one, other) = (desk.open(1, "u1", Source::Audiosocket), desk.open(2, "17.1", Source::Audiosocket));
    for leg in [&one, &other] {
        desk.grow(leg, 3000);
        desk.say(leg, 500, 2000);
        desk.read("thank you");
    }
    desk.name("u1", "17.1");
    let key = desk.rows.call("17.1").expect("known").key;
    assert_eq!(desk.rows.figures[&key].segments, 2);
    assert_eq!(desk.core.calls.get(key).map(|call| call.rolling.call.segments), Some(2));
}

#[test]
fn a_pause_has_its_place_on_a_leg_that_comes_after_the_clock_was_stepped() {
    for hours in [1, -1] {
        let mut desk = Desk::new();
        desk.open(MIX, "u1", Source::Audiosocket);
        desk.pause("17.1", Pausing::Pause);
        desk.after(1000);
        desk.pause("u1", Pausing::Pause);
        desk.after(2000);
        for name in ["u1", "17.1"] {
            desk.pause(name, Pausing::Resume);
        }
        desk.after(1000);
        desk.step(hours * 3_600_000);
        for (key, name) in [(MIX + 1, "u1"), (MIX + 2, "17.1")] {
            // It began with the call, and is seen now.
            let file = desk.open_since(key, name, Source::Recording, WallTime(desk.now.wall().0 - 4000));
            desk.grow(&file, 4000);
            desk.after(250);
            let silent = desk.silent(&file);
            assert!(
                silent.iter().any(|&(start, end)| start <= 1000 && end >= Some(3000)),
                "{hours} h, {name}: {silent:?}"
            );
        }
    }
}

#[test]
fn a_leg_that_waited_for_the_disk_while_the_clock_was_stepped_has_its_place_and_its_pause() {
    for hours in [1, -1] {
        let mut desk = Desk::new();
        desk.open(MIX, "u1", Source::Audiosocket);
        desk.after(1000);
        let began = desk.now.at;
        desk.after(1000);
        desk.pause("u1", Pausing::Pause);
        desk.after(2000);
        desk.pause("u1", Pausing::Resume);
        desk.step(hours * 3_600_000);
        desk.after(1000);
        let leg = desk.open_late(MIX + 1, "u1", began);
        desk.grow(&leg, 4000);
        desk.after(250);
        assert_eq!(desk.rows.legs[&(MIX + 1)].new.offset, CallTime(1000), "{hours} h");
        let silent = desk.silent(&leg);
        assert!(silent.iter().any(|&(start, end)| start <= 1000 && end >= Some(3000)), "{hours} h: {silent:?}");
    }
}

#[test]
fn a_call_that_was_paused_when_lineside_ended_is_told_to_be_when_it_starts_again() {
    let mut desk = Desk::new();
    let live = desk.open(MIX, "u1", Source::Audiosocket);
    desk.grow(&live, 1000);
    desk.pause("u1", Pausing::Pause);
    desk.restart(2000);
    let again = |message: &Message| matches!(message, Message::RecordingPaused(paused) if paused.by == "restart" && paused.call_id == "u1");
    assert_eq!(desk.told(again), 1, "nothing tells whether it was resumed meanwhile");
    desk.pause("u1", Pausing::Resume);
    desk.restart(2000);
    assert_eq!(desk.told(again), 1, "it was resumed");
}

#[test]
fn a_pause_of_before_a_restart_lasts_for_legs_that_come_after_it_until_it_is_ended() {
    let mut desk = Desk::new();
    let live = desk.open(MIX, "u1", Source::Audiosocket);
    desk.after(1000);
    desk.grow(&live, 1000);
    desk.pause("u1", Pausing::Pause);
    desk.restart(2000);
    desk.after(250);
    let again = desk.open(MIX + 1, "u1", Source::Audiosocket);
    assert_eq!(desk.silent(&again), [(0, None)]);
    desk.after(1000);
    desk.grow(&again, 1000);
    desk.pause("u1", Pausing::Resume);
    assert!(desk.silent(&again)[0].1.is_some());
}
