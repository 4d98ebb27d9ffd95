//! Preflight: when somebody falls silent, the stretch is transcribed before it is certain that the utterance is over.
//!
//! An utterance ends after `[utterance] silence_ms` of silence; all of its sound is there long before. So it is transcribed while the silence lasts.
//! If its text ends as a sentence does, the silence need not be waited out; else the text is there when the silence is over. If the speaker goes on,
//! the text is discarded. The text is in memory alone, one for a leg, until the utterance has its row.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::call::LegKey;
use crate::speech::recogniser::Recognition;

/// How long a worker waits for another one that is transcribing the same utterance: longer than any inference worth waiting for.
const PATIENCE: Duration = Duration::from_secs(5);

/// One stretch of a leg, and its progress.
#[derive(Debug)]
struct Stretch {
    start: u64,
    end: u64,
    state: State,
}

#[derive(Debug)]
enum State {
    Wanted,
    Begun,
    Read(PreflightText),
}

/// The engine's name, and what it recognised.
pub type PreflightText = (String, Recognition);

impl Stretch {
    fn is(&self, start: u64, end: u64) -> bool {
        (self.start, self.end) == (start, end)
    }

    fn text(self) -> Option<PreflightText> {
        if let State::Read(text) = self.state { Some(text) } else { None }
    }
}

/// Preflights by leg: the last stretch of each.
#[derive(Debug, Default)]
pub struct Preflights {
    legs: Mutex<HashMap<LegKey, Stretch>>,
    read: Condvar,
}

impl Preflights {
    /// Requests a stretch. One that was requested before it is not wanted any more.
    pub fn want(&self, leg: LegKey, start: u64, end: u64) {
        let before = self.lock().insert(leg, Stretch { start, end, state: State::Wanted });
        count_useless(before);
    }

    /// A worker begins this stretch. Returns whether it is still wanted.
    pub fn begin(&self, leg: LegKey, start: u64, end: u64) -> bool {
        let mut legs = self.lock();
        let wanted = legs.get_mut(&leg).filter(|s| s.is(start, end) && matches!(s.state, State::Wanted));
        wanted.map(|stretch| stretch.state = State::Begun).is_some()
    }

    /// The stretch is transcribed; `None` when that failed.
    pub fn end(&self, leg: LegKey, start: u64, end: u64, text: Option<PreflightText>) {
        let mut legs = self.lock();
        match (legs.get_mut(&leg).filter(|stretch| stretch.is(start, end)), text) {
            (Some(stretch), Some(text)) => stretch.state = State::Read(text),
            (Some(_), None) => drop(legs.remove(&leg)),
            // The speaker went on meanwhile, and a later stretch is wanted.
            (None, text) => count_useless(text.map(|text| Stretch { start, end, state: State::Read(text) })),
        }
        drop(legs);
        self.read.notify_all();
    }

    /// The text of exactly this stretch, once; waits for a worker that is at it. Text of an earlier stretch of the leg is forgotten.
    pub fn take(&self, leg: LegKey, start: u64, end: u64) -> Option<PreflightText> {
        let begun = |legs: &mut HashMap<LegKey, Stretch>| {
            legs.get(&leg).is_some_and(|stretch| stretch.is(start, end) && matches!(stretch.state, State::Begun))
        };
        let (mut legs, _) = self
            .read
            .wait_timeout_while(self.lock(), PATIENCE, begun)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if legs.get(&leg)?.start >= end {
            return None;
        }
        let last = legs.remove(&leg)?;
        if last.is(start, end) {
            return last.text().inspect(|_| count("used"));
        }
        count_useless(Some(last));
        None
    }

    /// The text of exactly this stretch, once, if it is there by now.
    pub fn take_read(&self, leg: LegKey, start: u64, end: u64) -> Option<PreflightText> {
        let mut legs = self.lock();
        let there = legs.get(&leg).is_some_and(|s| s.is(start, end) && matches!(s.state, State::Read(_)));
        if there { legs.remove(&leg)?.text().inspect(|_| count("used")) } else { None }
    }

    /// Whether this stretch is transcribed, and its text says that it is over: it ends as a sentence does.
    pub fn is_over(&self, leg: LegKey, start: u64, end: u64) -> bool {
        self.lock().get(&leg).is_some_and(|stretch| match &stretch.state {
            State::Read((_, recognition)) => stretch.is(start, end) && is_sentence(&recognition.text()),
            _ => false,
        })
    }

    /// Whether this stretch is being transcribed, or is.
    pub fn knows(&self, leg: LegKey, start: u64, end: u64) -> bool {
        self.lock().get(&leg).is_some_and(|stretch| stretch.is(start, end))
    }

    /// The leg is over: a preflight that has not begun is dropped. One that has begun may be the leg's last utterance, which is in the queue by now.
    pub fn want_no_more(&self, leg: LegKey) {
        let mut legs = self.lock();
        if legs.get(&leg).is_some_and(|stretch| matches!(stretch.state, State::Wanted)) {
            legs.remove(&leg);
        }
    }

    /// The leg's call is over, and every utterance of it has its text.
    pub fn forget(&self, leg: LegKey) {
        count_useless(self.lock().remove(&leg));
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LegKey, Stretch>> {
        self.legs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn count(outcome: &'static str) {
    metrics::counter!("lineside_read_ahead_total", "outcome" => outcome).increment(1);
}

/// A preflight whose text served nobody: somebody went on speaking.
fn count_useless(stretch: Option<Stretch>) {
    if stretch.is_some_and(|stretch| matches!(stretch.state, State::Read(_))) {
        count("useless");
    }
}

/// Whether a text is complete by its last sign. Dots of omission say that it is not.
fn is_sentence(text: &str) -> bool {
    text.ends_with(['.', '!', '?', '。', '！', '？']) && !text.ends_with("..")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LEG: LegKey = LegKey(1);

    fn text() -> PreflightText {
        let recognition = Recognition { pieces: Vec::new(), language: None, dropped: None, took: Duration::ZERO };
        ("engine".into(), recognition)
    }

    #[test]
    fn a_preflight_serves_exactly_its_stretch_and_once() {
        let preflight = Preflights::default();
        preflight.want(LEG, 0, 10);
        assert!(preflight.begin(LEG, 0, 10));
        preflight.end(LEG, 0, 10, Some(text()));
        assert!(preflight.take(LEG, 0, 12).is_none(), "somebody went on speaking");
        preflight.want(LEG, 0, 12);
        assert!(preflight.begin(LEG, 0, 12));
        preflight.end(LEG, 0, 12, Some(text()));
        assert!(preflight.take(LEG, 0, 12).is_some());
        assert!(preflight.take(LEG, 0, 12).is_none());
    }

    #[test]
    fn a_preflight_that_failed_or_came_late_is_nobodys() {
        let preflight = Preflights::default();
        preflight.want(LEG, 0, 10);
        assert!(preflight.begin(LEG, 0, 10));
        preflight.end(LEG, 0, 10, None);
        assert!(preflight.take(LEG, 0, 10).is_none());
        preflight.want(LEG, 0, 12);
        assert!(preflight.begin(LEG, 0, 12));
        preflight.end(LEG, 0, 10, Some(text()));
        preflight.end(LEG, 0, 12, None);
        assert!(preflight.take(LEG, 0, 12).is_none());
    }

    #[test]
    fn what_nobody_has_come_to_is_neither_waited_for_nor_transcribed_any_more() {
        let preflight = Preflights::default();
        preflight.want(LEG, 0, 10);
        assert!(preflight.take(LEG, 0, 10).is_none(), "the utterance is transcribed itself");
        assert!(!preflight.begin(LEG, 0, 10));
        preflight.want(LEG, 0, 10);
        preflight.want(LEG, 0, 12);
        assert!(!preflight.begin(LEG, 0, 10), "somebody went on speaking");
        assert!(preflight.begin(LEG, 0, 12));
    }

    #[test]
    fn what_was_begun_outlives_the_leg_and_serves_its_last_utterance() {
        let preflight = Preflights::default();
        preflight.want(LEG, 0, 10);
        assert!(preflight.begin(LEG, 0, 10));
        preflight.want_no_more(LEG);
        preflight.end(LEG, 0, 10, Some(text()));
        preflight.want_no_more(LEG);
        assert!(preflight.take(LEG, 0, 10).is_some());
        preflight.want(LEG, 20, 30);
        preflight.want_no_more(LEG);
        assert!(!preflight.begin(LEG, 20, 30), "nobody had come to it");
    }

    #[test]
    fn an_earlier_utterance_leaves_the_preflight_of_a_later_one() {
        let preflight = Preflights::default();
        preflight.want(LEG, 20, 30);
        assert!(preflight.begin(LEG, 20, 30));
        assert!(preflight.take(LEG, 0, 10).is_none());
        preflight.end(LEG, 20, 30, Some(text()));
        assert!(preflight.take(LEG, 0, 20).is_none());
        assert!(preflight.take(LEG, 20, 30).is_some());
    }

    #[test]
    fn a_text_that_ends_as_a_sentence_does_is_over() {
        for (text, over) in
            [("I am angry.", true), ("Why?", true), ("I want to", false), ("I want to...", false), ("", false)]
        {
            assert_eq!(is_sentence(text), over, "{text}");
        }
    }

    #[test]
    fn a_worker_waits_for_the_one_that_is_at_it() {
        let preflight = Arc::new(Preflights::default());
        preflight.want(LEG, 0, 10);
        assert!(preflight.begin(LEG, 0, 10));
        let other = Arc::clone(&preflight);
        let waiting = std::thread::spawn(move || other.take(LEG, 0, 10).is_some());
        std::thread::sleep(Duration::from_millis(50));
        preflight.end(LEG, 0, 10, Some(text()));
        assert!(waiting.join().expect("no panic"));
    }
}
