//! The doctor: what is wrong with this box, why it matters, and the mend for each. For `lineside doctor` and `GET /health/detailed` alike.
//!
//! It looks and changes nothing (a probe file in the state folder is gone at once), connects to no port, and tells no secrets. All of it blocks, for
//! a second as a rule: Asterisk and systemd are asked by their own programs, each for five seconds at most.

pub mod best_model;

mod asterisk;
mod check;
mod clock;
mod folders;
mod meaning;
mod ports;
mod remote;
mod speech;
mod system;
mod told;
mod unit;

use std::io::ErrorKind;
use std::path::Path;

use serde_json::Value;

use self::check::{Subject, bad, good};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::config::{Config, ConfigError};
use crate::contract::doctor::{DetailedHealth, DoctorCheck};
use crate::store::doubled::doubled_since;

/// Why a daemon could not be asked.
#[derive(Debug)]
pub struct Unanswered {
    /// In a sentence.
    pub problem: String,
    /// What the system said, where it said something.
    pub kind: Option<ErrorKind>,
}

/// A configuration that can be read. `path` is the main file.
pub fn configuration(path: &Path) -> DoctorCheck {
    good(Subject::Configuration, path.display().to_string())
}

/// A configuration that cannot be used. Nothing else is known then: folders, ports and models are named in it.
pub fn broken_configuration(error: &ConfigError) -> DoctorCheck {
    let again = "then `lineside doctor` again, and `systemctl restart lineside`: with a broken configuration it does not start (exit code 78)";
    let mend = match error {
        ConfigError::Read { path, source } if source.kind() == ErrorKind::PermissionDenied => {
            format!(
                "run this as root, or as a member of the group lineside; lineside itself needs `chgrp lineside {0} && chmod 0640 {0}`",
                path.display()
            )
        }
        ConfigError::Read { .. } => {
            "name a file that can be read with --config; the package's is /etc/lineside/lineside.toml".into()
        }
        ConfigError::Wrong { path, problem } => match line_of(problem) {
            Some(line) => format!("mend line {line} of {}, {again}", path.display()),
            None => format!("mend what is named in {}, {again}", path.display()),
        },
    };
    bad(Subject::Configuration, error.to_string(), mend)
}

/// The number after `line` in an error.
fn line_of(problem: &str) -> Option<u32> {
    let (_, rest) = problem.split_once("line ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The machine, the service, folders, files and Asterisk: all but the model and the daemon.
pub fn surroundings(config: &Config) -> Vec<DoctorCheck> {
    let state = &config.paths.state;
    let pid = unit::daemon_pid();
    let mut checks = vec![packs(config), folders::state(config)];
    checks.extend(folders::run(config));
    checks.extend(folders::permissions(state));
    checks.extend(folders::disk(config));
    checks.extend(unit::encryption(&config.privacy));
    checks.extend(folders::secrets(config));
    checks.extend(folders::certificate(config));
    checks.extend(ports::access(config));
    checks.push(unit::kernels());
    checks.push(unit::workers(config, pid));
    checks.extend(unit::machine());
    checks.push(best_model::best_model(config));
    checks.push(speech::voice(config));
    checks.push(meaning::model(config));
    checks.extend(config.recordings.watched().iter().map(|folder| folders::recordings(folder, state)));
    checks.extend(config.remote.iter().map(remote::check));
    checks.extend(unit::group());
    checks.extend(pid.map(unit::quota_in_force).unwrap_or_default());
    checks.extend(pid.and_then(unit::throttling));
    checks.push(unit::inotify());
    checks.push(clock::clock(config.recordings.watched()));
    checks.extend(asterisk::asterisk(config));
    checks.extend(sources(config));
    checks
}

/// The model, loaded as the daemon would. Takes seconds, and the model's memory.
pub fn model(config: &Config) -> Vec<DoctorCheck> {
    let mut checks = speech::loaded(config);
    checks.extend(speech::others(config));
    checks
}

/// What a running daemon tells: `health` is the JSON of its `GET /health`, `before` what was found without it. `is_here`: it runs on this machine, so
/// that its ports can be looked for.
pub fn daemon(config: &Config, health: &Value, before: &[DoctorCheck], is_here: bool) -> Vec<DoctorCheck> {
    let mut checks = if is_here { ports::served(config) } else { Vec::new() };
    let all = [before, &checks].concat();
    checks.extend(told::daemon(config, health, &all));
    checks
}

/// What is to be said of a daemon that did not answer, and what keeps it from its ports.
pub fn no_daemon(config: &Config, why: &Unanswered, before: &[DoctorCheck]) -> Vec<DoctorCheck> {
    // A socket's folder that is a file, or a path too long for a socket: its own check says so.
    let is_away = matches!(
        why.kind,
        Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound | ErrorKind::NotADirectory | ErrorKind::InvalidInput)
    );
    let mut checks = if is_away { ports::in_the_way(config) } else { Vec::new() };
    checks.extend(is_away.then(|| database(config)).flatten());
    let cannot_start = told::cannot_start(&[before, &checks].concat());
    let mend = match why.kind {
        Some(ErrorKind::PermissionDenied) => let_in(config),
        Some(ErrorKind::TimedOut) => {
            "`systemctl restart lineside`; `journalctl -u lineside -n 50` says what it was doing. Under systemd that happens by itself after 60 \
             s".into()
        }
        _ if is_away && cannot_start => "mend what is BAD here, then `systemctl restart lineside`".into(),
        _ => "`systemctl start lineside`; if it does not stay, `journalctl -u lineside -n 50` says why".into(),
    };
    checks.push(bad(Subject::Daemon, why.problem.clone(), mend));
    checks
}

/// Every check as the daemon itself can make it: no model is loaded and nothing is decoded. `health` is the JSON of `GET /health`, `language` what
/// the loaded model cannot follow of the language that is asked for.
pub fn detailed(config: &Config, health: &Value, language: Option<String>) -> DetailedHealth {
    let mut checks = surroundings(config);
    checks.push(speech::installed(config));
    checks.extend(speech::others(config));
    checks.extend(language.map(speech::language_problem));
    checks.extend(unit::throttling(std::process::id()).filter(|_| unit::daemon_pid().is_none()));
    checks.extend(daemon(config, health, &checks, true));
    DetailedHealth::new(checks, wall_clock().rfc3339())
}

fn packs(config: &Config) -> DoctorCheck {
    let folder = config.text.packs.as_deref();
    let Err(error) = config.analyser() else {
        return good(Subject::Packs, folder.map_or_else(|| "built in".into(), |packs| packs.display().to_string()));
    };
    let again = "then `systemctl start lineside`; one that runs keeps the packs it has and takes these once they are good, but with \
                 a broken pack it does not start (exit code 78)";
    let mend = match folder {
        Some(folder) if !folder.is_dir() => {
            format!(
                "`mkdir -p {}` and put packs there, or take [text] packs out for the built-in ones, {again}",
                folder.display()
            )
        }
        _ => format!(
            "mend line {} of {}, or take [text] packs out for the built-in ones, {again}",
            error.line, error.file
        ),
    };
    bad(Subject::Packs, error.to_string(), mend)
}

/// Whether calls of the last day came by two ways. Nothing is said where the database cannot be read: its own check tells that.
fn sources(config: &Config) -> Option<DoctorCheck> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let since = WallTime(wall_clock().0 - DAY_MS);
    let calls = doubled_since(&config.paths.state, since).ok()?;
    let Some(last) = calls.first() else {
        return Some(good(Subject::Sources, "no call of the last 24 h came by two ways"));
    };
    Some(bad(
        Subject::Sources,
        format!("{} calls of the last 24 h came by two ways, {last} the last: their text is there twice", calls.len()),
        format!(
            "`lineside show {last}` names the ways; set [sources] hear = \"best\", or switch one off: AudioSocket or EAGI in the dialplan, or the folder in \
             [recordings] folders"
        ),
    ))
}

/// A database that a daemon could not start with; only where there is one, and no daemon runs.
fn database(config: &Config) -> Option<DoctorCheck> {
    let file = config.paths.state.join("lineside.db");
    if !file.exists() {
        return None;
    }
    let error = doubled_since(&config.paths.state, wall_clock()).err()?;
    let shown = file.display();
    let mend = if std::fs::File::open(&file).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied) {
        format!("run this as root; if lineside itself may not read it, `chown lineside: {shown}*`")
    } else {
        format!(
            "`lineside check --repair` mends what can be made anew; else `lineside restore` a backup, or move {shown} away to start with an empty one"
        )
    };
    Some(bad(Subject::Database, format!("{shown}: {error}"), mend))
}

/// Who may connect to the daemon's socket: members of its group.
fn let_in(config: &Config) -> String {
    use std::os::unix::fs::MetadataExt;
    let socket = std::fs::metadata(config.paths.run.join("api.sock"));
    let group = socket.ok().and_then(|socket| system::group_name(socket.gid())).filter(|group| group != "root");
    let user = system::user_name(rustix::process::geteuid().as_raw()).unwrap_or_else(|| "USER".into());
    format!(
        "run this as root, or let yourself in: `usermod -aG {} {user}`, then log in again",
        group.as_deref().unwrap_or(unit::USER)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::doctor::CheckState;

    #[test]
    fn the_line_of_a_mistake_is_in_its_mend() {
        let path = Path::new("/etc/lineside/lineside.toml");
        for (text, line) in [("[speech]\nmodle = 1\n", 2), ("\n\n[speech]\nworkers = 99\n", 4), ("[speech\n", 1)] {
            let error = Config::parse(path, text).expect_err(text);
            let check = broken_configuration(&error);
            let wanted = format!("mend line {line} of /etc/lineside/lineside.toml, ");
            assert!(check.mend.as_deref().is_some_and(|mend| mend.starts_with(&wanted)), "{text}: {check:?}");
        }
    }

    #[test]
    fn what_the_daemon_says_of_itself_has_the_worst_state_of_its_checks() {
        let folder = tempfile::tempdir().expect("temp dir");
        let text = format!("[paths]\nstate = \"{0}/nowhere\"\nrun = \"{0}\"\n", folder.path().display());
        let config = Config::parse(Path::new("x.toml"), &text).expect("well made");
        let report = detailed(&config, &serde_json::json!({"status": "ok"}), None);
        assert_eq!(report.state, CheckState::Bad);
        assert!(report.checks.iter().any(|check| check.check == "state folder" && check.state == CheckState::Bad));
        assert!(report.checks.iter().all(|check| !check.why.is_empty() && !check.found.is_empty()));
        assert!(report.checks.iter().all(|check| (check.state == CheckState::Ok) == check.mend.is_none()));
    }
}
