//! What the doctor looks at of the machine and the installed service: kernels, memory, the unit's quota, its group, keys.
//!
//! Each looks at what holds, not at what is written down: the kernel's own figure of the quota, the group that the system gives the user.

use super::check::{Subject, advice, bad, good};
use super::system::output;
use crate::audio::sealed::keys::{Key, KeyError, is_public, path_of};
use crate::config::{Config, PrivacyConfig};
use crate::contract::doctor::DoctorCheck;
use crate::governor::quota;
use crate::host::cpu::CpuLevel;
use crate::host::machine::Machine;

/// The user that the package makes.
pub(super) const USER: &str = "lineside";
/// The group that Asterisk's recordings belong to.
pub(super) const GROUP: &str = "asterisk";

/// Whether the speech kernels are the best that this CPU can run.
pub(super) fn kernels() -> DoctorCheck {
    let (build, cpu) = (CpuLevel::of_this_build(), CpuLevel::of_this_cpu());
    let found = format!("{} in this build, the CPU has {}", build.kernels(), cpu.kernels());
    match (build, cpu) {
        // 5 to 10 times slower, and the usual mark of a build gone wrong.
        (CpuLevel::V2, CpuLevel::V3 | CpuLevel::V4) => bad(
            Subject::Cpu,
            found,
            "speech is 5 times slower than it could be: `dpkg --verify lineside`, or build with GGML_NATIVE=OFF and without SOURCE_DATE_EPOCH",
        ),
        _ => good(Subject::Cpu, found),
    }
}

/// Whether the machine has memory and time for speech beside what else it does.
pub(super) fn machine() -> Vec<DoctorCheck> {
    const MB: u64 = 1_000_000;
    /// base.en and twenty calls take 120 MB, small.en some 600.
    const LITTLE: u64 = 250 * MB;
    let machine = match Machine::look() {
        Ok(machine) => machine,
        Err(error) => return vec![bad(Subject::Memory, error.to_string(), "see that /proc is mounted")],
    };
    let Machine { processor, processors, load, memory, available, swapped } = machine;
    let found = format!("{} of {} MB available, {} MB swapped out", available / MB, memory / MB, swapped / MB);
    let memory = if available < LITTLE {
        bad(Subject::Memory, found, "take a smaller model (`lineside model recommend`), or give the machine memory")
    } else {
        good(Subject::Memory, found)
    };
    let found = format!("{load:.2} on {processors} processors ({processor})");
    let load = if load > 2.0 * processors as f64 {
        bad(Subject::Load, found, "`top` shows what runs: stop it, move it to the night, or give the machine CPUs")
    } else {
        good(Subject::Load, found)
    };
    vec![memory, load]
}

/// Whether the threads that transcribe have CPUs to run on. `pid` is the daemon's, where it is known.
pub(super) fn workers(config: &Config, pid: Option<u32>) -> DoctorCheck {
    let machine = std::thread::available_parallelism().map_or(1.0, |cpus| cpus.get() as f64);
    let quota = pid.and_then(quota::of_process).unwrap_or(f64::INFINITY);
    let limit = if config.limits.cpus > 0.0 { config.limits.cpus } else { f64::INFINITY };
    let cpus = machine.min(quota).min(limit);
    let workers = config.speech.workers;
    let found = format!("{workers} for {cpus:.1} CPUs");
    if workers as f64 > cpus.ceil() {
        advice(
            Subject::Workers,
            found,
            format!(
                "[speech] workers = {:.0}, then `systemctl restart lineside`; or give lineside more CPUs (CPUQuota, [limits] cpus)",
                cpus.ceil()
            ),
        )
    } else {
        good(Subject::Workers, found)
    }
}

/// Whether own audio is encrypted, and whether its keys are there.
pub(super) fn encryption(privacy: &PrivacyConfig) -> Vec<DoctorCheck> {
    let what = Subject::Encryption;
    let mut checks = Vec::new();
    match privacy.audio_key.as_deref().map(|name| (name, Key::load(name))) {
        None => checks.push(good(what, "off: own audio lies on the disk as plain WAV")),
        Some((name, Ok(key))) => checks.push(good(
            what,
            format!("on: own audio is encrypted with the key {} ({name}); {} older keys", key.id(), privacy.old_audio_keys.len()),
        )),
        // Where only the unit has it, the daemon below tells whether it started with it.
        Some((name, Err(KeyError::NoCredential(_)))) => checks.push(good(
            what,
            format!("on, with the unit's credential {name}, which cannot be seen from here; without it lineside does not start"),
        )),
        Some((_, Err(error))) => checks.push(bad(
            what,
            error.to_string(),
            "bring the key back from where it is kept; without it lineside does not start. `lineside key new FILE` makes one for a new machine",
        )),
    }
    for name in &privacy.old_audio_keys {
        if let Err(error) = Key::load(name)
            && !matches!(error, KeyError::NoCredential(_))
        {
            checks.push(bad(what, error.to_string(), "bring the key back, or take it out of [privacy] old_audio_keys"));
        }
    }
    for path in privacy.audio_key.iter().chain(&privacy.old_audio_keys).filter_map(|name| path_of(name)) {
        if is_public(&path) {
            checks.push(bad(
                what,
                format!("every user of this machine can read the key {}", path.display()),
                format!("`chmod 600 {}`", path.display()),
            ));
        }
    }
    checks
}

/// The process of the daemon that systemd runs.
pub(super) fn daemon_pid() -> Option<u32> {
    super::system::unit_property("MainPID")?.parse().ok().filter(|&pid| pid > 0)
}

/// The unit's CPU quota as the kernel holds the running daemon to it, and how often it did. Only where systemd runs it.
pub(super) fn quota_in_force(pid: u32) -> Vec<DoctorCheck> {
    let Some(shown) = output("systemctl", &["show", "lineside.service", "--property=CPUQuotaPerSecUSec"]) else {
        return Vec::new();
    };
    let wanted = shown.trim().strip_prefix("CPUQuotaPerSecUSec=").filter(|wanted| *wanted != "infinity");
    let check = match (wanted, quota::of_process(pid)) {
        (_, Some(cpus)) => good(Subject::Quota, format!("{cpus:.2} CPUs, held by the kernel")),
        (Some(wanted), None) => bad(
            Subject::Quota,
            format!("the unit asks for {wanted} of CPU a second, but the kernel holds it to nothing"),
            "the cpu controller is missing: `cat /sys/fs/cgroup/cgroup.controllers`; in a container its host has to hand it on",
        ),
        (None, None) => bad(
            Subject::Quota,
            "the unit has no CPUQuota: only CPUWeight stands between speech and the calls",
            "`systemctl edit lineside`, `[Service]` `CPUQuota=100%`; see /usr/share/doc/lineside/examples",
        ),
    };
    vec![check]
}

/// How often the kernel held a process to its quota since its group was made; nothing where it has no quota.
pub(super) fn throttling(pid: u32) -> Option<DoctorCheck> {
    /// A worker that is busy for a second has used up a tenth of a second's quota now and then; half of all periods is a queue that waits.
    const MUCH: f64 = 0.5;
    let quota::Throttled { periods, throttled } = quota::throttled(pid)?;
    let share = if periods == 0 { 0.0 } else { throttled as f64 / periods as f64 };
    let found = format!("held back in {throttled} of {periods} periods of 0.1 s ({:.0} %)", share * 100.0);
    Some(if share > MUCH && periods > 600 {
        advice(
            Subject::Throttling,
            found,
            "where text is late: a higher CPUQuota (`systemctl edit lineside`), or a smaller model (`lineside model recommend`)",
        )
    } else {
        good(Subject::Throttling, found)
    })
}

/// Whether the daemon's user may read what Asterisk records. Only where both exist.
pub(super) fn group() -> Option<DoctorCheck> {
    let known = std::fs::read_to_string("/etc/group").ok()?;
    known.lines().find(|line| line.split(':').next() == Some(GROUP))?;
    let groups = output("id", &["-nG", USER])?;
    Some(if groups.split_whitespace().any(|group| group == GROUP) {
        good(Subject::Group, format!("{USER} is in group {GROUP}"))
    } else {
        bad(
            Subject::Group,
            format!("{USER} is not in group {GROUP}, so most recordings are closed to it"),
            format!("`usermod -aG {GROUP} {USER} && systemctl restart lineside`"),
        )
    })
}

/// Whether the kernel lets us watch enough folders.
pub(super) fn inotify() -> DoctorCheck {
    let read = |name: &str| {
        let text = std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}")).ok()?;
        text.trim().parse::<u64>().ok()
    };
    let watches = read("max_user_watches").unwrap_or(0);
    let found = format!("{watches} folders can be watched");
    if watches >= 8192 {
        good(Subject::Inotify, found)
    } else {
        bad(
            Subject::Inotify,
            found,
            "`echo fs.inotify.max_user_watches=65536 > /etc/sysctl.d/60-lineside.conf && sysctl --system`, then `systemctl restart lineside`",
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::doctor::CheckState;

    #[test]
    fn the_kernels_of_a_build_are_told() {
        let check = kernels();
        assert!(check.found.contains("in this build"), "{}", check.found);
    }

    #[test]
    fn more_threads_than_cpus_are_advised_against() {
        let mut config = Config::default();
        config.limits.cpus = 1.0;
        config.speech.workers = 1;
        assert_eq!(workers(&config, None).state, CheckState::Ok);
        config.speech.workers = 6;
        let check = workers(&config, None);
        assert_eq!(check.state, CheckState::Advice);
        assert!(check.mend.is_some_and(|mend| mend.contains("[speech] workers = 1")));
    }
}
