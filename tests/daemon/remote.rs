//! Recordings on another server, fetched from a real sshd on loopback with throw-away keys.

use std::fs;
use std::net::TcpStream;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::bed::{Bed, free_port, open_header, speak, uuid_of};

const PATIENCE: Duration = Duration::from_mins(2);
/// Makes an sshd that is started by root find its own folder and a user to let in, in a mount namespace of its own.
const AS_ROOT: &str = "mount -t tmpfs tmpfs /run && mkdir /run/sshd && { cat /etc/passwd; grep -q ^sshd: /etc/passwd || \
    echo sshd:x:65533:65534::/run/sshd:/usr/sbin/nologin; echo recorder:x:65532:65534::/:/bin/sh; } >/run/passwd && \
    mount --bind /run/passwd /etc/passwd && exec \"$@\"";

/// An sshd with its recordings.
struct Server {
    folder: tempfile::TempDir,
    port: u16,
    user: String,
    child: Child,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    std::env::split_paths(&path)
        .chain(["/usr/sbin".into()])
        .chain(cache.map(|cache| cache.join("lineside").join(name).join("usr/sbin")))
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
}

/// `None` where there is no sshd to be had, with the reason said.
fn server() -> Option<Server> {
    server_with("Subsystem sftp internal-sftp")
}

/// The same with this line in its configuration.
fn server_with(line: &str) -> Option<Server> {
    match Server::start(line) {
        Ok(server) => Some(server),
        Err(problem) => {
            eprintln!("skipped: {problem}");
            None
        }
    }
}

impl Server {
    fn start(line: &str) -> Result<Self, String> {
        let sshd = program("sshd").ok_or("there is no sshd: packaging/test unpacks openssh-server")?;
        program("ssh-keygen").ok_or("there is no ssh-keygen: apt-get install openssh-client")?;
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let is_root = rustix::process::geteuid().is_root();
        let place = |name: &str| folder.path().join(name);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())?;
        for name in ["host", "client", "other"] {
            key(&place(name));
        }
        fs::copy(place("client.pub"), place("authorized")).expect("copy");
        fs::create_dir(place("calls")).expect("mkdir");
        let port = free_port();
        let said = |name: &str| place(name).display().to_string();
        let text = format!(
            "Port {port}\nListenAddress 127.0.0.1\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\nPidFile none\n\
             PasswordAuthentication no\n{line}\n",
            said("host"),
            said("authorized")
        );
        fs::write(place("sshd_config"), text).expect("write");
        let log = fs::File::create(place("sshd.log")).expect("log");
        let mut command = Command::new(if is_root { Path::new("unshare") } else { &sshd });
        if is_root {
            command.args(["-m", "sh", "-c", AS_ROOT, "sh"]).arg(&sshd);
        }
        command
            .args(["-D", "-e", "-f"])
            .arg(place("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        let mut child = command.spawn().map_err(|error| format!("sshd: {error}"))?;
        let began = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            let log = || fs::read_to_string(place("sshd.log")).unwrap_or_default();
            if let Ok(Some(status)) = child.try_wait() {
                return Err(format!("sshd does not run here: {status}: {}", log()));
            }
            assert!(began.elapsed() < PATIENCE, "sshd does not answer: {}", log());
            std::thread::sleep(Duration::from_millis(20));
        }
        let user = if is_root { "recorder".into() } else { whoami() };
        let server = Self { folder, port, user, child };
        server.know("host.pub");
        Ok(server)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Has the client know the server by this key.
    fn know(&self, public: &str) {
        let key = fs::read_to_string(self.path(public)).expect("a key");
        let key: Vec<&str> = key.split_whitespace().take(2).collect();
        fs::write(self.path("known_hosts"), format!("[127.0.0.1]:{} {}\n", self.port, key.join(" "))).expect("write");
    }

    /// A recording of these samples.
    fn put(&self, name: &str, samples: &[i16]) {
        let path = self.path("calls").join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        let mut bytes = open_header(1);
        let sizes = [(4, 36 + samples.len() * 2), (40, samples.len() * 2)];
        for (place, size) in sizes {
            bytes[place..place + 4].copy_from_slice(&(size as u32).to_le_bytes());
        }
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        fs::write(path, bytes).expect("write");
    }

    /// A `[[remote]]` for it.
    fn section(&self, template: &str, more: &str) -> String {
        format!(
            "[[remote]]\nname = \"pbx2\"\nhost = \"127.0.0.1\"\nport = {}\nuser = \"{}\"\nkey = \"{}\"\nknown_hosts = \"{}\"\n\
             path = '{}/{template}'\nretry_s = 1\n{more}\n",
            self.port,
            self.user,
            self.path("client").display(),
            self.path("known_hosts").display(),
            self.path("calls").display(),
        )
    }
}

fn whoami() -> String {
    let out = Command::new("id").arg("-un").output().expect("id");
    String::from_utf8_lossy(&out.stdout).trim().to_string()
}

fn key(path: &Path) {
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
}

/// A daemon without a model: nothing is said on these recordings.
fn bed(section: &str) -> Bed {
    let mut bed = Bed::new("absent", section);
    bed.start();
    bed
}

/// Sound that no detector takes for speech, each sample told by its place.
fn murmur(samples: usize) -> Vec<i16> {
    (0..samples).map(|place| ((place * 7919) % 41) as i16 - 20).collect()
}

fn ask(bed: &Bed, call: &str) -> (u16, Value) {
    bed.ask("POST", "/api/v1/fetch", Some(&json!({"call_ids": [call]})))
}

fn fetch_of(bed: &Bed, call: &str) -> Value {
    bed.get(&format!("/api/v1/fetch?call_id={call}"))["fetches"][0].clone()
}

fn until_state(bed: &Bed, call: &str, state: &str) -> Value {
    bed.until(&format!("the recording of {call} is {state}"), PATIENCE, |bed| fetch_of(bed, call)["state"] == state);
    fetch_of(bed, call)
}

/// The samples that a call's first leg has here.
fn heard(bed: &Bed, call: &str) -> Vec<i16> {
    let mut answer =
        ureq::get(format!("http://127.0.0.1:{}/api/v1/calls/{call}/audio", bed.http)).call().expect("audio");
    let bytes = answer.body_mut().with_config().limit(100_000_000).read_to_vec().expect("a body");
    let mut reader = hound::WavReader::new(bytes.as_slice()).expect("a WAV");
    reader.samples().collect::<Result<_, _>>().expect("samples")
}

#[test]
fn a_recording_on_another_server_is_fetched_by_date_and_call_and_becomes_the_calls_once() {
    let Some(server) = server() else { return };
    let call = "1795227645.12";
    let samples = murmur(16_000);
    // It began at 02:20:45 UTC of the 21st.
    let is_known = Path::new("/usr/share/zoneinfo/America/New_York").exists();
    let (zone, day) = if is_known { ("America/New_York", "20") } else { ("UTC", "21") };
    server.put(&format!("it's \"here\" [x]*/2026/11/{day}/1795227645.12 a.wav"), &samples);
    let template = "it's \"here\" [x]*/{date:%Y/%m/%d}/{call_id} a.wav";
    let section = server.section("PLACE", &format!("time_zone = {zone:?}")).replace(
        &format!("'{}/PLACE'", server.path("calls").display()),
        &format!("'''{}/{template}'''", server.path("calls").display()),
    );
    let bed = bed(&section);
    let (status, answer) = ask(&bed, call);
    assert_eq!((status, &answer["refused"]), (202, &json!([])), "{answer}");
    let fetched = until_state(&bed, call, "done");
    assert_eq!((fetched["size"].as_u64(), fetched["problem"].as_str()), (Some(32_044), None), "{fetched}");
    let detail = bed.until_completed(call);
    assert_eq!(detail["start_time"], "2026-11-21T02:20:45.000Z", "as its uniqueid says: {detail}");
    assert_eq!(heard(&bed, call), samples);
    let (status, again) = ask(&bed, call);
    assert_eq!((status, &again["fetches"][0]["state"]), (202, &json!("done")), "asked for twice");
    assert_eq!(bed.get(&format!("/api/v1/calls/{call}"))["legs"].as_array().map(Vec::len), Some(1));
    assert_eq!(fs::read_dir(bed.path("state/remote")).expect("the folder").count(), 0, "nothing is left lying");
    // No name of a call or a file leads out of a folder.
    for id in ["../../etc/passwd", "..", "a/b"] {
        assert_eq!(ask(&bed, id).0, 422, "{id}");
    }
    let out = bed.command(&["fetch", call, "--wait"]).output().expect("run");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(out.status.success() && said.contains("done  32044 of 32044 bytes"), "{said}{out:?}");
}

#[test]
fn a_transfer_that_was_killed_goes_on_where_it_was() {
    let Some(server) = server() else { return };
    let samples = murmur(2_400_000);
    server.put("1795218045.13.wav", &samples);
    let mut bed = bed(&server.section("{call_id}.wav", "limit_kbit = 3000"));
    let call = "1795218045.13";
    ask(&bed, call);
    bed.until("more than 2.6 MB are here", PATIENCE, |bed| fetch_of(bed, call)["got"].as_u64() > Some(2_600_000));
    bed.crash();
    let part = fs::read_dir(bed.path("state/remote")).expect("the folder").flatten().next().expect("a part").path();
    // What is here is not fetched again: a mark in it stays.
    let file = fs::File::options().write(true).open(&part).expect("open");
    file.write_all_at(&[0xd2, 0x04, 0xd2, 0x04], 2044).expect("write");
    let config = fs::read_to_string(bed.path("lineside.toml")).expect("read").replace("limit_kbit = 3000", "");
    fs::write(bed.path("lineside.toml"), config).expect("write");
    bed.start();
    until_state(&bed, call, "done");
    let mut wanted = samples;
    wanted[1000..1002].copy_from_slice(&[1234, 1234]);
    let heard = heard(&bed, call);
    let differs = heard.iter().zip(&wanted).position(|(heard, wanted)| heard != wanted);
    assert_eq!((heard.len(), differs), (wanted.len(), None), "sample by sample, with the mark");
}

#[test]
fn a_host_that_is_not_known_or_another_one_is_not_talked_to_until_its_key_is_right() {
    let Some(server) = server() else { return };
    server.put("a.1.wav", &murmur(8000));
    server.know("other.pub");
    let bed = bed(&server.section("{call_id}.wav", ""));
    ask(&bed, "a.1");
    let problem =
        |bed: &Bed| bed.get("/api/v1/fetch")["remotes"][0]["problem"].as_str().unwrap_or_default().to_string();
    bed.until("the other key is told", PATIENCE, |bed| problem(bed).contains("shows another key"));
    assert!(problem(&bed).contains("ssh-keygen -R '[127.0.0.1]:"), "{}", problem(&bed));
    fs::write(server.path("known_hosts"), "").expect("write");
    bed.until("the unknown key is told", PATIENCE, |bed| problem(bed).contains("ssh-keyscan -p"));
    assert_eq!(fetch_of(&bed, "a.1")["tries"], 0, "it is not the file's fault");
    server.know("host.pub");
    until_state(&bed, "a.1", "done");
    assert_eq!(problem(&bed), "");
}

#[test]
fn a_file_that_is_not_there_is_told_and_fetched_when_it_comes() {
    let Some(server) = server() else { return };
    let bed = bed(&server.section("{call_id}.wav", ""));
    ask(&bed, "a.2");
    bed.until("it is told", PATIENCE, |bed| fetch_of(bed, "a.2")["tries"].as_u64() > Some(0));
    let fetch = fetch_of(&bed, "a.2");
    let problem = fetch["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("there is no such file") && problem.contains("calls/a.2.wav"), "{fetch}");
    // Neither is a text.
    fs::write(server.path("calls/a.3.wav"), "no sound at all, however long one listens to it").expect("write");
    ask(&bed, "a.3");
    let given_up = until_state(&bed, "a.3", "given_up");
    assert!(given_up["problem"].as_str().unwrap_or_default().contains("no recording"), "{given_up}");
    server.put("a.2.wav", &murmur(8000));
    until_state(&bed, "a.2", "done");
}

#[test]
fn a_key_that_is_not_let_in_is_named_and_another_call_that_has_sound_is_left_alone() {
    let Some(server) = server() else { return };
    server.put("20261120-101500_5551234567.wav", &murmur(8000));
    let section = server.section("{call_id}.wav", "").replace("/client\"", "/other\"");
    let mut bed = Bed::new("absent", &section);
    // The call was recorded here.
    let here = bed.path("monitor/20261120-101500_5551234567.wav");
    fs::copy(server.path("calls/20261120-101500_5551234567.wav"), &here).expect("copy");
    bed.start();
    let call = "20261120-101500_5551234567";
    bed.until_completed(call);
    ask(&bed, call);
    until_state(&bed, call, "known");
    ask(&bed, "a.4");
    bed.until("it is told", PATIENCE, |bed| fetch_of(bed, "a.4")["problem"].is_string());
    let fetch = fetch_of(&bed, "a.4");
    let problem = fetch["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("does not let") && problem.contains("/other"), "{fetch}");
    let out = bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&out.stdout);
    assert!(said.contains("remote") && said.contains("host known"), "{said}");
}

#[test]
fn a_recording_that_is_asked_for_while_its_call_runs_waits_for_the_end_and_is_left_alone_where_the_call_was_heard() {
    let Some(server) = server() else { return };
    let call = "1795218045.15";
    server.put(&format!("{call}.wav"), &murmur(8000));
    let bed = bed(&server.section("{call_id}.wav", ""));
    let mut sound = bed.dial(&uuid_of(1_795_218_045, 15, 1));
    speak(&mut sound, &murmur(8000)).expect("speak");
    bed.until("the call runs", PATIENCE, |bed| bed.try_get(&format!("/api/v1/calls/{call}")).is_some());
    ask(&bed, call);
    bed.until("it waits", PATIENCE, |bed| {
        fetch_of(bed, call)["problem"].as_str().is_some_and(|problem| problem.contains("is still running"))
    });
    let waits = fetch_of(&bed, call);
    assert_eq!((&waits["state"], &waits["tries"]), (&json!("waiting"), &json!(0)), "{waits}");
    drop(sound);
    until_state(&bed, call, "known");
}

#[test]
fn a_server_that_lets_us_in_and_has_no_sftp_is_told_with_the_line_that_mends_it() {
    let Some(server) = server_with("# no sftp") else { return };
    server.put("a.6.wav", &murmur(8000));
    let bed = bed(&server.section("{call_id}.wav", ""));
    ask(&bed, "a.6");
    let problem =
        |bed: &Bed| bed.get("/api/v1/fetch")["remotes"][0]["problem"].as_str().unwrap_or_default().to_string();
    bed.until("it is told", PATIENCE, |bed| problem(bed).contains("Subsystem sftp internal-sftp"));
    assert_eq!(fetch_of(&bed, "a.6")["tries"], 0, "it is not the file's fault");
    // scp would not help: today's asks for the same subsystem.
    let (port, file) = (server.port.to_string(), server.path("calls/a.6.wav"));
    let known = format!("UserKnownHostsFile={}", server.path("known_hosts").display());
    let key = format!("IdentityFile={}", server.path("client").display());
    let said = Command::new("scp")
        .args(["-F", "none", "-P", &port, "-o", "BatchMode=yes", "-o", &known, "-o", &key])
        .arg(format!("{}@127.0.0.1:{}", server.user, file.display()))
        .arg(server.path("copy"))
        .output()
        .expect("scp");
    let complaints = String::from_utf8_lossy(&said.stderr).into_owned();
    println!("scp to a server without sftp: {}", complaints.trim());
    assert!(!said.status.success() && complaints.contains("subsystem request failed"), "{complaints}");
}
