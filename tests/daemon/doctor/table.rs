//! The table of set-ups, and the beds that they are made on.

use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::bed::Bed;

/// What changes by itself while other tests run.
pub(super) const OF_THE_MOMENT: [&str; 2] = ["load", "memory"];

/// What is expected of a set-up.
pub(super) struct Cause<'a> {
    pub(super) check: &'a str,
    /// Parts of what was found.
    pub(super) found: &'a [&'a str],
    /// Parts of the mend.
    pub(super) mend: &'a [&'a str],
    /// Checks that are rightly BAD for the same cause.
    pub(super) also: &'a [&'a str],
}

/// A cause without consequences.
pub(super) const fn cause<'a>(check: &'a str, found: &'a [&'a str], mend: &'a [&'a str]) -> Cause<'a> {
    Cause { check, found, mend, also: &["daemon"] }
}

/// The table, and what is BAD on a healthy box.
pub(super) struct Table {
    pub(super) rows: Vec<String>,
    pub(super) always: BTreeSet<String>,
    /// What was not as expected, set-up by set-up.
    pub(super) wrong: Vec<String>,
}

impl Table {
    pub(super) fn new() -> Self {
        let of = |bed: &Bed| bad(&doctor(bed).1).into_iter().filter(|name| name != "daemon").collect::<Vec<_>>();
        let mut bed = healthy();
        let mut always: BTreeSet<String> = of(&bed).into_iter().collect();
        if is_root() {
            // Not everything that this machine has is open to nobody.
            nobodys(&mut bed);
            always.extend(of(&bed));
        }
        Self { rows: Vec::new(), always, wrong: Vec::new() }
    }

    /// Runs the doctor and looks for the cause; adds a row. `state`: `bad`, or `advice`, which keeps the exit code.
    pub(super) fn try_as(&mut self, bed: &Bed, setup: &str, state: &str, wanted: &Cause) {
        let (code, checks) = doctor(bed);
        let all: Vec<&str> = [&[wanted.check], wanted.also].concat();
        let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_string();
        let fits = |check: &&Value| {
            let (found, mend) = (text(check, "found"), text(check, "mend"));
            check["check"] == wanted.check
                && check["state"] == state
                && wanted.found.iter().all(|part| found.contains(part))
                && wanted.mend.iter().all(|part| mend.contains(part))
        };
        let Some(told) = checks.iter().find(fits) else {
            let named: Vec<&Value> = checks.iter().filter(|check| check["state"] != "ok").collect();
            let Cause { check, found, mend, .. } = wanted;
            return self
                .wrong
                .push(format!("{setup}: no {check} with {found:?} and {mend:?} in {named:#?}\n{}", bed.log()));
        };
        let others: Vec<String> = bad(&checks)
            .into_iter()
            .filter(|name| !all.contains(&name.as_str()) && !self.always.contains(name))
            .filter(|name| !OF_THE_MOMENT.contains(&name.as_str()))
            .collect();
        if !others.is_empty() {
            self.wrong.push(format!("{setup}: {others:?} are blamed as well: {checks:#?}"));
        }
        let broken = wanted.check == "configuration";
        let exit = if broken { 78 } else { i32::from(!bad(&checks).is_empty()) };
        if code != exit || broken && checks.len() > 1 || text(told, "why").is_empty() {
            self.wrong
                .push(format!("{setup}: exit code {code} and not {exit}, or no reason, or too much: {checks:#?}"));
        }
        let root = bed.folder.path().display().to_string();
        let short = |text: String| text.replace(&root, "").replace('\n', " ").replace('|', "/");
        self.rows.push(format!(
            "{setup} | {}: {} | {}",
            wanted.check,
            short(text(told, "found")),
            short(text(told, "mend"))
        ));
    }

    pub(super) fn bad(&mut self, bed: &Bed, setup: &str, wanted: &Cause) {
        self.try_as(bed, setup, "bad", wanted);
    }

    pub(super) fn print(self, at_least: usize) {
        println!("set-up | cause found | mend");
        println!("---|---|---");
        for row in &self.rows {
            println!("{row}");
        }
        println!("{} wrong set-ups, each with its cause and mend", self.rows.len());
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert!(self.rows.len() >= at_least, "{} rows", self.rows.len());
    }
}

/// Exit code and checks.
pub(super) fn doctor(bed: &Bed) -> (i32, Vec<Value>) {
    let output = bed.command(&["doctor", "--json"]).stdin(Stdio::null()).output().expect("run");
    let checks = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap_or(-1), checks)
}

pub(super) fn bad(checks: &[Value]) -> Vec<String> {
    let named = checks.iter().filter(|check| check["state"] == "bad");
    named.map(|check| check["check"].as_str().unwrap_or_default().to_string()).collect()
}

pub(super) fn model() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/demo.bin").display().to_string()
}

/// A box of which nothing is wrong but that no daemon runs.
pub(super) fn healthy() -> Bed {
    let bed = Bed::new(&model(), "language = \"en\"\npartial = false");
    std::fs::create_dir(bed.path("state")).expect("mkdir");
    mode(&bed.path("state"), 0o750);
    bed
}

pub(super) fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

/// A healthy box with a change in its configuration: this becomes that.
pub(super) fn changed(this: &str, that: &str) -> Bed {
    let bed = healthy();
    change(&bed, this, that);
    bed
}

pub(super) fn change(bed: &Bed, this: &str, that: &str) {
    let root = bed.folder.path().display().to_string();
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let this = this.replace("ROOT", &root);
    assert!(text.contains(&this), "{this} is not in {text}");
    std::fs::write(&path, text.replace(&this, &that.replace("ROOT", &root))).expect("write");
}

/// A healthy box with more in its configuration.
pub(super) fn with(more: &str) -> Bed {
    changed("[paths]", &format!("{more}\n[paths]"))
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives the folder to nobody, who runs daemon and doctor from here on.
pub(super) fn nobodys(bed: &mut Bed) {
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(bed.folder.path()).status().expect("chown");
    assert!(owned.success());
    bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
}

pub(super) fn ready(bed: &Bed) {
    bed.until("the model is ready", Duration::from_mins(1), |bed| {
        bed.get("/health/models")["model"]["state"] == "ready"
    });
}
