//! The queue of calls to review, and the findings of their reviews.

use rusqlite::{Connection, OptionalExtension, Row};

pub use super::rows::review::{NewFinding, NewReview};
use super::{Store, StoreError};
use crate::call::{CallKey, Leg, Level, WallTime};

/// A call that is to be reviewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueReview {
    /// Row number of the call.
    pub call: CallKey,
    /// The row of `review_due` up to which a review does all.
    pub due: i64,
}

/// The noted result of a call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NotedRow {
    /// The disposition.
    pub disposition: Option<String>,
    /// The call's metadata.
    pub metadata: serde_json::Map<String, serde_json::Value>,
}

/// A call's review, without its findings.
#[derive(Clone, Debug, PartialEq)]
pub struct ReviewRow {
    /// The disposition that it was made with.
    pub disposition: Option<String>,
    /// Points of the score card.
    pub points: f64,
    /// Points that could be got.
    pub points_of: f64,
    /// Speech of all legs, milliseconds.
    pub speech_ms: Option<i64>,
    /// Silence beyond ordinary pauses, milliseconds.
    pub dead_air_ms: Option<i64>,
    /// Time from the last word to the end of the audio, milliseconds.
    pub silent_end_ms: Option<i64>,
    /// Time of the review, wall clock.
    pub at: WallTime,
}

/// A disposition that does not go with what was said, with the line that shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct FindingRow {
    /// Row number of the call.
    pub call: CallKey,
    /// Its public id.
    pub call_id: String,
    /// Time at which the call began.
    pub started: WallTime,
    /// Its agent.
    pub agent: Option<String>,
    /// The rule.
    pub name: String,
    /// The rule in a sentence.
    pub description: String,
    /// The pack it came from.
    pub pack: String,
    /// Level of the finding; `None` where the rule raises no alert.
    pub level: Option<Level>,
    /// The disposition.
    pub disposition: String,
    /// Row of the segment.
    pub segment: i64,
    /// The leg of the line.
    pub leg: Leg,
    /// Begin of the segment in the call, milliseconds.
    pub start_ms: i64,
    /// Its text.
    pub text: String,
}

pub(super) const DUE: &str = "SELECT call, id FROM review_due WHERE id > 0 ORDER BY id LIMIT ?1";
/// FreePBX's CDR word is no agent's disposition, and is left out. The dialer's row comes before the URL that the dialer called once.
pub(super) const NOTED: &str = "
    SELECT coalesce(dialer.disposition, json_extract(call.metadata, '$.disposition')), call.metadata
    FROM call
    LEFT JOIN dialer ON dialer.call = call.id AND dialer.system = 'vicidial'
    WHERE call.id = ?1";
pub(super) const REVIEW: &str = "
    SELECT disposition, points, points_of, coalesce(agent_speech_ms, caller_speech_ms, mixed_speech_ms) IS NOT NULL,
        coalesce(agent_speech_ms, 0) + coalesce(caller_speech_ms, 0) + coalesce(mixed_speech_ms, 0), dead_air_ms, silent_end_ms, reviewed_ms
    FROM review
    WHERE call = ?1";

/// The columns of [`finding`]. From calls to findings: an index of calls chooses.
macro_rules! findings {
    () => {
        "SELECT call.id, call.call_id, call.started_ms, call.agent, finding.name, finding.description, finding.pack, finding.level,
        finding.disposition, segment.id, coalesce(segment.said_by, leg.leg), segment.start_ms, segment.text
    FROM call
    CROSS JOIN finding ON finding.call = call.id
    CROSS JOIN segment ON segment.id = finding.segment
    CROSS JOIN leg ON leg.id = segment.leg
    "
    };
}
pub(super) use findings;

pub(super) const OF_CALL: &str = concat!(findings!(), "WHERE call.id = ?1");

pub(super) fn finding(row: &Row) -> rusqlite::Result<FindingRow> {
    Ok(FindingRow {
        call: CallKey(row.get(0)?),
        call_id: row.get(1)?,
        started: WallTime(row.get(2)?),
        agent: row.get(3)?,
        name: row.get(4)?,
        description: row.get(5)?,
        pack: row.get(6)?,
        level: row.get::<_, Option<String>>(7)?.as_deref().and_then(Level::parse),
        disposition: row.get(8)?,
        segment: row.get(9)?,
        leg: row.get(10)?,
        start_ms: row.get(11)?,
        text: row.get(12)?,
    })
}

fn review(row: &Row) -> rusqlite::Result<ReviewRow> {
    let (known, speech_ms): (bool, i64) = (row.get(3)?, row.get(4)?);
    Ok(ReviewRow {
        disposition: row.get(0)?,
        points: row.get(1)?,
        points_of: row.get(2)?,
        speech_ms: known.then_some(speech_ms),
        dead_air_ms: row.get(5)?,
        silent_end_ms: row.get(6)?,
        at: WallTime(row.get(7)?),
    })
}

fn noted(db: &Connection, call: CallKey) -> rusqlite::Result<NotedRow> {
    let row = |row: &Row| {
        let disposition: Option<rusqlite::types::Value> = row.get(0)?;
        let disposition = match disposition {
            Some(rusqlite::types::Value::Text(text)) if !text.is_empty() => Some(text),
            // A disposition that the sender wrote as a number.
            Some(rusqlite::types::Value::Integer(number)) => Some(number.to_string()),
            _ => None,
        };
        let metadata = serde_json::from_str(&row.get::<_, String>(1)?).unwrap_or_default();
        Ok(NotedRow { disposition, metadata })
    };
    Ok(db.prepare_cached(NOTED)?.query_row([call.0], row).optional()?.unwrap_or_default())
}

impl Store {
    /// Calls to be reviewed, in the order in which they became due, from this many rows at most.
    pub async fn due_reviews(&self, rows: u32) -> Result<Vec<DueReview>, StoreError> {
        self.read(move |db| {
            let mut all: Vec<DueReview> = Vec::new();
            let mut query = db.prepare_cached(DUE)?;
            let mut found = query.query([rows])?;
            while let Some(row) = found.next()? {
                let (call, due) = (CallKey(row.get(0)?), row.get(1)?);
                match all.iter_mut().find(|other| other.call == call) {
                    Some(other) => other.due = due,
                    None => all.push(DueReview { call, due }),
                }
            }
            Ok(all)
        })
        .await
    }

    /// A call that was due is not over after all.
    pub async fn not_over(&self, due: DueReview) -> Result<(), StoreError> {
        let gone = "DELETE FROM review_due WHERE call = ?1 AND id <= ?2";
        self.writer().run(move |db| db.execute(gone, (due.call.0, due.due))).await.map(|_| ())
    }

    /// The noted result of a call.
    pub async fn noted(&self, call: CallKey) -> Result<NotedRow, StoreError> {
        self.read(move |db| noted(db, call)).await
    }

    /// A call's review; `None` before there is one.
    pub async fn review(&self, call: CallKey) -> Result<Option<ReviewRow>, StoreError> {
        self.read(move |db| db.prepare_cached(REVIEW)?.query_row([call.0], review).optional()).await
    }

    /// Dispositions of a call that contradict its text.
    pub async fn findings(&self, call: CallKey) -> Result<Vec<FindingRow>, StoreError> {
        self.read(move |db| db.prepare_cached(OF_CALL)?.query_map([call.0], finding)?.collect()).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CallState;
    use crate::store::change::Change;

    const CALL: CallKey = CallKey(1);

    fn found(name: &str, segment: i64) -> NewFinding {
        NewFinding {
            name: name.into(),
            description: "d".into(),
            pack: "p".into(),
            level: Some(Level::Urgent),
            disposition: "NI".into(),
            segment,
        }
    }

    fn reviewed(due: i64, findings: Vec<NewFinding>) -> Change {
        Change::Reviewed(Box::new(NewReview {
            call: CALL,
            due,
            at: WallTime(9),
            disposition: Some("NI".into()),
            positive: 1,
            negative: 2,
            points: 30.0,
            points_of: 60.0,
            agent_speech_ms: Some(1000),
            caller_speech_ms: None,
            mixed_speech_ms: Some(0),
            dead_air_ms: None,
            longest_silence_ms: None,
            silent_end_ms: Some(500),
            findings,
        }))
    }

    async fn run(store: &Store, sql: &'static str) {
        store.writer().run(move |db| db.execute_batch(sql)).await.expect(sql);
    }

    async fn due(store: &Store) -> Vec<DueReview> {
        store.due_reviews(10).await.expect("query")
    }

    async fn with_a_call() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().expect("temp dir");
        let (store, _) = Store::open(folder.path()).expect("open");
        run(
            &store,
            "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, agent) VALUES (1, 'c.1', 'eagi', 'active', 5, 5, '1001');
             INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, owned) VALUES (1, 1, 'caller', 'eagi', 8000, 5, 0, '', 1);
             INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state) VALUES (1, 1, 1, 0, 8, 0, 1, 'done');
             INSERT INTO segment
                 (id, call, leg, utterance, start_ms, end_ms, text, confidence, words, compound, pos, neu, neg, label, keywords, profanity)
             VALUES (7, 1, 1, 1, 40, 90, 'stop calling me', 1, '[]', 0, 0, 0, 0, 'neutral', '[]', '[]');",
        )
        .await;
        (folder, store)
    }

    #[tokio::test]
    async fn a_call_is_due_when_it_ends_and_again_when_its_result_or_its_text_is_another() {
        let (_folder, store) = with_a_call().await;
        let ended = Change::CallMoved { call: CALL, state: CallState::Completed, at: WallTime(8), reason: None };
        assert_eq!(due(&store).await, []);
        run(&store, "UPDATE call SET metadata = '{\"disposition\": \"NI\"}'").await;
        assert_eq!(due(&store).await, [], "while it runs nothing is due");
        store.writer().commit(vec![ended.clone()]).await.expect("commit");
        assert_eq!(due(&store).await, [DueReview { call: CALL, due: 1 }]);
        assert_eq!(store.noted(CALL).await.expect("query").disposition.as_deref(), Some("NI"));
        store.writer().commit(vec![ended, reviewed(1, vec![found("dnc", 7)])]).await.expect("commit");
        assert_eq!(due(&store).await, [], "it ended once");
        let dialer = "INSERT OR REPLACE INTO dialer (call, system, disposition, asked_ms, tries, complete) VALUES (1, 'vicidial', 'NI', 1, 1, 0)";
        run(&store, dialer).await;
        assert_eq!(due(&store).await, [], "the dialer knows nothing new");
        let other = "INSERT OR REPLACE INTO dialer (call, system, disposition, asked_ms, tries, complete) VALUES (1, 'vicidial', 'DNC', 2, 2, 1)";
        run(&store, other).await;
        run(&store, "UPDATE call SET figures = figures").await;
        assert_eq!(due(&store).await, [DueReview { call: CALL, due: 3 }], "two reasons are one review");
        assert_eq!(store.noted(CALL).await.expect("query").disposition.as_deref(), Some("DNC"));
        store.writer().commit(vec![reviewed(2, Vec::new())]).await.expect("commit");
        assert_eq!(due(&store).await, [DueReview { call: CALL, due: 3 }], "the later reason stays");
        store.writer().run(|db| db.execute("DELETE FROM call", [])).await.expect("delete");
        assert_eq!(due(&store).await, []);
    }

    #[tokio::test]
    async fn what_freepbx_calls_a_disposition_is_none_of_an_agent() {
        let (_folder, store) = with_a_call().await;
        run(&store, "UPDATE call SET state = 'completed'; DELETE FROM review_due").await;
        run(&store, "INSERT INTO dialer (call, system, disposition, asked_ms, tries, complete) VALUES (1, 'freepbx', 'ANSWERED', 1, 1, 1)").await;
        assert_eq!((due(&store).await, store.noted(CALL).await.expect("query").disposition), (Vec::new(), None));
    }

    #[tokio::test]
    async fn a_finding_tells_its_line_and_goes_with_it() {
        let (_folder, store) = with_a_call().await;
        store.writer().commit(vec![reviewed(0, vec![found("dnc", 7), found("gone", 8)])]).await.expect("commit");
        let told = store.findings(CALL).await.expect("query");
        let [one] = told.as_slice() else { panic!("{told:?}") };
        assert_eq!(
            (one.name.as_str(), one.text.as_str(), one.leg, one.start_ms),
            ("dnc", "stop calling me", Leg::Caller, 40)
        );
        assert_eq!((one.level, one.agent.as_deref()), (Some(Level::Urgent), Some("1001")));
        let review = store.review(CALL).await.expect("query").expect("a review");
        assert_eq!((review.speech_ms, review.dead_air_ms, review.silent_end_ms), (Some(1000), None, Some(500)));
        run(&store, "UPDATE segment SET text = 'stop [name] me' WHERE id = 7").await;
        assert_eq!(store.findings(CALL).await.expect("query")[0].text, "stop [name] me", "redacted with its segment");
        run(&store, "DELETE FROM segment").await;
        assert_eq!(store.findings(CALL).await.expect("query"), []);
    }
}
