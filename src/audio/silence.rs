//! Stretches of a stream of samples that are silence, whatever was said: shared by whoever reads, writes or plays it.

use std::sync::{PoisonError, RwLock};

/// The silent stretches of a leg, in samples; one without an end lasts.
#[derive(Debug, Default)]
pub struct Silences(RwLock<Vec<(u64, u64)>>);

impl Silences {
    /// A stretch from sample `start` to before `end`; `None` lasts until [`Self::end`].
    pub fn add(&self, start: u64, end: Option<u64>) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push((start, end.unwrap_or(u64::MAX)));
    }

    /// Ends what lasts; gives back where it began.
    pub fn end(&self, end: u64) -> Option<u64> {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let lasting = all.iter_mut().find(|(_, until)| *until == u64::MAX)?;
        lasting.1 = end.max(lasting.0);
        Some(lasting.0)
    }

    /// Silences what has to be among samples that begin at number `from`.
    pub fn apply(&self, from: u64, samples: &mut [i16]) {
        for &(start, end) in self.0.read().unwrap_or_else(PoisonError::into_inner).iter() {
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
}
