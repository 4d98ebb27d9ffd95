//! Rows of the events that the PBX reported about calls.

use rusqlite::{Connection, Row};

use crate::call::pbx::{PbxEvent, PbxEventKind};
use crate::call::{Leg, WallTime};

/// The names of call ?1 that the PBX may know.
macro_rules! names {
    () => {
        "SELECT call_id FROM call WHERE id = ?1
         UNION SELECT uniqueid FROM call WHERE id = ?1 AND uniqueid IS NOT NULL
         UNION SELECT alias FROM call_alias WHERE call = ?1"
    };
}

/// Events of one call, in order of time.
pub(in crate::store) const OF_CALL: &str = concat!(
    "SELECT pbx_call, at_ms, kind, leg, channel, detail
     FROM call_event
     WHERE pbx_call IN (",
    names!(),
    ")
     ORDER BY at_ms, id"
);

/// Deletes them.
pub(in crate::store) const DELETE: &str = concat!("DELETE FROM call_event WHERE pbx_call IN (", names!(), ")");

/// Deletes some of the events before ?1 of calls that lineside does not know.
pub(in crate::store) const DELETE_UNKNOWN: &str = "
    DELETE FROM call_event
    WHERE id IN (
        SELECT id
        FROM call_event
        WHERE at_ms < ?1
            AND NOT EXISTS (SELECT 1 FROM call WHERE call.call_id = call_event.pbx_call)
            AND NOT EXISTS (SELECT 1 FROM call_alias WHERE call_alias.alias = call_event.pbx_call)
        LIMIT ?2)";

pub(in crate::store) fn add(db: &Connection, event: &PbxEvent) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO call_event (pbx_call, at_ms, kind, leg, channel, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute((
        &event.call,
        event.at.0,
        event.kind.as_str(),
        event.leg.map(Leg::as_str),
        &event.channel,
        &event.detail,
    ))?;
    Ok(())
}

/// `None` for a kind that a newer lineside has written.
pub(in crate::store) fn read(row: &Row) -> rusqlite::Result<Option<PbxEvent>> {
    let Some(kind) = PbxEventKind::parse(&row.get::<_, String>(2)?) else { return Ok(None) };
    Ok(Some(PbxEvent {
        call: row.get(0)?,
        at: WallTime(row.get(1)?),
        kind,
        leg: row.get::<_, Option<String>>(3)?.and_then(|leg| Leg::parse(&leg)),
        channel: row.get(4)?,
        detail: row.get(5)?,
    }))
}
