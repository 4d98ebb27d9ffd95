//! Reading ahead: when somebody falls silent, what was said is read before it is certain that it is over.
//!
//! An utterance ends after `[utterance] silence_ms` of silence; all of its sound is there long before. So it is read while the silence lasts, and
//! its text is there when it ends. Whoever goes on speaking has made the reading useless: it is done only while no more wait than there are workers.
//! The text is in memory alone, one for a leg, until the utterance has its row.

use std::collections::HashMap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::call::LegKey;
use crate::speech::recogniser::Recognition;

/// How long a worker waits for another that is reading the very utterance: longer than any inference takes that is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(5);

/// One stretch of a leg, and its text once it is read.
#[derive(Debug)]
struct Stretch {
    start: u64,
    end: u64,
    text: Option<(String, Recognition)>,
}

/// What was read ahead, by leg: the last stretch of each.
#[derive(Debug, Default)]
pub struct Ahead {
    legs: Mutex<HashMap<LegKey, Stretch>>,
    read: Condvar,
}

impl Ahead {
    /// A worker reads this stretch now.
    pub fn begin(&self, leg: LegKey, start: u64, end: u64) {
        self.lock().insert(leg, Stretch { start, end, text: None });
    }

    /// It is read, by this engine; `None` when that failed.
    pub fn end(&self, leg: LegKey, start: u64, end: u64, text: Option<(String, Recognition)>) {
        let mut legs = self.lock();
        match (legs.get_mut(&leg), text) {
            (Some(stretch), Some(text)) if (stretch.start, stretch.end) == (start, end) => stretch.text = Some(text),
            (Some(stretch), None) if (stretch.start, stretch.end) == (start, end) => {
                legs.remove(&leg);
            }
            _ => {} // somebody went on speaking meanwhile, and a later stretch was begun
        }
        drop(legs);
        self.read.notify_all();
    }

    /// The text of exactly this stretch, once; waits for a worker that is at it. What else was read of the leg is forgotten.
    pub fn take(&self, leg: LegKey, start: u64, end: u64) -> Option<(String, Recognition)> {
        let is_it = |stretch: &Stretch| (stretch.start, stretch.end) == (start, end);
        let legs = self.lock();
        let at_it = |legs: &mut HashMap<LegKey, Stretch>| legs.get(&leg).is_some_and(|s| is_it(s) && s.text.is_none());
        let (mut legs, _) =
            self.read.wait_timeout_while(legs, PATIENCE, at_it).unwrap_or_else(std::sync::PoisonError::into_inner);
        legs.remove(&leg).filter(is_it)?.text
    }

    /// Whether this stretch is being read, or was.
    pub fn knows(&self, leg: LegKey, start: u64, end: u64) -> bool {
        self.lock().get(&leg).is_some_and(|stretch| (stretch.start, stretch.end) == (start, end))
    }

    /// The text of exactly this stretch, once, if it is there by now.
    pub fn take_read(&self, leg: LegKey, start: u64, end: u64) -> Option<(String, Recognition)> {
        let mut legs = self.lock();
        let there = legs.get(&leg).is_some_and(|s| (s.start, s.end) == (start, end) && s.text.is_some());
        if there { legs.remove(&leg)?.text } else { None }
    }

    /// The leg is over.
    pub fn forget(&self, leg: LegKey) {
        self.lock().remove(&leg);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<LegKey, Stretch>> {
        self.legs.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const LEG: LegKey = LegKey(1);

    fn text() -> Option<(String, Recognition)> {
        let recognition = Recognition { pieces: Vec::new(), language: None, dropped: None, took: Duration::ZERO };
        Some(("engine".into(), recognition))
    }

    #[test]
    fn a_reading_serves_exactly_its_stretch_and_once() {
        let ahead = Ahead::default();
        ahead.begin(LEG, 0, 10);
        ahead.end(LEG, 0, 10, text());
        assert!(ahead.take(LEG, 0, 12).is_none(), "somebody went on speaking");
        ahead.begin(LEG, 0, 12);
        ahead.end(LEG, 0, 12, text());
        assert!(ahead.take(LEG, 0, 12).is_some());
        assert!(ahead.take(LEG, 0, 12).is_none());
    }

    #[test]
    fn a_reading_that_failed_or_came_late_is_nobodys() {
        let ahead = Ahead::default();
        ahead.begin(LEG, 0, 10);
        ahead.end(LEG, 0, 10, None);
        assert!(ahead.take(LEG, 0, 10).is_none());
        ahead.begin(LEG, 0, 12);
        ahead.end(LEG, 0, 10, text());
        ahead.end(LEG, 0, 12, None);
        assert!(ahead.take(LEG, 0, 12).is_none());
    }

    #[test]
    fn a_worker_waits_for_the_one_that_is_at_it() {
        let ahead = Arc::new(Ahead::default());
        ahead.begin(LEG, 0, 10);
        let other = Arc::clone(&ahead);
        let waiting = std::thread::spawn(move || other.take(LEG, 0, 10).is_some());
        std::thread::sleep(Duration::from_millis(50));
        ahead.end(LEG, 0, 10, text());
        assert!(waiting.join().expect("no panic"));
    }
}
