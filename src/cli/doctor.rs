//! `lineside doctor`: what is wrong with this box, and the mend for each.

mod unit;

use std::path::Path;
use std::process::{Command, ExitCode};

use clap::Args;
use serde::Serialize;

use super::client::Daemon;
use super::{colour, model_recommend, say};
use crate::call::WallTime;
use crate::capture::wall_clock;
use crate::config::Config;
use crate::speech::vad::Voice;
use crate::speech::{engine, language, models};
use crate::store::doubled::doubled_since;

/// Exit code 1 when something is wrong
#[derive(Args)]
pub(super) struct DoctorArguments {
    /// JSON list of checks
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    daemon: Daemon,
}

#[derive(Serialize)]
struct Check {
    what: &'static str,
    ok: bool,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

fn good(what: &'static str, found: impl Into<String>) -> Check {
    Check { what, ok: true, found: found.into(), mend: None }
}

fn bad(what: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Check {
    Check { what, ok: false, found: found.into(), mend: Some(mend.into()) }
}

pub(super) fn run(arguments: &DoctorArguments, path: Option<&Path>) -> anyhow::Result<ExitCode> {
    let mut checks = Vec::new();
    let config = match Config::load(path) {
        Ok(config) => {
            checks.push(good(
                "configuration",
                path.unwrap_or(Path::new(crate::config::DEFAULT_PATH)).display().to_string(),
            ));
            config
        }
        Err(error) => {
            checks.push(bad("configuration", error.to_string(), "mend the line that is named"));
            Config::default()
        }
    };
    checks.push(match config.analyser() {
        Ok(_) => good(
            "packs",
            config.text.packs.as_ref().map_or_else(|| "built in".into(), |packs| packs.display().to_string()),
        ),
        Err(error) => bad(
            "packs",
            error.to_string(),
            "mend the line that is named, or take [text] packs out for the built-in ones",
        ),
    });
    checks.push(state(&config));
    checks.extend(unit::permissions(&config.paths.state));
    checks.push(disk(&config));
    checks.extend(unit::encryption(&config.privacy));
    checks.push(unit::kernels());
    checks.extend(model(&config));
    checks.push(match model_recommend::advice(&config) {
        Ok(found) => good("best model", found),
        // Nothing is wrong with a model that works.
        Err((found, mend)) => Check { mend: Some(mend), ..good("best model", found) },
    });
    checks.push(voice(&config));
    for folder in &config.recordings.folders {
        checks.push(match unit::readable(folder) {
            Ok(()) => good("recordings", folder.display().to_string()),
            Err(error) => bad(
                "recordings",
                format!("{}: {error}", folder.display()),
                "let lineside read it: `usermod -aG asterisk lineside`, or change [recordings] folders",
            ),
        });
    }
    checks.extend(unit::group());
    checks.extend(unit::quota_in_force());
    checks.push(inotify());
    checks.extend(asterisk());
    checks.extend(sources(&config));
    let health = arguments.daemon.fetch(&config, "/health");
    checks.extend(health.as_ref().ok().and_then(|health| manager(&health["ami"])));
    checks.push(match health {
        Ok(health) => {
            let status = health["status"].as_str().unwrap_or("?").to_string();
            let found = format!(
                "{status}, backlog {} utterances, last frame {}",
                health["backlog"]["utterances"], health["last_frame"]
            );
            if status == "ok" {
                good("daemon", found)
            } else {
                bad("daemon", found, "see `lineside model list` and `journalctl -u lineside`")
            }
        }
        Err(error) => bad("daemon", format!("{error:#}"), "`systemctl start lineside`"),
    });

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
        Err(error) => bad(
            "state folder",
            format!("{}: {error}", config.paths.state.display()),
            format!("run this as root or lineside; `chown -R lineside: {}`", config.paths.state.display()),
        ),
    }
}

fn disk(config: &Config) -> Check {
    match rustix::fs::statvfs(&config.paths.state) {
        Ok(fs) => {
            let free = fs.f_bavail * fs.f_frsize / 1_000_000;
            // One leg of 8 kHz audio is 58 MB an hour.
            let found = format!("{free} MB free, {} hours of one leg", free / 58);
            if free > 1000 {
                good("disk", found)
            } else {
                bad("disk", found, "make room: audio waits in the sockets when the disk is full")
            }
        }
        Err(error) => bad("disk", error.to_string(), "create the state folder"),
    }
}

/// The model, and what it makes of the language.
fn model(config: &Config) -> Vec<Check> {
    let loaded = models::resolve(&config.paths.models(), &config.speech.model)
        .map_err(|error| error.to_string())
        .and_then(|model| engine::load(&model, 1).map(|engine| (model, engine)).map_err(|error| error.to_string()));
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
    let Some(last) = calls.last() else { return Some(good("sources", "no call of the last 24 h came by two ways")) };
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
