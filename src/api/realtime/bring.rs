//! Takes calls of other platforms: `POST /api/realtime/events` and `/audio/chunk`.

use axum::Json;
use axum::extract::State;
use serde_json::Value;
use tokio::sync::oneshot;

use super::fields::{Body, Fields};
use super::parts::Platforms;
use super::refusal::PlatformRefusal;
use super::shown::{ALERTS, platform_alert};
use super::{audio, read};
use crate::api::access::grant::Access;
use crate::api::access::route::{OPERATE, READ};
use crate::api::request::ApiError;
use crate::call::{CallId, Source, WallTime};
use crate::contract::platform::{ChunkTaken, EventTaken};
use crate::pipeline::live::ingest::{IngestError, IngestRequest, Input, Sender};
use crate::store::alerts::AlertFilter;

/// Texts of one chunk at most.
const SEGMENTS: usize = 100;

/// Hands something over and waits until it is kept.
async fn hand_over(platforms: &Platforms, sender: Sender, input: Input) -> Result<(), PlatformRefusal> {
    let stopping = || ApiError::Unavailable("the daemon is stopping".into());
    let (reply, answer) = oneshot::channel();
    platforms.inlet.requests.send(IngestRequest { sender, input, reply }).await.map_err(|_| stopping())?;
    match answer.await.map_err(|_| stopping())? {
        Ok(()) => {
            platforms.sounds.store.writer().commit(Vec::new()).await?;
            Ok(())
        }
        Err(error @ (IngestError::TooMany | IngestError::Ended | IngestError::Legs)) => {
            Err(PlatformRefusal::Bad(error.to_string()))
        }
        Err(error) => Err(PlatformRefusal::Api(ApiError::Unavailable(error.to_string()))),
    }
}

/// Refuses what a token that only brings in calls sends into a call of the PBX, or of somebody's upload.
async fn is_theirs(platforms: &Platforms, access: &Access, call: &CallId) -> Result<(), PlatformRefusal> {
    if access.may(OPERATE) {
        return Ok(());
    }
    match platforms.sounds.store.call(call.as_str()).await? {
        Some(row) if row.source != Source::Ingest => Err(PlatformRefusal::Bad(format!(
            "call_id: {call} is a call that was heard here ({}): only a token that may operate writes into it",
            row.source
        ))),
        _ => Ok(()),
    }
}

/// `POST /api/realtime/events`
pub(super) async fn events(
    State(platforms): State<Platforms>,
    access: Access,
    body: Body,
) -> Result<Json<EventTaken>, PlatformRefusal> {
    let mut fields = Fields::read(body)?;
    let now = platforms.sounds.clock.now();
    let sender = fields.sender(now)?;
    is_theirs(&platforms, &access, &sender.call).await?;
    let text = fields.said("text")?;
    let silence_ms = fields
        .map
        .get("metadata")
        .and_then(|metadata| metadata["metrics"]["dead_air_seconds"].as_f64())
        .filter(|seconds| (0.0..=86_400.0).contains(seconds))
        .map(|seconds| (seconds * 1000.0) as i64);
    let over = fields.is_over()?;
    let known = platforms.inlet_knows(&sender.call).await?;
    if let Some(text) = text {
        hand_over(&platforms, sender.clone(), Input::Text(text)).await?;
    }
    if silence_ms.is_some() || (!over && !known) {
        hand_over(&platforms, sender.clone(), Input::Sign { silence_ms }).await?;
    }
    if over {
        hand_over(&platforms, sender.clone(), Input::End).await?;
    }
    Ok(Json(answer(&platforms, &access, &sender.call, now, fields.warnings).await?))
}

/// `POST /api/realtime/audio/chunk`
pub(super) async fn chunk(
    State(platforms): State<Platforms>,
    access: Access,
    body: Body,
) -> Result<Json<ChunkTaken>, PlatformRefusal> {
    let mut fields = Fields::read(body)?;
    let now = platforms.sounds.clock.now();
    let sender = fields.sender(now)?;
    is_theirs(&platforms, &access, &sender.call).await?;
    let mut texts = Vec::new();
    if let Some(segments) = fields.map.remove("transcript_segments").filter(|value| !value.is_null()) {
        let Value::Array(segments) = segments else {
            return Err(PlatformRefusal::Bad("transcript_segments: a list is wanted".into()));
        };
        if segments.len() > SEGMENTS {
            return Err(PlatformRefusal::Bad(format!("transcript_segments: at most {SEGMENTS} in one chunk")));
        }
        for segment in segments {
            let mut map = match segment {
                Value::Object(map) => map,
                Value::String(text) => serde_json::Map::from_iter([("text".to_owned(), Value::String(text))]),
                _ => return Err(PlatformRefusal::Bad("transcript_segments: objects with a text are wanted".into())),
            };
            for key in ["speaker", "timestamp", "language"] {
                if let Some(value) = fields.map.get(key) {
                    map.entry(key).or_insert_with(|| value.clone());
                }
            }
            let mut fields = Fields { map, warnings: std::mem::take(&mut fields.warnings) };
            let mut sender = sender.clone();
            (sender.leg, sender.at) = (fields.leg()?, fields.time(now)?);
            let text = match fields.said("text")? {
                Some(text) => Some(text),
                None => fields.said("transcript")?,
            };
            texts.extend(text.map(|text| (sender, text)));
        }
    } else if let Some(text) = fields.said("transcript")? {
        texts.push((sender.clone(), text));
    }
    let sound = audio::decode(&fields)?;
    if sound.is_none() && texts.is_empty() {
        return Err(PlatformRefusal::Bad("audio_b64 is missing, and there is no transcript either".into()));
    }
    // Nothing of a chunk is stored before all of it was parsed.
    if let Some(sound) = sound {
        let (rate_hz, alone) = (sound.rate_hz(), texts.is_empty());
        let sides = sound.sides(sender.leg);
        hand_over(&platforms, sender.clone(), Input::Audio { rate_hz, sides, alone }).await?;
    }
    let ingested = texts.len().max(1); // sound alone is an event too: the call goes on
    for (sender, text) in texts {
        hand_over(&platforms, sender, Input::Text(text)).await?;
    }
    if fields.is_over()? {
        hand_over(&platforms, sender.clone(), Input::End).await?;
    }
    let taken = answer(&platforms, &access, &sender.call, now, fields.warnings).await?;
    Ok(Json(ChunkTaken { audio: taken.snapshot.live_audio.clone(), taken, ingested_events: ingested }))
}

/// The answer of both: the state of the call, and the alerts since the request came. A token that may only send calls in sees no others.
async fn answer(
    platforms: &Platforms,
    access: &Access,
    call: &CallId,
    since: WallTime,
    warnings: Vec<String>,
) -> Result<EventTaken, PlatformRefusal> {
    let row = platforms.sounds.store.call(call.as_str()).await?;
    let row = row.filter(|row| access.may(READ) || row.source == Source::Ingest);
    let snapshot = read::snapshot_of(platforms, call.as_str(), row.as_ref()).await?;
    let alerts = match row {
        Some(row) => {
            let filter =
                AlertFilter { call: Some(row.key), since: Some(since), limit: ALERTS, ..AlertFilter::default() };
            platforms.sounds.store.alerts(filter).await?.iter().rev().map(platform_alert).collect()
        }
        None => Vec::new(),
    };
    Ok(EventTaken {
        ok: true,
        call_id: call.to_string(),
        risk_score: snapshot.risk_score,
        sentiment_score: snapshot.sentiment_score,
        alerts,
        snapshot,
        warnings,
    })
}
