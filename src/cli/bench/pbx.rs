//! What a telephone system on this machine would feel: threads that wake every 20 ms for a little work, and how late they wake.
//!
//! Starts no daemon: it is run beside one, in a control group of its own (`tests/bench/pbx.py`).

use std::time::{Duration, Instant};

use serde_json::json;

use crate::cli::print::say;

/// A media thread's period. With half a millisecond of work in it, eight of them keep a fifth of a core busy, as some 50 bridged calls do.
const PERIOD: Duration = Duration::from_millis(20);
const THREADS: u32 = 8;

/// Runs for so many seconds, with so much work after each wake-up; prints the lateness of all wake-ups in microseconds.
pub(super) fn run(seconds: u64, work: Duration, as_json: bool) -> anyhow::Result<()> {
    let began = Instant::now() + PERIOD;
    let end = began + Duration::from_secs(seconds);
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            std::thread::spawn(move || {
                let mut late = Vec::new();
                let mut due = began + PERIOD * number / THREADS;
                // No beat is left out: what was kept from its beat is done as soon as it can be, and is as late as that.
                while due < end {
                    std::thread::sleep(due.saturating_duration_since(Instant::now()));
                    late.push(due.elapsed().as_micros() as u64);
                    let done = used() + work;
                    while used() < done {
                        std::hint::spin_loop();
                    }
                    due += PERIOD;
                }
                late
            })
        })
        .collect();
    let mut late: Vec<u64> = threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect();
    late.sort_unstable();
    let at = |share: f64| late.get((late.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(0);
    let (p50, p90, p99, most) = (at(0.5), at(0.9), at(0.99), at(1.0));
    if as_json {
        let figures = json!({"wakes": late.len(), "p50_us": p50, "p90_us": p90, "p99_us": p99, "max_us": most});
        return Ok(say(&figures.to_string())?);
    }
    say(&format!(
        "pbx: {} wake-ups of {THREADS} threads: late by {p50} us (p50), {p90} us (p90), {p99} us (p99), {most} us at worst",
        late.len()
    ))?;
    Ok(())
}

/// CPU time of this thread: its work is not over while another has its CPU.
fn used() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
