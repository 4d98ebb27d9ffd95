//! Finds calls that have every line twice because two of their sources were heard.
//!
//! Two legs hold the same voice where they are of one direction, or where one of them is the mix; where both were heard at the same time
//! their words are the same words. The conductor hears one of them, but where `[sources] hear` is `all`, or where two calls became one after
//! both had been heard.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row};

use super::{Store, StoreError, connect};
use crate::call::{CallKey, LegKey, WallTime};

/// Two legs of a call with the same words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubled {
    /// The legs, and how each came: its road and its peer.
    pub legs: [(LegKey, String, Option<String>); 2],
    /// Begin, milliseconds of the call.
    pub from_ms: i64,
    /// End, milliseconds of the call.
    pub to_ms: i64,
}

/// Legs that follow each other may meet for less, milliseconds.
const LEAST_MS: i64 = 2000;

macro_rules! from_ms {
    () => {
        "max(one.offset_ms + first.from_sample * 1000 / one.rate_hz, other.offset_ms + second.from_sample * 1000 / other.rate_hz)"
    };
}
macro_rules! to_ms {
    () => {
        "min(one.offset_ms + coalesce(first.to_sample, one.samples) * 1000 / one.rate_hz,
            other.offset_ms + coalesce(second.to_sample, other.samples) * 1000 / other.rate_hz)"
    };
}
macro_rules! doubled {
    ($columns:expr, $wanted:literal) => {
        concat!(
            "SELECT ",
            $columns,
            "
    FROM call
    CROSS JOIN leg AS one ON one.call = call.id
    CROSS JOIN leg AS other ON other.call = call.id AND other.id > one.id
    CROSS JOIN heard AS first ON first.leg = one.id
    CROSS JOIN heard AS second ON second.leg = other.id
    WHERE ",
            $wanted,
            "
        AND (one.leg = other.leg OR one.leg = 'mixed' OR other.leg = 'mixed')
        AND ",
            to_ms!(),
            " - ",
            from_ms!(),
            " >= ?2
        AND EXISTS (SELECT 1 FROM utterance WHERE utterance.leg = one.id AND utterance.state = 'done')
        AND EXISTS (SELECT 1 FROM utterance WHERE utterance.leg = other.id AND utterance.state = 'done')
    ORDER BY call.started_ms DESC, call.id DESC"
        )
    };
}

pub(super) const OF_CALL: &str = doubled!(
    concat!("one.id, one.source, one.peer, other.id, other.source, other.peer, ", from_ms!(), ", ", to_ms!()),
    "call.id = ?1"
);
pub(super) const SINCE: &str = doubled!("call.call_id", "call.started_ms >= ?1");

impl Store {
    /// Legs of a call with the same words, pair by pair.
    pub async fn doubled(&self, call: CallKey) -> Result<Vec<Doubled>, StoreError> {
        self.read(move |db| {
            let row = |row: &Row| {
                Ok(Doubled {
                    legs: [
                        (LegKey(row.get(0)?), row.get(1)?, row.get(2)?),
                        (LegKey(row.get(3)?), row.get(4)?, row.get(5)?),
                    ],
                    from_ms: row.get(6)?,
                    to_ms: row.get(7)?,
                })
            };
            db.prepare_cached(OF_CALL)?.query_map((call.0, LEAST_MS), row)?.collect()
        })
        .await
    }
}

/// Ids of the calls since then that have their text twice, the last first; reads the database beside a running daemon. Blocks.
pub fn doubled_since(state: &Path, since: WallTime) -> Result<Vec<String>, StoreError> {
    let db: Connection =
        connect(&state.join("lineside.db"), OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    let mut query = db.prepare(SINCE)?;
    let mut calls: Vec<String> = query.query_map((since.0, LEAST_MS), |row| row.get(0))?.collect::<Result<_, _>>()?;
    // Pairs of a call stand side by side.
    calls.dedup();
    Ok(calls)
}
