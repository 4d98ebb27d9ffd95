//! What the daemon tells of itself, as checks: from the JSON of `GET /health`, so that command line and daemon judge it alike.

use serde_json::Value;

use super::check::{Subject, advice, bad, good, is_bad};
use super::folders;
use crate::config::Config;
use crate::contract::doctor::{CheckState, DoctorCheck};

/// A live leg's socket and the file that its sound goes into.
const FILES_OF_A_LEG: u64 = 2;
/// Text that comes later than this is late, seconds; as `/health` has it.
const LATE_S: f64 = 30.0;

/// Everything that it tells. `before`: what was found without it, so that one fault is told once.
pub(super) fn daemon(config: &Config, health: &Value, before: &[DoctorCheck]) -> Vec<DoctorCheck> {
    let mut checks = Vec::new();
    checks.extend(manager(config, &health["ami"]));
    checks.extend(rights(config, &health["ami"]));
    checks.extend(dialer(&health["dialer"]));
    checks.push(database(&health["database"]));
    checks.extend(recordings(health, before));
    checks.extend(reports(&health["reports"]));
    checks.extend(open_files(&health["files"]));
    checks.push(inference(config, &health["inference"]));
    checks.push(lag(health));
    let is_told = [before, &checks].concat().iter().any(|check| check.state == CheckState::Bad);
    checks.push(running(health, is_told));
    checks
}

/// Asterisk's manager interface, as the daemon finds it; only where `[ami]` is set.
fn manager(config: &Config, ami: &Value) -> Option<DoctorCheck> {
    let address = ami["address"].as_str()?;
    let user = &config.ami.user;
    let Some(problem) = ami["problem"].as_str() else {
        if ami["connected"] == false {
            return Some(advice(
                Subject::Manager,
                format!("{address}: not logged in yet"),
                "look again in some seconds",
            ));
        }
        let since = ami["since"].as_str().unwrap_or("?");
        return Some(good(Subject::Manager, format!("logged in at {address} since {since}")));
    };
    let reload = "then `asterisk -rx 'manager reload'`; lineside tries again by itself";
    let mend = if problem.contains("login refused") {
        let secret = config
            .ami
            .secret_file
            .as_ref()
            .map_or("the credential ami-secret".into(), |path| path.display().to_string());
        format!(
            "the `secret` of section [{user}] in /etc/asterisk/manager.conf must be the first line of {secret}, and its `permit` must name this \
             machine; {reload}"
        )
    } else if problem.starts_with("secret ") {
        format!(
            "write the secret of section [{user}] of manager.conf into that file, readable for lineside, and set [ami] secret_file"
        )
    } else if problem.contains("does not greet") {
        "another program has that port: [ami] address is the `port` under [general] of manager.conf, 5038 as shipped"
            .into()
    } else if problem.contains("not even an answer") || problem.contains("timed out") {
        "Asterisk hangs, or a firewall drops what is sent: `asterisk -rx 'manager show connected'`".into()
    } else {
        format!(
            "`enabled = yes` under [general] of /etc/asterisk/manager.conf, with the address and port of [ami] address; {reload}"
        )
    };
    Some(bad(Subject::Manager, format!("{address}: {problem}"), mend))
}

/// What the account may do there; only where it is logged in. Which events it may read Asterisk does not tell.
fn rights(config: &Config, ami: &Value) -> Option<DoctorCheck> {
    if ami["connected"] != true {
        return None;
    }
    let missing: Vec<&str> = ami["missing_rights"].as_array()?.iter().filter_map(Value::as_str).collect();
    let user = &config.ami.user;
    let more: Vec<&str> = ami["more_rights"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if missing.is_empty() {
        let found = "channels can be listed, calls can be tapped";
        if more.is_empty() {
            return Some(good(Subject::AmiRights, found));
        }
        // With them whoever knows the secret runs programs and changes the dialplan.
        let found = format!("{found}; the account {user} may do more than it needs: {} under write", more.join(", "));
        return Some(advice(Subject::AmiRights, found, mend_of_rights(user)));
    }
    let mend = mend_of_rights(user);
    let found = format!("the account {user} lacks under write: {}", missing.join(", "));
    let found = if more.is_empty() { found } else { format!("{found}, and has {} without need", more.join(", ")) };
    let taps = missing.iter().any(|class| ["originate", "call"].contains(class));
    Some(if taps && !config.tap.is_empty() {
        bad(Subject::AmiRights, format!("{found}; no [[tap]] rule has an effect"), mend)
    } else {
        // Pauses need none of it: nothing is wrong with an account that only listens.
        let found = match (taps, missing.contains(&"reporting")) {
            (true, true) => {
                format!("{found}; no call can be tapped, and what happened while lineside was away stays unknown")
            }
            (true, false) => format!("{found}; no call can be tapped"),
            _ => format!("{found}; what happened while lineside was away stays unknown"),
        };
        advice(Subject::AmiRights, found, mend)
    })
}

fn mend_of_rights(user: &str) -> String {
    format!(
        "in /etc/asterisk/manager.conf, section [{user}]: `read = call,dtmf,user,agent` and `write = reporting,originate,call`; then \
         `asterisk -rx 'manager reload'` and `systemctl restart lineside`"
    )
}

/// The dialer's database, as the daemon finds it: the connection, what the account may do, what can be asked.
fn dialer(health: &Value) -> Vec<DoctorCheck> {
    let Some(address) = health["address"].as_str() else { return Vec::new() };
    let since = health["since"].as_str().unwrap_or("?");
    if health["connected"] == false {
        let told = health["problem"].as_str().unwrap_or("not tried yet");
        let (problem, mend) = told.split_once("; ").unwrap_or((told, "it is tried again every half minute"));
        // A file that cannot be used names itself.
        let found = if problem.starts_with(address) { problem.to_string() } else { format!("{address}: {problem}") };
        let mend = if problem.contains("Connection refused") {
            "start the database there (`systemctl start mariadb`), or correct [dialer] host, port and socket and `systemctl restart lineside`"
        } else {
            mend
        };
        return vec![bad(Subject::Dialer, found, format!("{mend}. Until then calls have no names from there"))];
    }
    let reads = format!("reads {address} since {since}");
    let mut checks = vec![match health["rights"].as_str() {
        None => good(Subject::Dialer, reads),
        // It works, but is more than is needed.
        Some(rights) => advice(Subject::Dialer, reads, rights),
    }];
    for query in health["queries"].as_array().into_iter().flatten() {
        if let Some(told) = query["problem"].as_str() {
            let (problem, mend) = told.rsplit_once("; ").unwrap_or((told, "put the table back"));
            let name = query["name"].as_str().unwrap_or("?");
            checks.push(bad(Subject::Dialer, format!("{name}: {problem}"), mend));
        }
    }
    checks
}

/// The files of each day's calls; only where `[reports]` names a folder.
fn reports(health: &Value) -> Option<DoctorCheck> {
    let folder = health["folder"].as_str()?;
    let Some(problem) = health["problem"].as_str() else {
        let last =
            health["last_day"].as_str().map_or("no day is written yet".into(), |day| format!("{day} is written"));
        return Some(good(Subject::Reports, format!("{folder}: {last}")));
    };
    let (found, mend) = problem.split_once("; ").unwrap_or((problem, "`journalctl -u lineside -n 50` says more"));
    Some(bad(Subject::Reports, found, mend))
}

fn database(health: &Value) -> DoctorCheck {
    let Some(problem) = health["problem"].as_str() else {
        return good(Subject::Database, format!("{} writes wait", health["waiting_writes"]));
    };
    let (found, mend) = problem.split_once("; ").unwrap_or((problem, "`journalctl -u lineside -n 50` says more"));
    bad(Subject::Database, found, mend)
}

/// Folders of which the daemon takes nothing. One that was found closed before is not told twice.
fn recordings(health: &Value, before: &[DoctorCheck]) -> Vec<DoctorCheck> {
    let of_folder = |folder: &Value| {
        let (name, problem) = (folder["folder"].as_str().unwrap_or("?"), folder["problem"].as_str().unwrap_or("?"));
        let is_told = before.iter().any(|check| {
            check.state == CheckState::Bad && check.check == Subject::Recordings.name() && check.found.starts_with(name)
        });
        // Whoever runs this may read it; the daemon says that it may not.
        let mend = || folders::mend_of(std::path::Path::new(name), &std::io::ErrorKind::PermissionDenied.into());
        (!is_told).then(|| bad(Subject::Recordings, format!("{name}: the daemon says: {problem}"), mend()))
    };
    health["recordings"].as_array().into_iter().flatten().filter_map(of_folder).collect()
}

fn open_files(files: &Value) -> Option<DoctorCheck> {
    let (open, limit) = (files["open"].as_u64()?, files["limit"].as_u64()?);
    let found =
        format!("{open} of {limit} are open, room for {} more legs", limit.saturating_sub(open) / FILES_OF_A_LEG);
    Some(if files["ok"] == false {
        bad(
            Subject::OpenFiles,
            found,
            "`systemctl edit lineside`, `[Service]` `LimitNOFILE=65536`, then `systemctl restart lineside`",
        )
    } else {
        good(Subject::OpenFiles, found)
    })
}

/// Whether the loaded model answers.
fn inference(config: &Config, inference: &Value) -> DoctorCheck {
    let wanted = &config.speech.model;
    if inference["ok"] == true {
        let engine = inference["engine"].as_str().unwrap_or("?");
        return good(Subject::Inference, format!("{engine}, {} ms for the last one", inference["took_ms"]));
    }
    if let Some(problem) = inference["problem"].as_str() {
        let mend = format!(
            "`lineside model verify {wanted}`; a model that is whole is tried again by `systemctl restart lineside`"
        );
        return bad(Subject::Inference, problem, mend);
    }
    match inference["model"]["state"].as_str() {
        Some("failed") => bad(
            Subject::Inference,
            inference["model"]["problem"].as_str().unwrap_or("the model cannot be used"),
            format!(
                "`lineside model verify {wanted}`, or another one in [speech] model and `systemctl reload lineside`"
            ),
        ),
        Some("loading") => {
            advice(Subject::Inference, format!("{wanted} is being loaded"), "look again in some seconds")
        }
        _ => bad(
            Subject::Inference,
            format!("the daemon waits for the model {wanted:?}; calls are stored meanwhile"),
            "see the line `model`: it is loaded by itself when it is there",
        ),
    }
}

/// How late text is.
fn lag(health: &Value) -> DoctorCheck {
    let waiting = health["backlog"]["utterances"].as_i64().unwrap_or(0);
    let Some(age) = health["backlog"]["oldest_age_s"].as_f64() else {
        return good(Subject::Lag, "nothing waits for text");
    };
    let found = format!("{waiting} utterances wait for text, the oldest for {age:.0} s");
    if age <= LATE_S {
        return good(Subject::Lag, found);
    }
    if health["inference"]["ok"] == true {
        bad(
            Subject::Lag,
            found,
            "a smaller model (`lineside model recommend --agents N`), more CPU (`systemctl edit lineside`, `[Service]` `CPUQuota=200%`), or fewer \
             calls \
             at a time ([ami] max_taps)",
        )
    } else {
        bad(Subject::Lag, found, "mend the model: the line `inference` says what is wrong with it")
    }
}

/// The daemon in a word.
fn running(health: &Value, is_told: bool) -> DoctorCheck {
    let status = health["status"].as_str().unwrap_or("?").to_string();
    let last =
        health["last_frame"].as_str().map_or_else(|| "no live frame yet".into(), |at| format!("last frame {at}"));
    let found = format!("{status}, backlog {} utterances, {last}", health["backlog"]["utterances"]);
    if status == "ok" {
        good(Subject::Daemon, found)
    } else if is_told {
        bad(Subject::Daemon, found, "mend what is BAD here; `journalctl -u lineside` says more")
    } else {
        bad(Subject::Daemon, found, "see `lineside model list` and `journalctl -u lineside`")
    }
}

/// Whether a start would fail, whatever the reason.
pub(super) fn cannot_start(checks: &[DoctorCheck]) -> bool {
    let needed = [
        Subject::Packs,
        Subject::StateFolder,
        Subject::RunFolder,
        Subject::Encryption,
        Subject::Certificate,
        Subject::Database,
        Subject::Port,
    ];
    is_bad(checks, &needed)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_mend_of_a_manager_is_that_of_its_problem() {
        let config = Config::default();
        for (problem, says) in [
            ("login refused: Authentication failed; compare", "secret"),
            ("Connection refused (os error 111); does Asterisk run", "enabled = yes"),
            ("who listens there does not greet as Asterisk's manager does", "port"),
            ("nothing came for 60 s, not even an answer to a ping", "firewall"),
            ("secret /etc/x: No such file", "secret_file"),
        ] {
            let ami = json!({"address": "127.0.0.1:5038", "connected": false, "problem": problem, "since": "T"});
            let check = manager(&config, &ami).expect("told");
            assert!(check.mend.as_deref().is_some_and(|mend| mend.contains(says)), "{problem}: {:?}", check.mend);
        }
    }

    #[test]
    fn an_account_that_may_do_more_than_it_needs_is_told_so_and_how_to_mend_it() {
        let config = Config::default();
        let check = |missing: Value, more: Value| {
            rights(&config, &json!({"connected": true, "missing_rights": missing, "more_rights": more})).expect("told")
        };
        assert_eq!(check(json!([]), json!([])).state, CheckState::Ok);
        let more = check(json!([]), json!(["command", "system"]));
        assert!(more.found.ends_with("may do more than it needs: command, system under write"), "{}", more.found);
        assert!(more.mend.is_some_and(|mend| mend.contains("`write = reporting,originate,call`")));
        assert!(
            check(json!(["reporting"]), json!(["command"]))
                .found
                .contains("lacks under write: reporting, and has command")
        );
        assert!(rights(&config, &json!({"connected": false})).is_none());
    }

    #[test]
    fn text_that_is_late_for_want_of_a_model_is_not_mended_by_cpu() {
        let late = |ok: Value| json!({"backlog": {"utterances": 9, "oldest_age_s": 300.0}, "inference": {"ok": ok}});
        assert!(lag(&late(json!(true))).mend.is_some_and(|mend| mend.contains("CPUQuota")));
        assert!(lag(&late(json!(null))).mend.is_some_and(|mend| mend.contains("inference") && !mend.contains("CPU")));
        let none = json!({"backlog": {"utterances": 0, "oldest_age_s": null}});
        assert_eq!(lag(&none).state, CheckState::Ok);
    }
}
