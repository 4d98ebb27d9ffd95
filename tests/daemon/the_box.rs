//! What the box itself does to the daemon: descriptors that run out, folders that cannot be read, a damaged database, a state folder that is moved
//! away; and what the commands say about it.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::{self, Bed, free_port, uuid_of};

/// As many frames as the samples make, at once.
fn send(stream: &mut std::net::TcpStream, samples: &[i16]) -> std::io::Result<()> {
    for frame in samples.chunks(160) {
        let mut bytes = vec![0x10, (frame.len() * 2 / 256) as u8, (frame.len() * 2 % 256) as u8];
        bytes.extend(frame.iter().flat_map(|sample| sample.to_le_bytes()));
        stream.write_all(&bytes)?;
    }
    Ok(())
}

fn open_files(bed: &Bed) -> usize {
    let pid = bed.child.as_ref().expect("running").id();
    std::fs::read_dir(format!("/proc/{pid}/fd")).expect("fd").count()
}

/// What a command says, and its exit code.
fn run(bed: &Bed, arguments: &[&str]) -> (i32, String) {
    let output = bed.command(arguments).stdin(Stdio::null()).output().expect("run");
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code().unwrap_or(-1), said)
}

/// The checks of `lineside doctor` that are BAD: check, found, mend.
fn doctor(bed: &Bed) -> Vec<(String, String, String)> {
    let output = bed.command(&["doctor", "--json"]).output().expect("run");
    let checks: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let text = |check: &Value, key: &str| check[key].as_str().unwrap_or_default().to_string();
    let bad = checks.as_array().expect("list").iter().filter(|check| check["state"] == "bad");
    bad.map(|check| (text(check, "check"), text(check, "found"), text(check, "mend"))).collect()
}

fn mend<'a>(checks: &'a [(String, String, String)], what: &str) -> &'a str {
    &checks.iter().find(|check| check.0 == what).unwrap_or_else(|| panic!("{what} is not BAD: {checks:#?}")).2
}

#[test]
fn calls_that_find_no_descriptor_wait_and_lose_nothing() {
    const CALLS: u64 = 60;
    let Some(model) = bed::demo_model() else { return };
    let line = &bed::lines()[6];
    // How many a leg takes, where there are enough.
    let mut roomy = Bed::new("none", "");
    roomy.start();
    let before = open_files(&roomy);
    let mut open: Vec<_> = (0..20).map(|number| roomy.dial(&uuid_of(1_795_218_045, 900 + number, 1))).collect();
    for stream in &mut open {
        send(stream, &line.samples).expect("sent");
    }
    roomy.until("all are written", Duration::from_mins(1), |bed| {
        let days = std::fs::read_dir(bed.path("state/spool")).into_iter().flatten().flatten();
        let files = days.flat_map(|day| std::fs::read_dir(day.path()).into_iter().flatten().flatten());
        files.filter(|file| file.metadata().is_ok_and(|meta| meta.len() > 8000)).count() == 20
    });
    std::thread::sleep(Duration::from_secs(2)); // the listener has come by
    let of_a_leg = (open_files(&roomy) - before) as f64 / 20.0;
    assert!(of_a_leg < 2.3, "{of_a_leg} descriptors a leg");
    drop(open);
    drop(roomy);

    let mut bed = Bed::new(&model.display().to_string(), "");
    bed.launcher = ["prlimit", "--nofile=130:130"].map(String::from).to_vec();
    bed.start();
    let mut calls: Vec<_> = (0..CALLS).map(|number| bed.dial(&uuid_of(1_795_218_045, 100 + number, 1))).collect();
    for stream in &mut calls {
        send(stream, &line.samples).expect("nobody is hung up on");
    }
    bed.until("the shortage is said", Duration::from_mins(1), |bed| bed.log().contains("LimitNOFILE"));
    let health = bed.get("/health");
    assert_eq!((&health["status"], &health["files"]["limit"]), (&"degraded".into(), &130.into()), "{health}");
    drop(calls);
    let mut with_text = 0;
    for number in 0..CALLS {
        let call = bed.until_completed(&format!("1795218045.{}", 100 + number));
        // Of the leg: the call begins with its UUID, and its sound comes as soon as the machine gets to it.
        let length = call["legs"][0]["duration"].as_f64().unwrap_or(0.0);
        assert!((length - line.samples.len() as f64 / 8000.0).abs() < 0.1, "{call}");
        with_text += u64::from(call["segment_count"].as_u64().unwrap_or(0) > 0);
    }
    assert_eq!(with_text, CALLS, "{}", bed.log());
    bed.until("files are closed", Duration::from_secs(30), |bed| bed.get("/health")["files"]["ok"] == true);
    bed.stop();
    println!(
        "mended | 42 | a leg took 2 to 2.5 descriptors, without one calls were reset or ended without text | {of_a_leg:.1} a leg; {CALLS} calls at 130 \
         files: {with_text} whole with their text, /health degraded meanwhile"
    );
}

#[test]
fn folders_that_are_missing_or_cannot_be_read_are_said_once_and_degrade_health() {
    let mut bed = Bed::new("none", "");
    let (monitor, locked) = (bed.path("monitor"), bed.path("locked"));
    std::fs::remove_dir(&monitor).expect("rmdir");
    std::fs::create_dir(&locked).expect("mkdir");
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o000)).expect("chmod");
    let config = std::fs::read_to_string(bed.path("lineside.toml")).expect("read");
    let folders = format!("folders = [\"{}\", \"{}\"]", monitor.display(), locked.display());
    let config = config.replace(&format!("folders = [\"{}\"]", monitor.display()), &folders);
    std::fs::write(bed.path("lineside.toml"), config).expect("write");
    let root = rustix::process::geteuid().is_root();
    if root {
        // Root may read everything: the daemon runs as somebody else.
        let all = Command::new("chown").arg("65534:65534").arg(bed.folder.path()).status().expect("chown");
        assert!(all.success());
        bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
    }
    bed.start();
    let troubled = |bed: &Bed| bed.get("/health")["recordings"].as_array().map_or(0, Vec::len);
    bed.until("both are told", Duration::from_secs(20), |bed| troubled(bed) == 2);
    let health = bed.get("/health");
    assert_eq!(health["status"], "degraded");
    let checks = doctor(&bed);
    assert!(mend(&checks, "recordings").contains("mkdir -p"), "{checks:#?}");
    std::thread::sleep(Duration::from_secs(13)); // they are looked for every 5 s
    let said = |folder: &Path| bed.log().lines().filter(|line| line.contains(&folder.display().to_string())).count();
    let lines = (said(&monitor), said(&locked));
    assert_eq!(lines, (1, 1), "{}", bed.log());
    std::fs::create_dir(&monitor).expect("mkdir");
    if root {
        assert!(Command::new("chown").arg("65534:65534").arg(&monitor).status().expect("chown").success());
    }
    std::fs::set_permissions(&locked, std::fs::Permissions::from_mode(0o755)).expect("chmod");
    bed.until("both are well", Duration::from_secs(20), |bed| troubled(bed) == 0);
    bed.stop();
    println!(
        "mended | 28 | a missing folder was silent, one that cannot be read logged every 5 s, health ok | {} lines each in 13 s, /health degraded with \
         the folder, well again when it is there",
        lines.0
    );
}

/// Overwrites the root page of an index.
fn break_index(database: &Path, index: &str) {
    let db = rusqlite::Connection::open(database).expect("open");
    let (page, size): (i64, i64) = db
        .query_row(
            "SELECT rootpage, (SELECT page_size FROM pragma_page_size) FROM sqlite_master WHERE name = ?1",
            [index],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )
        .expect("index");
    drop(db);
    let file = std::fs::File::options().write(true).open(database).expect("open");
    std::os::unix::fs::FileExt::write_all_at(&file, &vec![0xa5; size as usize], ((page - 1) * size) as u64)
        .expect("write");
}

#[test]
fn a_damaged_index_is_told_as_what_it_is_and_repaired() {
    let mut bed = Bed::new("none", "");
    bed.start();
    bed.stop();
    break_index(&bed.path("state/lineside.db"), "sqlite_autoindex_call_1");
    bed.start();
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 1, 1));
    send(&mut stream, &vec![1000; 16_000]).expect("taken");
    bed.until("health tells", Duration::from_secs(30), |bed| bed.get("/health")["status"] == "degraded");
    bed.until("the problem is named", Duration::from_secs(30), |bed| {
        !bed.get("/health")["database"]["problem"].is_null()
    });
    let problem = bed.get("/health")["database"]["problem"].as_str().expect("problem").to_string();
    assert!(problem.contains("malformed") && problem.contains("lineside check --repair"), "{problem}");
    assert!(!bed.log().contains("free space"), "{}", bed.log());
    drop(stream);
    let began = Instant::now();
    bed.stop();
    let stopped = began.elapsed();
    let (code, said) = run(&bed, &["check"]);
    assert!(code == 1 && said.contains("--repair"), "{code} {said}");
    let (_, said) = run(&bed, &["check", "--repair"]);
    assert!(said.contains("made anew"), "{said}");
    // The sound of the call that waited is the daemon's to take.
    let (_, said) = run(&bed, &["check"]);
    assert!(said.contains("1 findings") && said.contains("the daemon takes it at its next start"), "{said}");
    bed.start();
    let call = bed.until_completed("1795218045.1");
    assert!(
        (call["total_audio_duration"].as_f64().unwrap_or(0.0) - 2.0).abs() < 0.1,
        "its sound waited on disk: {call}"
    );
    assert_eq!(bed.get("/health")["database"]["ok"], true);
    bed.stop();
    println!(
        "mended | 46 | writes hung for ever with \"free space on that disk\", health ok | degraded with \"check --repair\", stopped in {:.1} s, repaired, \
         and the call of then is whole",
        stopped.as_secs_f64()
    );
}

#[test]
fn a_state_folder_that_is_moved_away_is_told_and_no_second_daemon_starts() {
    let mut bed = Bed::new("none", "");
    bed.start();
    std::fs::rename(bed.path("state"), bed.path("moved")).expect("rename");
    let began = Instant::now();
    bed.until("it is told", Duration::from_secs(40), |bed| !bed.get("/health")["database"]["problem"].is_null());
    let told = began.elapsed();
    let problem = bed.get("/health")["database"]["problem"].to_string();
    assert!(problem.contains("lineside.db") && problem.contains("restart lineside"), "{problem}");
    // Other ports: only the folders are the same.
    let config = std::fs::read_to_string(bed.path("lineside.toml")).expect("read");
    let other = config
        .replace(&bed.http.to_string(), &free_port().to_string())
        .replace(&bed.audiosocket.to_string(), &free_port().to_string());
    std::fs::write(bed.path("other.toml"), other).expect("write");
    let second = Command::new(env!("CARGO_BIN_EXE_lineside"))
        .args(["--config", &bed.path("other.toml").display().to_string(), "serve"])
        .output()
        .expect("run");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(!second.status.success() && said.contains("another lineside is running"), "{said}");
    std::fs::remove_dir_all(bed.path("state")).ok();
    std::fs::rename(bed.path("moved"), bed.path("state")).expect("back");
    bed.until("it is well", Duration::from_secs(40), |bed| bed.get("/health")["database"]["problem"].is_null());
    bed.stop();
    println!(
        "mended | 47 | a state folder moved away under the daemon went unnoticed, and a second daemon started | told after {:.0} s in /health and log, \
         the second is refused",
        told.as_secs_f64()
    );
}

#[test]
fn doctor_names_the_mend_that_helps() {
    let mut told = 0;
    // A folder of recordings that is not there; no daemon.
    let bed = Bed::new("none", "");
    std::fs::remove_dir(bed.path("monitor")).expect("rmdir");
    let checks = doctor(&bed);
    assert!(mend(&checks, "recordings").contains("mkdir -p"), "{checks:#?}");
    assert!(mend(&checks, "state folder").contains("install -d"), "{checks:#?}");
    told += 2;
    // A port that somebody else has.
    std::fs::create_dir_all(bed.path("state")).expect("mkdir");
    std::fs::create_dir_all(bed.path("monitor")).expect("mkdir");
    let holder = std::net::TcpListener::bind(("127.0.0.1", bed.http)).expect("bind");
    let checks = doctor(&bed);
    let pid = format!("(pid {}", std::process::id()); // we have it
    assert!(checks.iter().any(|check| check.0 == "port" && check.1.contains(&pid)), "{checks:#?}");
    assert!(mend(&checks, "port").contains("[http] listen"), "{checks:#?}");
    assert!(mend(&checks, "daemon").contains("mend what is BAD"), "{checks:#?}");
    drop(holder);
    let checks = doctor(&bed);
    assert!(mend(&checks, "daemon").contains("systemctl start"), "{checks:#?}");
    told += 2;
    // A socket that may not be opened.
    let mut bed = bed;
    bed.start();
    if rustix::process::geteuid().is_root() {
        std::fs::set_permissions(bed.folder.path(), std::fs::Permissions::from_mode(0o755)).expect("chmod");
        bed.launcher = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"].map(String::from).to_vec();
    } else {
        std::fs::set_permissions(bed.path("run/api.sock"), std::fs::Permissions::from_mode(0o000)).expect("chmod");
    }
    let checks = doctor(&bed);
    assert!(mend(&checks, "daemon").contains("usermod -aG lineside"), "{checks:#?}");
    bed.launcher.clear();
    bed.stop();
    told += 1;
    // A configuration that is broken: nothing is said of what it would have told.
    let good = std::fs::read_to_string(bed.path("lineside.toml")).expect("read");
    std::fs::write(bed.path("lineside.toml"), format!("{good}\n[speech]\nmodle = 1\n")).expect("write");
    let checks = doctor(&bed);
    assert!(mend(&checks, "configuration").contains("systemctl restart lineside"), "{checks:#?}");
    assert_eq!(checks.len(), 1, "{checks:#?}");
    assert_eq!(run(&bed, &["serve"]).0, 78);
    // A pack that is.
    let packs = bed.path("packs");
    std::fs::create_dir(&packs).expect("mkdir");
    std::fs::write(packs.join("own.toml"), "nonsense = [").expect("write");
    std::fs::write(bed.path("lineside.toml"), format!("{good}\n[text]\npacks = \"{}\"\n", packs.display()))
        .expect("write");
    let checks = doctor(&bed);
    assert!(mend(&checks, "packs").contains("start lineside"), "{checks:#?}");
    assert!(mend(&checks, "daemon").contains("mend what is BAD"), "{checks:#?}");
    let (code, said) = run(&bed, &["serve"]);
    assert_eq!(code, 78, "{said}");
    told += 2;
    println!(
        "mended | 30 | doctor's mends for folder, port, socket, configuration and pack did not help | {told} of {told} name what does; a bad pack ends with 78"
    );
}

#[test]
fn the_daemon_sends_the_test_of_a_notifier_not_the_shell() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    let port = listener.local_addr().expect("address").port();
    let mut bed = Bed::new(
        "none",
        &format!(
            "[[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/x\"\nsecret = \"0123456789abcdef\"\n"
        ),
    );
    bed.start();
    let daemon = bed.child.as_ref().expect("running").id();
    let answering = std::thread::spawn(move || {
        let (mut stream, peer) = listener.accept().expect("accept");
        let mut piece = [0; 4096];
        let got = stream.read(&mut piece).expect("request");
        // While it waits for its answer: whose socket is it?
        let table = std::fs::read_to_string("/proc/net/tcp").expect("table");
        // Another test's connection may have the same port at its own end.
        let ends = [peer.port(), port].map(|port| format!("0100007F:{port:04X}"));
        let is_it = |line: &&str| line.split_whitespace().skip(1).take(2).eq(ends.iter().map(String::as_str));
        let inode = table.lines().find(is_it).expect("socket");
        let inode = format!("socket:[{}]", inode.split_whitespace().nth(9).expect("inode"));
        let of_daemon = std::fs::read_dir(format!("/proc/{daemon}/fd")).expect("fd").flatten();
        let is_daemons =
            of_daemon.filter_map(|fd| std::fs::read_link(fd.path()).ok()).any(|link| link == Path::new(&inode));
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answer");
        (got > 0, is_daemons)
    });
    let (code, said) = run(&bed, &["notify", "test"]);
    assert_eq!((code, said.as_str()), (0, "hook: sent\n"));
    assert_eq!(answering.join().expect("served"), (true, true), "the daemon's own connection");
    let (code, said) = run(&bed, &["notify", "test", "other"]);
    assert!(code == 1 && said.contains("hook"), "{said}");
    bed.stop();
    println!(
        "mended | 29 | notify test sent from the shell, which no unit restrains | the daemon sent it (its socket), and says so when none runs"
    );
}

/// What a command shows on a terminal of so many columns without colour, and what it asks there.
fn on_a_terminal(bed: &Bed, columns: u32, arguments: &[&str], answer: &str) -> Option<String> {
    shown_there(bed, columns, arguments, answer, &[("NO_COLOR", "1")])
}

/// The same, with what the environment says of colour.
fn shown_there(
    bed: &Bed,
    columns: u32,
    arguments: &[&str],
    answer: &str,
    environment: &[(&str, &str)],
) -> Option<String> {
    let script = "import os, pty, sys, fcntl, termios, struct\n\
        columns, answer, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]\n\
        pid, fd = pty.fork()\n\
        if pid == 0:\n    os.execvp(words[0], words)\n\
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 50, columns, 0, 0))\n\
        os.write(fd, answer.encode())\n\
        out = b''\n\
        while True:\n    try:\n        piece = os.read(fd, 65536)\n    except OSError:\n        break\n    if not piece:\n        break\n    out += piece\n\
        os.waitpid(pid, 0)\n\
        sys.stdout.write(out.decode())\n";
    // The size must be there before the command looks: a shell waits for it.
    let command = bed.command(arguments);
    let words: Vec<String> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| format!("'{}'", word.to_string_lossy()))
        .collect();
    let output = Command::new("python3")
        .args(["-c", script, &columns.to_string(), answer, "sh", "-c", &format!("sleep 0.3; exec {}", words.join(" "))])
        .env_remove("NO_COLOR")
        .env("TERM", "xterm")
        .envs(environment.iter().copied())
        .output()
        .ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A call of another platform with alerts.
fn said(bed: &Bed, call: &str, agent: &str, text: &str) {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs();
    let body = json!({"call_id": call, "speaker": "customer", "text": text, "timestamp": now, "agent_id": agent});
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&body));
    assert!((200..300).contains(&status), "{status} {answer}");
}

/// A line without its codes of colour. Each code has to be whole, and what is coloured ends with its line.
fn uncoloured(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    let mut is_coloured = false;
    for part in parts {
        let code = part.strip_prefix('[').and_then(|rest| rest.split_once('m'));
        let (code, text) = code.unwrap_or_else(|| panic!("a code is cut: {line:?}"));
        assert!(code.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'), "no code of colour: {line:?}");
        is_coloured = code != "0";
        plain.push_str(text);
    }
    assert!(!is_coloured, "the colour goes on into the next line: {line:?}");
    plain
}

/// A call that is over, with a review and a dispute.
fn disputed(bed: &Bed, call: &str) {
    for (speaker, text, status) in [
        ("agent", "Good morning, this call may be recorded. How can I help you?", "active"),
        ("customer", "I am calling about my bill, and I am not happy with it at all", "active"),
        ("agent", "Anything else? Have a nice day.", "ended"),
    ] {
        let event = json!({"provider": "test", "call_id": call, "speaker": speaker, "text": text, "agent_id": "john", "status": status});
        assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    }
    bed.until_completed(call);
    let review = json!({"rules": [{"rule": "greeting", "points": 0, "comment": "too late"}]});
    let (status, answer) = bed.ask("PUT", &format!("/api/v1/calls/{call}/reviews"), Some(&review));
    assert_eq!(status, 200, "{answer}");
    let text = "The caller had spoken before me, and the recording of the other line has my greeting in its first three seconds";
    let dispute = json!({"rule": "greeting", "text": text});
    let (status, answer) = bed.ask("POST", &format!("/api/v1/calls/{call}/disputes"), Some(&dispute));
    assert_eq!(status, 200, "{answer}");
}

/// Every command that lists something, with what has to stand whole on a line of it.
fn lists(ids: [&'static str; 2]) -> Vec<(Vec<&'static str>, Vec<&'static str>)> {
    vec![
        (vec!["calls"], ids.to_vec()),
        (vec!["search", "supervisor"], ids.to_vec()),
        (vec!["alerts"], ids.to_vec()),
        (vec!["agent"], vec!["john"]),
        (vec!["agent", "john"], vec!["total"]),
        (vec!["show", ids[1]], vec![ids[1]]),
        (vec!["show", "D-1"], vec!["D-1"]),
        (vec!["transcript", ids[0]], vec![ids[0]]),
        (vec!["reviews"], vec!["greeting", "D-1"]),
        (vec!["process", "--status", "D-1"], vec!["D-1"]),
        (vec!["token", "list"], vec!["a-supervisor-of-the-night-shift", "read,operate,ingest"]),
        (vec!["audit"], vec![]),
        (vec!["coverage"], vec![]),
        (vec!["fetch"], vec![]),
        (vec!["taps"], vec![]),
        (vec!["vici", "sent"], vec![]),
        (vec!["model", "list"], vec!["base.en-q8_0"]),
        (vec!["doctor"], vec!["configuration"]),
    ]
}

/// Runs every list at both widths, plain and in colour, prints each, and says how many fitted.
fn every_list(bed: &Bed, ids: [&'static str; 2]) -> usize {
    let (mut looked, mut coloured) = (0, 0);
    for columns in [80_u32, 120] {
        for (command, whole) in lists(ids) {
            for environment in [&[("NO_COLOR", "1")][..], &[]] {
                let shown = shown_there(bed, columns, &command, "", environment).expect("shown").replace('\r', "");
                let what = format!("lineside {} at {columns} columns", command.join(" "));
                let plain: Vec<String> = shown.lines().map(uncoloured).collect();
                coloured += usize::from(shown.contains('\u{1b}'));
                assert!(environment.is_empty() || !shown.contains('\u{1b}'), "{what}: {shown:?}");
                assert!(!plain.is_empty() && !shown.contains('\u{7}'), "{what}: {shown:?}");
                for id in &whole {
                    assert!(plain.iter().any(|line| line.contains(id)), "{what}: {id} is broken:\n{shown}");
                }
                // What is said in the place of a list goes to stderr, which the terminal breaks.
                for line in plain.iter().filter(|line| !line.starts_with("lineside: ")) {
                    let length = line.chars().count();
                    let longest = line.split(' ').map(|word| word.chars().count()).max().unwrap_or(0);
                    assert!(length <= columns as usize || longest > 40, "{what}: {length}: {line}\n{shown}");
                }
                if !environment.is_empty() {
                    println!("--- {what}\n{}", plain.join("\n"));
                }
                looked += 1;
            }
        }
    }
    assert!(coloured > 4, "{coloured} of {looked} have colour");
    looked
}

#[test]
fn lists_fit_the_terminal_and_what_was_said_does_not_steer_it() {
    if Command::new("python3").arg("--version").output().is_err() {
        return println!("skipped: no python3 for a terminal");
    }
    let mut bed = Bed::new("none", "");
    bed.start();
    let ids = ["7c9e6679-7425-40de-944b-e07fc1f90ae7", "1795218045.77"];
    for id in ids {
        said(
            &bed,
            id,
            "mary\tann\u{1b}[2J",
            "I want to speak to a supervisor, this is a scam and I will sue you \u{1b}]0;owned\u{7}",
        );
    }
    bed.until("alerts are raised", Duration::from_secs(30), |bed| {
        bed.get("/api/v1/alerts")["alerts"].as_array().is_some_and(|alerts| alerts.len() >= 2)
    });
    disputed(&bed, "D-1");
    for arguments in [
        &["token", "add", "a-supervisor-of-the-night-shift", "--scope", "read,operate,ingest", "--expires", "90d"][..],
        &["token", "add", "sales", "--campaign", "SALES"],
    ] {
        assert_eq!(run(&bed, arguments).0, 0, "{arguments:?}");
    }
    let looked = every_list(&bed, ids);
    for columns in [80_u32, 120] {
        let shown = on_a_terminal(&bed, columns, &["calls"], "").expect("shown").replace('\r', "");
        for call in bed.get("/api/v1/calls")["calls"].as_array().expect("calls") {
            let began: jiff::Timestamp = call["start_time"].as_str().and_then(|at| at.parse().ok()).expect("time");
            let date = began.to_zoned(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string();
            assert!(shown.lines().any(|line| line.contains(&date)), "{columns}: {date} is broken:\n{shown}");
        }
    }
    for command in [&["show", ids[1]][..], &["search", "supervisor"], &["calls", "--tsv"], &["alerts", "--tsv"]] {
        let (_, shown) = run(&bed, command);
        assert!(!shown.contains('\u{1b}') && !shown.contains('\u{7}'), "{command:?}: {shown:?}");
        if command.contains(&"--tsv") {
            let fields: Vec<usize> = shown.lines().map(|line| line.split('\t').count()).collect();
            let wanted = if command[0] == "calls" { 10 } else { 9 };
            assert!(
                fields.len() >= 2 && fields.iter().all(|&count| count == wanted),
                "{command:?}: {fields:?} {shown:?}"
            );
        }
    }
    assert!(!bed.log().contains('\u{1b}'), "{:?}", bed.log());
    bed.stop();
    println!(
        "mended | 32 | lists of 80 and 120 columns were garbled, ids and dates broken | {looked} of {looked} lists fit, each id and date whole on a line"
    );
    println!(
        "mended | 47 | escapes of what was said or named reached terminal and log, tabs broke TSV rows | made visible in alerts, calls, show and search, TSV rows have 9 fields"
    );
}

#[test]
fn nothing_is_erased_before_somebody_says_so() {
    let mut bed = Bed::new("none", "");
    bed.start();
    for id in ["E-1", "E-2", "E-3"] {
        said(&bed, id, "mary", "Good morning to you all");
        bed.ask("POST", &format!("/api/v1/calls/{id}/end"), None);
    }
    let there = |bed: &Bed, id: &str| bed.ask("GET", &format!("/api/v1/calls/{id}"), None).0 == 200;
    bed.until("they are over", Duration::from_mins(4), |bed| {
        ["E-1", "E-2", "E-3"].iter().all(|id| bed.get(&format!("/api/v1/calls/{id}"))["status"] != "active")
    });
    let (code, said) = run(&bed, &["calls", "delete", "E-1"]);
    assert!(code != 0 && said.contains("--yes") && there(&bed, "E-1"), "{code} {said}");
    let (code, said) = run(&bed, &["forget", "--call", "E-1"]);
    assert!(code != 0 && said.contains("--yes") && there(&bed, "E-1"), "{code} {said}");
    let mut asked = 2;
    if let Some(said) = on_a_terminal(&bed, 100, &["calls", "delete", "E-2"], "n\n") {
        assert!(said.contains("[y/N]") && said.contains("nothing was changed") && there(&bed, "E-2"), "{said}");
        let said = on_a_terminal(&bed, 100, &["forget", "--call", "E-2"], "y\n").expect("asked");
        assert!(said.contains("[y/N]") && !there(&bed, "E-2"), "{said}");
        asked += 2;
    }
    let (code, said) = run(&bed, &["calls", "delete", "--yes", "E-1"]);
    assert!(code == 0 && !there(&bed, "E-1"), "{said}");
    let (_, said) = run(&bed, &["forget", "--yes", "--call", "E-3"]);
    assert!(!there(&bed, "E-3"), "{said}");
    bed.stop();
    println!(
        "mended | 33 | calls delete and forget erased at once | asked {asked} of {asked} times; without a terminal they want --yes"
    );
}

#[test]
fn checks_call_nothing_missing_that_never_was_and_a_line_changes_its_rate_not_for_ever() {
    let mut bed = Bed::new("none", "");
    bed.start();
    said(&bed, "T-1", "mary", "Text alone, without any sound");
    let mut stream = bed.dial(&uuid_of(1_795_218_045, 3, 1));
    let mut sent = 0;
    for number in 0..3000_u32 {
        // Two rates by turns: kinds 0x10 and 0x12 are 8 and 16 kHz.
        let kind = if number % 2 == 0 { 0x10 } else { 0x12 };
        let mut frame = vec![kind, 1, 64];
        frame.extend([0x11; 320]);
        if stream.write_all(&frame).is_err() {
            break;
        }
        sent += 1;
    }
    drop(stream);
    bed.until("it was sent away", Duration::from_mins(1), |bed| bed.log().contains("changed its rate"));
    bed.until("its legs are known", Duration::from_mins(1), |bed| {
        bed.try_get("/api/v1/calls/1795218045.3").is_some_and(|call| call["status"] != "active")
    });
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let count = "SELECT count(*) FROM leg JOIN call ON call.id = leg.call WHERE call.call_id = '1795218045.3'";
    let legs: i64 = db.query_row(count, [], |row| row.get(0)).expect("count");
    drop(db);
    assert!((2..=20).contains(&legs), "{legs} legs of {sent} frames");
    let (code, said) = run(&bed, &["check"]);
    assert!(code == 0 && said.contains("0 findings"), "{code} {said}");
    println!("mended | 47 | 3,000 rate changes made 3,000 legs | {legs} legs, then the connection is closed");
    println!("mended | 47 | check called the leg of every call without sound missing | 0 findings");
}

#[test]
fn answers_with_calls_are_not_kept_and_a_token_that_only_operates_reads_no_alert() {
    let mut bed = Bed::new("none", "");
    let config =
        std::fs::read_to_string(bed.path("lineside.toml")).expect("read").replace("open = true", "open = false");
    std::fs::write(bed.path("lineside.toml"), config).expect("write");
    let token = |name: &str, scope: &str| {
        let (code, said) = run(&bed, &["token", "add", name, "--scope", scope]);
        assert_eq!(code, 0, "{said}");
        said.split_whitespace().find(|word| word.starts_with("lineside_")).expect("a token").to_string()
    };
    let (all, operate) = (token("all", "read,operate,ingest"), token("op", "operate"));
    let ingest = token("in", "ingest");
    bed.start();
    let ask = |token: &str, method: &str, path: &str, body: Option<Value>| {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let url = format!("http://127.0.0.1:{}{path}", bed.http);
        let bearer = format!("Bearer {token}");
        let mut answer = match (method, body) {
            ("POST", Some(body)) => agent
                .post(&url)
                .header("Authorization", &bearer)
                .header("Content-Type", "application/json")
                .send(body.to_string()),
            ("POST", None) => agent.post(&url).header("Authorization", &bearer).send_empty(),
            _ => agent.get(&url).header("Authorization", &bearer).call(),
        }
        .expect("answer");
        let kept =
            answer.headers().get("cache-control").and_then(|value| value.to_str().ok()).unwrap_or("").to_string();
        (answer.status().as_u16(), kept, answer.body_mut().read_to_string().unwrap_or_default())
    };
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("now").as_secs();
    let words = "=HYPERLINK(1) I want a supervisor; \u{200b}=1+1 this is a scam";
    let event = json!({"call_id": "A-1", "speaker": "customer", "text": words, "timestamp": now});
    let (status, _, said) = ask(&all, "POST", "/api/realtime/events", Some(event));
    assert!((200..300).contains(&status), "{said}");
    let began = Instant::now();
    let alert = loop {
        let (_, kept, said) = ask(&all, "GET", "/api/v1/alerts", None);
        assert_eq!(kept, "no-store");
        let list: Value = serde_json::from_str(&said).unwrap_or_default();
        if let Some(id) = list["alerts"][0]["id"].as_i64() {
            break id;
        }
        assert!(began.elapsed().as_secs() < 30, "no alert: {said}");
        std::thread::sleep(Duration::from_millis(200));
    };
    for path in ["/calls/A-1/export?format=csv", "/api/v1/calls/A-1/export?format=text", "/metrics"] {
        let (status, kept, said) = ask(&all, "GET", path, None);
        assert_eq!((status, kept.as_str()), (200, "no-store"), "{path}");
        if path.contains("csv") {
            assert!(said.contains("'=HYPERLINK") && said.contains("; \u{200b}'=1+1"), "{said}");
        }
    }
    let mut told = 0;
    for path in [format!("/api/v1/alerts/{alert}/ack"), format!("/api/realtime/alerts/{alert}/ack")] {
        let (status, _, said) = ask(&operate, "POST", &path, Some(json!({"by": "op"})));
        assert_eq!(status, 200, "{said}");
        assert!(said.contains("acknowledged") && !said.contains("supervisor") && !said.contains("A-1"), "{said}");
        told += 1;
        let (_, _, said) = ask(&all, "POST", &path, Some(json!({"by": "op"})));
        assert!(said.contains("supervisor"), "{said}");
    }
    // A call that was heard here, and who may only bring calls in.
    let mut line = bed.dial(&uuid_of(1_795_218_045, 8, 1));
    send(&mut line, &vec![1000; 8000]).expect("taken");
    while ask(&all, "GET", "/api/v1/calls/1795218045.8", None).0 != 200 {
        assert!(began.elapsed().as_secs() < 120, "the call is not there");
        std::thread::sleep(Duration::from_millis(200));
    }
    let mut refused = 0;
    for (path, more) in
        [("events", json!({"text": "I never said that"})), ("audio/chunk", json!({"transcript": "Nor that"}))]
    {
        let mut body = json!({"call_id": "1795218045.8", "speaker": "customer", "timestamp": now});
        body.as_object_mut().expect("map").extend(more.as_object().expect("map").clone());
        let (status, _, said) = ask(&ingest, "POST", &format!("/api/realtime/{path}"), Some(body.clone()));
        assert!(status >= 400 && said.contains("may operate"), "{status} {said}");
        body["call_id"] = format!("own-{refused}").into();
        let (status, _, said) = ask(&ingest, "POST", &format!("/api/realtime/{path}"), Some(body));
        assert!((200..300).contains(&status), "{status} {said}");
        refused += 1;
    }
    drop(line);
    println!(
        "mended | 47 | an ingest token wrote into the PBX's calls | {refused} of {refused} ways refuse it; its own calls go on"
    );
    let large = json!({"call_id": "A-2", "metadata": {"note": "x".repeat(5000)}});
    let (status, _, said) = ask(&all, "POST", "/api/v1/calls", Some(large));
    assert!(status == 422 && said.contains("metadata"), "{status} {said}");
    for _ in 0..40 {
        let mut map = serde_json::Map::new();
        map.insert(uuid::Uuid::new_v4().to_string(), "y".repeat(1000).into());
        let (status, _, said) = ask(&all, "POST", "/api/v1/calls", Some(json!({"call_id": "A-1", "metadata": map})));
        assert!(status == 200 || status == 429, "{status} {said}");
    }
    let (_, _, call) = ask(&all, "GET", "/api/v1/calls/A-1", None);
    let kept = serde_json::from_str::<Value>(&call).expect("JSON")["metadata"].to_string().len();
    assert!(kept <= 9000, "{kept} bytes of metadata");
    bed.stop();
    println!("mended | 47 | exports could be kept by caches | no-store on exports, alerts and metrics");
    println!(
        "mended | 47 | formulas behind a zero-width space, full-width or behind ; went through | each gets an apostrophe"
    );
    println!(
        "mended | 47 | a token that only operates read an alert by taking it | {told} of {told} ways tell only that it is taken"
    );
    println!(
        "mended | 47 | metadata of a call without bound (lists of 47 MB) | 4 kB at a time, {kept} bytes after 40 additions of 1 kB"
    );
}

#[test]
fn the_box_tells_the_machines_load_memory_and_free_disk() {
    let mut bed = Bed::new("none", "");
    bed.start();
    let host = bed.get("/api/v1/box")["host"].clone();
    let listed = std::fs::read_to_string("/proc/meminfo").expect("meminfo");
    let total = listed.lines().next().and_then(|line| line.split_whitespace().nth(1)).expect("MemTotal");
    let memory = total.parse::<u64>().expect("a number") * 1024;
    assert_eq!(host["memory_bytes"], memory, "{host}");
    assert!((1..=memory).contains(&host["memory_available_bytes"].as_u64().unwrap_or_default()), "{host}");
    assert!(host["load"].as_f64().is_some_and(|load| load >= 0.0), "{host}");
    let disk = rustix::fs::statvfs(bed.path("state")).expect("statvfs");
    let free = host["disk_free_bytes"].as_u64().expect("bytes");
    assert!(free > 0 && free < disk.f_blocks * disk.f_frsize, "{host}");
    bed.stop();
}
