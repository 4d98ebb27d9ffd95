//! A call as a whole: its score card, what was named in it, its summary.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::call::{Leg, Speaker};

/// A line of the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    /// Number of its segment.
    pub segment_id: i64,
    /// The leg of the line.
    pub leg: Leg,
    /// The words.
    pub text: String,
    /// Begin of the segment, seconds of the call.
    pub start_time: f64,
    /// The speaker of the line.
    pub speaker: Speaker,
}

/// A call's score card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
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
    /// Measures of how the call was spoken.
    pub measures: Measures,
    /// A pause no longer than this is ordinary, seconds.
    pub ordinary_pause_s: f64,
}

/// A criterion as the call has met it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Criterion {
    /// Its name.
    pub name: String,
    /// The criterion in one sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// Result of the criterion.
    pub outcome: CriterionOutcome,
    /// Points got.
    pub points: f64,
    /// Points that could be got; 0 where it was not asked for or is open.
    pub of: f64,
    /// Reason of the result, in a few words.
    pub reason: String,
    /// The words that decided it.
    pub quotes: Vec<Quote>,
}

/// Result of a criterion.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CriterionOutcome {
    /// As it should be.
    Met,
    /// Not as it should be.
    Missed,
    /// Nothing in this call asked for it, or the text does not allow a judgement.
    NotAsked,
    /// The call is not far enough.
    Open,
}

/// Measures of how a call was spoken; `null` where they cannot be known, as with both sides on one leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Measures {
    /// Speech of the agent, seconds.
    pub agent_speech_s: Option<f64>,
    /// Speech of the caller, seconds.
    pub caller_speech_s: Option<f64>,
    /// Speech on a leg with both sides, seconds.
    pub mixed_speech_s: Option<f64>,
    /// Reason why measures that need audio are absent.
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

/// An entity: a date, an amount, a name that was mentioned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct NamedEntity {
    /// Kind of the entity, as the packs name it.
    pub kind: String,
    /// The entity as it was said.
    pub text: String,
    /// Its value in the one form of its kind, where that is certain: `45.5 USD`, `2026-11-27`, `2026-W49`, `15:00`, `+442079460018`.
    pub value: Option<String>,
    /// The rule that found it: its pack and the line there.
    pub rule: String,
    /// Number of its segment.
    pub segment_id: i64,
    /// The leg on which it was said.
    pub leg: Leg,
    /// Begin of the segment, seconds of the call.
    pub start_time: f64,
    /// The speaker who said it.
    pub speaker: Speaker,
}

/// Entities of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Entities {
    /// The call.
    pub call_id: String,
    /// The entities, by place in the call.
    pub entities: Vec<NamedEntity>,
    /// Number of entities of each kind.
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
    /// Entities that the line is the first to mention.
    pub new_entities: Vec<NamedEntity>,
    /// All that was named up to its end, by kind.
    pub cumulative_entities: BTreeMap<String, Vec<String>>,
}

/// The lines that tell a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallDigest {
    /// The call.
    pub call_id: String,
    /// Summary in sentences, made of its labels and its own lines.
    pub text: String,
    /// The line that tells why the call was made.
    pub reason: Option<Quote>,
    /// The lines at which the mood turned, in order of time.
    pub turns: Vec<Turn>,
    /// The line that tells how the call ended.
    pub outcome: Option<Quote>,
    /// Method by which the lines were found: they are the call's own.
    #[schema(inline)]
    pub method: Extractive,
    /// Subject, outcome and open actions of the call, by the evidence of the packs.
    #[serde(flatten)]
    pub insights: CallInsights,
    /// The insights of a language model; `null` where none was asked.
    pub language_model: Option<ModelInsights>,
}

/// Subject, outcome and open actions of a call. Each lists the lines and rules that decided it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallInsights {
    /// Intents of the caller, the strongest first; empty where the evidence is too weak.
    pub intents: Vec<CallLabel>,
    /// Outcomes of the call, the strongest first.
    pub outcomes: Vec<CallLabel>,
    /// `normal`, `high` or `urgent`.
    pub priority: String,
    /// Lines and rules that decided the priority.
    pub priority_reasons: Vec<ReasonLine>,
    /// Talk about a payment; `null` where there was none.
    pub payment: Option<PaymentTalk>,
    /// Whether anything is left to do.
    pub action_required: bool,
    /// Lines and rules for and against it.
    pub action_reasons: Vec<ReasonLine>,
    /// Open actions.
    pub actions: Vec<ActionDue>,
    /// The caller's mood.
    pub sentiment: CallFeeling,
    /// What was talked about, the weightiest first.
    #[serde(default)]
    #[schema(required = true)]
    pub topics: Vec<CallTopic>,
    /// What was asked, in order of time, with its answers.
    #[serde(default)]
    #[schema(required = true)]
    pub questions: Vec<CallQuestion>,
}

/// Something that a call was about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallTopic {
    /// A label in words (`technical problem`), or a name as it was said.
    pub topic: String,
    /// What speaks for it: the evidence of an intent, and the segments with a keyword or name, up to three.
    pub weight: f64,
    /// Its part of the weights of all topics given, 0 to 1.
    pub share: f64,
    /// `intent`, `keyword` or `name`, or several of these.
    pub sources: Vec<TopicSource>,
    /// Numbers of its segments.
    pub segment_ids: Vec<i64>,
}

/// What makes something a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TopicSource {
    /// The evidence of the packs.
    Intent,
    /// A keyword.
    Keyword,
    /// An organisation, a place or a product that was named again.
    Name,
}

/// Something that was asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallQuestion {
    /// The sentence that asks.
    #[serde(flatten)]
    pub quote: Quote,
    /// What the other side answered; `null` where nothing answers it, and where one leg holds both sides.
    pub answer: Option<Quote>,
    /// The rule that found it: its pack and the line there, or `question mark`.
    pub rule: String,
}

/// The stored insights of a call: by the rules, and by a language model where one is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct InsightsMade {
    /// The insights by the evidence of the packs.
    #[serde(flatten)]
    pub insights: CallInsights,
    /// The insights of a language model; `null` where none was asked.
    pub language_model: Option<ModelInsights>,
}

/// The insights of a language model, as far as the call backs them. The rules' insights stay beside them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ModelInsights {
    /// It has answered.
    Told {
        /// The model.
        by: String,
        /// Intent of the customer.
        customer_intent: String,
        /// The caller's mood.
        sentiment: ToldSentiment,
        /// Whether anything is left to do.
        action_required: bool,
        /// The sentences that the call backs.
        summary: String,
        /// Sentences of its summary that were dropped, because the call does not back them.
        dropped: Vec<String>,
    },
    /// It has given no answer that counts.
    Failed {
        /// The model.
        by: String,
        /// Result of each try.
        reason: String,
    },
}

/// The caller's mood, as a language model tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToldSentiment {
    /// Content.
    Positive,
    /// Neither.
    Neutral,
    /// Discontent, or in need.
    Negative,
}

/// A label of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct CallLabel {
    /// The label, as the packs name it: `refund`, `promise_to_pay`.
    pub label: String,
    /// Sum of the weights of its reasons.
    pub score: f64,
    /// Its part of the sums of all labels given, 0 to 1.
    pub share: f64,
    /// Lines and rules that decided it, in order of time.
    pub reasons: Vec<ReasonLine>,
}

/// A line that spoke for something, or against it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ReasonLine {
    /// The sentence.
    #[serde(flatten)]
    pub quote: Quote,
    /// The words of it that counted.
    pub words: String,
    /// The rule: its pack and the line there.
    pub rule: String,
    /// Weight that the line added; below 0 where it speaks against the label.
    pub weight: f64,
}

/// Talk about a payment; the last sentence about it counts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct PaymentTalk {
    /// `promised`, `refused`, `paid` or `hardship`.
    pub state: String,
    /// The amount, as `320 GBP`, where one was named.
    pub amount: Option<String>,
    /// The day, where one was named in the same sentence: `2026-11-27`.
    pub due: Option<String>,
    /// The sentences and rules that decided the state.
    pub reasons: Vec<ReasonLine>,
}

/// An open action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ActionDue {
    /// The side that has to do it.
    pub owner: Speaker,
    /// The sentence that says so.
    #[serde(flatten)]
    pub quote: Quote,
    /// The day it is due, against the call's date: `2026-11-27`, a week `2026-W49`, a month `2026-12`.
    pub due: Option<String>,
    /// The day as it was said.
    pub due_text: Option<String>,
    /// The rule that found it.
    pub rule: String,
}

/// The caller's mood over the call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CallFeeling {
    /// A lexicon knows the language.
    Known {
        /// `positive`, `neutral` or `negative`.
        label: String,
        /// -1 to 1.
        compound: f64,
        /// Evidence beyond the words of the lexicon.
        reasons: Vec<ReasonLine>,
    },
    /// No lexicon knows the language.
    Unavailable,
}

super::words! {
    /// Lines of the call itself, nothing rewritten.
    Extractive = "extractive",
}

/// A line at which the mood turned.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Turn {
    /// The line.
    #[serde(flatten)]
    pub quote: Quote,
    /// Its sentiment, -1 to 1.
    pub sentiment: f64,
    /// Mean sentiment of the lines before, -1 to 1.
    pub before: f64,
}
