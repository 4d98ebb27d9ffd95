//! A day of ViciDial: `vicidial_log` and `vicidial_closer_log` say which calls an agent had, `vicidial_agent_log` how long the agent talked,
//! `recording_log` which recordings there are, and `call_log` which calls of customers neither of the first two has.

use std::collections::{HashMap, HashSet};

use super::call_log::{self, DialedChannel};
use super::parts::{AFTER_S, BEFORE_S, by_parts};
use crate::call::WallTime;
use crate::call::file_name::base_name;
use crate::integrate::dialer::connection::{Connection, DialerError, Example, Query};
use crate::integrate::dialer::fields::RowFields;
use crate::integrate::dialer::names::VicidialId;
use crate::integrate::dialer::numbered::NumberedTable;
use crate::integrate::dialer::vicidial::{RECORDING_ENDS, RECORDING_NEXT};
use crate::pipeline::coverage::ToldDay;
use crate::store::coverage::{CallOfDay, RecordingOfDay};

/// Users that are no people.
const NOBODY: [&str; 4] = ["VDAD", "VDCL", "GATEWAY", ""];
/// A recording that names no call belongs to one of its lead that it began in, or so long before and after, seconds.
const NEAR_S: i64 = 60;
/// The agent of a call that nobody has logged.
const UNKNOWN: &str = "?";
/// An hour of a Monday.
const HOUR: &[Example] = &[Example::Number(1_795_218_045), Example::Number(1_795_221_645)];

/// uniqueid, lead_id, campaign_id, start_epoch, end_epoch, length_in_sec, user
const OUTBOUND: Query = Query {
    name: "vicidial_log by call_date",
    table: "vicidial_log",
    sql: "SELECT uniqueid, lead_id, campaign_id, start_epoch, end_epoch, length_in_sec, user
          FROM vicidial_log FORCE INDEX (call_date)
          WHERE call_date >= FROM_UNIXTIME(?) AND call_date < FROM_UNIXTIME(?)",
    example: HOUR,
    is_whole: false,
};
/// closecallid, lead_id, campaign_id, start_epoch, end_epoch, length_in_sec, user, uniqueid, queue_seconds
const INBOUND: Query = Query {
    name: "vicidial_closer_log by call_date",
    table: "vicidial_closer_log",
    sql:
        "SELECT closecallid, lead_id, campaign_id, start_epoch, end_epoch, length_in_sec, user, uniqueid, queue_seconds
          FROM vicidial_closer_log FORCE INDEX (call_date)
          WHERE call_date >= FROM_UNIXTIME(?) AND call_date < FROM_UNIXTIME(?)",
    example: HOUR,
    is_whole: false,
};
/// user, lead_id, uniqueid, talk_epoch, talk_sec, dead_sec
const AGENTS: Query = Query {
    name: "vicidial_agent_log by event_time",
    table: "vicidial_agent_log",
    sql: "SELECT user, lead_id, uniqueid, talk_epoch, talk_sec, dead_sec
          FROM vicidial_agent_log FORCE INDEX (event_time)
          WHERE event_time >= FROM_UNIXTIME(?) AND event_time < FROM_UNIXTIME(?) AND lead_id > 0",
    example: HOUR,
    is_whole: false,
};
/// recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, length_in_sec, server_ip
const RECORDINGS: Query = Query {
    name: "recording_log by recording_id's range",
    table: "recording_log",
    sql: "SELECT recording_id, filename, lead_id, user, vicidial_id, start_epoch, end_epoch, length_in_sec, server_ip
          FROM recording_log FORCE INDEX (PRIMARY)
          WHERE recording_id >= ? AND recording_id <= ?
          ORDER BY recording_id
          LIMIT 1000",
    example: &[Example::Number(1), Example::Number(100_000)],
    is_whole: false,
};
const RECORDING_LOG: NumberedTable = NumberedTable {
    ends: &RECORDING_ENDS,
    next: &RECORDING_NEXT,
    page: &RECORDINGS,
    at_of_next: |row| row.id(1),
    at_of_page: |row| row.id(5),
};

/// All of them.
pub(super) const QUERIES: [&Query; 7] =
    [&OUTBOUND, &INBOUND, &AGENTS, &RECORDING_ENDS, &RECORDING_NEXT, &RECORDINGS, &call_log::BY_SECOND];

/// A row of either log.
#[derive(Clone, Debug, Default)]
struct Stage {
    key: String,
    uniqueid: Option<String>,
    lead: Option<i64>,
    campaign: Option<String>,
    start: i64,
    end: Option<i64>,
    length: Option<i64>,
    user: Option<String>,
    queue_s: i64,
    /// Of `call_log` alone: nobody wrote down who had it.
    is_unlogged: bool,
}

/// A row of `vicidial_agent_log`: a call that an agent had.
#[derive(Clone, Debug, Default)]
struct Talk {
    user: Option<String>,
    lead: Option<i64>,
    uniqueid: Option<String>,
    start: Option<i64>,
    /// Without the seconds after the customer had gone.
    seconds: i64,
}

/// A row of `recording_log`.
#[derive(Clone, Debug, Default)]
struct Taken {
    id: i64,
    name: String,
    lead: Option<i64>,
    user: Option<String>,
    link: Option<String>,
    start: i64,
    end: Option<i64>,
    length: Option<i64>,
    server: Option<String>,
}

impl Stage {
    fn outbound(row: &RowFields) -> Option<Self> {
        let uniqueid = row.text(0)?;
        Some(Self { key: uniqueid.clone(), uniqueid: Some(uniqueid), ..Self::common(row)? })
    }

    fn inbound(row: &RowFields) -> Option<Self> {
        let queue_s = row.decimal(8).unwrap_or_default() as i64;
        Some(Self { key: row.id(0)?.to_string(), uniqueid: row.text(7), queue_s, ..Self::common(row)? })
    }

    fn common(row: &RowFields) -> Option<Self> {
        Some(Self {
            lead: row.id(1),
            campaign: row.text(2),
            start: row.id(3)?,
            end: row.id(4),
            length: row.seconds(5),
            user: row.text(6).filter(|user| !NOBODY.contains(&user.as_str())),
            ..Self::default()
        })
    }

    fn unlogged(channel: DialedChannel) -> Self {
        let DialedChannel { uniqueid, lead, start, end, length } = channel;
        let (key, uniqueid) = (uniqueid.clone(), Some(uniqueid));
        Self { key, uniqueid, lead, start, end, length, is_unlogged: true, ..Self::default() }
    }

    /// Whether something of this lead that began then is of this call.
    fn holds(&self, at: i64) -> bool {
        self.start - NEAR_S <= at && at <= self.end.unwrap_or(i64::MAX - NEAR_S) + NEAR_S
    }
}

impl Talk {
    fn of(row: &RowFields) -> Self {
        let talk = row.seconds(4).unwrap_or_default();
        // It is a SMALLINT: some versions write 65535 where a call had no end.
        let dead = row.seconds(5).filter(|&dead| dead <= talk).unwrap_or_default();
        Self { user: row.text(0), lead: row.id(1), uniqueid: row.text(2), start: row.id(3), seconds: talk - dead }
    }

    fn is_of(&self, stage: &Stage) -> bool {
        let is_same = self.uniqueid.is_some() && self.uniqueid == stage.uniqueid;
        self.user == stage.user && (is_same || self.lead == stage.lead) && self.start.is_some_and(|at| stage.holds(at))
    }
}

impl Taken {
    fn of(row: &RowFields) -> Option<Self> {
        Some(Self {
            id: row.id(0)?,
            name: base_name(&row.text(1)?).to_string(),
            lead: row.id(2),
            user: row.text(3),
            link: row.text(4),
            start: row.id(5)?,
            end: row.id(6),
            length: row.seconds(7).filter(|&length| length > 0),
            server: row.text(8),
        })
    }
}

/// The logs of a day, found by what recordings and agents' rows name.
struct Logs {
    stages: Vec<Stage>,
    by_key: HashMap<String, usize>,
    by_uniqueid: HashMap<String, Vec<usize>>,
    by_lead: HashMap<i64, Vec<usize>>,
}

impl Logs {
    fn new(stages: Vec<Stage>) -> Self {
        let (mut by_key, mut by_uniqueid, mut by_lead) = (HashMap::new(), HashMap::new(), HashMap::new());
        for (place, stage) in stages.iter().enumerate() {
            by_key.insert(stage.key.clone(), place);
            if let Some(uniqueid) = &stage.uniqueid {
                by_uniqueid.entry(uniqueid.clone()).or_insert_with(Vec::new).push(place);
            }
            if let Some(lead) = stage.lead {
                by_lead.entry(lead).or_insert_with(Vec::new).push(place);
            }
        }
        Self { stages, by_key, by_uniqueid, by_lead }
    }

    /// The call of a recording: the one it names, else one of its lead at its time, its agent's first.
    fn of(&self, taken: &Taken) -> Option<&Stage> {
        let named = match VicidialId::parse(taken.link.as_deref()) {
            VicidialId::Outbound(uniqueid) => {
                let by_key = self.by_key.get(&uniqueid);
                by_key.or_else(|| self.by_uniqueid.get(&uniqueid).and_then(|places| places.last())).copied()
            }
            VicidialId::Inbound(id) => self.by_key.get(&id.to_string()).copied(),
            VicidialId::Gateway(_) | VicidialId::Unknown => None,
        };
        if let Some(place) = named {
            return Some(&self.stages[place]);
        }
        let near = self.by_lead.get(&taken.lead?)?.iter().map(|&place| &self.stages[place]);
        let near = near.filter(|stage| stage.holds(taken.start));
        near.max_by_key(|stage| (stage.user.is_some() && stage.user == taken.user, stage.start))
    }
}

/// The day of these rows, from `since` to `until`, epochs.
fn told(
    stages: Vec<Stage>,
    talks: &[Talk],
    taken: Vec<Taken>,
    (since, until): (i64, i64),
    server: Option<&str>,
) -> ToldDay {
    let logs = Logs::new(stages);
    let mut by_lead: HashMap<i64, Vec<&Talk>> = HashMap::new();
    for talk in talks {
        by_lead.entry(talk.lead.unwrap_or_default()).or_default().push(talk);
    }
    let is_of_day = |at: i64| since <= at && at < until;
    let mut recordings = Vec::new();
    let mut recorded: HashSet<&str> = HashSet::new();
    for one in taken {
        let stage = logs.of(&one);
        let is_wanted = stage.map_or(is_of_day(one.start), |stage| is_of_day(stage.start) || is_of_day(one.start));
        if !is_wanted {
            continue;
        }
        recorded.extend(stage.map(|stage| stage.key.as_str()));
        recordings.push(RecordingOfDay {
            key: one.id.to_string(),
            call: stage.map(|stage| stage.key.clone()),
            id: Some(one.id),
            name: one.name,
            started: WallTime(one.start * 1000),
            recorded_s: one.length,
            ended: one.end.map(|end| WallTime(end * 1000)),
            server: one.server.filter(|one| server.is_some_and(|own| own != one)),
            file: None,
            is_unmoved: false,
        });
    }
    let mut day = ToldDay { recordings, ..ToldDay::default() };
    for stage in logs.stages.iter().filter(|stage| is_of_day(stage.start)) {
        // A call that nobody had is a row only where it was recorded all the same. Of one that was never logged nobody knows who had it.
        if stage.user.is_none() && !stage.is_unlogged && !recorded.contains(stage.key.as_str()) {
            day.unanswered += 1;
            continue;
        }
        let talks = by_lead.get(&stage.lead.unwrap_or_default()).into_iter().flatten();
        let talked: Vec<i64> = talks.filter(|talk| talk.is_of(stage)).map(|talk| talk.seconds).collect();
        let length = || Some((stage.length? - stage.queue_s).max(0));
        day.calls.push(CallOfDay {
            key: stage.key.clone(),
            started: WallTime(stage.start * 1000),
            expected_s: stage.end.and_then(|_| talked.iter().copied().max().or_else(length)),
            uniqueid: stage.uniqueid.clone(),
            agent: stage.user.clone().or_else(|| stage.is_unlogged.then(|| UNKNOWN.into())),
            campaign: stage.campaign.clone(),
        });
    }
    day
}

/// Calls of customers that no log has: not by their uniqueid, nor as one of their lead at that time.
fn unlogged(stages: &[Stage], channels: Vec<DialedChannel>) -> Vec<Stage> {
    let known: HashSet<&str> = stages.iter().filter_map(|stage| stage.uniqueid.as_deref()).collect();
    let mut by_lead: HashMap<i64, Vec<&Stage>> = HashMap::new();
    for stage in stages {
        by_lead.entry(stage.lead.unwrap_or_default()).or_default().push(stage);
    }
    let is_new = |channel: &DialedChannel| {
        let of_lead = channel.lead.and_then(|lead| by_lead.get(&lead)).into_iter().flatten();
        !known.contains(channel.uniqueid.as_str()) && !of_lead.into_iter().any(|stage| stage.holds(channel.start))
    };
    channels.into_iter().filter(is_new).map(Stage::unlogged).collect()
}

/// Reads the day from `since` to `until`, epochs. `server` is how this machine calls itself in ViciDial's tables.
pub(super) async fn read(
    connection: &mut Connection,
    (since, until): (i64, i64),
    server: Option<&str>,
) -> Result<ToldDay, DialerError> {
    let around = (since - BEFORE_S, until);
    let outbound = by_parts(connection, &OUTBOUND, around).await?;
    let inbound = by_parts(connection, &INBOUND, around).await?;
    let mut stages: Vec<Stage> =
        outbound.iter().filter_map(Stage::outbound).chain(inbound.iter().filter_map(Stage::inbound)).collect();
    let mut left_out = Vec::new();
    let (channels, unread) = call_log::read(connection, (since, until), server).await?;
    left_out.extend(unread.map(|error| format!("calls that call_log alone has ({error})")));
    let unlogged = unlogged(&stages, channels);
    stages.extend(unlogged);
    let talks = match by_parts(connection, &AGENTS, (since - BEFORE_S, until + AFTER_S)).await {
        Err(error) if error.is_of_one_query() => {
            left_out.push(format!("how long agents talked, so the calls' own length has to do ({error})"));
            Vec::new()
        }
        rows => rows?.iter().map(Talk::of).collect(),
    };
    let taken = RECORDING_LOG.rows(connection, (since - BEFORE_S, until + AFTER_S)).await?;
    let taken = taken.iter().filter_map(Taken::of).collect();
    Ok(ToldDay { left_out, ..told(stages, &talks, taken, (since, until), server) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: (i64, i64) = (100_000, 186_400);

    fn stage(key: &str, lead: i64, start: i64, user: Option<&str>) -> Stage {
        Stage {
            key: key.into(),
            uniqueid: Some(if key.contains('.') { key.into() } else { format!("{start}.1") }),
            lead: Some(lead),
            campaign: Some("TESTCAMP".into()),
            start,
            end: Some(start + 100),
            length: Some(100),
            user: user.map(Into::into),
            queue_s: if key.contains('.') { 0 } else { 30 },
            is_unlogged: false,
        }
    }

    fn taken(id: i64, lead: i64, start: i64, link: Option<&str>) -> Taken {
        let (link, user) = (link.map(Into::into), Some("1001".into()));
        Taken { id, name: format!("f{id}"), lead: Some(lead), user, link, start, ..Taken::default() }
    }

    fn talk(user: &str, lead: i64, start: i64, seconds: i64) -> Talk {
        Talk { user: Some(user.into()), lead: Some(lead), uniqueid: None, start: Some(start), seconds }
    }

    #[test]
    fn a_call_is_as_long_as_its_agent_talked_or_as_its_own_row_says_without_the_queue() {
        let stages = vec![
            stage("1.1", 1, 110_000, Some("1001")),
            stage("7", 2, 110_000, Some("1001")),
            stage("1.3", 3, 110_000, None),
            Stage { end: None, ..stage("1.4", 4, 110_000, Some("1001")) },
        ];
        let talks = [talk("1001", 1, 110_010, 40), talk("1002", 1, 110_010, 77), talk("1001", 1, 120_000, 90)];
        let day = told(stages, &talks, Vec::new(), DAY, None);
        let lengths: Vec<_> = day.calls.iter().map(|call| (call.key.as_str(), call.expected_s)).collect();
        assert_eq!((lengths, day.unanswered), (vec![("1.1", Some(40)), ("7", Some(70)), ("1.4", None)], 1));
    }

    #[test]
    fn a_recording_belongs_to_the_call_it_names_else_to_one_of_its_lead_at_its_time() {
        let stages = vec![
            stage("1.1", 1, 110_000, Some("1001")),
            stage("7", 1, 110_050, Some("1001")),
            stage("1.3", 3, 110_000, None),
            stage("0.9", 9, 99_990, Some("1001")),
            stage("0.8", 8, 90_000, Some("1001")),
        ];
        let records = vec![
            taken(1, 1, 110_010, Some("1.1")),
            taken(2, 1, 110_060, Some("7")),
            taken(3, 3, 110_010, None),
            taken(4, 4, 110_010, None),
            taken(5, 9, 100_010, Some("0.9")),
            taken(6, 8, 90_010, Some("0.8")),
            taken(7, 1, 120_000, Some("G55")),
            taken(8, 1, 187_000, None),
        ];
        let day = told(stages, &[], records, DAY, Some("10.0.0.1"));
        let found: Vec<_> = day.recordings.iter().map(|one| (one.key.as_str(), one.call.as_deref())).collect();
        let wanted =
            [("1", Some("1.1")), ("2", Some("7")), ("3", Some("1.3")), ("4", None), ("5", Some("0.9")), ("7", None)];
        assert_eq!(found, wanted);
        let calls: Vec<_> = day.calls.iter().map(|call| call.key.as_str()).collect();
        assert_eq!((calls, day.unanswered), (vec!["1.1", "7", "1.3"], 0), "nobody had 1.3, and it was recorded");
    }

    #[test]
    fn a_customers_call_that_no_log_has_is_a_row_and_one_that_a_log_has_is_none() {
        let channel = |uniqueid: &str, lead: Option<i64>, start: i64| DialedChannel {
            uniqueid: uniqueid.into(),
            lead,
            start,
            end: Some(start + 40),
            length: Some(40),
        };
        let mut stages = vec![stage("1.1", 1, 110_000, Some("1001"))];
        let channels = vec![
            channel("1.1", Some(1), 110_000),
            channel("1.2", Some(1), 110_030),
            channel("1.3", Some(1), 150_000),
            channel("1.4", None, 110_000),
        ];
        let found = unlogged(&stages, channels);
        stages.extend(found);
        let day = told(stages, &[], vec![taken(1, 3, 150_010, Some("1.3"))], DAY, None);
        let calls: Vec<_> = day.calls.iter().map(|call| (call.key.as_str(), call.agent.as_deref())).collect();
        assert_eq!(calls, [("1.1", Some("1001")), ("1.3", Some("?")), ("1.4", Some("?"))]);
        assert_eq!((day.calls[1].expected_s, day.recordings[0].call.as_deref()), (Some(40), Some("1.3")));
    }
}
