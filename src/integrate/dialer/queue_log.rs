//! Asterisk's `queue_log`: who waited in a queue, who took the call and for how long, and who gave up. It is a table where Asterisk writes it to one, else
//! the file that Asterisk always writes.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, ErrorKind, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::connection::{Connection, DialerError, Example, Query};
use super::fields::RowFields;
use super::names::{Uniqueid, is_comparable};
use super::numbered::NumberedTable;

/// Bytes of a line that are read: one without an end is no line of Asterisk's.
const LONGEST: u64 = 64 * 1024;
/// Bytes of the end of the file in which a call of the last minutes is looked for: some 40,000 lines.
const LATELY: u64 = 4 << 20;

const ENDS: Query = Query {
    name: "queue_log's ends",
    table: "queue_log",
    sql: "SELECT MIN(id), MAX(id) FROM queue_log",
    example: &[],
    is_whole: false,
};
/// id, callid
const NEXT: Query = Query {
    name: "queue_log from id",
    table: "queue_log",
    sql: "SELECT id, callid FROM queue_log FORCE INDEX (PRIMARY) WHERE id >= ? AND id <= ? ORDER BY id LIMIT 16",
    example: &[Example::Number(1), Example::Number(100_000)],
    is_whole: false,
};
/// id, callid, queuename, agent, event, data1, data2, data3, data4
const PAGE: Query = Query {
    name: "queue_log by id's range",
    table: "queue_log",
    sql: "SELECT id, callid, queuename, agent, event, data1, data2, data3, data4
          FROM queue_log FORCE INDEX (PRIMARY)
          WHERE id >= ? AND id <= ?
          ORDER BY id
          LIMIT 1000",
    example: &[Example::Number(1), Example::Number(100_000)],
    is_whole: false,
};

/// The same of one call; the table that Asterisk's documents give has no index for it, others have.
const BY_CALL: Query = Query {
    name: "queue_log by callid",
    table: "queue_log",
    sql: "SELECT id, callid, queuename, agent, event, data1, data2, data3, data4 FROM queue_log WHERE callid = ?",
    example: &[Example::Text("1795218045.12")],
    is_whole: false,
};

/// Those of a whole day.
pub(super) const QUERIES: [&Query; 3] = [&ENDS, &NEXT, &PAGE];

const TABLE: NumberedTable =
    NumberedTable { ends: &ENDS, next: &NEXT, page: &PAGE, at_of_next: epoch_of_call, at_of_page: epoch_of_call };

/// A call's second, by its uniqueid. A line of no call has none.
fn epoch_of_call(row: &RowFields) -> Option<i64> {
    epoch_of(&row.text(1)?)
}

fn epoch_of(call: &str) -> Option<i64> {
    Uniqueid::parse(call)?.epoch.parse().ok()
}

/// A call's way through its queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct QueueCall {
    /// The last queue.
    pub(super) queue: Option<String>,
    /// When the channel began, epoch.
    pub(super) start: i64,
    /// Who took it, the last one: an interface or a name, as Asterisk writes it.
    pub(super) agent: Option<String>,
    /// How long they talked; `None` while they talk.
    pub(super) talk_s: Option<i64>,
    /// Whether the caller gave up.
    pub(super) was_left: bool,
}

impl QueueCall {
    fn take(&mut self, (queue, agent, event): (&str, &str, &str), data: [Option<&str>; 4]) {
        let seconds = |place: usize| data[place].and_then(|text| text.parse::<i64>().ok()).filter(|&s| s >= 0);
        let name = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty() && text != "NONE");
        match event {
            "ENTERQUEUE" => self.queue = name(queue),
            "CONNECT" => {
                (self.agent, self.queue, self.talk_s, self.was_left) = (name(agent), name(queue), None, false);
            }
            // Seconds that were waited, seconds that were talked.
            "COMPLETEAGENT" | "COMPLETECALLER" => self.talk_s = seconds(1),
            "TRANSFER" | "BLINDTRANSFER" => self.talk_s = seconds(3),
            "ATTENDEDTRANSFER" => self.talk_s = seconds(2).or_else(|| seconds(3)),
            // Who leaves a queue otherwise may be answered elsewhere: `cdr` tells.
            "ABANDON" => self.was_left = self.agent.is_none(),
            _ => {}
        }
    }
}

/// Calls by their uniqueid.
pub(super) type QueueCalls = HashMap<String, QueueCall>;

fn take(calls: &mut QueueCalls, call: &str, what: (&str, &str, &str), data: [Option<&str>; 4]) {
    if let Some(start) = epoch_of(call) {
        calls.entry(call.to_owned()).or_insert_with(|| QueueCall { start, ..QueueCall::default() }).take(what, data);
    }
}

/// The calls whose channels began between two times: of the table, else of the file. And why some may be missing.
pub(super) async fn read(
    connection: &mut Connection,
    span: (i64, i64),
    file: Option<&Path>,
) -> Result<(QueueCalls, Option<String>), DialerError> {
    let (rows, refused) = match TABLE.rows(connection, span).await {
        Err(error) if error.is_of_one_query() => (Vec::new(), Some(error)),
        rows => (rows?, None),
    };
    if rows.is_empty() {
        let (calls, unread) = from_files(file, span).await;
        return Ok((calls, why_missing(refused.as_ref(), unread)));
    }
    let mut calls = from_rows(&rows);
    calls.retain(|_, call| (span.0..span.1).contains(&call.start));
    Ok((calls, None))
}

/// Why calls may be missing: nothing where the file tells of them, which Asterisk writes where it has no table. A table that is locked is one that Asterisk
/// writes to. Where the table can be read and has no row there need not be a file.
fn why_missing(refused: Option<&DialerError>, unread: Option<(PathBuf, io::Error)>) -> Option<String> {
    let file = unread.filter(|(_, error)| refused.is_some() || error.kind() != ErrorKind::NotFound);
    let file = file.map(|(path, error)| {
        let path = path.display();
        let mend = match error.kind() {
            ErrorKind::PermissionDenied => {
                format!("; `chmod g+r {path}`, with the user lineside in the group of the file")
            }
            ErrorKind::NotFound => "; set [dialer] queue_log".into(),
            _ => String::new(),
        };
        format!("{path}: {error}{mend}")
    });
    match (refused, file) {
        (Some(refused), Some(file)) => Some(format!("{refused}; {file}")),
        (Some(busy @ DialerError::Busy { .. }), None) => Some(busy.to_string()),
        (_, file) => file,
    }
}

fn from_rows(rows: &[RowFields]) -> QueueCalls {
    let mut calls = QueueCalls::new();
    for row in rows {
        let text = |column| row.text(column).unwrap_or_default();
        let data: [Option<String>; 4] = std::array::from_fn(|place| row.text(5 + place));
        let data = data.each_ref().map(Option::as_deref);
        take(&mut calls, &text(1), (&text(2), &text(3), &text(4)), data);
    }
    calls
}

/// One call's way through its queues, by its channel. Nothing is missed where no table can be asked: then the end of the file tells, for a call that was
/// over lately.
pub(super) async fn of_call(
    connection: &mut Connection,
    call: &str,
    file: Option<&Path>,
) -> Result<Option<QueueCall>, DialerError> {
    let Some(epoch) = epoch_of(call).filter(|_| is_comparable(call)) else { return Ok(None) };
    let asked = if connection.may_ask(&BY_CALL).await? {
        connection.rows(&BY_CALL, vec![call.into()]).await
    } else {
        for query in QUERIES {
            if !connection.may_ask(query).await? {
                return Ok(from_end(file, call).await);
            }
        }
        TABLE.rows(connection, (epoch, epoch + 1)).await
    };
    let rows = match asked {
        Err(error) if error.is_of_one_query() => Vec::new(),
        rows => rows?,
    };
    match from_rows(&rows).remove(call) {
        Some(queued) => Ok(Some(queued)),
        None => Ok(from_end(file, call).await),
    }
}

/// The end of the file, and the call in it.
async fn from_end(file: Option<&Path>, call: &str) -> Option<QueueCall> {
    let (file, call) = (file?.to_path_buf(), call.to_owned());
    let read = move || {
        let epoch = epoch_of(&call)?;
        let mut opened = File::open(&file).ok()?;
        let skipped = opened.metadata().ok()?.len().saturating_sub(LATELY);
        opened.seek(SeekFrom::Start(skipped)).ok()?;
        let mut calls = QueueCalls::new();
        from_file(BufReader::new(opened), (epoch, epoch + 1), &mut calls).ok()?;
        calls.remove(&call)
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// What the file and the one before it tell, and which of them could not be read. There need not be one before it.
async fn from_files(file: Option<&Path>, span: (i64, i64)) -> (QueueCalls, Option<(PathBuf, io::Error)>) {
    let Some(file) = file.map(Path::to_path_buf) else { return (QueueCalls::new(), None) };
    tokio::task::spawn_blocking(move || {
        let (mut calls, mut unread) = (QueueCalls::new(), None);
        // The one before was put aside: it may hold the day's beginning.
        let before = PathBuf::from(format!("{}.1", file.display()));
        for (path, is_needed) in [(before, false), (file, true)] {
            let read = File::open(&path).and_then(|opened| from_file(BufReader::new(opened), span, &mut calls));
            match read {
                Err(error) if is_needed || error.kind() != ErrorKind::NotFound => unread = Some((path, error)),
                _ => {}
            }
        }
        (calls, unread)
    })
    .await
    .unwrap_or_default()
}

/// `epoch|callid|queue|agent|event|data1|data2…`
fn from_file(mut lines: impl BufRead, (since, until): (i64, i64), calls: &mut QueueCalls) -> io::Result<()> {
    let mut line = Vec::new();
    loop {
        line.clear();
        if io::Read::take(&mut lines, LONGEST).read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&line);
        let fields: Vec<&str> = text.trim_end().split('|').collect();
        let &[_, call, queue, agent, event, ..] = fields.as_slice() else { continue };
        if epoch_of(call).is_some_and(|epoch| (since..until).contains(&epoch)) {
            take(calls, call, (queue, agent, event), std::array::from_fn(|place| fields.get(5 + place).copied()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_tells_who_took_a_call_how_long_they_talked_and_who_gave_up() {
        let text = "1795218000|NONE|NONE|NONE|QUEUESTART|\n\
                    1795218045|1795218040.1|600|NONE|ENTERQUEUE||5559876543|1\n\
                    1795218050|1795218040.1|600|Local/1002@from-queue/n|RINGNOANSWER|5000\n\
                    1795218055|1795218040.1|600|PJSIP/1003|CONNECT|10|1795218051.4|3\n\
                    1795218095|1795218040.1|600|PJSIP/1003|COMPLETECALLER|10|40|1\n\
                    1795218060|1795218041.2|601|NONE|ENTERQUEUE||5550000000|1\n\
                    1795218090|1795218041.2|601|NONE|ABANDON|1|1|30\n\
                    1795218060|pbx-1795218042.3|600|Mary Smith|CONNECT|1|x|1\n\
                    1795218061|1795218043.9|600\n\
                    \u{0}\u{0}garbage without an end";
        let mut calls = QueueCalls::new();
        from_file(text.as_bytes(), (1_795_218_040, 1_795_218_043), &mut calls).expect("read");
        let taken = &calls["1795218040.1"];
        assert_eq!((taken.agent.as_deref(), taken.talk_s, taken.was_left), (Some("PJSIP/1003"), Some(40), false));
        let left = &calls["1795218041.2"];
        assert_eq!((left.queue.as_deref(), left.agent.as_deref(), left.was_left), (Some("601"), None, true));
        let talks = &calls["pbx-1795218042.3"];
        assert_eq!((talks.agent.as_deref(), talks.talk_s, calls.len()), (Some("Mary Smith"), None, 3));
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_read_is_told_and_one_that_need_not_be_there_is_not() {
        let folder = tempfile::tempdir().expect("temp dir");
        let (file, before) = (folder.path().join("queue_log"), folder.path().join("queue_log.1"));
        let line = |call: &str| format!("1795218055|{call}|600|PJSIP/1003|CONNECT|10|1795218051.4|3\n");
        let denied = DialerError::Refused { query: "queue_log's ends", problem: "denied; `GRANT SELECT`".into() };
        let busy = DialerError::Busy { query: "queue_log's ends", problem: "locked".into() };
        let told = async |refused: Option<&DialerError>| {
            let (calls, unread) = from_files(Some(&file), (1_795_218_000, 1_795_219_000)).await;
            (calls.len(), why_missing(refused, unread).unwrap_or_default())
        };
        assert_eq!(told(None).await, (0, String::new()), "a table without a row, and no queues");
        let (_, neither) = told(Some(&denied)).await;
        assert!(neither.contains("GRANT SELECT") && neither.contains("set [dialer] queue_log"), "{neither}");
        std::fs::write(&file, line("1795218040.1")).expect("write");
        assert_eq!(told(Some(&denied)).await, (1, String::new()), "the file tells, and there is none before it");
        assert_eq!(told(Some(&busy)).await, (1, "queue_log's ends: locked".into()), "Asterisk writes to the table");
        // What cannot be read, whoever asks: a folder.
        std::fs::create_dir(&before).expect("a folder");
        let (calls, why) = told(None).await;
        assert!(calls == 1 && why.starts_with(&format!("{}: ", before.display())), "{why}");
        let denied = io::Error::from(ErrorKind::PermissionDenied);
        let why = why_missing(None, Some(("/var/log/asterisk/queue_log".into(), denied))).unwrap_or_default();
        assert!(why.contains("chmod g+r /var/log/asterisk/queue_log"), "{why}");
    }

    #[tokio::test]
    async fn one_call_is_found_at_the_end_of_a_file_of_any_size() {
        let folder = tempfile::tempdir().expect("temp dir");
        let file = folder.path().join("queue_log");
        let old = "1795210000|1795210000.1|600|PJSIP/1009|CONNECT|1|x|1\n";
        let filler = "1795217000|NONE|NONE|NONE|CONFIGRELOAD|\n".repeat((LATELY / 40) as usize);
        let new = "1795218055|1795218040.1|600|PJSIP/1003|CONNECT|10|1795218051.4|3\n";
        std::fs::write(&file, format!("{old}{filler}{new}")).expect("write");
        let agent = async |call: &str| from_end(Some(&file), call).await.and_then(|queued| queued.agent);
        assert_eq!(agent("1795218040.1").await.as_deref(), Some("PJSIP/1003"));
        assert_eq!(agent("1795210000.1").await, None, "long ago");
        assert!(from_end(Some(&folder.path().join("none")), "1795218040.1").await.is_none());
        assert!(from_end(None, "1795218040.1").await.is_none());
    }
}
