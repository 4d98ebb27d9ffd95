//! What each event changes.

use super::fields::{id_of, is_number, text};
use super::{CHANNELS, CROWD, Channel, Fact, Map};
use crate::call::pbx::PbxEventKind;
use crate::call::{Leg, WallTime};
use crate::integrate::ami::message::AmiMessage;

impl Map {
    pub(super) fn appears(&mut self, id: &str, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        if !self.channels.contains_key(id) {
            let call = id_of(event, "Linkedid").unwrap_or(id).to_string();
            self.add(id, call, event, at);
        }
        self.numbered(id, event)
    }

    pub(super) fn add(&mut self, id: &str, call: String, event: &AmiMessage, at: WallTime) {
        let Some(name) = event.get("Channel").map(text).filter(|name| !name.is_empty()) else { return };
        if self.channels.len() >= CHANNELS {
            self.forget_half();
        }
        let talk = self.calls.entry(call.clone()).or_default();
        talk.channels.push(id.to_string());
        let role = self.roles.of(&name);
        if talk.agent.is_none() {
            talk.agent.clone_from(&role.agent);
        }
        let channel = Channel { name, call, bridge: None, role, number: None, held: None, since: at, is_told: false };
        self.channels.insert(id.to_string(), channel);
    }

    /// Hangups were missed, or somebody invents channels.
    fn forget_half(&mut self) {
        let mut times: Vec<i64> = self.channels.values().map(|channel| channel.since.0).collect();
        times.sort_unstable();
        let middle = times[times.len() / 2];
        let mut left = CHANNELS / 2;
        self.channels.retain(|_, channel| {
            let stays = channel.since.0 >= middle && left > 0;
            left -= usize::from(stays);
            stays
        });
        let channels = &self.channels;
        for members in self.bridges.values_mut().chain(self.calls.values_mut().map(|talk| &mut talk.channels)) {
            members.retain(|id| channels.contains_key(id));
        }
        self.bridges.retain(|_, members| !members.is_empty());
        self.calls.retain(|_, talk| !talk.channels.is_empty());
    }

    pub(super) fn renamed(&mut self, id: &str, event: &AmiMessage) -> Vec<Fact> {
        if let (Some(channel), Some(name)) = (self.channels.get_mut(id), event.get("Newname").map(text)) {
            let role = self.roles.of(&name);
            channel.name = name;
            if role.side.is_some() {
                channel.role = role;
            }
        }
        Vec::new()
    }

    pub(super) fn numbered(&mut self, id: &str, event: &AmiMessage) -> Vec<Fact> {
        let number = event.get("CallerIDNum").filter(|number| is_number(number)).map(str::to_string);
        if let (Some(channel), Some(number)) = (self.channels.get_mut(id), number) {
            channel.number = Some(number);
        }
        Vec::new()
    }

    pub(super) fn enters(&mut self, id: &str, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        let Some(bridge) = id_of(event, "BridgeUniqueid").map(str::to_string) else { return Vec::new() };
        let mut facts = Vec::new();
        if !self.channels.contains_key(id) {
            facts.extend(self.appears(id, event, at));
        }
        if self.channels.get(id).is_some_and(|channel| channel.bridge.is_some()) {
            facts.extend(self.leaves(id, at));
        }
        facts.extend(self.joins(id, bridge, at));
        facts
    }

    pub(super) fn joins(&mut self, id: &str, bridge: String, at: WallTime) -> Vec<Fact> {
        let Some(channel) = self.channels.get_mut(id) else { return Vec::new() };
        channel.bridge = Some(bridge.clone());
        let members = self.bridges.entry(bridge).or_default();
        members.push(id.to_string());
        if members.len() < 2 || members.len() > CROWD {
            return Vec::new();
        }
        let members = members.clone();
        let mut facts = Vec::new();
        // Whoever waited alone in the bridge talks from now on too.
        let talking = if members.len() == 2 { members.as_slice() } else { &members[members.len() - 1..] };
        for member in talking {
            facts.extend(self.told(member, PbxEventKind::Bridged, None, at));
            facts.extend(self.part_of(member));
        }
        facts.extend(self.bridges_changed(&members, at));
        facts
    }

    /// Whose part a channel is, once, where it is another's.
    fn part_of(&mut self, id: &str) -> Option<Fact> {
        let channel = self.channels.get_mut(id).filter(|channel| channel.call != id && !channel.is_told)?;
        channel.is_told = true;
        Some(Fact::PartOf { channel: id.to_string(), call: channel.call.clone() })
    }

    pub(super) fn leaves(&mut self, id: &str, at: WallTime) -> Vec<Fact> {
        let Some(bridge) = self.channels.get_mut(id).and_then(|channel| channel.bridge.take()) else {
            return Vec::new();
        };
        let Some(members) = self.bridges.get_mut(&bridge) else { return Vec::new() };
        let was = if members.len() > CROWD { Vec::new() } else { members.clone() };
        members.retain(|member| member != id);
        if members.is_empty() {
            self.bridges.remove(&bridge);
        }
        if was.len() < 2 { Vec::new() } else { self.bridges_changed(&was, at) }
    }

    /// The calls of these channels see another set of parties.
    fn bridges_changed(&mut self, members: &[String], at: WallTime) -> Vec<Fact> {
        let mut calls: Vec<String> =
            members.iter().filter_map(|id| Some(self.channels.get(id)?.call.clone())).collect();
        calls.sort_unstable();
        calls.dedup();
        let mut facts = Vec::new();
        for call in calls {
            let parties = self.parties(&call);
            if let Some(talk) = self.calls.get_mut(&call).filter(|_| parties.len() > 1) {
                talk.talked.get_or_insert(at);
                for party in &parties {
                    let Some(channel) = self.channels.get(&party.uniqueid) else { continue };
                    if party.side == Leg::Caller && talk.phone.is_none() {
                        talk.phone.clone_from(&channel.number);
                    }
                    if party.side == Leg::Agent && channel.role.agent.is_some() {
                        talk.agent.clone_from(&channel.role.agent);
                    }
                }
                facts.extend(self.names(&call));
            }
            facts.push(Fact::Bridges { call });
        }
        facts
    }

    pub(super) fn held(&mut self, id: &str, at: WallTime) -> Vec<Fact> {
        let Some(channel) = self.channels.get_mut(id).filter(|channel| channel.held.is_none()) else {
            return Vec::new();
        };
        channel.held = Some(at);
        if let Some(talk) = self.calls.get_mut(&channel.call) {
            talk.holds += 1;
        }
        self.told(id, PbxEventKind::Held, None, at)
    }

    pub(super) fn resumed(&mut self, id: &str, at: WallTime) -> Vec<Fact> {
        if !self.hold_ends(id, at) {
            return Vec::new();
        }
        self.told(id, PbxEventKind::Resumed, None, at)
    }

    /// Counts a hold that ends; whether there was one.
    fn hold_ends(&mut self, id: &str, at: WallTime) -> bool {
        let Some(channel) = self.channels.get_mut(id) else { return false };
        let Some(since) = channel.held.take() else { return false };
        if let Some(talk) = self.calls.get_mut(&channel.call) {
            talk.held_ms += (at.0 - since.0).max(0);
        }
        true
    }

    pub(super) fn transfer(&mut self, event: &AmiMessage, kind: PbxEventKind, who: &str, at: WallTime) -> Vec<Fact> {
        let is_done = event.get("Result").is_none_or(|result| result.eq_ignore_ascii_case("success"));
        let Some(id) = id_of(event, who).filter(|_| is_done).map(str::to_string) else { return Vec::new() };
        let Some(call) = self.channels.get(&id).map(|channel| channel.call.clone()) else { return Vec::new() };
        if let Some(talk) = self.calls.get_mut(&call) {
            talk.transfers += 1;
        }
        self.told(&id, kind, event.get("Extension").map(text), at)
    }

    pub(super) fn queued(&mut self, id: &str, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        let queue = event.get("Queue").map(text);
        if let Some(channel) = self.channels.get_mut(id) {
            channel.role.side.get_or_insert(Leg::Caller);
            if let Some(talk) = self.calls.get_mut(&channel.call) {
                talk.queue.clone_from(&queue);
            }
        }
        self.told(id, PbxEventKind::QueueJoined, queue, at)
    }

    pub(super) fn connected(&mut self, id: &str, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        let member = event.get("MemberName").map(text).filter(|name| !name.is_empty());
        let agent_id = id_of(event, "DestUniqueid").unwrap_or_default().to_string();
        if let Some(channel) = self.channels.get_mut(&agent_id) {
            channel.role.side.get_or_insert(Leg::Agent);
        }
        let Some(call) = self.channels.get(id).map(|channel| channel.call.clone()) else { return Vec::new() };
        if let Some(talk) = self.calls.get_mut(&call) {
            talk.queue = event.get("Queue").map(text).or(talk.queue.take());
            talk.waited_s = event.get("HoldTime").and_then(|seconds| seconds.parse().ok());
            talk.agent_name.clone_from(&member);
        }
        let whose = if self.channels.contains_key(&agent_id) { agent_id.as_str() } else { id };
        let mut facts = self.told(whose, PbxEventKind::AgentConnected, member, at);
        if self.calls.get(&call).is_some_and(|talk| talk.talked.is_some()) {
            facts.extend(self.names(&call));
        }
        facts
    }

    pub(super) fn muted(&mut self, id: &str, event: &AmiMessage, at: WallTime) -> Vec<Fact> {
        let kind = match event.get("State") {
            Some("1") => PbxEventKind::RecordingMuted,
            Some("0") => PbxEventKind::RecordingUnmuted,
            _ => return Vec::new(),
        };
        self.told(id, kind, event.get("Direction").map(text), at)
    }

    pub(super) fn gone(&mut self, id: &str, cause: Option<String>, at: WallTime) -> Vec<Fact> {
        if !self.channels.contains_key(id) {
            return Vec::new();
        }
        let mut facts = self.told(id, PbxEventKind::HungUp, cause.clone(), at);
        facts.extend(self.leaves(id, at));
        self.hold_ends(id, at);
        let Some(channel) = self.channels.remove(id) else { return facts };
        let call = channel.call;
        let Some(talk) = self.calls.get_mut(&call) else { return facts };
        // Who hangs up first gives the reason of the call's end.
        if talk.cause.is_none() {
            talk.cause = cause;
        }
        talk.channels.retain(|other| other != id);
        if talk.channels.is_empty() {
            if talk.talked.is_some() {
                facts.extend(self.names(&call));
            }
            self.calls.remove(&call);
            facts.push(Fact::Over { call });
        }
        facts
    }
}
