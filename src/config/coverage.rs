//! `[coverage]`: every call that the dialer says took place against what was recorded and heard.

use jiff::civil::Time;
use serde::Deserialize;

use super::mistake::Mistake;

/// `[coverage]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CoverageConfig {
    /// When the day before is looked at, local time; empty switches it off.
    pub at: String,
    /// Shorter calls need no recording, seconds.
    pub min_call_s: u32,
    /// Campaigns, in-groups and queues that record nothing by intent.
    pub unrecorded: Vec<String>,
}

/// A time of the day, `06:00`.
pub(super) fn time_of_day(text: &str) -> Option<Time> {
    let (hour, minute) = text.split_once(':')?;
    let is_number = |text: &str| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = |text: &str| is_number(text).then(|| text.parse().ok()).flatten();
    Time::new(number(hour)?, number(minute)?, 0, 0).ok()
}

impl Default for CoverageConfig {
    fn default() -> Self {
        Self { at: "06:00".into(), min_call_s: 10, unrecorded: Vec::new() }
    }
}

impl CoverageConfig {
    /// When the day before is looked at.
    pub fn at(&self) -> Option<Time> {
        time_of_day(&self.at)
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        if !self.at.is_empty() && self.at().is_none() {
            return Err(("coverage", "at", format!("{:?} is not a time like 06:00, nor empty", self.at)));
        }
        if self.min_call_s > 3600 {
            return Err(("coverage", "min_call_s", format!("{} is not from 0 to 3600", self.min_call_s)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_the_day_is_read_and_anything_else_refused() {
        let with = |at: &str| CoverageConfig { at: at.into(), ..CoverageConfig::default() };
        assert_eq!(with("06:30").at(), Some(Time::constant(6, 30, 0, 0)));
        assert!(with("").check().is_ok() && with("").at().is_none());
        for at in ["6:30", "24:00", "06:60", "06", "noon", "06:3x", "+6:30"] {
            assert!(with(at).check().is_err(), "{at}");
        }
    }
}
