//! Audio of other platforms' calls: chunks in base64, and the last minutes of a call as a WAV.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;

use super::fields::Fields;
use super::parts::Platforms;
use super::refusal::PlatformRefusal;
use crate::api::access::grant::Access;
use crate::api::audio::leg::all_heard;
use crate::api::audio::sound::Mix;
use crate::api::request::{ApiError, Parameters};
use crate::audio::format::Encoding;
use crate::audio::reader::RecordingReader;
use crate::audio::silence::Silences;
use crate::audio::wav;
use crate::call::{CallState, Leg};
use crate::contract::platform::{LiveAudio, LiveAudioMeta, SoundSource};
use crate::contract::seconds;
use crate::priority;
use crate::store::calls::{CallRow, LegRow};

/// Bytes of audio in one chunk at most.
const DECODED: usize = 2_000_000;
/// Length of the audio of a running call that is played, counted back from now, seconds.
const WINDOW_S: i64 = 300;

/// Sound of a chunk.
pub(super) struct Sound {
    rate_hz: u32,
    channels: u16,
    samples: Vec<i16>,
}

impl Sound {
    /// Samples per second.
    pub(super) fn rate_hz(&self) -> u32 {
        self.rate_hz
    }

    /// One side per channel: with two channels, the first is the customer's and the second the agent's, as Genesys orders them.
    pub(super) fn sides(self, leg: Leg) -> Vec<(Leg, Vec<i16>)> {
        if self.channels == 1 {
            return vec![(leg, self.samples)];
        }
        let channel = |number: usize| self.samples.iter().skip(number).step_by(2).copied().collect();
        vec![(Leg::Caller, channel(0)), (Leg::Agent, channel(1))]
    }
}

/// The sound of a chunk; `None` when it has none.
pub(super) fn decode(fields: &Fields) -> Result<Option<Sound>, PlatformRefusal> {
    let bad = |text: String| PlatformRefusal::Bad(format!("audio_b64: {text}"));
    let Some(value) = fields.map.get("audio_b64").filter(|value| !value.is_null()) else { return Ok(None) };
    let text = value.as_str().ok_or_else(|| bad("a text is wanted".into()))?.trim();
    let bytes =
        base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| bad(format!("no base64: {error}")))?;
    if bytes.len() > DECODED {
        return Err(bad(format!("{} bytes of sound; at most {DECODED} in one chunk", bytes.len())));
    }
    if bytes.is_empty() {
        return Ok(None);
    }
    let encoding = fields.text("audio_encoding", 20)?.unwrap_or_else(|| "pcm_s16le".into());
    let (rate_hz, channels, data) = match encoding.to_lowercase().as_str() {
        "pcm_s16le" => {
            let rate_hz = fields.number("sample_rate", 8000.0, 48_000.0)?.unwrap_or(16_000.0) as u32;
            (rate_hz, fields.number("channels", 1.0, 2.0)?.unwrap_or(1.0) as u16, &bytes[..])
        }
        "wav" => {
            let layout = wav::parse(&bytes, |place| {
                let from = usize::try_from(place).unwrap_or(usize::MAX).min(bytes.len());
                bytes[from..bytes.len().min(from.saturating_add(8))].to_vec()
            })
            .map_err(|error| bad(error.to_string()))?;
            if layout.encoding != Encoding::S16
                || !(1..=2).contains(&layout.channels)
                || !(8000..=48_000).contains(&layout.rate_hz)
            {
                return Err(bad("a WAV of 16-bit PCM, one or two channels, 8000 to 48000 Hz is wanted".into()));
            }
            let from = usize::try_from(layout.data_offset).unwrap_or(usize::MAX).min(bytes.len());
            let length = layout.data_len.map_or(bytes.len() - from, |length| {
                usize::try_from(length).unwrap_or(usize::MAX).min(bytes.len() - from)
            });
            (layout.rate_hz, layout.channels, &bytes[from..from + length])
        }
        other => return Err(PlatformRefusal::Bad(format!("audio_encoding {other:?} is not pcm_s16le or wav"))),
    };
    if !data.len().is_multiple_of(2 * usize::from(channels)) {
        return Err(bad(format!("{} bytes are not whole 16-bit samples of {channels} channels", data.len())));
    }
    let samples = data.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect();
    Ok(Some(Sound { rate_hz, channels, samples }))
}

/// The answer for a call without audio.
pub(super) fn none(id: &str) -> LiveAudio {
    LiveAudio {
        call_id: id.to_owned(),
        available: false,
        duration_seconds: 0.0,
        sample_rate: None,
        channels: None,
        sample_width: None,
        chunk_count: 0,
        updated_at: None,
        last_chunk_id: String::new(),
        window_seconds: WINDOW_S,
    }
}

/// Legs with audio of at least this many samples, all at one rate.
async fn sounding(platforms: &Platforms, call: &CallRow, samples: i64) -> Result<Vec<LegRow>, ApiError> {
    let mut legs = platforms.sounds.store.legs(call.key).await?;
    legs.retain(|leg| leg.has_sound() && leg.samples >= samples);
    let rate_hz = legs.last().map(|leg| leg.rate_hz);
    legs.retain(|leg| Some(leg.rate_hz) == rate_hz);
    Ok(legs)
}

pub(super) async fn meta_of(platforms: &Platforms, call: &CallRow) -> Result<LiveAudio, ApiError> {
    // A chunk that was taken is there, though its row may tell of its samples a moment later.
    let legs = sounding(platforms, call, i64::from(call.audio_chunks == 0)).await?;
    let chunks = call.audio_chunks;
    let last_chunk_id = if chunks > 0 { format!("{}_{chunks}", call.last_activity.0) } else { String::new() };
    let silent = LiveAudio { chunk_count: chunks, last_chunk_id, ..none(&call.call_id) };
    let Some(last) = legs.last() else { return Ok(silent) };
    let end = |leg: &LegRow| leg.offset_ms + leg.samples * 1000 / i64::from(leg.rate_hz.max(1));
    Ok(LiveAudio {
        available: true,
        duration_seconds: seconds(legs.iter().map(end).max().unwrap_or(0).min(WINDOW_S * 1000)),
        sample_rate: Some(last.rate_hz),
        channels: Some(1),
        sample_width: Some(2),
        updated_at: Some(call.last_activity.rfc3339()),
        ..silent
    })
}

/// `GET /api/realtime/calls/{id}/audio/meta`
pub(super) async fn meta(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
) -> Result<Json<LiveAudioMeta>, PlatformRefusal> {
    let (live, audio) = match access.call(&platforms.sounds.store, &id).await? {
        Some(call) => (call.state == CallState::Active, meta_of(&platforms, &call).await?),
        None => (false, none(&id)),
    };
    let prefer = match (live, audio.available) {
        (_, false) => SoundSource::None,
        (true, true) => SoundSource::Live,
        (false, true) => SoundSource::Recorded,
    };
    Ok(Json(LiveAudioMeta { ok: true, call_id: id, live_audio: audio, preferred_source: prefer }))
}

/// `GET /api/realtime/calls/{id}/audio`: the last minutes of a running call, all sides together; `fallback=1` plays one that is over too.
pub(super) async fn audio(
    State(platforms): State<Platforms>,
    access: Access,
    Path(id): Path<String>,
    query: Parameters,
) -> Result<Response, PlatformRefusal> {
    let nothing = || ApiError::NotFound("no live audio, and no recorded one to fall back to".into());
    let fallback = query.flag("fallback")?.unwrap_or(false);
    let call = access.call(&platforms.sounds.store, &id).await?.ok_or_else(nothing)?;
    if call.state != CallState::Active && !fallback {
        return Err(PlatformRefusal::Api(ApiError::NotFound(
            "the call is over; ?fallback=1 plays what was recorded of it".into(),
        )));
    }
    let legs = sounding(&platforms, &call, 1).await?;
    if legs.is_empty() {
        return Err(nothing().into());
    }
    let sounding = all_heard(&platforms.sounds, legs).await?;
    let mix = priority::aside(move || window(sounding))
        .await
        .map_err(|error| ApiError::Unavailable(error.to_string()))?
        .map_err(|problem| ApiError::NotFound(format!("the sound of this call cannot be had: {problem}")))?;
    let length = mix.wav_len().to_string();
    let headers =
        [(header::CONTENT_TYPE, "audio/wav"), (header::CACHE_CONTROL, "no-store"), (header::CONTENT_LENGTH, &length)];
    Ok((headers, mix.into_body()).into_response())
}

/// All legs together on the call's clock, the last part of it. Blocks.
fn window(legs: Vec<(LegRow, Silences)>) -> Result<Mix, String> {
    let rate_hz = legs[0].0.rate_hz;
    let offset = |leg: &LegRow| leg.offset_ms * i64::from(rate_hz) / 1000;
    let end = legs.iter().map(|(leg, _)| offset(leg) + leg.samples).max().unwrap_or(0);
    let from = (end - WINDOW_S * i64::from(rate_hz)).max(0);
    let mut mix = Mix::new(rate_hz, (end - from) as usize);
    for (leg, silences) in legs {
        let reader = RecordingReader::open(std::path::Path::new(&leg.path)).map_err(|error| error.to_string())?;
        let first = from - offset(&leg);
        mix.add(&leg, silences, reader, first);
    }
    Ok(mix)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_call_without_sound_is_told_in_the_fields_that_connectors_read() {
        let none_of = json!({
            "call_id": "c.1", "available": false, "duration_seconds": 0.0, "sample_rate": null, "channels": null, "sample_width": null,
            "chunk_count": 0, "updated_at": null, "last_chunk_id": "", "window_seconds": 300,
        });
        assert_eq!(serde_json::to_value(none("c.1")).expect("JSON"), none_of);
        let meta = LiveAudioMeta {
            ok: true,
            call_id: "c.1".into(),
            live_audio: none("c.1"),
            preferred_source: SoundSource::None,
        };
        let wanted = json!({"ok": true, "call_id": "c.1", "live_audio": none_of, "preferred_source": "none"});
        assert_eq!(serde_json::to_value(meta).expect("JSON"), wanted);
    }
}
