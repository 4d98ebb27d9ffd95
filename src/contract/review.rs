//! A call as a whole: its score card, what was named in it, its summary.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::call::{Leg, Speaker};

/// A line of the call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Quote {
    /// Number of its segment.
    pub segment_id: i64,
    /// On which leg.
    pub leg: Leg,
    /// The words.
    pub text: String,
    /// Begin of the segment, seconds of the call.
    pub start_time: f64,
    /// Who speaks.
    pub speaker: Speaker,
}

/// A call's score card.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ScoreCard {
    /// The call.
    pub call_id: String,
    /// Points got of a hundred; `null` where nothing could be judged.
    pub score: Option<f64>,
    /// Points got.
    pub points: f64,
    /// Points that could be got.
    pub of: f64,
    /// The criteria, in the order of the packs.
    pub criteria: Vec<Criterion>,
    /// How the call was spoken.
    pub measures: Measures,
    /// A pause no longer than this is ordinary, seconds.
    pub ordinary_pause_s: f64,
}

/// A criterion as the call has met it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// In a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// What became of it.
    pub outcome: CriterionOutcome,
    /// Points got.
    pub points: f64,
    /// Points that could be got; 0 where it was not asked for or is open.
    pub of: f64,
    /// Why, in a few words.
    pub reason: String,
    /// The words that decided it.
    pub quotes: Vec<Quote>,
}

/// What became of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriterionOutcome {
    /// As it should be.
    Met,
    /// Not as it should be.
    Missed,
    /// Nothing in this call asked for it, or the call does not tell.
    NotAsked,
    /// The call is not far enough.
    Open,
}

/// How a call was spoken; `null` where the call does not tell, as with both sides on one leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct Measures {
    /// Speech of the agent, seconds.
    pub agent_speech_s: Option<f64>,
    /// Speech of the caller, seconds.
    pub caller_speech_s: Option<f64>,
    /// Speech on a leg with both sides, seconds.
    pub mixed_speech_s: Option<f64>,
    /// Why figures are absent that need sound.
    pub absent: Option<String>,
    /// The agent's part of all speech, 0 to 1.
    pub agent_share: Option<f64>,
    /// Times when the agent began while the caller was speaking.
    pub agent_interruptions: Option<u32>,
    /// Times when the caller began while the agent was speaking.
    pub caller_interruptions: Option<u32>,
    /// Both sides at once, seconds.
    pub overlap_s: Option<f64>,
    /// Silence beyond ordinary pauses, seconds.
    pub dead_air_s: Option<f64>,
    /// The longest time when nobody spoke, seconds.
    pub longest_silence_s: Option<f64>,
    /// The agent's pace, words per minute.
    pub agent_words_per_minute: Option<f64>,
    /// The caller's pace, words per minute.
    pub caller_words_per_minute: Option<f64>,
}

/// Something that was named: a date, an amount, a name.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct NamedEntity {
    /// What it is.
    pub kind: String,
    /// As it was said.
    pub text: String,
    /// Number of its segment.
    pub segment_id: i64,
    /// On which leg.
    pub leg: Leg,
    /// Begin of the segment, seconds of the call.
    pub start_time: f64,
    /// Who named it.
    pub speaker: Speaker,
}

/// What was named in a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Entities {
    /// The call.
    pub call_id: String,
    /// What was named, by place.
    pub entities: Vec<NamedEntity>,
    /// How many of each kind.
    pub counts: BTreeMap<String, u64>,
}

/// A stretch of the call that named something for the first time.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EntityWindow {
    /// Its number, from 1.
    pub window: usize,
    /// Begin of its first line, seconds of the call.
    pub start_time: f64,
    /// The same as a time.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// What it names for the first time.
    pub new_entities: Vec<NamedEntity>,
    /// All that was named up to its end, by kind.
    pub cumulative_entities: BTreeMap<String, Vec<String>>,
}

/// The lines that tell a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallDigest {
    /// The call.
    pub call_id: String,
    /// Why it was made.
    pub reason: Option<Quote>,
    /// Where the mood turned, in order of time.
    pub turns: Vec<Turn>,
    /// What came of it.
    pub outcome: Option<Quote>,
    /// How the lines were found: they are the call's own.
    #[schema(inline)]
    pub method: Extractive,
}

super::words! {
    /// Lines of the call itself, nothing rewritten.
    Extractive = "extractive",
}

/// A line at which the mood turned.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Turn {
    /// The line.
    #[serde(flatten)]
    pub quote: Quote,
    /// Its sentiment, -1 to 1.
    pub sentiment: f64,
    /// Mean sentiment of the lines before, -1 to 1.
    pub before: f64,
}
