//! What Asterisk's events ask of recordings: `LinesidePause` and `LinesideResume`, a muted MixMonitor, keys.
//!
//! Seen with Asterisk 22.10.1. `UserEvent`, the application, carries the channel's own fields; the manager action of that name only what its sender
//! wrote. `MixMonitorMute` (`Direction` read, write or both, `State` 1 or 0) names the channel and no file. `DTMFEnd` comes as `Received` from the
//! channel whose keys were pressed and again, `Sent` and `Received`, from every channel that the tone goes through. `Timestamp` is there with
//! `timestampevents = yes`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::message::AmiMessage;
use crate::call::{CallId, Moment};
use crate::pipeline::command::Pausing;
use crate::pipeline::command::Wish;
use crate::pipeline::live::keys::{PauseKeys, Pressed};

/// Channels that are remembered, at most: more than a box carries.
const CHANNELS: usize = 10_000;
/// Names by which a call is looked for, at most.
const NAMES: usize = 16;
/// An event is not believed to be older.
const OLDEST: Duration = Duration::from_mins(1);
/// Bytes of a name that is put beside `ami`.
const WHO: usize = 60;

/// A channel that has not hung up.
#[derive(Debug, Default)]
struct Channel {
    name: String,
    linkedid: String,
    pressed: Pressed,
    /// Whether recordings of what comes from it, and of what goes to it, are muted.
    muted: [bool; 2],
    /// Rises with each channel.
    number: u64,
}

/// Channels and what their events ask for.
#[derive(Debug)]
pub struct Watch {
    keys: PauseKeys,
    same_clock: bool,
    began: Instant,
    /// The channels by uniqueid.
    channels: HashMap<String, Channel>,
    last: u64,
}

impl Watch {
    /// `same_clock`: Asterisk runs on this machine.
    pub fn new(keys: PauseKeys, same_clock: bool) -> Self {
        Self { keys, same_clock, began: Instant::now(), channels: HashMap::new(), last: 0 }
    }

    /// Takes an event that came at this moment.
    pub fn event(&mut self, event: &AmiMessage, now: Moment) -> Option<Wish> {
        let kind = event.get("Event")?;
        if kind.eq_ignore_ascii_case("UserEvent") {
            let pausing = match event.get("UserEvent")? {
                name if name.eq_ignore_ascii_case("LinesidePause") => Pausing::Pause,
                name if name.eq_ignore_ascii_case("LinesideResume") => Pausing::Resume,
                _ => return None,
            };
            return Some(self.wish(event, pausing, now));
        }
        let id = id(event, "Uniqueid")?.to_string();
        if kind == "Hangup" {
            self.channels.remove(&id);
            return None;
        }
        let wanted = match kind {
            "DTMFEnd" => self.key(event, &id, now),
            "MixMonitorMute" => self.mute(event, &id),
            _ => {
                self.channel(event, &id);
                None
            }
        };
        wanted.map(|pausing| self.wish(event, pausing, now))
    }

    /// A key that was pressed at a telephone.
    fn key(&mut self, event: &AmiMessage, id: &str, now: Moment) -> Option<Pausing> {
        if !self.keys.any() || event.get("Direction") != Some("Received") {
            return None;
        }
        let mut digit = event.get("Digit")?.chars();
        let (Some(digit), None) = (digit.next(), digit.next()) else { return None };
        let at = self.moment(event, Pausing::Pause, now);
        let at_ms = at.steady.saturating_duration_since(self.began).as_millis() as i64;
        let keys = std::mem::take(&mut self.keys);
        let asked = self.channel(event, id).and_then(|channel| channel.pressed.press(at_ms, digit, &keys));
        self.keys = keys;
        asked
    }

    /// Asterisk's own way to mute a recording. The call is paused while any direction of the channel is muted.
    fn mute(&mut self, event: &AmiMessage, id: &str) -> Option<Pausing> {
        let state = match event.get("State")? {
            "1" => true,
            "0" => false,
            _ => return None,
        };
        let directions: &[usize] = match event.get("Direction")? {
            "read" => &[0],
            "write" => &[1],
            "both" => &[0, 1],
            _ => return None,
        };
        let channel = self.channel(event, id)?;
        for &direction in directions {
            channel.muted[direction] = state;
        }
        Some(if channel.muted.contains(&true) { Pausing::Pause } else { Pausing::Resume })
    }

    /// The channel of an event, as the event says it is now. `None` when it says too little.
    fn channel(&mut self, event: &AmiMessage, id: &str) -> Option<&mut Channel> {
        let linkedid = self::id(event, "Linkedid")?;
        let name = self::id(event, "Newname").or_else(|| self::id(event, "Channel"))?;
        if !self.channels.contains_key(id) {
            if self.channels.len() >= CHANNELS {
                self.forget_half();
            }
            self.last += 1;
            self.channels.insert(id.into(), Channel { number: self.last, ..Channel::default() });
        }
        let channel = self.channels.get_mut(id)?;
        if channel.name != name {
            channel.name = name.into();
        }
        if channel.linkedid != linkedid {
            channel.linkedid = linkedid.into();
        }
        Some(channel)
    }

    /// Hangups were missed, or somebody invents channels: the older half goes.
    fn forget_half(&mut self) {
        let mut numbers: Vec<u64> = self.channels.values().map(|channel| channel.number).collect();
        numbers.sort_unstable();
        let middle = numbers[numbers.len() / 2];
        self.channels.retain(|_, channel| channel.number >= middle);
    }

    fn wish(&self, event: &AmiMessage, pausing: Pausing, now: Moment) -> Wish {
        let who = event.get("By").map(|by| by.chars().filter(|c| !c.is_control()).take(WHO).collect::<String>());
        Wish {
            names: self.names(event),
            pausing,
            at: self.moment(event, pausing, now),
            by: who.filter(|who| !who.is_empty()).map_or_else(|| "ami".into(), |who| format!("ami: {who}")),
        }
    }

    /// What the call may be named: what the event says it is, else its channel, the first channel of its conversation, and the others of it.
    fn names(&self, event: &AmiMessage) -> Vec<String> {
        if let Some(call) = id(event, "LinesideCall") {
            return vec![call.into()];
        }
        let of_channel =
            |name: &str| self.channels.iter().find(|(_, channel)| channel.name == name).map(|(id, _)| id.as_str());
        let own = id(event, "Uniqueid").or_else(|| of_channel(id(event, "Channel")?));
        let linkedid = id(event, "Linkedid").or_else(|| Some(self.channels.get(own?)?.linkedid.as_str()));
        let others = self.channels.iter().filter(|(_, channel)| Some(channel.linkedid.as_str()) == linkedid);
        let mut names: Vec<String> = Vec::new();
        for name in own.into_iter().chain(linkedid).chain(others.map(|(id, _)| id.as_str())) {
            if names.len() < NAMES && !names.iter().any(|known| known == name) {
                names.push(name.into());
            }
        }
        names
    }

    /// When it happened. Another machine's clock may be off: a pause is taken for earlier then, its end never.
    fn moment(&self, event: &AmiMessage, pausing: Pausing, now: Moment) -> Moment {
        if !self.same_clock && pausing == Pausing::Resume {
            return now;
        }
        let seconds: Option<f64> = event.get("Timestamp").and_then(|text| text.parse().ok());
        let Some(seconds) = seconds.filter(|seconds| seconds.is_finite()) else { return now };
        let age_ms = now.wall.0.saturating_sub((seconds * 1000.0) as i64).clamp(0, OLDEST.as_millis() as i64);
        now.before(Duration::from_millis(age_ms as u64))
    }
}

/// A field that names something; one that is empty, or too long to be a name, is none.
fn id<'a>(event: &'a AmiMessage, name: &str) -> Option<&'a str> {
    event.get(name).filter(|value| !value.is_empty() && value.len() <= CallId::MAX_LEN)
}

#[cfg(test)]
mod tests {
    use super::super::message::MessageReader;
    use super::*;
    use crate::call::WallTime;

    fn message(fields: &str) -> AmiMessage {
        let text = format!("{}\r\n\r\n", fields.replace("; ", "\r\n"));
        MessageReader::default().push(text.as_bytes()).remove(0)
    }

    fn watch() -> Watch {
        Watch::new(PauseKeys { pause: "*71".into(), resume: "*72".into() }, true)
    }

    fn told(watch: &mut Watch, fields: &str) -> Option<(Vec<String>, Pausing, String)> {
        let wish = watch.event(&message(fields), Moment::now(WallTime(100_000)))?;
        let mut names = wish.names;
        if names.len() > 2 {
            names[2..].sort_unstable();
        }
        Some((names, wish.pausing, wish.by))
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.into()).collect()
    }

    #[test]
    fn a_call_is_found_by_what_the_event_names_and_by_the_other_channels_of_the_conversation() {
        let mut watch = watch();
        for (id, name) in [("1.0", "PJSIP/a-1"), ("1.1", "PJSIP/b-2")] {
            let fields = format!("Event: Newchannel; Channel: {name}; Uniqueid: {id}; Linkedid: 1.0");
            assert_eq!(told(&mut watch, &fields), None);
        }
        told(&mut watch, "Event: Newchannel; Channel: PJSIP/c-3; Uniqueid: 2.0; Linkedid: 2.0");
        let pause = |more: &str| format!("Event: UserEvent; UserEvent: LinesidePause; {more}");
        let both = |first: &str, second: &str| Some((names(&[first, second]), Pausing::Pause, "ami".to_string()));
        assert_eq!(told(&mut watch, &pause("Channel: PJSIP/b-2; Uniqueid: 1.1; Linkedid: 1.0")), both("1.1", "1.0"));
        assert_eq!(told(&mut watch, &pause("Uniqueid: 1.0")), both("1.0", "1.1"));
        assert_eq!(told(&mut watch, &pause("Linkedid: 1.0")), both("1.0", "1.1"));
        assert_eq!(told(&mut watch, &pause("Channel: PJSIP/b-2")), both("1.1", "1.0"));
        assert_eq!(
            told(
                &mut watch,
                "Event: UserEvent; UserEvent: linesideresume; Uniqueid: 1.0; LinesideCall: rec_7; By: mary"
            ),
            Some((names(&["rec_7"]), Pausing::Resume, "ami: mary".into()))
        );
        told(&mut watch, "Event: Rename; Channel: PJSIP/b-2; Newname: PJSIP/d-4; Uniqueid: 1.1; Linkedid: 1.0");
        assert_eq!(told(&mut watch, &pause("Channel: PJSIP/d-4")), both("1.1", "1.0"));
        told(&mut watch, "Event: Hangup; Channel: PJSIP/d-4; Uniqueid: 1.1; Linkedid: 1.0");
        assert_eq!(told(&mut watch, &pause("Linkedid: 1.0")), Some((names(&["1.0"]), Pausing::Pause, "ami".into())));
        assert_eq!(told(&mut watch, &pause("Channel: PJSIP/d-4")), Some((Vec::new(), Pausing::Pause, "ami".into())));
        assert_eq!(told(&mut watch, "Event: UserEvent; UserEvent: Other; Uniqueid: 1.0"), None);
    }

    #[test]
    fn keys_count_where_they_were_pressed_and_each_channel_has_its_own() {
        let mut watch = watch();
        let mut press = |id: &str, digit: char, direction: &str| {
            let fields = format!(
                "Event: DTMFEnd; Channel: PJSIP/{id}; Uniqueid: {id}; Linkedid: 1.0; Digit: {digit}; Direction: {direction}"
            );
            told(&mut watch, &fields).map(|(.., pausing, _)| pausing)
        };
        assert_eq!(["*", "7"].map(|key| press("1.0", key.chars().next().unwrap_or(' '), "Received")), [None, None]);
        assert_eq!(press("1.0", '1', "Sent"), None);
        assert_eq!(press("1.1", '1', "Received"), None);
        assert_eq!(press("1.0", '1', "Received"), Some(Pausing::Pause));
        assert_eq!("*72".chars().map(|key| press("1.1", key, "Received")).last(), Some(Some(Pausing::Resume)));
    }

    #[test]
    fn a_muted_recording_is_a_pause_until_no_direction_is_muted() {
        let mut watch = watch();
        let mut mute = |direction: &str, state: &str| {
            let fields = format!(
                "Event: MixMonitorMute; Channel: PJSIP/a; Uniqueid: 1.0; Linkedid: 1.0; Direction: {direction}; State: {state}"
            );
            told(&mut watch, &fields).map(|(.., pausing, _)| pausing)
        };
        assert_eq!(mute("read", "1"), Some(Pausing::Pause));
        assert_eq!(mute("write", "1"), Some(Pausing::Pause));
        assert_eq!(mute("read", "0"), Some(Pausing::Pause));
        assert_eq!(mute("write", "0"), Some(Pausing::Resume));
        assert_eq!(mute("both", "2"), None);
        assert_eq!(mute("sideways", "1"), None);
    }

    #[test]
    fn an_event_has_its_own_time_which_makes_a_pause_longer_and_never_shorter_than_it_was() {
        let now = Moment::now(WallTime(100_000));
        let at = |same_clock, kind: &str, stamp: &str| {
            let mut watch = Watch::new(PauseKeys::default(), same_clock);
            let text = format!("Event: UserEvent; Timestamp: {stamp}; UserEvent: Lineside{kind}; Uniqueid: 1.0");
            watch.event(&message(&text), now).map(|wish| wish.at.wall.0)
        };
        assert_eq!(at(true, "Pause", "97.500000"), Some(97_500));
        assert_eq!(at(true, "Resume", "97.500000"), Some(97_500));
        assert_eq!(at(false, "Pause", "97.5"), Some(97_500));
        assert_eq!(at(false, "Resume", "97.5"), Some(100_000));
        for (stamp, wanted) in [("110", 100_000), ("1", 40_000), ("-1e300", 40_000), ("NaN", 100_000), ("x", 100_000)] {
            assert_eq!(at(true, "Pause", stamp), Some(wanted), "{stamp}");
        }
    }

    #[test]
    fn channels_without_end_hold_no_memory_without_end() {
        let mut watch = watch();
        for number in 0..3 * CHANNELS {
            told(
                &mut watch,
                &format!("Event: Newchannel; Channel: PJSIP/{number}; Uniqueid: 1.{number}; Linkedid: 1.{number}"),
            );
        }
        assert!(watch.channels.len() <= CHANNELS);
        let last = 3 * CHANNELS - 1;
        assert!(watch.channels.contains_key(&format!("1.{last}")), "the newest are kept");
        let long = "9".repeat(CallId::MAX_LEN + 1);
        told(&mut watch, &format!("Event: Newchannel; Channel: PJSIP/x; Uniqueid: {long}; Linkedid: 1.0"));
        assert!(!watch.channels.contains_key(&long));
        let crowd: Vec<_> = (0..100).map(|number| format!("2.{number}")).collect();
        for id in &crowd {
            told(&mut watch, &format!("Event: Newchannel; Channel: PJSIP/{id}; Uniqueid: {id}; Linkedid: 2.0"));
        }
        let (found, ..) =
            told(&mut watch, "Event: UserEvent; UserEvent: LinesidePause; Linkedid: 2.0").expect("a wish");
        assert_eq!(found.len(), NAMES);
    }
}
