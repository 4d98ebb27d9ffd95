//! Texts that were sent to be analysed by themselves, and what came of them.

use rusqlite::{OptionalExtension, Row};

use super::{Store, StoreError};
use crate::call::WallTime;

/// An analysis as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub struct AnalysisRow {
    /// Row number; 0 before it is kept.
    pub id: i64,
    /// UUID.
    pub unique_id: String,
    /// The text, without card numbers and the like.
    pub transcript: String,
    /// Intent of the customer.
    pub intent: String,
    /// `Positive`, `Neutral` or `Negative`.
    pub sentiment: String,
    /// Whether anything is left to do.
    pub action_required: bool,
    /// Summary of a few sentences.
    pub summary: String,
    /// The labels and the rules that decided, JSON.
    pub metadata: String,
    /// Time of the analysis, wall clock.
    pub created: WallTime,
    /// Duration of the analysis, milliseconds.
    pub took_ms: f64,
}

pub(super) const BY_ID: &str = "
    SELECT id, unique_id, transcript, intent, sentiment, action_required, summary, metadata, created_ms, took_ms
    FROM analysis
    WHERE id = ?1";

fn analysis(row: &Row) -> rusqlite::Result<AnalysisRow> {
    Ok(AnalysisRow {
        id: row.get(0)?,
        unique_id: row.get(1)?,
        transcript: row.get(2)?,
        intent: row.get(3)?,
        sentiment: row.get(4)?,
        action_required: row.get(5)?,
        summary: row.get(6)?,
        metadata: row.get(7)?,
        created: WallTime(row.get(8)?),
        took_ms: row.get(9)?,
    })
}

impl Store {
    /// Keeps an analysis; its row number.
    pub async fn keep_analysis(&self, row: AnalysisRow) -> Result<i64, StoreError> {
        self.writer()
            .run(move |db| {
                db.execute(
                    "INSERT INTO analysis (unique_id, transcript, intent, sentiment, action_required, summary, metadata, created_ms, took_ms)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                    (
                        &row.unique_id,
                        &row.transcript,
                        &row.intent,
                        &row.sentiment,
                        row.action_required,
                        &row.summary,
                        &row.metadata,
                        row.created.0,
                        row.took_ms,
                    ),
                )?;
                Ok(db.last_insert_rowid())
            })
            .await
    }

    /// An analysis by its row number.
    pub async fn analysis(&self, id: i64) -> Result<Option<AnalysisRow>, StoreError> {
        self.read(move |db| db.prepare_cached(BY_ID)?.query_row([id], analysis).optional()).await
    }

    /// Deletes what was analysed before; how many there were.
    pub async fn delete_old_analyses(&self, before: WallTime) -> Result<usize, StoreError> {
        self.writer().run(move |db| db.execute("DELETE FROM analysis WHERE created_ms < ?1", [before.0])).await
    }
}
