//! Carries out the governor's decisions: once a second it takes a reading, gets a plan, and passes it on.
//!
//! Every change of step is one line in the log, one event on the feed and a metric; a change of workers is a metric alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::shared::Workers;
use crate::call::WallTime;
use crate::governor::load::LoadWatch;
use crate::governor::policy::LoadReading;
use crate::governor::{Governor, quota};
use crate::pipeline::command::Command;

const TICK: Duration = Duration::from_secs(1);

/// Governs until the queue is closed. Blocks: it wants a thread of its own. `limit` is the configuration's, in CPUs; 0 has none.
pub fn run(workers: &Arc<Workers>, commands: &mpsc::Sender<Command>, limit: f64, now: fn() -> WallTime) {
    let mut governor = Governor::new(workers.orders.plan().workers);
    let mut watch = LoadWatch::default();
    while !workers.queue.is_closed() {
        std::thread::sleep(TICK);
        let Some(load) = watch.look() else { continue };
        let allowed = if limit > 0.0 { quota::allowed().min(limit) } else { quota::allowed() };
        let lag_s = workers.queue.oldest_live().map_or(0.0, |said| (now().0 - said.0).max(0) as f64 / 1000.0);
        let reading = LoadReading {
            allowed,
            idle_cpus: load.idle_cpus,
            others_wait: load.others_wait,
            // Without a model everything waits, and no step can change that.
            lag_s: if workers.ready() { lag_s } else { 0.0 },
            busy: workers.orders.running(),
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
