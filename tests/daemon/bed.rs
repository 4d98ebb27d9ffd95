//! A daemon on a throw-away folder, and the callers that talk to it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The small model that knows the demo's words. `None` where its voices cannot be rendered, with the reason said.
pub fn demo_model() -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/demo.bin");
    assert!(path.exists(), "{} comes with the source", path.display());
    rendered("lines").inspect_err(|problem| eprintln!("skipped: {problem}")).ok().map(|_| path)
}

/// A folder with what `packaging/demo-model/render` makes of this kind (`lines`, `calls`); made once. An error where espeak-ng or numpy is missing.
pub fn rendered(kind: &str) -> Result<PathBuf, String> {
    static DONE: Mutex<BTreeMap<String, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());
    let mut done = DONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.entry(kind.into()).or_insert_with(|| render(kind)).clone()
}

fn render(kind: &str) -> Result<PathBuf, String> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // What former runs have left.
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix("rendered-").and_then(|rest| rest.split('-').next()?.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new(&format!("/proc/{owner}")).exists()) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
    let folder = root.join(format!("rendered-{}-{kind}", std::process::id()));
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/demo-model/render");
    let made = Command::new(script).arg(kind).arg(&folder).output().expect("run render");
    if made.status.success() {
        return Ok(folder);
    }
    let said = String::from_utf8_lossy(&made.stderr).into_owned();
    let missing = ["apt-get install", "No module named 'numpy'"].iter().any(|sign| said.contains(sign));
    assert!(missing, "packaging/demo-model/render {kind}: {said}");
    Err(said.lines().last().unwrap_or_default().to_string())
}

/// A spoken line: its samples at 8 kHz, and its words.
pub struct Line {
    pub samples: Vec<i16>,
    pub words: String,
}

/// The demo's lines, in order.
pub fn lines() -> Vec<Line> {
    let folder = rendered("lines").expect("the demo's lines");
    let table = std::fs::read_to_string(folder.join("refs.tsv")).unwrap_or_default();
    table
        .lines()
        .filter_map(|line| {
            let mut fields = line.split('\t');
            let (file, words) = (fields.next()?, fields.next()?);
            let mut reader = hound::WavReader::open(folder.join(file)).ok()?;
            Some(Line { samples: reader.samples().filter_map(Result::ok).collect(), words: words.into() })
        })
        .collect()
}

/// Letters and spaces of a text in lower case.
pub fn plain(text: &str) -> String {
    text.to_lowercase().chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect()
}

pub struct Bed {
    pub folder: tempfile::TempDir,
    pub http: u16,
    pub audiosocket: u16,
    pub child: Option<Child>,
    /// What starts the daemon where it is not started by itself: `env NAME=value`, a shell that enters a cgroup.
    pub launcher: Vec<String>,
}

/// A port that nobody listens on. Below those that the kernel gives to clients (Linux: from 32768 on): one of them took it before the daemon did.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    loop {
        let number = std::process::id() * 131 + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = 10_000 + (number % 22_000) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Bed {
    /// A configuration with this model and `more` at its end; nothing runs yet.
    pub fn new(model: &str, more: &str) -> Self {
        let bed = Self {
            folder: tempfile::tempdir().expect("temp dir"),
            http: free_port(),
            audiosocket: free_port(),
            child: None,
            launcher: Vec::new(),
        };
        let (root, http, audiosocket) = (bed.folder.path().display(), bed.http, bed.audiosocket);
        std::fs::create_dir(bed.path("monitor")).expect("mkdir");
        let text = format!(
            "[paths]\nstate = \"{root}/state\"\nrun = \"{root}/run\"\n[http]\nlisten = \"127.0.0.1:{http}\"\nopen = true\n[audiosocket]\n\
             listen = \"127.0.0.1:{audiosocket}\"\n[recordings]\nfolders = [\"{root}/monitor\"]\n[speech]\nmodel = \"{model}\"\n{more}\n"
        );
        std::fs::write(bed.path("lineside.toml"), text).expect("write");
        bed
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut words = self.launcher.iter().map(String::as_str).chain([env!("CARGO_BIN_EXE_lineside")]);
        let mut command = Command::new(words.next().unwrap_or_default());
        command.args(words).arg("--config").arg(self.path("lineside.toml")).args(arguments).env_remove("RUST_LOG");
        command
    }

    /// Starts the daemon and waits until it answers.
    pub fn start(&mut self) {
        let log = File::options().create(true).append(true).open(self.path("log")).expect("log");
        let child = self.command(&["serve"]).stdin(Stdio::null()).stderr(log).spawn().expect("start");
        self.child = Some(child);
        self.until("the daemon answers", Duration::from_secs(30), |bed| {
            let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
            agent.get(format!("http://127.0.0.1:{}/health/models", bed.http)).call().is_ok()
                && std::os::unix::net::UnixStream::connect(bed.path("run/api.sock")).is_ok()
        });
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    /// A signal by its name: -STOP, -CONT.
    pub fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("running").id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().expect("kill").success());
    }

    /// kill -9, as a crash.
    pub fn crash(&mut self) {
        self.signal("-KILL");
        let status = self.child.take().expect("running").wait().expect("wait");
        assert_eq!(status.signal(), Some(9));
    }

    /// SIGTERM, as systemd.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let status = self.child.take().expect("running").wait().expect("wait");
        assert!(status.success(), "{status}\n{}", self.log());
    }

    pub fn try_get(&self, path: &str) -> Option<Value> {
        let mut response = ureq::get(format!("http://127.0.0.1:{}{path}", self.http)).call().ok()?;
        serde_json::from_str(&response.body_mut().read_to_string().ok()?).ok()
    }

    pub fn get(&self, path: &str) -> Value {
        self.try_get(path).unwrap_or_else(|| panic!("GET {path}\n{}", self.log()))
    }

    /// Status and body, also of an error.
    pub fn ask(&self, method: &str, path: &str, body: Option<&Value>) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("http://127.0.0.1:{}{path}", self.http);
        let sent = match (method, body) {
            ("POST", Some(body)) => agent.post(&url).header("Content-Type", "application/json").send(body.to_string()),
            ("POST", None) => agent.post(&url).send_empty(),
            ("DELETE", _) => agent.delete(&url).call(),
            _ => agent.get(&url).call(),
        };
        let mut response = sent.expect("an answer");
        (
            response.status().as_u16(),
            serde_json::from_str(&response.body_mut().read_to_string().unwrap_or_default()).unwrap_or_default(),
        )
    }

    /// Posts a body of JSON as it is written here.
    pub fn ask_text(&self, path: &str, body: &str) -> (u16, Value) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let post = agent.post(format!("http://127.0.0.1:{}{path}", self.http));
        let mut response = post.header("Content-Type", "application/json").send(body).expect("an answer");
        let text = response.body_mut().read_to_string().unwrap_or_default();
        (response.status().as_u16(), serde_json::from_str(&text).unwrap_or_default())
    }

    /// Waits for something to become true; a slow machine gets its time.
    pub fn until(&self, what: &str, patience: Duration, mut is: impl FnMut(&Self) -> bool) {
        let began = Instant::now();
        while !is(self) {
            assert!(began.elapsed() < patience, "not within {patience:?}: {what}\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn until_completed(&self, call: &str) -> Value {
        let path = format!("/api/v1/calls/{call}");
        self.until(&format!("call {call} is completed"), Duration::from_mins(10), |bed| {
            bed.try_get(&path).is_some_and(|call| call["status"] == "completed")
        });
        self.get(&path)
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.audiosocket)).expect("connect")
    }

    /// An AudioSocket connection that has said who it is.
    pub fn dial(&self, uuid: &str) -> TcpStream {
        let mut stream = self.connect();
        let mut hello = vec![1, 0, 16];
        hello.extend(uuid.parse::<uuid::Uuid>().expect("uuid").as_bytes());
        stream.write_all(&hello).expect("hello");
        stream
    }
}

impl Drop for Bed {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("the daemon's log:\n{}", self.log());
        }
    }
}

/// The UUID of a uniqueid's leg: 0 mixed, 1 agent, 2 caller.
pub fn uuid_of(epoch: u64, sequence: u64, leg: u8) -> String {
    let epoch = epoch.to_string();
    format!("{}-{}00-8{leg}00-8000-{sequence:012}", &epoch[..8], &epoch[8..])
}

/// Frames of 20 ms, in real time; ends early when the other side is gone.
pub fn speak(stream: &mut TcpStream, samples: &[i16]) -> std::io::Result<()> {
    let start = Instant::now();
    for (number, frame) in samples.chunks(160).enumerate() {
        let due = Duration::from_millis(20 * number as u64);
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        let mut bytes = vec![0x10, (frame.len() * 2 / 256) as u8, (frame.len() * 2 % 256) as u8];
        bytes.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        stream.write_all(&bytes)?;
    }
    Ok(())
}

/// The header of a WAV of which no size is known yet, as Asterisk writes it.
pub fn open_header(channels: u16) -> Vec<u8> {
    let mut header = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0".to_vec();
    header.extend(channels.to_le_bytes());
    header.extend(8000_u32.to_le_bytes());
    header.extend((8000 * 2 * u32::from(channels)).to_le_bytes());
    header.extend((2 * channels).to_le_bytes());
    header.extend(b"\x10\0data\0\0\0\0");
    header
}

/// A recording that grows in steps of 32 KiB in real time, as MixMonitor's do.
pub fn record(path: &Path, samples: &[i16]) {
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let mut file = File::create(path).expect("create");
    file.write_all(&open_header(1)).expect("write");
    for step in bytes.chunks(32_768) {
        std::thread::sleep(Duration::from_millis(step.len() as u64 / 16));
        file.write_all(step).expect("write");
    }
}

pub fn read_all(stream: &mut TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stream.set_read_timeout(Some(Duration::from_secs(20)));
    let _ = stream.read_to_end(&mut bytes);
    bytes
}
