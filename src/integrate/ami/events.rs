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
    /// What of its recordings is muted.
    muted: Muted,
    /// Rises with each channel.
    number: u64,
}

/// What of a channel's recordings is muted.
#[derive(Clone, Copy, Debug, Default)]
struct Muted {
    /// Both directions at once.
    both: bool,
    /// What comes from the channel, and what goes to it.
    one: [bool; 2],
}

/// A direction of a channel, as Asterisk names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// What comes from the channel: its party speaks.
    Read,
    /// What goes to the channel: the other party speaks.
    Write,
}

/// What an event asks for.
#[derive(Debug)]
pub struct AmiRequest {
    /// As the conductor takes it, of the whole call.
    pub wish: Wish,
    /// The channel's uniqueid and the direction that alone is meant, where it is not the whole call.
    pub of: Option<(String, Direction)>,
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
    pub fn event(&mut self, event: &AmiMessage, now: Moment) -> Vec<AmiRequest> {
        let of_mute = event.get("Event") == Some("MixMonitorMute");
        if let Some(id) = id(event, "Uniqueid").filter(|_| of_mute).map(str::to_string) {
            let asked = self.mute(event, &id);
            let request = |(direction, pausing): (Option<Direction>, Pausing)| AmiRequest {
                wish: self.wish(event, pausing, now),
                of: direction.map(|direction| (id.clone(), direction)),
            };
            return asked.into_iter().map(request).collect();
        }
        self.of_call(event, now).map(|wish| AmiRequest { wish, of: None }).into_iter().collect()
    }

    fn of_call(&mut self, event: &AmiMessage, now: Moment) -> Option<Wish> {
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
        if kind != "DTMFEnd" {
            self.channel(event, &id);
            return None;
        }
        self.key(event, &id, now).map(|pausing| self.wish(event, pausing, now))
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

    /// Asterisk's own way to mute a recording, of one direction of a channel or of both: what begins and what ends by it.
    /// In this order, so that nothing is heard between the two.
    fn mute(&mut self, event: &AmiMessage, id: &str) -> Vec<(Option<Direction>, Pausing)> {
        const BOTH: [Direction; 2] = [Direction::Read, Direction::Write];
        let begins = match event.get("State") {
            Some("1") => true,
            Some("0") => false,
            _ => return Vec::new(),
        };
        let one = match event.get("Direction") {
            Some("read") => Some(0),
            Some("write") => Some(1),
            Some("both") => None,
            _ => return Vec::new(),
        };
        let Some(channel) = self.channel(event, id) else { return Vec::new() };
        let before = channel.muted;
        channel.muted = match (one, begins) {
            (None, both) => Muted { both, one: [false; 2] },
            (Some(_), true) if before.both => before,
            // Of both that were muted the other one is left.
            (Some(place), false) if before.both => Muted { both: false, one: [place != 0, place != 1] },
            (Some(place), muted) => {
                let mut now = before;
                now.one[place] = muted;
                now
            }
        };
        let now = channel.muted;
        let each = || BOTH.into_iter().enumerate();
        let mut asked = Vec::new();
        asked.extend((now.both).then_some((None, Pausing::Pause)));
        asked.extend(each().filter(|(place, _)| now.one[*place]).map(|(_, which)| (Some(which), Pausing::Pause)));
        let ended = each().filter(|(place, _)| {
            !now.one[*place] && (before.one[*place] || one == Some(*place) && !begins && !before.both)
        });
        asked.extend(ended.map(|(_, which)| (Some(which), Pausing::Resume)));
        asked.extend((!now.both && (before.both || one.is_none())).then_some((None, Pausing::Resume)));
        asked
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
            leg: None,
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
        let wish = watch.event(&message(fields), Moment::now(WallTime(100_000))).pop()?.wish;
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
    fn a_mute_of_one_direction_pauses_that_one_and_of_both_the_call() {
        use Direction::{Read, Write};
        use Pausing::{Pause, Resume};
        let mut watch = watch();
        let mut mute = |direction: &str, state: &str| {
            let fields = format!(
                "Event: MixMonitorMute; Channel: PJSIP/a; Uniqueid: 1.0; Linkedid: 1.0; Direction: {direction}; State: {state}"
            );
            let asked = watch.event(&message(&fields), Moment::now(WallTime(100_000)));
            let of_channel = |request: &AmiRequest| request.of.as_ref().is_none_or(|(id, _)| id == "1.0");
            assert!(asked.iter().all(of_channel));
            asked
                .into_iter()
                .map(|request| (request.of.map(|(_, which)| which), request.wish.pausing))
                .collect::<Vec<_>>()
        };
        assert_eq!(mute("read", "1"), [(Some(Read), Pause)]);
        assert_eq!(mute("write", "1"), [(Some(Read), Pause), (Some(Write), Pause)]);
        assert_eq!(mute("read", "0"), [(Some(Write), Pause), (Some(Read), Resume)]);
        assert_eq!(mute("write", "0"), [(Some(Write), Resume)]);
        assert_eq!(mute("both", "1"), [(None, Pause)]);
        assert_eq!(mute("read", "0"), [(Some(Write), Pause), (None, Resume)], "the other one is still muted");
        assert_eq!(mute("both", "0"), [(Some(Write), Resume), (None, Resume)]);
        assert_eq!(mute("read", "0"), [(Some(Read), Resume)], "muted before lineside listened");
        assert!(mute("both", "2").is_empty() && mute("sideways", "1").is_empty());
    }

    #[test]
    fn an_event_has_its_own_time_which_makes_a_pause_longer_and_never_shorter_than_it_was() {
        let now = Moment::now(WallTime(100_000));
        let at = |same_clock, kind: &str, stamp: &str| {
            let mut watch = Watch::new(PauseKeys::default(), same_clock);
            let text = format!("Event: UserEvent; Timestamp: {stamp}; UserEvent: Lineside{kind}; Uniqueid: 1.0");
            watch.event(&message(&text), now).pop().map(|request| request.wish.at.wall.0)
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
