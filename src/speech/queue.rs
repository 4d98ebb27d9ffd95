//! The order of transcription: live utterances by their deadline, then all other work, oldest first.
//!
//! The queue holds keys only; the utterances are rows in the database and samples on disk. A worker takes one at a time.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use crate::call::WallTime;

/// Urgency of work. Earlier variants go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Text of a running call, which somebody may be watching.
    Live,
    /// Text of what is still being said: shown and not stored.
    Growing,
    /// Text of a call that is over: recovered, or from a finished recording.
    PostCall,
}

struct Entry<T> {
    urgency: Urgency,
    deadline: WallTime,
    number: u64,
    work: T,
}

impl<T> Entry<T> {
    fn rank(&self) -> (Urgency, WallTime, u64) {
        (self.urgency, self.deadline, self.number)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.rank() == other.rank()
    }
}
impl<T> Eq for Entry<T> {}
impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.rank().cmp(&other.rank())
    }
}

struct State<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    number: u64,
    closed: bool,
}

/// The queue, shared by the pipeline and the workers.
pub struct Queue<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self { state: Mutex::new(State { heap: BinaryHeap::new(), number: 0, closed: false }), changed: Condvar::new() }
    }
}

impl<T> Queue<T> {
    /// Adds work that should be done by `deadline`.
    pub fn push(&self, urgency: Urgency, deadline: WallTime, work: T) {
        let mut state = self.lock();
        state.number += 1;
        let number = state.number;
        state.heap.push(Reverse(Entry { urgency, deadline, number, work }));
        drop(state);
        self.changed.notify_one();
    }

    /// The most urgent work, and how urgent it is; `None` after `patience` without any, or when the queue is closed. Blocks.
    pub fn pop(&self, patience: Duration) -> Option<(Urgency, T)> {
        let state = self.lock();
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, patience, |state| state.heap.is_empty() && !state.closed)
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        if state.closed { None } else { state.heap.pop().map(|Reverse(entry)| (entry.urgency, entry.work)) }
    }

    /// The most urgent work, if it is as urgent as that and `take` is true of it, without waiting.
    pub fn pop_if(&self, urgency: Urgency, take: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut state = self.lock();
        let first = state.heap.peek().filter(|_| !state.closed);
        let wanted = first.is_some_and(|Reverse(entry)| entry.urgency == urgency && take(&entry.work));
        if wanted { state.heap.pop().map(|Reverse(entry)| entry.work) } else { None }
    }

    /// Work that waits, and the deadline of the most urgent.
    pub fn backlog(&self) -> (usize, Option<WallTime>) {
        let state = self.lock();
        (state.heap.len(), state.heap.peek().map(|Reverse(entry)| entry.deadline))
    }

    /// Work that waits and is as urgent as that.
    pub fn waiting(&self, urgency: Urgency) -> usize {
        self.lock().heap.iter().filter(|Reverse(entry)| entry.urgency == urgency).count()
    }

    /// Lets live work that is no longer asked for live wait for its turn after the call.
    pub fn demote(&self, is_live: impl Fn(&T) -> bool) {
        let mut state = self.lock();
        let entries = std::mem::take(&mut state.heap).into_vec();
        state.heap = entries
            .into_iter()
            .map(|Reverse(mut entry)| {
                if entry.urgency == Urgency::Live && !is_live(&entry.work) {
                    entry.urgency = Urgency::PostCall;
                }
                Reverse(entry)
            })
            .collect();
    }

    /// The deadline of the most urgent live work that waits.
    pub fn oldest_live(&self) -> Option<WallTime> {
        let state = self.lock();
        state.heap.peek().filter(|entry| entry.0.urgency == Urgency::Live).map(|entry| entry.0.deadline)
    }

    /// Wakes everybody and gives out no more work; what waits stays in the database.
    pub fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.lock().closed
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn live_words_go_before_old_ones_and_the_earliest_deadline_first() {
        let queue = Queue::default();
        queue.push(Urgency::PostCall, WallTime(1), "old");
        queue.push(Urgency::Live, WallTime(20), "later");
        queue.push(Urgency::Live, WallTime(10), "sooner");
        let order: Vec<_> = std::iter::from_fn(|| queue.pop(Duration::ZERO)).map(|(_, work)| work).collect();
        assert_eq!(order, ["sooner", "later", "old"]);
    }

    #[test]
    fn live_work_that_is_not_asked_for_live_any_more_waits_behind_the_rest() {
        let queue = Queue::default();
        queue.push(Urgency::Live, WallTime(1), "left out");
        queue.push(Urgency::Live, WallTime(2), "kept");
        queue.push(Urgency::PostCall, WallTime(0), "old");
        assert_eq!(queue.oldest_live(), Some(WallTime(1)));
        assert_eq!((queue.waiting(Urgency::Live), queue.waiting(Urgency::PostCall)), (2, 1));
        queue.demote(|work| *work == "kept");
        assert_eq!(queue.oldest_live(), Some(WallTime(2)));
        let order: Vec<_> = (0..3).filter_map(|_| queue.pop(Duration::ZERO)).map(|(_, work)| work).collect();
        assert_eq!(order, ["kept", "old", "left out"]);
    }

    #[test]
    fn what_is_taken_together_is_equally_urgent() {
        let queue = Queue::default();
        queue.push(Urgency::Live, WallTime(1), "now");
        queue.push(Urgency::Live, WallTime(2), "now too");
        queue.push(Urgency::PostCall, WallTime(0), "old");
        assert_eq!(queue.pop(Duration::ZERO), Some((Urgency::Live, "now")));
        assert_eq!(queue.pop_if(Urgency::Live, |_| false), None);
        assert_eq!(queue.pop_if(Urgency::Live, |_| true), Some("now too"));
        assert_eq!(queue.pop_if(Urgency::Live, |_| true), None);
        assert_eq!(queue.pop_if(Urgency::PostCall, |_| true), Some("old"));
    }

    #[test]
    fn a_closed_queue_gives_nothing_out() {
        let queue = Queue::default();
        queue.push(Urgency::Live, WallTime(0), 1);
        queue.close();
        assert_eq!(queue.pop(Duration::from_mins(1)), None);
    }
}
