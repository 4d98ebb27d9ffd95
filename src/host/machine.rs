//! The machine as a whole, by `sysinfo`: processor, memory, load and the disk that holds a path.

use std::path::{Path, PathBuf};

use sysinfo::{CpuRefreshKind, Disks, MemoryRefreshKind, RefreshKind, System};

/// The machine's processor, memory and load.
#[derive(Clone, Debug)]
pub struct Machine {
    /// The processor's own name; empty where it tells none.
    pub processor: String,
    /// Logical processors.
    pub processors: usize,
    /// Processes that ran or wanted to run, mean of the last minute.
    pub load: f64,
    /// Memory in bytes.
    pub memory: u64,
    /// Memory that can be had without swapping, bytes.
    pub available: u64,
    /// Swap in use, bytes.
    pub swapped: u64,
}

impl Machine {
    /// Looks at the machine. An error where the kernel does not tell.
    pub fn look() -> Result<Self, sysinfo::Error> {
        let wanted =
            RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()).with_memory(MemoryRefreshKind::everything());
        let system = System::new_with_specifics(wanted)?;
        Ok(Self {
            processor: system.cpus().first().map(|cpu| cpu.brand().trim().to_string()).unwrap_or_default(),
            processors: system.cpus().len(),
            load: System::load_average()?.one,
            memory: system.total_memory(),
            available: system.available_memory(),
            swapped: system.used_swap(),
        })
    }
}

/// A mounted disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// Its mount point.
    pub mount: PathBuf,
    /// `ext4`, `xfs`.
    pub file_system: String,
    /// Size of the file system, bytes.
    pub size: u64,
    /// Free space for ordinary users, bytes.
    pub available: u64,
}

impl Disk {
    /// The disk that holds a path. `None` where the system does not list it, as for a network's.
    pub fn of(path: &Path) -> Option<Self> {
        let path = path.canonicalize().ok()?;
        let disks = Disks::new_with_refreshed_list().ok()?;
        let holds = disks.iter().filter(|disk| path.starts_with(disk.mount_point()));
        let disk = holds.max_by_key(|disk| disk.mount_point().components().count())?;
        Some(Self {
            mount: disk.mount_point().into(),
            file_system: disk.file_system().to_string_lossy().into_owned(),
            size: disk.total_space(),
            available: disk.available_space(),
        })
    }

    /// Bytes that may still be written below a path. Where sysinfo does not list the file system the kernel is asked itself.
    pub fn free_bytes(path: &Path) -> Option<u64> {
        let kernel = || rustix::fs::statvfs(path).ok().map(|disk| disk.f_bavail * disk.f_frsize);
        Self::of(path).map(|disk| disk.available).or_else(kernel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_processor_and_memory_and_a_disk_under_its_folders() {
        let machine = Machine::look().expect("sysinfo");
        let listed = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
        let total = listed.lines().next().and_then(|line| line.split_whitespace().nth(1)).expect("MemTotal");
        assert_eq!(machine.memory, total.parse::<u64>().expect("a number") * 1024);
        assert!(machine.available <= machine.memory && machine.available > 0);
        assert_eq!(
            machine.processors,
            std::fs::read_to_string("/proc/cpuinfo").expect("cpuinfo").matches("processor\t").count()
        );
        if let Some(disk) = Disk::of(&std::env::temp_dir()) {
            let same = rustix::fs::statvfs(&disk.mount).expect("statvfs");
            assert_eq!(disk.size, same.f_blocks * same.f_frsize);
        }
    }
}
