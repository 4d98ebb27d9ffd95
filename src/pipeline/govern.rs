//! Carries out what the governor decides: once a second a reading, a plan, and whoever has to know of it.
//!
//! Every change of step is one line in the log, one event on the feed and a metric; a change of workers a metric alone.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use tokio::sync::mpsc;

use super::live::Command;
use super::transcribe::Workers;
use crate::call::WallTime;
use crate::governor::load::Watch;
use crate::governor::policy::Reading;
use crate::governor::{Governor, Plan, Step, quota};
use crate::speech::queue::Urgency;

const TICK: Duration = Duration::from_secs(1);

/// The plan that holds, for everybody to read, and the inferences that run.
#[derive(Debug)]
pub struct Orders {
    plan: RwLock<Plan>,
    running: AtomicUsize,
    /// Whether any call is going on.
    calls: AtomicBool,
}

impl Orders {
    /// Full service with so many workers.
    pub fn new(workers: usize) -> Self {
        Self {
            plan: RwLock::new(Governor::new(workers).plan()),
            running: AtomicUsize::new(0),
            calls: AtomicBool::new(false),
        }
    }

    /// What holds.
    pub fn plan(&self) -> Plan {
        *self.plan.read().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn set(&self, plan: Plan) {
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

    /// Counts an inference while it runs.
    pub(super) fn while_running<T>(&self, work: impl FnOnce() -> T) -> T {
        self.running.fetch_add(1, Ordering::Relaxed);
        let result = work();
        self.running.fetch_sub(1, Ordering::Relaxed);
        result
    }
}

/// Governs until the queue is closed. Blocks: it wants a thread of its own. `limit` is the configuration's, in CPUs; 0 has none.
pub fn run(workers: &Arc<Workers>, commands: &mpsc::Sender<Command>, limit: f64, now: fn() -> WallTime) {
    let mut governor = Governor::new(workers.orders.plan().workers);
    let mut watch = Watch::default();
    while !workers.queue.is_closed() {
        std::thread::sleep(TICK);
        let Some(load) = watch.look() else { continue };
        let allowed = if limit > 0.0 { quota::allowed().min(limit) } else { quota::allowed() };
        let lag_s = workers.queue.oldest_live().map_or(0.0, |said| (now().0 - said.0).max(0) as f64 / 1000.0);
        let reading = Reading {
            allowed,
            idle_cpus: load.idle_cpus,
            others_wait: load.others_wait,
            // Without a model everything waits, which no step mends.
            lag_s: if workers.ready() { lag_s } else { 0.0 },
            busy: workers.orders.running.load(Ordering::Relaxed),
        };
        log::debug!("governor: reads {reading}");
        let before = governor.plan();
        let plan = governor.tick(&reading);
        metrics::gauge!("lineside_governor_step").set(plan.step.number() as f64);
        metrics::gauge!("lineside_governor_workers").set(plan.workers as f64);
        metrics::gauge!("lineside_cpu_allowed").set(allowed);
        workers.status.set(|status| status.cpus_allowed = Some(allowed));
        metrics::gauge!("lineside_cpu_idle").set(load.idle_cpus);
        metrics::gauge!("lineside_cpu_pressure").set(load.pressure);
        metrics::gauge!("lineside_cpu_throttled").set(load.throttled);
        metrics::gauge!("lineside_cpu_waiting", "whose" => "others").set(load.others_wait);
        metrics::gauge!("lineside_cpu_waiting", "whose" => "own").set(load.we_wait);
        metrics::gauge!("lineside_live_lag_seconds").set(lag_s);
        if plan == before {
            continue;
        }
        workers.orders.set(plan);
        workers.status.set(|status| status.plan = Some(plan));
        if plan.step != before.step {
            let (from, to) = (before.step.number(), plan.step.number());
            log::warn!(
                "governor: step {from} to {to}: {} (live text is {lag_s:.1} s late, {:.1} CPUs idle)",
                plan.step.describe(),
                load.idle_cpus
            );
            let _ = commands.blocking_send(Command::Governed { plan, lag_s });
        }
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
