//! Corrections by people: the segment holds the corrected text, the rows here its earlier text.
//!
//! A segment is corrected as the person saw it: when somebody else has changed it meanwhile, nothing is done. Search finds only the corrected words,
//! and the rows are deleted with the segment.

use rusqlite::{Connection, Row, named_params};

use super::change::TermRow;
use super::{Store, StoreError};
use crate::call::{CallKey, Leg, WallTime, Word};

/// A correction as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorrectionRow {
    /// Row number of the segment.
    pub segment: i64,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
    /// The text as it was before.
    pub text_before: String,
    /// The text from then on.
    pub text_after: String,
    /// The speaker before the correction.
    pub said_before: Leg,
    /// The speaker after the correction.
    pub said_after: Leg,
    /// Name of the person who corrected it.
    pub by: String,
    /// Time of the correction, wall clock.
    pub at: WallTime,
}

/// A correction of one segment, with all that follows from the new text.
#[derive(Clone, Debug)]
pub struct NewCorrection {
    /// The call.
    pub call: CallKey,
    /// Row number of the segment.
    pub segment: i64,
    /// Its text, as the person saw it.
    pub before: String,
    /// Its text from now on.
    pub text: String,
    /// Its words from now on.
    pub words: Vec<Word>,
    /// The speaker from now on.
    pub speaker: Leg,
    /// Compound, positive, neutral and negative share.
    pub scores: [f64; 4],
    /// positive, neutral, negative.
    pub label: String,
    /// Terms of the packs in it.
    pub keywords: Vec<TermRow>,
    /// Profanity in it.
    pub profanity: Vec<TermRow>,
    /// Name of the person who corrects it.
    pub by: String,
    /// Time of the correction, wall clock.
    pub at: WallTime,
}

pub(super) const OF_CALL: &str = "
    SELECT correction.segment, segment.start_ms, correction.text_before, correction.text_after, correction.said_before, correction.said_after,
        correction.corrected_by, correction.at_ms
    FROM segment
    CROSS JOIN correction ON correction.segment = segment.id
    WHERE segment.call = ?1
    ORDER BY segment.start_ms, segment.id, correction.id";
pub(super) const ANY: &str = "
    SELECT 1
    FROM segment
    CROSS JOIN correction ON correction.segment = segment.id
    WHERE segment.call = ?1
    LIMIT 1";

fn row(row: &Row) -> rusqlite::Result<CorrectionRow> {
    Ok(CorrectionRow {
        segment: row.get(0)?,
        start_ms: row.get(1)?,
        text_before: row.get(2)?,
        text_after: row.get(3)?,
        said_before: row.get(4)?,
        said_after: row.get(5)?,
        by: row.get(6)?,
        at: WallTime(row.get(7)?),
    })
}

impl Store {
    /// The corrections of a call, by place in the call and then by time.
    pub async fn corrections(&self, call: CallKey) -> Result<Vec<CorrectionRow>, StoreError> {
        self.read(move |db| db.prepare_cached(OF_CALL)?.query_map([call.0], row)?.collect()).await
    }

    /// Whether people have corrected anything of a call.
    pub async fn is_corrected(&self, call: CallKey) -> Result<bool, StoreError> {
        self.read(move |db| db.prepare_cached(ANY)?.exists([call.0])).await
    }

    /// Corrects a segment of a finished call that is not on hold. Returns `false` and changes nothing when that is no longer so, or when the text is
    /// no longer the one that the person saw.
    pub async fn correct(&self, new: NewCorrection) -> Result<bool, StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                let done = correct(&transaction, &new)?;
                transaction.commit()?;
                Ok(done)
            })
            .await
    }
}

fn correct(db: &Connection, new: &NewCorrection) -> rusqlite::Result<bool> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    };
    let noted = db
        .prepare_cached(
            "INSERT INTO correction (segment, text_before, text_after, said_before, said_after, corrected_by, at_ms)
             SELECT segment.id, segment.text, :text, coalesce(segment.said_by, leg.leg), :speaker, :by, :at
             FROM segment
             JOIN leg ON leg.id = segment.leg
             JOIN call ON call.id = segment.call
             WHERE segment.id = :segment AND segment.call = :call AND segment.text = :before AND call.state IN ('completed', 'failed')
                 AND NOT EXISTS (SELECT 1 FROM hold WHERE hold.call = call.id)",
        )?
        .execute(named_params! {
            ":segment": new.segment, ":call": new.call.0, ":before": new.before, ":text": new.text, ":speaker": new.speaker.as_str(),
            ":by": new.by, ":at": new.at.0,
        })?;
    if noted == 0 {
        return Ok(false);
    }
    let [compound, pos, neu, neg] = new.scores;
    db.prepare_cached(
        "UPDATE segment
         SET text = :text, words = :words, compound = :compound, pos = :pos, neu = :neu, neg = :neg, label = :label, keywords = :keywords,
             profanity = :profanity,
             said_by = nullif(:speaker, (SELECT leg.leg FROM leg WHERE leg.id = segment.leg))
         WHERE id = :segment",
    )?
    .execute(named_params! {
        ":segment": new.segment, ":text": new.text, ":words": json(serde_json::to_string(&new.words))?, ":compound": compound,
        ":pos": pos, ":neu": neu, ":neg": neg, ":label": new.label, ":keywords": json(serde_json::to_string(&new.keywords))?,
        ":profanity": json(serde_json::to_string(&new.profanity))?, ":speaker": new.speaker.as_str(),
    })?;
    db.prepare_cached(
        "UPDATE call
         SET (sentiment, sentiment_min, sentiment_max) = (SELECT avg(score), min(score), max(score) FROM segment WHERE segment.call = call.id)
         WHERE id = ?1",
    )?
    .execute([new.call.0])?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::segments::{SearchFilter, fts_query};

    const CALL: CallKey = CallKey(1);

    async fn with_a_call(state: &str) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        let sql = format!(
            "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms) VALUES (1, 'c.1', 'eagi', '{state}', 5, 5);
             INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'mixed', 'eagi', 8000, 5, 0, '', 1);
             INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (1, 1, 1, 0, 8, 0, 1, 'done');
             INSERT INTO segment
                 (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             VALUES (7, 1, 1, 1, 40, 90, 'I really want a root', 1, '[]', 0.5, 0, 0, 0, 'positive', '[]', '[]');
             DELETE FROM review_due; DELETE FROM scrub;"
        );
        store.writer().run(move |db| db.execute_batch(&sql)).await.expect("rows");
        (folder, store)
    }

    fn corrected(before: &str, text: &str) -> NewCorrection {
        NewCorrection {
            call: CALL,
            segment: 7,
            before: before.into(),
            text: text.into(),
            words: Vec::new(),
            speaker: Leg::Caller,
            scores: [-0.25, 0.0, 0.5, 0.5],
            label: "negative".into(),
            keywords: vec![TermRow { term: "router".into(), label: "product".into() }],
            profanity: Vec::new(),
            by: "mary".into(),
            at: WallTime(99),
        }
    }

    async fn found(store: &Store, word: &str) -> usize {
        let query = fts_query(word).expect("a query");
        let filter = SearchFilter { query, limit: 10, ..SearchFilter::default() };
        store.search(filter).await.expect("search").len()
    }

    #[tokio::test]
    async fn the_text_remembers_both_and_is_found_by_the_corrected_words() {
        let (_folder, store) = with_a_call("completed").await;
        assert!(!store.is_corrected(CALL).await.expect("query"));
        assert!(store.correct(corrected("I really want a root", "I really want a router")).await.expect("correct"));
        assert!(store.correct(corrected("I really want a router", "I want my router")).await.expect("correct"));
        let rows = store.segments(CALL).await.expect("query");
        assert_eq!(
            (rows[0].text.as_str(), rows[0].leg, rows[0].speaker),
            ("I want my router", Leg::Mixed, Leg::Caller)
        );
        assert_eq!((rows[0].compound, rows[0].label.as_str()), (Some(-0.25), "negative"));
        assert_eq!((found(&store, "router").await, found(&store, "root").await), (1, 0));
        let kept = store.corrections(CALL).await.expect("query");
        let texts: Vec<&str> = kept.iter().map(|one| one.text_before.as_str()).collect();
        assert_eq!(texts, ["I really want a root", "I really want a router"]);
        assert_eq!((kept[0].said_before, kept[0].said_after, kept[0].by.as_str()), (Leg::Mixed, Leg::Caller, "mary"));
        assert_eq!((kept[0].at, kept[1].text_after.as_str()), (WallTime(99), "I want my router"));
        assert_eq!(store.due_reviews(10).await.expect("query").len(), 1, "it is scored again");
        assert_eq!(store.call("c.1").await.expect("query").expect("there").sentiment, Some(-0.25));
    }

    #[tokio::test]
    async fn a_text_that_is_another_by_now_or_a_call_that_runs_or_is_held_is_not_corrected() {
        let (_folder, store) = with_a_call("completed").await;
        assert!(!store.correct(corrected("I really want a route", "I really want a router")).await.expect("correct"));
        let hold = "INSERT INTO hold (call, at_ms, reason) VALUES (1, 1, 'court')";
        store.writer().run(move |db| db.execute_batch(hold)).await.expect("hold");
        assert!(!store.correct(corrected("I really want a root", "I really want a router")).await.expect("correct"));
        let (_folder, store) = with_a_call("active").await;
        assert!(!store.correct(corrected("I really want a root", "I really want a router")).await.expect("correct"));
        assert_eq!(store.corrections(CALL).await.expect("query"), []);
    }

    #[tokio::test]
    async fn what_goes_with_the_segment_is_overwritten_too() {
        let (_folder, store) = with_a_call("completed").await;
        store.correct(corrected("I really want a root", "I really want a router")).await.expect("correct");
        let gone = |db: &mut Connection| -> rusqlite::Result<(Vec<String>, i64, bool)> {
            let erased = crate::store::forget::gather(db, &(1, "c.1".into()))?;
            db.execute_batch("DELETE FROM scrub; DELETE FROM segment")?;
            let left = db.query_row("SELECT count(*) FROM correction", [], |row| row.get::<_, i64>(0))?;
            Ok((erased.traces, left, crate::store::rows::privacy::is_to_scrub(db)?))
        };
        let (traces, left, scrubs) = store.writer().run(gone).await.expect("deleted");
        assert_eq!((left, scrubs), (0, true));
        assert!(traces.contains(&"I really want a root".to_owned()), "the proof looks for the text before: {traces:?}");
    }
}
