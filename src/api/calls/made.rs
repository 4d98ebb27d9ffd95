//! The stages of a finished call and their results: `GET /api/v1/calls/{id}/processing`, `/translation`, `/passes`, `GET
//! /api/v1/calls/processing/status`, `POST /api/v1/calls/{id}/trigger-ai-pipeline`.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::find::find_call;
use super::passes;
use super::shown::cumulative;
use crate::api::request::{ApiError, Clock, Parameters};
use crate::call::{ProcessingMode, Stage, StageState, VadRun, WallTime};
use crate::contract::problem::{Part, Problem};
use crate::contract::processing::{
    CallTranslation, English, PassChanges, PipelineConfig, ProcessingOverview, ProcessingState, ProcessingStatus,
    StageShown, StageTotals,
};
use crate::pipeline::finished::retranscribe::{RetranscribeError, RetranscribeQueue};
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::stages::Pipeline;
use crate::priority;
use crate::store::Store;
use crate::store::calls::CallRow;
use crate::store::segments::SegmentRow;
use crate::store::stages::StageRow;

type Answer<T> = Result<Json<T>, ApiError>;

/// Query parameters of `trigger-ai-pipeline`.
pub(in crate::api) const TRIGGER: &[&str] = &["stage", "from", "vad"];
/// Stages that ended in this time are counted.
const LATELY_MS: i64 = 86_400_000;

/// Configuration of the stages, for a call in its mode.
fn set_up(pipeline: &Pipeline, packs: Vec<String>, mode: ProcessingMode) -> PipelineConfig {
    PipelineConfig {
        processing_mode: mode,
        final_pass: pipeline.final_pass,
        transcription_model: pipeline.speech_model(),
        translation_model: pipeline.translation_model(),
        insights_model: pipeline.insights_model(),
        packs,
    }
}

/// `GET /api/v1/calls/{id}/processing`
pub(in crate::api) async fn processing(
    State(store): State<Store>,
    State(desk): State<Desk>,
    State(pipeline): State<Pipeline>,
    State(clock): State<Clock>,
    Path(id): Path<String>,
) -> Answer<ProcessingStatus> {
    let call = find_call(&store, &id).await?;
    Ok(Json(status_of(&store, &desk, &pipeline, &call, clock.now()).await?))
}

/// Progress of a call's stages.
pub(super) async fn status_of(
    store: &Store,
    desk: &Desk,
    pipeline: &Pipeline,
    call: &CallRow,
    now: WallTime,
) -> Result<ProcessingStatus, ApiError> {
    let rows = store.stages(call.key).await?;
    let is_open = rows.iter().any(|row| row.state.is_open());
    let means = if is_open { store.stage_counts(WallTime(now.0 - LATELY_MS)).await?.mean_ms } else { BTreeMap::new() };
    Ok(status(&call.call_id, &rows, &means, set_up(pipeline, desk.packs_of(call), call.mode), now))
}

fn status(
    call_id: &str,
    rows: &[StageRow],
    means: &BTreeMap<Stage, f64>,
    pipeline_config: PipelineConfig,
    now: WallTime,
) -> ProcessingStatus {
    let state = |stage: Stage| rows.iter().find(|row| row.stage == stage).map(|row| row.state);
    // A call that was asked for some stages has those alone.
    let wanted: Vec<Stage> =
        if rows.is_empty() { Stage::ALL.to_vec() } else { rows.iter().map(|row| row.stage).collect() };
    let is_through =
        |stage: &&Stage| state(**stage).is_some_and(|state| !state.is_open() && state != StageState::Failed);
    let stages_completed: Vec<Stage> = wanted.iter().filter(is_through).copied().collect();
    let stages_remaining: Vec<Stage> = wanted.iter().filter(|stage| !is_through(stage)).copied().collect();
    let any = |wanted: StageState| rows.iter().any(|row| row.state == wanted);
    let processing_status = match rows {
        [] => ProcessingState::Pending,
        _ if any(StageState::Running) => ProcessingState::InProgress,
        _ if any(StageState::Pending) && stages_completed.is_empty() && !any(StageState::Failed) => {
            ProcessingState::Pending
        }
        _ if any(StageState::Pending) => ProcessingState::InProgress,
        _ if any(StageState::Failed) => ProcessingState::Failed,
        _ => ProcessingState::Completed,
    };
    let of_state = |wanted: StageState| rows.iter().find(|row| row.state == wanted).map(|row| row.stage);
    let current = of_state(StageState::Running).or(of_state(StageState::Pending)).or(of_state(StageState::Failed));
    let last = wanted.last().copied().unwrap_or(Stage::Insights);
    let unbegun = if rows.is_empty() { Stage::Transcription } else { last };
    let ended = rows.iter().filter_map(|row| row.done).max();
    let left: Option<f64> = rows.iter().filter(|row| row.state.is_open()).map(|row| means.get(&row.stage)).sum();
    let estimated = match processing_status {
        ProcessingState::Completed | ProcessingState::Failed => ended,
        _ if rows.is_empty() => None,
        _ => left.map(|ms| WallTime(now.0 + ms as i64)),
    };
    let failed = rows.iter().filter(|row| row.state == StageState::Failed);
    ProcessingStatus {
        call_id: call_id.to_owned(),
        processing_status,
        current_stage: current.unwrap_or(unbegun),
        progress_percentage: (stages_completed.len() as f64 / wanted.len() as f64 * 1000.0).round() / 10.0,
        stages_completed,
        stages_remaining,
        started_at: rows.iter().filter_map(|row| row.started).min().map(WallTime::rfc3339),
        estimated_completion: estimated.map(WallTime::rfc3339),
        errors: failed.map(|row| format!("{}: {}", row.stage, row.error.as_deref().unwrap_or("unknown"))).collect(),
        pipeline_config,
        stages: rows.iter().map(shown).collect(),
    }
}

fn shown(row: &StageRow) -> StageShown {
    StageShown {
        stage: row.stage,
        state: row.state,
        tries: row.tries,
        engine: row.engine.clone(),
        model: row.model.clone(),
        version: row.version.clone(),
        queued_at: row.queued.rfc3339(),
        started_at: row.started.map(WallTime::rfc3339),
        completed_at: row.done.map(WallTime::rfc3339),
        reason: row.error.clone(),
    }
}

/// `GET /api/v1/calls/processing/status`
pub(in crate::api) async fn overview(
    State(store): State<Store>,
    State(desk): State<Desk>,
    State(pipeline): State<Pipeline>,
    State(clock): State<Clock>,
) -> Answer<ProcessingOverview> {
    let counted = store.stage_counts(WallTime(clock.now().0 - LATELY_MS)).await?;
    let mut stages: BTreeMap<String, StageTotals> =
        Stage::ALL.iter().map(|stage| (stage.as_str().to_owned(), StageTotals::default())).collect();
    for (stage, state, count) in &counted.counts {
        let totals = stages.entry(stage.as_str().to_owned()).or_default();
        let place = match state {
            StageState::Pending => &mut totals.pending,
            StageState::Running => &mut totals.running,
            StageState::Done => &mut totals.done,
            StageState::Failed => &mut totals.failed,
            StageState::Skipped => &mut totals.skipped,
            StageState::Unavailable => &mut totals.unavailable,
        };
        *place += count;
        totals.mean_seconds = counted.mean_ms.get(stage).map(|ms| ms / 1000.0);
    }
    Ok(Json(ProcessingOverview {
        queued_calls: counted.waiting,
        in_progress: store.calls_in_stages().await?,
        oldest_queued_at: counted.oldest.map(WallTime::rfc3339),
        waits_for: pipeline.waits_for(),
        stages,
        pipeline_config: set_up(&pipeline, desk.packs(), pipeline.mode),
    }))
}

/// `GET /api/v1/calls/{id}/translation`
pub(in crate::api) async fn translation(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<CallTranslation> {
    let call = find_call(&store, &id).await?;
    let rows = store.segments(call.key).await?;
    Ok(Json(translation_of(&store, &desk, &call, &rows).await?))
}

/// A call's text in English, as far as there is any.
pub(super) async fn translation_of(
    store: &Store,
    desk: &Desk,
    call: &CallRow,
    rows: &[SegmentRow],
) -> Result<CallTranslation, ApiError> {
    let stages = store.stages(call.key).await?;
    let stage = stages.into_iter().find(|stage| stage.stage == Stage::Translation);
    let language = desk.language(rows);
    let empty = CallTranslation {
        call_id: call.call_id.clone(),
        cumulative_translation: String::new(),
        language: English::It,
        source_language: language.clone(),
        translation_model: None,
        state: StageState::Pending,
        reason: None,
        segments: Vec::new(),
    };
    if language.as_deref() == Some("en") {
        let reason = Some("the call is in English".into());
        let text = cumulative(rows);
        return Ok(CallTranslation { cumulative_translation: text, state: StageState::Skipped, reason, ..empty });
    }
    let Some(stage) = stage else {
        let reason = Some("it is made when the call is over, or by trigger-ai-pipeline".into());
        return Ok(CallTranslation { reason, ..empty });
    };
    let lines = store.translated_lines(call.key).await?;
    let text = lines.iter().map(|line| line.text.as_str()).collect::<Vec<_>>().join(" ");
    Ok(CallTranslation {
        cumulative_translation: text,
        translation_model: stage.model.filter(|_| !lines.is_empty()),
        state: stage.state,
        reason: stage.error,
        segments: lines,
        ..empty
    })
}

/// `GET /api/v1/calls/{id}/passes`: what changed between the text of the live call and that of the final pass.
pub(in crate::api) async fn passes(State(store): State<Store>, Path(id): Path<String>) -> Answer<PassChanges> {
    let call = find_call(&store, &id).await?;
    let later = store.segments(call.key).await?;
    let live = store.live_segments(call.key).await?;
    let made = priority::aside(move || passes::changes(call.call_id, live, &later));
    Ok(Json(made.await.map_err(|error| ApiError::Unavailable(error.to_string()))?))
}

/// The stages that are asked for: all, one, or those from one on.
pub(super) fn stages(stage: Option<&str>, from: Option<&str>) -> Result<Vec<Stage>, (&'static str, String)> {
    let read = |name: &'static str, word: &str| {
        let known = || Stage::ALL.map(Stage::as_str).join(", ");
        Stage::parse(word).ok_or_else(|| (name, format!("{word:?} is not a stage: {}", known())))
    };
    match (stage, from) {
        (Some(_), Some(_)) => Err(("from", "either stage or from is wanted".into())),
        (Some(word), None) => Ok(vec![read("stage", word)?]),
        (None, Some(word)) => {
            let first = read("from", word)?;
            Ok(Stage::ALL.into_iter().filter(|stage| *stage >= first).collect())
        }
        (None, None) => Ok(Stage::ALL.to_vec()),
    }
}

/// Whether the VAD is run again, which is done before transcription.
pub(super) fn vad_run(vad: Option<bool>, stages: &[Stage]) -> Result<VadRun, (&'static str, String)> {
    match vad {
        Some(true) if !stages.contains(&Stage::Transcription) => {
            Err(("vad", "it is run before transcription, which is not among the stages".into()))
        }
        Some(true) => Ok(VadRun::Again),
        Some(false) | None => Ok(VadRun::Kept),
    }
}

/// `POST /api/v1/calls/{id}/trigger-ai-pipeline`: a call that is over goes through its stages again, or through some.
pub(in crate::api) async fn trigger(
    State(store): State<Store>,
    State(queue): State<RetranscribeQueue>,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, ApiError> {
    let wrong = |(name, problem): (&str, String)| ApiError::Wrong(Part::Query, name.into(), problem);
    let wanted = stages(query.text("stage").as_deref(), query.text("from").as_deref()).map_err(wrong)?;
    let vad = vad_run(query.flag("vad")?, &wanted).map_err(wrong)?;
    let call = find_call(&store, &id).await?;
    match queue.go_through(&call, wanted, vad).await {
        Ok(()) => Ok(Json("AI pipeline processing triggered successfully").into_response()),
        Err(RetranscribeError::Store(error)) => Err(error.into()),
        Err(error @ RetranscribeError::NoModel) => Err(ApiError::Unavailable(error.to_string())),
        Err(error) => Ok((StatusCode::CONFLICT, Json(Problem::text(error.to_string()))).into_response()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallKey;

    fn row(stage: Stage, now: StageState) -> StageRow {
        StageRow {
            call: CallKey(1),
            stage,
            state: now,
            again: false,
            vad: VadRun::Kept,
            round: 1,
            tries: 1,
            queued: WallTime(1000),
            started: (now != StageState::Pending).then_some(WallTime(2000)),
            done: (!now.is_open()).then_some(WallTime(3000)),
            engine: None,
            model: None,
            version: None,
            error: (now == StageState::Failed).then(|| "it burns".into()),
        }
    }

    fn told(states: &[StageState]) -> ProcessingStatus {
        let rows: Vec<StageRow> = Stage::ALL.into_iter().zip(states).map(|(stage, state)| row(stage, *state)).collect();
        let means = Stage::ALL.into_iter().map(|stage| (stage, 500.0)).collect();
        let config = PipelineConfig {
            processing_mode: ProcessingMode::Hybrid,
            final_pass: false,
            transcription_model: None,
            translation_model: None,
            insights_model: None,
            packs: Vec::new(),
        };
        status("c.1", &rows, &means, config, WallTime(10_000))
    }

    #[test]
    fn a_call_is_as_far_as_its_stages_are() {
        use StageState::{Done, Failed, Pending, Running, Skipped, Unavailable};
        let told_of = |states: &[StageState]| {
            let told = told(states);
            (told.processing_status, told.current_stage, told.progress_percentage, told.errors.len())
        };
        assert_eq!(told_of(&[]), (ProcessingState::Pending, Stage::Transcription, 0.0, 0));
        assert_eq!(told_of(&[Pending; 7]), (ProcessingState::Pending, Stage::Transcription, 0.0, 0));
        let some = [Done, Skipped, Running, Pending, Pending, Pending, Pending];
        assert_eq!(told_of(&some), (ProcessingState::InProgress, Stage::Entities, 28.6, 0));
        let all = [Done, Unavailable, Done, Done, Done, Done, Done];
        assert_eq!(told_of(&all), (ProcessingState::Completed, Stage::Insights, 100.0, 0));
        let bad = [Done, Skipped, Done, Done, Failed, Done, Done];
        assert_eq!(told_of(&bad), (ProcessingState::Failed, Stage::Summary, 85.7, 1));
        assert_eq!(told(&bad).errors, ["summary: it burns"]);
        assert_eq!(told(&bad).stages_remaining, [Stage::Summary]);
        assert_eq!(told(&some).estimated_completion.as_deref(), Some("1970-01-01T00:00:12.500Z"));
        assert_eq!(told(&all).estimated_completion.as_deref(), Some("1970-01-01T00:00:03.000Z"));
    }

    #[test]
    fn one_stage_is_asked_for_or_all_from_one_on() {
        assert_eq!(stages(None, None), Ok(Stage::ALL.to_vec()));
        assert_eq!(stages(Some("qa"), None), Ok(vec![Stage::Qa]));
        assert_eq!(stages(None, Some("summary")), Ok(vec![Stage::Summary, Stage::Qa, Stage::Insights]));
        assert!(stages(Some("qa"), Some("qa")).is_err_and(|(name, _)| name == "from"));
        assert!(stages(Some("ner"), None).is_err_and(|(_, problem)| problem.contains("entities")));
        assert_eq!(vad_run(Some(true), &Stage::ALL), Ok(VadRun::Again));
        assert_eq!(vad_run(Some(false), &Stage::ALL), Ok(VadRun::Kept));
        assert!(vad_run(Some(true), &[Stage::Qa]).is_err_and(|(name, _)| name == "vad"));
    }
}
