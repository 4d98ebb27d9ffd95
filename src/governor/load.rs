//! How much CPU the machine has left, read once a second: the host's idle CPU, time spent waiting for a CPU, and throttling by the quota.
//!
//! Every source may be missing (no PSI or schedstat in the kernel, no control group). A missing source is left out; it is never an error.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use super::quota;

/// Share of throttled periods from which waiting tasks count as our own, where the kernel does not tell ours from others'.
const THROTTLED: f64 = 0.5;

/// Counters as the kernel has them; figures come from the difference of two.
#[derive(Clone, Debug, Default, PartialEq)]
struct Counters {
    /// Ticks of all CPUs: idle, and all.
    idle: u64,
    all: u64,
    /// Microseconds in which some task waited for a CPU; `None` without PSI.
    waited_us: Option<u64>,
    /// Nanoseconds that tasks of the host spent in run queues; `None` where the kernel does not count them.
    host_delay_ns: Option<u64>,
    /// The same of each of our own threads.
    own_delay_ns: BTreeMap<u64, u64>,
    /// Periods of the CPU quota of our control group and those above it, and the periods in which it ran out.
    groups: Vec<(u64, u64)>,
    /// Mean number of tasks that ran or wanted to in the last minute.
    load: f64,
}

/// The machine's load over the time since the measurement before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Load {
    /// CPUs of the host that nobody used.
    pub idle_cpus: f64,
    /// Share of the time in which some task of the host waited for a CPU, 0 to 1; 0 without PSI.
    pub pressure: f64,
    /// Tasks of others that waited for a CPU, on average: by the kernel's run-queue delay, else by PSI, else by the load average.
    pub others_wait: f64,
    /// Threads of ours that waited for one, on average.
    pub we_wait: f64,
    /// Share of our quota's periods in which it ran out, 0 to 1; of our group and those above it, the one with most.
    pub throttled: f64,
}

/// Looks at the machine.
pub struct LoadWatch {
    groups: Vec<PathBuf>,
    last: Option<(Counters, Instant)>,
}

impl Default for LoadWatch {
    fn default() -> Self {
        Self { groups: quota::own_groups(), last: None }
    }
}

impl LoadWatch {
    /// The load since the last call of this function; `None` at the first.
    pub fn look(&mut self) -> Option<Load> {
        let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
        let stat = read("/proc/stat");
        let mut now = parse(&stat, &read("/proc/pressure/cpu"), &read("/proc/schedstat"), &read("/proc/loadavg"));
        now.own_delay_ns = own_delays();
        let cpu_stat = |group: &PathBuf| std::fs::read_to_string(group.join("cpu.stat")).unwrap_or_default();
        now.groups = self.groups.iter().map(|group| periods(&cpu_stat(group))).collect();
        let at = Instant::now();
        let (before, since) = self.last.replace((now.clone(), at))?;
        let cpus = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Some(difference(&before, &now, at.duration_since(since).as_secs_f64(), host_cpus(&stat, cpus)))
    }
}

/// CPUs of the host by /proc/stat, which affinity and quota do not shorten.
fn host_cpus(stat: &str, fallback: usize) -> f64 {
    let named = stat.lines().filter(|line| line.starts_with("cpu") && !line.starts_with("cpu ")).count();
    if named == 0 { fallback as f64 } else { named as f64 }
}

/// `stat` is /proc/stat (proc(5): user nice system idle iowait irq softirq steal), `pressure` /proc/pressure/cpu (Documentation/accounting/psi.rst),
/// `schedstat` /proc/schedstat (Documentation/scheduler/sched-stats.rst: the eighth figure of a CPU is the time tasks waited for it, nanoseconds), `load`
/// /proc/loadavg.
fn parse(stat: &str, pressure: &str, schedstat: &str, load: &str) -> Counters {
    let ticks: Vec<u64> = stat
        .lines()
        .find_map(|line| line.strip_prefix("cpu "))
        .map(|rest| rest.split_whitespace().take(8).filter_map(|field| field.parse().ok()).collect())
        .unwrap_or_default();
    let waited = pressure
        .lines()
        .find_map(|line| line.strip_prefix("some "))
        .and_then(|rest| rest.split_whitespace().find_map(|field| field.strip_prefix("total=")?.parse().ok()));
    let cpus = schedstat.lines().filter(|line| line.starts_with("cpu"));
    let delays: Vec<u64> = cpus.filter_map(|line| line.split_whitespace().nth(8)?.parse().ok()).collect();
    Counters {
        idle: ticks.get(3).copied().unwrap_or(0) + ticks.get(4).copied().unwrap_or(0),
        all: ticks.iter().sum(),
        waited_us: waited,
        host_delay_ns: (!delays.is_empty()).then(|| delays.iter().sum()),
        load: load.split_whitespace().next().and_then(|field| field.parse().ok()).unwrap_or(0.0),
        ..Counters::default()
    }
}

/// A control group's cpu.stat: periods of its quota, and those in which it ran out.
fn periods(cpu_stat: &str) -> (u64, u64) {
    let counter =
        |name: &str| cpu_stat.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<u64>().ok()).unwrap_or(0);
    (counter("nr_periods"), counter("nr_throttled"))
}

/// The time that each thread of this process spent in run queues, by thread number: second figure of its schedstat, nanoseconds.
fn own_delays() -> BTreeMap<u64, u64> {
    let delay = |task: std::fs::DirEntry| {
        let number = task.file_name().to_str()?.parse().ok()?;
        let text = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
        Some((number, text.split_whitespace().nth(1)?.parse().ok()?))
    };
    std::fs::read_dir("/proc/self/task").into_iter().flatten().flatten().filter_map(delay).collect()
}

fn difference(before: &Counters, now: &Counters, seconds: f64, cpus: f64) -> Load {
    let grown = |before: u64, now: u64| now.saturating_sub(before) as f64;
    let share = |part: f64, all: f64| if all > 0.0 { (part / all).clamp(0.0, 1.0) } else { 0.0 };
    let a_second = |ns: f64| if seconds > 0.0 { ns / (seconds * 1e9) } else { 0.0 };
    let ran_out = |(before, now): (&(u64, u64), &(u64, u64))| share(grown(before.1, now.1), grown(before.0, now.0));
    let throttled = before.groups.iter().zip(&now.groups).map(ran_out).fold(0.0, f64::max);
    let pressure = before.waited_us.zip(now.waited_us);
    let pressure = pressure.map(|(before, now)| share(grown(before, now), seconds * 1e6));
    let of_thread =
        |(number, delay): (&u64, &u64)| grown(before.own_delay_ns.get(number).copied().unwrap_or(0), *delay);
    let we_wait = a_second(now.own_delay_ns.iter().map(of_thread).sum());
    let host = before.host_delay_ns.zip(now.host_delay_ns).map(|(before, now)| a_second(grown(before, now)));
    let others_wait = match (host, pressure) {
        (Some(all), _) => (all - we_wait).max(0.0),
        // A throttled group waits for its own quota.
        (None, Some(_)) if throttled >= THROTTLED => 0.0,
        (None, Some(pressure)) => pressure,
        (None, None) => (now.load - cpus).max(0.0),
    };
    Load {
        idle_cpus: cpus * share(grown(before.idle, now.idle), grown(before.all, now.all)),
        pressure: pressure.unwrap_or(0.0),
        others_wait,
        we_wait,
        throttled,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0\ncpu1 50 0 25 400 25 0 0 0\nintr 1\n";
    const LATER: &str = "cpu  190 0 60 890 60 0 0 0 0 0\ncpu0 1\ncpu1 1\n";

    fn schedstat(first_ns: u64, second_ns: u64) -> String {
        format!(
            "version 15\ntimestamp 4294892775\ncpu0 0 0 0 0 0 0 9000000000 {first_ns} 812\ndomain0 00000003 0 0\ncpu1 0 0 0 0 0 0 8000000000 {second_ns} 77\n"
        )
    }

    #[test]
    fn a_second_of_a_half_idle_host_is_read_from_what_the_counters_grew() {
        let mut before = parse(
            STAT,
            "some avg10=0.00 avg60=0.00 avg300=0.00 total=1000\nfull avg10=0.00 total=9\n",
            "",
            "0.5 0.1 0.1 1/9 1",
        );
        before.groups = vec![periods("nr_periods 10\nnr_throttled 1\n"), periods("")];
        let mut now = parse(LATER, "some avg10=9.00 total=251000\n", "", "");
        now.groups = vec![periods("usage_usec 5\nnr_periods 20\nnr_throttled 5\nthrottled_usec 3\n"), periods("")];
        let load = difference(&before, &now, 1.0, host_cpus(LATER, 9));
        let expected = Load { idle_cpus: 1.0, pressure: 0.25, others_wait: 0.25, we_wait: 0.0, throttled: 0.4 };
        assert_eq!(load, expected);
    }

    #[test]
    fn the_run_queue_tells_others_from_our_own_threads() {
        let mut before = parse(STAT, "some total=0", &schedstat(1_000_000_000, 500_000_000), "");
        before.own_delay_ns = [(7, 100_000_000), (8, 0)].into();
        let mut now = parse(LATER, "some total=900000", &schedstat(1_800_000_000, 700_000_000), "");
        // One thread ended, one began; together they waited 0.9 s of the host's one.
        now.own_delay_ns = [(7, 600_000_000), (9, 400_000_000)].into();
        let load = difference(&before, &now, 1.0, 2.0);
        assert!((load.we_wait - 0.9).abs() < 1e-9 && (load.others_wait - 0.1).abs() < 1e-9, "{load:?}");
    }

    #[test]
    fn waiting_for_our_own_quota_or_that_of_a_group_above_is_not_waiting_of_others() {
        let mut before = parse(STAT, "some total=0", "", "");
        before.groups = vec![(0, 0), (10, 0)];
        let mut now = parse(LATER, "some total=900000", "", "");
        now.groups = vec![(0, 0), (20, 9)];
        let load = difference(&before, &now, 1.0, 2.0);
        assert_eq!((load.throttled, load.pressure, load.others_wait), (0.9, 0.9, 0.0));
    }

    #[test]
    fn a_kernel_without_either_is_judged_by_its_load_average() {
        let (before, now) = (parse(STAT, "", "", "9 9 9 1/9 1"), parse(LATER, "", "", "3.5 1.0 1.0 5/90 1234\n"));
        assert_eq!(difference(&before, &now, 1.0, 2.0).others_wait, 1.5);
    }

    #[test]
    fn what_the_kernel_does_not_show_says_nothing() {
        let nothing = parse("", "", "", "");
        assert_eq!(difference(&nothing, &nothing, 1.0, host_cpus("", 4)), Load::default());
        // Counters that began anew, as after a move to another group.
        let odd = |total: u64, periods: u64| {
            let mut odd = parse(STAT, &format!("some total={total}"), &schedstat(total, 0), "");
            odd.groups = vec![(periods, 0)];
            odd
        };
        assert_eq!(difference(&odd(9, 9), &odd(1, 1), 0.0, 2.0), Load::default());
        assert_eq!(periods("nr_periods many\n"), (0, 0));
        assert_eq!(parse("cpu x", "some", "cpu0 1 2", "high").host_delay_ns, None);
    }

    #[test]
    fn this_machine_can_be_looked_at() {
        let mut watch = LoadWatch::default();
        assert_eq!(watch.look(), None);
        let load = watch.look().expect("a second look");
        let shares = [load.pressure, load.throttled];
        assert!(load.idle_cpus >= 0.0 && load.others_wait >= 0.0 && load.we_wait >= 0.0, "{load:?}");
        assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{load:?}");
        assert!(own_delays().contains_key(&u64::from(std::process::id())), "each thread has its line");
    }
}
