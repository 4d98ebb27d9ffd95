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
    /// The word of packs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AgentShare => "agent_share",
            Self::AgentInterruptions => "agent_interruptions",
            Self::CallerInterruptions => "caller_interruptions",
            Self::DeadAirS => "dead_air_s",
            Self::LongestSilenceS => "longest_silence_s",
            Self::AgentWordsPerMinute => "agent_words_per_minute",
            Self::CallerWordsPerMinute => "caller_words_per_minute",
        }
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
