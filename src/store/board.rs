//! The live page's first answer: every call that is not over, its last words, the course of its sentiment, and the number of the last event that is
//! included.

use std::collections::HashMap;

use rusqlite::Row;

use super::{Store, StoreError};
use crate::call::{CallKey, Leg, WallTime};

/// Number of segments of a call whose sentiment is shown.
const COURSE: i64 = 40;

/// A running call's text, in short.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Compounds of the last segments, in order.
    pub compounds: Vec<f64>,
    /// The last segment: who, what, when in the call (milliseconds).
    pub last: Option<(Leg, String, i64)>,
}

/// Everything, as of one moment.
#[derive(Clone, Debug, Default)]
pub struct BoardSnapshot {
    /// Number of the last event that is in it.
    pub last_event: i64,
    /// The calls' courses, by call.
    pub courses: HashMap<CallKey, Course>,
}

pub(super) const COURSES: &str = "
    SELECT call, leg, text, start_ms, score
    FROM (
        SELECT segment.call, leg.leg, segment.text, segment.start_ms, segment.score, segment.id,
            row_number() OVER (PARTITION BY segment.call ORDER BY segment.start_ms DESC, segment.id DESC) AS place
        FROM call
        CROSS JOIN segment ON segment.call = call.id
        CROSS JOIN leg ON leg.id = segment.leg
        WHERE call.state IN ('active', 'connection_closed')
    )
    WHERE place <= ?1
    ORDER BY call, start_ms, id";
pub(super) const BEHIND: &str = "
    SELECT utterance.call, min(leg.started_ms + utterance.end_sample * 1000 / leg.rate_hz)
    FROM utterance
    JOIN leg ON leg.id = utterance.leg
    WHERE utterance.state IN ('waiting_for_model', 'pending')
    GROUP BY utterance.call";

/// Calls that began within [`RECENT_MS`], because an index finds those. Only a longer call can be missing here.
pub(super) const HUNG_UP: &str = "
    SELECT agent, closed_ms
    FROM call
    WHERE started_ms >= ?1 AND closed_ms >= ?2 AND agent IS NOT NULL AND (?3 IS NULL OR campaign = ?3)";
/// Calls that are looked at for who has hung up, by their begin.
const RECENT_MS: i64 = 2 * 3_600_000;

impl Store {
    /// Agents whose line was closed at or after `since`, with when it was closed last; of one campaign alone, where `only` names it.
    pub async fn hung_up(
        &self,
        since: WallTime,
        only: Option<String>,
    ) -> Result<HashMap<String, WallTime>, StoreError> {
        self.read(move |db| {
            let mut last: HashMap<String, WallTime> = HashMap::new();
            let row = |row: &Row| Ok((row.get(0)?, WallTime(row.get(1)?)));
            for closed in db.prepare_cached(HUNG_UP)?.query_map((since.0 - RECENT_MS, since.0, &only), row)? {
                let (agent, at) = closed?;
                let latest = last.entry(agent).or_insert(at);
                *latest = at.max(*latest);
            }
            Ok(last)
        })
        .await
    }

    /// The board as of its `last_event`, or of a moment after: an event that follows may be in it already.
    pub async fn board(&self) -> Result<BoardSnapshot, StoreError> {
        let last_event = self.last_event().await?;
        let courses = self
            .read(|db| {
                let mut courses: HashMap<CallKey, Course> = HashMap::new();
                let row = |row: &Row| {
                    Ok((CallKey(row.get(0)?), row.get(1)?, row.get::<_, String>(2)?, row.get(3)?, row.get(4)?))
                };
                for said in db.prepare_cached(COURSES)?.query_map([COURSE], row)? {
                    let (call, leg, text, start_ms, compound): (_, _, _, _, Option<f64>) = said?;
                    let course = courses.entry(call).or_default();
                    course.compounds.extend(compound);
                    course.last = Some((leg, text, start_ms));
                }
                Ok(courses)
            })
            .await?;
        Ok(BoardSnapshot { last_event, courses })
    }

    /// Calls with utterances that wait for their text, and when the oldest of these was said.
    pub async fn behind(&self) -> Result<HashMap<CallKey, WallTime>, StoreError> {
        self.read(|db| {
            let row = |row: &Row| Ok((CallKey(row.get(0)?), WallTime(row.get(1)?)));
            db.prepare_cached(BEHIND)?.query_map([], row)?.collect()
        })
        .await
    }
}
