//! Differences between the text of the live call and that of the final pass: word by word, stretch by stretch.

use std::collections::BTreeMap;

use crate::call::Leg;
use crate::contract::processing::{PassChange, PassChanges, TextPass};
use crate::contract::seconds;
use crate::store::segments::SegmentRow;

/// Words that are compared with each other at once: of more the time grows with the square.
const TOGETHER: usize = 400;

/// A word with its place.
#[derive(Clone)]
struct Said<'a> {
    word: &'a str,
    start_ms: i64,
}

/// Compares both texts leg by leg. Without a live text there is one pass and nothing has changed.
pub(super) fn changes(call_id: String, live: Option<Vec<SegmentRow>>, later: &[SegmentRow]) -> PassChanges {
    let Some(live) = live else {
        let words = later.iter().map(|row| row.text.split_whitespace().count()).sum();
        let passes = vec![TextPass::Live];
        return PassChanges {
            call_id,
            passes,
            live_words: words,
            final_words: words,
            changed_words: 0,
            changes: Vec::new(),
        };
    };
    let (before, after) = (by_leg(&live), by_leg(later));
    let mut all = PassChanges {
        call_id,
        passes: vec![TextPass::Live, TextPass::Final],
        live_words: before.values().map(Vec::len).sum(),
        final_words: after.values().map(Vec::len).sum(),
        changed_words: 0,
        changes: Vec::new(),
    };
    for leg in Leg::ALL {
        let none = Vec::new();
        let (old, new) = (before.get(&leg).unwrap_or(&none), after.get(&leg).unwrap_or(&none));
        compare(leg, old, new, &mut all);
    }
    all.changes.sort_by(|one, other| one.start_time.total_cmp(&other.start_time));
    all
}

fn by_leg(rows: &[SegmentRow]) -> BTreeMap<Leg, Vec<Said<'_>>> {
    let mut all: BTreeMap<Leg, Vec<Said>> = BTreeMap::new();
    for row in rows {
        let words = row.text.split_whitespace().map(|word| Said { word, start_ms: row.start_ms });
        all.entry(row.leg).or_default().extend(words);
    }
    all
}

/// A word as it is compared: without punctuation and letter case.
fn plain(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Compares piece by piece: at most so many words of one text with those of the other that were said in the same time.
fn compare(leg: Leg, old: &[Said], new: &[Said], all: &mut PassChanges) {
    let (mut old, mut new) = (old, new);
    while !old.is_empty() || !new.is_empty() {
        let to_ms = [old, new].iter().filter_map(|rest| rest.get(TOGETHER)).map(|said| said.start_ms).min();
        let until = |rest: &[Said]| {
            let in_time = to_ms.map_or(rest.len(), |to_ms| rest.partition_point(|said| said.start_ms < to_ms));
            in_time.min(TOGETHER)
        };
        let (mut many_old, mut many_new) = (until(old), until(new));
        if many_old + many_new == 0 {
            // One segment of more words than are compared at once.
            (many_old, many_new) = (old.len().min(TOGETHER), new.len().min(TOGETHER));
        }
        let (one, other) = (old.split_at(many_old), new.split_at(many_new));
        piece(leg, one.0, other.0, all);
        (old, new) = (one.1, other.1);
    }
}

/// The longest common words of two pieces; what lies between them has changed.
fn piece(leg: Leg, old: &[Said], new: &[Said], all: &mut PassChanges) {
    let keys = |words: &[Said]| words.iter().map(|said| plain(said.word)).collect::<Vec<_>>();
    let (a, b) = (keys(old), keys(new));
    let width = b.len() + 1;
    let mut length = vec![0_u32; (a.len() + 1) * width];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            length[i * width + j] = if a[i] == b[j] {
                length[(i + 1) * width + j + 1] + 1
            } else {
                length[(i + 1) * width + j].max(length[i * width + j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut begin = (0, 0);
    let mut told = |from: (usize, usize), to: (usize, usize)| {
        let (gone, come) = (&old[from.0..to.0], &new[from.1..to.1]);
        let Some(first) = gone.first().or(come.first()) else { return };
        let text = |words: &[Said]| words.iter().map(|said| said.word).collect::<Vec<_>>().join(" ");
        all.changed_words += gone.len() + come.len();
        all.changes.push(PassChange {
            start_time: seconds(first.start_ms),
            speaker: leg.into(),
            live: text(gone),
            later: text(come),
        });
    };
    while i < a.len() && j < b.len() {
        if a[i] == b[j] {
            told(begin, (i, j));
            (i, j) = (i + 1, j + 1);
            begin = (i, j);
        } else if length[(i + 1) * width + j] >= length[i * width + j + 1] {
            i += 1;
        } else {
            j += 1;
        }
    }
    told(begin, (a.len(), b.len()));
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn said(leg: Leg, start_ms: i64, text: &str) -> SegmentRow {
        SegmentRow {
            id: start_ms,
            start_ms,
            end_ms: start_ms + 1000,
            text: text.into(),
            confidence: 0.9,
            language: None,
            words: Value::Null,
            compound: Some(0.0),
            pos: 0.0,
            neu: 1.0,
            neg: 0.0,
            label: "neutral".into(),
            keywords: json!([]),
            profanity: json!([]),
            leg,
            engine: None,
            sender_sentiment: None,
            speaker: leg,
        }
    }

    #[test]
    fn words_that_only_one_pass_has_are_told_where_they_were_said() {
        let live = vec![said(Leg::Agent, 0, "hello there"), said(Leg::Caller, 1000, "I want to council my contract")];
        let later =
            [said(Leg::Agent, 0, "Hello there."), said(Leg::Caller, 1000, "I want to cancel my contract today")];
        let told = changes("c.1".into(), Some(live), &later);
        let pairs: Vec<_> = told.changes.iter().map(|one| (one.live.as_str(), one.later.as_str())).collect();
        assert_eq!(pairs, [("council", "cancel"), ("", "today")]);
        assert_eq!((told.changed_words, told.live_words, told.final_words), (3, 8, 9));
        assert_eq!(told.changes[0].start_time, 1.0);
        let shown = serde_json::to_value(&told).expect("JSON");
        assert_eq!((&shown["passes"], &shown["changes"][0]["final"]), (&json!(["live", "final"]), &json!("cancel")));
    }

    #[test]
    fn a_call_of_one_pass_has_not_changed() {
        let told = changes("c.1".into(), None, &[said(Leg::Mixed, 0, "one two")]);
        assert_eq!((told.passes, told.live_words, told.changed_words), (vec![TextPass::Live], 2, 0));
    }

    #[test]
    fn an_hour_is_compared_in_pieces() {
        let text =
            |odd: &str| (0..1500).map(|at| said(Leg::Caller, at * 2000, &format!("line {at} is {odd}"))).collect();
        let (live, later): (Vec<SegmentRow>, Vec<SegmentRow>) = (text("here"), text("there"));
        let told = changes("c.1".into(), Some(live), &later);
        assert_eq!((told.changes.len(), told.changed_words), (1500, 3000));
    }
}
