//! Calls that are to be asked about, by when. The rows beside the calls hold the same, so that a restart goes on.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::call::{CallKey, WallTime};
use crate::store::{Store, StoreError};

/// Calls that are read at once.
const PAGE: u32 = 1000;
/// After its line was closed a call is asked about at once: its log is written within a second or two.
const AFTER_END_MS: i64 = 1000;

/// The calls.
#[derive(Debug, Default)]
pub(super) struct WaitingCalls {
    due: HashMap<CallKey, WallTime>,
    order: BTreeSet<(WallTime, CallKey)>,
    /// The last call that was seen.
    seen: Option<CallKey>,
    /// Calls that ran at the last look.
    ran: HashSet<CallKey>,
}

impl WaitingCalls {
    /// Takes in calls that are new, or that a former run has left.
    pub(super) async fn fill(&mut self, store: &Store, since: WallTime) -> Result<(), StoreError> {
        let mut seen = match self.seen {
            Some(seen) => seen,
            None => CallKey(store.first_call_since(since).await?.0 - 1),
        };
        loop {
            self.seen = Some(seen);
            let calls = store.unsettled_calls(seen, since, PAGE).await?;
            let is_last = calls.len() < PAGE as usize;
            for (key, due) in calls {
                seen = key;
                self.put(key, Some(due));
            }
            if is_last {
                self.seen = Some(seen);
                return Ok(());
            }
        }
    }

    /// Notes which calls run; those that do not any more are due soon.
    pub(super) fn running(&mut self, keys: impl Iterator<Item = CallKey>, now: WallTime) {
        let running: HashSet<CallKey> = keys.collect();
        for key in std::mem::take(&mut self.ran).difference(&running) {
            if self.due.contains_key(key) {
                self.put(*key, Some(WallTime(now.0 + AFTER_END_MS)));
            }
        }
        self.ran = running;
    }

    /// The call that is due first, if one is.
    pub(super) fn next(&self, now: WallTime) -> Option<CallKey> {
        self.order.first().filter(|(due, _)| *due <= now).map(|(_, key)| *key)
    }

    /// Asks about a call then, or never again.
    pub(super) fn put(&mut self, key: CallKey, due: Option<WallTime>) {
        self.forget(key);
        if let Some(due) = due {
            self.due.insert(key, due);
            self.order.insert((due, key));
        }
    }

    pub(super) fn forget(&mut self, key: CallKey) {
        if let Some(due) = self.due.remove(&key) {
            self.order.remove(&(due, key));
        }
    }

    pub(super) fn len(&self) -> usize {
        self.due.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_ends_is_due_soon_and_one_that_is_settled_never() {
        let mut waiting = WaitingCalls::default();
        waiting.put(CallKey(1), Some(WallTime(30_000)));
        waiting.put(CallKey(2), Some(WallTime(500)));
        assert_eq!((waiting.next(WallTime(499)), waiting.next(WallTime(500))), (None, Some(CallKey(2))));
        waiting.put(CallKey(2), None);
        waiting.running([CallKey(1), CallKey(2)].into_iter(), WallTime(600));
        assert_eq!(waiting.next(WallTime(29_000)), None);
        waiting.running(std::iter::empty(), WallTime(700));
        assert_eq!((waiting.next(WallTime(1700)), waiting.len()), (Some(CallKey(1)), 1));
    }
}
