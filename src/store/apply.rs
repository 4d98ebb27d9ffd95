//! The writer's statements: how each change alters the rows.
//!
//! They run inside the writer's transaction, with a savepoint for each set of changes. Nothing here waits or knows of the queue.

use std::path::Path;

use rusqlite::{Connection, OptionalExtension, named_params};

use super::change::{
    CallFigures, Change, NamedRow, NewCall, NewEvent, NewLeg, NewSegment, NewUtterance, UtteranceState,
};
use super::rows::events::StoredEvent;
use super::rows::{
    dialer, dialer_writes, fetches, notifications, pbx, privacy, recordings, review, stages, tags, tokens,
};
use crate::call::{BootClock, CallId, CallKey, CallNames, CallState, CallTime, LegKey, UtteranceKey, WallTime};

/// Applies changes that belong together, in order; their events are added to `events`, to be published after the commit.
pub(super) fn apply_set(db: &Connection, changes: &[Change], events: &mut Vec<StoredEvent>) -> rusqlite::Result<()> {
    for change in changes {
        match change {
            Change::Access(change) => tokens::apply(db, change)?,
            Change::CallOpened(call) => call_opened(db, call)?,
            Change::CallNamed { call, names } => call_named(db, *call, names)?,
            Change::CallRenamed { call, id } => call_renamed(db, *call, id)?,
            Change::AlsoNamed { whose, id } => also_named(db, *whose, id.as_str())?,
            Change::CallMerged { from, into } => call_merged(db, *from, *into)?,
            Change::CallBegins { call, at } => call_begins(db, *call, *at)?,
            Change::CallStepped { call, ms } => {
                db.prepare_cached("UPDATE call SET stepped_ms = ?2 WHERE id = ?1")?.execute((call.0, ms))?;
            }
            Change::ClockSeen(clock) => clock_seen(db, clock)?,
            Change::CallMoved { call, state, at, reason } => call_moved(db, *call, *state, *at, reason.as_deref())?,
            Change::CallFigures { call, figures } => call_figures(db, *call, figures)?,
            Change::CallRisk { call, score, parts } => call_risk(db, *call, *score, &parts.to_string())?,
            Change::AlertRaised(alert) => {
                if let Some(event) = super::alert_changes::raise(db, alert)? {
                    events.push(add_event(db, &event)?);
                }
            }
            Change::AlertRevised { alert, says } => super::alert_changes::revise(db, *alert, says)?,
            Change::AlertAcknowledged { alert, by, at } => {
                if let Some(event) = super::alert_changes::acknowledge(db, *alert, by, *at)? {
                    events.push(add_event(db, &event)?);
                }
            }
            Change::NotifierFilled { notifier, levels, at } => notifications::fill(db, notifier, levels, *at)?,
            Change::NotificationTried { id, tried, at } => notifications::note(db, *id, tried, *at)?,
            Change::LegOpened(leg) => leg_opened(db, leg)?,
            Change::LegGrown { leg, samples, at } => leg_grown(db, *leg, *samples, *at)?,
            Change::ChunkTaken { call } => {
                db.prepare_cached("UPDATE call SET audio_chunks = audio_chunks + 1 WHERE id = ?1")?
                    .execute([call.0])?;
            }
            Change::LegClosed { leg, samples, reason, at } => leg_closed(db, *leg, *samples, reason, *at)?,
            Change::LegLabelled { leg, label } => {
                db.prepare_cached("UPDATE leg SET leg = ?2 WHERE id = ?1")?.execute((leg.0, label.as_str()))?;
            }
            Change::LegHeard { leg, from, to } => leg_heard(db, *leg, *from, *to)?,
            Change::LegWhy { leg, why } => {
                db.prepare_cached("UPDATE leg SET why = ?2 WHERE id = ?1")?.execute((leg.0, why))?;
            }
            Change::LegMoved { leg, path, owned } => leg_moved(db, *leg, path, *owned)?,
            Change::UtteranceFound(utterance) => utterance_found(db, utterance)?,
            Change::UtteranceWaits { utterance, state } => utterance_waits(db, *utterance, *state)?,
            Change::ModelArrived => {
                db.execute("UPDATE utterance SET state = 'pending' WHERE state = 'waiting_for_model'", [])?;
            }
            Change::UtteranceDone { utterance, state, segments, note, engine, took_ms, at, lag_ms } => {
                let first = db
                    .prepare_cached(
                        "UPDATE utterance
                         SET state = ?2, note = ?3, engine = ?4, took_ms = ?5, done_ms = ?6, lag_ms = ?7
                         WHERE id = ?1 AND state IN ('waiting_for_model', 'pending')",
                    )?
                    .execute((utterance.0, word(*state), note, engine, took_ms, at.0, lag_ms))?;
                if first == 0 {
                    // It already had its text, or was never there: the set that brings it again is left out whole.
                    return Ok(());
                }
                add_segments(db, *utterance, segments, *at)?;
            }
            Change::Dtmf { leg, at, digit } => dtmf(db, *leg, *at, *digit)?,
            Change::Recording { row, at } => recordings::note(db, row, *at)?,
            Change::PbxEvent(event) => pbx::add(db, event)?,
            Change::Privacy(change) => privacy::apply(db, change)?,
            Change::Dialer(row) => dialer::note(db, row)?,
            Change::Reviewed(new) => review::keep(db, new)?,
            Change::Fetch(change) => fetches::apply(db, change)?,
            Change::DialerWrite(change) => dialer_writes::apply(db, change)?,
            Change::Event(event) => events.push(add_event(db, event)?),
        }
    }
    Ok(())
}

fn clock_seen(db: &Connection, clock: &BootClock) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT OR REPLACE INTO clock (one, boot, ahead_ms) VALUES (1, ?1, ?2)")?
        .execute((&clock.boot, clock.ahead_ms))?;
    Ok(())
}

fn call_risk(db: &Connection, call: CallKey, score: f64, parts: &str) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE call SET risk = ?2, risk_parts = ?3 WHERE id = ?1")?.execute((call.0, score, parts))?;
    Ok(())
}

fn leg_grown(db: &Connection, leg: LegKey, samples: u64, at: WallTime) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE leg SET samples = max(samples, ?2), last_audio_ms = ?3 WHERE id = ?1")?.execute((
        leg.0,
        samples as i64,
        at.0,
    ))?;
    grow_call(db, leg.0)?;
    Ok(())
}

fn leg_closed(db: &Connection, leg: LegKey, samples: u64, reason: &str, at: WallTime) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE leg SET samples = ?2, close_reason = ?3, closed_ms = ?4 WHERE id = ?1 AND closed_ms IS NULL",
    )?
    .execute((leg.0, samples as i64, reason, at.0))?;
    grow_call(db, leg.0)?;
    Ok(())
}

fn leg_moved(db: &Connection, leg: LegKey, path: &Path, owned: bool) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE leg SET path = ?2, owned = ?3, channel = CASE WHEN ?3 THEN 0 ELSE channel END WHERE id = ?1",
    )?
    .execute((leg.0, path.to_string_lossy(), owned))?;
    Ok(())
}

fn utterance_waits(db: &Connection, utterance: UtteranceKey, state: UtteranceState) -> rusqlite::Result<()> {
    db.prepare_cached("UPDATE utterance SET state = ?2 WHERE id = ?1 AND state IN ('waiting_for_model', 'pending')")?
        .execute((utterance.0, word(state)))?;
    Ok(())
}

fn dtmf(db: &Connection, leg: LegKey, at: CallTime, digit: char) -> rusqlite::Result<()> {
    db.prepare_cached("INSERT INTO dtmf (leg, at_ms, digit) VALUES (?1, ?2, ?3)")?.execute((
        leg.0,
        at.0,
        digit.to_string(),
    ))?;
    Ok(())
}

/// The word of an utterance's state in the database.
pub(super) const fn word(state: UtteranceState) -> &'static str {
    match state {
        UtteranceState::WaitingForModel => "waiting_for_model",
        UtteranceState::Pending => "pending",
        UtteranceState::Done => "done",
        UtteranceState::Empty => "empty",
        UtteranceState::Failed => "failed",
    }
}

fn call_opened(db: &Connection, call: &NewCall) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO call (id, call_id, source, state, started_ms, last_activity_ms, mode)
         VALUES (:id, :call_id, :source, 'active', :started, :started, :mode)
         ON CONFLICT DO NOTHING",
    )?
    .execute(named_params! {
        ":id": call.key.0, ":call_id": call.id.as_str(), ":source": call.source.as_str(), ":started": call.started.0, ":mode": call.mode.as_str(),
    })?;
    call_named(db, call.key, &call.names)
}

fn call_named(db: &Connection, call: CallKey, names: &CallNames) -> rusqlite::Result<()> {
    let metadata = names.metadata.as_ref().map(|map| serde_json::Value::Object(map.clone()).to_string());
    db.prepare_cached(
        "UPDATE call
         SET uuid = coalesce(:uuid, uuid),
             uniqueid = coalesce(:uniqueid, uniqueid),
             agent = coalesce(:agent, agent),
             campaign = coalesce(:campaign, campaign),
             lead = coalesce(:lead, lead),
             phone = coalesce(:phone, phone),
             metadata = CASE
                 WHEN length(json_patch(metadata, coalesce(:metadata, '{}'))) <= :longest
                 THEN json_patch(metadata, coalesce(:metadata, '{}'))
                 ELSE metadata
             END
         WHERE id = :id",
    )?
    .execute(named_params! {
        ":id": call.0, ":uuid": names.uuid, ":uniqueid": names.uniqueid, ":agent": names.agent, ":campaign": names.campaign,
        ":lead": names.lead, ":phone": names.phone, ":metadata": metadata, ":longest": 2 * CallNames::METADATA_BYTES as i64,
    })?;
    match &names.uuid {
        Some(uuid) => also_named(db, NamedRow::Call(call), CallId::from_lossy(uuid).as_str()),
        None => Ok(()),
    }
}

/// A name that no call has yet leads to a call.
fn also_named(db: &Connection, whose: NamedRow, alias: &str) -> rusqlite::Result<()> {
    let (table, column, row) = match whose {
        NamedRow::Call(call) => ("call", "id", call.0),
        NamedRow::Leg(leg) => ("leg", "call", leg.0),
    };
    db.prepare_cached(&format!(
        "INSERT INTO call_alias (alias, call)
         SELECT ?1, {column}
         FROM {table}
         WHERE id = ?2 AND NOT EXISTS (SELECT 1 FROM call AS other WHERE other.call_id = ?1)
         ON CONFLICT DO NOTHING"
    ))?
    .execute((alias, row))?;
    Ok(())
}

fn add_alias(db: &Connection, alias: &str, call: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO call_alias (alias, call) VALUES (?1, ?2) ON CONFLICT (alias) DO UPDATE SET call = excluded.call",
    )?
    .execute((alias, call))?;
    Ok(())
}

fn call_renamed(db: &Connection, call: CallKey, id: &CallId) -> rusqlite::Result<()> {
    let old: Option<String> = db
        .prepare_cached("SELECT call_id FROM call WHERE id = ?1")?
        .query_row([call.0], |row| row.get(0))
        .optional()?;
    let Some(old) = old.filter(|old| old != id.as_str()) else { return Ok(()) };
    db.prepare_cached("UPDATE call SET call_id = ?2 WHERE id = ?1")?.execute((call.0, id.as_str()))?;
    db.prepare_cached("DELETE FROM call_alias WHERE alias = ?1")?.execute([id.as_str()])?;
    add_alias(db, &old, call.0)
}

/// Moves all times inside a call by this many milliseconds.
fn shift_times(db: &Connection, call: i64, shift: i64) -> rusqlite::Result<()> {
    if shift == 0 {
        return Ok(());
    }
    db.prepare_cached("UPDATE leg SET offset_ms = offset_ms + ?2 WHERE call = ?1")?.execute((call, shift))?;
    for table in ["utterance", "segment", "live_text", "alert"] {
        db.execute(
            &format!("UPDATE {table} SET start_ms = start_ms + ?2, end_ms = end_ms + ?2 WHERE call = ?1"),
            (call, shift),
        )?;
    }
    Ok(())
}

fn call_begins(db: &Connection, call: CallKey, at: WallTime) -> rusqlite::Result<()> {
    let mut query = db.prepare_cached("SELECT started_ms FROM call WHERE id = ?1")?;
    let Some(started) = query.query_row([call.0], |row| row.get::<_, i64>(0)).optional()? else { return Ok(()) };
    let earlier = started - at.0;
    if earlier <= 0 {
        return Ok(());
    }
    shift_times(db, call.0, earlier)?;
    db.execute(
        "UPDATE call SET started_ms = ?2, audio_ms = CASE WHEN audio_ms > 0 THEN audio_ms + ?3 ELSE 0 END WHERE id = ?1",
        (call.0, at.0, earlier),
    )?;
    Ok(())
}

fn call_merged(db: &Connection, from: CallKey, into: CallKey) -> rusqlite::Result<()> {
    let start = |call: CallKey| -> rusqlite::Result<Option<((i64, i64), String)>> {
        db.prepare_cached("SELECT started_ms, stepped_ms, call_id FROM call WHERE id = ?1")?
            .query_row([call.0], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))
            .optional()
    };
    let (Some((from_start, from_id)), Some((into_start, _))) = (start(from)?, start(into)?) else { return Ok(()) };
    // By the present clock, which may have been stepped between the two.
    let now = |(started, stepped): (i64, i64)| started + stepped;
    let earliest = if now(from_start) < now(into_start) { from_start } else { into_start };
    for (call, start) in [(from.0, from_start), (into.0, into_start)] {
        let shift = now(start) - now(earliest);
        shift_times(db, call, shift)?;
    }
    tags::before_merge(db, [from, into])?;
    for table in [
        "leg",
        "utterance",
        "segment",
        "live_text",
        "event",
        "call_alias",
        "alert",
        "hold",
        "audit",
        "call_tag",
        "tag_reason",
        "tag_refused",
        "dialer",
        "dialer_write",
        "score_review",
        "calibration",
        "dispute",
    ] {
        db.execute(&format!("UPDATE OR REPLACE {table} SET call = ?2 WHERE call = ?1"), (from.0, into.0))?;
    }
    tags::after_merge(db, into)?;
    db.execute(
        "UPDATE call
         SET started_ms = ?2, stepped_ms = ?4, has_alerts = EXISTS (SELECT 1 FROM alert WHERE alert.call = call.id),
             audio_chunks = audio_chunks + (SELECT other.audio_chunks FROM call AS other WHERE other.id = ?3)
         WHERE id = ?1",
        (into.0, earliest.0, from.0, earliest.1),
    )?;
    db.execute("DELETE FROM call WHERE id = ?1", [from.0])?;
    // The review before was one of half of it.
    db.execute(
        "INSERT INTO review_due (call) SELECT id FROM call WHERE id = ?1 AND state IN ('completed', 'failed')",
        [into.0],
    )?;
    stages::text_is_new(db, into, WallTime(earliest.0))?;
    add_alias(db, &from_id, into.0)
}

fn call_moved(
    db: &Connection,
    call: CallKey,
    state: CallState,
    at: WallTime,
    reason: Option<&str>,
) -> rusqlite::Result<()> {
    let was: Option<CallState> =
        db.prepare_cached("SELECT state FROM call WHERE id = ?1")?.query_row([call.0], |row| row.get(0)).optional()?;
    db.prepare_cached(
        "UPDATE call
         SET state = :state,
             closed_ms = CASE :state WHEN 'active' THEN NULL WHEN 'connection_closed' THEN :at ELSE coalesce(closed_ms, :at) END,
             ended_ms = CASE WHEN :state IN ('completed', 'failed') THEN :at END,
             end_reason = coalesce(:reason, end_reason)
         WHERE id = :id",
    )?
    .execute(named_params! { ":id": call.0, ":state": state.as_str(), ":at": at.0, ":reason": reason })?;
    if matches!(state, CallState::Completed | CallState::Failed) && was.is_none_or(|was| was != state) {
        stages::ended(db, call, at)?;
    }
    Ok(())
}

pub(super) fn call_figures(db: &Connection, call: CallKey, figures: &CallFigures) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE call
         SET segments = ?2, sentiment = ?3, rolling = ?4, sentiment_min = ?5, sentiment_max = ?6, consecutive_negative = ?7, figures = ?8
         WHERE id = ?1",
    )?
    .execute((
        call.0,
        figures.segments,
        figures.sentiment,
        figures.rolling,
        figures.min,
        figures.max,
        figures.consecutive_negative,
        figures.detail.to_string(),
    ))?;
    Ok(())
}

fn leg_opened(db: &Connection, leg: &NewLeg) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO leg (id, call, leg, source, rate_hz, started_ms, offset_ms, path, channel, owned, peer)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (id) DO UPDATE SET closed_ms = NULL, close_reason = NULL",
    )?
    .execute((
        leg.key.0,
        leg.call.0,
        leg.leg.as_str(),
        leg.source.as_str(),
        leg.rate_hz,
        leg.started.0,
        leg.offset.0,
        leg.path.to_string_lossy(),
        leg.channel,
        leg.owned,
        leg.peer.as_deref(),
    ))?;
    Ok(())
}

fn leg_heard(db: &Connection, leg: LegKey, from: u64, to: Option<u64>) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO heard (leg, from_sample, to_sample)
         SELECT id, ?2, ?3 FROM leg WHERE id = ?1
         ON CONFLICT (leg, from_sample) DO UPDATE SET to_sample = excluded.to_sample",
    )?
    .execute((leg.0, from as i64, to.map(|to| to as i64)))?;
    Ok(())
}

/// A call is as long as its longest leg reaches, and as fresh as its last frame.
fn grow_call(db: &Connection, leg: i64) -> rusqlite::Result<()> {
    db.prepare_cached(
        "UPDATE call
         SET audio_ms = max(call.audio_ms, leg.offset_ms + leg.samples * 1000 / leg.rate_hz),
             last_activity_ms = max(call.last_activity_ms, coalesce(leg.last_audio_ms, 0))
         FROM leg
         WHERE leg.id = ?1 AND call.id = leg.call",
    )?
    .execute([leg])?;
    Ok(())
}

pub(super) fn utterance_found(db: &Connection, utterance: &NewUtterance) -> rusqlite::Result<()> {
    db.prepare_cached(
        "INSERT INTO utterance (id, call, leg, start_sample, end_sample, start_ms, end_ms, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
         ON CONFLICT (leg, start_sample) DO NOTHING",
    )?
    .execute((
        utterance.key.0,
        utterance.call.0,
        utterance.leg.0,
        utterance.start_sample as i64,
        utterance.end_sample as i64,
        utterance.start.0,
        utterance.end.0,
        word(utterance.state),
    ))?;
    Ok(())
}

pub(super) fn add_segments(
    db: &Connection,
    utterance: UtteranceKey,
    segments: &[NewSegment],
    at: WallTime,
) -> rusqlite::Result<()> {
    let json = |value: serde_json::Result<String>| {
        value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
    };
    for segment in segments {
        // The row tells the call and the leg: a merge may have moved them since the utterance was found.
        db.prepare_cached(
            "INSERT INTO segment
             (call, leg, utterance, start_ms, end_ms, text, confidence, language, words, compound, pos, neu, neg, label, keywords, profanity,
              sender_sentiment)
             SELECT call, leg, id, :start, :end, :text, :confidence, :language, :words, :compound, :pos, :neu, :neg, :label, :keywords, :profanity,
              :sender
             FROM utterance
             WHERE id = :utterance",
        )?
        .execute(named_params! {
            ":utterance": utterance.0, ":start": segment.start.0, ":end": segment.end.0, ":text": segment.text,
            ":confidence": segment.confidence, ":language": segment.language, ":words": json(serde_json::to_string(&segment.words))?,
            ":compound": segment.compound.unwrap_or_default(), ":pos": segment.pos, ":neu": segment.neu, ":neg": segment.neg, ":label": segment.label,
            ":keywords": json(serde_json::to_string(&segment.keywords))?, ":profanity": json(serde_json::to_string(&segment.profanity))?,
            ":sender": segment.sender_sentiment,
        })?;
    }
    db.prepare_cached(
        "UPDATE call
         SET last_activity_ms = max(last_activity_ms, ?2)
         WHERE id = (SELECT call FROM utterance WHERE id = ?1)",
    )?
    .execute((utterance.0, at.0))?;
    Ok(())
}

fn add_event(db: &Connection, event: &NewEvent) -> rusqlite::Result<StoredEvent> {
    let (kind, payload) = (event.message.kind(), event.message.json());
    db.prepare_cached("INSERT INTO event (call, kind, at_ms, payload) VALUES (?1, ?2, ?3, ?4)")?.execute((
        event.call.map(|call| call.0),
        kind,
        event.at.0,
        &payload,
    ))?;
    Ok(StoredEvent { id: db.last_insert_rowid(), call: event.call, kind: kind.into(), payload: payload.into() })
}
