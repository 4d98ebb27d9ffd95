//! Runs the stages of finished calls: transcription, translation, entities, classification, summary, score card, insights.
//!
//! The queue is rows of the database, so a crash neither loses nor repeats a stage: a result counts only while its row still says that the stage is
//! in progress. A stage that fails is tried again later and does not delay the others. Stages give way to live work: none begins while the governor
//! leaves anything out of live text, and they run at the lowest priority.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::asked::TellCall;
use super::made::{json, transcribed};
use super::retranscribe::{RetranscribeError, Retranscriber};
use super::review::Desk;
use crate::call::{CallState, ProcessingMode, Stage, StageState, VadRun, WallTime};
use crate::contract::processing::{TextPass, TranslatedLine, TranslationMade};
use crate::contract::review::ModelInsights;
use crate::governor::Step;
use crate::pipeline::workers::Workers;
use crate::pipeline::workers::status::ModelState;
use crate::store::calls::CallRow;
use crate::store::stages::{StageOutcome, StageRow, StageSpan};
use crate::store::tags::NewTag;
use crate::store::{Store, StoreError};
use crate::translation::{Translate, TranslateError};

/// Pause when nothing is due.
const LOOK: Duration = Duration::from_millis(500);
/// Pause when the database does not answer.
const TROUBLE: Duration = Duration::from_secs(10);
/// A stage is tried so often.
const TRIES: u32 = 3;
/// Pause before the second try; four times as long before the third.
const RETRY_MS: i64 = 10_000;
/// A stage that cannot be made now is tried again after this many milliseconds.
const LATER_MS: i64 = 60_000;
/// Engine of a stage that the packs make.
const RULES: &str = "rules";
/// Engine of a stage that the packs and a language model make.
const RULES_AND_MODEL: &str = "rules+llm";
/// Reason of a skipped translation: English needs none.
const ENGLISH: &str = "the call is in English";
/// Reason of a translation that is unavailable without a model.
const NO_TRANSLATOR: &str = "no translator is configured";
/// Reason of a translation that is unavailable because the language is unknown.
const NO_LANGUAGE: &str = "the language of the text is not known";

/// The translation models; `None` where none is configured.
pub type Translator = Option<Arc<dyn Translate>>;

/// What the stages need, and what the API tells of it.
#[derive(Clone)]
pub struct Pipeline {
    /// The workers that transcribe, and the governor's orders to them.
    pub workers: Arc<Workers>,
    /// The translation models; `None` where none is configured.
    pub translator: Translator,
    /// The language model of the insights stage, beside the rules; `None` where none is configured.
    pub language_model: Option<Arc<dyn TellCall>>,
    /// The mode of sources that have none of their own.
    pub mode: ProcessingMode,
    /// Whether every call is transcribed again when it is over.
    pub final_pass: bool,
}

impl Pipeline {
    /// Engine and model that transcribe; `None` while there is none.
    pub fn speech_model(&self) -> Option<String> {
        match self.workers.status.get().model {
            ModelState::Ready { engine } => Some(engine),
            _ => None,
        }
    }

    /// The model of the translation.
    pub fn translation_model(&self) -> Option<String> {
        self.translator.as_ref().map(|translator| translator.model().to_owned())
    }

    /// The language model that is asked beside the rules.
    pub fn insights_model(&self) -> Option<String> {
        self.language_model.as_ref().map(|model| model.model().to_owned())
    }

    /// Reason why no stage may begin now; `None` where one may.
    pub fn waits_for(&self) -> Option<String> {
        let step = self.workers.orders.plan().step;
        (step > Step::NoPartialText).then(|| format!("live text comes first: {}", step.describe()))
    }
}

/// The tasks.
pub struct Stages {
    store: Store,
    desk: Desk,
    retranscriber: Retranscriber,
    pipeline: Pipeline,
    now: fn() -> WallTime,
}

/// The result of a try.
enum Made {
    /// The result, and the engine and model that made it.
    Result(String, Option<String>, Option<String>),
    /// A result by the packs, and the tags that they give by it.
    Tagged(String, Vec<NewTag>),
    /// A result in which something is missing: also why.
    Partly(String, Option<String>, Option<String>, String),
    /// It is not needed.
    Skipped(String),
    /// It cannot be made as things are set up.
    Unavailable(String),
    /// It should have worked.
    Failed(String),
}

impl Stages {
    /// Makes what is due with what the desk has in use.
    pub fn new(
        store: Store,
        desk: Desk,
        retranscriber: Retranscriber,
        pipeline: Pipeline,
        now: fn() -> WallTime,
    ) -> Self {
        Self { store, desk: desk.in_background(), retranscriber, pipeline, now }
    }

    /// Runs until it is stopped. Unfinished stages are due at the next start.
    pub async fn run(self, stop: CancellationToken) {
        let working = async {
            while let Err(error) = self.store.take_up_stages(TRIES, (self.now)()).await {
                tell(&error);
                tokio::time::sleep(TROUBLE).await;
            }
            // Speech takes hours and a language model minutes where rules take a second: none waits for the others.
            let asks = self.pipeline.language_model.is_some();
            let own = if asks { StageSpan::OWN } else { StageSpan::ALL };
            let asking = async {
                if asks {
                    self.work(false, StageSpan::ASKING).await;
                }
            };
            tokio::join!(self.work(false, own), self.work(true, StageSpan::ALL), asking);
        };
        tokio::select! {
            () = working => {}
            () = stop.cancelled() => {}
        }
    }

    async fn work(&self, again: bool, among: StageSpan) {
        loop {
            let pause = match self.turn(again, among).await {
                Ok(true) => Duration::ZERO,
                Ok(false) => LOOK,
                Err(error) => {
                    tell(&error);
                    TROUBLE
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Makes one stage that is due; whether there was one.
    async fn turn(&self, again: bool, among: StageSpan) -> Result<bool, StoreError> {
        if self.pipeline.waits_for().is_some() {
            return Ok(false);
        }
        let Some(stage) = self.store.due_stage_among((self.now)(), again, among).await? else { return Ok(false) };
        let Some(call) = self.store.call_of(stage.call).await? else { return Ok(true) };
        if !matches!(call.state, CallState::Completed | CallState::Failed) {
            // The call goes on; its stages are requested anew when it ends.
            self.store.put_off_stages(call.key, WallTime((self.now)().0 + LATER_MS)).await?;
            return Ok(true);
        }
        if stage.stage == Stage::Transcription && !self.may_begin(&stage, &call).await? {
            return Ok(true);
        }
        if !self.store.begin_stage(&stage, (self.now)()).await? {
            return Ok(true);
        }
        let made = self.make(&stage, &call).await.unwrap_or_else(|error| Made::Failed(error.to_string()));
        let outcome = self.outcome(&stage, &call, made);
        if outcome.state == StageState::Failed {
            metrics::counter!("lineside_stages_failed_total", "stage" => stage.stage.as_str()).increment(1);
        }
        metrics::counter!("lineside_stages_total", "stage" => stage.stage.as_str()).increment(1);
        // It stands as running until this is written.
        while let Err(error) = self.store.end_stage(&stage, outcome.clone(), (self.now)()).await {
            tell(&error);
            tokio::time::sleep(TROUBLE).await;
        }
        Ok(true)
    }

    async fn make(&self, stage: &StageRow, call: &CallRow) -> Result<Made, StoreError> {
        Ok(match stage.stage {
            Stage::Transcription if stage.again => self.transcribe(call, stage.vad).await?,
            Stage::Transcription => self.take_live(call).await?,
            Stage::Translation => self.translate(call).await?,
            Stage::Insights => self.insights(call).await?,
            Stage::Classification => match self.desk.classified_with_tags(call).await? {
                Some((result, tags)) => Made::Tagged(result, tags),
                None => Made::Failed("the classification cannot be written as JSON".into()),
            },
            other => match self.desk.made(call, other).await? {
                Some(result) => Made::Result(result, Some(RULES.into()), Some(self.desk.packs_of(call).join(", "))),
                None => Made::Failed("nothing makes this stage".into()),
            },
        })
    }

    /// Whether transcription may begin now. A call whose audio is to be transcribed again waits for the model and for its own turn.
    async fn may_begin(&self, stage: &StageRow, call: &CallRow) -> Result<bool, StoreError> {
        if !stage.again && !self.pipeline.final_pass {
            return Ok(true);
        }
        let later = WallTime((self.now)().0 + LATER_MS);
        match self.retranscriber.check(call).await {
            Err(RetranscribeError::NoModel) if stage.again => {
                self.store.put_off_stages(call.key, later).await?;
                Ok(false)
            }
            Ok(()) if !stage.again => {
                self.store.needs_sound(stage).await?;
                Ok(false)
            }
            Err(RetranscribeError::Store(error)) => Err(error),
            _ => Ok(true),
        }
    }

    /// Reads the sound again.
    async fn transcribe(&self, call: &CallRow, vad: VadRun) -> Result<Made, StoreError> {
        match self.retranscriber.check(call).await {
            Err(error @ (RetranscribeError::NoSound(_) | RetranscribeError::Held)) => {
                return Ok(Made::Unavailable(error.to_string()));
            }
            Err(error) => return Ok(Made::Failed(error.to_string())),
            Ok(()) => {}
        }
        match self.retranscriber.again(call, vad).await {
            Ok(()) => self.read_back(call, TextPass::Final).await,
            Err(problem) => Ok(Made::Failed(problem)),
        }
    }

    /// The text of the live call is taken as it is, or that of an earlier final pass.
    async fn take_live(&self, call: &CallRow) -> Result<Made, StoreError> {
        let was_again = self.store.was_transcribed_again(call.key).await?;
        self.read_back(call, if was_again { TextPass::Final } else { TextPass::Live }).await
    }

    async fn read_back(&self, call: &CallRow, pass: TextPass) -> Result<Made, StoreError> {
        let rows = self.store.segments(call.key).await?;
        let language = self.desk.language(&rows);
        let (result, engine) = transcribed(&rows, language, pass);
        let (engine, model) = match engine.as_deref().and_then(|name| name.split_once('/')) {
            Some((engine, model)) => (Some(engine.to_owned()), Some(model.to_owned())),
            None => (engine, None),
        };
        Ok(Made::Result(result, engine, model))
    }

    async fn translate(&self, call: &CallRow) -> Result<Made, StoreError> {
        let rows = self.store.segments(call.key).await?;
        let Some(language) = self.desk.language(&rows) else { return Ok(Made::Unavailable(NO_LANGUAGE.into())) };
        if language == "en" {
            return Ok(Made::Skipped(ENGLISH.into()));
        }
        let Some(translator) = self.pipeline.translator.clone() else {
            return Ok(Made::Unavailable(NO_TRANSLATOR.into()));
        };
        let (engine, model) = (translator.engine().to_owned(), translator.model().to_owned());
        let from = language.clone();
        let translated = self.desk.aside(move || {
            let lines: Vec<&str> = rows.iter().map(|row| row.text.as_str()).collect();
            let translated = translator.translate(&lines, &from)?;
            if translated.len() != rows.len() {
                let problem = format!("{} lines became {}", rows.len(), translated.len());
                return Err(TranslateError::Unusable { path: translator.model().into(), problem });
            }
            let line = |(row, text): (&crate::store::segments::SegmentRow, String)| TranslatedLine {
                segment_id: row.id,
                speaker: row.leg.into(),
                text,
            };
            Ok(rows.iter().zip(translated).map(line).collect::<Vec<_>>())
        });
        Ok(match translated.await? {
            Ok(lines) => {
                let made = TranslationMade { source_language: language, lines };
                Made::Result(json(&made).unwrap_or_default(), Some(engine), Some(model))
            }
            Err(error @ TranslateError::Unusable { .. }) => Made::Failed(error.to_string()),
            Err(error) => Made::Unavailable(error.to_string()),
        })
    }

    /// The insights of the call by the rules, and by a language model where one is configured. Without its answer the rules' insights count, with the
    /// reason.
    async fn insights(&self, call: &CallRow) -> Result<Made, StoreError> {
        let made = self.desk.came_to_with(call, self.pipeline.language_model.clone()).await?;
        let Some(result) = json(&made) else {
            return Ok(Made::Failed("the insights cannot be written as JSON".into()));
        };
        let packs = self.desk.packs_of(call).join(", ");
        Ok(match made.language_model {
            None => Made::Result(result, Some(RULES.into()), Some(packs)),
            Some(ModelInsights::Told { by, .. }) => {
                Made::Result(result, Some(RULES_AND_MODEL.into()), Some(format!("{packs}, {by}")))
            }
            Some(ModelInsights::Failed { reason, .. }) => {
                log::warn!("call {}: {reason}", call.call_id);
                Made::Partly(result, Some(RULES.into()), Some(packs), reason)
            }
        })
    }

    /// The end of a try: a result, another try, or a failure.
    fn outcome(&self, stage: &StageRow, call: &CallRow, made: Made) -> StageOutcome {
        let now = (self.now)();
        let without = |state, error, next| StageOutcome {
            state,
            result: None,
            engine: None,
            model: None,
            error: Some(error),
            next,
            tags: None,
        };
        let done = |result, engine, model, error| StageOutcome {
            state: StageState::Done,
            result: Some(result),
            engine,
            model,
            error,
            next: now,
            tags: None,
        };
        match made {
            Made::Result(result, engine, model) => done(result, engine, model, None),
            Made::Tagged(result, tags) => {
                let packs = Some(self.desk.packs_of(call).join(", "));
                StageOutcome { tags: Some(tags), ..done(result, Some(RULES.into()), packs, None) }
            }
            Made::Partly(result, engine, model, why) => done(result, engine, model, Some(why)),
            Made::Skipped(why) => without(StageState::Skipped, why, now),
            Made::Unavailable(why) => without(StageState::Unavailable, why, now),
            Made::Failed(problem) if stage.tries + 1 < TRIES => {
                let next = WallTime(now.0 + RETRY_MS * 4_i64.pow(stage.tries));
                log::warn!(
                    "call {}: stage {} is tried again at {}: {problem}",
                    call.call_id,
                    stage.stage,
                    next.rfc3339()
                );
                without(StageState::Pending, problem, next)
            }
            Made::Failed(problem) => {
                log::error!(
                    "call {}: stage {} failed {TRIES} times, the other stages go on: {problem}. Ask again with lineside process {} --stage {}",
                    call.call_id,
                    stage.stage,
                    call.call_id,
                    stage.stage
                );
                without(StageState::Failed, problem, now)
            }
        }
    }
}

/// Tells the exporter what these counters mean.
pub fn describe_metrics() {
    use metrics::describe_counter;
    describe_counter!("lineside_stages_total", "Tries of stages of calls that are over, by stage");
    describe_counter!("lineside_stages_failed_total", "Stages of calls that are over that failed for good, by stage");
}

fn tell(error: &StoreError) {
    let level = if error.is_waited_for() { log::Level::Debug } else { log::Level::Warn };
    log::log!(level, "stages of calls that are over wait, which is tried again: {error}");
}

#[cfg(test)]
mod tests;
