//! Unfinished work of the previous run, read once at the start before anything else happens.

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};

use super::typed::stretches;
use crate::call::{BootClock, CallId, CallKey, Leg, LegKey, Source, UtteranceKey, WallTime};

/// Everything that is not finished.
#[derive(Debug, Default)]
pub struct Recovery {
    /// Highest row numbers in use: call, leg, utterance.
    pub highest: (i64, i64, i64),
    /// The clocks as the previous run last saw them.
    pub clock: Option<BootClock>,
    /// All leg keys, to find files without a row.
    pub known_legs: HashSet<LegKey>,
    /// Calls that are not over.
    pub calls: Vec<OpenCall>,
    /// Legs of those calls.
    pub legs: Vec<OpenLeg>,
    /// Utterances that wait for text.
    pub utterances: Vec<OpenUtterance>,
}

/// A call that is not over.
#[derive(Debug)]
pub struct OpenCall {
    /// Row number.
    pub key: CallKey,
    /// Public id.
    pub id: CallId,
    /// The source of its audio.
    pub source: Source,
    /// Campaign, in-group or queue, where known.
    pub campaign: Option<String>,
    /// Time at which it began.
    pub started: WallTime,
    /// Milliseconds by which the wall clock was stepped since.
    pub stepped_ms: i64,
    /// Compound of every segment so far with its leg, in the order in which they came.
    pub compounds: Vec<(Leg, Option<f64>)>,
}

/// A leg of a call that is not over.
#[derive(Debug)]
pub struct OpenLeg {
    /// Row number.
    pub key: LegKey,
    /// Row number of its call.
    pub call: CallKey,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The source of its audio.
    pub source: Source,
    /// Sample rate.
    pub rate_hz: u32,
    /// Wall clock of sample 0.
    pub started: WallTime,
    /// Sample 0 in the call, milliseconds.
    pub offset_ms: i64,
    /// Its file.
    pub path: PathBuf,
    /// Channel of the file.
    pub channel: u16,
    /// Whether the file is ours.
    pub owned: bool,
    /// Address of the sender.
    pub peer: Option<String>,
    /// Whether it was closed before the end.
    pub closed: bool,
    /// Reason for which it was closed.
    pub close_reason: Option<String>,
    /// Samples, when it was closed.
    pub samples: u64,
    /// End of its last known utterance, where the listener continues.
    pub heard_to: u64,
    /// Stretches of samples that were given to the recogniser; without an end: to the leg's.
    pub heard: Vec<(u64, Option<u64>)>,
    /// Reason why it is transcribed, or why not.
    pub why: Option<String>,
    /// Samples that have to be silence: begin and end, `None` while it lasts.
    pub silences: Vec<(u64, Option<u64>)>,
}

/// An utterance that waits.
#[derive(Debug)]
pub struct OpenUtterance {
    /// Row number.
    pub key: UtteranceKey,
    /// Row number of its leg.
    pub leg: LegKey,
    /// Samples of the leg.
    pub start_sample: u64,
    /// One past its last sample.
    pub end_sample: u64,
}

pub(super) const CLOCK: &str = "SELECT boot, ahead_ms FROM clock";
pub(super) const CALLS: &str = "
    SELECT id, call_id, source, started_ms, stepped_ms, campaign
    FROM call
    WHERE state IN ('active', 'connection_closed')";
pub(super) const COMPOUNDS: &str = "
    SELECT leg.leg, segment.score
    FROM segment
    JOIN leg ON leg.id = segment.leg
    WHERE segment.call = ?1
    ORDER BY segment.id";
pub(super) const LEGS: &str = "
    SELECT id, leg, source, rate_hz, started_ms, offset_ms, path, channel, owned, peer, closed_ms IS NOT NULL, close_reason, samples,
        (SELECT coalesce(max(end_sample), 0) FROM utterance WHERE utterance.leg = leg.id), why,
        (SELECT json_group_array(json_array(from_sample, to_sample)) FROM heard WHERE heard.leg = leg.id)
    FROM leg
    WHERE call = ?1
    ORDER BY id";
pub(super) const SILENCES: &str = "
    SELECT silence.leg, silence.start_sample, silence.end_sample
    FROM call
    CROSS JOIN leg ON leg.call = call.id
    CROSS JOIN silence ON silence.leg = leg.id
    WHERE call.state IN ('active', 'connection_closed')";
pub(super) const UTTERANCES: &str = "
    SELECT id, leg, start_sample, end_sample
    FROM utterance
    WHERE state IN ('waiting_for_model', 'pending')
    ORDER BY id";

fn source(word: &str) -> Source {
    [Source::Audiosocket, Source::Eagi, Source::Recording, Source::Ingest]
        .into_iter()
        .find(|source| source.as_str() == word)
        .unwrap_or(Source::Upload)
}

fn leg(word: &str) -> Leg {
    Leg::parse(word).unwrap_or(Leg::Mixed)
}

pub(super) fn read(db: &Connection) -> rusqlite::Result<Recovery> {
    let highest = |column: &str, table: &str| -> rusqlite::Result<i64> {
        db.query_row(&format!("SELECT coalesce(max({column}), 0) FROM {table}"), [], |row| row.get(0))
    };
    // A recording may have been noted and the process killed before its leg had a row: that key is the recording's all the same.
    let highest_leg = highest("id", "leg")?.max(highest("leg", "recording_leg")?);
    let mut recovery = Recovery {
        highest: (highest("id", "call")?, highest_leg, highest("id", "utterance")?),
        clock: db.query_row(CLOCK, [], |row| Ok(BootClock { boot: row.get(0)?, ahead_ms: row.get(1)? })).optional()?,
        known_legs: db
            .prepare("SELECT id FROM leg")?
            .query_map([], |row| row.get(0).map(LegKey))?
            .collect::<Result<_, _>>()?,
        ..Recovery::default()
    };
    let mut silences: HashMap<LegKey, Vec<(u64, Option<u64>)>> = HashMap::new();
    let mut every_silence = db.prepare(SILENCES)?;
    let mut rows = every_silence.query([])?;
    while let Some(row) = rows.next()? {
        let (start, end): (i64, Option<i64>) = (row.get(1)?, row.get(2)?);
        silences.entry(LegKey(row.get(0)?)).or_default().push((start as u64, end.map(|end| end as u64)));
    }
    let calls: Vec<(i64, String, String, i64, i64, Option<String>)> = db
        .prepare(CALLS)?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)))?
        .collect::<Result<_, _>>()?;
    for (key, id, road, started, stepped_ms, campaign) in calls {
        let compounds = db
            .prepare_cached(COMPOUNDS)?
            .query_map([key], |row| Ok((leg(&row.get::<_, String>(0)?), row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        recovery.calls.push(OpenCall {
            key: CallKey(key),
            id: CallId::from_lossy(&id),
            source: source(&road),
            campaign,
            started: WallTime(started),
            stepped_ms,
            compounds,
        });
        let mut legs = db.prepare_cached(LEGS)?;
        let rows = legs.query_map([key], |row| {
            let leg_key = LegKey(row.get(0)?);
            Ok(OpenLeg {
                key: leg_key,
                call: CallKey(key),
                leg: leg(&row.get::<_, String>(1)?),
                source: source(&row.get::<_, String>(2)?),
                rate_hz: row.get(3)?,
                started: WallTime(row.get(4)?),
                offset_ms: row.get(5)?,
                path: row.get::<_, String>(6)?.into(),
                channel: row.get(7)?,
                owned: row.get(8)?,
                peer: row.get(9)?,
                closed: row.get(10)?,
                close_reason: row.get(11)?,
                samples: row.get::<_, i64>(12)? as u64,
                heard_to: row.get::<_, i64>(13)? as u64,
                why: row.get(14)?,
                heard: stretches(row, 15)?,
                silences: silences.remove(&leg_key).unwrap_or_default(),
            })
        })?;
        recovery.legs.extend(rows.collect::<Result<Vec<_>, _>>()?);
    }
    recovery.utterances = db
        .prepare(UTTERANCES)?
        .query_map([], |row| {
            Ok(OpenUtterance {
                key: UtteranceKey(row.get(0)?),
                leg: LegKey(row.get(1)?),
                start_sample: row.get::<_, i64>(2)? as u64,
                end_sample: row.get::<_, i64>(3)? as u64,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(recovery)
}
