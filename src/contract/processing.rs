//! What is made of a call that is over, stage by stage, and how it grew while the call ran. As the call sessions API documents it, with more beside.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use super::call::CallDetail;
pub use super::pass::TextPass;
use super::review::{CallFeeling, CallLabel, ReasonLine};
use crate::call::{ProcessingMode, Speaker, Stage, StageState};

/// Progress of a call's stages.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProcessingStatus {
    /// The call.
    pub call_id: String,
    /// All stages together.
    pub processing_status: ProcessingState,
    /// The stage that is being made, else the next one; the last when all were gone through.
    pub current_stage: Stage,
    /// Stages that were gone through, also those that are not needed or cannot be made.
    pub stages_completed: Vec<Stage>,
    /// Stages that are to be made, or have failed.
    pub stages_remaining: Vec<Stage>,
    /// Part of the stages that were gone through, 0 to 100.
    pub progress_percentage: f64,
    /// Time at which the first of them began; `null` before.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// Time at which the last one ended, or its estimate by the pace of the last day; `null` where there is none.
    #[schema(format = DateTime)]
    pub estimated_completion: Option<String>,
    /// Reasons of failed stages, as `stage: reason`.
    pub errors: Vec<String>,
    /// Configuration of the stages.
    pub pipeline_config: PipelineConfig,
    /// Stage by stage.
    pub stages: Vec<StageShown>,
}

/// All stages of a call together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProcessingState {
    /// None was begun.
    Pending,
    /// Some were.
    InProgress,
    /// All were gone through.
    Completed,
    /// All were tried, and one has failed.
    Failed,
}

/// A stage of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct StageShown {
    /// The stage that the other fields describe.
    pub stage: Stage,
    /// State of the stage.
    pub state: StageState,
    /// Tries since it was asked for.
    pub tries: u32,
    /// The engine or rules that made it; `null` before.
    pub engine: Option<String>,
    /// Its model, or the packs.
    pub model: Option<String>,
    /// The version of lineside that made it.
    pub version: Option<String>,
    /// Time of the request.
    #[schema(format = DateTime)]
    pub queued_at: String,
    /// Time at which the last try began.
    #[schema(format = DateTime)]
    pub started_at: Option<String>,
    /// Time at which it ended.
    #[schema(format = DateTime)]
    pub completed_at: Option<String>,
    /// Reason why it failed, is not needed or cannot be made; for a finished stage, the part of the result that is missing.
    pub reason: Option<String>,
}

/// Configuration of the stages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PipelineConfig {
    /// Default mode of processing; for a single call its own mode.
    pub processing_mode: ProcessingMode,
    /// Whether every call is transcribed again when it is over.
    pub final_pass: bool,
    /// The speech model; `null` while there is none.
    pub transcription_model: Option<String>,
    /// The model of the translation; `null` where none is configured.
    pub translation_model: Option<String>,
    /// The language model that is asked in the insights stage, beside the rules; `null` where none is configured.
    pub insights_model: Option<String>,
    /// The packs that make all other stages.
    pub packs: Vec<String>,
}

/// All calls that wait for their stages.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProcessingOverview {
    /// Calls with stages that wait or are being made.
    pub queued_calls: u64,
    /// Ids of the calls of which a stage is in progress.
    pub in_progress: Vec<String>,
    /// Time at which the stage that has waited longest was requested.
    #[schema(format = DateTime)]
    pub oldest_queued_at: Option<String>,
    /// Reason why no stage may begin now, such as live text that needs the CPU; `null` where one may.
    pub waits_for: Option<String>,
    /// By stage: how many wait, are in progress, and ended in each state in the last 24 hours.
    pub stages: BTreeMap<String, StageTotals>,
    /// Configuration of the stages.
    pub pipeline_config: PipelineConfig,
}

/// Number of stages of one kind in each state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, ToSchema)]
pub struct StageTotals {
    /// Stages that wait for their turn.
    pub pending: u64,
    /// Being made.
    pub running: u64,
    /// Made.
    pub done: u64,
    /// Failed.
    pub failed: u64,
    /// Stages that were not needed.
    pub skipped: u64,
    /// Stages that the configuration does not allow.
    pub unavailable: u64,
    /// Mean time of one, seconds; `null` where none was made.
    pub mean_seconds: Option<f64>,
}

/// A call's text in English.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallTranslation {
    /// The call.
    pub call_id: String,
    /// The text as one string. Of an English call its own text; empty where there is no translation.
    pub cumulative_translation: String,
    /// The language of the translation.
    #[schema(inline)]
    pub language: English,
    /// The language that was spoken; `null` where it is not known.
    pub source_language: Option<String>,
    /// The model that translated; `null` where none did.
    pub translation_model: Option<String>,
    /// `done`, `skipped` of an English call, `unavailable` without a translator, `pending` before it is made.
    pub state: StageState,
    /// Reason why there is no translation, or why none is needed.
    pub reason: Option<String>,
    /// Line by line, in the order of the segments.
    pub segments: Vec<TranslatedLine>,
}

super::words! {
    /// The language into which is translated.
    English = "en",
}

/// A line in English.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TranslatedLine {
    /// Number of its segment.
    pub segment_id: i64,
    /// The speaker of the line: agent, caller, or unknown on a mixed leg.
    pub speaker: Speaker,
    /// The words.
    pub text: String,
}

/// The stored result of a translation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TranslationMade {
    /// The language that was spoken.
    pub source_language: String,
    /// Line by line.
    pub lines: Vec<TranslatedLine>,
}

/// Classification of a call, with the evidence for it.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallClassification {
    /// The strongest intent; `null` where the evidence is too weak.
    pub main_category: Option<String>,
    /// The strongest outcome.
    pub outcome: Option<String>,
    /// `normal`, `high` or `urgent`.
    pub priority: String,
    /// Whether anything is left to do.
    pub action_required: bool,
    /// Part of the strongest intent in all intents, 0 to 1; 0 without one.
    pub confidence: f64,
    /// The caller's mood.
    pub sentiment: CallFeeling,
    /// Intents of the caller, the strongest first.
    pub intents: Vec<CallLabel>,
    /// Outcomes of the call, the strongest first.
    pub outcomes: Vec<CallLabel>,
    /// Lines and rules that decided the priority.
    pub priority_reasons: Vec<ReasonLine>,
}

/// Result of the transcription stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct TranscriptionMade {
    /// `live`, or `final` where the call was transcribed again.
    pub pass: TextPass,
    /// The language; `null` where it is not known.
    pub language: Option<String>,
    /// Segments.
    pub segments: usize,
}

/// Differences between the text of the live call and that of the final pass.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PassChanges {
    /// The call.
    pub call_id: String,
    /// Passes of the call.
    pub passes: Vec<TextPass>,
    /// Words of the live text.
    pub live_words: usize,
    /// Words of the final text.
    pub final_words: usize,
    /// Words that only one of them has.
    pub changed_words: usize,
    /// Stretches with other words, in order of time.
    pub changes: Vec<PassChange>,
}

/// A stretch of a call with other words in the final pass.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct PassChange {
    /// Begin of the stretch, seconds of the call.
    pub start_time: f64,
    /// The speaker of the stretch.
    pub speaker: Speaker,
    /// The words as they were; empty where there were none.
    pub live: String,
    /// The words as they are; empty where there are none any more.
    #[serde(rename = "final")]
    pub later: String,
}

/// Analysis of a call while it runs, up to its last words.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ProgressiveAnalysis {
    /// The call.
    pub call_id: String,
    /// Its text in English, as far as there is any.
    pub cumulative_translation: String,
    /// Lines of the translation.
    pub translation_windows: usize,
    /// Entities so far, by kind.
    pub latest_entities: BTreeMap<String, Vec<String>>,
    /// Classification so far.
    pub latest_classification: CallClassification,
    /// Growth of the analysis.
    pub evolution_data: EvolutionData,
    /// Prompts for the agent, and points that are still to be mentioned.
    pub coaching: Vec<CoachingPrompt>,
}

/// Growth of a call's analysis, in figures; `/entity-evolution` and `/classification-evolution` show it whole.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct EvolutionData {
    /// Windows that named something new.
    pub entity_windows: usize,
    /// Windows of the classification.
    pub classification_windows: usize,
    /// Those that changed something.
    pub classification_changes: usize,
    /// Time at which the classification changed last, seconds of the call; `null` where it never did.
    pub last_change_time: Option<f64>,
}

/// A prompt for the agent.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CoachingPrompt {
    /// `objection`: the caller objects; `alert`: the rule of an alert has an answer; `disclosure`: something is still to be disclosed.
    pub kind: CoachingKind,
    /// The objection, rule or criterion.
    pub rule: String,
    /// Text of the prompt.
    pub text: String,
    /// Where in the call it came up, seconds; `null` of what is still to be disclosed.
    pub start_time: Option<f64>,
}

/// What to say next on a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallCoaching {
    /// The call.
    pub call_id: String,
    /// Answers to the caller's objections of the last three minutes, then to alerts, then what is still to be disclosed.
    pub coaching: Vec<CoachingPrompt>,
}

/// Reason of a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CoachingKind {
    /// The caller objects, and a pack has an answer.
    Objection,
    /// The rule of an alert has an answer.
    Alert,
    /// It has not been said yet.
    Disclosure,
}

/// Analysis of a call up to some place.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClassificationWindow {
    /// Its number, from 1.
    pub window: usize,
    /// Begin of its first line, seconds of the call.
    pub start_time: f64,
    /// End of its last line, seconds of the call.
    pub end_time: f64,
    /// Its end as a time.
    #[schema(format = DateTime)]
    pub timestamp: String,
    /// Up to its end.
    pub classification: ClassificationShot,
    /// Whether it is another one than in the window before.
    pub changed: bool,
    /// Every field that differs from the window before, with both values.
    pub changes: Vec<ClassificationChange>,
}

/// A classification in short.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct ClassificationShot {
    /// The strongest intent.
    pub main_category: Option<String>,
    /// The strongest outcome.
    pub outcome: Option<String>,
    /// `normal`, `high` or `urgent`.
    pub priority: String,
    /// The caller's mood: `positive`, `neutral`, `negative`; `null` where no lexicon knows the language.
    pub sentiment: Option<String>,
    /// Whether anything is left to do.
    pub action_required: bool,
    /// Part of the strongest intent in all intents, 0 to 1.
    pub confidence: f64,
}

/// A field of a classification that is another one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ClassificationChange {
    /// Name of the field that changed.
    pub field: String,
    /// Value before; `null` where there was none.
    pub from: Option<String>,
    /// Value from now on; `null` where there is none.
    pub to: Option<String>,
}

/// A call with all that was made of it. The text is that of the pass that was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct CallExport {
    /// The call. Here `metadata` holds `start_time`, `end_time`, `duration` and `status` too.
    #[serde(flatten)]
    pub call: CallDetail,
    /// Its text.
    pub transcription: ExportedText,
    /// Its text in English.
    pub translation: ExportedTranslation,
    /// Entities of the call, by kind.
    pub entities: BTreeMap<String, Vec<String>>,
    /// Classification of the call; empty before it is known.
    #[schema(value_type = Object)]
    pub classification: Value,
    /// Summary of the call, `text` in sentences; empty before it is known.
    #[schema(value_type = Object)]
    pub summary: Value,
    /// Insights of the call; empty before they are known.
    #[schema(value_type = Object)]
    pub insights: Value,
    /// Progress of the call's stages.
    pub processing_info: ProcessingStatus,
}

/// The text of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExportedText {
    /// All of it.
    pub original: String,
    /// The language; `null` where it is not known.
    pub language: Option<String>,
    /// The pass of the segment.
    pub pass: TextPass,
}

/// The translation of an export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct ExportedTranslation {
    /// All of it. Of an English call its own text; empty where there is no translation.
    pub translated: String,
    /// The language of the translation.
    #[schema(inline)]
    pub language: English,
    /// State of the translation, as in `GET /api/v1/calls/{id}/translation`.
    pub state: StageState,
    /// Reason why there is no translation, or why none is needed.
    pub reason: Option<String>,
}
