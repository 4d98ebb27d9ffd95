//! Alerts: each is stored once and acknowledged once, and has one form in all answers.

use rusqlite::{Row, params_from_iter};

pub use super::rows::alerts::{AlertFilter, AlertRow, NewAlert, SpeechRow};
use super::rows::alerts::{OPEN, SPEECH, alert_row, by_id};
use super::{Store, StoreError};
use crate::call::{CallKey, Leg};

impl Store {
    /// Alerts that fit a filter, newest first.
    pub async fn alerts(&self, mut filter: AlertFilter) -> Result<Vec<AlertRow>, StoreError> {
        self.read(move |db| {
            filter.which.spell(db)?;
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), alert_row)?.collect()
        })
        .await
    }

    /// One alert.
    pub async fn alert(&self, id: i64) -> Result<Option<AlertRow>, StoreError> {
        self.read(move |db| by_id(db, id)).await
    }

    /// Number of alerts that nobody has acknowledged.
    pub async fn open_alerts(&self, only: Option<String>) -> Result<i64, StoreError> {
        self.read(move |db| db.prepare_cached(OPEN)?.query_row([&only], |row| row.get(0))).await
    }

    /// Highest number of an alert; 0 without one.
    pub async fn last_alert(&self) -> Result<i64, StoreError> {
        self.read(|db| db.query_row("SELECT coalesce(max(id), 0) FROM alert", [], |row| row.get(0))).await
    }

    /// The stretches of a call that a watch must know after a restart, in order, with whether they have their text. Stretches without words are left
    /// out.
    pub async fn speech_of(&self, call: CallKey) -> Result<Vec<SpeechRow>, StoreError> {
        self.read(move |db| {
            let row = |row: &Row| {
                Ok(SpeechRow {
                    utterance: row.get(0)?,
                    leg: Leg::parse(&row.get::<_, String>(1)?).unwrap_or(Leg::Mixed),
                    start_ms: row.get(2)?,
                    end_ms: row.get(3)?,
                    written: row.get(4)?,
                    sounds: row.get(5)?,
                })
            };
            db.prepare_cached(SPEECH)?.query_map([call.0], row)?.collect()
        })
        .await
    }
}
