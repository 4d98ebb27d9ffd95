//! The dialer's report of each day's calls, and lineside's own calls of a day. Both are read whole and compared elsewhere.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, Transaction};

use super::{Store, StoreError};
use crate::call::{CallState, Leg, Source, WallTime};
use crate::contract::coverage::CoverageSource;

/// Rows that are written in one step: what is live is written between the steps.
const AT_ONCE: usize = 1000;

/// A note that a day was read, and from which system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayRead {
    /// `YYYY-MM-DD`.
    pub day: String,
    /// The system that told of the day.
    pub source: CoverageSource,
    /// Time of the reading, wall clock.
    pub read: WallTime,
    /// Calls that no agent had and that have no row.
    pub unanswered: i64,
    /// What could not be read, with what mends it: a sentence each, in one line.
    pub left_out: Vec<String>,
}

/// A call, or a stage of it, that took place as the dialer says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallOfDay {
    /// The dialer's id of the call.
    pub key: String,
    /// Time at which it began.
    pub started: WallTime,
    /// Seconds that a recording should have; `None` while it runs.
    pub expected_s: Option<i64>,
    /// Uniqueid of the customer's channel.
    pub uniqueid: Option<String>,
    /// The agent of the call; `None` if it had none.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
}

/// A recording that the dialer knows of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordingOfDay {
    /// Its number, or its file's name.
    pub key: String,
    /// [`CallOfDay::key`]; `None` when the dialer has no call for it.
    pub call: Option<String>,
    /// Its number.
    pub id: Option<i64>,
    /// Its file's name without folder, side and ending.
    pub name: String,
    /// Time at which it began.
    pub started: WallTime,
    /// Its length as the dialer counts it, seconds.
    pub recorded_s: Option<i64>,
    /// Time at which it ended; `None` while it is recorded.
    pub ended: Option<WallTime>,
    /// Address of the dialer that made it, where that is another one.
    pub server: Option<String>,
    /// Its place in the watched folders, and its size in bytes.
    pub file: Option<(String, i64)>,
    /// Whether it lies where Asterisk has written it.
    pub is_unmoved: bool,
}

/// A side of a call that was heard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardSide {
    /// The leg: agent, caller or mixed.
    pub leg: Leg,
    /// The recording's file, where it is one: as it is now.
    pub file: Option<String>,
    /// The file as it was first seen.
    pub first_file: Option<String>,
    /// Whether speech was found, and was not judged to be none.
    pub has_speech: bool,
}

/// A call that lineside has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeardCall {
    /// Public id.
    pub call_id: String,
    /// First sound.
    pub started: WallTime,
    /// State of the call.
    pub state: CallState,
    /// Source of its audio.
    pub source: Source,
    /// Length of its sound, milliseconds.
    pub audio_ms: i64,
    /// Its agent.
    pub agent: Option<String>,
    /// Campaign, in-group or queue.
    pub campaign: Option<String>,
    /// Ids by which the dialer may know it: uniqueids and former ids.
    pub ids: Vec<String>,
    /// The dialer's number of its recording.
    pub recording_id: Option<i64>,
    /// Whether the dialer has told anything of it.
    pub is_known: bool,
    /// Whether utterances of it wait for their text.
    pub is_waiting: bool,
    /// Its sides.
    pub sides: Vec<HeardSide>,
}

/// A day in the dialer's database.
pub type DayOfDialer = (DayRead, Vec<CallOfDay>, Vec<RecordingOfDay>);

/// A call on the PBX, from its events in a span of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PbxCallOfDay {
    /// Uniqueid of the channel that began it.
    pub uniqueid: String,
    /// First event.
    pub started: WallTime,
    /// Time at which it was first bridged, or an agent had it; `None` if nobody had it.
    pub answered: Option<WallTime>,
    /// Time of its last hangup; `None` while it runs.
    pub ended: Option<WallTime>,
    /// The queue.
    pub queue: Option<String>,
    /// The agent's name in the queue.
    pub agent: Option<String>,
}

const READ: &str = "SELECT day, source, read_ms, unanswered, left_out FROM dialed_day WHERE day = ?1";
const CALLS: &str = "
    SELECT key, started_ms, expected_s, uniqueid, agent, campaign
    FROM dialed_call
    WHERE day = ?1";
const RECORDINGS: &str = "
    SELECT key, call, recording_id, name, started_ms, recorded_s, ended_ms, server, file, file_bytes, unmoved
    FROM dialed_recording
    WHERE day = ?1";
const HEARD: &str = "
    SELECT call.id, call.call_id, call.started_ms, call.state, call.source, call.audio_ms, call.agent, call.campaign, call.uniqueid,
        dialer.uniqueid, dialer.recording_id, dialer.agent IS NOT NULL
    FROM call
    LEFT JOIN dialer ON dialer.call = call.id
    WHERE call.started_ms >= ?1 AND call.started_ms < ?2
    ORDER BY call.started_ms";
const ALIASES: &str = "
    SELECT call.id, call_alias.alias
    FROM call
    CROSS JOIN call_alias ON call_alias.call = call.id
    WHERE call.started_ms >= ?1 AND call.started_ms < ?2";
/// A leg that speech was found on is known by its first utterance that was not judged to be none.
const SIDES: &str = "
    SELECT call.id, leg.leg, leg.owned, leg.path, leg.peer,
        EXISTS (SELECT 1 FROM utterance WHERE utterance.leg = leg.id AND utterance.state <> 'empty')
    FROM call
    CROSS JOIN leg ON leg.call = call.id
    WHERE call.started_ms >= ?1 AND call.started_ms < ?2";
const WAITING: &str = "
    SELECT call
    FROM utterance INDEXED BY utterance_waiting
    WHERE state IN ('waiting_for_model', 'pending')";
const PBX: &str = "
    SELECT pbx_call, min(at_ms), min(CASE WHEN kind IN ('bridged', 'agent_connected') THEN at_ms END), max(CASE WHEN kind = 'hung_up' THEN at_ms END),
        max(CASE WHEN kind = 'queue_joined' THEN detail END), max(CASE WHEN kind = 'agent_connected' THEN detail END)
    FROM call_event
    WHERE at_ms >= ?1 AND at_ms < ?2
    GROUP BY pbx_call";

fn day_read(row: &Row) -> rusqlite::Result<DayRead> {
    let source = CoverageSource::parse(&row.get::<_, String>(1)?).unwrap_or(CoverageSource::Vicidial);
    let left_out = row.get::<_, String>(4)?.lines().map(str::to_owned).collect();
    Ok(DayRead { day: row.get(0)?, source, read: WallTime(row.get(2)?), unanswered: row.get(3)?, left_out })
}

fn call_of_day(row: &Row) -> rusqlite::Result<CallOfDay> {
    Ok(CallOfDay {
        key: row.get(0)?,
        started: WallTime(row.get(1)?),
        expected_s: row.get(2)?,
        uniqueid: row.get(3)?,
        agent: row.get(4)?,
        campaign: row.get(5)?,
    })
}

fn recording_of_day(row: &Row) -> rusqlite::Result<RecordingOfDay> {
    let file: Option<String> = row.get(8)?;
    Ok(RecordingOfDay {
        key: row.get(0)?,
        call: row.get(1)?,
        id: row.get(2)?,
        name: row.get(3)?,
        started: WallTime(row.get(4)?),
        recorded_s: row.get(5)?,
        ended: row.get::<_, Option<i64>>(6)?.map(WallTime),
        server: row.get(7)?,
        file: file.zip(row.get(9)?),
        is_unmoved: row.get(10)?,
    })
}

fn put_call(step: &Transaction, read: &DayRead, call: &CallOfDay) -> rusqlite::Result<()> {
    step.prepare_cached("INSERT OR REPLACE INTO dialed_call VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?.execute((
        &read.day,
        &call.key,
        read.read.0,
        call.started.0,
        call.expected_s,
        &call.uniqueid,
        &call.agent,
        &call.campaign,
    ))?;
    Ok(())
}

fn put_recording(step: &Transaction, read: &DayRead, one: &RecordingOfDay) -> rusqlite::Result<()> {
    step.prepare_cached(
        "INSERT OR REPLACE INTO dialed_recording VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute((
        &read.day,
        &one.key,
        read.read.0,
        &one.call,
        one.id,
        &one.name,
        one.started.0,
        one.recorded_s,
        one.ended.map(|at| at.0),
        &one.server,
        one.file.as_ref().map(|(path, _)| path),
        one.file.as_ref().map(|(_, bytes)| bytes),
        one.is_unmoved,
    ))?;
    Ok(())
}

/// Makes this reading the day's rows.
fn finish(step: &Transaction, read: &DayRead) -> rusqlite::Result<()> {
    for table in ["dialed_call", "dialed_recording"] {
        step.execute(&format!("DELETE FROM {table} WHERE day = ?1 AND read_ms <> ?2"), (&read.day, read.read.0))?;
    }
    step.execute(
        "INSERT OR REPLACE INTO dialed_day (day, source, read_ms, unanswered, left_out) VALUES (?1, ?2, ?3, ?4, ?5)",
        (&read.day, read.source.as_str(), read.read.0, read.unanswered, read.left_out.join("\n")),
    )?;
    Ok(())
}

fn heard(db: &Connection, span: (i64, i64)) -> rusqlite::Result<Vec<HeardCall>> {
    let mut places: HashMap<i64, usize> = HashMap::new();
    let mut calls = Vec::new();
    let mut rows = db.prepare_cached(HEARD)?;
    let mut rows = rows.query(span)?;
    while let Some(row) = rows.next()? {
        let call_id: String = row.get(1)?;
        let ids: [Option<String>; 2] = [row.get(8)?, row.get(9)?];
        let recording_id: Option<i64> = row.get(10)?;
        let is_known = ids[1].is_some() || recording_id.is_some() || row.get::<_, Option<bool>>(11)?.unwrap_or(false);
        let ids = ids.into_iter().flatten().chain([call_id.clone()]).collect();
        places.insert(row.get(0)?, calls.len());
        calls.push(HeardCall {
            call_id,
            started: WallTime(row.get(2)?),
            state: row.get(3)?,
            source: row.get(4)?,
            audio_ms: row.get(5)?,
            agent: row.get(6)?,
            campaign: row.get(7)?,
            ids,
            recording_id,
            is_known,
            is_waiting: false,
            sides: Vec::new(),
        });
    }
    let mut aliases = db.prepare_cached(ALIASES)?;
    let mut aliases = aliases.query(span)?;
    while let Some(row) = aliases.next()? {
        if let Some(&place) = places.get(&row.get(0)?) {
            calls[place].ids.push(row.get(1)?);
        }
    }
    let mut sides = db.prepare_cached(SIDES)?;
    let mut sides = sides.query(span)?;
    while let Some(row) = sides.next()? {
        let Some(&place) = places.get(&row.get(0)?) else { continue };
        let is_own: bool = row.get(2)?;
        let first_file = row.get::<_, Option<String>>(4)?.filter(|peer| peer.starts_with('/'));
        let file = if is_own { first_file.clone() } else { Some(row.get(3)?) };
        calls[place].sides.push(HeardSide { leg: row.get(1)?, file, first_file, has_speech: row.get(5)? });
    }
    let mut waiting = db.prepare_cached(WAITING)?;
    let mut waiting = waiting.query([])?;
    while let Some(row) = waiting.next()? {
        if let Some(&place) = places.get(&row.get(0)?) {
            calls[place].is_waiting = true;
        }
    }
    Ok(calls)
}

impl Store {
    /// Replaces the rows of a day by those of a new reading. Until it is finished the day has rows of both.
    pub async fn note_day(
        &self,
        read: DayRead,
        calls: Vec<CallOfDay>,
        recordings: Vec<RecordingOfDay>,
    ) -> Result<(), StoreError> {
        for some in calls.chunks(AT_ONCE) {
            let (read, some) = (read.clone(), some.to_vec());
            self.writer()
                .run(move |db| {
                    let step = db.transaction()?;
                    some.iter().try_for_each(|call| put_call(&step, &read, call))?;
                    step.commit()
                })
                .await?;
        }
        for some in recordings.chunks(AT_ONCE) {
            let (read, some) = (read.clone(), some.to_vec());
            self.writer()
                .run(move |db| {
                    let step = db.transaction()?;
                    some.iter().try_for_each(|one| put_recording(&step, &read, one))?;
                    step.commit()
                })
                .await?;
        }
        self.writer()
            .run(move |db| {
                let step = db.transaction()?;
                finish(&step, &read)?;
                step.commit()
            })
            .await
    }

    /// A day in the dialer's database; `None` when it was never read completely.
    pub async fn day_of_dialer(&self, day: String) -> Result<Option<DayOfDialer>, StoreError> {
        self.read_for(true, move |db| {
            let Some(read) = db.prepare_cached(READ)?.query_row([&day], day_read).optional()? else { return Ok(None) };
            let calls = db.prepare_cached(CALLS)?.query_map([&day], call_of_day)?.collect::<Result<_, _>>()?;
            let recordings =
                db.prepare_cached(RECORDINGS)?.query_map([&day], recording_of_day)?.collect::<Result<_, _>>()?;
            Ok(Some((read, calls, recordings)))
        })
        .await
    }

    /// The last complete reading of a day.
    pub async fn day_read(&self, day: String) -> Result<Option<DayRead>, StoreError> {
        self.read(move |db| db.prepare_cached(READ)?.query_row([&day], day_read).optional()).await
    }

    /// Calls that lineside has and that began in this span.
    pub async fn heard_calls(&self, since: WallTime, until: WallTime) -> Result<Vec<HeardCall>, StoreError> {
        self.read_for(true, move |db| heard(db, (since.0, until.0))).await
    }

    /// Calls on the PBX with events in this span.
    pub async fn pbx_calls(&self, since: WallTime, until: WallTime) -> Result<Vec<PbxCallOfDay>, StoreError> {
        let time = |at: Option<i64>| at.map(WallTime);
        self.read_for(true, move |db| {
            let row = |row: &Row| {
                Ok(PbxCallOfDay {
                    uniqueid: row.get(0)?,
                    started: WallTime(row.get(1)?),
                    answered: time(row.get(2)?),
                    ended: time(row.get(3)?),
                    queue: row.get(4)?,
                    agent: row.get(5)?,
                })
            };
            db.prepare_cached(PBX)?.query_map((since.0, until.0), row)?.collect()
        })
        .await
    }

    /// Deletes what the dialer told of days before this one, `YYYY-MM-DD`.
    pub async fn delete_old_days(&self, before: String) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                let step = db.transaction()?;
                for table in ["dialed_call", "dialed_recording", "dialed_day"] {
                    step.execute(&format!("DELETE FROM {table} WHERE day < ?1"), [&before])?;
                }
                step.commit()
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{call, leg, open};
    use super::*;

    fn read(at: i64) -> DayRead {
        let left_out = vec!["call_log: denied".to_owned(), format!("read {at}")];
        let source = CoverageSource::Vicidial;
        DayRead { day: "2026-11-23".into(), source, read: WallTime(at), unanswered: 3, left_out }
    }

    #[tokio::test]
    async fn a_day_that_is_read_again_holds_the_new_rows_alone() {
        let (_folder, store) = open();
        let call = |key: &str| CallOfDay { key: key.into(), uniqueid: Some("1.1".into()), ..CallOfDay::default() };
        let recording = RecordingOfDay {
            key: "7".into(),
            id: Some(7),
            file: Some(("/monitor/a-in.wav".into(), 44)),
            is_unmoved: true,
            ..RecordingOfDay::default()
        };
        store.note_day(read(1), vec![call("a"), call("b")], vec![recording.clone()]).await.expect("noted");
        store.note_day(read(2), vec![call("b"), call("c")], vec![recording.clone()]).await.expect("noted");
        let (told, mut calls, recordings) =
            store.day_of_dialer("2026-11-23".into()).await.expect("read").expect("there");
        calls.sort_by(|one, other| one.key.cmp(&other.key));
        assert_eq!((told, calls, recordings), (read(2), vec![call("b"), call("c")], vec![recording]));
        store.delete_old_days("2026-11-24".into()).await.expect("deleted");
        assert_eq!(store.day_of_dialer("2026-11-23".into()).await.expect("read"), None);
    }

    #[tokio::test]
    async fn what_the_dialer_told_of_a_call_goes_with_it() {
        let (_folder, store) = open();
        store.writer().commit(vec![call(1, "a.1", 1000), leg(1, 1, 1000)]).await.expect("commit");
        let dialed = CallOfDay { key: "1.1".into(), uniqueid: Some("1.1".into()), ..CallOfDay::default() };
        let recording = RecordingOfDay { key: "7".into(), id: Some(7), ..RecordingOfDay::default() };
        let named = RecordingOfDay { key: "8".into(), name: "a.1".into(), ..RecordingOfDay::default() };
        store.note_day(read(1), vec![dialed], vec![recording, named]).await.expect("noted");
        let told = |db: &mut Connection| {
            db.execute_batch(
                "INSERT INTO dialer (call, system, uniqueid, recording_id, asked_ms, tries, complete) VALUES (1, 'vicidial', '1.1', 7, 0, 0, 1)",
            )
        };
        store.writer().run(told).await.expect("told");
        let heard = store.heard_calls(WallTime(0), WallTime(2000)).await.expect("heard");
        assert_eq!((heard.len(), heard[0].sides.len(), heard[0].is_known), (1, 1, true), "{heard:?}");
        assert_eq!((heard[0].recording_id, &heard[0].ids[..]), (Some(7), &["1.1".to_string(), "a.1".into()][..]));
        store.writer().run(|db| super::super::retention::delete_call(db, 1)).await.expect("deleted");
        let (_, calls, recordings) = store.day_of_dialer("2026-11-23".into()).await.expect("read").expect("there");
        assert!(calls.is_empty() && recordings.is_empty(), "{calls:?} {recordings:?}");
    }
}
