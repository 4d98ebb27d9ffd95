//! Derives a call's id and names from an AudioSocket UUID or from the file name of a recording.

use std::collections::BTreeMap;
use std::path::Path;

use jiff::civil::DateTime;
use regex::Regex;

use crate::call::{CallId, CallNames, Leg};

/// A name of FreePBX: what stands before the date, the time and the uniqueid, which are read from the right.
macro_rules! freepbx {
    ($fields:literal) => {
        concat!("^", $fields, r"-[0-9]{8}-[0-9]{6}-(?P<uniqueid>(?:[A-Za-z0-9_]+-)?[0-9]{9,10}\.[0-9]+)$")
    };
}

/// Facts about a call in an id or a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParsedName {
    /// The call's id.
    pub call: CallId,
    /// Agent, campaign, phone and lead, as far as the name tells them.
    pub names: CallNames,
    /// Direction of the audio, where the name tells it.
    pub leg: Option<Leg>,
    /// Whether the name says that this is the finished mix of a call that was recorded under other names too.
    pub is_final_mix: bool,
    /// Whether a pattern knew the name; else the call is called as the file is.
    pub is_recognised: bool,
}

/// Reads a UUID. `EEEEEEEE-EE00-8L00-8000-SSSSSSSSSSSS` in decimal digits carries the uniqueid `EEEEEEEEEE.S…` and the leg L (0 mixed, 1 agent,
/// 2 caller); any other is its own call.
pub fn from_uuid(bytes: [u8; 16]) -> ParsedName {
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
        return ParsedName {
            call: CallId::from_lossy(&uniqueid),
            names: CallNames { uniqueid: Some(uniqueid), ..names },
            leg: Some(leg),
            is_final_mix: false,
            is_recognised: true,
        };
    }
    ParsedName { call: CallId::from_lossy(&text), names, leg: None, is_final_mix: false, is_recognised: true }
}

/// The UUID for a uniqueid and a leg, as [`from_uuid`] reads it; a name of the system before the uniqueid (`pbx-1795218045.12`) is left out. `None`
/// where the uniqueid is none of Asterisk's.
pub fn to_uuid(uniqueid: &str, leg: Leg) -> Option<uuid::Uuid> {
    let (epoch, sequence) = plain_uniqueid(uniqueid)?.split_once('.')?;
    let place = Leg::ALL.iter().position(|other| *other == leg)?;
    let text = format!("{epoch}008{place}008000{sequence:0>12}");
    uuid::Uuid::try_parse(&text).ok()
}

/// A uniqueid without the name of the system that Asterisk may put before it: ten digits, a point, up to twelve digits.
pub fn plain_uniqueid(uniqueid: &str) -> Option<&str> {
    let plain = uniqueid.rsplit('-').next()?;
    let (epoch, sequence) = plain.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (epoch.len() == 10 && sequence.len() <= 12 && digits(epoch) && digits(sequence)).then_some(plain)
}

/// Patterns that come with lineside, the most telling of each system first; those of the configuration come before them, ViciDial's names
/// ([`vicidial`]) and a uniqueid anywhere ([`ANYWHERE`]) behind them.
///
/// Sources: FreePBX's sub-record-check (`<type>-<one>-<other>-<date>-<time>-<uniqueid>`; of a number that may be an extension as well nothing is
/// said), Issabel's call center, MikoPBX. `[0-9]`, as Asterisk writes them: `\d` is every digit of every script, 1.5 MB of tables here.
pub const READY: &[(&str, &str)] = &[
    ("freepbx", freepbx!(r"(?P<direction>out)-(?P<phone>[0-9+*#]+)-(?P<agent>[0-9A-Za-z]+)")),
    ("freepbx", freepbx!(r"(?P<direction>in)-(?P<did>.+)-(?P<phone>\+?[0-9]{3,18})")),
    ("freepbx", freepbx!(r"(?P<direction>external)-(?P<agent>[0-9A-Za-z]+)-(?P<phone>\+?[0-9]{3,18})")),
    ("freepbx", freepbx!(r"(?P<direction>q)-(?P<campaign>[^-]+)-(?P<phone>\+?[0-9]{7,18})")),
    ("freepbx", freepbx!(r"(?P<direction>q)-(?P<campaign>[^-]+)-(?P<other>.+)")),
    ("freepbx", freepbx!(r"(?P<direction>rg)-(?P<group>[^-]+)-(?P<phone>\+?[0-9]{7,18})")),
    ("freepbx", freepbx!(r"(?P<direction>exten)-(?P<agent>[0-9A-Za-z]+)-(?P<phone>\+?[0-9]{7,18})")),
    (
        "freepbx",
        freepbx!(
            r"(?P<direction>in|out|external|internal|q|rg|exten|force|parked|conf|page|ondemand)-(?P<party>.+)-(?P<other>.+)"
        ),
    ),
    ("issabel", r"^[0-9]{8}-[0-9]{6}-(?P<uniqueid>[0-9]{9,10}\.[0-9]+)$"),
    ("mikopbx", r"^mikopbx-(?P<uniqueid>[0-9]{9,10}\.[0-9]+)_.+$"),
];

/// A uniqueid in any name, as plain `MixMonitor(…${UNIQUEID}…)` leaves it.
const ANYWHERE: &str = r"(?:^|[^0-9])(?P<uniqueid>[0-9]{9,10}\.[0-9]+)(?:$|[^0-9])";

/// The patterns that turn file names into calls.
#[derive(Debug, Clone)]
pub struct NamingRules {
    patterns: Vec<Regex>,
    anywhere: Regex,
}

impl NamingRules {
    /// Own patterns first, then the ready ones. A pattern sees the file name without its ending and direction suffix; its groups `uniqueid`,
    /// `id`, `agent`, `campaign`, `lead`, `phone` and `leg` are known, any other becomes metadata.
    pub fn new(own: &[String]) -> Result<Self, regex::Error> {
        let ready = READY.iter().map(|&(_, pattern)| pattern);
        Ok(Self {
            patterns: own.iter().map(String::as_str).chain(ready).map(Regex::new).collect::<Result<_, _>>()?,
            anywhere: Regex::new(ANYWHERE)?,
        })
    }

    /// Facts about a call in a recording's path.
    pub fn recording(&self, path: &Path) -> ParsedName {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let (base, suffix) = split_suffix(&stem);
        let of = |regex: &Regex| {
            let captures = regex.captures(base)?;
            let group = |name: &str| Some((name.to_string(), captures.name(name)?.as_str().to_string()));
            Some(regex.capture_names().flatten().filter_map(group).collect::<Vec<_>>())
        };
        let by_pattern = self.patterns.iter().find_map(of);
        let dialer = if by_pattern.is_none() { vicidial(base) } else { None };
        let is_vicidial = dialer.is_some();
        let found = by_pattern.or(dialer).or_else(|| of(&self.anywhere));
        let is_recognised = found.is_some();
        let mut names = CallNames::default();
        let mut call = base.to_string();
        let mut leg = None;
        let mut more = BTreeMap::new();
        for (group, value) in found.into_iter().flatten().filter(|(_, value)| !value.is_empty()) {
            match group.as_str() {
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
                _ => {
                    more.insert(group, serde_json::Value::from(value));
                }
            }
        }
        if !more.is_empty() {
            names.metadata = Some(more.into_iter().collect());
        }
        let leg = leg.or_else(|| leg_of(suffix, is_vicidial && is_plain_monitor(path)));
        ParsedName { call: CallId::from_lossy(&call), names, leg, is_final_mix: suffix == "all", is_recognised }
    }
}

/// Reads a name that ViciDial has made: fields that an admin chose, joined by `_`, with a date among them.
///
/// Only the date can be told by itself, `FULLDATE` (20261120-234045) or `TINYDATE` (261120234045). Of the others is said what no other field can
/// be: digits of a customer's number are seven and more, a user's three to five (of six, lead and recording ids are as many); a word before
/// `TINYDATE` with a number behind it is the campaign, as in `TESTCAMP_51020103108_3125551212` of ViciDial's own help, and so is the only word
/// beside a user. A word alone is a user, a campaign or an in-group: it is kept as `name_fields` and nobody is named by it.
fn vicidial(base: &str) -> Option<Vec<(String, String)>> {
    let fields: Vec<&str> = base.split('_').collect();
    let full = fields.iter().position(|field| full_date(field).is_some());
    let date = full.or_else(|| fields.iter().position(|field| tiny_date(field).is_some()))?;
    if fields.len() < 2 {
        return None;
    }
    let at = full_date(fields[date]).or_else(|| tiny_date(fields[date]))?;
    let is_number = |field: &str| field.bytes().all(|byte| byte.is_ascii_digit());
    let others = || fields.iter().enumerate().filter(|&(place, field)| place != date && !field.is_empty());
    let only = |fits: &dyn Fn(&str) -> bool| {
        let mut found = others().filter(|(_, field)| fits(field));
        found.next().filter(|_| found.next().is_none()).map(|(place, _)| place)
    };
    let phone_of = |least: usize| {
        move |field: &str| {
            let digits = field.strip_prefix('+').unwrap_or(field);
            is_number(digits) && (least..=18).contains(&digits.len()) && !is_epoch_of(digits, at)
        }
    };
    // Lead and recording ids have up to nine digits.
    let phone = only(&phone_of(10)).or_else(|| only(&phone_of(7)));
    let agent = only(&|field| is_number(field) && (3..=5).contains(&field.len()));
    let word = only(&|field| {
        field.bytes().any(|byte| byte.is_ascii_alphabetic()) && field.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    let leads = full.is_none() && date == 1 && phone.is_some_and(|place| place > date);
    let campaign = word.filter(|&place| agent.is_some() || (leads && place == 0));
    let named = [("phone", phone), ("agent", agent), ("campaign", campaign)];
    let is_named = |place| named.iter().any(|(_, named)| *named == Some(place));
    let unclear: Vec<&str> = others().filter(|&(place, _)| !is_named(place)).map(|(_, field)| *field).collect();
    let mut found = vec![("name_fields".to_string(), unclear.join(" "))];
    found.extend(named.into_iter().filter_map(|(name, place)| Some((name.to_string(), fields[place?].to_string()))));
    Some(found)
}

/// ViciDial's FULLDATE, in its own time zone.
fn full_date(field: &str) -> Option<DateTime> {
    (field.len() == 15).then(|| DateTime::strptime("%Y%m%d-%H%M%S", field).ok()).flatten()
}

/// ViciDial's TINYDATE: years since 2000, then as FULLDATE.
fn tiny_date(field: &str) -> Option<DateTime> {
    let digits = (11..=12).contains(&field.len()) && field.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| DateTime::strptime("%Y%m%d%H%M%S", format!("20{field:0>12}")).ok()).flatten()
}

/// Whether a number is the second of this time, wherever in the world its clock stands.
fn is_epoch_of(digits: &str, at: DateTime) -> bool {
    const ZONES_S: i64 = 15 * 3600;
    let here = at.to_zoned(jiff::tz::TimeZone::UTC).map(|utc| utc.timestamp().as_second());
    digits.parse::<i64>().is_ok_and(|epoch| here.is_ok_and(|here| (epoch - here).abs() <= ZONES_S))
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

/// The voice on a recording: MixMonitor's r() and Monitor's `-in` hold what came from the channel (the caller), t() and `-out` what went to it (the
/// agent). In ViciDial's own `monitor` folder the recorder only listens: `-in` is the whole mix, `-out` silence.
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
    fn a_uniqueid_and_a_leg_are_carried_by_a_uuid() {
        for (uniqueid, leg) in
            [("1795218045.12", Leg::Caller), ("1795218045.0", Leg::Agent), ("1795218045.999999", Leg::Mixed)]
        {
            let named = from_uuid(*to_uuid(uniqueid, leg).expect("a uuid").as_bytes());
            assert_eq!((named.call.as_str(), named.leg), (uniqueid, Some(leg)));
        }
        let with_system = from_uuid(*to_uuid("pbx-2-1795218045.12", Leg::Agent).expect("a uuid").as_bytes());
        assert_eq!(with_system.call.as_str(), "1795218045.12");
        for wrong in ["", "x", "1795218045", "179521804.1", "1795218045.", "1795218045.1x", "1795218045.1234567890123"]
        {
            assert_eq!(to_uuid(wrong, Leg::Agent), None, "{wrong}");
        }
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
        let naming = NamingRules::new(&[]).expect("patterns");
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
    fn names_tell_who_is_who_and_nobody_is_guessed() {
        let naming = NamingRules::new(&[]).expect("patterns");
        // File, phone, agent, campaign, what is not told apart.
        let table = [
            ("20261120-234045_1001-all.wav", "", "1001", "", ""),
            ("20261120-234045_5551234567-all.wav", "5551234567", "", "", ""),
            ("20261120-234045_912345678.wav", "912345678", "", "", ""),
            ("20261120-234045_jsmith.wav", "", "", "", "jsmith"),
            ("20261120-234045_534820.wav", "", "", "", "534820"),
            ("20261120-234045_5551234567_SALES_1001.wav", "5551234567", "1001", "SALES", ""),
            ("20261120-234045_5551234567_1001_SALES.wav", "5551234567", "1001", "SALES", ""),
            ("20261120-234045_5551234567_SALES_jsmith.wav", "5551234567", "", "", "SALES jsmith"),
            ("20261120-234045_5551234567_4711234.wav", "5551234567", "", "", "4711234"),
            ("20261120-234045_1795218045_5551234567.wav", "5551234567", "", "", "1795218045"),
            ("20120810-012008__6666_.wav", "", "6666", "", ""),
            ("TESTCAMP_51020103108_3125551212-all.mp3", "3125551212", "", "TESTCAMP", ""),
            ("SALES_261120234045_912345678-in.wav", "912345678", "", "SALES", ""),
            ("1001_261120234045_5551234567.wav", "5551234567", "1001", "", ""),
            ("out-15551234567-201-20261120-234045-1795218045.12.wav", "15551234567", "201", "", ""),
            ("in-4420123-5551234567-20261120-234045-1795218045.12.wav", "5551234567", "", "", ""),
            ("external-201-+4915112345-20261120-234045-1795218045.12.wav", "+4915112345", "201", "", ""),
            ("q-600-5551234567-20261120-234045-1795218045.12.wav", "5551234567", "", "600", ""),
            ("q-600-201-20261120-234045-1795218045.12.wav", "", "", "600", ""),
            ("q-600-anonymous-20261120-234045-pbx-1795218045.12.wav", "", "", "600", ""),
            ("rg-700-5551234567-20261120-234045-1795218045.12.wav", "5551234567", "", "", ""),
            ("exten-201-5551234567-20261120-234045-1795218045.12.wav", "5551234567", "201", "", ""),
            ("exten-201-202-20261120-234045-1795218045.12.wav", "", "", "", ""),
            ("internal-201-202-20261120-234045-1795218045.12.wav", "", "", "", ""),
        ];
        for (file, phone, agent, campaign, unclear) in table {
            let ParsedName { names, .. } = naming.recording(Path::new(file));
            let text = |name: &Option<String>| name.clone().unwrap_or_default();
            let fields = names.metadata.as_ref().and_then(|more| more.get("name_fields")?.as_str()).unwrap_or_default();
            let told = [&text(&names.phone), &text(&names.agent), &text(&names.campaign), fields];
            assert_eq!(told, [phone, agent, campaign, unclear], "{file}");
        }
        println!(
            "mended | 6 | FULLDATE_AGENT gave phone 1001; CAMPAIGN_TINYDATE_PHONE gave nothing; FreePBX q- left the phone empty | agent 1001; phone and \
             campaign; phone 5551234567; {} names of two systems read field by field, a field that may be either stays unnamed",
            table.len()
        );
    }

    #[test]
    fn both_sides_of_a_pair_are_legs_of_one_call() {
        let naming = NamingRules::new(&[]).expect("patterns");
        let one = naming.recording(Path::new("/m/20261120-234045_555-in.wav"));
        let other = naming.recording(Path::new("/m/20261120-234045_555-out.wav"));
        let mix = naming.recording(Path::new("/d/20261120-234045_555-all.wav"));
        assert_eq!(one.call, other.call);
        assert!(mix.call == one.call && mix.is_final_mix);
    }

    #[test]
    fn an_own_pattern_comes_first_and_its_other_groups_become_metadata() {
        let naming = NamingRules::new(&[r"^(?P<agent>\w+)~(?P<id>\w+)~(?P<desk>\w+)$".into()]).expect("patterns");
        let named = naming.recording(Path::new("mary~4711~7.wav"));
        assert_eq!((named.call.as_str(), named.names.agent.as_deref()), ("4711", Some("mary")));
        assert_eq!(named.names.metadata.expect("metadata")["desk"], "7");
    }
}
