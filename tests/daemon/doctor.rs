//! Wrong set-ups against `lineside doctor`: for each the one cause and the mend that helps, printed as a table. And the same checks from the daemon.
//!
//! Each set-up is real: files, folders, users, ports and a daemon. Nothing else may be blamed: what is BAD on the healthy box of this machine as well
//! (no weights of Silero, a busy processor) is left out, and everything beyond the cause fails the test.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use crate::bed::{Bed, free_port, uuid_of};

/// What changes by itself while other tests run.
const OF_THE_MOMENT: [&str; 2] = ["load", "memory"];

/// What is expected of a set-up.
struct Cause<'a> {
    check: &'a str,
    /// Parts of what was found.
    found: &'a [&'a str],
    /// Parts of the mend.
    mend: &'a [&'a str],
    /// Checks that are rightly BAD for the same cause.
    also: &'a [&'a str],
}

/// A cause without consequences.
const fn cause<'a>(check: &'a str, found: &'a [&'a str], mend: &'a [&'a str]) -> Cause<'a> {
    Cause { check, found, mend, also: &["daemon"] }
}

/// The table, and what is BAD on a healthy box.
struct Table {
    rows: Vec<String>,
    always: BTreeSet<String>,
}

impl Table {
    fn new() -> Self {
        let bed = healthy();
        let (_, checks) = doctor(&bed);
        let always = bad(&checks).into_iter().filter(|name| name != "daemon").collect();
        Self { rows: Vec::new(), always }
    }

    /// Runs the doctor and looks for the cause; adds a row. `state`: `bad`, or `advice`, which keeps the exit code.
    fn try_as(&mut self, bed: &Bed, setup: &str, state: &str, wanted: &Cause) {
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
        let told = checks.iter().find(fits).unwrap_or_else(|| {
            panic!(
                "{setup}: no {} with {:?} and {:?} in {checks:#?}\n{}",
                wanted.check,
                wanted.found,
                wanted.mend,
                bed.log()
            )
        });
        assert!(!text(told, "why").is_empty(), "{setup}: {told}");
        let others: Vec<String> = bad(&checks)
            .into_iter()
            .filter(|name| !all.contains(&name.as_str()) && !self.always.contains(name))
            .filter(|name| !OF_THE_MOMENT.contains(&name.as_str()))
            .collect();
        assert!(others.is_empty(), "{setup}: {others:?} are blamed as well: {checks:#?}");
        let broken = wanted.check == "configuration";
        assert_eq!(code, if broken { 78 } else { i32::from(!bad(&checks).is_empty()) }, "{setup}: {checks:#?}");
        assert!(!broken || checks.len() == 1, "{setup}: more is told than the configuration: {checks:#?}");
        let root = bed.folder.path().display().to_string();
        let short = |text: String| text.replace(&root, "").replace('\n', " ").replace('|', "/");
        self.rows.push(format!(
            "{setup} | {}: {} | {}",
            wanted.check,
            short(text(told, "found")),
            short(text(told, "mend"))
        ));
    }

    fn bad(&mut self, bed: &Bed, setup: &str, wanted: &Cause) {
        self.try_as(bed, setup, "bad", wanted);
    }

    fn print(self, at_least: usize) {
        println!("set-up | cause found | mend");
        println!("---|---|---");
        for row in &self.rows {
            println!("{row}");
        }
        println!("{} wrong set-ups, each with its cause and mend", self.rows.len());
        assert!(self.rows.len() >= at_least, "{} rows", self.rows.len());
    }
}

/// Exit code and checks.
fn doctor(bed: &Bed) -> (i32, Vec<Value>) {
    let output = bed.command(&["doctor", "--json"]).stdin(Stdio::null()).output().expect("run");
    let checks = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap_or(-1), checks)
}

fn bad(checks: &[Value]) -> Vec<String> {
    let named = checks.iter().filter(|check| check["state"] == "bad");
    named.map(|check| check["check"].as_str().unwrap_or_default().to_string()).collect()
}

fn model() -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/demo.bin").display().to_string()
}

/// A box of which nothing is wrong but that no daemon runs.
fn healthy() -> Bed {
    let bed = Bed::new(&model(), "language = \"en\"\npartial = false");
    std::fs::create_dir(bed.path("state")).expect("mkdir");
    mode(&bed.path("state"), 0o750);
    bed
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("chmod");
}

/// A healthy box with a change in its configuration: this becomes that.
fn changed(this: &str, that: &str) -> Bed {
    let bed = healthy();
    change(&bed, this, that);
    bed
}

fn change(bed: &Bed, this: &str, that: &str) {
    let root = bed.folder.path().display().to_string();
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let this = this.replace("ROOT", &root);
    assert!(text.contains(&this), "{this} is not in {text}");
    std::fs::write(&path, text.replace(&this, &that.replace("ROOT", &root))).expect("write");
}

/// A healthy box with more in its configuration.
fn with(more: &str) -> Bed {
    changed("[paths]", &format!("{more}\n[paths]"))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Gives the folder to nobody, who runs daemon and doctor from here on.
fn nobodys(bed: &mut Bed) {
    let owned = Command::new("chown").args(["-R", "65534:65534"]).arg(bed.folder.path()).status().expect("chown");
    assert!(owned.success());
    bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
}

fn configurations(table: &mut Table) {
    let config = "lineside.toml";
    for (setup, this, that, line, says) in [
        ("a key with a typing error", "[paths]", "[text]\nlexikon = \"vader\"\n[paths]", 2, "lexikon"),
        ("a number in words", "[paths]", "[limits]\ncpus = \"two\"\n[paths]", 2, "two"),
        ("a value out of its range", "partial = false", "workers = 99", 14, "not from 1 to 64"),
        ("half a section's name", "[audiosocket]", "[audiosocket", 7, "TOML"),
        ("an address without a port", "listen = \"127.0.0.1:", "listen = \"127.0.0.1\" # ", 5, "127.0.0.1:8123"),
        ("a port that is open to everybody", "listen = \"127.0.0.1:", "listen = \"0.0.0.0:", 6, "loopback"),
        ("a folder without its root", "folders = [\"ROOT/", "folders = [\"", 10, "not an absolute path"),
        ("a pattern of taps that is none", "[paths]", "[[tap]]\nmatch = \"(\"\n[paths]", 2, "match"),
        ("steps of the disk in disorder", "[paths]", "[retention]\ndrop_free_mb = 5\n[paths]", 2, "stop_free_mb"),
        ("a language by its name", "language = \"en\"", "language = \"english\"", 13, "auto"),
    ] {
        let bed = changed(this, that);
        let mend = format!("mend line {line} of {}", bed.path(config).display());
        table.bad(&bed, setup, &cause("configuration", &[says], &[&mend, "exit code 78"]));
    }
    let bed = healthy();
    std::fs::create_dir(bed.path("conf.d")).expect("mkdir");
    std::fs::write(bed.path("conf.d/50-mine.toml"), "# mine\n[speech]\nbeam = 20\n").expect("write");
    let mend = format!("mend line 3 of {}", bed.path("conf.d/50-mine.toml").display());
    table.bad(&bed, "a mistake in conf.d", &cause("configuration", &["beam"], &[&mend]));
    let bed = healthy();
    std::fs::remove_file(bed.path(config)).expect("rm");
    table.bad(&bed, "no configuration there", &cause("configuration", &["No such file"], &["--config"]));
    if is_root() {
        let mut bed = healthy();
        nobodys(&mut bed);
        mode(&bed.path(config), 0o000);
        table.bad(
            &bed,
            "a configuration that is closed",
            &cause("configuration", &["denied"], &["as root", "chgrp lineside"]),
        );
    }
}

fn folders(table: &mut Table) {
    let bed = healthy();
    std::fs::remove_dir(bed.path("monitor")).expect("rmdir");
    let make = format!("mkdir -p {}", bed.path("monitor").display());
    table.bad(&bed, "no recording folder", &cause("recordings", &["No such file"], &[&make, "[recordings] folders"]));
    std::fs::write(bed.path("monitor"), "x").expect("write");
    table.bad(&bed, "a file for a recording folder", &cause("recordings", &["Not a directory"], &["this is a file"]));

    let bed = changed("folders = [\"ROOT/monitor\"]", "folders = [\"ROOT\"]");
    table.bad(
        &bed,
        "a recording folder around lineside's own",
        &cause("recordings", &["own folder"], &["recordings alone"]),
    );

    let bed = healthy();
    std::fs::remove_dir(bed.path("state")).expect("rmdir");
    let make = format!("install -d -o lineside -g lineside -m 0750 {}", bed.path("state").display());
    table.bad(&bed, "no state folder", &cause("state folder", &["No such file"], &[&make]));
    std::fs::write(bed.path("state"), "x").expect("write");
    mode(&bed.path("state"), 0o600);
    table.bad(&bed, "a file for a state folder", &cause("state folder", &["Not a directory"], &["names a file"]));

    let bed = healthy();
    mode(&bed.path("state"), 0o755);
    let close = format!("chmod o= {}", bed.path("state").display());
    table.bad(&bed, "calls that everybody can read", &cause("permissions", &["0755"], &[&close]));

    let bed = healthy();
    std::fs::write(bed.path("run"), "x").expect("write");
    table.bad(&bed, "a file for the sockets' folder", &cause("run folder", &["not a folder"], &["rm "]));
    let bed = changed("run = \"ROOT/run\"", &format!("run = \"ROOT/{}\"", "run".repeat(40)));
    table.bad(&bed, "a path too long for a socket", &cause("run folder", &["107 bytes"], &["shorter"]));

    let bed = with("[retention]\nwarn_free_mb = 900000000\ndrop_free_mb = 1\nstop_free_mb = 1");
    table.bad(&bed, "little room on the disk", &cause("disk", &["below warn_free_mb"], &["make room", "audio_days"]));
    let bed = with("[retention]\nwarn_free_mb = 900000000\ndrop_free_mb = 900000000\nstop_free_mb = 900000000");
    table.bad(&bed, "no room for new calls", &cause("disk", &["no new call is recorded"], &["make room"]));

    let bed = healthy();
    let ahead = std::fs::File::create(bed.path("monitor/a.wav")).expect("create");
    ahead.set_modified(SystemTime::now() + Duration::from_hours(2)).expect("set");
    table.bad(
        &bed,
        "a PBX whose clock is two hours ahead",
        &cause("clock", &["a.wav", "ahead"], &["timedatectl set-ntp true"]),
    );

    let bed = healthy();
    std::fs::write(bed.path("state/lineside.db"), "this is no database, but long enough to look like one".repeat(100))
        .expect("write");
    table.bad(&bed, "a damaged database", &cause("database", &["lineside.db"], &["check --repair", "restore"]));
}

/// Folders that are closed to the daemon's user.
fn closed(table: &mut Table) {
    if !is_root() {
        return eprintln!("skipped: closed folders, sockets and low ports need root to be made");
    }
    let owned = |path: &Path, owner: &str, bits: u32| {
        assert!(Command::new("chown").arg(owner).arg(path).status().expect("chown").success());
        mode(path, bits);
    };
    let mut bed = healthy();
    nobodys(&mut bed);
    let monitor = bed.path("monitor");
    owned(&monitor, "0:0", 0o700);
    let open = format!("setfacl -m u:lineside:rx {}", monitor.display());
    table.bad(
        &bed,
        "a folder that only root may read",
        &cause("recordings", &["denied"], &[&open, "closed to all but its owner"]),
    );
    owned(&monitor, "0:4", 0o750); // adm
    let join = "usermod -aG adm lineside && systemctl restart lineside";
    table.bad(&bed, "a folder of another group", &cause("recordings", &["denied"], &[join]));

    let mut bed = changed("folders = [\"ROOT/monitor\"]", "folders = [\"ROOT/outer/inner\"]");
    std::fs::create_dir_all(bed.path("outer/inner")).expect("mkdir");
    nobodys(&mut bed);
    owned(&bed.path("outer"), "0:4", 0o710);
    let above = format!("{} is open to the group adm", bed.path("outer").display());
    table.bad(&bed, "a closed folder above that of the recordings", &cause("recordings", &["denied"], &[&above]));

    let mut bed = healthy();
    nobodys(&mut bed);
    owned(&bed.path("state"), "0:0", 0o750);
    table.bad(&bed, "a state folder of another user", &cause("state folder", &["denied"], &["chown -R lineside:"]));

    let mut bed = changed("listen = \"127.0.0.1:", "listen = \"127.0.0.1:99\" # ");
    nobodys(&mut bed);
    table.bad(&bed, "a port of root's", &cause("port", &["below 1024"], &["1024", "proxy"]));

    let mut bed = healthy();
    bed.start();
    mode(bed.folder.path(), 0o755);
    owned(&bed.path("run/api.sock"), "0:4", 0o660);
    bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
    let own = Cause {
        also: &["state folder", "database"],
        ..cause("daemon", &["denied"], &["usermod -aG adm nobody", "log in again"])
    };
    table.bad(&bed, "a user who is not in the socket's group", &own);
    bed.launcher.clear();
    bed.stop();
}

fn packs_and_ports(table: &mut Table) {
    let bed = with("[text]\npacks = \"ROOT/packs\"");
    let make = format!("mkdir -p {}", bed.path("packs").display());
    table.bad(&bed, "no folder of packs", &cause("packs", &["No such file"], &[&make, "take [text] packs out"]));
    std::fs::create_dir(bed.path("packs")).expect("mkdir");
    std::fs::write(
        bed.path("packs/own.toml"),
        "name = \"own\"\nversion = \"1\"\nlanguage = \"en\"\n[[keyword]]\nlabl = \"x\"\n",
    )
    .expect("write");
    let mend = format!("mend line 5 of {}", bed.path("packs/own.toml").display());
    table.bad(&bed, "a broken pack", &cause("packs", &["labl"], &[&mend, "exit code 78"]));
    let code = bed.command(&["serve"]).stderr(Stdio::null()).status().expect("run").code();
    assert_eq!(code, Some(78), "serve ends with what the mend says");

    let bed = healthy();
    let holder = TcpListener::bind(("127.0.0.1", bed.http)).expect("bind");
    let pid = format!("(pid {}", std::process::id()); // we have it
    table.bad(
        &bed,
        "the page's port is another program's",
        &cause("port", &["[http]", &pid], &["stop that (", "[http] listen"]),
    );
    drop(holder);
    let _in_use = TcpListener::bind(("0.0.0.0", bed.audiosocket)).expect("bind");
    table.bad(
        &bed,
        "AudioSocket's port is another program's",
        &cause("port", &["[audiosocket]", &pid], &["stop that (", "[audiosocket] listen"]),
    );

    let bed = healthy();
    let (http, audiosocket) = (bed.http.to_string(), bed.audiosocket.to_string());
    change(&bed, &audiosocket, &http);
    table.bad(&bed, "one port for two", &cause("port", &["both listen on"], &["another port"]));
    let bed = changed("[audiosocket]\nlisten = \"127.0.0.1:", "[audiosocket]\nlisten = \"192.0.2.1:");
    table.bad(&bed, "an address of another machine", &cause("port", &["no interface"], &["ip -br address"]));
    let bed = changed("open = true", "");
    change(&bed, "[http]\nlisten = \"127.0.0.1:", "[http]\nlisten = \"0.0.0.0:");
    let clear = cause("access", &["unencrypted"], &["tls_certificate", "proxy"]);
    table.try_as(&bed, "tokens over the network without TLS", "advice", &clear);
    table.try_as(
        &healthy(),
        "a page without tokens",
        "advice",
        &cause("access", &["everybody on this machine"], &["token add"]),
    );
    let few = with("[limits]\ncpus = 1.0");
    change(&few, "partial = false", "workers = 16");
    table.try_as(&few, "more workers than CPUs", "advice", &cause("workers", &["16 for 1.0 CPUs"], &["workers = 1"]));
    table.bad(
        &healthy(),
        "nothing but that no daemon runs",
        &cause("daemon", &["is the daemon running"], &["systemctl start lineside"]),
    );
}

fn models(table: &mut Table) {
    let model = format!("model = \"{}\"", model());
    let named = |name: &str| changed(&model, &format!("model = \"{name}\""));
    table.bad(
        &named("base.en-q8_0"),
        "a model that was not fetched",
        &cause("model", &[], &["`lineside model pull base.en-q8_0`"]),
    );
    table.bad(
        &named("bse.en-q8_0"),
        "a model with a typing error",
        &cause("model", &[], &["base.en-q8_0 is", "model list"]),
    );
    table.bad(
        &named("/srv/none.bin"),
        "a path without a model",
        &cause("model", &["none.bin"], &["put the model to /srv/none.bin"]),
    );
    let bed = named("base.en-q8_0");
    std::fs::create_dir_all(bed.path("state/models")).expect("mkdir");
    let half = &std::fs::read(self::model()).expect("model")[..100_000];
    std::fs::write(bed.path("state/models/ggml-base.en-q8_0.bin"), half).expect("write");
    table.bad(&bed, "half of a model", &cause("model", &[], &["rm -r", "model pull base.en-q8_0"]));
    let bed = changed("language = \"en\"", "language = \"es\"");
    table.bad(
        &bed,
        "Spanish with a model that knows English",
        &cause("language", &["English alone"], &["[speech] model or language"]),
    );
    let bed = with("[utterance]\nvoice_model = \"ROOT/none.bin\"");
    table.bad(&bed, "no weights of the voice detector", &cause("voice", &["none.bin"], &["[utterance] voice_model"]));
}

fn secrets(table: &mut Table) {
    let ami = format!("[ami]\naddress = \"127.0.0.1:{}\"\nsecret_file = \"ROOT/ami\"", free_port());
    let bed = with(&ami);
    let make = format!("install -o root -g lineside -m 0640 /dev/null {}", bed.path("ami").display());
    table.bad(&bed, "no file with the manager's secret", &cause("secret", &["[ami]", "No such file"], &[&make]));
    std::fs::write(bed.path("ami"), "\n").expect("write");
    mode(&bed.path("ami"), 0o640);
    table.bad(&bed, "an empty secret", &cause("secret", &["first line is empty"], &[&make]));
    std::fs::write(bed.path("ami"), "hush\n").expect("write");
    mode(&bed.path("ami"), 0o644);
    table.bad(
        &bed,
        "a secret that everybody can read",
        &cause("secret", &["every user"], &["chgrp lineside", "chmod 0640"]),
    );
    let bed = with("[dialer]\npassword_file = \"ROOT/password\"");
    table.bad(
        &bed,
        "no file with the database's password",
        &cause("secret", &["[dialer]", "No such file"], &["install -o root"]),
    );

    let bed = with("[privacy]\naudio_key = \"ROOT/audio.key\"");
    table.bad(&bed, "a key of the audio that is lost", &cause("encryption", &["audio.key"], &["bring the key back"]));
    let key = bed.command(&["key", "new"]).arg(bed.path("audio.key")).output().expect("run");
    assert!(key.status.success(), "{key:?}");
    mode(&bed.path("audio.key"), 0o644);
    table.bad(&bed, "a key that everybody can read", &cause("encryption", &["every user"], &["chmod 600"]));

    let bed = healthy();
    change(&bed, "open = true", "open = true\ntls_certificate = \"ROOT/chain.pem\"\ntls_key = \"ROOT/key.pem\"");
    let put = format!("put the file to {}", bed.path("chain.pem").display());
    table.bad(&bed, "no certificate there", &cause("certificate", &["chain.pem"], &[&put]));
    let certify = |name: &str| {
        let mut openssl = Command::new("openssl");
        openssl.args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:prime256v1",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ]);
        let output = openssl
            .arg("-keyout")
            .arg(bed.path(&format!("{name}.key")))
            .arg("-out")
            .arg(bed.path(&format!("{name}.pem")))
            .output();
        output.is_ok_and(|output| output.status.success())
    };
    if certify("one") && certify("other") {
        std::fs::rename(bed.path("one.pem"), bed.path("chain.pem")).expect("mv");
        std::fs::rename(bed.path("other.key"), bed.path("key.pem")).expect("mv");
        table.bad(
            &bed,
            "a certificate with another's key",
            &cause("certificate", &[], &["openssl x509", "must print the same"]),
        );
    } else {
        eprintln!("skipped: a certificate with another's key needs openssl");
    }
}

/// Set-ups that only a running daemon has.
fn running(table: &mut Table) {
    let mut bed = changed(&format!("model = \"{}\"", model()), "model = \"base.en-q8_0\"");
    bed.start();
    let waits = Cause { also: &["model", "daemon"], ..cause("inference", &["waits for the model"], &["`model`"]) };
    table.bad(&bed, "a daemon that waits for its model", &waits);
    bed.stop();

    let mut bed = healthy();
    bed.start();
    ready(&bed);
    bed.signal("-STOP");
    let hangs = Cause { also: &[], ..cause("daemon", &["not answered"], &["systemctl restart lineside"]) };
    table.bad(&bed, "a daemon that hangs", &hangs);
    bed.signal("-CONT");
    let port = free_port();
    let old = bed.http.to_string();
    change(&bed, &old, &port.to_string());
    let moved = Cause {
        also: &["daemon", "inference"],
        ..cause("port", &["nobody listens", "[http]"], &["systemctl restart lineside"])
    };
    table.bad(&bed, "a port that was changed without a restart", &moved);
    bed.stop();

    let mut bed = healthy();
    bed.launcher = ["prlimit", "--nofile=130:130"].map(String::from).to_vec();
    bed.start();
    bed.launcher.clear();
    let calls: Vec<_> = (0..100).map(|number| bed.dial(&uuid_of(1_795_218_045, 700 + number, 1))).collect();
    bed.until("they are few", Duration::from_mins(1), |bed| bed.get("/health")["files"]["ok"] == false);
    table.bad(&bed, "few files for many calls", &cause("open files", &["of 130"], &["LimitNOFILE=65536"]));
    drop(calls);
    bed.stop();
}

/// Asterisk's manager interface and the dialer's database that do not let in.
fn neighbours(table: &mut Table) {
    let ami = |port: u16| {
        let bed = with(&format!("[ami]\naddress = \"127.0.0.1:{port}\"\nsecret_file = \"ROOT/ami\""));
        std::fs::write(bed.path("ami"), "hush\n").expect("write");
        mode(&bed.path("ami"), 0o640);
        bed
    };
    let until = |bed: &Bed, of: &str, what: &str| {
        bed.until(what, Duration::from_mins(1), |bed| bed.get("/health")[of].to_string().contains(what));
    };
    let mut bed = ami(free_port());
    bed.start();
    until(&bed, "ami", "refused");
    table.bad(
        &bed,
        "a manager interface that is switched off",
        &cause("manager", &["refused"], &["enabled = yes", "manager reload"]),
    );
    bed.stop();

    let answering = |lines: &'static [&'static str]| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port();
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                for line in lines {
                    let _ = stream.write_all(line.as_bytes());
                }
                std::thread::sleep(Duration::from_secs(1));
            }
        });
        port
    };
    let mut bed = ami(answering(&["SSH-2.0-OpenSSH_9.2\r\n"]));
    bed.start();
    until(&bed, "ami", "does not greet");
    table.bad(&bed, "the manager's port is another program's", &cause("manager", &["does not greet"], &["5038"]));
    bed.stop();
    let refusing = &[
        "Asterisk Call Manager/11.0.0\r\n",
        "Response: Error\r\nActionID: login\r\nMessage: Authentication failed\r\n\r\n",
    ];
    let mut bed = ami(answering(refusing));
    bed.start();
    until(&bed, "ami", "login refused");
    let secret = bed.path("ami").display().to_string();
    table.bad(
        &bed,
        "another secret than manager.conf has",
        &cause("manager", &["login refused"], &["`secret`", &secret]),
    );
    bed.stop();

    let mut bed = with(&format!(
        "[dialer]\nkind = \"vicidial\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"lineside\"\ndatabase = \"asterisk\"\n\
         password_file = \"ROOT/password\"",
        free_port()
    ));
    std::fs::write(bed.path("password"), "hush\n").expect("write");
    mode(&bed.path("password"), 0o640);
    bed.start();
    until(&bed, "dialer", "problem\":\"");
    table.bad(&bed, "a dialer's database that is away", &cause("dialer", &["127.0.0.1"], &["calls have no names"]));
    bed.stop();
    let mut bed = with("[dialer]\nastguiclient = \"ROOT/astguiclient.conf\"");
    std::fs::write(bed.path("astguiclient.conf"), "PATHhome => /usr/share\nVARDB_port => three\n").expect("write");
    bed.start();
    let wrong = cause("dialer", &["astguiclient.conf"], &[]);
    table.bad(&bed, "nonsense in astguiclient.conf", &wrong);
    bed.stop();
}

fn ready(bed: &Bed) {
    bed.until("the model is ready", Duration::from_mins(1), |bed| {
        bed.get("/health/models")["model"]["state"] == "ready"
    });
}

#[test]
fn forty_wrong_set_ups_each_get_their_cause_and_their_mend() {
    let mut table = Table::new();
    configurations(&mut table);
    folders(&mut table);
    closed(&mut table);
    packs_and_ports(&mut table);
    models(&mut table);
    secrets(&mut table);
    running(&mut table);
    neighbours(&mut table);
    table.print(if is_root() { 40 } else { 35 });
}

#[test]
fn the_daemon_gives_the_checks_of_the_doctor_with_their_mends_and_keeps_them_for_a_while() {
    let mut bed = healthy();
    bed.start();
    ready(&bed);
    let (code, by_hand) = doctor(&bed);
    let began = Instant::now();
    let (status, told) = bed.ask("GET", "/health/detailed", None);
    assert_eq!(status, 200, "{told}");
    let checks = told["checks"].as_array().expect("checks");
    assert_eq!(told["state"] == "bad", !bad(checks).is_empty(), "{told}");
    assert_eq!(code, i32::from(!bad(&by_hand).is_empty()), "{by_hand:#?}");
    for check in checks {
        let fields: BTreeSet<&str> = check.as_object().expect("object").keys().map(String::as_str).collect();
        assert_eq!(fields, ["check", "found", "mend", "state", "why"].into(), "{check}");
        assert_eq!(check["state"] == "ok", check["mend"].is_null(), "{check}");
    }
    let names = |checks: &[Value]| -> BTreeSet<String> {
        checks.iter().map(|check| check["check"].as_str().unwrap_or_default().to_string()).collect()
    };
    let missing: Vec<String> = names(&by_hand).difference(&names(checks)).cloned().collect();
    assert_eq!(missing, ["configuration"], "what only the command line looks at");

    // What is asked again within ten seconds costs nothing, and is the same.
    std::fs::remove_dir(bed.path("monitor")).expect("rmdir");
    let again = bed.get("/health/detailed");
    assert!(again["checked_at"] == told["checked_at"] || began.elapsed() > Duration::from_secs(9), "{again}");
    bed.until("it is looked at again", Duration::from_secs(40), |bed| {
        let told = bed.get("/health/detailed");
        let missing = |check: &Value| check["check"] == "recordings" && check["state"] == "bad";
        told["checks"].as_array().is_some_and(|checks| checks.iter().any(missing))
    });
    assert_eq!(bed.get("/health/detailed")["state"], json!("bad"));
    bed.stop();
}

#[test]
fn only_who_may_read_sees_the_checks_and_no_secret_is_in_them() {
    let secrets = ["hush-of-the-manager", "token-of-the-admin-0123456789abcdef", "password-of-the-dialer"];
    let mut bed = changed("open = true", &format!("token = \"{}\"", secrets[1]));
    let more = format!("[ami]\naddress = \"127.0.0.1:{}\"\nsecret_file = \"ROOT/ami\"\n[paths]", free_port());
    change(&bed, "[paths]", &more);
    change(
        &bed,
        "[paths]",
        "[dialer]\nkind = \"vicidial\"\nhost = \"127.0.0.1\"\nuser = \"u\"\ndatabase = \"d\"\npassword_file = \"ROOT/p\"\n[paths]",
    );
    std::fs::write(bed.path("ami"), format!("{}\n", secrets[0])).expect("write");
    std::fs::write(bed.path("p"), format!("{}\n", secrets[2])).expect("write");
    bed.start();
    assert_eq!(bed.ask("GET", "/health/detailed", None).0, 401);
    let url = format!("http://127.0.0.1:{}/health/detailed", bed.http);
    let mut answer = ureq::get(&url).header("Authorization", format!("Bearer {}", secrets[1])).call().expect("answer");
    let text = answer.body_mut().read_to_string().expect("text");
    assert!(text.contains("\"checks\"") && text.contains("127.0.0.1"), "{text}");
    let by_hand = bed.command(&["doctor", "--json"]).output().expect("run");
    let by_hand = String::from_utf8_lossy(&by_hand.stdout).into_owned();
    for secret in secrets {
        assert!(!text.contains(secret) && !by_hand.contains(secret), "{secret}: {text}");
    }
    bed.stop();
}
