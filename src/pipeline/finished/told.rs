//! Converts a call's results from the rules' types to the contract's, with times in seconds of the call. Pure.

use std::collections::BTreeMap;

use super::prose;
pub use super::prose::in_words;
use super::review::ORDINARY_PAUSE_S;
use crate::contract::processing::CallClassification;
use crate::contract::review::{
    ActionDue, CallDigest, CallFeeling, CallInsights, CallLabel, CallQuestion, CallTopic, Criterion, CriterionOutcome,
    Entities, Extractive, Measures, NamedEntity, PaymentTalk, Quote, ReasonLine, ScoreCard, TopicSource, Turn,
};
use crate::contract::seconds;
use crate::text::review::LineQuote;
use crate::text::review::actions::ActionItem;
use crate::text::review::entities::Entity;
use crate::text::review::evidence::{Ground, Labelled};
use crate::text::review::insights::{CallMood, Insights, Payment};
use crate::text::review::measures::CallMeasures;
use crate::text::review::questions::AskedQuestion;
use crate::text::review::scorecard::{Card, CriterionResult, Mark};
use crate::text::review::summary::{MoodTurn, Summary};
use crate::text::review::topics::{SpokenTopic, TopicSide};

fn quoted(quote: LineQuote) -> Quote {
    let LineQuote { segment_id, leg, start_ms, text } = quote;
    Quote { segment_id, leg, text, start_time: seconds(start_ms), speaker: leg.into() }
}

pub(super) fn named(entity: &Entity) -> NamedEntity {
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

fn measured(measures: CallMeasures) -> Measures {
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
pub(super) fn score_card(call_id: &str, card: Card, measures: CallMeasures) -> ScoreCard {
    ScoreCard {
        call_id: call_id.to_owned(),
        score: card.score,
        points: card.points,
        of: card.of,
        criteria: card.criteria.into_iter().map(criterion).collect(),
        measures: measured(measures),
        ordinary_pause_s: ORDINARY_PAUSE_S,
    }
}

/// The things that were named, by place, and how many of each kind.
pub(super) fn entities(call_id: &str, found: &[Entity]) -> Entities {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for entity in found {
        *counts.entry(entity.kind.clone()).or_default() += 1;
    }
    Entities { call_id: call_id.to_owned(), entities: found.iter().map(named).collect(), counts }
}

/// The things that were named, by kind, each as it was said and once.
pub(super) fn by_kind(found: &[Entity]) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entity in found {
        let said = all.entry(entity.kind.clone()).or_default();
        if !said.contains(&entity.text) {
            said.push(entity.text.clone());
        }
    }
    all
}

/// A few of the call's own lines, with what the evidence makes of it. `phone` is the caller's number, where it is known.
pub(super) fn digest(call_id: &str, phone: Option<&str>, summary: Summary, insights: Insights) -> CallDigest {
    let turn = |turn: MoodTurn| Turn { quote: quoted(turn.quote), sentiment: turn.sentiment, before: turn.before };
    let caller = insights.caller.clone();
    let mut digest = CallDigest {
        call_id: call_id.to_owned(),
        text: String::new(),
        reason: summary.reason.map(quoted),
        turns: summary.turns.into_iter().map(turn).collect(),
        outcome: summary.outcome.map(quoted),
        method: Extractive::It,
        insights: digested(insights),
        language_model: None,
    };
    digest.text = prose::sentences(&digest, caller.as_deref(), phone);
    digest
}

/// Converts a classification.
pub(super) fn classification(insights: Insights) -> CallClassification {
    let confidence = insights.intents.first().map_or(0.0, |intent| intent.share);
    let intents: Vec<CallLabel> = insights.intents.into_iter().map(labelled).collect();
    let outcomes: Vec<CallLabel> = insights.outcomes.into_iter().map(labelled).collect();
    CallClassification {
        main_category: intents.first().map(|intent| intent.label.clone()),
        outcome: outcomes.first().map(|outcome| outcome.label.clone()),
        priority: insights.priority.label,
        action_required: insights.action_required.required,
        confidence,
        sentiment: feeling(insights.sentiment),
        intents,
        outcomes,
        priority_reasons: reasons(insights.priority.grounds),
    }
}

fn feeling(mood: Option<CallMood>) -> CallFeeling {
    match mood {
        Some(mood) => CallFeeling::Known {
            label: mood.label.as_str().to_owned(),
            compound: mood.compound,
            reasons: reasons(mood.grounds),
        },
        None => CallFeeling::Unavailable,
    }
}

fn reasoned(ground: Ground) -> ReasonLine {
    ReasonLine { quote: quoted(ground.quote), words: ground.words, rule: ground.rule, weight: ground.weight }
}

fn reasons(grounds: Vec<Ground>) -> Vec<ReasonLine> {
    grounds.into_iter().map(reasoned).collect()
}

fn labelled(one: Labelled) -> CallLabel {
    CallLabel { label: one.label, score: one.score, share: one.share, reasons: reasons(one.grounds) }
}

fn item(item: ActionItem) -> ActionDue {
    ActionDue { owner: item.owner, quote: quoted(item.quote), due: item.due, due_text: item.due_text, rule: item.rule }
}

fn paid(payment: Payment) -> PaymentTalk {
    PaymentTalk { state: payment.state, amount: payment.amount, due: payment.due, reasons: reasons(payment.grounds) }
}

fn topic(topic: SpokenTopic) -> CallTopic {
    let source = |side: TopicSide| match side {
        TopicSide::Intent => TopicSource::Intent,
        TopicSide::Keyword => TopicSource::Keyword,
        TopicSide::Name => TopicSource::Name,
    };
    CallTopic {
        topic: topic.topic,
        weight: topic.weight,
        share: topic.share,
        sources: topic.sides.into_iter().map(source).collect(),
        segment_ids: topic.segments.into_iter().collect(),
    }
}

fn question(asked: AskedQuestion) -> CallQuestion {
    CallQuestion { quote: quoted(asked.quote), answer: asked.answer.map(quoted), rule: asked.rule }
}

/// Converts insights.
pub(super) fn digested(insights: Insights) -> CallInsights {
    CallInsights {
        intents: insights.intents.into_iter().map(labelled).collect(),
        outcomes: insights.outcomes.into_iter().map(labelled).collect(),
        priority: insights.priority.label,
        priority_reasons: reasons(insights.priority.grounds),
        payment: insights.payment.map(paid),
        action_required: insights.action_required.required,
        action_reasons: reasons(insights.action_required.grounds),
        actions: insights.actions.into_iter().map(item).collect(),
        sentiment: feeling(insights.sentiment),
        topics: insights.topics.into_iter().map(topic).collect(),
        questions: insights.questions.into_iter().map(question).collect(),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use serde_json::json;

    use super::*;
    use crate::call::Leg;

    /// An amount that was named in a line.
    pub(in crate::pipeline::finished) fn named(segment_id: i64, text: &str) -> Entity {
        Entity {
            kind: "money".into(),
            text: text.into(),
            value: None,
            rule: "p:3".into(),
            segment_id,
            leg: Leg::Caller,
            start_ms: segment_id * 1000,
            own: false,
        }
    }

    #[test]
    fn lines_and_figures_have_the_fields_that_clients_read() {
        let quote = || LineQuote { segment_id: 3, leg: Leg::Caller, start_ms: 1500, text: "hello".into() };
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
        let measures = CallMeasures { overlap_s: Some(1.0), absent: Some("why"), ..CallMeasures::default() };
        assert_eq!(
            serde_json::to_value(measured(measures)).expect("JSON"),
            serde_json::to_value(measures).expect("JSON")
        );
    }
}
