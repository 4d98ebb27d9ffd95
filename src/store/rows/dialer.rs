//! The row of the dialer's facts about a call: written and read.

use rusqlite::{Connection, Row, named_params};

use crate::call::{CallKey, WallTime};
use crate::contract::dialer::{DialDirection, DialerFacts, DialerKind};

/// A call's row.
#[derive(Clone, Debug, PartialEq)]
pub struct DialerRow {
    /// Row number of the call.
    pub call: CallKey,
    /// The facts; `asked` and `complete` are part of them.
    pub facts: DialerFacts,
    /// Time of the last answer of the dialer's database.
    pub asked: WallTime,
    /// Answers since the call was closed.
    pub tries: i64,
    /// Time of the next question; `None` for no more.
    pub due: Option<WallTime>,
}

pub(in crate::store) const COLUMNS: &str = "dialer.call, dialer.system, dialer.direction, dialer.uniqueid, dialer.recording_id, dialer.agent, \
    dialer.agent_name, dialer.user_group, dialer.campaign, dialer.in_group, dialer.lead, dialer.list_id, dialer.phone, dialer.disposition, \
    dialer.term_reason, dialer.length_s, dialer.queue_s, dialer.talk_s, dialer.wait_s, dialer.wrap_s, dialer.dead_s, dialer.pause_s, \
    dialer.transfers, dialer.asked_ms, dialer.tries, dialer.due_ms, dialer.complete";

/// Reads [`COLUMNS`].
pub(in crate::store) fn read(row: &Row) -> rusqlite::Result<DialerRow> {
    let asked = WallTime(row.get(23)?);
    let facts = DialerFacts {
        system: DialerKind::parse(&row.get::<_, String>(1)?).unwrap_or_default(),
        direction: row.get::<_, Option<String>>(2)?.as_deref().and_then(DialDirection::parse),
        uniqueid: row.get(3)?,
        recording_id: row.get(4)?,
        agent: row.get(5)?,
        agent_name: row.get(6)?,
        user_group: row.get(7)?,
        campaign: row.get(8)?,
        in_group: row.get(9)?,
        lead: row.get(10)?,
        list_id: row.get(11)?,
        phone: row.get(12)?,
        disposition: row.get(13)?,
        term_reason: row.get(14)?,
        length_seconds: row.get(15)?,
        queue_seconds: row.get(16)?,
        talk_seconds: row.get(17)?,
        wait_seconds: row.get(18)?,
        wrap_seconds: row.get(19)?,
        dead_seconds: row.get(20)?,
        pause_seconds: row.get(21)?,
        transfers: serde_json::from_str(&row.get::<_, String>(22)?).unwrap_or_default(),
        asked: asked.rfc3339(),
        complete: row.get(26)?,
    };
    let due = row.get::<_, Option<i64>>(25)?.map(WallTime);
    Ok(DialerRow { call: CallKey(row.get(0)?), facts, asked, tries: row.get(24)?, due })
}

/// Writes it in the place of the one before. Nothing happens when the call is gone.
pub(in crate::store) fn note(db: &Connection, row: &DialerRow) -> rusqlite::Result<()> {
    let facts = &row.facts;
    db.prepare_cached(
        "INSERT OR REPLACE INTO dialer
         SELECT :call, :system, :direction, :uniqueid, :recording, :agent, :agent_name, :user_group, :campaign, :in_group, :lead, :list, :phone,
                :disposition, :term_reason, :length, :queue, :talk, :wait, :wrap, :dead, :pause, :transfers, :asked, :tries, :due, :complete
         FROM call
         WHERE id = :call",
    )?
    .execute(named_params! {
        ":call": row.call.0, ":system": facts.system.as_str(), ":direction": facts.direction.map(DialDirection::as_str),
        ":uniqueid": facts.uniqueid, ":recording": facts.recording_id, ":agent": facts.agent, ":agent_name": facts.agent_name,
        ":user_group": facts.user_group, ":campaign": facts.campaign, ":in_group": facts.in_group, ":lead": facts.lead,
        ":list": facts.list_id, ":phone": facts.phone, ":disposition": facts.disposition, ":term_reason": facts.term_reason,
        ":length": facts.length_seconds, ":queue": facts.queue_seconds, ":talk": facts.talk_seconds, ":wait": facts.wait_seconds,
        ":wrap": facts.wrap_seconds, ":dead": facts.dead_seconds, ":pause": facts.pause_seconds,
        ":transfers": serde_json::to_string(&facts.transfers).unwrap_or_else(|_| "[]".into()), ":asked": row.asked.0,
        ":tries": row.tries, ":due": row.due.map(|due| due.0), ":complete": facts.complete,
    })?;
    // Scripts look a call up by its recording and read its disposition, whichever system told them.
    db.prepare_cached(
        "UPDATE call
         SET metadata = json_patch(
             json_patch(iif(:recording IS NULL, '{}', json_object('recording_id', CAST(:recording AS TEXT))), metadata),
             iif(:disposition IS NULL, '{}', json_object('disposition', :disposition))
         )
         WHERE id = :call AND (:recording IS NOT NULL OR :disposition IS NOT NULL)",
    )?
    .execute(named_params! {
        ":call": row.call.0, ":recording": facts.recording_id, ":disposition": facts.disposition,
    })?;
    Ok(())
}
