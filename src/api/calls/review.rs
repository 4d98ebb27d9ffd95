//! A call as a whole: `GET /api/v1/calls/{id}/qa`, `/entities`, `/entity-evolution`, `/summary`. Times in seconds of the call.

use std::collections::{BTreeMap, HashSet};

use axum::Json;
use axum::extract::{Path, State};

use super::find::find_call;
use crate::api::request::ApiError;
use crate::call::WallTime;
use crate::contract::review::{
    ActionDue, CallDigest, CallFeeling, CallInsights, CallLabel, Criterion, CriterionOutcome, Entities, EntityWindow,
    Extractive, Measures, NamedEntity, PaymentTalk, Quote, ReasonLine, ScoreCard, Turn,
};
use crate::contract::seconds;
use crate::pipeline::finished::review::{self, CriterionResult, Desk, Entity, Mark, ORDINARY_PAUSE_S};
use crate::store::Store;

type Answer<T> = Result<Json<T>, ApiError>;

fn quoted(quote: review::LineQuote) -> Quote {
    let review::LineQuote { segment_id, leg, start_ms, text } = quote;
    Quote { segment_id, leg, text, start_time: seconds(start_ms), speaker: leg.into() }
}

fn named(entity: &Entity) -> NamedEntity {
    NamedEntity {
        kind: entity.kind.clone(),
        text: entity.text.clone(),
        value: entity.value.clone(),
        rule: entity.rule.clone(),
        segment_id: entity.segment_id,
        leg: entity.leg,
        start_time: seconds(entity.start_ms),
        speaker: entity.leg.into(),
    }
}

fn criterion(mark: Mark) -> Criterion {
    let outcome = match mark.outcome {
        CriterionResult::Met => CriterionOutcome::Met,
        CriterionResult::Missed => CriterionOutcome::Missed,
        CriterionResult::NotAsked => CriterionOutcome::NotAsked,
        CriterionResult::Open => CriterionOutcome::Open,
    };
    Criterion {
        name: mark.name,
        description: mark.description,
        pack: mark.pack,
        outcome,
        points: mark.points,
        of: mark.of,
        reason: mark.reason,
        quotes: mark.quotes.into_iter().map(quoted).collect(),
    }
}

fn measured(measures: review::CallMeasures) -> Measures {
    Measures {
        agent_speech_s: measures.agent_speech_s,
        caller_speech_s: measures.caller_speech_s,
        mixed_speech_s: measures.mixed_speech_s,
        absent: measures.absent.map(str::to_owned),
        agent_share: measures.agent_share,
        agent_interruptions: measures.agent_interruptions,
        caller_interruptions: measures.caller_interruptions,
        overlap_s: measures.overlap_s,
        dead_air_s: measures.dead_air_s,
        longest_silence_s: measures.longest_silence_s,
        agent_words_per_minute: measures.agent_words_per_minute,
        caller_words_per_minute: measures.caller_words_per_minute,
    }
}

/// The score card, and the figures of how the call was spoken.
pub(in crate::api) async fn qa(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<ScoreCard> {
    let call = find_call(&store, &id).await?;
    let (card, measures) = desk.card(&call).await?;
    Ok(Json(ScoreCard {
        call_id: call.call_id,
        score: card.score,
        points: card.points,
        of: card.of,
        criteria: card.criteria.into_iter().map(criterion).collect(),
        measures: measured(measures),
        ordinary_pause_s: ORDINARY_PAUSE_S,
    }))
}

/// The things that were named, by place, and how many of each kind.
pub(in crate::api) async fn entities(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<Entities> {
    let call = find_call(&store, &id).await?;
    let found = desk.entities(&call).await?;
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entity in &found {
        *counts.entry(entity.kind.clone()).or_default() += 1;
    }
    Ok(Json(Entities { call_id: call.call_id, entities: found.iter().map(named).collect(), counts }))
}

/// How the things that were named have come together: an array of windows, each with what it added and all that was named up to there. A window is a
/// line that names something for the first time; of a call with very many, several such lines.
pub(in crate::api) async fn evolution(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<Vec<EntityWindow>> {
    let call = find_call(&store, &id).await?;
    let found = desk.entities(&call).await?;
    let made = tokio::task::spawn_blocking(move || windows(&found, call.started));
    Ok(Json(made.await.map_err(|error| ApiError::Unavailable(error.to_string()))?))
}

/// Windows of an answer at most. Each repeats all that was named before it: without a bound an answer grows with the square of the call.
const WINDOWS: usize = 100;

fn windows(found: &[Entity], started: WallTime) -> Vec<EntityWindow> {
    let mut seen: HashSet<(&str, &str)> = HashSet::new();
    let news: Vec<&Entity> = found.iter().filter(|one| seen.insert((&one.kind, &one.text))).collect();
    let lines: Vec<&[&Entity]> = news.chunk_by(|one, other| one.segment_id == other.segment_id).collect();
    let mut known: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let each = lines.len().div_ceil(WINDOWS).max(1);
    let window = |(number, lines): (usize, &[&[&Entity]])| {
        let fresh: Vec<&Entity> = lines.concat();
        for entity in &fresh {
            known.entry(entity.kind.clone()).or_default().push(entity.text.clone());
        }
        let start_ms = fresh.first().map_or(0, |first| first.start_ms);
        EntityWindow {
            window: number + 1,
            start_time: seconds(start_ms),
            timestamp: WallTime(started.0 + start_ms).rfc3339(),
            new_entities: fresh.into_iter().map(named).collect(),
            cumulative_entities: known.clone(),
        }
    };
    lines.chunks(each).enumerate().map(window).collect()
}

/// A few of the call's own lines.
pub(in crate::api) async fn summary(
    State(store): State<Store>,
    State(desk): State<Desk>,
    Path(id): Path<String>,
) -> Answer<CallDigest> {
    let call = find_call(&store, &id).await?;
    let summary = desk.summary(&call).await?;
    let insights = desk.insights(&call).await?;
    let turn =
        |turn: review::MoodTurn| Turn { quote: quoted(turn.quote), sentiment: turn.sentiment, before: turn.before };
    Ok(Json(CallDigest {
        call_id: call.call_id,
        reason: summary.reason.map(quoted),
        turns: summary.turns.into_iter().map(turn).collect(),
        outcome: summary.outcome.map(quoted),
        method: Extractive::It,
        insights: digested(insights),
    }))
}

fn reasoned(ground: review::Ground) -> ReasonLine {
    ReasonLine { quote: quoted(ground.quote), words: ground.words, rule: ground.rule, weight: ground.weight }
}

fn reasons(grounds: Vec<review::Ground>) -> Vec<ReasonLine> {
    grounds.into_iter().map(reasoned).collect()
}

fn labelled(one: review::Labelled) -> CallLabel {
    CallLabel { label: one.label, score: one.score, share: one.share, reasons: reasons(one.grounds) }
}

fn item(item: review::ActionItem) -> ActionDue {
    ActionDue { owner: item.owner, quote: quoted(item.quote), due: item.due, due_text: item.due_text, rule: item.rule }
}

fn paid(payment: review::Payment) -> PaymentTalk {
    PaymentTalk { state: payment.state, amount: payment.amount, due: payment.due, reasons: reasons(payment.grounds) }
}

fn digested(insights: review::Insights) -> CallInsights {
    CallInsights {
        intents: insights.intents.into_iter().map(labelled).collect(),
        outcomes: insights.outcomes.into_iter().map(labelled).collect(),
        priority: insights.priority.label,
        priority_reasons: reasons(insights.priority.grounds),
        payment: insights.payment.map(paid),
        action_required: insights.action_required.required,
        action_reasons: reasons(insights.action_required.grounds),
        actions: insights.actions.into_iter().map(item).collect(),
        sentiment: match insights.sentiment {
            Some(mood) => CallFeeling::Known {
                label: mood.label.as_str().to_owned(),
                compound: mood.compound,
                reasons: reasons(mood.grounds),
            },
            None => CallFeeling::Unavailable,
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Leg;

    fn named(segment_id: i64, text: &str) -> Entity {
        Entity {
            kind: "money".into(),
            text: text.into(),
            value: None,
            rule: "p:3".into(),
            segment_id,
            leg: Leg::Caller,
            start_ms: segment_id * 1000,
        }
    }

    #[test]
    fn lines_and_figures_have_the_fields_that_clients_read() {
        let quote = || review::LineQuote { segment_id: 3, leg: Leg::Caller, start_ms: 1500, text: "hello".into() };
        let shown = json!({"segment_id": 3, "leg": "caller", "text": "hello", "start_time": 1.5, "speaker": "caller"});
        assert_eq!(serde_json::to_value(quoted(quote())).expect("JSON"), shown);
        let mut turned = shown.clone();
        (turned["sentiment"], turned["before"]) = (json!(-0.5), json!(0.25));
        assert_eq!(
            serde_json::to_value(Turn { quote: quoted(quote()), sentiment: -0.5, before: 0.25 }).expect("JSON"),
            turned
        );
        let entity = json!({"kind": "money", "text": "ten", "value": null, "rule": "p:3", "segment_id": 1, "leg": "caller", "start_time": 1.0, "speaker": "caller"});
        assert_eq!(serde_json::to_value(super::named(&named(1, "ten"))).expect("JSON"), entity);
        for outcome in [CriterionResult::Met, CriterionResult::Missed, CriterionResult::NotAsked, CriterionResult::Open]
        {
            let mark = Mark {
                name: "n".into(),
                description: "d".into(),
                pack: "p".into(),
                outcome,
                points: 1.0,
                of: 2.0,
                reason: "r".into(),
                quotes: vec![quote()],
            };
            let mut before = serde_json::to_value(&mark).expect("JSON");
            before["quotes"] = json!([shown]);
            assert_eq!(serde_json::to_value(criterion(mark)).expect("JSON"), before);
        }
        let measures =
            review::CallMeasures { overlap_s: Some(1.0), absent: Some("why"), ..review::CallMeasures::default() };
        assert_eq!(
            serde_json::to_value(measured(measures)).expect("JSON"),
            serde_json::to_value(measures).expect("JSON")
        );
    }

    #[test]
    fn each_line_that_names_something_new_is_a_window_with_all_that_was_named_before() {
        let found = [named(1, "ten"), named(1, "ten"), named(2, "ten"), named(3, "two"), named(3, "six")];
        let windows = serde_json::to_value(windows(&found, WallTime(0))).expect("JSON");
        assert_eq!(windows.as_array().map(Vec::len), Some(2));
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
            let fresh = windows.iter().map(|window| window.new_entities.len());
            assert_eq!(fresh.sum::<usize>(), lines as usize, "nothing is left out");
            let all = windows.last().map(|last| last.cumulative_entities["money"].len());
            assert_eq!(all, Some(lines as usize));
            serde_json::to_string(&windows).expect("JSON").len()
        };
        let (short, long) = (length(1000), length(10_000));
        assert!(long < 11 * short, "{short} bytes, then {long}");
    }
}
