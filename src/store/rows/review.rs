//! Writes the review of a finished call.

use rusqlite::{Connection, named_params};

use crate::call::{CallKey, Level, WallTime};

/// A review of a call that is over.
#[derive(Clone, Debug, PartialEq)]
pub struct NewReview {
    /// Row number of the call.
    pub call: CallKey,
    /// The row of `review_due` up to which this review settles everything.
    pub due: i64,
    /// Time of the review, wall clock.
    pub at: WallTime,
    /// Its result as the dialer has it.
    pub disposition: Option<String>,
    /// Segments.
    pub positive: i64,
    /// Segments.
    pub negative: i64,
    /// Points of the score card.
    pub points: f64,
    /// Points that could be got.
    pub points_of: f64,
    /// Speech of the agent, milliseconds.
    pub agent_speech_ms: Option<i64>,
    /// Speech of the caller, milliseconds.
    pub caller_speech_ms: Option<i64>,
    /// Speech on legs with both sides, milliseconds.
    pub mixed_speech_ms: Option<i64>,
    /// Silence beyond ordinary pauses, milliseconds.
    pub dead_air_ms: Option<i64>,
    /// The longest time in which nobody spoke, milliseconds.
    pub longest_silence_ms: Option<i64>,
    /// Time from the last word to the end of the audio, milliseconds.
    pub silent_end_ms: Option<i64>,
    /// Findings: dispositions that contradict the text.
    pub findings: Vec<NewFinding>,
}

/// A finding: a disposition that contradicts the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFinding {
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
    /// Row of the segment that shows it.
    pub segment: i64,
}

/// Puts a review in the place of the one before. A segment that is gone takes its finding along: then the call is due again.
pub(in crate::store) fn keep(db: &Connection, new: &NewReview) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT OR REPLACE INTO review
         (call, disposition, positive, negative, points, points_of, agent_speech_ms, caller_speech_ms, mixed_speech_ms, dead_air_ms, silent_end_ms,
          reviewed_ms, longest_silence_ms)
         SELECT id, :disposition, :positive, :negative, :points, :points_of, :agent, :caller, :mixed, :dead_air, :silent_end, :at, :longest_silence
         FROM call
         WHERE id = :call",
    )?
    .execute(named_params! {
        ":call": new.call.0, ":disposition": new.disposition, ":positive": new.positive, ":negative": new.negative,
        ":points": new.points, ":points_of": new.points_of, ":agent": new.agent_speech_ms, ":caller": new.caller_speech_ms,
        ":mixed": new.mixed_speech_ms, ":dead_air": new.dead_air_ms, ":silent_end": new.silent_end_ms, ":at": new.at.0,
        ":longest_silence": new.longest_silence_ms,
    })?;
    db.prepare_cached("DELETE FROM finding WHERE call = ?1")?.execute([new.call.0])?;
    for finding in &new.findings {
        db.prepare_cached(
            "INSERT OR IGNORE INTO finding (call, name, description, pack, level, disposition, segment)
             SELECT call, :name, :description, :pack, :level, :disposition, id
             FROM segment
             WHERE id = :segment AND call = :call",
        )?
        .execute(named_params! {
            ":call": new.call.0, ":segment": finding.segment, ":name": finding.name, ":description": finding.description,
            ":pack": finding.pack, ":level": finding.level.map(Level::as_str), ":disposition": finding.disposition,
        })?;
    }
    db.prepare_cached("DELETE FROM review_due WHERE call = ?1 AND id <= ?2")?.execute((new.call.0, new.due))?;
    Ok(())
}
