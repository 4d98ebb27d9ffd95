//! What an agent sees of their own running call: its text and what to say, nothing else.

use serde::Serialize;
use utoipa::ToSchema;

use super::processing::CoachingKind;
use crate::call::Speaker;

/// What an agent sees.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentView {
    /// The agent.
    pub agent: String,
    /// The agent's running call; `null` without one.
    pub call: Option<AgentCall>,
}

/// An agent's running call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentCall {
    /// The call.
    pub call_id: String,
    /// Time at which the call began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// The last lines of its text, in order of time.
    pub lines: Vec<AgentLine>,
    /// What to say: to the caller's objections, the newest first, to alerts, and what is still to be disclosed.
    pub prompts: Vec<AgentPrompt>,
}

/// A line of the text.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentLine {
    /// The speaker of the segment.
    pub speaker: Speaker,
    /// Where in the call it begins, seconds.
    pub start_time: f64,
    /// The words.
    pub text: String,
}

/// A prompt for the agent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct AgentPrompt {
    /// Where in the call it came up, seconds; 0 of what is still to be disclosed.
    pub at: f64,
    /// Why it is to be said.
    pub kind: CoachingKind,
    /// What to say.
    pub text: String,
}

/// An address of the agents' page that works without a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct AgentLink {
    /// The address, without the host.
    pub url: String,
    /// The agent whose running call it shows.
    pub agent: String,
    /// Time at which the link expires.
    #[schema(format = DateTime)]
    pub expires_at: String,
}
