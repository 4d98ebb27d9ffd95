//! How late text is: from where the sound of a stretch of speech ends, as its energy shows, to its text on the feed.

use std::collections::{HashMap, HashSet};

use super::messages::{Message, Said};

/// Segments of one leg that come within so many seconds, with less than that between them in the call, are of one utterance.
const TOGETHER_S: f64 = 0.1;
const BETWEEN_S: f64 = 0.7;
/// A segment ends with a stretch of speech whose end is nearer than this; else where it says itself.
const NEAR_S: f64 = 1.0;

/// Seconds, in the order in which text came.
#[derive(Debug, Default)]
pub(super) struct Lateness {
    /// Lateness of each utterance, counted for the last of the segments that came together: somebody spoke until it ended.
    pub(super) utterances: Vec<f64>,
    /// Lateness of each segment, also of those after which somebody went on.
    pub(super) segments: Vec<f64>,
    /// Stretches of speech that have text.
    pub(super) covered: usize,
}

impl Lateness {
    /// `speech` holds each leg's stretches of speech, seconds.
    pub(super) fn of(messages: &[Message], speech: &[[&[(f64, f64)]; 2]]) -> Self {
        let mut late = Self::default();
        let mut covered: HashSet<(usize, usize, usize)> = HashSet::new();
        // Of each leg's last utterance: when it came, where it ends, its place in the list.
        let mut last_of: HashMap<(usize, usize), (f64, f64, usize)> = HashMap::new();
        for message in messages {
            let Said::Final { end_s, .. } = message.said else { continue };
            let stretches = speech[message.call][message.leg];
            for (number, (start, end)) in stretches.iter().enumerate() {
                if *start < end_s && message.start_s < *end {
                    covered.insert((message.call, message.leg, number));
                }
            }
            let apart = |end: f64| (end - end_s).abs();
            let nearest = stretches.iter().map(|stretch| stretch.1).min_by(|a, b| apart(*a).total_cmp(&apart(*b)));
            let lag = message.at_s - nearest.filter(|end| apart(*end) < NEAR_S).unwrap_or(end_s);
            late.segments.push(lag);
            match last_of.get_mut(&(message.call, message.leg)) {
                Some((at_s, last_s, place))
                    if message.at_s - *at_s < TOGETHER_S && (message.start_s - *last_s).abs() < BETWEEN_S =>
                {
                    (*last_s, late.utterances[*place]) = (end_s, lag);
                }
                _ => {
                    last_of.insert((message.call, message.leg), (message.at_s, end_s, late.utterances.len()));
                    late.utterances.push(lag);
                }
            }
        }
        late.covered = covered.len();
        late
    }
}

/// 0 when there are none.
pub(super) fn percentile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1) as f64 * share).round() as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(at_s: f64, start_s: f64, end_s: f64) -> Message {
        Message { call: 0, leg: 0, at_s, start_s, said: Said::Final { words: Vec::new(), end_s } }
    }

    #[test]
    fn segments_that_come_together_are_one_utterance_whose_end_counts() {
        // The pause at 4 s was too short to end the utterance.
        let messages = [segment(8.5, 1.0, 3.9), segment(8.5, 4.25, 7.8)];
        let late = Lateness::of(&messages, &[[&[(1.0, 4.0), (4.25, 8.0), (20.0, 21.0)], &[]]]);
        assert_eq!(late.utterances, [0.5]);
        assert_eq!(late.segments, [4.5, 0.5]);
        assert_eq!(late.covered, 2);
    }

    #[test]
    fn utterances_that_come_together_because_the_first_one_waited_count_both() {
        let messages = [segment(9.0, 1.0, 2.0), segment(9.0, 4.0, 8.0)];
        let late = Lateness::of(&messages, &[[&[(1.0, 2.0), (4.0, 8.0)], &[]]]);
        assert_eq!(late.utterances, [7.0, 1.0]);
    }
}
