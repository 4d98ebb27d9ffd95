//! Taps: calls that lineside listens to by channels of its own.

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::Leg;

/// All calls that are tapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TapList {
    /// The calls, in order of their ids.
    pub taps: Vec<TappedCall>,
    /// Calls of Asterisk in which somebody talks, and that nobody taps or hears otherwise.
    pub unheard: Vec<UnheardCall>,
}

/// A call of Asterisk that lineside knows of and does not hear.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct UnheardCall {
    /// The call: by this name it can be tapped.
    pub call_id: String,
    /// The people on the call, by their channels.
    pub parties: Vec<TalkingParty>,
}

/// A person on a call, by a channel.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TalkingParty {
    /// The side of the call that the channel belongs to: agent or caller.
    pub leg: Leg,
    /// Name of the channel.
    pub channel: String,
}

/// A call that is tapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TappedCall {
    /// The call.
    pub call_id: String,
    /// Samples per second.
    pub rate: u32,
    /// Pattern of the rule that wants it; `null` where a person does.
    pub rule: Option<String>,
    /// Begin of the tap.
    #[schema(format = DateTime)]
    pub since: String,
    /// Its sides. The other one comes when somebody answers.
    pub sides: Vec<TappedSide>,
}

/// A side of a call that is tapped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TappedSide {
    /// The side that the tap listens to.
    pub leg: Leg,
    /// Name of the channel.
    pub channel: String,
    /// State of the tap.
    pub state: TapState,
    /// Reason why there is no tap; `null` where there is one.
    pub problem: Option<String>,
}

/// State of a tap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TapState {
    /// Asterisk was asked for it.
    Asked,
    /// It brings sound.
    Running,
    /// Asterisk could not make it.
    Failed,
}
