//! Times as people and scripts write them: one reader for the API, the command line and the pages.
//!
//! What has no zone is local time. What can be read in two ways, or in none, is refused: a filter that means another time than was meant gives an
//! answer that looks right. Pure: the clock and the zone are passed in.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Unit, Zoned};

use super::nouns::WallTime;

/// A text that is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WhenError {
    /// None of the forms.
    #[error(
        "{0:?} is not a time: 2026-11-21, 2026-11-21T10:30 (local time), 2026-11-21T10:30:00Z, 1795218045 (seconds since 1970), or 90m, 2h, 3d (ago)"
    )]
    Unknown(String),
    /// A zone's sign was lost on its way through an address.
    #[error("{0:?} is not a time: in an address the + of a zone is written %2B")]
    LostPlus(String),
    /// Digits that could be a date, a year or a count.
    #[error(
        "{0:?} is not a time: seconds since 1970 have 9 or 10 digits, milliseconds 12 or 13; a date is written 2026-11-21"
    )]
    Digits(String),
}

impl WallTime {
    /// Reads a date (its begin), a date and clock with or without a zone, seconds or milliseconds since 1970, or how long ago: `90m`, `1h 30m`, `2d`.
    pub fn read(text: &str, now: Self, zone: &TimeZone) -> Result<Self, WhenError> {
        let text = text.trim();
        if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.') {
            return since_1970(text);
        }
        let moment = |stamp: Timestamp| Self(stamp.as_millisecond());
        if let Ok(stamp) = text.parse::<Timestamp>() {
            return Ok(moment(stamp));
        }
        if let Ok(zoned) = text.parse::<Zoned>() {
            return Ok(moment(zoned.timestamp()));
        }
        // A civil time forgets a zone behind it, so nothing may be there that could be one.
        let is_civil = text.chars().all(|c| c.is_ascii_digit() || "-:. Tt".contains(c));
        if let Some(civil) = text.parse::<DateTime>().ok().filter(|_| is_civil) {
            let zoned = civil.to_zoned(zone.clone()).map_err(|_| WhenError::Unknown(text.into()))?;
            return Ok(moment(zoned.timestamp()));
        }
        if text.rsplit_once(' ').is_some_and(|(clock, shift)| clock.contains(['T', 't']) && shift.contains(':')) {
            return Err(WhenError::LostPlus(text.into()));
        }
        ago(text, now, zone).ok_or_else(|| WhenError::Unknown(text.into()))
    }
}

fn since_1970(text: &str) -> Result<WallTime, WhenError> {
    let whole = text.split('.').next().unwrap_or_default().len();
    let number = text.parse::<f64>().map_err(|_| WhenError::Unknown(text.into()))?;
    let ms = match whole {
        9 | 10 => number * 1000.0,
        12 | 13 => number,
        _ if number == 0.0 => 0.0,
        _ => return Err(WhenError::Digits(text.into())),
    };
    Ok(WallTime(ms.round() as i64))
}

/// How long ago; days and weeks are those of the calendar.
fn ago(text: &str, now: WallTime, zone: &TimeZone) -> Option<WallTime> {
    let text = text.strip_suffix("ago").map_or(text, str::trim_end);
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let span: Span = text.parse().ok()?;
    let now = Timestamp::from_millisecond(now.0).ok()?.to_zoned(zone.clone());
    let then = now.checked_sub(span).ok()?;
    let elapsed = SignedDuration::try_from(then.until((Unit::Nanosecond, &now)).ok()?).ok()?;
    elapsed.is_positive().then(|| WallTime(then.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-11-21T12:00:00Z, in a zone two hours ahead.
    const NOW: WallTime = WallTime(1_795_262_400_000);

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(2))
    }

    fn read(text: &str) -> Result<String, WhenError> {
        WallTime::read(text, NOW, &zone()).map(WallTime::rfc3339)
    }

    #[test]
    fn a_time_is_read_whole_in_every_form_and_is_local_where_it_names_no_zone() {
        for (text, wanted) in [
            ("2026-11-21", "2026-11-20T22:00:00.000Z"),
            ("2026-11-21T10:30", "2026-11-21T08:30:00.000Z"),
            ("2026-11-21 10:30", "2026-11-21T08:30:00.000Z"),
            ("2026-11-21T10:30:05.250", "2026-11-21T08:30:05.250Z"),
            ("2026-11-21T10:30:00Z", "2026-11-21T10:30:00.000Z"),
            ("2026-11-21 10:30:00Z", "2026-11-21T10:30:00.000Z"),
            ("2026-11-21T10:30:00+01:00", "2026-11-21T09:30:00.000Z"),
            ("1795218045", "2026-11-20T23:40:45.000Z"),
            ("1795218045.42", "2026-11-20T23:40:45.420Z"),
            ("1795218045120", "2026-11-20T23:40:45.120Z"),
            ("0", "1970-01-01T00:00:00.000Z"),
            ("1h", "2026-11-21T11:00:00.000Z"),
            ("1h 30m", "2026-11-21T10:30:00.000Z"),
            ("90m ago", "2026-11-21T10:30:00.000Z"),
            ("30s", "2026-11-21T11:59:30.000Z"),
            ("2d", "2026-11-19T12:00:00.000Z"),
            ("1w", "2026-11-14T12:00:00.000Z"),
            (" 2026-11-21 ", "2026-11-20T22:00:00.000Z"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(wanted), "{text}");
        }
    }

    #[test]
    fn a_day_ago_is_the_same_clock_yesterday_also_when_the_clock_was_changed_in_between() {
        let Ok(berlin) = TimeZone::get("Europe/Berlin") else {
            eprintln!("skipped: this box has no time zone database");
            return;
        };
        assert_eq!(read("2026-11-21T10:30[Europe/Berlin]").as_deref(), Ok("2026-11-21T09:30:00.000Z"));
        let noon = "2026-10-25T12:00:00+01:00".parse::<Timestamp>().expect("a time");
        let read = |text| WallTime::read(text, WallTime(noon.as_millisecond()), &berlin).map(WallTime::rfc3339);
        assert_eq!(read("1d").as_deref(), Ok("2026-10-24T10:00:00.000Z"), "25 hours");
        assert_eq!(read("24h").as_deref(), Ok("2026-10-24T11:00:00.000Z"));
        // An hour that the clock had twice is the first one, one that it never had is the hour after.
        assert_eq!(read("2026-10-25T02:30").as_deref(), Ok("2026-10-25T00:30:00.000Z"));
        assert_eq!(read("2026-03-29T02:30").as_deref(), Ok("2026-03-29T01:30:00.000Z"));
    }

    #[test]
    fn what_is_not_understood_is_refused_and_what_could_be_two_things_too() {
        for text in [
            "",
            "yesterday",
            "x",
            "2026-13-01",
            "2026-11-31",
            "2026-11-21T25:00",
            "10:30",
            "-1h",
            "+1h",
            "0h",
            "NaN",
            "inf",
            "-5",
            "1e9",
            "2026-11-21T10:30:00 Europe",
            "21.11.2026",
            "11/21/2026",
            "1h 5",
            "h",
            "99999999999999999999",
        ] {
            assert!(read(text).is_err(), "{text} was read as {:?}", read(text));
        }
        // A year, a date without its strokes, a minute's count of seconds.
        for text in ["2026", "20261121", "60", "17952180451", "1.2.3"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(read("20261121"), Err(WhenError::Digits("20261121".into())));
        let lost = read("2026-11-21T10:30:00 01:00").expect_err("a plus that became a space").to_string();
        assert!(lost.contains("%2B"), "{lost}");
    }

    proptest! {
        #[test]
        fn no_text_ends_the_reader(text in "\\PC{0,40}", near in "[0-9TZ:. +hdmw-]{0,24}") {
            let _ = read(&text);
            let _ = read(&near);
        }

        #[test]
        fn what_the_api_prints_is_what_it_reads(ms in 100_000_000_000_i64..4_000_000_000_000) {
            prop_assert_eq!(WallTime::read(&WallTime(ms).rfc3339(), NOW, &zone()), Ok(WallTime(ms)));
        }
    }
}
