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
    /// Who talks.
    pub parties: Vec<TalkingParty>,
}

/// Somebody who talks in a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TalkingParty {
    /// Whose side.
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
    /// Since when.
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
    /// How its tap is.
    pub state: TapState,
    /// Why there is none; `null` where there is.
    pub problem: Option<String>,
}

/// How a tap is.
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
