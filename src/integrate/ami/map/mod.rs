//! Who talks to whom on the PBX: Asterisk's events in, facts about calls out. Pure: no clock, no socket.
//!
//! A call is named by the channel that began it, `Linkedid` of `Newchannel`. Later values of `Linkedid` are not followed: Asterisk gives all channels of
//! a bridge the oldest one's, and an agent's login channel in a conference is older than every call of the day. `CoreShowChannels` tells only the
//! later value, so there a channel belongs to another one's call when it was dialled (its application is `AppDial` or `AppQueue`). Seen with 22.10.1.

mod apply;
mod fields;

use std::collections::{HashMap, HashSet};

use serde_json::{Map as JsonMap, Value, json};

use self::fields::{cause, id_of};
use super::events::Direction;
use super::message::AmiMessage;
use super::roles::{Role, Roles};
use crate::call::pbx::{PbxEvent, PbxEventKind};
use crate::call::{CallNames, Leg, WallTime};

/// Channels that are remembered, at most: more than a box carries. Then the older half is forgotten.
const CHANNELS: usize = 10_000;
/// Channels of a bridge or a call that are looked at: a conference of more has no sides. It also bounds what an event can cost.
const CROWD: usize = 32;
/// Events that a call may have; more are not told.
const EVENTS: u32 = 500;
/// A channel that is younger is not missed in a list: the list may be older than its event.
const YOUNG_MS: i64 = 5000;
/// How the uniqueids of lineside's own taps begin.
pub const TAP: &str = "lineside-tap-";

/// What the events say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// Something happened to a call.
    Event(PbxEvent),
    /// A call's names as far as they are known.
    Names {
        /// Uniqueid of the channel that began it.
        call: String,
        /// All that is known.
        names: Box<CallNames>,
    },
    /// A channel that talks belongs to a call that another one began.
    PartOf {
        /// Its uniqueid.
        channel: String,
        /// Uniqueid of the channel that began the call.
        call: String,
    },
    /// Who is bridged with whom in a call has changed.
    Bridges {
        /// The call.
        call: String,
    },
    /// The last channel of a call has hung up.
    Over {
        /// The call.
        call: String,
    },
}

/// A channel that has not hung up.
#[derive(Clone, Debug)]
struct Channel {
    name: String,
    call: String,
    bridge: Option<String>,
    role: Role,
    number: Option<String>,
    held: Option<WallTime>,
    since: WallTime,
    /// Whether it was told whose part it is.
    is_told: bool,
}

/// What is known of a call.
#[derive(Clone, Debug, Default)]
struct Talk {
    channels: Vec<String>,
    queue: Option<String>,
    waited_s: Option<i64>,
    agent: Option<String>,
    agent_name: Option<String>,
    phone: Option<String>,
    holds: u32,
    held_ms: i64,
    transfers: u32,
    cause: Option<String>,
    talked: Option<WallTime>,
    told: Option<CallNames>,
    events: u32,
}

/// One side of a call that talks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Party {
    /// Uniqueid of its channel.
    pub uniqueid: String,
    /// Name of its channel.
    pub channel: String,
    /// The side of the call that the channel is.
    pub side: Leg,
    /// Whether the channel belongs to the call itself, or is only bridged with it.
    pub own: bool,
}

/// All channels and calls.
#[derive(Debug, Default)]
pub struct Map {
    roles: Roles,
    /// By uniqueid.
    channels: HashMap<String, Channel>,
    /// By the uniqueid of the channel that began them.
    calls: HashMap<String, Talk>,
    /// Uniqueids of the channels of each bridge.
    bridges: HashMap<String, Vec<String>>,
}

impl Map {
    /// Knows no channel.
    pub fn new(roles: Roles) -> Self {
        Self { roles, ..Self::default() }
    }

    /// Takes an event that came at this time.
    pub fn event(&mut self, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        let Some(kind) = event.get("Event") else { return Vec::new() };
        match kind {
            "BlindTransfer" => return self.transfer(event, PbxEventKind::BlindTransfer, "TransfererUniqueid", at),
            "AttendedTransfer" => {
                return self.transfer(event, PbxEventKind::AttendedTransfer, "OrigTransfererUniqueid", at);
            }
            _ => {}
        }
        let Some(id) = id_of(event, "Uniqueid").filter(|id| !id.starts_with(TAP)).map(str::to_string) else {
            return Vec::new();
        };
        match kind {
            "Newchannel" => self.appears(&id, event, at),
            "Rename" => self.renamed(&id, event),
            "NewCallerid" => self.numbered(&id, event),
            "BridgeEnter" => self.enters(&id, event, at),
            "BridgeLeave" => self.leaves(&id, at),
            "Hold" => self.held(&id, at),
            "Unhold" => self.resumed(&id, at),
            "DTMFEnd" if event.get("Direction") == Some("Received") => self.told(&id, PbxEventKind::Key, None, at),
            "QueueCallerJoin" => self.queued(&id, event, at),
            "AgentConnect" => self.connected(&id, event, at),
            "MixMonitorStart" => self.told(&id, PbxEventKind::RecordingStarted, None, at),
            "MixMonitorMute" => self.muted(&id, event, at),
            "Hangup" => self.gone(&id, cause(event), at),
            _ => Vec::new(),
        }
    }

    /// Another connection has begun: what is known is from before, and what the next list does not have has hung up.
    pub fn reconnected(&mut self) {
        for channel in self.channels.values_mut() {
            channel.since = WallTime(0);
        }
    }

    /// Takes the rows of `CoreShowChannels`, all of them: what is not there has hung up, what is new is added.
    pub fn listed(&mut self, rows: &[AmiMessage], at: WallTime) -> Vec<Fact> {
        let mut facts = Vec::new();
        let ids: HashSet<&str> = rows.iter().filter_map(|row| id_of(row, "Uniqueid")).collect();
        let missed: Vec<String> = self
            .channels
            .iter()
            .filter(|(known, channel)| !ids.contains(known.as_str()) && at.0 - channel.since.0 > YOUNG_MS)
            .map(|(known, _)| known.clone())
            .collect();
        for known in missed {
            facts.extend(self.gone(&known, None, at));
        }
        for row in rows {
            let Some(id) = id_of(row, "Uniqueid").filter(|id| !id.starts_with(TAP)).map(str::to_string) else {
                continue;
            };
            if !self.channels.contains_key(&id) {
                let dialled = row.get("Application").is_some_and(|name| ["AppDial", "AppQueue"].contains(&name));
                let call = id_of(row, "Linkedid").filter(|_| dialled).unwrap_or(&id).to_string();
                self.add(&id, call, row, at);
            }
            facts.extend(self.numbered(&id, row));
            let bridge = id_of(row, "BridgeId").map(str::to_string);
            let before = self.channels.get(&id).and_then(|channel| channel.bridge.clone());
            if before != bridge {
                if before.is_some() {
                    facts.extend(self.leaves(&id, at));
                }
                if let Some(bridge) = bridge {
                    facts.extend(self.joins(&id, bridge, at));
                }
            }
        }
        facts
    }

    /// The call of a channel, by its uniqueid, its name, or the call's own.
    pub fn call_of(&self, target: &str) -> Option<&str> {
        let by_name = || self.channels.values().find(|channel| channel.name == target);
        let channel = self.channels.get(target).or_else(by_name);
        channel.map(|channel| channel.call.as_str()).or_else(|| {
            let (call, _) = self.calls.get_key_value(target)?;
            Some(call.as_str())
        })
    }

    /// Who talks in a call: the channels that are bridged with one of its own. None while nobody is bridged.
    pub fn parties(&self, call: &str) -> Vec<Party> {
        let mut parties: Vec<Party> = Vec::new();
        for bridge in self.bridges_of(call) {
            let members = self.bridges.get(bridge).map(Vec::as_slice).unwrap_or_default();
            if members.len() < 2 {
                continue;
            }
            for id in members.iter().take(CROWD) {
                if let Some(channel) =
                    self.channels.get(id).filter(|_| parties.iter().all(|known| known.uniqueid != *id))
                {
                    let (side, own) = (self.side(call, id), channel.call == call);
                    parties.push(Party { uniqueid: id.clone(), channel: channel.name.clone(), side, own });
                }
            }
        }
        // Two agents talk to each other: who began is the caller.
        if let [one, other] = parties.as_mut_slice()
            && one.side == other.side
        {
            let beginner = if other.uniqueid == call { other } else { one };
            beginner.side = opposite(beginner.side);
        }
        parties
    }

    /// Whose voice a direction of a channel is: what comes from it is its own side's. `None` where the channel is not known.
    pub fn speaker(&self, channel: &str, direction: Direction) -> Option<Leg> {
        let side = self.side(&self.channels.get(channel)?.call, channel);
        Some(if direction == Direction::Read { side } else { opposite(side) })
    }

    /// The channel that began a call, or the first of it, as a side that may be tapped before anybody is bridged.
    pub fn first(&self, call: &str) -> Option<Party> {
        let talk = self.calls.get(call)?;
        let id = talk.channels.iter().find(|id| *id == call).or_else(|| talk.channels.first())?;
        let channel = self.channels.get(id)?;
        Some(Party { uniqueid: id.clone(), channel: channel.name.clone(), side: self.side(call, id), own: true })
    }

    /// All calls of which somebody talks.
    pub fn talking(&self) -> Vec<String> {
        let bridged = self.channels.values().filter(|channel| channel.bridge.is_some());
        let mut calls: Vec<String> = bridged.map(|channel| channel.call.clone()).collect();
        calls.sort_unstable();
        calls.dedup();
        calls
    }

    /// Channels that are known.
    pub fn len(&self) -> usize {
        self.channels.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }

    /// Whether a call has a channel that has not hung up.
    pub fn has(&self, call: &str) -> bool {
        self.calls.contains_key(call)
    }

    fn bridges_of(&self, call: &str) -> impl Iterator<Item = &str> {
        let channels = self.calls.get(call).map(|talk| talk.channels.as_slice()).unwrap_or_default();
        channels.iter().take(CROWD).filter_map(|id| self.channels.get(id)?.bridge.as_deref())
    }

    /// Whose side a channel is: as its name or the queue says, else who began a call is the caller.
    fn side(&self, call: &str, id: &str) -> Leg {
        let told = |id: &str| self.channels.get(id).and_then(|channel| channel.role.side);
        let dialled = || {
            let channels = self.calls.get(call).map(|talk| talk.channels.as_slice()).unwrap_or_default();
            channels.iter().take(CROWD).filter(|other| *other != call).find_map(|other| told(other))
        };
        let beginner = told(call).or_else(|| dialled().map(opposite)).unwrap_or(Leg::Caller);
        if id == call { beginner } else { told(id).unwrap_or(opposite(beginner)) }
    }

    /// An event of a channel's call.
    fn told(&mut self, id: &str, kind: PbxEventKind, detail: Option<String>, at: WallTime) -> Vec<Fact> {
        let Some(channel) = self.channels.get(id) else { return Vec::new() };
        let (call, name) = (channel.call.clone(), channel.name.clone());
        let side = self.side(&call, id);
        let Some(talk) = self.calls.get_mut(&call) else { return Vec::new() };
        talk.events += 1;
        if talk.events > EVENTS {
            return Vec::new();
        }
        vec![Fact::Event(PbxEvent { call, at, kind, leg: Some(side), channel: name, detail })]
    }

    /// What is known of a call, when it is not what was told last.
    fn names(&mut self, call: &str) -> Option<Fact> {
        let talk = self.calls.get_mut(call)?;
        let mut metadata = JsonMap::new();
        let mut put = |key: &str, value: Option<Value>| value.map(|value| metadata.insert(key.into(), value));
        put("queue", talk.queue.clone().map(Value::from));
        put("queue_wait_seconds", talk.waited_s.map(Value::from));
        put("agent_name", talk.agent_name.clone().map(Value::from));
        put("holds", (talk.holds > 0).then(|| json!(talk.holds)));
        put("hold_seconds", (talk.held_ms > 0).then(|| json!(talk.held_ms as f64 / 1000.0)));
        put("transfers", (talk.transfers > 0).then(|| json!(talk.transfers)));
        put("hangup_cause", talk.cause.clone().map(Value::from));
        let names = CallNames {
            uniqueid: Some(call.to_string()),
            agent: talk.agent.clone().or_else(|| talk.agent_name.clone()),
            campaign: talk.queue.clone(),
            phone: talk.phone.clone(),
            metadata: (!metadata.is_empty())
                .then(|| JsonMap::from_iter([(CallNames::PBX.to_string(), metadata.into())])),
            ..CallNames::default()
        };
        if talk.told.as_ref() == Some(&names) {
            return None;
        }
        talk.told = Some(names.clone());
        Some(Fact::Names { call: call.to_string(), names: Box::new(names) })
    }
}

const fn opposite(side: Leg) -> Leg {
    match side {
        Leg::Agent => Leg::Caller,
        _ => Leg::Agent,
    }
}

#[cfg(test)]
mod tests;
