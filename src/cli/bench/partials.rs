//! What people see while somebody still speaks: how soon the first words of a turn are shown, and how many of the words that were shown changed later.
//!
//! A turn's beginning is where its energy begins, so the time in which its first word is said counts too. A word counts as rewritten when another one
//! stands in its place later, or none does, in the next partial text or in the segment that replaces it; capitals and punctuation are no difference.
//! Words that come with the segment alone are not counted as shown.

use serde_json::{Value, json};

use super::messages::{Message, Said};

/// Pauses shorter than this, seconds, are inside a turn.
const TURN_PAUSE_S: f64 = 1.0;
/// Turns of about ten seconds.
const TURN_S: std::ops::RangeInclusive<f64> = 6.0..=15.0;
/// An utterance begins up to so much before its energy does: the sound that is kept from before it, and a detector that hears it early.
const EARLY_S: f64 = 0.6;

/// What of a partial text is looked at.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Part {
    Stable,
    All,
}

/// Figures of a run: its messages in the order in which they came, and each leg's stretches of speech in seconds.
pub(super) fn figures(messages: &[Message], speech: &[[&[(f64, f64)]; 2]]) -> Value {
    let (mut soon, mut soon_stable) = (Vec::new(), Vec::new());
    let (mut turns_shown, mut count) = (0, 0);
    let (mut all, mut stable) = (Changes::default(), Changes::default());
    for (call, legs) in speech.iter().enumerate() {
        for (leg, stretches) in legs.iter().enumerate() {
            let own: Vec<&Message> =
                messages.iter().filter(|message| (message.call, message.leg) == (call, leg)).collect();
            for turn in turns(stretches).into_iter().filter(|turn| turn.0 > 0.0 && TURN_S.contains(&(turn.1 - turn.0)))
            {
                count += 1;
                turns_shown += usize::from(first_shown(&own, turn, Part::All).is_some());
                soon.extend(first_shown(&own, turn, Part::All));
                soon_stable.extend(first_shown(&own, turn, Part::Stable));
            }
            for utterance in utterances(&own) {
                all.add(&utterance, Part::All);
                stable.add(&utterance, Part::Stable);
            }
        }
    }
    // Null where there is nothing to tell.
    let percentile = |soon: &[f64], share| (!soon.is_empty()).then(|| super::lateness::percentile(soon, share));
    json!({
        "turns": count, "turns_shown": turns_shown,
        "first_words_p50_s": percentile(&soon, 0.5), "first_words_p95_s": percentile(&soon, 0.95),
        "first_stable_words_p50_s": percentile(&soon_stable, 0.5), "first_stable_words_p95_s": percentile(&soon_stable, 0.95),
        "shown_words": all.shown, "rewritten": all.share(all.in_place), "reworded": all.share(all.aligned),
        "shown_stable_words": stable.shown, "rewritten_stable": stable.share(stable.in_place), "reworded_stable": stable.share(stable.aligned),
    })
}

/// Stretches of one leg with the pauses of somebody who goes on.
fn turns(speech: &[(f64, f64)]) -> Vec<(f64, f64)> {
    let mut found: Vec<(f64, f64)> = Vec::new();
    for (start, end) in speech {
        match found.last_mut() {
            Some(last) if start - last.1 < TURN_PAUSE_S => last.1 = *end,
            _ => found.push((*start, *end)),
        }
    }
    found
}

/// Seconds from a turn's beginning to its first text.
fn first_shown(messages: &[&Message], turn: (f64, f64), part: Part) -> Option<f64> {
    let of_turn = |message: &&&Message| message.start_s > turn.0 - EARLY_S && message.start_s < turn.1;
    let has_text = |message: &&&Message| match &message.said {
        Said::Partial { stable, .. } if part == Part::Stable => *stable > 0,
        Said::Partial { words, .. } | Said::Final { words, .. } => !words.is_empty(),
    };
    messages.iter().filter(of_turn).find(has_text).map(|message| message.at_s - turn.0)
}

/// What was shown of one utterance while it was said, and the words of its segments.
struct Utterance<'a> {
    partials: Vec<(&'a [String], usize)>,
    last: Vec<String>,
}

/// The utterances of a leg that had partial text.
fn utterances<'a>(messages: &[&'a Message]) -> Vec<Utterance<'a>> {
    let partial = |message: &&Message| matches!(message.said, Said::Partial { .. });
    let mut starts: Vec<f64> =
        messages.iter().filter(|message| partial(message)).map(|message| message.start_s).collect();
    starts.sort_by(f64::total_cmp);
    starts.dedup();
    let mut found = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let next = starts.get(number + 1).copied().unwrap_or(f64::INFINITY);
        let (mut partials, mut last, mut until) = (Vec::new(), Vec::new(), f64::NEG_INFINITY);
        for message in messages {
            match &message.said {
                Said::Partial { words, stable } if message.start_s == *start => {
                    partials.push((words.as_slice(), *stable));
                    until = message.at_s;
                }
                _ => {}
            }
        }
        for message in messages {
            match &message.said {
                // What begins after the last partial text came was not in it.
                Said::Final { words, .. } if (*start..next.min(until)).contains(&message.start_s) => {
                    last.extend(plain(words));
                }
                _ => {}
            }
        }
        found.push(Utterance { partials, last });
    }
    found
}

fn plain(words: &[String]) -> Vec<String> {
    let plain =
        |word: &String| word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>();
    words.iter().map(plain).filter(|word| !word.is_empty()).collect()
}

/// Words that were shown, and those of them that did not stay: counted by their places, and by what is left when the texts are aligned, where a word
/// that is put in before others moves them and changes none.
#[derive(Debug, Default, PartialEq)]
struct Changes {
    shown: usize,
    in_place: usize,
    aligned: usize,
}

impl Changes {
    fn add(&mut self, utterance: &Utterance<'_>, part: Part) {
        let mut screen: Vec<String> = Vec::new();
        for (words, stable) in &utterance.partials {
            let now = plain(if part == Part::Stable { &words[..(*stable).min(words.len())] } else { words });
            self.shown += now.len() - same_places(&screen, &now);
            self.gone(&screen, &now);
            screen = now;
        }
        self.gone(&screen, &utterance.last);
    }

    fn gone(&mut self, before: &[String], after: &[String]) {
        self.in_place += before.len() - same_places(before, after);
        self.aligned += before.len() - in_common(before, after);
    }

    fn share(&self, count: usize) -> f64 {
        count as f64 / self.shown.max(1) as f64
    }
}

fn same_places(before: &[String], after: &[String]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before == after).count()
}

/// The length of the longest common subsequence.
fn in_common(before: &[String], after: &[String]) -> usize {
    let mut row = vec![0_usize; after.len() + 1];
    for word in before {
        let mut diagonal = 0;
        for (place, other) in after.iter().enumerate() {
            let above = row[place + 1];
            row[place + 1] = if word == other { diagonal + 1 } else { above.max(row[place]) };
            diagonal = above;
        }
    }
    row[after.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    fn partial(at_s: f64, start_s: f64, stable: &str, rest: &str) -> Message {
        let all = words(&format!("{stable} {rest}"));
        Message { call: 0, leg: 0, at_s, start_s, said: Said::Partial { words: all, stable: words(stable).len() } }
    }

    fn segment(at_s: f64, start_s: f64, text: &str) -> Message {
        Message { call: 0, leg: 0, at_s, start_s, said: Said::Final { words: words(text), end_s: at_s - 0.5 } }
    }

    #[test]
    fn the_first_words_of_a_turn_count_from_where_its_energy_begins() {
        let messages = [
            partial(2.5, 0.8, "", "I"),
            partial(3.5, 0.8, "I", "want"),
            segment(4.5, 0.9, "I want"),
            // Goes on after a short pause, and the turn is one.
            segment(9.0, 5.2, "to cancel."),
        ];
        let found = figures(&messages, &[[&[(1.0, 4.0), (4.5, 8.0)], &[]]]);
        assert_eq!(found["turns"], 1);
        assert_eq!(found["turns_shown"], 1);
        assert_eq!(found["first_words_p50_s"], 1.5);
        assert_eq!(found["first_stable_words_p50_s"], 2.5);
    }

    #[test]
    fn a_turn_that_shows_nothing_or_is_cut_at_the_beginning_gives_no_time() {
        let found = figures(&[segment(9.0, 0.0, "Yes.")], &[[&[(0.0, 8.0), (10.0, 17.0)], &[]]]);
        assert_eq!((&found["turns"], &found["turns_shown"]), (&1.into(), &0.into()));
    }

    #[test]
    fn a_word_that_another_one_replaces_was_rewritten_and_case_is_no_difference() {
        let messages = [
            partial(2.0, 1.0, "", "I won two"),
            partial(3.0, 1.0, "I", "want to cancel"),
            segment(5.0, 1.0, "I want to cancel,"),
            // Too late to have been in it.
            segment(5.0, 4.0, "please."),
        ];
        let own: Vec<&Message> = messages.iter().collect();
        let (mut all, mut stable) = (Changes::default(), Changes::default());
        for utterance in utterances(&own) {
            all.add(&utterance, Part::All);
            stable.add(&utterance, Part::Stable);
        }
        assert_eq!(all, Changes { shown: 6, in_place: 2, aligned: 2 });
        assert_eq!(stable, Changes { shown: 1, in_place: 0, aligned: 0 });
    }

    #[test]
    fn what_vanishes_is_rewritten_and_a_word_put_in_before_others_changes_places_alone() {
        let moved = [partial(2.0, 1.0, "want to", ""), segment(3.0, 1.2, "I want to")];
        let gone = [partial(2.0, 1.0, "thank you", "")];
        let count = |messages: &[Message]| {
            let mut changes = Changes::default();
            for one in &utterances(&messages.iter().collect::<Vec<_>>()) {
                changes.add(one, Part::Stable);
            }
            changes
        };
        assert_eq!(count(&moved), Changes { shown: 2, in_place: 2, aligned: 0 });
        assert_eq!(count(&gone), Changes { shown: 2, in_place: 2, aligned: 2 });
    }

    #[test]
    fn segments_belong_to_the_utterance_in_which_they_begin() {
        let messages = [
            partial(2.0, 1.0, "", "one"),
            segment(4.0, 1.1, "one"),
            partial(7.0, 6.0, "", "two"),
            segment(9.0, 6.1, "two"),
        ];
        let own: Vec<&Message> = messages.iter().collect();
        let found: Vec<Vec<String>> = utterances(&own).into_iter().map(|utterance| utterance.last).collect();
        assert_eq!(found, [words("one"), words("two")]);
    }
}
