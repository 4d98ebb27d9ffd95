//! What the doctor asks the system: other programs within a time, names of users and groups.

use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A program that takes longer is ended: a hanging Asterisk must not hang the doctor.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a program of the system answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// It printed this and succeeded.
    Said(String),
    /// It ended with an error, and said this on either stream.
    Failed(String),
    /// It did not end within five seconds.
    Hung,
    /// It is not installed.
    Missing,
    /// It may not be run from here, as under the daemon's AppArmor profile.
    Forbidden,
}

/// Runs a program for at most five seconds. Blocks.
pub(super) fn ask(program: &str, arguments: &[&str]) -> Answer {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Answer::Missing,
        Err(_) => return Answer::Forbidden,
    };
    // Read meanwhile: a program that prints more than a pipe holds would wait for us.
    let (out, err) = (child.stdout.take().map(reading), child.stderr.take().map(reading));
    let began = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break status,
            Ok(None) if began.elapsed() < PATIENCE => std::thread::sleep(Duration::from_millis(5)),
            _ => {
                let _ = child.kill(); // it may just have ended
                let _ = child.wait();
                return Answer::Hung;
            }
        }
    };
    let read = |thread: Option<std::thread::JoinHandle<String>>| thread.and_then(|thread| thread.join().ok());
    let (out, err) = (read(out).unwrap_or_default(), read(err).unwrap_or_default());
    if status.success() { Answer::Said(out) } else { Answer::Failed(format!("{err}{out}").trim().into()) }
}

fn reading(mut pipe: impl Read + Send + 'static) -> std::thread::JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes); // what came until then counts
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// What a program prints; `None` where there is none, or it fails.
pub(super) fn output(program: &str, arguments: &[&str]) -> Option<String> {
    match ask(program, arguments) {
        Answer::Said(text) => Some(text),
        _ => None,
    }
}

/// The name of a user by number.
pub(super) fn user_name(uid: u32) -> Option<String> {
    named("/etc/passwd", uid)
}

/// The name of a group by number.
pub(super) fn group_name(gid: u32) -> Option<String> {
    named("/etc/group", gid)
}

/// Who a daemon is: its user, and the groups that it is in.
pub(super) struct Identity {
    uid: u32,
    groups: Vec<u32>,
}

impl Identity {
    /// The user that the package makes; where there is none, whoever runs this.
    pub(super) fn of_daemon(user: &str) -> Self {
        let number = |flag: &str| output("id", &[flag, user]);
        let installed = number("-u").and_then(|uid| uid.trim().parse().ok()).zip(number("-G"));
        if let Some((uid, groups)) = installed {
            return Self { uid, groups: groups.split_whitespace().filter_map(|gid| gid.parse().ok()).collect() };
        }
        let more = rustix::process::getgroups().unwrap_or_default();
        let groups = more.into_iter().chain([rustix::process::getegid()]).map(rustix::process::Gid::as_raw).collect();
        Self { uid: rustix::process::geteuid().as_raw(), groups }
    }

    /// Whether a file or folder is its own.
    pub(super) fn owns(&self, file: &std::fs::Metadata) -> bool {
        self.uid == file.uid()
    }

    /// Whether it has these rights (`r` 4, `w` 2, `x` 1) to a file or folder, by its mode alone.
    pub(super) fn may(&self, file: &std::fs::Metadata, rights: u32) -> bool {
        let shift = match (self.owns(file), self.groups.contains(&file.gid())) {
            (true, _) => 6,
            (false, true) => 3,
            (false, false) => 0,
        };
        (file.mode() >> shift) & rights == rights
    }
}

/// Whether there is such a user.
pub(super) fn has_user(name: &str) -> bool {
    let known = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    known.lines().any(|line| line.split(':').next() == Some(name))
}

/// `name:x:number:…` in a file of that form.
fn named(file: &str, number: u32) -> Option<String> {
    let known = std::fs::read_to_string(file).ok()?;
    let found = known.lines().find(|line| line.split(':').nth(2).and_then(|id| id.parse().ok()) == Some(number))?;
    found.split(':').next().map(str::to_owned)
}

/// A value of the installed unit, as systemd holds it; `None` where systemd does not run it.
pub(super) fn unit_property(name: &str) -> Option<String> {
    let shown = output("systemctl", &["show", "lineside.service", "--property=LoadState", "--property", name])?;
    let value = |name: &str| shown.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    if value("LoadState") != Some("loaded") {
        return None;
    }
    value(name).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended_and_one_that_prints_much_is_read_to_its_end() {
        assert!(matches!(ask("sleep", &["60"]), Answer::Hung));
        assert!(matches!(ask("no-such-program-of-any-system", &[]), Answer::Missing));
        assert!(matches!(ask("sh", &["-c", "echo wrong >&2; exit 3"]), Answer::Failed(said) if said == "wrong"));
        let much = output("sh", &["-c", "yes lineside | head -c 1000000"]).expect("printed");
        assert_eq!(much.len(), 1_000_000);
    }

    #[test]
    fn users_and_groups_have_names() {
        assert_eq!((user_name(0).as_deref(), group_name(0).as_deref()), (Some("root"), Some("root")));
        assert!(has_user("root") && !has_user("nobody-has-this-name"));
    }
}
