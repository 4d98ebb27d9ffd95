//! The analysis of a call: `GET /api/v1/calls/{id}/qa`, `/entities`, `/entity-evolution`, `/classification-evolution`, `/progressive-analysis`,
//! `/summary`. Times in seconds of the call.

use axum::Json;
use axum::extract::{Path, State};

use super::coaching;
use super::find::find_call;
use super::made::translation_of;
use crate::api::request::ApiError;
use crate::contract::processing::{ClassificationWindow, EvolutionData, ProgressiveAnalysis};
use crate::contract::review::{CallDigest, Entities, EntityWindow, ScoreCard};
use crate::pipeline::finished::review::Desk;
use crate::store::Store;

type Answer<T> = Result<Json<T>, ApiError>;

/// The score card, and the figures of how the call was spoken.
pub(in crate::api) async fn qa(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<ScoreCard> {
    Ok(Json(desk.shown_card(&find_call(&store, &id).await?).await?))
}

/// The things that were named, by place, and how many of each kind.
pub(in crate::api) async fn entities(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<Entities> {
    Ok(Json(desk.shown_named(&find_call(&store, &id).await?).await?))
}

/// Growth of the entities: an array of windows, each with what it added and all entities up to there.
pub(in crate::api) async fn evolution(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<Vec<EntityWindow>> {
    Ok(Json(desk.entity_windows(&find_call(&store, &id).await?).await?))
}

/// Growth of the classification, window by window.
pub(in crate::api) async fn classification_evolution(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<Vec<ClassificationWindow>> {
    Ok(Json(desk.classification_windows(&find_call(&store, &id).await?).await?))
}

/// Summary in the call's own lines, with that of a language model.
pub(in crate::api) async fn summary(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<CallDigest> {
    Ok(Json(desk.shown_digest(&find_call(&store, &id).await?).await?))
}

/// Analysis of the call up to its last words.
pub(in crate::api) async fn progressive(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<ProgressiveAnalysis> {
    let call = find_call(&store, &id).await?;
    let rows = store.segments(call.key).await?;
    let translation = translation_of(&store, &desk, &call, &rows).await?;
    let progress = desk.progress(&call).await?;
    let changes = || progress.windows.iter().filter(|window| window.changed);
    let evolution_data = EvolutionData {
        entity_windows: progress.entity_windows,
        classification_windows: progress.windows.len(),
        classification_changes: changes().count(),
        last_change_time: changes().next_back().map(|window| window.end_time),
    };
    let rows = store.segments(call.key).await?;
    let coaching = coaching::of_call(&store, &desk, &call, rows).await?;
    Ok(Json(ProgressiveAnalysis {
        call_id: call.call_id,
        cumulative_translation: translation.cumulative_translation,
        translation_windows: translation.segments.len(),
        latest_entities: progress.entities,
        latest_classification: progress.classification,
        evolution_data,
        coaching,
    }))
}
