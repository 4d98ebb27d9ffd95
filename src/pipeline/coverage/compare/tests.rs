//! Days with faults of each kind, one by one, and days with none.

use super::*;

const MINUTE: i64 = 60_000;
/// Ten in the morning of a day that began at 0.
const TEN: i64 = 600 * MINUTE;
const NOW: WallTime = WallTime(30 * 60 * MINUTE);

fn rules() -> CoverageRules {
    CoverageRules { min_call_s: 10, unrecorded: vec!["SURVEY".into()] }
}

fn called(key: &str, expected_s: i64) -> CallOfDay {
    CallOfDay {
        key: key.into(),
        started: WallTime(TEN),
        expected_s: Some(expected_s),
        uniqueid: Some(key.into()),
        agent: Some("1001".into()),
        campaign: Some("TESTCAMP".into()),
    }
}

fn recorded(id: i64, call: Option<&str>) -> RecordingOfDay {
    RecordingOfDay {
        key: id.to_string(),
        call: call.map(Into::into),
        id: Some(id),
        name: format!("f{id}"),
        started: WallTime(TEN),
        recorded_s: Some(60),
        ended: Some(WallTime(TEN + MINUTE)),
        server: None,
        file: Some((format!("/monitorDONE/f{id}-all.wav"), 960_044)),
        is_unmoved: false,
    }
}

fn side(leg: Leg, file: Option<&str>, has_speech: bool) -> HeardSide {
    HeardSide { leg, file: file.map(Into::into), first_file: None, has_speech }
}

fn heard(id: &str, seconds: i64, sides: Vec<HeardSide>) -> HeardCall {
    HeardCall {
        call_id: id.into(),
        started: WallTime(TEN + 2000),
        state: CallState::Completed,
        source: Source::Recording,
        audio_ms: seconds * 1000,
        agent: None,
        campaign: None,
        ids: vec![id.into()],
        recording_id: None,
        is_known: false,
        is_waiting: false,
        sides,
    }
}

fn whole(id: i64, seconds: i64) -> HeardCall {
    heard(&format!("f{id}"), seconds, vec![side(Leg::Mixed, Some(&format!("/monitorDONE/f{id}-all.wav")), true)])
}

fn all(calls: Vec<CallOfDay>, recordings: Vec<RecordingOfDay>, heard: Vec<HeardCall>) -> Vec<CoverageCall> {
    let span = (WallTime(0), WallTime(24 * 60 * MINUTE));
    compare(&DayFacts { span, calls, recordings, heard, read: NOW, only: None }, &rules(), NOW)
}

fn states(rows: &[CoverageCall]) -> Vec<CoverageState> {
    rows.iter().map(|row| row.state).collect()
}

fn one(call: CallOfDay, recordings: Vec<RecordingOfDay>, heard: Vec<HeardCall>) -> CoverageState {
    let rows = all(vec![call], recordings, heard);
    assert_eq!(rows.len(), 1, "{rows:?}");
    rows[0].state
}

#[test]
fn a_call_that_was_recorded_and_heard_whole_is_complete() {
    assert_eq!(one(called("1.1", 60), vec![recorded(1, Some("1.1"))], vec![whole(1, 55)]), CoverageState::Complete);
    let mut renamed = whole(1, 55);
    (renamed.call_id, renamed.recording_id) = ("another name".into(), Some(1));
    renamed.sides[0].file = Some("/monitorDONE/f1_SALE-all.wav".into());
    assert_eq!(one(called("1.1", 60), vec![recorded(1, Some("1.1"))], vec![renamed]), CoverageState::Complete);
    let channel = vec![side(Leg::Agent, None, true), side(Leg::Caller, None, true)];
    assert_eq!(one(called("1.1", 60), vec![], vec![heard("1.1", 61, channel)]), CoverageState::Complete);
}

#[test]
fn a_call_without_a_recording_is_a_row() {
    let rows = all(vec![called("1.1", 60)], vec![], vec![]);
    assert_eq!(states(&rows), [CoverageState::Missing]);
    let lost = RecordingOfDay { file: None, server: Some("10.0.0.2".into()), ..recorded(1, Some("1.1")) };
    let rows = all(vec![called("1.1", 60)], vec![lost], vec![]);
    assert_eq!(states(&rows), [CoverageState::Missing]);
    assert!(rows[0].reason.as_ref().expect("why").contains("10.0.0.2"), "{rows:?}");
}

#[test]
fn what_nobody_expects_to_be_recorded_is_no_fault() {
    let survey = CallOfDay { campaign: Some("SURVEY".into()), ..called("1.1", 60) };
    let nobody = CallOfDay { agent: None, ..called("1.1", 60) };
    for call in [called("1.1", 9), survey, nobody] {
        assert_eq!(one(call, vec![], vec![]), CoverageState::NotExpected);
    }
    let named_alone = RecordingOfDay { file: None, ..recorded(1, Some("1.1")) };
    assert_eq!(one(called("1.1", 9), vec![named_alone], vec![]), CoverageState::NotExpected);
    let runs = CallOfDay { expected_s: None, ..called("1.1", 60) };
    assert_eq!(one(runs, vec![], vec![]), CoverageState::Running);
}

#[test]
fn a_recording_is_short_when_a_fifth_and_more_than_ten_seconds_of_its_call_are_not_in_it() {
    for (expected, has, is) in [
        (100, 79, CoverageState::Short),
        (100, 81, CoverageState::Complete),
        (20, 12, CoverageState::Complete),
        (20, 9, CoverageState::Short),
        (60, 600, CoverageState::Complete),
    ] {
        let is_so = one(called("1.1", expected), vec![recorded(1, Some("1.1"))], vec![whole(1, has)]);
        assert_eq!(is_so, is, "{has} of {expected}");
    }
    let two = vec![recorded(1, Some("1.1")), recorded(2, Some("1.1"))];
    assert_eq!(one(called("1.1", 100), two, vec![whole(1, 50), whole(2, 45)]), CoverageState::Complete, "in two parts");
}

#[test]
fn of_a_channel_that_went_through_two_stages_the_second_has_what_was_heard_after_it_began() {
    let both = |seconds| heard("1.1", seconds, vec![side(Leg::Mixed, None, true)]);
    let stages = || {
        let second = CallOfDay { started: WallTime(TEN + MINUTE), key: "77".into(), ..called("1.1", 60) };
        vec![called("1.1", 60), second]
    };
    assert_eq!(states(&all(stages(), vec![], vec![both(120)])), [CoverageState::Complete; 2]);
    let rows = all(stages(), vec![], vec![both(70)]);
    assert_eq!(states(&rows), [CoverageState::Short, CoverageState::Complete]);
    assert_eq!(rows[0].dialer_call.as_deref(), Some("77"));
    let rows = all(stages(), vec![], vec![both(50)]);
    assert_eq!(states(&rows), [CoverageState::Missing, CoverageState::Complete]);
}

#[test]
fn a_recording_with_nothing_or_nobody_in_it_is_empty() {
    let header = RecordingOfDay { file: Some(("/monitorDONE/f1-all.wav".into(), 44)), ..recorded(1, Some("1.1")) };
    assert_eq!(one(called("1.1", 60), vec![header], vec![]), CoverageState::Empty);
    let silent = heard("f1", 60, vec![side(Leg::Mixed, Some("/monitorDONE/f1-all.wav"), false)]);
    assert_eq!(one(called("1.1", 60), vec![recorded(1, Some("1.1"))], vec![silent]), CoverageState::Empty);
    assert_eq!(one(called("1.1", 60), vec![recorded(1, Some("1.1"))], vec![whole(1, 0)]), CoverageState::Empty);
}

#[test]
fn one_side_is_missed_where_there_are_two_and_not_where_one_file_holds_both() {
    let pair = |folder: &str, leg: Leg, out: bool| {
        let file = |end: &str| format!("/monitor{folder}/f1-{end}.wav");
        heard("f1", 60, vec![side(leg, Some(&file("in")), true), side(Leg::Caller, Some(&file("out")), out)])
    };
    let state = |heard| one(called("1.1", 60), vec![recorded(1, Some("1.1"))], vec![heard]);
    assert_eq!(state(pair("", Leg::Mixed, false)), CoverageState::Complete, "the listening recorder");
    assert_eq!(state(pair("", Leg::Agent, false)), CoverageState::Complete, "with noise on its other side");
    assert_eq!(state(pair("/MIX", Leg::Mixed, false)), CoverageState::OneSided);
    assert_eq!(state(pair("/MIX", Leg::Agent, false)), CoverageState::OneSided);
    assert_eq!(state(pair("/MIX", Leg::Agent, true)), CoverageState::Complete);
    let alone = |leg| heard("1.1", 60, vec![side(leg, None, true)]);
    assert_eq!(one(called("1.1", 60), vec![], vec![alone(Leg::Agent)]), CoverageState::OneSided);
    assert_eq!(one(called("1.1", 60), vec![], vec![alone(Leg::Mixed)]), CoverageState::Complete);
    let mut brief = alone(Leg::Agent);
    brief.audio_ms = 15_000;
    assert_eq!(one(called("1.1", 15), vec![], vec![brief]), CoverageState::Complete, "too short to tell");
}

#[test]
fn a_recording_that_is_not_moved_within_a_quarter_of_an_hour_is_stuck() {
    let state = |minutes: i64| {
        let file = Some(("/monitor/f1-in.wav".to_string(), 960_044));
        let ended = Some(WallTime(NOW.0 - minutes * MINUTE));
        let recording = RecordingOfDay { file, ended, is_unmoved: true, ..recorded(1, Some("1.1")) };
        one(called("1.1", 60), vec![recording], vec![whole(1, 60)])
    };
    assert_eq!((state(20), state(10)), (CoverageState::Stuck, CoverageState::Complete));
}

#[test]
fn what_waits_in_our_own_queue_or_was_not_taken_yet_waits() {
    let waiting = HeardCall { is_waiting: true, ..whole(1, 60) };
    let closed = HeardCall { state: CallState::ConnectionClosed, ..whole(1, 60) };
    let active = HeardCall { state: CallState::Active, ..whole(1, 3) };
    for heard in [vec![waiting], vec![closed], vec![active], vec![]] {
        assert_eq!(one(called("1.1", 60), vec![recorded(1, Some("1.1"))], heard), CoverageState::Waiting);
    }
}

#[test]
fn an_orphan_is_a_row_once_and_only_when_the_dialers_row_has_had_time_to_come() {
    let rows = all(vec![], vec![recorded(1, None)], vec![whole(1, 60)]);
    assert_eq!((states(&rows), rows[0].call_id.as_deref()), (vec![CoverageState::Orphaned], Some("f1")));
    assert_eq!(states(&all(vec![], vec![], vec![whole(1, 60)])), [CoverageState::Orphaned]);
    let told = HeardCall { is_known: true, ..whole(1, 60) };
    let upload = HeardCall { source: Source::Upload, ..whole(2, 60) };
    let yesterday = HeardCall { started: WallTime(-MINUTE), ..whole(3, 60) };
    let of_other_day = recorded(4, Some("0.9"));
    assert_eq!(all(vec![], vec![of_other_day], vec![told, upload, yesterday, whole(4, 60)]), []);
    let span = (WallTime(0), WallTime(24 * 60 * MINUTE));
    let soon = WallTime(TEN + 20 * MINUTE);
    let facts = DayFacts {
        span,
        recordings: vec![recorded(1, None)],
        heard: vec![whole(1, 60)],
        read: soon,
        ..DayFacts::default()
    };
    assert_eq!(compare(&facts, &rules(), soon), [], "its row may still come");
}

#[test]
fn a_call_of_another_campaign_is_not_named_to_whom_it_does_not_exist() {
    let sales = HeardCall { campaign: Some("SALES".into()), ..whole(1, 60) };
    let mut facts =
        DayFacts { calls: vec![called("1.1", 60)], recordings: vec![recorded(1, Some("1.1"))], ..DayFacts::default() };
    (facts.heard, facts.read) = (vec![sales], NOW);
    for (only, named) in [(None, Some("f1")), (Some("SALES"), Some("f1")), (Some("TESTCAMP"), None)] {
        facts.only = only.map(Into::into);
        assert_eq!(compare(&facts, &rules(), NOW)[0].call_id.as_deref(), named, "{only:?}");
    }
}

#[test]
fn the_worst_comes_first() {
    let rows = all(vec![called("1.1", 60), called("1.2", 60)], vec![recorded(1, Some("1.1"))], vec![whole(1, 60)]);
    assert_eq!(states(&rows), [CoverageState::Missing, CoverageState::Complete]);
}
