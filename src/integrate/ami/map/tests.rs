//! What the map makes of Asterisk's events.

use super::*;
use crate::integrate::ami::message::MessageReader;
use regex::Regex;

const T0: i64 = 1_000_000;

fn message(fields: &str) -> AmiMessage {
    let text = format!("{}\r\n\r\n", fields.replace("; ", "\r\n"));
    MessageReader::default().push(text.as_bytes()).remove(0)
}

/// A map, and how far its clock has come.
struct Pbx {
    map: Map,
    at: i64,
}

impl Pbx {
    fn new() -> Self {
        let pattern = |text| Regex::new(text).expect("pattern");
        let roles = Roles { agents: vec![pattern("^PJSIP/1[0-9]{3}-")], callers: vec![pattern("^PJSIP/trunk")] };
        Self { map: Map::new(roles), at: T0 }
    }

    fn tell(&mut self, fields: &str) -> Vec<Fact> {
        self.map.event(&message(fields), WallTime(self.at))
    }

    fn appears(&mut self, id: &str, name: &str, linkedid: &str, number: &str) {
        self.tell(&format!(
            "Event: Newchannel; Channel: {name}; CallerIDNum: {number}; Uniqueid: {id}; Linkedid: {linkedid}"
        ));
    }

    fn enters(&mut self, id: &str, bridge: &str) -> Vec<Fact> {
        self.tell(&format!("Event: BridgeEnter; BridgeUniqueid: {bridge}; Channel: x; Uniqueid: {id}; Linkedid: 1.0"))
    }

    fn hangs_up(&mut self, id: &str) -> Vec<Fact> {
        self.tell(&format!(
            "Event: Hangup; Channel: x; Uniqueid: {id}; Linkedid: 1.0; Cause: 16; Cause-txt: Normal Clearing"
        ))
    }

    fn sides(&self, call: &str) -> Vec<(String, Leg)> {
        let mut sides: Vec<_> = self.map.parties(call).into_iter().map(|party| (party.uniqueid, party.side)).collect();
        sides.sort();
        sides
    }
}

fn kinds(facts: &[Fact]) -> Vec<&'static str> {
    facts
        .iter()
        .filter(|fact| !matches!(fact, Fact::PartOf { .. }))
        .map(|fact| match fact {
            Fact::PartOf { .. } => "part_of",
            Fact::Event(event) => event.kind.as_str(),
            Fact::Names { .. } => "names",
            Fact::Bridges { .. } => "bridges",
            Fact::Over { .. } => "over",
        })
        .collect()
}

fn names(facts: &[Fact]) -> CallNames {
    let names = facts.iter().find_map(|fact| match fact {
        Fact::Names { names, .. } => Some(names.as_ref().clone()),
        _ => None,
    });
    names.unwrap_or_else(|| panic!("no names in {facts:?}"))
}

#[test]
fn an_inbound_call_by_a_queue_is_told_from_its_first_channel_to_its_last() {
    let mut pbx = Pbx::new();
    pbx.appears("1.0", "PJSIP/trunk-1", "1.0", "5551234567");
    let joined = pbx.tell("Event: QueueCallerJoin; Channel: PJSIP/trunk-1; Uniqueid: 1.0; Linkedid: 1.0; Queue: sales");
    assert_eq!(kinds(&joined), ["queue_joined"]);
    pbx.appears("1.1", "PJSIP/1001-2", "1.0", "1001");
    let agent = "Event: AgentConnect; Uniqueid: 1.0; DestUniqueid: 1.1; Queue: sales; MemberName: Mary; HoldTime: 7";
    assert_eq!(kinds(&pbx.tell(agent)), ["agent_connected"]);
    assert_eq!(pbx.enters("1.1", "b"), []);
    let facts = pbx.enters("1.0", "b");
    assert!(facts.contains(&Fact::PartOf { channel: "1.1".into(), call: "1.0".into() }), "{facts:?}");
    assert_eq!(kinds(&facts), ["bridged", "bridged", "names", "bridges"]);
    let known = names(&facts);
    assert_eq!(
        (known.agent.as_deref(), known.phone.as_deref(), known.campaign.as_deref()),
        (Some("1001"), Some("5551234567"), Some("sales"))
    );
    assert_eq!(known.metadata.expect("metadata")["pbx"]["queue_wait_seconds"], 7);
    assert_eq!(pbx.sides("1.0"), [("1.0".into(), Leg::Caller), ("1.1".into(), Leg::Agent)]);
    assert_eq!(kinds(&pbx.tell("Event: Hold; Uniqueid: 1.1; Linkedid: 1.0")), ["held"]);
    pbx.at += 4000;
    assert_eq!(kinds(&pbx.tell("Event: Unhold; Uniqueid: 1.1; Linkedid: 1.0")), ["resumed"]);
    let key = pbx.tell("Event: DTMFEnd; Uniqueid: 1.0; Linkedid: 1.0; Digit: 4; Direction: Received");
    let [Fact::Event(key)] = key.as_slice() else { panic!("{key:?}") };
    assert_eq!((key.kind, key.leg, key.detail.as_deref()), (PbxEventKind::Key, Some(Leg::Caller), None));
    assert_eq!(kinds(&pbx.hangs_up("1.0")), ["hung_up", "bridges"]);
    let last = pbx.hangs_up("1.1");
    assert_eq!(kinds(&last), ["hung_up", "names", "over"]);
    let told = &names(&last).metadata.expect("metadata")["pbx"];
    assert_eq!((&told["hold_seconds"], &told["holds"]), (&json!(4.0), &json!(1)));
    assert_eq!(told["hangup_cause"], "16 Normal Clearing");
    assert!(pbx.map.is_empty() && pbx.map.talking().is_empty() && pbx.map.bridges.is_empty());
}

#[test]
fn without_patterns_who_began_is_the_caller_and_a_pattern_turns_it_round() {
    let mut pbx = Pbx::new();
    pbx.appears("1.0", "DAHDI/1-1", "1.0", "");
    pbx.appears("1.1", "SIP/desk-2", "1.0", "");
    pbx.enters("1.0", "b");
    pbx.enters("1.1", "b");
    assert_eq!(pbx.sides("1.0"), [("1.0".into(), Leg::Caller), ("1.1".into(), Leg::Agent)]);
    pbx.appears("2.0", "PJSIP/1001-3", "2.0", "");
    pbx.appears("2.1", "DAHDI/1-2", "2.0", "5559876543");
    pbx.enters("2.0", "c");
    let facts = pbx.enters("2.1", "c");
    assert_eq!(pbx.sides("2.0"), [("2.0".into(), Leg::Agent), ("2.1".into(), Leg::Caller)]);
    assert_eq!(names(&facts).phone.as_deref(), Some("5559876543"));
    // Two agents.
    pbx.appears("3.0", "PJSIP/1001-4", "3.0", "");
    pbx.appears("3.1", "PJSIP/1002-5", "3.0", "");
    pbx.enters("3.0", "d");
    pbx.enters("3.1", "d");
    assert_eq!(pbx.sides("3.0"), [("3.0".into(), Leg::Caller), ("3.1".into(), Leg::Agent)]);
}

#[test]
fn an_agent_who_is_logged_in_to_a_conference_all_day_makes_no_call_of_the_days_calls() {
    let mut pbx = Pbx::new();
    pbx.appears("1.0", "PJSIP/1001-1", "1.0", "");
    pbx.enters("1.0", "conference");
    for customer in ["5.0", "6.0"] {
        pbx.appears(customer, "PJSIP/trunk-9", customer, "5551234567");
        // Asterisk says now that all of it is the oldest channel's.
        let facts = pbx.tell(&format!(
            "Event: BridgeEnter; BridgeUniqueid: conference; Channel: PJSIP/trunk-9; Uniqueid: {customer}; Linkedid: 1.0"
        ));
        assert!(facts.contains(&Fact::Bridges { call: customer.into() }), "{facts:?}");
        assert_eq!(pbx.sides(customer), [("1.0".into(), Leg::Agent), (customer.into(), Leg::Caller)]);
        let told = |fact: &Fact| matches!(fact, Fact::Names { call, names } if call == customer && names.agent.as_deref() == Some("1001"));
        assert!(facts.iter().any(told), "{facts:?}");
        let over = pbx.hangs_up(customer);
        assert!(over.contains(&Fact::Over { call: customer.into() }), "{over:?}");
    }
    assert!(pbx.map.has("1.0"));
}

#[test]
fn transfers_are_counted_and_the_second_agent_is_the_agent() {
    let mut pbx = Pbx::new();
    pbx.appears("1.0", "PJSIP/trunk-1", "1.0", "5551234567");
    pbx.appears("1.1", "PJSIP/1001-2", "1.0", "");
    pbx.enters("1.1", "b");
    pbx.enters("1.0", "b");
    let failed = "Event: BlindTransfer; Result: Fail; TransfererUniqueid: 1.1; Extension: 1002";
    assert_eq!(pbx.tell(failed), []);
    let blind = pbx.tell("Event: BlindTransfer; Result: Success; TransfererUniqueid: 1.1; Extension: 1002");
    let [Fact::Event(event)] = blind.as_slice() else { panic!("{blind:?}") };
    assert_eq!((event.kind, event.detail.as_deref()), (PbxEventKind::BlindTransfer, Some("1002")));
    pbx.hangs_up("1.1");
    pbx.appears("1.2", "PJSIP/1002-3", "1.0", "");
    pbx.enters("1.2", "c");
    pbx.tell("Event: BridgeLeave; BridgeUniqueid: b; Uniqueid: 1.0; Linkedid: 1.0");
    let facts = pbx.enters("1.0", "c");
    assert_eq!(pbx.sides("1.0"), [("1.0".into(), Leg::Caller), ("1.2".into(), Leg::Agent)]);
    let known = names(&facts);
    assert_eq!(
        (known.agent.as_deref(), &known.metadata.expect("metadata")["pbx"]["transfers"]),
        (Some("1002"), &json!(1))
    );
}

#[test]
fn what_was_missed_while_away_is_made_good_by_the_list_of_channels() {
    let row = |id: &str, name: &str, linkedid: &str, application: &str, bridge: &str| {
        message(&format!(
            "Event: CoreShowChannel; Channel: {name}; CallerIDNum: 555123; Uniqueid: {id}; Linkedid: {linkedid}; Application: {application}; BridgeId: {bridge}"
        ))
    };
    let mut pbx = Pbx::new();
    pbx.appears("1.0", "PJSIP/trunk-1", "1.0", "");
    pbx.appears("1.1", "PJSIP/1001-2", "1.0", "");
    pbx.enters("1.0", "b");
    pbx.enters("1.1", "b");
    pbx.at += 60_000;
    pbx.appears("3.0", "PJSIP/trunk-7", "3.0", "");
    let rows = [
        row("2.0", "PJSIP/trunk-3", "2.0", "Dial", "c"),
        row("2.1", "PJSIP/1001-4", "2.0", "AppDial", "c"),
        row("2.2", "PJSIP/1003-9", "2.0", "ConfBridge", ""),
        row("lineside-tap-9093-2.0-agent-1", "AudioSocket/x", "lineside-tap-9093-2.0-agent-1", "ChanSpy", ""),
    ];
    let facts = pbx.map.listed(&rows, WallTime(pbx.at));
    assert!(facts.contains(&Fact::Over { call: "1.0".into() }), "{facts:?}");
    assert!(facts.contains(&Fact::Bridges { call: "2.0".into() }), "{facts:?}");
    assert_eq!(pbx.sides("2.0"), [("2.0".into(), Leg::Caller), ("2.1".into(), Leg::Agent)]);
    assert!(pbx.map.has("3.0"), "younger than the list may be");
    assert_eq!(pbx.map.call_of("2.2"), Some("2.2"), "nobody dialled it: it is a call of its own");
    assert_eq!(pbx.map.call_of("PJSIP/1001-4"), Some("2.0"));
    assert_eq!(pbx.map.len(), 4);
    assert_eq!(pbx.map.listed(&rows, WallTime(pbx.at)), [], "told once");
    pbx.map.reconnected();
    pbx.map.listed(&[], WallTime(pbx.at));
    assert!(pbx.map.is_empty() && pbx.map.calls.is_empty() && pbx.map.bridges.is_empty());
}

#[test]
fn texts_of_others_have_no_line_breaks_and_an_end() {
    let mut pbx = Pbx::new();
    pbx.appears("1.0", &format!("PJSIP/a\u{b}b\u{1b}[2J{}", "x".repeat(100)), "1.0", "5551\u{7}234");
    let facts = pbx.tell(&format!(
        "Event: QueueCallerJoin; Uniqueid: 1.0; Linkedid: 1.0; Queue: a\u{b}\u{85}b{}",
        "y".repeat(500)
    ));
    let [Fact::Event(event)] = facts.as_slice() else { panic!("{facts:?}") };
    let detail = event.detail.clone().unwrap_or_default();
    assert!(!event.channel.contains(char::is_control) && !detail.contains(char::is_control));
    assert_eq!(detail.chars().count(), 120);
}

#[test]
fn channels_keys_and_events_without_end_hold_no_memory_without_end() {
    let mut pbx = Pbx::new();
    for number in 0..3 * CHANNELS {
        pbx.at += 1;
        pbx.appears(&format!("1.{number}"), "X/1", &format!("1.{number}"), "");
        pbx.enters(&format!("1.{number}"), &format!("b{number}"));
    }
    assert!(pbx.map.len() <= CHANNELS);
    assert!(pbx.map.calls.len() <= CHANNELS && pbx.map.bridges.len() <= CHANNELS);
    let last = format!("1.{}", 3 * CHANNELS - 1);
    assert!(pbx.map.has(&last), "the newest are kept");
    let key = format!("Event: DTMFEnd; Uniqueid: {last}; Linkedid: 1.0; Digit: 4; Direction: Received");
    let told: usize = (0..2 * EVENTS).map(|_| pbx.tell(&key).len()).sum();
    assert_eq!(told, EVENTS as usize);
}

#[test]
fn events_in_any_order_with_any_fields_leave_no_trace_of_channels_that_are_gone() {
    let words = ["1.0", "1.1", "2.0", "", "b", "c", "PJSIP/1001-1", "0", "1"];
    let events = [
        "Newchannel",
        "BridgeEnter",
        "BridgeLeave",
        "Hold",
        "Unhold",
        "Hangup",
        "Rename",
        "AgentConnect",
        "QueueCallerJoin",
        "AttendedTransfer",
        "MixMonitorMute",
        "NewCallerid",
    ];
    let mut seed = 12_345_u64;
    let mut next = |most: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) as usize % most
    };
    let mut pbx = Pbx::new();
    for _ in 0..20_000 {
        pbx.at += 10;
        let mut word = || words[next(words.len())];
        let fields = format!(
            "Uniqueid: {}; Linkedid: {}; Channel: {}; BridgeUniqueid: {}; DestUniqueid: {}; State: {}; OrigTransfererUniqueid: {}",
            word(),
            word(),
            word(),
            word(),
            word(),
            word(),
            word()
        );
        let event = events[next(events.len())];
        pbx.tell(&format!("Event: {event}; {fields}"));
        let known = &pbx.map.channels;
        assert!(pbx.map.calls.values().all(|talk| talk.channels.iter().all(|id| known.contains_key(id))));
        assert!(pbx.map.bridges.values().all(|members| members.iter().all(|id| known.contains_key(id))));
    }
    for id in ["1.0", "1.1", "2.0", "b", "c", "PJSIP/1001-1", "0", "1"] {
        pbx.hangs_up(id);
    }
    assert!(pbx.map.is_empty() && pbx.map.calls.is_empty() && pbx.map.bridges.is_empty());
}
