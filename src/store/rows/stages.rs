//! Stages of finished calls: how their rows are written.

use rusqlite::{Connection, named_params};

use super::tags::NewTag;
use crate::call::{CallKey, Stage, StageState, VadRun, WallTime};

/// Stages that are to be made, or made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageRequest {
    /// Row number of the call.
    pub call: CallKey,
    /// The stages to be made.
    pub stages: Vec<Stage>,
    /// Whether transcription, where it is among them, is done again from the sound.
    pub again: bool,
    /// Whether the VAD is run again before that.
    pub vad: VadRun,
    /// Time of the request.
    pub at: WallTime,
}

/// Result of a try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StageOutcome {
    /// `Pending` where it is tried again.
    pub state: StageState,
    /// JSON, where there is a result.
    pub result: Option<String>,
    /// Engine or rules that made it.
    pub engine: Option<String>,
    /// Its model, or the packs.
    pub model: Option<String>,
    /// Reason of a failed, skipped or unavailable stage; for a result the missing part.
    pub error: Option<String>,
    /// Time of the next try.
    pub next: WallTime,
    /// The tags that packs give by it; `None` where it gives none.
    pub tags: Option<Vec<NewTag>>,
}

/// Puts stages into the queue. Their results stay until there are new ones.
pub(in crate::store) fn request(db: &Connection, wanted: &StageRequest) -> rusqlite::Result<()> {
    for stage in &wanted.stages {
        let again = wanted.again && *stage == Stage::Transcription;
        db.prepare_cached(
            "INSERT INTO stage (call, place, stage, again, vad, next_ms, queued_ms)
             SELECT id, :place, :stage, :again, :vad, :at, :at FROM call WHERE id = :call
             ON CONFLICT (call, place) DO UPDATE
             SET state = 'pending', again = excluded.again, vad = excluded.vad, round = round + 1, tries = 0, next_ms = excluded.next_ms,
                 queued_ms = excluded.queued_ms, started_ms = NULL, done_ms = NULL, error = NULL",
        )?
        .execute(named_params! {
            ":call": wanted.call.0, ":place": *stage as i64, ":stage": stage.as_str(), ":at": wanted.at.0, ":again": again,
            ":vad": again && wanted.vad == VadRun::Again,
        })?;
    }
    Ok(())
}

/// Requests the stages of a call that has ended, unless its mode leaves that to people.
pub(in crate::store) fn ended(db: &Connection, call: CallKey, at: WallTime) -> rusqlite::Result<()> {
    let by_itself = "SELECT 1 FROM call WHERE id = ?1 AND mode IS NOT 'realtime'";
    if db.prepare_cached(by_itself)?.exists([call.0])? {
        request(db, &StageRequest { call, stages: Stage::ALL.to_vec(), again: false, vad: VadRun::Kept, at })?;
    }
    Ok(())
}

/// The text of a call is another: what was made of it is made again. What waits for its first turn waits on.
pub(in crate::store) fn text_is_new(db: &Connection, call: CallKey, at: WallTime) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE stage
         SET state = 'pending', result = NULL, round = round + 1, tries = 0, next_ms = ?2, started_ms = NULL, done_ms = NULL, error = NULL
         WHERE call = ?1 AND place > 0",
    )?
    .execute((call.0, at.0))?;
    Ok(())
}
