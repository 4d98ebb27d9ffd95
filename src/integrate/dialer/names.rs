//! By what a dialer's rows and our calls know each other: names of recordings, uniqueids, and texts as old tables hold them. Pure functions.

pub(super) use crate::call::file_name::base_name;

/// A uniqueid of Asterisk: `epoch.sequence`, with the system's name before it where one is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Uniqueid<'a> {
    /// Without the system's name.
    pub(super) plain: &'a str,
    /// Its second.
    pub(super) epoch: &'a str,
}

impl<'a> Uniqueid<'a> {
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let plain = text.rsplit('-').next().unwrap_or_default();
        let (epoch, sequence) = plain.split_once('.')?;
        let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        ((9..=10).contains(&epoch.len()) && digits(epoch) && digits(sequence)).then_some(Self { plain, epoch })
    }
}

/// What `recording_log.vicidial_id` leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum VicidialId {
    /// `vicidial_log.uniqueid`: it has a dot.
    Outbound(String),
    /// `vicidial_closer_log.closecallid`: digits only.
    Inbound(i64),
    /// `gateway_recording_log.gateway_recording_id`: it begins with a G. No agent is on it.
    Gateway(i64),
    /// It is empty until the recording stops, or nothing that is known.
    Unknown,
}

impl VicidialId {
    /// Decides as ViciDial's own scripts do.
    pub(super) fn parse(text: Option<&str>) -> Self {
        let number = |text: &str| text.parse().ok().filter(|&id| id > 0);
        match text.unwrap_or_default() {
            id if id.starts_with('G') => number(&id[1..]).map_or(Self::Unknown, Self::Gateway),
            id if id.contains('.') => Self::Outbound(id.into()),
            id => number(id).map_or(Self::Unknown, Self::Inbound),
        }
    }
}

/// Whether a text may be compared with a column. Columns of ViciDial are latin1: for a text that latin1 does not have the server would convert the
/// column instead, row by row, and use no index.
pub(super) fn is_comparable(text: &str) -> bool {
    !text.is_empty() && text.is_ascii() && text.len() <= 100
}

/// Windows-1252, which is what MySQL calls latin1, from 0x80 to 0x9F; 0 where it has none and MySQL keeps the number.
const HIGH: [u16; 32] = [
    0x20AC, 0, 0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017D, 0, 0,
    0x2018, 0x2019, 0x201C, 0x201D, 0x2022, 0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0, 0x017E, 0x0178,
];

fn byte_of(c: char) -> Option<u8> {
    let code = u32::from(c);
    match HIGH.iter().position(|&high| high != 0 && u32::from(high) == code) {
        Some(place) => Some(0x80 + place as u8),
        None => u8::try_from(code).ok(),
    }
}

/// A text as it was meant: web pages of ViciDial write UTF-8 into latin1 columns, which then comes as `JosÃ©`.
pub(super) fn as_meant(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let bytes: Option<Vec<u8>> = text.chars().map(byte_of).collect();
    bytes.and_then(|bytes| String::from_utf8(bytes).ok()).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_has_one_name_wherever_it_lies() {
        for path in [
            "/var/spool/asterisk/monitor/20261120-101500_5551234567-in.wav",
            "/var/spool/asterisk/monitor/MIX/20261120-101500_5551234567-out.wav",
            "/var/spool/asterisk/monitorDONE/MP3/20261120-101500_5551234567-all.mp3",
            "20261120-101500_5551234567-all.mp3.gpg",
            "20261120-101500_5551234567",
        ] {
            assert_eq!(base_name(path), "20261120-101500_5551234567");
        }
        assert_eq!(
            base_name("q-600-anonymous-20261120-101500-1795218045.12.wav"),
            "q-600-anonymous-20261120-101500-1795218045.12"
        );
        assert_eq!((base_name(""), base_name(".wav")), ("", ".wav"));
    }

    #[test]
    fn uniqueids_and_vicidials_ids_are_told_apart() {
        let id = Uniqueid::parse("pbx1-1795218045.12").expect("a uniqueid");
        assert_eq!((id.plain, id.epoch), ("1795218045.12", "1795218045"));
        for no in ["", "1795218045", "20261120-101500_5551234567", "1.2", "1795218045.x", "1795218045."] {
            assert_eq!(Uniqueid::parse(no), None, "{no}");
        }
        assert_eq!(VicidialId::parse(Some("1795218045.12")), VicidialId::Outbound("1795218045.12".into()));
        assert_eq!(VicidialId::parse(Some("4711")), VicidialId::Inbound(4711));
        assert_eq!(VicidialId::parse(Some("G12")), VicidialId::Gateway(12));
        for unknown in [None, Some(""), Some("0"), Some("x"), Some("G"), Some("G1.2"), Some("G0")] {
            assert_eq!(VicidialId::parse(unknown), VicidialId::Unknown);
        }
    }

    #[test]
    fn names_are_read_as_they_were_meant() {
        for (stored, meant) in [
            ("JosÃ© NÃºÃ±ez", "José Núñez"),
            ("José Núñez", "José Núñez"),
            ("BjÃ¶rk â€“ night", "Björk – night"),
            ("Smith", "Smith"),
            ("Łukasz", "Łukasz"),
        ] {
            assert_eq!(as_meant(stored.into()), meant);
        }
        assert!(is_comparable("a_b-1") && !is_comparable("José") && !is_comparable(""));
    }
}
