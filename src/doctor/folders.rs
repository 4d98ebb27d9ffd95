//! Folders and files: the state folder, its disk, the sockets' folder, recording folders, secrets and certificates.
//!
//! Each mend is for what was found: the folder that is closed, not the one below it; the group that it belongs to, not the usual one.

use std::io::{Error, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::check::{Subject, bad, good};
use super::system::{Identity, group_name, has_user, unit_property, user_name};
use super::unit::{GROUP, USER};
use crate::api::access::serve::Tls;
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;
use crate::host::machine::Disk;

/// Whether the state folder can be written, and belongs to lineside.
pub(super) fn state(config: &Config) -> DoctorCheck {
    let folder = &config.paths.state;
    let shown = folder.display();
    let probe = folder.join(".doctor");
    if let Err(error) = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        let mend = match error.kind() {
            ErrorKind::NotFound => format!("`install -d -o {USER} -g {USER} -m 0750 {shown}`"),
            ErrorKind::NotADirectory => format!(
                "[paths] state names a file, or a folder under one: name a folder, or move the file away and `install -d -o {USER} -g {USER} -m \
                 0750 {shown}`"
            ),
            ErrorKind::PermissionDenied => {
                format!("run this as root; if lineside itself may not write there, `chown -R {USER}: {shown}`")
            }
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
                format!("make room on that disk: `du -xh {shown} | sort -h | tail`")
            }
            ErrorKind::ReadOnlyFilesystem => "mount that disk for writing: `journalctl -k` says why it is not".into(),
            _ => "see that [paths] state names a folder on a disk that works".into(),
        };
        return bad(Subject::StateFolder, format!("{shown}: {error}"), mend);
    }
    // Root can write everywhere; the daemon cannot.
    let owner = std::fs::metadata(folder).ok().and_then(|folder| user_name(folder.uid()));
    match owner.filter(|owner| rustix::process::geteuid().is_root() && has_user(USER) && owner != USER) {
        Some(owner) => bad(
            Subject::StateFolder,
            format!("{shown} belongs to {owner}, and lineside runs as {USER}"),
            format!("`chown -R {USER}: {shown}`"),
        ),
        None => good(Subject::StateFolder, shown.to_string()),
    }
}

/// Whether a daemon that starts can make its sockets.
pub(super) fn run(config: &Config) -> Option<DoctorCheck> {
    let folder = &config.paths.run;
    let shown = folder.display();
    let is_file = folder.exists() && !folder.is_dir();
    let told = |found: String, mend: String| Some(bad(Subject::RunFolder, found, mend));
    if is_file {
        return told(
            format!("{shown} is not a folder"),
            format!("`rm {shown}`: systemd makes the folder when lineside starts, or name another one in [paths] run"),
        );
    }
    // A socket's path has 107 bytes at most (sockaddr_un).
    let longest = folder.join("eagi.sock");
    if longest.as_os_str().len() > 107 {
        return told(
            format!(
                "{}: a socket's path may have 107 bytes, this one has {}",
                longest.display(),
                longest.as_os_str().len()
            ),
            "name a shorter folder in [paths] run, such as /run/lineside".into(),
        );
    }
    None
}

/// Whether others than lineside and its group can read the calls.
pub(super) fn permissions(state: &Path) -> Option<DoctorCheck> {
    let mode = std::fs::metadata(state).ok()?.mode() & 0o7777;
    let shown = state.display();
    let closed = mode.trailing_zeros() >= 3; // nothing for others
    Some(if closed {
        good(Subject::Permissions, format!("{shown} is {mode:04o}"))
    } else {
        bad(
            Subject::Permissions,
            format!("{shown} is {mode:04o}: every user of this box can read the calls"),
            format!("`chmod o= {shown}`"),
        )
    })
}

/// Whether there is room for audio and rows.
pub(super) fn disk(config: &Config) -> Option<DoctorCheck> {
    let state = &config.paths.state;
    let (available, place) = match Disk::of(state) {
        Some(disk) => (disk.available, format!(" on {} ({})", disk.mount.display(), disk.file_system)),
        // A network's is not listed. Where there is no such folder, its own check has said so.
        None => (rustix::fs::statvfs(state).ok().map(|disk| disk.f_bavail * disk.f_frsize)?, String::new()),
    };
    let free = available / 1_000_000;
    let retention = &config.retention;
    let room = "make room, or keep less: `[retention] audio_days`";
    // One leg of 8 kHz audio is 58 MB an hour.
    let found = format!("{free} MB free{place}, {} hours of one leg", free / 58);
    if free < retention.stop_free_mb {
        return Some(bad(
            Subject::Disk,
            format!("{found}: below stop_free_mb = {}, no new call is recorded", retention.stop_free_mb),
            room,
        ));
    }
    if free < retention.drop_free_mb {
        return Some(bad(
            Subject::Disk,
            format!("{found}: below drop_free_mb = {}, the oldest audio is being deleted", retention.drop_free_mb),
            room,
        ));
    }
    let nodes = rustix::fs::statvfs(state).ok().filter(|disk| disk.f_files > 0).map(|disk| disk.f_favail);
    if let Some(left) = nodes.filter(|left| *left < 1000) {
        return Some(bad(
            Subject::Disk,
            format!("{found}, but room for {left} more files only (inodes)"),
            format!("delete small files on that disk: `du --inodes -x {} | sort -n | tail`", state.display()),
        ));
    }
    Some(if free < retention.warn_free_mb || free < 1000 {
        bad(Subject::Disk, format!("{found}: below warn_free_mb = {}", retention.warn_free_mb), room)
    } else {
        good(Subject::Disk, found)
    })
}

/// A folder that is watched.
pub(super) fn recordings(folder: &Path, state: &Path) -> DoctorCheck {
    if let Err(error) = readable(folder) {
        return bad(Subject::Recordings, format!("{}: {error}", folder.display()), mend_of(folder, &error));
    }
    if hidden_by_the_unit(folder) {
        return bad(
            Subject::Recordings,
            format!(
                "{}: the unit hides /home, /root and /tmp from lineside (ProtectHome, PrivateTmp)",
                folder.display()
            ),
            "for /home: `mkdir -p /etc/systemd/system/lineside.service.d && cp /usr/share/doc/lineside/examples/home.conf \
             /etc/systemd/system/lineside.service.d/`, then `systemctl daemon-reload \
             && systemctl restart lineside`; recordings in /root or /tmp have to go elsewhere",
        );
    }
    if state.starts_with(folder) {
        return bad(
            Subject::Recordings,
            format!(
                "{} holds lineside's own folder {}: its audio would be transcribed again",
                folder.display(),
                state.display()
            ),
            "name the folder of the recordings alone in [recordings] folders, then `systemctl restart lineside`",
        );
    }
    good(Subject::Recordings, folder.display().to_string())
}

/// What is to be done about a recording folder that cannot be read.
pub(super) fn mend_of(folder: &Path, error: &Error) -> String {
    let shown = folder.display();
    let again = "name the folder where Asterisk records in [recordings] folders, then `systemctl restart lineside`";
    match error.kind() {
        ErrorKind::NotFound => {
            let owner =
                if has_user("asterisk") { format!(" && chown asterisk:{GROUP} {shown}") } else { String::new() };
            format!("`mkdir -p {shown}{owner}` if Asterisk is to record there; else {again}")
        }
        ErrorKind::PermissionDenied => mend_of_closed(folder),
        ErrorKind::NotADirectory => format!("this is a file: {again}"),
        _ => again.into(),
    }
}

/// The first folder on the way that keeps lineside out, and how it gets in.
fn mend_of_closed(folder: &Path) -> String {
    let again = "systemctl restart lineside";
    let daemon = Identity::of_daemon(USER);
    let mut way: Vec<&Path> = folder.ancestors().collect();
    way.reverse();
    for part in way {
        let Ok(found) = std::fs::metadata(part) else { break };
        // To pass through a folder is `x`, to list it `r` as well.
        let wanted = if part == folder { 0o5 } else { 0o1 };
        let (mode, shown) = (found.mode(), part.display());
        if daemon.may(&found, wanted) {
            continue;
        }
        if daemon.owns(&found) {
            return format!("`chmod u+rx {shown} && {again}`");
        }
        let group = group_name(found.gid()).filter(|group| group != "root");
        return match group {
            Some(group) if (mode >> 3) & wanted == wanted => {
                format!("`usermod -aG {group} {USER} && {again}`: {shown} is open to the group {group}")
            }
            Some(group) if group == GROUP => {
                format!("`chmod g+rx {shown}`, and `usermod -aG {group} {USER} && {again}`")
            }
            _ => format!(
                "`setfacl -m u:{USER}:rx {shown} && {again}` (Debian's package acl): {shown} is closed to all but its owner"
            ),
        };
    }
    format!("`namei -l {}` shows which folder is closed to {USER}; let it in, then `{again}`", folder.display())
}

/// Whether the installed unit shows the daemon another folder under this name.
fn hidden_by_the_unit(folder: &Path) -> bool {
    let hides = |places: &[&str], property: &str| {
        places.iter().any(|place| folder.starts_with(place))
            && unit_property(property).is_some_and(|value| ["yes", "tmpfs"].contains(&value.as_str()))
    };
    hides(&["/home", "/root", "/run/user"], "ProtectHome") || hides(&["/tmp", "/var/tmp"], "PrivateTmp")
}

/// Whether the daemon's user can list a folder; asked of the system when root asks, who can read everything.
fn readable(folder: &Path) -> std::io::Result<()> {
    std::fs::read_dir(folder)?;
    if !rustix::process::geteuid().is_root() || !has_user(USER) {
        return Ok(());
    }
    let allowed = |flag: &str| {
        let mut asked = Command::new("runuser");
        asked.args(["-u", USER, "--", "test", flag]).arg(folder).stdin(Stdio::null()).stderr(Stdio::null());
        asked.status().map_or(true, |status| status.success()) // without runuser nothing is known, and nothing said
    };
    if allowed("-r") && allowed("-x") {
        Ok(())
    } else {
        Err(Error::new(ErrorKind::PermissionDenied, format!("user {USER} may not read it")))
    }
}

/// Files whose first line is a secret.
pub(super) fn secrets(config: &Config) -> Vec<DoctorCheck> {
    let ami = config.ami.secret_file.as_deref().filter(|_| config.ami.address().is_some());
    let llm = config.insights.llm.key_file.as_deref().filter(|_| config.insights.llm.is_on());
    let files = [
        ("[ami] secret_file", ami),
        ("[dialer] password_file", config.dialer.password_file.as_deref()),
        ("[insights.llm] key_file", llm),
    ];
    files.into_iter().filter_map(|(key, path)| Some(secret(key, path?))).collect()
}

fn secret(key: &str, path: &Path) -> DoctorCheck {
    let shown = path.display();
    let make =
        format!("write the secret into it: `install -o root -g {USER} -m 0640 /dev/null {shown}`, then an editor");
    let again = "then `systemctl restart lineside`";
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => {
            let mend = match error.kind() {
                ErrorKind::NotFound => format!("{make}; {again}"),
                ErrorKind::PermissionDenied => format!("`chgrp {USER} {shown} && chmod 0640 {shown}`, {again}"),
                _ => format!("name a file with one line in {key}, {again}"),
            };
            return bad(Subject::Secret, format!("{key} {shown}: {error}"), mend);
        }
    };
    if text.lines().next().is_none_or(|line| line.trim().is_empty()) {
        return bad(Subject::Secret, format!("{key} {shown}: its first line is empty"), format!("{make}; {again}"));
    }
    match std::fs::metadata(path).map(|file| file.mode()) {
        Ok(mode) if mode & 0o004 != 0 => bad(
            Subject::Secret,
            format!("every user of this machine can read {shown}"),
            format!("`chgrp {USER} {shown} && chmod 0640 {shown}`"),
        ),
        _ => good(Subject::Secret, format!("{key} {shown}")),
    }
}

/// Whether the port's certificate can be used.
pub(super) fn certificate(config: &Config) -> Option<DoctorCheck> {
    let (certificate, key) = config.http.tls_certificate.as_ref().zip(config.http.tls_key.as_ref())?;
    let Err(error) = Tls::load(certificate, key) else {
        return Some(good(Subject::Certificate, certificate.display().to_string()));
    };
    let again = "then `systemctl restart lineside`";
    let closed = [certificate, key].into_iter().find_map(|path| Some((path, std::fs::File::open(path).err()?)));
    let mend = match closed.map(|(path, error)| (path.display(), error.kind())) {
        Some((path, ErrorKind::NotFound)) => {
            format!("put the file to {path}, or name another one in [http] tls_certificate and tls_key; {again}")
        }
        Some((path, ErrorKind::PermissionDenied)) => {
            format!("let lineside read it: `chgrp {USER} {path} && chmod g+r {path}`, {again}")
        }
        _ => format!(
            "both are PEM, and the key is the certificate's own: `openssl x509 -noout -pubkey -in {}` and `openssl pkey -pubout -in {}` must \
             print the same; {again}",
            certificate.display(),
            key.display()
        ),
    };
    Some(bad(Subject::Certificate, error.to_string(), mend))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::contract::doctor::CheckState;

    #[test]
    fn a_state_folder_that_everybody_can_read_is_named_with_the_mend() {
        let folder = tempfile::tempdir().expect("temp dir");
        let set = |mode| std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(mode)).expect("chmod");
        set(0o750);
        assert!(permissions(folder.path()).is_some_and(|check| check.state == CheckState::Ok));
        set(0o755);
        let check = permissions(folder.path()).expect("there");
        assert!(
            check.state == CheckState::Bad && check.mend.is_some_and(|mend| mend.starts_with("`chmod o= ")),
            "{}",
            check.found
        );
        assert!(permissions(&folder.path().join("nowhere")).is_none());
    }

    #[test]
    fn the_folder_that_is_closed_is_named_and_not_the_one_below_it() {
        let folder = tempfile::tempdir().expect("temp dir");
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
        let (outer, inner) = (folder.path().join("outer"), folder.path().join("outer/inner"));
        std::fs::create_dir_all(&inner).expect("mkdir");
        std::fs::set_permissions(&inner, std::fs::Permissions::from_mode(0o755)).expect("chmod");
        std::fs::set_permissions(&outer, std::fs::Permissions::from_mode(0o000)).expect("chmod");
        let mend = mend_of_closed(&inner);
        let (named, below) = (outer.display().to_string(), inner.display().to_string());
        assert!(mend.contains(&named) && !mend.contains(&below), "{mend}");
        // So that it can be removed again.
        std::fs::set_permissions(&outer, std::fs::Permissions::from_mode(0o700)).expect("chmod");
    }
}
