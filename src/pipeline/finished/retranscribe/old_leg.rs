//! A leg of a call that is over: where its sound was transcribed while the call ran, and where it is silenced.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use crate::call::LegKey;
use crate::spool::SpooledLeg;
use crate::store::rewrite::Stretch;

/// The legs of a call that is over.
pub(super) type OldLegs = HashMap<LegKey, OldLeg>;

/// A leg of a call that is over.
pub(super) struct OldLeg {
    pub(super) leg: Arc<SpooledLeg>,
    /// Its first sample in the call, milliseconds.
    pub(super) offset_ms: i64,
    /// Stretches that were transcribed while the call ran: first sample, one past the last; without an end to the leg's.
    pub(super) heard: Vec<(u64, Option<u64>)>,
    /// Silenced stretches: first sample, one past the last.
    pub(super) silences: Vec<(u64, Option<u64>)>,
}

impl OldLeg {
    pub(super) fn is_silenced(&self, stretch: &Stretch) -> bool {
        let meets = |(start, end): &(u64, Option<u64>)| {
            *start < stretch.end_sample && end.is_none_or(|end| end > stretch.start_sample)
        };
        self.silences.iter().any(meets)
    }

    pub(super) fn length_ms(&self, stretch: &Stretch) -> i64 {
        ((stretch.end_sample - stretch.start_sample) * 1000 / u64::from(self.leg.spec.rate_hz)) as i64
    }

    /// The sample that was heard at this time of the call.
    pub(super) fn sample_at(&self, call_ms: i64) -> u64 {
        (call_ms - self.offset_ms).max(0) as u64 * u64::from(self.leg.spec.rate_hz) / 1000
    }

    /// Whether it was transcribed while the call ran, at least in part.
    pub(super) fn was_heard(&self) -> bool {
        !self.heard.is_empty()
    }

    /// Time of a sample, milliseconds of the call.
    pub(super) fn at_ms(&self, sample: u64) -> i64 {
        self.offset_ms + (sample * 1000 / u64::from(self.leg.spec.rate_hz)) as i64
    }

    /// Where the VAD is to look for utterances. There are `known` samples at least, whatever was noted of the leg.
    pub(super) fn free(&self, kept: &[Stretch], known: u64) -> Vec<Range<u64>> {
        let kept = kept.iter().filter(|stretch| stretch.leg == self.leg.key);
        let silent = self.silences.iter().map(|&(start, end)| start..end.unwrap_or(u64::MAX));
        let taken = silent.chain(kept.map(|stretch| stretch.start_sample..stretch.end_sample)).collect();
        free(&self.heard, self.leg.samples().max(known), taken)
    }
}

/// The stretches of `samples` that were heard, without those that are taken; in order, none twice.
fn free(heard: &[(u64, Option<u64>)], samples: u64, mut taken: Vec<Range<u64>>) -> Vec<Range<u64>> {
    let mut heard: Vec<Range<u64>> = heard.iter().map(|&(from, to)| from..to.unwrap_or(samples).min(samples)).collect();
    heard.sort_by_key(|range| range.start);
    taken.sort_by_key(|range| range.start);
    let (mut found, mut at) = (Vec::new(), 0);
    for range in heard {
        at = at.max(range.start);
        for taken in taken.iter().filter(|taken| taken.end > range.start && taken.start < range.end) {
            if taken.start > at {
                found.push(at..taken.start);
            }
            at = at.max(taken.end);
        }
        if at < range.end {
            found.push(at..range.end);
            at = range.end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vad_hears_what_was_heard_and_nothing_of_what_is_silenced_or_keeps_its_text() {
        let free = |heard: &[(u64, Option<u64>)], taken: &[(u64, u64)]| -> Vec<(u64, u64)> {
            let taken = taken.iter().map(|&(start, end)| start..end).collect();
            free(heard, 100, taken).into_iter().map(|range| (range.start, range.end)).collect()
        };
        assert_eq!(free(&[(0, None)], &[]), [(0, 100)]);
        assert_eq!(free(&[(60, Some(80)), (0, Some(40))], &[]), [(0, 40), (60, 80)]);
        assert_eq!(free(&[(0, Some(400))], &[]), [(0, 100)], "no further than there is sound");
        assert_eq!(free(&[(0, None)], &[(20, 30), (10, 25), (90, u64::MAX)]), [(0, 10), (30, 90)]);
        assert_eq!(free(&[(0, Some(50)), (40, Some(60))], &[(45, 46)]), [(0, 45), (46, 50), (50, 60)], "none twice");
        assert_eq!(free(&[(30, Some(50))], &[(0, 35), (49, 60)]), [(35, 49)]);
        assert_eq!(free(&[(30, Some(50))], &[(0, u64::MAX)]), []);
        assert_eq!(free(&[], &[]), []);
    }
}
