//! A private Asterisk on a throw-away folder, and the few words of its manager interface that the tests speak.
//!
//! It listens on loopback alone, on free ports, and ends with the test; nothing is installed and no other Asterisk is touched.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant, SystemTime};

use crate::bed::{Bed, free_port};

/// Where Asterisk lies unpacked; fetched once. The error says why there is none.
pub fn asterisk() -> Result<&'static Path, &'static str> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let found = FOUND.get_or_init(|| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asterisk/fetch");
        let output = Command::new(script).output().map_err(|error| format!("tests/asterisk/fetch: {error}"))?;
        if output.status.success() {
            return Ok(PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
        }
        Err(String::from_utf8_lossy(&output.stderr).trim().to_string())
    });
    found.as_deref().map_err(String::as_str)
}

/// A running Asterisk.
pub struct Pbx {
    folder: tempfile::TempDir,
    child: Child,
    manager: BufReader<TcpStream>,
    /// Port of its manager.
    pub port: u16,
}

/// What lineside logs in with, as docs/operations.md has it.
pub const SECRET: &str = "hush";

/// A line of `core show channels concise`.
#[derive(Clone, Debug)]
pub struct Channel {
    pub name: String,
    pub context: String,
    pub application: String,
    pub bridge: String,
    pub uniqueid: String,
}

impl Pbx {
    /// Starts one that sends its calls to the daemon of `bed` and records into its folder.
    pub fn start(bed: &Bed) -> Self {
        let root = asterisk().expect("looked for before");
        let folder = tempfile::tempdir().expect("temp dir");
        let at = |name: &str| folder.path().join(name).display().to_string();
        for name in ["etc", "log", "run", "spool", "db", "keys", "agi", "sounds", "log/cdr-csv"] {
            fs::create_dir(at(name)).expect("mkdir");
        }
        let library = root.join("usr/lib/x86_64-linux-gnu");
        let (modules, data) = (library.join("asterisk/modules"), root.join("usr/share/asterisk"));
        let settings = format!(
            "[directories]\nastetcdir => {}\nastmoddir => {}\nastvarlibdir => {}\nastdbdir => {}\nastkeydir => {}\nastdatadir => {}\n\
             astagidir => {}\nastspooldir => {}\nastrundir => {}\nastlogdir => {}\nastsbindir => {}\n[options]\nquiet = yes\n",
            at("etc"),
            modules.display(),
            at("db"),
            at("db"),
            at("keys"),
            data.display(),
            at("agi"),
            at("spool"),
            at("run"),
            at("log"),
            at("run"),
        );
        fs::write(folder.path().join("etc/asterisk.conf"), settings).expect("write");
        fs::write(
            folder.path().join("etc/logger.conf"),
            "[general]\n[logfiles]\nfull => notice,warning,error,verbose(3)\n",
        )
        .expect("write");
        let port = free_port();
        let manager = format!(
            "[general]\nenabled = yes\nbindaddr = 127.0.0.1\nport = {port}\n[test]\nsecret = test\nread = call\nwrite = system,call,command,originate,reporting,user\n\
             [lineside]\nsecret = {SECRET}\nread = call,dtmf,user\nwrite =\n\
             [tapping]\nsecret = {SECRET}\nread = call,dtmf,user,agent\nwrite = reporting,originate,call\n\
             [all]\nsecret = {SECRET}\nread = all\nwrite = all\n"
        );
        fs::write(folder.path().join("etc/manager.conf"), manager).expect("write");
        let queues = "[general]\n[sales]\nstrategy = ringall\nmember => Local/agent@phones/n,0,Mary\n";
        fs::write(folder.path().join("etc/queues.conf"), queues).expect("write");
        let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/asterisk/etc");
        fs::copy(own.join("modules.conf"), folder.path().join("etc/modules.conf")).expect("copy");
        let program = bed.path("lineside-with-its-configuration");
        let script = format!(
            "#!/bin/sh\nexec '{}' --config '{}' \"$@\"\n",
            env!("CARGO_BIN_EXE_lineside"),
            bed.path("lineside.toml").display()
        );
        fs::write(&program, script).expect("write");
        fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).expect("chmod");
        let extensions = fs::read_to_string(own.join("extensions.conf"))
            .expect("read")
            .replace("@SNIPPETS@", concat!(env!("CARGO_MANIFEST_DIR"), "/etc/asterisk"))
            .replace("@MONITOR@", &bed.path("monitor").display().to_string())
            .replace("@AUDIOSOCKET@", &format!("127.0.0.1:{}", bed.audiosocket))
            .replace("@PROGRAM@", &program.display().to_string())
            .replace("@SOUNDS@", &at("sounds"));
        fs::write(folder.path().join("etc/extensions.conf"), extensions).expect("write");
        let (child, manager) = boot(&folder, port);
        let mut pbx = Self { folder, child, manager, port };
        pbx.until_booted();
        pbx
    }

    /// kill -9, where that was not done before, and a new one on the same port.
    pub fn restart(&mut self) {
        let _ = self.child.kill(); // may be dead
        let _ = self.child.wait();
        (self.child, self.manager) = boot(&self.folder, self.port);
        self.until_booted();
    }

    fn until_booted(&mut self) {
        let mut banner = String::new();
        self.manager.read_line(&mut banner).expect("banner");
        self.act("Login", &[("Username", "test"), ("Secret", "test"), ("Events", "off")]);
        let began = Instant::now();
        while !self.cli("core waitfullybooted").contains("fully booted") {
            assert!(began.elapsed() < Duration::from_secs(20), "not booted\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A folder with a program `asterisk` that speaks to this one, as the installed one does to its own.
    pub fn console(&self) -> PathBuf {
        let (folder, root) = (self.folder.path().join("bin"), asterisk().expect("looked for before"));
        let library = root.join("usr/lib/x86_64-linux-gnu");
        let script = format!(
            "#!/bin/sh\nexec '{0}/ld-linux-x86-64.so.2' --library-path '{0}' '{1}/usr/sbin/asterisk' -C '{2}' \"$@\"\n",
            library.display(),
            root.display(),
            self.folder.path().join("etc/asterisk.conf").display()
        );
        fs::create_dir_all(&folder).expect("mkdir");
        fs::write(folder.join("asterisk"), script).expect("write");
        fs::set_permissions(folder.join("asterisk"), std::os::unix::fs::PermissionsExt::from_mode(0o755))
            .expect("chmod");
        folder
    }

    /// kill -9.
    pub fn end(&mut self) {
        let _ = self.child.kill(); // may be dead
        let _ = self.child.wait();
    }

    /// What Asterisk has to say.
    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log/full")).unwrap_or_default()
    }

    /// An action and its answer: `Response`, `Message`, and what a command printed under `Output`.
    pub fn try_act(&mut self, action: &str, fields: &[(&str, &str)]) -> Option<BTreeMap<String, String>> {
        let fields: String = fields.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
        let text = format!("Action: {action}\r\n{fields}\r\n");
        self.manager.get_mut().write_all(text.as_bytes()).ok()?;
        let mut answer: BTreeMap<String, String> = BTreeMap::new();
        loop {
            let mut line = String::new();
            if self.manager.read_line(&mut line).ok()? == 0 {
                return None;
            }
            let line = line.trim_end();
            if line.is_empty() {
                return Some(answer);
            }
            if let Some((name, value)) = line.split_once(':') {
                let all = answer.entry(name.into()).or_default();
                if !all.is_empty() {
                    all.push('\n');
                }
                all.push_str(value.trim_start());
            }
        }
    }

    /// The same, which must succeed.
    pub fn act(&mut self, action: &str, fields: &[(&str, &str)]) -> BTreeMap<String, String> {
        let answer = self.try_act(action, fields).unwrap_or_else(|| panic!("{action}: no answer\n{}", self.log()));
        assert_ne!(answer.get("Response").map(String::as_str), Some("Error"), "{action} {fields:?}: {answer:?}");
        answer
    }

    /// A command of its console.
    pub fn cli(&mut self, command: &str) -> String {
        self.act("Command", &[("Command", command)]).remove("Output").unwrap_or_default()
    }

    /// All channels there are.
    pub fn channels(&mut self) -> Vec<Channel> {
        let text = self.cli("core show channels concise");
        text.lines()
            .filter_map(|line| {
                let fields: Vec<&str> = line.split('!').collect();
                let field = |number: usize| fields.get(number).map(|field| (*field).to_string());
                Some(Channel {
                    name: field(0)?,
                    context: field(1)?,
                    application: field(5)?,
                    bridge: field(12)?,
                    uniqueid: field(13)?,
                })
            })
            .collect()
    }

    /// Waits for channels to be as wanted, and gives what `find` found.
    pub fn until<T>(&mut self, what: &str, patience: Duration, mut find: impl FnMut(&[Channel]) -> Option<T>) -> T {
        let began = Instant::now();
        loop {
            let channels = self.channels();
            if let Some(found) = find(&channels) {
                return found;
            }
            assert!(began.elapsed() < patience, "not within {patience:?}: {what}\n{channels:#?}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until no channel is left.
    pub fn until_quiet(&mut self, patience: Duration) {
        self.until("no channel is left", patience, |channels| channels.is_empty().then_some(()));
    }

    /// The sound of a telephone, 8 kHz.
    pub fn sound(&self, phone: &str, samples: &[i16]) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        fs::write(self.folder.path().join("sounds").join(format!("{phone}.sln")), bytes).expect("write");
    }

    /// A telephone calls an extension of the roads; it speaks when [`Pbx::go`] says so. Gives the channel that the PBX sees.
    pub fn call(&mut self, phone: &str, road: &str, variables: &[(&str, &str)]) -> Channel {
        let line = format!("Local/{phone}@phones/n");
        let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut fields = vec![
            ("Channel", line.as_str()),
            ("Context", "roads"),
            ("Exten", road),
            ("Priority", "1"),
            ("Async", "true"),
        ];
        fields.extend(variables.iter().map(|variable| ("Variable", variable.as_str())));
        let before: Vec<String> = self.channels().into_iter().map(|channel| channel.uniqueid).collect();
        self.act("Originate", &fields);
        self.until(&format!("{phone} is on {road}"), Duration::from_secs(10), |channels| {
            channels
                .iter()
                .filter(|channel| channel.name.starts_with(line.trim_end_matches("/n")) && channel.name.ends_with(";1"))
                .filter(|channel| channel.context == "roads" || channel.context.starts_with("lineside"))
                .find(|channel| !before.contains(&channel.uniqueid))
                .cloned()
        })
    }

    /// Waits until so many pairs of channels talk to each other.
    pub fn until_bridged(&mut self, calls: usize) {
        self.until("the legs are bridged", Duration::from_secs(10), |channels| {
            (channels.iter().filter(|channel| !channel.bridge.is_empty()).count() == calls * 2).then_some(())
        });
    }

    /// All telephones begin to speak at once; gives when.
    pub fn go(&mut self) -> SystemTime {
        // Answer() waits half a second for a first frame.
        self.until("the telephones are ready", Duration::from_secs(10), |channels| {
            let mut phones =
                channels.iter().filter(|channel| channel.context == "phones" && channel.name.ends_with(";2"));
            phones.all(|phone| phone.application == "WaitForCondition").then_some(())
        });
        self.act("Setvar", &[("Variable", "GO"), ("Value", "yes")]);
        SystemTime::now()
    }

    pub fn hang_up(&mut self, channel: &Channel) {
        self.act("Hangup", &[("Channel", &channel.name)]);
    }

    /// kill -9, as a crash.
    pub fn crash(&mut self) {
        self.child.kill().expect("kill");
        self.child.wait().expect("wait");
    }
}

impl Drop for Pbx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("Asterisk's log:\n{}", self.log());
        }
    }
}

/// Starts Asterisk on a folder that has its configuration, and connects to its manager.
fn boot(folder: &tempfile::TempDir, port: u16) -> (Child, BufReader<TcpStream>) {
    let root = asterisk().expect("looked for before");
    let library = root.join("usr/lib/x86_64-linux-gnu");
    let at = |name: &str| folder.path().join(name).display().to_string();
    // sid's own loader and C library: what this machine has does not matter.
    let output = fs::File::create(at("log/console")).expect("log");
    let mut child = Command::new(library.join("ld-linux-x86-64.so.2"))
        .arg("--library-path")
        .arg(&library)
        .arg(root.join("usr/sbin/asterisk"))
        .args(["-f", "-C"])
        .arg(at("etc/asterisk.conf"))
        .stdin(Stdio::null())
        .stdout(output.try_clone().expect("log"))
        .stderr(output)
        .spawn()
        .expect("start Asterisk");
    let began = Instant::now();
    let stream = loop {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            break stream;
        }
        let ended = child.try_wait().expect("wait");
        if ended.is_some() || began.elapsed() > Duration::from_secs(30) {
            let _ = child.kill();
            let log = fs::read_to_string(at("log/full")).unwrap_or_default();
            let console = fs::read_to_string(at("log/console")).unwrap_or_default();
            panic!("Asterisk did not start ({ended:?}):\n{console}\n{log}");
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("timeout");
    (child, BufReader::new(stream))
}
