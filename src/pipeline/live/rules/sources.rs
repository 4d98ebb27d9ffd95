//! Rules on sources: which of several sources of one call is transcribed.

use super::super::event::Request;
use super::{Desk, MIX};
use crate::call::{CallState, Source, WallTime};

const LIVE: Source = Source::Audiosocket;
const FILE: Source = Source::Recording;

#[test]
fn a_file_that_grows_beside_two_directions_is_known_and_not_heard() {
    let mut desk = Desk::new();
    let (agent, caller) = (desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE));
    desk.after(2000);
    let file = desk.open_since(MIX, "u1", FILE, WallTime(desk.now.wall().0 - 2000));
    for leg in [&agent, &caller, &file] {
        desk.grow(leg, 2000);
    }
    desk.after(250);
    assert_eq!((desk.heard(&agent), desk.heard(&caller)), (vec![(0, None)], vec![(0, None)]));
    assert_eq!(desk.heard(&file), []);
    assert!(desk.why(&file).ends_with("two directions are better than a mix"), "{}", desk.why(&file));
    for leg in [&agent, &caller, &file] {
        desk.close(leg);
    }
    desk.after(250);
    desk.after(2000);
    assert_eq!(desk.state("u1"), CallState::Completed, "what is only known holds up no end");
}

#[test]
fn a_better_source_takes_the_place_of_one_on_which_nothing_was_said() {
    let mut desk = Desk::new();
    let file = desk.open(MIX, "u1", FILE);
    desk.grow(&file, 1000);
    desk.after(1000);
    let (agent, caller) = (desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE));
    desk.listen();
    assert_eq!(desk.heard(&file), [(0, Some(1000))], "it ends where the listener stood");
    desk.after(250);
    desk.after(250);
    assert_eq!((desk.heard(&agent).len(), desk.heard(&caller).len()), (1, 1));
}

#[test]
fn a_source_on_which_something_was_said_goes_on_until_it_ends() {
    let mut desk = Desk::new();
    let file = desk.open(MIX, "u1", FILE);
    desk.grow(&file, 2000);
    desk.say(&file, 500, 1500);
    let (agent, caller) = (desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE));
    desk.after(1000);
    assert_eq!(desk.heard(&file), [(0, None)]);
    assert!(desk.heard(&agent).is_empty() && desk.heard(&caller).is_empty());
    assert!(desk.why(&agent).ends_with("it was there first"), "{}", desk.why(&agent));
}

#[test]
fn the_next_best_source_takes_over_where_the_first_one_ended() {
    let mut desk = Desk::new();
    let live = desk.open(MIX, "u1", LIVE);
    let file = desk.open(MIX + 1, "u1", FILE);
    desk.after(4000);
    desk.grow(&live, 4000);
    desk.grow(&file, 4000);
    desk.say(&live, 500, 3000);
    desk.close(&live);
    desk.after(1000);
    assert_eq!(desk.heard(&file), [], "both may have ended");
    desk.after(1000);
    desk.grow(&file, 6000);
    desk.after(250);
    assert_eq!(desk.heard(&file), [(4000, None)]);
    assert!(desk.why(&file).starts_with("it goes on where leg 100 (audiosocket, mixed) ended"), "{}", desk.why(&file));
}

#[test]
fn a_live_connection_from_which_nothing_comes_any_more_has_broken() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "u1", FILE));
    desk.grow(&live, 4000);
    desk.say(&live, 500, 3000);
    desk.grow(&file, 18_000);
    desk.after(250);
    assert_eq!(desk.heard(&file), []);
    desk.grow(&file, 20_000);
    desk.after(250);
    desk.after(250);
    assert_eq!((desk.heard(&live), desk.heard(&file)), (vec![(0, Some(4000))], vec![(4000, None)]));
    desk.say(&file, 5000, 6000);
    // It comes back, and is a source like any other.
    desk.grow(&live, 21_000);
    desk.after(250);
    assert_eq!(desk.heard(&live), [(0, Some(4000))]);
}

#[test]
fn silence_that_fills_a_leg_of_which_nothing_comes_is_no_sound() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "u1", FILE));
    desk.grow(&live, 4000);
    desk.say(&live, 500, 3000);
    desk.fill(&live, 16_000);
    desk.grow(&file, 20_000);
    desk.after(250);
    desk.after(250);
    assert_eq!((desk.heard(&live), desk.heard(&file)), (vec![(0, Some(4000))], vec![(4000, None)]));
}

#[test]
fn a_mix_is_heard_when_one_of_two_directions_brings_nothing_any_more() {
    let mut desk = Desk::new();
    let (agent, caller) = (desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE));
    let mix = desk.open(MIX, "u1", FILE);
    for leg in [&agent, &caller, &mix] {
        desk.grow(leg, 4000);
    }
    desk.say(&agent, 500, 3000);
    desk.say(&caller, 500, 3000);
    desk.fill(&caller, 16_000);
    desk.grow(&agent, 20_000);
    desk.grow(&mix, 20_000);
    for _ in 0..4 {
        desk.after(250);
    }
    assert_eq!(desk.heard(&caller), [(0, Some(4000))]);
    desk.grow(&mix, 24_000);
    desk.after(250);
    desk.after(250);
    assert_eq!(desk.heard(&mix), [(4000, None)], "also what the caller said until that was certain");
}

#[test]
fn a_mix_that_takes_over_leaves_out_what_was_said_on_the_direction_that_was_there() {
    let mut desk = Desk::new();
    let (agent, caller) = (desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE));
    let mix = desk.open(MIX, "u1", FILE);
    for leg in [&agent, &caller, &mix] {
        desk.grow(leg, 10_000);
    }
    desk.say(&agent, 1000, 3000);
    desk.say(&caller, 4000, 6000);
    // The caller's tap ends; he goes on, and nobody knows at first that he has not hung up.
    desk.close(&caller);
    desk.grow(&agent, 14_000);
    desk.grow(&mix, 14_000);
    desk.say(&agent, 12_500, 13_500);
    for _ in 0..3 {
        desk.after(250);
    }
    desk.grow(&mix, 16_000);
    desk.after(250);
    assert_eq!(desk.heard(&agent), [(0, Some(14_000))]);
    assert_eq!(desk.heard(&mix), [(10_000, Some(12_500)), (13_500, None)]);
}

#[test]
fn what_a_worker_finds_to_be_no_words_is_no_turn_that_a_mix_leaves_out() {
    let mut desk = Desk::new();
    let agent = desk.open(1, "u1", LIVE);
    let mix = desk.open(MIX, "u1", FILE);
    desk.grow(&agent, 2900);
    desk.grow(&mix, 2900);
    desk.say(&agent, 500, 2500);
    desk.read_nothing();
    desk.grow(&agent, 4000);
    desk.grow(&mix, 4000);
    for _ in 0..3 {
        desk.after(250);
    }
    assert_eq!(desk.heard(&mix), [(0, None)]);
}

#[test]
fn a_recording_that_comes_after_its_call_is_heard_where_nobody_else_was() {
    let mut desk = Desk::new();
    let began = desk.now.wall();
    desk.after(10_000);
    let tap = desk.open(MIX, "u1", LIVE);
    desk.after(5000);
    desk.grow(&tap, 5000);
    desk.say(&tap, 500, 3000);
    desk.close(&tap);
    desk.read("thank you");
    desk.after(3000);
    assert_eq!(desk.state("u1"), CallState::Completed);
    let file = desk.open_since(MIX + 1, "u1", FILE, began);
    desk.grow(&file, 30_000);
    desk.close(&file);
    for _ in 0..4 {
        desk.after(250);
    }
    assert_eq!(desk.heard(&file), [(0, Some(10_000)), (15_000, None)], "before the tap, and after it");
    assert_eq!(desk.rows.call("u1").map(|call| call.begin.started), Some(began), "its call began with the recording");
}

#[test]
fn a_recording_of_a_call_that_was_heard_whole_is_not_heard() {
    let mut desk = Desk::new();
    let tap = desk.open(MIX, "u1", LIVE);
    desk.after(5000);
    desk.grow(&tap, 5000);
    desk.close(&tap);
    desk.after(3000);
    let file = desk.open_since(MIX + 1, "u1", FILE, WallTime(desk.now.wall().0 - 8000));
    desk.grow(&file, 5900);
    desk.close(&file);
    desk.after(3000);
    assert_eq!(desk.heard(&file), []);
    assert_eq!(desk.state("u1"), CallState::Completed);
}

#[test]
fn a_mix_is_heard_where_one_direction_comes_alone() {
    let mut desk = Desk::new();
    let agent = desk.open(1, "u1", LIVE);
    let file = desk.open(MIX, "u1", FILE);
    desk.grow(&agent, 2900);
    desk.say(&agent, 500, 2000);
    desk.grow(&file, 2900);
    desk.after(250);
    assert_eq!(desk.heard(&file), [], "the other direction may still come");
    desk.grow(&agent, 4000);
    desk.grow(&file, 6000);
    desk.after(250);
    desk.after(250);
    assert_eq!((desk.heard(&agent), desk.heard(&file)), (vec![(0, Some(4000))], vec![(2000, None)]));
}

#[test]
fn each_direction_of_two_pairs_is_heard_once() {
    let mut desk = Desk::new();
    let live = [desk.open(1, "u1", LIVE), desk.open(2, "u1", LIVE)];
    let files = [desk.open(3, "u1", FILE), desk.open(4, "u1", FILE)];
    for leg in live.iter().chain(&files) {
        desk.grow(leg, 4000);
    }
    desk.say(&live[0], 500, 2000);
    desk.after(250);
    assert!(files.iter().all(|file| desk.heard(file).is_empty()));
    assert!(desk.why(&files[0]).ends_with("a live connection is better than a file"), "{}", desk.why(&files[0]));
    // The agent's tap ends, and his file has more.
    desk.close(&live[0]);
    desk.grow(&files[0], 8000);
    desk.after(250);
    assert_eq!((desk.heard(&files[0]), desk.heard(&files[1])), (vec![(4000, None)], vec![]));
}

#[test]
fn of_two_calls_that_become_one_the_better_source_goes_on() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    desk.grow(&live, 4000);
    desk.grow(&file, 4000);
    desk.say(&live, 500, 3000);
    desk.say(&file, 500, 3000);
    desk.name("u1", "17.1");
    desk.after(250);
    assert_eq!((desk.heard(&live), desk.heard(&file)), (vec![(0, None)], vec![(0, Some(4000))]));
}

#[test]
fn what_was_heard_and_what_stood_by_is_known_after_a_restart() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "u1", FILE));
    let started = desk.now.wall();
    desk.grow(&live, 4000);
    desk.grow(&file, 4000);
    desk.say(&live, 500, 3000);
    desk.after(4000);
    desk.restart(4000);
    assert_eq!(desk.listened.len(), 1, "the live one to its end, the file not at all");
    desk.listen();
    let file = desk.open_since(MIX + 1, "u1", FILE, started);
    desk.grow(&file, 7000);
    desk.after(250);
    assert_eq!(desk.heard(&file), [(4000, None)], "it takes over, for the connection is gone");
}

#[test]
fn silence_of_which_no_row_told_before_a_crash_is_no_sound_after_it() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "u1", FILE));
    let started = desk.now.wall();
    desk.grow(&live, 4000);
    desk.grow(&file, 4000);
    desk.say(&live, 500, 3000);
    desk.after(4000);
    desk.fill(&live, 5000);
    for _ in 0..2 {
        // The second time no row tells it either.
        desk.restart_after_silence(9000, 4000);
        desk.listen();
    }
    let file = desk.open_since(MIX + 1, "u1", FILE, started);
    desk.grow(&file, 12_000);
    desk.after(250);
    assert_eq!(desk.heard(&file), [(4000, None)], "what was said since the connection brought nothing more");
}

#[test]
fn what_is_uploaded_is_heard_whatever_else_there_is() {
    let mut desk = Desk::new();
    let live = desk.open(MIX, "u1", LIVE);
    let upload = desk.open(MIX + 1, "u1", Source::Upload);
    assert_eq!((desk.heard(&live), desk.heard(&upload)), (vec![(0, None)], vec![(0, None)]));
}

#[test]
fn a_recording_under_the_name_of_the_agents_channel_is_one_of_the_call_that_the_caller_began() {
    for is_early in [true, false] {
        let mut desk = Desk::new();
        let tap = desk.open(MIX, "17.1", LIVE);
        let part = || Request::PartOf { channel: "17.2".into(), call: "17.1".into() };
        if is_early {
            desk.ask(part());
        }
        let file = desk.open(MIX + 1, "17.2", FILE);
        desk.ask(part());
        for leg in [&tap, &file] {
            desk.grow(leg, 4000);
        }
        desk.after(250);
        assert_eq!((desk.rows.calls.len(), desk.state("17.2")), (1, CallState::Active));
        assert_eq!(desk.heard(&tap), [(0, None)], "{}", desk.why(&tap));
        assert!(desk.heard(&file).iter().all(|(_, to)| to.is_some()));
    }
}

#[test]
fn a_crash_that_lost_that_a_source_had_stopped_does_not_let_it_go_on() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    for leg in [&live, &file] {
        desk.grow(leg, 4000);
        desk.say(leg, 500, 3000);
    }
    desk.name("u1", "17.1");
    desk.listen();
    assert_eq!(desk.heard(&file), [(0, Some(4000))], "the two calls are one, and one source is enough");
    // The disk was full: of the two the names alone were written.
    desk.rows.legs.get_mut(&file.key.0).expect("a row").heard = vec![(0, None)];
    let started = file.spec.started;
    desk.restart(9000);
    desk.listen();
    let file = desk.open_since(MIX + 1, "17.1", FILE, started);
    desk.grow(&file, 9000);
    desk.after(250);
    assert_eq!(desk.heard(&file), [(0, Some(3000))], "the connection has all that was said since");
    assert_eq!(desk.listened.iter().filter(|(leg, _)| *leg == file.key).count(), 0);
}

#[test]
fn a_recording_that_comes_back_late_does_not_go_on_with_what_another_has_transcribed_meanwhile() {
    let mut desk = Desk::new();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    let started = file.spec.started;
    for leg in [&live, &file] {
        desk.grow(leg, 4000);
    }
    desk.name("u1", "17.1");
    desk.listen();
    desk.rows.legs.get_mut(&file.key.0).expect("a row").heard = vec![(0, None)];
    // Its file is not there at the start, so its rows tell no length; it is there again when the rest of the connection's sound is text.
    desk.restart_with(|leg| if leg == file.key { (0, 0) } else { (9000, 9000) });
    desk.listen();
    desk.after(250);
    let file = desk.open_since(MIX + 1, "17.1", FILE, started);
    desk.grow(&file, 12_000);
    desk.after(250);
    assert_eq!(
        desk.heard(&file),
        [(0, Some(0)), (9000, None)],
        "what the connection has is not heard twice, what follows is"
    );
}
