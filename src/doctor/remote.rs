//! Whether recordings can be fetched from another server, as far as this machine alone can tell.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use super::check::{Subject, bad, good};
use crate::config::RemoteSection;
use crate::contract::doctor::DoctorCheck;

/// One line for a `[[remote]]`: sftp, the key, the known host.
pub(super) fn check(remote: &RemoteSection) -> DoctorCheck {
    let RemoteSection { name, host, port, user, known_hosts, .. } = remote;
    let place = format!("{name}: {user}@{host}:{port}");
    if Command::new("sftp").arg("-?").output().is_err() {
        return bad(Subject::Remote, format!("{place}: there is no sftp"), "`apt-get install openssh-client`");
    }
    if let Some(key) = remote.key_file() {
        let mend = format!("`install -o lineside -g lineside -m 600 KEY {}`", key.display());
        match std::fs::metadata(&key) {
            // A credential is there while the daemon runs, and for nobody else.
            Err(_) if remote.key.as_ref().is_some_and(|key| !key.is_absolute()) => {}
            Err(error) => return bad(Subject::Remote, format!("{place}: {}: {error}", key.display()), mend),
            Ok(meta) if meta.uid() != 0 && meta.permissions().mode() & 0o077 != 0 => {
                return bad(
                    Subject::Remote,
                    format!("{place}: others may read {}: ssh refuses it", key.display()),
                    mend,
                );
            }
            Ok(_) => {}
        }
    }
    let known_as = if *port == 22 { host.clone() } else { format!("[{host}]:{port}") };
    let known = Command::new("ssh-keygen").args(["-F", &known_as, "-f"]).arg(known_hosts).output();
    if known.is_ok_and(|known| known.status.success()) {
        good(Subject::Remote, format!("{place}, host known"))
    } else {
        let mend = format!(
            "`ssh-keyscan -p {port} {host} >> {}`, after its fingerprint was compared with the server's own (docs/remote.md)",
            known_hosts.display()
        );
        bad(Subject::Remote, format!("{place}: its key is not in {}", known_hosts.display()), mend)
    }
}
