//! Rows of the queue of notifications: alerts fill it, notifiers empty it, and it survives restarts.

use rusqlite::{Connection, named_params};

use crate::call::WallTime;

/// An alert that waits for its turn with a notifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// Row number.
    pub id: i64,
    /// The alert.
    pub alert: i64,
    /// Number of tries so far.
    pub tries: u32,
}

/// Result of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// The other side has it.
    Sent,
    /// Another try at this time.
    Again(WallTime, String),
    /// There are no more tries.
    GivenUp(String),
}

pub(in crate::store) const DUE: &str = "
    SELECT id, alert, tries
    FROM notification
    WHERE notifier = ?1 AND state = 'waiting' AND next_ms <= ?2
    ORDER BY next_ms
    LIMIT ?3";

/// Queues every alert of these levels that has come since the last time.
pub(in crate::store) fn fill(db: &Connection, notifier: &str, levels: &[&str], at: WallTime) -> rusqlite::Result<()> {
    let known = db
        .prepare_cached("INSERT INTO notifier (name, filled_to) SELECT ?1, coalesce(max(id), 0) FROM alert WHERE true ON CONFLICT DO NOTHING")?
        .execute([notifier])?
        == 0;
    if !known {
        return Ok(());
    }
    db.prepare_cached(
        "INSERT INTO notification (notifier, alert, next_ms, queued_ms)
         SELECT notifier.name, alert.id, :at, :at
         FROM notifier
         JOIN alert ON alert.id > notifier.filled_to
         WHERE notifier.name = :name AND instr(:levels, alert.level) > 0
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! { ":name": notifier, ":at": at.0, ":levels": levels.join(" ") })?;
    db.prepare_cached(
        "UPDATE notifier SET filled_to = max(filled_to, (SELECT coalesce(max(id), 0) FROM alert)) WHERE name = ?1",
    )?
    .execute([notifier])?;
    Ok(())
}

/// Notes the result of a try.
pub(in crate::store) fn note(db: &Connection, id: i64, tried: &Tried, at: WallTime) -> rusqlite::Result<()> {
    let (state, next, error) = match tried {
        Tried::Sent => ("sent", at, None),
        Tried::Again(next, error) => ("waiting", *next, Some(error)),
        Tried::GivenUp(error) => ("given_up", at, Some(error)),
    };
    db.prepare_cached(
        "UPDATE notification
         SET state = :state, tries = tries + 1, next_ms = :next, error = :error, done_ms = CASE WHEN :state != 'waiting' THEN :at END
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": id, ":state": state, ":next": next.0, ":error": error, ":at": at.0 })?;
    Ok(())
}
