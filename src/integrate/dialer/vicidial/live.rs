//! The agents that are on a call now, joined in memory with the calls that are heard. Pure functions but for the names.

use std::collections::HashMap;

use crate::call::WallTime;
use crate::contract::dialer::{DialerAgent, DialerAgentState};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::names::{Uniqueid, base_name};
use crate::store::dialer::DialedCall;

/// A row of `vicidial_live_agents`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::integrate::dialer) struct LiveAgent {
    /// The agent's user name in ViciDial; `None` where the column is empty.
    pub(super) user: Option<String>,
    /// The lead on the line.
    pub(super) lead: Option<i64>,
    /// The agent's campaign; of an in-group's call it is not the in-group.
    pub(super) campaign: Option<String>,
    /// Of the customer's channel; empty while a manual call rings.
    pub(super) uniqueid: Option<String>,
    /// The call's caller id code.
    pub(super) caller_code: Option<String>,
    /// Whether an in-group brought the call.
    pub(super) is_inbound: bool,
    /// The recording that runs.
    pub(super) recording: Option<i64>,
    /// Servers of the agent's telephone and of the customer's channel.
    pub(super) servers: [Option<String>; 2],
}

impl LiveAgent {
    pub(super) fn of(row: &RowFields) -> Self {
        Self {
            user: row.text(0),
            lead: row.id(1),
            campaign: row.text(2),
            uniqueid: row.text(3),
            caller_code: row.text(4),
            is_inbound: row.text(5).as_deref() == Some("INBOUND"),
            recording: row.id(6),
            servers: [row.text(7), row.text(8)],
        }
    }

    /// Whether the row shows a third party that the agent calls, and not the customer.
    pub(super) fn calls_a_third(&self) -> bool {
        self.caller_code.as_deref().is_some_and(|code| code.starts_with("DC"))
    }

    /// Whether a row is of somebody who is on a call.
    pub(super) fn is_in_call(row: &RowFields) -> bool {
        state(row) == Some(DialerAgentState::InCall)
    }

    fn is_on(&self, server: Option<&str>) -> bool {
        server.is_none_or(|server| self.servers.iter().flatten().any(|own| own == server))
    }
}

/// ViciDial's words: `CLOSER` waits for calls of in-groups alone.
fn state(row: &RowFields) -> Option<DialerAgentState> {
    match row.text(9)?.as_str() {
        "READY" | "CLOSER" => Some(DialerAgentState::Ready),
        "INCALL" | "QUEUE" | "MQUEUE" => Some(DialerAgentState::InCall),
        "PAUSED" => Some(DialerAgentState::Paused),
        _ => None,
    }
}

/// Who is logged in, by name. Somebody who is logged in twice is there once, with what was changed last.
pub(super) fn logged_in(rows: &[RowFields]) -> Vec<DialerAgent> {
    let agent = |row: &RowFields| {
        let state = state(row)?;
        Some(DialerAgent {
            agent: row.text(0)?,
            state,
            pause_code: row.text(10).filter(|_| state == DialerAgentState::Paused),
            campaign: row.text(2),
            since: row.id(11).map(|epoch| WallTime(epoch * 1000).rfc3339()),
        })
    };
    let mut all: Vec<DialerAgent> = rows.iter().filter_map(agent).collect();
    all.sort_by(|one, other| (&one.agent, &other.since).cmp(&(&other.agent, &one.since)));
    all.dedup_by(|one, before| one.agent == before.agent);
    all
}

/// Agents on calls, by what a call may be known by.
pub(super) struct AgentBoard<'a> {
    by_recording: HashMap<&'a str, &'a LiveAgent>,
    by_uniqueid: HashMap<&'a str, Vec<&'a LiveAgent>>,
    /// Of rows whose uniqueid has lost its fraction.
    by_second: HashMap<&'a str, Vec<&'a LiveAgent>>,
    agents: &'a [LiveAgent],
    server: Option<&'a str>,
}

impl<'a> AgentBoard<'a> {
    /// `names` are those of the recordings that run; `server` is how this one calls itself.
    pub(super) fn new(agents: &'a [LiveAgent], names: &'a HashMap<i64, String>, server: Option<&'a str>) -> Self {
        let mut board = Self {
            by_recording: HashMap::new(),
            by_uniqueid: HashMap::new(),
            by_second: HashMap::new(),
            agents,
            server,
        };
        for agent in agents {
            if let Some(name) = agent.recording.and_then(|recording| names.get(&recording)) {
                board.by_recording.insert(base_name(name), agent);
            }
            match (&agent.uniqueid, agent.uniqueid.as_deref().and_then(Uniqueid::parse)) {
                (_, Some(id)) => board.by_uniqueid.entry(id.plain).or_default().push(agent),
                (Some(second), None) => board.by_second.entry(second).or_default().push(agent),
                (None, None) => {}
            }
        }
        board
    }

    /// The agent of a call: by its recording, its uniqueid, the second of that where the agent's row has no more, or its caller id code.
    pub(super) fn agent_of(&self, call: &DialedCall) -> Option<&'a LiveAgent> {
        let names = || call.files.iter().map(|file| base_name(file)).chain([call.call_id.as_str()]);
        if let Some(agent) = names().find_map(|name| self.by_recording.get(name)) {
            return Some(agent);
        }
        let id = call.uniqueid.as_deref().or(Some(&call.call_id)).and_then(Uniqueid::parse);
        if let Some(id) = id {
            let exact = self.by_uniqueid.get(id.plain).and_then(|agents| self.the_one(agents));
            return exact.or_else(|| self.by_second.get(id.epoch).and_then(|agents| self.the_one(agents)));
        }
        let has = |agent: &&LiveAgent| {
            // Twenty characters with a date and a lead: no other call has them.
            agent.caller_code.as_deref().is_some_and(|code| code.len() >= 18 && names().any(|name| name.contains(code)))
        };
        self.agents.iter().find(has)
    }

    /// The only one, or the only one of this server: two calls of two servers may begin in one second.
    fn the_one(&self, agents: &[&'a LiveAgent]) -> Option<&'a LiveAgent> {
        let mut here = agents.iter().filter(|agent| agents.len() == 1 || agent.is_on(self.server));
        here.next().filter(|_| here.next().is_none()).copied()
    }
}

#[cfg(test)]
mod tests {
    use mysql_async::Value;

    use super::*;
    use crate::call::{CallKey, CallState};

    fn agent(user: &str, uniqueid: &str, recording: Option<i64>, server: &str) -> LiveAgent {
        LiveAgent {
            user: Some(user.into()),
            uniqueid: Some(uniqueid.into()).filter(|id: &String| !id.is_empty()),
            recording,
            servers: [Some(server.into()), None],
            caller_code: Some(format!("M1201015000000{user:0>6}")),
            ..LiveAgent::default()
        }
    }

    fn call(call_id: &str, files: &[&str]) -> DialedCall {
        DialedCall {
            key: CallKey(1),
            call_id: call_id.into(),
            state: CallState::Active,
            started: WallTime(0),
            uniqueid: None,
            agent: None,
            campaign: None,
            lead: None,
            phone: None,
            files: files.iter().map(|&file| file.into()).collect(),
            told: None,
        }
    }

    #[test]
    fn who_is_logged_in_is_ready_paused_with_a_code_or_on_a_call() {
        let row = |user: &str, status: &str, code: &str, since: i64| {
            let mut values: Vec<Value> = vec![Value::NULL; 12];
            for (column, text) in [(0, user), (2, "TESTCAMP"), (9, status), (10, code)] {
                values[column] = text.into();
            }
            values[11] = since.into();
            RowFields::of_values(values)
        };
        let rows = [
            row("1003", "PAUSED", "LUNCH", 1_795_218_045),
            row("1001", "CLOSER", "", 0),
            row("1002", "MQUEUE", "OLD", 1_795_218_000),
            row("1004", "PAUSED", "", 1_795_218_000),
            row("1004", "READY", "", 1_795_218_010),
            row("1005", "", "", 0),
        ];
        let told: Vec<(String, DialerAgentState, Option<String>)> =
            logged_in(&rows).into_iter().map(|one| (one.agent, one.state, one.pause_code)).collect();
        let wanted = [
            ("1001".into(), DialerAgentState::Ready, None),
            ("1002".into(), DialerAgentState::InCall, None),
            ("1003".into(), DialerAgentState::Paused, Some("LUNCH".into())),
            ("1004".into(), DialerAgentState::Ready, None),
        ];
        assert_eq!(told, wanted);
        assert_eq!(logged_in(&rows)[2].since.as_deref(), Some(WallTime(1_795_218_045_000).rfc3339().as_str()));
        assert_eq!(rows.iter().filter(|row| LiveAgent::is_in_call(row)).count(), 1);
    }

    #[test]
    fn a_call_finds_its_agent_by_recording_uniqueid_second_or_caller_id() {
        let agents = [
            agent("1001", "1795218045.12", Some(7), "10.0.0.1"),
            agent("1002", "1795218046.3", None, "10.0.0.1"),
            agent("1003", "1795218047.5", None, "10.0.0.1"),
            agent("1004", "1795218047.5", None, "10.0.0.2"),
            agent("1005", "", None, "10.0.0.1"),
            agent("1006", "1795218048", None, "10.0.0.1"),
        ];
        let names = HashMap::from([(7, "20261120-101500_5551234567".to_string())]);
        let board = AgentBoard::new(&agents, &names, Some("10.0.0.1"));
        let of = |call_id: &str, files: &[&str]| {
            board.agent_of(&call(call_id, files)).and_then(|agent| agent.user.as_deref())
        };
        let moved = "/var/spool/asterisk/monitorDONE/MP3/20261120-101500_5551234567-all.mp3";
        assert_eq!(of("x", &[moved]), Some("1001"));
        assert_eq!(of("20261120-101500_5551234567", &[]), Some("1001"));
        assert_eq!(of("1795218046.3", &[]), Some("1002"));
        assert_eq!(of("pbx-1795218048.4", &[]), Some("1006"), "the only one of that second");
        assert_eq!(of("pbx-1795218046.4", &[]), None, "another call of that second");
        assert_eq!(of("1795218047.5", &[]), Some("1003"), "of this server");
        assert_eq!(of("M1201015000000001005_x", &[]), Some("1005"));
        assert_eq!(of("20261120-101500_5550000000", &[]), None);
        let board = AgentBoard::new(&agents, &names, None);
        assert!(board.agent_of(&call("1795218047.5", &[])).is_none(), "either of two is nobody");
    }
}
