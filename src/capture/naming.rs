//! Who a call is: from an AudioSocket UUID, from a recording's name.

use std::collections::BTreeMap;
use std::path::Path;

use regex::Regex;

use crate::call::{CallId, CallNames, Leg};

/// What an id or a file name tells of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// The call's id.
    pub call: CallId,
    /// What else is known.
    pub names: CallNames,
    /// Which direction the audio is, where the name tells.
    pub leg: Option<Leg>,
    /// Whether the name says that this is the finished mix of a call that was recorded under other names too.
    pub is_final_mix: bool,
}

/// Reads a UUID. `EEEEEEEE-EE00-8L00-8000-SSSSSSSSSSSS` in decimal digits carries the uniqueid `EEEEEEEEEE.S…` and the leg L (0 mixed, 1 agent,
/// 2 caller); any other is its own call.
pub fn from_uuid(bytes: [u8; 16]) -> Named {
    let uuid = uuid::Uuid::from_bytes(bytes);
    let text = uuid.hyphenated().to_string();
    let plain = uuid.simple().to_string();
    let names = CallNames { uuid: Some(text.clone()), ..CallNames::default() };
    let decimal = plain.bytes().all(|byte| byte.is_ascii_digit());
    let shaped = decimal && &plain[10..13] == "008" && &plain[14..20] == "008000";
    let leg = plain[13..14].parse::<usize>().ok().and_then(|leg| Leg::ALL.get(leg).copied());
    if let (true, Some(leg)) = (shaped, leg) {
        let sequence = plain[20..].trim_start_matches('0');
        let uniqueid = format!("{}.{}", &plain[..10], if sequence.is_empty() { "0" } else { sequence });
        return Named {
            call: CallId::from_lossy(&uniqueid),
            names: CallNames { uniqueid: Some(uniqueid), ..names },
            leg: Some(leg),
            is_final_mix: false,
        };
    }
    Named { call: CallId::from_lossy(&text), names, leg: None, is_final_mix: false }
}

/// Patterns that come with lineside, tried in this order after those of the configuration.
/// Sources: FreePBX's sub-record-check, Issabel's call center, MikoPBX, ViciDial's file name tokens, plain `MixMonitor(…${UNIQUEID}…)`.
/// `[0-9]`, as Asterisk writes them: `\d` is every digit of every script, 1.5 MB of tables here.
pub const READY: &[(&str, &str)] = &[
    (
        "freepbx",
        r"^(?P<direction>in|out|external|internal|q|rg|exten|force|parked|conf|page|ondemand)-(?P<party>.+)-(?P<other>.+)-[0-9]{8}-[0-9]{6}-(?P<uniqueid>(?:[A-Za-z0-9_]+-)?[0-9]{9,10}\.[0-9]+)$",
    ),
    ("issabel", r"^[0-9]{8}-[0-9]{6}-(?P<uniqueid>[0-9]{9,10}\.[0-9]+)$"),
    ("mikopbx", r"^mikopbx-(?P<uniqueid>[0-9]{9,10}\.[0-9]+)_.+$"),
    (
        "vicidial",
        r"^(?P<id>[0-9]{8}-[0-9]{6}_(?P<phone>[0-9]*)(?:_(?P<campaign>[A-Za-z0-9]+)_(?P<agent>[A-Za-z0-9]+))?(?:_.*)?)$",
    ),
    ("uniqueid", r"(?:^|[^0-9])(?P<uniqueid>[0-9]{9,10}\.[0-9]+)(?:$|[^0-9])"),
];

/// File names to calls.
#[derive(Debug, Clone)]
pub struct Naming {
    patterns: Vec<(String, Regex)>,
}

impl Naming {
    /// Own patterns first, then the ready ones. A pattern sees the file name without its ending and direction suffix; its groups `uniqueid`,
    /// `id`, `agent`, `campaign`, `lead`, `phone` and `leg` are known, any other becomes metadata.
    pub fn new(own: &[String]) -> Result<Self, regex::Error> {
        let own = own.iter().map(|pattern| (String::from("own"), pattern.as_str()));
        let all = own.chain(READY.iter().map(|&(name, pattern)| (name.to_string(), pattern)));
        Ok(Self {
            patterns: all
                .map(|(name, pattern)| Ok((name, Regex::new(pattern)?)))
                .collect::<Result<_, regex::Error>>()?,
        })
    }

    /// What a recording's path tells.
    pub fn recording(&self, path: &Path) -> Named {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (base, suffix) = split_suffix(&stem);
        let found = self
            .patterns
            .iter()
            .find_map(|(name, regex)| regex.captures(base).map(|captures| (name.as_str(), regex, captures)));
        let mut names = CallNames::default();
        let mut call = base.to_string();
        let mut leg = None;
        let mut more = BTreeMap::new();
        let mut pattern = "";
        if let Some((name, regex, captures)) = found {
            pattern = name;
            for group in regex.capture_names().flatten() {
                let Some(value) =
                    captures.name(group).map(|value| value.as_str().to_string()).filter(|value| !value.is_empty())
                else {
                    continue;
                };
                match group {
                    "uniqueid" => {
                        call.clone_from(&value);
                        names.uniqueid = Some(value);
                    }
                    "id" => call = value,
                    "agent" => names.agent = Some(value),
                    "campaign" => names.campaign = Some(value),
                    "lead" => names.lead = Some(value),
                    "phone" => names.phone = Some(value),
                    "leg" => leg = Leg::parse(&value.to_lowercase()),
                    other => {
                        more.insert(other.to_string(), serde_json::Value::from(value));
                    }
                }
            }
        }
        if !more.is_empty() {
            names.metadata = Some(more.into_iter().collect());
        }
        let leg = leg.or_else(|| leg_of(suffix, pattern == "vicidial" && is_plain_monitor(path)));
        Named { call: CallId::from_lossy(&call), names, leg, is_final_mix: suffix == "all" }
    }
}

/// Splits `-in`, `-out`, `-all` and their kin from a name.
fn split_suffix(stem: &str) -> (&str, &str) {
    if let Some((base, suffix)) = stem.rsplit_once(['-', '_', '.'])
        && !base.is_empty()
        && matches!(
            suffix,
            "in" | "out" | "all" | "r" | "t" | "rx" | "tx" | "read" | "write" | "caller" | "agent" | "mixed"
        )
    {
        return (base, suffix);
    }
    (stem, "")
}

/// Whose voice: MixMonitor's r() and Monitor's `-in` hold what came from the channel (the caller), t() and `-out` what went to it (the agent).
/// In ViciDial's own `monitor` folder the recorder only listens: `-in` is the whole mix, `-out` silence.
fn leg_of(suffix: &str, listens_only: bool) -> Option<Leg> {
    match suffix {
        "in" if listens_only => Some(Leg::Mixed),
        "in" | "r" | "rx" | "read" | "caller" => Some(Leg::Caller),
        "out" | "t" | "tx" | "write" | "agent" => Some(Leg::Agent),
        "all" | "mixed" => Some(Leg::Mixed),
        _ => None,
    }
}

/// Whether a ViciDial recording lies where one recorder hears both sides: not in MIX, STEREO or monitorS, which hold two real sides.
fn is_plain_monitor(path: &Path) -> bool {
    let folder =
        path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    !matches!(folder.as_str(), "MIX" | "STEREO" | "monitorS")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_made_from_a_uniqueid_gives_it_back_with_the_leg() {
        let bytes = *uuid::uuid!("17952180-4500-8200-8000-000000000012").as_bytes();
        let named = from_uuid(bytes);
        assert_eq!((named.call.as_str(), named.leg), ("1795218045.12", Some(Leg::Caller)));
        assert_eq!(named.names.uniqueid.as_deref(), Some("1795218045.12"));
    }

    #[test]
    fn any_other_uuid_is_its_own_call() {
        for text in [
            "00000001-2222-3333-4444-555555555555",
            "17952180-4500-8900-8000-000000000012",
            "deadbeef-4500-8200-8000-000000000012",
        ] {
            let named = from_uuid(*text.parse::<uuid::Uuid>().expect("uuid").as_bytes());
            assert_eq!((named.call.as_str(), named.leg, named.names.uniqueid), (text, None, None));
        }
    }

    #[test]
    fn names_of_the_usual_systems_are_understood() {
        let naming = Naming::new(&[]).expect("patterns");
        let read = |path: &str| {
            let named = naming.recording(Path::new(path));
            (named.call.to_string(), named.leg, named.names)
        };
        let (call, leg, _) = read("/m/2026/11/20/in-5551234-anonymous-20261120-234045-1795218045.12.wav");
        assert_eq!((call.as_str(), leg), ("1795218045.12", None));
        let (call, ..) = read("/m/20261120-234045-1795218045.7.WAV");
        assert_eq!(call, "1795218045.7");
        let (call, ..) = read("/m/mikopbx-1795218045.9_x1.mp3");
        assert_eq!(call, "1795218045.9");
        let (call, leg, names) = read("/var/spool/asterisk/monitor/20261120-234045_5551234567-in.wav");
        assert_eq!(
            (call.as_str(), leg, names.phone.as_deref()),
            ("20261120-234045_5551234567", Some(Leg::Mixed), Some("5551234567"))
        );
        let (_, leg, _) = read("/var/spool/asterisk/monitor/MIX/20261120-234045_5551234567-in.wav");
        assert_eq!(leg, Some(Leg::Caller));
        let (call, leg, _) = read("/m/call-1795218045.12-out.wav");
        assert_eq!((call.as_str(), leg), ("1795218045.12", Some(Leg::Agent)));
        let (call, leg, _) = read("/m/some thing-r.sln16");
        assert_eq!((call.as_str(), leg), ("some_thing", Some(Leg::Caller)));
    }

    #[test]
    fn both_sides_of_a_pair_are_legs_of_one_call() {
        let naming = Naming::new(&[]).expect("patterns");
        let one = naming.recording(Path::new("/m/20261120-234045_555-in.wav"));
        let other = naming.recording(Path::new("/m/20261120-234045_555-out.wav"));
        let mix = naming.recording(Path::new("/d/20261120-234045_555-all.wav"));
        assert_eq!(one.call, other.call);
        assert!(mix.call == one.call && mix.is_final_mix);
    }

    #[test]
    fn an_own_pattern_comes_first_and_its_other_groups_become_metadata() {
        let naming = Naming::new(&[r"^(?P<agent>\w+)~(?P<id>\w+)~(?P<desk>\w+)$".into()]).expect("patterns");
        let named = naming.recording(Path::new("mary~4711~7.wav"));
        assert_eq!((named.call.as_str(), named.names.agent.as_deref()), ("4711", Some("mary")));
        assert_eq!(named.names.metadata.expect("metadata")["desk"], "7");
    }
}
