//! A scripted day: outbound, inbound, transfers, manual, blind, three-way, and rows that come late. Each call has its names within two seconds of the
//! dialer's row, and after it all that the dialer knows.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::Test;
use super::bed::{Bed, open_header, speak, uuid_of};
use super::server::Server;

pub const TESTS: &[Test] = &[
    ("a_day_of_calls_gets_its_names_soon_and_its_dispositions_after", a_day),
    ("a_recording_keeps_its_names_when_its_file_moves_and_is_renamed", a_file_that_moves),
];

/// A daemon beside a server.
pub struct Day {
    pub server: Server,
    pub bed: Bed,
    /// The second in which it began.
    pub epoch: i64,
}

impl Day {
    /// `more` are further lines of the daemon's `[dialer]`.
    pub fn new(more: &str) -> Self {
        Self::with_model("none", more)
    }

    /// The same with a model to transcribe with.
    pub fn with_model(model: &str, more: &str) -> Self {
        let (server, mut bed) = (Server::new(), Bed::new(model, ""));
        let file = bed.path("astguiclient.conf");
        Server::astguiclient(&file, &bed.path(""));
        std::fs::create_dir(bed.path("monitorDONE")).expect("mkdir");
        let path = bed.path("lineside.toml");
        let text = std::fs::read_to_string(&path).expect("read");
        // No question is asked: ViciDial's own file names the folders.
        let named = text.lines().find(|line| line.starts_with("folders = ")).expect("folders").to_owned();
        let text = text.replace(&named, "");
        let (file, socket) = (file.display(), server.socket());
        let dialer = format!("[dialer]\nastguiclient = \"{file}\"\nsocket = \"{}\"\n{more}", socket.display());
        std::fs::write(path, text + &dialer).expect("write");
        bed.start();
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock");
        Self { server, bed, epoch: now.as_secs() as i64 }
    }

    /// Asterisk begins to record: the file grows until it is dropped.
    pub fn records(&self, name: &str) -> Growing {
        let path = self.bed.path("monitor").join(format!("{name}-in.wav"));
        let mut file = File::create(&path).expect("create");
        file.write_all(&open_header(1)).expect("write");
        let call = format!("/api/v1/calls/{name}");
        let mut growing = Growing { file, path };
        growing.grow(4);
        self.bed.until(&format!("{name} is seen"), Duration::from_mins(1), |bed| bed.try_get(&call).is_some());
        growing
    }

    /// Waits for a field of a call's dialer's facts; gives back all of them.
    pub fn told(&self, call: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        let path = format!("/api/v1/calls/{call}");
        let mut last = Value::Null;
        let began = Instant::now();
        while last.is_null() || !is(&last) {
            assert!(
                began.elapsed() < Duration::from_mins(2),
                "not within two minutes: {call}: {what}: {last}\n{}",
                self.bed.log()
            );
            std::thread::sleep(Duration::from_millis(50));
            last = self.bed.try_get(&path).unwrap_or_default();
        }
        last
    }

    /// Writes rows, and tells how long the agent's name takes.
    pub fn named(&self, call: &str, agent: &str, sql: &str) -> Duration {
        let path = format!("/api/v1/calls/{call}");
        self.server.sql(sql);
        let began = Instant::now();
        self.bed.until(&format!("{call} has its agent {agent}"), Duration::from_mins(2), |bed| {
            bed.try_get(&path).is_some_and(|call| call["agent"] == agent)
        });
        began.elapsed()
    }

    /// An agent gets on a call, with a recording or without.
    pub fn agent(&self, user: &str, lead: i64, uniqueid: &str, recording: Option<&str>, comments: &str) -> String {
        let now = self.epoch;
        let record = recording.map_or(String::new(), |name| {
            format!(
                "INSERT INTO recording_log (channel, server_ip, extension, start_time, start_epoch, end_time, filename, lead_id, user, vicidial_id)
                 VALUES ('Local/58600051@default', '10.0.0.1', '8600051', FROM_UNIXTIME({now}), {now}, '0000-00-00 00:00:00', '{name}', {lead}, '{user}', '');
                 SET @recording = LAST_INSERT_ID();"
            )
        });
        format!(
            "SET @recording = ''; {record}
             DELETE FROM vicidial_live_agents WHERE user = '{user}';
             INSERT INTO vicidial_live_agents
                 (user, server_ip, conf_exten, extension, status, lead_id, campaign_id, uniqueid, callerid, last_call_time, call_server_ip,
                  comments, external_recording)
             VALUES ('{user}', '10.0.0.1', '8600051', 'SIP/{user}', 'INCALL', {lead}, 'TESTCAMP', '{uniqueid}', 'V11231015000000{lead:0>5}',
                     '0000-00-00 00:00:00', '10.0.0.1', '{comments}', @recording);"
        )
    }

    /// The agent hangs up and disposes of the call.
    pub fn disposed(&self, user: &str, lead: i64, uniqueid: &str, status: &str, talk: i64) -> String {
        let now = self.epoch;
        format!(
            "UPDATE vicidial_live_agents SET status = 'PAUSED', lead_id = 0, uniqueid = '', external_recording = '' WHERE user = '{user}';
             INSERT INTO vicidial_agent_log
                 (user, server_ip, event_time, lead_id, campaign_id, pause_epoch, pause_sec, wait_epoch, wait_sec, talk_epoch, talk_sec,
                  dispo_epoch, dispo_sec, status, user_group, dead_epoch, dead_sec, uniqueid)
             VALUES ('{user}', '10.0.0.1', FROM_UNIXTIME({now} - 30), {lead}, 'TESTCAMP', {now} - 30, 10, {now} - 20, 20, {now}, {talk},
                     {now} + {talk}, 7, '{status}', 'SALES', NULL, 3, '{uniqueid}');"
        )
    }

    /// A row of `vicidial_log`, whole.
    pub fn outbound(&self, uniqueid: &str, lead: i64, user: &str, status: &str, length: i64) -> String {
        let now = self.epoch;
        format!(
            "REPLACE INTO vicidial_log
                 (uniqueid, lead_id, list_id, campaign_id, call_date, start_epoch, end_epoch, length_in_sec, status, phone_code, phone_number, user,
                  comments, processed, user_group, term_reason)
             VALUES ('{uniqueid}', {lead}, 9001, 'TESTCAMP', FROM_UNIXTIME({now}), {now}, {now} + {length}, {length}, '{status}', '1',
                     '555123{:0>4}', '{user}', 'AUTO', 'N', 'SALES', 'CALLER');",
            lead - 500
        )
    }

    /// A stage in an in-group that goes on; gives back its number.
    pub fn inbound(&self, uniqueid: &str, lead: i64, group: &str, user: &str) -> i64 {
        let now = self.epoch;
        self.server.number(&format!(
            "INSERT INTO vicidial_closer_log
                 (lead_id, list_id, campaign_id, call_date, start_epoch, status, phone_code, phone_number, user, queue_seconds, user_group,
                  term_reason, uniqueid)
             VALUES ({lead}, 999, '{group}', FROM_UNIXTIME({now}), {now}, 'INCALL', '1', '555999{lead:0>4}', '{user}', 4.50, 'SUPPORT', 'NONE',
                     '{uniqueid}');
             SELECT LAST_INSERT_ID()"
        ))
    }
}

pub fn inbound_ended(id: i64, status: &str, length: i64) -> String {
    format!(
        "UPDATE vicidial_closer_log SET status = '{status}', end_epoch = start_epoch + {length}, length_in_sec = {length}, term_reason = 'AGENT'
         WHERE closecallid = {id};"
    )
}

/// Asterisk stops the recording: its row has its end, and which call it was.
pub fn recorded(name: &str, vicidial_id: &str) -> String {
    format!(
        "UPDATE recording_log SET end_epoch = start_epoch + 20, end_time = FROM_UNIXTIME(start_epoch + 20), vicidial_id = '{vicidial_id}'
         WHERE filename = '{name}';"
    )
}

/// A gateway records the whole call under the caller id code; its own log leads to the lead.
fn at_a_gateway(day: &Day) {
    let (name, uniqueid) = ("Y1231015000000000509_20261123101500", format!("{}.509", day.epoch));
    let id = day.server.number(&format!(
        "INSERT INTO gateway_recording_log (call_direction, call_id, lead_id, uniqueid, server_ip, caller_id_number, start_time, end_time, length_in_sec)
         VALUES ('INBOUND', 'Y1231015000000000509', 509, '{uniqueid}', '10.0.0.1', '5559998888', FROM_UNIXTIME({0}), FROM_UNIXTIME({0} + 77), 77);
         SELECT LAST_INSERT_ID()",
        day.epoch
    ));
    day.server.sql(&format!(
        "INSERT INTO recording_log (server_ip, start_epoch, end_epoch, filename, lead_id, user, vicidial_id)
         VALUES ('10.0.0.1', {0}, {0} + 77, '{name}', NULL, 'GATEWAY', 'G{id}')",
        day.epoch
    ));
    drop(day.records(name));
    let call = day.told(name, "complete", |call| call["dialer"]["complete"] == true);
    let dialer = &call["dialer"];
    assert_eq!((&call["call_id"], &call["lead"]), (&json!(uniqueid), &json!("509")), "{call}");
    assert_eq!((&call["phone"], &call["agent"]), (&json!("5559998888"), &Value::Null), "{call}");
    assert_eq!((&dialer["direction"], &dialer["list_id"]), (&json!("inbound"), &json!(9002)), "{dialer}");
    assert_eq!(dialer["length_seconds"], 77, "{dialer}");
}

/// A name as ViciDial makes them.
pub fn file(number: i64) -> String {
    format!("20261123-10150{}_555123{number:0>4}", number % 10)
}

/// A recording that Asterisk writes.
pub struct Growing {
    file: File,
    pub path: PathBuf,
}

impl Growing {
    /// So many seconds more.
    pub fn grow(&mut self, seconds: usize) {
        let bytes: Vec<u8> =
            (0..8000 * seconds).flat_map(|number| (((number * 37) % 6000) as i16).to_le_bytes()).collect();
        self.file.write_all(&bytes).expect("write");
    }
}

fn a_day() {
    let day = Day::new("");
    let mut slowest = Duration::ZERO;
    for scene in [outbound, inbound_and_transferred, manual, blind, three_way, without_a_log] {
        slowest = slowest.max(scene(&day));
    }
    a_second_with_two_calls(&day);
    at_a_gateway(&day);
    crate::dispositions::one_of_each(&day);
    assert_eq!(day.bed.get("/health")["dialer"]["connected"], true);
    println!("names were there {slowest:?} after the dialer's row, at the latest of six calls");
    assert!(slowest < SLOWEST, "names came {slowest:?} after the dialer's row");
    for number in [501, 503, 504, 505, 506] {
        day.has_one_text(&file(number));
    }
    day.has_one_text(&format!("{}.502", day.epoch));
    logged_in(&day);
    let mut bed = day.bed;
    bed.stop();
}

/// Who is ready, who is paused and why: on the board, for those who see the campaign.
fn logged_in(day: &Day) {
    day.server.sql(&format!(
        "UPDATE vicidial_live_agents SET status = 'PAUSED', pause_code = 'LUNCH', last_state_change = FROM_UNIXTIME({0}) WHERE user = '1001';
         UPDATE vicidial_live_agents SET status = 'READY', pause_code = 'OLD' WHERE user = '1003'",
        day.epoch
    ));
    let agent = |bed: &Bed, path: &str, user: &str| {
        let list = bed.get(path)["dialer_agents"].as_array().cloned().unwrap_or_default();
        list.into_iter().find(|one| one["agent"] == user).unwrap_or_default()
    };
    for path in ["/api/v1/board", "/api/v1/box"] {
        day.bed.until("the board knows", Duration::from_mins(1), |bed| agent(bed, path, "1001")["state"] == "paused");
        let paused = agent(&day.bed, path, "1001");
        assert_eq!((&paused["pause_code"], &paused["campaign"]), (&json!("LUNCH"), &json!("TESTCAMP")), "{paused}");
        assert!(paused["since"].is_string(), "{paused}");
        let ready = agent(&day.bed, path, "1003");
        assert_eq!((&ready["state"], &ready["pause_code"]), (&json!("ready"), &Value::Null), "{ready}");
    }
}

fn outbound(day: &Day) -> Duration {
    let (name, uniqueid) = (file(501), format!("{}.501", day.epoch));
    let mut recording = day.records(&name);
    let took = day.named(&name, "1001", &day.agent("1001", 501, &uniqueid, Some(&name), ""));
    let call = day.told(&name, "list and name", |call| call["dialer"]["list_id"] == 9001);
    let dialer = &call["dialer"];
    assert_eq!((&call["lead"], &call["campaign"]), (&json!("501"), &json!("TESTCAMP")), "{call}");
    assert_eq!((&call["phone"], &dialer["agent_name"]), (&json!("5551230001"), &json!("José Núñez")), "{dialer}");
    assert_eq!((&dialer["direction"], &dialer["complete"]), (&json!("outbound"), &json!(false)), "{dialer}");
    assert!(dialer["recording_id"].is_i64(), "{dialer}");
    recording.grow(4);
    drop(recording);
    day.server.sql(&format!(
        "{}{}{}",
        recorded(&name, &uniqueid),
        day.outbound(&uniqueid, 501, "1001", "SALE", 61),
        day.disposed("1001", 501, &uniqueid, "SALE", 58)
    ));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    let told = |key: &str| call["dialer"][key].clone();
    assert_eq!(
        (told("disposition"), told("term_reason"), told("uniqueid")),
        (json!("SALE"), json!("CALLER"), json!(uniqueid))
    );
    let seconds = ["length", "talk", "wait", "wrap", "dead", "pause"].map(|key| told(&format!("{key}_seconds")));
    assert_eq!(seconds, [61, 58, 20, 7, 3, 10].map(|seconds| json!(seconds)), "{call}");
    took
}

/// From one in-group to another while AudioSocket listens to the customer's channel: whoever has the call is its agent.
fn inbound_and_transferred(day: &Day) -> Duration {
    let uniqueid = format!("{}.502", day.epoch);
    let mut sound = day.bed.dial(&uuid_of(day.epoch as u64, 502, 0));
    let noise: Vec<i16> = (0..8000).map(|number| ((number * 37) % 6000) as i16).collect();
    speak(&mut sound, &noise).expect("speak");
    let first = day.inbound(&uniqueid, 502, "SUPPORT", "1002");
    let took = day.named(&uniqueid, "1002", &day.agent("1002", 502, &uniqueid, None, "INBOUND"));
    let call = day.told(&uniqueid, "in-group", |call| call["campaign"] == "SUPPORT");
    assert_eq!((&call["dialer"]["direction"], &call["phone"]), (&json!("inbound"), &json!("5559990502")), "{call}");
    assert_eq!(call["dialer"]["agent_name"], "José Núñez", "UTF-8 in a latin1 column");
    assert_eq!(call["dialer"]["queue_seconds"], 4.5);
    day.server.sql(&format!(
        "{}{}",
        inbound_ended(first, "XFER", 20),
        day.disposed("1002", 502, &uniqueid, "XFER", 15)
    ));
    let second = day.inbound(&uniqueid, 502, "BILLING", "1003");
    let later = day.named(&uniqueid, "1003", &day.agent("1003", 502, &uniqueid, None, "INBOUND"));
    speak(&mut sound, &noise).expect("speak");
    drop(sound);
    day.server.sql(&format!(
        "{}{}",
        inbound_ended(second, "PAID", 40),
        day.disposed("1003", 502, &uniqueid, "PAID", 33)
    ));
    let call = day.told(&uniqueid, "complete", |call| call["dialer"]["complete"] == true);
    let dialer = &call["dialer"];
    assert_eq!((&call["campaign"], &dialer["disposition"]), (&json!("BILLING"), &json!("PAID")), "{call}");
    assert_eq!((&dialer["talk_seconds"], &dialer["agent_name"]), (&json!(33), &json!("Mary Smith")), "{dialer}");
    let stages: Vec<_> =
        dialer["transfers"].as_array().expect("a list").iter().map(|stage| (&stage["to"], &stage["agent"])).collect();
    assert_eq!(stages, [(&json!("SUPPORT"), &json!("1002")), (&json!("BILLING"), &json!("1003"))], "{dialer}");
    took.max(later)
}

/// While a manual call rings the agent's row has no uniqueid: the recording leads there.
fn manual(day: &Day) -> Duration {
    let (name, uniqueid) = (file(503), format!("{}.503", day.epoch));
    let recording = day.records(&name);
    let took = day.named(&name, "1003", &day.agent("1003", 503, "", Some(&name), ""));
    let call = day.told(&name, "phone", |call| call["phone"] == "5551230003");
    assert_eq!((&call["dialer"]["list_id"], &call["dialer"]["uniqueid"]), (&json!(9002), &Value::Null), "{call}");
    drop(recording);
    day.server.sql(&format!(
        "{}{}{}",
        recorded(&name, &uniqueid),
        day.outbound(&uniqueid, 503, "1003", "NI", 30),
        day.disposed("1003", 503, "", "NI", 25)
    ));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    assert_eq!((&call["dialer"]["disposition"], &call["dialer"]["talk_seconds"]), (&json!("NI"), &json!(25)), "{call}");
    took
}

/// The customer goes to an outside number and the agent is free: the call is longer than the agent's part of it.
fn blind(day: &Day) -> Duration {
    let (name, uniqueid) = (file(504), format!("{}.504", day.epoch));
    let recording = day.records(&name);
    let took = day.named(&name, "1004", &day.agent("1004", 504, &uniqueid, Some(&name), ""));
    drop(recording);
    let disposed = day.disposed("1004", 504, &uniqueid, "XFER", 12);
    day.server.sql(&format!("{}{disposed}", recorded(&name, &uniqueid)));
    day.told(&name, "its recording has ended", |call| call["status"] != "active");
    day.server.sql(&day.outbound(&uniqueid, 504, "1004", "XFER", 300));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    let dialer = &call["dialer"];
    assert_eq!((&dialer["length_seconds"], &dialer["talk_seconds"]), (&json!(300), &json!(12)), "{dialer}");
    assert_eq!((&call["agent"], &dialer["agent_name"]), (&json!("1004"), &Value::Null), "an agent without a name");
    took
}

/// A third party is called in: the agent's row shows that call's code and channel for a while, the recording goes on.
fn three_way(day: &Day) -> Duration {
    let (name, uniqueid) = (file(505), format!("{}.505", day.epoch));
    let mut recording = day.records(&name);
    let took = day.named(&name, "1001", &day.agent("1001", 505, &uniqueid, Some(&name), ""));
    day.server.sql(&format!(
        "UPDATE vicidial_live_agents SET callerid = 'DC1123101500000000505W', uniqueid = '{}.905' WHERE user = '1001'",
        day.epoch
    ));
    std::thread::sleep(Duration::from_secs(3));
    recording.grow(4);
    drop(recording);
    day.server.sql(&format!(
        "{}{}{}",
        recorded(&name, &uniqueid),
        day.outbound(&uniqueid, 505, "1001", "CALLBK", 90),
        day.disposed("1001", 505, &uniqueid, "CALLBK", 80)
    ));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    assert_eq!(
        (&call["agent"], &call["lead"], &call["phone"]),
        (&json!("1001"), &json!("505"), &json!("5551230005")),
        "{call}"
    );
    assert_eq!(call["dialer"]["uniqueid"], json!(uniqueid));
    took
}

/// The log's row comes long after the call: the names are there, the rest follows.
fn without_a_log(day: &Day) -> Duration {
    let (name, uniqueid) = (file(506), format!("{}.506", day.epoch));
    let recording = day.records(&name);
    let took = day.named(&name, "1003", &day.agent("1003", 506, &uniqueid, Some(&name), ""));
    drop(recording);
    day.server.sql(&recorded(&name, &uniqueid));
    day.told(&name, "over", |call| call["status"] != "active");
    std::thread::sleep(Duration::from_secs(5));
    let call = day.bed.get(&format!("/api/v1/calls/{name}"));
    assert_eq!((&call["dialer"]["complete"], &call["lead"]), (&json!(false), &json!("506")), "{call}");
    day.server.sql(&format!(
        "{}{}",
        day.outbound(&uniqueid, 506, "1003", "DNC", 44),
        day.disposed("1003", 506, &uniqueid, "DNC", 40)
    ));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    assert_eq!(
        (&call["dialer"]["disposition"], &call["dialer"]["agent_name"]),
        (&json!("DNC"), &json!("Mary Smith")),
        "{call}"
    );
    took
}

/// A channel whose own number is not in the tables: it is the call of its second only where one began in that.
fn a_second_with_two_calls(day: &Day) {
    let (alone, shared) = (day.epoch - 1000, day.epoch - 2000);
    for (second, sequence, lead) in [(alone, 1, 507), (shared, 1, 508), (shared, 2, 509)] {
        let uniqueid = format!("{second}.{sequence}");
        day.server.sql(&day.outbound(&uniqueid, lead, "1001", "SALE", 10));
        day.server.sql(&format!(
            "INSERT INTO recording_log (server_ip, start_epoch, filename, lead_id, user, vicidial_id)
             VALUES ('10.0.0.1', {second}, 'f{lead}', {lead}, '1001', '{uniqueid}')"
        ));
    }
    for second in [alone, shared] {
        let mut sound = day.bed.dial(&uuid_of(second as u64, 9, 0));
        speak(&mut sound, &[100; 4000]).expect("speak");
    }
    let call = day.told(&format!("{alone}.9"), "its lead", |call| call["lead"] == "507");
    assert_eq!((&call["agent"], &call["dialer"]["uniqueid"]), (&json!("1001"), &json!(format!("{alone}.1"))), "{call}");
    // The other one was asked about as often by then.
    std::thread::sleep(Duration::from_secs(5));
    let call = day.bed.get(&format!("/api/v1/calls/{shared}.9"));
    assert!(call["dialer"]["asked"].is_string(), "{call}");
    assert_eq!((&call["lead"], &call["agent"]), (&Value::Null, &Value::Null), "either of two is nobody: {call}");
}

/// As ViciDial's scripts move, rename and compress it: one call, its names, and sound that plays.
fn a_file_that_moves() {
    let day = Day::new("user = \"lineside\"\npassword_file = \"/nowhere\"\n");
    let problem = |bed: &Bed| bed.get("/health")["dialer"]["problem"].as_str().unwrap_or_default().to_string();
    day.bed.until("a password that cannot be read is told", Duration::from_mins(1), |bed| {
        problem(bed).contains("/nowhere")
    });
    let config = day.bed.path("lineside.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    let password = day.bed.path("password");
    std::fs::write(&password, "choose-one\n").expect("write");
    std::fs::write(&config, text.replace("/nowhere", &password.display().to_string())).expect("write");
    let mut day = day;
    day.bed.stop();
    day.bed.start();
    let (name, uniqueid) = (file(501), format!("{}.501", day.epoch));
    let recording = day.records(&name);
    day.named(&name, "1001", &day.agent("1001", 501, &uniqueid, Some(&name), ""));
    let path = recording.path.clone();
    drop(recording);
    day.server.sql(&format!("{}{}", recorded(&name, &uniqueid), day.disposed("1001", 501, &uniqueid, "SALE", 9)));
    let before = day.told(&name, "over", |call| call["status"] != "active");
    let done = day.bed.path("monitorDONE");
    std::fs::rename(&path, done.join(format!("{name}-all.wav"))).expect("mv");
    // POSTSTATUS in its name: the row gets the new name too, and the log comes last.
    let renamed = format!("{name}_SALE");
    std::fs::rename(done.join(format!("{name}-all.wav")), done.join(format!("{renamed}-all.wav"))).expect("mv");
    day.server.sql(&format!(
        "UPDATE recording_log SET filename = '{renamed}' WHERE filename = '{name}'; {}",
        day.outbound(&uniqueid, 501, "1001", "SALE", 12)
    ));
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    for key in ["agent", "lead", "phone", "campaign"] {
        assert_eq!(call[key], before[key], "{key}");
    }
    assert_eq!(
        (&call["dialer"]["disposition"], &call["dialer"]["recording_id"]),
        (&json!("SALE"), &before["dialer"]["recording_id"])
    );
    let calls = day.bed.get("/api/v1/calls");
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    let url = call["legs"][0]["audio_url"].as_str().expect("a link").to_string();
    let (status, _) = day.bed.ask("GET", &url, None);
    assert_eq!(status, 200, "its sound plays");
    assert_eq!(day.bed.get("/health")["dialer"]["rights"], Value::Null, "this account only reads");
    day.bed.stop();
}
