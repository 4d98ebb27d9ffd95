//! What the dashboard draws.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Level;

/// Calls of a span of time in figures.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Figures {
    /// Begin of the span.
    #[schema(format = DateTime)]
    pub since: String,
    /// Its end: calls that began before.
    #[schema(format = DateTime)]
    pub until: String,
    /// Length of a step, seconds: an hour up to a week, else a day of the calendar, which is an hour longer or shorter where the clocks change.
    pub step_seconds: i64,
    /// When each step begins, in order, also of steps without a call.
    pub starts: Vec<String>,
    /// The span as a whole.
    pub total: FigureTotals,
    /// Calls by how far they are.
    pub status: CallsByStage,
    /// Step by step.
    pub steps: Vec<CallStep>,
    /// Lag of the text, in steps of time.
    pub lag: Vec<LagStep>,
    /// Terms that were said most, 20 at most.
    pub keywords: Vec<KeywordCount>,
    /// Number of terms that were said.
    pub keywords_in_all: usize,
    /// Rules that fired most, 50 at most.
    pub alerts: Vec<RuleCount>,
    /// Number of rules that fired.
    pub alerts_in_all: usize,
    /// Agents with most calls, 50 at most.
    pub agents: Vec<AgentCount>,
    /// Number of agents with calls; calls without an agent count as those of one.
    pub agents_in_all: usize,
    /// Agents whose names are near, where nothing was found and nobody has the name that was asked for.
    pub similar_agents: Vec<String>,
}

/// A span of time as a whole.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FigureTotals {
    /// Calls.
    pub calls: i64,
    /// Their sound, seconds.
    pub audio_seconds: f64,
    /// Calls whose mean sentiment is negative.
    pub negative: i64,
    /// Calls whose mean sentiment is positive.
    pub positive: i64,
    /// Utterances that became text.
    pub utterances: i64,
    /// Share of them that was text within three seconds, 0 to 1; `null` without any.
    pub text_within_3_s: Option<f64>,
}

/// Calls by how far they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct CallsByStage {
    /// Their turn has not come.
    pub queued: i64,
    /// They run, or are being transcribed.
    pub processing: i64,
    /// All of them is text.
    pub completed: i64,
    /// Calls whose audio could not be decoded.
    pub failed: i64,
}

/// The calls of a step.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallStep {
    /// Begin of the step.
    #[schema(format = DateTime)]
    pub at: String,
    /// Calls that began in it.
    pub calls: i64,
    /// Their sound, seconds.
    pub audio_seconds: f64,
    /// Their mean sentiment, -1 to 1.
    pub sentiment: Option<f64>,
    /// Those whose mean sentiment is negative.
    pub negative: i64,
    /// Those whose mean sentiment is positive.
    pub positive: i64,
}

/// Lag of the text in one step of time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LagStep {
    /// Begin of the step.
    #[schema(format = DateTime)]
    pub at: String,
    /// Utterances that became text.
    pub utterances: i64,
    /// Median time from the last word of an utterance to its text, seconds.
    pub median: f64,
    /// The same: 95 % of them were faster.
    pub p95: f64,
}

/// A term that was said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct KeywordCount {
    /// The term.
    pub term: String,
    /// Its label in the pack.
    pub label: String,
    /// How often the term was said.
    pub count: i64,
    /// Number of calls in which it was said.
    pub calls: i64,
}

/// A rule that fired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct RuleCount {
    /// The rule.
    pub rule: String,
    /// Level of the rule.
    #[schema(value_type = Level)]
    pub level: String,
    /// How many alerts the rule raised.
    pub count: i64,
    /// Number of calls with such an alert.
    pub calls: i64,
}

/// An agent's calls.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentCount {
    /// The agent; `null` of calls without one.
    pub agent: Option<String>,
    /// Calls.
    pub calls: i64,
    /// Their sound, seconds.
    pub audio_seconds: f64,
    /// Their mean sentiment, -1 to 1.
    pub sentiment: Option<f64>,
    /// Those whose mean sentiment is negative.
    pub negative: i64,
    /// Those with an alert.
    pub with_alerts: i64,
}
