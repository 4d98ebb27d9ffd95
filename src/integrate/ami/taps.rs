//! Which calls are tapped, and what Asterisk is asked for to make it so. Pure: no clock, no socket.
//!
//! One channel for each side: `Originate` of `AudioSocket/ADDRESS/UUID/c(slin16)` with `ChanSpy(UNIQUEID,uqESo)`. `u`: by uniqueid, not by the beginning
//! of a name; `q`: no beep; `E` and `S`: it ends with the channel; `o`: only what comes from the channel. The channel's id (`ChannelId`) becomes
//! its uniqueid, by which it is hung up and by which taps of a former run are known. As measured with Asterisk 22.10.1: a tap ends within 0.03 s of
//! its channel, and the end of a tap does not disturb the call.

use std::collections::{BTreeMap, BTreeSet};

use regex::Regex;

use super::map::{Map, Party, TAP};
use super::message::AmiMessage;
use crate::call::pbx::{PbxEvent, PbxEventKind};
use crate::call::{Leg, WallTime};
use crate::capture::naming;
use crate::pipeline::taps::{SideState, Tap, TapError, TapSide, UntappedCall};

/// Asterisk gives up an attempt after 5 s; an answer that has not come long after that never will.
const LOST_MS: i64 = 20_000;
/// Calls that are shown to somebody who looks for one to tap.
const UNTAPPED: usize = 200;

/// Calls that are tapped by themselves.
#[derive(Clone, Debug)]
pub struct TapRule {
    /// Names of channels.
    pub matches: Regex,
    /// Samples per second.
    pub rate_hz: u32,
    /// Calls that it taps at a time.
    pub max: usize,
    /// When all places are taken, a call of this rule takes that of a call of less weight.
    pub weight: u32,
}

/// Where taps go, and how many there may be.
#[derive(Clone, Debug, Default)]
pub struct TapSettings {
    /// Calls that are tapped by themselves: by weight, and first come, first served.
    pub rules: Vec<TapRule>,
    /// Calls at a time.
    pub max: usize,
    /// Address and port of our AudioSocket server as Asterisk reaches it; `None` where there is none.
    pub address: Option<String>,
    /// Tells our own taps from those of another lineside at the same Asterisk.
    pub tag: String,
}

/// What Asterisk is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Tap a side.
    Originate {
        /// `ChannelId`, and `ActionID` too.
        id: String,
        /// `Channel`
        channel: String,
        /// `Data` of ChanSpy.
        data: String,
    },
    /// Hang up a tap.
    HangUp {
        /// Its uniqueid.
        id: String,
    },
    /// Something for the call's list of events.
    Tell(PbxEvent),
}

/// One tapped side.
#[derive(Clone, Debug)]
struct Side {
    /// Uniqueid of the tap's channel.
    id: String,
    party: Party,
    state: SideState,
    asked: WallTime,
}

/// One tapped call.
#[derive(Clone, Debug)]
struct Wanted {
    rule: Option<usize>,
    rate_hz: u32,
    since: WallTime,
    sides: Vec<Side>,
}

/// All tapped calls.
#[derive(Debug)]
pub struct TappedCalls {
    settings: TapSettings,
    calls: BTreeMap<String, Wanted>,
    /// Calls whose taps somebody has ended: no rule takes them up again.
    ended: BTreeSet<String>,
    number: u64,
    /// Whether the account may tap, where that is known.
    pub may: Option<bool>,
}

impl TappedCalls {
    /// None yet.
    pub fn new(settings: TapSettings) -> Self {
        Self { settings, calls: BTreeMap::new(), ended: BTreeSet::new(), number: 0, may: None }
    }

    /// Whether anything is tapped by itself.
    pub fn has_rules(&self) -> bool {
        !self.settings.rules.is_empty()
    }

    /// Who talks in a call has changed: what a rule wants is tapped, new sides are, those that left are not.
    pub fn bridged(&mut self, map: &Map, call: &str, at: WallTime) -> Vec<Act> {
        let mut acts = Vec::new();
        if !self.calls.contains_key(call) {
            match self.wants(map, call, at) {
                Some(freed) => acts = freed,
                None => return acts,
            }
        }
        acts.extend(self.follow(&map.parties(call), call, at));
        acts
    }

    /// Whether a rule wants a call that talks; then it is noted. What ends the taps of another call, where that has to give up its place.
    fn wants(&mut self, map: &Map, call: &str, at: WallTime) -> Option<Vec<Act>> {
        if self.may == Some(false) || self.settings.address.is_none() || self.ended.contains(call) {
            return None;
        }
        let parties = map.parties(call);
        let fits = |rule: &TapRule| parties.iter().any(|party| party.own && rule.matches.is_match(&party.channel));
        let number = self.settings.rules.iter().position(fits)?;
        let rule = &self.settings.rules[number];
        let taken = self.calls.values().filter(|wanted| wanted.rule == Some(number)).count();
        if taken >= rule.max || naming::to_uuid(call, Leg::Mixed).is_none() {
            return None;
        }
        let (rate_hz, weight) = (rule.rate_hz, rule.weight);
        let mut acts = Vec::new();
        if self.calls.len() >= self.settings.max {
            let other = self.lighter_than(weight)?;
            log::info!("ami: all {} places are taken: call {call} takes that of {other}, by weight", self.settings.max);
            acts = self.drop_sides(&other, at);
        }
        self.calls.insert(call.to_string(), Wanted { rule: Some(number), rate_hz, since: at, sides: Vec::new() });
        Some(acts)
    }

    /// The call that gives up its place to one of this weight: of those that rules have tapped the least weight, and of those the youngest.
    fn lighter_than(&self, weight: u32) -> Option<String> {
        let weight_of = |wanted: &Wanted| Some(self.settings.rules.get(wanted.rule?)?.weight);
        let taken = self.calls.iter().filter_map(|(call, wanted)| Some((weight_of(wanted)?, wanted.since, call)));
        let lighter = taken.filter(|(other, ..)| *other < weight);
        lighter.min_by_key(|&(other, since, _)| (other, std::cmp::Reverse(since))).map(|(.., call)| call.clone())
    }

    /// Taps a call because somebody asks.
    pub fn start(&mut self, map: &Map, target: &str, rate_hz: u32, at: WallTime) -> Result<(Tap, Vec<Act>), TapError> {
        if self.may == Some(false) {
            return Err(TapError::Rights);
        }
        if self.settings.address.is_none() {
            return Err(TapError::NoSocket);
        }
        let call = map.call_of(target).ok_or_else(|| TapError::Unknown(target.into()))?.to_string();
        if self.calls.contains_key(&call) {
            return Err(TapError::Taken(call));
        }
        if self.calls.len() >= self.settings.max {
            return Err(TapError::Full(self.settings.max));
        }
        if naming::to_uuid(&call, Leg::Mixed).is_none() {
            return Err(TapError::Shape(call));
        }
        let mut parties = map.parties(&call);
        if parties.is_empty() {
            parties.extend(map.first(&call));
        }
        self.calls.insert(call.clone(), Wanted { rule: None, rate_hz, since: at, sides: Vec::new() });
        let acts = self.follow(&parties, &call, at);
        let tap = self.shown(&call).ok_or_else(|| TapError::Unknown(target.into()))?;
        Ok((tap, acts))
    }

    /// Ends a call's taps because somebody asks.
    pub fn end(&mut self, map: &Map, target: &str, at: WallTime) -> Result<(Tap, Vec<Act>), TapError> {
        let call = map.call_of(target).unwrap_or(target).to_string();
        let tap = self.shown(&call).ok_or_else(|| TapError::NotTapped(target.into()))?;
        let acts = self.drop_sides(&call, at);
        self.ended.insert(call);
        Ok((tap, acts))
    }

    /// A call is over: nothing of it is tapped any more.
    pub fn over(&mut self, call: &str, at: WallTime) -> Vec<Act> {
        self.ended.remove(call);
        self.drop_sides(call, at)
    }

    fn drop_sides(&mut self, call: &str, at: WallTime) -> Vec<Act> {
        let Some(wanted) = self.calls.remove(call) else { return Vec::new() };
        wanted.sides.iter().flat_map(|side| ends(call, side, at)).collect()
    }

    /// All calls that are tapped, in order of their ids.
    pub fn list(&self) -> Vec<Tap> {
        self.calls.keys().filter_map(|call| self.shown(call)).collect()
    }

    /// Calls in which two talk and that are not tapped, as many as somebody may look through.
    pub fn untapped(&self, map: &Map) -> Vec<UntappedCall> {
        let calls = map.talking().into_iter().filter(|call| !self.calls.contains_key(call));
        let shown = |call: String| {
            let parties: Vec<_> = map.parties(&call).into_iter().map(|party| (party.side, party.channel)).collect();
            (parties.len() > 1).then_some(UntappedCall { call, parties })
        };
        calls.filter_map(shown).take(UNTAPPED).collect()
    }

    /// An answer to `Originate`, or its result.
    pub fn answered(&mut self, message: &AmiMessage, at: WallTime) -> Vec<Act> {
        let Some(id) = message.get("ActionID").or_else(|| message.get("Uniqueid")) else { return Vec::new() };
        let is_result = message.get("Event") == Some("OriginateResponse");
        let failed = match message.get("Response") {
            Some("Success") => None,
            Some("Failure") => Some(failure(message.get("Reason"))),
            _ => Some(message.get("Message").unwrap_or("Asterisk gives no reason").to_string()),
        };
        let Some((call, side)) = self.side(id) else { return Vec::new() };
        let kind = match failed {
            None if is_result && side.state == SideState::Asked => {
                side.state = SideState::Running;
                PbxEventKind::TapStarted
            }
            None => return Vec::new(),
            Some(why) => {
                log::warn!(
                    "ami: call {call}: the {} side ({}) is not tapped: {why}",
                    side.party.side,
                    side.party.channel
                );
                metrics::counter!("lineside_tap_failures_total").increment(1);
                side.state = SideState::Failed(why);
                PbxEventKind::TapFailed
            }
        };
        vec![Act::Tell(event(&call, side, kind, at))]
    }

    /// A channel of a tap has hung up.
    pub fn hung_up(&mut self, id: &str, at: WallTime) -> Vec<Act> {
        let Some((call, side)) = self.side(id) else { return Vec::new() };
        let told = Act::Tell(event(&call, side, PbxEventKind::TapEnded, at));
        let is_failed = matches!(side.state, SideState::Failed(_));
        if let Some(wanted) = self.calls.get_mut(&call) {
            wanted.sides.retain(|side| side.id != id);
        }
        if is_failed { Vec::new() } else { vec![told] }
    }

    /// Takes the taps among the rows of `CoreShowChannels`: those of a former run are hung up, those that are gone are not shown any more.
    pub fn listed(&mut self, rows: &[AmiMessage], map: &Map, at: WallTime) -> Vec<Act> {
        let ours = format!("{TAP}{}-", self.settings.tag);
        let of_ours = |id: &&str| id.starts_with(&ours) && is_argument(id);
        let there: Vec<&str> = rows.iter().filter_map(|row| row.get("Uniqueid")).filter(of_ours).collect();
        let mut acts: Vec<Act> = Vec::new();
        for id in &there {
            if self.side(id).is_none() {
                acts.push(Act::HangUp { id: (*id).to_string() });
            }
        }
        if !acts.is_empty() {
            log::info!("ami: {} taps of a former run are hung up", acts.len());
        }
        for (call, wanted) in &mut self.calls {
            for side in &mut wanted.sides {
                // The answer went to a connection that is no more.
                if side.state == SideState::Asked && there.contains(&side.id.as_str()) {
                    side.state = SideState::Running;
                    acts.push(Act::Tell(event(call, side, PbxEventKind::TapStarted, at)));
                }
            }
            wanted.sides.retain(|side| match side.state {
                SideState::Running => there.contains(&side.id.as_str()),
                SideState::Asked => at.0 - side.asked.0 < LOST_MS,
                SideState::Failed(_) => true,
            });
        }
        self.ended.retain(|call| map.has(call));
        let over: Vec<String> = self.calls.keys().filter(|call| !map.has(call)).cloned().collect();
        for call in over {
            acts.extend(self.over(&call, at));
        }
        for call in map.talking() {
            acts.extend(self.bridged(map, &call, at));
        }
        acts
    }

    /// Hangs up everything: lineside stops.
    pub fn stop(&mut self, at: WallTime) -> Vec<Act> {
        let calls: Vec<String> = self.calls.keys().cloned().collect();
        calls.iter().flat_map(|call| self.over(call, at)).collect()
    }

    /// Taps at most one channel for each side.
    fn follow(&mut self, parties: &[Party], call: &str, at: WallTime) -> Vec<Act> {
        let Some(address) = self.settings.address.clone() else { return Vec::new() };
        let Some(wanted) = self.calls.get_mut(call) else { return Vec::new() };
        let mut acts = Vec::new();
        if parties.len() > 1 {
            // Who has left the call's bridge may talk to somebody else now.
            let (stay, left) = wanted
                .sides
                .drain(..)
                .partition(|side| parties.iter().any(|party| party.uniqueid == side.party.uniqueid));
            wanted.sides = stay;
            let left: Vec<Side> = left;
            acts.extend(left.iter().flat_map(|side| ends(call, side, at)));
        }
        for party in parties {
            if wanted.sides.iter().any(|side| side.party.side == party.side) {
                continue;
            }
            let Some(uuid) = naming::to_uuid(call, party.side).filter(|_| is_argument(&party.uniqueid)) else {
                continue;
            };
            self.number += 1;
            // With the time in it: Asterisk refuses an id that a tap of a former run still has.
            let id = format!("{TAP}{}-{call}-{}-{}-{}", self.settings.tag, party.side, at.0, self.number);
            let codec = if wanted.rate_hz == 8000 { "slin" } else { "slin16" };
            acts.push(Act::Originate {
                id: id.clone(),
                channel: format!("AudioSocket/{address}/{}/c({codec})", uuid.hyphenated()),
                data: format!("{},uqESo", party.uniqueid),
            });
            wanted.sides.push(Side { id, party: party.clone(), state: SideState::Asked, asked: at });
        }
        acts
    }

    fn side(&mut self, id: &str) -> Option<(String, &mut Side)> {
        self.calls.iter_mut().find_map(|(call, wanted)| {
            let side = wanted.sides.iter_mut().find(|side| side.id == id)?;
            Some((call.clone(), side))
        })
    }

    fn shown(&self, call: &str) -> Option<Tap> {
        let wanted = self.calls.get(call)?;
        let rule = wanted.rule.and_then(|number| self.settings.rules.get(number));
        let side = |side: &Side| TapSide {
            leg: side.party.side,
            channel: side.party.channel.clone(),
            state: side.state.clone(),
        };
        Some(Tap {
            call: call.to_string(),
            rate_hz: wanted.rate_hz,
            rule: rule.map(|rule| rule.matches.as_str().to_string()),
            since: wanted.since,
            sides: wanted.sides.iter().map(side).collect(),
        })
    }
}

/// Whether a uniqueid can be an argument of ChanSpy: a comma would begin its options.
fn is_argument(uniqueid: &str) -> bool {
    uniqueid.chars().all(|c| c.is_ascii_alphanumeric() || "._-:@".contains(c))
}

/// Hangs up a side and tells of it; one that was never there is left.
fn ends(call: &str, side: &Side, at: WallTime) -> Vec<Act> {
    if matches!(side.state, SideState::Failed(_)) {
        return Vec::new();
    }
    vec![Act::HangUp { id: side.id.clone() }, Act::Tell(event(call, side, PbxEventKind::TapEnded, at))]
}

fn event(call: &str, side: &Side, kind: PbxEventKind, at: WallTime) -> PbxEvent {
    let detail = match &side.state {
        SideState::Failed(why) => Some(why.clone()),
        SideState::Asked | SideState::Running => None,
    };
    let channel = side.party.channel.clone();
    PbxEvent { call: call.to_string(), at, kind, leg: Some(side.party.side), channel, detail }
}

/// What Asterisk's reasons of a failed `Originate` mean (manager.c, `OriginateResponse`).
fn failure(reason: Option<&str>) -> String {
    let means = match reason {
        Some("0") => {
            "no such channel type or a refused connection: is chan_audiosocket loaded, does [audiosocket] listen?"
        }
        Some("1") => "no answer",
        Some("3") => "no answer in time",
        Some("5") => "busy",
        Some("8") => {
            "congestion: the AudioSocket port cannot be reached from Asterisk, or chan_audiosocket is not loaded"
        }
        _ => "see Asterisk's log",
    };
    format!("Originate failed, reason {}: {means}", reason.unwrap_or("unknown"))
}

#[cfg(test)]
mod tests;
