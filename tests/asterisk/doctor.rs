//! What `lineside doctor` says of a real Asterisk that is set up wrongly, and whether its mend helps.

use std::process::{Command, Output};

use serde_json::Value;

use crate::bed::Bed;
use crate::pbx::Pbx;
use crate::roads::bed;

pub const TESTS: &[crate::Test] = &[(
    "doctor_tells_what_is_wrong_with_an_asterisk_and_its_mend_helps",
    doctor_tells_what_is_wrong_with_an_asterisk_and_its_mend_helps,
)];

/// The checks of a bed whose `asterisk` is this PBX's console.
fn doctor(bed: &Bed, pbx: &Pbx) -> Vec<Value> {
    let path = std::env::var("PATH").unwrap_or_default();
    let console = pbx.console();
    let mut command = bed.command(&["doctor", "--json"]);
    let Output { stdout, stderr, .. } =
        command.env("PATH", format!("{}:{path}", console.display())).output().expect("run");
    serde_json::from_slice(&stdout).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&stderr)))
}

/// State, what was found, and the mend of a check.
fn told<'a>(checks: &'a [Value], name: &str) -> [&'a str; 3] {
    let check = checks.iter().find(|check| check["check"] == name).unwrap_or_else(|| panic!("no {name}: {checks:#?}"));
    ["state", "found", "mend"].map(|key| check[key].as_str().unwrap_or_default())
}

/// A command at this PBX's console: the manager interface refuses some of them.
fn console(pbx: &Pbx, command: &str) {
    let program = pbx.console().join("asterisk");
    let output = Command::new(program).args(["-rx", command]).output().expect("run");
    assert!(output.status.success(), "{command}: {output:?}");
}

fn change(bed: &Bed, this: &str, that: &str) {
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    assert!(text.contains(this), "{this} is not in {text}");
    std::fs::write(&path, text.replace(this, that)).expect("write");
}

fn doctor_tells_what_is_wrong_with_an_asterisk_and_its_mend_helps() {
    let bed = bed();
    let mut pbx = Pbx::start(&bed);
    let checks = doctor(&bed, &pbx);
    assert!(told(&checks, "asterisk")[1].starts_with("Asterisk 22."), "{checks:#?}");
    assert_eq!(
        [told(&checks, "asterisk")[0], told(&checks, "modules")[0], told(&checks, "dialplan")[0]],
        ["ok"; 3],
        "{checks:#?}"
    );
    let mut rows = Vec::new();
    let mut row = |setup: &str, name: &str, checks: &[Value], parts: [&str; 2]| {
        let [state, found, mend] = told(checks, name);
        assert_eq!(state, "bad", "{setup}: {checks:#?}");
        assert!(found.contains(parts[0]) && mend.contains(parts[1]), "{setup}: {found}; {mend}");
        rows.push(format!("{setup} | {name}: {found} | {mend}"));
    };

    console(&pbx, "module unload chan_audiosocket.so");
    let checks = doctor(&bed, &pbx);
    row(
        "AudioSocket's channel is not loaded",
        "modules",
        &checks,
        ["chan_audiosocket.so", "module load chan_audiosocket.so"],
    );
    console(&pbx, "module load chan_audiosocket.so");
    assert_eq!(told(&doctor(&bed, &pbx), "modules")[0], "ok", "the mend helps");

    let (ours, other) = (format!("127.0.0.1:{}", bed.audiosocket), crate::bed::free_port());
    console(&pbx, &format!("dialplan set global LINESIDE_AUDIOSOCKET 127.0.0.1:{other}"));
    let checks = doctor(&bed, &pbx);
    let mend = format!("LINESIDE_AUDIOSOCKET={ours}");
    row("the dialplan sends to another port", "dialplan", &checks, [&other.to_string(), &mend]);
    console(&pbx, &format!("dialplan set global LINESIDE_AUDIOSOCKET {ours}"));
    assert_eq!(told(&doctor(&bed, &pbx), "dialplan")[0], "ok", "the mend helps");

    let listen = format!("listen = \"{ours}\"");
    change(&bed, &listen, "listen = \"\"");
    row("AudioSocket is switched off here", "dialplan", &doctor(&bed, &pbx), ["listen is empty", &listen]);
    let monitor = format!("folders = [\"{}\"]", bed.path("monitor").display());
    change(&bed, &monitor, "folders = []");
    for context in ["lineside-tap", "lineside-listen", "lineside-eagi"] {
        console(&pbx, &format!("dialplan remove context {context}"));
    }
    row("no call has a way here", "dialplan", &doctor(&bed, &pbx), ["no call can come here", "[recordings] folders"]);
    pbx.end();
    row("Asterisk does not run", "asterisk", &doctor(&bed, &pbx), ["does not run", "systemctl start asterisk"]);

    println!("set-up | cause found | mend\n---|---|---\n{}", rows.join("\n"));
}
