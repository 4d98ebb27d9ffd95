//! A day of FreePBX or Issabel: the rows of `cdr`, which have an index by `calldate`. Rows with one linkedid are one call.
//!
//! `queue_log` is not asked: a caller whom an agent took has an answered row of `cdr` too, and one whom nobody took has no recording.

use std::collections::BTreeMap;

use super::parts::by_parts;
use crate::call::WallTime;
use crate::call::file_name::base_name;
use crate::integrate::dialer::connection::{Connection, DialerError, Example, Query};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::freepbx::extension;
use crate::pipeline::coverage::ToldDay;
use crate::store::coverage::{CallOfDay, RecordingOfDay};

/// uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, recordingfile, UNIX_TIMESTAMP(calldate)
const BY_TIME: Query = Query {
    name: "cdr by calldate",
    table: "cdr",
    sql: "SELECT uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, recordingfile, UNIX_TIMESTAMP(calldate)
          FROM cdr FORCE INDEX (calldate)
          WHERE calldate >= FROM_UNIXTIME(?) AND calldate < FROM_UNIXTIME(?)",
    example: &[Example::Number(1_795_218_045), Example::Number(1_795_221_645)],
    is_whole: false,
};

/// All of them.
pub(super) const QUERIES: [&Query; 1] = [&BY_TIME];

/// What is known of a call so far.
#[derive(Debug, Default)]
struct Joined {
    uniqueid: Option<String>,
    start: Option<i64>,
    talk_s: i64,
    is_answered: bool,
    agent: Option<String>,
    queue: Option<String>,
    files: Vec<(String, i64, i64)>,
}

impl Joined {
    fn take(&mut self, row: &RowFields) {
        let Some(start) = row.id(11) else { return };
        if self.start.is_none_or(|known| start < known) {
            (self.start, self.uniqueid) = (Some(start), row.text(0));
        }
        let (duration, talk_s) = (row.seconds(7).unwrap_or_default(), row.seconds(8).unwrap_or_default());
        if row.text(6).as_deref() == Some("Queue") {
            self.queue = row.text(3);
        }
        // A voice menu or a mailbox answers too: nobody is on the other side.
        if row.text(9).as_deref() == Some("ANSWERED") && row.text(5).is_some() {
            self.is_answered = true;
            self.talk_s = self.talk_s.max(talk_s);
            let of = |column| extension(row.text(column).as_ref());
            self.agent = of(5).or_else(|| of(4)).or_else(|| self.agent.take());
        }
        if let Some(file) = row.text(10) {
            let name = base_name(&file).to_string();
            if !self.files.iter().any(|(known, ..)| *known == name) {
                self.files.push((name, start, duration));
            }
        }
    }
}

fn told(rows: &[RowFields]) -> ToldDay {
    let mut calls: BTreeMap<String, Joined> = BTreeMap::new();
    for row in rows {
        let Some(id) = row.text(1).or_else(|| row.text(0)) else { continue };
        calls.entry(id).or_default().take(row);
    }
    let mut day = ToldDay::default();
    for (key, call) in calls {
        let Some(start) = call.start else { continue };
        for (name, start, duration) in call.files {
            day.recordings.push(RecordingOfDay {
                key: name.clone(),
                call: Some(key.clone()),
                name,
                started: WallTime(start * 1000),
                ended: Some(WallTime((start + duration) * 1000)),
                ..RecordingOfDay::default()
            });
        }
        // FreePBX names the file before anybody answers: then there need not be one.
        if !call.is_answered {
            day.unanswered += 1;
            continue;
        }
        day.calls.push(CallOfDay {
            key,
            started: WallTime(start * 1000),
            expected_s: Some(call.talk_s),
            uniqueid: call.uniqueid,
            // Whoever answered is its agent, though a trunk has no extension.
            agent: call.agent.or_else(|| Some("?".into())),
            campaign: call.queue,
        });
    }
    day
}

/// Reads the day from `since` to `until`, epochs.
pub(super) async fn read(connection: &mut Connection, span: (i64, i64)) -> Result<ToldDay, DialerError> {
    Ok(told(&by_parts(connection, &BY_TIME, span).await?))
}
