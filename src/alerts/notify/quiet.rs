//! Quiet hours: a stretch of every day, local time, that may run over midnight.

use serde::Deserialize;

/// `"22:00-07:00"`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quiet {
    from_min: u32,
    to_min: u32,
}

impl TryFrom<String> for Quiet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let minutes = |time: &str| {
            let (hour, minute) = time.trim().split_once(':')?;
            let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
            (hour < 24 && minute < 60 || (hour, minute) == (24, 0)).then_some(hour * 60 + minute)
        };
        text.split_once('-')
            .and_then(|(from, to)| Some(Self { from_min: minutes(from)?, to_min: minutes(to)? }))
            .ok_or_else(|| format!("quiet is {text:?}; two times of day are wanted, like 22:00-07:00"))
    }
}

impl Quiet {
    /// Whether this minute of the day, from 0, is quiet.
    pub fn holds(self, minute: u32) -> bool {
        if self.from_min <= self.to_min {
            (self.from_min..self.to_min).contains(&minute)
        } else {
            minute >= self.from_min || minute < self.to_min
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_over_midnight_are_quiet_on_both_sides_of_it() {
        let quiet = |text: &str| Quiet::try_from(text.to_owned()).expect("quiet hours");
        let night = quiet("22:00-07:00");
        assert_eq!(
            [0, 419, 420, 1319, 1320, 1439].map(|minute| night.holds(minute)),
            [true, true, false, false, true, true]
        );
        assert_eq!([719, 720, 779, 780].map(|minute| quiet("12:00-13:00").holds(minute)), [false, true, true, false]);
        for bad in ["", "22:00", "24:01-01:00", "1:60-2:00", "a-b"] {
            assert!(Quiet::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
