//! What else the tables tell: recordings that other servers hold, and names that are likely to be said.

use std::time::Duration;

use serde_json::{Value, json};

use super::Test;
use super::bed::Bed;
use super::day::{Day, file};

pub const TESTS: &[Test] = &[
    ("a_recording_whose_row_names_another_server_is_asked_for_by_itself", other_servers),
    ("the_names_of_a_running_call_are_looked_up_and_go_to_the_recogniser", names_said),
];

/// A server that is not there: what is asked for waits.
const REMOTE: &str = "[[remote]]\nname = \"pbx2\"\nhost = \"127.0.0.1\"\nport = 1\nuser = \"recorder\"\nagent = \"/run/no-agent.sock\"\nlocations = [\"10.0.0.2\"]\n\
                      path = \"/var/spool/asterisk/monitorDONE/{location}\"\n";

fn fetches(bed: &Bed) -> Vec<Value> {
    bed.get("/api/v1/fetch")["fetches"].as_array().cloned().unwrap_or_default()
}

fn other_servers() {
    let mut day = Day::new(REMOTE);
    let row = |number: i64, server: &str, location: &str| {
        let now = day.epoch;
        format!(
            "INSERT INTO recording_log (server_ip, start_epoch, end_epoch, filename, location, lead_id, user)
             VALUES ('{server}', {now}, {now} + 30, '{}', '{location}', {number}, '1001');",
            file(number)
        )
    };
    let address = |number: i64, host: &str| format!("http://{host}/RECORDINGS/MP3/{}-all.mp3", file(number));
    day.server.sql(&format!(
        "{}{}{}",
        row(501, "10.0.0.2", &address(501, "10.0.0.2")),
        row(502, "10.0.0.2", &file(502)),
        row(503, "10.0.0.3", &address(503, "10.0.0.3"))
    ));
    day.bed.until("it is asked for", Duration::from_mins(2), |bed| !fetches(bed).is_empty());
    let asked = fetches(&day.bed);
    assert_eq!(asked.len(), 1, "{asked:?}");
    let path = format!("/var/spool/asterisk/monitorDONE/MP3/{}-all.mp3", file(501));
    assert_eq!((&asked[0]["call_id"], &asked[0]["remote"]), (&json!(file(501)), &json!("pbx2")));
    assert_eq!(asked[0]["path"], json!(path));
    // The script has moved the other one by now; after a restart nothing is asked for twice.
    let place = address(502, "10.0.0.2");
    day.server.sql(&format!("UPDATE recording_log SET location = '{place}' WHERE filename = '{}'", file(502)));
    day.bed.until("the second is asked for", Duration::from_mins(2), |bed| fetches(bed).len() == 2);
    day.bed.stop();
    day.bed.start();
    day.server.sql(&row(504, "10.0.0.2", &address(504, "10.0.0.2")));
    day.bed.until("a third one is", Duration::from_mins(2), |bed| fetches(bed).len() == 3);
    day.bed.stop();
}

fn names_said() {
    let mut day = Day::new("[log]\nlevel = \"debug\"\n");
    day.server.sql(
        "UPDATE vicidial_list SET first_name = 'LINDSEY', last_name = 'KOWALCZYK' WHERE lead_id = 501;
         INSERT INTO vicidial_campaigns (campaign_id, campaign_name) VALUES ('TESTCAMP', 'Brightpath Energy');
         INSERT INTO vicidial_lists (list_id, list_name) VALUES (9001, 'Ohio Homeowners')",
    );
    let (name, uniqueid) = (file(501), format!("{}.501", day.epoch));
    let recording = day.records(&name);
    day.named(&name, "1001", &day.agent("1001", 501, &uniqueid, Some(&name), ""));
    // Agent, lead, campaign and list.
    let line = format!("call {name}: 4 names are likely to be said");
    day.bed.until("the names are known", Duration::from_mins(1), |bed| bed.log().contains(&line));
    let queries = day.bed.get("/health")["dialer"]["queries"].clone();
    let refused: Vec<&Value> =
        queries.as_array().into_iter().flatten().filter(|query| !query["problem"].is_null()).collect();
    assert!(refused.is_empty(), "what the document grants is enough: {refused:?}");
    assert!(!day.bed.log().contains("KOWALCZYK"), "no name is in the log");
    drop(recording);
    day.bed.stop();
}
