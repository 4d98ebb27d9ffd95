//! `lineside doctor`: what is wrong with this box, and the mend for each.

mod check;
mod remote;
mod unit;

use std::io::ErrorKind;
use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Args;

use self::check::{Check, bad, good};
use super::client::{Daemon, is_not_running, refusal};
use super::model_recommend;
use super::print::{colour, say};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::config::{Config, ConfigError};
use crate::host::machine::Disk;
use crate::speech::vad::Voice;
use crate::speech::{language, models};
use crate::store::doubled::doubled_since;

#[derive(Args)]
#[command(after_help = "Exit code 1 when something is wrong.")]
pub(super) struct DoctorArguments {
    /// JSON list of checks
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

pub(super) fn run(arguments: &DoctorArguments, path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let name = path.unwrap_or(Path::new(crate::config::DEFAULT_PATH));
    match Config::load(path) {
        Ok(config) => {
            checks.push(good("configuration", name.display().to_string()));
            look(&config, &arguments.daemon, &mut checks);
        }
        // Nothing is known of folders, ports and models then: what could be said of the built-in ones helps nobody.
        Err(error) => {
            checks.push(bad("configuration", error.to_string(), mend_of_config(&error)));
            checks.push(unit::kernels());
            checks.extend(unit::machine());
            checks.extend(unit::group());
            checks.extend(unit::quota_in_force());
            checks.push(inotify());
            checks.extend(asterisk());
        }
    }
    let failed = checks.iter().any(|check| !check.ok);
    if arguments.json {
        say(&serde_json::to_string(&checks)?)?;
    } else {
        for check in &checks {
            let word = match (check.ok, colour()) {
                (true, false) => "ok  ",
                (true, true) => "\x1b[32mok  \x1b[0m",
                (false, false) => "BAD ",
                (false, true) => "\x1b[31mBAD \x1b[0m",
            };
            say(&format!("{word} {:<14} {}", check.what, check.found))?;
            if let Some(mend) = &check.mend {
                say(&format!("                    mend: {mend}"))?;
            }
        }
    }
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// What is to be done about a configuration that cannot be used.
fn mend_of_config(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::Read { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
            "run this as root, or as a member of the group lineside"
        }
        ConfigError::Read { .. } => {
            "name a file that can be read with --config; the package's is /etc/lineside/lineside.toml"
        }
        ConfigError::Wrong { .. } => {
            "mend what is named, then `systemctl restart lineside`: with a broken configuration it does not start (exit code 78), one that runs keeps \
             what it has. The rest is looked at when the file can be read"
        }
    }
}

/// Everything that the configuration tells where to look for.
fn look(config: &Config, daemon: &Daemon, checks: &mut Vec<Check>) {
    checks.push(match config.analyser() {
        Ok(_) => good(
            "packs",
            config.text.packs.as_ref().map_or_else(|| "built in".into(), |packs| packs.display().to_string()),
        ),
        Err(error) => bad(
            "packs",
            error.to_string(),
            "mend what is named, or take [text] packs out for the built-in ones, then `systemctl restart lineside`: with a broken pack it does not \
             start (exit code 78)",
        ),
    });
    checks.push(state(config));
    checks.extend(unit::permissions(&config.paths.state));
    checks.extend(disk(config));
    checks.extend(unit::encryption(&config.privacy));
    checks.push(unit::kernels());
    checks.extend(unit::machine());
    checks.extend(model(config));
    checks.push(match model_recommend::advice(config) {
        Ok(found) => good("best model", found),
        // Nothing is wrong with a model that works.
        Err((found, mend)) => Check { mend: Some(mend), ..good("best model", found) },
    });
    checks.push(voice(config));
    checks.extend(config.recordings.folders.iter().map(|folder| recordings(folder)));
    checks.extend(config.remote.iter().map(remote::check));
    checks.extend(unit::group());
    checks.extend(unit::quota_in_force());
    checks.push(inotify());
    checks.extend(asterisk());
    checks.extend(sources(config));
    let health = daemon.fetch(config, "/health");
    match health {
        Ok(health) => {
            checks.extend(manager(&health["ami"]));
            checks.extend(dialer(&health["dialer"]));
            checks.extend(rights(config, &health["ami"]));
            checks.extend(troubles(&health));
            checks.push(running(&health, checks.iter().any(|check| !check.ok)));
        }
        Err(error) => {
            let starts = !checks.iter().any(|check| !check.ok && ["packs", "state folder"].contains(&check.what));
            let ports = if is_not_running(&error) { ports(config) } else { Vec::new() };
            let mend = match refusal(&error) {
                Some(ErrorKind::PermissionDenied) => {
                    "run this as root, or let yourself in: `usermod -aG lineside USER`, then log in again"
                }
                Some(ErrorKind::ConnectionRefused | ErrorKind::NotFound) if !starts || !ports.is_empty() => {
                    "mend what is BAD here, then `systemctl restart lineside`"
                }
                _ => "`systemctl start lineside`; if it does not stay, `journalctl -u lineside -n 50` says why",
            };
            checks.extend(ports);
            checks.push(bad("daemon", format!("{error:#}"), mend));
        }
    }
}

/// A folder that is watched.
fn recordings(folder: &Path) -> Check {
    let Err(error) = unit::readable(folder) else { return good("recordings", folder.display().to_string()) };
    let mend = match error.kind() {
        ErrorKind::NotFound => format!(
            "`mkdir -p {}` if Asterisk is to record there, else name the folder where it does in [recordings] folders and `systemctl restart lineside`",
            folder.display()
        ),
        ErrorKind::PermissionDenied => {
            "let lineside read it: `usermod -aG asterisk lineside && systemctl restart lineside`, or `chmod g+rx` for a folder of another group".into()
        }
        _ => "name a folder in [recordings] folders, then `systemctl restart lineside`".into(),
    };
    bad("recordings", format!("{}: {error}", folder.display()), mend)
}

/// Addresses that somebody else has, while no daemon of ours runs.
fn ports(config: &Config) -> Vec<Check> {
    let addresses = [("http", &config.http.listen), ("audiosocket", &config.audiosocket.listen)];
    let taken = |(section, listen): (&str, &String)| {
        let error = std::net::TcpListener::bind(listen.as_str()).err().filter(|_| !listen.is_empty())?;
        let mend = match error.kind() {
            ErrorKind::AddrInUse => {
                let port = listen.rsplit(':').next().unwrap_or_default();
                format!(
                    "`ss -ltnp 'sport = :{port}'` names the program that has it: stop that, or change [{section}] listen; then `systemctl restart lineside`"
                )
            }
            ErrorKind::AddrNotAvailable => format!("no interface has this address: change [{section}] listen"),
            _ => format!("change [{section}] listen"),
        };
        Some(bad("port", format!("[{section}] {listen}: {error}"), mend))
    };
    addresses.into_iter().filter_map(taken).collect()
}

/// What the daemon itself finds wrong.
fn troubles(health: &serde_json::Value) -> Vec<Check> {
    let mut found = Vec::new();
    if let Some(problem) = health["database"]["problem"].as_str() {
        found.push(bad("database", problem, "do what is said there"));
    }
    for folder in health["recordings"].as_array().into_iter().flatten() {
        let (name, problem) = (folder["folder"].as_str().unwrap_or("?"), folder["problem"].as_str().unwrap_or("?"));
        let mend = "the daemon cannot read it: see the line about this folder above; it looks again every 5 s";
        found.push(bad("recordings", format!("{name}: {problem}"), mend));
    }
    if let (Some(open), Some(limit)) = (health["files"]["open"].as_u64(), health["files"]["limit"].as_u64()) {
        let told =
            format!("{open} of {limit} are open, room for {} more legs", limit.saturating_sub(open) / FILES_OF_A_LEG);
        found.push(if health["files"]["ok"] == false {
            bad("open files", told, "legs wait when there is none left: `systemctl edit lineside`, `[Service]` `LimitNOFILE=65536`, restart")
        } else {
            good("open files", told)
        });
    }
    found
}

/// A live leg's socket and the file that its sound goes into.
const FILES_OF_A_LEG: u64 = 2;

/// The daemon as it tells of itself.
fn running(health: &serde_json::Value, is_told: bool) -> Check {
    let status = health["status"].as_str().unwrap_or("?").to_string();
    let found = format!(
        "{status}, backlog {} utterances, last frame {}",
        health["backlog"]["utterances"], health["last_frame"]
    );
    if status == "ok" {
        good("daemon", found)
    } else if is_told {
        bad("daemon", found, "mend what is BAD here; `journalctl -u lineside` says more")
    } else {
        bad("daemon", found, "see `lineside model list` and `journalctl -u lineside`")
    }
}

fn voice(config: &Config) -> Check {
    match config.listening().voice {
        Voice::Silero { path, .. } => good("voice", format!("Silero, {}", path.display())),
        Voice::Earshot { problem: None } => good("voice", "earshot, as [utterance] voice_model says"),
        Voice::Earshot { problem: Some(problem) } => bad(
            "voice",
            format!("{problem}: earshot alone listens, which takes music for speech"),
            "install the package lineside, run packaging/models/silero, or name the file in [utterance] voice_model",
        ),
    }
}

fn state(config: &Config) -> Check {
    let probe = config.paths.state.join(".doctor");
    match std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe)) {
        Ok(()) => good("state folder", config.paths.state.display().to_string()),
        Err(error) => {
            let folder = config.paths.state.display();
            let mend = match error.kind() {
                ErrorKind::NotFound => format!("`install -d -o lineside -g lineside -m 0750 {folder}`"),
                ErrorKind::PermissionDenied => {
                    format!("run this as root; if lineside itself may not write there, `chown -R lineside: {folder}`")
                }
                ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room on that disk".into(),
                ErrorKind::ReadOnlyFilesystem => {
                    "mount that disk for writing: `journalctl -k` says why it is not".into()
                }
                _ => "see that [paths] state names a folder on a disk that works".into(),
            };
            bad("state folder", format!("{folder}: {error}"), mend)
        }
    }
}

fn disk(config: &Config) -> Option<Check> {
    let state = &config.paths.state;
    let (available, place) = match Disk::of(state) {
        Some(disk) => (disk.available, format!(" on {} ({})", disk.mount.display(), disk.file_system)),
        // A network's is not listed. Where there is no such folder, its own check has said so.
        None => (rustix::fs::statvfs(state).ok().map(|disk| disk.f_bavail * disk.f_frsize)?, String::new()),
    };
    let free = available / 1_000_000;
    // One leg of 8 kHz audio is 58 MB an hour.
    let found = format!("{free} MB free{place}, {} hours of one leg", free / 58);
    Some(if free > 1000 {
        good("disk", found)
    } else {
        bad("disk", found, "make room: audio waits in the sockets when the disk is full")
    })
}

/// The model, and what it makes of the language.
fn model(config: &Config) -> Vec<Check> {
    let loaded =
        models::resolve(&config.paths.models(), &config.speech.model).map_err(|error| error.to_string()).and_then(
            |model| crate::speech::load(&model, 1).map(|engine| (model, engine)).map_err(|error| error.to_string()),
        );
    match loaded {
        Ok((model, engine)) => {
            let usable = match unit::slow_here(model.kind) {
                None => good("model", engine.name()),
                Some(problem) => bad(
                    "model",
                    format!("{}: {problem}", engine.name()),
                    "take one for whisper.cpp: `lineside model list`",
                ),
            };
            let wanted = config.hints().language;
            let language = language::unheeded(engine.as_ref(), wanted.as_deref()).map(|problem| {
                bad("language", problem, "change [speech] model or language, then `systemctl reload lineside`")
            });
            std::iter::once(usable).chain(language).collect()
        }
        Err(error) => vec![bad("model", error, format!("`lineside model pull {}`", config.speech.model))],
    }
}

fn inotify() -> Check {
    let read = |name: &str| {
        std::fs::read_to_string(format!("/proc/sys/fs/inotify/{name}"))
            .ok()
            .and_then(|text| text.trim().parse::<u64>().ok())
    };
    let watches = read("max_user_watches").unwrap_or(0);
    if watches >= 8192 {
        good("inotify", format!("{watches} folders can be watched"))
    } else {
        bad("inotify", format!("{watches} folders can be watched"), "`sysctl fs.inotify.max_user_watches=65536`")
    }
}

/// Whether calls of the last day came by two ways. Nothing is said where the database cannot be read: the state folder's check tells that.
fn sources(config: &Config) -> Option<Check> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let since = WallTime(wall_clock().0 - DAY_MS);
    let calls = doubled_since(&config.paths.state, since).ok()?;
    let Some(last) = calls.first() else { return Some(good("sources", "no call of the last 24 h came by two ways")) };
    Some(bad(
        "sources",
        format!("{} calls of the last 24 h came by two ways, {last} the last: their text is there twice", calls.len()),
        format!(
            "`lineside show {last}` names the ways; switch one off: AudioSocket or EAGI in the dialplan, or the folder in [recordings] folders"
        ),
    ))
}

/// Asterisk's manager interface, as the daemon finds it; only where `[ami]` is set.
fn manager(ami: &serde_json::Value) -> Option<Check> {
    let address = ami["address"].as_str()?;
    Some(match ami["problem"].as_str() {
        None => good("manager", format!("logged in at {address} since {}", ami["since"].as_str().unwrap_or("?"))),
        Some(problem) => bad(
            "manager",
            format!("{address}: {problem}"),
            "until then no pause comes from there: compare [ami] with /etc/asterisk/manager.conf",
        ),
    })
}

/// The dialer's database, as the daemon finds it: the connection, what the account may do, what can be asked.
fn dialer(health: &serde_json::Value) -> Vec<Check> {
    let Some(address) = health["address"].as_str() else { return Vec::new() };
    let since = health["since"].as_str().unwrap_or("?");
    if health["connected"] == false {
        let told = health["problem"].as_str().unwrap_or("not tried yet");
        let (problem, mend) = told.split_once("; ").unwrap_or((told, "it is tried again every half minute"));
        return vec![bad(
            "dialer",
            format!("{address}: {problem}"),
            format!("{mend}. Until then calls have no names from there"),
        )];
    }
    let mut checks = vec![match health["rights"].as_str() {
        None => good("dialer", format!("reads {address} since {since}")),
        // It works, but is more than is needed.
        Some(rights) => Check { mend: Some(rights.into()), ..good("dialer", format!("reads {address} since {since}")) },
    }];
    for query in health["queries"].as_array().into_iter().flatten() {
        if let Some(told) = query["problem"].as_str() {
            let (problem, mend) = told.rsplit_once("; ").unwrap_or((told, "put the table back"));
            checks.push(bad("dialer", format!("{}: {problem}", query["name"].as_str().unwrap_or("?")), mend));
        }
    }
    checks
}

/// What the account may do there; only where it is logged in. Which events it may read Asterisk does not tell.
fn rights(config: &Config, ami: &serde_json::Value) -> Option<Check> {
    if ami["connected"] != true {
        return None;
    }
    let missing: Vec<&str> = ami["missing_rights"].as_array()?.iter().filter_map(serde_json::Value::as_str).collect();
    if missing.is_empty() {
        return Some(good("AMI rights", "channels can be listed, calls can be tapped"));
    }
    let user = &config.ami.user;
    let mend = format!(
        "in /etc/asterisk/manager.conf, section [{user}]: `read = call,dtmf,user,agent` and `write = reporting,originate,call`; then \
         `asterisk -rx 'manager reload'` and `systemctl restart lineside`"
    );
    let found = format!("the account {user} lacks under write: {}", missing.join(", "));
    let taps = missing.iter().any(|class| ["originate", "call"].contains(class));
    Some(if taps && !config.tap.is_empty() {
        bad("AMI rights", format!("{found}; no [[tap]] rule has an effect"), mend)
    } else {
        // Pauses need none of it: nothing is wrong with an account that only listens.
        let found = match (taps, missing.contains(&"reporting")) {
            (true, true) => {
                format!("{found}; no call can be tapped, and what happened while lineside was away stays unknown")
            }
            (true, false) => format!("{found}; no call can be tapped"),
            _ => format!("{found}; what happened while lineside was away stays unknown"),
        };
        Check { mend: Some(mend), ..good("AMI rights", found) }
    })
}

/// Only where there is an Asterisk.
fn asterisk() -> Option<Check> {
    let output = Command::new("asterisk").args(["-rx", "module show like audiosocket"]).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    Some(if text.contains("audiosocket") {
        good("asterisk", "its AudioSocket modules are loaded")
    } else {
        bad(
            "asterisk",
            "no AudioSocket module is loaded",
            "`asterisk -rx 'module load app_audiosocket'`; recordings and EAGI work without",
        )
    })
}
