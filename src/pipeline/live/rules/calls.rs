//! How a call begins, learns its names, and ends.

use std::sync::Arc;

use super::super::event::{Event, Request};
use super::{Desk, recognised};
use crate::call::{CallId, CallKey, CallNames, CallState, LegKey, ProcessingMode, ProcessingModes, Source, WallTime};
use crate::contract::message::Message;
use crate::pipeline::command::Pausing;
use crate::speech::vocabulary::Vocabulary;
use crate::spool::{Line, SpoolEvent};
use crate::store::change::UtteranceState;
use crate::text::{LexiconKind, Pack, TextAnalyser};

#[test]
fn a_call_ends_after_its_last_word_is_text() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&leg, 5000);
    desk.say(&leg, 1000, 3000);
    desk.close(&leg);
    desk.after(60_000);
    assert_eq!(desk.state("u1"), CallState::ConnectionClosed, "hung up, and its words are not text yet");
    assert_eq!(desk.told(|message| matches!(message, Message::Hangup(_))), 1);
    desk.read("thank you");
    desk.after(250);
    assert_eq!(desk.state("u1"), CallState::Completed);
    assert!(matches!(desk.rows.feed.last(), Some((_, Message::CallEnd(end))) if end.segments == 1));
    assert!(desk.rows.broken.is_empty(), "{:?}", desk.rows.broken);
}

#[test]
fn a_call_that_is_transcribed_after_its_end_waits_for_it() {
    let mut desk = Desk::new();
    desk.core.modes = ProcessingModes::all(ProcessingMode::PostcallOnly);
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&leg, 5000);
    desk.say(&leg, 1000, 3000);
    desk.after(1000);
    assert_eq!((desk.jobs.len(), desk.state("u1")), (0, CallState::Active), "nothing is transcribed while it runs");
    desk.close(&leg);
    desk.after(250);
    assert_eq!(desk.jobs.len(), 1, "the line is closed");
    desk.read("thank you");
    desk.after(60_000);
    assert_eq!(desk.state("u1"), CallState::Completed);
    assert!(desk.rows.broken.is_empty(), "{:?}", desk.rows.broken);
}

#[test]
fn a_call_waits_two_seconds_for_another_leg() {
    let mut desk = Desk::new();
    let tap = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&tap, 1000);
    desk.close(&tap);
    desk.after(1900);
    assert_eq!(desk.state("u1"), CallState::ConnectionClosed);
    let other = desk.open(2, "u1", Source::Audiosocket);
    assert_eq!(desk.state("u1"), CallState::Active, "the tap of the other direction has come");
    desk.after(10_000);
    desk.close(&other);
    desk.after(2000);
    assert_eq!((desk.state("u1"), desk.rows.calls.len()), (CallState::Completed, 1));
}

#[test]
fn a_call_is_there_from_the_name_of_its_line_on_and_ends_with_it() {
    let mut desk = Desk::new();
    let line = Line::new(CallId::from_lossy("u1"), CallNames::default(), Source::Audiosocket, desk.now.wall());
    let line = Arc::new(line);
    desk.on(Event::Spool(SpoolEvent::Named(Arc::clone(&line))));
    desk.after(60_000);
    assert_eq!(desk.state("u1"), CallState::Active);
    desk.on(Event::Spool(SpoolEvent::Left(line)));
    desk.after(2000);
    assert_eq!(desk.state("u1"), CallState::Completed);
}

#[test]
fn a_name_that_comes_late_is_learnt_and_both_names_lead_to_the_call() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.close(&leg);
    desk.after(5000);
    desk.name("u1", "17.1");
    let (new, old) = (desk.rows.call("17.1").expect("known"), desk.rows.call("u1").expect("known"));
    assert_eq!((new.key, new.id.as_str(), new.names.agent.as_deref()), (old.key, "17.1", Some("7")));
    assert_eq!(desk.state("u1"), CallState::Completed, "a name alone brings no call back");
}

#[test]
fn a_name_that_comes_before_its_call_is_learnt_when_the_call_comes() {
    let mut desk = Desk::new();
    desk.name("u1", "17.1");
    assert!(desk.rows.calls.is_empty());
    desk.open(1, "u1", Source::Audiosocket);
    let known = desk.rows.call("u1").expect("known");
    assert_eq!((known.id.as_str(), known.names.agent.as_deref()), ("17.1", Some("7")));
    desk.open(2, "17.1", Source::Recording);
    assert_eq!(desk.rows.calls.len(), 1, "its recording comes under the PBX's name");
}

#[test]
fn a_recording_that_is_told_of_a_call_that_is_known_is_one_of_its_sources() {
    for is_over in [false, true] {
        let mut desk = Desk::new();
        let live = desk.open(1, "17.1", Source::Audiosocket);
        if is_over {
            desk.close(&live);
            desk.after(5000);
        }
        desk.name("20261123-101010_3125551212", "17.1");
        desk.open(2, "20261123-101010_3125551212", Source::Recording);
        assert_eq!(desk.rows.calls.len(), 1, "over: {is_over}");
        let (one, other) = (desk.rows.call("17.1"), desk.rows.call("20261123-101010_3125551212"));
        assert_eq!(one.expect("known").key, other.expect("known").key);
    }
}

#[test]
fn two_sources_of_one_call_are_one_call() {
    let mut desk = Desk::new();
    let (live, recording) = (desk.open(1, "u1", Source::Audiosocket), desk.open(2, "17.1", Source::Recording));
    desk.grow(&live, 4000);
    desk.say(&live, 1000, 2000);
    desk.name("u1", "17.1");
    assert_eq!(desk.rows.calls.len(), 1);
    desk.close(&recording);
    desk.after(10_000);
    assert_eq!(desk.state("u1"), CallState::Active, "its other source goes on");
    desk.close(&live);
    desk.after(3000);
    assert_eq!(desk.state("17.1"), CallState::ConnectionClosed, "a word of its first source is not text yet");
    desk.read("thank you");
    desk.after(250);
    assert_eq!(desk.state("17.1"), CallState::Completed);
    assert_eq!(desk.told(|message| matches!(message, Message::CallEnd(_))), 1);
}

#[test]
fn a_call_that_goes_on_under_the_row_of_one_that_is_over_is_taken_up_after_a_crash() {
    let mut desk = Desk::new();
    let live = desk.open(1, "u1", Source::Audiosocket);
    let recording = desk.open(2, "17.1", Source::Recording);
    desk.close(&recording);
    desk.after(3000);
    assert_eq!(desk.state("17.1"), CallState::Completed);
    desk.name("u1", "17.1");
    assert_eq!(desk.state("17.1"), CallState::Active);
    desk.grow(&live, 3000);
    desk.restart(3000);
    assert_eq!(desk.listened, [(LegKey(1), 0)], "what nobody has heard is heard");
}

#[test]
fn a_call_that_hung_up_is_active_again_with_the_source_that_joins_it() {
    let mut desk = Desk::new();
    let recording = desk.open(2, "17.1", Source::Recording);
    desk.grow(&recording, 3000);
    desk.say(&recording, 1000, 2000);
    desk.close(&recording);
    desk.after(3000);
    let live = desk.open(1, "u1", Source::Audiosocket);
    desk.name("u1", "17.1");
    assert_eq!(desk.state("17.1"), CallState::Active);
    desk.grow(&live, 1000);
    desk.pause("17.1", Pausing::Pause);
    assert_eq!(desk.silent(&live), [(1000, None)], "so its recording can be paused");
}

#[test]
fn a_call_that_had_ended_goes_on_when_it_is_heard_of_again() {
    let mut desk = Desk::new();
    let first = desk.open(1, "17.1", Source::Audiosocket);
    desk.close(&first);
    desk.after(3000);
    assert_eq!(desk.state("17.1"), CallState::Completed);
    let recording = desk.open(2, "17.1", Source::Recording);
    assert_eq!((desk.state("17.1"), desk.rows.calls.len()), (CallState::Active, 1));
    desk.close(&recording);
    desk.after(3000);
    assert_eq!(desk.state("17.1"), CallState::Completed);
}

#[test]
fn a_step_of_the_clock_moves_no_leg_inside_its_call() {
    let mut desk = Desk::new();
    desk.open(1, "u1", Source::Audiosocket);
    desk.after(5000);
    desk.now.at.wall = WallTime(desk.now.wall().0 + 3_600_000);
    desk.after(250);
    desk.open(2, "u1", Source::Audiosocket);
    assert_eq!(desk.rows.legs[&2].new.offset.0, 5250);
}

#[test]
fn an_utterance_with_a_preflight_goes_to_no_worker() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.preflight = Some(recognised("thank you"));
    desk.say(&leg, 1000, 2000);
    assert!(desk.jobs.is_empty() && desk.rows.segments.len() == 1);
}

#[test]
fn what_is_said_before_there_is_a_model_waits_for_one() {
    let mut desk = Desk::new();
    desk.now.model_ready = false;
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.say(&leg, 1000, 2000);
    let state = |desk: &Desk| desk.rows.utterances.values().next().map(|row| row.state);
    assert_eq!(state(&desk), Some(UtteranceState::WaitingForModel));
    desk.now.model_ready = true;
    desk.after(250);
    assert_eq!(state(&desk), Some(UtteranceState::Pending));
}

#[test]
fn a_recording_that_does_not_turn_up_after_a_restart_is_heard_to_its_end_and_closed() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "17.1", Source::Recording);
    desk.grow(&leg, 2000);
    desk.restart(4000);
    desk.after(59_000);
    assert!(desk.listened.is_empty() && !desk.rows.legs[&1].closed, "it may still turn up");
    desk.after(1000);
    assert_eq!(desk.listened, [(LegKey(1), 0)]);
    assert!(desk.rows.legs[&1].closed);
}

#[test]
fn the_names_of_a_call_go_with_each_utterance_from_when_they_are_known() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&leg, 9000);
    desk.say(&leg, 0, 1000);
    let call = desk.rows.call("u1").expect("known").key;
    desk.ask(Request::Expect { call, names: vec!["LINDSEY KOWALCZYK".into(), "TESTCAMP1".into()] });
    desk.say(&leg, 2000, 3000);
    let metadata = serde_json::json!({"fullname": "Mary Miller", "note": "Nobody"}).as_object().cloned();
    desk.ask(Request::Name { call: "u1".into(), names: CallNames { metadata, ..CallNames::default() } });
    desk.say(&leg, 4000, 5000);
    let told: Vec<Option<Vocabulary>> = desk.jobs.iter().map(|job| job.vocabulary.as_deref().cloned()).collect();
    let of = |names: &[&'static str]| Some(Vocabulary::new(names.iter().copied()));
    assert_eq!(told, [None, of(&["Lindsey Kowalczyk"]), of(&["Lindsey Kowalczyk", "Mary Miller"])]);
    desk.ask(Request::Expect { call: CallKey(99), names: vec!["Nobody".into()] });
}

#[test]
fn a_campaigns_calls_are_read_by_its_packs_and_it_goes_with_each_utterance() {
    let pack = |name: &str, word: &str| {
        let text = format!(
            "name = \"{name}\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabel = \"{word}\"\nterms = [\"{word}\"]\n\
             [[rule]]\nname = \"{word}_said\"\nlevel = \"urgent\"\nsaid = [\"{word}\"]\ncooldown_s = 0\n"
        );
        Pack::parse("p.toml", &text).expect("a good pack")
    };
    let (one, two) = (pack("one", "parcel"), pack("two", "refund"));
    let mut analyser = TextAnalyser::new(LexiconKind::Vader, &[one, two.clone()]);
    analyser.read_campaign_by("SALES".into(), LexiconKind::Vader, &[two]);
    let mut desk = Desk::new();
    desk.now.analyser = Arc::new(analyser);
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&leg, 9000);
    desk.say(&leg, 0, 1000);
    desk.read("a refund for the parcel");
    assert_eq!(desk.alerts, ["parcel_said", "refund_said"]);
    let names = CallNames { campaign: Some("sales".into()), ..CallNames::default() };
    desk.ask(Request::Name { call: "u1".into(), names });
    for from_ms in [2000, 4000] {
        desk.say(&leg, from_ms, from_ms + 1000);
        assert_eq!(desk.jobs[0].campaign.as_deref(), Some("sales"));
        desk.read("a refund for the parcel");
        let labels: Vec<_> =
            desk.rows.segments.last().expect("text").segment.keywords.iter().map(|term| &term.label).collect();
        assert_eq!(labels, ["refund"]);
        // Also after a restart, from the call's row.
        desk.restart(9000);
    }
    assert_eq!(desk.alerts[2..], ["refund_said", "refund_said"]);
}

#[test]
fn the_names_of_a_call_outlive_it_and_go_when_it_is_erased() {
    let mut desk = Desk::new();
    let leg = desk.open(1, "u1", Source::Audiosocket);
    desk.grow(&leg, 9000);
    desk.say(&leg, 0, 1000);
    let call = desk.rows.call("u1").expect("known").key;
    desk.ask(Request::Expect { call, names: vec!["LINDSEY KOWALCZYK".into()] });
    desk.read("hello Lindsey");
    desk.close(&leg);
    desk.after(60_000);
    assert_eq!(desk.state("u1"), CallState::Completed);
    assert_eq!(desk.past_names, [(call, Arc::new(Vocabulary::new(["Lindsey Kowalczyk"])))]);
    desk.ask(Request::LetGo { calls: vec![call] });
    assert_eq!(desk.past_names, []);
}
