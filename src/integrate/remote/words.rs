//! The language of sftp: what it is told, what it lists, and what its errors mean. Pure.
//!
//! Source: OpenSSH 9.2's `sftp.c`. In double quotes `*`, `?` and `[` stand for themselves, and a backslash is written twice.

use std::fmt::Write;

use super::settings::RemoteSettings;

/// Why a recording is not here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum FetchProblem {
    /// The server's key is not among the known ones.
    UnknownHost,
    /// The server shows another key than the known one.
    ChangedHost,
    /// The server does not let us in.
    Refused,
    /// The private key cannot be used.
    Key(String),
    /// The server lets us in and speaks no sftp.
    NoSftp,
    /// The server is not there, or has gone.
    Away(String),
    /// sftp itself cannot be started.
    Program(String),
    /// This machine can keep nothing now.
    Here(String),
    /// This machine cannot keep this one.
    NotTaken(String),
    /// Its call goes on, and has sound from elsewhere.
    Running,
    /// There is no such file.
    Missing,
    /// The server's user may not read it.
    Unreadable,
    /// It is not a file.
    NotAFile,
    /// Its size changes.
    Grows(u64, u64),
    /// What came is not as long as it is there: (here, there).
    Size(u64, u64),
    /// What came is no recording.
    Audio(String),
    /// Anything else that sftp says.
    Other(String),
}

impl FetchProblem {
    /// Whether it is the server's, so that no other file can be fetched from it now.
    pub(super) fn is_servers(&self) -> bool {
        matches!(
            self,
            Self::UnknownHost
                | Self::ChangedHost
                | Self::Refused
                | Self::NoSftp
                | Self::Key(_)
                | Self::Away(_)
                | Self::Program(_)
                | Self::Here(_)
        )
    }

    /// Whether another try is useless.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Audio(_) | Self::NotAFile)
    }

    /// What failed, and what to do.
    pub(super) fn told(&self, remote: &RemoteSettings, path: &str) -> String {
        let RemoteSettings { name, host, port, user, known_hosts, .. } = remote;
        let (place, hosts) = (format!("{name} ({host}): {path}"), known_hosts.display());
        let by = remote.login();
        match self {
            Self::UnknownHost => format!(
                "{name}: the key of host {host} is not in {hosts}, so nobody logs in. `ssh-keyscan -p {port} {host}` prints it: compare its \
                 fingerprint (`ssh-keyscan -p {port} {host} | ssh-keygen -lf -`) with what `ssh-keygen -lf \
                 /etc/ssh/ssh_host_ed25519_key.pub` says on that server, then append the line to {hosts}"
            ),
            Self::ChangedHost => format!(
                "{name}: host {host} shows another key than {hosts} has, so nobody logs in: it was installed anew, or somebody stands in \
                 between. Ask who runs it; if it is right, `ssh-keygen -R '{}' -f {hosts}`, then append the line of `ssh-keyscan -p {port} {host}`",
                remote.known_as()
            ),
            Self::Refused => format!(
                "{name}: host {host} does not let {user} in with {by}: put the public key into ~{user}/.ssh/authorized_keys there"
            ),
            Self::NoSftp => format!(
                "{name}: host {host} lets {user} in and has no sftp: `Subsystem sftp internal-sftp` in its /etc/ssh/sshd_config, then \
                 `systemctl reload ssh` there. scp of OpenSSH 9 asks for the same"
            ),
            Self::Key(problem) => format!(
                "{name}: {by} cannot be used: {problem}. It belongs to the user lineside, mode 600, without a passphrase"
            ),
            Self::Away(problem) => format!(
                "{name}: host {host}, port {port}: {problem}. It is tried again. The unit lets lineside reach this machine alone: allow the \
                 address by IPAddressAllow= (examples/network.conf)"
            ),
            Self::Program(problem) => {
                format!("{name}: sftp cannot be started: {problem}; `apt-get install openssh-client`")
            }
            Self::Here(problem) => format!("{place}: it cannot be kept here: {problem}; free disk space"),
            Self::NotTaken(problem) => format!("{place}: it was fetched and cannot be kept: {problem}"),
            Self::Running => {
                format!(
                    "{place}: its call is still running and is heard; whether it needs the recording is known at its end"
                )
            }
            Self::Missing => format!("{place}: there is no such file. Is the template in [[remote]] path right?"),
            Self::Unreadable => {
                format!("{place}: {user} may not read it there: `chmod` or `setfacl -m u:{user}:r` there")
            }
            Self::NotAFile => format!("{place}: it is a folder, or something else that is no file"),
            Self::Grows(before, after) => {
                format!("{place}: it still grows ({before}, then {after} bytes); it is fetched when it is whole")
            }
            Self::Size(here, there) => format!("{place}: {here} bytes came and it has {there}; it is fetched again"),
            Self::Audio(problem) => {
                format!("{place}: {problem}; it was fetched whole, and is no recording that can be read")
            }
            Self::Other(problem) => format!("{place}: sftp says: {problem}"),
        }
    }
}

/// A path in a line for sftp. `None`: it cannot be said there.
pub(super) fn quoted(path: &str) -> Option<String> {
    if path.contains(char::is_control) {
        return None;
    }
    let mut line = String::from("\"");
    for c in path.chars() {
        if c == '"' || c == '\\' {
            line.push('\\');
        }
        line.push(c);
    }
    line.push('"');
    Some(line)
}

/// Lists a file, brings it, lists it again.
pub(super) fn batch(path: &str, here: &str, resume: bool) -> Option<String> {
    let (there, here) = (quoted(path)?, quoted(here)?);
    let mut lines = format!("ls -ln {there}\n");
    let _ = writeln!(lines, "{} -p {there} {here}", if resume { "reget" } else { "get" }); // a String takes everything
    let _ = writeln!(lines, "ls -ln {there}");
    Some(lines)
}

/// Sizes that `ls -ln` has told of a path, in order.
pub(super) fn sizes(said: &str, path: &str) -> Vec<u64> {
    said.lines().filter_map(|line| size(line, path)).collect()
}

/// `-rw-r--r--    ? root     root      3000000 Nov 24 02:11 /calls/a b.wav`
fn size(line: &str, path: &str) -> Option<u64> {
    let rest = line.strip_suffix(path)?.trim_end();
    if !line.starts_with(['-', 'l']) {
        return None;
    }
    // From behind: year or time, day, month, size. Names of users may have blanks in them.
    rest.split_whitespace().rev().nth(3)?.parse().ok()
}

/// What sftp and ssh complain of.
pub(super) fn problem(code: Option<i32>, said: &str) -> FetchProblem {
    let has = |text: &str| said.contains(text);
    let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty() && *line != "Connection closed");
    let first = || lines().next().unwrap_or("nothing").chars().take(300).collect::<String>();
    let key = ["UNPROTECTED PRIVATE KEY", "Load key", "Identity file", "invalid format"];
    if has("IDENTIFICATION HAS CHANGED") {
        FetchProblem::ChangedHost
    } else if has("Host key verification failed") || has("host key is known for") {
        FetchProblem::UnknownHost
    } else if let Some(line) = lines().rfind(|line| key.iter().any(|sign| line.contains(sign))) {
        FetchProblem::Key(line.trim_matches(['@', ' ']).chars().take(300).collect())
    } else if has("subsystem request failed") {
        FetchProblem::NoSftp
    } else if has("Permission denied (") || has("Too many authentication failures") || has("Unable to negotiate") {
        if has("Unable to negotiate") { FetchProblem::Away(first()) } else { FetchProblem::Refused }
    } else if has("not found") && !has("command not found") || has("No such file or directory") && !has("open local") {
        FetchProblem::Missing
    } else if has("not a regular file") || has("is a directory") {
        FetchProblem::NotAFile
    } else if has("No space left on device") || has("open local") || has("write to \"") || has("Disk quota exceeded") {
        FetchProblem::Here(first())
    } else if has("Permission denied") {
        FetchProblem::Unreadable
    } else if code == Some(255) || code.is_none() || has("Connection") || has("ssh: ") || has("Broken pipe") {
        FetchProblem::Away(first())
    } else {
        FetchProblem::Other(first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_said_to_sftp_as_it_is() {
        for (path, said) in [
            ("/a b/c.wav", "\"/a b/c.wav\""),
            ("/it's \"x\".wav", "\"/it's \\\"x\\\".wav\""),
            ("/back\\slash*[x]?.wav", "\"/back\\\\slash*[x]?.wav\""),
        ] {
            assert_eq!(quoted(path).as_deref(), Some(said));
        }
        assert_eq!(quoted("/a\n!rm -r /"), None, "a line of its own");
    }

    #[test]
    fn a_size_is_read_of_the_very_file_and_of_nothing_else() {
        let line = "sftp> ls -ln \"/calls/a b.wav\"\n-rw-r--r--    ? domain users  root      3000000 Nov 24 02:11 /calls/a b.wav\n";
        assert_eq!(sizes(line, "/calls/a b.wav"), [3_000_000]);
        assert_eq!(sizes("drwxr-xr-x    ? root     root         4096 Nov 24  2025 /calls", "/calls"), [0_u64; 0]);
        assert_eq!(sizes("-rw-r--r--    ? root root 12 Nov 24 2025 /calls/x", "/calls"), [0_u64; 0], "of a folder");
        assert_eq!(sizes("garbage\n\n-", "-"), [0_u64; 0]);
    }

    #[test]
    fn what_ssh_complains_of_is_understood() {
        use FetchProblem::{ChangedHost, Missing, Refused, UnknownHost, Unreadable};
        let unknown = "No ED25519 host key is known for [127.0.0.1]:22 and you have requested strict checking.\nHost key verification failed.";
        let changed =
            "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.\nConnection closed";
        for (code, said, problem_is) in [
            (255, unknown, UnknownHost),
            (255, changed, ChangedHost),
            (255, "u@h: Permission denied (publickey,keyboard-interactive).\nConnection closed", Refused),
            (255, "subsystem request failed on channel 0\nConnection closed", FetchProblem::NoSftp),
            (1, "Can't ls: \"/calls/none.wav\" not found", Missing),
            (1, "File \"/calls/none.wav\" not found.", Missing),
            (1, "remote open \"/calls/secret.wav\": Permission denied", Unreadable),
            (1, "download /calls/dir/: not a regular file", FetchProblem::NotAFile),
        ] {
            assert_eq!(problem(Some(code), said), problem_is, "{said}");
        }
        let away = problem(Some(255), "ssh: connect to host 127.0.0.1 port 1: Connection refused\nConnection closed");
        assert_eq!(away, FetchProblem::Away("ssh: connect to host 127.0.0.1 port 1: Connection refused".into()));
        assert!(matches!(
            problem(Some(255), "Load key \"/k\": bad permissions\nu@h: Permission denied (publickey)."),
            FetchProblem::Key(_)
        ));
        assert!(matches!(problem(Some(1), "open local \"/x\": No such file or directory"), FetchProblem::Here(_)));
    }
}
