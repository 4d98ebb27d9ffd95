//! `[sla]`: what a call may take.

use serde::Deserialize;

use super::mistake::Mistake;
use crate::call::sla::SlaLimits;

/// `[sla]`; 0 is no limit.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SlaConfig {
    /// The length of the call.
    pub max_call_minutes: f64,
    /// The time in the queue, until an agent answers.
    pub max_answer_s: u32,
    /// The longest hold.
    pub max_hold_s: u32,
    /// The longest time in which nobody speaks.
    pub max_silence_s: u32,
}

impl Default for SlaConfig {
    fn default() -> Self {
        Self { max_call_minutes: 10.0, max_answer_s: 0, max_hold_s: 0, max_silence_s: 0 }
    }
}

/// A day.
const MOST_S: u32 = 86_400;
const MOST_MINUTES: f64 = 1440.0;

impl SlaConfig {
    /// The limits that are set.
    pub fn limits(&self) -> SlaLimits {
        let seconds = |limit: u32| (limit > 0).then_some(i64::from(limit) * 1000);
        SlaLimits {
            call_ms: (self.max_call_minutes > 0.0).then_some((self.max_call_minutes * 60_000.0).round() as i64),
            answer_ms: seconds(self.max_answer_s),
            hold_ms: seconds(self.max_hold_s),
            silence_ms: seconds(self.max_silence_s),
        }
    }

    pub(super) fn check(&self) -> Result<(), Mistake> {
        // Written so that NaN is refused too.
        if !(0.0..=MOST_MINUTES).contains(&self.max_call_minutes) {
            let problem = format!("{} is not from 0 to {MOST_MINUTES}; 0 is no limit", self.max_call_minutes);
            return Err(("sla", "max_call_minutes", problem));
        }
        let seconds = [
            ("max_answer_s", self.max_answer_s),
            ("max_hold_s", self.max_hold_s),
            ("max_silence_s", self.max_silence_s),
        ];
        match seconds.into_iter().find(|(_, value)| *value > MOST_S) {
            Some((key, value)) => Err(("sla", key, format!("{value} is not from 0 to {MOST_S}; 0 is no limit"))),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    #[test]
    fn a_call_may_take_ten_minutes_unless_other_limits_are_set() {
        let ten_minutes = SlaLimits { call_ms: Some(600_000), ..SlaLimits::default() };
        assert_eq!(SlaConfig::default().limits(), ten_minutes);
        let set = "[sla]\nmax_call_minutes = 0\nmax_answer_s = 20\nmax_hold_s = 60\nmax_silence_s = 15\n";
        let limits = Config::parse(Path::new("x.toml"), set).expect("good").sla.limits();
        let seconds = |limit: i64| Some(limit * 1000);
        let wanted = SlaLimits { call_ms: None, answer_ms: seconds(20), hold_ms: seconds(60), silence_ms: seconds(15) };
        assert_eq!(limits, wanted);
        let half = Config::parse(Path::new("x.toml"), "[sla]\nmax_call_minutes = 7.5\n").expect("good");
        assert_eq!(half.sla.limits().call_ms, Some(450_000));
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        for (wrong, told) in [
            ("max_call_minutes = -1", "line 2: [sla] max_call_minutes: -1 is not from 0 to 1440"),
            ("max_call_minutes = nan", "line 2: [sla] max_call_minutes"),
            ("max_hold_s = 100000", "line 2: [sla] max_hold_s: 100000 is not from 0 to 86400"),
            ("minutes = 10", "line 2"),
            ("max_answer_s = \"20\"", "line 2"),
        ] {
            let error = Config::parse(Path::new("x.toml"), &format!("[sla]\n{wrong}\n")).expect_err(wrong);
            assert!(error.to_string().contains(told), "{wrong}: {error}");
        }
    }
}
