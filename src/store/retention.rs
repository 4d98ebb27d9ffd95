//! Finds and deletes what is older than retention allows. Calls on hold and calls that are not over are never deleted.

use std::path::PathBuf;

use rusqlite::Connection;

use super::{Store, StoreError};
use crate::call::{CallKey, LegKey, WallTime};

/// Calls deleted in one go: the writer serves nobody else meanwhile.
const AT_ONCE: i64 = 20;

/// A file of ours with a leg's sound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OwnAudio {
    /// Row number of the leg.
    pub leg: LegKey,
    /// The file.
    pub path: PathBuf,
}

/// Whose calls are meant, by their campaigns in any case.
#[derive(Clone, Debug)]
pub enum OfCampaigns {
    /// All calls.
    All,
    /// Those of one campaign.
    Only(String),
    /// Those of none of these; calls without a campaign are among them.
    NoneOf(Vec<String>),
}

impl OfCampaigns {
    /// The one that is wanted, and those that are not as a JSON list.
    fn as_parameters(&self) -> (Option<&str>, String) {
        match self {
            Self::All => (None, "[]".into()),
            Self::Only(campaign) => (Some(campaign), "[]".into()),
            Self::NoneOf(campaigns) => (None, serde_json::json!(campaigns).to_string()),
        }
    }
}

pub(super) const OLD_AUDIO: &str = "
    SELECT leg.id, leg.path
    FROM leg
    JOIN call ON call.id = leg.call
    WHERE leg.owned = 1
        AND leg.audio_gone_ms IS NULL
        AND leg.started_ms < ?1
        AND call.state IN ('completed', 'failed')
        AND coalesce(call.ended_ms, call.last_activity_ms) < ?1
        AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = call.id)
        AND (?3 IS NULL OR call.campaign = ?3 COLLATE NOCASE)
        AND coalesce(call.campaign, '') COLLATE NOCASE NOT IN (SELECT value FROM json_each(?4))
    ORDER BY leg.started_ms
    LIMIT ?2";
const OLD_CALLS: &str = "
    SELECT id
    FROM call
    WHERE started_ms < ?1
        AND state IN ('completed', 'failed')
        AND coalesce(ended_ms, last_activity_ms) < ?1
        AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = call.id)
        AND (?3 IS NULL OR campaign = ?3 COLLATE NOCASE)
        AND coalesce(campaign, '') COLLATE NOCASE NOT IN (SELECT value FROM json_each(?4))
    ORDER BY started_ms
    LIMIT ?2";

/// Those of some calls of which that is still true.
const STILL_OLD: &str = "
    SELECT id
    FROM call
    WHERE id IN (SELECT value FROM json_each(?1))
        AND state IN ('completed', 'failed')
        AND coalesce(ended_ms, last_activity_ms) < ?2
        AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = call.id)
        AND (?3 IS NULL OR campaign = ?3 COLLATE NOCASE)
        AND coalesce(campaign, '') COLLATE NOCASE NOT IN (SELECT value FROM json_each(?4))";

/// Number of rows deleted with calls.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OldCalls {
    /// The calls.
    pub calls: Vec<CallKey>,
    /// All their legs, also those of recordings that are not ours.
    pub legs: Vec<LegKey>,
    /// Files of ours, to be deleted.
    pub audio: Vec<OwnAudio>,
}

/// Whether a table is there: alerts are another room's.
pub(super) fn has_table(db: &Connection, name: &str) -> rusqlite::Result<bool> {
    db.query_row("SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = ?1", [name], |row| {
        row.get::<_, i64>(0)
    })
    .map(|count| count > 0)
}

fn own_audio(db: &Connection, call: i64) -> rusqlite::Result<Vec<OwnAudio>> {
    db.prepare_cached("SELECT id, path FROM leg WHERE call = ?1 AND owned = 1")?
        .query_map([call], |row| Ok(OwnAudio { leg: LegKey(row.get(0)?), path: row.get::<_, String>(1)?.into() }))?
        .collect()
}

/// Recordings of a call become nobody's: what is known of them is their sound alone.
pub(super) const UNNAME: &str = "
    UPDATE recording SET path = '', legs = '[]'
    WHERE (device, inode, head) IN (
        SELECT device, inode, head
        FROM leg
        JOIN recording_leg ON recording_leg.leg = leg.id
        WHERE leg.call = ?1)";

/// Deletes a call with all that is known of it. Its recordings stay known by their sound alone, so that they are not taken again.
pub(super) fn delete_call(db: &Connection, call: i64) -> rusqlite::Result<()> {
    db.prepare_cached(UNNAME)?.execute([call])?;
    db.prepare_cached(super::rows::pbx::DELETE)?.execute([call])?;
    // Segments by themselves, so that the index hears of each.
    for table in ["segment", "utterance", "event", "call_alias", "leg"] {
        db.execute(&format!("DELETE FROM {table} WHERE call = ?1"), [call])?;
    }
    db.execute("DELETE FROM call WHERE id = ?1", [call])?;
    Ok(())
}

impl Store {
    /// Files of ours whose calls ended before `before`, oldest first, at most `limit`.
    pub async fn old_audio(
        &self,
        before: WallTime,
        whose: OfCampaigns,
        limit: u32,
    ) -> Result<Vec<OwnAudio>, StoreError> {
        self.read(move |db| {
            let audio =
                |row: &rusqlite::Row| Ok(OwnAudio { leg: LegKey(row.get(0)?), path: row.get::<_, String>(1)?.into() });
            let (only, none_of) = whose.as_parameters();
            db.prepare_cached(OLD_AUDIO)?.query_map((before.0, limit, only, none_of), audio)?.collect()
        })
        .await
    }

    /// Notes that the audio of these legs was deleted.
    pub async fn audio_gone(&self, legs: Vec<LegKey>, at: WallTime) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                for leg in legs {
                    transaction
                        .prepare_cached("UPDATE leg SET audio_gone_ms = ?2 WHERE id = ?1")?
                        .execute((leg.0, at.0))?;
                }
                transaction.commit()
            })
            .await
    }

    /// Deletes some of the calls that ended before; gives back which, and the files of ours that belonged to them. None when there are no more.
    /// `leaving` hears of the files while the rows are still there; when it fails nothing is deleted.
    pub async fn delete_old_calls<E: std::error::Error + Send + Sync + 'static>(
        &self,
        before: WallTime,
        whose: OfCampaigns,
        leaving: impl FnOnce(&[OwnAudio]) -> Result<(), E> + Send + 'static,
    ) -> Result<OldCalls, StoreError> {
        // Found by a reader: no index knows which of the kept calls are of a campaign, and the writer has live text to write.
        let (only, none_of) = whose.as_parameters();
        let only = only.map(str::to_owned);
        let parameters = (before.0, AT_ONCE, only.clone(), none_of.clone());
        let found: Vec<i64> = self
            .read(move |db| db.prepare_cached(OLD_CALLS)?.query_map(parameters.clone(), |row| row.get(0))?.collect())
            .await?;
        if found.is_empty() {
            return Ok(OldCalls::default());
        }
        // Their lines first, with others writing between them.
        for &call in &found {
            self.thin(call).await?;
        }
        let found = serde_json::json!(found).to_string();
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                let calls: Vec<i64> = transaction
                    .prepare_cached(STILL_OLD)?
                    .query_map((found, before.0, only, none_of), |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                let mut old = OldCalls::default();
                for &call in &calls {
                    old.audio.extend(own_audio(&transaction, call)?);
                    let mut legs = transaction.prepare_cached("SELECT id FROM leg WHERE call = ?1")?;
                    for leg in legs.query_map([call], |row| row.get(0).map(LegKey))? {
                        old.legs.push(leg?);
                    }
                    delete_call(&transaction, call)?;
                    old.calls.push(CallKey(call));
                }
                leaving(&old.audio).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))?;
                transaction.commit()?;
                Ok(old)
            })
            .await
    }

    /// Deletes the alerts that were raised before, except those of calls on hold; says how many.
    pub async fn delete_old_alerts(&self, before: WallTime) -> Result<usize, StoreError> {
        self.writer()
            .run(move |db| {
                if !has_table(db, "alert")? {
                    return Ok(0);
                }
                db.execute("DELETE FROM alert WHERE raised_ms < ?1 AND call NOT IN (SELECT call FROM hold)", [before.0])
            })
            .await
    }

    /// Number of calls on hold.
    pub async fn held(&self) -> Result<i64, StoreError> {
        self.read(|db| db.query_row("SELECT count(*) FROM hold", [], |row| row.get(0))).await
    }
}
