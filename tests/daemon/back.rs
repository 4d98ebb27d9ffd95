//! Back to the dialer: a local server that answers as ViciDial's Non-Agent API and Agent API do, well, wrongly, slowly or not at all.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::bed::Bed;

const CALL: &str = "1795218045.12";
const PASSWORD: &str = "open-sesame-1234";

/// How the server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    /// Another program answers at the address.
    Page,
    /// The login is refused.
    Locked,
    /// The function is not allowed.
    Forbidden,
    /// It takes requests and says nothing.
    Silent,
    /// The same of a lead's comments alone.
    SilentOfLeads,
}

/// A request: the program, and its fields.
#[derive(Clone, Debug)]
struct Got {
    path: String,
    fields: BTreeMap<String, String>,
}

impl Got {
    fn field(&self, name: &str) -> &str {
        self.fields.get(name).map_or("", String::as_str)
    }
}

#[derive(Debug)]
struct Inside {
    mood: Mood,
    comments: BTreeMap<String, String>,
    got: Vec<Got>,
}

/// ViciDial, as far as its APIs show it.
struct Dialer {
    port: u16,
    inside: Arc<Mutex<Inside>>,
    folder: tempfile::TempDir,
}

impl Dialer {
    fn start(mood: Mood) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
        let port = listener.local_addr().expect("address").port();
        let inside = Arc::new(Mutex::new(Inside { mood, comments: BTreeMap::new(), got: Vec::new() }));
        let shared = Arc::clone(&inside);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &shared));
            }
        });
        let folder = tempfile::tempdir().expect("temp dir");
        std::fs::write(folder.path().join("password"), format!("{PASSWORD}\n")).expect("write");
        Self { port, inside, folder }
    }

    /// The section of the configuration that leads here.
    fn section(&self, more: &str) -> String {
        format!(
            "[dialer_api]\nurl = \"http://127.0.0.1:{}/vicidial/non_agent_api.php\"\nuser = \"6666\"\npassword_file = \"{}/password\"\n\
             comments_after_s = 0\nmin_level = \"warning\"\nserver_ip = \"10.0.0.5\"\n{more}\n",
            self.port,
            self.folder.path().display()
        )
    }

    fn with<T>(&self, look: impl FnOnce(&mut Inside) -> T) -> T {
        look(&mut self.inside.lock().expect("lock"))
    }

    fn asked(&self, function: &str) -> Vec<Got> {
        self.with(|inside| inside.got.iter().filter(|got| got.field("function") == function).cloned().collect())
    }

    fn comments(&self, lead: &str) -> String {
        self.with(|inside| inside.comments.get(lead).cloned().unwrap_or_default())
    }
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let hex: Vec<u8> = rest.by_ref().take(2).collect();
                u8::from_str_radix(std::str::from_utf8(&hex).expect("hex"), 16).expect("hex")
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn serve(mut stream: TcpStream, shared: &Mutex<Inside>) {
    let mut reader = BufReader::new(stream.try_clone().expect("clone"));
    let mut line = String::new();
    while reader.read_line(&mut line).is_ok_and(|got| got > 0) {
        let mut words = line.split(' ');
        assert_eq!(words.next(), Some("POST"), "a password in an address is written into logs: {line}");
        let path = words.next().unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line).expect("header");
            let Some((name, value)) = line.trim_end().split_once(": ") else { break };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("body");
        let body = String::from_utf8(body).expect("UTF-8");
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let got = Got { path, fields: pairs.map(|(name, value)| (decoded(name), decoded(value))).collect() };
        let answer = {
            let mut inside = shared.lock().expect("lock");
            inside.got.push(got.clone());
            answer(&mut inside, &got)
        };
        let Some(answer) = answer else {
            std::thread::sleep(Duration::from_mins(1));
            return;
        };
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n", answer.len());
        let _ = stream.write_all((head + &answer).as_bytes());
        line.clear();
    }
}

/// What ViciDial writes; its forms are those of its NON-AGENT_API.txt and AGENT_API.txt.
fn answer(inside: &mut Inside, got: &Got) -> Option<String> {
    let (user, function) = (got.field("user"), got.field("function"));
    match inside.mood {
        Mood::Silent => return None,
        Mood::Page => return Some("<!doctype html><html><body><h1>It works!</h1></body></html>".into()),
        Mood::Forbidden => {
            return Some(format!(
                "ERROR: auth USER DOES NOT HAVE PERMISSION TO USE THIS FUNCTION: |{user}|{function}|\n"
            ));
        }
        Mood::SilentOfLeads if function == "lead_field_info" => return None,
        Mood::Locked | Mood::Well | Mood::SilentOfLeads => {}
    }
    if inside.mood == Mood::Locked || got.field("pass") != PASSWORD {
        return Some(format!("ERROR: Login incorrect, please try again: |{user}|{}|BAD|\n", got.field("pass")));
    }
    let lead = got.field("lead_id");
    Some(match (got.path.as_str(), function) {
        ("/vicidial/non_agent_api.php", "lead_field_info") => {
            format!("{}\n", inside.comments.get(lead).cloned().unwrap_or_default())
        }
        ("/vicidial/non_agent_api.php", "update_lead") => {
            let comments = got.field("comments").replace([';', '#', '"'], "").replace('+', " ");
            inside.comments.insert(lead.into(), comments);
            format!("SUCCESS: update_lead LEAD HAS BEEN UPDATED - {user}|{lead}\n")
        }
        ("/vicidial/non_agent_api.php", "agent_status") => {
            let names = "status|call_id|lead_id|campaign_id|calls_today|full_name|user_group|user_level|pause_code|real_time_sub_status|\
                         phone_number|vendor_lead_code|session_id";
            format!("{names}\nINCALL|V4050908070000012345|876409|SALES|1|Mary Miller|AGENTS|3|||3125551212||8600051\n")
        }
        ("/vicidial/non_agent_api.php", "blind_monitor") if got.field("phone_login") == "350a" => {
            format!("SUCCESS: blind_monitor HAS BEEN LAUNCHED - 350a|010*000*000*005*350|{}\n", got.field("session_id"))
        }
        ("/vicidial/non_agent_api.php", "blind_monitor") => {
            format!("ERROR: blind_monitor INVALID PHONE LOGIN - {}|{user}\n", got.field("phone_login"))
        }
        ("/agc/api.php", "send_notification") => "SUCCESS: notification queued\n".into(),
        _ => "ERROR: NO FUNCTION SPECIFIED\n".into(),
    })
}

fn say(bed: &Bed, speaker: &str, text: &str) {
    say_on(bed, CALL, speaker, text);
}

fn say_on(bed: &Bed, call: &str, speaker: &str, text: &str) {
    let event = json!({"call_id": call, "provider": "test", "speaker": speaker, "text": text, "agent_id": "1001", "language": "en"});
    let (status, answer) = bed.ask("POST", "/api/realtime/events", Some(&event));
    assert_eq!(status, 200, "{answer}");
}

/// A running call with an alert.
fn talk(bed: &Bed) {
    bed.until("the queue has begun", Duration::from_secs(30), |bed| {
        let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
        db.query_row("SELECT count(*) FROM dialer_write_filled", [], |row| row.get::<_, i64>(0)).expect("query") == 2
    });
    say(bed, "agent", "Hello, this call is recorded, how can I help you?");
    say(
        bed,
        "customer",
        "I'm calling about a refund; I want a \"refund\" <now> for order 4471, and I need a supervisor.",
    );
    bed.until("it is a call of the agent", Duration::from_mins(1), |bed| {
        bed.try_get(&format!("/api/v1/calls/{CALL}")).is_some_and(|call| call["agent"] == "1001")
    });
}

fn named(bed: &Bed) {
    let (status, answer) =
        bed.ask("POST", "/api/v1/calls", Some(&json!({"call_id": CALL, "lead": "876409", "campaign": "SALES"})));
    assert_eq!(status, 200, "{answer}");
}

fn end(bed: &Bed) {
    let ended = json!({"call_id": CALL, "event_type": "call_ended"});
    assert_eq!(bed.ask("POST", "/api/realtime/events", Some(&ended)).0, 200);
}

fn writes(bed: &Bed, kind: &str) -> Vec<Value> {
    let answer = bed.get("/api/v1/dialer/writes?limit=100");
    let writes = answer["writes"].as_array().cloned().unwrap_or_default();
    writes.into_iter().filter(|write| write["kind"] == kind).collect()
}

fn last(bed: &Bed, kind: &str) -> Value {
    writes(bed, kind).first().cloned().unwrap_or_default()
}

#[test]
fn an_alert_is_on_the_agents_screen_and_the_summary_behind_what_people_wrote() {
    let dialer = Dialer::start(Mood::Well);
    dialer.with(|inside| inside.comments.insert("876409".into(), "Ask for Bob, after five".into()));
    let mut bed = Bed::new("none", &dialer.section("dry_run = false"));
    bed.start();
    talk(&bed);
    bed.until("the agent is told", Duration::from_mins(1), |_| !dialer.asked("send_notification").is_empty());
    let told = &dialer.asked("send_notification")[0];
    assert_eq!(
        (told.path.as_str(), told.field("recipient"), told.field("recipient_type")),
        ("/agc/api.php", "1001", "USER")
    );
    assert_eq!((told.field("source"), told.field("user")), ("lineside", "6666"));
    assert!(
        !told.field("notification_text").is_empty() && !told.field("notification_text").contains(['\'', '"', ';', '<']),
        "{told:?}"
    );
    end(&bed);
    bed.until_completed(CALL);
    bed.until("it waits for its lead", Duration::from_mins(1), |bed| {
        last(bed, "comment")["answer"].as_str().is_some_and(|answer| answer.contains("no lead"))
    });
    assert!(dialer.asked("update_lead").is_empty(), "of a call without a lead nothing is told");
    named(&bed);
    bed.until("the lead has the summary", Duration::from_mins(2), |_| dialer.comments("876409").contains("[lineside "));
    let comments = dialer.comments("876409");
    assert!(comments.starts_with("Ask for Bob, after five [lineside 20") && comments.contains(" 1001: "), "{comments}");
    assert!(comments.contains("refund") && !comments.contains("4471"), "{comments}");
    bed.until("it is noted", Duration::from_secs(30), |bed| last(bed, "comment")["state"] == "sent");
    let write = last(&bed, "comment");
    assert_eq!(
        (&write["call_id"], &write["answer"]),
        (&json!(CALL), &json!("SUCCESS: update_lead LEAD HAS BEEN UPDATED - 6666|876409"))
    );
    assert!(!write.to_string().contains(PASSWORD));
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(
        (dialer.asked("update_lead").len(), dialer.asked("send_notification").len()),
        (1, writes(&bed, "notification").len())
    );
    bed.stop();
}

#[test]
fn a_dry_run_asks_nobody_anything_and_shows_what_would_have_been_told() {
    let dialer = Dialer::start(Mood::Well);
    let mut bed = Bed::new("none", &dialer.section(""));
    bed.start();
    talk(&bed);
    named(&bed);
    bed.until("the notification is written down", Duration::from_mins(1), |bed| {
        last(bed, "notification")["state"] == "dry_run"
    });
    let (status, answer) = bed.ask("POST", &format!("/api/v1/calls/{CALL}/listen"), Some(&json!({"phone": "350a"})));
    assert_eq!((status, &answer["state"], &answer["phone"]), (202, &json!("dry_run"), &json!("350a")), "{answer}");
    end(&bed);
    bed.until("and the comment", Duration::from_mins(1), |bed| last(bed, "comment")["state"] == "dry_run");
    let shown = bed.command(&["vici", "sent", "--dry-run"]).output().expect("run");
    let (text, said) =
        (String::from_utf8_lossy(&shown.stdout).into_owned(), String::from_utf8_lossy(&shown.stderr).into_owned());
    assert!(shown.status.success() && said.contains("dry run: nothing is sent until"), "{said}");
    for wanted in
        ["comments: (what is there) [lineside ", "recipient: 1001", "phone_login: 350a", "> dry run: nothing was sent"]
    {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    assert!(dialer.with(|inside| inside.got.is_empty()), "nobody was asked anything");
    let (status, answer) = bed.ask("GET", "/api/v1/dialer/writes?result=send", None);
    assert!(status == 422 && answer.to_string().contains("dry_run"), "{answer}");
    bed.stop();
}

#[test]
fn what_fails_waits_over_a_restart_and_what_is_refused_says_what_to_do() {
    let dialer = Dialer::start(Mood::Page);
    let mut bed = Bed::new("none", &dialer.section("dry_run = false"));
    bed.start();
    talk(&bed);
    named(&bed);
    end(&bed);
    let answered = |bed: &Bed, words: &str| {
        let write = last(bed, "comment");
        write["state"] == "waiting" && write["answer"].as_str().is_some_and(|answer| answer.contains(words))
    };
    bed.until("it waits", Duration::from_mins(1), |bed| answered(bed, "no answer of ViciDial's API"));
    bed.crash();
    dialer.with(|inside| inside.mood = Mood::Well);
    bed.start();
    bed.until("it is told after all", Duration::from_mins(2), |bed| last(bed, "comment")["state"] == "sent");
    assert_eq!((dialer.asked("update_lead").len(), writes(&bed, "comment").len()), (1, 1));
    assert!(last(&bed, "comment")["tries"].as_u64().is_some_and(|tries| tries >= 2));
    bed.stop();

    let dialer = Dialer::start(Mood::Forbidden);
    let mut bed = Bed::new("none", &dialer.section("dry_run = false\nnotify = false"));
    bed.start();
    // Without notifications only one queue begins.
    bed.until("the queue has begun", Duration::from_secs(30), |bed| {
        let db = rusqlite::Connection::open(bed.path("state/lineside.db")).expect("open");
        db.query_row("SELECT count(*) FROM dialer_write_filled", [], |row| row.get::<_, i64>(0)).expect("query") == 1
    });
    say(&bed, "customer", "I'm calling about a refund, I want a refund for my broken router.");
    named(&bed);
    end(&bed);
    bed.until("it is given up", Duration::from_mins(1), |bed| last(bed, "comment")["state"] == "given_up");
    let answer = last(&bed, "comment")["answer"].to_string();
    assert!(answer.contains("PERMISSION TO USE THIS FUNCTION") && answer.contains("Allowed API Functions"), "{answer}");
    assert!(writes(&bed, "notification").is_empty());
    bed.stop();
}

#[test]
fn a_login_that_is_refused_is_not_tried_until_vicidial_locks_the_user_and_tells_no_password() {
    let dialer = Dialer::start(Mood::Locked);
    let mut bed = Bed::new("none", &dialer.section("dry_run = false"));
    bed.start();
    talk(&bed);
    named(&bed);
    bed.until("the refusal is told", Duration::from_mins(1), |bed| {
        bed.get("/api/v1/dialer/writes").to_string().contains("compare [dialer_api] user and password_file")
    });
    let (status, answer) = bed.ask("POST", &format!("/api/v1/calls/{CALL}/listen"), Some(&json!({"phone": "350a"})));
    assert!(status == 409 && answer.to_string().contains("has refused our login"), "{answer}");
    end(&bed);
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(dialer.with(|inside| inside.got.len()), 1, "{:?}", dialer.with(|inside| inside.got.clone()));
    for text in [bed.get("/api/v1/dialer/writes").to_string(), bed.log()] {
        assert!(!text.contains(PASSWORD), "{text}");
    }
    bed.stop();
}

#[test]
fn a_comment_that_hangs_holds_up_no_notification() {
    let dialer = Dialer::start(Mood::SilentOfLeads);
    let mut bed = Bed::new("none", &dialer.section("dry_run = false"));
    bed.start();
    talk(&bed);
    named(&bed);
    end(&bed);
    bed.until("the comment is on its way", Duration::from_mins(2), |_| !dialer.asked("lead_field_info").is_empty());
    let before = dialer.asked("send_notification").len();
    say_on(&bed, "1795218046.13", "customer", "I want a refund now, and I need a supervisor.");
    // The comment's answer is waited for ten seconds.
    bed.until("the agent is told", Duration::from_secs(7), |_| dialer.asked("send_notification").len() > before);
    bed.stop();
}

#[test]
fn a_supervisors_telephone_listens_in_where_the_agent_is_or_not_at_all() {
    let dialer = Dialer::start(Mood::Well);
    let mut bed = Bed::new("none", &dialer.section("dry_run = false"));
    bed.start();
    talk(&bed);
    named(&bed);
    bed.until("it has its lead", Duration::from_mins(1), |bed| {
        bed.get(&format!("/api/v1/calls/{CALL}"))["lead"] == "876409"
    });
    let listen = |bed: &Bed, phone: &str| {
        bed.ask("POST", &format!("/api/v1/calls/{CALL}/listen"), Some(&json!({"phone": phone})))
    };
    let (status, answer) = listen(&bed, "350a");
    assert_eq!((status, &answer["state"]), (202, &json!("sent")), "{answer}");
    let asked = &dialer.asked("blind_monitor")[0];
    assert_eq!(
        (asked.field("session_id"), asked.field("server_ip"), asked.field("stage")),
        ("8600051", "10.0.0.5", "MONITOR")
    );
    let (status, answer) = listen(&bed, "999");
    assert!(status == 409 && answer["detail"].as_str().is_some_and(|text| text.contains("no phone login")), "{answer}");
    assert_eq!(bed.ask("POST", "/api/v1/calls/no.such/listen", Some(&json!({"phone": "350a"}))).0, 404);

    dialer.with(|inside| inside.mood = Mood::Silent);
    let began = Instant::now();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| listen(&bed, "350a"));
        say(&bed, "agent", "The dialer hangs, and this call goes on.");
        assert!(began.elapsed() < Duration::from_secs(8), "nobody waits for the dialer");
        assert_eq!(waiting.join().expect("an answer").0, 503);
    });
    dialer.with(|inside| inside.mood = Mood::Well);
    let (status, answer) = bed.ask("POST", "/api/v1/calls", Some(&json!({"call_id": CALL, "lead": "111"})));
    assert_eq!(status, 200, "{answer}");
    bed.until("it has another lead", Duration::from_mins(1), |bed| {
        bed.get(&format!("/api/v1/calls/{CALL}"))["lead"] == "111"
    });
    let (status, answer) = listen(&bed, "350a");
    assert!(status == 409 && answer.to_string().contains("on another call by now"), "{answer}");
    end(&bed);
    bed.until_completed(CALL);
    let (status, answer) = listen(&bed, "350a");
    assert!(status == 409 && answer.to_string().contains("is over"), "{answer}");
    assert_eq!(dialer.asked("blind_monitor").len(), 2);
    bed.stop();
}
