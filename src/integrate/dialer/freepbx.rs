//! FreePBX and Issabel: `asteriskcdrdb.cdr`, which Asterisk writes when a call is over. It is asked by recording, uniqueid and linkedid, each where that has
//! an index: newer systems have one for `recordingfile` and `linkedid`, older ones for `uniqueid` alone.
//!
//! A call has a row for each leg of it. Who is agent is told by the channels: an extension is an endpoint of two to six digits. `cdr` holds one row of a queue
//! that rang several agents; who of them took the call is in `queue_log`.

use std::path::Path;

use super::answer::{Answer, over};
use super::connection::{Connection, DialerError, Example, Query};
use super::fields::RowFields;
use super::names::{Uniqueid, is_comparable};
use super::queue_log;
use crate::call::{CallState, WallTime};
use crate::contract::dialer::{DialDirection, DialerFacts, DialerKind, DialerTransfer};
use crate::store::dialer::DialedCall;

/// uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, did, UNIX_TIMESTAMP(calldate)
const BY_UNIQUEID: Query = Query {
    name: "cdr by uniqueid",
    table: "cdr",
    sql: "SELECT uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, did, UNIX_TIMESTAMP(calldate)
          FROM cdr
          WHERE uniqueid = ?",
    example: &[Example::Text("1795218045.12")],
    is_whole: false,
};
/// The same.
const BY_LINKEDID: Query = Query {
    name: "cdr by linkedid",
    table: "cdr",
    sql: "SELECT uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, did, UNIX_TIMESTAMP(calldate)
          FROM cdr
          WHERE linkedid = ?",
    example: &[Example::Text("1795218045.12")],
    is_whole: false,
};
/// The same.
const BY_RECORDING: Query = Query {
    name: "cdr by recordingfile",
    table: "cdr",
    sql: "SELECT uniqueid, linkedid, src, dst, channel, dstchannel, lastapp, duration, billsec, disposition, did, UNIX_TIMESTAMP(calldate)
          FROM cdr
          WHERE recordingfile = ?",
    example: &[Example::Text("out-5551234567-1001-20261120-101500-1795218045.12.wav")],
    is_whole: false,
};

/// All of them.
pub(super) const QUERIES: [&Query; 3] = [&BY_UNIQUEID, &BY_LINKEDID, &BY_RECORDING];

/// A row of `cdr`.
#[derive(Clone, Debug, Default)]
struct Leg {
    uniqueid: Option<String>,
    linkedid: Option<String>,
    src: Option<String>,
    dst: Option<String>,
    from: Option<String>,
    to: Option<String>,
    app: Option<String>,
    duration: i64,
    talk: i64,
    disposition: Option<String>,
    did: Option<String>,
    start: Option<i64>,
}

/// The extension of a channel: `1001` of `PJSIP/1001-0000002a` and of `Local/1001@from-queue-…`. A trunk has none.
pub(super) fn extension(channel: Option<&String>) -> Option<String> {
    let (_, rest) = channel?.split_once('/')?;
    let name = rest.split(['@', ';']).next()?;
    let name = if rest.contains('@') { name } else { name.rsplit_once('-').map_or(name, |(name, _)| name) };
    is_extension(name).then(|| name.to_string())
}

/// Who a member of a queue is: the extension of its channel or interface, `1002` of `PJSIP/1002-0000002a`, `PJSIP/1002` and `Local/1002@from-queue/n`, or
/// its name.
pub(super) fn member(agent: String) -> String {
    let interface = || {
        let (_, rest) = agent.split_once('/')?;
        rest.split(['@', '/', '-']).next().filter(|name| !name.is_empty()).map(str::to_owned)
    };
    extension(Some(&agent)).or_else(interface).unwrap_or(agent)
}

fn is_extension(text: &str) -> bool {
    (2..=6).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

impl Leg {
    fn of(row: &RowFields) -> Self {
        Self {
            uniqueid: row.text(0),
            linkedid: row.text(1),
            src: row.text(2),
            dst: row.text(3),
            from: row.text(4),
            to: row.text(5),
            app: row.text(6),
            duration: row.seconds(7).unwrap_or_default(),
            talk: row.seconds(8).unwrap_or_default(),
            disposition: row.text(9),
            did: row.text(10),
            start: row.id(11),
        }
    }

    fn is_answered(&self) -> bool {
        self.disposition.as_deref() == Some("ANSWERED")
    }

    fn queue(&self) -> Option<String> {
        self.dst.clone().filter(|_| self.app.as_deref() == Some("Queue"))
    }
}

/// What the rows of one call tell.
fn told(legs: &[Leg]) -> Option<DialerFacts> {
    let first = legs.iter().min_by_key(|leg| (leg.start, leg.uniqueid.clone()))?;
    let answered: Vec<&Leg> = legs.iter().filter(|leg| leg.is_answered() && leg.to.is_some()).collect();
    let last = answered.last().copied().unwrap_or(first);
    let (dials, rings) = (extension(first.from.as_ref()), extension(last.to.as_ref()));
    let is_inbound = legs.iter().any(|leg| leg.did.is_some()) || dials.is_none();
    let (direction, agent, phone) = match (is_inbound, &dials, &rings) {
        (true, _, _) => (DialDirection::Inbound, rings, first.src.clone()),
        (false, Some(_), Some(_)) => (DialDirection::Internal, dials.clone(), first.dst.clone()),
        (false, ..) => (DialDirection::Outbound, dials.clone(), first.dst.clone()),
    };
    let end = legs.iter().filter_map(|leg| Some(leg.start? + leg.duration)).max();
    let stage = |leg: &&Leg| DialerTransfer {
        at: leg.start.map(|epoch| WallTime(epoch * 1000).rfc3339()),
        to: leg.queue().or_else(|| leg.dst.clone()),
        agent: extension(leg.to.as_ref()),
        disposition: leg.disposition.clone(),
        length_seconds: Some(leg.duration),
    };
    let is_transferred = answered.len() > 1;
    Some(DialerFacts {
        system: DialerKind::Freepbx,
        direction: Some(direction),
        uniqueid: first.uniqueid.clone(),
        agent,
        in_group: legs.iter().rev().find_map(Leg::queue),
        phone,
        disposition: last.disposition.clone(),
        length_seconds: end.zip(first.start).map(|(end, start)| end - start),
        talk_seconds: Some(last.talk),
        transfers: if is_transferred { answered.iter().map(stage).collect() } else { Vec::new() },
        ..DialerFacts::default()
    })
}

/// All that the table tells of a call.
pub(super) async fn ask(
    connection: &mut Connection,
    call: &DialedCall,
    queue_file: Option<&Path>,
) -> Result<Answer, DialerError> {
    let mut answers = Answers::default();
    let mut legs: Vec<Leg> = Vec::new();
    let files = call.files.iter().filter_map(|file| file.rsplit('/').next());
    let id = call.uniqueid.as_deref().or(Some(&call.call_id)).filter(|id| Uniqueid::parse(id).is_some());
    let questions = files
        .map(|file| (&BY_RECORDING, file))
        .chain(id.map(|id| (&BY_UNIQUEID, id)))
        .chain(id.map(|id| (&BY_LINKEDID, id)));
    for (query, text) in questions.filter(|(_, text)| is_comparable(text)) {
        legs = rows(connection, query, text, &mut answers).await?;
        if !legs.is_empty() {
            break;
        }
    }
    let linked = legs.iter().find_map(|leg| leg.linkedid.clone());
    if let Some(linked) = linked.filter(|linked| is_comparable(linked)) {
        let all = rows(connection, &BY_LINKEDID, &linked, &mut answers).await?;
        if all.len() > legs.len() {
            legs = all;
        }
    }
    legs.sort_by_key(|leg| leg.start);
    let mut facts = told(&legs);
    // Who was called last has the call; where that was in a queue, the queue's own log knows whom it gave it to.
    let last = legs.iter().rfind(|leg| leg.is_answered() && leg.to.is_some());
    if last.is_none_or(|leg| leg.queue().is_some())
        && let Some(facts) = &mut facts
        && let Some(agent) = agent_of_queue(connection, &legs, queue_file).await?
    {
        facts.agent = Some(agent);
    }
    let is_known = facts.is_some();
    // Asterisk writes a row when its leg is over: after the first answer another one may come.
    let is_over = call.state != CallState::Active && call.told.as_ref().is_some_and(|row| row.tries > 1);
    let empty = || DialerFacts { system: DialerKind::Freepbx, ..DialerFacts::default() };
    let facts = over(facts.unwrap_or_else(empty), call.told.as_ref().map(|row| &row.facts));
    // One way that can be asked is enough.
    let is_blocked = answers.refused > 0 && answers.given == 0;
    let said = Vec::new(); // a row of cdr comes when all is said
    // The name of its recording holds the uniqueid.
    Ok(Answer { facts, uniqueid: None, is_known, is_complete: is_known && is_over, is_blocked, said })
}

/// Who took the call out of its queues, the last one.
async fn agent_of_queue(
    connection: &mut Connection,
    legs: &[Leg],
    file: Option<&Path>,
) -> Result<Option<String>, DialerError> {
    let mut agent = None;
    let queued = legs.iter().filter(|leg| leg.queue().is_some());
    let mut channels: Vec<&str> = queued.filter_map(|leg| leg.uniqueid.as_deref()).collect();
    channels.dedup(); // a row for each agent that it rang
    for channel in channels {
        let queued = queue_log::of_call(connection, channel, file).await?;
        agent = queued.and_then(|queued| queued.agent).map(member).or(agent);
    }
    Ok(agent)
}

/// How many questions had an answer, and how many cannot be asked.
#[derive(Default)]
struct Answers {
    given: u32,
    refused: u32,
}

async fn rows(
    connection: &mut Connection,
    query: &'static Query,
    text: &str,
    answers: &mut Answers,
) -> Result<Vec<Leg>, DialerError> {
    match connection.rows(query, vec![text.into()]).await {
        Err(error) if error.is_of_one_query() => {
            answers.refused += 1;
            Ok(Vec::new())
        }
        rows => {
            let rows = rows?;
            answers.given += 1;
            Ok(rows.iter().map(Leg::of).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leg(from: &str, to: &str, src: &str, dst: &str, start: i64) -> Leg {
        let text = |text: &str| Some(text.to_string()).filter(|text| !text.is_empty());
        Leg {
            uniqueid: Some(format!("{start}.1")),
            src: text(src),
            dst: text(dst),
            from: text(from),
            to: text(to),
            duration: 30,
            talk: 20,
            disposition: Some("ANSWERED".into()),
            start: Some(start),
            ..Leg::default()
        }
    }

    #[test]
    fn who_called_whom_is_told_by_the_channels() {
        for (channel, is) in [
            ("PJSIP/1001-0000002a", Some("1001")),
            ("SIP/1001-2a", Some("1001")),
            ("Local/1002@from-queue-0000001;1", Some("1002")),
            ("PJSIP/trunk-out-0000002b", None),
            ("SIP/5551234567-2a", None),
            ("nothing", None),
        ] {
            assert_eq!(extension(Some(&channel.to_string())).as_deref(), is, "{channel}");
        }
        let out = told(&[leg("PJSIP/1001-2a", "PJSIP/trunk-2b", "1001", "5551234567", 5)]).expect("known");
        assert_eq!((out.direction, out.agent.as_deref()), (Some(DialDirection::Outbound), Some("1001")));
        assert_eq!(out.phone.as_deref(), Some("5551234567"));
        let inner = told(&[leg("PJSIP/1001-2a", "PJSIP/1002-2b", "1001", "1002", 5)]).expect("known");
        assert_eq!(inner.direction, Some(DialDirection::Internal));
        let mut queue = leg("PJSIP/trunk-2a", "Local/1002@from-queue-1;1", "5559876543", "600", 5);
        queue.app = Some("Queue".into());
        let other = leg("PJSIP/trunk-2a", "PJSIP/1003-2d", "5559876543", "1003", 40);
        let call = told(&[queue, other]).expect("known");
        assert_eq!((call.direction, call.agent.as_deref()), (Some(DialDirection::Inbound), Some("1003")));
        assert_eq!((call.in_group.as_deref(), call.phone.as_deref()), (Some("600"), Some("5559876543")));
        assert_eq!((call.length_seconds, call.transfers.len()), (Some(65), 2));
        assert!(told(&[]).is_none());
    }
}
