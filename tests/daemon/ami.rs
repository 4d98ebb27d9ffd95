//! Who says that it is Asterisk's manager, and is not, or sends too much: no call minds, and health says what is wrong.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::bed::{Bed, speak, uuid_of};

const GREETING: &[u8] = b"Asterisk Call Manager/11.0.0\r\n";

/// A daemon that is to log in at this listener.
fn bed(listener: &TcpListener) -> Bed {
    let address = listener.local_addr().expect("address");
    let bed = Bed::new("none", "");
    let path = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&path).expect("read");
    let secret = bed.path("ami-secret").display().to_string();
    std::fs::write(&secret, "hush\n").expect("write");
    let ami = format!("[ami]\naddress = \"{address}\"\nuser = \"lineside\"\nsecret_file = \"{secret}\"\n");
    std::fs::write(path, text + &ami).expect("write");
    bed
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().expect("lineside connects");
    stream.set_read_timeout(Some(Duration::from_secs(30))).expect("timeout");
    stream
}

/// Greets, reads the login, and answers it.
fn let_in(mut stream: TcpStream, answer: &str) -> (TcpStream, Vec<String>) {
    stream.write_all(GREETING).expect("greet");
    let mut lines = Vec::new();
    for line in BufReader::new(stream.try_clone().expect("clone")).lines() {
        let line = line.expect("a line of the login");
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    stream.write_all(format!("{answer}\r\nActionID: login\r\n\r\n").as_bytes()).expect("answer");
    (stream, lines)
}

fn until_ami(bed: &Bed, what: &str) {
    bed.until(what, Duration::from_mins(1), |bed| {
        let health = bed.get("/health");
        health["ami"].to_string().contains(what)
    });
}

fn resident_mb(bed: &Bed) -> u64 {
    let pid = bed.child.as_ref().expect("running").id();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") / 1024
}

#[test]
fn nonsense_and_floods_of_a_manager_hurt_no_call_and_are_named() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut bed = bed(&listener);
    bed.start();
    let mut stream = accept(&listener);
    stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").expect("write");
    until_ami(&bed, "does not greet as Asterisk's manager does");

    let (mut stream, login) = let_in(accept(&listener), "Response: Success");
    assert_eq!(
        login,
        ["Action: Login", "ActionID: login", "Username: lineside", "Secret: hush", "Events: call,dtmf,user,agent"]
    );
    until_ami(&bed, "\"connected\":true");
    let before = resident_mb(&bed);
    let flood = std::thread::spawn(move || {
        let began = Instant::now();
        let _ = stream.set_write_timeout(Some(Duration::from_secs(5)));
        let mut number = 0_u64;
        let mut sent = 0;
        while began.elapsed() < Duration::from_secs(4) {
            number += 1;
            let piece = match number % 6 {
                0 => vec![b'x'; 100_000],
                1 => b"\r\n\xff\xfe:\r\n:::\r\n\r\n\r\n".to_vec(),
                // A conference of thousands, whose calls all have to be told apart.
                2 => format!("Event: BridgeEnter\r\nBridgeUniqueid: b\r\nChannel: Y/{number}\r\nUniqueid: 7.{number}\r\nLinkedid: 7.{number}\r\n\r\n")
                    .into_bytes(),
                3 => format!("Event: QueueCallerJoin\r\nUniqueid: {}\r\nQueue: a\rb\u{b}\r\nAction: Logoff\r\n\r\n", number - 1)
                    .into_bytes(),
                4 => format!("Event: Newchannel\r\nChannel: X/{number}\r\nUniqueid: {number}\r\nLinkedid: 1\r\n\r\n")
                    .into_bytes(),
                _ => {
                    format!("Event: UserEvent\r\nUserEvent: LinesidePause\r\nUniqueid: 9.{number}\r\n\r\n").into_bytes()
                }
            };
            match stream.write(&piece) {
                Ok(count) => sent += count,
                Err(_) => break,
            }
        }
        sent
    });
    let sound: Vec<i16> = (0..24_000).map(|number| ((number * 37) % 6000) as i16).collect();
    let mut call = bed.dial(&uuid_of(1_795_218_045, 90, 2));
    speak(&mut call, &sound).expect("speak");
    drop(call);
    let leg = |bed: &Bed| bed.try_get("/api/v1/calls/1795218045.90").map(|call| call["legs"][0].clone());
    bed.until("the call is heard to its end", Duration::from_secs(30), |bed| {
        leg(bed).is_some_and(|leg| !leg["closed"].is_null())
    });
    let leg = leg(&bed).expect("there");
    assert!(leg["duration"].as_f64().is_some_and(|seconds| (2.9..3.2).contains(&seconds)), "{leg}");
    let sent = flood.join().expect("flood");
    assert!(sent > 1_000_000, "{sent} bytes are no flood");
    let after = resident_mb(&bed);
    assert!(after < before + 60, "{before} MB before the flood, {after} after {sent} bytes");
    let told = bed.log().lines().filter(|line| line.contains("no such call is heard")).count();
    assert!((1..=40).contains(&told), "{told} lines of the log");
    bed.stop();
}

#[test]
fn who_is_refused_says_so_and_the_secret_is_not_in_the_log() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut bed = bed(&listener);
    bed.start();
    let _refused = let_in(accept(&listener), "Response: Error\r\nMessage: Authentication failed");
    until_ami(&bed, "login refused: Authentication failed");
    assert!(!bed.log().contains("hush"), "{}", bed.log());
    let doctor = bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let line = said.lines().find(|line| line.contains(" manager ")).unwrap_or_default();
    assert!(line.starts_with("BAD") && line.contains("login refused"), "{said}");
    assert_eq!(doctor.status.code(), Some(1), "{said}");
    bed.stop();
}

#[test]
fn a_paused_call_of_another_capture_is_found_by_its_uniqueid() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut bed = bed(&listener);
    bed.start();
    let (mut manager, _) = let_in(accept(&listener), "Response: Success");
    let mut call = bed.dial(&uuid_of(1_795_218_045, 91, 2));
    let path = "/api/v1/calls/1795218045.91";
    let sound: Vec<i16> = (0..8000).map(|number| ((number * 37) % 6000) as i16).collect();
    speak(&mut call, &sound).expect("speak");
    bed.until("the call is heard", Duration::from_secs(20), |bed| bed.try_get(path).is_some());
    let mut ask = |event: &str| {
        let text = format!("Event: UserEvent\r\nUserEvent: Lineside{event}\r\nUniqueid: 1795218045.91\r\n\r\n");
        manager.write_all(text.as_bytes()).expect("write");
    };
    let recording = |bed: &Bed| bed.get(&format!("{path}/privacy"))["recording"].clone();
    ask("Pause");
    bed.until("it is paused", Duration::from_secs(20), |bed| recording(bed) == "paused");
    speak(&mut call, &sound).expect("speak");
    ask("Resume");
    bed.until("it goes on", Duration::from_secs(20), |bed| recording(bed) == "running");
    speak(&mut call, &sound).expect("speak");
    drop(call);
    let privacy = bed.get(&format!("{path}/privacy"));
    let gap = &privacy["silences"][0];
    let (start, end) = (gap["start_time"].as_f64().expect("start"), gap["end_time"].as_f64().expect("end"));
    assert!(start > 0.5 && end - start > 0.9, "{privacy}");
    bed.stop();
}

/// All events of a call of a minute, as Asterisk 22 sends them: dialled, answered, held, two keys, hung up.
fn events_of_a_call(number: u32) -> Vec<String> {
    let (caller, agent) =
        (format!("17952180{number:02}.{}", 2 * number), format!("17952180{number:02}.{}", 2 * number + 1));
    let event = |name: &str, id: &str, more: &str| {
        let channel = if id == caller { "PJSIP/trunk" } else { "PJSIP/1001" };
        format!(
            "Event: {name}\r\nPrivilege: call,all\r\nTimestamp: 1795218045.123456\r\nChannel: {channel}-{number:08x}\r\nChannelState: 6\r\n\
             ChannelStateDesc: Up\r\nCallerIDNum: 5551234567\r\nCallerIDName: Somebody\r\nConnectedLineNum: 1001\r\nConnectedLineName: Mary\r\n\
             Language: en\r\nAccountCode: \r\nContext: from-trunk\r\nExten: s\r\nPriority: 7\r\nUniqueid: {id}\r\nLinkedid: {caller}\r\n{more}\r\n"
        )
    };
    let mut events = Vec::new();
    for id in [&caller, &agent] {
        for name in ["Newchannel", "NewCallerid", "NewCallerid", "NewConnectedLine", "Newstate", "Newstate"] {
            events.push(event(name, id, ""));
        }
    }
    events.push(event("DialBegin", &caller, &format!("DestUniqueid: {agent}\r\nDialString: 1001\r\n")));
    events.push(event("DialEnd", &caller, &format!("DestUniqueid: {agent}\r\nDialStatus: ANSWER\r\n")));
    let bridge = format!("BridgeUniqueid: bridge-{number}\r\nBridgeType: basic\r\nBridgeNumChannels: 2\r\n");
    events.extend([&agent, &caller].map(|id| event("BridgeEnter", id, &bridge)));
    events.extend(["Hold", "Unhold"].map(|name| event(name, &agent, "")));
    for _ in 0..2 {
        events.push(event("DTMFBegin", &caller, "Digit: 5\r\nDirection: Received\r\n"));
        events.push(event("DTMFEnd", &caller, "Digit: 5\r\nDurationMs: 100\r\nDirection: Received\r\n"));
    }
    events.push(event("HangupRequest", &caller, "Cause: 16\r\n"));
    events.extend([&caller, &agent].map(|id| event("BridgeLeave", id, &bridge)));
    events.extend([&caller, &agent].map(|id| event("Hangup", id, "Cause: 16\r\nCause-txt: Normal Clearing\r\n")));
    events
}

/// CPU seconds that the daemon has used.
fn cpu_s(bed: &Bed) -> f64 {
    let pid = bed.child.as_ref().expect("running").id();
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("ticks")).sum();
    ticks as f64 / 100.0 // USER_HZ of Linux, on every machine that we build for
}

#[test]
fn the_events_of_300_calls_a_minute_cost_less_than_a_twentieth_of_a_core() {
    const SECONDS: u32 = 20;
    const CALLS: u32 = 5 * SECONDS;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut bed = bed(&listener);
    bed.start();
    let (mut manager, _) = let_in(accept(&listener), "Response: Success");
    until_ami(&bed, "\"connected\":true");
    std::thread::sleep(Duration::from_secs(2));
    let share = |bed: &Bed, mut work: Box<dyn FnMut(u32) + '_>| {
        let (began, before) = (Instant::now(), cpu_s(bed));
        for tick in 0..CALLS {
            work(tick);
            std::thread::sleep(Duration::from_millis(200));
        }
        (cpu_s(bed) - before) / began.elapsed().as_secs_f64()
    };
    let idle = share(&bed, Box::new(|_| ()));
    let mut sent = 0;
    let mut work = |number: u32| {
        let events = events_of_a_call(number);
        sent += events.len();
        manager.write_all(events.concat().as_bytes()).expect("write");
    };
    let busy = share(&bed, Box::new(&mut work));
    println!(
        "ami: {CALLS} calls in {SECONDS} s (300 a minute), {sent} events: {:.2} % of a core beside {:.2} % of an idle daemon",
        (busy - idle) * 100.0,
        idle * 100.0
    );
    assert!(busy - idle < 0.05, "{busy} with, {idle} without");
    let mut metrics = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
    let metrics = metrics.body_mut().read_to_string().expect("text");
    let counted =
        metrics.lines().find_map(|line| line.strip_prefix("lineside_ami_events_total ")?.parse::<usize>().ok());
    assert!(counted.is_some_and(|counted| counted >= sent), "{counted:?} of {sent}");
    assert!(metrics.lines().any(|line| line == "lineside_ami_events_dropped_total 0"), "{metrics}");
    bed.stop();
}

/// Answers what the daemon asks, as Asterisk with no channels does, until the connection ends. Whoever else writes takes the lock.
fn answers(writer: &Arc<Mutex<TcpStream>>) {
    let writer = Arc::clone(writer);
    let reader = writer.lock().expect("alone").try_clone().expect("clone");
    std::thread::spawn(move || {
        let (mut action, mut id) = (String::new(), String::new());
        for line in BufReader::new(reader).lines().map_while(Result::ok) {
            match line.split_once(": ") {
                Some(("Action", value)) => action = value.into(),
                Some(("ActionID", value)) => id = value.into(),
                _ if line.is_empty() => {
                    let none = format!("Event: CoreShowChannelsComplete\r\nActionID: {id}\r\nListItems: 0\r\n\r\n");
                    let list = if action == "CoreShowChannels" { none.as_str() } else { "" };
                    let answer = format!("Response: Success\r\nActionID: {id}\r\n\r\n{list}");
                    let sent = writer.lock().expect("alone").write_all(answer.as_bytes());
                    if sent.is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    });
}

#[test]
fn a_hundred_thousand_events_in_a_burst_and_half_a_message_lose_nothing_of_a_call() {
    const EVENTS: usize = 100_000;
    let listener = TcpListener::bind("127.0.0.1:0").expect("bind");
    let mut bed = bed(&listener);
    bed.start();
    let (manager, _) = let_in(accept(&listener), "Response: Success");
    manager.set_read_timeout(None).expect("no timeout");
    let manager = Arc::new(Mutex::new(manager));
    answers(&manager);
    let write = |text: &str| manager.lock().expect("alone").write_all(text.as_bytes()).expect("write");
    until_ami(&bed, "\"connected\":true");
    let path = "/api/v1/calls/1795218045.92";
    let mut call = bed.dial(&uuid_of(1_795_218_045, 92, 2));
    speak(&mut call, &[100; 8000]).expect("speak");
    bed.until("the call is heard", Duration::from_secs(20), |bed| bed.try_get(path).is_some());
    let own = "Channel: PJSIP/trunk-1\r\nUniqueid: 1795218045.92\r\nLinkedid: 1795218045.92\r\n";
    write(&format!("Event: Newchannel\r\n{own}\r\n"));
    let began = Instant::now();
    let other = |number| {
        format!(
            "Event: Newexten\r\nChannel: PJSIP/x-{number}\r\nUniqueid: 8.{number}\r\nLinkedid: 8.{number}\r\nApplication: NoOp\r\n\r\n"
        )
    };
    let burst: String = (0..EVENTS).map(other).collect();
    write(&burst);
    // A message in two halves, behind all of them.
    {
        let mut line = manager.lock().expect("alone");
        line.write_all(format!("Event: QueueCallerJoin\r\n{own}Queue: sal").as_bytes()).expect("write");
        std::thread::sleep(Duration::from_millis(300));
        line.write_all(b"es\r\nPosition: 1\r\n\r\n").expect("write");
    }
    bed.until("what came behind the burst is known", Duration::from_mins(1), |bed| {
        let events = bed.get(path)["pbx_events"].as_array().cloned().unwrap_or_default();
        events.iter().any(|event| event["kind"] == "queue_joined" && event["detail"] == "sales")
    });
    println!(
        "ami: {EVENTS} events in a burst, and the one behind them was known after {:.1} s",
        began.elapsed().as_secs_f64()
    );
    // Half a message, and Asterisk is gone: it says nothing.
    write("Event: Hangup\r\nUniqueid: 1795218045.92\r\nCau");
    manager.lock().expect("alone").shutdown(std::net::Shutdown::Both).expect("shut down");
    let (manager, _) = let_in(accept(&listener), "Response: Success");
    speak(&mut call, &[100; 8000]).expect("the call goes on");
    assert_eq!(bed.get(path)["status"], "active");
    drop((manager, call));
    bed.until_completed("1795218045.92");
    bed.stop();
}
