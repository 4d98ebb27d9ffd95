//! A call as a whole: `GET /api/v1/calls/{id}/qa`, `/entities`, `/entity-evolution`, `/summary`. Times in seconds of the call.

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::calls::find_call;
use super::{Api, ApiError};
use crate::pipeline::review::ORDINARY_PAUSE_S;

type Answer = Result<Json<Value>, ApiError>;

/// A quote as the API shows it: time in seconds, and who speaks.
fn quote(value: impl serde::Serialize) -> Value {
    let mut value = serde_json::to_value(value).unwrap_or_default();
    if let Some(object) = value.as_object_mut() {
        let start = object.remove("start_ms").and_then(|ms| ms.as_f64()).map(|ms| ms / 1000.0);
        let leg = object.get("leg").and_then(Value::as_str).and_then(crate::call::Leg::parse);
        object.insert("start_time".into(), start.into());
        object.insert("speaker".into(), leg.map_or("unknown", crate::call::Leg::speaker).into());
    }
    value
}

/// The score card, and the figures of how the call was spoken.
pub(super) async fn qa(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let call = find_call(&api, &id).await?;
    let (card, measures) = api.desk.card(&call).await?;
    let criterion = |mark: &crate::pipeline::review::Mark| {
        json!({
            "name": mark.name, "description": mark.description, "pack": mark.pack, "outcome": mark.outcome, "points": mark.points, "of": mark.of,
            "reason": mark.reason, "quotes": mark.quotes.iter().map(quote).collect::<Vec<_>>(),
        })
    };
    Ok(Json(json!({
        "call_id": call.call_id,
        "score": card.score,
        "points": card.points,
        "of": card.of,
        "criteria": card.criteria.iter().map(criterion).collect::<Vec<_>>(),
        "measures": measures,
        "ordinary_pause_s": ORDINARY_PAUSE_S,
    })))
}

/// The things that were named, by place, and how many of each kind.
pub(super) async fn entities(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let call = find_call(&api, &id).await?;
    let found = api.desk.entities(&call).await?;
    let mut counts: Map<String, Value> = Map::new();
    for entity in &found {
        let count = counts.get(&entity.kind).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(entity.kind.clone(), (count + 1).into());
    }
    let entities: Vec<Value> = found.iter().map(quote).collect();
    Ok(Json(json!({"call_id": call.call_id, "entities": entities, "counts": counts})))
}

/// What each line added, and all that was named up to there: an array, one window for every line that names something for the first time.
pub(super) async fn evolution(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let call = find_call(&api, &id).await?;
    let mut known: Map<String, Value> = Map::new();
    let mut windows: Vec<Value> = Vec::new();
    let found = api.desk.entities(&call).await?;
    for line in found.chunk_by(|one, other| one.segment_id == other.segment_id) {
        let mut fresh = Vec::new();
        for entity in line {
            let all = known.entry(entity.kind.clone()).or_insert_with(|| json!([]));
            let text = Value::from(entity.text.as_str());
            if let Some(texts) = all.as_array_mut().filter(|texts| !texts.contains(&text)) {
                texts.push(text);
                fresh.push(quote(entity));
            }
        }
        if let Some(first) = fresh.first() {
            windows.push(json!({
                "window": windows.len() + 1, "start_time": first["start_time"],
                "timestamp": crate::call::WallTime(call.started.0 + line[0].start_ms).rfc3339(),
                "new_entities": fresh, "cumulative_entities": known,
            }));
        }
    }
    Ok(Json(windows.into()))
}

/// A few of the call's own lines.
pub(super) async fn summary(State(api): State<Api>, Path(id): Path<String>) -> Answer {
    let call = find_call(&api, &id).await?;
    let summary = api.desk.summary(&call).await?;
    Ok(Json(json!({
        "call_id": call.call_id,
        "reason": summary.reason.map(quote),
        "turns": summary.turns.into_iter().map(quote).collect::<Vec<_>>(),
        "outcome": summary.outcome.map(quote),
        "method": "extractive",
    })))
}
