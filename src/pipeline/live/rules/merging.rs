//! Rules on merged calls: what held for either of the two holds for the merged one.

use super::{Desk, MIX};
use crate::call::{CallState, Source, WallTime};
use crate::contract::message::Message;
use crate::pipeline::command::Pausing;

const LIVE: Source = Source::Audiosocket;
const FILE: Source = Source::Recording;
const CARD: &str = "my card number is 4539 1488 0343 6467";

/// Whether all of these stretches, milliseconds, are in those.
fn covers(silent: &[(u64, Option<u64>)], stretches: &[(u64, Option<u64>)]) -> bool {
    let is_in = |(from, to): &(u64, Option<u64>)| silent.iter().any(|(start, end)| start <= from && end >= to);
    !stretches.is_empty() && stretches.iter().all(is_in)
}

#[test]
fn what_is_taken_out_of_one_call_is_silent_on_the_legs_of_the_other_when_they_become_one() {
    for (live_is_over, file_is_over) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut desk = Desk::redacting();
        let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
        desk.after(4000);
        desk.grow(&live, 4000);
        desk.grow(&file, 4000);
        desk.say(&live, 500, 3000);
        desk.read(CARD);
        for (leg, _) in [(&live, live_is_over), (&file, file_is_over)].into_iter().filter(|(_, is_over)| *is_over) {
            desk.close(leg);
        }
        desk.after(3000);
        let taken = desk.silent(&live);
        assert!(!taken.is_empty() && desk.silent(&file).is_empty());
        desk.name("u1", "17.1");
        let silent = desk.silent(&file);
        assert!(covers(&silent, &taken), "over: {live_is_over} {file_is_over}: {silent:?} for {taken:?}");
        assert!(desk.overwritten.contains(&file.key));
    }
}

#[test]
fn a_number_of_which_one_half_was_said_before_two_calls_became_one_is_found() {
    let mut desk = Desk::redacting();
    let (live, file) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    desk.grow(&live, 9000);
    desk.grow(&file, 9000);
    desk.say(&file, 500, 1500);
    desk.read("thank you for calling");
    desk.say(&live, 1000, 3000);
    desk.read("it is 4539 1488");
    desk.name("u1", "17.1");
    desk.say(&live, 4000, 6000);
    desk.read("0343 6467");
    let corrected = desk.told(|message| matches!(message, Message::Redaction(text) if !text.text.contains("4539")));
    assert_eq!(corrected, 1, "what was shown of its first half is taken back");
    let shown: Vec<&str> = desk.rows.segments.iter().map(|row| row.segment.text.as_str()).collect();
    assert!(!shown.iter().any(|text| text.contains("6467")), "{shown:?}");
}

#[test]
fn a_number_is_silenced_where_it_was_said_when_its_call_turns_out_to_have_begun_earlier() {
    let mut desk = Desk::redacting();
    let began = desk.now.wall();
    desk.after(30_000);
    let live = desk.open(MIX, "u1", LIVE);
    desk.grow(&live, 9000);
    desk.say(&live, 1000, 3000);
    desk.read("it is 4539 1488");
    desk.open_since(MIX + 1, "u1", FILE, began);
    desk.say(&live, 4000, 6000);
    desk.read("0343 6467");
    let silent = desk.silent(&live);
    assert!(covers(&silent, &[(1000, Some(1500)), (4000, Some(4500))]), "{silent:?}");
}

#[test]
fn what_was_heard_of_a_call_that_is_over_is_not_heard_again_by_the_one_that_goes_on_as_it() {
    let mut desk = Desk::new();
    let began = desk.now.wall();
    let (live, over) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    let other = desk.open(MIX + 2, "u1", FILE);
    desk.after(10_000);
    for (leg, ms) in [(&live, 8000), (&over, 10_000), (&other, 10_000)] {
        desk.grow(leg, ms);
    }
    desk.close(&over);
    desk.after(3000);
    assert_eq!((desk.state("17.1"), desk.state("u1")), (CallState::Completed, CallState::Active));
    desk.name("u1", "17.1");
    assert_eq!(desk.rows.call("17.1").map(|call| call.begin.started), Some(WallTime(began.0)));
    desk.close(&live);
    desk.grow(&other, 12_500);
    desk.after(250);
    assert_eq!(desk.heard(&other), [(10_000, None)]);
}

#[test]
fn legs_of_two_calls_that_become_one_have_their_places_though_the_clock_was_stepped_between_them() {
    for hours in [1, -1] {
        let mut desk = Desk::new();
        let live = desk.open(MIX, "u1", LIVE);
        desk.after(2000);
        desk.step(hours * 3_600_000);
        desk.after(2000);
        let file = desk.open(MIX + 1, "17.1", FILE);
        desk.name("u1", "17.1");
        let offset = |desk: &Desk, key: i64| desk.rows.legs[&key].new.offset.0;
        assert_eq!((offset(&desk, live.key.0), offset(&desk, file.key.0)), (0, 4000), "{hours} h");
        desk.after(2000);
        let third = desk.open(MIX + 2, "17.1", FILE);
        assert_eq!(offset(&desk, third.key.0), 6000, "{hours} h");
    }
}

#[test]
fn a_leg_has_its_place_though_the_clock_was_stepped_while_lineside_was_down() {
    for hours in [1, -1] {
        let mut desk = Desk::new();
        let live = desk.open(MIX, "u1", LIVE);
        desk.grow(&live, 2000);
        desk.after(2000);
        desk.step(hours * 3_600_000);
        // Twice: the second start must not find the same step again.
        for _ in 0..2 {
            desk.restart(2000);
        }
        let next = desk.open(MIX + 1, "u1", LIVE);
        assert_eq!(desk.rows.legs[&next.key.0].new.offset.0, 2000, "{hours} h");
    }
}

#[test]
fn a_call_that_goes_on_under_the_row_of_one_that_is_over_has_its_name() {
    let mut desk = Desk::new();
    let (live, over) = (desk.open(MIX, "u1", LIVE), desk.open(MIX + 1, "17.1", FILE));
    desk.close(&over);
    desk.after(3000);
    desk.name("u1", "17.1");
    desk.pause("17.1", Pausing::Pause);
    let of_call = |message: &Message| matches!(message, Message::RecordingPaused(paused) if paused.call_id == "17.1");
    assert_eq!(desk.told(of_call), 1);
    assert!(!desk.silent(&live).is_empty());
}
