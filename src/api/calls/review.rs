//! A call as a whole: `GET /api/v1/calls/{id}/qa`, `/entities`, `/entity-evolution`, `/summary`. Times in seconds of the call.

use std::collections::HashSet;

use axum::Json;
use axum::extract::{Path, State};
use serde_json::{Map, Value, json};

use super::find::find_call;
use crate::api::request::ApiError;
use crate::call::WallTime;
use crate::pipeline::finished::review::Desk;
use crate::pipeline::finished::review::{Entity, ORDINARY_PAUSE_S};
use crate::store::Store;

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
pub(in crate::api) async fn qa(State(store): State<Store>, State(desk): State<Desk>, Path(id): Path<String>) -> Answer {
    let call = find_call(&store, &id).await?;
    let (card, measures) = desk.card(&call).await?;
    let criterion = |mark: &crate::pipeline::finished::review::Mark| {
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
pub(in crate::api) async fn entities(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer {
    let call = find_call(&store, &id).await?;
    let found = desk.entities(&call).await?;
    let mut counts: Map<String, Value> = Map::new();
    for entity in &found {
        let count = counts.get(&entity.kind).and_then(Value::as_u64).unwrap_or(0);
        counts.insert(entity.kind.clone(), (count + 1).into());
    }
    let entities: Vec<Value> = found.iter().map(quote).collect();
    Ok(Json(json!({"call_id": call.call_id, "entities": entities, "counts": counts})))
}

/// How the things that were named have come together: an array of windows, each with what it added and all that was named up to there. A window is a
/// line that names something for the first time; of a call with very many, several such lines.
pub(in crate::api) async fn evolution(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer {
    let call = find_call(&store, &id).await?;
    let found = desk.entities(&call).await?;
    let made = tokio::task::spawn_blocking(move || windows(&found, call.started));
    Ok(Json(made.await.map_err(|error| ApiError::Unavailable(error.to_string()))?.into()))
}

/// Windows of an answer at most. Each repeats all that was named before it: without a bound an answer grows with the square of the call.
const WINDOWS: usize = 100;

fn windows(found: &[Entity], started: WallTime) -> Vec<Value> {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let news: Vec<&Entity> = found.iter().filter(|one| seen.insert((&one.kind, &one.text))).collect();
    let lines: Vec<&[&Entity]> = news.chunk_by(|one, other| one.segment_id == other.segment_id).collect();
    let mut known: Map<String, Value> = Map::new();
    let each = lines.len().div_ceil(WINDOWS).max(1);
    let window = |(number, lines): (usize, &[&[&Entity]])| {
        let fresh: Vec<&Entity> = lines.concat();
        for entity in &fresh {
            let all = known.entry(entity.kind.clone()).or_insert_with(|| json!([]));
            if let Some(texts) = all.as_array_mut() {
                texts.push(entity.text.as_str().into());
            }
        }
        let start_ms = fresh.first().map_or(0, |first| first.start_ms);
        json!({
            "window": number + 1, "start_time": start_ms as f64 / 1000.0,
            "timestamp": WallTime(started.0 + start_ms).rfc3339(),
            "new_entities": fresh.into_iter().map(quote).collect::<Vec<_>>(), "cumulative_entities": known,
        })
    };
    lines.chunks(each).enumerate().map(window).collect()
}

/// A few of the call's own lines.
pub(in crate::api) async fn summary(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer {
    let call = find_call(&store, &id).await?;
    let summary = desk.summary(&call).await?;
    Ok(Json(json!({
        "call_id": call.call_id,
        "reason": summary.reason.map(quote),
        "turns": summary.turns.into_iter().map(quote).collect::<Vec<_>>(),
        "outcome": summary.outcome.map(quote),
        "method": "extractive",
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::Leg;

    fn named(segment_id: i64, text: &str) -> Entity {
        Entity { kind: "money".into(), text: text.into(), segment_id, leg: Leg::Caller, start_ms: segment_id * 1000 }
    }

    #[test]
    fn each_line_that_names_something_new_is_a_window_with_all_that_was_named_before() {
        let found = [named(1, "ten"), named(1, "ten"), named(2, "ten"), named(3, "two"), named(3, "six")];
        let windows = windows(&found, WallTime(0));
        assert_eq!(windows.len(), 2);
        assert_eq!((&windows[0]["window"], &windows[0]["start_time"]), (&json!(1), &json!(1.0)));
        assert_eq!(windows[0]["cumulative_entities"], json!({"money": ["ten"]}));
        assert_eq!((&windows[1]["window"], &windows[1]["timestamp"]), (&json!(2), &json!(WallTime(3000).rfc3339())));
        assert_eq!(windows[1]["new_entities"].as_array().map(Vec::len), Some(2));
        assert_eq!(windows[1]["cumulative_entities"], json!({"money": ["ten", "two", "six"]}));
        assert!(super::windows(&[], WallTime(0)).is_empty());
    }

    #[test]
    fn ten_times_the_call_is_ten_times_the_answer() {
        let length = |lines: i64| {
            let found: Vec<Entity> = (0..lines).map(|line| named(line, &format!("{line:08}"))).collect();
            let windows = windows(&found, WallTime(0));
            let fresh = windows.iter().filter_map(|window| window["new_entities"].as_array()).map(Vec::len);
            assert_eq!(fresh.sum::<usize>(), lines as usize, "nothing is left out");
            let all = windows.last().and_then(|last| last["cumulative_entities"]["money"].as_array()).map(Vec::len);
            assert_eq!(all, Some(lines as usize));
            serde_json::to_string(&windows).expect("JSON").len()
        };
        let (short, long) = (length(1000), length(10_000));
        assert!(long < 11 * short, "{short} bytes, then {long}");
    }
}
