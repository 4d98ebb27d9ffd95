//! What the machine has left, looked at once a second: the host's idle CPU, whether anybody waits for one (PSI), whether we are throttled.
//!
//! Every source may be missing (no PSI in the kernel, no control group): it then says nothing, never an error.

use std::path::PathBuf;
use std::time::Instant;

use super::quota;

/// Counters as the kernel has them; figures come from the difference of two.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Counters {
    /// Ticks of all CPUs: idle, and all.
    idle: u64,
    all: u64,
    /// Microseconds in which some task waited for a CPU.
    waited_us: u64,
    /// Periods of our quota, and those in which it ran out.
    periods: u64,
    throttled: u64,
}

/// One look.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// CPUs of the host that nobody used.
    pub idle_cpus: f64,
    /// Share of the time in which some task of the host waited for a CPU, 0 to 1; 0 without PSI.
    pub pressure: f64,
    /// Share of our quota's periods in which it ran out, 0 to 1.
    pub throttled: f64,
}

/// Looks at the machine.
pub struct Watch {
    group: Option<PathBuf>,
    last: Option<(Counters, Instant)>,
}

impl Default for Watch {
    fn default() -> Self {
        Self { group: quota::own_group(), last: None }
    }
}

impl Watch {
    /// What happened since the last look; `None` at the first.
    pub fn look(&mut self) -> Option<Load> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let group = self.group.as_ref().and_then(|group| std::fs::read_to_string(group.join("cpu.stat")).ok());
        let now = parse(&read("/proc/stat"), &read("/proc/pressure/cpu"), group.as_deref().unwrap_or(""));
        let at = Instant::now();
        let (before, since) = self.last.replace((now, at))?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Some(difference(before, now, at.duration_since(since).as_secs_f64(), host_cpus(&read("/proc/stat"), cpus)))
    }
}

/// CPUs of the host by /proc/stat, which affinity and quota do not shorten.
fn host_cpus(stat: &str, fallback: usize) -> f64 {
    let named = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    if named == 0 { fallback as f64 } else { named as f64 }
}

/// `stat` is /proc/stat (proc(5): user nice system idle iowait irq softirq steal), `pressure` /proc/pressure/cpu (Documentation/accounting/psi.rst),
/// `group` the control group's cpu.stat.
fn parse(stat: &str, pressure: &str, group: &str) -> Counters {
    let ticks: Vec<u64> = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .map(|rest| rest.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect())
        .unwrap_or_default();
    let waited = pressure
        .lines()
        .find_map(|line| line.strip_prefix("some "))
        .and_then(|rest| rest.split_whitespace().find_map(|field| field.strip_prefix("total=")?.parse().ok()));
    let counter =
        |name: &str| group.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()).unwrap_or(0);
    Counters {
        idle: ticks.get(3).copied().unwrap_or(0) + ticks.get(4).copied().unwrap_or(0),
        all: ticks.iter().sum(),
        waited_us: waited.unwrap_or(0),
        periods: counter("nr_periods"),
        throttled: counter("nr_throttled"),
    }
}

fn difference(before: Counters, now: Counters, seconds: f64, cpus: f64) -> Load {
    let grown = |before: u64, now: u64| now.saturating_sub(before) as f64;
    let share = |part: f64, all: f64| if all > 0.0 { (part / all).clamp(0.0, 1.0) } else { 0.0 };
    Load {
        idle_cpus: cpus * share(grown(before.idle, now.idle), grown(before.all, now.all)),
        pressure: share(grown(before.waited_us, now.waited_us), seconds * 1e6),
        throttled: share(grown(before.throttled, now.throttled), grown(before.periods, now.periods)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0\ncpu1 50 0 25 400 25 0 0 0\nintr 1\n";

    #[test]
    fn a_second_of_a_half_idle_host_is_read_from_what_the_counters_grew() {
        let before = parse(
            STAT,
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\nfull avg10=0.00 total=9\n",
            "nr_periods 10\nnr_throttled 1\n",
        );
        let later = "cpu  190 0 60 890 60 0 0 0 0 0\ncpu0 1\ncpu1 1\n";
        let now = parse(
            later,
            "some avg10=9.00 total=251000\n",
            "usage_usec 5\nnr_periods 20\nnr_throttled 6\nthrottled_usec 3\n",
        );
        let load = difference(before, now, 1.0, host_cpus(later, 9));
        assert_eq!(load, Load { idle_cpus: 1.0, pressure: 0.25, throttled: 0.5 });
    }

    #[test]
    fn what_the_kernel_does_not_show_says_nothing() {
        let nothing = parse("", "", "");
        assert_eq!(difference(nothing, nothing, 1.0, host_cpus("", 4)), Load::default());
        // Counters that began anew, as after a move to another group.
        let odd = difference(
            parse(STAT, "some total=9", "nr_periods 9"),
            parse(STAT, "some total=1", "nr_periods 1"),
            0.0,
            2.0,
        );
        assert_eq!(odd, Load::default());
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let mut watch = Watch::default();
        assert_eq!(watch.look(), None);
        let load = watch.look().expect("a second look");
        assert!(
            load.idle_cpus >= 0.0 && (0.0..=1.0).contains(&load.pressure) && (0.0..=1.0).contains(&load.throttled),
            "{load:?}"
        );
    }
}
