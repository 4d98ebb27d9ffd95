//! How the understanding of a call grew: when each entity was named, and how the classification changed. It is computed from the text and the time at
//! which each line was said, so it is the same for a running call and for a finished one.

use std::collections::{BTreeMap, HashSet};

use super::told::named;
use crate::call::WallTime;
use crate::contract::processing::{ClassificationChange, ClassificationShot, ClassificationWindow};
use crate::contract::review::EntityWindow;
use crate::contract::seconds;
use crate::text::review::ReviewLine;
use crate::text::review::entities::Entity;
use crate::text::review::insights::Insights;

/// Windows of an answer at most. Each repeats all that was named before it: without a bound an answer grows with the square of the call.
const WINDOWS: usize = 100;
/// Windows of the classification at most. Each is worked out from the call's begin.
const SHOTS: usize = 20;

/// A window is a line that names something for the first time; of a call with very many, several such lines.
pub(super) fn entity_windows(found: &[Entity], started: WallTime) -> Vec<EntityWindow> {
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

/// The growth of the classification: each window with the result of the lines up to its end, and the changes since the window before.
pub(super) fn classification_windows(
    lines: &[ReviewLine],
    started: WallTime,
    classify: impl Fn(&[ReviewLine]) -> Insights,
) -> Vec<ClassificationWindow> {
    let each = lines.len().div_ceil(SHOTS).max(1);
    let mut windows: Vec<ClassificationWindow> = Vec::new();
    for (number, some) in lines.chunks(each).enumerate() {
        let (Some(first), Some(last)) = (some.first(), some.last()) else { continue };
        let classification = shot(&classify(&lines[..number * each + some.len()]));
        let changes = windows.last().map_or_else(Vec::new, |before| changes(&before.classification, &classification));
        windows.push(ClassificationWindow {
            window: number + 1,
            start_time: seconds(first.start_ms),
            end_time: seconds(last.end_ms),
            timestamp: WallTime(started.0 + last.end_ms).rfc3339(),
            changed: !changes.is_empty(),
            classification,
            changes,
        });
    }
    windows
}

fn shot(insights: &Insights) -> ClassificationShot {
    ClassificationShot {
        main_category: insights.intents.first().map(|intent| intent.label.clone()),
        outcome: insights.outcomes.first().map(|outcome| outcome.label.clone()),
        priority: insights.priority.label.clone(),
        sentiment: insights.sentiment.as_ref().map(|mood| mood.label.as_str().to_owned()),
        action_required: insights.action_required.required,
        confidence: insights.intents.first().map_or(0.0, |intent| intent.share),
    }
}

/// The fields that differ, without the confidence, which changes with every line.
fn changes(before: &ClassificationShot, now: &ClassificationShot) -> Vec<ClassificationChange> {
    let fields = |shot: &ClassificationShot| {
        [
            ("main_category", shot.main_category.clone()),
            ("outcome", shot.outcome.clone()),
            ("priority", Some(shot.priority.clone())),
            ("sentiment", shot.sentiment.clone()),
            ("action_required", Some(shot.action_required.to_string())),
        ]
    };
    let pairs = fields(before).into_iter().zip(fields(now));
    let other = pairs.filter(|((_, from), (_, to))| from != to);
    other.map(|((field, from), (_, to))| ClassificationChange { field: field.into(), from, to }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::told::tests::named;
    use super::*;
    use crate::call::Leg;
    use crate::text::{LexiconKind, Pack, TextAnalyser};

    fn line(number: i64, text: &str) -> ReviewLine {
        ReviewLine {
            segment: number,
            leg: Leg::Caller,
            start_ms: number * 1000,
            end_ms: number * 1000 + 900,
            text: text.into(),
            compound: Some(0.0),
            labels: Vec::new(),
            heard: true,
        }
    }

    #[test]
    fn a_window_tells_what_it_changed_in_the_classification() {
        let analyser = TextAnalyser::new(LexiconKind::CallCentre, &Pack::bundled().expect("packs"));
        let lines =
            [line(1, "Hello."), line(2, "I want my money back, I want a refund."), line(3, "A refund, please.")];
        let windows = classification_windows(&lines, WallTime(0), |lines| analyser.insights(lines, None, Some("en")));
        assert_eq!(windows.iter().map(|window| window.window).collect::<Vec<_>>(), [1, 2, 3]);
        let changed = windows[1].changes.iter().find(|change| change.field == "main_category").expect("a new intent");
        assert_eq!((changed.from.as_deref(), changed.to.as_deref()), (None, Some("refund")));
        assert!(!windows[0].changed && windows[1].changed, "{windows:?}");
        assert!(windows[2].changes.iter().all(|change| change.field != "main_category"), "{windows:?}");
        assert_eq!((windows[1].end_time, windows[1].timestamp.as_str()), (2.9, "1970-01-01T00:00:02.900Z"));
        let many: Vec<ReviewLine> = (0..1000).map(|number| line(number, "yes")).collect();
        let last = classification_windows(&many, WallTime(0), |lines| analyser.insights(lines, None, None)).pop();
        assert_eq!(last.map(|last| (last.window, last.end_time)), Some((20, 999.9)));
    }

    #[test]
    fn each_line_that_names_something_new_is_a_window_with_all_that_was_named_before() {
        let found = [named(1, "ten"), named(1, "ten"), named(2, "ten"), named(3, "two"), named(3, "six")];
        let windows = serde_json::to_value(entity_windows(&found, WallTime(0))).expect("JSON");
        assert_eq!(windows.as_array().map(Vec::len), Some(2));
        assert_eq!((&windows[0]["window"], &windows[0]["start_time"]), (&json!(1), &json!(1.0)));
        assert_eq!(windows[0]["cumulative_entities"], json!({"money": ["ten"]}));
        assert_eq!((&windows[1]["window"], &windows[1]["timestamp"]), (&json!(2), &json!(WallTime(3000).rfc3339())));
        assert_eq!(windows[1]["new_entities"].as_array().map(Vec::len), Some(2));
        assert_eq!(windows[1]["cumulative_entities"], json!({"money": ["ten", "two", "six"]}));
        assert!(entity_windows(&[], WallTime(0)).is_empty());
    }

    #[test]
    fn ten_times_the_call_is_ten_times_the_answer() {
        let length = |lines: i64| {
            let found: Vec<Entity> = (0..lines).map(|line| named(line, &format!("{line:08}"))).collect();
            let windows = entity_windows(&found, WallTime(0));
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
