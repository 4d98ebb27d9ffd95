//! What a dialer's database does to those who read it: it stops, hangs, loses a table or an index, holds nonsense, is large. Calls go on, and get what
//! they lack when it can be read again.

use std::time::Duration;

use serde_json::{Value, json};

use super::Test;
use super::bed::{Bed, speak, uuid_of};
use super::day::{Day, file, recorded};

pub const TESTS: &[Test] = &[
    ("a_database_that_stops_hangs_or_loses_a_table_is_waited_for", away),
    ("what_would_read_a_whole_table_is_not_asked_and_a_million_rows_are_no_burden", a_million),
    ("nonsense_in_its_configuration_is_named_and_ends_nothing", nonsense),
];

fn dialer(bed: &Bed) -> Value {
    bed.get("/health")["dialer"].clone()
}

fn until_health(bed: &Bed, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    bed.until(&format!("{what}: {}", dialer(bed)), Duration::from_mins(3), |bed| is(&dialer(bed)));
    dialer(bed)
}

/// Calls that are looked up among a million.
const CALLS: i64 = 40;

/// The daemon's connections, as the server counts them.
fn connections(day: &Day) -> i64 {
    day.server.number("SELECT count(*) FROM information_schema.processlist WHERE user IN ('cron', 'lineside')")
}

fn away() {
    let mut day = Day::new("");
    until_health(&day.bed, "it is read", |health| health["connected"] == true);
    // Stopped while a call runs, and the daemon is started again meanwhile.
    let (name, uniqueid) = (file(501), format!("{}.501", day.epoch));
    let mut recording = day.records(&name);
    day.named(&name, "1001", &day.agent("1001", 501, &uniqueid, Some(&name), ""));
    let rows = format!(
        "{}{}{}",
        recorded(&name, &uniqueid),
        day.outbound(&uniqueid, 501, "1001", "SALE", 61),
        day.disposed("1001", 501, &uniqueid, "SALE", 58)
    );
    day.server.stop();
    until_health(&day.bed, "it is away", |health| health["connected"] == false && health["problem"].is_string());
    assert_eq!(day.bed.get("/health/models")["wanted"], "none", "all else answers");
    recording.grow();
    drop(recording);
    let path = format!("/api/v1/calls/{name}");
    day.bed.until("the call goes on to its end", Duration::from_mins(1), |bed| bed.get(&path)["status"] != "active");
    let lines = day.bed.log().lines().filter(|line| line.contains("calls go on")).count();
    assert!((1..20).contains(&lines), "{lines} lines of the log");
    day.bed.stop();
    day.bed.start();
    day.server.start();
    day.server.sql(&rows);
    let call = day.told(&name, "complete", |call| call["dialer"]["complete"] == true);
    assert_eq!((&call["dialer"]["disposition"], &call["agent"]), (&json!("SALE"), &json!("1001")), "{call}");

    // It hangs: nothing answers, nothing is closed.
    day.server.signal("-STOP");
    let mut sound = day.bed.dial(&uuid_of(day.epoch as u64, 502, 0));
    speak(&mut sound, &[100; 8000]).expect("a call minds nothing");
    until_health(&day.bed, "it hangs", |health| health["connected"] == false);
    day.server.signal("-CONT");
    let uniqueid = format!("{}.502", day.epoch);
    day.named(&uniqueid, "1002", &day.agent("1002", 502, &uniqueid, None, ""));
    assert!(connections(&day) <= 2, "{} connections", connections(&day));

    // A table is gone. The other is read all the same.
    day.server.sql("RENAME TABLE vicidial_users TO away");
    let name = file(503);
    let recording = day.records(&name);
    day.named(&name, "1003", &day.agent("1003", 503, "", Some(&name), ""));
    let health = until_health(&day.bed, "a table is missing", |health| {
        health["queries"].as_array().is_some_and(|queries| queries.iter().any(|query| !query["problem"].is_null()))
    });
    assert!(health.to_string().contains("vicidial_users' doesn't exist"), "{health}");
    assert!(day.bed.log().contains("vicidial_users by user"), "{}", day.bed.log());
    day.server.sql("RENAME TABLE away TO vicidial_users");
    day.told(&name, "the agent's name is filled in", |call| call["dialer"]["agent_name"] == "Mary Smith");
    drop(recording);
    day.bed.stop();
}

fn a_million() {
    let mut day = Day::new("");
    let health = until_health(&day.bed, "it is read", |health| health["connected"] == true);
    assert!(health["rights"].as_str().is_some_and(|rights| rights.contains("GRANT SELECT")), "{health}");
    let refused = |health: &Value| {
        let queries = health["queries"].as_array().expect("a list");
        queries.iter().filter(|query| !query["problem"].is_null()).cloned().collect::<Vec<_>>()
    };
    assert_eq!(refused(&health), Vec::<Value>::new(), "all is asked on a new, empty system");
    let first = day.epoch - 2_000_000;
    day.server.sql(&format!(
        "INSERT INTO vicidial_log (uniqueid, lead_id, list_id, campaign_id, call_date, start_epoch, end_epoch, length_in_sec, status, phone_number, user)
         SELECT CONCAT({first} + seq, '.', seq), 1000 + seq, 9001, 'TESTCAMP', FROM_UNIXTIME({first} + seq), {first} + seq, {first} + seq + 60, 60,
                'NI', '5550000000', 'VDAD'
         FROM seq_1_to_1000000;
         INSERT INTO recording_log (server_ip, start_epoch, end_epoch, filename, lead_id, user, vicidial_id)
         SELECT '10.0.0.1', {first} + seq, {first} + seq + 60, CONCAT('f', seq), 1000 + seq, '1001', CONCAT({first} + seq, '.', seq)
         FROM seq_1_to_20000;
         ANALYZE TABLE vicidial_log, recording_log"
    ));
    assert_eq!(day.server.number("SELECT count(*) FROM vicidial_log"), 1_000_000);
    day.bed.stop();
    day.bed.start();
    let health = until_health(&day.bed, "it is read again", |health| health["connected"] == true);
    assert_eq!(refused(&health), Vec::<Value>::new());
    let metric = |bed: &Bed, name: &str| {
        let mut answer = ureq::get(format!("http://127.0.0.1:{}/metrics", bed.http)).call().expect("metrics");
        let text = answer.body_mut().read_to_string().expect("text");
        text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse::<f64>().ok()).unwrap_or_default()
    };
    let taken = |bed: &Bed| {
        (metric(bed, "lineside_dialer_query_seconds_sum "), metric(bed, "lineside_dialer_query_seconds_count "))
    };
    day.server.sql("FLUSH TABLE_STATISTICS; FLUSH INDEX_STATISTICS");
    let before = taken(&day.bed);
    for number in 1..=CALLS {
        let sequence = (number * 24_999) as u64;
        let mut sound = day.bed.dial(&uuid_of((first as u64) + sequence, sequence, 0));
        speak(&mut sound, &[100; 160]).expect("speak");
    }
    for number in 1..=CALLS {
        let sequence = number * 24_999;
        let id = format!("{}.{sequence}", first + sequence);
        let call = day.told(&id, "complete", |call| call["dialer"]["complete"] == true);
        assert_eq!(call["lead"], json!((1000 + sequence).to_string()), "{call}");
    }
    let after = taken(&day.bed);
    let read = |table: &str| {
        day.server.number(&format!(
            "SELECT coalesce(sum(rows_read), 0) FROM information_schema.table_statistics WHERE table_name = '{table}'"
        ))
    };
    let by_key = |table: &str| {
        day.server.number(&format!(
            "SELECT coalesce(sum(rows_read), 0) FROM information_schema.index_statistics WHERE table_name = '{table}'"
        ))
    };
    // All that it touches but the agents who are logged in, a table that is read whole.
    for table in [
        "recording_log",
        "vicidial_log",
        "vicidial_closer_log",
        "vicidial_agent_log",
        "vicidial_users",
        "vicidial_list",
    ] {
        let (rows, by_key) = (read(table), by_key(table));
        println!("{table}: {rows} rows read, {by_key} of them by a key");
        assert_eq!(rows, by_key, "{table} was scanned");
    }
    let (rows, by_key) = (read("vicidial_log"), by_key("vicidial_log"));
    let (seconds, queries) = (after.0 - before.0, after.1 - before.1);
    println!(
        "vicidial_log of 1,000,000 rows: {CALLS} calls looked up by {queries} questions, {:.2} ms a question, {:.2} ms a call; {rows} rows of it were \
         read, {by_key} of them by a key: {} table scans",
        seconds / queries * 1000.0,
        seconds / CALLS as f64 * 1000.0,
        (rows - by_key) / 1_000_000
    );
    assert!(rows > 0 && rows == by_key && rows < 100 * CALLS, "{rows} rows read, {by_key} by a key");

    // Without its index that question would read 20,000 rows.
    day.server.sql("ALTER TABLE recording_log DROP INDEX filename; ANALYZE TABLE recording_log");
    day.bed.stop();
    day.bed.start();
    let health = until_health(&day.bed, "it is read again", |health| health["connected"] == true);
    let queries = refused(&health);
    assert_eq!(queries.len(), 1, "{health}");
    assert_eq!(queries[0]["name"], "recording_log by filename");
    assert!(queries[0]["problem"].to_string().contains("without an index"), "{health}");
    assert_eq!(metric(&day.bed, "lineside_dialer_refused "), 1.0);
    let doctor = day.bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    let line = said.lines().find(|line| line.contains(" dialer ") && line.contains("filename")).unwrap_or_default();
    assert!(line.starts_with("BAD"), "{said}");
    day.bed.stop();
}

fn nonsense() {
    let mut bed = Bed::new("none", "");
    let own = bed.path("astguiclient.conf");
    let config = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    std::fs::write(&config, format!("{text}[dialer]\nastguiclient = \"{}\"\n", own.display())).expect("write");
    bed.start();
    assert_eq!(dialer(&bed), Value::Null, "no such file, no dialer");
    bed.stop();
    std::fs::write(&own, "PATHhome => /usr/share/astguiclient\nVARDB_port => three\n").expect("write");
    bed.start();
    let health = dialer(&bed);
    let problem = health["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("astguiclient.conf: line 2: VARDB_port") && health["connected"] == false, "{health}");
    assert!(bed.log().contains("line 2: VARDB_port"), "{}", bed.log());
    let doctor = bed.command(&["doctor"]).output().expect("run");
    let said = String::from_utf8_lossy(&doctor.stdout).into_owned();
    assert!(
        said.lines().any(|line| line.starts_with("BAD") && line.contains(" dialer ") && line.contains("line 2")),
        "{said}"
    );
    let mut sound = bed.dial(&uuid_of(1_795_218_045, 12, 0));
    speak(&mut sound, &[100; 8000]).expect("speak");
    bed.until("the call is heard", Duration::from_mins(1), |bed| bed.try_get("/api/v1/calls/1795218045.12").is_some());
    drop(sound);
    bed.stop();
}
