//! The stages of finished calls: the queue, the state of each, and the results.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row};

pub use super::rows::stages::{StageOutcome, StageRequest};
use super::{Store, StoreError, rows};
use crate::call::{CallKey, Stage, StageState, VadRun, WallTime};
use crate::contract::processing::{TranslatedLine, TranslationMade};

/// A stage of a call, without its result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRow {
    /// Row number of the call.
    pub call: CallKey,
    /// The stage that the row describes.
    pub stage: Stage,
    /// State of the stage.
    pub state: StageState,
    /// Whether transcription is done again from the sound.
    pub again: bool,
    /// Whether the VAD is run again before that.
    pub vad: VadRun,
    /// Number of requests for it.
    pub round: i64,
    /// Tries in this round.
    pub tries: u32,
    /// Time of the request.
    pub queued: WallTime,
    /// Time at which the last try began.
    pub started: Option<WallTime>,
    /// Time at which it ended.
    pub done: Option<WallTime>,
    /// Engine or rules that made it.
    pub engine: Option<String>,
    /// Its model, or the packs.
    pub model: Option<String>,
    /// The version of lineside that made it.
    pub version: Option<String>,
    /// Error of the last try; for a skipped or unavailable stage the reason, for a result the missing part.
    pub error: Option<String>,
}

/// Stages that follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StageSpan {
    /// The first of them.
    pub first: Stage,
    /// The last of them.
    pub last: Stage,
}

impl StageSpan {
    /// All stages.
    pub const ALL: Self = Self { first: Stage::Transcription, last: Stage::Insights };
    /// The one in which others are asked.
    pub const ASKING: Self = Self { first: Stage::Insights, last: Stage::Insights };
    /// All before it.
    pub const OWN: Self = Self { first: Stage::Transcription, last: Stage::Qa };
}

/// Numbers of all stages by stage and state, and mean times of those that ended lately.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StageCounts {
    /// Stages that wait or are in progress, and those that ended since the requested time.
    pub counts: Vec<(Stage, StageState, u64)>,
    /// Mean time of the stages that were made since then, milliseconds.
    pub mean_ms: BTreeMap<Stage, f64>,
    /// Time of the oldest request that waits.
    pub oldest: Option<WallTime>,
    /// Calls with stages that wait.
    pub waiting: u64,
}

macro_rules! columns {
    ($rest:literal) => {
        concat!(
            "SELECT stage.call, stage.stage, stage.state, stage.again, stage.round, stage.tries, stage.queued_ms, stage.started_ms, stage.done_ms,
                 stage.engine, stage.model, stage.version, stage.error, stage.vad
             FROM stage
             ",
            $rest
        )
    };
}

/// The state twice: by the first SQLite finds the index.
pub(super) const DUE: &str = columns!(
    "WHERE state IN ('pending', 'running')
        AND state = 'pending'
        AND next_ms <= ?1
        AND again = ?2
        AND place BETWEEN ?3 AND ?4
        AND NOT EXISTS (
            SELECT 1 FROM stage AS first
            WHERE first.call = stage.call AND first.place = 0 AND first.id <> stage.id AND (first.again OR ?3 > 0) AND first.state IN ('pending', 'running'))
     ORDER BY next_ms, id
     LIMIT 1"
);
pub(super) const OF_CALL: &str = columns!("WHERE call = ?1 ORDER BY place");
pub(super) const RESULT: &str = "SELECT result FROM stage WHERE call = ?1 AND place = ?2 AND result IS NOT NULL";
pub(super) const OPEN: &str = "
    SELECT stage, state, count(*), min(queued_ms)
    FROM stage
    WHERE state IN ('pending', 'running')
    GROUP BY stage, state";
pub(super) const OPEN_CALLS: &str = "SELECT count(DISTINCT call) FROM stage WHERE state IN ('pending', 'running')";
pub(super) const ENDED: &str = "SELECT stage, state, done_ms - started_ms FROM stage WHERE done_ms >= ?1";
pub(super) const RUNNING_CALLS: &str = "
    SELECT DISTINCT call.call_id
    FROM stage
    CROSS JOIN call ON call.id = stage.call
    WHERE stage.state IN ('pending', 'running') AND stage.state = 'running'
    ORDER BY call.call_id";

fn row(row: &Row) -> rusqlite::Result<StageRow> {
    let time = |column| row.get::<_, Option<i64>>(column).map(|at| at.map(WallTime));
    Ok(StageRow {
        call: CallKey(row.get(0)?),
        stage: row.get(1)?,
        state: row.get(2)?,
        again: row.get(3)?,
        round: row.get(4)?,
        tries: row.get(5)?,
        queued: WallTime(row.get(6)?),
        started: time(7)?,
        done: time(8)?,
        engine: row.get(9)?,
        model: row.get(10)?,
        version: row.get(11)?,
        error: row.get(12)?,
        vad: if row.get(13)? { VadRun::Again } else { VadRun::Kept },
    })
}

impl Store {
    /// The stage that is due next: of those that need the audio, or of the others. The stages of a call wait while it is transcribed again.
    pub async fn due_stage(&self, now: WallTime, again: bool) -> Result<Option<StageRow>, StoreError> {
        self.due_stage_among(now, again, StageSpan::ALL).await
    }

    /// The same of some stages. Where transcription is not among them they wait for it.
    pub async fn due_stage_among(
        &self,
        now: WallTime,
        again: bool,
        among: StageSpan,
    ) -> Result<Option<StageRow>, StoreError> {
        let values = (now.0, again, among.first as i64, among.last as i64);
        self.read(move |db| db.prepare_cached(DUE)?.query_row(values, row).optional()).await
    }

    /// The stages of a call, in their order; none before it has ended.
    pub async fn stages(&self, call: CallKey) -> Result<Vec<StageRow>, StoreError> {
        self.read(move |db| db.prepare_cached(OF_CALL)?.query_map([call.0], row)?.collect()).await
    }

    /// Result of a stage of a call, as JSON.
    pub async fn stage_result(&self, call: CallKey, stage: Stage) -> Result<Option<String>, StoreError> {
        let place = stage as i64;
        self.read(move |db| db.prepare_cached(RESULT)?.query_row((call.0, place), |row| row.get(0)).optional()).await
    }

    /// The lines of a call's translation; none where there is none.
    pub async fn translated_lines(&self, call: CallKey) -> Result<Vec<TranslatedLine>, StoreError> {
        let made = self.stage_result(call, Stage::Translation).await?;
        let made = made.and_then(|json| serde_json::from_str::<TranslationMade>(&json).ok());
        Ok(made.map_or_else(Vec::new, |made| made.lines))
    }

    /// Number of stages in each state; of those that ended, since `since`.
    pub async fn stage_counts(&self, since: WallTime) -> Result<StageCounts, StoreError> {
        self.read(move |db| {
            let mut all = StageCounts::default();
            let mut open = db.prepare_cached(OPEN)?;
            let mut rows = open.query([])?;
            while let Some(row) = rows.next()? {
                all.counts.push((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs()));
                let oldest = WallTime(row.get(3)?);
                all.oldest = Some(all.oldest.map_or(oldest, |other| other.min(oldest)));
            }
            let mut counted: BTreeMap<(Stage, &'static str), (StageState, u64, i64)> = BTreeMap::new();
            let mut ended = db.prepare_cached(ENDED)?;
            let mut rows = ended.query([since.0])?;
            while let Some(row) = rows.next()? {
                let (stage, ended): (Stage, StageState) = (row.get(0)?, row.get(1)?);
                let sum = counted.entry((stage, ended.as_str())).or_insert((ended, 0, 0));
                sum.1 += 1;
                sum.2 += row.get::<_, Option<i64>>(2)?.unwrap_or(0);
            }
            for ((stage, _), (ended, count, ms)) in counted {
                all.counts.push((stage, ended, count));
                if ended == StageState::Done {
                    all.mean_ms.insert(stage, ms as f64 / count as f64);
                }
            }
            let waiting: i64 = db.prepare_cached(OPEN_CALLS)?.query_row([], |row| row.get(0))?;
            all.waiting = waiting.unsigned_abs();
            Ok(all)
        })
        .await
    }

    /// Ids of the calls of which a stage is in progress.
    pub async fn calls_in_stages(&self) -> Result<Vec<String>, StoreError> {
        self.read(|db| db.prepare_cached(RUNNING_CALLS)?.query_map([], |row| row.get(0))?.collect()).await
    }

    /// Puts stages into the queue.
    pub async fn request_stages(&self, wanted: StageRequest) -> Result<(), StoreError> {
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                rows::stages::request(&transaction, &wanted)?;
                transaction.commit()
            })
            .await
    }

    /// The stages of a call that wait are looked at again later.
    pub async fn put_off_stages(&self, call: CallKey, until: WallTime) -> Result<(), StoreError> {
        let sql = "UPDATE stage SET next_ms = ?2 WHERE call = ?1 AND state = 'pending'";
        self.writer().run(move |db| db.execute(sql, (call.0, until.0))).await.map(|_| ())
    }

    /// Transcription of a call is to be done again from the sound, in the round that it is in.
    pub async fn needs_sound(&self, stage: &StageRow) -> Result<(), StoreError> {
        let (call, round) = (stage.call.0, stage.round);
        let sql = "UPDATE stage SET again = 1 WHERE call = ?1 AND place = 0 AND round = ?2 AND state = 'pending'";
        self.writer().run(move |db| db.execute(sql, (call, round))).await.map(|_| ())
    }

    /// A stage begins. `false`: it is not to be made any more, or was asked for anew.
    pub async fn begin_stage(&self, stage: &StageRow, at: WallTime) -> Result<bool, StoreError> {
        let (call, place, round) = (stage.call.0, stage.stage as i64, stage.round);
        let begun = self.writer().run(move |db| {
            db.prepare_cached(
                "UPDATE stage SET state = 'running', tries = tries + 1, started_ms = ?4
                 WHERE call = ?1 AND place = ?2 AND round = ?3 AND state = 'pending'",
            )?
            .execute((call, place, round, at.0))
        });
        Ok(begun.await? > 0)
    }

    /// Writes the result of a stage; after a failure the earlier result stays. Returns `false` and writes nothing where the stage was requested anew
    /// in the meantime.
    pub async fn end_stage(&self, stage: &StageRow, outcome: StageOutcome, at: WallTime) -> Result<bool, StoreError> {
        let (call, place, round) = (stage.call.0, stage.stage as i64, stage.round);
        let done = (!outcome.state.is_open()).then_some(at.0);
        let ended = self.writer().run(move |db| {
            let transaction = db.transaction()?;
            let changed = transaction
                .prepare_cached(
                    "UPDATE stage
                 SET state = ?4, done_ms = ?5, next_ms = ?6, version = ?9, error = ?10,
                     engine = CASE WHEN ?4 IN ('pending', 'failed') THEN engine ELSE ?7 END,
                     model = CASE WHEN ?4 IN ('pending', 'failed') THEN model ELSE ?8 END,
                     result = CASE WHEN ?4 IN ('pending', 'failed') THEN result ELSE ?11 END
                 WHERE call = ?1 AND place = ?2 AND round = ?3 AND state = 'running'",
                )?
                .execute((
                    call,
                    place,
                    round,
                    outcome.state.as_str(),
                    done,
                    outcome.next.0,
                    outcome.engine,
                    outcome.model,
                    env!("CARGO_PKG_VERSION"),
                    outcome.error,
                    outcome.result,
                ))?;
            // The tags are written with the result, or not at all.
            if let Some(tags) = outcome.tags.filter(|_| changed > 0) {
                rows::tags::keep(&transaction, CallKey(call), &tags)?;
            }
            transaction.commit()?;
            Ok(changed)
        });
        Ok(ended.await? > 0)
    }

    /// Queues the stages again that were in progress when a former run ended; one with too many tries has failed. Returns their number.
    pub async fn take_up_stages(&self, tries: u32, at: WallTime) -> Result<usize, StoreError> {
        // Mostly there are none, and then a start does not wait for a lock on the database.
        let running = "SELECT EXISTS (SELECT 1 FROM stage WHERE state IN ('pending', 'running') AND state = 'running')";
        if !self.read(move |db| db.query_row(running, [], |row| row.get(0))).await? {
            return Ok(0);
        }
        self.writer()
            .run(move |db| {
                let transaction = db.transaction()?;
                let failed = transaction.execute(
                    "UPDATE stage
                     SET state = 'failed', done_ms = ?2,
                         error = 'the process ended during it ' || tries || ' times; it is left out until it is asked for'
                     WHERE state IN ('pending', 'running') AND state = 'running' AND tries >= ?1",
                    (tries, at.0),
                )?;
                let again = transaction.execute(
                    // It keeps its time: what was due before the stages after it still is.
                    "UPDATE stage SET state = 'pending' WHERE state IN ('pending', 'running') AND state = 'running'",
                    [],
                )?;
                transaction.commit()?;
                Ok(failed + again)
            })
            .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallState;
    use crate::store::change::Change;

    const CALL: CallKey = CallKey(1);
    const ROWS: &str = "
        INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, mode) VALUES (1, 'c.1', 'eagi', 'active', 5, 5, 'hybrid');
        INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'eagi', 8000, 5, 0, '', 1);
        INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (1, 1, 1, 0, 8, 0, 1, 'done');
        INSERT INTO segment (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        VALUES (7, 1, 1, 1, 40, 90, 'my name is Mary Miller', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');
        INSERT INTO live_text
            (segment, call, leg, start_sample, end_sample, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
        VALUES (3, 1, 1, 0, 8, 40, 90, 'my name is Harry Miller', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');";

    async fn run(store: &Store, sql: &'static str) {
        store.writer().run(move |db| db.execute_batch(sql)).await.expect(sql);
    }

    async fn count(store: &Store, sql: &'static str) -> i64 {
        store.read(move |db| db.query_row(sql, [], |row| row.get(0))).await.expect(sql)
    }

    fn made(result: &str) -> StageOutcome {
        StageOutcome {
            state: StageState::Done,
            result: Some(result.into()),
            engine: Some("rules".into()),
            model: None,
            error: None,
            next: WallTime(0),
            tags: None,
        }
    }

    async fn over() -> (tempfile::TempDir, Store) {
        let (folder, store) = crate::store::tests::open();
        run(&store, ROWS).await;
        let ended = Change::CallMoved { call: CALL, state: CallState::Completed, at: WallTime(100), reason: None };
        store.writer().commit(vec![ended]).await.expect("commit");
        (folder, store)
    }

    async fn make_all(store: &Store) -> Vec<Stage> {
        let mut made_stages = Vec::new();
        while let Some(stage) = store.due_stage(WallTime(200), false).await.expect("query") {
            assert!(store.begin_stage(&stage, WallTime(200)).await.expect("begin"));
            assert!(store.end_stage(&stage, made("{\"who\": \"Mary Miller\"}"), WallTime(201)).await.expect("end"));
            made_stages.push(stage.stage);
        }
        made_stages
    }

    #[tokio::test]
    async fn a_call_that_ends_has_its_stages_in_their_order_and_one_of_realtime_has_none() {
        let (_folder, store) = over().await;
        assert_eq!(make_all(&store).await, Stage::ALL);
        assert!(store.stages(CALL).await.expect("query").iter().all(|stage| stage.state == StageState::Done));
        let (_folder, store) = crate::store::tests::open();
        run(&store, ROWS).await;
        run(&store, "UPDATE call SET mode = 'realtime'").await;
        let ended = Change::CallMoved { call: CALL, state: CallState::Completed, at: WallTime(100), reason: None };
        store.writer().commit(vec![ended]).await.expect("commit");
        assert_eq!(store.stages(CALL).await.expect("query"), []);
    }

    #[tokio::test]
    async fn what_is_taken_out_of_a_text_is_taken_out_of_all_that_was_made_of_it() {
        for (change, kept) in [
            ("UPDATE segment SET text = 'my name is [name]' WHERE id = 7", 0),
            ("DELETE FROM segment WHERE id = 7", 1),
            ("INSERT INTO silence (leg, start_sample, end_sample, why, at_ms) VALUES (1, 2, 5, 'redaction', 0)", 0),
            ("INSERT INTO silence (leg, start_sample, end_sample, why, at_ms) VALUES (1, 8, 9, 'redaction', 0)", 1),
            ("DELETE FROM call", 0),
        ] {
            let (_folder, store) = over().await;
            make_all(&store).await;
            let changed = store.writer().run(move |db| {
                db.execute_batch("DELETE FROM scrub")?;
                db.execute_batch(change)?;
                db.query_row("SELECT count(*) FROM scrub", [], |row| row.get::<_, i64>(0))
            });
            let scrubs = changed.await.expect(change);
            let left = count(&store, "SELECT count(*) FROM live_text").await;
            assert_eq!(left, kept, "{change}");
            let is_text = change.contains("segment") || change.contains("call");
            let results = count(&store, "SELECT count(*) FROM stage WHERE place > 0 AND result IS NOT NULL").await;
            assert_eq!(results == 0, is_text, "{change}");
            assert_eq!(scrubs == 1, kept == 0 || is_text, "{change}: overwritten on the disk too");
        }
    }

    #[tokio::test]
    async fn what_was_made_of_an_earlier_text_is_not_kept() {
        let (_folder, store) = over().await;
        make_all(&store).await;
        let wanted = StageRequest {
            call: CALL,
            stages: vec![Stage::Summary],
            again: false,
            vad: VadRun::Kept,
            at: WallTime(200),
        };
        store.request_stages(wanted).await.expect("request");
        let stage = store.due_stage(WallTime(200), false).await.expect("query").expect("due");
        assert!(store.stage_result(CALL, Stage::Summary).await.expect("query").is_some(), "the old stays until then");
        assert!(store.begin_stage(&stage, WallTime(200)).await.expect("begin"));
        run(&store, "UPDATE segment SET text = 'my name is [name]' WHERE id = 7").await;
        assert!(!store.end_stage(&stage, made("\"Mary Miller\""), WallTime(201)).await.expect("end"));
        assert_eq!(store.stage_result(CALL, Stage::Summary).await.expect("query"), None);
        let stages = store.stages(CALL).await.expect("query");
        let rounds = stages.iter().map(|stage| (stage.stage, stage.round));
        assert!(rounds.clone().any(|one| one == (Stage::Summary, 3)), "asked for, then reworded: {stages:?}");
        assert!(rounds.clone().any(|one| one == (Stage::Qa, 2)), "reworded: {stages:?}");
    }

    #[tokio::test]
    async fn stages_wait_while_their_call_is_transcribed_again() {
        let (_folder, store) = over().await;
        let wanted = StageRequest {
            call: CALL,
            stages: Stage::ALL.to_vec(),
            again: true,
            vad: VadRun::Again,
            at: WallTime(150),
        };
        store.request_stages(wanted).await.expect("request");
        assert_eq!(store.due_stage(WallTime(200), false).await.expect("query"), None);
        let first = store.due_stage(WallTime(200), true).await.expect("query").expect("due");
        assert_eq!((first.stage, first.round, first.again), (Stage::Transcription, 2, true));
        assert_eq!(first.vad, VadRun::Again, "what was asked for is kept");
        store.begin_stage(&first, WallTime(200)).await.expect("begin");
        assert_eq!(store.due_stage(WallTime(200), false).await.expect("query"), None, "while it is read");
        store.end_stage(&first, made("{}"), WallTime(201)).await.expect("end");
        assert_eq!(make_all(&store).await, Stage::ALL[1..]);
        let wanted = StageRequest {
            call: CALL,
            stages: Stage::ALL.to_vec(),
            again: false,
            vad: VadRun::Again,
            at: WallTime(300),
        };
        store.request_stages(wanted).await.expect("request");
        let rows = store.stages(CALL).await.expect("query");
        assert!(rows.iter().all(|row| row.vad == VadRun::Kept), "no VAD without the sound: {rows:?}");
    }

    #[tokio::test]
    async fn a_stage_at_which_the_process_ended_waits_again_and_not_for_ever() {
        let (_folder, store) = over().await;
        for time in 1..=3 {
            let stage = store.due_stage(WallTime(200), false).await.expect("query").expect("due");
            assert_eq!(stage.stage, Stage::Transcription);
            store.begin_stage(&stage, WallTime(200)).await.expect("begin");
            assert_eq!(store.take_up_stages(3, WallTime(200)).await.expect("start"), 1, "time {time}");
        }
        let first = store.stages(CALL).await.expect("query").remove(0);
        assert_eq!(first.state, StageState::Failed);
        assert!(first.error.is_some_and(|error| error.contains("3 times")), "it says why");
        let next = store.due_stage(WallTime(200), false).await.expect("query").expect("due");
        assert_eq!(next.stage, Stage::Translation, "the others are not lost");
        let counts = store.stage_counts(WallTime(0)).await.expect("query");
        assert!(counts.counts.contains(&(Stage::Transcription, StageState::Failed, 1)), "{counts:?}");
        assert_eq!((counts.waiting, counts.oldest), (1, Some(WallTime(100))));
    }
}
