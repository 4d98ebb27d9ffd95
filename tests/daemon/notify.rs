//! Alerts outside of this box: local servers that play Slack, Resend, a webhook's receiver, the agents' service and a mail server.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::Digest;

use crate::bed::Bed;

/// A request as it came.
#[derive(Clone, Debug)]
struct Got {
    path: String,
    headers: Vec<(String, String)>,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("JSON")
    }
}

/// A receiver that answers the first request of each path with 503, and one of `/gone` with 410 always.
struct Receiver {
    port: u16,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port();
        let got: Arc<Mutex<Vec<Got>>> = Arc::default();
        let all = Arc::clone(&got);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let all = Arc::clone(&all);
                std::thread::spawn(move || serve(stream, &all));
            }
        });
        Self { port, got }
    }

    fn of(&self, path: &str) -> Vec<Got> {
        self.got.lock().expect("lock").iter().filter(|got| got.path == path).cloned().collect()
    }
}

fn serve(mut stream: TcpStream, all: &Mutex<Vec<Got>>) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|got| got > 0) {
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers = Vec::new();
        loop {
            line.clear();
            reader.read_line(&mut line).expect("header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            headers.push((name.to_owned(), value.to_owned()));
        }
        let mut got = Got { path: path.clone(), headers, body: String::new() };
        let mut body = vec![0; got.header("content-length").parse().unwrap_or(0)];
        reader.read_exact(&mut body).expect("body");
        got.body = String::from_utf8(body).expect("UTF-8");
        let first = {
            let mut all = all.lock().expect("lock");
            all.push(got);
            all.iter().filter(|got| got.path == path).count() == 1
        };
        let status = if path == "/gone" {
            "410 Gone"
        } else if first {
            "503 Busy"
        } else {
            "200 OK"
        };
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: 2\r\n\r\nok").expect("answer");
        line.clear();
    }
}

/// HMAC-SHA256 as RFC 2104 writes it down: another one than the daemon's.
fn hmac(key: &[u8], message: &[u8]) -> String {
    let pad = |with: u8| (0..64).map(|i| key.get(i).copied().unwrap_or(0) ^ with).collect::<Vec<u8>>();
    let inner = sha2::Sha256::digest([&pad(0x36)[..], message].concat());
    hex::encode(sha2::Sha256::digest([&pad(0x5c)[..], &inner[..]].concat()))
}

fn event(text: &str) -> Value {
    json!({"provider": "test", "call_id": "N-1", "event_type": "transcript", "speaker": "customer", "text": text, "agent_id": "mary"})
}

#[test]
fn every_service_gets_an_alert_once_after_a_failure_and_what_fails_for_good_is_given_up() {
    let receiver = Receiver::start();
    let at = |path: &str| format!("url = \"http://127.0.0.1:{}{path}\"", receiver.port);
    let all_day = "quiet = \"00:00-24:00\"";
    let mut bed = Bed::new(
        "none",
        &format!(
            "[[notify]]\nname = \"slack\"\nkind = \"slack\"\n{}\n[[notify]]\nname = \"resend\"\nkind = \"resend\"\n{}\nkey = \"re_key\"\nfrom = \"line@example.com\"\nto = [\"boss@example.com\"]\n\
             [[notify]]\nname = \"hook\"\nkind = \"webhook\"\n{}\nsecret = \"sesame\"\n[[notify]]\nname = \"agents\"\nkind = \"agent_service\"\n{}\nkey = \"agent-key\"\n\
             [[notify]]\nname = \"gone\"\nkind = \"slack\"\n{}\n[[notify]]\nname = \"bad_only\"\nkind = \"slack\"\n{}\nmin_level = \"critical\"\n\
             [[notify]]\nname = \"asleep\"\nkind = \"slack\"\n{}\n{all_day}\n",
            at("/slack"),
            at("/resend"),
            at("/hook"),
            at("/agents"),
            at("/gone"),
            at("/bad"),
            at("/asleep")
        ),
    );
    bed.start();
    // The queues begin with the first look: an alert that is older stays here.
    bed.until("the notifiers have looked", Duration::from_secs(20), |bed| {
        let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
        db.query_row("SELECT count(*) FROM notifier", [], |row| row.get::<_, i64>(0)).expect("query") == 7
    });
    let (status, answer) = bed.ask(
        "POST",
        "/api/realtime/events",
        Some(&event("I need a supervisor <now>, my card is 4111 1111 1111 1111")),
    );
    assert_eq!((status, &answer["alerts"][0]["severity"]), (200, &json!("high")), "{answer}");
    let sent = ["/slack", "/resend", "/hook", "/agents"];
    bed.until("everybody has it at the second try", Duration::from_mins(1), |_| {
        sent.iter().all(|path| receiver.of(path).len() == 2)
    });
    bed.until("nobody is tried for ever", Duration::from_mins(1), |_| receiver.of("/gone").len() == 1);

    let slack = &receiver.of("/slack")[1];
    let blocks = slack.json()["attachments"][0]["blocks"].to_string();
    assert!(blocks.contains("&lt;now&gt;") && blocks.contains("[card]") && blocks.contains("mary"), "{blocks}");
    let resend = &receiver.of("/resend")[1];
    assert_eq!((resend.header("authorization"), resend.header("idempotency-key")), ("Bearer re_key", "alert/1"));
    assert_eq!(
        (&resend.json()["to"], &resend.json()["from"]),
        (&json!(["boss@example.com"]), &json!("line@example.com"))
    );
    let agents = &receiver.of("/agents")[1];
    assert_eq!((agents.header("authorization"), &agents.json()["call_id"]), ("Bearer agent-key", &json!("N-1")));
    let hook = &receiver.of("/hook")[1];
    let signed = format!("{}.{}", hook.header("x-lineside-timestamp"), hook.body);
    assert_eq!(hook.header("x-lineside-signature"), format!("sha256={}", hmac(b"sesame", signed.as_bytes())));
    assert_eq!((&hook.json()["id"], &hook.json()["type"]), (&json!(1), &json!("alert")));
    for path in sent {
        assert!(receiver.of(path).iter().all(|got| !got.body.contains("4111")), "{path}: {:?}", receiver.of(path));
    }
    assert!(receiver.of("/bad").is_empty() && receiver.of("/asleep").is_empty());

    bed.stop();
    let rows: Vec<(String, String, i64)> = {
        let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
        let mut all = db.prepare("SELECT notifier, state, tries FROM notification ORDER BY notifier").expect("prepare");
        let rows = all.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).expect("query");
        rows.map(|row| row.expect("row")).collect()
    };
    let row = |notifier: &str, state: &str, tries| (notifier.to_owned(), state.to_owned(), tries);
    assert_eq!(
        rows,
        [
            row("agents", "sent", 2),
            row("asleep", "waiting", 0),
            row("gone", "given_up", 1),
            row("hook", "sent", 2),
            row("resend", "sent", 2),
            row("slack", "sent", 2)
        ]
    );
    assert!(!bed.log().contains("re_key") && !bed.log().contains("/gone"), "no key and no address in the log");
    // What was sent is not sent again by the next run.
    bed.start();
    bed.ask(
        "POST",
        "/api/realtime/events",
        Some(&json!({"provider": "test", "call_id": "N-2", "text": "I need a supervisor", "speaker": "customer"})),
    );
    bed.until("the next one comes", Duration::from_mins(1), |_| receiver.of("/hook").len() == 3);
    assert_eq!(receiver.of("/hook")[2].json()["call_id"], "N-2");
    bed.stop();
}

#[test]
fn a_number_said_in_two_goes_leaves_the_box_in_no_message_and_is_corrected_where_it_was_shown() {
    let receiver = Receiver::start();
    let hook = format!(
        "[[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{}/hook\"\nsecret = \"sesame\"",
        receiver.port
    );
    let packs = tempfile::tempdir().expect("temp dir");
    let mut bed = Bed::new("none", &format!("{hook}\n[text]\npacks = \"{}\"\n", packs.path().display()));
    let rule = "name = \"p\"\nversion = \"1\"\nlanguage = \"en\"\n[[rule]]\nname = \"digits\"\nlevel = \"urgent\"\nsaid = [\"four five three two\"]\n";
    std::fs::write(packs.path().join("p.toml"), rule).expect("pack");
    bed.start();
    bed.until("the notifier has looked", Duration::from_secs(20), |bed| {
        let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
        db.query_row("SELECT count(*) FROM notifier", [], |row| row.get::<_, i64>(0)).expect("query") == 1
    });
    // 4532 0151 1283 0366: its first half alone is no secret that anybody could know.
    let first = event("I need a supervisor, four five three two zero one five one");
    let (_, answer) = bed.ask("POST", "/api/realtime/events", Some(&first));
    assert!(answer.to_string().contains("four five three two zero"), "nobody knows yet: {answer}");
    bed.until("it is sent", Duration::from_mins(1), |_| receiver.of("/hook").len() == 2);
    bed.ask("POST", "/api/realtime/events", Some(&event("one two eight three zero three six six")));
    for got in receiver.of("/hook") {
        assert!(got.body.contains("I need a supervisor, [number]") && !got.body.contains("five"), "{}", got.body);
    }
    let alerts = bed.get("/api/v1/alerts");
    assert_eq!(alerts["alerts"][0]["text"], "I need a supervisor, [card]", "{alerts}");
    let reasons = alerts["alerts"][0]["reasons"].to_string();
    assert!(reasons.contains("said: [card]") && !alerts.to_string().contains("five"), "{alerts}");
    bed.stop();
    let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
    let mut told = db.prepare("SELECT payload FROM event WHERE kind = 'alert'").expect("prepare");
    let told: Vec<String> = told.query_map([], |row| row.get(0)).expect("query").map(|row| row.expect("row")).collect();
    assert!(told.len() == 1 && !told[0].contains("five"), "{told:?}");
}

#[test]
fn the_test_command_says_of_every_way_whether_it_works() {
    let receiver = Receiver::start();
    let bed = Bed::new(
        "none",
        &format!(
            "[[notify]]\nname = \"a\"\nkind = \"slack\"\nurl = \"http://127.0.0.1:{0}/a\"\n[[notify]]\nname = \"b\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{0}/gone\"\nsecret = \"x\"\n",
            receiver.port
        ),
    );
    let run = |arguments: &[&str]| {
        let output = bed.command(&[&["notify", "test"][..], arguments].concat()).output().expect("run");
        (
            output.status.success(),
            String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr),
        )
    };
    let (good, said) = run(&[]);
    assert!(!good && said.starts_with("a: not sent: answered 503 ok\nb: not sent: answered 410 ok\n"), "{said}");
    let (good, said) = run(&["a"]);
    assert!(good && said.starts_with("a: sent\n") && said.contains("the daemon is not running"), "{said}");
    assert!(run(&["c"]).1.contains("the configuration has: a, b"));
}

/// A mail server, its port and what it says of the mails that it got; `None` where there is none on this machine.
fn mail_server() -> Option<(std::process::Child, u16, BufReader<std::process::ChildStdout>)> {
    let python = std::env::var("PYTHON").unwrap_or_else(|_| "python3".into());
    let has =
        Command::new(&python).args(["-c", "import aiosmtpd"]).output().is_ok_and(|output| output.status.success());
    if !has {
        eprintln!("skipped: {python} has no aiosmtpd; packaging/test fetches it");
        return None;
    }
    let server = "import sys\nfrom aiosmtpd.controller import Controller\nfrom aiosmtpd.handlers import Debugging\n\
                  c = Controller(Debugging(sys.stdout), hostname='127.0.0.1', port=int(sys.argv[1])); c.start(); print('ready', flush=True); sys.stdin.read(); c.stop()";
    let port = crate::bed::free_port();
    let mut child = Command::new(&python)
        .args(["-u", "-c", server, &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start");
    let mut said = BufReader::new(child.stdout.take().expect("stdout"));
    let mut ready = String::new();
    said.read_line(&mut ready).expect("ready");
    assert_eq!(ready, "ready\n");
    Some((child, port, said))
}

#[test]
fn a_mail_server_gets_a_mail() {
    let Some((mut child, port, mut said)) = mail_server() else { return };
    let bed = Bed::new(
        "none",
        &format!(
            "[[notify]]\nname = \"mail\"\nkind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}\"\nfrom = \"Line Side <line@example.com>\"\nto = [\"boss@example.com\"]\n"
        ),
    );
    let output = bed.command(&["notify", "test"]).output().expect("run");
    drop(child.stdin.take());
    let mut mail = String::new();
    said.read_to_string(&mut mail).expect("mail");
    child.wait().expect("wait");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mail: sent\n", "{mail}");
    for part in [
        "line@example.com",
        "To: boss@example.com",
        "Subject: WARNING: test in call test",
        "Why: lineside notify test",
        "Message-ID: <alert-0@example.com>",
    ] {
        assert!(mail.contains(part), "{part}: {mail}");
    }
}

#[test]
fn each_days_file_goes_by_mail_too() {
    let Some((mut child, port, mut said)) = mail_server() else { return };
    let folder = tempfile::tempdir().expect("temp dir");
    let server = format!(
        "kind = \"smtp\"\nurl = \"smtp://127.0.0.1:{port}\"\nfrom = \"line@example.com\"\nto = [\"boss@example.com\"]"
    );
    let mut bed = Bed::new(
        "none",
        &format!(
            "[reports]\nfolder = \"{}\"\ndaily_at = \"00:00\"\nmail_by = \"office\"\nmail_to = [\"analyst@example.com\"]\n[[notify]]\nname = \"office\"\n{server}\n",
            folder.path().display()
        ),
    );
    bed.start();
    let day = jiff::Zoned::now().yesterday().expect("yesterday").date();
    bed.until("the day is written and sent", Duration::from_secs(30), |bed| {
        let found = |check: &Value| check["found"].as_str().is_some_and(|found| found.contains(&day.to_string()));
        bed.get("/health/detailed")["checks"].as_array().is_some_and(|checks| checks.iter().any(found))
    });
    bed.stop();
    drop(child.stdin.take());
    let mut mail = String::new();
    said.read_to_string(&mut mail).expect("mail");
    child.wait().expect("wait");
    let file = format!("calls-{day}.csv");
    assert!(folder.path().join(&file).exists(), "{file}");
    let subject = format!("Subject: lineside: calls of {day}");
    for part in [&*subject, "To: analyst@example.com", "are attached, a row for each", &file, "Content-Type: text/csv"]
    {
        assert!(mail.contains(part), "{part}: {mail}");
    }
    assert_eq!(mail.matches(&subject).count(), 1, "{mail}");
}

#[test]
fn the_example_of_a_receiver_takes_what_is_signed_and_nothing_else() {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/packaging/examples/webhook_receiver.py");
    if !Command::new("python3").arg("--version").output().is_ok_and(|answer| answer.status.success()) {
        eprintln!("skipped: python3 is not installed");
        return;
    }
    let port = crate::bed::free_port();
    let mut receiver = Command::new("python3")
        .args([script, &port.to_string()])
        .env("LINESIDE_SECRET", "sesame")
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let lines = BufReader::new(receiver.stdout.take().expect("stdout")).lines();
    let config = format!(
        "[[notify]]\nname = \"hook\"\nkind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"sesame\"\n[[notify]]\nname = \"stranger\"\n\
         kind = \"webhook\"\nurl = \"http://127.0.0.1:{port}/\"\nsecret = \"another\"\nmin_level = \"critical\""
    );
    let mut bed = Bed::new("none", &config);
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let text = text.replace("open = true", "open = true\npublic_url = \"https://calls.example.com/lineside/\"");
    std::fs::write(&path, text).expect("write");
    bed.start();
    bed.until("the receiver listens", Duration::from_secs(10), |_| TcpStream::connect(("127.0.0.1", port)).is_ok());
    let sent = bed.command(&["notify", "test", "hook"]).output().expect("run");
    assert_eq!(String::from_utf8_lossy(&sent.stdout), "hook: sent\n");
    let wrong = bed.command(&["notify", "test", "stranger"]).output().expect("run");
    let told = String::from_utf8_lossy(&wrong.stdout).into_owned();
    assert!(!wrong.status.success() && told.contains("401"), "{told}");

    let event = json!({"provider": "test", "call_id": "R-1", "speaker": "customer", "text": "I want a supervisor, this is a scam", "status": "active"});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&event)).0, 200);
    let got: Vec<String> = lines.map_while(Result::ok).take(2).collect();
    assert!(
        got[0].starts_with("warning test: ") && got[0].contains("https://calls.example.com/lineside/calls/test"),
        "{got:?}"
    );
    assert!(got[1].contains(" R-1: ") && got[1].contains("https://calls.example.com/lineside/calls/R-1#t="), "{got:?}");
    bed.stop();
    receiver.kill().expect("kill");
    receiver.wait().expect("wait");
    println!("a webhook's receiver from packaging/examples printed {got:?} and answered 401 to another secret");
}
