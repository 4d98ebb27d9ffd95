//! A scripted day: outbound, inbound, transfers, manual, blind, three-way, and rows that come late. Each call has its names within two seconds of the
//! dialer's row, one text, and after it all that the dialer knows. Recordings go from monitor to monitorDONE and MP3, and are renamed.

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};

use super::Test;
use super::bed::{self, Bed, open_header, plain, speak, uuid_of};
use super::server::Server;

pub const TESTS: &[Test] = &[
    ("a_day_of_calls_gets_its_names_soon_and_its_dispositions_after", a_day),
    ("a_recording_keeps_its_names_when_its_file_moves_and_is_renamed", a_file_that_moves),
    ("the_sides_of_a_recording_that_are_mixed_and_become_mp3_stay_one_call_with_one_text", sides_that_are_mixed),
    ("a_recording_and_a_tap_of_its_channel_are_one_call_and_the_next_agents_recording_another", one_call),
];

/// Machines are noisy: names come within 2 s on a quiet one, which is printed, and later than this nowhere.
const SLOWEST: Duration = Duration::from_secs(30);

/// A daemon beside a server.
pub struct Day {
    pub server: Server,
    pub bed: Bed,
    /// The second in which it began.
    pub epoch: i64,
    /// What is said first in each recording and what afterwards, four seconds each, and the words; noise where nobody transcribes.
    voice: [(Vec<i16>, String); 2],
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
        let noise = || ((0..32_000).map(|number| ((number * 37) % 6000) as i16).collect(), String::new());
        Self { server, bed, epoch: now.as_secs() as i64, voice: [noise(), noise()] }
    }

    /// A day on which people speak; without espeak-ng there is noise, and no text.
    fn spoken() -> Self {
        let Some(model) = bed::demo_model() else { return Self::new("") };
        let mut day = Self::with_model(&model.display().to_string(), "");
        let lines = bed::lines();
        // Any two that leave a silence behind them and of which neither holds the other.
        let mut short = lines.into_iter().filter(|line| line.samples.len() <= 24_000);
        let mut said: Vec<String> = Vec::new();
        day.voice = std::array::from_fn(|_| {
            let is_new =
                |words: &str| said.iter().all(|other| !other.contains(words) && !words.contains(other.as_str()));
            let mut line = short.find(|line| is_new(&plain(&line.words))).expect("a short line");
            line.samples.resize(32_000, 0);
            said.push(plain(&line.words));
            (line.samples, plain(&line.words))
        });
        day
    }

    /// A call is over and has what was said first once, and no more of it.
    fn has_one_text(&self, call: &str) {
        self.has_once(call, &self.voice[0].1);
    }

    fn has_once(&self, call: &str, words: &str) {
        if words.is_empty() {
            println!("skipped: the text of {call}: nobody speaks without espeak-ng");
            return;
        }
        let call = self.says_once(call, words);
        assert_eq!(call["doubled"], json!([]), "{call}");
    }

    /// A call is over and holds these words once.
    fn says_once(&self, call: &str, words: &str) -> Value {
        let call = self.bed.until_completed(call);
        let text = plain(call["cumulative_transcript"].as_str().unwrap_or_default());
        let first: Vec<&str> = words.split(' ').collect();
        let begins = text.split(' ').collect::<Vec<_>>().windows(first.len()).filter(|words| *words == first).count();
        assert_eq!(begins, 1, "{first:?} in {text:?}: {call}");
        call
    }

    /// Asterisk begins to record: the file grows until it is dropped.
    pub fn records(&self, name: &str) -> Growing {
        let path = self.bed.path("monitor").join(format!("{name}-in.wav"));
        let mut file = File::create(&path).expect("create");
        file.write_all(&open_header(1)).expect("write");
        let call = format!("/api/v1/calls/{name}");
        let mut growing =
            Growing { file, path, voice: self.voice.iter().map(|(samples, _)| samples.clone()).collect() };
        growing.grow();
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
    /// What is said next, four seconds each.
    voice: Vec<Vec<i16>>,
}

impl Growing {
    /// This more, as fast as it is spoken.
    fn say(&mut self, samples: &[i16]) {
        let began = Instant::now();
        for (number, part) in samples.chunks(800).enumerate() {
            let due = Duration::from_millis(100 * number as u64);
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            let bytes: Vec<u8> = part.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            self.file.write_all(&bytes).expect("write");
        }
    }

    /// Four seconds more.
    pub fn grow(&mut self) {
        let bytes: Vec<u8> = self.voice.remove(0).into_iter().flat_map(i16::to_le_bytes).collect();
        self.file.write_all(&bytes).expect("write");
    }
}

fn a_day() {
    let day = Day::spoken();
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
        let knows = |bed: &Bed| {
            agent(bed, path, "1001")["pause_code"] == "LUNCH" && agent(bed, path, "1003")["state"] == "ready"
        };
        day.bed.until("the board knows", Duration::from_mins(1), knows);
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
    recording.grow();
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
    speak(&mut sound, &day.voice[0].0).expect("speak");
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
    speak(&mut sound, &day.voice[1].0).expect("speak");
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
    recording.grow();
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

/// A file in a format of ViciDial's scripts; `None` where nothing here can write it.
fn mp3(samples: &[i16]) -> Option<Vec<u8>> {
    let raw = ["-t", "raw", "-r", "8000", "-c", "1", "-e", "signed", "-b", "16", "-", "-t", "mp3", "-C", "16", "-"];
    let child = Command::new("sox").args(raw).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.inspect_err(|error| println!("skipped: mp3: sox: {error}")).ok()?;
    let mut input = child.stdin.take().expect("stdin");
    let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    let writing = std::thread::spawn(move || input.write_all(&bytes));
    let output = child.wait_with_output().expect("sox");
    writing.join().expect("thread").expect("sox reads");
    assert!(output.status.success(), "sox");
    Some(output.stdout)
}

/// The sides lie in MIX, the script mixes them into monitorDONE and puts them into ORIG, another one compresses the mix, and its outcome comes into its name.
fn sides_that_are_mixed() {
    let mut day = Day::spoken();
    let (name, uniqueid) = (file(501), format!("{}.501", day.epoch));
    let (monitor, done) = (day.bed.path("monitor"), day.bed.path("monitorDONE"));
    for folder in [monitor.join("MIX"), done.join("ORIG"), done.join("MP3")] {
        std::fs::create_dir(folder).expect("mkdir");
    }
    let [(first, _), (second, _)] = &day.voice;
    let pause = vec![0; first.len()];
    let sides = [("in", [first.clone(), pause.clone()].concat()), ("out", [pause, second.clone()].concat())];
    let place = |side: &str| monitor.join("MIX").join(format!("{name}-{side}.wav"));
    std::thread::scope(|scope| {
        for (side, samples) in &sides {
            scope.spawn(|| bed::record(&place(side), samples));
        }
    });
    day.named(&name, "1001", &day.agent("1001", 501, &uniqueid, Some(&name), ""));
    let log = day.outbound(&uniqueid, 501, "1001", "SALE", 12);
    let disposed = day.disposed("1001", 501, &uniqueid, "SALE", 9);
    day.server.sql(&format!("{}{disposed}{log}", recorded(&name, &uniqueid)));
    day.has_one_text(&name);
    let before = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);

    let mix: Vec<i16> = sides[0].1.iter().zip(&sides[1].1).map(|(one, other)| one.saturating_add(*other)).collect();
    bed::record(&done.join(format!("{name}-all.wav")), &mix);
    for side in ["in", "out"] {
        std::fs::rename(place(side), done.join("ORIG").join(format!("{name}-{side}.wav"))).expect("mv");
    }
    if let Some(bytes) = mp3(&mix) {
        std::fs::write(done.join("MP3").join(format!("{name}-all.mp3")), bytes).expect("write");
        std::fs::rename(done.join(format!("{name}-all.wav")), done.join("ORIG").join(format!("{name}-all.wav")))
            .expect("mv");
    }
    std::thread::sleep(Duration::from_secs(5)); // time to do it wrong
    day.bed.stop();
    day.bed.start();
    std::thread::sleep(Duration::from_secs(5));
    let calls = day.bed.get("/api/v1/calls");
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(1), "{calls}");
    day.has_one_text(&name);
    let after = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    for key in ["agent", "lead", "phone", "campaign", "segment_count"] {
        assert_eq!(after[key], before[key], "{key}");
    }
    assert_eq!(after["dialer"]["disposition"], "SALE", "{after}");
    for leg in after["legs"].as_array().expect("legs") {
        let url = leg["audio_url"].as_str().expect("a link");
        assert_eq!(day.bed.ask("GET", url, None).0, 200, "its sound plays: {leg}");
    }
    day.bed.stop();
}

/// ViciDial's name of a recording holds no uniqueid: its database tells which channel it is of.
fn one_call() {
    let mut day = Day::spoken();
    let uniqueid = format!("{}.510", day.epoch);
    let [(line, words), _] = std::mem::replace(&mut day.voice, [const { (Vec::new(), String::new()) }; 2]);
    // Nobody speaks before the dialer has told: a line's soft noise.
    day.voice[0].0 = (0..4000).map(|number| ((number * 37) % 61) as i16 - 30).collect();
    let mut tap = day.bed.dial(&uuid_of(day.epoch as u64, 510, 0));
    speak(&mut tap, &[0; 1600]).expect("speak");
    let mut recording = day.records(&file(510));
    day.named(&file(510), "1001", &day.agent("1001", 510, &uniqueid, Some(&file(510)), ""));
    day.told(&file(510), "the customer's channel", |call| call["call_id"] == uniqueid.as_str());
    std::thread::scope(|scope| {
        scope.spawn(|| speak(&mut tap, &line).expect("speak"));
        scope.spawn(|| recording.say(&line));
    });
    drop(recording);
    // The caller goes on to another agent, who has a recording of her own.
    let transferred = day.disposed("1001", 510, &uniqueid, "XFER", 9);
    let next = day.agent("1003", 510, &uniqueid, Some(&file(511)), "");
    let mut other = day.records(&file(511));
    day.named(&file(511), "1003", &format!("{}{transferred}{next}", recorded(&file(510), &uniqueid)));
    drop(tap);
    other.say(&line);
    drop(other);
    day.server.sql(&format!(
        "{}{}{}",
        recorded(&file(511), &uniqueid),
        day.outbound(&uniqueid, 510, "1003", "SALE", 61),
        day.disposed("1003", 510, &uniqueid, "SALE", 30)
    ));
    let first = day.told(&uniqueid, "complete", |call| call["dialer"]["complete"] == true);
    let second = day.told(&file(511), "complete", |call| call["dialer"]["complete"] == true);
    let sources = |call: &Value| {
        let all = call["sources"].as_array().into_iter().flatten();
        let mut all: Vec<String> = all.filter_map(|one| one["source"].as_str()).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    };
    println!("a recording and a tap of its channel: {}", first["sources"]);
    assert_eq!((&first["call_id"], &first["agent"]), (&json!(uniqueid), &json!("1001")), "{first}");
    assert_eq!(sources(&first), ["audiosocket", "recording"], "{first}");
    assert_eq!((&second["call_id"], &second["agent"]), (&json!(file(511)), &json!("1003")), "{second}");
    assert_eq!(sources(&second), ["recording"], "{second}");
    let calls = day.bed.get("/api/v1/calls");
    assert_eq!(calls["calls"].as_array().map(Vec::len), Some(2), "{calls}");
    for call in [&uniqueid, &file(511)] {
        // Until the dialer had told, both were transcribed: nobody spoke then.
        if !words.is_empty() {
            day.says_once(call, &words);
        }
    }
    day.bed.stop();
}
