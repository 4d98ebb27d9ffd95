//! Converts words and lists in the database to the types that they stand for.

use rusqlite::Row;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};

use crate::call::{CallState, Leg, Level, ProcessingMode, Source, Stage, StageState};
use crate::contract::quality::DisputeState;

/// A word that nobody has written: the database is another version's, or damaged.
#[derive(Debug, thiserror::Error)]
#[error("{word:?} is no {kind}")]
struct UnknownWord {
    word: String,
    kind: &'static str,
}

macro_rules! word {
    ($($type:ty: $kind:literal),* $(,)?) => {
        $(impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                Self::parse(word).ok_or_else(|| FromSqlError::other(UnknownWord { word: word.into(), kind: $kind }))
            }
        })*
    };
}

word! {
    Leg: "leg", CallState: "state of a call", Level: "level", Source: "source",
    ProcessingMode: "mode", Stage: "stage", StageState: "state of a stage", DisputeState: "state of a dispute",
}

/// Stretches of a leg, `[[first sample, one past the last or null], …]` in the database.
pub(super) fn stretches(row: &Row, column: usize) -> rusqlite::Result<Vec<(u64, Option<u64>)>> {
    Ok(serde_json::from_str(&row.get::<_, String>(column)?).unwrap_or_default())
}
