//! A scripted day with seven planted faults: the table has these and no others, also when the database is gone.

use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use super::Test;
use super::bed;
use super::day::Day;

pub const TESTS: &[Test] = &[("a_day_with_seven_planted_faults_has_these_and_no_others", planted_faults)];

/// Seconds that an agent talks.
const TALK: i64 = 12;
/// The same where both sides should be heard.
const LONG: i64 = 22;

/// A floor on a day whose calls are over.
struct Floor {
    day: Day,
    /// The first call's minute.
    begin: i64,
    speech: Vec<i16>,
}

/// A name as ViciDial makes them.
fn name(number: i64) -> String {
    format!("20261123-1015{number:0>2}_555123{number:0>4}")
}

impl Floor {
    /// Tables that hold months already: what would read them whole is refused.
    fn new(model: &Path) -> Self {
        let mut day = Day::with_model(&model.display().to_string(), "");
        let begin = (day.epoch / 3600 - 2) * 3600;
        day.epoch = begin;
        day.server.sql(&format!(
            "INSERT INTO vicidial_log (uniqueid, lead_id, campaign_id, call_date, start_epoch, end_epoch, length_in_sec, user)
             SELECT CONCAT(1500000000 + seq, '.1'), seq, 'OLD', FROM_UNIXTIME({begin} - 100000 - seq * 600), {begin} - 100000 - seq * 600,
                    {begin} - 99990 - seq * 600, 10, '1001'
             FROM seq_1_to_5000;
             INSERT INTO vicidial_closer_log (lead_id, campaign_id, call_date, start_epoch, end_epoch, length_in_sec, user, uniqueid)
             SELECT lead_id, 'OLD', call_date, start_epoch, end_epoch, 10, '1001', uniqueid FROM vicidial_log;
             INSERT INTO vicidial_agent_log (user, server_ip, event_time, lead_id, talk_epoch, talk_sec, uniqueid)
             SELECT '1001', '10.0.0.1', call_date, lead_id, start_epoch, 10, uniqueid FROM vicidial_log;
             INSERT INTO recording_log (server_ip, start_epoch, end_epoch, filename, lead_id, user, vicidial_id)
             SELECT '10.0.0.1', start_epoch, end_epoch, CONCAT('old', uniqueid), lead_id, '1001', uniqueid FROM vicidial_log ORDER BY start_epoch;
             -- A hole of three thousand million numbers.
             ALTER TABLE recording_log AUTO_INCREMENT = 3000000000;
             INSERT INTO call_log (uniqueid, channel, number_dialed, caller_code, server_ip, start_epoch, end_epoch, length_in_sec)
             SELECT uniqueid, CONCAT('SIP/trunk-', lead_id), '15550000000', CONCAT('V1231015000', LPAD(lead_id, 10, '0')), '10.0.0.1', start_epoch,
                    end_epoch, 40
             FROM vicidial_log"
        ));
        let mut speech: Vec<i16> = bed::lines().into_iter().flat_map(|line| line.samples).collect();
        while speech.len() < 8000 * LONG as usize {
            speech.extend_from_within(..);
        }
        Self { day, begin, speech }
    }

    /// A call that 1001 dialled, disposed of; gives back its uniqueid.
    fn outbound(&mut self, number: i64, talk: i64) -> String {
        self.day.epoch = self.begin + number * 60;
        let (uniqueid, lead) = (format!("{}.{number}", self.day.epoch), 500 + number);
        let log = self.day.outbound(&uniqueid, lead, "1001", "SALE", talk + 20);
        // Of which three seconds after the customer had gone.
        let disposed = self.day.disposed("1001", lead, &uniqueid, "SALE", talk + 3);
        self.day.server.sql(&format!("{log}{disposed}"));
        uniqueid
    }

    /// The row of a recording that has ended.
    fn logged(&self, number: i64, link: &str, seconds: i64) {
        let start = self.begin + number * 60;
        self.day.server.sql(&format!(
            "INSERT INTO recording_log
                 (channel, server_ip, extension, start_time, start_epoch, end_time, end_epoch, length_in_sec, filename, lead_id, user, vicidial_id)
             VALUES ('Local/58600051@default', '10.0.0.1', '8600051', FROM_UNIXTIME({start}), {start}, FROM_UNIXTIME({start} + {seconds}),
                     {start} + {seconds}, {seconds}, '{}', {}, '1001', '{link}')",
            name(number),
            500 + number
        ));
    }

    /// A file as it lies there since its call was over: the first seconds of speech, or silence.
    fn file(&self, path: &str, number: i64, seconds: i64, is_speech: bool) {
        let whole = self.day.bed.path("whole.wav");
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::create(&whole, spec).expect("create");
        for sample in &self.speech[..8000 * seconds as usize] {
            writer.write_sample(if is_speech { *sample } else { 0 }).expect("write");
        }
        writer.finalize().expect("finish");
        let written = SystemTime::UNIX_EPOCH + Duration::from_secs((self.begin + number * 60 + seconds) as u64);
        std::fs::File::options().write(true).open(&whole).expect("open").set_modified(written).expect("date");
        let path = self.day.bed.path("monitor").join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("mkdir");
        std::fs::rename(whole, path).expect("mv");
    }

    fn report(&self, more: &[&str]) -> (String, Option<i32>) {
        let date = self.day.server.sql(&format!("SELECT DATE(FROM_UNIXTIME({}))", self.begin));
        let arguments = [&["coverage", "--day", date.trim()], more].concat();
        let output = self.day.bed.command(&arguments).output().expect("run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.is_empty(), "{said}");
        (String::from_utf8_lossy(&output.stdout).into_owned(), output.status.code())
    }
}

/// Calls that are as they should be.
fn well(floor: &mut Floor) {
    let uniqueid = floor.outbound(1, TALK);
    floor.logged(1, &uniqueid, TALK);
    floor.file(&format!("DONE/{}-all.wav", name(1)), 1, TALK, true);
    // In an in-group, after a minute in its queue.
    floor.day.epoch = floor.begin + 120;
    let id = floor.day.inbound(&format!("{}.2", floor.day.epoch), 502, "SUPPORT", "1002");
    floor.day.server.sql(&super::day::inbound_ended(id, "PAID", TALK + 4));
    floor.logged(2, &id.to_string(), TALK);
    floor.file(&format!("DONE/MP3/2026-11-23/{}-all.wav", name(2)), 2, TALK, true);
    // Nobody answered, one of four seconds, and one that runs.
    floor.day.epoch = floor.begin + 180;
    let nobody = floor.day.outbound(&format!("{}.3", floor.day.epoch), 503, "VDAD", "NA", 0);
    floor.day.server.sql(&nobody);
    floor.outbound(4, 4);
    let running = floor.outbound(5, TALK);
    floor
        .day
        .server
        .sql(&format!("UPDATE vicidial_log SET end_epoch = NULL, length_in_sec = NULL WHERE uniqueid = '{running}'"));
}

/// The faults, by the state that each is to have.
fn plant(floor: &mut Floor) -> Vec<(&'static str, i64)> {
    floor.outbound(6, TALK);
    let short = floor.outbound(7, 60);
    floor.logged(7, &short, TALK);
    floor.file(&format!("DONE/{}-all.wav", name(7)), 7, TALK, true);
    floor.file(&format!("DONE/{}-all.wav", name(8)), 8, TALK, true);
    let empty = floor.outbound(9, TALK);
    floor.logged(9, &empty, TALK);
    floor.file(&format!("DONE/{}-all.wav", name(9)), 9, 0, true);
    let one_sided = floor.outbound(10, LONG);
    floor.logged(10, &one_sided, LONG);
    floor.file(&format!("MIX/{}-in.wav", name(10)), 10, LONG, true);
    floor.file(&format!("MIX/{}-out.wav", name(10)), 10, LONG, false);
    let stuck = floor.outbound(11, TALK);
    floor.logged(11, &stuck, TALK);
    floor.file(&format!("{}-in.wav", name(11)), 11, TALK, true);
    // One that never reached a log; an agent's telephone, a recorder and a call that rang are none.
    let at = floor.begin + 720;
    floor.day.server.sql(&format!(
        "INSERT INTO call_log (uniqueid, channel, number_dialed, caller_code, server_ip, start_epoch, end_epoch, length_in_sec) VALUES
             ('{at}.12', 'SIP/trunk-0000002a', '15551230012', 'V12310150000000000512', '10.0.0.1', {at}, {at} + 40, 40),
             ('{at}.13', 'SIP/1001-0000002b', '8600051', 'S1231015000860005', '10.0.0.1', {at}, {at} + 4000, 4000),
             ('{at}.14', 'Local/58600051@default-1;2', '58600051', 'V12310150000000000512', '10.0.0.1', {at}, {at} + 40, 40),
             ('{at}.15', 'SIP/trunk-0000002c', '15551230013', 'V12310150000000000513', '10.0.0.1', {at}, {at} + 9, 9)"
    ));
    vec![("missing", 6), ("missing", 12), ("empty", 9), ("short", 7), ("one_sided", 10), ("stuck", 11), ("orphaned", 8)]
}

fn planted_faults() {
    let Some(model) = bed::demo_model() else { return };
    let mut floor = Floor::new(&model);
    well(&mut floor);
    let faults = plant(&mut floor);
    for number in [1, 2, 7, 8, 10, 11] {
        floor.day.bed.until_completed(&name(number));
    }
    // The script that moves them has mixed it, and put its sides away.
    let monitor = floor.day.bed.path("monitor");
    std::fs::create_dir_all(monitor.join("DONE/ORIG")).expect("mkdir");
    for side in ["in", "out"] {
        let file = format!("{}-{side}.wav", name(10));
        std::fs::rename(monitor.join("MIX").join(&file), monitor.join("DONE/ORIG").join(&file)).expect("mv");
    }
    let (table, code) = floor.report(&["--all"]);
    println!("{table}");
    assert_eq!(code, Some(1), "{table}");
    let (json, _) = floor.report(&["--json", "--all"]);
    let report: Value = serde_json::from_str(&json).expect("JSON");
    let rows = report["calls"].as_array().expect("a list");
    let told: Vec<(&str, &Value)> = rows.iter().map(|row| (row["state"].as_str().expect("a word"), row)).collect();
    let wanted = faults.iter().map(|(state, _)| *state).chain(["running", "not_expected", "complete", "complete"]);
    assert_eq!(told.iter().map(|(state, _)| *state).collect::<Vec<_>>(), wanted.collect::<Vec<_>>(), "{table}");
    for ((state, number), (_, row)) in faults.iter().zip(&told) {
        let text = row.to_string();
        assert!(text.contains(&name(*number)) || text.contains(&format!(".{number}\"")), "{state}: {text}");
    }
    assert_eq!(
        (&report["unanswered"], &report["faults"], &report["problem"]),
        (&1.into(), &7.into(), &Value::Null),
        "{report}"
    );
    let (lines, _) = floor.report(&["--tsv", "--state", "missing"]);
    assert!(lines.starts_with("missing\t") && lines.lines().count() == 2, "{lines}");
    let date = report["day"].as_str().expect("a day").to_string();
    // Of another day two tables cannot be read: the rest is kept, and what is left out is told each time.
    floor.day.server.sql("RENAME TABLE call_log TO away_calls, vicidial_agent_log TO away_agents");
    let other = floor.day.server.sql(&format!("SELECT DATE(FROM_UNIXTIME({} - 30 * 86400))", floor.begin));
    for _ in 0..2 {
        let other = floor.day.bed.get(&format!("/api/v1/coverage?day={}", other.trim()));
        let problem = other["problem"].as_str().unwrap_or_default();
        assert!(problem.contains("call_log' doesn't exist") && problem.contains("how long agents talked"), "{other}");
        assert_eq!((&other["source"], &other["unanswered"]), (&"vicidial".into(), &0.into()), "{other}");
    }
    floor.day.server.sql("RENAME TABLE away_calls TO call_log, away_agents TO vicidial_agent_log");
    floor.day.server.stop();
    let later = floor.day.bed.get(&format!("/api/v1/coverage?day={date}&limit=5"));
    assert_eq!((&later["counts"], &later["next_offset"]), (&report["counts"], &5.into()), "{later}");
    floor.day.bed.stop();
}
