//! Retranscription of a finished call: lists its stretches, and replaces the old text by the new in one transaction, where the VAD was run again with
//! the utterances. The text of the live call is kept beside the new one.

use rusqlite::{Connection, OptionalExtension, Row};

use super::change::{CallFigures, NewSegment, NewUtterance, UtteranceState};
use super::privacy::PrivacyChange;
use super::{Store, StoreError, apply};
use crate::call::{CallKey, Leg, LegKey, UtteranceKey, WallTime};

/// A stretch of speech, as it can be transcribed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Row number.
    pub key: UtteranceKey,
    /// Row number of its leg.
    pub leg: LegKey,
    /// Samples of the leg.
    pub start_sample: u64,
    /// One past its last sample.
    pub end_sample: u64,
    /// Start in the call, milliseconds.
    pub start_ms: i64,
}

/// A call as it was when its retranscription began: where its times begin, and how many stretches it has. A merge changes one or the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AsRead {
    /// Row number of the call.
    pub call: CallKey,
    /// Time at which the call began; all times inside it count from there.
    pub started: WallTime,
    /// Its stretches.
    pub stretches: usize,
}

/// The new text of a stretch.
#[derive(Clone, Debug)]
pub struct Rewritten {
    /// Row number of the utterance.
    pub utterance: UtteranceKey,
    /// `Done` or `Empty`.
    pub state: UtteranceState,
    /// The text in order of time.
    pub segments: Vec<NewSegment>,
    /// Reason why it is empty.
    pub note: Option<String>,
    /// Engine and model.
    pub engine: String,
    /// Wall time of the inference, milliseconds.
    pub took_ms: i64,
}

/// The new text of a call, and everything that is written with it.
#[derive(Clone, Debug, Default)]
pub struct NewText {
    /// Utterances of which the VAD, run again, has found others in their place.
    pub gone: Vec<UtteranceKey>,
    /// Those others.
    pub found: Vec<NewUtterance>,
    /// The text of each stretch that was transcribed again.
    pub texts: Vec<Rewritten>,
    /// Figures of the call's whole text.
    pub figures: CallFigures,
    /// Silences where the new text held what nobody may keep.
    pub silences: Vec<PrivacyChange>,
}

/// The sentiment of a text that stays.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KeptSentiment {
    /// Row number of the utterance.
    pub utterance: UtteranceKey,
    /// The leg of the segment.
    pub leg: Leg,
    /// Start in the call, milliseconds.
    pub start_ms: i64,
    /// -1 to 1; `None` in a language without a list.
    pub compound: Option<f64>,
}

pub(super) const STARTED: &str = "SELECT started_ms FROM call WHERE id = ?1";
pub(super) const STRETCHES: &str = "
    SELECT id, leg, start_sample, end_sample, start_ms
    FROM utterance
    WHERE call = ?1
    ORDER BY id";
pub(super) const KEPT: &str = "
    SELECT segment.utterance, leg.leg, segment.start_ms, segment.score
    FROM segment
    JOIN leg ON leg.id = segment.leg
    WHERE segment.call = ?1
    ORDER BY segment.start_ms, segment.id";
pub(super) const WITHOUT_SOUND: &str = "SELECT count(*) FROM leg WHERE call = ?1 AND audio_gone_ms IS NOT NULL";

impl Store {
    /// The stretches of a call, in the order in which they were found, and what they are of.
    pub async fn stretches(&self, call: CallKey) -> Result<(AsRead, Vec<Stretch>), StoreError> {
        self.read(move |db| {
            // The begin first: a merge between the two queries is seen by `rewrite`.
            let started = db.prepare_cached(STARTED)?.query_row([call.0], |row| row.get(0)).optional()?;
            let row = |row: &Row| {
                Ok(Stretch {
                    key: UtteranceKey(row.get(0)?),
                    leg: LegKey(row.get(1)?),
                    start_sample: row.get::<_, i64>(2)? as u64,
                    end_sample: row.get::<_, i64>(3)? as u64,
                    start_ms: row.get(4)?,
                })
            };
            let found: Vec<Stretch> =
                db.prepare_cached(STRETCHES)?.query_map([call.0], row)?.collect::<Result<_, _>>()?;
            Ok((AsRead { call, started: WallTime(started.unwrap_or(0)), stretches: found.len() }, found))
        })
        .await
    }

    /// The sentiment of every segment of a call, in order of time.
    pub async fn compounds(&self, call: CallKey) -> Result<Vec<KeptSentiment>, StoreError> {
        self.read(move |db| {
            let row = |row: &Row| {
                Ok(KeptSentiment {
                    utterance: UtteranceKey(row.get(0)?),
                    leg: Leg::parse(&row.get::<_, String>(1)?).unwrap_or(Leg::Mixed),
                    start_ms: row.get(2)?,
                    compound: row.get(3)?,
                })
            };
            db.prepare_cached(KEPT)?.query_map([call.0], row)?.collect()
        })
        .await
    }

    /// Whether sound of ours of this call has been deleted.
    pub async fn lacks_sound(&self, call: CallKey) -> Result<bool, StoreError> {
        let count =
            self.read(move |db| db.prepare_cached(WITHOUT_SOUND)?.query_row([call.0], |row| row.get::<_, i64>(0)));
        count.await.map(|count| count > 0)
    }
}

impl Store {
    /// Replaces the old text by the new, with its utterances, figures and silences; messages of the old text are deleted. Returns `false` and changes
    /// nothing when the call is no longer over, is on hold or is gone, or was merged with another since it was read.
    pub async fn rewrite(&self, read: AsRead, new: NewText, at: WallTime) -> Result<bool, StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                let call = read.call;
                let same = (call.0, read.started.0, read.stretches as i64);
                if transaction.query_row(MAY_BE, same, |_| Ok(())).optional()?.is_none() {
                    return Ok(false);
                }
                replace(&transaction, &new)?;
                for text in &new.texts {
                    transaction.prepare_cached(KEEP_LIVE)?.execute([text.utterance.0])?;
                    put(&transaction, text, at)?;
                }
                let told = "DELETE FROM event WHERE call = ?1 AND kind IN ('sentiment', 'redaction')";
                transaction.execute(told, [call.0])?;
                apply::call_figures(&transaction, call, &new.figures)?;
                super::rows::stages::text_is_new(&transaction, call, at)?;
                for silence in &new.silences {
                    super::rows::privacy::apply(&transaction, silence)?;
                }
                transaction.commit()?;
                Ok(true)
            })
            .await
    }
}

const MAY_BE: &str = "
    SELECT 1 FROM call
    WHERE id = ?1
        AND state IN ('completed', 'failed')
        AND started_ms = ?2
        AND (SELECT count(*) FROM utterance WHERE utterance.call = call.id) = ?3
        AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = call.id)
        AND NOT EXISTS (
            SELECT 1 FROM segment CROSS JOIN correction ON correction.segment = segment.id WHERE segment.call = call.id)";

/// Keeps an utterance's text as that of the live call. What was transcribed again is no live text any more.
const KEEP_LIVE: &str = "
    INSERT INTO live_text
        (segment, call, leg, start_sample, end_sample, start_ms, end_ms, text, confidence, language, words, compound, pos, neu, neg, label, keywords,
         profanity, sender_sentiment, engine)
    SELECT segment.id, segment.call, segment.leg, utterance.start_sample, utterance.end_sample, segment.start_ms, segment.end_ms, segment.text,
        segment.confidence, segment.language, segment.words, segment.compound, segment.pos, segment.neu, segment.neg, segment.label,
        segment.keywords, segment.profanity, segment.sender_sentiment, utterance.engine
    FROM segment
    JOIN utterance ON utterance.id = segment.utterance
    WHERE segment.utterance = ?1 AND utterance.again_ms IS NULL";

/// How late the last words of an utterance were in the live call, with its place: leg, samples, milliseconds.
const LAG: &str = "SELECT leg, start_sample, end_sample, lag_ms FROM utterance WHERE id = ?1 AND lag_ms IS NOT NULL";

/// The utterance that holds these words now was as late.
const TAKE_LAG: &str = "
    UPDATE utterance SET lag_ms = max(coalesce(lag_ms, 0), ?4)
    WHERE id = (
        SELECT id
        FROM utterance
        WHERE leg = ?1 AND start_sample < ?3 AND end_sample > ?2
        ORDER BY start_sample DESC
        LIMIT 1)";

/// Puts the utterances that were found in the place of those that go. Their figures of lag stay, for they are of the live call.
fn replace(db: &Connection, new: &NewText) -> rusqlite::Result<()> {
    let mut lags: Vec<(i64, i64, i64, i64)> = Vec::new();
    for utterance in &new.gone {
        db.prepare_cached(KEEP_LIVE)?.execute([utterance.0])?;
        let place = |row: &Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?));
        lags.extend(db.prepare_cached(LAG)?.query_row([utterance.0], place).optional()?);
        db.prepare_cached("DELETE FROM segment WHERE utterance = ?1")?.execute([utterance.0])?;
        db.prepare_cached("DELETE FROM utterance WHERE id = ?1")?.execute([utterance.0])?;
    }
    for utterance in &new.found {
        apply::utterance_found(db, utterance)?;
    }
    for lag in lags {
        db.prepare_cached(TAKE_LAG)?.execute(lag)?;
    }
    Ok(())
}

fn put(db: &Connection, text: &Rewritten, at: WallTime) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM segment WHERE utterance = ?1")?.execute([text.utterance.0])?;
    db.prepare_cached(
        "UPDATE utterance
         SET state = ?2, note = ?3, engine = ?4, took_ms = ?5, done_ms = ?6, again_ms = ?6
         WHERE id = ?1",
    )?
    .execute((text.utterance.0, apply::word(text.state), &text.note, &text.engine, text.took_ms, at.0))?;
    apply::add_segments(db, text.utterance, &text.segments, at)
}
