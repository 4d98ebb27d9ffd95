//! What a call was about, from three sides: the intents that its evidence makes, the keywords that were said, and the names that come again.
//!
//! Method. An intent weighs what its evidence weighs. A keyword's label weighs 1 for each segment that has it, up to [`MOST`]; labels of packs that
//! say how people talk and not of what (`topic = false`) are left out. An organisation, a place or a `product` of your own pack is a topic when it is
//! named in [`AGAIN`] segments, one of them not the agent's, and weighs as a keyword does. One name from several sides is one topic with the sum.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::entities::Entity;
use super::evidence::Labelled;
use super::line::ReviewLine;
use crate::call::Leg;

/// Segments of a keyword or name that count.
const MOST: usize = 3;
/// Segments that name a thing which is a topic.
const AGAIN: usize = 2;
/// Topics of a call.
const TOPICS: usize = 10;
/// Kinds of things that calls are about.
const KINDS: [&str; 3] = ["organisation", "place", "product"];

/// Something that a call was about.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SpokenTopic {
    /// The label in words, or the name as it was said first.
    pub topic: String,
    /// What speaks for it.
    pub weight: f64,
    /// Its part of the weights of all topics given, 0 to 1.
    pub share: f64,
    /// Whether it is an intent, a keyword or a name, or several of these.
    pub sides: BTreeSet<TopicSide>,
    /// Row numbers of its segments, in order.
    pub segments: BTreeSet<i64>,
}

/// From which side something was found to be a topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TopicSide {
    /// The evidence of the packs.
    Intent,
    /// A keyword.
    Keyword,
    /// A name.
    Name,
}

/// Topics as they come together.
#[derive(Default)]
struct Found(BTreeMap<String, SpokenTopic>);

impl Found {
    fn add(&mut self, topic: &str, side: TopicSide, weight: f64, segments: impl Iterator<Item = i64>) {
        let new = || SpokenTopic {
            topic: topic.into(),
            weight: 0.0,
            share: 0.0,
            sides: BTreeSet::new(),
            segments: BTreeSet::new(),
        };
        let one = self.0.entry(topic.to_lowercase()).or_insert_with(new);
        one.weight += weight;
        one.sides.insert(side);
        one.segments.extend(segments);
    }
}

/// The topics of a call, the weightiest first. `asides` are labels of keywords that are none.
pub(super) fn topics(
    lines: &[ReviewLine],
    intents: &[Labelled],
    entities: &[Entity],
    asides: &BTreeSet<String>,
) -> Vec<SpokenTopic> {
    let mut found = Found::default();
    for intent in intents {
        let segments = intent.grounds.iter().map(|ground| ground.quote.segment_id);
        found.add(&intent.label.replace('_', " "), TopicSide::Intent, intent.score, segments);
    }
    let mut said: BTreeMap<&str, BTreeSet<i64>> = BTreeMap::new();
    for line in lines {
        for label in line.labels.iter().filter(|label| !asides.contains(*label)) {
            said.entry(label).or_default().insert(line.segment);
        }
    }
    for (label, segments) in said {
        let weight = segments.len().min(MOST) as f64;
        found.add(&label.replace('_', " "), TopicSide::Keyword, weight, segments.into_iter());
    }
    let mut named: BTreeMap<String, Vec<&Entity>> = BTreeMap::new();
    for entity in entities.iter().filter(|entity| KINDS.contains(&entity.kind.as_str())) {
        named.entry(entity.text.to_lowercase()).or_default().push(entity);
    }
    for mentions in named.into_values() {
        let segments: BTreeSet<i64> = mentions.iter().map(|one| one.segment_id).collect();
        if segments.len() >= AGAIN && mentions.iter().any(|one| one.leg != Leg::Agent) {
            let weight = segments.len().min(MOST) as f64;
            found.add(&mentions[0].text, TopicSide::Name, weight, segments.into_iter());
        }
    }
    let mut all: Vec<SpokenTopic> = found.0.into_values().collect();
    all.sort_by(|a, b| b.weight.total_cmp(&a.weight).then_with(|| a.segments.first().cmp(&b.segments.first())));
    all.truncate(TOPICS);
    let sum: f64 = all.iter().map(|one| one.weight).sum();
    for one in &mut all {
        one.share = one.weight / sum;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::super::{Reviewer, line};
    use super::*;
    use crate::text::{LexiconKind, Pack, TextAnalyser};

    /// The topics of a dialogue, with their sides and segments.
    fn of(dialogue: &[(Leg, &str)]) -> Vec<(String, Vec<TopicSide>, Vec<i64>)> {
        let packs = Pack::bundled().expect("packs");
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &packs);
        let lines: Vec<ReviewLine> = dialogue
            .iter()
            .enumerate()
            .map(|(at, (leg, text))| {
                let labels = analyser.analyse(text, *leg).keywords.into_iter().map(|hit| hit.label).collect();
                ReviewLine { labels, ..line(at as i64 + 1, *leg, at as i64 * 6, text, 0.0, &[]) }
            })
            .collect();
        let found = Reviewer::new(&packs).insights(&lines, None, true).topics;
        let sum: f64 = found.iter().map(|one| one.share).sum();
        assert!(found.is_empty() || (sum - 1.0).abs() < 1e-9, "{found:?}");
        found
            .into_iter()
            .map(|one| (one.topic, one.sides.into_iter().collect(), one.segments.into_iter().collect()))
            .collect()
    }

    #[test]
    fn an_intent_and_a_keyword_of_one_name_are_one_topic_with_the_segments_of_both() {
        let found = of(&[
            (Leg::Agent, "Northern Energy, good morning."),
            (Leg::Caller, "I want a refund, the toaster is faulty."),
            (Leg::Agent, "One moment please."),
            (Leg::Caller, "I bought it in your shop."),
            (Leg::Agent, "The refund goes out today."),
        ]);
        let (topic, sides, segments) = &found[0];
        assert_eq!(topic, "refund");
        assert_eq!(sides, &[TopicSide::Intent, TopicSide::Keyword]);
        assert!(segments.contains(&2) && segments.contains(&5), "{segments:?}");
        assert!(found.iter().all(|(topic, ..)| topic != "hold" && topic != "Northern Energy"), "{found:?}");
    }

    #[test]
    fn a_name_is_a_topic_when_it_comes_again_and_not_from_the_agent_alone() {
        let found = of(&[
            (Leg::Agent, "Thank you for calling Northern Energy."),
            (Leg::Caller, "I have moved to Leeds."),
            (Leg::Agent, "We have a branch in Leeds."),
            (Leg::Caller, "My aunt lives in York."),
        ]);
        let leeds = found.iter().find(|(topic, ..)| topic == "Leeds").expect("a topic");
        assert_eq!((&leeds.1, &leeds.2), (&vec![TopicSide::Name], &vec![2, 3]));
        assert!(found.iter().all(|(topic, ..)| topic != "York" && topic != "Northern Energy"), "{found:?}");
    }

    #[test]
    fn a_call_of_greetings_has_no_topic() {
        assert_eq!(of(&[(Leg::Agent, "Hello, hold on please."), (Leg::Caller, "Yes. Goodbye.")]), []);
    }
}
