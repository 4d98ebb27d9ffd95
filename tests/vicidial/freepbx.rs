//! FreePBX's call records, which Asterisk writes when a call is over.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::Test;
use super::bed::{Bed, record, speak, uuid_of};
use super::server::Server;

pub const TESTS: &[Test] = &[("freepbx_and_issabel_tell_whose_call_it_was_by_their_call_records", call_records)];

/// The table as FreePBX makes it, with the indexes that older ones have: none for linkedid.
const CDR: &str = "
    CREATE DATABASE asteriskcdrdb;
    CREATE TABLE asteriskcdrdb.cdr (
        calldate DATETIME NOT NULL DEFAULT '0000-00-00 00:00:00', clid VARCHAR(80) NOT NULL DEFAULT '', src VARCHAR(80) NOT NULL DEFAULT '',
        dst VARCHAR(80) NOT NULL DEFAULT '', dcontext VARCHAR(80) NOT NULL DEFAULT '', channel VARCHAR(80) NOT NULL DEFAULT '',
        dstchannel VARCHAR(80) NOT NULL DEFAULT '', lastapp VARCHAR(80) NOT NULL DEFAULT '', lastdata VARCHAR(80) NOT NULL DEFAULT '',
        duration INT(11) NOT NULL DEFAULT 0, billsec INT(11) NOT NULL DEFAULT 0, disposition VARCHAR(45) NOT NULL DEFAULT '',
        amaflags INT(11) NOT NULL DEFAULT 0, accountcode VARCHAR(20) NOT NULL DEFAULT '', uniqueid VARCHAR(32) NOT NULL DEFAULT '',
        userfield VARCHAR(255) NOT NULL DEFAULT '', did VARCHAR(50) NOT NULL DEFAULT '', recordingfile VARCHAR(255) NOT NULL DEFAULT '',
        linkedid VARCHAR(32) NOT NULL DEFAULT '', sequence INT(11) NOT NULL DEFAULT 0,
        INDEX calldate (calldate), INDEX dst (dst), INDEX uniqueid (uniqueid), INDEX recordingfile (recordingfile)
    ) DEFAULT CHARSET=utf8mb4;
    CREATE USER 'freepbx'@'localhost' IDENTIFIED BY 'reads';
    GRANT SELECT ON asteriskcdrdb.cdr TO 'freepbx'@'localhost';";

fn told(bed: &Bed, call: &str) -> Value {
    let path = format!("/api/v1/calls/{call}");
    let is = |bed: &Bed| bed.try_get(&path).is_some_and(|call| call["dialer"]["complete"] == true);
    bed.until(&format!("{call} is complete"), Duration::from_mins(2), is);
    bed.get(&path)
}

/// A caller who gave up in the queue, whom the queue itself had answered, and one whom an agent took out of it: the queue's log knows. It has an index for
/// its number alone.
fn in_queues(server: &Server, epoch: u64) {
    server.sql(&format!(
        "CREATE TABLE asteriskcdrdb.queue_log (
             id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, time VARCHAR(26), callid VARCHAR(40), queuename VARCHAR(255),
             agent VARCHAR(20), event VARCHAR(20), data1 VARCHAR(40), data2 VARCHAR(40), data3 VARCHAR(40), data4 VARCHAR(40), data5 VARCHAR(40)
         );
         GRANT SELECT ON asteriskcdrdb.queue_log TO 'freepbx'@'localhost';
         INSERT INTO asteriskcdrdb.queue_log (callid, queuename, agent, event, data1)
         SELECT CONCAT('1500000000.', seq), '600', 'NONE', 'ENTERQUEUE', '' FROM seq_1_to_5000;
         INSERT INTO asteriskcdrdb.queue_log (callid, queuename, agent, event, data1, data2, data3) VALUES
             ('NONE', 'NONE', 'NONE', 'QUEUESTART', NULL, NULL, NULL),
             ('{epoch}.14', '600', 'NONE', 'ENTERQUEUE', '', '5550000001', '1'),
             ('{epoch}.14', '600', 'NONE', 'ABANDON', '1', '1', '30'),
             ('{epoch}.12', '600', 'PJSIP/1003', 'CONNECT', '9', 'x', '1'),
             ('{epoch}.12', '600', 'PJSIP/1003', 'COMPLETECALLER', '9', '31', '1')"
    ));
    server.sql(&format!(
        "INSERT INTO asteriskcdrdb.cdr
             (calldate, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, uniqueid, linkedid)
         VALUES (FROM_UNIXTIME({epoch}), '5550000001', '600', 'PJSIP/trunk-0000002c', 'Local/1002@from-queue-0002;1', 'Queue', 30, 30, 'ANSWERED',
                 '{epoch}.14', '{epoch}.14')"
    ));
}

fn call_records() {
    let server = Server::new();
    server.sql(CDR);
    // So many that a scan would be refused.
    server.sql(
        "INSERT INTO asteriskcdrdb.cdr (calldate, src, dst, uniqueid, linkedid, recordingfile)
         SELECT NOW(), '1', '2', CONCAT('1500000000.', seq), CONCAT('1500000000.', seq), CONCAT('f', seq) FROM seq_1_to_5000",
    );
    let mut bed = Bed::new("none", "");
    std::fs::write(bed.path("password"), "reads\n").expect("write");
    let config = bed.path("lineside.toml");
    let text = std::fs::read_to_string(&config).expect("read");
    let (socket, password) = (server.socket(), bed.path("password"));
    let dialer = format!(
        "[dialer]\nkind = \"freepbx\"\nsocket = \"{}\"\nuser = \"freepbx\"\npassword_file = \"{}\"\n",
        socket.display(),
        password.display()
    );
    std::fs::write(&config, text + &dialer).expect("write");
    bed.start();
    bed.until("it is read", Duration::from_mins(1), |bed| bed.get("/health")["dialer"]["connected"] == true);
    let queries = bed.get("/health")["dialer"]["queries"].clone();
    let refused: Vec<_> =
        queries.as_array().expect("a list").iter().filter(|query| !query["problem"].is_null()).collect();
    assert_eq!(refused.len(), 1, "{queries}");
    assert_eq!(refused[0]["name"], "cdr by linkedid", "it has no index");

    let epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("a clock").as_secs();
    in_queues(&server, epoch);
    // A queue's call, by its channel.
    let mut sound = bed.dial(&uuid_of(epoch, 12, 0));
    speak(&mut sound, &[100; 8000]).expect("speak");
    drop(sound);
    server.sql(&format!(
        "INSERT INTO asteriskcdrdb.cdr
             (calldate, src, dst, dcontext, channel, dstchannel, lastapp, duration, billsec, disposition, uniqueid, linkedid, did)
         VALUES (FROM_UNIXTIME({epoch}), '5559876543', '600', 'ext-queues', 'PJSIP/trunk-0000002a', 'Local/1002@from-queue-0001;1', 'Queue', 40, 31,
                 'ANSWERED', '{epoch}.12', '{epoch}.12', '5550001111')"
    ));
    let call = told(&bed, &format!("{epoch}.12"));
    assert_eq!(
        (&call["agent"], &call["campaign"], &call["phone"]),
        (&json!("1003"), &json!("600"), &json!("5559876543")),
        "cdr has the first that rang, queue_log who took it: {call}"
    );
    let call_of_queue = call.clone();
    let dialer = &call["dialer"];
    assert_eq!(
        (&dialer["system"], &dialer["direction"], &dialer["talk_seconds"]),
        (&json!("freepbx"), &json!("inbound"), &json!(31))
    );

    // Issabel's call center, by its recording.
    let name = format!("20261123-101500-{epoch}.13");
    let noise: Vec<i16> = (0..32_000).map(|number| ((number * 37) % 6000) as i16).collect();
    record(&bed.path("monitor").join(format!("{name}.wav")), &noise);
    server.sql(&format!(
        "INSERT INTO asteriskcdrdb.cdr
             (calldate, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, uniqueid, linkedid, recordingfile)
         VALUES (FROM_UNIXTIME({epoch}), '1001', '5551234567', 'SIP/1001-0000002a', 'SIP/trunk-0000002b', 'Dial', 20, 15, 'ANSWERED',
                 '{epoch}.13', '{epoch}.13', '{name}.wav')"
    ));
    let call = told(&bed, &format!("{epoch}.13"));
    assert_eq!(
        (&call["agent"], &call["phone"], &call["dialer"]["direction"]),
        (&json!("1001"), &json!("5551234567"), &json!("outbound")),
        "{call}"
    );

    // What nobody answered is counted; of the two others less was heard than the records say.
    let report = bed.get("/api/v1/coverage");
    assert_eq!((&report["source"], &report["problem"]), (&json!("freepbx"), &Value::Null), "{report}");
    assert_eq!((&report["unanswered"], &report["faults"]), (&json!(5001), &json!(2)), "{report}");
    let told = |number: i64| {
        let key = json!(format!("{epoch}.{number}"));
        let row = report["calls"].as_array().expect("a list").iter().find(|row| row["dialer_call"] == key).cloned();
        row.unwrap_or_else(|| panic!("{key}: {report}"))
    };
    let (queue, recorded) = (told(12), told(13));
    assert_eq!(
        (&queue["campaign"], &queue["agent"], &queue["expected_seconds"]),
        (&json!("600"), &call_of_queue["agent"], &json!(31))
    );
    assert_eq!((&recorded["call_id"], &recorded["recorded_seconds"]), (&json!(format!("{epoch}.13")), &json!(4)));
    bed.stop();
}
