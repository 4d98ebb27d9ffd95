//! CPU that the kernel allows this process: its affinity, and the quotas of its control group and all groups above it.
//!
//! A parent's quota counts: under a slice with `CPUQuota=` the service's own group has no `cpu.max` at all. Control groups v2 are one tree with
//! `cpu.max` ("QUOTA PERIOD" or "max PERIOD", microseconds); v1 has `cpu.cfs_quota_us` and `cpu.cfs_period_us` under the `cpu` controller. Source:
//! Linux Documentation/admin-guide/cgroup-v2.rst and scheduler/sched-bwc.rst.

use std::fs;
use std::path::{Path, PathBuf};

/// Mount point of the control groups.
const MOUNT: &str = "/sys/fs/cgroup";

/// CPUs that may be used, as a number: 0.5 is half of one. Never below 0.01.
pub fn allowed() -> f64 {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let quota = groups(&own, Path::new(MOUNT)).iter().filter_map(|group| quota_of(group)).fold(f64::INFINITY, f64::min);
    quota.min(affinity()).max(0.01)
}

/// CPUs that the kernel holds another process to, as a number; `None` without a limit.
pub fn of_process(pid: u32) -> Option<f64> {
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    groups(&own, Path::new(MOUNT)).iter().filter_map(|group| quota_of(group)).reduce(f64::min)
}

/// The folders whose `cpu.stat` counts this process: its group's, and those of the groups above it, whose quotas hold it too.
pub fn own_groups() -> Vec<PathBuf> {
    let own = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups(&own, Path::new(MOUNT)).into_iter().filter(|group| group.join("cpu.stat").is_file()).collect()
}

/// Periods in which a group of processes was throttled, since the group was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Throttled {
    /// Periods, of a tenth of a second as systemd sets them, in which the group ran.
    pub periods: u64,
    /// Those in which its quota was used up.
    pub throttled: u64,
}

/// Throttling of another process by its own group's quota or one above it; `None` where none has a quota.
pub fn throttled(pid: u32) -> Option<Throttled> {
    let own = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    throttled_most(&groups(&own, Path::new(MOUNT)))
}

/// The group that is throttled most often of those with a quota.
fn throttled_most(groups: &[PathBuf]) -> Option<Throttled> {
    let limited = groups.iter().filter(|group| quota_of(group).is_some());
    let read = |group: &PathBuf| {
        let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
        let value = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        Some(Throttled { periods: value("nr_periods ")?, throttled: value("nr_throttled ")? })
    };
    limited.filter_map(read).max_by_key(|found| found.throttled)
}

/// CPUs this process may be scheduled on.
fn affinity() -> f64 {
    let count = rustix::thread::sched_getaffinity(None).map(|set| set.count());
    count.map_or_else(|_| std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64), f64::from)
}

/// This process's group and those above it, innermost first, in both hierarchies. `own` is /proc/self/cgroup: `ID:CONTROLLERS:PATH` a line.
fn groups(own: &str, mount: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in own.lines() {
        let mut fields = line.splitn(3, ':');
        let (Some(_), Some(controllers), Some(path)) = (fields.next(), fields.next(), fields.next()) else { continue };
        let root = match controllers {
            "" if mount.join("unified").is_dir() => mount.join("unified"), // both hierarchies at once
            "" => mount.to_path_buf(),
            list if list.split(',').any(|controller| controller == "cpu") => mount.join("cpu"),
            _ => continue,
        };
        for ancestor in Path::new(path).ancestors() {
            found.push(root.join(ancestor.strip_prefix("/").unwrap_or(ancestor)));
        }
    }
    found
}

/// A group's own limit in CPUs; `None` without one.
fn quota_of(group: &Path) -> Option<f64> {
    let read = |name: &str| fs::read_to_string(group.join(name)).ok();
    let (quota, period) = match read("cpu.max") {
        Some(text) => {
            let mut fields = text.split_whitespace().map(str::to_owned);
            (fields.next()?, fields.next()?)
        }
        None => (read("cpu.cfs_quota_us")?, read("cpu.cfs_period_us")?),
    };
    let quota: f64 = quota.trim().parse().ok()?; // "max" is no number
    let period: f64 = period.trim().parse().ok()?;
    (quota > 0.0 && period > 0.0).then(|| quota / period)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("temp dir");
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("folder")).expect("mkdir");
            fs::write(path, text).expect("write");
        }
        root
    }

    fn least(own: &str, root: &Path) -> Option<f64> {
        groups(own, root).iter().filter_map(|group| quota_of(group)).min_by(f64::total_cmp)
    }

    #[test]
    fn the_quota_of_a_parent_slice_counts_though_the_service_has_none() {
        let root = tree(&[
            ("system.slice/cpu.max", "150000 100000\n"),
            ("system.slice/lineside.service/cpu.max", "max 100000\n"),
            ("system.slice/lineside.service/cpu.stat", ""),
        ]);
        let own = "0::/system.slice/lineside.service\n";
        assert_eq!(least(own, root.path()), Some(1.5));
        assert_eq!(groups(own, root.path()).len(), 3);
    }

    #[test]
    fn the_smallest_of_a_group_and_its_parents_counts() {
        let root = tree(&[("a/cpu.max", "200000 100000\n"), ("a/b/cpu.max", "50000 100000\n")]);
        assert_eq!(least("0::/a/b\n", root.path()), Some(0.5));
    }

    #[test]
    fn the_first_hierarchy_is_read_too_and_minus_one_is_no_limit() {
        let root = tree(&[
            ("cpu/system.slice/cpu.cfs_quota_us", "-1\n"),
            ("cpu/system.slice/cpu.cfs_period_us", "100000\n"),
            ("cpu/system.slice/l/cpu.cfs_quota_us", "30000\n"),
            ("cpu/system.slice/l/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(
            least("4:cpu,cpuacct:/system.slice/l\n1:name=systemd:/x\n0::/system.slice/l\n", root.path()),
            Some(0.3)
        );
        assert_eq!(least("4:cpu,cpuacct:/system.slice\n", root.path()), None);
    }

    #[test]
    fn the_group_that_is_held_back_most_often_counts_and_one_without_a_quota_does_not() {
        let stat =
            |periods: u32, throttled: u32| format!("usage_usec 5\nnr_periods {periods}\nnr_throttled {throttled}\n");
        let (outer, inner) = (stat(1000, 900), stat(1000, 10));
        let files = [
            ("cpu.max", "max 100000"),
            ("cpu.stat", outer.as_str()),
            ("a/cpu.max", "50000 100000"),
            ("a/cpu.stat", &inner),
        ];
        let root = tree(&files);
        assert_eq!(throttled_most(&groups("0::/a\n", root.path())), Some(Throttled { periods: 1000, throttled: 10 }));
        assert_eq!(throttled_most(&groups("0::/\n", root.path())), None);
    }

    #[test]
    fn nonsense_is_no_limit() {
        let root = tree(&[("cpu.max", "quick brown\n"), ("a/cpu.max", "100000\n"), ("b/cpu.max", "100000 0\n")]);
        for own in ["0::/\n", "0::/a\n", "0::/b\n", "garbage", ""] {
            assert_eq!(least(own, root.path()), None, "{own:?}");
        }
        assert!(allowed() > 0.0);
    }
}
