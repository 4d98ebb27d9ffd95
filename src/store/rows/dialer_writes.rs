//! The queue of messages to the dialer: filled from calls that have ended and from alerts, kept over restarts.

use rusqlite::{Connection, Row, named_params, params};

use crate::call::{CallKey, WallTime};
use crate::contract::dialer_write::{DialerField, DialerWriteKind, DialerWriteState};

/// Ends of calls are committed a little out of order: those within this time are looked at again, milliseconds.
const OVERLAP_MS: i64 = 600_000;

/// A change of the queue.
#[derive(Clone, Debug)]
pub enum DialerWriteChange {
    /// New messages are queued.
    Filled {
        /// Time from a call's end until its summary is due, milliseconds; `None` for no summaries.
        comments_after_ms: Option<i64>,
        /// Levels of alerts that agents are notified of; an empty list means no notifications.
        levels: Vec<&'static str>,
        /// The moment, wall clock.
        at: WallTime,
    },
    /// A message was tried.
    Tried {
        /// Its row.
        id: i64,
        /// Result of the try.
        tried: WriteTried,
        /// The moment, wall clock.
        at: WallTime,
    },
}

/// Result of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WriteTried {
    /// New state of the message.
    pub state: DialerWriteState,
    /// Whether it counts as a try: not where something is only looked for again.
    pub counts: bool,
    /// Time of the next try, while it waits.
    pub next: WallTime,
    /// The request, without user and password; `None` leaves it as it was.
    pub request: Option<Vec<DialerField>>,
    /// The dialer's answer, or the reason why nothing was sent.
    pub answer: String,
}

/// A row whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueWrite {
    /// Row number.
    pub id: i64,
    /// The call.
    pub call: CallKey,
    /// Kind of the message.
    pub kind: DialerWriteKind,
    /// The alert of a notification.
    pub alert: Option<i64>,
    /// Number of tries so far.
    pub tries: u32,
    /// Time at which it was queued.
    pub queued: WallTime,
}

pub(in crate::store) const DUE: &str = "
    SELECT id, call, kind, alert, tries, queued_ms
    FROM dialer_write INDEXED BY dialer_write_waiting
    WHERE state = 'waiting' AND next_ms <= ?1 AND kind = ?3
    ORDER BY next_ms
    LIMIT ?2";

pub(in crate::store) fn due(row: &Row) -> rusqlite::Result<Option<DueWrite>> {
    let Some(kind) = DialerWriteKind::parse(&row.get::<_, String>(2)?) else { return Ok(None) };
    Ok(Some(DueWrite {
        id: row.get(0)?,
        call: CallKey(row.get(1)?),
        kind,
        alert: row.get(3)?,
        tries: row.get(4)?,
        queued: WallTime(row.get(5)?),
    }))
}

pub(in crate::store) fn apply(db: &Connection, change: &DialerWriteChange) -> rusqlite::Result<()> {
    match change {
        DialerWriteChange::Filled { comments_after_ms, levels, at } => {
            match comments_after_ms {
                Some(after) => queue_comments(db, *after, *at)?,
                None => begin_anew(db, DialerWriteKind::Comment)?,
            }
            if levels.is_empty() {
                begin_anew(db, DialerWriteKind::Notification)
            } else {
                queue_notifications(db, levels, *at)
            }
        }
        DialerWriteChange::Tried { id, tried, at } => note(db, *id, tried, *at),
    }
}

/// Nothing is queued while messages are switched off, nor later for that time.
fn begin_anew(db: &Connection, kind: DialerWriteKind) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM dialer_write_filled WHERE kind = ?1")?.execute([kind.as_str()])?;
    Ok(())
}

/// Whether this is the first time; then nothing of before is queued.
fn is_first(db: &Connection, kind: DialerWriteKind, now: i64) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO dialer_write_filled (kind, begun, filled_to) VALUES (?1, ?2, ?2) ON CONFLICT DO NOTHING";
    Ok(db.prepare_cached(sql)?.execute(params![kind.as_str(), now])? > 0)
}

fn queue_comments(db: &Connection, after_ms: i64, at: WallTime) -> rusqlite::Result<()> {
    if is_first(db, DialerWriteKind::Comment, at.0)? {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO dialer_write (call, kind, origin, next_ms, queued_ms)
         SELECT call.id, 'comment', 'comment', call.ended_ms + :after, :at
         FROM dialer_write_filled AS filled
         JOIN call ON call.ended_ms >= max(filled.begun, filled.filled_to - :overlap)
         WHERE filled.kind = 'comment' AND call.segments > 0
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! { ":after": after_ms, ":at": at.0, ":overlap": OVERLAP_MS })?;
    db.prepare_cached("UPDATE dialer_write_filled SET filled_to = max(filled_to, ?1) WHERE kind = 'comment'")?
        .execute([at.0])?;
    Ok(())
}

fn queue_notifications(db: &Connection, levels: &[&str], at: WallTime) -> rusqlite::Result<()> {
    let last: i64 = db.prepare_cached("SELECT coalesce(max(id), 0) FROM alert")?.query_row([], |row| row.get(0))?;
    if is_first(db, DialerWriteKind::Notification, last)? {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO dialer_write (call, kind, origin, alert, next_ms, queued_ms)
         SELECT alert.call, 'notification', 'alert/' || alert.id, alert.id, :at, :at
         FROM dialer_write_filled AS filled
         JOIN alert ON alert.id > filled.filled_to
         WHERE filled.kind = 'notification' AND instr(:levels, alert.level) > 0
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! { ":at": at.0, ":levels": levels.join(" ") })?;
    db.prepare_cached("UPDATE dialer_write_filled SET filled_to = ?1 WHERE kind = 'notification'")?.execute([last])?;
    Ok(())
}

fn note(db: &Connection, id: i64, tried: &WriteTried, at: WallTime) -> rusqlite::Result<()> {
    let pairs = |fields: &Vec<DialerField>| {
        let pairs: Vec<[&str; 2]> = fields.iter().map(|field| [field.name.as_str(), field.value.as_str()]).collect();
        serde_json::to_string(&pairs).unwrap_or_default()
    };
    db.prepare_cached(
        "UPDATE dialer_write
         SET state = :state, tries = tries + :counts, next_ms = :next, request = coalesce(:request, request), answer = :answer,
             done_ms = CASE WHEN :state <> 'waiting' THEN :at END
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": id, ":state": tried.state.as_str(), ":next": tried.next.0, ":request": tried.request.as_ref().map(pairs),
        ":answer": tried.answer, ":at": at.0, ":counts": tried.counts,
    })?;
    Ok(())
}
