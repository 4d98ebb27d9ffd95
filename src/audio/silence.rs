//! Silenced stretches of a leg: readers, the writer and the player share them and treat them as silence.

use std::sync::{PoisonError, RwLock};
use std::time::Instant;

/// A stretch in samples; one that lasts ends at `u64::MAX`.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    start: u64,
    end: u64,
    /// Time of the request, while its first sample is not known for sure.
    since: Option<Instant>,
}

/// The silent stretches of a leg, in samples; one without an end lasts.
#[derive(Debug, Default)]
pub struct Silences(RwLock<Vec<Stretch>>);

impl Silences {
    /// A stretch from sample `start` to before `end`; `None` lasts until [`Self::end`].
    pub fn add(&self, start: u64, end: Option<u64>) {
        self.push(Stretch { start, end: end.unwrap_or(u64::MAX), since: None });
    }

    /// The same, asked for at `since`: it begins at `start` or later, which [`Self::settle`] will tell.
    pub fn add_unsettled(&self, start: u64, end: Option<u64>, since: Instant) {
        self.push(Stretch { start, end: end.unwrap_or(u64::MAX), since: Some(since) });
    }

    fn push(&self, stretch: Stretch) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(stretch);
    }

    /// Whether one lasts.
    pub fn lasts(&self) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).iter().any(|stretch| stretch.end == u64::MAX)
    }

    /// Ends what lasts; gives back where it began.
    pub fn end(&self, end: u64) -> Option<u64> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let lasting = all.iter_mut().find(|stretch| stretch.end == u64::MAX)?;
        lasting.end = end.max(lasting.start);
        Some(lasting.start)
    }

    /// Moves the beginning of stretches that were asked for at a time whose sample is known now; gives back where they began and begin.
    pub fn settle(&self, sample_at: impl Fn(Instant) -> Option<u64>) -> Vec<(u64, u64)> {
        let mut moved = Vec::new();
        for stretch in self.0.write().unwrap_or_else(PoisonError::into_inner).iter_mut() {
            let Some(sample) = stretch.since.and_then(&sample_at) else { continue };
            stretch.since = None;
            let start = sample.clamp(stretch.start, stretch.end);
            if start != stretch.start {
                moved.push((stretch.start, start));
                stretch.start = start;
            }
        }
        moved
    }

    /// Silences what has to be among samples that begin at number `from`.
    pub fn apply(&self, from: u64, samples: &mut [i16]) {
        for &Stretch { start, end, .. } in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
            let to = from + samples.len() as u64;
            if start < to && from < end {
                samples[(start.max(from) - from) as usize..(end.min(to) - from) as usize].fill(0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_silent_for_readers_and_one_that_lasts_until_it_ends() {
        let silences = Silences::default();
        silences.add(2, Some(4));
        silences.add(8, None);
        let read = |from, count| {
            let mut samples = vec![1; count];
            silences.apply(from, &mut samples);
            samples
        };
        assert_eq!(read(0, 10), [1, 1, 0, 0, 1, 1, 1, 1, 0, 0]);
        assert_eq!(read(100, 2), [0, 0]);
        assert_eq!(silences.end(9), Some(8));
        assert_eq!(read(7, 4), [1, 0, 1, 1]);
        assert_eq!(silences.end(20), None);
    }

    #[test]
    fn a_stretch_begins_later_once_it_is_known_which_sample_was_heard_when_it_was_asked_for() {
        let silences = Silences::default();
        let asked = Instant::now();
        silences.add(0, Some(1));
        silences.add_unsettled(2, None, asked);
        assert_eq!(silences.settle(|_| None), []);
        assert_eq!(silences.settle(|since| (since == asked).then_some(5)), [(2, 5)]);
        assert_eq!(silences.settle(|_| Some(7)), [], "once");
        let mut samples = [1; 8];
        silences.apply(0, &mut samples);
        assert_eq!(samples, [0, 1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(silences.end(6), Some(5));
    }
}
