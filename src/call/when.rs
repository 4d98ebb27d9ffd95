//! Times as people and scripts write them: one parser for the API, the command line and the pages.
//!
//! A time without a zone is local time. A time that has two meanings, or none, is refused: a filter that means another time than the user meant gives
//! an answer that looks right. Pure: the clock and the zone are passed in.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp, Unit, Zoned};

use super::nouns::WallTime;

/// A text that is not a time.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum WhenError {
    /// The text has none of the known forms.
    #[error(
        "{0:?} is not a time: today, yesterday, 2026-11-21, 2026-11-21T10:30 (local time), 2026-11-21T10:30:00Z, 1795218045 (seconds since 1970), or 90m, \
         2h, 7d (ago)"
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
    /// Reads a date, `today` or `yesterday` (their local midnight), a date and clock with or without a zone, seconds or milliseconds since 1970, or how
    /// long ago: `90m`, `1h 30m`, `7d`.
    pub fn read(text: &str, now: Self, zone: &TimeZone) -> Result<Self, WhenError> {
        let text = text.trim();
        if let Some(day) = day(text, now, zone) {
            return midnight(day, zone).ok_or_else(|| WhenError::Unknown(text.into()));
        }
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

impl WallTime {
    /// The last moment that the same text means, which is what an `until` includes: a day counts to the millisecond before the next local midnight, a
    /// minute and a second to their ends.
    pub fn read_last(text: &str, now: Self, zone: &TimeZone) -> Result<Self, WhenError> {
        let text = text.trim();
        if let Some(day) = day(text, now, zone) {
            let next = day.tomorrow().ok().and_then(|next| midnight(next, zone));
            return next.map(|next| Self(next.0 - 1)).ok_or_else(|| WhenError::Unknown(text.into()));
        }
        Ok(Self(Self::read(text, now, zone)?.0 + precision_ms(text) - 1))
    }
}

/// The day that a text means, where it is one.
fn day(text: &str, now: WallTime, zone: &TimeZone) -> Option<Date> {
    let today = || Timestamp::from_millisecond(now.0).map(|now| now.to_zoned(zone.clone()).date()).ok();
    match text.to_ascii_lowercase().as_str() {
        "today" => today(),
        "yesterday" => today()?.yesterday().ok(),
        _ if text.len() == 10 && text.contains('-') => text.parse().ok(),
        _ => None,
    }
}

fn midnight(day: Date, zone: &TimeZone) -> Option<WallTime> {
    day.to_zoned(zone.clone()).ok().map(|zoned| WallTime(zoned.timestamp().as_millisecond()))
}

/// Precision of a time that was written as a clock time or a number, milliseconds; an age ("2h") is exact.
fn precision_ms(text: &str) -> i64 {
    let Some((_, clock)) = text.split_once(['T', 't', ' ']).filter(|(date, _)| date.len() == 10) else {
        return if matches!(text.len(), 9 | 10) && text.bytes().all(|byte| byte.is_ascii_digit()) { 1000 } else { 1 };
    };
    let clock = clock.split(['Z', 'z', '+', '-', '[']).next().unwrap_or_default();
    match (clock.matches(':').count(), clock.contains('.')) {
        (0, _) => 3_600_000,
        (1, _) => 60_000,
        (_, false) => 1000,
        (_, true) => 1,
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

/// Parses an age; days and weeks are those of the calendar.
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
    fn until_takes_all_of_what_is_written_and_days_begin_at_local_midnight() {
        let last = |text| WallTime::read_last(text, NOW, &zone()).map(WallTime::rfc3339);
        for (text, wanted) in [
            ("2026-11-21", "2026-11-21T21:59:59.999Z"),
            ("today", "2026-11-21T21:59:59.999Z"),
            ("Yesterday", "2026-11-20T21:59:59.999Z"),
            ("2026-11-21T10:30", "2026-11-21T08:30:59.999Z"),
            ("2026-11-21 10:30:05", "2026-11-21T08:30:05.999Z"),
            ("2026-11-21T10:30:00Z", "2026-11-21T10:30:00.999Z"),
            ("2026-11-21T10:30+01:00", "2026-11-21T09:30:59.999Z"),
            ("2026-11-21T10:30:00.250Z", "2026-11-21T10:30:00.250Z"),
            ("1795218045", "2026-11-20T23:40:45.999Z"),
            ("1795218045120", "2026-11-20T23:40:45.120Z"),
            ("1h", "2026-11-21T11:00:00.000Z"),
        ] {
            assert_eq!(last(text).as_deref(), Ok(wanted), "{text}");
        }
        assert_eq!(read("today").as_deref(), Ok("2026-11-20T22:00:00.000Z"));
        assert_eq!(read("yesterday").as_deref(), Ok("2026-11-19T22:00:00.000Z"));
        assert_eq!(read("7d").as_deref(), Ok("2026-11-14T12:00:00.000Z"));
        let Ok(berlin) = TimeZone::get("Europe/Berlin") else {
            eprintln!("skipped: this box has no time zone database");
            return;
        };
        let begin = WallTime::read("2026-10-25", NOW, &berlin).expect("a time");
        let end = WallTime::read_last("2026-10-25", NOW, &berlin).expect("a time");
        assert_eq!(end.0 - begin.0, 25 * 3_600_000 - 1, "a day of 25 hours");
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
            "tomorrow",
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
            for text in [&text, &near] {
                let _ = WallTime::read_last(text, NOW, &zone());
            }
        }

        #[test]
        fn what_the_api_prints_is_what_it_reads(ms in 100_000_000_000_i64..4_000_000_000_000) {
            prop_assert_eq!(WallTime::read(&WallTime(ms).rfc3339(), NOW, &zone()), Ok(WallTime(ms)));
        }
    }
}
