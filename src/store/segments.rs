//! The text of calls: the segments of one call, and full-text search over all.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params_from_iter};
use serde_json::Value as Json;

use super::calls::Which;
use super::{Store, StoreError};
use crate::call::{CallKey, Leg, WallTime};

/// A segment as the API shows it.
#[derive(Clone, Debug)]
pub struct SegmentRow {
    /// Row number.
    pub id: i64,
    /// Start in the call, milliseconds.
    pub start_ms: i64,
    /// End in the call, milliseconds.
    pub end_ms: i64,
    /// The words.
    pub text: String,
    /// Mean probability of its tokens, 0 to 1.
    pub confidence: f64,
    /// Language code.
    pub language: Option<String>,
    /// Word list, JSON.
    pub words: Json,
    /// VADER compound score, -1 to 1; `None` in a language without a list.
    pub compound: Option<f64>,
    /// Share of positive words, 0 to 1.
    pub pos: f64,
    /// Share of neutral words, 0 to 1.
    pub neu: f64,
    /// Share of negative words, 0 to 1.
    pub neg: f64,
    /// positive, neutral, negative, unavailable.
    pub label: String,
    /// List of {term, label}.
    pub keywords: Json,
    /// List of {term, label}.
    pub profanity: Json,
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// The speaker: by the leg, or by a correction.
    pub speaker: Leg,
    /// Engine and model that wrote it.
    pub engine: Option<String>,
    /// Sentiment that the sending platform gave it, -1 to 1.
    pub sender_sentiment: Option<f64>,
}

impl SegmentRow {
    /// Whether its sound was heard here. Of text that another platform sent, nobody knows how long it took.
    pub fn was_heard(&self) -> bool {
        !self.engine.as_deref().is_some_and(|engine| engine.starts_with(INGESTED))
    }
}

/// Beginning of the engine's name for text that another platform has sent; the platform's name follows.
pub const INGESTED: &str = "ingest/";

/// A place where something was said.
#[derive(Clone, Debug)]
pub struct FoundSegment {
    /// Id of the call.
    pub call_id: String,
    /// Time at which the call began.
    pub started: WallTime,
    /// Its agent.
    pub agent: Option<String>,
    /// Its campaign.
    pub campaign: Option<String>,
    /// The segment.
    pub segment: SegmentRow,
    /// The text with the words found between `<b>` and `</b>`, nothing else marked up.
    pub snippet: String,
}

const COLUMNS: &str = "segment.id, segment.start_ms, segment.end_ms, segment.text, segment.confidence, segment.language, segment.words, \
    segment.score, segment.pos, segment.neu, segment.neg, segment.label, segment.keywords, segment.profanity, leg.leg, utterance.engine, \
    segment.sender_sentiment, coalesce(segment.said_by, leg.leg)";

pub(super) fn of_call() -> String {
    format!(
        "SELECT {COLUMNS}
         FROM segment
         JOIN leg ON leg.id = segment.leg
         JOIN utterance ON utterance.id = segment.utterance
         WHERE segment.call = ?1
         ORDER BY segment.start_ms, segment.id"
    )
}

/// The text of the live call: what was kept of it, and what was never made again.
pub(super) const LIVE: &str = "
    SELECT live_text.segment, live_text.start_ms, live_text.end_ms, live_text.text, live_text.confidence, live_text.language, live_text.words,
        live_text.score, live_text.pos, live_text.neu, live_text.neg, live_text.label, live_text.keywords, live_text.profanity, leg.leg,
        live_text.engine, live_text.sender_sentiment, leg.leg
    FROM live_text
    JOIN leg ON leg.id = live_text.leg
    WHERE live_text.call = ?1
    ORDER BY live_text.start_ms, live_text.segment";

pub(super) fn never_again() -> String {
    format!(
        "SELECT {COLUMNS}
         FROM segment
         CROSS JOIN leg ON leg.id = segment.leg
         CROSS JOIN utterance ON utterance.id = segment.utterance
         WHERE segment.call = ?1 AND utterance.again_ms IS NULL
         ORDER BY segment.start_ms, segment.id"
    )
}

/// Whether a call was transcribed again. Then its live text is kept, also where the VAD was run again and found nothing.
pub(super) const AGAIN: &str = "
    SELECT 1 FROM utterance WHERE call = ?1 AND again_ms IS NOT NULL
    UNION ALL
    SELECT 1 FROM live_text WHERE call = ?1
    LIMIT 1";

/// A stretch of speech on a leg with audio: it has become text, could not be decoded, or waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Direction of the sound: agent, caller or mixed.
    pub leg: Leg,
    /// Begin in the call, milliseconds, with the air that was cut along.
    pub start_ms: i64,
    /// End in the call, milliseconds.
    pub end_ms: i64,
    /// Whether it was transcribed; otherwise it may hold no words.
    pub read: bool,
}

pub(super) const SPOKEN: &str = "
    SELECT leg.leg, utterance.start_ms, utterance.end_ms, utterance.state IN ('done', 'failed')
    FROM utterance
    JOIN leg ON leg.id = utterance.leg
    WHERE utterance.call = ?1 AND utterance.state <> 'empty' AND leg.path <> ''
    ORDER BY utterance.id";

/// Filter and place of a search.
#[derive(Clone, Debug, Default)]
pub struct SearchFilter {
    /// The query in FTS5's language, made by [`fts_query`].
    pub query: String,
    /// Conditions that choose the calls.
    pub which: Which,
    /// Said by this side.
    pub leg: Option<String>,
    /// Newest first, at most.
    pub limit: u32,
    /// Number of hits to skip.
    pub offset: u32,
}

/// Words and quoted phrases in one search, at most: each costs a walk through its list.
const TERMS: usize = 20;
/// Beginnings (`refu*`) among them: each costs a walk through the lists of all words that begin so.
const BEGINNINGS: usize = 4;

/// Reason why a query is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// Nothing but marks.
    #[error("no letter or digit in it")]
    Empty,
    /// Too many terms.
    #[error("more than {TERMS} different words and phrases")]
    Terms,
    /// Too many beginnings.
    #[error("more than {BEGINNINGS} different beginnings of words (with * at the end)")]
    Beginnings,
}

/// Converts a typed query to FTS5: every word must be said, "quoted words" in a row, a trailing * finds beginnings. A repeated word counts once.
pub fn fts_query(typed: &str) -> Result<String, QueryError> {
    terms(typed).map(|terms| terms.join(" "))
}

/// The same where any of the words will do: for a search that ranks, of questions that nobody has said word for word.
pub fn fts_query_of_any(typed: &str) -> Result<String, QueryError> {
    terms(typed).map(|terms| terms.join(" OR "))
}

fn terms(typed: &str) -> Result<Vec<String>, QueryError> {
    let mut parts: Vec<String> = Vec::new();
    for (i, piece) in typed.split('"').enumerate() {
        let phrases: Vec<&str> = if i % 2 == 1 { vec![piece] } else { piece.split_whitespace().collect() };
        for phrase in phrases {
            let prefix = if i % 2 == 0 && phrase.ends_with('*') { "*" } else { "" };
            let clean: String = phrase.chars().map(|c| if c.is_alphanumeric() { c } else { ' ' }).collect();
            let clean = clean.split_whitespace().collect::<Vec<_>>().join(" ");
            if !clean.is_empty() {
                let part = format!("\"{}\"{prefix}", clean.to_lowercase());
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
    }
    if parts.is_empty() {
        return Err(QueryError::Empty);
    }
    if parts.len() > TERMS {
        return Err(QueryError::Terms);
    }
    if parts.iter().filter(|part| part.ends_with('*')).count() > BEGINNINGS {
        return Err(QueryError::Beginnings);
    }
    Ok(parts)
}

impl SearchFilter {
    fn conditions(&self) -> (Vec<&str>, Vec<Value>) {
        let mut conditions = vec![("segment_fts MATCH ?", vec![self.query.clone().into()])];
        conditions.extend(self.which.conditions());
        conditions.extend(self.leg.clone().map(|leg| ("coalesce(segment.said_by, leg.leg) = ?", vec![leg.into()])));
        let (clauses, values): (Vec<&str>, Vec<Vec<Value>>) = conditions.into_iter().unzip();
        (clauses, values.concat())
    }

    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let (clauses, mut values) = self.conditions();
        values.extend([i64::from(self.limit).into(), i64::from(self.offset).into()]);
        let sql = format!(
            "SELECT {COLUMNS}, call.call_id, call.started_ms, call.agent, call.campaign, snippet(segment_fts, 0, '<b>', '</b>', '…', 24)
             FROM segment_fts
             CROSS JOIN segment ON segment.id = segment_fts.rowid
             CROSS JOIN leg ON leg.id = segment.leg
             CROSS JOIN utterance ON utterance.id = segment.utterance
             CROSS JOIN call ON call.id = segment.call
             WHERE {}
             ORDER BY segment_fts.rowid DESC
             LIMIT ? OFFSET ?",
            clauses.join(" AND ")
        );
        (sql, values)
    }

    /// Row numbers alone, best first.
    pub(super) fn ranked_sql(&self, most: usize) -> (String, Vec<Value>) {
        let (clauses, mut values) = self.conditions();
        values.push((most as i64).into());
        let sql = format!(
            "SELECT segment_fts.rowid
             FROM segment_fts
             CROSS JOIN segment ON segment.id = segment_fts.rowid
             CROSS JOIN leg ON leg.id = segment.leg
             CROSS JOIN call ON call.id = segment.call
             WHERE {}
             ORDER BY bm25(segment_fts), segment_fts.rowid DESC
             LIMIT ?",
            clauses.join(" AND ")
        );
        (sql, values)
    }
}

/// A segment as a search shows it, without words to be marked.
pub(super) fn found_by_id(db: &Connection, segment: i64) -> rusqlite::Result<Option<FoundSegment>> {
    let sql = format!(
        "SELECT {COLUMNS}, call.call_id, call.started_ms, call.agent, call.campaign, segment.text
         FROM segment
         JOIN leg ON leg.id = segment.leg
         JOIN utterance ON utterance.id = segment.utterance
         JOIN call ON call.id = segment.call
         WHERE segment.id = ?1"
    );
    db.prepare_cached(&sql)?.query_row([segment], found).optional()
}

fn found(row: &Row) -> rusqlite::Result<FoundSegment> {
    Ok(FoundSegment {
        segment: segment_row(row)?,
        call_id: row.get(18)?,
        started: WallTime(row.get(19)?),
        agent: row.get(20)?,
        campaign: row.get(21)?,
        snippet: row.get(22)?,
    })
}

fn segment_row(row: &Row) -> rusqlite::Result<SegmentRow> {
    let json = |column| row.get::<_, String>(column).map(|text| serde_json::from_str(&text).unwrap_or_default());
    Ok(SegmentRow {
        id: row.get(0)?,
        start_ms: row.get(1)?,
        end_ms: row.get(2)?,
        text: row.get(3)?,
        confidence: row.get(4)?,
        language: row.get(5)?,
        words: json(6)?,
        compound: row.get(7)?,
        pos: row.get(8)?,
        neu: row.get(9)?,
        neg: row.get(10)?,
        label: row.get(11)?,
        keywords: json(12)?,
        profanity: json(13)?,
        leg: row.get(14)?,
        engine: row.get(15)?,
        sender_sentiment: row.get(16)?,
        speaker: row.get(17)?,
    })
}

impl Store {
    /// A call's text in order of time.
    pub async fn segments(&self, call: CallKey) -> Result<Vec<SegmentRow>, StoreError> {
        self.read(move |db| db.prepare_cached(&of_call())?.query_map([call.0], segment_row)?.collect()).await
    }

    /// Whether a call was transcribed again.
    pub async fn was_transcribed_again(&self, call: CallKey) -> Result<bool, StoreError> {
        self.read(move |db| db.prepare_cached(AGAIN)?.exists([call.0])).await
    }

    /// The same as it was before the call was transcribed again; `None` where it never was. What was taken out of it is not there.
    pub async fn live_segments(&self, call: CallKey) -> Result<Option<Vec<SegmentRow>>, StoreError> {
        self.read(move |db| {
            if !db.prepare_cached(AGAIN)?.exists([call.0])? {
                return Ok(None);
            }
            let mut rows: Vec<SegmentRow> = Vec::new();
            for sql in [LIVE, never_again().as_str()] {
                let found = db.prepare_cached(sql)?.query_map([call.0], segment_row)?.collect::<Result<Vec<_>, _>>()?;
                rows.extend(found);
            }
            rows.sort_by_key(|row| (row.start_ms, row.id));
            Ok(Some(rows))
        })
        .await
    }

    /// Stretches of speech, in order of time.
    pub async fn spoken(&self, call: CallKey) -> Result<Vec<Spoken>, StoreError> {
        self.read(move |db| {
            let row = |row: &Row| {
                let leg = Leg::parse(&row.get::<_, String>(0)?).unwrap_or(Leg::Mixed);
                Ok(Spoken { leg, start_ms: row.get(1)?, end_ms: row.get(2)?, read: row.get(3)? })
            };
            db.prepare_cached(SPOKEN)?.query_map([call.0], row)?.collect()
        })
        .await
    }

    /// Hits of a search by words, newest first.
    pub async fn search(&self, mut filter: SearchFilter) -> Result<Vec<FoundSegment>, StoreError> {
        // FTS5 is not interrupted while it puts the lists of a beginning together.
        let long = filter.query.contains('*');
        self.read_for(long, move |db| {
            filter.which.spell(db)?;
            let (sql, values) = filter.sql();
            db.prepare_cached(&sql)?.query_map(params_from_iter(values), found)?.collect()
        })
        .await
    }
}
