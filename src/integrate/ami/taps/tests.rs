//! What Asterisk is asked for.

use super::*;
use crate::integrate::ami::message::MessageReader;
use crate::integrate::ami::roles::Roles;

const AT: WallTime = WallTime(1_000_000);
const CALL: &str = "1795218045.10";

fn message(fields: &str) -> AmiMessage {
    let text = format!("{}\r\n\r\n", fields.replace("; ", "\r\n"));
    MessageReader::default().push(text.as_bytes()).remove(0)
}

/// Two channels, bridged.
fn call(map: &mut Map, call: &str, other: &str, name: &str) {
    for (id, name) in [(call, name), (other, "PJSIP/1001-9")] {
        map.event(&message(&format!("Event: Newchannel; Channel: {name}; Uniqueid: {id}; Linkedid: {call}")), AT);
    }
    for id in [call, other] {
        map.event(
            &message(&format!(
                "Event: BridgeEnter; BridgeUniqueid: b{call}; Channel: x; Uniqueid: {id}; Linkedid: {call}"
            )),
            AT,
        );
    }
}

fn map() -> Map {
    let mut map = Map::new(Roles::default());
    call(&mut map, CALL, "1795218045.11", "PJSIP/trunk-1");
    map
}

fn taps(rules: &[(&str, usize)], max: usize) -> TappedCalls {
    let even: Vec<_> = rules.iter().map(|&(pattern, max)| (pattern, max, 0)).collect();
    weighted(&even, max)
}

fn weighted(rules: &[(&str, usize, u32)], max: usize) -> TappedCalls {
    let rule = |&(pattern, max, weight): &(&str, usize, u32)| {
        let matches = Regex::new(pattern).expect("pattern");
        TapRule { matches, rate_hz: 8000, max, weight }
    };
    let (address, tag) = (Some("127.0.0.1:9093".into()), "9093".into());
    TappedCalls::new(TapSettings { rules: rules.iter().map(rule).collect(), max, address, tag })
}

/// Ids of the taps that are asked for.
fn asked(acts: &[Act]) -> Vec<String> {
    let id = |act: &Act| match act {
        Act::Originate { id, .. } => Some(id.clone()),
        _ => None,
    };
    acts.iter().filter_map(id).collect()
}

fn hung_up(acts: &[Act]) -> Vec<String> {
    let id = |act: &Act| match act {
        Act::HangUp { id } => Some(id.clone()),
        _ => None,
    };
    acts.iter().filter_map(id).collect()
}

fn told(acts: &[Act]) -> Vec<&'static str> {
    let kind = |act: &Act| match act {
        Act::Tell(event) => Some(event.kind.as_str()),
        _ => None,
    };
    acts.iter().filter_map(kind).collect()
}

fn succeeds(taps: &mut TappedCalls, id: &str) -> Vec<Act> {
    taps.answered(&message(&format!("Event: OriginateResponse; ActionID: {id}; Response: Success; Uniqueid: {id}")), AT)
}

#[test]
fn a_tap_of_a_person_is_two_channels_that_say_whose_sound_they_bring() {
    let (map, mut taps) = (map(), taps(&[], 5));
    let (tap, acts) = taps.start(&map, "PJSIP/1001-9", 16_000, AT).expect("tapped");
    assert_eq!((tap.call.as_str(), tap.sides.len(), tap.rule), (CALL, 2, None));
    let mut originates: Vec<(String, String)> = acts
        .iter()
        .map(|act| match act {
            Act::Originate { channel, data, .. } => (channel.clone(), data.clone()),
            other => panic!("{other:?}"),
        })
        .collect();
    originates.sort();
    let wanted = [
        ("AudioSocket/127.0.0.1:9093/17952180-4500-8100-8000-000000000010/c(slin16)", "1795218045.11,uqESo"),
        ("AudioSocket/127.0.0.1:9093/17952180-4500-8200-8000-000000000010/c(slin16)", "1795218045.10,uqESo"),
    ];
    assert_eq!(originates, wanted.map(|(channel, data)| (channel.to_string(), data.to_string())));
    assert_eq!(taps.start(&map, CALL, 8000, AT).err(), Some(TapError::Taken(CALL.into())));
    for id in asked(&acts) {
        assert_eq!(told(&succeeds(&mut taps, &id)), ["tap_started"]);
        assert!(succeeds(&mut taps, &id).is_empty(), "told once");
    }
    assert!(taps.list()[0].sides.iter().all(|side| side.state == SideState::Running));
    let (_, ended) = taps.end(&map, CALL, AT).expect("ended");
    assert_eq!((hung_up(&ended), told(&ended).len()), (asked(&acts), 2));
    assert_eq!(taps.end(&map, CALL, AT).err(), Some(TapError::NotTapped(CALL.into())));
}

#[test]
fn what_cannot_be_tapped_is_refused_with_the_reason() {
    let mut map = map();
    call(&mut map, "x.1", "x.2", "PJSIP/odd-1");
    call(&mut map, "1795218045.20", "1795218045.21", "PJSIP/trunk-2");
    let mut taps = taps(&[], 1);
    let refused = |taps: &mut TappedCalls, target: &str| taps.start(&map, target, 8000, AT).err();
    assert_eq!(refused(&mut taps, "nobody"), Some(TapError::Unknown("nobody".into())));
    assert_eq!(refused(&mut taps, "a\r\nAction: Originate"), Some(TapError::Unknown("a\r\nAction: Originate".into())));
    assert_eq!(refused(&mut taps, "PJSIP/odd-1"), Some(TapError::Shape("x.1".into())));
    assert_eq!(refused(&mut taps, CALL), None);
    assert_eq!(refused(&mut taps, "1795218045.20"), Some(TapError::Full(1)));
    taps.may = Some(false);
    assert_eq!(refused(&mut taps, "1795218045.20"), Some(TapError::Rights));
    taps.may = None;
    taps.settings.address = None;
    assert_eq!(refused(&mut taps, "1795218045.20"), Some(TapError::NoSocket));
}

#[test]
fn rules_take_calls_first_come_first_served_up_to_their_number_and_to_that_of_all() {
    let mut map = map();
    let mut taps = taps(&[("^PJSIP/trunk", 2), ("^PJSIP/desk", 9)], 3);
    let more = ["1795218045.20", "1795218045.30", "1795218045.40", "1795218045.50"];
    for (id, name) in more.iter().zip(["PJSIP/trunk-2", "PJSIP/trunk-3", "PJSIP/desk-4", "PJSIP/desk-5"]) {
        call(&mut map, id, &format!("{id}1"), name);
    }
    let got: Vec<usize> = [CALL].iter().chain(&more).map(|call| asked(&taps.bridged(&map, call, AT)).len()).collect();
    assert_eq!(got, [2, 2, 0, 2, 0]);
    assert_eq!(taps.list()[0].rule.as_deref(), Some("^PJSIP/trunk"));
    assert!(taps.bridged(&map, CALL, AT).is_empty(), "both sides are tapped");
    // A place is free again.
    assert_eq!(hung_up(&taps.over(CALL, AT)).len(), 2);
    assert_eq!(asked(&taps.bridged(&map, "1795218045.30", AT)).len(), 2);
    // What a person has ended stays ended.
    taps.end(&map, "1795218045.30", AT).expect("ended");
    assert!(taps.bridged(&map, "1795218045.30", AT).is_empty());
}

#[test]
fn a_call_of_more_weight_takes_the_place_of_the_youngest_of_the_least() {
    let mut map = map();
    let mut taps = weighted(&[("^PJSIP/trunk", 9, 1), ("^PJSIP/desk", 9, 0), ("^PJSIP/vip", 2, 5)], 3);
    let calls = [
        ("1795218045.20", "PJSIP/desk-2"),
        ("1795218045.30", "PJSIP/desk-3"),
        ("1795218045.40", "PJSIP/desk-4"),
        ("1795218045.50", "PJSIP/vip-5"),
        ("1795218045.60", "PJSIP/vip-6"),
        ("1795218045.70", "PJSIP/vip-7"),
        ("1795218045.80", "PJSIP/trunk-8"),
    ];
    for (id, name) in calls {
        call(&mut map, id, &format!("{id}1"), name);
    }
    let mut second = 0;
    let mut bridged = |taps: &mut TappedCalls, call: &str| {
        second += 1;
        let acts = taps.bridged(&map, call, WallTime(AT.0 + second * 1000));
        (asked(&acts).len(), hung_up(&acts))
    };
    let tapped = |taps: &TappedCalls| taps.list().into_iter().map(|tap| tap.call).collect::<Vec<_>>();
    for call in [CALL, "1795218045.20", "1795218045.30"] {
        assert_eq!(bridged(&mut taps, call).0, 2);
    }
    assert_eq!(bridged(&mut taps, "1795218045.40"), (0, vec![]), "of equal weight the first come");
    let (count, ended) = bridged(&mut taps, "1795218045.50");
    assert_eq!((count, ended.len()), (2, 2));
    assert!(ended.iter().all(|id| id.contains("1795218045.30")), "the youngest of the least weight: {ended:?}");
    assert_eq!(bridged(&mut taps, "1795218045.60").1.len(), 2);
    assert_eq!(tapped(&taps), [CALL, "1795218045.50", "1795218045.60"]);
    assert_eq!(bridged(&mut taps, "1795218045.70"), (0, vec![]), "the rule has its own number");
    assert_eq!(bridged(&mut taps, "1795218045.80"), (0, vec![]), "none weighs less");
    // A place is free: one that had to give up its own is taken up again.
    taps.over("1795218045.50", AT);
    assert_eq!(bridged(&mut taps, "1795218045.30"), (2, vec![]));
    // What a person has tapped stays, and no person's wish takes a place.
    let mut taps = weighted(&[("^PJSIP/vip", 9, 5)], 1);
    taps.start(&map, CALL, 8000, AT).expect("tapped");
    assert_eq!(bridged(&mut taps, "1795218045.50"), (0, vec![]));
    assert_eq!(tapped(&taps), [CALL]);
}

#[test]
fn a_call_that_waits_is_tapped_on_its_own_side_and_on_the_other_when_somebody_answers() {
    let mut map = Map::new(Roles::default());
    let mut taps = taps(&[], 5);
    map.event(&message(&format!("Event: Newchannel; Channel: A/1; Uniqueid: {CALL}; Linkedid: {CALL}")), AT);
    let (tap, acts) = taps.start(&map, CALL, 8000, AT).expect("tapped");
    assert_eq!((tap.sides.len(), tap.sides[0].leg, asked(&acts).len()), (1, Leg::Caller, 1));
    call(&mut map, CALL, "1795218045.11", "A/1");
    let acts = taps.bridged(&map, CALL, AT);
    assert!(asked(&acts)[0].contains("-agent-") && hung_up(&acts).is_empty(), "{acts:?}");
    // The agent hands the call over: the new one is tapped instead.
    map.event(&message(&format!("Event: Newchannel; Channel: B/2; Uniqueid: 1795218045.12; Linkedid: {CALL}")), AT);
    map.event(
        &message(&format!("Event: BridgeLeave; BridgeUniqueid: b{CALL}; Uniqueid: 1795218045.11; Linkedid: {CALL}")),
        AT,
    );
    assert!(taps.bridged(&map, CALL, AT).is_empty(), "nobody else is there yet");
    map.event(
        &message(&format!(
            "Event: BridgeEnter; BridgeUniqueid: b{CALL}; Channel: B/2; Uniqueid: 1795218045.12; Linkedid: {CALL}"
        )),
        AT,
    );
    let acts = taps.bridged(&map, CALL, AT);
    assert_eq!((hung_up(&acts).len(), asked(&acts).len()), (1, 1), "{acts:?}");
    assert_eq!(taps.list()[0].sides.len(), 2);
}

#[test]
fn a_tap_that_asterisk_cannot_make_says_why_and_one_that_ends_is_gone() {
    let (map, mut taps) = (map(), taps(&[], 5));
    let (_, acts) = taps.start(&map, CALL, 8000, AT).expect("tapped");
    let ids = asked(&acts);
    let failed = format!("Event: OriginateResponse; ActionID: {}; Response: Failure; Reason: 8", ids[0]);
    assert_eq!(told(&taps.answered(&message(&failed), AT)), ["tap_failed"]);
    let SideState::Failed(why) = taps.list()[0].sides[0].state.clone() else { panic!("{:?}", taps.list()) };
    assert!(why.contains("AudioSocket port cannot be reached"), "{why}");
    let refused = format!("Response: Error; ActionID: {}; Message: Permission denied", ids[1]);
    assert_eq!(told(&taps.answered(&message(&refused), AT)), ["tap_failed"]);
    assert!(
        taps.answered(&message("Event: OriginateResponse; ActionID: somebody-elses; Response: Failure"), AT).is_empty()
    );
    assert!(told(&taps.hung_up(&ids[0], AT)).is_empty(), "its end was told");
    let others = taps.over(CALL, AT);
    assert!(hung_up(&others).is_empty(), "nothing is there to be hung up");
}

#[test]
fn taps_of_a_former_run_are_hung_up_and_those_of_others_are_left() {
    let (map, mut taps) = (map(), taps(&[("trunk", 9)], 5));
    let row =
        |id: &str| message(&format!("Event: CoreShowChannel; Channel: AudioSocket/x; Uniqueid: {id}; Linkedid: {id}"));
    let former = ["lineside-tap-9093-1795218045.10-agent-7", "lineside-tap-9093-1795218045.99-caller-8"];
    let rows = [row(former[0]), row(former[1]), row("lineside-tap-9999-1.1-agent-1"), row("1795218045.10")];
    let acts = taps.listed(&rows, &map, AT);
    assert_eq!(hung_up(&acts), former);
    let ids = asked(&acts);
    assert_eq!(ids.len(), 2, "what a rule wants is tapped: lineside may have begun in the middle of a call");
    succeeds(&mut taps, &ids[0]);
    let others = taps_of_another_run(&map);
    assert!(others.iter().all(|id| !ids.contains(id)), "{others:?} {ids:?}");
    // One is gone without a word, the other was never answered.
    let later = WallTime(AT.0 + 2 * LOST_MS);
    let again = taps.listed(&[row("1795218045.10")], &map, later);
    assert_eq!((hung_up(&again).len(), asked(&again).len()), (0, 2));
    // Asterisk has restarted: no call is left.
    let acts = taps.listed(&[], &Map::new(Roles::default()), later);
    assert!(asked(&acts).is_empty() && taps.list().is_empty());
}

/// What a run that begins a second later asks for.
fn taps_of_another_run(map: &Map) -> Vec<String> {
    asked(&taps(&[("trunk", 9)], 5).bridged(map, CALL, WallTime(AT.0 + 1000)))
}
