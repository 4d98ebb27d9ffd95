//! Asterisk on this machine: its version, its modules, and what its dialplan sends here.
//!
//! Only what is wanted is missed: a box that reads recordings needs no module. Asked by `asterisk -rx`, which changes nothing; where Asterisk is on
//! another machine, nothing is said of it.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;

use super::check::{Subject, advice, bad, good, unknown};
use super::system::{Answer, ask, output};
use crate::config::Config;
use crate::contract::doctor::DoctorCheck;

/// The first version with AudioSocket.
const FIRST_WITH_AUDIOSOCKET: u32 = 18;
/// Where the files for the dialplan are on an installed system.
const SNIPPETS: &str = "/usr/share/doc/lineside/examples/asterisk";

/// Everything about Asterisk; nothing where none is installed.
pub(super) fn asterisk(config: &Config) -> Vec<DoctorCheck> {
    let version = match ask("asterisk", &["-rx", "core show version"]) {
        Answer::Missing => return Vec::new(),
        Answer::Forbidden => return vec![not_from_here()],
        Answer::Said(text) => text,
        Answer::Failed(said) => return vec![unreachable(&said)],
        Answer::Hung => {
            return vec![bad(
                Subject::Asterisk,
                "it runs, and does not answer within 5 s",
                "`asterisk -rvvv` shows whether it is stuck; if so, `systemctl restart asterisk` (which ends the running calls)",
            )];
        }
    };
    let name =
        version.lines().next().unwrap_or_default().split(" built by").next().unwrap_or_default().trim().to_string();
    let plan = Plan::of(&output("asterisk", &["-rx", "dialplan show"]).unwrap_or_default());
    let modules = Modules(output("asterisk", &["-rx", "module show"]).unwrap_or_default());
    let globals = output("asterisk", &["-rx", "dialplan show globals"]).unwrap_or_default();
    let wishes = Wishes::of(config, &plan);
    let mut checks = vec![match number(&name) {
        Some(number) if number < FIRST_WITH_AUDIOSOCKET && (wishes.channel || wishes.application) => bad(
            Subject::Asterisk,
            format!("{name}: AudioSocket came with {FIRST_WITH_AUDIOSOCKET}"),
            "upgrade Asterisk, or take calls by recordings ([recordings] folders) or EAGI",
        ),
        _ => good(Subject::Asterisk, name),
    }];
    checks.push(missing(&wishes, &modules));
    checks.push(dialplan(config, &plan, global(&globals, "LINESIDE_AUDIOSOCKET")));
    checks
}

/// Why a console cannot be had: `Unable to connect to remote asterisk (does /run/asterisk/asterisk.ctl exist?)`.
fn unreachable(said: &str) -> DoctorCheck {
    let socket = said.split("(does ").nth(1).and_then(|rest| rest.split(" exist").next());
    let closed = socket.is_some_and(|socket| {
        UnixStream::connect(socket).is_err_and(|error| error.kind() == ErrorKind::PermissionDenied)
    });
    if closed {
        not_from_here()
    } else {
        bad(
            Subject::Asterisk,
            format!("it is installed and does not run: {}", said.lines().next().unwrap_or_default()),
            "`systemctl start asterisk`; if it does not stay, `asterisk -cvvv` shows why",
        )
    }
}

fn not_from_here() -> DoctorCheck {
    unknown(
        Subject::Asterisk,
        "it is installed, but this user may not ask it for its modules and dialplan",
        "run `lineside doctor` as root",
    )
}

/// `Asterisk 22.5.0` or `Asterisk certified/18.9-cert5`.
fn number(name: &str) -> Option<u32> {
    let digits: String = name.chars().skip_while(|c| !c.is_ascii_digit()).take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

/// What of Asterisk is used.
#[derive(Debug, PartialEq, Eq)]
struct Wishes {
    /// The channel `AudioSocket/…`, which taps are.
    channel: bool,
    /// The application `AudioSocket()`.
    application: bool,
    /// `EAGI()`.
    eagi: bool,
}

impl Wishes {
    fn of(config: &Config, plan: &Plan) -> Self {
        let taps = !config.tap.is_empty() && config.ami.address().is_some();
        Self { channel: taps || plan.channel, application: plan.application, eagi: plan.eagi }
    }
}

/// What `module show` prints.
struct Modules(String);

impl Modules {
    fn runs(&self, name: &str) -> bool {
        self.0.lines().any(|line| line.starts_with(name) && line.contains(" Running "))
    }
}

fn missing(wishes: &Wishes, modules: &Modules) -> DoctorCheck {
    let wanted = [
        ("res_audiosocket.so", wishes.channel || wishes.application),
        ("chan_audiosocket.so", wishes.channel),
        ("app_chanspy.so", wishes.channel),
        ("app_audiosocket.so", wishes.application),
        ("res_agi.so", wishes.eagi),
    ];
    let missing: Vec<&str> =
        wanted.iter().filter(|(name, wanted)| *wanted && !modules.runs(name)).map(|(name, _)| *name).collect();
    if let [first, ..] = missing[..] {
        let loads: Vec<String> = missing.iter().map(|name| format!("`asterisk -rx 'module load {name}'`")).collect();
        return bad(
            Subject::Modules,
            format!("not loaded: {}", missing.join(", ")),
            format!(
                "{}; where modules.conf has autoload = no, a line `load = {first}` for each keeps them. Recordings work without",
                loads.join(" and ")
            ),
        );
    }
    let used: Vec<&str> = wanted.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| *name).collect();
    match (used.is_empty(), modules.runs("chan_audiosocket.so") && modules.runs("app_audiosocket.so")) {
        (false, _) => good(Subject::Modules, format!("loaded: {}", used.join(", "))),
        (true, true) => good(Subject::Modules, "AudioSocket is loaded, and nothing uses it"),
        (true, false) => advice(
            Subject::Modules,
            "AudioSocket is not loaded, and nothing uses it",
            "for live audio later: `asterisk -rx 'module load chan_audiosocket.so'`; recordings work without",
        ),
    }
}

/// What a dialplan sends to lineside, or to others by the same applications.
#[derive(Debug, Default, PartialEq, Eq)]
struct Plan {
    channel: bool,
    application: bool,
    eagi: bool,
    /// Where AudioSocket goes, as it is written.
    targets: Vec<String>,
}

impl Plan {
    /// Reads what `dialplan show` prints: a priority a line, as `1. AudioSocket(UUID,HOST:PORT) [extensions.conf:7]`.
    fn of(shown: &str) -> Self {
        let mut plan = Self::default();
        for line in shown.lines() {
            if let Some((_, rest)) = line.split_once("AudioSocket/") {
                plan.channel = true;
                plan.targets.extend(rest.split('/').next().map(str::to_owned));
            }
            if let Some((_, rest)) = line.split_once("AudioSocket(") {
                plan.application = true;
                plan.targets
                    .extend(rest.split(')').next().and_then(|inner| inner.rsplit(',').next()).map(str::to_owned));
            }
            plan.eagi |= line.contains("EAGI(") && (line.contains("lineside") || line.contains("LINESIDE"));
        }
        plan.targets.sort();
        plan.targets.dedup();
        plan
    }
}

/// A global variable in what `dialplan show globals` prints.
fn global<'a>(shown: &'a str, name: &str) -> Option<&'a str> {
    shown.lines().find_map(|line| line.trim().strip_prefix(name)?.strip_prefix('=')).map(str::trim)
}

/// Whether calls have a way here, and whether it leads to where lineside listens.
fn dialplan(config: &Config, plan: &Plan, host: Option<&str>) -> DoctorCheck {
    let listen = &config.audiosocket.listen;
    let port = listen.parse::<SocketAddr>().ok().map(|listen| listen.port());
    for target in &plan.targets {
        // The shipped files name the host by a variable, with this default.
        let is_ours = target.contains("${LINESIDE_");
        let written =
            if is_ours { host.filter(|host| !host.is_empty()).unwrap_or("127.0.0.1:9093") } else { target.as_str() };
        // Another machine's is another program's, as far as can be told.
        let Some(goes) = written.parse::<SocketAddr>().ok().filter(|goes| goes.ip().is_loopback()) else { continue };
        if Some(goes.port()) == port {
            continue;
        }
        let found = match port {
            Some(_) => format!("it sends AudioSocket to {goes}, and lineside listens on {listen}"),
            None => format!("it sends AudioSocket to {goes}, and [audiosocket] listen is empty"),
        };
        let mend = match (port, is_ours) {
            (None, _) => format!(
                "[audiosocket] listen = \"{goes}\", then `systemctl restart lineside`; or take AudioSocket out of the dialplan"
            ),
            (Some(_), true) => format!(
                "`LINESIDE_AUDIOSOCKET={listen}` under [globals] of extensions.conf, then `asterisk -rx 'dialplan reload'`; or [audiosocket] listen = \
                 \"{goes}\" and `systemctl restart lineside`"
            ),
            (Some(_), false) => format!(
                "write {listen} to that line, then `asterisk -rx 'dialplan reload'`; or [audiosocket] listen = \"{goes}\" and `systemctl restart \
                 lineside`"
            ),
        };
        return bad(Subject::Dialplan, found, mend);
    }
    let taps = !config.tap.is_empty() && config.ami.address().is_some();
    let folders = config.recordings.watched().len();
    let mut ways = Vec::new();
    if plan.channel || plan.application {
        ways.push("AudioSocket".to_string());
    }
    if plan.eagi {
        ways.push("EAGI".to_string());
    }
    if taps {
        ways.push("taps by the manager interface".to_string());
    }
    if folders > 0 {
        ways.push(format!("recordings (folders: {folders})"));
    }
    if ways.is_empty() {
        return bad(
            Subject::Dialplan,
            "no call can come here: no recording folder, no tap rule, no AudioSocket or EAGI in the dialplan",
            format!(
                "name the folder of the recordings in [recordings] folders; or for live text `#include \"{SNIPPETS}/lineside-audiosocket.conf\"` in \
                 extensions.conf and `same => n,Gosub(lineside-tap,s,1(caller))` before Dial, then `asterisk -rx 'dialplan reload'`"
            ),
        );
    }
    good(Subject::Dialplan, format!("calls come by {}", ways.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::doctor::CheckState;

    const SHOWN: &str = "\
[ Context 'lineside-tap' created by 'pbx_config' ]
  's' =>            1. Gosub(lineside-uuid,s,1(${ARG1},${ARG2}))  [l.conf:28]
                    2. Originate(AudioSocket/${LINESIDE_HOST}/${LINESIDE_UUID}/c(slin),app,ChanSpy,x,,5,a) [l.conf:29]
";

    fn with(text: &str) -> Config {
        Config::parse(std::path::Path::new("x.toml"), text).expect("well made")
    }

    #[test]
    fn a_dialplan_that_sends_to_another_port_is_told_with_the_line_to_change() {
        let plan = Plan::of(SHOWN);
        assert!(plan.channel && !plan.application, "{plan:?}");
        let check = dialplan(&with(""), &plan, None);
        assert_eq!(check.state, CheckState::Ok, "{check:?}");
        let check = dialplan(&with("[audiosocket]\nlisten = \"127.0.0.1:9999\"\n"), &plan, None);
        assert!(check.mend.is_some_and(|mend| mend.contains("LINESIDE_AUDIOSOCKET=127.0.0.1:9999")), "{}", check.found);
        let check = dialplan(&with(""), &plan, Some("127.0.0.1:9100"));
        assert!(check.state == CheckState::Bad && check.found.contains("127.0.0.1:9100"), "{}", check.found);
        let elsewhere = Plan::of(" 1. AudioSocket(${UUID},192.0.2.1:7000) [e.conf:2]\n");
        assert_eq!(dialplan(&with("[recordings]\nfolders = [\"/x\"]\n"), &elsewhere, None).state, CheckState::Ok);
        let own = Plan::of(" 1. AudioSocket(${UUID},127.0.0.1:7000) [e.conf:2]\n");
        assert!(dialplan(&with(""), &own, None).mend.is_some_and(|mend| mend.contains("write 127.0.0.1:9093")));
        let off = dialplan(&with("[audiosocket]\nlisten = \"\"\n"), &plan, None);
        assert!(off.found.contains("listen is empty"), "{}", off.found);
    }

    #[test]
    fn a_box_without_any_way_for_calls_is_told_which_there_are() {
        let check = dialplan(&with(""), &Plan::default(), None);
        assert!(check.state == CheckState::Bad && check.mend.is_some_and(|mend| mend.contains("[recordings] folders")));
    }

    #[test]
    fn only_modules_that_are_used_are_missed() {
        let modules = Modules("res_audiosocket.so   AudioSocket support   0   Running   extended\n".into());
        let nothing = Wishes { channel: false, application: false, eagi: false };
        assert_eq!(missing(&nothing, &modules).state, CheckState::Advice);
        let taps = missing(&Wishes { channel: true, ..nothing }, &modules);
        assert_eq!(taps.state, CheckState::Bad);
        assert!(
            taps.found.contains("chan_audiosocket.so, app_chanspy.so") && !taps.found.contains("res_"),
            "{}",
            taps.found
        );
    }

    #[test]
    fn versions_are_read_as_they_are_printed() {
        assert_eq!((number("Asterisk 22.5.0"), number("Asterisk certified/18.9-cert5")), (Some(22), Some(18)));
        assert_eq!(global("\n   LINESIDE_AUDIOSOCKET=127.0.0.1:1\n", "LINESIDE_AUDIOSOCKET"), Some("127.0.0.1:1"));
    }
}
