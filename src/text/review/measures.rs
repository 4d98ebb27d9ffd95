//! How a call was spoken: shares, pace, silence, interruptions. Figures only; who makes them says how.

use serde::{Deserialize, Serialize};

/// What a criterion may measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// The agent's part of all speech, 0 to 1.
    AgentShare,
    /// Times when the agent began while the caller was speaking.
    AgentInterruptions,
    /// Times when the caller began while the agent was speaking.
    CallerInterruptions,
    /// Silence beyond ordinary pauses in all, seconds.
    DeadAirS,
    /// The longest time when nobody spoke, seconds.
    LongestSilenceS,
    /// The agent's pace.
    AgentWordsPerMinute,
    /// The caller's pace.
    CallerWordsPerMinute,
}

impl Measure {
    /// A value as people say it.
    fn amount(self, value: f64) -> String {
        match self {
            Self::AgentShare => format!("{:.0}%", value * 100.0),
            Self::AgentInterruptions | Self::CallerInterruptions if value == 1.0 => "once".into(),
            Self::AgentInterruptions | Self::CallerInterruptions => format!("{value:.0} times"),
            Self::DeadAirS | Self::LongestSilenceS => format!("{value:.0} s"),
            Self::AgentWordsPerMinute | Self::CallerWordsPerMinute => format!("{value:.0} words a minute"),
        }
    }

    /// What was found, and what is wanted, in words: "interrupted the caller 6 times, at most 2".
    pub fn told(self, value: f64, low: f64, high: f64) -> String {
        let found = self.amount(value);
        let found = match self {
            Self::AgentShare => format!("the agent speaks {found} of the time"),
            Self::AgentInterruptions if value == 0.0 => "never interrupted the caller".into(),
            Self::AgentInterruptions => format!("interrupted the caller {found}"),
            Self::CallerInterruptions if value == 0.0 => "was never interrupted by the caller".into(),
            Self::CallerInterruptions => format!("was interrupted by the caller {found}"),
            Self::DeadAirS => format!("nobody spoke for {found} in all"),
            Self::LongestSilenceS => format!("the longest silence is {found}"),
            Self::AgentWordsPerMinute => format!("the agent speaks {found}"),
            Self::CallerWordsPerMinute => format!("the caller speaks {found}"),
        };
        // The unit is said once where the value is a count of it.
        let limit = |value: f64| match self {
            Self::AgentShare | Self::DeadAirS | Self::LongestSilenceS => self.amount(value),
            _ => format!("{value:.0}"),
        };
        match (low > 0.0 && low.is_finite(), high.is_finite()) {
            (true, true) => format!("{found}, {} to {} is wanted", limit(low), limit(high)),
            (true, false) => format!("{found}, at least {}", limit(low)),
            (false, true) => format!("{found}, at most {}", limit(high)),
            (false, false) => found,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measure_is_told_as_people_say_it() {
        let most = |measure: Measure, value: f64, high: f64| measure.told(value, 0.0, high);
        assert_eq!(most(Measure::AgentInterruptions, 6.0, 2.0), "interrupted the caller 6 times, at most 2");
        assert_eq!(most(Measure::AgentInterruptions, 1.0, 2.0), "interrupted the caller once, at most 2");
        assert_eq!(most(Measure::AgentInterruptions, 0.0, 2.0), "never interrupted the caller, at most 2");
        assert_eq!(most(Measure::LongestSilenceS, 41.4, 15.0), "the longest silence is 41 s, at most 15 s");
        let pace = Measure::AgentWordsPerMinute.told(190.0, 100.0, 170.0);
        assert_eq!(pace, "the agent speaks 190 words a minute, 100 to 170 is wanted");
        let share = Measure::AgentShare.told(0.14, 0.2, f64::INFINITY);
        assert_eq!(share, "the agent speaks 14% of the time, at least 20%");
    }
}

/// A call's figures; `None` where the call does not tell, as with both sides on one leg, or text without its sound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct CallMeasures {
    /// Speech of the agent, seconds.
    pub agent_speech_s: Option<f64>,
    /// Speech of the caller, seconds.
    pub caller_speech_s: Option<f64>,
    /// Speech of nobody knows whom, seconds.
    pub mixed_speech_s: Option<f64>,
    /// Why figures are absent that need sound.
    pub absent: Option<&'static str>,
    /// See [`Measure::AgentShare`].
    pub agent_share: Option<f64>,
    /// See [`Measure::AgentInterruptions`].
    pub agent_interruptions: Option<u32>,
    /// See [`Measure::CallerInterruptions`].
    pub caller_interruptions: Option<u32>,
    /// Both sides at once, seconds.
    pub overlap_s: Option<f64>,
    /// See [`Measure::DeadAirS`].
    pub dead_air_s: Option<f64>,
    /// See [`Measure::LongestSilenceS`].
    pub longest_silence_s: Option<f64>,
    /// See [`Measure::AgentWordsPerMinute`].
    pub agent_words_per_minute: Option<f64>,
    /// See [`Measure::CallerWordsPerMinute`].
    pub caller_words_per_minute: Option<f64>,
}

impl CallMeasures {
    /// One of them.
    pub fn get(&self, measure: Measure) -> Option<f64> {
        match measure {
            Measure::AgentShare => self.agent_share,
            Measure::AgentInterruptions => self.agent_interruptions.map(f64::from),
            Measure::CallerInterruptions => self.caller_interruptions.map(f64::from),
            Measure::DeadAirS => self.dead_air_s,
            Measure::LongestSilenceS => self.longest_silence_s,
            Measure::AgentWordsPerMinute => self.agent_words_per_minute,
            Measure::CallerWordsPerMinute => self.caller_words_per_minute,
        }
    }
}
