//! What was found of a call, put over what was known, and when to ask again.

use std::time::Duration;

use super::names::Uniqueid;
use crate::call::{CallNames, CallState, WallTime};
use crate::contract::dialer::DialerFacts;
use crate::store::dialer::{DialedCall, DialerRow};

/// A call that nobody knows yet may be known any second.
const YOUNG: Duration = Duration::from_mins(2);
/// Pause between two questions about it.
const SOON: Duration = Duration::from_secs(1);
/// The same of a running call that is known, or is not young.
const RUNNING: Duration = Duration::from_secs(30);
/// The same of a call of which something cannot be read now.
const BLOCKED: Duration = Duration::from_mins(1);
/// After the call: it doubles from the first to the longest.
const FIRST: Duration = Duration::from_secs(2);
/// The longest.
const LONGEST: Duration = Duration::from_mins(5);
/// Answers after the call, at most: half an hour.
const TRIES: i64 = 13;

/// What was found.
pub(super) struct Answer {
    pub(super) facts: DialerFacts,
    /// Of a recording: the uniqueid of the customer's channel, by which other sources of its call are known.
    pub(super) uniqueid: Option<String>,
    /// Whether the dialer knows the call.
    pub(super) is_known: bool,
    /// Whether nothing more is expected.
    pub(super) is_complete: bool,
    /// Whether something could not be asked.
    pub(super) is_blocked: bool,
    /// Names that are likely to be said, the more important first.
    pub(super) said: Vec<String>,
}

/// New facts over those before: what is not there any more stays known.
pub(super) fn over(new: DialerFacts, before: Option<&DialerFacts>) -> DialerFacts {
    let Some(before) = before.cloned() else { return new };
    // The name and the seconds are those of one agent.
    let same_agent = new.agent.is_none() || new.agent == before.agent;
    let of_agent = |new: Option<i64>, before: Option<i64>| new.or(before.filter(|_| same_agent));
    DialerFacts {
        system: new.system,
        direction: new.direction.or(before.direction),
        uniqueid: new.uniqueid.or(before.uniqueid),
        recording_id: new.recording_id.or(before.recording_id),
        agent_name: new.agent_name.or(before.agent_name.filter(|_| same_agent)),
        user_group: new.user_group.or(before.user_group.filter(|_| same_agent)),
        agent: new.agent.or(before.agent),
        campaign: new.campaign.or(before.campaign),
        in_group: new.in_group.or(before.in_group),
        lead: new.lead.or(before.lead),
        list_id: new.list_id.or(before.list_id),
        phone: new.phone.or(before.phone),
        disposition: new.disposition.or(before.disposition),
        term_reason: new.term_reason.or(before.term_reason),
        length_seconds: new.length_seconds.or(before.length_seconds),
        queue_seconds: new.queue_seconds.or(before.queue_seconds),
        talk_seconds: of_agent(new.talk_seconds, before.talk_seconds),
        wait_seconds: of_agent(new.wait_seconds, before.wait_seconds),
        wrap_seconds: of_agent(new.wrap_seconds, before.wrap_seconds),
        dead_seconds: of_agent(new.dead_seconds, before.dead_seconds),
        pause_seconds: of_agent(new.pause_seconds, before.pause_seconds),
        transfers: if new.transfers.is_empty() { before.transfers } else { new.transfers },
        asked: new.asked,
        complete: new.complete,
    }
}

/// Whether a call has no uniqueid yet: a recording that is known by ViciDial's name for it.
pub(super) fn lacks_uniqueid(call: &DialedCall) -> bool {
    !call.files.is_empty() && call.uniqueid.is_none() && Uniqueid::parse(&call.call_id).is_none()
}

/// Whether a recording of `agent` is one call with `other`, which has the uniqueid. In a transfer the uniqueid goes from agent to agent, and a recording
/// is one agent's: where `other` has the recording of another agent already, this one stays a call of its own.
pub(super) fn is_one_with(other: &DialedCall, agent: Option<&str>) -> bool {
    let theirs = other.told.as_ref().and_then(|row| row.facts.agent.as_deref()).or(other.agent.as_deref());
    other.files.is_empty() || agent.is_some() && agent == theirs
}

/// Names that are new at the dialer, and that the call does not have; `None` where there are none. What people have named otherwise since then stays.
/// `uniqueid` is that of a call that has none.
pub(super) fn new_names(call: &DialedCall, facts: &DialerFacts, uniqueid: Option<String>) -> Option<CallNames> {
    let group = |facts: &DialerFacts| facts.in_group.clone().or_else(|| facts.campaign.clone());
    let before = call.told.as_ref().map(|row| &row.facts);
    let new = |of: &dyn Fn(&DialerFacts) -> Option<String>, now: &Option<String>| {
        of(facts).filter(|name| Some(name) != now.as_ref() && before.and_then(of).as_ref() != Some(name))
    };
    let names = CallNames {
        uniqueid,
        agent: new(&|facts| facts.agent.clone(), &call.agent),
        campaign: new(&group, &call.campaign),
        lead: new(&|facts| facts.lead.clone(), &call.lead),
        phone: new(&|facts| facts.phone.clone(), &call.phone),
        ..CallNames::default()
    };
    (names != CallNames::default()).then_some(names)
}

/// The row that is kept of an answer, and when the call is asked about again.
pub(super) fn row(call: &DialedCall, answer: Answer, now: WallTime) -> DialerRow {
    let Answer { mut facts, uniqueid: _, is_known, is_complete, is_blocked, said: _ } = answer;
    let is_over = call.state != CallState::Active;
    let before = call.told.as_ref().map_or(0, |row| row.tries);
    let tries = if is_over && !is_blocked { before + 1 } else { before };
    let age = Duration::from_millis(u64::try_from(now.0 - call.started.0).unwrap_or_default());
    let pause = if is_blocked {
        Some(BLOCKED)
    } else if is_over {
        let grown = FIRST.saturating_mul(1 << (tries - 1).clamp(0, 16) as u32).min(LONGEST);
        (!is_complete && tries < TRIES).then_some(grown)
    } else {
        Some(if is_known || age > YOUNG { RUNNING } else { SOON })
    };
    facts.asked = now.rfc3339();
    facts.complete = is_complete;
    let due = pause.map(|pause| WallTime(now.0 + pause.as_millis() as i64));
    DialerRow { call: call.key, facts, asked: now, tries, due }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallKey;

    fn call(state: CallState, told: Option<DialerRow>) -> DialedCall {
        DialedCall {
            key: CallKey(1),
            call_id: "c".into(),
            state,
            started: WallTime(0),
            uniqueid: None,
            agent: Some("1001".into()),
            campaign: None,
            lead: None,
            phone: None,
            files: Vec::new(),
            told,
        }
    }

    fn answer(is_known: bool, is_complete: bool, is_blocked: bool) -> Answer {
        let facts = DialerFacts::default();
        Answer { facts, uniqueid: None, is_known, is_complete, is_blocked, said: Vec::new() }
    }

    #[test]
    fn a_call_is_asked_about_until_it_is_complete_and_not_for_ever() {
        let due =
            |state, row: Answer, at: i64| super::row(&call(state, None), row, WallTime(at)).due.map(|due| due.0 - at);
        assert_eq!(due(CallState::Active, answer(false, false, false), 5000), Some(1000), "it may be there any second");
        assert_eq!(due(CallState::Active, answer(true, false, false), 5000), Some(30_000));
        assert_eq!(due(CallState::Completed, answer(true, true, false), 5000), None);
        let (mut told, mut asked, mut at) = (None, 0, 0);
        loop {
            let blocked =
                super::row(&call(CallState::Completed, told.clone()), answer(true, false, true), WallTime(at));
            assert_eq!(blocked.due, Some(WallTime(at + 60_000)), "what cannot be read now is no answer");
            let row = super::row(&call(CallState::Completed, told), answer(true, false, false), WallTime(at));
            asked += 1;
            let Some(due) = row.due else { break };
            (at, told) = (due.0, Some(row));
        }
        assert!(asked == 13 && (20 * 60_000..40 * 60_000).contains(&at), "{asked} answers in {at} ms");
    }

    #[test]
    fn a_recording_gets_the_uniqueid_of_its_call_and_stays_apart_from_another_agents() {
        let recording = |call_id: &str, agent: &str| DialedCall {
            call_id: call_id.into(),
            files: vec!["/monitor/20261123-101500_5551230001-in.wav".into()],
            agent: Some(agent.into()),
            ..call(CallState::Active, None)
        };
        let of_vicidial = recording("20261123-101500_5551230001", "1001");
        assert!(lacks_uniqueid(&of_vicidial));
        assert!(!lacks_uniqueid(&recording("1795218045.12", "1001")), "its name holds one");
        assert!(!lacks_uniqueid(&DialedCall { uniqueid: Some("1795218045.12".into()), ..of_vicidial.clone() }));
        assert!(!lacks_uniqueid(&call(CallState::Active, None)), "no recording");
        let facts = DialerFacts { agent: Some("1001".into()), ..DialerFacts::default() };
        let names = new_names(&of_vicidial, &facts, Some("1795218045.12".into())).expect("a uniqueid");
        assert_eq!((names.uniqueid.as_deref(), names.agent), (Some("1795218045.12"), None));
        // A tap of the same channel, whoever has it now.
        let tap = DialedCall { call_id: "1795218045.12".into(), ..call(CallState::Active, None) };
        assert!(is_one_with(&tap, Some("1002")) && is_one_with(&tap, None));
        // The first agent's recording is one with it; after a transfer the second agent's is another call, and the first agent's next one is not.
        let first = recording("1795218045.12", "1001");
        assert!(is_one_with(&first, Some("1001")) && !is_one_with(&first, Some("1002")) && !is_one_with(&first, None));
        let told = DialerRow {
            call: CallKey(1),
            facts: DialerFacts { agent: Some("1002".into()), ..DialerFacts::default() },
            asked: WallTime(0),
            tries: 0,
            due: None,
        };
        let renamed = DialedCall { told: Some(told), ..first };
        assert!(is_one_with(&renamed, Some("1002")), "what the dialer says counts, whatever people call the agent");
    }

    #[test]
    fn what_is_not_told_any_more_stays_known_but_not_of_another_agent() {
        let before = DialerFacts {
            agent: Some("1001".into()),
            agent_name: Some("Mary".into()),
            talk_seconds: Some(9),
            phone: Some("5551234567".into()),
            ..DialerFacts::default()
        };
        assert_eq!(over(DialerFacts::default(), Some(&before)), before);
        let other = DialerFacts { agent: Some("1002".into()), ..DialerFacts::default() };
        let both = over(other, Some(&before));
        assert_eq!((both.agent_name, both.talk_seconds, both.phone), (None, None, Some("5551234567".into())));
        let names = new_names(&call(CallState::Active, None), &before, None).expect("the phone is new");
        assert_eq!((names.agent, names.phone.as_deref()), (None, Some("5551234567")));
        let told = DialerRow { call: CallKey(1), facts: before.clone(), asked: WallTime(0), tries: 0, due: None };
        assert_eq!(
            new_names(&call(CallState::Active, Some(told)), &before, None),
            None,
            "somebody has taken the phone away"
        );
    }
}
