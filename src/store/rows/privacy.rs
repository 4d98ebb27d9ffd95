//! Rows for privacy: silenced stretches, corrected text, calls on legal hold.

use std::path::PathBuf;

use rusqlite::{Connection, OptionalExtension};

use super::new::TermRow;
use crate::call::alert::Unsaid;
use crate::call::{CallKey, Leg, LegKey, UtteranceKey, WallTime, Word};

/// A change that keeps something from being seen or heard.
#[derive(Clone, Debug)]
pub enum PrivacyChange {
    /// A stretch of a leg is to be silence; without an end it lasts.
    Silenced {
        /// Row number of the leg.
        leg: LegKey,
        /// First sample.
        start: u64,
        /// One past its last sample.
        end: Option<u64>,
        /// `redaction` or `pause`.
        why: &'static str,
        /// Time of the decision.
        at: WallTime,
    },
    /// A pause of a leg began later than was known.
    SilenceBegins {
        /// Row number of the leg.
        leg: LegKey,
        /// First sample, as it was said.
        from: u64,
        /// First sample.
        start: u64,
    },
    /// A lasting silence of a leg ends.
    SilenceEnds {
        /// Row number of the leg.
        leg: LegKey,
        /// One past its last sample.
        end: u64,
    },
    /// The file of a leg is silence up to this sample wherever it has to be.
    SilenceDone {
        /// Row number of the leg.
        leg: LegKey,
        /// One past the last sample that was considered.
        end: u64,
    },
    /// A text that was stored turns out to hold what nobody may keep. Events that told of it are corrected too.
    Reworded {
        /// Row number of the utterance.
        utterance: UtteranceKey,
        /// Number of the segment in its utterance, from 0.
        number: usize,
        /// The text as it was stored.
        before: String,
        /// The text from now on.
        text: String,
        /// Its words from now on.
        words: Vec<Word>,
        /// Keywords of what is left.
        keywords: Vec<TermRow>,
        /// Profanity of what is left.
        profanity: Vec<TermRow>,
        /// Words that the call's alerts must no longer contain.
        unsaid: Unsaid,
    },
}

pub(in crate::store) fn apply(db: &Connection, change: &PrivacyChange) -> rusqlite::Result<()> {
    match change {
        PrivacyChange::Silenced { leg, start, end, why, at } => {
            db.prepare_cached(
                "INSERT INTO silence (leg, start_sample, end_sample, why, at_ms)
                 SELECT id, ?2, ?3, ?4, ?5 FROM leg WHERE id = ?1",
            )?
            .execute((leg.0, *start as i64, end.map(|end| end as i64), why, at.0))?;
        }
        PrivacyChange::SilenceBegins { leg, from, start } => {
            db.prepare_cached(
                // Two pauses may begin at one sample. The later row is meant, because the earlier one is reported first.
                "UPDATE silence SET start_sample = min(?3, coalesce(end_sample, ?3))
                 WHERE id = (SELECT max(id) FROM silence WHERE leg = ?1 AND start_sample = ?2 AND why = 'pause')",
            )?
            .execute((leg.0, *from as i64, *start as i64))?;
        }
        PrivacyChange::SilenceEnds { leg, end } => {
            db.prepare_cached(
                "UPDATE silence SET end_sample = max(?2, start_sample) WHERE leg = ?1 AND end_sample IS NULL",
            )?
            .execute((leg.0, *end as i64))?;
        }
        PrivacyChange::SilenceDone { leg, end } => {
            db.prepare_cached("UPDATE silence SET done = 1 WHERE leg = ?1 AND done = 0 AND end_sample <= ?2")?
                .execute((leg.0, *end as i64))?;
        }
        PrivacyChange::Reworded { utterance, number, before, text, words, keywords, profanity, unsaid } => {
            let row: Option<(i64, i64)> = db
                .prepare_cached("SELECT id, call FROM segment WHERE utterance = ?1 ORDER BY id LIMIT 1 OFFSET ?2")?
                .query_row((utterance.0, *number as i64), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            let Some((segment, call)) = row else { return Ok(()) };
            let json = |value: serde_json::Result<String>| {
                value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
            };
            db.prepare_cached(
                "UPDATE segment
                 SET text = ?2, words = ?3, keywords = ?4, profanity = ?5
                 WHERE id = ?1",
            )?
            .execute((
                segment,
                text,
                json(serde_json::to_string(words))?,
                json(serde_json::to_string(keywords))?,
                json(serde_json::to_string(profanity))?,
            ))?;
            // An earlier or corrected form of the text may hold the same words.
            db.prepare_cached("DELETE FROM correction WHERE segment = ?1")?.execute([segment])?;
            // As whole JSON strings, so that no other text is touched.
            let (old, new) = (json(serde_json::to_string(before))?, json(serde_json::to_string(text))?);
            let said = |terms: &[TermRow]| {
                json(serde_json::to_string(&terms.iter().map(|term| &term.term).collect::<Vec<_>>()))
            };
            db.prepare_cached(
                "UPDATE event
                 SET payload = CASE kind
                     WHEN 'sentiment' THEN json_set(
                         replace(payload, ?2, ?3), '$.keywords_detected', json(?4), '$.profanity_detected', json(?5))
                     ELSE replace(payload, ?2, ?3)
                 END
                 WHERE call = ?1 AND instr(payload, ?2) > 0",
            )?
            .execute((call, old, new, said(keywords)?, said(profanity)?))?;
            crate::store::alert_changes::reword(db, CallKey(call), (before, text), unsaid)?;
        }
    }
    Ok(())
}

/// Whether something was deleted or changed that is not overwritten yet.
pub(in crate::store) fn is_to_scrub(db: &Connection) -> rusqlite::Result<bool> {
    db.prepare_cached("SELECT 1 FROM scrub")?.exists([])
}

/// Overwrites data that was deleted or changed since the last time: writes the log into the database file and empties it. Waits for readers for this
/// many milliseconds; `false` when one was in the way, and it must be tried again. Blocks.
pub(in crate::store) fn scrub(db: &Connection, patience_ms: u64) -> rusqlite::Result<bool> {
    if !is_to_scrub(db)? {
        return Ok(true);
    }
    db.busy_timeout(std::time::Duration::from_millis(patience_ms))?;
    let busy = db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
    db.busy_timeout(crate::store::connection::BUSY)?;
    match busy {
        Ok(0) => db.execute("DELETE FROM scrub", []).map(|_| true),
        Err(error) if crate::store::error::is_damage(&error) => Err(error),
        // Somebody reads, or locks the whole database, or the disk is full.
        Ok(_) | Err(_) => Ok(false),
    }
}

/// A stretch that has to be silence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SilenceRow {
    /// Row number of the leg.
    pub leg: LegKey,
    /// First sample.
    pub start: u64,
    /// One past its last sample; `None` while it lasts.
    pub end: Option<u64>,
    /// `redaction` or `pause`.
    pub why: String,
}

/// A silence that was decided and is not yet written into our own file.
#[derive(Clone, Debug)]
pub struct SilenceToDo {
    /// The silenced stretch.
    pub silence: SilenceRow,
    /// The file that holds its sound.
    pub path: PathBuf,
}

/// A text of a call as it is stored.
#[derive(Clone, Debug)]
pub struct StoredText {
    /// Row number of the leg.
    pub leg: LegKey,
    /// The speaker: agent, caller, or mixed where nobody knows.
    pub speaker: Leg,
    /// Row number of the utterance.
    pub utterance: UtteranceKey,
    /// Number of the segment in its utterance, from 0.
    pub number: usize,
    /// Start in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call, milliseconds.
    pub end_ms: i64,
    /// The words.
    pub text: String,
    /// The same with their times in the call.
    pub words: Vec<Word>,
}

/// A legal hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// Begin of the hold.
    pub at: WallTime,
    /// The reason that was given.
    pub reason: String,
}

pub(in crate::store) fn silence_row(row: &rusqlite::Row) -> rusqlite::Result<SilenceRow> {
    Ok(SilenceRow {
        leg: LegKey(row.get(0)?),
        start: row.get::<_, i64>(1)? as u64,
        end: row.get::<_, Option<i64>>(2)?.map(|end| end as u64),
        why: row.get(3)?,
    })
}

pub(in crate::store) const OF_LEG: &str =
    "SELECT leg, start_sample, end_sample, why FROM silence WHERE leg = ?1 ORDER BY start_sample";
pub(in crate::store) const TO_DO: &str = "
    SELECT silence.leg, silence.start_sample, silence.end_sample, silence.why, leg.path
    FROM silence
    JOIN leg ON leg.id = silence.leg
    WHERE silence.done = 0 AND leg.owned = 1 AND leg.audio_gone_ms IS NULL";
pub(in crate::store) const TEXTS: &str = "
    SELECT segment.leg, leg.leg, segment.utterance, segment.start_ms, segment.end_ms, segment.text, segment.words,
        segment.id
    FROM segment
    JOIN leg ON leg.id = segment.leg
    WHERE segment.call = ?1";
pub(in crate::store) const HOLD: &str = "SELECT at_ms, reason FROM hold WHERE call = ?1 ORDER BY id LIMIT 1";

/// Pause between two tries to overwrite what was deleted.
pub(in crate::store) const AGAIN: std::time::Duration = std::time::Duration::from_millis(100);
