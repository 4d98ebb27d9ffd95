//! A day of FreePBX or Issabel: the rows of `cdr`, which have an index by `calldate`. Rows with one linkedid are one call.
//! `queue_log` says better who took a caller out of a queue, for how long, and who gave up: `Queue()` answers whoever waits.

use std::collections::BTreeMap;
use std::path::Path;

use super::parts::by_parts;
use crate::call::WallTime;
use crate::call::file_name::base_name;
use crate::integrate::dialer::connection::{Connection, DialerError, Example, Query};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::freepbx::{extension, member};
use crate::integrate::dialer::queue_log::{self, QueueCall, QueueCalls};
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
pub(super) const QUERIES: [&Query; 4] = [&BY_TIME, queue_log::QUERIES[0], queue_log::QUERIES[1], queue_log::QUERIES[2]];

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
    /// Uniqueids of its channels.
    channels: Vec<String>,
    /// Whether its agent still talks.
    is_going: bool,
}

impl Joined {
    fn take(&mut self, row: &RowFields) {
        let Some(start) = row.id(11) else { return };
        self.channels.extend(row.text(0));
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

impl Joined {
    /// What the queue's own log says of it.
    fn queued(&mut self, call: QueueCall) {
        self.start = self.start.or(Some(call.start));
        self.queue = call.queue.or_else(|| self.queue.take());
        if let Some(agent) = call.agent {
            self.is_answered = true;
            self.agent = Some(member(agent));
            self.is_going = call.talk_s.is_none() && self.talk_s == 0;
            self.talk_s = call.talk_s.unwrap_or(self.talk_s);
        } else if call.was_left {
            self.is_answered = false;
        }
    }
}

fn told(rows: &[RowFields], mut queues: QueueCalls) -> ToldDay {
    let mut calls: BTreeMap<String, Joined> = BTreeMap::new();
    for row in rows {
        let Some(id) = row.text(1).or_else(|| row.text(0)) else { continue };
        calls.entry(id).or_default().take(row);
    }
    for call in calls.values_mut() {
        for channel in std::mem::take(&mut call.channels) {
            if let Some(queued) = queues.remove(&channel) {
                call.queued(queued);
            }
        }
    }
    // What `cdr` does not have yet, or never got.
    for (channel, queued) in queues {
        let call = calls.entry(channel.clone()).or_default();
        call.uniqueid = Some(channel);
        call.queued(queued);
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
            expected_s: (!call.is_going).then_some(call.talk_s),
            uniqueid: call.uniqueid,
            // Whoever answered is its agent, though a trunk has no extension.
            agent: call.agent.or_else(|| Some("?".into())),
            campaign: call.queue,
        });
    }
    day
}

/// Reads the day from `since` to `until`, epochs; `queue_log` is Asterisk's file, which serves where there is no such table.
pub(super) async fn read(
    connection: &mut Connection,
    span: (i64, i64),
    queue_log: Option<&Path>,
) -> Result<ToldDay, DialerError> {
    let (queues, unread) = queue_log::read(connection, span, queue_log).await?;
    let left_out = unread.map(|why| format!("who took callers out of queues, for how long, and who gave up ({why})"));
    let day = told(&by_parts(connection, &BY_TIME, span).await?, queues);
    Ok(ToldDay { left_out: left_out.into_iter().collect(), ..day })
}

#[cfg(test)]
mod tests {
    use mysql_async::Value;

    use super::*;

    /// uniqueid, channel of the other side, application, seconds, disposition
    fn row(uniqueid: &str, to: &str, app: &str, talk: i64, disposition: &str) -> RowFields {
        let texts =
            [uniqueid, uniqueid, "5551234567", "600", "PJSIP/trunk-2a", to, app].map(|text| Value::Bytes(text.into()));
        let rest = [
            Value::Int(talk + 9),
            Value::Int(talk),
            Value::Bytes(disposition.into()),
            Value::NULL,
            Value::Int(1_795_218_045),
        ];
        RowFields::of_values(texts.into_iter().chain(rest).collect())
    }

    #[test]
    fn a_queues_own_log_says_who_took_a_call_and_who_gave_up() {
        let rows = [
            row("1795218045.1", "Local/1002@from-queue-1;1", "Queue", 70, "ANSWERED"),
            row("1795218045.2", "Local/1002@from-queue-2;1", "Queue", 30, "ANSWERED"),
            row("1795218045.3", "PJSIP/1001-2b", "Dial", 20, "ANSWERED"),
        ];
        let waited = |agent: Option<&str>, talk_s, was_left| QueueCall {
            queue: Some("600".into()),
            start: 1_795_218_045,
            agent: agent.map(Into::into),
            talk_s,
            was_left,
        };
        let queues = QueueCalls::from([
            ("1795218045.1".into(), waited(Some("PJSIP/1003"), Some(40), false)),
            ("1795218045.2".into(), waited(None, None, true)),
            ("1795218045.4".into(), waited(Some("Mary Smith"), Some(12), false)),
            ("1795218045.5".into(), waited(Some("PJSIP/1004"), None, false)),
        ]);
        let day = told(&rows, queues);
        let calls: Vec<_> =
            day.calls.iter().map(|call| (call.key.as_str(), call.agent.as_deref(), call.expected_s)).collect();
        assert_eq!(
            calls,
            [
                ("1795218045.1", Some("1003"), Some(40)),
                ("1795218045.3", Some("1001"), Some(20)),
                ("1795218045.4", Some("Mary Smith"), Some(12)),
                ("1795218045.5", Some("1004"), None),
            ]
        );
        assert_eq!(day.unanswered, 1, "whoever gave up had the queue's own answer");
    }
}
