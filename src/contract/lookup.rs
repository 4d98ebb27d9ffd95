//! Calls as scripts look them up.

use serde::Serialize;
use utoipa::ToSchema;

use super::call::{CallSummary, Segment};

/// The calls that a key leads to, newest first.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FoundCalls {
    /// The calls; empty where none is known.
    pub calls: Vec<FoundCall>,
    /// Whether there are older ones than `limit` allows.
    pub more: bool,
}

/// A call with what was said.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct FoundCall {
    /// The fields that every list shows.
    #[serde(flatten)]
    pub summary: CallSummary,
    /// Its text as one string.
    pub cumulative_transcript: String,
    /// Language code, as `/transcript` has it: what the recogniser says of most of the text, else what its small words say.
    pub language: Option<String>,
    /// Labels of the keywords that were said, each once, in the order in which they were first said.
    pub keywords: Vec<String>,
    /// The label that the caller said most often, of several the first; `null` where the caller said none. Both sides of a mixed leg count as the caller.
    pub intent: Option<String>,
    /// Its segments; absent unless `include_segments` asks for them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub segments: Option<Vec<Segment>>,
}

/// The parameters of `/vici`, `/vici/start` and `/vici/dispo` as a form; docs/scripts.md names them.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct ViciRequest {
    /// Name of the function of `/vici`.
    pub function: Option<String>,
    /// ViciDial's user name, as ViciDial's URLs pass it.
    pub user: Option<String>,
    /// A token, with `[http] token_in_query`.
    pub pass: Option<String>,
    /// The call.
    pub uniqueid: Option<String>,
    /// The lead.
    pub lead_id: Option<String>,
    /// The dialer's number of the recording.
    pub recording_id: Option<String>,
}
