//! What `lineside doctor` looks at of the installed service: the CPU's kernels, the unit's quota, groups and permissions.
//!
//! Each looks at what holds, not at what is written down: the kernel's own figure of the quota, the group that the system gives the user.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use super::check::{Check, bad, good};
use crate::audio::sealed::keys::{Key, KeyError, is_public, path_of};
use crate::config::PrivacyConfig;
use crate::governor::quota;
use crate::host::cpu::CpuLevel;
use crate::host::machine::Machine;
use crate::speech::models::ModelKind;

/// The user that the package makes.
const USER: &str = "lineside";
/// The group that Asterisk's recordings belong to.
const GROUP: &str = "asterisk";

/// Whether the speech kernels are the best that this CPU can run.
pub(super) fn kernels() -> Check {
    let (build, cpu) = (CpuLevel::of_this_build(), CpuLevel::of_this_cpu());
    let found = format!("{} in this build, the CPU has {}", build.kernels(), cpu.kernels());
    match (build, cpu) {
        // 5 to 10 times slower, and the usual mark of a build gone wrong.
        (CpuLevel::V2, CpuLevel::V3 | CpuLevel::V4) => bad(
            "cpu",
            found,
            "speech is 5 times slower than it could be: `dpkg --verify lineside`, or build with GGML_NATIVE=OFF and without SOURCE_DATE_EPOCH",
        ),
        _ => good("cpu", found),
    }
}

/// Whether the machine has memory and time for speech beside what else it does.
pub(super) fn machine() -> Vec<Check> {
    const MB: u64 = 1_000_000;
    /// base.en and twenty calls take 120 MB, small.en some 600.
    const LITTLE: u64 = 250 * MB;
    let machine = match Machine::look() {
        Ok(machine) => machine,
        Err(error) => return vec![bad("memory", error.to_string(), "see that /proc is mounted")],
    };
    let Machine { processor, processors, load, memory, available, swapped } = machine;
    let found = format!("{} of {} MB available, {} MB swapped out", available / MB, memory / MB, swapped / MB);
    let memory = if available < LITTLE {
        bad(
            "memory",
            found,
            "take a smaller model (`lineside model recommend`), or give the machine memory: one that swaps loses calls",
        )
    } else {
        good("memory", found)
    };
    let found = format!("{load:.2} on {processors} processors ({processor})");
    let load = if load > 2.0 * processors as f64 {
        bad("load", found, "see what runs with `top`: speech gets what others leave, and text comes late")
    } else {
        good("load", found)
    };
    vec![memory, load]
}

/// Why models of this kind are not for this CPU.
pub(super) fn slow_here(kind: ModelKind) -> Option<&'static str> {
    // oneDNN has int8 kernels for AVX2 and later (docs/decisions/onednn.md has the figure).
    (cfg!(target_arch = "x86_64") && kind == ModelKind::CTranslate2 && CpuLevel::of_this_cpu() == CpuLevel::V2)
        .then_some("CTranslate2 is some twenty times slower on a CPU without AVX2")
}

/// Whether own audio is encrypted, and whether its keys are there.
pub(super) fn encryption(privacy: &PrivacyConfig) -> Vec<Check> {
    let what = "encryption";
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
        Some((_, Err(error))) => checks.push(bad(what, error.to_string(), "bring the key back: lineside does not start without it")),
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
                format!("chmod 600 {}", path.display()),
            ));
        }
    }
    checks
}

/// The unit's CPU quota as the kernel holds the running daemon to it. Only where systemd runs it.
pub(super) fn quota_in_force() -> Option<Check> {
    let shown = output("systemctl", &["show", "lineside.service", "--property=MainPID,CPUQuotaPerSecUSec"])?;
    let value =
        |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned);
    let pid: u32 = value("MainPID")?.parse().ok().filter(|&pid| pid > 0)?;
    let wanted = value("CPUQuotaPerSecUSec").filter(|wanted| wanted != "infinity");
    Some(match (wanted, quota::of_process(pid)) {
        (_, Some(cpus)) => good("quota", format!("{cpus:.2} CPUs, held by the kernel")),
        (Some(wanted), None) => bad(
            "quota",
            format!("the unit asks for {wanted} of CPU a second, but the kernel holds it to nothing"),
            "the cpu controller is missing: `cat /sys/fs/cgroup/cgroup.controllers`; in a container its host has to hand it on",
        ),
        (None, None) => bad(
            "quota",
            "the unit has no CPUQuota: only CPUWeight stands between speech and the calls",
            "`systemctl edit lineside`, `[Service]` `CPUQuota=100%`; see /usr/share/doc/lineside/examples",
        ),
    })
}

/// Whether the daemon's user may read what Asterisk records. Only where both exist.
pub(super) fn group() -> Option<Check> {
    let known = std::fs::read_to_string("/etc/group").ok()?;
    known.lines().find(|line| line.split(':').next() == Some(GROUP))?;
    let groups = output("id", &["-nG", USER])?;
    Some(if groups.split_whitespace().any(|group| group == GROUP) {
        good("group", format!("{USER} is in group {GROUP}"))
    } else {
        bad(
            "group",
            format!("{USER} is not in group {GROUP}, so most recordings are closed to it"),
            format!("`usermod -aG {GROUP} {USER} && systemctl restart lineside`"),
        )
    })
}

/// Whether others than lineside and its group can read the calls.
pub(super) fn permissions(state: &Path) -> Option<Check> {
    let folder = std::fs::metadata(state).ok()?;
    let mode = folder.mode() & 0o7777;
    let closed = mode.trailing_zeros() >= 3; // nothing for others
    Some(if closed {
        good("permissions", format!("{} is {mode:04o}", state.display()))
    } else {
        bad(
            "permissions",
            format!("{} is {mode:04o}: every user of this box can read the calls", state.display()),
            format!("`chmod o= {}`", state.display()),
        )
    })
}

/// Whether the daemon's user can list a folder; asked of the system when root asks, who can read everything.
pub(super) fn readable(folder: &Path) -> std::io::Result<()> {
    std::fs::read_dir(folder)?;
    if !rustix::process::geteuid().is_root() || output("id", &["-u", USER]).is_none() {
        return Ok(());
    }
    let allowed = |flag: &str| {
        let asked = Command::new("runuser").args(["-u", USER, "--", "test", flag]).arg(folder).status();
        asked.map_or(true, |status| status.success()) // without runuser nothing is known, and nothing said
    };
    if allowed("-r") && allowed("-x") {
        Ok(())
    } else {
        Err(std::io::Error::new(std::io::ErrorKind::PermissionDenied, format!("user {USER} may not read it")))
    }
}

/// What a command of the system prints; `None` when there is none or it fails.
fn output(command: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(command).args(arguments).stderr(std::process::Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_state_folder_that_everybody_can_read_is_named_with_the_mend() {
        let folder = tempfile::tempdir().expect("temp dir");
        let set = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("chmod");
        set(0o750);
        assert!(permissions(folder.path()).is_some_and(|check| check.ok));
        set(0o755);
        let check = permissions(folder.path()).expect("there");
        assert!(!check.ok && check.mend.is_some_and(|mend| mend.starts_with("`chmod o= ")), "{}", check.found);
        assert!(permissions(&folder.path().join("nowhere")).is_none());
    }

    #[test]
    fn the_kernels_of_a_build_are_told() {
        let check = kernels();
        assert!(check.found.contains("in this build"), "{}", check.found);
    }
}
