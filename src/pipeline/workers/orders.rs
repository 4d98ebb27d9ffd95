//! The governor's present plan, as the workers and the conductor see it.

use std::sync::RwLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::governor::{Governor, Plan, Step};
use crate::speech::queue::Urgency;

/// The present plan, and the number of running inferences.
#[derive(Debug)]
pub struct Orders {
    plan: RwLock<Plan>,
    running: AtomicUsize,
    /// Whether any call is going on.
    calls: AtomicBool,
}

impl Orders {
    /// Full service with this number of workers.
    pub fn new(workers: usize) -> Self {
        Self {
            plan: RwLock::new(Governor::new(workers).plan()),
            running: AtomicUsize::new(0),
            calls: AtomicBool::new(false),
        }
    }

    /// The plan that holds now.
    pub fn plan(&self) -> Plan {
        *self.plan.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    pub(super) fn set(&self, plan: Plan) {
        *self.plan.write().unwrap_or_else(std::sync::PoisonError::into_inner) = plan;
    }

    /// Whether utterances should end later.
    pub fn longer_utterances(&self) -> bool {
        self.plan().step >= Step::LongerUtterances
    }

    /// Whether live text is made by the smaller model.
    pub fn smaller_model(&self) -> bool {
        self.plan().step >= Step::SmallerModel
    }

    /// Utterances that are written down together where the engine usually takes `usual`. While calls go on, what came after a call goes one by one, for
    /// live text waits until a batch has ended.
    pub fn batch(&self, urgency: Urgency, usual: usize) -> usize {
        match urgency {
            Urgency::PostCall if self.calls.load(Ordering::Relaxed) && self.plan().step.live_share() > 0.0 => 1,
            // An engine that takes one at a time gains nothing by more.
            _ if usual > 1 => usual * self.plan().step.batches(),
            _ => usual,
        }
    }

    /// Tells whether any call is going on.
    pub fn calls_go_on(&self, any: bool) {
        self.calls.store(any, Ordering::Relaxed);
    }

    /// Whether a worker has nothing to do, and nothing is left out.
    pub fn has_time(&self) -> bool {
        let plan = self.plan();
        plan.step == Step::Full && self.running.load(Ordering::Relaxed) < plan.workers
    }

    /// Number of running inferences.
    pub(super) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Counts an inference while it runs.
    pub(super) fn while_running<T>(&self, work: impl FnOnce() -> T) -> T {
        self.running.fetch_add(1, Ordering::Relaxed);
        let result = work();
        self.running.fetch_sub(1, Ordering::Relaxed);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_after_a_call_goes_alone_while_calls_go_on_and_late_text_in_bigger_batches() {
        let orders = Orders::new(1);
        assert_eq!((orders.batch(Urgency::Live, 8), orders.batch(Urgency::PostCall, 8)), (8, 8));
        orders.calls_go_on(true);
        assert_eq!((orders.batch(Urgency::Live, 8), orders.batch(Urgency::PostCall, 8)), (8, 1));
        orders.set(Plan { workers: 1, step: Step::LongerUtterances });
        assert_eq!((orders.batch(Urgency::Live, 8), orders.batch(Urgency::PostCall, 8)), (16, 1));
        orders.calls_go_on(false);
        assert_eq!((orders.batch(Urgency::PostCall, 8), orders.batch(Urgency::Live, 1)), (16, 1));
        orders.calls_go_on(true);
        orders.set(Plan { workers: 1, step: Step::AfterTheCall });
        assert_eq!(orders.batch(Urgency::PostCall, 8), 16, "there is no live text that would wait");
    }
}
