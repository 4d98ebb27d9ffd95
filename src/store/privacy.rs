//! Rows for privacy: silenced stretches, corrected text, calls on legal hold.

use rusqlite::OptionalExtension;
use std::collections::HashMap;

use super::rows::privacy::{AGAIN, HOLD, OF_LEG, TEXTS, TO_DO, scrub, silence_row};
pub use super::rows::privacy::{Hold, PrivacyChange, SilenceRow, SilenceToDo, StoredText};
use super::{Store, StoreError};
use crate::call::{CallKey, Leg, LegKey, UtteranceKey, WallTime};

impl Store {
    /// Waits until all deleted data is overwritten, for `patience` at most; `false` when a reader was in the way all the time. The overwriting goes
    /// on by itself.
    pub async fn overwritten(&self, patience: std::time::Duration) -> Result<bool, StoreError> {
        let began = std::time::Instant::now();
        loop {
            // The writer does not wait for the reader: what is live is written meanwhile. Long questions make way.
            let _quiet = self.readers.quiet();
            if self.writer().run(|db| scrub(db, 0)).await? {
                return Ok(true);
            }
            if began.elapsed() > patience {
                return Ok(false);
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    /// All that was said in a call, in the order in which it was written down.
    pub async fn texts(&self, call: CallKey) -> Result<Vec<StoredText>, StoreError> {
        self.read(move |db| {
            let mut query = db.prepare_cached(TEXTS)?;
            let rows = query.query_map([call.0], |row| {
                let text = StoredText {
                    leg: LegKey(row.get(0)?),
                    speaker: Leg::parse(&row.get::<_, String>(1)?).unwrap_or(Leg::Mixed),
                    utterance: UtteranceKey(row.get(2)?),
                    number: 0,
                    start_ms: row.get(3)?,
                    end_ms: row.get(4)?,
                    text: row.get(5)?,
                    // Unreadable words count as none: then the whole text's audio is silenced where a part would be.
                    words: serde_json::from_str(&row.get::<_, String>(6)?).unwrap_or_default(),
                };
                Ok((row.get::<_, i64>(7)?, text))
            })?;
            // The index has them by time; sorted here, SQLite need not keep a table of its own for it.
            let mut rows: Vec<(i64, StoredText)> = rows.collect::<Result<_, _>>()?;
            rows.sort_by_key(|(id, _)| *id);
            let mut count: HashMap<i64, usize> = HashMap::new();
            let numbered = rows.into_iter().map(|(_, mut text)| {
                let next = count.entry(text.utterance.0).or_default();
                text.number = *next;
                *next += 1;
                text
            });
            Ok(numbered.collect())
        })
        .await
    }

    /// Silenced stretches of a leg, in order of time.
    pub async fn silences(&self, leg: LegKey) -> Result<Vec<SilenceRow>, StoreError> {
        self.read(move |db| db.prepare_cached(OF_LEG)?.query_map([leg.0], silence_row)?.collect()).await
    }

    /// Silences that a former run decided and did not write into its files.
    pub async fn silences_to_do(&self) -> Result<Vec<SilenceToDo>, StoreError> {
        self.read(|db| {
            let row = |row: &rusqlite::Row| {
                Ok(SilenceToDo { silence: silence_row(row)?, path: row.get::<_, String>(4)?.into() })
            };
            db.prepare_cached(TO_DO)?.query_map([], row)?.collect()
        })
        .await
    }

    /// The legal hold of a call; `None` without one.
    pub async fn hold(&self, call: CallKey) -> Result<Option<Hold>, StoreError> {
        self.read(move |db| {
            let hold = |row: &rusqlite::Row| Ok(Hold { at: WallTime(row.get(0)?), reason: row.get(1)? });
            db.prepare_cached(HOLD)?.query_row([call.0], hold).optional()
        })
        .await
    }

    /// Puts a call on hold. A second hold changes nothing, and the first reason stays.
    pub async fn set_hold(&self, call: CallKey, reason: String, at: WallTime) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                db.execute(
                    "INSERT INTO hold (call, at_ms, reason)
                     SELECT id, ?2, ?3 FROM call WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = ?1)",
                    (call.0, at.0, reason),
                )
            })
            .await
            .map(|_| ())
    }

    /// Lets a call go. Says whether it was held.
    pub async fn release_hold(&self, call: CallKey) -> Result<bool, StoreError> {
        self.writer().run(move |db| db.execute("DELETE FROM hold WHERE call = ?1", [call.0])).await.map(|gone| gone > 0)
    }
}
