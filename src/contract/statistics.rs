//! Statistics of agents and campaigns, and where a call's disposition does not go with what was said.

use serde::Serialize;
use utoipa::ToSchema;

use super::review::Quote;
use crate::call::Level;

/// Sums over calls. What no call of them has is `null`: the dialer's seconds without a dialer, speech where a recording does not tell.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallSums {
    /// Calls.
    pub total_calls: i64,
    /// Calls that are over and were reviewed; what the score card and the dispositions say is about these.
    pub reviewed_calls: i64,
    /// Mean of the calls' mean sentiments, -1 to 1.
    pub avg_sentiment: Option<f64>,
    /// Alerts.
    pub total_alerts: i64,
    /// Mean length of the calls' sound, seconds.
    pub avg_duration: f64,
    /// Positive segments, of reviewed calls.
    pub total_positive: i64,
    /// Negative segments, of reviewed calls.
    pub total_negative: i64,
    /// Segments.
    pub total_segments: i64,
    /// Points of the score cards, of a hundred; `null` where nothing could be judged.
    pub score: Option<f64>,
    /// Points of the score cards.
    pub points: f64,
    /// Points that could be got.
    pub points_of: f64,
    /// Dispositions that do not go with what was said.
    pub total_findings: i64,
    /// The dialer's talk seconds; dead seconds are part of them.
    pub talk_seconds: Option<i64>,
    /// The dialer's wait seconds.
    pub wait_seconds: Option<i64>,
    /// The dialer's wrap seconds: from the end of the talk to the disposition.
    pub wrap_seconds: Option<i64>,
    /// The dialer's dead seconds: the customer had gone, the agent had not.
    pub dead_seconds: Option<i64>,
    /// The dialer's pause seconds.
    pub pause_seconds: Option<i64>,
    /// Mean wrap seconds of the calls that have them.
    pub avg_wrap_seconds: Option<f64>,
    /// Speech of the agent, seconds.
    pub agent_speech_seconds: Option<f64>,
    /// Speech of the caller, seconds.
    pub caller_speech_seconds: Option<f64>,
    /// Speech on legs with both sides, seconds.
    pub mixed_speech_seconds: Option<f64>,
    /// Silence beyond ordinary pauses, seconds.
    pub dead_air_seconds: Option<f64>,
    /// Time from the last word to the end of the audio, seconds.
    pub silent_end_seconds: Option<f64>,
    /// Time that the dialer counts as talk, without its dead seconds, and in which nobody spoke, seconds; of calls of which both are known.
    pub unspoken_talk_seconds: Option<f64>,
}

/// Sums over the calls of a day.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DaySums {
    /// The day, in local time.
    #[schema(format = Date)]
    pub date: String,
    /// Its calls.
    #[serde(flatten)]
    pub sums: CallSums,
}

/// Sums over the calls of a campaign, or with a disposition.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NamedSums {
    /// The campaign or the disposition; `null` for the calls without one.
    pub name: Option<String>,
    /// Its calls.
    #[serde(flatten)]
    pub sums: CallSums,
}

/// A call among the best or the worst: by the mean of its score and of its sentiment, each from 0 to 1. Calls of less than four segments are neither.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NotableCall {
    /// The call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Points of its score card, of a hundred.
    pub score: Option<f64>,
    /// Its mean sentiment, -1 to 1.
    pub sentiment: Option<f64>,
    /// Its page.
    pub url: String,
}

/// A call's disposition that does not go with what was said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct DispositionFinding {
    /// The call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub start_time: String,
    /// Its agent.
    pub agent: Option<String>,
    /// The rule.
    pub name: String,
    /// The rule in a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// Level of the rule; `null` where it raises no alert.
    pub level: Option<Level>,
    /// The disposition, in the dialer's own code.
    pub disposition: String,
    /// The line that shows it.
    pub quote: Quote,
}

/// An agent among others.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentSums {
    /// The agent's user or extension.
    pub agent: String,
    /// The agent's full name, as the dialer has it.
    pub agent_name: Option<String>,
    /// Their calls.
    #[serde(flatten)]
    pub sums: CallSums,
    /// Change of the mean sentiment from one day to the next; `null` with less than two days.
    pub sentiment_trend: Option<f64>,
    /// The best call.
    pub best_call: Option<NotableCall>,
    /// The worst call; `null` where there is no other.
    pub worst_call: Option<NotableCall>,
}

/// Agents with calls in a stretch of time, those with most calls first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentList {
    /// Begin of the time.
    #[schema(format = DateTime)]
    pub since: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub until: String,
    /// The campaign that was asked for.
    pub campaign: Option<String>,
    /// The agents.
    pub agents: Vec<AgentSums>,
    /// Calls whose agent is not known.
    pub calls_without_agent: i64,
}

/// An agent's calls, in figures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentStatistics {
    /// The agent, and all of their calls.
    #[serde(flatten)]
    pub agent: AgentSums,
    /// Days up to now.
    pub period_days: i64,
    /// Begin of the time.
    #[schema(format = DateTime)]
    pub since: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub until: String,
    /// Day by day; days without a call are left out.
    pub days: Vec<DaySums>,
    /// Sums by campaign, most calls first.
    pub campaigns: Vec<NamedSums>,
    /// Sums by disposition, most calls first.
    pub dispositions: Vec<NamedSums>,
    /// Dispositions that do not go with what was said, the newest first; 50 at most.
    pub findings: Vec<DispositionFinding>,
    /// Agents whose names are near, where nothing was found and nobody has the name that was asked for.
    pub similar_agents: Vec<String>,
}

/// A campaign's calls, in figures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CampaignStatistics {
    /// The campaign, in-group or queue.
    pub campaign: String,
    /// All of its calls.
    #[serde(flatten)]
    pub sums: CallSums,
    /// Days up to now.
    pub period_days: i64,
    /// Begin of the time.
    #[schema(format = DateTime)]
    pub since: String,
    /// Its end.
    #[schema(format = DateTime)]
    pub until: String,
    /// Change of the mean sentiment from one day to the next; `null` with less than two days.
    pub sentiment_trend: Option<f64>,
    /// The best call.
    pub best_call: Option<NotableCall>,
    /// The worst call; `null` where there is no other.
    pub worst_call: Option<NotableCall>,
    /// Day by day; days without a call are left out.
    pub days: Vec<DaySums>,
    /// Its agents, those with most calls first.
    pub agents: Vec<AgentSums>,
    /// Sums by disposition, most calls first.
    pub dispositions: Vec<NamedSums>,
    /// Dispositions that do not go with what was said, the newest first; 50 at most.
    pub findings: Vec<DispositionFinding>,
}

/// The review of a finished call, made at its end and again when its text or its disposition changes.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallReview {
    /// Time of the review.
    #[schema(format = DateTime)]
    pub reviewed_at: String,
    /// The disposition that was known then, in the dialer's own code.
    pub disposition: Option<String>,
    /// Points of the score card, of a hundred.
    pub score: Option<f64>,
    /// Speech of all sides, seconds.
    pub speech_seconds: Option<f64>,
    /// Silence beyond ordinary pauses, seconds.
    pub dead_air_seconds: Option<f64>,
    /// Time from the last word to the end of the audio, seconds.
    pub silent_end_seconds: Option<f64>,
    /// Time that the dialer counts as talk, without its dead seconds, and in which nobody spoke, seconds.
    pub unspoken_talk_seconds: Option<f64>,
    /// Dispositions that contradict the text.
    pub findings: Vec<DispositionFinding>,
}
