//! A calendar day in this machine's time zone, 23 or 25 hours long where the clock changes.

use std::fmt;
use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::call::WallTime;

/// The day.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LocalDay(Date);

impl LocalDay {
    /// The day of this moment.
    pub fn of(at: WallTime) -> Self {
        let at = Timestamp::from_millisecond(at.0).unwrap_or_default();
        Self(at.to_zoned(TimeZone::system()).date())
    }

    /// The day before.
    #[must_use]
    pub fn before(self) -> Self {
        self.minus(1)
    }

    /// The day this many days before.
    #[must_use]
    pub fn minus(self, days: u32) -> Self {
        Self(self.0.saturating_sub(i64::from(days).days()))
    }

    /// Begin of the day and of the next one.
    pub fn span(self) -> (WallTime, WallTime) {
        let begin = |date: Date| {
            let zoned = date.to_zoned(TimeZone::system());
            WallTime(zoned.map_or(0, |zoned| zoned.timestamp().as_millisecond()))
        };
        (begin(self.0), begin(self.0.saturating_add(1.day())))
    }
}

impl fmt::Display for LocalDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for LocalDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let today = || Self::of(WallTime(Timestamp::now().as_millisecond()));
        match text.to_ascii_lowercase().as_str() {
            "today" => return Ok(today()),
            "yesterday" => return Ok(today().before()),
            _ => {}
        }
        let date: Option<Date> = (text.len() == 10).then(|| text.parse().ok()).flatten();
        date.map(Self).ok_or_else(|| format!("{text:?} is not a day like 2026-11-23, today or yesterday"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_read_as_it_is_written_and_ends_where_the_next_one_begins() {
        let day: LocalDay = "2026-03-01".parse().expect("a day");
        assert_eq!((day.to_string(), day.before().to_string()), ("2026-03-01".into(), "2026-02-28".into()));
        assert_eq!((day.before().span().1, LocalDay::of(day.span().0)), (day.span().0, day));
        assert_eq!(
            "yesterday".parse::<LocalDay>().map(|day| day.to_string()),
            "today".parse().map(|day: LocalDay| day.before().to_string())
        );
        for text in ["", "tomorrow", "2026-02-30", "2026-3-1", "20260301", "2026-03-01T00:00"] {
            assert!(text.parse::<LocalDay>().is_err(), "{text}");
        }
    }
}
